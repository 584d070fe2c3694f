"""Reads the standings of all people of a running platform, as benefits keeps them, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg

from goodstanding.platform.deployment import Deployment
from services.benefits.core.standing import Standing, standing_of

_ALL = """
select user_id, score_version, score, thin, as_of, version, tier, kept, in_force, restrictions, falling, falling_until,
    falls_at, falls_to, table_from
from benefits.person
"""
_AT_ONCE = 1_000


async def standings(deployment: Deployment) -> AsyncIterator[tuple[str, Standing]]:
    """Reads, and writes nothing; services go on meanwhile."""
    db = await asyncpg.connect(deployment.dsn("benefits"))
    try:
        async with db.transaction(isolation="repeatable_read", readonly=True):
            async for row in db.cursor(_ALL, prefetch=_AT_ONCE):
                yield row["user_id"].hex(), standing_of(row)
    finally:
        await db.close()
