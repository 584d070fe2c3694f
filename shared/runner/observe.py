"""Keeps readiness and the gauges true while a process works, and replaces a consumer that has lost a right."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Never

import asyncpg
import structlog

from shared import postgres
from shared.kafka import clients
from shared.kafka.connection import KafkaConnection
from shared.runner import store
from shared.runner.blame import known
from shared.runner.health import Health
from shared.runner.lag import LagGauges
from shared.runner.metrics import Metrics
from shared.runner.service import Files, Service
from shared.runner.shard import LeakedCancellationError
from shared.runner.shards import Shards
from shared.runner.timekeeper import Timekeeper

log = structlog.get_logger("process")

_OBSERVE_EVERY_S = 1.0
_CENSUS_EVERY_S = 60.0
"""Counting everybody reads a whole table."""
_OBSERVE_TIMEOUT_S = 5.0
_COMPARE_EVERY_S = 10.0
"""Records that are read meanwhile from a topic that was made again are read once more after the operator's decision. So
this bounds how long the change goes unnoticed, and not a loss."""
_FILES_EVERY_S = 1.0
_DESCRIPTORS_ALARM = 0.9
"""Reported while a descriptor is left over which it can be reported."""
_CLOCK_EVERY_S = 30.0
"""In between, a clock that is moved is noticed by itself; this is for one that runs too fast or too slow."""


_PROGRESS_EVERY_S = 5.0
_KNOCK_EVERY_S = 3.0
"""Clients keep their connections for hours, so one whose password or certificate is void works on until it loses
them. A connection of its own tells that in time to act."""


class Parts(NamedTuple):
    """What a process consists of once it has started. `postgres` and its `pool` are None where it keeps no state,
    `keeper` where a driver sets the clock."""

    kafka: KafkaConnection
    shards: Shards
    postgres: str | None
    pool: asyncpg.Pool | None
    keeper: Timekeeper | None


async def observe(parts: Parts, health: Health, metrics: Metrics) -> Never:
    """Look at everything about once a second, until cancelled."""
    kafka, shards, dsn, pool, keeper = parts
    gauges = LagGauges(metrics)
    looks = [
        _Look("Kafka", lambda: _kafka(shards, gauges)),
        _Look("Kafka", shards.look_again, _every(_COMPARE_EVERY_S)),
        _Look("Kafka", shards.show_progress, _every(_PROGRESS_EVERY_S)),
    ]
    if pool is not None:
        looks.append(_Look("Postgres", lambda: _outbox(pool, metrics), pool=pool))
        looks.append(_Look("Postgres", shards.look_at_store, _every(_COMPARE_EVERY_S)))
    if dsn is not None:
        looks.append(_Look("Postgres", lambda: postgres.knock(dsn), _every(_KNOCK_EVERY_S)))
    if keeper is not None:
        is_time = _every(_CLOCK_EVERY_S)
        looks.append(
            _Look("what tells the time", keeper.compare, lambda: is_time() or keeper.trouble is not None, pool)
        )
    if kafka.uses_tls or kafka.uses_sasl:
        looks.append(_Look("Kafka", lambda: clients.knock(kafka), _every(_KNOCK_EVERY_S)))
    while True:
        servers = _one_each(looks, await asyncio.gather(*(look.trouble() for look in looks)))
        clock = [keeper.trouble] if keeper is not None and keeper.trouble else []
        # A clock in doubt stops every shard, each with the same sentence.
        others, waits_for = ([], keeper.waits_for) if keeper and clock else (shards.troubles(), shards.waits_for())
        login = clients.refusal(kafka)
        troubles = [*filter(None, [login]), *clock, *others, *servers, *descriptors()]
        spare = shards.spare()
        if (troubles, spare) != (health.troubles, health.spare):
            log.info("readiness", ready=not troubles, because=troubles, **({"spare": spare} if spare else {}))
        health.troubles, health.spare, health.waits_for = troubles, spare, waits_for
        health.decided_by = "clock" if clock else "offsets"
        metrics.ready.set(not troubles)
        await asyncio.sleep(_OBSERVE_EVERY_S)


class _Look:
    """Looks at one server, again and again; no failure may end that, or readiness would keep its last word for ever."""

    def __init__(
        self,
        server: str,
        look: Callable[[], Coroutine[Any, Any, None]],
        is_time: Callable[[], bool] = lambda: True,
        pool: asyncpg.Pool | None = None,
    ) -> None:
        self.server, self._look, self._is_time, self._pool = server, look, is_time, pool
        self._looking: asyncio.Task[None] | None = None
        self._failed = False

    async def trouble(self) -> str | None:
        """None, or why the server cannot be looked at.

        A look that takes too long is not cut off but left to itself: where a server stands still, a client may wait
        for it even after its call was cancelled (asyncpg does, for its own request to cancel). After a look that
        has failed the next one is due at once, or readiness would say in between that all is well.
        """
        if self._looking is None and not (self._is_time() or self._failed):
            return None
        looking = self._looking or self._begun()
        await asyncio.wait({looking}, timeout=_OBSERVE_TIMEOUT_S)
        self._looking = None if looking.done() else looking
        error = None if self._looking else _failure(looking)
        self._failed = error is not None
        if self._looking:
            return f"{self.server} does not answer: no answer within {_OBSERVE_TIMEOUT_S:.0f} s"
        if error:
            log.debug("cannot observe", server=self.server, exc_info=error)
            if self._pool is not None:
                await postgres.begin_anew(self._pool, error)
            return known(error) or f"{self.server} does not answer: {type(error).__name__}"
        return None

    def _begun(self) -> asyncio.Task[None]:
        looking = asyncio.create_task(self._look())
        # Nobody waits for it any more once the process drains, and what it asks may be closed by then.
        looking.add_done_callback(_heard)
        return looking


def _one_each(looks: Sequence[_Look], troubles: Sequence[str | None]) -> list[str]:
    """The first trouble with each server: several looks at one that is away all say so."""
    found: dict[str, str] = {}
    for look, trouble in zip(looks, troubles, strict=True):
        if trouble is not None:
            found.setdefault(look.server, trouble)
    return list(found.values())


def _failure(look: asyncio.Task[None]) -> BaseException | None:
    """Why a look that has ended has failed. Nobody cancels one: where it was cancelled, a client library has let that
    out. Asked for its exception, the task would raise it here, and end all looking."""
    return LeakedCancellationError() if look.cancelled() else look.exception()


def _heard(task: asyncio.Task[None]) -> None:
    """Takes note of how a task ended, or the loop would print it as an exception that nobody has retrieved."""
    if not task.cancelled():
        task.exception()


def _every(seconds: float) -> Callable[[], bool]:
    """Whether it is time again; not at once."""
    last = time.monotonic()

    def is_time() -> bool:
        nonlocal last
        if (now := time.monotonic()) - last < seconds:
            return False
        last = now
        return True

    return is_time


async def _kafka(shards: Shards, gauges: LagGauges) -> None:
    await shards.heal()
    # Lag is a fact about the machines, so it is measured by their clock.
    gauges.show(await shards.measure(), time.time())


async def _outbox(pool: asyncpg.Pool, metrics: Metrics) -> None:
    batches, oldest_s = await store.backlog(pool)
    metrics.outbox_batches.set(batches)
    metrics.outbox_oldest_seconds.set(oldest_s)


async def count_people(service: Service, pool: asyncpg.Pool, metrics: Metrics) -> Never:
    """Take the census again and again. What fails or lasts is of no consequence for the work, nor for readiness."""
    assert service.census is not None
    while True:
        try:
            async with pool.acquire() as db:
                metrics.counted(await service.census(db))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.debug("cannot count people", exc_info=error)
        await asyncio.sleep(_CENSUS_EVERY_S)


async def watch_files(files: Files, health: Health, metrics: Metrics) -> Never:
    """Have the service keep up with its files, until cancelled. What fails is tried again."""
    while True:
        try:
            await files.look()
        except (Exception, asyncio.CancelledError) as error:
            if clients.is_cancelled():
                raise
            # Files may name topics, and a client of Kafka lets out cancellations that nobody asked for.
            log.warning("files are looked at again after a failure", exc_info=error)
        health.files, health.remarks = dict(files.in_force), list(files.faults)
        metrics.in_force(health.files, len(health.remarks))
        await asyncio.sleep(_FILES_EVERY_S)


def descriptors() -> list[str]:
    """A sentence, if the process is about to run out of file descriptors: then no connection opens, readiness's own
    included."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(os.listdir("/dev/fd"))
    except OSError:
        # None is left even to look.
        used = limit
    if used < limit * _DESCRIPTORS_ALARM:
        return []
    return [
        f"{'all' if used >= limit else used} of {limit} file descriptors are in use, so connections fail; "
        "raise the limit (ulimit -n) and restart the process"
    ]
