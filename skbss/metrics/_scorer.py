"""Scores of separations for scikit-learn's searches and cross-validation."""

import numpy as np

from skbss._runtime.warning import each_once, warn
from skbss._runtime.waveforms import check_sources, check_waveforms
from skbss.metrics._improvement import difference
from skbss.metrics._order import (
    n_known_sources,
    order_of_estimates,
    separated_by,
    takes_sources,
)
from skbss.metrics._registry import find_metrics, score_sources


def make_separation_scorer(
    metric="si_sdr", *, improvement=False, greater_is_better=None, sample_rate=None
):
    """A scorer of separated mixtures, for ``scoring`` everywhere in scikit-learn.

    Parameters
    ----------
    metric : str, Metric, callable, or a sequence of them, default="si_sdr"
        Names of `METRICS`, a `Metric` of one's own, or a function ``metric(references,
        estimates)`` of arrays of shape (n_sources, length) that gives one number per source.
        With a sequence the mixtures are separated once for all, and the scorer gives a
        dictionary, as ``cross_validate(scoring=...)`` and ``GridSearchCV(refit=name)`` take it.
    improvement : bool, default=False
        Whether to score what was gained over the mixture taken for every source.
    greater_is_better : bool, default=None
        By default as the metric says, and True for a function. What is better when lower, or
        nearer to 0, is scored by its negative, so that the best score is the highest.
    sample_rate : float, default=None
        In Hz, for the metrics that need it.

    Returns
    -------
    scorer : callable ``(estimator, X, y) -> float or dict of float``
        Mean over all clips and all sources that are not silent. It can be pickled and sent to
        other processes if the metric can.

    Raises
    ------
    ImportError
        If a metric needs a package that is not installed.
    TypeError, ValueError
        If a metric is not known, or needs a sample rate that is missing.

    See Also
    --------
    skbss.Separator.score : The same as the scorer of "si_sdr".
    score_sources : The numbers source by source.

    Notes
    -----
    `estimator` is fitted and turns mixtures into sources by ``transform(X)``: a `Separator`, a
    Pipeline that ends in `ISTFT`, or one's own. `X` holds mixtures and `y` their isolated sources,
    in any layout that `Separator` takes, clips of unequal length included. Sources that the
    estimator learned from isolated recordings are compared in their order, the others in the order
    of the highest mean SI-SDR, clip by clip. Estimators that take the true sources (oracles) are
    given them. The score is NaN if an estimate is silent whose source is not.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skbss import BetaNMF, Separator
    >>> from skbss.metrics import make_separation_scorer
    >>> sources = np.random.default_rng(0).standard_normal((4, 2, 4000))
    >>> sources[:, 1] = np.sin(np.arange(4000) / 5)
    >>> search = GridSearchCV(
    ...     Separator(BetaNMF(2, max_iter=20, tol=0, random_state=0)),
    ...     {"mask_exponent": [1.0, 2.0]},
    ...     scoring=make_separation_scorer("si_sdr", improvement=True),
    ...     cv=2,
    ... )
    >>> bool(search.fit(sources.sum(axis=1), sources).best_score_ > 5)
    True
    """
    return SeparationScorer(metric, improvement, greater_is_better, sample_rate)


class SeparationScorer:
    """What `make_separation_scorer` makes."""

    def __init__(self, metric, improvement, greater_is_better, sample_rate):
        self._is_single = isinstance(metric, str) or not np.iterable(metric)
        self._asked = [metric] if self._is_single else list(metric)
        self._improvement = improvement
        self._greater_is_better = greater_is_better
        self._sample_rate = sample_rate
        if greater_is_better not in (None, True, False):
            raise TypeError(
                f"greater_is_better must be True, False or None, got {greater_is_better!r}."
            )
        for found in find_metrics(self._asked):
            found.check_available()
            if found.needs_sample_rate and sample_rate is None:
                raise ValueError(f"The metric {found.name!r} needs sample_rate, got None.")

    def __call__(self, estimator, X, y):
        """Separate the mixtures and compare the result with the true sources.

        Parameters
        ----------
        estimator : estimator
            Fitted.
        X : array or list
            Mixtures.
        y : array or list
            Their isolated sources.

        Returns
        -------
        score : float or dict of float
            The higher, the better.
        """
        clips = check_waveforms(X)
        references = check_sources(y, clips)
        estimates = _per_clip(separated_by(estimator, X, y), clips)
        n_known = n_known_sources(estimator)
        scores = mean_scores(
            find_metrics(self._asked),
            references,
            estimates,
            mixtures=clips.each(),
            n_known=len(references[0]) if takes_sources(estimator) else n_known,
            improvement=self._improvement,
            sample_rate=self._sample_rate,
        )
        if self._greater_is_better is not None:
            sign = 1 if self._greater_is_better else -1
            scores = {name: sign * raw for name, (raw, _) in scores.items()}
        else:
            scores = {name: oriented for name, (_, oriented) in scores.items()}
        return next(iter(scores.values())) if self._is_single else scores

    def __repr__(self):
        """As it was made."""
        metric = self._asked[0] if self._is_single else self._asked
        return f"make_separation_scorer({metric!r}, improvement={self._improvement})"


