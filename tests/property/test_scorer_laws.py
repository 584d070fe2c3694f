"""The laws of a person's state and score (rules S1 to S7), for any events at all.

Events are drawn with few ids, kinds and months, so that they meet. What the state depends on is the set of accepted
events. Which are accepted depends on their order in two cases, and in no others: where two bodies share an id the first
wins, and where there is no more room the first ones have it. So the laws of order draw one body for each id and fewer
events than there is room for, and two laws of their own say what holds in those cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.scorer.core import folding, score
from services.scorer.core.calendar import run_instant
from services.scorer.core.decide import Person, decide
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import Accepted, Duplicate, TooMany, fold, fold_record
from services.scorer.core.forgetting import prune, withdraw_consent
from services.scorer.core.ids import GROUP_OF, HASH
from services.scorer.core.messages import Due, Event, Message, RecordNews
from services.scorer.core.policy import Policy
from services.scorer.core.score import Evaluation, evaluate, without_records
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Bin
from services.scorer.core.state import State, amounts, decode, encode, vectors
from services.scorer.core.vectors import Vector
from shared.contracts.kinds import KIND_OF
from shared.contracts.months import month_of
from tests.support import people
from tests.support.law_sizes import examples
from tests.support.people import (
    CARD,
    FRIEND,
    JAN,
    ME,
    SHIPPED,
    ZONE,
    card,
    consent,
    day,
    event,
    policy_of,
    record,
    rule,
)

OPEN_FROM = JAN - 3
NOW = day(JAN, 28)
HARSH = card(
    rules=(
        rule("kept-on-time", bins=(Bin(at_least=0, points=-400), Bin(at_least=900, points=210)), unknown=-100),
        *CARD.rules[1:],
    )
)

Withdrawal: TypeAlias = tuple[str, str]
"""Partner and consent id."""
Input: TypeAlias = Event | RecordNews | Withdrawal
T = TypeVar("T")

IDS = st.integers(0, 10**6).map(str)
PARTNERS = st.sampled_from(["bank", "shop"])
CONSENTS = st.sampled_from(["c1", "c2"])
AMOUNTS = st.one_of(st.integers(0, 3), st.integers(0, 10**15))


def times(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Few instants of these months, the same one often."""
    return st.builds(day, st.integers(first, last), st.integers(1, 28), st.sampled_from([0, 12]))


def events(first: int = OPEN_FROM, last: int = JAN) -> st.SearchStrategy[Event]:
    """Any event with a time in these months."""
    time = times(first, last)
    made: Callable[..., st.SearchStrategy[Event]] = lambda *kinds, **fields: st.builds(  # noqa: E731  # a type for a generic function
        event, st.sampled_from(kinds), time, IDS, PARTNERS, **fields
    )
    return st.one_of(
        made("water.bill", "transit.fare", days_late=st.integers(0, 90), amount=AMOUNTS),
        made("shop.purchase", "donation.made", count=st.integers(1, 5), amount=AMOUNTS, reverses=st.booleans()),
        made("income.reported", "tax.reported", amount=AMOUNTS, consent=CONSENTS.map(consent)),
        made("identity.verified", value=st.sampled_from(["verified", "withdrawn"])),
        made("contact.standing", contact=st.just(FRIEND), value=st.sampled_from(["present", "absent"])),
    )


CHANGES = st.builds(
    # A later version is a later change, and of what is gone there is none: what comes back has another id.
    lambda kind, id, version, counts, status: RecordNews(
        ME,
        JAN - 40 + 10 * version,
        record(kind, id, version, counts=counts, status="expired" if version == 4 else status),
    ),
    st.sampled_from(["court.listing", "card.overdue", "ride.unpaid"]),
    st.sampled_from(["r1", "r2"]),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from(["open", "disputed"]),
)


def identity(one: Input) -> Any:
    """What may be there once with one content: an event's id, a version of a record, a withdrawal."""
    match one:
        case Event():
            return one.identity[HASH]
        case RecordNews():
            return one.body.record_id, one.body.version
        case _:
            return one


WITHDRAWALS = st.tuples(PARTNERS, CONSENTS)


def inputs(first: int = OPEN_FROM, last: int = JAN, size: int = 25) -> st.SearchStrategy[list[Input]]:
    return st.lists(st.one_of(events(first, last), CHANGES, WITHDRAWALS), max_size=size, unique_by=identity)


def take(state: State, one: Input, open_from: int = OPEN_FROM) -> None:
    match one:
        case Event():
            people.take(state, one, open_from)
        case RecordNews():
            fold_record(state, one.body, one.arrival_month)
        case _:
            withdraw_consent(state, *one)


