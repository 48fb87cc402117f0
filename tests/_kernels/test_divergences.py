"""The beta-divergence to the last digits: at, near and between the betas with their own formula."""

from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.divergences import beta_divergence, power
from skbss._runtime.device import precision

DTYPES = [np.float32, np.float64]
AT = [0.0, 1.0, 2.0]
CLOSE = [centre + offset for centre in AT for offset in (-1e-2, -1e-5, -1e-9, 1e-9, 1e-5, 1e-2)]
BETWEEN = [-2.0, -1.0, -0.3, -0.05, 0.05, 0.3, 0.499, 0.5, 0.501, 0.7, 0.95, 1.05, 1.3, 1.5]
BETWEEN += [2.5, 3.0, 3.7, 4.0]


def evaluate(function, *arrays, dtype):
    """What a kernel gives at the precision of a dtype, as NumPy."""
    with precision(dtype):
        result = function(*(jnp.asarray(array, dtype) for array in arrays))
        assert result.dtype == dtype
        return np.asarray(result)


def exact_divergence(x, y, beta):
    """The definition with 60 digits: rounding at 1e-9 from 0 or 1 leaves more than 40."""
    with localcontext() as context:
        context.prec = 60
        x, y, beta = Decimal(float(x)), Decimal(float(y)), Decimal(beta)
        if beta == 0:
            return float(x / y - (x / y).ln() - 1)
        if beta == 1:
            return float((x * (x / y).ln() if x else 0) - x + y)
        of_x = (beta * x.ln()).exp() if x else Decimal(0)
        of_y = (beta * y.ln()).exp()
        return float((of_x + (beta - 1) * of_y - beta * x * of_y / y) / (beta * (beta - 1)))


def rounding(x, y, beta, dtype):
    """What rounding may cost: that of every term and power, but nothing for a quotient of them."""
    x, y = x.astype(float), y.astype(float)
    terms = x**beta + y**beta + x * y ** (beta - 1)
    exponents = 1 + max(1, abs(beta)) * (np.abs(np.log(x)) + np.abs(np.log(y)))
    return 4 * np.finfo(dtype).eps * terms * exponents


# From a twentieth to twenty; all tests share one shape, and so one program for every operation.
LEVELS = np.geomspace(0.05, 20, 56)


def pairs(dtype):
    """Data and models of every ratio of levels, some almost or quite the same."""
    x, y = np.meshgrid(LEVELS[::8], LEVELS[::8])
    x, y = x.ravel(), y.ravel()
    near = LEVELS[::8] * (1 + np.array([-1e-1, -1e-3, -1e-6, 0, 1e-6, 1e-3, 1e-1]))
    x, y = np.concatenate([x, near]), np.concatenate([y, LEVELS[::8]])
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("beta", [*AT, *CLOSE, *BETWEEN])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_the_definition_to_rounding(dtype, beta):
    x, y = pairs(dtype)
    ours = evaluate(lambda x, y: beta_divergence(x, y, beta), x, y, dtype=dtype)
    expected = np.array([exact_divergence(*pair, beta) for pair in zip(x, y, strict=True)])
    assert (np.abs(ours - expected) <= rounding(x, y, beta, dtype)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beta", [beta for beta in (*AT, *CLOSE, *BETWEEN) if beta > 0])
def test_of_a_zero_from_a_model(beta, dtype):
    y = LEVELS.astype(dtype)
    ours = evaluate(lambda x, y: beta_divergence(x, y, beta), 0 * y, y, dtype=dtype)
    expected = [exact_divergence(0, value, beta) for value in y]
    # A power, a product and a quotient: nothing cancels.
    rtol = 4 * (1 + beta * np.log(20)) * np.finfo(dtype).eps
    np.testing.assert_allclose(ours, expected, rtol=rtol)


@pytest.mark.parametrize("beta", [0.98, 1.0, 1.02])
@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_data_count_as_zeros(beta, dtype):
    # What a processor does with such numbers depends on how the program was compiled.
    x = np.finfo(dtype).smallest_subnormal * np.array([1.0, 8.0], dtype)
    y = np.array([1.0, 3.0])
    compiled = jax.jit(beta_divergence, static_argnums=2)
    for divergence in (beta_divergence, compiled):
        found = evaluate(lambda X, Y, f=divergence: f(X, Y, beta), x, y, dtype=dtype)
        np.testing.assert_allclose(found, y**beta / beta, rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beta", [-2.0, -1.0, -0.3, -0.05, -1e-9, 0.0])
def test_no_model_is_close_to_a_zero_for_beta_up_to_0(beta, dtype):
    y = LEVELS
    ours = evaluate(lambda x, y: beta_divergence(x, y, beta), 0 * y, y, dtype=dtype)
    np.testing.assert_array_equal(ours, np.inf)


UP_TO_2 = [beta for beta in (*AT, *CLOSE, *BETWEEN) if beta <= 2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beta", UP_TO_2)
def test_of_a_model_that_fits_is_exactly_zero(beta, dtype):
    y = np.geomspace(1e-6, 1e6, 56)
    ours = evaluate(lambda x, y: beta_divergence(x, y, beta), y, y, dtype=dtype)
    np.testing.assert_array_equal(ours, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beta", UP_TO_2)
def test_is_not_negative_where_the_model_almost_fits(beta, dtype):
    eps = np.finfo(dtype).eps
    y = np.linspace(1, 2, 56)
    x = y * (1 + eps * np.arange(-28, 28) ** 3)
    ours = evaluate(lambda x, y: beta_divergence(x, y, beta), x, y, dtype=dtype)
    assert ours.sum() >= 0
    assert (ours >= -4 * eps * np.abs(x - y)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "exponent", [-3.7, -2.5, -1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 3.5, 4.0, 6.2]
)
def test_power_equals_that_of_numpy(exponent, dtype):
    y = np.geomspace(1e-3, 1e3, 56).astype(dtype)
    ours = evaluate(lambda y: power(y, exponent), y, dtype=dtype)
    # Four products at most, or the rounding of exponent * log(y), which exp magnifies.
    rtol = (4 + abs(exponent) * np.log(1e3)) * np.finfo(dtype).eps
    np.testing.assert_allclose(ours, y.astype(float) ** exponent, rtol=rtol)
