"""ExemplarNMF: which rows are kept, and that activations are those of SparseNMF."""

import jax.numpy as jnp
import numpy as np
import pytest

from skbss import STFT, ExemplarNMF, Separator, SparseNMF, WienerMask


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.3, size=(40, 3)) @ rng.random((3, 12)) + 0.01


def test_components_are_rows_of_norm_one(X):
    model = ExemplarNMF(15, random_state=0).fit(X)
    indices = model.exemplar_indices_
    assert len(set(indices)) == model.n_components_ == 15
    assert (np.diff(indices) > 0).all()
    rows = X[indices] / np.linalg.norm(X[indices], axis=1, keepdims=True)
    np.testing.assert_allclose(model.components_, rows)
    other = ExemplarNMF(15, random_state=1).fit(X)
    assert set(other.exemplar_indices_) != set(indices)


def test_all_rows_where_there_are_fewer(X):
    model = ExemplarNMF().fit(X)
    np.testing.assert_array_equal(model.exemplar_indices_, np.arange(40))
    assert model.transform(X).shape == (40, 40)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2])
@pytest.mark.parametrize("sparsity", [0, 1])
def test_activations_are_those_of_the_sparse_model(X, beta, sparsity):
    settings = {"beta_loss": beta, "sparsity": sparsity, "tol": 0, "max_iter": 50}
    model = ExemplarNMF(10, random_state=0, **settings)
    W = model.fit_transform(X)
    held = SparseNMF(10, fixed_components=model.components_, **settings).fit(X)
    assert held.penalty_ == model.penalty_
    np.testing.assert_allclose(held.transform(X), W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.transform(X), W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(held.score(X), model.score(X))
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_)


def test_sparsity_makes_sparse(X):
    used = [
        (ExemplarNMF(40, sparsity=s, tol=0, max_iter=300).fit_transform(X) > 1e-3).mean()
        for s in (0, 1, 10)
    ]
    assert used[0] > used[1] > used[2]


def test_silence_and_gaps_are_no_exemplars(X):
    X[:10] = 0
    X[10:20, 3] = np.nan
    model = ExemplarNMF(random_state=0).fit(X)
    np.testing.assert_array_equal(model.exemplar_indices_, np.arange(20, 40))
    W = model.transform(X)
    assert not W[:10].any()
    assert np.isfinite(W).all()
    silent = ExemplarNMF(5, random_state=0).fit(np.zeros((8, 4)))
    assert not silent.components_.any()
    assert not silent.transform(np.zeros((2, 4))).any()
    X[:, 3] = np.nan
    with pytest.raises(ValueError, match="Every row of X has a missing entry"):
        ExemplarNMF().fit(X)


def test_held_components_come_first(X):
    known = np.random.default_rng(1).random((4, 12))
    model = ExemplarNMF(10, fixed_components=known, random_state=0).fit(X)
    np.testing.assert_array_equal(model.components_[:4], known)
    assert len(model.exemplar_indices_) == 6
    alone = ExemplarNMF(4, fixed_components=known).fit(X)
    assert len(alone.exemplar_indices_) == 0
    with pytest.raises(ValueError, match="fixed_components has 4 rows, but n_components=3"):
        ExemplarNMF(3, fixed_components=known).fit(X)
    with pytest.raises(ValueError, match="fixed_components has 12 features, but X has 5"):
        ExemplarNMF(5, fixed_components=known).fit(X[:, :5])


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_the_level_does_not_matter(X, beta):
    model = ExemplarNMF(10, beta_loss=beta, random_state=0, tol=0, max_iter=30).fit(X)
    W = model.transform(X)
    louder = ExemplarNMF(10, beta_loss=beta, random_state=0, tol=0, max_iter=30).fit(1e6 * X)
    np.testing.assert_allclose(louder.components_, model.components_, rtol=1e-12)
    np.testing.assert_allclose(louder.transform(1e6 * X), 1e6 * W, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kind_and_precision_are_those_of_the_data(X, dtype):
    x = X.astype(dtype)
    model = ExemplarNMF(6, random_state=0).fit(x)
    assert model.components_.dtype == model.transform(x).dtype == dtype
    if dtype == np.float32:
        on_device = ExemplarNMF(6, random_state=0).fit(jnp.asarray(x))
        assert type(on_device.components_) is type(jnp.asarray(x))
        np.testing.assert_allclose(np.asarray(on_device.components_), model.components_, rtol=1e-6)


def test_several_axes(X):
    model = ExemplarNMF(10, random_state=0)
    W = model.fit_transform(X.reshape(4, 10, 12))
    assert W.shape == (4, 10, 10)
    np.testing.assert_allclose(W.reshape(40, 10), ExemplarNMF(10, random_state=0).fit_transform(X))


def test_in_masks_and_separators():
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    tones = np.sin(2 * np.pi * np.array([[300], [1500]]) * time)
    sources = tones * np.repeat(rng.random((2, 20)) < 0.6, 200, axis=1)
    separator = Separator(ExemplarNMF(30), stft=STFT(256), random_state=0)
    trained = separator.fit(sources.sum(axis=0), sources)
    assert np.bincount(trained.atom_source_).tolist() == [30, 30]
    assert trained.score(sources[:, ::-1].sum(axis=0), sources[:, ::-1]) > 20
    spectra = STFT(256).fit_transform(sources.sum(axis=0))
    S = WienerMask(ExemplarNMF(10), 2, random_state=0).fit_transform(spectra)
    np.testing.assert_allclose(S.sum(axis=0), spectra, atol=1e-12)
    some = separator.set_params(n_sources=3).fit(sources.sum(axis=0), sources)
    assert some.n_sources_ == 3
