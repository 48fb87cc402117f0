"""What guides are worth, on the recordings that come with the package."""

import numpy as np
import pytest

from skbss import STFT, BetaNMF, ConvNMF, GuidedSeparator, Separator
from skbss.datasets import load_band, load_piano_notes
from skbss.guidance import Guide, hit_components
from skbss.metrics import si_sdr

SAMPLE_RATE = 22050
DRUMS = (36, 38, 42, 49)


def kl(n_components, max_iter=100):
    return BetaNMF(
        n_components, beta_loss="kullback-leibler", init="random", max_iter=max_iter, tol=0
    )


@pytest.fixture(scope="module")
def band():
    return load_band()


def coarsely_painted(sources, front_end, block, *, threshold=0.9):
    """Blocks of the spectrogram that belong to one source nearly alone; NaN elsewhere."""
    power = np.square(np.abs(front_end.fit_transform(sources)))
    paint = np.full(power.shape, np.nan)
    for t in range(0, power.shape[1], block[0]):
        for f in range(0, power.shape[2], block[1]):
            part = (slice(t, t + block[0]), slice(f, f + block[1]))
            energies = power[:, *part].sum(axis=(1, 2))
            if energies.max() > threshold * energies.sum():
                paint[:, *part] = 0
                paint[energies.argmax(), *part] = 1
    return paint


def onsets_of(notes, keys):
    return [notes[notes[:, 2] == key, 0] for key in keys]


def test_a_band_by_its_score(band):
    guides = {
        "bass": Guide(notes=band.notes["bass"]),
        "drums": Guide(n_components=4),
        "melody": Guide(notes=band.notes["melody"]),
    }
    separator = GuidedSeparator(kl(4), sample_rate=SAMPLE_RATE, random_state=0)
    guided = si_sdr(band.sources, separator.fit_transform(band.mixture, guides=guides))
    # Measured 11.0, 9.0 and 13.1 dB; blind 4.9, -1.3 and 0.9.
    assert (guided > [9, 7, 10]).all()
    blind = Separator(kl(24), n_sources=3, sample_rate=SAMPLE_RATE, random_state=0)
    found = si_sdr(band.sources, blind.fit_transform(band.mixture), permute=True)
    assert guided.mean() > found.mean() + 5


def test_a_chord_by_its_notes():
    clip = load_piano_notes()
    chord = slice(round(3.8 * SAMPLE_RATE), None)
    mixture, sources = clip.mixture[chord], clip.sources[:, chord]
    # Whatever sounds from beginning to end together is one component to the blind.
    blind = Separator(kl(3), random_state=0).fit_transform(mixture)
    assert si_sdr(sources, blind, permute=True).mean() < 0
    guides = {name: Guide(notes=[(0.05, 3, notes[0, 2])]) for name, notes in clip.notes.items()}
    separator = GuidedSeparator(kl(1), sample_rate=SAMPLE_RATE)
    # Measured 5.0, 11.9 and 4.5 dB, against -6.6 on average.
    guided = si_sdr(sources, separator.fit_transform(mixture, guides=guides))
    assert (guided > [3.5, 9, 3]).all()


def test_piano_notes_by_their_score():
    clip = load_piano_notes()
    guides = {name: Guide(notes=notes) for name, notes in clip.notes.items()}
    separator = GuidedSeparator(kl(1), sample_rate=SAMPLE_RATE)
    guided = si_sdr(clip.sources, separator.fit_transform(clip.mixture, guides=guides))
    # Measured 14.2, 20.3 and 12.5 dB. Where every note is heard alone, too, the blind do as well.
    assert (guided > [12, 17, 10]).all()


def test_piano_notes_by_a_painted_mask():
    clip = load_piano_notes()
    # Painted on the notes by themselves, but not on the chord.
    paint = coarsely_painted(clip.sources, STFT(), (12, 16))
    paint[:, round(3.8 * SAMPLE_RATE / 512) :] = np.nan
    guides = [Guide(paint=share) for share in paint]
    separator = GuidedSeparator(kl(2), random_state=0)
    chord = slice(round(3.8 * SAMPLE_RATE), None)
    estimates = separator.fit_transform(clip.mixture, guides=guides)
    guided = si_sdr(clip.sources[:, chord], estimates[:, chord])
    # Measured 11.0, 17.9 and 9.6 dB.
    assert (guided > 8).all()


def test_a_band_by_a_painted_mask(band):
    guides = [Guide(paint=share) for share in coarsely_painted(band.sources, STFT(), (12, 32))]
    separator = GuidedSeparator(kl(8), random_state=0)
    guided = si_sdr(band.sources, separator.fit_transform(band.mixture, guides=guides))
    blind = Separator(kl(24), n_sources=3, sample_rate=SAMPLE_RATE, random_state=0)
    found = si_sdr(band.sources, blind.fit_transform(band.mixture), permute=True)
    # Measured 6.0 against 1.5 dB on average.
    assert guided.mean() > found.mean() + 3


def test_drums_by_recorded_hits_and_onsets(band):
    frames = {"sample_rate": SAMPLE_RATE, "stft": STFT(1024, hop_length=256)}
    conv = ConvNMF(8, template_length=8, max_iter=60, tol=0)
    train = band.train_sources[1]
    hits = hit_components(
        [train] * len(DRUMS),
        onsets=onsets_of(band.train_notes["drums"], DRUMS),
        template_length=8,
        **frames,
    )
    onsets = onsets_of(band.notes["drums"], DRUMS)
    # An open hi-hat is not among the recorded hits.
    onsets[2] = np.append(onsets[2], onsets_of(band.notes["drums"], [46])[0])
    separator = GuidedSeparator(conv, random_state=0, **frames)
    guides = {"drums": Guide(components=hits, onsets=onsets), "rest": Guide()}
    references = np.stack([band.sources[1], band.sources[[0, 2]].sum(axis=0)])
    guided = si_sdr(references, separator.fit_transform(band.mixture, guides=guides))
    np.testing.assert_array_equal(separator.components_[:4], hits.astype(np.float32))
    unguided = Separator(
        conv.set_params(n_components=12), n_sources=2, random_state=0, **frames
    ).fit_transform(band.mixture)
    found = si_sdr(references, unguided, permute=True)
    # Measured 8.0 against 3.3 dB for the drums.
    assert guided[0] > found[0] + 1.5
    assert guided[0] > 6.5
