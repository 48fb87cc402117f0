"""What a user waits in a fresh process, from import to result."""

import contextlib
import math
import tempfile

from .comparison import PEERS, ratio
from .problems import problem
from .processes import call, fit_once, store
from .time_to_loss import iterations

BETAS = [2.0, 1.0, 0.0, 0.5]


class ColdProcess:
    """Whole processes to the same loss: import, reading the data, compilation and fit."""

    title = "A fresh process, from import to result"
    params = [["speech"], BETAS, ["empty", "filled"], PEERS]
    param_names = ("workload", "beta", "compilation cache", "peer")
    unit = "ratio"
    timeout = 1800

    def track_time(self, workload, beta, cache, peer):
        counts = {name: iterations(name, workload, beta, 0) for name in ("skbss", peer)}
        if None in counts.values():
            return math.nan
        with contextlib.ExitStack() as stack:
            folder, kept = (stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2))
            store(problem(workload, beta), folder)
            kept = kept if cache == "filled" else None

            def process(library):
                call(fit_once, library, folder, beta, counts[library], cache=kept)

            return ratio(lambda: process(peer), lambda: process("skbss"), repeats=3)
