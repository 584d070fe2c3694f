"""The CloudEvents 1.0 envelope on Kafka: read strictly in both modes, written in binary mode.

The `cloudevents` package (2.2) is not used, because it stamps the present time where `time` is missing, puts the
record's key in the place of an unequal `partitionkey`, takes version 0.3, duplicate keys, NaN and control characters,
and meets a null header with an AttributeError.

Beyond the specification, our profile asks for `time`, and for JSON data: business time is the event's time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from shared.contracts.faults import Code, Fault
from shared.contracts.messages import ID_CHARACTERS_MAX
from shared.contracts.strict_json import JsonError, loads
from shared.contracts.texts import CONTROL
from shared.contracts.times import TimeError, instant, rfc3339, rfc3339_of_utc

Headers = Sequence[tuple[str, bytes | None]]
"""The headers of a Kafka record. A client may send null; aiokafka's types do not say so."""

EVENT_BYTES_MAX = 64 * 1024
"""Key, headers and value of one event: room for any event, and what 2,000 of them take in memory stays bounded."""
HEADERS_MAX = 64
"""Headers of one record. An envelope has about ten; tracing, and a record that was sent again, add a few each."""
HEADER_BYTES = 160
"""What a header takes in memory beside its name and content, of which neither is needed: a pair of two objects. So this
counts towards an event's size too (100,000 headers without any text are 200 kB on the wire and 8 MB in memory)."""
ATTRIBUTE_CHARACTERS_MAX = 1024

STRUCTURED = "application/cloudevents+json"
_PREFIX: Literal["ce_"] = "ce_"
_CONTENT_TYPE = "content-type"
_REQUIRED = ("id", "source", "type", "time")
_NAME = re.compile(r"[a-z0-9]+")
_URI = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[a-z0-9.+-]+\+)?json *(?:; *charset=\"?utf-8\"?)?", re.IGNORECASE)
_STRUCTURED_TYPE = re.compile(r"application/cloudevents\+json *(?:; *charset=\"?utf-8\"?)?", re.IGNORECASE)


ARRIVED = "arrived"
"""The extension attribute in which ingest says when the partner's own record was appended (RFC 3339, UTC)."""


class Envelope(msgspec.Struct, frozen=True):
    """The attributes of an event. `time` is in UTC; `extensions` holds all attributes that are not named here."""

    id: str
    source: str
    type: str
    time: datetime
    partitionkey: str | None
    extensions: Mapping[str, str]


class CloudEvent(msgspec.Struct, frozen=True):
    """An event whose data has been read; `data` is any JSON value, numbers with a fraction as Decimal.

    `prefix` is what the sender writes before the name of an attribute: `ce_` in a header, nothing in an object.
    """

    envelope: Envelope
    data: Any
    prefix: Literal["ce_", ""]


def too_large(key: bytes | None, value: bytes | None, headers: Headers) -> Fault | None:
    """The fault of an event over EVENT_BYTES_MAX. The topic's own limit is higher, so that we can say so."""
    if len(headers) > HEADERS_MAX:
        return too_many_headers(len(headers))
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += HEADER_BYTES + len(name) + len(content or b"")
    if size <= EVENT_BYTES_MAX:
        return None
    counted = f", each header counted with {HEADER_BYTES} and its text" if headers else ""
    return Fault(Code.TOO_LARGE, "", f"The event has {size} bytes{counted}; {EVENT_BYTES_MAX} are allowed.")


def too_many_headers(count: int) -> Fault:
    """The fault of a record with more than HEADERS_MAX headers."""
    return Fault(Code.TOO_MANY_HEADERS, "", f"The record has {count} headers; {HEADERS_MAX} are allowed.")


