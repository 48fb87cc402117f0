import numpy as np
import pytest

from skbss.datasets import load_band


@pytest.fixture(scope="module")
def spectra():
    clip = load_band(dtype=np.float64)
    frequencies = np.fft.rfftfreq(clip.sources.shape[-1], 1 / clip.sample_rate)
    power = np.square(np.abs(np.fft.rfft(clip.sources)))
    return dict(zip(clip.source_names, power / power.sum(axis=-1, keepdims=True), strict=True)), (
        frequencies
    )


def test_instruments_keep_to_their_registers(spectra):
    power, frequencies = spectra
    assert power["bass"][frequencies < 400].sum() > 0.9
    assert power["melody"][(frequencies > 400) & (frequencies < 1000)].sum() > 0.9
    assert power["drums"][frequencies > 1000].sum() > 10 * power["bass"][frequencies > 1000].sum()


def test_notes_begin_where_the_instruments_do():
    clip = load_band(dtype=np.float64)
    for notes, sources in ((clip.notes, clip.sources), (clip.train_notes, clip.train_sources)):
        assert list(notes) == clip.source_names
        for stem, played in zip(sources, notes.values(), strict=True):
            assert played.shape[1] == 3
            assert played[:, 0].max() < len(stem) / clip.sample_rate
            power = np.convolve(stem**2, np.ones(441), "valid")
            first = round(played[:, 0].min() * clip.sample_rate)
            assert power[: first - 441].max(initial=0) < 1e-6 * power.max()
            assert power[first : first + 2205].max() > 1e-2 * power.max()


def test_the_melody_is_in_tune(spectra):
    # The note that is held at the end, D5.
    clip = load_band(dtype=np.float64)
    melody = clip.sources[clip.source_names.index("melody")]
    last = melody[-clip.sample_rate * 3 // 4 : -clip.sample_rate // 4]
    spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last)), 2**18))
    loudest = spectrum.argmax() * clip.sample_rate / 2**18
    assert loudest == pytest.approx(587.33, rel=0.01)
