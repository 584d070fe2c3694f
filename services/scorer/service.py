"""The scorer as the runner sees it: records in, decisions out.

No rule is here but what an erasure takes with it and what it leaves (`_at_marks`, `_erase`; rules I11 and I12).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache, partial

import msgspec

from services.scorer import telling
from services.scorer.core import decide as rules
from services.scorer.core.decide import Person, Writes
from services.scorer.core.folding import Accepted, Blocked, Conflict, Duplicate, TooLate, TooMany
from services.scorer.core.messages import Event, Message, RecordNews, ReEvaluation, Withdrawal, event_of
from services.scorer.core.policy import Policy
from services.scorer.core.requests import answer_to
from services.scorer.storage import restate, store
from services.scorer.telling import NAME as NAME
from shared.contracts.cloudevents import ARRIVED, Envelope
from shared.contracts.erasure import Erased, ending, erased_by, is_followed, is_nobody, latest, named_in
from shared.contracts.exchange import (
    AHEAD_MAX,
    TAKEN_TOO_EARLY,
    Misasked,
    Models,
    answered,
    provenance,
    received,
    requested,
)
from shared.contracts.faults import Fault
from shared.contracts.messages import BehaviorEvent, RecordChange
from shared.contracts.months import month_of
from shared.contracts.times import TimeError, instant
from shared.contracts.topics import NORMALIZED, RECORDS_CHANGED, SCORES_CHANGED, SUBJECT_REQUESTS
from shared.runner.service import (
    Ahead,
    Announcement,
    Db,
    DeadLetter,
    Decision,
    Input,
    Outcome,
    Outgoing,
    OwnTopic,
    Record,
    Result,
    Service,
    Stateful,
)

_MODELS: Models[BehaviorEvent | RecordChange] = {NORMALIZED: BehaviorEvent, RECORDS_CHANGED: RecordChange}
_TO_THE_MINUTE = len("2026-01-31T23:59")


def service(policy: Policy) -> Service[Stateful[Message, Person, Writes]]:
    mode: Stateful[Message, Person, Writes] = Stateful(
        decode=partial(decode, zone=policy.zone),
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=partial(store.load, fingerprint_key=policy.fingerprint_key),
        save=partial(store.save, fingerprint_key=policy.fingerprint_key),
        due=partial(store.due, policy=policy),
        own=OwnTopic(
            SCORES_CHANGED,
            restate.undecided,
            partial(_restate, policy=policy),
            last_counts=True,
            ahead=Ahead(
                RECORDS_CHANGED,
                lambda record: record.value is None,
                partial(_follow, policy=policy),
            ),
        ),
    )
    return Service(
        NAME,
        (Input(topic=NORMALIZED), Input(topic=RECORDS_CHANGED), Input(topic=SUBJECT_REQUESTS)),
        mode,
        ", ".join(card.id for card in policy.scorecards),
    )


def decode(record: Record, arrived: datetime, zone: tzinfo) -> Message | DeadLetter | None:
    """One record of `behavior.normalized` or `records.changed`. Services wrote it, so what cannot be read is a fault of
    ours: the operator's, not the partner's. Or one of `subject.requests`, of which most is for retention."""
    if record.topic == SUBJECT_REQUESTS:
        return _asked(record, arrived)
    if record.value is None and record.topic == RECORDS_CHANGED:
        erased = erased_by(record)
        return DeadLetter.of(erased) if isinstance(erased, Fault) else erased
    message = received(record, _MODELS)
    if isinstance(message, Fault):
        return DeadLetter.of(message)
    if isinstance(message.body, RecordChange):
        named = named_in(message.user_id, message.envelope)
        return RecordNews(message.user_id, month_of(arrived, zone), message.body, named)
    assert record.value is not None
    return _event(message.user_id, message.envelope, record.value, message.body, arrived, zone)


def _asked(record: Record, arrived: datetime) -> Message | DeadLetter | None:
    """What cannot be taken is answered, or set aside, by retention."""
    message = requested(record)
    if isinstance(message, Misasked | Fault):
        return None
    asked, id = message.body, message.envelope.id
    match asked.request:
        case "withdraw-consent":
            assert asked.partner is not None, "`check_request` has seen to it"
            assert asked.consent_id is not None, "`check_request` has seen to it"
            return Withdrawal(message.user_id, id, message.envelope.time, asked.partner, asked.consent_id, arrived)
        case "re-evaluate":
            return ReEvaluation(message.user_id, id, min(message.envelope.time, arrived))
        case _:
            return None


def _event(
    user_id: str, envelope: Envelope, value: bytes, body: BehaviorEvent, arrived: datetime, zone: tzinfo
) -> Event | DeadLetter:
    came_from = provenance(envelope)
    if isinstance(came_from, Fault):
        return DeadLetter.of(came_from)
    raw, month = envelope.extensions.get(ARRIVED), _month_of_arrival(arrived, zone)
    if raw is not None:
        try:
            # To the minute, so that the answer for one is remembered for the next.
            appended = _month_of_minute(raw[:_TO_THE_MINUTE], zone)
        except TimeError as error:
            return DeadLetter(error.code, error.sentence)
        if appended <= month:
            month = appended
        elif envelope.time > arrived + AHEAD_MAX:
            return DeadLetter.of(TAKEN_TOO_EARLY)
        else:
            # ingest read it while the clocks were wrong: nothing arrives after it was forwarded.
            raw = None
    return event_of(
        user_id,
        came_from.partner,
        envelope.id,
        came_from.origin,
        envelope.time,
        month,
        value,
        body,
        zone,
        came_from.fieldnames,
        arrived if raw is None else raw,
    )


_month_of_arrival = lru_cache(maxsize=64)(month_of)
"""The broker appends records by the hundred at one time."""


@lru_cache(maxsize=1024)
def _month_of_minute(minute: str, zone: tzinfo) -> int:
    """The month in which the partner's own record was appended, as ingest says: were it the normalized record's own, an
    outage of ingest over the turn of a month would refuse what had come in time (rules E18)."""
    return month_of(instant(f"{minute}:00Z"), zone)


def decide(
    person: Person | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Person, Writes]:
    """Take in events, changes of records, requests and a due run of one person, publish the score, and refuse
    events; or erase the person."""
    if any(isinstance(message, Erased) for message in messages):
        return _at_marks(person, messages, now, policy)
    if person is None and (asked := [each for each in messages if isinstance(each, ReEvaluation)]) == list(messages):
        # Of somebody who only asks, nothing is kept.
        answers = tuple(answered(each.user_id, answer_to(each, policy), each.time) for each in asked)
        return Decision(None, answers, (_outcome("answered"),) * len(asked))
    decided = rules.decide(person or Person(messages[0].user_id), messages, now, policy)
    outgoing: list[Outgoing | Announcement] = []
    outcomes = [_outcome("duplicate")] * decided.stale + [_outcome("dropped")] * decided.dropped
    for event, folded in decided.folded:
        match folded:
            case Accepted():
                outcomes.append(_outcome("accepted", event.partner))
            case Duplicate():
                outcomes.append(_outcome("duplicate", event.partner))
            case Conflict() | TooLate() | TooMany() | Blocked():
                fault = telling.refusal(folded)
                outgoing.append(telling.rejected(event, fault))
                outcomes.append(_outcome("refused", event.partner, fault.code))
    for answer, time in decided.answers:
        outgoing.append(answered(decided.person.user_id, answer, time, ending(decided.person.erased, time)))
        outcomes.append(_outcome("answered"))
    if policy.explains:
        outgoing.extend(telling.noted(decided.person.user_id, each) for each in decided.writes.consents)
    if publication := decided.writes.publication:
        of, redacts = decided.person, decided.writes.redacts
        outgoing.append(telling.score_changed(publication, policy, of.user_id, of.erased))
        if policy.explains:
            outgoing.append(telling.explained(of.user_id, publication, of.state, of.circle, redacts=redacts))
        outcomes.append(_outcome("published"))
    writes = (decided.writes,) if decided.writes.are_any else ()
    return Decision(decided.person, tuple(outgoing), tuple(outcomes), writes)


def _at_marks(
    person: Person | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Person, Writes]:
    """A mark that was followed before says nothing about somebody who has come back since, wherever it lies among what
    is read (rules I12). Of whom nothing is known it is sent once more: a Kafka that was restored may have lost it."""
    known = person.erased if person else None
    new = [at for at, each in enumerate(messages) if isinstance(each, Erased) and not is_followed(each, known)]
    if new:
        return _erase(messages[: new[-1] + 1], messages[new[-1] + 1 :], known, now, policy)
    marks = [each for each in messages if isinstance(each, Erased)]
    repeated = (_outcome("duplicate"),) * len(marks)
    came_back = person is not None and not person.is_blank
    again = () if came_back else telling.marks(marks, policy)
    others = [each for each in messages if not isinstance(each, Erased)]
    if not others:
        return Decision(person, again, repeated)
    decision = decide(person, others, now, policy)
    return msgspec.structs.replace(
        decision, outgoing=(*again, *decision.outgoing), outcomes=(*repeated, *decision.outcomes)
    )


def _erase(
    until_mark: Sequence[Message],
    newer: Sequence[Message],
    known: Erased | None,
    now: datetime,
    policy: Policy,
) -> Decision[Person, Writes]:
    """What came before the mark goes with the person, but for the answers to what was asked. The mark is sent on
    (rules I11), and what is newer finds somebody of whom nothing is known."""
    user_id = until_mark[-1].user_id
    marks = tuple(each for each in until_mark if isinstance(each, Erased))
    asked = [each for each in until_mark if isinstance(each, ReEvaluation | Withdrawal)]
    erased = latest([*marks, known] if known else marks)
    outgoing = (
        *(answered(user_id, answer_to(each, policy), each.time, ending(erased, each.time)) for each in asked),
        *telling.marks(marks, policy),
    )
    outcomes = (
        *[_outcome("dropped")] * (len(until_mark) - len(marks) - len(asked)),
        *[_outcome("answered")] * len(asked),
        *[_outcome("erased")] * len(marks),
    )
    blank = None if is_nobody(user_id) else Person(user_id, erased=erased)
    writes = (Writes(user_id, erased=marks),)
    if not newer:
        return Decision(blank, outgoing, outcomes, writes)
    following = decide(blank, newer, now, policy)
    return Decision(
        following.state,
        (*outgoing, *following.outgoing),
        (*outcomes, *following.outcomes),
        (*writes, *following.writes),
    )


async def _follow(
    db: Db, shard: int, ahead: Sequence[tuple[Record, datetime]], now: datetime, policy: Policy
) -> Sequence[Outgoing]:
    marks = await restate.follow_ahead(db, shard, [record for record, _ in ahead], policy.fingerprint_key)
    return [each.placed(shard) for each in telling.marks(marks, policy)]


async def _restate(
    db: Db,
    shard: int,
    last: Mapping[bytes, Record],
    ahead: Sequence[tuple[Record, datetime]],
    now: datetime,
    policy: Policy,
) -> AsyncIterator[Sequence[Outgoing]]:
    key = policy.fingerprint_key
    marks = await restate.erase_ahead(db, shard, last, [record for record, _ in ahead], now, key)
    yield [each.placed(shard) for each in telling.marks(marks, policy)]
    async for page in restate.restate(db, shard, last, now, policy.at(now).id, key):
        said = [telling.score_changed(publication, policy, *who).placed(shard) for who, publication in page]
        if policy.explains:
            # Hints come with the next publication: what was known when this one was made is not kept.
            said += [telling.explained(who[0], publication).placed(shard) for who, publication in page]
        yield said


@lru_cache(maxsize=1024)
def _outcome(result: Result, partner: str = "", code: str = "") -> Outcome:
    return Outcome(result, partner, code)
