"""How a service tells a partner why an event was refused: the headers of a message on `behavior.rejected.<partner>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache

import msgspec
from pydantic import ValidationError

from shared.contracts.body_faults import fault_of
from shared.contracts.cloudevents import Headers, binary
from shared.contracts.envelope import ATTRIBUTE_CHARACTERS_MAX
from shared.contracts.faults import Fault
from shared.contracts.fields import FIELD_CHARACTERS_MAX, ID_CHARACTERS_MAX
from shared.contracts.messages import TYPES, Refusal

_FIELDS = tuple(field.name for field in fields(Refusal))


def refusal_headers(
    service: str,
    origin: str,
    fault: Fault,
    eventid: str | None = None,
    *,
    lastorigin: str | None = None,
    without_value: bool = False,
    fieldnames: str = "",
    mapping: str = "",
) -> tuple[tuple[str, bytes], ...]:
    """The headers of a refusal. They follow from the position and the fault alone: a repeated refusal is byte-equal.

    `origin` is `<raw topic>/<partition>/<offset>`, with `#<index>` behind it for one of a message's many events;
    `eventid` the partner's id of the event, if it could be read; `lastorigin` the position of the last record, if the
    refusal is for several; `without_value` says that the event's bytes do not come back; `fieldnames` is what the event
    says of its sender's words; `mapping` by which file it was read.
    """
    position, _, index = origin.partition("#")
    about = {"code": str(fault.code), "sentence": fault.sentence, "origin": position}
    if fault.field:
        about["field"] = _printable(_their_field(fault.field, fieldnames))[:FIELD_CHARACTERS_MAX]
    if eventid and len(eventid) <= ID_CHARACTERS_MAX and eventid.isprintable():
        about["eventid"] = eventid
    if lastorigin is not None:
        about["lastorigin"] = lastorigin
    if without_value:
        about["omitted"] = "value"
    if index:
        about["index"] = index
    if mapping:
        about["mapping"] = mapping
    # The value is whatever the partner sent, so nothing is said about its content type.
    return binary(
        id=f"{service}/{origin}", source=f"/{service}", type=TYPES[Refusal], extensions=about, content_type=None
    )


def fieldnames(theirs: Mapping[str, str]) -> str:
    """What a normalized event says of its sender's words: how the fields are called that a later service may refuse.

    `theirs` is by our name of the field (`ce_time`, `data.ended_on`). Empty where nothing differs, or where it is too
    long for an attribute, so that refusals have our names.
    """
    different = {ours: name for ours, name in theirs.items() if name != ours}
    text = msgspec.json.encode(different).decode() if different else ""
    return text if len(text) <= ATTRIBUTE_CHARACTERS_MAX else ""


@lru_cache(maxsize=1024)
def _read_fieldnames(text: str) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError:  # of another release; the field still has a name of ours
        return {}


def _their_field(field: str, fieldnames: str) -> str:
    return _read_fieldnames(fieldnames).get(field, field) if fieldnames else field


def read_refusal(headers: Headers) -> Refusal | Fault:
    """The refusal in a message's headers, for partners; attributes added by a later release are passed over."""
    texts = {name: content.decode(errors="replace") for name, content in headers if content is not None}
    try:
        return Refusal(**{name: texts[f"ce_{name}"] for name in _FIELDS if f"ce_{name}" in texts})
    except ValidationError as error:
        return fault_of(error, "headers")


def origins(refusal: Refusal) -> Iterator[str]:
    """The position of every record that the refusal answers for: one, unless nobody could read their batch."""
    partition, _, first = refusal.origin.rpartition("/")
    last = (refusal.lastorigin or refusal.origin).rpartition("/")[2]
    return (f"{partition}/{offset}" for offset in range(int(first), int(last) + 1))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
