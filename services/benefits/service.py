"""benefits as the runner sees it: published scores and the clock in, changes of tiers out. The rules are in core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

from services.benefits.core import decide as rules
from services.benefits.core.decide import Changed, Judged, Repeated, Unchanged
from services.benefits.core.messages import Message, News, Passed
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing
from services.benefits.storage import due, restate, store
from shared.contracts.erasure import Erased, erased_by, mark
from shared.contracts.exchange import announced, received
from shared.contracts.faults import Fault
from shared.contracts.messages import ScoreChange, TierChange
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import SCORES_CHANGED, SUBJECT_ANSWERS, TIERS_CHANGED
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

NAME = "benefits"
_MODELS = {SCORES_CHANGED: ScoreChange}
_CHANGED = Outcome("changed")
_REPEATED = Outcome("duplicate")
_UNCHANGED = Outcome("unchanged")
_ERASED = Outcome("erased")


def service(policy: Policy) -> Service[Fenced[Message, Standing, Erased]]:
    mode: Fenced[Message, Standing, Erased] = Fenced(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=store.load,
        save=store.save,
        due=partial(due.due, policy=policy),
        own=OwnTopic(TIERS_CHANGED, restate.undecided, partial(_restate, policy=policy), last_counts=True),
    )
    named = ", ".join(table.id for table in policy.tables)
    return Service(NAME, (Input(topic=SCORES_CHANGED),), mode, named, store.census)


def decode(record: Record, arrived: datetime) -> Message | DeadLetter:
    """A published score, or the mark of an erasure. The scorer writes none of what is set aside here, so somebody must
    look at it."""
    if record.value is None:
        erased = erased_by(record)
        return DeadLetter.of(erased) if isinstance(erased, Fault) else erased
    # Like any subscriber, we pass over fields of a later release: it may publish before we are brought up to it.
    message = received(record, _MODELS, later_fields=True)
    if isinstance(message, Fault):
        return DeadLetter.of(message)
    return News(message.user_id, message.body)


def decide(
    standing: Standing | None, messages: Sequence[Message], now: datetime, policy: Policy
) -> Decision[Standing, Erased]:
    """Take in a person's scores, and what the clock has made due, and announce each change of what the person may have;
    or erase the person."""
    decision: Decision[Standing, Erased] = Decision(standing)
    for is_mark, together in groupby(messages, key=lambda message: isinstance(message, Erased)):
        if is_mark:
            following = _erase([each for each in together if isinstance(each, Erased)], now)
        else:
            taken = [each for each in together if isinstance(each, News | Passed)]
            following = _take_in(decision.state, taken, policy)
        decision = Decision(
            following.state,
            (*decision.outgoing, *following.outgoing),
            (*decision.outcomes, *following.outcomes),
            (*decision.writes, *following.writes),
        )
    return decision


def _erase(marks: Sequence[Erased], now: datetime) -> Decision[Standing, Erased]:
    """Send each mark on, and say that this is the end of its way (rules I11); also of one about nobody, so that ingest
    lets the broker clean up the crosswalks."""
    outgoing: list[Announcement] = []
    for each in marks:
        body = ErasureConfirmed(request_id=each.request_id, service="benefits")
        confirmed = announced(NAME, SUBJECT_ANSWERS, each.user_id, body, subject=each.request_id, version=1, time=now)
        outgoing += [mark(NAME, TIERS_CHANGED, each), confirmed]
    return Decision(None, tuple(outgoing), (_ERASED,) * len(marks), tuple(marks))


def _take_in(
    standing: Standing | None, messages: Sequence[News | Passed], policy: Policy
) -> Decision[Standing, Erased]:
    decided = rules.decide(standing, messages, policy)
    user_id = messages[0].user_id
    outgoing = tuple(_changed(user_id, change) for change in decided.changes)
    return Decision(decided.standing, outgoing, tuple(map(_outcome, decided.outcomes)))


def _outcome(judged: Judged) -> Outcome:
    match judged:
        case Changed():
            return _CHANGED
        case Unchanged():
            return _UNCHANGED
        case Repeated():
            return _REPEATED


async def _restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, policy: Policy
) -> AsyncIterator[Sequence[Outgoing]]:
    async for page in restate.restate(db, shard, last, policy):
        yield [_changed(user_id, change).placed(shard) for user_id, change in page]


def _changed(user_id: str, change: TierChange) -> Announcement:
    return announced(NAME, TIERS_CHANGED, user_id, change, subject=user_id, version=change.version, time=change.as_of)
