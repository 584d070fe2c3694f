"""A partner and a subscriber: each sees its topics and nothing else of the platform."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.contracts.faults import Fault
from shared.contracts.messages import ScoreChange, follow
from shared.contracts.refusals import read_refusal

_POLL_S = 0.01


class Subscriber:
    """Follows `scores.changed` alone, as a lender would."""

    def __init__(self) -> None:
        self.messages = 0
        self.last: dict[str, ScoreChange] = {}
        """By user_id."""
        self.scores: dict[str, list[int]] = {}
        """By user_id: the score of each version, in the order in which they came."""
        self.out_of_order: list[str] = []
        """People whose versions did not come as 1, 2, 3."""

    def take(self, record: ConsumerRecord) -> None:
        user_id, change = record.key.decode(), follow(ScoreChange, record.value)
        if isinstance(change, Fault):
            raise ValueError(f"{record.topic}/{record.partition}/{record.offset}: {change.sentence}")
        scores = self.scores.setdefault(user_id, [])
        if change.version != len(scores) + 1:
            self.out_of_order.append(user_id)
        scores.append(change.score)
        self.last[user_id] = change
        self.messages += 1


class Partner:
    """Follows its own refusals."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()

    def take(self, record: ConsumerRecord) -> None:
        refusal = read_refusal(record.headers)
        self.refused["unreadable" if isinstance(refusal, Fault) else refusal.code] += 1


class Following:
    """A topic on its way through `take`. `caught_up` waits until it has taken all that is there now."""

    def __init__(self, consumer: AIOKafkaConsumer, task: asyncio.Task[None]) -> None:
        self._consumer, self._task = consumer, task

    async def caught_up(self) -> None:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._consumer.assignment())
        for tp, end in ends.items():
            # A position passes the end marker of a transaction as well, which is no record.
            while await self._consumer.position(tp) < end:
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def following(
    bootstrap: str, topic: str, partitions: int, take: Callable[[ConsumerRecord], None]
) -> AsyncIterator[Following]:
    """Hand every record of the topic to `take`, from the first one on, until the block ends."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # What an aborted transaction holds was never published.
        isolation_level="read_committed",
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    task = asyncio.create_task(_take_all(consumer, take))
    try:
        yield Following(consumer, task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await consumer.stop()


async def _take_all(consumer: AIOKafkaConsumer, take: Callable[[ConsumerRecord], None]) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                take(record)
