"""A stranger's transaction that stays open, which hides from readers what stands behind it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer, TopicPartition

STANDSTILL_S = 1.5
"""For tests: above what our own transactions take while the servers are busy."""


@asynccontextmanager
async def left_open(kafka: str, *places: TopicPartition) -> AsyncIterator[None]:
    """While the block lasts."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, transactional_id=f"stranger-{uuid.uuid4().hex}", transaction_timeout_ms=300_000
    )
    async with producer:
        await producer.begin_transaction()
        for at in places:
            await producer.send_and_wait(at.topic, b"{}", b"k", partition=at.partition)
        yield
        await producer.abort_transaction()
