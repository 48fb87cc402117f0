"""The chain around ESADNMF: its steps, in their order, each alone."""

import numpy as np
import pytest

from skbss import ESADNMF, ISTFT, STFT, AmplitudeNormalizer, SpectralSubtraction, WienerMask
from skbss.datasets import load_two_speakers
from skbss.separation import make_esad_pipeline

QUICK = ESADNMF(8, sad_max_iter=5, max_iter=20, tol=0)


@pytest.fixture(scope="module")
def mixture():
    clip = load_two_speakers()
    noise = np.random.default_rng(0).standard_normal(32000)
    return np.concatenate([np.zeros(4000), clip.mixture[:28000]]) + 0.01 * noise


def pipeline(mixture, **parameters):
    settings = {"length": len(mixture), "factorizer": QUICK, "random_state": 0, **parameters}
    return make_esad_pipeline(2, **settings)


def test_the_steps_one_by_one(mixture):
    sources = pipeline(mixture).fit_transform(mixture)
    frames = {"n_fft": 512, "hop_length": 128, "window": "hamming"}
    x = AmplitudeNormalizer().fit_transform(mixture)
    x = SpectralSubtraction(STFT(**frames)).fit_transform(x)
    mask = WienerMask(QUICK, 2, sample_rate=16000, random_state=0)
    S = mask.fit_transform(STFT(**frames).fit_transform(x))
    expected = ISTFT(length=len(mixture), **frames).fit_transform(S)
    np.testing.assert_allclose(expected.sum(axis=0), x, atol=1e-9)
    expected /= abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(sources, expected, atol=1e-12)
    assert abs(sources).max(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("output_measure", ["peak", "rms", None])
def test_channels_keep_their_balance(mixture, output_measure):
    stereo = np.stack([mixture, 0.25 * mixture])[None]
    sources = pipeline(mixture, output_measure=output_measure).fit_transform(stereo)
    assert sources.shape == (1, 2, 2, len(mixture))
    level = abs if output_measure != "rms" else np.square
    left, right = level(sources[0]).swapaxes(0, 1)
    assert (left.mean(axis=-1) > 2 * right.mean(axis=-1)).all()
    if output_measure == "peak":
        np.testing.assert_allclose(abs(sources).max(axis=(2, 3)), 1)
    elif output_measure == "rms":
        np.testing.assert_allclose(np.square(sources).mean(axis=(2, 3)), 1)
    lists = pipeline(mixture, output_measure=output_measure, length=None)
    found = lists.fit_transform([stereo[0], stereo[0, :, :9000]])
    assert [one.shape[:-1] for one in found] == [(2, 2), (2, 2)]


def test_without_the_last_step_sources_add_up(mixture):
    model = pipeline(mixture, output_measure=None)
    sources = model.fit_transform(mixture)
    cleaned = model[:2].transform(mixture)
    np.testing.assert_allclose(sources.sum(axis=0), cleaned, atol=1e-9)
    plain = pipeline(mixture, output_measure=None, denoise=False)
    peak = abs(mixture).max()
    np.testing.assert_allclose(peak * plain.fit_transform(mixture).sum(axis=0), mixture, atol=1e-9)


def test_the_level_of_the_recording_does_not_matter(mixture):
    model = pipeline(mixture)
    np.testing.assert_allclose(
        model.fit_transform(1000 * mixture), model.fit_transform(mixture), atol=1e-6
    )


@pytest.mark.parametrize(
    ("sample_rate", "n_fft"), [(8000, 256), (16000, 512), (22050, 512), (44100, 1024)]
)
def test_frames_last_for_32_ms(mixture, sample_rate, n_fft):
    model = pipeline(mixture, sample_rate=sample_rate)
    for step in ("stft", "istft", "denoiser__stft"):
        parameters = model.get_params()
        assert parameters[f"{step}__n_fft"] == n_fft
        assert parameters[f"{step}__hop_length"] == n_fft // 4
    assert model.named_steps["mask"].sample_rate == sample_rate


def test_defaults_are_the_published_ones():
    model = make_esad_pipeline(3)
    names = ["normalizer", "denoiser", "stft", "mask", "istft", "loudness"]
    assert list(model.named_steps) == names
    factorizer = model.get_params()["mask__factorizer"]
    assert isinstance(factorizer, ESADNMF)
    wanted = {"n_components": 40, "alpha": 0.01, "learning_rate": 0.001, "decay": 0.0001}
    wanted |= {"batch_size": 16, "sad_max_iter": 300}
    assert {name: factorizer.get_params()[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sample_rate": 0}, ValueError, "sample_rate"),
        ({"denoise": 1}, TypeError, "denoise must be True or False"),
        ({"output_measure": "loud"}, ValueError, "measure must be"),
        ({"factorizer": 3}, TypeError, "factorizer must be an estimator"),
    ],
)
def test_refusals(mixture, parameters, error, message):
    with pytest.raises(error, match=message):
        pipeline(mixture, **parameters).fit(mixture)
