"""How many to try at once: all, else parts of what failed, else the one that fails alone, which is set aside. Pure.

      Whole ──── n failed ────▶ Part(size, left = n) ──── `left` handled ────▶ Whole
                                  │            ▲
                        1 failed  │            │ any other part handled or failed
                                  ▼            │
                               Suspect ────────┘
                                  │
                        1 failed  │   (and a transaction without it has succeeded in between)
                                  ▼
                              set aside, which counts as handled

One value for records and for pages of timers. It outlives a new claim, after which the same records come again.
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


@dataclass(frozen=True, slots=True)
class Suspect:
    """`who` has failed alone; `left` counts it. Identified, since after a new claim another one may come first."""

    who: str
    left: int


Portion: TypeAlias = Whole | Part | Suspect


def size(portion: Portion, most: int) -> int:
    """How many to take next, of at most `most`."""
    match portion:
        case Whole():
            return most
        case Part(size, left):
            return min(size, left, most)
        case Suspect():
            return 1


def handled(portion: Portion, count: int) -> Portion:
    match portion:
        case Whole():
            return portion
        case Part(size, left):
            return Part(size, left - count) if left > count else Whole()
        case Suspect(_, left):
            return Part(1, left - count) if left > count else Whole()


def failed(portion: Portion, count: int, first: str) -> Portion:
    """`count` were tried and it was their own fault; `first` names the first of them."""
    left = count if isinstance(portion, Whole) else max(portion.left, count)
    return Suspect(first, left) if count == 1 else Part(max(count // PARTS, 1), left)


def hindered(portion: Portion, count: int) -> Portion:
    """They failed and it was not theirs: smaller ones may still pass, and nobody becomes a suspect."""
    left = count if isinstance(portion, Whole) else max(portion.left, count)
    return Part(max(count // PARTS, 1), left)


def is_suspect(portion: Portion, who: str) -> bool:
    """Whether this one has failed alone before, so that a second time proves it."""
    return isinstance(portion, Suspect) and portion.who == who
