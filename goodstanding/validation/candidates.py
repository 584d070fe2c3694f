"""What `policy fit` may choose from: segments, features and the rules on them, without bins and points.

The statistics only say how many points each value gives. What is looked at, in which direction it may count, for whom,
and in which words people read it, is decided here. Nothing but behavior is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.scorer.core.features import AnyFeature
from services.scorer.core.features.activity import MonthsActive, Ratio, Sum, Summed, Trend
from services.scorer.core.features.punctuality import MonthsLate, MonthsSince, Worst
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Condition, Cost, Direction, Records, Segment
from shared.contracts.kinds import RecordClass

DIMENSION = "credit_history"
"""The one dimension of such a scorecard: all that a card tells of is how credit was used and kept."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule without its bins. `code` is its feature's name with hyphens."""

    feature: str
    direction: Direction
    en: str
    zh: str

    @property
    def code(self) -> str:
        return self.feature.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Choice:
    """All that the statistics are given. `rules` are the candidates of each segment by its code."""

    name: str
    features: Mapping[str, AnyFeature]
    segments: Sequence[Segment]
    rules: Mapping[str, Sequence[Candidate]]
    bases: Mapping[str, tuple[str, str]]
    """What people read of the points that everybody in a segment has, in English and Chinese."""
    base_feature: str
    """A feature for the rule that gives them; it has one bin."""
    records: Records

    def measuring(self) -> Scorecard:
        """A scorecard without rules, of which nothing is asked but to measure the features."""
        return Scorecard(
            name=self.name,
            effective_on=date(2000, 1, 1),
            cadence="monthly",
            publication_day=6,
            months_min=3,
            dimensions={},
            features=dict(self.features),
            segments=tuple(self.segments),
            rules=(),
        )


_KEPT = ("credit_card.repayment",)
_STATEMENTS = ("credit_card.statement",)
_PAYMENTS = ("credit_card.payment",)
_MONTHS = 6


def _utilization(months: int) -> Ratio:
    return Ratio(over=Summed(kinds=_STATEMENTS), under=Summed(kinds=_STATEMENTS, of="limit"), months=months)


def _paid_of_billed(months: int) -> Ratio:
    return Ratio(over=Summed(kinds=_PAYMENTS), under=Summed(kinds=_STATEMENTS), months=months)


_FEATURES: Mapping[str, AnyFeature] = {
    "days_late_now": Worst(kinds=_KEPT, months=1),
    "worst_of_two": Worst(kinds=_KEPT, months=2),
    "worst_of_three": Worst(kinds=_KEPT, months=3),
    "worst_of_six": Worst(kinds=_KEPT, months=_MONTHS),
    "months_late": MonthsLate(kinds=_KEPT, months=_MONTHS),
    "months_since_late": MonthsSince(kinds=_KEPT, months=_MONTHS),
    "utilization": _utilization(1),
    "utilization_of_three": _utilization(3),
    "utilization_of_six": _utilization(_MONTHS),
    "months_paying": MonthsActive(kinds=_PAYMENTS, months=_MONTHS),
    "paid": Sum(kinds=_PAYMENTS, months=1),
    "paid_of_three": Sum(kinds=_PAYMENTS, months=3),
    "paid_of_six": Sum(kinds=_PAYMENTS, months=_MONTHS),
    "paid_of_billed": _paid_of_billed(1),
    "paid_of_billed_of_three": _paid_of_billed(3),
    "paid_of_billed_of_six": _paid_of_billed(_MONTHS),
    "billed": Sum(kinds=_STATEMENTS, months=1),
    "billed_of_three": Sum(kinds=_STATEMENTS, months=3),
    "billed_of_six": Sum(kinds=_STATEMENTS, months=_MONTHS),
    "billed_trend": Trend(kinds=_STATEMENTS, months=_MONTHS),
}

