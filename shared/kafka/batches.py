"""What a fetch brought of one partition, batch by batch. Nothing in it can raise, and nothing of it is unbounded.

The library reads a whole fetch as one stream of records. One batch that it cannot read ends its call, after it has
already moved the positions of what it had taken from other partitions. Here a batch, or one record of it, that cannot
be read becomes an `Unreadable` in its place, and the next one follows. How much a batch becomes is bounded before any
record of it is made.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import decode_varint

from shared.contracts.cloudevents import HEADER_BYTES, HEADERS_MAX, too_many_headers
from shared.contracts.faults import Code
from shared.kafka.codecs import UNPACKED_BYTES_MAX, BrokenError, UnpackedTooLargeError, unpack
from shared.kafka.losses import Losses
from shared.kafka.unreadable import Fetched, Unreadable

log = structlog.get_logger("kafka")

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
FETCHED_BYTES_MAX = 16 * 1024 * 1024
"""No more is fetched while so much waits, as it came, to be read, of all partitions together."""

# A batch, as the protocol lays it out (message format 2).
_OFFSET_AND_LENGTH = struct.Struct(">qi")
_LENGTH_AT, _ATTRIBUTES_AT, _COUNT_AT, _HEADER_BYTES = 8, 21, 57, 61
_MAGIC = 2
_CODEC_MASK = 0x07


@dataclass(slots=True)
class Notes:
    """What the readers of one consumer share. `compacted` are topics whose logs have holes by design."""

    losses: Losses
    compacted: frozenset[str] = frozenset()
    room: int = CALL_BYTES_MAX
    drained: dict[TopicPartition, int] = field(default_factory=dict)
    """Where each partition stood before the call in hand took records of it."""


class _NotOfThisBatchError(Exception):
    """A record says of itself that it lies outside its batch: the bytes before it were no record."""


class FetchedBytes:
    """In the place of the library's MemoryRecords, which would cut the bytes into batches and keep them to itself."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""

    def has_next(self) -> bool:
        return bool(self.data)

    def size_in_bytes(self) -> int:
        return len(self.data)


