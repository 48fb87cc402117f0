"""
How many components do I need?
==============================

The error on the data says nothing about it: it falls with every component. Hide some entries, learn
from the others, and see how well the hidden ones are predicted.
"""

# %%
# A chord of unknown size
# -----------------------
# Three piano notes, as a spectrogram. The silence before and after says nothing, and is left out.

import matplotlib.pyplot as plt
import numpy as np

from skbss import STFT, BetaNMF
from skbss.datasets import load_piano_notes

clip = load_piano_notes()
spectrogram = STFT(n_fft=2048, output="magnitude").fit_transform(clip.mixture)
X_full = spectrogram[::3, :250]
X_full = X_full[X_full.sum(axis=1) > 0.01 * X_full.sum(axis=1).max()].astype(np.float64)
print("frames, frequencies:", X_full.shape)

# %%
# Hide patches
# ------------
# Neighboring bins resemble each other, so that single bins could be read off their surroundings:
# whole patches are hidden. NaN means "not observed".

rng = np.random.default_rng(0)
n_frames, n_freqs = X_full.shape
patches = rng.random((n_frames // 8 + 1, n_freqs // 10 + 1)) < 0.25
hidden = np.kron(patches, np.ones((8, 10), bool))[:n_frames, :n_freqs].astype(bool)
X = np.where(hidden, np.nan, X_full)

# %%
# Search
# ------
# With the full matrix as ``y``, the score looks at nothing but the hidden entries, and
# ``GridSearchCV`` needs no scorer. The same frames serve to learn and to score: what is scored
# was hidden from the learner.

from sklearn.model_selection import GridSearchCV

ranks = [1, 2, 3, 4, 6, 9, 14]
model = BetaNMF(beta_loss="kullback-leibler", init="random", max_iter=300, tol=0, random_state=0)
every_frame = np.arange(n_frames)
search = GridSearchCV(model, {"n_components": ranks}, cv=[(every_frame, every_frame)])
search.fit(X, X_full)
for rank, score in zip(ranks, search.cv_results_["mean_test_score"], strict=True):
    print(f"{rank:3d} components: {-score:.2f}")

# %%
# The error of the hidden entries falls until there are four components: one spectrum for each of
# the three notes is not quite enough. Beyond, it jumps, while that of the entries that were
# learned from only falls: more components describe these in ways that say less and less about the
# others. The least error of all, at nine, is hardly lower than at four. The smallest number that
# comes close to the best is the one to take.

seen = [-model.set_params(n_components=rank).fit(X).score(X) for rank in ranks]
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
axes[0].imshow(np.log10(X + 1e-3).T, origin="lower", aspect="auto", cmap="magma")
axes[0].set_facecolor("lightgray")
axes[0].set(title="what the model sees", xlabel="frame", ylabel="frequency bin")
axes[1].plot(ranks, -search.cv_results_["mean_test_score"], "o-", label="hidden")
axes[1].plot(ranks, seen, "o--", label="seen")
axes[1].set(
    title="error", xlabel="components", ylabel="mean divergence", xscale="log", yscale="log"
)
axes[1].set_xticks(ranks, [str(rank) for rank in ranks])
axes[1].minorticks_off()
axes[1].legend()
plt.show()
