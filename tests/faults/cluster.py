"""Servers and service processes of a test's own, to be killed, stopped and asked what they are doing."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import asyncpg
import msgspec
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.servers.server import Name
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.simulation.driver import unread
from goodstanding.waiting_for_word import give_word, waiting_for_word
from shared.contracts.cloudevents import binary
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import TYPES, encode
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.subject import SubjectRequest
from shared.contracts.topics import SERVICES, SUBJECT_REQUESTS, ServiceName, raw_topic, topics
from shared.kafka import topic_admin
from shared.kafka.topic_admin import administrator
from tests.faults.checker import Seen
from tests.faults.events import PARTNERS, Message
from tests.faults.hostile import CODECS
from tests.faults.policy import write_policies
from tests.support.oracle.scores import Request

_PATIENCE_S = 90.0
_LOOK_EVERY_S = 0.02
_LOOK_EVERY_S_MAX = 0.5
AWAY = (
    *(OSError, TimeoutError, KafkaError),
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
)
"""How clients say that a server is away."""

APPEND_TIMES = {"message.timestamp.type": "LogAppendTime"}
"""As all topics of the table are made."""
_KINDS = (
    *("credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay", "water.bill", "gas.bill"),
    *("shop.purchase", "income.reported", "identity.verified", "contact.standing"),
)
PARTNER = f"""format = "native"

