"""The rule book, computed again and apart from the services: what a person's behavior and records are worth.

No code of the services is used here, on purpose: every event is kept instead of sums, and each rule is as plain as can
be. The demos' recount and the oracle of the fault campaign both ask this module, so that a rule is written twice in
all: once in the services, and once here. A difference between the two means that one of them is wrong.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Shape
from shared.toml_file import load

BASE, BEST = 350, 950
CONTACTS_MONTHS = 24
CONTACTS_LAST_MONTHS = 12
"""From how many runs in a row on a contact is one of long standing."""
_CONTACTS_MIN, _CONTACTS_BAND = 5, 100


class MeantEvent(Protocol):
    """An event as its partner means it, of whichever class."""

    @property
    def partner(self) -> str: ...
    @property
    def time(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def amount(self) -> int | None: ...
    @property
    def limit(self) -> int | None: ...
    @property
    def days_late(self) -> int: ...
    @property
    def reverses(self) -> bool: ...
    @property
    def value(self) -> str | None: ...
    @property
    def contact(self) -> str | None: ...
    @property
    def consent(self) -> str | None: ...


@dataclass(slots=True)
class Behavior:
    """All that was accepted of one person, but for negative records. A month is `year * 12 + month - 1`."""

    done: dict[int, list[MeantEvent]] = field(default_factory=dict)
    """Obligations and activities by month."""
    facts: dict[str, MeantEvent] = field(default_factory=dict)
    figures: dict[tuple[int, str, str, str | None], MeantEvent] = field(default_factory=dict)
    """The latest by (month, kind, partner, consent)."""
    contacts: dict[str, MeantEvent] = field(default_factory=dict)

    def hear(self, event: MeantEvent, zone: ZoneInfo) -> None:
        month = month_of(event.time, zone)
        match KIND_OF[event.kind].shape:
            case Shape.OBLIGATION | Shape.ACTIVITY:
                self.done.setdefault(month, []).append(event)
            case Shape.FACT:
                _keep_latest(self.facts, event.kind, event)
            case Shape.FIGURE:
                _keep_latest(self.figures, (month, event.kind, event.partner, event.consent), event)
            case Shape.CONTACT:
                _keep_latest(self.contacts, event.contact or "", event)
            case Shape.RECORD:
                raise ValueError("A negative record is no behavior.")

    def history(self, through: int) -> int:
        """How many months back the first obligation or activity is, that month included."""
        return through - min(self.done) + 1 if self.done else 0

    def limit(self, kind: str, month: int) -> int | None:
        """What the statements of a month could be charged to together; None unless each of them says so (rules E19)."""
        statements = [event for event in self.done.get(month, ()) if event.kind == kind]
        if sum(_signed(event, event.count) for event in statements if event.limit is None):
            return None
        return sum(_signed(event, event.limit) for event in statements if event.limit is not None)

    def named_limit(self, kind: str, month: int) -> int:
        """What the statements of a month that name a limit could be charged to; nothing where more limits were named
        than statements are left."""
        statements = [event for event in self.done.get(month, ()) if event.kind == kind]
        if sum(_signed(event, event.count) for event in statements if event.limit is None) < 0:
            return 0
        return sum(_signed(event, event.limit) for event in statements if event.limit is not None)

    def names_a_limit(self, kind: str, month: int) -> bool:
        """Whether of the statements that are left of a month one names its limit."""
        statements = [event for event in self.done.get(month, ()) if event.kind == kind]
        unnamed = sum(_signed(event, event.count) for event in statements if event.limit is None)
        return unnamed >= 0 and sum(_signed(event, event.count) for event in statements if event.limit is not None) > 0

    def named(self, since: int, zone: ZoneInfo) -> frozenset[str]:
        """The contacts by the latest word about each, unless that is older than anything is remembered."""
        told = self.contacts.items()
        return frozenset(c for c, e in told if e.value == "present" and month_of(e.time, zone) >= since)


def _signed(event: MeantEvent, number: int) -> int:
    """A reversal takes back what an event gives."""
    return -number if event.reverses else number


def read_policy(file: Path) -> dict[str, Any]:
    return load(file, dict[str, Any])


def month_of(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def class_of(kind: str) -> str:
    return str(KIND_OF[kind].record_class)


@dataclass(frozen=True, slots=True)
class Circle:
    """What a person's contacts bear on the score, each figure as coarse as it may be seen (rules S12)."""

    standing: int
    influence: int
    stability: int


