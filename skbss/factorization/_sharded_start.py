"""The leading singular vectors of a matrix whose rows are shared out among devices."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec
from sklearn.utils import check_random_state

from skbss._runtime.loop import fetch
from skbss._runtime.sharded_rows import AXIS, ShardedRows, replicated

# As scikit-learn has them: vectors more than asked for, and iterations for few and for many.
_MORE, _FOR_FEW, _FOR_MANY, _FEW = 10, 7, 4, 0.1


def shared_svd(
    X: ShardedRows, weights: Any, n_components: int, random_state: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leading singular vectors and values: the draws are those of scikit-learn's randomized SVD.

    N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness: probabilistic
    algorithms for constructing approximate matrix decompositions", SIAM Review 53(2), 2011,
    algorithms 4.4 and 5.1. Entries of weight 0 are filled as ``rank_one_completion`` does.

    Parameters
    ----------
    X : ShardedRows
        With as many rows as columns at least.
    weights : jax.Array or None
        Of its entries.
    n_components : int
        How many.
    random_state : int, RandomState instance or None
        Draws where to start.

    Returns
    -------
    U : ndarray of shape (n_rows, n_components)
    S : ndarray of shape (n_components,)
    V : ndarray of shape (n_components, n_columns)
    """
    A, mesh = X.array, X.mesh
    if weights is not None:
        A = _filled(A, weights, sharding=X.sharding)
    n_iter = _FOR_FEW if n_components < _FEW * min(X.shape) else _FOR_MANY
    size = (X.shape[1], n_components + _MORE)
    Q = check_random_state(random_state).normal(size=size).astype(X.dtype)
    for _ in range(n_iter):
        _, projected = _projected(A, replicated(Q, mesh), mesh=mesh)
        Q, _ = np.linalg.qr(fetch(projected).T)
    basis, projected = _projected(A, replicated(Q, mesh), mesh=mesh)
    U, S, V = np.linalg.svd(fetch(projected), full_matrices=False)
    U = fetch(basis @ replicated(U[:, :n_components], mesh))
    return U[: X.n_rows], S[:n_components], V[:n_components]


@partial(jax.jit, static_argnames="mesh")
def _projected(A, Q, *, mesh):
    """An orthonormal basis of ``A Q``, with its rows where those of A are, and A in this basis."""

    def of_device(A, Q):
        own, R = jnp.linalg.qr(A @ Q)
        all_R = lax.all_gather(R, AXIS, tiled=True)
        common, _ = jnp.linalg.qr(all_R)
        part = lax.dynamic_slice_in_dim(common, lax.axis_index(AXIS) * len(R), len(R))
        basis = own @ part
        return basis, lax.psum(basis.T @ A, AXIS)

    rows, same = PartitionSpec(AXIS), PartitionSpec()
    return jax.shard_map(
        of_device, mesh=mesh, in_specs=(rows, same), out_specs=(rows, same), check_vma=False
    )(A, Q)


@partial(jax.jit, static_argnames="sharding")
def _filled(X, weights, *, sharding):
    weights = jnp.broadcast_to(weights, X.shape)
    known = jnp.where(weights > 0, X, 0)
    total = weights.sum()

    def means(axis):
        weight = weights.sum(axis=axis, keepdims=True)
        level = (weights * known).sum(axis=axis, keepdims=True)
        return jnp.where(weight > 0, level / jnp.where(weight > 0, weight, 1), 0)

    overall = (weights * known).sum() / jnp.where(total > 0, total, 1)
    guess = jnp.where(overall > 0, means(1) * means(0) / jnp.where(overall > 0, overall, 1), 0)
    rows = NamedSharding(sharding.mesh, PartitionSpec(AXIS))
    return lax.with_sharding_constraint(jnp.where(weights > 0, X, guess), rows)
