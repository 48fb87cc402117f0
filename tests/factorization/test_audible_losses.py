"""Losses of other resolutions: by librosa, by finite differences, and what training does."""

import pickle

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import get_window
from sklearn.base import clone

from skbss import STFT, DeepUnfoldedNMF, Separator
from skbss.factorization import MelLoss, MultiResolutionSTFTLoss

N_FFT, HOP = 256, 64
SHORT = MultiResolutionSTFTLoss(HOP, resolutions=[(128, 32), (256, 64)])


def waveforms(seed=0, n_sources=2, length=2048):
    return np.random.default_rng(seed).standard_normal((n_sources, length))


def spectra_of(x):
    """One piece, at unit level."""
    window = np.linalg.norm(get_window("hann", N_FFT))
    return STFT(N_FFT, hop_length=HOP).fit_transform(x)[:, None] / window


def evaluated(loss, *spectra):
    with jax.enable_x64(True):
        return float(loss(*map(jnp.asarray, spectra)))


def test_mel_spectra_are_those_of_librosa():
    estimates, sources = spectra_of(waveforms()), spectra_of(waveforms(1))
    levels = [
        np.log(
            librosa.feature.melspectrogram(
                S=np.moveaxis(abs(one) ** 2, -1, -2), sr=8000, n_mels=20, norm=None
            )
            + 1e-5
        )
        for one in (estimates, sources)
    ]
    expected = np.mean(abs(levels[0] - levels[1]))
    found = evaluated(MelLoss(8000, n_mels=20), estimates, sources)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # Bands tell magnitudes alone.
    of_magnitudes = evaluated(MelLoss(8000, n_mels=20), abs(estimates), abs(sources))
    np.testing.assert_allclose(of_magnitudes, found, rtol=1e-12)


def test_several_resolutions_are_those_of_the_waveforms():
    heard, true = waveforms(), waveforms(1)
    parts = []
    for n_fft, hop in SHORT.resolutions:
        norm = np.linalg.norm(get_window("hann", n_fft))
        settings = {"n_fft": n_fft, "hop_length": hop, "center": False}
        S, T = (librosa.stft(x, **settings) / norm for x in (heard, true))
        least = 1e-3 * np.square(abs(S.sum(axis=0))).sum()
        S, T = (np.sqrt(abs(one) ** 2 + 1e-5) for one in (S, T))
        distance = np.square(S - T).sum(axis=(1, 2)) + 1e-3 * least
        convergence = np.sqrt(distance / (np.square(T).sum(axis=(1, 2)) + least)).mean()
        parts.append(convergence + abs(np.log(S) - np.log(T)).mean())
    found = evaluated(SHORT, spectra_of(heard), spectra_of(true))
    np.testing.assert_allclose(found, np.mean(parts), rtol=1e-6)


@pytest.mark.parametrize("loss", [MelLoss(8000, n_mels=20), SHORT])
def test_nothing_is_better_than_the_truth(loss):
    true = spectra_of(waveforms())
    best = evaluated(loss, true, true)
    assert best < 2e-3
    for factor in (0.5, 0.99, 1.01, 2):
        assert evaluated(loss, factor * true, true) > best


@pytest.mark.parametrize("loss", [MelLoss(8000, n_mels=20), SHORT])
def test_gradients_by_finite_differences(loss):
    rng = np.random.default_rng(0)
    sources = spectra_of(waveforms())
    masks = rng.uniform(0.1, 1, sources.shape)
    direction = rng.standard_normal(masks.shape)
    with jax.enable_x64(True):

        @jax.jit
        def along(step):
            return loss((masks + step * direction) * sources.sum(axis=0), jnp.asarray(sources))

        expected = (along(1e-6) - along(-1e-6)) / 2e-6
        np.testing.assert_allclose(jax.grad(along)(0.0), expected, rtol=1e-5)


SLOPES = {
    loss: jax.jit(
        jax.value_and_grad(
            lambda masks, sources, loss=loss: loss(masks * sources.sum(axis=0), sources)
        )
    )
    for loss in (MelLoss(8000, n_mels=20), SHORT)
}


@settings(max_examples=20)
@given(
    loss=st.sampled_from(list(SLOPES)),
    seed=st.integers(0, 10**6),
    silent=st.lists(st.booleans(), min_size=2, max_size=2),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_silence_makes_no_nan_of_gradients(loss, seed, silent, level):
    sources = spectra_of(waveforms(seed)) * level
    sources[silent] = 0
    sources = sources.astype(np.complex64)
    masks = np.random.default_rng(seed).integers(0, 2, sources.shape).astype(np.float32)
    value, slope = SLOPES[loss](masks, sources)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("loss", [MelLoss(8000, n_mels=20), SHORT])
def test_training_lowers_them_where_it_has_not_heard(loss):
    rng = np.random.default_rng(0)
    colors = [np.convolve(rng.standard_normal(9000), shape) for shape in ([1, 0.9], [1, -0.9])]
    sources = np.stack(colors)[:, :8000]
    settings = {"loss": loss, "n_layers": 3, "batch_size": 64, "validation_fraction": 0}
    values = []
    for n_epochs in (0, 30):
        network = DeepUnfoldedNMF(3, n_epochs=n_epochs, random_state=0, **settings)
        separator = Separator(network, stft=STFT(N_FFT, hop_length=HOP))
        separator.fit(sources[:, :6000].sum(axis=0), sources[:, :6000])
        found = separator.transform(sources[:, 6000:].sum(axis=0))
        values.append(evaluated(loss, spectra_of(found), spectra_of(sources[:, 6000:])))
    assert values[1] < values[0]


def test_equal_ones_are_equal():
    assert MultiResolutionSTFTLoss(HOP, resolutions=[[128, 32], [256, 64]]) == SHORT
    for loss in (SHORT, MelLoss(8000)):
        assert clone(DeepUnfoldedNMF(loss=loss)).loss == loss
        assert pickle.loads(pickle.dumps(loss)) == loss
        assert hash(pickle.loads(pickle.dumps(loss))) == hash(loss)


@pytest.mark.parametrize(
    ("loss", "parameters", "message"),
    [
        (MultiResolutionSTFTLoss, {"resolutions": [256, 64]}, "resolutions must be pairs"),
        (MultiResolutionSTFTLoss, {"resolutions": [(64, 256)]}, "resolutions must be pairs"),
        (MultiResolutionSTFTLoss, {"resolutions": []}, "resolutions must be pairs"),
        (MultiResolutionSTFTLoss, {"hop_length": 0}, "hop_length"),
        (MelLoss, {"sample_rate": 0}, "sample_rate"),
        (MelLoss, {"n_mels": 0}, "n_mels"),
    ],
)
def test_refusals(loss, parameters, message):
    with pytest.raises(ValueError, match=message):
        loss(**parameters)


def by_piece(estimates, sources):
    return abs(estimates - sources).mean(axis=(0, 2, 3))


@pytest.mark.parametrize(
    ("loss", "piece_length", "kind", "message"),
    [
        (SHORT, 64, float, "needs complex spectra"),
        (SHORT, 4, complex, "pieces must have 5 rows or more"),
        (by_piece, 64, float, "loss must make one real number of estimates and sources"),
        (lambda estimates, sources: (estimates - sources).sum(), 64, complex, "one real number"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(loss, piece_length, kind, message):
    y = np.random.default_rng(0).random((40, 2, 129)).astype(kind)
    network = DeepUnfoldedNMF(2, loss=loss, piece_length=piece_length)
    with pytest.raises(ValueError, match=message):
        network.fit(y.sum(axis=1), y)
    assert not hasattr(network, "dictionary_")
