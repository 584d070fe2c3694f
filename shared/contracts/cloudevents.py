"""The CloudEvents 1.0 envelope on Kafka: read strictly in both modes, written in binary mode.

The `cloudevents` package (2.2) is not used, because it stamps the present time where `time` is missing, puts the
record's key in the place of an unequal `partitionkey`, takes version 0.3, duplicate keys, NaN and control characters,
and meets a null header with an AttributeError.

Beyond the specification, our profile asks for `time`, and for JSON data: business time is the event's time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from shared.contracts.envelope import CONTENT_TYPE, PREFIX, REQUIRED, sure_envelope
from shared.contracts.envelope import Envelope as Envelope
from shared.contracts.envelope import Headers as Headers
from shared.contracts.envelope_faults import attributes_of, binary_envelope, own_texts, structured_envelope
from shared.contracts.faults import Code, Fault
from shared.contracts.strict_json import JsonError, loads
from shared.contracts.times import rfc3339, rfc3339_of_utc

EVENT_BYTES_MAX = 64 * 1024
"""Key, headers and value of one event: room for any event, and what 2,000 of them take in memory stays bounded."""
LIST_BYTES_MAX = 1024 * 1024
"""Key, headers and value of a message that has many events: what a topic takes of any message."""
HEADERS_MAX = 64
"""Headers of one record. An envelope has about ten; tracing, and a record that was sent again, add a few each."""
HEADER_MEMORY_BYTES = 160
"""What a header takes in memory beside its name and content, of which neither is needed: a pair of two objects. So this
counts towards an event's size too (100,000 headers without any text are 200 kB on the wire and 8 MB in memory)."""

STRUCTURED = "application/cloudevents+json"
_STRUCTURED_TYPE = re.compile(r"application/cloudevents\+json *(?:; *charset=\"?utf-8\"?)?", re.IGNORECASE)

FIRST_ARRIVAL = "goodstanding-arrived"
"""The header that a redrive adds behind all others (`redriven`). It is none of the envelope's, so that whoever does not
know it passes it over."""
_FIRST_ARRIVAL_BYTES_MAX = 80

ARRIVED = "arrived"
"""The extension attribute in which ingest says when the partner's own record was appended (RFC 3339, UTC)."""


class CloudEvent(msgspec.Struct, frozen=True):
    """An event whose data has been read; `data` is any JSON value, numbers with a fraction as Decimal.

    `prefix` is what the sender writes before the name of an attribute: `ce_` in a header, nothing in an object.
    """

    envelope: Envelope
    data: Any
    prefix: Literal["ce_", ""]


def too_large(
    key: bytes | None, value: bytes | None, headers: Headers, bytes_max: int = EVENT_BYTES_MAX
) -> Fault | None:
    """The fault of an event over its limit. The topic's own limit is higher, so that we can say so. The header of a
    redrive does not count: it would have an event refused that its partner has not made too large."""
    if headers and headers[-1][0] == FIRST_ARRIVAL and len(headers[-1][1] or b"") <= _FIRST_ARRIVAL_BYTES_MAX:
        headers = headers[:-1]
    if len(headers) > HEADERS_MAX:
        return too_many_headers(len(headers))
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += HEADER_MEMORY_BYTES + len(name) + len(content or b"")
    if size <= bytes_max:
        return None
    counted = f", each header counted with {HEADER_MEMORY_BYTES} and its text" if headers else ""
    return Fault(Code.TOO_LARGE, "", f"The event has {size} bytes{counted}; {bytes_max} are allowed.")


def too_many_headers(count: int) -> Fault:
    """The fault of a record with more than HEADERS_MAX headers."""
    return Fault(Code.TOO_MANY_HEADERS, "", f"The record has {count} headers; {HEADERS_MAX} are allowed.")


def parse(key: bytes | None, value: bytes | None, headers: Headers) -> CloudEvent | Fault:
    """The event in a Kafka record, in structured or binary mode, or the first fault that keeps it from being one."""
    if fault := too_large(key, value, headers):
        return fault
    if value is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value; send the event as its value.")
    envelope: Envelope | Fault | None = _sure_of_headers(key, headers)
    if envelope is None:
        texts = own_texts(headers)
        if isinstance(texts, Fault):
            return texts
        if texts.get(CONTENT_TYPE, "").lower().startswith("application/cloudevents"):
            return _structured(key, value, texts)
        if not attributes_of(texts):
            sentence = (
                f"Send `content-type: {STRUCTURED}`, or the attributes as headers `ce_id`, `ce_source` and so on."
            )
            return Fault(Code.ENVELOPE_MISSING, "", sentence)
        envelope = binary_envelope(key, texts)
    if isinstance(envelope, Fault):
        return envelope
    try:
        return CloudEvent(envelope, loads(value), PREFIX)
    except JsonError as error:
        return Fault(error.code, "data", error.sentence)


