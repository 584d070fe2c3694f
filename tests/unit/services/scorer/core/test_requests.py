"""What the scorer answers to a person, and what that does to the score (rules P12, I7)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from services.scorer.core.decide import Person, decide
from services.scorer.core.forgetting import withdraw_consent
from services.scorer.core.messages import Due, ReEvaluation, Withdrawal
from services.scorer.core.requests import answer_to
from services.scorer.core.state import State
from services.scorer.core.state import decode as decode_state
from shared.contracts.messages import encode, read
from shared.contracts.subject import SubjectAnswer
from tests.support.people import CARD, INCOME, JAN, ME, day, event, policy_of

MONTHLY = policy_of(msgspec.structs.replace(CARD, cadence="monthly"))
CONTINUOUS = policy_of(msgspec.structs.replace(CARD, cadence="continuous"))


@pytest.mark.parametrize(
    ("asked_at", "next_day"),
    [
        (datetime(2026, 1, 5, 15, 59, 59, tzinfo=UTC), date(2026, 1, 6)),
        # 00:00 of the 6th in Shanghai.
        (datetime(2026, 1, 5, 16, tzinfo=UTC), date(2026, 2, 6)),
        (datetime(2026, 12, 31, tzinfo=UTC), date(2027, 1, 6)),
    ],
)
def test_a_monthly_score_cannot_be_asked_for_and_the_next_day_is_told(asked_at: datetime, next_day: date) -> None:
    answer = answer_to(ReEvaluation(ME, "r1", asked_at), MONTHLY)
    assert (answer.status, answer.code, answer.day) == ("refused", "monthly-cadence", next_day)
    assert str(next_day) in answer.en
    assert str(next_day) in answer.zh
    assert answer == answer_to(ReEvaluation(ME, "r1", asked_at), MONTHLY)


def test_a_continuous_score_is_always_up_to_date() -> None:
    answer = answer_to(ReEvaluation(ME, "r1", day(JAN)), CONTINUOUS)
    assert (answer.status, answer.code, answer.day) == ("done", "up-to-date", None)


@pytest.mark.parametrize(
    "answer",
    [
        answer_to(ReEvaluation(ME, "r1", day(JAN)), MONTHLY),
        answer_to(ReEvaluation(ME, "r1", day(JAN)), CONTINUOUS),
        answer_to(Withdrawal(ME, "r1", day(JAN), "bank", "c1", day(JAN)), MONTHLY),
        answer_to(Withdrawal(ME, "r1", day(JAN), "bank", "c1", day(JAN)), MONTHLY, taken=False),
    ],
    ids=lambda answer: answer.code,
)
def test_every_answer_fits_its_contract(answer: SubjectAnswer) -> None:
    assert read(SubjectAnswer, encode(answer)) == answer


def test_a_withdrawal_moves_a_continuous_score_at_once_and_a_monthly_one_with_the_next_run() -> None:
    figures = [event(INCOME, day(JAN - n), id=f"f{n}", amount=20_000_00, arrival_month=JAN) for n in range(3)]
    asked = Withdrawal(ME, "r1", day(JAN, 20), "bank", "c1", day(JAN, 20))
    at_once = decide(Person(ME), figures, day(JAN, 20), CONTINUOUS).person
    decided = decide(at_once, [asked], day(JAN, 20), CONTINUOUS)
    assert decided.writes.publication is not None
    assert [answer.code for answer, _ in decided.answers] == ["consent-withdrawn"]

    monthly = decide(Person(ME), figures, day(JAN, 20), MONTHLY).person
    monthly = decide(monthly, [Due(ME, JAN + 1, day(JAN + 1, 6), 0, 0)], day(JAN + 1, 6), MONTHLY).person
    silent = decide(monthly, [asked], day(JAN + 1, 20), MONTHLY)
    assert silent.writes.publication is None
    assert not decode_state(silent.person.state).figures
    following = decide(silent.person, [Due(ME, JAN + 2, day(JAN + 2, 6), 0, 0)], day(JAN + 2, 6), MONTHLY)
    before = decide(monthly, [Due(ME, JAN + 2, day(JAN + 2, 6), 0, 0)], day(JAN + 2, 6), MONTHLY)
    assert following.writes.publication is not None
    assert before.writes.publication is not None
    assert following.writes.publication.evaluation.score < before.writes.publication.evaluation.score


def test_who_only_withdraws_gets_no_first_score_and_is_blocked_all_the_same() -> None:
    asked = Withdrawal(ME, "r1", day(JAN), "bank", "c1", day(JAN))
    decided = decide(Person(ME), [asked, event(INCOME, day(JAN), amount=1)], day(JAN), MONTHLY)
    assert decided.writes.publication is None
    assert [type(outcome).__name__ for _, outcome in decided.folded] == ["Blocked"]
    assert decide(Person(ME), [asked], day(JAN), CONTINUOUS).writes.publication is None


def test_so_many_consents_can_be_taken_back_and_no_more() -> None:
    state = State()
    assert all(withdraw_consent(state, "bank", f"c{n}") for n in range(1_000))
    assert not withdraw_consent(state, "bank", "one-more")
    assert withdraw_consent(state, "bank", "c7"), "again, which changes nothing"
