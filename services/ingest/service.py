"""ingest as the runner sees it: records in, messages out, in forward mode. No rules, no state, no clock.

What it does when a person is erased is in forgetting.

A raw topic whose partner has no file under `partners/` is read too, and its events are set aside as dead letters, by
position only: a refusal would need a topic that nobody made. Once the file is there they can be redriven.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import structlog
from msgspec import structs

from services.ingest.core.context import Subject, UnknownCustomerError
from services.ingest.core.normalize import Normalized, Refused, Skipped, normalize, normalize_each
from services.ingest.core.partner import Partner
from services.ingest.forgetting import ERASURES, forgetting
from shared.contracts import redriven
from shared.contracts.cloudevents import ARRIVED, EVENT_BYTES_MAX, LIST_BYTES_MAX, Stamped, stamped, too_large
from shared.contracts.crosswalk import own_number, telling
from shared.contracts.exchange import INDEX, forwarded_source, refused
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import TYPES, RecordReport, encode
from shared.contracts.partition import partition_of
from shared.contracts.times import rfc3339_of_utc
from shared.contracts.topics import (
    NORMALIZED,
    RAW_PREFIX,
    RECORDS_REPORTED,
    partner_of,
)
from shared.kafka.connection import Kafka
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.schemas import SchemaError, SchemaMissingError, Schemas
from shared.kafka.unreadable import Unreadable
from shared.kafka.value_bounds import EVENT_VALUES_MAX, LIST_VALUES_MAX
from shared.runner.service import Answer, DeadLetter, Forward, Input, Later, Outcome, Outgoing, Record, Service

log = structlog.get_logger("ingest")

NAME = "ingest"
_ARRIVED = f"ce_{ARRIVED}"
_INDEX = f"ce_{INDEX}"
_OF_AN_EVENT, _OF_A_LIST = (EVENT_BYTES_MAX, EVENT_VALUES_MAX), (LIST_BYTES_MAX, LIST_VALUES_MAX)
"""The most bytes and values of one message with a schema; once it is JSON, it is judged again."""
_UNWANTED = {Code.KIND_NOT_PERMITTED, Code.CLASS_NOT_PERMITTED}
"""Refused because this deployment does not want it, with nothing wrong in it. Counted apart: a partner who sends
more than was asked for must not look like one whose format has broken."""
_UNKNOWN_PARTNER = DeadLetter(
    "unknown-partner",
    "Ingest has no mapping of this partner; add its file, and redrive its dead letters.",
)


class Numbers(NamedTuple):
    """The crosswalks, and how much later than an event the entry of its customer number may be told."""

    crosswalk: Crosswalk
    wait_ms: int


def customers_of(crosswalk: Crosswalk, partner: str) -> Callable[[str], Subject]:
    """From a partner's customer number to the person, as the crosswalk says it."""

    def person_of(raw: str) -> Subject:
        number = own_number(raw)
        user_id = crosswalk.find(partner, number)
        if user_id is None:
            raise UnknownCustomerError
        return Subject(user_id, telling(number))

    return person_of


class Policy(NamedTuple):
    """What ingest is given: its partners by name, and what tells this deployment from every other one."""

    partners: Mapping[str, Partner]
    owner: str = ""
    numbers: Numbers | None = None
    """None where each customer number is taken for a person of its own."""
    schemas: Schemas | None = None
    """None where no partner has values with a schema in a registry."""
    key: bytes | None = None
    """The deployment's, by which a record that the operator has redriven is known; None where nobody redrives."""


def service(policy: Policy) -> Service[Forward]:
    partners = policy.partners
    accepted = {partner.name: (Outcome("accepted", partner.name),) for partner in partners.values()}
    skipped = {partner.name: Outcome("skipped", partner.name) for partner in partners.values()}

    def answer(record: Record, arrived: datetime) -> Answer | DeadLetter:
        partner = partners.get(partner_of(record.topic))
        if partner is None:
            return _UNKNOWN_PARTNER
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        if partner.several is not None:
            return several(partner, record, origin, arrived)
        result = normalize(partner, record, arrived)
        if isinstance(result, Normalized):
            return Answer((_forwarded(partner.name, origin, arrived, result),), accepted[partner.name])
        if isinstance(result, Skipped):
            return Answer((), (skipped[partner.name],))
        return Answer((rejection(partner, origin, result, record),), _refused(partner.name, result.fault.code))

    def rejection(partner: Partner, origin: str, result: Refused, record: Record) -> Outgoing:
        if result.bug:
            log.error("an event is refused because of a fault of ours", origin=origin, error=result.bug)
        about = {"value": record.value, "packed": record.packed, "mapping": partner.mapping}
        return refused(NAME, partner.name, origin, result.fault, result.event_id, **about)

    def several(partner: Partner, record: Record, origin: str, arrived: datetime) -> Answer:
        """The answers to all events of one message, each with its index; a message without any counts as skipped."""
        results = normalize_each(partner, record, arrived, record.packed)
        if isinstance(results, Refused):
            return Answer((rejection(partner, origin, results, record),), _refused(partner.name, results.fault.code))
        outgoing: list[Outgoing] = []
        outcomes: list[Outcome] = []
        for index, result in enumerate(results):
            if isinstance(result, Normalized):
                outgoing.append(_forwarded(partner.name, origin, arrived, result, index))
                outcomes += accepted[partner.name]
            elif isinstance(result, Refused):
                outgoing.append(rejection(partner, f"{origin}#{index}", result, record))
                outcomes += _refused(partner.name, result.fault.code)
            else:
                outcomes.append(skipped[partner.name])
        return Answer(tuple(outgoing), tuple(outcomes or [skipped[partner.name]]))

    def unreadable(what: Unreadable) -> Answer | DeadLetter:
        """One answer for what may be several records in a row; then it names the last position too (rules E14)."""
        partner = partners.get(partner_of(what.topic))
        if partner is None:
            return _UNKNOWN_PARTNER
        first, last = (f"{what.topic}/{what.partition}/{offset}" for offset in (what.offset, what.next_offset - 1))
        fault = Fault(Code(what.code), "", what.sentence)
        rejected = refused(NAME, partner.name, first, fault, last_origin=last if last != first else None)
        return Answer((rejected,), _refused(partner.name, fault.code))

    key = policy.key

    def first(record: Record) -> int | None:
        if key is None:
            return None
        return redriven.arrived_ms(key, record.topic, record.key, record.value, record.headers)

    mode = Forward(answer, unreadable, policy.owner, arrived_ms=first)
    inputs = (Input(pattern=f"^{re.escape(RAW_PREFIX)}.+"), ERASURES)
    numbered = forgetting(_with_numbers(mode, policy), policy.numbers.crosswalk if policy.numbers else None)
    return Service(NAME, inputs, _with_schemas(numbered, policy))


