"""Events as the partners send them, written by hand, apart from the mappings: the tables of the tests are made of them.

They lie in March 2024, so that they are in the past of any clock that a test may have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shared.contracts.identity import sample_account

PERSON = sample_account(4_711_000_001)
FRIEND = sample_account(4_711_000_002)
TIME = "2024-03-05T09:30:00+08:00"

Headers = tuple[tuple[str, bytes | None], ...]

OF_OTHERS: dict[str, Headers] = {
    "a trace that a framework and its tracer both write": (
        ("traceparent", b"00-1-1-01"),
        ("traceparent", b"00-1-2-01"),
    ),
    "a trace in binary": (("elasticapmtraceparent", b"\x00\x00\xff\xfe"),),
    "a long of a redelivery": (("kafka_dlt-original-offset", (2**63 - 1).to_bytes(8, "big")),),
    "a null": (("spring.replyTo", None),),
    "a name that is none, and an empty one": (("\u200b", b"\xff"), ("", b""), ("", None)),
    "a name that looks like ours": (("CE_ID", None), ("ce-id", b"\xff"), ("Content-Type", b"text/plain")),
    "demographics": (("gender", b"x"),),
}
"""Headers that are no part of the envelope, as tracers, frameworks and redelivery leave them on a record."""

FULL_WIDTH = {ord(character): chr(ord(character) + 0xFEE0) for character in map(chr, range(0x21, 0x7F))}
SPELLINGS = {
    "as it is": PERSON,
    "lower case": PERSON.lower(),
    "among letters": f"pay{PERSON}x",
    "full width": PERSON.translate(FULL_WIDTH),
    "a no-break blank": f"{PERSON[:5]}\u00a0{PERSON[5:]}",
    "an ideographic blank": f"{PERSON[:5]}\u3000{PERSON[5:]}",
    "a no-break hyphen": f"{PERSON[:5]}\u2011{PERSON[5:]}",
    "a dash": f"{PERSON[:5]}\u2013{PERSON[5:]}",
    "blanks": " ".join(PERSON),
    "underscores": f"{PERSON[:2]}_{PERSON[2:8]}_{PERSON[8:]}",
    "points": f"{PERSON[:2]}.{PERSON[2:8]}.{PERSON[8:]}",
    "strokes": f"{PERSON[:4]}/{PERSON[4:]}",
    "without its prefix": PERSON[2:],
    "without its check digits": PERSON[:-2],
    "without prefix and check digits": PERSON[2:-2],
    "without prefix and check digits, in a number": f"order-{PERSON[2:-2]}-7",
    "without its prefix, in full width": PERSON[2:].translate(FULL_WIDTH),
    "in Arabic digits": PERSON[2:-2].translate({0x30 + digit: 0x660 + digit for digit in range(10)}),
    "in Chinese numerals": PERSON[2:-2].translate(dict(zip(range(0x30, 0x3A), "〇一二三四五六七八九", strict=True))),
    "in mathematical digits": PERSON[2:-2].translate({0x30 + digit: 0x1D7CE + digit for digit in range(10)}),
    "without its prefix, in groups": f"{PERSON[2:6]} {PERSON[6:10]} {PERSON[10:]}",
}
"""The person's identifier as it could stand in an id, all of it visible."""

UNSEEN = {
    "a byte order mark": "\ufeff",
    "a blank without width": "\u200b",
    "a joiner": "\u200d",
    "a non-joiner": "\u200c",
    "a word joiner": "\u2060",
    "a soft hyphen": "\u00ad",
    "a direction": "\u202e",
    "a line separator": "\u2028",
    "a variation selector": "\ufe0f",
    "a selector for ideographs": "\U000e0100",
    "a filler": "\u3164",
    "a grapheme joiner": "\u034f",
    "an empty braille cell": "\u2800",
    "what stands for an object": "\ufffc",
    "what stands for what could not be read": "\ufffd",
    "a note without a head": "\U0001d159",
    "a character of a later Unicode": "\U0001fae8",
    "an unassigned character": "\u0378",
    "a character of private use": "\ue000",
}


