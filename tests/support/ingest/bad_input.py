"""Every kind of bad input, as a table: what a partner sends, and what the partner is told.

The unit test reads it without a server; tests/integration/test_bad_input.py sends every case over a real Kafka.
"""

from __future__ import annotations

from collections.abc import Callable
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
class Case:
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


def wrong(name: str, event_of: Callable[..., RawEvent], path: str, value: object, code: Code, sentence: str) -> Case:
    """An event with another value at one path, which is the field that the refusal names. `...` takes the value out."""
    parent = "" if event_of in (utility, hotel, hotel_no_show, court) else "data."
    return Case(name, event_of({path: value}), code, parent + path, sentence)


def _headers(event: RawEvent, *headers: tuple[str, bytes | None]) -> RawEvent:
    return replace(event, headers=headers)


_CLAIM = {"claim": "K", "claim_state": "open", "minutes": ..., "opened_at": 1_709_602_200}
_JSON_TYPE = ("content-type", b"application/json")
_DEEP = 100_000
_BIG = "x" * EVENT_BYTES_MAX
_MINOR = b'"minor": 412355'

_WHOLE = [
    Case("no value", replace(bank(), value=None), Code.VALUE_MISSING, "", "send the event"),
    Case("no value, no envelope", replace(utility(), value=None), Code.VALUE_MISSING, "", "send the event"),
    Case("value over the size limit", bank({"contract_no": _BIG}), Code.TOO_LARGE, "", "65536"),
    Case("a header over it", consumer_credit(None, ("x", _BIG.encode())), Code.TOO_LARGE, "", "65536"),
    Case(
        "more headers than 64", consumer_credit(None, *(("", b""),) * 65), Code.TOO_MANY_HEADERS, "", "64 are allowed"
    ),
    Case(
        "as many, without an envelope",
        replace(utility(), headers=(("", b""),) * 65),
        Code.TOO_MANY_HEADERS,
        "",
        "64 are allowed",
    ),
    Case("key over it", replace(utility(), key=_BIG.encode()), Code.TOO_LARGE, "", "65536"),
    Case("line over it", court({"court": _BIG}), Code.TOO_LARGE, "", "65536"),
]

_JSON = [
    Case("no bytes", replace(utility(), value=b""), Code.JSON_SYNTAX, "", "not JSON"),
    Case("not JSON", replace(bank(), value=b"<event/>"), Code.JSON_SYNTAX, "", "not JSON"),
    Case("cut off", replace(utility(), value=(utility().value or b"")[:-9]), Code.JSON_SYNTAX, "", "not JSON"),
    Case("two values", replace(utility(), value=b"{} {}"), Code.JSON_SYNTAX, "", "more text follows"),
    Case("NaN", _bytes(bank(), b"412355", b"NaN"), Code.JSON_SYNTAX, "", "not JSON"),
    Case("Infinity", _bytes(shop(), b"59.9", b"-Infinity"), Code.JSON_SYNTAX, "", "not JSON"),
    Case("bytes that are not UTF-8", _bytes(bank(), b"62-881", b"\xc3\x28"), Code.JSON_ENCODING, "", "UTF-8"),
    Case(
        "UTF-16",
        replace(hotel(), value=(hotel().value or b"").decode().encode("utf-16")),
        Code.JSON_ENCODING,
        "",
        "UTF-8",
    ),
    Case("byte order mark", _bytes(hotel(), b"{", b"\xef\xbb\xbf{"), Code.JSON_SYNTAX, "", "byte order mark"),
    Case("lone surrogate", _bytes(bank(), b"62-881", b"\\ud83d"), Code.JSON_SURROGATE, "", "half of a surrogate pair"),
    Case("nested 100,000 deep", replace(bank(), value=b"[" * _DEEP), Code.TOO_LARGE, "", "65536"),
    Case("nested 30,000 deep", replace(bank(), value=b"[" * 30_000), Code.JSON_NESTING, "", "nested"),
    Case("objects nested 100 deep", bank({".".join(["a"] * 100): 1}), Code.JSON_NESTING, "", "nested at most"),
    Case("5,000-digit number", _bytes(bank(), b"412355", b"9" * 5000), Code.JSON_NUMBER, "", "19 digits"),
    Case("exponent of a billion", _bytes(shop(), b"59.9", b"1e999999999"), Code.JSON_NUMBER, "", "exponent"),
    Case("duplicate key", _bytes(utility(), b'"amt"', b'"amt": 1, "amt"'), Code.JSON_DUPLICATE_KEY, "", "twice"),
    Case(
        "duplicate key, nested and escaped",
        _bytes(bank(), _MINOR, _MINOR + b', "\\u006dinor": 1'),
        Code.JSON_DUPLICATE_KEY,
        "",
        "twice",
    ),
    Case("a list", replace(utility(), value=b"[]"), Code.NOT_AN_OBJECT, "", "JSON object"),
    Case("a text", replace(hotel(), value=b'"event"'), Code.NOT_AN_OBJECT, "", "JSON object"),
]

