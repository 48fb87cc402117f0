"""
Can a band be separated blindly?
================================

Bass, drums and a vibraphone play at the same time, in one channel. Each of them needs many spectra,
so that the spectra have to be dealt out to the instruments. That is where blind separation
succeeds or fails.
"""

# %%
# The recording
# -------------

import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import STFT, BetaNMF, Separator
from skbss.datasets import load_band
from skbss.metrics import best_permutation, si_sdr

clip = load_band()
mixture, sample_rate = clip.mixture, clip.sample_rate
Audio(mixture, rate=sample_rate)

# %%
# Blind
# -----
# 24 atoms are learned from the mixture and grouped by timbre.

factorizer = BetaNMF(
    24, beta_loss="kullback-leibler", init="random", max_iter=100, tol=0, random_state=0
)
settings = dict(stft=STFT(n_fft=1024), sample_rate=sample_rate, random_state=0)
blind = Separator(factorizer, n_sources=3, **settings)
blind_sources = blind.fit_transform(mixture)
blind_sources = blind_sources[best_permutation(clip.sources, blind_sources)]

# %%
# With someone who listens
# ------------------------
# Without ``n_sources``, every atom is a source of its own. Someone listens to the atoms and says
# which instrument each belongs to; here the true stems do that. The atoms are the same as before,
# only their grouping is better.

atoms = Separator(factorizer, **settings).fit_transform(mixture)
likeness = np.abs(atoms @ clip.sources.T) / np.linalg.norm(clip.sources, axis=1)
labels = likeness.argmax(axis=1)
heard = Separator(factorizer, n_sources=3, grouping=labels, **settings)
heard_sources = heard.fit_transform(mixture)

# %%
# Trained
# -------
# Another piece by the same band, with its stems, gives one dictionary for each instrument. Nothing
# has to be grouped.

trained = Separator(factorizer.set_params(n_components=15), **settings)
trained.fit(clip.train_mixture, clip.train_sources)
trained_sources = trained.transform(mixture)

# %%
# The improvement over the mixture
# --------------------------------

before = si_sdr(clip.sources, np.broadcast_to(mixture, clip.sources.shape))
results = {"blind": blind_sources, "heard": heard_sources, "trained": trained_sources}
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
for k, (name, sources) in enumerate(results.items()):
    gain = si_sdr(clip.sources, sources) - before
    axis.bar(np.arange(3) + 0.27 * (k - 1), gain, width=0.25, label=name)
    print(f"{name:8s}", *(f"{n} {g:5.1f} dB" for n, g in zip(clip.source_names, gain, strict=True)))
axis.set(xticks=range(3), xticklabels=clip.source_names, ylabel="SI-SDR improvement in dB")
axis.axhline(0, color="gray", linewidth=0.8)
axis.legend()
plt.show()

# %%
# Spectrograms of the drums: the truth, and what each of the three made of it.

drums = clip.source_names.index("drums")
pictures = {"true": clip.sources[drums]} | {name: s[drums] for name, s in results.items()}
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), sharey=True, layout="constrained")
stft = STFT(n_fft=1024, output="magnitude")
loudest = stft.fit_transform(mixture).max()
for axis, (name, signal) in zip(axes, pictures.items(), strict=True):
    librosa.display.specshow(
        librosa.amplitude_to_db(stft.transform(signal).T, ref=loudest, top_db=None),
        sr=sample_rate,
        hop_length=256,
        x_axis="time",
        y_axis="linear",
        vmin=-70,
        vmax=0,
        cmap="magma",
        ax=axis,
    )
    axis.set(title=name, ylabel="frequency in Hz" if axis is axes[0] else "")
plt.show()

# %%
# Listen to the melody: blind,

melody = clip.source_names.index("melody")
Audio(blind_sources[melody], rate=sample_rate)

# %%
# grouped by someone who listens,

Audio(heard_sources[melody], rate=sample_rate)

# %%
# and trained.

Audio(trained_sources[melody], rate=sample_rate)
