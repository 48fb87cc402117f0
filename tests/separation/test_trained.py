"""Separator with a factorizer that is trained with mixtures and their sources."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.model_selection import cross_val_score

from skbss import (
    STFT,
    VAENMF,
    BetaNMF,
    DeepUnfoldedNMF,
    Separator,
    TransformLearningNMF,
    WienerMask,
)
from skbss._kernels.gradient_step import gradient_step
from skbss.separation._clip import mixture_and_sources
from skbss.separation._parts import resolve_front_end
from skbss.separation._transposition import transposed

pytestmark = [
    pytest.mark.usefixtures("few_programs"),
    pytest.mark.filterwarnings("ignore:None of .* epochs:sklearn.exceptions.ConvergenceWarning"),
]


def separator(**parameters):
    network = {"n_components": 4, "n_layers": 3, "n_epochs": 5, "batch_size": 64}
    network |= {"remix_db": None, "n_untied": None, "unfolding": "mu", "validation_fraction": 0.1}
    network |= {"checkpoint": None}
    network |= {name: parameters.pop(name) for name in list(parameters) if name in network}
    settings = {"stft": STFT(256), "random_state": 0, **parameters}
    return Separator(DeepUnfoldedNMF(**network), **settings)


@pytest.fixture(scope="module")
def mixtures(sources):
    return sources.sum(axis=1)


def test_training_helps_with_clips_that_were_not_heard(mixtures, sources):
    scores = [
        separator(n_components=2, n_epochs=n_epochs)
        .fit(mixtures[:4], sources[:4])
        .score(mixtures[4:], sources[4:])
        for n_epochs in (0, 15)
    ]
    assert scores[1] > scores[0] + 0.5


def test_estimates_add_up_to_the_mixture(mixtures, sources):
    fitted = separator().fit(mixtures[:3], sources[:3])
    estimates = fitted.transform(mixtures[3:])
    assert estimates.shape == sources[3:].shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[3:], atol=1e-12)
    np.testing.assert_array_equal(fitted.atom_source_, np.repeat([0, 1, 2], 4))
    assert fitted.n_known_sources_ == fitted.n_sources_ == 3
    silence = fitted.transform(np.zeros(4000))
    np.testing.assert_array_equal(silence, 0)


def test_the_network_gets_spectra_of_one_level(mixtures, sources):
    framing = resolve_front_end(STFT(256))
    X, X_sources = mixture_and_sources(mixtures[0], sources[0], framing)
    assert X_sources.shape == (len(X), 3, 129)
    np.testing.assert_allclose(X_sources.sum(axis=1), X, atol=1e-12)
    louder = mixture_and_sources(10 * mixtures[0], 10 * sources[0], framing)
    np.testing.assert_allclose(louder[0], X, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(louder[1], X_sources, rtol=1e-10, atol=1e-12)


def test_sources_can_be_mixed_anew(mixtures, sources):
    """One clip with the sources at one level, and another where one is much quieter."""
    quieter = sources[3:] * np.array([1, 1, 0.2])[:, None]
    scores = [
        separator(n_components=3, n_epochs=20, remix_db=remix_db)
        .fit(mixtures[0], sources[0])
        .score(quieter.sum(axis=1), quieter)
        for remix_db in (None, [0, 0, uniform(-20, 20)])
    ]
    assert scores[1] > scores[0]


def test_channels_are_recordings(mixtures, sources):
    stereo, of_stereo = np.stack([mixtures[:2]] * 2, axis=1), np.stack([sources[:2]] * 2, axis=2)
    whole = {"validation_fraction": 0}
    fitted = separator(**whole).fit(stereo, of_stereo)
    twice = separator(**whole).fit(
        np.repeat(mixtures[:2], 2, axis=0), np.repeat(sources[:2], 2, axis=0)
    )
    np.testing.assert_array_equal(fitted.components_, twice.components_)
    assert fitted.transform(stereo).shape == (2, 3, 2, 4000)


def test_transpositions_are_more_clips(mixtures, sources):
    whole = {"validation_fraction": 0}
    fitted = separator(transpositions=(3,), **whole).fit(mixtures[:2], sources[:2])
    more = [*sources[:2], *(transposed(one, 3) for one in sources[:2])]
    by_hand = separator(**whole).fit(
        [*mixtures[:2], *(transposed(one, 3) for one in mixtures[:2])], more
    )
    np.testing.assert_allclose(fitted.components_, by_hand.components_, rtol=1e-10)


@pytest.mark.parametrize("factorizer", [DeepUnfoldedNMF(n_epochs=0), VAENMF(n_epochs=0)])
def test_what_was_one_recording_is_held_back_together(factorizer, monkeypatch):
    asked = []

    def fit(self, X, y=None, lengths=None, groups=None):
        asked.extend([list(lengths), list(groups)])
        self.atom_source_ = None
        return self

    monkeypatch.setattr(type(factorizer), "fit", fit)
    stereo = np.random.default_rng(0).standard_normal((2, 2, 2, 4000))
    Separator(factorizer, stft=STFT(256), transpositions=(-1, 1)).fit(stereo.sum(axis=1), stereo)
    lengths, groups = asked
    assert len(lengths) == 12
    assert groups == [0, 0, 1, 1] * 3


def test_a_training_without_a_seed_goes_on(mixtures, sources, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    settings = {"n_epochs": 6, "n_layers": 2, "checkpoint": path, "random_state": None}
    steps = []

    def step(*arguments, **program):
        steps.append(1)
        if len(steps) == 4:
            raise InterruptedError
        return gradient_step(*arguments, **program)

    with monkeypatch.context() as patched:
        patched.setattr("skbss.factorization._training.gradient_step", step)
        with pytest.raises(InterruptedError):
            separator(**settings).fit(mixtures[:2], sources[:2])
    assert path.exists()
    assert separator(**settings).fit(mixtures[:2], sources[:2]).factorizer_.n_iter_ == 6
    assert not path.exists()


def test_one_clip_and_jax_arrays(mixtures, sources):
    x, y = jnp.asarray(mixtures[0], jnp.float32), jnp.asarray(sources[0], jnp.float32)
    estimates = separator().fit(x, y).transform(x)
    assert isinstance(estimates, jax.Array)
    assert estimates.shape == (3, 4000)


def test_it_is_a_function(mixtures, sources):
    stereo = mixtures[:2]
    fitted = separator(remix_db=0).fit(mixtures[2:4], sources[2:4])
    separate, weights = fitted.as_function()
    with jax.enable_x64(True):
        separate = jax.jit(separate)
        found = np.asarray(separate(weights, jnp.asarray(stereo)))
        np.testing.assert_allclose(found, fitted.transform(stereo[None])[0], atol=1e-10)
        silence = separate(weights, jnp.zeros_like(stereo))
        np.testing.assert_array_equal(silence, np.zeros((3, *stereo.shape)))
    changed = {name: one * 1.1 for name, one in weights.items()}
    with jax.enable_x64(True):
        found = np.asarray(separate(changed, jnp.asarray(stereo)))
    fitted.factorizer_.replace_weights(changed)
    np.testing.assert_allclose(fitted.transform(stereo[None])[0], found, atol=1e-10)


def test_components_of_every_recording(mixtures, sources):
    fitted = separator(unfolding="both", n_epochs=2).fit(mixtures[2:4], sources[2:4])
    stereo = mixtures[:2]
    estimates = fitted.transform(stereo[None])[0]
    np.testing.assert_allclose(estimates.sum(axis=0), stereo, atol=1e-12)
    np.testing.assert_allclose(estimates, np.moveaxis(fitted.transform(stereo), 1, 0), atol=1e-12)
    separate, weights = fitted.as_function()
    with jax.enable_x64(True):
        found = separate(weights, jnp.asarray(stereo))
    np.testing.assert_allclose(found, estimates, atol=1e-10)
    assert fitted.components_ is None
    with pytest.raises(TypeError, match="DeepUnfoldedNMF has no atoms that all mixtures share"):
        fitted.activations(stereo)


def test_gradients_flow_from_the_estimates_to_weights_and_mixture(mixtures, sources):
    rng = np.random.default_rng(0)
    fitted = separator(n_layers=3, n_untied=2).fit(mixtures[:2], sources[:2])
    separate, weights = fitted.as_function()
    with jax.enable_x64(True):
        # The magnitude of what is next to nothing is not smooth: noise has little of it.
        noise = rng.standard_normal((3, 600))
        x, y = jnp.asarray(noise.sum(axis=0)), jnp.asarray(noise)
        start = jax.tree.map(jnp.asarray, (weights, x))
        direction = jax.tree.map(lambda one: jnp.asarray(rng.standard_normal(one.shape)), start)

        @jax.jit
        def along(step):
            weights, x = jax.tree.map(lambda a, b: a + step * b, start, direction)
            return jnp.square(separate(weights, x) - y).sum()

        slope = float(jax.grad(along)(0.0))
        step = 1e-6
        expected = (float(along(step)) - float(along(-step))) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (WienerMask(DeepUnfoldedNMF()), "use it as the factorizer of a Separator"),
        (Separator(TransformLearningNMF(3)), "which takes frames of waveforms"),
    ],
)
def test_factorizers_in_the_wrong_place(use, message):
    with pytest.raises(TypeError, match=message):
        use.fit(np.random.default_rng(0).random((20, 33)))


def test_only_what_is_trained_is_a_function(mixtures):
    fitted = Separator(BetaNMF(3, max_iter=2, tol=0), n_sources=2, stft=STFT(256)).fit(mixtures[0])
    with pytest.raises(TypeError, match="BetaNMF has no weights that are trained with mixtures"):
        fitted.as_function()


def test_cross_validation(mixtures, sources):
    scores = cross_val_score(separator(n_epochs=1), mixtures[:4], sources[:4], cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("parameters", "sources_too", "message"),
    [
        ({}, False, "DeepUnfoldedNMF is trained with isolated sources: pass them to fit as y"),
        ({"supervised": False}, True, "trained with isolated sources"),
        ({"n_sources": 4}, True, "n_sources=4 must be as many as y holds"),
        ({"mask_exponent": 2}, True, "mask_exponent=2 must be 1"),
        ({"spectrum": 0.6}, True, "spectrum=0.6 must be 'magnitude'"),
    ],
)
def test_refusals(mixtures, sources, parameters, sources_too, message):
    with pytest.raises(ValueError, match=message):
        separator(**parameters).fit(mixtures, sources if sources_too else None)
