"""Why a score is what it is, in words: each item has its sentence, what it lacks is lost or not known (rules S22)."""

from __future__ import annotations

import msgspec
import pytest

from services.scorer.core.messages import Event, RecordNews
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.obstacles import obstacles
from services.scorer.core.reasons.sentences import Reason, Wording, key_reasons, reasons, without_policy
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.scorecard import Scorecard
from tests.support.lives import Life, monthly
from tests.support.people import BILL, FARE, INCOME, JAN, SHIPPED, card, day, event, news, record, state_of

CREDIT = "credit_card.repayment"


def paid(kind: str, months: int, *, late: int = 0) -> list[Event]:
    """One a month up to January, the last one late by so many days."""
    return [event(kind, day(JAN - back), days_late=0 if back else late) for back in range(months)]


def told(
    *messages: Event | RecordNews, language: Language = "en", of: Scorecard = SHIPPED
) -> tuple[Evaluation, dict[str, Reason]]:
    evaluation = evaluate(state_of(*messages), of, JAN)
    return evaluation, {reason.code: reason for reason in reasons(evaluation, Wording(of, language, "CNY"))}


INCOMES = [event(INCOME, day(JAN - back), amount=1_100_000) for back in range(3)]
LISTED = news(record())
SETTLED = news(record("card.overdue", "r2", ended_on=day(JAN).date(), amount=90_000))


@pytest.mark.parametrize(
    ("messages", "code", "en", "zh"),
    [
        ([], "base", "Everybody begins with 350 points.", "每个人从 350 分起。"),
        ([], "credit-on-time",
         "Nothing is known of your credit payments, mortgage payments and student loan payments in the last 24 "
         "months.",
         "近 24 个月没有信用类还款、房贷还款和助学贷款还款记录。"),
        ([], "verified-identity", "Nothing has been confirmed yet about your identity.", "身份认证尚未得到确认。"),
        ([], "contacts-standing", "Fewer than 5 contacts are known of whom both sides say so.",
         "双方确认的联系人不足 5 人。"),
        ([], "steady-income", "Not enough is known of your monthly income in the last 12 months.",
         "近 12 个月没有足够的月收入记录。"),
        (INCOMES, "steady-income", "Your steady income is at least CNY 11,000.00 a month.",
         "您的稳定月收入不低于 11,000.00 元。"),
        ([event("identity.verified", day(JAN), value="verified")], "verified-identity",
         "Your identity is verified.", "身份已认证。"),
        (paid(CREDIT, 24), "credit-worst-lateness", "No credit payment was late in the last 24 months.",
         "近 24 个月信用类还款没有逾期。"),
        (paid(CREDIT, 24, late=29), "credit-worst-lateness",
         "Your longest delay of a credit payment counts as 29 days today; it counts half after a year.",
         "信用类还款最严重的一次逾期目前按 29 天计，满一年减半。"),
        (paid(CREDIT, 9), "credit-on-time",
         "You made 100 % of your credit payments on time (9 monthly payments are known). "
         "It counts in full from 12 of them on; 9 are known so far.",
         "信用类还款按时率为 100 %（已知 9 期）。目前已知 9 期，满 12 期后计全分。"),
        ([], "negative-records", "No negative record counts against you now.",
         "目前没有计入评分的负面记录。"),
        ([LISTED, SETTLED], "negative-records",
         "Negative records are held against you: 1 financial record, settled; 1 legal record, not settled.",
         "您名下有负面记录：金融类已了结 1 条，法律类未了结 1 条。"),
    ],
)  # fmt: skip
def test_an_item_has_its_sentence(messages: list[Event | RecordNews], code: str, en: str, zh: str) -> None:
    for language, sentence in (("en", en), ("zh", zh)):
        _, found = told(*messages, language=language)  # type: ignore[arg-type]  # a language that a case names
        assert found[code].sentence == sentence


