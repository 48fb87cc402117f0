"""Separation of real recordings, where they are: beside the repository, never in it."""

import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbss import STFT, BetaNMF, Separator
from skbss.metrics import si_sdr

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not (DATA / "tasks.json").exists(), reason="no recordings here")


def load_task(name):
    # Run, not imported: an import would leave its compiled form in a folder that is not ours.
    loader = runpy.run_path(str(DATA / "load_tasks.py"))
    (task,) = loader["load_tasks"](DATA, name)
    return task


@pytest.fixture(scope="module")
def speakers():
    """Two speakers who read at once, and other sentences of each of them alone."""
    return load_task("speech_aew1_axb4")


@pytest.mark.parametrize("init", ["random", "nndsvda"])
def test_two_speakers_are_told_apart_by_what_else_they_said(speakers, init):
    length = min(map(len, speakers.train))
    train = np.stack([sentence[:length] for sentence in speakers.train]).astype(np.float32)
    factorizer = BetaNMF(20, beta_loss="kullback-leibler", init=init, max_iter=100, tol=1e-3)
    separator = Separator(factorizer, stft=STFT(1024), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        separator.fit(train.sum(axis=0), train)
        mixture, references = speakers.mixture[0].astype(np.float32), speakers.refs
        estimates = separator.transform(mixture)
    gain = si_sdr(references, estimates) - si_sdr(references, np.stack([mixture, mixture]))
    # Other seeds and numbers of atoms give 3.8 to 4.5 dB; a dictionary of the wrong speaker loses.
    assert (gain > 3).all()
