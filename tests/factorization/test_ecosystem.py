"""BetaNMF where scikit-learn's and librosa's users put NMF."""

import librosa
import numpy as np
import pytest
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline

from skbss import BetaNMF

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.5, size=(40, 3)) @ rng.gamma(0.5, size=(3, 16)) + 0.01


def test_the_drop_in_program(X):
    from skbss import BetaNMF as NMF  # noqa: N814

    W = NMF(
        n_components=10,
        solver="mu",
        beta_loss="kullback-leibler",
        init="nndsvda",
        random_state=0,
    ).fit_transform(X)
    assert W.shape == (40, 10)


def test_librosa_decompose():
    rng = np.random.default_rng(1)
    S = rng.gamma(0.5, size=(50, 3)) @ rng.gamma(0.5, size=(3, 30))
    model = BetaNMF(3, solver="mu", beta_loss="kullback-leibler", random_state=0, max_iter=500)
    components, activations = librosa.decompose.decompose(S, transformer=model, sort=True)
    assert components.shape == (50, 3)
    peaks = np.argmax(components, axis=0)
    assert (np.diff(peaks) >= 0).all()
    assert np.linalg.norm(S - components @ activations) < 0.1 * np.linalg.norm(S)


def test_feature_union_and_column_transformer(X):
    union = FeatureUnion([("nmf", BetaNMF(3, random_state=0)), ("pca", PCA(2))])
    assert union.fit_transform(X).shape == (40, 5)
    names = union.get_feature_names_out()
    assert list(names[:3]) == ["nmf__betanmf0", "nmf__betanmf1", "nmf__betanmf2"]
    columns = ColumnTransformer(
        [("low", BetaNMF(2, random_state=0), slice(0, 8)), ("high", "passthrough", slice(8, 16))]
    )
    assert columns.fit_transform(X).shape == (40, 10)


@pytest.mark.parametrize("backend", ["serial", "threading", "loky"])
def test_grid_search_without_a_scorer(X, backend):
    import joblib

    hidden = np.random.default_rng(2).random(X.shape) < 0.15
    given = np.where(hidden, np.nan, X)
    search = GridSearchCV(
        BetaNMF(beta_loss=1, random_state=0, init="random", max_iter=300),
        {"n_components": [1, 3, 9]},
        cv=2,
        n_jobs=None if backend == "serial" else 2,
        error_score="raise",
    )
    if backend == "serial":
        search.fit(given, X)
    else:
        with joblib.parallel_backend(backend, n_jobs=2):
            search.fit(given, X)
    # Held-out entries are not won by the largest rank.
    assert search.best_params_ == {"n_components": 3}


def test_cross_validation_of_a_pipeline(X):
    y = (X[:, 0] > np.median(X[:, 0])).astype(int)
    pipeline = make_pipeline(BetaNMF(3, random_state=0), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.7


def test_text():
    documents = [
        "the violin and the cello play a quiet melody",
        "a cello, a viola and two violins",
        "the striker scored a late goal in the match",
        "the match ended with a goal by the keeper",
    ] * 3
    pipeline = make_pipeline(
        TfidfVectorizer(),
        BetaNMF(2, beta_loss="kullback-leibler", random_state=0, max_iter=500),
    )
    topics = pipeline.fit_transform(documents).argmax(axis=1)
    assert (topics == np.tile([topics[0], topics[0], 1 - topics[0], 1 - topics[0]], 3)).all()


def test_weights_are_routed(X):
    weights = np.random.default_rng(3).uniform(0, 1, X.shape)
    with sklearn.config_context(enable_metadata_routing=True):
        nmf = BetaNMF(3, random_state=0, solver="mu").set_fit_request(weights=True)
        nmf.set_transform_request(weights=True).set_score_request(weights=True)
        pipeline = make_pipeline(nmf).fit(X, weights=weights)
        expected = BetaNMF(3, random_state=0, solver="mu").fit(X, weights=weights)
        np.testing.assert_allclose(pipeline[-1].components_, expected.components_)
        np.testing.assert_allclose(
            pipeline.transform(X, weights=weights), expected.transform(X, weights=weights)
        )
        scores = cross_val_score(nmf, X, params={"weights": weights}, cv=2)
        assert np.isfinite(scores).all()
