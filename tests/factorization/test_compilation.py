"""What compiles a new program and what does not: a search over parameters pays once."""

import jax
import jax.monitoring
import numpy as np
import pytest
import scipy.sparse as sp

from skbss import BetaNMF, MiniBatchBetaNMF

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)

# JAX reports every program that it compiles, those of single operations included. A listener
# stays for good, so there is one for all tests of this module.
_compiled = []


def _listen(event, _duration, **_):
    if "backend_compile" in event:
        _compiled.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


def programs_compiled(work):
    before = len(_compiled)
    work()
    count = len(_compiled) - before
    # A new function is a new program: the count is no zero for want of reports.
    jax.jit(lambda x: x + 1)(0)
    assert len(_compiled) > before + count
    return count


X = np.random.default_rng(0).gamma(0.5, size=(30, 20))

MODELS = {
    "mu": lambda **parameters: BetaNMF(3, solver="mu", beta_loss=1, **parameters),
    "auto": lambda **parameters: BetaNMF(3, solver="auto", beta_loss=1, **parameters),
    "cd": lambda **parameters: BetaNMF(3, solver="cd", **parameters),
    "batches": lambda **parameters: MiniBatchBetaNMF(3, batch_size=15, beta_loss=1, **parameters),
}
FIRST = {"init": "random", "random_state": 0, "alpha_W": 1e-3, "l1_ratio": 0.5, "max_iter": 20}
CHANGES = [
    {"tol": 1e-2},
    {"tol": 0},
    {"max_iter": 33},
    {"alpha_W": 3e-3},
    {"alpha_H": 2e-3},
    {"l1_ratio": 0.8},
    {"random_state": 5},
    {"verbose": 1},
]


def use(model, data=X):
    """All that a user asks of a model."""
    W = model.fit_transform(data)
    model.transform(data)
    model.inverse_transform(W)
    model.score(data)


@pytest.mark.parametrize("name", MODELS)
def test_settings_compile_nothing_new(name):
    make = MODELS[name]
    use(make(**FIRST))
    for change in CHANGES:
        assert programs_compiled(lambda change=change: use(make(**FIRST | change))) == 0, change


@pytest.mark.parametrize("name", ["mu", "auto", "cd"])
def test_more_starts_compile_nothing_new(name):
    make = MODELS[name]
    make(**FIRST).fit(X)
    assert programs_compiled(lambda: make(**FIRST, n_init=3).fit(X)) == 0


def test_an_l1_penalty_compiles_nothing_new():
    make, plain = MODELS["mu"], {**FIRST, "alpha_W": 0.0, "l1_ratio": 1.0}
    use(make(**plain))
    for change in ({"alpha_W": 1e-3}, {"alpha_H": 1e-3}):
        assert programs_compiled(lambda change=change: use(make(**plain | change))) == 0, change


def test_transform_of_a_fitted_model_compiles_nothing_for_new_settings():
    model = MODELS["batches"](**FIRST).fit(X)
    model.transform(X)
    for change in ({"transform_max_iter": 7}, {"tol": 1e-6}, {"alpha_W": 5e-3}):
        model.set_params(**change)
        assert programs_compiled(lambda: model.transform(X)) == 0, change


def test_a_few_more_entries_of_sparse_data_compile_nothing_new():
    # 33 to 64 stored entries share one program.
    rng = np.random.default_rng(1)

    def data(n_entries):
        chosen = np.zeros(X.size, bool)
        chosen[rng.choice(X.size, n_entries, replace=False)] = True
        return sp.csr_array(np.where(chosen.reshape(X.shape), X + 0.1, 0))

    # A column without entries is ordinary: its zeros are data.
    make = MODELS["mu"]
    make(**FIRST).fit(data(40))
    assert programs_compiled(lambda: make(**FIRST).fit(data(60))) == 0


@pytest.mark.parametrize("beta", [0.5, 1])
def test_one_program_transforms_any_large_number_of_rows(beta):
    rng = np.random.default_rng(2)
    model = BetaNMF(3, **FIRST | {"beta_loss": beta}).fit(rng.random((20, 260)))
    model.transform(rng.random((300, 260)))
    for n_rows in (257, 700, 1301, 2500):
        data = rng.random((n_rows, 260))
        assert programs_compiled(lambda data=data: model.transform(data)) == 0, n_rows
