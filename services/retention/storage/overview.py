"""The free reports that people have had, and the people who are told once a year what is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from services.retention.core.overview import Given
from shared.postgres import queries
from shared.runner.service import Db

_SQL = queries(Path(__file__).with_name("overview.sql"))


class Exported(msgspec.Struct, frozen=True):
    """The person has had a free report."""

    user_id: str
    given: Given
    until: datetime


async def load(db: Db, shard: int, user_ids: Sequence[str]) -> dict[str, tuple[Given, ...]]:
    """The free reports that these people have had, by user_id."""
    found: dict[str, tuple[Given, ...]] = {}
    for row in await db.fetch(_SQL["exports"], shard, [bytes.fromhex(user_id) for user_id in user_ids]):
        user_id = row["user_id"].hex()
        found[user_id] = (*found.get(user_id, ()), (row["request_id"], row["year"]))
    return found


async def save(db: Db, shard: int, exported: Sequence[Exported]) -> None:
    rows = sorted((bytes.fromhex(each.user_id), *each.given, each.until) for each in exported)
    if rows:
        await db.execute(_SQL["export"], shard, *map(list, zip(*rows, strict=True)))


async def people(db: Db, shard: int, after: str, limit: int, skip: Sequence[str]) -> list[bytes]:
    """The next people of whom a record is held, in the order of their user_ids."""
    skipped = [bytes.fromhex(user_id) for user_id in skip]
    rows = await db.fetch(_SQL["people"], shard, bytes.fromhex(after), limit, skipped)
    return [row["user_id"] for row in rows]