class Batch:
    """One batch, uncompressed. `library` iterates over its records; `next_offset` is the position behind it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.library = DefaultRecordBatch(data)
        self.next_offset: int = self.library.next_offset
        [self.count] = struct.unpack_from(">i", data, _COUNT_AT)

    @classmethod
    def at(cls, data: bytes, position: int) -> Batch | None:
        """The batch that begins there, or None where no whole one does: brokers cut a fetch off anywhere."""
        if len(data) - position < _HEADER_BYTES:
            return None
        _, length = _OFFSET_AND_LENGTH.unpack_from(data, position)
        end = position + _OFFSET_AND_LENGTH.size + length
        if not position + _HEADER_BYTES <= end <= len(data):
            return None
        return cls(data[position:end])

    @property
    def is_sound(self) -> bool:
        return bool(self.library.magic == _MAGIC and self.library.validate_crc())

    def unpacked(self) -> Batch:
        """This batch without its compression. Raises UnpackedTooLargeError and BrokenError."""
        if not self.library.compression_type:
            return self
        records = unpack(self.library.compression_type, self.data[_HEADER_BYTES:])
        return Batch(b"".join((self._header(len(records), self.count), records)))

    def alone(self, start: int, end: int) -> Any:
        """The one record between these places. Raises whatever the library raises for a record that it cannot read."""
        return next(DefaultRecordBatch(self._header(end - start, 1) + self.data[start:end]))

    def _header(self, records_bytes: int, count: int) -> bytes:
        header = bytearray(self.data[:_HEADER_BYTES])
        struct.pack_into(">i", header, _LENGTH_AT, _HEADER_BYTES - _OFFSET_AND_LENGTH.size + records_bytes)
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self.library.attributes & ~_CODEC_MASK)
        struct.pack_into(">i", header, _COUNT_AT, count)
        return bytes(header)


class PartitionReader(PartitionRecords):  # type: ignore[misc]
    """The records of one fetch, at most so many at a time; `next_fetch_offset` is always behind what was taken last.

    The base class has the bookkeeping of aborted transactions, and a stream of records that is not used.
    """

    def __init__(self, notes: Notes, place: TopicPartition, records: FetchedBytes, *library: Any) -> None:
        super().__init__(place, records, *library)
        self.notes = notes
        self.exhausted = False
        self.data = records.data
        self._at = 0
        self._open: Iterator[Fetched] = iter(())
        self._open_at = 0
        self._is_large = False

    def take(self, count: int) -> list[Fetched]:
        """The next records; fewer than `count` when the fetch is exhausted or the call has no room for more batches."""
        taken = self._of_open(count)
        while len(taken) < count and self.notes.room > 0 and not self.exhausted:
            self._is_large = False
            self._open = self._next_batch()
            taken.extend(self._of_open(count - len(taken)))
        return taken

    def _of_open(self, count: int) -> list[Fetched]:
        """Of the open batch. A large one may have more than the call has room for: it is opened again by the next call,
        so that it takes no memory while others have their turn."""
        if not self._is_large:
            return list(islice(self._open, count))
        taken: list[Fetched] = []
        while len(taken) < count and self.notes.room > 0 and (record := next(self._open, None)) is not None:
            headers = HEADER_BYTES * len(record.headers)
            self.notes.room -= len(record.key or b"") + len(record.value or b"") + headers
            taken.append(record)
        if self.notes.room <= 0:
            self._at = self._open_at
            self.close()
        return taken

    def close(self) -> None:
        """Let go of the open batch at once: the generator holds the reader, so that only the collector would."""
        self._open = iter(())

    def _next_batch(self) -> Iterator[Fetched]:
        batch = Batch.at(self.data, self._at)
        if batch is None:
            self.exhausted = True
            return iter(())
        self._open_at = self._at
        self._at += len(batch.data)
        if not batch.is_sound:
            return self._damaged(batch)
        self._missing_before(batch.library.base_offset)
        if self._is_passed_over(batch):
            self.next_fetch_offset = batch.next_offset
            return iter(())
        return self._records_of(batch)

    def _is_passed_over(self, batch: Batch) -> bool:
        """Transactions' markers, and what was aborted: as in the library."""
        given = batch.library
        if self._isolation_level == READ_COMMITTED and given.producer_id is not None:
            self._consume_aborted_up_to(given.base_offset)
            if given.is_control_batch and self._contains_abort_marker(given):
                self._aborted_producers.discard(given.producer_id)
            if given.is_transactional and given.producer_id in self._aborted_producers:
                return True
        return bool(given.is_control_batch)

    # -- a sound batch -------------------------------------------------------------------------------------------------

    def _records_of(self, packed: Batch) -> Iterator[Fetched]:
        if packed.count > BATCH_RECORDS_MAX:
            what = f"The batch has more than {BATCH_RECORDS_MAX} records. Let your client write smaller batches."
            return self._unreadable(packed, packed.next_offset, Code.BATCH_TOO_LARGE, what)
        try:
            batch = packed.unpacked()
        except UnpackedTooLargeError:
            what = (
                f"Unpacked, the batch has more than {UNPACKED_BYTES_MAX} bytes. Let your client write smaller batches."
            )
            return self._unreadable(packed, packed.next_offset, Code.BATCH_TOO_LARGE, what)
        except BrokenError as error:
            what = f"The batch cannot be unpacked: {error}. Send its events again."
            return self._unreadable(packed, packed.next_offset, Code.UNREADABLE, what)
        if len(batch.data) > _MADE_AT_ONCE_BYTES_MAX:
            self._is_large = True
            return self._one_by_one(batch, 0)
        self.notes.room -= len(batch.data)
        return self._made_at_once(batch)

    def _made_at_once(self, batch: Batch) -> Iterator[Fetched]:
        place, seen = self._tp, 0
        try:
            for record in batch.library:
                if record.offset != self.next_fetch_offset and not self._is_ahead(batch, record.offset):
                    seen += 1
                    continue
                seen += 1
                if len(record.headers) > HEADERS_MAX:
                    yield from self._with_too_many_headers(batch, record.offset, len(record.headers))
                    continue
                self.next_fetch_offset = record.offset + 1
                yield _consumer_record(place, record)
        except Exception:  # noqa: BLE001 (whatever the library raises for a record that it cannot read)
            yield from self._one_by_one(batch, seen)
            return
        self._missing_before(batch.next_offset)

    def _one_by_one(self, batch: Batch, seen: int) -> Iterator[Fetched]:
        """Each record by itself, so that one that cannot be read costs no other; slower, and so for few batches."""
        at = _HEADER_BYTES
        for number in range(batch.count):
            end = _end_of_record(batch.data, at)
            if end is None:
                what = "The records of the batch do not add up. Send its events again."
                yield from self._unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
                return
            if number >= seen:
                yield from self._record_alone(batch, number, at, end)
            if self.next_fetch_offset >= batch.next_offset:
                return
            at = end
        self._missing_before(batch.next_offset)

    def _record_alone(self, batch: Batch, number: int, start: int, end: int) -> Iterator[Fetched]:
        # Until the record says it: clients count their records from 0.
        offset = batch.library.base_offset + number
        try:
            delta, headers = _delta_and_headers(batch.data, start)
            offset = batch.library.base_offset + delta
            if offset != self.next_fetch_offset and not self._is_ahead(batch, offset):
                return
            if headers > HEADERS_MAX:
                yield from self._with_too_many_headers(batch, offset, headers)
                return
            record = batch.alone(start, end)
        except _NotOfThisBatchError:
            what = "The records of the batch do not add up. Send its events again."
            yield from self._unreadable(batch, batch.next_offset, Code.UNREADABLE, what)
        except UnicodeDecodeError:
            what = "The name of a header is not UTF-8; leave the header out."
            yield from self._unreadable(batch, offset + 1, Code.ENVELOPE_HEADER, what)
        except Exception:  # noqa: BLE001 (whatever the library raises for a record that it cannot read)
            yield from self._unreadable(batch, offset + 1, Code.UNREADABLE, "The record is damaged. Send it again.")
        else:
            self.next_fetch_offset = offset + 1
            yield _consumer_record(self._tp, record)

    def _with_too_many_headers(self, batch: Batch, offset: int, count: int) -> Iterator[Fetched]:
        fault = too_many_headers(count)
        return self._unreadable(batch, offset + 1, fault.code, fault.sentence)

    # -- what is not there, or not sound -------------------------------------------------------------------------------

    def _is_ahead(self, batch: Batch, offset: int) -> bool:
        """Whether a record that is not the next one is still to come; false for those that were taken before."""
        if not batch.library.base_offset <= offset < batch.next_offset:
            raise _NotOfThisBatchError
        self._missing_before(offset)
        return offset == self.next_fetch_offset

    def _missing_before(self, offset: int) -> None:
        """Markers and aborted records are batches of a fetch like others, so a hole is compaction or a loss."""
        if offset <= self.next_fetch_offset:
            return
        if self._tp.topic not in self.notes.compacted:
            self.notes.losses.note(self._tp, "gap", self.next_fetch_offset, offset)
        self.next_fetch_offset = offset

    def _damaged(self, batch: Batch) -> Iterator[Fetched]:
        """A batch with a wrong checksum: what it says of itself may be wrong too, also which producer it is of.

        So nothing behind it is read with it, but fetched again. Where it cannot be told where the batch ends, the
        position stays, and readiness says that the partition does not go on.
        """
        self.exhausted = True
        following = Batch.at(self.data, self._at)
        if following is not None and following.is_sound:
            behind = following.library.base_offset
        elif batch.count == batch.next_offset - batch.library.base_offset:
            behind = batch.next_offset
        else:
            log.error("a damaged batch has no end", topic=self._tp.topic, partition=self._tp.partition)
            return iter(())
        what = "The batch is damaged: its checksum is wrong. Send its events again."
        return self._unreadable(batch, behind, Code.UNREADABLE, what)

    def _unreadable(self, batch: Batch, behind: int, code: Code, what: str) -> Iterator[Fetched]:
        """In the place of all records from the next one on to `behind`."""
        first, place = self.next_fetch_offset, self._tp
        if behind <= first:
            return
        if behind - first > 1:
            what = f"{what} This is said of {behind - first} records, from offset {first} to {behind - 1}."
        log.warning("unreadable", topic=place.topic, partition=place.partition, first=first, next=behind, code=code)
        self.next_fetch_offset = behind
        yield Unreadable(place.topic, place.partition, first, behind, batch.library.max_timestamp, code.value, what)


