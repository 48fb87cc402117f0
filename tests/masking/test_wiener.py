"""WienerMask: sums, shapes, groupings, seeds, errors."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, MeanShift
from sklearn.decomposition import NMF, PCA, MiniBatchNMF
from sklearn.pipeline import make_pipeline

from skbss import ISTFT, STFT, BetaNMF, HarmonicNMF, MiniBatchBetaNMF, Separator, WienerMask

pytestmark = pytest.mark.usefixtures("few_programs")

FRONT_END = STFT(256)


def kl(n_components=6, **parameters):
    parameters = {"random_state": 0, "tol": 1e-2, **parameters}
    return BetaNMF(n_components, beta_loss="kullback-leibler", **parameters)


@pytest.fixture(scope="module")
def waveforms():
    """Two clips of two channels: noise bursts and two tones."""
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    tones = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 880 * time)
    noise = rng.standard_normal((2, 2, 4000)) * (time % 0.1 < 0.03)
    return noise + tones


@pytest.fixture(scope="module")
def X(waveforms):
    return FRONT_END.transform(waveforms)


@pytest.mark.parametrize("index", [(0, 0), (slice(None), 0), ()], ids=["clip", "clips", "channels"])
def test_sources_add_up_in_every_layout(X, index):
    X = X[index]
    S = WienerMask(kl(), 3, random_state=0).fit_transform(X)
    axis = int(X.ndim > 2)
    assert S.shape == (*X.shape[:axis], 3, *X.shape[axis:])
    np.testing.assert_allclose(S.sum(axis=axis), X, atol=1e-12)


def test_unequal_clips(X):
    clips = [X[0, 0], X[1, :, :20]]
    S = WienerMask(kl(), 2, random_state=0).fit_transform(clips)
    assert [one.shape for one in S] == [(2, 63, 129), (2, 2, 20, 129)]
    np.testing.assert_allclose(S[1].sum(axis=0), clips[1], atol=1e-12)


def test_an_atom_is_a_source_by_default(X):
    mask = WienerMask(kl()).fit(X)
    assert mask.n_sources_ == 6
    np.testing.assert_array_equal(mask.labels_, range(6))
    assert mask.components_.shape == (6, 129)


def test_the_formula(X):
    X = X[0, 0]
    V = abs(X) / np.sqrt(np.mean(abs(X) ** 2))
    settings = [("magnitude", 1, 1.0), ("power", 2, 1.0), ("power", 2, 2.0), (0.6, 0.6, 1.5)]
    for spectrum, a, mask_exponent in settings:
        factorizer = kl(4)
        W = factorizer.fit_transform(V**a)
        models = [W[:, [0, 2]] @ factorizer.components_[[0, 2]]]
        models.append(W[:, [1, 3]] @ factorizer.components_[[1, 3]])
        models = np.array(models) ** (mask_exponent / a)
        mask = WienerMask(
            kl(4), grouping=[0, 1, 0, 1], spectrum=spectrum, mask_exponent=mask_exponent
        )
        np.testing.assert_allclose(
            mask.fit_transform(X), models / models.sum(axis=0) * X, atol=1e-10
        )


def test_power_spectra_for_itakura_saito(X):
    parameters = {"random_state": 0, "tol": 1e-2}
    for beta, spectrum in [("itakura-saito", "power"), (0, "power"), (0.5, "magnitude")]:
        auto = WienerMask(BetaNMF(3, beta_loss=beta, **parameters))
        explicit = clone(auto).set_params(spectrum=spectrum)
        np.testing.assert_array_equal(auto.fit_transform(X[0, 0]), explicit.fit_transform(X[0, 0]))


def test_a_binary_mask(X):
    S = WienerMask(kl(), 2, mask_exponent=np.inf, random_state=0).fit_transform(X[0])
    shares = abs(S) / np.where(X[0] == 0, 1, abs(X[0]))[:, None]
    assert set(np.unique(shares.round(6))) <= {0, 0.5, 1}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "factorizer",
    [
        NMF(6, solver="mu", beta_loss="kullback-leibler", tol=1e-2, init="random"),
        NMF(6, tol=1e-2, init="random"),
        MiniBatchNMF(6, beta_loss="kullback-leibler", init="random"),
        MiniBatchBetaNMF(6, beta_loss="kullback-leibler"),
    ],
    ids=lambda factorizer: type(factorizer).__name__,
)
def test_any_factorizer(X, factorizer):
    mask = WienerMask(factorizer, 2, random_state=0)
    np.testing.assert_allclose(mask.fit_transform(X).sum(axis=1), X, atol=1e-12)
    np.testing.assert_allclose(mask.transform(X[1:]).sum(axis=1), X[1:], atol=1e-12)


def test_factors_of_both_signs_make_no_masks(X):
    with pytest.raises(ValueError, match=r"PCA\(.*\) found negative atoms"):
        WienerMask(PCA(4)).fit(X)


@pytest.mark.parametrize("grouping", ["timbre", "mfcc", "activations"])
def test_tones_and_noise_fall_apart(X, waveforms, grouping):
    mask = WienerMask(kl(), 2, grouping=grouping, sample_rate=8000, random_state=0)
    S = mask.fit_transform(X[0])
    on = (np.arange(4000) / 8000 % 0.1 < 0.03)[None]
    sources = ISTFT(256, length=4000).transform(S)
    pause = np.mean(sources[..., ~on[0]] ** 2, axis=(0, 2))
    burst = np.mean(sources[..., on[0]] ** 2, axis=(0, 2))
    assert max(burst / pause) > 4 * min(burst / pause)
    assert set(mask.labels_) == {0, 1}


def test_sources_are_in_order_of_energy(X):
    mask = WienerMask(kl(), 3, random_state=0).fit(X[0])
    W = mask.factorizer_.transform(abs(X[0]).reshape(-1, 129))
    energy = W.sum(axis=0) * mask.components_.sum(axis=1)
    per_source = np.bincount(mask.labels_, energy)
    assert (np.diff(per_source) <= 0).all()


def test_clusterers(X):
    mask = WienerMask(kl(), 3, grouping=AgglomerativeClustering(2)).fit(X)
    assert set(mask.labels_) == {0, 1, 2}
    mask = WienerMask(kl(), grouping=AgglomerativeClustering(2)).fit(X)
    assert mask.n_sources_ == 2
    mask = WienerMask(kl(), grouping=DBSCAN(eps=1e-9)).fit(X)
    assert mask.n_sources_ == 1
    with pytest.raises(ValueError, match="found 6 groups of atoms, but n_sources=2"):
        WienerMask(kl(), 2, grouping=MeanShift(bandwidth=1e-6)).fit(X)


def test_the_sample_rate_is_one(X, waveforms):
    pitches = HarmonicNMF((60, 62), sample_rate=8000, n_fft=256, max_iter=5, tol=0)
    assert WienerMask(pitches, sample_rate=8000).fit(X[0]).n_sources_ == 3
    message = "sample_rate=8000 of HarmonicNMF must be the sample_rate=16000"
    with pytest.raises(ValueError, match=message):
        WienerMask(pitches, sample_rate=16000).fit(X[0])
    with pytest.raises(ValueError, match=message):
        Separator(pitches, stft=STFT(256), sample_rate=16000).fit(waveforms[0])


def test_given_labels_may_leave_a_source_without_atoms(X):
    mask = WienerMask(kl(2), 3, grouping=[2, 0])
    with pytest.raises(ValueError, match="n_sources=3 must not exceed n_components=2"):
        mask.fit(X)
    S = WienerMask(kl(3), 3, grouping=[2, 0, 0]).fit_transform(X)
    assert not S[:, 1].any()


def test_one_source_is_the_mixture(X):
    S = WienerMask(kl(), 1).fit_transform(X)
    np.testing.assert_array_equal(S[:, 0], X)


def test_silence(X):
    for factorizer in (kl(), BetaNMF(6, beta_loss=0, random_state=0), BetaNMF(6)):
        S = WienerMask(factorizer, 2, random_state=0).fit_transform(np.zeros_like(X[0]))
        assert S.shape == (2, 2, 63, 129)
        assert not S.any()


def test_a_silent_clip_among_others(X):
    X = np.concatenate([X, np.zeros_like(X[:1])])
    S = WienerMask(kl(), 2, random_state=0).fit_transform(X)
    np.testing.assert_allclose(S.sum(axis=1), X, atol=1e-12)


def test_clips_do_not_depend_on_each_other(X):
    mask = WienerMask(kl(), 2, random_state=0).fit(X)
    np.testing.assert_allclose(mask.transform(X)[1], mask.transform(X[1:])[0], atol=1e-12)


def test_fit_transform_is_fit_and_transform(X):
    mask = WienerMask(kl(), 2, random_state=0)
    together = mask.fit_transform(X)
    np.testing.assert_allclose(mask.fit(X).transform(X), together, atol=1e-12)


def test_single_precision(X):
    S = WienerMask(kl(), 2, random_state=0).fit_transform(X.astype(np.complex64))
    assert S.dtype == np.complex64
    np.testing.assert_allclose(S.sum(axis=1), X, atol=1e-5 * abs(X).max())


def test_jax_arrays_stay_jax_arrays(X):
    x = jnp.asarray(X, jnp.complex64)
    mask = WienerMask(kl(), 2, random_state=0)
    S = mask.fit_transform(x)
    assert isinstance(S, jax.Array)
    assert isinstance(mask.transform(x), jax.Array)
    np.testing.assert_allclose(S.sum(axis=1), x, atol=1e-5 * abs(X).max())


def test_one_seed_one_result(X):
    mask = WienerMask(kl(random_state=None), 2, random_state=3)
    once = mask.fit_transform(X)
    np.testing.assert_array_equal(clone(mask).fit_transform(X), once)
    assert abs(mask.set_params(random_state=4).fit_transform(X) - once).max() > 1e-6


def test_pickle_and_clone(X):
    mask = WienerMask(kl(), 2, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(mask))
    np.testing.assert_array_equal(again.transform(X), mask.transform(X))
    assert clone(mask).get_params()["factorizer__n_components"] == 6


def test_the_pipeline():
    mixture = np.random.default_rng(0).standard_normal(8000)
    stft = {"n_fft": 512, "hop_length": 128, "window": "hamming"}
    pipe = make_pipeline(
        STFT(**stft),
        WienerMask(BetaNMF(3, beta_loss="kullback-leibler", random_state=0)),
        ISTFT(length=mixture.shape[-1], **stft),
    )
    sources = pipe.fit_transform(mixture)
    assert sources.shape == (3, 8000)
    np.testing.assert_allclose(sources.sum(0), mixture, atol=1e-12)
    np.testing.assert_allclose(pipe.transform(mixture), sources, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_sources": 0}, ValueError, "n_sources must be at least 1, got 0"),
        ({"n_sources": 2.5}, TypeError, "n_sources must be an instance of int or None"),
        ({"n_sources": 7}, ValueError, "n_sources=7 must not exceed n_components=6"),
        ({"grouping": "color"}, ValueError, "grouping must be 'auto', 'timbre', 'mfcc'"),
        ({"grouping": 3}, TypeError, "grouping must be 'auto', 'timbre', 'mfcc'"),
        ({"grouping": [0, 1]}, ValueError, "one label for each of the 6 atoms"),
        ({"grouping": [0.5] * 6}, TypeError, "an array of integer labels"),
        ({"grouping": [0, 0, 0, 0, 0, -1]}, ValueError, "must lie between 0 and 5, got -1 to 0"),
        (
            {"grouping": [0, 0, 0, 0, 0, 2], "n_sources": 2},
            ValueError,
            "must lie between 0 and 1, got 0 to 2",
        ),
        ({"mask_exponent": 0}, ValueError, "mask_exponent must be positive"),
        ({"mask_exponent": np.nan}, ValueError, "mask_exponent must be positive"),
        ({"mask_exponent": "2"}, TypeError, "mask_exponent must be an instance of float"),
        ({"spectrum": "cepstrum"}, ValueError, "spectrum must be 'auto', 'magnitude' or 'power'"),
        ({"spectrum": 0}, ValueError, "a number above 0, the exponent of the magnitude; got 0"),
        ({"spectrum": np.nan}, ValueError, "a number above 0"),
        ({"spectrum": True}, ValueError, "a number above 0.* got True"),
        ({"sample_rate": -1}, ValueError, "sample_rate == -1, must be > 0"),
        ({"factorizer": None}, TypeError, "factorizer must be an estimator"),
        ({"factorizer": BetaNMF}, TypeError, "factorizer must be an estimator"),
        ({"factorizer": BetaNMF(-1)}, ValueError, "n_components"),
    ],
)
def test_wrong_parameters(X, parameters, error, message):
    with pytest.raises(error, match=message):
        WienerMask(**{"factorizer": kl(), **parameters}).fit(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (abs, "must be a complex STFT"),
        (lambda X: X[None], r"\(\[n_clips,\] \[n_channels,\] n_frames, n_freqs\)"),
        (lambda X: np.where(X.max() == X, np.nan, X), "Input X contains NaN"),
        (lambda X: X[:0], r"0 sample\(s\)"),
        (lambda X: [X[0], X[1, :, :, :9]], r"as many frequencies, got \[9, 129\]"),
    ],
)
def test_wrong_input(X, change, message):
    with pytest.raises(ValueError, match=message):
        WienerMask(kl(), 2).fit(change(X))


def test_other_frequencies_in_transform(X):
    with pytest.raises(ValueError, match="X has 65 features, but WienerMask is expecting 129"):
        WienerMask(kl(), 2).fit(X).transform(X[..., :65])
