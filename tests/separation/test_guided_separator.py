"""GuidedSeparator: what guides say holds exactly, in every layout; what they can not say."""

import pickle

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import NMF
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skbss import (
    ARDNMF,
    ESADNMF,
    STFT,
    BetaNMF,
    ConvNMF,
    GrowingNMF,
    GuidedSeparator,
    HarmonicNMF,
    MiniBatchBetaNMF,
    SparseNMF,
    StructuredNMF,
)
from skbss.guidance import Guide, note_components
from skbss.metrics import si_sdr
from skbss.separation import IdealRatioMask

pytestmark = pytest.mark.usefixtures("few_programs")

RATE = 8000
FRONT_END = STFT(200)
HOP = 50
# MIDI pitches of the tones of the clips.
LOW = {f: 69 + 12 * np.log2(f / 440) for f in (200, 250, 300)}
HIGH = {f: 69 + 12 * np.log2(f / 440) for f in (1500, 1800)}


def kl(n_components=2, **parameters):
    return BetaNMF(n_components, beta_loss="kullback-leibler", **{"tol": 1e-3, **parameters})


def guided(factorizer=None, **parameters):
    settings = {"stft": FRONT_END, "sample_rate": RATE, "random_state": 0, **parameters}
    return GuidedSeparator(kl() if factorizer is None else factorizer, **settings)


@pytest.fixture(scope="module")
def mixtures(sources):
    return sources.sum(axis=1)


def notes_of(source, pitches):
    """What is played in eighths of a clip, read from the waveform."""
    notes = []
    for k, part in enumerate(source.reshape(8, 500)):
        frequency = np.abs(np.fft.rfft(part, 8000)).argmax()
        nearest = min(pitches, key=lambda f: abs(f - frequency))
        notes.append((k * 500 / RATE, 500 / RATE, pitches[nearest]))
    return notes


@pytest.fixture(scope="module")
def guides(sources):
    """Of every clip: two scores, and onsets of clicks."""
    return [
        {
            "low": Guide(notes=notes_of(clip[0], LOW)),
            "high": Guide(notes=notes_of(clip[1], HIGH)),
            "clicks": Guide(onsets=np.arange(4) / 8, n_components=3),
        }
        for clip in sources
    ]


@pytest.fixture(scope="module")
def fitted(mixtures, guides):
    return guided(onset_duration=0.025).fit(mixtures, guides=guides)


def test_separates_by_notes_and_onsets(fitted, mixtures, sources, guides):
    estimates = fitted.transform(mixtures, guides)
    assert estimates.shape == sources.shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    assert si_sdr(sources, estimates).mean() > 12
    expected = si_sdr(sources, estimates).mean()
    np.testing.assert_allclose(fitted.score(mixtures, sources, guides), expected)
    assert fitted.source_names_ == ["low", "high", "clicks"]
    assert fitted.n_sources_ == 3
    np.testing.assert_array_equal(fitted.atom_source_, [0, 0, 0, 1, 1, 2, 2, 2])
    np.testing.assert_allclose(fitted.atom_pitch_[:5], [*LOW.values(), *HIGH.values()])
    assert np.isnan(fitted.atom_pitch_[5:]).all()


def test_without_guides_the_atoms_sound_everywhere(fitted, mixtures, sources):
    estimates = fitted.transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    assert 5 < si_sdr(sources, estimates).mean() < fitted.score(mixtures, sources) + 1e-9


def test_fit_transform_is_fit_and_transform(fitted, mixtures, guides):
    both = guided(onset_duration=0.025).fit_transform(mixtures, guides=guides)
    np.testing.assert_array_equal(both, fitted.transform(mixtures, guides))


def test_zeros_of_components_stay_exactly_zeros(fitted):
    pitches = [*LOW.values(), *HIGH.values()]
    combs = note_components(pitches, sample_rate=RATE, stft=FRONT_END)
    assert (combs == 0).mean() > 0.2
    np.testing.assert_array_equal(fitted.components_[:5][combs == 0], 0)
    assert (fitted.components_[:5].sum(axis=1) > 0).all()


