"""How far a service with state has read, by its own tables. Only the operator can ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
import msgspec
from aiokafka import TopicPartition

_POLL_S = 0.05
_SHARDS = """
select shard, offsets,
    (select min(seq) from outbox where outbox.shard = shard.shard) as first_unsent,
    (select max(seq) from outbox where outbox.shard = shard.shard) as last_unsent
from shard order by shard
"""
_offsets = msgspec.json.Decoder(dict[str, int])


class Progress:
    """Make one with `Progress.at`, with the DSN of the service."""

    def __init__(self, db: asyncpg.Connection) -> None:
        self._db = db

    @classmethod
    @asynccontextmanager
    async def at(cls, dsn: str) -> AsyncIterator[Progress]:
        """Raises OSError or asyncpg.PostgresError when Postgres does not answer."""
        db = await asyncpg.connect(dsn)
        try:
            yield cls(db)
        finally:
            await db.close()

    async def until_past(self, ends: Mapping[TopicPartition, int], deadline: float) -> set[TopicPartition]:
        """Wait until everything before these offsets is handled and its messages are sent. Returns the partitions where
        that has not happened by the deadline (of `time.monotonic`).

        The outbox may never be empty while others send, so of each shard what it held when the offset was passed has
        to leave it.
        """
        open_ = set(ends)
        behind: dict[TopicPartition, int] = {}
        while open_:
            rows = {row["shard"]: row for row in await self._db.fetch(_SHARDS)}
            for at in sorted(open_):
                row = rows[at.partition]
                if at not in behind and _offsets.decode(row["offsets"]).get(at.topic, 0) >= ends[at]:
                    behind[at] = row["last_unsent"] or 0
                if at in behind and (row["first_unsent"] is None or row["first_unsent"] > behind[at]):
                    open_.discard(at)
            if open_ and time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_S if open_ else 0)  # nobody tells: it has to be asked
        return open_
