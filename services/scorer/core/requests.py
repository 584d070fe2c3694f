"""What the scorer answers to a person's request (rules P12, I7). An answer follows from the request and the policy
alone, so that a request that is read twice is answered with the same bytes."""

from __future__ import annotations

from services.scorer.core.consents import WITHDRAWN_MAX
from services.scorer.core.messages import ReEvaluation, Withdrawal
from services.scorer.core.policy import Policy
from shared.contracts.subject import SubjectAnswer


def answer_to(asked: ReEvaluation | Withdrawal, policy: Policy, *, taken: bool = True) -> SubjectAnswer:
    """`taken`: whether a withdrawal had room in the person's state."""
    match asked:
        case ReEvaluation():
            return _re_evaluation(asked, policy)
        case Withdrawal():
            return _withdrawal(asked) if taken else _too_many(asked)


def _re_evaluation(asked: ReEvaluation, policy: Policy) -> SubjectAnswer:
    if policy.at(asked.time).cadence == "continuous":
        return SubjectAnswer(
            request_id=asked.request_id,
            request="re-evaluate",
            service="scorer",
            status="done",
            code="up-to-date",
            en="Your score is up to date: whatever changes it is published at once.",
            zh="您的评分是最新的：任何变化都会立即发布。",
        )
    day = policy.instant_of(policy.latest_run(asked.time) + 1).astimezone(policy.zone).date()
    return SubjectAnswer(
        request_id=asked.request_id,
        request="re-evaluate",
        service="scorer",
        status="refused",
        code="monthly-cadence",
        en=f"Scores are published for everybody on one day of each month, the next time on {day}; "
        "nobody can ask for an earlier one.",
        zh=f"评分每月统一发布一次，下一次发布日期为{day}，不能申请提前评估。",
        day=day,
    )


def _withdrawal(asked: Withdrawal) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="withdraw-consent",
        service="scorer",
        status="done",
        code="consent-withdrawn",
        en="The consent is withdrawn. Whatever figures were given under it are erased, and no more are taken under it. "
        "Your next score is made without them.",
        zh="授权已撤回。依据该授权提供的数据（如有）已删除，今后不再接收；下一次评分将不再使用这些数据。",
    )


def _too_many(asked: Withdrawal) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="withdraw-consent",
        service="scorer",
        status="refused",
        code="too-many",
        en=f"You have withdrawn {WITHDRAWN_MAX} consents already, and no more are taken. Ask to be erased, or write to "
        "the operator.",
        zh=f"您已撤回{WITHDRAWN_MAX}项授权，已达上限。您可以申请删除全部数据，或联系运营方。",
    )
