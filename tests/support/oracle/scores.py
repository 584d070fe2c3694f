"""What must become of a list of sent events, worked out the slow and plain way, apart from the services.

No state, no folding, no vectors: all accepted events of a person are kept in a list, and each question goes through the
whole list. The rules are read from the rule book and from the policy file, not from the scorer's code, and nothing of
the services or of the runner is imported here.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shared.contracts.kinds import KIND_OF, Shape
from tests.support.oracle.records import News, Record, Report

BASE, BEST = 350, 950
CONTACTS_MIN = 5
CONTACTS_BAND = 100
CONTACTS_MONTHS = 24
ROOM = {Shape.FIGURE: 50, Shape.CONTACT: 100}
"""Events of one person that are taken from one partner in one month; of all other shapes together ROOM_ELSE."""
ROOM_ELSE = 1000

Fate = Literal["accepted", "duplicate", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as its partner means it. `person`, and `contact` where there is one, are user_ids. Of a negative record
    all is in `report`, whose kind is the event's."""

    person: str
    partner: str
    id: str
    time: datetime
    kind: str
    count: int = 1
    amount: int | None = None
    days_late: int = 0
    reverses: bool = False
    value: str | None = None
    contact: str | None = None
    consent: str | None = None
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: what it says, or the code of the refusal that it was made to get at the door."""

    event: Event | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What is sent, in this order, while the clock stands at `instant`; it is all handled before the next phase.

    First of all lapses what is due by then; with `publication`, the monthly run of the instant's month comes next.
    """

    instant: datetime
    sent: Sequence[Sent]
    publication: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What subscribers learn of a person."""

    score: int
    thin: bool
    restrictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """`fates` and `codes` are by the number of the message over all phases; `results` by user_id, at the end; `records`
    has the news of each record by user_id, in no order of records."""

    fates: tuple[Fate, ...]
    codes: Mapping[int, str]
    results: Mapping[str, Result]
    records: Mapping[str, Sequence[Sequence[News]]] = field(default_factory=dict)

    def counts(self) -> Counter[str]:
        return Counter(self.fates)


@dataclass(slots=True)
class _Person:
    events: list[Event] = field(default_factory=list)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    """By partner and the partner's own id of the report."""
    standing: int | None = None
    contacts: int | None = None
    named: frozenset[str] = frozenset()
    """Who was among the contacts when the last publication was made."""


def expect(
    phases: Iterable[Phase],
    card: Mapping[str, Any],
    zone: ZoneInfo,
    accepts_late_months: int = 3,
    profile: Mapping[str, Any] | None = None,
) -> Expected:
    """The outcome under a policy in continuous cadence and, where there are records, under a retention profile, both as
    `load_policy` gives them."""
    fates: list[Fate] = []
    codes: dict[int, str] = {}
    people: dict[str, _Person] = {}
    through = 0
    for phase in phases:
        through = month(phase.instant, zone)
        _lapse(people.values(), phase)
        if phase.publication:
            _publish(people, card, through, zone)
        for sent in phase.sent:
            if sent.event and sent.event.report:
                assert profile is not None, "records have deadlines"
                fate, code = _report(sent.event, sent.event.report, people, phase.instant, profile)
            else:
                fate, code = _receive(sent, people, through - accepts_late_months, zone)
            if code:
                codes[len(fates)] = code
            fates.append(fate)
    told = {who: [record.news for record in person.records.values() if record.news] for who, person in people.items()}
    records = {who: news for who, news in told.items() if news}
    known = {who: person for who, person in people.items() if person.events or who in records}
    results = {who: _result(card, person, through, zone) for who, person in known.items()}
    return Expected(tuple(fates), codes, results, records)


