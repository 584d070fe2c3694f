"""`python -m tests.support.lives write | check`: docs/lives.md, the scores of these lives by the shipped scorecard.

A month is counted from the first column of the page: 0 is the first month that it shows, and what happened earlier has
negative months. All amounts are in minor units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from services.scorer.core.features.months import Circle
from services.scorer.core.folding import Accepted, Duplicate, fold, fold_record
from services.scorer.core.forgetting import prune
from services.scorer.core.messages import Event
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import RecordChange
from shared.made_file import keep
from shared.settings import ROOT
from tests.support.people import JAN, SHIPPED, consent, day, event, record

FILE = ROOT / "docs" / "lives.md"
FIRST = JAN - 24
COLUMNS = (1, 3, 6, 12, 24)
"""After how many complete months the page shows the score."""
BEFORE = range(-24, 0)
"""The two years that came before, in lives to which something happens."""
ALL = range(24)
WHOLE = range(-24, 24)


@cache
def once(kind: str, month: int, number: int = 0, **fields: Any) -> Event:
    """One event of a month. Obligations are on time unless `days_late` says otherwise."""
    shape = KIND_OF[kind].shape
    if shape is Shape.OBLIGATION:
        fields.setdefault("days_late", 0)
    if shape is Shape.FIGURE:
        fields.setdefault("consent", consent("c"))
    id = f"{kind}/{month}/{number}/{fields.get('amount')}/{fields.get('days_late')}"
    return event(kind, day(FIRST + month, 5 + number % 20), id=id, **fields)


# `count` says for a kind in one event what so many would: what is kept of them is the same.
def monthly(*kinds: str, months: Iterable[int] = ALL, **fields: Any) -> list[Event]:
    return [once(kind, month, **fields) for month in months for kind in kinds]


def late(events: Iterable[Event], month: int, days: int, *kinds: str) -> list[Event]:
    """The same, with what was due in that month, of these kinds or of all, paid so many days late."""
    return [
        once(one.body.kind, month, amount=one.body.amount, count=one.body.count, days_late=days)
        if one.month == FIRST + month and one.body.days_late is not None and (not kinds or one.body.kind in kinds)
        else one
        for one in events
    ]


def within(events: Iterable[Event], months: range) -> list[Event]:
    """Those of them that lie in these months."""
    return [one for one in events if one.month - FIRST in months]


def without(events: Iterable[Event], *kinds: str) -> list[Event]:
    return [one for one in events if one.body.kind not in kinds]


def listed(kind: str, month: int, settled: int | None = None, **fields: Any) -> list[tuple[int, RecordChange]]:
    """A record that is reported in a month, and settled in a later one, each with the month of its change."""
    began = day(FIRST + month).date()
    changes = [(month, record(kind, began_on=began, **fields))]
    if settled is not None:
        ended: dict[str, Any] = {"status": "settled", "ended_on": day(FIRST + settled).date()}
        changes.append((settled, record(kind, version=2, began_on=began, **ended, **fields)))
    return changes


@dataclass(frozen=True)
class Life:
    """One line of the page."""

    name: str
    events: Sequence[Event] = ()
    records: Sequence[tuple[int, RecordChange]] = ()
    circle: Circle | None = None

    def after(self, columns: Sequence[int], card: Scorecard = SHIPPED) -> list[Evaluation]:
        """How the runs after so many complete months score it, in ascending order."""
        return [
            evaluate(state, card, FIRST + months - 1, self.circle)
            for months, state in zip(columns, self._states(columns), strict=True)
        ]

    def state_after(self, months: int) -> State:
        return next(self._states([months]))

    def _states(self, columns: Sequence[int]) -> Iterator[State]:
        """One state, which grows."""
        state, since = State(), -(10**6)
        for months in columns:
            for one in self.events:
                if since <= one.month - FIRST < months:
                    taken = fold(state, one, late_months=0)
                    assert isinstance(taken, Accepted | Duplicate), one
            for month, change in self.records:
                if since <= month < months:
                    fold_record(state, change, FIRST + month)
            prune(state, FIRST + months, FIRST + months)
            yield state
            since = months

    def scores(self, columns: Sequence[int] = COLUMNS, card: Scorecard = SHIPPED) -> list[int]:
        return [evaluation.score for evaluation in self.after(columns, card)]


CREDIT_CARD, CASH_LOAN = "credit_card.repayment", "cash_loan.repayment"
HOUSE = ("water.bill", "electricity.bill", "gas.bill", "phone.bill", "property_fee.bill")
FOUR_KINDS = (CREDIT_CARD, "consumer_credit.repayment", CASH_LOAN, "instalment.repayment")
PHONE, FARE = "phone.bill", "transit.fare"
FIGURES = tuple(kind.name for kind in KIND_OF.values() if kind.shape is Shape.FIGURE)
ACTS = (
    "transit.fare",
    "bike_rental.return",
    "e_bike_rental.return",
    "shop.purchase",
    "service.payment",
    "donation.made",
    "recycling.handed_in",
    "ride.trip",
    "item_rental.return",
    "credit_lease.return",
)
GOOD_FRIENDS, BAD_FRIENDS = Circle(850, 50, 1000), Circle(350, 50, 1000)


def verified(month: int = 0) -> list[Event]:
    return [once("identity.verified", month, value="verified")]


def card(
    months: Iterable[int] = ALL, billed: int = 200_000, paid: int | None = None, days_late: int = 0
) -> list[Event]:
    """A card with a limit of 10,000 yuan, billed and paid month by month."""
    months = list(months)
    return [
        *monthly(CREDIT_CARD, months=months, amount=billed if paid is None else paid, days_late=days_late),
        *monthly("credit_card.statement", months=months, amount=billed, limit=1_000_000),
        *monthly("credit_card.payment", months=months, amount=billed if paid is None else paid),
    ]


def bills(months: Iterable[int] = ALL, days_late: int = 0) -> list[Event]:
    return monthly(*HOUSE, months=months, amount=8_000, days_late=days_late)


def pays_all(months: range = ALL) -> list[Event]:
    return [*verified(months[0]), *card(months), *bills(months)]


def small_acts(months: Iterable[int] = ALL) -> list[Event]:
    """All that costs little, four times a month: 96 yuan in all, the rides and the small rented things included."""
    return monthly(*ACTS, months=months, count=4, amount=960)


def very_small(*kinds: str, months: Iterable[int] = ALL) -> list[Event]:
    """0.01 yuan of each of them a month."""
    return monthly(*kinds, months=months, amount=1)


def rich(months: Iterable[int] = ALL) -> list[Event]:
    return monthly(*FIGURES, months=months, amount=10**9)


def earns(yuan: int, months: Iterable[int] = ALL) -> list[Event]:
    months = list(months)
    means = monthly("social_security.contribution", "provident_fund.contribution", months=months, amount=yuan * 8)
    return [*monthly("income.reported", months=months, amount=yuan * 100), *means]


def identity(month: int = 0) -> list[Event]:
    """All that can be told of who somebody is, and the best of each."""
    return [
        *verified(month),
        once("education.verified", month, value="doctorate"),
        once("occupation.verified", month, value="public_service"),
        once("vehicle_ownership.verified", month, value="owner"),
        once("platform_standing.reported", month, value="excellent"),
    ]


def perfect(months: range = ALL) -> list[Event]:
    return [
        *identity(months[0]),
        *card(months),
        *bills(months),
        *small_acts(months),
        *monthly("consumer_credit.repayment", CASH_LOAN, "instalment.repayment", months=months, amount=20_000),
        *monthly("car_rental.return", "hotel.stay", months=months, amount=20_000),
        *rich(months),
    ]


def household(months: range = ALL) -> list[Event]:
    """Who pays all, and tells an income of 8,000 yuan and what is paid from it."""
    return [*pays_all(months), *earns(8_000, months), *monthly(FARE, months=months, count=20, amount=400)]


def late_every_third_month(days: int) -> list[Event]:
    """Whoever pays all bills on time, and the card in two of three months."""
    often = range(0, 24, 3)
    on_time = [month for month in ALL if month not in often]
    return [*verified(), *bills(), *card(often, days_late=days), *card(on_time)]


EVEN, QUARTERS = range(0, 24, 2), range(2, 24, 3)


PERFECT = Life("the perfect life", perfect(), circle=GOOD_FRIENDS)
HOUSEHOLD = Life("the ordinary household: the same with an income of 8,000 yuan", household())
NEVER_BORROWED = Life("never borrowed: pays all bills, income of 5,000 yuan", [*verified(), *bills(), *earns(5_000)])


@cache
def from_nothing() -> tuple[Life, ...]:
    """Lives that begin with the first month of the page."""
    phone_and_fares = [*monthly(PHONE, amount=5_000), *monthly(FARE, count=20, amount=400)]
    return (
        Life("a newcomer of whom nothing is known"),
        Life("verified an identity, then silence", verified()),
        Life("verified, one metro fare, then silence", [*verified(), once(FARE, 0, amount=300)]),
        Life("verified, one card payment, then silence", [*verified(), once(CREDIT_CARD, 0, amount=100_000)]),
        Life("the farmer of fares: 60 a month, nothing else", monthly(FARE, count=60, amount=100)),
        Life("the farmer of small acts: fares, rides, bikes, donations, recycling and more", small_acts()),
        Life("the same, verified", [*verified(), *small_acts()]),
        Life(
            "the farmer of payments: the card paid in nine parts a month", [*verified(), *monthly(CREDIT_CARD, count=9)]
        ),
        Life("verified, a loan of 0.01 yuan a month", [*verified(), *very_small(CASH_LOAN)]),
        Life("verified, four kinds of credit of 0.01 yuan a month", [*verified(), *very_small(*FOUR_KINDS)]),
        Life(
            "pays one card, verified, and 0.01 yuan a month of nine other kinds",
            [*verified(), *card(), *very_small(*FOUR_KINDS[1:], *HOUSE, "hotel.stay")],
        ),
        Life("verified, a loan of 100 yuan a month", [*verified(), *monthly(CASH_LOAN, amount=10_000)]),
        Life("the best of identity, money and friends, and no payments", [*identity(), *rich()], circle=GOOD_FRIENDS),
        Life("rich and verified, no payments", [*verified(), *rich()]),
        Life("verified, with the best of friends, no payments", verified(), circle=GOOD_FRIENDS),
        Life("pays one card, never verified", card()),
        Life("pays one card, verified", [*verified(), *card()]),
        Life("pays card and all bills, never verified", [*card(), *bills()]),
        Life("pays card and all bills, verified", pays_all()),
        HOUSEHOLD,
        Life("never borrowed: pays all bills", [*verified(), *bills()]),
        NEVER_BORROWED,
        Life("phone and metro only", [*verified(), *phone_and_fares]),
        Life(
            "a student: phone, metro, a purchase in instalments",
            [
                *verified(),
                *phone_and_fares,
                *monthly("instalment.repayment", amount=20_000),
                once("education.verified", 0, value="bachelor"),
            ],
        ),
        Life(
            "a migrant worker: phone, rides, income of 4,000 yuan",
            [*verified(), *monthly(PHONE, "ride.trip", amount=5_000), *earns(4_000)],
        ),
        Life("the poor who pays on time: 2,000 yuan a month", [*pays_all(), *earns(2_000)]),
        Life("the same, who tells no income", pays_all()),
        Life("the rich who pays on time", [*pays_all(), *rich()]),
        Life("the rich who pays 5 days late, always", [*verified(), *rich(), *card(days_late=5), *bills(days_late=5)]),
        Life(
            "the rich who pays 30 days late, always", [*verified(), *rich(), *card(days_late=30), *bills(days_late=30)]
        ),
        Life("pays all 10 days late, always", [*verified(), *card(days_late=10), *bills(days_late=10)]),
        Life("pays all 30 days late, always", [*verified(), *card(days_late=30), *bills(days_late=30)]),
        Life("pays all one day late, always", [*verified(), *card(days_late=1), *bills(days_late=1)]),
        Life(
            "pays the card ten days late every other month",
            [*verified(), *bills(), *card(EVEN, days_late=10), *card(range(1, 24, 2))],
        ),
        Life("pays the card 30 days late every third month", late_every_third_month(30)),
        Life("pays the card 59 days late every third month", late_every_third_month(59)),
        Life("pays the card 60 days late every third month", late_every_third_month(60)),
        Life("pays the card 89 days late every third month", late_every_third_month(89)),
        Life("pays the card 89 days late, always", [*verified(), *bills(), *card(days_late=89)]),
        Life(
            "card used to 95 % of its limit, minimum paid", [*verified(), *bills(), *card(billed=950_000, paid=30_000)]
        ),
        Life("card used to 95 % of its limit, paid in full", [*verified(), *bills(), *card(billed=950_000)]),
        Life("pays half of what the card bills", [*verified(), *bills(), *card(billed=400_000, paid=200_000)]),
        Life(
            "four loans at once, all on time",
            [
                *verified(),
                *bills(),
                *card(),
                *monthly("consumer_credit.repayment", CASH_LOAN, "instalment.repayment", amount=300_000),
            ],
        ),
        Life("pays the card on time, and all bills 30 days late", [*verified(), *card(), *bills(days_late=30)]),
        Life("never borrowed: pays all bills 30 days late", [*verified(), *bills(days_late=30)]),
        Life(
            "a pensioner: all bills, a flat and savings",
            [
                *verified(),
                *bills(),
                *monthly("real_estate.reported", amount=150_000_000),
                *monthly("deposits.reported", amount=10_000_000),
            ],
        ),
        Life(
            "pays all for a year, then only 89 days late",
            [*pays_all(range(12)), *bills(range(12, 24)), *card(range(12, 24), days_late=89)],
        ),
        Life("bills paid every third month", [*verified(), *bills(QUARTERS)]),
        Life("card used every other month", [*verified(), *card(EVEN)]),
        Life("travels: hotels and rides only", [*verified(), *monthly("hotel.stay", "ride.trip", amount=50_000)]),
        Life("pays all, and breaks every lease", [*pays_all(), *monthly("credit_lease.return", days_late=30)]),
        Life("pays all, and every fare 30 days late", [*pays_all(), *monthly(FARE, days_late=30, amount=400)]),
        Life(
            "begins three months 30 days late, then on time",
            [*verified(), *bills(), *card(range(3), days_late=30), *card(range(3, 24))],
        ),
        Life(
            "twelve card payments, one of them a day late",
            [*verified(), *late(monthly(CREDIT_CARD, months=range(12), amount=200_000), 6, 1)],
        ),
        Life(
            "twelve card payments, one of them 89 days late",
            [*verified(), *late(monthly(CREDIT_CARD, months=range(12), amount=200_000), 6, 89)],
        ),
        Life(
            "ten fares a month beside one payment 89 days late",
            [*verified(), *monthly(FARE, count=10, amount=300), once(CREDIT_CARD, 0, amount=200_000, days_late=89)],
        ),
        Life("pays all, with a court case that is still open", pays_all(), listed("court.listing", 0)),
        Life("pays all, with a card reported overdue that is still open", pays_all(), listed("card.overdue", 0)),
        Life("nothing is known but a court case that is open", (), listed("court.listing", 0)),
        Life("pays all, with the worst of friends", pays_all(), circle=BAD_FRIENDS),
        Life("pays all, with the best of friends", pays_all(), circle=GOOD_FRIENDS),
        Life("does all there is, and tells nothing of means", without(perfect(), *FIGURES), circle=GOOD_FRIENDS),
        PERFECT,
    )


def _lateness(days: int) -> Life:
    return Life(
        f"the card {days} {'day' if days == 1 else 'days'} late, once", late(household(WHOLE), 0, days, CREDIT_CARD)
    )


@cache
def after_two_years() -> tuple[Life, ...]:
    """Lives of the ordinary household, to whom something happens in the first month of the page."""
    base = household(WHOLE)
    until_then, silent = within(base, BEFORE), [one for one in base if one.month - FIRST not in range(6)]
    thirties, again = late(base, 0, 30, CREDIT_CARD), range(1, 6)
    six = thirties
    for month in again:
        six = late(six, month, 30, CREDIT_CARD)
    defaulted = late(until_then, -1, 89)
    return (
        Life("nothing happens, all goes on", base),
        *(_lateness(days) for days in (1, 5, 10, 15, 30, 60, 89)),
        Life("the card 30 days late, twice in a row", late(thirties, 1, 30, CREDIT_CARD)),
        Life("the card 30 days late, six times in a row", six),
        Life("the phone bill 30 days late, once", late(base, 0, 30, PHONE)),
        Life("all bills 30 days late, once", late(base, 0, 30, *HOUSE)),
        Life("the phone bill 89 days late, once", late(base, 0, 89, PHONE)),
        Life("one month's fares 30 days late", late(base, 0, 30, FARE)),
        Life(
            "the card 89 days late, once, and a hundred fares and bikes a month from then on",
            [*late(base, 0, 89, CREDIT_CARD), *monthly("bike_rental.return", FARE, count=100, amount=100)],
        ),
        Life("six months of silence, then as before", silent),
        Life("silence from then on", until_then),
        Life("the card is paid off and closed, the bills go on", [*until_then, *bills(), *earns(8_000)]),
        Life("a loan is paid off on time", [*base, *monthly("instalment.repayment", months=BEFORE, amount=100_000)]),
        Life("the loan goes on instead", [*base, *monthly("instalment.repayment", months=WHOLE, amount=100_000)]),
        Life(
            "two new kinds of credit at once, all on time",
            [*base, *monthly("consumer_credit.repayment", CASH_LOAN, amount=300_000)],
        ),
        Life(
            "five new kinds of credit at once, all on time",
            [
                *base,
                *monthly("consumer_credit.repayment", CASH_LOAN, "instalment.repayment", amount=300_000),
                *monthly("mortgage.repayment", "student_loan.repayment", amount=300_000),
            ],
        ),
        Life("the income is gone, all is still paid", [*until_then, *without(within(base, ALL), *FIGURES)]),
        Life(
            "the card is used up to its limit", [*until_then, *bills(), *earns(8_000), *card(billed=10**6, paid=50_000)]
        ),
        Life(
            "the same, with a second card whose limit nobody names",
            [
                *until_then,
                *bills(),
                *earns(8_000),
                *card(billed=10**6, paid=50_000),
                *(once("credit_card.statement", month, number=1, amount=100_000) for month in ALL),
            ],
        ),
        Life("the identity is withdrawn", [*base, once("identity.verified", 0, number=9, value="withdrawn")]),
        Life("a listing by a court, open", base, listed("court.listing", 0)),
        Life("a listing by a court, settled in the third month", base, listed("court.listing", 0, 2)),
        Life("the same, of 300 yuan", base, listed("court.listing", 0, 2, amount=30_000)),
        Life("a card reported overdue, open", base, listed("card.overdue", 0)),
        Life("a card reported overdue, settled in the second month", base, listed("card.overdue", 0, 1)),
        Life("the same, of 200 yuan", base, listed("card.overdue", 0, 1, amount=20_000)),
        Life("an unpaid ride, open", base, listed("ride.unpaid", 0)),
        Life("an unpaid ride, paid in the same month", base, listed("ride.unpaid", 0, 0)),
        Life(
            "default: card and bills 89 days late, then silence and an open report",
            defaulted,
            listed("card.overdue", 0),
        ),
        Life(
            "default: the same, settled in the seventh month, and paid on time from then on",
            [*defaulted, *within(base, range(6, 24))],
            listed("card.overdue", 0, 6),
        ),
    )


_HEAD = """\
# Lives

