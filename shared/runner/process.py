"""One process of a service: start, serve /metrics and /health, work, and drain on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import structlog
import uvicorn
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.asgi.types import Scope
from prometheus_client import make_asgi_app

from shared import logs
from shared.clock import SystemClock, open_clock
from shared.postgres import open_pool
from shared.runner import descriptors, store
from shared.runner.host import Host, backoff
from shared.runner.metrics import Metrics
from shared.runner.service import Fenced, Service
from shared.runner.shards import Shards
from shared.runner.timekeeper import Timekeeper
from shared.settings import ServiceSettings

log = structlog.get_logger("process")

_OBSERVE_EVERY_S = 1.0
_CENSUS_EVERY_S = 60.0
"""Counting everybody reads a whole table."""
_OBSERVE_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_S = 2.0
_COMPARE_EVERY_S = 10.0
"""What is read meanwhile from a topic that was made again is read once more after the operator's word, so this bounds
no loss, only how long nobody knows."""
_CLOCK_EVERY_S = 30.0
"""In between, a clock that is moved is noticed by itself; this is for one that runs too fast or too slow."""
_COLLECT_AFTER_OBJECTS = 50_000
"""What a step makes is in no cycle and freed at its end. With Python's default of 700, the collector would look at all
of it several times before, and at the records that wait, for a tenth of ingest's CPU."""


class Health:
    """Live: the event loop turns. Ready: joined the group, every own shard works, and the database answers."""

    def __init__(self) -> None:
        self.troubles: list[str] = ["starting"]

    async def live(self, _: Scope) -> AsgiResponse:
        return AsgiResponse(b'{"live":true}', 200, {"content-type": "application/json"})

    async def ready(self, _: Scope) -> AsgiResponse:
        if self.troubles:
            body = "; ".join(self.troubles).replace('"', "'")
            return AsgiResponse(f'{{"ready":false,"because":"{body}"}}'.encode(), 503, _JSON)
        return AsgiResponse(b'{"ready":true}', 200, _JSON)


_JSON = {"content-type": "application/json"}


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: the process drains first and then ends the server itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(service: Service, settings: ServiceSettings) -> None:
    """Run the service in the foreground until SIGTERM or SIGINT; returns after the drain."""
    logs.configure(service.name, settings.log_level)
    tune_collector()
    asyncio.run(serve(service, settings))


def tune_collector() -> None:
    """As every process of a service has it, and every measurement of what one does."""
    # What is alive now lives for good; without this every full collection walks over it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)


