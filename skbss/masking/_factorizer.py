"""What a mask asks of the factorization that it is made from."""

import numbers

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import has_fit_parameter

from skbss.factorization._recordings import as_product

SPECTRA = ("auto", "magnitude", "power")


def check_factorizer(factorizer, n_sources, *, may_be_trained=False):
    """Refuse what can not factorize, or has fewer atoms than there shall be sources.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    n_sources : int or None
        Number of sources.
    may_be_trained : bool, default=False
        Whether it may be one that is trained with the sources of mixtures.
    """
    wanted = ("fit_transform", "transform", "get_params")
    if isinstance(factorizer, type) or not all(hasattr(factorizer, name) for name in wanted):
        raise TypeError(
            "factorizer must be an estimator of a non-negative matrix, such as BetaNMF(), got "
            f"{factorizer!r}."
        )
    if getattr(factorizer, "takes_frames", False):
        raise TypeError(
            f"factorizer must be an estimator of a spectrogram, got {type(factorizer).__name__}, "
            "which takes frames of waveforms: fit and predict with those."
        )
    if get_tags(factorizer).target_tags.required and not may_be_trained:
        raise TypeError(
            f"{type(factorizer).__name__} is trained with mixtures and their sources: use it as "
            "the factorizer of a Separator, and pass both to fit."
        )
    if n_sources is None:
        return
    if isinstance(n_sources, bool) or not isinstance(n_sources, numbers.Integral):
        raise TypeError(f"n_sources must be an instance of int or None, got {n_sources!r}.")
    if n_sources < 1:
        raise ValueError(f"n_sources must be at least 1, got {n_sources}.")
    n_components = getattr(factorizer, "n_components", None)
    if isinstance(n_components, numbers.Integral):
        check_enough_atoms(int(n_components), int(n_sources))


def check_parents(factorizer, grouping, n_sources):
    """Refuse to group atoms by what they are a part of where nothing tells, or tells otherwise.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    grouping : str, clusterer or array
        As `WienerMask` describes it.
    n_sources : int or None
        Number of sources.
    """
    if not (isinstance(grouping, str) and grouping == "parents"):
        return
    parameters = factorizer.get_params(deep=False)
    if "level" not in parameters:
        raise TypeError(
            "grouping='parents' needs a factorizer of several levels, such as MultilayerNMF, got "
            f"{type(factorizer).__name__}."
        )
    given = parameters["n_components"]
    last = given if isinstance(given, str) else np.ravel(given)[-1:]
    if n_sources is not None and not np.array_equal(last, [n_sources]):
        raise ValueError(
            f"n_sources={n_sources} must be the number of components of the last level for "
            f"grouping='parents', with which n_components has to end; got n_components={given!r}."
        )


def check_same_sample_rate(factorizer, sample_rate):
    """Refuse a factorizer that was told of another sample rate than what it is a part of.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    sample_rate : float or None
        In Hz; None where it is not known.
    """
    own = factorizer.get_params(deep=False).get("sample_rate")
    if own is not None and sample_rate is not None and own != sample_rate:
        raise ValueError(
            f"sample_rate={own} of {type(factorizer).__name__} must be the sample_rate="
            f"{sample_rate} of the recordings."
        )


def check_enough_atoms(n_components, n_sources):
    """Refuse more sources than atoms.

    Parameters
    ----------
    n_components : int
        Number of atoms.
    n_sources : int
        Number of sources.
    """
    if n_sources > n_components:
        raise ValueError(
            f"n_sources={n_sources} must not exceed n_components={n_components} of the "
            "factorizer: every source needs an atom."
        )


def told_apart(factorizer, lengths):
    """What tells a factorizer which rows hang together, if it asks.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    lengths : sequence of int
        Numbers of rows of the recordings that lie below each other.

    Returns
    -------
    arguments : dict
        For its ``fit_transform`` and ``transform``.
    """
    return {"lengths": lengths} if has_fit_parameter(factorizer, "lengths") else {}


def hears_frames_alone(factorizer):
    """Whether what a factorizer finds in a frame depends on no other one.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix, with components.
    """
    asks = has_fit_parameter(factorizer, "lengths")
    return bool(getattr(factorizer, "hears_frames_alone", not asks))


def frames_of_atoms(labels, W, H, lengths):
    """A model whose atoms last for one frame each, to make masks from.

    Parameters
    ----------
    labels : ndarray of shape (n_components,)
        The source of every atom.
    W : array of shape (n_frames, n_components)
        Activations.
    H : array of shape (n_components, [template_length,] n_freqs)
        Atoms.
    lengths : sequence of int
        Numbers of rows of the recordings that lie below each other in W.

    Returns
    -------
    labels, W, H : arrays
        The same for every frame of the atoms.
    """
    W, H_of_frames = as_product(W, H, lengths)
    return np.repeat(labels, len(H_of_frames) // len(H)), W, H_of_frames


def check_non_negative_model(factorizer, W):
    """Refuse what a mask can not be made from.

    Parameters
    ----------
    factorizer : estimator
        Fitted.
    W : array of shape (n_frames, n_components)
        Its activations.
    """
    if bool((W < 0).any()) or bool((factorizer.components_ < 0).any()):
        raise ValueError(
            f"factorizer={factorizer!r} found negative atoms or activations, which can not be "
            "shares of a mixture: use one into non-negative factors, such as BetaNMF()."
        )


def seeded_clone(factorizer, random_state):
    """A clone that draws its seed from `random_state`, unless it has one of its own.

    Where nothing was said about randomness it is left alone: it would be another one every time.

    Parameters
    ----------
    factorizer : estimator
        What to clone.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    factorizer : estimator
        Unfitted.
    """
    factorizer = clone(factorizer)
    given = random_state is not check_random_state(None)
    if given and factorizer.get_params(deep=False).get("random_state", 0) is None:
        factorizer.set_params(random_state=random_state.randint(np.iinfo(np.int32).max))
    return factorizer


def spectrum_exponent(spectrum, factorizer):
    """The power of the magnitude that is factorized.

    Parameters
    ----------
    spectrum : {"auto", "magnitude", "power"} or float
        "auto" is power for the divergence of Itakura and Saito, else magnitude.
    factorizer : estimator
        Whose divergence decides.

    Returns
    -------
    exponent : float
        1 for magnitudes, 2 for powers.
    """
    if isinstance(spectrum, numbers.Real) and not isinstance(spectrum, bool | np.bool_):
        if 0 < float(spectrum) < np.inf:
            return float(spectrum)
    elif isinstance(spectrum, str) and spectrum in SPECTRA:
        if spectrum == "auto":
            beta = getattr(factorizer, "beta_loss", None)
            is_power = beta == "itakura-saito" or (isinstance(beta, numbers.Real) and beta == 0)
            return 2.0 if is_power else 1.0
        return 2.0 if spectrum == "power" else 1.0
    raise ValueError(
        "spectrum must be 'auto', 'magnitude' or 'power', or a number above 0, the exponent of the "
        f"magnitude; got {spectrum!r}."
    )


def check_mask_exponent(mask_exponent):
    """Refuse an exponent that makes no mask.

    Parameters
    ----------
    mask_exponent : float
        Positive, infinity allowed.
    """
    if isinstance(mask_exponent, bool) or not isinstance(mask_exponent, numbers.Real):
        raise TypeError(f"mask_exponent must be an instance of float, got {mask_exponent!r}.")
    if not float(mask_exponent) > 0:
        raise ValueError(
            f"mask_exponent must be positive (infinity for a binary mask), got {mask_exponent}."
        )
