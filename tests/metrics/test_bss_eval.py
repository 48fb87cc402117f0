"""BSS Eval of sources: properties, frames, limits, and everything degenerate."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skbss
from skbss.metrics import bss_eval

TAPS = 32
SCORES = ("sdr", "sir", "sar")


def problem(seed=0, n_sources=3, length=600, artifacts=0.1):
    """References, and estimates with some of the other sources and noise."""
    rng = np.random.default_rng(seed)
    s = rng.standard_normal((n_sources, length))
    mixing = np.eye(n_sources) + 0.2 * rng.standard_normal((n_sources, n_sources))
    return s, mixing @ s + artifacts * rng.standard_normal((n_sources, length))


def ratios(scores):
    return np.stack([getattr(scores, name) for name in SCORES])


def evaluated(references, estimates, **options):
    return bss_eval(references, estimates, **{"filter_length": TAPS, **options})


def assert_same_ratios(found, expected, atol=1e-9):
    np.testing.assert_allclose(ratios(found), ratios(expected), rtol=0, atol=atol)


def dense(references, estimate, j, n_taps=TAPS):
    """The three ratios, from orthogonal bases of the delayed references."""
    length = references.shape[-1]
    columns = np.zeros((length + n_taps - 1, len(references), n_taps))
    for i, reference in enumerate(references):
        for delay in range(n_taps):
            columns[delay : delay + length, i, delay] = reference
    padded = np.pad(estimate, (0, n_taps - 1))

    def projection(columns):
        basis = np.linalg.qr(columns.reshape(len(columns), -1))[0]
        return basis @ (basis.T @ padded)

    target, whole = projection(columns[:, j]), projection(columns)
    energy = [np.square(part).sum() for part in (target, padded - target)]
    sdr = 10 * np.log10(energy[0] / energy[1])
    sir = 10 * np.log10(energy[0] / np.square(whole - target).sum())
    return sdr, sir, 10 * np.log10(np.square(whole).sum() / np.square(padded - whole).sum())


@pytest.mark.parametrize("artifacts", [1, 1e-2, 1e-4])
def test_definition(artifacts):
    s, s_hat = problem(artifacts=artifacts)
    expected = np.transpose([dense(s, s_hat[j], j) for j in range(3)])
    np.testing.assert_allclose(ratios(evaluated(s, s_hat)), expected, rtol=0, atol=1e-8)


def test_result_says_what_it_is():
    s, s_hat = problem()
    scores = evaluated(s, s_hat)
    assert scores.version == skbss.__version__
    assert "v3, sources, 32-tap" in scores.definition
    framewise = evaluated(s, s_hat, window=300, hop=150)
    assert framewise.definition.endswith(
        "frames of 300 samples every 150, each with its own filters"
    )
    with pytest.raises(AttributeError):
        scores.sdr = 1


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    n_sources=st.integers(1, 4),
    artifacts=st.sampled_from([0, 1e-3, 0.1, 3]),
)
def test_sdr_is_the_lowest(seed, n_sources, artifacts):
    scores = evaluated(*problem(seed, n_sources, artifacts=artifacts))
    assert (scores.sdr <= scores.sir).all()
    assert (scores.sdr <= scores.sar).all()


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    exponents=st.lists(st.integers(-150, 150), min_size=6, max_size=6),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=6, max_size=6),
)
def test_levels_and_signs_do_not_matter(seed, exponents, signs):
    s, s_hat = problem(seed)
    gains = (np.array(signs) * 10.0 ** np.array(exponents)).reshape(2, 3, 1)
    assert_same_ratios(evaluated(gains[0] * s, gains[1] * s_hat), evaluated(s, s_hat), 1e-7)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    references=st.permutations(range(3)),
    estimates=st.permutations(range(3)),
)
def test_order_does_not_matter(seed, references, estimates):
    s, s_hat = problem(seed)
    first = evaluated(s, s_hat)
    second = evaluated(s[references], s_hat[estimates])
    np.testing.assert_allclose(ratios(second), ratios(first)[:, references], atol=1e-8)
    np.testing.assert_array_equal(
        np.array(estimates)[second.permutation], first.permutation[list(references)]
    )


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), n_taps=st.integers(1, TAPS))
def test_any_short_causal_filter_is_forgiven(seed, n_taps):
    rng = np.random.default_rng(seed)
    s = rng.standard_normal((2, 600))
    s[:, -TAPS:] = 0
    filtered = np.array([np.convolve(one, rng.standard_normal(n_taps))[:600] for one in s])
    np.testing.assert_array_equal(ratios(evaluated(s, filtered)), np.inf)


def test_longer_filters_are_not():
    s, _ = problem()
    late = np.roll(s, TAPS, axis=-1)
    assert (evaluated(s, late, permute=False).sdr < 0).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), level=st.sampled_from([0.03, 0.3, 3]))
def test_an_interferer_lowers_the_sir(seed, level):
    s, s_hat = problem(seed)
    s_hat = s + 0.01 * s_hat
    worse = s_hat + level * s[[1, 2, 0]]
    before, after = (evaluated(s, x, permute=False).sir for x in (s_hat, worse))
    assert (after < before).all()


@pytest.mark.parametrize("permute", [False, True])
@pytest.mark.parametrize("window", [None, 300])
def test_batch_axes_are_a_loop(window, permute):
    s, s_hat = (np.reshape(x, (2, 1, 3, 600)) for x in problem(n_sources=6))
    scores = evaluated(s, s_hat, window=window, permute=permute)
    for i in range(2):
        one = evaluated(s[i, 0], s_hat[i, 0], window=window, permute=permute)
        np.testing.assert_array_equal(ratios(scores)[:, i, 0], ratios(one))
        np.testing.assert_array_equal(scores.permutation[i, 0], one.permutation)
    assert scores.unmatched.shape == (2, 1, 0)


def test_float32_gives_the_same():
    s, s_hat = (x.astype(np.float32) for x in problem())
    scores = evaluated(s, s_hat)
    assert scores.sdr.dtype == np.float64
    assert_same_ratios(scores, evaluated(s.astype(float), s_hat.astype(float)), 0)
    assert_same_ratios(scores, evaluated(*problem()), 1e-4)


def test_inputs_stay_as_they_are():
    s, s_hat = problem()
    copies = s.copy(), s_hat.copy()
    evaluated(s, s_hat[::-1], window=200)
    np.testing.assert_array_equal(s, copies[0])
    np.testing.assert_array_equal(s_hat, copies[1])


def test_frames():
    s, s_hat = problem()
    scores = evaluated(s, s_hat, window=250, hop=125, permute=False)
    assert scores.sdr.shape == (3, 3)
    for t in range(3):
        frame = slice(125 * t, 125 * t + 250)
        one = evaluated(s[:, frame], s_hat[:, frame], permute=False)
        np.testing.assert_array_equal(ratios(scores)[..., t], ratios(one))


@pytest.mark.parametrize("window", [600, 10000])
def test_a_frame_that_holds_everything(window):
    s, s_hat = problem()
    framewise, whole = evaluated(s, s_hat, window=window), evaluated(s, s_hat)
    np.testing.assert_array_equal(ratios(framewise)[..., 0], ratios(whole))
    np.testing.assert_array_equal(ratios(framewise.median()), ratios(whole))
    assert whole.median() is whole


def test_one_permutation_for_all_frames():
    s, s_hat = problem()
    s_hat[:2, :200] = s_hat[1::-1, :200].copy()
    scores = evaluated(s, s_hat[[2, 0, 1]], window=200)
    np.testing.assert_array_equal(scores.permutation, [1, 2, 0])
    assert (scores.sir[:2, 0] < 0).all()
    assert (scores.sir[:2, 1:] > 0).all()


def test_median_over_frames_leaves_silence_out():
    s, s_hat = problem(length=800)
    s[0, :200] = 0
    with pytest.warns(UserWarning, match=r"In 1 frame\(s\) a reference or an estimate is silent"):
        scores = evaluated(s, s_hat, window=200)
    assert np.isnan(ratios(scores)[..., 0]).all()
    assert np.isfinite(ratios(scores)[..., 1:]).all()
    np.testing.assert_array_equal(scores.median().sdr, np.median(scores.sdr[:, 1:], axis=-1))
    with pytest.raises(ValueError, match="A signal is silent in frame 0"):
        evaluated(s, s_hat, window=200, on_silent="raise")


def test_a_frame_is_as_good_as_none():
    s, s_hat = problem()
    s_hat[0, :300], s[1, 300:] = 0, 0
    with pytest.warns(UserWarning, match="In 2 frame"):
        scores = evaluated(s, s_hat, window=300)
    assert np.isnan(ratios(scores)).all()
    assert np.isnan(ratios(scores.median())).all()


def test_exact_estimates():
    s, _ = problem()
    scores = evaluated(s, s[[1, 2, 0]])
    np.testing.assert_array_equal(ratios(scores), np.inf)
    np.testing.assert_array_equal(scores.permutation, [2, 0, 1])


def test_one_source():
    s, s_hat = problem(n_sources=1)
    scores = evaluated(s, s_hat)
    assert scores.sir == np.inf
    assert scores.sdr == scores.sar < 100


def test_nothing_of_the_source():
    s = np.zeros((2, 800))
    s[0, :300], s[1, 400:700] = problem(n_sources=2, length=300)[0]
    scores = evaluated(s, s[::-1], permute=False)
    np.testing.assert_array_equal(scores.sdr, -np.inf)
    np.testing.assert_array_equal(scores.sir, -np.inf)
    np.testing.assert_array_equal(scores.sar, np.inf)
    scores = evaluated(s[:1], s[1:], permute=False)
    np.testing.assert_array_equal(ratios(scores).ravel(), [-np.inf, np.inf, -np.inf])


def test_more_estimates_than_references():
    s, s_hat = problem()
    rng = np.random.default_rng(1)
    more = np.stack([s_hat[2], rng.standard_normal(600), s_hat[0], s_hat[1]])
    scores = evaluated(s, more)
    np.testing.assert_array_equal(scores.permutation, [2, 3, 0])
    np.testing.assert_array_equal(scores.unmatched, [1])
    assert_same_ratios(scores, evaluated(s, s_hat))


def test_silent_references_are_left_out():
    s, s_hat = problem()
    s[1] = 0
    with pytest.warns(UserWarning, match=r"1 reference\(s\) are silent: their SDR, SIR and SAR"):
        scores = evaluated(s, s_hat[[1, 0, 2]])
    assert np.isnan(ratios(scores)[:, 1]).all()
    expected = evaluated(s[[0, 2]], s_hat[[0, 2]])
    np.testing.assert_allclose(ratios(scores)[:, [0, 2]], ratios(expected))
    np.testing.assert_array_equal(scores.permutation, [1, 0, 2])
    with pytest.raises(ValueError, match=r"references\[1\] is silent"):
        evaluated(s, s_hat, on_silent="raise")


def test_silent_estimates():
    s, s_hat = problem()
    expected = ratios(evaluated(s, s_hat))
    s_hat[2] = 0
    with pytest.warns(UserWarning, match=r"1 estimate\(s\) are silent"):
        scores = evaluated(s, s_hat[[2, 0, 1]])
    np.testing.assert_array_equal(scores.permutation, [1, 2, 0])
    assert np.isnan(ratios(scores)[:, 2]).all()
    np.testing.assert_allclose(ratios(scores)[:, :2], expected[:, :2])
    with pytest.raises(ValueError, match=r"estimates\[2\] is silent"):
        evaluated(s, s_hat, on_silent="raise")


def test_silence_belongs_to_silence():
    s, s_hat = problem()
    s[0], s_hat[0] = 0, 0
    with pytest.warns(UserWarning, match="are silent"):
        scores = evaluated(s, s_hat[[2, 0, 1]])
    np.testing.assert_array_equal(scores.permutation, [1, 2, 0])


@pytest.mark.parametrize("window", [None, 200])
@pytest.mark.parametrize("permute", [False, True])
def test_nothing_but_silence(permute, window):
    s, s_hat = problem(n_sources=2)
    with pytest.warns(UserWarning, match=r"2 reference\(s\) are silent"):
        scores = evaluated(0 * s, s_hat, permute=permute, window=window)
    assert np.isnan(ratios(scores)).all()
    s[0], s_hat[1] = 0, 0
    with pytest.warns(UserWarning, match="are silent"):
        scores = evaluated(s, s_hat, permute=False, window=window)
    assert np.isnan(ratios(scores)).all()


def test_identical_references():
    s, s_hat = problem()
    s[1] = -2 * s[0]
    with pytest.warns(UserWarning, match="dependent references"):
        scores = evaluated(s[:2], s_hat[:2], permute=False)
    np.testing.assert_array_equal(scores.sir, np.inf)
    alone = [evaluated(s[:1], s_hat[j : j + 1]).sdr[0] for j in range(2)]
    np.testing.assert_allclose(scores.sdr, alone, atol=1e-6)
    np.testing.assert_allclose(scores.sar, alone, atol=1e-6)


def test_dependent_references_among_others():
    s, s_hat = problem()
    s[:, -TAPS:] = 0
    s[2] = np.convolve(s[0], [1, -0.5])[:600] + np.convolve(s[1], [0, 0.3])[:600]
    with pytest.warns(UserWarning, match="dependent references"):
        scores = evaluated(s, s_hat, permute=False)
    without = evaluated(s[:2], s_hat[:2], permute=False)
    np.testing.assert_allclose(scores.sdr[:2], without.sdr, atol=1e-9)
    # The third adds what little its last shifts reach beyond those of the others.
    np.testing.assert_allclose(scores.sar[:2], without.sar, atol=0.05)
    assert (scores.sar[:2] > without.sar).all()


def test_frequencies_that_no_reference_holds():
    s, _ = problem(length=4000)
    spectra = np.fft.rfft(s)
    spectra[:, 500:] = 0
    s = np.fft.irfft(spectra)
    with pytest.warns(UserWarning, match="frequencies that none of them holds"):
        scores = evaluated(s, s + 0.1 * s[[1, 2, 0]], permute=False)
    np.testing.assert_allclose(scores.sir, 20, atol=1)
    assert (scores.sar > 60).all()


def test_short_signals():
    s, s_hat = problem()
    with pytest.raises(ValueError, match="Filters of 601 taps can not be found from 600 samples"):
        bss_eval(s, s_hat, filter_length=601)
    with pytest.raises(ValueError, match="512 taps can not be found from 200 samples"):
        bss_eval(s, s_hat, window=200)
    with pytest.warns(UserWarning, match="600 samples are few for filters of 151 taps"):
        bss_eval(s, s_hat, filter_length=151)
    bss_eval(s, s_hat, filter_length=150)


def test_different_lengths():
    s, s_hat = problem()
    with pytest.raises(ValueError, match="align='trim' cuts the longer"):
        evaluated(s, s_hat[:, :500])
    trimmed = evaluated(s, s_hat[:, :500], align="trim")
    assert_same_ratios(trimmed, evaluated(s[:, :500], s_hat[:, :500]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"references": np.full((3, 600), np.nan)}, ValueError, "Input references contains NaN"),
        ({"estimates": np.full((3, 600), np.inf)}, ValueError, "Input estimates contains infinity"),
        ({"estimates": np.ones((2, 600))}, ValueError, "2 estimates for 3 references"),
        ({"estimates": np.ones((4, 600)), "permute": False}, ValueError, "do not belong together"),
        ({"references": np.ones(600)}, ValueError, "references must have the shape"),
        ({"filter_length": 0}, ValueError, "filter_length must be at least 1, got 0"),
        ({"filter_length": 2.5}, TypeError, "filter_length must be an integer number of samples"),
        ({"window": 0}, ValueError, "window must be at least 1"),
        ({"window": 1.0}, TypeError, "window must be an integer"),
        ({"window": 300, "hop": 0}, ValueError, "hop must be at least 1"),
        ({"hop": 100}, ValueError, "hop=100 needs a window"),
        ({"align": "pad"}, ValueError, "align must be None or 'trim'"),
        ({"on_silent": "zero"}, ValueError, "on_silent must be 'nan' or 'raise'"),
    ],
)
def test_errors(change, error, message):
    s, s_hat = problem()
    with pytest.raises(error, match=message):
        evaluated(**{"references": s, "estimates": s_hat, **change})


def test_warnings_point_to_the_call():
    s, s_hat = problem(n_sources=4)
    s[1], s[2], s_hat[3] = s[0], 0, 0
    s_hat[0, :100] = 0
    with pytest.warns(UserWarning, match="few|silent|dependent") as caught:
        bss_eval(s, s_hat, filter_length=TAPS, window=100)
    assert len(caught) == 5
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("window", [None, 5000])
@pytest.mark.parametrize("artifacts", [0.1, 1e-4])
def test_memory_does_not_grow_with_the_length(artifacts, window):
    def extra_memory(length):
        s, s_hat = problem(n_sources=2, length=length, artifacts=artifacts)
        tracemalloc.start()
        evaluated(s, s_hat, window=window)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, s.nbytes

    extra_memory(20000)
    short, _ = extra_memory(20000)
    long, n_bytes = extra_memory(400000)
    assert long < short + 0.05 * n_bytes
