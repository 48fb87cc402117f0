"""Templates of drums: of recorded hits, and of hits in general."""

import reprlib
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skbss._runtime.waveforms import check_waveforms
from skbss.frontend import STFT
from skbss.guidance._checked import (
    check_count,
    check_framing,
    check_listed,
    check_rate,
    is_listed,
)
from skbss.guidance._frame_times import times_from
from skbss.guidance._intervals import check_onset_lists

# Before the first frame of at least this share of the loudest power, a hit has not begun.
_SILENT = 1e-3
# In a generic drum no frequency is weaker: learning must be able to find it.
_FLOOR = 1e-3


class _Sound(NamedTuple):
    """Bands as (center in Hz, width in octaves, weight), and how long the sound rings."""

    bands: tuple[tuple[float, float, float], ...]
    seconds: float


_SOUNDS = {
    "kick": _Sound(((60, 0.7, 1.0), (150, 1.0, 0.2), (3000, 1.0, 0.02)), 0.1),
    "snare": _Sound(((200, 0.5, 1.0), (1000, 1.5, 0.3), (5000, 1.2, 0.4)), 0.08),
    "tom": _Sound(((120, 0.7, 1.0), (400, 1.2, 0.2)), 0.15),
    "hi-hat": _Sound(((9000, 0.7, 1.0), (5000, 0.7, 0.3)), 0.04),
    "cymbal": _Sound(((7000, 1.2, 1.0), (3000, 1.0, 0.3)), 0.5),
}


def drum_components(
    kinds=("kick", "snare", "hi-hat"), *, sample_rate, stft=None, template_length=None
):
    """Components of drums in general, to start from where no recorded hits are at hand.

    Parameters
    ----------
    kinds : list of str, default=("kick", "snare", "hi-hat")
        What every component shall be: "kick", "snare", "tom", "hi-hat" or "cymbal". A kind may come
        more than once.
    sample_rate : float
        In Hz.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default.
    template_length : int, default=None
        Frames of a template, for `skbss.ConvNMF`; by default one spectrum a component.

    Returns
    -------
    H : ndarray of shape (n_components, [template_length,] n_freqs)
        Positive magnitudes with a sum of 1 each: broad bands where the drum is loud and a
        thousandth elsewhere, falling exponentially with the time that the drum rings. They only
        say which drum is which: what a drum sounds like is left to the fit.

    Raises
    ------
    TypeError, ValueError
        If there is no such kind, or a parameter is not allowed.

    See Also
    --------
    hit_components : From recorded hits, which serve much better.
    onset_activations : When the drums are struck.

    Examples
    --------
    >>> from skbss import STFT
    >>> from skbss.guidance import drum_components
    >>> H = drum_components(["kick", "hi-hat"], sample_rate=22050, template_length=8)
    >>> H.shape
    (2, 8, 1025)
    >>> bool(H[0, 0].argmax() < H[1, 0].argmax())
    True
    """
    framing, sample_rate = check_framing(stft), check_rate(sample_rate)
    known = ", ".join(map(repr, _SOUNDS))
    if not is_listed(kinds):
        kinds = [kinds]
    for kind in kinds:
        if not isinstance(kind, str) or kind not in _SOUNDS:
            raise ValueError(f"kinds must be a list of any of {known}, got {kind!r} as one.")
    bin_width = sample_rate / framing.n_fft
    # Nothing has a logarithm of zero.
    octaves = np.log2(np.maximum(bin_width * np.arange(framing.n_freqs), bin_width / 2))
    length = 1 if template_length is None else check_count(template_length, "template_length")
    seconds = framing.hop_length / sample_rate * np.arange(length)
    H = np.zeros((len(kinds), length, framing.n_freqs))
    for template, kind in zip(H, kinds, strict=True):
        sound = _SOUNDS[kind]
        spectrum = sum(
            weight * np.exp(-0.5 * ((octaves - np.log2(center)) / width) ** 2)
            for center, width, weight in sound.bands
        )
        # The frames of a long template must not underflow to zeros, which would be locked.
        decay = np.maximum(np.exp(-seconds / sound.seconds), _FLOOR)
        template[:] = decay[:, None] * (spectrum + _FLOOR)
    H /= H.sum(axis=(1, 2), keepdims=True)
    return H[:, 0] if template_length is None else H


