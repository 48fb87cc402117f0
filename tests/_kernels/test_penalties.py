"""Penalties: their prices are their slopes, and bound them from above."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.dense_data import DenseData
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.penalties import ElasticNet
from skbss._kernels.penalties import prices_of_rows as prices_where
from skbss._kernels.relevance import RelevancePenalty
from skbss._kernels.sparsity import NormalizedSparsity

PENALTIES = [
    ElasticNet(0.1, 0.2, 0.3, 0.4),
    ElasticNet(0.1, 0.0, 0.0, 0.4),
    NormalizedSparsity(0.7, 1),
    NormalizedSparsity(0.7, 2),
    RelevancePenalty(0.7, 0.3, 0, 1.0, 1),
    RelevancePenalty(0.7, 0.3, 1, 0.25, 2),
]
of_each_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(0.1, 2, (5, 3))), jnp.asarray(rng.uniform(0.1, 2, (3, 4)))


@jax.jit
def cost(penalty, W, H):
    return penalty.cost(H, penalty.row_sums(W))


def prices_of_rows(penalty, W, H):
    return prices_where(penalty, DenseData(W @ H, None), H, W, lambda W: W)


def near(prices, A):
    """What the prices at some point say that the entries of a factor cost, but for a constant."""
    return float(prices.of(A).sum())


@of_each_penalty
@pytest.mark.parametrize("seed", range(5))
def test_prices_are_slopes(penalty, seed):
    W, H = draw(seed)
    slopes = jax.grad(cost, argnums=(1, 2))(penalty, W, H)
    of_components = penalty.prices_of_components(H, penalty.row_sums(W))
    told_prices = prices_of_rows(penalty, W, H), of_components
    for A, slope, prices in zip((W, H), slopes, told_prices, strict=True):
        told = np.broadcast_to(prices.linear + prices.quadratic * A, A.shape)
        np.testing.assert_allclose(told, slope, rtol=1e-12)


@of_each_penalty
@pytest.mark.parametrize("seed", range(5))
def test_prices_bound_what_the_penalty_becomes(penalty, seed):
    (W, H), (other_W, other_H) = draw(seed), draw(seed + 100)
    prices = prices_of_rows(penalty, W, H)
    change = cost(penalty, other_W, H) - cost(penalty, W, H)
    assert change <= prices.of(other_W).sum() - prices.of(W).sum() + 1e-9
    prices = penalty.prices_of_components(H, penalty.row_sums(W))
    change = cost(penalty, W, other_H) - cost(penalty, W, H)
    assert change <= prices.of(other_H).sum() - prices.of(H).sum() + 1e-9


@of_each_penalty
def test_quadratic_prices_are_known_beforehand(penalty):
    W, H = draw(0)
    of_components = penalty.prices_of_components(H, penalty.row_sums(W))
    prices = prices_of_rows(penalty, W, H), of_components
    assert penalty.are_quadratic() == tuple(bool(np.any(each.quadratic)) for each in prices)


@of_each_penalty
def test_sums_over_rows_add_up(penalty):
    W, H = draw(0)
    parts = penalty.row_sums(W[:2]) + penalty.row_sums(W[2:])
    assert penalty.cost(H, parts) == pytest.approx(float(cost(penalty, W, H)))


@of_each_penalty
def test_a_component_of_zeros_has_prices(penalty):
    W, H = draw(0)
    prices = penalty.prices_of_components(H.at[1].set(0), penalty.row_sums(W.at[:, 1].set(0)))
    assert np.isfinite(prices.linear).all()
    assert np.isfinite(prices.quadratic).all()


@pytest.mark.parametrize("order", [1, 2])
def test_the_level_of_a_component_does_not_matter(order):
    W, H = draw(0)
    gains = np.array([0.1, 1, 30])
    penalty = NormalizedSparsity(0.7, order)
    scaled = cost(penalty, W * gains, H / gains[:, None])
    norms = np.linalg.norm(H, order, axis=1)
    assert scaled == pytest.approx(float(cost(penalty, W, H)))
    assert scaled == pytest.approx(float(0.7 * (W * norms).sum()))


@pytest.mark.parametrize("order", [1, 2])
def test_relevances_are_those_of_the_prior(order):
    """At the best relevances the prior costs what the penalty says, but for a constant."""
    (W, H), (other_W, other_H) = draw(0), draw(1)
    weight, offset, count = 0.7 * 13, 0.3, 13

    def of_prior(W, H):
        amounts = (W**order / order).sum(axis=0) + (H**order / order).sum(axis=1) + offset
        relevance = amounts / count
        return weight / count * (amounts / relevance + count * np.log(relevance)).sum()

    penalty = RelevancePenalty(weight, offset, 0, 1.0, order)
    change = cost(penalty, W, H) - cost(penalty, other_W, other_H)
    assert change == pytest.approx(of_prior(W, H) - of_prior(other_W, other_H))
    prices = penalty.prices_of_components(H, penalty.row_sums(W))
    price = prices.linear if order == 1 else prices.quadratic
    amounts = (W**order / order).sum(axis=0) + (H**order / order).sum(axis=1) + offset
    np.testing.assert_allclose(price[:, 0], 0.7 / (amounts / count), rtol=1e-12)


def test_known_components_and_those_of_zeros_cost_nothing():
    W, H = draw(0)
    assert cost(RelevancePenalty(0.7, 0.3, 3, 1.0, 1), W, H) == 0
    assert cost(RelevancePenalty(0.7, 0.3, 0, 1.0, 1), 0 * W, 0 * H) == 0
    one, rest = RelevancePenalty(0.7, 0.3, 0, 1.0, 1), RelevancePenalty(0.7, 0.3, 1, 1.0, 1)
    first = cost(one, W[:, :1], H[:1])
    assert cost(one, W, H) == pytest.approx(float(first + cost(rest, W, H)))


@pytest.mark.parametrize("order", [1, 2])
def test_a_sample_of_the_rows_costs_its_share(order):
    W, H = draw(0)
    penalty = RelevancePenalty(0.7, 0.3, 0, 1.0, order)
    whole = cost(penalty, np.concatenate([W, W]), H)
    assert cost(penalty.of_share(0.5), W, H) == pytest.approx(float(whole / 2))


def test_prices_of_rows_in_blocks_are_those_of_all():
    W, H = draw(0)
    penalty = RelevancePenalty(0.7, 0.3, 0, 1.0, 1)
    assert penalty.couples_rows
    assert not NormalizedSparsity(0.7, 1).couples_rows
    padded = np.concatenate([W, 100 + W])[:8].reshape(2, 4, 3)
    blocks = FrameBlocks(jnp.ones((2, 4, 4)), None, jnp.int32(1))
    prices = prices_where(penalty, blocks, H, jnp.asarray(padded), lambda W: W)
    np.testing.assert_allclose(prices.linear, prices_of_rows(penalty, W[:4], H).linear)
