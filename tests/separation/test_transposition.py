"""Training sources at other pitches: the sound, and dictionaries that are learned from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbss import STFT, BetaNMF, ExemplarNMF, Separator
from skbss._runtime.device import precision
from skbss.separation._transposition import transposed, with_transpositions

RATE = 8000
TIME = np.arange(RATE) / RATE


def tone(pitch, n_partials=4, time=TIME):
    partials = np.arange(1, n_partials + 1)[:, None]
    return (np.cos(2 * np.pi * pitch * partials * time) / partials).sum(axis=0)


def separator(**parameters):
    factorizer = BetaNMF(4, beta_loss="kullback-leibler", max_iter=50, tol=0)
    return Separator(factorizer, stft=STFT(512), random_state=0, **parameters)


@given(st.sampled_from([-12, -7.5, -1, 2, 3.5, 12]), st.sampled_from([np.float32, np.float64]))
def test_a_tone_becomes_higher_and_shorter_and_stays_as_loud(semitones, dtype):
    ratio = 2 ** (semitones / 12)
    sound = transposed(np.cos(2 * np.pi * 400 * TIME).astype(dtype), semitones)
    assert sound.dtype == dtype
    assert abs(len(sound) - RATE / ratio) <= 1
    expected = np.cos(2 * np.pi * 400 * ratio * np.arange(len(sound)) / RATE)
    # The resampler needs a few samples at both ends.
    np.testing.assert_allclose(sound[200:-200], expected[200:-200], atol=1e-3)


def test_what_would_lie_above_the_band_is_left_out():
    sound = transposed(np.cos(2 * np.pi * 3000 * TIME), 12)
    assert np.abs(sound[200:-200]).max() < 1e-3


def test_channels_and_sources_are_transposed_each_by_itself():
    clip = np.random.default_rng(0).standard_normal((3, 2, 500))
    sound = transposed(clip, 5)
    np.testing.assert_array_equal(sound[1, 0], transposed(clip[1, 0], 5))
    assert sound.shape[:-1] == (3, 2)


def test_clips_of_which_nothing_is_left_are_left_out():
    clips, origins = with_transpositions([np.ones((2, 1)), np.ones((2, 400))], (24, -24))
    assert [one.shape[-1] for one in clips] == [1, 400, 100, 4, 1600]
    assert origins == [0, 1, 1, 0, 1]


@pytest.mark.parametrize("shape", [(2, 4000), (3, 2, 4000), (3, 2, 2, 4000)])
@pytest.mark.parametrize("n_sources", [2, 3])
def test_the_dictionaries_are_those_of_more_clips(shape, n_sources):
    rng = np.random.default_rng(0)
    sources = rng.standard_normal(shape)
    mixtures = sources.sum(axis=-2 if len(shape) < 4 else 1)
    one = separator(n_sources=n_sources, transpositions=(-2, 3.5)).fit(mixtures, sources)
    clips = list(sources) if len(shape) > 2 else [sources]
    more = [transposed(clip, interval) for interval in (-2, 3.5) for clip in clips]
    known = separator().fit([clip.sum(axis=0) for clip in clips + more], clips + more)
    np.testing.assert_array_equal(one.components_[:8], known.components_)
    assert one.n_known_sources_ == 2
    assert one.n_sources_ == n_sources


def test_pitches_that_training_lacks_are_separated():
    bass = np.concatenate([tone(110), tone(123.5)])
    flute = np.concatenate([tone(523.3, 2), tone(587.3, 2)])
    train = np.stack([bass, flute])
    # A semitone above everything that was heard.
    test = np.stack([tone(116.5), tone(554.4, 2)])
    scores = [
        separator(transpositions=intervals).fit(train.sum(axis=0), train).score(test.sum(0), test)
        for intervals in (None, (-1, 1))
    ]
    assert scores[1] > scores[0] + 6


def test_none_and_nothing_are_the_same():
    train = np.stack([tone(220), tone(554)])
    plain, empty = (
        separator(transpositions=intervals).fit(train.sum(axis=0), train)
        for intervals in (None, [])
    )
    np.testing.assert_array_equal(plain.components_, empty.components_)


@pytest.mark.parametrize("level", [1e-30, 1e37])
def test_levels_do_not_matter(level):
    sound = np.cos(2 * np.pi * 400 * TIME).astype(np.float32)
    np.testing.assert_allclose(
        transposed(sound * np.float32(level), 3) / np.float32(level),
        transposed(sound, 3),
        atol=1e-6,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_jax_array_becomes_one_of_its_precision(dtype):
    with precision(dtype):
        sound = jnp.asarray(np.cos(2 * np.pi * 400 * TIME).astype(dtype))
    played = transposed(sound, 3)
    assert isinstance(played, jax.Array)
    assert played.dtype == dtype
    assert played.devices() == sound.devices()
    np.testing.assert_array_equal(played, transposed(np.asarray(sound), 3))


def test_jax_arrays_stay_where_they_are():
    train = jnp.asarray(np.stack([tone(220), tone(554)]), jnp.float32)
    fitted = Separator(
        ExemplarNMF(40), stft=STFT(512), random_state=0, transpositions=np.array([-1.0, 1.0])
    ).fit(train.sum(axis=0), train)
    assert isinstance(fitted.components_, jax.Array)
    assert fitted.components_.dtype == jnp.float32


@pytest.mark.parametrize(
    ("given_as", "error", "message"),
    [
        (2, TypeError, "sequence of semitones.*got 2"),
        ("12", TypeError, "sequence of semitones.*'12'"),
        ({1, 2}, TypeError, "sequence of semitones"),
        ((k for k in (1, 2)), TypeError, "sequence of semitones"),
        (np.ones((1, 2)), TypeError, "sequence of semitones"),
        ((1, True), TypeError, "got True among them"),
        ((1, "2"), TypeError, "got '2' among them"),
        ((1, 0), ValueError, "not be 0"),
        ((25,), ValueError, "between -24 and 24.*got 25"),
        ((float("nan"),), ValueError, "between -24 and 24.*got nan"),
    ],
)
def test_what_are_no_intervals_are_refused(given_as, error, message):
    with pytest.raises(error, match=message):
        separator(transpositions=given_as).fit(np.ones((1, 10)), np.ones((1, 2, 10)))


@pytest.mark.parametrize(("supervised", "y"), [(True, None), (False, np.ones((2, 600)))])
def test_blind_there_is_nothing_to_transpose(supervised, y):
    with pytest.raises(ValueError, match="nothing is learned from any"):
        separator(supervised=supervised, transpositions=(1,)).fit(np.ones(600), y)
