"""Low-rank weights: what is lost is known, and nothing where nothing may be."""

import pickle

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import DeepUnfoldedNMF
from skbss.compression import LoRA, LowRank, lora, low_rank, merge, n_parameters

pytestmark = pytest.mark.filterwarnings(
    "ignore:None of .* epochs:sklearn.exceptions.ConvergenceWarning"
)

M, N, LAYERS = 12, 15, 3


def weights(seed=0, dtype=np.float64, level=1.0):
    rng = np.random.default_rng(seed)
    return {
        "layers": (level * rng.normal(size=(LAYERS, M, N))).astype(dtype),
        "output": (level * rng.normal(size=(M, N))).astype(dtype),
        "bias": rng.normal(size=N).astype(dtype),
    }


@given(
    seed=st.integers(0, 2**16),
    rank=st.integers(1, 6),
    level=st.sampled_from([1e-12, 1.0, 1e12]),
)
@settings(max_examples=30)
def test_what_is_lost_are_the_last_singular_values(seed, rank, level):
    given_weights = weights(seed, level=level)
    compressed = low_rank(given_weights, rank)
    merged = merge(compressed)
    for name in ("layers", "output"):
        values = np.linalg.svd(given_weights[name], compute_uv=False)
        error = np.linalg.norm(given_weights[name] - merged[name], axis=(-2, -1))
        tail = np.sqrt((values[..., rank:] ** 2).sum(axis=-1))
        np.testing.assert_allclose(error, tail, rtol=1e-10)
        assert (np.linalg.matrix_rank(merged[name]) <= rank).all()
    assert compressed["bias"] is given_weights["bias"]
    assert n_parameters(compressed) == (LAYERS + 1) * rank * (M + N) + N


def test_only_what_saves_is_replaced():
    # 12 * 15 / (12 + 15) = 6.67
    assert isinstance(low_rank(weights(), 6)["output"], LowRank)
    for rank in (7, 12, 1000):
        same = low_rank(weights(), rank)
        assert n_parameters(same) == n_parameters(weights())
        np.testing.assert_array_equal(same["output"], weights()["output"])
    only = low_rank(weights(), 2, names=["output"])
    assert isinstance(only["layers"], np.ndarray)
    assert isinstance(only["output"], LowRank)


def test_a_matrix_of_that_rank_stays_the_same():
    rng = np.random.default_rng(0)
    A = {"A": rng.normal(size=(M, 2)) @ rng.normal(size=(2, N))}
    np.testing.assert_allclose(merge(low_rank(A, 2))["A"], A["A"], atol=1e-13)
    zeros = {"A": np.zeros((M, N))}
    np.testing.assert_array_equal(merge(low_rank(zeros, 2))["A"], zeros["A"])


@given(seed=st.integers(0, 2**16), rank=st.integers(1, M), alpha=st.floats(0.1, 100))
@settings(max_examples=30)
def test_a_change_of_low_rank(seed, rank, alpha):
    given_weights = weights(seed)
    adapted = lora(given_weights, rank, alpha=alpha, random_state=seed)
    for name, one in merge(adapted).items():
        np.testing.assert_array_equal(one, given_weights[name])
    rng = np.random.default_rng(seed)
    trained = {
        name: one._replace(B=rng.normal(size=one.B.shape)) if isinstance(one, LoRA) else one
        for name, one in adapted.items()
    }
    merged, x = merge(trained), rng.normal(size=(2, M))
    for name in ("layers", "output"):
        base, A, B, scale = trained[name]
        assert scale == pytest.approx(alpha / rank)
        change = merged[name] - given_weights[name]
        assert (np.linalg.matrix_rank(change, rtol=1e-9) <= rank).all()
        np.testing.assert_allclose(x @ merged[name], x @ base + scale * (x @ A @ B), rtol=1e-9)
    assert n_parameters(merged) == n_parameters(given_weights)
    held = n_parameters(given_weights)
    assert n_parameters(trained) == held + (LAYERS + 1) * rank * (M + N)


def test_what_is_drawn():
    wide = {"A": np.zeros((4000, 30))}
    A = lora(wide, 5, random_state=0)["A"].A
    assert A.var() * 4000 == pytest.approx(1, rel=0.05)
    np.testing.assert_array_equal(A, lora(wide, 5, random_state=0)["A"].A)
    assert not np.array_equal(A, lora(wide, 5, random_state=1)["A"].A)


