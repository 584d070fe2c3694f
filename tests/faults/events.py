"""The campaign's input: what partners send, drawn from a seed, each message with its meaning for the oracle.

Five stretches of the calendar: two begin with a monthly publication, and before each of these lies one in which records
lapse. Within a day the messages are shuffled. Of all messages 5 % are duplicates, 1 % are broken and, where asked for,
10 % tell of negative records; some come under an id that is taken, some for a month that is over.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from services.retention.core.fingerprint import dispute_id, record_id
from shared.contracts.cloudevents import STRUCTURED, binary
from shared.contracts.identity import sample_account, user_id
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.months import month_number, month_start
from shared.contracts.times import rfc3339
from tests.faults.policy import profile
from tests.faults.record_stories import OUTCOMES, Days, Outcome, answer, tell, tell_to_dispute
from tests.support.oracle.records import Report
from tests.support.oracle.scores import Event, Phase, Request, Sent

SCHEME = "account"
ZONE = ZoneInfo("Asia/Shanghai")
PARTNERS = ("north", "south")
"""Both send the native format, `north` as structured CloudEvents, `south` as binary ones."""

_DUPLICATES, _BROKEN, _CONFLICTS, _LATE, _RECORDS = 0.05, 0.01, 0.005, 0.005, 0.1

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message on a partner's raw topic, and what it means."""

    partner: str
    key: bytes
    value: bytes | None
    headers: Headers
    sent: Sent


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages sent while the clock stands at `instant`, in this order."""

    instant: datetime
    publication: bool
    messages: tuple[Message, ...]
    requests: tuple[Request, ...] = ()
    """What people ask when all of the messages are handled."""

    @property
    def phase(self) -> Phase:
        return Phase(self.instant, [message.sent for message in self.messages], self.publication, self.requests)


@dataclass(frozen=True, slots=True)
class _Span:
    """`share` of all messages is sent at `instant` and tells of the days from `first` to `last`."""

    instant: datetime
    publication: bool
    first: datetime
    last: datetime
    share: float


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=ZONE)


_SPANS = (
    _Span(_day(2026, 3, 20), False, _day(2026, 1, 1), _day(2026, 3, 19), 0.5),
    _Span(_day(2026, 4, 2), False, _day(2026, 3, 20), _day(2026, 4, 1), 0.12),
    _Span(_day(2026, 4, 6), True, _day(2026, 4, 2), _day(2026, 4, 5), 0.13),
    _Span(_day(2026, 4, 20), False, _day(2026, 4, 6), _day(2026, 4, 19), 0.13),
    _Span(_day(2026, 5, 6), True, _day(2026, 4, 20), _day(2026, 5, 5), 0.12),
)
_OPEN_MONTHS = 3
_TOO_LATE_IN = 3
"""In this stretch it is too late to answer what was asked in the first one."""
_CIRCLE = 8
"""So many people know each other. Five must, and be told so by both sides, before a score rests on them."""
_CASES = 0.3
"""The share of messages about records that tell of one that is disputed, corrected or deleted later."""
_ASKING = 1 / 150
"""The share of people who ask to be erased in each stretch, and of those who withdraw a consent."""


def draw(
    seed: int, *, people: int, messages: int, key: bytes, records: bool = False, erasures: bool = True
) -> tuple[Stretch, ...]:
    """The whole input of a campaign, with negative `records` or without, and with people who ask to be erased or
    without; the same arguments give the same bytes."""
    drawing = _Drawing(random.Random(seed), people, key, _RECORDS if records else 0.0, erasures=erasures)
    return drawing.stretches(messages)


class Person:
    """Somebody whom partners know by a platform account."""

    def __init__(self, number: int, key: bytes) -> None:
        self.account = sample_account(number)
        self.user_id = user_id(key, SCHEME, self.account)


def message_of(event: Event, account: str, contact: str | None = None) -> Message:
    """The event as its partner sends it; `account` and `contact` are the identifiers behind the event's user_ids."""
    return _wire(event.partner, _attributes(event, account), _data(event, contact), account, Sent(event))


