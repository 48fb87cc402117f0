"""What `test_sharded_rows` asks of a process with eight devices; prints JSON."""

import json
import sys
import warnings

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from sklearn.exceptions import ConvergenceWarning

import skbss
from skbss.factorization import _divergence, _layout, _solvers

rng = np.random.default_rng(0)


def data(n_rows, dtype, n_features=20):
    product = rng.gamma(0.5, size=(n_rows, 3)) @ rng.gamma(0.5, size=(3, n_features))
    return (product * rng.uniform(0.2, 1.8, product.shape) + 1e-3).astype(dtype)


def apart(ours, expected):
    ours, expected = np.asarray(ours, float), np.asarray(expected, float)
    assert ours.shape == expected.shape, (ours.shape, expected.shape)
    return float(np.abs(ours - expected).max() / np.abs(expected).max())


def on_one(X):
    return jax.device_put(X, jax.devices()[0])


def compared(make, X, shared, weights=None):
    options = {} if weights is None else {"weights": weights}
    one, several = make().fit(on_one(X), **options), make().fit(shared, **options)
    W = several.transform(shared, **options)
    array = W.array if hasattr(W, "array") else W
    return {
        "kind": "shares" if hasattr(W, "array") else "array",
        "components": apart(several.components_, one.components_),
        "transform": apart(W, one.transform(on_one(X), **options)),
        "fit_transform": apart(make().fit_transform(shared, **options), W),
        "score": apart(several.score(shared, **options), one.score(on_one(X), **options)),
        "shares": len({str(shard.index) for shard in array.addressable_shards}),
        "largest share": list(array.addressable_shards[0].data.shape),
        "n_components": several.components_.shape[0],
    }


def tried(scenario):
    try:
        return scenario()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def single():
    few = {"random_state": 0, "max_iter": 10, "tol": 0}
    drawn = {"init": "random", **few}
    # No multiple of eight.
    whole = data(64, np.float32)
    X = whole[:61]
    gaps = X.copy()
    gaps[rng.random(X.shape) < 0.1] = np.nan
    weights = rng.uniform(0.2, 1, X.shape).astype(np.float32)
    shared = skbss.shard_rows(X)
    double = X.astype(np.float64)
    shared_double = skbss.shard_rows(double)
    plain = {
        "BetaNMF 1": lambda: skbss.BetaNMF(3, beta_loss=1, **few),
        "BetaNMF 2": lambda: skbss.BetaNMF(3, **drawn),
        "BetaNMF with penalties": lambda: skbss.BetaNMF(
            3,
            beta_loss=1,
            solver="mu",
            alpha_W=0.01,
            alpha_H=0.02,
            l1_ratio=0.5,
            fixed_components=np.abs(X[:1]),
            **drawn,
        ),
        "SparseNMF": lambda: skbss.SparseNMF(3, n_init=2, **drawn),
        "StructuredNMF": lambda: skbss.StructuredNMF(
            3, orthogonality=0.1, group_sparsity=0.1, volume=0.1, **drawn
        ),
        "ARDNMF": lambda: skbss.ARDNMF(4, **few),
        "GrowingNMF": lambda: skbss.GrowingNMF(2, beta_loss=1, **drawn),
        "OrthogonalNMF": lambda: skbss.OrthogonalNMF(3, **few),
        "HarmonicNMF": lambda: skbss.HarmonicNMF(
            (60, 62), n_bands=3, n_free_components=1, sample_rate=4000, **few
        ),
        "ESADNMF": lambda: skbss.ESADNMF(3, sad_max_iter=2, **few),
    }
    found = {}
    for name, make in plain.items():
        given = (X, shared) if name.startswith("BetaNMF") else (double, shared_double)
        found[name] = tried(lambda make=make, given=given: compared(make, *given))
    with_gaps = skbss.shard_rows(gaps)
    found["BetaNMF with gaps"] = tried(
        lambda: compared(plain["BetaNMF 1"], gaps, with_gaps, weights[:, :1])
    )
    # One of each kind: what is done with one device is tested elsewhere.
    for name, make in {
        "StructuredNMF smoothness": lambda: skbss.StructuredNMF(3, smoothness=0.1, **drawn),
        "MiniBatchBetaNMF": lambda: skbss.MiniBatchBetaNMF(3, batch_size=32, **drawn),
    }.items():
        found[name] = tried(lambda make=make: compared(make, double, shared_double))
    found["three rows"] = tried(
        lambda: compared(plain["BetaNMF 2"], X[:3], skbss.shard_rows(X[:3]))
    )
    devices = np.array(jax.devices())
    meshes = {
        "rows": (Mesh(devices[::-1], ("rows",)), PartitionSpec("rows")),
        "rows and copies": (Mesh(devices.reshape(2, 4), ("n", "m")), PartitionSpec("m")),
        "columns": (Mesh(devices.reshape(2, 4), ("n", "m")), PartitionSpec("n", "m")),
    }
    for name, (mesh, spec) in meshes.items():
        of_all = whole.astype(np.float64)
        array = jax.device_put(of_all, NamedSharding(mesh, spec))
        found[f"array by {name}"] = tried(
            lambda of_all=of_all, array=array: compared(plain["SparseNMF"], of_all, array)
        )
    model = plain["BetaNMF 2"]().fit(shared)
    found["held out"] = abs(model.score(with_gaps, y=shared) - model.score(gaps, y=X))
    found["inverse"] = apart(
        model.inverse_transform(model.transform(shared)),
        np.asarray(model.transform(shared)) @ np.asarray(model.components_),
    )
    return found


