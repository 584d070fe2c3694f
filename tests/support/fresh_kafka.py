"""A Kafka on which nobody has run a service yet, although the tests before this one have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka.topic_admin import ensure_topics

_PATIENCE_S = 30.0
_LOOK_EVERY_S = 0.05


async def forget(kafka: str, topics: Sequence[str], partners: Sequence[str] = ()) -> None:
    """Make the topics again. With a topic Kafka forgets the offsets of its groups, and in them whose they are: two
    deployments on one Kafka stop each other."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        if there := sorted(set(topics) & set(await admin.list_topics())):
            await admin.delete_topics(there)
            deadline = time.monotonic() + _PATIENCE_S
            while set(there) & set(await admin.list_topics()):
                assert time.monotonic() < deadline, "the topics are still there"
                await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await admin.close()
    await ensure_topics(kafka, partners)
