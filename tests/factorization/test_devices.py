"""Models and data on different devices: eight CPUs of one process."""

import json
import subprocess
import sys

import numpy as np
import pytest

# Devices are counted when JAX starts, so that all of this needs a process of its own.
PROGRAM = """
import json, os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # what lies where is the question, not speed
import jax, numpy as np
from skbss import BetaNMF, MiniBatchBetaNMF

# Rounding, which the order of sums decides on, is carried on by all iterations: leave little of it.
jax.config.update("jax_enable_x64", True)
devices = jax.devices()
rng = np.random.default_rng(0)
X = rng.gamma(0.5, size=(64, 3)) @ rng.gamma(0.5, size=(3, 12)) * rng.uniform(0.2, 1.8, (64, 12))
zero, three = (jax.device_put(X, where) for where in (devices[0], devices[3]))


def model(beta, **parameters):
    parameters = {"init": "random", "random_state": 0, "tol": 0, "max_iter": 25, **parameters}
    return BetaNMF(3, beta_loss=beta, **parameters)


def on(array):
    return sorted(device.id for device in array.devices())


def alone(beta):
    fitted = model(beta).fit(zero)
    W = fitted.transform(zero)
    return {
        "components": fitted.components_.tolist(),
        "transform": W.tolist(),
        "score": fitted.score(zero),
        "on": [on(fitted.components_), on(W)],
    }


def elsewhere():
    fitted = model(1).fit(zero)
    W = fitted.transform(three)
    return {
        "transform": W.tolist(),
        "score": fitted.score(three),
        "on": [on(W), on(fitted.inverse_transform(W)), on(fitted.components_)],
    }


def learn_on_both():
    fitted = MiniBatchBetaNMF(3, init="random", random_state=0, beta_loss=1)
    together = fitted.partial_fit(zero).partial_fit(zero).components_
    fitted = MiniBatchBetaNMF(3, init="random", random_state=0, beta_loss=1)
    apart = fitted.partial_fit(zero).partial_fit(three).components_
    return {"together": together.tolist(), "apart": apart.tolist()}


outcomes = {}
for name, scenario in [
    ("alone 1", lambda: alone(1)),
    ("elsewhere", elsewhere),
    ("learn on both", learn_on_both),
]:
    try:
        outcomes[name] = scenario()
    except Exception as error:
        outcomes[name] = f"{type(error).__name__}: {error}"
json.dump(outcomes, sys.stdout)
"""


@pytest.fixture(scope="module")
def outcomes():
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def close(ours, expected):
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-7)


def test_results_lie_where_the_data_lies(outcomes):
    assert outcomes["alone 1"]["on"] == [[0], [0]]


def test_a_model_from_one_device_is_used_on_another(outcomes):
    ours, expected = outcomes["elsewhere"], outcomes["alone 1"]
    assert isinstance(ours, dict), ours
    # The components stay where they were learned, what is made of the data with the data.
    assert ours["on"] == [[3], [3], [0]]
    close(ours["transform"], expected["transform"])
    assert ours["score"] == pytest.approx(expected["score"], rel=1e-6)


def test_batches_come_from_several_devices(outcomes):
    ours = outcomes["learn on both"]
    assert isinstance(ours, dict), ours
    close(ours["apart"], ours["together"])
