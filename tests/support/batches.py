"""Batches of records as bytes, good ones and such as no well-behaved client or broker writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_BASE_AT, _CRC_AT, _ATTRIBUTES_AT, _DELTA_AT, _COUNT_AT, _HEADER_BYTES = 0, 17, 21, 23, 57, 61

Given = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Key, value and headers of a record."""


def batch(
    records: Sequence[Given],
    *,
    base: int = 0,
    codec: str = "none",
    producer: int = -1,
    transactional: bool = False,
    at_ms: int = 1_700_000_000_000,
) -> bytes:
    """A sound batch that begins at the offset `base`; its records are a millisecond apart, the first at `at_ms`."""
    epoch = 0 if producer >= 0 else -1
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], int(transactional), producer, epoch, 0, 1 << 30)
    for number, (key, value, headers) in enumerate(records):
        builder.append(number, at_ms + number, key, value, list(headers))
    return at_offset(bytes(builder.build()), base)


def at_offset(data: bytes, base: int) -> bytes:
    return struct.pack(">q", base) + data[8:]


def ones(values: Sequence[bytes], **options: Any) -> bytes:
    return batch([(b"k", value, ()) for value in values], **options)


def numbered(values: Sequence[bytes], numbers: Sequence[int], *, base: int = 0) -> bytes:
    """With numbers of its sender's own choice for the records, of which a broker counts only how many there are."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 30)
    for number, value in zip(numbers, values, strict=True):
        builder.append(number, 1_700_000_000_000, b"k", value, [])
    return resealed(at_offset(bytes(builder.build()), base), delta=len(values) - 1)


def appended(data: bytes) -> bytes:
    """The same batch, and it says that the broker has set its time."""
    changed = bytearray(data)
    changed[_ATTRIBUTES_AT + 1] |= 0x08
    return resealed(bytes(changed))


def damaged(data: bytes) -> bytes:
    """One bit of the records is another, as on a disk that fails: the checksum does not fit."""
    return data[:-1] + bytes([data[-1] ^ 1])


def resealed(data: bytes, payload: bytes | None = None, *, codec: str | None = None, **header: int) -> bytes:
    """With other records, or other words in its header, and a checksum that fits."""
    changed = bytearray(data[:_HEADER_BYTES] + (data[_HEADER_BYTES:] if payload is None else payload))
    struct.pack_into(">i", changed, 8, len(changed) - 12)
    if codec is not None:
        [attributes] = struct.unpack_from(">h", changed, _ATTRIBUTES_AT)
        struct.pack_into(">h", changed, _ATTRIBUTES_AT, attributes & ~7 | CODECS.get(codec, 5))
    for name, place in (("delta", _DELTA_AT), ("count", _COUNT_AT)):
        if name in header:
            struct.pack_into(">i", changed, place, header[name])
    struct.pack_into(">I", changed, _CRC_AT, crc32c(bytes(changed[_ATTRIBUTES_AT:])))
    return bytes(changed)


def payload_of(data: bytes) -> bytes:
    return data[_HEADER_BYTES:]


def with_header_name(data: bytes, name: bytes, bad: bytes) -> bytes:
    """With other bytes, as many, in the place of a header's name: the client's own builder takes text only."""
    assert len(name) == len(bad)
    assert name in data
    return resealed(data.replace(name, bad))


def control(base: int, producer: int, *, abort: bool) -> bytes:
    """A transaction's marker."""
    key = ABORT if abort else struct.pack(">hh", 0, 1)
    return as_control(batch([(key, struct.pack(">hi", 0, 0), ())], base=base, producer=producer))


ABORT = struct.pack(">hh", 0, 0)
"""The key of the marker that ends a transaction whose records do not count."""


def as_control(data: bytes) -> bytes:
    """The same batch, and it says of itself that it is a transaction's marker."""
    changed = bytearray(data)
    [attributes] = struct.unpack_from(">h", changed, _ATTRIBUTES_AT)
    struct.pack_into(">h", changed, _ATTRIBUTES_AT, attributes | 0x30)
    return resealed(bytes(changed))


def old(values: Sequence[bytes], *, magic: int, base: int = 0, codec: str = "none") -> list[bytes]:
    """Messages of a format from before Kafka 0.11, the first at the offset `base`; with a codec all of them in one."""
    made = []
    for number, group in enumerate([values] if codec != "none" else [[value] for value in values]):
        builder = LegacyRecordBatchBuilder(magic, CODECS[codec], 1 << 30)
        for inner, value in enumerate(group):
            builder.append(inner, timestamp=1_700_000_000_000 if magic else None, key=b"k", value=value)
        made.append(at_offset(bytes(builder.build()), base + number))
    return made
