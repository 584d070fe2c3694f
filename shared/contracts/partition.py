"""Which partition a person belongs to. Fixed for good: growth is new topics and a re-shard (decision 0004)."""

from __future__ import annotations

import struct
from functools import lru_cache

from shared import layout

PARTITIONS = layout.PARTITIONS
"""Partitions of every topic keyed by user_id, and of every raw topic."""

_M = 0x5BD1E995
_SEED = 0x9747B28C
_MASK = 0xFFFFFFFF
_CACHED_PEOPLE = 65_536


def murmur2(data: bytes) -> int:
    """The 32-bit MurmurHash2 with the seed of Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(data)
    whole = length & ~3
    h = _SEED ^ length
    for k in struct.unpack_from(f"<{whole >> 2}I", data):
        k = (k * _M) & _MASK
        h = ((h * _M) ^ ((k ^ (k >> 24)) * _M)) & _MASK
    if rest := data[whole:]:
        h = ((h ^ int.from_bytes(rest, "little")) * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=_CACHED_PEOPLE)
def partition_of(user_id: str, partitions: int = PARTITIONS) -> int:
    """The partition that any Kafka client with the default partitioner chooses for this key; 0 to `partitions` - 1."""
    # Java's hash is a signed integer, made positive by dropping the sign bit, not by abs().
    return (murmur2(user_id.encode()) & 0x7FFFFFFF) % partitions
