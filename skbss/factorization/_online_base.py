"""What is common to factorizations that learn from one batch of rows at a time."""

import contextlib
import math
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from skbss._kernels.online import OnlineState, online_step, start_online
from skbss._runtime.callbacks import CallbackSupportMixin, IterationCallbacks, with_callbacks
from skbss._runtime.device import for_kernels, is_jax_array, movable, precision
from skbss._runtime.loop import wait_for
from skbss._runtime.row_streams import in_memory, row_stream
from skbss.factorization._activations import solve_activations
from skbss.factorization._batch_monitor import BatchMonitor
from skbss.factorization._batches import HeldBatches, StreamedBatches
from skbss.factorization._divergence import model_error, relative_power
from skbss.factorization._observations import (
    compute_dtype,
    floor_of,
    observe,
)
from skbss.factorization._restoring import unchanged_on_error
from skbss.factorization._row_base import RowNMF
from skbss.factorization._rows_to_learn import HeldRows, StreamedRows, recut, rows_of_sample
from skbss.factorization._rules import bounded, step_rules
from skbss.factorization._start import check_start, start_by_rows


class OnlineNMF(CallbackSupportMixin, RowNMF):
    """Learns from one batch of rows at a time, by sums of what earlier batches asked for."""

    batch_size: int
    forget_factor: float
    fresh_restarts: bool
    fresh_restarts_max_iter: int
    transform_max_iter: int | None
    components_: Any
    _memory: tuple[Any, ...]

    _parameter_constraints: dict = {
        **RowNMF._parameter_constraints,
        "max_no_improvement": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "forget_factor": [Interval(Real, 0, 1, closed="both")],
        "fresh_restarts": ["boolean"],
        "fresh_restarts_max_iter": [Interval(Integral, 1, None, closed="left")],
        "transform_max_iter": [Interval(Integral, 1, None, closed="left"), None],
    }

    _warns_in_transform = False

    @abstractmethod
    def _penalty(self, shape, scale):
        """The penalty for data of this shape divided by `scale`, factors by its square root."""

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features), or iterable of blocks of rows
            Non-negative training data; NaN where not observed. What is not in memory is read block
            by block: a memory-mapped array, an array of Dask, or whatever yields blocks of rows, of
            which the result has the common precision, and is of JAX if all blocks are. An
            iterator, which yields them once, is learned from as ``partial_fit`` learns from every
            `batch_size` rows, to the end: `max_iter`, `tol`, `max_no_improvement`, `verbose` and
            callbacks have no part in that.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``. The estimator then is what it was before.
        """
        with unchanged_on_error(self):
            self._learn(X, y, W, H, weights, transforms=row_stream(X) is None)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features), or iterable of blocks of rows
            Non-negative training data; NaN where not observed. Read as in ``fit``, but more than
            once.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``; with ``init="custom"`` the activations that were
            learned along with the components. An array in memory, wherever X is read from.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if W, H or `fixed_components` do
            not fit; if X is an iterator, and there are W or `weights`, or activations are asked
            for; if an iterable yields another number of rows later on.
        TypeError
            If W or H have another precision than X.
        OSError
            If there is no room for a temporary file.
        FloatingPointError
            If the numbers overflow, which a far-off `beta_loss` brings about.
        """
        with unchanged_on_error(self):
            return self._learn(X, y, W, H, weights, transforms=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, W=None, H=None, weights=None):
        """Learn from one more batch of data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative data of the batch; NaN where not observed. It is taken in the precision of
            the first batch.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            As H. The activations of a batch are always solved for, so that only the scale of
            the components depends on it, where H is not given.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``; read in the first call only.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``, but for columns without any observed entry.
        """
        first = not hasattr(self, "components_")
        dtype = None if first else self.components_.dtype
        with unchanged_on_error(self):
            self._learn_from(self._check_batch(in_memory(X), weights, first, dtype), W, H)
        return self

    def _check_batch(self, X, weights, first, dtype):
        """A batch, checked against those before it if it is not the first, in their precision."""
        checked = self._check_input(X, weights, reset=first).completed()
        if first:
            return checked
        X, weights = checked.X.astype(dtype, copy=False), checked.weights
        weights = weights if weights is None else weights.astype(dtype, copy=False)
        return checked._replace(X=X, weights=weights)

    def _learn_from(self, batch, W, H):
        """One more batch."""
        X, first = batch.X, not hasattr(self, "components_")
        dtype = compute_dtype(X.dtype, self._beta)
        with precision(dtype):
            if first:
                self.n_steps_ = 0
            elif not self._begun and self.init == "custom":
                H = self.components_
            if first or not self._begun:
                self._begin(X, HeldRows(batch, self._sample_size), W, H, dtype)
            observed = self._observe(batch)
            memory = [movable(part, X) for part in self._memory]
            state = OnlineState(*map(observed.layout.lay_out_components, memory))
            _, state, *_ = self._step(observed, X.shape, None, state)
            self._keep(X, self._gathered(observed.layout, state, X))
        self.n_steps_ += 1

    def _learn(self, X, y, W, H, weights, *, transforms):
        """Learn the components; find the activations, if it `transforms`."""
        stream = row_stream(X)
        if stream is not None and not stream.repeats:
            return self._learn_once(stream, W, H, weights, transforms=transforms)
        given = X
        if stream is None:
            observed = self._check_input(X, weights, reset=True)
            given, checked = observed.X, observed.completed()
            self._check_columns(checked.X, checked.weights)
            X = checked.X
            rows: Any = HeldRows(checked, self._sample_size)
        else:
            X = rows = StreamedRows(stream, weights, self._check_block, self._sample_size)
            self._refuse_unseen(rows.totals)
        dtype = compute_dtype(rows.dtype, self._beta)
        n_rows = rows.shape[0]
        kind = HeldBatches if stream is None else StreamedBatches
        with precision(dtype):
            start = self._begin(X, rows, W, H, dtype)
            start = None if self.fresh_restarts else start
            size = min(self.batch_size, n_rows)
            with contextlib.closing(kind(rows, size, self._observe, start, dtype)) as batches:
                callbacks = IterationCallbacks(self, given, y, self._n_steps(n_rows))
                self._run(X, n_rows, batches, callbacks)
                on_device = stream is not None and rows.on_device
                if on_device:
                    self.components_ = jnp.asarray(self.components_)
                    self._memory = tuple(map(jnp.asarray, self._memory))
                if not transforms:
                    self.__dict__.pop("reconstruction_err_", None)
                    return None
                learned = self.init == "custom" and start is not None
                xp = jnp if is_jax_array(X) else np
                W = self._learned(X, batches.activations(xp)) if learned else None
        W = self._activations_and_error(rows, W)
        return jnp.asarray(W) if on_device else W

    def _learned(self, X, W):
        """Activations as they were learned along with the components."""
        levels = self._levels(self._in_units(X, self._memory[0]))
        return (self._in_units(X, W) * levels).astype(X.dtype)

    def _activations_and_error(self, rows, learned):
        """Activations of all rows; keep the error."""
        errors = []
        first = 0
        found: Any = None
        for part in rows.parts():
            X, weights = part.X, part.weights
            stop = first + X.shape[0]
            if learned is None:
                W, _, _ = self._activations(part)
            else:
                W = self._clear_unobserved(X, weights, learned[first:stop])
            errors.append(model_error(X, weights, W, self.components_, self._beta))
            if first == 0 and stop == rows.shape[0]:
                found = W
            else:
                # Parts in a list would be there twice in the end.
                found = np.empty((rows.shape[0], W.shape[1]), W.dtype) if found is None else found
                found[first:stop] = np.asarray(W)
            first = stop
        # Squares of the largest numbers overflow.
        self.reconstruction_err_ = math.hypot(*errors)
        return found.reshape(*rows.leading, found.shape[-1])

    def _learn_once(self, stream, W, H, weights, *, transforms):
        """From rows that come a single time, as ``partial_fit`` learns from one batch of them."""
        if transforms:
            raise ValueError(
                "Rows of an iterator come once: use fit, and transform other rows, or give "
                "something that can be iterated over again."
            )
        if W is not None or weights is not None:
            raise ValueError(
                "Rows of an iterator come once: use fit(X) without W and weights. Mark entries "
                "that were not observed by NaN, or give something that can be iterated over again."
            )
        for name in ("components_", "reconstruction_err_", "n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        dtype = None

        def checked():
            nonlocal dtype
            for block in stream:
                batch = self._check_batch(block, None, dtype is None, dtype)
                dtype = batch.X.dtype
                yield batch

        for batch in recut(checked(), self.batch_size):
            self._learn_from(batch, None, H)
        if not hasattr(self, "components_"):
            raise ValueError("X has no rows: give blocks with at least one row.")
        self.n_iter_ = 1

    def _check_block(self, X, weights, first):
        """A block of many, checked."""
        return self._check_input(X, weights, reset=first).completed()

    def _sample_size(self, n_features):
        """How many rows say at most where to start from; 0 if none do."""
        if self.init in ("random", "custom"):
            return 0
        at_most = n_features if self.n_components in (None, "auto") else self.n_components
        return rows_of_sample(n_features, at_most)

    def _begin(self, X, rows, W, H, dtype):
        """Set the first components and the scale they are kept at; return where rows start."""
        given = check_start(self, X, W, H)
        self._n_components, self._free = given.n_components, given.free
        n_rows = X.shape[0]
        self._forget = self.forget_factor ** (min(self.batch_size, n_rows) / n_rows)
        # Silence says nothing about the level of what follows: that begins once more.
        self._begun, self._scale = rows.mean > 0, rows.mean or 1.0
        start = start_by_rows(given, rows, self.random_state)
        self._keep(X, start_online(jnp.asarray(start.H, dtype)))
        return start

    def _n_steps(self, n_rows):
        return self.max_iter * -(-n_rows // min(self.batch_size, n_rows))

    def _run(self, X, n_rows, batches, callbacks):
        """Go through the batches until the components settle."""
        n_steps, turns = self._n_steps(n_rows), iter(batches)
        per_turn = n_steps // self.max_iter
        monitor = BatchMonitor(self, n_rows, n_steps)
        state: Any = None
        layout: Any = None

        def attributes():
            components = self._published(X, self._gathered(layout, state, X).H)
            return {"components_": components, "n_components_": len(components)}

        for step in range(n_steps):
            callbacks.begin(step)
            batch = next(turns)
            if state is None:
                layout = batch.observed.layout
                state = OnlineState(*map(layout.lay_out_components, self._memory))
            shape = (batch.n_rows, layout.n_columns)
            fresh = self.fresh_restarts
            W, state, cost, change = self._step(
                batch.observed, shape, None if fresh else batch.W, state
            )
            if not fresh:
                batch.W = W
            gain = float(relative_power(self._scale, self._beta)) / batch.n_rows
            converged = monitor.converged(step, batch.n_rows, float(cost) * gain, float(change))
            if callbacks.end(attributes) or converged:
                break
        self._keep(X, self._gathered(layout, state, X))
        callbacks.finish(attributes)
        self.n_steps_, self.n_iter_ = step + 1, -(-(step + 1) // per_turn)
        if self.n_iter_ == self.max_iter and self.tol > 0:
            self._warn_not_converged(self.max_iter)

    def _step(self, observed, shape, W, state):
        """One batch; W is None where it is to be solved for."""
        penalty = self._penalty(shape, self._scale)
        dtype, beta = state.H.dtype, self._beta
        solved = W is None
        if solved:
            H, levels, prices = self._priced_alike(state.H, penalty)
            max_iter = self.fresh_restarts_max_iter
            settings = self._settings(prices, dtype, self._n_components, max_iter)
            W, _, _ = solve_activations("mu", observed, H, settings)
            W = observed.layout.lay_out(W / levels, dtype, observed.layout.rank)
        result = online_step(
            observed.data,
            W,
            state,
            bounded(penalty, dtype),
            observed.layout.mark_components(self._free),
            for_kernels(self._forget, dtype),
            for_kernels(floor_of(dtype, beta), dtype),
            rules=step_rules("mu", beta, penalty),
            solved=solved,
        )
        wait_for(result[-1])
        self._refuse_overflow(result[1].H, float(result[2]))
        return result

    def _observe(self, checked, rank=None):
        return observe(
            checked.X,
            checked.weights,
            self._n_components,
            beta=self._beta,
            dtype=compute_dtype(checked.X.dtype, self._beta),
            scale=self._scale,
            rank=rank,
        )

    @staticmethod
    def _gathered(layout, state, X):
        xp = jnp if is_jax_array(X) else np
        return OnlineState(*(layout.gather_components(part, xp) for part in state))

    def _keep(self, X, state):
        """Store the components in the units of X, and what they remember."""
        self._memory = tuple(part if is_jax_array(X) else np.asarray(part) for part in state)
        self.components_ = self._published(X, state.H)
        self.n_components_ = len(self.components_)

    def _published(self, X, H):
        """Components in the units of X, and the known ones as they are."""
        H = self._in_units(X, H)
        return self._with_known((H / self._levels(H)[:, None]).astype(X.dtype))

    def _priced_alike(self, H, penalty):
        """Components whose activations have one price; by what they were divided; that price."""
        return H, 1, penalty.prices_of_rows(H)

    def _levels(self, H):
        """By what to divide components, and multiply their activations."""
        return (jnp if is_jax_array(H) else np).ones(len(H), H.dtype)

    def _in_units(self, X, factor):
        xp = jnp if is_jax_array(X) else np
        return (xp.asarray(factor) * xp.asarray(np.sqrt(self._scale), factor.dtype)).astype(X.dtype)

    @property
    def _moves_zeros_because(self):
        return "learns batch by batch, and keeps no activations: use BetaNMF(solver='mu')"

    def _rows_solver(self, *, weighted):
        return "mu"

    def _activation_iterations(self):
        return self.max_iter if self.transform_max_iter is None else self.transform_max_iter
