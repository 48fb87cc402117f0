"""Penalties that ask for structure: bounds that touch them, and steps to the minima of bounds."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from skbss._kernels.activations import RowOrders
from skbss._kernels.bounds import Bound, step_to_bound
from skbss._kernels.group_sparsity import GroupSparsity
from skbss._kernels.multiplicative import StepRule, multiplicative_step
from skbss._kernels.orthogonality import Orthogonality
from skbss._kernels.penalties import Prices
from skbss._kernels.row_penalties import RowNumbers, row_penalty
from skbss._kernels.smoothness import Smoothness
from skbss._kernels.structure import Structure
from skbss._kernels.volume import Volume

FOLLOWS = np.array([0, 1, 1, 0, 0, 1, 1], float)[:, None]  # recordings of 3, 1 and 3 frames
SMOOTH = Smoothness(0.7, FOLLOWS)
ORTHOGONAL = Orthogonality(0.1)
IN_GROUPS = GroupSparsity(0.7, 0.3, np.array([[1, 0], [0, 1], [1, 0]], float))
SMALL = Volume(0.7, 0.2)
PARTS = [SMOOTH, ORTHOGONAL, IN_GROUPS, SMALL]
PENALTIES = [Structure(parts) for n in (1, 4) for parts in itertools.combinations(PARTS, n)]


def name(penalty):
    return " and ".join(type(part).__name__ for part in penalty.parts)


of_each_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=name)
of_each_seed = pytest.mark.parametrize("seed", range(5))
of_each_beta = pytest.mark.parametrize("beta", [-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.gamma(0.5, size=(7, 3)) + 1e-3), jnp.asarray(
        rng.gamma(0.5, size=(3, 4)) + 1e-3
    )


@jax.jit
def cost(penalty, W, H):
    return penalty.cost(H, penalty.row_sums(W, H))


@jax.jit
def bounds(penalty, W, H):
    sums = penalty.row_sums(W, H)
    return penalty.prices_of_rows(H, sums)(W), penalty.prices_of_components(H, sums)


def told(bound, A, now):
    """What every entry costs at most, where the entries are `now`."""
    return (bound.linear - bound.credit) * A + bound.slope * A * A / (2 * now)


@of_each_penalty
@of_each_seed
def test_bounds_touch(penalty, seed):
    factors = draw(seed)
    slopes = jax.grad(cost, argnums=(1, 2))(penalty, *factors)
    for A, bound, slope in zip(factors, bounds(penalty, *factors), slopes, strict=True):
        of_bound = np.broadcast_to(bound.linear + bound.slope - bound.credit, A.shape)
        np.testing.assert_allclose(of_bound, slope, rtol=1e-9, atol=1e-9)


@of_each_penalty
@of_each_seed
@pytest.mark.parametrize("far", [0.01, 1, 5])
def test_bounds_are_above(penalty, seed, far):
    W, H = draw(seed)
    rng = np.random.default_rng(seed + 100)
    of_W, of_H = bounds(penalty, W, H)
    other = W * np.exp(far * rng.standard_normal(W.shape))
    change = cost(penalty, other, H) - cost(penalty, W, H)
    allowed = (told(of_W, other, W) - told(of_W, W, W)).sum()
    assert change <= allowed + 1e-12 * (1 + abs(allowed))
    other = H * np.exp(far * rng.standard_normal(H.shape))
    change = cost(penalty, W, other) - cost(penalty, W, H)
    allowed = (told(of_H, other, H) - told(of_H, H, H)).sum()
    assert change <= allowed + 1e-12 * (1 + abs(allowed))


@of_each_penalty
def test_parts_of_bounds_are_not_negative(penalty):
    for bound in bounds(penalty, *draw(0)):
        assert all(np.all(part >= 0) for part in (bound.linear, bound.slope, bound.credit))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_quadratic_bounds_are_known_beforehand(part):
    # A bound that curves or pays back has another exponent.
    known = tuple(
        bool(np.any(bound.slope) or np.any(bound.credit))
        for bound in bounds(Structure((part,)), *draw(0))
    )
    assert Structure((part,)).are_quadratic() == known


@pytest.mark.parametrize("part", PARTS[1:], ids=lambda part: type(part).__name__)
def test_sums_over_rows_add_up(part):
    penalty = Structure((part,))
    W, H = draw(0)
    parts = jax.tree.map(jnp.add, penalty.row_sums(W[:2], H), penalty.row_sums(W[2:], H))
    assert penalty.cost(H, parts) == pytest.approx(float(cost(penalty, W, H)))


@of_each_penalty
def test_zeros_have_bounds(penalty):
    W, H = draw(0)
    for bound in bounds(penalty, W.at[:, 1].set(0).at[2].set(0), H.at[1].set(0)):
        assert all(np.isfinite(part).all() for part in bound[:3])


@pytest.mark.parametrize("part", [SMOOTH, ORTHOGONAL, IN_GROUPS], ids=lambda p: type(p).__name__)
def test_the_level_of_a_component_does_not_matter(part):
    W, H = draw(0)
    gains = np.array([0.1, 1, 30])
    penalty = Structure((part,))
    assert cost(penalty, W * gains, H / gains[:, None]) == pytest.approx(cost(penalty, W, H))


def test_smoothness_by_recording():
    W, H = (np.asarray(A) for A in draw(0))
    recordings = np.split(W, [3, 4])
    differences = sum(np.diff(one, axis=0).__pow__(2).sum(axis=0) for one in recordings)
    expected = 0.7 * (differences * (H**2).sum(axis=1)).sum()
    assert cost(Structure((SMOOTH,)), W, H) == pytest.approx(expected)
    constant = np.repeat([W[0], W[3], W[4]], [3, 1, 3], axis=0)
    assert cost(Structure((SMOOTH,)), constant, H) == 0


def test_orthogonality_is_overlap():
    W, H = (np.asarray(A) for A in draw(0))
    spectra = W.sum(axis=0)[:, None] * H
    expected = 0.1 * sum(spectra[k] @ spectra[m] for k, m in itertools.combinations(range(3), 2))
    assert cost(Structure((ORTHOGONAL,)), W, H) == pytest.approx(expected)
    apart = H * np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
    assert cost(Structure((ORTHOGONAL,)), W, apart) == 0


def test_group_sparsity_is_of_groups():
    W, H = (np.asarray(A) for A in draw(0))
    used = W * H.sum(axis=1)
    groups = np.stack([used[:, 0] + used[:, 2], used[:, 1]])
    expected = 0.7 * np.log(1 + groups / 0.3).sum()
    assert cost(Structure((IN_GROUPS,)), W, H) == pytest.approx(expected)
    # As loud in all, but from both groups in every frame instead of one.
    one, both = np.tile([[2.0, 0, 0], [0, 2, 0]], (5, 1)), np.full((10, 3), [1.0, 1, 0])
    flat = np.full((3, 4), 0.25)
    assert cost(Structure((IN_GROUPS,)), one, flat) < cost(Structure((IN_GROUPS,)), both, flat)


def test_volume_is_a_determinant():
    _, H = draw(0)
    _, expected = np.linalg.slogdet(np.eye(3) + H @ H.T / 0.2)
    assert cost(Structure((SMALL,)), jnp.ones((7, 3)), H) == pytest.approx(0.7 * expected)


def test_a_share_of_the_rows_is_a_share_of_the_cost():
    # Twice the same rows cost twice as much; orthogonality is told for all rows.
    W, H = draw(0)
    twice = jnp.concatenate([W, W])
    for part in (ORTHOGONAL, IN_GROUPS, SMALL):
        whole, half = Structure((part,)), Structure((part,)).of_share(0.5)
        assert 2 * cost(half, W, H) == pytest.approx(float(cost(whole, twice, H)))


def drawn_bound(seed, shape, total=None):
    rng = np.random.default_rng(seed)
    parts = (jnp.asarray(rng.gamma(0.5, size=shape) + 1e-3) for _ in range(6))
    A, numerator, denominator, *bound = parts
    if total is not None:
        A = A / A.sum(axis=1, keepdims=True) * total
    return A, numerator, denominator, Bound(*bound, total)


def surrogate(a, A, numerator, denominator, bound, beta):
    """What the divergence and its penalty cost at most."""
    ratio = a / A
    up, down = (0, beta - 2) if beta < 1 else (beta - 1, beta - 2) if beta <= 2 else (beta - 1, 0)
    power = [np.log(ratio) if p == -1 else (ratio ** (p + 1) - 1) / (p + 1) for p in (up, down)]
    divergence = A * (denominator * power[0] - numerator * power[1])
    return (divergence + told(bound, a, A)).sum()


@of_each_beta
@of_each_seed
def test_a_step_lowers_the_bound(beta, seed):
    given = drawn_bound(seed, (4, 6))
    rule = StepRule(beta, 1.0 if beta == 1 else 1 / (3 - beta) if beta <= 2 else 0.5, True)
    stepped = multiplicative_step(*given, rule)
    assert surrogate(stepped, *given, beta) <= surrogate(given[0], *given, beta)


@of_each_seed
def test_the_minimum_is_exact_where_it_is_known(seed):
    given = drawn_bound(seed, (4, 6))
    stepped = step_to_bound(*given, 1.0, 1.0, exact=True)
    slopes = jax.grad(surrogate_kl)(stepped, *given)
    np.testing.assert_allclose(slopes, 0, atol=1e-10)


def surrogate_kl(a, A, numerator, denominator, bound):
    return (denominator * a - numerator * A * jnp.log(a) + told(bound, a, A)).sum()


@of_each_beta
@of_each_seed
def test_a_step_with_a_total_lowers_the_bound(beta, seed):
    given = drawn_bound(seed, (4, 6), total=2.0)
    stepped = step_to_bound(*given, beta, 1.0, exact=beta == 1)
    np.testing.assert_allclose(stepped.sum(axis=1), 2, rtol=1e-14)
    assert surrogate(stepped, *given, beta) <= surrogate(given[0], *given, beta)


def test_a_step_with_a_total_is_exact_for_kl():
    A, numerator, denominator, bound = drawn_bound(3, (1, 5), total=1.0)
    stepped = step_to_bound(A, numerator, denominator, bound, 1.0, 1.0, exact=True)
    best = scipy.optimize.minimize(
        lambda a: float(surrogate_kl(jnp.asarray(a)[None], A, numerator, denominator, bound)),
        np.full(5, 0.2),
        bounds=[(1e-9, None)] * 5,
        constraints={"type": "eq", "fun": lambda a: a.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    np.testing.assert_allclose(stepped[0], best.x, atol=1e-5)


@of_each_beta
def test_zeros_stay_and_what_nothing_speaks_for_becomes_zero(beta):
    zero = jnp.zeros((2, 3))
    A = jnp.asarray([[0.0, 1, 1], [0, 0, 0]])
    one, bound = jnp.ones((2, 3)), Bound(0.0, 1.0, 0.0, 1.0)
    stepped = step_to_bound(A, one, one, bound, beta, 1.0, exact=beta == 1)
    np.testing.assert_allclose(stepped, [[0, 0.5, 0.5], [0, 0, 0]], atol=1e-12)
    given = A, zero, zero, Bound()
    np.testing.assert_array_equal(step_to_bound(*given, beta, 1.0, exact=beta == 1), zero)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_close_to_nothing_does_not_overflow(dtype):
    tiny = jnp.asarray([[np.finfo(dtype).tiny, 1]], dtype)
    none = jnp.zeros_like(tiny)
    bound = Bound(slope=tiny, credit=jnp.ones_like(tiny))
    for exact in (False, True):
        stepped = step_to_bound(tiny, none, none, bound, 1.0, 1.0, exact=exact)
        assert stepped.dtype == dtype
        assert np.isfinite(stepped).all()


@of_each_beta
def test_a_bound_of_prices_is_a_step_with_prices(beta):
    A, numerator, denominator, bound = drawn_bound(0, (4, 6))
    rule = StepRule(beta, 0.7, True)
    prices = Prices(bound.linear, bound.slope / A)
    expected = multiplicative_step(A, numerator, denominator, prices, rule)
    bound = bound._replace(credit=0.0)
    found = multiplicative_step(A, numerator, denominator, bound, rule)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_orders_of_rows_come_back_from_columns():
    active, linear, quadratic, reach, exponent = jnp.arange(35.0).reshape(5, 7)
    orders = RowOrders(active, RowNumbers(linear, quadratic), reach, exponent)
    found = RowOrders.of_columns(jnp.stack(orders.to_columns(), axis=-1))
    np.testing.assert_array_equal(found.active[:, 0], active)
    np.testing.assert_array_equal(found.penalty.linear_or_weight[:, 0], linear)
    np.testing.assert_array_equal(found.penalty.quadratic_or_offset[:, 0], quadratic)
    np.testing.assert_array_equal(found.reach[:, 0], reach)
    np.testing.assert_array_equal(found.exponent[:, 0], exponent)


@of_each_seed
@pytest.mark.parametrize("membership", [None, IN_GROUPS.membership], ids=["prices", "groups"])
def test_rows_pay_by_their_own_numbers(seed, membership):
    rng = np.random.default_rng(seed)
    W, H = jnp.asarray(rng.random((7, 3))), jnp.asarray(rng.random((3, 9)))
    numbers = RowNumbers(*(jnp.asarray(rng.random((7, 1)) + 0.1) for _ in range(2)))
    penalty = row_penalty(numbers, membership if membership is None else jnp.asarray(membership))
    costs = penalty.costs(W, H)
    first, second = np.asarray(numbers[0]), np.asarray(numbers[1])
    if membership is None:
        expected = (first * W + second * W**2 / 2).sum(axis=1)
    else:
        levels = np.asarray(W * H.sum(axis=1)) @ membership
        expected = (first * np.log1p(levels / second)).sum(axis=1)
    np.testing.assert_allclose(costs, expected, rtol=1e-12)
    slopes = jax.grad(lambda W: penalty.costs(W, H).sum())(W)
    told = penalty.bound(H)
    found = told.linear + told.quadratic * W if membership is None else told(W).linear
    np.testing.assert_allclose(found, slopes, rtol=1e-12)
