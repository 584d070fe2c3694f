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

from services.retention.core.bounds import ERASURES_MAX
from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.erasure import (
    Confirmed,
    Erase,
    Erasure,
    Forget,
    Roll,
    begun,
    not_taken,
    receipt,
    too_often,
)
from services.retention.core.messages import Message, Report
from services.retention.core.overview import (
    Export,
    Given,
    Summarize,
    begins_at,
    granted,
    kept_until,
    summary,
)
from services.retention.storage import erasures, overview
from services.retention.storage.erasures import Began, Finished, Forgotten, Rolled, Write
from services.retention.storage.overview import Exported
from shared.contracts.erasure import Erased, is_nobody, mark
from shared.contracts.exchange import Misasked, announced, answered, received, requested
from shared.contracts.faults import Code, Fault
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import RECORDS_CHANGED, SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.runner.service import Announcement, Db, DeadLetter, Decision, Fenced, Outcome, Outgoing, Record

NAME = "retention"
_NOBODY = Fault(Code.ENVELOPE_KEY, "", "The record's key is a user_id that is nobody's.")

Told: TypeAlias = Message | Erase | Confirmed | Roll | Forget | Export | Summarize | Misasked
Written: TypeAlias = Writes | Write | Exported
Records: TypeAlias = Fenced[Message, Person, Writes]


class Held(msgspec.Struct, frozen=True):
    """What is known of a person: the records, if there are any, and the erasures and reports that are remembered."""

    person: Person | None = None
    erasures: tuple[Erasure, ...] = ()
    given: tuple[Given, ...] = ()
    """The free reports that the person has had."""

    @property
    def erased_at(self) -> datetime | None:
        return max((each.asked_at for each in self.erasures), default=None)


def erasing(records: Records, policy: Policy) -> Fenced[Told, Held, Written]:
    """The same service, which can erase a person. What it does by the clock is in chores."""
    key = policy.fingerprint_key
    return Fenced(
        decode=partial(_decode, records),
        user_id_of=lambda message: message.user_id,
        decide=partial(_decide, records, policy=policy),
        load=partial(_load, records, key=key),
        save=partial(_save, records, key=key),
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
                if is_nobody(user_id):
                    return DeadLetter.of(_NOBODY)  # its mark would be taken for one that lets the broker clean up
                return Erase(user_id, id, arrived, time)
            if message.body.request == "export":
                return Export(user_id, id, arrived, time)
    return records.decode(record, arrived)


def _confirmation(record: Record) -> Confirmed | None:
    """What ingest says last of all. All else on the topic is for people, or for ingest."""
    message = received(record, {SUBJECT_ANSWERS: ErasureConfirmed}, later_fields=True)
    if isinstance(message, Fault) or message.body.service != "ingest":
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
    records: Records, held: Held | None, messages: Sequence[Told], now: datetime, *, policy: Policy
) -> Decision[Held, Written]:
    made = _Made(held or Held())
    for is_ours, together in groupby(messages, key=_is_ours):
        if is_ours:
            for message in together:
                _take(made, message, now, policy)
        else:
            _pass_on(records, made, list(together), now)
    is_known = made.held.person is not None or bool(made.held.erasures or made.held.given)
    return Decision(made.held if is_known else None, tuple(made.outgoing), tuple(made.outcomes), tuple(made.writes))


def _is_ours(message: Told) -> bool:
    return isinstance(message, Erase | Confirmed | Roll | Forget | Export | Summarize | Misasked)


def _pass_on(records: Records, made: _Made, messages: Sequence[Any], now: datetime) -> None:
    """To the rules of records, but for what had arrived before the person was erased (rules I12)."""
    erased_at = made.held.erased_at
    newer = [each for each in messages if not _came_before(each, erased_at)]
    made.outcomes += [Outcome("dropped")] * (len(messages) - len(newer))
    if not newer:
        return
    decision = records.decide(made.held.person, newer, now)
    made.held = msgspec.structs.replace(made.held, person=decision.state)
    made.outgoing += decision.outgoing
    made.outcomes += decision.outcomes
    made.writes += decision.writes


def _came_before(message: Message, erased_at: datetime | None) -> bool:
    if erased_at is None or not isinstance(message, Report):
        return False
    return message.arrived is not None and message.arrived <= erased_at


