"""Reads the standings of all people of a running platform, as benefits keeps them, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg

from goodstanding.platform.deployment import Deployment
from services.benefits.core.standing import Fall, Standing

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
                yield row["user_id"].hex(), _standing(row)
    finally:
        await db.close()


def _standing(row: asyncpg.Record) -> Standing:
    falls = zip(row["falling"], row["falling_until"], strict=True)
    return Standing(
        score_version=row["score_version"],
        score=row["score"],
        thin=row["thin"],
        as_of=row["as_of"],
        version=row["version"],
        tier=row["tier"],
        kept=row["kept"],
        in_force=tuple(row["in_force"]),
        restrictions=tuple(row["restrictions"]),
        falls=tuple(Fall(*each) for each in falls),
        falls_at=row["falls_at"],
        falls_to=row["falls_to"],
        table_from=row["table_from"],
    )
