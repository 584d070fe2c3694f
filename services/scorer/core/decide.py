"""What a person's messages lead to: a new state, refusals, and at most one publication, see `publishing`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from services.scorer.core import score
from services.scorer.core.consents import ConsentNews, cited_by, taken_back
from services.scorer.core.folding import Accepted, Blocked, Folded, fold, fold_record, known_record
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
from services.scorer.core.publishing import at_once, by_run, months_at, with_next_version
from services.scorer.core.publishing import passed_by as passed_by
from services.scorer.core.records import STATUS_GONE, has_lapsed
from services.scorer.core.requests import answer_to
from services.scorer.core.state import State, decode, encode, without_lapsed
from shared.contracts.erasure import Erased, life
from shared.contracts.subject import SubjectAnswer

Answer: TypeAlias = tuple[SubjectAnswer, datetime]
"""An answer to a request of the person, with the time of the request."""

_FORMAT_OF_REDACTION = 2
"""From this format of states on, the end of a record redacts the history."""


class Decided(msgspec.Struct, frozen=True):
    """`folded` has what became of each event; `stale` counts the changes of records that were known already; `answers`
    are those to the person's requests."""

    person: Person
    writes: Writes
    folded: Sequence[tuple[Event, Folded]]
    stale: int
    answers: Sequence[Answer] = ()
    dropped: int = 0
    """Messages that had arrived before the person was erased."""


