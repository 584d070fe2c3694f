"""The driver of the stepped clock: time moves on only when everything of the present instant is done.

`drain` follows the flow: what the partners sent is drained when ingest's committed offsets have reached the end of
every raw topic. Then each stateful service in turn: its shards have folded their inputs to the end, all their timers
of this instant have fired, and nothing waits in the outbox. Only then may the clock be set again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import STATEFUL
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.topic import between
from shared.clock import set_stepped_clock
from shared.contracts.topics import SUBJECT_ANSWERS, Topic, group_of, raw_topic, topics
from shared.kafka.connection import Kafka
from shared.kafka.consumer import ReadingError
from shared.kafka.sender import started

STALLED_AFTER_S = 60.0
_POLL_S_MIN, _POLL_S_MAX = 0.01, 0.1
_HANDLED_PER_S = 20_000
"""About as fast as services can be: it is no use to look again before they can be done."""
_LOOK_AFTER_PROCESSES_EVERY_S = 1.0


class StalledError(UserError):
    """Nothing has moved for too long, or a process has ended."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What a service has still to do at this instant: `records` not yet handled, and in words what else there is."""

    service: str
    records: int
    rest: str = ""

    @property
    def done(self) -> bool:
        return not self.records and not self.rest


Watch = Callable[[Lag], None]


