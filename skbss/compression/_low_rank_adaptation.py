"""Changes of low rank, of matrices that stay as they are."""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state

from skbss._runtime.device import is_jax_array, precision
from skbss.compression._weights import check_rank, computable, in_type_of, matrices_of


class LoRA(NamedTuple):
    r"""A matrix, or a stack of them, as ``base + scale * A @ B``.

    Parameters
    ----------
    base : array of shape (..., m, n)
        What is held.
    A : array of shape (..., m, rank)
        Trained, random at first.
    B : array of shape (..., rank, n)
        Trained, zero at first.
    scale : float
        :math:`\alpha / r`.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import lora
    >>> lora({"layer": np.ones((8, 9))}, rank=2, alpha=4)["layer"].scale
    2.0
    """

    base: Any
    A: Any
    B: Any
    scale: float

    def merged(self) -> Any:
        """Add the change.

        Returns
        -------
        matrix : array of shape (..., m, n)
            The sum of what is held and its change.
        """
        base, A, B = (computable(one) for one in (self.base, self.A, self.B))
        with precision(base.dtype):
            return in_type_of(base + self.scale * (A @ B), self.base, self.A, self.B)


def lora(
    weights: Mapping[str, Any],
    rank: int,
    *,
    alpha: float | None = None,
    names: Iterable[str] | None = None,
    random_state=None,
) -> dict[str, Any]:
    r"""Put a trainable change of low rank beside matrices that are held.

    Low-rank adaptation writes a matrix of a trained model as

    .. math::

        W = W_0 + \frac{\alpha}{r} A B, \qquad
        A \in \mathbb R^{m \times r},\; B \in \mathbb R^{r \times n} .

    :math:`A` is drawn from :math:`\mathcal N(0, 1 / m)` and :math:`B` is zero, so that the model
    is the same before :math:`A` and :math:`B`, :math:`r (m + n)` numbers, are trained on other
    data. `merge` then adds the change, and the model is no larger than before.

    Parameters
    ----------
    weights : dict of array
        Those of a model, NumPy or JAX, such as ``VAENMF.weights_``. An array of more than two
        axes is a stack of matrices, which change each by itself.
    rank : int
        That of the change, at least 1 and at most the smaller axis of every matrix.
    alpha : float, default=None
        The level of the change; None for `rank`.
    names : iterable of str, default=None
        The arrays that may change; None for all of two axes or more.
    random_state : int, RandomState instance or None, default=None
        Seed of A.

    Returns
    -------
    adapted : dict
        A `LoRA` in the place of every such array, and all others as they are. It is a pytree of
        JAX, of which all four fields are leaves: see the notes.

    Raises
    ------
    TypeError
        If `weights` is no dict of arrays or holds a matrix that is not floating-point, if `rank`
        is no integer or `alpha` no number.
    ValueError
        If `rank` or `alpha` is out of range, if there is no matrix of one of the `names`, or if
        one has NaN or infinite entries.

    See Also
    --------
    low_rank : Matrices of low rank in the place of others.
    merge : Arrays again.

    Notes
    -----
    JAX holds nothing by itself: ``jax.grad`` of a function of `adapted` has slopes of `base` and
    `scale` too, and an optimizer that is given them moves both. To train nothing but the two thin
    factors, differentiate a function of these alone, and put them in with ``_replace``, as in the
    example.

    References
    ----------
    .. [1] E. J. Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022,
       section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import lora, merge
    >>> weights = {"layer": np.eye(4)}
    >>> adapted = lora(weights, rank=1, random_state=0)
    >>> np.array_equal(merge(adapted)["layer"], weights["layer"])
    True

    One step of gradient descent that changes `A` and `B` only:

    >>> import jax
    >>> adapted = lora({"layer": np.eye(4, dtype=np.float32)}, rank=1, random_state=0)
    >>> layer = adapted["layer"]
    >>> def with_factors(factors):
    ...     A, B = factors
    ...     return adapted | {"layer": layer._replace(A=A, B=B)}
    >>> def loss(factors):
    ...     return (merge(with_factors(factors))["layer"] ** 2).sum()
    >>> factors = layer.A, layer.B
    >>> slopes = jax.grad(loss)(factors)
    >>> factors = jax.tree.map(lambda one, slope: one - 0.1 * slope, factors, slopes)
    >>> trained = with_factors(factors)
    >>> np.array_equal(trained["layer"].base, layer.base), trained["layer"].scale
    (True, 1.0)
    >>> float(np.linalg.matrix_rank(merge(trained)["layer"] - layer.base))
    1.0
    """
    rank = check_rank(rank)
    alpha = rank if alpha is None else alpha
    if isinstance(alpha, bool) or not isinstance(alpha, Real):
        raise TypeError(f"alpha must be a positive number, got {alpha!r}.")
    if not 0 < alpha < np.inf:
        raise ValueError(f"alpha must be a positive number, got {alpha!r}.")
    matrices = matrices_of(weights, names)
    for name, matrix in matrices.items():
        if rank > min(matrix.shape[-2:]):
            raise ValueError(
                f"rank={rank} is more than weights[{name!r}] of shape {matrix.shape} can have, "
                f"{min(matrix.shape[-2:])}."
            )
    drawn = check_random_state(random_state)
    adapted = dict(weights)
    for name, matrix in matrices.items():
        *stack, m, n = matrix.shape
        xp = jnp if is_jax_array(matrix) else np
        with precision(matrix.dtype):
            A = xp.asarray(drawn.standard_normal((*stack, m, rank)) / np.sqrt(m), matrix.dtype)
            B = xp.zeros((*stack, rank, n), matrix.dtype)
            adapted[name] = LoRA(matrix, A, B, float(alpha) / rank)
    return adapted
