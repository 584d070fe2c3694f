"""Invented people and what they do, month after month. They are account numbers and nothing else: no name, no data of
anybody. All of it follows from the seed and the person's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal, TypedDict, Unpack

from goodstanding.simulation.events_and_news import Event
from shared.contracts import zones
from shared.contracts.identity import sample_account
from shared.contracts.months import day_of_month, month_number

ZONE = zones.zone("Asia/Shanghai")
FIRST_MONTH = 2019 * 12
"""January 2019: a card paid off on 29 February 2020 lapses within six and a quarter years."""
HERO = 1
_DISPUTES: tuple[tuple[int, int, Literal["confirmed", "deleted"]], ...] = ((7, 8, "confirmed"), (19, 15, "deleted"))
"""Who disputes a record, on which day of a month, behind its publication, and how that ends."""
_ANSWERED_AFTER = timedelta(days=5)
_BILLS = ("water.bill", "electricity.bill", "gas.bill", "phone.bill")
_RIDES = ("bike_rental.return", "e_bike_rental.return", "ride.trip", "transit.fare")
_WITH_A_RECORD_OF = 40
_CIRCLE = 6


@dataclass(frozen=True, slots=True)
class Cast:
    """How many people, over how many months from FIRST_MONTH on; another seed makes others."""

    people: int = 200
    months: int = 74
    seed: int = 0

    def told(self) -> list[Event]:
        """All events, the earliest first. A person's records change at most once a month."""
        events = [event for number in range(1, self.people + 1) for event in _Life(self, number).events()]
        return sorted(events, key=lambda event: (event.time, event.id))


@dataclass(frozen=True, slots=True)
class Objection:
    """A person disputes the last that was told of a record, and its provider answers; both in the month after that. Who
    loses adds a statement."""

    last: Event
    asked_at: datetime
    answered_at: datetime
    outcome: Literal["confirmed", "deleted"]

    @property
    def answer(self) -> Event:
        """Without the number of the dispute, which the provider learns from the question."""
        event = self.last
        id = f"{event.partner}-{event.id.split('-')[-2]}-900001"
        return replace(event, id=id, time=self.answered_at - timedelta(hours=1), amount=0, outcome=self.outcome)


def objections(told: Sequence[Event], months: int) -> list[Objection]:
    """Those that fall into the story, the earliest first."""
    found = []
    for number, on, outcome in _DISPUTES:
        account = sample_account(number)
        last = max((event for event in told if event.report and event.person == account), default=None, key=_time)
        if last is not None and (month := month_number(last.time) + 1) < FIRST_MONTH + months:
            day = day_of_month(month, on)
            at = datetime(day.year, day.month, day.day, 10, tzinfo=ZONE)
            found.append(Objection(last, at, at + _ANSWERED_AFTER, outcome))
    return sorted(found, key=lambda each: each.asked_at)


