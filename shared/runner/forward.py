"""One shard of a service without state: send, await every acknowledgement, then commit the offsets.

A kill in between sends the batch again, byte for byte the same, and its readers drop what they have seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Generic

import structlog
from aiokafka import AIOKafkaProducer

from shared.kafka.unreadable import Fetched, Unreadable, next_offset
from shared.runner.host import Host, Inputs, backoff, dead_letter, new_buffer, origin, stopped_within
from shared.runner.sender import send, started
from shared.runner.service import DEAD_LETTER, DeadLetter, M, Outcome, Outgoing, P, S, Service

log = structlog.get_logger("runner")


class ForwardShard(Generic[M, S, P]):
    """Partition i of every input, from its assignment until it is stopped."""

    def __init__(self, index: int, service: Service[M, S, P], host: Host, inputs: Inputs) -> None:
        self.index = index
        self.trouble: str | None = "not started yet"
        self.buffer = new_buffer(host.settings, inputs)
        self.handled_offsets: dict[str, int] = {}
        self._service, self._host, self._inputs = service, host, inputs
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End after the step in hand."""
        self._stop.set()
        self.buffer.wake.set()

    async def run(self) -> None:
        """Work until stopped; after any failure with a new producer, from the committed offsets."""
        for delay_s in backoff():
            try:
                async with started(self._host.settings.kafka) as producer:
                    self.buffer.clear()
                    self.handled_offsets = await self._inputs.start_at_committed()
                    self.trouble = None
                    await self._work(producer)
            except Exception as error:
                self.trouble = f"{type(error).__name__}, trying again"
                self._host.metrics.retries.labels(type(error).__name__).inc()
                log.warning("shard starts again after a failure", shard=self.index, exc_info=error)
            self._inputs.pause()
            if await stopped_within(self._stop, delay_s):
                return

    async def _work(self, producer: AIOKafkaProducer) -> None:
        while not self._stop.is_set():
            records = self.buffer.take(self._host.settings.batch_records_max)
            if not records:
                await self.buffer.wait(None)
                continue
            began = time.perf_counter()
            await self._host.clock.refresh()
            outgoing, outcomes = self._answers(records)
            if outgoing:
                await send(producer, outgoing)
            offsets = {record.topic: next_offset(record) for record in records}
            await self._inputs.commit(offsets)
            self.handled_offsets.update(offsets)
            self._host.metrics.handled(records)
            self._host.metrics.decided(outcomes)
            self._host.metrics.acknowledged(outgoing)
            self._host.metrics.step_seconds.labels("events").observe(time.perf_counter() - began)

    def _answers(self, records: Sequence[Fetched]) -> tuple[list[Outgoing], list[Outcome]]:
        """What the batch leads to; where the rules fail, record by record, and the failing ones set aside."""
        try:
            return self._answer(records)
        except Exception as error:
            if len(records) > 1:
                parts = [self._answers([record]) for record in records]
                return [m for part, _ in parts for m in part], [o for _, part in parts for o in part]
            log.error("a record cannot be handled", origin=origin(records[0]), exc_info=error)
            letter = DeadLetter("undecidable", f"The rules failed with {type(error).__name__}.")
            return [dead_letter(self._service.name, letter, origin(records[0]))], [
                Outcome(DEAD_LETTER, code=letter.code)
            ]

    def _answer(self, records: Sequence[Fetched]) -> tuple[list[Outgoing], list[Outcome]]:
        clock, messages = self._host.clock, []
        outgoing: list[Outgoing] = []
        outcomes: list[Outcome] = []
        for record in records:
            if isinstance(record, Unreadable):
                message = self._service.unreadable(record)
            else:
                message = self._service.decode(record, clock.arrival(record.timestamp))
            if isinstance(message, DeadLetter):
                outgoing.append(dead_letter(self._service.name, message, origin(record)))
                outcomes.append(Outcome(DEAD_LETTER, code=message.code))
            else:
                messages.append(message)
        decision = self._service.decide(None, messages, clock.now(), self._service.policy)
        return [*outgoing, *decision.outgoing], [*outcomes, *decision.outcomes]
