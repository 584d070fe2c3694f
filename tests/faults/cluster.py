"""Servers and service processes of a test's own, to be killed, stopped and asked what they are doing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from goodstanding.deployment import Deployment, Settings
from goodstanding.local import LocalStack
from goodstanding.offsets import Offsets, asking
from goodstanding.processes import ServiceProcess
from shared.contracts import topic_admin
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import NORMALIZED, raw_topic
from tests.faults.checker import Seen
from tests.faults.events import PARTNERS, Message
from tests.faults.policy import write_policies

Service = Literal["ingest", "scorer"]

_PATIENCE_S = 90.0
_LOOK_EVERY_S = 0.02
_AWAY = (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""How clients say that a server is away."""

_KINDS = (
    *("credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay", "water.bill", "gas.bill"),
    *("shop.purchase", "income.reported", "identity.verified", "contact.standing"),
)
PARTNER = f'format = "native"\n\n[rights]\nkinds = [{", ".join(f"{kind!r}" for kind in _KINDS)}]\n'
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

    stack: LocalStack
    deployment: Deployment
    settings: Mapping[str, str]
    partners: Sequence[str]
    offsets: Offsets
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    # -- processes -----------------------------------------------------------------------------------------------------

    async def start(self, *names: str, ready: bool = True, settings: Mapping[str, str] | None = None) -> None:
        """Start processes, named `<service>-<number>`; those that ran before go on where they were killed."""
        for name in names:
            service = name.partition("-")[0]
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

    # -- what is going on ----------------------------------------------------------------------------------------------

    async def in_flight(self, name: str) -> str | None:
        """What of this process's work lies open at this moment, in words; None when there is nothing to lose."""
        if name.startswith("ingest"):
            return f"{lag} raw events" if (lag := await self.ingest_lag()) else None
        if opened := await self.open_transactions(name):
            return opened
        if batches := await self.outbox():
            return f"{batches} batches in the outbox"
        return f"{lag} normalized events" if (lag := await self.scorer_lag()) else None

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
        if lag := await self.ingest_lag():
            return f"{lag} raw events"
        if lag := await self.scorer_lag():
            return f"{lag} normalized events"
        return f"{batches} batches in the outbox" if (batches := await self.outbox()) else None

    async def ingest_lag(self) -> int:
        """Raw events that ingest has not committed yet."""
        ends = await self.offsets.ends([raw_topic(partner) for partner in self.partners])
        committed = await self.offsets.committed("ingest")
        return sum(max(end - committed.get(place, 0), 0) for place, end in ends.items())

    async def scorer_lag(self) -> int:
        """Normalized events that no shard has folded yet."""
        ends = await self.offsets.ends([NORMALIZED])
        return sum(
            max(ends[TopicPartition(NORMALIZED, shard["shard"])] - shard["offsets"].get(NORMALIZED, 0), 0)
            for shard in await self.shards()
        )

    async def outbox(self) -> int:
        async with self.database() as db:
            return int(await db.fetchval("select count(*) from scorer.outbox"))

    async def shards(self) -> list[dict[str, Any]]:
        async with self.database() as db:
            rows = await db.fetch("select shard, epoch, offsets, cursor, settled_at from scorer.shard order by shard")
        return [{**row, "offsets": msgspec.json.decode(row["offsets"])} for row in rows]

    async def until_drained(self) -> None:
        """Everything sent so far is handled, published, and known to be."""

        async def drained() -> bool:
            return not await self.anything_in_flight()

        await self.until(drained, "everything is handled")

    async def until_run_done(self, number: int | str = "") -> None:
        """Every shard has published the month (or whichever is the last), and sent it."""

        async def done() -> bool:
            cursors = [shard["cursor"] for shard in await self.shards()]
            return all(cursor.startswith(str(number)) and cursor.endswith(":done") for cursor in cursors)

        await self.until(done, f"publication {number} is done")
        await self.until_drained()

    async def until(self, condition: Callable[[], Any], what: str, timeout_s: float = _PATIENCE_S) -> None:
        """Wait for a condition; a server that is away is no answer yet."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    with suppress(*_AWAY):
                        if await condition():
                            return
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            states = {name: process.trouble() for name, process in self.processes.items()}
            words = "\n".join(process.last_words(12) for process in self.processes.values())
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}; {states}\n{words}") from None

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """As the administrator."""
        db = await asyncpg.connect(self.deployment.addresses.postgres, timeout=5)
        try:
            yield db
        finally:
            db.terminate()

    async def create_topics(self, *names: str) -> None:
        """Topics that the table does not have."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.deployment.addresses.kafka)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        finally:
            await admin.close()

    async def topics(self) -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.deployment.addresses.kafka)
        await admin.start()
        try:
            return sorted(await admin.list_topics())
        finally:
            await admin.close()

    # -- messages ------------------------------------------------------------------------------------------------------

    async def read(self, *topics: str) -> list[Seen]:
        """All that readers of committed messages see, each partition in its order."""
        ends = await self.offsets.ends(topics)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.deployment.addresses.kafka,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            consumer.assign(list(ends))
            await consumer.seek_to_beginning()
            seen: list[Seen] = []
            waiting = set(ends)
            while waiting := {place for place in waiting if await consumer.position(place) < ends[place]}:
                for records in (await consumer.getmany(*waiting, timeout_ms=200)).values():
                    seen += (Seen(r.topic, r.partition, r.offset, r.key, r.value, r.headers) for r in records)
            return seen
        finally:
            await consumer.stop()


