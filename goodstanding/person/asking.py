"""What a person asks of the platform: writes a request to `subject.requests`, and waits for what is answered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from goodstanding.errors import UserError
from shared.contracts import checks
from shared.contracts.cloudevents import binary
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import TYPES, encode, follow
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectNotice, SubjectRequest
from shared.contracts.topics import SUBJECT_ANSWERS, SUBJECT_REQUESTS
from shared.kafka.connection import Kafka
from shared.kafka.consumer import beside
from shared.kafka.sender import started
from shared.kafka.unreadable import readable

Told: TypeAlias = SubjectAnswer | SubjectNotice | ErasureReceipt
"""What is told to people. That a service has erased somebody is told to the other services, on the same topic."""
_BODIES: Mapping[str, type[Told]] = {TYPES[body]: body for body in (SubjectAnswer, SubjectNotice, ErasureReceipt)}
_READ_MS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it lies in Kafka."""

    user_id: str
    request_id: str
    request: SubjectRequest


def request_of(**fields: str | None) -> SubjectRequest:
    """A request, of what somebody has typed. Raises UserError where the contract does not take it."""
    asked = checks.request_of(**fields)
    if isinstance(asked, Fault):
        raise UserError(asked.sentence if asked.code in _SAYS_ALL else f"{_name(asked)}: {asked.sentence}")
    return asked


_SAYS_ALL = (Code.NAMES_PERSON, Code.TOO_MANY_WORDS, Code.FIELD_REQUIRED_BY_KIND)


def _name(fault: Fault) -> str:
    return fault.field.removeprefix("data.")


def told_by(record: ConsumerRecord) -> Told | Fault | None:
    """What a message of `subject.answers` says; None for what services tell each other, and for a type of a later
    release."""
    of_type = next((content or b"" for name, content in record.headers if name == "ce_type"), b"")
    body = _BODIES.get(of_type.decode(errors="replace"))
    return None if body is None else follow(body, record.value or b"")


def as_json_of(told: Told) -> dict[str, Any]:
    """What was told, with the type of its event, and without what is not there."""
    fields = msgspec.to_builtins(told)
    return {"type": TYPES[type(told)], **{name: value for name, value in fields.items() if value is not None}}


class Asking:
    """Asks, and reads what is answered. Make one with `asking_for`."""

    def __init__(self, kafka: Kafka, user_id: str, consumer: AIOKafkaConsumer) -> None:
        self._kafka, self._user_id, self._consumer = kafka, user_id, consumer

    async def ask(self, request: SubjectRequest, now: datetime, request_id: str | None = None) -> Asked:
        """Write the request. Raises UserError for one that the contract does not take."""
        if fault := checks.check_request(request):
            raise UserError(fault.sentence)
        request_id = request_id or str(uuid.uuid4())
        headers = binary(
            id=request_id,
            source="/operator",
            type=TYPES[SubjectRequest],
            time=now,
            partitionkey=self._user_id,
        )
        async with started(self._kafka) as producer:
            await producer.send_and_wait(
                SUBJECT_REQUESTS,
                encode(request),
                key=self._user_id.encode(),
                partition=partition_of(self._user_id),
                headers=list(headers),
            )
        return Asked(self._user_id, request_id, request)

    async def answers(self, asked: Asked, timeout_s: float) -> AsyncIterator[Told]:
        """What the platform says of the request, as it comes, until the time is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while loop.time() < deadline:
            for record in await self._read():
                if record.key != asked.user_id.encode():
                    continue
                told = told_by(record)
                if isinstance(told, SubjectAnswer | ErasureReceipt) and told.request_id == asked.request_id:
                    yield told

    async def _read(self) -> Sequence[ConsumerRecord]:
        fetched = await self._consumer.getmany(timeout_ms=_READ_MS)
        return [record for records in fetched.values() for record in readable(records)]


@asynccontextmanager
async def asking_for(kafka: Kafka, user_id: str) -> AsyncIterator[Asking]:
    """Whatever is answered from now on is read."""
    consumer = beside(kafka, [SUBJECT_ANSWERS])
    await consumer.start()
    try:
        answers = TopicPartition(SUBJECT_ANSWERS, partition_of(user_id))
        consumer.assign([answers])
        await consumer.seek_to_end(answers)
        yield Asking(kafka, user_id, consumer)
    finally:
        await consumer.stop()
