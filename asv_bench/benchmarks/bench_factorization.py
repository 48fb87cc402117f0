"""BetaNMF against scikit-learn's NMF: time to reach the same loss from the same start."""

import subprocess
import sys
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import NMF

from skbss import STFT, BetaNMF
from skbss.datasets import load_band

from .comparison import QUICK, ratio, seconds

N_COMPONENTS = 4 if QUICK else 40
N_ITERATIONS = 10 if QUICK else 200
BETAS = [0.0, 0.5, 1.0, 2.0]


def spectrogram(beta):
    """A spectrogram in float32: of powers for beta = 0, else of magnitudes; without zeros."""
    output = "power" if beta == 0 else "magnitude"
    X = STFT(n_fft=512, hop_length=128, output=output).fit_transform(load_band().mixture)
    X = np.asarray(X[:60, :40] if QUICK else X, np.float32)
    return np.maximum(X, 1e-6 * X.mean())


def start(X):
    """The same factors for both."""
    rng = np.random.default_rng(0)
    level = np.sqrt(X.mean() / N_COMPONENTS)
    W = level * rng.random((X.shape[0], N_COMPONENTS)) + 1e-3 * level
    H = level * rng.random((N_COMPONENTS, X.shape[1])) + 1e-3 * level
    return W.astype(X.dtype), H.astype(X.dtype)


def peer(beta, max_iter=N_ITERATIONS):
    solver = "cd" if beta == 2 else "mu"
    return NMF(N_COMPONENTS, init="custom", solver=solver, beta_loss=beta, tol=0, max_iter=max_iter)


def ours(beta, max_iter=N_ITERATIONS):
    return BetaNMF(N_COMPONENTS, init="custom", beta_loss=beta, tol=0, max_iter=max_iter)


def fitted(model, X):
    """The model, fitted from the common start; the peer writes into what it is given."""
    W, H = start(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, W=W, H=H)


def iterations_to(target, X, beta):
    """The fewest iterations, in tens, after which ours is at least as good; the peer's at most."""
    for max_iter in range(10, N_ITERATIONS, 10):
        if fitted(ours(beta, max_iter), X).reconstruction_err_ <= target:
            return max_iter
    return N_ITERATIONS


class FitToTheSameLoss:
    """Time of the peer for its iterations, over ours to come as low; once compiled."""

    params = BETAS
    param_names = ("beta",)
    unit = "ratio"

    def track_warm(self, beta):
        X = spectrogram(beta)
        target = fitted(peer(beta), X).reconstruction_err_
        max_iter = iterations_to(target, X, beta)
        return ratio(lambda: fitted(peer(beta), X), lambda: fitted(ours(beta, max_iter), X))


class FitAsManyIterations:
    """Time of the peer over ours, for the same number of the same iterations."""

    params = BETAS
    param_names = ("beta",)
    unit = "ratio"

    def track_warm(self, beta):
        X = spectrogram(beta)
        solver = "cd" if beta == 2 else "mu"
        return ratio(
            lambda: fitted(peer(beta), X),
            lambda: fitted(ours(beta).set_params(solver=solver), X),
        )


class Cold:
    """A whole process, import and compilation included: that of the peer over ours."""

    params = BETAS
    param_names = ("beta",)
    unit = "ratio"

    def track_process(self, beta):
        code = (
            "import numpy as np\n"
            "from {module} import {name} as NMF\n"
            "X = np.random.default_rng(0).random(({n_samples}, {n_features}), dtype=np.float32)\n"
            "NMF({n_components}, init='random', solver='{solver}', beta_loss={beta}, tol=0,\n"
            "    max_iter={max_iter}, random_state=0).fit(X + 0.01)\n"
        )
        size = {
            "n_samples": 60 if QUICK else 1250,
            "n_features": 40 if QUICK else 257,
            "n_components": N_COMPONENTS,
            "max_iter": N_ITERATIONS,
            "beta": beta,
        }
        theirs = "cd" if beta == 2 else "mu"
        peer_code = code.format(module="sklearn.decomposition", name="NMF", solver=theirs, **size)
        own_code = code.format(module="skbss", name="BetaNMF", solver="auto", **size)

        def process(code):
            subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)

        pairs = [
            (seconds(lambda: process(peer_code)), seconds(lambda: process(own_code)))
            for _ in range(1 if QUICK else 3)
        ]
        return float(np.median([slow / fast for slow, fast in pairs]))


class Transform:
    """Time of the peer's ``transform`` over ours."""

    params = BETAS
    param_names = ("beta",)
    unit = "ratio"

    def track_warm(self, beta):
        X = spectrogram(beta)
        theirs, own = fitted(peer(beta), X), fitted(ours(beta), X)
        return ratio(lambda: theirs.transform(X), lambda: own.transform(X))


def track_sparse_text():
    """Kullback-Leibler on a sparse matrix of the shape of text, for the same iterations."""
    shape = (50, 80) if QUICK else (4000, 8000)
    X = sp.random(*shape, density=0.003 if not QUICK else 0.1, random_state=0, format="csr")
    return ratio(
        lambda: fitted(peer(1.0, 10 if QUICK else 30), X),
        lambda: fitted(ours(1.0, 10 if QUICK else 30), X),
        repeats=3,
    )


track_sparse_text.unit = "ratio"