def folded(given_inputs: Sequence[Input]) -> State:
    state = State(month=JAN)
    for one in given_inputs:
        take(state, one)
    return state


@st.composite
def repeated_and_shuffled(draw: st.DrawFn, originals: Sequence[T]) -> list[T]:
    """All of them in any order, some again."""
    again = draw(st.lists(st.sampled_from(originals), max_size=10)) if originals else []
    return draw(st.permutations([*originals, *again]))


@st.composite
def parts(draw: st.DrawFn, whole: Sequence[T]) -> list[list[T]]:
    """The same sequence in batches."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [list(whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(st.data(), inputs())
def test_any_order_and_any_repetition_give_the_same_bytes(data: st.DataObject, given_inputs: list[Input]) -> None:
    """(rules S4)"""
    again = data.draw(repeated_and_shuffled(given_inputs))
    assert encode(folded(again)) == encode(folded(given_inputs))


@given(st.data(), inputs())
def test_batches_do_not_show(data: st.DataObject, given_inputs: list[Input]) -> None:
    column = encode(State(month=JAN))
    for batch in data.draw(parts(given_inputs)):
        state = decode(column)
        for one in batch:
            take(state, one)
        column = encode(state)
    assert column == encode(folded(given_inputs))


@given(inputs(JAN - 40, JAN + 40), st.integers(JAN - 40, JAN + 40))
def test_pruning_follows_the_clock_and_never_the_newest_event(given_inputs: list[Input], clock: int) -> None:
    state, before = State(), State()
    for one in given_inputs:
        take(state, one, open_from=0)
        take(before, one, open_from=0)
    prune(state, clock, clock - 3)
    assert everything(state) == vectors(before, clock - 26, 10**6)
    assert state.ids == {m: ids for m, ids in before.ids.items() if m >= clock - 3}
    both = frozenset({80, 88})
    assert amounts(state, both, 0, 10**6) == amounts(before, both, clock - 26, 10**6)
    assert state.first == before.first


@given(inputs(JAN - 40, JAN + 3), st.lists(st.integers(JAN, JAN + 30), min_size=1, max_size=4).map(sorted))
def test_pruning_often_is_pruning_once(given_inputs: list[Input], clocks: list[int]) -> None:
    often, once = State(), State()
    for one in given_inputs:
        take(often, one, open_from=0)
        take(once, one, open_from=0)
    for clock in clocks:
        prune(often, clock, clock - 3)
    prune(once, clocks[-1], clocks[-1] - 3)
    assert encode(often) == encode(once)


@given(inputs(JAN - 3, JAN), st.integers(0, 25))
def test_pruning_between_two_open_events_does_not_show(given_inputs: list[Input], at: int) -> None:
    # Of a record that is gone nothing is kept once Kafka has forgotten its older versions, so all of them are recent.
    given_inputs = [
        structs.replace(one, arrival_month=JAN) if isinstance(one, RecordNews) else one for one in given_inputs
    ]
    between = State()
    for place, one in enumerate(given_inputs):
        if place == at:
            prune(between, JAN, OPEN_FROM)
        take(between, one)
    prune(between, JAN, OPEN_FROM)
    after = folded(given_inputs)
    prune(after, JAN, OPEN_FROM)
    assert encode(between) == encode(after)


@given(inputs(), times(JAN - 3, JAN), st.integers(1, 5), AMOUNTS)
def test_a_reversal_cancels(given_inputs: list[Input], time: datetime, count: int, amount: int) -> None:
    """(rules E11)"""
    before = folded(given_inputs)
    pair = [
        event("shop.purchase", time, id, "third", count=count, amount=amount, reverses=reverses)
        for id, reverses in (("done", False), ("taken back", True))
    ]
    for order in (pair, pair[::-1]):
        after = folded([*given_inputs, *order])
        assert after.kinds == before.kinds


def everything(state: State) -> list[tuple[int, dict[int, Vector]]]:
    return vectors(state, 0, 10**6)


@given(st.lists(events(), unique_by=identity, max_size=30))
def test_vectors_are_what_a_plain_count_gives(given_events: list[Event]) -> None:
    counted: dict[int, dict[str, list[Event]]] = {}
    for one in given_events:
        if one.body.kind in ("water.bill", "transit.fare", "shop.purchase", "donation.made"):
            counted.setdefault(one.month, {}).setdefault(one.body.kind, []).append(one)
    found = {
        (month, code): [*vector, 0, 0, 0, 0][:4]
        for month, by_kind in everything(folded(given_events))
        for code, vector in by_kind.items()
    }
    expected = {}
    for month, by_kind in counted.items():
        for ones in by_kind.values():
            sign = [-1 if one.body.reverses else 1 for one in ones]
            vector = [
                sum(s * one.body.count for s, one in zip(sign, ones, strict=True)),
                sum(s * (one.body.amount or 0) for s, one in zip(sign, ones, strict=True)),
                sum(1 for one in ones if one.body.days_late),
                max(one.body.days_late or 0 for one in ones),
            ]
            if any(vector):
                code = {"water.bill": 20, "transit.fare": 30, "shop.purchase": 60, "donation.made": 70}[
                    ones[0].body.kind
                ]
                expected[month, code] = vector
    assert found == expected


LIMITED = msgspec.structs.replace(
    SHIPPED, limits=tuple(msgspec.structs.replace(limit, ceiling=400) for limit in SHIPPED.limits)
)
"""The limits hold down even the score of a newcomer."""
CARDS = st.sampled_from([CARD, HARSH, SHIPPED, LIMITED])
CONTACTS = st.one_of(
    st.none(),
    st.builds(
        Circle,
        st.integers(0, 6).map(lambda band: 350 + band * 100),
        st.sampled_from([5, 15, 50]),
        st.sampled_from([0, 250, 500, 750, 1000]),
    ),
)


@given(inputs(JAN - 30, JAN + 1, size=40), CONTACTS, st.integers(JAN - 2, JAN + 1), CARDS)
def test_items_sum_exactly_to_a_score_in_its_bounds(
    given_inputs: list[Input], contacts: Circle | None, through: int, scorecard: Any
) -> None:
    """(rules S2)"""
    state = State()
    for one in given_inputs:
        take(state, one, open_from=0)
    evaluation = evaluate(state, scorecard, through, contacts)
    assert sum(item.points for item in evaluation.items) == evaluation.score
    assert 350 <= evaluation.score <= 950
    assert len(evaluation.key_factors) <= 4
    assert all(item.points <= item.best for item in evaluation.items if item.code != "floor")
    # Reading and writing a state, and pruning it to the month after, change nothing.
    prune(state, through + 1, through - 2)
    assert evaluate(decode(encode(state)), scorecard, through, contacts) == evaluation
    assert score.decode(score.encode(evaluation)) == evaluation


MESSAGES = st.lists(st.one_of(events(), CHANGES), max_size=15, unique_by=identity)


def decided(
    policy: Policy, batches: Sequence[Sequence[Message]], now: datetime = NOW
) -> tuple[Person, list[Evaluation]]:
    """The person after these batches, and what was published on the way."""
    person, published = Person(ME), []
    for batch in batches:
        step = decide(person, batch, NOW, policy)
        person = step.person
        if step.writes.publication is not None:
            published.append(step.writes.publication)
    assert [publication.version for publication in published] == list(range(1, person.version + 1))
    return person, [publication.evaluation for publication in published]


@examples(200)
@given(st.data(), MESSAGES)
def test_continuous_any_order_repetition_and_batches_end_in_the_same_score(
    data: st.DataObject, messages: list[Message]
) -> None:
    """(rules S4)"""
    policy = policy_of(card(cadence="continuous"))
    plain, published_at_once = decided(policy, [messages])
    again, published = decided(policy, data.draw(parts(data.draw(repeated_and_shuffled(messages)))))
    assert (again.state, again.evaluation) == (plain.state, plain.evaluation)
    assert [p.result for p in published[-1:]] == [p.result for p in published_at_once]
    if published:
        assert published[-1].result == evaluate(decode(again.state), policy.scorecards[0], JAN, None).result


@given(st.data(), MESSAGES, st.sampled_from([card(cadence="continuous"), card(cadence="continuous", records=None)]))
def test_continuous_what_is_kept_after_every_event_is_what_a_full_evaluation_gives(
    data: st.DataObject, messages: list[Message], scorecard: Scorecard
) -> None:
    """(rules P2) However an event is taken in, published or not, alone or with others: no item is left as it was."""
    policy, person = policy_of(scorecard), Person(ME)
    for batch in data.draw(parts(messages)):
        person = decide(person, batch, NOW, policy).person
        if person.evaluation:
            full = evaluate(decode(person.state), scorecard, JAN, None)
            assert score.decode(person.evaluation) == full


@examples(200)
@given(st.data(), MESSAGES)
def test_monthly_any_order_repetition_and_batches_give_the_same_publication(
    data: st.DataObject, messages: list[Message]
) -> None:
    """(rules S4)"""
    policy = policy_of(CARD)
    due = Due(ME, JAN + 1, run_instant(JAN + 1, 6, ZONE), 0, 0)
    then = datetime(2026, 2, 6, tzinfo=UTC) + timedelta(hours=1)
    last = []
    for batches in ([messages], data.draw(parts(data.draw(repeated_and_shuffled(messages))))):
        person, published = decided(policy, batches)
        if not any(isinstance(one, RecordNews) for one in messages):
            assert not published
        step = decide(person, [due], then, policy)
        assert step.writes.publication is not None
        # A publication of a record may have been made for a later instant.
        assert step.writes.publication.as_of == max(due.instant, person.as_of or due.instant)
        last.append((step.person.state, step.writes.publication.evaluation, step.person.standing))
    assert last[0] == last[1]


@examples(200)
@given(st.data(), MESSAGES, st.sampled_from(["monthly", "continuous"]))
def test_it_does_not_matter_when_retention_says_that_a_record_has_lapsed(
    data: st.DataObject, messages: list[Message], cadence: Any
) -> None:
    """Before the run or after it, the run's standing and the last evaluation are the same."""
    policy = policy_of(card(cadence=cadence))
    due = Due(ME, JAN + 1, run_instant(JAN + 1, 6, ZONE), 0, 0)
    lapses_at = data.draw(st.sampled_from([due.instant - timedelta(days=3), due.instant]))
    opened, expired = (
        RecordNews(ME, JAN, record("ride.unpaid", id="lapsing", version=version, lapses_at=lapses_at, **fields))
        for version, fields in enumerate([{}, {"status": "expired", "counts": False}], 1)
    )
    before, _ = decided(policy, [[opened, *messages]])
    orders: list[tuple[Message, Message]] = [(due, expired), (expired, due)]
    outcomes = []
    for order in orders:
        person = before
        for one in order:
            person = decide(person, [one], due.instant, policy).person
        outcomes.append((person.state, person.standing, person.evaluation))
    assert outcomes[0] == outcomes[1]


