"""Speech and what disturbs it, divided 70/10/20 and mixed in rooms.

Either the clips that come with skbss, in rooms simulated by pyroomacoustics, or a folder with

- ``tasks.json``: a list of tasks, of which those whose name begins with "esad" count. Each has
  ``sr``, ``sources`` (the speech, then the noise, each with ``layers``: one list of pieces) and
  ``train`` (a list of pieces for both); a piece is [file, start, stop] in seconds. ``mix.file``
  names a room.
- ``audio/FILE.wav`` or ``.flac``, and ``rir/ROOM.npz`` with ``rir``, the impulse responses of shape
  (n_mics, n_sources, taps).
"""

import json
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
import soundfile as sf
from scipy.signal import fftconvolve

from skbss.datasets import load_band, load_two_speakers
from skbss.evaluation import Task, make_mixtures

SAMPLE_RATE = 16000
SNRS = (-5.0, 0.0, 5.0, 10.0)
SHARES = (0.7, 0.1, 0.2)
ROOMS = ("anechoic", "mild", "medium")
# Rotations of the recordings until the test parts have covered all of them.
TURNS = 5
_PEAK = 0.9


class Material(NamedTuple):
    """Dry recordings, and the rooms: names for `make_mixtures`, or impulse responses."""

    speech: np.ndarray
    noise: np.ndarray
    rooms: dict
    origin: str


class Split(NamedTuple):
    """What a seed trains on, of shape (2, length), and its mixtures."""

    train: np.ndarray
    dev: list
    test: list


def embedded_material():
    """A woman of the two speakers, and the band as noise."""
    clip, band = load_two_speakers(), load_band()
    music = np.concatenate([band.train_mixture, band.mixture])
    return Material(
        np.concatenate([clip.train_sources[0], clip.sources[0]]),
        librosa.resample(music, orig_sr=band.sample_rate, target_sr=SAMPLE_RATE),
        dict.fromkeys(ROOMS),
        "clips that come with skbss: a synthetic voice, and a band as noise",
    )


def folder_material(folder):
    """All pieces of speech and noise that the tasks of a folder name, each once."""
    folder = Path(folder)
    tasks = json.loads((folder / "tasks.json").read_text())
    tasks = [task for task in tasks if task["name"].startswith("esad")]
    if not tasks:
        raise ValueError(f"No task in {folder / 'tasks.json'} has a name that begins with 'esad'.")
    recordings = []
    for source in range(2):
        pieces = {}
        for task in tasks:
            for piece in [*task["train"][source], *task["sources"][source]["layers"][0]]:
                pieces[tuple(piece)] = None
        recordings.append(np.concatenate([_read(folder, *piece) for piece in pieces]))
    files = list(dict.fromkeys(task["mix"]["file"] for task in tasks))
    names = ROOMS if len(files) == len(ROOMS) else files
    rooms = {
        name: np.load(folder / "rir" / f"{file}.npz")["rir"].astype(float)
        for name, file in zip(names, files, strict=True)
    }
    return Material(*recordings, rooms, "recorded speech and kitchen noise")


def _read(folder, name, start, stop):
    for ending in (".wav", ".flac"):
        path = folder / "audio" / (name + ending)
        if path.exists():
            recording, rate = sf.read(path)
            if rate != SAMPLE_RATE:
                recording = librosa.resample(recording, orig_sr=rate, target_sr=SAMPLE_RATE)
            ends = [
                None if second is None else round(second * SAMPLE_RATE) for second in (start, stop)
            ]
            return recording[slice(*ends)]
    raise FileNotFoundError(f"{folder / 'audio' / name}.wav or .flac")


def divided(recording, seed):
    """Train, dev and test of a recording that begins elsewhere for every seed."""
    recording = np.roll(recording, -round(seed % TURNS / TURNS * len(recording)))
    ends = np.cumsum([round(share * len(recording)) for share in SHARES[:2]])
    return np.split(recording, ends)


def split(material, seed, *, snrs=SNRS, rooms=ROOMS):
    """The mixtures of a seed: every part at every level in every room.

    To train on, the shorter of speech and noise is repeated.
    """
    speech, noise = divided(material.speech, seed), divided(material.noise, seed)
    longest = max(len(speech[0]), len(noise[0]))
    train = np.stack([np.resize(one[0], longest) for one in (speech, noise)])
    train /= np.sqrt(np.square(train).mean(axis=1, keepdims=True))
    chosen = {name: responses for name, responses in material.rooms.items() if name in rooms}
    parts = (
        _mixtures(part, one, other, chosen, snrs, seed)
        for part, one, other in zip(("dev", "test"), speech[1:], noise[1:], strict=True)
    )
    return Split(train.astype(np.float32), *parts)


def _mixtures(part, speech, noise, rooms, snrs, seed):
    if any(responses is None for responses in rooms.values()):
        mixtures = make_mixtures(
            [speech],
            [noise],
            sample_rate=SAMPLE_RATE,
            snr_db=snrs,
            rooms=list(rooms),
            split=(0, 0, 1),
            source_names=("speech", "noise"),
            name=f"seed {seed} {part}",
            random_state=seed,
        )
        return mixtures.test
    dry = np.stack([speech, np.resize(noise, len(speech))])
    tasks = []
    for room, responses in rooms.items():
        images = fftconvolve(dry[:, None], responses.swapaxes(0, 1), axes=-1)[..., : len(speech)]
        levels = np.sqrt(np.square(images[:, 0]).mean(axis=1))
        for snr_db in snrs:
            gains = np.array([1, 10 ** (-snr_db / 20)]) / levels
            scaled = gains[:, None, None] * images
            scaled *= _PEAK / np.abs(scaled.sum(axis=0)).max()
            tasks.append(
                Task(
                    f"seed {seed} {part} {room} {snr_db:+g} dB",
                    scaled.sum(axis=0),
                    scaled,
                    SAMPLE_RATE,
                    source_names=("speech", "noise"),
                    targets=(0,),
                    tags={"room": room, "snr_db": snr_db, "part": part},
                )
            )
    return tasks
