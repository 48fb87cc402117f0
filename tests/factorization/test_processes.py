"""Rows shared out among the devices of two processes: the same model in both as in one."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import skbss
from skbss.factorization import _layout

PROGRAM = Path(__file__).with_name("processes_program.py")


FEW = {"random_state": 0, "max_iter": 20, "tol": 0}
MODELS = {
    "drawn": ("BetaNMF", {"n_components": 3, "init": "random", **FEW}, "X"),
    "gaps": ("BetaNMF", {"n_components": 3, "beta_loss": 1, **FEW}, "gaps"),
    "smooth": ("StructuredNMF", {"n_components": 3, "smoothness": 0.1, **FEW}, "X"),
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(folder, port, n_processes, process):
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={4 // n_processes}",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # what is the same everywhere is the question
    }
    arguments = [*map(str, [folder, port, n_processes, process]), json.dumps(MODELS)]
    said = folder / f"said by {process} of {n_processes}.txt"
    with said.open("w") as file:
        program = [sys.executable, "-W", "error", PROGRAM, *arguments]
        return subprocess.Popen(program, stdout=file, stderr=file, env=environment), said


def outcomes_of(started):
    processes = [process for process, _ in started]
    until = time.monotonic() + 240
    try:
        # One that has failed would leave the other one waiting.
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < until, [said.read_text() for _, said in started]
            if any(process.poll() for process in processes):
                break
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert not any(process.returncode for process in processes), [
        said.read_text() for _, said in started
    ]
    # The processes talk of their connections before.
    return [json.loads(said.read_text().splitlines()[-1]) for _, said in started]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    rng = np.random.default_rng(0)
    product = rng.gamma(0.5, size=(75, 3)) @ rng.gamma(0.5, size=(3, 12))
    X = product * rng.uniform(0.2, 1.8, product.shape) + 1e-3
    np.save(folder / "X.npy", X)
    np.save(folder / "gaps.npy", np.where(rng.random(X.shape) < 0.1, np.nan, X))
    return folder


@pytest.fixture(scope="module")
def outcomes(folder):
    port = free_port()
    return outcomes_of([start(folder, port, 2, process) for process in range(2)])


@pytest.fixture(scope="module")
def alone(folder):
    """What is found from arrays in memory, without a device being named."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        # As in the processes: blocks of about fifty rows.
        for name in ("_LARGE", "_VALUES_PER_BLOCK"):
            patch.setattr(_layout, name, 1 << 9)
        patch.setattr(_layout, "_ROWS_PER_COMPONENT", 1)
        for name, (kind, parameters, data) in MODELS.items():
            X, model = np.load(folder / f"{data}.npy"), getattr(skbss, kind)(**parameters)
            found[name] = {
                "transform": model.fit(X).transform(X),
                "components": model.components_,
                "score": model.score(X),
                "losses": model.loss_curve_,
            }
    return found


@pytest.mark.parametrize("process", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_two_processes_find_what_one_finds(outcomes, alone, name, process):
    ours = outcomes[process][name]
    assert isinstance(ours, dict), ours
    for what in ("components", "transform", "score", "losses"):
        np.testing.assert_allclose(ours[what], alone[name][what], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_processes_have_one_model(outcomes, name):
    for what in ("components", "transform", "score", "losses"):
        assert outcomes[0][name][what] == outcomes[1][name][what]


def test_every_process_has_its_own_rows(outcomes):
    own = [outcome["own rows"] for outcome in outcomes]
    assert [place for places, _ in own for place in places] == list(range(75))
    for outcome, (places, rows) in zip(outcomes, own, strict=True):
        np.testing.assert_array_equal(rows, np.array(outcome["drawn"]["transform"])[places])


def test_every_process_reads_its_own_rows(outcomes):
    # What fills up is not read.
    assert [outcome["read"] for outcome in outcomes] == [
        list(range(38)),
        list(range(38, 75)),
    ]


def test_processes_agree_on_a_seed_where_none_is_given(outcomes):
    assert outcomes[0]["no seed"] == outcomes[1]["no seed"]


def test_every_process_has_to_take_part(outcomes):
    for outcome in outcomes:
        assert "must be some of every process" in outcome["half of them"]
