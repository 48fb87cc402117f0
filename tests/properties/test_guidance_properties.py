"""Properties of starts from guides, on drawn notes, onsets and masks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skbss import STFT, BetaNMF, ConvNMF
from skbss.guidance import note_activations, note_components, onset_activations
from skbss.guidance._paint import completed_shares

RATE, N_FRAMES = 1000, 24
front_ends = st.builds(
    STFT,
    st.sampled_from([32, 64, 63]),
    hop_length=st.sampled_from([8, 15, 16]),
    center=st.booleans(),
)
# The shortest clip that these front ends turn into so many frames.
DURATION = (N_FRAMES - 1) * 8 / RATE
notes = st.lists(
    st.tuples(st.floats(0, DURATION), st.floats(0, 0.3), st.sampled_from([40, 60.5, 72])),
    min_size=1,
    max_size=8,
)
tolerances = st.floats(0, 0.1)


def middles(front_end):
    hop = front_end.hop_length
    first = 0 if front_end.center else front_end.n_fft // 2
    return (first + hop * np.arange(N_FRAMES)) / RATE


@settings(deadline=None)
@given(notes=notes, front_end=front_ends, before=tolerances, after=tolerances)
def test_frames_of_notes(notes, front_end, before, after):
    settings = {"sample_rate": RATE, "stft": front_end}
    W = note_activations(
        notes, N_FRAMES, **settings, onset_tolerance=before, offset_tolerance=after
    )
    times, half_a_hop = middles(front_end), front_end.hop_length / RATE / 2
    for k, pitch in enumerate(sorted({note[2] for note in notes})):
        own = [note for note in notes if note[2] == pitch]
        for n, time in enumerate(times):
            distances = [max(o - before - time, time - o - d - after) for o, d, _ in own]
            if min(distances) < -1e-9:
                assert W[n, k] == 1
            elif min(distances) > half_a_hop + before + 1e-9 and time > times[0]:
                assert W[n, k] == 0
        assert W[:, k].any()
    wider = note_activations(
        notes, N_FRAMES, **settings, onset_tolerance=before + 0.01, offset_tolerance=after + 0.01
    )
    assert (wider >= W).all()


@settings(deadline=None)
@given(
    onsets=st.lists(st.floats(0, DURATION), max_size=5),
    front_end=front_ends,
    tolerance=tolerances,
    duration=st.floats(0, 0.2),
    decay=st.none() | st.floats(1e-3, 1),
)
def test_frames_of_onsets(onsets, front_end, tolerance, duration, decay):
    settings = {"sample_rate": RATE, "stft": front_end, "onset_tolerance": tolerance}
    W = onset_activations([onsets], N_FRAMES, **settings, duration=duration, decay=decay)
    flat = onset_activations([onsets], N_FRAMES, **settings, duration=duration)
    np.testing.assert_array_equal(W > 0, flat > 0)
    assert (W <= 1).all()
    each = [
        onset_activations([[onset]], N_FRAMES, **settings, duration=duration, decay=decay)
        for onset in onsets
    ]
    np.testing.assert_array_equal(W, np.max([np.zeros_like(W), *each], axis=0))


@settings(deadline=None)
@given(
    pitch=st.floats(30, 90),
    n_fft=st.sampled_from([512, 1024, 2048]),
    tolerance=st.floats(0, 1),
    more=st.floats(0.1, 1),
)
def test_combs_grow_with_the_tolerance(pitch, n_fft, tolerance, more):
    settings = {"sample_rate": 8000, "stft": STFT(n_fft)}
    narrow, wide = (
        note_components([pitch], **settings, pitch_tolerance=t)[0]
        for t in (tolerance, tolerance + more)
    )
    assert (wide[narrow > 0] > 0).all()
    assert narrow.max() == 1
    first = 440 * 2 ** ((pitch - 69) / 12)
    partials = first * np.arange(1, int(4000 / first) + 1)
    # The bins on both sides of every partial are open.
    below = np.floor(partials * n_fft / 8000).astype(int)
    assert (narrow[below] > 0).all()


shares = st.one_of(st.just(np.nan), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@settings(deadline=None)
@given(paint=hnp.arrays(np.float32, (3, 2, 4), elements=shares))
def test_completed_shares_add_up(paint):
    known = ~np.isnan(paint)
    total = np.where(known, paint, 0).sum(axis=0)
    assume((total <= 1).all())
    assume((total[known.all(axis=0)] == 1).all())
    completed = completed_shares(list(paint))
    np.testing.assert_array_equal(completed[known], paint[known])
    filled = ~np.isnan(completed)
    everywhere = filled.all(axis=0)
    np.testing.assert_allclose(completed[:, everywhere].sum(axis=0), 1, rtol=1e-6)
    # What is left open could be anything: two sources at least, and something to share.
    assert ((~filled).sum(axis=0)[~everywhere] >= 2).all()
    assert (np.where(filled, completed, 0).sum(axis=0)[~everywhere] < 1).all()


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 2**16),
    beta=st.sampled_from([0.0, 0.5, 1.0, 1.5, 3.0]),
    template_length=st.sampled_from([None, 3]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_exact_zeros_of_a_start_stay(seed, beta, template_length, dtype):
    rng = np.random.default_rng(seed)
    X = rng.gamma(1, size=(24, 12)).astype(dtype)
    W = (rng.random((24, 4)) < 0.5).astype(dtype)
    shape = (4, 12) if template_length is None else (4, template_length, 12)
    H = (rng.random(shape) * (rng.random(shape) < 0.7)).astype(dtype)
    assume((W.max(axis=0) > 0).all())
    settings = {"init": "custom", "beta_loss": beta, "max_iter": 40, "tol": 0}
    if template_length is None:
        model = BetaNMF(4, **settings, fixed_components=H[:1])
    else:
        model = ConvNMF(
            4, **settings, template_length=template_length, sparsity=0, fixed_components=H[:1]
        )
    found = model.fit_transform(X, W=W, H=H)
    np.testing.assert_array_equal(found[W == 0], 0)
    np.testing.assert_array_equal(model.components_[H == 0], 0)
    np.testing.assert_array_equal(model.components_[:1], H[:1])


pytestmark = pytest.mark.usefixtures("few_programs")
