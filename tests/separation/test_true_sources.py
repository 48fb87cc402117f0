"""What holds for all estimators that are told the true sources."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from skbss import STFT, Separator
from skbss.metrics import si_sdr
from skbss.separation import (
    IdealBinaryMask,
    IdealRatioMask,
    IdealWienerFilter,
    MixtureAsEstimate,
)

FRONT_END = STFT(256)
FILTERS = [
    IdealRatioMask(stft=FRONT_END),
    IdealRatioMask(1, stft=FRONT_END),
    IdealBinaryMask(stft=FRONT_END),
    IdealWienerFilter(stft=FRONT_END),
]
filters = pytest.mark.parametrize("bound", FILTERS, ids=repr)
every_bound = pytest.mark.parametrize("bound", [*FILTERS, MixtureAsEstimate()], ids=repr)


@pytest.fixture(scope="module")
def mixtures(sources):
    return sources.sum(axis=1)


@filters
def test_the_sources_are_found_and_add_up_to_the_mixture(bound, mixtures, sources):
    estimates = bound.fit_transform(mixtures, sources)
    assert estimates.shape == sources.shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    assert si_sdr(sources, estimates).min() > 10


@every_bound
def test_layouts(bound, mixtures, sources):
    expected = bound.fit_transform(mixtures, sources)
    one = bound.fit_transform(mixtures[0], sources[0])
    np.testing.assert_allclose(one, expected[0], atol=1e-12)
    lengths = [4000, 3001, 777]
    X = [x[:n] for x, n in zip(mixtures, lengths, strict=False)]
    y = [s[:, :n] for s, n in zip(sources, lengths, strict=False)]
    estimates = bound.fit_transform(X, y)
    assert [e.shape for e in estimates] == [(3, n) for n in lengths]
    np.testing.assert_allclose(estimates[0], expected[0], atol=1e-12)


@every_bound
def test_channels(bound, sources):
    gains = np.array([[1.0, 0.2], [0.1, 1.0], [0.7, 0.7]])
    images = sources[:, :, None] * gains[None, :, :, None]
    X = images.sum(axis=1)
    estimates = bound.fit_transform(X, images)
    assert estimates.shape == images.shape
    expected = si_sdr(images.reshape(6, 3, -1), estimates.reshape(6, 3, -1)).mean()
    np.testing.assert_allclose(bound.fit(X, images).score(X, images), expected)


@every_bound
def test_score(bound, mixtures, sources):
    expected = si_sdr(sources, bound.fit_transform(mixtures, sources)).mean()
    fitted = clone(bound).fit(mixtures, sources)
    np.testing.assert_allclose(fitted.score(mixtures, sources), expected)
    one = fitted.score(mixtures[0], sources[0])
    np.testing.assert_allclose(fitted.score(mixtures[:1], sources[:1]), one)


@every_bound
def test_silent_references_are_left_out_of_the_score(bound, mixtures, sources):
    y = sources[:2].copy()
    y[:, 1] = 0
    x = y.sum(axis=1)
    estimates = bound.fit_transform(x, y)
    assert np.isfinite(estimates).all()
    expected = si_sdr(y[:, [0, 2]], estimates[:, [0, 2]]).mean()
    np.testing.assert_allclose(bound.fit(x, y).score(x, y), expected)


@filters
def test_a_silent_source_has_a_silent_estimate(bound, sources):
    y = sources[:1].copy()
    y[:, 1] = 0
    # Digital silence of all would be shared equally.
    estimates = bound.fit_transform(y.sum(axis=1), y)
    np.testing.assert_allclose(estimates[0, 1], 0, atol=1e-12)


@every_bound
def test_silence(bound):
    silence = np.zeros((2, 1000))
    assert not bound.fit_transform(silence, np.zeros((2, 3, 1000))).any()
    # A mixture of sources that are not those of it is still shared.
    estimates = bound.fit_transform(silence + 1, np.zeros((2, 2, 1000)))
    assert np.isfinite(estimates).all()


@filters
def test_what_no_source_explains_is_shared_equally(bound):
    x = np.random.default_rng(0).standard_normal((1, 2, 2000))
    estimates = bound.fit_transform(x, np.zeros((1, 4, 2, 2000)))
    np.testing.assert_allclose(estimates, np.repeat(x[:, None] / 4, 4, axis=1), atol=1e-12)


@every_bound
@pytest.mark.parametrize("level", [1e-30, 1e36])
@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_no_level_is_too_high_or_too_low(bound, sources, level, convert):
    y = sources[0].astype(np.float32) / 8
    x = y.sum(axis=0)
    expected = np.asarray(bound.fit_transform(convert(x), convert(y)))
    gain = np.float32(level)
    ours = np.asarray(bound.fit_transform(convert(gain * x), convert(gain * y)))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours / gain, expected, atol=1e-3)
    unlike = np.asarray(bound.fit_transform(convert(x), convert(gain * y)))
    np.testing.assert_allclose(unlike, expected, atol=1e-3)


@every_bound
def test_jax_arrays_stay_jax_arrays(bound, sources):
    images = np.stack([sources[:2], 0.5 * sources[:2, ::-1]], axis=2).astype(np.float32)
    x = images.sum(axis=1)
    estimates = bound.fit_transform(jnp.asarray(x), jnp.asarray(images))
    assert isinstance(estimates, jax.Array)
    np.testing.assert_allclose(estimates, bound.fit_transform(x, images), atol=2e-3)
    assert isinstance(bound.transform(list(map(jnp.asarray, x)), list(images)), jax.Array)


@filters
@settings(deadline=None, max_examples=10)
@given(
    x=hnp.arrays(np.float32, (2, 300), elements=st.floats(-1, 1, width=32), fill=st.just(0.0)),
    y=hnp.arrays(np.float32, (3, 2, 300), elements=st.floats(-1, 1, width=32), fill=st.just(0.0)),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_estimates_add_up_whatever_the_sources_are(bound, x, y, level):
    bound = clone(bound).set_params(stft__n_fft=64)
    x = np.float32(level) * x
    estimates = bound.fit_transform(x[None], y[None])[0]
    assert estimates.dtype == np.float32
    assert np.isfinite(estimates).all()
    np.testing.assert_allclose(estimates.sum(axis=0), x, rtol=0, atol=4e-6 * level)
    if not x.any():
        assert not estimates.any()


@filters
@pytest.mark.parametrize(
    "stft",
    [
        STFT(256, hop_length=128),
        STFT(255),
        STFT(256, hop_length=100, win_length=200, center=False, window="hamming"),
        STFT(1024, pad_mode="reflect"),
        STFT(8192),
    ],
    ids=repr,
)
def test_every_sample_comes_back(bound, stft):
    y = np.random.default_rng(0).standard_normal((2, 3999))
    estimates = clone(bound).set_params(stft=stft).fit_transform(y.sum(axis=0), y)
    np.testing.assert_allclose(estimates.sum(axis=0), y.sum(axis=0), atol=1e-12)


@filters
def test_blocks_leave_no_seams(bound):
    rng = np.random.default_rng(0)
    y = rng.standard_normal((2, 2, 300_000)).astype(np.float32)
    x = y.sum(axis=0)[None]
    bound = clone(bound).set_params(stft=STFT(8192))
    estimates = bound.fit_transform(x, y[None])
    np.testing.assert_allclose(estimates.sum(axis=1), x, atol=1e-5)
    # An array of JAX is one block.
    whole = bound.fit_transform(jnp.asarray(x), jnp.asarray(y[None]))
    np.testing.assert_allclose(estimates, whole, atol=2e-2)
    assert np.abs(estimates - whole).mean() < 1e-5


@every_bound
def test_it_behaves_as_an_estimator(bound, mixtures, sources):
    with pytest.raises(NotFittedError):
        clone(bound).transform(mixtures, sources)
    fitted = clone(bound)
    assert fitted.fit(mixtures, sources) is fitted
    assert fitted.n_sources_ == 3
    before = pickle.dumps(fitted)
    estimates = fitted.transform(mixtures, sources)
    assert pickle.dumps(fitted) == before
    again = pickle.loads(before).transform(mixtures, sources)
    np.testing.assert_array_equal(again, estimates)
    assert np.isfinite(cross_val_score(bound, mixtures, sources, cv=2)).all()


def test_only_the_bounds_take_sources():
    assert all(bound.takes_sources for bound in [*FILTERS, MixtureAsEstimate()])
    assert not hasattr(Separator(), "takes_sources")


def test_the_front_end_is_tuned_like_any_other(mixtures, sources):
    grid = {"stft__n_fft": [16, 256]}
    search = GridSearchCV(IdealRatioMask(), grid, cv=2).fit(mixtures, sources)
    assert search.best_params_ == {"stft__n_fft": 256}
    for bound in (IdealRatioMask(), IdealBinaryMask(), IdealWienerFilter()):
        assert bound.set_params(stft__n_fft=512).stft.n_fft == 512


@every_bound
def test_sources_are_needed(bound, mixtures, sources):
    name = type(bound).__name__
    with pytest.raises(ValueError, match=f"{name} requires y to be passed, but the target y is N"):
        clone(bound).fit(mixtures, None)
    fitted = clone(bound).fit(mixtures, sources)
    with pytest.raises(TypeError, match=f"{name} is made from the true.*pass them as sources"):
        fitted.transform(mixtures)
    with pytest.raises(TypeError, match=f"{name} is made from the true.*pass them as y"):
        fitted.score(mixtures, None)
    with pytest.raises(ValueError, match=f"y holds 2 sources, but {name} was fitted for 3"):
        fitted.score(mixtures, sources[:, :2])
    with pytest.raises(ValueError, match=f"sources holds 2 sources, but {name} was fitted for 3"):
        fitted.transform(mixtures, sources[:, :2])
    with pytest.raises(ValueError, match=r"sources\[0\] must hold the isolated sources of a clip"):
        fitted.transform(mixtures, sources[..., :99])
    with pytest.raises(ValueError, match="sources holds the sources of 5 clips, but there are 6"):
        fitted.transform(mixtures, sources[:5])
    with pytest.raises(ValueError, match="y must hold as many sources in every clip"):
        fitted.fit([mixtures[0], mixtures[1, :99]], [sources[0], sources[1, :2, :99]])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.fit(np.full((2, 900), np.nan), np.ones((2, 2, 900)))
    with pytest.raises(ValueError, match="Input sources contains NaN"):
        fitted.transform(mixtures, np.full_like(sources, np.nan))


@filters
@pytest.mark.parametrize(
    ("stft", "error", "message"),
    [
        ("hann", TypeError, "stft must be an STFT, got 'hann'"),
        (STFT(0), ValueError, "n_fft == 0"),
        (STFT(256, hop_length=256), ValueError, "has no inverse"),
    ],
)
def test_wrong_front_ends(bound, mixtures, sources, stft, error, message):
    with pytest.raises(error, match=message):
        clone(bound).set_params(stft=stft).fit(mixtures, sources)


@every_bound
def test_sources_are_needed_even_where_they_are_not_mentioned(bound, mixtures):
    message = f"{type(bound).__name__} requires y to be passed, but the target y is None"
    with pytest.raises(ValueError, match=message):
        clone(bound).fit(mixtures)
    with pytest.raises(ValueError, match=message):
        clone(bound).fit_transform(mixtures)


@every_bound
def test_sources_of_jax_are_as_precise_as_a_mixture_of_numpy(bound, mixtures, sources):
    with jax.enable_x64(True):
        y = jnp.asarray(sources)
    expected = bound.fit_transform(mixtures, sources)
    for one in (y, list(y)):
        estimates = bound.fit_transform(mixtures, one)
        assert estimates.dtype == np.float64
        np.testing.assert_array_equal(estimates, expected)
    np.testing.assert_array_equal(bound.fit_transform(mixtures[0], y[0]), expected[0])