def _time(event: Event) -> datetime:
    return event.time


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A negative record: from which month on, and after how many months it is settled, if it ever is."""

    partner: str
    kind: str
    month: int
    """From the beginning of the story."""
    settled_after: int | None


class _More(TypedDict, total=False):
    """The fields of an event that differ from kind to kind."""

    count: int
    amount: int
    limit: int | None
    days_late: int
    reverses: bool
    value: str
    contact: str
    consent: str
    report: str
    began_on: date | None
    ended_on: date | None
    outcome: Literal["", "confirmed", "deleted"]
    dispute: str


class _Life:
    """One invented person's events, month by month."""

    def __init__(self, cast: Cast, number: int) -> None:
        self._cast, self._number = cast, number
        self._random = random = Random(f"{cast.seed}/{number}")
        self._account = sample_account(number)
        self._made = 0
        self._joins = 0 if number == HERO or random.random() < 0.7 else random.randrange(cast.months // 2)
        self._late_share = random.choice((0.0, 0.0, 0.01, 0.03, 0.1, 0.25))
        self._bill = random.choice(_BILLS)
        self._has_credit, self._has_income = random.random() < 0.4, random.random() < 0.6
        self._is_verified = random.random() < 0.85
        self._income = random.randrange(250_000, 2_500_000, 10_000)
        self._friends = self._circle()
        self._trouble = self._made_up_trouble()
        if number == HERO:
            self._late_share, self._has_credit, self._has_income, self._is_verified = 0.0, True, True, True
            self._income = 1_100_000

    def events(self) -> Iterator[Event]:
        yield from self._beginning()
        for month in range(self._joins, self._cast.months):
            yield from self._ordinary(month)
        if self._number == HERO:
            yield from _hero(self)
        elif self._trouble:
            yield from self._record(self._trouble)

    def _circle(self) -> list[int]:
        """Some live in circles in which everybody knows everybody: five contacts each, told of by both sides."""
        index = (self._number - 1) // _CIRCLE
        circle = range(index * _CIRCLE + 1, min((index + 1) * _CIRCLE, self._cast.people) + 1)
        return [other for other in circle if other != self._number] if index % 3 == 0 else []

    # -- every month -------------------------------------------------------------------------------------------------

    def _beginning(self) -> Iterator[Event]:
        if self._is_verified:
            yield self._event("bank", "identity.verified", self._joins, value="verified")
        for friend in self._friends:
            # Said again each year, since it is forgotten after two.
            for month in range(self._joins + self._random.randrange(12), self._cast.months, 12):
                yield self._event(
                    "consumer-credit", "contact.standing", month, contact=sample_account(friend), value="present"
                )

    def _ordinary(self, month: int) -> Iterator[Event]:
        random = self._random
        yield self._owed("bank", "credit_card.repayment", month, 20_000, 400_000)
        yield self._owed("utility", self._bill, month, 3_000, 40_000)
        if self._has_credit:
            yield self._owed("consumer-credit", "consumer_credit.repayment", month, 10_000, 120_000)
        if random.random() < 0.4:
            yield self._owed("bike-rental", random.choice(_RIDES), month, 150, 6_000)
        if random.random() < 0.1:
            yield self._owed("hotel", "hotel.stay", month, 20_000, 200_000)
        if random.random() < 0.5:
            yield from self._shopping(month)
        if self._has_income and month % 3 == self._number % 3 and not self._in_trouble(month):
            consent = f"consent-{self._number}"
            yield self._event("bank", "income.reported", month, amount=self._income, consent=consent)

    def _owed(self, partner: str, kind: str, month: int, least: int, most: int) -> Event:
        """Something to pay, and how that went. Fares are paid on the spot."""
        random, share = self._random, 0.6 if self._in_trouble(month) else self._late_share
        days_late = random.choice((1, 3, 10, 20, 40, 60)) if random.random() < share else 0
        if kind == "transit.fare":
            days_late = 0
        return self._event(partner, kind, month, amount=random.randrange(least, most), days_late=days_late)

    def _shopping(self, month: int) -> Iterator[Event]:
        random, chance = self._random, self._random.random()
        if chance < 0.1:
            yield self._event("shop", "donation.made", month, amount=random.randrange(1_000, 20_000))
            return
        amount, count = random.randrange(2_000, 90_000), random.randint(1, 4)
        yield self._event("shop", "shop.purchase", month, amount=amount, count=count)
        if chance > 0.92:
            yield self._event("shop", "shop.purchase", month, amount=amount, count=count, reverses=True)

    def _in_trouble(self, month: int) -> bool:
        """Before and during a record bills are late as well, except for what is a slip."""
        if self._number == HERO:
            return 7 <= month <= 13
        trouble = self._trouble
        if trouble is None or trouble.kind in ("hotel.no_show", "ride.unpaid"):
            return False
        return trouble.month - 3 <= month <= trouble.month + (trouble.settled_after or 6)

    # -- negative records --------------------------------------------------------------------------------------------

    def _made_up_trouble(self) -> _Trouble | None:
        """Some have one, by their number, so that few people are enough for every kind."""
        random, months = self._random, self._cast.months
        early, any_time = random.randrange(4, 10), random.randrange(6, max(months - 12, 7))
        later = random.randint(1, 6)
        return {
            3: _Trouble("court-feed", "court.listing", any_time, later + 3),
            7: _Trouble("bank", "card.overdue", early, later),
            11: _Trouble("hotel", "hotel.no_show", any_time, None),
            15: _Trouble("bike-rental", "ride.unpaid", any_time, later),
            19: _Trouble("hotel", "hotel.no_show", early, None),
            23: _Trouble("utility", "utility_bill.overdue", any_time, later),
            27: _Trouble("bank", "card.overdue", any_time, None),
        }.get(self._number % _WITH_A_RECORD_OF)

    def _record(self, trouble: _Trouble) -> Iterator[Event]:
        month = max(trouble.month, self._joins)
        reported_on = self._day(month)
        began_on = reported_on - timedelta(days=1 if trouble.kind in ("hotel.no_show", "ride.unpaid") else 100)
        settled_on = None if trouble.settled_after is None else self._day(month + trouble.settled_after)
        yield from self.record(trouble.partner, trouble.kind, began_on, reported_on, settled_on)

    def record(
        self, partner: str, kind: str, began_on: date, reported_on: date, settled_on: date | None
    ) -> Iterator[Event]:
        """A negative record of that life, as far as the story goes."""
        end = day_of_month(FIRST_MONTH + self._cast.months)
        number = f"{self._number}-{began_on:%Y%m}"
        told = self._random.randrange(6_000, 900_000)
        for day, ended_on in ((reported_on, None), (settled_on, settled_on)):
            if day is not None and day < end:
                time = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
                yield self._made_event(
                    partner, kind, time, amount=told, report=number, began_on=began_on, ended_on=ended_on
                )

    # -- made --------------------------------------------------------------------------------------------------------

    def _event(self, partner: str, kind: str, month: int, **more: Unpack[_More]) -> Event:
        day = day_of_month(FIRST_MONTH + month) + timedelta(self._random.randrange(28))
        second = self._random.randrange(7 * 3600, 23 * 3600)
        return self._made_event(
            partner, kind, datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(seconds=second), **more
        )

    def _made_event(self, partner: str, kind: str, time: datetime, **more: Unpack[_More]) -> Event:
        self._made += 1
        id = f"{partner}-{self._number}-{self._made}"
        return Event(
            partner=partner,
            person=self._account,
            id=id,
            time=time,
            kind=kind,
            **more,
        )

    def _day(self, month: int) -> date:
        """A day on which, and on whose eve, a record may end: it lapses at an instant when no publication comes."""
        return day_of_month(FIRST_MONTH + month, self._random.choice([1, 2, 3, 4, *range(7, 29)]))


def _hero(life: _Life) -> Iterator[Event]:
    """Loses the job, lets a card slip into a record, pays it off on a leap day; later forgets a hotel booking."""
    yield from life.record("bank", "card.overdue", date(2019, 7, 20), date(2019, 10, 28), date(2020, 2, 29))
    yield from life.record("hotel", "hotel.no_show", date(2021, 8, 14), date(2021, 8, 15), None)