[rights]
kinds = {list(_KINDS)}
records = {[each.value for each in RecordClass]}
"""
"""The mapping of a partner who sends the native format, with the rights to all kinds of the campaign."""

_SETTINGS = {
    # Soon missed, so that a campaign does not consist of waiting.
    "GOODSTANDING_SESSION_TIMEOUT_MS": "3000",
    # Small steps: many transactions, many boundaries between them to be killed at.
    "GOODSTANDING_BATCH_RECORDS_MAX": "40",
    "GOODSTANDING_DUE_PAGE_MAX": "10",
}


@dataclass
class Cluster:
    """One stack, one deployment, and the processes started so far by name."""

    stack: Servers
    deployment: Deployment
    settings: Mapping[str, str]
    partners: Sequence[str]
    offsets: Offsets
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    taking_part: set[ServiceName] = field(default_factory=set)
    """The services of which a process has been started at some time. The others are not waited for."""
    now: datetime | None = None
    """What the stepped clock shows."""
    _kept: list[asyncpg.Connection] = field(default_factory=list)

    @property
    def kafka(self) -> str:
        """The bootstrap address."""
        return self.deployment.addresses.kafka

    async def set_clock(self, instant: datetime) -> None:
        await self.deployment.set_clock(instant)
        self.now = instant

    # -- copies of servers ---------------------------------------------------------------------------------------------

    async def copy(self, name: Name, to: Path) -> None:
        """A copy of a server's data as it is now. The server is killed for it and started again."""
        await asyncio.to_thread(self.stack.kill, name)
        await _copied(self._data(name), to)
        await asyncio.to_thread(self.stack.start, name)

    async def put_back(self, name: Name, copy: Path) -> None:
        """The server is killed, and comes back with the data of the copy: what was written since then is gone."""
        await asyncio.to_thread(self.stack.kill, name)
        await asyncio.to_thread(shutil.rmtree, self._data(name))
        await _copied(copy, self._data(name))
        await asyncio.to_thread(self.stack.start, name)

    @property
    def copies(self) -> Path:
        """Where copies may lie: Postgres must be able to read there as the user that it steps down to."""
        return self.stack.home / "copies"

    async def accept_all(self, services: Sequence[ServiceName] = SERVICES) -> list[str]:
        """What `goodstanding offsets accept <service> --yes` does for each of the services, until no process waits any
        more; what was accepted, in words."""
        sentences: list[str] = []

        async def nothing_waits() -> bool:
            for service in services:
                waiting = await waiting_for_word(self.deployment, service)
                sentences.extend(each.found.sentence for each in waiting)
                await give_word(self.deployment, waiting)
            return not any([await asyncio.to_thread(process.trouble) for process in self.processes.values()])

        await self.until(nothing_waits, "all go on")
        return sentences

    def _data(self, name: Name) -> Path:
        return self.stack.home / name

    # -- processes -----------------------------------------------------------------------------------------------------

    async def start(self, *names: str, ready: bool = True, settings: Mapping[str, str] | None = None) -> None:
        """Start processes, named `<service>-<number>`; those that ran before go on where they were killed."""
        for name in names:
            service = service_of(name)
            self.taking_part.add(service)
            process = self.deployment.process(service, name=name, settings={**self.settings, **(settings or {})})
            self.processes[name] = process
            await asyncio.to_thread(process.start)
        if ready:
            await self.until_ready(*names)

    async def until_ready(self, *names: str) -> None:
        await asyncio.gather(
            *(asyncio.to_thread(self.processes[name].wait_ready, _PATIENCE_S) for name in names or self.processes)
        )

    async def kill(self, name: str) -> None:
        """SIGKILL, and not started again."""
        await asyncio.to_thread(self.processes.pop(name).kill)

    async def stop(self, name: str) -> None:
        """SIGTERM, and wait for the drain."""
        await asyncio.to_thread(self.processes.pop(name).stop)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
        for db in self._kept:
            db.terminate()

    # -- what is going on ----------------------------------------------------------------------------------------------

    async def in_flight(self, name: str) -> str | None:
        """What of this process's work lies open at this moment, in words; None when there is nothing to lose."""
        return await self.open_transactions(name) or await self.open_work(service_of(name))

    async def open_transactions(self, name: str) -> str | None:
        """Those in which the process has written something."""
        connections = psutil.Process(self.processes[name].pid).net_connections(kind="tcp")
        async with self.database() as db:
            opened = await db.fetchval(
                "select count(*) from pg_stat_activity where client_port = any ($1) and backend_xid is not null",
                [connection.laddr.port for connection in connections],
            )
        return f"{opened} open transactions" if opened else None

    async def anything_in_flight(self) -> str | None:
        """What lies open of all that was sent so far. In the order of the flow: what one service is done with has come
        to the next before that one is looked at."""
        for service in SERVICES:
            if service in self.taking_part and (what := await self.open_work(service)):
                return what
        return None

    async def open_work(self, service: ServiceName) -> str | None:
        """What a service has still to do at this instant, in words."""
        if service == "ingest":
            return f"{lag} raw events" if (lag := await self.ingest_lag()) else None
        shards = await self.shards(service)
        if unsent := sum(shard["unsent"] for shard in shards):
            return f"{unsent} batches in the outbox of {service}"
        if lag := await self._lag(service, shards):
            return f"{lag} records before {service}"
        if self.now and (unsettled := sum(not s["settled_at"] or s["settled_at"] < self.now for s in shards)):
            return f"timers of {unsettled} shards of {service}"
        return None

    async def ingest_lag(self) -> int:
        """Raw events that ingest has not committed yet."""
        ends = await self.offsets.ends([raw_topic(partner) for partner in self.partners])
        committed = await self.offsets.committed("ingest")
        return sum(max(end - committed.get(place, 0), 0) for place, end in ends.items())

    async def _lag(self, service: ServiceName, shards: Sequence[Mapping[str, Any]]) -> int:
        """Records that no shard of a stateful service has handled yet."""
        inputs = [topic for topic in topics(self.partners) if service in topic.readers]
        ends = await self.offsets.ends([topic.name for topic in inputs])
        return sum(
            unread(topic, ends[TopicPartition(topic.name, shard["shard"])], shard["offsets"].get(topic.name, 0))
            for topic in inputs
            for shard in shards
        )

    async def shards(self, service: ServiceName = "scorer") -> list[dict[str, Any]]:
        async with self.database() as db:
            rows = await db.fetch(
                f"select *, (select count(*) from {service}.outbox where outbox.shard = shard.shard) as unsent "
                f"from {service}.shard order by shard"
            )
        return [{**row, "offsets": msgspec.json.decode(row["offsets"])} for row in rows]

    async def records_due(self, instant: datetime) -> int:
        """Those that must expire by then, and have not yet."""
        async with self.database() as db:
            return int(await db.fetchval("select count(*) from retention.record where due_at <= $1", instant))

    async def until_drained(self) -> None:
        """Everything sent so far is handled, published, and known to be."""

        open_work: str | None = None

        async def drained() -> bool:
            nonlocal open_work
            open_work = await self.anything_in_flight()
            return not open_work

        await self.until(drained, lambda: f"everything is handled, but {open_work}", stays=True)

    async def until_run_done(self, number: int | str = "") -> None:
        """Every shard has published the month (or whichever is the last), and sent it."""

        async def done() -> bool:
            cursors = [shard["cursor"] for shard in await self.shards()]
            return all(cursor.startswith(str(number)) and cursor.endswith(":done") for cursor in cursors)

        await self.until(done, f"publication {number} is done", stays=True)
        await self.until_drained()

    async def until(
        self,
        condition: Callable[[], Any],
        what: str | Callable[[], str],
        timeout_s: float = _PATIENCE_S,
        *,
        stays: bool = False,
    ) -> None:
        """Wait for a condition; a server that is away is no answer yet. `what` is what has not come about by then. What
        `stays` once it has come about is looked for less often: whoever asks Kafka and Postgres most of the time keeps
        them from the work that is waited for."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    began = time.monotonic()
                    with suppress(*AWAY):
                        if await condition():
                            return
                    rest_s = min(max(_LOOK_EVERY_S, 3 * (time.monotonic() - began)), _LOOK_EVERY_S_MAX)
                    await asyncio.sleep(rest_s if stays else _LOOK_EVERY_S)  # what is awaited lies in a server
        except TimeoutError:
            states = {name: process.trouble() for name, process in self.processes.items()}
            words = "\n".join(process.last_words(12) for process in self.processes.values())
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:.0f} s: {said}; {states}\n{words}") from None

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """As the administrator. A connection is kept while nothing goes wrong on it: whoever waits looks fifty times a
        second, and to log in costs more than to look."""
        while self._kept and self._kept[-1].is_closed():
            self._kept.pop()
        if self._kept:
            db = self._kept.pop()
        else:
            db = await asyncpg.connect(self.deployment.addresses.postgres, timeout=5, command_timeout=30)
        try:
            yield db
        except BaseException:
            db.terminate()
            raise
        self._kept.append(db)

    async def create_topics(self, *names: str) -> None:
        """Topics that the table does not have."""
        async with administrator(self.kafka) as admin:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=APPEND_TIMES) for name in names])

    async def delete_topics(self, *names: str) -> None:
        """Returns when the broker does not list them any more."""
        async with administrator(self.kafka) as admin:
            await admin.delete_topics(list(names))

        async def gone() -> bool:
            return not set(names) & set(await self.topics())

        await self.until(gone, f"the topics {names} are deleted")

    async def topics(self) -> list[str]:
        async with administrator(self.kafka) as admin:
            return sorted(await admin.list_topics())

    # -- messages ------------------------------------------------------------------------------------------------------

    async def read(self, *topics: str, after: Mapping[TopicPartition, int] = MappingProxyType({})) -> list[Seen]:
        """All that readers of committed messages see, each partition in its order; of some only what comes `after` an
        offset."""
        ends = await self.offsets.ends(topics)
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            enable_auto_commit=False,
            isolation_level="read_committed",
        ) as consumer:
            consumer.assign(list(ends))
            await consumer.seek_to_beginning()
            for place in ends.keys() & after.keys():
                consumer.seek(place, after[place] + 1)
            seen: list[Seen] = []
            waiting = set(ends)
            while waiting := {place for place in waiting if await consumer.position(place) < ends[place]}:
                for records in (await consumer.getmany(*waiting, timeout_ms=200)).values():
                    seen += (Seen(r.topic, r.partition, r.offset, r.key, r.value, r.headers) for r in records)
            return seen


async def _copied(source: Path, target: Path) -> None:
    """With owners, modes and holes, which the servers insist on."""
    target.parent.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec("cp", "--archive", str(source), str(target))
    assert await process.wait() == 0


class Feeder:
    """The partners: sends messages in order and at a pace, whatever happens to the broker, in any codec of Kafka."""

    def __init__(self, kafka: str, seed: int = 0) -> None:
        self._kafka, self._rng = kafka, random.Random(seed)
        self.sent = 0

    async def send(self, messages: Sequence[Message], *, spread_s: float = 0.0, bursts: int = 10) -> None:
        """Send in bursts over a time; returns when the broker has acknowledged all."""
        size = -(-len(messages) // bursts) or 1
        acknowledgements: list[asyncio.Future[Any]] = []
        async with self._producer() as producer:
            for start in range(0, len(messages), size):
                for message in messages[start : start + size]:
                    acknowledgements.append(
                        await producer.send(
                            raw_topic(message.partner),
                            message.value,
                            key=message.key,
                            partition=partition_of(message.key.decode()),
                            headers=list(message.headers),
                        )
                    )
                    self.sent += 1
                await asyncio.sleep(spread_s / bursts)  # events come spread over this time, and not at once
            await asyncio.gather(*acknowledgements)

    async def ask(
        self, requests: Sequence[Request], now: datetime, *, spread_s: float = 0.0, sent_at: datetime | None = None
    ) -> None:
        """What people ask, in this order, spread over a time. A topic that keeps its senders' times keeps `sent_at`."""
        async with self._producer() as producer:
            for request in requests:
                ask = SubjectRequest(
                    request=request.ask,
                    record_id=request.record_id or None,
                    reason="paid" if request.ask == "dispute" else None,
                    partner=request.partner if request.consent else None,
                    consent_id=request.consent or None,
                )
                headers = binary(
                    id=request.id,
                    source="/portal",
                    type=TYPES[SubjectRequest],
                    time=now,
                    partitionkey=request.person,
                )
                await producer.send_and_wait(
                    SUBJECT_REQUESTS,
                    encode(ask),
                    key=request.person.encode(),
                    partition=partition_of(request.person),
                    headers=list(headers),
                    timestamp_ms=int(sent_at.timestamp() * 1000) if sent_at else None,
                )
                await asyncio.sleep(spread_s / len(requests))  # requests come spread over this time, and not at once

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka,
            compression_type=self._rng.choice(CODECS),
            acks="all",
            # Without it a retry could send twice or out of order, and the input would not be what the oracle was told.
            enable_idempotence=True,
            request_timeout_ms=60_000,
        )
        await _started(producer)
        try:
            yield producer
        finally:
            await producer.stop()


