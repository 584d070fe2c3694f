"""What the scorer's rules are told: an event, a change of a record, a due publication."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from services.scorer.core.calendar import month_of
from shared.contracts.messages import BehaviorEvent, RecordChange

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Event(msgspec.Struct, frozen=True, gc=False):
    """An accepted event of one person, as ingest normalized it."""

    key: str
    """The person's user_id, 64 hexadecimal characters."""
    partner: str
    id: str
    origin: str
    """The raw record: `<topic>/<partition>/<offset>`."""
    time_us: int
    month: int
    identity: bytes
    """8 bytes of the hash of (partner, id), 4 of the digest of the normalized data. The row implies the person."""
    body: BehaviorEvent


def event_of(
    key: str, partner: str, event_id: str, origin: str, time: datetime, value: bytes, body: BehaviorEvent, zone: tzinfo
) -> Event:
    """An event from its attributes, the bytes of its normalized data and the same data decoded."""
    time_us = microseconds(time)
    id_hash = blake2b(f"{partner}\0{event_id}".encode(), digest_size=8).digest()
    # A checksum is enough to tell a slip from a repetition: a partner who makes two bodies collide only fools itself.
    digest = zlib.crc32(value, zlib.crc32(time_us.to_bytes(8, "big", signed=True)))
    return Event(
        key, partner, event_id, origin, time_us, month_of(time, zone), id_hash + digest.to_bytes(4, "big"), body
    )


def microseconds(instant: datetime) -> int:
    """Since 1970, UTC."""
    return (instant - _EPOCH) // _MICROSECOND


class RecordNews(msgspec.Struct, frozen=True):
    """A change of a negative record, as retention published it."""

    key: str
    month: int
    body: RecordChange


class Due(msgspec.Struct, frozen=True):
    """The monthly publication has come to a person."""

    key: str
    number: int
    """The month in which it is published."""
    instant: datetime
    contacts: int
    """How many of the person's contacts have a standing in the publication before."""
    standings: int
    """The sum of those standings."""


Message: TypeAlias = Event | RecordNews | Due


class Edge(msgspec.Struct, frozen=True):
    """That a person is, or no longer is, among another's contacts; the latest by (time, id) is so."""

    contact: str
    present: bool
    time_us: int
    id: bytes

    @classmethod
    def of(cls, event: Event) -> Edge:
        assert event.body.contact is not None
        return cls(event.body.contact, event.body.value == "present", event.time_us, event.identity[:8])
