"""The records of one batch after the other: what can be read, once and in order, and `Unreadable` for what cannot.

No bytes can make it raise, and how much a batch becomes is bounded before any record of it is made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from aiokafka import TopicPartition

from shared.contracts.cloudevents import HEADERS_MAX, too_many_headers
from shared.contracts.faults import Code
from shared.kafka.batch import BATCH_HEADER_BYTES, Batch, OldMessage, delta_and_headers, end_of_record
from shared.kafka.codecs import UNPACKED_BYTES_MAX, BrokenError, UnpackedTooLargeError
from shared.kafka.halts import Halts
from shared.kafka.losses import Losses
from shared.kafka.rests import Rests
from shared.kafka.unreadable import Fetched, Unreadable

log = structlog.get_logger("kafka")

BROKERS_TIME = 1
"""The type of a time that the broker has set (LogAppendTime), as the platform makes its topics."""
CALL_BYTES_MAX = 4 * 1024 * 1024
"""One call makes no further record once those that it made have so many bytes. Without it, a fetch of 1 MiB of
compressed batches could become gigabytes in one call; 2,000 usual records have one or two MiB."""
_MADE_AT_ONCE_BYTES_MAX = 1280 * 1024
"""Larger batches are looked at record by record, so that a record's headers are counted before they are made: each
takes two bytes in the batch and some 80 in memory. No batch of this size comes without compression."""
BATCH_RECORDS_MAX = 100_000
"""A batch of more is answered whole. Each record costs an answer of its own, and half a million of nothing, 3 kB when
compressed, would hold their shard for more than a minute. No honest batch comes near: a topic takes 1 MiB, and in the
16 MiB that a batch may have unpacked so many records would have 167 bytes each, less than an event's envelope alone."""

_RECORD_WIRE_BYTES_MIN = 8
"""The records of a compressed batch are answered one by one only if they come in so many bytes each: a record's refusal
has some 270 bytes and is kept for thirty days, and 80 kB of nothing had become 27 MB of refusals. An event's id and its
account alone, which no codec can shrink, have more; and without compression even a record of nothing has seven."""


@dataclass(slots=True)
class Shared:
    """What the readers of one consumer share. `compacted` are topics whose logs have holes by design."""

    losses: Losses
    compacted: frozenset[str] = frozenset()
    room: int = CALL_BYTES_MAX
    drained: dict[TopicPartition, int] = field(default_factory=dict)
    """Where each partition stood before the call in hand took records of it."""
    halts: Halts = field(default_factory=Halts)
    rests: Rests = field(default_factory=Rests)
    with_senders_times: set[str] = field(default_factory=set)
    """Topics whose latest batch has its sender's times instead of the broker's."""

    def look_at_times(self, topic: str, timestamp_type: int) -> None:
        if timestamp_type != BROKERS_TIME:
            self.with_senders_times.add(topic)
        elif self.with_senders_times:
            self.with_senders_times.discard(topic)


class _NotOfThisBatchError(Exception):
    """A record says of itself that it lies where it cannot: outside its batch, or behind a record that is not there."""


