"""Keeps what is known in Postgres: a person's row and the offset behind it change in one transaction.

    store = PostgresStore(await asyncpg.create_pool(dsn))
    await store.prepare()

Any number of processes may ask, and more than one may follow. It needs asyncpg, which the extra `postgres` brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg

from goodstanding_client.changes import Change, Erased, Known, News, fold
from goodstanding_client.store import OvertakenError, Place, Position, Store

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]

_TABLES = """
create table if not exists goodstanding_person (
    topic     text not null,
    user_id   text not null,
    partition int not null,
    reading   int not null,
    version   bigint not null,
    body      jsonb not null,
    primary key (topic, user_id)
);
create index if not exists goodstanding_person_place on goodstanding_person (topic, partition, reading);
create table if not exists goodstanding_position (
    topic       text not null,
    partition   int not null,
    reading     int not null,
    next_offset bigint not null,
    followed_at timestamptz not null,
    newest_ms   bigint not null,
    again_until bigint,
    primary key (topic, partition)
);
"""
_POSITIONS = "select * from goodstanding_position"
# The row is locked until the transaction ends, so one process after the other takes in what a partition says.
_MOVE = """
insert into goodstanding_position as known
    (topic, partition, reading, next_offset, followed_at, newest_ms, again_until)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (topic, partition) do update set
    reading = excluded.reading, next_offset = excluded.next_offset, followed_at = excluded.followed_at,
    newest_ms = excluded.newest_ms, again_until = excluded.again_until
where (known.reading, known.next_offset) <= (excluded.reading, excluded.next_offset)
returning true
"""
_KNOWN = (
    "select user_id, version, reading, body from goodstanding_person where topic = $1 and user_id = any ($2::text[])"
)
_SAVE = """
insert into goodstanding_person (topic, partition, user_id, version, reading, body)
select $1, $2, user_id, version, $3, body::jsonb
from unnest($4::text[], $5::bigint[], $6::text[]) as said (user_id, version, body)
on conflict (topic, user_id) do update set
    partition = excluded.partition, version = excluded.version, reading = excluded.reading, body = excluded.body
"""
_DELETE = "delete from goodstanding_person where topic = $1 and user_id = any ($2::text[])"
_DROP = "delete from goodstanding_person where topic = $1 and partition = $2 and reading < $3 returning user_id"
_VALUE = "select body from goodstanding_person where topic = $1 and user_id = $2"


class PostgresStore(Store):
    """In the tables `goodstanding_person` and `goodstanding_position` of the pool's search path."""

    failures = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def prepare(self) -> None:
        """Make the tables, if they are not there."""
        await self._pool.execute(_TABLES)

    async def positions(self) -> Mapping[Place, Position]:
        return {
            Place(row["topic"], row["partition"]): Position(
                row["next_offset"], row["reading"], row["followed_at"], row["newest_ms"], row["again_until"]
            )
            for row in await self._pool.fetch(_POSITIONS)
        }

    async def take(self, place: Place, position: Position, news: Sequence[News]) -> Sequence[Change]:
        async with self._pool.acquire() as db, db.transaction():
            await _move(db, place, position)
            rows = await db.fetch(_KNOWN, place.topic, list({each.user_id for each in news}))
            known = {row["user_id"]: Known(row["version"], row["reading"], row["body"].encode()) for row in rows}
            folded = fold(place.topic, known, news, position.reading)
            kept = [(user_id, row) for user_id, row in folded.rows.items() if row is not None]
            gone = [user_id for user_id, row in folded.rows.items() if row is None]
            await db.execute(_DELETE, place.topic, gone)
            columns = [id for id, _ in kept], [row.version for _, row in kept], [row.value.decode() for _, row in kept]
            await db.execute(_SAVE, place.topic, place.partition, position.reading, *columns)
        return folded.changes

    async def drop_unread(self, place: Place, position: Position) -> Sequence[Erased]:
        async with self._pool.acquire() as db, db.transaction():
            await _move(db, place, position)
            rows = await db.fetch(_DROP, place.topic, place.partition, position.reading)
        return [Erased(row["user_id"], place.topic) for row in rows]

    async def value(self, topic: str, user_id: str) -> str | None:
        found: str | None = await self._pool.fetchval(_VALUE, topic, user_id)
        return found


async def _move(db: Any, place: Place, position: Position) -> None:
    moved = await db.fetchval(
        _MOVE,
        place.topic,
        place.partition,
        position.reading,
        position.offset,
        position.followed_at,
        position.newest_ms,
        position.again_until,
    )
    if not moved:
        raise OvertakenError(f"{place.topic}/{place.partition}: another process is further than {position.offset}.")
