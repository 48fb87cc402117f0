"""What every page of sounds is filled in with."""

from skbss.report._difference import AUDIBLE_DB, DIFFERENCE_DB, difference_scale_data_uri
from skbss.report._levels import score_table
from skbss.report._provenance import software_versions
from skbss.report._signals import N_COLORS, facts
from skbss.report._spectrogram import RANGE_DB
from skbss.report._template import load_template
from skbss.report._text import printable


def render_page(
    template,
    gallery,
    *,
    kicker,
    title,
    subtitle,
    names,
    shape,
    sample_rate,
    scores,
    definitions,
    settings,
    command,
    versions,
    notes,
    **views,
):
    """Fill a template in; all text is made printable here.

    Parameters
    ----------
    template : str
        Name of its file.
    gallery : Gallery
        The sounds and pictures.
    kicker : str
        What kind of page it is.
    title, subtitle : str, str or None
        What heads it.
    names : sequence of str
        Of the sources, printable.
    shape : tuple of int
        Channels and samples of every recording.
    sample_rate : float
        In Hz.
    scores, definitions : mapping or None
        As `separation_page` takes them.
    settings, command, versions, notes
        Likewise.
    **views
        What else the template names.

    Returns
    -------
    str
        The document.
    """
    return load_template(template, styles=["page.css"], scripts=["page.js"]).render(
        kicker=kicker,
        title=printable(title),
        subtitle=None if subtitle is None else printable(subtitle),
        facts=facts(len(names), shape, sample_rate),
        notes=[printable(note) for note in notes],
        preview=gallery.plan.describe(),
        axes=gallery.axes,
        range_db=RANGE_DB,
        difference_db=DIFFERENCE_DB,
        difference_scale=difference_scale_data_uri(),
        audible_db=AUDIBLE_DB,
        n_colors=N_COLORS,
        scores=score_table(scores, names, definitions),
        settings={printable(str(k)): printable(str(v)) for k, v in (settings or {}).items()},
        command=None if command is None else printable(command),
        versions=software_versions() if versions is None else versions,
        **views,
    )