<!-- written by python -m tests.support.lives write -->

What does the shipped scorecard, `policies/scorecard.toml`, say of people whom one can imagine? Each line is a life, and
each column the score that the run after so many complete months gives it. The tiers begin at 600, 650, 700 and 750.
Whoever changes the scorecard writes this page again, and reads it as somebody who lends money: no line may be absurd.

Unless a line says otherwise, the person has a verified identity, everything is on time, a card has a limit of 10,000
yuan of which 2,000 are used, *all bills* are water, electricity, gas, phone and property fee, and *friends* are 50
contacts of more than a year. Mortgages and student loans count as credit does, and rent, broadband and premiums of
insurances as bills do; fees of subscriptions and of parking count for nothing.
"""
_AFTERWARDS = """
## Something happens after two good years

The ordinary household of above has paid everything on time for two years. Then, in the first month:
"""
_BOUNDS = """
## How long it takes

The month after which each score is reached first, and held for as long as all goes on as it is. The perfect life does
everything that the scorecard asks for from its first day; 950 takes two years, and no money shortens them.
"""
_LAWS = """
Everybody is held back by the limits of the scorecard: 649 before the third month with payments of credit, bills, car
rentals or hotel stays that are not very small, 699 before the sixth, 749 before the ninth, 799 before the twelfth, then
849 for whoever has been known for less than eighteen months, and 899 before two years. The perfect life takes up four
kinds of credit in its first month, which nobody should trust at once: to it the first three hold from the sixth, the
ninth and the twelfth month on. The best of all is 950; the worst is 350, which an open court case with payments that
are late reaches.

