"""The steps of a record's life (rules R1 to R16): what a report does to it, and what the clock does.

- The clock starts on the day that the behavior ended. For a kind that ends at once that is the day it began, and no
  settlement moves it; for the others it is the day of the settlement.
- A clock that runs is never moved to a later day. An earlier one is taken, so that of several settlements the earliest
  counts, in whichever order they come. A day that was taken before stays known: a settlement that names it again
  changes nothing.
- A record that lapses is Gone: only its fingerprint stays, and no report brings it back.
- A report by whose own days the record would have lapsed is refused and changes nothing, whatever is known of the
  record. So it does not block its number, and if it is forwarded again it cannot undo the report that put it right.
- A settlement is believed, however old its day: nobody stays bound by a record that is over while a year is checked.
- Of two reports of one record that contradict each other the first counts; a settlement that contradicts the report is
  refused, even if it came before it. Another amount of an open record is no contradiction, but its balance.

A record is identified by its content, (person, partner, report id), and each step changes nothing when it comes again;
so no ids of events are kept, which would outlast the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from msgspec.structs import replace

from services.retention.core.bounds import SETTLEMENTS_MAX, VERSIONS_MAX, WAITS_MAX
from services.retention.core.deadline import Deadline, deadline_of
from services.retention.core.messages import Report
from services.retention.core.record import (
    GONE,
    Changed,
    Effect,
    Expired,
    Facts,
    Gone,
    Kept,
    Known,
    Open,
    Refused,
    Repeated,
    Settled,
    Settlement,
    State,
    Step,
    Unreported,
    Waits,
    due_at,
)
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF, Ends
from shared.contracts.retention_profile import Profile

_GONE = Fault(
    Code.LAPSED,
    "data.report_id",
    "The record of this number has lapsed and is erased; it is not taken again. Nothing is to be done, unless it "
    "lapsed by a slip in the day of its settlement: then report it under a new number, and settle that with the right "
    "day.",
)
_NOT_DISPUTED = Fault(Code.NOT_DISPUTED, "data.dispute", "No dispute of this record is being checked.")
_RE_AGEING = Fault(
    Code.RE_AGEING,
    "data.ended_on",
    "The record ended on an earlier day already; a later one would move its deadline.",
)
_UNREPORTED = Fault(
    Code.UNREPORTED,
    "data.report_id",
    f"No report of this number came within {WAITS_MAX.days} days. Look at the number; report the record, and then send "
    "its settlement again.",
)
_SETTLED_TOO_OFTEN = Fault(
    Code.TOO_MANY,
    "data.ended_on",
    f"{SETTLEMENTS_MAX} different days of the record's end have come already; the earliest counts, no more are taken.",
)
_UPDATED_TOO_OFTEN = Fault(
    Code.TOO_MANY,
    "data.amount",
    f"The record has changed {VERSIONS_MAX:,} times already; its amount stays as it is. It can still be settled.",
)


def take(state: State, report: Report, now: datetime, profile: Profile) -> Step:
    """Take one report in, `reported` or `settled`. No day in it lies ahead of its arrival: ingest sees to that.

    A record that is gone is not taken again (rules R10).
    """
    if isinstance(state, Gone):
        return Step(GONE, (refused(report, _GONE),))
    if report.body.status == "resolved":
        return Step(state, (refused(report, _NOT_DISPUTED),))
    if report.body.status == "settled":
        if state is None or isinstance(state, Unreported):
            return _wait(state, report, now)
        return _settled(state, report, profile)
    if fault := _over_on_arrival(state, report, now, profile):
        return Step(state, (refused(report, fault),))
    if state is None or isinstance(state, Unreported):
        return _open(state.settlements if state else (), report, profile)
    return _reported_again(state, report, profile)


def expire(state: Kept, instant: datetime) -> Step:
    """What is due by the instant, however long ago, ends: a record is gone (rules D7), and a settlement that waited is
    refused (rules R4)."""
    if (due := due_at(state)) is None or due > instant:
        return Step(state)
    if isinstance(state, Unreported):
        return Step(None, tuple(_refused_settlement(state.partner, each, _UNREPORTED) for each in state.settlements))
    assert state.deadline is not None
    return Step(GONE, (Expired(state.facts.partner, state.version + 1, state.deadline.lapses_at),))


# -- reports -----------------------------------------------------------------------------------------------------------


def _open(waiting: Iterable[Settlement], report: Report, profile: Profile) -> Step:
    """Take the first report, and then the settlements that waited for it, as if they had come after it (rules R4)."""
    facts = _facts(report)
    deadline = _deadline(facts, report.body.ended_on, profile)
    record: Known = Open(facts, 1, deadline)
    if deadline is not None and _ends(facts.kind) is Ends.ON_SETTLEMENT:
        record = Settled(facts, 1, deadline)
    effects: list[Effect] = [Changed(record)]
    for settlement in waiting:
        record, effect = _settle(record, settlement, profile)
        effects.append(effect)
    return Step(record, tuple(effects))


def _reported_again(record: Known, report: Report, profile: Profile) -> Step:
    """A further report of a record: nothing new (rules R2), its balance, its end, or a contradiction (rules R8)."""
    if fault := _contradiction(record, _facts(report)):
        return Step(record, (refused(report, fault),))
    updated = _with_amount(record, _facts(report))
    effects: list[Effect] = [Changed(updated)] if updated.version > record.version else []
    if report.body.ended_on is not None and _ends(record.facts.kind) is Ends.ON_SETTLEMENT:
        updated, effect = _settle(updated, _settlement(report), profile)
        effects.append(effect)
    return Step(updated, tuple(effects) or (Repeated(report.partner),))


def _over_on_arrival(state: Kept | None, report: Report, now: datetime, profile: Profile) -> Fault | None:
    """The fault of a report by whose own days the record has lapsed (rules R11).

    There is none if the record is known to have ended on just that day: then the report was taken in time, and comes
    again before the timer has fired.
    """
    facts = _facts(report)
    deadline = _deadline(facts, report.body.ended_on, profile)
    if deadline is None or deadline.lapses_at > now:
        return None
    if isinstance(state, Open | Settled) and deadline.ended_on in _days_of_end(state):
        return None
    name = "began_on" if _ends(facts.kind) is Ends.AT_ONCE else "ended_on"
    sentence = (
        "By this day the record has lapsed already, so nothing of it is kept. If the day is right, leave the report "
        "out; if it is wrong, send it again with the right one, under the same number."
    )
    return Fault(Code.LAPSED, f"data.{name}", sentence)


def _contradiction(record: Known, told: Facts) -> Fault | None:
    """The first field of a further report that contradicts the first one (rules R8; table in decision 0018)."""
    known = record.facts
    for name in ("kind", "began_on"):
        if getattr(known, name) != getattr(told, name):
            sentence = "The record was reported before with something else here; the first report counts."
            return Fault(Code.CONFLICT, f"data.{name}", sentence)
    if not _is_another_amount(known, told):
        return None
    if isinstance(record, Settled):
        return Fault(Code.CONFLICT, "data.amount", "The record is settled; its amount does not change any more.")
    if known.amount_at == told.amount_at:
        sentence = "The record was reported with another amount for the same instant; the first report counts."
        return Fault(Code.CONFLICT, "data.amount", sentence)
    return _UPDATED_TOO_OFTEN if record.version >= VERSIONS_MAX else None


def _is_another_amount(known: Facts, told: Facts) -> bool:
    """Whether the report has another amount, and a later one: an older amount says nothing about the present."""
    return told.amount not in (None, known.amount) and not _is_older(told, known)


def _is_older(told: Facts, known: Facts) -> bool:
    return known.amount_at is not None and told.amount_at is not None and told.amount_at < known.amount_at


def _with_amount(record: Known, told: Facts) -> Known:
    """The record with the amount of the latest report (rules R13). Another amount makes a new version, the same
    one does not."""
    if told.amount is None or _is_older(told, record.facts):
        return record
    if (told.amount, told.amount_at) == (record.facts.amount, record.facts.amount_at):
        return record
    facts = replace(record.facts, amount=told.amount, amount_at=told.amount_at)
    return replace(record, facts=facts, version=record.version + (told.amount != record.facts.amount))


# -- settlements -------------------------------------------------------------------------------------------------------


def _wait(state: Unreported | None, report: Report, now: datetime) -> Step:
    settlement = _settlement(report)
    waiting = state.settlements if state else ()
    if _content(settlement) in map(_content, waiting):
        return Step(state, (Repeated(report.partner),))
    if len(waiting) >= SETTLEMENTS_MAX:
        return Step(state, (refused(report, _SETTLED_TOO_OFTEN),))
    kept = Unreported(report.partner, report.body.report_id, (*waiting, settlement), now + WAITS_MAX)
    return Step(kept, (Waits(report.partner),))


def _settled(record: Known, report: Report, profile: Profile) -> Step:
    settled, effect = _settle(record, _settlement(report), profile)
    return Step(settled, (effect,))


def _settle(record: Known, settlement: Settlement, profile: Profile) -> tuple[Known, Effect]:
    """The earliest day counts (rules R6), and no later one moves a deadline that is set (rules R7 and D6)."""
    facts = record.facts
    deadline = _deadline(facts, settlement.ended_on, profile)
    assert deadline is not None, "a settlement has a day"
    known = _days_of_end(record) if isinstance(record, Settled) else ()
    if fault := _settlement_contradiction(facts, settlement):
        return record, _refused_settlement(facts.partner, settlement, fault)
    if deadline.ended_on in known:
        return record, Repeated(facts.partner)
    if known and deadline.ended_on > known[0]:
        return record, _refused_settlement(facts.partner, settlement, _RE_AGEING)
    if len(known) >= SETTLEMENTS_MAX:
        return record, _refused_settlement(facts.partner, settlement, _SETTLED_TOO_OFTEN)
    record = Settled(facts, record.version + 1, deadline, overtaken=known)
    return record, Changed(record)


def _settlement_contradiction(facts: Facts, settlement: Settlement) -> Fault | None:
    """How a settlement contradicts its report (rules R8), or ends the record before it began (rules R9)."""
    if settlement.kind != facts.kind:
        return Fault(Code.CONFLICT, "data.kind", "The record was reported with another kind.")
    if settlement.began_on not in (None, facts.began_on):
        return Fault(Code.CONFLICT, "data.began_on", "The record was reported with another day of beginning.")
    if settlement.ended_on < facts.began_on:
        return Fault(Code.DATES_CONTRADICT, "data.ended_on", "The record began after this day.")
    return None


def _content(settlement: Settlement) -> tuple[object, ...]:
    return settlement.kind, settlement.began_on, settlement.ended_on


def _days_of_end(record: Known) -> tuple[date, ...]:
    """The days of the end that were taken; the one that counts comes first."""
    overtaken = record.overtaken if isinstance(record, Settled) else ()
    return (record.deadline.ended_on, *overtaken) if record.deadline else ()


# -- what a report says ------------------------------------------------------------------------------------------------


def _deadline(facts: Facts, ended_on: date | None, profile: Profile) -> Deadline | None:
    """The deadline of a record that ended on this day, or that ends at once (rules R5); None for one that goes on
    (rules D5)."""
    if _ends(facts.kind) is Ends.AT_ONCE:
        ended_on = facts.began_on
    if ended_on is None:
        return None
    return deadline_of(facts.record_class, ended_on, profile)


def _ends(kind: str) -> Ends:
    ends = KIND_OF[kind].ends
    assert ends is not None, "the kind of a report is a record's"
    return ends


def _facts(report: Report) -> Facts:
    body = report.body
    assert body.began_on is not None, "a record that is reported has begun"
    amount_at = None if body.amount is None else report.time
    return Facts(report.partner, body.report_id, body.kind, body.began_on, body.amount, amount_at)


def _settlement(report: Report) -> Settlement:
    body = report.body
    assert body.ended_on is not None, "a record that is settled has ended"
    return Settlement(body.kind, body.began_on, body.ended_on, report.event_id, report.origin, report.fieldnames)


def refused(report: Report, fault: Fault) -> Refused:
    """The refusal of a report."""
    return Refused(report.partner, report.event_id, report.origin, fault, report.fieldnames)


def _refused_settlement(partner: str, settlement: Settlement, fault: Fault) -> Refused:
    """The refusal of a settlement, which may have come earlier than the present report, and waited."""
    return Refused(partner, settlement.event_id, settlement.origin, fault, settlement.fieldnames)
