"""retention as the runner sees it: reports of negative records and people's requests in, changes of records, questions
and notices out. The rules are in core; what is sent because of them is in telling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from services.retention import chores
from services.retention.core import decide as rules
from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.effects import change_of
from services.retention.core.erasure import last_erasure
from services.retention.core.messages import DisputeRequest, Message, Report, StatementRequest
from services.retention.erasing import Held, Told, Written, asks_to_be_erased, erase_ahead, erasing
from services.retention.storage import erasures, restate, store
from services.retention.telling import NAME as NAME
from services.retention.telling import changed, held, messages_of, outcome_of
from shared.contracts.cloudevents import ARRIVED
from shared.contracts.exchange import AHEAD_MAX, TAKEN_TOO_EARLY, Misasked, provenance, received, requested
from shared.contracts.faults import Fault
from shared.contracts.messages import RecordReport
from shared.contracts.subject import SubjectRequest
from shared.contracts.times import TimeError, instant
from shared.contracts.topics import RECORDS_CHANGED, RECORDS_REPORTED, SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.runner.service import (
    Ahead,
    Announcement,
    Db,
    DeadLetter,
    Decision,
    Input,
    Outgoing,
    OwnTopic,
    Record,
    Service,
    Stateful,
)

_MODELS = {RECORDS_REPORTED: RecordReport}


def service(policy: Policy) -> Service[Stateful[Told, Held, Written]]:
    fingerprint_key = policy.fingerprint_key
    records: Stateful[Message, Person, Writes] = Stateful(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=partial(store.load, fingerprint_key=fingerprint_key),
        save=partial(store.save, fingerprint_key=fingerprint_key),
        due=store.due,
        own=OwnTopic(
            RECORDS_CHANGED,
            partial(restate.undecided, fingerprint_key=fingerprint_key),
            partial(_restate, policy=policy),
            # It is not compacted: what was decided before may be all that tells of a record that is gone since.
            last_counts=False,
            ahead=Ahead(SUBJECT_REQUESTS, asks_to_be_erased, partial(_follow, policy=policy)),
        ),
    )
    inputs = (Input(topic=RECORDS_REPORTED), Input(topic=SUBJECT_REQUESTS), Input(topic=SUBJECT_ANSWERS))
    mode = replace(erasing(records, policy), due=partial(chores.due, records, policy=policy))
    return Service(NAME, inputs, mode, policy.profile.name, erasures.census)


def decode(record: Record, arrived: datetime) -> Message | DeadLetter | None:
    """A report of a record, or what a person asks of one."""
    if record.topic == SUBJECT_REQUESTS:
        return _request(record, arrived)
    message = received(record, _MODELS)
    # ingest wrote it, so what cannot be read is a fault of ours: the operator's to look at.
    if isinstance(message, Fault):
        return DeadLetter.of(message)
    came = provenance(message.envelope)
    if isinstance(came, Fault):
        return DeadLetter.of(came)
    envelope = message.envelope
    raw = envelope.extensions.get(ARRIVED)
    try:
        appended = None if raw is None else instant(raw)
    except TimeError as error:
        return DeadLetter(error.code, error.sentence)
    if appended is not None and appended > arrived:
        # ingest read it while the clocks were wrong: nothing arrives after it was forwarded.
        appended = arrived
        if _lies_ahead(message.body, envelope.time, arrived + AHEAD_MAX):
            return DeadLetter.of(TAKEN_TOO_EARLY)
    return Report(
        message.user_id,
        came.partner,
        envelope.id,
        came.origin,
        message.body,
        envelope.time,
        came.fieldnames,
        appended,
    )


def _lies_ahead(body: RecordReport, time: datetime, latest: datetime) -> bool:
    """No zone is a whole day before UTC."""
    last_day = (latest + timedelta(days=1)).date()
    return time > latest or any(day is not None and day > last_day for day in (body.began_on, body.ended_on))


def _request(record: Record, arrived: datetime) -> DisputeRequest | StatementRequest | DeadLetter | None:
    """A dispute or a statement; what else a person asks for is for others."""
    message = requested(record)
    if isinstance(message, Fault):
        return DeadLetter.of(message)
    if isinstance(message, Misasked):
        return DeadLetter.of(message.fault)
    body, id = message.body, message.envelope.id
    # The latest statement goes with a record: one from the future would keep out all that come after it.
    time = min(message.envelope.time, arrived)
    match body:
        case SubjectRequest(request="dispute", record_id=str(record_id), reason=str(reason)):
            return DisputeRequest(message.user_id, id, record_id, reason, body.text, time, arrived)
        case SubjectRequest(request="statement", record_id=str(record_id), text=str(text)):
            return StatementRequest(message.user_id, id, record_id, text, time, arrived)
        case _:
            return None


def decide(
    person: Person | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Person, Writes]:
    """Take in what is reported and asked of one person's records, and what is due; tell whoever is concerned."""
    decided = rules.decide(person or Person(), messages, now, policy)
    user_id, base = messages[0].user_id, decided.person.version_base
    sent = (messages_of(user_id, id, effect, now, base, policy) for id, effect in decided.effects)
    # What is done in one step is told in one message: the last one is all that a reader of a compacted topic needs.
    tells = policy.has_portal and decided.writes.are_any
    return Decision(
        decided.person,
        (*chain.from_iterable(sent), *([held(user_id, decided.person.records, now, policy.profile)] if tells else [])),
        tuple(outcome_of(effect) for _, effect in decided.effects),
        (decided.writes,) if decided.writes.are_any else (),
    )


async def _follow(
    db: Db, shard: int, ahead: Sequence[tuple[Record, datetime]], now: datetime, policy: Policy
) -> Sequence[Outgoing]:
    """Whoever asks to be erased in what is not read yet, is erased first: else what a newcomer's partners have reported
    could be read before the request, and would go with it (rules I12)."""
    return [each.placed(shard) for each in await erase_ahead(db, shard, ahead, now, policy)]


async def _restate(
    db: Db,
    shard: int,
    last: Mapping[bytes, Record],
    ahead: Sequence[tuple[Record, datetime]],
    now: datetime,
    policy: Policy,
) -> AsyncIterator[Sequence[Outgoing]]:
    yield await _follow(db, shard, ahead, now, policy)
    async for base, people in restate.restate(db, shard):
        erased = await erasures.of(db, shard, sorted(people), policy.fingerprint_key)
        said: list[Announcement] = []
        for user_id, records in people.items():
            life = last_erasure(user_id, erased.get(user_id, ()))
            said += [changed(user_id, change_of(id, record, base), now, life) for id, record in records.items()]
            if policy.has_portal:
                said.append(held(user_id, records, now, policy.profile))
        yield [each.placed(shard) for each in said]
