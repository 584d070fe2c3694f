"""An empty platform: the session's servers without what other tests have left in them."""

from __future__ import annotations

import asyncio
import os
import time

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from goodstanding.deployment import SERVICES, partners
from goodstanding.local import Addresses
from goodstanding.offsets import Offsets, asking
from shared.contracts.topics import CLOCK_TOPIC, topics

_POLL_S = 0.05
_FORGOTTEN_S = 30.0


@pytest.fixture
async def empty_servers(kafka_bootstrap: str, postgres_dsn: str) -> Addresses:
    """None of our topics, committed offsets and schemas. Who comes later makes them anew."""
    if kafka_bootstrap == os.environ.get("GOODSTANDING_KAFKA"):
        await _require_nobody_works(kafka_bootstrap)
    async with asyncio.timeout(60):
        await _delete_topics(kafka_bootstrap)
    db = await asyncpg.connect(postgres_dsn)
    for service in SERVICES:
        await db.execute(f"drop schema if exists {service} cascade")
    await db.close()
    return Addresses(kafka=kafka_bootstrap, postgres=postgres_dsn)


async def _require_nobody_works(bootstrap: str) -> None:
    """Servers that somebody named may be somebody's. Who was killed by the last test is soon forgotten."""
    deadline = time.monotonic() + _FORGOTTEN_S
    while working := await _working(bootstrap):
        if time.monotonic() > deadline:
            pytest.fail(
                f"{', '.join(working)}: at work on {bootstrap}, where these tests delete all topics and schemas."
                " Name empty servers, or stop the services first."
            )
        await asyncio.sleep(_POLL_S)


async def _working(bootstrap: str) -> list[str]:
    """The services that have a process in their group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        replies = await admin.describe_consumer_groups(list(SERVICES))
    except GroupCoordinatorNotAvailableError:
        return []  # a new broker, on which there never was a group
    finally:
        await admin.close()
    return [group for reply in replies for _, group, _, _, _, members, *_ in reply.groups if members]


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
