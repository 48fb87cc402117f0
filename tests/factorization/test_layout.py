"""Where rows lie while they are computed with: back again unchanged, in few shapes."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbss.factorization import _layout
from skbss.factorization._layout import Layout, choose_layout, plain_layout

BLOCKS = Layout(
    n_rows=21, n_columns=5, n_components=3, height=8, width=6, rank=8, n_blocks=4, used=3
)
WHOLE = Layout(n_rows=21, n_columns=5, n_components=3, height=24, width=6, rank=8)


@pytest.mark.parametrize("layout", [BLOCKS, WHOLE])
@pytest.mark.parametrize("xp", [np, jnp])
def test_rows_come_back(layout, xp):
    A = xp.asarray(np.arange(105, dtype=np.float32).reshape(21, 5))
    laid_out = layout.lay_out(A, np.float32, 6, fill=-1.0)
    assert laid_out.shape == (*layout.rows_shape, 6)
    assert np.count_nonzero(laid_out == -1) == laid_out.size - A.size
    back = layout.gather(laid_out, 5, xp)
    np.testing.assert_array_equal(back, A)
    assert isinstance(back, type(A))


@pytest.mark.parametrize("layout", [BLOCKS, WHOLE])
def test_numpy_and_jax_are_laid_out_alike(layout):
    rng = np.random.default_rng(0)
    A, scale = rng.random((21, 5), np.float32), rng.random((21, 1), np.float32) + 0.5
    for how in ({"scale": scale, "fill": 0.5}, {"scale": 2.0, "smallest": 0.25}, {}):
        of_jax = {k: jnp.asarray(v) if np.ndim(v) else v for k, v in how.items()}
        ours = layout.lay_out(A, np.float32, 6, **how)
        np.testing.assert_allclose(
            ours, layout.lay_out(jnp.asarray(A), np.float32, 6, **of_jax), rtol=1e-6
        )
    silent = rng.random(21) < 0.5
    np.testing.assert_array_equal(
        layout.lay_out(silent, bool), layout.lay_out(jnp.asarray(silent), bool)
    )


def test_the_callers_array_is_not_written_to():
    A = np.ones((21, 5), np.float32)
    BLOCKS.lay_out(A, np.float32, 6, scale=2.0, smallest=0.75)
    np.testing.assert_array_equal(A, 1)


def test_the_first_blocks_are_spread_over_all_rows():
    layout = Layout(160, 1, 1, height=16, width=1, rank=8, n_blocks=10, used=10)
    times = layout.lay_out(np.arange(160.0), np.float64)
    for n_blocks in (1, 2, 4):
        gaps = np.diff(np.sort(np.ravel(times[:n_blocks])))
        assert gaps.max() <= 2 * 10 / n_blocks


def test_the_nearest_block_is_close_in_time():
    layout = Layout(160, 1, 1, height=16, width=1, rank=8, n_blocks=12, used=10)
    times = np.asarray(layout.lay_out(np.arange(160.0), np.float64, fill=0))
    nearest = layout.nearest_blocks(4)
    assert nearest.max() < 4
    np.testing.assert_array_equal(nearest[:4], range(4))
    distance = np.abs(times[:10] - times[nearest[:10]])
    assert distance.max() <= 3


@given(
    n_rows=st.integers(1, 10**6), n_columns=st.integers(1, 3000), n_components=st.integers(1, 200)
)
def test_every_matrix_has_a_place(n_rows, n_columns, n_components):
    layout = choose_layout((n_rows, n_columns), n_components)
    room = layout.height * max(layout.used, 1)
    assert n_rows <= room <= max(16, 1.26 * n_rows + layout.height * (layout.used > 0))
    assert n_columns <= layout.width < n_columns + 16
    if n_rows * layout.width > 1 << 19:
        assert n_components <= layout.rank < n_components + 8
    else:
        assert n_components <= layout.rank <= max(16, 1.67 * n_components)
    assert layout.rank % 8 == 0
    assert layout.used <= layout.n_blocks <= max(4, 1.26 * layout.used)


def test_a_search_over_the_rank_of_small_data_compiles_few_programs():
    ranks = {choose_layout((1251, 257), k).rank for k in range(1, 65)}
    assert ranks == {16, 24, 40, 64}
    assert len({choose_layout((15504, 1025), k).rank for k in range(1, 65)}) == 8


def test_similar_sizes_share_a_shape():
    shapes = {choose_layout((n, 257), k).rows_shape for n in range(900, 1025) for k in (3, 8)}
    assert len(shapes) == 1


def test_sparse_rows_stay_as_they_are():
    layout = plain_layout((21, 5), 3)
    A = np.arange(105.0).reshape(21, 5)
    np.testing.assert_array_equal(layout.lay_out(A, float, 5), A)
    assert layout.rows_shape == (21,)


def test_only_large_data_is_cut(monkeypatch):
    assert not choose_layout((1251, 257), 40).n_blocks
    assert choose_layout((15504, 1025), 40).used > 4
    # What would be a single block is none.
    monkeypatch.setattr(_layout, "_LARGE", 100)
    assert not choose_layout((1251, 257), 40).n_blocks
