"""STFT and ISTFT: shapes, dtypes, layouts, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone

from skbss import ISTFT, STFT


@pytest.fixture
def clip():
    return np.random.default_rng(0).standard_normal(3001)


@pytest.mark.parametrize("shape", [(700,), (3, 700), (2, 3, 700)])
def test_leading_axes_stay(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    X = STFT(128).fit_transform(x)
    assert X.shape == (*shape[:-1], 22, 65)
    assert ISTFT(128, length=700).fit_transform(X).shape == shape
    for index in np.ndindex(shape[:-1]):
        np.testing.assert_array_equal(X[index], STFT(128).transform(x[index]))


def test_synthesis_keeps_any_number_of_axes():
    X = STFT(128).transform(np.ones((4, 3, 500)))
    assert ISTFT(128, length=500).transform(X[:, None]).shape == (4, 1, 3, 500)


def test_unequal_clips_are_lists(clip):
    spectra = STFT(256).fit_transform([clip, clip[:1000], np.stack([clip, clip])])
    assert [X.shape for X in spectra] == [(47, 129), (16, 129), (2, 47, 129)]
    waveforms = ISTFT(256).fit_transform(spectra)
    assert [x.shape for x in waveforms] == [(2944,), (960,), (2, 2944)]
    np.testing.assert_allclose(waveforms[0], clip[:2944], atol=1e-12)


def test_equal_clips_in_a_list_are_stacked(clip):
    assert STFT(256).fit_transform([clip, clip]).shape == (2, 47, 129)
    ragged = np.empty(2, object)
    ragged[:] = [clip, clip[:1000]]
    assert len(STFT(256).fit_transform(ragged)) == 2


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float32, np.complex64),
        (np.float64, np.complex128),
        (np.int16, np.complex128),
        (np.float16, np.complex128),
    ],
)
def test_precision_is_that_of_the_input(clip, dtype, expected):
    x = (100 * clip).astype(dtype)
    X = STFT(256).transform(x)
    assert X.dtype == expected
    assert ISTFT(256).transform(X).dtype == np.zeros(1, expected).real.dtype
    np.testing.assert_allclose(X, STFT(256).transform(x.astype(float)), atol=1e-5 * np.abs(X).max())


def test_outputs(clip):
    X = STFT(256).transform(clip)
    np.testing.assert_array_equal(STFT(256, output="magnitude").transform(clip), abs(X))
    np.testing.assert_allclose(STFT(256, output="power").transform(clip), abs(X) ** 2)
    assert STFT(256, output="power").transform(clip.astype(np.float32)).dtype == np.float32


def test_the_default_hop_is_a_quarter_of_the_window(clip):
    X = STFT(256, win_length=200).transform(clip)
    np.testing.assert_array_equal(X, STFT(256, win_length=200, hop_length=50).transform(clip))


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_blocks_leave_no_seams(n_blocks):
    n_fft = 8192
    x = np.random.default_rng(0).standard_normal(n_blocks * 256 * 2048 + 17)
    whole = np.lib.stride_tricks.sliding_window_view(np.pad(x, n_fft // 2), n_fft)[:: n_fft // 4]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    X = STFT(n_fft).transform(x)
    rows = [0, 100, len(X) // 2, 255, len(X) - 1]
    np.testing.assert_allclose(X[rows], np.fft.rfft(whole[rows] * window), atol=1e-10)
    np.testing.assert_allclose(ISTFT(n_fft, length=len(x)).transform(X), x, atol=1e-12)


def test_silence_gives_zeros():
    X = STFT(128).transform(np.zeros(1000, np.float32))
    assert not X.any()
    assert not ISTFT(128).transform(X).any()


def test_a_clip_shorter_than_a_frame(clip):
    X = STFT(2048).transform(clip[:5])
    np.testing.assert_allclose(ISTFT(2048, length=5).transform(X), clip[:5], atol=1e-12)


def test_longer_than_the_frames_is_silence(clip):
    x = ISTFT(256, length=5000).transform(STFT(256).transform(clip))
    assert x.shape == (5000,)
    assert not x[4000:].any()


def test_inverse_transform(clip):
    stft = STFT(256, window=("kaiser", 4.0), hop_length=64).fit(clip)
    np.testing.assert_allclose(
        stft.inverse_transform(stft.transform(clip), length=3001), clip, atol=1e-12
    )
    with pytest.raises(ValueError, match="output='power' has no phases"):
        STFT(256, output="power").inverse_transform(stft.transform(clip))


def test_windows_may_be_arrays_or_functions(clip):
    hamming = STFT(256, window="hamming", hop_length=64).transform(clip)
    values = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(256) / 256)
    np.testing.assert_allclose(STFT(256, window=values).transform(clip), hamming, atol=1e-12)
    np.testing.assert_allclose(
        STFT(256, window=lambda length: values[:length]).transform(clip), hamming, atol=1e-12
    )


def test_jax_arrays_stay_jax_arrays(clip):
    x = jnp.asarray(clip, jnp.float32)
    X = STFT(256).fit_transform(x)
    assert isinstance(X, jax.Array)
    np.testing.assert_allclose(X, STFT(256).transform(np.asarray(x)), atol=1e-5)
    y = ISTFT(256, length=3001).fit_transform(X)
    assert isinstance(y, jax.Array)
    np.testing.assert_allclose(y, x, atol=1e-5)
    assert isinstance(STFT(256).transform([x, x])[0], jax.Array)


def test_double_precision_of_jax_where_it_is_switched_on(clip):
    with jax.enable_x64(True):
        X = STFT(256).transform(jnp.asarray(clip))
        assert X.dtype == jnp.complex128
        np.testing.assert_allclose(X, STFT(256).transform(clip), atol=1e-12)


def test_transform_needs_no_fit_and_clones(clip):
    stft = STFT(512, window="hamming", output="power")
    assert clone(stft).get_params() == stft.get_params()
    np.testing.assert_array_equal(stft.transform(clip), clone(stft).fit(clip).transform(clip))
    assert not [name for name in vars(stft) if name.endswith("_")]


@pytest.mark.parametrize("estimator", [STFT, ISTFT])
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_fft": 0}, ValueError, "n_fft == 0, must be >= 1"),
        ({"n_fft": 12.5}, TypeError, "n_fft must be an instance of int"),
        ({"n_fft": True}, TypeError, "n_fft must be an instance of int, not bool"),
        ({"hop_length": 0}, ValueError, "hop_length == 0, must be >= 1"),
        ({"win_length": 600}, ValueError, "win_length=600 must not exceed n_fft=512"),
        ({"center": "no"}, TypeError, "center must be True or False, got 'no'"),
        ({"window": 1j * np.ones(512)}, TypeError, "window must be real"),
        ({"window": "sausage"}, ValueError, "window must be one that scipy"),
        ({"window": np.ones(7)}, ValueError, r"window must have the shape \(512,\)"),
        ({"window": np.full(512, np.nan)}, ValueError, "window contains NaN"),
        ({"pad_mode": "wrap"}, ValueError, "pad_mode must be one of 'constant'"),
    ],
)
def test_wrong_parameters(estimator, parameters, error, message):
    X = np.ones(1000) if estimator is STFT else np.ones((10, 257), complex)
    with pytest.raises(error, match=message):
        estimator(**{"n_fft": 512, **parameters}).fit(X)
    with pytest.raises(error, match=message):
        estimator(**{"n_fft": 512, **parameters}).transform(X)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.array([0.0, np.nan] * 500), ValueError, "Input X contains NaN"),
        (np.array([0.0, np.inf] * 500), ValueError, "Input X contains infinity"),
        (np.ones(1000, complex), ValueError, "Complex data not supported"),
        (np.ones((2, 2, 2, 1000)), ValueError, r"X must have the shape \(length,\)"),
        (np.ones((2, 0)), ValueError, r"0 feature\(s\) \(shape=\(2, 0\)\)"),
        (np.ones(0), ValueError, r"0 sample\(s\)"),
        ([np.ones(10), np.full(5, np.nan)], ValueError, r"Input X\[1\] contains NaN"),
        ([np.ones(10), np.ones((2, 2, 5))], ValueError, r"X\[1\] must have the shape"),
        (jnp.full(1000, jnp.nan), ValueError, "Input X contains NaN"),
        (jnp.ones(1000, complex), ValueError, "Complex data not supported"),
        ("a song", TypeError, "got 'a song': read the file first"),
    ],
)
def test_what_is_no_waveform(x, error, message):
    with pytest.raises(error, match=message):
        STFT(256).fit(x)


def test_output_is_checked():
    with pytest.raises(ValueError, match="output must be 'complex', 'magnitude' or 'power'"):
        STFT(output="phase").fit(np.ones(10))


def test_too_short_without_centering():
    with pytest.raises(ValueError, match="100 samples is too short for a frame of n_fft=256"):
        STFT(256, center=False).fit(np.ones(100))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((10, 129)), "must be a complex STFT"),
        (np.ones((10, 65), complex), "65 frequencies, but n_fft=256 gives 129"),
        (np.full((10, 129), np.nan + 0j), "Input X contains NaN"),
        (np.ones(129, complex), r"must have the shape \(... n_frames, n_freqs\)"),
        (np.ones((0, 129), complex), r"0 sample\(s\)"),
    ],
)
def test_what_is_no_spectrum(X, message):
    with pytest.raises(ValueError, match=message):
        ISTFT(256).transform(X)


@pytest.mark.parametrize(
    "parameters", [{"hop_length": 256}, {"hop_length": 300}, {"win_length": 64, "hop_length": 128}]
)
def test_without_an_inverse(parameters):
    with pytest.raises(ValueError, match="the transform has no inverse"):
        ISTFT(256, **parameters).transform(np.ones((10, 129), complex))


def test_length_is_checked():
    with pytest.raises(ValueError, match="length == 0, must be >= 1"):
        ISTFT(256, length=0).fit(np.ones((10, 129), complex))
    for length, error in ((-5, ValueError), (600.0, TypeError)):
        with pytest.raises(error, match="length"):
            STFT(256).inverse_transform(np.ones((10, 129), complex), length=length)
