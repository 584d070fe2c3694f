"""The taxonomy: every kind of event and of record that Goodstanding knows, as data.

A kind is named `noun.verb`; name and code are stable and never reused. Which fields a kind needs follows from its
shape (see `checks.check_event`). There is no kind for sex, age, marital status, religion, ethnicity, health or
biometric data, and there never will be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Literal, TypeAlias


class Shape(StrEnum):
    """Which fields of a BehaviorEvent belong to a kind."""

    OBLIGATION = "obligation"
    """Something owed and cleared: `days_late` (0 is on time), `amount` if known."""
    ACTIVITY = "activity"
    """Something done `count` times, `amount` in sum if known; may be reversed."""
    FIGURE = "figure"
    """A figure of the person's means: `amount` under `consent`; the latest per consent, kind and month counts."""
    FACT = "fact"
    """A fact that holds until a newer one replaces it: `value` out of the kind's list."""
    CONTACT = "contact"
    """An edge to another person: `contact`, with `value` present or absent."""
    RECORD = "record"
    """A negative record; comes as a RecordReport, not as a BehaviorEvent."""


class RecordClass(StrEnum):
    """The class decides who may report a record and how long it is kept (rules R1 and D1)."""

    LEGAL = "legal"
    FINANCIAL = "financial"
    LIFE = "life"


RecordClassName: TypeAlias = Literal["legal", "financial", "life"]
"""A RecordClass as messages and stored states have it."""


class Ends(StrEnum):
    """When the bad behavior of a record is over, so that its clock starts."""

    AT_ONCE = "at_once"
    """On the day it began; a settlement reported later never moves it."""
    ON_SETTLEMENT = "on_settlement"
    """On the day it was paid, performed or released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `code` (1 to 255) stands for the name in compact state; `values` is the closed list of a fact."""

    code: int
    name: str
    group: str
    shape: Shape
    title: str
    values: tuple[str, ...] = ()
    has_limit: bool = False
    """Whether an event may name the `limit` of what it is about (rules E19)."""
    record_class: RecordClass | None = None
    ends: Ends | None = None

    @property
    def consent(self) -> bool:
        """Whether the kind is taken only under a recorded consent."""
        return self.shape is Shape.FIGURE

    @property
    def reversible(self) -> bool:
        """Whether a reversal is taken. Obligations are not: the worst lateness is a maximum, which has no inverse."""
        return self.shape is Shape.ACTIVITY


def _obligations(group: str, *rows: tuple[int, str, str]) -> Iterable[Kind]:
    return (Kind(code=c, name=n, group=group, shape=Shape.OBLIGATION, title=t) for c, n, t in rows)


def _activities(group: str, *rows: tuple[int, str, str]) -> Iterable[Kind]:
    return (Kind(code=c, name=n, group=group, shape=Shape.ACTIVITY, title=t) for c, n, t in rows)


def _figures(group: str, *rows: tuple[int, str, str]) -> Iterable[Kind]:
    return (Kind(code=c, name=n, group=group, shape=Shape.FIGURE, title=t) for c, n, t in rows)


def _facts(group: str, *rows: tuple[int, str, str, tuple[str, ...]]) -> Iterable[Kind]:
    return (Kind(code=c, name=n, group=group, shape=Shape.FACT, title=t, values=v) for c, n, t, v in rows)


def _records(record_class: RecordClass, *rows: tuple[int, str, str, Ends]) -> Iterable[Kind]:
    return (
        Kind(code=c, name=n, group="records", shape=Shape.RECORD, title=t, record_class=record_class, ends=e)
        for c, n, t, e in rows
    )


