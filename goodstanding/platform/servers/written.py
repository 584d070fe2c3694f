"""What is written down in the servers' directory, so that any program can find, use and stop them: `stack.json`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from goodstanding.platform.servers.errors import ServersError
from goodstanding.platform.servers.ports import free_ports
from goodstanding.platform.servers.process import Process
from goodstanding.platform.servers.server import Name

_NOT_STARTED = "The local stack was never started here. Start it: goodstanding local up"


class Instance(msgspec.Struct, frozen=True):
    """A server as it was last started."""

    ports: tuple[int, ...]
    process: Process


class State(msgspec.Struct, frozen=True):
    """All that is written down."""

    password: str
    """The administrator's of Postgres."""
    owner: Process | None = None
    """The program that made ephemeral servers, and was to delete them."""
    servers: dict[Name, Instance] = {}
    secured: bool = False
    """Whether Kafka asks who somebody is, and allows nothing that was not granted."""

    brokers: int = 1
    cluster_id: str = ""
    """Kafka's, which all its brokers must have."""
    controllers: tuple[int, ...] = ()
    """The ports on which several brokers agree who leads: each has to know all of them before any is started."""

    @classmethod
    def new(cls, owner: Process | None = None, *, secured: bool = False, brokers: int = 1) -> State:
        """With a password of its own, and no server started yet."""
        return cls(
            password=secrets.token_urlsafe(24),
            owner=owner,
            secured=secured,
            brokers=brokers,
            cluster_id=secrets.token_urlsafe(16),
            controllers=free_ports(brokers) if brokers > 1 else (),
        )


class Written:
    """The file in one directory, and the lock that lets one program at a time start and end servers there."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._writing = threading.Lock()

    def read(self) -> State | None:
        """None where nothing was ever started."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=State)
        except FileNotFoundError:
            return None

    def state(self) -> State:
        """Raises ServersError where nothing was ever started."""
        state = self.read()
        if state is None:
            raise ServersError(_NOT_STARTED)
        return state

    def instance(self, name: Name) -> Instance:
        """Raises ServersError for a server that was never started."""
        instance = self.state().servers.get(name)
        if instance is None:
            raise ServersError(_NOT_STARTED)
        return instance

    def record(self, name: Name, instance: Instance) -> None:
        """Write down how the server was started. Both servers are started at once, so writers take turns."""
        with self._writing:
            state = self.state()
            self.write(msgspec.structs.replace(state, servers={**state.servers, name: instance}))

    def write(self, state: State) -> None:
        passing = self._file.with_suffix(".new")
        passing.touch(mode=0o600)  # it holds the password
        passing.write_bytes(msgspec.json.encode(state))
        os.replace(passing, self._file)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Make the directory if need be, and hold it against other programs. Raises ServersError if that cannot be."""
        try:
            # Others may pass through, not look inside: Postgres has to, when it steps down from root.
            self._home.mkdir(parents=True, exist_ok=True)
            self._home.chmod(0o711)
            file = (self._home / "lock").open("w")
        except OSError as error:
            raise ServersError(
                f"The local stack cannot use {self._home} ({error}). Name another directory in GOODSTANDING_HOME."
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def _file(self) -> Path:
        return self._home / "stack.json"
