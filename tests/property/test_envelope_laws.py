"""The laws of the envelope: what we write is read back, and both modes and both ways of reading say the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.cloudevents import CloudEvent, Envelope, Headers, binary, parse, parse_envelope

STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40)
ENVELOPES = st.builds(
    Envelope,
    id=TEXT,
    source=st.from_regex(r"[a-z]+:/(/[a-zA-Z0-9._~-]+)+", fullmatch=True),
    type=TEXT,
    time=st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  # without a zone on purpose
    partitionkey=st.none() | TEXT,
    extensions=st.dictionaries(st.from_regex(r"x[a-z0-9]{0,8}", fullmatch=True), TEXT, max_size=3),
)


def _headers(envelope: Envelope) -> tuple[tuple[str, bytes], ...]:
    return binary(
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        time=envelope.time,
        partitionkey=envelope.partitionkey,
        extensions=envelope.extensions,
    )


@given(ENVELOPES)
def test_what_we_write_is_read_back(envelope: Envelope) -> None:
    key = envelope.partitionkey.encode() if envelope.partitionkey else None
    assert parse_envelope(key, _headers(envelope)) == envelope
    assert parse(key, b"[]", _headers(envelope)) == CloudEvent(envelope, [], "ce_")


@given(ENVELOPES)
def test_both_modes_say_the_same(envelope: Envelope) -> None:
    key = envelope.partitionkey.encode() if envelope.partitionkey else None
    headers = _headers(envelope)
    event: dict[str, Any] = {name[3:]: text.decode() for name, text in headers if name.startswith("ce_")} | {"data": []}
    structured_event, binary_event = parse(key, json.dumps(event).encode(), STRUCTURED), parse(key, b"[]", headers)
    assert structured_event == CloudEvent(envelope, [], "")
    assert binary_event == CloudEvent(envelope, [], "ce_")


# One that is no text sends an envelope the long way, past everything that judges it as a whole.
OF_A_TRACER = ("grpc-trace-bin", b"\xff")
DAMAGED = st.sampled_from(["1.0", "", "a\x00b", "é", "x" * 129, "x" * 1025, "2025-02-30T00:00:00Z", "application/xml"])
NAMES = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_partitionkey", "content-type"]
STRANGE = ["ce_dataschema", "ce_datacontenttype", "ce_data", "ce_X", "ce_", "x-trace"]


@given(ENVELOPES, st.dictionaries(st.sampled_from(NAMES + STRANGE), st.none() | DAMAGED, max_size=2), st.booleans())
def test_the_short_way_and_the_long_way_say_the_same(
    envelope: Envelope, damage: dict[str, str | None], right_key: bool
) -> None:
    texts = {name: text.decode() for name, text in _headers(envelope)} | damage
    headers = tuple((name, text.encode()) for name, text in texts.items() if text is not None)
    key = envelope.partitionkey.encode() if envelope.partitionkey and right_key else None
    assert parse(key, b"[]", headers) == parse(key, b"[]", (*headers, OF_A_TRACER))
    assert parse_envelope(key, headers) == parse_envelope(key, (*headers, OF_A_TRACER))
    attributes = {name.removeprefix("ce_"): text for name, text in texts.items() if name != "content-type"}
    value = json.dumps(attributes | {"data": []}).encode()
    # `null` is an attribute that is not there, and no text.
    longer = json.dumps(attributes | {"data": [], "absent": None}).encode()
    assert parse(key, value, STRUCTURED) == parse(key, longer, STRUCTURED)
