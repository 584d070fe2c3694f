"""Each feature by cases: what happened, by how many months ago, and what the feature says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import pytest

from services.scorer.core.features import AnyFeature
from services.scorer.core.features.base import Measured, least_of
from services.scorer.core.features.months import Circle, Plan, walk
from services.scorer.core.messages import Event
from services.scorer.core.state import State
from tests.support.people import INCOME, JAN, consent, day, event, state_of

CARDS, BILL, FARE, SHOP = "credit_card.repayment", "water.bill", "transit.fare", "shop.purchase"
GROUPS = {"dues": [CARDS, BILL]}
Told: TypeAlias = tuple[int, str, dict[str, Any]]
"""Months ago (0 is the last complete month), kind, fields."""


def measured(
    state: State, feature: dict[str, Any], circle: Circle | None = None, least: Mapping[str, int] = {}
) -> Measured | None:
    """What the feature says at the end of January 2026."""
    of: AnyFeature = msgspec.convert(feature, AnyFeature)
    assert list(of.faults(GROUPS)) == []
    plan = Plan(least_of(least, GROUPS))
    measure = of.measure(plan, GROUPS)
    return measure(walk(plan, state, JAN, circle))


def told(*events: Told) -> State:
    return state_of(*(_event(n, *one) for n, one in enumerate(events)))


def _event(number: int, ago: int, kind: str, fields: dict[str, Any]) -> Event:
    if kind in (CARDS, BILL, FARE, "hotel.stay"):
        fields = {"days_late": 0, **fields}
    return event(kind, day(JAN - ago, 1 + number % 28), id=str(number), **fields)


def late(ago: int, days: int = 5, kind: str = CARDS, **fields: Any) -> Told:
    return ago, kind, {"days_late": days, **fields}


def paid(ago: int, kind: str = CARDS, **fields: Any) -> Told:
    return ago, kind, fields


YEAR = [paid(ago) for ago in range(12)]
NOTHING: list[Told] = []
SHARE = {"is": "share", "kinds": [CARDS, BILL], "months": 12}
WORST = {"is": "worst", "kinds": [CARDS, FARE], "months": 12}
SINCE = {"is": "months_since", "kinds": [CARDS], "months": 12}
DAYS = {"is": "days_late", "kinds": [CARDS, FARE], "months": 12}
STREAK = {"is": "streak", "kinds": [CARDS], "months": 12}
MONTHS_LATE = {"is": "months_late", "kinds": [CARDS], "months": 12}
BEGUN = {"is": "begun", "kinds": [CARDS, BILL, FARE], "months": 3}
STATEMENT = "credit_card.statement"
BILLED, UNNAMED = {"amount": 1000, "limit": 5000}, {"amount": 1000}
LIMITS = {"is": "sum", "kinds": [STATEMENT], "months": 3, "of": "limit"}
UTILIZATION = {
    "is": "ratio",
    "over": {"kinds": [STATEMENT]},
    "under": {"kinds": [STATEMENT], "of": "limit"},
    "months": 3,
}
CASES: list[tuple[str, list[Told], dict[str, Any], Measured | None]] = [
    # -- punctuality ---------------------------------------------------------------------------------------------------
    ("nothing known", NOTHING, SHARE, None),
    ("limits: each is named", [(0, STATEMENT, BILLED), (2, STATEMENT, BILLED)], LIMITS, (10_000, 2)),
    ("limits: one is not named", [(0, STATEMENT, BILLED), (2, STATEMENT, UNNAMED)], LIMITS, None),
    ("limits: not named before the window", [(0, STATEMENT, BILLED), (3, STATEMENT, UNNAMED)], LIMITS, (5000, 1)),
    ("utilization", [(0, STATEMENT, BILLED), (1, STATEMENT, BILLED)], UTILIZATION, (200, 2)),
    ("utilization of limits that are named", [(0, STATEMENT, UNNAMED), (1, STATEMENT, BILLED)], UTILIZATION, (400, 2)),
    ("utilization since limits are named", [(0, STATEMENT, BILLED), (1, STATEMENT, UNNAMED)], UTILIZATION, (200, 2)),
    ("utilization of two cards", [(0, STATEMENT, BILLED), (0, STATEMENT, UNNAMED)], UTILIZATION, (400, 1)),
    ("utilization where no limit is named", [(0, STATEMENT, UNNAMED)], UTILIZATION, None),
    (
        "utilization of a card that was taken back without its limit",
        [(0, STATEMENT, BILLED), (0, STATEMENT, {**UNNAMED, "reverses": True}), (1, STATEMENT, BILLED)],
        UTILIZATION,
        (200, 1),
    ),
    ("another kind is nothing", [paid(0, FARE)], SHARE, None),
    ("all kept", YEAR, SHARE, (1000, 12)),
    ("months outside of the window", [paid(12), paid(-1), late(13)], SHARE, None),
    ("late in the last month of the window", [paid(0), late(11)], SHARE, (500, 2)),
    ("late in the month before", [paid(0), late(12)], SHARE, (1000, 1)),
    ("one of twelve", [*YEAR[1:], late(0)], SHARE, (916, 12)),
    ("sixty are one kind-month", [paid(0, count=59), late(0), paid(1)], SHARE, (991, 2)),
    ("a mean of kind-months, not of obligations", [paid(0, count=9), late(1, count=1)], SHARE, (500, 2)),
    ("two kinds in one month", [paid(0), late(0, 5, BILL)], SHARE, (500, 2)),
    ("a group by name", [paid(0), late(0, 5, BILL)], {**SHARE, "kinds": ["dues"]}, (500, 2)),
    ("weighed", [paid(0), late(0, 5, BILL)], {**SHARE, "weights": {BILL: 25}}, (800, 2)),
    ("of no weight at all", [late(0, 5, BILL)], {**SHARE, "weights": {BILL: 0}}, None),
    ("worst: none", YEAR, WORST, (0, 12)),
    ("worst: in the last month of the window", [paid(0), late(11, 40)], WORST, (40, 2)),
    ("worst: in the month before", [paid(0), late(12, 40)], WORST, (0, 1)),
    ("worst: the most days", [late(0, 5), late(3, 40), late(13, 90)], WORST, (40, 2)),
    ("worst: a light kind", [late(0, 90, FARE)], {**WORST, "weights": {FARE: 20}}, (18, 1)),
    ("worst: late is a day at least", [late(0, 1, FARE)], {**WORST, "weights": {FARE: 20}}, (1, 1)),
    ("worst: a day is healed once it is halved", [late(5, 1), paid(0)], {**WORST, "halves": 5}, (0, 2)),
    ("kept: counts half when it is old", [paid(0), late(6)], {**SHARE, "halves": 6}, (750, 2)),
    ("kept: not half a month before", [paid(0), late(5)], {**SHARE, "halves": 6}, (500, 2)),
    ("kept: a quarter of what is twice as old", [late(0), late(6)], {**SHARE, "halves": 3}, (375, 2)),
    ("worst: of no weight", [late(0, 90, FARE)], {**WORST, "weights": {FARE: 0}}, (0, 1)),
    ("worst: not halved in the fifth month", [late(5, 40)], {**WORST, "halves": 6}, (40, 1)),
    ("worst: halved in the sixth", [late(6, 40)], {**WORST, "halves": 6}, (20, 1)),
    ("worst: a newer one may count more", [late(6, 40), late(5, 21)], {**WORST, "halves": 6}, (21, 2)),
    ("since: never", YEAR, SINCE, (12, 12)),
    ("since: in the month before the window", [paid(0), late(12)], SINCE, (12, 1)),
    ("since: now", [late(0), late(4)], SINCE, (0, 2)),
    ("since: four months", [*YEAR[:4], late(4)], SINCE, (4, 5)),
    ("since: by so many days", [late(1, 29), late(4, 30)], {**SINCE, "late_from": 30}, (4, 2)),
    ("since: nothing known", NOTHING, SINCE, None),
    ("months late", [late(0), late(0, 9), late(3, 31)], MONTHS_LATE, (2, 2)),
    ("months late: kinds of a month", [late(0), late(0, 5, BILL), late(1)], {**MONTHS_LATE, "kinds": ["dues"]}, (2, 3)),
    ("months late: in the window and before it", [late(11), late(12)], MONTHS_LATE, (1, 1)),
    ("months late by so many days", [late(0), late(3, 31)], {**MONTHS_LATE, "late_from": 30}, (1, 2)),
    ("days late", [late(0, 5), late(3, 40), late(3, 10), late(1, 7, FARE)], DAYS, (52, 3)),
    ("days late: in the window and before it", [late(11, 5), late(12, 7)], DAYS, (5, 1)),
    ("days late: at most so many", [late(0, 90), late(3, 40)], {**DAYS, "most": 60}, (100, 2)),
    ("days late: a day is healed once it is halved", [late(2, 1), late(3, 1)], {**DAYS, "halves": 3}, (1, 2)),
    ("days late: halved", [late(0, 5), late(3, 40), late(6, 40)], {**DAYS, "halves": 3}, (35, 3)),
    ("kept in a row", [paid(0), paid(1), late(2), paid(3)], STREAK, (2, 4)),
    ("a month without any neither counts nor breaks", [paid(0), paid(2), late(4), paid(5)], STREAK, (2, 4)),
    ("never late", [paid(0), paid(9)], STREAK, (2, 2)),
    ("late now", [late(0), paid(1)], STREAK, (0, 2)),
    # -- activity ------------------------------------------------------------------------------------------------------
    ("count", [paid(0, count=3), paid(1), paid(12)], {"is": "count", "kinds": [CARDS], "months": 12}, (4, 2)),
    ("count without what was taken back", [(0, SHOP, {"count": 3}), (0, SHOP, {"reverses": True})],
     {"is": "count", "kinds": [SHOP], "months": 3}, (2, 1)),
    ("all was taken back", [(0, SHOP, {}), (0, SHOP, {"reverses": True})],
     {"is": "count", "kinds": [SHOP], "months": 3}, None),
    ("kind-months", [paid(0, count=30), paid(0, BILL), paid(1)],
     {"is": "kind_months", "kinds": ["dues"], "months": 12}, (3, 3)),
    ("sum", [paid(0, amount=300), paid(1, amount=4), paid(3, amount=1)],
     {"is": "sum", "kinds": [CARDS], "months": 3}, (304, 2)),
    ("months active", [paid(0), paid(0, BILL), paid(5)],
     {"is": "months_active", "kinds": ["dues"], "months": 6}, (2, 3)),
    ("regular: of the months seen", [paid(0), paid(2)], {"is": "regular", "kinds": [CARDS], "months": 12}, (666, 3)),
    ("regular: of the window at most", [paid(0), paid(23)],
     {"is": "regular", "kinds": [CARDS], "months": 12}, (83, 12)),
    ("regular: no more", [paid(23)], {"is": "regular", "kinds": [CARDS], "months": 12}, (0, 12)),
    ("regular: forgotten", [paid(0), paid(24)], {"is": "regular", "kinds": [CARDS], "months": 12}, (1000, 1)),
    ("regular: another kind", [paid(1, FARE)], {"is": "regular", "kinds": [CARDS], "months": 12}, None),
    ("regular: not known", NOTHING, {"is": "regular", "kinds": [CARDS], "months": 12}, None),
    ("active in a row", [paid(0), paid(1), paid(3)], {"is": "active_streak", "kinds": [CARDS], "months": 12}, (2, 3)),
    ("not in the last month", [paid(1)], {"is": "active_streak", "kinds": [CARDS], "months": 12}, (0, 1)),
    ("all of the window", YEAR, {"is": "active_streak", "kinds": [CARDS], "months": 12}, (12, 12)),
    ("variety", [paid(0), paid(3, FARE), paid(4, FARE), paid(12, BILL)],
     {"is": "variety", "kinds": [CARDS, FARE, BILL], "months": 12}, (2, 3)),
    ("begun: one beside an older one", [paid(0), paid(12), paid(2, FARE), paid(11, BILL)], BEGUN, (1, 1)),
    ("begun: the window is over", [paid(0), paid(9), paid(3, FARE)], BEGUN, (0, 1)),
    ("begun: each a month after the other", [paid(4), paid(3, FARE), paid(2, BILL)], BEGUN, (0, 1)),
    ("begun: to somebody who is new, all is", [paid(0), paid(2, FARE)], BEGUN, None),
    ("begun: what is older than two years is forgotten", [paid(24), paid(2, FARE)], BEGUN, None),
    ("history", [paid(7)], {"is": "history"}, (8, 8)),
    ("no history", NOTHING, {"is": "history"}, None),
    ("history of three years", [paid(35)], {"is": "history"}, (24, 24)),
    ("ratio", [(0, "credit_card.statement", {"amount": 900}), paid(0, amount=299)],
     {"is": "ratio", "over": {"kinds": [CARDS]}, "under": {"kinds": ["credit_card.statement"]}, "months": 3}, (332, 1)),
    ("ratio of nothing", [(0, "credit_card.statement", {"amount": 0}), paid(0, amount=299)],
     {"is": "ratio", "over": {"kinds": [CARDS]}, "under": {"kinds": ["credit_card.statement"]}, "months": 3}, None),
    ("trend: half as much again", [paid(0, amount=150), paid(3, amount=100)],
     {"is": "trend", "kinds": [CARDS], "months": 6}, (500, 2)),
    ("trend: nothing is left", [paid(3, amount=100)], {"is": "trend", "kinds": [CARDS], "months": 6}, (-1000, 1)),
    ("trend: of the window only", [paid(0, amount=150), paid(5, amount=100), paid(6, amount=7), paid(12, amount=7)],
     {"is": "trend", "kinds": [CARDS], "months": 6}, (500, 2)),
    ("trend: from nothing", [paid(0, amount=100)], {"is": "trend", "kinds": [CARDS], "months": 6}, None),
    # -- stated --------------------------------------------------------------------------------------------------------
    ("fact", [(40, "identity.verified", {"value": "verified"}), (30, "identity.verified", {"value": "withdrawn"})],
     {"is": "fact", "kind": "identity.verified"}, ("withdrawn", 1)),
    ("no fact", NOTHING, {"is": "fact", "kind": "identity.verified"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("events", "feature", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_feature_says(events: list[Told], feature: dict[str, Any], expected: Measured | None) -> None:
    assert measured(told(*events), feature) == expected


FIGURE = {"is": "figure", "kinds": [INCOME], "months": 12, "steady_months": 3}
FIGURE_MONTHS = {"is": "figure_months", "kinds": [INCOME], "months": 12}


@pytest.mark.parametrize(
    ("by_months_ago", "steady", "months"),
    [
        ({}, None, None),
        ({0: 9, 1: 9}, None, 2),
        ({0: 9, 1: 5, 2: 7}, 5, 3),
        ({0: 9, 1: 8, 2: 7, 3: 1}, 7, 4),
        ({2: 9, 6: 8, 11: 7}, 7, 3),
        ({2: 9, 6: 8, 12: 7}, None, 2),
        ({-1: 9, 0: 9, 1: 9}, None, 2),
    ],
)
def test_figures_are_the_lowest_of_the_latest_and_counted_by_month(
    by_months_ago: dict[int, int], steady: int | None, months: int | None
) -> None:
    state = state_of(*(event(INCOME, day(JAN - ago), amount=amount) for ago, amount in by_months_ago.items()))
    assert measured(state, FIGURE) == (None if steady is None else (steady, 3))
    assert measured(state, FIGURE_MONTHS) == (None if months is None else (months, months))


def test_two_sources_of_a_figure_are_not_summed() -> None:
    state = state_of(
        *(
            event(INCOME, day(JAN - ago), id=f"{source}{ago}", amount=amount, consent=consent(source))
            for ago in range(3)
            for source, amount in (("c1", 200_000), ("c2", 250_000))
        )
    )
    assert measured(state, FIGURE) == (250_000, 3)
    assert measured(state, FIGURE_MONTHS) == (3, 3)


@pytest.mark.parametrize(
    ("feature", "expected"), [("contacts", (650, 1)), ("influence", (15, 1)), ("stability", (250, 1))]
)
def test_contacts_are_known_from_the_last_run(feature: str, expected: Measured) -> None:
    named: dict[str, Any] = {"is": feature}
    assert measured(State(), named, Circle(650, 15, 250)) == expected
    assert measured(State(), named) is None


LIGHT: dict[str, Any] = {"amount": 99}
HEAVY: dict[str, Any] = {"amount": 100}
ACTIVE = {"is": "months_active", "kinds": ["dues"], "months": 6}
OF_WEIGHT: list[tuple[str, list[Told], dict[str, Any], Measured | None]] = [
    (
        "what comes to less in a month is none",
        [paid(0, **LIGHT), paid(1, **HEAVY), paid(2, BILL, **LIGHT)],
        ACTIVE,
        (1, 1),
    ),
    ("several come to it together", [paid(0, amount=50), paid(0, amount=50)], ACTIVE, (1, 1)),
    ("another kind of the month comes to it", [paid(0, **LIGHT), paid(0, BILL, **HEAVY)], ACTIVE, (1, 1)),
    ("nothing else is known", [paid(0, **LIGHT)], ACTIVE, None),
    ("nobody told what was paid", [paid(0), paid(1, amount=0)], ACTIVE, (2, 2)),
    ("what some tell decides", [paid(0), paid(0, **LIGHT)], ACTIVE, None),
    ("in the running month", [paid(-1, **HEAVY), paid(0, **LIGHT)], ACTIVE, None),
    (
        "much was taken back",
        [(0, SHOP, {"count": 2, "amount": 900}), (0, SHOP, {"reverses": True, "amount": 850})],
        {**ACTIVE, "kinds": [SHOP]},
        None,
    ),
    ("a kind without a least", [paid(0, FARE, amount=1)], {**ACTIVE, "kinds": [FARE]}, (1, 1)),
    (
        "no variety",
        [paid(0, **LIGHT), paid(0, BILL, **HEAVY)],
        {"is": "variety", "kinds": ["dues"], "months": 6},
        (1, 1),
    ),
    ("no evidence", [paid(0, **HEAVY), paid(1, **LIGHT)], SHARE, (1000, 1)),
    ("late is late", [paid(0, **HEAVY), late(1, **LIGHT)], SHARE, (500, 2)),
    ("nothing else is known, and it was late", [late(3, 9, **LIGHT), paid(4, **LIGHT)], WORST, (9, 1)),
    ("what was late is no activity", [late(0, **LIGHT)], ACTIVE, None),
    (
        "late in a month that counts, and in one that does not",
        [late(0, 9, **HEAVY), late(1, 5, BILL, **LIGHT)],
        {**DAYS, "kinds": ["dues"]},
        (14, 2),
    ),
    (
        "what is added up has all",
        [paid(0, amount=7), paid(1, **HEAVY)],
        {"is": "sum", "kinds": [CARDS], "months": 3},
        (107, 1),
    ),
    (
        "what is counted has all",
        [paid(0, **LIGHT), paid(1, **HEAVY)],
        {"is": "count", "kinds": [CARDS], "months": 3},
        (2, 1),
    ),
    ("what is counted is unknown", [paid(0, amount=1)], {"is": "count", "kinds": [CARDS], "months": 3}, None),
]


@pytest.mark.parametrize(("events", "feature", "says"), [c[1:] for c in OF_WEIGHT], ids=[c[0] for c in OF_WEIGHT])
def test_a_month_that_comes_to_less_than_its_least_earns_nothing_and_is_late_where_it_was(
    events: list[Told], feature: dict[str, Any], says: Measured | None
) -> None:
    """(rules S25) Of two amounts for a kind the higher holds."""
    assert measured(told(*events), feature, least={"dues": 100, CARDS: 50, SHOP: 100}) == says
