"""The page of one separation."""

import base64
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from skbss.report._model import model_view
from skbss.report._players import audio_data_uris, plan_previews
from skbss.report._plots import frequency_ticks, loss_plot, time_ticks
from skbss.report._provenance import software_versions
from skbss.report._spectrogram import RANGE_DB, display_power, erb_rows, png_data_uri
from skbss.report._text import printable

_BLOCK = 1 << 18
_N_COLORS = 8  # as many as the style sheet names


@dataclass(frozen=True)
class SignalView:
    """One player with its spectrogram."""

    name: str
    color: int | None
    audio: str
    picture: str
    share: str
    file: str | None


def separation_page(
    mixture,
    sources,
    *,
    sample_rate,
    title="Separation",
    subtitle=None,
    source_names=None,
    files=None,
    components=None,
    activations=None,
    labels=None,
    loss_curve=None,
    loss_iterations=None,
    scores=None,
    settings=None,
    command=None,
    versions=None,
    notes=(),
):
    """One HTML page on which to listen to and look at a separation.

    The page holds everything itself: sound, pictures, styles, script. It asks the network for
    nothing, plays offline, follows the reader's light or dark setting and the width of the
    screen. The same arguments give the same page, byte for byte. Every string is escaped, so names
    and tags from any file may be passed as they are.

    Parameters
    ----------
    mixture : array of shape (length,) or (n_channels, length)
        The recording, in any unit; silence is fine.
    sources : array of shape (n_sources, length) or (n_sources, n_channels, length)
        Its sources, in the unit of the mixture. A list of arrays saves memory.
    sample_rate : float
        In Hz, positive.
    title, subtitle : str, optional
        What was separated: heads the page.
    source_names : sequence of n_sources str, optional
        Default "Source 1", "Source 2" and so on.
    files : sequence of n_sources + 1 str, optional
        Names of the sound files of the mixture and the sources beside the page, to link to. Long
        recordings are heard compressed, and hours only in part: then the files matter.
    components : array of shape (n_components, n_freqs), optional
        Learned templates, non-negative, over 0 Hz to half the sample rate.
    activations : array of shape (n_frames, n_components), optional
        How strongly each template sounds over the whole recording, non-negative.
    labels : array of shape (n_components,), optional
        Index of the source of each component; by default one component per source.
    loss_curve : array of shape (n_values,), optional
        Objective during the fit.
    loss_iterations : array of shape (n_values,), optional
        Iteration of each value; by default 0, 1, 2 and so on.
    scores : mapping of str to n_sources numbers, optional
        One column of the table of scores each, named with its unit.
    settings : mapping of str to str, optional
        Further facts about how the result was made.
    command : str, optional
        The command that makes the result again.
    versions : mapping of str to str, optional
        By default those of `software_versions`.
    notes : sequence of str, optional
        What the reader should know first, such as a fit that did not converge.

    Returns
    -------
    str
        The document.

    Raises
    ------
    ValueError
        If shapes, names or files do not fit together, or the sample rate is not positive.

    See Also
    --------
    write_separation_page : The same, written to a file.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.report import separation_page
    >>> time = np.arange(8000) / 8000
    >>> tones = np.stack([np.sin(2 * np.pi * f * time) for f in (440.0, 1000.0)])
    >>> page = separation_page(tones.sum(axis=0), tones, sample_rate=8000, title="Two <tones>")
    >>> "<h1>Two &lt;tones&gt;</h1>" in page
    True
    """
    mixture, sources = _checked_waveforms(mixture, sources)
    if not sample_rate > 0:
        raise ValueError(f"sample_rate must be positive, got {sample_rate!r}.")
    n_sources, (n_channels, length) = len(sources), mixture.shape
    names = _checked_names("source_names", source_names, n_sources)
    if names is None:
        names = [f"Source {index + 1}" for index in range(n_sources)]
    links = _checked_names("files", files, n_sources + 1)
    for name, column in (scores or {}).items():
        if len(column) != n_sources:
            raise ValueError(
                f"scores[{name!r}] must hold one number per source ({n_sources}), "
                f"got {len(column)}."
            )
    waveforms = [mixture, *sources]
    peak = max(max(float(waveform.max()), -float(waveform.min())) for waveform in waveforms)
    plan = plan_previews(len(waveforms), n_channels, length, sample_rate, peak)
    sounds = audio_data_uris(waveforms, sample_rate, plan)
    powers = [display_power(waveform, sample_rate, gain=plan.gain) for waveform in waveforms]
    loudest = max(float(power.max()) for power in powers)
    signals = [
        SignalView(
            name=name,
            color=None if index == 0 else (index - 1) % _N_COLORS,
            audio=sound,
            picture=png_data_uri(power, loudest=loudest),
            share=_level_below(waveform, mixture) if index else "",
            file=None if links is None else links[index],
        )
        for index, (name, waveform, power, sound) in enumerate(
            zip(["Mixture", *names], waveforms, powers, sounds, strict=True)
        )
    ]
    edges = erb_rows(powers[0].shape[0], sample_rate)
    losses = None
    if loss_curve is not None:
        steps = np.arange(len(loss_curve)) if loss_iterations is None else loss_iterations
        losses = loss_plot(np.asarray(steps), np.asarray(loss_curve))
    return _template().render(
        title=printable(title),
        subtitle=None if subtitle is None else printable(subtitle),
        facts=_facts(n_sources, n_channels, length, sample_rate),
        signals=signals,
        range_db=RANGE_DB,
        n_colors=_N_COLORS,
        time_ticks=time_ticks(length / sample_rate),
        few_time_ticks=time_ticks(length / sample_rate, most=4),
        frequency_ticks=frequency_ticks(edges),
        roomy_frequency_ticks=frequency_ticks(edges, closest=0.11),
        few_frequency_ticks=frequency_ticks(edges, closest=0.27),
        clock=length / sample_rate >= 60,
        preview=plan.describe(),
        model=model_view(components, activations, labels, names, sample_rate),
        loss=losses,
        scores=_score_table(scores, names),
        settings={printable(str(k)): printable(str(v)) for k, v in (settings or {}).items()},
        command=None if command is None else printable(command),
        versions=software_versions() if versions is None else versions,
        notes=[printable(note) for note in notes],
    )


