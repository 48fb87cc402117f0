"""Matrices as products of two thin ones."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array, precision
from skbss.compression._weights import check_rank, computable, in_type_of, matrices_of


class LowRank(NamedTuple):
    """A matrix, or a stack of them, as the product ``left @ right``.

    Parameters
    ----------
    left : array of shape (..., m, rank)
        From `low_rank`, with the singular values.
    right : array of shape (..., rank, n)
        From `low_rank`, with orthonormal rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import low_rank
    >>> low_rank({"layer": np.ones((8, 9))}, rank=2)["layer"].right.shape
    (2, 9)
    """

    left: Any
    right: Any

    def merged(self) -> Any:
        """Multiply both.

        Returns
        -------
        matrix : array of shape (..., m, n)
            The product, of the type of both.
        """
        left, right = computable(self.left), computable(self.right)
        with precision(left.dtype):
            return in_type_of(left @ right, self.left, self.right)


def low_rank(
    weights: Mapping[str, Any], rank: int, *, names: Iterable[str] | None = None
) -> dict[str, Any]:
    r"""Replace matrices by products of two thin ones, where that saves.

    Of all matrices :math:`L R` of a rank it is the closest,

    .. math::

        \min_{L \in \mathbb R^{m \times r},\, R \in \mathbb R^{r \times n}} \|A - L R\|_F^2
        = \sum_{i > r} \sigma_i^2 ,

    where :math:`\sigma` are the singular values of :math:`A` in falling order. It has
    :math:`r (m + n)` numbers in the place of :math:`m n`, which are fewer if
    :math:`r < m n / (m + n)`.

    Parameters
    ----------
    weights : dict of array
        Those of a model, NumPy or JAX, such as ``DeepUnfoldedNMF.weights_``. An array of more than
        two axes is a stack of matrices, of which each is replaced by itself. What has fewer bits
        than float32, such as bfloat16, is decomposed in float32, and both factors are rounded to
        it again.
    rank : int
        The number of singular values to keep, at least 1.
    names : iterable of str, default=None
        The arrays to replace; None for all of two axes or more.

    Returns
    -------
    compressed : dict
        A `LowRank` in the place of every array that becomes smaller by it, and all others as they
        are. `merge` makes arrays of it again.

    Raises
    ------
    TypeError
        If `weights` is no dict of arrays or holds a matrix that is not floating-point, or if
        `rank` is no integer.
    ValueError
        If `rank` is below 1, if there is no matrix of one of the `names`, or if one has NaN or
        infinite entries, or factors that its type cannot hold.

    See Also
    --------
    lora : A trainable change of low rank.
    merge : Arrays again.

    References
    ----------
    .. [1] C. Eckart and G. Young, "The approximation of one matrix by another of lower rank",
       Psychometrika 1(3), 1936.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import low_rank, merge, n_parameters
    >>> weights = {"layer": np.outer(np.arange(20.0), np.arange(30.0)), "bias": np.ones(30)}
    >>> compressed = low_rank(weights, rank=1)
    >>> n_parameters(weights), n_parameters(compressed)
    (630, 80)
    >>> np.allclose(merge(compressed)["layer"], weights["layer"])
    True
    """
    rank = check_rank(rank)
    matrices = matrices_of(weights, names)
    compressed = dict(weights)
    for name, matrix in matrices.items():
        m, n = matrix.shape[-2:]
        if rank * (m + n) < m * n:
            compressed[name] = _truncated(matrix, rank, name)
    return compressed


def _truncated(matrix, rank, name):
    xp = jnp if is_jax_array(matrix) else np
    A = computable(matrix)
    with precision(A.dtype), np.errstate(over="ignore"):
        U, values, Vh = xp.linalg.svd(A, full_matrices=False)
        left = (U[..., :rank] * values[..., None, :rank]).astype(matrix.dtype)
        if not bool(xp.isfinite(left).all()):
            raise ValueError(
                f"weights[{name!r}] is too large for factors of {matrix.dtype}: use more bits."
            )
        # A slice would keep the whole array in memory.
        return LowRank(left, xp.array(Vh[..., :rank, :], matrix.dtype))