def mean_scores(
    metrics,
    references,
    estimates,
    *,
    mixtures=None,
    n_known=0,
    improvement=False,
    sample_rate=None,
):
    """Means over all clips and all sources that are not silent.

    Parameters
    ----------
    metrics : list of Metric
        What is computed.
    references, estimates : iterable of arrays of shape (n_sources, [n_channels,] length)
        True and estimated sources of every clip; there may be more estimates.
    mixtures : iterable of arrays of shape ([n_channels,] length), optional
        What was separated, for improvements and the metrics that need it.
    n_known : int
        How many sources come in their own order; the others fit best.
    improvement : bool
        Whether the scores of the mixture are subtracted.
    sample_rate : float or None
        In Hz.

    Returns
    -------
    scores : dict of str to (float, float)
        By metric the mean, and the mean of the values turned such that higher is better; NaN
        without any audible source.
    """
    values: dict[str, list] = {metric.name: [] for metric in metrics}
    oriented: dict[str, list] = {metric.name: [] for metric in metrics}
    references = list(references)
    mixtures = [None] * len(references) if mixtures is None else mixtures
    for one, separated, mixture in zip(references, estimates, mixtures, strict=True):
        one, separated = np.asarray(one), np.asarray(separated)
        separated = separated[order_of_estimates(one, separated, n_known)]
        audible = np.ptp(one.reshape(len(one), -1), axis=1) > 0
        if not audible.any():
            continue
        one, separated = one[audible], separated[audible]
        options = {"sample_rate": sample_rate, "mixture": mixture}
        with each_once():
            scores = score_sources(one, separated, metrics, **options)
            turned = {metric.name: metric.goodness(scores[metric.name]) for metric in metrics}
            if improvement:
                unseparated = np.broadcast_to(np.asarray(mixture), one.shape)
                before = score_sources(one, unseparated, metrics, **options)
                for metric in metrics:
                    name = metric.name
                    turned[name] = difference(turned[name], metric.goodness(before[name]))
                    scores[name] = difference(scores[name], before[name])
        for metric in metrics:
            values[metric.name].append(scores[metric.name])
            oriented[metric.name].append(turned[metric.name])
    return {name: (_mean(values[name]), _mean(oriented[name])) for name in values}


def _mean(values):
    if not values:
        return float("nan")
    values = np.concatenate(values)
    if {np.inf, -np.inf} <= set(values):
        warn("Some sources score infinity and some minus infinity: their mean is NaN.")
        return float("nan")
    return float(values.mean())


def _per_clip(separated, clips):
    """The estimates of every clip, which are in the layout of the clips."""
    estimates = [separated] if clips.layout == "one" else list(separated)
    mixtures = clips.each()
    if len(estimates) != len(mixtures):
        raise ValueError(
            f"transform gave {len(estimates)} results for {len(mixtures)} mixtures, but the scorer "
            "needs the sources of each: an array of shape (n_clips, n_sources, length) or a list."
        )
    for position, (one, mixture) in enumerate(zip(estimates, mixtures, strict=True)):
        if np.ndim(one) != mixture.ndim + 1 or np.shape(one)[1:] != mixture.shape:
            raise ValueError(
                f"transform turned a mixture of shape {mixture.shape} into an array of shape "
                f"{np.shape(one)}, but sources have the shape (n_sources, "
                f"{', '.join(map(str, mixture.shape))}): end the pipeline in ISTFT(length=...), "
                f"and look at clip {position}."
            )
    return estimates
