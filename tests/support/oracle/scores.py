"""What must become of a list of sent events, worked out the slow and plain way, apart from the services.

No state, no folding, no vectors: all accepted events of a person are kept in a list, and each question goes through the
whole list. What the rules give is the rule book's answer, which the demos ask too; what becomes of each message is
decided here. Nothing of the services or of the runner is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from goodstanding.simulation.rule_book import (
    CONTACTS_LAST_MONTHS,
    CONTACTS_MONTHS,
    Behavior,
    Circle,
    Held,
    bounded,
    circle,
    month_of,
    record_points,
)
from goodstanding.simulation.rule_book_features import scored
from shared.contracts.kinds import KIND_OF, Shape
from tests.support.oracle.records import News, Record, Report

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
    limit: int | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asks: to dispute the record of a partner's report under a number, to withdraw a consent given to a
    partner, or to be erased. `record_id` is how the person names that record."""

    id: str
    person: str
    ask: Literal["dispute", "withdraw-consent", "erase"]
    partner: str = ""
    report_id: str = ""
    record_id: str = ""
    number: str = ""
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """What is sent, in this order, while the clock stands at `instant`; it is all handled before the next phase.

    First of all lapses what is due by then; with `publication`, the monthly run of the instant's month comes next. What
    people ask comes when all that was sent is handled.
    """

    instant: datetime
    sent: Sequence[Sent]
    publication: bool = False
    requests: Sequence[Request] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What subscribers learn of a person."""

    score: int
    thin: bool
    restrictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """`fates` and `codes` are by the number of the message over all phases; `results` by user_id, at the end; `records`
    has the news of each record by user_id, in no order of records; `answers` the code of the answer to each request.

    Who was erased is somebody else afterwards: a `life` is a user_id, and after an erasure `<user_id>/1`.
    """

    fates: tuple[Fate, ...]
    codes: Mapping[int, str]
    results: Mapping[str, Result]
    records: Mapping[str, Sequence[Sequence[News]]] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    erased: Mapping[str, int] = field(default_factory=dict)
    """How often each person was erased."""

    def counts(self) -> Counter[str]:
        return Counter(self.fates)


@dataclass(slots=True)
class _Person:
    events: list[Event] = field(default_factory=list)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    """By partner and the partner's own id of the report."""
    standing: int | None = None
    circle: Circle | None = None
    named: dict[str, int] = field(default_factory=dict)
    """The contacts at the time of the last publication, each with the run from which on it has been one."""
    withdrawn: set[tuple[str, str | None]] = field(default_factory=set)
    """Partner and id of each consent that was withdrawn."""
    unnamed: set[Event] = field(default_factory=set)
    """What was told of contacts who were erased since."""

    def behavior(self, zone: ZoneInfo) -> Behavior:
        """Computed from the whole list each time."""
        behavior = Behavior()
        for event in self.events:
            if event not in self.unnamed and (event.partner, event.consent) not in self.withdrawn:
                behavior.hear(event, zone)
        return behavior

    @property
    def is_published(self) -> bool:
        return bool(self.events) or any(record.has_counted for record in self.records.values())

    def news(self) -> list[list[News]]:
        return [record.news for record in self.records.values() if record.news]


def expect(
    phases: Iterable[Phase],
    card: Mapping[str, Any],
    zone: ZoneInfo,
    accepts_late_months: int = 3,
    profile: Mapping[str, Any] | None = None,
) -> Expected:
    """The outcome under a policy in continuous cadence and, where there are records, under a retention profile, both as
    `read_policy` gives them."""
    fates: list[Fate] = []
    codes: dict[int, str] = {}
    people: dict[str, _Person] = {}
    erased: Counter[str] = Counter()
    records: dict[str, list[list[News]]] = {}
    answers: dict[str, str] = {}
    through = 0
    for phase in phases:
        through = month_of(phase.instant, zone)
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
        for request in phase.requests:
            if request.ask == "erase":
                records[_life(request.person, erased)] = _erase(request.person, people)
                erased[request.person] += 1
            answers[request.id] = _ask(request, people, phase.instant)
    records |= {_life(who, erased): person.news() for who, person in people.items()}
    records = {life: news for life, news in records.items() if news}
    known = {who: person for who, person in people.items() if person.is_published}
    results = {_life(who, erased): _result(card, person, through, zone) for who, person in known.items()}
    return Expected(tuple(fates), codes, results, records, answers, erased)