def test_the_change_is_what_gradients_reach():
    base = {"A": jnp.asarray(weights(dtype=np.float32)["output"])}
    layer = lora(base, 2, random_state=0)["A"]
    x, y = jnp.ones(M), jnp.arange(N, dtype=jnp.float32)

    @jax.jit
    def loss(A, B):
        return jnp.square(x @ merge({"A": layer._replace(A=A, B=B)})["A"] - y).mean()

    to_A, to_B = jax.grad(loss, argnums=(0, 1))(layer.A, layer.B)
    # What A does is lost in B = 0; B moves first.
    assert not to_A.any()
    assert to_B.any()
    assert loss(layer.A, layer.B - 1e-3 * to_B) < loss(layer.A, layer.B)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("change", [low_rank, lora])
def test_precision_and_kind_stay(change, dtype):
    one = weights(dtype=dtype)
    merged = merge(change(one, 2))
    assert all(isinstance(A, np.ndarray) and A.dtype == dtype for A in merged.values())
    with jax.enable_x64(dtype == np.float64):
        on_device = {name: jnp.asarray(A) for name, A in one.items()}
    options = {"random_state": 0} if change is lora else {}
    found = change(on_device, 2, **options)
    for name, A in merge(found).items():
        assert isinstance(A, jax.Array)
        assert A.dtype == dtype
        expected = merge(change(one, 2, **options))[name]
        np.testing.assert_allclose(A, expected, atol=1e-5 if dtype == np.float32 else 1e-13)
    restored = pickle.loads(pickle.dumps(change(one, 2, **options)))
    np.testing.assert_array_equal(
        merge(restored)["output"], merge(change(one, 2, **options))["output"]
    )


