"""Data that grows beyond the memory: rows that are read again in every pass."""

import tempfile
from pathlib import Path

import numpy as np

from skbss import MiniBatchBetaNMF

from .comparison import QUICK, in_silence, ratio

_FEATURES = 16 if QUICK else 500


class RowsOnDisk:
    """A fit of a memory-mapped array, and of the same array in memory."""

    title = "Two passes over rows on disk, against the same rows in memory"
    params = [[200, 400] if QUICK else [5_000, 50_000, 500_000]]
    param_names = ("rows",)
    unit = "ratio"
    timeout = 1800

    def track_time(self, rows):
        rng = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "X.npy"
            mapped = np.lib.format.open_memmap(path, "w+", np.float32, (rows, _FEATURES))
            for start in range(0, rows, 10_000):
                part = mapped[start : start + 10_000]
                part[...] = rng.gamma(0.3, size=(len(part), 10)) @ rng.gamma(0.3, size=(10, 1))
                part *= rng.uniform(0.5, 1.5, part.shape)
            mapped.flush()
            held, mapped = np.array(mapped), np.load(path, mmap_mode="r")

            def fit(X):
                model = MiniBatchBetaNMF(
                    10,
                    beta_loss=1,
                    init="random",
                    tol=0,
                    max_no_improvement=None,
                    max_iter=2,
                    random_state=0,
                )
                with in_silence():
                    model.fit(X)

            return ratio(lambda: fit(held), lambda: fit(mapped), repeats=3)
