"""The rule book, computed anew and apart from the services: what a person's behavior and records are worth.

No code of the services is used here, on purpose: every event is kept instead of sums, and each rule is as plain as can
be. The demos' recount and the oracle of the fault campaign both ask this module, so that a rule is written twice in
all: once in the services, and once here. A difference between the two means that one of them is wrong.
"""

from __future__ import annotations

import tomllib
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Shape

BASE, BEST = 350, 950
CONTACTS_MONTHS = 24
_CONTACTS_MIN, _CONTACTS_BAND = 5, 100


class Told(Protocol):
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

    done: dict[int, list[Told]] = field(default_factory=dict)
    """Obligations and activities by month."""
    facts: dict[str, Told] = field(default_factory=dict)
    figures: dict[tuple[int, str, str, str | None], Told] = field(default_factory=dict)
    """The latest by (month, kind, partner, consent)."""
    contacts: dict[str, Told] = field(default_factory=dict)

    def hear(self, event: Told, zone: ZoneInfo) -> None:
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

    def named(self, since: int, zone: ZoneInfo) -> frozenset[str]:
        """The contacts by the latest word about each, unless that is older than anything is remembered."""
        told = self.contacts.items()
        return frozenset(c for c, e in told if e.value == "present" and month_of(e.time, zone) >= since)


def _signed(event: Told, number: int) -> int:
    """A reversal takes back what an event gives."""
    return -number if event.reverses else number


def read_policy(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def month_of(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def class_of(kind: str) -> str:
    return str(KIND_OF[kind].record_class)


def points(rule: Mapping[str, Any], behavior: Behavior, through: int, contacts: int | None) -> int:
    """What a rule gives for everything but records, as of the months up to this one."""
    return _MEASURES[rule["measure"]](rule, behavior, through, contacts)


def unknown_measures(card: Mapping[str, Any]) -> list[str]:
    """Those that the card names and that cannot be computed here."""
    return [rule["measure"] for rule in card["rules"] if rule["measure"] not in {*_MEASURES, RECORDS}]


RECORDS = "negative_records"


def record_points(rule: Mapping[str, Any], records: Iterable[tuple[str, bool]]) -> int:
    """What the records that count cost together: the class of each, and whether it is settled (rules S13)."""
    costs = [rule["settled" if settled else "unsettled"][record_class] for record_class, settled in records]
    return max(sum(costs), int(rule["lowest"])) if costs else int(rule["unknown"])


def bounded(card: Mapping[str, Any], points: int, unsettled: Collection[str]) -> tuple[int, tuple[str, ...]]:
    """Score and restrictions, given the classes of the records that count and are unsettled (rules S1, S14 and S15)."""
    ceiling = min((card.get("ceilings", {}).get(each, BEST) for each in unsettled), default=BEST)
    closed = {code for each in unsettled for code in card.get("restrictions", {}).get(each, ())}
    return min(max(BASE + points, BASE), ceiling), tuple(sorted(closed))


def contacts_standing(standings: Iterable[int | None]) -> int | None:
    """Where the mean band of the mutual contacts begins; None with too few that have a standing (rules S12)."""
    bands = [(standing - BASE) // _CONTACTS_BAND for standing in standings if standing is not None]
    if len(bands) < _CONTACTS_MIN:
        return None
    return BASE + sum(bands) // len(bands) * _CONTACTS_BAND


def lapses_at(kind: str, ended_on: date, profile: Mapping[str, Any]) -> datetime:
    """The end of the same day so many years on, or of that month's last one (rules D1 to D3)."""
    year = ended_on.year + profile["years"][class_of(kind)]
    last_day = date(year, ended_on.month, min(ended_on.day, monthrange(year, ended_on.month)[1]))
    return datetime.combine(last_day + timedelta(days=1), datetime.min.time(), zones.zone(profile["zone"]))


# -- the measures, each from the comment beside it in the policy file -------------------------------------------------


def _share_on_time(rule: Mapping[str, Any], behavior: Behavior, through: int, _: int | None) -> int:
    due = late = 0
    for event in _window(rule, behavior, through):
        due += event.count
        late += event.count if event.days_late else 0
    return _band(rule, (due - late) * 1000 // due) if due else int(rule["unknown"])


def _active_months(rule: Mapping[str, Any], behavior: Behavior, through: int, _: int | None) -> int:
    if (history := behavior.history(through)) <= 0:
        return int(rule["unknown"])
    active = 0
    for month in behavior.done.keys() & _months(rule, through):
        net: Counter[str] = Counter()
        for event in behavior.done[month]:
            if event.kind in rule["kinds"]:
                net[event.kind] += _signed(event, event.count)
        active += any(count > 0 for count in net.values())
    points = _band(rule, active)
    # Before a person's first month nobody knows, so a short history costs no more than none.
    return points if history >= rule["window_months"] else max(points, int(rule["unknown"]))


def _latest_figure(rule: Mapping[str, Any], behavior: Behavior, through: int, _: int | None) -> int:
    highest: dict[int, int] = {}
    for (month, kind, _partner, _consent), event in behavior.figures.items():
        if kind in rule["kinds"] and month in _months(rule, through):
            highest[month] = max(event.amount or 0, highest.get(month, 0))
    steady = sorted(highest, reverse=True)[: rule["steady_months"]]
    known = len(steady) == rule["steady_months"]
    return _band(rule, min(highest[month] for month in steady)) if known else int(rule["unknown"])


def _fact(rule: Mapping[str, Any], behavior: Behavior, *_: object) -> int:
    fact = behavior.facts.get(rule["kind"])
    return int(rule["values"].get(fact.value, rule["unknown"]) if fact else rule["unknown"])


def _contacts(rule: Mapping[str, Any], behavior: Behavior, through: int, contacts: int | None) -> int:
    return int(rule["unknown"]) if contacts is None else _band(rule, contacts)


_MEASURES: Mapping[str, Callable[[Mapping[str, Any], Behavior, int, int | None], int]] = {
    "share_on_time": _share_on_time,
    "active_months": _active_months,
    "latest_figure": _latest_figure,
    "fact": _fact,
    "contacts_standing": _contacts,
}


def _window(rule: Mapping[str, Any], behavior: Behavior, through: int) -> Iterator[Told]:
    for month in behavior.done.keys() & _months(rule, through):
        yield from (event for event in behavior.done[month] if event.kind in rule["kinds"])


def _months(rule: Mapping[str, Any], through: int) -> range:
    return range(through - rule["window_months"] + 1, through + 1)


def _band(rule: Mapping[str, Any], measured: int) -> int:
    reached: Iterable[Mapping[str, int]] = (band for band in rule["bands"] if measured >= band["at_least"])
    return max(reached, key=lambda band: band["at_least"])["points"]


K = TypeVar("K", str, tuple[int, str, str, str | None])


def _keep_latest(table: dict[K, Told], key: K, event: Told) -> None:
    if key not in table or event.time > table[key].time:
        table[key] = event
