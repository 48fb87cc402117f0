"""Factorizations that solve for every row of new data by itself."""

import copy
from abc import abstractmethod

import jax.numpy as jnp
import numpy as np
from sklearn import get_config
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.device import has_shared_rows, is_jax_array, movable, precision
from skbss._runtime.row_streams import DaskRows, MappedRows, row_stream
from skbss._runtime.sharded_rows import agreed_seed
from skbss._runtime.warning import warn
from skbss.factorization._activations import rows_per_block, solve_activations
from skbss.factorization._base import BaseNMF
from skbss.factorization._observations import (
    compute_dtype,
    observe,
    rows_of_weight_one,
    silenced,
    weight_sums,
)
from skbss.factorization._row_blocks import transform_stream, weighted_blocks
from skbss.factorization._rules import choose_rows_solver


class RowNMF(BaseNMF):
    """A factorization ``X ≈ W H`` in which no row depends on the others, given the components."""

    solver: str

    def transform(self, X, weights=None):
        """Find the activations of the components in new data.

        Every row is solved by itself, from the same start: to rounding, its activations depend
        neither on the other rows nor on their order, and scale with the row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features), or iterable of blocks of rows
            Non-negative data; NaN where not observed. A memory-mapped array, an array of Dask and
            an iterator are read block by block.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        W : array of shape (..., n_components)
            Activations, of the kind (NumPy, JAX or Dask) and precision of X, and an iterator of
            those of every block where X is one; zeros, with a warning, for a row without any
            observed entry.

        Raises
        ------
        ValueError
            If X has negative or infinite entries, another number of features than in ``fit``, or
            NaN where ``solver="cd"``, or if `weights` do not broadcast to X.
        """
        check_is_fitted(self)
        stream = row_stream(X)
        if stream is not None:
            self._check_stream(stream, X)
            # A fit that comes later is not for what is computed later.
            transform = copy.copy(self)._activations_of
            return transform_stream(transform, stream, X, weights, len(self.components_))
        return self._activations_of(X, weights)

    def _check_stream(self, stream, X):
        """Refuse what could only fail, or lose its kind, later on."""
        if isinstance(stream, DaskRows) and X.shape[-1] != self.n_features_in_:
            remedy = " (X.compute_chunk_sizes() finds out)" if np.isnan(X.shape[-1]) else ""
            raise ValueError(
                f"X has {X.shape[-1]} features{remedy}, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input."
            )
        wanted = getattr(self, "_sklearn_output_config", {}).get("transform")
        wanted = wanted or get_config()["transform_output"]
        if wanted != "default" and not isinstance(stream, MappedRows):
            raise ValueError(
                f"set_output(transform={wanted!r}) is for data in memory: transform the blocks one "
                "by one, or set_output(transform='default')."
            )

    def _activations_of(self, X, weights):
        return self._transform(self._check_input(X, weights, reset=False))

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
        if has_shared_rows(X):
            return X.holding(self.inverse_transform(X.array))
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
        X : {array-like, sparse matrix} of shape (..., n_features), or iterable of blocks of rows
            Non-negative data; NaN where not observed. Read as in ``transform``.
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
        TypeError
            If there is a `y`, and X is read block by block.
        """
        check_is_fitted(self)
        # ScoringMonitor hands the training data over as both.
        held_out = None if y is X else y
        stream = row_stream(X)
        if stream is None:
            return self._score(self._check_input(X, weights, reset=False), held_out)
        if held_out is not None:
            raise TypeError(
                "score with held-out entries needs X and y in memory: leave y out, or score the "
                "blocks of X one by one."
            )
        parts = [
            self._misfit(self._check_input(*block, reset=False), None)
            for block in weighted_blocks(stream, weights)
        ]
        return self._mean_score(sum(total for total, _ in parts), sum(one for _, one in parts))

    @property
    def _charges_squares(self):
        """Whether the price of activations is quadratic."""
        return False

    def _rows_solver(self, *, weighted):
        """Name of what finds activations of data with or without weights."""
        return choose_rows_solver(self.solver, self._beta, weighted=weighted)

    @abstractmethod
    def _row_terms(self, H, scale):
        """By what to divide components to solve for rows divided by `scale`, and prices then.

        A number or an array of shape (n_components, 1), and the prices of the activations.
        """

    def _activations(self, checked, H=None):
        """Activations of every row by itself; whether all converged; the iterations taken."""
        X, weights = checked.X, checked.weights
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
            settings = self._settings(
                prices, dtype, layout.n_components, self._activation_iterations()
            )
            if self.shuffle:
                settings = settings._replace(random_state=agreed_seed(X, self.random_state))
            W, n_iter, converged = solve_activations(solver, observed, H, settings, xp)
            level = xp.asarray(level, dtype).reshape(-1)
            W = (W * xp.asarray(observed.scale, dtype) / level).astype(X.dtype)
        return W, converged or self.tol == 0, n_iter

    def _clear_unobserved(self, X, weights, W):
        """Activations of rows of which nothing was observed are zeros, with a warning."""
        seen = np.asarray(weight_sums(X, weights, axis=1)) > 0
        if has_shared_rows(X):
            seen |= ~X.are_rows[:, 0]
        if seen.all():
            return W
        unseen = np.flatnonzero(~seen)
        warn(
            f"Row {unseen[0]} of X has no observed entry ({len(unseen)} such rows): its "
            "activations are zeros."
        )
        xp = jnp if is_jax_array(W) else np
        return xp.where(xp.asarray(seen)[:, None], W, 0)
