"""
Can two people be separated who talk at once?
=============================================

From one microphone, and without knowing them: no. With a quarter of a minute of each of
them alone: yes.
"""

# %%
# The recording
# -------------

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import STFT, BetaNMF, Separator
from skbss.datasets import load_two_speakers
from skbss.metrics import si_sdr

clip = load_two_speakers()
mixture, sample_rate = clip.mixture, clip.sample_rate
Audio(mixture, rate=sample_rate)

# %%
# Blind
# -----
# The spectra of two voices are too much alike to be told apart by their timbre. The result is
# worse than the mixture.

before = si_sdr(clip.sources, np.broadcast_to(mixture, clip.sources.shape))
factorizer = BetaNMF(
    20, beta_loss="kullback-leibler", init="random", max_iter=60, tol=0, random_state=0
)
stft = STFT(n_fft=1024)
blind = Separator(factorizer, n_sources=2, stft=stft, sample_rate=sample_rate, random_state=0)
blind_sources = blind.fit_transform(mixture)
blind_scores = si_sdr(clip.sources, blind_sources, permute=True)
print("blind:     ", (blind_scores - before).round(1), "dB better than the mixture")

# %%
# Supervised
# ----------
# The same two people read other sentences, one at a time. ``fit`` learns twenty spectra of each;
# ``transform`` explains the mixture by all forty.

supervised = Separator(factorizer, stft=stft, mask_exponent=2)
supervised.fit(clip.train_mixture, clip.train_sources)
sources = supervised.transform(mixture)
scores = si_sdr(clip.sources, sources)
print("supervised:", (scores - before).round(1), "dB better than the mixture")

# %%
# The dictionaries, sorted by pitch, and which of their atoms are active:

frequencies = np.arange(513) * sample_rate / 1024
activations = supervised.activations(mixture)
figure, axes = plt.subplots(2, 2, figsize=(10, 5), layout="constrained")
for row, name in enumerate(clip.source_names):
    own = supervised.atom_source_ == row
    atoms = supervised.components_[own]
    order = (atoms @ frequencies / atoms.sum(axis=1)).argsort()
    levels = np.log10(atoms[order].T / atoms.max() + 1e-3)
    axes[row, 0].imshow(
        levels, origin="lower", aspect="auto", cmap="magma", extent=(0, len(order), 0, 8000)
    )
    axes[row, 0].set(title=f"{name}: spectra", ylim=(0, 4000), ylabel="frequency in Hz")
    active = activations[:, own][:, order].T
    axes[row, 1].imshow(
        np.log10(active / active.max() + 1e-2), origin="lower", aspect="auto", cmap="magma"
    )
    axes[row, 1].set(title="activations")
axes[-1, 0].set_xlabel("atom")
axes[-1, 1].set_xlabel("frame")
plt.show()

# %%
# How many atoms?
# ---------------
# ``GridSearchCV`` tunes a separator as it tunes any estimator; its score is the mean SI-SDR. The
# training clip is cut into three, each of which is separated after training on the other two.

from sklearn.model_selection import GridSearchCV

third = len(clip.train_mixture) // 3
mixtures = clip.train_mixture[: 3 * third].reshape(3, third)
references = clip.train_sources[:, : 3 * third].reshape(2, 3, third).swapaxes(0, 1)
search = GridSearchCV(supervised, {"factorizer__n_components": [5, 20]}, cv=3, refit=False)
search.fit(mixtures, references)
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(parameters, f"{score:.1f} dB")

# %%
# Listen: the first voice,

Audio(sources[0], rate=sample_rate)

# %%
# and the second.

Audio(sources[1], rate=sample_rate)
