"""What of the news of people a webhook tells: scores, tiers with restrictions, and that somebody was erased."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from goodstanding.portal.feed.messages import Gone, News, Write
from goodstanding.portal.keys import Scope
from services.scorer.core.score import decode
from shared.contracts.explained import ScoreExplained
from shared.contracts.messages import TierChange
from shared.contracts.times import rfc3339
from shared.postgres import queries
from shared.runner.service import Db

_SQL = queries(Path(__file__).with_name("webhooks.sql"))


async def tell(db: Db, shard: int, writes: Sequence[Write]) -> None:
    """Put what is new among what is to be sent, in the transaction in which it is kept."""
    said = [each for each in map(_said, writes) if each is not None]
    if said:
        await db.execute(_SQL["tell"], shard, *map(list, zip(*said, strict=True)), datetime.now(UTC))


async def tell_erased(db: Db, shard: int, gone: Sequence[Gone]) -> None:
    """What was still to be told of these people goes, and that they are erased is told instead."""
    now = datetime.now(UTC)
    for each in gone:
        await db.execute(_SQL["tell_erased"], shard, bytes.fromhex(each.user_id), f"erased/{each.request_id}", now)


_Told: TypeAlias = tuple[bytes, Scope, str, bytes]
"""Whom it is about, the scope that a key must have for it, the id of the message on its topic, and the body."""


def _said(message: Write) -> _Told | None:
    if not isinstance(message, News):
        return None
    match message.body:
        case ScoreExplained() as body:
            evaluation = decode(b64decode(body.evaluation))
            data = {
                "version": body.version,
                "score": evaluation.score,
                "thin": evaluation.thin,
                "as_of": body.as_of,
                "policy": body.policy,
                "restrictions": evaluation.restrictions,
            }
            # That of the same publication on scores.changed.
            id = f"scorer/{message.user_id}/{body.version}"
            return _told(message, "score", id, "score.changed", data, body.as_of)
        case TierChange() as body:
            data = msgspec.json.decode(message.value)
            return _told(message, "standing", message.id, "tier.changed", data, body.as_of)
        case _:
            return None


def _told(news: News, scope: Scope, id: str, type: str, data: dict[str, Any], at: datetime) -> _Told:
    body = {"type": type, "timestamp": rfc3339(at), "data": {"user_id": news.user_id, **data}}
    return bytes.fromhex(news.user_id), scope, id, msgspec.json.encode(body)