def test_a_ceiling_names_its_class_and_height() -> None:
    rich = [*paid(CREDIT, 24), *paid(BILL, 24), *INCOMES]
    capped = card_of_ceiling(500)
    evaluation, found = told(*rich, LISTED, of=capped)
    assert evaluation.score == 500
    assert found["ceiling"].sentence == "While a legal record counts against you, your score is 500 at most."
    _, found = told(*rich, LISTED, of=capped, language="zh")
    assert found["ceiling"].sentence == "法律类负面记录有效期间，分数最高为 500 分。"


def card_of_ceiling(score: int) -> Scorecard:
    ceilings = {**card().ceilings}
    return card(records=None, ceilings=dict.fromkeys(ceilings, score))


@pytest.mark.parametrize(
    ("messages", "code", "lost", "not_known"),
    [
        ([], "credit-on-time", 0, 19),  # of 34 the 15 of unknown are given
        (paid(CREDIT, 24), "credit-on-time", 0, 0),
        (paid(CREDIT, 6), "credit-on-time", 0, 10),  # half the way from 15 to 34, rounded down
        (paid(CREDIT, 24, late=40), "credit-since-late", 19, 0),
        ([LISTED], "negative-records", 220, 0),
        ([], "negative-records", 0, 0),
    ],
)
def test_what_is_lost_is_told_apart_from_what_is_not_known(
    messages: list[Event | RecordNews], code: str, lost: int, not_known: int
) -> None:
    evaluation, found = told(*messages)
    assert (found[code].lost, found[code].not_known) == (lost, not_known)
    assert sum(reason.points for reason in found.values()) == evaluation.score


def test_key_reasons_are_four_and_what_holds_the_score_down_beside_them() -> None:
    evaluation, found = told(*paid(CREDIT, 2, late=60), LISTED)
    keys = key_reasons(evaluation, found.values())
    assert [reason.code for reason in keys][:4] == list(evaluation.key_factors)
    assert len(keys) <= 5
    costs = [reason.best - reason.points for reason in keys[:4]]
    assert costs == sorted(costs, reverse=True)
    held = evaluate(
        state_of(*paid(FARE, 2), *INCOMES, event("identity.verified", day(JAN), value="verified")), LOW, JAN
    )
    found_low = reasons(held, Wording(LOW, "en", "CNY"))
    assert held.score == 400
    first = next(iter(obstacles(held, found_low, {}, Wording(LOW, "en", "CNY"))))
    assert first.endswith(f"So your score is 400 at most. That takes {-_limit(held)} points.")
    assert any(reason.code == "few-obligations" for reason in key_reasons(held, found_low))


def test_whoever_was_late_with_very_small_sums_is_told_that_they_add_nothing() -> None:
    """(rules S25) Not that more of them would."""
    small = monthly("cash_loan.repayment", months=range(12), amount=1, days_late=1)
    [evaluation] = Life("", small).after([24])
    [said] = [
        each for each in reasons(evaluation, Wording(SHIPPED, "en", "CNY")) if each.code == "credit-worst-lateness"
    ]
    assert said.sentence.endswith("Very small ones add nothing.")
    assert said.lost + said.not_known == said.best - said.points


def _limit(evaluation: Evaluation) -> int:
    return next(item.points for item in evaluation.items if item.code == "few-obligations")


def _lowered() -> Scorecard:
    few = next(limit for limit in SHIPPED.limits if limit.code == "few-obligations")
    return msgspec.structs.replace(SHIPPED, limits=(msgspec.structs.replace(few, ceiling=400),))


LOW = _lowered()


def test_without_its_policy_a_score_is_shown_in_figures() -> None:
    evaluation, _ = told(*INCOMES)
    shown = without_policy(evaluation)
    assert [reason.points for reason in shown] == [item.points for item in evaluation.items]
    assert next(r.sentence for r in shown if r.code == "steady-income") == "value 1100000, observations 3"
