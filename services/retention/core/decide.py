"""What a person's messages lead to: the records that are kept, the fingerprints of those that are gone, and effects.

A person is a value: nothing in it is changed, each decision makes a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from heapq import heappop, heappush
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from services.retention.core.answers import applying, resolve
from services.retention.core.bounds import (
    CERTIFIED_MAX,
    GONE_MAX,
    RECORDS_MAX,
    RETURNS_MAX,
    deleted_kept_until,
    lapsed_kept_until,
)
from services.retention.core.disputes import attach, dispute
from services.retention.core.effects import Effect, Repeated, Step, refused
from services.retention.core.fingerprint import dispute_id, fingerprint, of_deleted, record_id, unkeyed_record_id
from services.retention.core.messages import DisputeRequest, Due, Message, Report, StatementRequest
from services.retention.core.record import (
    DELETED,
    GONE,
    Deleted,
    Gone,
    Kept,
    Known,
    Open,
    Settled,
    State,
    Unreported,
    partner_of,
)
from services.retention.core.reports import DELETED_FAULT, GONE_FAULT, take
from services.retention.core.timers import due_at, fire, lapsed
from shared.contracts.faults import Code, Fault
from shared.contracts.retention_profile import Profile

_FULL = Fault(
    Code.TOO_MANY,
    "data.report_id",
    f"{RECORDS_MAX} records of this person are held of yours, and no more are taken. Report what goes on under one "
    "number; one more is taken when one of them has lapsed.",
)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules are given besides time. `fingerprint_key` is in no table and no topic."""

    profile: Profile
    fingerprint_key: bytes
    has_portal: bool = False
    """The portal is told what is held of each person, and is the last to confirm an erasure."""


class Person(msgspec.Struct, frozen=True):
    """All records of one person by their id, and the fingerprints of the ids of those that are gone, each with the
    instant until which it is kept (rules R10 and R20)."""

    records: Mapping[str, Kept] = MappingProxyType({})
    gone: Mapping[bytes, datetime] = MappingProxyType({})
    version_base: int = 0
    """What is added to a record's version where it is published: 0 in a database that was never restored."""


class Writes(msgspec.Struct, frozen=True):
    """What is to be written of a decision: of a person with many records only what has changed."""

    user_id: str
    kept: Mapping[str, Kept] = MappingProxyType({})
    erased: frozenset[str] = frozenset()
    gone: Mapping[bytes, datetime] = MappingProxyType({})

    @property
    def are_any(self) -> bool:
        return bool(self.kept or self.erased or self.gone)


