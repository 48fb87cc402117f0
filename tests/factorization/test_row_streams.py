"""Rows that are not in memory: memory-mapped, of Dask, from iterators."""

import pickle
import subprocess
import sys
import tempfile
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, ExemplarNMF, MiniBatchBetaNMF, SparseNMF
from skbss._runtime import row_streams
from skbss._runtime.scratch import ScratchRows
from skbss.factorization import _rows_to_learn

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


def draw(n_rows=70, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(0.5, size=(n_rows, 3)) @ rng.gamma(0.5, size=(3, 12)) + 0.01
    return X.astype(dtype)


@pytest.fixture
def X():
    return draw()


def mapped(X, folder, mode="r"):
    path = folder / "X.npy"
    np.save(path, X)
    return np.load(path, mmap_mode=mode)


class Blocks:
    """The same blocks every time."""

    def __init__(self, X, *cuts):
        self.parts = [part for part in np.split(X, cuts) if len(part)]

    def __iter__(self):
        return iter(self.parts)


def model(**parameters):
    defaults = {"n_components": 3, "init": "random", "random_state": 0, "batch_size": 20}
    return MiniBatchBetaNMF(**{**defaults, "max_iter": 10, "beta_loss": 1} | parameters)


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-9)


@pytest.fixture(params=[1, 2**23], ids=["row by row", "at once"])
def block_size(request, monkeypatch):
    monkeypatch.setattr(row_streams, "_BYTES_PER_BLOCK", request.param)


@pytest.mark.parametrize("init", ["random", None, "nndsvdar", "custom"])
@pytest.mark.parametrize("fresh_restarts", [False, True])
def test_a_fit_to_what_is_mapped_is_that_to_what_is_in_memory(
    X, init, fresh_restarts, block_size, tmp_path
):
    rng = np.random.default_rng(1)
    given = {"W": rng.uniform(size=(70, 3)), "H": rng.uniform(size=(3, 12))}
    given = given if init == "custom" else {}
    held, read = (model(init=init, fresh_restarts=fresh_restarts) for _ in range(2))
    W = held.fit_transform(X, **given)
    found = read.fit_transform(mapped(X, tmp_path), **given)
    assert type(found) is type(W) is np.ndarray
    close(found, W)
    close(read.components_, held.components_)
    assert (read.n_iter_, read.n_steps_) == (held.n_iter_, held.n_steps_)
    assert read.reconstruction_err_ == pytest.approx(held.reconstruction_err_, rel=1e-9)


@settings(max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 70), max_size=6),
    batch_size=st.integers(1, 80),
    beta=st.sampled_from([0, 1, 2]),
    missing=st.booleans(),
    weighted=st.booleans(),
)
def test_how_rows_are_cut_does_not_matter(cuts, batch_size, beta, missing, weighted):
    X, rng = draw(), np.random.default_rng(1)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    weights = rng.uniform(size=X.shape) if weighted else None
    held, read = (model(batch_size=batch_size, beta_loss=beta, max_iter=2) for _ in range(2))
    held.fit(X, weights=weights)
    read.fit(Blocks(X, *sorted(cuts)), weights=weights)
    close(read.components_, held.components_)


def test_an_iterator_is_learned_from_once(X):
    together, apart = model(), model()
    together.fit(iter(np.split(X, [7, 7, 50])))
    for start in range(0, 70, 20):
        apart.partial_fit(X[start : start + 20])
    close(together.components_, apart.components_)
    assert (together.n_iter_, together.n_steps_) == (1, 4)
    # Nothing is left of what was learned before.
    close(together.fit(iter([X])).components_, apart.components_)


