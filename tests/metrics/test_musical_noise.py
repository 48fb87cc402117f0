"""The log kurtosis ratio: what theory says of spectral subtraction, and where it says nothing."""

import numpy as np
import pytest

from skbss.metrics import log_kurtosis_ratio

N_FFT = 512


def subtracted(noise, beta):
    """Power spectral subtraction in the frames that the measure sees, which do not overlap."""
    frames = noise.reshape(-1, N_FFT)
    spectra = np.fft.rfft(frames)
    power = np.abs(spectra) ** 2
    mean = power[:, 1:-1].mean()
    gain = np.sqrt(np.maximum(1 - beta * mean / power, 0))
    return np.fft.irfft(gain * spectra).ravel()


@pytest.mark.parametrize("beta", [1, 2, 4])
def test_spectral_subtraction_of_gaussian_noise(beta):
    noise = np.random.default_rng(0).standard_normal(4000 * N_FFT)
    # Half a frame of zeros lets the centered frames begin where those of the subtraction do.
    around = [(N_FFT // 2, N_FFT // 2)]
    mixture, residual = np.pad(noise, around), np.pad(subtracted(noise, beta), around)
    source = np.zeros(len(mixture))
    source[: N_FFT // 4] = 1
    ratio = log_kurtosis_ratio(
        [source], [residual], mixture, 16000, n_fft=N_FFT, hop_length=N_FFT, window="boxcar"
    )
    np.testing.assert_allclose(ratio, [beta], rtol=0.05)


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((3, 2, 16000))
    source = noise[0] * (np.arange(16000) < 5000)
    return source, source + 0.5 * noise[1], source[0] + noise[2, 0]


def test_noise_as_gaussian_as_before_is_none(signals):
    references, estimates, mixture = signals
    np.testing.assert_allclose(
        log_kurtosis_ratio(references, estimates, mixture, 16000), [0, 0], atol=0.1
    )
    np.testing.assert_allclose(
        log_kurtosis_ratio(references, np.stack([mixture] * 2), mixture, 16000), [0, 0], atol=1e-12
    )


def test_every_clip_has_its_mixture(signals):
    references, estimates, mixture = signals
    estimates = estimates * (np.arange(16000) // 128 % 4 == 0)
    mixtures = np.stack([mixture, mixture * (np.arange(16000) // 512 % 2)])
    ratios = log_kurtosis_ratio([references] * 2, [estimates] * 2, mixtures, 16000)
    for ratio, own in zip(ratios, mixtures, strict=True):
        np.testing.assert_array_equal(log_kurtosis_ratio(references, estimates, own, 16000), ratio)
    assert (ratios[0] > ratios[1]).all()


def test_the_mixture_is_cut_too(signals):
    references, estimates, mixture = signals
    expected = log_kurtosis_ratio(
        references[:, :15000], estimates[:, :15000], mixture[:15000], 16000
    )
    cut = [
        (references[:, :15000], estimates, mixture),
        (references, estimates[:, :15000], mixture),
        (references, estimates, mixture[:15000]),
    ]
    for arguments in cut:
        np.testing.assert_array_equal(log_kurtosis_ratio(*arguments, 16000, align="trim"), expected)


def test_too_few_cells(signals):
    references, estimates, mixture = signals
    noisy = references + 0.1 * estimates
    with pytest.warns(UserWarning, match="ratio of 2 .* loudest frame in fewer than 500 cells"):
        ratios = log_kurtosis_ratio(noisy, estimates, mixture, 16000)
    np.testing.assert_array_equal(ratios, [np.nan] * 2)
    assert np.isfinite(
        log_kurtosis_ratio(noisy, estimates, mixture, 16000, noise_threshold=-5)
    ).all()


def test_nothing_is_left(signals):
    references, estimates, mixture = signals
    active = np.arange(16000) < 4000
    with pytest.warns(UserWarning, match="nothing is left of the estimate where the reference"):
        ratios = log_kurtosis_ratio(references, [active * mixture, mixture], mixture, 16000)
    np.testing.assert_allclose(ratios, [np.nan, 0], atol=1e-12)
    with pytest.warns(UserWarning, match="nothing is left of the mixture where the reference"):
        ratios = log_kurtosis_ratio(references, estimates, active * mixture, 16000)
    np.testing.assert_array_equal(ratios, [np.nan] * 2)


def test_a_quiet_source_is_no_noise(signals):
    references, _, mixture = signals
    references = references + 1e-3 * mixture * (np.arange(16000) // 128 % 4 == 0)
    with pytest.warns(UserWarning, match="the source rather than noise"):
        ratios = log_kurtosis_ratio(references, [2 * references[0], mixture], mixture, 16000)
    np.testing.assert_allclose(ratios, [np.nan, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("mixture", "options", "message"),
    [
        (np.ones(15999), {}, r"mixture has 15999 samples, but references of shape \(2, 16000\)"),
        (np.ones((2, 16000)), {}, r"the mixture must have the shape of one source, \(16000,\)"),
        (np.full(16000, np.nan), {}, "Input mixture contains NaN"),
        (np.ones(16000), {"noise_threshold": 30}, "noise_threshold must be negative"),
        (np.ones(16000), {"noise_threshold": -np.inf}, "noise_threshold must be negative"),
    ],
)
def test_errors(signals, mixture, options, message):
    with pytest.raises(ValueError, match=message):
        log_kurtosis_ratio(*signals[:2], mixture, 16000, **options)
