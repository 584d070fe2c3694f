"""One negative record (rules R1 to R23, D1 to D11): the closed union of its states.

    nothing -> Open -> Settled -> Gone        reported, settled, lapsed
    nothing -> Settled                        reported when it was over already
    nothing -> Unreported -> Open, Settled    settled or corrected before reported: it waits for its report
    Unreported -> nothing                     no report came: what waited is refused
    Open, Settled -> Deleted                  taken back by its provider, or nobody could say that it is right

A dispute is beside these: an open record as well as a settled one may be disputed, and what is reported meanwhile is
taken as ever. The disputes of a record are a list, of which the last one counts:

    none -> Asked -> Confirmed, Amended, Unverifiable, or the record is Deleted

The steps between them are in `reports`, `answers`, `disputes` and `timers`; what a step can come to is in `effects`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, TypeAlias

import msgspec

from services.retention.core.deadline import Deadline
from shared.contracts.kinds import KIND_OF, Ends, RecordClass
from shared.contracts.retention_profile import Profile

Status: TypeAlias = Literal["open", "settled", "disputed", "confirmed", "corrected", "unverifiable"]


class Facts(msgspec.Struct, frozen=True):
    """What was reported, as it was corrected since. Amounts are in minor units of the base currency."""

    partner: str
    report_id: str
    kind: str
    began_on: date
    amount: int | None
    amount_at: datetime | None = None
    """The event's time of the report with this amount, or of the correction that has brought the record back without an
    amount. None for any other record without an amount, and in rows that are older than the column."""

    @property
    def record_class(self) -> RecordClass:
        record_class = KIND_OF[self.kind].record_class
        assert record_class is not None, "the kind of a report is a record's"
        return record_class


class Waiting(msgspec.Struct, frozen=True):
    """A report that came before the record was reported: what it says, and where it lies, so that it can be refused.
    With an `outcome` it is a correction or a deletion, and else the settlement of `ended_on`."""

    kind: str
    began_on: date | None
    ended_on: date | None
    event_id: str
    origin: str
    fieldnames: str = ""
    """How the partner calls the fields that may be refused, see refusals.fieldnames. It waits with the report."""
    time: datetime | None = None
    """The event's time. None in rows that are older than this."""
    amount: int | None = None
    outcome: Literal["corrected", "deleted"] | None = None


class Unreported(msgspec.Struct, frozen=True):
    """What has arrived about a record that nobody has reported yet, in the order of arrival; at least one."""

    partner: str
    report_id: str
    waiting: tuple[Waiting, ...]
    waits_until: datetime


# -- what is known of a record beside its reports ----------------------------------------------------------------------


class Question(msgspec.Struct, frozen=True):
    """Why the person says that the record is wrong: one request."""

    request_id: str
    reason: str
    text: str | None = None

    @property
    def facts(self) -> tuple[str, str | None]:
        """What must differ for a question to be another one (rules R19)."""
        return self.reason, self.text


class Asked(msgspec.Struct, frozen=True, tag=True):
    """The provider was asked, and has not answered. The record does not count."""

    id: str
    """The number of the dispute, by which the provider's answer names it."""
    questions: tuple[Question, ...]
    since: date
    """The day on which the first question came, in the profile's zone, however late it was read."""
    answer_by: date
    """The last day on which the provider may answer."""
    due: datetime
    """The end of that day."""
    warn_at: datetime | None = None
    """When the person is told that the day is near; None once that was said."""
    extended: bool = False


class Confirmed(msgspec.Struct, frozen=True, tag=True):
    """The provider has confirmed the record: it counts again."""

    id: str
    questions: tuple[Question, ...]


class Amended(msgspec.Struct, frozen=True, tag=True):
    """The provider has said what is right instead: the record counts as it was corrected."""

    id: str
    questions: tuple[Question, ...]


class Unverifiable(msgspec.Struct, frozen=True, tag=True):
    """Nobody could say that the record is right. It stays with both views, and no longer counts."""

    id: str
    questions: tuple[Question, ...]
    due: datetime | None = None
    """The end of the day by which no answer had come; None where the provider said so itself."""


