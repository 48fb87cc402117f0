"""The methods that ``--method`` names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skbss.cli._errors import CommandError


@dataclass(frozen=True)
class Method:
    """A way to factorize a spectrogram.

    Attributes
    ----------
    summary : str
        What it is, in a few words.
    factorizer : callable (n_components, max_iter, random_state) -> estimator
        Makes the factorizer of a `skbss.Separator`.
    spectrum : str
        What it factorizes, "magnitude" or "power".
    """

    summary: str
    factorizer: Callable[[int, int, int], Any]
    spectrum: str = "magnitude"


def _factorizer(name: str, beta_loss: str, **start: Any) -> Callable[[int, int, int], Any]:
    def factorizer(n_components: int, max_iter: int, random_state: int) -> Any:
        import skbss

        return getattr(skbss, name)(
            n_components,
            **start,
            beta_loss=beta_loss,
            max_iter=max_iter,
            random_state=random_state,
        )

    return factorizer


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
    "sparse-nmf": Method(
        "NMF with sparse activations, Kullback-Leibler divergence",
        _factorizer("SparseNMF", "kullback-leibler", init="random"),
    ),
    "conv-nmf": Method(
        "NMF with templates of eight frames, Kullback-Leibler divergence",
        _factorizer("ConvNMF", "kullback-leibler"),
    ),
    "esad-nmf": Method(
        "NMF from a sparse adaptive decomposition on, Kullback-Leibler divergence",
        _factorizer("ESADNMF", "kullback-leibler"),
    ),
    "ard-nmf": Method(
        "NMF with as many templates as the sound asks for, Kullback-Leibler divergence",
        _factorizer("ARDNMF", "kullback-leibler", prune=False),
    ),
}


def find_method(name: str) -> Method:
    """The method of that name.

    Raises
    ------
    CommandError
        If there is none.
    """
    if name not in METHODS:
        raise CommandError(f"--method must be one of {', '.join(METHODS)}, got '{name}'.")
    return METHODS[name]
