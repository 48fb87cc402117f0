"""
How do I separate three piano notes?
====================================

Three notes sound one after another, then together. Nothing is known about them but that there are
three: a factorization of the spectrogram finds one spectrum for each, and with them the notes in
the chord.
"""

# %%
# The recording
# -------------
# It comes with the package, along with the true notes, which are used here only to see how well
# we did.

import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss.datasets import load_piano_notes

clip = load_piano_notes()
mixture, sample_rate = clip.mixture, clip.sample_rate
Audio(mixture, rate=sample_rate)

# %%
# The pipeline
# ------------
# The short-time Fourier transform turns the waveform into frames of frequencies.
# `~skbss.WienerMask` factorizes their magnitude and shares every time-frequency bin among the
# components; the inverse transform makes waveforms of the shares.

from sklearn.pipeline import make_pipeline

from skbss import ISTFT, STFT, BetaNMF, WienerMask

stft = dict(n_fft=2048, hop_length=512)
pipe = make_pipeline(
    STFT(**stft),
    WienerMask(BetaNMF(3, beta_loss="kullback-leibler", random_state=0)),
    ISTFT(length=len(mixture), **stft),
)
sources = pipe.fit_transform(mixture)
print("They add up to the recording:", np.allclose(sources.sum(axis=0), mixture, atol=1e-5))

# %%
# What was learned
# ----------------
# Each component is a spectrum with the overtones of one note. Its activation shows when the note is
# struck, and how it fades.

mask = pipe.named_steps["wienermask"]
magnitude = STFT(**stft, output="magnitude").fit_transform(mixture)
activations = mask.factorizer_.transform(magnitude)
frequencies = librosa.fft_frequencies(sr=sample_rate, n_fft=stft["n_fft"])
times = librosa.times_like(activations.T, sr=sample_rate, hop_length=stft["hop_length"])

figure, axes = plt.subplots(3, 2, figsize=(9, 5), sharex="col", layout="constrained")
for k, (spectrum, activation) in enumerate(zip(mask.components_, activations.T, strict=True)):
    pitch = librosa.hz_to_note(frequencies[spectrum.argmax()])
    axes[k, 0].plot(frequencies, spectrum, color=f"C{k}")
    axes[k, 0].set(xlim=(0, 2500), yticks=[], ylabel=f"component {k}")
    axes[k, 0].text(0.97, 0.8, f"loudest near {pitch}", transform=axes[k, 0].transAxes, ha="right")
    axes[k, 1].plot(times, activation, color=f"C{k}")
    axes[k, 1].set(yticks=[])
axes[0, 0].set_title("spectrum")
axes[0, 1].set_title("activation")
axes[-1, 0].set_xlabel("frequency in Hz")
axes[-1, 1].set_xlabel("time in s")
plt.show()

# %%
# How good is it?
# ---------------
# `~skbss.metrics.si_sdr` compares with the true notes. What the mixture itself would score is the
# point to start from.

from skbss.metrics import best_permutation, si_sdr

order = best_permutation(clip.sources, sources)
before = si_sdr(clip.sources, np.broadcast_to(mixture, clip.sources.shape))
after = si_sdr(clip.sources, sources[order])
for name, low, high in zip(clip.source_names, before, after, strict=True):
    print(f"{name}: {low:5.1f} dB in the mixture, {high:5.1f} dB separated")

# %%
# The spectrograms on one scale:

signals = {"mixture": mixture, **dict(zip(clip.source_names, sources[order], strict=True))}
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), sharey=True, layout="constrained")
loudest = magnitude.max()
for axis, (name, signal) in zip(axes, signals.items(), strict=True):
    spectrogram = STFT(**stft, output="magnitude").fit_transform(signal)
    librosa.display.specshow(
        librosa.amplitude_to_db(spectrogram.T, ref=loudest, top_db=None),
        sr=sample_rate,
        hop_length=stft["hop_length"],
        x_axis="time",
        y_axis="linear",
        vmin=-70,
        vmax=0,
        cmap="magma",
        ax=axis,
    )
    axis.set(title=name, ylim=(0, 4000), ylabel="frequency in Hz" if axis is axes[0] else "")
plt.show()

# %%
# Listen: the first note,

Audio(sources[order[0]], rate=sample_rate)

# %%
# the second,

Audio(sources[order[1]], rate=sample_rate)

# %%
# and the third.

Audio(sources[order[2]], rate=sample_rate)
