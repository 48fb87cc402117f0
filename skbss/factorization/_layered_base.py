"""Factorizations of components into components: what those one by one and all at once share."""

from abc import abstractmethod
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.penalties import Prices
from skbss._runtime.device import is_jax_array, precision
from skbss._runtime.warning import each_once
from skbss.factorization._base import BETA_LOSSES
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._divergence import model_error
from skbss.factorization._row_base import RowNMF


class Layer(NamedTuple):
    """One factorization of a hierarchy.

    Attributes
    ----------
    activations : array of shape (n_rows, n_components)
        Of the rows of the data for the first layer, of the components of the layer before for the
        others; every column has mean one, or is zero.
    components : array of shape (n_components, n_features)
        What the rows are made of.
    """

    activations: Any
    components: Any


class LayeredNMF(RowNMF):
    """A hierarchy of factorizations, of which one has the components that rows are solved for."""

    n_components: Any
    level: int

    _parameter_constraints: dict = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            "array-like",
            StrOptions({"auto"}),
        ],
        "level": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar"}), None],
        "solver": [StrOptions({"auto", "mu"})],
        "beta_loss": [StrOptions(set(BETA_LOSSES)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    fixed_components = None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, weights=None):
        """Learn the components of data, and theirs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence of the first level.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry,
            `weights` do not broadcast to X or are negative, `n_components` do not decrease or
            exceed the data, or `level` exceeds their number.
        """
        with each_once():
            self._learn(X, weights)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, weights=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``: activations of `components_`, every row by itself.

        Raises
        ------
        ValueError
            As ``fit``.
        """
        with each_once():
            checked = self._learn(X, weights)
            return self._transform(checked.completed())

    def _learn(self, X, weights):
        self._check_solver()
        checked = self._check_input(X, weights, reset=True)
        completed = checked.completed()
        self._check_columns(completed.X, completed.weights)
        ranks = self._ranks(checked.X.shape)
        if self.level > len(ranks):
            raise ValueError(
                f"level={self.level} must not exceed the number of levels, which is {len(ranks)} "
                f"for n_components={self.n_components!r}."
            )
        self._learn_layers(checked, ranks)
        self._keep(completed)
        return checked

    def _check_solver(self):
        """Refuse parameters that do not go together."""

    @abstractmethod
    def _learn_layers(self, checked, ranks):
        """Set `layers_`, and what else is known of them."""

    def _ranks(self, shape):
        """The numbers of components of all levels."""
        most, given = min(shape), self.n_components
        if isinstance(given, str):
            half = max(1, most // 2)
            return [half, half // 2] if half > 1 else [half]
        ranks = list(given) if np.ndim(given) else [given]
        whole = all(isinstance(one, Integral) and not isinstance(one, bool) for one in ranks)
        if np.ndim(given) > 1 or not ranks or not whole or min(ranks) < 1:
            raise ValueError(
                "n_components must be 'auto', an integer above 0 or a list of such, one for every "
                f"level; got {given!r}."
            )
        if any(wide <= narrow for wide, narrow in pairwise(ranks)):
            raise ValueError(
                f"n_components={given!r} must decrease from level to level: as many components as "
                "the level before has could copy them, and leave nothing to learn."
            )
        if ranks[0] > most:
            raise ValueError(
                f"n_components={given!r} must not begin above {most}, the smaller of "
                f"n_samples={shape[0]} and n_features={shape[1]}: as many components could copy "
                "the data, and leave no structure for the levels below."
            )
        return [int(rank) for rank in ranks]

    def _one_by_one(self, checked, ranks, *, way=BetaNMF, **options):
        """Factorize the data, then its components, and so on.

        The layers; the fits; and the divergence of each.
        """
        random_state = check_random_state(self.random_state)
        layers, fits, losses = [], [], []
        X, weights = checked.X, checked.weights
        for rank in ranks:
            fit = way(
                rank,
                init=self.init,
                beta_loss=self.beta_loss,
                tol=self.tol,
                random_state=random_state,
                verbose=self.verbose,
                **options,
            )
            learned = fit._learn(X, None, None, None, weights)
            W = learned.checked.returned(learned.W)
            layers.append(_normalized(W, fit.components_))
            fits.append(fit)
            with np.errstate(over="ignore"):
                losses.append(np.square(learned.misfit.error(self._beta)) / 2)
            X, weights = layers[-1].components, None
        return layers, fits, np.array(losses)

    def _keep(self, completed):
        """What follows from `layers_`."""
        W = self.layers_[0].activations
        with precision(W.dtype):
            for layer in self.layers_[1 : self.level]:
                W = W @ layer.activations
        self.components_ = self.layers_[self.level - 1].components
        self.n_components_ = len(self.components_)
        self.parents_ = _parents(self.layers_, self.level)
        error = model_error(completed.X, completed.weights, W, self.components_, self._beta)
        self._refuse_overflow(self.components_, error)
        self.reconstruction_err_ = error

    def _row_terms(self, H, scale):
        return float(H.mean()) or 1.0, Prices(0.0, 0.0)


def _normalized(W, H):
    """A layer of activations with mean one."""
    xp = jnp if is_jax_array(H) else np
    with precision(H.dtype):
        mean = W.mean(axis=0)
        mean = xp.where(mean > 0, mean, 1)
        return Layer(W / mean, H * mean[:, None])


def _parents(layers, level):
    """Which component of the last level makes up most of each of those of `level`."""
    of_last = np.asarray(layers[-1].components, np.float64)
    shares = np.eye(len(layers[level - 1].components))
    for layer in layers[level:]:
        shares = shares @ np.asarray(layer.activations, np.float64)
    # Sums of numbers near the largest float overflow.
    return np.argmax(shares * (of_last / (of_last.max() or 1)).sum(axis=1), axis=1)
