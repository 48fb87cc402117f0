"""What BetaNMF and MiniBatchBetaNMF share: parameters, checks, activations, scores."""

from abc import ABC, abstractmethod
from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.checks import check_matrix, check_weights
from skbss._runtime.device import is_jax_array, movable, precision
from skbss._runtime.warning import warn
from skbss.factorization._activations import rows_per_block, solve_activations
from skbss.factorization._divergence import row_divergences
from skbss.factorization._observations import (
    compute_dtype,
    floor_of,
    has_missing,
    observe,
    rows_of_weight_one,
    silenced,
    weight_sums,
    without_missing,
)
from skbss.factorization._rules import Settings

BETA_LOSSES = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}


class BaseNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Parameters, checks and activations of a factorization ``X ≈ W H``."""

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None, StrOptions({"auto"})],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar", "custom"}), None],
        "beta_loss": [StrOptions(set(BETA_LOSSES)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "fixed_components": ["array-like", None],
    }

    _warns_in_transform = True
    # Only plain coordinate descent has an order that can be drawn.
    shuffle = False

    def transform(self, X, weights=None):
        """Find the activations of the components in new data.

        Every row is solved by itself, from the same start: to rounding, its activations depend
        neither on the other rows nor on their order, and scale with the row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative data; NaN where not observed.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        W : array of shape (..., n_components)
            Activations, of the kind (NumPy or JAX) and precision of X; zeros, with a warning,
            for a row without any observed entry.

        Raises
        ------
        ValueError
            If X has negative or infinite entries, another number of features than in ``fit``, or
            NaN where ``solver="cd"``, or if `weights` do not broadcast to X.
        """
        check_is_fitted(self)
        X, weights, leading = self._check_data(X, weights, reset=False)
        W, converged, _ = self._activations(X, weights)
        if not converged and self._warns_in_transform:
            self._warn_not_converged(self._activation_iterations())
        return W.reshape(*leading, W.shape[-1])

    def inverse_transform(self, X):
        """Put data back together from activations.

        Parameters
        ----------
        X : {array, sparse matrix} of shape (..., n_components)
            Activations.

        Returns
        -------
        X_original : array of shape (..., n_features)
            ``X @ components_``.
        """
        check_is_fitted(self)
        if is_jax_array(X):
            if not jnp.issubdtype(X.dtype, jnp.floating):
                X = X.astype(jnp.result_type(float))
            with precision(X.dtype):
                return X @ jnp.asarray(movable(self.components_, X), X.dtype)
        return X @ np.asarray(self.components_)

    def score(self, X, y=None, weights=None):
        """Tell how well the components describe data: higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative data; NaN where not observed.
        y : array-like of shape (..., n_features), default=None
            The full matrix, read only where X is NaN. If given, and if X has missing entries,
            the score is taken over these held-out entries alone, so that a grid search over the
            rank is not won by the largest. Entries that are NaN in `y` too are left out.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry, in the fit of the activations and in the mean.

        Returns
        -------
        score : float
            Minus the (weighted) mean beta-divergence over the entries.

        Raises
        ------
        ValueError
            If there is no entry to score, or if X has missing entries and `y` another shape.
        """
        check_is_fitted(self)
        # ScoringMonitor hands the training data over as both.
        held_out = None if y is X else y
        X, weights, leading = self._check_input(X, weights, reset=False)
        scored = X
        if held_out is not None and has_missing(X):
            scored = self._held_out(X, held_out, (*leading, X.shape[1]))
        scored, counted = without_missing(scored, weights)
        total = float(weight_sums(scored, counted, axis=1).sum())
        if not total > 0:
            raise ValueError("There is no entry to score: every one is missing or of weight 0.")
        W, _, _ = self._activations(*without_missing(X, weights))
        rows = row_divergences(scored, counted, W, self.components_, self._beta)
        return -float(rows.sum()) / total

    def __sklearn_tags__(self):
        """Non-negative input, dense or sparse, with its precision preserved."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._allows_missing()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return self.components_.shape[0]

    @property
    def _beta(self):
        named = isinstance(self.beta_loss, str)
        return BETA_LOSSES[self.beta_loss] if named else float(self.beta_loss)

    @property
    def _charges_squares(self):
        """Whether the price of activations is quadratic."""
        return False

    def _allows_missing(self):
        return True

    @abstractmethod
    def _rows_solver(self, *, weighted):
        """Name of what finds activations of data with or without weights."""

    def _activation_iterations(self):
        return self.max_iter

    def _check_data(self, X, weights, *, reset):
        """Checked data without NaN, weights that say what counts, and the leading axes of X."""
        X, weights, leading = self._check_input(X, weights, reset=reset)
        return *without_missing(X, weights), leading

    def _check_input(self, X, weights, *, reset):
        if not np.isfinite(self._beta):
            raise ValueError(f"beta_loss must be a finite number, got {self.beta_loss!r}.")
        X, leading = check_matrix(self, X, reset=reset)
        weights = check_weights(movable(weights, X), (*leading, X.shape[1]), X.dtype)
        if not self._allows_missing():
            self._refuse_missing(X, weights)
        return X, weights, leading

    @staticmethod
    def _refuse_missing(X, weights):
        remedy = "Use solver='auto' or solver='mu'."
        if has_missing(X):
            raise ValueError(f"Input X contains NaN, which solver 'cd' does not handle. {remedy}")
        if weights is not None:
            raise ValueError(f"solver 'cd' does not handle weights. {remedy}")

    def _check_columns(self, X, weights):
        unseen = np.flatnonzero(np.asarray(weight_sums(X, weights, axis=0)) <= 0)
        if len(unseen):
            raise ValueError(
                f"Column {unseen[0]} of X has no observed entry of a weight above 0 "
                f"({len(unseen)} such columns): nothing can be learned about it. Remove it, or "
                "observe it somewhere."
            )

    def _with_known(self, H):
        """Put `fixed_components` in their place: held means to the last bit."""
        if self.fixed_components is None:
            return H
        xp = jnp if is_jax_array(H) else np
        known = xp.asarray(np.asarray(self.fixed_components), dtype=H.dtype)
        return xp.concatenate([known, H[len(known) :]])

    @abstractmethod
    def _penalty(self, shape, scale):
        """The penalty for data divided by `scale`, factors by its square root."""

    @abstractmethod
    def _row_terms(self, H, scale):
        """By what to divide components to solve for rows divided by `scale`, and prices then.

        A number or an array of shape (n_components, 1), and the prices of the activations.
        """

    def _activations(self, X, weights, H=None):
        """Activations of every row by itself; whether all converged; the iterations taken."""
        H = self.components_ if H is None else H
        complete = self._rows_solver(weighted=False)
        incomplete = self._rows_solver(weighted=True)
        plain = rows_of_weight_one(X, weights)
        if complete == incomplete or plain.all() or not plain.any():
            solver = complete if plain.all() else incomplete
            W, converged, n_iter = self._solve_rows(solver, X, weights, H)
        else:
            # A complete row must not feel the gaps of others. The rows of the other kind are
            # silenced, not left out: every number of them runs the same programs.
            W, converged, n_iter = self._solve_rows(incomplete, silenced(X, plain), weights, H)
            other = self._solve_rows(complete, silenced(X, ~plain), None, H)
            xp = jnp if is_jax_array(X) else np
            W = xp.where(xp.asarray(plain)[:, None], other[0], W)
            converged, n_iter = converged and other[1], max(n_iter, other[2])
        return self._clear_unobserved(X, weights, W), converged, n_iter

    def _solve_rows(self, solver, X, weights, H):
        xp = jnp if is_jax_array(X) else np
        beta, dtype = self._beta, compute_dtype(X.dtype, self._beta)
        # Coordinate descent shares one Gram matrix among the rows.
        by_row = solver != "cd" or not self._charges_squares
        with precision(dtype):
            observed = observe(
                X,
                weights,
                len(H),
                beta=beta,
                dtype=dtype,
                by_row=by_row,
                rows_per_block=rows_per_block(solver, X),
            )
            layout = observed.layout
            H = xp.asarray(movable(H, X), dtype)
            level, prices = self._row_terms(H, observed.scale)
            H = layout.lay_out_components(H / level)
            settings = Settings(
                beta=beta,
                penalty=prices,
                floor=floor_of(dtype, beta),
                tol=float(self.tol),
                max_iter=self._activation_iterations(),
                shuffle=self.shuffle,
                random_state=self.random_state,
                n_components=layout.n_components,
            )
            W, n_iter, converged = solve_activations(solver, observed, H, settings, xp)
            level = xp.asarray(level, dtype).reshape(-1)
            W = (W * xp.asarray(observed.scale, dtype) / level).astype(X.dtype)
        return W, converged or self.tol == 0, n_iter

    def _held_out(self, X, y, shape):
        if sp.issparse(y) or sp.issparse(X):
            raise TypeError("score with held-out entries needs dense X and y.")
        y = y if is_jax_array(y) else np.asarray(y)
        if tuple(y.shape) != shape:
            raise ValueError(
                f"y has to be the full matrix, of the shape {shape} of X, where X has missing "
                f"entries; got shape {tuple(y.shape)}."
            )
        xp = jnp if is_jax_array(X) else np
        y = xp.asarray(y.reshape(X.shape), dtype=X.dtype)
        held_out = xp.where(xp.isnan(X), y, xp.nan)
        if bool(xp.isinf(held_out).any()) or bool((held_out < 0).any()):
            raise ValueError("y has negative or infinite entries where X is missing.")
        return held_out

    @staticmethod
    def _warn_not_converged(max_iter):
        warn(
            f"Maximum number of iterations {max_iter} reached. Increase it to improve convergence.",
            ConvergenceWarning,
        )

    def _refuse_overflow(self, H, loss=0.0):
        if not (np.isfinite(loss) and np.isfinite(np.asarray(H)).all()):
            or_more = ", or float64 data" if H.dtype == np.float32 else ""
            raise FloatingPointError(
                f"The factorization in {H.dtype} overflowed with "
                f"beta_loss={self.beta_loss!r}. Use a beta_loss closer to the interval "
                f"[0, 2]{or_more}."
            )

    @staticmethod
    def _clear_unobserved(X, weights, W):
        """Activations of rows of which nothing was observed are zeros, with a warning."""
        seen = np.asarray(weight_sums(X, weights, axis=1)) > 0
        if seen.all():
            return W
        unseen = np.flatnonzero(~seen)
        warn(
            f"Row {unseen[0]} of X has no observed entry ({len(unseen)} such rows): its "
            "activations are zeros."
        )
        xp = jnp if is_jax_array(W) else np
        return xp.where(xp.asarray(seen)[:, None], W, 0)
