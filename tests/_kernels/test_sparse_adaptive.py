"""Sparse adaptive decomposition: optimal codes, gradients, steps of Adam, atoms of norm one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.sparse_adaptive import (
    Adapting,
    Rates,
    adapt_atoms,
    adapt_for_an_epoch,
    largest_eigenvalue,
    sparse_codes,
)

N_FRAMES, N_FREQS, K, SIZE = 10, 7, 3, 4
FREE = jnp.ones(K, bool)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed=0):
    rng = np.random.default_rng(seed)
    X, S, A = (rng.gamma(0.5, size=shape) for shape in ((10, 7), (10, K), (K, 7)))
    return jnp.asarray(X), jnp.asarray(S), jnp.asarray(A / np.linalg.norm(A, axis=1)[:, None])


def rates(alpha=0.1, learning_rate=0.01, decay=0.5):
    return Rates(*map(jnp.asarray, (alpha, learning_rate, decay)))


def at_start(S, A):
    return Adapting(S, A, jnp.zeros_like(A), jnp.zeros_like(A), jnp.int32(0))


def objective(X, S, A, alpha):
    return jnp.square(X - S @ A).sum() + alpha * S.sum()


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_of_an_eigenvalue_is_close(seed):
    _, _, A = draw(seed)
    exact = np.linalg.eigvalsh(A @ A.T)[-1]
    assert exact <= largest_eigenvalue(A @ A.T) <= 1.2 * exact


@pytest.mark.parametrize("alpha", [0, 0.1, 2])
def test_codes_are_optimal(alpha):
    X, S, A = draw()
    S = sparse_codes(X, S, A, jnp.asarray(float(alpha)), count=2000)
    slopes = jax.grad(objective, argnums=1)(X, S, A, alpha)
    assert (S >= 0).all()
    np.testing.assert_allclose(slopes[S > 0], 0, atol=1e-9)
    assert (slopes[S == 0] >= -1e-9).all()


def test_a_price_above_all_products_leaves_no_code():
    X, S, A = draw()
    most = 2 * float((X @ A.T).max())
    assert (sparse_codes(X, S, A, jnp.asarray(most), count=2000) == 0).all()
    assert (sparse_codes(X, S, A, jnp.asarray(0.9 * most), count=2000) > 0).any()


def test_a_step_of_adam():
    X, S, A = draw()
    told = rates()
    gradient = jax.grad(lambda A: jnp.square(X - S @ A).sum() / N_FRAMES)(A)
    state, moments = at_start(S, A), (np.zeros_like(A), np.zeros_like(A))
    for n_steps in (1, 2):
        gradient = jax.grad(lambda A: jnp.square(X - S @ A).sum() / N_FRAMES)(state.A)
        moments = 0.9 * moments[0] + 0.1 * gradient, 0.999 * moments[1] + 0.001 * gradient**2
        first, second = moments[0] / (1 - 0.9**n_steps), moments[1] / (1 - 0.999**n_steps)
        rate = 0.01 / (1 + 0.5 * (n_steps - 1))
        expected = np.maximum(state.A - rate * first / (np.sqrt(second) + 1e-8), 0)
        expected /= np.linalg.norm(expected, axis=1)[:, None]
        state = adapt_atoms(X, S, state, told, FREE, jnp.asarray(float(N_FRAMES)))
        np.testing.assert_allclose(state.A, expected, rtol=1e-9)


def test_atoms_that_are_known_stay_and_none_vanishes():
    X, S, A = draw()
    free = jnp.array([False, True, True])
    far = rates(learning_rate=1e6)
    state = adapt_atoms(0 * X, S, at_start(S, A), far, free, jnp.asarray(10.0))
    # A step that leaves nothing of an atom is not made.
    np.testing.assert_array_equal(state.A, A)
    state = adapt_atoms(X, S, at_start(S, A), rates(), free, jnp.asarray(10.0))
    np.testing.assert_array_equal(state.A[0], A[0])
    np.testing.assert_allclose(np.linalg.norm(state.A, axis=1), 1)
    assert not np.allclose(state.A[1:], A[1:])


def test_an_epoch_goes_through_all_batches():
    X, S, A = draw()
    order = np.random.default_rng(0).permutation(N_FRAMES)
    expected, told = at_start(S, A), rates()
    for batch in np.split(order, [4, 8]):
        codes = sparse_codes(X[batch], expected.S[batch], expected.A, told.alpha)
        expected = adapt_atoms(
            X[batch], codes, expected, told, FREE, jnp.asarray(float(len(batch)))
        )
        expected = expected._replace(S=expected.S.at[batch].set(codes))
    # Frames of zeros fill up the last batch, and batches that are not used follow.
    padded = jnp.pad(X, ((0, 2), (0, 0))), jnp.pad(S, ((0, 2), (0, 0)))
    batches = np.full((5, SIZE), N_FRAMES, np.int32)
    batches.ravel()[:N_FRAMES] = order
    state, quality = adapt_for_an_epoch(
        padded[0], at_start(padded[1], A), told, FREE, jnp.asarray(batches), jnp.int32(N_FRAMES)
    )
    np.testing.assert_allclose(state.S[:N_FRAMES], expected.S, atol=1e-12)
    np.testing.assert_allclose(state.A, expected.A)
    assert state.n_steps == 3
    assert quality.error == pytest.approx(float(jnp.square(X - expected.S @ expected.A).sum()))
    found = objective(X, expected.S, expected.A, told.alpha)
    assert quality.objective == pytest.approx(float(found))
