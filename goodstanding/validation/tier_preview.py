"""What another tier table would do to the people of a platform, were it to begin at one instant: everybody is judged by
both tables, with the score and the standing that they have.

`TierPreview` takes people one at a time and keeps counts, so that its size does not depend on how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing, judged
from services.benefits.core.table import TierTable


class Crossing(NamedTuple):
    """From one tier to another, None below the first. With grace it takes place later, if the score does not
    recover."""

    before: str | None
    after: str | None
    with_grace: bool


@dataclass(slots=True)
class TiersFound:
    """How many people, by what becomes of them."""

    people: int = 0
    crossings: Counter[Crossing] = field(default_factory=Counter)
    granted: Counter[str] = field(default_factory=Counter)
    revoked: Counter[str] = field(default_factory=Counter)
    """Benefits that are lost at once."""
    ending: Counter[str] = field(default_factory=Counter)
    """Benefits that a grace begins for."""
    closed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By restriction and benefit: of whom the restriction would newly close what the tier opens."""
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By restriction and benefit: of whom it would close no more what it closes now."""
    crossing: list[str] = field(default_factory=list)
    """Some of those who cross a tier, by pseudonym."""


class TierPreview:
    """Judges people by an old and a new table at an instant (rules T1 to T5, T9, T10)."""

    def __init__(self, old: TierTable, new: TierTable, zone: tzinfo, instant: datetime, names_max: int = 10) -> None:
        self.found = TiersFound()
        self._old, self._new, self._instant, self._names_max = old, new, instant, names_max
        self._policies = [Policy(tables=(table,), zone=zone) for table in (old, new)]

    def take(self, user_id: str, standing: Standing) -> None:
        """One more person, as benefits keeps people."""
        instant, found = max(self._instant, standing.as_of), self.found
        before, after = (
            judged(standing, standing, instant, table, policy)
            for table, policy in zip((self._old, self._new), self._policies, strict=True)
        )
        found.people += 1
        crossings = set(_crossings(before, after))
        found.crossings.update(crossings)
        found.granted.update(set(after.in_force) - set(before.in_force))
        found.revoked.update(set(before.in_force) - set(after.in_force))
        found.ending.update(_ending(after, self._new) - _ending(before, self._old))
        was, is_now = _closed(before, self._old), _closed(after, self._new)
        found.closed.update(is_now - was)
        found.opened.update(was - is_now)
        if crossings and len(found.crossing) < self._names_max:
            found.crossing.append(user_id)


def _crossings(before: Standing, after: Standing) -> Iterable[Crossing]:
    if before.tier != after.tier:
        yield Crossing(before.tier, after.tier, with_grace=False)
    if after.falls_at is not None and (before.falls_at, before.falls_to) != (after.falls_at, after.falls_to):
        yield Crossing(after.tier, after.falls_to, with_grace=True)


def _ending(standing: Standing, table: TierTable) -> set[str]:
    if standing.falls_at is None:
        return set()
    return set(standing.in_force) - set(table.benefits(table.position(standing.falls_to)))


def _closed(standing: Standing, table: TierTable) -> set[tuple[str, str]]:
    opened = table.benefits(table.position(standing.tier))
    return {(each, code) for each in standing.restrictions for code in opened if code in table.closed([each])}


def answer_of(found: TiersFound, old: TierTable, new: TierTable) -> dict[str, Any]:
    """The preview for programs."""
    return {
        "old": old.id,
        "new": new.id,
        "people": found.people,
        "tiers": [
            {"from": each.before, "to": each.after, "grace": each.with_grace, "people": people}
            for each, people in in_order(found.crossings)
        ],
        "granted": dict(sorted(found.granted.items())),
        "revoked": dict(sorted(found.revoked.items())),
        "ending": dict(sorted(found.ending.items())),
        "closed": _by_restriction(found.closed),
        "opened": _by_restriction(found.opened),
        "crossing": found.crossing,
    }


def in_order(crossings: Mapping[Crossing, int]) -> list[tuple[Crossing, int]]:
    """The greatest number first."""
    return sorted(crossings.items(), key=lambda each: (-each[1], str(each[0])))


def _by_restriction(counts: Mapping[tuple[str, str], int]) -> list[dict[str, object]]:
    return [
        {"restriction": restriction, "benefit": code, "people": people}
        for (restriction, code), people in sorted(counts.items())
    ]
