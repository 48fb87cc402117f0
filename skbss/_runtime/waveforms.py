"""Input checks for clips: waveforms, their isolated sources, and complex spectrograms."""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_array

from skbss._runtime.device import is_jax_array
from skbss._runtime.row_streams import yields_blocks


@dataclass(frozen=True)
class Clips:
    """Clips as the caller gave them, checked.

    Attributes
    ----------
    arrays : list of arrays
        One array for a single clip or for clips stacked along the first axis; one per clip
        where their lengths differ.
    layout : {"one", "stack", "list"}
        Which of these it is.
    """

    arrays: list[Any]
    layout: Literal["one", "stack", "list"]

    def each(self) -> list[Any]:
        """The clips, one by one."""
        return list(self.arrays[0]) if self.layout == "stack" else self.arrays

    def gather(self, results: Iterable[Any]) -> Any:
        """The results of every clip in the layout in which the clips came."""
        if self.layout == "one":
            return next(iter(results))
        if self.layout == "list":
            return list(results)
        if is_jax_array(self.arrays[0]):
            return jnp.stack(list(results))
        # np.stack would hold every result twice.
        out = None
        for position, result in enumerate(results):
            if out is None:
                out = np.empty((len(self.arrays[0]), *result.shape), result.dtype)
            out[position] = result
        return out


def check_waveforms(X: Any, *, name: str = "X", of_sources: bool = False) -> Clips:
    """Refuse what is no audio, and say how the clips are laid out.

    Parameters
    ----------
    X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
        A list may hold clips of unequal length, each of shape ([n_channels,] length).
    name : str
        What the caller calls it, for messages.
    of_sources : bool
        Whether clips may have one more axis before that of the channels.

    Returns
    -------
    clips : Clips
        Of float32 or float64; integers become float64. JAX arrays stay where they lie.

    Raises
    ------
    TypeError, ValueError
        For sparse, complex, non-numeric, empty or non-finite input, and for what has time along
        another axis than the last, as (length, n_channels) arrays of many audio readers have.
    """
    if yields_blocks(X):
        raise TypeError(
            f"{name} is of type {type(X).__name__}, but has to be in memory here: blocks of a "
            "recording are for fit and transform of Separator."
        )
    clips = _clips(X, name, _check_real, axes_of_one=1)
    for position, array in enumerate(clips.arrays):
        most = (2 if clips.layout == "list" else 3) + of_sources
        label = f"{name}[{position}]" if clips.layout == "list" else name
        if not 1 <= array.ndim <= most:
            shapes = (
                "([n_channels,] length)"
                if clips.layout == "list"
                else ("(length,), (n_clips, length) or (n_clips, n_channels, length)")
            )
            if of_sources:
                shapes = "([n_clips,] n_sources, [n_channels,] length)"
            raise ValueError(f"{label} must have the shape {shapes}, got {array.shape}.")
        _refuse_empty(array, label)
        _refuse_time_first(array, label)
    return clips


def check_spectra(X: Any, *, name: str = "X", n_leading: int | None = None) -> Clips:
    """Refuse what is no complex STFT, and say how the clips are laid out.

    Parameters
    ----------
    X : complex array of shape (..., n_frames, n_freqs), or list of such arrays
        Two axes are one clip.
    name : str
        What the caller calls it, for messages.
    n_leading : int, optional
        How many axes may come before frames and frequencies; any number by default.

    Returns
    -------
    clips : Clips
        Of complex64 or complex128.

    Raises
    ------
    TypeError, ValueError
        For sparse, real, non-numeric, empty or non-finite input.
    """
    clips = _clips(X, name, _check_complex, axes_of_one=2)
    for position, array in enumerate(clips.arrays):
        is_list = clips.layout == "list"
        label = f"{name}[{position}]" if is_list else name
        most = np.inf if n_leading is None else n_leading + (1 if is_list else 2)
        if not 2 <= array.ndim <= most:
            leading = "..." if n_leading is None else "[n_clips,] [n_channels,]"
            raise ValueError(
                f"{label} must have the shape ({leading} n_frames, n_freqs), got {array.shape}."
            )
        _refuse_empty(array, label)
    return clips


