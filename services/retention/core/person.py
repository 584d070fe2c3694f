"""What is kept of one person: the records, and the fingerprints of those that are gone; and the working copy of both
that a decision changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from services.retention.core.bounds import (
    CERTIFIED_MAX,
    GONE_MAX,
    RECORDS_MAX,
    RETURNS_MAX,
    deleted_kept_until,
    lapsed_kept_until,
)
from services.retention.core.fingerprint import fingerprint, of_deleted, provider, record_id, unkeyed_record_id
from services.retention.core.messages import Report
from services.retention.core.record import (
    DELETED,
    GONE,
    Deleted,
    Gone,
    Kept,
    Known,
    State,
    Unreported,
    partner_of,
)
from services.retention.core.timers import due_at, early_end, is_early
from shared.contracts.faults import Code, Fault

_FULL = Fault(
    Code.TOO_MANY,
    "data.report_id",
    f"{RECORDS_MAX} records of this person are held of yours, and no more are taken. Report what goes on under one "
    "number; one more is taken when one of them has lapsed.",
)
_LEFT_TOO_MANY = Fault(
    Code.TOO_MANY,
    "data.report_id",
    "So many records of this person that you reported have lapsed or were deleted that no more are taken until those "
    "are forgotten. Look for a loop that reports the same under ever new numbers.",
)


class Person(msgspec.Struct, frozen=True):
    """All records of one person by their id, and the fingerprints of the ids of those that are gone, each with the
    instant until which it is kept (rules R10 and R20)."""

    records: Mapping[str, Kept] = MappingProxyType({})
    gone: Mapping[bytes, datetime] = MappingProxyType({})
    version_base: int = 0
    """What is added to a record's version where it is published: 0 in a database that was never restored."""
    left_by: Mapping[bytes, bytes] = MappingProxyType({})
    """By fingerprint, whose record it was of the person's providers; nothing for one that is older than this."""


class Writes(msgspec.Struct, frozen=True):
    """What is to be written of a decision: of a person with many records only what has changed."""

    user_id: str
    kept: Mapping[str, Kept] = MappingProxyType({})
    erased: frozenset[str] = frozenset()
    gone: Mapping[bytes, datetime] = MappingProxyType({})
    left_by: Mapping[bytes, bytes] = MappingProxyType({})

    @property
    def are_any(self) -> bool:
        return bool(self.kept or self.erased or self.gone)


Turn: TypeAlias = tuple[datetime, bool, str]
"""When something happens to a record, whether it comes behind an early end of the same instant, and the record's id."""


def turn_of(id: str, record: Kept) -> Turn | None:
    at = due_at(record)
    return None if at is None else (at, not is_early(record, at), id)


def _latest_beginning(record: Kept, now: datetime) -> date:
    """Of the days on which a report of it may say that the record began. A report that waits is none yet, and no record
    begins after its report."""
    if isinstance(record, Unreported):
        return now.date()
    return max((record.facts.began_on, *record.case.corrected.began_before))


def _is_held(record: Known, at: datetime, day: date) -> bool:
    deadline, reported_on = record.deadline, record.case.reported_on
    return (deadline is None or deadline.lapses_at >= at) and (reported_on is None or reported_on <= day)


