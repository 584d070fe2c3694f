"""Records read and not yet handled, for one shard, bounded by pausing what feeds it.

What a process may have in memory at its worst, of all shards and partners together, in MiB, where the compose file
allows 512:

    100  before it has read anything
     96  records that wait or are in hand, GOODSTANDING_BUFFER_BYTES_MAX
     24  beyond that: one more call's worth for each shard, 4 MiB each (kafka.records.CALL_BYTES_MAX), here of six
     24  what was fetched and waits to be read (FETCHED_BYTES_MAX), and one answer more (fetch_max_bytes)
     48  a batch that is being opened, and the copies that are made of it (codecs.UNPACKED_BYTES_MAX)
     96  what is sent because of what is in hand: refusals repeat their events

The number of partners is in none of them. The number of shards in the process is in the third alone: a process that
has a hundred shards needs 400 MiB there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain

from shared.contracts.cloudevents import HEADER_MEMORY_BYTES
from shared.contracts.partition import PARTITIONS
from shared.kafka.unreadable import Fetched

_RECORD_BYTES = 512
"""What a record takes in memory beside its content, with some room: the object with eight fields, the heads of key and
value, its place here, and the message that it becomes."""


class Budget:
    """What all shards of a process may hold together, in bytes."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max, self.held = bytes_max, 0

    @property
    def is_spent(self) -> bool:
        return self.held > self.bytes_max


class Buffer:
    """A queue between the consumer, which hands over whatever it fetched, and the shard, which takes batches.

    Above `records_max` or its share of the budget it asks once for a pause, and at half of both for a resumption. While
    the budget of all is spent, a buffer that gets more asks for a pause that lasts until it is empty: so a shard that
    stands still with much in hand makes the others slower, and never stops them.
    """

    def __init__(self, records_max: int, budget: Budget, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._records: deque[tuple[Fetched, int]] = deque()
        """Each with its size, which is worked out once: it looks at every header."""
        self._in_hand: list[Fetched] = []
        self._bytes = self._bytes_in_hand = 0
        self._records_max, self._bytes_max = records_max, budget.bytes_max // PARTITIONS
        self._budget = budget
        self._pause, self._resume = pause, resume
        self._paused = False
        self.wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def oldest(self) -> Fetched | None:
        """The oldest record that is not handled yet, those taken last included."""
        return next(chain(self._in_hand, (record for record, _ in self._records)), None)

    def put(self, records: Sequence[Fetched]) -> None:
        sized = [(record, size_of(record)) for record in records]
        self._records.extend(sized)
        size = sum([size for _, size in sized])
        self._bytes += size
        self._budget.held += size
        self.wake.set()
        is_full = len(self._records) > self._records_max or self._bytes > self._bytes_max or self._budget.is_spent
        if is_full and not self._paused:
            self._paused = True
            self._pause()

    def take(self, records_max: int) -> list[Fetched]:
        """The oldest records, at most so many and at most half of its share (but one at least), without waiting.

        A call to `take` implies that the batch taken before has been handled.
        """
        self.handled()
        batch: list[Fetched] = []
        before, room = self._bytes, self._bytes_max // 2
        while self._records and len(batch) < records_max:
            record, size = self._records[0]
            if batch and size > room:
                break
            room -= size
            self._bytes -= size
            batch.append(record)
            self._records.popleft()
        self._bytes_in_hand = before - self._bytes
        is_low = len(self._records) <= self._records_max // 2 and self._bytes <= self._bytes_max // 2
        if self._paused and is_low and not (self._records and self._budget.is_spent):
            self._paused = False
            self._resume()
        self._in_hand = batch
        return batch

    def handled(self) -> None:
        """What was taken last is done. The next call of `take` says so too, but there is none while nothing arrives."""
        self._budget.held -= self._bytes_in_hand
        self._in_hand, self._bytes_in_hand = [], 0

    def clear(self) -> None:
        self._records.clear()
        self._in_hand = []
        self._budget.held -= self._bytes + self._bytes_in_hand
        self._bytes = self._bytes_in_hand = 0
        self._paused = False

    async def wait(self, timeout_s: float | None) -> None:
        """Until records come, somebody wakes the shard, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.wake.wait()
        self.wake.clear()


def size_of(record: Fetched) -> int:
    """About the bytes that a record takes in memory; a header costs them even when its name and content are empty."""
    size = _RECORD_BYTES + len(record.value or b"") + len(record.key or b"")
    for name, content in record.headers:
        size += HEADER_MEMORY_BYTES + len(name) + len(content or b"")
    return size
