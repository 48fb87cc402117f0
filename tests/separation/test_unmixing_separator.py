"""Linear unmixing of the channels of a recording."""

import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import NMF, PCA, DictionaryLearning, FastICA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbss.metrics import si_sdr
from skbss.separation import UnmixingSeparator

GAINS = np.array([[1.0, 0.2, 0.4], [0.3, 1.0, -0.5], [0.7, 0.6, 0.8]])  # (n_sources, n_channels)


def images_of(signals, gains=GAINS):
    return gains[: len(signals), :, None] * signals[:, None]


@pytest.fixture(scope="module")
def images():
    """Two clips of three sources in three channels, the loudest source first."""
    rng = np.random.default_rng(0)
    signals = rng.laplace(size=(2, 3, 6000)) * np.array([4.0, 2.0, 1.0])[:, None]
    return np.stack([images_of(one) for one in signals])


@pytest.fixture(scope="module")
def mixtures(images):
    return images.sum(axis=1)


@pytest.fixture(scope="module")
def fitted(mixtures):
    return UnmixingSeparator(random_state=0).fit(mixtures)


def test_sources_without_delays_are_found(fitted, mixtures, images):
    estimates = fitted.transform(mixtures)
    assert estimates.shape == images.shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-10)
    ratios = si_sdr(images.reshape(2, 3, -1), estimates.reshape(2, 3, -1))
    assert ratios.min() > 15
    np.testing.assert_allclose(fitted.score(mixtures, images), ratios.mean())
    np.testing.assert_allclose(fitted.score(mixtures, images[:, [2, 0, 1]]), ratios.mean())
    again = UnmixingSeparator(random_state=0).fit_transform(mixtures)
    np.testing.assert_array_equal(again, estimates)


def test_attributes(fitted, mixtures):
    assert (fitted.n_sources_, fitted.n_channels_) == (3, 3)
    assert isinstance(fitted.unmixer_, FastICA)
    np.testing.assert_allclose(fitted.mixing_ @ fitted.unmixing_, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(
        np.einsum("cj,jn->jcn", fitted.mixing_, fitted.unmixing_ @ mixtures[0]),
        fitted.transform(mixtures)[0],
        atol=1e-10,
    )


def test_loudest_first(fitted, mixtures):
    energies = np.square(fitted.transform(mixtures)).sum(axis=(0, 2, 3))
    assert (np.diff(energies) < 0).all()


def test_signs_and_scales_of_components_have_no_influence(mixtures):
    class Flipped(FastICA):
        def transform(self, X):
            return super().transform(X) * [-3.0, 100.0, 1e-4]

    flipped = UnmixingSeparator(Flipped(max_iter=1000, tol=1e-8), random_state=0)
    plain = UnmixingSeparator(random_state=0)
    np.testing.assert_allclose(
        flipped.fit_transform(mixtures), plain.fit_transform(mixtures), atol=1e-9
    )


def test_principal_components(mixtures):
    estimates = UnmixingSeparator(PCA()).fit_transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-10)
    rows = np.concatenate([x / np.sqrt(np.mean(x**2)) for x in mixtures], axis=1).T
    directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2]
    expected = np.einsum("jc,jd,dn->jcn", directions, directions, mixtures[0])
    np.testing.assert_allclose(estimates[0], expected, atol=0.02)


@pytest.mark.parametrize("unmixer", [PCA(whiten=True), TruncatedSVD(3), PCA(0.99999)], ids=repr)
def test_other_decompositions(mixtures, unmixer):
    estimates = UnmixingSeparator(unmixer, random_state=0).fit_transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-8)


def test_a_pipeline_is_an_unmixer(mixtures, images):
    unmixer = make_pipeline(StandardScaler(), FastICA(random_state=0, max_iter=1000, tol=1e-8))
    separator = UnmixingSeparator(unmixer).fit(mixtures)
    assert separator.score(mixtures, images) > 15
    assert UnmixingSeparator(unmixer, n_sources=3).fit(mixtures).n_sources_ == 3
    with pytest.raises(ValueError, match=r"finds 3 components .*but n_sources=2"):
        UnmixingSeparator(unmixer, n_sources=2).fit(mixtures)
    assert UnmixingSeparator(make_pipeline(PCA(2))).fit(mixtures).n_sources_ == 2


def test_fewer_sources_than_channels(mixtures, images):
    two = images[:, :2].sum(axis=1)
    for separator in (
        UnmixingSeparator(n_sources=2, random_state=0),
        UnmixingSeparator(FastICA(2, max_iter=1000, tol=1e-8), random_state=0),
    ):
        estimates = separator.fit_transform(two)
        assert estimates.shape == (2, 2, 3, 6000)
        np.testing.assert_allclose(estimates.sum(axis=1), two, atol=1e-10)
        assert separator.score(two, images[:, :2]) > 15
    # What a plane can not reach of three dimensions is left out.
    rest = mixtures - UnmixingSeparator(PCA(), n_sources=2).fit_transform(mixtures).sum(axis=1)
    assert 0 < np.square(rest).sum() < 0.2 * np.square(mixtures).sum()