def check_sources(y: Any, clips: Clips, *, name: str = "y") -> list[Any]:
    """The isolated sources of every clip, checked against the clips they belong to.

    Parameters
    ----------
    y : array of shape (n_clips, n_sources, [n_channels,] length), or list of one array per clip
        Without the first axis where the clips are a single one without it.
    clips : Clips
        The mixtures.
    name : str
        What the caller calls it, for messages.

    Returns
    -------
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        In the dtype of the clips.

    Raises
    ------
    ValueError
        If shapes do not fit the clips, or a sample is not finite.
    """
    mixtures = clips.each()
    if not is_jax_array(mixtures[0]):
        # On the device, their precision would be that of its settings.
        y = _on_host(y)
    if clips.layout == "one":
        per_clip = [y]
    elif isinstance(y, list | tuple) or _is_array_of_arrays(y):
        per_clip = list(y)
    else:
        per_clip = list(_check_real(y, name))
    if len(per_clip) != len(mixtures):
        raise ValueError(
            f"{name} holds the sources of {len(per_clip)} clips, but there are {len(mixtures)} "
            f"clips in X: pass {name} of shape (n_clips, n_sources, [n_channels,] length)."
        )
    sources = []
    for position, (one, mixture) in enumerate(zip(per_clip, mixtures, strict=True)):
        label = name if clips.layout == "one" else f"{name}[{position}]"
        one = _check_real(one if np.ndim(one) else [one], label)
        if one.shape[1:] != mixture.shape or one.ndim != mixture.ndim + 1:
            wanted = ", ".join(["n_sources", *map(str, mixture.shape)])
            raise ValueError(
                f"{label} must hold the isolated sources of a clip of shape {mixture.shape}, that "
                f"is, have the shape ({wanted}), got {one.shape}."
            )
        sources.append(one.astype(mixture.dtype, copy=False))
    counts = sorted({len(one) for one in sources})
    if len(counts) > 1:
        raise ValueError(f"{name} must hold as many sources in every clip, got {counts}.")
    return sources


def _clips(X, name, check, *, axes_of_one):
    if X is None:
        raise TypeError(
            f"{name} must be an array or a list of clips, got None. Where only isolated sources "
            "are at hand, their sum is a mixture."
        )
    if _is_array_of_arrays(X) or isinstance(X, list | tuple):
        for position, item in enumerate(X):
            if item is None:
                raise TypeError(f"{name}[{position}] must be an array, got None.")
        if not len(X):
            raise ValueError(f"Found array with 0 sample(s): {name} holds no clip.")
        X = [_as_array(item, f"{name}[{position}]") for position, item in enumerate(X)]
        if len({getattr(item, "shape", ()) for item in X}) > 1:
            arrays = [check(item, f"{name}[{position}]") for position, item in enumerate(X)]
            dtype = np.result_type(*(array.dtype for array in arrays))
            return Clips([array.astype(dtype, copy=False) for array in arrays], "list")
        X = jnp.stack(X) if all(map(is_jax_array, X)) else np.asarray(list(X))
    X = check(X, name)
    return Clips([X], "one" if X.ndim <= axes_of_one else "stack")


def _as_array(item, name):
    """Lists of numbers have shapes, too."""
    if not isinstance(item, list | tuple):
        return item
    try:
        return np.asarray(item)
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array, of which all channels have one length, got lists of unequal "
            "lengths."
        ) from error


def _on_host(y):
    if is_jax_array(y):
        return np.asarray(y)
    if isinstance(y, list | tuple) or _is_array_of_arrays(y):
        return [np.asarray(one) if is_jax_array(one) else one for one in y]
    return y


def _is_array_of_arrays(X):
    return isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1


def _check_real(X, name):
    if isinstance(X, str | PathLike):
        raise TypeError(
            f"{name} must hold the samples of recordings, got {X!r}: read the file first, such as "
            "by librosa.load(path, sr=None, mono=False)."
        )
    if not is_jax_array(X):
        return check_array(
            X, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=True, input_name=name
        )
    if jnp.issubdtype(X.dtype, jnp.complexfloating):
        raise ValueError("Complex data not supported")
    if X.dtype not in (jnp.float32, jnp.float64):
        X = X.astype(jnp.result_type(float))
    return _check_finite(X, name)


def _check_complex(X, name):
    if is_jax_array(X):
        is_complex = jnp.issubdtype(X.dtype, jnp.complexfloating)
    else:
        if hasattr(X, "toarray"):
            raise TypeError(
                f"Sparse data was passed for {name}, but dense data is required. "
                "Use '.toarray()' to convert to a dense numpy array."
            )
        X = np.asarray(X)
        is_complex = np.issubdtype(X.dtype, np.complexfloating)
    if not is_complex:
        raise ValueError(
            f"{name} must be a complex STFT, got an array of dtype {X.dtype}: "
            "compute it by STFT(output='complex')."
        )
    if X.dtype not in (np.complex64, np.complex128):
        X = X.astype(np.complex128)
    return _check_finite(X, name)


def _check_finite(X, name):
    xp = jnp if is_jax_array(X) else np
    if not bool(xp.isfinite(X).all()):
        what = "NaN" if bool(xp.isnan(X).any()) else "infinity"
        raise ValueError(f"Input {name} contains {what}.")
    return X


def _refuse_time_first(array, name):
    """Thousands of clips of a few samples each are one clip whose axes were exchanged."""
    if array.ndim > 1 and array.shape[-1] <= 64 and array.shape[-2] >= 100 * array.shape[-1]:
        swapped = (*array.shape[:-2], array.shape[-1], array.shape[-2])
        raise ValueError(
            f"Time is the last axis of {name}, but its shape {array.shape} ends with "
            f"{array.shape[-1]}: exchange the last two axes, np.swapaxes({name}, -1, -2), to "
            f"get {swapped}; channels of one clip stand before time, (1, n_channels, length)."
        )


def _refuse_empty(array, name):
    if 0 in array.shape:
        what = "sample" if array.shape[0] == 0 else "feature"
        raise ValueError(
            f"Found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is "
            f"required: {name} is empty."
        )
