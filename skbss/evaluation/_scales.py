"""What listeners are asked about, and on which scale they answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """One question of a listening test.

    Attributes
    ----------
    name : str
        What callers call it.
    title : str
        What the page calls it.
    question : str
        Asked of one sound; "this sound" stands where the sound is named.
    hint : str
        What counts and what does not.
    compares : bool
        Whether the question cannot be answered without hearing the true source.
    """

    name: str
    title: str
    question: str
    hint: str
    compares: bool


# The four tasks of Emiya et al. 2011, in their order: the global one comes first, so that the three
# others do not decide what listeners take quality to be.
SCALES = {
    scale.name: scale
    for scale in [
        Scale(
            "quality",
            "Overall quality",
            "How good is {sound} overall?",
            "Everything counts: the target source, other sources, noise of any kind.",
            compares=False,
        ),
        Scale(
            "separation",
            "Suppression of other sources",
            "How well are all other sources kept out of {sound}?",
            "Only other sources count. Leave aside how the target itself sounds, and noise that "
            "no source makes.",
            compares=True,
        ),
        Scale(
            "timbre",
            "Preservation of the target",
            "How well is the target source itself preserved in {sound}?",
            "Only the target counts: is it dull, thin, smeared, partly missing? Leave aside other "
            "sources and added noise.",
            compares=True,
        ),
        Scale(
            "artifacts",
            "Absence of artificial noise",
            "How free is {sound} of noise that no real source makes?",
            "Only added noise counts: warbling, chirping, metallic or watery sounds, clicks. Leave "
            "aside other sources.",
            compares=False,
        ),
    ]
}

LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")


@dataclass(frozen=True)
class Method:
    """How a rating is given.

    Attributes
    ----------
    name : str
        As the page shows it.
    lowest, highest : int
        The ends of the scale; more is better.
    whole : bool
        Whether nothing lies between the labeled values.
    unit : str
        Of the ratings.
    standard : str
        Where the method is described.
    """

    name: str
    lowest: int
    highest: int
    whole: bool
    unit: str
    standard: str


METHODS = {
    "mushra": Method("MUSHRA", 0, 100, False, "points from 0 to 100", "ITU-R BS.1534-3"),
    "mos": Method("MOS", 1, 5, True, "points from 1 to 5", "ITU-T P.800, Annex B"),
}
