"""Records read and not yet handled, for one shard, bounded by pausing what feeds it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain

from shared.contracts.cloudevents import HEADER_BYTES
from shared.kafka.unreadable import Fetched

_RECORD_BYTES = 512
"""What a record takes in memory beside its content: the object with eleven fields, and the heads of key and value."""


class Buffer:
    """A queue between the consumer, which hands over whatever it fetched, and the shard, which takes batches.

    Above `records_max` or `bytes_max` it asks once for a pause, and at half of both for a resumption: memory holds at
    most that much and one more call's worth of records.
    """

    def __init__(self, records_max: int, bytes_max: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._records: deque[tuple[Fetched, int]] = deque()
        """Each with its size, which is worked out once: it looks at every header."""
        self._in_hand: list[Fetched] = []
        self._bytes = 0
        self._records_max, self._bytes_max = records_max, bytes_max
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
        self._bytes += sum([size for _, size in sized])
        self.wake.set()
        if not self._paused and (len(self._records) > self._records_max or self._bytes > self._bytes_max):
            self._paused = True
            self._pause()

    def take(self, records_max: int) -> list[Fetched]:
        """The oldest records, at most so many and at most half of `bytes_max` (but one at least), without waiting.

        A call to `take` implies that the batch taken before has been handled.
        """
        batch: list[Fetched] = []
        room = self._bytes_max // 2
        while self._records and len(batch) < records_max:
            record, size = self._records[0]
            if batch and size > room:
                break
            room -= size
            self._bytes -= size
            batch.append(record)
            self._records.popleft()
        if self._paused and len(self._records) <= self._records_max // 2 and self._bytes <= self._bytes_max // 2:
            self._paused = False
            self._resume()
        self._in_hand = batch
        return batch

    def clear(self) -> None:
        self._records.clear()
        self._in_hand = []
        self._bytes = 0
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
        size += HEADER_BYTES + len(name) + len(content or b"")
    return size
