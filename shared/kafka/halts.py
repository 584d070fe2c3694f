"""Partitions that Kafka does not let anybody read on, although it is there: asked again after pauses that double.

The library asks again at once, and writes a line each time. A single batch whose length is damaged on the broker's disk
made hundreds of lines a second so, in our log and in Kafka's own, until a disk was full.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    NoError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest

log = structlog.get_logger("kafka")

_FIRST_PAUSE_S = 0.1
_PAUSE_MAX_S = 30.0
"""A line a minute or two in Kafka's log, and no operator waits long for it after the remedy."""
_PAUSE_OF_LEADERS_MAX_S = 1.0
"""Where the partition has moved to another broker, which passes within moments."""
_SAID_FROM_S = 1.0
"""A halt that passes sooner, as with a change of leader, is not reported."""

_RAISED = (OffsetOutOfRangeError, TopicAuthorizationFailedError)
"""What the library raises to its caller, who has an answer to it."""


@dataclass(frozen=True, slots=True)
class _Halt:
    offset: int
    reason: str
    pause_s: float
    until: float
    """By the monotonic clock."""

    @property
    def is_said(self) -> bool:
        return self.pause_s >= _SAID_FROM_S


class Halts:
    """Where the partitions of one consumer have halted. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._halts: dict[TopicPartition, _Halt] = {}

    def failed(self, tp: TopicPartition, offset: int, reason: str, pause_max_s: float = _PAUSE_MAX_S) -> None:
        """A fetch from this offset brought nothing to go on with; `reason` is the end of a sentence."""
        before = self._halts.get(tp)
        if before is not None and before.offset != offset:
            before = None
        pause = _FIRST_PAUSE_S if before is None else min(before.pause_s * 2, pause_max_s)
        halt = self._halts[tp] = _Halt(offset, reason, pause, self._now() + pause)
        if halt.is_said and not (before and before.is_said and before.reason == reason):
            log.error(
                "a partition cannot be read", topic=tp.topic, partition=tp.partition, offset=offset, because=reason
            )

    def went_on(self, tp: TopicPartition) -> None:
        halt = self._halts.pop(tp, None)
        if halt is not None and halt.is_said:
            log.info("a partition is read again", topic=tp.topic, partition=tp.partition)

    def waits(self, tp: TopicPartition, offset: int) -> bool:
        """Whether this is not to be asked for yet."""
        halt = self._halts.get(tp)
        return halt is not None and halt.offset == offset and self._now() < halt.until

    def troubles(self, held: Collection[TopicPartition]) -> list[str]:
        """Sentences for readiness, about the partitions that are held."""
        return [
            f"{tp.topic}/{tp.partition} cannot be read from offset {halt.offset} on: {halt.reason} "
            "(see `cannot be read` in docs/operations.md)"
            for tp, halt in sorted(self._halts.items())
            if halt.is_said and tp in held
        ]


class HaltingClient:
    """The client of a fetcher. What a broker answers of a partition that it does not let read goes to the halts, and
    to the library go the others and what it raises to its caller."""

    def __init__(self, client: AIOKafkaClient, halts: Halts) -> None:
        self._client, self._halts = client, halts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any) -> Any:
        response = await self._client.send(node_id, request)
        if isinstance(request, FetchRequest):
            asked = {(topic, at): offset for topic, parts in request.topics for at, offset, _ in parts}
            is_empty = not any(each[-1] for _, parts in response.topics for each in parts)
            response.topics = [
                (topic, [each for each in parts if self._is_read(topic, each, asked[topic, each[0]], is_empty)])
                for topic, parts in response.topics
            ]
        return response

    def _is_read(self, topic: str, part: Sequence[Any], offset: int, is_empty: bool) -> bool:
        """`is_empty` says that the answer brought nothing of any partition, so that none was left out for want of
        room."""
        at, code, _, stable, *_, data = part
        tp, error = TopicPartition(topic, at), for_code(code)
        if error is NoError:
            # If there are data, their reader says whether the partition goes on.
            if not data and stable <= offset:
                self._halts.went_on(tp)
            elif is_empty:
                self._halts.failed(tp, offset, "Kafka has records there, and gives none of them out")
            return True
        if error in _RAISED:
            self._halts.went_on(tp)
            return True
        pause_max_s = _PAUSE_MAX_S
        if error.invalid_metadata:
            pause_max_s = _PAUSE_OF_LEADERS_MAX_S
            self._client.force_metadata_update()
        self._halts.failed(tp, offset, _said(error), pause_max_s)
        return False


def _said(error: type[BaseException]) -> str:
    if error is CorruptRecordException:
        return "Kafka finds its own file damaged there"
    return f"Kafka answers {error.__name__}"
