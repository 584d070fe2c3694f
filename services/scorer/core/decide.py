"""What a person's messages lead to: a new state, refusals, and at most one publication (rules P1 to P7).

Monthly cadence: the monthly run publishes everybody, one version each. Continuous: whatever changes the published
result (score, thin, restrictions) publishes at once, and the monthly run publishes whom the turn of the month changed.
In both, a change of a record publishes at once, and only the monthly run moves a person's standing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import cached_property, lru_cache
from typing import TypeAlias

import msgspec

from services.scorer.core import score
from services.scorer.core.consents import ConsentNews, cited_by, taken_back
from services.scorer.core.features.months import WINDOW_MONTHS_MAX, Circle
from services.scorer.core.features.stated import circle_of
from services.scorer.core.folding import Accepted, Folded, fold, fold_record
from services.scorer.core.forgetting import prune, withdraw_consent
from services.scorer.core.messages import (
    Due,
    Edge,
    Event,
    Message,
    RecordNews,
    ReEvaluation,
    Withdrawal,
    instant_of,
    microseconds,
)
from services.scorer.core.moves import Last, is_by_another, moves, moves_of_policy
from services.scorer.core.policy import Policy
from services.scorer.core.records import STATUS_GONE, has_lapsed
from services.scorer.core.requests import answer_to
from services.scorer.core.score import Evaluation, evaluate, evaluate_walked, with_records_changed
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, decode, encode, without_lapsed
from shared.contracts.erasure import ON_THE_WAY_MAX, Erased, life
from shared.contracts.months import month_of, month_start
from shared.contracts.subject import SubjectAnswer

_FORMAT_OF_REDACTION = 2
"""Since this format of states the end of a record redacts the history."""


class Publication(msgspec.Struct, frozen=True, dict=True):
    """One version of a person's score. `run` is the month of the last monthly run, None before the first."""

    version: int
    as_of: datetime
    run: int | None
    policy: str
    evaluation: Evaluation

    @cached_property
    def column(self) -> bytes:
        """The evaluation, encoded once for the person's row and the history."""
        return score.encode(self.evaluation)


class RunPassed(msgspec.Struct, frozen=True):
    """That a monthly run has passed a person, which fixes what others see of the person's contacts from the next
    publication on, and forgets what is too old."""

    run: int
    remembered_from: datetime
    """What was said or published before this is forgotten (rules S7)."""
    accepted_from: datetime
    """No event of a time before this is accepted any more, so nothing older need be guarded against."""


class Writes(msgspec.Struct, frozen=True):
    """What one decision about a person adds to other tables than the person's row, in this order."""

    user_id: str
    redacts: bool = False
    """A record is gone: so is all that rested on records in what was published until now (rules D9)."""
    publication: Publication | None = None
    edges: tuple[Edge, ...] = ()
    run: RunPassed | None = None
    consents: tuple[ConsentNews, ...] = ()
    erased: tuple[Erased, ...] = ()
    """Everything about the person goes, and whatever was decided before this (rules I11)."""

    @property
    def are_any(self) -> bool:
        return bool(self.redacts or self.publication or self.edges or self.run or self.consents or self.erased)


class Person(msgspec.Struct, frozen=True):
    """All that is kept of one person in one row.

    State and evaluation stay encoded, so that a cache of people is small and nothing in it can be changed by accident.
    """

    user_id: str
    state: bytes = b""
    version: int = 0
    evaluation: bytes = b""
    """The last one, empty before the first. In continuous cadence it may be newer than the last publication: events may
    move items and leave the result as it is, and a change of a record must start from the items as they are."""
    run: int | None = None
    """The monthly run that last moved the standing."""
    standing: int | None = None
    standing_before: int | None = None
    circle: Circle | None = None
    """The person's contacts, as the last monthly run saw them."""
    as_of: datetime | None = None
    """The instant of the last publication; the next one's is never before it."""
    erased: Erased | None = None
    """The person's last erasure, as long as it is remembered."""

    @property
    def is_blank(self) -> bool:
        """Whether nothing is kept, and there is no row."""
        return not self.state and not self.version


