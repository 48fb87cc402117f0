"""Files of ratings and of their key: made by others, so nothing in them is taken for granted."""

import csv
import io
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from skbss.evaluation._listening_folder import KEY_FORMAT
from skbss.evaluation._scales import METHODS, SCALES
from skbss.report import printable

_RATINGS_FORMAT = "skbss-listening-test-ratings"
_COLUMNS = ("test", "kind", "rater", "trial", "position", "scale", "stimulus", "plays", "rating")
_LARGEST_BYTES = 10_000_000
_LONGEST_NAME = 200
_LARGEST_COUNT = 1_000_000


@dataclass(frozen=True)
class Rating:
    """What one rater said about one sound on one scale.

    Attributes
    ----------
    scale, stimulus : str
        The question, and the drawn name of the sound.
    value : float
        In the unit of the method.
    trial, position : int
        When it was asked: the trial of the rater and the place of the sound in it, from 1.
    plays : int
        How often the sound was played.
    """

    scale: str
    stimulus: str
    value: float
    trial: int
    position: int
    plays: int


def is_special(path):
    """Whether there is something other than a regular file, such as a pipe that may never end.

    Parameters
    ----------
    path : Path
        Of what may also be missing.

    Returns
    -------
    bool
    """
    return path.exists() and not path.is_file()


def read_key(path):
    """The key of a listening test.

    Parameters
    ----------
    path : path-like
        The file ``key.json``, or the folder that holds it.

    Returns
    -------
    path : Path
        The file.
    key : dict
        What it holds, as `listening_test` wrote it.

    Raises
    ------
    OSError
        If it can not be read.
    ValueError
        If it is no key.
    """
    path = Path(path)
    path = path / "key.json" if path.is_dir() else path
    try:
        key = _parsed(path)
        is_key = key["format"] == KEY_FORMAT and key["version"] == 1
        is_whole = (
            isinstance(key["test"], str)
            and key["kind"] in METHODS
            and set(key["scales"]) <= set(SCALES)
            and all(set(item) == {"name", "task", "source"} for item in key["items"])
            and all(
                stimulus["role"] in ("system", "reference", "anchor")
                and isinstance(stimulus["system"], str)
                and isinstance(key["items"][stimulus["item"]], dict)
                for stimulus in key["stimuli"].values()
            )
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        is_key = is_whole = False
    if not (is_key and is_whole):
        raise ValueError(
            f"'{path}' is no key of a listening test: pass the key.json that was written beside "
            "the page."
        )
    return path, key


def read_rating_file(path, key):
    """The ratings of one rater.

    Parameters
    ----------
    path : Path
        JSON or CSV, as the page saves it.
    key : dict
        From `read_key`.

    Returns
    -------
    rater : str
        Composed, with single spaces and without control characters.
    ratings : list of Rating
        As many as there are; a test need not be finished.

    Raises
    ------
    OSError
        If it can not be read.
    ValueError
        If it does not hold valid ratings of this test.
    """
    try:
        heads, entries = (_from_csv if path.suffix.lower() == ".csv" else _from_json)(path)
        raters = {_checked_head(head, key) for head in heads}
        if len(raters) != 1:
            raise ValueError(f"holds the ratings of {len(raters)} raters, not of one")
        ratings = [_checked_rating(entry, key) for entry in entries]
        if len({(rating.scale, rating.stimulus) for rating in ratings}) < len(ratings):
            raise ValueError("rates a sound twice on the same scale")
        return raters.pop(), ratings
    except ValueError as error:
        raise ValueError(f"'{path}' {error}.") from None


def _from_json(path):
    told = _parsed(path)
    if not isinstance(told, dict) or told.get("format") != _RATINGS_FORMAT:
        raise ValueError("holds no ratings of a listening test")
    if told.get("version") != 1:
        raise ValueError(f"has the version {told.get('version')!r}, and only 1 is known")
    entries = told.get("ratings")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("must hold a list of ratings")
    return [told], entries


def _from_csv(path):
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise ValueError(f"is no CSV ({error})") from None
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise ValueError(f"must begin with the columns {','.join(_COLUMNS)}")
    if not all(len(line) == len(_COLUMNS) for line in lines):
        raise ValueError(f"must have {len(_COLUMNS)} columns in every line")
    entries = [dict(zip(_COLUMNS, map(_unguarded, line), strict=True)) for line in lines[1:]]
    if not entries:
        raise ValueError("holds no rating")
    for entry in entries:
        for column in ("trial", "position", "plays", "rating"):
            try:
                entry[column] = float(entry[column])
            except ValueError:
                raise ValueError(f"has {entry[column]!r} in the column {column!r}") from None
    return entries, entries


def _unguarded(cell):
    """A cell without the apostrophe that keeps spreadsheets from reading a formula."""
    return cell[1:] if cell.startswith("'") else cell


def _checked_head(head, key):
    rater = head.get("rater")
    if not isinstance(rater, str) or not 1 <= len(rater.strip()) <= _LONGEST_NAME:
        raise ValueError(f"must name the rater in up to {_LONGEST_NAME} characters")
    if head.get("test") != key["test"] or head.get("kind") != key["kind"]:
        raise ValueError("belongs to another listening test than this key")
    # As the page does it, for files that were written or changed elsewhere.
    return printable(" ".join(unicodedata.normalize("NFC", rater).split()))


def _checked_rating(entry, key):
    stimulus, scale = entry.get("stimulus"), entry.get("scale")
    if not isinstance(stimulus, str) or stimulus not in key["stimuli"]:
        raise ValueError(f"rates the sound {_shown(stimulus)}, which the test does not have")
    if not isinstance(scale, str) or scale not in key["scales"]:
        raise ValueError(f"rates on the scale {_shown(scale)}, which the test does not have")
    method = METHODS[key["kind"]]
    value = _number(entry, "rating", method.lowest, method.highest, whole=method.whole)
    counts = {
        name: int(_number(entry, name, least, _LARGEST_COUNT, whole=True))
        for name, least in (("trial", 1), ("position", 1), ("plays", 0))
    }
    return Rating(scale, stimulus, value, **counts)


def _number(entry, name, least, most, *, whole):
    value = entry.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Comparisons with NaN are false.
    if not is_number or not least <= value <= most or (whole and not float(value).is_integer()):
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"must have {kind} from {least} to {most} as {name}, got {_shown(value)}")
    return float(value)


def _shown(value):
    text = printable(repr(value))
    return text if len(text) <= 60 else f"{text[:60]}…"


def _parsed(path):
    text = _text(path)
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON ({error})") from None


def _refused(constant):
    raise ValueError(f"it holds {constant}")


def _text(path):
    if is_special(path):
        raise ValueError("is no regular file: pass files that raters saved, or folders of them")
    with path.open("rb") as file:
        data = file.read(_LARGEST_BYTES + 1)
    if len(data) > _LARGEST_BYTES:
        raise ValueError(f"is larger than the {_LARGEST_BYTES / 1e6:.0f} MB of any rating file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is no text in UTF-8") from None
