"""The laws of a scorecard (rules S1 to S19): what may never happen to a score, whatever a person did.

The shipped scorecard is held to them, so that a change of it which breaks one is seen; and every feature is held
against the rule book, which is written apart and looks at every event again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.simulation import rule_book
from goodstanding.simulation.rule_book import Behavior, read_policy
from goodstanding.simulation.rule_book_features import Sight, says, scored
from services.scorer.core.compiled import points_of
from services.scorer.core.features import AnyFeature
from services.scorer.core.features.base import least_of
from services.scorer.core.features.months import Circle, Plan, walk
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard_parts import Rule
from shared.contracts.kinds import KIND_OF, Shape
from shared.policy_file import SCORECARD
from shared.settings import ROOT
from tests.support.drawn_lives import ANY_MONTH, kinds, lives, state_after, told
from tests.support.law_sizes import examples
from tests.support.oracle.scores import Event
from tests.support.people import JAN, SHIPPED, ZONE, day

BOOK = read_policy(ROOT / "policies" / SCORECARD)


def behavior_of(life: Sequence[Event]) -> Behavior:
    behavior = Behavior()
    for one in life:
        behavior.hear(one, ZONE)
    return behavior


CIRCLES = st.one_of(
    st.none(),
    st.builds(
        Circle, st.sampled_from([350, 550, 750, 950]), st.sampled_from([5, 15, 50]), st.sampled_from([0, 500, 1000])
    ),
)


def in_the_book(circle: Circle | None) -> rule_book.Circle | None:
    return circle and rule_book.Circle(*circle)


@examples(200)
@given(lives(), CIRCLES, st.integers(JAN - 2, JAN + 1))
def test_a_score_is_what_the_rule_book_says(life: list[Event], circle: Circle | None, through: int) -> None:
    """(rules S8 to S12, and S19)"""
    points, limits = scored(BOOK, behavior_of(life), through, in_the_book(circle))
    expected, _ = rule_book.bounded(BOOK, points, limits, [])
    assert evaluate(state_after(life), SHIPPED, through, circle).score == expected


OBLIGATIONS = ["credit_card.repayment", "water.bill", "transit.fare"]
DONE = [*OBLIGATIONS, "shop.purchase", "donation.made", "credit_card.statement"]
FIGURES = ["income.reported", "tax.reported"]
OTHERS = frozenset({"hotel.stay", "service.payment", "vehicle.reported", "identity.verified"})
"""A kind of each shape that none of the drawn features reads."""
WINDOWS = st.integers(1, 24)


def over(shape_kinds: list[str], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.lists(st.sampled_from(shape_kinds), min_size=1, max_size=3, unique=True)
    return st.fixed_dictionaries({"kinds": named, "months": WINDOWS}, optional=more)


WEIGHTS = st.dictionaries(st.sampled_from(OBLIGATIONS), st.sampled_from([0, 20, 150]), max_size=2)
SIDES = st.one_of(
    st.fixed_dictionaries({"kinds": st.lists(st.sampled_from(DONE), min_size=1, max_size=2, unique=True)}),
    st.just({"kinds": ["credit_card.statement"], "of": "limit"}),
)
FEATURES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "share": over(OBLIGATIONS, weights=WEIGHTS, halves=st.integers(1, 9)),
    "worst": over(OBLIGATIONS, weights=WEIGHTS, halves=st.integers(1, 9)),
    "days_late": over(OBLIGATIONS, weights=WEIGHTS, halves=st.integers(1, 9), most=st.integers(1, 99)),
    **dict.fromkeys(("months_since", "months_late", "streak"), over(OBLIGATIONS, late_from=st.integers(1, 60))),
    **dict.fromkeys(
        ("count", "kind_months", "months_active", "sum", "regular", "active_streak", "variety"), over(DONE)
    ),
    "ratio": st.fixed_dictionaries({"over": SIDES, "under": SIDES, "months": WINDOWS}),
    "trend": over(DONE).map(lambda spec: {**spec, "months": spec["months"] // 2 * 2 or 2}),
    "figure_months": over(FIGURES),
    "figure": over(FIGURES).map(lambda spec: {**spec, "steady_months": 1}),
    "begun": over(DONE).map(lambda spec: {**spec, "months": min(spec["months"], 23)}),
    "history": st.just({}),
}


LEAST = st.dictionaries(st.sampled_from(DONE), st.integers(1, 3_000_000), max_size=3)


def _known(spec: dict[str, Any]) -> dict[str, Any]:
    """Weights of kinds that the feature reads, as the policy must have them."""
    if "weights" not in spec:
        return spec
    return {**spec, "weights": {kind: number for kind, number in spec["weights"].items() if kind in spec["kinds"]}}


def near_the_edges(spec: dict[str, Any], through: int) -> st.SearchStrategy[int]:
    """Any month, and often the last one of the feature's window, the halves of it, and those beside."""
    window, half = spec.get("months", 24), spec.get("months", 24) // 2
    edges = [through + 1, through, through + 1 - half, through - half, through + 1 - window, through - window]
    return st.one_of(ANY_MONTH, st.sampled_from(edges))


