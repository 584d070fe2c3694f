"""The end of a record: the settlements that its provider reports, and what waits for a record (rules R3 to R9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TypeVar

from msgspec.structs import replace

from services.retention.core.bounds import SETTLEMENTS_MAX, WAITS_MAX
from services.retention.core.deadline import Deadline, clock_of, days_before, early_at
from services.retention.core.effects import Changed, Effect, Repeated, Step, Waits, refused, refused_waiting
from services.retention.core.messages import Report
from services.retention.core.record import Known, Settled, Unreported, Waiting, days_of_end, ends
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import Ends
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import Profile

_RE_AGEING = Fault(
    Code.RE_AGEING,
    "data.ended_on",
    "The record ended on an earlier day already; a later one would move its deadline. If the earlier one is wrong, "
    "send a correction.",
)
ANOTHER_KIND = Fault(
    Code.CONFLICT,
    "data.kind",
    "The record of this number was reported with another kind, which does not change. Look at the number. If the kind "
    "was wrong, delete the record, and report it under another number.",
)
ANOTHER_BEGINNING = Fault(
    Code.CONFLICT,
    "data.began_on",
    "The record of this number was reported with another day of beginning. Look at the number. If what "
    "was reported first is wrong, send a correction.",
)
_END_CORRECTED = Fault(
    Code.CONFLICT, "data.ended_on", "The day of the end was corrected; only another correction changes it."
)
_SETTLED_TOO_OFTEN = Fault(
    Code.TOO_MANY,
    "data.ended_on",
    f"{SETTLEMENTS_MAX} different days of the record's end have come already; the earliest counts, no more are taken.",
)


K = TypeVar("K", bound=Known)


def wait(state: Unreported | None, report: Report, now: datetime) -> Step:
    """Keep what came before its record (rules R4)."""
    told = waiting_of(report)
    waiting = state.waiting if state else ()
    if _content(told) in map(_content, waiting):
        return Step(state, (Repeated(report.partner),))
    if len(waiting) >= SETTLEMENTS_MAX:
        return Step(state, (refused(report, _SETTLED_TOO_OFTEN),))
    kept = Unreported(report.partner, report.body.report_id, (*waiting, told), now + WAITS_MAX)
    return Step(kept, (Waits(report.partner),))


def settle(record: Known, told: Waiting, now: datetime, profile: Profile) -> tuple[Known, Effect]:
    """A kind that ends at once ends where it began, whatever day is reported (rules R5). Of all others the earliest day
    counts (rules R6), and no later one moves a deadline that is set (rules R7 and D6)."""
    facts, partner = record.facts, record.facts.partner
    assert told.ended_on is not None, "a settlement has a day"
    known = days_of_end(record) if isinstance(record, Settled) else ()
    if fault := _contradiction(record, told):
        return record, refused_waiting(partner, told, fault)
    at_once, corrected_at = ends(facts.kind) is Ends.AT_ONCE, record.case.corrected.ended_at
    ended_on = facts.began_on if at_once else told.ended_on
    if ended_on in known:
        return _paid_sooner(record, told.ended_on, now, profile), Repeated(partner)
    # Where the end is the beginning, the correction that has brought the record back says nothing of its settlement.
    if corrected_at and not at_once:
        if told.time is None or told.time <= corrected_at:
            return record, Repeated(partner)
        return record, refused_waiting(partner, told, _END_CORRECTED)
    if known and ended_on > known[0]:
        return record, refused_waiting(partner, told, _RE_AGEING)
    if len(known) >= SETTLEMENTS_MAX:
        return record, refused_waiting(partner, told, _SETTLED_TOO_OFTEN)
    settled = settled_on(record, ended_on, now, profile)
    if ended_on != told.ended_on:
        settled = replace(settled, case=replace(settled.case, early_at=_early_at(settled, told.ended_on, profile)))
    return settled, Changed(settled)


def _paid_sooner(record: Known, paid_on: date, now: datetime, profile: Profile) -> Known:
    """Of a kind that ends at once, the day of a settlement says only whether it was paid soon. Any of them may say so,
    until the early end that follows is over, or the one that followed before the beginning was corrected: something
    else may have been held then, and a settlement that comes again does not ask once more."""
    facts, case = record.facts, record.case
    if ends(facts.kind) is not Ends.AT_ONCE or not isinstance(record, Settled) or case.early_at:
        return record
    first = early_at(min((facts.began_on, *case.corrected.began_before)), paid_on, case.reported_on, profile)
    if first is None or first <= now:
        return record
    return replace(record, case=replace(case, early_at=_early_at(record, paid_on, profile)))


def _early_at(record: Settled, paid_on: date, profile: Profile) -> datetime | None:
    ended_on = record.deadline.ended_on
    return None if ended_on is None else early_at(ended_on, paid_on, record.case.reported_on, profile)


def settled_on(record: Known, ended_on: date, now: datetime, profile: Profile, *, corrects: bool = False) -> Settled:
    """The record, ended on this day: one version more. A deadline that does not follow from the end stays as it is set
    (rules D6). One that does is moved to a later day by a correction alone (rules R7), also where the profile that set
    it was another one."""
    known = record.deadline
    if known is not None and (known.ended_on == ended_on or profile.clock == "beginning"):
        lapses_at = known.lapses_at
    else:
        follows = clock_of(record.facts.kind, record.facts.began_on, ended_on, profile)
        assert follows is not None, "an end starts the clock at the latest"
        lapses_at = follows.lapses_at if known is None or corrects else min(follows.lapses_at, known.lapses_at)
    others = tuple(day for day in days_of_end(record) if day != ended_on) if isinstance(record, Settled) else ()
    settled = Settled(
        record.facts, record.version + 1, Deadline(ended_on, lapses_at), overtaken=others, case=record.case
    )
    return with_timers(settled, now, profile)


def _contradiction(record: Known, told: Waiting) -> Fault | None:
    """How a settlement contradicts its report (rules R8), or ends the record before it began (rules R9)."""
    facts = record.facts
    assert told.ended_on is not None
    if told.kind != facts.kind:
        return ANOTHER_KIND
    if told.began_on not in (None, facts.began_on, *record.case.corrected.began_before):
        return ANOTHER_BEGINNING
    if (
        told.ended_on < facts.began_on
        and told.ended_on not in days_of_end(record)
        and not _is_settled_once(record, told)
    ):
        return Fault(Code.DATES_CONTRADICT, "data.ended_on", "The record began after this day.")
    return None


def _is_settled_once(record: Known, told: Waiting) -> bool:
    """Whether a record of a kind that ends at once was settled before its beginning was corrected. Then the day of the
    settlement no longer matters, and the record is settled in either order (rules R5 and R18)."""
    corrected_at = record.case.corrected.began_at
    is_older = corrected_at is not None and told.time is not None and told.time <= corrected_at
    return is_older and ends(record.facts.kind) is Ends.AT_ONCE


def _content(told: Waiting) -> tuple[object, ...]:
    if told.outcome is None:
        return told.kind, told.began_on, told.ended_on
    return told.kind, told.began_on, told.ended_on, told.amount, told.outcome, told.time


def with_timers(record: K, now: datetime, profile: Profile) -> K:
    """The record with what follows from its deadline: when the person is warned of it, and an early end."""
    deadline = record.deadline
    ended_on = deadline.ended_on if deadline and isinstance(record, Settled) else None
    case = replace(
        record.case,
        warn_at=days_before(deadline.lapses_at, profile.warnings.lapse_days, profile, now) if deadline else None,
        early_at=early_at(ended_on, ended_on, record.case.reported_on, profile) if ended_on else None,
    )
    return replace(record, case=case)


def waiting_of(report: Report) -> Waiting:
    """A settlement, or an answer that needs no dispute, as it may wait for its record."""
    body = report.body
    told = Waiting(
        body.kind, body.began_on, body.ended_on, report.event_id, report.origin, report.fieldnames, report.time
    )
    match body.outcome:
        case "corrected" | "deleted":
            return replace(told, outcome=body.outcome, amount=body.amount)
        case "confirmed" | "unverifiable" | None:
            return told


def waited(user_id: str, unreported: Unreported) -> Iterator[Report]:
    """What waited for its record, as it had come."""
    for each in unreported.waiting:
        body = RecordReport(
            kind=each.kind,
            report_id=unreported.report_id,
            status="resolved" if each.outcome else "settled",
            began_on=each.began_on,
            ended_on=each.ended_on,
            amount=each.amount,
            outcome=each.outcome,
        )
        time = each.time or datetime.min.replace(tzinfo=UTC)
        yield Report(user_id, unreported.partner, each.event_id, each.origin, body, time, each.fieldnames)
