"""Many short recordings: 32 clips of two seconds."""

import math

import numpy as np

from skbss import STFT, Separator

from .comparison import PEERS, QUICK, in_silence, ratio
from .libraries import fit, is_installed, model
from .problems import Problem, divergence, magnitudes, speech, start
from .processes import call
from .time_to_loss import fewest

N_CLIPS = 2 if QUICK else 32
_LENGTH = 1280 if QUICK else 32000
_STFT = {"n_fft": 512, "hop_length": 128}
_ITERATIONS = 10 if QUICK else 200


def clips(*, equal):
    """Waveforms of two seconds at 16 kHz, or of up to a tenth less, that overlap by half."""
    rng = np.random.default_rng(0)
    begins = _LENGTH // 2 * np.arange(N_CLIPS)
    shorter = rng.integers(_LENGTH // 10, size=N_CLIPS) * (not equal)
    waveform = speech(begins[-1] + _LENGTH)
    return [
        waveform[begin:end] for begin, end in zip(begins, begins + _LENGTH - shorter, strict=True)
    ]


class FitEachClip:
    """A loop of fits, one for each clip, to the same mean loss."""

    title = "32 clips of two seconds, each factorized by itself"
    params = [[1.0], PEERS]
    param_names = ("beta", "peer")
    unit = "ratio"
    timeout = 1800

    def track_time(self, beta, peer):
        if not is_installed(peer):
            return math.nan
        problems = []
        for seed, waveform in enumerate(clips(equal=True)):
            X = magnitudes(waveform, **_STFT)
            problems.append(Problem(X, *start(X, seed), beta))

        def loss(library, data, n):
            W, H, _ = fit(library, data, n)
            return divergence(data.X, W, H, beta)

        def losses(library, n):
            return np.array([loss(library, data, n) for data in problems])

        goals = losses("scikit-learn", _ITERATIONS)
        counts = {"scikit-learn": _ITERATIONS}
        most = 2 if QUICK else 1 + 1e-5
        for library in {"skbss", peer} - set(counts):
            counts[library] = fewest(
                lambda n, library=library: np.mean(losses(library, n) / goals) <= most
            )
        if counts["skbss"] is None or counts[peer] is None:
            return 0.0 if counts["skbss"] is None else math.nan

        def each(library):
            for data in problems:
                fit(library, data, counts[library])

        return ratio(lambda: each(peer), lambda: each("skbss"), repeats=3)


def separate_clips(library, equal):
    """One dictionary for all clips, then the sources of each."""
    rank, most = (4, 10) if QUICK else (24, 50)
    factorizer = model(library, 1.0, n_components=rank, init="random", max_iter=most, tol=0)
    separator = Separator(factorizer, stft=STFT(**_STFT), n_sources=2, random_state=0)
    with in_silence():
        separator.fit_transform(clips(equal=equal))


class SeparateClips:
    """A separator on a list of clips, with the peer's factorization and with ours."""

    title = "32 clips of two seconds, separated together"
    params = [["equal", "unequal"], ["warm", "cold"], ["scikit-learn"]]
    param_names = ("lengths", "process", "peer")
    unit = "ratio"
    timeout = 1800

    def track_time(self, lengths, process, peer):
        equal = lengths == "equal"
        if process == "cold":
            return ratio(
                lambda: call(separate_clips, peer, equal),
                lambda: call(separate_clips, "skbss", equal),
                repeats=3,
            )
        return ratio(
            lambda: separate_clips(peer, equal), lambda: separate_clips("skbss", equal), repeats=3
        )
