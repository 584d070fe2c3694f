"""An empty platform: the session's servers without what other tests have left in them."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from goodstanding.deployment import SERVICES, partners
from goodstanding.local import Addresses
from goodstanding.offsets import Offsets, asking
from shared.contracts.topics import CLOCK_TOPIC, topics

_POLL_S = 0.05


@pytest.fixture
async def empty_servers(kafka_bootstrap: str, postgres_dsn: str) -> Addresses:
    """None of our topics, committed offsets and schemas. Who comes later makes them anew."""
    async with asyncio.timeout(60):
        await _delete_topics(kafka_bootstrap)
    db = await asyncpg.connect(postgres_dsn)
    for service in SERVICES:
        await db.execute(f"drop schema if exists {service} cascade")
    await db.close()
    return Addresses(kafka=kafka_bootstrap, postgres=postgres_dsn)


async def _delete_topics(bootstrap: str) -> None:
    ours = [CLOCK_TOPIC, *(topic.name for topic in topics(partners()))]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    async with asking(bootstrap) as offsets:
        if there := await offsets.existing(ours):
            await admin.delete_topics(there)
        while await offsets.existing(ours) or await _remembered(offsets, ours):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
    await admin.close()


async def _remembered(offsets: Offsets, ours: list[str]) -> bool:
    """The broker forgets a topic before the coordinator forgets the group's offsets in it.

    Offsets in the topics of other tests' partners, which ingest reads as well, stay and do not matter.
    """
    return any(tp.topic in ours for tp in await offsets.committed("ingest"))
