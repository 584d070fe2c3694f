"""The faults that the alerts about processes and servers are for, caused as in `faults`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil

from tests.alerts.platform import HOOKS, Platform
from tests.deploy.compose import until


@contextmanager
def no_postgres(p: Platform) -> Iterator[None]:
    """While partners send: a shard that has nothing to do has nothing to try again."""
    p.stack.kill("postgres")
    p.rides(range(100))
    yield
    p.stack.start("postgres")


@contextmanager
def held_memory(p: Platform) -> Iterator[None]:
    p.restart("benefits-1", PYTHONPATH=HOOKS, GOODSTANDING_TEST_FAULT="holds memory")
    yield
    p.restart("benefits-1")


@contextmanager
def few_descriptors(p: Platform) -> Iterator[None]:
    process = psutil.Process(p.processes["portal-1"].pid)
    limits = process.rlimit(psutil.RLIMIT_NOFILE)
    assert limits
    process.rlimit(psutil.RLIMIT_NOFILE, (int(process.num_fds() / 0.85), limits[1]))
    yield
    process.rlimit(psutil.RLIMIT_NOFILE, limits)


@contextmanager
def restarts(p: Platform) -> Iterator[None]:
    for _ in range(6):
        p.processes["ingest-1"].kill()
        p.start("ingest-1", ready=False)
        until(lambda: p.processes["ingest-1"].http, "it listens")
        time.sleep(1)  # Prometheus has to have seen it
    yield


@contextmanager
def another_release(p: Platform) -> Iterator[None]:
    metadata = p.directory / "another-release" / "goodstanding-9.9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: goodstanding\nVersion: 9.9.9\n")
    p.start("scorer-2", PYTHONPATH=str(metadata.parents[1]))
    yield
    p.stop("scorer-2")


@contextmanager
def no_exporter(p: Platform) -> Iterator[None]:
    p.stop_exporter()
    yield
    p.start_exporter()


@contextmanager
def many_connections(p: Platform) -> Iterator[None]:
    ((allowed,),) = p.sql("select setting::int from pg_settings where name = 'max_connections'")
    ((used,),) = p.sql("select count(*) from pg_stat_activity")
    with ExitStack() as sessions:
        for _ in range(int(allowed * 0.85) - used):
            sessions.enter_context(p.session())
        yield


@contextmanager
def long_transaction(p: Platform) -> Iterator[None]:
    with p.session("begin", "select txid_current()"):
        yield


@contextmanager
def broker_away(p: Platform) -> Iterator[None]:
    p.stack.kill("kafka-3")
    yield
    p.stack.start("kafka-3")
