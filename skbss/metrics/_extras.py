"""Packages that are not installed with skbss unless asked for."""

import importlib


def imported(module, needed_by, package, extra):
    """A module of an optional package.

    Parameters
    ----------
    module : str
        Name of the module.
    needed_by : str
        What is to be computed, for the message.
    package : str
        That holds the module.
    extra : str
        Of skbss, that installs it.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed; the message says what to do.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{needed_by} needs the package {package}, which can not be imported ({error}): "
            f'pip install "skbss[{extra}]"'
        ) from error