Dispute: TypeAlias = Asked | Confirmed | Amended | Unverifiable


class Statement(msgspec.Struct, frozen=True):
    """The person's own words, which go with the record."""

    text: str
    request_id: str
    at: datetime


class Corrected(msgspec.Struct, frozen=True):
    """The times of the corrections that set the beginning and the end, which only a later one changes (rules R18), and
    the beginnings that were told before, each of which is recognized when it comes again."""

    began_at: datetime | None = None
    ended_at: datetime | None = None
    began_before: tuple[date, ...] = ()


NOT_CORRECTED = Corrected()


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a record beside what its provider has reported."""

    reported_on: date | None = None
    """The day on which its first report was read, in the profile's zone: before, it was not held (rules D11). None in
    rows that are older than this."""
    counts_from: datetime | None = None
    """Until then the record does not count, since the person must be told beforehand (rules R22)."""
    early_at: datetime | None = None
    """When it lapses before its deadline, unless something else is held of the person then (rules D11)."""
    warn_at: datetime | None = None
    """When the person is told that the record lapses soon; None once that was said."""
    corrected: Corrected = NOT_CORRECTED
    disputes: tuple[Dispute, ...] = ()
    statement: Statement | None = None
    certified: tuple[str, ...] = ()
    """The keyed names of the last events that have certified the record, so that none of them brings it back once it is
    deleted (rules R20)."""

    @property
    def dispute(self) -> Dispute | None:
        """The dispute that counts."""
        return self.disputes[-1] if self.disputes else None


NEW = Case()


# -- the states --------------------------------------------------------------------------------------------------------


class Open(msgspec.Struct, frozen=True):
    """Reported and not settled (rules R3). There is no deadline as long as the bad behavior goes on (rules D5), unless
    the profile's clocks run from the beginning."""

    facts: Facts
    version: int
    deadline: Deadline | None
    case: Case = NEW


class Settled(msgspec.Struct, frozen=True):
    """Paid, performed or released."""

    facts: Facts
    version: int
    deadline: Deadline
    overtaken: tuple[date, ...] = ()
    """Other days of the end that were told before. Each is kept, so that it is recognized when it comes again."""
    case: Case = NEW


class Gone(msgspec.Struct, frozen=True):
    """Lapsed: nothing is known except that there was such a record (rules D8)."""


class Deleted(msgspec.Struct, frozen=True):
    """Taken back, or unverifiable: nothing else is known (rules R20)."""


GONE = Gone()
DELETED = Deleted()
Known: TypeAlias = Open | Settled
Kept: TypeAlias = Unreported | Open | Settled
State: TypeAlias = Kept | Gone | Deleted | None
"""None: there never was a report, or nothing of it is kept."""


def partner_of(record: Kept) -> str:
    return record.partner if isinstance(record, Unreported) else record.facts.partner


def ends(kind: str) -> Ends:
    """When the bad behavior of a kind is over (rules R5)."""
    ends = KIND_OF[kind].ends
    assert ends is not None, "the kind of a report is a record's"
    return ends


def days_of_end(record: Known) -> tuple[date, ...]:
    """The days of the end that were taken; the one that counts comes first."""
    ended_on = record.deadline.ended_on if record.deadline else None
    overtaken = record.overtaken if isinstance(record, Settled) else ()
    return overtaken if ended_on is None else (ended_on, *overtaken)


def counts(record: Known) -> bool:
    """Whether the record bears on the score."""
    return record.case.counts_from is None and not isinstance(record.case.dispute, Asked | Unverifiable)


def is_withheld(record: Known, profile: Profile) -> bool:
    """Whether nobody but the person may see the record now (rules R27)."""
    is_checked = isinstance(record.case.dispute, Asked)
    return record.case.counts_from is not None or (is_checked and profile.while_disputed == "withheld")


def status_of(record: Known) -> Status:
    match record.case.dispute:
        case Asked():
            return "disputed"
        case Unverifiable():
            return "unverifiable"
        case Confirmed():
            return "confirmed"
        case Amended():
            return "corrected"
        case None:
            return "open" if isinstance(record, Open) else "settled"
