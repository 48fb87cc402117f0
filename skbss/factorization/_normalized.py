"""Sparse activations of components of norm one."""

from numbers import Real
from typing import Literal

import jax.numpy as jnp
import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.penalties import Prices
from skbss._kernels.sparsity import NormalizedSparsity
from skbss._runtime.device import is_jax_array
from skbss.factorization._divergence import relative_power
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._observations import mean_of

_ORDERS: dict[str, Literal[1, 2]] = {"l1": 1, "l2": 2}


class NormalizedPenalty:
    """The penalty of `sparsity` on the activations of components of norm one."""

    sparsity: float
    norm: str
    penalty_: float
    _beta: float
    _mean: float

    _parameter_constraints: dict = {
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "norm": [StrOptions(set(_ORDERS))],
    }

    def _set_price(self, mean):
        """The price of activations, for data of this mean."""
        self._mean = mean or 1.0
        self.penalty_ = float(self.sparsity * relative_power(self._mean, self._beta - 1))

    def _penalty(self, shape, scale):
        # Exactly the sparsity for the data that was learned from.
        relative = relative_power(self._mean / scale, self._beta - 1)
        return NormalizedSparsity(float(self.sparsity * relative), _ORDERS[self.norm])

    def _learned_penalty(self, scale):
        """The penalty that the components were learned with, for other data."""
        price = self.penalty_ * relative_power(scale, 1 - self._beta)
        return NormalizedSparsity(float(price), _ORDERS[self.norm])

    def _norms(self, H):
        return norms_of(H, _ORDERS[self.norm])

    def _row_terms(self, H, scale):
        """As row factorizations ask for it."""
        price = self.penalty_ * relative_power(scale, 1 - self._beta)
        return sparse_row_terms(H, self._norms(H), price)


class NormalizedNMF(NormalizedPenalty, JointNMF):
    """With that penalty, learned from all rows at once."""

    _parameter_constraints: dict = {
        **JointNMF._parameter_constraints,
        **NormalizedPenalty._parameter_constraints,
        "solver": [StrOptions({"auto", "mu"})],
    }

    def _look_at(self, X, weights):
        self._set_price(mean_of(X, weights))

    def _gains(self, H, free, scale, solver):
        norms = np.asarray(self._norms(H), np.float64)
        movable = free & (norms > 0)
        gains = np.ones_like(norms)
        gains[movable] = 1 / (np.sqrt(scale) * norms[movable])
        return gains


def norms_of(H, order):
    """The norm of every component, over all its entries.

    Parameters
    ----------
    H : array of shape (n_components, ...)
        Components.
    order : {1, 2}
        Of the norm.

    Returns
    -------
    norms : array of shape (n_components,)
    """
    xp = jnp if is_jax_array(H) else np
    H = H.reshape(len(H), -1)
    peak = xp.where(H.max(axis=1) > 0, H.max(axis=1), 1)
    return peak * xp.linalg.norm(H / peak[:, None], order, axis=1)


def sparse_row_terms(H, norms, price):
    """What a row factorization asks for, where activations of components of norm one are priced.

    Parameters
    ----------
    H : array of shape (n_components, n_features)
        Components.
    norms : array of shape (n_components,)
        Their norms.
    price : float
        What activations of those of norm one cost, in the units of the rows.

    Returns
    -------
    divisors : array of shape (n_components, 1)
        By what to divide the components.
    prices : Prices
        Of the activations then.
    """
    norms = (jnp if is_jax_array(H) else np).where(norms > 0, norms, 1)
    level = float((H / norms[:, None]).mean()) or 1.0
    return level * norms[:, None], Prices(price / level, 0.0)
