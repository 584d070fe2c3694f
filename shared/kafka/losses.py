"""Records that were sent and that this process never got: Kafka no longer has them, or never showed them.

There are none in a healthy deployment, so a single one is an alert. What was noted stays in readiness until the process
is started again: that is the operator's word that somebody has looked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import structlog
from aiokafka import TopicPartition

log = structlog.get_logger("kafka")

Reason = Literal["gap", "deleted"]
"""A hole in the offsets, which nothing in Kafka's own bookkeeping explains; or retention came before the reader."""
_SENTENCES: dict[Reason, str] = {
    "gap": "Kafka's log has a hole there, and nobody can read them",
    "deleted": "Kafka deleted them before they were read",
}


class Losses:
    """What one process has missed. `count(topic, reason, records)` keeps the metric."""

    def __init__(self, count: Callable[[str, Reason, int], None]) -> None:
        self._count = count
        self._noted: dict[TopicPartition, int] = {}
        """Up to where each partition's losses are known: a shard that reads again meets the same hole again."""
        self._records: dict[tuple[TopicPartition, Reason], tuple[int, int]] = {}
        """How many in all, and the lowest position."""

    def note(self, tp: TopicPartition, reason: Reason, first: int, behind: int) -> None:
        """The records `first` to `behind - 1` are lost."""
        first = max(first, self._noted.get(tp, 0))
        if first >= behind:
            return
        self._noted[tp] = behind
        before, earliest = self._records.get((tp, reason), (0, first))
        self._records[tp, reason] = (before + behind - first, min(earliest, first))
        self._count(tp.topic, reason, behind - first)
        log.error("records lost", topic=tp.topic, partition=tp.partition, reason=reason, first=first, next=behind)

    def other_log(self, tp: TopicPartition) -> None:
        """The topic was made again, or restored: the same offsets are of other records now, which may be lost too."""
        self._noted.pop(tp, None)

    def troubles(self) -> list[str]:
        """Sentences for readiness."""
        return [
            f"{tp.topic}/{tp.partition}: {count} records from offset {first} on were not read: "
            f"{_SENTENCES[reason]} (see RecordsLost in docs/operations.md; restarting the process confirms it)"
            for (tp, reason), (count, first) in sorted(self._records.items())
        ]
