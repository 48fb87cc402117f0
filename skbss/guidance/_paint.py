"""Masks that somebody painted on a spectrogram."""

import numpy as np

from skbss.guidance._checked import as_table, check_count, is_listed

# By how much the shares of a bin may miss 1, for masks in single precision.
_ROUNDING = 1e-4


def painted_activations(paint, n_components=1):
    """Activations of sources, which are zero in frames in which they were painted as silent.

    Parameters
    ----------
    paint : array-like of shape (n_sources, n_frames) or (n_sources, n_frames, n_freqs)
        Of every source the share, from 0 to 1, that it has of every frame or bin; NaN where that
        is not known.
    n_components : int or sequence of int, default=1
        Number of components of every source.

    Returns
    -------
    W : ndarray of shape (n_frames, sum of n_components)
        Exact zeros for all components of a source in frames of which it has no share at any
        frequency, 1 elsewhere. Source after source.

    Raises
    ------
    TypeError, ValueError
        If a share is not in [0, 1], or the shares of a bin can not add up to 1, or `n_components`
        does not fit.

    See Also
    --------
    interval_activations : The same from times in seconds.
    skbss.GuidedSeparator : Also follows what is painted on single bins.

    References
    ----------
    .. [1] A. Lefèvre, F. Bach and C. Févotte, "Semi-supervised NMF with time-frequency annotations
       for single-channel source separation", ISMIR 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.guidance import painted_activations
    >>> painted_activations([[1, 0.5, np.nan, 0], [0, 0.5, np.nan, 1]], [1, 2])
    array([[1., 0., 0.],
           [1., 1., 1.],
           [1., 1., 1.],
           [0., 1., 1.]])
    """
    paint = as_table(paint, "paint")
    if paint.ndim not in (2, 3) or 0 in paint.shape:
        raise ValueError(
            f"paint must have the shape (n_sources, n_frames[, n_freqs]), got {paint.shape}."
        )
    shape = paint.shape[1:]
    shares = completed_shares(
        [check_paint(one, shape, f"paint[{j}]") for j, one in enumerate(paint)]
    )
    counts = list(n_components) if is_listed(n_components) else [n_components] * len(paint)
    if len(counts) != len(paint):
        raise ValueError(f"n_components is given for {len(counts)} of {len(paint)} sources.")
    counts = [check_count(count, "n_components") for count in counts]
    sounding = [1.0 - silent_frames(one) for one in shares]
    return np.repeat(np.stack(sounding, axis=1), counts, axis=1)


def check_paint(paint, shape, name) -> np.ndarray:
    """Refuse what is no mask with gaps.

    Parameters
    ----------
    paint : array-like
        Shares in [0, 1], NaN where not known.
    shape : tuple of int
        That it must have.
    name : str
        What the caller calls it.

    Returns
    -------
    paint : ndarray
        float32.
    """
    paint = as_table(paint, name)
    if not (np.issubdtype(paint.dtype, np.number) or paint.dtype == bool):
        raise TypeError(
            f"{name} must hold real numbers, NaN where nothing is known, got dtype {paint.dtype}."
        )
    if np.iscomplexobj(paint):
        raise TypeError(f"{name} must hold real numbers, got complex ones.")
    if paint.shape != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)}, frames and frequencies of the STFT, got "
            f"{paint.shape}."
        )
    paint = paint.astype(np.float32)
    if (paint < 0).any() or (paint > 1).any():
        raise ValueError(
            f"{name} must hold shares from 0 to 1, NaN where not known, got "
            f"{np.nanmin(paint):g} to {np.nanmax(paint):g}."
        )
    return paint


def completed_shares(paints) -> np.ndarray:
    """Shares that follow from the others filled in.

    Parameters
    ----------
    paints : list of ndarray or None
        Of every source, from ``check_paint``; None where nothing was painted.

    Returns
    -------
    shares : ndarray of shape (n_sources, ...)
        Where the others leave nothing, a source has nothing; where it is the only one whose share
        is not known, it has the rest. NaN where not known.

    Raises
    ------
    ValueError
        If shares can not add up to 1.
    """
    shape = next(one.shape for one in paints if one is not None)
    nothing = np.full(shape, np.nan, np.float32)
    shares = np.stack([nothing if one is None else one for one in paints])
    known = ~np.isnan(shares)
    total = np.where(known, shares, 0).sum(axis=0)
    n_open = len(shares) - known.sum(axis=0)
    impossible = (total > 1 + _ROUNDING) | ((n_open == 0) & (total < 1 - _ROUNDING))
    if impossible.any():
        where = tuple(int(i) for i in np.argwhere(impossible)[0])
        raise ValueError(
            f"The sources' shares must add up to 1 in every bin, but what was painted adds up to "
            f"{total[where]:g} at (frame, frequency) {where} and {impossible.sum() - 1} other "
            "places: leave NaN where nothing is known."
        )
    rest = np.clip(1 - total, 0, 1)
    filled = ~known & ((n_open == 1) | (rest <= _ROUNDING))
    shares = np.where(filled, np.where(rest <= _ROUNDING, 0, rest), shares)
    # Exactly 1 where all are known now.
    known = ~np.isnan(shares)
    total = np.where(known, shares, 0).sum(axis=0)
    complete = known.all(axis=0) & (total > 0)
    return np.where(complete, shares / np.where(complete, total, 1), shares).astype(np.float32)


def silent_frames(share) -> np.ndarray:
    """In which frames a source has no share at any frequency.

    Parameters
    ----------
    share : ndarray of shape (n_frames, ...)
        NaN where not known.

    Returns
    -------
    silent : bool ndarray of shape (n_frames,)
    """
    return (share == 0).reshape(len(share), -1).all(axis=1)
