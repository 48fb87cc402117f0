"""Compiled programs on disk, for those who ask for it."""

import tempfile
from os import PathLike
from pathlib import Path

import jax
import platformdirs
from jax.experimental.compilation_cache import compilation_cache


def enable_compilation_cache(folder: str | PathLike[str] | None = None) -> Path:
    """Keep compiled programs on disk, so that later processes need not compile them again.

    The first fit of a size compiles programs, which takes seconds; with the cache a later process
    that fits data of that size only reads them. This is a setting of JAX and
    of the whole process: what other libraries compile with JAX is kept too. Call it before the
    first fit.

    Parameters
    ----------
    folder : path-like, default=None
        Where to keep the programs; it is made if it is missing. None takes the folder for caches
        that the operating system gives to the user, such as ``~/.cache/skbss/programs``. Programs
        are run as they are found: nobody else should be able to write there.

    Returns
    -------
    folder : pathlib.Path
        The folder, absolute. It can be deleted at any time.

    Raises
    ------
    ValueError
        If the name of the folder is empty.
    OSError
        If the folder can not be made, or nothing can be written there.

    Notes
    -----
    skbss never switches this on by itself. Without changing a program, the environment variables
    ``JAX_COMPILATION_CACHE_DIR`` and ``JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0`` do the same.
    Entries are made for one version of JAX and one kind of processor, and are not used by others.

    Examples
    --------
    >>> import skbss
    >>> folder = skbss.enable_compilation_cache()  # doctest: +SKIP
    """
    if folder is None:
        folder = Path(platformdirs.user_cache_dir("skbss", appauthor=False)) / "programs"
    elif not str(folder):
        raise ValueError(
            "folder is an empty name. Name a folder, or leave it out for the cache of the user."
        )
    folder = Path(folder).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder: programs need one to be kept in.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # JAX would only warn, of every program.
    with tempfile.TemporaryFile(dir=folder):
        pass
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # JAX keeps only what took long or is large: a fit is made of many small programs.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # JAX decides at its first program whether there is a cache, and never again.
    compilation_cache.reset_cache()
    return folder
