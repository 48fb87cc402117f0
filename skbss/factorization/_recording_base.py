"""Factorizations that solve for every recording of new data as a whole."""

from abc import abstractmethod

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array, movable, precision
from skbss._runtime.loop import run_loop
from skbss._runtime.warning import warn
from skbss.factorization._base import BaseNMF
from skbss.factorization._observations import compute_dtype, floor_of, weight_sums
from skbss.factorization._rules import CHECK_EVERY, Settings, bounded
from skbss.factorization._solvers import make_solver


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
        found = [self._solve_recording(one, H) for one in checked.recordings()]
        W, converged, n_iter = zip(*found, strict=True)
        xp = jnp if is_jax_array(checked.X) else np
        return xp.concatenate(W), all(converged), max(n_iter)

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

    def _solve_recording(self, recording, H):
        X, beta, dtype = recording.X, self._beta, compute_dtype(recording.X.dtype, self._beta)
        xp = jnp if is_jax_array(X) else np
        with precision(dtype):
            observed = self._observe(recording, len(H), dtype)
            layout, data = observed.layout, observed.data
            H = xp.asarray(movable(H, X), dtype)
            level = self._level_of_components(H)
            H = layout.lay_out_components(H / level)
            settings = Settings(
                beta=beta,
                penalty=self._penalty_on_recording(recording, observed),
                floor=floor_of(dtype, beta),
                tol=float(self.tol),
                max_iter=self.max_iter,
                shuffle=False,
                random_state=None,
                n_components=layout.n_components,
            )
            penalty = bounded(settings.penalty, dtype)
            none = np.zeros(layout.rank, bool)
            solver = make_solver(self._recording_solver(), none, settings, dtype)
            state = solver.start(data, self._start_of_recording(observed, H), H, penalty)
            state = run_loop(
                lambda state, until: solver.advance(data, state, penalty, until),
                state,
                self.max_iter,
                stride=CHECK_EVERY,
            )
            W = layout.gather(state.W, layout.n_components, xp)
            gain = 0 if observed.silent else observed.scale / np.asarray(level).reshape(-1)
            W = W * xp.asarray(gain, dtype)
        return W.astype(X.dtype), state.done or self.tol == 0, state.n_iter