def test_fewer_references_than_sources(fitted, mixtures, images):
    ratios = si_sdr(images.reshape(2, 3, -1), fitted.transform(mixtures).reshape(2, 3, -1))
    np.testing.assert_allclose(fitted.score(mixtures, images[:, 1:]), ratios[:, 1:].mean())
    with pytest.raises(ValueError, match="y holds 4 sources, but the separator was fitted for 3"):
        fitted.score(mixtures, images[:, [0, 1, 2, 0]])


def test_unequal_clips(fitted, mixtures):
    X = [mixtures[0], mixtures[1, :, :777]]
    estimates = fitted.transform(X)
    assert [one.shape for one in estimates] == [(3, 3, 6000), (3, 3, 777)]
    np.testing.assert_allclose(estimates[1], fitted.transform(mixtures)[1, ..., :777], rtol=1e-9)
    assert UnmixingSeparator(random_state=0).fit(X).n_channels_ == 3


def test_an_offset_is_unmixed_like_everything_else(fitted, mixtures, images):
    offsets = images + np.array([1.0, 2.0, 3.0])[:, None, None] * GAINS[:, :, None]
    X = offsets.sum(axis=1)
    estimates = fitted.transform(X)
    np.testing.assert_allclose(estimates.sum(axis=1), X, atol=1e-10)
    np.testing.assert_allclose(
        UnmixingSeparator(random_state=0).fit_transform(X).mean(axis=(0, -1)),
        estimates.mean(axis=(0, -1)),
        atol=0.2,
    )


def test_single_precision(mixtures, images):
    single = mixtures.astype(np.float32)
    separator = UnmixingSeparator(random_state=0).fit(single)
    estimates = separator.transform(single)
    assert estimates.dtype == np.float32
    np.testing.assert_allclose(estimates.sum(axis=1), single, atol=1e-4)
    assert separator.score(single, images) > 15


def test_jax_arrays_stay_jax_arrays(mixtures):
    x = jnp.asarray(mixtures, jnp.float32)
    separator = UnmixingSeparator(random_state=0)
    estimates = separator.fit_transform(x)
    assert isinstance(estimates, jax.Array)
    np.testing.assert_allclose(
        estimates, separator.fit_transform(mixtures.astype(np.float32)), atol=1e-4
    )


@settings(deadline=None, max_examples=10)
@given(level=st.sampled_from([1e-150, 1e-6, 1e6, 1e150]), offset=st.sampled_from([0.0, 1.0]))
def test_the_level_of_a_recording_does_not_matter(level, offset):
    x = images_of(np.random.default_rng(1).laplace(size=(3, 500))).sum(axis=0)[None] + offset
    separator = UnmixingSeparator(random_state=0)
    expected = separator.fit_transform(x)
    estimates = separator.fit_transform(level * x)
    np.testing.assert_allclose(estimates / level, expected, rtol=0, atol=1e-6)


def test_silence_stays_silent(fitted):
    assert not fitted.transform(np.zeros((1, 3, 100))).any()
    separator = UnmixingSeparator()
    with pytest.warns(UserWarning, match="only 0 are independent.*the last 3 of the 3 sources"):
        separator.fit(np.zeros((1, 3, 100)))
    assert separator.unmixer_ is None
    assert not separator.transform(np.zeros((1, 3, 100))).any()


