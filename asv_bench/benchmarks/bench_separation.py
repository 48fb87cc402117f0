"""The signal side: against librosa, and against the same task with scikit-learn's NMF."""

import warnings

import librosa
import numpy as np
from sklearn.decomposition import NMF

from skbss import ISTFT, STFT, BetaNMF, Separator
from skbss.datasets import load_band
from skbss.metrics import si_sdr

from .comparison import QUICK, ratio


def clip():
    """The mixture and its stems."""
    band = load_band()
    length = 8192 if QUICK else band.mixture.shape[-1]
    return band.mixture[:length], band.sources[:, :length]


def track_stft():
    """Time of librosa's STFT over ours."""
    mixture, _ = clip()
    stft = STFT(n_fft=1024)
    return ratio(lambda: librosa.stft(mixture, n_fft=1024), lambda: stft.transform(mixture))


def track_istft():
    """Time of librosa's inverse STFT over ours."""
    mixture, _ = clip()
    spectra = STFT(n_fft=1024).transform(mixture)
    istft = ISTFT(n_fft=1024, length=len(mixture))
    return ratio(
        lambda: librosa.istft(spectra.T, n_fft=1024, length=len(mixture)),
        lambda: istft.transform(spectra),
    )


def separated(factorizer):
    mixture, _ = clip()
    separator = Separator(factorizer, stft=STFT(n_fft=1024), n_sources=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return separator.fit_transform(mixture)


SETTINGS = {
    "n_components": 6 if QUICK else 24,
    "init": "random",
    "beta_loss": "kullback-leibler",
    "max_iter": 10 if QUICK else 100,
    "tol": 0,
    "random_state": 0,
}


def track_separator():
    """Time of a blind separation with scikit-learn's NMF over that with BetaNMF."""
    return ratio(
        lambda: separated(NMF(solver="mu", **SETTINGS)),
        lambda: separated(BetaNMF(**SETTINGS)),
        repeats=3,
    )


def track_quality_of_supervised_separation():
    """Mean SI-SDR in dB of a trained separation of the training piece: no ratio, but to watch."""
    mixture, sources = clip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        separator = Separator(BetaNMF(**SETTINGS), stft=STFT(n_fft=1024)).fit(mixture, sources)
        return float(np.mean(si_sdr(sources, separator.transform(mixture))))


for benchmark in (track_stft, track_istft, track_separator):
    benchmark.unit = "ratio"
track_quality_of_supervised_separation.unit = "dB"
