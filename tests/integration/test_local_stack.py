"""The local stack on real servers: started, reused, killed, paused, restarted, and gone without a trace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from goodstanding.platform.servers import Servers, ServersError
from goodstanding.platform.servers import servers as servers_module
from goodstanding.platform.servers.kafka import Kafka
from goodstanding.platform.servers.ports import free_ports
from goodstanding.platform.servers.server import NAMES, Name
from shared.contracts.partition import PARTITIONS
from shared.contracts.topics import raw_topic
from shared.kafka.connection import bootstrap_of
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator, compare_topics, ensure_topics

_PATIENCE_S = 30.0
_SILENCE_S = 0.5
_LARGE_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def stack() -> Iterator[Servers]:
    """One for all tests that leave it running."""
    with Servers.ephemeral() as running:
        yield running


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty directory for a stack of the test's own; not pytest's, where Postgres cannot go when root tests."""
    directory = Path(tempfile.mkdtemp(prefix="goodstanding-test-"))
    yield directory
    Servers(directory).delete()


async def test_postgres_keeps_its_safe_settings(stack: Servers) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "200",
        "server_encoding": "UTF8",
        "timezone": "UTC",
    }
    async with _postgres(stack) as connection:
        assert {name: await connection.fetchval(f"show {name}") for name in expected} == expected
        assert str(await connection.fetchval("show server_version")).startswith("18.")


async def test_postgres_checks_passwords(stack: Servers) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.addresses.postgres, password="wrong")


async def test_kafka_takes_the_largest_message_that_a_topic_of_ours_allows(stack: Servers) -> None:
    await _create_topic(stack, "large")
    async with _producer(stack) as producer:
        await producer.send_and_wait("large", b"x" * _LARGE_BYTES)
    assert [len(value) for value in await _values(stack, "large")] == [_LARGE_BYTES]


async def test_of_three_brokers_one_may_be_lost(home: Path) -> None:
    """Secured ones, so that they also know each other."""
    servers = Servers(home, attached=True)
    try:
        kafka = (await asyncio.to_thread(servers.up, secured=True, brokers=3)).login
        assert len(bootstrap_of(kafka).split(",")) == servers.brokers == 3
        assert not (await ensure_topics(kafka, ["bank"], replication_factor=3)).differences
        async with started(kafka) as producer:
            await asyncio.to_thread(servers.kill, "kafka-2")
            for partition in range(PARTITIONS):
                await producer.send_and_wait(raw_topic("bank"), b"x", partition=partition)
            up = {each.name for each in await asyncio.to_thread(servers.status) if each.state == "up"}
            assert up == {"kafka", "kafka-3", "postgres"}
            await asyncio.to_thread(servers.start, "kafka-2")
        assert {each.state for each in await asyncio.to_thread(servers.status)} == {"up"}
        assert not (await compare_topics(kafka, ["bank"], replication_factor=3)).differences
        await asyncio.to_thread(servers.stop)
        assert (await asyncio.to_thread(servers.up)).login == kafka, "started again on the same ports"
    finally:
        await asyncio.to_thread(servers.delete)