@given(st.lists(events(), min_size=1, max_size=10))
def test_of_two_bodies_under_one_id_the_first_counts(given_events: list[Event]) -> None:
    """And whatever else comes, an id is accepted once while its month is open."""
    state = State(month=JAN)
    accepted: set[bytes] = set()
    for one in [*given_events, *given_events[::-1]]:
        outcome = people.take(state, one, OPEN_FROM)
        assert isinstance(outcome, Accepted) == (one.identity[HASH] not in accepted)
        accepted.add(one.identity[HASH])


NARROW = (4, 2, 2)
"""Room for so few that draws of some twenty events are over it."""


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """What is too short for the shipped bounds to be looked at is not too short for these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_SHORT", 0)
        yield


@pytest.mark.usefixtures("narrow")
@given(st.data(), st.lists(events(JAN - 1), unique_by=identity, max_size=40))
def test_over_the_bound_the_state_is_that_of_the_accepted_events_in_any_order(
    data: st.DataObject, given_events: list[Event]
) -> None:
    """(rules E17) Nothing of a refused event is kept; an accepted one is known ever after; nobody has more than there
    is room for; and the same log gives the same answers."""
    state, again = State(month=JAN), State(month=JAN)
    outcomes = [fold(state, one, 3, NARROW) for one in given_events]
    assert [fold(again, one, 3, NARROW) for one in given_events] == outcomes
    accepted = [one for one, outcome in zip(given_events, outcomes, strict=True) if isinstance(outcome, Accepted)]
    assert {type(outcome) for outcome in outcomes} <= {Accepted, TooMany}
    assert encode(folded(data.draw(repeated_and_shuffled(accepted)))) == encode(state)
    told = Counter((one.partner, one.month, GROUP_OF[KIND_OF[one.body.kind].shape]) for one in accepted)
    assert all(count <= NARROW[group] for (_, _, group), count in told.items())
    for one, outcome in zip(given_events, outcomes, strict=True):
        full = isinstance(outcome, TooMany)
        assert isinstance(fold(state, one, 3, NARROW), TooMany if full else Duplicate)


@pytest.mark.usefixtures("narrow")
@given(st.lists(events(JAN - 1), unique_by=identity, max_size=30), st.sampled_from(["bank", "shop"]))
def test_one_partners_flood_takes_no_room_from_another(given_events: list[Event], partner: str) -> None:
    together, alone = State(month=JAN), State(month=JAN)
    among_others = [fold(together, one, 3, NARROW) for one in given_events]
    mine = [outcome for one, outcome in zip(given_events, among_others, strict=True) if one.partner == partner]
    assert mine == [fold(alone, one, 3, NARROW) for one in given_events if one.partner == partner]


ON_THE_WAY = st.timedeltas(timedelta(0), timedelta(days=15))


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[Event, datetime]]:
    """Events of the months around a turn, each with the instant of its arrival, in the order of the log."""
    instants = sorted(draw(st.lists(times(JAN, JAN + 1), max_size=15)))
    drawn = [draw(events(JAN - 5, JAN)) for _ in instants]
    return [
        (structs.replace(one, arrival_month=month_of(instant, ZONE)), instant)
        for one, instant in zip(drawn, instants, strict=True)
    ]


@given(st.data(), arrivals())
def test_the_log_alone_decides_however_late_it_is_handled(
    data: st.DataObject, log: list[tuple[Event, datetime]]
) -> None:
    """(rules E18) Handled at once, or days later in batches, over the turn of a month or again from the beginning."""
    policy = policy_of(CARD)

    def outcomes(lags: Sequence[timedelta]) -> tuple[list[Any], Person]:
        person, seen, clock = Person(ME), [], datetime.min.replace(tzinfo=UTC)
        for (one, arrived), lag in zip(log, lags, strict=True):
            clock = max(clock, arrived + lag)
            # A record is handled no later than Kafka keeps it.
            decided = decide(person, [one], min(clock, arrived + timedelta(days=15)), policy)
            person = decided.person
            seen += [type(outcome) for _, outcome in decided.folded]
        return seen, person

    at_once, person = outcomes([timedelta(0)] * len(log))
    late, _ = outcomes([data.draw(ON_THE_WAY) for _ in log])
    assert late == at_once
    # Read again from any place on: what had counted is a repetition, and what was refused is refused in the same words.
    from_there = data.draw(st.integers(0, len(log)))
    for (one, arrived), outcome in [*zip(log, at_once, strict=True)][from_there:]:
        now = max(arrived + timedelta(days=1), log[-1][1])
        if now <= arrived + timedelta(days=15):
            [(_, again)] = decide(person, [one], now, policy).folded
            assert type(again) is (Duplicate if outcome is Accepted else outcome)


@given(
    st.lists(events(JAN - 8, JAN), max_size=15, unique_by=identity),
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 60)), max_size=6),
)
def test_no_setting_and_no_clock_counts_an_event_twice(
    given_events: list[Event], changes: list[tuple[int, int]]
) -> None:
    """(rules E5) The setting rises and falls, the clock goes on, and every event is sent again and again."""
    person, counted = Person(ME), Counter[bytes]()
    now = day(JAN, 28)
    for late_months, days in [(3, 0), *changes]:
        now += timedelta(days=days)
        policy = policy_of(CARD, late_months=late_months)
        month = month_of(now, ZONE)
        sent = [structs.replace(one, arrival_month=month) for one in given_events]
        decided = decide(person, sent, now, policy)
        person = decided.person
        counted.update(one.identity for one, outcome in decided.folded if isinstance(outcome, Accepted))
    assert all(count == 1 for count in counted.values())


@given(inputs(JAN - 30, JAN + 1, size=40), st.integers(JAN - 2, JAN + 1))
def test_without_records_a_score_still_sums_and_says_nothing_of_them(given_inputs: list[Input], through: int) -> None:
    """(rules D9) And it is what the person would have had without them."""
    state, never = State(), State()
    for one in given_inputs:
        take(state, one, open_from=0)
        if not isinstance(one, RecordNews):
            take(never, one, open_from=0)
    published, redacted = (evaluate(state, CARD, through, None), evaluate(never, CARD, through, None))
    assert without_records(published) == redacted
    assert without_records(redacted) == redacted
    assert sum(item.points for item in redacted.items) == redacted.score


@given(inputs(), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6), st.integers(0, 60)), min_size=2, max_size=2))
def test_nobodys_standing_rests_on_another_ones(given_inputs: list[Input], circles: list[tuple[int, int, int]]) -> None:
    """(rules S12) So a circle of contacts can neither swing nor depend on who is processed first."""
    person = Person(ME, encode(folded(given_inputs)))
    instant = run_instant(JAN + 1, 6, ZONE)
    standings = set()
    for contacts, band, steady in circles:
        due = Due(ME, JAN + 1, instant, contacts, contacts * band, min(steady, contacts))
        standings.add(decide(person, [due], instant, policy_of(SHIPPED)).person.standing)
    assert len(standings) == 1
