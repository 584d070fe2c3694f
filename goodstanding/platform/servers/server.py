"""What is asked of a server, so that Kafka and Postgres are started, watched and stopped by the same code."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, get_args

from goodstanding.platform.servers.process import Command
from shared.kafka.connection import Kafka

Name = Literal["kafka", "kafka-2", "kafka-3", "postgres"]
"""One Kafka may be up to three brokers; the first of them has the name of the whole."""
BROKERS: tuple[Name, ...] = get_args(Name)[:-1]
NAMES: tuple[Name, ...] = (BROKERS[0], "postgres")


def names(brokers: int) -> tuple[Name, ...]:
    """The servers of a stack with so many brokers."""
    return (*BROKERS[:brokers], "postgres")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are: Kafka's bootstrap address, and the administrator's DSN of Postgres."""

    kafka: str
    postgres: str
    login: Kafka = ""
    """How whoever runs the platform logs in to Kafka; an address alone where it asks nobody."""
    has_users: bool = False
    """Whether that is Kafka's administrator, who makes a user for each service, partner and subscriber."""
    postgres_apart: Mapping[str, str] = field(default_factory=dict)
    """The administrator's DSN of each service whose schema is on another server than `postgres`."""

    def __post_init__(self) -> None:
        if not self.login:
            object.__setattr__(self, "login", self.kafka)

    def postgres_of(self, service: str) -> str:
        """The administrator's DSN of the server that has the service's schema."""
        return self.postgres_apart.get(service, self.postgres)

    def by_postgres(self, services: Iterable[str]) -> dict[str, list[str]]:
        """Each server's DSN with those of the services whose schemas it has."""
        found: dict[str, list[str]] = {}
        for service in services:
            found.setdefault(self.postgres_of(service), []).append(service)
        return found


@dataclass(frozen=True, slots=True)
class Status:
    """One server as it is now. `paused`: it runs and does not answer."""

    name: Name
    state: Literal["up", "paused", "down"]
    address: str | None
    pid: int | None


class Server(Protocol):
    """One server with its data in one directory. It holds no state of its own and runs nothing by itself."""

    @property
    def directory(self) -> Path:
        """Its data, settings and log."""

    @property
    def ports(self) -> int:
        """How many ports it listens on. The first one is for clients."""

    @property
    def stop_signal(self) -> signal.Signals:
        """Asks it to end soon and cleanly, with clients connected."""

    @property
    def stop_timeout_s(self) -> float:
        """How long a clean end may take."""

    def prepare(self) -> None:
        """Make the data directory. Called once; after a call that broke off, with that directory gone again."""

    def command(self, ports: tuple[int, ...]) -> Command:
        """How to start it on these ports of 127.0.0.1."""

    def address(self, port: int) -> str:
        """What a client connects to; for Postgres, the administrator's DSN."""

    async def answer(self, port: int) -> None:
        """Return if it serves clients now; raise what its client raises if not, or if it is somebody else's server."""

    def ended(self) -> None:
        """Called after a clean end."""


LOG_NAME = "server.log"
