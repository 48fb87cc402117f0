"""What is trained: a step of training, separation afterwards, and sweeps over several levels."""

import functools
import statistics

from skbss import (
    STFT,
    VAENMF,
    BetaNMF,
    DeepNMF,
    DeepUnfoldedNMF,
    ExemplarNMF,
    MultilayerNMF,
    Separator,
    SparseNMF,
)
from skbss.datasets import load_two_speakers

from .comparison import QUICK, in_silence, ratio, seconds
from .problems import problem

# Of each voice.
RANK, EXEMPLARS = (3, 20) if QUICK else (50, 500)
LAYERS = 2 if QUICK else 10
STEPS = 2 if QUICK else 10
SWEEPS = 10 if QUICK else 100
LENGTH = 8192 if QUICK else 8 * 16000
_STFT = {"n_fft": 1024}


def voices():
    """Recordings of two voices, one at a time."""
    return load_two_speakers().train_sources[:, 8000 : 8000 + LENGTH]


class TrainingStep:
    """Milliseconds of a step of 512 rows, the checks of the data included: no ratio, to watch."""

    params = [["mu", "pgd", "ista"]]
    param_names = ("unfolding",)
    unit = "ms"

    def track_time(self, unfolding):
        sources = STFT(**_STFT).fit_transform(voices()).swapaxes(0, 1)
        mixture = sources.sum(axis=1)
        network = DeepUnfoldedNMF(
            RANK,
            unfolding=unfolding,
            n_layers=LAYERS,
            beta_loss="kullback-leibler" if unfolding == "mu" else "frobenius",
            remix_db=0,
            steps_per_epoch=STEPS,
            n_epochs=0,
            random_state=0,
        )
        network.fit(mixture, sources)
        # The first one compiles.
        network.partial_fit(mixture, sources)
        epochs = [
            seconds(lambda: network.partial_fit(mixture, sources)) for _ in range(1 if QUICK else 5)
        ]
        return 1000 * statistics.median(epochs) / STEPS


# With as many iterations as their masks want.
FACTORIZERS = {
    "DeepUnfoldedNMF": DeepUnfoldedNMF(RANK, n_layers=LAYERS, n_epochs=0),
    "VAENMF": VAENMF(n_hidden=8 if QUICK else 128, n_epochs=1, max_iter=3 if QUICK else 100),
    "SparseNMF": SparseNMF(RANK, init="random", max_iter=60, tol=0),
    "ExemplarNMF": ExemplarNMF(EXEMPLARS, max_iter=60, tol=0),
}


@functools.cache
def separator(name):
    """As fast as after any training: how long it was does not matter here."""
    n_sources = 2 if name == "VAENMF" else None
    made = Separator(FACTORIZERS[name], stft=STFT(**_STFT), n_sources=n_sources, random_state=0)
    sources = voices()
    with in_silence():
        return made.fit(sources.sum(axis=0), sources[:1] if n_sources else sources)


class TrainedSeparation:
    """Time of a separation with a dictionary over that with a network, both learned before."""

    title = "Separation by a network, from recording to sources"
    params = [["DeepUnfoldedNMF", "VAENMF"], ["SparseNMF", "ExemplarNMF"]]
    param_names = ("network", "dictionary")
    unit = "ratio"

    def track_time(self, network, dictionary):
        mixture = load_two_speakers().mixture[:LENGTH]
        ours, other = separator(network), separator(dictionary)
        return ratio(lambda: other.transform(mixture), lambda: ours.transform(mixture))


class LayeredSweeps:
    """Time of multiplicative updates of a single level over that of as many of two levels."""

    title = "Two levels, as many sweeps as one"
    params = [["speech"], ["MultilayerNMF", "DeepNMF"], ["BetaNMF"]]
    param_names = ("workload", "model", "single")
    unit = "ratio"

    def track_time(self, workload, model, single):
        data = problem(workload, 1.0)
        ranks = [len(data.H), len(data.H) // 4]
        settings = {"init": "random", "solver": "mu", "max_iter": SWEEPS, "tol": 0}
        settings |= {"beta_loss": "kullback-leibler", "random_state": 0}
        one = BetaNMF(ranks[0], **settings)
        if model == "MultilayerNMF":
            several = MultilayerNMF(ranks, **settings)
        else:
            # Hardly any start: what is asked for is a sweep.
            several = DeepNMF(ranks, start_max_iter=1, **settings)
        with in_silence():
            return ratio(lambda: one.fit(data.X), lambda: several.fit(data.X))
