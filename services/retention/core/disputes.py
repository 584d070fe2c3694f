"""What a person's requests do to a record: a dispute (rules R17 and R19), and a statement (rules R23)."""

from __future__ import annotations

from datetime import date, datetime

from msgspec.structs import replace

from services.retention.core.bounds import DISPUTES_MAX
from services.retention.core.deadline import answer_by, asked_by, day_of, days_before, end_of
from services.retention.core.effects import AskedProvider, Changed, Effect, Repeated, Replied, Reply, Step
from services.retention.core.messages import DisputeRequest, StatementRequest
from services.retention.core.record import Asked, Known, Open, Question, Settled, State, Statement, Unverifiable
from shared.contracts.retention_profile import Profile


def dispute(state: State, request: DisputeRequest, dispute_id: str, now: datetime, profile: Profile) -> Step:
    """The record is left out of the score, and its provider is asked (rules R17). `dispute_id` is the number that the
    dispute has if it is a new one."""
    if not isinstance(state, Open | Settled):
        return Step(state, (_replied(request, "no-such-record"),))
    disputes, current = state.case.disputes, state.case.dispute
    asked_before = [question for each in disputes for question in each.questions]
    if any(question.request_id == request.request_id for question in asked_before):
        return Step(state, (Repeated(""),))
    question = Question(request.request_id, request.reason, request.text)
    is_known = any(each.facts == question.facts for each in asked_before)
    if isinstance(current, Unverifiable) or (isinstance(current, Asked) and _is_late(request, current)):
        return Step(state, (_replied(request, "no-longer"),))
    if isinstance(current, Asked):
        if is_known:
            return Step(state, (_replied(request, "being-checked", current.answer_by),))
        return _added(state, current, question, request, now, profile)
    if is_known:
        return Step(state, (_replied(request, "same-facts"),))
    if len(disputes) >= DISPUTES_MAX:
        return Step(state, (_replied(request, "too-many"),))
    return _asked(state, dispute_id, question, request, now, profile)


def _is_late(request: DisputeRequest, asked: Asked) -> bool:
    """Whether the request came when the time for the answer was over, though the timer has not fired yet. Such a
    request does not extend that time (rules R17)."""
    return request.arrived is not None and request.arrived >= asked.due


def _asked(
    record: Known, id: str, question: Question, request: DisputeRequest, now: datetime, profile: Profile
) -> Step:
    since = _came_on(request, now, profile)
    asked = _timed(Asked(id, (question,), since, since, now), now, profile)
    case = replace(record.case, disputes=(*record.case.disputes, asked))
    record = replace(record, version=record.version + 1, case=case)
    effects: tuple[Effect, ...] = (
        Changed(record, "disputed"),
        AskedProvider(record, asked, question, _is_asked_late(request, now, profile)),
        _replied(request, "asked", asked.answer_by),
    )
    return Step(record, effects)


def _added(
    record: Known, asked: Asked, question: Question, request: DisputeRequest, now: datetime, profile: Profile
) -> Step:
    """More that the person says while the record is checked. It makes the time for the answer longer once, if the
    profile says so (rules D10)."""
    if len(asked.questions) >= DISPUTES_MAX:
        return Step(record, (_replied(request, "too-many"),))
    asked = replace(asked, questions=(*asked.questions, question))
    if not asked.extended and (profile.extension.days or profile.extension.months):
        asked = _timed(replace(asked, extended=True), now, profile)
    case = replace(record.case, disputes=(*record.case.disputes[:-1], asked))
    record = replace(record, case=case)
    reply = _replied(request, "asked", asked.answer_by)
    return Step(record, (AskedProvider(record, asked, question, _is_asked_late(request, now, profile)), reply))


def _came_on(request: DisputeRequest, now: datetime, profile: Profile) -> date:
    return day_of(min(request.arrived or now, now), profile)


def _is_asked_late(request: DisputeRequest, now: datetime, profile: Profile) -> bool:
    last_day = asked_by(_came_on(request, now, profile), profile)
    return last_day is not None and day_of(now, profile) > last_day


def _timed(asked: Asked, now: datetime, profile: Profile) -> Asked:
    """With its last day, which is never an earlier one than the provider was told before: the profile may have changed
    since (rules D6)."""
    last_day = max(asked.answer_by, answer_by(asked.since, profile, extended=asked.extended))
    due = end_of(last_day, profile.zone_info)
    warn_at = days_before(due, profile.warnings.answer_days, profile, now)
    return replace(asked, answer_by=last_day, due=due, warn_at=warn_at)


def attach(state: State, request: StatementRequest) -> Step:
    """The person's own words go with the record from now on, instead of earlier ones; of several of one instant the one
    whose request comes last by its id stays, in whichever order they come (rules R23)."""
    reply = Replied(request.request_id, "statement", request.record_id, request.time, "attached")
    if not isinstance(state, Open | Settled):
        return Step(state, (replace(reply, reply="no-such-record"),))
    known = state.case.statement
    if known is not None and known.request_id == request.request_id:
        return Step(state, (Repeated(""),))
    if known is not None and (known.at, known.request_id) > (request.time, request.request_id):
        return Step(state, (replace(reply, reply="later-statement"),))
    statement = Statement(request.text, request.request_id, request.time)
    return Step(replace(state, case=replace(state.case, statement=statement)), (reply,))


def _replied(request: DisputeRequest, reply: Reply, day: date | None = None) -> Replied:
    return Replied(request.request_id, "dispute", request.record_id, request.time, reply, day)
