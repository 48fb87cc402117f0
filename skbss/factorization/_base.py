"""What all factorizations of a non-negative matrix share: parameters, checks, scores."""

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._runtime.checks import check_matrix, check_weights
from skbss._runtime.device import has_shared_rows, is_jax_array, movable
from skbss._runtime.row_streams import yields_blocks
from skbss._runtime.warning import warn
from skbss.factorization._checked import Checked, check_lengths
from skbss.factorization._divergence import row_divergences
from skbss.factorization._observations import (
    floor_of,
    has_missing,
    weight_sums,
)
from skbss.factorization._rules import Settings

BETA_LOSSES = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}


class BaseNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Parameters and checks of a factorization into activations W and components H."""

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
    _accepts_sparse = True
    # Only plain coordinate descent has an order that can be drawn.
    shuffle = False

    def __sklearn_tags__(self):
        """Non-negative input, dense or sparse, with its precision preserved."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = self._accepts_sparse
        tags.input_tags.allow_nan = self._allows_missing()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        return self.components_.shape[0]

    @property
    def _moves_zeros_because(self) -> str | None:
        """Why a fit does not keep exact zeros of the W and H that it starts from; None if it does.

        Whoever forbids activations by zeros asks for it before the fit: it follows from the
        parameters alone. It goes on where the name of the estimator ends, and says what to do.
        """
        return "does not start from given factors: use BetaNMF(solver='mu')"

    @property
    def _works_by_shares(self) -> bool:
        """Whether rows that are shared out among devices are computed with where they lie."""
        return False

    @property
    def _beta(self):
        named = isinstance(self.beta_loss, str)
        return BETA_LOSSES[self.beta_loss] if named else float(self.beta_loss)

    def _allows_missing(self):
        return True

    def _activation_iterations(self):
        return self.max_iter

    def _settings(self, penalty, dtype, n_components, max_iter) -> Settings:
        """What a solver is told."""
        return Settings(
            beta=self._beta,
            penalty=penalty,
            floor=floor_of(dtype, self._beta),
            tol=float(self.tol),
            max_iter=max_iter,
            shuffle=self.shuffle,
            random_state=self.random_state,
            n_components=n_components,
        )

    def _check_input(self, X, weights, *, reset, lengths=None):
        if not np.isfinite(self._beta):
            raise ValueError(f"beta_loss must be a finite number, got {self.beta_loss!r}.")
        if isinstance(X, list | tuple) and any(np.ndim(one) == 2 for one in X):
            raise ValueError(
                "X is a list of recordings: pass np.concatenate(X), and lengths=[len(one) for one "
                "in X] where fit takes lengths."
            )
        if yields_blocks(X):
            raise TypeError(
                f"X is of type {type(X).__name__}, but {type(self).__name__} takes a matrix in "
                "memory here: pass np.concatenate(list(X)). What is fitted from blocks of rows are "
                "MiniBatchBetaNMF and MiniBatchSparseNMF."
            )
        X, leading = check_matrix(
            self,
            X,
            reset=reset,
            accept_sparse=self._accepts_sparse,
            keep_shares=self._works_by_shares,
        )
        weights = self._check_weights(X, weights, (*leading, X.shape[1]))
        if not self._allows_missing():
            self._refuse_missing(X, weights)
        return Checked(X, weights, leading, check_lengths(lengths, leading))

    @staticmethod
    def _check_weights(X, weights, shape):
        if not has_shared_rows(X):
            weights = np.asarray(weights) if has_shared_rows(weights) else weights
            return check_weights(movable(weights, X), shape, X.dtype)
        if has_shared_rows(weights):
            # They are checked where they lie; what fills them up is nothing.
            if weights.n_rows != X.n_rows:
                raise ValueError(
                    f"weights of shape {weights.shape} do not broadcast to the shape {shape} of X."
                )
            shape = X.array.shape
            weights = jnp.where(weights.are_rows, weights.array, np.asarray(1, weights.dtype))
        weights = check_weights(weights, shape, X.dtype)
        return weights if weights is None or len(weights) == 1 else X.placed(weights)

    def _transform(self, checked):
        W, converged, _ = self._activations(checked.completed())
        if not converged and self._warns_in_transform:
            self._warn_not_converged(self._activation_iterations())
        return checked.returned(W)

    def _score(self, checked, held_out):
        total, weight = self._misfit(checked, held_out)
        return self._mean_score(total, weight)

    @staticmethod
    def _mean_score(total, weight):
        if not weight > 0:
            raise ValueError("There is no entry to score: every one is missing or of weight 0.")
        return -total / weight

    def _misfit(self, checked, held_out):
        """The divergence of the entries that are scored, and their weight."""
        scored = checked
        if held_out is not None and has_missing(checked.X):
            shape = (*checked.leading, checked.X.shape[1])
            scored = checked._replace(X=self._held_out(checked.X, held_out, shape))
        scored = scored.completed()
        weight = float(weight_sums(scored.X, scored.weights, axis=1).sum())
        if not weight > 0:
            return 0.0, 0.0
        W, _, _ = self._activations(checked.completed())
        model = self._product(W, self.components_, scored.lengths)
        rows = row_divergences(scored.X, scored.weights, *model, self._beta)
        return float(rows.sum()), weight

    @staticmethod
    def _product(W: Any, H: Any, lengths: tuple[int, ...]) -> tuple[Any, Any]:
        """Two matrices whose product is the model of data in recordings of these lengths."""
        return W, H

    @staticmethod
    def _refuse_missing(X, weights):
        remedy = "Use solver='auto' or solver='mu'."
        if has_missing(X):
            raise ValueError(f"Input X contains NaN, which solver 'cd' does not handle. {remedy}")
        if weights is not None:
            raise ValueError(f"solver 'cd' does not handle weights. {remedy}")

    def _check_columns(self, X, weights):
        self._refuse_unseen(np.asarray(weight_sums(X, weights, axis=0)))

    @staticmethod
    def _refuse_unseen(totals):
        """Refuse columns of no weight in total."""
        unseen = np.flatnonzero(totals <= 0)
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
        if has_shared_rows(X):
            # What fills up is missing.
            array = jnp.where(X.are_rows, X.array, np.asarray(0, X.dtype))
            y = y.array if has_shared_rows(y) else y.reshape(X.shape)
            y = jnp.where(X.are_rows, X.placed(y, X.dtype), np.asarray(np.nan, X.dtype))
            held_out = jnp.where(jnp.isnan(array), y, np.asarray(np.nan, X.dtype))
            self._refuse_held_out(held_out)
            return X.holding(held_out)
        y = xp.asarray(y.reshape(X.shape), dtype=X.dtype)
        held_out = xp.where(xp.isnan(X), y, xp.nan)
        self._refuse_held_out(held_out)
        return held_out

    @staticmethod
    def _refuse_held_out(held_out):
        xp = jnp if is_jax_array(held_out) else np
        if bool(xp.isinf(held_out).any()) or bool((held_out < 0).any()):
            raise ValueError("y has negative or infinite entries where X is missing.")

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

    @abstractmethod
    def _activations(self, checked, H=None):
        """Activations of complete data; whether all converged; the iterations taken."""

    def _clear_unobserved(self, X, weights, W):
        """Activations where nothing was observed, as the model has it."""
        return W