def test_zeros_of_activations_stay_exactly_zeros(fitted, mixtures, guides):
    W = fitted.activations(mixtures, guides)
    times = np.arange(W.shape[1]) * HOP / RATE
    for clip, own in zip(W, guides, strict=True):
        notes = [*own["low"].notes, *own["high"].notes]
        for k, pitch in enumerate([*LOW.values(), *HIGH.values()]):
            allowed = np.zeros(len(times), bool)
            for onset, duration, played in notes:
                if played == pitch:
                    allowed |= (times >= onset - 0.05 - 1e-9) & (
                        times <= onset + duration + 0.1 + 1e-9
                    )
            np.testing.assert_array_equal(clip[~allowed, k], 0)
            if allowed.any():
                assert clip[allowed, k].any()
        near = (np.abs(times[:, None] - np.arange(4) / 8 - 0.0125) <= 0.0625 + 1e-9).any(axis=1)
        np.testing.assert_array_equal(clip[~near][:, 5:], 0)
        assert clip[near][:, 5:].any()


def assert_silent_outside_of_notes(separator, W, notes):
    """The atom of the first of the pitches sounds in its notes, and is exactly zero elsewhere."""
    assert np.isfinite(W).all()
    pitch = notes[0][2]
    times = np.arange(len(W)) * HOP / RATE
    silent = np.ones(len(times), bool)
    for onset, duration, own in notes:
        if own == pitch:
            silent &= (times < onset - 0.0501) | (times > onset + duration + 0.1001)
    k = np.flatnonzero(separator.atom_pitch_ == pitch)
    assert k.size
    assert silent.any()
    np.testing.assert_array_equal(W[silent][:, k], 0)
    assert W[~silent][:, k].any()


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_zeros_stay_for_every_divergence(mixtures, guides, beta):
    factorizer = BetaNMF(2, beta_loss=beta, solver="mu", tol=1e-2)
    separator = guided(factorizer).fit(mixtures[0], guides=guides[0])
    W = separator.activations(mixtures[0], guides[0])
    assert_silent_outside_of_notes(separator, W, guides[0]["high"].notes)


@pytest.mark.parametrize("penalty", ["smoothness", "orthogonality", "group_sparsity", "volume"])
def test_structure_keeps_zeros_of_the_squared_error_too(mixtures, guides, penalty):
    factorizer = StructuredNMF(2, beta_loss=2, tol=1e-2, **{penalty: 1e-3})
    separator = guided(factorizer).fit(mixtures[0], guides=guides[0])
    W = separator.activations(mixtures[0], guides[0])
    assert_silent_outside_of_notes(separator, W, guides[0]["high"].notes)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("level", [1e-3, 1.0, 1e4])
def test_held_components_do_not_move_by_a_bit(mixtures, dtype, level):
    rng = np.random.default_rng(0)
    known = (level * rng.random((2, 101)) * (rng.random((2, 101)) < 0.7)).astype(dtype)
    separator = guided().fit(
        mixtures[0].astype(dtype), guides=[Guide(), Guide(components=known), Guide(n_components=1)]
    )
    assert separator.components_.dtype == dtype
    np.testing.assert_array_equal(separator.components_[:2], known)
    np.testing.assert_array_equal(separator.atom_source_, [1, 1, 0, 0, 2])
    assert not np.allclose(separator.components_[2], separator.components_[3])


def test_components_that_are_not_held_keep_their_zeros(mixtures):
    rng = np.random.default_rng(0)
    start = rng.random((2, 101)) * (rng.random((2, 101)) < 0.7)
    separator = guided().fit(mixtures[0], guides=[Guide(components=start, hold=False), Guide()])
    np.testing.assert_array_equal(separator.components_[:2][start == 0], 0)
    moved = separator.components_[:2] / separator.components_[:2].sum(axis=1, keepdims=True)
    assert np.abs(moved - start / start.sum(axis=1, keepdims=True)).max() > 1e-2


def test_examples(mixtures, sources):
    guides = [Guide(example=source) for source in sources[1]]
    separator = guided(kl(4)).fit(mixtures[0], guides=guides)
    estimates = separator.transform(mixtures[0], guides)
    assert si_sdr(sources[0], estimates).mean() > 10
    louder = [Guide(example=1e3 * source, n_components=4) for source in sources[1]]
    again = guided(kl(9)).fit(mixtures[0], guides=louder)
    np.testing.assert_allclose(again.components_, separator.components_, rtol=1e-9, atol=1e-12)


