"""scikit-learn's own checks of the signal estimators, with the few that can not hold for audio."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbss import (
    ISTFT,
    STFT,
    AmplitudeNormalizer,
    BetaNMF,
    GuidedSeparator,
    Separator,
    SpectralSubtraction,
    TransformLearningNMF,
    WienerMask,
)
from skbss.guidance import Guide
from skbss.separation import (
    ESADSeparator,
    IdealBinaryMask,
    IdealRatioMask,
    IdealWienerFilter,
    MixtureAsEstimate,
    UnmixingSeparator,
)


class ComplexWienerMask(WienerMask):
    """Takes the real matrices of the checks for complex spectra."""

    def fit(self, X, y=None):
        return super().fit(self._as_complex(X))

    def fit_transform(self, X, y=None):
        return super().fit_transform(self._as_complex(X))

    def transform(self, X):
        return super().transform(self._as_complex(X))

    def _as_complex(self, X):
        if hasattr(X, "toarray"):
            return X
        X = np.asarray(X)
        return (X.astype(float) if X.dtype == object else X).astype(complex)


class OwnSourceMixin:
    """Takes the clips of the checks for their only sources, which the checks do not give."""

    def fit(self, X, y=None):
        return super().fit(X, self._sources(X))

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)

    def transform(self, X):
        return super().transform(X, self._sources(X))

    def score(self, X, y=None):
        return super().score(X, self._sources(X))

    def _sources(self, X):
        return X if hasattr(X, "toarray") else np.expand_dims(np.asarray(X), -2)


class OwnIdealRatioMask(OwnSourceMixin, IdealRatioMask):
    pass


class OwnIdealBinaryMask(OwnSourceMixin, IdealBinaryMask):
    pass


class OwnIdealWienerFilter(OwnSourceMixin, IdealWienerFilter):
    pass


class OwnMixtureAsEstimate(OwnSourceMixin, MixtureAsEstimate):
    pass


class StereoMixin:
    """Takes the rows of the checks for the left channels of clips that run back in the right."""

    def fit(self, X, y=None):
        return super().fit(self._stereo(X))

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)

    def transform(self, X):
        return super().transform(self._stereo(X))

    def _stereo(self, X):
        if hasattr(X, "toarray"):
            return X
        X = np.asarray(X)
        return np.stack([X, X[:, ::-1]], axis=1) if X.ndim == 2 and X.size else X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


class TwoSourcesGuidedSeparator(GuidedSeparator):
    """Is told of two sources, one of which sounds in the beginning only."""

    def fit(self, X, y=None):
        return super().fit(X, guides=self._guides(X))

    def fit_transform(self, X, y=None):
        return super().fit_transform(X, guides=self._guides(X))

    def transform(self, X):
        return super().transform(X, self._guides(X))

    def _guides(self, X):
        if hasattr(X, "toarray"):
            return None
        guides = [Guide(), Guide(active=[(0, 1)])]
        X = np.asarray(X)
        return guides if X.ndim == 1 else [guides] * len(X)


class StereoUnmixingSeparator(StereoMixin, UnmixingSeparator):
    pass


class StereoESADSeparator(StereoMixin, ESADSeparator):
    pass


ANY_LENGTH = "clips of any length are welcome after a fit to others"
ONE_CLIP = "a waveform of one axis is one clip"
COMPLEX = "spectra are complex"
ROWS = "a clip's frames stay together: the first axis becomes that of the sources"
NO_SOURCES = "the labels of the check are no isolated sources"

WAVEFORMS = {
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_fit1d": ONE_CLIP,
    "check_fit2d_predict1d": ONE_CLIP,
}
OWN_SOURCE = {**WAVEFORMS, "check_transformer_general": ANY_LENGTH}
STEREO = {
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_transformer_general": ANY_LENGTH,
    "check_fit2d_predict1d": "one axis is one channel, and the message says so",
    "check_fit_score_takes_y": NO_SOURCES,
    "check_pipeline_consistency": NO_SOURCES,
}
EXPECTED_FAILURES = {
    "STFT": WAVEFORMS,
    "SpectralSubtraction": WAVEFORMS,
    "AmplitudeNormalizer": WAVEFORMS,
    "ComplexWienerMask": {
        "check_complex_data": COMPLEX,
        "check_transformer_general": ROWS,
        "check_transformer_data_not_an_array": ROWS,
        "check_methods_sample_order_invariance": ROWS,
        "check_methods_subset_invariance": ROWS,
        "check_fit2d_predict1d": "one axis is no spectrum, and the message says so",
    },
    "Pipeline": {
        **WAVEFORMS,
        "check_transformer_general": ANY_LENGTH,
        "check_fit_check_is_fitted": "scikit-learn asks the last step, which needs no fit",
        "check_estimators_overwrite_params": "scikit-learn's Pipeline fits its own steps",
        "check_dont_overwrite_parameters": "scikit-learn's Pipeline fits its own steps",
    },
    "OwnIdealRatioMask": OWN_SOURCE,
    "OwnIdealBinaryMask": OWN_SOURCE,
    "OwnIdealWienerFilter": OWN_SOURCE,
    "OwnMixtureAsEstimate": OWN_SOURCE,
    "Separator": {
        **WAVEFORMS,
        "check_transformer_general": ANY_LENGTH,
        "check_fit_score_takes_y": NO_SOURCES,
        "check_pipeline_consistency": NO_SOURCES,
    },
    "TwoSourcesGuidedSeparator": {
        **WAVEFORMS,
        "check_transformer_general": ANY_LENGTH,
        "check_fit_score_takes_y": NO_SOURCES,
        "check_pipeline_consistency": NO_SOURCES,
    },
    "StereoUnmixingSeparator": STEREO,
    "StereoESADSeparator": STEREO,
}


@pytest.mark.usefixtures("few_programs")
@pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning",
    # Two samples and the same two backwards say the same, as far as they vary.
    "ignore:Of the 2 channels of X only 1:UserWarning",
)
@parametrize_with_checks(
    [
        STFT(4),
        SpectralSubtraction(STFT(4)),
        AmplitudeNormalizer(),
        ComplexWienerMask(BetaNMF(2)),
        make_pipeline(STFT(4), WienerMask(BetaNMF(2)), ISTFT(4)),
        Separator(BetaNMF(2), stft=STFT(4), supervised=False),
        OwnIdealRatioMask(stft=STFT(4)),
        OwnIdealBinaryMask(stft=STFT(4)),
        OwnIdealWienerFilter(stft=STFT(4)),
        OwnMixtureAsEstimate(),
        StereoUnmixingSeparator(random_state=0),
        TwoSourcesGuidedSeparator(
            BetaNMF(2, beta_loss=1), stft=STFT(4), sample_rate=1, random_state=0
        ),
        StereoESADSeparator(n_fft=4, max_iter=10, tol=0, random_state=0),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {}),
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.usefixtures("few_programs")
@parametrize_with_checks([TransformLearningNMF(2, tol=0, max_iter=3, random_state=0)])
def test_scikit_learn_check_of_frames(estimator, check):
    check(estimator)


def test_tags_of_frames():
    tags = TransformLearningNMF().__sklearn_tags__()
    assert not tags.input_tags.positive_only
    assert not tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
