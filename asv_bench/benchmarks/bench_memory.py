"""How much memory a factorization takes at most."""

import math
import tempfile

from .libraries import is_installed
from .problems import problem
from .processes import call, peak_of_fit, store


class PeakMemory:
    """The most that a fit takes, data included, as a multiple of the size of the data."""

    title = "Peak memory of a fit, as a multiple of the size of the data"
    params = [["music"], [2.0, 1.0, 0.0, 0.5], ["skbss", "scikit-learn", "torchnmf"]]
    param_names = ("workload", "beta", "library")
    unit = "sizes of the data"
    timeout = 1800

    def track_peak(self, workload, beta, library):
        if not is_installed(library):
            return math.nan
        with tempfile.TemporaryDirectory() as folder:
            store(problem(workload, beta), folder)
            # Memory does not grow with iterations: all steps of a fit have begun by then.
            return call(peak_of_fit, library, folder, beta, 20)