def test_an_example_says_how_it_sounds_and_notes_say_when(mixtures, sources, guides):
    notes = guides[0]["high"].notes[:2]
    separator = guided().fit(
        mixtures[0], guides=[Guide(example=sources[1, 1], notes=notes), Guide()]
    )
    assert np.isnan(separator.atom_pitch_).all()
    W = separator.activations(mixtures[0], [Guide(notes=notes), Guide()])
    end = 1000 / RATE + 0.1
    last = int(np.floor(end * RATE / HOP + 1e-9))
    np.testing.assert_array_equal(W[last + 1 :, :2], 0)
    assert W[:last, :2].any()
    assert W[last + 1 :, 2:].any()


def test_components_go_on_from_an_example(mixtures, sources):
    held, free = (
        guided(kl(4)).fit(mixtures[0], guides=[Guide(example=sources[1, 0], hold=hold), Guide()])
        for hold in (True, False)
    )
    assert not np.allclose(held.components_[:4], free.components_[:4])
    estimates = free.transform(mixtures[0])
    assert si_sdr(sources[0, :1], estimates[:1])[0] > 10


def painted(sources, threshold=None, **parameters):
    """Shares of the magnitudes; with a threshold only where one source has nearly all."""
    V = np.abs(FRONT_END.set_params(**parameters).fit_transform(sources))
    total = V.sum(axis=0)
    shares = np.where(total > 0, V / np.where(total > 0, total, 1), 1 / len(V))
    if threshold is None:
        return shares
    dominated = shares.max(axis=0) > threshold
    binary = (shares == shares.max(axis=0)).astype(float)
    return np.where(dominated, binary, np.nan)


def test_a_fully_painted_mask_is_the_mask(mixtures, sources):
    guides = [Guide(paint=share) for share in painted(sources[0])]
    separator = guided()
    estimates = separator.fit_transform(mixtures[0], guides=guides)
    ideal = IdealRatioMask(1.0, stft=FRONT_END).fit(mixtures[0], sources[0])
    expected = ideal.transform(mixtures[0], sources[0])
    # Painted shares are kept in single precision.
    np.testing.assert_allclose(estimates, expected, atol=1e-6)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)


def test_a_painted_part_is_followed_and_taught(mixtures, sources):
    shares = painted(sources[0], 0.95)
    shares[:, 40:] = np.nan
    guides = [Guide(paint=share) for share in shares]
    separator = guided(kl(4)).fit(mixtures[0], guides=guides)
    estimates = separator.transform(mixtures[0], guides)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)
    assert si_sdr(sources[0], estimates).mean() > 10
    # By the first half the atoms of the second are known.
    assert si_sdr(sources[0], separator.transform(mixtures[0])).mean() > 8


@pytest.mark.parametrize("beta", [0, 2])
def test_paint_for_other_divergences(mixtures, sources, beta):
    guides = [Guide(paint=share) for share in painted(sources[0], 0.9)]
    factorizer = BetaNMF(3, beta_loss=beta, solver="mu", max_iter=50, tol=0)
    separator = guided(factorizer)
    estimates = separator.fit_transform(mixtures[0], guides=guides)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)
    assert si_sdr(sources[0], estimates).mean() > 10


def test_painted_rows_follow_the_notes_as_well(mixtures, sources, guides):
    starts = []

    class Watched(BetaNMF):
        def fit_transform(self, X, y=None, W=None, H=None, weights=None):
            starts.append(W)
            return super().fit_transform(X, W=W, H=H, weights=weights)

    paint = painted(sources[0], 0.9)[1]
    paint[60:] = np.nan
    some = [Guide(notes=guides[0]["high"].notes, paint=paint), Guide()]
    guided(Watched(2, beta_loss=1, tol=1e-2)).fit(mixtures[0], guides=some)
    frames = np.flatnonzero(~np.isnan(paint).all(axis=1))
    mixture, rest = starts[0][:81], starts[0][81:]
    known, other = rest[: len(frames)], rest[len(frames) :]
    # In what was painted only this source sounds, when its notes do; in the rest the other.
    np.testing.assert_array_equal(known[:, :2] > 0, mixture[frames, :2] > 0)
    assert (mixture[:, :2] == 0).any()
    assert not known[:, 2:].any()
    assert not other[:, :2].any()
    assert (other[:, 2:] > 0).all()


