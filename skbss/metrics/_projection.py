"""Projections on signals and their delayed versions, by FFTs in blocks.

Signals are given with their `levels`, by which they are divided where they are used: no copy of a
long signal is ever made.
"""

from contextlib import nullcontext

import numpy as np
import scipy.fft
import scipy.linalg
from scipy.linalg.lapack import dpocon, dpotrf, dpotrs

from skbss.metrics._one_thread import one_thread

# Unknowns up to which one thread is enough: two sources of two channels.
_SMALL = 2048

# Long against the usual 512 taps, short against the cache of a processor.
_BLOCK = 8192

HOPELESS = 1e12
"""Condition number of correlations beyond which rounding decides on part of the solution."""

# Beyond this one, a Cholesky factor of them holds little but rounding.
_SINGULAR = 1e14


def peaks(signals):
    """Highest magnitude of every signal.

    Parameters
    ----------
    signals : ndarray of shape (..., length)
        Waveforms.

    Returns
    -------
    peaks : ndarray of shape (...)
        Zero for silence.
    """
    return np.maximum(signals.max(axis=-1), -signals.min(axis=-1))


def samples(signals, levels, start, n_samples):
    """Part of signals, divided by their levels.

    Parameters
    ----------
    signals : ndarray of shape (n_signals, length)
        Waveforms.
    levels : ndarray of shape (n_signals,)
        What they are divided by.
    start : int
        The first sample, which may lie before the signals.
    n_samples : int
        How many; they may reach beyond the signals.

    Returns
    -------
    samples : ndarray of shape (n_signals, n_samples)
        Zero outside the signals.
    """
    inside = signals[:, max(start, 0) : max(start + n_samples, 0)]
    before = min(max(-start, 0), n_samples)
    found = np.zeros((len(signals), n_samples))
    np.divide(inside, levels[:, None], out=found[:, before : before + inside.shape[-1]])
    return found


def energies(signals, levels):
    """Sum of squares of every signal.

    Parameters
    ----------
    signals : ndarray of shape (n_signals, length)
        Waveforms.
    levels : ndarray of shape (n_signals,)
        What they are divided by first.

    Returns
    -------
    energies : ndarray of shape (n_signals,)
        In squares of the levels.
    """
    total = np.zeros(len(signals))
    for start in range(0, signals.shape[-1], _BLOCK):
        total += np.square(samples(signals, levels, start, _BLOCK)).sum(axis=-1)
    return total