_CANDIDATES: Mapping[str, Candidate] = {
    each.feature: each
    for each in (
        Candidate(
            "days_late_now",
            "lower",
            "Your last card bill was paid {value} days late.",
            "最近一期信用卡账单逾期 {value} 天。",
        ),
        Candidate(
            "worst_of_two",
            "lower",
            "In the last two months you were up to {value} days late.",
            "近两个月最长逾期 {value} 天。",
        ),
        Candidate(
            "worst_of_three",
            "lower",
            "In the last three months you were up to {value} days late.",
            "近三个月最长逾期 {value} 天。",
        ),
        Candidate(
            "worst_of_six",
            "lower",
            "In the last six months you were up to {value} days late.",
            "近六个月最长逾期 {value} 天。",
        ),
        Candidate(
            "months_late",
            "lower",
            "You were late in {value} of the last six months.",
            "近六个月中有 {value} 个月逾期。",
        ),
        Candidate(
            "months_since_late", "higher", "You were last late {value} months ago.", "上次逾期在 {value} 个月之前。"
        ),
        Candidate(
            "utilization",
            "lower",
            "Your last bill took {value} of your card's limit.",
            "最近一期账单占信用额度的 {value}。",
        ),
        Candidate(
            "utilization_of_three",
            "lower",
            "Over three months your bills took {value} of your card's limit.",
            "近三个月账单平均占信用额度的 {value}。",
        ),
        Candidate(
            "utilization_of_six",
            "lower",
            "Over six months your bills took {value} of your card's limit.",
            "近六个月账单平均占信用额度的 {value}。",
        ),
        Candidate(
            "months_paying",
            "higher",
            "You paid something in {value} of the last six months.",
            "近六个月中有 {value} 个月有还款。",
        ),
        Candidate("paid", "higher", "You paid {value} in the last month.", "最近一个月还款 {value}。"),
        Candidate("paid_of_three", "higher", "You paid {value} in the last three months.", "近三个月共还款 {value}。"),
        Candidate("paid_of_six", "higher", "You paid {value} in the last six months.", "近六个月共还款 {value}。"),
        Candidate(
            "paid_of_billed",
            "higher",
            "In the last month you paid {value} of what was billed.",
            "最近一个月偿还了账单的 {value}。",
        ),
        Candidate(
            "paid_of_billed_of_three",
            "higher",
            "In the last three months you paid {value} of what was billed.",
            "近三个月偿还了账单的 {value}。",
        ),
        Candidate(
            "paid_of_billed_of_six",
            "higher",
            "In the last six months you paid {value} of what was billed.",
            "近六个月偿还了账单的 {value}。",
        ),
        Candidate("billed", "higher", "Your last bill was {value}.", "最近一期账单为 {value}。"),
        Candidate(
            "billed_of_three",
            "higher",
            "Your bills of the last three months come to {value}.",
            "近三个月账单合计 {value}。",
        ),
        Candidate(
            "billed_of_six",
            "higher",
            "Your bills of the last six months come to {value}.",
            "近六个月账单合计 {value}。",
        ),
        Candidate(
            "billed_trend",
            "lower",
            "Your bills of the last three months are {value} more than those of the three before.",
            "近三个月账单比此前三个月多 {value}。",
        ),
    )
}


_LATENESS = ("worst_of_two", "worst_of_three", "worst_of_six", "months_late")
_USE = (
    *("utilization", "utilization_of_three", "utilization_of_six", "months_paying", "paid", "paid_of_three"),
    *("paid_of_six", "paid_of_billed", "paid_of_billed_of_three", "paid_of_billed_of_six"),
    *("billed", "billed_of_three", "billed_of_six", "billed_trend"),
)


def _named(*features: str) -> tuple[Candidate, ...]:
    return tuple(_CANDIDATES[feature] for feature in features)


CREDIT_CARD = Choice(
    name="credit-card",
    features=_FEATURES,
    segments=(
        Segment(
            code="late-now",
            when=(Condition(feature="days_late_now", at_least=1),),
            en="While your last card bill is late, these points are out of reach.",
            zh="最近一期信用卡账单逾期期间，无法获得这些分数。",
        ),
        Segment(
            code="late-before",
            when=(Condition(feature="worst_of_six", at_least=1),),
            en="Until six months without a delay have passed, these points are out of reach.",
            zh="连续六个月未逾期之前，无法获得这些分数。",
        ),
        Segment(code="never-late", en="You were not late in six months.", zh="近六个月没有逾期。"),
    ),
    rules={
        "late-now": _named("days_late_now", *_LATENESS, *_USE),
        "late-before": _named(*_LATENESS, "months_since_late", *_USE),
        "never-late": _named(*_USE),
    },
    bases={
        "late-now": ("Where everybody begins whose last bill was late.", "最近一期账单逾期者的起点。"),
        "late-before": ("Where everybody begins who was late in six months.", "近六个月曾逾期者的起点。"),
        "never-late": ("Everybody who was not late in six months has these.", "近六个月未逾期者均有此分。"),
    },
    base_feature="worst_of_six",
    records=Records(
        code="negative-records",
        dimension=DIMENSION,
        legal=Cost(open=-150, settled=-60),
        financial=Cost(open=-60, settled=-20),
        life=Cost(open=-30, settled=-10),
        lowest=-300,
        en="Negative records that still count.",
        zh="仍然有效的不良记录。",
    ),
)
"""A bank's card customers by their statements, payments and delays of half a year."""

CHOICES: Mapping[str, Choice] = {"uci-credit-card": CREDIT_CARD}
"""By the adapter whose data set they can be fitted to."""
CEILINGS: Mapping[RecordClass, int] = {RecordClass.LEGAL: 599, RecordClass.FINANCIAL: 649}