def hit_components(
    hits, *, stft=None, template_length=None, onsets=None, sample_rate=None, spectrum="magnitude"
):
    """Components of recorded hits: a dictionary of drums, or of any sounds that are struck.

    Parameters
    ----------
    hits : list of array of shape (length,)
        For every component a recording of the isolated sound.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default; its `output` has no influence.
    template_length : int, default=None
        Frames of a template, for `skbss.ConvNMF`; by default one spectrum a component, the mean of
        all frames from the first hit on.
    onsets : list of array-like of shape (n_hits,), default=None
        When each recording is hit, in seconds from its beginning, at least once; the mean of its
        hits is taken. By default it is once, in the first frame whose power is at least a
        thousandth of that of the loudest.
    sample_rate : float, default=None
        In Hz; needed for `onsets`.
    spectrum : {"magnitude", "power"}, default="magnitude"
        What the components are made of.

    Returns
    -------
    H : ndarray of shape (n_components, [template_length,] n_freqs)
        With a sum of 1 each. Frames beyond the end of a recording are zeros, silence is all zeros.

    Raises
    ------
    TypeError, ValueError
        If a recording has channels, is empty or holds NaN or infinity, an onset lies outside of
        it, or a parameter is not allowed.

    See Also
    --------
    drum_components : Where there are no recorded hits.
    onset_activations : When they are heard.

    References
    ----------
    .. [1] C. Dittmar and D. Gärtner, "Real-time transcription and separation of drum recordings
       based on NMF decomposition", DAFx 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> from skbss.guidance import hit_components
    >>> time = np.arange(4000) / 8000
    >>> hits = [np.sin(2 * np.pi * f * time) * np.exp(-time / 0.05) for f in (200, 1500)]
    >>> H = hit_components(hits, stft=STFT(256), template_length=6)
    >>> H.shape
    (2, 6, 129)
    >>> [int(i) * 8000 / 256 for i in H.sum(axis=1).argmax(axis=1)]
    [187.5, 1500.0]
    """
    framing = check_framing(stft)
    if spectrum not in ("magnitude", "power"):
        raise ValueError(f"spectrum must be 'magnitude' or 'power', got {spectrum!r}.")
    length = template_length
    if length is not None:
        length = check_count(length, "template_length")
    wanted = "recordings, one for every component"
    given, hits = hits, check_listed(hits, "hits", wanted)
    if not any(is_listed(hit) or isinstance(hit, str) for hit in hits):
        raise ValueError(
            f"hits must be a list of {wanted}, got {reprlib.repr(given)}: pass [hits] for one."
        )
    rate = 1.0
    if onsets is not None:
        if sample_rate is None:
            raise ValueError("onsets are in seconds: pass the sample_rate of the hits.")
        rate = check_rate(sample_rate)
        onsets = check_onset_lists(onsets, "onsets")
        if len(onsets) != len(hits):
            raise ValueError(f"onsets are given for {len(onsets)} recordings of {len(hits)}.")
    transform = (STFT() if stft is None else clone(stft)).set_params(output=spectrum)
    templates = []
    for k, hit in enumerate(hits):
        recordings = check_waveforms(hit, name=f"hits[{k}]").each()
        x = np.asarray(recordings[0])
        if len(recordings) > 1 or x.ndim != 1 or np.ndim(hit) > 1:
            raise ValueError(
                f"hits[{k}] must have the shape (length,), got {len(recordings)} of the shape "
                f"{x.shape}: mix its channels, or give every recording a component of its own."
            )
        V = np.asarray(transform.fit_transform(x), np.float64)
        if onsets is None:
            firsts = [_first_loud(V, spectrum)]
        else:
            first = framing.n_fft // 2 - framing.margin
            times = times_from(first, len(V), framing, rate, len(x))
            instants = onsets[k]
            if not instants.size:
                raise ValueError(f"onsets[{k}] is empty: every recording needs a hit.")
            times.refuse_later(instants, f"onsets[{k}]")
            firsts = [times.nearest(instant) for instant in instants]
        templates.append(_mean_template(V, firsts, length))
    return np.stack(templates)


def _first_loud(V, spectrum):
    power = (V**2 if spectrum == "magnitude" else V).sum(axis=1)
    return int((power >= _SILENT * power.max()).argmax())


def _mean_template(V, firsts, length):
    if length is None:
        template = V[min(firsts) :].mean(axis=0)
    else:
        padded = np.concatenate([V, np.zeros((length, V.shape[1]))])
        template = np.mean([padded[first : first + length] for first in firsts], axis=0)
    total = template.sum()
    return template / (total if total > 0 else 1)