_ENVELOPE = [
    Case("no envelope", _headers(bank(), _JSON_TYPE), Code.ENVELOPE_MISSING, "", "content-type"),
    Case("no headers", _headers(consumer_credit()), Code.ENVELOPE_MISSING, "", "ce_id"),
    Case("version 0.3", bank(specversion="0.3"), Code.ENVELOPE_VERSION, "specversion", "1.0"),
    Case("version a number", bank(specversion=1.0), Code.WRONG_TYPE, "specversion", "text"),
    Case("no version", consumer_credit(specversion=...), Code.ENVELOPE_VERSION, "ce_specversion", "1.0"),
    Case("no id", bank(id=...), Code.ENVELOPE_ATTRIBUTE, "id", "must be there"),
    Case("empty id", consumer_credit(id=""), Code.ENVELOPE_ATTRIBUTE, "ce_id", "empty"),
    Case("id too long", bank(id="i" * 129), Code.ENVELOPE_ATTRIBUTE, "id", "128 characters"),
    Case("NUL in the id", bank(id="a\0b"), Code.ENVELOPE_ATTRIBUTE, "id", "control characters"),
    Case("no source", bank(source=...), Code.ENVELOPE_ATTRIBUTE, "source", "must be there"),
    Case("source no URI", bank(source="my bank"), Code.ENVELOPE_ATTRIBUTE, "source", "URI"),
    Case("misnamed attribute", bank(Trace_Id="1"), Code.ENVELOPE_ATTRIBUTE, "Trace_Id", "lower-case"),
    Case("attribute that names somebody", bank(**{PERSON: "1"}), Code.ENVELOPE_ATTRIBUTE, "?", "lower-case"),
    Case("null header", consumer_credit(None, ("ce_trace", None)), Code.ENVELOPE_HEADER, "ce_trace", "null"),
    Case("header not UTF-8", consumer_credit(None, ("ce_x", b"\xff")), Code.ENVELOPE_HEADER, "ce_x", "UTF-8"),
    Case(
        "header null, in structured mode",
        _headers(bank(), ("content-type", b"application/cloudevents+json"), ("ce_id", None)),
        Code.ENVELOPE_HEADER,
        "ce_id",
        "null",
    ),
    Case("content type twice", consumer_credit(None, _JSON_TYPE), Code.ENVELOPE_HEADER, "content-type", "twice"),
    Case("header twice", consumer_credit(None, ("ce_id", b"2")), Code.ENVELOPE_HEADER, "ce_id", "twice"),
    Case(
        "header unequal to the attribute",
        _headers(bank(), ("content-type", b"application/cloudevents+json"), ("ce_id", b"another")),
        Code.ENVELOPE_HEADER,
        "ce_id",
        "unequal",
    ),
    Case(
        "header of no attribute",
        _headers(bank(), ("content-type", b"application/cloudevents+json"), ("ce_another", b"1")),
        Code.ENVELOPE_HEADER,
        "ce_another",
        "no attribute of the event",
    ),
    Case(
        "a batch of events",
        _headers(bank(), ("content-type", b"application/cloudevents-batch+json")),
        Code.ENVELOPE_CONTENT_TYPE,
        "content-type",
        "one event in each record",
    ),
    Case("data not JSON", bank(datacontenttype="text/xml"), Code.ENVELOPE_CONTENT_TYPE, "datacontenttype", "json"),
    Case("no data", _bytes(bank(), b'"data":', b'"dat":'), Code.ENVELOPE_DATA, "data", "no data"),
    Case("data as base64", bank(data_base64="e30="), Code.ENVELOPE_DATA, "data_base64", "as JSON"),
    Case("data a list", structured("bank", "card.statement.cleared", []), Code.NOT_AN_OBJECT, "data", "object"),
    Case("key unequal to partitionkey", bank(partitionkey="k2"), Code.ENVELOPE_KEY, "partitionkey", "equal"),
    Case(
        "partitionkey without a key",
        replace(consumer_credit(partitionkey="key"), key=None),
        Code.ENVELOPE_KEY,
        "ce_partitionkey",
        "equal",
    ),
]