def test_paint_of_one_source_is_enough(mixtures):
    paint = np.full((81, 101), np.nan)
    paint[30:50] = 1
    paint[60:] = 0
    guides = {"here": Guide(paint=paint), "other": Guide(), "third": Guide()}
    estimates = guided().fit_transform(mixtures[0], guides=guides)
    # Frames that reach neither before nor after what was painted.
    inside = slice(32 * HOP, 48 * HOP)
    np.testing.assert_allclose(estimates[0][inside], mixtures[0][inside], atol=1e-12)
    np.testing.assert_allclose(estimates[1:, inside], 0, atol=1e-12)
    np.testing.assert_allclose(estimates[0, 62 * HOP :], 0, atol=1e-12)


@pytest.mark.parametrize("parameters", [{"center": False}, {"hop_length": 64}, {"n_fft": 251}])
def test_paint_lies_on_the_frames_of_every_front_end(mixtures, parameters):
    front_end = clone(FRONT_END).set_params(**parameters)
    n_frames, n_freqs = front_end.fit_transform(mixtures[0]).shape
    hop = parameters.get("hop_length", HOP if "n_fft" not in parameters else 62)
    first = 100 if "center" in parameters else 0
    middles = first + hop * np.arange(n_frames)
    paint = np.full((n_frames, n_freqs), np.nan)
    paint[(middles > 1000) & (middles < 2500)] = 1
    separator = guided(stft=front_end)
    estimates = separator.fit_transform(mixtures[0], guides=[Guide(paint=paint), Guide()])
    np.testing.assert_allclose(estimates[0, 1200:2300], mixtures[0, 1200:2300], atol=1e-10)
    assert np.abs(estimates[1, :800]).max() > 1e-3
    assert np.abs(estimates[1, 2700:]).max() > 1e-3


def test_a_source_without_notes_is_silent(mixtures, guides):
    silent = {**guides[0], "clicks": Guide(), "nobody": Guide(notes=[])}
    separator = guided()
    estimates = separator.fit_transform(mixtures[0], guides=silent)
    np.testing.assert_array_equal(estimates[3], 0)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)
    assert 3 not in separator.atom_source_


def test_where_nobody_may_sound_all_share_alike(mixtures, guides):
    few = {name: Guide(notes=guides[0][name].notes[:1]) for name in ("low", "high")}
    estimates = guided().fit_transform(mixtures[0], guides=few)
    np.testing.assert_allclose(estimates[0, 2000:], mixtures[0, 2000:] / 2, atol=1e-12)


def test_intervals(mixtures):
    some = [Guide(active=[(0, 0.1), (0.3, 0.5)]), Guide()]
    separator = guided(onset_tolerance=0, offset_tolerance=0).fit(mixtures[0], guides=some)
    W = separator.activations(mixtures[0], some)
    times = np.arange(len(W)) * HOP / RATE
    allowed = (times <= 0.1 + 1e-9) | (times >= 0.3 - 1e-9)
    np.testing.assert_array_equal(W[~allowed, :2], 0)
    assert (W[allowed, :2].sum(axis=1) > 0).mean() > 0.9


def test_templates(mixtures, sources, guides):
    conv = ConvNMF(2, template_length=4, tol=1e-3, sparsity=0)
    separator = guided(conv)
    some = {**guides[0], "clicks": Guide(onsets=[[0, 0.125], [0.25, 0.375]])}
    estimates = separator.fit_transform(mixtures[0], guides=some)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)
    assert si_sdr(sources[0], estimates).mean() > 10
    W = separator.activations(mixtures[0], some)
    n_pitches = np.count_nonzero(~np.isnan(separator.atom_pitch_))
    times = np.arange(len(W)) * HOP / RATE
    for k, onsets in enumerate([[0, 0.125], [0.25, 0.375]]):
        far = (np.abs(times[:, None] - onsets) > 0.0501).all(axis=1)
        np.testing.assert_array_equal(W[far, n_pitches + k], 0)
        assert W[~far, n_pitches + k].any()
    assert separator.components_.shape[1:] == (4, 101)
    alone = guided(conv).fit(
        mixtures[0],
        guides=[Guide(example=sources[1, 0]), Guide(paint=painted(sources[0], 0.95)[2])],
    )
    assert alone.components_.shape == (4, 4, 101)


