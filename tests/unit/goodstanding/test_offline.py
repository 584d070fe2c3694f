"""From partners' events to a score, without a server: what lies at the edges of money, of months and of a history.

Each table is of partners' own events, through ingest's rules into the state, and from there to features and scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import pytest

from goodstanding.offline import Offline
from goodstanding.partner.event import PartnerEvent
from goodstanding.platform.fixed_settings import FixedSettings
from services.scorer.core.score import evaluate
from services.scorer.core.state import State, vectors
from services.scorer.core.vectors import COUNT, SUM
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account
from shared.contracts.kinds import KIND_OF
from shared.contracts.months import month_of_name
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.people import SHIPPED

PROFILE = load_policy(ROOT / "policies" / "retention" / "cn.toml", Profile)
CHINA = ZoneInfo("Asia/Shanghai")
DECEMBER = month_of_name("2025-12")
NOON = datetime(2025, 12, 15, 12, tzinfo=CHINA)
Told: TypeAlias = tuple[str, str, datetime, dict[str, Any]]
"""Partner, what the partner calls the event, its time, its data."""
CLEARED, WATER = "card.statement.cleared", "water"


def known(*told: Told, zone: str = "Asia/Shanghai") -> tuple[State, Offline]:
    """What is known of one person after these events, each of which arrives a minute after its time."""
    offline = Offline(FixedSettings.new(zone=zone), PROFILE)
    for number, (partner, kind, time, data) in enumerate(told):
        offline.take(partner, _event(partner, kind, time, number, data), time + timedelta(minutes=1))
    return next(iter(offline.states.values()), State()), offline


def _event(partner: str, kind: str, time: datetime, number: int, data: dict[str, Any]) -> PartnerEvent:
    account = sample_account(7)
    subject: dict[str, Any] = {"customer": {"account": account}}
    if partner == "shop":
        subject, data, kind = {"buyer": {"goodstandingAccount": account}}, {"eventName": kind, **data}, "shop.event"
    event = {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": f"/{partner}",
        "type": kind,
        "time": time.isoformat(),
        "data": {**subject, **data},
    }
    headers = (("content-type", STRUCTURED.encode()),)
    return PartnerEvent(time, account.encode(), msgspec.json.encode(event), headers)


def money(minor: int, currency: str = "CNY") -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


def cleared(minor: int = 100_000, days: int = 0, currency: str = "CNY", time: datetime = NOON) -> Told:
    return "bank", CLEARED, time, {"days_past_due": days, "amount": money(minor, currency)}


def bought(total: str, name: str = "orderDelivered", time: datetime = NOON, count: int = 1) -> Told:
    return "shop", name, time, {"itemCount": count, "total": total}


def in_month(state: State, kind: str, month: int = DECEMBER) -> tuple[int, int]:
    """How many events of the kind the month has, and their amounts in sum."""
    for _, by_kind in vectors(state, month - 1, month):
        if vector := by_kind.get(KIND_OF[kind].code):
            return vector[COUNT], vector[SUM] if len(vector) > SUM else 0
    return 0, 0


def says(state: State, name: str, through: int = DECEMBER) -> object:
    """What a feature of the shipped scorecard says."""
    return SHIPPED.compiled.measured(state, through)[name]


# 8.214915 yuan, 1.15602 dollars and 179.316 yen were worth one euro, and a dinar has three decimals.
@pytest.mark.parametrize(
    ("minor", "currency", "yuan"),
    [
        (100_000, "CNY", 100_000),
        (10_000, "EUR", 82_149),
        (10_000, "USD", 71_062),
        (10_000, "JPY", 45_813),
        (0, "EUR", 0),
        (1, "JPY", 5),
    ],
)
def test_amounts_of_another_currency_count_in_the_base_currency_by_the_months_rate(
    minor: int, currency: str, yuan: int
) -> None:
    state, _ = known(cleared(minor, currency=currency))
    assert in_month(state, "credit_card.repayment") == (1, yuan)


@pytest.mark.parametrize(
    ("currency", "time"),
    [("XAU", NOON), ("DEM", NOON), ("yuan", NOON), ("EUR", datetime(2018, 6, 1, tzinfo=CHINA))],
)
def test_an_amount_that_has_no_rate_is_refused_and_leaves_nothing(currency: str, time: datetime) -> None:
    state, offline = known(cleared(currency=currency, time=time))
    assert (state, sum(offline.counts.values())) == (State(), 1)
    assert not offline.counts["accepted"]


LATER = NOON + timedelta(days=20)
"""In January."""


@pytest.mark.parametrize(
    ("told", "of_december", "months_active"),
    [
        ([bought("80.00")], (1, 8_000), (1, 1)),
        ([bought("80.00"), bought("80.00", "orderReturned")], (0, 0), None),
        ([bought("80.00", "orderReturned"), bought("80.00")], (0, 0), None),
        ([bought("80.00", count=3), bought("50.00", "orderReturned", count=2)], (1, 3_000), (1, 1)),
        ([bought("80.00"), bought("80.00", "orderReturned", LATER)], (1, 8_000), (1, 1)),
        ([bought("80.00", "orderReturned")], (-1, -8_000), None),
        ([bought("80.00"), bought("99.00", "orderReturned")], (0, -1_900), None),
    ],
    ids=["bought", "returned", "the other way", "in part", "in another month", "returned only", "more than was paid"],
)
def test_what_is_taken_back_counts_no_more(
    told: Sequence[Told], of_december: tuple[int, int], months_active: tuple[int, int] | None
) -> None:
    """(rules E11)"""
    state, _ = known(*told)
    assert in_month(state, "shop.purchase") == of_december
    assert says(state, "purchases") == months_active


@pytest.mark.parametrize(
    ("told", "share", "worst", "of_month"),
    [
        ([cleared()], (1000, 1), (0, 1), (1, 100_000)),
        ([cleared(), cleared()], (1000, 1), (0, 1), (2, 200_000)),
        ([cleared(days=9), cleared(days=9)], (0, 1), (9, 1), (2, 200_000)),
        ([cleared(), cleared(days=9)], (500, 1), (9, 1), (2, 200_000)),
        ([cleared(days=9), cleared(), cleared()], (666, 1), (9, 1), (3, 300_000)),
    ],
    ids=["once", "twice", "late twice", "once on time and once late", "three times"],
)
def test_a_bill_that_is_reported_under_two_ids_is_one_kind_month(
    told: Sequence[Told], share: tuple[int, int], worst: tuple[int, int], of_month: tuple[int, int]
) -> None:
    """Nothing tells that it is one bill, but to report it again earns nothing: a month and a kind count once."""
    state, _ = known(*told)
    assert (says(state, "credit_share"), says(state, "credit_worst")) == (share, worst)
    assert in_month(state, "credit_card.repayment") == of_month
    once, _ = known(told[0])
    assert evaluate(state, SHIPPED, DECEMBER).score <= max(
        evaluate(once, SHIPPED, DECEMBER).score, evaluate(known(cleared())[0], SHIPPED, DECEMBER).score
    )


@pytest.mark.parametrize(
    ("zone", "time", "month"),
    [
        ("Asia/Shanghai", "2025-12-31T15:59:59Z", "2025-12"),
        ("Asia/Shanghai", "2025-12-31T16:00:00Z", "2026-01"),
        ("Asia/Shanghai", "2025-12-31T23:59:59-05:00", "2026-01"),
        ("UTC", "2025-12-31T23:59:59.999999Z", "2025-12"),
        ("UTC", "2026-01-01T00:00:00+00:00", "2026-01"),
        ("America/New_York", "2026-01-01T04:59:59Z", "2025-12"),
        ("America/New_York", "2026-01-01T05:00:00Z", "2026-01"),
        # In summer the month begins an hour earlier.
        ("America/New_York", "2025-07-01T03:59:59Z", "2025-06"),
        ("America/New_York", "2025-07-01T04:00:00Z", "2025-07"),
        ("Pacific/Kiritimati", "2025-12-31T09:59:59Z", "2025-12"),
        ("Pacific/Kiritimati", "2025-12-31T10:00:00Z", "2026-01"),
        ("Pacific/Niue", "2026-01-01T10:59:59Z", "2025-12"),
    ],
)
def test_an_event_at_a_months_edge_counts_in_the_month_of_the_deployments_zone(
    zone: str, time: str, month: str
) -> None:
    state, _ = known(cleared(time=datetime.fromisoformat(time)), zone=zone)
    assert [month for month, _ in vectors(state, 0, 10**6)] == [month_of_name(month)]


@pytest.mark.parametrize(
    ("told", "through", "thin", "known_rules", "factor"),
    [
        ([], DECEMBER, True, set(), "few-obligations"),
        ([cleared()], DECEMBER - 1, True, set(), "few-obligations"),
        ([cleared()], DECEMBER, True, {"credit-on-time", "card-on-time"}, "few-obligations"),
        ([cleared(days=60)], DECEMBER, True, {"credit-on-time", "credit-worst-lateness"}, "few-obligations"),
        ([bought("80.00")], DECEMBER, True, {"purchases-regularly"}, "few-obligations"),
        ([cleared()], DECEMBER + 2, False, {"credit-on-time", "card-on-time"}, "few-obligations"),
        ([cleared()], DECEMBER + 24, False, set(), "few-obligations"),
    ],
    ids=["nothing", "nothing yet", "one month", "one month late", "no obligation", "long ago", "forgotten"],
)
def test_a_person_with_a_month_of_history_or_with_none(
    told: Sequence[Told], through: int, thin: bool, known_rules: set[str], factor: str
) -> None:
    evaluation = evaluate(known(*told)[0], SHIPPED, through)
    measured = {item.code for item in evaluation.items if isinstance(item.basis, tuple)}
    assert evaluation.thin is thin
    assert known_rules <= measured
    assert measured or evaluation.score == evaluate(State(), SHIPPED, DECEMBER).score, "unknown is not a fault"
    assert any(item.code == factor for item in evaluation.items), "nothing lifts the limit of few obligations yet"
    assert 350 <= evaluation.score <= 649
    assert sum(item.points for item in evaluation.items) == evaluation.score
