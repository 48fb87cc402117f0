"""
How do I tell a separator what I know?
======================================

Whoever has the score of a recording, knows when the drum is struck, or sees on the spectrogram
where somebody plays alone, knows more than any separator can find out.
:class:`skbss.GuidedSeparator` is told so: a :class:`~skbss.guidance.Guide` for every source.
"""

# %%
# A band and its score
# --------------------
# Bass, drums and vibraphone. The notes come with the recording, as they would from a MIDI file:
# onset and duration in seconds, and a pitch.

import librosa
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio

from skbss import STFT, BetaNMF, ConvNMF, GuidedSeparator, Separator
from skbss.datasets import load_band, load_piano_notes
from skbss.guidance import Guide, hit_components
from skbss.metrics import si_sdr

band = load_band()
sample_rate = band.sample_rate
print("The melody begins with", *map(tuple, band.notes["melody"][:3].tolist()))
Audio(band.mixture, rate=sample_rate)

# %%
# By its score
# ------------
# Every pitch gets an atom, which is zero but around its partials, and silent but in its notes. The
# drums are what is left. Nothing was learned from other recordings.

front_end = STFT(2048)
kl = BetaNMF(4, beta_loss="kullback-leibler", init="random", max_iter=100, tol=0)
guides = {
    "bass": Guide(notes=band.notes["bass"]),
    "drums": Guide(),
    "melody": Guide(notes=band.notes["melody"]),
}
separator = GuidedSeparator(kl, stft=front_end, sample_rate=sample_rate, random_state=0)
estimates = separator.fit_transform(band.mixture, guides=guides)

# %%
# Without guides, the same factorization can not tell what belongs together.

blind = Separator(
    kl.set_params(n_components=24),
    n_sources=3,
    stft=front_end,
    sample_rate=sample_rate,
    random_state=0,
).fit_transform(band.mixture)
scores = {
    "blind": si_sdr(band.sources, blind, permute=True),
    "by the score": si_sdr(band.sources, estimates),
}
for name, score in scores.items():
    each = zip(band.source_names, score, strict=True)
    print(f"{name:12s}", *(f"{source} {value:4.1f} dB" for source, value in each))

# %%
# What was told, and what was found: the notes of the melody, and where its atoms sound. A score is
# never exact, so the notes are a little longer than it says.

W = separator.activations(band.mixture, guides)
own = separator.atom_source_ == band.source_names.index("melody")
figure, (upper, lower) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
for onset, duration, pitch in band.notes["melody"]:
    upper.barh(pitch, duration, left=onset, height=0.8, color="C2")
upper.set(ylabel="MIDI pitch", title="told", yticks=[67, 72, 77, 81], xlim=(0, 10))
decibels = librosa.amplitude_to_db(W[:, own].T, ref=W[:, own].max(), top_db=60)
librosa.display.specshow(
    decibels, sr=sample_rate, hop_length=512, x_axis="time", cmap="magma", ax=lower
)
pitches = separator.atom_pitch_[own].astype(int)
lower.set(yticks=np.arange(len(pitches)) + 0.5, yticklabels=pitches, ylabel="MIDI pitch")
lower.set(title="found", xlabel="time in s")
plt.show()

# %%
# The bass,

Audio(estimates[0], rate=sample_rate)

# %%
# the drums,

Audio(estimates[1], rate=sample_rate)

# %%
# the melody.

Audio(estimates[2], rate=sample_rate)

# %%
# Drum by drum
# ------------
# Another recording of the same drums teaches what each of them sounds like: templates of several
# frames, for `skbss.ConvNMF`. The onsets say when they are struck.

frames = dict(stft=STFT(1024, hop_length=256), sample_rate=sample_rate)
keys = {"bass drum": [36], "snare drum": [38], "hi-hat": [42, 46]}


def onsets_of(notes, keys):
    return notes[np.isin(notes[:, 2], keys), 0]


drums = band.source_names.index("drums")
hits = hit_components(
    [band.train_sources[drums]] * 3,
    onsets=[onsets_of(band.train_notes["drums"], key) for key in keys.values()],
    template_length=8,
    **frames,
)
struck = {
    name: Guide(components=hit[np.newaxis], onsets=onsets_of(band.notes["drums"], key))
    for (name, key), hit in zip(keys.items(), hits, strict=True)
}
templates = ConvNMF(8, template_length=8, max_iter=60, tol=0)
by_drum = GuidedSeparator(templates, random_state=0, **frames)
parts = by_drum.fit_transform(band.mixture, guides={**struck, "rest": Guide()})

# %%
# The bass drum,

Audio(parts[0], rate=sample_rate)

# %%
# the snare drum,

Audio(parts[1], rate=sample_rate)

# %%
# and the hi-hat.

Audio(parts[2], rate=sample_rate)

# %%
# With a brush
# ------------
# Three piano notes come in one after another, and then sound together. On the spectrogram one sees
# where each is alone, and paints that: a share of 1 for this note, NaN where nothing is known.

piano = load_piano_notes()
shape = front_end.fit_transform(piano.mixture).shape
alone = [(0.1, 1.3), (1.35, 2.55), (2.6, 3.75)]
paint = np.full((3, *shape), np.nan)
for share, (start, stop) in zip(paint, alone, strict=True):
    share[round(start * sample_rate / 512) : round(stop * sample_rate / 512)] = 1
by_brush = GuidedSeparator(kl.set_params(n_components=2), stft=front_end, random_state=0)
notes = by_brush.fit_transform(piano.mixture, guides=[Guide(paint=share) for share in paint])

magnitude = np.abs(front_end.fit_transform(piano.mixture)).T
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
librosa.display.specshow(
    librosa.amplitude_to_db(magnitude, ref=magnitude.max()),
    sr=sample_rate,
    hop_length=512,
    x_axis="time",
    y_axis="linear",
    cmap="gray_r",
    ax=axis,
)
for color, name, (start, stop) in zip("rgb", piano.source_names, alone, strict=True):
    axis.axvspan(start, stop, color=color, alpha=0.3, label=f"only {name}")
axis.set(ylim=(0, 3000), ylabel="frequency in Hz", xlabel="time in s")
axis.legend(loc="upper right")
plt.show()

# %%
# How good is it in the chord, where nothing was painted?

chord = slice(round(3.8 * sample_rate), None)
for name, value in zip(
    piano.source_names, si_sdr(piano.sources[:, chord], notes[:, chord]), strict=True
):
    print(f"{name:3s} {value:4.1f} dB")

# %%
# The chord,

Audio(piano.mixture[chord], rate=sample_rate)

# %%
# and F#3 out of it.

Audio(notes[1, chord], rate=sample_rate)
