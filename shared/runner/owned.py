"""A shard that is ours: its steps, each one transaction under the epoch, and the sending of what they decided.

A step reads, decides, writes, sends. Only the writing is a transaction: it begins by moving the shard's row on if the
epoch is still ours, which locks the row, so it commits only if nobody has claimed the shard since. What was read before
cannot have changed meanwhile: the rows of a shard's people are written only under its row lock with the epoch compared,
so only by the owner of the epoch; a claim waits for that lock, and so comes after every write of earlier owners; and we
write one step after the other. So a step decides on the state that its transaction replaces, or it does not commit. In
return slow rules hold no lock, and never meet the timeout for transactions that stand idle.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Generic

from aiokafka import AIOKafkaProducer

from shared.kafka.unreadable import Fetched, next_offset
from shared.runner import step, store
from shared.runner.answers import DeadLetter, DuePage, M, Outgoing, S, W
from shared.runner.blame import blamed
from shared.runner.delivery import Outbox
from shared.runner.host import Home
from shared.runner.one_story.agreement import Noted
from shared.runner.service import Db, Stateful
from shared.runner.states import States
from shared.runner.step import Batch, Stepped
from shared.runner.traces import Span, carried

_NO_SPANS: Mapping[bytes, Span] = {}


class Owned(Generic[M, S, W]):
    """The shard under one epoch, until it is lost or claimed again."""

    def __init__(
        self, home: Home, mode: Stateful[M, S, W], outbox: Outbox, claim: store.Claim, producer: AIOKafkaProducer
    ) -> None:
        self.epoch, self.progress = claim.epoch, claim.progress
        self._noted, self._sent, self.steps = claim.noted, dict[str, int](), claim.steps
        self._home, self._mode, self._outbox, self._producer = home, mode, outbox, producer
        self._states: States[S] = States(mode.load, home.index, home.host.stateful.cache_entries_max)
        self._skip: set[str] = set()
        """People whose timer was set aside; they are tried again at the next claim."""
        self._sent_seq = 0
        self.sending = False
        """Whether what failed, if something did, was the sending of what is committed."""

    @property
    def noted(self) -> Noted:
        """What Kafka must agree with: what was noted at the claim, and how far the shard has come since."""
        progress, sent = self.progress, {**self._noted.sent, **self._sent}
        return replace(self._noted, offsets=progress.offsets, newest=progress.newest, sent=sent)

    async def send_pending(self) -> None:
        """What was decided and not sent comes before anything newer."""
        async for seq, messages in store.pending(self._home.pool, self._home.index, self.epoch):
            await self._send(seq, messages)

    async def prove(self) -> None:
        """Show that the database takes a transaction of this shard; it raises what it raises for anybody."""
        async with self._home.pool.acquire() as db:
            await self._write(db, Stepped(), self.progress)

    # -- records -----------------------------------------------------------------------------------------------------

    async def handle(self, records: Sequence[Fetched]) -> None:
        """One batch, one transaction. Raises RecordsFaultError."""
        arrival = self._home.host.clock.arrival
        batch = await step.read(self._mode, self._home.index, records, self.progress.offsets, arrival)
        if (traces := self._home.host.traces) is None:
            await self._step(batch, self._progress_after(records))
            return
        began_ns, spans = time.time_ns(), traces.by_person(records)
        await self._step(batch, self._progress_after(records), spans=spans)
        traces.ended(spans.values(), began_ns, time.time_ns())

    async def set_aside(self, record: Fetched, letter: DeadLetter) -> None:
        await self._step(step.aside(record, letter), self._progress_after([record]))

    def _progress_after(self, records: Sequence[Fetched]) -> store.Progress:
        last, newest = dict[str, Fetched](), dict[str, int]()
        for record in records:
            topic, at_ms = record.topic, record.timestamp
            last[topic] = record
            if at_ms > newest.get(topic, 0):
                newest[topic] = at_ms
        return self.progress.advanced_to({topic: next_offset(record) for topic, record in last.items()}, newest)

    # -- timers ------------------------------------------------------------------------------------------------------

    async def due(self, now: datetime, page_max: int) -> DuePage[M, S]:
        """The next page of what is due. Raises PolicyMismatchError and RecordsFaultError."""
        cursor = self.progress.cursor
        if self._mode.due is None:
            return DuePage((), cursor, None)
        with blamed():
            async with self._home.pool.acquire() as db:
                return await self._mode.due(db, self._home.index, now, cursor, page_max, sorted(self._skip))

    async def may_begin(self, run: str, buffered: bool) -> bool:
        """Whether everything that had arrived before the run began is folded. `buffered`: whether records wait.

        A run that is met for the first time gets its barrier here, which is stored for good.
        """
        if run != self.progress.run:
            barrier = await self._home.inputs.end_offsets()
            progress = replace(self.progress, run=run, barrier=barrier)
            async with self._home.pool.acquire() as db:
                await self._write(db, Stepped(), progress)
            self.progress = progress
            return False
        progress = self.progress
        if all(progress.offsets.get(topic, 0) >= end for topic, end in progress.barrier.items()):
            return True
        # A transaction's end marker has an offset but no record.
        return not buffered and self._home.inputs.has_read_to(progress.barrier)

    async def apply(self, page: DuePage[M, S]) -> None:
        """The messages of a page, which is not empty, one transaction. Raises RecordsFaultError."""
        await self._step(step.of_page(self._mode, page), replace(self.progress, cursor=page.cursor), page)

    async def set_page_aside(self, page: DuePage[M, S], letter: DeadLetter) -> None:
        """Go past a page that cannot be handled; its people are left out until the next claim."""
        await self._step(step.page_aside(page, letter), replace(self.progress, cursor=page.cursor))
        self._skip.update(map(self._mode.user_id_of, page.messages))

    async def note_nothing_due(self, page: DuePage[M, S], now: datetime) -> None:
        """Record that nothing is due at `now`."""
        progress = replace(self.progress, cursor=page.cursor)
        async with self._home.pool.acquire() as db:
            await self._write(db, Stepped(), progress, settled_at=now)
        self.progress = progress

    # -- the step ----------------------------------------------------------------------------------------------------

    async def _step(
        self,
        batch: Batch[M],
        progress: store.Progress,
        page: DuePage[M, S] | None = None,
        spans: Mapping[bytes, Span] = _NO_SPANS,
    ) -> None:
        """Read, decide, write; then take it over in memory, and send."""
        home, given = self._home, page.states if page else {}
        with blamed():
            async with home.pool.acquire() as db:
                states = await self._states.of(db, batch.by_person.keys(), given)
                now = home.host.clock.now()
                stepped = await step.fold(self._mode, home.service, home.index, batch, states, now)
                if spans:
                    stepped.outgoing = carried(stepped.outgoing, spans)
                seq = await self._write(db, stepped, progress)
        self.progress = progress
        if page is None:
            self._states.remember(stepped.states)
        else:
            self._states.renew(stepped.states, given)
        if page is not None:
            self._skip |= stepped.stumbled
        home.host.metrics.decided(stepped.outcomes)
        if seq is not None:
            await self._send(seq, stepped.outgoing)

    async def _write(
        self, db: Db, stepped: Stepped[S, W], progress: store.Progress, settled_at: datetime | None = None
    ) -> int | None:
        """The step's one transaction: the number of its outbox row, if it has one. Raises FencedError, SetBackError."""
        index = self._home.index
        advance = partial(
            store.advance,
            db,
            index,
            self.epoch,
            progress,
            sent_seq=self._sent_seq,
            outgoing=stepped.outgoing,
            settled_at=settled_at,
            sent_ends=self._sent,
            steps=self.steps,
        )
        kept = {user_id: state for user_id, state in stepped.states.items() if state is not None}
        if kept or stepped.writes:
            async with db.transaction():
                # First, since it compares the epoch and holds the shard's row.
                seq = await advance()
                await self._mode.save(db, index, kept, stepped.writes)
        else:
            # One statement is a transaction of its own, and saves the trips that begin and commit one.
            seq = await advance()
        self.steps += 1
        return seq

    async def _send(self, seq: int, messages: Sequence[Outgoing]) -> None:
        self.sending = True
        delivery = await self._outbox.send(self._producer, seq, messages)
        self.sending, self._sent_seq = False, seq
        own = self._home.own
        if own and (end := delivery.ends.get((own.topic, self._home.index))):
            self._sent[own.topic] = end
        metrics = self._home.host.metrics
        metrics.acknowledged(delivery.messages)
        metrics.decided(delivery.outcomes)
