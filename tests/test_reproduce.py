"""The experiment of the paper on ESAD-NMF: its parts hold, and every table comes out."""

import importlib
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optax
import pytest
import soundfile as sf
from docutils.core import publish_doctree

EXAMPLES = Path(__file__).parents[1] / "examples"
PARTS = (
    *("cells", "convergence", "epochs", "factor_tables", "factors", "images", "inputs"),
    *("iteration_tables", "material", "protocol", "published", "report", "rows"),
    *("separation_tables", "step_tables", "steps", "systems", "tables"),
)


@pytest.fixture(scope="module")
def esad():
    """The modules of the experiment, forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        modules = {part: importlib.import_module(f"esad_nmf.{part}") for part in PARTS}
        modules["script"] = importlib.import_module("reproduce_esad_nmf")
        yield SimpleNamespace(**modules)
    for name in [name for name in sys.modules if name.split(".")[0] == "esad_nmf"]:
        del sys.modules[name]
    del sys.modules["reproduce_esad_nmf"]


@pytest.fixture(scope="module")
def material(esad):
    """Five seconds of speech and music, in a room of some random echoes."""
    whole = esad.material.embedded_material()
    rng = np.random.default_rng(0)
    echoes = 0.3 * rng.standard_normal((2, 2, 200)) * np.exp(-np.arange(200) / 40)
    echoes[..., 3] = 1
    seconds = slice(0, 5 * esad.material.SAMPLE_RATE)
    return esad.material.Material(
        whole.speech[seconds], whole.noise[seconds], {"mild": echoes}, "tiny"
    )


@pytest.fixture(scope="module")
def tiny(esad):
    """A plan of seconds."""
    return esad.script.QUICK._replace(
        snrs=(0.0,), stops=(5, 10), inputs=("woman",), seconds=1.0, n_components=6, n_iter=40,
        max_iter=20, n_frames=16,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(esad, material, tiny, tmp_path_factory):
    """The tables of two seeds, and the file with all results."""
    path = tmp_path_factory.mktemp("results") / "results.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(esad.material, "embedded_material", lambda: material)
        _, tables = esad.script.run(tiny, seeds=2, results=path)
    kinds = {}
    for part in json.loads(path.read_text())["parts"].values():
        for kind, rows in part.items():
            kinds.setdefault(kind, []).extend(rows)
    return SimpleNamespace(tables=tables, path=path, rows=kinds)


def test_a_recording_is_divided_into_parts_that_have_nothing_in_common(esad):
    recording = np.arange(1000)
    covered = []
    for seed in range(5):
        parts = esad.material.divided(recording, seed)
        assert [len(part) for part in parts] == [700, 100, 200]
        assert sorted(np.concatenate(parts)) == recording.tolist()
        covered += parts[2].tolist()
    assert sorted(covered) == recording.tolist()


def test_mixtures_have_the_wanted_levels(esad, material):
    split = esad.material.split(material, 1, snrs=(-5.0, 10.0), rooms=("mild",))
    assert [len(split.dev), len(split.test)] == [2, 2]
    for task in split.dev + split.test:
        speech, noise = np.square(task.sources[:, 0]).sum(axis=1)
        assert 10 * math.log10(speech / noise) == pytest.approx(task.tags["snr_db"])
        assert np.abs(task.mixture).max() == pytest.approx(0.9)
        np.testing.assert_allclose(task.sources.sum(axis=0), task.mixture, atol=1e-15)


def test_the_shorter_of_speech_and_noise_is_repeated(esad, material):
    longer = material._replace(noise=np.tile(material.noise, 2))
    train = esad.material.split(longer, 0, snrs=(0.0,)).train
    speech, noise = train
    half = len(speech) // 2
    np.testing.assert_array_equal(speech[:half], speech[half:])
    assert not np.array_equal(noise[:half], noise[half:])
    np.testing.assert_allclose(np.square(train).mean(axis=1), 1, rtol=1e-5)


def test_rooms_can_be_simulated(esad, material):
    pytest.importorskip("pyroomacoustics")
    simulated = material._replace(rooms={"anechoic": None})
    (task,) = esad.material.split(simulated, 0, snrs=(0.0,), rooms=("anechoic",)).test
    assert task.mixture.shape == (2, len(esad.material.divided(material.speech, 0)[2]))
    assert task.source_names == ("speech", "noise")


def test_a_folder_gives_every_piece_once(esad, tmp_path):
    rng = np.random.default_rng(0)
    rate = esad.material.SAMPLE_RATE
    (tmp_path / "audio").mkdir()
    (tmp_path / "rir").mkdir()
    recordings = {name: 0.1 * rng.standard_normal(2 * rate) for name in ("one", "two", "noise")}
    for name, recording in recordings.items():
        sf.write(tmp_path / "audio" / f"{name}.wav", recording, rate, subtype="FLOAT")
    np.savez(tmp_path / "rir" / "hall.npz", rir=np.ones((2, 2, 5)))
    task = {
        "name": "esad 1",
        "sr": rate,
        "sources": [{"layers": [[["two", 0, None]]]}, {"layers": [[["noise", 1, 2]]]}],
        "train": [[["one", 0, None]], [["noise", 0, 0.5]]],
        "mix": {"file": "hall"},
    }
    tasks = [task, {**task, "name": "esad 2"}, {"name": "other"}]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    found = esad.material.folder_material(tmp_path)
    np.testing.assert_allclose(
        found.speech, np.concatenate([recordings["one"], recordings["two"]]), atol=1e-7
    )
    assert len(found.noise) == 1.5 * rate
    assert list(found.rooms) == ["hall"]
    (tmp_path / "tasks.json").write_text("[]")
    with pytest.raises(ValueError, match="begins with 'esad'"):
        esad.material.folder_material(tmp_path)


@pytest.mark.parametrize("system", ["ESAD-NMF", "conv-NMF", "FastICA"])
def test_the_paper_claims_more_than_its_ratios_allow(esad, system):
    claimed = esad.published.SEPARATION[system]
    assert esad.published.implied_sdr(claimed["sir"], claimed["sar"]) < claimed["sdr"] - 1


def test_the_implied_sdr_at_its_limits(esad):
    implied = esad.published.implied_sdr
    assert implied(5.0, math.inf) == 5.0
    assert implied(200.0, 7.0) == pytest.approx(7.0)
    assert implied(10.0, 10.0) < 10.0


def test_the_implied_sdr_of_means_is_an_upper_bound(esad):
    ratios = np.random.default_rng(0).uniform(-20, 40, (1000, 2, 2))
    values = np.array([[esad.published.implied_sdr(*pair) for pair in pairs] for pairs in ratios])
    of_means = [esad.published.implied_sdr(*pair) for pair in ratios.mean(axis=1)]
    assert (values.mean(axis=1) <= np.array(of_means) + 1e-9).all()


def test_sdr_follows_from_sir_and_sar_in_every_record(esad, made):
    rows = made.rows["separation"]
    assert len(rows) > 2 * 2 * len(esad.separation_tables.OVER_ITERATIONS)
    for row in rows:
        implied = esad.published.implied_sdr(row["sir"], row["sar"])
        assert row["sdr"] == pytest.approx(implied, abs=1e-6)


def test_every_system_is_stopped_once_and_none_beats_the_ideal_mask(esad, made):
    stopped = esad.separation_tables.finals(made.rows["separation"])
    assert {*esad.systems.SEARCHED, "FastICA", "mixture", "ESAD-NMF, blind"} < stopped.keys()
    bound = esad.rows.mean(stopped["ideal ratio mask"], "sdr")
    for system, rows in stopped.items():
        assert [row["seed"] for row in rows] == [0, 1]
        if "ideal" not in system:
            assert esad.rows.mean(rows, "sdr") < bound
    for row in stopped["mixture"]:
        assert row["si_sdr"] == pytest.approx(row["snr_db"], abs=0.5)


def test_candidates_are_all_combinations_or_two(esad):
    for method, searched in esad.systems.SEARCHED.items():
        every = esad.systems.candidates(method)
        assert len({str(one) for one in every}) == math.prod(map(len, searched.values()))
        assert {one.parameters["n_components"] for one in every} == {esad.systems.RANK}
        few = esad.systems.candidates(method, few=True)
        assert few == [every[0], every[-1]]
        assert few[0] != few[1]
        (other,) = esad.systems.of_other_ranks(every[0])
        assert other.parameters == {**every[0].parameters, "n_components": 40}


@pytest.mark.parametrize("few", [False, True])
def test_the_best_on_dev_is_chosen(esad, material, monkeypatch, few):
    quality = {"max_iter": 200, "sparsity": 1.0, "n_components": 40}

    def learn(candidate, train, seed):
        return SimpleNamespace(candidate=candidate)

    def mean_sdr(learned, tasks):
        hits = sum(learned.candidate.parameters[name] == best for name, best in quality.items())
        return hits - abs(learned.n_iter - 20) / 1000

    def stopped(learned, n_iter):
        learned.n_iter = n_iter
        return learned

    for function in (learn, mean_sdr, stopped):
        monkeypatch.setattr(esad.protocol, function.__name__, function)
    split = esad.material.Split(None, [], [])
    found = esad.protocol.tuned("sparse NMF", split, 0, few=few)
    assert (found.stop, found.separator.n_iter) == (20, 20)
    wanted = {"max_iter": 200, "sparsity": 10.0, "n_components": 20} if few else quality
    assert found.candidate.parameters == wanted


def test_normalization_changes_the_snr_alone(made):
    rows = made.rows["before"]
    assert {row["noise"] for row in rows} == {"recorded", "white"}
    steps = {}
    for row in rows:
        steps.setdefault(row["step"], []).append((row["snr"], row["si_sdr"]))
    mixture, normalized = (np.array(steps[name]) for name in ("the mixture", "at a peak of 1"))
    np.testing.assert_allclose(normalized[:, 1], mixture[:, 1])
    assert not np.allclose(normalized[:, 0], mixture[:, 0])


def test_a_level_of_sources_changes_no_score(made):
    scores = {}
    for row in made.rows["after"]:
        numbers = [row[name] for name in ("sdr", "sir", "sar", "si_sdr")]
        scores.setdefault(row["step"], []).append(numbers)
    one, other = "mask of squares (the paper's)", "mask of squares, sources at a peak of 1"
    np.testing.assert_allclose(scores[one], scores[other], atol=1e-3)
    assert not np.allclose(scores[one], scores["mask of magnitudes"], atol=1e-3)


@pytest.fixture(scope="module")
def problem(esad):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.3, size=(60, 5)) @ rng.gamma(0.5, size=(5, 20))
    return esad.convergence.problem(X, 6, alpha=0.01, seed=0)


def test_steps_down_the_gradient_never_rise(esad, problem):
    steps = esad.convergence.descend(problem, esad.convergence.by_lipschitz())
    values = [esad.convergence.objective(problem, problem.S, problem.A)]
    values += [next(steps) for _ in range(50)]
    assert (np.diff(values) <= 0).all()
    steps = esad.convergence.accelerated(problem)
    assert (np.diff([next(steps) for _ in range(50)]) <= 0).all()


def test_gradients_are_those_of_the_objective(esad, problem):
    rng = np.random.default_rng(1)
    seen = {}

    def step(gradient, bound):
        seen["gradient"] = gradient
        return 0 * gradient

    esad.convergence.next_atoms(problem, problem.S, problem.A, step)
    way = rng.standard_normal(problem.A.shape)
    ends = [
        esad.convergence.objective(problem, problem.S, problem.A + sign * 1e-6 * way)
        for sign in (1, -1)
    ]
    assert (seen["gradient"] * way).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)
    # The codes: a short step from inside goes down the gradient.
    S = problem.S + 1
    moved = S - esad.convergence.next_codes(problem, S, problem.A, share=1e-3)
    slope = moved * esad.convergence.lipschitz(problem.A @ problem.A.T) / 1e-3
    way = rng.standard_normal(S.shape)
    ends = [
        esad.convergence.objective(problem, S + sign * 1e-6 * way, problem.A) for sign in (1, -1)
    ]
    assert (slope * way).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_a_large_alpha_leaves_no_code(esad, problem):
    strict = problem._replace(alpha=2.1 * (problem.X @ problem.A.T).max())
    S = problem.S
    for _ in range(200):
        S = esad.convergence.next_codes(strict, S, problem.A)
    assert not S.any()


def test_adam_is_adam(esad):
    rng = np.random.default_rng(0)
    optimizer = optax.adam(0.01)
    state = optimizer.init(np.zeros((3, 4), np.float32))
    step = esad.convergence.by_adam(0.01)
    for _ in range(5):
        gradient = rng.standard_normal((3, 4)).astype(np.float32)
        update, state = optimizer.update(gradient, state)
        np.testing.assert_allclose(step(gradient, None), -np.asarray(update), rtol=2e-5)


def test_schedules_decay_as_written(esad):
    step = esad.convergence.by_rate(2.0, decay=0.5)
    assert [step(1.0, None) for _ in range(3)] == [2.0, 2.0 / 1.5, 1.0]


def test_sparse_nmf_minimizes_the_same_objective(esad, problem):
    from skbss import SparseNMF

    sparsity = esad.convergence.equal_sparsity(problem)
    model = SparseNMF(6, beta_loss=2, sparsity=sparsity, init="custom", tol=0, max_iter=30)
    model.fit(problem.X, W=problem.S, H=problem.A)
    reached = esad.convergence.after_sparse_nmf(problem, 30)
    assert reached == pytest.approx(2 * model.loss_curve_[-1], rel=1e-6)
    steps = esad.convergence.accelerated(problem)
    *_, ours = (next(steps) for _ in range(3000))
    assert reached < 1.1 * ours


def test_counting_iterations(esad, problem):
    count = esad.convergence.first_below
    assert count(iter([3, 2, 1]), 2, limit=3) == 2
    assert count(iter([3, 2, 1]), 0, limit=3) == math.inf
    target = esad.convergence.after_sparse_nmf(problem, 7)
    found = esad.convergence.fewest_of_sparse_nmf(problem, target, 40)
    assert found <= 7
    assert esad.convergence.after_sparse_nmf(problem, found) <= target
    assert esad.convergence.after_sparse_nmf(problem, found - 1) > target


def test_momentum_saves_iterations_and_the_schedule_does_not(esad, made):
    rows = made.rows["convergence"]
    counts = {row["method"]: row["iterations"] for row in rows}
    best = min(counts[name] for name in esad.convergence.FIXED)
    assert best == 40
    assert all(counts[name] < best for name in esad.convergence.ACCELERATED)
    constant, scheduled = (
        counts[name] for name in (esad.convergence.CONSTANT, esad.convergence.SCHEDULED)
    )
    assert scheduled >= constant


def test_epochs_are_counted_to_where_the_constant_rate_ends(made):
    constant, *decayed = made.rows["epochs"]
    assert constant["decay"] == 0
    assert 1 <= constant["epochs"] <= constant["limit"]
    assert all(row["epochs"] >= 1 and row["error"] > 0 for row in decayed)
    # Over few epochs the paper's decay leaves the rate nearly as it is.
    assert decayed[0]["error"] == pytest.approx(constant["error"], rel=0.05)


def test_no_model_of_a_rank_beats_pca_and_alpha_makes_codes_sparser(made):
    rows = {row["model"]: row for row in made.rows["factors"]}
    assert min(rows.values(), key=lambda row: row["rmse"])["model"] == "PCA"
    used = [rows[f"ESAD, codes, alpha {alpha}"]["used"] for alpha in (0.001, 0.01, 0.05)]
    assert used == sorted(used, reverse=True)
    assert used[2] < used[0]


def test_image_sequences_come_back_from_their_true_factors(esad):
    pytest.importorskip("skimage")
    for _, truth, _ in esad.images.sequences(0, n_frames=10):
        assert truth.shape == (2, 10, esad.images.SIDE, esad.images.SIDE)
        assert truth.min() >= 0
        flat = truth.reshape(2, 10, -1)
        # Every frame of every source a component of its own.
        W = np.hstack([np.eye(10), np.eye(10)])
        found = esad.images.shared(flat.sum(axis=0), W, np.concatenate(flat), truth)
        np.testing.assert_allclose(found, flat, atol=1e-9)


def test_tables_can_be_read_as_text_and_as_a_page(made):
    assert len(made.tables) == 17
    page = "\n".join(table.as_rst() for table in made.tables)
    settings = {"report_level": 2, "halt_level": 2}
    tree = publish_doctree(f"Page\n====\n\n{page}", settings_overrides=settings)
    assert str(tree).count("<table") == 17
    for table in made.tables:
        assert all(len(row) == len(table.heads) for row in table.rows)
        text = table.as_text()
        assert text.startswith(table.title)
        assert all(row[0] in text for row in table.rows)


def test_what_is_finished_is_not_run_again(
    esad, material, tiny, made, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(esad.material, "embedded_material", lambda: material)
    monkeypatch.setattr(esad.script, "QUICK", tiny)
    monkeypatch.setattr(esad.protocol, "records", None)
    out = tmp_path / "figures.inc"
    arguments = ["--quick", "--seeds", "2", "--results", str(made.path), "--out", str(out)]
    esad.script.main(arguments)
    printed, page = capsys.readouterr().out, out.read_text()
    for table in made.tables:
        assert table.as_text() in printed
        assert table.as_rst() in page
    monkeypatch.setattr(esad.script, "QUICK", tiny._replace(n_iter=41))
    with pytest.raises(SystemExit, match="another setting"):
        esad.script.main(arguments)
