"""What Kafka is asked before a shard works: ids, ends, and what its consumer group has written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownError, UnknownTopicOrPartitionError

from shared.kafka import clients
from shared.kafka.between import stop
from shared.kafka.committed import committed as offsets_committed
from shared.kafka.connection import Kafka
from shared.kafka.identities import identities
from shared.runner.host import Home
from shared.runner.inputs import Inputs
from shared.runner.one_story import agreement, commit_note
from shared.runner.one_story.agreement import Noted, Seen, TopicNow
from shared.runner.one_story.commit_note import Committed
from shared.runner.one_story.contradictions import Contradiction

log = structlog.get_logger("runner")

_READ_AGAIN_MS = 3_600_000
"""How far before the last handled record a shard goes on in a Kafka that was restored from an older copy. The clocks of
brokers may differ by minutes; what is read twice is recognized."""


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
    newer = await _first_newer(consumer, partitions, noted)
    topics = {tp.topic: TopicNow(told.topics[tp.topic], first[tp], ends[tp], newer.get(tp)) for tp in partitions}
    owners = [each.note.owner for each in (await committed(consumer, held)).values()]
    if own and noted.sent.get(own.topic, 0) > ends[own]:
        # What was just committed is readable a moment later only, while the broker still writes its markers.
        topics[own.topic] = replace(topics[own.topic], end=await _high_watermark(kafka, own))
    return Seen(told.cluster, topics, next(filter(None, owners), ""))


async def committed(consumer: AIOKafkaConsumer, held: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
    """What is left out was never committed. Raises a KafkaError while that is not certain."""
    found = await offsets_committed(consumer, held)
    return {tp: Committed(at.offset, commit_note.read(at.metadata)) for tp, at in found.items()}


async def after_restore(inputs: Inputs, topic: str, newest: int | None, now: TopicNow) -> int:
    """Where to go on in a log that is older than what was handled: at the first record that may be new; at the
    beginning, where nothing tells how new what was handled was."""
    if newest is None:
        return now.first
    consumer, held = inputs.asking()
    (tp,) = (tp for tp in held if tp.topic == topic)
    found = await _offset_for_time(consumer, tp, max(newest - _READ_AGAIN_MS, 0))
    if not found:
        return now.first
    at = found[tp]
    return now.end if at is None else int(at.offset)


async def _first_newer(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], noted: Noted
) -> dict[TopicPartition, int]:
    after = {tp: noted.newest[tp.topic] + 1 for tp in partitions if tp.topic in noted.newest}
    if not after:
        return {}
    try:
        found = await consumer.offsets_for_times(after)
    except UnknownError:
        found = {}
        for tp, timestamp in after.items():
            found.update(await _offset_for_time(consumer, tp, timestamp))
    return {tp: at.offset for tp, at in found.items() if at is not None}


async def _offset_for_time(consumer: AIOKafkaConsumer, tp: TopicPartition, timestamp: int) -> dict[TopicPartition, Any]:
    """Empty where the broker cannot tell. To answer it unpacks a batch, which may be too large for it; whoever sent
    that batch must not keep the partition from being read, and the other comparisons remain."""
    try:
        return dict(await consumer.offsets_for_times({tp: timestamp}))
    except UnknownError:
        log.warning("the broker cannot look records up by their time", topic=tp.topic, partition=tp.partition)
        return {}


async def _high_watermark(kafka: Kafka, tp: TopicPartition) -> int:
    asking = clients.consumer(kafka, enable_auto_commit=False)
    await asking.start()
    try:
        return int((await asking.end_offsets([tp]))[tp])
    finally:
        await stop(asking)
