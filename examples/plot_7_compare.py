"""
Which system is best, and do the scores agree?
==============================================

The best by one score need not be the best by another. Systems, bounds, seeds and scores in one
record, and what it says about the scores themselves.
"""

# %%
# A task and what is tried on it
# ------------------------------
# Two speakers at once, who can be learned from other recordings of theirs. All systems share one
# STFT, so that it decides nothing.

import matplotlib.pyplot as plt

from skbss import STFT, BetaNMF, Separator
from skbss.datasets import load_two_speakers
from skbss.evaluation import Task, by_iteration, disparity_report, evaluate, leaderboard
from skbss.separation import IdealBinaryMask, IdealRatioMask, MixtureAsEstimate

clip = load_two_speakers()
task = Task(
    "two speakers",
    clip.mixture,
    clip.sources,
    clip.sample_rate,
    source_names=clip.source_names,
    train_mixtures=[clip.train_mixture],
    train_sources=[clip.train_sources],
)
stft = STFT(n_fft=1024, hop_length=512)


def nmf(beta_loss, n_components=20):
    return BetaNMF(n_components, beta_loss=beta_loss, init="random", max_iter=60, tol=0)


systems = {
    "blind": Separator(nmf("kullback-leibler"), stft=stft, supervised=False),
    "Kullback-Leibler": Separator(nmf("kullback-leibler"), stft=stft),
    "Itakura-Saito": Separator(nmf("itakura-saito"), stft=stft),
    "Euclidean": Separator(nmf("frobenius"), stft=stft),
    "sharper masks": Separator(nmf("kullback-leibler"), stft=stft, mask_exponent=4),
    "ideal ratio mask": IdealRatioMask(stft=stft),
    "ideal binary mask": IdealBinaryMask(stft=stft),
    "mixture": MixtureAsEstimate(),
}

# %%
# The table
# ---------
# Bounds know the true sources. With a single task there is no telling whether a difference is more
# than chance; the deviation over seeds says how much of it is luck.

metrics = ["si_sdr", "si_sir", "si_sar", "log_spectral_distance", "spectral_hole_rate"]
evaluation = evaluate(systems, task, metrics, seeds=2)
print(leaderboard(evaluation, ["si_sdr", "si_sir", "si_sar"]))

# %%
# Do the scores agree?
# --------------------
# How alike do they rank the systems, source by source? Sharper masks remove more of the other
# speaker and tear more holes, which SI-SIR and the holes see and SI-SDR hardly. One task is too few
# for an interval, and the report says so.

report = disparity_report(evaluation, oracles=False)
print(report)

# %%
# How many iterations?
# --------------------
# Each fit goes on where the one before it stood. The separation is as good as it gets long before
# the spectrogram is explained as well as it can be.

iterations = (1, 2, 5, 10, 20, 50, 100)
name = "Itakura-Saito"
curve = by_iteration({name: systems[name]}, task, "si_sdr", iterations=iterations, seeds=1)
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
for source in task.source_names:
    values = [row["value"] for row in curve.rows if row["source"] == source]
    axis.semilogx(iterations, values, "o-", label=source)
axis.set(xlabel="iterations", ylabel="SI-SDR (dB)", title=name)
axis.set_xticks(iterations, labels=map(str, iterations))
axis.minorticks_off()
axis.grid(alpha=0.3)
axis.legend()
plt.show()
