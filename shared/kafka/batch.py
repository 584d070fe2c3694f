"""The bytes of one batch, as the protocol lays them out (message format 2)."""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import decode_varint

from shared.kafka.codecs import unpack

_OFFSET_AND_LENGTH = struct.Struct(">qi")
_LENGTH_AT, _ATTRIBUTES_AT, _COUNT_AT, BATCH_HEADER_BYTES = 8, 21, 57, 61
_MAGIC_AT, _MAGIC = 16, 2
_OLD_HEADER = struct.Struct(">qiI")
_OLD_BODY_BYTES_MIN = 10
"""Magic, attributes, and the lengths of a key and a value that are not there."""
_CODEC_MASK = 0x07


class Batch:
    """One batch. `library` iterates over its records once it is uncompressed; `next_offset` is the position behind it,
    and `packing` how many bytes came for each of its bytes."""

    def __init__(self, data: bytes, came: int | None = None) -> None:
        self.data, self.packing = data, 1.0 if came is None else came / len(data)
        self.library = DefaultRecordBatch(data)
        self.next_offset: int = self.library.next_offset
        [self.count] = struct.unpack_from(">i", data, _COUNT_AT)

    @classmethod
    def at(cls, data: bytes, position: int) -> Batch | None:
        """The batch that begins there, or None where no whole one does: brokers cut a fetch off anywhere."""
        if len(data) - position < BATCH_HEADER_BYTES:
            return None
        _, length = _OFFSET_AND_LENGTH.unpack_from(data, position)
        end = position + _OFFSET_AND_LENGTH.size + length
        if not position + BATCH_HEADER_BYTES <= end <= len(data):
            return None
        return cls(data[position:end])

    @property
    def is_whole(self) -> bool:
        """Whether it has a record for each of its positions, as a broker takes it: then compaction has removed none."""
        return bool(self.count == self.next_offset - self.library.base_offset)

    @property
    def is_sound(self) -> bool:
        return bool(self.library.magic == _MAGIC and self.library.validate_crc())

    def unpacked(self) -> Batch:
        """This batch without its compression. Raises UnpackedTooLargeError and BrokenError."""
        if not self.library.compression_type:
            return self
        records = unpack(self.library.compression_type, self.data[BATCH_HEADER_BYTES:])
        return Batch(b"".join((self._header(len(records), self.count), records)), len(self.data))

    def alone(self, start: int, end: int) -> Any:
        """The one record between these indexes of `data`. Raises whatever the library raises if it cannot read it."""
        return next(DefaultRecordBatch(self._header(end - start, 1) + self.data[start:end]))

    def _header(self, records_bytes: int, count: int) -> bytes:
        header = bytearray(self.data[:BATCH_HEADER_BYTES])
        struct.pack_into(">i", header, _LENGTH_AT, BATCH_HEADER_BYTES - _OFFSET_AND_LENGTH.size + records_bytes)
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self.library.attributes & ~_CODEC_MASK)
        struct.pack_into(">i", header, _COUNT_AT, count)
        return bytes(header)


class OldMessage(NamedTuple):
    """A message in a format from before Kafka 0.11: one record, or several packed together, of which `next_offset` is
    behind the last. `at_ms` is 0 where the format has no time. `size` is in bytes."""

    next_offset: int
    at_ms: int
    size: int


def old_message(data: bytes, position: int) -> OldMessage | None:
    """The old message that begins there whole, or None where none does. No broker of today takes one, and each still
    gives out those that it has."""
    body = position + _MAGIC_AT
    if len(data) < body + _OLD_BODY_BYTES_MIN or data[body] >= _MAGIC:
        return None
    offset, length, checksum = _OLD_HEADER.unpack_from(data, position)
    end = position + _OFFSET_AND_LENGTH.size + length
    if not body + _OLD_BODY_BYTES_MIN <= end <= len(data) or zlib.crc32(data[body:end]) != checksum:
        return None
    has_time = data[body] == 1
    at_ms = int.from_bytes(data[body + 2 : body + 10], signed=True) if has_time else 0
    return OldMessage(offset + 1, at_ms, end - position)


def end_of_record(data: bytes, at: int) -> int | None:
    """Where the record that begins there ends, or None if that cannot be."""
    if at >= len(data):
        return None
    try:
        length, start = decode_varint(data, at)
    except ValueError:
        return None
    end: int = start + length
    return end if length > 0 and end <= len(data) else None


def delta_and_headers(data: bytes, at: int) -> tuple[int, int]:
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
