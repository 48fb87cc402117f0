"""Sources as users give them: taken as mixtures are, or refused in words about sources."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from skbss import DeepUnfoldedNMF
from skbss.factorization._checked import Checked
from skbss.factorization._sources_of_mixtures import check_sources_of

# Of numbers that every precision holds.
Y = np.random.default_rng(0).integers(0, 9, size=(20, 3, 6)).astype(float)
X = Y.sum(axis=1)
SHAPE = r"\(20, n_sources, 6\)"


def sources(y, X=X, leading=(20,)):
    return check_sources_of(y, X, Checked(abs(X), None, leading, leading))


@pytest.mark.parametrize(
    "y",
    [
        Y.tolist(),
        Y.astype(int),
        Y.astype(np.uint8),
        Y.astype(np.float16),
        Y.astype(object),
        Y.astype(int).astype(object),
        Y.astype(ml_dtypes.bfloat16),
        Y.astype(ml_dtypes.float8_e4m3fn),
        jnp.asarray(Y, jnp.float32),
        jnp.asarray(Y, jnp.bfloat16),
        np.vectorize(Fraction, otypes=[object])(Y.astype(int)),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64, "jax"])
def test_numbers_of_every_kind(y, kind):
    mixtures = jnp.asarray(X, jnp.float32) if kind == "jax" else X.astype(kind)
    found = sources(y, mixtures)
    assert isinstance(found, jax.Array if kind == "jax" else np.ndarray)
    assert found.dtype == mixtures.dtype
    np.testing.assert_array_equal(found, Y)


@pytest.mark.parametrize("y", [Y > 4, (Y > 4).astype(object), jnp.asarray(Y > 4)])
def test_activity_is_numbers(y):
    np.testing.assert_array_equal(sources(y), (Y > 4).astype(float))


def test_complex_numbers_among_objects():
    np.testing.assert_array_equal(sources((1j * Y).astype(object), 1j * X), 1j * Y)
    with pytest.raises(ValueError, match="both hold magnitudes, or both complex"):
        sources((1j * Y).astype(object))


def test_large_integers_stay_what_they_are_beside_mixtures_of_jax():
    large = Y.astype(np.int64) * 2**40
    found = sources(large, jnp.asarray(X, jnp.float32))
    np.testing.assert_array_equal(found, large.astype(np.float32))


def test_doubles_beside_doubles_of_jax():
    with jax.enable_x64(True):
        mixtures = jnp.asarray(X)
    found = sources(Y / 3, mixtures)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(np.asarray(found), Y / 3)


def test_axes_before_the_last_are_flattened():
    found = sources(Y.reshape(4, 5, 3, 6).astype(object), leading=(4, 5))
    np.testing.assert_array_equal(found, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, rf"requires y to be passed, but the target y is None: .* shape {SHAPE}"),
        (Y[:, :0], r"y must hold at least one source, got the shape \(20, 0, 6\)"),
        (Y[:, 0], rf"y must have the shape {SHAPE}, got \(20, 6\)"),
        (Y[:, 0].astype(object), rf"y must have the shape {SHAPE}, got \(20, 6\)"),
        ([[1, 2], [3]], rf"y must have the shape {SHAPE}, but is no array: .*inhomogeneous"),
        (Y.astype(str), "y must hold numbers, got <U"),
        (Y.astype(str).astype(object), "y must hold numbers, got <U"),
        (Y.astype("timedelta64[s]"), "y must hold numbers, got timedelta64"),
        (np.full(Y.shape, object()), "y must hold numbers, got object"),
        (np.where(Y > 7, None, Y), "y must be finite"),
        (1e300 * Y, "y must be finite"),
        (-Y, "y must be non-negative"),
        (-Y.astype(object), "y must be non-negative"),
    ],
)
def test_refusals(y, message):
    with pytest.raises(ValueError, match=message):
        sources(y, X.astype(np.float32))


def test_a_network_tells_what_it_lacks():
    network = DeepUnfoldedNMF(2, n_layers=1, n_epochs=0, random_state=0)
    with pytest.raises(ValueError, match="y must hold at least one source"):
        network.fit(X, Y[:, :0])
    with pytest.raises(ValueError, match="requires y to be passed"):
        network.fit(X, None)
    fitted = network.fit(X, Y.astype(object))
    assert fitted.score(X, Y.astype(object)) == fitted.score(X, Y)
