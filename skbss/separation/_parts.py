"""The parts that estimators are made of, where they are left to their defaults."""

from sklearn.base import BaseEstimator

from skbss.frontend import STFT
from skbss.frontend._framing import Framing, resolve_framing


def resolve_front_end(stft) -> Framing:
    """The frames of a front end from which the waveforms can be had back.

    Parameters
    ----------
    stft : STFT or None
        None is ``STFT()``.

    Returns
    -------
    framing : Framing

    Raises
    ------
    TypeError, ValueError
        If it is something else, a parameter of it is not allowed, or there is no inverse.
    """
    stft = STFT() if stft is None else stft
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
