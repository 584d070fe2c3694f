"""The erasures that are remembered: loaded beside the records of the people, and written before them. And what is
forgotten, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec

from services.retention.core.bounds import FORGOTTEN_PAGE
from services.retention.core.erasure import OVERDUE_AFTER, ROLLS, Erasure, rolls_after_record
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


class RecordsGone(msgspec.Struct, frozen=True):
    """Records were erased, because they lapsed or were deleted: the broker is to be made to clean up."""

    at: datetime


class Rolled(msgspec.Struct, frozen=True):
    at: datetime


class Forgotten(msgspec.Struct, frozen=True):
    """Fingerprints and free reports that are kept no longer than this."""

    at: datetime


Write: TypeAlias = Began | Finished | RecordsGone | Rolled | Forgotten


async def anybody(db: Db, shard: int) -> tuple[bool, bool]:
    """Whether an erasure of anybody is remembered, which is seldom; and a free report."""
    row = await db.fetchrow(_SQL["anybody"], shard)
    assert row is not None
    return row["erased"], row["exported"]


async def of(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, tuple[Erasure, ...]]:
    """As `load`, and cheap where nobody was erased."""
    are_erased, _ = await anybody(db, shard)
    return await load(db, shard, user_ids, key) if are_erased else {}


async def load(db: Db, shard: int, user_ids: Sequence[str], key: bytes) -> dict[str, tuple[Erasure, ...]]:
    """Those of these people who were erased lately."""
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
        for statement in ("erase_records", "erase_exports"):
            await db.execute(_SQL[statement], shard, [bytes.fromhex(user_id) for user_id in people])
        await db.execute(_SQL["erase_fingerprints"], shard, [fingerprint(key, user_id) for user_id in people])
        rows = [
            (fingerprint(key, e.user_id), e.erasure.request_id, e.erasure.asked_at, e.at, e.at + ROLLS[0])
            for e in began
        ]
        await db.execute(_SQL["begin"], shard, *map(list, zip(*rows, strict=True)))
    if finished := [each for each in writes if isinstance(each, Finished)]:
        told = [(fingerprint(key, each.user_id), each.request_id, each.at) for each in finished]
        await db.execute(_SQL["confirm"], shard, *map(list, zip(*told, strict=True)))
    if gone := {each.at for each in writes if isinstance(each, RecordsGone)}:
        await db.execute(_SQL["roll"], shard, sorted({at for each in gone for at in rolls_after_record(each)}))
    for each in writes:
        match each:
            case Rolled(at):
                await db.execute(_SQL["rolled_of_records"], shard, at)
                await db.execute(_SQL["rolled"], shard, at, list(ROLLS), FORGOTTEN_PAGE)
                await db.execute(_SQL["forget"], shard, list(ROLLS))
            case Forgotten(at):
                for statement in ("forget_fingerprints", "forget_exports"):
                    await db.execute(_SQL[statement], shard, at, FORGOTTEN_PAGE)
            case Began() | Finished() | RecordsGone():
                pass


async def next_instants(db: Db, shard: int, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When the broker is made to clean up next, and when something may be forgotten."""
    row = await db.fetchrow(_SQL["next"], shard, now)
    assert row is not None
    return row["roll_at"], row["forget_at"]


async def census(db: Db) -> list[Counted]:
    """How many erasures nobody has confirmed yet, and how many of them should have been by now."""
    row = await db.fetchrow(_SQL["census"], OVERDUE_AFTER)
    assert row is not None
    return [Counted("erasure", "pending", row["pending"]), Counted("erasure", "overdue", row["overdue"])]
