"""Every factorization with rows shared out among eight devices gives what it gives on one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded_rows_program.py")

IN_PLACE = [
    "BetaNMF 1",
    "BetaNMF 2",
    "BetaNMF with penalties",
    "BetaNMF with gaps",
    "SparseNMF",
    "StructuredNMF",
    "ARDNMF",
    "GrowingNMF",
    "OrthogonalNMF",
    "HarmonicNMF",
    "ESADNMF",
]
ON_ONE_DEVICE = ["StructuredNMF smoothness", "MiniBatchBetaNMF"]


@pytest.fixture(scope="module")
def outcomes():
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # what lies where is the question, not speed
    }
    result = subprocess.run(
        [sys.executable, "-W", "error", PROGRAM],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def in_single(outcomes):
    return outcomes["single"]


@pytest.fixture(scope="module")
def in_blocks(outcomes):
    return outcomes["blocks"]


@pytest.mark.parametrize("name", [*IN_PLACE, *ON_ONE_DEVICE])
def test_rows_on_eight_devices_give_the_same_as_on_one(in_single, name):
    found = in_single[name]
    assert isinstance(found, dict), found
    # Of the largest entry, in single and in double precision.
    most = 1e-5 if name.startswith("BetaNMF") else 1e-10
    for what in ("components", "transform", "fit_transform", "score"):
        assert found[what] < most, (what, found[what])


@pytest.mark.parametrize("name", IN_PLACE)
def test_activations_stay_where_the_rows_lie(in_single, name):
    assert in_single[name]["shares"] == 8
    assert in_single[name]["largest share"] == [8, in_single[name]["n_components"]]


@pytest.mark.parametrize("name", ON_ONE_DEVICE)
def test_others_bring_rows_to_one_device(in_single, name):
    assert in_single[name]["shares"] == 1


@pytest.mark.parametrize("name", ["rows", "rows and copies", "columns"])
def test_arrays_of_jax_come_back_as_such(in_single, name):
    found = in_single[f"array by {name}"]
    assert isinstance(found, dict), found
    assert found["kind"] == "array"
    for what in ("components", "transform", "fit_transform", "score"):
        assert found[what] < 1e-10, (what, found[what])


def test_there_can_be_more_devices_than_rows(in_single):
    found = in_single["three rows"]
    assert isinstance(found, dict), found
    assert found["components"] < 1e-5
    assert found["transform"] < 1e-5


def test_held_out_entries_are_scored(in_single):
    assert in_single["held out"] < 1e-6


def test_activations_bring_the_data_back(in_single):
    assert in_single["inverse"] < 1e-6


@pytest.mark.parametrize("name", ["from singular vectors", "from random numbers"])
def test_blocks_and_samples_of_rows_are_those_of_one_device(in_blocks, name):
    found = in_blocks[name]
    assert isinstance(found, dict), found
    # Fits of this size begin with a sample of the rows, and go on for as long as rounding in double
    # precision allows.
    assert found["components"] < 1e-9
    assert found["transform"] < 1e-9
    assert found["losses"] < 1e-9
    assert found["n_iter"][0] == found["n_iter"][1]


def exchanges(program):
    """The loops around every exchange between devices in a compiled program, and what it sends."""
    computation = re.compile(
        r"^(?:ENTRY )?%?([\w.\-]+) \(.*?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL
    )
    bodies = {match[1]: match[2] for match in computation.finditer(program)}
    callers = {}
    for name, text in bodies.items():
        for kind, called in re.findall(r"(body|condition|calls|to_apply)=%?([\w.\-]+)", text):
            callers[called] = (name, kind == "body")

    def loops(name):
        if name not in callers:
            return 0
        caller, is_loop = callers[name]
        return is_loop + loops(caller)

    found = []
    kinds = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
    for name, text in bodies.items():
        for line in text.splitlines():
            match = re.search(rf"= (.*?) ({kinds})(?:-start)?\(", line)
            if match:
                found.append((match[2], loops(name), match[1]))
    return found


@pytest.mark.parametrize(
    "kernel",
    ["iterate_mu", "iterate_extrapolated", "iterate_hals", "iterate_extrapolated_hals"],
)
def test_an_iteration_exchanges_once(in_blocks, kernel):
    program, rank, width = in_blocks["programs"][kernel]
    # Within the loop over iterations, and not in that over blocks of rows.
    ((kind, loops, sent),) = exchanges(program)
    assert (kind, loops) == ("all-reduce", 1)
    numbers = int(re.fullmatch(r"f32\[(\d+)\]\S*", sent)[1])
    assert numbers <= 2 * rank * width + rank * rank + rank + 2


def test_a_look_at_the_objective_exchanges_two_numbers(in_blocks):
    program, _, _ = in_blocks["programs"]["objective"]
    ((kind, loops, sent),) = exchanges(program)
    assert (kind, loops) == ("all-reduce", 0)
    assert sent.startswith("f32[2]")
