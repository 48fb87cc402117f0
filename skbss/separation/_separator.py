"""Separation of recordings by dictionaries, blind or trained."""

import copy
import numbers
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.device import is_jax_array, precision
from skbss._runtime.row_streams import yields_blocks
from skbss._runtime.waveforms import check_sources, check_waveforms
from skbss.factorization import BetaNMF
from skbss.factorization._atom_table import atom_table
from skbss.factorization._online_base import OnlineNMF
from skbss.masking._factorizer import (
    check_factorizer,
    check_mask_exponent,
    check_parents,
    check_same_sample_rate,
    frames_of_atoms,
    hears_frames_alone,
    spectrum_exponent,
    told_apart,
)
from skbss.masking._grouping import check_sample_rate, given_labels
from skbss.masking._level import level_of
from skbss.separation._clip import (
    lengths_of_rows,
    separate,
    separate_by_function,
    separate_by_shares,
    spectrogram_rows,
)
from skbss.separation._dictionaries import check_can_hold_components
from skbss.separation._in_chunks import activations_of_chunk, chunks_of, level_of_recording
from skbss.separation._learning import (
    Learning,
    knows_one_source,
    learn_blind,
    learn_blind_in_blocks,
    learn_from_mixtures,
    learn_one_source,
    learn_semi_supervised,
    learn_supervised,
    learns_from_mixtures,
)
from skbss.separation._parts import resolve_front_end, usual_front_end, with_made_parts
from skbss.separation._score import check_enough_estimates, mean_si_sdr
from skbss.separation._suspicions import warn_if_channels_are_clips
from skbss.separation._transposition import check_transpositions, with_transpositions


