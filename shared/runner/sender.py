"""Producers: one fenced by a transactional id for each shard, or one idempotent producer for a stateless service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaProducer

from shared.runner.service import Outgoing

BATCH_BYTES_MAX = 256 * 1024
SEND_TIMEOUT_S = 30.0


def _producer(bootstrap: str, transactional_id: str | None) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        # Acknowledged means on every in-sync replica; the library's default waits for the leader only.
        acks="all",
        # A retried request must neither double nor reorder; the library's default is off.
        enable_idempotence=True,
        transactional_id=transactional_id,
        # A stopped owner's open transaction hides everything behind it from readers until the broker aborts it.
        transaction_timeout_ms=15_000,
        max_batch_size=BATCH_BYTES_MAX,
        # A refusal carries the partner's whole record, whose limit is the raw topic's.
        max_request_size=4 * 1024 * 1024,
        request_timeout_ms=10_000,
        retry_backoff_ms=50,
    )


@contextlib.asynccontextmanager
async def started(bootstrap: str, transactional_id: str | None = None) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that is ready; with a transactional id the broker has by then refused every earlier one of that id.

    A broken producer is never repaired, only left and replaced: an idempotent one can wedge after an error.
    """
    producer = _producer(bootstrap, transactional_id)
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await producer.start()
        yield producer
    finally:
        # Stopping flushes, which a fenced or cut-off producer may never finish.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await producer.stop()
        with contextlib.suppress(Exception):
            await producer.client.close()


async def send(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
    """Send in the given order for each partition, and return when the broker has acknowledged every message.

    Raises a KafkaError or TimeoutError when any message's fate is unknown; the caller replaces the producer and sends
    all of them again.
    """
    by_partition: dict[tuple[str, int], list[Outgoing]] = {}
    for message in messages:
        by_partition.setdefault((message.topic, message.partition), []).append(message)
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await asyncio.gather(*(_send_partition(producer, *place, part) for place, part in by_partition.items()))


async def send_transaction(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
    """Like `send`, visible to readers all at once, and only while no other process has taken over the shard."""
    await producer.begin_transaction()
    # An error in here leaves the transaction open on purpose: it must not be committed in part, and the next
    # producer of this id aborts it.
    await send(producer, messages)
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await producer.commit_transaction()


async def _send_partition(producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Outgoing]) -> None:
    acknowledgements = []
    batch = producer.create_batch()
    for message in messages:
        fields = {"key": message.key, "value": message.value, "headers": list(message.headers), "timestamp": None}
        if batch.append(**fields) is None:
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(**fields)
    # A closed batch cannot be joined by a later message whose fate would then be reported to nobody.
    batch.close()
    acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*acknowledgements)
