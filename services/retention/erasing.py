"""retention's part in the erasure of a person, around what it does with records: the rules are in core/erasure.

The rest of the service knows records, and nothing of people who were erased. `erasing` wraps its functions, so that a
report that had arrived before is dropped, and a request to be erased takes the person out of its hands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import msgspec

from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.erasure import (
    Confirmed,
    Erase,
    Erasure,
    Export,
    Roll,
    begun,
    granted,
    not_taken,
    receipt,
    roll,
)
from services.retention.core.messages import Message, Report
from services.retention.storage import erasures
from services.retention.storage.erasures import Began, Finished, Rolled, Write
from shared.contracts.erasure import Erased, mark
from shared.contracts.exchange import Misasked, announced, answered, received, requested
from shared.contracts.faults import Fault
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import RECORDS_CHANGED, SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.runner.service import Announcement, Db, DeadLetter, Decision, DuePage, Fenced, Outcome, Outgoing, Record

NAME = "retention"

Told: TypeAlias = Message | Erase | Confirmed | Roll | Export | Misasked
Written: TypeAlias = Writes | Write
Records: TypeAlias = Fenced[Message, Person, Writes]


class Held(msgspec.Struct, frozen=True):
    """What is known of a person: the records, if there are any, and the erasures that are remembered."""

    person: Person | None = None
    erasures: tuple[Erasure, ...] = ()

    @property
    def erased_at(self) -> datetime | None:
        return max((each.asked_at for each in self.erasures), default=None)


def erasing(records: Records, policy: Policy) -> Fenced[Told, Held, Written]:
    """The same service, which can erase a person."""
    key = policy.fingerprint_key
    return Fenced(
        decode=partial(_decode, records),
        user_id_of=lambda message: message.user_id,
        decide=partial(_decide, records, key=key),
        load=partial(_load, records, key=key),
        save=partial(_save, records, key=key),
        due=partial(_due, records),
        own=records.own,
    )


# -- messages ----------------------------------------------------------------------------------------------------------


def _decode(records: Records, record: Record, arrived: datetime) -> Told | DeadLetter | None:
    if record.topic == SUBJECT_ANSWERS:
        return _confirmation(record)
    if record.topic == SUBJECT_REQUESTS:
        message = requested(record)
        if isinstance(message, Misasked):
            return message
        if not isinstance(message, Fault):
            user_id, id, time = message.user_id, message.envelope.id, message.envelope.time
            if message.body.request == "erase":
                return Erase(user_id, id, arrived, time)
            if message.body.request == "export":
                return Export(user_id, id, time)
    return records.decode(record, arrived)


def _confirmation(record: Record) -> Confirmed | None:
    """All else on the topic is for people."""
    message = received(record, {SUBJECT_ANSWERS: ErasureConfirmed}, later_fields=True)
    if isinstance(message, Fault):
        return None
    return Confirmed(message.user_id, message.body.request_id, message.envelope.time)


# -- decisions ---------------------------------------------------------------------------------------------------------


class _Made(msgspec.Struct):
    """A decision as it grows, message after message."""

    held: Held
    outgoing: list[Outgoing | Announcement] = msgspec.field(default_factory=list)
    outcomes: list[Outcome] = msgspec.field(default_factory=list)
    writes: list[Written] = msgspec.field(default_factory=list)


def _decide(
    records: Records, held: Held | None, messages: Sequence[Told], now: datetime, *, key: bytes
) -> Decision[Held, Written]:
    made = _Made(held or Held())
    for is_ours, together in groupby(messages, key=_is_ours):
        if is_ours:
            for message in together:
                _take(made, message, now, key)
        else:
            _pass_on(records, made, list(together), now)
    is_known = made.held.person is not None or bool(made.held.erasures)
    return Decision(made.held if is_known else None, tuple(made.outgoing), tuple(made.outcomes), tuple(made.writes))


def _is_ours(message: Told) -> bool:
    return isinstance(message, Erase | Confirmed | Roll | Export | Misasked)


def _pass_on(records: Records, made: _Made, messages: Sequence[Any], now: datetime) -> None:
    """To the rules of records, but for what had arrived before the person was erased (rules I12)."""
    erased_at = made.held.erased_at
    newer = [each for each in messages if not _came_before(each, erased_at)]
    made.outcomes += [Outcome("dropped")] * (len(messages) - len(newer))
    if not newer:
        return
    decision = records.decide(made.held.person, newer, now)
    made.held = Held(decision.state, made.held.erasures)
    made.outgoing += decision.outgoing
    made.outcomes += decision.outcomes
    made.writes += decision.writes


def _came_before(message: Message, erased_at: datetime | None) -> bool:
    if erased_at is None or not isinstance(message, Report):
        return False
    return message.arrived is not None and message.arrived <= erased_at


def _take(made: _Made, message: Told, now: datetime, key: bytes) -> None:
    match message:
        case Erase():
            made.outgoing.append(answered(message.user_id, begun(message), message.time))
            if any(each.request_id == message.request_id for each in made.held.erasures):
                made.outcomes.append(Outcome("duplicate"))
                return
            erasure = Erasure(message.request_id, message.asked_at)
            made.outgoing.append(_mark(message.user_id, message.request_id, message.asked_at))
            made.held = Held(None, (*made.held.erasures, erasure))
            made.writes.append(Began(message.user_id, erasure, now))
            made.outcomes.append(Outcome("erased"))
        case Confirmed():
            _confirm(made, message, key)
        case Roll():
            made.outgoing.append(_mark(message.user_id, f"roll-{message.instant:%Y%m%dT%H%M%S}", message.instant))
            made.writes.append(Rolled(message.instant))
        case Export():
            made.outgoing.append(answered(message.user_id, granted(message), message.time))
            made.outcomes.append(Outcome("answered"))
        case Misasked():
            made.outgoing.append(answered(message.user_id, not_taken(message.request_id, message.fault), message.time))
            made.outcomes.append(Outcome("answered"))


def _mark(user_id: str, request_id: str, asked_at: datetime) -> Announcement:
    return mark(NAME, RECORDS_CHANGED, Erased(user_id, request_id, asked_at))


def _confirm(made: _Made, message: Confirmed, key: bytes) -> None:
    """The first confirmation makes the receipt; another one of the same erasure says nothing new."""
    for at, erasure in enumerate(made.held.erasures):
        if erasure.request_id == message.request_id and erasure.confirmed_at is None:
            body = receipt(message.user_id, erasure, message.time, key)
            subject = message.request_id
            told = announced(
                NAME, SUBJECT_ANSWERS, message.user_id, body, subject=subject, version=2, time=message.time
            )
            made.outgoing.append(told)
            done = msgspec.structs.replace(erasure, confirmed_at=message.time)
            made.held = Held(made.held.person, (*made.held.erasures[:at], done, *made.held.erasures[at + 1 :]))
            made.writes.append(Finished(message.user_id, message.request_id, message.time))
            made.outcomes.append(Outcome("answered"))
            return


# -- storage -----------------------------------------------------------------------------------------------------------


async def _load(records: Records, db: Db, shard: int, user_ids: Sequence[str], *, key: bytes) -> dict[str, Held]:
    people = await records.load(db, shard, user_ids)
    erased = await erasures.load(db, shard, user_ids, key)
    return {id: Held(people.get(id), erased.get(id, ())) for id in people.keys() | erased.keys()}


async def _save(
    records: Records, db: Db, shard: int, states: Mapping[str, Held], writes: Sequence[Written], *, key: bytes
) -> None:
    await erasures.save(db, shard, [each for each in writes if not isinstance(each, Writes)], key)
    last = {each.user_id: at for at, each in enumerate(writes) if isinstance(each, Began)}
    kept = [each for at, each in enumerate(writes) if isinstance(each, Writes) and at > last.get(each.user_id, -1)]
    people = {id: held.person for id, held in states.items() if held.person is not None}
    if people or kept:
        await records.save(db, shard, people, kept)


async def _due(
    records: Records, db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = ()
) -> DuePage[Told, Held]:
    """What is due of records comes first; then, and seldom, the broker is made to clean up."""
    assert records.due is not None
    page: DuePage[Any, Person] = await records.due(db, shard, now, cursor, limit, skip)
    if page.messages:
        states = {id: Held(person) for id, person in page.states.items()}
        return DuePage(page.messages, page.cursor, page.next_at, page.run, states)
    at = await erasures.next_roll(db, shard)
    if at is None or at > now or (asked := roll(shard, at)).user_id in skip:
        return DuePage((), page.cursor, min(filter(None, (page.next_at, at)), default=None))
    return DuePage((asked,), page.cursor, at, states={asked.user_id: Held()})
