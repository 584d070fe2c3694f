"""When a service's consumer fetches again: at once while there is much to read, and a moment later while there is
little.

A fetch costs the broker and the process the same however few records it brings, and so does the step of each shard that
follows on it: a transaction of Postgres, one of Kafka. A service that keeps up would have its machine busy with them,
each for an event or two, and then every event would wait for those of others. So what comes one by one is gathered for
a moment; an event that comes after a pause does not wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MUCH_BYTES = 128 * 1024
"""An answer with so much comes of a log that is behind, or fills a step by itself."""


@dataclass(slots=True)
class Rests:
    """`rest_s` is how long nothing is fetched after an answer with few records; 0 where each is wanted at once. All
    times are on one monotonic clock, in seconds."""

    rest_s: float = 0.0
    _answered_at: float = field(default=float("-inf"), init=False)
    _bytes: int = field(default=0, init=False)

    def sent(self) -> None:
        """A fetch went out."""
        self._bytes = 0

    def answered(self, size: int, now: float) -> None:
        """It brought so many bytes of a partition."""
        self._answered_at, self._bytes = now, self._bytes + size

    def left_s(self, now: float) -> float:
        """How long the next fetch has to wait."""
        if self._bytes >= MUCH_BYTES:
            return 0.0
        return max(0.0, self._answered_at + self.rest_s - now)