class _Taken(msgspec.Struct):
    """What became of a person's messages."""

    folded: list[tuple[Event, Folded]]
    consents: list[ConsentNews]
    answers: list[Answer]
    accepted: bool = False
    """Whether any event counts."""
    due: Due | None = None
    tells_of_record: bool = False
    """Whether a change of a record is among them that anybody may learn of."""
    stale: int = 0
    redacts: bool = False


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log, and publish at most once."""
    late: list[Answer] = []
    dropped = 0
    if person.erased is not None:
        newer = _since_erased(messages, person.erased, now)
        late = _late_answers(messages, person.erased, now, policy)
        dropped = len(messages) - len(newer) - len(late)
        if not newer:
            return Decided(person, Writes(person.user_id), (), 0, late, dropped)
        messages = newer
    known = person.state
    state = decode(known) if known else State()
    redacts = _went_unredacted(known, state)
    _close_months(state, now, policy)
    taken = _take_in(state, messages, policy)
    person = msgspec.structs.replace(person, state=encode(state))
    person, publication, run = _publish_if_due(person, known, state, taken, now, policy)
    edges = tuple(edge for _, outcome in taken.folded if isinstance(outcome, Accepted) and (edge := outcome.edge))
    writes = Writes(person.user_id, redacts or taken.redacts, publication, edges, run, tuple(taken.consents))
    return Decided(person, writes, taken.folded, taken.stale, late + taken.answers, dropped)


def _take_in(state: State, messages: Sequence[Message], policy: Policy) -> _Taken:
    """Change the state by each message in turn."""
    taken = _Taken([], [], [])
    for message in messages:
        match message:
            case Event():
                outcome = fold(state, message, policy.accepts_late_months, window=policy.window)
                taken.folded.append((message, outcome))
                if isinstance(outcome, Accepted):
                    taken.accepted = True
                    if outcome.cites:
                        taken.consents.append(cited_by(message))
                elif isinstance(outcome, Blocked):
                    # Before the withdrawal it would have told of its consent, so it does that now as well (rules I10).
                    taken.consents.append(cited_by(message))
            case RecordNews():
                _take_record(state, message, taken)
            case Due():
                taken.due = message
            case Withdrawal():
                if is_taken := withdraw_consent(state, message.partner, message.consent_id):
                    taken.consents.append(taken_back(message))
                taken.answers.append((answer_to(message, policy, taken=is_taken), message.time))
            case ReEvaluation():
                taken.answers.append((answer_to(message, policy), message.time))
            case Erased():
                raise AssertionError("what comes before a mark and what comes after it is decided apart")
    return taken


def _take_record(state: State, news: RecordNews, taken: _Taken) -> None:
    is_gone = news.body.status in STATUS_GONE
    known = known_record(state, news.body.record_id)
    if not fold_record(state, news.body, news.arrival_month):
        taken.stale += 1
        return
    # A record that neither counted before nor counts now stays unknown to others: not even a version of the score may
    # reveal it, and if it never counted, none may reveal that it is gone (rules R22).
    ends = is_gone and not (known is not None and known.unheard)
    taken.tells_of_record |= (known is not None and known.counts) or news.body.counts or ends
    taken.redacts |= ends


def _publish_if_due(
    person: Person, known: bytes, state: State, taken: _Taken, now: datetime, policy: Policy
) -> tuple[Person, Publication | None, RunPassed | None]:
    """Publish by the monthly run, if one is due and does, else at once if that may not wait for a run. `known` is the
    state before."""
    counting = without_lapsed(state, now)
    due = taken.due
    run: RunPassed | None = None
    publication: Publication | None = None
    if due is not None and (person.run is None or person.run < due.run):
        run = passed_by(due.run, policy)
        earliest = now if taken.tells_of_record else _last_lapse(state, now)
        person, publication = by_run(person, counting, due, earliest, policy)
    elif due is not None and person.evaluation and not person.version and not policy.silent:
        # The run took place without publishing. Its result is published now, with the records as they are now.
        card = policy.of_run(due.run) or policy.scorecards[0]
        person, publication = with_next_version(person, score.decode(person.evaluation), card, now)
    if publication is None:
        # A withdrawal alone does not lead to a person's first score.
        events = taken.accepted or (
            bool(person.evaluation) and any(news.withdrawn_at is not None for news in taken.consents)
        )
        records = taken.tells_of_record
        person, publication = at_once(person, known, counting, now, policy, events=events, records=records)
    return person, publication, run


def _late_answers(messages: Sequence[Message], erased: Erased, now: datetime, policy: Policy) -> list[Answer]:
    """Whoever withdrew a consent before the erasure is answered, even where the erasure is read first."""
    asked = [each for each in messages if isinstance(each, Withdrawal)]
    return [(answer_to(each, policy), each.time) for each in asked if _came_before(each, erased, now)]


def _since_erased(messages: Sequence[Message], erased: Erased, now: datetime) -> Sequence[Message]:
    """The messages without those that arrived before the person was erased, or that are about an earlier life (rules
    I12)."""
    return [message for message in messages if not _came_before(message, erased, now)]


def _came_before(message: Message, erased: Erased, now: datetime) -> bool:
    match message:
        case Event(arrived=arrived) | Withdrawal(arrived=arrived):
            return arrived is not None and arrived <= erased.asked_at
        case RecordNews(erased=named):
            return life(erased, named, now) == "former"
        case _:
            return False


def _went_unredacted(column: bytes, state: State) -> bool:
    """Whether an earlier release took in the end of a record, and left the record's part of the history as it was."""
    return bool(column) and column[0] < _FORMAT_OF_REDACTION and any(record.gone for record in state.records.values())


def _close_months(state: State, now: datetime, policy: Policy) -> None:
    """Forget what the clock has passed. No process opens a month again, even if its clock is a little behind that of
    the last process, or if it accepts later events than the last process did (rules E5)."""
    month, arrived_from = months_at(now, policy.zone)
    open_from = arrived_from - policy.accepts_late_months
    if month > state.month or open_from > state.open_from:
        prune(state, max(state.month, month), open_from, policy.window)


def _last_lapse(state: State, now: datetime) -> datetime | None:
    """The latest instant up to now at which a record lapsed whose end retention has not reported yet."""
    now_us = microseconds(now)
    lapsed = [r.lapses_at_us for r in state.records.values() if r.lapses_at_us is not None and has_lapsed(r, now_us)]
    return instant_of(max(lapsed)) if lapsed else None
