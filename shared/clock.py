"""The only source of "now" for every service: the system's clock, or one that is led: in demos, in tests, and while a
new deployment loads its past (decision 0040)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.contracts.topics import CLOCK_TOPIC
from shared.kafka import clients
from shared.kafka.connection import Kafka
from shared.trust import ClockDoubtError, TrustedTime, machine_time

log = structlog.get_logger("clock")

_CLOCK = TopicPartition(CLOCK_TOPIC, 0)
PAST_IS_CLOSED = b"live"
"""What is appended in place of an instant when a deployment goes live: nobody decides by this clock any more."""
_CLOSED_SENTENCE = (
    "The past of this platform is closed, and this process still goes by the clock of the loading: start it with"
    " GOODSTANDING_CLOCK=system."
)
_UNREAD_SENTENCE = (
    f"What was set last on {CLOCK_TOPIC} cannot be read, and nothing is decided by an earlier time. See what runs:"
    " goodstanding doctor"
)
_PATIENCE_S = 10.0
"""An instant is one small record, which is here within moments, as is the broker's word that there is none. The library
would wait four times as long for that, while its shards say nothing."""
_FOLLOW_AGAIN_S = 0.5


class Clock(Protocol):
    """Instants are aware and in UTC."""

    def now(self) -> datetime: ...

    def arrival(self, timestamp_ms: int) -> datetime:
        """The instant at which a record counts as received, given the broker's append time in milliseconds."""
        ...

    def broker_ms(self) -> float:
        """No later than what the broker's own clock shows now, in milliseconds."""
        ...

    def delay_s(self, instant: datetime | None) -> float | None:
        """Seconds of sleep until the instant; None when only a change of the clock can bring it."""
        ...

    async def refresh(self) -> None:
        """Return only when every instant set before this call is visible to `now`."""
        ...

    def waking(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """While it lasts, `wake` is called whenever the clock is set."""
        ...


@lru_cache(maxsize=64)
def _instant(timestamp_ms: int) -> datetime:
    """Remembered, since the broker appends records by the hundred at one time."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


class SystemClock:
    """The machine's clock. A record arrived when the broker appended it, so that reading it again changes nothing; one
    that was appended while the broker's clock showed a later time arrives when it is read."""

    _SLEEP_S_MAX = 30.0
    """A suspended or corrected machine clock is noticed within this time."""

    def __init__(self, time: TrustedTime) -> None:
        self.time = time

    def now(self) -> datetime:
        """Raises ClockDoubtError while the machine's clock is not to be trusted."""
        return self.time.now()

    def arrival(self, timestamp_ms: int) -> datetime:
        return self.time.at_most_now(_instant(timestamp_ms))

    def broker_ms(self) -> float:
        return self.time.broker_shows().timestamp() * 1000

    def delay_s(self, instant: datetime | None) -> float | None:
        if instant is None:
            return self._SLEEP_S_MAX
        return min(max((instant - self.now()).total_seconds(), 0.0), self._SLEEP_S_MAX)

    async def refresh(self) -> None:
        """Raises ClockDoubtError, so that no step begins."""
        self.time.now()

    def waking(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


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
        self._settings: list[tuple[int, datetime]] = []
        """Each instant that was set, and when the broker took it (ms): a record read again arrived when it did."""
        self._next_offset = 0
        self._closed = False
        self._changed = asyncio.Condition()
        self._wakers: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Raises ClockDoubtError once the past is closed."""
        self._raise_closed()
        assert self._now is not None, "open_clock() waits for the first instant"
        return self._now

    def _raise_closed(self) -> None:
        if self._closed:
            raise ClockDoubtError(_CLOSED_SENTENCE)

    def arrival(self, timestamp_ms: int) -> datetime:
        """What the clock showed when the broker appended the record."""
        at = bisect_right(self._settings, timestamp_ms, key=lambda setting: setting[0])
        return self._settings[at - 1][1] if at else self.now()

    def broker_ms(self) -> float:
        """The machine's, since nobody compares clocks while one is led."""
        return time.time() * 1000

    def delay_s(self, instant: datetime | None) -> float | None:
        return None

    @contextlib.contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        self._wakers.append(wake)
        try:
            yield
        finally:
            self._wakers.remove(wake)

    async def refresh(self) -> None:
        """Raises ClockDoubtError, also where what was set before cannot be read."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                end = (await self._asking.end_offsets([_CLOCK]))[_CLOCK]
                async with self._changed:
                    await self._changed.wait_for(lambda: self._next_offset >= end)
        except TimeoutError:
            raise ClockDoubtError(_UNREAD_SENTENCE) from None
        self._raise_closed()

    async def follow(self) -> None:
        """Take over every instant that the driver sets, for as long as the task lives."""
        while True:
            try:
                await self._follow()
            except (Exception, asyncio.CancelledError) as error:
                if clients.is_cancelled():
                    raise
                # Every shard waits for what is set, so nothing that a client lets out may end the following.
                log.warning("the led clock is followed again after a failure", exc_info=error)
            await asyncio.sleep(_FOLLOW_AGAIN_S)

    async def _follow(self) -> None:
        async for record in self._consumer:
            assert record.value is not None
            async with self._changed:
                if record.value == PAST_IS_CLOSED:
                    self._closed = True
                else:
                    self._now = datetime.fromisoformat(record.value.decode())
                    self._settings.append((record.timestamp, self._now))
                self._next_offset = record.offset + 1
                self._changed.notify_all()
            for wake in self._wakers:
                wake()

    async def first_instant(self, end: int) -> None:
        """Return when an instant is known, and all that was set before `end` is."""
        async with self._changed:
            await self._changed.wait_for(lambda: (self._now is not None or self._closed) and self._next_offset >= end)


@contextlib.asynccontextmanager
async def open_clock(kind: str, kafka: Kafka, tolerance_s: float) -> AsyncIterator[Clock]:
    """The clock of a process: `system`, which is in doubt until somebody has compared it, or `stepped` and `loading`,
    which wait until a driver has set the first instant."""
    if kind == "system":
        yield SystemClock(TrustedTime(tolerance_s, wall=machine_time, steady_s=time.monotonic))
        return
    async with _started(kafka) as consumer, _started(kafka) as asking:
        end = (await asking.end_offsets([_CLOCK]))[_CLOCK]
        consumer.assign([_CLOCK])
        # From the beginning: what was appended under an earlier instant may be read again.
        first = (await asking.beginning_offsets([_CLOCK]))[_CLOCK]
        consumer.seek(_CLOCK, first)
        clock = SteppedClock(consumer, asking)
        following = asyncio.create_task(clock.follow())
        try:
            await clock.first_instant(end)
            yield clock
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


@contextlib.asynccontextmanager
async def _started(kafka: Kafka) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = clients.consumer(kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def set_stepped_clock(producer: AIOKafkaProducer, instant: datetime) -> None:
    """Move the stepped clock of every process; the driver's part."""
    await producer.send_and_wait(CLOCK_TOPIC, instant.astimezone(UTC).isoformat().encode(), partition=0)


async def close_led_clock(producer: AIOKafkaProducer) -> None:
    """No process decides anything by the led clock from now on."""
    await producer.send_and_wait(CLOCK_TOPIC, PAST_IS_CLOSED, partition=0)
