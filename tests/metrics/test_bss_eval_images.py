"""BSS Eval of images: properties, frames, channels, limits, and everything degenerate."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skbss
from skbss.metrics import bss_eval, bss_eval_images

TAPS = 16
SCORES = ("sdr", "isr", "sir", "sar")


def problem(seed=0, n_sources=2, n_channels=2, length=600, artifacts=0.1):
    """Images, and estimates that are filtered and hold some of the others and noise."""
    rng = np.random.default_rng(seed)
    s = rng.standard_normal((n_sources, n_channels, length))
    s_hat = 0.9 * s + 0.1 * np.roll(s, 2, axis=-1) + 0.2 * s[::-1]
    return s, s_hat + artifacts * rng.standard_normal(s.shape)


def ratios(scores):
    return np.stack([getattr(scores, name) for name in SCORES])


def evaluated(references, estimates, **options):
    return bss_eval_images(references, estimates, **{"filter_length": TAPS, **options})


def dense(references, estimate, j, found_in=slice(None), heard_in=slice(None)):
    """The four ratios by least squares on all delayed channels; filters from the first slice."""
    n_sources, n_channels, _ = references.shape

    def columns(part):
        length = references[..., part].shape[-1]
        delayed = np.zeros((length + TAPS - 1, n_sources, n_channels, TAPS))
        for delay in range(TAPS):
            delayed[delay : delay + length, :, :, delay] = references[..., part].transpose(2, 0, 1)
        return delayed

    def padded(signals, part):
        return np.pad(signals[:, part], ((0, 0), (0, TAPS - 1))).T

    def projection(sources):
        found, heard = (
            columns(part)[:, sources].reshape(
                -1, len(range(n_sources)[sources]) * n_channels * TAPS
            )
            for part in (found_in, heard_in)
        )
        return heard @ np.linalg.lstsq(found, padded(estimate, found_in))[0]

    target, whole = projection(slice(j, j + 1)), projection(slice(None))
    s, s_hat = padded(references[j], heard_in), padded(estimate, heard_in)
    parts = ((s, s_hat - s), (s, target - s), (target, whole - target), (whole, s_hat - whole))
    return [10 * np.log10(np.square(a).sum() / np.square(b).sum()) for a, b in parts]


@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("artifacts", [0.1, 1e-4])
def test_definition(artifacts, n_channels):
    s, s_hat = problem(n_channels=n_channels, artifacts=artifacts)
    expected = np.transpose([dense(s, s_hat[j], j) for j in range(2)])
    np.testing.assert_allclose(ratios(evaluated(s, s_hat)), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("framewise_filters", [False, True])
def test_frames(framewise_filters):
    s, s_hat = problem()
    scores = evaluated(s, s_hat, window=250, hop=125, framewise_filters=framewise_filters)
    assert scores.sdr.shape == (2, 3)
    for t in range(3):
        frame = slice(125 * t, 125 * t + 250)
        found_in = frame if framewise_filters else slice(None)
        expected = np.transpose([dense(s, s_hat[j], j, found_in, frame) for j in range(2)])
        np.testing.assert_allclose(ratios(scores)[..., t], expected, rtol=0, atol=1e-8)
    assert scores.version == skbss.__version__
    assert "v4, images, 16-tap" in scores.definition
    end = "each with its own filters" if framewise_filters else "filters of the whole signal"
    assert scores.definition.endswith(f"frames of 250 samples every 125, {end}")


def test_filters_of_the_whole_signal_take_frames_of_any_length():
    s, s_hat = problem()
    assert evaluated(s, s_hat, window=TAPS // 2).sdr.shape == (2, 75)
    with pytest.raises(ValueError, match="16 taps can not be found from 8 samples"):
        evaluated(s, s_hat, window=TAPS // 2, framewise_filters=True)


@pytest.mark.parametrize("framewise_filters", [False, True])
@pytest.mark.parametrize("window", [600, 10000])
def test_a_frame_that_holds_everything(window, framewise_filters):
    s, s_hat = problem()
    framewise = evaluated(s, s_hat, window=window, framewise_filters=framewise_filters)
    whole = evaluated(s, s_hat)
    np.testing.assert_array_equal(ratios(framewise)[..., 0], ratios(whole))
    np.testing.assert_array_equal(ratios(framewise.median()), ratios(whole))
    assert whole.median() is whole


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**16), exponent=st.integers(-150, 150), sign=st.sampled_from([-1, 1]))
def test_a_common_gain_does_not_matter(seed, exponent, sign):
    s, s_hat = problem(seed)
    gain = sign * 10.0**exponent
    np.testing.assert_allclose(
        ratios(evaluated(gain * s, gain * s_hat)), ratios(evaluated(s, s_hat)), atol=1e-9
    )


def test_a_gain_of_the_estimate_does():
    s, _ = problem()
    scores = evaluated(s, 0.9 * s)
    np.testing.assert_allclose(scores.sdr, 20)
    np.testing.assert_allclose(scores.isr, 20)
    np.testing.assert_array_equal(scores.sir, np.inf)
    np.testing.assert_array_equal(scores.sar, np.inf)


@pytest.mark.parametrize("window", [None, 300])
def test_sources_of_very_different_levels(window):
    s, s_hat = problem()
    gains = np.array([1, 1e-8]).reshape(2, 1, 1)
    mixed = s_hat - 0.2 * s[::-1]
    found = ratios(evaluated(gains * s, gains * mixed, window=window))
    np.testing.assert_allclose(found, ratios(evaluated(s, mixed, window=window)), atol=1e-7)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**16), order=st.permutations(range(3)))
def test_permutations(seed, order):
    s, s_hat = problem(seed, n_sources=3)
    s_hat = s + 0.1 * s_hat
    scores = evaluated(s, s_hat[order], permute=True)
    np.testing.assert_array_equal(scores.permutation, np.argsort(order))
    np.testing.assert_allclose(ratios(scores), ratios(evaluated(s, s_hat)), atol=1e-8)


@pytest.mark.parametrize("window", [None, 200])
def test_more_estimates_than_references(window):
    s, s_hat = problem()
    more = np.stack([s_hat[1], np.random.default_rng(1).standard_normal((2, 600)), s_hat[0]])
    scores = evaluated(s, more, permute=True, window=window)
    np.testing.assert_array_equal(scores.permutation, [2, 0])
    np.testing.assert_array_equal(scores.unmatched, [1])
    np.testing.assert_allclose(ratios(scores), ratios(evaluated(s, s_hat, window=window)))


@pytest.mark.parametrize("permute", [False, True])
@pytest.mark.parametrize("window", [None, 300])
def test_batch_axes_are_a_loop(window, permute):
    s, s_hat = (np.reshape(x, (2, 1, 2, 2, 600)) for x in problem(n_sources=4))
    scores = evaluated(s, s_hat, window=window, permute=permute)
    for i in range(2):
        one = evaluated(s[i, 0], s_hat[i, 0], window=window, permute=permute)
        np.testing.assert_array_equal(ratios(scores)[:, i, 0], ratios(one))
        np.testing.assert_array_equal(scores.permutation[i, 0], one.permutation)


def test_one_channel_has_the_sir_and_sar_of_sources():
    s, s_hat = problem(n_channels=1)
    images, sources = evaluated(s, s_hat), bss_eval(s[:, 0], s_hat[:, 0], filter_length=TAPS)
    np.testing.assert_allclose(images.sir, sources.sir)
    np.testing.assert_allclose(images.sar, sources.sar)


def test_float32_gives_the_same():
    s, s_hat = problem()
    found = ratios(evaluated(s.astype(np.float32), s_hat.astype(np.float32)))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, ratios(evaluated(s, s_hat)), atol=1e-4)


@pytest.mark.parametrize("window", [None, 200])
@pytest.mark.parametrize("framewise_filters", [False, True])
@pytest.mark.parametrize("gain", [1e-250, 1e-160, 1e160])
def test_sir_and_sar_do_not_depend_on_the_level_of_estimates(gain, window, framewise_filters):
    s, s_hat = problem()
    options = {"window": window, "framewise_filters": framewise_filters}
    options = {} if window is None else options
    expected, scores = evaluated(s, s_hat, **options), evaluated(s, gain * s_hat, **options)
    np.testing.assert_allclose(scores.sir, expected.sir, atol=1e-9)
    np.testing.assert_allclose(scores.sar, expected.sar, atol=1e-9)
    unequal = evaluated(s, np.array([1, gain])[:, None, None] * s_hat, **options)
    np.testing.assert_allclose(unequal.sir, expected.sir, atol=1e-9)
    np.testing.assert_allclose(unequal.sdr[0], expected.sdr[0], atol=1e-9)
    far = 0 if gain < 1 else -np.inf
    np.testing.assert_array_equal([scores.sdr, scores.isr], np.full((2, *scores.sdr.shape), far))


@pytest.mark.parametrize("quiet", [1e-160, 1e-30])
def test_a_quiet_end_is_measured_like_any_other(quiet):
    s, s_hat = problem()
    gains = np.where(np.arange(600) < 400, 1, quiet)
    options = {"window": 200, "framewise_filters": True}
    expected = evaluated(s, s_hat, **options)
    found = ratios(evaluated(gains * s, gains * s_hat, **options))
    np.testing.assert_allclose(found, ratios(expected), atol=1e-9)
    # Filters of the whole signal are as good there: the end has next to no part in them.
    options = {"window": 200}
    found = ratios(evaluated(gains * s, gains * s_hat, **options))
    assert np.isfinite(found).all()
    assert np.abs(found - ratios(evaluated(s, s_hat, **options))).max() < 5


@pytest.mark.parametrize("function", ["images", "sources"])
def test_the_definition_names_the_frames_that_were_used(function):
    s, s_hat = problem()
    if function == "images":
        found = [evaluated(s, s_hat, window=n).definition for n in (600, 5000)]
    else:
        found = [
            bss_eval(s[:, 0], s_hat[:, 0], filter_length=TAPS, window=n).definition
            for n in (600, 5000)
        ]
    assert "in frames of 600 samples every 600" in found[0]
    assert found[0] == found[1]


def test_exact_estimates():
    s, _ = problem()
    np.testing.assert_array_equal(ratios(evaluated(s, s)), np.inf)


def test_one_source():
    scores = evaluated(*problem(n_sources=1))
    assert scores.sir == np.inf
    assert np.isfinite([scores.sdr, scores.isr, scores.sar]).all()


def test_nothing_of_the_source():
    s = np.zeros((2, 2, 800))
    s[0, :, :300], s[1, :, 400:700] = problem(length=300)[0]
    scores = evaluated(s, s[::-1])
    np.testing.assert_array_equal(scores.sir, -np.inf)
    np.testing.assert_allclose(scores.isr, 0, atol=1e-9)


def test_a_silent_channel():
    s, s_hat = problem(n_sources=3)
    s[0, 1], s_hat[0, 1] = 0, 0
    scores = evaluated(s, s_hat)
    expected = np.transpose([dense(s, s_hat[j], j) for j in range(3)])
    np.testing.assert_allclose(ratios(scores), expected, atol=1e-8)


@pytest.mark.parametrize("window", [None, 300])
def test_identical_channels(window):
    s, s_hat = problem(n_channels=1)
    mono = evaluated(s, s_hat, window=window)
    with pytest.warns(UserWarning, match="dependent references"):
        scores = evaluated(s[:, [0, 0]], s_hat[:, [0, 0]], window=window)
    np.testing.assert_allclose(ratios(scores), ratios(mono), atol=1e-6)


def test_identical_references():
    s, s_hat = problem()
    s[1] = s[0]
    with pytest.warns(UserWarning, match="dependent references"):
        scores = evaluated(s, s_hat)
    np.testing.assert_array_equal(scores.sir, np.inf)
    np.testing.assert_allclose(scores.sar[0], evaluated(s[:1], s_hat[:1]).sar[0], atol=1e-6)


def test_silence():
    s, s_hat = problem(n_sources=3)
    expected = evaluated(s[[0, 2]], s_hat[[0, 2]])
    s[1] = 0
    with pytest.warns(UserWarning, match=r"1 reference\(s\) are silent: their SDR, ISR, SIR"):
        scores = evaluated(s, s_hat)
    assert np.isnan(ratios(scores)[:, 1]).all()
    np.testing.assert_allclose(ratios(scores)[:, [0, 2]], ratios(expected))
    with pytest.warns(UserWarning, match=r"1 estimate\(s\) are silent"):
        scores = evaluated(s_hat, s)
    assert np.isnan(ratios(scores)[:, 1]).all()
    assert np.isfinite(ratios(scores)[:, [0, 2]]).all()
    for pair, name in (((s, s_hat), "references"), ((s_hat, s), "estimates")):
        with pytest.raises(ValueError, match=rf"{name}\[1\] is silent"):
            evaluated(*pair, on_silent="raise")
    # The other's estimate and this one's reference: no pair is left.
    s_hat[[0, 2]] = 0
    with pytest.warns(UserWarning, match="are silent"):
        assert np.isnan(ratios(evaluated(s, s_hat))).all()


@pytest.mark.parametrize("framewise_filters", [False, True])
def test_silent_frames(framewise_filters):
    s, s_hat = problem()
    s_hat[0, :, 200:400] = 0
    options = {"window": 200, "framewise_filters": framewise_filters}
    with pytest.warns(UserWarning, match=r"In 1 frame\(s\) a reference or an estimate is silent"):
        scores = evaluated(s, s_hat, **options)
    assert np.isnan(ratios(scores)[..., 1]).all()
    assert np.isfinite(ratios(scores)[..., [0, 2]]).all()
    np.testing.assert_allclose(ratios(scores.median()), ratios(scores)[..., [0, 2]].mean(axis=-1))
    with pytest.raises(ValueError, match="A signal is silent in frame 1"):
        evaluated(s, s_hat, on_silent="raise", **options)


def test_different_lengths():
    s, s_hat = problem()
    with pytest.raises(ValueError, match="align='trim' cuts the longer"):
        evaluated(s, s_hat[..., :500])
    np.testing.assert_array_equal(
        ratios(evaluated(s, s_hat[..., :500], align="trim")),
        ratios(evaluated(s[..., :500], s_hat[..., :500])),
    )


def test_short_signals():
    s, s_hat = problem(length=TAPS)
    with pytest.raises(ValueError, match="17 taps can not be found from 16 samples"):
        evaluated(s, s_hat, filter_length=17)
    with pytest.warns(UserWarning, match="16 samples are few for filters of 5 taps"):
        evaluated(s, s_hat, filter_length=5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"references": np.full((2, 2, 600), np.nan)}, ValueError, "Input references contains NaN"),
        ({"estimates": np.full((2, 2, 600), np.inf)}, ValueError, "Input estimates contains inf"),
        ({"estimates": np.ones((2, 1, 600))}, ValueError, "do not belong together"),
        ({"estimates": np.ones((3, 2, 600))}, ValueError, "do not belong together"),
        ({"estimates": np.ones((1, 2, 600)), "permute": True}, ValueError, "1 estimates for 2"),
        ({"references": np.ones((2, 600))}, ValueError, "n_sources, n_channels, length"),
        ({"filter_length": 0}, ValueError, "filter_length must be at least 1"),
        ({"hop": 10}, ValueError, "hop=10 needs a window"),
        ({"window": 2.5}, TypeError, "window must be an integer number of samples"),
    ],
)
def test_errors(change, error, message):
    s, s_hat = problem()
    with pytest.raises(error, match=message):
        evaluated(**{"references": s, "estimates": s_hat, **change})


@pytest.mark.parametrize("window", [None, 100000])
def test_memory_does_not_grow_with_the_length(window):
    def extra_memory(length):
        s, s_hat = problem(length=length)
        tracemalloc.start()
        evaluated(s, s_hat, window=window)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, s.nbytes

    extra_memory(20000)
    short, _ = extra_memory(20000)
    long, n_bytes = extra_memory(400000)
    assert long < short + 0.05 * n_bytes