@dataclass(frozen=True, slots=True)
class RawEvent:
    """The parts of a Kafka record, and whose raw topic it belongs to."""

    partner: str
    value: bytes | None
    headers: Headers = ()
    key: bytes | None = b"key"


def structured(partner: str, type: str, data: Any, /, **attributes: Any) -> RawEvent:
    """A CloudEvent as one JSON object; an attribute given as `...` is left out."""
    event = {"specversion": "1.0", "id": "event-1", "source": f"https://{partner}.example", "type": type, "time": TIME}
    whole = {name: value for name, value in {**event, **attributes, "data": data}.items() if value is not ...}
    return RawEvent(partner, text(whole), (("content-type", b"application/cloudevents+json"),))


def binary(partner: str, type: str, data: Any, /, *more: tuple[str, bytes | None], **attributes: Any) -> RawEvent:
    """A CloudEvent with its attributes as headers; one given as `...` is left out, `more` is added behind."""
    event = {"specversion": "1.0", "id": "event-1", "source": f"https://{partner}.example", "type": type, "time": TIME}
    named = {name: value for name, value in {**event, **attributes}.items() if value is not ...}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in named.items())
    return RawEvent(partner, text(data), (*headers, ("content-type", b"application/json"), *more))


def text(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The body with values at paths replaced or added; `...` takes one out."""
    result: dict[str, Any] = json.loads(json.dumps(body))
    for path, value in changes.items():
        *parents, name = path.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is ...:
            inner.pop(name)
        else:
            inner[name] = value
    return result


# One good event of each partner, with what a test wants changed.


def bank(changes: dict[str, Any] | None = None, /, type: str = "card.statement.cleared", **attributes: Any) -> RawEvent:
    body = {
        "customer": {"account": PERSON},
        "contract_no": "62-881",
        "amount": {"minor": 412_355, "currency": "CNY"},
        "days_past_due": 3,
        "due_on": "2024-03-02",
    }
    return structured("bank", type, changed(body, changes or {}), **attributes)


def bank_statement(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {
        "customer": {"account": PERSON},
        "amount": {"minor": 310_000, "currency": "CNY"},
        "credit_limit": {"minor": 2_000_000, "currency": "CNY"},
    }
    return structured("bank", "card.statement.issued", changed(body, changes or {}), **attributes)


def bank_income(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {
        "customer": {"account": PERSON},
        "month": "2024-02",
        "amount": {"minor": 1_250_000, "currency": "CNY"},
        "consent": {"reference": "C-17", "purpose": "credit-standing", "given_at": "2024-01-02T08:00:00Z"},
    }
    return structured("bank", "means.income.reported", changed(body, changes or {}), **attributes)


def bank_record(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {
        "customer": {"account": PERSON},
        "report_no": "R-5",
        "state": "open",
        "overdue_since": "2023-11-20",
        "amount": {"minor": 990_000, "currency": "CNY"},
    }
    return structured("bank", "card.overdue.reported", changed(body, changes or {}), **attributes)


def bank_resolution(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {"customer": {"account": PERSON}, "report_no": "R-5", "result": "upheld", "dispute_no": "d-1"}
    return structured("bank", "card.overdue.resolved", changed(body, changes or {}), **attributes)


def hotel_resolution(changes: dict[str, Any] | None = None, /) -> RawEvent:
    body = {
        "MessageId": "H-3",
        "LocalTime": "2024-03-05 09:30",
        "PropertyCode": "SHA01",
        "Event": "NoShowResolved",
        "Guest": {"PlatformAccount": PERSON},
        "Reservation": {"Number": "RES-3"},
        "Resolution": {"Outcome": "Deleted"},
    }
    return RawEvent("hotel", text(changed(body, changes or {})))


def consumer_credit(
    changes: dict[str, Any] | None = None, /, *more: tuple[str, bytes | None], **attributes: Any
) -> RawEvent:
    body = {
        "platformAccount": PERSON,
        "billNo": "B1",
        "principal": "1288.50",
        "dueDate": "2024-03-01",
        "paidDate": "2024-03-05",
        "periods": {"current": 3, "total": 12},
    }
    return binary("consumer-credit", "RepaymentCompleted", changed(body, changes or {}), *more, **attributes)


def consumer_credit_link(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {"platformAccount": PERSON, "friendAccount": FRIEND, "link": "LINKED"}
    return binary("consumer-credit", "FriendLinkChanged", changed(body, changes or {}), **attributes)


def utility(changes: dict[str, Any] | None = None, /) -> RawEvent:
    body = {
        "msg_id": "m-1",
        "ts": 1_709_602_200_000,
        "acct": PERSON,
        "evt": "bill_paid",
        "svc": "water",
        "meter": "W-9",
        "period": "2024-02",
        "due": "20240303",
        "paid": "20240305",
        "amt": 8640,
        "unit": "fen",
    }
    return RawEvent("utility", text(changed(body, changes or {})))


def bike(changes: dict[str, Any] | None = None, /, type: str = "ride.closed.v2", **attributes: Any) -> RawEvent:
    body = {"vehicle": "bike", "fare_fen": 350, "station_from": "S1", "station_to": "S2", "minutes": 14}
    return binary("bike-rental", type, changed(body, changes or {}), **{"subject": PERSON, **attributes})


def hotel(changes: dict[str, Any] | None = None, /) -> RawEvent:
    body = {
        "MessageId": "H-1",
        "LocalTime": "2024-03-05 09:30:00",
        "PropertyCode": "SHA01",
        "Event": "FolioSettled",
        "Guest": {"PlatformAccount": PERSON},
        "Folio": {
            "Number": "F-7",
            "Nights": 2,
            "Total": "776.00",
            "Currency": "CNY",
            "DueDate": "2024-03-05",
            "PaidTime": "2024-03-05 09:29:10",
        },
    }
    return RawEvent("hotel", text(changed(body, changes or {})))


def hotel_no_show(changes: dict[str, Any] | None = None, /) -> RawEvent:
    body = {
        "MessageId": "H-2",
        "LocalTime": "2024-03-05 09:30",
        "PropertyCode": "SHA01",
        "Event": "NoShow",
        "Guest": {"PlatformAccount": PERSON},
        "Reservation": {"Number": "RES-3", "ArrivalDate": "2024-03-04", "Deposit": "200", "Currency": "CNY"},
    }
    return RawEvent("hotel", text(changed(body, changes or {})))


def shop(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {
        "eventName": "orderDelivered",
        "buyer": {"goodstandingAccount": PERSON},
        "orderId": "O-1",
        "channel": "app",
        "itemCount": 2,
        "total": 59.9,
    }
    return structured("shop", "shop.event", changed(body, changes or {}), **attributes)


def court(changes: dict[str, str] | None = None, /) -> RawEvent:
    """Changes are by column."""
    cells = {
        "notice": "N-1",
        "published_date": "2024-03-05",
        "published_time": "09:30:00",
        "action": "LISTED",
        "account": PERSON,
        "court": "Pudong District",
        "year": "2023",
        "number": "00417",
        "since": "2024-02-28",
        "released": "",
        "yuan": "150000.00",
        "dispute": "",
        "certificate": "",
    }
    return RawEvent("court-feed", ";".join({**cells, **(changes or {})}.values()).encode())


def city(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {"kind": "transit.fare", "days_late": 0, "amount": 400}
    named = {"subject": PERSON, "type": "goodstanding.behavior.normalized.v1", **attributes}
    return structured("city", named.pop("type"), changed(body, changes or {}), **named)


def city_record(changes: dict[str, Any] | None = None, /, **attributes: Any) -> RawEvent:
    body = {"kind": "business_fee.overdue", "report_id": "L-1", "status": "reported", "began_on": "2023-12-01"}
    named = {"subject": PERSON, "type": "goodstanding.record.reported.v1", **attributes}
    return structured("city", named.pop("type"), changed(body, changes or {}), **named)
