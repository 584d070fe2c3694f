"""What a step can come to besides the new state: a closed union. Each is published, sent to whom it concerns, or only
counted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypeAlias

import msgspec

from services.retention.core.messages import Report
from services.retention.core.record import Asked, Known, Question, State, Waiting, counts, status_of
from shared.contracts.faults import Fault
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import RecordChange, unchecked

News: TypeAlias = Literal[
    "reported", "changed", "disputed", "confirmed", "corrected", "unverifiable", "returned", "counts"
]
"""What has happened to a record that is still held."""


class Changed(msgspec.Struct, frozen=True):
    """The record is new, or something about it is: one more version."""

    record: Known
    news: News = "changed"


class Expired(msgspec.Struct, frozen=True):
    """The last version: from `lapsed_at` on the record does not count. Nothing of what it said is repeated
    (rules R16)."""

    partner: str
    version: int
    lapsed_at: datetime
    record_class: RecordClass | None = None


class Removed(msgspec.Struct, frozen=True):
    """The last version too: the record is deleted, because its provider took it back or nobody could say that it is
    right."""

    partner: str
    version: int
    outcome: Literal["deleted", "unverifiable"]
    record_class: RecordClass


class AskedProvider(msgspec.Struct, frozen=True):
    """The provider is asked whether its record is right; `question` is the person's latest. It is late if the service
    was down for longer than the profile allows (rules D12)."""

    record: Known
    dispute: Asked
    question: Question
    is_late: bool = False


class Warned(msgspec.Struct, frozen=True):
    """The person is told ahead that the record lapses, or that its provider must answer, at the end of that day."""

    record: Known
    what: Literal["lapse-near", "answer-near"]
    day: date


Reply: TypeAlias = Literal[
    "asked", "attached", "later-statement", "no-such-record", "being-checked", "same-facts", "no-longer", "too-many"
]


class Replied(msgspec.Struct, frozen=True):
    """The answer to a person's request."""

    request_id: str
    request: Literal["dispute", "statement"]
    record_id: str
    time: datetime
    """The request's own."""
    reply: Reply
    day: date | None = None


class Waits(msgspec.Struct, frozen=True):
    """A report that came before its record is kept until the record is reported."""

    partner: str


class Repeated(msgspec.Struct, frozen=True):
    """The message says nothing new. `partner` is empty if it is the person's."""

    partner: str


class Refused(msgspec.Struct, frozen=True):
    """A report is refused. It may have come earlier than the present one, if it is one that waited."""

    partner: str
    event_id: str
    origin: str
    fault: Fault
    fieldnames: str = ""


Effect: TypeAlias = Changed | Expired | Removed | AskedProvider | Warned | Replied | Waits | Repeated | Refused


class Step(msgspec.Struct, frozen=True):
    state: State
    effects: tuple[Effect, ...] = ()


def refused(report: Report, fault: Fault) -> Refused:
    """The refusal of a report."""
    return Refused(report.partner, report.event_id, report.origin, fault, report.fieldnames)


def refused_waiting(partner: str, waiting: Waiting, fault: Fault) -> Refused:
    """The refusal of what may have come earlier than the present report, and waited."""
    return Refused(partner, waiting.event_id, waiting.origin, fault, waiting.fieldnames)


def change_of(id: str, record: Known, base: int) -> RecordChange:
    """What is published of the record as it now is; `base` is what a restore has added to all versions (rules R12)."""
    facts, deadline = record.facts, record.deadline
    return RecordChange(
        record_id=id,
        version=base + record.version,
        kind=facts.kind,
        record_class=facts.record_class.value,
        status=status_of(record),
        counts=counts(record),
        began_on=facts.began_on,
        amount=facts.amount,
        ended_on=deadline.ended_on if deadline else None,
        lapses_at=deadline.lapses_at if deadline else None,
    )


def last_change(id: str, effect: Expired | Removed, base: int) -> RecordChange:
    """What announces that a record is gone: it repeats nothing of it (rules R16)."""
    status: Literal["expired", "deleted"] = "expired" if isinstance(effect, Expired) else "deleted"
    return _last(record_id=id, version=base + effect.version, status=status, counts=False)


_last = unchecked(RecordChange)
