"""What a result was made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

from skbss._version import __version__

_PACKAGES = ("jax", "numpy", "scipy", "scikit-learn", "librosa")


def software_versions() -> dict[str, str]:
    """Name and version of what decides the numbers: skbss, its numerical packages, the platform.

    No user, host or folder is named, so the result can be published.

    Returns
    -------
    dict of str to str
        For example ``{"skbss": "0.1.0", "jax": "0.10.2", ..., "platform": "Linux x86_64"}``.

    Examples
    --------
    >>> sorted(software_versions())[:3]
    ['jax', 'librosa', 'numpy']
    """
    versions = {"skbss": __version__}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    versions["python"] = platform.python_version()
    versions["platform"] = f"{platform.system()} {platform.machine()}".strip()
    return versions
