"""benefits as the runner sees it: published scores in, changes of tiers out. The rules are in core."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from services.benefits.core import decide as rules
from services.benefits.core.decide import News, Standing
from services.benefits.core.table import TierTable
from services.benefits.storage import restate
from services.benefits.storage.store import census, load, save
from shared.contracts import cloudevents
from shared.contracts.faults import Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import TYPES, ScoreChange, TierChange, encode, follow
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED
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
    Service,
)

NAME = "benefits"
_USER_ID = re.compile(USER_ID_PATTERN)
_CHANGED = Outcome("changed")
_REPEATED = Outcome("duplicate")
_UNCHANGED = Outcome("unchanged")


def service(table: TierTable) -> Service[Fenced[News, Standing]]:
    own = OwnTopic(TIERS_CHANGED, restate.undecided, partial(_restate, table=table), last_counts=True)
    mode: Fenced[News, Standing] = Fenced(
        decode=decode,
        user_id_of=lambda news: news.user_id,
        decide=partial(decide, table=table),
        load=load,
        save=save,
        own=own,
    )
    return Service(NAME, (Input(SCORES_CHANGED),), mode, table.id, census)


def decode(record: Record, arrived: datetime) -> News | DeadLetter:
    """A published score. The scorer writes none of what is set aside here, so somebody must look at it."""
    key = (record.key or b"").decode(errors="replace")
    if not _USER_ID.fullmatch(key):
        return DeadLetter("no-person", "The record's key is no user_id.")
    envelope = cloudevents.parse_envelope(record.key, record.headers)
    if isinstance(envelope, Fault):
        return DeadLetter(envelope.code, envelope.sentence)
    if envelope.type != TYPES[ScoreChange]:
        return DeadLetter("envelope-type", f"The type of the event is not {TYPES[ScoreChange]}.")
    if record.value is None:
        return DeadLetter("value-missing", "The record has no value, and no score is taken back without a request.")
    # Like any subscriber, we pass over fields of a later release: it may publish before we are brought up to it.
    score = follow(ScoreChange, record.value)
    if isinstance(score, Fault):
        return DeadLetter(score.code, score.sentence)
    return News(key, score)


def decide(standing: Standing | None, messages: Sequence[News], now: datetime, table: TierTable) -> Decision[Standing]:
    decided = rules.decide(standing, [news.score for news in messages], table)
    return Decision(
        decided.standing,
        tuple(_message(messages[0].user_id, change) for change in decided.changes),
        (
            *[_CHANGED] * len(decided.changes),
            *[_UNCHANGED] * decided.unchanged,
            *[_REPEATED] * decided.repeated,
        ),
    )


async def _restate(
    db: Db, shard: int, last: Mapping[bytes, Record], now: datetime, table: TierTable
) -> AsyncIterator[Sequence[Outgoing]]:
    async for page in restate.restate(db, shard, last, table):
        yield [_message(user_id, change).placed(shard) for user_id, change in page]


def _message(user_id: str, change: TierChange) -> Announcement:
    headers = cloudevents.binary(
        id=f"benefits/{user_id}/{change.version}",
        source="/benefits",
        type=TYPES[TierChange],
        time=change.as_of,
        partitionkey=user_id,
    )
    return Announcement(TIERS_CHANGED, user_id.encode(), encode(change), headers)