class Separator(TransformerMixin, BaseEstimator):
    r"""Sources of recorded mixtures: analysis, factorization, masks and synthesis in one.

    The spectrogram of a mixture is modeled by non-negative activations of a dictionary,
    :math:`|X|^a \approx W H`; the atoms of every source make up its model, and soft masks share
    the mixture in proportion to the models, as `WienerMask` describes. How the dictionary comes
    about:

    - Blind, ``fit(mixtures)``: it is learned from the mixtures, and its atoms are grouped into
      sources.
    - Supervised, ``fit(mixtures, sources)``: one dictionary is learned from the isolated
      recordings of every source; all together explain new mixtures.
    - Semi-supervised, ``fit(mixtures, sources)`` with more `n_sources` than are given: the known
      dictionaries are held while more atoms are learned from the mixtures, for the others.
      With `VAENMF` the first source is learned by a network, and the rest is found in each
      mixture when it is separated: `y` holds that source alone if `n_sources` is 2, or both, of
      which the second only counts for `score`.

    Parameters
    ----------
    factorizer : estimator, default=None
        Factorization of a non-negative matrix; by default
        ``BetaNMF(24, beta_loss="kullback-leibler", max_iter=500)``. Its `n_components` are the
        atoms of all sources together when blind, and of each source otherwise, when it also needs
        a parameter `fixed_components`.
    stft : STFT, default=None
        The front end; its `output` has no influence. By default, frames of 46 ms or what power of
        two comes nearest if `sample_rate` is given, else ``STFT()``.
    n_sources : int, default=None
        Number of sources, known and unknown. By default as many as `y` holds; blind, every atom
        is a source.
    grouping : str, clusterer or array, default="auto"
        Which atoms make up a source, as in `WienerMask`. With several unknown sources beside
        known ones, it applies to the atoms of the unknown.
    mask_exponent : float, default=1.0
        Exponent of the magnitudes in the mask, as in `WienerMask`.
    spectrum : {"auto", "magnitude", "power"} or float, default="auto"
        What is factorized, as in `WienerMask`.
    sample_rate : float, default=None
        In Hz; decides on the frames, unless there is an `stft`, and places the mel bands and the
        seconds of the groupings, by default as for 22050 Hz.
    supervised : bool, default=True
        Whether `fit` learns from `y` where there is one. False leaves `y` to `score`: for a search
        over the parameters of a blind separator.
    transpositions : sequence of float, default=None
        Semitones by which isolated sources are also learned, between -24 and 24: as played faster
        and slower. Dictionaries then know pitches that the training recordings lack: worth a
        few dB for melodic sources (-2, -1, 1 and 2), some tenths between voices (-1 and 1), and a
        loss between speech and noise. A `ValueError` where there is no `y` to learn from.
    random_state : int, RandomState instance or None, default=None
        Seed of the clustering, and of the factorizer if that has none.

    Attributes
    ----------
    components_ : array of shape (n_components, [template_length,] n_freqs) or None
        Spectra of all atoms; None for a factorizer without any that all mixtures share: `VAENMF`,
        and `DeepUnfoldedNMF` with ``unfolding="both"``.
    atom_source_ : ndarray of shape (n_components,) or None
        The source of every atom. Known sources come first, in the order of `y`; the others follow
        by decreasing energy, unless the labels are given, or every atom is a source when blind.
    n_sources_ : int
        Number of sources.
    n_known_sources_ : int
        How many of them were learned from isolated recordings.
    factorizer_ : estimator
        The fitted factorizer, which finds the activations of all atoms.

    See Also
    --------
    skbss.WienerMask : The step in the middle, on complex spectra.
    skbss.metrics.si_sdr : What `score` is the mean of.

    Notes
    -----
    Every clip is brought to unit level before the factorization and back after it; the isolated
    sources of a clip share one level. Results therefore do not depend on the level of recordings.
    Channels share the dictionary; each has its own activations. A clip of any length is separated
    in bounded memory beyond its activations, its spectrogram and the result.

    References
    ----------
    .. [1] T. Virtanen, "Monaural sound source separation by nonnegative matrix factorization with
       temporal continuity and sparseness criteria", IEEE TASLP 15(3), 2007.
    .. [2] M. N. Schmidt and R. K. Olsson, "Single-channel speech separation using sparse
       non-negative matrix factorization", Interspeech 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF, Separator, STFT
    >>> time = np.arange(16000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [1500]]) * time)
    >>> sources *= np.array([time < 1.2, time > 0.8])
    >>> mixture = sources.sum(axis=0)
    >>> separator = Separator(
    ...     BetaNMF(2, beta_loss="kullback-leibler"), stft=STFT(512), random_state=0
    ... )
    >>> estimates = separator.fit_transform(mixture)
    >>> estimates.shape
    (2, 16000)
    >>> bool(np.allclose(estimates.sum(axis=0), mixture))
    True
    >>> separator.score(mixture, sources) > 20
    True
    """

    def __init__(
        self,
        factorizer=None,
        *,
        stft=None,
        n_sources=None,
        grouping="auto",
        mask_exponent=1.0,
        spectrum="auto",
        sample_rate=None,
        supervised=True,
        transpositions=None,
        random_state=None,
    ):
        self.factorizer = factorizer
        self.stft = stft
        self.n_sources = n_sources
        self.grouping = grouping
        self.mask_exponent = mask_exponent
        self.spectrum = spectrum
        self.sample_rate = sample_rate
        self.supervised = supervised
        self.transpositions = transpositions
        self.random_state = random_state

    def set_params(self, **params):
        """Set parameters of the separator and, as ``factorizer__…`` and ``stft__…``, of its parts.

        Parameters
        ----------
        **params : dict
            As everywhere in scikit-learn; a part that was left to its default comes into being
            with the first parameter that is set on it.

        Returns
        -------
        self : Separator
            The estimator itself.
        """
        sample_rate = params.get("sample_rate", self.sample_rate)

        def front_end():
            check_sample_rate(sample_rate)
            return usual_front_end(sample_rate)

        made = with_made_parts(self, params, factorizer=_default_factorizer, stft=front_end)
        return super().set_params(**made)

    def fit(self, X, y=None):
        """Learn the dictionary.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures; a list may hold clips of unequal length. One dictionary is learned from
            all clips and channels. `MiniBatchBetaNMF` and `MiniBatchSparseNMF` also learn, blindly,
            from a single one that comes in blocks of shape ([n_channels,] n), the same every time
            that it is iterated over; beyond its activations, memory does not grow with its length.
        y : array of shape (n_clips, n_sources, [n_channels,] length) or list, default=None
            Isolated sources of the mixtures, without the first axis where `X` is one clip.

        Returns
        -------
        self : Separator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or holds NaN or infinity, or `y` does
            not fit to `X`.

        Warns
        -----
        ConvergenceWarning
            If the factorizer stops at its `max_iter`.
        UserWarning
            If the channels of one clip seem to be passed as clips, if there are fewer frames
            than atoms to learn from them, or if a factorizer that leaves out atoms leaves none to
            an unknown source, which is silent then.
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X, y=None):
        """Learn the dictionary and separate the mixtures.

        Parameters
        ----------
        X : array or list
            As in `fit`.
        y : array or list, default=None
            As in `fit`.

        Returns
        -------
        sources : array or list of arrays
            As in `transform`. Activations that the factorizer's ``fit_transform`` returned are
            not computed again.
        """
        clips, activations = self._fit(X, y)
        if clips is None:
            return self._separated_in_chunks(X, *activations)
        return clips.gather(self._separated(clips, activations or self._activations(clips)))

    def transform(self, X):
        """Separate mixtures.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures of any length. A single one that does not fit into memory can be iterated over
            by blocks of shape ([n_channels,] n), in the order of time: by whatever yields the same
            blocks every time, which is gone through twice, or by an iterator, whose first block
            then has to be as loud as the rest, as far as that matters to the factorizer.

        Returns
        -------
        sources : array of shape ([n_clips,] n_sources, [n_channels,] length), or list of arrays
            Of the length and precision of the mixtures, to which they add up; a list for clips of
            unequal length, a JAX array where `X` is one. Silence gives silence. For blocks, an
            iterator of NumPy arrays of shape (n_sources, [n_channels,] n), of other lengths than
            the blocks of `X`, in the precision of the first one, and, together, equal to rounding
            to the sources of the whole.

        Raises
        ------
        TypeError
            If `X` comes in blocks, and frames of the factorizer depend on others.
        ValueError
            If a clip is empty or holds NaN or infinity.
        """
        check_is_fitted(self)
        if yields_blocks(X):
            self._check_frames_alone()
            # A fit that comes later is not for what is computed later.
            return copy.copy(self)._separated_in_chunks(X)
        clips = check_waveforms(X)
        return clips.gather(self._separated(clips, self._activations(clips)))

    def activations(self, X):
        """How loud every atom is in every frame.

        Parameters
        ----------
        X : array or list
            As in `transform`, but in memory.

        Returns
        -------
        W : array of shape ([n_clips,] [n_channels,] n_frames, n_components), or list of arrays
            ``W @ components_`` models the magnitude or power spectrogram, in units of the
            waveform times the norm of the window, or their square. Frames are those of the
            front end, of which `transform` uses up to a hop more at the end, and more at both
            ends if they are not centered.
        """
        check_is_fitted(self)
        if self.components_ is None:
            raise TypeError(
                f"This {type(self.factorizer_).__name__} has no atoms that all mixtures share: "
                "there are no activations of them."
            )
        clips = check_waveforms(X)
        return self._with_levels(clips, self._activations(clips))

    @property
    def components_(self):
        """Spectra of the atoms that all mixtures share; None if the factorizer has none."""
        components: Any = getattr(self.factorizer_, "components_", None)
        return components

    def as_function(self):
        """The separation by a trained network as a pure function of its weights and the mixture.

        Returns
        -------
        separate : callable
            ``separate(weights, x)`` is ``transform(x)`` with these weights: front end, layers,
            masks and inverse front end, from a JAX array of shape ([n_channels,] length) to one of
            shape (n_sources, [n_channels,] length). It can be compiled, differentiated by weights
            and mixtures, and mapped over clips; nothing is checked.
        weights : dict of array
            Those that were learned. ``factorizer_.replace_weights`` takes others.

        Raises
        ------
        TypeError
            If the factorizer is not trained with mixtures, as `DeepUnfoldedNMF` is.
        """
        check_is_fitted(self)
        if not learns_from_mixtures(self.factorizer_):
            raise TypeError(
                f"{type(self.factorizer_).__name__} has no weights that are trained with mixtures: "
                "as_function is for Separator(DeepUnfoldedNMF())."
            )
        framing = self._settings()[1]
        of_spectra, weights = self.factorizer_.as_function()

        def separate(weights, x):
            return separate_by_function(x, partial(of_spectra, weights), framing=framing)

        return separate, weights

    def score(self, X, y):
        """Mean scale-invariant signal-to-distortion ratio of the separated mixtures.

        Known sources are compared in their order, the others in the order that fits best in each
        clip. Channels count as one long signal.

        Parameters
        ----------
        X : array or list
            Mixtures, as in `transform`, but in memory.
        y : array or list
            Their true sources, as in `fit`; there may be fewer than the separator finds.

        Returns
        -------
        score : float
            Mean over clips and sources in dB, without sources that are silent; NaN if an
            estimate is silent whose source is not, or all sources are silent.
        """
        check_is_fitted(self)
        clips = check_waveforms(X)
        references = check_sources(y, clips)
        check_enough_estimates(len(references[0]), self.n_sources_)
        estimates = self._separated(clips, self._activations(clips))
        return mean_si_sdr(references, estimates, self.n_known_sources_)

    def _settings(self):
        """The factorizer, the framing and the exponent of the spectrogram."""
        factorizer = _default_factorizer() if self.factorizer is None else self.factorizer
        check_sample_rate(self.sample_rate)
        framing = resolve_front_end(self.stft, self.sample_rate)
        if not isinstance(self.supervised, bool | np.bool_):
            raise TypeError(f"supervised must be True or False, got {self.supervised!r}.")
        return factorizer, framing, spectrum_exponent(self.spectrum, factorizer)

    def _fit(self, X, y):
        """Learn; the checked clips, and the activations of each if they are known."""
        factorizer, framing, exponent = self._settings()
        check_mask_exponent(self.mask_exponent)
        semitones = check_transpositions(self.transpositions)
        random_state = check_random_state(self.random_state)
        in_blocks = yields_blocks(X)
        clips: Any = None if in_blocks else check_waveforms(X)
        sources = None
        if in_blocks:
            self._check_learns_in_blocks(factorizer, X, y, semitones)
        elif y is not None and self.supervised:
            sources = check_sources(y, clips)
            warn_if_channels_are_clips(clips, sources)
        elif semitones:
            raise ValueError(
                f"transpositions={self.transpositions!r} are of isolated sources, but nothing is "
                "learned from any: pass them to fit as y, leave supervised True, or set "
                "transpositions=None."
            )
        n_free = self._check_sources_wanted(factorizer, len(sources[0]) if sources else 0)
        check_same_sample_rate(factorizer, self.sample_rate)
        way = Learning(factorizer, framing, exponent, self.grouping, self.sample_rate, random_state)
        if in_blocks:
            learned = learn_blind_in_blocks(way, X, n_free)
        elif not sources:
            learned = learn_blind(way, clips, n_free)
        else:
            sources, origins = with_transpositions(sources, semitones)
            if knows_one_source(factorizer):
                self._check_untouched_masks(factorizer, exponent)
                learned = learn_one_source(way, sources, origins)
            elif learns_from_mixtures(factorizer):
                self._check_trainable(factorizer, exponent, n_free)
                mixtures, _ = with_transpositions(clips.each(), semitones)
                learned = learn_from_mixtures(way, mixtures, sources, origins)
            elif n_free:
                learned = learn_semi_supervised(way, clips, sources, n_free)
            else:
                learned = learn_supervised(way, sources)
        self.factorizer_ = learned.factorizer
        self.atom_source_ = learned.atom_source
        self.n_sources_, self.n_known_sources_ = learned.n_sources, learned.n_known
        return clips, learned.activations

    def _check_learns_in_blocks(self, factorizer, X, y, semitones):
        name = type(factorizer).__name__
        if not isinstance(factorizer, OnlineNMF):
            raise TypeError(
                f"{name} learns from all frames at once: pass the recording whole, or take a "
                "MiniBatchBetaNMF or MiniBatchSparseNMF to learn from it block by block."
            )
        if isinstance(X, Iterator):
            raise TypeError(
                "A recording is gone through more than once to learn from it: pass something that "
                "yields its blocks every time, instead of an iterator."
            )
        if (y is not None and self.supervised) or semitones:
            raise ValueError(
                "A recording in blocks is separated blindly: leave out y and transpositions, or "
                "fit with recordings that are whole. transform takes blocks all the same."
            )

    def _check_sources_wanted(self, factorizer, n_known):
        """Refuse impossible numbers of sources; the number of unknown ones, None if open."""
        trained, alone = learns_from_mixtures(factorizer), knows_one_source(factorizer)
        if not n_known and (trained or alone):
            raise ValueError(
                f"{type(factorizer).__name__} is trained with isolated sources: pass them to fit "
                "as y, and leave supervised True."
            )
        if alone:
            n_sources = n_known if self.n_sources is None else self.n_sources
            if n_known > 2 or n_sources != 2:
                raise ValueError(
                    f"{type(factorizer).__name__} separates one source from the rest: n_sources="
                    f"{self.n_sources!r} must be 2, and y hold that source, or it and the rest; "
                    f"got {n_known} sources."
                )
            return 2 - n_known
        if not n_known:
            check_factorizer(factorizer, self.n_sources)
            check_parents(factorizer, self.grouping, self.n_sources)
            n_components = getattr(factorizer, "n_components", None)
            if isinstance(n_components, numbers.Integral):
                given_labels(self.grouping, n_components, self.n_sources)
            return self.n_sources
        if isinstance(self.grouping, str):
            given_labels(self.grouping, 0, None)
            if self.grouping == "parents":
                raise ValueError(
                    "grouping='parents' cannot group unknown sources beside known ones, whose "
                    "components are learned without levels: leave out y, or choose another "
                    "grouping."
                )
        check_factorizer(factorizer, None, may_be_trained=True)
        if not trained:
            check_can_hold_components(factorizer)
        if self.n_sources is None:
            return 0
        if isinstance(self.n_sources, bool) or not isinstance(self.n_sources, numbers.Integral):
            raise TypeError(
                f"n_sources must be an instance of int or None, got {self.n_sources!r}."
            )
        if self.n_sources < n_known:
            raise ValueError(
                f"n_sources={self.n_sources} must count all sources, but y holds {n_known}."
            )
        return self.n_sources - n_known

    def _check_trainable(self, factorizer, exponent, n_free):
        name = type(factorizer).__name__
        if n_free:
            raise ValueError(
                f"{name} is trained with all sources of the mixtures: n_sources={self.n_sources} "
                "must be as many as y holds."
            )
        self._check_untouched_masks(factorizer, exponent)

    def _check_untouched_masks(self, factorizer, exponent):
        name = type(factorizer).__name__
        if exponent != 1 or self.mask_exponent != 1:
            raise ValueError(
                f"{name} is trained for masks of magnitudes: spectrum={self.spectrum!r} must be "
                f"'magnitude' and mask_exponent={self.mask_exponent!r} must be 1."
            )

    def _activations(self, clips):
        _, framing, exponent = self._settings()
        for x in clips.each():
            V = spectrogram_rows(x, framing, exponent=exponent, level=level_of(x))
            lengths = lengths_of_rows(x, V)
            yield self.factorizer_.transform(V, **told_apart(self.factorizer_, lengths))

    def _fit_and_separate(self, X):
        """The sources of mixtures, and the activations that they are made of, found once.

        Called by ``skbss separate``, which shows both: ``fit_transform`` and ``activations`` would
        find the activations twice.
        """
        clips, activations = self._fit(X, None)
        return (
            clips.gather(self._separated(clips, activations)),
            self._with_levels(clips, activations),
        )

    def _fit_and_separate_blocks(self, X):
        """The same for one mixture in blocks: its sources piece by piece, and its activations.

        These are still to be multiplied by the level, the third.
        """
        _, (W,) = self._fit(X, None)
        level = level_of_recording(X) ** self._settings()[2]
        return self._separated_in_chunks(X, W), W, level

    def _with_levels(self, clips, activations):
        exponent = self._settings()[2]
        return clips.gather(
            W.reshape(*x.shape[:-1], -1, len(self.components_)) * level_of(x) ** exponent
            for x, W in zip(clips.each(), activations, strict=True)
        )

    def _separated(self, clips, activations):
        _, framing, exponent = self._settings()
        if self.components_ is None:
            yield from self._separated_by_itself(clips, framing)
            return
        exponent = self.mask_exponent / exponent
        for x, W in zip(clips.each(), activations, strict=True):
            lengths = lengths_of_rows(x, W)
            labels, W, H = frames_of_atoms(self.atom_source_, W, self.components_, lengths)
            atoms = atom_table(labels, self.n_sources_)
            yield separate(x, W, H, atoms, exponent=exponent, framing=framing)

    def _check_frames_alone(self):
        if self.components_ is None or not hears_frames_alone(self.factorizer_):
            raise TypeError(
                f"{type(self.factorizer_).__name__} hears frames in the context of others, so that "
                "a recording can not be separated block by block: pass it whole."
            )

    def _separated_in_chunks(self, blocks, activations=None):
        """The sources of one mixture that comes in blocks."""
        _, framing, exponent = self._settings()
        atoms = atom_table(self.atom_source_, self.n_sources_)
        for chunk in chunks_of(blocks, framing):
            x, level = chunk.samples, chunk.level
            if activations is None:
                V = spectrogram_rows(x, framing, exponent=exponent, level=level)
                W = self.factorizer_.transform(V)
            else:
                W = activations_of_chunk(activations, chunk, framing)
            sources = separate(
                x,
                W,
                self.components_,
                atoms,
                exponent=self.mask_exponent / exponent,
                framing=framing,
                level=level,
            )
            yield sources[..., chunk.inner]

    def _separated_by_itself(self, clips, framing):
        """The sources, where the factorizer has no atoms for all but finds the parts itself."""
        for x in clips.each():
            V = spectrogram_rows(x, framing, exponent=1.0, level=level_of(x))
            with precision(V.dtype):
                xp = jnp if is_jax_array(V) else np
                V = V[:, None]
                parts = self.factorizer_.predict(V[:, 0], lengths=lengths_of_rows(x, V))
                shares = xp.where(V > 0, parts / xp.where(V > 0, V, 1), 1 / self.n_sources_)
                shares = shares.astype(V.dtype)
            yield separate_by_shares(x, shares, framing=framing)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _default_factorizer():
    return BetaNMF(24, beta_loss="kullback-leibler", max_iter=500)
