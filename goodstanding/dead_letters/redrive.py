"""Dead letters on Kafka: reads them and the records that they name, and appends those again. The rules: `rules`.

A redrive begins by taking over its transactional id, and only then looks which letters are open. So of two at a time
the later one sees all that the earlier has done, and the earlier can do no more. A record and the note that it was
appended again are visible together or never.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ProducerFenced

from goodstanding.dead_letters.letters import ADVICE, Letter, State, letters, lies_at
from goodstanding.dead_letters.rules import appended, chosen, dismissal, overtaken, refusal, take_version, too_old
from goodstanding.errors import UserError
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.topic import tail
from shared.contracts.rights import REDRIVE_ID
from shared.contracts.topics import PROCESSES, RECORDS_CHANGED, dead_letter_topic
from shared.kafka import clients
from shared.kafka.between import StandstillError, Unread
from shared.kafka.connection import Kafka
from shared.kafka.consumer import CarefulConsumer
from shared.kafka.losses import Losses
from shared.kafka.sender import send_transaction, started
from shared.kafka.unreadable import Fetched, Unreadable

_TOGETHER_MAX = 50
"""Records in one transaction, and so in memory; each may have a MiB."""
_READ_MS = 1_000

Kept = Mapping[TopicPartition, range]
Choice = Callable[[Sequence[Letter]], Sequence[Letter]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a letter that was to be redriven. `refused` says why it was not, and is empty when it was."""

    letter: Letter
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """The dead letters that could be read, the oldest first, and the offsets that are kept of the partitions that they
    name. `standstill` says why there may be more of them, and more that was done about these."""

    letters: list[Letter]
    kept: Kept
    standstill: StandstillError | None


async def look(kafka: Kafka) -> Looked:
    """Whatever can be read of the dead letters."""
    messages: list[ConsumerRecord] = []
    standstill = None
    try:
        async for message in noted(kafka):
            messages.append(message)
    except StandstillError as error:
        standstill = error
    async with asking(kafka) as offsets:
        named = {lies[0].topic for letter in letters(messages, {}) if (lies := lies_at(letter.position))}
        kept = await offsets.kept(await offsets.existing(sorted(named)))
    return Looked(letters(messages, kept), kept, standstill)


async def noted(kafka: Kafka) -> AsyncIterator[ConsumerRecord]:
    """What services have set aside and what was done about it, as it lies on their topics. Raises StandstillError,
    after what can be read."""
    async with asking(kafka) as offsets:
        sources = await offsets.existing([dead_letter_topic(service) for service in PROCESSES])
    if sources:
        async for message in tail(kafka, sources, sys.maxsize, follow=False):
            yield message


async def read_letters(kafka: Kafka) -> tuple[list[Letter], Kept]:
    """All dead letters, the oldest first, and the offsets that are kept of the partitions that they name. Raises
    StandstillError: without all of them nobody knows what is done already."""
    found = await look(kafka)
    if found.standstill is not None:
        raise found.standstill
    return found.letters, found.kept


async def read_record(kafka: Kafka, position: str) -> tuple[Letter, ConsumerRecord | str]:
    """The letter of this position, and its record or why there is none to read. Raises UserError for an unknown
    position, and StandstillError."""
    found, kept = await read_letters(kafka)
    [letter] = chosen(found, positions=[position])
    async with _reading(kafka, kept) as reader:
        return letter, await reader.record(letter)


async def redrive(kafka: Kafka, choose: Choice, *, again: bool, key: bytes) -> AsyncIterator[Answer]:
    """Append again the records of those letters that `choose` takes, and say of each whether that was done. `key` is
    the deployment's.

    What is reported as done stays done, whatever comes after. Raises UserError when another redrive has begun, and
    StandstillError.
    """
    async with started(kafka, REDRIVE_ID) as producer:
        found, kept = await read_letters(kafka)
        picked = choose(found)
        async with _reading(kafka, kept) as reader:
            for at in range(0, len(picked), _TOGETHER_MAX):
                read = await _to_append(picked[at : at + _TOGETHER_MAX], reader, kept, again=again, key=key)
                try:
                    if messages := [
                        m for letter, r in read if not isinstance(r, str) for m in appended(letter, r, key)
                    ]:
                        await send_transaction(producer, messages)
                except ProducerFenced:
                    raise UserError("Another redrive has begun, so this one has stopped.", _SEE) from None
                for letter, record in read:
                    yield Answer(letter, record if isinstance(record, str) else "")