def _with_schemas(mode: Forward, policy: Policy) -> Forward:
    """The same for partners whose values have a schema in a registry; what is refused comes back as it was sent."""
    framed = {partner.name for partner in policy.partners.values() if partner.registry}
    schemas = policy.schemas
    if schemas is None or not framed:
        return mode

    def answer(record: Record, arrived: datetime) -> Answer | DeadLetter | Later:
        partner = partner_of(record.topic)
        if partner not in framed:
            return mode.answer(record, arrived)
        bytes_max, values_max = _OF_A_LIST if policy.partners[partner].several else _OF_AN_EVENT
        if too_large(record.key, record.value, record.headers, bytes_max):
            return mode.answer(record, arrived)  # which refuses it before anything is made of it
        try:
            value = schemas.plain(record.value, values_max, partner)
        except SchemaMissingError:
            return Later(0)
        except SchemaError as error:
            origin = f"{record.topic}/{record.partition}/{record.offset}"
            fault = Fault(Code.SCHEMA, "", str(error))
            about = {"value": record.value, "packed": record.packed, "mapping": policy.partners[partner].mapping}
            return Answer((refused(NAME, partner, origin, fault, None, **about),), _refused(partner, fault.code))
        if value is record.value:
            return mode.answer(record, arrived)
        packing = record.packed / len(value) if value else record.packing
        found = mode.answer(structs.replace(record, value=value, packing=packing), arrived)
        return _with_value(found, value, record.value) if isinstance(found, Answer) else found

    async def catch_up(until_ms: int, now_ms: float) -> None:
        if schemas.are_missing:
            await schemas.fetch()
        elif mode.catch_up is not None:
            await mode.catch_up(until_ms, now_ms)

    return replace(mode, answer=answer, catch_up=catch_up)


def _with_value(answer: Answer, read: bytes | None, sent: bytes | None) -> Answer:
    """Refusals repeat what was sent, and not what was read in its place."""
    theirs = (structs.replace(each, value=sent) if each.value == read else each for each in answer.outgoing)
    return Answer(tuple(theirs), answer.outcomes)


def _with_numbers(mode: Forward, policy: Policy) -> Forward:
    """The same for partners who name people by their own customer numbers: an event waits a little for the entry of its
    number (rules I14)."""
    if policy.numbers is None:
        return mode
    numbered = {partner.name for partner in policy.partners.values() if partner.crosswalk}
    crosswalk, wait_ms = policy.numbers

    @asynccontextmanager
    async def following(kafka: Kafka) -> AsyncIterator[None]:
        # Of partners who do not name people by numbers any more an erased person's entries go as well.
        async with crosswalk.followed(kafka, sorted(numbered), sorted(policy.partners.keys() - numbered)):
            if numbered:
                log.info("crosswalks read", partners=len(numbered), entries=len(crosswalk))
            yield

    def answer(record: Record, arrived: datetime) -> Answer | DeadLetter | Later:
        if partner_of(record.topic) not in numbered:
            return mode.answer(record, arrived)
        # By the broker's time of both, so that the answer is the same whenever the event is read (decision 0031).
        crosswalk.as_of(record.timestamp + wait_ms)
        answer = mode.answer(record, arrived)
        until_ms = crosswalk.missed()
        return answer if until_ms is None else Later(until_ms)

    return replace(mode, answer=answer, also_reads=following, catch_up=crosswalk.catch_up)


@lru_cache(maxsize=1024)
def _refused(partner: str, code: Code) -> tuple[Outcome, ...]:
    return (Outcome("unwanted" if code in _UNWANTED else "refused", partner, code.value),)


def _forwarded(partner: str, origin: str, arrived: datetime, event: Normalized, index: int | None = None) -> Outgoing:
    body, key = event.body, event.user_id.encode()
    came: tuple[tuple[str, bytes], ...] = (("ce_origin", origin.encode()), (_ARRIVED, rfc3339_of_utc(arrived)))
    if index is not None:
        came = (*came, (_INDEX, b"%d" % index))
    headers = _stamped(partner, TYPES[type(body)])(event.event_id, event.time, key, *came, *event.fieldnames)
    topic = RECORDS_REPORTED if isinstance(body, RecordReport) else NORMALIZED
    return Outgoing(topic, key, encode(body), headers, partition_of(event.user_id))


@lru_cache(maxsize=1024)
def _stamped(partner: str, type: str) -> Stamped:
    return stamped(forwarded_source(partner), type)
