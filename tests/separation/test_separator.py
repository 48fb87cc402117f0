"""Separator: blind, supervised, semi-supervised; layouts; searches; errors."""

import pickle
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from skbss import ARDNMF, STFT, BetaNMF, GrowingNMF, Separator
from skbss.metrics import si_sdr

pytestmark = pytest.mark.usefixtures("few_programs")

FRONT_END = STFT(256)


def kl(n_components=4, **parameters):
    parameters = {"tol": 1e-2, **parameters}
    return BetaNMF(n_components, beta_loss="kullback-leibler", **parameters)


def separator(n_components=4, **parameters):
    return Separator(kl(n_components), **{"stft": FRONT_END, "random_state": 0, **parameters})


def interpreted(**parameters):
    """Separates by a factorization for which nothing is compiled."""
    factorizer = NMF(2, tol=1e-2, init="random")
    return Separator(factorizer, **{"random_state": 0, **parameters})


@pytest.fixture(scope="module")
def mixtures(sources):
    return sources.sum(axis=1)


@pytest.fixture(scope="module")
def supervised(mixtures, sources):
    return separator().fit(mixtures[:3], sources[:3])


def test_blind(mixtures, sources):
    blind = separator(9, n_sources=3, grouping="activations")
    estimates = blind.fit_transform(mixtures)
    assert estimates.shape == sources.shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    np.testing.assert_allclose(blind.fit(mixtures).transform(mixtures), estimates, atol=1e-12)
    assert blind.components_.shape == (9, 129)
    assert blind.n_sources_ == 3
    assert blind.n_known_sources_ == 0
    assert set(blind.atom_source_) == {0, 1, 2}
    expected = si_sdr(sources, estimates, permute=True).mean()
    np.testing.assert_allclose(blind.score(mixtures, sources), expected)
    np.testing.assert_allclose(blind.score(mixtures, sources[:, [2, 0, 1]]), expected)


def test_an_atom_is_a_source_by_default(mixtures):
    assert separator().fit_transform(mixtures[0]).shape == (4, 4000)


def test_given_labels(mixtures):
    estimates = separator(grouping=[1, 0, 0, 1]).fit_transform(mixtures[0])
    each = separator().fit_transform(mixtures[0])
    np.testing.assert_allclose(estimates[0], each[[1, 2]].sum(axis=0), atol=1e-10)


def test_a_spectrum_of_any_power(mixtures, sources):
    for spectrum, exponent in [("magnitude", 1), ("power", 2)]:
        named = separator(spectrum=spectrum).fit(mixtures, sources)
        told = separator(spectrum=exponent).fit(mixtures, sources)
        np.testing.assert_array_equal(told.transform(mixtures), named.transform(mixtures))
    model = separator(spectrum=0.6).fit(mixtures[:3], sources[:3])
    estimates = model.transform(mixtures[3:])
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[3:], atol=1e-12)
    louder = 100 * model.activations(mixtures[3:]) / 100**0.4
    atol = 1e-9 * louder.max()
    np.testing.assert_allclose(model.activations(100 * mixtures[3:]), louder, atol=atol)
    assert model.transform(mixtures[3:].astype(np.float32)).dtype == np.float32


def test_supervised(supervised, mixtures, sources):
    estimates = supervised.transform(mixtures[3:])
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[3:], atol=1e-12)
    ratios = si_sdr(sources[3:], estimates)
    assert ratios.mean() > 10
    np.testing.assert_allclose(supervised.score(mixtures[3:], sources[3:]), ratios.mean())
    assert supervised.score(mixtures[3:], sources[3:, [1, 0, 2]]) < 0
    np.testing.assert_array_equal(supervised.atom_source_, np.repeat([0, 1, 2], 4))
    np.testing.assert_allclose(supervised.components_.sum(axis=1), 1)
    assert supervised.n_known_sources_ == supervised.n_sources_ == 3


def test_semi_supervised_with_one_unknown(mixtures, sources):
    semi = separator(n_sources=3).fit(mixtures, sources[:, :2])
    np.testing.assert_array_equal(semi.atom_source_, np.repeat([0, 1, 2], 4))
    estimates = semi.fit_transform(mixtures, sources[:, :2])
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    assert si_sdr(sources, estimates).mean() > 10
    np.testing.assert_allclose(semi.transform(mixtures), estimates, atol=1e-9)
    known = separator().fit(mixtures, sources[:, :2]).components_
    np.testing.assert_allclose(semi.components_[:8], known, rtol=1e-12)
    assert semi.score(mixtures, sources[:, :2]) > 10