@dataclass(frozen=True, slots=True)
class _Case:
    """A record of which more is said in a later stretch, on its person's request or not."""

    person: Person
    partner: str
    report: Report
    """The first one of it."""
    outcome: Outcome | None
    answered_in: int
    request: Request | None


class _Drawing:
    def __init__(self, rng: random.Random, people: int, key: bytes, records: float, *, erasures: bool) -> None:
        self._rng, self._records, self._profile, self._key = rng, records, profile(), key
        self._erasures = erasures
        self._cases: list[_Case] = []
        self._erased: set[str] = set()
        self._asked: set[str] = set()
        numbers = rng.sample(range(10**10), people)
        self._people = [Person(number, key) for number in numbers]
        self._account_of = {person.user_id: person.account for person in self._people}
        self._ids = 0
        self._taken: set[tuple[str, datetime]] = set()

    def stretches(self, messages: int) -> tuple[Stretch, ...]:
        stretches: list[Stretch] = []
        earlier: list[Message] = []
        for index, span in enumerate(_SPANS):
            count = round(messages * span.share)
            fresh = self._fresh(index, count)
            fresh = self._with_repeats(fresh, earlier, round(count * _DUPLICATES))
            fresh = self._with_repeats(fresh, [], round(count * _CONFLICTS), self._contradicted)
            requests = self._requests(index) if self._records else ()
            stretches.append(Stretch(span.instant.astimezone(UTC), span.publication, tuple(fresh), requests))
            earlier = [message for message in (*earlier, *fresh) if self._may_be_repeated(message)]
        return tuple(stretches)

    def _may_be_repeated(self, message: Message) -> bool:
        """In a later stretch. What lies in the future now does not any more when the clock was moved on; and what is
        told of a record comes to something else when the record was deleted since, or its person erased."""
        event = message.sent.event
        if event is None or event.report is None:
            return message.sent.fault != "in-future"
        return event.person not in self._erased and event.report.id not in {case.report.id for case in self._cases}

    def _fresh(self, index: int, count: int) -> list[Message]:
        """Messages with ids of their own, in the order of their days, shuffled within each."""
        span = _SPANS[index]
        broken, late = round(count * _BROKEN), round(count * _LATE)
        events = [] if index else [event for person in self._people for event in self._first_events(person, span)]
        events += self._record_events(index, round(count * self._records))
        plain = count - broken - late - round(count * _DUPLICATES) - round(count * _CONFLICTS)
        while len(events) < plain:
            events.append(self._event(self._rng.choice(self._people), span))
        by_day: dict[datetime, list[Message]] = {}
        for event in events:
            by_day.setdefault(_midnight(event.time), []).append(self._message(event))
        for _ in range(broken):
            event = self._event(self._rng.choice(self._people), span)
            by_day.setdefault(_midnight(event.time), []).append(self._broken(event, span))
        for _ in range(late):
            event = self._event(self._rng.choice(self._people), _too_late(span))
            by_day.setdefault(self._rng.choice(list(by_day)), []).append(self._message(event))
        for day in by_day.values():
            self._rng.shuffle(day)
        return [message for day in sorted(by_day) for message in by_day[day]]

    def _first_events(self, person: Person, span: _Span) -> Iterable[Event]:
        """One obligation kept late and one on time: from then on every further one shifts the share of both. The first
        ones are each other's contacts, so many that these count, and some of these words are taken back later."""
        yield self._of_kind("water.bill", person, span, days_late=self._rng.randint(1, 90))
        yield self._of_kind("gas.bill", person, span)
        circle = self._people[:_CIRCLE]
        for other in circle if person in circle else ():
            if other is not person:
                yield self._of_kind("contact.standing", person, span, value="present", contact=other.user_id)

    def _record_events(self, index: int, count: int) -> list[Event]:
        """Stories of records, each told by one partner on days that follow each other, so that no shuffling of a day
        brings it out of order."""
        span, days, events = _SPANS[index], _days(index), self._answers(index)
        while len(events) < count:
            person, partner = self._rng.choice(self._people), self._rng.choice(PARTNERS)
            drawn = self._rng, f"report-{self._ids}", days, self._profile
            if self._rng.random() < _CASES:
                reports = tell_to_dispute(*drawn)
                self._cases.append(self._case(index, person, partner, reports[0]))
            else:
                reports = tell(*drawn)
            told_on = sorted(self._rng.sample(range((span.last - span.first).days + 1), len(reports)))
            for report, day in zip(reports, told_on, strict=True):
                only = replace(span, first=span.first + timedelta(days=day), last=span.first + timedelta(days=day))
                events.append(self._of_kind(report.kind, person, only, partner=partner, report=report))
        return events

    def _case(self, index: int, person: Person, partner: str, report: Report) -> _Case:
        """Of every five records four are disputed. Of their providers some give no answer, and some of the first ones
        too late a one."""
        answered_in, outcome = index + 1, self._rng.choice(OUTCOMES)
        if self._rng.random() < 0.2:
            outcome = self._rng.choice(("corrected", "deleted"))
            return _Case(person, partner, report, outcome, answered_in, None)
        id = self._id("dispute")
        name = record_id(self._key, person.user_id, partner, report.id)
        request = Request(
            id=id,
            person=person.user_id,
            ask="dispute",
            partner=partner,
            report_id=report.id,
            record_id=name,
            number=dispute_id(self._key, name, id),
        )
        match self._rng.randrange(6):
            case 0:
                return _Case(person, partner, report, None, answered_in, request)
            case 1 if index == 0:
                return _Case(person, partner, report, "confirmed", _TOO_LATE_IN, request)
            case _:
                return _Case(person, partner, report, outcome, answered_in, request)

    def _answers(self, index: int) -> list[Event]:
        """What providers say in a stretch of earlier records, but for people who were erased since."""
        events = []
        for case in self._cases:
            if case.answered_in == index and case.outcome and case.person.user_id not in self._erased:
                number = case.request.number if case.request else None
                report = answer(self._rng, case.report, _days(index), case.outcome, number)
                events.append(
                    self._of_kind(report.kind, case.person, _SPANS[index], partner=case.partner, report=report)
                )
        return events

    def _requests(self, index: int) -> tuple[Request, ...]:
        """What people ask at the end of a stretch, each person one thing. One of those who know each other is erased
        before the last publication."""
        disputes = [case.request for case in self._cases if case.request and case.answered_in > index >= 0]
        disputes = [each for each in disputes if each.id not in self._asked and each.person not in self._erased]
        self._asked.update(each.id for each in disputes)
        busy = {each.person for each in disputes}
        free = [person for person in self._people[_CIRCLE:] if person.user_id not in busy]
        count = 1 + int(len(self._people) * _ASKING)
        chosen = self._rng.sample(free, 2 * count)
        withdrawing, leaving = chosen[:count], chosen[count:]
        if index == len(_SPANS) - 2 and self._people[0].user_id not in busy:
            leaving.append(self._people[0])
        leaving = leaving if self._erasures else []
        self._erased.update(person.user_id for person in leaving)
        requests = [
            *disputes,
            *(
                Request(
                    id=self._id("withdraw"),
                    person=person.user_id,
                    ask="withdraw-consent",
                    partner=self._rng.choice(PARTNERS),
                    consent=_consent_of(person),
                )
                for person in withdrawing
            ),
            *(Request(id=self._id("erase"), person=person.user_id, ask="erase") for person in leaving),
        ]
        self._rng.shuffle(requests)
        return tuple(requests)

    def _id(self, what: str) -> str:
        self._ids += 1
        return f"{what}-{self._rng.getrandbits(32):08x}-{self._ids}"

    def _event(self, person: Person, span: _Span) -> Event:
        draw = self._rng.random()
        if draw < 0.75:
            kind = self._rng.choice(("credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay"))
            days_late = self._rng.randint(1, 90) if self._rng.random() < 0.25 else 0
            return self._of_kind(kind, person, span, days_late=days_late, amount=self._rng.randint(1, 10**6))
        if draw < 0.85:
            reverses = self._rng.random() < 0.1
            return self._of_kind("shop.purchase", person, span, count=self._rng.randint(1, 3), reverses=reverses)
        if draw < 0.90:
            amount = self._rng.randint(10_000, 5_000_000)
            return self._of_kind("income.reported", person, span, amount=amount, consent=_consent_of(person))
        if draw < 0.94:
            value = self._rng.choice(KIND_OF["identity.verified"].values)
            return self._of_kind("identity.verified", person, span, value=value)
        among = self._people[:_CIRCLE] if person in self._people[:_CIRCLE] else self._people
        other = self._rng.choice([other for other in self._rng.sample(among, 2) if other is not person])
        value = "present" if self._rng.random() < 0.9 else "absent"
        return self._of_kind("contact.standing", person, span, value=value, contact=other.user_id)

    def _of_kind(self, kind: str, person: Person, span: _Span, *, partner: str = "", **fields: Any) -> Event:
        self._ids += 1
        return Event(
            person=person.user_id,
            partner=partner or self._rng.choice(PARTNERS),
            id=f"{self._rng.getrandbits(32):08x}-{self._ids}",
            time=self._instant(person, span),
            kind=kind,
            **fields,
        )

    def _instant(self, person: Person, span: _Span) -> datetime:
        """No two events of a person at one instant: which of them is the latest would be the id's to decide."""
        seconds = int((span.last - span.first + timedelta(days=1)).total_seconds())
        while True:
            instant = (span.first + timedelta(seconds=self._rng.randrange(seconds))).astimezone(UTC)
            if (person.user_id, instant) not in self._taken:
                self._taken.add((person.user_id, instant))
                return instant

    def _with_repeats(
        self,
        fresh: list[Message],
        earlier: list[Message],
        count: int,
        change: Callable[[Message], Message] = lambda message: message,
    ) -> list[Message]:
        """Put `count` repeated messages in, each somewhere behind its original."""
        behind: dict[int, list[Message]] = {}
        for _ in range(count):
            choice = self._rng.randrange(-len(earlier), len(fresh))
            original = fresh[choice] if choice >= 0 else earlier[choice]
            behind.setdefault(self._rng.randrange(max(choice, 0), len(fresh)), []).append(change(original))
        return [each for at, message in enumerate(fresh) for each in (message, *behind.get(at, ()))]

    def _contradicted(self, message: Message) -> Message:
        """Another event under the same id; of a broken message another broken one."""
        event = message.sent.event
        if event is None:
            return message
        return self._message(replace(event, time=event.time + timedelta(microseconds=self._rng.randint(1, 999_999))))

    def _message(self, event: Event) -> Message:
        return message_of(
            event, self._account_of[event.person], self._account_of[event.contact] if event.contact else None
        )

    def _broken(self, event: Event, span: _Span) -> Message:
        code, change = self._rng.choice(_FAULTS)
        account = self._account_of[event.person]
        attributes = _attributes(event, account)
        data: dict[str, Any] = {"kind": "phone.bill", "days_late": 0}
        change(attributes, data, span.instant)
        message = _wire(event.partner, attributes, data, account, Sent(None, code))
        if code == _NOT_JSON:
            return replace(message, value=(message.value or b"")[:-1])
        return message


