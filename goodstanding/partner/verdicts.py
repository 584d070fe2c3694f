"""A partner's own tools: would this file be accepted, and what became of it once it was sent."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from goodstanding.errors import UserError
from goodstanding.partner.mapping_files import compiled, headers_of, mapping_of
from goodstanding.platform.deployment import Settings
from goodstanding.reading.offsets import Offsets, asking
from services.ingest.core.normalize import Refused, normalize
from shared.contracts.faults import Fault
from shared.contracts.messages import Refusal
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import dead_letter_topic, raw_topic, rejected_topic
from shared.runner.sender import started

_POLL_S = 0.05
_READ_MS = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the event on one line of a file (the first is 1); all but an accepted one have code and sentence.

    `result` is "fits" or "refused" of an event that was only checked; of one that was sent "accepted", "refused", or
    "set aside": nothing is wrong with it, and the operator has to do something before ingest can take it.
    """

    line: int
    result: str
    code: str = ""
    field: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it lies in a file: a partner's record without headers. `key` is the event's own, if it names one."""

    number: int
    value: bytes
    key: bytes | None


def lines_of(file: Path) -> list[Line]:
    """The events of a file (`-` is standard input), one a line; empty lines are passed over. Raises UserError."""
    try:
        content = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    lines = [Line(number, value, _key(value)) for number, value in enumerate(content.split(b"\n"), 1) if value.strip()]
    if not lines:
        raise UserError(f"{file} has no events in it.", "There is one on each line.")
    return lines


@dataclass(frozen=True, slots=True)
class _Record:
    """A line as the record that it would be sent as."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def _key(value: bytes) -> bytes | None:
    """CloudEvents that name their key must have it; what is no such event may have any."""
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(value, type=_Keyed).partitionkey.encode()
    return None


class _Keyed(msgspec.Struct):
    partitionkey: str


def validate(partner: str, lines: Sequence[Line], settings: Settings, now: datetime) -> Iterator[Verdict]:
    """What ingest would say if the events arrived now. Raises UserError or ConfigError."""
    compiled_partner, headers = compiled(partner, settings), headers_of(mapping_of(partner))
    for line in lines:
        result = normalize(compiled_partner, _Record(line.key, line.value, headers), now)
        if isinstance(result, Refused):
            fault = result.fault
            yield Verdict(line.number, "refused", fault.code.value, fault.field, fault.sentence)
        else:
            yield Verdict(line.number, "fits")


async def send(bootstrap: str, partner: str, lines: Sequence[Line], timeout_s: float) -> list[Verdict]:
    """Send the events, and wait until ingest has judged every one.

    Accepted means: ingest's committed offset has passed the event, and neither a refusal nor a dead letter names its
    position. Raises UserError when that takes longer than `timeout_s`.
    """
    topics = {rejected_topic(partner): "refused", dead_letter_topic("ingest"): "set aside"}
    async with asking(bootstrap) as offsets:
        before = await offsets.ends(list(topics))
        places = await _sent(bootstrap, partner, lines)
        await _until_judged(offsets, places, timeout_s)
        after = await offsets.ends(list(topics))
    answers = await _answers(bootstrap, before, after)
    return [_verdict(line, topics, answers.get(f"{tp.topic}/{tp.partition}/{offset}")) for line, (tp, offset) in places]


_Answer = tuple[str, Refusal]
"""The topic on which an event was answered, and the answer."""


def _verdict(line: Line, results: Mapping[str, str], answer: _Answer | None) -> Verdict:
    if answer is None:
        return Verdict(line.number, "accepted")
    topic, refusal = answer
    return Verdict(line.number, results[topic], refusal.code, refusal.field or "", refusal.sentence)


_Places = list[tuple[Line, tuple[TopicPartition, int]]]


async def _sent(bootstrap: str, partner: str, lines: Sequence[Line]) -> _Places:
    """Each event with the position that it got."""
    topic, headers = raw_topic(partner), headers_of(mapping_of(partner))
    by_partition: dict[int, list[Line]] = {}
    for place, line in enumerate(lines):
        partition = partition_of(line.key.decode()) if line.key else place % PARTITIONS
        by_partition.setdefault(partition, []).append(line)
    async with started(bootstrap) as producer:
        parts = [_sent_to(producer, TopicPartition(topic, p), part, headers) for p, part in by_partition.items()]
        placed = [each for part in await asyncio.gather(*parts) for each in part]
    return sorted(placed, key=lambda each: each[0].number)


async def _sent_to(
    producer: AIOKafkaProducer, tp: TopicPartition, lines: Sequence[Line], headers: Sequence[tuple[str, bytes]]
) -> _Places:
    sending = [
        await producer.send(tp.topic, line.value, key=line.key, partition=tp.partition, headers=list(headers))
        for line in lines
    ]
    return [(line, (tp, (await sent).offset)) for line, sent in zip(lines, sending, strict=True)]


async def _until_judged(offsets: Offsets, places: _Places, timeout_s: float) -> None:
    wanted: dict[TopicPartition, int] = {}
    for _, (tp, offset) in places:
        wanted[tp] = max(wanted.get(tp, 0), offset + 1)
    deadline = time.monotonic() + timeout_s
    while True:
        committed = await offsets.committed("ingest")
        open_ = sum(max(end - committed.get(tp, 0), 0) for tp, end in wanted.items())
        if not open_:
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"All {len(places)} events are in Kafka, and ingest has not judged them all within {timeout_s:.0f} s.",
                "It will as soon as it runs (goodstanding local status); do not send them again.",
            )
        await asyncio.sleep(_POLL_S)


async def _answers(
    bootstrap: str, before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, int]
) -> Mapping[str, _Answer]:
    """The refusals and dead letters between these offsets, by the raw position that they name."""
    found: dict[str, _Answer] = {}
    unread = {tp: end for tp, end in after.items() if before[tp] < end}
    if not unread:
        # A consumer that is stopped before it ever read raises CancelledError (aiokafka 0.14), and nothing is to read.
        return found
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(list(unread))
        for tp in unread:
            consumer.seek(tp, before[tp])
        while unread := {tp: end for tp, end in unread.items() if await consumer.position(tp) < end}:
            for tp, records in (await consumer.getmany(*unread, timeout_ms=_READ_MS)).items():
                for record in records:
                    answer = read_refusal(record.headers)
                    if not isinstance(answer, Fault):
                        found[answer.origin] = tp.topic, answer
    finally:
        await consumer.stop()
    return found