_TIME = [
    Case("no time", bank(time=...), Code.ENVELOPE_ATTRIBUTE, "time", "must be there"),
    Case("naive time", bank(time="2024-03-05T09:30:00"), Code.TIME_FORMAT, "time", "offset"),
    Case("leap second", bank(time="2024-03-05T23:59:60Z"), Code.TIME_FORMAT, "time", "leap second"),
    Case("30 February", consumer_credit(time="2024-02-30T10:00:00Z"), Code.TIME_FORMAT, "ce_time", "calendar"),
    Case(
        "time a number, RFC 3339", bike(_CLAIM, type="ride.unpaid.v1"), Code.TIME_FORMAT, "data.opened_at", "in quotes"
    ),
    Case("24 o'clock", bank(time="2024-03-05T24:00:00Z"), Code.TIME_FORMAT, "time", "to 23:59:59"),
    wrong("day a number", utility, "due", 20240303, Code.TIME_FORMAT, "in quotes"),
    Case(
        "local time in parts",
        court({"published_time": "09:00 Uhr, am Morgen"}),
        Code.TIME_FORMAT,
        "published_date",
        "HH:MM:SS",
    ),
    wrong("milliseconds before Christ", utility, "ts", -99_999_999_999_999, Code.TIME_RANGE, "1900 to 2199"),
    wrong("seconds before Christ", utility, "ts", -(10**18), Code.TIME_RANGE, "1900 to 2199"),
    wrong("milliseconds with a fraction", utility, "ts", 1709602200000.5, Code.TIME_FORMAT, "fraction"),
    Case("time a number", bank(time=1_709_602_200), Code.WRONG_TYPE, "time", "text"),
    Case("in the future", bank(time="2189-01-01T00:00:00Z"), Code.IN_FUTURE, "time", "clock"),
    Case("year 9999", bank(time="9999-12-31T23:59:59Z"), Code.TIME_RANGE, "time", "1900 to 2199"),
    Case("year 1", bank(time="0001-01-01T00:00:00+14:00"), Code.TIME_RANGE, "time", "1900 to 2199"),
    wrong("milliseconds as text", utility, "ts", "1709602200000", Code.TIME_FORMAT, "without quotes"),
    wrong("microseconds for milliseconds", utility, "ts", 10**18, Code.TIME_RANGE, "1900 to 2199"),
    wrong("milliseconds in the future", utility, "ts", 6_900_000_000_000, Code.IN_FUTURE, "clock"),
    wrong("no time in the body", utility, "ts", ..., Code.MISSING_FIELD, "must be there"),
    wrong("offset on a local time", hotel, "LocalTime", "2024-03-05T09:30:00Z", Code.TIME_FORMAT, "local"),
    Case("offset of 99 minutes", bank(time="2024-03-05T08:00:00+08:99"), Code.TIME_FORMAT, "time", "offset"),
    Case("hour 24", bank(time="2024-03-05T24:00:00Z"), Code.TIME_FORMAT, "time", "RFC 3339"),
    wrong("local hour 24", hotel, "LocalTime", "2024-03-05 24:00:00", Code.TIME_FORMAT, "local"),
    Case("local minute 60", court({"published_time": "09:60"}), Code.TIME_FORMAT, "published_date", "local"),
    Case("local leap second", court({"published_time": "23:59:60"}), Code.TIME_FORMAT, "published_date", "leap"),
    wrong("a time of day alone", court, "published_date", "", Code.MISSING_FIELD, "there"),
    wrong("hour that the clocks skip", hotel, "LocalTime", "1986-05-04 02:30:00", Code.TIME_FORMAT, "skip"),
    wrong("day with blanks", utility, "due", "2024 03 5", Code.TIME_FORMAT, "YYYYMMDD"),
    wrong("day not in the calendar", utility, "due", "20240230", Code.TIME_FORMAT, "calendar"),
    wrong("day of year 9999", consumer_credit, "dueDate", "9999-01-01", Code.TIME_RANGE, "1900 to 2199"),
]

