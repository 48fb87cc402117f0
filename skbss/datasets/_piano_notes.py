"""Three piano notes."""

import numpy as np
from sklearn.utils import Bunch

from skbss.datasets._clips import check_dtype, read_notes, read_stems, read_texts

_SOURCES = ("D3", "F#3", "A3")


def load_piano_notes(*, dtype=np.float32):
    """Three piano notes, one after another, then together, and each of them alone.

    The classic first example of non-negative matrix factorization: the spectrogram has nearly
    rank three, one template per note. 7.25 s at 22050 Hz, one channel.

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
            The notes, in the order in which they come in.
        source_names : list of str
            ``["D3", "F#3", "A3"]``.
        sample_rate : int
            22050 Hz.
        notes : dict of ndarray of shape (2, 3)
            When each is struck, by its name: onset and duration in seconds, MIDI pitch.
        DESCR : str
            Description of the clip, as reStructuredText.
        license : str
            SPDX identifier of the license of the sampled piano.
        license_text : str
            Its full text, to be passed on with the clip.

    Raises
    ------
    ValueError
        If `dtype` is neither float32 nor float64.

    See Also
    --------
    load_band : Whole instruments instead of single notes.
    load_two_speakers : Speech.

    Examples
    --------
    >>> from skbss.datasets import load_piano_notes
    >>> clip = load_piano_notes()
    >>> clip.sources.shape, clip.source_names
    ((3, 159862), ['D3', 'F#3', 'A3'])
    >>> bool((clip.sources.sum(axis=0) == clip.mixture).all())
    True
    """
    # In the name of a file "#" would need quoting.
    files = [name.replace("#", "s") for name in _SOURCES]
    sources, sample_rate = read_stems("piano_notes", files, check_dtype(dtype))
    return Bunch(
        mixture=sources.sum(axis=0),
        sources=sources,
        source_names=list(_SOURCES),
        sample_rate=sample_rate,
        notes=read_notes("piano_notes", _SOURCES),
        **read_texts("piano_notes", "MIT"),
    )
