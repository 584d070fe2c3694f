"""What a person's messages lead to: the records that are kept, the fingerprints of those that are gone, and effects.

A person is a value: nothing in it is changed, each decision makes a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from services.retention.core.bounds import GONE_MAX, RECORDS_MAX
from services.retention.core.fingerprint import fingerprint, record_id, unkeyed_record_id
from services.retention.core.messages import Due, Message, Report
from services.retention.core.record import GONE, Effect, Gone, Kept, State, Step, due_at, partner_of
from services.retention.core.steps import expire, refused, take
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


class Person(msgspec.Struct, frozen=True):
    """All records of one person by their id, and the fingerprints of the ids of those that are gone."""

    records: Mapping[str, Kept] = MappingProxyType({})
    gone: frozenset[bytes] = frozenset()
    version_base: int = 0
    """What is added to a record's version where it is published: 0 in a database that was never restored."""


class Writes(msgspec.Struct, frozen=True):
    """What is to be written of a decision: of a person with many records only what has changed."""

    user_id: str
    kept: Mapping[str, Kept] = MappingProxyType({})
    erased: frozenset[str] = frozenset()
    gone: frozenset[bytes] = frozenset()

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
    records = _Records(person, policy)
    effects: list[tuple[str, Effect]] = []
    for message in messages:
        for id, step in _steps(message, records, now, policy):
            records.put(id, step.state)
            effects.extend((id, effect) for effect in step.effects)
    return Decided(*records.result(messages[0].user_id), tuple(effects))


def _steps(message: Message, records: _Records, now: datetime, policy: Policy) -> list[tuple[str, Step]]:
    match message:
        case Report():
            id, state = records.find(message)
            step = take(state, message, now, policy.profile)
            if state is None and step.state is not None and not records.has_room(message.partner):
                step = Step(None, (refused(message, _FULL),))
            return [(id, step)]
        case Due():
            return [(id, expire(record, message.instant)) for _, id, record in records.due(message.instant)]


class _Records:
    """The working copy of a decision: a person's records, and what has become of them."""

    def __init__(self, person: Person, policy: Policy) -> None:
        self._person, self._key = person, policy.fingerprint_key
        self._records = dict(person.records)
        self._gone = set[bytes]()
        self._touched = set[str]()
        self._counts: Counter[str] | None = None

    def find(self, report: Report) -> tuple[str, State]:
        """The record that the report is about: its id and its state."""
        names = (report.user_id, report.partner, report.body.report_id)
        id = record_id(self._key, *names)
        if (record := self._records.get(id)) or not (self._records or self._gone or self._person.gone):
            return id, record
        before = unkeyed_record_id(*names)
        if record := self._records.get(before):
            return before, record
        return next(((each, GONE) for each in (id, before) if self._is_gone(each)), (id, None))

    def _is_gone(self, id: str) -> bool:
        if not (self._gone or self._person.gone):
            return False
        name = fingerprint(self._key, id)
        return name in self._gone or name in self._person.gone

    def due(self, instant: datetime) -> list[tuple[datetime, str, Kept]]:
        """What is due by the instant, the earliest first."""
        return sorted(
            (due, id, record)
            for id, record in self._records.items()
            if (due := due_at(record)) is not None and due <= instant
        )

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
        if isinstance(state, Gone):
            if before is None:
                return
            self._gone.add(fingerprint(self._key, id))
        after = None if isinstance(state, Gone) else state
        self._touched.add(id)
        self._count(before, -1)
        self._count(after, 1)
        if after is None:
            self._records.pop(id, None)
        else:
            self._records[id] = after

    def _count(self, record: Kept | None, by: int) -> None:
        if self._counts is not None and record is not None:
            self._counts[partner_of(record)] += by

    def result(self, user_id: str) -> tuple[Person, Writes]:
        if not self._touched:
            return self._person, Writes(user_id)
        kept = {id: self._records[id] for id in self._touched if id in self._records}
        erased = frozenset(id for id in self._touched if id not in self._records and id in self._person.records)
        gone = frozenset(self._gone)
        person = Person(
            self._records, self._person.gone | gone if gone else self._person.gone, self._person.version_base
        )
        return person, Writes(user_id, kept, erased, gone)
