"""What is common to factorizations that learn from one batch of rows at a time."""

from abc import abstractmethod
from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval

from skbss._kernels.online import OnlineState, online_step, start_online
from skbss._runtime.callbacks import CallbackSupportMixin, IterationCallbacks, with_callbacks
from skbss._runtime.device import for_kernels, is_jax_array, movable, precision
from skbss._runtime.loop import wait_for
from skbss.factorization._activations import solve_activations
from skbss.factorization._batch_monitor import BatchMonitor
from skbss.factorization._divergence import model_error, relative_power
from skbss.factorization._observations import (
    compute_dtype,
    floor_of,
    mean_of,
    observe,
)
from skbss.factorization._row_base import RowNMF
from skbss.factorization._rules import bounded, step_rules
from skbss.factorization._start import check_start, start_factors


class OnlineNMF(CallbackSupportMixin, RowNMF):
    """Learns from one batch of rows at a time, by sums of what earlier batches asked for."""

    batch_size: int
    forget_factor: float
    fresh_restarts: bool
    fresh_restarts_max_iter: int
    transform_max_iter: int | None

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

    def fit(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data; NaN where not observed.
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
            As ``fit_transform``.
        """
        self.fit_transform(X, y, W=W, H=H, weights=weights)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data; NaN where not observed.
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
            learned along with the components.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if W, H or `fixed_components` do
            not fit.
        TypeError
            If W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, which a far-off `beta_loss` brings about.
        """
        given = self._check_input(X, weights, reset=True)
        checked = given.completed()
        X, weights = checked.X, checked.weights
        self._check_columns(X, weights)
        dtype = compute_dtype(X.dtype, self._beta)
        with precision(dtype):
            W = self._begin(X, weights, W, H, dtype)
            callbacks = IterationCallbacks(self, given.X, y, self._n_steps(X))
            W = self._run(X, weights, W, dtype, callbacks)
        if self.init == "custom" and not self.fresh_restarts:
            W = self._clear_unobserved(X, weights, W)
        else:
            W, _, _ = self._activations(checked)
        self.reconstruction_err_ = model_error(X, weights, W, self.components_, self._beta)
        return W.reshape(*checked.leading, W.shape[-1])

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
        X, weights, *_ = self._check_input(X, weights, reset=first).completed()
        if not first:
            X = X.astype(self.components_.dtype, copy=False)
            weights = weights if weights is None else weights.astype(X.dtype, copy=False)
        dtype = compute_dtype(X.dtype, self._beta)
        with precision(dtype):
            if first:
                self.n_steps_ = 0
            elif not self._begun and self.init == "custom":
                H = self.components_
            if first or not self._begun:
                self._begin(X, weights, W, H, dtype)
            observed = self._observe(X, weights, dtype)
            memory = [movable(part, X) for part in self._memory]
            state = OnlineState(*map(observed.layout.lay_out_components, memory))
            _, state, *_ = self._step(observed, X.shape, None, state)
            self._keep(X, self._gathered(observed.layout, state, X))
        self.n_steps_ += 1
        return self

    def _begin(self, X, weights, W, H, dtype):
        """Set the first components and the scale they are kept at; return the activations."""
        given = check_start(self, X, W, H)
        self._n_components, self._free = given.n_components, given.free
        self._forget = self.forget_factor ** (min(self.batch_size, X.shape[0]) / X.shape[0])
        mean = mean_of(X, weights)
        # Silence says nothing about the level of what follows: that begins once more.
        self._begun, self._scale = mean > 0, mean or 1.0
        W, H = start_factors(given, X, weights, self._scale, self.random_state)
        self._keep(X, start_online(jnp.asarray(H, dtype)))
        return W

    def _n_steps(self, X):
        return self.max_iter * -(-X.shape[0] // min(self.batch_size, X.shape[0]))

    def _run(self, X, weights, W, dtype, callbacks):
        """Go through the batches until the components settle; return the activations."""
        n_samples = X.shape[0]
        batches = list(gen_batches(n_samples, min(self.batch_size, n_samples)))
        # A shorter last batch is computed with along with the others.
        rank = None
        data = []
        for batch in batches:
            data.append(self._batch(X, weights, batch, dtype, rank))
            rank = data[0].layout.rank
        layouts = [observed.layout for observed in data]
        activations = [
            layout.lay_out(W[batch], dtype, layout.rank)
            for layout, batch in zip(layouts, batches, strict=True)
        ]
        state = OnlineState(*map(layouts[0].lay_out_components, self._memory))
        monitor = BatchMonitor(self, n_samples, self._n_steps(X))

        def attributes():
            H = self._gathered(layouts[0], state, X).H
            components = self._with_known(self._in_units(X, H))
            return {"components_": components, "n_components_": len(components)}

        n_steps = 0
        for step in range(self._n_steps(X)):
            i = step % len(batches)
            callbacks.begin(step)
            n_rows = batches[i].stop - batches[i].start
            shape = (n_rows, X.shape[1])
            fresh = None if self.fresh_restarts else activations[i]
            activations[i], state, cost, change = self._step(data[i], shape, fresh, state)
            n_steps = step + 1
            gain = float(relative_power(self._scale, self._beta))
            converged = monitor.converged(step, n_rows, float(cost) * gain / n_rows, float(change))
            if callbacks.end(attributes) or converged:
                break
        self._keep(X, self._gathered(layouts[0], state, X))
        callbacks.finish(attributes)
        self.n_steps_, self.n_iter_ = n_steps, -(-n_steps // len(batches))
        if self.n_iter_ == self.max_iter and self.tol > 0:
            self._warn_not_converged(self.max_iter)
        xp = jnp if is_jax_array(X) else np
        W = [
            layout.gather(W, layout.n_components, xp)
            for layout, W in zip(layouts, activations, strict=True)
        ]
        return self._in_units(X, xp.concatenate(W))

    def _step(self, observed, shape, W, state):
        """One batch; W is None where it is to be solved for."""
        penalty = self._penalty(shape, self._scale)
        dtype, beta = state.H.dtype, self._beta
        solved = W is None
        if solved:
            prices, max_iter = penalty.prices_of_rows(state.H), self.fresh_restarts_max_iter
            settings = self._settings(prices, dtype, self._n_components, max_iter)
            W, _, _ = solve_activations("mu", observed, state.H, settings)
            W = observed.layout.lay_out(W, dtype, observed.layout.rank)
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

    def _batch(self, X, weights, batch, dtype, rank):
        part = weights if weights is None or weights.shape[0] == 1 else weights[batch]
        return self._observe(X[batch], part, dtype, rank)

    def _observe(self, X, weights, dtype, rank=None):
        return observe(
            X,
            weights,
            self._n_components,
            beta=self._beta,
            dtype=dtype,
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
        self.components_ = self._with_known(self._in_units(X, state.H))
        self.n_components_ = len(self.components_)

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