def test_sparse_activations(mixtures, sources, guides):
    separator = guided(SparseNMF(2, tol=1e-3, sparsity=0.01), onset_duration=0.025)
    estimates = separator.fit_transform(mixtures[0], guides=guides[0])
    assert si_sdr(sources[0], estimates).mean() > 8
    np.testing.assert_allclose(np.linalg.norm(separator.components_, axis=1), 1)


def test_a_search_deals_out_guides(mixtures, sources, guides):
    # Every fold needs notes of all pitches: those of the first clips do not hold them all.
    some = [{"low": one["low"], "high": one["high"], "clicks": Guide()} for one in guides]
    search = GridSearchCV(
        guided(kl(2, max_iter=5, tol=0)), {"mask_exponent": [0.01, 1.0]}, cv=2, error_score="raise"
    )
    search.fit(mixtures[:4], sources[:4], guides=some[:4])
    assert search.best_params_ == {"mask_exponent": 1.0}
    assert search.best_estimator_.score(mixtures[:4], sources[:4], some[:4]) > 5


@pytest.mark.parametrize("level", [1e-6, 1e5])
def test_the_level_does_not_matter(mixtures, sources, guides, level):
    some = {
        "low": guides[0]["low"],
        "clicks": Guide(paint=painted(sources[0], 0.95)[2]),
        "high": Guide(example=sources[1, 1], hold=False),
    }
    estimates = guided().fit_transform(mixtures[0], guides=some)
    scaled = guided().fit_transform(level * mixtures[0], guides=some)
    np.testing.assert_allclose(scaled / level, estimates, atol=1e-8)


def test_single_precision(mixtures, sources, guides):
    some = {**guides[0], "rest": Guide(paint=painted(sources[0], 0.95)[2])}
    X = mixtures[0].astype(np.float32)
    estimates = guided().fit_transform(X, guides=some)
    assert estimates.dtype == np.float32
    np.testing.assert_allclose(estimates.sum(axis=0), X, atol=1e-5)


def test_jax_arrays(mixtures, sources, guides):
    some = {
        **guides[0],
        "rest": Guide(paint=painted(sources[0], 0.95)[2], n_components=1),
        "more": Guide(example=sources[1, 1], hold=False),
    }
    X = mixtures[0].astype(np.float32)
    on_host = guided().fit_transform(X, guides=some)
    on_device = guided().fit_transform(jnp.asarray(X), guides=some)
    assert isinstance(on_device, type(jnp.asarray(X)))
    np.testing.assert_allclose(on_device, on_host, atol=2e-3)


def test_clips_of_unequal_length(mixtures, guides):
    X = [mixtures[0], mixtures[1][:3000]]
    some = [
        guides[0],
        {
            name: Guide(notes=[n for n in guides[1][name].notes if n[0] < 0.375])
            if name != "clicks"
            else Guide(onsets=[0, 0.125], n_components=3)
            for name in reversed(guides[1])
        },
    ]
    separator = guided()
    estimates = separator.fit_transform(X, guides=some)
    assert [one.shape for one in estimates] == [(3, 4000), (3, 3000)]
    assert separator.source_names_ == ["low", "high", "clicks"]
    for one, x in zip(estimates, X, strict=True):
        np.testing.assert_allclose(one.sum(axis=0), x, atol=1e-12)


def test_channels_share_their_guides(mixtures, sources, guides):
    X = np.stack([mixtures[0], 0.5 * mixtures[0]])[None]
    some = {**guides[0], "rest": Guide(paint=painted(sources[0], 0.95)[2])}
    separator = guided()
    estimates = separator.fit_transform(X, guides=[some])
    assert estimates.shape == (1, 4, 2, 4000)
    np.testing.assert_allclose(estimates.sum(axis=1), X, atol=1e-12)
    np.testing.assert_allclose(estimates[:, :, 1], 0.5 * estimates[:, :, 0], atol=1e-2)
    assert separator.activations(X, [some]).shape == (1, 2, 81, len(separator.components_))


def test_silence(guides):
    separator = guided()
    estimates = separator.fit_transform(np.zeros(4000), guides=guides[0])
    np.testing.assert_array_equal(estimates, 0)


