"""What a person's messages lead to: a new state, refusals, and at most one publication (rules P1 to P7).

Monthly cadence: the monthly run publishes everybody, one version each. Continuous: whatever changes the published
result (score, thin, restrictions) publishes at once, and the monthly run publishes whom the turn of the month changed.
In both, a change of a record publishes at once, and only the monthly run moves a person's standing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import msgspec

from services.scorer.core import score
from services.scorer.core.calendar import month_of
from services.scorer.core.messages import Due, Edge, Event, Message, RecordNews
from services.scorer.core.score import Evaluation, contacts_band, evaluate, with_records_changed
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import Accepted, Folded, State, decode, encode, fold, fold_record, prune, without_lapsed


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules are given besides time: the scorecard, and the deployment's settings that bear on them."""

    scorecard: Scorecard
    zone: tzinfo
    accepts_late_months: int


class Publication(msgspec.Struct, frozen=True):
    """One version of a person's score. `run` is the number of the last monthly run, None before the first."""

    version: int
    as_of: datetime
    run: int | None
    policy: str
    evaluation: Evaluation


class Person(msgspec.Struct, frozen=True):
    """All that is kept of one person; `edges` and `publication` are what this decision adds to other tables.

    State and evaluation stay encoded, so that a cache of people is small and nothing in it can be changed by accident.
    """

    key: str
    state: bytes = b""
    version: int = 0
    evaluation: bytes = b""
    """The last one, empty before the first. In continuous cadence it may be newer than the last publication: events may
    move items and leave the result as it is, and a change of a record must start from the items as they are."""
    run: int | None = None
    """The monthly run that last moved the standing."""
    standing: int | None = None
    standing_before: int | None = None
    contacts: int | None = None
    """The contacts' standing in steps of 50, as the last monthly run saw it."""
    edges: tuple[Edge, ...] = ()
    publication: Publication | None = None


class Decided(msgspec.Struct, frozen=True):
    """`folded` has what became of each event; `stale` counts the changes of records that were known already."""

    person: Person
    folded: Sequence[tuple[Event, Folded]]
    stale: int


def decide(person: Person, messages: Sequence[Message], now: datetime, policy: Policy) -> Decided:
    """Take all of one person's messages in, in the order of the log, and publish at most once."""
    state = decode(person.state) if person.state else State()
    # A process whose clock is a little behind the last one's must not open a month again.
    month = max(state.month, month_of(now, policy.zone))
    open_from = month - policy.accepts_late_months
    if month > state.month:
        prune(state, month, open_from)
    folded: list[tuple[Event, Folded]] = []
    due: Due | None = None
    changes = stale = 0
    for message in messages:
        match message:
            case Event():
                folded.append((message, fold(state, message, open_from)))
            case RecordNews():
                news = fold_record(state, message.body, message.month)
                changes, stale = changes + news, stale + (not news)
            case Due():
                due = message
    accepted = [outcome for _, outcome in folded if isinstance(outcome, Accepted)]
    person = msgspec.structs.replace(
        person,
        state=encode(state),
        edges=tuple(outcome.edge for outcome in accepted if outcome.edge is not None),
        publication=None,
    )
    counting = without_lapsed(state, now)
    if due is not None:
        person = _run(person, counting, due, policy)
    if person.publication is None:
        person = _at_once(person, counting, now, policy, events=bool(accepted), records=bool(changes))
    return Decided(person, folded, stale)


def _run(person: Person, state: State, due: Due, policy: Policy) -> Person:
    """The monthly run: everybody's standing moves, and everybody is published, or whom it changed."""
    if person.run is not None and person.run >= due.number:
        return person
    contacts = contacts_band(due.contacts, due.standings)
    continuous = policy.scorecard.cadence == "continuous"
    through = due.number if continuous else due.number - 1
    evaluation = evaluate(state, policy.scorecard, through, contacts)
    person = msgspec.structs.replace(
        person, run=due.number, standing=evaluation.score, standing_before=person.standing, contacts=contacts
    )
    if continuous and not _differs(person, evaluation):
        return msgspec.structs.replace(person, evaluation=score.encode(evaluation))
    return _published(person, evaluation, due.instant, policy)


def _at_once(person: Person, state: State, now: datetime, policy: Policy, *, events: bool, records: bool) -> Person:
    """What may not wait for the monthly run: a change of a record; in continuous cadence any change of the result."""
    if events and policy.scorecard.cadence == "continuous":
        evaluation = evaluate(state, policy.scorecard, month_of(now, policy.zone), person.contacts)
        if not records and not _differs(person, evaluation):
            return msgspec.structs.replace(person, evaluation=score.encode(evaluation))
    elif records:
        # Of who was never published nothing but the record is known yet: it cannot wait, since it may cap and restrict,
        # and it brings no behavior forward.
        last = score.decode(person.evaluation) if person.evaluation else evaluate(State(), policy.scorecard, 0, None)
        evaluation = with_records_changed(last, state, policy.scorecard)
    else:
        return person
    return _published(person, evaluation, now, policy)


def _differs(person: Person, evaluation: Evaluation) -> bool:
    return not person.evaluation or score.decode(person.evaluation).result != evaluation.result


def _published(person: Person, evaluation: Evaluation, as_of: datetime, policy: Policy) -> Person:
    version = person.version + 1
    return msgspec.structs.replace(
        person,
        version=version,
        evaluation=score.encode(evaluation),
        publication=Publication(version, as_of, person.run, policy.scorecard.id, evaluation),
    )
