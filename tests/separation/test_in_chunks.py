"""A recording that comes in blocks is separated as if it were whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import (
    STFT,
    BetaNMF,
    ConvNMF,
    DeepUnfoldedNMF,
    ExemplarNMF,
    MiniBatchBetaNMF,
    MiniBatchSparseNMF,
    Separator,
    SparseNMF,
    StructuredNMF,
)
from skbss.separation import _in_chunks

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)
LENGTH = 9001


def draw(n_channels=None):
    """Two tones that come and go; the second half is louder."""
    rng, time = np.random.default_rng(0), np.arange(LENGTH) / 8000
    tones = np.sin(2 * np.pi * np.array([[440], [1300]]) * time)
    tones *= np.array([time % 0.3 < 0.2, time % 0.4 < 0.3]) * (1 + (time > 0.5))
    sources = tones + 1e-3 * rng.standard_normal(tones.shape)
    if n_channels is None:
        return sources
    return sources[:, None] * rng.uniform(0.5, 1, (2, n_channels, 1))


class Blocks:
    """The same blocks every time."""

    def __init__(self, x, *cuts):
        self.parts = np.split(x, cuts, axis=-1)

    def __iter__(self):
        return iter(self.parts)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(_in_chunks, "_SAMPLES", 2000)


def separator(factorizer=None, *, supervised=True, n_channels=None, **parameters):
    sources = draw(n_channels)
    known = sources if n_channels is None else sources[None]
    if factorizer is None:
        factorizer = BetaNMF(3, beta_loss=1, max_iter=20, tol=0, random_state=0)
    parameters = {"stft": STFT(256), "n_sources": 2, "random_state": 0} | parameters
    y = known if supervised else None
    return Separator(factorizer, **parameters).fit(known.sum(axis=-2 - (n_channels is not None)), y)


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-9)


@settings(max_examples=8)
@given(
    cuts=st.lists(st.integers(0, LENGTH), max_size=5),
    stft=st.sampled_from(
        [
            {"n_fft": 256},
            {"n_fft": 256, "hop_length": 100, "pad_mode": "reflect"},
            {"n_fft": 250, "win_length": 200, "center": False},
        ]
    ),
    n_channels=st.sampled_from([None, 2]),
)
def test_blocks_give_what_the_whole_gives(cuts, stft, n_channels):
    fitted = separator(n_channels=n_channels, stft=STFT(**stft))
    x = draw(n_channels).sum(axis=0)
    whole = fitted.transform(x if n_channels is None else x[None])
    whole = whole if n_channels is None else whole[0]
    parts = list(fitted.transform(Blocks(x, *sorted(cuts))))
    assert len(parts) > 2
    together = np.concatenate(parts, axis=-1)
    close(together, whole)
    np.testing.assert_allclose(together.sum(axis=0), x, atol=1e-9)


@pytest.mark.parametrize(
    ("factorizer", "supervised"),
    [
        (SparseNMF(3, sparsity=3, init="random", max_iter=20, tol=0), True),
        (ExemplarNMF(5, max_iter=20, tol=0), True),
        (DeepUnfoldedNMF(3, n_layers=2, n_epochs=1, validation_fraction=0), True),
        (BetaNMF(4, beta_loss=2, max_iter=20, tol=0, init="random"), False),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_factorizer_that_hears_frames_alone(factorizer, supervised):
    fitted = separator(factorizer, supervised=supervised)
    x = draw().sum(axis=0)
    parts = fitted.transform(Blocks(x, 4000))
    np.testing.assert_allclose(
        np.concatenate(list(parts), axis=-1), fitted.transform(x), rtol=1e-6, atol=1e-6
    )


@settings(max_examples=8)
@given(
    cuts=st.lists(st.integers(0, LENGTH), max_size=5),
    stft=st.sampled_from(
        [{"n_fft": 256}, {"n_fft": 250, "hop_length": 60, "win_length": 200, "center": False}]
    ),
    n_channels=st.sampled_from([None, 2]),
    init=st.sampled_from(["random", "nndsvda"]),
)
def test_it_is_learned_from_blocks_as_from_the_whole(cuts, stft, n_channels, init):
    x = draw(n_channels).sum(axis=0)
    model = MiniBatchBetaNMF(4, beta_loss=1, init=init, batch_size=64, max_iter=3, tol=0)
    whole, read = (
        Separator(model, stft=STFT(**stft), n_sources=2, random_state=0) for _ in range(2)
    )
    expected = whole.fit_transform(x if n_channels is None else x[None])
    expected = expected if n_channels is None else expected[0]
    parts = list(read.fit_transform(Blocks(x, *sorted(cuts))))
    close(read.components_, whole.components_)
    np.testing.assert_array_equal(read.atom_source_, whole.atom_source_)
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), expected, rtol=1e-5, atol=1e-6)


def test_who_learns_from_blocks():
    x = draw().sum(axis=0)
    online = Separator(MiniBatchSparseNMF(3, max_iter=2), stft=STFT(256))
    assert online.fit(Blocks(x, 3000)).components_.shape == (3, 129)
    with pytest.raises(TypeError, match="BetaNMF learns from all frames at once: pass"):
        Separator(BetaNMF(3)).fit(Blocks(x, 3000))
    with pytest.raises(TypeError, match="gone through more than once"):
        online.fit(iter([x]))
    with pytest.raises(ValueError, match="in blocks is separated blindly: leave out y"):
        online.fit(Blocks(x, 3000), draw())
    for empty in (Blocks(x[:0]), Blocks(x[:0], 0)):
        with pytest.raises(ValueError, match="X is empty"):
            online.fit(empty)


def test_an_iterator_is_taken_to_be_as_loud_as_its_first_piece():
    x = draw().sum(axis=0)
    parts = separator().transform(iter([x]))
    close(np.concatenate(list(parts), axis=-1), separator().transform(x))
    # Where the price of activations depends on the level, it makes a difference.
    priced = SparseNMF(3, beta_loss=2, sparsity=3, init="random", max_iter=20, tol=0)
    priced = separator(priced)
    once = np.concatenate(list(priced.transform(iter([x]))), axis=-1)
    assert 1e-6 < np.abs(once - priced.transform(x)).max() < 0.5


def test_nothing_is_read_ahead():
    x = draw().sum(axis=0)
    read = []

    def blocks():
        for start in range(0, LENGTH, 500):
            read.append(start)
            yield x[start : start + 500]

    first = next(separator().transform(blocks()))
    assert first.shape[-1] <= 2000
    assert max(read) < 3000


def test_precision_is_that_of_the_first_block():
    x = draw().sum(axis=0).astype(np.float32)
    parts = list(separator().transform(iter([x[:5000], x[5000:].astype(float)])))
    assert {part.dtype for part in parts} == {np.dtype(np.float32)}


def test_silence_is_silent():
    parts = list(separator().transform(Blocks(np.zeros(LENGTH), 3000)))
    assert sum(part.shape[-1] for part in parts) == LENGTH
    assert not any(part.any() for part in parts)


@pytest.mark.parametrize("length", [1, 130, 1999, 2256, 2513])
def test_short_recordings(length):
    x = draw().sum(axis=0)[:length]
    parts = separator().transform(Blocks(x, length // 2))
    close(np.concatenate(list(parts), axis=-1), separator().transform(x))


@pytest.mark.parametrize(
    "factorizer",
    [
        ConvNMF(2, template_length=2, max_iter=2),
        StructuredNMF(2, smoothness=0.1, max_iter=2),
        DeepUnfoldedNMF(2, n_layers=1, n_epochs=0, context=1),
        DeepUnfoldedNMF(2, n_layers=1, n_epochs=0, unfolding="both"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_factorizers_that_hear_a_context_are_refused(factorizer):
    with pytest.raises(TypeError, match="hears frames in the context of others"):
        separator(factorizer).transform(iter([np.ones(1000)]))


def test_blocks_have_to_be_alike():
    fitted = separator()
    for wrong, message in [
        ([np.ones(500), np.ones((2, 500))], r"channels of the first one, of shape \(500,\)"),
        ([np.ones(500), np.full(500, np.nan)], "NaN"),
        ([np.ones((500, 2))], "time"),
        ([], "X is empty"),
        ([np.ones(0)], "X is empty"),
    ]:
        with pytest.raises(ValueError, match=message):
            list(fitted.transform(iter(wrong)))


def test_pieces_to_come_are_of_the_model_of_today():
    x = draw().sum(axis=0)
    fitted = separator()
    expected = fitted.transform(x)
    pieces = fitted.transform(Blocks(x))
    fitted.fit(x[::-1][None])
    np.testing.assert_allclose(np.concatenate(list(pieces), axis=-1), expected, atol=1e-9)


@pytest.mark.parametrize("method", ["score", "activations"])
def test_the_rest_is_for_recordings_in_memory(method):
    call, x = getattr(separator(), method), draw().sum(axis=0)
    arguments = [Blocks(x), draw()] if method == "score" else [Blocks(x)]
    with pytest.raises(TypeError, match="X is of type Blocks, but has to be in memory here"):
        call(*arguments)
