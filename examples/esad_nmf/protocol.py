"""Systems tuned on dev and scored on test, seed by seed, over the numbers of iterations."""

import warnings
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbss.metrics import best_permutation, bss_eval, pesq, si_sdr

from . import systems

ITERATIONS = tuple(range(30, 301, 30))
# Where a method may be stopped, chosen on dev.
STOPS = (5, 10, 20, *ITERATIONS)
# The numbers of iterations at which the parameters are compared.
_COMPARED_AT = (10, 100)


def scores(task, estimates, *, perceptual=True):
    """Of the speech at the first microphone."""
    references = task.sources[:, 0]
    found = bss_eval(references, estimates, permute=False)
    result = {name: float(getattr(found, name)[0]) for name in ("sdr", "sir", "sar")}
    result["si_sdr"] = float(si_sdr(references[:1], estimates[:1])[0])
    if perceptual and find_spec("pesq"):
        rate = int(task.sample_rate)
        result["pesq"] = float(pesq(references[:1], estimates[:1], rate, variant="nb")[0])
    return result


def separated(learned, tasks):
    """Estimates at the first microphone, of shape (n_tasks, n_sources, length)."""
    mixtures = np.stack([task.mixture[0] for task in tasks]).astype(np.float32)
    return np.asarray(learned.transform(mixtures))


def learn(candidate, train, seed):
    """One dictionary for each source, all on the table as they are."""
    return systems.separator(candidate, seed).fit([train.sum(axis=0)], [train])


def stopped(learned, n_iter):
    """The same dictionaries, with so many iterations for a mixture."""
    learned.factorizer_.set_params(max_iter=n_iter)
    return learned


def mean_sdr(learned, tasks):
    """What is tuned for: an SIR alone can be had by sharper masks."""
    found = separated(learned, tasks)
    return float(
        np.mean(
            [
                scores(task, one, perceptual=False)["sdr"]
                for task, one in zip(tasks, found, strict=True)
            ]
        )
    )


class Tuned(NamedTuple):
    """A separator with the best parameters on dev, and where it is best stopped."""

    separator: Any
    candidate: systems.Candidate
    stop: int


def tuned(method, split, seed, *, stops=STOPS, few=False):
    """The best of the candidates of a method on dev."""
    compared_at = [n_iter for n_iter in stops if n_iter in _COMPARED_AT] or stops[:1]

    def tried(candidates):
        for candidate in candidates:
            learned = learn(candidate, split.train, seed)
            sdr = max(mean_sdr(stopped(learned, n_iter), split.dev) for n_iter in compared_at)
            yield sdr, learned, candidate

    def best_of(trials):
        return max(trials, key=lambda trial: trial[0])

    best = best_of(tried(systems.candidates(method, few=few)))
    if not few:
        best = best_of([best, *tried(systems.of_other_ranks(best[2]))])
    _, learned, candidate = best
    stop = max(stops, key=lambda n_iter: mean_sdr(stopped(learned, n_iter), split.dev))
    return Tuned(stopped(learned, stop), candidate, stop)


def records(split, seed, *, stops=STOPS, few=False, log=print):
    """Scores of all systems on the test mixtures, a dictionary each; and what was tuned."""
    rows, chosen, known = [], {}, {}

    def scored(task, estimates):
        # What has converged comes again with more iterations.
        key = task.name, hash(estimates.tobytes())
        if key not in known:
            known[key] = scores(task, estimates)
        return known[key]

    def add(system, task, estimates, n_iter, *, is_stop):
        rows.append(
            {
                "system": system,
                "seed": seed,
                "room": task.tags["room"],
                "snr_db": task.tags["snr_db"],
                "n_iter": n_iter,
                "is_stop": is_stop,
                **scored(task, estimates),
            }
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for method in systems.SEARCHED:
            learned, candidate, stop = chosen[method] = tuned(
                method, split, seed, stops=stops, few=few
            )
            log(f"seed {seed}: {method} with {candidate}, best stopped at {stop}")
            for n_iter in stops:
                found = separated(stopped(learned, n_iter), split.test)
                for task, estimates in zip(split.test, found, strict=True):
                    add(method, task, estimates, n_iter, is_stop=n_iter == stop)
            stopped(learned, stop)
        for task in split.test:
            for system, n_iter, estimates in _without_search(task, seed, stops):
                add(system, task, estimates, n_iter, is_stop=n_iter == stops[-1])
    return rows, chosen


def _without_search(task, seed, stops):
    """What has nothing to tune: FastICA, the blind systems, and the bounds."""
    mixture, sources = task.mixture[None], task.sources[None]
    for n_iter in stops:
        images = systems.fast_ica(seed, n_iter).fit(mixture).transform(mixture)[0]
        yield "FastICA", n_iter, in_order(task, images[:, 0])
    for method in ("NMF", "ESAD-NMF"):
        blind = systems.blind_separator(
            method, seed, n_iter=stops[-1], sample_rate=task.sample_rate
        )
        yield f"{method}, blind", stops[-1], in_order(task, blind.fit_transform(mixture[0, 0]))
    for name, bound in systems.bounds().items():
        estimates = bound.fit(mixture, sources).transform(mixture, sources)
        yield name, stops[-1], np.asarray(estimates)[0][:, 0]


def in_order(task, estimates):
    """Estimates of unnamed sources, as they fit best."""
    estimates = np.asarray(estimates)
    return estimates[best_permutation(task.sources[:, 0], estimates)]
