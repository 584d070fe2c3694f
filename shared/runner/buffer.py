"""Records read and not yet handled, for one shard, bounded by pausing what feeds it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain

from shared.runner.service import Record


class Buffer:
    """A queue between the consumer, which hands over whatever it fetched, and the shard, which takes batches.

    Above `records_max` or `bytes_max` it asks once for a pause, and at half of both for a resumption: memory holds at
    most that much and one more fetch.
    """

    def __init__(self, records_max: int, bytes_max: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._records: deque[Record] = deque()
        self._in_hand: list[Record] = []
        self._bytes = 0
        self._records_max, self._bytes_max = records_max, bytes_max
        self._pause, self._resume = pause, resume
        self._paused = False
        self.wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def oldest(self) -> Record | None:
        """The oldest record that is not handled yet, those taken last included."""
        return next(chain(self._in_hand, self._records), None)

    def put(self, records: Sequence[Record]) -> None:
        self._records.extend(records)
        self._bytes += sum(map(_size, records))
        self.wake.set()
        if not self._paused and (len(self._records) > self._records_max or self._bytes > self._bytes_max):
            self._paused = True
            self._pause()

    def take(self, records_max: int) -> list[Record]:
        """The oldest records, at most so many and at most half of `bytes_max` (but one at least), without waiting.

        Whoever comes for more has handled what was taken before.
        """
        batch: list[Record] = []
        room = self._bytes_max // 2
        while self._records and len(batch) < records_max:
            size = _size(self._records[0])
            if batch and size > room:
                break
            room -= size
            self._bytes -= size
            batch.append(self._records.popleft())
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


def _size(record: Record) -> int:
    return len(record.value or b"") + len(record.key or b"")
