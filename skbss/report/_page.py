"""The page of one separation."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skbss.report._checks import (
    as_channels,
    check_count,
    check_names,
    check_sample_rate,
    check_scores,
    check_sources,
    check_waveform,
    source_names_or_numbers,
)
from skbss.report._levels import level_relative_to
from skbss.report._model import model_view
from skbss.report._plots import loss_plot
from skbss.report._render import render_page
from skbss.report._signals import N_COLORS, Gallery, PairView


def separation_page(
    mixture,
    sources,
    *,
    sample_rate,
    references=None,
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
    definitions=None,
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
    mixture : array of shape (length,) or (n_channels, length), or path of a sound file
        The recording, in any unit; silence is fine. What is in a file may be longer than memory.
    sources : array of shape (n_sources, length) or (n_sources, n_channels, length), or list
        Its sources, in the unit of the mixture. A list of arrays saves memory, and one of paths
        of sound files all the more.
    sample_rate : float
        In Hz, positive.
    references : array of the shape of `sources`, or list of arrays, optional
        The true sources in the same order and unit. Each gets a player beside that of its
        estimate, and a picture of where the estimate is louder or fainter, in dB.
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
        One column of the table of scores each, of any metric, named with its unit: ``"STOI"``,
        ``"SI-SDR (dB)"``. NaN stands for a score that is not defined.
    definitions : mapping of str to str, optional
        What columns of `scores` mean, to be read below the table.
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
    evaluation_page : For estimates of any origin, with their references.

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
    mixture = check_waveform("mixture", mixture)
    sources = check_sources("sources", sources, mixture, "mixture")
    n_sources = len(sources)
    if references is not None:
        references = check_sources("references", references, mixture, "mixture")
        check_count("references", references, n_sources)
    check_sample_rate(sample_rate)
    names = source_names_or_numbers(source_names, n_sources)
    links: Sequence[str | None] = check_names("files", files, n_sources + 1) or [None] * (
        n_sources + 1
    )
    check_scores(scores, n_sources)
    model = model_view(components, activations, labels, names, sample_rate)
    mixture = as_channels(mixture)
    waveforms = [mixture, *map(as_channels, [*sources, *(references or [])])]
    gallery = Gallery(waveforms, sample_rate)
    pairs = [
        _pair(gallery, waveforms, index, names[index], links[1 + index], n_sources)
        for index in range(n_sources)
    ]
    losses = None
    if loss_curve is not None:
        steps = np.arange(len(loss_curve)) if loss_iterations is None else loss_iterations
        losses = loss_plot(np.asarray(steps), np.asarray(loss_curve))
    return render_page(
        "separation.html.jinja",
        gallery,
        kicker="Source separation",
        title=title,
        subtitle=subtitle,
        names=names,
        shape=mixture.shape,
        sample_rate=sample_rate,
        scores=scores,
        definitions=definitions,
        settings=settings,
        command=command,
        versions=versions,
        notes=notes,
        mixture=gallery.signal(0, "Mixture", "all sources together", links[0]),
        pairs=pairs,
        model=model,
        loss=losses,
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


def _pair(
    gallery: Gallery,
    waveforms: list[Any],
    index: int,
    name: str,
    file: str | None,
    n_sources: int,
) -> PairView:
    """A source, of waveforms that hold the mixture, all sources and perhaps all references."""
    color = index % N_COLORS
    at, true_at = 1 + index, 1 + n_sources + index
    about = level_relative_to(waveforms[at], waveforms[0], "mixture")
    estimate = gallery.signal(at, name, about, file, color)
    if true_at >= len(waveforms):
        return PairView(name, color, estimate)
    about = level_relative_to(waveforms[true_at], waveforms[0], "mixture")
    reference = gallery.signal(true_at, name, about, None, color)
    return PairView(name, color, estimate, reference, gallery.difference(at, true_at))