@pytest.mark.parametrize("name", FEATURES)
@examples(60)
@given(st.data(), LEAST, st.integers(JAN - 2, JAN + 1))
def test_a_feature_says_what_the_rule_book_says(
    name: str, data: st.DataObject, least: dict[str, int], through: int
) -> None:
    """(rules S25) Whatever the amounts are below which a month does not have a kind."""
    spec = {"is": name, **_known(data.draw(FEATURES[name]))}
    sides = [spec.get(side, {}).get("kinds", ()) for side in ("over", "under")]
    own = OTHERS.union(spec.get("kinds", ()), *sides)
    life = data.draw(lives(size=25, of=own, months=near_the_edges(spec, through)))
    feature: AnyFeature = msgspec.convert(spec, AnyFeature)
    assert list(feature.faults({})) == []
    plan = Plan(least_of(least, {}))
    measure = feature.measure(plan, {})
    assert measure(walk(plan, state_after(life), through, None)) == says(
        spec, Sight(behavior_of(life), through, None, {}, least)
    )


NUMBERED = [rule for rule in SHIPPED.rules if rule.direction is not None]


OBSERVATIONS = range(1, 31)


def _values(rule: Rule) -> list[int]:
    """All at which points may change, and their neighbors, ascending."""
    starts = [bin.at_least for bin in rule.bins if bin.at_least is not None]
    return sorted({start + step for start in starts for step in (-1, 0, 1)} | {-(10**6), 10**8})


@pytest.mark.parametrize("rule", NUMBERED, ids=[rule.code for rule in NUMBERED])
def test_a_feature_that_moves_in_its_direction_never_moves_the_score_the_other_way(rule: Rule) -> None:
    for observations in OBSERVATIONS:
        points = [points_of(rule)((value, observations)) for value in _values(rule)]
        match rule.direction:
            case "higher":
                assert points == sorted(points)
            case "lower":
                assert points == sorted(points, reverse=True)
            case _:
                top = points.index(max(points))
                assert points[:top] == sorted(points[:top])
                assert points[top:] == sorted(points[top:], reverse=True)


@given(st.data(), st.sampled_from(NUMBERED), st.sampled_from(OBSERVATIONS), st.sampled_from(OBSERVATIONS))
def test_with_more_evidence_points_go_from_unknown_towards_the_measured_and_not_past_it(
    data: st.DataObject, rule: Rule, one: int, other: int
) -> None:
    """(rules S9)"""
    value = data.draw(st.sampled_from(_values(rule)))
    few, many = (points_of(rule)((value, n)) for n in sorted((one, other)))
    measured = points_of(rule)((value, 10**6))
    assert abs(few - rule.unknown) <= abs(many - rule.unknown) <= abs(measured - rule.unknown)
    assert sorted((rule.unknown, many, measured))[1] == many


@given(lives(), st.data())
def test_later_is_never_better(life: list[Event], data: st.DataObject) -> None:
    """Whatever was paid, to have paid it later, or late instead of on time, raises no score."""
    late = [n for n, one in enumerate(life) if KIND_OF[one.kind].shape is Shape.OBLIGATION]
    if not late:
        return
    at = data.draw(st.sampled_from(late))
    more = data.draw(st.integers(1, 60))
    worse = [*life]
    worse[at] = replace(life[at], days_late=life[at].days_late + more)
    assert evaluate(state_after(worse), SHIPPED, JAN).score <= evaluate(state_after(life), SHIPPED, JAN).score


@given(lives(), kinds(Shape.FIGURE), st.integers(0, 10**8), st.integers(JAN - 12, JAN))
def test_to_state_a_figure_for_the_first_time_never_costs(
    life: list[Event], kind: str, amount: int, month: int
) -> None:
    """(rules S20)"""
    before = [one for one in life if one.kind != kind]
    months = range(month - 2, month + 1)
    stated = [told(kind, day(m), f"stated {m}", amount=amount, consent="c1") for m in months]
    without, with_it = (evaluate(state_after(each), SHIPPED, JAN) for each in (before, [*before, *stated]))
    assert with_it.score >= without.score


@given(lives(), st.randoms(use_true_random=False), CIRCLES)
def test_the_order_of_rules_moves_no_score(life: list[Event], random: Any, circle: Circle | None) -> None:
    rules = list(SHIPPED.rules)
    random.shuffle(rules)
    mixed = msgspec.structs.replace(SHIPPED, rules=tuple(rules))
    state = state_after(life)
    one, other = evaluate(state, SHIPPED, JAN, circle), evaluate(state, mixed, JAN, circle)
    assert one.score == other.score
    assert sorted(one.items, key=repr) == sorted(other.items, key=repr)