class Result(FetchResult):  # type: ignore[misc]
    """What the fetcher keeps of a fetch until it is taken: the library's, which takes records by the reader's rules."""

    _partition_records: Any

    @property
    def waiting_bytes(self) -> int:
        """What it holds as it came, all of it until the last is taken."""
        reader: PartitionReader | None = self._partition_records
        return len(reader.data) if reader is not None else 0

    def getall(self, max_records: int | None = None) -> list[Fetched]:
        reader: PartitionReader | None = self._partition_records
        if reader is None:
            return []
        if not self.check_assignment(self._topic_partition):
            reader.close()
            return []
        reader.notes.drained.setdefault(self._topic_partition, reader.next_fetch_offset)
        taken = reader.take(max_records or sys.maxsize)
        self._update_position()
        if reader.exhausted:
            self._partition_records = None
        return taken


def _consumer_record(place: TopicPartition, record: Any) -> Fetched:
    key, value = record.key, record.value
    return ConsumerRecord(
        place.topic,
        place.partition,
        record.offset,
        record.timestamp,
        record.timestamp_type,
        key,
        value,
        record.checksum,
        -1 if key is None else len(key),
        -1 if value is None else len(value),
        tuple(record.headers),
    )


def _end_of_record(data: bytes, at: int) -> int | None:
    """Where the record that begins there ends, or None if that cannot be."""
    if at >= len(data):
        return None
    try:
        length, start = decode_varint(data, at)
    except ValueError:
        return None
    end: int = start + length
    return end if length > 0 and end <= len(data) else None


def _delta_and_headers(data: bytes, at: int) -> tuple[int, int]:
    """The record's offset within its batch and the number of its headers. Raises ValueError.

    The library's reader of numbers does not look where the bytes end; it stops at the zero that Python keeps there.
    """
    for _ in range(3):  # length, attributes, time
        _, at = decode_varint(data, at)
    delta, at = decode_varint(data, at)
    for _ in range(2):  # key, value
        length, at = decode_varint(data, at)
        at += max(length, 0)
        if at >= len(data):
            raise ValueError("a key or value beyond the end")
    headers, _ = decode_varint(data, at)
    return delta, headers
