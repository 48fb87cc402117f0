"""The systems of the paper, and what of each is tuned."""

import itertools
from typing import NamedTuple

from sklearn.decomposition import FastICA

from skbss import ESADNMF, STFT, BetaNMF, ConvNMF, Separator, SparseNMF
from skbss.separation import (
    IdealRatioMask,
    IdealWienerFilter,
    MixtureAsEstimate,
    UnmixingSeparator,
)

# Table 7 of the paper: frames of 512 samples at 16 kHz, 128 apart, Hamming windows; its equation 9
# has squares of the models in the mask.
FRONT_END = {"n_fft": 512, "hop_length": 128, "window": "hamming"}
MASK_EXPONENT = 2
KL = "kullback-leibler"

# What is tried: first the iterations of the dictionaries together with what only one method has, at
# the paper's rank of 40, that is, 20 atoms for each of two sources; then other ranks with the best.
_DICTIONARIES = {"max_iter": (10, 200)}
SEARCHED = {
    "NMF": _DICTIONARIES,
    "sparse NMF": {**_DICTIONARIES, "sparsity": (0.3, 1.0, 3.0, 10.0)},
    "conv-NMF": {**_DICTIONARIES, "template_length": (4, 8)},
    "ESAD-NMF": {**_DICTIONARIES, "alpha": (0.003, 0.01, 0.05, 0.2)},
}
RANK, OTHER_RANKS = 20, (40,)
_PLAIN = {"beta_loss": KL, "solver": "mu", "tol": 0}


class Candidate(NamedTuple):
    """A method with its parameters."""

    method: str
    parameters: dict

    def __str__(self):
        return ", ".join(f"{name}={value}" for name, value in self.parameters.items())


def candidates(method, *, few=False):
    """All that the search tries at the paper's rank; with `few` the first and the last."""
    found = [
        Candidate(
            method, {"n_components": RANK, **dict(zip(SEARCHED[method], chosen, strict=True))}
        )
        for chosen in itertools.product(*SEARCHED[method].values())
    ]
    return [found[0], found[-1]] if few else found


def of_other_ranks(candidate):
    """The same parameters with more or fewer atoms."""
    return [
        candidate._replace(parameters={**candidate.parameters, "n_components": rank})
        for rank in OTHER_RANKS
    ]


def factorizer(candidate, seed):
    """Plain multiplicative updates for all: what differs is the model."""
    if candidate.method == "NMF":
        kind, own = BetaNMF, {"init": "random"}
    elif candidate.method == "sparse NMF":
        kind, own = SparseNMF, {"init": "random"}
    elif candidate.method == "conv-NMF":
        kind, own = ConvNMF, {"sparsity": 0}
    else:
        kind, own = ESADNMF, {}
    return kind(**candidate.parameters, **_PLAIN, **own, random_state=seed)


def separator(candidate, seed):
    """One channel, a dictionary for each source."""
    return Separator(
        factorizer(candidate, seed),
        stft=STFT(**FRONT_END),
        mask_exponent=MASK_EXPONENT,
        random_state=seed,
    )


def blind_separator(method, seed, *, n_iter, sample_rate):
    """One channel, nothing known: forty atoms grouped by timbre, as the paper can be read."""
    parameters = {"n_components": 40, "max_iter": n_iter}
    return Separator(
        factorizer(Candidate(method, parameters), seed),
        stft=STFT(**FRONT_END),
        n_sources=2,
        mask_exponent=MASK_EXPONENT,
        sample_rate=sample_rate,
        random_state=seed,
    )


def fast_ica(seed, n_iter):
    """Two channels, which are taken for instantaneous mixtures."""
    unmixer = FastICA(whiten="unit-variance", max_iter=n_iter, tol=1e-6)
    return UnmixingSeparator(unmixer, n_sources=2, random_state=seed)


def bounds():
    """The mixture itself, and what knows the truth."""
    return {
        "mixture": MixtureAsEstimate(),
        "ideal ratio mask": IdealRatioMask(stft=STFT(**FRONT_END)),
        "ideal Wiener filter, two channels": IdealWienerFilter(stft=STFT(**FRONT_END)),
    }
