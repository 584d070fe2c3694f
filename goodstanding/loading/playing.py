"""Sends what is on the shelf, month by month, on the clock that is led, and notes what the services refuse of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from aiokafka import TopicPartition

from goodstanding.loading.backfill import Present
from goodstanding.loading.leading import Leader
from goodstanding.loading.pieces import messages
from goodstanding.loading.shelf import File, Refused, Shelf
from goodstanding.partner.mapping_files import headers_of, mapping_of
from goodstanding.partner.verdicts import Line
from goodstanding.reading.topic import between
from services.ingest.core.mapping import PartnerMapping
from shared.contracts import zones
from shared.contracts.faults import Fault
from shared.contracts.messages import Refusal
from shared.contracts.months import month_start
from shared.contracts.refusals import origins, read_refusal
from shared.contracts.topics import raw_topic, rejected_topic
from shared.kafka.connection import Kafka
from shared.kafka.sender import send
from shared.runner.service import Outgoing

_FROM = "import"
"""The header by which a refused record is found in its file: the number of the file, and those of its events."""
_AT_ONCE = 2_000
_MOMENT = timedelta(milliseconds=1)


class Month(NamedTuple):
    """A month of which `events` were sent and taken; `refused` came meanwhile."""

    month: int
    events: int
    refused: int


@dataclass(frozen=True, slots=True)
class _Way:
    """How the messages of a file are made and sent."""

    file: File
    mapping: PartnerMapping
    headers: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, file: File) -> _Way:
        mapping = mapping_of(file.partner)
        return cls(file, mapping, headers_of(mapping))

    def outgoing(self, line: Line, shard: int) -> Outgoing:
        numbers = line.numbers or (line.number,)
        found = (_FROM, f"{self.file.id}:{_packed(numbers)}".encode())
        return Outgoing(raw_topic(self.file.partner), line.key, line.value, (*self.headers, found), shard)


class Player:
    """Sends the shelf's months to the services of a leader."""

    def __init__(
        self, shelf: Shelf, leader: Leader | Present, kafka: Kafka, zone: str, now: Callable[[], datetime]
    ) -> None:
        self._shelf, self._leader, self._kafka = shelf, leader, kafka
        self._zone, self._now = zones.zone(zone), now
        self._ways = {file.id: _Way.of(file) for file in shelf.files()}
        self._refusing = sorted({rejected_topic(way.file.partner) for way in self._ways.values()})

    async def play(self) -> AsyncIterator[Month]:
        """Send everything, the earliest month first. A month is over when all services are done with it; what is late,
        because the clock has passed its month already, is sent at once. Raises StalledError."""
        if not self._shelf.heard() and (first := self._shelf.first_month()) is not None:
            await self._leader.jump(month_start(first, self._zone))
        await self._begin()
        while (month := self._shelf.first_month()) is not None:
            await self._leader.to(min(month_start(month + 1, self._zone) - _MOMENT, self._now()))
            events = await self._send(month)
            await self._leader.drain()
            refused, heard = await self._hear()
            self._shelf.taken(month, refused, heard)
            yield Month(month, events, sum(map(len, refused.values())))

    async def hear(self) -> int:
        """Note what was refused since, as a settlement is whose report has not come; how many those are."""
        refused, heard = await self._hear()
        self._shelf.hear(refused, heard)
        return sum(map(len, refused.values()))

    async def _begin(self) -> None:
        """Refusals are read from where they end before the first event is sent; once that is noted, from there."""
        known = self._shelf.heard()
        ends = await self._leader.offsets.ends(self._refusing)
        self._shelf.hear({}, {at: known.get(at, end) for at, end in ends.items()})

    async def _send(self, month: int) -> int:
        events = 0
        for file, shard, pieces in self._shelf.groups(month):
            way = self._ways[file]
            lines = messages(way.mapping, way.file.head, pieces)
            while part := list(islice(lines, _AT_ONCE)):
                await send(self._leader.producer, [way.outgoing(line, shard) for line in part])
                events += sum(len(line.numbers) or 1 for line in part)
        return events

    # -- what is refused -------------------------------------------------------------------------------------------

    async def _hear(self) -> tuple[Mapping[int, Sequence[Refused]], Mapping[TopicPartition, int]]:
        """What was refused since it was read last, by file, and how far it is read now."""
        known = self._shelf.heard()
        ends = await self._leader.offsets.ends(self._refusing)
        answers: dict[TopicPartition, dict[int, list[Refusal]]] = defaultdict(lambda: defaultdict(list))
        async for record in between(self._kafka, {at: known[at] for at in ends}, ends):
            if not isinstance(refusal := read_refusal(record.headers), Fault):
                for origin in origins(refusal):
                    at, offset = _position(origin)
                    answers[at][offset].append(refusal)
        refused: dict[int, list[Refused]] = defaultdict(list)
        first = {at: min(offsets) for at, offsets in answers.items()}
        behind = {at: max(offsets) + 1 for at, offsets in answers.items()}
        async for record in between(self._kafka, first, behind):
            found = answers[TopicPartition(record.topic, record.partition)].get(record.offset)
            file, _, numbers = dict(record.headers).get(_FROM, b"").decode().partition(":")
            if found is not None and file:  # else others have sent it
                for each in found:
                    refused[int(file)] += _refused(each, _unpacked(numbers))
        return refused, ends


def _refused(answer: Refusal, numbers: Sequence[int]) -> list[Refused]:
    """One for the event that the answer names, or for all of the message."""
    named = numbers if answer.index is None else numbers[int(answer.index) : int(answer.index) + 1]
    return [Refused(number, answer.code, answer.field or "", answer.sentence) for number in named]


def _position(origin: str) -> tuple[TopicPartition, int]:
    topic, partition, offset = origin.rsplit("/", 2)
    return TopicPartition(topic, int(partition)), int(offset)


def _packed(numbers: Sequence[int]) -> str:
    """The first number, and how far each other one is behind the one before: a thousand of them are a few kB."""
    return ",".join(str(b - a) for a, b in zip((0, *numbers), numbers, strict=False))


def _unpacked(text: str) -> list[int]:
    found, last = [], 0
    for step in text.split(","):
        last += int(step)
        found.append(last)
    return found
