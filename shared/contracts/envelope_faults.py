"""What is wrong with an envelope: each attribute is looked at, in order, and the first fault is named (rules E13).

Also the way for an envelope that is in order and unusual: with a header of others that is no text, an attribute that is
a number, a `dataschema`.
"""

from __future__ import annotations

import re
from typing import Any

from shared.contracts.envelope import (
    ATTRIBUTE_CHARACTERS_MAX,
    CONTENT_TYPE,
    JSON,
    NAME,
    PREFIX,
    REQUIRED,
    Envelope,
    Headers,
    is_uri,
)
from shared.contracts.faults import Code, Fault
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.texts import CONTROL
from shared.contracts.times import TimeError, instant

_JSON_TYPE = re.compile(r"(?:application|text)/(?:[a-z0-9.+-]+\+)?json *(?:; *charset=\"?utf-8\"?)?", re.IGNORECASE)


def own_texts(headers: Headers) -> dict[str, str] | Fault:
    """The envelope's headers, among those of tracers, frameworks and redelivery, which are theirs to fill.

    A header of the envelope that is null, not UTF-8 or there twice means that two readers could disagree (rules E13).
    """
    texts: dict[str, str] = {}
    for name, content in headers:
        if name != CONTENT_TYPE and not name.startswith(PREFIX):
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


def attributes_of(texts: dict[str, str]) -> dict[str, str]:
    """The attributes among the headers of a record in binary mode, by their names without the prefix."""
    return {name[3:]: text for name, text in texts.items() if name[:3] == PREFIX}


def binary_envelope(key: bytes | None, texts: dict[str, str]) -> Envelope | Fault:
    """The envelope in the headers of a record in binary mode."""
    content_type = texts.get(CONTENT_TYPE)
    if content_type is not None and content_type != JSON and not _JSON_TYPE.fullmatch(content_type):
        return Fault(Code.ENVELOPE_CONTENT_TYPE, CONTENT_TYPE, "The data must be application/json, in UTF-8.")
    if "ce_datacontenttype" in texts:
        sentence = "In binary mode the header `content-type` says what the data is."
        return Fault(Code.ENVELOPE_HEADER, "ce_datacontenttype", sentence)
    return _envelope(key, attributes_of(texts), PREFIX)


def structured_envelope(key: bytes | None, texts: dict[str, str], event: dict[str, Any]) -> Envelope | Fault:
    """The envelope of a structured event, without its data; `texts` are the headers that came with it."""
    attributes = _attribute_texts(event)
    if isinstance(attributes, Fault):
        return attributes
    content_type = attributes.pop("datacontenttype", JSON)
    if content_type != JSON and not _JSON_TYPE.fullmatch(content_type):
        return Fault(Code.ENVELOPE_CONTENT_TYPE, "datacontenttype", "The data must be application/json, in UTF-8.")
    # The specification allows the attributes as headers too. If they were unequal, readers could disagree.
    for name, text in texts.items():
        if name.startswith(PREFIX) and attributes.get(name[3:]) != text:
            known = "unequal to the attribute in" if attributes.get(name[3:]) is not None else "no attribute of"
            return Fault(Code.ENVELOPE_HEADER, name, f"The header is {known} the event; leave it out.")
    return _envelope(key, attributes, "")


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


_OWN = frozenset(("specversion", *REQUIRED, "datacontenttype", "dataschema", "subject", "partitionkey"))


def _envelope(key: bytes | None, attributes: dict[str, str], prefix: str) -> Envelope | Fault:
    if attributes.pop("specversion", None) != "1.0":
        return Fault(Code.ENVELOPE_VERSION, f"{prefix}specversion", "Send CloudEvents with `specversion` 1.0.")
    for name in REQUIRED:
        if name not in attributes:
            return Fault(Code.ENVELOPE_ATTRIBUTE, f"{prefix}{name}", "The attribute must be there.")
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


def _attribute_fault(name: str, text: str) -> str | None:
    if not NAME.fullmatch(name) or name == "data":
        return "The name of an attribute has only lower-case letters and digits, and is not `data`."
    if not text:
        return "The attribute is empty."
    characters_max = ID_CHARACTERS_MAX if name == "id" else ATTRIBUTE_CHARACTERS_MAX
    if len(text) > characters_max:
        return f"The attribute may have at most {characters_max} characters."
    if CONTROL.search(text):
        return "The attribute has control characters."
    if name in ("source", "dataschema") and not is_uri(text):
        return "The attribute must be a URI."
    return None