async def serve(service: Service, settings: ServiceSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    health, metrics = Health(), Metrics()
    async with _http(service, settings, health, metrics):
        work = asyncio.create_task(_work(service, settings, health, metrics, stop))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            # Whatever still waits for a server that is away is cut off; a running subscription drains by itself.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.drain_timeout_s + 5):
                    await asyncio.shield(work)
            work.cancel()
        stopped.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    log.info("stopped")


@contextlib.asynccontextmanager
async def _http(service: Service, settings: ServiceSettings, health: Health, metrics: Metrics) -> AsyncIterator[None]:
    """The endpoints answer from the first moment, so that waiting for a server shows as "not ready"."""
    app = AsgiFastStream(
        asgi_routes=[
            ("/health/live", get(health.live)),
            ("/health/ready", get(health.ready)),
            ("/metrics", make_asgi_app(metrics.registry)),
        ]
    )
    config = uvicorn.Config(
        app, host=settings.http_host, port=settings.http_port, lifespan="off", log_config=None, access_log=False
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn offers no event for it)
        await asyncio.sleep(0.01)
    if serving.done():
        await serving
        raise SystemExit(f"{service.name}: port {settings.http_port} cannot be opened; set GOODSTANDING_HTTP_PORT")
    port = server.servers[0].sockets[0].getsockname()[1]
    log.info("listening", service=service.name, host=settings.http_host, port=port)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


async def _work(
    service: Service,
    settings: ServiceSettings,
    health: Health,
    metrics: Metrics,
    stop: asyncio.Event,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        starting = asyncio.create_task(_start(service, settings, health, metrics, stack))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            return
        parts = await starting
        if service.policy:
            metrics.policy.labels(service.policy).set(1)
        observing = [asyncio.create_task(_observe(parts, health, metrics))]
        if parts.pool is not None and service.census is not None:
            observing.append(asyncio.create_task(_count_people(service, parts.pool, metrics)))
        await stopped
        health.troubles = ["stopping"]
        log.info("draining")
        for each in observing:
            each.cancel()
        await parts.shards.stop()


class _Parts(NamedTuple):
    """What a process consists of once it has started. `keeper` is None where a driver sets the clock."""

    shards: Shards
    pool: asyncpg.Pool | None
    keeper: Timekeeper | None


async def _start(
    service: Service,
    settings: ServiceSettings,
    health: Health,
    metrics: Metrics,
    stack: contextlib.AsyncExitStack,
) -> _Parts:
    """Wait for Kafka and Postgres as long as it takes, then join the group."""
    await _until(health, "Kafka", _ask_kafka(settings))
    pool = None
    if isinstance(service.mode, Fenced):
        pool = await _until(health, "Postgres", _open_pool(service, settings))
        stack.push_async_callback(_close_pool, pool)
    clock = await stack.enter_async_context(open_clock(settings.clock, settings.kafka, settings.clock_tolerance_s))
    keeper = None
    if isinstance(clock, SystemClock):
        keeper = Timekeeper(service.name, clock.time, settings.kafka, pool, metrics, settings.clock_tolerance_s)
        await _until(health, "a server that tells the time", keeper.compare)
    shards = Shards(service, Host(settings, clock, metrics, pool))
    await _until(health, "the consumer group", shards.start)
    return _Parts(shards, pool, keeper)


def _ask_kafka(settings: ServiceSettings) -> Any:
    async def ask() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5_000)
        try:
            await admin.start()
        finally:
            await admin.close()

    return ask


def _open_pool(service: Service, settings: ServiceSettings) -> Any:
    async def connect() -> asyncpg.Pool:
        pool = await open_pool(
            settings.postgres,
            service.name,
            # Every shard may be in a transaction at once, and two connections are for claims and observation.
            connections_max=8,
        )
        await store.backlog(pool)
        return pool

    return connect


async def _close_pool(pool: asyncpg.Pool) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await pool.close()
    pool.terminate()


async def _until(health: Health, what: str, attempt: Any) -> Any:
    """The attempt's result, tried again until it succeeds; meanwhile readiness says what is missing."""
    for delay_s in backoff():
        try:
            return await attempt()
        except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            troubles = [f"waiting for {what}: {type(error).__name__}"]
            if troubles != health.troubles:
                log.warning("waiting", what=what, exc_info=error)
            health.troubles = troubles
        await asyncio.sleep(delay_s)
    raise AssertionError("backoff() never ends")


async def _observe(parts: _Parts, health: Health, metrics: Metrics) -> None:
    """Keep readiness and the gauges true, and replace a consumer that lost its rights."""
    shards, pool, keeper = parts
    behind_since: dict[Any, float] = {}
    looks = [
        _Look("Kafka", lambda: _observe_kafka(shards, metrics, behind_since)),
        _Look("Kafka", partial(_compare, shards, _Pace(_COMPARE_EVERY_S))),
    ]
    if pool is not None:
        looks.append(_Look("Postgres", lambda: _observe_outbox(pool, metrics)))
    if keeper is not None:
        looks.append(_Look("what tells the time", partial(_compare_clocks, keeper, _Pace(_CLOCK_EVERY_S))))
    while True:
        servers = await asyncio.gather(*(look.trouble() for look in looks))
        clock = [keeper.trouble] if keeper is not None and keeper.trouble else []
        # A clock in doubt stops every shard, each with the same sentence.
        others = [] if clock else shards.troubles()
        troubles = [*clock, *others, *filter(None, servers), *descriptors.troubles()]
        if troubles != health.troubles:
            log.info("readiness", ready=not troubles, because=troubles)
        health.troubles = troubles
        metrics.ready.set(not troubles)
        await asyncio.sleep(_OBSERVE_EVERY_S)


class _Look:
    """Looks at one server, again and again; no failure may end that, or readiness would keep its last word for ever."""

    def __init__(self, server: str, observe: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._server, self._observe = server, observe
        self._looking: asyncio.Task[None] | None = None

    async def trouble(self) -> str | None:
        """None, or why the server cannot be looked at.

        A look that takes too long is not cut off but left to itself: where a server stands still, a client may wait
        for it even after its call was cancelled (asyncpg does, for its own request to cancel).
        """
        looking = self._looking or asyncio.create_task(self._observe())
        await asyncio.wait({looking}, timeout=_OBSERVE_TIMEOUT_S)
        self._looking = None if looking.done() else looking
        if self._looking:
            return f"{self._server} does not answer: no answer within {_OBSERVE_TIMEOUT_S:.0f} s"
        if error := looking.exception():
            log.debug("cannot observe", server=self._server, exc_info=error)
            return f"{self._server} does not answer: {type(error).__name__}"
        return None


async def _count_people(service: Service, pool: asyncpg.Pool, metrics: Metrics) -> None:
    """Take the census again and again. What fails or lasts is of no consequence for the work, nor for readiness."""
    assert service.census is not None
    while True:
        try:
            async with pool.acquire() as db:
                metrics.counted(await service.census(db))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.debug("cannot count people", exc_info=error)
        await asyncio.sleep(_CENSUS_EVERY_S)


async def _observe_outbox(pool: asyncpg.Pool, metrics: Metrics) -> None:
    batches, oldest_s = await store.backlog(pool)
    metrics.outbox_batches.set(batches)
    metrics.outbox_oldest_seconds.set(oldest_s)


class _Pace:
    """Says now and then that it is time."""

    def __init__(self, every_s: float) -> None:
        self._every_s, self._last = every_s, time.monotonic()

    def is_time(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._every_s:
            return False
        self._last = now
        return True


async def _compare(shards: Shards, pace: _Pace) -> None:
    """Whether Kafka is still the one that each shard works from: a topic can be made again under a running service."""
    if pace.is_time():
        await asyncio.gather(*(shard.look_again() for shard in list(shards.shards.values())))


async def _compare_clocks(keeper: Timekeeper, pace: _Pace) -> None:
    """Now and then, and at once where the clock is in doubt."""
    if pace.is_time() or keeper.trouble is not None:
        await keeper.compare()


async def _observe_kafka(shards: Shards, metrics: Metrics, behind_since: dict[Any, float]) -> None:
    await shards.heal()
    await _observe_lag(shards, metrics, behind_since)


async def _observe_lag(shards: Shards, metrics: Metrics, behind_since: dict[Any, float]) -> None:
    # Lag is a fact about the machines, so it is measured on theirs, not on the platform's clock.
    now = time.time()
    lags = await shards.lag()
    # A partition that went to another process would keep its last lag here for ever.
    metrics.lag_records.clear()
    metrics.lag_seconds.clear()
    for tp, (records, oldest) in lags.items():
        if not records:
            behind_since.pop(tp, None)
        since = oldest if oldest is not None else behind_since.setdefault(tp, now) if records else now
        metrics.lag_records.labels(tp.topic, tp.partition).set(records)
        metrics.lag_seconds.labels(tp.topic, tp.partition).set(max(now - since, 0.0) if records else 0.0)