def test_semi_supervised_with_two_unknown(mixtures, sources):
    semi = separator(n_sources=3).fit(mixtures, sources[:, :1])
    assert semi.n_known_sources_ == 1
    assert semi.components_.shape == (12, 129)
    assert set(semi.atom_source_[4:]) == {1, 2}
    score = semi.score(mixtures, sources)
    np.testing.assert_allclose(semi.score(mixtures, sources[:, [0, 2, 1]]), score)
    assert semi.score(mixtures, sources[:, [1, 0, 2]]) < score


@pytest.mark.parametrize("n_unknown", [1, 2])
@pytest.mark.parametrize("prune", [True, False])
def test_unknown_sources_that_leave_no_atoms_are_silent(n_unknown, prune):
    tone = np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(4000)
    factorizer = ARDNMF(4, dispersion=10.0, prune=prune, max_iter=200)
    semi = Separator(factorizer, n_sources=1 + n_unknown, stft=FRONT_END, random_state=0)
    with pytest.warns(UserWarning, match=f"found 0 in .* for {n_unknown} unknown") as caught:
        estimates = semi.fit_transform(tone + noise, tone[None])
    assert caught[0].filename == __file__
    assert semi.n_sources_ == 1 + n_unknown
    np.testing.assert_allclose(estimates[0], tone + noise, atol=1e-9)
    assert not estimates[1:].any()


def quiet_and_loud():
    """A known tone, and two that are not, of which the higher is the louder."""
    time = np.arange(8000) / 8000
    known = np.sin(2 * np.pi * 440 * time) * (time < 0.5)
    quiet = 0.2 * np.sin(2 * np.pi * 1000 * time) * (time % 0.2 < 0.1)
    loud = np.sin(2 * np.pi * 2500 * time) * (time % 0.3 < 0.2)
    return known + quiet + loud, known[None]


def few_atoms(n_atoms):
    """A factorizer that finds two atoms beside a known one or, of up to eight, three."""
    if n_atoms == 2:
        return BetaNMF(1, beta_loss="kullback-leibler", init="random")
    return ARDNMF(4, dispersion=0.1, beta_loss="kullback-leibler", max_iter=300)


@pytest.mark.filterwarnings("ignore:Beside the atoms")
@pytest.mark.parametrize(("n_atoms", "n_sources"), [(2, 3), (3, 5)])
def test_few_atoms_of_unknown_sources_are_in_order_of_energy(n_atoms, n_sources):
    mixture, known = quiet_and_loud()
    # Those of the seeds lie in another order: the loudest first, the loudest last.
    for seed in (2, 3):
        semi = Separator(
            few_atoms(n_atoms), n_sources=n_sources, stft=STFT(256), random_state=seed
        ).fit(mixture, known)
        unknown = semi.atom_source_ > 0
        assert unknown.sum() == n_atoms
        assert semi.n_sources_ == n_sources
        energies = semi.activations(mixture).sum(axis=0) * semi.components_.sum(axis=1)
        order = np.argsort(-energies[unknown])
        np.testing.assert_array_equal(semi.atom_source_[unknown][order], 1 + np.arange(n_atoms))


@pytest.mark.filterwarnings("ignore:Beside the atoms")
def test_given_labels_of_few_atoms_count():
    mixture, known = quiet_and_loud()
    shared = {"stft": STFT(256), "random_state": 0}
    semi = Separator(few_atoms(3), n_sources=5, grouping=[3, 0, 3], **shared).fit(mixture, known)
    np.testing.assert_array_equal(semi.atom_source_, [0, 0, 4, 1, 4])
    semi.set_params(grouping=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="one label for each of the 3 atoms"):
        semi.fit(mixture, known)


