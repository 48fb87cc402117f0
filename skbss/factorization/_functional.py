"""The factorization as a function."""

from sklearn.utils._param_validation import validate_params

from skbss.factorization._beta_nmf import BetaNMF


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "W": ["array-like", None],
        "H": ["array-like", None],
        "update_H": ["boolean"],
    },
    prefer_skip_nested_validation=False,
)
def non_negative_factorization(
    X,
    W=None,
    H=None,
    n_components="auto",
    *,
    init=None,
    update_H=True,
    solver="auto",
    beta_loss="frobenius",
    tol=1e-4,
    max_iter=200,
    n_init=1,
    alpha_W=0.0,
    alpha_H="same",
    l1_ratio=0.0,
    random_state=None,
    verbose=0,
    shuffle=False,
    weights=None,
    fixed_components=None,
):
    r"""Factorize a non-negative matrix, or find its activations for given components.

    Minimizes the objective of :class:`BetaNMF` over W and H, or over W alone. It takes the
    place of :func:`sklearn.decomposition.non_negative_factorization`.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Non-negative data; NaN where not observed.
    W : array-like of shape (n_samples, n_components), default=None
        Where the activations start if ``init="custom"`` and `update_H`.
    H : array-like of shape (n_components, n_features), default=None
        Where the components start if ``init="custom"``; the components themselves if not
        `update_H`.
    n_components : int or {"auto"} or None, default="auto"
        Number of components; "auto" takes that of H, or of features.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`BetaNMF`.
    update_H : bool, default=True
        Whether the components are learned too.
    solver : {"auto", "cd", "mu"}, default="auto"
        How the objective is minimized, as in :class:`BetaNMF`.
    beta_loss : float or {"frobenius", "kullback-leibler", "itakura-saito"}, default="frobenius"
        The beta of the divergence.
    tol : float, default=1e-4
        When to stop, as in :class:`BetaNMF`.
    max_iter : int, default=200
        Iterations at most.
    n_init : int, default=1
        Number of random starts, as in :class:`BetaNMF`.
    alpha_W, alpha_H : float, default=0.0, "same"
        Strength of the penalties on W and on H.
    l1_ratio : float, default=0.0
        Share, between 0 and 1, of the L1 penalty.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts and of `shuffle`.
    verbose : int, default=0
        Whether to print the loss every ten iterations.
    shuffle : bool, default=False
        Whether "cd" visits the components in random order.
    weights : array-like, broadcastable to the shape of X, default=None
        Non-negative weight of every entry in the divergence.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are held as the first rows of H.

    Returns
    -------
    W : array of shape (n_samples, n_components)
        Activations; the same as ``BetaNMF(...).fit_transform(X)``.
    H : array of shape (n_components, n_features)
        Components.
    n_iter : int
        Iterations of the fit; of the activations if not `update_H`.

    Raises
    ------
    ValueError, TypeError
        As :meth:`BetaNMF.fit_transform`.

    See Also
    --------
    BetaNMF : The same as an estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import non_negative_factorization
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> W, H, n_iter = non_negative_factorization(
    ...     X, n_components=2, init="random", random_state=0)
    >>> W.shape, H.shape
    ((6, 2), (2, 2))
    """
    model = BetaNMF(
        n_components=n_components,
        init=init,
        solver=solver,
        beta_loss=beta_loss,
        tol=tol,
        max_iter=max_iter,
        n_init=n_init,
        random_state=random_state,
        alpha_W=alpha_W,
        alpha_H=alpha_H,
        l1_ratio=l1_ratio,
        verbose=verbose,
        shuffle=shuffle,
        fixed_components=fixed_components,
    )
    if update_H:
        W = model.fit_transform(X, W=W, H=H, weights=weights)
        return W, model.components_, model.n_iter_
    return model._solve_for(X, W, H, weights)
