"""Reading topics: the last few messages and what follows, or all from one offset to another. What nobody can read is
left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.reading.offsets import asking
from shared.kafka.between import StandstillError, Unread
from shared.kafka.connection import Kafka
from shared.kafka.consumer import CarefulConsumer, beside
from shared.kafka.unreadable import readable

_READ_MS = 200


async def tail(kafka: Kafka, topics: Sequence[str], last: int, *, follow: bool) -> AsyncIterator[ConsumerRecord]:
    """The `last` messages that the topics hold together, in the order of their arrival; with `follow`, all that come.

    Each partition alone is in order; between partitions the broker's time decides, and for what comes the reading.
    Raises StandstillError, after the messages that can be read.
    """
    async with asking(kafka) as offsets:
        ends = await offsets.ends(topics)
    consumer = beside(kafka, topics)
    await consumer.start()
    try:
        consumer.assign(list(ends))
        found, standstill = await _held(consumer, ends, last)
        for record in found:
            yield record
        if standstill is not None:
            raise standstill
        while follow:
            for records in (await consumer.getmany(timeout_ms=_READ_MS)).values():
                for record in readable(records):
                    yield record
    finally:
        await consumer.stop()


async def _held(
    consumer: CarefulConsumer, ends: dict[TopicPartition, int], last: int
) -> tuple[list[ConsumerRecord], StandstillError | None]:
    """The last messages before these ends, and why there may be more. Leaves the consumer at the ends."""
    beginnings = await consumer.beginning_offsets(list(ends))
    for tp, end in ends.items():
        # Compaction and the markers of transactions leave gaps, so there can be fewer messages than offsets.
        consumer.seek(tp, max(end - 2 * last - 2, beginnings[tp]))
    found: list[ConsumerRecord] = []
    standstill = None
    unread = Unread(consumer, ends)
    try:
        while waiting := await unread.partitions():
            for records in (await consumer.getmany(*waiting, timeout_ms=_READ_MS)).values():
                found.extend(readable(records))
    except StandstillError as error:
        standstill = error
    found.sort(key=lambda record: record.timestamp)
    return (found[-last:] if last else []), standstill


async def last_value(kafka: Kafka, topic: str) -> bytes | None:
    """The value of the last message of a topic with one partition; None when it is empty."""
    async for record in tail(kafka, [topic], 1, follow=False):
        value: bytes | None = record.value
        return value
    return None


async def between(
    kafka: Kafka,
    start: Mapping[TopicPartition, int],
    end: Mapping[TopicPartition, int],
    patience_s: float | None = None,
) -> AsyncIterator[ConsumerRecord]:
    """The committed records from one offset of each partition up to another, each partition in order. Raises
    StandstillError, after all that can be read; `patience_s` is for callers who cannot wait so long."""
    ends = {tp: offset for tp, offset in end.items() if start[tp] < offset}
    if not ends:
        return
    consumer = beside(kafka, [tp.topic for tp in ends])
    await consumer.start()
    try:
        consumer.assign(list(ends))
        for tp in ends:
            consumer.seek(tp, start[tp])
        unread = Unread(consumer, ends, patience_s)
        while waiting := await unread.partitions():
            for records in (await consumer.getmany(*waiting, timeout_ms=_READ_MS)).values():
                for record in readable(records):
                    yield record
    finally:
        await consumer.stop()
