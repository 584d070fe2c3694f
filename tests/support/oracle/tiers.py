"""What must become of a person's published scores, worked out the slow and plain way, apart from the services.

Every step looks at all publications again. The rules are read from the rule book and from the policy file, not from the
code of benefits, and nothing of the services is imported here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any


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


def load_table(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def expect(publications: Sequence[Publication], table: Mapping[str, Any]) -> list[Change]:
    """The changes that these publications of one person bring, in order: at most one each."""
    standings = [Standing()]
    counts: list[int] = []
    for number, now in enumerate(publications):
        counts.append(_count(publications[:number], counts, now, table))
        standings.append(_standing(now, table["tiers"][: counts[-1]], table["restrictions"]))
    return [
        Change(number, before, after) for number, (before, after) in enumerate(pairwise(standings)) if before != after
    ]


def _count(before: Sequence[Publication], counts: Sequence[int], now: Publication, table: Mapping[str, Any]) -> int:
    """How many tiers the person has now; `counts` has it for each publication before."""
    reached = sum(1 for tier in table["tiers"] if tier["from"] <= now.score)
    if not now.thin:
        return reached
    # A thin file gains nothing new. Not new is what the person had when last there was no restriction, and since.
    had = 0
    for publication, count in zip(reversed(before), reversed(counts), strict=True):
        had = max(had, count)
        if not publication.restrictions:
            break
    return min(reached, had)


def _standing(now: Publication, tiers: Sequence[Any], restrictions: Mapping[str, Sequence[str]]) -> Standing:
    earned = {benefit["code"] for each in tiers for benefit in each["benefits"]}
    closed: set[str] = set()
    for restriction in now.restrictions:
        # What the table does not know closes everything.
        closed |= set(restrictions.get(restriction, earned))
    return Standing(tiers[-1]["code"] if tiers else None, frozenset(earned - closed), now.restrictions)
