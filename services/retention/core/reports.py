"""What a provider's reports do to a record (rules R1 to R15): `reported` and `settled`.

- The years are counted from the day on which the behavior ended. For a kind that ends at once that is the day on which
  it began, and no settlement moves it; for the others it is the day of the settlement.
- A deadline that is set is never moved to a later day. An earlier one is taken, so that of several settlements the
  earliest counts, in whichever order they come. A day that was taken before stays known: a settlement that names it
  again changes nothing.
- What was corrected is changed by a later correction alone (rules R18, see `answers`). What a report says of a time
  before the correction is history.
- A record that lapsed or was deleted is gone: only its fingerprint stays, and no report brings it back, unless its
  provider certifies one that was deleted.
- A report by whose own days the record would have lapsed is refused and changes nothing, whatever is known of the
  record. So it does not block its number, and if it is forwarded again it cannot undo the report that put it right.
- A settlement is believed, however old its day: nobody stays bound by a record that is over while a year is checked.
- Of two reports of one record that contradict each other the first counts; a settlement that contradicts the report is
  refused, even if it came before it. Another amount of an open record is no contradiction, but its balance.

A record is identified by its content, (person, partner, report id), and each step changes nothing when it comes again;
so no ids of events are kept, which would outlast the record.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from services.retention.core.bounds import VERSIONS_MAX, WAITS_MAX
from services.retention.core.deadline import (
    clock_of,
    day_of,
    end_of,
)
from services.retention.core.effects import (
    Changed,
    Effect,
    Repeated,
    Step,
    refused,
)
from services.retention.core.messages import Report
from services.retention.core.record import (
    DELETED,
    GONE,
    Case,
    Deleted,
    Facts,
    Gone,
    Kept,
    Known,
    Open,
    Settled,
    State,
    Unreported,
    days_of_end,
    ends,
)
from services.retention.core.settlements import ANOTHER_BEGINNING, ANOTHER_KIND, settle, wait, waiting_of, with_timers
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import Ends
from shared.contracts.retention_profile import Profile

GONE_FAULT = Fault(
    Code.LAPSED,
    "data.report_id",
    "The record of this number has lapsed and is erased; it is not taken again. Nothing is to be done, unless it "
    "lapsed by a slip in the day of its settlement: then send a correction, with the day on which it began and the "
    "right day of its end.",
)
DELETED_FAULT = Fault(
    Code.DELETED,
    "data.report_id",
    "The record of this number was deleted after a dispute or at your own word. If it is right after all, report it "
    "again with the number of your certificate that it is (`certificate` in your mapping).",
)
UNREPORTED_FAULT = Fault(
    Code.UNREPORTED,
    "data.report_id",
    f"No report of this number came within {WAITS_MAX.days} days. Look at the number; report the record, and then send "
    "this again.",
)
_UPDATED_TOO_OFTEN = Fault(
    Code.TOO_MANY,
    "data.amount",
    f"The record has changed {VERSIONS_MAX:,} times already; its amount stays as it is. It can still be settled.",
)


def take(state: State, report: Report, now: datetime, profile: Profile) -> Step:
    """Take one report in, `reported` or `settled`. No day in it lies ahead of its arrival: ingest sees to that.

    A record that has lapsed is not taken again (rules R10), one that was deleted only with a certificate (rules R20).
    """
    if isinstance(state, Gone):
        return Step(GONE, (refused(report, GONE_FAULT),))
    if isinstance(state, Deleted) and (report.body.status == "settled" or report.body.certificate is None):
        return Step(DELETED, (refused(report, DELETED_FAULT),))
    if report.body.status == "settled":
        if state is None or isinstance(state, Unreported):
            return wait(state, report, now)
        assert not isinstance(state, Deleted)
        return _settled(state, report, now, profile)
    if isinstance(state, Deleted):
        return _returned(report, now, profile)
    if fault := over_on_arrival(state, report, now, profile):
        return Step(state, (refused(report, fault),))
    if state is None or isinstance(state, Unreported):
        record = opened(report, now, profile)
        return Step(record, (Changed(record, "reported"),))
    return _reported_again(state, report, now, profile)


# -- reports -----------------------------------------------------------------------------------------------------------


def opened(report: Report, now: datetime, profile: Profile) -> Known:
    """The first version of a record."""
    facts, today = _facts(report), day_of(now, profile)
    deadline = clock_of(facts.kind, facts.began_on, report.body.ended_on, profile)
    notice = timedelta(profile.notice_days.of(facts.record_class))
    case = Case(reported_on=today, counts_from=end_of(today + notice, profile.zone_info) if notice else None)
    record: Known = Open(facts, 1, deadline, case)
    if deadline is not None and deadline.ended_on is not None and ends(facts.kind) is Ends.ON_SETTLEMENT:
        record = Settled(facts, 1, deadline, case=case)
    return with_timers(record, now, profile)


def _returned(report: Report, now: datetime, profile: Profile) -> Step:
    """A record that was deleted comes back, certified by its provider (rules R20)."""
    if fault := over_on_arrival(None, report, now, profile):
        return Step(DELETED, (refused(report, fault),))
    record = opened(report, now, profile)
    return Step(record, (Changed(record, "returned"),))


def _reported_again(record: Known, report: Report, now: datetime, profile: Profile) -> Step:
    """A further report of a record: nothing new (rules R2), its balance, its end, or a contradiction (rules R8)."""
    if fault := _contradiction(record, _facts(report)):
        if fault.field == "data.began_on" and _is_history(record, report):
            return Step(record, (Repeated(report.partner),))
        return Step(record, (refused(report, fault),))
    updated = _with_amount(record, _facts(report))
    effects: list[Effect] = [Changed(updated)] if updated.version > record.version else []
    if report.body.ended_on is not None and ends(record.facts.kind) is Ends.ON_SETTLEMENT:
        updated, effect = settle(updated, waiting_of(report), now, profile)
        effects.append(effect)
    return Step(updated, tuple(effects) or (Repeated(report.partner),))


def _is_history(record: Known, report: Report) -> bool:
    """Whether the beginning was corrected since, so that an older report may say otherwise (rules R18)."""
    corrected_at = record.case.corrected.began_at
    return corrected_at is not None and report.time <= corrected_at


def over_on_arrival(state: Kept | None, report: Report, now: datetime, profile: Profile) -> Fault | None:
    """The fault of a report by whose own days the record has lapsed (rules R11).

    There is none if the record is known to have ended on just that day: then the report was taken in time, and comes
    again before the timer has fired. Nor is there one for what a correction has put right since.
    """
    body = report.body
    assert body.began_on is not None, "a record that is reported has begun"
    deadline = clock_of(body.kind, body.began_on, body.ended_on, profile)
    if deadline is None or deadline.lapses_at > now:
        return None
    if isinstance(state, Open | Settled) and _is_known(state, body.began_on, deadline.ended_on):
        return None
    return over_by("began_on" if ends(body.kind) is Ends.AT_ONCE or profile.clock == "beginning" else "ended_on")


def over_by(name: Literal["began_on", "ended_on"]) -> Fault:
    """The fault of a report by whose own day the record has lapsed."""
    sentence = (
        "By this day the record has lapsed already, so nothing of it is kept. If the day is right, leave the report "
        "out; if it is wrong, send it again with the right one, under the same number."
    )
    return Fault(Code.LAPSED, f"data.{name}", sentence)


def _is_known(record: Known, began_on: date, ended_on: date | None) -> bool:
    if began_on in record.case.corrected.began_before:
        return True
    return ended_on in days_of_end(record) or (ended_on is None and began_on == record.facts.began_on)


def _contradiction(record: Known, told: Facts) -> Fault | None:
    """The first field of a further report that contradicts the first one (rules R8; table in decision 0018)."""
    known = record.facts
    if known.kind != told.kind:
        return ANOTHER_KIND
    if told.began_on not in (known.began_on, *record.case.corrected.began_before):
        return ANOTHER_BEGINNING
    if not _is_another_amount(known, told):
        return None
    if isinstance(record, Settled):
        return Fault(Code.CONFLICT, "data.amount", "The record is settled; its amount does not change any more.")
    if known.amount_at == told.amount_at:
        sentence = (
            "The record was reported with another amount for the same instant; the first report counts. If this amount "
            "is right, send it with a later time."
        )
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


def _settled(record: Known, report: Report, now: datetime, profile: Profile) -> Step:
    settled, effect = settle(record, waiting_of(report), now, profile)
    return Step(settled, (effect,))


# -- what a report says ------------------------------------------------------------------------------------------------


def _facts(report: Report) -> Facts:
    body = report.body
    assert body.began_on is not None, "a record that is reported has begun"
    amount_at = None if body.amount is None else report.time
    return Facts(report.partner, body.report_id, body.kind, body.began_on, body.amount, amount_at)
