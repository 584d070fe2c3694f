"""The laws of limits in a person's state (rules E19), and of a state that an earlier release wrote."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from goodstanding.simulation.rule_book import Behavior
from services.scorer.core.ids import HASH
from services.scorer.core.messages import Event
from services.scorer.core.score import evaluate
from services.scorer.core.state import State, decode, encode, vectors_of
from services.scorer.core.vectors import limit_of
from shared.contracts.kinds import KIND_OF
from tests.support import people
from tests.support.old_states import format_1, format_3
from tests.support.oracle.scores import Event as Told
from tests.support.people import CARD, JAN, ME, ZONE, day, event

STATEMENT = "credit_card.statement"
_CODE = KIND_OF[STATEMENT].code
MONTHS = range(JAN - 3, JAN + 1)

LIMITS = st.none() | st.integers(0, 3) | st.integers(0, 10**15)
IDS = st.integers(0, 10**6).map(str)
TIMES = st.builds(day, st.sampled_from(MONTHS), st.integers(1, 28))


def statements(limits: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Event]]:
    one = st.builds(
        event,
        st.just(STATEMENT),
        TIMES,
        IDS,
        amount=st.none() | st.integers(0, 10**9),
        limit=limits,
        count=st.integers(1, 3),
        reverses=st.booleans(),
    )
    return st.lists(one, max_size=12, unique_by=lambda each: each.identity[HASH])


OTHERS = st.lists(
    st.one_of(
        st.builds(event, st.just("water.bill"), TIMES, IDS, days_late=st.integers(0, 90)),
        st.builds(event, st.just("shop.purchase"), TIMES, IDS, count=st.integers(1, 3), reverses=st.booleans()),
        st.builds(event, st.just("income.reported"), TIMES, IDS, amount=st.integers(0, 10**9)),
    ),
    max_size=12,
    unique_by=lambda each: each.identity,
)


def folded(events: Sequence[Event], state: State | None = None) -> State:
    state = state or State(month=JAN, open_from=JAN - 3)
    for each in events:
        people.take(state, each, JAN - 3)
    return state


@given(st.data(), statements(LIMITS))
def test_the_limit_of_each_month_is_that_of_the_rule_book_in_any_order(data: st.DataObject, told: list[Event]) -> None:
    state, again = folded(told), folded(data.draw(st.permutations(told)))
    assert encode(state) == encode(again)
    behavior = Behavior()
    for one in told:
        body = one.body
        behavior.hear(
            Told(
                person=ME,
                partner=one.partner,
                id=one.origin,
                time=day(one.month),
                kind=body.kind,
                count=body.count,
                amount=body.amount,
                limit=body.limit,
                reverses=body.reverses,
            ),
            ZONE,
        )
    for month in MONTHS:
        assert limit_of(vectors_of(state, _CODE).at(month) or [0]) == behavior.limit(STATEMENT, month)


@given(st.data(), statements(LIMITS))
def test_what_is_taken_back_as_it_was_said_leaves_nothing(data: st.DataObject, told: list[Event]) -> None:
    kept = data.draw(st.lists(st.sampled_from(told), unique_by=id)) if told else []
    gone = [one for one in told if one not in kept]
    back = [
        event(
            STATEMENT,
            day(one.month),
            f"back-{one.identity.hex()}",
            amount=one.body.amount,
            limit=one.body.limit,
            count=one.body.count,
            reverses=not one.body.reverses,
        )
        for one in gone
    ]
    assert folded([*told, *back]).kinds == folded(kept).kinds


@given(statements(st.none()), OTHERS, statements(LIMITS))
def test_a_state_of_an_earlier_format_scores_as_it_did_and_goes_on_as_one_of_today(
    old: list[Event], others: list[Event], new: list[Event]
) -> None:
    """`evaluate(upgrade(s)) = evaluate(s)`; formats 2 and 3 are the same where no statement names a limit."""
    state = folded([*others, *old])
    format_2 = b"\x02" + format_3(state)[1:]
    for column in (format_2, format_1(state, {})):
        for through in range(JAN - 3, JAN + 13, 5):
            assert evaluate(decode(column), CARD, through, None) == evaluate(state, CARD, through, None)
    known = {one.identity[HASH] for one in [*others, *old]}
    later = [one for one in new if one.identity[HASH] not in known]
    assert encode(folded(later, decode(format_2))) == encode(folded([*others, *old, *later]))
