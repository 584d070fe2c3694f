"""ingest's door: what exactly is sent for a record, byte by byte."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from services.ingest.loading import load_partner
from services.ingest.service import NAME, Policy, service
from services.retention import service as retention
from services.retention.core.decide import Policy as RetentionPolicy
from services.retention.core.messages import Report
from services.scorer import service as scorer
from services.scorer.core.messages import Event
from shared.contracts import redriven
from shared.contracts.cloudevents import EVENT_BYTES_MAX, parse_envelope
from shared.contracts.exchange import provenance, refused
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import Refusal
from shared.contracts.partition import partition_of
from shared.contracts.refusals import fieldnames, read_refusal, refusal_headers
from shared.contracts.retention_profile import Profile
from shared.contracts.times import rfc3339
from shared.contracts.topics import REJECTED_VALUE_BYTES_MAX, raw_topic
from shared.kafka.schemas import Schemas
from shared.kafka.sendable import is_too_large
from shared.kafka.unreadable import Unreadable
from shared.policy_file import load_policy
from shared.runner.service import Answer, DeadLetter, Outcome, Outgoing
from shared.settings import ROOT
from tests.support.ingest.raw_events import (
    PERSON,
    RawEvent,
    bank,
    bank_record,
    bike,
    city,
    city_record,
    consumer_credit,
    court,
    hotel,
    utility,
)
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT, PARTNERS, SERVICE, answer, answered, pseudonym, record
from tests.support.people import capping, policy_of

USER = pseudonym(PERSON)


def test_what_is_taken_goes_on_under_the_persons_pseudonym() -> None:
    """(rules E2 and I2)"""
    outgoing, outcome = answer(bank())
    assert (outgoing.topic, outgoing.key) == ("behavior.normalized", USER.encode())
    assert outgoing.partition == partition_of(USER)
    assert outgoing.value == b'{"kind":"credit_card.repayment","amount":412355,"days_late":3}'
    assert outgoing.headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"event-1"),
        ("ce_source", b"/partners/bank"),
        ("ce_type", b"goodstanding.behavior.normalized.v1"),
        ("ce_time", b"2024-03-05T01:30:00Z"),
        ("ce_partitionkey", USER.encode()),
        ("ce_origin", b"behavior.raw.bank/3/7"),
        ("ce_arrived", rfc3339(ARRIVED).encode()),
        ("ce_fieldnames", b'{"ce_id":"id","ce_time":"time"}'),
        ("content-type", b"application/json"),
    )
    assert outcome == Outcome("accepted", "bank")


def test_a_record_goes_to_the_records() -> None:
    outgoing, _ = answer(bank_record())
    assert outgoing.topic == "records.reported"
    assert outgoing.value == (
        b'{"kind":"card.overdue","report_id":"R-5","status":"reported","began_on":"2023-11-20","amount":990000}'
    )
    assert dict(outgoing.headers)["ce_type"] == b"goodstanding.record.reported.v1"


def test_what_is_not_taken_comes_back_untouched() -> None:
    event = bank({"days_past_due": -999})
    outgoing, outcome = answer(event)
    assert (outgoing.topic, outgoing.key, outgoing.value) == ("behavior.rejected.bank", None, event.value)
    assert outgoing.headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"ingest/behavior.raw.bank/3/7"),
        ("ce_source", b"/ingest"),
        ("ce_type", b"goodstanding.event.rejected.v1"),
        ("ce_code", b"out-of-bounds"),
        ("ce_sentence", b"The number must be -732 to 36525."),
        ("ce_origin", b"behavior.raw.bank/3/7"),
        ("ce_field", b"data.days_past_due"),
        ("ce_eventid", b"event-1"),
        ("ce_mapping", PARTNERS["bank"].mapping.encode()),
    )
    assert outcome == Outcome("refused", "bank", "out-of-bounds")


@pytest.mark.parametrize(
    ("event", "id"),
    [
        (bank({"days_past_due": -999}), "event-1"),
        (bank(time="yesterday"), "event-1"),
        (bank(type="unknown"), "event-1"),
        (bank(id=7), None),
        (bank(id="i" * 129), None),
        (consumer_credit(time="yesterday"), "event-1"),
        (consumer_credit(None, ("ce_x", b"\xff")), "event-1"),
        (utility({"ts": "late"}), "m-1"),
        (utility({"evt": "unknown"}), "m-1"),
        (utility({"msg_id": ...}), None),
        (hotel({"Colour": "red"}), "H-1"),
        (court({"action": "unknown"}), "N-1"),
        (RawEvent("bank", b"{", (("content-type", b"application/cloudevents+json"),)), None),
        (RawEvent("court-feed", b"N-1"), None),
    ],
)
def test_a_refusal_says_which_event_it_was_if_that_can_be_read(event: RawEvent, id: str | None) -> None:
    refusal = read_refusal(answer(event)[0].headers)
    assert isinstance(refusal, Refusal)
    assert refusal.eventid == id


@pytest.mark.parametrize("event", [bank(), bank_record(), bike(), court(), bank({"sex": 1}), utility({"ts": None})])
def test_what_is_sent_again_is_byte_equal(event: RawEvent) -> None:
    assert answer(event) == answer(event)


class _KnownSchema(Schemas):
    """One of which every value that has a frame is JSON behind it."""

    def plain(self, value: bytes | None, values_max: int, sender: str) -> bytes | None:
        return value.removeprefix(_FRAME) if value is not None else None


_FRAME = b"\0\0\0\0\1"


def test_a_value_with_a_schema_is_read_as_the_json_behind_it() -> None:
    """As the consumer hands it out, whose records are not the library's."""
    partners = {"utility": replace(PARTNERS["utility"], registry=True)}
    ingest = service(Policy(partners, schemas=_KnownSchema("http://127.0.0.1:9")))
    event = utility()
    framed = replace(event, value=_FRAME + (event.value or b""))
    assert answered(record(framed), ingest) == answered(record(event))
    refused = answered(record(replace(event, value=_FRAME + b"{}")), ingest)
    assert not isinstance(refused, DeadLetter)
    assert [outgoing.value for outgoing in refused.outgoing] == [_FRAME + b"{}"]


