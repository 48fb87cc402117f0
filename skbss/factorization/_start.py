"""Where a fit starts: what the user gives is checked, what is not given is made."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_non_negative

from skbss._runtime.device import has_shared_rows, is_jax_array, movable
from skbss._runtime.loop import fetch
from skbss._runtime.warning import warn
from skbss.factorization._initialization import (
    factors_of_svd,
    nndsvd_factors,
    random_factor,
    random_factors,
    rank_one_completion,
)
from skbss.factorization._sharded_start import shared_svd

# Of the absolute values of normal numbers of mean square 1.
_MEAN_OF_DRAWN = np.sqrt(2 / np.pi)


class Given(NamedTuple):
    """What is known before the fit, checked."""

    init: str
    n_components: int
    W: Any
    H: Any
    fixed: Any
    component_shape: tuple[int, ...]

    @property
    def free(self):
        """Which components are to be learned."""
        return np.arange(self.n_components) >= (0 if self.fixed is None else len(self.fixed))


def check_start(model, X, W, H, n_init=1, component_shape=None) -> Given:
    """Check what a model and its user give for a start, in scikit-learn's words.

    Parameters
    ----------
    model : estimator
        With the parameters `n_components`, `init` and `fixed_components`.
    X : array or CSR of shape (n_samples, n_features)
        Checked data.
    W, H : array-like or None
        As given to ``fit``.
    n_init : int
        How many starts will be made.
    component_shape : tuple of int, optional
        That of a component; ``(n_features,)`` by default.

    Returns
    -------
    given : Given
    """
    component_shape = component_shape or X.shape[1:]
    n_components, init, smallest = model.n_components, model.init, min(X.shape)
    if n_components == "auto" and init == "custom" and not (W is None and H is None):
        n_components = size_of_start(W, H, component_shape)
    elif n_components is None or n_components == "auto":
        n_components = X.shape[1]
    fixed = None
    if model.fixed_components is not None:
        whom = f"{type(model).__name__} (fixed_components)"
        fixed = check_fixed(model.fixed_components, component_shape, n_components, whom)
    learned = fixed is None or len(fixed) < n_components
    if init == "custom":
        W, H = _check_custom(X, W, H, n_components, component_shape)
    else:
        if W is not None or H is not None:
            warn(
                "When init!='custom', provided W or H are ignored. Set "
                " init='custom' to use them as initialization.",
                RuntimeWarning,
            )
        W = H = None
    drawn = init not in ("nndsvd", "nndsvda") and (W is None or H is None)
    if n_init > 1 and learned and not drawn:
        raise ValueError(
            f"n_init={n_init} starts would all be the same, since init={init!r} draws nothing. Use "
            "init='random', leave W or H out, or set n_init=1."
        )
    if init is None:
        splits = n_components <= smallest and n_init == 1 and len(component_shape) == 1
        init = "nndsvda" if splits else "random"
    elif init not in ("random", "custom") and n_components > smallest and learned:
        raise ValueError(
            f"init = '{init}' can only be used when n_components <= min(n_samples, n_features)"
        )
    return Given(init, n_components, W, H, fixed, component_shape)


def start_factors(given, X, weights, scale, random_state):
    """The first factors, for the data divided by its mean.

    Parameters
    ----------
    given : Given
        From ``check_start``.
    X : array or CSR of shape (n_samples, n_features)
        The data.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.
    scale : float
        Mean of the data.
    random_state : int, RandomState instance or None
        For what is drawn.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, [template_length,] n_features)
    """
    K, root = given.n_components, np.sqrt(scale)
    if given.W is not None and given.H is not None:
        W, H = given.W / root, given.H / root
    elif given.init in ("random", "custom"):
        shape = (X.shape[0], *given.component_shape)
        W, H = random_factors(1.0, shape, K, X.dtype, random_state)
        if given.init == "custom":
            W, H = _complete(given.W, given.H, W * root, H * root, scale)
            W, H = W / root, H / root
    elif has_shared_rows(X) and X.shape[0] >= X.shape[1]:
        U, S, V = shared_svd(X, weights, K, random_state)
        scaled = S / S.dtype.type(scale)
        W, H = factors_of_svd(U, scaled, V, fill=given.init, random_state=random_state)
    else:
        completed = completed_data(X, weights, scale)
        W, H = nndsvd_factors(completed, K, fill=given.init, random_state=random_state)
    return with_held(W, H, given, scale)


class RowStart(NamedTuple):
    """The first factors for the data divided by its mean, those of rows as they are asked for.

    Attributes
    ----------
    H : array of shape (n_components, n_features)
    activations : callable ``(start, stop) -> W``
        Of some rows: to be asked for one after another, each once.
    """

    H: Any
    activations: Callable[[int, int], Any]


def start_by_rows(given, rows, random_state):
    """Where to start from if rows are not there all at once; else the same as `start_factors`.

    Two things are not known before all rows are: factors that are drawn for a given H have the
    level that is expected of them, and of many rows a sample makes the singular vectors, while
    activations begin with a constant.

    Parameters
    ----------
    given : Given
        From ``check_start``, for components of one frame.
    rows : Rows
        The data.
    random_state : int, RandomState instance or None
        For what is drawn.

    Returns
    -------
    start : RowStart
    """
    n_components, (n_rows, n_features), dtype = given.n_components, rows.shape, rows.dtype
    rng, scale = check_random_state(random_state), rows.mean or 1.0
    root, level = np.sqrt(scale), 1 / np.sqrt(n_components)
    # Rows of activations and what they are divided by; drawn where there are none.
    first, divisor = given.W, root
    if given.init in ("random", "custom"):
        H = random_factor(level, (n_components, n_features), dtype, rng)
        if given.H is not None:
            H = given.H / root
            level *= _gain(np.full(n_components, level * _MEAN_OF_DRAWN), H)
        elif first is not None:
            H = H * _gain(np.asarray(first).mean(axis=0, dtype=np.float64) / root, H)
    else:
        X, weights, complete = rows.sample
        completed = completed_data(X, weights, scale)
        W, H = nndsvd_factors(completed, n_components, fill=given.init, random_state=random_state)
        constant = dtype.type(_gain(np.ones(n_components), H))
        first, divisor = (W, 1) if complete else (np.broadcast_to(constant, (n_rows, 1)), 1)
    columns, H = with_held(np.ones((1, n_components), dtype), H, given, scale)

    def activations(start, stop):
        if first is None:
            W = random_factor(level, (stop - start, n_components), dtype, rng)
        else:
            W = first[start:stop] / divisor
        return (W * columns).astype(dtype)

    return RowStart(H, activations)


def _gain(levels, H):
    """By what to multiply a factor so that its product with the other one has mean 1."""
    mean = float(levels @ np.asarray(H.mean(axis=1)))
    return 1 / mean if mean > 0 else 1.0


def size_of_start(W, H, component_shape):
    """How many components given factors have, of which one can be missing: H says it first.

    Parameters
    ----------
    W, H : array-like or None
        As given by the user.
    component_shape : tuple of int
        That of a component.

    Returns
    -------
    n_components : int
    """
    axes: tuple[str, ...]
    if H is None:
        name, A, axes = "W", W, ("n_samples", "n_components")
    else:
        within = ("template_length", "n_features")[-len(component_shape) :]
        name, A, axes = "H", H, ("n_components", *within)
    if np.ndim(A) != len(axes):
        raise ValueError(
            f"{name} must be an array of {len(axes)} axes, ({', '.join(axes)}), got one of shape "
            f"{np.shape(A)}."
        )
    return np.shape(A)[axes.index("n_components")]


def check_factor(A, shape, whom):
    """A given factor, refused in scikit-learn's words if its shape or values do not fit."""
    if not is_jax_array(A):
        A = check_array(A, allow_nd=len(shape) > 2)
    if np.ndim(A) != len(shape):
        raise ValueError(
            f"Array with {np.ndim(A)} axes passed to {whom}. Expected shape {shape}, but got "
            f"{A.shape}."
        )
    for axis, name in zip(range(len(shape)), ("first", "second", "third"), strict=False):
        if A.shape[axis] != shape[axis]:
            raise ValueError(
                f"Array with wrong {name} dimension passed to {whom}. Expected {shape[axis]}, "
                f"but got {A.shape[axis]}."
            )
    check_non_negative(np.asarray(A), whom)
    if A.max() == 0:
        raise ValueError(f"Array passed to {whom} is full of zeros.")
    return A


