"""Appends what partners send: by one producer, which is replaced after a failure."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from goodstanding.portal.events.judging import Sent
from shared.contracts.topics import raw_topic
from shared.kafka.connection import Kafka
from shared.kafka.sender import SEND_TIMEOUT_S, started


class Sending:
    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._open, self._producer = AsyncExitStack(), None
        self._lock = asyncio.Lock()

    _producer: AIOKafkaProducer | None

    async def append(self, partner: str, sent: Sent, partition: int) -> RecordMetadata:
        """Returns when the brokers have it. Raises KafkaError, OSError or TimeoutError when its fate is unknown."""
        producer = await self._ready()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                return await producer.send_and_wait(
                    raw_topic(partner), sent.value, key=sent.key, partition=partition, headers=list(sent.headers)
                )
        except (KafkaError, OSError, TimeoutError):
            await self._replace(producer)
            raise

    async def close(self) -> None:
        self._producer = None
        await self._open.aclose()

    async def _ready(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                self._producer = await self._open.enter_async_context(started(self._kafka))
            return self._producer

    async def _replace(self, broken: AIOKafkaProducer) -> None:
        async with self._lock:
            if self._producer is broken:
                await self.close()
