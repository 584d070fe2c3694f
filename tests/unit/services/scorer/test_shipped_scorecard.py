"""What the shipped scorecard promises of itself: lives in which somebody who lends money finds nothing absurd."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from services.scorer.core.features.months import Circle
from services.scorer.core.folding import fold, fold_record
from services.scorer.core.forgetting import prune
from services.scorer.core.messages import Event
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.state import State
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import RecordChange
from tests.support.people import JAN, SHIPPED, consent, day, event, record

FIRST = JAN - 24
BEST_TIER_FROM = 750


def once(kind: str, month: int, number: int = 0, **fields: Any) -> Event:
    """An event in a month that is counted from the first one, 0."""
    shape = KIND_OF[kind].shape
    if shape is Shape.OBLIGATION:
        fields.setdefault("days_late", 0)
    if shape is Shape.FIGURE:
        fields.setdefault("consent", consent("c"))
    return event(kind, day(FIRST + month, 5 + number), id=f"{kind}/{month}/{number}", **fields)


def monthly(*kinds: str, months: Iterable[int] = range(24), times: int = 1, **fields: Any) -> list[Event]:
    return [once(kind, month, number, **fields) for kind in kinds for month in months for number in range(times)]


def life(
    events: Sequence[Event], months: int = 24, records: Sequence[RecordChange] = (), circle: Circle | None = None
) -> Evaluation:
    """How the run after so many complete months scores it."""
    state = State()
    for one in events:
        if one.month < FIRST + months:
            fold(state, one, late_months=10**6)
    for each in records:
        fold_record(state, each, FIRST + months)
    prune(state, FIRST + months, FIRST + months)
    return evaluate(state, SHIPPED, FIRST + months - 1, circle)


def late(events: list[Event], month: int, days: int) -> list[Event]:
    """The same, with what was due in that month paid so many days late."""
    return [
        once(one.body.kind, month, amount=one.body.amount, days_late=days) if one.month == FIRST + month else one
        for one in events
    ]


VERIFIED = [once("identity.verified", 0, value="verified")]
CARD = monthly("credit_card.repayment", amount=200_000)
STATEMENTS = [
    *monthly("credit_card.statement", amount=200_000, limit=1_000_000),
    *monthly("service.payment", amount=200_000),
]
BILLS = monthly("water.bill", "electricity.bill", "gas.bill", "phone.bill", "property_fee.bill", amount=8_000)
PAYS_ALL = [*VERIFIED, *CARD, *STATEMENTS, *BILLS]
SMALL_ACTS = monthly(
    "transit.fare", "bike_rental.return", "e_bike_rental.return", "shop.purchase", "service.payment", "donation.made",
    "recycling.handed_in", times=4, amount=300,
)  # fmt: skip
FIGURES = [kind.name for kind in KIND_OF.values() if kind.shape is Shape.FIGURE]
RICH = monthly(*FIGURES, amount=10**9)
PERFECT = [
    *PAYS_ALL,
    *SMALL_ACTS,
    *monthly("consumer_credit.repayment", "cash_loan.repayment", "instalment.repayment", amount=20_000),
    *monthly("car_rental.return", "item_rental.return", "hotel.stay", "ride.trip", "credit_lease.return"),
    *RICH,
    once("education.verified", 0, value="doctorate"),
    once("occupation.verified", 0, value="public_service"),
    once("vehicle_ownership.verified", 0, value="owner"),
    once("platform_standing.reported", 0, value="excellent"),
]
GOOD_FRIENDS = Circle(850, 50, 1000)


def test_a_perfect_life_of_two_years_reaches_the_best() -> None:
    evaluation = life(PERFECT, circle=GOOD_FRIENDS)
    assert [item.code for item in evaluation.items if item.points != item.best] == []
    assert (evaluation.score, evaluation.key_factors) == (950, ())


@pytest.mark.parametrize("months", [1, 3, 6, 12, 24])
@pytest.mark.parametrize("before", [[], VERIFIED, PAYS_ALL], ids=["a newcomer", "verified", "who pays all"])
def test_all_small_acts_together_earn_at_most_20_points(before: list[Event], months: int) -> None:
    more = life([*before, *SMALL_ACTS], months).score - life(before, months).score
    assert 0 <= more <= 20


def test_with_money_and_friends_alone_nobody_passes_650() -> None:
    assert life([*VERIFIED, *RICH, *SMALL_ACTS], circle=GOOD_FRIENDS).score <= 650
    few = monthly("credit_card.repayment", months=range(22, 24), amount=1, times=9)
    assert life([*VERIFIED, *RICH, *few], circle=GOOD_FRIENDS).score <= 650


@pytest.mark.parametrize("kind", ["court.listing", "card.overdue"])
@pytest.mark.parametrize("fields", [{}, {"status": "settled", "ended_on": day(FIRST).date()}], ids=["open", "settled"])
def test_no_legal_or_financial_record_that_counts_leaves_anybody_in_the_best_tier(
    kind: str, fields: dict[str, Any]
) -> None:
    held = record(kind, began_on=day(FIRST).date(), amount=1, **fields)
    assert life(PERFECT, records=[held], circle=GOOD_FRIENDS).score < BEST_TIER_FROM


def test_lateness_costs_by_its_severity_and_heals() -> None:
    others = [*VERIFIED, *STATEMENTS, *BILLS]
    scores = [life([*others, *late(CARD, 11, days)], 12).score for days in (0, 1, 15, 30, 89)]
    costs = [scores[0] - score for score in scores[1:]]
    assert costs == sorted(costs)
    one_day, fifteen, thirty, ninety = costs
    assert one_day * 3 < fifteen < thirty < ninety
    assert 100 <= thirty <= 150
    assert ninety >= 190
    a_year_later = life([*others, *late(CARD, 11, 89)], 24).score
    assert a_year_later > scores[-1] + 100
    assert a_year_later < life(PAYS_ALL).score


def test_the_poor_who_pay_pass_the_rich_who_pay_late() -> None:
    poor = [*PAYS_ALL, *monthly("income.reported", amount=200_000)]
    rich = [*VERIFIED, *RICH, *[one for month in range(24) for one in late(CARD[month : month + 1], month, 30)]]
    assert life(poor).score > life(rich).score + 150


def test_who_never_borrowed_has_a_way_to_good_and_not_to_the_best() -> None:
    assert 650 <= life([*VERIFIED, *BILLS]).score < BEST_TIER_FROM


def test_silence_costs_step_by_step() -> None:
    scores = [life([one for one in PAYS_ALL if one.month < FIRST + 12], months).score for months in range(12, 25)]
    falls = [before - after for before, after in pairwise(scores)]
    assert max(falls) <= 45
    assert min(falls) >= 0


def test_a_newcomer_stands_in_the_middle() -> None:
    newcomer = life([])
    assert newcomer.thin
    assert 500 <= newcomer.score < 600
