"""Whether exact zeros of the start stay: what factorizations say of it, and what they do."""

import itertools

import numpy as np
import pytest

from skbss import (
    ARDNMF,
    ESADNMF,
    BetaNMF,
    ConvNMF,
    HarmonicNMF,
    MiniBatchBetaNMF,
    OrthogonalNMF,
    SparseNMF,
    StructuredNMF,
)

pytestmark = pytest.mark.usefixtures("few_programs")

FACTORIZATIONS = [
    BetaNMF(3),
    BetaNMF(3, solver="mu"),
    SparseNMF(3),
    SparseNMF(3, solver="mu"),
    ARDNMF(3, prune=False),
    StructuredNMF(3),
    StructuredNMF(3, solver="mu"),
    StructuredNMF(3, smoothness=0.1),
    StructuredNMF(3, orthogonality=0.1),
    StructuredNMF(3, group_sparsity=0.01, solver="mu"),
    StructuredNMF(3, volume=1e-3),
    ConvNMF(3, template_length=2),
    ConvNMF(3, template_length=2, solver="mu"),
    ConvNMF(3, template_length=2, solver="averaged", sparsity=0),
]


@pytest.mark.parametrize(
    ("model", "beta"),
    [*itertools.product(FACTORIZATIONS, [0, 1, 2]), (BetaNMF(3, solver="cd"), 2)],
    ids=str,
)
def test_what_is_said_of_zeros_is_true(model, beta):
    rng = np.random.default_rng(0)
    shape = (3, 12) if not hasattr(model, "template_length") else (3, 2, 12)
    X = rng.random((30, 12))
    W = rng.random((30, 3)) * (rng.random((30, 3)) < 0.6)
    H = rng.random(shape) * (rng.random(shape) < 0.6)
    model.set_params(init="custom", beta_loss=beta, tol=0, max_iter=20)
    found = model.fit_transform(X, W=W, H=H)
    stay = not (found[W == 0].any() or model.components_[H == 0].any())
    assert stay == (model._moves_zeros_because is None)


@pytest.mark.parametrize(
    "model", [ESADNMF(), HarmonicNMF(), MiniBatchBetaNMF(), OrthogonalNMF()], ids=str
)
def test_what_does_not_go_on_from_a_start_says_so(model):
    assert "use BetaNMF" in model._moves_zeros_because
