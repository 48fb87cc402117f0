"""TransformLearningNMF: the basis that it finds, its limits, levels, silence, what is refused."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skbss import BetaNMF, TransformLearningNMF

# One shape, for which programs are compiled once.
N_FRAMES, SIZE, K = 64, 8, 3


def planted(n_frames=N_FRAMES, seed=0, sparsity=0.15):
    """Frames whose coefficients in a basis are normal, of powers that have a factorization."""
    rng = np.random.default_rng(seed)
    H = rng.gamma(sparsity, size=(K, SIZE)) + 1e-4
    W = rng.gamma(0.3, size=(n_frames, K)) + 1e-3
    basis = ortho_group.rvs(SIZE, random_state=seed)
    return (rng.standard_normal((n_frames, SIZE)) * np.sqrt(W @ H)) @ basis, basis


def model(**parameters):
    return TransformLearningNMF(
        **{"n_components": K, "tol": 0, "max_iter": 20, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def frames():
    return planted()[0]


@pytest.fixture(scope="module")
def fitted(frames):
    return model().fit(frames)


def powers(model, X):
    level = (X**2).mean(axis=1, keepdims=True)
    return model.coefficients(X) ** 2 + model.power_floor * level


@pytest.mark.parametrize("objective", ["divergence", "likelihood"])
@pytest.mark.parametrize("n_iter", [1, 7])
def test_with_its_basis_held_it_is_a_factorization_of_squares(frames, objective, n_iter):
    rng = np.random.default_rng(1)
    level = (frames**2).mean(axis=1, keepdims=True)
    W, H = rng.gamma(1, size=(N_FRAMES, K)) * level, rng.gamma(1, size=(K, SIZE))
    held = model(objective=objective, init="custom", learn_basis=False, max_iter=n_iter)
    held.fit(frames, W=W, H=H)
    np.testing.assert_allclose(held.coefficients(frames), dct(frames, norm="ortho"), atol=1e-13)
    V = powers(held, frames)
    nmf = BetaNMF(K, init="custom", solver="mu", beta_loss=0, tol=0, max_iter=n_iter)
    W = nmf.fit_transform(V, W=W, H=H)
    H = nmf.components_
    np.testing.assert_allclose(held.components_, H / H.sum(axis=1, keepdims=True), rtol=1e-8)
    ratio = V / (W @ H)
    loss = (ratio - np.log(ratio) - 1).mean()
    if objective == "likelihood":
        loss += 1 + np.log(V / level).mean()
    np.testing.assert_allclose(held.loss_curve_[-1], loss, rtol=1e-8)


def test_a_turn_follows_every_sweep(frames):
    one = model(max_iter=1).fit(frames)
    held = model(max_iter=1, learn_basis=False).fit(frames)
    np.testing.assert_allclose(one.components_, held.components_, rtol=1e-12)
    assert one.loss_curve_[-1] < held.loss_curve_[-1]
    assert one.loss_curve_[0] == held.loss_curve_[0]


@given(
    seed=st.integers(0, 2**16),
    objective=st.sampled_from(["divergence", "likelihood"]),
    start=st.sampled_from(["dct", "random"]),
    exponent=st.integers(-200, 200),
    n_silent=st.integers(0, 3),
)
@hypothesis_settings(max_examples=30)
def test_objective_never_rises_and_basis_is_orthogonal(seed, objective, start, exponent, n_silent):
    X = planted(seed=seed)[0] * 2.0**exponent
    X[:n_silent] = 0
    found = model(objective=objective, init_basis=start, max_iter=40, random_state=seed).fit(X)
    losses = found.loss_curve_
    assert len(losses) == 5
    assert np.isfinite(losses).all()
    assert (np.diff(losses) <= 1e-10 * (1 + abs(losses[0]))).all()
    np.testing.assert_allclose(found.basis_ @ found.basis_.T, np.eye(SIZE), atol=1e-12)
    np.testing.assert_allclose(found.components_.sum(axis=1), 1, rtol=1e-12)
    assert (found.components_ >= 0).all()


@given(exponent=st.integers(-200, 200), sign=st.sampled_from([-1, 1]))
@hypothesis_settings(max_examples=5)
def test_level_and_sign_of_all_change_activations_alone(fitted, frames, exponent, sign):
    gain = sign * 2.0**exponent
    louder = model().fit(gain * frames)
    np.testing.assert_array_equal(louder.basis_, fitted.basis_)
    np.testing.assert_array_equal(louder.components_, fitted.components_)
    np.testing.assert_array_equal(louder.loss_curve_, fitted.loss_curve_)
    W = fitted.transform(frames)
    np.testing.assert_allclose(louder.transform(gain * frames), W * gain**2, rtol=1e-12)
    parts = fitted.predict(frames)
    np.testing.assert_allclose(louder.predict(gain * frames), parts * gain, rtol=1e-12)


def test_level_of_a_single_frame_changes_its_activations_alone(fitted, frames):
    gains = np.random.default_rng(2).integers(-4, 5, size=(N_FRAMES, 1))
    found = model(top_db=200).fit(frames * 2.0**gains)
    np.testing.assert_array_equal(found.basis_, fitted.basis_)
    assert found.score(frames) == fitted.score(frames)


def test_faint_frames_are_not_learned_from_but_explained(fitted, frames):
    noise = np.random.default_rng(3).standard_normal((20, SIZE)) * 1e-5
    X = np.concatenate([np.zeros((3, SIZE)), frames, noise])
    loudest = abs(frames).max()
    quiet = (frames**2).mean(axis=1) < 1e-6 * (frames**2).mean(axis=1).max()
    assert not quiet.any()
    assert abs(noise).max() < 1e-3 * loudest
    found = model().fit(X)
    np.testing.assert_array_equal(found.basis_, fitted.basis_)
    np.testing.assert_array_equal(found.components_, fitted.components_)
    W, parts = found.transform(X), found.predict(X)
    assert (W[:3] == 0).all()
    assert (parts[:3] == 0).all()
    assert (W[-20:].sum(axis=1) > 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), X, rtol=0, atol=1e-12 * loudest)
    assert np.abs(model(top_db=200).fit(X).basis_ - found.basis_).max() > 1e-3


def test_loudness_is_that_of_the_recording(fitted, frames):
    faint = 2.0**-30
    X = np.concatenate([frames[:40], frames[40:] * faint])
    together = model().fit(X, lengths=[40, N_FRAMES - 40])
    np.testing.assert_array_equal(together.basis_, fitted.basis_)
    alone, cut = model().fit(X), model().fit(frames[:40])
    np.testing.assert_array_equal(alone.basis_, cut.basis_)
    halves = frames.reshape(2, N_FRAMES // 2, SIZE)
    several = model().fit(halves)
    np.testing.assert_array_equal(several.basis_, fitted.basis_)
    assert several.transform(halves).shape == (2, N_FRAMES // 2, K)
    assert several.predict(halves).shape == (2, N_FRAMES // 2, K, SIZE)
    assert several.coefficients(halves).shape == halves.shape


@pytest.mark.parametrize("seed", [4, 5])
def test_planted_basis_is_found_by_the_likelihood(seed):
    X, basis = planted(400, seed)

    def loss(**parameters):
        few = model(objective="likelihood", max_iter=200, **parameters)
        return few.fit(X).loss_curve_[-1]

    held, truth = loss(learn_basis=False), loss(learn_basis=False, init_basis=basis)
    assert truth < held - 0.5
    # Nine tenths of the way, from the best of three starts.
    assert min(loss(random_state=start) for start in range(3)) < truth + 0.1 * (held - truth)


def test_planted_basis_leaves_a_lower_divergence_than_the_cosines(frames):
    held = model(learn_basis=False).fit(frames)
    assert model().fit(frames).loss_curve_[-1] < 0.9 * held.loss_curve_[-1]


def test_activations_are_energies_and_parts_add_up(fitted, frames):
    other = planted(seed=5)[0]
    W, parts, C = fitted.transform(other), fitted.predict(other), fitted.coefficients(other)
    np.testing.assert_allclose(C, other @ fitted.basis_.T, atol=1e-12)
    np.testing.assert_allclose(parts.sum(axis=1), other, atol=1e-12)
    V = W @ fitted.components_
    share = W[:, :, None] * fitted.components_ / V[:, None]
    np.testing.assert_allclose(parts, (share * C[:, None]) @ fitted.basis_, atol=1e-12)
    ratio = powers(fitted, other) / V
    np.testing.assert_allclose(-fitted.score(other), (ratio - np.log(ratio) - 1).mean(), rtol=1e-9)
    np.testing.assert_array_equal(fitted.transform(other[:5]), W[:5])
    np.testing.assert_array_equal(model().fit_transform(frames), fitted.transform(frames))


def test_zeros_given_at_first_leave_components_to_their_source(frames):
    own = np.zeros((N_FRAMES, K))
    own[:32, 0], own[32:, 1:] = 1, 1
    found = model(init="custom", max_iter=5).fit(frames, W=own)
    # The first frames alone decide about the first component.
    other = np.concatenate([frames[:32], frames[32:][::-1]])
    again = model(init="custom", max_iter=5, learn_basis=False).fit(frames, W=own)
    swapped = model(init="custom", max_iter=5, learn_basis=False).fit(other, W=own)
    np.testing.assert_allclose(swapped.components_[0], again.components_[0], rtol=1e-9)
    assert found.loss_curve_[-1] < again.loss_curve_[-1]


def test_one_seed_one_result(frames):
    usual = {"init_basis": "random", "random_state": 3}
    first, second = model(**usual).fit(frames), model(**usual).fit(frames)
    np.testing.assert_array_equal(first.basis_, second.basis_)
    assert (
        abs(model(init_basis="random", random_state=4).fit(frames).basis_ - first.basis_).max()
        > 0.1
    )
    copied = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(copied.predict(frames), first.predict(frames))
    assert clone(first).get_params() == first.get_params()


def test_a_fit_can_go_on_from_the_basis_of_another(fitted, frames):
    on = model(init_basis=fitted.basis_.astype(np.float32), learn_basis=False).fit(frames)
    np.testing.assert_allclose(on.basis_, fitted.basis_, atol=1e-6)
    np.testing.assert_allclose(on.basis_ @ on.basis_.T, np.eye(SIZE), atol=1e-14)


@pytest.mark.parametrize("on_device", [False, True])
def test_single_precision_is_learned_in_double(frames, on_device):
    X = (jnp if on_device else np).asarray(frames, np.float32)
    found, double = model().fit(X), model().fit(np.asarray(X, np.float64))
    parts, W = found.predict(X), found.transform(X)
    for one in (found.basis_, found.components_, W, parts, found.coefficients(X)):
        assert isinstance(one, jax.Array) == on_device
        assert one.dtype == np.float32
    np.testing.assert_allclose(found.loss_curve_[0], double.loss_curve_[0], rtol=1e-9)
    if not on_device:
        np.testing.assert_allclose(found.basis_, double.basis_, atol=1e-7)
    basis = np.asarray(found.basis_, np.float64)
    np.testing.assert_allclose(basis @ basis.T, np.eye(SIZE), atol=1e-6)
    np.testing.assert_allclose(np.asarray(parts).sum(axis=1), X, atol=1e-5)


def test_levels_whose_squares_are_no_numbers_are_separated(fitted, frames):
    for gain in (2.0**-60, 2.0**80):
        X = np.asarray(frames * gain, np.float32)
        W, parts = fitted.transform(X), fitted.predict(X)
        # Between them lie all squares of single precision.
        assert ((W == 0) if gain < 1 else np.isinf(W)).any()
        assert not np.isnan(W).any()
        expected = fitted.predict(np.asarray(frames, np.float32))
        np.testing.assert_array_equal(parts, expected * np.float32(gain))


def test_end_is_told_by_the_fall_for_a_coefficient(frames):
    found = model(tol=1e-2, max_iter=1000).fit(frames)
    falls = -np.diff(found.loss_curve_)
    assert found.n_iter_ == 10 * len(falls)
    assert falls[-1] < 1e-2
    assert (falls[:-1] >= 1e-2).all()
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 20 reached"):
        model(tol=1e-9).fit(frames)


def test_what_can_not_be_learned_is_refused(frames):
    with pytest.raises(ValueError, match="silent in all frames: there is nothing to learn"):
        model().fit(np.zeros_like(frames))
    with pytest.raises(ValueError, match=r"init_basis must be of shape \(8, 8\).*got .*\(7, 7\)"):
        model(init_basis=np.eye(7)).fit(frames)
    with pytest.raises(ValueError, match=r"init_basis must be orthogonal.*up to 3"):
        model(init_basis=2 * np.eye(SIZE)).fit(frames)
    with pytest.raises(ValueError, match=r"objective.*'frobenius'"):
        model(objective="frobenius").fit(frames)
    with pytest.raises(ValueError, match="power_floor"):
        model(power_floor=0).fit(frames)
    with pytest.raises(ValueError, match="X is a list of recordings"):
        model().fit([frames, frames])
    with pytest.raises(ValueError, match="lengths must be positive and sum to the 64 rows"):
        model().fit(frames, lengths=[3])
    with pytest.raises(ValueError, match="init='custom' needs W, H or both"):
        model(init="custom").fit(frames)
    with pytest.raises(ValueError, match="contains NaN"):
        model().fit(np.where(frames > 1, np.nan, frames))
    with pytest.raises(NotFittedError):
        model().transform(frames)


def test_silence_is_not_scored(fitted):
    with pytest.raises(ValueError, match="silent in all frames: there is nothing to score"):
        fitted.score(np.zeros((2, SIZE)))
