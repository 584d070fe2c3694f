"""The partition of a key is what Kafka's Java client computes, for every length of key."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.partition import PARTITIONS, murmur2, partition_of

# The vectors of Kafka's own test, UtilsTest.testMurmur2, as signed 32-bit integers.
VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "signed"), VECTORS)
def test_known_vectors(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(
    ("user_id", "partition"),
    [("0" * 64, 3), ("f" * 64, 4), ("0123456789abcdef" * 4, 1)],
)
def test_partitions_are_fixed_for_good(user_id: str, partition: int) -> None:
    assert partition_of(user_id) == partition
    assert PARTITIONS == 6


@given(st.binary(max_size=80))
def test_agrees_with_the_client_library(key: bytes) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) % 2**32


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(1, 50))
def test_partition_is_in_range_and_drops_the_sign_bit(user_id: str, partitions: int) -> None:
    assert partition_of(user_id, partitions) == (aiokafka_murmur2(user_id.encode()) & 0x7FFFFFFF) % partitions
