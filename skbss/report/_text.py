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


def count(number: int, what: str) -> str:
    """A number of things in words.

    Parameters
    ----------
    number : int
        How many.
    what : str
        One of them, whose plural ends in "s".

    Returns
    -------
    str
        Such as "1 system" or "2 systems".

    Examples
    --------
    >>> count(1, "system"), count(0, "task")
    ('1 system', '0 tasks')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def spreadsheet_cell(text: str) -> str:
    """Text for a cell of a CSV file that no spreadsheet takes for a formula.

    Parameters
    ----------
    text : str
        A name that others chose.

    Returns
    -------
    str
        With an apostrophe before it where it begins with ``=``, ``+``, ``-``, ``@``, a tab, a
        carriage return, or an apostrophe itself, so that exactly one is to be taken off again.

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("drums")
    ("'=1+1", 'drums')
    """
    return f"'{text}" if text.startswith(("'", "=", "+", "-", "@", "\t", "\r")) else text
