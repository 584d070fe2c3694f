"""A clock that is wrong once must not be for good: real servers as witnesses, a machine's clock that the test sets."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from shared import postgres
from shared.clock import SystemClock
from shared.contracts.partition import PARTITIONS
from shared.kafka.topic_admin import ensure_topics
from shared.runner import past
from shared.runner.metrics import Metrics
from shared.runner.one_story import operator_word
from shared.runner.timekeeper import Timekeeper
from shared.trust import TrustedTime, machine_time
from tests.integration.seen import KEY, until_trouble
from tests.integration.tiny import Tiny

_TOLERANCE_S = 120.0


class Machine:
    """What the machine's clock shows, which may be far from the time."""

    def __init__(self) -> None:
        self.wrong_by = timedelta()
        self.time = TrustedTime(_TOLERANCE_S, wall=self.shown, steady_s=time.monotonic)

    def shown(self) -> datetime:
        return machine_time() + self.wrong_by


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def tiny(kafka_bootstrap: str, postgres_dsn: str, machine: Machine) -> AsyncIterator[Tiny]:
    await ensure_topics(kafka_bootstrap, [])
    tiny = Tiny(kafka_bootstrap, postgres_dsn, clock=SystemClock(machine.time))  # type: ignore[arg-type]  # a clock that the test moves
    await tiny.prepare()
    yield tiny
    async with tiny.database() as db:
        await db.execute(f"drop schema {tiny.name} cascade")


@pytest.fixture
async def pool(tiny: Tiny) -> AsyncIterator[asyncpg.Pool]:
    pool = await postgres.open_pool(tiny.dsn, tiny.name, connections_max=2)
    yield pool
    await pool.close()


@pytest.fixture
def keeper(tiny: Tiny, machine: Machine, pool: asyncpg.Pool) -> Timekeeper:
    return Timekeeper(tiny.name, machine.time, tiny.kafka, pool, Metrics(), _TOLERANCE_S)


async def test_nothing_is_decided_while_the_machine_shows_another_year(
    tiny: Tiny, machine: Machine, keeper: Timekeeper
) -> None:
    await keeper.compare()
    await tiny.send([(KEY, "one")] * 5)
    async with tiny.worker() as worker:
        await worker.until_shards(PARTITIONS)
        await tiny.until_total(5)
        machine.wrong_by = timedelta(days=5 * 365)
        await tiny.send([(KEY, "one")] * 5)
        await until_trouble(worker, "clock was moved")
        await keeper.compare()
        trouble = keeper.trouble or ""
        assert "Postgres's clock is" in trouble
        assert "Kafka's clock is" in trouble
        await until_trouble(worker, "behind it")
        assert (await tiny.totals())[KEY] == 5, "the records wait"
        machine.wrong_by = timedelta()
        await keeper.compare()
        await tiny.until_total(10)
        await worker.until_shards(PARTITIONS)


async def test_a_wrong_clock_at_the_start_begins_nothing(tiny: Tiny, machine: Machine, keeper: Timekeeper) -> None:
    machine.wrong_by = timedelta(minutes=-10)
    await keeper.compare()
    await tiny.send([(KEY, "one")] * 3)
    async with tiny.worker() as worker:
        await until_trouble(worker, "ahead of it")
        assert await tiny.totals() == {}
        machine.wrong_by = timedelta()
        await keeper.compare()
        await tiny.until_total(3)


@pytest.mark.parametrize(("off_for", "asks"), [(timedelta(days=20), False), (timedelta(days=40), True)])
async def test_more_than_a_month_needs_the_operators_word(
    tiny: Tiny, keeper: Timekeeper, pool: asyncpg.Pool, off_for: timedelta, asks: bool
) -> None:
    """Servers on one machine agree with its clock whatever it shows; the last known time does not."""
    await keeper.compare()
    await past.keep_last_seen(pool, machine_time() - off_for)
    await keeper.compare()
    assert (keeper.trouble is not None) == asks
    if not asks:
        return
    assert f"goodstanding clock accept {tiny.name}" in (keeper.trouble or "")
    await tiny.send([(KEY, "one")] * 3)
    async with tiny.worker() as worker:
        await until_trouble(worker, "more than a month")
        (told,) = await operator_word.waiting_for_word(pool)
        await operator_word.give_word(pool, told.found)
        await keeper.compare()
        assert keeper.trouble is None
        await tiny.until_total(3)
    seen = (await past.past(pool)).last_seen
    assert seen is not None
    assert machine_time() - seen < timedelta(minutes=1)
    assert await operator_word.waiting_for_word(pool) == []


async def test_the_servers_clocks_are_measured(keeper: Timekeeper) -> None:
    await keeper.compare()
    for server in ("Postgres", "Kafka"):
        assert abs(keeper._metrics.clock_ahead.labels(server)._value.get()) < 5
