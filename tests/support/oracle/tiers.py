"""What must become of a person's published scores, by the rules as `rule_book` computes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from goodstanding.simulation.rule_book import benefits, tiers_reached


@dataclass(frozen=True, slots=True)
class Publication:
    score: int
    thin: bool = False
    restrictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has; `tier` is None below the first."""

    tier: str | None = None
    benefits: frozenset[str] = frozenset()
    restrictions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """`number` is that of the publication which brought it, from 0."""

    number: int
    before: Standing
    after: Standing

    @property
    def granted(self) -> frozenset[str]:
        return self.after.benefits - self.before.benefits

    @property
    def revoked(self) -> frozenset[str]:
        return self.before.benefits - self.after.benefits


def expect(publications: Sequence[Publication], table: Mapping[str, Any]) -> list[Change]:
    """The changes that these publications of one person bring, in order: at most one each."""
    standings = [Standing()]
    before: list[tuple[int, bool]] = []
    for now in publications:
        count = tiers_reached(table, reversed(before), now.score, thin=now.thin)
        before.append((count, bool(now.restrictions)))
        tier, in_force = benefits(table, count, now.restrictions)
        standings.append(Standing(tier, frozenset(in_force), now.restrictions))
    return [
        Change(number, before, after) for number, (before, after) in enumerate(pairwise(standings)) if before != after
    ]
