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
from msgspec.structs import replace

from services.retention.core.bounds import ERASURES_MAX
from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.erasure import (
    Confirmed,
    Erase,
    Erasure,
    Forget,
    Roll,
    begun,
    last_erasure,
    not_taken,
    receipt,
    too_often,
)
from services.retention.core.messages import Due, Message, Report
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
from services.retention.storage.erasures import Began, Finished, Forgotten, RecordsGone, Rolled, Write
from services.retention.storage.overview import Exported
from shared.contracts.erasure import Erased, is_nobody, mark, naming
from shared.contracts.exchange import Headers, Misasked, announced, answered, received, requested
from shared.contracts.faults import Code, Fault
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import RECORDS_CHANGED, RECORDS_HELD, SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.runner.service import Announcement, Db, DeadLetter, Decision, Outcome, Outgoing, Record, Stateful

NAME = "retention"
_NOBODY = Fault(Code.ENVELOPE_KEY, "", "The record's key is a user_id that is nobody's.")

Told: TypeAlias = Message | Erase | Confirmed | Roll | Forget | Export | Summarize | Misasked
Written: TypeAlias = Writes | Write | Exported
Records: TypeAlias = Stateful[Message, Person, Writes]


class Held(msgspec.Struct, frozen=True):
    """What is known of a person: the records, if there are any, and the erasures and reports that are remembered."""

    person: Person | None = None
    erasures: tuple[Erasure, ...] = ()
    given: tuple[Given, ...] = ()
    """The free reports that the person has had."""

    @property
    def erased_at(self) -> datetime | None:
        return max((each.asked_at for each in self.erasures), default=None)