## What always holds

`tests/unit/services/scorer/test_shipped_scorecard.py` holds the scorecard to this, for these lives and for others:

- All small acts together (fares, rides, shared bikes, donations, recycling, purchases, everyday payments, small rented
  and leased things) that cost less than 100 yuan a month give at most 20 points.
- Very small sums, less than 100 yuan a month of a kind of credit and less than 20 of a kind of bill, of hotel stays or
  of car rentals, earn nothing where they are paid on time, whatever else a person pays: they are no observation, no
  month and no further kind. So all that costs little gives at most 20 points beside every life, with all small acts.
  What is late costs as much however small it is. From there on a small bill or loan says as much as a large one. Where
  nobody tells what was paid, or tells 0, it counts.
- Without six obligations over three months nobody reaches 650.
- No legal or financial record that counts leaves anybody in the best tier, and none that is open in any tier; with an
  open court case everybody stands below somebody of whom nothing is known. A record that has lapsed costs nothing.
- To tell a true figure of one's means never costs a point.
- A credit payment that was late by a day costs far less than one by 30 days, and that far less than one by 89. What is
  older costs no more than what is newer, a day late is healed after a year, and what was later costs more for two.
- Whoever is late with credit every third month loses at most 35 points by one more day, and stands no higher than
  somebody of whom nothing is known from a year on, where it is 59 days or more.
