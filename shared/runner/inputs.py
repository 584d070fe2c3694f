"""Partition i of every input topic, on the consumer that the process has now: where a shard begins, and commits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from shared.kafka.losses import Losses
from shared.runner.commit_note import Note

if TYPE_CHECKING:
    from shared.runner.subscription import Subscription

log = structlog.get_logger("runner")


class ShardInputs:
    def __init__(self, subscription: Subscription, index: int, topics: frozenset[str], losses: Losses) -> None:
        self._subscription, self._losses = subscription, losses
        self._places = [TopicPartition(topic, index) for topic in sorted(topics)]

    def _held(self) -> list[TopicPartition]:
        """Empty between a revocation and the next assignment, and while the consumer is being replaced."""
        return [place for place in self._places if place in self._subscription.assignment()]

    def pause(self) -> None:
        if held := self._held():
            self._subscription.consumer.pause(*held)

    def resume(self) -> None:
        if held := self._held():
            self._subscription.consumer.resume(*held)

    async def start_at(self, offsets: Mapping[str, int]) -> dict[str, int]:
        consumer, held = self._subscription.consumer, self._held()
        first = await consumer.beginning_offsets(held)
        begins = {}
        for place in held:
            # Nothing is known of a topic that is new, and of one that nobody has read for as long as Kafka keeps what a
            # group without members has committed.
            wanted = offsets.get(place.topic, first[place])
            begins[place.topic] = self._still_there(place, wanted, first[place])
            consumer.seek(place, begins[place.topic])
        consumer.resume(*held)
        return begins

    def _still_there(self, place: TopicPartition, wanted: int, first: int) -> int:
        if wanted < first:
            self._losses.note(place, "deleted", wanted, first)
        return max(wanted, first)

    def asking(self) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
        return self._subscription.consumer, self._held()

    def lost(self, topic: str, first: int, behind: int) -> None:
        for place in self._places:
            if place.topic == topic:
                self._losses.note(place, "deleted", first, behind)

    async def commit(self, offsets: Mapping[str, int], notes: Mapping[str, Note]) -> None:
        held = {place.topic: place for place in self._held()}
        try:
            told = {held[topic]: OffsetAndMetadata(at, notes[topic].text()) for topic, at in offsets.items()}
            await self._subscription.consumer.commit(told)
        except (KafkaError, IllegalStateError, KeyError) as error:
            log.info("offsets not committed; the records will be read again", exc_info=error)

    async def end_offsets(self) -> dict[str, int]:
        ends = await self._subscription.consumer.end_offsets(self._held())
        return {place.topic: offset for place, offset in ends.items()}

    def has_read_to(self, offsets: dict[str, int]) -> bool:
        positions = self._subscription.positions()
        return all(positions.get(place, 0) >= offsets.get(place.topic, 0) for place in self._held())