def _take(made: _Made, message: Told, now: datetime, policy: Policy) -> None:
    match message:
        case Erase():
            _erase(made, message, now)
        case Confirmed():
            _confirm(made, message, policy.fingerprint_key)
        case Roll():
            made.outgoing.append(_mark(message.user_id, f"roll-{message.instant:%Y%m%dT%H%M%S}", message.instant))
            made.writes.append(Rolled(message.instant))
        case Forget():
            made.writes.append(Forgotten(message.instant))
        case Export():
            _export(made, message, policy)
        case Summarize():
            _summarize(made, message, policy)
        case Misasked():
            made.outgoing.append(answered(message.user_id, not_taken(message.request_id, message.fault), message.time))
            made.outcomes.append(Outcome("answered"))


def _erase(made: _Made, message: Erase, now: datetime) -> None:
    known = made.held.erasures
    is_known = any(each.request_id == message.request_id for each in known)
    is_taken = is_known or len(known) < ERASURES_MAX
    answer = begun(message) if is_taken else too_often(message)
    made.outgoing.append(answered(message.user_id, answer, message.time))
    if is_known or not is_taken:
        made.outcomes.append(Outcome("duplicate" if is_known else "refused"))
        return
    erasure = Erasure(message.request_id, message.asked_at)
    made.outgoing.append(_mark(message.user_id, message.request_id, message.asked_at))
    made.held = Held(None, (*known, erasure))
    made.writes.append(Began(message.user_id, erasure, now))
    made.outcomes.append(Outcome("erased"))


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
            known = made.held.erasures
            made.held = msgspec.structs.replace(made.held, erasures=(*known[:at], done, *known[at + 1 :]))
            made.writes.append(Finished(message.user_id, message.request_id, message.time))
            made.outcomes.append(Outcome("answered"))
            return


def _export(made: _Made, message: Export, policy: Policy) -> None:
    answer, new = granted(message, made.held.given, policy.profile)
    made.outgoing.append(answered(message.user_id, answer, message.time))
    made.outcomes.append(Outcome("refused" if answer.status == "refused" else "answered"))
    if new is not None:
        made.held = msgspec.structs.replace(made.held, given=(*made.held.given, new))
        made.writes.append(Exported(message.user_id, new, kept_until(new[1], policy.profile)))


def _summarize(made: _Made, message: Summarize, policy: Policy) -> None:
    """Its time is the beginning of the year, so that a summary that is sent again is the same to the byte."""
    if made.held.person is None:
        return
    time, user_id = begins_at(message.year, policy.profile), message.user_id
    notice = summary(message, made.held.person)
    made.outgoing.append(
        announced(NAME, SUBJECT_ANSWERS, user_id, notice, subject=user_id, version=notice.version, time=time)
    )
    made.outcomes.append(Outcome("answered"))


# -- storage -----------------------------------------------------------------------------------------------------------


async def _load(records: Records, db: Db, shard: int, user_ids: Sequence[str], *, key: bytes) -> dict[str, Held]:
    people = await records.load(db, shard, user_ids)
    are_erased, are_exported = await erasures.anybody(db, shard)
    erased = await erasures.load(db, shard, user_ids, key) if are_erased else {}
    given = await overview.load(db, shard, user_ids) if are_exported else {}
    known = people.keys() | erased.keys() | given.keys()
    return {id: Held(people.get(id), erased.get(id, ()), given.get(id, ())) for id in known}


async def _save(
    records: Records, db: Db, shard: int, states: Mapping[str, Held], writes: Sequence[Written], *, key: bytes
) -> None:
    """Of what a step writes about somebody who was erased in it, only what came behind the erasure stays."""
    last = {each.user_id: at for at, each in enumerate(writes) if isinstance(each, Began)}
    newer = [
        each
        for at, each in enumerate(writes)
        if isinstance(each, Writes | Exported) and at > last.get(each.user_id, -1)
    ]
    await erasures.save(db, shard, [each for each in writes if not isinstance(each, Writes | Exported)], key)
    await overview.save(db, shard, [each for each in newer if isinstance(each, Exported)])
    kept = [each for each in newer if isinstance(each, Writes)]
    people = {id: held.person for id, held in states.items() if held.person is not None}
    if people or kept:
        await records.save(db, shard, people, kept)
