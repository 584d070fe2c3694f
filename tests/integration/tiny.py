"""The smallest services that use every part of the runner, and workers that run them inside the test.

`Tiny` counts the records of each key, publishes every count, and can be told by a record's value to fail in each way
there is. `Relay` is its counterpart without state. All names are unique, so that tests share servers and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared import postgres
from shared.contracts.partition import PARTITIONS, partition_of
from shared.kafka.topic_admin import administrator
from shared.runner.host import Host
from shared.runner.metrics import Metrics
from shared.runner.service import (
    Announcement,
    Answer,
    Aside,
    DeadLetter,
    Decision,
    DuePage,
    Forward,
    Input,
    Outcome,
    Outgoing,
    OwnTopic,
    PolicyMismatchError,
    Record,
    Service,
    Stateful,
)
from shared.runner.shards import Shards
from shared.runner.store import MIGRATIONS
from shared.settings import StatefulSettings
from tests.support.unreadable import send_raw

KEYS = tuple(f"key-{number}" for number in range(48))
PATIENCE_S = 120.0
_BYTES_MAX = 2 * 1024 * 1024

_TABLES = """
create table count (shard smallint, key text, total int, version int, note text, primary key (shard, key));
create table history (shard smallint, key text, version int, primary key (shard, key, version));
create table alarm (shard smallint, key text, at timestamptz, primary key (shard, key));
"""


_REFUSED = {"unsavable": "\0", "poison": "poison"}
"""Words that show in the note of whatever they are part of: one that no database takes, one for a test's trigger."""


def _settings(bytes_max: int) -> dict[str, str]:
    return {"max.message.bytes": str(bytes_max), "message.timestamp.type": "LogAppendTime"}


class Add(msgspec.Struct, frozen=True):
    """One record; `value` is a word, and some words make trouble."""

    key: str
    value: str
    due: bool = False


class Count(msgspec.Struct, frozen=True):
    total: int
    version: int
    note: str = ""


class History(msgspec.Struct, frozen=True):
    """Every version is saved, also those that a later one of the same step overtakes."""

    key: str
    version: int


class AlarmDone(msgspec.Struct, frozen=True):
    key: str


Write: TypeAlias = History | AlarmDone