def circle(contacts: Iterable[tuple[int | None, bool]]) -> Circle | None:
    """Of the standing of each mutual contact, and whether it has been one for a year; None with too few that have a
    standing (rules S12)."""
    known = [(standing, lasting) for standing, lasting in contacts if standing is not None]
    if len(known) < _CONTACTS_MIN:
        return None
    bands = [(standing - BASE) // _CONTACTS_BAND for standing, _ in known]
    lasting = sum(1 for _, has_lasted in known if has_lasted)
    return Circle(
        standing=BASE + sum(bands) // len(bands) * _CONTACTS_BAND,
        influence=max(step for step in (5, 15, 50) if step <= len(known)),
        stability=lasting * 1000 // len(known) // 250 * 250,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A negative record that counts."""

    record_class: str
    amount: int | None
    ended_on: date | None
    """None while it is open."""


def record_points(card: Mapping[str, Any], records: Iterable[Held], through: int) -> int:
    """What the records that count cost together, where this is the last complete month (rules S13)."""
    rule = card.get("records")
    if rule is None:
        return 0
    total = 0
    for record in records:
        cost = -rule[record.record_class]["settled" if record.ended_on else "open"]
        small = rule.get("small")
        if small and record.amount is not None and record.amount < small["below"]:
            cost = cost * small["percent"] // 100
        if "halves" in rule and record.ended_on:
            months = through - (record.ended_on.year * 12 + record.ended_on.month - 1)
            cost //= 2 ** (max(months, 0) // rule["halves"])
        total -= cost
    return max(total, int(rule["lowest"]))


def bounded(
    card: Mapping[str, Any], points: int, limits: Iterable[int], records: Iterable[Held]
) -> tuple[int, tuple[str, ...]]:
    """Score and restrictions, given the limits that hold and the records that count (rules S1, S14, S15 and S19)."""
    unsettled = {record.record_class for record in records if record.ended_on is None}
    settled = {record.record_class for record in records if record.ended_on is not None}
    ceilings = [card.get("ceilings", {}).get(each, BEST) for each in unsettled]
    ceilings += [card.get("settled_ceilings", {}).get(each, BEST) for each in settled]
    closed = {code for each in unsettled for code in card.get("restrictions", {}).get(each, ())}
    return min([max(BASE + points, BASE), *limits, *ceilings]), tuple(sorted(closed))


def lapses_at(kind: str, ended_on: date, profile: Mapping[str, Any]) -> datetime:
    """The end of the same day so many years on, or of that month's last one (rules D1 to D3)."""
    year = ended_on.year + profile["years"][class_of(kind)]
    last_day = date(year, ended_on.month, min(ended_on.day, monthrange(year, ended_on.month)[1]))
    return datetime.combine(last_day + timedelta(days=1), datetime.min.time(), zones.zone(profile["zone"]))


def counts_from(kind: str, reported_at: datetime, profile: Mapping[str, Any]) -> datetime | None:
    """The end of the last day of notice, the day of the report not counted (rules R22); None where there is none."""
    days = profile.get("notice_days", {}).get(class_of(kind), 0)
    zone = zones.zone(profile["zone"])
    day = reported_at.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, datetime.min.time(), zone) if days else None


def tiers_reached(table: Mapping[str, Any], before: Iterable[tuple[int, bool]], score: int, *, thin: bool) -> int:
    """How many tiers a person has after a publication (rules T1 and T3). `before` has the earlier ones, the last one
    first: how many tiers the person had then, and whether there were restrictions."""
    reached = sum(1 for tier in table["tiers"] if tier["from"] <= score)
    if not thin:
        return reached
    # A thin file gains nothing new. Not new is what the person had when last there was no restriction, and since.
    had = 0
    for count, restricted in before:
        had = max(had, count)
        if not restricted:
            break
    return min(reached, had)


def benefits(table: Mapping[str, Any], count: int, restrictions: Iterable[str]) -> tuple[str | None, tuple[str, ...]]:
    """The highest of so many tiers, and the benefits that are open in it (rules T2, T4 and T5)."""
    tiers = table["tiers"][:count]
    codes = [benefit["code"] for tier in tiers for benefit in tier["benefits"]]
    # What the table does not know closes everything.
    closed = {code for each in restrictions for code in table["restrictions"].get(each, codes)}
    return tiers[-1]["code"] if tiers else None, tuple(code for code in codes if code not in closed)


K = TypeVar("K", str, tuple[int, str, str, str | None])


def _keep_latest(table: dict[K, MeantEvent], key: K, event: MeantEvent) -> None:
    if key not in table or event.time > table[key].time:
        table[key] = event