class Decided(msgspec.Struct, frozen=True):
    """`effects` has each with the record's id, in the order of the messages."""

    person: Person
    writes: Writes
    effects: tuple[tuple[str, Effect], ...]


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log. There must be at least one."""
    records = _Records(person, policy, now)
    effects: list[tuple[str, Effect]] = []
    for message in messages:
        for id, step in _steps(message, records, now, policy):
            records.put(id, step.state)
            effects.extend((id, effect) for effect in step.effects)
    return Decided(*records.result(messages[0].user_id), tuple(effects))


def _steps(message: Message, records: _Records, now: datetime, policy: Policy) -> Iterator[tuple[str, Step]]:
    match message:
        case Report():
            if message.body.status == "resolved":
                yield from _lapsed(records.find(message)[0], records, now, policy.profile)
            yield _reported(message, records, now, policy.profile)
        case DisputeRequest():
            yield from _lapsed(message.record_id, records, now, policy.profile)
            number = dispute_id(policy.fingerprint_key, message.record_id, message.request_id)
            yield (
                message.record_id,
                dispute(records.held(message.record_id), message, number, now, policy.profile),
            )
        case StatementRequest():
            yield from _lapsed(message.record_id, records, now, policy.profile)
            yield message.record_id, attach(records.held(message.record_id), message)
        case Due():
            yield from _due(message.instant, now, records, policy.profile)


def _lapsed(id: str, records: _Records, now: datetime, profile: Profile) -> Iterator[tuple[str, Step]]:
    """Nobody disputes, answers or adds to what has lapsed, whether or not its timer was first (rules R17)."""
    record = records.held(id)
    if isinstance(record, Open | Settled):
        alone = profile.early is None or records.are_alone
        if (step := lapsed(record, now, alone=alone)) is not None:
            yield id, step


def _due(instant: datetime, now: datetime, records: _Records, profile: Profile) -> Iterator[tuple[str, Step]]:
    """All that is due, in the order of its instants; what follows from it by the same instant as well."""
    waiting = records.due(instant)
    while waiting:
        _, id = heappop(waiting)
        record = records.held(id)
        assert isinstance(record, Unreported | Open | Settled)
        step = fire(record, instant, now, profile, alone=profile.early is None or records.are_alone)
        yield id, step
        if isinstance(step.state, Open | Settled) and (at := due_at(step.state)) is not None and at <= instant:
            heappush(waiting, (at, id))


def _reported(report: Report, records: _Records, now: datetime, profile: Profile) -> tuple[str, Step]:
    """Where a record that was gone comes back, it does so under another name, and by each report once."""
    id, state = records.find(report)
    if report.body.status == "resolved":
        if isinstance(state, Open | Settled) and records.was_deletion(report):
            return id, Step(state, (Repeated(report.partner),))
        step = resolve(state, report, now, profile)
    else:
        step = take(state, report, now, profile, applying(now, profile))
    if _is_new(state, step.state) and not records.has_room(report.partner):
        return id, Step(state, (refused(report, _FULL),))
    if isinstance(step.state, Deleted) and isinstance(state, Unreported | Open | Settled):
        records.keep_deletion(report, state)
    if isinstance(state, Gone | Deleted) and isinstance(step.state, Open | Settled):
        back = records.name_back(report)
        if back is None:
            return id, Step(state, (refused(report, DELETED_FAULT if isinstance(state, Deleted) else GONE_FAULT),))
        id = back
    if report.body.certificate is not None and isinstance(step.state, Open | Settled):
        step = Step(records.certified(step.state, report), step.effects)
    return id, step


def _is_new(before: State, after: State) -> bool:
    return isinstance(after, Unreported | Open | Settled) and not isinstance(before, Unreported | Open | Settled)


def _latest_beginning(record: Kept, now: datetime) -> date:
    """Of the days on which a report of it may say that the record began. A report that waits is none yet, and no record
    begins after its report."""
    if isinstance(record, Unreported):
        return now.date()
    return max((record.facts.began_on, *record.case.corrected.began_before))


class _Records:
    """The working copy of a decision: a person's records, and what has become of them."""

    def __init__(self, person: Person, policy: Policy, now: datetime) -> None:
        self._person, self._key, self._now = person, policy.fingerprint_key, now
        self._records = dict(person.records)
        self._gone = dict[bytes, datetime]()
        self._touched = set[str]()
        self._counts: Counter[str] | None = None

    def find(self, report: Report) -> tuple[str, State]:
        """The record that the report is about: its id and its state."""
        names = (report.user_id, report.partner, report.body.report_id)
        id = record_id(self._key, *names)
        if not (self._records or self._gone or self._person.gone):
            return id, None
        state: State
        found: tuple[str, State] = (id, self.held(id))
        if found[1] is None:
            before = unkeyed_record_id(*names)
            found = (before, state) if (state := self.held(before)) is not None else found
        for returned in range(1, RETURNS_MAX + 1):
            if not isinstance(found[1], Gone | Deleted):
                break
            back = record_id(self._key, *names, returned)
            if (state := self.held(back)) is None:
                break
            found = back, state
        return found

    def held(self, id: str) -> State:
        """The record of this name, or what is known of one that is gone."""
        if record := self._records.get(id):
            return record
        if not (self._gone or self._person.gone):
            return None
        if self._has(fingerprint(self._key, id)):
            return GONE
        return DELETED if self._has(of_deleted(self._key, id)) else None

    def _has(self, name: bytes) -> bool:
        until = self._gone.get(name) or self._person.gone.get(name)
        return until is not None and until > self._now

    def name_back(self, report: Report) -> str | None:
        """The name under which a record comes back that was gone; None if this report has brought it back before, or
        it came back too often. That it has done so is remembered, so that it does not do so again when it is read
        again."""
        names = (report.user_id, report.partner, report.body.report_id)
        used = self._event(report, "returned", report.event_id)
        if self._has(used):
            return None
        for returned in range(1, RETURNS_MAX + 1):
            back = record_id(self._key, *names, returned)
            if self.held(back) is None:
                self._gone[used] = lapsed_kept_until(self._now)
                self._keep_earlier_names(report, returned)
                return back
        return None

    def certified(self, record: Known, report: Report) -> Known:
        """The record, with this event among those that certify it."""
        name, known = self._event(report, "returned", report.event_id).hex(), record.case.certified
        if name in known:
            return record
        return replace(record, case=replace(record.case, certified=(*known, name)[-CERTIFIED_MAX:]))

    def keep_deletion(self, report: Report, before: Kept) -> None:
        """Remember the events that have deleted a record, so that they do not delete what comes back later, and those
        that had certified it, so that they do not bring it back."""
        deleted, certified = [report.event_id], list[bytes]()
        if isinstance(before, Unreported):
            deleted += [each.event_id for each in before.waiting if each.outcome == "deleted"]
        else:
            certified += [bytes.fromhex(name) for name in before.case.certified]
        if report.body.certificate is not None:
            certified.append(self._event(report, "returned", report.event_id))
        names = [*(self._event(report, "deletion", event_id) for event_id in deleted), *certified]
        self._gone.update(dict.fromkeys(names, lapsed_kept_until(self._now)))

    def was_deletion(self, report: Report) -> bool:
        """Whether this event has deleted the record before, which has come back since (rules E3 and R20)."""
        return bool(self._gone or self._person.gone) and self._has(self._event(report, "deletion", report.event_id))

    def _event(self, report: Report, what: str, event_id: str) -> bytes:
        names = (report.user_id, report.partner, report.body.report_id, event_id)
        return fingerprint(self._key, "\n".join((what, *names)))

    def _keep_earlier_names(self, report: Report, returned: int) -> None:
        """A record that is back is found by the names under which it was gone before."""
        names, began_on = (report.user_id, report.partner, report.body.report_id), report.body.began_on
        assert began_on is not None, "who brings a record back says all of it"
        ids = [unkeyed_record_id(*names), *(record_id(self._key, *names, number) for number in range(returned))]
        forms = [form for id in ids for form in (fingerprint(self._key, id), of_deleted(self._key, id))]
        until = deleted_kept_until(began_on, self._now)
        self._gone.update({form: until for form in forms if self._has(form)})

    def due(self, instant: datetime) -> list[tuple[datetime, str]]:
        """What is due by the instant, the earliest first."""
        return sorted(
            (at, id) for id, record in self._records.items() if (at := due_at(record)) is not None and at <= instant
        )

    @property
    def are_alone(self) -> bool:
        """Whether no more than one record of the person is held."""
        return sum(not isinstance(record, Unreported) for record in self._records.values()) <= 1

    def has_room(self, partner: str) -> bool:
        if len(self._person.gone) + len(self._gone) >= GONE_MAX:
            return False
        if len(self._records) < RECORDS_MAX:
            return True
        if self._counts is None:
            self._counts = Counter(map(partner_of, self._records.values()))
        return self._counts[partner] < RECORDS_MAX

    def put(self, id: str, state: State) -> None:
        before = self._records.get(id)
        if state is before:
            return
        if isinstance(state, Gone | Deleted):
            if before is None:
                return
            self._leave_fingerprint(id, before, state)
        after = None if isinstance(state, Gone | Deleted) else state
        self._touched.add(id)
        self._count(before, -1)
        self._count(after, 1)
        if after is None:
            self._records.pop(id, None)
        else:
            self._records[id] = after

    def _leave_fingerprint(self, id: str, before: Kept, state: Gone | Deleted) -> None:
        if isinstance(state, Gone):
            self._gone[fingerprint(self._key, id)] = lapsed_kept_until(self._now)
        else:
            self._gone[of_deleted(self._key, id)] = deleted_kept_until(_latest_beginning(before, self._now), self._now)

    def _count(self, record: Kept | None, by: int) -> None:
        if self._counts is not None and record is not None:
            self._counts[partner_of(record)] += by

    def result(self, user_id: str) -> tuple[Person, Writes]:
        if not self._touched:
            return self._person, Writes(user_id)
        kept = {id: self._records[id] for id in self._touched if id in self._records}
        erased = frozenset(id for id in self._touched if id not in self._records and id in self._person.records)
        gone = {**self._person.gone, **self._gone} if self._gone else self._person.gone
        return Person(self._records, gone, self._person.version_base), Writes(user_id, kept, erased, self._gone)