def _ignore(_: Lag) -> None: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a service: how far it lags, and all that changes while it works, for telling work from a stall."""

    lag: Lag
    seen: object


class Driver:
    """Sets the clock and waits. Make one with `driving`."""

    def __init__(
        self,
        offsets: Offsets,
        stateful: Mapping[str, asyncpg.Connection],
        producer: AIOKafkaProducer,
        processes: Sequence[ServiceProcess],
        holds_records: Callable[[TopicPartition, int, int], Awaitable[bool]],
    ) -> None:
        """`holds_records` says whether there is any record between two offsets."""
        self.offsets, self._stateful, self.producer, self._processes = offsets, stateful, producer, processes
        self._holds_records = holds_records
        self._only_markers: set[tuple[TopicPartition, int, int]] = set()
        # A service with state folds what is spread over partitions by person; a refusal is read when somebody asks.
        table = [topic for topic in topics(partners()) if topic.key == "user_id"]
        self._inputs = {service: [topic for topic in table if service in topic.readers] for service in stateful}

    async def set(self, instant: datetime) -> None:
        """Move the clock of every process. Whatever is sent from now on is judged by this instant or a later one."""
        await set_stepped_clock(self.producer, instant)

    async def drain(self, instant: datetime, watch: Watch = _ignore, *, sent: bool = True) -> None:
        """Return when all services are done with this instant. Raises StalledError. `watch` is told of every look.
        Where nothing was `sent` since the last time, ingest has nothing to do."""
        if sent:
            await self._until_done(self._look_at_ingest, watch)
        while True:
            told = await self.offsets.ends([SUBJECT_ANSWERS])
            for service in self._stateful:
                await self._until_done(partial(self._look_at, service, instant), watch)
            # The one way back: what a later service says there, an earlier one reads.
            if told == await self.offsets.ends([SUBJECT_ANSWERS]):
                return

    async def records_in(self, *names: str) -> int:
        """How many records these topics hold in all; only for those that nobody writes in transactions."""
        return sum((await self.offsets.ends(names)).values())

    async def _until_done(self, look: Callable[[], Awaitable[_Look]], watch: Watch) -> None:
        seen: object = None
        moved_at = looked_after_at = time.monotonic()
        while True:
            found = await look()
            watch(found.lag)
            if found.lag.done:
                return
            now = time.monotonic()
            if found.seen != seen:
                seen, moved_at = found.seen, now
            if now - looked_after_at > _LOOK_AFTER_PROCESSES_EVERY_S:
                looked_after_at = now
                await asyncio.to_thread(self._look_after_processes)
            if now - moved_at > STALLED_AFTER_S:
                raise await asyncio.to_thread(self._stalled, found.lag)
            await asyncio.sleep(min(max(found.lag.records / _HANDLED_PER_S, _POLL_S_MIN), _POLL_S_MAX))

    async def _look_at_ingest(self) -> _Look:
        ends = await self.offsets.ends([raw_topic(partner) for partner in partners()])
        committed = await self.offsets.committed(group_of("ingest"))
        records = sum(max(end - committed.get(tp, 0), 0) for tp, end in ends.items())
        return _Look(Lag("ingest", records), committed)

    async def _look_at(self, service: str, instant: datetime) -> _Look:
        ends = await self.offsets.ends([topic.name for topic in self._inputs[service]])
        shards = await self._stateful[service].fetch(_SHARDS)
        offsets = {row["shard"]: msgspec.json.decode(row["offsets"], type=dict[str, int]) for row in shards}
        records = 0
        for topic in self._inputs[service]:
            for shard, read in offsets.items():
                at = TopicPartition(topic.name, shard)
                records += await self._unread(topic, at, ends[at], read.get(topic.name, 0))
        unsettled = [row["shard"] for row in shards if row["settled_at"] is None or row["settled_at"] < instant]
        unsent = [row["shard"] for row in shards if row["unsent"]]
        rest = [
            *([f"timers of shards {_listed(unsettled)} have not all fired"] if unsettled else []),
            *([f"messages of shards {_listed(unsent)} are not sent"] if unsent else []),
        ]
        return _Look(Lag(service, records, " and ".join(rest)), [tuple(row.values()) for row in shards])

    async def _unread(self, topic: Topic, at: TopicPartition, end: int, read: int) -> int:
        """Records that the shard has not folded. Transactions of several writers may end at the same time, and then
        their markers lie one behind the other. So if no more is left than there are writers, it may be markers only."""
        left = unread(topic, end, read)
        if not 0 < left < sum(writer in STATEFUL for writer in topic.writers):
            return left
        place = at, read, end
        if place not in self._only_markers:
            if await self._holds_records(*place):
                return left
            self._only_markers.add(place)
        return 0

    def _look_after_processes(self) -> None:
        for each in self._processes:
            if not each.alive:
                raise StalledError(f"{each.name} has ended while it was needed.", each.last_words())

    def _stalled(self, lag: Lag) -> StalledError:
        why = lag.rest or f"records not handled: {lag.records:,}"
        sentence = f"{lag.service} has not moved for {STALLED_AFTER_S:.0f} s: {why}."
        mine = [each for each in self._processes if each.service == lag.service]
        states = [f"{each.name}: {each.trouble() or 'says that it is ready'}" for each in mine]
        return StalledError(sentence, "\n".join(["", *states, *(each.last_words() for each in mine)]))


@asynccontextmanager
async def driving(deployment: Deployment, processes: Sequence[ServiceProcess] = ()) -> AsyncIterator[Driver]:
    """A driver of the deployment's clock. `processes` are those that must live, and are quoted when nothing moves."""
    async with AsyncExitStack() as stack:
        kafka = deployment.kafka
        offsets = await stack.enter_async_context(asking(kafka))
        producer = await stack.enter_async_context(started(kafka))
        stateful = {}
        for service in deployment.settings.stateful:
            stateful[service] = await asyncpg.connect(deployment.dsn(service))
            stack.push_async_callback(stateful[service].close)
        yield Driver(offsets, stateful, producer, processes, partial(_holds_records, kafka))


async def _holds_records(kafka: Kafka, at: TopicPartition, start: int, end: int) -> bool:
    """Whether Kafka still has a record between the two offsets. Raises StandstillError where a transaction stays
    open."""
    async with asking(kafka) as offsets:
        first = (await offsets.kept([at.topic]))[at].start
        while True:
            begin = max(start, first)
            try:
                async for _ in between(kafka, {at: begin}, {at: end}):
                    return True
            except ReadingError:
                first = (await offsets.kept([at.topic]))[at].start
                if first <= begin:
                    raise
                # Kafka has deleted what lay there between the question and the reading.
            else:
                return False


_SHARDS = """
select shard, offsets, cursor, run, settled_at, exists (select from outbox where outbox.shard = shard.shard) as unsent
from shard order by shard
"""


def unread(topic: Topic, end: int, read: int) -> int:
    """Records that a shard has not folded. What a stateful service writes ends in the marker of its transaction, which
    has an offset and is no record."""
    last = end - 1 if topic.owner in STATEFUL and end else end
    return max(last - read, 0)


def _listed(shards: Sequence[int]) -> str:
    return ", ".join(map(str, shards))
