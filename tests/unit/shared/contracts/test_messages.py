"""How bodies are read, written and refused. (More cases: shared/contracts/examples.)"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.body_faults import fault_of
from shared.contracts.faults import Code, Fault
from shared.contracts.fields import AMOUNT_MAX
from shared.contracts.messages import (
    BehaviorEvent,
    Consent,
    RecordChange,
    RecordReport,
    ScoreChange,
    encode,
    follow,
    read,
    type_of,
    unchecked,
)
from shared.contracts.refusals import read_refusal, refusal_headers

SCORE = ScoreChange(
    version=1,
    score=530,
    thin=True,
    cadence="continuous",
    as_of=datetime(2025, 9, 5, 16, tzinfo=UTC),
    policy="scorecard@0a1b2c3d4e5f",
    restrictions=(),
    key_factors=("verified-identity",),
)

CANONICAL: list[tuple[Any, bytes]] = [
    (BehaviorEvent(kind="shop.purchase"), b'{"kind":"shop.purchase"}'),
    (BehaviorEvent(kind="shop.purchase", count=1, amount=0, reverses=False), b'{"kind":"shop.purchase","amount":0}'),
    (BehaviorEvent(days_late=0, amount=1, kind="water.bill"), b'{"kind":"water.bill","amount":1,"days_late":0}'),
    (
        BehaviorEvent(kind="credit_card.statement", limit=0, amount=7, reverses=True),
        b'{"kind":"credit_card.statement","amount":7,"limit":0,"reverses":true}',
    ),
    (
        BehaviorEvent(
            kind="income.reported",
            amount=1,
            consent=Consent(id="c", purpose="p", given_at=datetime(2025, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))),
        ),
        b'{"kind":"income.reported","amount":1,"consent":{"id":"c","purpose":"p","given_at":"2025-01-01T00:00:00Z"}}',
    ),
    (
        RecordReport(kind="ride.unpaid", report_id="é", status="reported", began_on=date(2025, 1, 31)),
        '{"kind":"ride.unpaid","report_id":"é","status":"reported","began_on":"2025-01-31"}'.encode(),
    ),
    (
        SCORE,
        b'{"version":1,"score":530,"thin":true,"cadence":"continuous","as_of":"2025-09-05T16:00:00Z",'
        b'"policy":"scorecard@0a1b2c3d4e5f","restrictions":[],"key_factors":["verified-identity"]}',
    ),
]


@pytest.mark.parametrize(("body", "expected"), CANONICAL)
def test_bytes_are_canonical(body: Any, expected: bytes) -> None:
    assert encode(body) == expected
    assert read(type(body), expected) == body


def test_a_field_of_a_later_release_is_refused_in_our_own_topics_and_passed_over_by_followers() -> None:
    later = json.dumps({**json.loads(encode(SCORE)), "outlook": "stable"}).encode()
    assert read(ScoreChange, later) == Fault(Code.UNKNOWN_FIELD, "data.outlook", "The contract has no such field.")
    assert follow(ScoreChange, later) == SCORE
    assert isinstance(follow(ScoreChange, b"{}"), Fault)


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        (b"", Code.JSON_SYNTAX, "data"),
        (b"null", Code.NOT_AN_OBJECT, "data"),
        (b'"water.bill"', Code.NOT_AN_OBJECT, "data"),
        (b'{"kind":"water.bill","consent":"yes"}', Code.NOT_AN_OBJECT, "data.consent"),
        (b'{"kind":"water.bill","consent":{}}', Code.MISSING_FIELD, "data.consent.id"),
        (b'{"kind":"water.bill","amount":true}', Code.WRONG_TYPE, "data.amount"),
        (b'{"kind":"water.bill","amount":1.0}', Code.WRONG_TYPE, "data.amount"),
        (b'{"kind":"water.bill","amount":1e3}', Code.WRONG_TYPE, "data.amount"),
        (b'{"kind":"water.bill","amount":NaN}', Code.WRONG_TYPE, "data.amount"),
        (b'{"kind":"water.bill","amount":' + b"9" * 40 + b"}", Code.OUT_OF_BOUNDS, "data.amount"),
        (b'{"kind":"water.bill","reverses":1}', Code.WRONG_TYPE, "data.reverses"),
        (rb'{"kind":"water.bill","value":"a\u0007"}', Code.TEXT_FORM, "data.value"),
        (b'{"kind":"' + b"x" * 65 + b'"}', Code.TEXT_LENGTH, "data.kind"),
        (b'{"kind":"water.bill","contact":"' + b"AB" * 32 + b'"}', Code.TEXT_FORM, "data.contact"),
    ],
)
def test_refused(value: bytes, code: Code, field: str) -> None:
    fault = read(BehaviorEvent, value)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"kind": "\ud800"}, Code.TEXT_FORM, "data.kind"),
        ({"kind": "income.reported", "consent": {"id": "c"}}, Code.NOT_AN_OBJECT, "data.consent"),
        ({"kind": "water.bill", "amount": AMOUNT_MAX + 1}, Code.OUT_OF_BOUNDS, "data.amount"),
        ({"kind": "water.bill", "surname": "x"}, Code.UNKNOWN_FIELD, "data.surname"),
        ({}, Code.MISSING_FIELD, "data.kind"),
    ],
)
def test_what_ingest_makes_is_checked_like_what_it_reads(wrong: dict[str, Any], code: Code, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        BehaviorEvent(**wrong)
    fault = fault_of(caught.value)
    assert (fault.code, fault.field) == (code, field)


def test_a_naive_time_and_a_time_for_a_day_are_no_values_in_the_code_either() -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        Consent(id="c", purpose="p", given_at=datetime(2025, 1, 1))  # noqa: DTZ001  # without a zone on purpose
    with pytest.raises(ValidationError, match="date"):
        RecordReport(kind="ride.unpaid", report_id="r", status="reported", began_on=datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(2200, 1, 1)])
def test_a_day_that_no_deadline_can_be_calculated_for_is_no_value_in_the_code_either(day: date) -> None:
    with pytest.raises(ValidationError) as caught:
        RecordReport(kind="ride.unpaid", report_id="r", status="reported", began_on=day)
    assert fault_of(caught.value).code is Code.TIME_RANGE


def test_sentences_never_quote_what_was_sent() -> None:
    secret = "GS000000000195"
    for body in ({"kind": secret * 9}, {"kind": "a.b", "amount": secret}, {"kind": "a.b", "contact": secret}):
        fault = read(BehaviorEvent, json.dumps(body).encode())
        assert isinstance(fault, Fault)
        assert secret not in fault.sentence


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=64)
INSTANT = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # without a zone on purpose
DAY = st.dates(date(1900, 1, 1), date(2199, 12, 31))
AMOUNT = st.none() | st.integers(0, AMOUNT_MAX)
BODIES = st.one_of(
    st.builds(
        BehaviorEvent,
        kind=TEXT,
        count=st.integers(1, 10**6),
        amount=AMOUNT,
        limit=AMOUNT,
        days_late=st.none() | st.integers(0, 36_525),
        reverses=st.booleans(),
        value=st.none() | TEXT,
        contact=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
        consent=st.none() | st.builds(Consent, id=TEXT, purpose=TEXT, given_at=INSTANT),
    ),
    st.builds(
        RecordReport,
        kind=TEXT,
        report_id=TEXT,
        status=st.sampled_from(["reported", "settled"]),
        began_on=st.none() | DAY,
        ended_on=st.none() | DAY,
        amount=AMOUNT,
    ),
    st.builds(
        RecordChange,
        record_id=TEXT,
        version=st.integers(1, 10**6),
        kind=TEXT,
        record_class=st.sampled_from(["legal", "financial", "life"]),
        status=st.sampled_from(["open", "settled", "disputed", "confirmed", "expired", "deleted"]),
        counts=st.booleans(),
        began_on=DAY,
        amount=AMOUNT,
        ended_on=st.none() | DAY,
        lapses_at=st.none() | INSTANT,
    ),
)


@given(BODIES)
def test_reading_what_was_written_gives_the_same_and_the_same_bytes_again(body: Any) -> None:
    value = encode(body)
    again = read(type(body), value)
    assert again == body
    assert encode(again) == value


@pytest.mark.parametrize(
    ("fault", "eventid", "expected"),
    [
        (
            Fault(Code.TIME_FORMAT, "ce_time", "A time has an offset."),
            "e-1",
            {"code": b"time-format", "field": b"ce_time", "sentence": b"A time has an offset.", "eventid": b"e-1"},
        ),
        (Fault(Code.JSON_ENCODING, "", "Not UTF-8."), None, {"code": b"json-encoding", "sentence": b"Not UTF-8."}),
        (
            Fault(Code.UNKNOWN_FIELD, "data.a\r\nx: y" + "z" * 400, "No such field."),
            "e\x00",
            {"code": b"unknown-field", "field": b"data.a??x: y" + b"z" * 244, "sentence": b"No such field."},
        ),
        (
            Fault(Code.CONFLICT, "", "First wins."),
            "e" * 128,
            {"code": b"conflict", "sentence": b"First wins.", "eventid": b"e" * 128},
        ),
        (Fault(Code.CONFLICT, "", "First wins."), "e" * 129, {"code": b"conflict", "sentence": b"First wins."}),
    ],
)
def test_refusal_headers(fault: Fault, eventid: str | None, expected: dict[str, bytes]) -> None:
    origin = "behavior.raw.bank/3/17"
    headers = refusal_headers("ingest", origin, fault, eventid)
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"ingest/behavior.raw.bank/3/17",
        "ce_source": b"/ingest",
        "ce_type": b"goodstanding.event.rejected.v1",
        "ce_origin": origin.encode(),
        **{f"ce_{name}": text for name, text in expected.items()},
    }
    refusal = read_refusal((*headers, ("ce_severity", b"added later"), ("trace", None)))
    assert not isinstance(refusal, Fault)
    assert refusal.code == fault.code
    assert refusal.origin == origin


def test_what_is_no_refusal_is_said_so() -> None:
    assert read_refusal(()) == Fault(Code.MISSING_FIELD, "headers.code", "The field must be there.")


def test_each_code_has_one_spelling_and_a_meaning() -> None:
    assert all(code.meaning.endswith(".") and code == code.lower().replace("_", "-") for code in Code)
    assert [code.name.lower().replace("_", "-") for code in Code] == [str(code) for code in Code]


def test_what_is_made_unchecked_is_written_like_what_is_checked() -> None:
    fields: dict[str, Any] = {"record_id": "r-1", "version": 3, "status": "expired", "counts": False}
    made = unchecked(RecordChange)(**fields)
    assert encode(made) == encode(RecordChange(**fields))
    assert type_of(made) == type_of(RecordChange(**fields))
    assert read(RecordChange, encode(made)) == RecordChange(**fields)
    with pytest.raises(TypeError):
        unchecked(RecordChange)(record_id="r-1", version=3, status="expired")  # type: ignore[call-arg]  # what is missing is the test
