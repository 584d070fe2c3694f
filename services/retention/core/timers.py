"""What the clock does to a record: it lapses, a dispute has no answer in time, what waited is refused, and the person
is told of a day that is near (rules D7, D10, D11, R4, R17 and R22)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec.structs import replace

from services.retention.core.answers import unverifiable
from services.retention.core.deadline import last_day_before
from services.retention.core.effects import Changed, Expired, Step, Warned, refused_waiting
from services.retention.core.record import GONE, Asked, Kept, Known, Unreported, counts
from services.retention.core.reports import UNREPORTED_FAULT
from shared.contracts.retention_profile import Profile

Timer: TypeAlias = Literal["lapse", "early", "answer", "counts", "answer-near", "lapse-near"]
_MOOT_BY: Mapping[Timer, Timer] = {"answer-near": "answer", "lapse-near": "lapse", "counts": "lapse"}
"""Nobody is warned about something that has happened already, and a record that has lapsed does not begin to count,
however late the timers are."""


def due_at(record: Kept) -> datetime | None:
    """When something happens to the record by itself; None if nothing does."""
    if isinstance(record, Unreported):
        return record.waits_until
    return min((at for at, _ in _timers(record)), default=None)


def is_early(record: Kept, at: datetime) -> bool:
    """Whether it is for an early end that the record is due. Of several records of one instant such a one is judged
    first: what lapses at the end of a day was still held on it (rules D11)."""
    return not isinstance(record, Unreported) and record.case.early_at == at


def _timers(record: Known) -> Iterator[tuple[datetime, Timer]]:
    """All that run. Of two for one instant the first counts: what has lapsed needs no answer and no warning."""
    case = record.case
    if record.deadline is not None:
        yield record.deadline.lapses_at, "lapse"
    if case.early_at is not None:
        yield case.early_at, "early"
    if isinstance(case.dispute, Asked):
        yield case.dispute.due, "answer"
        if case.dispute.warn_at is not None:
            yield case.dispute.warn_at, "answer-near"
    if case.counts_from is not None:
        yield case.counts_from, "counts"
    if case.warn_at is not None:
        yield case.warn_at, "lapse-near"


def lapsed(record: Known, now: datetime) -> Step:
    """What has become of the record, if it has lapsed by now though its timer has not fired yet. What is asked or
    answered then comes too late, whether it is read with what made the record lapse or after it."""
    if record.deadline is None or record.deadline.lapses_at > now:
        return Step(record)
    return _lapses(record, record.deadline.lapses_at)


def early_end(record: Kept) -> datetime | None:
    """When the record ends early, if nothing else is held of the person then; None if it never does, or lapses before
    that."""
    if isinstance(record, Unreported) or (at := record.case.early_at) is None:
        return None
    return at if record.deadline is None or at < record.deadline.lapses_at else None


def ends_early(record: Known, at: datetime, *, alone: bool) -> Step:
    """What becomes of the record at its early end (rules D11). If something else is held of the person, it stays until
    its deadline."""
    return _lapses(record, at) if alone else Step(_without(record, "early"))


def silence_is_due(records: Iterable[Kept], instant: datetime) -> bool:
    """Whether it is over by the instant that somebody's answer, or the report for which something waits, could come in
    time: then what had arrived must be read first, since it may have come while the service was down (rules R4 and
    R17)."""
    return any(_could_come_until(record, instant) for record in records)


def silence_until(instant: datetime) -> str:
    """What the runner calls the run that takes silence for an answer. Before each of another name it reads what had
    arrived."""
    return f"silence/{instant:%Y%m%dT%H%M%S.%f}"


def _could_come_until(record: Kept, instant: datetime) -> bool:
    if isinstance(record, Unreported):
        return record.waits_until <= instant
    dispute = record.case.dispute
    return isinstance(dispute, Asked) and dispute.due <= instant


def fire(state: Kept, instant: datetime, now: datetime, profile: Profile, *, alone: bool) -> Step:
    """The first of what is due by the instant happens, however long ago it was due. `now` is what the clock shows: it
    is later where the service was down. `alone` says that no other record of the person is held."""
    if isinstance(state, Unreported):
        if state.waits_until > instant:
            return Step(state)
        return Step(None, tuple(refused_waiting(state.partner, each, UNREPORTED_FAULT) for each in state.waiting))
    due = {timer: at for at, timer in _timers(state) if at <= instant}
    if not due:
        return Step(state)
    timer = min(due, key=lambda each: due[each])
    at = due[timer]
    if _MOOT_BY.get(timer) in {each for until, each in _timers(state) if until <= now}:
        return Step(_without(state, timer))
    dispute = state.case.dispute
    match timer:
        case "lapse":
            return _lapses(state, at)
        case "early":
            return ends_early(state, at, alone=alone)
        case "answer":
            assert isinstance(dispute, Asked)
            return unverifiable(state, dispute, profile, due=at)
        case "counts":
            return _known_long_enough(state)
        case "answer-near":
            assert isinstance(dispute, Asked)
            return Step(_without(state, timer), (Warned(state, timer, dispute.answer_by),))
        case "lapse-near":
            assert state.deadline is not None
            day = last_day_before(state.deadline.lapses_at, profile)
            return Step(_without(state, timer), (Warned(state, timer, day),))


def _without(record: Known, timer: Timer) -> Known:
    """The record when that timer has fired, and nothing else has changed."""
    case = record.case
    match timer:
        case "counts":
            case = replace(case, counts_from=None)
        case "early":
            case = replace(case, early_at=None)
        case "lapse-near":
            case = replace(case, warn_at=None)
        case "answer-near":
            assert isinstance(case.dispute, Asked)
            case = replace(case, disputes=(*case.disputes[:-1], replace(case.dispute, warn_at=None)))
        case "lapse" | "answer":
            raise AssertionError("these end the record, or the dispute")
    return replace(record, case=case)


def _known_long_enough(record: Known) -> Step:
    """The person has known of the record for long enough (rules R22). If it is disputed, or nobody could say that it is
    right, it does not count all the same, and there is nothing to tell."""
    known = _without(record, "counts")
    if not counts(known):
        return Step(known)
    known = replace(known, version=record.version + 1)
    return Step(known, (Changed(known, "counts"),))


def _lapses(record: Known, at: datetime) -> Step:
    facts = record.facts
    return Step(GONE, (Expired(facts.partner, record.version + 1, at, facts.record_class),))