def test_many_rows_begin_with_a_sample_of_them(X, monkeypatch, tmp_path):
    monkeypatch.setattr(_rows_to_learn, "_ROWS_OF_SAMPLE", 16)
    models = [model(init="nndsvda", max_iter=3) for _ in range(3)]
    for one, data in zip(models, [X, mapped(X, tmp_path), Blocks(X, 3, 11, 40)], strict=True):
        one.fit(data)
        close(one.components_, models[0].components_)
    whole = model(init="nndsvda", max_iter=3)
    monkeypatch.undo()
    assert not np.allclose(whole.fit(X).components_, models[0].components_)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sample_keeps_no_block_in_memory(X, monkeypatch, weighted):
    monkeypatch.setattr(_rows_to_learn, "_ROWS_OF_SAMPLE", 16)
    most_held = 0

    class Passing:
        """Blocks that are made when they are asked for."""

        def __iter__(self):
            nonlocal most_held
            made = []
            for row in range(len(X)):
                held = sum(block() is not None for block in made)
                most_held = max(most_held, held)
                block = np.array(X[row : row + 1])
                made.append(weakref.ref(block))
                yield block

    weights = np.ones_like(X) if weighted else None
    model(init="nndsvda", max_iter=1, batch_size=1).fit(Passing(), weights=weights)
    # One that is looked at, and one that is made.
    assert most_held <= 2


def test_precision_is_that_of_the_first_block(X, tmp_path):
    found = model().fit_transform(mapped(X.astype(np.float32), tmp_path))
    assert found.dtype == np.float32
    parts = [X[:5].astype(np.float32), X[5:]]
    for blocks in (Blocks(X.astype(np.float32), 20), iter(parts)):
        assert model().fit(blocks).components_.dtype == np.float32


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix, jnp.asarray, np.ndarray.tolist])
def test_blocks_of_every_kind(X, kind):
    X *= np.median(X) <= X
    X = X.astype(np.float32) if kind is jnp.asarray else X
    parts = [kind(part) for part in np.split(X, [15, 40])]

    class Parts:
        def __iter__(self):
            return iter(parts)

    read, held = model(max_iter=3).fit(Parts()), model(max_iter=3).fit(X)
    np.testing.assert_allclose(read.components_, held.components_, rtol=1e-4, atol=1e-6)
    kind_of_result = jax.Array if kind is jnp.asarray else np.ndarray
    assert isinstance(read.components_, kind_of_result)


