"""One process of a service: read settings and files, start, serve /metrics and /health, work, and drain on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, TypeVar

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from shared import logs
from shared.clock import SystemClock, open_clock
from shared.contracts.partition import PARTITIONS
from shared.kafka import clients
from shared.postgres import begin_anew, open_pool
from shared.runner import past, store
from shared.runner.blame import known
from shared.runner.health import Health, serving
from shared.runner.host import Host, backoff
from shared.runner.metrics import Metrics
from shared.runner.observe import Parts, count_people, observe, watch_files
from shared.runner.past import PastError
from shared.runner.service import Forward, Service, Stateful
from shared.runner.shard import LeakedCancellationError
from shared.runner.shards import Shards
from shared.runner.timekeeper import Timekeeper
from shared.runner.traces import open_traces
from shared.settings import ServiceSettings, SettingsError, StatefulSettings, from_environment
from shared.toml_file import ConfigError

log = structlog.get_logger("process")

T = TypeVar("T")
Settings = TypeVar("Settings", bound=ServiceSettings)

_CLOSE_TIMEOUT_S = 2.0
_CONNECTIONS_MAX = PARTITIONS + 2
"""Every shard may be in a transaction at once, and two connections are for claims and observation."""
_COLLECT_AFTER_OBJECTS = 50_000
"""The objects that a step makes are in no cycle, and are freed at its end. With Python's default of 700, the collector
would look at all of them several times before that, and at the records that wait, which costs a tenth of ingest's
CPU."""


def start(name: str, settings: type[Settings], service: Callable[[Settings], Service]) -> None:
    """Run the service that follows from the environment, until SIGTERM or SIGINT; returns after the drain.

    `service` may raise ConfigError. For settings or files that cannot be used the process ends with one sentence.
    """
    try:
        given = from_environment(settings)
        if given.traces and find_spec("opentelemetry.sdk") is None:
            raise SettingsError("GOODSTANDING_TRACES: it needs a package: pip install 'goodstanding[traces]'.")
        built = service(given)
    except (ConfigError, SettingsError) as error:
        sys.exit(f"{name}: {error}")
    logs.configure(built.name, given.log_level)
    tune_collector()
    asyncio.run(_Process(built, given).serve())


def tune_collector() -> None:
    """The garbage collector's settings of service processes; benchmarks use the same."""
    # What is alive now lives for good; without this every full collection walks over it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)


@dataclass
class _Process:
    service: Service
    settings: ServiceSettings
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        async with serving(self.service.name, self.settings, self.health, self.metrics):
            work = asyncio.create_task(self._work())
            if not await self._ended(work):
                # Whatever still waits for a server that is away is cut off; a running subscription drains by itself.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.settings.drain_timeout_s + 5):
                        await asyncio.shield(work)
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        log.info("stopped")

    async def _ended(self, task: asyncio.Task[Any]) -> bool:
        """Wait until the task ends, or the process is to stop; whether the task has ended."""
        stopped = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        return task.done()

    async def _work(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            starting = asyncio.create_task(self._start(stack))
            if not await self._ended(starting):
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                return
            parts = await starting
            if self.service.policy:
                self.metrics.policy.labels(self.service.policy).set(1)
            watching: list[Coroutine[Any, Any, None]] = [observe(parts, self.health, self.metrics)]
            if parts.pool is not None and self.service.census is not None:
                watching.append(count_people(self.service, parts.pool, self.metrics))
            if self.service.files is not None:
                watching.append(watch_files(self.service.files, self.health, self.metrics))
            tasks = [asyncio.create_task(each) for each in watching]
            await self.stopping.wait()
            self.health.troubles = ["stopping"]
            log.info("draining")
            for task in tasks:
                task.cancel()
            await parts.shards.stop()

    # -- start ---------------------------------------------------------------------------------------------------------

    async def _start(self, stack: contextlib.AsyncExitStack) -> Parts:
        """Wait for Kafka and Postgres as long as it takes, then join the group."""
        settings, metrics = self.settings, self.metrics
        await self._until("Kafka", self._ask_kafka)
        dsn = pool = None
        if isinstance(self.service.mode, Stateful):
            assert isinstance(settings, StatefulSettings), "a service with state has a database"
            dsn = settings.postgres
            pool = await self._until("Postgres", self._open_pool)
            stack.push_async_callback(_close_pool, pool)
            await self._until("the past", partial(past.begin, pool, settings.clock), pool)
        tolerance_s = settings.clock_tolerance_s
        clock = await stack.enter_async_context(open_clock(settings.clock, settings.connection, tolerance_s))
        keeper = None
        if isinstance(clock, SystemClock):
            keeper = Timekeeper(self.service.name, clock.time, settings.connection, pool, metrics, tolerance_s)
            await self._until("a server that tells the time", keeper.compare, pool)
        mode = self.service.mode
        if isinstance(mode, Forward) and (also_reads := mode.also_reads) is not None:
            await self._until("what is read beside", lambda: stack.enter_async_context(also_reads(settings.connection)))
        traces = None
        if settings.traces:
            traces = open_traces(self.service.name, settings.traces, settings.traces_share, version("goodstanding"))
            stack.push_async_callback(asyncio.to_thread, traces.close)
        shards = Shards(self.service, Host(settings, clock, metrics, pool, traces))
        await self._until("the consumer group", shards.start)
        if pool is not None and self.service.also_runs is not None:
            await stack.enter_async_context(self.service.also_runs(pool, clock))
        return Parts(settings.connection, shards, dsn, pool, keeper)

    async def _until(self, what: str, attempt: Callable[[], Awaitable[T]], pool: asyncpg.Pool | None = None) -> T:
        """The attempt's result, tried again until it succeeds; meanwhile readiness says what is missing."""
        for delay_s in backoff():
            try:
                return await attempt()
            except PastError as error:
                troubles = [str(error)]
                if troubles != self.health.troubles:
                    log.error("not started", because=str(error))
                self.health.troubles = troubles
            except asyncio.CancelledError as error:
                if clients.is_cancelled():
                    raise
                # A client of Kafka has let it out: the process would end as if somebody had stopped it.
                self._waits(f"waiting for {what}: {LeakedCancellationError.__name__}", what, error)
            except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                why = clients.refusal(self.settings.connection) or known(error) or type(error).__name__
                self._waits(f"waiting for {what}: {why}", what, error)
                if pool is not None:
                    await begin_anew(pool, error)
            await asyncio.sleep(delay_s)
        raise AssertionError("backoff() never ends")

    def _waits(self, trouble: str, what: str, error: BaseException) -> None:
        if [trouble] != self.health.troubles:
            log.warning("waiting", what=what, exc_info=error)
        self.health.troubles = [trouble]

    async def _ask_kafka(self) -> None:
        admin = clients.admin(self.settings.connection, request_timeout_ms=5_000)
        try:
            await admin.start()
        finally:
            await admin.close()

    async def _open_pool(self) -> asyncpg.Pool:
        assert isinstance(self.settings, StatefulSettings), "a service with state has a database"
        settings, name = self.settings, self.service.name
        pool = await open_pool(
            settings.postgres, name, connections_max=_CONNECTIONS_MAX, pooled=settings.postgres_pooled
        )
        try:
            await store.backlog(pool)
        except BaseException:
            # It is tried again, and each try would keep its session.
            await _close_pool(pool)
            raise
        return pool


async def _close_pool(pool: asyncpg.Pool) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await pool.close()
    pool.terminate()
