"""What the rules are given besides time: the tier tables with their days, and the zone in which days begin.

A process holds all tables. Each change is by the one that is in force at its instant (rules T8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec

from services.benefits.core.table import TierTable
from shared.contracts.months import month_number, month_start
from shared.contracts.policy_parts import PolicyFault


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    tables: tuple[TierTable, ...]
    """At least one, the earliest first, each of another day."""
    zone: tzinfo
    fingerprint_key: bytes = b""
    """The key under which people who were erased lately are remembered."""

    def at(self, instant: datetime, not_before: date = date.min) -> TierTable:
        """The table in force at an instant, or the one of a later day by which something was decided already; the first
        one where none is in force yet."""
        if len(self.tables) == 1:
            return self.tables[0]
        day = max(instant.astimezone(self.zone).date(), not_before)
        return self.by_day(day)

    def by_day(self, day: date) -> TierTable:
        """The table that is in force on a day; the first one where none is yet."""
        return next((table for table in reversed(self.tables) if table.day <= day), self.tables[0])

    def following(self, day: date) -> TierTable | None:
        """The first table that begins after a day."""
        return next((table for table in self.tables if table.day > day), None)

    def begins(self, table: TierTable) -> datetime:
        """The instant from which on a table that has a day is in force, in UTC."""
        return _start_of(table.day, self.zone)

    def end_of_grace(self, since: datetime, days: int) -> datetime:
        """The first beginning of a day, in UTC, at which so many days have passed since an instant."""
        today = since.astimezone(self.zone).date()
        is_whole = since == _start_of(today, self.zone)
        return _start_of(today + timedelta(days=days if is_whole else days + 1), self.zone)


@lru_cache(maxsize=256)
def _start_of(day: date, zone: tzinfo) -> datetime:
    """Remembered, since a step decides for many people at one instant."""
    return month_start(month_number(day), zone, day.day)


def in_order(tables: Sequence[TierTable]) -> tuple[TierTable, ...]:
    return tuple(sorted(tables, key=lambda table: table.day))


def faults_among(tables: Sequence[TierTable]) -> Iterator[tuple[int, PolicyFault]]:
    """What is wrong with tier tables beside one another: the index of each that is, and its fault."""
    for index, table in enumerate(tables):
        earlier = [other for other in tables[:index] if other.day == table.day]
        if earlier and table.effective_on is None:
            sentence = f"Give it a day from which on it is in force, since {earlier[0].name} has none either."
            yield index, PolicyFault(("effective_on",), sentence)
        elif earlier:
            sentence = f"Use another day: {earlier[0].name} is in force from the same one."
            yield index, PolicyFault(("effective_on",), sentence)
