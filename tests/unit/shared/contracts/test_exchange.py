"""What the services receive from each other: one order of checks, and a code for each thing that can be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.cloudevents import Headers, binary
from shared.contracts.exchange import (
    Misasked,
    Provenance,
    Received,
    announced,
    answered,
    forwarded_source,
    provenance,
    received,
    refused,
    requested,
    stated,
)
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import TYPES, RecordChange, RecordReport, Refusal, TierChange, encode
from shared.contracts.refusals import read_refusal
from shared.contracts.subject import SubjectAnswer, SubjectRequest
from shared.contracts.topics import (
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    REJECTED_VALUE_BYTES_MAX,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    TIERS_CHANGED,
)


@dataclass(frozen=True)
class Logged:
    key: bytes | None
    value: bytes | None
    headers: Headers
    topic: str = RECORDS_REPORTED


MODELS = {RECORDS_REPORTED: RecordReport}
USER = "ab" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)
REPORT = RecordReport(kind="hotel.no_show", report_id="r1", status="reported", began_on=date(2026, 1, 1))
GOOD = binary(
    id="e1",
    source=forwarded_source("hotel"),
    type=TYPES[RecordReport],
    time=NOW,
    partitionkey=USER,
    extensions={"origin": "behavior.raw.hotel/1/7"},
)


def without(name: str) -> Headers:
    return tuple(header for header in GOOD if header[0] != name)


def put(name: str, value: str) -> Headers:
    return (*without(name), (name, value.encode()))


def test_a_good_message_is_received_whole() -> None:
    message = received(Logged(USER.encode(), encode(REPORT), GOOD), MODELS)
    assert isinstance(message, Received)
    assert (message.user_id, message.body, message.envelope.id) == (USER, REPORT, "e1")
    assert provenance(message.envelope) == Provenance("hotel", "behavior.raw.hotel/1/7", "")


@pytest.mark.parametrize(
    ("key", "value", "headers", "code"),
    [
        pytest.param(USER.encode(), encode(REPORT), without("ce_id"), Code.ENVELOPE_ATTRIBUTE, id="envelope"),
        pytest.param(None, encode(REPORT), without("ce_partitionkey"), Code.ENVELOPE_KEY, id="no key"),
        pytest.param(b"me", encode(REPORT), put("ce_partitionkey", "me"), Code.ENVELOPE_KEY, id="key"),
        pytest.param(b"\xff", encode(REPORT), without("ce_partitionkey"), Code.ENVELOPE_KEY, id="key not ASCII"),
        pytest.param(USER.encode(), encode(REPORT), put("ce_type", "other.v1"), Code.ENVELOPE_TYPE, id="type"),
        pytest.param(USER.encode(), None, GOOD, Code.VALUE_MISSING, id="no value"),
        pytest.param(USER.encode(), b"{}", GOOD, Code.MISSING_FIELD, id="body"),
        pytest.param(
            USER.encode(),
            b'{"kind":"gas.bill","report_id":"1","status":"reported"}',
            GOOD,
            Code.UNKNOWN_KIND,
            id="kind",
        ),
        # Of several faults the first in the order of the checks is told.
        pytest.param(b"me", None, put("ce_partitionkey", "me"), Code.ENVELOPE_KEY, id="key before value"),
        pytest.param(USER.encode(), b"{}", put("ce_type", "other.v1"), Code.ENVELOPE_TYPE, id="type before body"),
    ],
)
def test_what_cannot_be_received_has_a_code(
    key: bytes | None, value: bytes | None, headers: Headers, code: Code
) -> None:
    fault = received(Logged(key, value, headers), MODELS)
    assert isinstance(fault, Fault)
    assert fault.code is code


def test_bodies_of_one_topic_are_told_apart_by_type() -> None:
    several = {RECORDS_REPORTED: (TierChange, RecordReport)}
    message = received(Logged(USER.encode(), encode(REPORT), GOOD), several)
    assert isinstance(message, Received)
    assert message.body == REPORT
    fault = received(Logged(USER.encode(), encode(REPORT), put("ce_type", "other.v1")), several)
    assert isinstance(fault, Fault)
    assert (fault.code, TYPES[TierChange] in fault.sentence) == (Code.ENVELOPE_TYPE, True)


ASKING = binary(id="r1", source="/portal", type=TYPES[SubjectRequest], time=NOW, partitionkey=USER)


def ask(name: str = "", value: str = "") -> Headers:
    return (*(header for header in ASKING if header[0] != name), *([(name, value.encode())] if value else []))


def test_a_request_of_a_person_is_received() -> None:
    message = requested(Logged(USER.encode(), b'{"request":"erase"}', ask(), SUBJECT_REQUESTS))
    assert isinstance(message, Received)
    assert message.body == SubjectRequest(request="erase")


@pytest.mark.parametrize(
    ("value", "headers", "code", "is_answered"),
    [
        pytest.param(b'{"request":"forget"}', ask(), Code.UNKNOWN_VALUE, True, id="no such request"),
        pytest.param(b'{"request":"dispute"}', ask(), Code.FIELD_REQUIRED_BY_KIND, True, id="no record"),
        pytest.param(b"[]", ask(), Code.NOT_AN_OBJECT, True, id="no object"),
        pytest.param(None, ask(), Code.VALUE_MISSING, True, id="no value"),
        pytest.param(b'{"request":"erase"}', ask("ce_type", "t"), Code.ENVELOPE_TYPE, True, id="type"),
        pytest.param(b'{"request":"erase"}', ask("ce_id", "a/b"), Code.ENVELOPE_ATTRIBUTE, False, id="id"),
        pytest.param(b"[]", ask("ce_id", "i" * 65), Code.NOT_AN_OBJECT, False, id="id and body"),
        pytest.param(b'{"request":"erase"}', ask("ce_time"), Code.ENVELOPE_ATTRIBUTE, False, id="no time"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_to_the_person_if_it_can_be(
    value: bytes | None, headers: Headers, code: Code, is_answered: bool
) -> None:
    wrong = requested(Logged(USER.encode(), value, headers, SUBJECT_REQUESTS))
    assert isinstance(wrong, Misasked) == is_answered
    fault = wrong.fault if isinstance(wrong, Misasked) else wrong
    assert isinstance(fault, Fault)
    assert fault.code is code


def test_a_request_is_answered_with_the_same_bytes() -> None:
    about: dict[str, Any] = {"request_id": "r1", "request": "erase", "service": "retention", "code": "erased"}
    answer = SubjectAnswer(status="begun", en="It has begun.", zh="已开始。", **about)
    message = answered(USER, answer, NOW)
    assert message == answered(USER, answer, NOW)
    assert (message.topic, dict(message.headers)["ce_id"]) == (SUBJECT_ANSWERS, b"retention/r1/1")


def test_fields_of_a_later_release_are_passed_over_where_that_is_wanted() -> None:
    value = encode(REPORT)[:-1] + b',"later":1}'
    assert isinstance(received(Logged(USER.encode(), value, GOOD), MODELS), Fault)
    assert isinstance(received(Logged(USER.encode(), value, GOOD), MODELS, later_fields=True), Received)


@pytest.mark.parametrize(
    "headers", [put("ce_source", "/elsewhere"), without("ce_origin")], ids=["no partner", "no origin"]
)
def test_an_event_of_nobody_has_no_provenance(headers: Headers) -> None:
    message = received(Logged(USER.encode(), encode(REPORT), headers), MODELS)
    assert isinstance(message, Received)
    fault = provenance(message.envelope)
    assert isinstance(fault, Fault)
    assert fault.code is Code.ENVELOPE_ATTRIBUTE


def test_what_is_announced_is_received() -> None:
    change = TierChange(
        version=2,
        granted=(),
        revoked=(),
        in_force=(),
        restrictions=(),
        score_version=3,
        as_of=NOW,
        policy="a@0123456789ab",
    )
    message = announced("benefits", TIERS_CHANGED, USER, change, subject=USER, version=2, time=NOW)
    back = received(message, {TIERS_CHANGED: TierChange})
    assert isinstance(back, Received)
    assert back.body == change
    assert back.envelope.id == f"benefits/{USER}/2"
    assert message == announced("benefits", TIERS_CHANGED, USER, change, subject=USER, version=2, time=NOW), (
        "equal to the byte"
    )


@pytest.mark.parametrize(
    ("key", "value", "is_ours"),
    [
        pytest.param(USER.encode(), b"%d" % 2**53, False, id="a version that no counting reaches"),
        pytest.param(USER.encode(), b"%d" % (2**53 - 1), True, id="the highest version"),
        pytest.param(b"", b"1", False, id="an empty key"),
        pytest.param(b"ab", b"1", False, id="a short key"),
        pytest.param(USER.upper().encode(), b"1", False, id="a key in capitals"),
        pytest.param(b"\xff", b"1", False, id="a key that is no text"),
        pytest.param(None, b"1", False, id="no key"),
        pytest.param(USER.encode(), b"0", False, id="a body that cannot be read"),
        pytest.param(USER.encode(), None, False, id="no value"),
    ],
)
def test_what_a_service_reads_back_of_its_topic(key: bytes | None, value: bytes | None, is_ours: bool) -> None:
    rest = b'"granted":[],"revoked":[],"in_force":[],"restrictions":[],"score_version":3,"policy":"a@0123456789ab"'
    body = None if value is None else b'{"version":%b,"as_of":"2026-03-01T00:00:00Z",%b}' % (value, rest)
    said = stated(Logged(key, body, (), TIERS_CHANGED), TierChange)
    assert (said is not None) == is_ours
    assert said is None or (said[0], said[1].version) == (USER, 2**53 - 1)


def test_a_change_of_a_record_that_lacks_a_field_is_not_received() -> None:
    change = RecordChange(record_id="ab" * 16, version=1, status="open", counts=True, kind="hotel.no_show")
    message = announced("retention", RECORDS_CHANGED, USER, change, subject="ab" * 16, version=1, time=NOW)
    fault = received(message, {RECORDS_CHANGED: RecordChange})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (Code.FIELD_REQUIRED_BY_KIND, "data.record_class")


@pytest.mark.parametrize(
    ("value", "comes_back", "omitted"),
    [
        pytest.param(None, None, "", id="what we have read is not what the partner sent"),
        pytest.param(b"x" * REJECTED_VALUE_BYTES_MAX, b"x" * REJECTED_VALUE_BYTES_MAX, "", id="as large as can be"),
        pytest.param(b"x" * (REJECTED_VALUE_BYTES_MAX + 1), None, "value", id="too large"),
    ],
)
def test_a_refusal_goes_to_the_partner(value: bytes | None, comes_back: bytes | None, omitted: str) -> None:
    fault = Fault(Code.CONFLICT, "ce_id", "Something came first.")
    theirs = '{"ce_id":"number"}'
    message = refused("ingest", "hotel", "behavior.raw.hotel/1/7", fault, "e1", value=value, fieldnames=theirs)
    assert (message.topic, message.key, message.value) == ("behavior.rejected.hotel", None, comes_back)
    refusal = read_refusal(message.headers)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field, refusal.origin) == (Code.CONFLICT, "number", "behavior.raw.hotel/1/7")
    assert (refusal.omitted or "") == omitted