async def dismiss(kafka: Kafka, choose: Choice) -> list[Letter]:
    """Note beside those letters that `choose` takes that nothing more is to be done about them; which they were. All
    are noted, or none. A letter that was dismissed before is left as it is. Raises UserError when another redrive or
    dismissal has begun, and StandstillError."""
    async with started(kafka, REDRIVE_ID) as producer:
        found, _ = await read_letters(kafka)
        picked = [letter for letter in choose(found) if letter.state is not State.DISMISSED]
        try:
            if picked:
                await send_transaction(producer, [dismissal(letter) for letter in picked])
        except ProducerFenced:
            raise UserError("Another redrive has begun, so nothing is dismissed.", _SEE) from None
    return picked


_SEE = "What was done and what is open: goodstanding dead-letters ls"


async def _to_append(
    part: Sequence[Letter], reader: _Reader, kept: Kept, *, again: bool, key: bytes
) -> list[tuple[Letter, ConsumerRecord | str]]:
    """Each letter with its record, or with the reason why that is not appended again."""
    read = [(letter, refusal(letter, kept, again=again) or await reader.record(letter)) for letter in part]
    # Retention may append a newer change between this look and the append: a matter of milliseconds, and only a
    # subscriber that has forgotten the record by then takes it for a new one.
    versions = await reader.versions_behind(record for _, record in read if not isinstance(record, str))
    now_ms = time.time() * 1000
    return [
        (
            letter,
            record
            if isinstance(record, str)
            else overtaken(record, versions) or too_old(record, key, now_ms) or record,
        )
        for letter, record in read
    ]


class _Reader:
    """Reads records by their position."""

    def __init__(self, consumer: CarefulConsumer, offsets: Offsets, kept: Kept) -> None:
        self._consumer, self._offsets, self._kept = consumer, offsets, kept

    async def record(self, letter: Letter) -> ConsumerRecord | str:
        """The letter's record, or why there is none to read."""
        if (lies := lies_at(letter.position)) is None:
            return ADVICE[State.NO_RECORD]
        partition, offset = lies
        if offset not in self._kept.get(partition, ()):
            return ADVICE[State.GONE]
        found = [each async for each in self._records(partition, offset, offset + 1, records_max=1)]
        if found and isinstance(found[0], Unreadable):
            return f"The record cannot be read here either. {found[0].sentence}"
        # Where the record has been deleted meanwhile, or compacted, another may have come in its place.
        records = (each for each in found if not isinstance(each, Unreadable))
        return next((each for each in records if each.offset == offset), ADVICE[State.GONE])

    async def versions_behind(self, records: Iterable[ConsumerRecord]) -> dict[str, int]:
        """The highest version of each negative record in `records.changed`, from these letters on."""
        first: dict[TopicPartition, int] = {}
        for record in records:
            if record.topic == RECORDS_CHANGED:
                partition = TopicPartition(record.topic, record.partition)
                first[partition] = min(record.offset, first.get(partition, record.offset))
        versions: dict[str, int] = {}
        ends = await self._offsets.ends([RECORDS_CHANGED] if first else [])
        for partition, offset in first.items():
            async for record in self._records(partition, offset, ends[partition]):
                if not isinstance(record, Unreadable):
                    take_version(versions, record)
        return versions

    async def _records(
        self, partition: TopicPartition, offset: int, end: int, records_max: int | None = None
    ) -> AsyncIterator[Fetched]:
        """The records from an offset on, until the position has reached the end. Raises StandstillError."""
        # Assigning drops what was fetched already, and letters often name records in a row.
        if self._consumer.assignment() != {partition}:
            self._consumer.assign([partition])
        self._consumer.seek(partition, offset)
        unread = Unread(self._consumer, {partition: end})
        while await unread.partitions():
            for found in (await self._consumer.getmany(timeout_ms=_READ_MS, max_records=records_max)).values():
                for record in found:
                    yield record


@asynccontextmanager
async def _reading(kafka: Kafka, kept: Kept) -> AsyncIterator[_Reader]:
    consumer = clients.consumer_of(
        CarefulConsumer,
        kafka,
        # What is missing here was missed by a service, and counted there.
        losses=Losses(lambda *_: None),
        auto_offset_reset="none",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        async with asking(kafka) as offsets:
            yield _Reader(consumer, offsets, kept)
    finally:
        await consumer.stop()
