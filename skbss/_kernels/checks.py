"""Loops that look at what they reached every tenth iteration only, because a look costs time."""

from collections.abc import Callable
from typing import TypeVar

from jax import lax
from jaxtyping import Array, Bool, Int

CHECK_EVERY = 10

State = TypeVar("State")


def iterate_and_check(
    iterate: Callable[[State], State],
    check: Callable[[State], State],
    state: State,
    until: Int[Array, ""],
    last: Int[Array, ""] | None = None,
    settled: Callable[[State], Bool[Array, ""]] | None = None,
) -> State:
    """Iterate up to iteration `until`, or until a check says that it is done.

    There is a check after every tenth iteration, after iteration `last`, and where the state
    says that it has `settled`. What a check compares is not carried through the iterations
    between, which would cost copies.
    """

    def unsettled(s):
        return True if settled is None else ~settled(s)

    def running(s):
        return (s.n_iter < until) & ~s.done

    def stride(s):
        end = (s.n_iter // CHECK_EVERY + 1) * CHECK_EVERY
        s = lax.while_loop(
            lambda s: (s.n_iter < until) & (s.n_iter < end) & unsettled(s), iterate, s
        )
        look = s.n_iter % CHECK_EVERY == 0
        if last is not None:
            look = look | (s.n_iter == last)
        if settled is not None:
            look = look | settled(s)
        return lax.cond(look, check, lambda s: s, s)

    return lax.while_loop(running, stride, state)
