"""What a provider's answers do to a record: `resolved` as corrected, deleted, confirmed or unverifiable (rules R17 to
R21). They answer a dispute that they name; a correction or a deletion may also come of the provider's own accord.

- A correction is the one step that may move a deadline to a later day, and the one that may bring back a record that
  lapsed by a slip. Of several corrections of one field the one with the latest time counts, in whichever order they
  come, and nothing but a later correction changes what was corrected.
- A record that is deleted leaves a fingerprint, like one that has lapsed, and comes back only with a certificate.
- One answer ends a dispute. What comes after it, or after the time for it, is refused; a correction or deletion is
  taken all the same, since it is right whenever it comes.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from msgspec.structs import replace

from services.retention.core.bounds import SETTLEMENTS_MAX
from services.retention.core.deadline import clock_of, early_at
from services.retention.core.effects import Changed, Effect, News, Removed, Repeated, Step, refused, refused_waiting
from services.retention.core.messages import Report
from services.retention.core.record import (
    DELETED,
    GONE,
    Amended,
    Asked,
    Confirmed,
    Deleted,
    Dispute,
    Facts,
    Gone,
    Known,
    Open,
    Settled,
    State,
    Unreported,
    Unverifiable,
    Waiting,
    days_of_end,
    ends,
)
from services.retention.core.reports import DELETED_FAULT, GONE_FAULT, opened, over_on_arrival
from services.retention.core.settlements import (
    ANOTHER_BEGINNING,
    ANOTHER_KIND,
    settled_on,
    wait,
    waiting_of,
    with_timers,
)
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import Ends
from shared.contracts.retention_profile import Profile

_NOT_DISPUTED = Fault(
    Code.NOT_DISPUTED,
    "data.dispute",
    "No dispute of this number is known about this record. The number is in the question on your topic of disputes, "
    "and is forgotten when the record is erased. A correction or a deletion needs none.",
)
_ANSWERED = Fault(
    Code.ANSWERED,
    "data.dispute",
    "The dispute has another answer already, or the time for one is over. If the record is wrong, send a correction "
    "that names no dispute; if it is right, nothing is to be done.",
)
_INCOMPLETE = Fault(
    Code.LAPSED,
    "data.report_id",
    "The record of this number has lapsed and is erased, so a correction must say all of it: the day on which it "
    "began, and the day on which it ended, unless its kind ends at once.",
)
_BEGUN_LATER = Fault(
    Code.RE_AGEING,
    "data.began_on",
    "The years are counted from the day on which it began, which is told once and is never a later one.",
)
_ANOTHER_END = Fault(
    Code.CONFLICT,
    "data.ended_on",
    "The record is held with another day of its end, or with none. If this day is right, send a correction or a "
    "settlement; if it is a slip, confirm without it.",
)
_TOLD_TWICE = (
    "The record was corrected before with something else here, for the same instant; that counts. If this is right, "
    "send the correction with a later time."
)


def resolve(state: State, report: Report, now: datetime, profile: Profile) -> Step:
    """Take a provider's answer in."""
    match state:
        case Gone():
            return _of_lapsed(report, now, profile)
        case Deleted():
            if report.body.outcome == "deleted":
                return Step(DELETED, (Repeated(report.partner),))
            return Step(DELETED, (refused(report, DELETED_FAULT),))
        case None | Unreported():
            if report.body.outcome in ("confirmed", "unverifiable") or report.body.dispute is not None:
                return Step(state, (refused(report, _NOT_DISPUTED),))
            return wait(state, report, now)
        case Open() | Settled():
            return _of_known(state, report, now, profile)


def _of_lapsed(report: Report, now: datetime, profile: Profile) -> Step:
    """Nothing is left to answer for, unless a slip made the record lapse: then a correction brings it back (R21)."""
    body = report.body
    if body.outcome == "deleted":
        return Step(GONE, (Repeated(report.partner),))
    if body.outcome != "corrected":
        return Step(GONE, (refused(report, GONE_FAULT),))
    if body.began_on is None or (body.ended_on is None and ends(body.kind) is Ends.ON_SETTLEMENT):
        return Step(GONE, (refused(report, _INCOMPLETE),))
    if over_on_arrival(None, report, now, profile):
        return Step(GONE, (refused(report, GONE_FAULT),))
    if profile.clock == "beginning":
        # Its beginning has made it lapse, and no settlement has; and no beginning is moved to a later day.
        return Step(GONE, (refused(report, _BEGUN_LATER),))
    record = opened(report, now, profile)
    if _may_be_over_early(record, now, profile):
        return Step(GONE, (refused(report, GONE_FAULT),))
    # Nothing but a later correction changes it: the slip, if it is forwarded again, does not undo what put it right.
    corrected = replace(record.case.corrected, began_at=report.time, ended_at=report.time)
    facts = replace(record.facts, amount_at=report.time)
    record = replace(record, facts=facts, case=replace(record.case, corrected=corrected))
    return Step(record, (Changed(record, "returned"),))


