"""How a benchmark waits for what a database comes to say."""

from __future__ import annotations

import asyncio

import asyncpg

SETTLED = "select bool_and(settled_at >= $1) and not exists (select from outbox) from shard"
"""Whether every shard has done what was due at an instant, and has sent it."""


async def until(db: asyncpg.Connection, query: str, *arguments: object, every_s: float) -> None:
    """Return when the query says true; it is asked again after so many seconds."""
    while True:
        if await db.fetchval(query, *arguments):
            return
        await asyncio.sleep(every_s)  # the database offers no event for it