def _check_custom(X, W, H, n_components, component_shape):
    if W is None and H is None:
        raise ValueError(
            "init='custom' needs W, H or both, and neither was given. Pass them to fit, or "
            "choose another init."
        )
    if H is not None:
        H = movable(check_factor(H, (n_components, *component_shape), "NMF (input H)"), X)
    if W is not None:
        W = movable(check_factor(W, (X.shape[0], n_components), "NMF (input W)"), X)
    given = {name: A.dtype for name, A in (("H", H), ("W", W)) if A is not None}
    if any(dtype != X.dtype for dtype in given.values()):
        names = " and ".join(f"{name}.dtype = {dtype}" for name, dtype in given.items())
        raise TypeError(f"H and W should have the same dtype as X. Got {names}.")
    return W, H


def check_fixed(fixed, component_shape, n_components, whom):
    """Check components that are held.

    Parameters
    ----------
    fixed : array-like
        As given by the user.
    component_shape : tuple of int
        What one has to have.
    n_components : int
        How many there are in all.
    whom : str
        Who is told what is wrong.

    Returns
    -------
    fixed : ndarray
    """
    several = len(component_shape) > 1
    fixed = check_array(np.asarray(fixed), dtype=[np.float64, np.float32], allow_nd=several)
    check_non_negative(fixed, whom)
    if fixed.shape[-1] != component_shape[-1]:
        raise ValueError(
            f"fixed_components has {fixed.shape[-1]} features, but X has {component_shape[-1]}."
        )
    if fixed.shape[1:] != component_shape:
        raise ValueError(
            f"fixed_components of shape {fixed.shape} must hold components of shape "
            f"{component_shape}: (template_length, n_features)."
        )
    if len(fixed) > n_components:
        raise ValueError(
            f"fixed_components has {len(fixed)} rows, but n_components={n_components} counts "
            "them: give at least as many components."
        )
    return fixed


