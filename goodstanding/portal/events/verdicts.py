"""What has become of a partner's events: those that were sent here, and all that were refused (decision 0045).

Nothing is followed. Whoever asks has the refusals read that have come since somebody asked last, at most once a second
for each partner, and finds the answer in a table. So an event costs nothing that nobody asks for.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.structs import RecordMetadata

from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import between
from services.ingest.core.normalize import Judged, Normalized
from shared.contracts.faults import Fault
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import group_of, raw_topic, rejected_topic
from shared.kafka.between import StandstillError
from shared.kafka.connection import Kafka
from shared.postgres import DbOrPool, queries

_SQL = queries(Path(__file__).with_name("events.sql"))
KEPT = timedelta(days=30)
"""As long as a refusal lies on its topic."""
_LOOK_AGAIN_S = 1.0
_PATIENCE_S = 2.0
"""How long somebody waits who asks while a transaction hides refusals. What is not refused as far as it could be read
is "waiting" then, and whoever asks again reads on."""
_READ_MAX = 20_000
"""Refusals that one question reads; after more, whoever asks again reads on."""

Result: TypeAlias = Literal["waiting", "accepted", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of what was sent last under an id."""

    result: Result
    partition: int
    offset: int
    member: int
    code: str | None
    field: str | None
    sentence: str | None


@dataclass(slots=True)
class _Looked:
    """How far ingest was with a partner's topic when the refusals were read last."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at_s: float = float("-inf")
    committed: dict[TopicPartition, int] = field(default_factory=dict)


class Verdicts:
    def __init__(self, db: asyncpg.Pool, kafka: Kafka, key: bytes) -> None:
        self._db, self._kafka = db, kafka
        self._key = hmac.digest(key, b"goodstanding/portal/events", "sha256")
        self._looked: dict[str, _Looked] = {}

    async def note(self, partner: str, found: Sequence[Judged], placed: RecordMetadata) -> None:
        """Keep where the accepted events of a message lie."""
        members = [member for member, each in enumerate(found) if isinstance(each, Normalized)]
        ids = [self._id(partner, each.event_id) for each in found if isinstance(each, Normalized)]
        at = _instant(placed.timestamp)
        await self._db.execute(_SQL["sent"], partner, placed.partition, placed.offset, members, ids, at)

    async def of(self, partner: str, event_id: str) -> Verdict | None:
        """None for an event that was not sent here, and that no service has refused. Raises KafkaError."""
        looked = await self._look(partner)
        row = await self._db.fetchrow(_SQL["verdict"], partner, self._id(partner, event_id))
        if row is None:
            return None
        at = TopicPartition(raw_topic(partner), row["raw_partition"])
        passed = looked.committed.get(at, 0) > row["raw_offset"]
        return Verdict("refused" if row["code"] else "accepted" if passed else "waiting", *row)

    async def read_on(self, partner: str) -> None:
        """Read the refusals that have come since, for whoever counts them. Raises KafkaError."""
        await self._look(partner)

    async def _look(self, partner: str) -> _Looked:
        looked = self._looked.setdefault(partner, _Looked())
        async with looked.lock:
            if time.monotonic() - looked.at_s < _LOOK_AGAIN_S:
                return looked
            async with asking(self._kafka) as offsets:
                # In this order: what ingest has passed, it has refused by then, if it refuses it.
                committed = await offsets.committed(group_of("ingest"))
                [(at, kept)] = (await offsets.kept([rejected_topic(partner)])).items()
            if await self._read(partner, at, kept):
                looked.committed = {
                    each: offset for each, offset in committed.items() if each.topic == raw_topic(partner)
                }
            looked.at_s = time.monotonic()
            return looked

    async def _read(self, partner: str, at: TopicPartition, kept: range) -> bool:
        """Read on from where it was left; whether that has come to the end."""
        begin: int | None = await self._db.fetchval(_SQL["read_until"], partner)
        if begin is None or not kept.start <= begin <= kept.stop:
            begin = kept.start
        end = min(kept.stop, begin + _READ_MAX)
        refusals: list[ConsumerRecord] = []
        try:
            async for each in between(self._kafka, {at: begin}, {at: end}, _PATIENCE_S):
                refusals.append(each)
        except StandstillError:
            end = refusals[-1].offset + 1 if refusals else begin
        async with self._db.acquire() as db, db.transaction():
            known = int(await db.fetchval(_SQL["hold_read_until"], partner, begin))
            read_until = known if kept.start <= known <= kept.stop else begin
            await self._write(db, partner, refusals, read_until)
            await db.execute(_SQL["keep_read_until"], partner, max(end, read_until))
            for forget in ("forget", "forget_counts"):
                await db.execute(_SQL[forget], datetime.now(UTC) - KEPT)
        return end == kept.stop

    async def _write(self, db: DbOrPool, partner: str, records: Sequence[ConsumerRecord], read_until: int) -> None:
        """Keep what is said of each event, and count the refusals that nobody has counted before."""
        rows = []
        counts: Counter[tuple[date, str]] = Counter()
        for record in records:
            refusal = read_refusal(record.headers)
            if isinstance(refusal, Fault):
                continue
            if record.offset >= read_until:
                counts[_instant(record.timestamp).date(), str(refusal.code)] += 1
            partition, first = map(int, refusal.origin.rsplit("/", 2)[1:])
            why = refusal.code, refusal.field, refusal.sentence
            member = None if refusal.index is None else int(refusal.index)
            if refusal.eventid is None:
                last = int((refusal.lastorigin or refusal.origin).rpartition("/")[2])
                await db.execute(_SQL["refused_unnamed"], partner, partition, first, last, member, *why)
                continue
            event = self._id(partner, refusal.eventid)
            rows.append((partition, first, member or 0, event, _instant(record.timestamp), *why))
        if rows:
            await db.execute(_SQL["refused"], partner, *map(list, zip(*rows, strict=True)))
        if counts:
            days, codes = zip(*counts, strict=True)
            await db.execute(_SQL["count"], partner, list(days), list(codes), list(counts.values()))

    def _id(self, partner: str, event_id: str) -> bytes:
        return hmac.digest(self._key, f"{partner}\n{event_id}".encode(), "sha256")


def _instant(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
