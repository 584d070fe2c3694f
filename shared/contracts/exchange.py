"""How the services receive from each other, announce, and refuse: one order of checks, one set of codes, one place.

A record of our own topics is received in the order envelope, key, type, value, body, kind. What fails there was written
by one of our services, so it is for the operator, as a dead letter, and never for the partner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from shared.contracts import cloudevents
from shared.contracts.checks import check_change, check_event, check_request
from shared.contracts.cloudevents import Envelope, Stamped, binary, parse_envelope, stamped
from shared.contracts.faults import Code, Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import (
    TYPES,
    BehaviorEvent,
    DisputeQuestion,
    RecordChange,
    RecordReport,
    RecordSettled,
    encode,
    follow,
    read,
    type_of,
)
from shared.contracts.refusals import refusal_headers
from shared.contracts.subject import REQUEST_ID_PATTERN, SubjectAnswer, SubjectRequest
from shared.contracts.topics import (
    REJECTED_VALUE_BYTES_MAX,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    disputes_topic,
    rejected_topic,
)

T = TypeVar("T")
Headers: TypeAlias = tuple[tuple[str, bytes], ...]

INDEX = "index"
"""The extension attribute in which ingest says which of a message's events one was, counted from 0."""
AHEAD_MAX = timedelta(minutes=5)
"""How far an event's time may be ahead of its arrival: clocks of partners and brokers differ."""
TAKEN_TOO_EARLY = Fault(
    Code.IN_FUTURE,
    "",
    "It lies in the future, and ingest took it while the servers' clocks were wrong. The mistake is the partner's: "
    "dismiss this, or redrive it when its day has come.",
)
"""Of what ingest would have refused, had the broker's clock been right."""
_UNPACKED_TIMES_MAX = 50
"""A value that was packed into less than this part of itself does not come back with its refusal. Events in JSON shrink
to a tenth or so, and those that differ only in a number to a twenty-fifth."""
_PARTNERS = "/partners/"
_USER_ID = re.compile(USER_ID_PATTERN)
_VERSION_MAX = 2**53 - 1
_CHECKS: Mapping[type[Any], Callable[[Any], Fault | None]] = {
    BehaviorEvent: check_event,
    RecordReport: check_event,
    RecordChange: check_change,
    SubjectRequest: check_request,
}
_REQUEST_ID = re.compile(REQUEST_ID_PATTERN)


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
    """Whose event was forwarded, and the position `<raw topic>/<partition>/<offset>` at which the partner wrote it,
    with `#<index>` behind it where the event is one of a message's many.

    `fieldnames` is how the partner calls the fields that may be refused, see refusals.fieldnames.
    """

    partner: str
    origin: str
    fieldnames: str


Models: TypeAlias = Mapping[str, type[T] | Sequence[type[T]]]
"""The bodies that each topic carries: one, or several, which are told apart by the type of the event."""


def received(record: KafkaRecord, models: Models[T], *, later_fields: bool = False) -> Received[T] | Fault:
    """The message in a record, or the first reason why there is none.

    `later_fields` passes over fields that a later release of the writer has added, as any subscriber does.
    """
    carried = models[record.topic]
    envelope = parse_envelope(record.key, record.headers)
    if isinstance(envelope, Fault):
        return envelope
    user_id = (record.key or b"").decode("ascii", "replace")
    if not _USER_ID.fullmatch(user_id):
        return Fault(Code.ENVELOPE_KEY, "", "The record's key is no user_id.")
    model = _of_type(carried, envelope.type)
    if isinstance(model, Fault):
        return model
    if record.value is None:
        return Fault(Code.VALUE_MISSING, "", "The record has no value, and nothing is taken back without a request.")
    body = follow(model, record.value) if later_fields else read(model, record.value)
    if isinstance(body, Fault):
        return body
    if (check := _CHECKS.get(model)) and (fault := check(body)):
        return fault
    return Received(user_id, envelope, body)


def _of_type(carried: type[T] | Sequence[type[T]], name: str) -> type[T] | Fault:
    if isinstance(carried, type):
        if TYPES[carried] == name:
            return carried
        return Fault(Code.ENVELOPE_TYPE, "ce_type", f"The type of the event is not {TYPES[carried]}.")
    for model in carried:
        if TYPES[model] == name:
            return model
    known = ", ".join(TYPES[model] for model in carried)
    return Fault(Code.ENVELOPE_TYPE, "ce_type", f"The type of the event is none of {known}.")


