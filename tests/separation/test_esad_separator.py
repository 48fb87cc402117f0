"""ESADSeparator: it unmixes rooms, filters and gains; what its parts and parameters do."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import fftconvolve
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skbss import BetaNMF, ConvNMF
from skbss.datasets import load_two_speakers
from skbss.metrics import bss_eval
from skbss.separation import ESADSeparator, SparseComponentAnalysis, UnmixingSeparator

MIXINGS = ["frequency", "fir", "instantaneous"]
QUICK = {"n_fft": 256, "n_taps": 32, "max_iter": 20, "tol": 0, "n_init": 1, "random_state": 0}


@pytest.fixture(scope="module")
def voices():
    return load_two_speakers(dtype=np.float64).sources


def filtered(voices, seed, n_channels=2, n_taps=128):
    """Images of voices through random decaying filters, as loud as each other on the left."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-np.arange(n_taps) / (n_taps / 5))
    responses = rng.standard_normal((2, n_channels, n_taps)) * decay
    images = fftconvolve(voices[:, None], responses, axes=-1)[..., : voices.shape[-1]]
    return images / np.sqrt(np.square(images[:, :1]).mean(axis=-1, keepdims=True))


@pytest.fixture(scope="module")
def images(voices):
    return filtered(voices[:, :64000], 3)


@pytest.fixture(scope="module")
def mixture(images):
    return images.sum(axis=0)


@pytest.fixture(scope="module")
def short(images):
    """Two clips of 1 s: (n_clips, n_sources, n_channels, length)."""
    return np.stack([images[..., :16000], images[..., 16000:32000]])


@pytest.mark.parametrize(
    ("settings", "seed", "sdr"),
    [
        ({"n_fft": 512}, 1, 13),
        ({"n_fft": 512}, 3, 20),
        ({"mixing": "fir"}, 1, 13),
        ({"mixing": "fir"}, 3, 22),
    ],
)
def test_short_filters_are_undone(voices, settings, seed, sdr):
    images = filtered(voices, seed)
    separator = ESADSeparator(random_state=0, **settings)
    estimates = separator.fit_transform(images.sum(axis=0))
    assert (bss_eval(images[:, 0], estimates[:, 0]).sdr > sdr).all()
    assert separator.score(images.sum(axis=0), images) > sdr - 4
    assert separator.objectives_[-1] < separator.objectives_[0]
    energies = np.square(estimates).sum(axis=(1, 2))
    assert energies[0] >= energies[1]


def test_a_room():
    room = load_two_speakers(room=True)
    estimates = ESADSeparator(n_fft=2048, random_state=0).fit_transform(room.mixture)
    before = bss_eval(room.sources[:, 0], np.stack([room.mixture[0]] * 2), permute=False)
    after = bss_eval(room.sources[:, 0], estimates[:, 0])
    assert (after.sdr > before.sdr + 6).all()


def test_gains_alone(voices):
    gains = np.array([[1.0, 0.6], [0.5, 1.0]])
    images = (gains.T[:, :, None] * voices[:, None])[..., :48000]
    x = images.sum(axis=0)
    separator = ESADSeparator(mixing="instantaneous", random_state=0)
    estimates = separator.fit_transform(x)
    assert separator.score(x, images) > 18
    reference = UnmixingSeparator(SparseComponentAnalysis(), n_sources=2, random_state=0)
    np.testing.assert_array_equal(reference.fit_transform(x[None])[0], estimates)
    np.testing.assert_array_equal(separator.mixing_, reference.mixing_)
    assert (separator.n_iter_, len(separator.objectives_)) == (30, 30)


@pytest.mark.parametrize("mixing", ["frequency", "fir"])
def test_what_is_separated_stays(voices, mixing):
    images = np.zeros((2, 2, voices.shape[-1]))
    images[0, 0], images[1, 1] = voices
    separator = ESADSeparator(mixing=mixing, n_fft=512, max_iter=100, tol=0, random_state=0)
    separator.fit(images.sum(axis=0))
    assert separator.score(images.sum(axis=0), images) > 20