def test_growth_that_ends_before_all_unknown_sources_sound():
    rng = np.random.default_rng(0)
    time = np.arange(8000) / 8000
    tones = np.sin(2 * np.pi * np.array([[440], [1500], [2500]]) * time)
    tones *= np.array([[1], [1], [0.03]]) * (rng.random((3, 8)) > 0.4).repeat(1000, axis=1)
    mixture = tones.sum(axis=0)
    factorizer = GrowingNMF(2, min_gain=0.5, beta_loss=2)
    semi = Separator(factorizer, n_sources=3, stft=FRONT_END, random_state=0)
    with pytest.warns(UserWarning, match="found 1 in .* or GrowingNMF with a smaller min_gain"):
        semi.fit(mixture, tones[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        semi.set_params(factorizer__min_gain=0).fit(mixture, tones[:1])


def test_y_can_be_left_to_the_score(mixtures, sources):
    blind = separator(n_sources=3, supervised=False)
    np.testing.assert_array_equal(
        blind.fit(mixtures, sources).components_, blind.fit(mixtures).components_
    )


def test_one_clip_has_no_clip_axis(mixtures, sources):
    one = separator().fit(mixtures[0], sources[0])
    estimates = one.transform(mixtures[0])
    assert estimates.shape == (3, 4000)
    np.testing.assert_allclose(one.transform(mixtures[:1]), estimates[None], atol=1e-12)
    np.testing.assert_allclose(
        one.score(mixtures[0], sources[0]), one.score(mixtures[:1], sources[:1])
    )


def test_unequal_clips(mixtures, sources):
    lengths = [4000, 3001, 777]
    X = [x[:n] for x, n in zip(mixtures, lengths, strict=False)]
    y = [s[:, :n] for s, n in zip(sources, lengths, strict=False)]
    fitted = separator().fit(X, y)
    estimates = fitted.transform(X)
    assert [one.shape for one in estimates] == [(3, n) for n in lengths]
    for one, x in zip(estimates, X, strict=True):
        np.testing.assert_allclose(one.sum(axis=0), x, atol=1e-12)
    assert fitted.score(X, y) > 10


def test_channels(mixtures, sources):
    gains = np.array([[1.0, 0.2], [0.1, 1.0], [0.7, 0.7]])
    images = sources[:, :, None] * gains[None, :, :, None]
    X = images.sum(axis=1)
    fitted = separator().fit(X, images)
    estimates = fitted.transform(X)
    assert estimates.shape == (6, 3, 2, 4000)
    np.testing.assert_allclose(estimates.sum(axis=1), X, atol=1e-12)
    expected = si_sdr(images.reshape(6, 3, -1), estimates.reshape(6, 3, -1)).mean()
    np.testing.assert_allclose(fitted.score(X, images), expected)
    assert fitted.activations(X).shape == (6, 2, 64, 12)
    blind = separator(n_sources=2).fit_transform(X)
    assert blind.shape == (6, 2, 2, 4000)


@pytest.mark.parametrize(
    "stft",
    [
        STFT(256, hop_length=128),
        STFT(255),
        STFT(256, center=False),
        STFT(256, hop_length=100, win_length=200, center=False, window="hamming"),
        STFT(1024, pad_mode="reflect"),
        STFT(8192),
    ],
    ids=repr,
)
@pytest.mark.parametrize("length", [4000, 3999])
def test_every_sample_comes_back(stft, length):
    x = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    estimates = interpreted(stft=stft).fit_transform(x)
    assert estimates.dtype == np.float32
    assert estimates.shape == (2, length)
    np.testing.assert_allclose(estimates.sum(axis=0), x, atol=3e-6)


def test_blocks_leave_no_seams():
    x = np.random.default_rng(0).standard_normal(300_000)
    estimates = interpreted(stft=STFT(8192)).fit_transform(x)
    np.testing.assert_allclose(estimates.sum(axis=0), x, atol=1e-11)


def test_silence(supervised):
    assert not supervised.transform(np.zeros((2, 1000))).any()
    for factorizer in (kl(), BetaNMF(4, beta_loss=0), BetaNMF(4)):
        blind = Separator(factorizer, stft=FRONT_END, n_sources=2, random_state=0)
        assert not blind.fit_transform(np.zeros((2, 1000))).any()


def test_a_source_that_is_silent_in_training(mixtures, sources):
    y = sources[:2].copy()
    y[:, 1] = 0
    estimates = separator().fit(y.sum(axis=1), y).transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)


def test_silent_references_are_left_out_of_the_score(supervised, mixtures, sources):
    y = sources[3:4].copy()
    y[:, 1] = 0
    x = y.sum(axis=1)
    expected = si_sdr(y[0, [0, 2]], supervised.transform(x)[0, [0, 2]]).mean()
    np.testing.assert_allclose(supervised.score(x, y), expected)
    assert np.isnan(supervised.score(x, np.zeros_like(y)))


def test_the_default_factorizer(mixtures):
    default = Separator(stft=STFT(256), n_sources=2, random_state=0).fit(mixtures)
    assert default.components_.shape == (24, 129)
    assert default.get_params()["factorizer"] is None


def test_other_factorizers(mixtures, sources):
    other = Separator(NMF(4, tol=1e-2, init="random"), stft=FRONT_END, n_sources=2, random_state=0)
    estimates = other.fit_transform(mixtures)
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures, atol=1e-12)
    with pytest.raises(TypeError, match="NMF has no parameter fixed_components"):
        other.fit(mixtures, sources)