class Misasked(msgspec.Struct, frozen=True):
    """A person's request that cannot be taken, though it can be answered: who asked, under which id, when, and the
    fault."""

    user_id: str
    request_id: str
    time: datetime
    fault: Fault


def requested(record: KafkaRecord) -> Received[SubjectRequest] | Misasked | Fault:
    """A person's request. Whatever is wrong with it is told to the person, and to the operator only where nobody can
    say who asked, or under which id."""
    message = received(record, {SUBJECT_REQUESTS: SubjectRequest})
    if isinstance(message, Received):
        return message if _REQUEST_ID.fullmatch(message.envelope.id) else _NO_REQUEST_ID
    envelope = parse_envelope(record.key, record.headers)
    user_id = (record.key or b"").decode("ascii", "replace")
    if isinstance(envelope, Fault) or not _USER_ID.fullmatch(user_id):
        return message
    return Misasked(user_id, envelope.id, envelope.time, message) if _REQUEST_ID.fullmatch(envelope.id) else message


_NO_REQUEST_ID = Fault(
    Code.ENVELOPE_ATTRIBUTE, "ce_id", "The id of a request has 1 to 64 letters, digits, points, hyphens or underscores."
)


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
    if index := envelope.extensions.get(INDEX):
        origin = f"{origin}#{index}"
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
    service: str, topic: str, user_id: str, body: Any, *, subject: str, version: int, time: datetime, more: Headers = ()
) -> Announcement:
    """A message that a service publishes about a person.

    Its id is `<service>/<subject>/<version>`, so that a message that is sent again is equal to the byte (rules P6 and
    R12). `subject` is whose versions they are: the person's, or one record's. `more` are further headers.
    """
    key = user_id.encode()
    id = f"{service}/{subject}/{version}"
    headers = _announcing(service, type_of(body))(id, time.astimezone(UTC), key, *more)
    return Announcement(topic, key, encode(body), headers)


@lru_cache(maxsize=64)
def _announcing(service: str, type: str) -> Stamped:
    return stamped(f"/{service}", type)


def answered(user_id: str, answer: SubjectAnswer, time: datetime, more: Headers = ()) -> Announcement:
    """The answer of a service to a person's request. `time` is the request's own, so that a request that is read twice
    is answered with the same bytes. `more` are further headers."""
    service, request_id = answer.service, answer.request_id
    return announced(service, SUBJECT_ANSWERS, user_id, answer, subject=request_id, version=1, time=time, more=more)


def asked(service: str, partner: str, question: DisputeQuestion, number: int, time: datetime) -> Outgoing:
    """A question to a provider about its record. `number` counts the questions of the dispute, from 1."""
    headers = binary(
        id=f"{service}/{question.dispute}/{number}",
        source=f"/{service}",
        type=TYPES[DisputeQuestion],
        time=time.astimezone(UTC),
        partitionkey=question.report_id,
    )
    return Outgoing(disputes_topic(partner), question.report_id.encode(), encode(question), headers, 0)


def settled(service: str, partner: str, said: RecordSettled, id: str, time: datetime) -> Outgoing:
    """What a provider is told of a settlement of its own. `id` tells nothing about the person."""
    headers = binary(
        id=f"{service}/{id}",
        source=f"/{service}",
        type=TYPES[RecordSettled],
        time=time.astimezone(UTC),
        partitionkey=said.report_id,
    )
    return Outgoing(disputes_topic(partner), said.report_id.encode(), encode(said), headers, 0)


def refused(
    service: str,
    partner: str,
    origin: str,
    fault: Fault,
    event_id: str | None = None,
    *,
    value: bytes | None = None,
    packed: int | None = None,
    last_origin: str | None = None,
    fieldnames: str = "",
    mapping: str = "",
) -> Outgoing:
    """The answer to a partner whose event is not taken; see `refusal_headers`.

    `value` is what the partner sent, where that is what the service has read, and `packed` in how many bytes it came.
    It comes back unless it is too large for the topic, a record being small on the wire and large when it is unpacked,
    or was packed so well that its sender pays nothing for it, or has other events in it too: a thousand refusals would
    each bring back a thousand events.
    """
    omitted = value is not None and (
        len(value) > REJECTED_VALUE_BYTES_MAX
        or (packed is not None and len(value) > _UNPACKED_TIMES_MAX * packed)
        or "#" in origin
    )
    headers = refusal_headers(
        service,
        origin,
        fault,
        event_id,
        lastorigin=last_origin,
        without_value=omitted,
        fieldnames=fieldnames,
        mapping=mapping,
    )
    return Outgoing(rejected_topic(partner), None, None if omitted else value, headers, 0)