def erasing(records: Records, policy: Policy) -> Stateful[Told, Held, Written]:
    """The same service, which can erase a person. What it does by the clock is in chores."""
    key = policy.fingerprint_key
    return Stateful(
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
    """That a service has erased a person. All else on the topic is for people."""
    message = received(record, {SUBJECT_ANSWERS: ErasureConfirmed}, later_fields=True)
    if isinstance(message, Fault):
        return None
    return Confirmed(message.user_id, message.body.request_id, message.envelope.time, message.body.service)


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
    """To the rules of records, but for what had arrived before the person was erased (rules I12). What the person had
    asked of a record then is answered all the same, as of somebody who has none."""
    for came_before, together in groupby(messages, key=partial(_came_before, made.held.erased_at)):
        if not came_before:
            _apply(records, made, list(together), now)
            continue
        for message in together:
            if isinstance(message, Report):
                made.outcomes.append(Outcome("dropped"))
            else:
                nobodys = records.decide(None, [message], now)
                ended = naming(last_erasure(message.user_id, made.held.erasures))
                made.outgoing += [_naming(each, ended, SUBJECT_ANSWERS) for each in nobodys.outgoing]
                made.outcomes += nobodys.outcomes


def _apply(records: Records, made: _Made, messages: Sequence[Any], now: datetime) -> None:
    """Whoever was erased lately has it named in all that is said of records from then on."""
    decision = records.decide(made.held.person, messages, now)
    named = naming(last_erasure(messages[0].user_id, made.held.erasures))
    made.held = replace(made.held, person=decision.state)
    made.outgoing += (
        [_naming(each, named, RECORDS_CHANGED) for each in decision.outgoing] if named else decision.outgoing
    )
    made.outcomes += decision.outcomes
    made.writes += decision.writes
    if any(each.erased for each in decision.writes):
        made.writes.append(RecordsGone(now))


def _naming(message: Outgoing | Announcement, named: Headers, topic: str) -> Outgoing | Announcement:
    """The message, naming the erasure, if there is one and it goes to this topic."""
    return replace(message, headers=(*message.headers, *named)) if named and message.topic == topic else message


def _came_before(erased_at: datetime | None, message: Message) -> bool:
    if erased_at is None or isinstance(message, Due) or message.arrived is None:
        return False
    # Requests are on one topic: of two at one instant the one that is read behind the other came later.
    return message.arrived <= erased_at if isinstance(message, Report) else message.arrived < erased_at


def _take(made: _Made, message: Told, now: datetime, policy: Policy) -> None:
    match message:
        case Erase():
            _erase(made, message, now, policy)
        case Confirmed():
            _confirm(made, message, policy)
        case Roll():
            name = f"roll-{message.instant:%Y%m%dT%H%M%S}"
            made.outgoing += _marks(Erased(message.user_id, name, message.instant), policy)
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


def _erase(made: _Made, message: Erase, now: datetime, policy: Policy) -> None:
    known = made.held.erasures
    before = next((each for each in known if each.request_id == message.request_id), None)
    if before is None and len(known) >= ERASURES_MAX:
        made.outgoing.append(answered(message.user_id, too_often(message), message.time))
        made.outcomes.append(Outcome("refused"))
        return
    erasure = before or Erasure(message.request_id, message.asked_at)
    erased = Erased(message.user_id, erasure.request_id, erasure.asked_at)
    made.outgoing.append(answered(message.user_id, begun(message), message.time, naming(erased)))
    if before is not None:
        made.outcomes.append(Outcome("duplicate"))
        return
    made.outgoing += _marks(erased, policy)
    made.held = Held(None, (*known, erasure))
    made.writes.append(Began(message.user_id, erasure, now))
    made.outcomes.append(Outcome("erased"))


def _marks(erased: Erased, policy: Policy) -> list[Announcement]:
    """On each topic on which retention says something of people."""
    topics = (RECORDS_CHANGED, RECORDS_HELD) if policy.has_portal else (RECORDS_CHANGED,)
    return [mark(NAME, topic, erased) for topic in topics]


def _confirm(made: _Made, message: Confirmed, policy: Policy) -> None:
    """The first confirmation of the last service makes the receipt; another one of the same erasure says nothing new.
    Where there is a portal, it is the last: it reads what ingest has sent."""
    if message.service != ("portal" if policy.has_portal else "ingest"):
        return
    for at, erasure in enumerate(made.held.erasures):
        if erasure.request_id == message.request_id and erasure.confirmed_at is None:
            body = receipt(
                message.user_id,
                erasure,
                message.time,
                policy.fingerprint_key,
                has_portal=policy.has_portal,
            )
            subject = message.request_id
            told = announced(
                NAME, SUBJECT_ANSWERS, message.user_id, body, subject=subject, version=2, time=message.time
            )
            made.outgoing.append(told)
            done = replace(erasure, confirmed_at=message.time)
            known = made.held.erasures
            made.held = replace(made.held, erasures=(*known[:at], done, *known[at + 1 :]))
            made.writes.append(Finished(message.user_id, message.request_id, message.time))
            made.outcomes.append(Outcome("answered"))
            return


def _export(made: _Made, message: Export, policy: Policy) -> None:
    """What was asked for before an erasure counts for nobody."""
    came_before = made.held.erased_at is not None and message.asked_at < made.held.erased_at
    answer, new = granted(message, () if came_before else made.held.given, policy.profile)
    more = naming(last_erasure(message.user_id, made.held.erasures)) if came_before else ()
    made.outgoing.append(answered(message.user_id, answer, message.time, more))
    made.outcomes.append(Outcome("refused" if answer.status == "refused" else "answered"))
    if new is not None and not came_before:
        made.held = replace(made.held, given=(*made.held.given, new))
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


def asks_to_be_erased(record: Record) -> bool:
    message = requested(record)
    return not isinstance(message, Misasked | Fault) and message.body.request == "erase"


async def erase_ahead(
    db: Db, shard: int, ahead: Sequence[tuple[Record, datetime]], now: datetime, policy: Policy
) -> list[Announcement]:
    """Follow requests that are not read yet, in an older copy of the database; each is answered when its turn comes.
    Returns the marks that go out."""
    asked: dict[tuple[str, str], Erased] = {}
    for record, arrived in ahead:
        message = requested(record)
        if not isinstance(message, Misasked | Fault):
            erased = Erased(message.user_id, message.envelope.id, arrived)
            asked.setdefault((erased.user_id, erased.request_id), erased)
    key = policy.fingerprint_key
    known = await erasures.load(db, shard, sorted({user_id for user_id, _ in asked}), key)
    before = {(user_id, each.request_id) for user_id, erased in known.items() for each in erased}
    new = [erased for names, erased in asked.items() if names not in before]
    began = [Began(each.user_id, Erasure(each.request_id, each.asked_at), now) for each in new]
    await erasures.save(db, shard, began, key)
    return [each for erased in new for each in _marks(erased, policy)]


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