def parse(key: bytes | None, value: bytes | None, headers: Headers) -> CloudEvent | Fault:
    """The event in a Kafka record, in structured or binary mode, or the first reason why there is none."""
    if fault := too_large(key, value, headers):
        return fault
    if value is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value; send the event as its value.")
    texts = _texts(headers)
    if isinstance(texts, Fault):
        return texts
    if texts.get(_CONTENT_TYPE, "").lower().startswith("application/cloudevents"):
        return _structured(key, value, texts)
    attributes = _prefixed(texts)
    if not attributes:
        sentence = f"Send `content-type: {STRUCTURED}`, or the attributes as headers `ce_id`, `ce_source` and so on."
        return Fault(Code.ENVELOPE_MISSING, "", sentence)
    envelope = _binary_envelope(key, texts, attributes)
    if isinstance(envelope, Fault):
        return envelope
    try:
        return CloudEvent(envelope, loads(value), _PREFIX)
    except JsonError as error:
        return Fault(error.code, "data", error.sentence)


def parse_envelope(key: bytes | None, headers: Headers) -> Envelope | Fault:
    """The envelope of a record in binary mode, with the value left to the reader: for the topics of our own."""
    texts = _texts(headers)
    return texts if isinstance(texts, Fault) else _binary_envelope(key, texts, _prefixed(texts))


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
    json = (_CONTENT_TYPE, same[_CONTENT_TYPE])

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


def _texts(headers: Headers) -> dict[str, str] | Fault:
    """The headers as text, as far as they are the envelope's; those of others may be among them, and nobody asks.

    A header of the envelope that is null, not UTF-8 or there twice means that two readers could disagree (rules E13).
    """
    try:
        # All at once, as it is with nearly every event: so no header of a good event pays for a look at its name.
        texts = {name: content.decode() for name, content in headers}  # type: ignore[union-attr]
    except (AttributeError, UnicodeDecodeError):
        return _own_texts(headers)
    return texts if len(texts) == len(headers) else _own_texts(headers)


def _own_texts(headers: Headers) -> dict[str, str] | Fault:
    """The envelope's headers among those of tracers, frameworks and redelivery, which are theirs to fill."""
    texts: dict[str, str] = {}
    for name, content in headers:
        if name != _CONTENT_TYPE and not name.startswith(_PREFIX):
            continue
        if content is None:
            return Fault(Code.ENVELOPE_HEADER, name, "The header is null; leave it out or give it a value.")
        if name in texts:
            return Fault(Code.ENVELOPE_HEADER, name, "The header is there twice; send it once.")
        try:
            texts[name] = content.decode()
        except UnicodeDecodeError:
            return Fault(Code.ENVELOPE_HEADER, name, "The header is not UTF-8 text.")
    return texts


def _prefixed(texts: dict[str, str]) -> dict[str, str]:
    """The attributes among the headers of a record in binary mode, by their names without the prefix."""
    return {name[3:]: text for name, text in texts.items() if name[:3] == _PREFIX}


def _binary_envelope(key: bytes | None, texts: dict[str, str], attributes: dict[str, str]) -> Envelope | Fault:
    content_type = texts.get("content-type")
    if content_type is not None and content_type != "application/json" and not _JSON_TYPE.fullmatch(content_type):
        return Fault(Code.ENVELOPE_CONTENT_TYPE, "content-type", "The data must be application/json, in UTF-8.")
    if "ce_datacontenttype" in texts:
        sentence = "In binary mode the header `content-type` says what the data is."
        return Fault(Code.ENVELOPE_HEADER, "ce_datacontenttype", sentence)
    return _envelope(key, attributes, _PREFIX)