class Records:
    """Where the reading of one partition stands, and the records of the batch that comes next."""

    def __init__(self, shared: Shared, partition: TopicPartition, offset: int) -> None:
        self._shared, self._tp = shared, partition
        self.next_offset = offset
        """Behind what was taken last."""
        self.is_large = False
        """Whether the batch in hand is looked at record by record, because of its size."""
        self._told_of = -1
        """The first offset of the batch of which the log was told last."""

    def of(self, packed: Batch) -> Iterator[Fetched]:
        self._shared.look_at_times(self._tp.topic, packed.library.timestamp_type)
        if packed.count > BATCH_RECORDS_MAX:
            what = f"The batch has more than {BATCH_RECORDS_MAX} records. Let your client write smaller batches."
            return self.unreadable(packed, packed.next_offset, Code.BATCH_TOO_LARGE, what)
        if packed.library.compression_type and len(packed.data) < packed.count * _RECORD_WIRE_BYTES_MIN:
            what = (
                f"The batch has {packed.count} records in {len(packed.data)} bytes, and {_RECORD_WIRE_BYTES_MIN} are "
                "needed for each. Let your client compress less, or send what is not all the same."
            )
            return self.unreadable(packed, packed.next_offset, Code.BATCH_TOO_LARGE, what)
        try:
            batch = packed.unpacked()
        except UnpackedTooLargeError:
            what = (
                f"Unpacked, the batch has more than {UNPACKED_BYTES_MAX} bytes. Let your client write smaller batches."
            )
            return self.unreadable(packed, packed.next_offset, Code.BATCH_TOO_LARGE, what)
        except BrokenError as error:
            what = f"The batch cannot be unpacked: {error}. Send its events again."
            return self.unreadable(packed, packed.next_offset, Code.UNREADABLE, what)
        if len(batch.data) > _MADE_AT_ONCE_BYTES_MAX:
            self.is_large = True
            return self._one_by_one(batch, 0)
        self._shared.room -= len(batch.data)
        return self._made_at_once(batch)

    def _made_at_once(self, batch: Batch) -> Iterator[Fetched]:
        tp, packing, seen = self._tp, batch.packing, 0
        try:
            for record in batch.library:
                if record.offset != self.next_offset and not self._is_ahead(batch, record.offset):
                    seen += 1
                    continue
                seen += 1
                if len(record.headers) > HEADERS_MAX:
                    yield from self._with_too_many_headers(batch, record.offset, len(record.headers))
                    continue
                made = _made(tp, record, packing)
                # Only now: whatever fails before leaves the record to be the next one.
                self.next_offset = record.offset + 1
                yield made
        except MemoryError:
            raise  # the machine's fault, which says nothing about the record
        except Exception:  # noqa: BLE001  # whatever the library raises for a record that it cannot read
            yield from self._one_by_one(batch, seen)
            return
        yield from self._rest(batch)

    def _one_by_one(self, batch: Batch, seen: int) -> Iterator[Fetched]:
        """Each record by itself, so that one that cannot be read costs no other; slower, and so for few batches."""
        at = BATCH_HEADER_BYTES
        for number in range(batch.count):
            end = end_of_record(batch.data, at)
            if end is None:
                what = "The records of the batch do not add up. Send its events again."
                yield from self.unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
                return
            if number >= seen:
                yield from self._record_alone(batch, number, at, end)
            if self.next_offset >= batch.next_offset:
                return
            at = end
        if at < len(batch.data):
            what = "The batch has more records than it says. Send its events again."
            yield from self.unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
            return
        yield from self._rest(batch)

    def _record_alone(self, batch: Batch, number: int, start: int, end: int) -> Iterator[Fetched]:
        # Until the record says it: clients count their records from 0.
        offset = batch.library.base_offset + number
        try:
            delta, headers = delta_and_headers(batch.data, start)
            offset = batch.library.base_offset + delta
            if offset != self.next_offset and not self._is_ahead(batch, offset):
                return
            if headers > HEADERS_MAX:
                yield from self._with_too_many_headers(batch, offset, headers)
                return
            made = _made(self._tp, batch.alone(start, end), batch.packing)
        except MemoryError:
            raise
        except _NotOfThisBatchError:
            what = "The records of the batch do not add up. Send its events again."
            yield from self.unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
        except UnicodeDecodeError:
            what = "The name of a header is not UTF-8; leave the header out."
            yield from self.unreadable(batch, offset + 1, Code.ENVELOPE_HEADER, what)
        except Exception:  # noqa: BLE001  # whatever the library raises for a record that it cannot read
            yield from self.unreadable(batch, offset + 1, Code.UNREADABLE, "The record is damaged. Send it again.")
        else:
            self.next_offset = offset + 1
            yield made

    def _with_too_many_headers(self, batch: Batch, offset: int, count: int) -> Iterator[Fetched]:
        fault = too_many_headers(count)
        return self.unreadable(batch, offset + 1, fault.code, fault.sentence)

    # -- what is not there, or not sound -------------------------------------------------------------------------------

    def _is_ahead(self, batch: Batch, offset: int) -> bool:
        """Whether a record that is not the next one is still to come; false for those that were taken before."""
        if not batch.library.base_offset <= offset < batch.next_offset:
            raise _NotOfThisBatchError
        if offset > self.next_offset:
            if batch.is_whole:
                # Its sender has numbered its records so. A broker does not look, and nothing is lost.
                raise _NotOfThisBatchError
            self.missing_before(offset)
        return offset == self.next_offset

    def _rest(self, batch: Batch) -> Iterator[Fetched]:
        """In the place of the positions at the end of a batch that none of its records has."""
        if self.next_offset < batch.next_offset and batch.is_whole:
            # Two records have said that they are the same one.
            what = "The records of the batch do not add up. Send its events again."
            yield from self.unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
        self.missing_before(batch.next_offset)

    def missing_before(self, offset: int) -> None:
        """Markers and aborted records are batches of a fetch like others, so a hole is compaction or a loss."""
        if offset <= self.next_offset:
            return
        if self._tp.topic not in self._shared.compacted:
            self._shared.losses.note(self._tp, "gap", self.next_offset, offset)
        self.next_offset = offset

    def old(self, message: OldMessage) -> Iterator[Fetched]:
        """In the place of an old message: its packed form has no bound, and no client of today writes one."""
        what = "The record has a message format from before Kafka 0.11. Send it again with a newer client."
        at_ms = _appended_ms(message.at_ms, 0)
        return self._aside(message.next_offset, Code.UNREADABLE, what, at_ms, message.next_offset - 1, 1)

    def unreadable(
        self, batch: Batch, behind: int, code: Code, what: str, *, is_sound: bool = True
    ) -> Iterator[Fetched]:
        """In the place of all records from the next one on to `behind`."""
        # What a damaged batch says of its time is noted for good, so it is believed no more than a sender.
        at_ms = _appended_ms(batch.library.max_timestamp, batch.library.timestamp_type if is_sound else 0)
        return self._aside(behind, code, what, at_ms, batch.library.base_offset, batch.count)

    def _aside(
        self, behind: int, code: Code, what: str, at_ms: int, batch_offset: int, count: int
    ) -> Iterator[Fetched]:
        first, tp = self.next_offset, self._tp
        if behind <= first:
            return
        if behind - first > 1:
            what = f"{what} This is said of {behind - first} records, from offset {first} to {behind - 1}."
        # Once for each batch: a batch of 3 kB may have 100,000 records, each of which has its answer.
        if batch_offset != self._told_of:
            self._told_of = batch_offset
            among = {"next": behind, "records_in_batch": count}
            log.warning("unreadable", topic=tp.topic, partition=tp.partition, first=first, **among, code=code)
        self.next_offset = behind
        yield Unreadable(tp.topic, tp.partition, first, behind, at_ms, code.value, what)


def _appended_ms(timestamp: int, timestamp_type: int) -> int:
    """The broker's time of the append. A topic that a broker has made by itself keeps what its senders say instead, and
    nothing that is here can have been appended before 1970 or will be appended later."""
    return timestamp if timestamp_type == BROKERS_TIME else max(0, min(timestamp, int(time.time() * 1000)))


class ReadRecord(msgspec.Struct, gc=False):
    """What is read of a record, by the names of the library's own class, which takes longer to make than a record to
    read, and more memory. It is no dataclass, as the library's is: `msgspec.structs.replace` copies it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    packing: float = 1.0
    """How many bytes came for each of its bytes: its batch may have been compressed."""

    @property
    def packed(self) -> int:
        """In how many bytes its value came."""
        return int(len(self.value or b"") * self.packing)


def _made(tp: TopicPartition, record: Any, packing: float) -> Fetched:
    kind, headers = record.timestamp_type, tuple(record.headers)
    at_ms = record.timestamp if kind == BROKERS_TIME else _appended_ms(record.timestamp, kind)
    return ReadRecord(tp.topic, tp.partition, record.offset, at_ms, kind, record.key, record.value, headers, packing)
