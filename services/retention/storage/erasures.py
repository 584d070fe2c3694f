"""The erasures that are remembered: loaded beside the records of the people, and written before them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec

from services.retention.core.erasure import OVERDUE_AFTER, ROLLS, Erasure
from services.retention.core.fingerprint import fingerprint
from shared.postgres import queries
from shared.runner.service import Counted, Db

_SQL = queries(Path(__file__).with_name("erasures.sql"))


class Began(msgspec.Struct, frozen=True):
    """Everything about the person goes, and whatever the step wrote before this."""

    user_id: str
    erasure: Erasure
    at: datetime


class Finished(msgspec.Struct, frozen=True):
    user_id: str
    request_id: str
    at: datetime


class Rolled(msgspec.Struct, frozen=True):
    at: datetime


Write: TypeAlias = Began | Finished | Rolled


async def load(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, tuple[Erasure, ...]]:
    """Those of these people who were erased lately, nearly always nobody."""
    if not await db.fetchval(_SQL["anybody"], shard):
        return {}
    names = {fingerprint(key, user_id): user_id for user_id in user_ids}
    found: dict[str, tuple[Erasure, ...]] = {}
    for row in await db.fetch(_SQL["load"], shard, list(names)):
        user_id = names[row["person"]]
        erasure = Erasure(row["request_id"], row["asked_at"], row["confirmed_at"])
        found[user_id] = (*found.get(user_id, ()), erasure)
    return found


async def save(db: Db, shard: int, writes: Sequence[Write], key: bytes) -> None:
    """Before anything else of the step is written: what follows an erasure is a newcomer's."""
    if began := sorted((each for each in writes if isinstance(each, Began)), key=lambda each: each.user_id):
        people = sorted({each.user_id for each in began})
        await db.execute(_SQL["erase_records"], shard, [bytes.fromhex(user_id) for user_id in people])
        await db.execute(_SQL["erase_fingerprints"], shard, [fingerprint(key, user_id) for user_id in people])
        rows = [
            (fingerprint(key, e.user_id), e.erasure.request_id, e.erasure.asked_at, e.at, e.at + ROLLS[0])
            for e in began
        ]
        await db.execute(_SQL["begin"], shard, *map(list, zip(*rows, strict=True)))
    if finished := [each for each in writes if isinstance(each, Finished)]:
        told = [(fingerprint(key, each.user_id), each.request_id, each.at) for each in finished]
        await db.execute(_SQL["confirm"], shard, *map(list, zip(*told, strict=True)))
    for each in writes:
        if isinstance(each, Rolled):
            await db.execute(_SQL["rolled"], shard, each.at, list(ROLLS))
            await db.execute(_SQL["forget"], shard, list(ROLLS))


async def next_roll(db: Db, shard: int) -> datetime | None:
    at: datetime | None = await db.fetchval(_SQL["next_roll"], shard)
    return at


async def census(db: Db) -> list[Counted]:
    """How many erasures nobody has confirmed yet, and how many of them should have been by now."""
    row = await db.fetchrow(_SQL["census"], OVERDUE_AFTER)
    assert row is not None
    return [Counted("erasure", "pending", row["pending"]), Counted("erasure", "overdue", row["overdue"])]
