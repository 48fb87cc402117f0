"""What importing costs, in fresh interpreters."""

import subprocess
import sys

from .comparison import QUICK, ratio


def run_python(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def track_import():
    """Importing scikit-learn's NMF, against importing skbss."""
    return ratio(
        lambda: run_python("from sklearn.decomposition import NMF"),
        lambda: run_python("import skbss"),
        repeats=1 if QUICK else 7,
    )


def track_import_of_beta_nmf():
    """Importing scikit-learn's NMF, against importing BetaNMF and with it JAX."""
    return ratio(
        lambda: run_python("from sklearn.decomposition import NMF"),
        lambda: run_python("from skbss import BetaNMF"),
        repeats=1 if QUICK else 7,
    )


for benchmark in (track_import, track_import_of_beta_nmf):
    benchmark.unit = "ratio"
