"""Each partner's format, read into the platform's own: a table of events and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice

import pytest

from goodstanding.partner.samples import Mode, Setting, samples
from services.ingest.core.mapping import NativeMapping
from services.ingest.core.normalize import Normalized, Refused, normalize
from services.ingest.loading import load_mapping
from shared.contracts.kinds import KIND_OF, KINDS
from shared.contracts.messages import BehaviorEvent, Consent, RecordReport
from shared.settings import ROOT
from shared.toml_file import load
from tests.support.ingest.raw_events import (
    FRIEND,
    OF_OTHERS,
    PERSON,
    Headers,
    RawEvent,
    bank,
    bank_income,
    bank_record,
    bank_resolution,
    bank_statement,
    bike,
    binary,
    city,
    city_record,
    consumer_credit,
    consumer_credit_link,
    court,
    hotel,
    hotel_no_show,
    hotel_resolution,
    shop,
    structured,
    utility,
)
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT, PARTNERS, pseudonym

HALF_PAST_NINE = datetime(2024, 3, 5, 1, 30, tzinfo=UTC)
"""09:30 in Shanghai, the time of every event of the table."""


@dataclass(frozen=True, slots=True)
class Good:
    name: str
    event: RawEvent
    body: BehaviorEvent | RecordReport
    id: str = "event-1"


def obligation(kind: str, amount: int | None, days_late: int) -> BehaviorEvent:
    return BehaviorEvent(kind=kind, amount=amount, days_late=days_late)


def statement(amount: int, limit: int | None) -> BehaviorEvent:
    return BehaviorEvent(kind="credit_card.statement", amount=amount, limit=limit)


def card(amount: int = 412_355, days_late: int = 3) -> BehaviorEvent:
    return obligation("credit_card.repayment", amount, days_late)


def instalment(amount: int, days_late: int) -> BehaviorEvent:
    return obligation("consumer_credit.repayment", amount, days_late)


def settled(kind: str, report_id: str, began_on: date, ended_on: date, amount: int | None = None) -> RecordReport:
    return RecordReport(
        kind=kind, report_id=report_id, status="settled", began_on=began_on, ended_on=ended_on, amount=amount
    )


def resolved(kind: str, report_id: str, outcome: str, **more: object) -> RecordReport:
    return RecordReport(kind=kind, report_id=report_id, status="resolved", outcome=outcome, **more)  # type: ignore[arg-type]  # fields as a case names them


_NO_SHOW = RecordReport(
    kind="hotel.no_show", report_id="RES-3", status="reported", began_on=date(2024, 3, 4), amount=20_000
)
_LISTED = RecordReport(
    kind="court.listing",
    report_id="Pudong District-2023-00417",
    status="reported",
    began_on=date(2024, 2, 28),
    amount=15_000_000,
)
_OVERDUE = RecordReport(
    kind="card.overdue", report_id="R-5", status="reported", began_on=date(2023, 11, 20), amount=990_000
)
_FEE = RecordReport(kind="business_fee.overdue", report_id="L-1", status="reported", began_on=date(2023, 12, 1))
_BIKE_CLAIM = {"claim": "K-1", "claim_state": "cleared", "opened_at": "2024-02-29T23:30:00Z", "minutes": ...}

GOOD = [
    Good("bank", bank(), card()),
    Good("bank, at the limit", bank({"days_past_due": 90}), card(412_355, 90)),
    Good("bank, 0.14 dollars to the yuan", bank({"amount.currency": "USD", "amount.minor": 1_001}), card(7_150)),
    Good(
        "bank, rounded to the nearest minor unit", bank({"amount.currency": "USD", "amount.minor": 1_000}), card(7_143)
    ),
    Good("bank, 20.5 yen to the yuan, no minor unit", bank({"amount.currency": "JPY", "amount.minor": 41}), card(200)),
    Good(
        "bank, the rate is that of the month in the deployment's zone",
        bank({"amount.currency": "USD", "amount.minor": 1_001}, time="2024-02-29T16:00:00Z"),
        card(7_150),
    ),
    Good(
        "bank, a minute before",
        bank({"amount.currency": "USD", "amount.minor": 1_001}, time="2024-02-29T15:59:00Z"),
        card(7_700),
    ),
    Good("bank, extension attributes", bank(traceparent="00-1", partitionkey="key"), card()),
    Good("bank, account in another spelling", bank({"customer.account": f" gs-{PERSON[2:]} "}), card()),
    Good(
        "bank, returned payment",
        bank({"days_past_due": ..., "due_on": ...}, type="card.payment.returned"),
        BehaviorEvent(kind="credit_card.payment", amount=412_355, reverses=True),
    ),
    Good("bank, statement", bank_statement(), statement(310_000, 2_000_000)),
    Good("bank, statement of a card without a limit", bank_statement({"credit_limit": ...}), statement(310_000, None)),
    Good("bank, null for the limit", bank_statement({"credit_limit.minor": None}), statement(310_000, None)),
    Good("bank, a limit of 0", bank_statement({"credit_limit.minor": 0}), statement(310_000, 0)),
    Good(
        "bank, a limit in dollars, at the rate of the month",
        bank_statement({"credit_limit": {"minor": 1_001, "currency": "USD"}}),
        statement(310_000, 7_150),
    ),
    Good(
        "bank, figure under consent",
        bank_income(),
        BehaviorEvent(
            kind="income.reported",
            amount=1_250_000,
            consent=Consent(id="C-17", purpose="credit-standing", given_at=datetime(2024, 1, 2, 8, tzinfo=UTC)),
        ),
    ),
    Good(
        "bank, identity",
        structured(
            "bank", "customer.identity.verified", {"customer": {"account": PERSON}, "document_kind": "passport"}
        ),
        BehaviorEvent(kind="identity.verified", value="verified"),
    ),
    Good(
        "bank, occupation",
        structured("bank", "customer.occupation.verified", {"customer": {"account": PERSON}, "employment": "official"}),
        BehaviorEvent(kind="occupation.verified", value="public_service"),
    ),
    Good("bank, record", bank_record(), _OVERDUE),
    Good(
        "bank, record that is open, with the day of the last payment", bank_record({"paid_on": "2024-02-05"}), _OVERDUE
    ),
    Good(
        "bank, record settled, without an amount",
        bank_record({"state": "paid", "paid_on": "2024-03-05", "amount": ...}),
        settled("card.overdue", "R-5", date(2023, 11, 20), date(2024, 3, 5)),
    ),
    Good("consumer credit", consumer_credit(), instalment(128_850, 4)),
    Good("consumer credit, early", consumer_credit({"paidDate": "2024-02-20"}), instalment(128_850, 0)),
    Good("consumer credit, whole yuan", consumer_credit({"principal": "7"}), instalment(700, 4)),
    Good("consumer credit, zeros behind", consumer_credit({"principal": "7.1000"}), instalment(710, 4)),
    Good(
        "consumer credit, contact",
        consumer_credit_link(),
        BehaviorEvent(kind="contact.standing", contact=pseudonym(FRIEND), value="present"),
    ),
    Good(
        "consumer credit, days of instants in the file's zone",
        binary(
            "consumer-credit",
            "LoanOverdueChanged",
            {
                "platformAccount": PERSON,
                "caseId": "case-9",
                "caseState": "CLOSED",
                "overdueSinceMillis": 1_704_038_399_999,
                "closedAtMillis": 1_704_038_400_000,
            },
        ),
        settled("loan.overdue", "case-9", date(2023, 12, 31), date(2024, 1, 1)),
    ),
    Good("utility", utility(), obligation("water.bill", 8_640, 2), "m-1"),
    Good("utility, in yuan", utility({"unit": "yuan", "amt": 86.4}), obligation("water.bill", 8_640, 2), "m-1"),
    Good("utility, 90 days by the calendar", utility({"due": "20231206"}), obligation("water.bill", 8_640, 90), "m-1"),
    Good("bike", bike(), obligation("bike_rental.return", 350, 0)),
    Good("bike, late", bike({"late_days": 1}, type="ride.closed-late.v2"), obligation("bike_rental.return", 350, 1)),
    Good(
        "bike, claim",
        bike({**_BIKE_CLAIM, "cleared_at": "2024-03-04T16:00:00Z"}, type="ride.unpaid.v1"),
        settled("ride.unpaid", "K-1", date(2024, 3, 1), date(2024, 3, 5), 350),
    ),
    Good("hotel", hotel(), obligation("hotel.stay", 77_600, 0), "H-1"),
    Good("hotel, number for an amount", hotel({"Folio.Total": 776.05}), obligation("hotel.stay", 77_605, 0), "H-1"),
    Good(
        "hotel, a T and no seconds",
        hotel({"LocalTime": "2024-03-05T09:30"}),
        obligation("hotel.stay", 77_600, 0),
        "H-1",
    ),
    Good(
        "hotel, fractions of a second",
        hotel({"LocalTime": "2024-03-05 09:30:00.000", "Folio.PaidTime": "2024-03-05T09:29:10.1234567"}),
        obligation("hotel.stay", 77_600, 0),
        "H-1",
    ),
    Good("court, fractions of a second", court({"published_time": "09:30:00.000000"}), _LISTED, "N-1"),
    Good("hotel, no-show", hotel_no_show(), _NO_SHOW, "H-2"),
    Good("shop", shop(), BehaviorEvent(kind="shop.purchase", count=2, amount=5_990)),
    Good(
        "shop, taken back",
        shop({"eventName": "orderReturned", "itemCount": ...}),
        BehaviorEvent(kind="shop.purchase", amount=5_990, reverses=True),
    ),
    Good(
        "shop, lease",
        shop(
            {
                "eventName": "leaseReturned",
                "itemCount": ...,
                "total": ...,
                "dueAt": "2024-03-01T16:30:00Z",
                "returnedAt": "2024-03-02T16:00:00Z",
            }
        ),
        obligation("credit_lease.return", None, 1),
    ),
    Good("court", court(), _LISTED, "N-1"),
    Good(
        "court, line break behind, quoted cell", court({"yuan": '"150000.00"', "certificate": "\r\n"}), _LISTED, "N-1"
    ),
    Good(
        "court, listed again with its certificate",
        court({"certificate": "C-9"}),
        replace(_LISTED, certificate="C-9"),
        "N-1",
    ),
    Good(
        "court, released",
        court({"action": "RELEASED", "released": "2024-03-04", "yuan": ""}),
        settled("court.listing", "Pudong District-2023-00417", date(2024, 2, 28), date(2024, 3, 4)),
        "N-1",
    ),
    Good("bank, a dispute upheld", bank_resolution(), resolved("card.overdue", "R-5", "confirmed", dispute="d-1")),
    Good(
        "bank, a correction of its own",
        bank_resolution({"result": "corrected", "dispute_no": ..., "paid_on": "2024-01-10"}),
        resolved("card.overdue", "R-5", "corrected", ended_on=date(2024, 1, 10)),
    ),
    Good(
        "bank, reported again with its certificate",
        bank_record({"certificate_no": "C-9"}),
        replace(_OVERDUE, certificate="C-9"),
    ),
    Good("hotel, taken back", hotel_resolution(), resolved("hotel.no_show", "RES-3", "deleted"), "H-3"),
    Good(
        "hotel, another day",
        hotel_resolution(
            {
                "Resolution": {"Outcome": "Corrected", "Dispute": "d-1"},
                "Reservation": {"Number": "RES-3", "ArrivalDate": "2024-03-03"},
            }
        ),
        resolved("hotel.no_show", "RES-3", "corrected", dispute="d-1", began_on=date(2024, 3, 3)),
        "H-3",
    ),
    Good(
        "court, upheld",
        court({"action": "UPHELD", "since": "", "yuan": "", "dispute": "d-1"}),
        resolved("court.listing", "Pudong District-2023-00417", "confirmed", dispute="d-1"),
        "N-1",
    ),
    Good(
        "court, withdrawn",
        court({"action": "WITHDRAWN", "since": "", "yuan": ""}),
        resolved("court.listing", "Pudong District-2023-00417", "deleted"),
        "N-1",
    ),
    Good(
        "court, case in full width",
        court({"court": "Ｐｕｄｏｎｇ\u3000District ", "year": "（２０２３）", "number": "沪０１１５执４１７号"}),
        replace(_LISTED, report_id="Pudong District-(2023)-沪0115执417号"),
        "N-1",
    ),
    Good(
        "court, case in ASCII",
        court({"court": " Pudong District", "year": "(2023)", "number": "沪0115执417号"}),
        replace(_LISTED, report_id="Pudong District-(2023)-沪0115执417号"),
        "N-1",
    ),
    Good(
        "court, hyphens in its parts",
        court({"court": "A-1", "year": "2023", "number": "5"}),
        replace(_LISTED, report_id="A~-1-2023-5"),
        "N-1",
    ),
    Good(
        "court, the same hyphens in others",
        court({"court": "A", "year": "1-2023", "number": "5~"}),
        replace(_LISTED, report_id="A-1~-2023-5~~"),
        "N-1",
    ),
    Good("court, byte order mark before the line", court({"notice": "\ufeffN-1"}), _LISTED, "N-1"),
    Good("court, byte order mark and a quote", court({"notice": '\ufeff"N-1"'}), _LISTED, "N-1"),
    Good("native", city(), obligation("transit.fare", 400, 0)),
    Good(
        "native, reversal",
        city({"kind": "donation.made", "days_late": ..., "count": 3, "reverses": True}),
        BehaviorEvent(kind="donation.made", count=3, amount=400, reverses=True),
    ),
    Good("native, record", city_record(), _FEE),
    Good(
        "native, record that was over when it is reported",
        city_record({"ended_on": "2024-01-05"}),
        replace(_FEE, ended_on=date(2024, 1, 5)),
    ),
]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_each_becomes_the_platforms_own(case: Good) -> None:
    result = normalize(PARTNERS[case.event.partner], case.event, ARRIVED)
    assert isinstance(result, Normalized), result
    assert result.body == case.body
    assert (result.user_id, result.event_id) == (pseudonym(PERSON), case.id)
    assert result.time == HALF_PAST_NINE or "the month" in case.name or "before" in case.name


SAME_IDS = ["m 1", " m 1", "m 1 ", "m\u00a01", "\u3000m\u20031", "ｍ １", "m  1", "\u00a0m 1\u202f"]
SAME_HYPHENS = ["m-1", "m\u20101", "m\u20111", "m\u20131", "m\u22121", "m\u2e3a1", "m\u27961", "m\uff0d1", "ｍ－１"]
SAME_ACCENTS = ["caf\u00e9", "cafe\u0301", "cafe\u0301 "]


@pytest.mark.parametrize("ids", [SAME_IDS, SAME_HYPHENS, SAME_ACCENTS], ids=lambda ids: ids[0])
def test_ids_that_look_the_same_are_one(ids: list[str]) -> None:
    """(rules E16)"""
    for event_of in (
        lambda id: bank(id=id),
        lambda id: consumer_credit(id=id),
        lambda id: utility({"msg_id": id}),
        lambda id: court({"notice": id}),
        lambda id: bank_record({"report_no": id}),
        lambda id: bank_income({"consent.reference": id}),
        lambda id: bank_income({"consent.purpose": id}),
        lambda id: city_record({"report_id": id}),
        lambda id: court({"number": id}),
    ):
        results = {normalize(PARTNERS[event.partner], event, ARRIVED) for event in map(event_of, ids)}
        assert len(results) == 1
        assert isinstance(results.pop(), Normalized)


NOT_NAMING = {
    "another person": FRIEND,
    "the first digit missing": PERSON[3:],
    "the last digit missing": PERSON[2:-3],
    "letters between the digits": f"{PERSON[2:8]}A{PERSON[8:]}",
    "backwards": PERSON[::-1],
    "a date": "2024-03-05T09:30:00",
    "words": "monthly statement, March 2024",
}


@pytest.mark.parametrize("text", NOT_NAMING.values(), ids=NOT_NAMING)
def test_an_honest_id_is_no_name(text: str) -> None:
    """(rules I3)"""
    for event in (bank(id=text), utility({"msg_id": text}), court({"number": text}), bank_record({"report_no": text})):
        assert isinstance(normalize(PARTNERS[event.partner], event, ARRIVED), Normalized)


@pytest.mark.parametrize("others", OF_OTHERS.values(), ids=OF_OTHERS)
@pytest.mark.parametrize(
    "event", [bank(), consumer_credit(), utility(), court(), city()], ids=lambda each: each.partner
)
def test_the_headers_of_others_change_nothing(event: RawEvent, others: Headers) -> None:
    """(rules E13)"""
    partner = PARTNERS[event.partner]
    among = replace(event, headers=(*others, *event.headers, *others))
    assert normalize(partner, among, ARRIVED) == normalize(partner, event, ARRIVED)
    assert isinstance(normalize(partner, among, ARRIVED), Normalized)


def test_who_has_no_envelope_has_no_header_that_anybody_reads() -> None:
    """(rules E13)"""
    for event in (utility(), hotel(), court()):
        odd = replace(event, headers=(("ce_id", None), ("ce_id", b"\xff"), ("content-type", b"text/xml")))
        assert normalize(PARTNERS[event.partner], odd, ARRIVED) == normalize(PARTNERS[event.partner], event, ARRIVED)


@pytest.mark.parametrize(
    ("ahead_s", "taken"), [(0, True), (300, True), (301, False)], ids=["now", "in five minutes", "a second more"]
)
def test_clocks_may_differ_by_five_minutes(ahead_s: int, taken: bool) -> None:
    arrived = datetime.fromtimestamp(HALF_PAST_NINE.timestamp() - ahead_s, UTC)
    for event in (bank(), utility(), hotel(), court()):
        assert isinstance(normalize(PARTNERS[event.partner], event, arrived), Normalized) is taken


def test_a_day_ends_in_the_zone_of_the_partner() -> None:
    settled = bank_record({"state": "paid", "paid_on": "2024-03-06"}, time="2024-03-05T15:00:00Z")
    for hour, taken in ((15, False), (16, True)):
        arrived = datetime(2024, 3, 5, hour, tzinfo=UTC)
        assert isinstance(normalize(PARTNERS["bank"], settled, arrived), Normalized) is taken


SENT_BY_NO_DEMO = {
    "mortgage.repayment",
    "student_loan.repayment",
    "rent.payment",
    "insurance.premium",
    "broadband.bill",
    "subscription.fee",
    "parking.fee",
}
"""There for partners of a real deployment; none of the shipped ones is a landlord, an insurer or a car park."""


def test_every_kind_of_the_taxonomy_comes_from_some_partner() -> None:
    sent = {
        reading.kind.name
        for partner in PARTNERS.values()
        for reading in partner.readings.values()
        if reading.fault is None
    }
    assert {kind.name for kind in KINDS} - sent == SENT_BY_NO_DEMO


@pytest.mark.parametrize("seed", [100, 1_000_000, 1_800_000_000])
def test_no_seed_makes_an_id_that_names_the_person(seed: int) -> None:
    """The digits of a seed and of a counter together are those of an account with a low number (rules I3)."""
    setting = Setting("CNY", DEPLOYMENT.zone, ARRIVED)
    for partner in PARTNERS:
        mapping = load_mapping(ROOT / "partners" / f"{partner}.toml")
        for event in islice(samples(partner, mapping, setting, seed=seed), 100):
            assert isinstance(normalize(PARTNERS[partner], event, ARRIVED), Normalized)


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("partner", PARTNERS)
def test_samples_of_every_code_are_taken(partner: str, mode: Mode) -> None:
    mapping = load_mapping(ROOT / "partners" / f"{partner}.toml")
    setting = Setting("CNY", DEPLOYMENT.zone, ARRIVED)
    events = list(islice(samples(partner, mapping, setting, mode=mode), 300))
    assert events == list(islice(samples(partner, mapping, setting, mode=mode), 300))
    results = [normalize(PARTNERS[partner], event, ARRIVED) for event in events]
    assert not [result for result in results if isinstance(result, Refused)]
    kinds = {result.body.kind for result in results if isinstance(result, Normalized)}
    expected = {reading.kind.name for reading in PARTNERS[partner].readings.values() if reading.fault is None}
    assert kinds == expected


def test_the_native_partner_may_send_what_its_rights_name() -> None:
    mapping = load(ROOT / "partners" / "city.toml", NativeMapping)
    assert set(mapping.rights.kinds) <= set(KIND_OF)
