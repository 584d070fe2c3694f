"""The life of one negative record (rules R1 to R12): a closed union of states, and the steps between them.

    nothing -> Open -> Settled -> Gone        reported, settled, lapsed
    nothing -> Settled                        reported when it was over already
    nothing -> Unreported -> Open, Settled    settled before reported: the settlement waits for its report

- The clock starts on the day that the behavior ended. For a kind that ends at once that is the day it began, and no
  settlement moves it; for the others it is the day of the settlement.
- A clock that runs is never moved to a later day. An earlier one is taken, so that of several settlements the earliest
  counts, in whichever order they come. A day that was taken before stays known: told again it moves nothing.
- What lapses is Gone: only its fingerprint stays, and no report brings it back.
- Of two reports of one record that contradict each other the first counts; a settlement that contradicts the report is
  refused, even if it came before it.

A record is identified by its content, (person, partner, report id), and each step changes nothing when it comes again;
so no ids of events are kept, which would outlast the record.

Not built yet: `Disputed`, beside Open and Settled, keeps what it interrupted and its clock, and `expire` takes it like
them; a correction is the one step that may move a clock to a later day; an erasure leads to Gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TypeAlias

import msgspec

from services.retention.core.deadline import deadline
from services.retention.core.messages import Report
from services.retention.core.profile import Profile
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF, Ends, RecordClass

_LAPSED = Fault(Code.LAPSED, "data.report_id", "The record's deadline has passed; it is not taken, or not taken again.")
"""One for both, since a report that ingest forwards twice is refused twice, and in the same words."""

_RE_AGEING = Fault(
    Code.RE_AGEING,
    "data.ended_on",
    "The record ended on an earlier day already; a later one would move its deadline.",
)


class Facts(msgspec.Struct, frozen=True):
    """What was reported. Amounts are in minor units of the base currency."""

    partner: str
    report_id: str
    kind: str
    began_on: date
    amount: int | None

    @property
    def record_class(self) -> RecordClass:
        return class_of(self.kind)


class Clock(msgspec.Struct, frozen=True):
    """A deadline, and the day from which it is counted."""

    ended_on: date
    lapses_at: datetime


class Settlement(msgspec.Struct, frozen=True):
    """That a record ended on a day, with what it says of the record, and where it came from, to refuse it there."""

    kind: str
    began_on: date | None
    ended_on: date
    event_id: str
    origin: str


class Unreported(msgspec.Struct, frozen=True):
    """Settlements of a record that nobody has reported yet, in the order in which they came; at least one."""

    partner: str
    report_id: str
    settlements: tuple[Settlement, ...]
    lapses_at: datetime
    """When the first of them has been kept for as long as the record could count."""


class Open(msgspec.Struct, frozen=True):
    """Reported and not settled. Its clock stands still (None) as long as the bad behavior goes on."""

    facts: Facts
    version: int
    clock: Clock | None


class Settled(msgspec.Struct, frozen=True):
    """Paid, performed or released."""

    facts: Facts
    version: int
    clock: Clock
    overtaken: tuple[date, ...] = ()
    """The days that settlements named before an earlier one was taken, so that each is known when it comes again."""


class Gone(msgspec.Struct, frozen=True):
    """Lapsed: nothing is known of it but that it has been."""


GONE = Gone()
Known: TypeAlias = Open | Settled
Kept: TypeAlias = Unreported | Open | Settled
State: TypeAlias = Kept | Gone | None
"""None: never heard of."""


# What a step came to, besides the new state. Changed and Expired are published, Refused goes to the partner.


class Changed(msgspec.Struct, frozen=True):
    """The record is open or settled from now on, or since an earlier day than was known."""

    record: Known


class Expired(msgspec.Struct, frozen=True):
    """The record's last version: from `clock.lapses_at` it does not count any more."""

    facts: Facts
    version: int
    clock: Clock


class Waits(msgspec.Struct, frozen=True):
    """The settlement is kept until the record is reported."""

    partner: str


class Repeated(msgspec.Struct, frozen=True):
    """All of this was known."""

    partner: str


class Dropped(msgspec.Struct, frozen=True):
    """A settlement waited for its report until the record could not count any more."""

    partner: str


class Refused(msgspec.Struct, frozen=True):
    """`event_id` and `origin` are those of the report at fault, which may have come earlier than the present one."""

    partner: str
    event_id: str
    origin: str
    fault: Fault


Effect: TypeAlias = Changed | Expired | Waits | Repeated | Dropped | Refused


class Step(msgspec.Struct, frozen=True):
    state: State
    effects: tuple[Effect, ...] = ()


def class_of(kind: str) -> RecordClass:
    record_class = KIND_OF[kind].record_class
    assert record_class is not None, "the kind of a report is a record's"
    return record_class


def take(state: State, report: Report, now: datetime, profile: Profile) -> Step:
    """Take one report in, `reported` or `settled`. No day in it lies ahead of its arrival: ingest sees to that."""
    match state:
        case Gone():
            return Step(GONE, (_refused(report, _LAPSED),))
        case Open() | Settled():
            return _take_again(state, report, profile)
        case None | Unreported() if report.body.status == "settled":
            return _wait(state, report, profile)
        case None:
            return _open((), report, now, profile)
        case Unreported():
            return _open(state.settlements, report, now, profile)


