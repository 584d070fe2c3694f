"""What the rules are told: a report of a record, a deadline that has come."""

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
    """When it was so, by the partner: of several amounts the latest one's counts."""
    fieldnames: str = ""
    """How the partner calls the fields that may be refused, see refusals.fieldnames."""


class Due(msgspec.Struct, frozen=True):
    """Some of the person's deadlines have come."""

    user_id: str
    instant: datetime


Message: TypeAlias = Report | Due
