"""Factorizations that solve for every recording of new data as a whole."""

from abc import abstractmethod
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._runtime.blocks import bucket
from skbss._runtime.device import is_jax_array, movable, precision
from skbss._runtime.loop import run_loop
from skbss._runtime.warning import warn
from skbss.factorization._base import BaseNMF
from skbss.factorization._observations import compute_dtype, weight_sums
from skbss.factorization._rules import CHECK_EVERY, bounded
from skbss.factorization._side_by_side import SIZES, Recording, SideBySide
from skbss.factorization._solvers import make_solver

# Recordings are solved for together as far as so many numbers go: 32 MB in double precision.
_VALUES_AT_ONCE = 1 << 22


class RecordingNMF(BaseNMF):
    """A factorization in which the frames of a recording hang together."""

    @abstractmethod
    def _observe(self, checked, n_components, dtype):
        """What the kernels are given."""

    @abstractmethod
    def _start_of_recording(self, observed, H):
        """Its first activations."""

    @abstractmethod
    def _level_of_components(self, H):
        """By what to divide components to solve: a number, or of shape (n_components, 1)."""

    @abstractmethod
    def _penalty_on_recording(self, recording, observed):
        """The penalty that the components were learned with."""

    @abstractmethod
    def _recording_solver(self):
        """Name of what finds the activations."""

    def _activations(self, checked, H=None):
        """Activations of every recording by itself; whether all converged; the iterations taken."""
        H = self.components_ if H is None else H
        self._warn_of_unobserved(checked)
        recordings = [_without_even_weights(one) for one in checked.recordings()]
        xp = jnp if is_jax_array(checked.X) else np
        W, converged, n_iter = [None] * len(recordings), True, 0
        for places in self._sets_of_like_size(recordings, len(H)):
            found = self._solve([recordings[place] for place in places], H)
            for place, one in zip(places, found[0], strict=True):
                W[place] = one
            converged, n_iter = converged and found[1], max(n_iter, found[2])
        return xp.concatenate(W), converged, n_iter

    def _sets_of_like_size(self, recordings, n_components):
        """Places of recordings that are solved for together: of about the same length."""
        like: dict[Any, list[int]] = {}
        for place, one in enumerate(recordings):
            # Entries of sparse data lie alike in no two recordings.
            kind = place if sp.issparse(one.X) else one.weights is None
            like.setdefault((bucket(one.X.shape[0]), kind), []).append(place)
        frame = self._values_per_frame(recordings[0].X.shape[1], n_components)
        for (n_frames, _), places in like.items():
            most = max(1, _VALUES_AT_ONCE // (n_frames * frame))
            while places:
                size = max(size for size in SIZES if size == 1 or size <= min(most, len(places)))
                yield places[:size]
                places = places[size:]

    @abstractmethod
    def _values_per_frame(self, n_features, n_components):
        """How many numbers an iteration holds for a frame, about."""

    @staticmethod
    def _warn_of_unobserved(checked):
        seen = [
            bool((weight_sums(one.X, one.weights, axis=1) > 0).any())
            for one in checked.recordings()
        ]
        if not all(seen):
            warn(
                f"Recording {seen.index(False)} of X has no observed entry "
                f"({len(seen) - sum(seen)} such recordings): its activations are zeros."
            )

    def _solve(self, recordings, H):
        X, dtype = recordings[0].X, compute_dtype(recordings[0].X.dtype, self._beta)
        xp = jnp if is_jax_array(X) else np
        with precision(dtype):
            each = [self._observe(one, len(H), dtype) for one in recordings]
            H = xp.asarray(movable(H, X), dtype)
            level = self._level_of_components(H)
            layout = each[0].layout
            H = layout.lay_out_components(H / level)
            members = [
                Recording(
                    observed.data,
                    self._start_of_recording(observed, H),
                    self._penalty_on_recording(one, observed),
                )
                for one, observed in zip(recordings, each, strict=True)
            ]
            settings = self._settings(members[0].penalty, dtype, layout.n_components, self.max_iter)
            solve = _solve_alone if len(members) == 1 else _solve_side_by_side
            found, converged, n_iter = solve(
                self._recording_solver(), members, H, settings, layout, dtype
            )
            W = []
            for one, observed in zip(found, each, strict=True):
                rows = observed.layout.gather(one, layout.n_components, xp)
                gain = 0 if observed.silent else observed.scale / np.asarray(level).reshape(-1)
                W.append((rows * xp.asarray(gain, dtype)).astype(X.dtype))
        return W, converged or self.tol == 0, n_iter


def _without_even_weights(recording):
    """A complete recording must not feel the gaps of others."""
    if recording.weights is None or not bool((recording.weights == 1).all()):
        return recording
    return recording._replace(weights=None)


def _solve_side_by_side(name, members, H, settings, layout, dtype):
    return SideBySide(name, H, settings, dtype).solve(members)


def _solve_alone(name, members, H, settings, layout, dtype):
    (only,) = members
    penalty = bounded(only.penalty, dtype)
    solver = make_solver(name, np.zeros(layout.rank, bool), settings, dtype)
    state = run_loop(
        lambda state, until: solver.advance(only.data, state, penalty, until),
        solver.start(only.data, only.W, H, penalty),
        settings.max_iter,
        stride=CHECK_EVERY,
    )
    return [state.W], state.done, state.n_iter
