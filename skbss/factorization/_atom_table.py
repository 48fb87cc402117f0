"""Which atoms make up which source, as kernels take it."""

import numpy as np


def atom_table(labels, n_sources):
    """The atoms of every source, in the form that the kernels take.

    Parameters
    ----------
    labels : ndarray of shape (n_components,)
        The source of every atom.
    n_sources : int
        Number of sources.

    Returns
    -------
    atoms : ndarray of shape (n_sources, most)
        Filled up with ``n_components``. `most` is a power of two, so that groupings share
        compiled programs.
    """
    counts = np.bincount(labels, minlength=n_sources)
    most = 1 << int(counts.max() - 1).bit_length()
    atoms = np.full((n_sources, most), len(labels), np.int32)
    for source, row in enumerate(atoms):
        own = np.flatnonzero(labels == source)
        row[: len(own)] = own
    return atoms
