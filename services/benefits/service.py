"""benefits as the runner sees it: published scores and the clock in, changes of tiers out. The rules are in core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

import msgspec

from services.benefits.core import decide as rules
from services.benefits.core.decide import Changed, Judged, Repeated, Unchanged
from services.benefits.core.messages import Message, News, Passed
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held
from services.benefits.storage import due, restate, store
from shared.contracts.erasure import (
    Erased,
    Life,
    erased_by,
    is_followed,
    is_nobody,
    latest,
    life,
    mark,
    named_in,
    naming,
)
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
    Input,
    Outcome,
    Outgoing,
    OwnTopic,
    Record,
    Service,
    Stateful,
)

NAME = "benefits"
_MODELS = {SCORES_CHANGED: ScoreChange}
_CHANGED = Outcome("changed")
_REPEATED = Outcome("duplicate")
_UNCHANGED = Outcome("unchanged")
_ERASED = Outcome("erased")
_DROPPED = Outcome("dropped")


def service(policy: Policy) -> Service[Stateful[Message, Held, Erased]]:
    key = policy.fingerprint_key
    mode: Stateful[Message, Held, Erased] = Stateful(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, policy=policy),
        load=partial(store.load, fingerprint_key=key),
        save=partial(store.save, fingerprint_key=key),
        due=partial(due.due, policy=policy),
        own=OwnTopic(
            TIERS_CHANGED,
            partial(restate.undecided, fingerprint_key=key),
            partial(_restate, policy=policy),
            last_counts=True,
        ),
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
    return News(message.user_id, message.body, named_in(message.user_id, message.envelope))


class _Made(msgspec.Struct):
    """A decision as it grows, message after message."""

    held: Held
    outgoing: list[Outgoing | Announcement] = msgspec.field(default_factory=list)
    outcomes: list[Outcome] = msgspec.field(default_factory=list)
    writes: list[Erased] = msgspec.field(default_factory=list)


def decide(held: Held | None, messages: Sequence[Message], now: datetime, policy: Policy) -> Decision[Held, Erased]:
    """Take in a person's scores, and what the clock has made due, and announce each change of what the person may have;
    or erase the person."""
    made = _Made(held or Held())
    marks = [each for each in messages if isinstance(each, Erased)]
    # What is said of a life that ends in this batch goes with it, and is not told.
    last = latest(marks) if marks else None
    for message in messages:
        match message:
            case Erased():
                _erase(made, message, now)
            case News(erased=named):
                ends = last is not None and life(last, named, now) == "former"
                _hear(made, message, "former" if ends else life(made.held.erased, named, now), now, policy)
            case Passed():
                _take_in(made, message, policy)
    state = None if made.held == Held() else made.held
    return Decision(state, tuple(made.outgoing), tuple(made.outcomes), tuple(made.writes))


def _erase(made: _Made, erased: Erased, now: datetime) -> None:
    """Send the mark on, and say that this is the end of its way (rules I11); also of one about nobody, so that ingest
    lets the broker clean up the crosswalks. One that was followed before takes nothing from whoever has come back
    since (rules I12)."""
    known = made.held.erased
    if is_followed(erased, known):
        made.outcomes.append(_REPEATED)
        return
    made.outgoing += [mark(NAME, TIERS_CHANGED, erased), _confirmed(erased, now)]
    if not is_nobody(erased.user_id):
        made.held = Held(None, latest([erased, known] if known else [erased]))
    made.writes.append(erased)
    made.outcomes.append(_ERASED)


def _confirmed(erased: Erased, now: datetime) -> Announcement:
    """It names the erasure, so that ingest knows what is older, also where it is said again."""
    body, subject = ErasureConfirmed(request_id=erased.request_id, service="benefits"), erased.request_id
    more = naming(erased)
    return announced(NAME, SUBJECT_ANSWERS, erased.user_id, body, subject=subject, version=1, time=now, more=more)


def _hear(made: _Made, news: News, of: Life, now: datetime, policy: Policy) -> None:
    """A score of the life before the erasure is dropped. One of the next life says that there was an erasure, though
    compaction has removed the mark: somebody who came back has taken its place."""
    if of == "former":
        made.outcomes.append(_DROPPED)
        return
    if of == "next":
        assert news.erased is not None, "a life begins with the erasure that is named"
        _erase(made, news.erased, now)
    _take_in(made, news, policy)


def _take_in(made: _Made, message: News | Passed, policy: Policy) -> None:
    decided = rules.decide(made.held.standing, [message], policy)
    made.held = Held(decided.standing, made.held.erased)
    made.outgoing += [_changed(message.user_id, change, made.held.erased) for change in decided.changes]
    made.outcomes += map(_outcome, decided.outcomes)


def _outcome(judged: Judged) -> Outcome:
    match judged:
        case Changed():
            return _CHANGED
        case Unchanged():
            return _UNCHANGED
        case Repeated():
            return _REPEATED


async def _restate(
    db: Db,
    shard: int,
    last: Mapping[bytes, Record],
    ahead: Sequence[tuple[Record, datetime]],
    now: datetime,
    policy: Policy,
) -> AsyncIterator[Sequence[Outgoing]]:
    marks = await restate.erase_again(db, shard, last, now, policy.fingerprint_key)
    yield [
        each.placed(shard) for erased in marks for each in (mark(NAME, TIERS_CHANGED, erased), _confirmed(erased, now))
    ]
    async for page in restate.restate(db, shard, last, now, policy):
        yield [_changed(user_id, change, erased).placed(shard) for user_id, change, erased in page]


def _changed(user_id: str, change: TierChange, erased: Erased | None) -> Announcement:
    version, time, more = change.version, change.as_of, naming(erased)
    return announced(NAME, TIERS_CHANGED, user_id, change, subject=user_id, version=version, time=time, more=more)
