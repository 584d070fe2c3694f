"""How long a partition has no leader that takes a write, seen by somebody who writes to each without end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from shared.contracts.partition import PARTITIONS
from shared.kafka.topic_admin import administrator

_TOPIC = "leaders"
_EVERY_S = 0.05
_LOOK_EVERY_S = 0.2
_REQUEST_MS = 5_000


@dataclass(slots=True)
class Leaders:
    """`longest_s`: the longest time between two acknowledged writes to one partition."""

    longest_s: float = 0.0
    writes: int = 0

    async def _write(self, producer: AIOKafkaProducer, partition: int) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(_EVERY_S)  # how often it writes
            with contextlib.suppress(KafkaError):
                await producer.send_and_wait(_TOPIC, b"", partition=partition)
                now = time.monotonic()
                self.longest_s, last, self.writes = max(self.longest_s, now - last), now, self.writes + 1


@contextlib.asynccontextmanager
async def watched(kafka: str, copies: int) -> AsyncIterator[Leaders]:
    """Write to every partition of a topic with as many copies as ours have, for as long as the block lasts. A broker
    that is alone has nobody to take over from it, and is not watched."""
    leaders = Leaders()
    if copies == 1:
        yield leaders
        return
    async with administrator(kafka) as admin:
        settings = {"min.insync.replicas": "2"}
        await admin.create_topics([NewTopic(_TOPIC, PARTITIONS, copies, topic_configs=settings)])
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, request_timeout_ms=_REQUEST_MS
    )
    await producer.start()
    writing = [asyncio.create_task(leaders._write(producer, partition)) for partition in range(PARTITIONS)]
    try:
        yield leaders
    finally:
        for each in writing:
            each.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        await producer.stop()


async def until_copied(kafka: str, copies: int) -> None:
    """Return when every partition has all its copies, and each is up to date."""
    async with administrator(kafka) as admin:
        while await _lacking(admin, copies):  # noqa: ASYNC110  # nobody tells: it has to be asked
            await asyncio.sleep(_LOOK_EVERY_S)


async def _lacking(admin: AIOKafkaAdminClient, copies: int) -> bool:
    topics = [name for name in await admin.list_topics() if not name.startswith("__")]
    described = await admin.describe_topics(topics)
    return any(len(part["isr"]) < copies for each in described for part in each["partitions"])