def test_the_order_of_names_is_that_of_fit(fitted, mixtures, guides):
    turned = dict(reversed(guides[0].items()))
    np.testing.assert_array_equal(
        fitted.transform(mixtures[0], turned), fitted.transform(mixtures[0], guides[0])
    )


def test_copies(fitted, mixtures, guides):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.transform(mixtures[0], guides[0]), fitted.transform(mixtures[0], guides[0])
    )
    assert not hasattr(clone(fitted), "components_")
    assert GuidedSeparator().set_params(stft__n_fft=512).stft.n_fft == 512
    assert GuidedSeparator().set_params(factorizer__n_components=3).factorizer.n_components == 3


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_clips_in_which_nothing_may_sound_have_no_activations(fitted, mixtures, kind):
    stereo = kind(np.stack([mixtures[0], mixtures[1]]))[None]
    silent = [dict.fromkeys(fitted.source_names_, Guide(active=[]))]
    W = fitted.activations(stereo, silent)
    assert isinstance(W, type(stereo))
    assert W.shape[:2] == (1, 2)
    assert not W.any()
    estimates = fitted.transform(stereo, silent)
    np.testing.assert_allclose(estimates, np.repeat(stereo[:, None], 3, axis=1) / 3, atol=1e-6)


def test_is_not_fitted(mixtures):
    with pytest.raises(NotFittedError):
        guided().transform(mixtures[0])


ONE = {"a": Guide(notes=[(0, 0.1, 60)]), "b": Guide()}


@pytest.mark.parametrize(
    ("guides", "error", "message"),
    [
        (None, ValueError, "guides are missing"),
        ({}, ValueError, "holds no source"),
        (5, TypeError, "must be a mapping or a list of Guide"),
        ({"a": [(0, 1, 60)]}, TypeError, r"guides\['a'\] must be a Guide"),
        ({"a": Guide(notes=[(9, 1, 60)])}, ValueError, r"guides\['a'\].notes holds the onset 9 s"),
        ({"a": Guide(onsets=0.1)}, ValueError, r"guides\['a'\].onsets must have the shape"),
        ({"a": Guide(onsets=[-1])}, ValueError, r"guides\['a'\].onsets holds the time -1 s"),
        ({"a": Guide(active=[(3, 2)])}, ValueError, "before it begins"),
        ({"a": Guide(paint=np.zeros((3, 4)))}, ValueError, r"must have the shape \(81, 101\)"),
        ({"a": Guide(paint=np.full((81, 101), 2))}, ValueError, "shares from 0 to 1"),
        (
            {name: Guide(paint=np.full((81, 101), 0.7)) for name in "ab"},
            ValueError,
            "must add up to 1",
        ),
        ({"a": Guide(n_components=0)}, ValueError, r"guides\['a'\].n_components"),
        ({"a": Guide(hold="yes")}, TypeError, "hold must be True or False"),
        ({"a": Guide(notes=[], onsets=[1])}, ValueError, "both notes and onsets"),
        (
            {"a": Guide(components=np.ones((1, 101)), example=np.ones(99))},
            ValueError,
            "both components and example",
        ),
        ({"a": Guide(components=np.ones((1, 7)))}, ValueError, r"the shape \(n_components, 101\)"),
        ({"a": Guide(components=-np.ones((1, 101)))}, ValueError, "must be non-negative, got -1"),
        ({"a": Guide(example=[np.nan])}, ValueError, "NaN"),
        ({"a": Guide(example="a.wav")}, TypeError, r"got 'a.wav': read the file first"),
        (
            {"a": Guide(components=[[1.0], [1.0, 2.0]])},
            ValueError,
            r"guides\['a'\].components must have all rows of one length, got \[\[1.0\], \[1.0, 2",
        ),
        ({"a": Guide(components=[["x"] * 101])}, ValueError, "components must be real numbers"),
        ({"a": Guide(components=np.full((1, 101), np.nan))}, ValueError, "NaN or infinity"),
        ({"a": Guide(onsets=[[[0.0], [0.1, 0.2]]])}, ValueError, r"onsets\[0\] must have all rows"),
        ({"a": Guide(notes=[(0, 1, 60), (0, 1)])}, ValueError, r"\['a'\].notes must have all rows"),
        ({"a": Guide(paint=[[1, 0.5], [0]])}, ValueError, r"\['a'\].paint must have all rows"),
        ([Guide(), Guide(active=[(0, 1), (1,)])], ValueError, r"guides\[1\].active must have all"),
        ({"a": Guide(notes=[]), "b": Guide(active=[])}, ValueError, "no source sound in any frame"),
        ({1: Guide(), "1": Guide()}, ValueError, "1 and '1', which would have one name"),
        ([[Guide()], [Guide()]], TypeError, r"several clips, but X is one: pass guides\[0\]"),
        ({"a": Guide(notes=[(0, 0.1, 60)], n_components=3)}, ValueError, "for every pitch"),
        (
            {"a": Guide(onsets=[[0], [0.1]], n_components=3)},
            ValueError,
            "must say in one way how many components there are, got 2, 3",
        ),
        ({"a": Guide(notes=[(0, 0.1, 130)])}, ValueError, r"\['a'\].notes holds .* pitch 130"),
        ({"a": Guide(notes=[])}, ValueError, "no source that sounds"),
    ],
)
def test_guides_are_checked(mixtures, guides, error, message):
    with pytest.raises(error, match=message):
        guided().fit(mixtures[0], guides=guides)


