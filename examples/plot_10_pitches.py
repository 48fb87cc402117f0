"""
Which notes does a recording hold?
==================================

Where the partials of a pitch lie is known; how loud they are is not. A factorization whose
components are made of fixed harmonic patterns finds both: its activations are a piano roll, and its
components tell how the notes sound.
"""

# %%
# The recording
# -------------
# Three piano notes, one after another, then together.

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import STFT, HarmonicNMF
from skbss.datasets import load_piano_notes

clip = load_piano_notes()
Audio(clip.mixture, rate=clip.sample_rate)

# %%
# The piano roll
# --------------
# There is one component for every key of a piano, and every one is told where its partials are: by
# the sample rate, and by the frames of the spectrogram. Nothing says which keys are pressed.

hop_length = 512
spectrogram = STFT(2048, hop_length=hop_length, output="magnitude").fit_transform(clip.mixture)
model = HarmonicNMF(n_bands=5, sample_rate=clip.sample_rate, random_state=0)
roll = model.fit_transform(spectrogram)

loudness = roll.sum(axis=0)
loudest = np.sort(model.pitches_[np.argsort(loudness)[-3:]])
print("The three loudest pitches:", loudest.tolist(), "for", clip.source_names)

# %%
# The notes come in one after another, and fade. Each is followed by its octave, whose partials it
# shares: which of the two sounds is a question of what one expects of a piano.

seconds = len(clip.mixture) / clip.sample_rate
level = 20 * np.log10(roll.T / roll.max() + 1e-3)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
image = ax.imshow(
    level,
    aspect="auto",
    origin="lower",
    cmap="magma",
    extent=(0, seconds, model.pitches_[0] - 0.5, model.pitches_[-1] + 0.5),
)
ax.set(
    xlabel="Time (s)",
    ylabel="Pitch",
    yticks=loudest,
    yticklabels=clip.source_names,
    ylim=(40, 84),
    title="When every pitch sounds",
)
figure.colorbar(image, ax=ax, label="Level (dB)")

# %%
# How a note sounds
# -----------------
# A component is a sum of narrow-band patterns. Their weights, which is all that was learned of it,
# say how its partials fall off.

k = int(np.flatnonzero(model.pitches_ == loudest[0])[0])
frequencies = np.linspace(0, clip.sample_rate / 2, model.n_features_in_)
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(frequencies, model.components_[k])
ax.set(
    xlabel="Frequency (Hz)",
    ylabel="Share of the component",
    xlim=(0, 2500),
    title=f"What was learned of {clip.source_names[0]}",
)
print("Weights of its bands:", ", ".join(f"{weight:.4f}" for weight in model.harmonic_weights_[k]))