class Records:
    """The working copy of a decision: a person's records, and what has become of them."""

    def __init__(self, user_id: str, person: Person, key: bytes, now: datetime) -> None:
        self._user_id, self._person, self._key, self._now = user_id, person, key, now
        self._records = dict(person.records)
        self._gone = dict[bytes, datetime]()
        self._left_by = dict[bytes, bytes]()
        self._left: Counter[bytes] | None = None
        self._touched = set[str]()
        self._counts: Counter[str] | None = None
        self._maybe_over_early = set(person.records)

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
        until = self._until(name)
        return until is not None and until > self._now

    def _until(self, name: bytes) -> datetime | None:
        return self._gone.get(name) or self._person.gone.get(name)

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
                self._keep({used: lapsed_kept_until(self._now)}, report.partner)
                self._keep_earlier_names(report, returned)
                return back
        return None

    def certified(self, record: Known, report: Report) -> Known:
        """The record, with this event among those that certify it."""
        name, known = self._event(report, "returned", report.event_id).hex(), record.case.certified
        if name in known:
            return record
        return replace(record, case=replace(record.case, certified=(*known, name)[-CERTIFIED_MAX:]))

    def keep_deletion(self, report: Report, before: Known) -> None:
        """Remember the event that has deleted a record, so that it does not delete what comes back later, and those
        that had certified the record, so that they do not bring it back."""
        certified = (bytes.fromhex(name) for name in before.case.certified)
        names = [self._event(report, "deletion", report.event_id), *certified]
        self._keep(dict.fromkeys(names, lapsed_kept_until(self._now)), report.partner)

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
        self._keep({form: until for form in forms if self._has(form)}, report.partner)

    def _keep(self, names: Mapping[bytes, datetime], partner: str) -> None:
        of = self._provider(partner)
        if self._left is not None:
            self._left[of] += sum(name not in self._gone and name not in self._person.gone for name in names)
        for name, until in names.items():
            self._gone[name] = max(until, self._until(name) or until)
        self._left_by.update(dict.fromkeys(names, of))

    def _provider(self, partner: str) -> bytes:
        return provider(self._key, self._user_id, partner)

    def due(self, instant: datetime) -> list[Turn]:
        """What is due by the instant, the earliest first."""
        return sorted(
            turn for id, record in self._records.items() if (turn := turn_of(id, record)) and turn[0] <= instant
        )

    def over_early(self) -> list[Turn]:
        """The early ends that are over by now, the earliest first. A record is looked at once, and again when it has
        changed: else many settlements that are read late would each look at all records."""
        found = [
            (at, False, id)
            for id in self._maybe_over_early
            if (record := self._records.get(id)) and (at := early_end(record)) is not None and at <= self._now
        ]
        self._maybe_over_early = set()
        return sorted(found)

    def is_other_held(self, id: str, at: datetime, day: date) -> bool:
        """Whether a record of the person besides that one is held on the day that ends at that instant. What has lapsed
        before is not, though its timer has not fired yet, and neither is what was reported later."""
        return any(
            _is_held(record, at, day)
            for other, record in self._records.items()
            if other != id and not isinstance(record, Unreported)
        )

    def has_no_room(self, report: Report) -> Fault | None:
        """Why no further record of this partner is taken (rules R14)."""
        if len(self._person.gone) + len(self._gone) >= GONE_MAX:
            if self._left is None:
                self._left = Counter({**self._person.left_by, **self._left_by}.values())
            if self._left[self._provider(report.partner)] >= GONE_MAX:
                return _LEFT_TOO_MANY
        if len(self._records) < RECORDS_MAX:
            return None
        if self._counts is None:
            self._counts = Counter(map(partner_of, self._records.values()))
        return None if self._counts[report.partner] < RECORDS_MAX else _FULL

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
            self._maybe_over_early.add(id)

    def _leave_fingerprint(self, id: str, before: Kept, state: Gone | Deleted) -> None:
        if isinstance(state, Gone):
            names = {fingerprint(self._key, id): lapsed_kept_until(self._now)}
        else:
            until = deleted_kept_until(_latest_beginning(before, self._now), self._now)
            names = {of_deleted(self._key, id): until}
        self._keep(names, partner_of(before))

    def _count(self, record: Kept | None, by: int) -> None:
        if self._counts is not None and record is not None:
            self._counts[partner_of(record)] += by

    def result(self) -> tuple[Person, Writes]:
        if not self._touched:
            return self._person, Writes(self._user_id)
        kept = {id: self._records[id] for id in self._touched if id in self._records}
        erased = frozenset(id for id in self._touched if id not in self._records and id in self._person.records)
        gone = {**self._person.gone, **self._gone} if self._gone else self._person.gone
        left_by = {**self._person.left_by, **self._left_by} if self._left_by else self._person.left_by
        person = Person(self._records, gone, self._person.version_base, left_by)
        return person, Writes(self._user_id, kept, erased, self._gone, self._left_by)
