"""retention as real processes on real Kafka and Postgres, and what it takes to tell it things and to hear of them.

Each `Retention` has a database of its own. The topics are the real ones, which other tests use too, so people are
strangers to every other test, and what others have left in the topics is handled again and passed over here.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from goodstanding.platform.service_process import ServiceProcess
from shared.clock import set_stepped_clock
from shared.contracts.cloudevents import binary
from shared.contracts.messages import TYPES, DisputeQuestion, RecordChange, RecordReport, encode, read
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectNotice, SubjectRequest
from shared.contracts.topics import (
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    disputes_topic,
    raw_topic,
    rejected_topic,
)
from shared.kafka.topic_admin import ensure_simulation_topic
from shared.postgres import migrate
from shared.runner.store import MIGRATIONS
from shared.settings import ROOT
from tests.support.fresh_kafka import forget
from tests.support.policies_without_notice import without_notice

PARTNER = "retention-test"
FINGERPRINT_KEY = b"retention under test, 32 bytes!!"
PATIENCE_S = 60.0
OWN_MIGRATIONS = ROOT / "services" / "retention" / "storage" / "migrations"


def stranger() -> str:
    """A user_id that no other test has."""
    return sha256(uuid.uuid4().bytes).hexdigest()


def strangers_of_all_shards() -> list[str]:
    """One stranger for each partition, in their order."""
    found: dict[int, str] = {}
    while len(found) < PARTITIONS:
        person = stranger()
        found.setdefault(partition_of(person), person)
    return [found[shard] for shard in range(PARTITIONS)]


@dataclass(frozen=True)
class Heard:
    """One message on `records.changed`."""

    person: str
    id: str
    time: datetime
    change: RecordChange
    content: tuple[object, ...]
    """Value and headers, to compare repetitions byte by byte."""


@dataclass
class Ear:
    """A subscriber of `records.changed` that hears only of its own people."""

    consumer: AIOKafkaConsumer
    ends: AIOKafkaConsumer
    """Reads what is not committed too: a transaction is over for its producer a moment before its end can be read."""
    people: set[str]
    heard: list[Heard] = field(default_factory=list)

    async def listen(self) -> list[Heard]:
        """What was committed since the last time, up to the present end of the topic."""
        places = self.consumer.assignment()
        news = len(self.heard)
        for place, end in (await self.ends.end_offsets(places)).items():
            while await self.consumer.position(place) < end:
                for record in (await self.consumer.getmany(place, timeout_ms=200)).get(place, ()):
                    if (person := record.key.decode()) in self.people:
                        self.heard.append(_heard(person, record))
        return self.heard[news:]


def _heard(person: str, record: Any) -> Heard:
    assert record.partition == partition_of(person)
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_type"] == TYPES[RecordChange]
    assert headers["ce_partitionkey"] == person
    change = read(RecordChange, record.value)
    assert isinstance(change, RecordChange)
    time = datetime.fromisoformat(headers["ce_time"])
    return Heard(person, headers["ce_id"], time, change, (record.value, tuple(record.headers)))


@dataclass
class Retention:
    kafka: str
    dsn: str
    directory: Path
    producer: AIOKafkaProducer
    policies: Path = ROOT / "policies"
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    sent: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    """The offsets that the shards reach when they have read every report."""
    asked: dict[int, int] = field(default_factory=dict)
    """The same of what people ask."""
    patience_s: float = PATIENCE_S

    # -- processes -----------------------------------------------------------------------------------------------------

    async def start(self, *names: str, **settings: str) -> None:
        """Start processes by name, or start them again, and return when they are ready."""
        for name in names:
            process = ServiceProcess(
                self.directory, "retention", environment={**self._environment, **settings}, name=name
            )
            self.processes[name] = process
            await asyncio.to_thread(process.start)
        await asyncio.gather(*(asyncio.to_thread(self.processes[name].wait_ready) for name in names))

    async def kill(self, name: str) -> None:
        await asyncio.to_thread(self.processes[name].kill)

    @property
    def _environment(self) -> Mapping[str, str]:
        return {
            "GOODSTANDING_KAFKA": self.kafka,
            "GOODSTANDING_POSTGRES": self.dsn,
            "GOODSTANDING_CLOCK": "stepped",
            "GOODSTANDING_POLICIES": str(self.policies),
            "GOODSTANDING_FINGERPRINT_KEY": FINGERPRINT_KEY.hex(),
            "GOODSTANDING_FETCH_MAX_WAIT_MS": "20",
            # A killed process is missed soon.
            "GOODSTANDING_SESSION_TIMEOUT_MS": "1000",
        }

    # -- telling -------------------------------------------------------------------------------------------------------

    async def set_clock(self, instant: datetime) -> None:
        await set_stepped_clock(self.producer, instant)

    async def tell(self, person: str, *bodies: RecordReport, time: datetime) -> None:
        await self.tell_many([(person, body) for body in bodies], time=time)

    async def tell_many(
        self, reports: Iterable[tuple[str, RecordReport]], *, time: datetime, partner: str = PARTNER
    ) -> None:
        """As ingest would forward it; returns when the broker has it."""
        acknowledgements = []
        for person, body in reports:
            self.sent += 1
            headers = binary(
                id=f"event-{self.sent}",
                source=f"/partners/{partner}",
                type=TYPES[RecordReport],
                time=time,
                partitionkey=person,
                extensions={"origin": f"{raw_topic(partner)}/0/{self.sent}"},
            )
            acknowledgements.append(
                await self.producer.send(
                    RECORDS_REPORTED, encode(body), person.encode(), partition_of(person), headers=list(headers)
                )
            )
        for place in await asyncio.gather(*acknowledgements):
            self.ends[place.partition] = place.offset + 1

    async def ask(self, person: str, request: SubjectRequest, id: str, *, time: datetime) -> None:
        """As the person would ask; returns when the broker has it."""
        headers = binary(id=id, source="/operator", type=TYPES[SubjectRequest], time=time, partitionkey=person)
        place = await self.producer.send_and_wait(
            SUBJECT_REQUESTS, encode(request), person.encode(), partition_of(person), headers=list(headers)
        )
        self.asked[place.partition] = place.offset + 1

    # -- hearing -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def ear(self, people: Iterable[str]) -> AsyncIterator[Ear]:
        async with (
            AIOKafkaConsumer(
                bootstrap_servers=self.kafka,
                isolation_level="read_committed",
                enable_auto_commit=False,
                # The question for the end waits behind a fetch that waits for something to come.
                fetch_max_wait_ms=20,
            ) as consumer,
            AIOKafkaConsumer(bootstrap_servers=self.kafka) as ends,
        ):
            consumer.assign([TopicPartition(RECORDS_CHANGED, shard) for shard in range(PARTITIONS)])
            await consumer.seek_to_end()
            yield Ear(consumer, ends, set(people))

    async def refusals(self) -> list[dict[str, str]]:
        """The headers of every refusal that this test's partner has received."""
        found = await self.read(rejected_topic(PARTNER), 0)
        assert all(record.value is None and record.key is None for record in found)
        return [{name: value.decode() for name, value in record.headers} for record in found]

    async def questions(self) -> list[DisputeQuestion]:
        """Every question that this test's partner was asked."""
        found = [read(DisputeQuestion, record.value) for record in await self.read(disputes_topic(PARTNER), 0)]
        return list(dict.fromkeys(question for question in found if isinstance(question, DisputeQuestion)))

    async def told(self, person: str) -> list[SubjectAnswer | SubjectNotice | ErasureReceipt]:
        """All that the person was told. What was sent again after a kill is the same, and counts once."""
        told: list[SubjectAnswer | SubjectNotice | ErasureReceipt] = []
        for record in await self.read(SUBJECT_ANSWERS, partition_of(person)):
            if record.key != person.encode():
                continue
            body = next(
                body
                for body in (SubjectAnswer, SubjectNotice, ErasureReceipt)
                if TYPES[body].encode() == dict(record.headers)["ce_type"]
            )
            said = read(body, record.value)
            assert isinstance(said, body)
            if said not in told:
                told.append(said)
        return told

    async def read(self, topic: str, partition: int) -> list[ConsumerRecord]:
        """All that was committed in this partition."""
        async with (
            AIOKafkaConsumer(bootstrap_servers=self.kafka, isolation_level="read_committed") as consumer,
            AIOKafkaConsumer(bootstrap_servers=self.kafka) as ends,
        ):
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            await consumer.seek_to_beginning()
            found: list[ConsumerRecord] = []
            end = (await ends.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                found += (await consumer.getmany(place, timeout_ms=200)).get(place, ())
            return found

    # -- awaiting ------------------------------------------------------------------------------------------------------

    async def until_drained(self, instant: datetime) -> None:
        """Every report is handled, all that is due at this instant has fired, and all messages are sent."""

        async def drained(db: asyncpg.Connection) -> bool:
            rows = await db.fetch("select shard, offsets, settled_at from shard")
            return (
                all(row["settled_at"] == instant for row in rows)
                and all(
                    json.loads(row["offsets"]).get(RECORDS_REPORTED, 0) >= self.ends.get(row["shard"], 0)
                    for row in rows
                )
                and all(
                    json.loads(row["offsets"]).get(SUBJECT_REQUESTS, 0) >= self.asked.get(row["shard"], 0)
                    for row in rows
                )
                and not await db.fetchval("select exists (select from record where due_at <= $1)", instant)
                and not await db.fetchval("select exists (select from outbox)")
            )

        await self.until(drained, f"all is done at {instant}")

    async def until(self, condition: Callable[[asyncpg.Connection], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + self.patience_s
        async with self.database() as db:
            while not await condition(db):
                if time.monotonic() > deadline:
                    words = "\n".join(process.last_words(12) for process in self.processes.values())
                    raise AssertionError(f"not within {self.patience_s:.0f} s: {what}\n{words}")
                await asyncio.sleep(0.03)  # what is awaited lies in a server, which has to be asked

    @asynccontextmanager
    async def database(self, **settings: str) -> AsyncIterator[asyncpg.Connection]:
        db = await asyncpg.connect(self.dsn, server_settings={"search_path": "retention", **settings})
        try:
            yield db
        finally:
            await db.close()


@asynccontextmanager
async def empty_database(postgres_dsn: str) -> AsyncIterator[str]:
    """The DSN of a database with retention's tables, which is dropped again."""
    name = f"retention_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres_dsn)
    try:
        await admin.execute(f"create database {name}")
        dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
        db = await asyncpg.connect(dsn, server_settings={"search_path": "retention"})
        try:
            await db.execute("create schema retention")
            await migrate(db, [MIGRATIONS, OWN_MIGRATIONS])
        finally:
            await db.close()
        yield dsn
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@asynccontextmanager
async def deployed(
    kafka: str, postgres_dsn: str, directory: Path, now: datetime, *, with_notice: bool = False
) -> AsyncIterator[Retention]:
    """Topics, tables and a clock, and no process yet. A record counts as soon as it is reported, unless it is to be
    `with_notice`: then it has one version more, a week later, by the shipped profile."""
    policies = ROOT / "policies" if with_notice else without_notice(directory)
    await forget(kafka, [RECORDS_CHANGED, RECORDS_REPORTED, SUBJECT_REQUESTS, SUBJECT_ANSWERS], [PARTNER])
    await ensure_simulation_topic(kafka)
    async with empty_database(postgres_dsn) as dsn:
        producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
        await producer.start()
        retention = Retention(kafka, dsn, directory, producer, policies)
        try:
            await retention.set_clock(now)
            yield retention
        finally:
            for process in retention.processes.values():
                await asyncio.to_thread(process.kill)
            await producer.stop()
