"""How the services receive from each other, announce, and refuse: one order of checks, one set of codes, one place.

A record of our own topics is received in the order envelope, key, type, value, body, kind. What fails there was written
by one of our services, so it is for the operator, as a dead letter, and never for the partner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from shared.contracts import cloudevents
from shared.contracts.checks import check_change, check_event
from shared.contracts.cloudevents import Envelope, Stamped, parse_envelope, stamped
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import TYPES, BehaviorEvent, RecordChange, RecordReport, encode, follow, read
from shared.contracts.refusals import refusal_headers
from shared.contracts.topics import REJECTED_VALUE_BYTES_MAX, rejected_topic

T = TypeVar("T")
Headers: TypeAlias = tuple[tuple[str, bytes], ...]

_PARTNERS = "/partners/"
_USER_ID = re.compile(USER_ID_PATTERN)
_VERSION_MAX = 2**53 - 1
_CHECKS: Mapping[type[Any], Callable[[Any], Fault | None]] = {
    BehaviorEvent: check_event,
    RecordReport: check_event,
    RecordChange: check_change,
}


# -- receiving ---------------------------------------------------------------------------------------------------------


class KafkaRecord(Protocol):
    """What is read of a Kafka record. A client may send a null header; aiokafka's types do not say so."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> cloudevents.Headers: ...


class Received(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A message of ours, whole. `user_id` is the record's key: the person whom it is about."""

    user_id: str
    envelope: Envelope
    body: T


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """Whose event was forwarded, and the position `<raw topic>/<partition>/<offset>` at which the partner wrote it.

    `fieldnames` is how the partner calls the fields that may be refused, see refusals.fieldnames.
    """

    partner: str
    origin: str
    fieldnames: str


def received(record: KafkaRecord, models: Mapping[str, type[T]], *, later_fields: bool = False) -> Received[T] | Fault:
    """The message in a record, or the first reason why there is none. `models` says which body each topic carries.

    `later_fields` passes over fields that a later release of the writer has added, as any subscriber does.
    """
    model = models[record.topic]
    envelope = parse_envelope(record.key, record.headers)
    if isinstance(envelope, Fault):
        return envelope
    user_id = (record.key or b"").decode("ascii", "replace")
    if not _USER_ID.fullmatch(user_id):
        return Fault(Code.ENVELOPE_KEY, "", "The record's key is no user_id.")
    if envelope.type != TYPES[model]:
        return Fault(Code.ENVELOPE_TYPE, "ce_type", f"The type of the event is not {TYPES[model]}.")
    if record.value is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value, and nothing is taken back without a request.")
    body = follow(model, record.value) if later_fields else read(model, record.value)
    if isinstance(body, Fault):
        return body
    if (check := _CHECKS.get(model)) and (fault := check(body)):
        return fault
    return Received(user_id, envelope, body)


def stated(record: KafkaRecord, model: type[T]) -> tuple[str, T] | None:
    """What a record on a service's own topic states, and the user_id of whom: what the service reads back of its topic.

    None for what the service cannot have written: the key is no user_id, the body cannot be read, or its version is
    above 2^53 - 1, which no counting reaches and beyond which readers of JSON differ.
    """
    user_id = (record.key or b"").decode("ascii", "replace")
    if record.value is None or not _USER_ID.fullmatch(user_id):
        return None
    body = follow(model, record.value)
    return None if isinstance(body, Fault) or getattr(body, "version", 0) > _VERSION_MAX else (user_id, body)


def provenance(envelope: Envelope) -> Provenance | Fault:
    """Where a forwarded event came from."""
    partner, origin = envelope.source.removeprefix(_PARTNERS), envelope.extensions.get("origin")
    if partner == envelope.source or origin is None:
        return Fault(Code.ENVELOPE_ATTRIBUTE, "ce_source", "The event names no partner or no origin.")
    return Provenance(partner, origin, envelope.extensions.get("fieldnames", ""))


def forwarded_source(partner: str) -> str:
    """The CloudEvents source of an event that ingest forwards for a partner; `provenance` reads it."""
    return _PARTNERS + partner


# -- sending -----------------------------------------------------------------------------------------------------------


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One message to be sent, complete to the byte, so that sending it again sends the same."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int


class Announcement(msgspec.Struct, frozen=True):
    """A message about a person of the shard. It goes to the partition that has the shard's number, as all of that
    person's messages do in every topic; the runner knows the number, and the rules need not."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    def placed(self, shard: int) -> Outgoing:
        return Outgoing(self.topic, self.key, self.value, self.headers, shard)


def announced(
    service: str, topic: str, user_id: str, body: Any, *, subject: str, version: int, time: datetime
) -> Announcement:
    """A message that a service publishes about a person.

    Its id is `<service>/<subject>/<version>`, so that a message that is sent again is equal to the byte (rules P6 and
    R12). `subject` is whose versions they are: the person's, or one record's.
    """
    key = user_id.encode()
    headers = _announcing(service, TYPES[type(body)])(f"{service}/{subject}/{version}", time.astimezone(UTC), key)
    return Announcement(topic, key, encode(body), headers)


@lru_cache(maxsize=64)
def _announcing(service: str, type: str) -> Stamped:
    return stamped(f"/{service}", type)


def refused(
    service: str,
    partner: str,
    origin: str,
    fault: Fault,
    event_id: str | None = None,
    *,
    value: bytes | None = None,
    last_origin: str | None = None,
    fieldnames: str = "",
) -> Outgoing:
    """The answer to a partner whose event is not taken; see `refusal_headers`.

    `value` is what the partner sent, where that is what the service has read. It comes back unless it is too large for
    the topic: a record may be small on the wire and large when it is unpacked.
    """
    too_large = value is not None and len(value) > REJECTED_VALUE_BYTES_MAX
    headers = refusal_headers(
        service, origin, fault, event_id, lastorigin=last_origin, without_value=too_large, fieldnames=fieldnames
    )
    return Outgoing(rejected_topic(partner), None, None if too_large else value, headers, 0)
