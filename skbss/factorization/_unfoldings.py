"""Iterations that can be trained as layers, by name."""

from skbss._kernels.unfolded_multiplicative import Multiplicative
from skbss.factorization._rules import step_rule


def unfolding_of(name, beta):
    """What the layers do.

    Parameters
    ----------
    name : {"mu"}
        Of the iteration.
    beta : float
        Of the divergence.

    Returns
    -------
    unfolding : Unfolding
    """
    return Multiplicative(step_rule("mu", beta, quadratic=False))
