"""Where topics begin and end, and how far groups have read: questions to the broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, UnknownTopicOrPartitionError

from goodstanding.errors import UserError
from shared.kafka import clients
from shared.kafka.connection import Kafka


class Offsets:
    """Asks the broker. Make one with `asking`."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer, self._admin = consumer, admin
        self._partitions: dict[str, list[TopicPartition]] = {}

    async def topics(self) -> list[str]:
        """All topics that exist."""
        return list(await self._admin.list_topics())

    async def existing(self, topics: Sequence[str]) -> list[str]:
        """Those of these topics that exist."""
        there = set(await self._admin.list_topics())
        return [topic for topic in topics if topic in there]

    async def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will have. Raises UserError for a missing topic."""
        for topic in topics:
            if topic not in self._partitions:
                (described,) = await self._admin.describe_topics([topic])
                if described["error_code"] == UnknownTopicOrPartitionError.errno:
                    raise UserError(f"There is no topic {topic}.", "Make it: goodstanding topics")
                self._partitions[topic] = [TopicPartition(topic, each["partition"]) for each in described["partitions"]]
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(
            [tp for topic in topics for tp in self._partitions[topic]]
        )
        return found

    async def kept(self, topics: Sequence[str]) -> dict[TopicPartition, range]:
        """The offsets from the oldest record that each partition still has to its end; some in between may be gone."""
        ends = await self.ends(topics)
        first = await self._consumer.beginning_offsets(list(ends))
        return {tp: range(first[tp], end) for tp, end in ends.items()}

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """The offset up to which the group is done, of those partitions where it has begun."""
        try:
            found = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            # A new broker has none until the first group comes, and this question makes it get one.
            return {}
        return {tp: max(each.offset, 0) for tp, each in found.items()}


@asynccontextmanager
async def asking(kafka: Kafka) -> AsyncIterator[Offsets]:
    """Raises KafkaConnectionError when there is no broker."""
    consumer, admin = clients.consumer(kafka), clients.admin(kafka)
    try:
        await consumer.start()
        await admin.start()
        yield Offsets(consumer, admin)
    finally:
        await admin.close()
        await consumer.stop()
