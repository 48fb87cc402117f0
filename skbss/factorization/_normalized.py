"""Sparse activations of components of norm one."""

from numbers import Real
from typing import Literal

import jax.numpy as jnp
import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.sparsity import NormalizedSparsity
from skbss._runtime.device import is_jax_array
from skbss.factorization._divergence import relative_power
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._observations import mean_of

_ORDERS: dict[str, Literal[1, 2]] = {"l1": 1, "l2": 2}


class NormalizedNMF(JointNMF):
    """With the penalty of `sparsity` on the activations of components of norm one."""

    sparsity: float
    norm: str

    _parameter_constraints: dict = {
        **JointNMF._parameter_constraints,
        "solver": [StrOptions({"auto", "mu"})],
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "norm": [StrOptions(set(_ORDERS))],
    }

    def _look_at(self, X, weights):
        self._mean = mean_of(X, weights) or 1.0
        self.penalty_ = float(self.sparsity * relative_power(self._mean, self._beta - 1))

    def _penalty(self, shape, scale):
        # Exactly the sparsity for the data that was learned from.
        relative = relative_power(self._mean / scale, self._beta - 1)
        return NormalizedSparsity(float(self.sparsity * relative), _ORDERS[self.norm])

    def _learned_penalty(self, scale):
        """The penalty that the components were learned with, for other data."""
        price = self.penalty_ * relative_power(scale, 1 - self._beta)
        return NormalizedSparsity(float(price), _ORDERS[self.norm])

    def _gains(self, H, free, scale, solver):
        norms = np.asarray(self._norms(H), np.float64)
        movable = free & (norms > 0)
        gains = np.ones_like(norms)
        gains[movable] = 1 / (np.sqrt(scale) * norms[movable])
        return gains

    def _norms(self, H):
        """That of every component, over all its entries."""
        xp = jnp if is_jax_array(H) else np
        H = H.reshape(len(H), -1)
        peak = xp.where(H.max(axis=1) > 0, H.max(axis=1), 1)
        return peak * xp.linalg.norm(H / peak[:, None], _ORDERS[self.norm], axis=1)
