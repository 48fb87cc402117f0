"""
What was there, where the recording is damaged?
===============================================

Entries that were not observed are NaN. The factorization learns from the others, and its product
says what the lost ones would have been.
"""

# %%
# The damage
# ----------
# Three piano notes with a dozen disturbances: bands of frequencies that are lost for half a second.

import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import ISTFT, STFT, BetaNMF
from skbss.datasets import load_piano_notes

clip = load_piano_notes()
settings = dict(n_fft=2048, hop_length=512)
spectra = STFT(**settings).fit_transform(clip.mixture)
magnitude = np.abs(spectra)

rng = np.random.default_rng(0)
lost = np.zeros(magnitude.shape, bool)
for start in rng.integers(10, len(lost) - 20, size=12):
    band = rng.integers(5, 200)
    lost[start : start + 25, band : band + 30] = True
damaged = np.where(lost, np.nan, magnitude)
print(f"{lost[:, :250].mean():.0%} of the bins below 2.7 kHz are lost")

# %%
# The repair
# ----------
# ``fit`` and ``transform`` ignore what is NaN. Six components: three notes, and their attacks.

model = BetaNMF(6, beta_loss="kullback-leibler", init="random", max_iter=300, tol=0, random_state=0)
activations = model.fit_transform(damaged)
repaired = np.where(lost, model.inverse_transform(activations), magnitude)

filled = np.where(lost, np.nanmean(damaged, axis=0), magnitude)
for name, guess in {"mean of the frequency": filled, "factorization": repaired}.items():
    error = np.linalg.norm((guess - magnitude)[lost]) / np.linalg.norm(magnitude[lost])
    print(f"error in the lost bins, {name}: {error:.0%}")

# %%
# Before, after, and the truth:

figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
loudest = magnitude.max()
for axis, (name, picture) in zip(
    axes, {"damaged": damaged, "repaired": repaired, "true": magnitude}.items(), strict=True
):
    level = 20 * np.log10(np.maximum(picture[:, :250], 1e-5 * loudest) / loudest)
    axis.set_facecolor("lightgray")
    axis.imshow(
        level.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-70,
        vmax=0,
        extent=(0, len(clip.mixture) / clip.sample_rate, 0, 250 * clip.sample_rate / 2048),
    )
    axis.set(title=name, xlabel="time in s")
axes[0].set_ylabel("frequency in Hz")
plt.show()

# %%
# To hear it, phases are needed where they were lost: Griffin and Lim's algorithm finds some that
# fit to the magnitudes. The damaged recording, with silence in the holes:

silenced = np.where(lost, 0, spectra)
length = len(clip.mixture)
Audio(ISTFT(length=length, **settings).fit_transform(silenced), rate=clip.sample_rate)

# %%
# The repaired one:

sound = librosa.griffinlim(repaired.T, n_iter=32, length=length, random_state=0, **settings)
Audio(sound, rate=clip.sample_rate)