def test_activations_model_the_spectrogram(mixtures):
    fitted = separator(12, n_sources=2).fit(mixtures)
    W = fitted.activations(10 * mixtures)
    assert W.shape == (6, 64, 12)
    V = STFT(256, output="magnitude").transform(10 * mixtures) / np.linalg.norm(
        np.hanning(257)[:256]
    )
    error = np.abs(W[:, :63] @ fitted.components_ - V).sum() / V.sum()
    assert error < 0.35
    assert fitted.activations(mixtures[0]).shape == (64, 12)


def test_transform_leaves_the_estimator_alone(supervised, mixtures):
    before = pickle.dumps(supervised)
    supervised.transform(mixtures)
    assert pickle.dumps(supervised) == before


def test_pickle_and_clone(supervised, mixtures):
    again = pickle.loads(pickle.dumps(supervised))
    np.testing.assert_array_equal(again.transform(mixtures), supervised.transform(mixtures))
    with pytest.raises(NotFittedError):
        clone(supervised).transform(mixtures)


def test_one_seed_one_result(mixtures):
    blind = Separator(kl(init="random"), stft=FRONT_END, n_sources=2, random_state=1)
    once = blind.fit_transform(mixtures)
    np.testing.assert_array_equal(clone(blind).fit_transform(mixtures), once)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize(("n_jobs", "backend"), [(None, "loky"), (2, "threading"), (2, "loky")])
def test_search(mixtures, sources, n_jobs, backend):
    import joblib

    # Two candidates, because every one of them compiles programs of its own.
    grid = [
        {"factorizer__n_components": [1], "stft__n_fft": [64]},
        {"factorizer__n_components": [4], "stft__n_fft": [256]},
    ]
    search = GridSearchCV(separator(), grid, cv=3, n_jobs=n_jobs)
    with joblib.parallel_backend(backend):
        search.fit(mixtures, sources)
    assert search.best_params_ == {"factorizer__n_components": 4, "stft__n_fft": 256}
    assert search.best_score_ > 8


def test_parameters_of_parts_that_were_left_to_their_defaults():
    tuned = Separator().set_params(stft__n_fft=512, factorizer__n_components=8)
    assert tuned.stft.n_fft == 512
    assert tuned.factorizer.n_components == 8
    assert tuned.factorizer.beta_loss == "kullback-leibler"
    given = Separator().set_params(stft=STFT(64), stft__hop_length=8)
    assert (given.stft.n_fft, given.stft.hop_length) == (64, 8)
    assert Separator().set_params(n_sources=2).stft is None
    with pytest.raises(ValueError, match="Invalid parameter 'n_ftt' for estimator STFT"):
        Separator().set_params(stft__n_ftt=512)


def test_search_over_parts_that_were_left_to_their_defaults(mixtures, sources):
    grid = {"stft__n_fft": [256], "factorizer__n_components": [2], "factorizer__tol": [1e-2]}
    search = GridSearchCV(Separator(random_state=0), grid, cv=2).fit(mixtures, sources)
    assert search.best_estimator_.components_.shape == (6, 129)


def test_search_of_a_blind_separator(mixtures, sources):
    blind = separator(9, n_sources=3, supervised=False)
    scores = cross_val_score(blind, list(mixtures), list(sources), cv=2)
    assert np.isfinite(scores).all()


