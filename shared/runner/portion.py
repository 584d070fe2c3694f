"""How many to try at once: all, else parts of what failed, down to one. Pure.

      Whole ──── n failed ────▶ Part(size n / 16, left n) ──── `left` handled ────▶ Whole
                                  │              ▲
                                  └──────────────┘
                          m of them failed: Part(size m / 16)

One value for records and for pages of timers. It outlives a new claim, after which the same records come again.
What is done about the one that fails alone: see `blame`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

PARTS = 16
"""A failing portion is divided by this: one bad record among 2,000 is alone after three failures, each of which may
cost a whole statement timeout; halving would take eleven."""


@dataclass(frozen=True, slots=True)
class Whole:
    pass


@dataclass(frozen=True, slots=True)
class Part:
    """`left` is how many of those that failed together are not handled yet."""

    size: int
    left: int


Portion: TypeAlias = Whole | Part


def size(portion: Portion, most: int) -> int:
    """How many to take next, of at most `most`."""
    return most if isinstance(portion, Whole) else min(portion.size, portion.left, most)


def handled(portion: Portion, count: int) -> Portion:
    if isinstance(portion, Whole) or portion.left <= count:
        return Whole()
    return Part(portion.size, portion.left - count)


def failed(portion: Portion, count: int) -> Portion:
    """`count` were tried together, as many as there were or as `size` allows."""
    left = count if isinstance(portion, Whole) else max(portion.left, count)
    return Part(max(count // PARTS, 1), left)
