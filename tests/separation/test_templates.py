"""Separation by templates that last for several frames."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skbss import ISTFT, STFT, BetaNMF, ConvNMF, Separator, WienerMask
from skbss.datasets import load_band
from skbss.masking._grouping import Timing, group_atoms
from skbss.metrics import bss_eval

pytestmark = pytest.mark.usefixtures("few_programs")

FRAMES = {"n_fft": 256, "hop_length": 64}


def conv(n_components=4, **parameters):
    return ConvNMF(n_components, **{"template_length": 3, "max_iter": 30, "tol": 0, **parameters})


def separator(**parameters):
    return Separator(conv(), stft=STFT(**FRAMES), random_state=0, **parameters)


@pytest.fixture(scope="module")
def mixtures(sources):
    return sources.sum(axis=1)


@pytest.mark.parametrize("kind", ["blind", "every atom", "supervised", "semi-supervised"])
def test_estimates_add_up_to_the_mixtures(mixtures, sources, kind):
    known = {"supervised": sources, "semi-supervised": sources[:, :2]}.get(kind)
    n_sources = {"blind": 3, "semi-supervised": 3}.get(kind)
    model = separator(n_sources=n_sources)
    estimates = model.fit_transform(mixtures, known)
    assert estimates.shape[1] == model.n_sources_ == (4 if kind == "every atom" else 3)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-9)
    n_atoms = {"supervised": 12, "semi-supervised": 12}.get(kind, 4)
    assert model.components_.shape == (n_atoms, 3, 129)
    assert model.activations(mixtures[0]).shape[1] == n_atoms


def test_clips_and_channels_do_not_reach_into_each_other(mixtures, sources):
    # Without a penalty the level of a clip, which its channels share, does not matter.
    model = Separator(conv(sparsity=0), stft=STFT(**FRAMES), random_state=0).fit(mixtures, sources)
    together = model.transform(mixtures)
    for mixture, found in zip(mixtures, together, strict=True):
        np.testing.assert_allclose(model.transform(mixture), found, atol=1e-9)
    channels = model.transform(mixtures[np.newaxis])[0]
    np.testing.assert_allclose(channels.swapaxes(0, 1), together, atol=1e-9)
    mask = WienerMask(conv(sparsity=0), random_state=0)
    X = STFT(**FRAMES).fit_transform(mixtures)
    separated = mask.fit_transform(X)
    np.testing.assert_allclose(mask.transform(X[0]), separated[0], atol=1e-9)
    channels = mask.transform(X[np.newaxis])[0]
    np.testing.assert_allclose(channels.swapaxes(0, 1), separated, atol=1e-9)


class Told(ConvNMF):
    """Remembers which recordings it was told of."""

    told: list = []

    def fit(self, X, y=None, W=None, H=None, weights=None, lengths=None):
        self.told.append(lengths)
        return super().fit(X, y, W, H, weights, lengths)

    def fit_transform(self, X, y=None, W=None, H=None, weights=None, lengths=None):
        self.told.append(lengths)
        return super().fit_transform(X, y, W, H, weights, lengths)

    def transform(self, X, weights=None, lengths=None):
        self.told.append(lengths)
        return super().transform(X, weights, lengths)


@pytest.fixture
def told():
    Told.told.clear()
    return Told.told


def test_every_step_is_told_which_frames_hang_together(mixtures, sources, told):
    factorizer = Told(4, template_length=3, max_iter=5, tol=0)
    clips = [mixtures[:2], mixtures[2:4, :2000]]
    isolated = [sources[:2].swapaxes(0, 1), sources[2:4, :, :2000].swapaxes(0, 1)]
    model = Separator(factorizer, stft=STFT(**FRAMES), random_state=0)
    W = model.fit(clips).activations(clips)
    of_each = [[one.shape[1]] * 2 for one in W]
    everything = of_each[0] + of_each[1]
    assert list(map(list, told)) == [everything, *of_each]
    told.clear()
    model.fit(clips, isolated)
    assert list(map(list, told[:3])) == [everything] * 3
    told.clear()
    model.set_params(n_sources=3).fit(clips, [one[:2] for one in isolated])
    assert list(map(list, told)) == [everything] * 3
    told.clear()
    spectra = STFT(**FRAMES).fit_transform(clips)
    WienerMask(factorizer, random_state=0).fit(spectra).transform(spectra)
    of_each = [[one.shape[1]] * 2 for one in spectra]
    assert list(map(list, told)) == [of_each[0] + of_each[1], *of_each]


@pytest.mark.parametrize("grouping", ["timbre", "mfcc"])
def test_all_frames_of_a_template_decide_on_its_group(grouping):
    rng = np.random.default_rng(0)
    low, high = np.zeros((2, 129))
    low[5:30], high[60:110] = 1, 1
    H = np.stack([[np.ones(129), decay * rng.uniform(5, 6)] for decay in (low, high, low, high)])
    W = rng.random((20, 4))
    timing = Timing([20], 20, 64, 8000)
    seed = np.random.RandomState(0)
    labels, _ = group_atoms(H, W, 2, grouping, exponent=1, timing=timing, random_state=seed)
    assert labels[0] == labels[2] != labels[1] == labels[3]


def test_masks_are_shares_of_the_model(mixtures):
    stft = STFT(**FRAMES)
    X = stft.fit_transform(mixtures[0])
    mask = WienerMask(conv(), random_state=0)
    S = mask.fit_transform(X)
    W = mask.factorizer_.transform(abs(X) / np.sqrt(np.mean(abs(X) ** 2)))
    each = []
    for k in range(4):
        own = np.zeros_like(W)
        own[:, k] = W[:, k]
        each.append(mask.factorizer_.inverse_transform(own))
    share = each / np.sum(each, axis=0)
    np.testing.assert_allclose(S, share[mask.labels_.argsort()] * X, atol=1e-6 * abs(X).max())


def test_in_a_pipeline_and_a_search(mixtures, sources):
    pipe = make_pipeline(
        STFT(**FRAMES),
        WienerMask(conv(), n_sources=2, random_state=0),
        ISTFT(length=mixtures.shape[-1], **FRAMES),
    )
    found = pipe.fit_transform(mixtures[0])
    np.testing.assert_allclose(found.sum(axis=0), mixtures[0], atol=1e-9)
    grid = {"factorizer__template_length": [1, 3]}
    search = GridSearchCV(separator(), grid, cv=2).fit(mixtures, sources)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_band_separates_better_than_by_an_nmf_of_the_same_size(seed):
    clip = load_band()
    settings = {"beta_loss": "kullback-leibler", "max_iter": 50, "tol": 0}

    def sdr(factorizer):
        model = Separator(factorizer, stft=STFT(n_fft=1024), random_state=seed)
        model.fit(clip.train_mixture, clip.train_sources)
        return bss_eval(clip.sources, model.transform(clip.mixture)).sdr

    drums = clip.source_names.index("drums")
    gain = sdr(ConvNMF(8, **settings)) - sdr(BetaNMF(8, init="random", **settings))
    assert gain[drums] > 0.5
    assert gain.mean() > 0.3
