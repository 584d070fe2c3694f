"""The law of continuous cadence over months (rules P2): what is kept of a person is what a full evaluation gives.

Late events, changes of records, lapses, a second scorecard that comes into force, monthly runs, and contacts who come,
go and are erased: after each of them nothing of the last evaluation may have stayed as it was.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.core import score
from services.scorer.core.calendar import run_instant
from services.scorer.core.decide import Person, decide
from services.scorer.core.features.stated import CONTACTS_MIN
from services.scorer.core.folding import Accepted
from services.scorer.core.messages import Due, Event, Message, RecordNews
from services.scorer.core.policy import Policy
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import decode, without_lapsed
from shared.contracts.months import month_of
from tests.support.people import JAN, ME, SHIPPED, ZONE, card, day, event, policy_of, record

MONTHS = range(JAN, JAN + 4)
FIRST = card(cadence="continuous")
SECOND = card(
    name="second",
    cadence="continuous",
    effective_on=date(2026, 2, 20),
    months_min=1,
    ceilings={},
    rules=tuple(msgspec.structs.replace(rule, evidence=None) for rule in FIRST.rules),
)
OURS = msgspec.structs.replace(SHIPPED, cadence="continuous")
LATE_MONTHS = 3


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[datetime, list[Message]]]:
    """Instants of some months, each with what comes then; the monthly runs among them."""
    found: list[tuple[datetime, list[Message]]] = []
    version = 0
    for month in MONTHS:
        contacts = draw(st.sampled_from([0, CONTACTS_MIN - 1, CONTACTS_MIN, 15, 50]))
        band, steady = draw(st.sampled_from([350, 450, 850])), draw(st.integers(0, contacts))
        instant = run_instant(month, FIRST.publication_day, ZONE)
        due = Due(ME, month, instant, contacts, contacts * band, steady)
        found.append((instant + timedelta(minutes=draw(st.sampled_from([1, 3000]))), [due]))
        for _ in range(draw(st.integers(0, 3))):
            now = day(month, draw(st.integers(9, 28)))
            messages: list[Message] = []
            for _ in range(draw(st.integers(1, 4))):
                if draw(st.integers(0, 3)):
                    messages.append(draw(_events(month, now)))
                else:
                    version += 1
                    messages.append(draw(_changes(month, version, now)))
            found.append((now, messages))
    return sorted(found, key=lambda step: step[0])


def _events(month: int, now: datetime) -> st.SearchStrategy[Event]:
    """Of this month, by then, or up to three months late."""
    times = st.builds(
        lambda late, of_month: min(day(month - late, of_month), now), st.integers(0, LATE_MONTHS), st.integers(1, 28)
    )
    ids = st.integers(0, 10**6).map(str)
    return st.one_of(
        st.builds(
            event,
            st.sampled_from(["water.bill", "transit.fare", "credit_card.repayment"]),
            times,
            ids,
            arrival_month=st.just(month),
            days_late=st.sampled_from([0, 0, 0, 5, 40]),
        ),
        st.builds(
            event, st.just("income.reported"), times, ids, arrival_month=st.just(month), amount=st.integers(0, 10**7)
        ),
        st.builds(event, st.just("shop.purchase"), times, ids, arrival_month=st.just(month), reverses=st.booleans()),
        st.builds(
            event,
            st.just("identity.verified"),
            times,
            ids,
            arrival_month=st.just(month),
            value=st.sampled_from(["verified", "withdrawn"]),
        ),
    )


def _changes(month: int, version: int, now: datetime) -> st.SearchStrategy[RecordNews]:
    return st.builds(
        lambda kind, id, counts, days: RecordNews(
            ME,
            month,
            record(kind, id, version, counts=counts, lapses_at=None if days is None else now + timedelta(days=days)),
        ),
        st.sampled_from(["court.listing", "card.overdue", "ride.unpaid"]),
        st.sampled_from(["r1", "r2"]),
        st.booleans(),
        st.sampled_from([None, 1, 20, 60]),
    )


def _full(person: Person, scorecard: Scorecard, month: int, now: datetime) -> Evaluation:
    return evaluate(without_lapsed(decode(person.state), now), scorecard, month, person.circle)


@given(steps(), st.sampled_from([(FIRST,), (OURS,), (FIRST, SECOND)]))
def test_what_is_kept_is_what_a_full_evaluation_gives(
    all_steps: list[tuple[datetime, list[Message]]], cards: tuple[Scorecard, ...]
) -> None:
    policy: Policy = policy_of(*cards, late_months=LATE_MONTHS)
    person, current, decided_at = Person(ME), (0, ""), all_steps[0][0]
    for now, messages in all_steps:
        month, scorecard = month_of(now, ZONE), policy.at(now)
        decided = decide(person, messages, now, policy)
        person = decided.person
        if isinstance(messages[0], Due):
            scorecard = policy.of_run(messages[0].run) or policy.scorecards[0]
            is_whole = True
        else:
            is_whole = any(isinstance(outcome, Accepted) for _, outcome in decided.folded)
        if is_whole:
            current = (month, scorecard.id)
        if is_whole or decided.writes.publication is not None:
            decided_at = now
        # Between the turn of a month, or of a policy, and whatever comes first, the last evaluation stands; so it does
        # after a record has lapsed that retention has not reported yet, while only what was known before comes again.
        if person.evaluation and current == (month, scorecard.id):
            kept = msgspec.structs.replace(score.decode(person.evaluation), moves=())
            assert kept == _full(person, scorecard, month, decided_at)
            if decided.writes.publication is not None:
                assert decided.writes.publication.policy == scorecard.id