def blocks():
    # Blocks of about fifty rows, of which neither shares nor sizes are a multiple.
    _layout._LARGE, _layout._VALUES_PER_BLOCK, _layout._ROWS_PER_COMPONENT = 1 << 10, 1 << 10, 1
    X = data(403, np.float64)
    few = {"random_state": 0, "max_iter": 40, "tol": 0}
    found = {}
    for name, parameters in {
        "from singular vectors": {"beta_loss": 1, **few},
        "from random numbers": {"beta_loss": 2, "init": "random", **few},
    }.items():
        one, shared = on_one(X), skbss.shard_rows(X)

        def scenario(parameters=parameters, one=one, shared=shared):
            alone = skbss.BetaNMF(3, **parameters).fit(one)
            several = skbss.BetaNMF(3, **parameters).fit(shared)
            return {
                "components": apart(several.components_, alone.components_),
                "transform": apart(several.transform(shared), alone.transform(one)),
                "losses": apart(several.loss_curve_, alone.loss_curve_),
                "n_iter": [several.n_iter_, alone.n_iter_],
            }

        found[name] = tried(scenario)
    found["programs"] = programs()
    return found


def programs():
    """The compiled kernels of fits in blocks, and the sizes of the components in them."""
    texts = {}

    def listen(module, name):
        kernel = getattr(module, name)

        def called(data, *arguments, **options):
            if name not in texts:
                text = kernel.lower(data, *arguments, **options).compile().as_text()
                texts[name] = (text, 16, data.X.shape[-1])
            return kernel(data, *arguments, **options)

        setattr(module, name, called)

    for name in ("iterate_mu", "iterate_extrapolated", "iterate_hals", "iterate_extrapolated_hals"):
        listen(_solvers, name)
    listen(_divergence, "objective")
    shared = skbss.shard_rows(data(403, np.float32))
    for beta, solver in [(1, "mu"), (1, "auto"), (2, "cd"), (2, "auto")]:
        skbss.BetaNMF(
            3, beta_loss=beta, solver=solver, init="random", random_state=0, tol=0, max_iter=2
        ).fit(shared)
    return texts


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    json.dump({"single": single(), "blocks": blocks()}, sys.stdout)