- A second card that names no limit does not hide that the first one is used up (rules E19). Where no card names one,
  nothing is known of it: that costs fewer points than to use up a limit, and no tier.
- A record that is settled costs no more than one that is open. A loan that was paid back on time lowers no score but in
  two cases: a new kind of credit raises nobody at once and may cost up to ten points for half a year, where several
  meet the limits below, and while few payments are known of which some were late, one more on time may cost a few
  points, since it makes the loss more certain (rules S9).
- Whoever pays credit ten days late or more month after month stands below a newcomer with a verified identity from the
  fifth month on, for good. Whoever has nothing but bills that are paid a month late does so too, with a single bill
  from the sixth month on; with credit that is paid on time beside them, two such bills or more leave no tier from the
  sixth month on, and one no score above 699.
- Whoever returns what is rented or leased a week late or more month after month does not reach the tier that waives
  deposits (650), and whoever is five days late or more like that with fares, rides, stays or bikes does not reach 700.
- A newcomer who takes up three of cards, consumer credit, cash loans and instalments at once does not reach 650 within
  half a year, nor 700 within nine months. To anybody else two new kinds of credit within six months cost points, and
  the best tier for as long as they are new; three leave nothing above 699. More of a kind that one has gives nothing.
- A credit payment 60 days late keeps everybody from the best tier for a year, three that were 25 days late for two.
- Two years after a default one stands below somebody who settled a slip at once, and both below 700.
"""


def page() -> str:
    return "\n".join(_parts())


def _parts() -> Iterator[str]:
    yield _HEAD
    yield "## From the first day\n"
    yield from _table(from_nothing(), COLUMNS)
    yield _AFTERWARDS
    yield from _table(after_two_years(), (0, *COLUMNS))
    yield _BOUNDS
    yield from _months_of_each_step()
    yield _LAWS


def _table(lives: Iterable[Life], columns: Sequence[int]) -> Iterator[str]:
    yield from _row("life", *(_after(months) for months in columns))
    yield from _row("---", *("---:" for _ in columns))
    for life in lives:
        yield from _row(life.name, *life.scores(columns))


def _after(months: int) -> str:
    return "before" if not months else "1 month" if months == 1 else f"{months} months"


def _months_of_each_step() -> Iterator[str]:
    lives = (PERFECT, HOUSEHOLD, NEVER_BORROWED)
    yield from _row("score", "the perfect life", "the ordinary household", "never borrowed, income of 5,000 yuan")
    yield from _row("---:", *("---:" for _ in lives))
    by_month = [life.scores([month + 1 for month in ALL]) for life in lives]
    for step in range(550, 951, 50):
        yield from _row(step, *(_first_month(scores, step) for scores in by_month))


def _first_month(scores: Sequence[int], step: int) -> int | str:
    return next((number for number, score in enumerate(scores, 1) if score >= step), "not in two years")


def _row(*cells: object) -> Iterator[str]:
    yield f"| {' | '.join(map(str, cells))} |"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when all is well, 1 when the committed page is not what the scorecard says."""
    return keep("tests.support.lives", FILE, page(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
