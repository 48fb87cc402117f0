"""A listening test as one page."""

import hashlib
import json
from dataclasses import asdict
from itertools import chain

import numpy as np
from sklearn.utils import check_random_state

from skbss._version import __version__
from skbss.evaluation._anchors import check_anchors, usual_anchors
from skbss.evaluation._listening_folder import (
    KEY_FORMAT,
    check_folder,
    publish,
    refuse_other_test,
)
from skbss.evaluation._listening_input import (
    check_counts,
    check_instructions,
    check_items,
    check_mixtures,
    check_names,
    check_sizes,
    check_systems,
)
from skbss.evaluation._listening_page import render_page
from skbss.evaluation._scales import METHODS, SCALES
from skbss.evaluation._stimuli import make_stimuli, played_format
from skbss.report import printable


def listening_test(
    estimates,
    references,
    out,
    *,
    sample_rate,
    mixtures=None,
    kind="mushra",
    scales=("quality", "separation", "timbre", "artifacts"),
    title="Listening test",
    instructions=None,
    anchors=None,
    n_items=None,
    n_practice=0,
    random_state=0,
    overwrite=False,
):
    """Write a blind listening test as one page that works without a network.

    Raters open ``index.html`` in any browser, rate what they hear, and at the end save a JSON or
    CSV file of their ratings, which `read_ratings` reads. The page holds everything itself and
    sends nothing. ``key.json`` beside it says which sound is whose, and no rating can be read
    without it: keep it, and out of what raters are given. In the page sounds have drawn names, and
    those of the systems do not occur.

    Every rater gets the trials and the sounds of a trial in an order that follows from the name
    entered at the start and is recorded. A trial asks one question; the next one comes when
    everything was played and rated. Playback goes on at the same position from one sound to
    another. Progress is kept by the browser where it may.

    Parameters
    ----------
    estimates : mapping of str to mapping of item to array
        The estimate of every item by every system, of the shape of the reference.
    references : mapping of item to array of shape ([n_channels,] length)
        The true sources, in any unit. An item is a name, or a pair of a task and a source as
        `evaluate` names them. Its name is shown to raters. All need the same number of channels,
        of which more than two are heard as one, and last 0.5 s or more.
    out : path-like
        A folder: new, empty, or with the same listening test, which is written again, also with
        another title or other instructions.
    sample_rate : float
        Of all sounds, in Hz, positive.
    mixtures : mapping of item to array, optional
        What was separated, of the shape of the reference: raters can listen to it, and without
        being told rate it as the anchor of interference.
    kind : {"mushra", "mos"}, default="mushra"
        How raters answer. "mushra": all sounds of an item at once, on sliders from 0 to 100,
        beside the open reference. "mos": one sound at a time, from 1 to 5; the reference can be
        heard where the question asks for a comparison, that is, for "separation" and "timbre".
    scales : sequence of str, default=("quality", "separation", "timbre", "artifacts")
        What is asked, one after another for all items: overall quality, suppression of other
        sources, preservation of the target source, absence of artificial noise [3]_.
    title : str, default="Listening test"
        Heads the page.
    instructions : str, optional
        Shown at the start instead of the usual text; an empty line begins a paragraph.
    anchors : sequence of str, optional
        Sounds that are bad in a known way: "low_pass_3500" and "low_pass_7000", the reference
        without what lies above as many Hz; "mixture"; "musical_noise", the reference with isolated
        spectral components of its own added at equal loudness [3]_. By default the first two [1]_
        where recordings reach clearly beyond (with ``kind="mos"`` only the first), the mixture
        where given, and the last where "artifacts" are asked for or nothing else remains.
    n_items : int, optional
        How many items each rater hears, drawn anew for every rater. By default all.
    n_practice : int, default=0
        Number of trials before the test that are not recorded.
    random_state : int, RandomState instance or None, default=0
        For names of sounds, musical noise and dither. The same arguments give the same files.
    overwrite : bool, default=False
        Whether another listening test in the folder may be replaced. Ratings collected with it can
        not be read any more then.

    Returns
    -------
    page : Path
        The page that was written.

    Raises
    ------
    OSError
        If the folder can not be written, or holds anything but a listening test
        (``FileExistsError``).
    TypeError, ValueError
        If arrays, names or options do not fit together, a reference is silent, the folder holds
        another listening test, or the sounds are too long for one page. On any error everything
        stays as it was.

    Warns
    -----
    UserWarning
        If an estimate is silent, or the test goes beyond what [1]_ recommends: 12 s for an item
        and 12 sounds in a trial.

    See Also
    --------
    read_ratings : What raters saved, with the names of the systems.

    Notes
    -----
    All sounds are brought to the same loudness, that of ITU-R BS.1770-5 [4]_, and then share one
    gain, so that the highest peak of them all nearly reaches full scale. They are embedded without
    loss, with 16 bits and dither.

    The drawn names of sounds follow from all arguments, the samples included. Neither they, nor
    their order, nor anything else that is written in the page tells one system from another. The
    sounds themselves are there, though: who decodes them finds the hidden reference by subtracting
    the open one, and a low-passed anchor by its size.

    References
    ----------
    .. [1] ITU-R BS.1534-3, "Method for the subjective assessment of intermediate quality level of
       audio systems", 2015.
    .. [2] ITU-T P.800, "Methods for subjective determination of transmission quality", 1996,
       Annex B (absolute category rating).
    .. [3] V. Emiya, E. Vincent, N. Harlander and V. Hohmann, "Subjective and objective quality
       assessment of audio source separation", IEEE Transactions on Audio, Speech, and Language
       Processing 19(7), 2011, section II.
    .. [4] ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and true-peak audio
       level", 2023, Annex 1.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from skbss.evaluation import listening_test
    >>> rng = np.random.default_rng(0)
    >>> reference = np.sin(0.2 * np.arange(8000))
    >>> estimates = {
    ...     "careful": {"tone": reference + 0.01 * rng.standard_normal(8000)},
    ...     "careless": {"tone": reference + 0.3 * rng.standard_normal(8000)},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = listening_test(estimates, {"tone": reference}, folder, sample_rate=8000)
    ...     sorted(path.name for path in page.parent.iterdir())
    ...     "careless" in page.read_text(encoding="utf-8")
    ['index.html', 'key.json']
    False
    """
    out = check_folder(out)
    if kind not in METHODS:
        raise ValueError(f"kind must be 'mushra' or 'mos', got {kind!r}.")
    scales = check_names(scales, "scales", SCALES)
    paragraphs = check_instructions(instructions)
    items, sounds = check_items(references, sample_rate)
    systems = check_systems(estimates, items, sounds)
    mixed = check_mixtures(mixtures, items, sounds)
    has_mixtures = mixed is not None
    if anchors is None:
        anchors = usual_anchors(kind, scales, sample_rate, has_mixtures=has_mixtures)
    anchors = check_anchors(anchors, sample_rate, has_mixtures=has_mixtures)
    rate, n_channels = played_format(sample_rate, len(sounds[0]))
    n_items, n_practice = check_counts(n_items, n_practice, len(items))
    check_sizes(
        sounds,
        systems,
        anchors,
        kind,
        seconds_per_sample=1 / sample_rate,
        bytes_per_second=2 * rate * n_channels,
    )
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    settings = {
        "kind": kind,
        "scales": scales,
        "anchors": anchors,
        "items": [item.name for item in items],
        "systems": list(systems),
        "sample_rate": float(sample_rate),
        "n_items": n_items,
        "n_practice": n_practice,
        "seed": seed,
    }
    digest = _digest(settings, [sounds, *systems.values(), *([mixed] if has_mixtures else [])])
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    stimuli = make_stimuli(
        sounds,
        systems,
        mixed,
        anchors,
        sample_rate,
        rng,
        item_names=[item.name for item in items],
        stacklevel=3,
    )
    test = digest[:12].hex()
    ids = _drawn_ids(len(stimuli), rng)
    key = {
        "format": KEY_FORMAT,
        "version": 1,
        "test": test,
        "title": printable(str(title)),
        **settings,
        "items": [asdict(item) for item in items],
        "loudness": "ITU-R BS.1770-5",
        "software": f"skbss {__version__}",
        "stimuli": {
            name: {
                "item": stimulus.item,
                "system": stimulus.system,
                "role": stimulus.role,
                "gain_db": None if stimulus.gain_db == -np.inf else stimulus.gain_db,
            }
            for name, stimulus in zip(ids, stimuli, strict=True)
            if not stimulus.is_open
        },
    }
    if not overwrite:
        refuse_other_test(out, key)
    page = render_page(test, key["title"], paragraphs, settings, stimuli, ids, rate)
    return publish(out, page, json.dumps(key, indent=1, ensure_ascii=True) + "\n")


def _drawn_ids(count, rng):
    ids: dict[str, None] = {}
    while len(ids) < count:
        ids[rng.bytes(5).hex()] = None
    return list(ids)


def _digest(settings, groups):
    hashed = hashlib.sha256(json.dumps(settings).encode())
    for sound in chain.from_iterable(groups):
        hashed.update(f"{sound.shape};".encode())
        hashed.update(np.ascontiguousarray(sound, "<f8").data)
    return hashed.digest()