@pytest.mark.parametrize("y", [[Guide()], {"a": Guide()}, [{"a": Guide()}], [[Guide()]], Guide()])
def test_guides_are_passed_by_name(mixtures, y):
    for method in ("fit", "fit_transform"):
        with pytest.raises(TypeError, match=r"as y, which is not used: .* fit\(X, guides=guides\)"):
            getattr(guided(), method)(mixtures[0], y)


@pytest.mark.parametrize("hold", [True, False])
def test_a_silent_example_is_told(mixtures, hold):
    guides = {"a": Guide(example=np.zeros(2000), hold=hold), "b": Guide()}
    with pytest.warns(UserWarning, match=r"guides\['a'\].example is silent") as caught:
        estimates = guided().fit_transform(mixtures[0], guides=guides)
    assert caught[0].filename == __file__
    assert not estimates[0].any()
    np.testing.assert_allclose(estimates[1], mixtures[0], atol=1e-12)


def test_one_example_of_several_may_be_silent(mixtures, sources):
    silence, sound = np.zeros(2000), sources[0, 0]
    guides = [{"a": Guide(example=example), "b": Guide()} for example in (silence, sound)]
    assert guided().fit_transform(mixtures[:2], guides=guides)[0, 0].any()


def test_guides_have_to_fit_to_the_clips(mixtures, fitted):
    with pytest.raises(TypeError, match="X holds 6 clips: pass a list"):
        guided().fit(mixtures, guides=ONE)
    with pytest.raises(TypeError, match="X holds 6 clips: pass a list"):
        guided().fit(mixtures, guides=5)
    with pytest.raises(ValueError, match="given for 2 clips, but there are 6"):
        guided().fit(mixtures, guides=[ONE, ONE])
    with pytest.raises(ValueError, match="2 sources, but there must be 1"):
        guided().fit(mixtures[:2], guides=[[Guide()], [Guide(), Guide()]])
    with pytest.raises(ValueError, match=r"must have the sources \['a', 'b'\], got \['a', 'c'\]"):
        guided().fit(mixtures[:2], guides=[ONE, {"a": Guide(), "c": Guide()}])
    with pytest.raises(ValueError, match="give notes in every clip"):
        guided().fit(mixtures[:2], guides=[ONE, {"a": Guide(), "b": Guide()}])
    with pytest.raises(ValueError, match="must have the sources"):
        fitted.transform(mixtures[0], ONE)
    other = {"low": Guide(notes=[(0, 0.1, 40)]), "high": Guide(), "clicks": Guide()}
    with pytest.raises(ValueError, match=r"\['low'\].notes holds the pitch 40, of which"):
        fitted.transform(mixtures[0], other)
    with pytest.raises(ValueError, match=r"guides\[1\]\['low'\].notes must be real numbers"):
        fitted.transform(
            mixtures[:2], [other | {"low": Guide()}, other | {"low": Guide(notes="C4")}]
        )
    two = {"low": Guide(), "high": Guide(), "clicks": Guide(onsets=[[0], [0.1]])}
    with pytest.raises(ValueError, match=r"\['clicks'\].onsets are those of 2 .* source has 3"):
        fitted.transform(mixtures[0], two)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sample_rate": None}, ValueError, "need the sample_rate"),
        ({"sample_rate": -1}, ValueError, "sample_rate"),
        ({"onset_tolerance": -1}, ValueError, "onset_tolerance"),
        ({"offset_tolerance": "long"}, TypeError, "offset_tolerance"),
        ({"onset_duration": -1}, ValueError, "onset_duration"),
        ({"pitch_tolerance": -1}, ValueError, "pitch_tolerance"),
        ({"inharmonicity": -1}, ValueError, "inharmonicity"),
        ({"mask_exponent": 0}, ValueError, "mask_exponent"),
        ({"spectrum": "cepstrum"}, ValueError, "spectrum"),
        ({"stft": 512}, TypeError, "stft"),
        ({"factorizer": "NMF"}, TypeError, "factorizer"),
        ({"factorizer": BetaNMF(2)}, ValueError, r"must not move, but BetaNMF.*solver='mu'"),
        ({"factorizer": ARDNMF(2)}, ValueError, "set prune=False"),
        ({"factorizer": ARDNMF(2, prune=False, beta_loss=2)}, ValueError, "set another beta_loss"),
        (
            {"factorizer": BetaNMF(2, beta_loss=1, fixed_components=[[1.0] * 129])},
            ValueError,
            r"fixed_components of BetaNMF must be None.* Guide\(components=",
        ),
        ({"factorizer": GrowingNMF(2)}, TypeError, "guides say how many there are.* use BetaNMF"),
        ({"factorizer": BetaNMF(2, solver="cd")}, ValueError, "set solver='mu'"),
        ({"factorizer": StructuredNMF(2, beta_loss=2)}, ValueError, "by coordinate descent"),
        ({"factorizer": MiniBatchBetaNMF(2)}, ValueError, "learns batch by batch.*use BetaNMF"),
        ({"factorizer": SparseNMF(2, beta_loss=2)}, ValueError, "set solver='mu'"),
        ({"factorizer": kl("auto")}, ValueError, "n_components='auto': set n_components"),
    ],
)
def test_parameters_are_checked(mixtures, parameters, error, message):
    with pytest.raises(error, match=message):
        GuidedSeparator(**{"stft": FRONT_END, "sample_rate": RATE, **parameters}).fit(
            mixtures[0], guides=ONE
        )


