"""What unmixes recordings in which microphones hear filtered sources, and mixes them again."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from skbss.frontend._framing import Framing
from skbss.separation._descent import Descent


@dataclass(frozen=True, eq=False)
class ConvolutiveUnmixing(ABC):
    """What finds the sources, their gains in the channels, and how both were found.

    Attributes
    ----------
    unmixing : ndarray
        What finds the sources, which one of its axes counts.
    mixing : ndarray of shape (n_freqs, n_channels, n_sources)
        Their gains in the channels, by decreasing energy.
    framing : Framing
        The frames of the gains.
    objectives : tuple of float
        At the start, at iterations 10, 20 … and at the last.
    n_iter : int
        Number of iterations.
    converged : bool
        Whether they came to rest.
    """

    unmixing: np.ndarray
    mixing: np.ndarray
    framing: Framing
    objectives: tuple[float, ...]
    n_iter: int
    converged: bool

    # The axis of `unmixing` that counts sources.
    source_axis: ClassVar[int]

    @classmethod
    def found(cls, unmixing, mixing, energies, framing: Framing, descent: Descent) -> Self:
        """What a descent came to, the sources by decreasing energy.

        Parameters
        ----------
        unmixing, mixing : ndarray
            In any order of the sources.
        energies : ndarray of shape (n_sources,)
            Of their images.
        framing : Framing
            The frames of the gains.
        descent : Descent
            How they were found.

        Returns
        -------
        unmixing : ConvolutiveUnmixing
        """
        order = np.argsort(-energies, kind="stable")
        return cls(
            np.take(unmixing, order, axis=cls.source_axis),
            mixing[:, :, order],
            framing,
            descent.objectives,
            descent.n_iter,
            descent.done,
        )

    @abstractmethod
    def images(self, x):
        """What every source contributes to every channel.

        Parameters
        ----------
        x : array of shape (n_channels, length)
            Waveforms.

        Returns
        -------
        images : array of shape (n_sources, n_channels, length)
        """

    def with_silent_sources(self, count) -> Self:
        """The same with more sources, in which there is nothing.

        Parameters
        ----------
        count : int
            How many more.

        Returns
        -------
        unmixing : ConvolutiveUnmixing
        """
        more = [(0, 0)] * self.unmixing.ndim
        more[self.source_axis] = (0, count)
        return replace(
            self,
            unmixing=np.pad(self.unmixing, more),
            mixing=np.pad(self.mixing, ((0, 0), (0, 0), (0, count))),
        )
