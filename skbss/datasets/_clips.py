"""What is stored of a clip: waveforms, description and license."""

import json
from importlib import resources

import numpy as np

_LICENSES = {"MIT": "FluidR3.txt", "MIT-Festival": "flite.txt"}


def check_dtype(dtype):
    """Refuse what is no floating point type of 32 or 64 bits.

    Parameters
    ----------
    dtype : dtype-like
        As the user gave it.

    Returns
    -------
    dtype : numpy.dtype

    Raises
    ------
    ValueError
        If it is another type.
    """
    # NumPy takes None for float64, which here would contradict the default.
    if dtype is not None and np.dtype(dtype) in (np.float32, np.float64):
        return np.dtype(dtype)
    raise ValueError(f"dtype must be float32 or float64, got {dtype!r} instead.")


def read_waveform(name, dtype):
    """Waveform of a stored file.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    dtype : numpy.dtype
        float32 or float64.

    Returns
    -------
    waveform : ndarray of shape (length,) or (n_channels, length)
        In [-1, 1).
    sample_rate : int
        In Hz.
    """
    import soundfile

    with _stored("clips", f"{name}.flac").open("rb") as file:
        waveform, sample_rate = soundfile.read(file, dtype=dtype.name)
    return np.ascontiguousarray(waveform.T), sample_rate


def read_stems(prefix, source_names, dtype):
    """Waveforms of several sources.

    Parameters
    ----------
    prefix : str
        What the names of their files begin with.
    source_names : iterable of str
        What the names of their files end with.
    dtype : numpy.dtype
        float32 or float64.

    Returns
    -------
    stems : ndarray of shape (n_sources, length)
    sample_rate : int
        In Hz.
    """
    waveforms, rates = zip(
        *(read_waveform(f"{prefix}_{name}", dtype) for name in source_names), strict=True
    )
    return np.stack(waveforms), rates[0]


def read_texts(name, license):
    """Description and license of a clip.

    Parameters
    ----------
    name : str
        Of the clip.
    license : {"MIT", "MIT-Festival"}
        SPDX identifier.

    Returns
    -------
    texts : dict
        Of the str `DESCR`, `license` and `license_text`.
    """
    return {
        "DESCR": _stored("descr", f"{name}.rst").read_text(encoding="utf-8"),
        "license": license,
        "license_text": _stored("licenses", _LICENSES[license]).read_text(encoding="utf-8"),
    }


def read_notes(name, source_names):
    """The notes of a clip.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    source_names : iterable of str
        Names of the sources, in the order of the file.

    Returns
    -------
    notes : dict of ndarray of shape (n_notes, 3)
        By source: onset and duration in seconds, MIDI pitch.
    """
    stored = json.loads(_stored("notes", f"{name}.json").read_text(encoding="utf-8"))
    return {
        source: np.array(notes, np.float64)
        for source, notes in zip(source_names, stored.values(), strict=True)
    }


def _stored(folder, name):
    return resources.files("skbss.datasets") / folder / name
