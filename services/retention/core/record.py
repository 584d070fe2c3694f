"""One negative record (rules R1 to R16, D1 to D8): the closed union of its states, and what a step can come to.

    nothing -> Open -> Settled -> Gone        reported, settled, lapsed
    nothing -> Settled                        reported when it was over already
    nothing -> Unreported -> Open, Settled    settled before reported: the settlement waits for its report
    Unreported -> nothing                     no report came: the settlement is refused

The steps between them are in `steps`.

Not built yet: `Disputed`, beside Open and Settled, keeps what it interrupted and its clock, and `expire` takes it like
them; a correction is the one step that may move a clock to a later day; an erasure leads to Gone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeAlias

import msgspec

from services.retention.core.deadline import Deadline
from shared.contracts.faults import Fault
from shared.contracts.kinds import KIND_OF, RecordClass


class Facts(msgspec.Struct, frozen=True):
    """What was reported. Amounts are in minor units of the base currency."""

    partner: str
    report_id: str
    kind: str
    began_on: date
    amount: int | None
    amount_at: datetime | None = None
    """When the amount was so, by the partner; None without an amount, and of what was reported before this was kept."""

    @property
    def record_class(self) -> RecordClass:
        record_class = KIND_OF[self.kind].record_class
        assert record_class is not None, "the kind of a report is a record's"
        return record_class


class Settlement(msgspec.Struct, frozen=True):
    """That a record ended on a day, with what it says of the record, and where it came from, to refuse it there."""

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
    """Reported and not settled. There is no deadline as long as the bad behavior goes on."""

    facts: Facts
    version: int
    deadline: Deadline | None


class Settled(msgspec.Struct, frozen=True):
    """Paid, performed or released."""

    facts: Facts
    version: int
    deadline: Deadline
    overtaken: tuple[date, ...] = ()
    """The days that settlements named before an earlier one was taken, so that each is known when it comes again."""


class Gone(msgspec.Struct, frozen=True):
    """Lapsed: nothing is known of it but that it has been."""


GONE = Gone()
Known: TypeAlias = Open | Settled
Kept: TypeAlias = Unreported | Open | Settled
State: TypeAlias = Kept | Gone | None
"""None: never heard of, or nothing kept of it."""


def partner_of(record: Kept) -> str:
    return record.partner if isinstance(record, Unreported) else record.facts.partner


def due_at(record: Kept) -> datetime | None:
    """The instant from which the clock has something to do with the record."""
    if isinstance(record, Unreported):
        return record.waits_until
    return record.deadline.lapses_at if record.deadline else None


# What a step came to, besides the new state. Changed and Expired are published, Refused goes to the partner.


class Changed(msgspec.Struct, frozen=True):
    """The record is open or settled from now on, or since an earlier day than was known, or with another amount."""

    record: Known


class Expired(msgspec.Struct, frozen=True):
    """The record's last version: from `lapsed_at` it does not count any more. Of what it was nothing is said again."""

    partner: str
    version: int
    lapsed_at: datetime


class Waits(msgspec.Struct, frozen=True):
    """The settlement is kept until the record is reported."""

    partner: str


class Repeated(msgspec.Struct, frozen=True):
    """All of this was known, or has been overtaken."""

    partner: str


class Refused(msgspec.Struct, frozen=True):
    """All but the fault are of the report at fault, which may have come earlier than the present one."""

    partner: str
    event_id: str
    origin: str
    fault: Fault
    fieldnames: str = ""


Effect: TypeAlias = Changed | Expired | Waits | Repeated | Refused


class Step(msgspec.Struct, frozen=True):
    state: State
    effects: tuple[Effect, ...] = ()
