"""The metrics that come with skbss."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from skbss.metrics._bss_eval import bss_eval
from skbss.metrics._bss_eval_images import bss_eval_images
from skbss.metrics._high_frequencies import HIGH_FREQUENCY_LOSS, high_frequency_loss
from skbss.metrics._image_similarity import SPECTROGRAM_SSIM, spectrogram_ssim
from skbss.metrics._improvement import gained, sdr
from skbss.metrics._metric import Metric
from skbss.metrics._musical_noise import LOG_KURTOSIS_RATIO, log_kurtosis_ratio
from skbss.metrics._pesq import PESQ_NARROWBAND, PESQ_WIDEBAND, pesq
from skbss.metrics._ratios import mse, snr
from skbss.metrics._scale_invariant import si_sar, si_sdr, si_sir
from skbss.metrics._spectral_distance import (
    LOG_SPECTRAL_DISTANCE,
    MEL_DISTANCE,
    log_spectral_distance,
    mel_distance,
)
from skbss.metrics._stoi import ESTOI, STOI, stoi
from skbss.metrics._texture import (
    OVER_SMOOTHING,
    SPECTRAL_HOLE_RATE,
    over_smoothing,
    spectral_hole_rate,
)
from skbss.metrics._transients import TRANSIENT_SMEARING, transient_smearing

_V3 = "BSS Eval version 3, sources, filters of 512 taps (Vincent, Gribonval and Févotte 2006)"
_V4 = "BSS Eval version 4, images, filters of 512 taps (Stöter, Liutkus and Ito 2018)"
_RESAMPLED = "Other rates are resampled."
_SI = "scale-invariant, means removed (Le Roux, Wisdom, Erdogan and Hershey 2019)"


def by_function(name, function, references, estimates, *, sample_rate, mixture):
    """A metric's computation by a function of references and estimates.

    Parameters
    ----------
    name : str
        Of the metric.
    function : callable
        Gives one number per source.
    references, estimates : ndarray of shape (n_sources, length)
        What is compared.
    sample_rate, mixture
        Not needed.

    Returns
    -------
    scores : dict of str to ndarray
    """
    values = np.asarray(function(references, estimates), float)
    if values.shape != references.shape[:1]:
        raise ValueError(
            f"The metric {name!r} must give one number for each of the {len(references)} "
            f"sources, got an array of shape {values.shape}."
        )
    return {name: values}


def _by_function_of_rate(name, function, references, estimates, *, sample_rate, mixture):
    return {name: function(references, estimates, sample_rate)}


def _log_kurtosis_ratio(references, estimates, *, sample_rate, mixture):
    return {"log_kurtosis_ratio": log_kurtosis_ratio(references, estimates, mixture, sample_rate)}


def _bss_eval(references, estimates, *, sample_rate, mixture):
    scores = bss_eval(references, estimates, permute=False)
    return {"sdr": scores.sdr, "sir": scores.sir, "sar": scores.sar}


def _bss_eval_images(references, estimates, *, sample_rate, mixture):
    scores = bss_eval_images(references, estimates)
    return {
        "image_sdr": scores.sdr,
        "image_isr": scores.isr,
        "image_sir": scores.sir,
        "image_sar": scores.sar,
    }


def _gained(name, function, references, estimates, *, sample_rate, mixture):
    mixtures = np.broadcast_to(mixture, references.shape)
    return {name: gained(function, references, estimates, mixtures)}


def _ratio(name, title, definition, compute, **more):
    return Metric(name, title, "dB", np.inf, -np.inf, np.inf, definition, compute, **more)


def _scale_invariant(name, title, what, function):
    return _ratio(name, title, f"{what}, {_SI}.", partial(by_function, name, function))


def _image(name, title, what):
    definition, name = f"{what}, {_V4}.", f"image_{name}"
    return _ratio(name, f"image {title}", definition, _bss_eval_images, multichannel=True)


def _improvement(name, title, definition, function):
    compute = partial(_gained, name, function)
    return _ratio(
        name, title, f"{definition}, beyond that of the mixture.", compute, needs_mixture=True
    )


def _heard(name, title, unit, best, low, high, definition, function, **more):
    compute = partial(_by_function_of_rate, name, function)
    return Metric(
        name, title, unit, best, low, high, definition, compute, needs_sample_rate=True, **more
    )


_SPEECH = {"perceptual": True, "extra": "perceptual"}

_ALL = [
    _scale_invariant("si_sdr", "SI-SDR", "Signal to distortion", si_sdr),
    _scale_invariant("si_sir", "SI-SIR", "Signal to interference", si_sir),
    _scale_invariant("si_sar", "SI-SAR", "Signal to artifacts", si_sar),
    _improvement(
        "si_sdr_improvement", "SI-SDR improvement", f"Signal to distortion, {_SI}", si_sdr
    ),
    _ratio("sdr", "SDR", f"Signal to distortion, {_V3}.", _bss_eval),
    _ratio("sir", "SIR", f"Signal to interference, {_V3}.", _bss_eval),
    _ratio("sar", "SAR", f"Signal to artifacts, {_V3}.", _bss_eval),
    _improvement("sdr_improvement", "SDR improvement", f"Signal to distortion, {_V3}", sdr),
    _image("sdr", "SDR", "Signal to distortion"),
    _image("isr", "ISR", "Source image to spatial distortion"),
    _image("sir", "SIR", "Signal to interference"),
    _image("sar", "SAR", "Signal to artifacts"),
    _ratio(
        "snr",
        "SNR",
        "Signal to noise, sample by sample, gain included.",
        partial(by_function, "snr", snr),
    ),
    Metric(
        "mse", "MSE", "", 0.0, 0.0, np.inf, "Mean squared error.", partial(by_function, "mse", mse)
    ),
    _heard(
        "log_spectral_distance",
        "Log-spectral distance",
        "dB",
        0.0,
        0.0,
        np.inf,
        LOG_SPECTRAL_DISTANCE,
        log_spectral_distance,
    ),
    _heard("mel_distance", "Mel distance", "dB", 0.0, 0.0, np.inf, MEL_DISTANCE, mel_distance),
    _heard(
        "high_frequency_loss",
        "High-frequency loss",
        "dB",
        0.0,
        -np.inf,
        100.0,
        HIGH_FREQUENCY_LOSS,
        high_frequency_loss,
    ),
    _heard(
        "over_smoothing", "Over-smoothing", "", 1.0, 0.0, np.inf, OVER_SMOOTHING, over_smoothing
    ),
    _heard(
        "spectral_hole_rate",
        "Spectral holes",
        "",
        0.0,
        0.0,
        1.0,
        SPECTRAL_HOLE_RATE,
        spectral_hole_rate,
    ),
    Metric(
        "log_kurtosis_ratio",
        "Musical noise",
        "",
        0.0,
        -np.inf,
        np.inf,
        LOG_KURTOSIS_RATIO,
        _log_kurtosis_ratio,
        needs_sample_rate=True,
        needs_mixture=True,
    ),
    _heard(
        "transient_smearing",
        "Transient smearing",
        "dB",
        0.0,
        -50.0,
        120.0,
        TRANSIENT_SMEARING,
        transient_smearing,
    ),
    _heard(
        "pesq",
        "PESQ (wideband)",
        "",
        np.inf,
        1.04,
        4.644,
        f"{PESQ_WIDEBAND} {_RESAMPLED}",
        partial(pesq, resample=True),
        package="pesq",
        **_SPEECH,
    ),
    _heard(
        "pesq_narrowband",
        "PESQ (narrowband)",
        "",
        np.inf,
        1.017,
        4.549,
        f"{PESQ_NARROWBAND} {_RESAMPLED}",
        partial(pesq, variant="nb", resample=True),
        package="pesq",
        **_SPEECH,
    ),
    _heard("stoi", "STOI", "", np.inf, -1.0, 1.0, STOI, stoi, package="pystoi", **_SPEECH),
    _heard(
        "estoi",
        "ESTOI",
        "",
        np.inf,
        -1.0,
        1.0,
        ESTOI,
        partial(stoi, extended=True),
        package="pystoi",
        **_SPEECH,
    ),
    _heard(
        "spectrogram_ssim",
        "SSIM of spectrograms",
        "",
        np.inf,
        -1.0,
        1.0,
        SPECTROGRAM_SSIM,
        spectrogram_ssim,
        package="skimage",
        extra="vision",
    ),
]

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""The metrics that come with skbss, by name."""
