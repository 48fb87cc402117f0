"""The page of a listening test, which names no system."""

from pathlib import Path

from skbss.evaluation._scales import LABELS, METHODS, SCALES
from skbss.evaluation._stimuli import REFERENCE, encode
from skbss.report._template import load_template

_HERE = Path(__file__).parent
_SCRIPTS = [f"listening{part}.js" for part in ("_order", "_player", "_result", "")]


def render_page(test, title, paragraphs, settings, stimuli, ids, rate):
    """The page as HTML.

    Parameters
    ----------
    test : str
        Identifies the test.
    title : str
        Printable.
    paragraphs : list of str, or None
        Instructions; the usual ones by default.
    settings : dict
        Those of the key.
    stimuli : list of Stimulus
        All sounds.
    ids : list of str
        Their drawn names, likewise.
    rate : int
        Their sample rate, in Hz.

    Returns
    -------
    page : str
    """
    kind, scales = settings["kind"], settings["scales"]
    items = _items(settings["items"], stimuli, ids)
    n_stimuli = len(items[0]["stimuli"])
    template = load_template(
        "listening.html.jinja", styles=["page.css", "listening.css"], scripts=_SCRIPTS, folder=_HERE
    )
    return template.render(
        title=title,
        kind=kind,
        paragraphs=paragraphs,
        n_trials=len(scales) * settings["n_items"] * (1 if kind == "mushra" else n_stimuli),
        n_scales=len(scales),
        n_stimuli=n_stimuli,
        has_mixtures=items[0]["mixture"] is not None,
        test={
            "id": test,
            "kind": kind,
            "lowest": METHODS[kind].lowest,
            "highest": METHODS[kind].highest,
            "labels": LABELS,
            "scales": [_question(SCALES[name], kind) for name in scales],
            "items": items,
            "n_items": settings["n_items"],
            "n_practice": settings["n_practice"],
        },
        # Sorted by their drawn names, so that the order tells nothing.
        sounds=dict(sorted(zip(ids, encode(stimuli, rate), strict=True))),
    )


def _items(names, stimuli, ids):
    found = []
    for number, name in enumerate(names):
        heard = [(id_, s) for id_, s in zip(ids, stimuli, strict=True) if s.item == number]
        opened = {s.system: id_ for id_, s in heard if s.is_open}
        found.append(
            {
                "name": name,
                "stimuli": sorted(id_ for id_, s in heard if not s.is_open),
                "reference": opened[REFERENCE],
                "mixture": opened.get("mixture"),
            }
        )
    return found


def _question(scale, kind):
    return {
        "name": scale.name,
        "title": scale.title,
        "question": scale.question.format(sound="each sound" if kind == "mushra" else "this sound"),
        "hint": scale.hint,
        "open": kind == "mushra" or scale.compares,
    }
