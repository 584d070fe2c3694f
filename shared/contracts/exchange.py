"""How the services receive from each other, and how they announce: one order of checks, one set of codes.

A record of our own topics is received in the order envelope, key, type, body, kind. What fails there was written by one
of our services, so it is for the operator, as a dead letter, and never for the partner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from shared.contracts.checks import check_event
from shared.contracts.cloudevents import Envelope, Headers, binary, parse_envelope
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport, encode, follow, read

T = TypeVar("T")

_PARTNERS = "/partners/"
_USER_ID = re.compile(USER_ID_PATTERN)


class Received(msgspec.Struct, Generic[T], frozen=True):
    """A message of ours, whole. `user_id` is the record's key: the person whom it is about."""

    user_id: str
    envelope: Envelope
    body: T


class Provenance(msgspec.Struct, frozen=True):
    """Whose event was forwarded, and the position `<raw topic>/<partition>/<offset>` at which the partner wrote it.

    `fieldnames` is how the partner calls the fields that may be refused, see refusals.fieldnames.
    """

    partner: str
    origin: str
    fieldnames: str = ""


def received(
    model: type[T], key: bytes | None, value: bytes | None, headers: Headers, *, later_fields: bool = False
) -> Received[T] | Fault:
    """The message in a record of a topic that carries this body, or the first reason why there is none.

    `later_fields` passes over fields that a later release of the writer has added, as any subscriber does.
    """
    envelope = parse_envelope(key, headers)
    if isinstance(envelope, Fault):
        return envelope
    user_id = (key or b"").decode("ascii", "replace")
    if not _USER_ID.fullmatch(user_id):
        return Fault(Code.ENVELOPE_KEY, "", "The record's key is no user_id.")
    if envelope.type != TYPES[model]:
        return Fault(Code.ENVELOPE_TYPE, "ce_type", f"The type of the event is not {TYPES[model]}.")
    if value is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value, and nothing is taken back without a request.")
    body = follow(model, value) if later_fields else read(model, value)
    if isinstance(body, Fault):
        return body
    if isinstance(body, BehaviorEvent | RecordReport) and (fault := check_event(body)):
        return fault
    return Received(user_id, envelope, body)


def provenance(envelope: Envelope) -> Provenance | Fault:
    """Where a forwarded event came from."""
    partner, origin = envelope.source.removeprefix(_PARTNERS), envelope.extensions.get("origin")
    if partner == envelope.source or origin is None:
        return Fault(Code.ENVELOPE_ATTRIBUTE, "ce_source", "The event names no partner or no origin.")
    return Provenance(partner, origin, envelope.extensions.get("fieldnames", ""))


def forwarded_source(partner: str) -> str:
    """The CloudEvents source of an event that ingest forwards for a partner; `provenance` reads it."""
    return _PARTNERS + partner


class Announced(msgspec.Struct, frozen=True):
    """Key, value and headers of a message about a person."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def announced(
    service: str,
    user_id: str,
    body: Any,
    *,
    subject: str,
    version: int,
    time: datetime,
    extensions: Mapping[str, str] | None = None,
) -> Announced:
    """A message that a service publishes about a person.

    Its id is `<service>/<subject>/<version>`, so that a message that is sent again is equal to the byte (rules P6 and
    R12). `subject` is whose versions they are: the person's, or one record's.
    """
    headers = binary(
        id=f"{service}/{subject}/{version}",
        source=f"/{service}",
        type=TYPES[type(body)],
        time=time,
        partitionkey=user_id,
        extensions=extensions or {},
    )
    return Announced(user_id.encode(), encode(body), headers)