def correlations(references, reference_levels, estimates, estimate_levels, n_lags):
    r"""Correlations of references with each other and with estimates.

    .. math:: r_{ij}[\ell] = \sum_t s_i(t)\, s_j(t + \ell), \quad 0 \le \ell < L.

    Parameters
    ----------
    references : ndarray of shape (n_references, length)
        Waveforms.
    reference_levels : ndarray of shape (n_references,)
        What they are divided by.
    estimates : ndarray of shape (n_estimates, length)
        Waveforms.
    estimate_levels : ndarray of shape (n_estimates,)
        What they are divided by.
    n_lags : int
        Number of lags L, zero included.

    Returns
    -------
    among_references : ndarray of shape (n_references, n_references, n_lags)
        Of every two references.
    with_estimates : ndarray of shape (n_references, n_estimates, n_lags)
        Of every reference with every estimate.
    """
    n_references, length = references.shape
    size, step = _sizes(length, n_lags)
    shape = (n_references, n_references + len(estimates), size // 2 + 1)
    spectra = np.zeros(shape, complex)
    for start in range(0, length, step):
        # The second signal goes on for as long as the lags reach beyond the block of the first.
        first = scipy.fft.rfft(samples(references, reference_levels, start, step), size).conj()
        second = np.concatenate(
            [
                scipy.fft.rfft(samples(signals, levels, start, size), size)
                for signals, levels in (
                    (references, reference_levels),
                    (estimates, estimate_levels),
                )
            ]
        )
        for total, spectrum in zip(spectra, first, strict=True):
            total += spectrum * second
    lags = scipy.fft.irfft(spectra, size)[..., :n_lags]
    return lags[:, :n_references], lags[:, n_references:]


def gram_matrix(correlations):
    """Inner products of all delayed versions of signals.

    Parameters
    ----------
    correlations : ndarray of shape (n_signals, n_signals, n_lags)
        Of every two signals, at the lags from zero.

    Returns
    -------
    gram : ndarray of shape (n_signals * n_lags, n_signals * n_lags)
        Symmetric; a Toeplitz block for every two signals.
    """
    n_signals, _, n_lags = correlations.shape
    negative = correlations.swapaxes(0, 1)[..., :0:-1]
    both = np.concatenate([negative, correlations], axis=-1)
    blocks = np.lib.stride_tricks.sliding_window_view(both, n_lags, axis=-1)[..., ::-1]
    return blocks.swapaxes(1, 2).reshape(n_signals * n_lags, n_signals * n_lags)


def least_squares(among_references, with_estimates):
    """Filters with which the references come closest to the estimates.

    Parameters
    ----------
    among_references : ndarray of shape (n_references, n_references, n_lags)
        Correlations of the references, none of them silent.
    with_estimates : ndarray of shape (n_references, n_estimates, n_lags)
        Correlations of the references with the estimates.

    Returns
    -------
    filters : ndarray of shape (n_estimates, n_references, n_lags)
        To be convolved with the references and summed over them.
    condition : float
        Estimated condition number of the correlations, after every reference was brought to unit
        energy; infinity where they are singular.
    """
    n_references, n_estimates, n_lags = with_estimates.shape
    norms = np.sqrt(among_references[np.arange(n_references), np.arange(n_references), 0])
    normalized = among_references / (norms[:, None, None] * norms[:, None])
    right = (with_estimates / norms[:, None, None]).swapaxes(1, 2).reshape(-1, n_estimates)
    with one_thread if len(right) <= _SMALL else nullcontext():
        factor, condition = _cholesky(gram_matrix(normalized))
        if condition <= _SINGULAR:
            solution = dpotrs(factor, right, lower=1)[0]
        else:
            solution = _smallest_solution(gram_matrix(normalized), right)
    filters = solution.T.reshape(n_estimates, n_references, n_lags)
    return filters / norms[:, None], condition


def own_filters(among_references, with_estimates, condition):
    """Filters with which every reference by itself comes closest to the estimates.

    Parameters
    ----------
    among_references : ndarray of shape (n_references, n_references, n_lags)
        Correlations of the references, none of them silent.
    with_estimates : ndarray of shape (n_references, n_estimates, n_lags)
        Correlations of the references with the estimates.
    condition : float
        Condition number of the references together, as `least_squares` gives it.

    Returns
    -------
    filters : ndarray of shape (n_references, n_estimates, n_lags)
        To be convolved with the reference.
    """
    filters = np.empty_like(with_estimates)
    for j, right in enumerate(with_estimates):
        # No reference is worse conditioned than all together.
        if condition <= HOPELESS:
            filters[j] = scipy.linalg.solve_toeplitz(among_references[j, j], right.T).T
        else:
            one = slice(j, j + 1)
            filters[j] = least_squares(among_references[one, one], right[None])[0][:, 0]
    return filters


def filtered_blocks(signals, levels, filters):
    """Sums of filtered signals, block by block.

    Parameters
    ----------
    signals : ndarray of shape (n_signals, length)
        Waveforms.
    levels : ndarray of shape (n_signals,)
        What they are divided by.
    filters : ndarray of shape (n_outputs, n_signals, n_taps)
        One for every signal and output.

    Yields
    ------
    start : int
        The position of the block.
    block : ndarray of shape (n_outputs, n_samples)
        The part of the output from there on. The whole is as long as a full convolution.
    """
    length, n_taps = signals.shape[-1], filters.shape[-1]
    size, step = _sizes(length, n_taps)
    responses = scipy.fft.rfft(filters, size).swapaxes(0, 1)
    for start in range(0, length + n_taps - 1, step):
        spectra = scipy.fft.rfft(samples(signals, levels, start - n_taps + 1, size), size)
        total = np.zeros(responses.shape[1:], complex)
        for spectrum, response in zip(spectra, responses, strict=True):
            total += spectrum * response
        n_samples = min(step, length + n_taps - 1 - start)
        yield start, scipy.fft.irfft(total, size)[:, n_taps - 1 : n_taps - 1 + n_samples]


def _sizes(length, n_taps):
    """Size of FFTs, and how far one reaches when a filter has so many taps."""
    size = scipy.fft.next_fast_len(min(max(_BLOCK, 8 * n_taps), length + n_taps - 1), real=True)
    return size, size - n_taps + 1


def _cholesky(gram):
    """Lower factor, in the place of the matrix, and the estimated condition number.

    It is infinity where there is no factor.
    """
    norm = np.abs(gram).sum(axis=0).max()
    # The transposed of a symmetric matrix is the same, in the order of LAPACK.
    factor, failed = dpotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if failed:
        return factor, np.inf
    reciprocal, _ = dpocon(factor, norm, uplo="L")
    return factor, 1 / reciprocal if reciprocal > 0 else np.inf


def _smallest_solution(gram, right):
    """Least-squares solution of a singular system, without its undetermined part.

    Refining the solution of a slightly regularized system brings back what the regularization
    took, but for the directions in which the system says nothing: these stay close to zero.
    """
    failed, ridge = True, 1 / _SINGULAR
    while failed:
        ridge *= 10
        factor, failed = dpotrf(gram + ridge * np.eye(len(gram)), lower=1, clean=0)
    solution = dpotrs(factor, right, lower=1)[0]
    for _ in range(3):
        solution += dpotrs(factor, right - gram @ solution, lower=1)[0]
    return solution
