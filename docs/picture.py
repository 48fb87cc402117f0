"""Draw the picture of the front page and of the README: ``python docs/picture.py``."""

import io
from pathlib import Path

import librosa
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

from skbss import STFT, BetaNMF, Separator
from skbss.datasets import load_piano_notes
from skbss.metrics import best_permutation

TARGET = Path(__file__).parent / "_static" / "piano.png"
COLORS = ("#b48cff", "#ff9d4d", "#5fd38d")
HIGHEST = 3000  # Hz


def draw():
    """Write the spectrograms of the piano notes and of what they were separated into."""
    clip = load_piano_notes()
    factorizer = BetaNMF(3, beta_loss="kullback-leibler", random_state=0)
    sources = Separator(factorizer, stft=STFT(n_fft=2048)).fit_transform(clip.mixture)
    sources = sources[best_permutation(clip.sources, sources)]
    stft = STFT(n_fft=2048, hop_length=256, output="power")
    loudest = stft.fit_transform(clip.mixture).max()
    titles = ["recording", *(f"source {k + 1}: {name}" for k, name in enumerate(clip.source_names))]
    maps = ["magma"] + [
        LinearSegmentedColormap.from_list(color, ["black", color, "white"]) for color in COLORS
    ]
    with plt.style.context("dark_background"):
        figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True, layout="constrained")
        for axis, title, colors, signal in zip(
            axes, titles, maps, [clip.mixture, *sources], strict=True
        ):
            power = stft.transform(signal)
            librosa.display.specshow(
                librosa.power_to_db(power.T, ref=loudest, top_db=None),
                sr=clip.sample_rate,
                hop_length=256,
                x_axis="time",
                y_axis="linear",
                vmin=-65,
                vmax=0,
                cmap=colors,
                ax=axis,
            )
            axis.set(title=title, ylim=(0, HIGHEST), xlabel="time in s", ylabel="")
            axis.set_xticks(np.arange(0, 8, 2), [str(second) for second in range(0, 8, 2)])
            axis.set_yticks([0, 1000, 2000, 3000], ["0", "1", "2", "3"])
        axes[0].set_ylabel("frequency in kHz")
        stream = io.BytesIO()
        figure.savefig(stream, dpi=120)
        plt.close(figure)
    # A palette makes the file a third as large.
    picture = Image.open(stream).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(TARGET, optimize=True)


if __name__ == "__main__":
    draw()