NARROW = [np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("dtype", NARROW)
def test_few_bits_come_back(dtype, kind):
    given_weights = {name: kind(one) for name, one in weights(dtype=dtype).items()}
    compressed = low_rank(given_weights, 3)
    merged = merge(compressed)
    for name in ("layers", "output"):
        for part in (*compressed[name], merged[name]):
            assert isinstance(part, type(given_weights[name]))
            assert part.dtype == dtype
        single = np.asarray(given_weights[name]).astype(np.float32)
        expected = merge(low_rank({name: single}, 3))[name]
        # Both factors and their product are rounded; the rows of one are of norm one.
        size = np.linalg.norm(expected, axis=(-2, -1)).max()
        error = np.abs(np.asarray(merged[name]).astype(np.float32) - expected).max()
        assert error <= 3 * size * float(ml_dtypes.finfo(dtype).eps)
    change = merge(lora(given_weights, 3, random_state=0))
    for name, one in change.items():
        assert one.dtype == dtype
        np.testing.assert_array_equal(one, given_weights[name])


@pytest.mark.parametrize("dtype", NARROW)
def test_few_bits_are_multiplied_in_more(dtype):
    given_weights = weights(dtype=dtype)
    layer = lora(given_weights, 8, random_state=0)["output"]
    layer = layer._replace(B=np.random.default_rng(1).normal(size=layer.B.shape).astype(dtype))
    base, A, B = (one.astype(np.float64) for one in layer[:3])
    exact = base + layer.scale * (A @ B)
    (merged,) = merge({"A": layer}).values()
    assert merged.dtype == dtype
    # Rounded once: half of the last bit.
    eps = float(ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(merged.astype(np.float64), exact, rtol=0.51 * eps, atol=1e-5)
    finer = layer._replace(A=layer.A.astype(np.float32), B=layer.B.astype(np.float32))
    assert merge({"A": finer})["A"].dtype == np.float32
    thin = low_rank(given_weights, 2)["output"]
    finer = thin._replace(right=thin.right.astype(np.float32))
    assert merge({"A": thin})["A"].dtype == dtype
    assert merge({"A": finer})["A"].dtype == np.float32


def test_the_longest_precision_is_decomposed_as_double():
    long = {"A": weights()["output"].astype(np.longdouble)}
    (merged,) = merge(low_rank(long, 2)).values()
    assert merged.dtype == np.longdouble
    np.testing.assert_allclose(
        merged.astype(float), merge(low_rank({"A": long["A"].astype(float)}, 2))["A"], rtol=1e-12
    )


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_factors_that_few_bits_cannot_hold_are_refused(kind):
    large = {"A": kind(np.full((M, N), 60000, np.float16))}
    with pytest.raises(ValueError, match=r"'A'\] is too large for factors of float16"):
        low_rank(large, 1)


@pytest.mark.parametrize("change", [low_rank, lora])
def test_names_can_be_generated(change):
    found = change(weights(), 2, names=(name for name in ["output"]))
    assert isinstance(found["output"], LowRank | LoRA)
    assert isinstance(found["layers"], np.ndarray)


@pytest.mark.parametrize("other", [np.ones((9, 9)).tolist(), {"kernel": np.ones((9, 9))}, None])
def test_what_is_no_array_is_refused(other):
    of = {**weights(), "dense": other}
    functions = [merge, n_parameters, lambda one: low_rank(one, 2), lambda one: lora(one, 2)]
    for function in functions:
        message = rf"'dense'\] must be an array of NumPy or JAX, got {type(other).__name__}"
        with pytest.raises(TypeError, match=message):
            function(of)
        with pytest.raises(TypeError, match="dict of arrays, got list"):
            function([np.ones((9, 9))])


def test_numbers_and_products_stay():
    given_weights = {**weights(), "gain": 2.0, "shift": np.float32(1)}
    compressed = low_rank(given_weights, 2, names=["output"])
    both = lora(compressed, 2, random_state=0)
    assert both["gain"] == 2
    assert both["output"] is compressed["output"]
    assert isinstance(both["layers"], LoRA)
    assert n_parameters(given_weights) == n_parameters(weights()) + 2
    assert merge(both)["shift"] == 1


def test_gradients_reach_all_unless_they_are_of_the_thin_factors():
    base = {"A": jnp.asarray(weights(dtype=np.float32)["output"])}
    adapted = lora(base, 2, random_state=0)
    slopes = jax.grad(lambda tree: jnp.square(merge(tree)["A"]).sum())(adapted)["A"]
    assert slopes.base.any()
    assert slopes.B.any()
    assert jnp.shape(slopes.scale) == ()


def test_weights_of_a_trained_model():
    rng = np.random.default_rng(0)
    y = rng.gamma(1, size=(40, 2, 9))
    network = DeepUnfoldedNMF(4, n_layers=2, n_epochs=1, batch_size=32, random_state=0)
    trained = network.fit(y.sum(axis=1), y).weights_
    compressed = low_rank(trained, 2)
    assert n_parameters(compressed) < n_parameters(trained)
    assert {name: A.shape for name, A in merge(compressed).items()} == {
        name: A.shape for name, A in trained.items()
    }
    for name, A in merge(lora(trained, 2, random_state=0)).items():
        np.testing.assert_array_equal(A, trained[name])


@pytest.mark.parametrize("change", [low_rank, lora])
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        change(weights(), 0)
    with pytest.raises(TypeError, match=r"integer of at least 1, got 1\.5"):
        change(weights(), 1.5)
    with pytest.raises(TypeError, match="dict of arrays, got list"):
        change([np.ones((3, 3))], 1)
    with pytest.raises(ValueError, match=r"'input', which is no array .*\['bias', 'layers'"):
        change(weights(), 1, names=["input"])
    with pytest.raises(ValueError, match=r"'bias'\] of shape \(15,\) is no matrix"):
        change(weights(), 1, names=["bias"])
    with pytest.raises(TypeError, match="use \\['output'\\]"):
        change(weights(), 1, names="output")
    with pytest.raises(TypeError, match="names must be a list of names, got 5"):
        change(weights(), 1, names=5)
    with pytest.raises(TypeError, match="floating-point, got int64"):
        change({"A": np.ones((3, 3), int)}, 1)
    with pytest.raises(ValueError, match="NaN or infinite"):
        change({"A": np.full((3, 3), np.nan)}, 1)


def test_changes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="rank=13 is more than"):
        lora(weights(), 13)
    with pytest.raises(ValueError, match="alpha must be a positive number, got -1"):
        lora(weights(), 1, alpha=-1)
    with pytest.raises(TypeError, match="alpha must be a positive number, got 'a'"):
        lora(weights(), 1, alpha="a")
