"""What a person's messages lead to: a new state, refusals, and at most one publication, see `publishing`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.scorer.core import score
from services.scorer.core.consents import ConsentNews, cited_by, taken_back
from services.scorer.core.folding import Accepted, Folded, fold, fold_record, record_counts
from services.scorer.core.forgetting import prune, withdraw_consent
from services.scorer.core.messages import (
    Due,
    Event,
    Message,
    RecordNews,
    ReEvaluation,
    Withdrawal,
    instant_of,
    microseconds,
)
from services.scorer.core.person import Person as Person
from services.scorer.core.person import Publication as Publication
from services.scorer.core.person import RunPassed as RunPassed
from services.scorer.core.person import Writes as Writes
from services.scorer.core.policy import Policy
from services.scorer.core.publishing import at_once, by_run, months_at, published
from services.scorer.core.publishing import passed_by as passed_by
from services.scorer.core.records import STATUS_GONE, has_lapsed
from services.scorer.core.requests import answer_to
from services.scorer.core.state import State, decode, encode, without_lapsed
from shared.contracts.erasure import Erased, life
from shared.contracts.subject import SubjectAnswer

_FORMAT_OF_REDACTION = 2
"""Since this format of states the end of a record redacts the history."""


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
    answers: list[tuple[SubjectAnswer, datetime]] = []
    if person.erased is not None:
        newer = _since_erased(messages, person.erased, now)
        if len(newer) < len(messages):
            # Whoever has asked is answered, also where the erasure is read first.
            asked = [each for each in messages if isinstance(each, Withdrawal)]
            late = [each for each in asked if _came_before(each, person.erased, now)]
            answers += [(answer_to(each, policy), each.time) for each in late]
        dropped = len(messages) - len(newer) - len(answers)
        if not newer:
            return Decided(person, Writes(person.user_id), (), 0, answers, dropped)
        messages = newer
    known = person.state
    state = decode(known) if known else State()
    redacts = _went_unredacted(person.state, state)
    _close_months(state, now, policy)
    folded: list[tuple[Event, Folded]] = []
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
                is_gone = message.body.status in STATUS_GONE
                counted = record_counts(state, message.body.record_id)
                if fold_record(state, message.body, message.month):
                    # What neither counted nor counts is nobody's business: not even a version tells of it (rules R22).
                    changes += counted or message.body.counts or is_gone
                    redacts |= is_gone
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
        person, publication = by_run(person, counting, due, earliest, policy)
    elif due is not None and person.evaluation and not person.version and not policy.silent:
        # The run took place in silence, and now it is told, with the records as they are now.
        card = policy.of_run(due.run) or policy.scorecards[0]
        person, publication = published(person, score.decode(person.evaluation), card, now)
    if publication is None:
        # Of somebody who only takes something back, no first score is made.
        events = bool(accepted) or (
            bool(consents and person.evaluation) and any(news.withdrawn_at is not None for news in consents)
        )
        person, publication = at_once(person, known, counting, now, policy, events=events, records=bool(changes))
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


def _went_unredacted(column: bytes, state: State) -> bool:
    """Whether an earlier release has taken a record's end in, which left its part of the history as it was."""
    return bool(column) and column[0] < _FORMAT_OF_REDACTION and any(record.gone for record in state.records.values())


def _close_months(state: State, now: datetime, policy: Policy) -> None:
    """Forget what the clock has passed. A process whose clock is a little behind the last one's opens nothing again,
    and neither does one that accepts later events than the last one did (rules E5)."""
    month, arrived_from = months_at(now, policy.zone)
    open_from = arrived_from - policy.accepts_late_months
    if month > state.month or open_from > state.open_from:
        prune(state, max(state.month, month), open_from, policy.window)


def _last_lapse(state: State, now: datetime) -> datetime | None:
    """The latest instant by now at which a record lapsed that retention has not yet told to be gone."""
    now_us = microseconds(now)
    lapsed = [r.lapses_at_us for r in state.records.values() if r.lapses_at_us is not None and has_lapsed(r, now_us)]
    return instant_of(max(lapsed)) if lapsed else None