def test_one_start_is_that_of_the_guides(mixtures):
    once = guided(kl(random_state=0)).fit(mixtures[0], guides=ONE)
    thrice = guided(kl(random_state=0, n_init=3)).fit(mixtures[0], guides=ONE)
    np.testing.assert_array_equal(thrice.components_, once.components_)


def test_relevance_without_pruning_can_follow(mixtures):
    factorizer = ARDNMF(2, prune=False, max_iter=50, tol=0)
    estimates = guided(factorizer).fit_transform(mixtures[0], guides=ONE)
    np.testing.assert_allclose(estimates.sum(axis=0), mixtures[0], atol=1e-12)


def test_factorizers_that_can_not_follow(mixtures):
    class WithoutWeights(BetaNMF):
        def fit(self, X, y=None, W=None, H=None):
            return super().fit(X, W=W, H=H)

    class Moved(BetaNMF):
        def fit_transform(self, X, y=None, W=None, H=None, weights=None):
            return super().fit_transform(X, W=W, H=H, weights=weights) + 1e-9

    for factorizer in (NMF(2), ESADNMF(2), HarmonicNMF()):
        separator = GuidedSeparator(factorizer, stft=FRONT_END, sample_rate=RATE)
        with pytest.raises(TypeError, match="NMF can not start from given factors"):
            separator.fit(mixtures[0], guides=ONE)
    separator = GuidedSeparator(Moved(2, beta_loss=1), stft=FRONT_END, sample_rate=RATE)
    with pytest.raises(ValueError, match="moved exact zeros of its start"):
        separator.fit(mixtures[0], guides=ONE)
    separator = GuidedSeparator(WithoutWeights(2, beta_loss=1), stft=FRONT_END)
    with pytest.raises(TypeError, match="takes no weights, which painted masks need"):
        separator.fit(mixtures[0], guides=[Guide(paint=np.ones((81, 101)))])
