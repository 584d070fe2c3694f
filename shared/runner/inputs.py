"""Partition i of every input topic, on the consumer that the process has now: where a shard begins, and commits."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from shared.kafka.losses import Losses
from shared.runner.one_story.commit_note import Committed

if TYPE_CHECKING:
    from shared.runner.subscription import Subscription

log = structlog.get_logger("runner")

_COMMIT_WITHIN_S = 10.0
"""The library tries for as long as the group has no coordinator, and in that time the shard would do nothing and say
nothing. What it has sent already goes on: a commit that takes effect later is of use all the same."""


class Inputs:
    def __init__(self, subscription: Subscription, index: int, topics: frozenset[str], losses: Losses) -> None:
        self._subscription, self._losses = subscription, losses
        self._partitions = [TopicPartition(topic, index) for topic in sorted(topics)]

    def _held(self) -> list[TopicPartition]:
        """Empty between a revocation and the next assignment, and while the consumer is being replaced."""
        return [tp for tp in self._partitions if tp in self._subscription.assignment()]

    def let_go(self) -> None:
        """The shard was stopped. Where it hangs it ends only later, when the same partitions may have been assigned
        again: it must not pause them then, since their new shard would wait for ever for records."""
        self._partitions = []

    def pause(self) -> None:
        if held := self._held():
            self._subscription.consumer.pause(*held)

    def resume(self) -> None:
        if held := self._held():
            self._subscription.consumer.resume(*held)

    async def start_at(self, offsets: Mapping[str, int]) -> dict[str, int]:
        """Go to the next offset of each topic (the beginning where none is given), begin to fetch, and return where
        each topic begins."""
        consumer, held = self._subscription.consumer, self._held()
        first = await consumer.beginning_offsets(held)
        begins = {}
        for tp in held:
            # Nothing is known of a topic that is new, and of one that nobody has read for as long as Kafka keeps what a
            # group without members has committed.
            wanted = offsets.get(tp.topic, first[tp])
            begins[tp.topic] = self._still_there(tp, wanted, first[tp])
            consumer.seek(tp, begins[tp.topic])
        consumer.resume(*held)
        return begins

    def _still_there(self, tp: TopicPartition, wanted: int, first: int) -> int:
        if wanted < first:
            self._losses.note(tp, "deleted", wanted, first)
        return max(wanted, first)

    def asking(self) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
        """The consumer, for questions to the broker, and the partitions that it holds for this shard."""
        return self._subscription.consumer, self._held()

    def lost(self, topic: str, first: int, behind: int) -> None:
        """Note that Kafka has deleted these offsets before they were handled."""
        for tp in self._partitions:
            if tp.topic == topic:
                self._losses.note(tp, "deleted", first, behind)

    def other_logs(self, topics: Collection[str]) -> None:
        """These topics are not the logs any more that were read before."""
        for tp in self._partitions:
            if tp.topic in topics:
                self._losses.other_log(tp)

    async def commit(self, committed: Mapping[str, Committed]) -> None:
        """Commit for the group, by topic; a rebalance in between is no error, nor is a group without a coordinator."""
        held = {tp.topic: tp for tp in self._held()}
        try:
            told = {held[topic]: OffsetAndMetadata(at.offset, at.note.text()) for topic, at in committed.items()}
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                await self._subscription.consumer.commit(told)
        except (KafkaError, IllegalStateError, KeyError, TimeoutError) as error:
            log.info("offsets not committed; the records will be read again", exc_info=error)

    async def end_offsets(self) -> dict[str, int]:
        ends = await self._subscription.consumer.end_offsets(self._held())
        return {tp.topic: offset for tp, offset in ends.items()}

    def has_read_to(self, offsets: dict[str, int]) -> bool:
        """Whether the consumer's positions have passed these offsets, end markers of transactions included."""
        positions = self._subscription.positions()
        return all(positions.get(tp, 0) >= offsets.get(tp.topic, 0) for tp in self._held())
