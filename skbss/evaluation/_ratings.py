"""What listeners said."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skbss.evaluation._agreement import intraclass_correlations, krippendorff_alpha
from skbss.evaluation._rating_files import is_special, read_key, read_rating_file
from skbss.evaluation._scales import METHODS, SCALES
from skbss.evaluation._screening import missed_references, overrated_anchors

_MOST_FILES = 10_000


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of a listening test, with the names of the systems.

    Made by `read_ratings`.

    Parameters
    ----------
    rows : list of dict
        One per rater, scale and sound, with the keys of the rows of `evaluate`: ``task``,
        ``system``, ``seed`` (None), ``source``, ``metric`` ("listening_quality" and so on),
        ``value``, ``unit``, ``definition``, ``seconds`` (None), ``oracle`` (whether it is the
        hidden reference), ``error`` (None); and ``rater``, ``hidden_reference``, ``anchor``
        (whether the sound is one), ``trial``, ``position`` and ``plays``: when the rater was asked,
        and how often the sound was played.
    kind : {"mushra", "mos"}
        How raters answered.

    See Also
    --------
    read_ratings : From files.
    listening_test : The page that raters use.

    Examples
    --------
    >>> from skbss.evaluation import Ratings
    >>> def row(rater, system, value):
    ...     return {
    ...         "task": "song", "source": "voice", "system": system, "rater": rater,
    ...         "metric": "listening_quality", "value": value, "anchor": False,
    ...         "hidden_reference": system == "reference",
    ...     }
    >>> ratings = Ratings(
    ...     [
    ...         row("Ann", "reference", 100), row("Ann", "NMF", 40), row("Ann", "oracle", 80),
    ...         row("Bob", "reference", 50), row("Bob", "NMF", 90), row("Bob", "oracle", 30),
    ...     ],
    ...     "mushra",
    ... )
    >>> ratings.failed_raters()
    ['Bob']
    >>> ratings.without(ratings.failed_raters()).raters
    ['Ann']
    """

    rows: list
    kind: str

    @property
    def raters(self) -> list[str]:
        """Names of the raters, sorted."""
        return sorted({row["rater"] for row in self.rows})

    def __repr__(self):
        n_sounds = len({_unit_of(row) for row in self.rows})
        return (
            f"Ratings({len(self.rows)} by {len(self.raters)} raters of {n_sounds} sounds, "
            f"{METHODS[self.kind].name})"
        )

    def without(self, raters):
        """The ratings of all other raters.

        Parameters
        ----------
        raters : collection of str
            Whose ratings are left out, such as those of `failed_raters`.

        Returns
        -------
        ratings : Ratings
            The others.

        Raises
        ------
        TypeError
            If `raters` is one str.
        ValueError
            If there is no such rater.
        """
        if isinstance(raters, str):
            raise TypeError(f"raters must be a collection of str, got the str {raters!r}.")
        unknown = set(raters) - set(self.raters)
        if unknown:
            raise ValueError(f"There are no ratings by {min(unknown)!r}.")
        left_out = set(raters)
        return Ratings([row for row in self.rows if row["rater"] not in left_out], self.kind)

    def agreement(self, *, only_systems=True):
        """How far raters agree, scale by scale.

        Parameters
        ----------
        only_systems : bool, default=True
            Whether the hidden reference and the anchors are left out. They are made to be told
            apart, so that agreement on them says little about agreement on the systems.

        Returns
        -------
        rows : list of dict
            One per scale: ``metric``; ``n_raters``; ``n_sounds``; ``n_ratings``; ``alpha``,
            Krippendorff's alpha for interval data [1]_, which needs no rater to have rated
            everything; ``n_complete``, the number of sounds that every rater rated, and over
            those ``icc_single`` and ``icc_average``, the intraclass correlations ICC(2,1) and
            ICC(2,k) [2]_ : how reliable one rater is, and the mean of all of them. 1 is perfect
            agreement and 0 that of chance; negative values are possible.

        Warns
        -----
        UserWarning
            If a coefficient is NaN: there are fewer than two raters or sounds to compare, or all
            ratings are the same.

        References
        ----------
        .. [1] K. Krippendorff, "Computing Krippendorff's alpha-reliability", 2011.
        .. [2] P. E. Shrout and J. L. Fleiss, "Intraclass correlations: uses in assessing rater
           reliability", Psychological Bulletin 86(2), 1979.
        """
        found = []
        for metric in self._metrics():
            rows = [row for row in self.rows if row["metric"] == metric]
            if only_systems:
                rows = [row for row in rows if not row["hidden_reference"] and not row["anchor"]]
            table = _table(rows, self.raters)
            complete = table[:, np.isfinite(table).all(axis=0)]
            single, average = intraclass_correlations(complete)
            coefficients = {
                "alpha": krippendorff_alpha(table),
                "icc_single": single,
                "icc_average": average,
            }
            undefined = [name for name, value in coefficients.items() if np.isnan(value)]
            if undefined:
                warnings.warn(
                    f"{', '.join(undefined)} of {metric} can not be computed: too few raters or "
                    "sounds, or no difference between the ratings.",
                    UserWarning,
                    stacklevel=2,
                )
            found.append(
                {
                    "metric": metric,
                    "n_raters": len({row["rater"] for row in rows}),
                    "n_sounds": table.shape[1],
                    "n_ratings": len(rows),
                    "alpha": coefficients["alpha"],
                    "n_complete": complete.shape[1],
                    "icc_single": single,
                    "icc_average": average,
                }
            )
        return found

    def failed_raters(self, *, reference_below=90, anchor_above=90, share=0.15):
        """Who did not hear what everybody should: post-screening by ITU-R BS.1534-3.

        A rater fails who in more than 15 % of the trials rates the hidden reference below 90, or
        the anchor "low_pass_7000" above 90. For the anchor those trials count that ask for overall
        quality or the preservation of the target, and in which no more than a quarter of all
        raters gave so much: else that sound hardly suffers without high frequencies.

        Parameters
        ----------
        reference_below, anchor_above : float, default=90
            What the hidden reference and the anchor must reach and must not exceed.
        share : float, default=0.15
            Of the trials in which this may go wrong, from 0 to 1.

        Returns
        -------
        raters : list of str
            Their names, sorted.

        Raises
        ------
        ValueError
            If the ratings are no MUSHRA ratings, for which alone the rule is made, or `share` is
            not between 0 and 1.

        See Also
        --------
        Ratings.without : The ratings of the others.

        References
        ----------
        .. [1] ITU-R BS.1534-3, "Method for the subjective assessment of intermediate quality level
           of audio systems", 2015, section 4.1.2.
        """
        if self.kind != "mushra":
            raise ValueError(
                f"Raters can only be screened by MUSHRA ratings, these are of kind {self.kind!r}."
            )
        if not 0 <= share <= 1:
            raise ValueError(f"share must be from 0 to 1, got {share!r}.")
        failed = missed_references(self.rows, reference_below, share)
        return sorted(failed | overrated_anchors(self.rows, anchor_above, share))

    def _metrics(self):
        found = {row["metric"] for row in self.rows}
        return [metric for metric in map("listening_{}".format, SCALES) if metric in found]


