"""What a shard needs from the process it lives in, and the few things both kinds of shard share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.clock import Clock
from shared.contracts.dead_letters import set_aside_headers
from shared.contracts.topics import dead_letter_topic
from shared.kafka.unreadable import Fetched
from shared.runner.buffer import Budget, Buffer
from shared.runner.commit_note import Note
from shared.runner.metrics import Metrics
from shared.runner.service import DeadLetter, Outgoing
from shared.settings import ServiceSettings


class ContradictionError(Exception):
    """Kafka and what was written down contradict each other (decision 0014). str(error) is the whole sentence for
    readiness, with the command that resolves it."""


class DoubtError(Exception):
    """Kafka has changed under a running shard, which must look again before it goes on."""


CONTRADICTED_DELAY_S = 2.0
"""How soon a shard that waits for the operator's word looks whether it was given."""


@dataclass(frozen=True, slots=True)
class Host:
    settings: ServiceSettings
    clock: Clock
    metrics: Metrics
    pool: asyncpg.Pool | None
    budget: Budget = field(init=False)
    """Of all shards of the process."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", Budget(self.settings.buffer_bytes_max))


class Inputs(Protocol):
    """Partition i of every input topic, as the consumer holds it."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    async def start_at(self, offsets: Mapping[str, int]) -> dict[str, int]:
        """Go to the next offset of each topic (the beginning where none is given), begin to fetch, and return where
        each topic begins."""
        ...

    async def commit(self, offsets: Mapping[str, int], notes: Mapping[str, Note]) -> None:
        """Commit the next offset of each topic for the group, with what is noted beside it; a rebalance in between is
        not an error."""
        ...

    def asking(self) -> tuple[AIOKafkaConsumer, list[TopicPartition]]:
        """The consumer, for questions to the broker, and the partitions that it holds for this shard."""
        ...

    def lost(self, topic: str, first: int, behind: int) -> None:
        """Note that Kafka has deleted these offsets before they were handled."""
        ...

    async def end_offsets(self) -> dict[str, int]: ...

    def has_read_to(self, offsets: dict[str, int]) -> bool:
        """Whether the consumer's positions have passed these offsets, end markers of transactions included."""
        ...


def new_buffer(host: Host, inputs: Inputs) -> Buffer:
    return Buffer(host.settings.buffer_records_max, host.budget, inputs.pause, inputs.resume)


def origin(record: Fetched) -> str:
    """A record's position, `topic/partition/offset`: enough to find it, and nothing of what it says."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def dead_letter(service: str, letter: DeadLetter, place: str) -> Outgoing:
    """The operator's note of a record that was set aside: its position and the reason, never its content."""
    headers = set_aside_headers(service, place, letter.code, letter.sentence)
    return Outgoing(dead_letter_topic(service), None, b"", headers, 0)


async def stopped_within(stop: asyncio.Event, delay_s: float) -> bool:
    """Wait before a next try; true at once when there is to be none."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(delay_s):
            await stop.wait()
    return stop.is_set()


def backoff() -> Iterator[float]:
    """Seconds to wait before each next try, for ever: 0.1 doubling up to 2."""
    delay_s = 0.1
    while True:
        yield delay_s
        delay_s = min(delay_s * 2, 2.0)