def _consent_of(person: Person) -> str:
    return f"consent-{person.account[-4:]}"


# -- faults: each changes attributes and data of a good message in place -----------------------------------------------

_NOT_JSON = "json-syntax"
_FAULTS: tuple[tuple[str, Callable[[dict[str, str], dict[str, Any], datetime], None]], ...] = (
    (_NOT_JSON, lambda attributes, data, now: None),
    ("time-format", lambda attributes, data, now: attributes.update(time=attributes["time"][:19])),
    ("in-future", lambda attributes, data, now: attributes.update(time=(now + timedelta(hours=1)).isoformat())),
    ("unknown-kind", lambda attributes, data, now: data.update(kind="moon.landing")),
    ("subject-unknown-scheme", lambda attributes, data, now: attributes.update(subject="C-4711")),
    ("beyond-behavior", lambda attributes, data, now: data.update(days_late=91)),
    ("demographic", lambda attributes, data, now: data.update(gender="x")),
    ("unknown-field", lambda attributes, data, now: data.update(colour="blue")),
    ("consent-missing", lambda attributes, data, now: _only(data, kind="income.reported", amount=100)),
)
"""The code that the refusal must have, and the change that leads to it; the bytes of the first are cut besides."""


def _only(data: dict[str, Any], **left: object) -> None:
    data.clear()
    data.update(left)