def _complete(W, H, drawn_W, drawn_H, mean):
    """Scale the drawn factor so that its product with the given one has the data's mean."""
    left, right = (W, drawn_H) if H is None else (drawn_W, H)
    level = float(left.mean(axis=0) @ right.mean(axis=-1).reshape(len(right), -1).sum(axis=1))
    gain = mean / level if level > 0 else 1.0
    return (W, right * gain) if H is None else (left * gain, H)


def completed_data(X, weights, scale):
    """The data at mean 1 on the host, with missing entries filled by a product of means.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        The data.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.
    scale : float
        Mean of the data.
    """
    if sp.issparse(X):
        completed = X.copy()
        completed.data = np.where(np.isnan(X.data), 1, X.data / scale).astype(X.dtype)
        return completed
    host = np.asarray(X)
    host = (host / scale).astype(host.dtype, copy=False)
    if weights is not None:
        if has_shared_rows(X):
            weights = fetch(weights)[: len(host)]
        full = np.broadcast_to(np.asarray(weights, host.dtype), host.shape)
        host = rank_one_completion(host, full > 0, full)
    return host


def with_held(W, H, given, scale):
    """Put known components in the place of the first ones, of the same loudness as they had.

    Parameters
    ----------
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, [template_length,] n_features)
        For the data divided by its mean.
    given : Given
        From ``check_start``.
    scale : float
        Mean of the data.

    Returns
    -------
    W, H : arrays
    """
    if given.fixed is None:
        return W, H
    fixed = given.fixed / np.sqrt(scale)
    n_fixed = len(fixed)
    xp = jnp if is_jax_array(W) or is_jax_array(H) else np
    norms = np.linalg.norm(fixed.reshape(n_fixed, -1), axis=1)
    drawn = np.linalg.norm(np.asarray(H[:n_fixed]).reshape(n_fixed, -1), axis=1)
    gains = drawn / np.where(norms > 0, norms, 1)
    W = xp.concatenate([W[:, :n_fixed] * gains, W[:, n_fixed:]], axis=1)
    return W, xp.concatenate([xp.asarray(fixed, dtype=H.dtype), H[n_fixed:]])
