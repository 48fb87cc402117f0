"""Render the clips of skbss.datasets; README.md beside this file says what it needs."""

import argparse
import hashlib
import json
from pathlib import Path

import band
import numpy as np
import piano_notes
import two_speakers
from stems import write_flac

CLIPS = Path(__file__).parents[2] / "skbss" / "datasets" / "clips"
NOTES = CLIPS.parent / "notes"


def render(folder):
    """Write every file of every clip, and their checksums, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = {}
    for name, stem in piano_notes.render().items():
        stems[f"piano_notes_{name}"] = stem, piano_notes.SAMPLE_RATE
    for clip, module in (("band", band), ("two_speakers", two_speakers)):
        for part, prefix in (("piece", clip), ("train", f"{clip}_train")):
            for name, stem in module.render(part).items():
                stems[f"{prefix}_{name}"] = stem, module.SAMPLE_RATE
    for name, (stem, sample_rate) in stems.items():
        write_flac(folder / f"{name}.flac", stem, sample_rate)
    pieces = [
        np.stack([stems[f"{prefix}_{name}"][0] for name in two_speakers.VOICES])
        for prefix in ("two_speakers", "two_speakers_train")
    ]
    responses = np.concatenate(two_speakers.room_impulse_responses(pieces))
    write_flac(
        folder / "two_speakers_room.flac", responses, two_speakers.SAMPLE_RATE, subtype="PCM_24"
    )
    checksums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.flac"))
    ]
    (folder / "SHA256SUMS").write_text("".join(checksums), encoding="utf-8")


def write_notes(folder):
    """Write the notes that are played in every piece into a folder, to the millisecond."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = {
        "piano_notes": piano_notes.notes(),
        "band": band.notes("piece"),
        "band_train": band.notes("train"),
    }
    for name, by_source in pieces.items():
        lines = [
            f"{json.dumps(source)}: {json.dumps([[round(x, 3) for x in note] for note in own])}"
            for source, own in by_source.items()
        ]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CLIPS, help="folder for the files")
    out = parser.parse_args().out
    render(out)
    write_notes(NOTES if out == CLIPS else out)