def test_a_value_that_is_too_large_is_refused_before_anything_is_made_of_it() -> None:
    partners = {"utility": replace(PARTNERS["utility"], registry=True)}
    ingest = service(Policy(partners, schemas=Schemas("http://127.0.0.1:9")))  # it would say: later
    refused = answered(record(replace(utility(), value=_FRAME + bytes(EVENT_BYTES_MAX))), ingest)
    assert isinstance(refused, Answer)
    assert refused.outcomes == (Outcome("refused", "utility", "too-large"),)


def unreadable(topic: str, first: int, behind: int) -> Answer | DeadLetter:
    what = Unreadable(topic, 3, first, behind, 1, "batch-too-large", "Send smaller batches.")
    return SERVICE.mode.unreadable(what)


def test_what_nobody_can_read_is_answered_by_position() -> None:
    """One refusal for all of it, without any bytes (rules E14)."""
    answered = unreadable("behavior.raw.bank", 7, 10)
    assert isinstance(answered, Answer)
    [outgoing] = answered.outgoing
    assert (outgoing.topic, outgoing.value) == ("behavior.rejected.bank", None)
    assert read_refusal(outgoing.headers) == Refusal(
        code="batch-too-large",
        sentence="Send smaller batches.",
        origin="behavior.raw.bank/3/7",
        lastorigin="behavior.raw.bank/3/9",
    )
    assert answered.outcomes == (Outcome("refused", "bank", "batch-too-large"),)


def test_one_record_that_nobody_can_read_has_one_position() -> None:
    answered = unreadable("behavior.raw.bank", 7, 8)
    assert isinstance(answered, Answer)
    assert "ce_lastorigin" not in dict(answered.outgoing[0].headers)


def test_what_nobody_can_read_of_an_unknown_partner_is_a_dead_letter() -> None:
    answered = unreadable("behavior.raw.nobody", 7, 8)
    assert isinstance(answered, DeadLetter)
    assert answered.code == "unknown-partner"


def test_one_answer_for_each_record_in_their_order() -> None:
    events = [bank(), utility({"amt": -1}), court(), hotel(), bike({"x": 1})]
    answers = [answered(record(event, offset)) for offset, event in enumerate(events)]
    for offset, each in enumerate(answers):
        assert isinstance(each, Answer)
        assert [dict(out.headers)["ce_origin"] for out in each.outgoing] == [
            f"{raw_topic(events[offset].partner)}/3/{offset}".encode()
        ]
    results = [outcome.result for each in answers if isinstance(each, Answer) for outcome in each.outcomes]
    assert results == ["accepted", "refused", "accepted", "accepted", "refused"]


def test_a_topic_without_a_mapping_is_set_aside_for_the_operator() -> None:
    """(rules E2)"""
    letter = answered(record(RawEvent("stranger", b"{}")))
    assert isinstance(letter, DeadLetter)
    assert letter.code == "unknown-partner"
    assert "add its file" in letter.sentence


