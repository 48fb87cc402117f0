"""Two voices at once, dry or in a room."""

import numpy as np
from sklearn.utils import Bunch

from skbss.datasets._clips import check_dtype, read_stems, read_texts, read_waveform

_SOURCES = ("female", "male")


def load_two_speakers(*, room=False, dtype=np.float32):
    r"""Two people speaking at once, and each of them alone.

    7.5 s to separate and 16 s of other sentences by the same voices to train on, at 16000 Hz.
    Without the room there is one channel, and what the voices say simply adds up. In the room
    two microphones hear both of them and the walls: the image of source :math:`s` at
    microphone :math:`c` is :math:`h_{sc} * s`, with the impulse response :math:`h_{sc}` of a
    simulated room.

    Parameters
    ----------
    room : bool, default=False
        Whether the speakers are heard in a room, by two microphones 5 cm apart.
    dtype : dtype-like, default=np.float32
        Type of the waveforms, float32 or float64.

    Returns
    -------
    clip : :class:`~sklearn.utils.Bunch`
        With the attributes

        mixture : ndarray of shape (length,) or (2, length)
            What is heard: exactly ``sources.sum(axis=0)``, within [-1, 1]. In the room one row
            per microphone, the left one first: one clip of two channels, which goes into a
            :class:`~skbss.Separator` as ``mixture[None]``, with ``sources[None]``.
        sources : ndarray of shape (2, length) or (2, 2, length)
            The speakers; in the room their images at the microphones,
            ``(n_sources, n_channels, length)``.
        source_names : list of str
            ``["female", "male"]``.
        sample_rate : int
            16000 Hz.
        train_mixture : ndarray of shape (train_length,) or (2, train_length)
            The other sentences, exactly ``train_sources.sum(axis=0)``.
        train_sources : ndarray of shape (2, train_length) or (2, 2, train_length)
            Their speakers, in the same order.
        room_impulse_responses : ndarray of shape (2, 2, 4000)
            Only in the room: `h`, ``(n_sources, n_channels, taps)``, reverberation time 0.2 s.
        DESCR : str
            Description of the clip, as reStructuredText.
        license : str
            SPDX identifier of the license of the voices.
        license_text : str
            Its full text, to be passed on with the clip.

    Raises
    ------
    ValueError
        If `dtype` is neither float32 nor float64.
    TypeError
        If `room` is not a bool.

    See Also
    --------
    load_band : Music, with material to train on as well.
    load_piano_notes : A simpler example.

    Examples
    --------
    >>> from skbss.datasets import load_two_speakers
    >>> load_two_speakers().sources.shape
    (2, 119360)
    >>> clip = load_two_speakers(room=True)
    >>> clip.mixture.shape, clip.sources.shape, clip.train_sources.shape
    ((2, 119360), (2, 2, 119360), (2, 2, 257680))
    """
    if not isinstance(room, bool | np.bool_):
        raise TypeError(f"room must be True or False, got {room!r} instead.")
    dtype = check_dtype(dtype)
    sources, sample_rate = read_stems("two_speakers", _SOURCES, dtype)
    train_sources, _ = read_stems("two_speakers_train", _SOURCES, dtype)
    only_in_room = {}
    if room:
        responses, _ = read_waveform("two_speakers_room", dtype)
        responses = responses.reshape(len(_SOURCES), 2, -1)
        sources, train_sources = _images(sources, responses), _images(train_sources, responses)
        only_in_room["room_impulse_responses"] = responses
    return Bunch(
        mixture=sources.sum(axis=0),
        sources=sources,
        source_names=list(_SOURCES),
        sample_rate=sample_rate,
        train_mixture=train_sources.sum(axis=0),
        train_sources=train_sources,
        **only_in_room,
        **read_texts("two_speakers", "MIT-Festival"),
    )


def _images(sources, responses):
    from scipy.signal import oaconvolve

    # The stems end in a silence longer than the responses: nothing is cut off.
    length = sources.shape[-1]
    return oaconvolve(sources[:, None], responses, axes=-1)[..., :length].astype(sources.dtype)