# (rules E8 and R1)
_KIND = [
    Case("unknown type", bank(type="card.closed"), Code.ENVELOPE_TYPE, "type", "card.statement.cleared"),
    wrong("unknown kind", shop, "eventName", "refund", Code.UNKNOWN_KIND, "orderDelivered"),
    wrong("unknown word of a kind", utility, "svc", "sewage", Code.UNKNOWN_KIND, "water"),
    wrong("combination that is no kind", bike, "vehicle", "boat", Code.UNKNOWN_KIND, "ebike"),
    wrong("word with a stroke", utility, "evt", "bill_paid/water", Code.UNKNOWN_KIND, "bill_paid, arrears"),
    wrong("no kind", shop, "eventName", ..., Code.MISSING_FIELD, "must be there"),
    wrong("kind an object", shop, "eventName", {}, Code.WRONG_TYPE, "text"),
    Case("native type unknown", city(type="app.used"), Code.ENVELOPE_TYPE, "type", "goodstanding.behavior"),
    wrong("native kind unknown", city, "kind", "gambling.won", Code.UNKNOWN_KIND, "Send one of"),
    wrong("record sent as behavior", city, "kind", "business_fee.overdue", Code.UNKNOWN_KIND, "Send one of"),
    wrong("kind not agreed", city, "kind", "hotel.stay", Code.KIND_NOT_PERMITTED, "have not agreed"),
    wrong(
        "class of record not permitted", city_record, "kind", "court.listing", Code.CLASS_NOT_PERMITTED, "legal records"
    ),
]

