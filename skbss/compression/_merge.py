"""Weights as arrays again, and how many numbers they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skbss.compression._low_rank import LowRank
from skbss.compression._low_rank_adaptation import LoRA
from skbss.compression._weights import check_weights


def merge(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Make arrays of weights that `low_rank` or `lora` made.

    Parameters
    ----------
    weights : dict
        Arrays, `LowRank` or `LoRA`.

    Returns
    -------
    merged : dict of array
        The same names; arrays as they were, and the products of what stands for arrays.

    Raises
    ------
    TypeError
        If `weights` is no dict, or holds something else.

    See Also
    --------
    low_rank : Fewer numbers.
    lora : A trainable change of few numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import low_rank, merge
    >>> merge(low_rank({"layer": np.ones((8, 9))}, rank=1))["layer"].shape
    (8, 9)
    """
    check_weights(weights)
    return {
        name: one.merged() if isinstance(one, LowRank | LoRA) else one
        for name, one in weights.items()
    }


def n_parameters(weights: Mapping[str, Any]) -> int:
    """Count the numbers that weights are made of.

    Parameters
    ----------
    weights : dict
        Arrays, `LowRank` or `LoRA`.

    Returns
    -------
    n_parameters : int
        Entries of all arrays; of a `LoRA`, those of its `base` too.

    Raises
    ------
    TypeError
        If `weights` is no dict, or holds something else.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.compression import low_rank, n_parameters
    >>> layer = {"layer": np.ones((80, 90))}
    >>> n_parameters(layer), n_parameters(low_rank(layer, rank=2))
    (7200, 340)
    """
    check_weights(weights)
    total = 0
    for one in weights.values():
        parts: tuple[Any, ...] = (one,)
        if isinstance(one, LowRank):
            parts = (one.left, one.right)
        elif isinstance(one, LoRA):
            parts = (one.base, one.A, one.B)
        total += sum(int(np.prod(np.shape(part))) for part in parts)
    return total