def test_a_broker_gets_what_kafkas_own_tool_made_for_an_earlier_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the ids, which are its own. (Nearly all brokers of the tests begin in this way.)"""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))

    def made(name: str) -> tuple[dict[str, str], dict[str, bytes]]:
        (home / name).mkdir()
        Kafka(home / name).prepare()
        files = {file.name: file.read_bytes() for file in (home / name / "data").iterdir()}
        lines = files.pop("meta.properties").decode().splitlines()
        return dict(line.split("=") for line in lines if not line.startswith("#")), files

    (by_tool, first), (by_copy, second) = made("first"), made("second")
    assert [(home / name / "format.log").exists() for name in ("first", "second")] == [True, False]
    assert second == first
    assert by_copy.keys() == by_tool.keys()
    assert {name for name in by_tool if by_tool[name] != by_copy[name]} == {"cluster.id", "directory.id"}


def test_servers_are_out_of_reach_of_the_terminals_interrupt(stack: Servers) -> None:
    assert os.getsid(0) not in {os.getsid(pid) for pid in _pids(stack)}


def test_a_running_stack_is_reused(stack: Servers) -> None:
    before = _pids(stack)
    again = Servers(stack.home)
    assert again.up() == stack.addresses
    assert _pids(again) == before


async def test_a_killed_kafka_comes_back_with_what_it_acknowledged(stack: Servers) -> None:
    await _create_topic(stack, "kept")
    async with _producer(stack) as producer:
        await producer.send_and_wait("kept", b"acknowledged")
    address = stack.addresses.kafka
    await asyncio.to_thread(stack.kill, "kafka")
    assert await asyncio.to_thread(_states, stack) == {"kafka": "down", "postgres": "up"}
    await asyncio.to_thread(stack.start, "kafka")
    assert stack.addresses.kafka == address
    assert await _values(stack, "kept") == [b"acknowledged"]


async def test_a_killed_postgres_comes_back_with_what_it_committed(stack: Servers) -> None:
    async with _postgres(stack) as connection:
        await connection.execute("create table kept as select 'committed' as what")
        dsn = stack.addresses.postgres
        await asyncio.to_thread(stack.kill, "postgres")
        with pytest.raises((OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
            await connection.fetchval("select what from kept")
    await asyncio.to_thread(stack.start, "postgres")
    assert stack.addresses.postgres == dsn
    async with _postgres(stack) as connection:
        assert await connection.fetchval("select what from kept") == "committed"


def test_what_runs_is_not_started_twice(stack: Servers) -> None:
    with pytest.raises(ServersError, match="running already"):
        stack.start("postgres")


async def test_a_paused_postgres_is_silent_until_it_is_resumed(stack: Servers) -> None:
    async with _postgres(stack) as connection:
        stack.pause("postgres")
        try:
            answer = asyncio.ensure_future(connection.fetchval("select 1"))
            done, _ = await asyncio.wait({answer}, timeout=_SILENCE_S)
            assert not done
        finally:
            stack.resume("postgres")
        assert await answer == 1


async def test_a_paused_kafka_is_silent_until_it_is_resumed(stack: Servers) -> None:
    await _create_topic(stack, "paused")
    async with _producer(stack) as producer:
        await producer.send_and_wait("paused", b"before")
        stack.pause("kafka")
        try:
            sending = asyncio.ensure_future(producer.send_and_wait("paused", b"meanwhile"))
            done, _ = await asyncio.wait({sending}, timeout=_SILENCE_S)
            assert not done
        finally:
            stack.resume("kafka")
        await sending
    assert await _values(stack, "paused") == [b"before", b"meanwhile"]


def test_a_detached_stack_stops_clean_and_starts_again_on_its_addresses(home: Path) -> None:
    stack = Servers(home)
    addresses = stack.up()
    ports = [int(address.rpartition(":")[2].partition("/")[0]) for address in (addresses.kafka, addresses.postgres)]
    assert all(_listens(port) for port in ports)
    stack.stop()
    assert _living_in(home) == []
    assert not any(_listens(port) for port in ports)
    # After a reboot, the numbers that were written down belong to other processes: here, to this one.
    state = json.loads((home / "stack.json").read_text())
    for server in state["servers"].values():
        server["process"]["pid"] = os.getpid()
    (home / "stack.json").write_text(json.dumps(state))
    assert _states(stack) == {"kafka": "down", "postgres": "down"}
    stack.stop()
    assert stack.up() == addresses
    assert os.getpid() not in _pids(stack)
    stack.delete()
    assert _living_in(home) == []
    assert not home.exists()


def test_a_taken_port_is_given_up_for_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        choose = free_ports
        # The first choice of each server is a port that somebody takes before the server gets to it.
        first = {1: (taken,), 2: (taken, *choose(1))}
        monkeypatch.setattr(servers_module, "free_ports", lambda count: first.pop(count, None) or choose(count))
        addresses = Servers(home, attached=True).up()
    assert first == {}
    assert str(taken) not in addresses.kafka + addresses.postgres
    assert _states(Servers(home)) == {"kafka": "up", "postgres": "up"}


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    stack = Servers(home, attached=True)
    stack.up()
    stack.kill("postgres")
    (home / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServersError, match=r"(?s)postgres ended while starting.*incompatible with.*another version"):
        stack.start("postgres")


def test_the_servers_of_a_killed_program_die_and_its_directory_is_swept() -> None:
    with tempfile.TemporaryDirectory(prefix="goodstanding-test-") as directory:
        place = Path(directory)
        place.chmod(0o711)
        program = """
            import sys, pathlib
            from goodstanding.platform.servers import Servers
            with Servers.ephemeral(pathlib.Path(sys.argv[1])) as stack:
                print(stack.home, flush=True)
                sys.stdin.read()
        """
        argv = [sys.executable, "-c", textwrap.dedent(program), directory]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout
            home = Path(parent.stdout.readline().strip())
            Servers(home).pause("kafka")  # one that stands still must die as well
            assert len(_living_in(home)) > len(NAMES)
            parent.send_signal(signal.SIGKILL)
        _until(lambda: not _living_in(home))
        assert home.exists()
        with Servers.ephemeral(place):
            assert not home.exists()
        assert list(place.iterdir()) == []


@contextlib.asynccontextmanager
async def _postgres(stack: Servers) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(stack.addresses.postgres)
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _producer(stack: Servers) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.addresses.kafka, acks="all", enable_idempotence=True, max_request_size=2 * _LARGE_BYTES
    )
    async with producer:
        yield producer


async def _create_topic(stack: Servers, topic: str) -> None:
    async with administrator(stack.addresses.kafka) as admin:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])


async def _values(stack: Servers, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    limits = {"max_partition_fetch_bytes": 2 * _LARGE_BYTES}
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest", **limits)
    async with consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        return [(await consumer.getone()).value for _ in range(end)]


def _pids(stack: Servers) -> list[int]:
    return [status.pid for status in stack.status() if status.pid]


def _states(stack: Servers) -> dict[Name, str]:
    return {status.name: status.state for status in stack.status()}


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _living_in(home: Path) -> list[psutil.Process]:
    """The processes that work in this directory; those that have ended and wait to be reaped work nowhere."""
    living = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(home):
                living.append(process)
    return living


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)  # the end of another program's processes can only be looked for
