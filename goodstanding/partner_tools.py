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

from goodstanding.deployment import Settings
from goodstanding.errors import UserError
from goodstanding.mappings import compiled, headers_of, mapping_of
from goodstanding.offsets import Offsets, asking
from services.ingest.core.normalize import Refused, normalize
from shared.contracts.faults import Fault
from shared.contracts.messages import Refusal
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import raw_topic, rejected_topic
from shared.runner.sender import started

_POLL_S = 0.05
_READ_MS = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the event on one line of a file (the first is 1); a refusal has a code and a sentence."""

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

    Accepted means: ingest's committed offset has passed the event, and no refusal names its position. Raises UserError
    when that takes longer than `timeout_s`.
    """
    rejected = TopicPartition(rejected_topic(partner), 0)
    async with asking(bootstrap) as offsets:
        before = (await offsets.ends([rejected.topic]))[rejected]
        places = await _sent(bootstrap, partner, lines)
        await _until_judged(offsets, places, timeout_s)
        after = (await offsets.ends([rejected.topic]))[rejected]
    refusals = await _refusals(bootstrap, rejected, before, after)
    return [_verdict(line, refusals.get(f"{tp.topic}/{tp.partition}/{offset}")) for line, (tp, offset) in places]


def _verdict(line: Line, refusal: Refusal | None) -> Verdict:
    if refusal is None:
        return Verdict(line.number, "accepted")
    return Verdict(line.number, "refused", refusal.code, refusal.field or "", refusal.sentence)


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


async def _refusals(bootstrap: str, rejected: TopicPartition, first: int, end: int) -> Mapping[str, Refusal]:
    """The refusals from one offset up to another, by the raw position that they name."""
    found: dict[str, Refusal] = {}
    if first >= end:
        # A consumer that is stopped before it ever read raises CancelledError (aiokafka 0.14), and nothing is to read.
        return found
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([rejected])
        consumer.seek(rejected, first)
        while await consumer.position(rejected) < end:
            for record in (await consumer.getmany(rejected, timeout_ms=_READ_MS)).get(rejected, []):
                refusal = read_refusal(record.headers)
                if not isinstance(refusal, Fault):
                    found[refusal.origin] = refusal
    finally:
        await consumer.stop()
    return found