KINDS: tuple[Kind, ...] = (
    *_obligations(
        "credit",
        (1, "credit_card.repayment", "Credit card bill, paid"),
        (2, "consumer_credit.repayment", "Consumer credit instalment, paid"),
        (3, "cash_loan.repayment", "Cash loan instalment, paid"),
        (4, "instalment.repayment", "Instalment of a purchase, paid"),
    ),
    Kind(
        code=5,
        name="credit_card.statement",
        group="credit",
        shape=Shape.ACTIVITY,
        title="Credit card statement; the amount is what was billed",
        has_limit=True,
    ),
    *_activities("credit", (8, "credit_card.payment", "Payment towards a credit card, whenever it is made")),
    *_obligations(
        "loans",
        (6, "mortgage.repayment", "Instalment of a mortgage, paid"),
        (7, "student_loan.repayment", "Instalment of a student loan, paid"),
    ),
    *_obligations(
        "household",
        (10, "rent.payment", "Rent of a home, paid"),
        (11, "insurance.premium", "Insurance premium, paid"),
        (12, "broadband.bill", "Broadband bill, paid"),
        (13, "subscription.fee", "Fee of a subscription, paid"),
    ),
    *_obligations(
        "utilities",
        (20, "water.bill", "Water bill, paid"),
        (21, "electricity.bill", "Electricity bill, paid"),
        (22, "gas.bill", "Gas bill, paid"),
        (23, "property_fee.bill", "Property management fee, paid"),
        (24, "phone.bill", "Phone bill, paid"),
    ),
    *_obligations(
        "transit",
        (30, "transit.fare", "Fare of public transport, paid"),
    ),
    *_obligations(
        "rentals",
        (40, "bike_rental.return", "City bike returned and paid"),
        (41, "e_bike_rental.return", "E-bike returned and paid"),
        (42, "car_rental.return", "Rental car returned and paid"),
        (43, "item_rental.return", "Any other rented thing returned and paid"),
        (44, "credit_lease.return", "Thing leased without deposit, kept in order and returned"),
    ),
    *_obligations(
        "services",
        (50, "hotel.stay", "Hotel stay, paid"),
        (51, "ride.trip", "Ride, paid"),
        (52, "parking.fee", "Parking fee, paid"),
    ),
    *_activities(
        "purchases",
        (60, "shop.purchase", "Purchase in a shop"),
        (61, "service.payment", "Everyday payment for a service"),
    ),
    *_activities(
        "society",
        (70, "donation.made", "Donation to a charity"),
        (71, "recycling.handed_in", "Things handed in for recycling"),
    ),
    *_figures(
        "means",
        (80, "income.reported", "Monthly income"),
        (81, "social_security.contribution", "Monthly social security contribution"),
        (82, "provident_fund.contribution", "Monthly housing provident fund contribution"),
        (83, "real_estate.reported", "Value of real estate"),
        (84, "vehicle.reported", "Value of vehicles"),
        (85, "deposits.reported", "Balance of deposits"),
        (86, "securities.reported", "Value of securities"),
        (87, "insurance.reported", "Value of insurance policies"),
        (88, "tax.reported", "Taxed income of the year"),
    ),
    *_facts(
        "identity",
        (100, "identity.verified", "Identity checked against an official document", ("verified", "withdrawn")),
        (
            101,
            "education.verified",
            "Highest degree, as confirmed by a register",
            ("none", "secondary", "vocational", "bachelor", "master", "doctorate"),
        ),
        (
            102,
            "occupation.verified",
            "How the person is employed, as confirmed by the employer or a register",
            ("none", "employed", "self_employed", "public_service"),
        ),
        (103, "vehicle_ownership.verified", "Whether a vehicle is registered to the person", ("none", "owner")),
        (104, "platform_standing.reported", "Standing with another platform", ("poor", "fair", "good", "excellent")),
    ),
    Kind(
        code=120,
        name="contact.standing",
        group="contacts",
        shape=Shape.CONTACT,
        title="A contact of the person, there or gone",
        values=("present", "absent"),
    ),
    *_records(
        RecordClass.LEGAL,
        (200, "court.listing", "Listed by a court as a judgment debtor", Ends.ON_SETTLEMENT),
    ),
    *_records(
        RecordClass.FINANCIAL,
        (210, "loan.overdue", "Loan or consumer credit overdue", Ends.ON_SETTLEMENT),
        (211, "card.overdue", "Credit card overdue", Ends.ON_SETTLEMENT),
        (212, "instalment.overdue", "Instalment of a purchase overdue", Ends.ON_SETTLEMENT),
    ),
    *_records(
        RecordClass.LIFE,
        (220, "utility_bill.overdue", "Utility bill overdue", Ends.ON_SETTLEMENT),
        (221, "business_fee.overdue", "Business fee overdue", Ends.ON_SETTLEMENT),
        (222, "hotel.no_show", "Hotel room booked on credit and not used", Ends.AT_ONCE),
        (223, "ride.unpaid", "Ride not paid", Ends.ON_SETTLEMENT),
        (224, "rental.not_returned", "Rented thing not returned", Ends.ON_SETTLEMENT),
    ),
)

"""The shipped kinds. A deployment may have more, which are in the tables below."""

KIND_OF: dict[str, Kind] = {kind.name: kind for kind in KINDS}
KIND_OF_CODE: dict[int, Kind] = {kind.code: kind for kind in KINDS}
REVERSIBLE: set[int] = {kind.code for kind in KINDS if kind.reversible}
"""The codes of the kinds of which a reversal is taken."""


def extend(kinds: Iterable[Kind]) -> None:
    """Add a deployment's own kinds to the tables, once, before any event is judged (decision 0033); the same again
    changes nothing. Raises ValueError for a name or a code that has another meaning already."""
    for kind in kinds:
        if kind in (KIND_OF.get(kind.name), KIND_OF_CODE.get(kind.code)):
            continue
        if kind.name in KIND_OF or kind.code in KIND_OF_CODE:
            raise ValueError(f"{kind.name} or its code {kind.code} has another meaning already.")
        KIND_OF[kind.name] = KIND_OF_CODE[kind.code] = kind
        if kind.reversible:
            REVERSIBLE.add(kind.code)


def no_such_kind(name: str) -> str:
    """A sentence for a name that is no kind, with the nearest that there is."""
    near = get_close_matches(name, KIND_OF, n=1) or get_close_matches(name.split(".")[-1], KIND_OF, n=1, cutoff=0.4)
    return f"The taxonomy has no such kind.{f' The nearest is {near[0]}.' if near else ''}"
