"""When a person's score is published, and by which scorecard (rules P1 to P4, P7, P10, P11).

Monthly cadence: the monthly run publishes everybody, one version each. Continuous: whatever changes the published
result (score, thin, restrictions) publishes at once, and the monthly run publishes whom the turn of the month changed.
In both, a change of a record publishes at once, and only the monthly run moves a person's standing.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import TypeAlias

import msgspec

from services.scorer.core import score
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from services.scorer.core.features.stated import circle_of
from services.scorer.core.messages import Due
from services.scorer.core.moves import Last, is_by_another, moves, moves_of_policy
from services.scorer.core.person import Person, Publication, RunPassed
from services.scorer.core.policy import Policy
from services.scorer.core.score import Evaluation, evaluate, evaluate_walked, with_records_changed
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, decode
from shared.contracts.erasure import ON_THE_WAY_MAX
from shared.contracts.months import month_of, month_start

Published: TypeAlias = tuple[Person, Publication | None]
"""The person afterwards, and what is published of it, if anything."""


def by_run(person: Person, state: State, due: Due, earliest: datetime | None, policy: Policy) -> Published:
    """The monthly run (rules P1): everybody's standing moves (rules P7), and all are published, or whom it changed.

    `earliest`: nothing is published for an instant before this, because a record that counted then is left out of
    `state` already.
    """
    circle = circle_of(due.contacts, due.bands, due.steady)
    card = policy.of_run(due.run) or policy.scorecards[0]
    continuous = card.cadence == "continuous"
    months = card.compiled.walked(state, due.run if continuous else due.run - 1, circle)
    evaluation = evaluate_walked(months, card)
    if not continuous and person.version and person.evaluation and person.run == due.run - 1:
        last = Last(score.decode(person.evaluation), policy.of_run(person.run) or card, person.circle)
        evaluation = msgspec.structs.replace(evaluation, moves=moves(last, evaluation, months, card))
    elif continuous and len(policy.scorecards) > 1:
        evaluation = _telling_of_policy(person, state, evaluation, card, policy)
    person = msgspec.structs.replace(
        person,
        run=due.run,
        standing=score.standing(evaluation, months, card),
        standing_before=person.standing,
        circle=circle,
    )
    if policy.silent or (continuous and not _differs(person, evaluation)):
        return _silently(person, evaluation)
    return with_next_version(person, evaluation, card, max(due.instant, earliest or due.instant))


def passed_by(run: int, policy: Policy) -> RunPassed:
    """What the monthly run of that month forgets of a person whom it passes."""
    return _passed_by(run, policy.accepts_late_months, policy.zone)


@lru_cache(maxsize=16)
def _passed_by(run: int, late_months: int, zone: tzinfo) -> RunPassed:
    return RunPassed(run, month_start(run - WINDOW_MONTHS_MAX, zone), month_start(run - 1 - late_months, zone))


def at_once(
    person: Person, known: bytes, state: State, now: datetime, policy: Policy, *, events: bool, records: bool
) -> Published:
    """What may not wait for the monthly run: a change of a record (rules P3), also of somebody who was never published
    (rules P4); in continuous cadence any change of the result (rules P2). `known` is the state before."""
    card = policy.at(now)
    if card.cadence == "continuous":
        # A new scorecard does not wait for a run either: it takes effect with whatever comes first.
        is_new = len(policy.scorecards) > 1 and bool(person.evaluation) and card is not policy.of_last_run(now)[0]
        if events or (records and is_new):
            evaluation = evaluate(state, card, months_at(now, policy.zone)[0], person.circle)
            if is_new:
                evaluation = _telling_of_policy(person, decode(known), evaluation, card, policy)
            if not records and not _differs(person, evaluation):
                return _silently(person, evaluation)
            return _spoken(person, evaluation, card, now, policy)
    return _for_a_record(person, state, now, policy) if records else (person, None)


def _for_a_record(person: Person, state: State, now: datetime, policy: Policy) -> Published:
    """A person who was never published still gets the record at once, scored as a newcomer: the record may cap or
    restrict, and no behavior is published early. The scorecard is that of the last run: a new one takes effect with the
    next run, for everything at once."""
    month, _ = months_at(now, policy.zone)
    card, run = policy.of_last_run(now)
    through = month if card.cadence == "continuous" else run - 1
    last = score.decode(person.evaluation) if person.evaluation else evaluate(State(), card, 0)
    return _spoken(person, with_records_changed(last, state, card, through), card, now, policy)


def _spoken(person: Person, evaluation: Evaluation, card: Scorecard, now: datetime, policy: Policy) -> Published:
    return _silently(person, evaluation) if policy.silent else with_next_version(person, evaluation, card, now)


def _telling_of_policy(
    person: Person, known: State, evaluation: Evaluation, card: Scorecard, policy: Policy
) -> Evaluation:
    """For continuous cadence: the same with what the scorecard moved, if another scorecard made the last publication of
    the state that was known then."""
    if person.as_of is None or not person.evaluation:
        return evaluation
    last = score.decode(person.evaluation)
    if policy.at(person.as_of) is card and not is_by_another(last, card):
        return evaluation
    then = evaluate(known, card, month_of(person.as_of, policy.zone), person.circle)
    return msgspec.structs.replace(evaluation, moves=moves_of_policy(last, then, evaluation))


def _differs(person: Person, evaluation: Evaluation) -> bool:
    # If only the topic knew the person after a restore, there is a version and nothing else.
    if not person.version or not person.evaluation:
        return True
    return score.decode(person.evaluation).result != evaluation.result


def _silently(person: Person, evaluation: Evaluation) -> Published:
    return msgspec.structs.replace(person, evaluation=score.encode(evaluation)), None


def with_next_version(person: Person, evaluation: Evaluation, card: Scorecard, instant: datetime) -> Published:
    """A new version, for the instant or, if a version for a later instant was published already, for that later instant
    (rules P10). A person who came back was not there before the erasure, so the version is never for an earlier instant
    than that, even if the run is."""
    as_of = max(instant, person.as_of or instant, person.erased.asked_at if person.erased else instant)
    new = Publication(person.version + 1, as_of, person.run, card.id, evaluation)
    return msgspec.structs.replace(person, version=new.version, evaluation=new.column, as_of=as_of), new


@lru_cache(maxsize=16)
def months_at(now: datetime, zone: tzinfo) -> tuple[int, int]:
    """The clock's month, and the earliest one in which an event may have arrived that is still on its way. Remembered,
    since a step decides for many people at one instant."""
    return month_of(now, zone), month_of(now - ON_THE_WAY_MAX, zone)