@pytest.mark.parametrize(
    ("mixing", "n_channels"),
    [("frequency", 2), ("frequency", 3), ("fir", 3), ("instantaneous", 3)],
)
def test_shapes(voices, mixing, n_channels):
    images = filtered(voices[:, :8000], 0, n_channels)
    x = images.sum(axis=0)
    separator = ESADSeparator(2, mixing=mixing, **QUICK)
    one = separator.fit_transform(x)
    assert one.shape == (2, n_channels, 8000)
    assert (separator.n_sources_, separator.n_channels_) == (2, n_channels)
    assert (
        separator.unmixing_.shape
        == {
            "frequency": (129, 2, n_channels),
            "fir": (2, n_channels, 32),
            "instantaneous": (2, n_channels),
        }[mixing]
    )
    clips = separator.fit_transform(np.stack([x, -x]))
    assert clips.shape == (2, 2, n_channels, 8000)
    separator.fit(x)
    np.testing.assert_allclose(separator.transform(x[None])[0], one, atol=1e-12)
    several = separator.transform([x, x[:, :777]])
    assert [each.shape for each in several] == [(2, n_channels, 8000), (2, n_channels, 777)]
    assert np.isfinite(separator.score([x, x[:, :777]], [images, images[..., :777]]))
    assert separator.fit([x, x[:, :777]]).n_channels_ == n_channels


@pytest.mark.parametrize("mixing", MIXINGS)
def test_images_add_up(short, mixing):
    x = short.sum(axis=1)
    estimates = ESADSeparator(mixing=mixing, **QUICK).fit_transform(x)
    rest = x - estimates.sum(axis=1)
    if mixing == "fir":
        assert np.square(rest).sum() < 1e-3 * np.square(x).sum()
    else:
        np.testing.assert_allclose(rest, 0, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.* too few to learn how 2 channels are unmixed")
@pytest.mark.parametrize("length", [32, 64, 80, 128, 1000])
@pytest.mark.parametrize("mean", [0, 0.5])
def test_filters_leave_nothing_out_of_short_recordings(length, mean):
    rng = np.random.default_rng(length)
    sources = rng.laplace(size=(2, length + 20))
    gains = rng.standard_normal((2, 2, 20)) * np.exp(-np.arange(20) / 4)
    x = np.einsum("ckl,kln->cn", gains, sliding_window_view(sources, length, axis=1)[:, :20])
    x += mean
    separator = ESADSeparator(mixing="fir", **QUICK | {"n_fft": 256, "n_taps": 64})
    estimates = separator.fit_transform(x)
    rest = np.square(x - estimates.sum(axis=0)).sum() / np.square(x).sum()
    assert rest < (1e-9 if length <= 128 else 1e-3)


def test_fewer_sources_add_up_to_the_principal_components(voices):
    x = filtered(voices[:, :16000], 0, n_channels=3).sum(axis=0)
    separator = ESADSeparator(2, **QUICK).fit(x)
    U, A = separator.unmixing_, separator.mixing_
    np.testing.assert_allclose(U @ A, np.broadcast_to(np.eye(2), (129, 2, 2)), atol=1e-8)
    projections = A @ U
    np.testing.assert_allclose(projections, projections.conj().swapaxes(1, 2), atol=1e-8)
    rest = np.square(x - separator.transform(x).sum(axis=0)).sum()
    assert 0 < rest < 0.1 * np.square(x).sum()


@pytest.mark.parametrize("mixing", ["frequency", "fir"])
def test_more_microphones_than_sources(voices, mixing):
    images = filtered(voices, 3, n_channels=4)
    x = images.sum(axis=0)
    n_fft = {"frequency": 512, "fir": 1024}[mixing]
    settings = {"n_fft": n_fft, "mixing": mixing, "max_iter": 100, "tol": 0, "random_state": 0}
    estimates = ESADSeparator(2, **settings).fit_transform(x)
    assert (bss_eval(images[:, 0], estimates[:, 0]).sdr > 15).all()


@pytest.mark.parametrize("mixing", MIXINGS)
def test_the_level_does_not_matter(short, mixing):
    x = short.sum(axis=1)
    separator = ESADSeparator(mixing=mixing, **QUICK)
    expected = separator.fit_transform(x)
    for level in (1e-30, 1e30):
        found = separator.fit_transform(level * x) / level
        np.testing.assert_allclose(found, expected, atol=1e-6 * abs(expected).max())


@pytest.mark.parametrize("mixing", MIXINGS)
def test_single_precision_and_arrays_of_jax(short, mixing):
    x = short.sum(axis=1).astype(np.float32)
    separator = ESADSeparator(mixing=mixing, **QUICK)
    estimates = separator.fit_transform(x)
    assert estimates.dtype == np.float32
    np.testing.assert_array_equal(separator.fit_transform(x), estimates)
    on_device = separator.fit_transform(jnp.asarray(x))
    assert isinstance(on_device, jax.Array)
    np.testing.assert_allclose(on_device, estimates, atol=1e-4)
    double = separator.fit_transform(x.astype(float))
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, estimates, atol=0.02 * abs(double).max())


