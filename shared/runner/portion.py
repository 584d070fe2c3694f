"""How many to try at once: all, else parts of what failed, down to one, and up again behind the bad one. Pure.

      Whole ──── n failed ────▶ Part(size n / 16, left n) ──── `left` handled ────▶ Whole
                                  │                  ▲
                       m of them failed              └─── `left` handled ────┐
                                  ▼                                          │
                                Part(size m / 16, left m, then what is left of the n)

One value for records and for pages of timers. It outlives a new claim, after which the same records come again.
What is done about the one that fails alone: see `blame`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

PARTS = 16
"""A failing portion is divided by this: one bad record among 2,000 is alone after three failures, each of which may
cost a whole statement timeout; halving would take eleven."""


@dataclass(frozen=True, slots=True)
class Whole:
    pass


@dataclass(frozen=True, slots=True)
class Part:
    """`left` is how many of those that failed together are not handled yet, and `then` what follows on them: were the
    last size kept for everybody, one bad record would cost each of the others a step of its own."""

    size: int
    left: int
    then: Portion = Whole()


Portion: TypeAlias = Whole | Part


def size(portion: Portion, most: int) -> int:
    """How many to take next, of at most `most`."""
    return most if isinstance(portion, Whole) else min(portion.size, portion.left, most)


def handled(portion: Portion, count: int) -> Portion:
    if isinstance(portion, Whole):
        return portion
    return replace(portion, left=portion.left - count) if portion.left > count else portion.then


def failed(portion: Portion, count: int) -> Portion:
    """`count` were tried together, as many as there were or as `size` allows."""
    if isinstance(portion, Part) and count == 1:
        return portion
    return Part(max(count // PARTS, 1), count, handled(portion, count))