class Decided(msgspec.Struct, frozen=True):
    """`folded` has what became of each event; `stale` counts the changes of records that were known already; `answers`
    are those to the person's requests, each with the time of the request."""

    person: Person
    writes: Writes
    folded: Sequence[tuple[Event, Folded]]
    stale: int
    answers: Sequence[tuple[SubjectAnswer, datetime]] = ()
    dropped: int = 0
    """Messages that had arrived before the person was erased."""


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log, and publish at most once."""
    dropped = 0
    if person.erased is not None:
        newer = _since_erased(messages, person.erased, now)
        dropped = len(messages) - len(newer)
        if dropped and not newer:
            return Decided(person, Writes(person.user_id), (), 0, dropped=dropped)
        messages = newer
    known = person.state
    state = decode(known) if known else State()
    redacts = _went_unredacted(person.state, state)
    _close_months(state, now, policy)
    folded: list[tuple[Event, Folded]] = []
    answers: list[tuple[SubjectAnswer, datetime]] = []
    consents: list[ConsentNews] = []
    due: Due | None = None
    changes = stale = 0
    for message in messages:
        match message:
            case Event():
                outcome = fold(state, message, policy.accepts_late_months, window=policy.window)
                folded.append((message, outcome))
                if isinstance(outcome, Accepted) and outcome.cites_anew:
                    consents.append(cited_by(message))
            case RecordNews():
                if fold_record(state, message.body, message.month):
                    changes += 1
                    redacts |= message.body.status in STATUS_GONE
                else:
                    stale += 1
            case Due():
                due = message
            case Withdrawal():
                if is_taken := withdraw_consent(state, message.partner, message.consent_id):
                    consents.append(taken_back(message))
                answers.append((answer_to(message, policy, taken=is_taken), message.time))
            case ReEvaluation():
                answers.append((answer_to(message, policy), message.time))
            case Erased():
                raise AssertionError("what comes before a mark and what comes after it is decided apart")
    accepted = [outcome for _, outcome in folded if isinstance(outcome, Accepted)]
    edges = tuple(outcome.edge for outcome in accepted if outcome.edge is not None)
    person = msgspec.structs.replace(person, state=encode(state))
    counting = without_lapsed(state, now)
    run: RunPassed | None = None
    publication: Publication | None = None
    if due is not None and (person.run is None or person.run < due.run):
        run = passed_by(due.run, policy)
        earliest = now if changes else _last_lapse(state, now)
        person, publication = _run(person, counting, due, earliest, policy)
    elif due is not None and person.evaluation and not person.version and not policy.silent:
        # The run took place in silence, and now it is told, with the records as they are now.
        card = policy.of_run(due.run) or policy.scorecards[0]
        person, publication = _published(person, score.decode(person.evaluation), card, now)
    if publication is None:
        # Of somebody who only takes something back, no first score is made.
        events = bool(accepted) or (
            bool(consents and person.evaluation) and any(news.withdrawn_at is not None for news in consents)
        )
        person, publication = _at_once(person, known, counting, now, policy, events=events, records=bool(changes))
    writes = Writes(person.user_id, redacts, publication, edges, run, tuple(consents))
    return Decided(person, writes, folded, stale, answers, dropped)


def _since_erased(messages: Sequence[Message], erased: Erased, now: datetime) -> Sequence[Message]:
    """The messages but those that arrived before the person was erased, or that are about the life before (rules
    I12)."""
    return [message for message in messages if not _came_before(message, erased, now)]


def _came_before(message: Message, erased: Erased, now: datetime) -> bool:
    match message:
        case Event(came=came) | Withdrawal(came=came):
            return came is not None and came <= erased.asked_at
        case RecordNews(erased=named):
            return life(erased, named, now) == "former"
        case _:
            return False


_Moved: TypeAlias = tuple[Person, Publication | None]
"""The person afterwards, and what is published of it, if anything."""


def _went_unredacted(column: bytes, state: State) -> bool:
    """Whether an earlier release has taken a record's end in, which left its part of the history as it was."""
    return bool(column) and column[0] < _FORMAT_OF_REDACTION and any(record.gone for record in state.records.values())


def _close_months(state: State, now: datetime, policy: Policy) -> None:
    """Forget what the clock has passed. A process whose clock is a little behind the last one's opens nothing again,
    and neither does one that accepts later events than the last one did (rules E5)."""
    month, arrived_from = _months_at(now, policy.zone)
    open_from = arrived_from - policy.accepts_late_months
    if month > state.month or open_from > state.open_from:
        prune(state, max(state.month, month), open_from, policy.window)


@lru_cache(maxsize=16)
def _months_at(now: datetime, zone: tzinfo) -> tuple[int, int]:
    """The clock's month, and the earliest one in which an event may have arrived that is still on its way. Remembered,
    since a step decides for many people at one instant."""
    return month_of(now, zone), month_of(now - ON_THE_WAY_MAX, zone)


