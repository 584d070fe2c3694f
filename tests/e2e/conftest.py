"""An empty platform: the session's servers without what other tests have left in them."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from goodstanding.platform.deployment import partners
from goodstanding.platform.fixed_settings import STATEFUL
from goodstanding.platform.servers import Addresses
from shared.contracts.topics import CLOCK_TOPIC, SERVICES, topics
from shared.kafka.connection import Kafka, bootstrap_of
from tests.support.fresh_kafka import delete

_POLL_S = 0.05
_FORGOTTEN_S = 10.0


@pytest.fixture
async def empty_servers(kafka_login: Kafka, postgres_dsn: str) -> Addresses:
    """None of our topics, committed offsets and schemas. Who comes later makes them anew."""
    db = await asyncpg.connect(postgres_dsn)
    await _require_nobody_works(db)
    await delete(kafka_login, [CLOCK_TOPIC, *(topic.name for topic in topics(partners()))])
    for service in SERVICES:
        await db.execute(f"drop schema if exists {service} cascade")
    await db.close()
    return Addresses(kafka=bootstrap_of(kafka_login), postgres=postgres_dsn, login=kafka_login)


async def _require_nobody_works(db: asyncpg.Connection) -> None:
    """Servers that somebody has named may be somebody's. A process that the last test killed is soon forgotten."""
    deadline = time.monotonic() + _FORGOTTEN_S
    asked = "select distinct usename from pg_stat_activity where usename = any($1)"
    while working := [row["usename"] for row in await db.fetch(asked, list(STATEFUL))]:
        if time.monotonic() > deadline:
            pytest.fail(
                f"{', '.join(working)}: at work on these servers, where the tests delete all topics and schemas."
                " Name empty servers, or stop the services first."
            )
        await asyncio.sleep(_POLL_S)  # nobody tells when a killed process is forgotten
