"""An orthogonal transform that turns towards what a model says of its squared coefficients."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from skbss._kernels.divergences import beta_divergence

# The part of the decrease promised by the slope that a step has to bring (Armijo).
_SUFFICIENT = 1e-4
# From twice the last step: then the basis is as good as rounding lets it be.
_MOST_HALVINGS = 40
# As a share of its positive part: steps across a saddle stay bounded.
_LEAST_CURVATURE = 0.1


class Turning(NamedTuple):
    """An orthogonal matrix, and the length of its last step."""

    basis: Float[Array, "m m"]
    step: Float[Array, ""]


def coefficient_powers(
    Y: Float[Array, "frames m"], basis: Float[Array, "m m"], least: Float[Array, "frames 1"]
) -> Float[Array, "frames m"]:
    """Squared coefficients of the frames, and `least` above that."""
    return jnp.square(Y @ basis.T) + least


def misfit(
    Y: Float[Array, "frames m"],
    basis: Float[Array, "m m"],
    least: Float[Array, "frames 1"],
    model: Float[Array, "frames m"],
    *,
    likelihood: bool,
) -> Float[Array, ""]:
    """How far the powers V are from a model: their Itakura-Saito divergence from it.

    Or ``V / model + log(model)``: twice the negative log-likelihood of normal coefficients whose
    variances are the model, without its constant. For one basis they differ by a constant.
    """
    V = coefficient_powers(Y, basis, least)
    if likelihood:
        return (V / model + jnp.log(model)).sum()
    return beta_divergence(V, model, 0.0).sum()


def misfit_gradient(
    Y: Float[Array, "frames m"],
    basis: Float[Array, "m m"],
    least: Float[Array, "frames 1"],
    model: Float[Array, "frames m"],
    *,
    likelihood: bool,
) -> Float[Array, "m m"]:
    """Its gradient in the entries of the basis."""
    C = Y @ basis.T
    pull = 1 / model
    if not likelihood:
        pull = pull - 1 / (jnp.square(C) + least)
    return (2 * C * pull).T @ Y


def turned(
    basis: Float[Array, "m m"], skew: Float[Array, "m m"], step: Float[Array, ""]
) -> Float[Array, "m m"]:
    """The basis after a step along a skew matrix: orthogonal however long it is.

    Cayley's transform, ``(I + step / 2 * skew)**-1 (I - step / 2 * skew)``, times the basis.
    """
    half = step / 2 * skew
    return jnp.linalg.solve(jnp.eye(len(basis), dtype=basis.dtype) + half, basis - half @ basis)


def direction(
    Y: Float[Array, "frames m"],
    basis: Float[Array, "m m"],
    least: Float[Array, "frames 1"],
    model: Float[Array, "frames m"],
    *,
    likelihood: bool,
) -> tuple[Float[Array, "m m"], Float[Array, ""]]:
    """A skew matrix along which the misfit falls, and by how much it falls at first.

    That of the likelihood is divided by the size of its curvature in the plane of every two rows,
    which finds a basis in less than a tenth of the steps: P. Ablin, D. Fagot, H. Wendt, A. Gramfort
    and C. Févotte, "A quasi-Newton algorithm on the orthogonal manifold for NMF with transform
    learning", ICASSP 2019. The divergence has walls where a coefficient changes its sign, of which
    this curvature says nothing: it goes along the steepest slope. (With the curvature, 512 samples
    of piano ended lower after 100 steps, at 0.44 and not 0.52, and 128 of speech higher after 300,
    at 0.46 and not 0.37.)
    """
    slope = misfit_gradient(Y, basis, least, model, likelihood=likelihood) @ basis.T
    slope = slope - slope.T
    if likelihood:
        shares = (1 / model).T @ coefficient_powers(Y, basis, least)
        own, swapped = jnp.diag(shares), shares + shares.T
        curvature = 2 * jnp.abs(swapped - (own[:, None] + own[None, :]))
        skew = slope / jnp.maximum(curvature, _LEAST_CURVATURE * 2 * swapped)
    else:
        norm = jnp.sqrt(jnp.square(slope).sum())
        skew = slope / jnp.where(norm > 0, norm, 1)
    return skew, (slope * skew).sum() / 2


def turn(
    Y: Float[Array, "frames m"],
    least: Float[Array, "frames 1"],
    model: Float[Array, "frames m"],
    last: Turning,
    *,
    likelihood: bool,
) -> Turning:
    """One step down among orthogonal matrices, halved until it helps: the misfit never rises.

    The curve is that of Z. Wen and W. Yin, "A feasible method for optimization with orthogonality
    constraints", Mathematical Programming 142, 2013.
    """
    basis = last.basis
    skew, fall = direction(Y, basis, least, model, likelihood=likelihood)
    before = misfit(Y, basis, least, model, likelihood=likelihood)

    def attempt(step):
        candidate = turned(basis, skew, step)
        reached = misfit(Y, candidate, least, model, likelihood=likelihood)
        return candidate, reached <= before - _SUFFICIENT * step * fall

    def too_far(tried):
        halvings, _, _, helps = tried
        return (halvings < _MOST_HALVINGS) & ~helps

    def halve(tried):
        halvings, step, _, _ = tried
        return halvings + 1, step / 2, *attempt(step / 2)

    # Beyond that all planes have come round, or the curvature says nothing any more.
    longest = 2.0 if likelihood else float(len(basis))
    first = jnp.minimum(2 * last.step, longest)
    _, step, candidate, helps = lax.while_loop(too_far, halve, (0, first, *attempt(first)))
    moves = helps & (fall > 0)
    return Turning(jnp.where(moves, candidate, basis), jnp.where(moves, step, last.step))