def _last_lapse(state: State, now: datetime) -> datetime | None:
    """The latest instant by now at which a record lapsed that retention has not yet told to be gone."""
    now_us = microseconds(now)
    lapsed = [r.lapses_at_us for r in state.records.values() if r.lapses_at_us is not None and has_lapsed(r, now_us)]
    return instant_of(max(lapsed)) if lapsed else None


def _run(person: Person, state: State, due: Due, earliest: datetime | None, policy: Policy) -> _Moved:
    """The monthly run (rules P1): everybody's standing moves (rules P7), and all are published, or whom it changed.

    `earliest` is the instant before which the state would not be true, since a record that counted then is left out.
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
    return _published(person, evaluation, card, max(due.instant, earliest or due.instant))


def passed_by(run: int, policy: Policy) -> RunPassed:
    """What the monthly run of that month forgets of a person whom it passes."""
    return _passed_by(run, policy.accepts_late_months, policy.zone)


@lru_cache(maxsize=16)
def _passed_by(run: int, late_months: int, zone: tzinfo) -> RunPassed:
    return RunPassed(run, month_start(run - WINDOW_MONTHS_MAX, zone), month_start(run - 1 - late_months, zone))


def _at_once(
    person: Person, known: bytes, state: State, now: datetime, policy: Policy, *, events: bool, records: bool
) -> _Moved:
    """What may not wait for the monthly run: a change of a record (rules P3), also of somebody who was never published
    (rules P4); in continuous cadence any change of the result (rules P2). `known` is the state before."""
    card = policy.at(now)
    month, _ = _months_at(now, policy.zone)
    # In continuous cadence a new scorecard does not wait for a run either: it takes effect with whatever comes first.
    is_new = (
        len(policy.scorecards) > 1
        and card.cadence == "continuous"
        and bool(person.evaluation)
        and card is not policy.of_last_run(now)[0]
    )
    if card.cadence == "continuous" and (events or (records and is_new)):
        evaluation = evaluate(state, card, month, person.circle)
        if is_new:
            evaluation = _telling_of_policy(person, decode(known), evaluation, card, policy)
        if not records and not _differs(person, evaluation):
            return _silently(person, evaluation)
    elif records:
        # Of who was never published nothing but the record is known yet: it cannot wait, since it may cap and restrict,
        # and it brings no behavior forward.
        # By the scorecard that the last run was by: a new one takes effect with the next run, for everything at once.
        card, run = policy.of_last_run(now)
        through = month if card.cadence == "continuous" else run - 1
        last = score.decode(person.evaluation) if person.evaluation else evaluate(State(), card, 0)
        evaluation = with_records_changed(last, state, card, through)
    else:
        return person, None
    if policy.silent:
        return _silently(person, evaluation)
    return _published(person, evaluation, card, now)


def _telling_of_policy(
    person: Person, known: State, evaluation: Evaluation, card: Scorecard, policy: Policy
) -> Evaluation:
    """In continuous cadence: with what the scorecard moved, where another one made the last publication of the state
    that was known then."""
    if person.as_of is None or not person.evaluation:
        return evaluation
    last = score.decode(person.evaluation)
    if policy.at(person.as_of) is card and not is_by_another(last, card):
        return evaluation
    then = evaluate(known, card, month_of(person.as_of, policy.zone), person.circle)
    return msgspec.structs.replace(evaluation, moves=moves_of_policy(last, then, evaluation))


def _differs(person: Person, evaluation: Evaluation) -> bool:
    # Of whom only the topic knew after a restore, there is a version and nothing else.
    if not person.version or not person.evaluation:
        return True
    return score.decode(person.evaluation).result != evaluation.result


def _silently(person: Person, evaluation: Evaluation) -> _Moved:
    return msgspec.structs.replace(person, evaluation=score.encode(evaluation)), None


def _published(person: Person, evaluation: Evaluation, card: Scorecard, instant: datetime) -> _Moved:
    """A new version, for the instant or, where a later one was published already, for that one (rules P10). Whoever
    came back was not there before the erasure, though a run may be of an earlier instant."""
    as_of = max(instant, person.as_of or instant, person.erased.asked_at if person.erased else instant)
    new = Publication(person.version + 1, as_of, person.run, card.id, evaluation)
    return msgspec.structs.replace(person, version=new.version, evaluation=new.column, as_of=as_of), new
