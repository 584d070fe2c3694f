"""How a service tells a partner why an event was refused: the headers of a message on `behavior.rejected.<partner>`."""

from __future__ import annotations

from dataclasses import fields

from pydantic import ValidationError

from shared.contracts.cloudevents import Headers, binary
from shared.contracts.faults import Fault
from shared.contracts.messages import FIELD_CHARACTERS_MAX, ID_CHARACTERS_MAX, TYPES, Refusal, fault_of

_FIELDS = tuple(field.name for field in fields(Refusal))


def refusal_headers(
    service: str,
    origin: str,
    fault: Fault,
    eventid: str | None = None,
    *,
    lastorigin: str | None = None,
    without_value: bool = False,
) -> tuple[tuple[str, bytes], ...]:
    """The headers of a refusal. They follow from the position and the fault alone: a repeated refusal is byte-equal.

    `origin` is `<raw topic>/<partition>/<offset>`; `eventid` the partner's id of the event, if it could be read;
    `lastorigin` the position of the last record, if the refusal is for several; `without_value` says that the event's
    bytes are too many to come back.
    """
    about = {"code": str(fault.code), "sentence": fault.sentence, "origin": origin}
    if fault.field:
        about["field"] = _printable(fault.field)[:FIELD_CHARACTERS_MAX]
    if eventid and len(eventid) <= ID_CHARACTERS_MAX and eventid.isprintable():
        about["eventid"] = eventid
    if lastorigin is not None:
        about["lastorigin"] = lastorigin
    if without_value:
        about["omitted"] = "value"
    # The value is whatever the partner sent, so nothing is said about its content type.
    return binary(
        id=f"{service}/{origin}", source=f"/{service}", type=TYPES[Refusal], extensions=about, content_type=None
    )


def read_refusal(headers: Headers) -> Refusal | Fault:
    """The refusal in a message's headers, for partners; attributes added by a later release are passed over."""
    texts = {name: content.decode(errors="replace") for name, content in headers if content is not None}
    try:
        return Refusal(**{name: texts[f"ce_{name}"] for name in _FIELDS if f"ce_{name}" in texts})
    except ValidationError as error:
        return fault_of(error, "headers")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
