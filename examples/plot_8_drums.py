"""
What does a drum sound like?
============================

A drum hit begins with a crack and dies away. One spectrum can not tell both; a template of several
frames can. :class:`skbss.ConvNMF` learns one for each sound, and finds where it is played.
"""

# %%
# The recording
# -------------
# The drums of a band, alone.

import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import STFT, BetaNMF, ConvNMF, Separator
from skbss.datasets import load_band
from skbss.metrics import si_sdr

clip = load_band()
sample_rate = clip.sample_rate
which = clip.source_names.index("drums")
drums = clip.sources[which]
Audio(drums, rate=sample_rate)

# %%
# Three templates
# ---------------
# Each lasts for 12 frames of 12 ms. Without ``n_sources``, every template is a source of its own.

frames = dict(n_fft=1024, hop_length=256)
settings = dict(max_iter=200, tol=0, random_state=0)
templates = ConvNMF(3, template_length=12, **settings)
separator = Separator(templates, stft=STFT(**frames))
hits = separator.fit_transform(drums)

# %%
# The templates, and where they begin: activations are as sharp as the hits.

decibels = librosa.amplitude_to_db(
    separator.components_, ref=separator.components_.max(), top_db=None
)
figure = plt.figure(figsize=(8, 5), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[3, 2])
for k, axis in enumerate(upper.subplots(1, 3, sharey=True)):
    librosa.display.specshow(
        decibels[k].T,
        sr=sample_rate,
        hop_length=256,
        x_axis="time",
        y_axis="log",
        vmin=-50,
        vmax=0,
        cmap="magma",
        ax=axis,
    )
    axis.set(title=f"template {k + 1}", ylabel="frequency in Hz" if k == 0 else "")
    axis.set(xticks=[0, 0.05, 0.1], xlabel="time in s")
W = separator.activations(drums)
times = librosa.times_like(W[:, 0], sr=sample_rate, hop_length=256)
for k, axis in enumerate(lower.subplots(3, 1, sharex=True)):
    axis.plot(times, W[:, k] / W[:, k].max(), linewidth=0.8)
    axis.set(yticks=[], ylabel=f"{k + 1}", xlim=(0, 4))
axis.set(xlabel="time in s")
plt.show()

# %%
# The sounds by themselves:

Audio(hits[0], rate=sample_rate)

# %%

Audio(hits[1], rate=sample_rate)

# %%

Audio(hits[2], rate=sample_rate)

# %%
# Out of the band
# ---------------
# Templates and single spectra of each instrument, learned from another piece by the same band: as
# many, and as many as the eight templates have frames.


def trained(factorizer):
    separator = Separator(factorizer, stft=STFT(**frames))
    return separator.fit(clip.train_mixture, clip.train_sources).transform(clip.mixture)


spectra = BetaNMF(beta_loss="kullback-leibler", init="random", **settings)
estimates = {
    "8 spectra": trained(spectra.set_params(n_components=8)),
    "64 spectra": trained(spectra.set_params(n_components=64)),
    "8 templates": trained(ConvNMF(8, **settings)),
}
figure, axis = plt.subplots(figsize=(6, 2.6), layout="constrained")
for k, (name, sources) in enumerate(estimates.items()):
    quality = si_sdr(clip.sources, sources)
    axis.bar(np.arange(3) + 0.25 * (k - 1), quality, width=0.23, label=name)
    print(
        f"{name:11s}",
        *(f"{n} {q:4.1f} dB" for n, q in zip(clip.source_names, quality, strict=True)),
    )
axis.set(xticks=range(3), xticklabels=clip.source_names, ylabel="SI-SDR in dB")
axis.legend()
plt.show()

# %%
# Templates separate drums and bass better, also than as many spectra as they have frames. The
# melody, whose notes last longer than any template, comes out better by spectra.
#
# The drums out of the mixture, by eight spectra

Audio(estimates["8 spectra"][which], rate=sample_rate)

# %%
# and by eight templates.

Audio(estimates["8 templates"][which], rate=sample_rate)
