"""Kafka's four codecs, unpacked into at most so many bytes: 3 kB on the wire can be gigabytes when unpacked.

The client library's own functions have no bound. `zlib` and `cramjam` write into what they are given and stop there,
so a bomb costs no more than an honest batch.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import cramjam

UNPACKED_BYTES_MAX = 16 * 1024 * 1024
"""One batch, unpacked. A topic takes 1 MiB on the wire, and events in JSON shrink to an eighth or a tenth, so no honest
batch comes near; and a process has room for several at once."""
ZSTD = 4
"""Its number in a batch's attributes."""
_FIRST_ROOM = 64 * 1024
_FACTOR = 8
"""A batch is unpacked into eight times its size first, and into eight times more as long as that is too small."""
_GZIP_MEMBERS_MAX = 16
"""Clients write one. Each costs a copy of what follows it, so a million tiny ones would cost minutes."""
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_BLOCK_LENGTH = struct.Struct(">i")
_NO_ROOM = "failed to write whole buffer"

Unpack: TypeAlias = Callable[[bytes, int], bytes | memoryview]


class UnpackedTooLargeError(Exception):
    """The batch is over the bound; how far over is not known, since nobody unpacks the rest."""


class BrokenError(Exception):
    """The bytes are not what the codec writes. The text names the codec, and quotes nothing."""


def unpack(codec: int, data: bytes, bytes_max: int = UNPACKED_BYTES_MAX) -> bytes | memoryview:
    """The records of a batch as they were before compression; `codec` is the number in the batch's attributes.

    Raises UnpackedTooLargeError and BrokenError, and nothing else.
    """
    if codec not in _CODECS:
        raise BrokenError(f"the batch names codec {codec}, which does not exist")
    name, unpacked = _CODECS[codec]
    try:
        return unpacked(data, bytes_max)
    except (zlib.error, cramjam.DecompressionError, struct.error) as error:
        raise BrokenError(f"the batch is not {name}") from error


def _gzip(data: bytes, bytes_max: int) -> bytes:
    parts, room = [], bytes_max
    for _ in range(_GZIP_MEMBERS_MAX):
        member = zlib.decompressobj(wbits=31)
        # One more than there is room for, since no room at all would mean no bound.
        parts.append(member.decompress(data, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise UnpackedTooLargeError
        if not member.eof:
            raise BrokenError("the batch's gzip is cut off")
        data = member.unused_data
        if not data:
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise BrokenError(f"the batch has more than {_GZIP_MEMBERS_MAX} gzip members")


def _streamed(decompress_into: Callable[[bytes, bytearray], int]) -> Unpack:
    """For a codec whose streams need not say how long they are: with more and more room, up to the bound."""

    def unpacked(data: bytes, bytes_max: int) -> memoryview:
        room = min(max(len(data) * _FACTOR, _FIRST_ROOM), bytes_max)
        while True:
            buffer = bytearray(room)
            try:
                return memoryview(buffer)[: decompress_into(data, buffer)]
            except cramjam.DecompressionError as error:
                if _NO_ROOM not in str(error):
                    raise
            if room == bytes_max:
                raise UnpackedTooLargeError
            room = min(room * _FACTOR, bytes_max)

    return unpacked


def _snappy(data: bytes, bytes_max: int) -> memoryview:
    """Raw, or in the blocks of the xerial library, as Java's clients write it. Every block says how long it becomes."""
    blocks = list(_xerial_blocks(data)) if data.startswith(_XERIAL) else [data]
    lengths = [cramjam.snappy.decompress_raw_len(block) for block in blocks]
    if sum(lengths) > bytes_max:
        raise UnpackedTooLargeError
    buffer = memoryview(bytearray(sum(lengths)))
    at = 0
    for block, length in zip(blocks, lengths, strict=True):
        cramjam.snappy.decompress_raw_into(block, buffer[at : at + length])
        at += length
    return buffer


def _xerial_blocks(data: bytes) -> Iterator[bytes]:
    at = _XERIAL_HEADER_BYTES
    while at < len(data):
        [length] = _BLOCK_LENGTH.unpack_from(data, at)
        at += _BLOCK_LENGTH.size
        if not 0 < length <= len(data) - at:
            raise BrokenError("a block of the batch's snappy is cut off")
        yield data[at : at + length]
        at += length


_CODECS: Mapping[int, tuple[str, Unpack]] = {
    1: ("gzip", _gzip),
    2: ("snappy", _snappy),
    3: ("lz4", _streamed(cramjam.lz4.decompress_into)),
    ZSTD: ("zstd", _streamed(cramjam.zstd.decompress_into)),
}
