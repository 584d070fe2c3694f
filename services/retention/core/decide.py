"""What a person's messages lead to: the records that are kept, the fingerprints of those that are gone, and effects.

A person is a value: nothing in it is changed, each decision makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush

import msgspec

from services.retention.core.answers import resolve
from services.retention.core.deadline import last_day_before
from services.retention.core.disputes import attach, dispute
from services.retention.core.effects import Effect, Repeated, Step, refused
from services.retention.core.fingerprint import dispute_id
from services.retention.core.messages import DisputeRequest, Due, Message, Report, StatementRequest
from services.retention.core.person import Person as Person
from services.retention.core.person import Records, turn_of
from services.retention.core.person import Writes as Writes
from services.retention.core.record import (
    Deleted,
    Gone,
    Open,
    Settled,
    State,
    Unreported,
)
from services.retention.core.reports import DELETED_FAULT, GONE_FAULT, over_by, take
from services.retention.core.settlements import waited
from services.retention.core.timers import early_end, ends_early, fire, lapsed
from shared.contracts.retention_profile import Profile


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules are given besides time. `fingerprint_key` is in no table and no topic."""

    profile: Profile
    fingerprint_key: bytes
    has_portal: bool = False
    """The portal is told what is held of each person, and is the last to confirm an erasure."""


class Decided(msgspec.Struct, frozen=True):
    """`effects` has each with the record's id, in the order of the messages."""

    person: Person
    writes: Writes
    effects: tuple[tuple[str, Effect], ...]


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log. There must be at least one."""
    records = Records(messages[0].user_id, person, policy.fingerprint_key, now)
    effects: list[tuple[str, Effect]] = []
    for message in messages:
        for id, step in _steps(message, records, now, policy):
            records.put(id, step.state)
            effects.extend((id, effect) for effect in step.effects)
    return Decided(*records.result(), tuple(effects))


def _steps(message: Message, records: Records, now: datetime, policy: Policy) -> Iterator[tuple[str, Step]]:
    if not isinstance(message, Due):
        yield from _over_early(records, policy.profile)
    match message:
        case Report():
            yield from _told(message, records, now, policy.profile)
        case DisputeRequest():
            yield from _lapsed(message.record_id, records, now)
            number = dispute_id(policy.fingerprint_key, message.record_id, message.request_id)
            yield (
                message.record_id,
                dispute(records.held(message.record_id), message, number, now, policy.profile),
            )
        case StatementRequest():
            yield from _lapsed(message.record_id, records, now)
            yield message.record_id, attach(records.held(message.record_id), message)
        case Due():
            yield from _due(message.instant, now, records, policy.profile)


def _over_early(records: Records, profile: Profile) -> Iterator[tuple[str, Step]]:
    """Whether a record lapses early follows from what was held on its day, so it is judged before anything else that is
    read changes that, in the order of the days: what has lapsed early itself is not held on a later one (rules D11).
    An early end stays as it is set, also where the profile has none any more (rules D6)."""
    for at, _, id in records.over_early():
        record = records.held(id)
        assert isinstance(record, Open | Settled)
        yield id, ends_early(record, at, alone=_is_alone(id, record, records, profile))


def _lapsed(id: str, records: Records, now: datetime) -> Iterator[tuple[str, Step]]:
    """Nobody disputes, answers or adds to what has lapsed, whether or not its timer was first (rules R17)."""
    record = records.held(id)
    if isinstance(record, Open | Settled):
        yield id, lapsed(record, now)


def _is_alone(id: str, record: State, records: Records, profile: Profile) -> bool:
    """Whether nothing else is held of the person on the day after which the record may end early. Of a record that does
    not end early that is not asked."""
    if not isinstance(record, Open | Settled) or (at := record.case.early_at) is None:
        return True
    return not records.is_other_held(id, at, last_day_before(at, profile))


def _due(instant: datetime, now: datetime, records: Records, profile: Profile) -> Iterator[tuple[str, Step]]:
    """All that is due, in the order of its instants; what follows from it by the same instant as well."""
    waiting = records.due(instant)
    while waiting:
        *_, id = heappop(waiting)
        record = records.held(id)
        assert isinstance(record, Unreported | Open | Settled)
        step = fire(record, instant, now, profile, alone=_is_alone(id, record, records, profile))
        yield id, step
        if isinstance(step.state, Open | Settled) and (turn := turn_of(id, step.state)) and turn[0] <= instant:
            heappush(waiting, turn)


def _told(report: Report, records: Records, now: datetime, profile: Profile) -> Iterator[tuple[str, Step]]:
    """A report, and what has waited for it, as if that had come after it (rules R4)."""
    name, before = records.find(report)
    if report.body.status == "resolved":
        yield from _lapsed(name, records, now)
    id, step = _reported(report, records, now, profile)
    yield id, step
    if isinstance(before, Unreported) and isinstance(step.state, Open | Settled):
        for each in waited(report.user_id, before):
            yield from _over_early(records, profile)
            yield from _told(each, records, now, profile)


def _reported(report: Report, records: Records, now: datetime, profile: Profile) -> tuple[str, Step]:
    """Where a record that was gone comes back, it does so under another name, and by each report once."""
    id, state = records.find(report)
    if report.body.status == "resolved":
        if isinstance(state, Open | Settled) and records.was_deletion(report):
            return id, Step(state, (Repeated(report.partner),))
        step = resolve(state, report, now, profile)
    else:
        step = take(state, report, now, profile)
    if _is_new(state, step.state) and (full := records.has_no_room(report)):
        return id, Step(state, (refused(report, full),))
    if _is_first(state, step.state, report) and _is_over_early(id, step.state, records, now, profile):
        return id, Step(state, (refused(report, over_by("ended_on")),))
    if isinstance(step.state, Deleted) and isinstance(state, Open | Settled):
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


def _is_first(before: State, after: State, report: Report) -> bool:
    """Whether the report has opened the record."""
    is_open = isinstance(after, Open | Settled) and not isinstance(before, Open | Settled)
    return is_open and report.body.status == "reported"


def _is_over_early(id: str, record: State, records: Records, now: datetime, profile: Profile) -> bool:
    """Whether the record has lapsed early by the days that its report names: one that lapses as soon as it is taken
    would be published and told first (rules R11 and D11)."""
    if not isinstance(record, Open | Settled):
        return False
    at = early_end(record)
    return at is not None and at <= now and _is_alone(id, record, records, profile)