@pytest.mark.parametrize("mixing", MIXINGS)
def test_silence(short, mixing):
    separator = ESADSeparator(mixing=mixing, **QUICK)
    assert not separator.fit(short.sum(axis=1)).transform(np.zeros((2, 100))).any()
    with pytest.warns(UserWarning, match="only 0 are independent"):
        estimates = separator.fit_transform(np.zeros((2, 2000)))
    assert estimates.shape == (2, 2, 2000)
    assert not estimates.any()


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("third", ["silent", "equal"])
def test_channels_that_tell_nothing_new(short, mixing, third):
    x = short.sum(axis=1)
    x = np.concatenate([x, 0 * x[:, :1] if third == "silent" else x[:, :1]], axis=1)
    with pytest.warns(UserWarning, match="Of the 3 channels of X only 2 are independent") as caught:
        estimates = ESADSeparator(mixing=mixing, **QUICK).fit_transform(x)
    assert caught[0].filename == __file__
    assert estimates.shape == (2, 3, 3, 16000)
    assert not estimates[:, 2].any()
    rest = np.square(x - estimates.sum(axis=1)).sum()
    assert rest < (1e-3 if mixing == "fir" else 1e-9) * np.square(x).sum()


@pytest.mark.parametrize("mixing", MIXINGS)
def test_recordings_of_few_samples(mixing):
    x = np.random.default_rng(0).standard_normal((2, 3))
    with pytest.warns(UserWarning, match="3 samples are 0.0 frames of n_fft"):
        assert np.isfinite(ESADSeparator(mixing=mixing, **QUICK).fit_transform(x)).all()


@pytest.mark.parametrize("mixing", ["frequency", "fir"])
def test_when_it_ends(short, mixing):
    x = short[0].sum(axis=0)
    settings = {**QUICK, "mixing": mixing}
    whole = ESADSeparator(**settings).fit(x)
    assert (whole.n_iter_, len(whole.objectives_)) == (20, 3)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 10 reached"):
        ESADSeparator(**{**settings, "max_iter": 10, "tol": 1e-9}).fit(x)
    ended = ESADSeparator(**{**settings, "max_iter": 2000, "tol": 0.1}).fit(x)
    assert ended.n_iter_ < 2000
    assert ended.n_iter_ % 10 == 0
    if mixing == "frequency":
        assert (np.diff(whole.objectives_) < 0).all()


def test_the_best_start_is_kept(short):
    x = short.sum(axis=1)
    settings = {**QUICK, "max_iter": 10}
    ends = [ESADSeparator(**{**settings, "n_init": n}).fit(x).objectives_[-1] for n in (1, 6)]
    assert ends[1] <= ends[0]
    seeds = [
        ESADSeparator(**{**settings, "n_init": 6, "random_state": seed}).fit(x) for seed in (0, 0)
    ]
    np.testing.assert_array_equal(seeds[0].unmixing_, seeds[1].unmixing_)


@pytest.mark.parametrize(
    ("mixing", "parameter"),
    [
        *((mixing, {"n_fft": 128}) for mixing in MIXINGS),
        *((mixing, {"max_iter": 5}) for mixing in MIXINGS),
        *((mixing, {"learning_rate": 0.01}) for mixing in MIXINGS[1:]),
        *((mixing, {"decay": 0.5}) for mixing in MIXINGS[1:]),
        ("fir", {"n_taps": 16}),
        ("instantaneous", {"random_state": 1}),
        ("frequency", {"post_filter": BetaNMF(4, random_state=0, tol=0, max_iter=10)}),
    ],
)
def test_every_parameter_has_a_say(short, mixing, parameter):
    x = short[0].sum(axis=0)
    expected = ESADSeparator(mixing=mixing, **QUICK).fit_transform(x)
    found = ESADSeparator(**{"mixing": mixing, **QUICK, **parameter}).fit_transform(x)
    assert not np.allclose(found, expected, rtol=0, atol=1e-6 * abs(expected).max())


