"""Whether several fits find the same components."""

from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative


def component_stability(components):
    r"""How alike the components are that several fits found, whatever their order and level.

    For every two fits their components are matched one to one, such that the sum of the cosines
    between them is largest. The stability is

    .. math::

        \frac{1}{|P|} \sum_{(a, b) \in P} \frac{1}{\max(K_a, K_b)} \sum_{(i, j)}
          \frac{\langle h^a_i, h^b_j \rangle}{\|h^a_i\| \, \|h^b_j\|}

    over all pairs :math:`P` of fits and the matched components of the :math:`K_a` and :math:`K_b`
    that they have.

    Parameters
    ----------
    components : sequence of arrays of shape (n_components, [template_length,] n_features)
        Those of two or more fits from different starts, such as the `restart_components_` of one
        factorization. Their numbers may differ; components of zeros do not count.

    Returns
    -------
    stability : float
        From 0 to 1; **higher is more stable**, 1 where all fits found the same. Two fits without
        any component are alike.

    Raises
    ------
    TypeError
        If `components` are those of one fit by themselves.
    ValueError
        If there are fewer than two fits, their components differ in shape, or an entry is
        negative, NaN or infinite.

    See Also
    --------
    skbss.select_n_components : Chooses the number of components by how well they predict.

    Notes
    -----
    Too many components can be split in many ways, and different starts find different ones; with
    too few, fits can differ in which ones they leave out. Where stability is high for several
    numbers of components, the largest of them is the usual choice. Components that are all alike
    have large cosines whatever they are matched with: what is high depends on the data.

    References
    ----------
    .. [1] J.-P. Brunet, P. Tamayo, T. R. Golub and J. P. Mesirov, "Metagenes and molecular pattern
       discovery using matrix factorization", PNAS 101(12), 2004 (choosing by stability; there that
       of the clusters of samples).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import component_stability
    >>> H = np.eye(3)
    >>> component_stability([H, 5 * H[::-1]])
    1.0
    >>> round(component_stability([H, H[:2]]), 3)
    0.667
    """
    if components is None or getattr(components, "ndim", 3) < 3:
        raise TypeError(
            "components must be a sequence of arrays, one of shape (n_components, n_features) for "
            f"every fit, got {'None' if components is None else 'one array'}."
        )
    fits = [_directions(H, f"components[{index}]") for index, H in enumerate(components)]
    if len(fits) < 2:
        raise ValueError(
            f"components must be those of two fits at least, got {len(fits)}: fit with n_init=2 or "
            "more, and pass restart_components_."
        )
    shapes = {H.shape[1:] for H in fits}
    if len(shapes) > 1:
        raise ValueError(
            f"All components must have the same shape, got {' and '.join(map(str, shapes))}."
        )
    flat = [H[(H > 0).any(axis=tuple(range(1, H.ndim)))].reshape(-1, H[0].size) for H in fits]
    return float(np.mean([_likeness(*pair) for pair in combinations(flat, 2)]))


def _directions(H, name):
    """Components of norm one, or of zeros."""
    H = check_array(np.asarray(H), dtype=np.float64, allow_nd=True, input_name=name)
    check_non_negative(H, name)
    within = tuple(range(1, H.ndim))
    peak = H.max(axis=within, keepdims=True)
    H = H / np.where(peak > 0, peak, 1)
    norm = np.sqrt(np.square(H).sum(axis=within, keepdims=True))
    return H / np.where(norm > 0, norm, 1)


def _likeness(A, B):
    """The mean cosine of matched rows, 0 for those that have no match."""
    if not (len(A) or len(B)):
        return 1.0
    cosines = A @ B.T
    return min(
        1.0, cosines[linear_sum_assignment(cosines, maximize=True)].sum() / max(len(A), len(B))
    )
