"""Every kind of bad input, as a table: what a partner sends, and what the partner is told.

The unit test reads it without a server; tests/integration/test_bad_input.py sends every case over a real Kafka.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.contracts.cloudevents import EVENT_BYTES_MAX
from shared.contracts.faults import Code
from tests.support.ingest.raw_events import (
    FRIEND,
    PERSON,
    SPELLINGS,
    UNSEEN,
    RawEvent,
    bank,
    bank_income,
    bank_record,
    bank_statement,
    bike,
    city,
    city_record,
    consumer_credit,
    consumer_credit_link,
    court,
    hotel,
    hotel_no_show,
    shop,
    structured,
    utility,
)


@dataclass(frozen=True, slots=True)
class BadInput:
    """`sentence` is a part of the sentence that the partner reads."""

    name: str
    event: RawEvent
    code: Code
    field: str
    sentence: str


def _bytes(event: RawEvent, old: bytes, new: bytes) -> RawEvent:
    """The event with some of its bytes exchanged, for what no JSON library would write."""
    assert event.value is not None
    assert old in event.value
    return replace(event, value=event.value.replace(old, new, 1))


def _headers(event: RawEvent, *headers: tuple[str, bytes | None]) -> RawEvent:
    return replace(event, headers=headers)


_CLAIM = {"claim": "K", "claim_state": "open", "minutes": ..., "opened_at": 1_709_602_200}
_JSON_TYPE = ("content-type", b"application/json")
_DEEP = 100_000
_BIG = "x" * EVENT_BYTES_MAX
_MINOR = b'"minor": 412355'

_WHOLE = [
    BadInput("no value", replace(bank(), value=None), Code.VALUE_MISSING, "", "send the event"),
    BadInput("no value, no envelope", replace(utility(), value=None), Code.VALUE_MISSING, "", "send the event"),
    BadInput("value over the size limit", bank({"contract_no": _BIG}), Code.TOO_LARGE, "", "65536"),
    BadInput("a header over it", consumer_credit(None, ("x", _BIG.encode())), Code.TOO_LARGE, "", "65536"),
    BadInput(
        "more headers than 64", consumer_credit(None, *(("", b""),) * 65), Code.TOO_MANY_HEADERS, "", "64 are allowed"
    ),
    BadInput(
        "as many, without an envelope",
        replace(utility(), headers=(("", b""),) * 65),
        Code.TOO_MANY_HEADERS,
        "",
        "64 are allowed",
    ),
    BadInput("key over it", replace(utility(), key=_BIG.encode()), Code.TOO_LARGE, "", "65536"),
    BadInput("line over it", court({"court": _BIG}), Code.TOO_LARGE, "", "65536"),
]

_JSON = [
    BadInput("no bytes", replace(utility(), value=b""), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("not JSON", replace(bank(), value=b"<event/>"), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("cut off", replace(utility(), value=(utility().value or b"")[:-9]), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("two values", replace(utility(), value=b"{} {}"), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("NaN", _bytes(bank(), b"412355", b"NaN"), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("Infinity", _bytes(shop(), b"59.9", b"-Infinity"), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput("bytes that are not UTF-8", _bytes(bank(), b"62-881", b"\xc3\x28"), Code.JSON_ENCODING, "", "UTF-8"),
    BadInput(
        "UTF-16",
        replace(hotel(), value=(hotel().value or b"").decode().encode("utf-16")),
        Code.JSON_ENCODING,
        "",
        "UTF-8",
    ),
    BadInput("byte order mark", _bytes(hotel(), b"{", b"\xef\xbb\xbf{"), Code.JSON_SYNTAX, "", "not JSON"),
    BadInput(
        "lone surrogate", _bytes(bank(), b"62-881", b"\\ud83d"), Code.JSON_SURROGATE, "", "half of a surrogate pair"
    ),
    BadInput("nested 100,000 deep", replace(bank(), value=b"[" * _DEEP), Code.TOO_LARGE, "", "65536"),
    BadInput("nested 30,000 deep", replace(bank(), value=b"[" * 30_000), Code.JSON_NESTING, "", "nested"),
    BadInput("objects nested 100 deep", bank({".".join(["a"] * 100): 1}), Code.JSON_NESTING, "", "nested at most"),
    BadInput("5,000-digit number", _bytes(bank(), b"412355", b"9" * 5000), Code.JSON_NUMBER, "", "19 digits"),
    BadInput("exponent of a billion", _bytes(shop(), b"59.9", b"1e999999999"), Code.JSON_NUMBER, "", "exponent"),
    BadInput("duplicate key", _bytes(utility(), b'"amt"', b'"amt": 1, "amt"'), Code.JSON_DUPLICATE_KEY, "", "twice"),
    BadInput(
        "duplicate key, nested and escaped",
        _bytes(bank(), _MINOR, _MINOR + b', "\\u006dinor": 1'),
        Code.JSON_DUPLICATE_KEY,
        "",
        "twice",
    ),
    BadInput("a list", replace(utility(), value=b"[]"), Code.NOT_AN_OBJECT, "", "JSON object"),
    BadInput("a text", replace(hotel(), value=b'"event"'), Code.NOT_AN_OBJECT, "", "JSON object"),
]

_ENVELOPE = [
    BadInput("no envelope", _headers(bank(), _JSON_TYPE), Code.ENVELOPE_MISSING, "", "content-type"),
    BadInput("no headers", _headers(consumer_credit()), Code.ENVELOPE_MISSING, "", "ce_id"),
    BadInput("version 0.3", bank(specversion="0.3"), Code.ENVELOPE_VERSION, "specversion", "1.0"),
    BadInput("version a number", bank(specversion=1.0), Code.WRONG_TYPE, "specversion", "text"),
    BadInput("no version", consumer_credit(specversion=...), Code.ENVELOPE_VERSION, "ce_specversion", "1.0"),
    BadInput("no id", bank(id=...), Code.ENVELOPE_ATTRIBUTE, "id", "must be there"),
    BadInput("empty id", consumer_credit(id=""), Code.ENVELOPE_ATTRIBUTE, "ce_id", "empty"),
    BadInput("id too long", bank(id="i" * 129), Code.ENVELOPE_ATTRIBUTE, "id", "128 characters"),
    BadInput("NUL in the id", bank(id="a\0b"), Code.ENVELOPE_ATTRIBUTE, "id", "control characters"),
    BadInput("no source", bank(source=...), Code.ENVELOPE_ATTRIBUTE, "source", "must be there"),
    BadInput("source no URI", bank(source="my bank"), Code.ENVELOPE_ATTRIBUTE, "source", "URI"),
    BadInput("misnamed attribute", bank(Trace_Id="1"), Code.ENVELOPE_ATTRIBUTE, "Trace_Id", "lower-case"),
    BadInput("attribute that names somebody", bank(**{PERSON: "1"}), Code.ENVELOPE_ATTRIBUTE, "?", "lower-case"),
    BadInput("null header", consumer_credit(None, ("ce_trace", None)), Code.ENVELOPE_HEADER, "ce_trace", "null"),
    BadInput("header not UTF-8", consumer_credit(None, ("ce_x", b"\xff")), Code.ENVELOPE_HEADER, "ce_x", "UTF-8"),
    BadInput(
        "header null, in structured mode",
        _headers(bank(), ("content-type", b"application/cloudevents+json"), ("ce_id", None)),
        Code.ENVELOPE_HEADER,
        "ce_id",
        "null",
    ),
    BadInput("content type twice", consumer_credit(None, _JSON_TYPE), Code.ENVELOPE_HEADER, "content-type", "twice"),
    BadInput("header twice", consumer_credit(None, ("ce_id", b"2")), Code.ENVELOPE_HEADER, "ce_id", "twice"),
    BadInput(
        "header unequal to the attribute",
        _headers(bank(), ("content-type", b"application/cloudevents+json"), ("ce_id", b"another")),
        Code.ENVELOPE_HEADER,
        "ce_id",
        "unequal",
    ),
    BadInput(
        "a batch of events",
        _headers(bank(), ("content-type", b"application/cloudevents-batch+json")),
        Code.ENVELOPE_CONTENT_TYPE,
        "content-type",
        "one event in each record",
    ),
    BadInput("data not JSON", bank(datacontenttype="text/xml"), Code.ENVELOPE_CONTENT_TYPE, "datacontenttype", "json"),
    BadInput("no data", _bytes(bank(), b'"data":', b'"dat":'), Code.ENVELOPE_DATA, "data", "no data"),
    BadInput("data as base64", bank(data_base64="e30="), Code.ENVELOPE_DATA, "data_base64", "as JSON"),
    BadInput("data a list", structured("bank", "card.statement.cleared", []), Code.NOT_AN_OBJECT, "data", "object"),
    BadInput("key unequal to partitionkey", bank(partitionkey="k2"), Code.ENVELOPE_KEY, "partitionkey", "equal"),
    BadInput(
        "partitionkey without a key",
        replace(consumer_credit(partitionkey="key"), key=None),
        Code.ENVELOPE_KEY,
        "ce_partitionkey",
        "equal",
    ),
]

_TIME = [
    BadInput("no time", bank(time=...), Code.ENVELOPE_ATTRIBUTE, "time", "must be there"),
    BadInput("naive time", bank(time="2024-03-05T09:30:00"), Code.TIME_FORMAT, "time", "offset"),
    BadInput("leap second", bank(time="2024-03-05T23:59:60Z"), Code.TIME_FORMAT, "time", "leap second"),
    BadInput("30 February", consumer_credit(time="2024-02-30T10:00:00Z"), Code.TIME_FORMAT, "ce_time", "calendar"),
    BadInput(
        "time a number, RFC 3339", bike(_CLAIM, type="ride.unpaid.v1"), Code.TIME_FORMAT, "data.opened_at", "in quotes"
    ),
    BadInput("24 o'clock", bank(time="2024-03-05T24:00:00Z"), Code.TIME_FORMAT, "time", "to 23:59:59"),
    BadInput("day a number", utility({"due": 20240303}), Code.TIME_FORMAT, "due", "in quotes"),
    BadInput(
        "local time in parts",
        court({"published_time": "09:00 Uhr, am Morgen"}),
        Code.TIME_FORMAT,
        "published_date",
        "HH:MM:SS",
    ),
    BadInput("milliseconds before Christ", utility({"ts": -99_999_999_999_999}), Code.TIME_RANGE, "ts", "1900 to 2199"),
    BadInput("seconds before Christ", utility({"ts": -(10**18)}), Code.TIME_RANGE, "ts", "1900 to 2199"),
    BadInput("milliseconds with a fraction", utility({"ts": 1709602200000.5}), Code.TIME_FORMAT, "ts", "fraction"),
    BadInput("time a number", bank(time=1_709_602_200), Code.WRONG_TYPE, "time", "text"),
    BadInput("in the future", bank(time="2189-01-01T00:00:00Z"), Code.IN_FUTURE, "time", "clock"),
    BadInput("year 9999", bank(time="9999-12-31T23:59:59Z"), Code.TIME_RANGE, "time", "1900 to 2199"),
    BadInput("year 1", bank(time="0001-01-01T00:00:00+14:00"), Code.TIME_RANGE, "time", "1900 to 2199"),
    BadInput("milliseconds as text", utility({"ts": "1709602200000"}), Code.TIME_FORMAT, "ts", "without quotes"),
    BadInput("microseconds for milliseconds", utility({"ts": 10**18}), Code.TIME_RANGE, "ts", "1900 to 2199"),
    BadInput("milliseconds in the future", utility({"ts": 6_900_000_000_000}), Code.IN_FUTURE, "ts", "clock"),
    BadInput("no time in the body", utility({"ts": ...}), Code.MISSING_FIELD, "ts", "must be there"),
    BadInput(
        "offset on a local time", hotel({"LocalTime": "2024-03-05T09:30:00Z"}), Code.TIME_FORMAT, "LocalTime", "local"
    ),
    BadInput("offset of 99 minutes", bank(time="2024-03-05T08:00:00+08:99"), Code.TIME_FORMAT, "time", "offset"),
    BadInput("hour 24", bank(time="2024-03-05T24:00:00Z"), Code.TIME_FORMAT, "time", "RFC 3339"),
    BadInput("local hour 24", hotel({"LocalTime": "2024-03-05 24:00:00"}), Code.TIME_FORMAT, "LocalTime", "local"),
    BadInput("local minute 60", court({"published_time": "09:60"}), Code.TIME_FORMAT, "published_date", "local"),
    BadInput("local leap second", court({"published_time": "23:59:60"}), Code.TIME_FORMAT, "published_date", "leap"),
    BadInput("a time of day alone", court({"published_date": ""}), Code.MISSING_FIELD, "published_date", "there"),
    BadInput(
        "hour that the clocks skip", hotel({"LocalTime": "1986-05-04 02:30:00"}), Code.TIME_FORMAT, "LocalTime", "skip"
    ),
    BadInput("day with blanks", utility({"due": "2024 03 5"}), Code.TIME_FORMAT, "due", "YYYYMMDD"),
    BadInput("day not in the calendar", utility({"due": "20240230"}), Code.TIME_FORMAT, "due", "calendar"),
    BadInput(
        "day of year 9999", consumer_credit({"dueDate": "9999-01-01"}), Code.TIME_RANGE, "data.dueDate", "1900 to 2199"
    ),
]

# (rules E8 and R1)
_KIND = [
    BadInput("unknown type", bank(type="card.closed"), Code.ENVELOPE_TYPE, "type", "card.statement.cleared"),
    BadInput("unknown kind", shop({"eventName": "refund"}), Code.UNKNOWN_KIND, "data.eventName", "orderDelivered"),
    BadInput("unknown word of a kind", utility({"svc": "sewage"}), Code.UNKNOWN_KIND, "svc", "water"),
    BadInput("combination that is no kind", bike({"vehicle": "boat"}), Code.UNKNOWN_KIND, "data.vehicle", "ebike"),
    BadInput("word with a stroke", utility({"evt": "bill_paid/water"}), Code.UNKNOWN_KIND, "evt", "bill_paid, arrears"),
    BadInput("no kind", shop({"eventName": ...}), Code.MISSING_FIELD, "data.eventName", "must be there"),
    BadInput("kind an object", shop({"eventName": {}}), Code.WRONG_TYPE, "data.eventName", "text"),
    BadInput("native type unknown", city(type="app.used"), Code.ENVELOPE_TYPE, "type", "goodstanding.behavior"),
    BadInput("native kind unknown", city({"kind": "gambling.won"}), Code.UNKNOWN_KIND, "data.kind", "Send one of"),
    BadInput(
        "record sent as behavior", city({"kind": "business_fee.overdue"}), Code.UNKNOWN_KIND, "data.kind", "Send one of"
    ),
    BadInput("kind not agreed", city({"kind": "hotel.stay"}), Code.KIND_NOT_PERMITTED, "data.kind", "have not agreed"),
    BadInput(
        "class of record not permitted",
        city_record({"kind": "court.listing"}),
        Code.CLASS_NOT_PERMITTED,
        "data.kind",
        "legal records",
    ),
]

# (rules E9 and E12)
_FIELDS = [
    BadInput("unknown field", bank({"branch": "0012"}), Code.UNKNOWN_FIELD, "data.branch", "leave it out"),
    BadInput("unknown field inside", hotel({"Folio.Tax": "1"}), Code.UNKNOWN_FIELD, "Folio.Tax", "leave it out"),
    BadInput("unknown field that could name somebody", bank({PERSON: 1}), Code.UNKNOWN_FIELD, "data.?", "leave it out"),
    BadInput("field of another kind", city({"count": 2}), Code.UNKNOWN_FIELD, "data.count", "leave it out"),
    BadInput(
        "limit of what is no statement",
        bank({"credit_limit": {"minor": 2_000_000, "currency": "CNY"}}),
        Code.UNKNOWN_FIELD,
        "data.credit_limit",
        "leave it out",
    ),
    BadInput("limit of another kind, native", city({"limit": 5}), Code.UNKNOWN_FIELD, "data.limit", "leave it out"),
    BadInput(
        "limit that is no object",
        bank_statement({"credit_limit": 2_000_000}),
        Code.NOT_AN_OBJECT,
        "data.credit_limit",
        "JSON object",
    ),
    BadInput("unknown field with a digit", utility({"amt2": 1}), Code.UNKNOWN_FIELD, "amt2", "leave it out"),
    BadInput("object for a value", bank({"contract_no": {"a": 1}}), Code.WRONG_TYPE, "data.contract_no", "plain"),
    BadInput("value for an object", hotel({"Folio": "F-7"}), Code.NOT_AN_OBJECT, "Folio", "JSON object"),
    BadInput("null for an object", bank({"customer": None}), Code.NOT_AN_OBJECT, "data.customer", "JSON object"),
    BadInput("demographics", bank({"sex": "F"}), Code.DEMOGRAPHIC, "data.sex", "never taken"),
    BadInput(
        "demographics inside",
        bank({"customer.profile.maritalStatus": 1}),
        Code.DEMOGRAPHIC,
        "data.customer.profile.maritalStatus",
        "never taken",
    ),
    BadInput(
        "demographics in a list",
        hotel({"Guest.Extras": [{"AGE_BAND": 3}]}),
        Code.DEMOGRAPHIC,
        "Guest.Extras.AGE_BAND",
        "never taken",
    ),
    BadInput("demographics in the only attribute", bank(gender="x"), Code.DEMOGRAPHIC, "gender", "never taken"),
    BadInput("demographics in an attribute", bike(religion="none"), Code.DEMOGRAPHIC, "ce_religion", "never taken"),
    BadInput(
        "marital status, an attribute", bike(maritalstatus="1"), Code.DEMOGRAPHIC, "ce_maritalstatus", "never taken"
    ),
    BadInput("date of birth, an attribute", bank(dateofbirth="1"), Code.DEMOGRAPHIC, "dateofbirth", "never taken"),
    BadInput("age, an attribute", consumer_credit(customerage="30"), Code.DEMOGRAPHIC, "ce_customerage", "never taken"),
    BadInput("text too long", bank_record({"report_no": "r" * 129}), Code.TEXT_LENGTH, "data.report_no", "128"),
    BadInput("text empty", bank_record({"report_no": ""}), Code.TEXT_LENGTH, "data.report_no", "1 to"),
    BadInput("NUL in a text", bank_record({"report_no": "a\0"}), Code.TEXT_FORM, "data.report_no", "control"),
    BadInput("number for a text", bank_record({"report_no": 5}), Code.WRONG_TYPE, "data.report_no", "text"),
    BadInput("null for a text", bank_record({"report_no": None}), Code.MISSING_FIELD, "data.report_no", "there"),
    BadInput(
        "flag that is no boolean",
        city({"kind": "donation.made", "days_late": ..., "reverses": "yes"}),
        Code.WRONG_TYPE,
        "data.reverses",
        "true or false",
    ),
    BadInput("count 0", shop({"itemCount": 0}), Code.OUT_OF_BOUNDS, "data.itemCount", "1 to"),
    BadInput("count over all bounds", shop({"itemCount": 10**7}), Code.OUT_OF_BOUNDS, "data.itemCount", "1 to"),
    BadInput("count with a fraction", shop({"itemCount": 1.0}), Code.WRONG_TYPE, "data.itemCount", "whole number"),
]

# (rules E7)
_MONEY = [
    BadInput("negative amount", bank({"amount.minor": -1}), Code.OUT_OF_BOUNDS, "data.amount.minor", "not negative"),
    BadInput(
        "fraction of minor units",
        bank({"amount.minor": 12.5}),
        Code.FRACTION_OF_MINOR_UNIT,
        "data.amount.minor",
        "without a fraction",
    ),
    BadInput("amount a boolean", bank({"amount.minor": True}), Code.WRONG_TYPE, "data.amount.minor", "whole number"),
    BadInput(
        "minor units as text", bank({"amount.minor": "5"}), Code.WRONG_TYPE, "data.amount.minor", "without quotes"
    ),
    BadInput(
        "negative limit",
        bank_statement({"credit_limit.minor": -1}),
        Code.OUT_OF_BOUNDS,
        "data.credit_limit.minor",
        "not negative",
    ),
    BadInput(
        "limit too large",
        bank_statement({"credit_limit.minor": 10**15 + 1}),
        Code.OUT_OF_BOUNDS,
        "data.credit_limit.minor",
        "at most",
    ),
    BadInput(
        "limit with a fraction",
        bank_statement({"credit_limit.minor": 20_000.5}),
        Code.FRACTION_OF_MINOR_UNIT,
        "data.credit_limit.minor",
        "without a fraction",
    ),
    BadInput(
        "limit as text",
        bank_statement({"credit_limit.minor": "2000000"}),
        Code.WRONG_TYPE,
        "data.credit_limit.minor",
        "without quotes",
    ),
    BadInput("no amount", bike({"fare_fen": ...}), Code.MISSING_FIELD, "data.fare_fen", "must be there"),
    BadInput("amount too large", bike({"fare_fen": 10**15 + 1}), Code.OUT_OF_BOUNDS, "data.fare_fen", "at most"),
    BadInput(
        "fraction of a fen",
        consumer_credit({"principal": "12.505"}),
        Code.FRACTION_OF_MINOR_UNIT,
        "data.principal",
        "2 digits",
    ),
    BadInput(
        "point that may separate thousands",
        consumer_credit({"principal": "1.080"}),
        Code.AMBIGUOUS_AMOUNT,
        "data.principal",
        "Write 2 digits after the point",
    ),
    BadInput(
        "point that may separate thousands, no minor unit",
        hotel({"Folio.Currency": "JPY", "Folio.Total": "120.000"}),
        Code.AMBIGUOUS_AMOUNT,
        "Folio.Total",
        "Write 0 digits after the point",
    ),
    BadInput("points between thousands", court({"yuan": "1.080.000"}), Code.WRONG_TYPE, "yuan", "12.50"),
    BadInput(
        "amount of 41 digits", consumer_credit({"principal": "1" * 41}), Code.OUT_OF_BOUNDS, "data.principal", "40"
    ),
    BadInput("amount of 25 digits", court({"yuan": "1" * 25}), Code.OUT_OF_BOUNDS, "yuan", "at most"),
    BadInput("decimal comma", consumer_credit({"principal": "12,50"}), Code.WRONG_TYPE, "data.principal", "12.50"),
    BadInput("digits of another script", consumer_credit({"principal": "١٢"}), Code.WRONG_TYPE, "data.principal", ""),
    BadInput("exponent in a text", consumer_credit({"principal": "1e3"}), Code.WRONG_TYPE, "data.principal", "12.50"),
    BadInput("negative decimal", court({"yuan": "-1.00"}), Code.OUT_OF_BOUNDS, "yuan", "not negative"),
    BadInput("decimal over all bounds", hotel({"Folio.Total": 1e25}), Code.OUT_OF_BOUNDS, "Folio.Total", "at most"),
    BadInput(
        "unknown currency", bank({"amount.currency": "RMB"}), Code.UNKNOWN_CURRENCY, "data.amount.currency", "CNY"
    ),
    BadInput("fund", bank({"amount.currency": "UYI"}), Code.UNKNOWN_CURRENCY, "data.amount.currency", "CNY"),
    BadInput(
        "currency that was withdrawn",
        bank({"amount.currency": "HRK"}),
        Code.UNKNOWN_CURRENCY,
        "data.amount.minor",
        "withdrawn in 2023-01",
    ),
    BadInput("currency a number", bank({"amount.currency": 156}), Code.WRONG_TYPE, "data.amount.currency", "text"),
    BadInput("no exchange rate", bank({"amount.currency": "EUR"}), Code.NO_RATE, "data.amount.minor", "in CNY"),
    BadInput(
        "fraction of a yen",
        hotel({"Folio.Currency": "JPY", "Folio.Total": "9.5"}),
        Code.FRACTION_OF_MINOR_UNIT,
        "Folio.Total",
        "0 digits",
    ),
    BadInput(
        "limit without a currency",
        bank_statement({"credit_limit.currency": ...}),
        Code.MISSING_FIELD,
        "data.credit_limit.currency",
        "must be there",
    ),
    BadInput(
        "limit of another currency without a rate",
        bank_statement({"credit_limit.currency": "EUR"}),
        Code.NO_RATE,
        "data.credit_limit.minor",
        "in CNY",
    ),
    BadInput("unknown unit", utility({"unit": "mao"}), Code.UNKNOWN_UNIT, "unit", "fen, yuan"),
    BadInput("no unit", utility({"unit": ...}), Code.MISSING_FIELD, "unit", "must be there"),
]

# (rules E10)
_LATENESS = [
    BadInput("no days late", bank({"days_past_due": ...}), Code.MISSING_FIELD, "data.days_past_due", "must be there"),
    BadInput("null as -999", bank({"days_past_due": -999}), Code.OUT_OF_BOUNDS, "data.days_past_due", "-732 to"),
    BadInput("years early", bank({"days_past_due": -733}), Code.OUT_OF_BOUNDS, "data.days_past_due", "-732 to"),
    BadInput("half a day", bank({"days_past_due": 0.5}), Code.WRONG_TYPE, "data.days_past_due", "whole number"),
    BadInput("beyond behavior", bank({"days_past_due": 91}), Code.BEYOND_BEHAVIOR, "data.days_past_due", "as a record"),
    BadInput("beyond behavior by the days", utility({"due": "20231205"}), Code.BEYOND_BEHAVIOR, "paid", "as a record"),
    BadInput("no day", consumer_credit({"paidDate": ...}), Code.MISSING_FIELD, "data.paidDate", "must be there"),
]

# (rules I1, I4 and I8)
_PEOPLE = [
    BadInput(
        "private customer number",
        bank({"customer.account": "C-00817723"}),
        Code.SUBJECT_UNKNOWN_SCHEME,
        "data.customer.account",
        "private customer number",
    ),
    BadInput(
        "check digits wrong", utility({"acct": PERSON[:-1] + "0"}), Code.SUBJECT_UNKNOWN_SCHEME, "acct", "check digits"
    ),
    BadInput("no person", bank({"customer.account": ...}), Code.MISSING_FIELD, "data.customer.account", "there"),
    BadInput("no subject", bike(subject=...), Code.MISSING_FIELD, "ce_subject", "must be there"),
    BadInput("person a number", utility({"acct": 12}), Code.WRONG_TYPE, "acct", "text"),
    BadInput("id that names the person", bank(id=f"pay-{PERSON}"), Code.NAMES_PERSON, "id", "identifier"),
    BadInput(
        "id that names the person in another spelling",
        hotel({"MessageId": f"{PERSON[:6].lower()}-{PERSON[6:]}/1"}),
        Code.NAMES_PERSON,
        "MessageId",
        "identifier",
    ),
    BadInput(
        "report that names the person", bank_record({"report_no": PERSON}), Code.NAMES_PERSON, "data.report_no", "ident"
    ),
    BadInput(
        "their own contact",
        consumer_credit_link({"friendAccount": PERSON}),
        Code.CONTACT_IS_SUBJECT,
        "data.friendAccount",
        "another person",
    ),
    BadInput(
        "id that names the contact", consumer_credit_link(id=f"link-{FRIEND}"), Code.NAMES_PERSON, "ce_id", "ident"
    ),
    BadInput(
        "contact by a private number",
        consumer_credit_link({"friendAccount": "friend-8"}),
        Code.SUBJECT_UNKNOWN_SCHEME,
        "data.friendAccount",
        "private customer number",
    ),
    BadInput(
        "word outside the list", consumer_credit_link({"link": "MAYBE"}), Code.UNKNOWN_VALUE, "data.link", "LINKED"
    ),
    BadInput(
        "native value outside the list",
        city({"kind": "education.verified", "days_late": ..., "amount": ..., "value": "genius"}),
        Code.UNKNOWN_VALUE,
        "data.value",
        "bachelor",
    ),
]

# Spellings of the person in an id or a text that travels on (rules I3).
_NAMING = [
    *(
        BadInput(
            f"id that names the person, {name}", utility({"msg_id": spelled}), Code.NAMES_PERSON, "msg_id", "identifier"
        )
        for name, spelled in SPELLINGS.items()
    ),
    *(
        BadInput(f"{what} that names the person in full width", event, Code.NAMES_PERSON, field, "identifier")
        for what, event, field in (
            ("id", consumer_credit(id=SPELLINGS["full width"]), "ce_id"),
            ("structured id", bank(id=SPELLINGS["full width"]), "id"),
            ("line", court({"notice": SPELLINGS["full width"]}), "notice"),
            ("report", bank_record({"report_no": SPELLINGS["full width"]}), "data.report_no"),
            ("case", court({"number": SPELLINGS["full width"]}), "court"),
            ("consent", bank_income({"consent.reference": SPELLINGS["full width"]}), "data.consent.reference"),
            ("purpose", bank_income({"consent.purpose": SPELLINGS["full width"]}), "data.consent.purpose"),
            ("native report", city_record({"report_id": SPELLINGS["full width"]}), "data.report_id"),
        )
    ),
    BadInput(
        "person in the parts of a case",
        court({"court": PERSON[:6], "year": PERSON[6:9], "number": PERSON[9:]}),
        Code.NAMES_PERSON,
        "court",
        "identifier",
    ),
]

# Ids in which something cannot be seen: they would be other events than those that look the same (rules E16).
_UNSEEN = [
    *(
        BadInput(f"id with {name}", utility({"msg_id": f"m{unseen}1"}), Code.TEXT_FORM, "msg_id", "cannot be seen")
        for name, unseen in UNSEEN.items()
    ),
    *(
        BadInput(f"{what} with a byte order mark", event, Code.TEXT_FORM, field, "byte order mark")
        for what, event, field in (
            ("binary id", consumer_credit(id="\ufeffe-1"), "ce_id"),
            ("structured id", bank(id="\ufeffe-1"), "id"),
            ("second cell", court({"court": "\ufeffPudong"}), "court"),
            ("report", bank_record({"report_no": "\ufeffR-5"}), "data.report_no"),
            ("consent", bank_income({"consent.reference": "C-17\ufeff"}), "data.consent.reference"),
            ("purpose", bank_income({"consent.purpose": "\ufeffcredit"}), "data.consent.purpose"),
            ("native report", city_record({"report_id": "L-1\ufeff"}), "data.report_id"),
        )
    ),
    BadInput(
        "contact with a byte order mark",
        consumer_credit_link({"friendAccount": f"\ufeff{FRIEND}"}),
        Code.SUBJECT_UNKNOWN_SCHEME,
        "data.friendAccount",
        "private customer number",
    ),
    BadInput("id with a tab", utility({"msg_id": "m\t1"}), Code.TEXT_FORM, "msg_id", "control"),
    BadInput("id of blanks", utility({"msg_id": " \u00a0\u3000"}), Code.TEXT_LENGTH, "msg_id", "blanks aside"),
    BadInput("id that is longer in its one form", utility({"msg_id": "\ufdfa" * 8}), Code.TEXT_LENGTH, "msg_id", "128"),
    BadInput("part of blanks", court({"number": "\u3000"}), Code.TEXT_LENGTH, "number", "blanks aside"),
    BadInput("part missing", court({"year": ""}), Code.MISSING_FIELD, "year", "must be there"),
]

# (rules I5)
_CONSENT = [
    BadInput(
        "purpose too long", bank_income({"consent.purpose": "p" * 65}), Code.TEXT_LENGTH, "data.consent.purpose", "64"
    ),
    BadInput("no consent", bank_income({"consent": ...}), Code.CONSENT_MISSING, "data.consent.reference", "Cite"),
    BadInput(
        "consent without id",
        bank_income({"consent.reference": ...}),
        Code.CONSENT_MISSING,
        "data.consent.reference",
        "Cite",
    ),
    BadInput(
        "consent of the future",
        bank_income({"consent.given_at": "2189-01-01T00:00:00Z"}),
        Code.IN_FUTURE,
        "data.consent.given_at",
        "later",
    ),
    BadInput(
        "consent at a naive time",
        bank_income({"consent.given_at": "2024-01-02T08:00"}),
        Code.TIME_FORMAT,
        "data.consent.given_at",
        "offset",
    ),
]

_RECORDS = [
    BadInput(
        "record without its beginning",
        bank_record({"overdue_since": ...}),
        Code.FIELD_REQUIRED_BY_KIND,
        "data.overdue_since",
        "reported",
    ),
    BadInput(
        "settled without its end",
        bank_record({"state": "paid"}),
        Code.FIELD_REQUIRED_BY_KIND,
        "data.paid_on",
        "settled",
    ),
    BadInput(
        "ended before it began",
        bank_record({"state": "paid", "paid_on": "2023-11-01"}),
        Code.DATES_CONTRADICT,
        "data.paid_on",
        "before it began",
    ),
    BadInput(
        "ends in the future",
        bank_record({"state": "paid", "paid_on": "2189-01-01"}),
        Code.IN_FUTURE,
        "data.paid_on",
        "later than",
    ),
    BadInput(
        "record of 1970",
        bank_record({"overdue_since": "1970-01-01"}),
        Code.IMPLAUSIBLE_DATE,
        "data.overdue_since",
        "1970-01-01",
    ),
    BadInput(
        "event of 1970", utility({"ts": 1_709_602_200}), Code.TOO_LATE, "ts", "counted in seconds or in milliseconds"
    ),
    BadInput("unknown state", bank_record({"state": "gone"}), Code.UNKNOWN_VALUE, "data.state", "open, paid"),
    BadInput(
        "no-show in the future",
        hotel_no_show({"Reservation.ArrivalDate": "2189-01-01"}),
        Code.IN_FUTURE,
        "Reservation.ArrivalDate",
        "later than",
    ),
]

_CSV = [
    BadInput("line not UTF-8", replace(court(), value=b"\xff;1"), Code.CSV_LINE, "", "UTF-8"),
    BadInput("too few columns", replace(court(), value=b"N-1;2024-03-05"), Code.CSV_LINE, "", "2 columns; send 11"),
    BadInput("empty line", replace(court(), value=b"\n"), Code.CSV_LINE, "", "0 columns; send 11"),
    BadInput("quote not closed", court({"court": '"Pudong'}), Code.CSV_LINE, "", "quote"),
    BadInput("two lines", court({"court": "Pu\ndong"}), Code.CSV_LINE, "", "one line"),
    BadInput("NUL in a line", court({"court": "Pu\0dong"}), Code.CSV_LINE, "", "NUL"),
    BadInput("control character in a cell", court({"court": "Pu\x07"}), Code.TEXT_FORM, "court", "control"),
    BadInput("parts too long together", court({"court": "c" * 125}), Code.TEXT_LENGTH, "court", "Together"),
    BadInput("cell missing", court({"notice": ""}), Code.MISSING_FIELD, "notice", "must be there"),
    BadInput("action unknown", court({"action": "DELISTED"}), Code.UNKNOWN_KIND, "action", "LISTED, RELEASED"),
]

BAD_INPUT: tuple[BadInput, ...] = (
    *_WHOLE,
    *_JSON,
    *_ENVELOPE,
    *_TIME,
    *_KIND,
    *_FIELDS,
    *_MONEY,
    *_LATENESS,
    *_PEOPLE,
    *_NAMING,
    *_UNSEEN,
    *_CONSENT,
    *_RECORDS,
    *_CSV,
)