class HandClock:
    """A clock that the test sets, in one process."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, tzinfo=UTC)
        self._wakers: list[Callable[[], None]] = []

    def set(self, instant: datetime) -> None:
        self.instant = instant
        for wake in self._wakers:
            wake()

    def now(self) -> datetime:
        return self.instant

    def arrival(self, timestamp_ms: int) -> datetime:
        return self.instant

    def broker_ms(self) -> float:
        return time.time() * 1000

    def delay_s(self, instant: datetime | None) -> float | None:
        return None

    async def refresh(self) -> None:
        return

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        self._wakers.append(wake)
        yield
        self._wakers.remove(wake)


@dataclass
class Tiny:
    """One deployment of the counting service: its names, its database, its clock."""

    kafka: str
    dsn: str
    name: str = field(default_factory=lambda: f"tiny_{uuid.uuid4().hex[:8]}")
    clock: HandClock = field(default_factory=HandClock)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"{self.name}.in"

    @property
    def second_source(self) -> str:
        return f"{self.name}.in-2"

    @property
    def target(self) -> str:
        return f"{self.name}.out"

    @property
    def letters(self) -> str:
        return f"{self.name}.dead-letter"

    # -- the service ---------------------------------------------------------------------------------------------------

    def service(self, **changes: Any) -> Service:
        """`changes` are of its mode; `inputs` of the service."""
        inputs = changes.pop("inputs", (Input(topic=self.source), Input(topic=self.second_source)))
        return Service(self.name, inputs, replace(self.mode, **changes))

    @property
    def mode(self) -> Stateful[Add, Count, Write]:
        own = OwnTopic(self.target, undecided=_undecided, restate=self._restate, last_counts=True)
        return Stateful(decode, lambda add: add.key, self.decide, _load, _save, self.due, own)

    def relay(self) -> Service:
        return Service(self.name, (Input(pattern=f"{self.name}.in.*"),), Forward(self._relayed))

    async def _restate(
        self, db: Any, shard: int, last: Mapping[bytes, Record], ahead: Sequence[Any], now: datetime
    ) -> AsyncIterator[Sequence[Outgoing]]:
        published = {key.decode(): msgspec.json.decode(record.value or b"", type=Count) for key, record in last.items()}
        for key, count in published.items():
            await db.execute(
                "insert into count values ($1, $2, 0, $3, '') on conflict (shard, key) do update"
                " set version = greatest(count.version, excluded.version)",
                *(shard, key, count.version),
            )
        keys = [row["key"] for row in await db.fetch("select key from count where shard = $1", shard)]
        for key, count in (await _load(db, shard, keys)).items():
            told = published.get(key)
            if told is None or told.version < count.version:
                yield [self._published(key, count).placed(shard)]
            elif told.total != count.total:
                await db.execute("update count set version = version + 1 where shard = $1 and key = $2", shard, key)
                yield [self._published(key, Count(count.total, count.version + 1)).placed(shard)]

    def decide(self, state: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        before = state or Count(0, 0)
        if any(message.value == "fail" for message in messages):
            raise ArithmeticError("the rules fail")
        added = sum(1 for message in messages if not message.due)
        note = next((_REFUSED[m.value] for m in messages if m.value in _REFUSED), messages[-1].value)
        after = Count(before.total + added, before.version + 1, note)
        key = messages[-1].key
        writes: list[Write] = [History(key, after.version)]
        if any(message.value == "alarm" for message in messages):
            writes.append(AlarmDone(key))
        return Decision(after, (self._published(key, after),), (Outcome("accepted"),), tuple(writes))

    def _published(self, key: str, count: Count) -> Announcement:
        headers = (
            ("ce_id", f"{self.name}/{key}/{count.version}".encode()),
            ("ce_source", f"/{self.name}".encode()),
        )
        return Announcement(self.target, key.encode(), msgspec.json.encode(count), headers)

    def _relayed(self, record: Record, arrived: datetime) -> Answer | DeadLetter:
        message = decode(record, arrived)
        if isinstance(message, DeadLetter):
            return message
        if message.value == "fail":
            raise ArithmeticError("the rules fail")
        key = message.key
        outgoing = Outgoing(self.target, key.encode(), message.value.encode(), (), partition_of(key))
        return Answer((outgoing,), (Outcome("accepted"),))

    async def due(
        self, db: Any, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str] = ()
    ) -> DuePage[Add, Count]:
        """Alarms first; then, from the clock's tenth second on, a run over everybody, in pages."""
        rows = await db.fetch(
            "select key from alarm where shard = $1 and at <= $2 and key <> all ($4) order by key limit $3",
            shard,
            now,
            limit,
            list(skip),
        )
        if rows:
            return DuePage([Add(row["key"], "alarm", due=True) for row in rows], cursor, None)
        next_at = await db.fetchval("select min(at) from alarm where shard = $1 and key <> all ($2)", shard, list(skip))
        if now.second < 10 or cursor == "done":
            return DuePage((), cursor, next_at)
        if await db.fetchval("select count(*) from count where note = 'another policy'"):
            raise PolicyMismatchError("another policy is in force")
        rows = await db.fetch(
            "select key from count where shard = $1 and key > $2 order by key limit $3", shard, cursor, limit
        )
        messages = [Add(row["key"], "run", due=True) for row in rows]
        return DuePage(messages, messages[-1].key if messages else "done", next_at, "run-1")

    # -- its surroundings ----------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        await self.create_topics(self.source, self.second_source, self.target)
        await self.create_topics(self.letters, partitions=1)
        async with self.database() as db:
            await db.execute(f"create schema {self.name}")
            await db.execute(f"set search_path = {self.name}")
            await postgres.migrate(db, [MIGRATIONS])
            await db.execute(_TABLES)

    async def create_topics(
        self, *names: str, partitions: int = PARTITIONS, cleanup: str = "delete", bytes_max: int = _BYTES_MAX
    ) -> None:
        async with administrator(self.kafka) as admin:
            settings = {**_settings(bytes_max), "cleanup.policy": cleanup}
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings) for name in names])

    async def let_messages_have(self, topic: str, bytes_max: int) -> None:
        async with administrator(self.kafka) as admin:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, _settings(bytes_max))])

    async def delete_topics(self, *names: str) -> None:
        async with administrator(self.kafka) as admin:
            await admin.delete_topics(list(names))

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        db = await asyncpg.connect(self.dsn, server_settings={"search_path": self.name})
        try:
            yield db
        finally:
            await db.close()

    @contextlib.asynccontextmanager
    async def worker(self, service: Service | None = None, **settings: Any) -> AsyncIterator[Worker]:
        """What a process of the service is, within this one; leaving the block drains it."""
        given = {"session_timeout_ms": 3_000, "metadata_max_age_ms": 500, **self.settings, **settings}
        host_settings = StatefulSettings(kafka=self.kafka, **given)
        pool = await postgres.open_pool(self.dsn, self.name, connections_max=8)
        worker = Worker(Shards(service or self.service(), Host(host_settings, self.clock, Metrics(), pool)))
        try:
            await worker.here.start()
            yield worker
        finally:
            if not worker.crashed:
                await worker.here.stop()
            pool.terminate()

    async def send(
        self, values: Sequence[tuple[str, str]], *, topic: str | None = None, partition: int | None = None
    ) -> None:
        """Records of (key, value), in order for each key."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka, enable_idempotence=True, max_request_size=2 * 1024 * 1024
        )
        await producer.start()
        for key, value in values:
            at = partition_of(key) if partition is None else partition
            await producer.send(topic or self.source, value.encode(), key=key.encode(), partition=at)
        await producer.stop()

    async def send_raw(
        self, partition: int, key: bytes | None, value: bytes | None, *header_names: bytes, count: int = 1
    ) -> None:
        await send_raw(self.kafka, self.source, partition, key, value, *header_names, count=count)

    async def read(self, topic: str) -> list[Record]:
        """All that readers of committed messages see."""
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, isolation_level="read_committed") as consumer:
            places = [
                TopicPartition(topic, p)
                for p in consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            ]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            records: list[Record] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for found in (await consumer.getmany(timeout_ms=200)).values():
                    records += found
            return records

    async def totals(self) -> dict[str, int]:
        async with self.database() as db:
            return {row["key"]: row["total"] for row in await db.fetch("select key, total from count")}

    async def gaps(self) -> list[tuple[str, int, int]]:
        """Keys of whose versions not every one was saved: (key, versions, saved)."""
        async with self.database() as db:
            rows = await db.fetch(
                "select key, version, (select count(*) from history where history.key = count.key) as saved from count"
            )
        return [tuple(row) for row in rows if row["version"] != row["saved"]]

    async def until_total(self, total: int) -> None:
        async with self.database() as db:

            async def reached() -> bool:
                return bool(await db.fetchval("select coalesce(sum(total), 0) >= $1 from count", total))

            await until(reached, f"{total} records counted")


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client._wait_on_metadata(topic)
    return set(consumer.partitions_for_topic(topic))


class Worker:
    """One member of the group."""

    def __init__(self, here: Shards) -> None:
        self.here = here
        self.crashed = False

    @property
    def shards(self) -> list[int]:
        """Those that it works on now."""
        return sorted(index for index, shard in self.here.shards.items() if shard.trouble is None)

    async def until_shards(self, count: int) -> None:
        async def owned() -> bool:
            return len(self.shards) == count

        await until(owned, f"{count} shards owned")

    async def crash(self) -> None:
        """Stop at once, wherever it stands, and leave the group as a killed process does: by silence."""
        self.crashed = True
        # None of them here any more, so that the end of a task is not taken for a fault.
        self.here.shards.clear()
        tasks = list(self.here._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        consumer = self.here.consumer
        # Without the farewell the group waits for the session's end.
        consumer._coordinator._maybe_leave_group = _no_farewell
        await self.here.subscription.stop()


async def _no_farewell() -> None:
    return


def decode(record: Record, arrived: datetime) -> Add | DeadLetter:
    if record.value == b"undecodable":
        raise ValueError("the decoder fails")
    if not record.value or record.key is None:
        return DeadLetter(cast(Aside, "empty"), "There is nothing in it.")
    return Add(record.key.decode(), record.value.decode())


async def until(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition (a coroutine function) to hold; fail with its name when it does not in time."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await condition():  # noqa: ASYNC110  # what is awaited lies in a server
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:.0f} s: {what}") from None


async def _undecided(db: Any, shard: int, messages: Sequence[Record]) -> int:
    counts = [(m.key.decode(), msgspec.json.decode(m.value, type=Count)) for m in messages if m.key and m.value]
    known = await _load(db, shard, [key for key, _ in counts])
    return sum(key not in known or known[key].version < count.version for key, count in counts)


async def _load(db: Any, shard: int, keys: Sequence[str]) -> dict[str, Count]:
    rows = await db.fetch(
        "select key, total, version, note from count where shard = $1 and key = any ($2)", shard, list(keys)
    )
    return {row["key"]: Count(row["total"], row["version"], row["note"]) for row in rows}


async def _save(db: Any, shard: int, states: Mapping[str, Count], writes: Sequence[Write]) -> None:
    await db.executemany(
        "insert into count values ($1, $2, $3, $4, $5) on conflict (shard, key) do update"
        " set total = excluded.total, version = excluded.version, note = excluded.note",
        [(shard, key, state.total, state.version, state.note) for key, state in sorted(states.items())],
    )
    await db.executemany(
        "insert into history values ($1, $2, $3)",
        [(shard, each.key, each.version) for each in writes if isinstance(each, History)],
    )
    done = [each.key for each in writes if isinstance(each, AlarmDone)]
    await db.execute("delete from alarm where shard = $1 and key = any ($2)", shard, done)
