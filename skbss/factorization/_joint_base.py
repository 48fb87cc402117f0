"""What is common to factorizations that learn from all rows at once."""

import time
from abc import abstractmethod
from numbers import Integral
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skbss._runtime.callbacks import CallbackSupportMixin, IterationCallbacks, with_callbacks
from skbss._runtime.device import has_shared_rows, is_jax_array, precision
from skbss._runtime.loop import fetch
from skbss._runtime.sharded_rows import agreed_seed
from skbss._runtime.warning import each_once
from skbss.factorization._base import BaseNMF
from skbss.factorization._checked import Checked
from skbss.factorization._divergence import Misfit, model_misfit, relative_power
from skbss.factorization._joint import Watch, solve_jointly
from skbss.factorization._observations import (
    compute_dtype,
    has_missing,
    observe,
)
from skbss.factorization._rules import choose_solver, keeps_zeros
from skbss.factorization._start import check_start, start_factors


class _Learned(NamedTuple):
    """Checked data, and its activations: those of the joint fit, or of every row by itself."""

    checked: Checked
    W: Any
    by_row: bool
    misfit: Misfit


class JointNMF(CallbackSupportMixin, BaseNMF):
    """Learns from all rows at once, from one start or the best of several."""

    _parameter_constraints: dict = {
        **BaseNMF._parameter_constraints,
        "n_init": [Interval(Integral, 1, None, closed="left")],
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
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
        self._learn(X, y, W, H, weights)
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
            If X has negative or infinite entries, a column without any observed entry, or NaN
            where ``solver="cd"``; if `weights` do not broadcast to X or are negative; if W, H or
            `fixed_components` do not fit; if ``solver="cd"`` meets another `beta_loss` than 2; if
            `n_init` is more than 1 and nothing is drawn.
        TypeError
            If W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.
        """
        return self._learn_and_transform(X, y, W, H, weights)

    def _learn_and_transform(self, X, y, W, H, weights, lengths=None):
        with each_once():
            learned = self._learn(X, y, W, H, weights, lengths)
            W = learned.W
            if not (learned.by_row or self.init == "custom"):
                W, _, _ = self._activations(learned.checked)
        return learned.checked.returned(W)

    def _learn(self, X, y, W, H, weights, lengths=None):
        self._check_solver()
        observed = self._check_input(X, weights, reset=True, lengths=lengths)
        checked = observed.completed()
        X, weights = checked.X, checked.weights
        self._check_columns(X, weights)
        self._look_at(X, weights)
        if has_shared_rows(X):
            # The start is made on the host.
            W = np.asarray(W) if has_shared_rows(W) else fetch(W) if is_jax_array(W) else W
        given = self._check_start(X, W, H)
        self._n_components = given.n_components
        # What is to be found from a given start is found for all rows together.
        if given.free.any() or given.W is not None:
            callbacks = IterationCallbacks(self, observed.X, y, self._iterations_at_most())
            W, H, n_iter, losses, restarts, misfit = self._factorize(checked, given, callbacks)
            converged = n_iter < self.max_iter or self.tol == 0
            W = self._clear_unobserved(X, weights, W)
            by_row = False
        else:
            H, losses = (jnp if is_jax_array(X) else np).asarray(given.fixed, X.dtype), []
            restarts = []
            W, converged, n_iter = self._activations(checked, H)
            model = self._product(W, H, checked.lengths)
            misfit = model_misfit(X, weights, *model, self._beta)
            by_row = True
        self.components_, self.n_components_ = H, H.shape[0]
        self.n_iter_, self.loss_curve_ = n_iter, np.array(losses)
        self.restart_losses_ = np.array([loss for loss, _ in restarts])
        self.restart_components_ = [components for _, components in restarts]
        if not converged:
            self._warn_not_converged(self.max_iter)
        self.reconstruction_err_ = misfit.error(self._beta)
        return _Learned(checked, W, by_row, misfit)

    def _iterations_at_most(self):
        """How many there can be in all; None if that is open."""
        return self.n_init * self.max_iter

    def _look_at(self, X, weights):
        """Keep what has to be known of the training data later on."""

    def _check_solver(self):
        """Refuse a solver that can not do what is asked of it."""

    @abstractmethod
    def _gains(self, H, free, scale, solver):
        """By what to multiply components that a solver found, to return them at their level.

        They are those of the data divided by `scale`; activations are divided by the gains.
        """

    def _check_start(self, X, W, H):
        return check_start(self, X, W, H, self.n_init, self._component_shape(X))

    def _as_components(self, H):
        """The components that what a solver found stands for."""
        return H

    def _keep(self, H):
        """Keep what a solver found, where it is not the components."""

    def _component_shape(self, X):
        return X.shape[1:]

    def _observe(self, checked, n_components, dtype):
        """What the kernels are given."""
        return observe(checked.X, checked.weights, n_components, beta=self._beta, dtype=dtype)

    @abstractmethod
    def _penalty(self, shape, scale):
        """The penalty for data divided by `scale`, factors by its square root."""

    def _penalty_on(self, checked, observed):
        """The penalty for data as it was observed."""
        return self._penalty(checked.X.shape, observed.scale)

    def _choose_solver(self, *, weighted):
        return choose_solver(self.solver, self._beta, weighted=weighted)

    @property
    def _moves_zeros_because(self):
        if all(keeps_zeros(self._choose_solver(weighted=weighted)) for weighted in (False, True)):
            return None
        has_choice = "solver" in self.get_params(deep=False)
        given = f"solver={self.solver!r} and " if has_choice else ""
        remedy = "solver='mu', or " if has_choice else ""
        return (
            f"minimizes by coordinate descent with {given}beta_loss={self.beta_loss!r}: set "
            f"{remedy}another beta_loss"
        )

    def _start(self, given, checked, scale, random_state):
        """The first factors, for the data divided by its mean."""
        return start_factors(given, checked.X, checked.weights, scale, random_state)

    def _factorize(self, checked, given, callbacks):
        """Both factors from a start, in the units of X; iterations; losses; starts; the misfit."""
        X, weights = checked.X, checked.weights
        beta, dtype = self._beta, compute_dtype(X.dtype, self._beta)
        weighted = weights is not None or (sp.issparse(X) and has_missing(X))
        xp = jnp if is_jax_array(X) else np
        with precision(dtype):
            observed = self._observe(checked, given.n_components, dtype)
            root = np.sqrt(observed.scale)

            def in_units(factor):
                return (xp.asarray(factor) * xp.asarray(root, dtype)).astype(X.dtype)

            def components(H):
                return self._with_known(self._as_components(in_units(H)))

            def attributes(H):
                return {"components_": components(H), "n_components_": len(H)}

            name = self._choose_solver(weighted=weighted)
            penalty = self._penalty_on(checked, observed)
            gain = float(relative_power(observed.scale, beta))
            started = time.perf_counter()

            def after(n_iter, fetch_components, loss):
                if self.verbose and n_iter % 10 == 0:
                    _report(n_iter, started, loss * gain)
                return callbacks.end(lambda: attributes(fetch_components()))

            seed = agreed_seed(X, self.random_state)
            settings = self._settings(penalty, dtype, given.n_components, self.max_iter)
            settings = settings._replace(random_state=seed)
            # scikit-learn, too, seeds every part of a single start anew.
            single = self.n_init == 1
            draws = seed if single else check_random_state(seed)

            def start():
                W, H = self._start(given, checked, observed.scale, draws)
                return W, xp.asarray(H, dtype)

            solution = solve_jointly(
                name,
                observed,
                (start() for _ in range(self.n_init)),
                given.free,
                lambda H: self._gains(H, given.free, observed.scale, name),
                settings,
                Watch(callbacks.begin, after, closely=callbacks.active),
                xp,
            )
            callbacks.finish(attributes(solution.H))
            self._keep(in_units(solution.H))
            W, H = in_units(solution.W), components(solution.H)
            restarts = [(loss * gain, components(found)) for loss, found in solution.restarts]
        self._refuse_overflow(H, solution.loss + solution.divergence)
        divergence = max(0.0, float(solution.divergence))
        if observed.silent:
            # Some updates only come close to the zeros that explain silence.
            W, divergence = xp.zeros_like(W), 0.0
        losses = [loss * gain for loss in solution.losses]
        return W, H, solution.n_iter, losses, restarts, Misfit(divergence, float(observed.scale))

    def _allows_missing(self):
        return self.solver != "cd"


def _report(n_iter, started, loss):
    seconds = time.perf_counter() - started
    print(f"Epoch {n_iter:02d} reached after {seconds:.3f} seconds, loss: {loss:f}")  # noqa: T201