def _may_be_over_early(record: Known, now: datetime, profile: Profile) -> bool:
    """Whether the record has lapsed early if it was paid soon. Of a kind that ends at once nobody knows any more
    whether it was; what is gone for that reason must not come back (rules D11)."""
    ended_on = record.deadline.ended_on if record.deadline else None
    at = None if ended_on is None else early_at(ended_on, ended_on, record.case.reported_on, profile)
    return at is not None and at <= now


# -- the answer to a dispute -------------------------------------------------------------------------------------------


def _of_known(record: Known, report: Report, now: datetime, profile: Profile) -> Step:
    body = report.body
    if body.kind != record.facts.kind:
        return Step(record, (refused(report, ANOTHER_KIND),))
    named = None
    if body.dispute is not None:
        named = next((each for each in record.case.disputes if each.id == body.dispute), None)
        if named is None:
            return Step(record, (refused(report, _NOT_DISPUTED),))
    match body.outcome:
        case "confirmed":
            return _confirmed(record, named, report)
        case "unverifiable":
            return _answered_unverifiable(record, named, report, profile)
        case "deleted":
            return remove(record, "deleted")
        case "corrected":
            return _corrected(record, named, report, now, profile)
        case None:
            raise AssertionError("what is resolved has an outcome")


def _in_time(named: Dispute | None, report: Report) -> Asked | Unverifiable | None:
    """The dispute that the report answers in time, whether it is read before the time for an answer is over or, because
    a service was down, after it (rules R17); None if it comes too late, or the dispute has an answer."""
    match named:
        case Asked(due=due) if report.arrived is None or report.arrived < due:
            return named
        case Unverifiable(due=due) if due is not None and report.arrived is not None and report.arrived < due:
            return named
        case Asked() | Unverifiable() | Confirmed() | Amended() | None:
            return None


def _confirmed(record: Known, named: Dispute | None, report: Report) -> Step:
    if fault := _is_of_other_days(record, report):
        return Step(record, (refused(report, fault),))
    if (asked := _in_time(named, report)) is not None:
        return _answered(record, Confirmed(asked.id, asked.questions), "confirmed")
    if isinstance(named, Confirmed):
        return Step(record, (Repeated(report.partner),))
    return Step(record, (refused(report, _ANSWERED),))


def _is_of_other_days(record: Known, report: Report) -> Fault | None:
    """How what is confirmed is not what is held (rules R8): then nobody has confirmed the record."""
    facts, body = record.facts, report.body
    if body.began_on not in (None, facts.began_on, *record.case.corrected.began_before):
        return ANOTHER_BEGINNING
    ended = days_of_end(record) if isinstance(record, Settled) else ()
    if ends(facts.kind) is Ends.ON_SETTLEMENT and body.ended_on not in (None, *ended):
        return _ANOTHER_END
    return None


def _answered_unverifiable(record: Known, named: Dispute | None, report: Report, profile: Profile) -> Step:
    is_in_time = _in_time(named, report) is not None
    match named:
        case Asked(due=due):
            return unverifiable(record, named, profile, due=None if is_in_time else due)
        case Unverifiable():
            known = _with_answer(record, replace(named, due=None)) if is_in_time else record
            return Step(known, (Repeated(report.partner),))
        case Confirmed() | Amended() | None:
            return Step(record, (refused(report, _ANSWERED),))


def unverifiable(record: Known, asked: Asked, profile: Profile, due: datetime | None) -> Step:
    """Nobody can say that the record is right: by the profile it is deleted, or it stays and no longer counts
    (rules R17)."""
    if profile.unverifiable == "deletes":
        return remove(record, "unverifiable")
    return _answered(record, Unverifiable(asked.id, asked.questions, due), "unverifiable")


def remove(record: Known, outcome: Literal["deleted", "unverifiable"]) -> Step:
    """Delete the record (rules R20)."""
    facts = record.facts
    return Step(DELETED, (Removed(facts.partner, record.version + 1, outcome, facts.record_class),))


def _answered(record: Known, answer: Dispute, news: News) -> Step:
    record = _with_answer(replace(record, version=record.version + 1), answer)
    return Step(record, (Changed(record, news),))


def _with_answer(record: Known, answer: Dispute) -> Known:
    disputes = tuple(answer if each.id == answer.id else each for each in record.case.disputes)
    return replace(record, case=replace(record.case, disputes=disputes))


# -- corrections -------------------------------------------------------------------------------------------------------


def _corrected(record: Known, named: Dispute | None, report: Report, now: datetime, profile: Profile) -> Step:
    corrected, effect = _correct(record, waiting_of(report), now, profile)
    asked = _in_time(named, report)
    if asked is None or not isinstance(effect, Changed | Repeated):
        return Step(corrected, (effect,))
    answered = _with_answer(corrected, Amended(asked.id, asked.questions))
    answered = replace(answered, version=record.version + 1)
    return Step(answered, (Changed(answered, "corrected"),))