@pytest.mark.parametrize("unmixer", [None, PCA()], ids=repr)
@pytest.mark.parametrize("third", ["silent", "constant", "equal", "a mixture of the others"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_channels_that_tell_nothing_new(images, unmixer, third, dtype):
    X = images[:, :2].sum(axis=1)
    X[:, 2] = {
        "silent": 0,
        "constant": 3,
        "equal": X[:, 0],
        "a mixture of the others": 0.3 * X[:, 0] - 0.6 * X[:, 1],
    }[third]
    X = X.astype(dtype)
    separator = UnmixingSeparator(unmixer, random_state=0)
    with pytest.warns(UserWarning, match="Of the 3 channels of X only 2 are independent") as raised:
        separator.fit(X)
    assert raised[0].filename == __file__
    estimates = separator.transform(X)
    assert estimates.shape == (2, 3, 3, 6000)
    assert not estimates[:, 2].any()
    rest = X - estimates.sum(axis=1)
    if third == "constant":
        rest[:, 2] -= 3
    np.testing.assert_allclose(rest, 0, atol=1e-4 if dtype == np.float32 else 1e-10)
    quiet = UnmixingSeparator(unmixer, n_sources=2, random_state=0).fit(X)
    np.testing.assert_allclose(quiet.transform(X), estimates[:, :2], atol=1e-4)


def test_recordings_of_few_samples():
    x = np.random.default_rng(0).standard_normal((1, 3, 2))
    with pytest.warns(UserWarning, match="only 1 are independent"):
        estimates = UnmixingSeparator(PCA()).fit_transform(x)
    assert np.isfinite(estimates).all()
    with pytest.warns(UserWarning, match="only 0 are independent"):
        assert not UnmixingSeparator().fit_transform(x[..., :1]).any()


def test_a_fit_that_is_stopped_warns(mixtures):
    with pytest.warns(ConvergenceWarning, match="FastICA did not converge"):
        UnmixingSeparator(FastICA(max_iter=1, tol=1e-12), random_state=0).fit(mixtures)


def test_seeds(mixtures):
    given = UnmixingSeparator(FastICA(random_state=5)).fit(mixtures)
    assert given.unmixer_.random_state == 5
    a, b = (UnmixingSeparator(random_state=3).fit(mixtures).unmixing_ for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_it_behaves_as_an_estimator(fitted, mixtures, images):
    with pytest.raises(NotFittedError):
        clone(fitted).transform(mixtures)
    before = pickle.dumps(fitted)
    estimates = fitted.transform(mixtures)
    assert pickle.dumps(fitted) == before
    np.testing.assert_array_equal(pickle.loads(before).transform(mixtures), estimates)
    tuned = UnmixingSeparator().set_params(unmixer__fun="exp")
    assert (tuned.unmixer.fun, tuned.unmixer.tol) == ("exp", 1e-8)
    search = GridSearchCV(UnmixingSeparator(random_state=0), {"n_sources": [2, 3]}, cv=2)
    assert np.isfinite(search.fit(mixtures, images[:, :2]).best_score_)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_sources": 4}, ValueError, "n_sources=4, but X has 3 channels: linear unmixing finds"),
        ({"unmixer": FastICA(4)}, ValueError, "n_components of the unmixer=4, but X has 3 chan"),
        ({"n_sources": 0}, ValueError, "n_sources must be at least 1, got 0"),
        ({"n_sources": 2.0}, TypeError, "n_sources must be an instance of int or None, got 2.0"),
        ({"n_sources": True}, TypeError, "n_sources must be an instance of int or None, got True"),
        ({"unmixer": "ica"}, TypeError, "unmixer must be a decomposition of scikit-learn, such as"),
        ({"unmixer": FastICA}, TypeError, "unmixer must be a decomposition of scikit-learn"),
        ({"unmixer": NMF(3)}, ValueError, "Negative values in data passed to NMF"),
        ({"random_state": "x"}, ValueError, "'x' cannot be used to seed"),
    ],
)
def test_wrong_parameters(mixtures, parameters, error, message):
    with pytest.raises(error, match=message):
        UnmixingSeparator(**parameters).fit(mixtures)


def test_unmixers_that_are_not_linear_are_refused(mixtures):
    unmixer = DictionaryLearning(3, max_iter=1, transform_algorithm="omp", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"unmixer=DictionaryLearning\(.*\) is not linear"):
            UnmixingSeparator(unmixer).fit(mixtures[..., :200])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones(900), "X has one channel, which no matrix can divide"),
        (np.ones((2, 900)), r"pass the channels of one clip as an array of shape \(1, n_channels"),
        (np.ones((4, 1, 900)), "X has one channel"),
        ([np.ones((2, 900)), np.ones((3, 900))], r"as many channels, got \[2, 3\]"),
        ([np.ones((2, 900)), np.ones(900)], r"as many channels, got \[1, 2\]"),
        (np.full((2, 2, 900), np.nan), "Input X contains NaN"),
        (np.ones((1, 9000, 2)), "Time is the last axis of X"),
    ],
)
def test_wrong_input(X, message):
    with pytest.raises(ValueError, match=message):
        UnmixingSeparator().fit(X)


def test_another_number_of_channels(fitted, mixtures):
    with pytest.raises(ValueError, match="X has 2 channels, but UnmixingSeparator was fitted to 3"):
        fitted.transform(mixtures[:, :2])


def test_an_unmixer_that_does_not_whiten_finds_as_many_sources_as_channels(mixtures):
    unmixer = FastICA(whiten=False, tol=1.0)
    separator = UnmixingSeparator(unmixer, random_state=0).fit(mixtures)
    assert separator.n_sources_ == 3
    estimates = separator.transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-8)
    with pytest.raises(ValueError, match=r"finds 3 components .*but n_sources=2"):
        UnmixingSeparator(unmixer, n_sources=2, random_state=0).fit(mixtures)


def test_warnings_point_to_the_call_of_fit_transform():
    with pytest.warns(UserWarning, match="only 0 are independent") as caught:
        UnmixingSeparator().fit_transform(np.zeros((1, 3, 100)))
    assert caught[0].filename == __file__
