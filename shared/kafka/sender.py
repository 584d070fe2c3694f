"""Producers: one fenced by a transactional id for each shard, or one idempotent producer for a stateless service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from shared.contracts.exchange import Outgoing
from shared.contracts.partition import PARTITIONS
from shared.kafka import clients
from shared.kafka.connection import Kafka

BATCH_BYTES_MAX = 256 * 1024
SEND_TIMEOUT_S = 30.0
TRANSACTION_TIMEOUT_S = 15.0
"""A stopped owner's open transaction hides everything behind it from readers until the broker aborts it."""
_STOP_TIMEOUT_S = 2.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
"""A refusal carries the partner's whole record, whose limit is the raw topic's."""

Flight: TypeAlias = tuple["asyncio.Future[RecordMetadata]", list[int]]
"""The broker's answer to one batch, and the numbers of the messages in it."""


def _producer(kafka: Kafka, transactional_id: str | None) -> AIOKafkaProducer:
    return clients.producer(
        kafka,
        # Acknowledged means on every in-sync replica; the library's default waits for the leader only.
        acks="all",
        # A retried request must neither double nor reorder; the library's default is off.
        enable_idempotence=True,
        transactional_id=transactional_id,
        transaction_timeout_ms=round(TRANSACTION_TIMEOUT_S * 1000),
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=10_000,
        retry_backoff_ms=50,
    )


@contextlib.asynccontextmanager
async def started(kafka: Kafka, transactional_id: str | None = None) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that is ready; with a transactional id the broker has by then refused every earlier one of that id.

    A broken producer is never repaired, only left and replaced: after an error an idempotent one can wedge, and a
    transactional one can commit what it had aborted.
    """
    producer = _producer(kafka, transactional_id)
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await producer.start()
        yield producer
    finally:
        try:
            # Stopping flushes, which a fenced or cut-off producer may never finish.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await producer.stop()
        finally:
            # Where that was cut off, what sends would go on for ever, over connections that it opens again: after an
            # outage all that were left would send what their successors have sent.
            if (sending := producer._sender.sender_task) is not None:
                sending.cancel()
            with contextlib.suppress(Exception):
                await producer.client.close()


async def send(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
    """Send in the given order for each partition, and return when the broker has acknowledged every message.

    Raises a KafkaError or TimeoutError when any message's fate is unknown; the caller replaces the producer and sends
    all of them again.
    """
    flights: list[Flight] = []
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await put(producer, enumerate(messages), flights)
        await asyncio.gather(*(answer for answer, _ in flights))


async def send_transaction(producer: AIOKafkaProducer, messages: Sequence[Outgoing]) -> None:
    """Like `send`, in a transaction."""
    async with transaction(producer):
        await send(producer, messages)


@contextlib.asynccontextmanager
async def transaction(producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """What is sent inside is visible to readers all at once, and only while no other process has taken over the shard.

    An error inside leaves the transaction open on purpose: it must not be committed in part, and the next producer of
    this id aborts it.
    """
    await producer.begin_transaction()
    yield
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await producer.commit_transaction()


async def know(producer: AIOKafkaProducer, topics: Iterable[str]) -> None:
    """Have the client follow these topics, all of them before the first is used.

    It begins by knowing every topic, and from the first one that it is told to follow it forgets the others at its next
    refresh; a batch that is on its way to such a one then finds no leader.
    """
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await asyncio.gather(*map(producer.client.add_topic, topics))


def wrong_partitions(topic: str, partitions: Collection[int]) -> str | None:
    """The sentence about a topic of people that was made again with another number of partitions; None where it has
    the right one, or none is known."""
    if not partitions or len(partitions) == PARTITIONS:
        return None
    return f"{topic} has {len(partitions)} partitions, not {PARTITIONS} (`goodstanding doctor` says what to do)"


async def put(
    producer: AIOKafkaProducer,
    messages: Iterable[tuple[int, Outgoing]],
    flights: list[Flight],
    alone: frozenset[int] = frozenset(),
) -> None:
    """Hand all messages to the producer, in order for each partition, and add what must be awaited to `flights`.

    `alone` are the numbers of messages that get a batch of their own. Raises the first error, when every partition's
    messages were handed over or could not be.
    """
    by_partition: dict[tuple[str, int], list[tuple[int, Outgoing]]] = {}
    for number, message in messages:
        by_partition.setdefault((message.topic, message.partition), []).append((number, message))
    await know(producer, {topic for topic, _ in by_partition})
    results = await asyncio.gather(
        *(_put_partition(producer, *tp, part, flights, alone) for tp, part in by_partition.items()),
        return_exceptions=True,
    )
    for error in results:
        if error is not None:
            raise error


async def _put_partition(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    messages: Sequence[tuple[int, Outgoing]],
    flights: list[Flight],
    alone: frozenset[int],
) -> None:
    for batch, numbers in _batches(producer, messages, alone):
        flights.append((await producer.send_batch(batch, topic, partition=partition), numbers))


def _batches(
    producer: AIOKafkaProducer, messages: Sequence[tuple[int, Outgoing]], alone: frozenset[int]
) -> Iterator[tuple[BatchBuilder, list[int]]]:
    batch, numbers = producer.create_batch(), list[int]()
    for number, message in messages:
        apart = bool(alone) and bool(numbers) and (number in alone or numbers[-1] in alone)
        if apart or not _appended(batch, message):
            # A closed batch cannot be joined by a later message whose fate would then be reported to nobody.
            batch.close()
            yield batch, numbers
            batch, numbers = producer.create_batch(), []
            _appended(batch, message)
        numbers.append(number)
    batch.close()
    yield batch, numbers


def _appended(batch: BatchBuilder, message: Outgoing) -> bool:
    """False where the batch is full."""
    headers = list(message.headers)
    return batch.append(timestamp=None, key=message.key, value=message.value, headers=headers) is not None
