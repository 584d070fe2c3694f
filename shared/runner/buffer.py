"""Records read and not yet handled, for one shard, bounded by pausing what feeds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from shared.runner.service import Record


class Buffer:
    """A queue between the consumer, which hands over whatever it fetched, and the shard, which takes batches.

    Above `records_max` it asks once for a pause, and at half of it for a resumption: memory holds at most that many
    records and one more fetch.
    """

    def __init__(self, records_max: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._records: deque[Record] = deque()
        self._records_max = records_max
        self._pause, self._resume = pause, resume
        self._paused = False
        self.wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    @property
    def oldest(self) -> Record | None:
        return self._records[0] if self._records else None

    def put(self, records: Sequence[Record]) -> None:
        self._records.extend(records)
        self.wake.set()
        if len(self._records) > self._records_max and not self._paused:
            self._paused = True
            self._pause()

    def take(self, records_max: int) -> list[Record]:
        """The oldest records, at most so many, without waiting."""
        batch = list(islice(self._records, records_max))
        for _ in batch:
            self._records.popleft()
        if self._paused and len(self._records) <= self._records_max // 2:
            self._paused = False
            self._resume()
        return batch

    def clear(self) -> None:
        self._records.clear()
        self._paused = False

    async def wait(self, timeout_s: float | None) -> None:
        """Until records come, somebody wakes the shard, or the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.wake.wait()
        except TimeoutError:
            pass
        self.wake.clear()
