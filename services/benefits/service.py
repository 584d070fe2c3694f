"""benefits as the runner sees it: published scores in, changes of tiers out. The rules are in core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from services.benefits.core import decide as rules
from services.benefits.core.decide import Standing
from services.benefits.core.messages import News
from services.benefits.core.table import TierTable
from services.benefits.storage import restate, store
from shared.contracts.exchange import announced, received
from shared.contracts.faults import Fault
from shared.contracts.messages import ScoreChange, TierChange
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED
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


def service(table: TierTable) -> Service[Fenced[News, Standing]]:
    mode: Fenced[News, Standing] = Fenced(
        decode=decode,
        user_id_of=lambda message: message.user_id,
        decide=partial(decide, table=table),
        load=store.load,
        save=store.save,
        own=OwnTopic(TIERS_CHANGED, restate.undecided, partial(_restate, table=table), last_counts=True),
    )
    return Service(NAME, (Input(topic=SCORES_CHANGED),), mode, table.id, store.census)


def decode(record: Record, arrived: datetime) -> News | DeadLetter:
    """A published score. The scorer writes none of what is set aside here, so somebody must look at it."""
    # Like any subscriber, we pass over fields of a later release: it may publish before we are brought up to it.
    message = received(record, _MODELS, later_fields=True)
    if isinstance(message, Fault):
        return DeadLetter.of(message)
    return News(message.user_id, message.body)


def decide(standing: Standing | None, messages: Sequence[News], now: datetime, table: TierTable) -> Decision[Standing]:
    """Take in a person's scores, and announce each change of what the person may have."""
    decided = rules.decide(standing, [news.score for news in messages], table)
    return Decision(
        decided.standing,
        tuple(_changed(messages[0].user_id, change) for change in decided.changes),
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
        yield [_changed(user_id, change).placed(shard) for user_id, change in page]


def _changed(user_id: str, change: TierChange) -> Announcement:
    return announced(NAME, TIERS_CHANGED, user_id, change, subject=user_id, version=change.version, time=change.as_of)
