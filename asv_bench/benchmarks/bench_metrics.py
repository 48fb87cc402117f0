"""BSS Eval against mir_eval and fast_bss_eval."""

import fast_bss_eval
import mir_eval.separation
import numpy as np

from skbss.datasets import load_two_speakers
from skbss.metrics import bss_eval, bss_eval_images

from .comparison import QUICK, in_silence, ratio


def separated(bunch, seconds):
    """Sources of so many seconds, and what a fair separation makes of them."""
    length = 16384 if QUICK else int(seconds * bunch.sample_rate)
    s = np.resize(bunch.sources, (len(bunch.sources), length)).astype(float)
    rng = np.random.default_rng(0)
    noise = 0.01 * np.abs(s).max() * rng.standard_normal(s.shape)
    return s, s + 0.1 * s[::-1] + noise


def quiet(run):
    """The same without the announcements of mir_eval."""
    return in_silence()(run)


def track_sources():
    """Time of mir_eval over ours: SDR, SIR, SAR and the permutation of clips of ten seconds."""
    s, s_hat = separated(load_two_speakers(), 10)
    peer = quiet(lambda: mir_eval.separation.bss_eval_sources(s, s_hat))
    return ratio(peer, lambda: bss_eval(s, s_hat))


def track_sources_fast_bss_eval():
    """Time of fast_bss_eval over ours, for the same."""
    s, s_hat = separated(load_two_speakers(), 10)
    peer = quiet(lambda: fast_bss_eval.bss_eval_sources(s, s_hat))
    return ratio(peer, lambda: bss_eval(s, s_hat))


def track_images():
    """Time of mir_eval over ours: SDR, ISR, SIR and SAR of two stereo images of five seconds."""
    s, s_hat = separated(load_two_speakers(), 10)
    s, s_hat = (x.reshape(2, 2, -1) for x in (s, s_hat))
    peer = quiet(
        lambda: mir_eval.separation.bss_eval_images(
            s.swapaxes(1, 2), s_hat.swapaxes(1, 2), compute_permutation=False
        )
    )
    return ratio(peer, lambda: bss_eval_images(s, s_hat), repeats=3)


for benchmark in (track_sources, track_sources_fast_bss_eval, track_images):
    benchmark.unit = "ratio"
