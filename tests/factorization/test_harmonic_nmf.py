"""HarmonicNMF: its patterns, its limits, and the pitches that it finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skbss import STFT, HarmonicNMF, Separator, WienerMask
from skbss.datasets import load_piano_notes
from skbss.factorization._harmonic_patterns import frequency_of, harmonic_patterns

RATE = 16000
betas = st.sampled_from([-0.5, 0, 0.5, 1, 1.5, 2, 3])


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


def patterns(pitches, n_bands, *, B=0.0, n_fft=1024, **options):
    settings = {"window": "hann", "win_length": n_fft, "exponent": 1, **options}
    return harmonic_patterns(
        pitches, n_bands, inharmonicity=lambda _: B, sample_rate=RATE, n_fft=n_fft, **settings
    )


def tone(pitch, *, length=RATE // 2, partials=8, B=0.0):
    j = np.arange(1, partials + 1)[:, None]
    partial = frequency_of(pitch) * j * np.sqrt((1 + B * j**2) / (1 + B))
    return (np.sin(2 * np.pi * partial * np.arange(length) / RATE) / j).sum(axis=0)


def magnitudes(x, n_fft=1024):
    return STFT(n_fft=n_fft, output="magnitude").fit_transform(x)


def small(X, beta, **parameters):
    """Of seven pitches and one other component; 33 features."""
    return HarmonicNMF(
        (60, 66),
        n_bands=3,
        n_free_components=1,
        sample_rate=RATE,
        beta_loss=beta,
        spectrum="magnitude",
        random_state=0,
        **parameters,
    ).fit(X)


@pytest.fixture
def X():
    return np.random.default_rng(0).gamma(0.5, size=(40, 33)) + 0.01


def test_bands_share_the_comb():
    comb = patterns(range(30, 100), 1)
    for n_bands in (2, 5, 8):
        parts = patterns(range(30, 100), n_bands)
        assert (parts >= 0).all()
        np.testing.assert_allclose(parts.sum(axis=1), comb[:, 0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("window", "win_length"), [("hann", 1024), ("hamming", 600)])
@pytest.mark.parametrize("exponent", [1, 2])
def test_a_partial_looks_as_in_the_spectrogram(window, win_length, exponent):
    pitch = 93.37
    x = np.sin(2 * np.pi * frequency_of(pitch) * np.arange(RATE) / RATE)
    stft = STFT(n_fft=1024, win_length=win_length, window=window, output="magnitude")
    spectrum = stft.fit_transform(x)[30] ** exponent
    pattern = patterns([pitch], 1, exponent=exponent, window=window, win_length=win_length)[0, 0]
    place = int(frequency_of(pitch) * 1024 / RATE)
    around = slice(place - 5, place + 7)
    expected = spectrum[around] / spectrum.max()
    np.testing.assert_allclose(pattern[around] / pattern[around].max(), expected, atol=2e-3)


def test_windows_as_stft_has_them():
    w = np.hanning(1025)[:-1]
    expected = patterns([60], 2)
    for window in (w, np.hanning(1025)[:-1].tolist(), lambda n: np.hanning(n + 1)[:-1]):
        np.testing.assert_allclose(patterns([60], 2, window=window), expected, rtol=1e-6, atol=1e-9)
    model = HarmonicNMF((60, 61), window=w, sample_rate=RATE, max_iter=2, tol=0)
    assert model.fit(np.ones((3, 513))).components_.shape == (2, 513)


def test_stiff_strings_have_stretched_partials():
    n_fft, B = 16384, 5e-4
    pattern = patterns([60], 1, B=B, n_fft=n_fft)[0, 0]
    tenth = frequency_of(60) * 10 * np.sqrt((1 + 100 * B) / (1 + B))
    assert tenth / frequency_of(60) == pytest.approx(10.24, abs=0.005)
    assert pattern[round(tenth * n_fft / RATE)] > 0.8
    first = round(frequency_of(60) * n_fft / RATE)
    assert pattern[first] > 0.8


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2])
def test_data_of_the_model_is_fitted_exactly(beta):
    rng = np.random.default_rng(0)
    P = patterns(range(60, 65), 4)
    H = np.einsum("km,kmf->kf", rng.gamma(0.5, size=(5, 4)), P) + 1e-5
    X = rng.gamma(0.5, size=(30, 5)) @ H
    model = HarmonicNMF(
        (60, 64), n_bands=4, n_free_components=1, sample_rate=RATE, beta_loss=beta, tol=0
    )
    model.set_params(spectrum="magnitude", max_iter=300, random_state=0).fit(X)
    assert model.loss_curve_[-1] < 1e-3 * model.loss_curve_[0]


@given(
    seed=st.integers(0, 2**16),
    beta=betas,
    solver=st.sampled_from(["mu", "auto"]),
    level=st.sampled_from([1e-8, 1, 1e8]),
)
@settings(max_examples=40)
def test_the_divergence_never_rises(seed, beta, solver, level):
    X = level * (np.random.default_rng(seed).gamma(0.5, size=(20, 33)) + 0.01)
    model = small(X, beta, solver=solver, tol=0, max_iter=60)
    losses = model.loss_curve_
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()


@pytest.mark.parametrize("spectrum", ["magnitude", "power"])
def test_components_are_weights_of_patterns(X, spectrum):
    model = small(X, 1, tol=0, max_iter=20).set_params(spectrum=spectrum).fit(X)
    exponent = 2 if spectrum == "power" else 1
    P = patterns(range(60, 67), 3, n_fft=64, win_length=64, exponent=exponent)
    expected = np.einsum("km,kmf->kf", model.harmonic_weights_, P)
    np.testing.assert_allclose(model.components_[:7], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.components_.sum(axis=1), 1)
    np.testing.assert_array_equal(model.pitches_, np.arange(60, 67))
    assert model.n_components_ == len(model.components_) == 8
    assert not any("_patterns" in name for name in vars(model))
    automatic = clone(model).set_params(spectrum="auto", beta_loss=2 - exponent)
    same = clone(model).set_params(beta_loss=2 - exponent)
    np.testing.assert_array_equal(automatic.fit(X).components_, same.fit(X).components_)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_the_level_of_the_data_does_not_matter(X, beta):
    model = small(X, beta, tol=0, max_iter=30)
    louder = small(1e6 * X, beta, tol=0, max_iter=30)
    np.testing.assert_allclose(louder.components_, model.components_, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(louder.transform(X), model.transform(X), rtol=1e-6, atol=1e-10)


def test_missing_entries_do_not_matter(X):
    hidden = np.random.default_rng(3).random(X.shape) < 0.2
    model = small(np.where(hidden, np.nan, X), 1, tol=0, max_iter=30)
    weighted = clone(model).fit(np.where(hidden, 77.0, X), weights=(~hidden).astype(float))
    np.testing.assert_allclose(model.components_, weighted.components_, rtol=1e-7, atol=1e-12)
    assert np.isfinite(model.score(np.where(hidden, np.nan, X), X))


@pytest.mark.parametrize("pitch", [43, 60, 76])
def test_the_pitch_of_a_tone(pitch):
    X = magnitudes(tone(pitch), n_fft=2048)
    model = HarmonicNMF((40, 80), sample_rate=RATE, random_state=0, max_iter=1000)
    W = model.fit_transform(X)
    assert model.pitches_[W.sum(axis=0).argmax()] == pitch


def test_inharmonicity_of_every_pitch():
    X = magnitudes(tone(60, partials=14, B=2e-3), n_fft=2048)
    errors = [
        HarmonicNMF((55, 65), sample_rate=RATE, inharmonicity=B, max_iter=1000, random_state=0)
        .fit(X)
        .reconstruction_err_
        for B in (0, 2e-3, lambda pitch: 2e-3 if pitch == 60 else 0)
    ]
    assert errors[1] < 0.9 * errors[0]
    assert errors[2] < 0.9 * errors[0]


def test_notes_of_a_piano():
    clip = load_piano_notes()
    X = STFT(output="magnitude").fit_transform(clip.mixture)
    model = HarmonicNMF(sample_rate=clip.sample_rate, n_bands=5, random_state=0)
    loudness = model.fit_transform(X).sum(axis=0)
    order = np.argsort(loudness)
    np.testing.assert_array_equal(np.sort(model.pitches_[order[-3:]]), [50, 54, 57])
    # What comes next is an octave above one of them, and half as loud at most.
    assert model.pitches_[order[-4]] - 12 in (50, 54, 57)
    assert loudness[order[-4]] < 0.6 * loudness[order[-3]]


def test_components_without_patterns_take_what_is_no_pitch():
    rng = np.random.default_rng(0)
    x = tone(60) + 0.5 * rng.standard_normal(RATE // 2)
    given = {"sample_rate": RATE, "random_state": 0, "max_iter": 1000}
    errors = [
        HarmonicNMF((50, 70), n_free_components=n, **given).fit(magnitudes(x)).reconstruction_err_
        for n in (0, 2)
    ]
    assert errors[1] < 0.9 * errors[0]


def test_it_separates():
    clip = load_piano_notes()
    model = HarmonicNMF((48, 60), sample_rate=clip.sample_rate, n_free_components=1, max_iter=100)
    model.set_params(random_state=0, tol=1e-3)
    separator = Separator(model, n_sources=3)
    estimates = separator.fit_transform(clip.mixture)
    assert estimates.shape == clip.sources.shape
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    assert "HarmonicNMF" in repr(WienerMask(model))
    by_hand = Separator(model, grouping=np.arange(14) % 2).fit(clip.mixture)
    assert by_hand.transform(clip.mixture).shape == (2, len(clip.mixture))
    with pytest.raises(TypeError, match="HarmonicNMF has no parameter fixed_components"):
        Separator(model).fit(clip.mixture[None], clip.sources[None])


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_single_precision_and_jax_arrays(X, beta):
    X = X.astype(np.float32)
    model = small(X, beta, tol=0, max_iter=20)
    assert model.components_.dtype == model.harmonic_weights_.dtype == np.float32
    device = small(jnp.asarray(X), beta, tol=0, max_iter=20)
    assert isinstance(device.components_, jax.Array)
    assert isinstance(device.harmonic_weights_, jax.Array)
    np.testing.assert_allclose(device.components_, model.components_, rtol=1e-2, atol=1e-4)


def test_silence():
    model = small(np.zeros((5, 33)), 1)
    assert np.isfinite(model.components_).all()
    assert not model.transform(np.zeros((5, 33))).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"midi_range": (60,)}, "midi_range must be two integers"),
        ({"midi_range": (60.5, 70)}, "midi_range must be two integers"),
        ({"midi_range": (70, 60)}, "midi_range must not end below where it begins"),
        ({"midi_range": (60, 120)}, "reaches up to 8372 Hz, which must be below half of sample_"),
        ({"n_bands": 40}, r"X has 33 feature\(s\), but n_bands=40 needs at least 40"),
        ({"n_fft": 1024}, "X has 33 features, but n_fft=1024 makes 513 of them"),
        ({"win_length": 100}, "win_length=100 must not exceed n_fft=64"),
        ({"window": np.ones(3)}, r"window must have win_length=64 entries, got .* shape \(3,\)"),
        ({"inharmonicity": lambda _: -1}, "inharmonicity must return finite numbers from 0 on"),
        ({"inharmonicity": -1}, "'inharmonicity' parameter of HarmonicNMF must be"),
        ({"solver": "cd"}, "'solver' parameter of HarmonicNMF must be a str among"),
    ],
)
def test_wrong_parameters(X, parameters, message):
    model = HarmonicNMF((60, 66), sample_rate=RATE).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X)


def test_frames_shorter_than_a_period_are_warned_of():
    X = np.random.default_rng(0).random((10, 12))
    with pytest.warns(UserWarning, match=r"Frames of 22 samples at sample_rate=22050.* 110 Hz"):
        HarmonicNMF((45, 50), n_bands=2, max_iter=2, tol=0).fit(X)