def parse_envelope(key: bytes | None, headers: Headers) -> Envelope | Fault:
    """The envelope of a record in binary mode, with the value left to the reader: for the topics of our own."""
    envelope = _sure_of_headers(key, headers)
    if envelope is not None:
        return envelope
    texts = own_texts(headers)
    return texts if isinstance(texts, Fault) else binary_envelope(key, texts)


def _sure_of_headers(key: bytes | None, headers: Headers) -> Envelope | None:
    if len(headers) <= len(REQUIRED):  # no envelope in binary mode, so no exception is needed to find that out
        return None
    names, contents = zip(*headers, strict=True)
    try:
        return sure_envelope(key, names, [content.decode() for content in contents], PREFIX)
    except (AttributeError, UnicodeDecodeError):
        return None


def _structured(key: bytes | None, value: bytes, texts: dict[str, str]) -> CloudEvent | Fault:
    if texts[CONTENT_TYPE] != STRUCTURED and not _STRUCTURED_TYPE.fullmatch(texts[CONTENT_TYPE]):
        sentence = f"Of the structured formats only {STRUCTURED} in UTF-8 is taken, one event in each record."
        return Fault(Code.ENVELOPE_CONTENT_TYPE, CONTENT_TYPE, sentence)
    try:
        event = loads(value)
    except JsonError as error:
        return Fault(error.code, "", error.sentence)
    if not isinstance(event, dict):
        return Fault(Code.NOT_AN_OBJECT, "", "A structured event is a JSON object.")
    if "data_base64" in event:
        return Fault(Code.ENVELOPE_DATA, "data_base64", "Send the data as JSON in `data`.")
    if "data" not in event:
        return Fault(Code.ENVELOPE_DATA, "data", "The event has no data.")
    data = event.pop("data")
    # Headers with attributes too would have to be compared.
    envelope = _sure_of_members(key, event) if len(texts) == 1 else None
    found = envelope or structured_envelope(key, texts, event)
    return found if isinstance(found, Fault) else CloudEvent(found, data, "")


def _sure_of_members(key: bytes | None, event: dict[str, Any]) -> Envelope | None:
    try:
        return sure_envelope(key, tuple(event), list(event.values()), "")
    except TypeError:
        return None


def binary(
    *,
    id: str,
    source: str,
    type: str,
    time: datetime | None = None,
    partitionkey: str | None = None,
    extensions: Mapping[str, str] = MappingProxyType({}),
    content_type: str | None = "application/json",
) -> tuple[tuple[str, bytes], ...]:
    """The headers of a message in binary mode. What reports on another message (a refusal) has no time of its own."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
    ]
    if time is not None:
        headers.append(("ce_time", rfc3339(time).encode()))
    if partitionkey is not None:
        headers.append(("ce_partitionkey", partitionkey.encode()))
    for name, text in extensions.items():
        headers.append((f"ce_{name}", text.encode()))
    if content_type is not None:
        headers.append(("content-type", content_type.encode()))
    return tuple(headers)


class Stamped(Protocol):
    """The headers of one message of a sender of many: see `stamped`."""

    def __call__(
        self, id: str, time: datetime, partitionkey: bytes, *more: tuple[str, bytes]
    ) -> tuple[tuple[str, bytes], ...]: ...


def stamped(source: str, type: str) -> Stamped:
    """As `binary`, for a sender of many messages, with times in UTC: what is the same in all of them is encoded once.

    `more` are headers as they are sent, by their whole names.
    """
    same = dict(binary(id="", source=source, type=type))
    version, from_, of_type = (("ce_" + name, same["ce_" + name]) for name in ("specversion", "source", "type"))
    json = (CONTENT_TYPE, same[CONTENT_TYPE])

    def headers(
        id: str, time: datetime, partitionkey: bytes, *more: tuple[str, bytes]
    ) -> tuple[tuple[str, bytes], ...]:
        return (
            version,
            ("ce_id", id.encode()),
            from_,
            of_type,
            ("ce_time", rfc3339_of_utc(time)),
            ("ce_partitionkey", partitionkey),
            *more,
            json,
        )

    return headers
