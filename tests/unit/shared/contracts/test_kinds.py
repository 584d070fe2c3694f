"""The taxonomy's own laws, and what each shape of kind asks of an event. (More cases: shared/contracts/examples.)"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.checks import check_event
from shared.contracts.demographics import is_demographic
from shared.contracts.faults import Code
from shared.contracts.kinds import KIND_OF, KIND_OF_CODE, KINDS, Ends, Kind, RecordClass, Shape
from shared.contracts.messages import BehaviorEvent, Consent, RecordReport

CONSENT = Consent(id="c-1", purpose="credit-standing", given_at=datetime(2025, 1, 1, tzinfo=UTC))
CONTACT = "ab" * 32
VALUES: dict[str, Any] = {
    "count": 2,
    "amount": 100,
    "limit": 500,
    "days_late": 3,
    "reverses": True,
    "value": "present",
    "contact": CONTACT,
    "consent": CONSENT,
}
NEEDS = {
    Shape.OBLIGATION: {"days_late"},
    Shape.ACTIVITY: set(),
    Shape.FIGURE: {"amount", "consent"},
    Shape.FACT: {"value"},
    Shape.CONTACT: {"contact", "value"},
}
MAY = {
    Shape.OBLIGATION: {"amount"},
    Shape.ACTIVITY: {"count", "amount", "reverses"},
    Shape.FIGURE: set(),
    Shape.FACT: set(),
    Shape.CONTACT: set(),
}
LIMITED = {"credit_card.statement"}
"""The kinds that have a limit beside what their shape has."""
BEHAVIOR = [kind for kind in KINDS if kind.shape is not Shape.RECORD]
RECORDS = [kind for kind in KINDS if kind.shape is Shape.RECORD]


def _values(kind: Kind, names: set[str]) -> dict[str, Any]:
    return {name: kind.values[0] if name == "value" and kind.values else VALUES[name] for name in names}


def _may(kind: Kind) -> set[str]:
    return MAY[kind.shape] | ({"limit"} if kind.name in LIMITED else set())


def test_names_and_codes_are_unique_and_well_formed() -> None:
    assert len(KIND_OF) == len(KIND_OF_CODE) == len(KINDS)
    for kind in KINDS:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", kind.name)
        assert 1 <= kind.code <= 255
        assert kind.title


def test_codes_are_never_given_to_another_kind() -> None:
    """States in the database hold codes. A line here may be added, and none may change."""
    assert {kind.code: kind.name for kind in KINDS} == CODES


CODES = {
    1: "credit_card.repayment",
    2: "consumer_credit.repayment",
    3: "cash_loan.repayment",
    4: "instalment.repayment",
    5: "credit_card.statement",
    8: "credit_card.payment",
    6: "mortgage.repayment",
    7: "student_loan.repayment",
    10: "rent.payment",
    11: "insurance.premium",
    12: "broadband.bill",
    13: "subscription.fee",
    20: "water.bill",
    21: "electricity.bill",
    22: "gas.bill",
    23: "property_fee.bill",
    24: "phone.bill",
    30: "transit.fare",
    40: "bike_rental.return",
    41: "e_bike_rental.return",
    42: "car_rental.return",
    43: "item_rental.return",
    44: "credit_lease.return",
    50: "hotel.stay",
    51: "ride.trip",
    52: "parking.fee",
    60: "shop.purchase",
    61: "service.payment",
    70: "donation.made",
    71: "recycling.handed_in",
    80: "income.reported",
    81: "social_security.contribution",
    82: "provident_fund.contribution",
    83: "real_estate.reported",
    84: "vehicle.reported",
    85: "deposits.reported",
    86: "securities.reported",
    87: "insurance.reported",
    88: "tax.reported",
    100: "identity.verified",
    101: "education.verified",
    102: "occupation.verified",
    103: "vehicle_ownership.verified",
    104: "platform_standing.reported",
    120: "contact.standing",
    200: "court.listing",
    210: "loan.overdue",
    211: "card.overdue",
    212: "instalment.overdue",
    220: "utility_bill.overdue",
    221: "business_fee.overdue",
    222: "hotel.no_show",
    223: "ride.unpaid",
    224: "rental.not_returned",
}


def test_only_records_have_a_class_and_an_end() -> None:
    for kind in KINDS:
        assert (kind.record_class is not None) == (kind.ends is not None) == (kind.shape is Shape.RECORD)


def test_records_of_all_three_classes() -> None:
    assert Counter(kind.record_class for kind in RECORDS) == {
        RecordClass.LEGAL: 1,
        RecordClass.FINANCIAL: 3,
        RecordClass.LIFE: 5,
    }
    assert [kind.name for kind in RECORDS if kind.ends is Ends.AT_ONCE] == ["hotel.no_show"]


def test_figures_are_taken_only_under_consent() -> None:
    """(rules I5)"""
    consented = {kind.name for kind in KINDS if kind.consent}
    assert consented == {kind.name for kind in KINDS if kind.shape is Shape.FIGURE}
    assert {"income.reported", "deposits.reported", "securities.reported", "insurance.reported"} <= consented
    assert {"real_estate.reported", "tax.reported"} <= consented


def test_only_what_has_an_inverse_is_reversible() -> None:
    """(rules E11)"""
    assert {kind.shape for kind in KINDS if kind.reversible} == {Shape.ACTIVITY}


def test_no_kind_is_demographic() -> None:
    assert not [kind.name for kind in KINDS if is_demographic(kind.name)]


@pytest.mark.parametrize("kind", BEHAVIOR, ids=lambda kind: kind.name)
def test_each_kind_takes_what_its_shape_has(kind: Kind) -> None:
    assert check_event(BehaviorEvent(kind=kind.name, **_values(kind, NEEDS[kind.shape]))) is None
    assert check_event(BehaviorEvent(kind=kind.name, **_values(kind, NEEDS[kind.shape] | _may(kind)))) is None


@pytest.mark.parametrize("kind", BEHAVIOR, ids=lambda kind: kind.name)
def test_each_kind_refuses_what_its_shape_lacks(kind: Kind) -> None:
    """(rules E8)"""
    for name in NEEDS[kind.shape]:
        fault = check_event(BehaviorEvent(kind=kind.name, **_values(kind, NEEDS[kind.shape] - {name})))
        assert fault
        assert fault.field == f"data.{name}"
        assert fault.code is (Code.CONSENT_MISSING if name == "consent" else Code.FIELD_REQUIRED_BY_KIND)
    for name in VALUES.keys() - NEEDS[kind.shape] - _may(kind):
        fault = check_event(BehaviorEvent(kind=kind.name, **_values(kind, NEEDS[kind.shape] | {name})))
        assert fault
        assert (fault.code, fault.field) == (Code.FIELD_FORBIDDEN_BY_KIND, f"data.{name}")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.values], ids=lambda kind: kind.name)
def test_each_value_of_a_closed_list_and_no_other(kind: Kind) -> None:
    contact = CONTACT if kind.shape is Shape.CONTACT else None
    for value in kind.values:
        assert check_event(BehaviorEvent(kind=kind.name, value=value, contact=contact)) is None
    fault = check_event(BehaviorEvent(kind=kind.name, value="Elsewhere", contact=contact), parent="body")
    assert fault
    assert (fault.code, fault.field) == (Code.UNKNOWN_VALUE, "body.value")


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_a_record_comes_as_a_report_only(kind: Kind) -> None:
    report = RecordReport(kind=kind.name, report_id="r-1", status="reported", began_on=date(2025, 1, 1))
    assert check_event(report) is None
    fault = check_event(BehaviorEvent(kind=kind.name))
    assert fault
    assert (fault.code, fault.field) == (Code.UNKNOWN_KIND, "data.kind")


DAY, NEXT = date(2025, 1, 31), date(2025, 2, 1)


@pytest.mark.parametrize(
    ("kind", "status", "began_on", "ended_on", "expected"),
    [
        ("ride.unpaid", "reported", DAY, None, None),
        ("ride.unpaid", "reported", DAY, NEXT, None),
        ("ride.unpaid", "reported", DAY, DAY, None),
        ("ride.unpaid", "reported", None, None, (Code.FIELD_REQUIRED_BY_KIND, "data.began_on")),
        ("ride.unpaid", "reported", None, DAY, (Code.FIELD_REQUIRED_BY_KIND, "data.began_on")),
        ("ride.unpaid", "reported", NEXT, DAY, (Code.DATES_CONTRADICT, "data.ended_on")),
        ("ride.unpaid", "settled", None, DAY, None),
        ("ride.unpaid", "settled", DAY, DAY, None),
        ("ride.unpaid", "settled", DAY, None, (Code.FIELD_REQUIRED_BY_KIND, "data.ended_on")),
        ("ride.unpaid", "settled", NEXT, DAY, (Code.DATES_CONTRADICT, "data.ended_on")),
        ("water.bill", "reported", DAY, None, (Code.UNKNOWN_KIND, "data.kind")),
        ("moon.eclipse", "reported", DAY, None, (Code.UNKNOWN_KIND, "data.kind")),
    ],
)
def test_the_days_of_a_record(
    kind: str, status: Any, began_on: date | None, ended_on: date | None, expected: tuple[Code, str] | None
) -> None:
    fault = check_event(RecordReport(kind=kind, report_id="r", status=status, began_on=began_on, ended_on=ended_on))
    assert (fault and (fault.code, fault.field)) == expected


def test_behavior_of_no_kind() -> None:
    fault = check_event(BehaviorEvent(kind="moon.eclipse"))
    assert fault
    assert (fault.code, fault.field) == (Code.UNKNOWN_KIND, "data.kind")
