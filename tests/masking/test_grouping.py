"""Which atoms make up a source: features and the choice between them."""

import tracemalloc

import numpy as np
import pytest

from skbss import STFT, BetaNMF, MultilayerNMF, Separator, WienerMask
from skbss.masking._atom_features import mel_cepstra, rhythms, sections, timbres
from skbss.masking._grouping import Timing, group_atoms

RATE, HOP = 8000, 80  # 100 frames per second
WHEN = {"n_frames": 3200, "frame_rate": 100}


def labels_of(H, W, grouping, n_sources=2, lengths=None):
    timing = Timing([len(W)] if lengths is None else lengths, len(W), HOP, RATE)
    seed = np.random.RandomState(0)
    return group_atoms(H, W, n_sources, grouping, exponent=1, timing=timing, random_state=seed)[0]


def same_groups(labels, expected):
    pairs = set(zip(labels, expected, strict=True))
    return len(pairs) == len(set(labels)) == len(set(expected))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def spectra(rng):
    """Two atoms of low, two of high frequencies, in this order: low, high, low, high."""
    H = 0.01 * rng.random((4, 129))
    for k, region in enumerate([(4, 20), (60, 90), (8, 24), (70, 100)]):
        H[k, slice(*region)] += rng.random(region[1] - region[0])
    return H


@pytest.fixture
def parts(rng):
    """20 s: atoms 0 and 1 sound in the first half, 2 and 3 in the second, in notes of 0.2 s."""
    notes = np.repeat(rng.random((100, 4)) < 0.4, 20, axis=0) * rng.uniform(0.5, 1, (2000, 4))
    notes[1000:, :2] = 0
    notes[:1000, 2:] = 0
    return notes


def test_timbres_are_roots_of_the_shares_of_magnitudes(rng):
    H = rng.random((3, 65))
    F = timbres(H, exponent=1, sample_rate=RATE)
    assert F.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(F, axis=1), 1)
    np.testing.assert_allclose(timbres(H**2, exponent=2, sample_rate=RATE), F)
    levels = np.array([[1e-30], [1.0], [1e30]])
    np.testing.assert_allclose(timbres(levels * H, exponent=1, sample_rate=RATE), F)
    low, high = np.zeros((2, 65))
    low[2], high[50] = 1, 1
    F = timbres(np.stack([low, high]), exponent=1, sample_rate=RATE)
    assert F[0] @ F[1] == 0


@pytest.mark.parametrize("features", [timbres, mel_cepstra])
def test_an_atom_of_zeros_has_zeros(rng, features):
    H = rng.random((2, 65)) * [[1], [0]]
    F = features(H, exponent=1, sample_rate=RATE)
    assert F[0].any()
    assert not F[1].any()


def test_sections_are_blurred_shares_of_time():
    W = np.zeros((3200, 3))
    W[:1600, 0] = 2
    W[1600:, 1] = 1
    F = sections(W, [3200], **WHEN)
    np.testing.assert_allclose(np.linalg.norm(F, axis=1), [1, 1, 0])
    assert 0 < F[0] @ F[1] < 0.3
    np.testing.assert_allclose(sections(1e20 * W, [3200], **WHEN), F)
    # The same activity in two recordings: nothing leaks from one to the other.
    F = sections(W, [1600, 1600], **WHEN)
    assert F[0] @ F[1] == 0