def test_it_reads_all_raw_topics_and_what_is_said_of_erasures() -> None:
    assert SERVICE.name == NAME
    patterns = [source.pattern for source in SERVICE.inputs]
    matched = [
        name
        for name in ("behavior.raw.bank", "behavior.raw.new-one", "behavior.raw.", "behaviorXraw.bank",
                     "behavior.rejected.bank", "old.behavior.raw.bank", "subject.answers", "subjectXanswers",
                     "subject.answers.old", "subject.requests")
        if any(re.match(pattern or "", name) for pattern in patterns)
    ]  # fmt: skip
    assert matched == ["behavior.raw.bank", "behavior.raw.new-one", "subject.answers"]


def test_a_refusal_that_no_topic_could_take_comes_without_the_bytes() -> None:
    """Some thousand bytes on the wire can be megabytes when they are unpacked."""
    taken, refused = (
        answer(RawEvent("bank", b" " * size, ())) for size in (REJECTED_VALUE_BYTES_MAX, REJECTED_VALUE_BYTES_MAX + 1)
    )
    assert taken[0].value is not None
    assert refused[0].value is None
    told = [read_refusal(outgoing.headers) for outgoing, _ in (taken, refused)]
    assert [(each.code, each.omitted) for each in told if isinstance(each, Refusal)] == [
        ("too-large", None),
        ("too-large", "value"),
    ]
    assert not is_too_large(taken[0])


THEIR_WORDS = [
    (bank(), "id", "time"),
    (consumer_credit(), "ce_id", "ce_time"),
    (utility(), "msg_id", "ts"),
    (hotel(), "MessageId", "LocalTime"),
    (city(), "id", "time"),
]
"""An event, and how its partner calls its id and its time."""


@pytest.mark.parametrize(("event", "id", "time"), THEIR_WORDS, ids=lambda value: getattr(value, "partner", ""))
def test_the_scorer_refuses_in_the_partners_words(event: RawEvent, id: str, time: str) -> None:
    """(rules E1)"""
    policy = policy_of(capping())
    forwarded, _ = answer(event)
    once = scorer.decode(sent(forwarded), ARRIVED, DEPLOYMENT.zone)
    assert isinstance(once, Event)
    other_value = re.sub(rb'"amount":[0-9]+', b'"amount":1', forwarded.value or b"")
    other = scorer.decode(sent(forwarded, other_value), ARRIVED, DEPLOYMENT.zone)
    assert isinstance(other, Event)
    late = msgspec.structs.replace(once, arrival_month=once.arrival_month + 12)
    refusals = {
        Code.TOO_LATE: scorer.decide(None, [late], ARRIVED + timedelta(days=366), policy),
        Code.CONFLICT: scorer.decide(None, [once, other], ARRIVED, policy),
    }
    fields = {}
    for code, decision in refusals.items():
        (refusal,) = [read_refusal(each.headers) for each in decision.outgoing if each.topic.startswith("behavior.rej")]
        assert isinstance(refusal, Refusal)
        assert refusal.code == code
        fields[code] = refusal.field
    assert fields == {Code.TOO_LATE: time, Code.CONFLICT: id}


RECORD_WORDS = [
    (bank_record({"state": "paid", "paid_on": "2024-03-01"}), "data.paid_on"),
    (court({"action": "RELEASED", "released": "2024-03-04", "yuan": ""}), "released"),
    (city_record({"status": "settled", "ended_on": "2024-03-04"}), "data.ended_on"),
]


@pytest.mark.parametrize(("event", "field"), RECORD_WORDS, ids=lambda value: getattr(value, "partner", ""))
def test_retention_refuses_in_the_partners_words(event: RawEvent, field: str) -> None:
    """(rules E1)"""
    forwarded, _ = answer(event)
    settled = retention.decode(sent(forwarded), ARRIVED)
    assert isinstance(settled, Report)
    assert settled.body.ended_on is not None
    later = msgspec.structs.replace(
        settled, event_id="2", body=replace(settled.body, ended_on=settled.body.ended_on + timedelta(days=1))
    )
    began = replace(settled.body, status="reported", ended_on=None, began_on=date(2024, 2, 1))
    reported = msgspec.structs.replace(settled, event_id="0", body=began)
    settled, later = (
        msgspec.structs.replace(each, body=replace(each.body, began_on=None)) for each in (settled, later)
    )
    profile = load_policy(ROOT / "policies/retention/cn.toml", Profile)
    policy = RetentionPolicy(profile=profile, fingerprint_key=b"k" * 32)
    decision = retention.decide(None, [reported, settled, later], ARRIVED, policy)
    (refusal,) = [read_refusal(each.headers) for each in decision.outgoing if each.topic.startswith("behavior.rej")]
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (Code.RE_AGEING, field)


