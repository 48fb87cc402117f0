"""A network of unfolded iterations: what it is made of, and what it makes of mixtures."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.sparsity import NormalizedSparsity
from skbss._kernels.unfolded import Held, Layered, Weights, shares, unfolded, unfolded_pieces
from skbss._kernels.unfolded_both import BothFactors
from skbss._kernels.unfolded_gradient import ProximalGradient
from skbss._kernels.unfolded_multiplicative import Multiplicative
from skbss._kernels.unfolded_recurrent import Recurrent
from skbss._runtime.blocks import bucket
from skbss._runtime.device import for_kernels, is_jax_array, precision
from skbss.factorization._atom_table import atom_table
from skbss.factorization._base import BaseNMF
from skbss.factorization._divergence import relative_power
from skbss.factorization._network_file import read_network, write_network
from skbss.factorization._observations import floor_of, has_missing
from skbss.factorization._pieces import pieces_of, recordings_of
from skbss.factorization._rules import step_rule, step_rules
from skbss.factorization._sources_of_mixtures import check_sources_of

# Of a recording, whose activations are found at once.
_ROWS_AT_ONCE = 1024
# All parameters that matter once it is trained.
_OF_THE_NETWORK = (
    "n_components",
    "unfolding",
    "n_layers",
    "n_untied",
    "beta_loss",
    "sparsity",
    "coupling",
    "context",
)


class UnfoldedNetwork(BaseNMF):
    """What there is once it is trained; how that comes about is up to others."""

    # Parameters.
    n_components: int
    unfolding: str
    n_layers: int
    n_untied: int | None
    sparsity: float
    coupling: float
    context: int
    _accepts_sparse = False
    # What it is made of.
    dictionary_: Any
    weights_: dict[str, Any]
    atom_source_: np.ndarray
    n_sources_: int
    penalty_: float
    _mean: float
    _memory: list[np.ndarray] | None
    # The seed of what is held back.
    _split: int | None

    @property
    def hears_frames_alone(self) -> bool:
        """Whether activations of a frame depend on no other one."""
        return self.unfolding in ("mu", "pgd") and not self.context

    def transform(self, X, lengths=None):
        """Find the activations of mixtures.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures.
        lengths : list of int, default=None
            Numbers of rows of the recordings in a matrix X, which matter with `context`, and with
            the unfoldings "ista" and "both".

        Returns
        -------
        W : array of shape (..., n_sources * n_components)
            After the last layer; zeros for a silent row.
        """
        self._check_fitted()
        _, checked = self._check_spectra(X, reset=False, lengths=lengths)
        W, _, _ = self._activations(checked)
        return W.reshape(*checked.leading, W.shape[-1])

    def predict(self, X, lengths=None):
        """Separate mixtures.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures, non-negative or complex.
        lengths : list of int, default=None
            As in `transform`.

        Returns
        -------
        sources : array of shape (..., n_sources, n_features)
            The mixtures under the masks. They add up to X.
        """
        self._check_fitted()
        X, checked = self._check_spectra(X, reset=False, lengths=lengths)
        sources = self._separated(X, checked)
        return sources.reshape(*checked.leading, *sources.shape[1:])

    def score(self, X, y, lengths=None):
        """How much of the energy of the sources is explained.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures.
        y : array-like of shape (..., n_sources, n_features)
            Their sources.
        lengths : list of int, default=None
            As in `transform`.

        Returns
        -------
        score : float
            One minus the energy of the difference between what is separated and the sources, over
            that of the sources; at most 1.
        """
        self._check_fitted()
        X, checked = self._check_spectra(X, reset=False, lengths=lengths)
        y = check_sources_of(y, X, checked)
        self._check_number(y)
        largest = float(abs(y).max())
        if largest == 0:
            raise ValueError("All sources in y are silent: there is no energy to explain.")
        distance = _energy(self._separated(X, checked) - y, largest)
        return float(1 - distance / _energy(y, largest))

    @property
    def components_(self):
        """Those that masks are made of; there are none where every recording has its own."""
        if not hasattr(self, "weights_") or self._unfolding().adapts:
            raise AttributeError(f"This {type(self).__name__} has no components_.")
        return self._output()

    def as_function(self):
        """The separation as a pure function, for those who train or use it as a part of their own.

        Returns
        -------
        separate : callable
            ``separate(weights, X)`` is ``predict(X)`` of a network with these weights: X is a JAX
            array of shape (..., n_rows, n_features), non-negative or complex, of one recording or,
            with more axes, of several, and the result one of shape
            (..., n_rows, n_sources, n_features). It can be compiled, differentiated by weights and
            mixtures, and mapped; nothing is checked. Float64 needs JAX's ``enable_x64``.
        weights : dict of array
            A copy of `weights_`.

        See Also
        --------
        replace_weights : Takes them back.
        """
        self._check_fitted()
        unfolding, held, atoms, mean = self._unfolding(), self._held(np), self._atoms(), self._mean
        # A loop is differentiable by what it begins with if it is known how often it goes round.
        n_tied: Any = int(held.n_tied)

        def separate(weights, X):
            pieces = X.reshape(-1, *X.shape[-2:])
            with jax.default_matmul_precision("highest"):
                tree, known = jax.tree.map(jnp.asarray, (as_tree(weights), held))
                known = known._replace(n_tied=n_tied)
                layered = unfolded(tree, known, abs(pieces) / float(mean), unfolding)
                sources = shares(tree, layered, jnp.asarray(atoms)) * pieces
            return jnp.moveaxis(sources, 0, 2).reshape(*X.shape[:-1], -1, X.shape[-1])

        return separate, {name: one.copy() for name, one in self.weights_.items()}

    def replace_weights(self, weights):
        """Take over weights that were trained elsewhere.

        Parameters
        ----------
        weights : dict of array
            Of the names, shapes and meaning of `weights_`, finite.

        Returns
        -------
        self : DeepUnfoldedNMF
            The estimator. `components_` follow the weights; where training goes on, it goes on
            from them, with nothing else remembered.

        Raises
        ------
        ValueError
            If names or shapes are others, or a weight is not finite.
        TypeError
            If a weight is no array.
        """
        self._check_fitted()
        if any(not hasattr(one, "shape") for one in weights.values()):
            kinds = sorted({type(one).__name__ for one in weights.values()})
            raise TypeError(
                f"weights must be arrays, got {', '.join(kinds)}: skbss.compression.merge makes "
                "arrays of thin matrices."
            )
        wanted = {name: one.shape for name, one in self.weights_.items()}
        given = {name: np.shape(one) for name, one in weights.items()}
        if given != wanted:
            raise ValueError(f"weights must be of the shapes {wanted}, got {given}.")
        bad = [name for name, one in weights.items() if not np.isfinite(np.asarray(one)).all()]
        if bad:
            raise ValueError(f"weights must be finite, but {bad[0]!r} holds NaN or infinity.")
        xp = jnp if is_jax_array(self.dictionary_) else np
        dtype = self.dictionary_.dtype
        with precision(dtype):
            self.weights_ = {name: xp.asarray(one, dtype) for name, one in weights.items()}
        self._memory = None
        return self

    def save(self, path):
        """Write what separates to a file of safetensors.

        Parameters
        ----------
        path : str or path
            The file; an existing one is replaced. It holds arrays and text, no code: who reads it
            need not trust it.

        Raises
        ------
        OSError
            If the file can not be written.
        ImportError
            If safetensors is not installed.
        """
        self._check_fitted()
        arrays = {f"weights.{name}": one for name, one in self.weights_.items()}
        arrays |= {"dictionary": self.dictionary_, "atom_source": self.atom_source_}
        facts = {
            "parameters": {name: getattr(self, name) for name in _OF_THE_NETWORK},
            "mean": float(self._mean),
            "names": list(getattr(self, "feature_names_in_", [])),
        }
        write_network(path, arrays, facts)

    @classmethod
    def load(cls, path):
        """Read a network that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        network : DeepUnfoldedNMF
            Fitted. Parameters of the training are those by default, and of its course nothing is
            known; ``partial_fit`` trains it further. A `Separator` brings clips to unit level,
            which matters for all unfoldings but "mu" without sparsity: pickle it as a whole where
            it is the separator that is wanted again.

        Raises
        ------
        ValueError
            If the file is no such network.
        OSError
            If it can not be read.
        ImportError
            If safetensors is not installed.
        """
        arrays, facts = read_network(path)
        try:
            network = cls(**{name: facts["parameters"][name] for name in _OF_THE_NETWORK})
            network._validate_params()
            H, labels = arrays.pop("dictionary"), arrays.pop("atom_source")
            mean = float(facts["mean"])
            if not (np.isfinite(H).all() and (H > 0).all() and 0 < mean < np.inf):
                raise ValueError("its dictionary or level is not positive")
            if labels.shape != H.shape[:1] or sorted(set(labels)) != [*range(labels.max() + 1)]:
                raise ValueError("its components belong to no sources")
            network._adopt(H, labels.astype(int), mean)
            if facts["names"]:
                if len(facts["names"]) != network.n_features_in_:
                    raise ValueError(f"it names {len(facts['names'])} features")
                network.feature_names_in_ = np.array(facts["names"], dtype=object)
            network._rng = np.random.RandomState()
            network.weights_ = network._shapes()
            weights = {name.removeprefix("weights."): one for name, one in arrays.items()}
            return network.replace_weights(weights)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"{path} holds no whole DeepUnfoldedNMF: {error}.") from error

    def _adopt(self, H, sources, mean):
        """Become the network of a dictionary, for data of this mean, but for its weights."""
        self._parameters = {name: getattr(self, name) for name in _OF_THE_NETWORK}
        self._memory = self._split = None
        self._mean = mean
        self.penalty_ = float(self.sparsity * relative_power(mean, self._beta - 1))
        self.n_sources_ = int(sources.max()) + 1
        self.atom_source_ = sources
        self.dictionary_ = H
        n_features = H.shape[1] // (2 * self.context + 1)
        self.n_features_in_ = n_features
        self.loss_curve_ = self.validation_curve_ = np.array([])
        self.n_iter_ = 0

    def _untrained(self):
        """Weights with which it is the iteration itself."""
        H, n_features = self.dictionary_, self.n_features_in_
        xp = jnp if is_jax_array(H) else np
        with precision(H.dtype):
            layers = self._unfolding().untrained(jnp.asarray(H), self.n_layers, self._n_trained())
            weights = {name: xp.asarray(one) for name, one in layers.items()}
            center = H[:, self.context * n_features : (self.context + 1) * n_features]
            return {**weights, "output": xp.log(center)}

    def _shapes(self):
        """Those of the weights, which need not fit into memory."""
        H = jax.ShapeDtypeStruct(self.dictionary_.shape, np.float32)
        sizes = {"n_layers": self.n_layers, "n_untied": self._n_trained()}
        layers = jax.eval_shape(partial(self._unfolding().untrained, **sizes), H)
        output = jax.ShapeDtypeStruct((H.shape[0], self.n_features_in_), H.dtype)
        return {**layers, "output": output}

    def _check_fitted(self):
        """Refuse a network that is none yet, or whose parameters are no longer its own."""
        check_is_fitted(self)
        for name, one in self._parameters.items():
            now = getattr(self, name)
            if now != one:
                raise ValueError(
                    f"The network was fitted with {name}={one!r}, which is {now!r} now: set it "
                    "back, or fit anew, without warm_start."
                )

    def _check_spectra(self, X, *, reset, lengths):
        """The mixtures as they are given, row below row, and their checked magnitudes."""
        if np.dtype(getattr(X, "dtype", float)).kind != "c":
            checked = self._check_input(X, None, reset=reset, lengths=lengths)
            return checked.X, checked
        checked = self._check_input(abs(X), None, reset=reset, lengths=lengths)
        return X.reshape(-1, X.shape[-1]), checked

    def _check_number(self, y):
        if y.shape[1] != self.n_sources_:
            raise ValueError(
                f"y holds {y.shape[1]} sources, but the network separates {self.n_sources_}."
            )

    def _atoms(self):
        return atom_table(self.atom_source_, self.n_sources_)

    def _unfolding(self):
        if self.unfolding == "mu":
            return Multiplicative(step_rule("mu", self._beta, quadratic=False))
        if self.unfolding == "both":
            penalty = NormalizedSparsity(float(self.sparsity), 2)
            return BothFactors(step_rules("mu", self._beta, penalty))
        return ProximalGradient() if self.unfolding == "pgd" else Recurrent(float(self.coupling))

    def _output(self):
        """The components that the weights tell."""
        output = self.weights_["output"]
        with precision(output.dtype):
            return (jnp if is_jax_array(output) else np).exp(output)

    def _n_trained(self):
        return self.n_layers if self.n_untied is None else self.n_untied

    def _level(self):
        """At which the kernels take the components, so that the floor is small beside them."""
        return float(self.dictionary_.mean())

    def _with_silence(self, X, xp):
        """As the kernels take it: relative to what was learned from, rows of zeros below."""
        dtype = self.dictionary_.dtype
        if xp.iscomplexobj(X):
            dtype = np.result_type(dtype, np.complex64)
        # A number of Python leaves the precision as it is.
        X = (X / float(self._mean)).astype(dtype)
        # Of few heights: whatever takes it is compiled for each.
        silent = bucket(len(X) + 1) - len(X)
        return xp.concatenate([X, xp.zeros((silent, *X.shape[1:]), dtype)])

    def _held(self, xp):
        dtype = self.dictionary_.dtype
        level = self._level()
        return Held(
            xp.asarray(self.dictionary_ / level, dtype),
            for_kernels(np.full(len(self.dictionary_), 1 / level), dtype),
            for_kernels(self.sparsity / level, dtype),
            for_kernels(floor_of(dtype, self._beta), dtype),
            for_kernels(self.n_layers - self._n_trained(), np.int32),
        )

    def _activations(self, checked, H=None):
        X, dtype = checked.X, self.dictionary_.dtype
        xp = jnp if is_jax_array(X) else np
        with precision(dtype):
            gain = xp.asarray(self._mean / self._level(), dtype)
            found = [
                (rows[inner], xp.asarray(W)[inner] * gain)
                for rows, W, _, inner in self._pieces(checked)
            ]
            return _in_order(found, xp).astype(X.dtype), True, self.n_layers

    def _separated(self, X, checked):
        """The sources of every row, in shape (n_rows, n_sources, n_features)."""
        xp = jnp if is_jax_array(checked.X) else np
        with precision(self.dictionary_.dtype):
            weights, atoms = jax.tree.map(jnp.asarray, (as_tree(self.weights_), self._atoms()))
            found = []
            for rows, *layered, inner in self._pieces(checked):
                masks = shares(weights, Layered(*layered), atoms)
                masks = xp.moveaxis(xp.asarray(masks), 0, 2)[inner]
                sources = masks.astype(checked.X.dtype) * X[rows[inner]][:, None]
                found.append((rows[inner], sources))
            return _in_order(found, xp)

    def _pieces(self, checked):
        """What the layers make of the recordings, some pieces at a time.

        Yields the rows of the pieces, of shape (n_pieces, n_rows), their activations and changes,
        and which of the rows count: every row of X once.
        """
        X, unfolding = checked.X, self._unfolding()
        xp, n_rows = jnp if is_jax_array(X) else np, len(X)
        # What remembers must see its recordings from their very beginning, and as a whole.
        margin = 0 if unfolding.remembers else self.context
        most = n_rows if unfolding.remembers else _ROWS_AT_ONCE
        # Put there once: every piece would copy what is not.
        V, weights, held = jax.tree.map(
            jnp.asarray,
            (self._with_silence(X, xp), as_tree(self.weights_), self._held(xp)),
        )
        # Recordings of like length together: short ones take no longer for a long one beside them.
        recordings = recordings_of(checked.lengths)
        heights = [bucket(min(one.length, most)) for one in recordings]
        for height in dict.fromkeys(heights):
            own = [one for one, its in zip(recordings, heights, strict=True) if its == height]
            pieces = pieces_of(own, height + 2 * margin, n_rows, margin=margin)
            at_once = min(bucket(len(pieces), 1), max(1, _ROWS_AT_ONCE // pieces.shape[1]))
            for start in range(0, len(pieces), at_once):
                # The last ones are filled up with silence: one shape, one program.
                rows = np.full((at_once, pieces.shape[1]), n_rows, np.int32)
                rows[: len(pieces) - start] = pieces[start : start + at_once]
                W, changes = unfolded_pieces(weights, held, V, rows, unfolding=unfolding)
                inner = rows < n_rows
                inner[:, :margin] = inner[:, pieces.shape[1] - margin :] = False
                yield rows, W, changes, inner

    @property
    def _n_features_out(self):
        return len(self.atom_source_)

    def __sklearn_tags__(self):
        """Trained with sources."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _allows_missing(self):
        return False

    @staticmethod
    def _refuse_missing(X, weights):
        if has_missing(X):
            raise ValueError("Input X contains NaN, which DeepUnfoldedNMF does not handle.")


def as_tree(weights):
    layers = {name: one for name, one in weights.items() if name != "output"}
    return Weights(layers, weights["output"])


def _in_order(parts, xp):
    """Values of rows, below each other as the rows are."""
    rows = np.concatenate([of_part for of_part, _ in parts])
    values = xp.concatenate([of_part for _, of_part in parts])
    return values if (np.diff(rows) > 0).all() else values[np.argsort(rows)]


def _energy(spectra, largest):
    return np.square(np.abs(np.asarray(spectra)).astype(np.float64) / largest).sum()
