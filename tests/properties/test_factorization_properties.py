"""What holds of every factorization, whatever the data."""

import warnings

import hypothesis.extra.numpy as hnp
import jax
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, MiniBatchBetaNMF

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(autouse=True, scope="module")
def strict_promotion():
    """No kernel mixes precisions or ranks by accident: an operation on two is an error."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


SHAPE = (6, 9)
BETAS = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
# One drawn value is huge, tiny, zero or ordinary; exact zeros are drawn on purpose.
VALUES = st.one_of(st.just(0.0), st.floats(0, 10), st.floats(1e-12, 1e-6), st.floats(1e3, 1e6))
MATRICES = hnp.arrays(np.float64, SHAPE, elements=VALUES)
ORDINARY = hnp.arrays(np.float64, SHAPE, elements=st.floats(0.01, 10))
SEEDS = st.integers(0, 2**16)


def solvers(beta):
    return ["mu", "auto", "cd"] if beta == 2 else ["mu", "auto"]


@st.composite
def models(draw, **parameters):
    beta = draw(st.sampled_from(BETAS))
    solver = draw(st.sampled_from(solvers(beta)))
    drawn = {"n_components": 3, "init": "random", "beta_loss": beta, "solver": solver}
    return drawn | {"random_state": draw(SEEDS), "max_iter": 40, "tol": 0} | parameters


@settings(deadline=None, max_examples=50)
@given(
    X=MATRICES,
    parameters=models(),
    alpha=st.sampled_from([0.0, 1e-3, 1.0]),
    l1_ratio=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_loss_never_rises(X, parameters, alpha, l1_ratio):
    model = BetaNMF(**parameters, alpha_W=alpha, l1_ratio=l1_ratio).fit(X)
    losses = model.loss_curve_
    assert np.isfinite(losses).all()
    # Kernels round at the level of the largest term of the sum.
    rounding = 1e-9 * np.abs(losses[0])
    assert (np.diff(losses) <= rounding).all()
    # What is recorded is the objective of what is returned, also where a step was taken back.
    if alpha == 0 and model.n_iter_ % 10 == 0 and X.any():
        assert abs(losses[-1] - model.reconstruction_err_**2 / 2) <= rounding


def objective(X, W, H, beta, alpha, l1_ratio):
    Y = W @ H
    if beta == 1:
        divergence = (X * np.log(X / Y) - X + Y).sum()
    elif beta == 0:
        divergence = (X / Y - np.log(X / Y) - 1).sum()
    else:
        terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
        divergence = terms.sum() / (beta * (beta - 1))
    l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
    on_W = SHAPE[1] * (l1 * W + l2 * W**2 / 2).sum()
    return divergence + on_W + SHAPE[0] * (l1 * H + l2 * H**2 / 2).sum()


@settings(deadline=None, max_examples=30)
@given(
    X=ORDINARY,
    beta=st.sampled_from(BETAS),
    alpha=st.sampled_from([1e-3, 1.0, 1e4]),
    l1_ratio=st.sampled_from([0.0, 1.0]),
    seed=SEEDS,
)
def test_no_sweep_raises_the_objective(X, beta, alpha, l1_ratio, seed):
    rng = np.random.default_rng(seed)
    W, H = rng.uniform(0.1, 1, (SHAPE[0], 3)), rng.uniform(0.1, 1, (3, SHAPE[1]))
    parameters = {"init": "custom", "solver": "mu", "beta_loss": beta, "tol": 0, "alpha_W": alpha}
    losses = [objective(X, W, H, beta, alpha, l1_ratio)]
    for _ in range(4):
        model = BetaNMF(3, l1_ratio=l1_ratio, max_iter=1, **parameters)
        W = np.maximum(model.fit_transform(X, W=W, H=H), 1e-150)
        H = np.maximum(model.components_, 1e-150)
        losses.append(objective(X, W, H, beta, alpha, l1_ratio))
    assert (np.diff(losses) <= 1e-9 * np.abs(losses[0])).all()


@settings(deadline=None, max_examples=30)
@given(X=MATRICES, parameters=models(), dtype=st.sampled_from([np.float32, np.float64]))
def test_factors_are_finite_and_non_negative(X, parameters, dtype):
    model = BetaNMF(**parameters)
    W = model.fit_transform(X.astype(dtype))
    for factor in (W, model.components_):
        assert factor.dtype == dtype
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()
    assert np.isfinite(model.reconstruction_err_)


@settings(deadline=None, max_examples=40)
@given(X=ORDINARY, parameters=models(), scale=st.sampled_from([1e-150, 1e-9, 0.3, 7e3, 1e150]))
def test_scaling_the_data_scales_the_model(X, parameters, scale):
    X[2] = 0
    first, second = BetaNMF(**parameters), BetaNMF(**parameters)
    model = first.inverse_transform(first.fit_transform(X))
    scaled = second.inverse_transform(second.fit_transform(scale * X))
    np.testing.assert_allclose(scaled / scale, model, rtol=1e-6, atol=1e-7 * X.mean())


@settings(deadline=None, max_examples=30)
@given(X=MATRICES, parameters=models(), kind=st.sampled_from([sp.csr_array, sp.csc_matrix]))
def test_sparse_equals_dense(X, parameters, kind):
    if parameters["beta_loss"] < 0:
        # Zeros make a divergence so large that rounding decides whether momentum goes on.
        parameters = {**parameters, "solver": "mu"}
    dense, sparse = BetaNMF(**parameters), BetaNMF(**parameters)
    expected = dense.inverse_transform(dense.fit_transform(X))
    ours = sparse.inverse_transform(sparse.fit_transform(kind(X)))
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6 * X.mean())
    # Where the model fits, the divergence is what rounding leaves of its largest terms; the error
    # is a square root of that, with half of the digits.
    beta = parameters["beta_loss"]
    with np.errstate(over="ignore"):
        largest = min((X[X > 0] ** beta).max(initial=1), 1e300)
    np.testing.assert_allclose(
        sparse.reconstruction_err_**2,
        dense.reconstruction_err_**2,
        rtol=1e-6,
        atol=X.size * 20 * np.finfo(float).eps * largest,
    )


@settings(deadline=None, max_examples=30)
@given(
    X=ORDINARY,
    parameters=models(),
    hidden=hnp.arrays(bool, SHAPE),
    other=ORDINARY,
    way=st.sampled_from(["weights", "weights and NaN", "stored NaN"]),
)
def test_missing_entries_have_no_influence(X, parameters, hidden, other, way):
    if parameters["solver"] == "cd":
        parameters |= {"solver": "mu"}
    hidden[0], hidden[:, 0] = False, False  # every row and column is seen somewhere
    missing = np.where(hidden, np.nan, X)
    first, second = BetaNMF(**parameters), BetaNMF(**parameters)
    expected = first.fit_transform(missing)
    if way == "stored NaN":
        ours = second.fit_transform(sp.csr_array(missing))
        # Sums go over blocks of entries, in another order.
        rtol = 1e-6
    else:
        # Another number below a weight of zero, or none.
        below = np.where(hidden, other if way == "weights" else np.nan, X)
        ours = second.fit_transform(below, weights=~hidden)
        rtol = 1e-9
    np.testing.assert_allclose(
        second.inverse_transform(ours), first.inverse_transform(expected), rtol=rtol, atol=1e-12
    )
    assert second.reconstruction_err_ == pytest.approx(first.reconstruction_err_, rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    X=MATRICES,
    parameters=models(),
    order=st.permutations(range(SHAPE[0])),
    half=st.booleans(),
    hidden=st.none() | hnp.arrays(bool, SHAPE),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_rows_of_transform_are_independent(X, parameters, order, half, hidden, dtype):
    X = X.astype(dtype)
    single = dtype == np.float32
    # A last digit can decide when a row stops: in single precision all go the whole way.
    model = BetaNMF(**parameters | {"tol": 0 if single else 1e-4})
    if hidden is not None:
        if model.solver == "cd":
            model.set_params(solver="auto")
        hidden[:, 0] = False  # every row is seen somewhere
    model.fit(X)
    given = X if hidden is None else np.where(hidden, dtype(np.nan), X)
    rows = np.array(order)[: SHAPE[0] // 2 if half else None]
    expected = model.transform(given)[rows]
    ours = model.transform(given[rows])
    assert ours.dtype == dtype
    rtol, atol = (1e-4, 1e-6) if single else (1e-9, 1e-12)
    np.testing.assert_allclose(ours, expected, rtol=rtol, atol=atol)


@settings(deadline=None, max_examples=25)
@given(X=MATRICES, parameters=models(tol=1e-4))
def test_fit_transform_is_fit_then_transform(X, parameters):
    expected = BetaNMF(**parameters).fit(X).transform(X)
    np.testing.assert_array_equal(BetaNMF(**parameters).fit_transform(X), expected)


@settings(deadline=None, max_examples=12)
@given(
    X=ORDINARY, parameters=models(), repeats=hnp.arrays(int, SHAPE[0], elements=st.integers(1, 3))
)
def test_weighting_a_row_is_repeating_it(X, parameters, repeats):
    if parameters["beta_loss"] == 2:
        parameters |= {"solver": "mu"}
    rng = np.random.default_rng(parameters["random_state"])
    W, H = rng.uniform(0.1, 1, (SHAPE[0], 3)), rng.uniform(0.1, 1, (3, SHAPE[1]))
    parameters |= {"init": "custom"}
    weighted = BetaNMF(**parameters).fit(X, W=W, H=H, weights=repeats[:, None])
    rows = np.repeat(np.arange(SHAPE[0]), repeats)
    repeated = BetaNMF(**parameters).fit(X[rows], W=W[rows], H=H)
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-6, atol=1e-9)


@settings(deadline=None, max_examples=25)
@given(X=MATRICES, beta=st.sampled_from(BETAS), seed=SEEDS, scale=st.sampled_from([1e-8, 40.0]))
def test_minibatches_are_finite_and_scale_with_the_data(X, beta, seed, scale):
    parameters = {"n_components": 3, "init": "random", "batch_size": 4, "max_iter": 5}
    parameters |= {"beta_loss": beta, "random_state": seed}
    first, second = MiniBatchBetaNMF(**parameters), MiniBatchBetaNMF(**parameters)
    model = first.inverse_transform(first.fit_transform(X))
    scaled = second.inverse_transform(second.fit_transform(scale * X))
    assert np.isfinite(model).all()
    np.testing.assert_allclose(scaled / scale, model, rtol=1e-5, atol=1e-6 * X.mean())


@settings(deadline=None, max_examples=25)
@given(X=MATRICES, beta=st.sampled_from(BETAS), seed=SEEDS)
def test_one_seed_one_result(X, beta, seed):
    parameters = {"n_components": 3, "init": "random", "beta_loss": beta, "random_state": seed}
    first = BetaNMF(**parameters, max_iter=30).fit(X).components_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        BetaNMF(4, max_iter=10, random_state=seed + 1).fit(X)
    np.testing.assert_array_equal(BetaNMF(**parameters, max_iter=30).fit(X).components_, first)
