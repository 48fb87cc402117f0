"""Lambert's W against SciPy's, and where that has no number for its argument."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from skbss._kernels.lambert import lambert_w_of_exp


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_it_is_that_of_scipy(dtype, rounding):
    zeta = np.linspace(-50, 500, 5501)
    with jax.enable_x64(dtype == np.float64):
        w = np.asarray(lambert_w_of_exp(jnp.asarray(zeta, dtype)))
    assert w.dtype == dtype
    wanted = scipy.special.lambertw(np.exp(zeta)).real
    # A rounding of the argument is that much of the result.
    condition = 1 + np.abs(zeta) / (1 + wanted)
    assert (np.abs(w / wanted - 1) <= rounding * condition).all()


def test_arguments_beyond_the_largest_exponential():
    zeta = np.array([-1e300, -800.0, -700.0, 1000.0, 1e10, 1e300])
    with jax.enable_x64(True):
        w = np.asarray(lambert_w_of_exp(jnp.asarray(zeta)))
    np.testing.assert_array_equal(w[:2], 0)
    np.testing.assert_allclose(w[2], np.exp(-700.0), rtol=1e-12)
    np.testing.assert_allclose(w[3:] + np.log(w[3:]), zeta[3:], rtol=1e-15)
