"""The page of one evaluation."""

import os
from pathlib import Path

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
from skbss.report._render import render_page
from skbss.report._signals import N_COLORS, Gallery, PairView
from skbss.report._text import printable


def evaluation_page(
    references,
    estimates,
    *,
    sample_rate,
    mixture=None,
    title="Evaluation",
    subtitle=None,
    source_names=None,
    reference_files=None,
    estimate_files=None,
    mixture_file=None,
    scores=None,
    definitions=None,
    settings=None,
    command=None,
    versions=None,
    notes=(),
):
    """One HTML page on which to compare estimated sources with the true ones.

    It shows the scores first, with what they mean; then a player and a spectrogram of every
    estimate beside those of its reference, and a picture of where the estimate is louder (red) or
    fainter (blue), in dB. Like `separation_page` it holds everything itself, asks the network for
    nothing, and is the same for the same arguments, byte for byte. Every string is escaped.

    Parameters
    ----------
    references : array of shape (n_sources, length) or (n_sources, n_channels, length)
        The true sources, in any unit; silence is fine. A list of arrays saves memory.
    estimates : array of the same shape, or list of arrays
        The estimated sources, in the same order and unit: levels are compared as they are.
    sample_rate : float
        In Hz, positive.
    mixture : array of shape (length,) or (n_channels, length), optional
        What was separated.
    title, subtitle : str, optional
        What was evaluated: heads the page.
    source_names : sequence of n_sources str, optional
        Default "Source 1", "Source 2" and so on.
    reference_files, estimate_files : sequence of n_sources str, optional
        Names of the files that were compared, to be shown.
    mixture_file : str, optional
        Name of the file of the mixture.
    scores : mapping of str to n_sources numbers, optional
        One column of the table of scores each, of any metric, named with its unit: ``"STOI"``,
        ``"SI-SDR (dB)"``. NaN stands for a score that is not defined.
    definitions : mapping of str to str, optional
        What columns of `scores` mean, to be read below the table.
    settings : mapping of str to str, optional
        Further facts about how the scores were made.
    command : str, optional
        The command that makes the result again.
    versions : mapping of str to str, optional
        By default those of `software_versions`.
    notes : sequence of str, optional
        What the reader should know first, such as a source that is silent.

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
    write_evaluation_page : The same, written to a file.
    separation_page : For a separation and the model that it learned.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import si_sdr
    >>> from skbss.report import evaluation_page
    >>> time = np.arange(8000) / 8000
    >>> tones = np.stack([np.sin(2 * np.pi * f * time) for f in (440.0, 1000.0)])
    >>> estimates = 0.9 * tones + 0.1 * tones[::-1]
    >>> page = evaluation_page(
    ...     tones, estimates, sample_rate=8000, scores={"SI-SDR (dB)": si_sdr(tones, estimates)}
    ... )
    >>> "<td>19.1</td>" in page
    True
    """
    first = check_waveform("references[0]", references[0] if len(references) else [])
    references = check_sources("references", references, first, "first reference")
    n_sources = len(references)
    estimates = check_sources("estimates", estimates, first, "references")
    check_count("estimates", estimates, n_sources)
    if mixture is not None:
        [mixture] = check_sources("mixture", [mixture], first, "references")
    check_sample_rate(sample_rate)
    names = source_names_or_numbers(source_names, n_sources)
    reference_files = check_names("reference_files", reference_files, n_sources)
    estimate_files = check_names("estimate_files", estimate_files, n_sources)
    check_scores(scores, n_sources)
    waveforms = [as_channels(waveform) for waveform in (*references, *estimates)]
    if mixture is not None:
        waveforms.append(as_channels(mixture))
    gallery = Gallery(waveforms, sample_rate)
    pairs = []
    for index, name in enumerate(names):
        at, color = n_sources + index, index % N_COLORS
        level = level_relative_to(waveforms[at], waveforms[index], "reference")
        pairs.append(
            PairView(
                name,
                color,
                gallery.signal(at, name, _about(estimate_files, index, level), None, color),
                gallery.signal(index, name, _about(reference_files, index), None, color),
                gallery.difference(at, index),
            )
        )
    heard_mixture = None
    if mixture is not None:
        about = "all sources together" if mixture_file is None else printable(mixture_file)
        heard_mixture = gallery.signal(2 * n_sources, "Mixture", about, None)
    return render_page(
        "evaluation.html.jinja",
        gallery,
        kicker="Evaluation of a separation",
        title=title,
        subtitle=subtitle,
        names=names,
        shape=waveforms[0].shape,
        sample_rate=sample_rate,
        scores=scores,
        definitions=definitions,
        settings=settings,
        command=command,
        versions=versions,
        notes=notes,
        mixture=heard_mixture,
        pairs=pairs,
    )


def write_evaluation_page(path, references, estimates, **options):
    """Write the page of `evaluation_page` to a file.

    Parameters
    ----------
    path : str or path-like
        The file; an existing one is replaced.
    references, estimates : arrays
        As in `evaluation_page`.
    **options
        The other arguments of `evaluation_page`.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        As in `evaluation_page`.

    See Also
    --------
    evaluation_page : The document as a string.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skbss.report import write_evaluation_page
    >>> sources = np.sin(np.arange(8000) * np.array([[0.2], [0.5]]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "evaluation.html"
    ...     write_evaluation_page(path, sources, 0.5 * sources, sample_rate=8000)
    ...     path.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    Path(os.fspath(path)).write_text(
        evaluation_page(references, estimates, **options), encoding="utf-8", newline="\n"
    )


def _about(files: list[str] | None, index: int, level: str = "") -> str:
    return " · ".join(part for part in (files[index] if files else "", level) if part)
