"""Bass, drums and melody."""

import numpy as np
from sklearn.utils import Bunch

from skbss.datasets._clips import check_dtype, read_notes, read_stems, read_texts

_SOURCES = ("bass", "drums", "melody")


def load_band(*, dtype=np.float32):
    """A bass guitar, a drum kit and a vibraphone playing together, and each of them alone.

    10.5 s to separate and 10 s of another piece by the same band to train on, at 22050 Hz, one
    channel.

    Parameters
    ----------
    dtype : dtype-like, default=np.float32
        Type of the waveforms, float32 or float64. The values are the same: both hold the 16 bits
        of the files.

    Returns
    -------
    clip : :class:`~sklearn.utils.Bunch`
        With the attributes

        mixture : ndarray of shape (length,)
            What is heard: exactly ``sources.sum(axis=0)``, within [-1, 1].
        sources : ndarray of shape (3, length)
            The instruments.
        source_names : list of str
            ``["bass", "drums", "melody"]``.
        sample_rate : int
            22050 Hz.
        notes : dict of ndarray of shape (n_notes, 3)
            What each plays, by its name: onset and duration in seconds, MIDI pitch, which for
            drums is the key of General MIDI: 36 bass drum, 38 snare drum, 42 and 46 closed and open
            hi-hat, 49 crash cymbal.
        train_mixture : ndarray of shape (train_length,)
            The other piece, exactly ``train_sources.sum(axis=0)``.
        train_sources : ndarray of shape (3, train_length)
            Its instruments, in the same order.
        train_notes : dict of ndarray of shape (n_notes, 3)
            Its notes.
        DESCR : str
            Description of the clip, as reStructuredText.
        license : str
            SPDX identifier of the license of the sampled instruments.
        license_text : str
            Its full text, to be passed on with the clip.

    Raises
    ------
    ValueError
        If `dtype` is neither float32 nor float64.

    See Also
    --------
    load_piano_notes : A simpler example.
    load_two_speakers : Speech.

    Examples
    --------
    >>> from skbss.datasets import load_band
    >>> clip = load_band()
    >>> clip.mixture.shape, clip.sources.shape, clip.train_sources.shape
    ((231525,), (3, 231525), (3, 220500))
    >>> clip.source_names
    ['bass', 'drums', 'melody']
    """
    dtype = check_dtype(dtype)
    sources, sample_rate = read_stems("band", _SOURCES, dtype)
    train_sources, _ = read_stems("band_train", _SOURCES, dtype)
    return Bunch(
        mixture=sources.sum(axis=0),
        sources=sources,
        source_names=list(_SOURCES),
        sample_rate=sample_rate,
        notes=read_notes("band", _SOURCES),
        train_mixture=train_sources.sum(axis=0),
        train_sources=train_sources,
        train_notes=read_notes("band_train", _SOURCES),
        **read_texts("band", "MIT"),
    )
