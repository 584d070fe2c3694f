"""What is reported twice, taken back, or due at the edge of a month, and who has hardly any history: by the shipped
scorecard. What a currency comes to is decided before, in ingest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.scorer.core.messages import Event
from tests.support.lives import (
    ALL,
    CREDIT_CARD,
    FARE,
    FIRST,
    PHONE,
    Life,
    bills,
    card,
    household,
    late,
    monthly,
    once,
    pays_all,
    verified,
)
from tests.support.people import day, event

STATEMENT, PURCHASE = "credit_card.statement", "shop.purchase"
BEGINS = day(FIRST, 1, 0)
"""The first instant of the first month, in the deployment's zone; in UTC it lies in the month before."""
INSTANT = timedelta(microseconds=1)


def again(*kinds: str, **fields: int) -> list[Event]:
    """The bills of each month once more, under other ids."""
    return [once(kind, month, number=1, **fields) for month in ALL for kind in kinds]


def back(kind: str, **fields: int) -> list[Event]:
    return [once(kind, month, number=2, reverses=True, **fields) for month in ALL]


def at_an_edge(edge: int, *, after: bool) -> list[Event]:
    """A card and its payment in the first or the last instant of a month."""
    time = day(FIRST + edge, 1, 0) - (timedelta() if after else INSTANT)
    return [*verified(), event(CREDIT_CARD, time, amount=200_000, days_late=0)]


SAME: list[tuple[str, Sequence[Event], Sequence[Event]]] = [
    ("a bill under two ids", [*household(), *again(PHONE, amount=8_000)], household()),
    ("a card bill under two ids", [*household(), *again(CREDIT_CARD, amount=200_000)], household()),
    ("a fare under two ids", [*household(), *again(FARE, amount=400)], household()),
    (
        "a late bill under two ids",
        [*late(household(), 3, 30, PHONE), once(PHONE, 3, number=1, amount=8_000, days_late=30)],
        late(household(), 3, 30, PHONE),
    ),
    (
        "a card bill that was late, under two ids",
        [*late(household(), 3, 30, CREDIT_CARD), once(CREDIT_CARD, 3, number=1, amount=200_000, days_late=30)],
        late(household(), 3, 30, CREDIT_CARD),
    ),
    (
        "purchases that are taken back",
        [*pays_all(), *monthly(PURCHASE, amount=5_000), *back(PURCHASE, amount=5_000)],
        pays_all(),
    ),
    (
        "statements that are taken back, and said anew",
        [
            *pays_all(),
            *monthly(STATEMENT, amount=990_000, limit=1_000_000),
            *back(STATEMENT, amount=990_000, limit=1_000_000),
        ],
        pays_all(),
    ),
    ("the last instant of a month", at_an_edge(1, after=False), [*verified(), once(CREDIT_CARD, 0, amount=200_000)]),
    ("the first instant of a month", at_an_edge(1, after=True), [*verified(), once(CREDIT_CARD, 1, amount=200_000)]),
    ("the last instant of a year", at_an_edge(12, after=False), [*verified(), once(CREDIT_CARD, 11, amount=200_000)]),
    ("the first instant of a year", at_an_edge(12, after=True), [*verified(), once(CREDIT_CARD, 12, amount=200_000)]),
]


@pytest.mark.parametrize(("life", "other"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_it_makes_no_difference(life: Sequence[Event], other: Sequence[Event]) -> None:
    assert Life("", life).scores(range(1, 25)) == Life("", other).scores(range(1, 25))


def test_the_instant_before_a_month_is_of_another_month_though_not_in_utc() -> None:
    inside, outside = (Life("", [event(CREDIT_CARD, at, days_late=0)]) for at in (BEGINS, BEGINS - INSTANT))
    assert [one.month - FIRST for life in (inside, outside) for one in life.events] == [0, -1]
    assert BEGINS.utctimetuple().tm_mon != BEGINS.timetuple().tm_mon


@pytest.mark.parametrize(
    ("events", "thin", "known"),
    [
        pytest.param([], [True] * 4, 0, id="nothing"),
        pytest.param(verified(), [True] * 4, 1, id="an identity, and nothing that was done"),
        pytest.param([*verified(), *card(range(1)), *bills(range(1))], [True, True, False, False], 2, id="one month"),
        pytest.param(pays_all(), [True, True, False, False], 2, id="all months"),
    ],
)
def test_who_has_hardly_any_history_has_a_score_that_says_so(events: list[Event], thin: list[bool], known: int) -> None:
    evaluations = Life("", events).after([1, 2, 3, 24])
    assert [each.thin for each in evaluations] == thin
    assert all(sum(item.points for item in each.items) == each.score for each in evaluations)
    told = {item.code for item in evaluations[0].items if item.rests_on}
    assert len(told) >= known