def test_jax_arrays_stay_jax_arrays(mixtures, sources, supervised):
    x, y = jnp.asarray(mixtures, jnp.float32), jnp.asarray(sources, jnp.float32)
    estimates = supervised.transform(x)
    assert isinstance(estimates, jax.Array)
    np.testing.assert_allclose(estimates, supervised.transform(mixtures), atol=0.05)
    np.testing.assert_allclose(estimates.sum(axis=1), x, atol=1e-5)
    fitted = separator().fit(x, y)
    assert isinstance(fitted.transform(x[0]), jax.Array)
    assert fitted.score(x, y) > 10


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"supervised": "no"}, TypeError, "supervised must be True or False, got 'no'"),
        ({"n_sources": 0}, ValueError, "n_sources must be at least 1"),
        ({"n_sources": 5}, ValueError, "n_sources=5 must not exceed n_components=4"),
        ({"stft": "hann"}, TypeError, "stft must be an STFT"),
        ({"stft": STFT(0)}, ValueError, "n_fft == 0"),
        ({"stft": STFT(256, hop_length=256)}, ValueError, "has no inverse"),
        ({"grouping": [0]}, ValueError, "one label for each of the 4 atoms"),
        ({"grouping": AgglomerativeClustering}, TypeError, "grouping must be"),
        ({"mask_exponent": -1}, ValueError, "mask_exponent must be positive"),
        ({"sample_rate": 0}, ValueError, "sample_rate == 0, must be > 0"),
        ({"spectrum": "log"}, ValueError, "spectrum must be"),
        ({"factorizer": STFT}, TypeError, "factorizer must be an estimator"),
        ({"factorizer": BetaNMF(0)}, ValueError, "n_components"),
    ],
)
def test_wrong_parameters(mixtures, parameters, error, message):
    with pytest.raises(error, match=message):
        separator().set_params(**parameters).fit(mixtures)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.full((2, 900), np.nan), None, "Input X contains NaN"),
        (np.ones((2, 900), complex), None, "Complex data not supported"),
        (np.ones((9000, 2)), None, r"Time is the last axis of X, but its shape \(9000, 2\)"),
        ([np.ones((9000, 2)), np.ones(900)], None, r"Time is the last axis of X\[0\]"),
        (np.ones((2, 900)), np.ones((3, 2, 900)), "the sources of 3 clips, but there are 2"),
        (np.ones((2, 900)), np.ones((2, 2, 800)), r"have the shape \(n_sources, 900\)"),
        (np.ones((2, 900)), np.ones((2, 900)), r"have the shape \(n_sources, 900\)"),
        (np.ones(900), np.ones(900), r"have the shape \(n_sources, 900\)"),
        (np.ones((2, 900)), np.full((2, 2, 900), np.inf), "Input y contains infinity"),
        (np.ones((2, 2, 900)), np.ones((2, 3, 900)), r"\(n_sources, 2, 900\)"),
        (
            [np.ones(900), np.ones(800)],
            [np.ones((2, 900)), np.ones((3, 800))],
            r"as many sources in every clip, got \[2, 3\]",
        ),
    ],
)
def test_wrong_input(X, y, message):
    with pytest.raises(ValueError, match=message):
        separator().fit(X, y)


def test_too_many_references(mixtures, sources, supervised):
    with pytest.raises(ValueError, match="n_sources=2 must count all sources, but y holds 3"):
        separator(n_sources=2).fit(mixtures, sources)
    with pytest.raises(ValueError, match="y holds 4 sources, but the separator was fitted for 3"):
        supervised.score(mixtures, sources[:, [0, 1, 2, 0]])


def test_too_short_without_centering(supervised):
    assert separator(2, stft=STFT(256, center=False)).fit_transform(np.ones(3)).shape == (2, 3)


def test_fewer_frames_than_atoms(mixtures, sources):
    few = "There are 9 atoms to learn from 8 frames"
    with pytest.warns(UserWarning, match=few) as raised:
        separator(9, n_sources=3).fit(mixtures[0, :448])
    assert raised[0].filename == __file__
    semi_supervised = separator(9, n_sources=4)
    with pytest.warns(UserWarning, match=few):
        semi_supervised.fit(mixtures[0, :448], sources[0, :, :448])


def test_channels_in_the_place_of_clips(sources):
    stereo = sources[:2, :2]  # (n_sources, n_channels, length)
    with pytest.warns(UserWarning, match=r"pass X\[np.newaxis\] and y\[np.newaxis\]") as raised:
        separator().fit(stereo.sum(axis=0), stereo)
    assert raised[0].filename == __file__
    separator().fit(stereo.sum(axis=0)[None], stereo[None])
    separator().fit(stereo.sum(axis=1), stereo)


def test_factors_of_both_signs_make_no_masks(mixtures):
    with pytest.raises(ValueError, match=r"PCA\(.*\) found negative atoms"):
        Separator(PCA(4), stft=FRONT_END).fit(mixtures)


def test_an_unknown_grouping_is_refused_where_it_is_not_used(mixtures, sources):
    with pytest.raises(ValueError, match="grouping must be 'auto', 'timbre', 'mfcc'"):
        separator(grouping="color").fit(mixtures, sources)


@pytest.mark.parametrize("level", [1e-30, 1e36])
@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_no_level_is_too_high_or_too_low(mixtures, supervised, level, convert):
    x = mixtures[0].astype(np.float32)
    x /= abs(x).max()
    expected = np.asarray(supervised.transform(convert(x)))
    ours = np.asarray(supervised.transform(convert(np.float32(level) * x)))
    np.testing.assert_allclose(ours / np.float32(level), expected, atol=1e-3)
    np.testing.assert_allclose(ours.sum(axis=0) / np.float32(level), x, atol=1e-5)
