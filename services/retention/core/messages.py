"""The messages that the rules take: what a provider reports, what the person asks, and what is due."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec

from shared.contracts.messages import RecordReport


class Report(msgspec.Struct, frozen=True):
    """What a partner reported of one record, as ingest normalized it."""

    user_id: str
    """The pseudonym of the person, 64 hexadecimal characters."""
    partner: str
    event_id: str
    origin: str
    """The raw record: `<topic>/<partition>/<offset>`."""
    body: RecordReport
    time: datetime
    """The time of the event. Of several amounts the one with the latest time counts (rules R13)."""
    fieldnames: str = ""
    """How the partner calls the fields that may be refused, see refusals.fieldnames."""
    arrived: datetime | None = None
    """When the partner's own record was appended to its topic. None from an older ingest."""


class DisputeRequest(msgspec.Struct, frozen=True):
    """The person says that a record is wrong, and why."""

    user_id: str
    request_id: str
    record_id: str
    reason: str
    text: str | None
    time: datetime
    arrived: datetime | None = None
    """When the request was appended."""


class StatementRequest(msgspec.Struct, frozen=True):
    """The person's own words, which are to go with a record."""

    user_id: str
    request_id: str
    record_id: str
    text: str
    time: datetime
    """Of several the latest counts."""
    arrived: datetime | None = None
    """When the request was appended."""


class Due(msgspec.Struct, frozen=True):
    """Something of the person is due: a deadline, a warning of one, or the end of what waited."""

    user_id: str
    instant: datetime


Message: TypeAlias = Report | DisputeRequest | StatementRequest | Due
