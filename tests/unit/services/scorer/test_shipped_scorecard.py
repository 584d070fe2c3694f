"""What the shipped scorecard promises of itself: lives in which somebody who lends money finds nothing absurd."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

import pytest

from services.scorer.core.messages import Event
from shared.contracts.messages import RecordChange
from tests.support import lives
from tests.support.lives import (
    BEFORE,
    CASH_LOAN,
    CREDIT_CARD,
    FIGURES,
    GOOD_FRIENDS,
    PERFECT,
    WHOLE,
    Life,
    after_two_years,
    bills,
    card,
    household,
    identity,
    late,
    listed,
    monthly,
    once,
    pays_all,
    perfect,
    rich,
    small_acts,
    verified,
    within,
    without,
)

EVERY_MONTH = range(1, 25)
FIRST_TIER_FROM, BEST_TIER_FROM = 600, 750
WHO = [
    pytest.param([], id="a newcomer"),
    pytest.param(verified(), id="verified"),
    pytest.param(pays_all(), id="who pays all"),
    pytest.param([*verified(), *bills()], id="who never borrowed"),
    pytest.param([*verified(), *card(days_late=30)], id="who is late"),
]


def test_the_page_is_what_the_scorecard_says() -> None:
    assert lives.main(["check"]) == 0, "run: python -m tests.support.lives write"


def test_a_stale_page_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lives, "page", lambda: "another")
    assert lives.main(["check"]) == 1
    assert "python -m tests.support.lives write" in capsys.readouterr().err


def test_there_are_forty_lives_and_each_has_its_name() -> None:
    names = [life.name for life in (*lives.from_nothing(), *lives.after_two_years())]
    assert len(names) == len(set(names)) >= 40


def test_a_perfect_life_of_two_years_reaches_the_best_and_not_a_month_earlier() -> None:
    [before, at_last] = PERFECT.after([23, 24])
    assert [item.code for item in at_last.items if item.points != item.best] == []
    assert (before.score, at_last.score, at_last.key_factors) == (899, 950, ())


def test_a_perfect_life_never_falls() -> None:
    scores = PERFECT.scores(EVERY_MONTH)
    assert scores == sorted(scores)


@pytest.mark.parametrize("before", WHO)
def test_all_that_costs_under_100_yuan_a_month_earns_at_most_20_points(before: list[Event]) -> None:
    plain, more = (Life("", events).scores(EVERY_MONTH) for events in (before, [*before, *small_acts()]))
    assert all(0 <= after - score <= 20 for score, after in zip(plain, more, strict=True))


DUES = (*lives.FOUR_KINDS, *lives.HOUSE, "mortgage.repayment", "student_loan.repayment", "hotel.stay")
VERY_SMALL = [
    pytest.param(lives.very_small(CASH_LOAN), id="a loan of 0.01 yuan"),
    pytest.param(lives.very_small(*lives.FOUR_KINDS), id="four kinds of credit of 0.01 yuan"),
    pytest.param([*lives.very_small(*DUES), *small_acts()], id="0.01 yuan of everything, and all small acts"),
    pytest.param(monthly(*lives.FOUR_KINDS, count=9, amount=9_999), id="a cent less than 100 yuan of credit"),
    pytest.param(monthly(*lives.HOUSE, amount=1_999), id="a cent less than 20 yuan of bills"),
    pytest.param(
        [
            *lives.very_small(CREDIT_CARD, "credit_card.payment"),
            *monthly("credit_card.statement", amount=1, limit=5),
        ],
        id="a card that bills 0.01 yuan of 0.05",
    ),
]


@pytest.mark.parametrize("very_small", VERY_SMALL)
@pytest.mark.parametrize(
    "before",
    [
        [],
        verified(),
        [*identity(), *rich()],
        [*verified(), *card()],
        [*verified(), *monthly(CREDIT_CARD, amount=200_000)],
        household(),
    ],
    ids=["new", "verified", "rich", "one card", "payments alone", "household"],
)
def test_very_small_sums_earn_at_most_20_points(before: list[Event], very_small: list[Event]) -> None:
    plain, more = (Life("", events).scores(EVERY_MONTH) for events in (before, [*before, *very_small]))
    assert all(0 <= after - score <= 20 for score, after in zip(plain, more, strict=True))


@pytest.mark.parametrize(
    "enough", [monthly(CASH_LOAN, amount=10_000), monthly(lives.PHONE, amount=2_000), monthly(CASH_LOAN)]
)
def test_a_small_payment_that_is_not_very_small_or_that_nobody_tells_counts_in_full(enough: list[Event]) -> None:
    large = [once(one.body.kind, one.month - lives.FIRST, amount=10**8) for one in enough]
    assert Life("", [*verified(), *enough]).scores() == Life("", [*verified(), *large]).scores()


@pytest.mark.parametrize("kind", [CASH_LOAN, CREDIT_CARD, lives.PHONE, "transit.fare", "hotel.stay"])
@pytest.mark.parametrize("before", [[], rich(), household(BEFORE)], ids=["new", "told", "household"])
@pytest.mark.parametrize("month", [0, 7])
def test_a_very_small_payment_on_time_never_costs_a_point(kind: str, before: list[Event], month: int) -> None:
    """Nor where statements and figures are known, and no obligation."""
    known = [*before, *monthly("credit_card.statement", "credit_card.payment", amount=200_000, limit=1_000_000)]
    plain, more = (Life("", events).scores(EVERY_MONTH) for events in (known, [*known, once(kind, month, amount=1)]))
    assert all(score <= after for score, after in zip(plain, more, strict=True))


@pytest.mark.parametrize("days", [1, 30, 89])
def test_a_very_small_payment_that_is_late_costs_points(days: int) -> None:
    plain, more = (
        Life("", events).scores()
        for events in (household(), [*household(), once(CASH_LOAN, 0, amount=1, days_late=days)])
    )
    assert all(score >= after for score, after in zip(plain, more, strict=True))
    assert plain[0] > more[0]


@pytest.mark.parametrize("before", [[], [*verified(), *monthly(CREDIT_CARD, months=range(3), amount=200_000)]])
@pytest.mark.parametrize("kinds", [(CASH_LOAN,), DUES[:-1]], ids=["a loan", "everything"])
@pytest.mark.parametrize("days", [1, 9])
def test_very_small_payments_that_are_late_never_earn_a_point(
    before: list[Event], kinds: tuple[str, ...], days: int
) -> None:
    """(rules S25) Nor when their lateness has faded: then they would be more evidence than the same paid on time."""
    small = monthly(*kinds, months=range(12), amount=1, days_late=days)
    plain, more = (Life("", events).scores(EVERY_MONTH) for events in (before, [*before, *small]))
    assert all(score >= after for score, after in zip(plain, more, strict=True))


def test_one_month_of_weight_does_not_make_up_for_two_years_of_none() -> None:
    one = [*verified(), *lives.very_small(CASH_LOAN), once(CASH_LOAN, 3, number=1, amount=10**6)]
    assert max(Life("", one).scores(EVERY_MONTH)) < 650


@pytest.mark.parametrize("before", [household(WHOLE), [*verified(-24), *card(WHOLE)]], ids=["household", "one card"])
@pytest.mark.parametrize("amount", [1, 300_000], ids=["very small", "large"])
def test_a_new_kind_of_credit_raises_nobody_at_once_and_costs_nothing_after_half_a_year(
    before: list[Event], amount: int
) -> None:
    more = [*before, *monthly(CASH_LOAN, amount=amount)]
    plain, new = (Life("", events).scores(EVERY_MONTH) for events in (before, more))
    moved = [after - score for score, after in zip(plain, new, strict=True)]
    assert all(-10 <= by <= 3 for by in moved[:6]), moved
    assert all(0 <= by <= 20 for by in moved[6:]), moved


def test_one_payment_in_nine_parts_earns_no_more_than_in_one() -> None:
    parts, whole = (Life("", [*verified(), *monthly(CREDIT_CARD, count=count)]).scores() for count in (9, 1))
    assert parts == whole


def few(months: range, *kinds: str) -> list[Event]:
    return monthly(*kinds, months=months, amount=20_000)


@pytest.mark.parametrize(
    "dues",
    [
        pytest.param([], id="none"),
        pytest.param(few(range(19, 24), CREDIT_CARD), id="five, one a month"),
        pytest.param(few(range(22, 24), CREDIT_CARD, *lives.HOUSE), id="twelve, in two months"),
        pytest.param(monthly(CREDIT_CARD, months=range(22, 24), count=9), id="18 payments of two bills"),
    ],
)
def test_without_six_obligations_over_three_months_nobody_reaches_good(dues: list[Event]) -> None:
    plenty = [*identity(), *rich(), *small_acts()]
    money_and_friends = without(plenty, "ride.trip", "item_rental.return", "credit_lease.return")
    assert Life("", [*money_and_friends, *dues], circle=GOOD_FRIENDS).scores([24])[0] < 650


@pytest.mark.parametrize("kind", ["court.listing", "card.overdue"])
@pytest.mark.parametrize("amount", [1, 10**9])
@pytest.mark.parametrize("settled", [None, 0])
def test_no_legal_or_financial_record_that_counts_leaves_anybody_in_the_best_tier(
    kind: str, amount: int, settled: int | None
) -> None:
    held = listed(kind, 0, settled, amount=amount)
    assert max(Life("", perfect(), held, GOOD_FRIENDS).scores()) < BEST_TIER_FROM


def test_no_legal_or_financial_record_that_is_open_leaves_anybody_in_a_tier() -> None:
    [newcomer] = Life("").scores([1])
    best = [Life("", perfect(), listed(kind, 0), GOOD_FRIENDS).scores() for kind in ("court.listing", "card.overdue")]
    assert (max(best[0]) < newcomer, max(best[1]) < FIRST_TIER_FROM) == (True, True)


@pytest.mark.parametrize("kind", ["court.listing", "card.overdue", "ride.unpaid"])
@pytest.mark.parametrize("life", [household(WHOLE), [*verified(), *card(days_late=5)], []], ids=["good", "fair", "new"])
def test_settled_costs_no_more_than_open_and_a_record_that_has_lapsed_costs_nothing(
    kind: str, life: list[Event]
) -> None:
    opened, settled = listed(kind, 0), listed(kind, 0, 3)
    gone = (12, dataclasses.replace(settled[-1][1], version=3, counts=False))

    def scores(records: Sequence[tuple[int, RecordChange]]) -> list[int]:
        return Life("", life, records).scores(EVERY_MONTH)

    without_any, while_open, once_settled, lapsed = (
        scores([]),
        scores(opened),
        scores(settled),
        scores([*settled, gone]),
    )
    assert while_open[:3] == once_settled[:3]
    assert all(a < b for a, b in zip(while_open[3:], once_settled[3:], strict=True))
    assert all(a <= b for a, b in zip(once_settled, lapsed, strict=True))
    assert lapsed[12:] == without_any[12:]


@pytest.mark.parametrize("yuan", [0, 1, 2_000, 50_000])
@pytest.mark.parametrize("before", WHO)
def test_to_tell_a_true_figure_never_costs_a_point(before: list[Event], yuan: int) -> None:
    silent = Life("", before).scores()
    for figure in FIGURES:
        told = Life("", [*before, *monthly(figure, amount=yuan * 100)]).scores()
        assert all(a <= b for a, b in zip(silent, told, strict=True)), figure


def after_lateness(days: int, month: int = 0) -> list[int]:
    return Life("", late(household(WHOLE), month, days, CREDIT_CARD)).scores(EVERY_MONTH)


LADDER = (0, 1, 3, 5, 7, 10, 15, 20, 30, 45, 60, 75, 89)


def test_lateness_costs_by_its_severity_without_a_cliff_and_heals() -> None:
    by_days = {days: after_lateness(days) for days in LADDER}
    costs = {days: by_days[0][0] - scores[0] for days, scores in by_days.items()}
    assert costs[1] * 5 < costs[30]
    assert costs[30] * 5 < costs[89] * 4
    assert costs[1] <= 20
    assert 90 <= costs[30] <= 140
    assert 180 <= costs[89] <= 220
    assert all(0 < after - before <= 60 for before, after in pairwise(costs.values()) if after != before)
    for scores in by_days.values():
        assert scores == sorted(scores), "it heals"
    for months in range(24):
        assert all(milder[months] >= worse[months] for milder, worse in pairwise(by_days.values()))


def test_a_day_has_healed_after_a_year_and_what_was_worse_has_not() -> None:
    once, a_month, a_quarter, never = (after_lateness(days)[11:23] for days in (1, 30, 89, 0))
    assert once[1:] == never[1:]
    assert all(a > b > c for a, b, c in zip(once, a_month, a_quarter, strict=True))


@pytest.mark.parametrize("days", [4, 9, 24, 29, 44, 59, 74])
def test_no_single_day_decides_for_whoever_is_late_again_and_again(days: int) -> None:
    """Nor does it lift whoever is two months late, as a habit, above somebody of whom nothing is known."""
    columns = (6, 9, 12, 24)
    mild, more = (Life("", lives.late_every_third_month(late)).scores(columns) for late in (days, days + 1))
    assert all(0 <= before - after <= 35 for before, after in zip(mild, more, strict=True))
    [newcomer] = Life("").scores([1])
    assert days < 59 or max(mild[2:]) <= newcomer


@pytest.mark.parametrize("new", [2, 3, 5])
@pytest.mark.parametrize("before", [household(WHOLE), [*verified(-24), *card(WHOLE)]], ids=["household", "one card"])
def test_new_credit_of_several_kinds_at_once_raises_nobody(before: list[Event], new: int) -> None:
    """However long the history is: it is how somebody acts who does not mean to pay."""
    kinds = ("consumer_credit.repayment", CASH_LOAN, "instalment.repayment", "mortgage.repayment")
    more = [*before, *monthly(*kinds[:new], "student_loan.repayment", amount=300_000)]
    half_a_year = range(1, 7)
    assert all(a > b for a, b in zip(*(Life("", each).scores(half_a_year) for each in (before, more)), strict=True))


def test_whoever_begins_one_kind_of_credit_a_month_never_falls_for_it_later() -> None:
    """To somebody who is new, everything is, also when the first of it is older than half a year."""
    kinds = (CREDIT_CARD, "consumer_credit.repayment", CASH_LOAN, "mortgage.repayment", "student_loan.repayment")
    begun = [one for at, kind in enumerate(kinds) for one in monthly(kind, months=range(at, 24), amount=100_000)]
    scores = Life("", [*verified(), *bills(), *begun]).scores(range(6, 25))
    assert all(after >= before for before, after in pairwise(scores)), scores


def test_a_bank_that_begins_to_name_limits_changes_nothing_for_a_card_that_is_used_a_little() -> None:
    """(rules E19) The bills of months before are not held against the first limit."""
    months = range(-24, 24)
    paid = [
        *monthly(CREDIT_CARD, months=months, amount=300_000),
        *monthly("credit_card.payment", months=months, amount=300_000),
    ]
    bills_before = monthly("credit_card.statement", months=range(-24, 12), amount=300_000)
    named = monthly("credit_card.statement", months=range(12, 24), amount=300_000, limit=1_000_000)
    scores = Life("", [*verified(-24), *bills(months), *paid, *bills_before, *named]).scores(range(12, 16))
    assert min(scores[1:]) >= scores[0], scores


def test_a_card_that_names_no_limit_hides_none_that_is_used_up() -> None:
    """(rules E19)"""
    used_up = [*household(lives.BEFORE), *bills(), *card(billed=1_000_000)]
    another = [once("credit_card.statement", month, number=1, amount=100_000) for month in lives.ALL]
    assert max(Life("", [*used_up, *another]).scores(range(3, 25))) < BEST_TIER_FROM


@pytest.mark.parametrize("days", [1, 15, 30, 89])
def test_what_is_older_costs_no_more_than_what_is_newer(days: int) -> None:
    scores = [Life("", late(household(WHOLE), month, days, CREDIT_CARD)).scores([24])[0] for month in range(24)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] or days == 1


def test_the_cleaner_a_record_the_further_it_falls_and_the_higher_it_ends() -> None:
    long, short = household(WHOLE), household(range(-3, 24))
    [[long_before, long_after], [short_before, short_after]] = (
        [Life("", events).scores([0])[0], Life("", late(events, 0, 30, CREDIT_CARD)).scores([1])[0]]
        for events in (long, short)
    )
    assert long_before - long_after > short_before - short_after
    assert long_after > short_after


def test_good_fares_do_not_make_up_for_a_default() -> None:
    bad = late(household(WHOLE), 0, 89, CREDIT_CARD)
    more = [*bad, *monthly("bike_rental.return", "donation.made", count=100, amount=100)]
    assert all(0 <= b - a <= 20 for a, b in zip(Life("", bad).scores(), Life("", more).scores(), strict=True))


@pytest.mark.parametrize("late_by", [5, 30])
def test_the_poor_who_pay_pass_the_rich_who_pay_late(late_by: int) -> None:
    poor = [*pays_all(), *monthly("income.reported", amount=200_000)]
    wealthy = [*identity(), *rich(), *card(days_late=late_by), *bills(days_late=late_by)]
    assert Life("", poor).scores([24])[0] > Life("", wealthy, circle=GOOD_FRIENDS).scores([24])[0] + 100


@pytest.mark.parametrize("kind", ["instalment.repayment", "cash_loan.repayment"])
@pytest.mark.parametrize("before", WHO)
def test_a_loan_that_was_paid_back_on_time_leaves_nobody_lower_than_none(before: list[Event], kind: str) -> None:
    loan = few(range(6), kind)
    plain, settled = Life("", before).scores(EVERY_MONTH), Life("", [*before, *loan]).scores(EVERY_MONTH)
    assert all(a <= b for a, b in zip(plain, settled, strict=True))


def test_one_payment_on_time_and_then_silence_is_not_worse_than_silence() -> None:
    silent, one = verified(), [*verified(), once(CREDIT_CARD, 0, amount=100_000)]
    pairs = zip(Life("", silent).scores(EVERY_MONTH), Life("", one).scores(EVERY_MONTH), strict=True)
    assert all(a <= b for a, b in pairs)


def test_who_never_borrowed_has_a_way_to_good_and_not_to_the_best() -> None:
    assert 650 <= Life("", [*verified(), *bills()]).scores([24])[0] < BEST_TIER_FROM


@pytest.mark.parametrize("value", [None, "withdrawn"])
def test_without_an_identity_nobody_passes_good(value: str | None) -> None:
    told = without(perfect(), "identity.verified")
    withdrawn = [once("identity.verified", 0, value=value)] if value else []
    assert Life("", [*told, *withdrawn], circle=GOOD_FRIENDS).scores([24])[0] < 700


def test_silence_costs_step_by_step() -> None:
    before = within(household(WHOLE), lives.BEFORE)
    scores = Life("", before).scores(range(25))
    falls = [before - after for before, after in pairwise(scores)]
    assert max(falls) <= 45
    assert min(falls) >= 0


def test_friends_bear_little() -> None:
    alone, best, worst = (
        Life("", pays_all(), circle=circle).scores() for circle in (None, GOOD_FRIENDS, lives.BAD_FRIENDS)
    )
    assert all(abs(a - b) <= 30 for others in (best, worst) for a, b in zip(alone, others, strict=True))


def test_a_newcomer_stands_in_the_middle() -> None:
    [newcomer] = Life("").after([1])
    assert newcomer.thin
    assert 500 <= newcomer.score < 600


@pytest.mark.parametrize("days", [10, 15, 24, 25, 30, 45, 60, 89])
def test_whoever_is_always_late_stands_below_a_newcomer_with_an_identity(days: int) -> None:
    [newcomer] = Life("", verified()).scores([1])
    everything = [*identity(), *rich(), *card(days_late=days), *bills(days_late=days)]
    assert max(Life("", everything, circle=GOOD_FRIENDS).scores(range(5, 25))) < newcomer
    assert max(Life("", everything, circle=GOOD_FRIENDS).scores(range(3, 25))) < FIRST_TIER_FROM


@pytest.mark.parametrize("days", [30, 60, 89])
def test_bills_that_are_always_late_leave_no_tier_and_alone_no_more_than_a_newcomer_has(days: int) -> None:
    [newcomer] = Life("", verified()).scores([1])
    alone = [*verified(), *bills(days_late=days)]
    assert max(Life("", alone).scores(EVERY_MONTH)) < newcomer
    assert max(Life("", [*alone, *card(), *rich()]).scores(range(3, 25))) < FIRST_TIER_FROM


@pytest.mark.parametrize(
    ("kinds", "highest"),
    [
        pytest.param(["credit_lease.return"], 649, id="leases"),
        pytest.param(["car_rental.return"], 649, id="cars"),
        pytest.param(["item_rental.return"], 649, id="things"),
        pytest.param(["transit.fare"], 699, id="fares"),
        pytest.param(["hotel.stay"], 699, id="stays"),
        pytest.param(["bike_rental.return"], 699, id="bikes"),
    ],
)
def test_whoever_breaks_word_in_small_things_again_and_again_does_not_rise_on_all_else(
    kinds: list[str], highest: int
) -> None:
    late_in_these = [*without(perfect(), *kinds), *monthly(*kinds, days_late=10, amount=10_000)]
    assert max(Life("", late_in_these, circle=GOOD_FRIENDS).scores(range(3, 25))) == highest


def test_much_credit_at_once_earns_no_trust_before_it_is_paid_for_a_while() -> None:
    """One of the surest signs of trouble is a newcomer who takes up whatever is lent."""
    loans = monthly("consumer_credit.repayment", CASH_LOAN, "instalment.repayment", amount=300_000)
    scores = Life("", [*pays_all(), *rich(), *loans], circle=GOOD_FRIENDS).scores(EVERY_MONTH)
    assert (max(scores[:5]), max(scores[:8]), max(scores[:11])) == (649, 699, 749)


def test_a_payment_two_months_late_keeps_everybody_from_the_best_tier_for_a_year() -> None:
    scores = Life("", late(perfect(WHOLE), 0, 60, CREDIT_CARD), circle=GOOD_FRIENDS).scores(EVERY_MONTH)
    assert max(scores[:12]) < BEST_TIER_FROM <= scores[12]


def test_three_payments_that_were_very_late_keep_everybody_from_the_best_tier_for_two_years() -> None:
    events = perfect(WHOLE)
    for month in (0, 4, 8):
        events = late(events, month, 30, CREDIT_CARD)
    assert max(Life("", events, circle=GOOD_FRIENDS).scores(range(9, 25))) < BEST_TIER_FROM


def test_whoever_pays_three_months_late_again_and_again_does_not_rise_by_waiting() -> None:
    always = Life("always", [*verified(), *bills(), *card(days_late=89)])
    assert max(always.scores([3, 6, 12, 24])) < 450


def test_two_years_after_a_default_nobody_stands_beside_whoever_settled_a_slip_at_once() -> None:
    """A record is all that is remembered by then of the months that were missed."""
    by_name = {life.name: life for life in after_two_years()}
    slip = by_name["a card reported overdue, settled in the second month"]
    default = by_name["default: the same, settled in the seventh month, and paid on time from then on"]
    assert default.scores([24])[0] < slip.scores([24])[0] < 700


@pytest.mark.parametrize(
    "kind",
    ["mortgage.repayment", "student_loan.repayment", "rent.payment", "insurance.premium", "broadband.bill"],
)
def test_whatever_is_owed_month_after_month_is_missed_where_it_is_late(kind: str) -> None:
    on_time, late_always = (
        Life("", [*verified(), *monthly(kind, days_late=days, amount=500_000)]).scores() for days in (0, 89)
    )
    known = Life("", verified()).scores()
    for missed, newcomer, kept in zip(late_always, known, on_time, strict=True):
        assert missed < newcomer < kept