def write_separation_page(path, mixture, sources, **options):
    """Write the page of `separation_page` to a file.

    Parameters
    ----------
    path : str or path-like
        The file, usually ``index.html``; an existing one is replaced.
    mixture, sources : arrays
        As in `separation_page`.
    **options
        The other arguments of `separation_page`.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        As in `separation_page`.

    See Also
    --------
    separation_page : The document as a string.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skbss.report import write_separation_page
    >>> sources = np.sin(np.arange(8000) * np.array([[0.2], [0.5]]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "index.html"
    ...     write_separation_page(path, sources.sum(axis=0), sources, sample_rate=8000)
    ...     path.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    Path(os.fspath(path)).write_text(
        separation_page(mixture, sources, **options), encoding="utf-8", newline="\n"
    )


def _checked_waveforms(mixture, sources):
    mixture = np.asarray(mixture)
    if mixture.ndim not in (1, 2) or 0 in mixture.shape:
        raise ValueError(
            "mixture must have shape (length,) or (n_channels, length) and hold samples, "
            f"got shape {mixture.shape}."
        )
    sources = [np.asarray(source) for source in sources]
    for index, source in enumerate(sources):
        if source.shape != mixture.shape:
            raise ValueError(
                f"Every source must have the shape of the mixture, {mixture.shape}; "
                f"sources[{index}] has {source.shape}."
            )
    if not sources:
        raise ValueError("sources must hold at least one source, got none.")
    if mixture.ndim == 1:
        mixture, sources = mixture[np.newaxis], [source[np.newaxis] for source in sources]
    for name, waveform in [("mixture", mixture), *(("sources", source) for source in sources)]:
        if not np.isfinite(waveform).all():
            raise ValueError(f"{name} must hold finite samples, got NaN or infinity.")
    return mixture, sources


def _checked_names(parameter, names: Sequence[str] | None, expected: int):
    if names is None:
        return None
    names = [printable(str(name)) for name in names]
    if len(names) != expected:
        raise ValueError(f"{parameter} must hold {expected} names, got {len(names)}.")
    return names


def _facts(n_sources: int, n_channels: int, length: int, sample_rate: float) -> list[str]:
    seconds = length / sample_rate
    duration = f"{seconds:.3g} s"
    if seconds >= 60:
        whole = round(seconds)
        duration = f"{whole // 60}:{whole % 60:02d} min"
    channels = {1: "mono", 2: "stereo"}.get(n_channels, f"{n_channels} channels")
    return [
        f"{n_sources} source{'' if n_sources == 1 else 's'}",
        duration,
        channels,
        f"{sample_rate / 1000:g} kHz",
    ]


def _level_below(waveform: np.ndarray, mixture: np.ndarray) -> str:
    """Energy of a source as dB relative to the mixture, in words."""
    energy, whole = _energy(waveform), _energy(mixture)
    if energy <= 0 or whole <= 0:
        return "silent"
    return f"{_decibel(10 * math.log10(energy / whole))} dB of the mixture"


def _energy(waveform: np.ndarray) -> float:
    # In float64 by blocks: neither overflow nor a second copy of a long recording.
    blocks = range(0, waveform.shape[-1], _BLOCK)
    parts = (waveform[:, start : start + _BLOCK].astype(float).ravel() for start in blocks)
    return sum(float(part @ part) for part in parts)


def _score_table(scores: Mapping | None, names: Sequence[str]):
    if not scores:
        return None
    columns = [printable(name) for name in scores]
    rows = [
        (name, [_decibel(float(column[index])) for column in scores.values()])
        for index, name in enumerate(names)
    ]
    means = [_decibel(float(np.mean(np.asarray(list(column))))) for column in scores.values()]
    return {"columns": columns, "rows": rows, "means": means}


def _decibel(value: float) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=1)
def _template():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name, file in [("style", "page.css"), ("script", "page.js")]:
        text = (folder / file).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        environment.globals[name] = Markup(text)
        environment.globals[f"{name}_hash"] = f"'sha256-{digest}'"
    return environment.get_template("page.html.jinja")
