"""Strings that come from files, made safe to show."""


def printable(text: str) -> str:
    r"""Text in which every character can be seen.

    File names and tags are chosen by others. Control characters (terminal escape sequences, line
    breaks), marks that turn the writing direction and bytes that are no text are written as
    backslash escapes, as Python writes them; all other characters stay, of whatever script.
    Markup is left alone: where text becomes HTML, the template escapes it.

    Parameters
    ----------
    text : str
        Any string, lone surrogates of undecodable file names included.

    Returns
    -------
    str
        The text on one line, safe to encode as UTF-8.

    Examples
    --------
    >>> print(printable("naïve\x1b[31m song\n.wav"))
    naïve\x1b[31m song\n.wav
    """
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )
