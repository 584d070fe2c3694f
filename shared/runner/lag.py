"""How far behind is each partition, and does one stand still although there is more to read? Times are arguments.

A client that is refused a partition retries for ever, and tells nobody but its log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import TopicPartition

from shared.kafka.unreadable import Fetched
from shared.runner.metrics import Metrics

STALLED_S = 20.0
"""Far longer than a broker's failover takes (12 s with its default of 9 s for a silent one)."""


class Lag(NamedTuple):
    """Of one partition: records not yet handled, and when the oldest of them was appended (Unix s), if it was read."""

    records: int
    oldest: float | None


def lag(end: int, position: int, handled: int, waiting: Fetched | None) -> Lag:
    """`end` is the log's, `position` the consumer's, `handled` the shard's; `waiting` the oldest record in memory."""
    if waiting is None and position >= end:
        # The end marker of a transaction has an offset and no record.
        handled = end
    return Lag(max(end - handled, 0), waiting.timestamp / 1000 if waiting else None)


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
            tp: before[tp] if tp in before and before[tp][0] == position else (position, now)
            for tp, position in waiting.items()
        }

    def troubles(self) -> list[str]:
        return [
            f"{tp.topic}/{tp.partition} cannot be read: "
            f"it has stood at offset {position} for {self._now - since:.0f} s, and there is more"
            for tp, (position, since) in sorted(self._since.items())
            if self._now - since >= STALLED_S
        ]


class LagGauges:
    """Shows the lag of the partitions that are here now. A partition that went to another process would otherwise keep
    its last lag for ever."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._behind_since: dict[TopicPartition, float] = {}
        """Since when a partition has records, if at first none of them was read (Unix s)."""

    def show(self, lags: Mapping[TopicPartition, Lag], now: float) -> None:
        """`now` in Unix seconds."""
        metrics, before = self._metrics, self._behind_since
        metrics.lag_records.clear()
        metrics.lag_seconds.clear()
        self._behind_since = {
            tp: before.get(tp, now) for tp, (n, oldest) in lags.items() if n and (oldest is None or tp in before)
        }
        for tp, (records, oldest) in lags.items():
            since = self._behind_since.get(tp, now) if oldest is None else oldest
            metrics.lag_records.labels(tp.topic, tp.partition).set(records)
            metrics.lag_seconds.labels(tp.topic, tp.partition).set(max(now - since, 0.0) if records else 0.0)
