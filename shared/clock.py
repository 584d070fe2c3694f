"""The only source of "now" for every service: the system's clock, or a stepped one for demos and tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts.topics import CLOCK_TOPIC

_CLOCK = TopicPartition(CLOCK_TOPIC, 0)


class Clock(Protocol):
    """Instants are aware and in UTC."""

    def now(self) -> datetime: ...

    def arrival(self, timestamp_ms: int) -> datetime:
        """The instant at which a record counts as received, given the broker's append time in milliseconds."""
        ...

    def delay_s(self, instant: datetime | None) -> float | None:
        """Seconds of sleep until the instant; None when only a change of the clock can bring it."""
        ...

    async def refresh(self) -> None:
        """Return only when every instant set before this call is visible to `now`."""
        ...

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the clock is set."""
        ...


@lru_cache(maxsize=64)
def _instant(timestamp_ms: int) -> datetime:
    """Remembered, since the broker appends records by the hundred at one time."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


class SystemClock:
    """The machine's clock. A record arrived when the broker appended it, so that reading it again changes nothing."""

    _SLEEP_S_MAX = 30.0
    """A suspended or corrected machine clock is noticed within this time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def arrival(self, timestamp_ms: int) -> datetime:
        return _instant(timestamp_ms)

    def delay_s(self, instant: datetime | None) -> float | None:
        if instant is None:
            return self._SLEEP_S_MAX
        return min(max((instant - self.now()).total_seconds(), 0.0), self._SLEEP_S_MAX)

    async def refresh(self) -> None:
        return

    def on_change(self, wake: Callable[[], None]) -> None:
        return


class SteppedClock:
    """A clock that stands still until a driver sets it, shared by all processes over one topic.

    A step refreshes before it reads `now`, so whatever a driver sent after setting the clock is judged by that
    instant or a later one.
    """

    def __init__(self, consumer: AIOKafkaConsumer, asking: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._asking = asking
        """A connection of its own: a question behind a fetch that waits for records is answered when the fetch is."""
        self._now: datetime | None = None
        self._next_offset = 0
        self._changed = asyncio.Condition()
        self._wakers: list[Callable[[], None]] = []

    def now(self) -> datetime:
        assert self._now is not None, "stepped_clock() waits for the first instant"
        return self._now

    def arrival(self, timestamp_ms: int) -> datetime:
        return self.now()

    def delay_s(self, instant: datetime | None) -> float | None:
        return None

    def on_change(self, wake: Callable[[], None]) -> None:
        self._wakers.append(wake)

    async def refresh(self) -> None:
        end = (await self._asking.end_offsets([_CLOCK]))[_CLOCK]
        async with self._changed:
            await self._changed.wait_for(lambda: self._next_offset >= end)

    async def follow(self) -> None:
        """Take over every instant that the driver sets, for as long as the task lives."""
        async for record in self._consumer:
            assert record.value is not None
            async with self._changed:
                self._now = datetime.fromisoformat(record.value.decode())
                self._next_offset = record.offset + 1
                self._changed.notify_all()
            for wake in self._wakers:
                wake()

    async def first_instant(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._now is not None)


@contextlib.asynccontextmanager
async def open_clock(kind: str, bootstrap: str) -> AsyncIterator[Clock]:
    """The clock of a process: `system`, or `stepped`, which waits until a driver has set the first instant."""
    if kind == "system":
        yield SystemClock()
        return
    async with _started(bootstrap) as consumer, _started(bootstrap) as asking:
        end = (await asking.end_offsets([_CLOCK]))[_CLOCK]
        consumer.assign([_CLOCK])
        consumer.seek(_CLOCK, max(end - 1, 0))
        clock = SteppedClock(consumer, asking)
        following = asyncio.create_task(clock.follow())
        try:
            await clock.first_instant()
            yield clock
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


@contextlib.asynccontextmanager
async def _started(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def set_stepped_clock(producer: AIOKafkaProducer, instant: datetime) -> None:
    """Move the stepped clock of every process; the driver's part."""
    await producer.send_and_wait(CLOCK_TOPIC, instant.astimezone(UTC).isoformat().encode(), partition=0)
