"""The ids of one month's events, in one sorted blob: what was counted before, and how much one partner has sent.

An entry has 12 bytes: 2 for the partner and the group of kinds, 7 of the hash of partner and id, 3 of the digest of the
data. So the entries of one partner and group lie side by side, and their number is two bisections away; nothing is
stored for it. Two ids of one partner in one person's open months collide once in some 10^12 people.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

from shared.contracts.kinds import KIND_OF, Shape

ENTRY = 12
HASH = slice(2, 9)
_TAG = slice(0, 2)
_HASH_AT, _HASH_BYTES = 2, 7
_GROUP = 0b11
_OLD_DIGEST_AT, _DIGEST_BYTES = 8, 3


class Group(IntEnum):
    """What an event of a kind leaves behind, which decides how many of them one person has room for."""

    COUNTED = 0
    """Obligations, activities and facts: nothing but the id, since they are summed or replaced."""
    FIGURE = 1
    """A row for each consent and kind, for two years."""
    CONTACT = 2
    """A row of another table, which the monthly run joins."""


GROUP_OF: dict[Shape, Group] = {
    Shape.OBLIGATION: Group.COUNTED,
    Shape.ACTIVITY: Group.COUNTED,
    Shape.FACT: Group.COUNTED,
    Shape.FIGURE: Group.FIGURE,
    Shape.CONTACT: Group.CONTACT,
}


def entry_of(partner: str, event_id: str, kind: str, time_us: int, value: bytes) -> bytes:
    """The entry of an event, whose normalized data are `value`."""
    hashed = blake2b(f"{partner}\0{event_id}".encode(), digest_size=8).digest()[:_HASH_BYTES]
    # A checksum is enough to tell a slip from a repetition: a partner who makes two bodies collide only fools itself.
    digest = crc32(value, crc32(time_us.to_bytes(8, "big", signed=True)))
    return tag_of(partner, kind) + hashed + digest.to_bytes(4, "big")[:_DIGEST_BYTES]


@lru_cache(maxsize=4096)
def tag_of(partner: str, kind: str) -> bytes:
    """14 bits of the partner's hash, 2 of the group. Of 16,384 pairs of partners one shares a tag, and its room."""
    hashed = int.from_bytes(blake2b(partner.encode(), digest_size=2).digest(), "big")
    return (hashed & ~_GROUP | GROUP_OF[KIND_OF[kind].shape]).to_bytes(2, "big")


def known(blob: bytes, entry: bytes) -> bytes | None:
    """The entry with the same partner and id, of whatever group; None if there is none."""
    id_hash = entry[HASH]
    at = blob.find(id_hash)
    while at >= 0:
        # Bytes that match but do not begin at a hash are not a match.
        if at % ENTRY == _HASH_AT:
            return blob[at - _HASH_AT : at - _HASH_AT + ENTRY]
        at = blob.find(id_hash, at + 1)
    return None


def has_room(blob: bytes, entry: bytes, room: Sequence[int]) -> bool:
    """Whether the entry's partner has fewer entries of its group than there is room for, given by group."""
    most = room[entry[1] & _GROUP]
    return len(blob) < most * ENTRY or count(blob, entry[_TAG]) < most


def count(blob: bytes, tag: bytes) -> int:
    """How many entries one partner has in one group."""
    following = (int.from_bytes(tag, "big") + 1).to_bytes(3, "big")[1:]
    end = position(blob, following) if following != b"\0\0" else len(blob)
    return (end - position(blob, tag)) // ENTRY


def old_is_same(blob: bytes, entry: bytes) -> bool | None:
    """Whether an entry of format 1 with this partner and id has the same data; None if there is none.

    It has 8 bytes of the same hash and 4 of the same digest, and no partner, so it lies in a blob of its own.
    """
    at = position(blob, entry[HASH])
    found = blob[at : at + ENTRY]
    if not found or found[:_HASH_BYTES] != entry[HASH]:
        return None
    return found[_OLD_DIGEST_AT : _OLD_DIGEST_AT + _DIGEST_BYTES] == entry[-_DIGEST_BYTES:]


def position(blob: bytes, prefix: bytes) -> int:
    """Where in the sorted blob the first entry is that is not below this."""
    low, high = 0, len(blob) // ENTRY
    while low < high:
        middle = (low + high) // 2
        if blob[middle * ENTRY : (middle + 1) * ENTRY] < prefix:
            low = middle + 1
        else:
            high = middle
    return low * ENTRY
