"""The updates against a plain NumPy transcription, with penalties, weights and missing entries."""

import numpy as np
import pytest

from skbss import BetaNMF


def exponent(beta, *, quadratic):
    if beta > 2:
        return 1 / (beta - 1)
    if quadratic:
        return 1 / (3 - beta)
    return 1 / (2 - beta) if beta < 1 else 1.0


def reference_mu(X, M, W, H, beta, alpha, l1_ratio, n_iter):
    """Majorize-minimize updates, written down as they stand in the papers."""
    n_samples, n_features = X.shape
    X = np.where(M > 0, X, 1)
    l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
    for _ in range(n_iter):
        Y = W @ H
        parts = (M * X * Y ** (beta - 2)) @ H.T, (M * Y ** (beta - 1)) @ H.T
        W = reference_step(W, *parts, n_features * l1, n_features * l2, beta)
        Y = W @ H
        parts = W.T @ (M * X * Y ** (beta - 2)), W.T @ (M * Y ** (beta - 1))
        H = reference_step(H, *parts, n_samples * l1, n_samples * l2, beta)
    return W, H


def reference_step(A, numerator, denominator, linear, quadratic, beta):
    """A step with the exponent at which it can not raise the objective."""
    power = exponent(beta, quadratic=np.any(quadratic))
    return A * (numerator / (denominator + linear + quadratic * A)) ** power


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    return (
        rng.uniform(0.1, 2, (30, 20)),
        rng.uniform(0.1, 1, (30, 4)),
        rng.uniform(0.1, 1, (4, 20)),
    )


@pytest.mark.parametrize("l1_ratio", [0, 0.4, 1])
@pytest.mark.parametrize("alpha", [0, 0.003])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", [-0.5, 0, 0.5, 1, 1.5, 2, 3])
def test_multiplicative_updates(problem, beta, weighted, missing, alpha, l1_ratio):
    X, W, H = problem
    rng = np.random.default_rng(5)
    M = rng.uniform(0, 3, X.shape) if weighted else np.ones_like(X)
    given = M.copy() if weighted else None
    if missing:
        hidden = rng.random(X.shape) < 0.2
        X, M = np.where(hidden, np.nan, X), np.where(hidden, 0, M)
    W_expected, H_expected = reference_mu(X, M, W, H, beta, alpha, l1_ratio, 40)
    model = BetaNMF(
        4,
        init="custom",
        solver="mu",
        beta_loss=beta,
        alpha_W=alpha,
        l1_ratio=l1_ratio,
        tol=0,
        max_iter=40,
    )
    W_ours = model.fit_transform(X, W=W, H=H, weights=given)
    assert np.abs(W_ours - W_expected).max() <= 1e-7 * W_expected.max()
    assert np.abs(model.components_ - H_expected).max() <= 1e-7 * H_expected.max()
