"""What of the news of people a webhook tells: scores, tiers with restrictions, and that somebody was erased."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from goodstanding.portal.feed.messages import Ends, Message, News
from services.scorer.core.score import decode
from shared.contracts.explained import ScoreExplained
from shared.contracts.messages import TierChange
from shared.contracts.times import rfc3339
from shared.postgres import queries
from shared.runner.service import Db

_SQL = queries(Path(__file__).with_name("webhooks.sql"))


async def tell(db: Db, shard: int, writes: Sequence[Message]) -> None:
    """Put what is new among what is to be sent, in the transaction in which it is kept."""
    said = [each for each in map(_said, writes) if each is not None]
    now = datetime.now(UTC)
    if said:
        user_ids, messages, bodies = map(list, zip(*said, strict=True))
        await db.execute(_SQL["tell"], shard, user_ids, messages, bodies, now)
    for each in writes:
        # The tier is the last that a subscriber learns of; its end is told as it is on the topic.
        if isinstance(each, Ends) and each.part == "tier":
            erased = f"erased/{each.request_id}"
            await db.execute(_SQL["tell_erased"], shard, [bytes.fromhex(each.user_id)], erased, now)


def _said(message: Message) -> tuple[bytes, str, bytes] | None:
    """Whom it is about, the id of the message on its topic, and the body of the webhook."""
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
            return _told(message, id, "score.changed", data, body.as_of)
        case TierChange() as body:
            return _told(message, message.id, "tier.changed", msgspec.json.decode(message.value), body.as_of)
        case _:
            return None


def _told(news: News, id: str, type: str, data: dict[str, Any], at: datetime) -> tuple[bytes, str, bytes]:
    body = {"type": type, "timestamp": rfc3339(at), "data": {"user_id": news.user_id, **data}}
    return bytes.fromhex(news.user_id), id, msgspec.json.encode(body)
