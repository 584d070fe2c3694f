"""The envelope, strictly, in both modes: one case for each way in which it can be wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.cloudevents import (
    EVENT_BYTES_MAX,
    HEADER_MEMORY_BYTES,
    HEADERS_MAX,
    CloudEvent,
    Envelope,
    Headers,
    binary,
    parse,
    parse_envelope,
    too_large,
)
from shared.contracts.faults import Code, Fault
from tests.support.ingest.raw_events import OF_OTHERS

KEY = b"card-17"
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "https://bank.example/cards",
    "type": "card.statement",
    "time": "2025-03-01T07:59:59+08:00",
    "partitionkey": "card-17",
    "datacontenttype": "application/json",
    "data": {"amount": 12.50},
}
ENVELOPE = Envelope(
    id="e-1",
    source="https://bank.example/cards",
    type="card.statement",
    time=datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC),
    partitionkey="card-17",
    extensions={},
)
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-1",
    "ce_source": b"https://bank.example/cards",
    "ce_type": b"card.statement",
    "ce_time": b"2025-03-01T07:59:59+08:00",
    "ce_partitionkey": b"card-17",
    "content-type": b"application/json",
}
GONE = ...


def _structured(headers: Headers = STRUCTURED, key: bytes | None = KEY, **changes: Any) -> CloudEvent | Fault:
    event = {name: value for name, value in {**EVENT, **changes}.items() if value is not GONE}
    return parse(key, json.dumps(event).encode(), headers)


def _binary(changes: dict[str, Any], key: bytes | None = KEY, value: bytes | None = b"{}") -> CloudEvent | Fault:
    return parse(key, value, [(name, text) for name, text in {**HEADERS, **changes}.items() if text is not GONE])


def test_structured() -> None:
    assert _structured() == CloudEvent(ENVELOPE, {"amount": Decimal("12.5")}, "")


def test_binary() -> None:
    assert _binary({}, value=b'{"amount": 12.50}') == CloudEvent(ENVELOPE, {"amount": Decimal("12.50")}, "ce_")


@pytest.mark.parametrize(
    "changes",
    [
        {"datacontenttype": GONE},
        {"datacontenttype": None},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"datacontenttype": "application/vnd.bank+json"},
        {"partitionkey": GONE},
        {"subject": "card 17"},
        {"dataschema": "https://bank.example/schema/1"},
        {"data": None},
        {"data": [1, 2]},
        {"time": "2025-03-01T07:59:59.123456789Z"},
        {"sequence": 7},
        {"sampled": True},
        {"note": "fünf"},
        {"note": "n" * 1024},
        {"note": "n" * 1024, "id": "e" * 128},
    ],
    ids=str,
)
def test_structured_also(changes: dict[str, Any]) -> None:
    assert isinstance(_structured(**changes), CloudEvent)


@pytest.mark.parametrize(
    ("changes", "extensions"),
    [({"sequence": 7}, {"sequence": "7"}), ({"sampled": True}, {"sampled": "true"}), ({"note": None}, {})],
)
def test_extensions_are_texts_in_both_modes(changes: dict[str, Any], extensions: dict[str, str]) -> None:
    event = _structured(**changes)
    assert isinstance(event, CloudEvent)
    assert event.envelope.extensions == extensions


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": GONE},
        {"content-type": b"application/json;charset=UTF-8"},
        {"ce_partitionkey": GONE},
        {"traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        {"ce_note": "fünf".encode()},
    ],
    ids=str,
)
def test_binary_also(headers: dict[str, Any]) -> None:
    assert isinstance(_binary(headers), CloudEvent)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"specversion": GONE}, Code.ENVELOPE_VERSION, "specversion"),
        ({"specversion": "0.3"}, Code.ENVELOPE_VERSION, "specversion"),
        ({"specversion": "1.0.2"}, Code.ENVELOPE_VERSION, "specversion"),
        ({"specversion": 1.0}, Code.WRONG_TYPE, "specversion"),
        ({"id": GONE}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"id": None}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"id": ""}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"id": 17}, Code.WRONG_TYPE, "id"),
        ({"id": "e" * 129}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"id": "e\x00"}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"id": "e\x85"}, Code.ENVELOPE_ATTRIBUTE, "id"),
        ({"source": GONE}, Code.ENVELOPE_ATTRIBUTE, "source"),
        ({"source": "the bank"}, Code.ENVELOPE_ATTRIBUTE, "source"),
        ({"source": "/bänk"}, Code.ENVELOPE_ATTRIBUTE, "source"),
        ({"source": "/100%"}, Code.ENVELOPE_ATTRIBUTE, "source"),
        ({"dataschema": "no schema"}, Code.ENVELOPE_ATTRIBUTE, "dataschema"),
        ({"type": GONE}, Code.ENVELOPE_ATTRIBUTE, "type"),
        ({"type": ["card"]}, Code.WRONG_TYPE, "type"),
        ({"time": GONE}, Code.ENVELOPE_ATTRIBUTE, "time"),
        ({"time": "2025-03-01T07:59:59"}, Code.TIME_FORMAT, "time"),
        ({"time": "2025-03-01T23:59:60Z"}, Code.TIME_FORMAT, "time"),
        ({"time": 1740787199}, Code.WRONG_TYPE, "time"),
        ({"time": "9999-12-31T23:59:59-01:00"}, Code.TIME_RANGE, "time"),
        ({"subject": ""}, Code.ENVELOPE_ATTRIBUTE, "subject"),
        ({"partitionkey": "card-18"}, Code.ENVELOPE_KEY, "partitionkey"),
        ({"partitionkey": 17}, Code.WRONG_TYPE, "partitionkey"),
        ({"Sequence": "1"}, Code.ENVELOPE_ATTRIBUTE, "Sequence"),
        ({"sequence_number": "1"}, Code.ENVELOPE_ATTRIBUTE, "sequence_number"),
        ({"": "1"}, Code.ENVELOPE_ATTRIBUTE, ""),
        ({"séquence": "1"}, Code.ENVELOPE_ATTRIBUTE, "séquence"),
        ({"note": ""}, Code.ENVELOPE_ATTRIBUTE, "note"),
        ({"note": "n" * 1025}, Code.ENVELOPE_ATTRIBUTE, "note"),
        ({"note": {"nested": 1}}, Code.WRONG_TYPE, "note"),
        ({"ratio": 1.5}, Code.WRONG_TYPE, "ratio"),
        ({"data": GONE}, Code.ENVELOPE_DATA, "data"),
        ({"data_base64": "e30="}, Code.ENVELOPE_DATA, "data_base64"),
        ({"data": GONE, "data_base64": "e30="}, Code.ENVELOPE_DATA, "data_base64"),
        ({"datacontenttype": "application/xml"}, Code.ENVELOPE_CONTENT_TYPE, "datacontenttype"),
        ({"datacontenttype": "application/json; charset=latin-1"}, Code.ENVELOPE_CONTENT_TYPE, "datacontenttype"),
        ({"datacontenttype": "application/json; charset=latin1"}, Code.ENVELOPE_CONTENT_TYPE, "datacontenttype"),
    ],
    ids=str,
)
def test_structured_refused(changes: dict[str, Any], code: Code, field: str) -> None:
    fault = _structured(**changes)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"ce_specversion": GONE}, Code.ENVELOPE_VERSION, "ce_specversion"),
        ({"ce_specversion": b"2.0"}, Code.ENVELOPE_VERSION, "ce_specversion"),
        ({"ce_id": GONE}, Code.ENVELOPE_ATTRIBUTE, "ce_id"),
        ({"ce_id": b""}, Code.ENVELOPE_ATTRIBUTE, "ce_id"),
        ({"ce_id": None}, Code.ENVELOPE_HEADER, "ce_id"),
        ({"ce_id": b"e-\xff"}, Code.ENVELOPE_HEADER, "ce_id"),
        ({"ce_id": b"e\n1"}, Code.ENVELOPE_ATTRIBUTE, "ce_id"),
        ({"ce_time": GONE}, Code.ENVELOPE_ATTRIBUTE, "ce_time"),
        ({"ce_time": b"2025-03-01"}, Code.TIME_FORMAT, "ce_time"),
        ({"ce_partitionkey": b"card-18"}, Code.ENVELOPE_KEY, "ce_partitionkey"),
        ({"ce_partitionkey": b""}, Code.ENVELOPE_ATTRIBUTE, "ce_partitionkey"),
        ({"ce_Sequence": b"1"}, Code.ENVELOPE_ATTRIBUTE, "ce_Sequence"),
        ({"ce_": b"1"}, Code.ENVELOPE_ATTRIBUTE, "ce_"),
        ({"ce_data": b"1"}, Code.ENVELOPE_ATTRIBUTE, "ce_data"),
        ({"ce_datacontenttype": b"application/json"}, Code.ENVELOPE_HEADER, "ce_datacontenttype"),
        ({"content-type": b"text/plain"}, Code.ENVELOPE_CONTENT_TYPE, "content-type"),
        ({"content-type": b""}, Code.ENVELOPE_CONTENT_TYPE, "content-type"),
        ({"content-type": b"application/json; charset=latin1"}, Code.ENVELOPE_CONTENT_TYPE, "content-type"),
        ({"content-type": b"application/cloudevents-batch+json"}, Code.ENVELOPE_CONTENT_TYPE, "content-type"),
        ({"content-type": b"application/cloudevents+avro"}, Code.ENVELOPE_CONTENT_TYPE, "content-type"),
        ({"ce_trace": None}, Code.ENVELOPE_HEADER, "ce_trace"),
        ({"ce_trace": b"\xc3"}, Code.ENVELOPE_HEADER, "ce_trace"),
        ({"content-type": None}, Code.ENVELOPE_HEADER, "content-type"),
        ({"content-type": b"\xff"}, Code.ENVELOPE_HEADER, "content-type"),
    ],
    ids=str,
)
def test_binary_refused(changes: dict[str, Any], code: Code, field: str) -> None:
    fault = _binary(changes)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


@pytest.mark.parametrize("name", ["ce_id", "content-type", "ce_trace"])
def test_a_header_of_the_envelope_that_is_there_twice_is_refused(name: str) -> None:
    twice = [*HEADERS.items(), ("ce_trace", b"1"), (name, b"other")]
    fault = parse(KEY, b"{}", twice)
    assert fault == Fault(Code.ENVELOPE_HEADER, name, "The header is there twice; send it once.")


@pytest.mark.parametrize("own", [[*HEADERS.items()], [*STRUCTURED]], ids=["binary", "structured"])
@pytest.mark.parametrize("others", OF_OTHERS.values(), ids=OF_OTHERS)
def test_the_headers_of_others_are_theirs(own: list[tuple[str, bytes]], others: Headers) -> None:
    """(rules E13)"""
    value = b"{}" if own[0][0] == "ce_specversion" else json.dumps({**EVENT, "data": {}}).encode()
    assert parse(KEY, value, own) == parse(KEY, value, [*others, *own, *others])
    if value == b"{}":
        assert parse_envelope(KEY, own) == parse_envelope(KEY, [*others, *own])


@pytest.mark.parametrize("key", [None, b"", b"card-18", b"\xff"])
def test_partitionkey_must_be_the_key(key: bytes | None) -> None:
    for event in (_structured(key=key), _binary({}, key=key)):
        assert isinstance(event, Fault)
        assert event.code is Code.ENVELOPE_KEY


def test_attributes_may_come_as_headers_too_if_they_are_equal() -> None:
    both = (*STRUCTURED, ("ce_id", b"e-1"), ("ce_specversion", b"1.0"))
    assert isinstance(_structured(headers=both), CloudEvent)
    for header in (("ce_id", b"e-2"), ("ce_subject", b"none in the event")):
        fault = _structured(headers=(*STRUCTURED, header))
        assert isinstance(fault, Fault)
        assert (fault.code, fault.field) == (Code.ENVELOPE_HEADER, header[0])


@pytest.mark.parametrize(
    ("value", "headers", "code", "field"),
    [
        (None, STRUCTURED, Code.VALUE_MISSING, ""),
        (None, tuple(HEADERS.items()), Code.VALUE_MISSING, ""),
        (b"", STRUCTURED, Code.JSON_SYNTAX, ""),
        (b"", tuple(HEADERS.items()), Code.JSON_SYNTAX, "data"),
        (b"{}", (), Code.ENVELOPE_MISSING, ""),
        (b"{}", (("content-type", b"application/json"),), Code.ENVELOPE_MISSING, ""),
        (b"{}", STRUCTURED, Code.ENVELOPE_DATA, "data"),
        (b"[]", STRUCTURED, Code.NOT_AN_OBJECT, ""),
        (b'{"id":1,"id":2}', STRUCTURED, Code.JSON_DUPLICATE_KEY, ""),
        (b'{"a":1,"a":2}', tuple(HEADERS.items()), Code.JSON_DUPLICATE_KEY, "data"),
        (b"\xff", tuple(HEADERS.items()), Code.JSON_ENCODING, "data"),
        (b"[" * 50_000, tuple(HEADERS.items()), Code.JSON_NESTING, "data"),
        (b" " * EVENT_BYTES_MAX, STRUCTURED, Code.TOO_LARGE, ""),
    ],
)
def test_record_refused(value: bytes | None, headers: Headers, code: Code, field: str) -> None:
    fault = parse(KEY, value, headers)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


def test_what_ingest_writes_to_the_byte() -> None:
    headers = binary(
        id="e-1",
        source="/partners/bank",
        type="goodstanding.behavior.normalized.v1",
        time=datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC),
        partitionkey="ab" * 32,
        extensions={"origin": "behavior.raw.bank/3/17"},
    )
    assert headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e-1"),
        ("ce_source", b"/partners/bank"),
        ("ce_type", b"goodstanding.behavior.normalized.v1"),
        ("ce_time", b"2025-02-28T23:59:59Z"),
        ("ce_partitionkey", b"ab" * 32),
        ("ce_origin", b"behavior.raw.bank/3/17"),
        ("content-type", b"application/json"),
    )


def test_size_counts_key_headers_and_value() -> None:
    assert EVENT_BYTES_MAX == 65_536
    room = EVENT_BYTES_MAX - len(b"key") - len("name") - len(b"text") - HEADER_MEMORY_BYTES
    headers: Headers = (("name", b"text"),)
    assert too_large(b"key", b"x" * room, headers) is None
    assert too_large(b"key", b"x" * (room + 1), headers)
    assert too_large(b"keys", b"x" * room, headers)
    assert too_large(b"key", b"x" * room, (("name", b"texts"),))
    assert too_large(None, None, (("null", None),)) is None


def test_headers_count_without_any_text() -> None:
    room = EVENT_BYTES_MAX - HEADERS_MAX * HEADER_MEMORY_BYTES
    empty: Headers = (("", b""),) * HEADERS_MAX
    assert too_large(None, b"x" * room, empty) is None
    assert too_large(None, b"x" * (room + 1), empty) == Fault(
        Code.TOO_LARGE, "", "The event has 65537 bytes, each header counted with 160 and its text; 65536 are allowed."
    )
    assert too_large(None, b"", (*empty, ("", b""))) == Fault(
        Code.TOO_MANY_HEADERS, "", "The record has 65 headers; 64 are allowed."
    )


def test_what_reports_on_another_message_has_no_time_and_no_content_type() -> None:
    headers = binary(id="i", source="/s", type="t", extensions={"origin": "o"}, content_type=None)
    assert headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"i"),
        ("ce_source", b"/s"),
        ("ce_type", b"t"),
        ("ce_origin", b"o"),
    )
    fault = parse_envelope(None, headers)
    assert isinstance(fault, Fault)
    assert fault.field == "ce_time"


ANY_HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*HEADERS, "ce_x", "ce_X", "ce_", "x-trace"]),
        st.none() | st.binary(max_size=12) | st.sampled_from([*HEADERS.values(), *(value for _, value in STRUCTURED)]),
    ),
    max_size=10,
)


@given(st.none() | st.binary(max_size=8), st.none() | st.binary(max_size=40), ANY_HEADERS)
def test_any_record_gives_an_event_or_a_fault(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    assert isinstance(parse(key, value, headers), CloudEvent | Fault)