# (rules E9 and E12)
_FIELDS = [
    wrong("unknown field", bank, "branch", "0012", Code.UNKNOWN_FIELD, "leave it out"),
    wrong("unknown field inside", hotel, "Folio.Tax", "1", Code.UNKNOWN_FIELD, "leave it out"),
    Case("unknown field in Chinese", bank({"多余": 1}), Code.UNKNOWN_FIELD, "data.多余", "leave it out"),
    Case("unknown field in Cyrillic", bank({"имя": 1}), Code.UNKNOWN_FIELD, "data.имя", "leave it out"),
    Case(
        "unknown field of Chinese digits, which could name somebody",
        bank({"号一二三四五六七": 1}),
        Code.UNKNOWN_FIELD,
        "data.?",
        "leave it out",
    ),
    Case("unknown field that cannot be seen", bank({"x\u200b": 1}), Code.UNKNOWN_FIELD, "data.?", "leave it out"),
    Case("unknown field that could name somebody", bank({PERSON: 1}), Code.UNKNOWN_FIELD, "data.?", "leave it out"),
    wrong("field of another kind", city, "count", 2, Code.UNKNOWN_FIELD, "leave it out"),
    wrong(
        "limit of what is no statement",
        bank,
        "credit_limit",
        {"minor": 2_000_000, "currency": "CNY"},
        Code.UNKNOWN_FIELD,
        "leave it out",
    ),
    wrong("limit of another kind, native", city, "limit", 5, Code.UNKNOWN_FIELD, "leave it out"),
    wrong("limit that is no object", bank_statement, "credit_limit", 2_000_000, Code.NOT_AN_OBJECT, "JSON object"),
    wrong("unknown field with a digit", utility, "amt2", 1, Code.UNKNOWN_FIELD, "leave it out"),
    wrong("object for a value", bank, "contract_no", {"a": 1}, Code.WRONG_TYPE, "plain"),
    wrong("value for an object", hotel, "Folio", "F-7", Code.NOT_AN_OBJECT, "JSON object"),
    wrong("null for an object", bank, "customer", None, Code.NOT_AN_OBJECT, "JSON object"),
    wrong("demographics", bank, "sex", "F", Code.DEMOGRAPHIC, "never taken"),
    wrong("demographics inside", bank, "customer.profile.maritalStatus", 1, Code.DEMOGRAPHIC, "never taken"),
    Case(
        "demographics in a list",
        hotel({"Guest.Extras": [{"AGE_BAND": 3}]}),
        Code.DEMOGRAPHIC,
        "Guest.Extras.AGE_BAND",
        "never taken",
    ),
    wrong("demographics in Chinese", bank, "性别", "男", Code.DEMOGRAPHIC, "never taken"),
    wrong("demographics of full width", bank, "Ｓｅｘ", "F", Code.DEMOGRAPHIC, "never taken"),
    Case("demographics in the only attribute", bank(gender="x"), Code.DEMOGRAPHIC, "gender", "never taken"),
    Case("demographics in an attribute", bike(religion="none"), Code.DEMOGRAPHIC, "ce_religion", "never taken"),
    Case("marital status, an attribute", bike(maritalstatus="1"), Code.DEMOGRAPHIC, "ce_maritalstatus", "never taken"),
    Case("date of birth, an attribute", bank(dateofbirth="1"), Code.DEMOGRAPHIC, "dateofbirth", "never taken"),
    Case("age, an attribute", consumer_credit(customerage="30"), Code.DEMOGRAPHIC, "ce_customerage", "never taken"),
    wrong("text too long", bank_record, "report_no", "r" * 129, Code.TEXT_LENGTH, "128"),
    wrong("text empty", bank_record, "report_no", "", Code.TEXT_LENGTH, "1 to"),
    wrong("NUL in a text", bank_record, "report_no", "a\0", Code.TEXT_FORM, "control"),
    wrong("number for a text", bank_record, "report_no", 5, Code.WRONG_TYPE, "text"),
    wrong("null for a text", bank_record, "report_no", None, Code.MISSING_FIELD, "there"),
    Case(
        "flag that is no boolean",
        city({"kind": "donation.made", "days_late": ..., "reverses": "yes"}),
        Code.WRONG_TYPE,
        "data.reverses",
        "true or false",
    ),
    wrong("count 0", shop, "itemCount", 0, Code.OUT_OF_BOUNDS, "1 to"),
    wrong("count over all bounds", shop, "itemCount", 10**7, Code.OUT_OF_BOUNDS, "1 to"),
    wrong("count with a fraction", shop, "itemCount", 1.0, Code.WRONG_TYPE, "whole number"),
]

