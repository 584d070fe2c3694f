"""The scorer as the runner sees it: records in, decisions out. No rule is here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache, partial

from services.scorer.core import decide as rules
from services.scorer.core.decide import Person, Policy, Publication, Writes
from services.scorer.core.folding import Accepted, Blocked, Conflict, Duplicate, TooLate, TooMany
from services.scorer.core.messages import Event, Message, RecordNews, event_of
from services.scorer.storage import restate, store
from shared.contracts.checks import check_change, check_event
from shared.contracts.cloudevents import ARRIVED, Envelope, binary, parse_envelope
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import TYPES, BehaviorEvent, RecordChange, ScoreChange, encode, read
from shared.contracts.months import month_of
from shared.contracts.refusals import refusal_headers
from shared.contracts.times import TimeError, instant
from shared.contracts.topics import NORMALIZED, RECORDS_CHANGED, SCORES_CHANGED, rejected_topic
from shared.runner.own_topic import OwnTopic
from shared.runner.service import (
    Announcement,
    Db,
    DeadLetter,
    Decision,
    Fenced,
    Input,
    Outcome,
    Outgoing,
    Record,
    Result,
    Service,
)

NAME = "scorer"
_PARTNERS = "/partners/"
_TO_THE_MINUTE = len("2026-01-31T23:59")
_USER_ID = re.compile(USER_ID_PATTERN)


def service(policy: Policy) -> Service[Fenced[Message, Person, Writes]]:
    mode: Fenced[Message, Person, Writes] = Fenced(
        decode=partial(decode, zone=policy.zone),
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=store.load,
        save=store.save,
        due=partial(store.due, policy=policy),
        own=OwnTopic(SCORES_CHANGED, restate.undecided, partial(_restate, policy=policy), last_counts=True),
    )
    return Service(NAME, (Input(topic=NORMALIZED), Input(topic=RECORDS_CHANGED)), mode, policy.scorecard.id)


def decode(record: Record, arrived: datetime, zone: tzinfo) -> Message | DeadLetter:
    """One record of `behavior.normalized` or `records.changed`. Services wrote it, so what cannot be read is a fault of
    ours: the operator's, not the partner's."""
    envelope = parse_envelope(record.key, record.headers)
    if isinstance(envelope, Fault):
        return _dead(envelope)
    if (
        record.key is None
        or record.value is None
        or not _USER_ID.fullmatch(key := record.key.decode("ascii", "replace"))
    ):
        return DeadLetter(Code.ENVELOPE_KEY, "The record has no value, or its key is no user_id.")
    if record.topic == NORMALIZED and envelope.type == TYPES[BehaviorEvent]:
        return _event(key, record.value, envelope, arrived, zone)
    if record.topic == RECORDS_CHANGED and envelope.type == TYPES[RecordChange]:
        return _news(key, record.value, arrived, zone)
    return DeadLetter(Code.ENVELOPE_TYPE, "This topic does not take messages of this type.")


def _event(key: str, value: bytes, envelope: Envelope, arrived: datetime, zone: tzinfo) -> Event | DeadLetter:
    body = read(BehaviorEvent, value)
    if isinstance(body, Fault):
        return _dead(body)
    if fault := check_event(body):
        return _dead(fault)
    partner, origin = envelope.source.removeprefix(_PARTNERS), envelope.extensions.get("origin")
    if partner == envelope.source or origin is None:
        return DeadLetter(Code.ENVELOPE_ATTRIBUTE, "The event names no partner or no origin.")
    raw = envelope.extensions.get(ARRIVED)
    try:
        # To the minute, so that the answer for one is remembered for the next.
        month = month_of(arrived, zone) if raw is None else _month_of_minute(raw[:_TO_THE_MINUTE], zone)
    except TimeError as error:
        return DeadLetter(error.code, error.sentence)
    return event_of(
        key,
        partner,
        envelope.id,
        origin,
        envelope.time,
        month,
        value,
        body,
        zone,
        envelope.extensions.get("fieldnames", ""),
    )


@lru_cache(maxsize=1024)
def _month_of_minute(minute: str, zone: tzinfo) -> int:
    """The month in which the partner's own record was appended, as ingest says: were it the normalized record's own, an
    outage of ingest over the turn of a month would refuse what had come in time (rules E18)."""
    return month_of(instant(f"{minute}:00Z"), zone)


def _news(key: str, value: bytes, arrived: datetime, zone: tzinfo) -> RecordNews | DeadLetter:
    body = read(RecordChange, value)
    if isinstance(body, Fault):
        return _dead(body)
    if fault := check_change(body):
        return _dead(fault)
    return RecordNews(key, month_of(arrived, zone), body)


def _dead(fault: Fault) -> DeadLetter:
    return DeadLetter(fault.code, fault.sentence)


def decide(
    person: Person | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Person, Writes]:
    decided = rules.decide(person or Person(messages[0].user_id), messages, now, policy)
    outgoing: list[Outgoing | Announcement] = []
    outcomes = [_outcome("duplicate")] * decided.stale
    for event, folded in decided.folded:
        match folded:
            case Accepted():
                outcomes.append(_outcome("accepted", event.partner))
            case Duplicate():
                outcomes.append(_outcome("duplicate", event.partner))
            case Conflict() | TooLate() | TooMany() | Blocked():
                fault = _refusal(folded)
                outgoing.append(_rejected(event, fault))
                outcomes.append(_outcome("refused", event.partner, fault.code))
    if publication := decided.writes.publication:
        outgoing.append(_score_changed(decided.person.user_id, publication, policy))
        outcomes.append(_outcome("published"))
    writes = (decided.writes,) if decided.writes.are_any else ()
    return Decision(decided.person, tuple(outgoing), tuple(outcomes), writes)


def _refusal(folded: Conflict | TooLate | TooMany | Blocked) -> Fault:
    match folded:
        case Conflict():
            return Fault(
                Code.CONFLICT, "ce_id", "Another event with this id came first; send this one with an id of its own."
            )
        case TooLate():
            return Fault(Code.TOO_LATE, "ce_time", "The month of the event's time no longer accepted events.")
        case TooMany():
            return Fault(
                Code.TOO_MANY,
                "",
                "You have sent as many events of this kind about this person in this month as are taken; add them up"
                " in fewer events, and look for a loop that sends them.",
            )
        case Blocked():
            return Fault(Code.CONSENT_WITHDRAWN, "data.consent.id", "The person has withdrawn this consent.")


def _rejected(event: Event, fault: Fault) -> Outgoing:
    """To the event's partner: position and id, and no bytes, since what came here is not what the partner sent."""
    headers = refusal_headers(NAME, event.origin, fault, event.id, fieldnames=event.fieldnames)
    return Outgoing(rejected_topic(event.partner), None, None, headers, 0)


async def _restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, policy: Policy
) -> AsyncIterator[Sequence[Outgoing]]:
    async for page in restate.restate(db, shard, last, now, policy.scorecard.id):
        yield [_score_changed(user_id, publication, policy).placed(shard) for user_id, publication in page]


def _score_changed(user_id: str, publication: Publication, policy: Policy) -> Announcement:
    evaluation = publication.evaluation
    body = ScoreChange(
        version=publication.version,
        score=evaluation.score,
        thin=evaluation.thin,
        cadence=policy.scorecard.cadence,
        as_of=publication.as_of,
        policy=publication.policy,
        restrictions=evaluation.restrictions,
        key_factors=evaluation.key_factors,
        publication=publication.run,
    )
    headers = binary(
        id=f"{NAME}/{user_id}/{publication.version}",
        source=f"/{NAME}",
        type=TYPES[ScoreChange],
        time=publication.as_of,
        partitionkey=user_id,
    )
    return Announcement(SCORES_CHANGED, user_id.encode(), encode(body), headers)


@lru_cache(maxsize=1024)
def _outcome(result: Result, partner: str = "", code: str = "") -> Outcome:
    return Outcome(result, partner, code)