def test_sections_of_hours_take_no_second_copy_of_the_activations(rng):
    W = rng.random((100_000, 16), dtype=np.float32)
    tracemalloc.start()
    try:
        F = sections(W, [50_000, 50_000], n_frames=100_000, frame_rate=100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert F.shape == (16, 1000)
    assert peak < W.nbytes / 2


def test_notes_of_one_part_are_alike_in_sections_only(parts):
    F, R = sections(parts, [2000], n_frames=2000, frame_rate=100), rhythms(parts)
    assert F[0] @ F[1] > 0.9 > 0.5 > F[0] @ F[2]
    assert R[0] @ R[1] < 0.5


def test_timbre_and_sections_group_by_what_they_say(spectra, parts):
    assert same_groups(labels_of(spectra, parts, "timbre"), [0, 1, 0, 1])
    assert same_groups(labels_of(spectra, parts, "sections"), [0, 0, 1, 1])


def test_auto_takes_sections_where_they_are_clear(spectra, parts, rng):
    assert same_groups(labels_of(spectra, parts, "auto"), [0, 0, 1, 1])
    # All the time, in notes:
    steady = np.repeat(rng.random((100, 4)) < 0.4, 20, axis=0) * rng.uniform(0.5, 1, (2000, 4))
    assert same_groups(labels_of(spectra, steady, "auto"), [0, 1, 0, 1])
    # Sixteen seconds are the least: shorter parts may be no more than notes.
    short = parts[300:-300]
    assert len(short) < 16 * RATE / HOP
    assert same_groups(labels_of(spectra, short, "auto"), [0, 1, 0, 1])
    assert same_groups(labels_of(spectra, short, "sections"), [0, 0, 1, 1])


def test_short_clips_are_sections(spectra, rng):
    """Atoms that sound in the same clips of many belong together."""
    clips = rng.uniform(0.5, 1, (10, 200, 4))
    clips[::2, :, :2] = 0
    clips[1::2, :, 2:] = 0
    labels = labels_of(spectra, clips.reshape(-1, 4), "auto", lengths=[200] * 10)
    assert same_groups(labels, [0, 0, 1, 1])


def test_channels_are_at_the_same_time(spectra, parts):
    """Two channels of ten seconds are no twenty seconds."""
    half = parts[500:1500]
    twice = np.concatenate([half, half])
    timing, seed = Timing([1000, 1000], 1000, HOP, RATE), np.random.RandomState(0)
    settings = {"exponent": 1, "timing": timing, "random_state": seed}
    labels, _ = group_atoms(spectra, twice, 2, "auto", **settings)
    assert same_groups(labels, [0, 1, 0, 1])
    F = sections(twice, [1000, 1000], n_frames=1000, frame_rate=100)
    G = sections(half, [1000], n_frames=1000, frame_rate=100)
    np.testing.assert_allclose(F @ F.T, G @ G.T)


def test_silent_atoms_disturb_nothing(spectra, parts):
    H = np.concatenate([spectra, np.zeros((1, 129))])
    W = np.concatenate([parts, np.zeros((len(parts), 1))], axis=1)
    for grouping, expected in {"timbre": [0, 1, 0, 1], "auto": [0, 0, 1, 1]}.items():
        assert same_groups(labels_of(H, W, grouping)[:4], expected)


def test_the_estimators_know_the_time():
    """30 s in which two tones alternate; both have an overtone that the other's timbre shares."""
    rng = np.random.default_rng(0)
    time = np.arange(30 * RATE) / RATE
    first = np.where(time < 15, 1.0, 0)
    pulses = np.repeat(rng.random((2, 2, 150)) < 0.5, RATE // 5, axis=2)
    tones = np.sin(2 * np.pi * np.array([[300, 2500], [600, 3000]])[..., None] * time)
    mixture = (pulses * tones * np.stack([first, 1 - first])[:, None]).sum(axis=(0, 1))
    factorizer = BetaNMF(4, init="nndsvda", beta_loss="kullback-leibler", max_iter=300, tol=0)
    separator = Separator(factorizer, n_sources=2, sample_rate=RATE, random_state=0).fit(mixture)
    halves = separator.activations(mixture).reshape(-1, 4)[: 15 * RATE // 128].sum(axis=0)
    whole = separator.activations(mixture).reshape(-1, 4).sum(axis=0)
    assert same_groups(separator.atom_source_, (halves > whole / 2).astype(int))
    by_timbre = separator.set_params(grouping="timbre").fit(mixture).atom_source_
    low = separator.components_[:, :64].sum(axis=1) > separator.components_[:, 64:].sum(axis=1)
    assert same_groups(by_timbre, low.astype(int))


def test_groupings_do_not_depend_on_the_level(spectra, parts):
    for grouping in ("auto", "timbre", "mfcc", "activations", "sections"):
        labels = labels_of(spectra, parts, grouping)
        np.testing.assert_array_equal(labels_of(1e-20 * spectra, 1e10 * parts, grouping), labels)


def test_a_mask_without_sample_rate_groups(rng):
    X = rng.random((40, 65)) + 1j * rng.random((40, 65))
    mask = WienerMask(BetaNMF(4, max_iter=5, tol=0), 2, random_state=0).fit(X)
    assert set(mask.labels_) == {0, 1}


def test_atoms_that_are_parts_of_the_same_component_belong_together():
    rng = np.random.default_rng(0)
    notes = np.kron(np.eye(2), rng.random((2, 20)) ** 4)
    sounds = rng.gamma(0.3, size=(150, 4))
    factorizer = MultilayerNMF([4, 2], init="random", max_iter=100, tol=0, random_state=0)
    mixture = (sounds @ notes).astype(complex)
    mask = WienerMask(factorizer, 2, grouping="parents").fit(mixture)
    parents = mask.factorizer_.parents_
    assert same_groups(mask.labels_, parents)
    assert same_groups(mask.labels_, mask.components_[:, :20].sum(axis=1) > 0.1)
    loudness = np.bincount(mask.labels_, mask.components_.sum(axis=1))
    assert loudness[0] > loudness[1]
    openly = WienerMask(factorizer, grouping="parents").fit(mixture)
    assert openly.n_sources_ == 2
    np.testing.assert_array_equal(openly.labels_, mask.labels_)
    separator = Separator(factorizer, stft=STFT(n_fft=16), n_sources=2, grouping="parents")
    separator.fit(rng.standard_normal(600))
    assert same_groups(separator.atom_source_, separator.factorizer_.parents_)


@pytest.mark.parametrize(
    ("factorizer", "error", "message"),
    [
        (BetaNMF(4), TypeError, r"needs a factorizer of several levels.*got BetaNMF"),
        (MultilayerNMF([4, 3]), ValueError, r"n_sources=2 must be .*got n_components=\[4, 3\]"),
        (MultilayerNMF(3), ValueError, r"n_sources=2 must be .*got n_components=3"),
        (MultilayerNMF(), ValueError, r"n_sources=2 must be .*got n_components='auto'"),
    ],
)
def test_parents_that_are_no_sources(factorizer, error, message):
    X = np.random.default_rng(0).random((40, 13)).astype(complex)
    with pytest.raises(error, match=message):
        WienerMask(factorizer, 2, grouping="parents").fit(X)
    with pytest.raises(error, match=message):
        Separator(factorizer, stft=STFT(n_fft=24), n_sources=2, grouping="parents").fit(
            np.random.default_rng(0).standard_normal(400)
        )


def test_parents_beside_known_sources_are_refused():
    waves = np.random.default_rng(0).standard_normal((2, 400))
    separator = Separator(
        MultilayerNMF([4, 2]), stft=STFT(n_fft=24), n_sources=4, grouping="parents"
    )
    with pytest.raises(ValueError, match="cannot group unknown sources beside known ones"):
        separator.fit(waves.sum(axis=0), waves)
