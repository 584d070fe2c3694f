"""retention as the runner sees it: reports of negative records in, changes of records out. The rules are in core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from services.retention.core import decide as rules
from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.messages import Message, Report
from services.retention.core.record import Changed, Effect, Expired, Open, Refused, Repeated, Waits, change_of
from services.retention.erasing import Held, Told, Written, erasing
from services.retention.storage import erasures, restate, store
from shared.contracts.cloudevents import ARRIVED
from shared.contracts.exchange import announced, provenance, received, refused
from shared.contracts.faults import Fault
from shared.contracts.messages import RecordChange, RecordReport
from shared.contracts.times import TimeError, instant
from shared.contracts.topics import RECORDS_CHANGED, RECORDS_REPORTED, SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.runner.service import (
    Announcement,
    Db,
    DeadLetter,
    Decision,
    Fenced,
    Input,
    Outcome,
    Outgoing,
    OwnTopic,
    Record,
    Service,
)

NAME = "retention"
_MODELS = {RECORDS_REPORTED: RecordReport}


def service(policy: Policy) -> Service[Fenced[Told, Held, Written]]:
    fingerprint_key = policy.fingerprint_key
    records: Fenced[Message, Person, Writes] = Fenced(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=partial(store.load, fingerprint_key=fingerprint_key),
        save=partial(store.save, fingerprint_key=fingerprint_key),
        due=store.due,
        own=OwnTopic(
            RECORDS_CHANGED,
            partial(restate.undecided, fingerprint_key=fingerprint_key),
            _restate,
            # It is not compacted: what was decided before may be all that tells of a record that is gone since.
            last_counts=False,
        ),
    )
    inputs = (Input(topic=RECORDS_REPORTED), Input(topic=SUBJECT_REQUESTS), Input(topic=SUBJECT_ANSWERS))
    return Service(NAME, inputs, erasing(records, policy), policy.profile.name, erasures.census)


def decode(record: Record, arrived: datetime) -> Report | DeadLetter | None:
    """A report of a record. ingest wrote it, so what cannot be read is a fault of ours: the operator's to look at."""
    if record.topic == SUBJECT_REQUESTS:
        return None
    message = received(record, _MODELS)
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


def decide(
    person: Person | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Person, Writes]:
    """Take in reports and deadlines of one person, announce what has changed, and refuse what must not be so."""
    decided = rules.decide(person or Person(), messages, now, policy)
    user_id = messages[0].user_id
    base = decided.person.version_base
    outgoing: list[Outgoing | Announcement] = []
    outcomes: list[Outcome] = []
    for id, effect in decided.effects:
        message, outcome = _answer(user_id, id, effect, now, base)
        if message is not None:
            outgoing.append(message)
        outcomes.append(outcome)
    return Decision(
        decided.person, tuple(outgoing), tuple(outcomes), (decided.writes,) if decided.writes.are_any else ()
    )


def _answer(
    user_id: str, id: str, effect: Effect, now: datetime, base: int
) -> tuple[Outgoing | Announcement | None, Outcome]:
    """What is sent because of an effect, if anything, and how it is counted."""
    match effect:
        case Changed(record):
            change = change_of(id, record, base)
            outcome = Outcome("open" if isinstance(record, Open) else "settled", record.facts.partner)
            return _changed(user_id, change, now), outcome
        case Expired(partner, version, lapsed_at):
            # What announces that a record is erased repeats nothing of it. Late or not, it happened at the deadline.
            change = RecordChange(record_id=id, version=base + version, status="expired", counts=False)
            return _changed(user_id, change, lapsed_at), Outcome("expired", partner)
        case Refused(partner, event_id, origin, fault, fieldnames):
            # Position and id, and no bytes, since what came here is not what the partner sent.
            message = refused(NAME, partner, origin, fault, event_id, fieldnames=fieldnames)
            return message, Outcome("refused", partner, fault.code)
        case Waits(partner):
            return None, Outcome("waiting", partner)
        case Repeated(partner):
            return None, Outcome("duplicate", partner)


async def _restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime
) -> AsyncIterator[Sequence[Outgoing]]:
    async for base, page in restate.restate(db, shard):
        yield [_changed(user_id, change_of(id, record, base), now).placed(shard) for user_id, id, record in page]


def _changed(user_id: str, change: RecordChange, time: datetime) -> Announcement:
    # The record's id stands for the person too. Versions are per record: a person's own count would have to outlive the
    # last record, and say that there was one.
    id, version = change.record_id, change.version
    return announced(NAME, RECORDS_CHANGED, user_id, change, subject=id, version=version, time=time)