def _structured(key: bytes | None, value: bytes, texts: dict[str, str]) -> CloudEvent | Fault:
    if texts["content-type"] != STRUCTURED and not _STRUCTURED_TYPE.fullmatch(texts["content-type"]):
        sentence = f"Of the structured formats only {STRUCTURED} in UTF-8 is taken, one event in each record."
        return Fault(Code.ENVELOPE_CONTENT_TYPE, "content-type", sentence)
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
    attributes = _attribute_texts(event)
    if isinstance(attributes, Fault):
        return attributes
    content_type = attributes.pop("datacontenttype", "application/json")
    if content_type != "application/json" and not _JSON_TYPE.fullmatch(content_type):
        return Fault(Code.ENVELOPE_CONTENT_TYPE, "datacontenttype", "The data must be application/json, in UTF-8.")
    # The specification allows the attributes as headers too. If they were unequal, readers could disagree.
    for name, text in texts.items():
        if name.startswith(_PREFIX) and attributes.get(name[3:]) != text:
            return Fault(Code.ENVELOPE_HEADER, name, "The header is unequal to the attribute in the event.")
    envelope = _envelope(key, attributes, "")
    return envelope if isinstance(envelope, Fault) else CloudEvent(envelope, data, "")


def _attribute_texts(event: dict[str, Any]) -> dict[str, str] | Fault:
    """The attributes of a structured event as binary mode would spell them; null means absent (JSON format, 2.2)."""
    texts: dict[str, str] = {}
    for name, value in event.items():
        if type(value) is str:
            texts[name] = value
        elif type(value) in (bool, int) and name not in _OWN:
            texts[name] = str(value).lower()
        elif value is not None:
            return Fault(Code.WRONG_TYPE, name, "The attribute must be a text.")
    return texts


_OWN = frozenset(("specversion", *_REQUIRED, "datacontenttype", "dataschema", "subject", "partitionkey"))


def _envelope(key: bytes | None, attributes: dict[str, str], prefix: str) -> Envelope | Fault:
    if attributes.pop("specversion", None) != "1.0":
        return Fault(Code.ENVELOPE_VERSION, f"{prefix}specversion", "Send CloudEvents with `specversion` 1.0.")
    for name in _REQUIRED:
        if name not in attributes:
            return Fault(Code.ENVELOPE_ATTRIBUTE, f"{prefix}{name}", "The attribute must be there.")
    if not _plain(attributes):
        for name, text in attributes.items():
            if fault := _attribute_fault(name, text):
                return Fault(Code.ENVELOPE_ATTRIBUTE, f"{prefix}{name}", fault)
    partitionkey = attributes.pop("partitionkey", None)
    if partitionkey is not None and partitionkey.encode() != key:
        sentence = "The attribute must be equal to the key of the Kafka record, or left out."
        return Fault(Code.ENVELOPE_KEY, f"{prefix}partitionkey", sentence)
    try:
        time = instant(attributes.pop("time"))
    except TimeError as error:
        return Fault(error.code, f"{prefix}time", error.sentence)
    return Envelope(
        attributes.pop("id"), attributes.pop("source"), attributes.pop("type"), time, partitionkey, attributes
    )


def _plain(attributes: dict[str, str]) -> bool:
    """Whether all attributes are surely in order, judged at once, as it is with nearly every event."""
    names, texts = "".join(attributes), "".join(attributes.values())
    return (
        names.isascii()
        and names.isalnum()
        and names.islower()
        and texts.isprintable()
        and len(texts) <= ATTRIBUTE_CHARACTERS_MAX
        and len(attributes["id"]) <= ID_CHARACTERS_MAX
        and "" not in attributes
        and "" not in attributes.values()
        and _is_uri(attributes["source"])
        and "data" not in attributes
        and "dataschema" not in attributes
    )


@lru_cache(maxsize=1024)
def _is_uri(text: str) -> bool:
    return bool(_URI.fullmatch(text))


def _attribute_fault(name: str, text: str) -> str | None:
    if not _NAME.fullmatch(name) or name == "data":
        return "The name of an attribute has only lower-case letters and digits, and is not `data`."
    if not text:
        return "The attribute is empty."
    characters_max = ID_CHARACTERS_MAX if name == "id" else ATTRIBUTE_CHARACTERS_MAX
    if len(text) > characters_max:
        return f"The attribute may have at most {characters_max} characters."
    if CONTROL.search(text):
        return "The attribute has control characters."
    if name in ("source", "dataschema") and not _is_uri(text):
        return "The attribute must be a URI."
    return None
