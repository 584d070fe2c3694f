"""The law of directions, on every shipped policy: worse values never give a higher score, in a segment or over the
border of one (rules S8 and S10). First for values of features as they may be drawn, then for whole lives."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goodstanding.cli.fitting import POLICY
from services.scorer.core.compiled import all_of
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Condition
from services.scorer.core.values import Value, Values, given_by, values_of
from shared.contracts.kinds import KIND_OF, Shape
from shared.policy_file import load_policy
from tests.support.drawn_lives import lives, state_after, told
from tests.support.law_sizes import examples
from tests.support.oracle.scores import Event
from tests.support.people import JAN, SHIPPED, day

LEARNED = load_policy(POLICY, Scorecard)
POLICIES = pytest.mark.parametrize("card", [SHIPPED, LEARNED], ids=lambda card: card.name)


@cache
def _looked_at(name: str) -> Values:
    return values_of(SHIPPED if name == SHIPPED.name else LEARNED)


def _holds(when: tuple[Condition, ...], values: dict[str, Value]) -> bool:
    return all(all_of([each], [each.feature])([values[each.feature]]) for each in when)


def _score(card: Scorecard, values: dict[str, Value]) -> int:
    """As the rules say it, and with nothing compiled: no records count."""
    segment = next((each.code for each in card.segments if _holds(each.when, values)), None)
    rules = card.rules_of(segment)
    points = {rule.code: given_by(rule)(values[rule.feature]) for rule in rules}
    score = 350 + sum(points.values())
    for cap in card.caps:
        earned = sum(points[each.code] - each.unknown for each in rules if each.code in cap.rules)
        score -= max(0, earned - cap.points)
    return min([max(score, 350), *(limit.ceiling for limit in card.limits if _holds(limit.when, values))])


@POLICIES
@examples(80)
@given(st.data())
def test_a_feature_that_moves_in_its_bad_direction_never_raises_the_score(card: Scorecard, data: st.DataObject) -> None:
    looked_at = _looked_at(card.name)
    directions = {
        rule.feature: rule.direction
        for rule in card.rules
        if {each.direction for each in card.rules if each.feature == rule.feature} in ({"higher"}, {"lower"})
    }
    at_borders = sorted({condition.feature for condition in card.conditions()} & directions.keys())
    moved = data.draw(st.sampled_from(at_borders) | st.sampled_from(sorted(directions)))
    values = {name: data.draw(st.sampled_from(of), label=name) for name, of in looked_at.items()}
    before = values[moved]
    assume(before is not None)
    assert before is not None
    worse = [
        value
        for value in looked_at[moved]
        if value is not None
        and value[1] == before[1]
        and (value[0] < before[0] if directions[moved] == "higher" else value[0] > before[0])  # type: ignore[operator]  # numbers: words have no direction
    ]
    assume(worse)
    after = data.draw(st.sampled_from(worse), label=f"{moved}, worse")
    assert _score(card, {**values, moved: after}) <= _score(card, values)


OF_A_CARD = frozenset({"credit_card.repayment", "credit_card.payment", "income.reported", "identity.verified"})
LATENESS = st.sampled_from([1, 29, 30, 59, 60, 89])


@examples(40)
@given(lives(of=OF_A_CARD, months=st.integers(JAN - 6, JAN)), st.data())
def test_to_have_paid_a_card_later_never_raises_the_score_that_was_learned(
    life: list[Event], data: st.DataObject
) -> None:
    paid = [n for n, one in enumerate(life) if KIND_OF[one.kind].shape is Shape.OBLIGATION]
    assume(paid)
    at, more = data.draw(st.sampled_from(paid)), data.draw(LATENESS)
    worse = [*life[:at], replace(life[at], days_late=life[at].days_late + more), *life[at + 1 :]]
    assert evaluate(state_after(worse), LEARNED, JAN).score <= evaluate(state_after(life), LEARNED, JAN).score


@pytest.mark.parametrize("used", [0, 100_000, 2_000_000])
@pytest.mark.parametrize("late", [1, 30, 89])
@pytest.mark.parametrize("month", [JAN - 5, JAN - 2, JAN])
def test_whoever_was_late_once_has_no_more_than_whoever_never_was(used: int, late: int, month: int) -> None:
    """With a card that is used much, little or never."""

    def life(days: dict[int, int]) -> list[Event]:
        of_months = [
            [
                told("credit_card.statement", day(m, 1), f"s{m}", amount=used, limit=3_000_000),
                told("credit_card.payment", day(m, 2), f"p{m}", amount=used),
                told("credit_card.repayment", day(m, 3), f"r{m}", amount=used, days_late=days.get(m, 0)),
            ]
            for m in range(JAN - 5, JAN + 1)
        ]
        return [one for each in of_months for one in each]

    never, once = (evaluate(state_after(life(days)), LEARNED, JAN).score for days in ({}, {month: late}))
    assert once < never
