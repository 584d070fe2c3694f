"""What Kafka is asked before a shard works: ids, ends, and what its consumer group has written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from shared.clock import Clock
from shared.kafka import clients
from shared.kafka.batch_times import batch_at, first_offset
from shared.kafka.committed import committed as offsets_committed
from shared.kafka.connection import Kafka
from shared.kafka.identities import identities
from shared.runner.host import Home
from shared.runner.inputs import Inputs
from shared.runner.one_story import agreement, commit_note
from shared.runner.one_story.agreement import Noted, Seen, TopicNow
from shared.runner.one_story.commit_note import Committed
from shared.runner.one_story.contradictions import Contradiction

READ_AGAIN = timedelta(hours=1)
"""How far before the last handled record a shard goes on in a Kafka that was restored from an older copy. The clocks of
brokers may differ by minutes; what is read twice is recognized. By the deployment's clock, as all is by which it is
recognized."""


async def contradictions(home: Home, noted: Noted) -> Sequence[Contradiction]:
    """What in Kafka contradicts what was noted of the shard. Raises a KafkaError while Kafka cannot tell."""
    return agreement.compare(noted, await seen_from(home, noted), home.own.topic if home.own else None)


async def seen_from(home: Home, noted: Noted) -> Seen:
    own = TopicPartition(home.own.topic, home.index) if home.own else None
    return await seen(home.host.settings.connection, *home.inputs.asking(), noted, own)


async def seen(
    kafka: Kafka,
    consumer: AIOKafkaConsumer,
    held: Sequence[TopicPartition],
    noted: Noted,
    own: TopicPartition | None = None,
) -> Seen:
    """What Kafka says of a shard's partitions and of its own topic. Raises a KafkaError while it cannot tell."""
    partitions = [*held, own] if own else list(held)
    told = await identities(consumer._client, [tp.topic for tp in partitions])
    for tp in partitions:
        if tp.topic not in told.topics:
            # It was just deleted, or just made: the next try knows.
            raise UnknownTopicOrPartitionError(tp.topic)
    first, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    topics = {}
    for tp in partitions:
        newer = await _first_newer(consumer, tp, noted, first[tp], ends[tp])
        topics[tp.topic] = TopicNow(told.topics[tp.topic], first[tp], ends[tp], newer)
    owners = [each.note.owner for each in (await committed(consumer, held)).values()]
    if own and noted.sent.get(own.topic, 0) > ends[own]:
        # What was just committed is readable a moment later only, while the broker still writes its markers.
        topics[own.topic] = replace(topics[own.topic], end=await _high_watermark(kafka, own))
    return Seen(told.cluster, topics, next(filter(None, owners), ""))


async def committed(consumer: AIOKafkaConsumer, held: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
    """What is left out was never committed. Raises a KafkaError while that is not certain."""
    found = await offsets_committed(consumer, held)
    return {tp: Committed(at.offset, commit_note.read(at.metadata)) for tp, at in found.items()}


async def after_restore(inputs: Inputs, clock: Clock, topic: str, newest: int | None, now: TopicNow) -> int:
    """Where to go on in a log that is older than what was handled: at the first record that may be new; at the
    beginning, where nothing tells how new what was handled was."""
    if newest is None:
        return now.first
    consumer, held = inputs.asking()
    (tp,) = (tp for tp in held if tp.topic == topic)
    since = clock.arrival(newest) - READ_AGAIN
    return await first_since(consumer, tp, now, lambda at_ms: clock.arrival(at_ms) >= since)


async def first_since(
    consumer: AIOKafkaConsumer, tp: TopicPartition, now: TopicNow, is_reached: Callable[[int], bool]
) -> int:
    """The offset of the first record whose append time (ms) has reached something; the end where none has, and the
    beginning where the log does not say the broker's time."""
    at = await first_offset(consumer._client, tp, now.first, now.end, is_reached)
    return now.first if at is None else at


async def _first_newer(
    consumer: AIOKafkaConsumer, tp: TopicPartition, noted: Noted, first: int, end: int
) -> int | None:
    """The offset of a record that was never handled, although it lies below the offset up to which all were. In a log
    that has grown again since it was restored, the last record before that offset is such a one."""
    offset, newest = noted.offsets.get(tp.topic), noted.newest.get(tp.topic)
    if offset is None or newest is None or not first < offset <= end:
        return None
    last = await batch_at(consumer._client, tp, offset - 1)
    # Compaction leaves holes: what comes behind one says nothing of what was handled.
    if last is None or last.first >= offset or last.at_ms is None or last.at_ms <= newest:
        return None
    at = await first_offset(consumer._client, tp, first, offset, lambda at_ms: at_ms > newest)
    return last.first if at is None else at


async def _high_watermark(kafka: Kafka, tp: TopicPartition) -> int:
    asking = clients.consumer(kafka, enable_auto_commit=False)
    await asking.start()
    try:
        return int((await asking.end_offsets([tp]))[tp])
    finally:
        await asking.stop()
