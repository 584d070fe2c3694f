"""The crosswalks of a deployment as one table, rebuilt from their compacted topics and followed from there.

async with crosswalk.followed(kafka, ["bank"]):
    crosswalk.as_of(timestamp_ms)       # once for each record
    crosswalk.find("bank", "4711")      # for each number in it, wherever a mapping reads one
    crosswalk.missed()                  # afterwards: may an entry that was not found still come?

All times are the broker's. What is read from the beginning goes into a table of its own, which takes the place of the
former one when it is whole: on the way there it has entries that were taken away since, and lacks others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from shared.contracts.crosswalk import entry_key
from shared.contracts.topics import crosswalk_topic
from shared.kafka.between import StandstillError, Unread
from shared.kafka.clients import is_cancelled
from shared.kafka.connection import Kafka
from shared.kafka.consumer import CarefulConsumer, beside
from shared.kafka.crosswalk_table import Entry as Entry
from shared.kafka.crosswalk_table import Table
from shared.kafka.crosswalk_table import Told as Told
from shared.kafka.unreadable import readable

log = structlog.get_logger("kafka")

_READ_MS = 200
_BEGIN_AGAIN_S = 1.0
_LOOK_AGAIN_S = 1.0
_SYNC_S = 10.0
_CACHED_CUSTOMERS = 65_536


class _Opened(NamedTuple):
    """All that the topics held, and what reads on behind it."""

    consumer: CarefulConsumer
    table: Table


class Crosswalk:
    """All entries of the partners that are followed. The first entry of a number holds, however often it is told."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._table = Table()
        self._known = lru_cache(maxsize=_CACHED_CUSTOMERS)(self._stored)
        self._told_until_ms: int | None = None
        self._missed = False
        self._complete_ms = 0.0
        """All entries that the broker had taken by then are known."""
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
        return self._table.entry(key)

    def numbers_of(self, user_id: str) -> Sequence[Told]:
        """The entries of a person that are known and that the broker took by `as_of`. Others may be on their way."""
        self._missed = bool(self._partners)
        return self._table.numbers_of(user_id, self._told_until_ms)

    @property
    def topics(self) -> Sequence[str]:
        """Those that are followed."""
        return _topics(self._partners)

    def __len__(self) -> int:
        return len(self._table)

    def missed(self) -> int | None:
        """Until when (ms) an entry may still come that would be found, if one was not found since `as_of`, and not all
        of them are known."""
        until_ms = self._told_until_ms
        return until_ms if self._missed and until_ms is not None and until_ms > self._complete_ms else None

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        if self._table.take(records):
            self._known.cache_clear()
        self._news.set()

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
        opened = await self._opened(self._kafka, _topics(wanted))
        try:
            await self._stop()
        except BaseException:
            await opened.consumer.stop()
            raise
        self._go_on(opened)
        self._partners = wanted
        self._following = asyncio.create_task(self._follow(self._kafka, _topics(wanted)), name="crosswalk")

    async def _stop(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        await self._close()

    async def catch_up(self, until_ms: int, now_ms: float) -> None:
        """Wait for a moment until all entries that were told by then are known, or until some have come. `now_ms` is
        no later than what the broker's clock shows."""
        if until_ms > now_ms:
            await self._news_within(min((until_ms - now_ms) / 1000, _LOOK_AGAIN_S))
        else:
            await self._sync(now_ms)

    async def _sync(self, now_ms: float) -> None:
        """Until all is known that the topics hold, while `_follow` reads. Raises StandstillError."""
        if (consumer := self._consumer) is None:
            raise StandstillError("The crosswalk is being read again from its beginning.", "This passes by itself.")
        unread = Unread(consumer, await consumer.end_offsets(list(consumer.assignment())), _SYNC_S)
        while await unread.partitions():
            await self._news_within(_READ_MS / 1000)
        if consumer is self._consumer:
            self._complete_ms = max(self._complete_ms, now_ms)

    async def _news_within(self, seconds: float) -> None:
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _opened(self, kafka: Kafka, topics: Sequence[str]) -> _Opened:
        """Raises StandstillError where Kafka gives out nothing more before the end."""
        consumer, table = beside(kafka, topics), Table()
        try:
            await consumer.start()
            partitions = [TopicPartition(topic, 0) for topic in topics]
            consumer.assign(partitions)
            for tp, offset in (await consumer.beginning_offsets(partitions)).items():
                consumer.seek(tp, offset)
            unread = Unread(consumer, await consumer.end_offsets(partitions))
            with self._table.making_room():
                while await unread.partitions():
                    table.take(await _read(consumer))
        except BaseException:
            await consumer.stop()
            raise
        return _Opened(consumer, table)

    def _go_on(self, opened: _Opened) -> None:
        self._consumer, self._table = opened
        self._known.cache_clear()
        # The former reader may have read further than this one has.
        self._complete_ms = 0.0
        self._news.set()

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _follow(self, kafka: Kafka, topics: Sequence[str]) -> None:
        """A consumer that fails is replaced by one that reads all of it again."""
        while True:
            try:
                if self._consumer is None:
                    self._go_on(await self._opened(kafka, topics))
                assert self._consumer is not None
                if records := await _read(self._consumer):
                    self.take(records)
            except (Exception, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                # The library lets out cancellations that nobody asked for.
                log.warning("the crosswalk is read again after a failure", exc_info=error)
                await self._close()
                await asyncio.sleep(_BEGIN_AGAIN_S)


async def _read(consumer: CarefulConsumer) -> list[ConsumerRecord]:
    fetched = (await consumer.getmany(timeout_ms=_READ_MS)).values()
    return [record for part in fetched for record in readable(part)]


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