def read_ratings(files, key):
    """Read what raters saved, and name what they rated.

    Parameters
    ----------
    files : path-like or sequence of path-like
        JSON or CSV files that the page of `listening_test` saved, or folders of them, whose
        sub-folders are passed over. The two files of one rater are taken as one.
    key : path-like
        The ``key.json`` of the test, or the folder that holds it.

    Returns
    -------
    ratings : Ratings
        All ratings, sorted by rater, and within by scale, item and system.

    Raises
    ------
    OSError
        If a file can not be read.
    ValueError
        If there is no file, a file is no regular one, holds no valid ratings, belongs to another
        test, or two different ones are by the same rater. The message names the file.

    See Also
    --------
    listening_test : Writes the page and its key.
    Ratings : What comes back.

    Notes
    -----
    Rating files come from others: they are bounded in size, every value is checked against the key,
    and nothing of them is executed.

    Raters are told apart by the names they entered. Spaces around them, repeated spaces and the way
    in which accents are encoded do not matter; capital letters do: "Ann" and "ann" are two raters.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skbss.evaluation import listening_test, read_ratings
    >>> tone = np.sin(0.2 * np.arange(8000))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     test = Path(folder) / "test"
    ...     _ = listening_test(
    ...         {"halved": {"tone": tone**3}}, {"tone": tone}, test, sample_rate=8000,
    ...         scales=["quality"],
    ...     )
    ...     key = json.loads((test / "key.json").read_text())
    ...     # What the page saves after a rater gave 100 points to everything:
    ...     saved = {
    ...         "format": "skbss-listening-test-ratings", "version": 1, "rater": "Ann",
    ...         "test": key["test"], "kind": "mushra",
    ...         "ratings": [
    ...             {"trial": 1, "position": position, "scale": "quality", "stimulus": stimulus,
    ...              "plays": 2, "rating": 100}
    ...             for position, stimulus in enumerate(key["stimuli"], start=1)
    ...         ],
    ...     }
    ...     _ = (Path(folder) / "ann.json").write_text(json.dumps(saved))
    ...     ratings = read_ratings(Path(folder) / "ann.json", test)
    >>> [(row["system"], row["value"]) for row in ratings.rows]
    [('halved', 100.0), ('reference', 100.0), ('musical_noise', 100.0)]
    """
    key_path, key = read_key(key)
    paths = _listed(files, key_path)
    found: dict[str, tuple] = {}
    for path in paths:
        rater, ratings = read_rating_file(path, key)
        ratings = {(rating.scale, rating.stimulus): rating for rating in ratings}
        earlier = found.setdefault(rater, (path, ratings))
        if earlier[1] != ratings:
            raise ValueError(
                f"'{earlier[0]}' and '{path}' hold different ratings by {rater!r}: keep one of "
                "them, or change the rater's name in one."
            )
    order = [(scale, stimulus) for scale in key["scales"] for stimulus in key["stimuli"]]
    rows = [
        _row(rater, ratings[place], key)
        for rater, (_, ratings) in sorted(found.items())
        for place in order
        if place in ratings
    ]
    return Ratings(rows, key["kind"])


