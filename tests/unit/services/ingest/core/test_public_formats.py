"""Formats that nobody here has designed, from their public descriptions, with invented values."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.ingest.core.normalize import Judged, Normalized, Refused, Skipped
from services.ingest.loading import load_partner
from shared.contracts.faults import Code
from shared.contracts.messages import BehaviorEvent, RecordReport
from shared.settings import ROOT
from tests.support.ingest.mapped import read
from tests.support.ingest.raw_events import FRIEND, PERSON
from tests.support.ingest.shipped import DEPLOYMENT, pseudonym

PARTNERS = ROOT / "docs" / "examples" / "partners"
NOON = datetime(2024, 3, 5, 11, tzinfo=UTC)
"""In Berlin."""


def events(partner: str, message: str | bytes, encoding: str = "utf-8") -> list[Judged]:
    loaded = load_partner(PARTNERS / f"{partner}.toml", DEPLOYMENT)
    return read(loaded, message if isinstance(message, bytes) else message.encode(encoding))


def taken(found: Judged) -> Normalized:
    assert isinstance(found, Normalized), found
    return found


def refused(found: Judged) -> tuple[Code, str]:
    assert isinstance(found, Refused), found
    return found.fault.code, found.fault.field


# A German bank.

GERMAN_HEAD = (
    '"Kunde";"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";'
    '"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Lastschrift Ursprungsbetrag";'
    '"Auslagenersatz Ruecklastschrift";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";'
    '"Betrag";"Waehrung";"Info"'
)


def german(day: str, kind: str, amount: str, purpose: str = "Abschlag 3", info: str = "Umsatz gebucht") -> str:
    return (
        f'"{PERSON}";"DE00000000000000000001";"{day}";"{day}";"{kind}";"{purpose}";"";"";"E-1";"";"";"";'
        f'"Stadtwerke Köln";"DE00000000000000000002";"DEMODEXXXXX";"{amount}";"CNY";"{info}"'
    )


def test_a_german_bank() -> None:
    rows = [
        german("05.03.24", "FOLGELASTSCHRIFT", "-61,50"),
        german("05.03.24", "KARTENZAHLUNG", "-1.190,00"),
        german("05.03.24", "GUTSCHRIFT", "1.200,00"),
        german("05.03.24", "KARTENZAHLUNG", "-1,190.00"),
        german("2024-03-05", "KARTENZAHLUNG", "-5,00"),
    ]
    found = events("bank-german", "\n".join([GERMAN_HEAD, *rows]), "windows-1252")
    assert taken(found[0]).body == BehaviorEvent(kind="service.payment", amount=6_150)
    assert taken(found[0]).time == NOON
    assert taken(found[0]).user_id == pseudonym(PERSON)
    assert taken(found[1]).body.amount == 119_000
    assert found[2] == Skipped()
    assert refused(found[3]) == (Code.WRONG_TYPE, "Betrag")
    assert refused(found[4]) == (Code.TIME_FORMAT, "Buchungstag")
    assert "Stadtwerke" not in repr(found)


def test_a_german_bank_that_has_added_a_column() -> None:
    [found] = events("bank-german", f'{GERMAN_HEAD};"Kategorie"\n', "windows-1252")
    assert refused(found) == (Code.UNKNOWN_FIELD, "Kategorie")


def test_a_german_bank_that_has_changed_its_encoding() -> None:
    found = events("bank-german", f"{GERMAN_HEAD}\n{german('05.03.24', 'LASTSCHRIFT', '-1,00')}", "utf-16")
    assert isinstance(found[0], Refused)


# A US bank.


def test_a_us_bank() -> None:
    found = events(
        "bank-us",
        "Customer,Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #\n"
        f'{PERSON},DEBIT,03/04/2024,"DEMO POWER",-50.00,ACH_DEBIT,950.00,,\n'
        f'{PERSON},DEBIT,03/04/2024,"DEMO RENT","-1,500.00",ACH_DEBIT,"$2,450.00",,\n'
        f'{PERSON},CREDIT,03/04/2024,"DEMO PAYROLL","2,000.00",ACH_CREDIT,950.00,,\n'
        f'{PERSON},DEBIT,03/04/2024,"DEMO POWER",-50.00,ACH_DEBIT,950.00,,\n'
        f'{PERSON},DEBIT,04/03/2024,"DEMO POWER",-50.00,ACH_DEBIT,950.00,,\n',
    )
    assert taken(found[0]).body.amount == 35_714  # at 0.14 dollars to the yuan
    assert taken(found[0]).time == datetime(2024, 3, 4, 17, tzinfo=UTC)
    assert taken(found[1]).body.amount == 1_071_429
    assert found[2] == Skipped()
    assert taken(found[3]).event_id == f"{taken(found[0]).event_id}-2", "two equal payments are two"
    assert refused(found[4]) == (Code.IN_FUTURE, "Posting Date")


def test_a_bank_with_two_columns() -> None:
    found = events(
        "bank-two-columns",
        "Demo Federal Credit Union\n"
        '"Statement of 03/01/2024 - 03/05/2024"\n'
        "Beginning Balance,,$1,000.00\n\n"
        "Member,Date,Description,Debit,Credit,Balance\n"
        'M-100200,3/4/2024,DEMO POWER,$50.00,,"$950.00"\n'
        'M-100200,3/4/2024,DEMO PAYROLL,$0.00,"$1,500.00","$2,450.00"\n'
        'M-100200,3/4/2024,DEMO POWER,$50.00,,"$950.00"\n'
        "M-100200,3/4/2024,DEMO BOTH,$1.00,$2.00,$1.00\n"
        "Total\n",
    )
    assert (taken(found[0]).body.kind, taken(found[0]).body.amount) == ("service.payment", 35_714)
    assert found[1] == Skipped()
    assert taken(found[2]).event_id == f"{taken(found[0]).event_id}-2"
    assert refused(found[3]) == (Code.UNKNOWN_KIND, "Debit")
    assert found[4] == Skipped(), "the sums below the last row"


# A bike share.

TRIPS = (
    "rider,ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,"
    "end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual\n"
)


def test_a_bike_share() -> None:
    found = events(
        "bike-share",
        TRIPS + f"{PERSON},A0B1,electric_bike,2024-03-01 08:00:00.125,2024-03-01 08:21:09.721,Demo St,6000.10,,,40.70,"
        "-73.90,,,member\n"
        f"{FRIEND},A0B2,classic_bike,2024-03-01 08:00:00,2024-03-01 20:39:09,Demo St,6000.10,X,1,40.70,-73.90,1,2,"
        "casual\n"
        f"{PERSON},A0B3,classic_bike,x,2024-03-10 02:30:00,,,,,,,,,member\n"
        f",A0B4,classic_bike,x,2024-03-01 08:00:00,,,,,,,,,member\n"
        f"{PERSON},A0B5,docked_bike,x,2024-03-01 08:00:00,,,,,,,,,member\n",
    )
    assert taken(found[0]).body == BehaviorEvent(kind="e_bike_rental.return", days_late=0)
    assert taken(found[0]).time == datetime(2024, 3, 1, 13, 21, 9, 721_000, UTC)
    assert taken(found[1]).time == datetime(2024, 3, 2, 1, 39, 9, tzinfo=UTC)
    assert taken(found[1]).user_id == pseudonym(FRIEND)
    assert refused(found[2]) == (Code.TIME_FORMAT, "ended_at")  # the hour that the clocks of New York skip
    assert refused(found[3]) == (Code.MISSING_FIELD, "rider")
    assert refused(found[4]) == (Code.UNKNOWN_KIND, "rideable_type")


# Hotel bookings.

BOOKINGS = (
    "guest,hotel,is_canceled,lead_time,arrival_date_year,arrival_date_month,arrival_date_week_number,"
    "arrival_date_day_of_month,stays_in_weekend_nights,stays_in_week_nights,adults,children,babies,meal,country,"
    "market_segment,distribution_channel,is_repeated_guest,previous_cancellations,previous_bookings_not_canceled,"
    "reserved_room_type,assigned_room_type,booking_changes,deposit_type,agent,company,days_in_waiting_list,"
    "customer_type,adr,required_car_parking_spaces,total_of_special_requests,reservation_status,"
    "reservation_status_date\n"
)


def booking(status: str, day: str, month: str = "March", children: str = "NA") -> str:
    return (
        f"{PERSON},City Hotel,1,30,2024,{month},10,4,1,2,2,{children},0,BB,DEU,Online TA,TA/TO,0,0,0,A,A,0,"
        f"No Deposit,9,NULL,0,Transient,95.5,0,1,{status},{day}\n"
    )


def test_hotel_bookings() -> None:
    found = events(
        "hotel-bookings",
        BOOKINGS
        + booking("No-Show", "2024-03-04")
        + booking("Check-Out", "2024-03-07")
        + booking("Canceled", "2024-02-01")
        + booking("No-Show", "2024-03-04", month="Marzo"),
    )
    report = taken(found[0]).body
    assert isinstance(report, RecordReport)
    assert (report.kind, report.status, report.began_on) == ("hotel.no_show", "reported", date(2024, 3, 4))
    assert taken(found[1]).body == BehaviorEvent(kind="hotel.stay", days_late=0)
    assert found[2] == Skipped()
    assert refused(found[3]) == (Code.TIME_FORMAT, "arrival_date_year")


# Metro 2.


def base_segment(status: str, *, delinquent: str = "00000000", closed: str = "00000000", due: str = "0" * 9) -> str:
    line = [" "] * 426

    def put(first: int, text: str) -> None:
        line[first - 1 : first - 1 + len(text)] = text

    put(1, "0426")
    put(43, "ACC-000123")
    put(59, PERSON)
    put(73, "I")
    put(124, status)
    put(164, due)
    put(182, "02292024")
    put(190, delinquent)
    put(198, closed)
    put(232, "DOE")
    return "".join(line)


def test_metro_2() -> None:
    [current] = events("metro2", base_segment("11"))
    assert taken(current).body == BehaviorEvent(kind="cash_loan.repayment", days_late=0)
    assert taken(current).event_id == "ACC~-000123-02292024"
    assert taken(current).time == datetime(2024, 2, 29, 17, tzinfo=UTC)
    [collected] = events("metro2", base_segment("93", delinquent="11152023", due="000000640") + "J1 DOE JOHN")
    assert taken(collected).body == RecordReport(
        kind="loan.overdue",
        report_id="ACC-000123",
        status="reported",
        began_on=date(2023, 11, 15),
        amount=457_143,  # at March's rate: where this deployment counts months it was the first of March
    )
    [paid] = events("metro2", base_segment("62", delinquent="11152023", closed="02202024"))
    assert taken(paid).body == RecordReport(
        kind="loan.overdue",
        report_id="ACC-000123",
        status="settled",
        began_on=date(2023, 11, 15),
        ended_on=date(2024, 2, 20),
    )
    header = "0426HEADER01".ljust(426)
    assert events("metro2", header) == [Skipped()]
    assert events("metro2", base_segment("71")) == [Skipped()]
    [undated] = events("metro2", base_segment("93", due="000000640"))
    assert refused(undated) == (Code.FIELD_REQUIRED_BY_KIND, "first_delinquency")
    assert refused(events("metro2", base_segment("11")[:366])[0])[0] == Code.FIXED_WIDTH_LINE


# A list of movements in camelCase.


def movement(**changes: Any) -> dict[str, Any]:
    return {
        "movementId": 90_071,
        "occurredAt": "1709631000000",
        "accountRef": PERSON,
        "movementType": "Purchase",
        "amountValue": -12.5,
        "amountCurrency": "CNY",
        "merchant": {"name": "Demo", "codes": [1, 2]},
        "tags": [],
        **changes,
    }


def test_a_list_of_movements() -> None:
    found = events(
        "wallet",
        json.dumps(
            [
                movement(),
                movement(movementId=2, amountValue="3.00"),
                movement(movementId=3, movementType="TOPUP ", amountValue=100),
                movement(movementId=4, occurredAt=1709631000000),
                movement(movementId="5"),
                movement(movementId=6, occurredAt="1709631000"),
            ]
        ),
    )
    assert taken(found[0]).body == BehaviorEvent(kind="service.payment", amount=1_250)
    assert taken(found[0]).event_id == "90071"
    assert taken(found[1]).body == BehaviorEvent(kind="service.payment", amount=300, reverses=True)
    assert found[2] == Skipped()
    assert refused(found[3]) == (Code.TIME_FORMAT, "occurredAt")
    assert refused(found[4]) == (Code.WRONG_TYPE, "movementId")
    assert refused(found[5]) == (Code.TOO_LATE, "occurredAt")


@pytest.mark.parametrize("file", sorted(PARTNERS.glob("*.toml")), ids=lambda file: file.stem)
def test_a_later_service_names_the_partners_own_fields(file: Any) -> None:
    partner = load_partner(file, DEPLOYMENT)
    readings = [*partner.readings.values(), *(other.reading for other in partner.others if other.reading)]
    for reading in readings:
        [(name, text)] = reading.fieldnames[""]
        assert name == "ce_fieldnames"
        assert json.loads(text)["ce_time"] in {"Buchungstag", "Posting Date", "ended_at", "reservation_status_date",
                                               "account_information_date", "occurredAt", "Date"}  # fmt: skip
