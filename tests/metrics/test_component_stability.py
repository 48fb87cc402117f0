"""The stability of components: what it does not depend on, and what it says."""

from itertools import permutations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbss import BetaNMF
from skbss.metrics import component_stability


def draw(seed, *shape):
    return np.random.default_rng(seed).gamma(0.3, size=shape) + 1e-6


@given(seed=st.integers(0, 2**16), n_fits=st.integers(2, 4))
def test_order_and_level_do_not_matter(seed, n_fits):
    rng = np.random.default_rng(seed)
    H = draw(seed, 5, 8)
    same = [
        H[rng.permutation(5)] * rng.choice([1e-200, 1e-3, 1, 1e200], (5, 1)) for _ in range(n_fits)
    ]
    assert component_stability(same) == pytest.approx(1)
    other = draw(seed + 1, 5, 8)
    found = component_stability([H, other])
    assert 0 <= found < 1
    assert component_stability([other[::-1], 3 * H]) == pytest.approx(found)


def test_the_matching_is_the_best_of_all():
    A, B = draw(0, 4, 6), draw(1, 4, 6)
    units = [H / np.linalg.norm(H, axis=1, keepdims=True) for H in (A, B)]
    cosines = units[0] @ units[1].T
    best = max(np.mean(cosines[range(4), order]) for order in permutations(range(4)))
    assert component_stability([A, B]) == pytest.approx(best)


def test_it_is_the_mean_over_pairs_of_fits():
    fits = [draw(seed, 4, 6) for seed in range(3)]
    pairs = [component_stability([fits[a], fits[b]]) for a, b in [(0, 1), (0, 2), (1, 2)]]
    assert component_stability(fits) == pytest.approx(np.mean(pairs))


def test_what_has_no_match_counts_as_unlike():
    H = np.eye(4)
    assert component_stability([H, H[:3]]) == pytest.approx(0.75)
    padded = np.concatenate([H[:3], np.zeros((2, 4))])
    assert component_stability([H, padded]) == pytest.approx(0.75)
    assert component_stability([padded, H[:3]]) == 1
    assert component_stability([H, 0 * H]) == 0
    assert component_stability([0 * H, 0 * H]) == 1


def test_templates_and_jax_arrays():
    H = draw(0, 3, 2, 5)
    assert component_stability([H, H[::-1]]) == pytest.approx(1)
    assert component_stability([H, H[:, ::-1]]) < 1
    single = [jnp.asarray(H, jnp.float32), jnp.asarray(H[::-1], jnp.float32)]
    assert component_stability(single) == pytest.approx(1, abs=1e-6)


def test_starts_of_a_factorization_agree_on_what_is_there():
    rng = np.random.default_rng(0)
    X = rng.gamma(0.2, size=(60, 3)) @ rng.gamma(0.2, size=(3, 20))
    stability = [
        component_stability(
            BetaNMF(K, n_init=4, random_state=0, tol=1e-6, max_iter=3000).fit(X).restart_components_
        )
        for K in (3, 6)
    ]
    assert stability[0] > 0.99 > stability[1]


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([np.eye(3)], "components must be those of two fits at least, got 1"),
        ([np.eye(3), np.eye(4)], r"must have the same shape, got \(\d,\) and \(\d,\)"),
        ([np.eye(3), -np.eye(3)], r"Negative values in data passed to components\[1\]"),
        ([np.eye(3), np.full((3, 3), np.nan)], "NaN"),
    ],
)
def test_wrong_input(components, message):
    with pytest.raises(ValueError, match=message):
        component_stability(components)


@pytest.mark.parametrize("components", [None, np.eye(3)])
def test_the_components_of_one_fit_are_refused(components):
    with pytest.raises(TypeError, match=r"one of shape .* for every fit, got"):
        component_stability(components)