# -- the native format -------------------------------------------------------------------------------------------------


def _attributes(event: Event, account: str) -> dict[str, str]:
    return {
        "id": event.id,
        "source": f"/{event.partner}/core",
        "type": TYPES[RecordReport if event.report else BehaviorEvent],
        "time": event.time.isoformat(),
        "subject": account,
    }


def _data(event: Event, contact: str | None) -> dict[str, Any]:
    if event.report:
        return _record_data(event.report)
    data: dict[str, Any] = {"kind": event.kind}
    match KIND_OF[event.kind].shape:
        case Shape.OBLIGATION:
            data["days_late"] = event.days_late
        case Shape.ACTIVITY:
            data["count"] = event.count
            if event.reverses:
                data["reverses"] = True
        case Shape.FIGURE:
            given_at = rfc3339(event.time - timedelta(days=1))
            data["consent"] = {"id": event.consent, "purpose": "score", "given_at": given_at}
        case Shape.FACT:
            data["value"] = event.value
        case Shape.CONTACT:
            data |= {"contact": contact, "value": event.value}
        case Shape.RECORD:
            raise AssertionError("a record has a report")
    if event.amount is not None:
        data["amount"] = event.amount
    return data


def _record_data(report: Report) -> dict[str, Any]:
    data = {"kind": report.kind, "report_id": report.id, "status": report.status, "amount": report.amount}
    data |= {"outcome": report.outcome, "dispute": report.dispute}
    days = {"began_on": report.began_on, "ended_on": report.ended_on}
    told = data | {name: day.isoformat() for name, day in days.items() if day}
    return {name: value for name, value in told.items() if value is not None}


