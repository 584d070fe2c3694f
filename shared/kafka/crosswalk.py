"""The crosswalks of a deployment as one table, rebuilt from their compacted topics and followed from there.

async with crosswalk.followed(kafka, ["bank"]):
    crosswalk.as_of(timestamp_ms)       # once for each record
    crosswalk.find("bank", "4711")      # for each number in it, wherever a mapping reads one
    crosswalk.missed()                  # afterwards: may an entry that was not found still come?

The table lies in SQLite's temporary database: in memory while it is small, in a file without a name when it is not, so
that a million customers do not fill the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from shared.contracts.crosswalk import entry_key, is_entry
from shared.contracts.topics import crosswalk_topic
from shared.kafka.clients import is_cancelled
from shared.kafka.connection import Kafka
from shared.kafka.consumer import CarefulConsumer, beside
from shared.kafka.unreadable import readable

log = structlog.get_logger("kafka")

_READ_MS = 200
_BEGIN_AGAIN_S = 1.0
_LOOK_AGAIN_S = 1.0
_SYNC_S = 10.0
_CACHED_CUSTOMERS = 65_536
_CACHE_KIB = 65_536
_TABLE = """
create table entry (
    number blob primary key, user_id blob not null, told_ms integer not null, topic text not null
) without rowid;
create index of_person on entry (user_id);
"""


class Told(NamedTuple):
    """Where an entry lies: its topic, and the key of its message."""

    topic: str
    key: bytes


class Entry(NamedTuple):
    """Whose a number is, and when the broker took the entry."""

    user_id: str
    told_ms: int


class Crosswalk:
    """All entries of the partners that are followed. The first entry of a number holds, however often it is told."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", f"cache_size = -{_CACHE_KIB}"):
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(_TABLE)
        self._known = lru_cache(maxsize=_CACHED_CUSTOMERS)(self._stored)
        self._told_until_ms: int | None = None
        self._missed = False
        self._complete_ms = 0.0
        self._news = asyncio.Event()
        self._consumer: CarefulConsumer | None = None
        self._kafka: Kafka | None = None
        self._partners: Sequence[str] = ()
        self._following: asyncio.Task[None] | None = None

    # -- what is known -------------------------------------------------------------------------------------------------

    def as_of(self, told_until_ms: int) -> None:
        """Only entries that the broker took by then are found from here on: what was answered without an entry is
        answered so again, although the entry has come since."""
        self._told_until_ms, self._missed = told_until_ms, False

    def find(self, partner: str, number: str) -> str | None:
        """The user_id of a normalized customer number, if an entry says so."""
        entry: Entry | None
        try:
            entry = self._known(partner, number)
        except KeyError:
            entry = None
        until_ms = self._told_until_ms
        if entry is None or (until_ms is not None and entry.told_ms > until_ms):
            self._missed = True
            return None
        return entry.user_id

    def _stored(self, partner: str, number: str) -> Entry:
        """Raises KeyError, which the cache does not keep."""
        return self.entry(entry_key(self._key, partner, number))

    def entry(self, key: bytes) -> Entry:
        """The entry with this key of its message. Raises KeyError."""
        row = self._db.execute("select user_id, told_ms from entry where number = ?", (_packed(key),)).fetchone()
        if row is None:
            raise KeyError("no entry")
        return Entry(row[0].hex(), row[1])

    def numbers_of(self, user_id: str) -> Sequence[Told]:
        """The entries of a person that are known and that the broker took by `as_of`. Others may be on their way."""
        query = "select topic, number from entry where user_id = ? and told_ms <= ? order by topic, number"
        rows = self._db.execute(query, (bytes.fromhex(user_id), self._told_until_ms)).fetchall()
        self._missed = bool(self._partners)
        return [Told(topic, number.hex().encode()) for topic, number in rows]

    @property
    def topics(self) -> Sequence[str]:
        """Those that are followed."""
        return _topics(self._partners)

    def __len__(self) -> int:
        return int(self._db.execute("select count(*) from entry").fetchone()[0])

    def missed(self) -> int | None:
        """Until when (ms) an entry may still come that would be found, if one was not found since `as_of`, and not all
        of them are known."""
        until_ms = self._told_until_ms
        return until_ms if self._missed and until_ms is not None and until_ms > self._complete_ms else None

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        self._db.execute("begin")
        try:
            for record in records:
                self._take(record)
        finally:
            # Whatever failed: while this one is open, no other could begin, and nothing would be taken any more.
            if self._db.in_transaction:
                self._db.execute("commit")
        self._news.set()

    def _take(self, record: ConsumerRecord) -> None:
        if not is_entry(record.key, record.value):
            log.warning("passed over what is no entry", topic=record.topic, offset=record.offset)
        elif record.value is None:
            self._db.execute("delete from entry where number = ?", (_packed(record.key),))
            self._known.cache_clear()
        else:
            values = (_packed(record.key), _packed(record.value), record.timestamp, record.topic)
            self._db.execute("insert or ignore into entry values (?, ?, ?, ?)", values)

    # -- reading -------------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def followed(self, kafka: Kafka, partners: Sequence[str], others: Iterable[str] = ()) -> AsyncIterator[None]:
        """Read all entries of these partners, and of the others as far as they have a topic; then follow what comes.
        Raises what the client raises without a broker, or without the topics."""
        self._kafka = kafka
        try:
            await self.follow_too([*partners, *await _with_topics(kafka, others)])
            yield
        finally:
            await self._stop()
            self._kafka, self._partners = None, ()

    async def follow_too(self, partners: Iterable[str]) -> None:
        """Read and follow these partners as well, beside those that are followed. Raises as `followed`, whereupon those
        that were followed before still are."""
        before, wanted = self._partners, sorted({*self._partners, *partners})
        if self._kafka is None or wanted == list(before):
            return
        await self._stop()
        try:
            await self._open(self._kafka, _topics(wanted))
            self._partners = wanted
        finally:
            if self._partners:
                following = self._follow(self._kafka, _topics(self._partners))
                self._following = asyncio.create_task(following, name="crosswalk")

    async def _stop(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        await self._close()

    async def catch_up(self, until_ms: int) -> None:
        """Wait for a moment until all entries that were told by then are known, or until some have come."""
        wait_s = until_ms / 1000 - time.time()
        if wait_s > 0:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, _LOOK_AGAIN_S)):
                    await self._news.wait()
        else:
            async with asyncio.timeout(_SYNC_S):
                await self._sync(read=False)

    async def _open(self, kafka: Kafka, topics: Sequence[str]) -> None:
        self._consumer = beside(kafka, topics)
        try:
            await self._consumer.start()
            partitions = [TopicPartition(topic, 0) for topic in topics]
            self._consumer.assign(partitions)
            for tp, offset in (await self._consumer.beginning_offsets(partitions)).items():
                self._consumer.seek(tp, offset)
            await self._sync(read=True)
        except BaseException:
            await self._close()
            raise

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _sync(self, *, read: bool) -> None:
        """Until all is known that the topics held when this was called; by reading, or while `_follow` reads."""
        began_ms = time.time() * 1000
        if (consumer := self._consumer) is None:
            raise TimeoutError("the crosswalk is not followed")
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            if read:
                await self._read(consumer)
            else:
                await asyncio.sleep(_READ_MS / 1000)
        self._complete_ms = began_ms

    async def _read(self, consumer: CarefulConsumer) -> None:
        fetched = (await consumer.getmany(timeout_ms=_READ_MS)).values()
        if records := [record for part in fetched for record in readable(part)]:
            self.take(records)

    async def _follow(self, kafka: Kafka, topics: Sequence[str]) -> None:
        """A consumer that fails is replaced by one that reads all of it again: what is known already stays as it is."""
        while True:
            try:
                if self._consumer is None:
                    await self._open(kafka, topics)
                assert self._consumer is not None
                await self._read(self._consumer)
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                # The library lets out cancellations that nobody asked for.
                log.warning("the crosswalk is read again after a failure", exc_info=error)
                await self._close()
                await asyncio.sleep(_BEGIN_AGAIN_S)


async def _with_topics(kafka: Kafka, partners: Iterable[str]) -> list[str]:
    """Those of the partners whose crosswalk has been made."""
    consumer = beside(kafka, ())
    try:
        await consumer.start()
        made = await consumer.topics()
    finally:
        await consumer.stop()
    return [partner for partner in partners if crosswalk_topic(partner) in made]


def _topics(partners: Sequence[str]) -> list[str]:
    return [crosswalk_topic(partner) for partner in partners]


def _packed(hexadecimal: bytes) -> bytes:
    return bytes.fromhex(hexadecimal.decode())
