"""What a consumer group has committed, asked so that "nothing" is said only when it is certain.

The client library's own question reads the errors of single partitions, and not the one that stands for the whole
answer: a coordinator that has just moved or is still loading answers with that error and without any partition, which
the library returns as "nothing was committed". A shard would begin at the beginning of its topics, and whatever was
noted beside its offsets would be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorForGroupError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

_ANSWERED_WITHIN_S = 10.0
"""The library looks for a coordinator for as long as there is none, and waits 40 s for its answer. Whoever asks could
not say meanwhile what it waits for."""


async def committed(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """The committed offset of each partition and the text beside it; partitions without one are left out.

    Raises a KafkaError while the group's coordinator does not say so for every partition.
    """
    if not partitions:
        return {}
    by_topic = groupby(sorted(partitions), key=attrgetter("topic"))
    question = OffsetFetchRequest(
        consumer._group_id, [(topic, [tp.partition for tp in part]) for topic, part in by_topic]
    )
    coordinator = consumer._coordinator
    try:
        # A connection that has died is closed all the same: by the heartbeats, which use it too and are not cut off.
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            await coordinator.ensure_coordinator_known()
            answer = await coordinator._send_req(question)
    except TimeoutError:
        raise GroupCoordinatorNotAvailableError("the group has no coordinator, or it does not answer") from None
    try:
        return read(partitions, answer)
    except NotCoordinatorForGroupError:
        # So that the next question looks for the new one.
        coordinator.coordinator_dead()
        raise


def read(partitions: Collection[TopicPartition], answer: Any) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Pure: what the coordinator's answer says of these partitions. Raises a KafkaError for anything but a certain
    answer for each."""
    # Version 1 of the answer has no error of its own.
    _raise_for(getattr(answer, "error_code", 0), "the whole group")
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    for topic, answered in answer.topics:
        for partition, offset, text, error in answered:
            _raise_for(error, f"{topic}/{partition}")
            found[TopicPartition(topic, partition)] = OffsetAndMetadata(offset, text)
    if missing := set(partitions) - found.keys():
        raise UnknownTopicOrPartitionError(f"no answer for {sorted(missing)[0]}")
    return {tp: at for tp, at in found.items() if at.offset >= 0}


def _raise_for(code: int, what: str) -> None:
    if code:
        error: type[KafkaError] = for_code(code)
        raise error(f"the committed offset of {what} is not known yet")