async def _started(producer: AIOKafkaProducer) -> None:
    """A partner whose broker is away tries again until it is back."""
    while True:
        try:
            await producer.start()
        except KafkaError:
            await asyncio.sleep(_LOOK_EVERY_S)  # nobody tells when a broker takes connections again
        else:
            return


@asynccontextmanager
async def running(
    directory: Path,
    *,
    key: bytes,
    clock: Literal["system", "stepped"] = "stepped",
    now: datetime | None = None,
    settings: Mapping[str, str] | None = None,
    partners: Mapping[str, str] | None = None,
    brokers: int = 1,
) -> AsyncIterator[Cluster]:
    """Servers with topics, schemas and the campaign's policy, and no service yet; all of it ends with the block."""
    async with AsyncExitStack() as ends:
        stack = await asyncio.to_thread(ends.enter_context, Servers.ephemeral(brokers=brokers))
        files = dict.fromkeys(PARTNERS, PARTNER) if partners is None else partners
        (directory / "partners").mkdir(parents=True)
        for partner, mapping in files.items():
            (directory / "partners" / f"{partner}.toml").write_text(mapping)
        write_policies(directory / "policies")
        # One key for both, so that whoever draws the input can name records and disputes.
        made = FixedSettings.new(key=key.hex(), fingerprint_key=key.hex(), clock=clock)
        deployment = Deployment.create(directory, stack.addresses, made)
        if clock == "stepped":
            await topic_admin.ensure_simulation_topic(stack.addresses.kafka, brokers)
        await topic_admin.ensure_topics(stack.addresses.kafka, list(files), brokers)
        await deployment.migrate()
        places = {
            "GOODSTANDING_POLICIES": str(directory / "policies"),
            "GOODSTANDING_PARTNERS": str(directory / "partners"),
        }
        offsets = await ends.enter_async_context(asking(stack.addresses.kafka))
        cluster = Cluster(stack, deployment, {**_SETTINGS, **places, **(settings or {})}, list(files), offsets)
        ends.callback(cluster.close)
        if now is not None and clock == "stepped":
            await cluster.set_clock(now)
        yield cluster


def service_of(name: str) -> ServiceName:
    """Of a process's name."""
    return next(service for service in SERVICES if name.startswith(service))


def numbers(names: Iterable[str], service: ServiceName) -> list[str]:
    """The names of a service's processes."""
    return sorted(name for name in names if name.startswith(service))
