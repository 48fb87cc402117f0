"""Scorers in scikit-learn's searches."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline

from skbss import ISTFT, STFT, BetaNMF, Separator, WienerMask
from skbss.metrics import make_separation_scorer, score_sources, si_sdr
from skbss.separation import IdealRatioMask

pytestmark = pytest.mark.usefixtures("few_programs")

RATE = 8000


def clips(lengths, seed=0):
    """Two tones that come and go, and their mixtures."""
    rng = np.random.default_rng(seed)
    y = []
    for length in lengths:
        time = np.arange(length) / RATE
        tones = np.sin(2 * np.pi * np.array([[440.0], [1500.0]]) * time)
        gates = rng.random((2, length // 500 + 1)).repeat(500, axis=1)[:, :length]
        y.append(tones * gates)
    return [one.sum(axis=0) for one in y], y


class Gain(TransformerMixin, BaseEstimator):
    """Knows the sources of its clips but for noise of a level that is to be tuned."""

    def __init__(self, noise=0.0, known=None, n_known_sources_=0):
        self.noise = noise
        self.known = known
        self.n_known_sources_ = n_known_sources_

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        rng = np.random.default_rng(0)
        found = [next(y for y in self.known if y.shape[1] == len(x)) for x in X]
        return [y + self.noise * rng.standard_normal(y.shape) for y in found]


def separator(**options):
    factorizer = BetaNMF(4, beta_loss="kullback-leibler", max_iter=40, tol=0, random_state=0)
    return Separator(factorizer, stft=STFT(512), random_state=0, **options)


def test_the_score_of_a_separator():
    X, y = clips([3000, 4000, 3000])
    fitted = separator().fit(X, y)
    scorer = make_separation_scorer()
    assert scorer(fitted, X, y) == fitted.score(X, y)
    blind = separator(n_sources=2).fit(X)
    assert scorer(blind, X, y) == blind.score(X, y)
    assert scorer(blind, X, [one[::-1] for one in y]) == pytest.approx(scorer(blind, X, y))


def test_the_mean_over_clips_and_sources():
    X, y = clips([3000, 4000])
    system = Gain(0.1, y)
    expected = np.mean([si_sdr(s, s_hat) for s, s_hat in zip(y, system.transform(X), strict=True)])
    assert make_separation_scorer("si_sdr")(system, X, y) == pytest.approx(expected)


def test_improvement():
    X, y = clips([3000, 4000])
    system = Gain(0.1, y)
    gained = make_separation_scorer("si_sdr", improvement=True)(system, X, y)
    before = np.mean([si_sdr(s, np.stack([x, x])) for x, s in zip(X, y, strict=True)])
    assert gained == pytest.approx(make_separation_scorer()(system, X, y) - before)
    named = make_separation_scorer("si_sdr_improvement")(system, X, y)
    assert named == pytest.approx(gained)


def test_what_is_better_when_lower_is_turned():
    X, y = clips([3000])
    system = Gain(0.1, y)
    expected = score_sources(y[0], system.transform(X)[0], "mse")["mse"].mean()
    assert make_separation_scorer("mse")(system, X, y) == pytest.approx(-expected)
    assert make_separation_scorer("mse", greater_is_better=True)(system, X, y) == pytest.approx(
        expected
    )

    def error(references, estimates):
        return np.abs(references - estimates).mean(axis=-1)

    assert make_separation_scorer(error)(system, X, y) > 0
    assert make_separation_scorer(error, greater_is_better=False)(system, X, y) < 0


def test_known_sources_keep_their_order():
    X, y = clips([3000])
    swapped = [one[::-1] for one in y]
    assert make_separation_scorer()(Gain(0.1, y), X, swapped) > 10
    assert make_separation_scorer()(Gain(0.1, y, n_known_sources_=2), X, swapped) < 0


def test_silent_sources_are_left_out():
    X, y = clips([3000])
    y[0][1] = 0
    noisy = Gain(0.1, y)
    expected = si_sdr(y[0][:1], noisy.transform(X)[0][:1])
    assert make_separation_scorer()(noisy, X, y) == pytest.approx(expected.mean())
    y[0][0] = 0
    assert np.isnan(make_separation_scorer()(noisy, X, y))


def test_infinities_of_both_signs_have_no_mean():
    y = [np.eye(2, 8) - np.eye(2, 8, 4)]

    class Half(Gain):
        def transform(self, X):
            estimates = self.known[0].copy()
            estimates[1] = np.arange(8) % 2 - 0.5
            return [estimates]

    scorer = make_separation_scorer()
    with pytest.warns(UserWarning, match="their mean is NaN"):
        assert np.isnan(scorer(Half(0, y, n_known_sources_=2), [y[0].sum(axis=0)], y))


def test_grid_search_in_two_processes_finds_the_best():
    X, y = clips([3000, 3100, 3200, 3300])
    search = GridSearchCV(
        Gain(known=y),
        {"noise": [1.0, 0.01, 0.1]},
        scoring=make_separation_scorer("si_sdr"),
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    assert search.best_params_ == {"noise": 0.01}
    assert search.best_estimator_.noise == 0.01


def test_grid_search_of_a_separator_with_several_metrics():
    X, y = clips([3000, 3000, 3000, 3000])
    search = GridSearchCV(
        separator(),
        {"factorizer__n_components": [1, 3]},
        scoring=make_separation_scorer(["si_sdr", "snr"], improvement=True),
        refit="si_sdr",
        cv=2,
    ).fit(np.stack(X), np.stack(y))
    best = search.best_index_
    assert search.cv_results_["mean_test_si_sdr"][best] == search.best_score_
    assert search.best_score_ == search.cv_results_["mean_test_si_sdr"].max() > 5
    assert np.isfinite(search.cv_results_["mean_test_snr"]).all()


def test_cross_validation_of_a_pipeline():
    X, y = clips([4096] * 4)
    stft = {"n_fft": 512, "hop_length": 128}
    pipeline = make_pipeline(
        STFT(**stft),
        WienerMask(BetaNMF(2, max_iter=40, tol=0, random_state=0)),
        ISTFT(length=4096, **stft),
    )
    scoring = {"plain": make_separation_scorer(), "snr": make_separation_scorer("snr")}
    scores = cross_validate(pipeline, np.stack(X), np.stack(y), scoring=scoring, cv=2)
    assert (scores["test_plain"] > 10).all()
    assert np.isfinite(scores["test_snr"]).all()


def test_oracles_are_given_the_sources():
    X, y = clips([3000, 4000])
    bound = make_separation_scorer()(IdealRatioMask(stft=STFT(512)).fit(X, y), X, y)
    assert bound > make_separation_scorer()(separator().fit(X, y), X, y)


def test_one_clip_without_an_axis_of_clips():
    X, y = clips([3000])
    fitted = separator().fit(X[0], y[0])
    assert make_separation_scorer()(fitted, X[0], y[0]) == pytest.approx(fitted.score(X[0], y[0]))


def test_it_travels_to_other_processes():
    scorer = pickle.loads(pickle.dumps(make_separation_scorer(["sdr", si_sdr])))
    assert repr(scorer).startswith("make_separation_scorer(['sdr', <function si_sdr")


def test_what_transform_must_give():
    X, y = clips([3000, 3000])

    class Short(Gain):
        def transform(self, X):
            return [one[:, :-1] for one in self.known]

    class Few(Gain):
        def transform(self, X):
            return self.known[:1]

    with pytest.raises(ValueError, match=r"end the pipeline in ISTFT\(length=...\)"):
        make_separation_scorer()(Short(known=y), X, y)
    with pytest.raises(ValueError, match="transform gave 1 results for 2 mixtures"):
        make_separation_scorer()(Few(known=y), X, y)
    with pytest.raises(ValueError, match="2 estimates for 3 references"):
        make_separation_scorer()(Gain(known=y), X, [np.vstack([one, one[:1]]) for one in y])


def test_wrong_parameters():
    with pytest.raises(ValueError, match="There is no metric 'sisdr'"):
        make_separation_scorer("sisdr")
    with pytest.raises(TypeError, match="greater_is_better must be True, False or None, got 'no'"):
        make_separation_scorer(greater_is_better="no")


@pytest.mark.parametrize("around", ["search", "search of a pipeline", "pipeline of a search"])
def test_the_order_is_known_within_searches_and_pipelines(around):
    X, y = clips([3000, 3100, 3200, 3300])
    known = Gain(0.1, y, n_known_sources_=2)
    step, parameter = (
        ("gain__noise", [0.1]) if around == "search of a pipeline" else ("noise", [0.1])
    )
    inner = Pipeline([("gain", known)]) if around == "search of a pipeline" else known
    system = GridSearchCV(inner, {step: parameter}, scoring=make_separation_scorer(), cv=2)
    if around == "pipeline of a search":
        system = make_pipeline("passthrough", system)
    system.fit(X, y)
    swapped = [one[::-1] for one in y]
    assert make_separation_scorer()(system, X, y) > 10
    assert make_separation_scorer()(system, X, swapped) < 0


@pytest.mark.parametrize("around", ["search", "search of a pipeline", "pipeline of a search"])
def test_oracles_are_given_the_sources_within_searches_and_pipelines(around):
    X, y = clips([3000, 3000, 3000, 3000])
    X, y = np.stack(X), np.stack(y)
    bound = IdealRatioMask(stft=STFT(512))
    grid = {"exponent": [2.0]}
    if around == "search of a pipeline":
        bound, grid = make_pipeline("passthrough", bound), {"idealratiomask__exponent": [2.0]}
    system = GridSearchCV(bound, grid, scoring=make_separation_scorer(), cv=2)
    if around == "pipeline of a search":
        system = make_pipeline("passthrough", system)
    system.fit(X, y)
    expected = IdealRatioMask(stft=STFT(512)).fit(X, y).score(X, y)
    assert make_separation_scorer()(system, X, y) == pytest.approx(expected)


def test_warnings_point_to_the_call():
    X, y = clips([3000, 4000])
    still = Gain(known=[np.zeros_like(one) for one in y])
    for options in ({}, {"improvement": True}):
        with pytest.warns(UserWarning, match="2 estimate.*silent") as caught:
            assert np.isnan(make_separation_scorer(**options)(still, X, y))
        assert {warning.filename for warning in caught} == {__file__}
