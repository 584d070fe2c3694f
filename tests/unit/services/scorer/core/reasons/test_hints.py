"""What is told to whom, and what it is worth (rules S23). That promises hold is a law: tests/property."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec
import pytest

from services.scorer.core import catalogue
from services.scorer.core.reasons.hints import Hinted, Present, hints, outlook
from services.scorer.core.score import evaluate
from services.scorer.core.state import State
from shared.contracts.messages import RecordChange
from tests.support.lives import FIRST, HOUSE, Life, bills, card, household, late, listed, monthly, pays_all, verified
from tests.support.people import SHIPPED, day, record

CARD = "credit_card.repayment"
PHONE = "phone.bill"


def present(life: Life, months: int) -> Present:
    """The person after so many complete months."""
    return Present(life.state_after(months), life.circle, FIRST + months)


def hinted(of: Present) -> dict[str, Hinted]:
    return {found.hint.code: found for found in hints(of, SHIPPED)}


def test_who_uses_up_a_card_is_told_to_bill_less_of_its_limit() -> None:
    used_up = present(Life("", [*verified(), *bills(), *card(billed=750_000)]), 8)
    now, three = (hinted(used_up)[code] for code in ("bill-less-of-limit", "bill-less-of-limit-three-months"))
    assert 0 < now.points < three.points
    assert (now.through, three.through) == (FIRST + 8, FIRST + 10)


def test_who_bills_little_of_a_limit_is_not_told_to_bill_less() -> None:
    assert not hinted(present(Life("", pays_all()), 8)).keys() & {"bill-less-of-limit"}


@pytest.mark.parametrize("share", [100, 101, 150, 200, 299])
def test_who_bills_as_little_or_as_much_as_the_sentence_says_has_what_was_promised(share: int) -> None:
    """A card that is hardly used earns less than one of which a tenth is used, so the sentence says both."""
    so_far = [*verified(), *card(range(12), billed=450_000)]
    found = hinted(present(Life("", [*so_far, *bills(range(12))]), 12))["bill-less-of-limit-three-months"]
    follows = [*so_far, *card(range(12, 15), billed=share * 1000), *bills(range(15))]
    assert Life("", follows).scores([15])[0] >= found.score > found.points > 0


@pytest.mark.parametrize(("at_least", "promised"), [(0, False), (100, True)])
def test_what_a_sentence_leaves_open_is_worth_no_more_than_the_worst_of_it(at_least: int, promised: bool) -> None:
    hint = catalogue.Use(code="less", below=300, at_least=at_least, months=3, en="-", zh="-")
    of = present(Life("", [*verified(), *card(billed=450_000), *bills()]), 12)
    alone = msgspec.structs.replace(SHIPPED, hints=(hint,))
    assert bool(hints(of, alone)) is promised, "without a card in use it would be 14 points less"


@pytest.mark.parametrize("amount", [1, 300_000], ids=["very small", "large"])
def test_what_is_kept_up_is_promised_as_what_it_usually_comes_to_and_what_is_begun_as_the_smallest_it_says(
    amount: int,
) -> None:
    """(rules S25) Very small ones earn nothing, as usual as they may be."""
    so_far = [*verified(), *monthly("cash_loan.repayment", months=range(5), amount=amount)]
    of = present(Life("", so_far), 5)
    goes_on = [*verified(), *monthly("cash_loan.repayment", months=range(11), amount=amount)]
    follows = [*goes_on, *monthly(PHONE, months=range(5, 11), amount=2_000)]
    kept, begun = Life("", goes_on).scores([11])[0], Life("", follows).scores([11])[0]
    found = hinted(of)
    assert dict(outlook(of, SHIPPED))[FIRST + 10] == kept
    promised = {code: found[code].score for code in ("keep-credit-half-a-year", "another-bill") if code in found}
    assert promised == {"another-bill": begun, **({} if amount == 1 else {"keep-credit-half-a-year": kept})}


@pytest.mark.parametrize("amount", [6_000, 9_999])
def test_what_is_paid_in_the_running_month_already_is_not_promised_a_second_time(amount: int) -> None:
    """(rules S23) Twice as much would be a payment of some weight."""
    loan = [*verified(), *monthly("cash_loan.repayment", months=range(11), amount=amount)]
    of = Present(Life("", loan).state_after(6), None, FIRST + 5)
    assert not hinted(of).keys() & {"keep-credit", "keep-credit-half-a-year"}
    assert dict(outlook(of, SHIPPED))[FIRST + 10] == Life("", loan).scores([11])[0]


@pytest.mark.parametrize(
    ("hint", "so_far"),
    [
        (catalogue.Begin(code="buy", kinds=("shop.purchase",), months=6, en="-", zh="-"), []),
        (catalogue.Keep(code="buy", kinds=("shop.purchase",), months=6, en="-", zh="-"), range(5)),
    ],
    ids=["begun", "kept up"],
)
def test_what_is_no_obligation_is_promised_as_the_smallest_or_as_usual_too(
    hint: catalogue.AnyHint, so_far: Sequence[int]
) -> None:
    alone = msgspec.structs.replace(SHIPPED, least={**SHIPPED.least, "shop.purchase": 10_000}, hints=(hint,))
    before = [*pays_all(), *monthly("shop.purchase", months=so_far, amount=1)]
    follows = [*before, *monthly("shop.purchase", months=range(5, 11), amount=1)]
    score = Life("", follows).scores([11], alone)[0]
    assert all(found.score <= score for found in hints(present(Life("", before), 5), alone))


def test_a_ceiling_that_billing_less_lifts_counts_in() -> None:
    life = Life("", [*household(range(-24, 0)), *card(billed=1_000_000), *monthly(*HOUSE)])
    at_the_ceiling = present(life, 3)
    assert evaluate(at_the_ceiling.state, SHIPPED, FIRST + 2).score == 749
    assert hinted(at_the_ceiling)["bill-less-of-limit"].score > 749


@pytest.mark.parametrize(
    ("events", "goes_on"),
    [
        ([*verified(), *card()], True),
        (late([*verified(), *card()], 5, 30, CARD), False),
    ],
)
def test_who_pays_on_time_is_told_to_go_on_and_who_was_late_what_it_would_raise(
    events: Sequence[object], goes_on: bool
) -> None:
    found = hinted(present(Life("", events), 6))["keep-credit"]  # type: ignore[arg-type]  # any events of a life
    assert found.kinds == (CARD,)
    assert found.goes_on is goes_on


def test_what_is_not_usual_any_more_is_not_told_to_be_kept() -> None:
    """A card that was closed, or a loan that was paid off, four months ago."""
    life = Life("", [*verified(), *card(range(6)), *monthly(PHONE, months=range(12))])
    assert "keep-credit" not in hinted(present(life, 10))
    assert "pay-bills" in hinted(present(life, 10))


def test_a_bill_is_begun_of_the_first_kind_that_is_lacking() -> None:
    found = hinted(present(Life("", [*verified(), *card(), *monthly(PHONE)]), 6))
    assert found["another-bill"].kinds == ("electricity.bill",)
    everything = hinted(present(Life("", pays_all()), 6))
    assert "another-bill" not in everything


def test_figures_that_are_not_known_are_told_for_as_little_as_they_are_worth() -> None:
    assert hinted(present(Life("", verified()), 3))["tell-contributions"].kinds == (
        "social_security.contribution",
        "provident_fund.contribution",
    )
    assert "tell-contributions" not in hinted(present(Life("", household()), 12))


def test_nobody_is_told_to_take_up_credit() -> None:
    assert not any(
        kind.endswith(".repayment") for found in hints(present(Life(""), 3), SHIPPED) for kind in found.kinds
    )


def test_going_on_as_usual_is_what_comes_when_all_goes_on() -> None:
    life = Life("", household())
    foretold = [score for _, score in outlook(present(life, 6), SHIPPED)]
    assert foretold == life.scores(range(7, 19))


NEW = Life("", [*verified(), *monthly(CARD, PHONE, amount=100_000), *monthly("income.reported", amount=800_000)])


@pytest.fixture
def in_the_first_month() -> Present:
    """Of whom nothing is known but of the running month, as continuous cadence has it."""
    return Present(NEW.state_after(1), None, FIRST)


def test_who_is_new_goes_on_as_in_the_running_month(in_the_first_month: Present) -> None:
    assert [score for _, score in outlook(in_the_first_month, SHIPPED)] == NEW.scores(range(1, 13))


def test_what_is_done_already_in_the_running_month_is_not_told_as_new(in_the_first_month: Present) -> None:
    found = hinted(in_the_first_month)
    assert not found.keys() & {"keep-credit", "pay-bills"}, "this month's are paid"
    assert all(found[code].goes_on for code in ("keep-credit-half-a-year", "pay-bills-half-a-year"))


def test_a_kind_that_begins_in_the_running_month_goes_on_beside_the_others() -> None:
    known = monthly(CARD, amount=100_000)
    life = Life("", [*verified(), *known, *monthly(PHONE, months=range(6, 24))])
    of = Present(life.state_after(7), None, FIRST + 6)
    assert [score for _, score in outlook(of, SHIPPED)] == life.scores(range(7, 19))


def test_a_record_that_lapses_in_between_is_gone_in_the_outlook_and_with_and_without_a_hint() -> None:
    """One day has one score on the page: who does what is told gets at least as much more as the outlook says of it."""
    lapses_at = day(FIRST + 9, 10, 0)
    held = [(0, record("ride.unpaid", began_on=day(FIRST).date(), status="settled", lapses_at=lapses_at))]
    of = present(Life("", household(), held), 6)
    free = present(Life("", household()), 6)
    assert evaluate(of.state, SHIPPED, FIRST + 5).score < evaluate(free.state, SHIPPED, FIRST + 5).score
    after = {through: score for through, score in outlook(of, SHIPPED) if through >= FIRST + 9}
    expected = hinted(free)
    for code, found in hinted(of).items():
        if found.through in after:
            assert found == expected[code]
            if not isinstance(found.hint, catalogue.Keep):
                assert found.score - found.points == after[found.through]
    assert any(found.through in after for found in hinted(of).values())


def test_somebody_of_whom_nothing_is_known_has_an_outlook() -> None:
    score = evaluate(State(), SHIPPED, FIRST).score
    assert [found for _, found in outlook(Present(State(), None, FIRST), SHIPPED)] == [score] * 12


def test_of_several_open_records_all_are_settled_where_one_alone_changes_nothing() -> None:
    """Whoever is at the lowest score stays there for as long as any of them is open."""
    life = Life("", pays_all(), [*listed("court.listing", 0), *_another(listed("court.listing", 0))])
    found = hinted(present(life, 6))["settle-record"]
    without = evaluate(present(life, 6).state, SHIPPED, FIRST + 5).score
    assert found.score > without


def _another(changes: list[tuple[int, RecordChange]]) -> list[tuple[int, RecordChange]]:
    return [(month, dataclasses.replace(change, record_id="r2")) for month, change in changes]
