"""
What if I know how sounds behave?
=================================

Notes last for longer than a frame. Spectra are as large as the data says, and no larger.
:class:`skbss.StructuredNMF` can be told so.
"""

# %%
# Frames that are missing
# -----------------------
# Three piano notes, of whose spectrogram every fifth tenth of a second was lost.

import librosa
import matplotlib.pyplot as plt
import numpy as np

from skbss import STFT, StructuredNMF
from skbss.datasets import load_piano_notes

clip = load_piano_notes()
hop = 512
V = abs(STFT(n_fft=2048, hop_length=hop).fit_transform(clip.mixture))
times = librosa.times_like(V[:, 0], sr=clip.sample_rate, hop_length=hop)
lost = (times * 10).astype(int) % 5 == 4
seen = np.where(lost[:, np.newaxis], np.nan, V)

# %%
# Nothing can be said about a frame by itself of which nothing was seen. With ``smoothness``, what
# is around it speaks for it.

model = StructuredNMF(3, smoothness=0.01, init="random", random_state=0, max_iter=100, tol=0)
W = model.fit_transform(seen)
guess = model.inverse_transform(W)

figure, axes = plt.subplots(4, 1, figsize=(8, 8), sharex=True, layout="constrained")
pictures = {"with gaps": np.where(lost[:, np.newaxis], 0, V), "what it should be": V}
pictures["gaps filled"] = np.where(lost[:, np.newaxis], guess, V)
for axis, (title, picture) in zip(axes, pictures.items(), strict=False):
    decibels = librosa.amplitude_to_db(picture.T, ref=V.max(), top_db=None)
    librosa.display.specshow(
        decibels,
        sr=clip.sample_rate,
        hop_length=hop,
        x_axis="time",
        y_axis="log",
        vmin=-60,
        vmax=0,
        cmap="magma",
        ax=axis,
    )
    axis.set(title=title, xlabel="", ylabel="frequency in Hz")
axes[3].plot(times, W / W.max(), linewidth=0.9)
axes[3].set(title="activations", xlabel="time in s", yticks=[])
plt.show()

# %%
error = np.abs(guess - V)[lost].sum() / V[lost].sum()
print(f"{1 - error:.0%} of what was lost is back.")

# %%
# Spectra that never sound alone
# ------------------------------
# Every row of this data is a mixture of three "spectra" of three features; none has more than three
# quarters of one. As their features sum to one, they can be drawn in a triangle.

rng = np.random.default_rng(0)
truth = np.array([[0.8, 0.1, 0.1], [0.15, 0.7, 0.15], [0.1, 0.2, 0.7]])
mixing = rng.dirichlet(np.ones(3), 500)
mixing = mixing[mixing.max(axis=1) < 0.75]
X = rng.poisson(2000 * mixing @ truth).astype(float)

# %%
# Whatever triangle goes around the data describes it. ``volume`` asks for a small one; too much of
# it asks for more than the data can give.

corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])


def outline(H):
    """A triangle between three components, in order around their middle."""
    points = H @ corners
    around = np.argsort(np.arctan2(*(points - points.mean(axis=0)).T))
    return points[np.append(around, around[0])].T


figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for axis, volume in zip(axes, [0, 1e-4, 1e-2], strict=True):
    found = StructuredNMF(3, volume=volume, init="random", random_state=0, max_iter=1000, tol=0)
    H = found.fit(X).components_
    axis.plot(*outline(np.eye(3)), color="lightgray")
    axis.plot(*(X / X.sum(axis=1, keepdims=True) @ corners).T, ".", markersize=2)
    axis.plot(*outline(truth), "--", color="black", label="truth")
    axis.plot(*outline(H), color="tab:red", label="found")
    axis.set(title=f"volume={volume:g}", aspect="equal")
    axis.axis("off")
axes[0].legend(loc="upper left", fontsize="small")
plt.show()