def load_policy(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def month(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.year * 12 + local.month - 1


def _receive(sent: Sent, people: dict[str, _Person], open_from: int, zone: ZoneInfo) -> tuple[Fate, str | None]:
    event = sent.event
    if event is None or sent.fault:
        return "refused", sent.fault
    if month(event.time, zone) < open_from:
        return "refused", "too-late"
    known = people.setdefault(event.person, _Person()).events
    same_id = [
        other
        for other in known
        if (other.partner, other.id) == (event.partner, event.id) and month(other.time, zone) >= open_from
    ]
    if not same_id:
        if _is_full(known, event, zone):
            return "refused", "too-many"
        known.append(event)
        return "accepted", None
    return ("duplicate", None) if same_id[0] == event else ("refused", "conflict")


def _is_full(known: Iterable[Event], event: Event, zone: ZoneInfo) -> bool:
    """Whether the partner has told as much of this in the event's month as there is room for."""
    room = {shape: shape if shape in ROOM else None for shape in Shape}
    mine, when = room[KIND_OF[event.kind].shape], month(event.time, zone)
    told = sum(
        1
        for other in known
        if other.partner == event.partner
        and room[KIND_OF[other.kind].shape] == mine
        and month(other.time, zone) == when
    )
    return told >= (ROOM[mine] if mine else ROOM_ELSE)


def _report(
    event: Event, report: Report, people: dict[str, _Person], now: datetime, profile: Mapping[str, Any]
) -> tuple[Fate, str | None]:
    """A record is told of by content: whichever id the event has, what is known already changes nothing."""
    records = people.setdefault(event.person, _Person()).records
    record = records.setdefault((event.partner, report.id), Record(profile))
    match record.take(replace(report, time=event.time), now):
        case "accepted" | "duplicate" as fate:
            late = [answer for _, answer in record.late_answers]
            assert set(late) <= {"accepted"}, "a settlement that is refused late: teach the oracle"
            return fate, None
        case code:
            return "refused", code


def _lapse(people: Iterable[_Person], phase: Phase) -> None:
    for person in people:
        for record in person.records.values():
            assert not record.expire(phase.instant), "a settlement that no report follows: teach the oracle"


def _publish(people: dict[str, _Person], card: Mapping[str, Any], through: int, zone: ZoneInfo) -> None:
    """The monthly run: contacts are seen as the publication before left them, so all are seen before any is moved.

    Both must have named each other, the other one by the publication before; and each is seen in its band only.
    """
    names = {
        who: frozenset(_contacts(e for e in person.events if month(e.time, zone) >= through - CONTACTS_MONTHS))
        for who, person in people.items()
    }
    for who, person in people.items():
        mutual = [people[other] for other in names[who] if other in people and who in people[other].named]
        bands = [(other.standing - BASE) // CONTACTS_BAND for other in mutual if other.standing is not None]
        person.contacts = None
        if len(bands) >= CONTACTS_MIN:
            person.contacts = BASE + sum(bands) // len(bands) * CONTACTS_BAND
    for who, person in people.items():
        person.named = names[who]
        person.standing = _result(card, person, through, zone).score


def _result(card: Mapping[str, Any], person: _Person, through: int, zone: ZoneInfo) -> Result:
    counted = [event for event in person.events if KIND_OF[event.kind].shape in (Shape.OBLIGATION, Shape.ACTIVITY)]
    first = min((month(event.time, zone) for event in counted), default=None)
    history = 0 if first is None else through - first + 1
    points = sum(_MEASURES[rule["measure"]](rule, person, through, history, zone) for rule in card["rules"])
    classes = {record.record_class for record in _counting(person) if not record.is_settled}
    ceiling = min((card.get("ceilings", {}).get(each, BEST) for each in classes), default=BEST)
    closed = {code for each in classes for code in card.get("restrictions", {}).get(each, ())}
    return Result(min(max(BASE + points, BASE), ceiling), history < card["months_min"], tuple(sorted(closed)))


# -- the measures, each from the comment beside it in the policy file -------------------------------------------------


def _share_on_time(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    mine = _in_window(rule, person.events, through, zone)
    if not mine:
        return int(rule["unknown"])
    on_time = sum(1 for event in mine if event.days_late == 0)
    return _points(rule, on_time * 1000 // len(mine))


def _active_months(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    if history <= 0:
        return int(rule["unknown"])
    net: Counter[tuple[int, str]] = Counter()
    for event in _in_window(rule, person.events, through, zone):
        net[month(event.time, zone), event.kind] += -event.count if event.reverses else event.count
    points = _points(rule, len({m for (m, _), count in net.items() if count > 0}))
    return max(points, int(rule["unknown"])) if history < rule["window_months"] else points


def _latest_figure(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    latest: dict[tuple[str, str | None, str, int], Event] = {}
    for event in sorted(_in_window(rule, person.events, through, zone), key=lambda event: event.time):
        latest[event.partner, event.consent, event.kind, month(event.time, zone)] = event
    by_month: dict[int, int] = {}
    for (*_, m), event in latest.items():
        by_month[m] = max(by_month.get(m, 0), event.amount or 0)
    steady = sorted(by_month, reverse=True)[: rule["steady_months"]]
    if len(steady) < rule["steady_months"]:
        return int(rule["unknown"])
    return _points(rule, min(by_month[m] for m in steady))


def _fact(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    facts = [event for event in person.events if event.kind == rule["kind"]]
    if not facts:
        return int(rule["unknown"])
    return int(rule["values"].get(max(facts, key=lambda event: event.time).value, rule["unknown"]))


def _contacts_standing(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    return int(rule["unknown"]) if person.contacts is None else _points(rule, person.contacts)


def _negative_records(rule: Mapping[str, Any], person: _Person, through: int, history: int, zone: ZoneInfo) -> int:
    points = [rule["settled" if r.is_settled else "unsettled"][r.record_class] for r in _counting(person)]
    return max(sum(points), int(rule["lowest"])) if points else int(rule["unknown"])


_MEASURES: Mapping[str, Callable[[Mapping[str, Any], _Person, int, int, ZoneInfo], int]] = {
    "share_on_time": _share_on_time,
    "active_months": _active_months,
    "latest_figure": _latest_figure,
    "fact": _fact,
    "contacts_standing": _contacts_standing,
    "negative_records": _negative_records,
}


def _counting(person: _Person) -> list[Record]:
    return [record for record in person.records.values() if record.counts]


def _in_window(rule: Mapping[str, Any], events: Iterable[Event], through: int, zone: ZoneInfo) -> list[Event]:
    months = range(through - rule["window_months"] + 1, through + 1)
    return [event for event in events if event.kind in rule["kinds"] and month(event.time, zone) in months]


def _points(rule: Mapping[str, Any], measured: int) -> int:
    return int(max((band for band in rule["bands"] if measured >= band["at_least"]), key=_start)["points"])


def _start(band: Mapping[str, int]) -> int:
    return band["at_least"]


def _contacts(events: Iterable[Event]) -> list[str]:
    """Who is among the contacts, as the latest event about each says."""
    latest: dict[str, str | None] = {}
    for event in sorted((e for e in events if e.contact), key=lambda e: e.time):
        latest[event.contact or ""] = event.value
    return [contact for contact, value in latest.items() if value == "present"]
