"""What trained separation minimizes where magnitudes of other resolutions count.

Spectra as in `unfolded_losses`. Levels below that of 1e-5 of the power of mean level are not told
apart.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.stft import frame_spectra, istft
from skbss._kernels.unfolded_losses import NEGLIGIBLE, power_of

_FLOOR = 1e-5


def mel_error(estimates: Any, sources: Any, bands: Float[Array, "freqs bands"]) -> Float[Array, ""]:
    """Mean absolute difference of the logarithms of the power in bands."""
    heard, true = (jnp.log(power_of(one) @ bands + _FLOOR) for one in (estimates, sources))
    return abs(heard - true).mean()


def multi_resolution_error(
    estimates: Any,
    sources: Any,
    window: Float[Array, " n_fft"],
    analyses: Sequence[tuple[Any, int]],
    *,
    hop_length: int,
) -> Float[Array, ""]:
    """Spectral convergence and difference of log magnitudes, a mean over the `analyses`.

    R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN", ICASSP 2020, eq. 4 to 6. An analysis is
    a window and the distance between frames. `window` and `hop_length` are those of the spectra.
    """
    n_fft = len(window)
    length = (estimates.shape[-2] - 1) * hop_length

    def waveforms(spectra):
        settings = {"hop_length": hop_length, "margin": n_fft // 2, "length": length}
        return jnp.sqrt(jnp.square(window).sum()) * istft(spectra, window, **settings)

    spectra = [waveforms(one) for one in (estimates, sources)]
    errors = [_error_of_magnitudes(*spectra, *analysis) for analysis in analyses]
    return sum(errors, jnp.zeros((), window.dtype)) / len(errors)


def _error_of_magnitudes(heard, true, window, hop):
    norm = jnp.sqrt(jnp.square(window).sum())
    heard, true = (frame_spectra(x, window, hop_length=hop) / norm for x in (heard, true))
    mixture = NEGLIGIBLE * power_of(heard.sum(axis=0)).sum(axis=(-2, -1))
    mixture = jnp.where(mixture > 0, mixture, 1)
    heard, true = (jnp.sqrt(power_of(one) + _FLOOR) for one in (heard, true))
    # The slope of a root is infinite at zero, which is where the errors shall end.
    distance = jnp.square(heard - true).sum(axis=(-2, -1)) + NEGLIGIBLE * mixture
    energy = jnp.square(true).sum(axis=(-2, -1)) + mixture
    logarithms = abs(jnp.log(heard) - jnp.log(true))
    return jnp.sqrt(distance / energy).mean() + logarithms.mean()
