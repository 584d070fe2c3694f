"""How the scores are spread, band by band, against what happened in the month after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts.fields import SCORE_MAX

BAND_POINTS = 50


@dataclass(frozen=True, slots=True)
class Band:
    """People with a score from `low` to `high`, and how many of them defaulted in the month after."""

    low: int
    high: int
    people: int
    defaulted: int

    @property
    def default_rate(self) -> float:
        """0 to 1."""
        return self.defaulted / self.people


def band_of(score: int) -> int:
    """Where the band of a score begins. The best score has no band of its own, which would lie beyond the scale: it is
    in the last one."""
    return min(score, SCORE_MAX - 1) // BAND_POINTS * BAND_POINTS


def end_of(low: int) -> int:
    """The last score of the band that begins there."""
    return SCORE_MAX if low == band_of(SCORE_MAX) else low + BAND_POINTS - 1


def bands_of(outcomes: Iterable[tuple[int, bool]]) -> list[Band]:
    """The bands that have anybody in them, the lowest first, from (score, whether the person defaulted)."""
    people: dict[int, int] = {}
    defaulted: dict[int, int] = {}
    for score, has_defaulted in outcomes:
        low = band_of(score)
        people[low] = people.get(low, 0) + 1
        defaulted[low] = defaulted.get(low, 0) + has_defaulted
    return [Band(low, end_of(low), people[low], defaulted[low]) for low in sorted(people)]
