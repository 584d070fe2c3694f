"""Partitions that do not go on although there is something to read, whatever the reason: pure, time is an argument.

A client that is refused a partition retries for ever, and tells nobody but its log.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition

STALLED_S = 20.0
"""Far longer than a broker's failover takes (12 s with its default of 9 s for a silent one)."""


class Stalls:
    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int, float]] = {}
        """Where each partition stands, and since when."""
        self._now = 0.0

    def look(self, waiting: Mapping[TopicPartition, int], now: float) -> None:
        """`waiting` are the positions of the partitions that are read and not at their end; `now` in seconds."""
        self._now = now
        before = self._since
        self._since = {
            place: before[place] if place in before and before[place][0] == position else (position, now)
            for place, position in waiting.items()
        }

    def troubles(self) -> list[str]:
        return [
            f"{place.topic}/{place.partition} cannot be read: "
            f"it has stood at offset {position} for {self._now - since:.0f} s, and there is more"
            for place, (position, since) in sorted(self._since.items())
            if self._now - since >= STALLED_S
        ]
