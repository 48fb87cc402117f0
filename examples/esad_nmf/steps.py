"""What every step before and after the factorization does to the speech."""

import numpy as np

from skbss import ISTFT, STFT, AmplitudeNormalizer, SpectralSubtraction
from skbss.metrics import si_sdr, snr

from .protocol import scores, separated
from .systems import FRONT_END

# Of white noise before the speech, in s.
_LEAD = 0.25


def before(tuned, tasks, seed):
    """SNR and SI-SDR of the speech after every step of the chain, a dictionary for each task.

    Once with the noise of the mixtures, and once with white noise at the same level in its place,
    which begins before the speech.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for task in tasks:
        speech, noise = task.sources[:, 0]
        rows += _chain("recorded", tuned, speech, noise)
        lead = round(_LEAD * task.sample_rate)
        white = np.sqrt(np.square(noise).mean()) * rng.standard_normal(lead + len(noise))
        rows += _chain("white", tuned, np.pad(speech, (lead, 0)), white)
    return rows


def _chain(name, tuned, speech, noise):
    mixture = speech + noise
    normalized = AmplitudeNormalizer().fit_transform(mixture)
    denoised = SpectralSubtraction(STFT(**FRONT_END)).fit_transform(normalized)
    sources = tuned.separator.transform(denoised.astype(np.float32)).astype(float)
    steps = {
        "the mixture": mixture,
        "at a peak of 1": normalized,
        "after spectral subtraction": denoised,
        "after ESAD-NMF and its mask": sources[0],
        "its speech at a peak of 1": AmplitudeNormalizer().fit_transform(sources[0]),
    }
    is_changed = bool(np.abs(denoised - normalized).max() > 1e-3)
    return [
        {
            "noise": name,
            "step": step,
            "snr": float(snr(speech[None], signal[None])[0]),
            "si_sdr": float(si_sdr(speech[None], signal[None])[0]),
            "subtracted": is_changed,
        }
        for step, signal in steps.items()
    ]


def after(tuned, tasks):
    """Scores of the speech by what is made of the models, a dictionary for each task."""
    separator = tuned.separator
    rows = []

    def add(step, found):
        for task, estimates in zip(tasks, found, strict=True):
            rows.append({"step": step, **scores(task, estimates)})

    add("models with the phase of the mixture", [from_models(separator, task) for task in tasks])
    exponent = separator.mask_exponent
    for step, tried in [
        ("mask of magnitudes", 1),
        ("mask of squares (the paper's)", 2),
        ("mask of fourth powers", 4),
    ]:
        found = separated(separator.set_params(mask_exponent=tried), tasks)
        add(step, found)
    separator.set_params(mask_exponent=exponent)
    found = separated(separator, tasks)
    normalizer = AmplitudeNormalizer(channels_together=False)
    add("mask of squares, sources at a peak of 1", [normalizer.fit_transform(one) for one in found])
    subtract = SpectralSubtraction(STFT(**FRONT_END))
    add(
        "mask of squares, then spectral subtraction", [subtract.fit_transform(one) for one in found]
    )
    return rows


def from_models(separator, task):
    """What the dictionaries model of every source, without a mask."""
    mixture = task.mixture[0]
    W, H = separator.activations(mixture), separator.components_
    Z = STFT(**FRONT_END).fit_transform(mixture)
    phase = np.exp(1j * np.angle(Z))
    inverse = ISTFT(length=len(mixture), **FRONT_END)
    models = [
        W[: len(Z), separator.atom_source_ == source] @ H[separator.atom_source_ == source]
        for source in range(2)
    ]
    level = np.abs(Z).sum() / sum(models).sum()
    return np.stack([inverse.fit_transform(level * model * phase) for model in models])
