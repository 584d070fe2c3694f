"""Each codec gives back what was packed, stops at the bound, and calls anything else broken (rules E14)."""

from __future__ import annotations

import contextlib
import gzip
import struct
import tracemalloc
from collections.abc import Callable
from functools import cache

import cramjam
import pytest
from aiokafka import codec as library
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.codecs import UNPACKED_BYTES_MAX, BrokenError, UnpackedTooLargeError, unpack

Pack = Callable[[bytes], bytes]


def _zstd_streamed(data: bytes) -> bytes:
    """Without the content's size in the frame, as clients that stream write it."""
    packer = cramjam.zstd.Compressor()
    packer.compress(data)
    return bytes(packer.finish())


PACKED: dict[str, tuple[int, Pack]] = {
    "gzip": (1, gzip.compress),
    "gzip of the library": (1, library.gzip_encode),
    "gzip in three members": (1, lambda data: b"".join(map(gzip.compress, (data[:7], data[7:9], data[9:])))),
    "snappy raw": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy xerial": (2, library.snappy_encode),
    "lz4": (3, library.lz4_encode),
    "lz4 in two frames": (3, lambda data: library.lz4_encode(data[:5]) + library.lz4_encode(data[5:])),
    "zstd": (4, library.zstd_encode),
    "zstd streamed": (4, _zstd_streamed),
    "zstd in two frames": (4, lambda data: library.zstd_encode(data[:5]) + library.zstd_encode(data[5:])),
}
each = pytest.mark.parametrize(("codec", "pack"), PACKED.values(), ids=PACKED)


@each
@given(data=st.binary(max_size=300))
def test_what_was_packed_comes_back(codec: int, pack: Pack, data: bytes) -> None:
    assert bytes(unpack(codec, pack(data))) == data


@each
@pytest.mark.parametrize("size", [10, 70_000, 2_000_000])
def test_the_bound_is_exact(codec: int, pack: Pack, size: int) -> None:
    packed = pack(bytes(size))
    assert len(unpack(codec, packed, size)) == size
    with pytest.raises(UnpackedTooLargeError):
        unpack(codec, packed, size - 1)


@cache
def bomb_of(pack: Pack) -> bytes:
    """Kept, since to pack it takes longer than to refuse it."""
    return pack(bytes(UNPACKED_BYTES_MAX * 2))


@each
def test_a_bomb_is_too_large(codec: int, pack: Pack) -> None:
    with pytest.raises(UnpackedTooLargeError):
        unpack(codec, bomb_of(pack))


@each
def test_a_bomb_costs_no_more_memory_than_the_bound(codec: int, pack: Pack) -> None:
    bomb, bytes_max = bomb_of(pack), UNPACKED_BYTES_MAX // 16
    tracemalloc.start()
    try:
        with pytest.raises(UnpackedTooLargeError):
            unpack(codec, bomb, bytes_max)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * (bytes_max + len(bomb)), "with the copies that the codec makes"


@each
@pytest.mark.parametrize("cut", [1, 4, 9])
def test_what_is_cut_off_is_broken(codec: int, pack: Pack, cut: int) -> None:
    packed = pack(b"an event, and another event, and a third event")
    with pytest.raises((BrokenError, UnpackedTooLargeError)):
        unpack(codec, packed[:-cut])


@pytest.mark.parametrize("codec", range(8))
@given(data=st.binary(max_size=200))
def test_any_bytes_end_in_an_answer(codec: int, data: bytes) -> None:
    with contextlib.suppress(BrokenError, UnpackedTooLargeError):
        assert len(unpack(codec, data)) <= UNPACKED_BYTES_MAX


BROKEN = {
    "a codec that does not exist": (5, b""),
    "too many gzip members": (1, gzip.compress(b"") * 17),
    "gzip with something behind it": (1, gzip.compress(b"x") + b"more"),
    "a snappy block that says 4 GB and has none": (2, b"\xff\xff\xff\xff\x0f"),
    "a snappy block of a negative length": (2, b"\x82SNAPPY\x00" + bytes(8) + struct.pack(">i", -1)),
    "a snappy block without its length": (2, b"\x82SNAPPY\x00" + bytes(8) + b"\x00\x00"),
    "a zstd frame that says 1 TB": (4, b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 40) + b"\x01\x00\x00"),
}


@pytest.mark.parametrize(("codec", "data"), BROKEN.values(), ids=BROKEN)
def test_what_no_client_writes(codec: int, data: bytes) -> None:
    with pytest.raises((BrokenError, UnpackedTooLargeError)):
        unpack(codec, data)