class Feeder:
    """The partners: sends messages in order and at a pace, whatever happens to the broker."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self.sent = 0

    async def send(self, messages: Sequence[Message], *, spread_s: float = 0.0, bursts: int = 10) -> None:
        """Send in bursts over a time; returns when the broker has acknowledged all."""
        size = -(-len(messages) // bursts) or 1
        acknowledgements: list[asyncio.Future[Any]] = []
        for start in range(0, len(messages), size):
            for message in messages[start : start + size]:
                acknowledgements.append(
                    await self._producer.send(
                        raw_topic(message.partner),
                        message.value,
                        key=message.key,
                        partition=partition_of(message.key.decode()),
                        headers=list(message.headers),
                    )
                )
                self.sent += 1
            await asyncio.sleep(spread_s / bursts)
        await asyncio.gather(*acknowledgements)


@asynccontextmanager
async def feeding(cluster: Cluster) -> AsyncIterator[Feeder]:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.deployment.addresses.kafka,
        acks="all",
        # Without it a retry could send twice or out of order, and the input would not be what the oracle was told.
        enable_idempotence=True,
        request_timeout_ms=60_000,
    )
    await producer.start()
    try:
        yield Feeder(producer)
    finally:
        await producer.stop()


@asynccontextmanager
async def running(
    directory: Path,
    *,
    key: bytes,
    clock: Literal["system", "stepped"] = "stepped",
    now: datetime | None = None,
    settings: Mapping[str, str] | None = None,
    partners: Mapping[str, str] | None = None,
) -> AsyncIterator[Cluster]:
    """Servers with topics, schemas and the campaign's policy, and no service yet; all of it ends with the block."""
    async with AsyncExitStack() as ends:
        stack = await asyncio.to_thread(ends.enter_context, LocalStack.ephemeral())
        files = dict.fromkeys(PARTNERS, PARTNER) if partners is None else partners
        (directory / "partners").mkdir(parents=True)
        for partner, mapping in files.items():
            (directory / "partners" / f"{partner}.toml").write_text(mapping)
        write_policies(directory / "policies")
        made = Settings.new(key=key.hex(), clock=clock)
        deployment = Deployment.create(directory, stack.addresses, made)
        if clock == "stepped":
            await topic_admin.ensure_simulation_topic(stack.addresses.kafka)
        await topic_admin.ensure_topics(stack.addresses.kafka, list(files))
        await deployment.migrate()
        if now is not None and clock == "stepped":
            await deployment.set_clock(now)
        places = {
            "GOODSTANDING_POLICIES": str(directory / "policies"),
            "GOODSTANDING_PARTNERS": str(directory / "partners"),
        }
        offsets = await ends.enter_async_context(asking(stack.addresses.kafka))
        cluster = Cluster(stack, deployment, {**_SETTINGS, **places, **(settings or {})}, list(files), offsets)
        ends.callback(cluster.close)
        yield cluster


def numbers(names: Iterable[str], service: Service) -> list[str]:
    """The names of a service's processes."""
    return sorted(name for name in names if name.startswith(service))
