"""What `test_processes` asks of every process; prints JSON."""

import json
import sys

import jax
import numpy as np

import skbss
from skbss._runtime import sharded_rows
from skbss.factorization import _layout


def fitted(model, X):
    rows = skbss.shard_rows(X)
    W = model.fit(rows).transform(rows)
    return {
        "components": np.asarray(model.components_).tolist(),
        "transform": np.asarray(W).tolist(),
        "score": model.score(rows),
        "losses": model.loss_curve_.tolist(),
    }


def tried(scenario):
    try:
        return scenario()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def rows_read(on_disk):
    """Which rows of the file are asked for."""
    read, in_memory = set(), sharded_rows.in_memory

    def listening(block):
        first = (block.ctypes.data - on_disk.ctypes.data) // on_disk.strides[0]
        read.update(range(first, first + len(block)))
        return in_memory(block)

    sharded_rows.in_memory = listening
    skbss.shard_rows(on_disk)
    sharded_rows.in_memory = in_memory
    return sorted(read)


def main(folder, port, n_processes, process, models):
    # skbss has not asked JAX for devices so far, nor would it begin this by itself.
    if n_processes > 1:
        jax.distributed.initialize(
            f"127.0.0.1:{port}", n_processes, process, initialization_timeout=60
        )
    # Blocks of about fifty rows.
    _layout._LARGE, _layout._VALUES_PER_BLOCK, _layout._ROWS_PER_COMPONENT = 1 << 9, 1 << 9, 1
    on_disk = np.load(f"{folder}/X.npy", mmap_mode="r")
    found = {}
    for name, (kind, parameters, data) in models.items():
        model = getattr(skbss, kind)(**parameters)
        X = np.load(f"{folder}/{data}.npy", mmap_mode="r")
        found[name] = tried(lambda model=model, X=X: fitted(model, X))
    rows = skbss.shard_rows(on_disk)
    places, own = skbss.BetaNMF(**models["drawn"][1]).fit(rows).transform(rows).local()
    found["own rows"] = [places.tolist(), own.tolist()]
    found["read"] = rows_read(on_disk)
    seedless = skbss.BetaNMF(**{**models["drawn"][1], "random_state": None, "max_iter": 3})
    found["no seed"] = tried(lambda: np.asarray(seedless.fit(rows).components_).tolist())
    found["half of them"] = tried(lambda: repr(skbss.shard_rows(on_disk, jax.local_devices())))
    return found


if __name__ == "__main__":
    given = sys.argv[1], *map(int, sys.argv[2:5]), json.loads(sys.argv[5])
    json.dump(main(*given), sys.stdout)