def _listed(files, key_path):
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    paths = []
    for path in map(Path, given):
        if not path.is_dir():
            paths.append(path)
            continue
        paths += sorted(
            each
            for each in path.iterdir()
            if each.suffix.lower() in (".json", ".csv")
            and not is_special(each)
            and not each.samefile(key_path)
        )
    if not paths:
        where = ", ".join(f"'{path}'" for path in given) or "an empty sequence"
        raise ValueError(f"There are no files of ratings in {where}.")
    if len(paths) > _MOST_FILES:
        raise ValueError(f"files must be at most {_MOST_FILES}, got {len(paths)}.")
    return paths


def _row(rater, rating, key):
    stimulus = key["stimuli"][rating.stimulus]
    item, method = key["items"][stimulus["item"]], METHODS[key["kind"]]
    return {
        "task": item["task"],
        "system": stimulus["system"],
        "seed": None,
        "source": item["source"],
        "metric": f"listening_{rating.scale}",
        "value": rating.value,
        "unit": method.unit,
        "definition": f"{SCALES[rating.scale].title}, {method.name} ({method.standard}), "
        "higher is better",
        "seconds": None,
        "oracle": stimulus["role"] == "reference",
        "error": None,
        "rater": rater,
        "hidden_reference": stimulus["role"] == "reference",
        "anchor": stimulus["role"] == "anchor",
        "trial": rating.trial,
        "position": rating.position,
        "plays": rating.plays,
    }


def _unit_of(row):
    return row["task"], row["source"] or "", row["system"]


def _table(rows, raters):
    """Ratings of shape (n_raters, n_units), NaN where there is none."""
    units = {unit: k for k, unit in enumerate(sorted({_unit_of(row) for row in rows}))}
    place = {rater: k for k, rater in enumerate(raters)}
    table = np.full((len(raters), len(units)), np.nan)
    for row in rows:
        table[place[row["rater"]], units[_unit_of(row)]] = row["value"]
    return table
