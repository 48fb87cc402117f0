"""scikit-learn's callbacks: told of every iteration, heard when they ask to stop."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skbss import VAENMF, BetaNMF, DeepUnfoldedNMF, GrowingNMF, MiniBatchBetaNMF

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{message}:sklearn.exceptions.ConvergenceWarning")
    for message in ("Maximum number of iterations", "None of .* epochs")
]


@pytest.fixture
def X():
    return np.random.default_rng(0).random((30, 12))


class Recorder:
    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.begun, self.fitted = [], []

    def setup(self, estimator, context):
        self.state = "set up"

    def teardown(self, estimator, context):
        self.state = "torn down"

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "iteration":
            self.fitted.append(fitted_estimator)
        return context.task_name == "iteration" and context.task_id == self.stop_at


@pytest.mark.parametrize("beta", [1, 2])
def test_every_iteration_is_told(X, beta):
    recorder = Recorder()
    model = BetaNMF(3, beta_loss=beta, init="random", random_state=0, max_iter=13, tol=0)
    watched = BetaNMF(**model.get_params()).set_callbacks(recorder).fit(X)
    assert recorder.begun == [("fit", 0), *(("iteration", i) for i in range(13))]
    assert recorder.state == "torn down"
    # Who looks on changes nothing.
    np.testing.assert_array_equal(watched.components_, model.fit(X).components_)
    np.testing.assert_array_equal(recorder.fitted[-1].components_, watched.components_)
    scores = [fitted.score(X) for fitted in recorder.fitted]
    assert scores[0] < scores[-1]


@pytest.mark.parametrize("beta", [1, 2])
def test_a_callback_stops_the_fit(X, beta):
    model = BetaNMF(3, beta_loss=beta, init="random", random_state=0, max_iter=50, tol=0)
    model.set_callbacks(Recorder(stop_at=6)).fit(X)
    assert model.n_iter_ == 7
    short = BetaNMF(3, beta_loss=beta, init="random", random_state=0, max_iter=7, tol=0).fit(X)
    np.testing.assert_allclose(model.components_, short.components_, rtol=1e-9)


def test_a_callback_is_told_of_every_start_and_stops_them_all(X):
    starts = {"init": "random", "n_init": 3, "random_state": 0, "max_iter": 5, "tol": 0}
    recorder = Recorder()
    BetaNMF(3, **starts).set_callbacks(recorder).fit(X)
    assert recorder.begun == [("fit", 0), *(("iteration", i) for i in range(15))]
    recorder = Recorder(stop_at=6)
    BetaNMF(3, **starts).set_callbacks(recorder).fit(X)
    assert recorder.begun == [("fit", 0), *(("iteration", i) for i in range(7))]


def test_a_callback_is_told_of_every_size_and_stops_growth(X):
    grows = {"min_explained": 1.0, "max_iter": 5, "tol": 0}
    recorder = Recorder(stop_at=11)
    model = GrowingNMF(6, **grows).set_callbacks(recorder)
    model.fit(X)
    assert recorder.begun == [("fit", 0), *(("iteration", i) for i in range(12))]
    assert model.stop_reason_ == "callback"
    np.testing.assert_array_equal(model.growth_.n_iter, [5, 5, 2])
    np.testing.assert_array_equal(recorder.fitted[-1].components_, model.components_)


def test_a_callback_stops_a_fit_by_batches(X):
    recorder = Recorder(stop_at=4)
    model = MiniBatchBetaNMF(3, batch_size=10, random_state=0, tol=0, max_no_improvement=None)
    model.set_callbacks(recorder).fit(X)
    assert model.n_steps_ == 5


def test_scoring_monitor(X):
    monitor = callback.ScoringMonitor(
        scoring={"fit": lambda estimator, X, y: estimator.score(X, y)}
    )
    X[3, 4] = np.nan
    model = BetaNMF(3, beta_loss=1, random_state=0, max_iter=12, tol=0)
    model.set_callbacks(monitor).fit(X)
    scores = [row["fit"] for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert len(scores) == 12
    assert scores[-1] == pytest.approx(model.score(X))
    assert scores[0] < scores[-1]


def test_progress_bar_in_a_pipeline(X, capsys):
    pipeline = make_pipeline(BetaNMF(3, random_state=0, max_iter=12, tol=0))
    pipeline.set_callbacks(callback.ProgressBar()).fit(X)
    assert "BetaNMF" in capsys.readouterr().out


def trained_models():
    settings = {"n_epochs": 4, "batch_size": 10, "random_state": 0}
    return [
        (DeepUnfoldedNMF(2, n_layers=2, **settings), True),
        (VAENMF(2, n_hidden=4, n_latent=2, **settings), False),
    ]


@pytest.mark.parametrize(("model", "has_sources"), trained_models())
def test_every_epoch_of_a_training_is_told(X, model, has_sources):
    data = (X, np.stack([X / 2, X / 2], axis=1)) if has_sources else (X,)
    recorder = Recorder()
    watched = clone(model).set_callbacks(recorder).fit(*data)
    assert recorder.begun == [("fit", 0), *(("iteration", i) for i in range(4))]
    assert recorder.state == "torn down"
    unwatched = clone(model).fit(*data)
    for name, one in unwatched.weights_.items():
        np.testing.assert_array_equal(watched.weights_[name], one)
    for n, fitted in enumerate(recorder.fitted, 1):
        assert fitted.n_iter_ == len(fitted.loss_curve_) == n
        assert np.isfinite(fitted.score(*data))
    stopped = clone(model).set_callbacks(Recorder(stop_at=1)).fit(*data)
    assert stopped.n_iter_ == 2
