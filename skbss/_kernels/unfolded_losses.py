"""What trained separation minimizes: functions of the estimated spectra and the true ones.

Both are of shape (sources, pieces, frames, freqs), complex or real; estimates add up to the
mixtures. All are 0 for what is perfect and finite for silence, as are their gradients.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Of the energy of the mixture: beyond 30 dB an error matters no more.
NEGLIGIBLE = 1e-3


def signal_error(estimates: Any, sources: Any) -> Float[Array, ""]:
    """Energy of the errors, relative to that of the sources."""
    return _ratio(power_of(estimates - sources).sum(), power_of(sources).sum())


def mask_error(estimates: Any, sources: Any) -> Float[Array, ""]:
    """Squared errors of the masks, in proportion to the magnitudes that they are for.

    The right mask is the share of the mixture that is in phase with the source, within [0, 1].
    """
    mixture = lax.stop_gradient(estimates.sum(axis=0))
    power = power_of(mixture)
    heard = power > 1e3 * jnp.finfo(power.dtype).tiny
    power = jnp.where(heard, power, 1)
    ideal = jnp.clip(_in_phase(sources, mixture) / power, 0, 1)
    masks = _in_phase(estimates, mixture) / power
    magnitude = jnp.where(heard, jnp.sqrt(power), 0)
    return _ratio(
        (magnitude * jnp.square(masks - ideal)).sum(), (magnitude * jnp.square(ideal)).sum()
    )


def snr_loss(estimates: Any, sources: Any) -> Float[Array, ""]:
    """Level of the errors beside that of the sources in dB, a mean over sources and pieces.

    S. Wisdom et al., "Unsupervised sound separation using mixture invariant training", NeurIPS
    2020, eq. 3: some of the mixture is added to both, so that neither silence nor an error of
    nothing is infinitely far.
    """
    return _decibels(_energies(estimates - sources), _energies(sources), estimates)


def si_sdr_loss(estimates: Any, sources: Any) -> Float[Array, ""]:
    """The same, where the level of the estimates does not matter.

    J. Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, eq. 4: of the estimates, the
    part that is a multiple of the source is right, and the rest an error.
    """
    energy = _energies(sources)
    along = _in_phase(estimates, sources).sum(axis=(-2, -1)) / jnp.where(energy > 0, energy, 1)
    right = along[..., None, None] * sources
    return _decibels(_energies(estimates - right), _energies(right), estimates)


def _decibels(errors, wanted, estimates):
    spared = NEGLIGIBLE * _energies(estimates.sum(axis=0))
    spared = jnp.where(spared > 0, spared, 1)
    # The slope of a quotient has the square of what it is divided by, which may vanish.
    return 10 * (jnp.log10(errors + spared) - jnp.log10(wanted + spared)).mean()


def power_of(spectra: Any) -> Any:
    """Squared magnitudes, differentiable at zero."""
    return jnp.square(spectra.real) + jnp.square(spectra.imag)


def _in_phase(one, other):
    return one.real * other.real + one.imag * other.imag


def _energies(spectra):
    """Of pieces."""
    return power_of(spectra).sum(axis=(-2, -1))


def _ratio(part, whole):
    return part / jnp.where(whole > 0, whole, 1)
