"""Reads all people of a running platform, as the scorer keeps them, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg

from goodstanding.platform.deployment import Deployment
from services.scorer.core.features.months import Circle
from services.scorer.core.features.stated import circle_as_kept

_COUNT = "select count(*) from scorer.person"
_ALL = "select user_id, state, contacts, influence, stability from scorer.person"
_AT_ONCE = 500
"""So many people are in memory at most: about 2 MB."""


class Known(NamedTuple):
    """One person: the pseudonym, the encoded state, and the contacts as the last monthly run saw them."""

    user_id: str
    state: bytes
    circle: Circle | None


class Everybody:
    """All people, as they are at the beginning. Iterate over it once; `count` is how many there are."""

    def __init__(self, deployment: Deployment) -> None:
        self._dsn = deployment.dsn("scorer")
        self.count = 0

    async def people(self) -> AsyncIterator[Known]:
        """Reads, and writes nothing; services go on meanwhile."""
        db = await asyncpg.connect(self._dsn)
        try:
            async with db.transaction(isolation="repeatable_read", readonly=True):
                self.count = await db.fetchval(_COUNT)
                async for row in db.cursor(_ALL, prefetch=_AT_ONCE):
                    circle = circle_as_kept(row["contacts"], row["influence"], row["stability"])
                    yield Known(row["user_id"].hex(), row["state"], circle)
        finally:
            await db.close()
