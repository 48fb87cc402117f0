"""Components that a network begins from: what is given is taken, or refused in one way."""

import jax.numpy as jnp
import numpy as np
import pytest

from skbss import BetaNMF, DeepUnfoldedNMF, SparseNMF
from skbss.factorization._source_dictionaries import source_dictionaries

Y = np.random.default_rng(0).gamma(1, size=(20, 2, 6))
GIVEN = np.random.default_rng(1).gamma(1, size=(3, 6)) + 0.1
MUST = r"init\[1\] must be components of shape \(n_components, 6\), .* or a fitted factorization"


def begun(init):
    learner = SparseNMF(2)
    return source_dictionaries(Y, (20,), 0, init, learner, np.random.RandomState(0))


@pytest.mark.parametrize("one", [GIVEN, GIVEN.tolist(), GIVEN.astype(np.float32), jnp.array(GIVEN)])
def test_components_are_taken_over_at_norm_one(one):
    H, sources = begun([GIVEN[:1], one])
    np.testing.assert_array_equal(sources, [0, 1, 1, 1])
    np.testing.assert_allclose(
        H[1:], GIVEN / np.linalg.norm(GIVEN, axis=1, keepdims=True), rtol=1e-6
    )


def test_those_of_a_fitted_factorization_are_taken_over():
    fitted = BetaNMF(2, random_state=0).fit(Y[:, 1])
    np.testing.assert_array_equal(begun([GIVEN, fitted])[0], begun([GIVEN, fitted.components_])[0])


@pytest.mark.parametrize(
    ("one", "got"),
    [
        (np.ones((0, 6)), r"shape \(0, 6\)"),
        ([], r"shape \(0,\)"),
        (np.ones((3, 5)), r"shape \(3, 5\)"),
        (np.ones(6), r"shape \(6,\)"),
        ([[1, 2], [3]], "list"),
        ("nndsvda", "str"),
        (np.full((3, 6), "a"), "array of <U1"),
        (np.full((3, 6), 1j), "array of complex128"),
        (None, "NoneType"),
        (5, "int"),
        ({"components_": GIVEN}, "dict"),
    ],
)
def test_what_is_no_components_is_refused_in_one_way(one, got):
    with pytest.raises(ValueError, match=rf"{MUST}.*got.*{got}"):
        begun([GIVEN, one])


@pytest.mark.parametrize("one", [SparseNMF(3), BetaNMF(3), DeepUnfoldedNMF(3)])
def test_what_is_not_fitted_is_refused(one):
    with pytest.raises(ValueError, match=rf"{MUST}.*got {type(one).__name__}, .*not fitted"):
        begun([GIVEN, one])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_components_are_finite_and_non_negative(bad):
    with pytest.raises(ValueError, match=r"init\[1\] must be finite and non-negative"):
        begun([GIVEN, np.where(np.arange(6) == 2, bad, GIVEN)])


def test_what_is_too_large_for_the_precision_is_refused_without_a_warning():
    single, init = Y.astype(np.float32), [1e300 * GIVEN, GIVEN]
    with pytest.raises(ValueError, match=r"init\[0\] must be finite and non-negative in float32"):
        source_dictionaries(single, (20,), 0, init, SparseNMF(2), np.random.RandomState(0))