def test_an_event_without_names_is_refused_in_ours() -> None:
    fault = Fault(Code.CONFLICT, "ce_id", "x")
    for text in ("", "{", "[]", '{"ce_id": 1}'):
        headers = refusal_headers("scorer", "behavior.raw.bank/3/7", fault, fieldnames=text)
        assert dict(headers)["ce_field"] == b"ce_id"
    assert fieldnames({"ce_id": "ce_id", "ce_time": "ce_time"}) == ""
    assert fieldnames({"ce_id": "x" * 1024}) == ""


def sent(outgoing: Outgoing, value: bytes | None = None) -> Any:
    """The Kafka record that a message becomes, or one with another value."""
    return SimpleNamespace(
        topic=outgoing.topic, key=outgoing.key, value=value or outgoing.value, headers=outgoing.headers
    )


def test_each_event_of_a_message_has_its_own_answer_with_its_index() -> None:
    """(decision 0028)"""
    wallet = load_partner(ROOT / "docs" / "examples" / "partners" / "wallet.toml", DEPLOYMENT)
    ingest = service(Policy({"wallet": wallet}))
    movement = {
        "occurredAt": "1709631000000",
        "accountRef": PERSON,
        "movementType": "purchase",
        "amountValue": -1,
        "amountCurrency": "CNY",
        "merchant": {},
        "tags": [],
    }
    movements = [
        {**movement, "movementId": 1},
        {**movement, "movementId": 2, "movementType": "topUp"},
        {**movement, "movementId": 3, "amountCurrency": "XXX"},
        {**movement, "movementId": 4},
    ]
    found = answered(record(RawEvent("wallet", json.dumps(movements).encode())), ingest)
    assert isinstance(found, Answer)
    assert [outcome.result for outcome in found.outcomes] == ["accepted", "skipped", "refused", "accepted"]
    first, refusal, last = found.outgoing
    assert [dict(each.headers)["ce_index"] for each in found.outgoing] == [b"0", b"2", b"3"]
    assert {dict(each.headers)["ce_origin"] for each in found.outgoing} == {b"behavior.raw.wallet/3/7"}
    assert dict(refusal.headers)["ce_id"] == b"ingest/behavior.raw.wallet/3/7#2"
    assert dict(refusal.headers)["ce_field"] == b"amountCurrency"
    assert dict(refusal.headers)["ce_eventid"] == b"3"
    assert dict(refusal.headers)["ce_omitted"] == b"value"
    assert dict(refusal.headers)["ce_mapping"] == wallet.mapping.encode()
    assert refusal.value is None
    assert not isinstance(read_refusal(refusal.headers), Fault)
    assert dict(first.headers)["ce_id"] == b"1"
    assert dict(last.headers)["ce_id"] == b"4"
    # Whoever refuses one of them later names its position and its index again.
    envelope = parse_envelope(last.key, last.headers)
    assert not isinstance(envelope, Fault)
    came = provenance(envelope)
    assert not isinstance(came, Fault)
    later = refused("scorer", "wallet", came.origin, Fault(Code.CONFLICT, "", "Why."), "4", fieldnames=came.fieldnames)
    assert dict(later.headers)["ce_index"] == b"3"
    assert dict(later.headers)["ce_origin"] == b"behavior.raw.wallet/3/7"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(b"[]", ("skipped", "")), (b"{}", ("refused", "wrong-type")), (b"[", ("refused", "json-syntax"))],
)
def test_a_message_without_events_is_skipped_and_one_that_is_no_list_refused(
    value: bytes, outcome: tuple[str, str]
) -> None:
    wallet = load_partner(ROOT / "docs" / "examples" / "partners" / "wallet.toml", DEPLOYMENT)
    found = answered(record(RawEvent("wallet", value)), service(Policy({"wallet": wallet})))
    assert isinstance(found, Answer)
    assert [(each.result, each.code) for each in found.outcomes] == [outcome]
    assert [each.value for each in found.outgoing] == ([value] if outcome[0] == "refused" else [])


def test_a_record_that_was_redriven_had_arrived_when_it_came_first() -> None:
    key = b"of the deployment, and 32 bytes."
    ingest = service(Policy({}, key=key)).mode.arrived_ms
    assert ingest is not None
    plain = record(bank())
    told = redriven.dated(key, plain.topic, plain.key, plain.value, plain.headers, 7)
    again = SimpleNamespace(topic=plain.topic, key=plain.key, value=plain.value, headers=told)
    assert (ingest(again), ingest(plain)) == (7, None)
    other = service(Policy({}, key=bytes(32))).mode.arrived_ms
    assert other is not None
    assert other(again) is None
