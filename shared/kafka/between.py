"""Reads a part of one partition, beside whatever a consumer group does with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from shared.kafka.connection import Kafka
from shared.kafka.consumer import beside, is_cancelled
from shared.kafka.unreadable import readable

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

_WAIT_MS = 200
_PAGE_RECORDS_MAX = 2_000


async def between(
    kafka: Kafka, tp: TopicPartition, first: int, end: int
) -> AsyncIterator[list[ConsumerRecord[bytes, bytes]]]:
    """The committed records from offset `first` up to `end`, in pages. There may be fewer than offsets: compaction and
    the markers of transactions leave gaps, and what nobody can read is left out. `first` must not lie below what the
    partition still holds."""
    if first >= end:
        return
    consumer = beside(kafka, [tp.topic])
    await consumer.start()
    try:
        consumer.assign([tp])
        consumer.seek(tp, first)
        while await consumer.position(tp) < end:
            found = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_PAGE_RECORDS_MAX)
            if consumer.beyond:
                raise OffsetOutOfRangeError({tp: first})
            if page := [record for record in readable(found.get(tp, [])) if record.offset < end]:
                yield page
    finally:
        await stop(consumer)


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer of one's own. The client cancels what it was fetching, and now and then that comes out of `stop`
    as if the caller had been cancelled, with its connections left open."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        await consumer._client.close()