# (rules E7)
_MONEY = [
    wrong("negative amount", bank, "amount.minor", -1, Code.OUT_OF_BOUNDS, "not negative"),
    wrong("fraction of minor units", bank, "amount.minor", 12.5, Code.FRACTION_OF_MINOR_UNIT, "without a fraction"),
    wrong("amount a boolean", bank, "amount.minor", True, Code.WRONG_TYPE, "whole number"),
    wrong("minor units as text", bank, "amount.minor", "5", Code.WRONG_TYPE, "without quotes"),
    wrong("negative limit", bank_statement, "credit_limit.minor", -1, Code.OUT_OF_BOUNDS, "not negative"),
    wrong("limit too large", bank_statement, "credit_limit.minor", 10**15 + 1, Code.OUT_OF_BOUNDS, "at most"),
    wrong(
        "limit with a fraction",
        bank_statement,
        "credit_limit.minor",
        20_000.5,
        Code.FRACTION_OF_MINOR_UNIT,
        "without a fraction",
    ),
    wrong("limit as text", bank_statement, "credit_limit.minor", "2000000", Code.WRONG_TYPE, "without quotes"),
    wrong("no amount", bike, "fare_fen", ..., Code.MISSING_FIELD, "must be there"),
    wrong("amount too large", bike, "fare_fen", 10**15 + 1, Code.OUT_OF_BOUNDS, "at most"),
    wrong("fraction of a fen", consumer_credit, "principal", "12.505", Code.FRACTION_OF_MINOR_UNIT, "2 digits"),
    wrong(
        "point that may separate thousands",
        consumer_credit,
        "principal",
        "1.080",
        Code.AMBIGUOUS_AMOUNT,
        "Write 2 digits after the point",
    ),
    Case(
        "point that may separate thousands, no minor unit",
        hotel({"Folio.Currency": "JPY", "Folio.Total": "120.000"}),
        Code.AMBIGUOUS_AMOUNT,
        "Folio.Total",
        "Write 0 digits after the point",
    ),
    wrong("points between thousands", court, "yuan", "1.080.000", Code.WRONG_TYPE, "12.50"),
    wrong("amount of 41 digits", consumer_credit, "principal", "1" * 41, Code.OUT_OF_BOUNDS, "40"),
    wrong("amount of 25 digits", court, "yuan", "1" * 25, Code.OUT_OF_BOUNDS, "at most"),
    wrong("decimal comma", consumer_credit, "principal", "12,50", Code.WRONG_TYPE, "12.50"),
    wrong("digits of another script", consumer_credit, "principal", "١٢", Code.WRONG_TYPE, ""),
    wrong("exponent in a text", consumer_credit, "principal", "1e3", Code.WRONG_TYPE, "12.50"),
    wrong("negative decimal", court, "yuan", "-1.00", Code.OUT_OF_BOUNDS, "not negative"),
    wrong("decimal over all bounds", hotel, "Folio.Total", 1e25, Code.OUT_OF_BOUNDS, "at most"),
    wrong("unknown currency", bank, "amount.currency", "RMB", Code.UNKNOWN_CURRENCY, "CNY"),
    wrong("fund", bank, "amount.currency", "UYI", Code.UNKNOWN_CURRENCY, "CNY"),
    Case(
        "currency that was withdrawn",
        bank({"amount.currency": "HRK"}),
        Code.UNKNOWN_CURRENCY,
        "data.amount.currency",
        "withdrawn in 2023-01",
    ),
    wrong("currency a number", bank, "amount.currency", 156, Code.WRONG_TYPE, "text"),
    Case("no exchange rate", bank({"amount.currency": "UYU"}), Code.NO_RATE, "data.amount.currency", "in CNY"),
    Case(
        "fraction of a yen",
        hotel({"Folio.Currency": "JPY", "Folio.Total": "9.5"}),
        Code.FRACTION_OF_MINOR_UNIT,
        "Folio.Total",
        "0 digits",
    ),
    wrong(
        "limit without a currency", bank_statement, "credit_limit.currency", ..., Code.MISSING_FIELD, "must be there"
    ),
    Case(
        "limit of another currency without a rate",
        bank_statement({"credit_limit.currency": "UYU"}),
        Code.NO_RATE,
        "data.credit_limit.currency",
        "in CNY",
    ),
    wrong("unknown unit", utility, "unit", "mao", Code.UNKNOWN_UNIT, "fen, yuan"),
    wrong("no unit", utility, "unit", ..., Code.MISSING_FIELD, "must be there"),
]