def expire(state: Kept, instant: datetime) -> Step:
    """What is due at the instant, or was before, is gone."""
    if (due := due_at(state)) is None or due > instant:
        return Step(state)
    if isinstance(state, Unreported):
        return Step(GONE, (Dropped(state.partner),))
    assert state.clock is not None
    return Step(GONE, (Expired(state.facts, state.version + 1, state.clock),))


def due_at(state: Kept) -> datetime | None:
    """The instant from which `expire` has something to do."""
    if isinstance(state, Unreported):
        return state.lapses_at
    return state.clock.lapses_at if state.clock else None


def _open(waiting: Iterable[Settlement], report: Report, now: datetime, profile: Profile) -> Step:
    """The first report, and then the settlements that were there before it, as if they had come after it."""
    facts = _facts(report)
    clock = _clock(facts, report.body.ended_on, profile)
    record: Known = Open(facts, 1, clock)
    if clock is not None and _ends(facts) is Ends.ON_SETTLEMENT:
        record = Settled(facts, 1, clock)
    effects: list[Effect] = [Changed(record)]
    for settlement in waiting:
        record, effect = _settle(record, settlement, profile)
        effects.append(effect)
    if record.clock is not None and record.clock.lapses_at <= now:
        # Gone for good, or else the same report without its end would open the record after all.
        return Step(GONE, (_refused(report, _LAPSED),))
    return Step(record, tuple(effects))


def _take_again(record: Known, report: Report, profile: Profile) -> Step:
    """A further report of a record that was reported before: it can settle it, or contradict it."""
    body = report.body
    if body.status == "reported" and (fault := _contradiction(record.facts, _facts(report))):
        return Step(record, (_refused(report, fault),))
    if body.ended_on is None or (body.status == "reported" and _ends(record.facts) is Ends.AT_ONCE):
        return Step(record, (Repeated(report.partner),))
    record, effect = _settle(record, _settlement(report), profile)
    return Step(record, (effect,))


def _settle(record: Known, settlement: Settlement, profile: Profile) -> tuple[Known, Effect]:
    facts = record.facts
    clock = _clock(facts, settlement.ended_on, profile)
    assert clock is not None, "a settlement has a day"
    known = (record.clock.ended_on, *record.overtaken) if isinstance(record, Settled) else ()
    if fault := _settlement_contradiction(facts, settlement):
        return record, _refused_settlement(facts, settlement, fault)
    if clock.ended_on in known:
        return record, Repeated(facts.partner)
    if known and clock.ended_on > known[0]:
        return record, _refused_settlement(facts, settlement, _RE_AGEING)
    record = Settled(facts, record.version + 1, clock, overtaken=known)
    return record, Changed(record)


def _settlement_contradiction(facts: Facts, settlement: Settlement) -> Fault | None:
    if settlement.kind != facts.kind:
        return Fault(Code.CONFLICT, "data.kind", "The record was reported with another kind.")
    if settlement.began_on not in (None, facts.began_on):
        return Fault(Code.CONFLICT, "data.began_on", "The record was reported with another day of beginning.")
    if settlement.ended_on < facts.began_on:
        return Fault(Code.DATES_CONTRADICT, "data.ended_on", "The record began after this day.")
    return None


def _contradiction(known: Facts, told: Facts) -> Fault | None:
    for name in ("kind", "began_on", "amount"):
        if getattr(known, name) != getattr(told, name):
            sentence = "The record was reported before with something else here; the first report counts."
            return Fault(Code.CONFLICT, f"data.{name}", sentence)
    return None


def _wait(state: Unreported | None, report: Report, profile: Profile) -> Step:
    settlement = _settlement(report)
    waiting = state.settlements if state else ()
    if _content(settlement) in map(_content, waiting):
        return Step(state, (Repeated(report.partner),))
    lapses_at = deadline(class_of(settlement.kind), settlement.ended_on, profile).lapses_at
    state = Unreported(
        partner=report.partner,
        report_id=report.body.report_id,
        settlements=(*waiting, settlement),
        lapses_at=min(lapses_at, state.lapses_at) if state else lapses_at,
    )
    return Step(state, (Waits(report.partner),))


def _content(settlement: Settlement) -> tuple[object, ...]:
    return settlement.kind, settlement.began_on, settlement.ended_on


def _clock(facts: Facts, ended_on: date | None, profile: Profile) -> Clock | None:
    """The clock of a record that was settled, or is known to have ended, on this day; of an open one, for None."""
    if _ends(facts) is Ends.AT_ONCE:
        ended_on = facts.began_on
    if ended_on is None:
        return None
    return Clock(ended_on, deadline(facts.record_class, ended_on, profile).lapses_at)


def _ends(facts: Facts) -> Ends:
    ends = KIND_OF[facts.kind].ends
    assert ends is not None, "the kind of a report is a record's"
    return ends


def _facts(report: Report) -> Facts:
    body = report.body
    assert body.began_on is not None, "a record that is reported has begun"
    return Facts(report.partner, body.report_id, body.kind, body.began_on, body.amount)


def _settlement(report: Report) -> Settlement:
    body = report.body
    assert body.ended_on is not None, "a record that is settled has ended"
    return Settlement(body.kind, body.began_on, body.ended_on, report.event_id, report.origin)


def _refused(report: Report, fault: Fault) -> Refused:
    return Refused(report.partner, report.event_id, report.origin, fault)


def _refused_settlement(facts: Facts, settlement: Settlement, fault: Fault) -> Refused:
    """It may have waited, so that it came earlier than the report at hand."""
    return Refused(facts.partner, settlement.event_id, settlement.origin, fault)
