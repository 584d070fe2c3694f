"""How the scores are spread, band by band, against what happened in the month after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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


def bands_of(outcomes: Iterable[tuple[int, bool]]) -> list[Band]:
    """The bands that have anybody in them, the lowest first, from (score, whether the person defaulted)."""
    people: dict[int, int] = {}
    defaulted: dict[int, int] = {}
    for score, has_defaulted in outcomes:
        low = score // BAND_POINTS * BAND_POINTS
        people[low] = people.get(low, 0) + 1
        defaulted[low] = defaulted.get(low, 0) + has_defaulted
    return [Band(low, low + BAND_POINTS - 1, people[low], defaulted[low]) for low in sorted(people)]
