"""One shard of a service with state: every batch is one transaction under the shard's epoch, then the outbox is sent.

Why nothing is lost or doubled: state, read offsets and outgoing messages change in one transaction, and only while the
epoch is ours. A kill before the commit leaves nothing; a kill after it leaves the outbox, which the next owner sends
before anything newer. Any failure whose effect is unknown ends in a new claim, which reads the truth from the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from msgspec import structs

from shared.contracts.partition import partition_of
from shared.kafka.unreadable import Fetched, Unreadable, next_offset
from shared.runner import store
from shared.runner.host import Host, Inputs, backoff, dead_letter, new_buffer, origin, stopped_within
from shared.runner.sender import send_transaction, started
from shared.runner.service import (
    DEAD_LETTER,
    OWN_PARTITION,
    Db,
    DeadLetter,
    Decision,
    DuePage,
    M,
    Outcome,
    Outgoing,
    P,
    PolicyMismatchError,
    S,
    Service,
)

log = structlog.get_logger("runner")

_SETTLE_DELAY_S = 0.02
"""A shard that runs dry waits this long for more before it spends a transaction on recording what has been sent."""
_YIELD_EVERY_KEYS = 256
"""The rules give way to other shards' sending and committing after so many keys."""
_BATCHES_BEFORE_TIMERS_MAX = 16
_FENCED_DELAY_S = 2.0
_NONE: Mapping[str, Any] = MappingProxyType({})
_POISON = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""Database errors that come from what is written, so that trying again cannot help."""


@dataclass(slots=True)
class _Batch(Generic[M]):
    """Messages by key, each with the place it came from, and what could not become a message."""

    by_key: dict[str, list[tuple[str, M]]] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, key: str, place: str, message: M) -> None:
        self.by_key.setdefault(key, []).append((place, message))


class FencedShard(Generic[M, S, P]):
    """Owns shard `index` from its claim until it is stopped or another process claims it."""

    def __init__(self, index: int, service: Service[M, S, P], host: Host, inputs: Inputs) -> None:
        assert service.state is not None
        assert host.pool is not None
        self.index = index
        self.trouble: str | None = "not claimed yet"
        self.buffer = new_buffer(host.settings, inputs)
        self._service, self._state, self._host, self._inputs = service, service.state, host, inputs
        self._pool = host.pool
        self._epoch: int | None = None
        self._progress = store.Progress()
        self._cache: dict[str, S] = {}
        self._sent_seq = 0
        self._stop = asyncio.Event()
        self._next_due: datetime | None = None
        self._unsettled = True
        self._batches_since_timers = 0
        host.clock.on_change(self._clock_moved)

    @property
    def handled_offsets(self) -> dict[str, int]:
        return self._progress.offsets

    def stop(self) -> None:
        """End after the step in hand."""
        self._stop.set()
        self.buffer.wake.set()

    def _clock_moved(self) -> None:
        self._unsettled = True
        self.buffer.wake.set()

    async def run(self) -> None:
        """Claim and work until stopped; every failure is tried again for as long as the group gives us the shard."""
        for delay_s in backoff():
            try:
                await self._own()
            except store.FencedError:
                # A zombie learns from the group within a heartbeat or two that the shard is not its any more, and is
                # stopped while it waits here. The owner that a zombie has fenced takes the shard back.
                self.trouble = "claimed by another process"
                log.warning("shard claimed by another process", shard=self.index, epoch=self._epoch)
                self._epoch, delay_s = None, _FENCED_DELAY_S
            except Exception as error:
                self.trouble = f"{type(error).__name__}, trying again"
                self._host.metrics.retries.labels(type(error).__name__).inc()
                log.warning("shard claims again after a failure", shard=self.index, exc_info=error)
            self._inputs.pause()
            if await stopped_within(self._stop, delay_s):
                return

    async def _own(self) -> None:
        """Claim, send what the outbox holds, go to the stored offsets, then work.

        The order is the fence: the epoch moves before the broker refuses earlier producers, and the outbox is read
        under the epoch after that. So whoever sends has been initialized after every earlier claim, and a former owner
        can neither commit nor send behind the messages of its successor.
        """
        claim = await store.claim(self._pool, self.index, epoch=self._epoch)
        self._epoch, self._progress = claim.epoch, claim.progress
        self._cache.clear()
        async with started(self._host.settings.kafka, f"{self._service.name}-{self.index}") as producer:
            for seq, messages in await store.pending(self._pool, self.index, claim.epoch):
                await self._send(producer, seq, messages)
            self.buffer.clear()
            await self._inputs.start_at(claim.progress.offsets)
            log.info("shard claimed", shard=self.index, epoch=claim.epoch)
            self.trouble = None
            self._unsettled = True
            # Asked at once: under load the shard may not run dry for hours, and a run may be due.
            self._next_due = self._host.clock.now()
            self._host.metrics.next_timer(self.index, self._next_due)
            await self._work(producer)

    async def _work(self, producer: AIOKafkaProducer) -> None:
        clock, settings = self._host.clock, self._host.settings
        while not self._stop.is_set():
            await clock.refresh()
            worked = False
            if records := self.buffer.take(settings.batch_records_max):
                await self._step_records(producer, records)
                worked = True
            if self._timers_first(clock.now()):
                worked |= await self._step_due(producer)
            if worked:
                continue
            if not self._unsettled:
                await self.buffer.wait(clock.delay_s(self._next_due))
                continue
            await self.buffer.wait(_SETTLE_DELAY_S)
            if not len(self.buffer):
                await self._step_due(producer)

    def _timers_first(self, now: datetime) -> bool:
        """Whether to look at the timers although records may be waiting.

        What is known to be due alternates with batches of records. A batch may also have made something due sooner
        than was known, so a shard that never runs dry looks every few batches.
        """
        self._batches_since_timers += 1
        known = self._next_due is not None and now >= self._next_due
        return known or (self._unsettled and self._batches_since_timers > _BATCHES_BEFORE_TIMERS_MAX)

    # -- events ------------------------------------------------------------------------------------------------------

    async def _step_records(
        self, producer: AIOKafkaProducer, records: Sequence[Fetched], unsavable: DeadLetter | None = None
    ) -> None:
        """One batch, one transaction. What the database refuses to hold is found by halving and set aside."""
        began = time.perf_counter()
        batch = self._decode(records, unsavable)
        offsets = {record.topic: next_offset(record) for record in records}
        self._unsettled = True
        try:
            await self._transact(producer, batch, self._progress.read_past(offsets))
        except _POISON as error:
            if unsavable is not None:
                raise
            log.error("the database refuses a batch", shard=self.index, records=len(records), exc_info=error)
            if len(records) == 1:
                reason = DeadLetter("unsavable", f"The database refused what this record leads to: {error.sqlstate}.")
                await self._step_records(producer, records, reason)
                return
            half = len(records) // 2
            await self._step_records(producer, records[:half])
            await self._step_records(producer, records[half:])
            return
        self._host.metrics.handled(records)
        self._host.metrics.step_seconds.labels("events").observe(time.perf_counter() - began)

    def _decode(self, records: Sequence[Fetched], unsavable: DeadLetter | None) -> _Batch[M]:
        batch: _Batch[M] = _Batch()
        for record in records:
            if next_offset(record) <= self._progress.offsets.get(record.topic, 0):
                continue
            message = unsavable or self._decode_one(record)
            if not isinstance(message, DeadLetter):
                key = self._service.key(message)
                if partition_of(key) == self.index:
                    batch.add(key, origin(record), message)
                    continue
                message = DeadLetter("misplaced", "The record's key does not belong to this partition.")
            self._set_aside(batch, message, origin(record))
        return batch

    def _decode_one(self, record: Fetched) -> M | DeadLetter:
        try:
            if isinstance(record, Unreadable):
                return self._service.unreadable(record)
            return self._service.decode(record, self._host.clock.arrival(record.timestamp))
        except Exception as error:
            log.error("a record cannot be decoded", origin=origin(record), exc_info=error)
            return DeadLetter("undecodable", f"The decoder failed with {type(error).__name__}.")

    def _set_aside(self, batch: _Batch[M], letter: DeadLetter, place: str) -> None:
        batch.outgoing.append(dead_letter(self._service.name, letter, place))
        batch.outcomes.append(Outcome(DEAD_LETTER, code=letter.code))

    # -- timers ------------------------------------------------------------------------------------------------------

    async def _step_due(self, producer: AIOKafkaProducer) -> bool:
        """Handle one page of what the clock has made due; false when there was nothing to do yet."""
        self._batches_since_timers = 0
        began, now = time.perf_counter(), self._host.clock.now()
        # Here and not after the wait for the database, which would forget that the clock has been moved meanwhile.
        self._unsettled = False
        try:
            page = await self._due_page(producer, now)
        except PolicyMismatchError as error:
            self.trouble = str(error)
            self._next_due = None
            return False
        if page is None:
            self._unsettled = True
            return False
        if page.messages:
            self._unsettled = True
            self._host.metrics.timers.inc(len(page.messages))
            self._host.metrics.step_seconds.labels("timers").observe(time.perf_counter() - began)
            return True
        self.trouble = None
        self._next_due = page.next_at
        self._host.metrics.next_timer(self.index, page.next_at)
        return False

    async def _due_page(self, producer: AIOKafkaProducer, now: datetime) -> DuePage[M, S] | None:
        """The page that was applied, or None while its run still waits behind the barrier."""
        batch: _Batch[M] = _Batch()
        assert self._epoch is not None
        async with self._pool.acquire() as db, db.transaction():
            await store.lock(db, self.index, self._epoch)
            page_max = self._host.settings.due_page_max
            page = await self._state.due(db, self.index, now, self._progress.cursor, page_max)
            progress = replace(self._progress, cursor=page.cursor)
            if page.run is not None and page.run != self._progress.run:
                await self._take_barrier(db, page.run)
                return None
            if page.run is not None and not self._barrier_reached():
                return None
            place = f"timer/{page.run or ''}"
            for message in page.messages:
                batch.add(self._service.key(message), place, message)
            for key in page.states:
                self._cache.pop(key, None)
            states, seq = await self._apply(db, batch, progress, None if page.messages else now, page.states)
            states = {key: state for key, state in states.items() if key not in page.states}
        await self._committed(producer, progress, batch, states, seq)
        return page

    async def _take_barrier(self, db: Db, run: str) -> None:
        """Remember, for good, which records had arrived when the run began."""
        progress = replace(self._progress, run=run, barrier=await self._inputs.end_offsets())
        assert self._epoch is not None
        await store.advance(db, self.index, self._epoch, progress, sent_seq=self._sent_seq, outgoing=[])
        # If the commit fails now, the shard claims again and reads its progress anew.
        self._progress = progress

    def _barrier_reached(self) -> bool:
        """Whether everything below the barrier is folded; a transaction's end marker has an offset but no record."""
        if all(self._progress.offsets.get(topic, 0) >= end for topic, end in self._progress.barrier.items()):
            return True
        return not len(self.buffer) and self._inputs.has_read_to(self._progress.barrier)

    # -- the transaction ---------------------------------------------------------------------------------------------

    async def _transact(self, producer: AIOKafkaProducer, batch: _Batch[M], progress: store.Progress) -> None:
        assert self._epoch is not None
        async with self._pool.acquire() as db, db.transaction():
            await store.lock(db, self.index, self._epoch)
            states, seq = await self._apply(db, batch, progress, None)
        await self._committed(producer, progress, batch, states, seq)

    async def _apply(
        self,
        db: Db,
        batch: _Batch[M],
        progress: store.Progress,
        settled_at: datetime | None,
        given: Mapping[str, S] = _NONE,
    ) -> tuple[dict[str, S], int | None]:
        """Load, decide, save, and record the step, inside the caller's transaction and under its lock."""
        keys = sorted(batch.by_key)
        states = {**given, **{key: self._cache[key] for key in keys if key in self._cache}}
        if missing := [key for key in keys if key not in states]:
            states.update(await self._state.load(db, self.index, missing))
        now = self._host.clock.now()
        changed: dict[str, S] = {}
        for count, key in enumerate(keys, 1):
            for decision in self._decide(batch, key, states.get(key), now):
                if key in changed:
                    # A state may carry what its own decision adds to other tables, so each one is saved.
                    await self._state.save(db, self.index, {key: changed[key]})
                changed[key] = decision.state
                batch.outgoing.extend(decision.outgoing)
                batch.outcomes.extend(decision.outcomes)
            if count % _YIELD_EVERY_KEYS == 0:
                await asyncio.sleep(0)
        if changed:
            await self._state.save(db, self.index, changed)
        batch.outgoing = [self._placed(message) for message in batch.outgoing]
        assert self._epoch is not None
        seq = await store.advance(
            db,
            self.index,
            self._epoch,
            progress,
            sent_seq=self._sent_seq,
            outgoing=batch.outgoing,
            settled_at=settled_at,
        )
        return changed, seq

    def _placed(self, message: Outgoing) -> Outgoing:
        """Complete, before it is stored: people have the shard's number as their partition in every topic."""
        return structs.replace(message, partition=self.index) if message.partition == OWN_PARTITION else message

    def _decide(self, batch: _Batch[M], key: str, state: S | None, now: datetime) -> list[Decision[S]]:
        """The rules for one key's messages; where they fail, one message at a time, and the failing ones set aside."""
        messages = [message for _, message in batch.by_key[key]]
        try:
            return [self._service.decide(state, messages, now, self._service.policy)]
        except Exception as error:
            places = [place for place, _ in batch.by_key[key]]
            log.error("the rules fail on a key's messages", places=places[:5], exc_info=error)
        decisions: list[Decision[S]] = []
        for place, message in batch.by_key[key]:
            try:
                decisions.append(self._service.decide(state, [message], now, self._service.policy))
                state = decisions[-1].state
            except Exception as error:  # noqa: BLE001 (whatever the rules raise)
                reason = DeadLetter("undecidable", f"The rules failed with {type(error).__name__}.")
                self._set_aside(batch, reason, place)
        return decisions

    async def _committed(
        self,
        producer: AIOKafkaProducer,
        progress: store.Progress,
        batch: _Batch[M],
        states: dict[str, S],
        seq: int | None,
    ) -> None:
        """The step is on disk: take it over in memory, then send."""
        self._progress = progress
        self._remember(states)
        self._host.metrics.decided(batch.outcomes)
        if seq is not None:
            await self._send(producer, seq, batch.outgoing)

    def _remember(self, states: dict[str, S]) -> None:
        """Keep the latest states for the next step; nobody else can change them while the epoch is ours."""
        for key, state in states.items():
            self._cache.pop(key, None)
            self._cache[key] = state
        for key in list(self._cache)[: max(len(self._cache) - self._host.settings.cache_entries_max, 0)]:
            del self._cache[key]

    async def _send(self, producer: AIOKafkaProducer, seq: int, messages: Sequence[Outgoing]) -> None:
        await send_transaction(producer, messages)
        self._sent_seq = seq
        self._host.metrics.acknowledged(messages)