@pytest.mark.parametrize("mixing", ["frequency", "instantaneous"])
def test_a_post_filter_leaves_less_of_the_others(images, mixture, mixing):
    nmf = BetaNMF(20, beta_loss="kullback-leibler", tol=0, max_iter=50, init="random")
    settings = {**QUICK, "n_fft": 1024, "mixing": mixing}
    plain = ESADSeparator(**settings).fit_transform(mixture)
    separator = ESADSeparator(**settings, post_filter=nmf)
    estimates = separator.fit_transform(mixture)
    assert [one.n_components for one in separator.post_filters_] == [20, 20]
    before, after = (bss_eval(images[:, 0], one[:, 0]) for one in (plain, estimates))
    assert (after.sir > before.sir).all()
    assert after.sir.mean() > before.sir.mean() + 1
    assert np.square(estimates).sum() < np.square(plain).sum()
    np.testing.assert_array_equal(separator.transform(mixture), estimates)
    # At twice the level, on a device, and by longer frames.
    np.testing.assert_allclose(separator.transform(2 * mixture), 2 * estimates, atol=1e-4)
    with jax.enable_x64(True):
        on_device = np.asarray(separator.transform(jnp.asarray(mixture)))
    np.testing.assert_allclose(on_device, estimates, atol=1e-3 * abs(estimates).max())
    longer = clone(separator).set_params(post_n_fft=2048).fit_transform(mixture)
    assert not np.allclose(longer, estimates, atol=1e-3)


def test_post_filters_of_templates_and_of_powers(short):
    x = short.sum(axis=1)
    for nmf in (
        ConvNMF(3, template_length=4, max_iter=5, tol=0),
        BetaNMF(3, beta_loss="itakura-saito", max_iter=5, tol=0),
    ):
        separator = ESADSeparator(**QUICK, post_filter=nmf, post_n_fft=256)
        estimates = separator.fit_transform(x)
        assert estimates.shape == short.shape
        assert np.isfinite(estimates).all()
        assert not separator.transform(np.zeros((2, 500))).any()


def test_it_behaves_as_an_estimator(short):
    x = short.sum(axis=1)
    separator = ESADSeparator(**QUICK)
    with pytest.raises(NotFittedError):
        separator.transform(x)
    before = pickle.dumps(separator.fit(x))
    estimates = separator.transform(x)
    assert pickle.dumps(separator) == before
    np.testing.assert_array_equal(pickle.loads(before).transform(x), estimates)
    assert not hasattr(separator, "post_filters_")


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_sources": 3}, ValueError, "n_sources=3, but X has 2 channels.*or use a Separator"),
        ({"n_sources": 0}, ValueError, "n_sources must be at least 1, got 0"),
        ({"n_sources": 2.0}, TypeError, "n_sources must be an instance of int or None, got 2.0"),
        ({"mixing": "room"}, ValueError, "The 'mixing' parameter of ESADSeparator must be"),
        ({"tol": -1}, ValueError, "The 'tol' parameter"),
        ({"mixing": "fir", "n_fft": 100}, ValueError, "n_fft=100 must be at least n_taps=256"),
        ({"post_filter": 3}, TypeError, "factorizer must be an estimator of a non-negative"),
        ({"random_state": "x"}, ValueError, "The 'random_state' parameter"),
    ],
)
def test_wrong_parameters(short, parameters, error, message):
    with pytest.raises(error, match=message):
        ESADSeparator(**parameters).fit(short.sum(axis=1))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones(900), "X has one channel, which nothing can unmix"),
        (np.ones((1, 900)), "X has one channel"),
        (np.ones((4, 1, 900)), "X has one channel"),
        ([np.ones((2, 900)), np.ones((3, 800))], r"as many channels, got \[2, 3\]"),
        (np.full((2, 900), np.nan), "Input X contains NaN"),
        (np.ones((9000, 2)), "Time is the last axis of X"),
    ],
)
def test_wrong_input(X, message):
    with pytest.raises(ValueError, match=message):
        ESADSeparator().fit(X)


def test_another_number_of_channels(short):
    separator = ESADSeparator(**QUICK).fit(short.sum(axis=1))
    with pytest.raises(ValueError, match="X has 3 channels, but ESADSeparator was fitted to 2"):
        separator.transform(np.ones((3, 900)))


def test_a_step_that_is_far_too_long_is_said(short):
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        ESADSeparator(**{**QUICK, "mixing": "fir", "learning_rate": 1e300}).fit(short.sum(axis=1))


def test_a_list_holds_clips(short):
    mixtures = list(short.sum(axis=1))
    separator = ESADSeparator(**QUICK)
    assert np.shape(separator.fit_transform(mixtures)) == short.shape
    with pytest.raises(ValueError, match="one channel"):
        separator.fit(list(mixtures[0]))
