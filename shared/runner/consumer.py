"""The Kafka consumer behind FastStream's subscription, made safe against one kind of poison."""

from __future__ import annotations

import time

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

log = structlog.get_logger("runner")

_UNREADABLE_HEADER = ("ce_\udcff", b"\xff")
"""Stands for a header whose name is not UTF-8: one of the envelope that no record can have, so it is refused."""


_APART_S = 1.0
"""How long each partition is read by itself after the last sign of an unreadable record."""


# The library has no types, so neither its class nor what `getmany` returns can be checked.
class TolerantConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Reads past records whose header names are not UTF-8.

    The library decodes header names while it reads and fails on such a record: what it had already read of other
    partitions in that call would be lost, and the call would fail again for ever. Any partner could stop ingest so.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._handed_out: dict[TopicPartition, int] = {}
        """Where the next record of each partition begins that nobody was given yet."""
        self._apart_until = 0.0
        self._readable: dict[TopicPartition, int] = {}
        """At most how many records of a partition come before its unreadable one."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        super().seek(partition, offset)
        self._handed_out[partition] = offset
        self._readable.pop(partition, None)

    # What it returns is the library's, which has no types.
    async def getmany(  # type: ignore[no-untyped-def]
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ):
        if time.monotonic() < self._apart_until:
            return await self._read_apart(max_records)
        try:
            found: dict[TopicPartition, list[ConsumerRecord]] = await super().getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
        except UnicodeDecodeError:
            log.warning("a record's header name is not UTF-8; looking for it")
            self._take_back()
            self._apart_until = time.monotonic() + _APART_S
            return {}
        self._hand_out(found)
        return found

    def _hand_out(self, found: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        for partition, records in found.items():
            self._handed_out[partition] = records[-1].offset + 1
            self._readable.pop(partition, None)

    def _take_back(self) -> None:
        """The failed call handed nothing out, so it may have passed over nothing.

        Seeks that were made while it waited are in `_handed_out`, and so are not undone.
        """
        assignment = self._subscription.subscription.assignment
        for partition in self.assignment():
            state, offset = assignment.state_value(partition), self._handed_out.get(partition)
            if offset is not None and state.has_valid_position and state.position > offset:
                self.seek(partition, offset)

    async def _read_apart(self, max_records: int | None) -> dict[TopicPartition, list[ConsumerRecord]]:
        """What is there of each partition, and a substitute for an unreadable record that is next in its own."""
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        for partition in sorted(self.assignment() - self.paused()):
            try:
                found.update(await super().getmany(partition, max_records=self._readable.get(partition, max_records)))
            except UnicodeDecodeError:
                self._apart_until = time.monotonic() + _APART_S
                # The position has stayed where it was, so nothing of this partition was passed over.
                position = await self.position(partition)
                unreadable = self._fetcher._records[partition]._partition_records.next_fetch_offset
                if unreadable > position:
                    self._readable[partition] = unreadable - position
                else:
                    self.seek(partition, unreadable + 1)
                    found[partition] = [_substitute(partition, unreadable)]
        self._hand_out(found)
        return found


def _substitute(partition: TopicPartition, offset: int) -> ConsumerRecord:
    """A record with the place of the unreadable one and a header that its service refuses."""
    now_ms = int(time.time() * 1000)
    headers = (_UNREADABLE_HEADER,)
    return ConsumerRecord(partition.topic, partition.partition, offset, now_ms, 1, None, b"", None, -1, 0, headers)