def _wire(partner: str, attributes: dict[str, str], data: Mapping[str, Any], account: str, sent: Sent) -> Message:
    if partner == "north":
        value = json.dumps({"specversion": "1.0", **attributes, "data": data}).encode()
        return Message(partner, account.encode(), value, (("content-type", STRUCTURED.encode()),), sent)
    headers = binary(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        extensions={"time": attributes["time"], "subject": attributes["subject"]},
    )
    return Message(partner, account.encode(), json.dumps(data).encode(), headers, sent)


def _midnight(instant: datetime) -> datetime:
    return instant.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _too_late(span: _Span) -> _Span:
    """The month before the first one that is still open at the span's instant."""
    month = month_number(span.instant) - _OPEN_MONTHS - 1
    first = month_start(month, ZONE).astimezone(ZONE)
    return replace(span, first=first, last=first + timedelta(days=20))


def _days(index: int) -> Days:
    """When the records told of in a span ended. Their last days lie before the span, in one of the later spans, or more
    than a year ahead; one whose last day is the day before an instant lapses just then, at a publication as well."""
    lapsing = [_last_days(before, span) for before, span in pairwise(_SPANS[index:])]
    return Days(_SPANS[index].first.date() - timedelta(days=60), lapsing, _SPANS[0].first.date())


def _last_days(before: _Span, span: _Span) -> Sequence[date]:
    return [before.instant.date() + timedelta(days=day) for day in range((span.instant - before.instant).days)]
