"""What an estimate has too much and too little of, as a picture."""

import numpy as np

from skbss.report._spectrogram import picture_data_uri

DIFFERENCE_DB = 40.0
AUDIBLE_DB = 60.0
# Of middle brightness, so that they stand out from a light and from a dark page alike.
TOO_MUCH = (221, 52, 43)
MISSING = (36, 104, 214)
# Below 1, so that the few dB by which most estimates differ can be seen.
_CONTRAST = 0.6


def level_difference(estimate: np.ndarray, reference: np.ndarray, *, loudest: float) -> np.ndarray:
    """Level of an estimate minus that of its reference, in dB.

    What is fainter than `AUDIBLE_DB` below `loudest` counts as being just there: where neither is
    audible there is no difference, and where only one is, the difference says how far it is above
    that.

    Parameters
    ----------
    estimate, reference : array of shape (n_rows, n_columns)
        Power.
    loudest : float
        Power of the loudest point of the whole page; 0 for silence.

    Returns
    -------
    array of shape (n_rows, n_columns)
        From -`AUDIBLE_DB` to `AUDIBLE_DB`; positive where the estimate is louder.
    """
    if not loudest > 0:
        return np.zeros(np.shape(estimate))
    # Relative to the loudest point first: a floor below it could round to 0.
    floor = 10 ** (-AUDIBLE_DB / 10)
    audible = [np.maximum(power / loudest, floor) for power in (estimate, reference)]
    return 10 * np.log10(audible[0] / audible[1])


def difference_data_uri(difference: np.ndarray) -> str:
    """Picture of a difference as a ``data:`` URI.

    Parameters
    ----------
    difference : array of shape (n_rows, n_columns)
        In dB, the lowest frequency first. From 0 to `DIFFERENCE_DB` it goes from clear to full
        color, so that it can be read on any ground.
    """
    share = np.clip(difference / DIFFERENCE_DB, -1, 1)
    # Level 0 is not used, so that 128 is the middle.
    levels = np.round(128 + 127 * share).astype(np.uint8)
    colors = np.array([[*MISSING]] * 128 + [[*TOO_MUCH]] * 128, dtype=np.uint8)
    opacity = np.minimum(np.abs(np.arange(256) - 128) / 127, 1) ** _CONTRAST
    return picture_data_uri(levels, colors, opacity=np.round(255 * opacity).astype(np.uint8))


def difference_scale_data_uri() -> str:
    """Picture of all colors of a difference, from -`DIFFERENCE_DB` to `DIFFERENCE_DB`."""
    return difference_data_uri(np.linspace(-DIFFERENCE_DB, DIFFERENCE_DB, 255)[np.newaxis])
