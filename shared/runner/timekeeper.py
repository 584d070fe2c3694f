"""Measures what `shared.trust` judges: the clocks of Postgres and the broker, and the last time that is known.

Postgres tells its time when asked. A broker does so only in acknowledging a record, so each process appends an empty
one, now and then, to a topic that nobody reads (`services.time`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from shared import trust
from shared.contracts.topics import TIME_TOPIC
from shared.kafka.connection import Kafka
from shared.kafka.identities import exists
from shared.kafka.sender import started
from shared.runner import past
from shared.runner.metrics import Metrics
from shared.runner.one_story import operator_word
from shared.trust import TrustedTime, Witness

log = structlog.get_logger("clock")

_AWAY = (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError)
_WHOLE_SERVICE = -1
"""The shard under which the database keeps what concerns all of them."""


async def measured(name: str, wall: Callable[[], datetime], ask: Callable[[], Awaitable[datetime]]) -> Witness:
    """How far the clock that `ask` reads is ahead of the one that `wall` reads."""
    before, began = wall(), time.monotonic()
    shown = await ask()
    took_s = time.monotonic() - began
    return Witness(name, (shown - before).total_seconds() - took_s / 2, took_s / 2)


class Timekeeper:
    """Keeps one process's clock in agreement with the servers'. `compare` is to be called every half minute or so."""

    def __init__(
        self,
        service: str,
        time_: TrustedTime,
        kafka: Kafka,
        pool: asyncpg.Pool | None,
        metrics: Metrics,
        tolerance_s: float,
    ) -> None:
        self._service, self._time, self._kafka, self._pool = service, time_, kafka, pool
        self._metrics, self._tolerance_s = metrics, tolerance_s
        self.waits_for: list[str] = []
        """What the operator has to decide before the time is known, in a few words."""

    @property
    def trouble(self) -> str | None:
        """Why nothing is decided now."""
        return self._time.trouble

    async def compare(self) -> None:
        """Ask the servers, and judge. A server that is away says nothing; if none answers, what was known stays, and
        that was nothing at the start. Raises what asking them raised, then."""
        witnesses, errors = [], []
        for ask in (self._postgres, self._broker):
            try:
                witness = await ask()
            except _AWAY as error:
                errors.append(error)
                continue
            if witness is not None:
                witnesses.append(witness)
                self._metrics.clock_ahead.labels(witness.name).set(witness.ahead_s)
        if not witnesses and errors:
            raise errors[0]
        before, self.waits_for = self._time.trouble, []
        if sentence := trust.disagreement(witnesses, self._tolerance_s) or await self._jump():
            self._time.doubted(sentence)
        elif witnesses:
            self._time.agreed()
        if self._time.trouble != before:
            log.warning("clock", trouble=self._time.trouble)

    async def _postgres(self) -> Witness | None:
        pool = self._pool
        if pool is None:
            return None

        async def ask() -> datetime:
            shown: datetime = await pool.fetchval("select clock_timestamp()")
            return shown

        return await measured("Postgres", self._time.wall, ask)

    async def _broker(self) -> Witness | None:
        async with started(self._kafka) as producer:
            if not await exists(producer.client, TIME_TOPIC):
                # A deployment whose topics were made by an earlier release: Postgres is the only witness until then.
                return None

            async def ask() -> datetime:
                sent = await producer.send_and_wait(TIME_TOPIC, b"", partition=0)
                return datetime.fromtimestamp(sent.timestamp / 1000, UTC)

            # The first one finds the partition's leader, which takes longer.
            await ask()
            witness = await measured("Kafka", self._time.wall, ask)
            self._time.heard(witness)
            return witness

    async def _jump(self) -> str | None:
        """Compare with the last time that is known, and keep this one, if it is not too far or the operator vouches."""
        if self._pool is None:
            return None
        now = self._time.wall()
        last_seen = (await past.past(self._pool)).last_seen
        found, in_short = [], ""
        if last_seen is not None and trust.jumped(last_seen, now):
            token = f"clock {last_seen:%Y-%m-%dT%H:%M:%S} {now:%Y-%m}"
            sentence, in_short = trust.jump_sentence(last_seen, now), trust.jump_in_short(last_seen, now)
            found = [operator_word.Found(token, sentence, f"go on by a clock that shows {now:%Y-%m}")]
        given = await operator_word.report(self._pool, _WHOLE_SERVICE, found)
        if found and found[0].token not in given:
            command = f"goodstanding clock accept {self._service}"
            self.waits_for = [in_short]
            return f"{found[0].sentence} Nothing is decided until an operator vouches: {command}"
        await past.keep_last_seen(self._pool, now)
        await operator_word.mark_applied(self._pool, [each.token for each in found])
        return None
