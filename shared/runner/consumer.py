"""The Kafka consumer behind FastStream's subscription, made safe against one kind of poison."""

from __future__ import annotations

import time

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

log = structlog.get_logger("runner")

UNREADABLE_HEADER = "\udcff"
"""Name of the header that stands for one whose own name is not UTF-8; no real header can have it."""


class TolerantConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Reads past records whose header names are not UTF-8.

    The library decodes header names while it reads and fails on such a record: what it had already read of other
    partitions in that call would be lost, and the call would fail again for ever. Any partner could stop ingest so.
    """

    async def getmany(  # type: ignore[no-untyped-def]
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ):
        before = {tp: self._subscription.subscription.assignment.state_value(tp) for tp in self.assignment()}
        positions = {tp: state.position for tp, state in before.items() if state.has_valid_position}
        try:
            return await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        except UnicodeDecodeError:
            log.warning("a record's header name is not UTF-8; reading one by one")
        # Nothing was handed out, so nothing may be passed over.
        for tp, position in positions.items():
            if tp in self.assignment():
                self.seek(tp, position)
        return await self._one_by_one(timeout_ms)

    async def _one_by_one(self, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """The next record of one partition, or a substitute for it when it is the unreadable one."""
        for tp in sorted(self.assignment() - self.paused()):
            try:
                found: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(
                    tp, timeout_ms=timeout_ms, max_records=1
                )
                if found:
                    return found
            except UnicodeDecodeError:
                offset = await self.position(tp)
                self.seek(tp, offset + 1)
                return {tp: [_substitute(tp, offset)]}
        return {}


def _substitute(tp: TopicPartition, offset: int) -> ConsumerRecord:
    """A record with the place of the unreadable one and a header that its service refuses."""
    now_ms = int(time.time() * 1000)
    headers = ((UNREADABLE_HEADER, b""),)
    return ConsumerRecord(tp.topic, tp.partition, offset, now_ms, 1, None, None, None, -1, -1, headers)