@pytest.mark.parametrize(
    "fitted",
    [
        BetaNMF(3, random_state=0),
        BetaNMF(3, solver="mu", beta_loss=1, random_state=0),
        SparseNMF(3, init="random", random_state=0),
        ExemplarNMF(5, random_state=0),
        model(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_activations_and_scores_block_by_block(X, fitted, block_size, tmp_path):
    fitted.fit(X)
    expected, score = fitted.transform(X), fitted.score(X)
    found = fitted.transform(mapped(X, tmp_path))
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    parts = list(fitted.transform(iter(np.split(X, [7, 50]))))
    assert [len(part) for part in parts] == [7, 43, 20]
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-6, atol=1e-9)
    for data in (mapped(X, tmp_path), iter(np.split(X, [7, 50]))):
        assert fitted.score(data) == pytest.approx(score, rel=1e-6)


def test_axes_before_the_last_two(X, tmp_path):
    stacked = X.reshape(7, 2, 5, 12)
    W = model().fit_transform(mapped(stacked, tmp_path))
    assert W.shape == (7, 2, 5, 3)
    close(W.reshape(70, 3), model().fit_transform(X))


def test_weights_go_with_their_rows(X, tmp_path):
    weights = np.random.default_rng(2).uniform(size=X.shape)
    fitted = model().fit(X, weights=weights)
    close(fitted.transform(mapped(X, tmp_path), weights=weights), fitted.transform(X, weights))
    (tmp_path / "weights").mkdir()
    given = mapped(weights, tmp_path / "weights")
    assert fitted.score(mapped(X, tmp_path), weights=given) == pytest.approx(
        fitted.score(X, weights=weights)
    )
    wrong = r"weights of shape \({}, 12\) do not broadcast to the shape of X, which has {} rows"
    with pytest.raises(ValueError, match=wrong.format(69, "more")):
        model().fit(Blocks(X, 10), weights=weights[1:])
    with pytest.raises(ValueError, match=wrong.format(70, "69")):
        model().fit(Blocks(X[1:], 10), weights=weights)


def test_arrays_of_dask(X):
    da = pytest.importorskip("dask.array")
    lazy = da.from_array(X, chunks=(17, 5))
    read, held = model().fit(lazy), model().fit(X)
    close(read.components_, held.components_)
    W = held.transform(lazy)
    assert isinstance(W, da.Array)
    assert W.shape == (70, 3)
    assert W.chunks[1] == (3,)
    close(W.compute(), held.transform(X))
    assert held.score(lazy) == pytest.approx(held.score(X))
    row = np.arange(12.0)
    close(held.transform(lazy, weights=row).compute(), held.transform(X, weights=row))
    with pytest.raises(ValueError, match="one for every feature"):
        held.transform(lazy, weights=X)
    unknown = lazy[lazy[:, 0] > np.median(X[:, 0])]
    some = X[X[:, 0] > np.median(X[:, 0])]
    close(model().fit(unknown).components_, model().fit(some).components_)
    close(held.transform(unknown).compute(), held.transform(some))
    close(read.partial_fit(lazy).components_, held.partial_fit(X).components_)


def test_what_is_refused_is_refused_before_anything_is_learned(X, tmp_path):
    negative = X.copy()
    negative[66, 3] = -1
    fitted = model()
    with pytest.raises(ValueError, match="Negative values in data passed to MiniBatchBetaNMF"):
        fitted.fit(mapped(negative, tmp_path))
    assert not hasattr(fitted, "components_")
    negative[66] = np.nan
    negative[:, 5] = np.nan
    with pytest.raises(ValueError, match="Column 5 of X has no observed entry"):
        fitted.fit(Blocks(negative, 30))
    for n_rows in (5, 70):
        with pytest.raises(ValueError, match="12 features"):
            fitted.fit([X[:, :5], X[:n_rows]][k] for k in (1, 0))
    for empty in (iter([]), Blocks(X[:0]), iter([X[:0]])):
        with pytest.raises(ValueError, match="X has no rows"):
            model().fit(empty)


def test_iterators_know_no_activations_of_all_rows(X):
    for refused in ({"W": np.ones((70, 3))}, {"weights": np.ones(12)}):
        with pytest.raises(ValueError, match="Rows of an iterator come once"):
            model(init="custom").fit(iter([X]), **refused)
    with pytest.raises(ValueError, match="Rows of an iterator come once"):
        model().fit_transform(iter([X]))
    with pytest.raises(TypeError, match="held-out entries needs X and y in memory"):
        model().fit(X).score(iter([X]), X)


def test_blocks_that_differ_from_turn_to_turn_are_noticed(X):
    class Fewer:
        turns = 0

        def __iter__(self):
            self.turns += 1
            return iter([X[self.turns :]])

    with pytest.raises(ValueError, match=r"had 69 rows .* and has 68 now"):
        model().fit(Fewer())

    class More:
        turns = 0

        def __iter__(self):
            self.turns += 1
            return iter([X[: 30 + 5 * self.turns]])

    with pytest.raises(ValueError, match=r"had 35 rows .* and has more now"):
        model().fit(More())


def test_a_private_mapping_keeps_what_was_written(X, tmp_path):
    private = mapped(np.zeros_like(X), tmp_path, mode="c")
    private[...] = X
    close(model().fit(private).components_, model().fit(X).components_)
    np.testing.assert_array_equal(private, X)


def test_what_is_written_to_a_shared_mapping_stays(X, tmp_path):
    shared = mapped(np.zeros_like(X), tmp_path, mode="r+")
    shared[...] = X
    model(max_iter=1).fit(shared)
    np.testing.assert_array_equal(shared, X)


def test_convergence_is_told(X, tmp_path):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1"):
        model(max_iter=1, max_no_improvement=None).fit(mapped(X, tmp_path))


def test_pickles_know_nothing_of_streams(X):
    fitted = model().fit(Blocks(X, 10))
    close(pickle.loads(pickle.dumps(fitted)).components_, fitted.components_)


PROGRAM = """
import pathlib
import numpy as np
from skbss import MiniBatchBetaNMF

def fit(name):
    model = MiniBatchBetaNMF(5, init="random", batch_size=4096, max_iter=1, random_state=0)
    model.set_params(max_no_improvement=None, tol=0).fit(np.load(name, mmap_mode="r"))

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])

fit("small.npy")
before = peak()
fit("large.npy")
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted by Linux")
def test_memory_does_not_grow_with_the_data(tmp_path):
    rng = np.random.default_rng(0)
    for name, n_blocks in (("small", 3), ("large", 32)):
        shape = (n_blocks * 4096, 512)
        X = np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", np.float32, shape)
        for start in range(0, len(X), 4096):
            X[start : start + 4096] = rng.random((4096, 512), np.float32)
        X.flush()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A fifth of the file, and little more than a block that is read.
    assert int(done.stdout) < 50e6


@pytest.mark.parametrize("known", ["W and H", "H"])
def test_rows_that_no_turn_came_to_are_as_they_began(X, known, tmp_path):
    rng = np.random.default_rng(1)
    given = {"W": rng.uniform(size=(70, 3)), "H": rng.uniform(size=(3, 12))}
    given = {name: given[name] for name in known.split(" and ")}
    held, read = (model(init="custom", tol=1e9) for _ in range(2))
    W = held.fit_transform(X, **given)
    assert held.n_steps_ == 2
    close(read.fit_transform(mapped(X, tmp_path), **given), W)
    assert read.reconstruction_err_ == pytest.approx(held.reconstruction_err_, rel=1e-9)


def streams(X, folder):
    dask_array = pytest.importorskip("dask.array")
    return [mapped(X, folder), dask_array.from_array(X, chunks=(4, 3, 5))]


@pytest.mark.parametrize("shape", [(7, 10, 12), (7, 1, 1), (1, 10, 12), (10, 1), (12,)])
def test_weights_are_broadcast_as_in_memory(X, shape, tmp_path):
    X, weights = X.reshape(7, 10, 12), np.random.default_rng(1).uniform(0.5, 1.5, shape)
    held = model(max_iter=2).fit(X, weights=weights)
    W, score = held.transform(X, weights), held.score(X, weights=weights)
    for rows in streams(X, tmp_path):
        read = model(max_iter=2).fit(rows, weights=weights)
        close(read.components_, held.components_)
        assert held.score(rows, weights=weights) == pytest.approx(score, rel=1e-9)
    close(held.transform(mapped(X, tmp_path), weights), W)


class Changing(Blocks):
    """Fewer rows from the second time on."""

    def __iter__(self):
        parts, self.parts = self.parts, self.parts[:1]
        return iter(parts)


def spoiled(X):
    X = X.copy()
    X[40, 2] = -1
    return X


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    "rows",
    [
        lambda X: iter([X[:30], spoiled(X)[30:]]),
        lambda X: Blocks(spoiled(X), 30),
        lambda X: Blocks(spoiled(X)[:, :5], 30),
        lambda X: Changing(X, 30),
        lambda X: iter([X[:30], X[30:, :5]]),
    ],
)
def test_a_fit_that_fails_leaves_everything_as_it_was(X, rows, fitted):
    estimator = model(max_iter=2)
    if fitted:
        estimator.fit(X)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match=r"Negative values|rows when they were|features"):
        estimator.fit(rows(X))
    assert vars(estimator) == before


def test_an_error_tells_where_it_is(X):
    with pytest.raises(ValueError, match="Negative values") as caught:
        model().fit(Blocks(spoiled(X), 30, 50))
    assert caught.value.__notes__ == ["This is about the rows from 30 to 49 of X."]


def test_blocks_of_jax_give_arrays_of_jax(X):
    held, parts = model().fit(X), [jnp.asarray(X[:30], "f"), jnp.asarray(X[30:], "f")]
    blocks = Blocks(X)
    blocks.parts = parts
    read = model().fit(blocks)
    assert isinstance(read.components_, jax.Array)
    np.testing.assert_allclose(read.components_, held.components_, rtol=1e-3, atol=1e-4)
    assert isinstance(model().fit_transform(blocks), jax.Array)
    assert isinstance(read.partial_fit(parts[0]).components_, jax.Array)


@pytest.mark.parametrize("init", ["random", "nndsvda"])
@pytest.mark.parametrize("double", [0, 1])
def test_the_precision_is_that_of_all_blocks_together(X, double, init):
    blocks = Blocks(X, 30)
    X = X.astype(np.float32).astype(np.float64)
    blocks.parts = [X[:30], X[30:]]
    blocks.parts[1 - double] = blocks.parts[1 - double].astype(np.float32)
    expected = model(init=init).fit(X).components_
    assert model(init=init).fit(blocks).components_.dtype == np.float64
    close(model(init=init).fit(blocks).components_, expected)
    # One of JAX, without double precision there, does not change that.
    blocks.parts[1 - double] = jnp.asarray(blocks.parts[1 - double])
    close(model(init=init).fit(blocks).components_, expected)


def test_a_frame_is_not_made_of_what_is_not_in_memory(X, tmp_path):
    pytest.importorskip("pandas")
    dask_array = pytest.importorskip("dask.array")
    fitted = model().fit(X).set_output(transform="pandas")
    for rows in (iter([X]), dask_array.from_array(X)):
        with pytest.raises(ValueError, match="is for data in memory"):
            fitted.transform(rows)
    close(fitted.transform(mapped(X, tmp_path)).to_numpy(), fitted.transform(X).to_numpy())


def test_what_is_computed_later_is_of_the_model_of_today(X):
    dask_array = pytest.importorskip("dask.array")
    fitted = model().fit(X)
    expected = fitted.transform(X)
    lazy, blocks = fitted.transform(dask_array.from_array(X)), fitted.transform(iter([X]))
    fitted.fit(X[::-1] ** 3)
    close(lazy.compute(), expected)
    close(next(blocks), expected)


def test_another_number_of_features_is_refused_at_once(X):
    dask_array = pytest.importorskip("dask.array")
    fitted = model().fit(X)
    with pytest.raises(ValueError, match="X has 4 features, but MiniBatchBetaNMF is expecting 12"):
        fitted.transform(dask_array.from_array(X)[:, :4])


@pytest.mark.parametrize("first", [0, 1])
def test_sparse_and_dense_blocks_together(X, first):
    blocks = Blocks(X, 30)
    blocks.parts[first] = sp.csr_matrix(blocks.parts[first])
    with pytest.raises(TypeError, match="all dense or all sparse: those before row 30"):
        model().fit(blocks)
    # Batches that come once are independent of each other.
    close(model().fit(iter(blocks)).components_, model().fit(iter(Blocks(X))).components_)


@pytest.mark.parametrize("block", [3.0, None, np.ones(12)])
@pytest.mark.parametrize(
    "kind", [iter, lambda parts: type("Again", (), {"__iter__": lambda _: iter(parts)})()]
)
def test_blocks_that_are_none(X, block, kind):
    with pytest.raises(ValueError, match="must be blocks of rows"):
        model().fit(kind([X, block]))


def test_blocks_are_refused_where_a_matrix_is_needed(X):
    for call in (BetaNMF(2).fit, model().partial_fit, BetaNMF(2).fit_transform):
        with pytest.raises(TypeError, match="takes a matrix in memory here"):
            call(iter([X]))


def test_a_disk_without_room_leaves_nothing_open(monkeypatch):
    closed = []

    class Full:
        def truncate(self, size):
            raise OSError(28, "No space left on device")

        def close(self):
            closed.append(self)

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(OSError, match="No space left on device: a temporary file of 48 bytes in"):
        ScratchRows((3, 2), np.float64)
    assert len(closed) == 1
