"""Tiers by the rule book, from the whole of a person's history (rules T1 to T11).

Nothing here is carried on from one publication to the next: for each instant, what the person has is found in the list
of all that came before. The services, which do carry it on, are compared with this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

Table = Mapping[str, Any]
"""A tier table as its TOML file has it."""


class Publication(NamedTuple):
    as_of: datetime
    score: int
    thin: bool
    restrictions: tuple[str, ...]


class Seen(NamedTuple):
    """What subscribers see of somebody."""

    tier: str | None = None
    in_force: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    falls_at: datetime | None = None
    falls_to: str | None = None


class Change(NamedTuple):
    """`number` is that of the last publication, from 0."""

    as_of: datetime
    number: int
    before: Seen
    after: Seen


@dataclass(frozen=True)
class _Step:
    """A publication, or the beginning of a table, and the codes of the tiers that it reaches."""

    at: datetime
    table: Table
    number: int
    publication: Publication
    reached: tuple[str, ...]


def changes(
    publications: Sequence[Publication], tables: Sequence[Table], zone: tzinfo, until: datetime
) -> list[Change]:
    """All that is said of a person by an instant, each at its own. The tables begin on different days; one without a
    day was always there. The instants of publications rise."""
    if not publications:
        return []
    tables = sorted(tables, key=_day)
    steps: list[_Step] = []
    found: list[Change] = []
    for at, number, table in _instants(publications, tables, zone, until):
        _fall(steps, found, zone, at, including=False)
        publication = publications[number]
        steps.append(_Step(at, table, number, publication, _reached(steps, at, table, publication, zone)))
        _tell(steps, found, at, zone)
    _fall(steps, found, zone, until, including=True)
    return found


def _instants(
    publications: Sequence[Publication], tables: Sequence[Table], zone: tzinfo, until: datetime
) -> list[tuple[datetime, int, Table]]:
    """Every instant at which something is judged anew, the number of the publication, and the table in force."""
    found = []
    for number, publication in enumerate(publications):
        day = publication.as_of.astimezone(zone).date()
        table = [each for each in tables if _day(each) <= day][-1:] or [tables[0]]
        found.append((publication.as_of, number, table[0]))
        ends = publications[number + 1].as_of if number + 1 < len(publications) else until + timedelta(microseconds=1)
        for each in tables:
            begins = _midnight(_day(each), zone) if _day(each) > _day(table[0]) else None
            if begins is not None and publication.as_of < begins < ends:
                found.append((begins, number, each))
    return found


def _reached(
    steps: Sequence[_Step], at: datetime, table: Table, publication: Publication, zone: tzinfo
) -> tuple[str, ...]:
    codes = [tier["code"] for tier in table["tiers"]]
    had = _had(steps, codes)
    reached = sum(tier["from"] <= publication.score for tier in table["tiers"])
    nearly = sum(tier["from"] <= publication.score + table.get("hysteresis", 0) for tier in table["tiers"])
    if publication.thin:
        by_grace = [codes.index(code) + 1 for code in codes if (end := _end(steps, code, zone)) and end >= at]
        reached = min(reached, max([had, *by_grace]))
    return tuple(codes[: max(reached, min(had, nearly))])


def _had(steps: Sequence[_Step], codes: Sequence[str]) -> int:
    """How many of these tiers were reached when last there was no restriction, or since: up to the best one that every
    table since then has had."""
    began = len(steps)
    while began and (began == len(steps) or steps[began].publication.restrictions):
        began -= 1
    had: tuple[str, ...] = ()
    for step in steps[began:]:
        names = [tier["code"] for tier in step.table["tiers"]]
        had = tuple(names[: max(len(step.reached), _up_to(had, names))])
    return _up_to(had, codes)


def _up_to(had: Sequence[str], codes: Sequence[str]) -> int:
    """How many of the tiers lie up to the best one of those that somebody had."""
    return next((codes.index(code) + 1 for code in reversed(had) if code in codes), 0)


def _end(steps: Sequence[_Step], code: str, zone: tzinfo) -> datetime | None:
    """When the grace of a tier ends that was reached once and is no more; None where it has none."""
    lost = len(steps)
    while lost and code not in steps[lost - 1].reached:
        lost -= 1
    if lost in (0, len(steps)):
        return None
    before, step = steps[lost - 1], steps[lost]
    if before.publication.restrictions or step.publication.restrictions:
        return None
    if any(code not in [tier["code"] for tier in each.table["tiers"]] for each in steps[lost:]):
        return None
    [days] = [tier.get("grace_days", 0) for tier in step.table["tiers"] if tier["code"] == code]
    day = step.at.astimezone(zone).date()
    if step.at > _midnight(day, zone):
        day += timedelta(days=1)
    return _midnight(day + timedelta(days=days), zone) if days else None


def _seen(steps: Sequence[_Step], at: datetime, zone: tzinfo) -> Seen:
    if not steps:
        return Seen()
    step = steps[-1]
    closed_by = step.publication.restrictions
    codes = [tier["code"] for tier in step.table["tiers"]]
    ends = {code: end for code in codes if (end := _end(steps, code, zone)) and end > at and not closed_by}
    tier = _highest(codes, [*step.reached, *ends])
    falls_at = ends.get(tier) if tier else None
    falls_to = _highest(codes, [*step.reached, *(code for code in ends if falls_at and ends[code] > falls_at)])
    open_to = step.table["tiers"][: codes.index(tier) + 1 if tier else 0]
    benefits = [benefit["code"] for each in open_to for benefit in each["benefits"]]
    closed = {code for each in closed_by for code in step.table["restrictions"].get(each, benefits)}
    in_force = tuple(code for code in benefits if code not in closed)
    return Seen(tier, in_force, tuple(sorted(set(closed_by))), falls_at, falls_to if falls_at else None)


def _highest(codes: Sequence[str], among: Iterable[str]) -> str | None:
    return max(among, key=codes.index, default=None)


def _fall(steps: Sequence[_Step], found: list[Change], zone: tzinfo, until: datetime, *, including: bool) -> None:
    while found and (at := found[-1].after.falls_at) is not None and (at < until or (including and at == until)):
        _tell(steps, found, at, zone)


def _tell(steps: Sequence[_Step], found: list[Change], at: datetime, zone: tzinfo) -> None:
    before, after = found[-1].after if found else Seen(), _seen(steps, at, zone)
    if before != after:
        found.append(Change(at, steps[-1].number, before, after))


def _day(table: Table) -> date:
    return table.get("effective_on") or date.min


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(0), zone)
