"""Separation of recordings by what is known about them: notes, onsets, examples, painted masks."""

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.device import is_jax_array
from skbss._runtime.waveforms import check_sources, check_waveforms
from skbss.factorization import BetaNMF
from skbss.factorization._atom_table import atom_table
from skbss.frontend import STFT
from skbss.masking._factorizer import (
    check_factorizer,
    check_mask_exponent,
    frames_of_atoms,
    spectrum_exponent,
    told_apart,
)
from skbss.masking._grouping import check_sample_rate
from skbss.masking._level import level_of
from skbss.separation._clip import lengths_of_rows, separate, spectrogram_rows
from skbss.separation._guided_atoms import atoms_of_sources, check_guidable
from skbss.separation._guided_learning import (
    GuidedWay,
    Recording,
    allowed_activations,
    fit_from,
    learn_guided,
)
from skbss.separation._guides import check_guides, check_tolerances, refuse_guides_as_y
from skbss.separation._parts import resolve_front_end, with_made_parts
from skbss.separation._score import check_enough_estimates, mean_si_sdr


class GuidedSeparator(TransformerMixin, BaseEstimator):
    r"""Sources of recorded mixtures by what is known of them: notes, onsets, examples, masks.

    Of every source a :class:`~skbss.guidance.Guide` says what somebody knows about it. The
    spectrogram of the mixture is modeled by atoms and their activations as in `Separator`,
    :math:`|X|^a \approx W H`, but it is known which atoms belong to which source, and

    - activations are exactly zero wherever a source, or one of its pitches, does not sound;
    - atoms of notes are exactly zero but around the partials of their pitch [1]_;
    - atoms of an example are learned from that, and stay as they are;
    - what is painted on the spectrogram is data about single sources: where the share
      :math:`m_j` of source :math:`j` is known, its atoms also have to explain
      :math:`(m_j |X|)^a` without the others [2]_.

    Soft masks share the mixture in proportion to the models of the sources, as `WienerMask`
    describes, but in painted bins, which they share as they were painted [3]_.

    Parameters
    ----------
    factorizer : estimator, default=None
        Factorization that starts from given factors: `BetaNMF`, `SparseNMF`, `StructuredNMF` or
        `ConvNMF`; by default ``BetaNMF(8, beta_loss="kullback-leibler", max_iter=500)``. Its
        `n_components` are the atoms of every source whose guide does not say how many it has. It
        has to keep exact zeros of its start: for ``beta_loss=2`` that takes ``solver="mu"``, or
        a penalty of `StructuredNMF`. The guides take the place of its `init` and `n_init`.
    stft : STFT, default=None
        The front end; its `output` has no influence. ``STFT()`` by default, whatever the sample
        rate: long frames tell the notes of a score apart.
    sample_rate : float, default=None
        In Hz; needed for notes, onsets and intervals.
    onset_tolerance, offset_tolerance : float, default=0.05, 0.1
        By how many seconds a sound may begin earlier than its guide says, and end later; with
        `onsets`, also begin later. A frame hears what begins up to half its length after its
        middle.
    onset_duration : float, default=None
        For how many seconds after its `onsets` a source may sound on; by default 0.3 for atoms of
        one frame, and 0 for templates of several, which sound on by themselves.
    pitch_tolerance : float, default=0.5
        By how many semitones partials of `notes` may be higher or lower.
    inharmonicity : float, default=0.0
        How much partials of `notes` are stretched, as in `guidance.note_components`.
    mask_exponent : float, default=1.0
        Exponent of the magnitudes in the mask, as in `WienerMask`.
    spectrum : {"auto", "magnitude", "power"} or float, default="auto"
        What is factorized, as in `WienerMask`.
    random_state : int, RandomState instance or None, default=None
        Seed of atoms about which nothing is known, and of the factorizer if that has none.

    Attributes
    ----------
    components_ : array of shape (n_components, [template_length,] n_freqs)
        Spectra of all atoms; held ones come first.
    atom_source_ : ndarray of shape (n_components,)
        The source of every atom, in the order of the guides.
    atom_pitch_ : ndarray of shape (n_components,)
        MIDI pitch of the atoms of notes, NaN for others.
    n_sources_ : int
        Number of sources.
    source_names_ : list of str
        Their names: the keys of the guides, or their positions in a list.
    factorizer_ : estimator
        The fitted factorizer.

    See Also
    --------
    Separator : Separates without guides, or by isolated recordings alone.
    skbss.guidance.Guide : What can be known about a source.
    skbss.guidance.note_activations : The starts by themselves, for factorizations of one's own.

    Notes
    -----
    Every clip is brought to unit level before the factorization and back after it, as is every
    example, so that results do not depend on the level of recordings. All clips and channels share
    the atoms. Channels share their guides, and have activations of their own.

    Where no source may sound, all have an equal share of what there is. A source of which nothing
    is known, ``Guide()``, takes what does not fit to the others, noise as well.

    A painted mask costs about as much time and memory as another clip, as long as what was
    painted on. A share painted as 1 leaves nothing to the other sources.

    References
    ----------
    .. [1] S. Ewert and M. Müller, "Using score-informed constraints for NMF-based source
       separation", ICASSP 2012.
    .. [2] A. Lefèvre, F. Bach and C. Févotte, "Semi-supervised NMF with time-frequency annotations
       for single-channel source separation", ISMIR 2012. There the painted part has the
       activations of the mixture; here it has some of its own.
    .. [3] N. J. Bryan, G. J. Mysore and G. Wang, "ISSE: an interactive source separation editor",
       CHI 2014.
    .. [4] P. López-Serrano, C. Dittmar, Y. Özer and M. Müller, "NMF Toolbox: music processing
       applications of nonnegative matrix factorization", DAFx 2019 (drums by onsets).

    Examples
    --------
    Two notes, of which the second begins while the first still sounds:

    >>> import numpy as np
    >>> from skbss import GuidedSeparator, STFT
    >>> from skbss.guidance import Guide
    >>> time = np.arange(16000) / 8000
    >>> harmonics = np.array([[220, 440, 660], [330, 660, 990]])
    >>> notes = np.sin(2 * np.pi * harmonics[..., None] * time).sum(axis=1)
    >>> sources = notes * np.array([time < 1.2, time > 0.8])
    >>> mixture = sources.sum(axis=0)
    >>> separator = GuidedSeparator(sample_rate=8000, stft=STFT(1024), random_state=0)
    >>> guides = {"low": Guide(notes=[(0, 1.2, 57)]), "high": Guide(notes=[(0.8, 1.2, 64)])}
    >>> estimates = separator.fit_transform(mixture, guides=guides)
    >>> bool(np.allclose(estimates.sum(axis=0), mixture))
    True
    >>> separator.source_names_, separator.atom_pitch_
    (['low', 'high'], array([57., 64.]))
    >>> separator.score(mixture, sources, guides=guides) > 15
    True
    """

    def __init__(
        self,
        factorizer=None,
        *,
        stft=None,
        sample_rate=None,
        onset_tolerance=0.05,
        offset_tolerance=0.1,
        onset_duration=None,
        pitch_tolerance=0.5,
        inharmonicity=0.0,
        mask_exponent=1.0,
        spectrum="auto",
        random_state=None,
    ):
        self.factorizer = factorizer
        self.stft = stft
        self.sample_rate = sample_rate
        self.onset_tolerance = onset_tolerance
        self.offset_tolerance = offset_tolerance
        self.onset_duration = onset_duration
        self.pitch_tolerance = pitch_tolerance
        self.inharmonicity = inharmonicity
        self.mask_exponent = mask_exponent
        self.spectrum = spectrum
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
        self : GuidedSeparator
            The estimator itself.
        """
        made = with_made_parts(self, params, factorizer=_default_factorizer, stft=STFT)
        return super().set_params(**made)

    def fit(self, X, y=None, guides=None):
        """Learn the atoms of all sources.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures; a list may hold clips of unequal length.
        y : None
            Not used; it is there by convention.
        guides : mapping or list of Guide, or list of such
            What is known of every source, by its name or in a list; for several clips a list with
            the guides of each, which name the same sources. It is required, although its place in
            the signature is that of scikit-learn.

        Returns
        -------
        self : GuidedSeparator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or holds NaN or infinity, guides are
            missing, do not fit to `X` or contradict each other, or something in them begins before
            or after its clip.

        Warns
        -----
        ConvergenceWarning
            If the factorizer stops at its `max_iter`.
        UserWarning
            If the example of a source is silent.
        """
        self._fit(X, y, guides)
        return self

    def fit_transform(self, X, y=None, guides=None):
        """Learn the atoms of all sources and separate the mixtures.

        Parameters
        ----------
        X : array or list
            As in `fit`.
        y : None
            Not used; it is there by convention.
        guides : mapping or list of Guide, or list of such
            As in `fit`.

        Returns
        -------
        sources : array or list of arrays
            As in `transform`, with the guides.
        """
        clips, marks = self._fit(X, y, guides)
        return clips.gather(self._separated(clips, marks))

    def transform(self, X, guides=None):
        """Separate mixtures by the atoms that were learned.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures of any length.
        guides : mapping or list of Guide, or list of such, default=None
            What is known of the sources of these very clips, as in `fit`: when they sound and what
            was painted counts; examples and components do not. Without guides all atoms may sound
            everywhere.

        Returns
        -------
        sources : array of shape ([n_clips,] n_sources, [n_channels,] length), or list of arrays
            In the order of the guides, of the length and precision of the mixtures, to which they
            add up; a list for clips of unequal length, a JAX array where `X` is one. Silence gives
            silence.
        """
        check_is_fitted(self)
        clips = check_waveforms(X)
        return clips.gather(self._separated(clips, self._marks(clips, guides)))

    def activations(self, X, guides=None):
        """How loud every atom is in every frame.

        Parameters
        ----------
        X : array or list
            As in `transform`.
        guides : mapping or list of Guide, or list of such, default=None
            As in `transform`.

        Returns
        -------
        W : array of shape ([n_clips,] [n_channels,] n_frames, n_components), or list of arrays
            Exact zeros where guides say that an atom does not sound; units and frames are those of
            `Separator.activations`.
        """
        check_is_fitted(self)
        clips = check_waveforms(X)
        exponent = self._settings()[2]
        activations = self._activations(clips, self._marks(clips, guides))
        return clips.gather(
            W.reshape(*x.shape[:-1], -1, len(self.components_)) * level_of(x) ** exponent
            for x, W in zip(clips.each(), activations, strict=True)
        )

    def score(self, X, y, guides=None):
        """Mean scale-invariant signal-to-distortion ratio of the separated mixtures.

        Parameters
        ----------
        X : array or list
            Mixtures, as in `transform`.
        y : array of shape (n_clips, n_sources, [n_channels,] length) or list
            Their true sources, in the order of the guides; without the first axis where `X` is one
            clip. There may be fewer than the guides have.
        guides : mapping or list of Guide, or list of such, default=None
            As in `transform`.

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
        estimates = self._separated(clips, self._marks(clips, guides))
        return mean_si_sdr(references, estimates, self.n_sources_)

    def _settings(self):
        """The factorizer, the framing, the exponent of the spectrogram, and the tolerances."""
        factorizer = _default_factorizer() if self.factorizer is None else self.factorizer
        framing = resolve_front_end(self.stft)
        tolerances = check_tolerances(
            self.onset_tolerance,
            self.offset_tolerance,
            self.onset_duration,
            single=not hasattr(factorizer, "template_length"),
        )
        return factorizer, framing, spectrum_exponent(self.spectrum, factorizer), tolerances

    def _fit(self, X, y, guides):
        refuse_guides_as_y(y)
        factorizer, framing, exponent, tolerances = self._settings()
        check_factorizer(factorizer, None)
        check_mask_exponent(self.mask_exponent)
        check_sample_rate(self.sample_rate)
        random_state = check_random_state(self.random_state)
        clips = check_waveforms(X)
        names, marks = check_guides(guides, clips, framing, self.sample_rate)
        check_guidable(factorizer, marks)
        note_settings = {
            "sample_rate": self.sample_rate,
            "stft": self.stft,
            "pitch_tolerance": self.pitch_tolerance,
            "inharmonicity": self.inharmonicity,
        }
        atoms = atoms_of_sources(
            marks, names, factorizer, framing, note_settings, exponent=exponent
        )
        way = GuidedWay(factorizer, framing, exponent, tolerances, random_state)
        learned = learn_guided(way, clips, marks, atoms)
        self.factorizer_ = learned.factorizer
        self.components_ = learned.factorizer.components_
        self.atom_source_, self.atom_pitch_ = learned.atom_source, learned.atom_pitch
        self.source_names_, self.n_sources_ = names, len(names)
        return clips, marks

    def _marks(self, clips, guides):
        """The guides of clips, those that `fit` has learned from or others; None without."""
        if guides is None:
            return [None] * len(clips.each())
        _, framing, *_ = self._settings()
        return check_guides(guides, clips, framing, self.sample_rate, self.source_names_)[1]

    def _activations(self, clips, marks):
        _, framing, exponent, tolerances = self._settings()
        for x, clip in zip(clips.each(), marks, strict=True):
            V = spectrogram_rows(x, framing, exponent=exponent, level=level_of(x))
            lengths = lengths_of_rows(x, V)
            if clip is None:
                yield self.factorizer_.transform(V, **told_apart(self.factorizer_, lengths))
            else:
                yield self._guided_activations(V, lengths, clip, tolerances)

    def _separated(self, clips, marks):
        _, framing, exponent, _ = self._settings()
        exponent = self.mask_exponent / exponent
        activations = self._activations(clips, marks)
        for x, clip, W in zip(clips.each(), marks, activations, strict=True):
            known = None
            if clip is not None and clip.shares is not None:
                known = np.where(np.isnan(clip.shares), -1, clip.shares)
            lengths = lengths_of_rows(x, W)
            labels, W, H = frames_of_atoms(self.atom_source_, W, self.components_, lengths)
            atoms = atom_table(labels, self.n_sources_)
            yield separate(x, W, H, atoms, exponent=exponent, framing=framing, known=known)

    def _guided_activations(self, V, lengths, clip, tolerances):
        allowed = allowed_activations(clip, self.atom_source_, self.atom_pitch_, tolerances)
        if allowed.all() or not bool(self.components_.any()):
            # Nothing is forbidden, or learned: every frame by itself, as without guides.
            return self.factorizer_.transform(V, **told_apart(self.factorizer_, lengths))
        if not allowed.any():
            return (jnp if is_jax_array(V) else np).zeros((len(V), allowed.shape[1]), V.dtype)
        solver = clone(self.factorizer_).set_params(
            n_components=len(self.components_), fixed_components=np.asarray(self.components_)
        )
        ends = np.cumsum(lengths)
        recordings = [
            Recording(V[stop - length : stop], allowed)
            for stop, length in zip(ends, lengths, strict=True)
        ]
        return fit_from(solver, recordings, self.components_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _default_factorizer():
    return BetaNMF(8, beta_loss="kullback-leibler", max_iter=500)
