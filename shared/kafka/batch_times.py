"""How new a log is at an offset, by the header of the batch that lies there.

A broker that is asked for an offset by its time unpacks the batch into which the time falls, with all headers of its
records. One small batch of a partner's may then take more memory than the broker has, and every such question kills it
again. A fetch hands a batch out as it lies, and its header has the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from shared.kafka.batch import Batch
from shared.kafka.records import BROKERS_TIME

_UNCOMMITTED = 0
_ONE_BATCH_BYTES = 1
"""Of a batch that is larger than asked for the broker sends the first one whole."""


class BatchTime(NamedTuple):
    """The batch with the offsets `first` to `next_offset - 1`, appended at `at_ms`, in milliseconds since 1970; None
    where only its sender says when."""

    first: int
    next_offset: int
    at_ms: int | None


async def batch_at(client: AIOKafkaClient, tp: TopicPartition, offset: int) -> BatchTime | None:
    """The batch that holds the offset, or else the next one; None at the end of the log. Raises a KafkaError."""
    leader = client.cluster.leader_for_partition(tp)
    if leader is None or leader < 0:
        raise LeaderNotAvailableError(f"{tp.topic}/{tp.partition}")
    wanted = [(tp.topic, [(tp.partition, offset, _ONE_BATCH_BYTES)])]
    answer: Any = await client.send(leader, FetchRequest(0, 0, _ONE_BATCH_BYTES, _UNCOMMITTED, wanted))
    ((_, ((_, code, *_, data),)),) = answer.topics
    if code:
        raise for_code(code)(f"{tp.topic}/{tp.partition} at offset {offset}")
    if (batch := Batch.at(data or b"", 0)) is None:
        return None
    head = batch.library
    says = batch.is_sound and head.timestamp_type == BROKERS_TIME
    return BatchTime(head.base_offset, batch.next_offset, head.max_timestamp if says else None)


async def first_offset(
    client: AIOKafkaClient, tp: TopicPartition, first: int, end: int, is_reached: Callable[[int], bool]
) -> int | None:
    """The first offset from `first` on whose time (ms) has reached something, `end` if none has. It is looked for by
    halves, since a broker's times rise. None where a batch does not say the broker's time. Raises a KafkaError."""
    while first < end:
        middle = (first + end) // 2
        batch = await batch_at(client, tp, middle)
        if batch is None:
            end = middle
        elif batch.at_ms is None:
            return None
        elif is_reached(batch.at_ms):
            end = max(first, min(middle, batch.first))
        else:
            first = batch.next_offset
    return first
