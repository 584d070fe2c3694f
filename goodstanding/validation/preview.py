"""What another scorecard would do to the people of a platform: everybody is scored by both, at one instant.

`Preview` takes people one at a time and keeps counts, so that its size does not depend on how many there are.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from goodstanding.simulation.real_data.bands import band_of, end_of
from goodstanding.validation.measures import stability
from services.benefits.core.table import TierTable
from services.scorer.core.features.months import Circle
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import decode, without_lapsed


@dataclass(frozen=True, slots=True)
class Mover:
    """Somebody whose score would change, by the pseudonym."""

    user_id: str
    old: int
    new: int
    segment: str | None
    """The one of the new scorecard."""

    @property
    def change(self) -> int:
        return self.new - self.old


@dataclass(slots=True)
class Group:
    """How many people, and what becomes of their scores."""

    people: int = 0
    up: int = 0
    down: int = 0
    old_points: int = 0
    new_points: int = 0

    @property
    def mean_old(self) -> float:
        return self.old_points / self.people

    @property
    def mean_new(self) -> float:
        return self.new_points / self.people

    def add(self, old: int, new: int) -> None:
        self.people += 1
        self.up += new > old
        self.down += new < old
        self.old_points += old
        self.new_points += new


@dataclass(slots=True)
class Found:
    """What came out. Scores, tiers and restrictions are of the old and the new scorecard, in this order."""

    all: Group = field(default_factory=Group)
    segments: dict[str | None, Group] = field(default_factory=dict)
    """By the segment of the new scorecard; None where it has none."""
    scores: tuple[Counter[int], Counter[int]] = field(default_factory=lambda: (Counter(), Counter()))
    thin: tuple[Counter[bool], Counter[bool]] = field(default_factory=lambda: (Counter(), Counter()))
    changes: Counter[int] = field(default_factory=Counter)
    tiers: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    """How many people have which tier by the old and which by the new one."""
    restricted: Counter[str] = field(default_factory=Counter)
    """How many people each restriction would newly hold for."""
    freed: Counter[str] = field(default_factory=Counter)
    movers: list[Mover] = field(default_factory=list)
    """Those whose scores would change most, most first."""

    @property
    def stability(self) -> float:
        """The population stability index of the new scores against the old ones, in bands of 50 points."""
        old, new = self.scores
        return stability(old.elements(), new.elements(), band_of)


class Preview:
    """Scores people by an old and a new scorecard, over the months up to `through`, with the records that count at
    `instant`.

    A thin file gains no tier from the new scorecard, as benefits has it (rules T4).
    """

    def __init__(
        self, old: Scorecard, new: Scorecard, tiers: TierTable, through: int, instant: datetime, movers: int = 10
    ) -> None:
        self.found = Found()
        self._old, self._new, self._tiers = old, new, tiers
        self._through, self._instant = through, instant
        self._most = movers
        self._moved: list[tuple[int, str, Mover]] = []

    def take(self, user_id: str, state: bytes, circle: Circle | None) -> None:
        """One more person, as the scorer keeps people. Raises UnknownFormatError for a state of a later release."""
        counting = without_lapsed(decode(state), self._instant)
        old = evaluate(counting, self._old, self._through, circle)
        new = evaluate(counting, self._new, self._through, circle)
        segment = self._new.compiled.segment_of(counting, self._through, circle) if self._new.segments else None
        found = self.found
        found.all.add(old.score, new.score)
        found.segments.setdefault(segment, Group()).add(old.score, new.score)
        found.changes[new.score - old.score] += 1
        for counts, thin, evaluation in zip(found.scores, found.thin, (old, new), strict=True):
            counts[evaluation.score] += 1
            thin[evaluation.thin] += 1
        found.tiers[self._tiers_of(old, new)] += 1
        found.restricted.update(set(new.restrictions) - set(old.restrictions))
        found.freed.update(set(old.restrictions) - set(new.restrictions))
        if new.score != old.score:
            self._remember(Mover(user_id, old.score, new.score, segment))

    def done(self) -> Found:
        """Everybody was taken."""
        self.found.movers = [mover for *_, mover in sorted(self._moved, reverse=True, key=lambda each: each[:2])]
        return self.found

    def _tiers_of(self, old: Evaluation, new: Evaluation) -> tuple[str | None, str | None]:
        before = self._tiers.reached(old.score)
        after = self._tiers.reached(new.score)
        if new.thin:
            after = min(before, after)
        return self._tiers.code(before), self._tiers.code(after)

    def _remember(self, mover: Mover) -> None:
        entry = (abs(mover.change), mover.user_id, mover)
        if len(self._moved) < self._most:
            heapq.heappush(self._moved, entry)
        elif self._most:
            heapq.heappushpop(self._moved, entry)


def bands(scores: Mapping[int, int]) -> dict[int, int]:
    """How many people have a score from each band's beginning on."""
    found: Counter[int] = Counter()
    for score, people in scores.items():
        found[band_of(score)] += people
    return dict(sorted(found.items()))


def crossings(found: Found, tiers: TierTable) -> Sequence[tuple[str | None, str | None, int]]:
    """Who changes tier: from, to, and how many people; the greatest number first."""
    order = tiers.position
    moved = [(old, new, people) for (old, new), people in found.tiers.items() if old != new]
    return sorted(moved, key=lambda each: (-each[2], order(each[0]), order(each[1])))


def answer_of(found: Found, old: Scorecard, new: Scorecard, tiers: TierTable) -> dict[str, Any]:
    """The preview for programs."""
    before, after = (bands(counts) for counts in found.scores)
    return {
        "old": old.id,
        "new": new.id,
        "people": found.all.people,
        "up": found.all.up,
        "down": found.all.down,
        "thin": {"old": found.thin[0][True], "new": found.thin[1][True]},
        "psi": round(found.stability, 4),
        "distinct_scores": {"old": len(found.scores[0]), "new": len(found.scores[1])},
        "bands": [
            {"low": low, "high": end_of(low), "old": before.get(low, 0), "new": after.get(low, 0)}
            for low in sorted(before.keys() | after.keys())
        ],
        "tiers": [{"from": a, "to": b, "people": people} for a, b, people in crossings(found, tiers)],
        "restricted": dict(sorted(found.restricted.items())),
        "freed": dict(sorted(found.freed.items())),
        "segments": [
            {
                "segment": code,
                "people": group.people,
                "up": group.up,
                "down": group.down,
                "mean_old": round(group.mean_old, 1),
                "mean_new": round(group.mean_new, 1),
            }
            for code, group in found.segments.items()
        ],
        "movers": [
            {"user_id": each.user_id, "old": each.old, "new": each.new, "change": each.change, "segment": each.segment}
            for each in found.movers
        ],
    }