def _correct(record: Known, told: Waiting, now: datetime, profile: Profile) -> tuple[Known, Effect]:
    """What is right instead, field by field (rules R18)."""
    at = told.time
    assert at is not None, "a correction has a time"
    partner, after = record.facts.partner, record
    if fault := _correction_fault(record, told, at, profile):
        return record, refused_waiting(partner, told, fault)
    for step in (_with_beginning, _with_end, _with_amount):
        after = step(after, told, at, now, profile)
    if after.version == record.version:
        return after, Repeated(partner)
    after = replace(after, version=record.version + 1)
    return after, Changed(after, "corrected")


def _correction_fault(record: Known, told: Waiting, at: datetime, profile: Profile) -> Fault | None:
    facts, corrected = record.facts, record.case.corrected
    began_on = told.began_on or facts.began_on
    if profile.clock == "beginning":
        # What is later than the day that counts, and not than all that were told, would have been taken if it had come
        # before the earlier one.
        if began_on > max((facts.began_on, *corrected.began_before)):
            return _BEGUN_LATER
    elif began_on != facts.began_on and corrected.began_at == at:
        return Fault(Code.CONFLICT, "data.began_on", _TOLD_TWICE)
    ended_on = record.deadline.ended_on if record.deadline else None
    if told.ended_on and corrected.ended_at == at and told.ended_on != ended_on:
        return Fault(Code.CONFLICT, "data.ended_on", _TOLD_TWICE)
    if told.amount is not None and facts.amount_at == at and told.amount != facts.amount:
        return Fault(Code.CONFLICT, "data.amount", _TOLD_TWICE)
    if not _sets_beginning(record, began_on, at, profile):
        began_on = facts.began_on
    if ends(facts.kind) is Ends.ON_SETTLEMENT:
        ended_on = told.ended_on if _is_later(at, corrected.ended_at) and told.ended_on else ended_on
        if ended_on is not None and ended_on < began_on:
            return Fault(Code.DATES_CONTRADICT, "data.ended_on", "A record cannot end before it began.")
    known = {*corrected.began_before, *days_of_end(record)}
    is_new = not {told.began_on, told.ended_on} <= {None, facts.began_on, *known}
    if is_new and len(known) >= 2 * SETTLEMENTS_MAX:
        sentence = "The days of this record were corrected so often that no more corrections are taken."
        return Fault(Code.TOO_MANY, "data.report_id", sentence)
    return None


def _is_later(at: datetime, known: datetime | None) -> bool:
    return known is None or at > known


def _sets_beginning(record: Known, began_on: date, at: datetime, profile: Profile) -> bool:
    """Whether a correction of that time sets the beginning: one that is later than all before does or, where the years
    are counted from the beginning, one with an earlier day, whenever it was told."""
    if profile.clock == "beginning":
        return began_on < record.facts.began_on
    return _is_later(at, record.case.corrected.began_at)


def _with_beginning(record: Known, told: Waiting, at: datetime, now: datetime, profile: Profile) -> Known:
    facts, corrected = record.facts, record.case.corrected
    if told.began_on is None:
        return record
    sets = told.began_on != facts.began_on and _sets_beginning(record, told.began_on, at, profile)
    began_on = told.began_on if sets else facts.began_on
    others = {*corrected.began_before, facts.began_on, told.began_on} - {began_on}
    latest = max(at, corrected.began_at or at)
    corrected = replace(corrected, began_at=latest, began_before=tuple(sorted(others)))
    after = replace(record, case=replace(record.case, corrected=corrected))
    if not sets:
        return after
    facts = replace(facts, began_on=began_on)
    after = replace(after, facts=facts, version=record.version + 1)
    if record.deadline is None or not (ends(facts.kind) is Ends.AT_ONCE or profile.clock == "beginning"):
        return after
    deadline = clock_of(facts.kind, facts.began_on, record.deadline.ended_on, profile)
    assert deadline is not None
    timed = with_timers(replace(after, deadline=deadline), now, profile)
    if record.case.early_at is None:
        # It was not paid soon, or something else was held; neither changes with the day on which it began.
        timed = replace(timed, case=replace(timed.case, early_at=None))
    return timed


def _with_end(record: Known, told: Waiting, at: datetime, now: datetime, profile: Profile) -> Known:
    """For a kind that ends at once nothing: its end is its beginning."""
    corrected = record.case.corrected
    if told.ended_on is None or ends(record.facts.kind) is Ends.AT_ONCE:
        return record
    if not _is_later(at, corrected.ended_at):
        return _with_other_end(record, told.ended_on)
    known = record.deadline.ended_on if record.deadline else None
    after = record if known == told.ended_on else settled_on(record, told.ended_on, now, profile, corrects=True)
    return replace(after, case=replace(after.case, corrected=replace(after.case.corrected, ended_at=at)))


def _with_other_end(record: Known, day: date) -> Known:
    if not isinstance(record, Settled) or day in days_of_end(record):
        return record
    return replace(record, overtaken=(*record.overtaken, day))


def _with_amount(record: Known, told: Waiting, at: datetime, now: datetime, profile: Profile) -> Known:
    facts: Facts = record.facts
    if told.amount is None or not _is_later(at, facts.amount_at):
        return record
    changed = told.amount != facts.amount
    facts = replace(facts, amount=told.amount, amount_at=at)
    return replace(record, facts=facts, version=record.version + changed)
