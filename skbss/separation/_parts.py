"""The parts that estimators are made of, where they are left to their defaults."""

from sklearn.base import BaseEstimator

from skbss.frontend import STFT
from skbss.frontend._frame_length import usual_n_fft
from skbss.frontend._framing import Framing, resolve_framing


def usual_front_end(sample_rate) -> STFT:
    """The front end where none is given.

    Parameters
    ----------
    sample_rate : float or None
        In Hz.

    Returns
    -------
    stft : STFT
        With frames of about 46 ms; that of librosa if the sample rate is not known.
    """
    return STFT() if sample_rate is None else STFT(usual_n_fft(sample_rate))


def resolve_front_end(stft, sample_rate=None) -> Framing:
    """The frames of a front end from which the waveforms can be had back.

    Parameters
    ----------
    stft : STFT or None
        None is the usual one.
    sample_rate : float or None
        In Hz.

    Returns
    -------
    framing : Framing

    Raises
    ------
    TypeError, ValueError
        If it is something else, a parameter of it is not allowed, or there is no inverse.
    """
    stft = usual_front_end(sample_rate) if stft is None else stft
    if not isinstance(stft, STFT):
        raise TypeError(f"stft must be an STFT, got {stft!r}.")
    framing = resolve_framing(stft)
    framing.check_invertible()
    return framing


class FrontEndMixin(BaseEstimator):
    """Parameters of a front end that was left to its default."""

    def set_params(self, **params):
        """Set parameters of the estimator and, as ``stft__…``, of its front end.

        Parameters
        ----------
        **params : dict
            As everywhere in scikit-learn; a front end that was left to its default comes into
            being with the first parameter that is set on it.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        return super().set_params(**with_made_parts(self, params, stft=STFT))


def with_made_parts(estimator, params, **makers):
    """Parameters to set, with the parts that have to come into being for them.

    Parameters
    ----------
    estimator : estimator
        Whose parameters are set.
    params : dict
        By name; ``part__name`` is a parameter of a part.
    **makers : callable
        What makes the default of every part.

    Returns
    -------
    params : dict
        With a part of its own where it was left to its default and a parameter of it is set.
    """
    made = dict(params)
    for name, make in makers.items():
        is_nested = any(key.startswith(f"{name}__") for key in params)
        if is_nested and params.get(name, getattr(estimator, name)) is None:
            made[name] = make()
    return made
