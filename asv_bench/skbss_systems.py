"""skbss as systems of a benchmark of separation quality.

A system is ``name(mixture, sr, n_sources, seed, train=None, n_iter=None)``: `mixture` of shape
(n_channels, length) and one array of training audio for each source, or None, give sources of shape
(n_sources, length). ``peers.system`` of the benchmark registers them.
"""

import sys
import time

import joblib
import numpy as np
from peers import system
from scipy.stats import uniform

from skbss import (
    ESADNMF,
    STFT,
    BetaNMF,
    ConvNMF,
    DeepUnfoldedNMF,
    ExemplarNMF,
    Separator,
    SparseNMF,
)
from skbss.separation import ESADSeparator

ONE_CHANNEL = "^(?!.ch|esad)"
BOTH = {"unfolding": "both", "piece_length": 128}
_TRAINED = {}


def blind(n_components, mixture, sr, n_sources, seed, n_iter, **settings):
    factorizer = BetaNMF(
        n_components, beta_loss="kullback-leibler", init="random", **settled(n_iter, 100)
    )
    separator = Separator(
        factorizer, n_sources=n_sources, sample_rate=sr, random_state=seed, **settings
    )
    return separator.fit_transform(mixture[0].astype(np.float32))


def supervised(factorizer, mixture, sr, train, seed, *, long=1, **settings):
    if train is None or any(one is None for one in train):
        return None
    separator = learned(factorizer, sr, train, seed, long=long, **settings)
    return separator.transform(mixture[0].astype(np.float32))


def learned(factorizer, sr, train, seed, *, long=1, **settings):
    length = max(map(len, train))
    sources = np.stack([np.resize(one, length) for one in train]).astype(np.float32)
    n_fft = 2 ** round(np.log2(0.064 * sr)) * long
    separator = Separator(factorizer, stft=STFT(n_fft), random_state=seed, **settings)
    return separator.fit(sources.sum(axis=0), sources)


def settled(n_iter, usual):
    return {"max_iter": n_iter or usual, "tol": 0}


@system("blind-1ch", families=ONE_CHANNEL)
def skbss_blind(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    return blind(24, mixture, sr, n_sources, seed, n_iter)


@system("blind-1ch", families=ONE_CHANNEL)
def skbss_blind_16(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    return blind(16, mixture, sr, n_sources, seed, n_iter)


@system("blind-1ch", families=ONE_CHANNEL)
def skbss_blind_power(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Masks of powers."""
    return blind(24, mixture, sr, n_sources, seed, n_iter, mask_exponent=2)


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_exemplars(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    factorizer = ExemplarNMF(1000, sparsity=0.5, **settled(n_iter, 30))
    return supervised(factorizer, mixture, sr, train, seed, spectrum=0.6, mask_exponent=1.5)


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_sparse_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    factorizer = SparseNMF(100, sparsity=3, init="random", **settled(n_iter, 60))
    return supervised(factorizer, mixture, sr, train, seed)


@system("supervised-1ch", ordered=True, train=True, families="speech.speech")
def skbss_sparse_transposed_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Voices a semitone higher and lower, too."""
    factorizer = SparseNMF(100, sparsity=3, init="random", **settled(n_iter, 60))
    settings = {"mask_exponent": 1.5, "transpositions": (-1, 1)}
    return supervised(factorizer, mixture, sr, train, seed, **settings)


def unfolded(mixture, sr, train, seed, n_iter, remix_db, **settings):
    """Pieces of the sources, mixed anew at other levels and speeds."""
    if train is None or any(one is None for one in train):
        return None
    network = DeepUnfoldedNMF(
        100,
        remix_db=remix_db,
        n_epochs=n_iter or 20,
        steps_per_epoch=30,
        validation_fraction=0,
        **settings,
    )
    # Tasks of the same training audio, which differ in the level of the mixture, share a network.
    key = joblib.hash((train, sr, seed, network.get_params()))
    if key not in _TRAINED:
        equally_loud = [one / np.sqrt(np.mean(np.square(one))) for one in train]
        at_other_speeds = (-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2)
        started = time.perf_counter()
        _TRAINED[key] = learned(network, sr, equally_loud, seed, transpositions=at_other_speeds)
        sys.stderr.write(f"seconds of training: {time.perf_counter() - started:.1f}\n")
    return _TRAINED[key].transform(mixture[0].astype(np.float32))


# The first source is the louder one, or all may be.
def _often_louder(n_sources):
    return [uniform(-8, 22), *[0] * (n_sources - 1)]


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_unfolded_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    return unfolded(mixture, sr, train, seed, n_iter, _often_louder(n_sources))


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_unfolded_both_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Every recording has components of its own."""
    return unfolded(mixture, sr, train, seed, n_iter, _often_louder(n_sources), **BOTH)


@system("supervised-1ch", ordered=True, train=True, families="speech.speech")
def skbss_unfolded_voices_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Voices of like level."""
    return unfolded(mixture, sr, train, seed, n_iter, uniform(-5, 10))


@system("supervised-1ch", ordered=True, train=True, families="speech.speech")
def skbss_unfolded_both_voices_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Voices of like level; every recording has components of its own."""
    return unfolded(mixture, sr, train, seed, n_iter, uniform(-5, 10), **BOTH)


@system("supervised-1ch", ordered=True, train=True, families="music")
def skbss_conv_transposed_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Melodies at other pitches, with masks of powers."""
    factorizer = ConvNMF(40, **settled(n_iter, 60))
    settings = {"mask_exponent": 2, "transpositions": (-2, -1, 1, 2)}
    return supervised(factorizer, mixture, sr, train, seed, long=2, **settings)


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_conv_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    """Templates of half a second, with masks of powers."""
    factorizer = ConvNMF(20, template_length=16, **settled(n_iter, 60))
    return supervised(factorizer, mixture, sr, train, seed, long=2, mask_exponent=2)


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_conv_short_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    factorizer = ConvNMF(20, **settled(n_iter, 15))
    return supervised(factorizer, mixture, sr, train, seed)


@system("supervised-1ch", ordered=True, train=True, families=ONE_CHANNEL)
def skbss_esad_sup(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    factorizer = ESADNMF(40, **settled(n_iter, 15))
    return supervised(factorizer, mixture, sr, train, seed)


@system("blind-multi", channels="multi")
def skbss_microphones(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    return ESADSeparator(n_sources, random_state=seed).fit_transform(mixture)[:, 0]


@system("blind-multi", channels="multi", families="instantaneous")
def skbss_instantaneous(mixture, sr, n_sources, seed, train=None, n_iter=None, **_):
    separator = ESADSeparator(n_sources, mixing="instantaneous", random_state=seed)
    return separator.fit_transform(mixture)[:, 0]