# (rules E10)
_LATENESS = [
    wrong("no days late", bank, "days_past_due", ..., Code.MISSING_FIELD, "must be there"),
    wrong("null as -999", bank, "days_past_due", -999, Code.OUT_OF_BOUNDS, "-732 to"),
    wrong("years early", bank, "days_past_due", -733, Code.OUT_OF_BOUNDS, "-732 to"),
    wrong("half a day", bank, "days_past_due", 0.5, Code.WRONG_TYPE, "whole number"),
    wrong("beyond behavior", bank, "days_past_due", 91, Code.BEYOND_BEHAVIOR, "as a record"),
    Case("beyond behavior by the days", utility({"due": "20231205"}), Code.BEYOND_BEHAVIOR, "paid", "as a record"),
    wrong("no day", consumer_credit, "paidDate", ..., Code.MISSING_FIELD, "must be there"),
]

# (rules I1, I4 and I8)
_PEOPLE = [
    wrong(
        "private customer number",
        bank,
        "customer.account",
        "C-00817723",
        Code.SUBJECT_UNKNOWN_SCHEME,
        "have the mapping say `crosswalk = true`",
    ),
    wrong("check digits wrong", utility, "acct", PERSON[:-1] + "0", Code.SUBJECT_UNKNOWN_SCHEME, "check digits"),
    wrong("no person", bank, "customer.account", ..., Code.MISSING_FIELD, "there"),
    Case("no subject", bike(subject=...), Code.MISSING_FIELD, "ce_subject", "must be there"),
    wrong("person a number", utility, "acct", 12, Code.WRONG_TYPE, "text"),
    Case("id that names the person", bank(id=f"pay-{PERSON}"), Code.NAMES_PERSON, "id", "identifier"),
    wrong(
        "id that names the person in another spelling",
        hotel,
        "MessageId",
        f"{PERSON[:6].lower()}-{PERSON[6:]}/1",
        Code.NAMES_PERSON,
        "identifier",
    ),
    wrong("report that names the person", bank_record, "report_no", PERSON, Code.NAMES_PERSON, "ident"),
    wrong(
        "their own contact", consumer_credit_link, "friendAccount", PERSON, Code.CONTACT_IS_SUBJECT, "another person"
    ),
    Case("id that names the contact", consumer_credit_link(id=f"link-{FRIEND}"), Code.NAMES_PERSON, "ce_id", "ident"),
    wrong(
        "contact by a private number",
        consumer_credit_link,
        "friendAccount",
        "friend-8",
        Code.SUBJECT_UNKNOWN_SCHEME,
        "private customer number",
    ),
    wrong("word outside the list", consumer_credit_link, "link", "MAYBE", Code.UNKNOWN_VALUE, "LINKED"),
    Case(
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
        wrong(f"id that names the person, {name}", utility, "msg_id", spelled, Code.NAMES_PERSON, "identifier")
        for name, spelled in SPELLINGS.items()
    ),
    *(
        Case(f"{what} that names the person in full width", event, Code.NAMES_PERSON, field, "identifier")
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
    Case(
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
        wrong(f"id with {name}", utility, "msg_id", f"m{unseen}1", Code.TEXT_FORM, "cannot be seen")
        for name, unseen in UNSEEN.items()
    ),
    *(
        Case(f"{what} with a byte order mark", event, Code.TEXT_FORM, field, "byte order mark")
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
    wrong(
        "contact with a byte order mark",
        consumer_credit_link,
        "friendAccount",
        f"\ufeff{FRIEND}",
        Code.SUBJECT_UNKNOWN_SCHEME,
        "private customer number",
    ),
    wrong("id with a tab", utility, "msg_id", "m\t1", Code.TEXT_FORM, "control"),
    wrong("id of blanks", utility, "msg_id", " \u00a0\u3000", Code.TEXT_LENGTH, "blanks aside"),
    wrong("id that is longer in its one form", utility, "msg_id", "\ufdfa" * 8, Code.TEXT_LENGTH, "128"),
    wrong("part of blanks", court, "number", "\u3000", Code.TEXT_LENGTH, "blanks aside"),
    wrong("part missing", court, "year", "", Code.MISSING_FIELD, "must be there"),
]

# (rules I5)
_CONSENT = [
    wrong("purpose too long", bank_income, "consent.purpose", "p" * 65, Code.TEXT_LENGTH, "64"),
    Case("no consent", bank_income({"consent": ...}), Code.CONSENT_MISSING, "data.consent.reference", "Cite"),
    wrong("consent without id", bank_income, "consent.reference", ..., Code.CONSENT_MISSING, "Cite"),
    wrong("consent of the future", bank_income, "consent.given_at", "2189-01-01T00:00:00Z", Code.IN_FUTURE, "later"),
    wrong("consent at a naive time", bank_income, "consent.given_at", "2024-01-02T08:00", Code.TIME_FORMAT, "offset"),
]

_RECORDS = [
    wrong("record without its beginning", bank_record, "overdue_since", ..., Code.FIELD_REQUIRED_BY_KIND, "reported"),
    Case(
        "settled without its end",
        bank_record({"state": "paid"}),
        Code.FIELD_REQUIRED_BY_KIND,
        "data.paid_on",
        "settled",
    ),
    Case(
        "ended before it began",
        bank_record({"state": "paid", "paid_on": "2023-11-01"}),
        Code.DATES_CONTRADICT,
        "data.paid_on",
        "before it began",
    ),
    Case(
        "ends in the future",
        bank_record({"state": "paid", "paid_on": "2189-01-01"}),
        Code.IN_FUTURE,
        "data.paid_on",
        "later than",
    ),
    wrong("record of 1970", bank_record, "overdue_since", "1970-01-01", Code.IMPLAUSIBLE_DATE, "1970-01-01"),
    wrong("line of 1970", court, "published_date", "1970-01-01", Code.TOO_LATE, "often stand for none"),
    wrong("event of 1970", utility, "ts", 1_709_602_200, Code.TOO_LATE, "counted in seconds or in milliseconds"),
    wrong("unknown state", bank_record, "state", "gone", Code.UNKNOWN_VALUE, "open, paid"),
    wrong(
        "no-show in the future", hotel_no_show, "Reservation.ArrivalDate", "2189-01-01", Code.IN_FUTURE, "later than"
    ),
]

_CSV = [
    Case("line not UTF-8", replace(court(), value=b"\xff;1"), Code.CSV_LINE, "", "UTF-8"),
    Case("too few columns", replace(court(), value=b"N-1;2024-03-05"), Code.CSV_LINE, "", "2 columns; send 13"),
    Case("empty line", replace(court(), value=b"\n"), Code.CSV_LINE, "", "0 columns; send 13"),
    Case("quote not closed", court({"court": '"Pudong'}), Code.CSV_LINE, "", "quote"),
    Case("two lines", court({"court": "Pu\ndong"}), Code.CSV_LINE, "", "one line"),
    Case("NUL in a line", court({"court": "Pu\0dong"}), Code.CSV_LINE, "", "NUL"),
    wrong("control character in a cell", court, "court", "Pu\x07", Code.TEXT_FORM, "control"),
    wrong("parts too long together", court, "court", "c" * 125, Code.TEXT_LENGTH, "Together"),
    wrong("cell missing", court, "notice", "", Code.MISSING_FIELD, "must be there"),
    wrong("action unknown", court, "action", "DELISTED", Code.UNKNOWN_KIND, "LISTED, RELEASED"),
]

BAD_INPUT: tuple[Case, ...] = (
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
