"""Steps of an orthogonal transform: the gradient, the curve, the descent, and where it stays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from skbss._kernels.orthogonal_transform import (
    Turning,
    direction,
    misfit,
    misfit_gradient,
    turn,
    turned,
)
from skbss._runtime.device import precision

N_FRAMES, SIZE = 20, 6

turn = jax.jit(turn, static_argnames="likelihood")
misfit = jax.jit(misfit, static_argnames="likelihood")


def problem(seed):
    """Frames, what is added to their powers, and a model over some decades."""
    rng = np.random.default_rng(seed)
    Y = jnp.asarray(rng.standard_normal((N_FRAMES, SIZE)) * rng.gamma(0.3, size=SIZE))
    least = jnp.full((N_FRAMES, 1), 10.0 ** rng.uniform(-8, -2))
    model = jnp.asarray(10 ** rng.uniform(-4, 1, size=(N_FRAMES, SIZE)))
    return Y, least, model, jnp.asarray(ortho_group.rvs(SIZE, random_state=seed))


@pytest.mark.parametrize("likelihood", [False, True])
def test_gradient_is_that_of_the_misfit(likelihood):
    with precision(np.float64):
        Y, _, model, basis = problem(0)
        least = jnp.full((N_FRAMES, 1), 1e-2)
        expected = jax.grad(misfit, argnums=1)(Y, basis, least, model, likelihood=likelihood)
        found = misfit_gradient(Y, basis, least, model, likelihood=likelihood)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * abs(expected).max())
        along = jnp.asarray(np.random.default_rng(1).standard_normal((SIZE, SIZE)))
        ahead, behind = (
            misfit(Y, basis + h * along, least, model, likelihood=likelihood) for h in (1e-6, -1e-6)
        )
        np.testing.assert_allclose((ahead - behind) / 2e-6, (found * along).sum(), rtol=1e-6)


@pytest.mark.parametrize("likelihood", [False, True])
def test_fall_is_that_along_the_curve(likelihood):
    with precision(np.float64):
        Y, _, model, basis = problem(2)
        least = jnp.full((N_FRAMES, 1), 1e-2)
        skew, fall = direction(Y, basis, least, model, likelihood=likelihood)
        np.testing.assert_array_equal(skew, -skew.T)
        ahead, behind = (
            misfit(Y, turned(basis, skew, jnp.asarray(h)), least, model, likelihood=likelihood)
            for h in (1e-6, -1e-6)
        )
        np.testing.assert_allclose((behind - ahead) / 2e-6, fall, rtol=1e-6)
        assert fall > 0


@given(seed=st.integers(0, 2**16), step=st.floats(-6, 3))
def test_basis_stays_orthogonal_however_far_it_turns(seed, step):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((SIZE, SIZE))
    with precision(np.float64):
        basis = jnp.asarray(ortho_group.rvs(SIZE, random_state=seed))
        basis = np.asarray(turned(basis, jnp.asarray(A - A.T), jnp.asarray(10.0**step)))
    np.testing.assert_allclose(basis @ basis.T, np.eye(SIZE), atol=1e-12)


@given(seed=st.integers(0, 2**16), likelihood=st.booleans(), step=st.floats(-8, 2))
def test_no_step_raises_the_misfit(seed, likelihood, step):
    with precision(np.float64):
        Y, least, model, basis = problem(seed)
        state, losses = Turning(basis, jnp.asarray(10.0**step)), []
        for _ in range(5):
            losses.append(float(misfit(Y, state.basis, least, model, likelihood=likelihood)))
            state = turn(Y, least, model, state, likelihood=likelihood)
        losses.append(float(misfit(Y, state.basis, least, model, likelihood=likelihood)))
        basis = np.asarray(state.basis)
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(basis @ basis.T, np.eye(SIZE), atol=1e-12)


@pytest.mark.parametrize("likelihood", [False, True])
def test_basis_of_one_power_everywhere_stays_where_it_is(likelihood):
    with precision(np.float64):
        # Orthogonal frames of one length have the same sum of squares in every basis.
        Y, basis = jnp.eye(SIZE), jnp.eye(SIZE)
        least, model = jnp.full((SIZE, 1), 1.0), jnp.ones((SIZE, SIZE))
        last = Turning(basis, jnp.asarray(0.5))
        found = turn(Y, least, model, last, likelihood=likelihood)
        np.testing.assert_array_equal(found.basis, basis)
        assert float(found.step) == 0.5
