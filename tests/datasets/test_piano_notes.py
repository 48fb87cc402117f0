import numpy as np
import pytest
from scipy.signal import ShortTimeFFT
from sklearn.decomposition import NMF

from skbss.datasets import load_piano_notes
from skbss.metrics import si_sdr

ONSETS = {"D3": 0.10, "F#3": 1.35, "A3": 2.60}
TOGETHER = 3.85
PITCHES = {"D3": 146.83, "F#3": 185.00, "A3": 220.00}


@pytest.fixture(scope="module")
def clip():
    return load_piano_notes(dtype=np.float64)


def test_notes_say_when_each_is_heard(clip):
    assert list(clip.notes) == clip.source_names
    for name, notes in clip.notes.items():
        np.testing.assert_array_equal(notes[:, 0], [ONSETS[name], TOGETHER])
        frequencies = 440 * 2 ** ((notes[:, 2] - 69) / 12)
        np.testing.assert_allclose(frequencies, PITCHES[name], rtol=1e-4)


def test_each_note_is_heard_alone_and_then_all_of_them(clip):
    for note, onset in ONSETS.items():
        source = clip.sources[clip.source_names.index(note)]
        for time in (onset, TOGETHER):
            begin = round((time + 0.01) * clip.sample_rate)
            before, after = source[begin - 1000 : begin - 400], source[begin : begin + 2205]
            assert np.abs(after).max() > 0.1
            assert np.abs(after).max() > 8 * np.abs(before).max()
    alone = round(0.2 * clip.sample_rate)
    for position, onset in enumerate(ONSETS.values()):
        begin = round((onset + 0.3) * clip.sample_rate)
        energy = np.square(clip.sources[:, begin : begin + alone]).sum(axis=1)
        assert energy[position] > 0.99 * energy.sum()


def test_notes_have_the_pitch_of_their_names(clip):
    for note, source in zip(clip.source_names, clip.sources, strict=True):
        autocorrelation = np.fft.irfft(np.square(np.abs(np.fft.rfft(source, 2**19))))
        lags = np.arange(clip.sample_rate // 280, clip.sample_rate // 120)
        period = lags[autocorrelation[lags].argmax()]
        assert clip.sample_rate / period == pytest.approx(PITCHES[note], rel=0.02)


def test_notes_are_about_equally_loud(clip):
    level = 20 * np.log10(np.sqrt(np.square(clip.sources).mean(axis=1)))
    assert np.ptp(level) < 4


@pytest.mark.parametrize("seed", range(3))
def test_three_templates_tell_the_notes_apart(clip, seed):
    transform = ShortTimeFFT(np.hanning(2049)[:-1], hop=512, fs=clip.sample_rate)
    spectra = transform.stft(clip.mixture).T
    model = NMF(3, solver="mu", beta_loss="kullback-leibler", init="random", random_state=seed)
    W = model.fit_transform(np.abs(spectra))
    shares = W.T[:, :, None] * model.components_[:, None, :] + 1e-12
    masked = spectra * shares / shares.sum(axis=0)
    estimates = np.stack([transform.istft(part.T, k1=len(clip.mixture)) for part in masked])
    separated = si_sdr(clip.sources, estimates, permute=True)
    mixed = si_sdr(clip.sources, np.broadcast_to(clip.mixture, clip.sources.shape))
    assert (separated - mixed).mean() > 15
