"""What the scorer's rules take in: an event, a change of a record, a due publication."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

import msgspec

from services.scorer.core import ids
from shared.contracts.erasure import Erased
from shared.contracts.messages import BehaviorEvent, RecordChange
from shared.contracts.months import month_of
from shared.contracts.times import instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event of one person, as ingest normalized it."""

    user_id: str
    """The pseudonym of the person, 64 hexadecimal characters."""
    partner: str
    id: str
    origin: str
    """The raw record: `<topic>/<partition>/<offset>`."""
    time_us: int
    month: int
    arrival_month: int
    """The month in which the raw event was appended: it decides whether the event's own month still took it."""
    identity: bytes
    """See `ids`. The row implies the person."""
    body: BehaviorEvent
    fieldnames: str = ""
    """How the partner calls the fields that may be refused, see refusals.fieldnames."""
    raw_arrived: str | datetime | None = None
    """When the raw event was appended, as ingest wrote it (RFC 3339) or as it was read: few have to know. None for an
    event that never came over a topic."""

    @property
    def arrived(self) -> datetime | None:
        return instant(self.raw_arrived) if isinstance(self.raw_arrived, str) else self.raw_arrived


def event_of(
    user_id: str,
    partner: str,
    event_id: str,
    origin: str,
    time: datetime,
    arrival_month: int,
    value: bytes,
    body: BehaviorEvent,
    zone: tzinfo,
    fieldnames: str = "",
    arrived: str | datetime | None = None,
) -> Event:
    """An event from its attributes, the month of its arrival, the bytes of its normalized data and the same decoded."""
    time_us = microseconds(time)
    entry = ids.entry_of(partner, event_id, body.kind, time_us, value)
    month = month_of(time, zone)
    return Event(user_id, partner, event_id, origin, time_us, month, arrival_month, entry, body, fieldnames, arrived)


def microseconds(instant: datetime) -> int:
    """Since 1970, UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(time_us: int) -> datetime:
    """The instant of so many microseconds since 1970, in UTC."""
    return _EPOCH + time_us * _MICROSECOND


class RecordNews(msgspec.Struct, frozen=True):
    """A change of a negative record, as retention published it."""

    user_id: str
    arrival_month: int
    body: RecordChange
    erased: Erased | None = None
    """The person's last erasure, as the message names it."""


class Due(msgspec.Struct, frozen=True):
    """The monthly run has come to a person."""

    user_id: str
    run: int
    """The month of the run."""
    instant: datetime
    contacts: int
    """How many of the person's mutual contacts have a standing in the run before."""
    bands: int
    """The sum of those standings' bands, see `stated.band_of`."""
    steady: int = 0
    """How many of these contacts have been so for a year."""


class Withdrawal(msgspec.Struct, frozen=True):
    """The person takes a consent back that was given to a partner (rules I7, I9)."""

    user_id: str
    request_id: str
    time: datetime
    """When it was asked for."""
    partner: str
    consent_id: str
    arrived: datetime
    """When the request was appended."""


class ReEvaluation(msgspec.Struct, frozen=True):
    """The person asks for a new score (rules P12)."""

    user_id: str
    request_id: str
    time: datetime
    """When it was asked for, never later than it arrived."""


Message: TypeAlias = Event | RecordNews | Due | Withdrawal | ReEvaluation | Erased


class Edge(msgspec.Struct, frozen=True):
    """A change of the person's list of contacts; for each contact the latest by (time, id) holds."""

    contact: str
    present: bool
    time_us: int
    id: bytes
    """Of several events at one time the one with the greatest id holds, in whichever order they come."""
    arrived: datetime | None = None
    """When the event was appended; None if it never came over a topic."""

    @classmethod
    def of(cls, event: Event) -> Edge:
        assert event.body.contact is not None
        return cls(
            event.body.contact, event.body.value == "present", event.time_us, event.identity[ids.HASH], event.arrived
        )
