"""What Kafka is asked before a shard works: ids, ends, and what its consumer group has written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import UnknownError, UnknownTopicOrPartitionError

from shared.kafka.between import stop
from shared.kafka.committed import committed as offsets_committed
from shared.kafka.identities import identities
from shared.runner import commit_note
from shared.runner.agreement import Noted, Seen, TopicNow
from shared.runner.commit_note import Note
from shared.runner.host import Inputs

log = structlog.get_logger("runner")

_READ_AGAIN_MS = 3_600_000
"""How far before the last handled record a shard goes on in a Kafka that was restored from an older copy. The clocks of
brokers may differ by minutes; what is read twice is recognized."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The next offset that the group has committed for a partition, and what was noted beside it."""

    offset: int
    note: Note


async def seen(
    kafka: str,
    consumer: AIOKafkaConsumer,
    held: Sequence[TopicPartition],
    noted: Noted,
    own: TopicPartition | None = None,
) -> Seen:
    """What Kafka says of a shard's partitions and of its own topic. Raises a KafkaError while it cannot tell."""
    places = [*held, own] if own else list(held)
    told = await identities(consumer._client, [place.topic for place in places])
    for place in places:
        if place.topic not in told.topics:
            # It was just deleted, or just made: the next try knows.
            raise UnknownTopicOrPartitionError(place.topic)
    first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    newer = await _first_newer(consumer, places, noted)
    topics = {
        place.topic: TopicNow(told.topics[place.topic], first[place], ends[place], newer.get(place)) for place in places
    }
    owners = [each.note.owner for each in (await committed(consumer, held)).values()]
    if own and noted.sent.get(own.topic, 0) > ends[own]:
        # What was just committed is readable a moment later only, while the broker still writes its markers.
        topics[own.topic] = replace(topics[own.topic], end=await _high_watermark(kafka, own))
    return Seen(told.cluster, topics, next(filter(None, owners), ""))


async def committed(consumer: AIOKafkaConsumer, held: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
    """What is left out was never committed. Raises a KafkaError while that is not certain."""
    found = await offsets_committed(consumer, held)
    return {place: Committed(at.offset, commit_note.read(at.metadata)) for place, at in found.items()}


async def after_restore(inputs: Inputs, topic: str, newest: int | None, now: TopicNow) -> int:
    """Where to go on in a log that is older than what was handled: at the first record that may be new; at the
    beginning, where nothing tells how new what was handled was."""
    if newest is None:
        return now.first
    consumer, held = inputs.asking()
    (place,) = (place for place in held if place.topic == topic)
    found = await _offset_for_time(consumer, place, max(newest - _READ_AGAIN_MS, 0))
    if not found:
        return now.first
    at = found[place]
    return now.end if at is None else int(at.offset)


async def _first_newer(
    consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], noted: Noted
) -> dict[TopicPartition, int]:
    after = {place: noted.newest[place.topic] + 1 for place in places if place.topic in noted.newest}
    if not after:
        return {}
    try:
        found = await consumer.offsets_for_times(after)
    except UnknownError:
        found = {}
        for place, timestamp in after.items():
            found.update(await _offset_for_time(consumer, place, timestamp))
    return {place: at.offset for place, at in found.items() if at is not None}


async def _offset_for_time(
    consumer: AIOKafkaConsumer, place: TopicPartition, timestamp: int
) -> dict[TopicPartition, Any]:
    """Empty where the broker cannot tell. To answer it unpacks a batch, which may be too large for it; whoever sent
    that batch must not keep the partition from being read, and the other comparisons remain."""
    try:
        return dict(await consumer.offsets_for_times({place: timestamp}))
    except UnknownError:
        log.warning("the broker cannot look records up by their time", topic=place.topic, partition=place.partition)
        return {}


async def _high_watermark(kafka: str, place: TopicPartition) -> int:
    asking = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await asking.start()
    try:
        return int((await asking.end_offsets([place]))[place])
    finally:
        await stop(asking)
