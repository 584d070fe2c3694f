"""One shard of a service without state: send, await every acknowledgement, then commit the offsets.

A kill in between sends the batch again, byte for byte the same, and its readers drop what they have seen. While the
process lives, a failure sends again only what is not acknowledged, and the offsets of the records before it are
committed at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from aiokafka import AIOKafkaProducer

from shared.kafka.records import BROKERS_TIME
from shared.kafka.sendable import Topics
from shared.kafka.sender import started
from shared.kafka.unreadable import Fetched, Record, Unreadable, next_offset
from shared.runner import pace
from shared.runner.answers import DEAD_LETTER, Answer, DeadLetter, Later, Outcome, Outgoing, dead_letter, origin
from shared.runner.delivery import Delivery
from shared.runner.host import DoubtError, Home
from shared.runner.one_story import start_check
from shared.runner.one_story.agreement import Noted
from shared.runner.one_story.commit_note import Committed
from shared.runner.service import Forward
from shared.runner.shard import Doing, Shard
from shared.runner.traces import Span, marked
from shared.runner.turn import Turn

log = structlog.get_logger("runner")

_MESSAGES_MAX = 5_000
"""A batch ends behind the record that has led to so many messages; the rest of what was taken is the next one."""
_GIVE_WAY_AFTER_S = 0.1
"""The rules give way to heartbeats after this. Not sooner: a batch of 2,000 takes half of it, and shards that take
turns within their batches take smaller ones, which cost a tenth more for each event."""


@dataclass(frozen=True, slots=True)
class _InHand:
    """A batch until all of it is acknowledged. `ends` has for each record the number of messages up to its last."""

    records: Sequence[Fetched]
    ends: Sequence[int]
    outcomes: Sequence[Outcome]
    delivery: Delivery
    began: float
    spans: Sequence[Span] = ()
    began_ns: int = 0

    def acknowledged(self) -> list[Fetched]:
        """The records of each topic up to the first with a message that is not acknowledged."""
        handled: list[Fetched] = []
        stuck: set[str] = set()
        start = 0
        for record, end in zip(self.records, self.ends, strict=True):
            if record.topic not in stuck and all(map(self.delivery.acknowledged, range(start, end))):
                handled.append(record)
            else:
                stuck.add(record.topic)
            start = end
        return handled


class ForwardShard(Shard):
    """Partition i of every input, from its assignment until it is stopped."""

    def __init__(self, home: Home, mode: Forward) -> None:
        super().__init__(home)
        self._mode = mode
        self._committed: dict[str, Committed] | None = None
        """What the group has of each topic; None until that is known."""
        self._taken: Sequence[Fetched] = ()
        """What was taken from the buffer and is not committed: nobody else has it, so no failure may lose it."""
        self._in_hand: _InHand | None = None
        self._topics = Topics()

    @property
    def handled_offsets(self) -> dict[str, int]:
        return {topic: at.offset for topic, at in (self._committed or {}).items()}

    @property
    def noted(self) -> Noted | None:
        return None if self._committed is None else start_check.noted_beside(self._mode.owner, self._committed)

    async def _work(self) -> None:
        try:
            await self._started()
        except DoubtError:
            # From the committed offsets, once they have been compared: what was taken comes again.
            self._committed, self._taken, self._in_hand = None, (), None
            raise
        finally:
            if self._committed is None:
                self._inputs.pause()

    async def _started(self) -> None:
        async with started(self._host.settings.connection) as producer:
            if self._committed is None:
                self.buffer.clear()
                starts = await start_check.check_start(self._home, self._mode.owner)
                known = {topic: start.offset for topic, start in starts.items() if start.offset is not None}
                begins = await self._inputs.start_at(known)
                self._committed = {topic: Committed(at, starts[topic].note) for topic, at in begins.items()}
            self.doing = Doing.RECORDS
            if not self._taken:
                self.succeeded()
            try:
                while not self._stopping.is_set():
                    self.raise_doubt()
                    await self._batch(producer)
            except Exception:
                if self._in_hand:
                    await self._commit(self._in_hand.acknowledged())
                raise

    async def _batch(self, producer: AIOKafkaProducer) -> None:
        if not self._taken:
            self._taken = self.buffer.take(pace.first(self._host.settings.batch_records_max))
        if not self._taken:
            await self.buffer.wait(None)
            return
        batch = self._in_hand = self._in_hand or await self._answered(self._taken)
        if batch is None:
            return
        await batch.delivery.attempt(producer)
        await self._commit(batch.records)
        self._taken, self._in_hand = self._taken[len(batch.records) :], None
        self._count(batch)
        self.succeeded()

    def _count(self, batch: _InHand) -> None:
        metrics = self._host.metrics
        metrics.handled(batch.records)
        metrics.decided([*batch.outcomes, *batch.delivery.outcomes])
        metrics.acknowledged(batch.delivery.messages)
        metrics.step_seconds.labels("events").observe(time.perf_counter() - batch.began)
        if (traces := self._host.traces) is not None:
            traces.ended(batch.spans, batch.began_ns, time.time_ns())

    async def _commit(self, handled: Sequence[Fetched]) -> None:
        """The offsets behind exactly these records, and beside them how new exactly these were: an offset ahead of its
        note would look like a Kafka that was restored from an older copy."""
        offsets: dict[str, int] = {}
        newest: dict[str, int] = {}
        for record in handled:
            topic = record.topic
            offsets[topic] = next_offset(record)
            newest[topic] = max(record.timestamp, newest.get(topic, 0))
        known = self._committed or {}
        moved = {topic: Committed(at, known[topic].note.handled(newest[topic])) for topic, at in offsets.items()}
        if moved:
            await self._inputs.commit(moved)
            self._committed = {**known, **moved}

    async def _answered(self, records: Sequence[Fetched]) -> _InHand | None:
        """The first of the records, with everything that is to be sent for them; one record can lead to a thousand
        messages. None if the first record can only be answered later; a moment has passed then."""
        began, began_ns = time.perf_counter(), time.time_ns()
        await self._host.clock.refresh()
        mode = self._mode if self._mode.newest is None else self._mode.newest()
        outgoing: list[Outgoing] = []
        outcomes: list[Outcome] = []
        ends: list[int] = []
        turn = Turn(_GIVE_WAY_AFTER_S)
        for record in records:
            answer = self._answer(mode, record)
            if isinstance(answer, Later):
                if ends:
                    break
                assert mode.catch_up is not None, "who answers later says how to catch up"
                await mode.catch_up(answer.until_ms, self._host.clock.broker_ms())
                return None
            outgoing.extend(answer.outgoing)
            outcomes.extend(answer.outcomes)
            ends.append(len(outgoing))
            if len(outgoing) >= _MESSAGES_MAX:
                break
            if time.perf_counter() > turn.ends:
                await turn.give_way()
        spans = self._traced(records, ends, outgoing)
        delivery = Delivery(self._home.service, origin(records[0]), outgoing, self._topics)
        return _InHand(records[: len(ends)], ends, outcomes, delivery, began, spans, began_ns)

    def _traced(self, records: Sequence[Fetched], ends: Sequence[int], outgoing: list[Outgoing]) -> Sequence[Span]:
        """Makes the messages carry on the trace of their record."""
        if (traces := self._host.traces) is None:
            return ()
        spans: list[Span] = []
        start = 0
        for record, end in zip(records, ends, strict=False):
            if span := traces.span(record):
                spans.append(span)
                outgoing[start:end] = [marked(each, span) for each in outgoing[start:end]]
            start = end
        return spans

    def _answer(self, mode: Forward, record: Fetched) -> Answer | Later:
        answer: Answer | DeadLetter | Later
        try:
            if isinstance(record, Unreadable):
                answer = mode.unreadable(record)
            else:
                answer = mode.answer(record, self._arrival(mode, record))
        except MemoryError:
            raise  # the machine's fault, which says nothing about the record (see `blame`)
        except Exception as error:
            log.error("a record cannot be handled", origin=origin(record), exc_info=error)
            answer = DeadLetter("undecidable", f"The rules failed with {type(error).__name__}.")
        if not isinstance(answer, DeadLetter):
            return answer
        letter = dead_letter(self._home.service, answer, origin(record))
        return Answer((letter,), (Outcome(DEAD_LETTER, code=answer.code),))

    def _arrival(self, mode: Forward, record: Record) -> datetime:
        """When the broker took the record, for the first time if the operator has had it appended once more. On a topic
        that keeps its senders' times, which readiness complains of, it is the present: no partner may say of itself
        that it was in time (rules E5)."""
        clock = self._host.clock
        if mode.arrived_ms is not None and (first_ms := mode.arrived_ms(record)) is not None:
            return clock.arrival(first_ms)
        return clock.arrival(record.timestamp) if record.timestamp_type == BROKERS_TIME else clock.now()
