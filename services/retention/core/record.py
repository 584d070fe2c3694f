"""One negative record (rules R1 to R16, D1 to D8): the closed union of its states, and what a step can come to.

    nothing -> Open -> Settled -> Gone        reported, settled, lapsed
    nothing -> Settled                        reported when it was over already
    nothing -> Unreported -> Open, Settled    settled before reported: the settlement waits for its report
    Unreported -> nothing                     no report came: the settlement is refused

The steps between them are in `steps`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeAlias

import msgspec

from services.retention.core.deadline import Deadline
from shared.contracts.faults import Fault
from shared.contracts.kinds import KIND_OF, RecordClass
from shared.contracts.messages import RecordChange


class Facts(msgspec.Struct, frozen=True):
    """What was reported. Amounts are in minor units of the base currency."""

    partner: str
    report_id: str
    kind: str
    began_on: date
    amount: int | None
    amount_at: datetime | None = None
    """The event's time of the report with this amount. None without an amount, and in rows that are older than the
    column."""

    @property
    def record_class(self) -> RecordClass:
        record_class = KIND_OF[self.kind].record_class
        assert record_class is not None, "the kind of a report is a record's"
        return record_class


class Settlement(msgspec.Struct, frozen=True):
    """The report that a record ended on a day: what it says, and where it lies, so that it can be refused."""

    kind: str
    began_on: date | None
    ended_on: date
    event_id: str
    origin: str
    fieldnames: str = ""
    """How the partner calls the fields that may be refused, see refusals.fieldnames. It waits with the settlement."""


class Unreported(msgspec.Struct, frozen=True):
    """Settlements of a record that nobody has reported yet, in the order in which they came; at least one."""

    partner: str
    report_id: str
    settlements: tuple[Settlement, ...]
    waits_until: datetime


class Open(msgspec.Struct, frozen=True):
    """Reported and not settled (rules R3). There is no deadline as long as the bad behavior goes on (rules D5)."""

    facts: Facts
    version: int
    deadline: Deadline | None


class Settled(msgspec.Struct, frozen=True):
    """Paid, performed or released."""

    facts: Facts
    version: int
    deadline: Deadline
    overtaken: tuple[date, ...] = ()
    """Later days that settlements named before. Each is kept, so that it is recognized when it comes again."""


class Gone(msgspec.Struct, frozen=True):
    """Lapsed: nothing is known but that there was such a record (rules D8)."""


GONE = Gone()
Known: TypeAlias = Open | Settled
Kept: TypeAlias = Unreported | Open | Settled
State: TypeAlias = Kept | Gone | None
"""None: there never was a report, or nothing of it is kept."""


def partner_of(record: Kept) -> str:
    return record.partner if isinstance(record, Unreported) else record.facts.partner


def due_at(record: Kept) -> datetime | None:
    """The instant at which the record lapses, or its settlements have waited long enough; None if there is none."""
    if isinstance(record, Unreported):
        return record.waits_until
    return record.deadline.lapses_at if record.deadline else None


def change_of(id: str, record: Known, base: int) -> RecordChange:
    """What is published of the record as it now is; `base` is what a restore has added to all versions (rules R12)."""
    facts, deadline = record.facts, record.deadline
    return RecordChange(
        record_id=id,
        version=base + record.version,
        kind=facts.kind,
        record_class=facts.record_class.value,
        status="open" if isinstance(record, Open) else "settled",
        counts=True,
        began_on=facts.began_on,
        amount=facts.amount,
        ended_on=deadline.ended_on if deadline else None,
        lapses_at=deadline.lapses_at if deadline else None,
    )


# The effects of a step, besides the new state. Changed and Expired are published, Refused goes to the partner.


class Changed(msgspec.Struct, frozen=True):
    """The record is now open or settled, or ended on an earlier day than was known, or has another amount."""

    record: Known


class Expired(msgspec.Struct, frozen=True):
    """The last version: from `lapsed_at` on the record does not count. Nothing of what it said is repeated
    (rules R16)."""

    partner: str
    version: int
    lapsed_at: datetime


class Waits(msgspec.Struct, frozen=True):
    """The settlement is kept until the record is reported."""

    partner: str


class Repeated(msgspec.Struct, frozen=True):
    """The report says nothing new."""

    partner: str


class Refused(msgspec.Struct, frozen=True):
    """A report is refused. It may have come earlier than the present one, if it is a settlement that waited."""

    partner: str
    event_id: str
    origin: str
    fault: Fault
    fieldnames: str = ""


Effect: TypeAlias = Changed | Expired | Waits | Repeated | Refused


class Step(msgspec.Struct, frozen=True):
    state: State
    effects: tuple[Effect, ...] = ()
