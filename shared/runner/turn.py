"""How long one shard may hold the event loop before the others, and heartbeats, have their turn."""

from __future__ import annotations

import asyncio
import time


class Turn:
    """Whoever has it asks between two pieces of work: `if time.perf_counter() > turn.ends: await turn.give_way()`."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self.ends = time.perf_counter() + length_s
        """On the clock of `time.perf_counter`."""

    async def give_way(self) -> None:
        """Let the others go first; then the next turn begins."""
        await asyncio.sleep(0)
        self.ends = time.perf_counter() + self._length_s
