"""The signal side: against librosa, and against the same task with scikit-learn's NMF."""

import librosa
import numpy as np

from skbss import ISTFT, STFT, BetaNMF, Separator
from skbss.datasets import load_band, load_piano_notes, load_two_speakers

from .comparison import QUICK, in_silence, ratio
from .libraries import model

LOADERS = {"band": load_band, "piano": load_piano_notes, "speakers": load_two_speakers}
SETTINGS = {
    "n_components": 6 if QUICK else 24,
    "init": "random",
    "max_iter": 10 if QUICK else 100,
    "tol": 0,
    "random_state": 0,
}


def clip(recording="band"):
    """The mixture and its stems."""
    bunch = LOADERS[recording]()
    length = 8192 if QUICK else bunch.mixture.shape[-1]
    return bunch.mixture[:length], bunch.sources[:, :length]


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


class Separation:
    """Time of a blind separation with scikit-learn's NMF over that with BetaNMF."""

    title = "Blind separation, from recording to sources"
    params = [list(LOADERS), [1.0], ["scikit-learn"]]
    param_names = ("recording", "beta", "peer")
    unit = "ratio"

    def track_time(self, recording, beta, peer):
        mixture, sources = clip(recording)

        def separate(library):
            factorizer = model(library, beta, **SETTINGS)
            stft = STFT(n_fft=1024)
            with in_silence():
                Separator(
                    factorizer, stft=stft, n_sources=len(sources), random_state=0
                ).fit_transform(mixture)

        return ratio(lambda: separate(peer), lambda: separate("skbss"), repeats=3)


def track_quality_of_supervised_separation():
    """Mean SI-SDR in dB of a trained separation of the training piece: no ratio, but to watch."""
    from skbss.metrics import si_sdr

    mixture, sources = clip()
    factorizer = BetaNMF(beta_loss=1.0, **SETTINGS)
    with in_silence():
        separator = Separator(factorizer, stft=STFT(n_fft=1024)).fit(mixture, sources)
        return float(np.mean(si_sdr(sources, separator.transform(mixture))))


for benchmark in (track_stft, track_istft):
    benchmark.unit = "ratio"
track_quality_of_supervised_separation.unit = "dB"
