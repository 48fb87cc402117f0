"""What a separation leaves in its folder."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skbss._runtime.recorded_waveform import RecordedWaveform
from skbss.cli._methods import find_method
from skbss.cli._names import distinct, file_name
from skbss.cli._output import MANIFEST
from skbss.cli._recording import write_wav
from skbss.cli._separation import Separation
from skbss.cli._settings import Settings


@dataclass(frozen=True)
class Account:
    """What is told about a result beside its sound.

    Attributes
    ----------
    title, subtitle : str
        What was separated; untrusted text is welcome.
    command : str
        What makes the result again.
    source_names : sequence of str
        One for each stem.
    stem_names : sequence of str
        Names of their files without ``.wav``, not necessarily safe to write to.
    references : array of shape (n_sources, n_channels, length), or None
        The truth, where it is known.
    scores : mapping of str to array of shape (n_sources,)
        Columns of scores by source, empty where the truth is not known.
    definitions : mapping of str to str
        What the columns mean.
    notes : sequence of str
        What the reader should know first.
    making : mapping or None
        What was separated and how, by which the same is known again.
    """

    title: str
    command: str
    source_names: Sequence[str]
    stem_names: Sequence[str]
    subtitle: str | None = None
    references: np.ndarray | None = None
    scores: Mapping[str, np.ndarray] | None = None
    definitions: Mapping[str, str] | None = None
    notes: Sequence[str] = ()
    making: Mapping[str, Any] | None = None


def sound_files(stem_names: Sequence[str]) -> list[str]:
    """Names of the files of the mixture and of every stem, safe to write to."""
    stems = (file_name(name, fallback="source") for name in stem_names)
    return [f"{name}.wav" for name in distinct(["mixture", *stems])]


def write_result(
    folder: Path,
    waveform: Any,
    sample_rate: int,
    separation: Separation,
    settings: Settings,
    account: Account,
    *,
    html: bool = True,
) -> None:
    """Write the mixture, the stems, the page and the machine-readable account of a separation.

    Parameters
    ----------
    folder : Path
        An empty folder.
    waveform : array of shape (n_channels, length), float32, or RecordedWaveform
        The mixture; it and stems are not written again if their files are in the folder.
    sample_rate : int
        In Hz.
    separation : Separation
        Its stems and model.
    settings : Settings
        How it was made.
    account : Account
        What to tell.
    html : bool
        Whether to write ``index.html``.
    """
    from skbss.report import printable, software_versions, write_separation_page

    files = sound_files(account.stem_names)
    for name, sound in zip(files, [waveform, *separation.stems], strict=True):
        # What did not fit into memory is there already.
        if not isinstance(sound, RecordedWaveform):
            write_wav(folder / name, sound, sample_rate)
    facts = _facts(separation, settings)
    versions = software_versions()
    notes = [*account.notes]
    if not separation.converged:
        notes.append(
            f"The fit was stopped at {separation.n_iter} iterations (--max-iter) before it "
            "converged. More iterations seldom change what is heard."
        )
    notes += separation.notes
    if html:
        write_separation_page(
            folder / "index.html",
            waveform,
            separation.stems,
            sample_rate=sample_rate,
            references=account.references,
            title=account.title,
            subtitle=account.subtitle,
            source_names=account.source_names,
            files=files,
            components=separation.components,
            activations=separation.activations,
            labels=separation.labels,
            loss_curve=separation.loss_curve,
            loss_iterations=separation.loss_iterations,
            scores=account.scores,
            definitions=account.definitions,
            settings=facts,
            command=account.command,
            versions=versions,
            notes=notes,
        )
    told = {
        "title": printable(account.title),
        "command": printable(account.command),
        "sample_rate": sample_rate,
        "sources": [printable(name) for name in account.source_names],
        "scores": {
            name: [float(value) if math.isfinite(value) else None for value in column]
            for name, column in (account.scores or {}).items()
        },
        "settings": facts,
        "iterations": separation.n_iter,
        "converged": separation.converged,
        "versions": versions,
        **({} if account.making is None else {"making": account.making}),
        "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
        "files": [*files, *(["index.html"] if html else []), MANIFEST],
    }
    text = json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def _facts(separation: Separation, settings: Settings) -> dict[str, str]:
    facts = {"Method": f"{settings.method} ({find_method(settings.method).summary})"}
    if separation.components is None:
        facts["STFT"] = f"{settings.n_fft} samples"
    else:
        facts |= {
            "Components": str(len(separation.components)),
            "Grouping": str(settings.grouping)
            if len(separation.stems) != len(separation.components)
            else "one component per source",
            "STFT": f"{settings.n_fft} samples, hop {settings.hop_length}, "
            f"{settings.window} window",
            "Mask exponent": f"{settings.mask_exponent:g}",
        }
    return {
        **facts,
        **settings.particulars(),
        "Iterations": f"{separation.n_iter} (at most {settings.max_iter})",
        "Seed": str(settings.seed),
    }