def _life(person: str, erased: Mapping[str, int]) -> str:
    return f"{person}/{erased[person]}" if erased.get(person) else person


def _ask(request: Request, people: dict[str, _Person], now: datetime) -> str:
    """The code of the answer."""
    if request.ask == "erase":
        return "erasing"
    person = people.setdefault(request.person, _Person())
    if request.ask == "withdraw-consent":
        person.withdrawn.add((request.partner, request.consent))
        return "consent-withdrawn"
    record = person.records.get((request.partner, request.report_id))
    return record.dispute(request.number, now) if record else "no-such-record"


def _erase(who: str, people: dict[str, _Person]) -> list[list[News]]:
    """Nothing of the person stays, and in what others have told nothing about the person; what subscribers have heard
    of records is returned."""
    gone = people.pop(who, _Person())
    for other in people.values():
        other.unnamed.update(event for event in other.events if event.contact == who)
        other.named.pop(who, None)
    return gone.news()


def _receive(sent: Sent, people: dict[str, _Person], open_from: int, zone: ZoneInfo) -> tuple[Fate, str | None]:
    event = sent.event
    if event is None or sent.fault:
        return "refused", sent.fault
    if month_of(event.time, zone) < open_from:
        return "refused", "too-late"
    known = people.setdefault(event.person, _Person()).events
    same_id = [
        other
        for other in known
        if (other.partner, other.id) == (event.partner, event.id) and month_of(other.time, zone) >= open_from
    ]
    if not same_id:
        if _is_full(known, event, zone):
            return "refused", "too-many"
        known.append(event)
        if (event.partner, event.consent) in people[event.person].withdrawn:
            return "refused", "consent-withdrawn"
        return "accepted", None
    return ("duplicate", None) if same_id[0] == event else ("refused", "conflict")


def _is_full(known: Iterable[Event], event: Event, zone: ZoneInfo) -> bool:
    """Whether the partner has already sent as many events of this sort in that month as are taken (rules E17)."""
    room = {shape: shape if shape in ROOM else None for shape in Shape}
    mine, when = room[KIND_OF[event.kind].shape], month_of(event.time, zone)
    told = sum(
        1
        for other in known
        if other.partner == event.partner
        and room[KIND_OF[other.kind].shape] == mine
        and month_of(other.time, zone) == when
    )
    return told >= (ROOM[mine] if mine else ROOM_ELSE)


def _report(
    event: Event, report: Report, people: dict[str, _Person], now: datetime, profile: Mapping[str, Any]
) -> tuple[Fate, str | None]:
    """A report is recognized by its content: one that is known changes nothing, whatever the id of its event."""
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
    names = {who: person.behavior(zone).named(through - CONTACTS_MONTHS, zone) for who, person in people.items()}
    for who, person in people.items():
        mutual = [other for other in names[who] if other in people and who in people[other].named]
        lasting = {
            other
            for other in mutual
            if max(person.named.get(other, through), people[other].named[who]) <= through - CONTACTS_LAST_MONTHS
        }
        person.circle = circle((people[other].standing, other in lasting) for other in mutual)
    for who, person in people.items():
        person.named = {other: person.named.get(other, through) for other in names[who]}
        # Without what the contacts bear, so that nobody's standing rests on another's.
        person.standing = _result(card, person, through, zone, alone=True).score


def _result(card: Mapping[str, Any], person: _Person, through: int, zone: ZoneInfo, *, alone: bool = False) -> Result:
    behavior = person.behavior(zone)
    held = [
        Held(record.record_class, record.news[-1].amount, record.news[-1].ended_on)
        for record in person.records.values()
        if record.counts
    ]
    points, limits = scored(card, behavior, through, None if alone else person.circle)
    score, restrictions = bounded(card, points + record_points(card, held, through), limits, held)
    return Result(score, behavior.history(through) < card["months_min"], restrictions)
