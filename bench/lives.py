"""Drawn lives, as different as people are: what benchmarks of many people work on.

Every life has habits of its own, which events there are month by month follows from them. The same number draws the
same life. The mean person has some 30 events a month of eleven kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from services.scorer.core.folding import fold
from services.scorer.core.forgetting import prune
from services.scorer.core.messages import Event, event_of
from services.scorer.core.state import State
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import BehaviorEvent, Consent
from shared.contracts.messages import encode as encode_body
from shared.contracts.months import month_start
from shared.contracts.zones import zone

ZONE = zone("Asia/Shanghai")
LATE_MONTHS = 3
"""`accepts_late_months` as shipped."""
_CONSENT = Consent(id="consent-1", purpose="scoring", given_at=datetime(2014, 1, 1, tzinfo=UTC))
_WORD = {
    "identity.verified": "verified",
    "education.verified": "bachelor",
    "occupation.verified": "employed",
    "vehicle_ownership.verified": "owner",
    "platform_standing.reported": "good",
}


class Habit(NamedTuple):
    """How many of a hundred people do something, how often a month at most, and for how much at most."""

    kind: str
    percent: int
    a_month: int
    amount: int


_HABITS = (
    Habit("credit_card.repayment", 70, 2, 900_000),
    Habit("credit_card.statement", 70, 2, 900_000),
    Habit("consumer_credit.repayment", 40, 1, 200_000),
    Habit("cash_loan.repayment", 10, 1, 300_000),
    Habit("instalment.repayment", 20, 1, 100_000),
    Habit("water.bill", 60, 1, 12_000),
    Habit("electricity.bill", 75, 1, 40_000),
    Habit("gas.bill", 50, 1, 15_000),
    Habit("property_fee.bill", 35, 1, 50_000),
    Habit("phone.bill", 90, 1, 15_000),
    Habit("transit.fare", 60, 24, 900),
    Habit("bike_rental.return", 25, 8, 300),
    Habit("hotel.stay", 30, 1, 60_000),
    Habit("ride.trip", 50, 4, 6_000),
    Habit("shop.purchase", 80, 8, 50_000),
    Habit("service.payment", 40, 4, 20_000),
    Habit("donation.made", 10, 1, 5_000),
    Habit("recycling.handed_in", 8, 2, 500),
    Habit("income.reported", 45, 1, 2_500_000),
    Habit("social_security.contribution", 40, 1, 300_000),
    Habit("provident_fund.contribution", 35, 1, 250_000),
    Habit("real_estate.reported", 10, 1, 300_000_000),
    Habit("deposits.reported", 25, 1, 20_000_000),
    Habit("securities.reported", 10, 1, 20_000_000),
)


class Life:
    """One person. Some are new; one in three is hardly ever late, one in ten often."""

    def __init__(self, number: int) -> None:
        self._random = Random(number)
        chance = self._random
        self._habits = [each for each in _HABITS if chance.randrange(100) < each.percent]
        self._late_percent = chance.choice((0, 0, 0, 1, 1, 2, 3, 5, 8, 30))
        self._facts = [kind for kind in _WORD if chance.randrange(100) < 60]
        self.months = chance.randrange(1, 24) if chance.randrange(100) < 30 else 10**6
        """How many months there are events of."""

    def month(self, month: int) -> Iterator[Event]:
        """The events of one month, in order of time."""
        chance, bodies = self._random, list[BehaviorEvent]()
        for kind, _, a_month, amount in self._habits:
            often = 1 if a_month == 1 else chance.randrange(a_month // 2, a_month + 1)
            bodies += [self._body(kind, chance.randrange(amount // 3, amount)) for _ in range(often)]
        if chance.randrange(6) == 0:
            bodies += [BehaviorEvent(kind=kind, value=_WORD[kind]) for kind in self._facts]
        start, step = month_start(month, ZONE), timedelta(hours=27 * 24 / max(len(bodies), 1))
        for number, body in enumerate(bodies):
            time, place = start + number * step, f"behavior.raw.bank/0/{number}"
            yield event_of("ab" * 32, "bank", f"{month}-{number}", place, time, month, encode_body(body), body, ZONE)

    def _body(self, kind: str, amount: int) -> BehaviorEvent:
        match KIND_OF[kind].shape:
            case Shape.OBLIGATION:
                is_late = self._random.randrange(100) < self._late_percent
                days_late = self._random.choice((1, 3, 5, 12, 30, 60)) if is_late else 0
                return BehaviorEvent(kind=kind, amount=amount, days_late=days_late)
            case Shape.FIGURE:
                return BehaviorEvent(kind=kind, amount=amount, consent=_CONSENT)
            case _:
                limit = amount * 2 if KIND_OF[kind].has_limit else None
                return BehaviorEvent(kind=kind, amount=amount, limit=limit)


def lived(number: int, through: int, months: int = 26) -> State:
    """The state of that life when the month after `through` has begun, after so many months or, of a new one, fewer."""
    life, state = Life(number), State()
    for month in range(through + 1 - min(months, life.months), through + 1):
        prune(state, month, month - LATE_MONTHS)
        for event in life.month(month):
            fold(state, event, LATE_MONTHS)
    prune(state, through + 1, through + 1 - LATE_MONTHS)
    return state
