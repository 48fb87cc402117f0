"""The methods that ``--method`` names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skbss.cli._errors import CommandError

if TYPE_CHECKING:
    from skbss.cli._settings import Settings

# Options of all methods that factorize a spectrogram, and what they are where nobody says; None
# where the recording decides.
_SPECTRAL = {
    "n_sources": 2,
    "n_fft": None,
    "hop_length": None,
    "window": "hann",
    "grouping": "auto",
    "mask_exponent": 1.0,
    "max_iter": 200,
}
_LEARNED = {"n_components": 24, **_SPECTRAL}
_UNMIXING = {"n_sources": None, "n_fft": None, "max_iter": 200}
_STRUCTURE = {"smoothness": 0.1, "orthogonality": 0.0, "group_sparsity": 0.0, "volume": 0.0}
_PITCHED = {"pitches": None, "free_components": 0}


@dataclass(frozen=True)
class Method:
    """A way to separate a recording.

    Attributes
    ----------
    summary : str
        What it is, in a few words.
    factorizer : callable (settings, sample_rate) -> estimator, or None
        Makes the factorizer of a `skbss.Separator`; None for what unmixes channels instead.
    spectrum : str
        What it factorizes, "magnitude" or "power".
    takes : mapping of str to value
        The fields of `Settings` that it takes, with their defaults.
    in_blocks : bool
        Whether it learns from a recording block by block, however long it is.
    """

    summary: str
    factorizer: Callable[["Settings", int], Any] | None
    spectrum: str = "magnitude"
    takes: Mapping[str, Any] = field(default_factory=lambda: _LEARNED)
    in_blocks: bool = False


def _factorizer(
    name: str, beta_loss: str, *options: str, **start: Any
) -> Callable[["Settings", int], Any]:
    def factorizer(settings: "Settings", sample_rate: int) -> Any:
        import skbss

        return getattr(skbss, name)(
            settings.n_components,
            **start,
            **{option: getattr(settings, option) for option in options},
            beta_loss=beta_loss,
            max_iter=settings.max_iter,
            random_state=settings.seed,
        )

    return factorizer


def _harmonic(settings: "Settings", sample_rate: int) -> Any:
    import skbss

    return skbss.HarmonicNMF(
        settings.pitch_range(),
        n_free_components=settings.free_components,
        sample_rate=sample_rate,
        n_fft=settings.n_fft,
        window=settings.window,
        max_iter=settings.max_iter,
        random_state=settings.seed,
    )


def _growing(settings: "Settings", sample_rate: int) -> Any:
    import skbss

    return skbss.GrowingNMF(
        settings.n_components,
        # Every source needs a template.
        n_components_min=settings.n_sources,
        beta_loss="kullback-leibler",
        max_iter=settings.max_iter,
        random_state=settings.seed,
    )


def _multilayer(settings: "Settings", sample_rate: int) -> Any:
    import skbss

    n_components, n_sources = settings.n_components, settings.n_sources
    assert n_components is not None, "unresolved"
    assert n_sources is not None, "unresolved"
    return skbss.MultilayerNMF(
        [n_components, n_sources] if n_components > n_sources else n_components,
        beta_loss="kullback-leibler",
        init="random",
        max_iter=settings.max_iter,
        random_state=settings.seed,
    )


METHODS = {
    "nmf": Method(
        "NMF, Kullback-Leibler divergence",
        _factorizer("BetaNMF", "kullback-leibler", init="random"),
    ),
    "is-nmf": Method(
        "NMF, Itakura-Saito divergence",
        _factorizer("BetaNMF", "itakura-saito", init="random"),
        "power",
    ),
    "euclidean-nmf": Method(
        "NMF, squared Euclidean distance",
        _factorizer("BetaNMF", "frobenius", init="random"),
    ),
    "minibatch-nmf": Method(
        "NMF that learns from a part of the frames at a time, Kullback-Leibler divergence",
        _factorizer("MiniBatchBetaNMF", "kullback-leibler", init="random"),
        takes=_LEARNED | {"max_iter": 30},
        in_blocks=True,
    ),
    "sparse-nmf": Method(
        "NMF with sparse activations, Kullback-Leibler divergence",
        _factorizer("SparseNMF", "kullback-leibler", "sparsity", init="random"),
        takes=_LEARNED | {"sparsity": 0.3},
    ),
    "structured-nmf": Method(
        "NMF with smooth activations or other structure, Kullback-Leibler divergence",
        _factorizer("StructuredNMF", "kullback-leibler", *_STRUCTURE, init="random"),
        takes=_LEARNED | _STRUCTURE,
    ),
    "orthogonal-nmf": Method(
        "NMF with every frequency in one template only, Kullback-Leibler divergence",
        _factorizer("OrthogonalNMF", "kullback-leibler", n_init=10),
    ),
    "harmonic-nmf": Method(
        "NMF into the spectra of pitches, Kullback-Leibler divergence",
        _harmonic,
        takes=_SPECTRAL | _PITCHED,
    ),
    "conv-nmf": Method(
        "NMF with templates of eight frames, Kullback-Leibler divergence",
        _factorizer("ConvNMF", "kullback-leibler", "sparsity"),
        takes=_LEARNED | {"sparsity": 0.3},
    ),
    "esad-nmf": Method(
        "NMF from a sparse adaptive decomposition on, Kullback-Leibler divergence",
        _factorizer("ESADNMF", "kullback-leibler"),
    ),
    "ard-nmf": Method(
        "NMF with as many templates as the sound asks for, Kullback-Leibler divergence",
        _factorizer("ARDNMF", "kullback-leibler", prune=False),
    ),
    "growing-nmf": Method(
        "NMF that adds templates while each explains 2 % more, Kullback-Leibler divergence",
        _growing,
    ),
    "multilayer-nmf": Method(
        "NMF of two levels: templates, and what they are parts of, Kullback-Leibler divergence",
        _multilayer,
        takes=_LEARNED | {"grouping": "parents"},
    ),
    "esad": Method(
        "unmixing of several microphones by sparse adaptive decomposition",
        None,
        takes=_UNMIXING,
    ),
}


def find_method(name: str) -> Method:
    """The method of that name.

    Raises
    ------
    CommandError
        If there is none.
    """
    if name == "exemplar-nmf":
        raise CommandError(
            "--method exemplar-nmf would need a recording of every source by itself, which this "
            "command does not take; in Python use skbss.Separator(skbss.ExemplarNMF())."
        )
    if name not in METHODS:
        raise CommandError(f"--method must be one of {', '.join(METHODS)}, got '{name}'.")
    return METHODS[name]
