"""The published chain around ESADNMF, step by step."""

import numbers

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_scalar

from skbss.factorization import ESADNMF
from skbss.frontend import ISTFT, STFT, AmplitudeNormalizer, SpectralSubtraction
from skbss.masking import WienerMask

# The frames of 512 samples at 16 kHz.
_SECONDS_PER_FRAME = 0.032


def make_esad_pipeline(
    n_sources,
    *,
    sample_rate=16000,
    length=None,
    factorizer=None,
    denoise=True,
    grouping="auto",
    mask_exponent=1.0,
    output_measure="peak",
    random_state=None,
):
    """Separate recordings blindly as ESAD-NMF is published, from waveforms to waveforms.

    Every step is a transformer, with a name by which its parameters are set
    (``pipeline.set_params(denoiser__floor=0.1)``):

    1. "normalizer": `AmplitudeNormalizer` brings every recording to a peak of 1.
    2. "denoiser": `SpectralSubtraction` takes out steady noise, if there is any.
    3. "stft": `STFT` with frames of 32 ms, a quarter of that apart, and Hamming windows.
    4. "mask": `WienerMask` factorizes the magnitudes, groups the atoms into sources, and shares the
       spectrogram among them.
    5. "istft": `ISTFT` back to waveforms.
    6. "loudness": `AmplitudeNormalizer` brings every source to a peak of 1, its channels together.

    Parameters
    ----------
    n_sources : int
        Number of sources.
    sample_rate : float, default=16000
        In Hz, above 0. It decides on the frames, whose lengths are powers of two, and places the
        mel bands of the grouping.
    length : int, default=None
        Samples of the recordings. By default up to a quarter of a frame is missing at the end of
        the sources.
    factorizer : estimator, default=None
        What factorizes, by default ``ESADNMF(40)``.
    denoise : bool, default=True
        Whether there is a step "denoiser".
    grouping : str, clusterer or array, default="auto"
        Which atoms make up a source, as in `WienerMask`.
    mask_exponent : float, default=1.0
        Exponent of the magnitudes in the mask, as in `WienerMask`; the published one is 2.
    output_measure : {"peak", "rms"} or None, default="peak"
        What is the same for all sources in the end. None leaves the last step out: the sources then
        add up to the recording as it is after the second step.
    random_state : int, RandomState instance or None, default=None
        Seed of the clustering, and of the factorizer if that has none.

    Returns
    -------
    pipeline : Pipeline
        Takes waveforms of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or a
        list of clips of unequal length, and gives sources of shape
        ([n_clips,] n_sources, [n_channels,] length).

    See Also
    --------
    Separator : Keeps the level and the length of every clip, and can be trained.
    ESADNMF : The factorization.

    Examples
    --------
    >>> from skbss import ESADNMF
    >>> from skbss.datasets import load_piano_notes
    >>> from skbss.separation import make_esad_pipeline
    >>> clip = load_piano_notes()
    >>> pipeline = make_esad_pipeline(
    ...     3,
    ...     sample_rate=clip.sample_rate,
    ...     length=len(clip.mixture),
    ...     factorizer=ESADNMF(6, sad_max_iter=20, max_iter=500),
    ...     random_state=0,
    ... )
    >>> sources = pipeline.fit_transform(clip.mixture)
    >>> sources.shape == (3, len(clip.mixture))
    True
    """
    check_scalar(sample_rate, "sample_rate", numbers.Real, min_val=0, include_boundaries="neither")
    if not isinstance(denoise, bool | np.bool_):
        raise TypeError(f"denoise must be True or False, got {denoise!r}.")
    n_fft = 1 << max(2, round(np.log2(_SECONDS_PER_FRAME * sample_rate)))
    frames = {"n_fft": n_fft, "hop_length": n_fft // 4, "window": "hamming"}
    mask = WienerMask(
        ESADNMF(40) if factorizer is None else factorizer,
        n_sources,
        grouping=grouping,
        mask_exponent=mask_exponent,
        sample_rate=sample_rate,
        random_state=random_state,
    )
    steps = [("normalizer", AmplitudeNormalizer())]
    if denoise:
        steps.append(("denoiser", SpectralSubtraction(STFT(**frames))))
    steps += [("stft", STFT(**frames)), ("mask", mask), ("istft", ISTFT(length=length, **frames))]
    if output_measure is not None:
        steps.append(
            ("loudness", AmplitudeNormalizer(output_measure, channels_together="per_source"))
        )
    return Pipeline(steps)
