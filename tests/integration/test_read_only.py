"""A session keeps for good the state in which it began, so none that is open outlives what Postgres has refused. (What
a shard does is in `test_runner_poison.py`; here is whatever else asks Postgres.)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import asyncpg
import pytest

from shared.postgres import open_pool
from shared.runner import past
from shared.runner.observe import _Look
from shared.runner.process import _Process
from shared.settings import StatefulSettings
from tests.integration.tiny import Tiny, until

pytestmark = pytest.mark.usefixtures("plain_logs")

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def read_only_pool(tiny: Tiny) -> AsyncIterator[asyncpg.Pool]:
    """A pool of one session that began while the database took no writes, as it does again."""
    async with tiny.database() as db:
        database = await db.fetchval("select current_database()")
        await db.execute(f'alter database "{database}" set default_transaction_read_only = on')
        try:
            pool = await open_pool(tiny.dsn, tiny.name, connections_max=1)
        finally:
            await db.execute(f'alter database "{database}" reset default_transaction_read_only')
    try:
        yield pool
    finally:
        await pool.close()


def process(tiny: Tiny, name: str) -> _Process:
    return _Process(replace(tiny.service(), name=name), StatefulSettings(kafka=tiny.kafka, postgres=tiny.dsn))


async def test_a_start_goes_on_when_the_database_takes_writes_again(tiny: Tiny) -> None:
    async with read_only_pool(tiny) as pool:
        starting = process(tiny, tiny.name)
        async with asyncio.timeout(20):
            await starting._until("the past", partial(past.keep_last_seen, pool, _NOW), pool)
        assert starting.health.troubles == ["waiting for the past: Postgres is read-only (SQLSTATE 25006)"]


async def test_readiness_goes_on_when_the_database_takes_writes_again(tiny: Tiny) -> None:
    async with read_only_pool(tiny) as pool:
        look = _Look("what tells the time", partial(past.keep_last_seen, pool, _NOW), pool=pool)
        assert await look.trouble() == "Postgres is read-only (SQLSTATE 25006)"
        assert await look.trouble() is None


async def test_a_start_that_is_tried_again_leaves_no_session_behind(tiny: Tiny) -> None:
    """One for each try would take all that Postgres has, from everybody."""
    name = f"{tiny.name}_is_not_there"
    starting = process(tiny, name)
    for _ in range(3):
        with pytest.raises(asyncpg.UndefinedTableError):
            await starting._open_pool()
    async with tiny.database() as db:
        await until(lambda: _has_none(db, name), "the sessions have ended")


async def _has_none(db: asyncpg.Connection, name: str) -> bool:
    return not await db.fetchval("select count(*) from pg_stat_activity where application_name = $1", name)
