"""The whole platform on this machine (servers, schemas, topics, services): starting and stopping it, and its state."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings, read_settings
from goodstanding.platform.one_at_a_time import one_at_a_time
from goodstanding.platform.servers import Addresses, Servers
from goodstanding.platform.servers.directories import default_home
from goodstanding.platform.servers.server import NAMES
from goodstanding.platform.service_process import ServiceProcess, Undecided
from shared.contracts.topics import PORTAL, SERVICES
from shared.kafka.connection import Kafka, KafkaConnection
from shared.settings import KafkaSettings, SettingsError, from_environment

Say = Callable[[str], None]

_BELOW_HOME = "services"
_POSTGRES = "GOODSTANDING_POSTGRES"
_TROUBLES = {"up": None, "paused": "does not answer", "down": "not running"}


@dataclass(frozen=True, slots=True)
class Part:
    """One server or service as it is now. `trouble` says why it is not ready, None when it is."""

    name: str
    address: str | None
    pid: int | None
    trouble: str | None
    log: Path
    """Where its log is, or will be."""


class UndecidedError(UserError):
    """Services run and stand still until the operator decides. They go on by themselves then."""

    def __init__(self, waiting: Mapping[str, Undecided]) -> None:
        """`waiting` has of each service what is to be decided."""
        lines = [
            f"{service}: {'; '.join(each.because)}. Decide: goodstanding {each.group} accept {service}"
            for service, each in waiting.items()
        ]
        # Nobody compares Kafka with Postgres while the time is not known.
        is_clock = any(each.group == "clock" for each in waiting.values())
        why = "the clock has jumped by more than a month" if is_clock else "Kafka and Postgres disagree"
        told = f"Everything runs, but {why}: these services stand still until you decide."
        super().__init__("\n".join([told, *lines]))


class Stack:
    """The platform in one directory. All methods block."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._directory = home / _BELOW_HOME
        self._given = given_addresses()

    @classmethod
    def default(cls) -> Stack:
        """The stack of this checkout, or that in GOODSTANDING_HOME."""
        return cls(default_home())

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever set up here."""
        return not self._directory.exists() and not (self.home / "stack.json").exists()

    @property
    def uses_given_servers(self) -> bool:
        """Whether the environment names the servers, so that neither they nor the services are this directory's."""
        return self._given is not None

    @property
    def settings(self) -> FixedSettings | None:
        """Those of the deployment here, or of the one that the environment describes; None where there is neither."""
        return read_settings(self._directory) or (FixedSettings.new() if "GOODSTANDING_KEY" in os.environ else None)

    @property
    def deployment(self) -> Deployment:
        """The deployment whose servers are running. Raises UserError or ServersError when there is none."""
        deployment = Deployment.open(self._directory, self._given or Servers(self.home).addresses)
        if deployment is None:
            raise UserError("Nothing is set up here yet.", "Start it: goodstanding local up")
        return deployment

    def up(
        self,
        say: Say,
        new: FixedSettings,
        first_instant: datetime | None = None,
        cadence: Literal["policy", "continuous"] | None = None,
        *,
        secured: bool | None = None,
        brokers: int | None = None,
        portal: bool = False,
    ) -> Deployment:
        """Have everything run. A deployment that exists keeps its settings, except for the cadence if one is given; a
        new deployment gets the `new` ones."""
        partners()  # A file that cannot be a partner's is an error before anything is started.
        if not self._given:
            say("Starting Kafka and Postgres")
        addresses = self._given or self._servers_up(secured, brokers)
        # Two at once would make two deployments with a key each, and two processes of each service.
        with one_at_a_time(self.home):
            deployment = Deployment.open(self._directory, addresses)
            settings = deployment.settings if deployment else new
            if portal:
                settings = settings.with_portal()
            if cadence:
                settings = msgspec.structs.replace(settings, cadence=cadence)
            if deployment is None or settings != deployment.settings:
                deployment = Deployment.create(self._directory, addresses, settings)
            start(deployment, say, attached=False, first_instant=first_instant)
        return deployment

    def _servers_up(self, secured: bool | None, brokers: int | None) -> Addresses:
        servers = Servers(self.home)
        if brokers is not None and servers.brokers not in (None, brokers):
            raise UserError(
                f"The brokers of this platform were {servers.brokers} when it was set up, and stay so many.",
                "Set up another one: GOODSTANDING_HOME=... goodstanding local up, or begin again with an empty one: "
                "goodstanding local down --delete",
            )
        if secured is not None and servers.secured not in (None, secured):
            raise UserError(
                f"This platform was set up {'with' if servers.secured else 'without'} --secure, and stays so.",
                "Set up another one: GOODSTANDING_HOME=... goodstanding local up, or begin again with an empty one: "
                "goodstanding local down --delete",
            )
        return servers.up(secured=bool(secured), brokers=brokers or 1)

    def down(self, *, delete: bool = False) -> None:
        """End services and servers; with `delete`, remove their data, secrets and logs as well."""
        stop(self.processes)
        if not self._given:
            Servers(self.home).stop()
        if delete:
            shutil.rmtree(self.home if not self._given else self._directory, ignore_errors=True)

    def status(self) -> list[Part]:
        """Every server and service as it is now; one that does not answer takes some seconds."""
        local = Servers(self.home)
        servers = [] if self._given else local.status()
        # A service finds out some seconds later than we that a server has gone, and says that it is ready until then.
        # Of several brokers one may be away.
        gone = [server.name for server in servers if server.state != "up" and len(servers) == len(NAMES)]
        return [
            *(Part(s.name, _shown(s.address), s.pid, _TROUBLES[s.state], local.log(s.name)) for s in servers),
            *(Part(p.name, p.http, p.pid, p.trouble() or _without(p.service, gone), p.log) for p in self.processes),
        ]

    @property
    def processes(self) -> list[ServiceProcess]:
        """The processes of `up`, whoever started them; they can be looked at and stopped."""
        settings = read_settings(self._directory)
        return [ServiceProcess(self._directory, service) for service in (settings.services if settings else SERVICES)]

    @property
    def runs_services(self) -> bool:
        """Whether the services are processes of this directory. Of servers that the environment names they may be run
        elsewhere, in containers."""
        return not self.uses_given_servers or any(each.was_started for each in self.processes)


def given_addresses() -> Addresses | None:
    """The servers that the environment names, which take precedence over the local ones; None when it names none."""
    kafka, postgres = os.environ.get("GOODSTANDING_KAFKA"), os.environ.get(_POSTGRES)
    apart = {service: dsn for service in (*STATEFUL, PORTAL) if (dsn := os.environ.get(_postgres_variable(service)))}
    if kafka and postgres:
        return Addresses(kafka, postgres, given_connection(), postgres_apart=apart)
    if apart and not postgres:
        first = _postgres_variable(next(iter(apart)))
        raise UserError(
            f"{first} is set, and {_POSTGRES} is not.", f"Set {_POSTGRES}, the server of all other services."
        )
    if kafka or postgres:
        raise UserError("Only one of GOODSTANDING_KAFKA and GOODSTANDING_POSTGRES is set.", "Set both or neither.")
    return None


def _postgres_variable(service: str) -> str:
    return f"{_POSTGRES}_{service.upper()}"


def given_connection() -> KafkaConnection:
    """How the environment says that Kafka is reached (GOODSTANDING_KAFKA and those that begin so). Raises UserError."""
    try:
        return from_environment(KafkaSettings).connection
    except SettingsError as error:
        raise UserError(str(error)) from None


def reached() -> tuple[Kafka, Deployment | None]:
    """Kafka and the deployment; a partner or subscriber who is somewhere else has the address only."""
    if os.environ.get("GOODSTANDING_KAFKA") and not os.environ.get("GOODSTANDING_POSTGRES"):
        return given_connection(), None
    deployment = Stack.default().deployment
    return deployment.kafka, deployment


@contextlib.contextmanager
def passing(
    say: Say, given: Addresses | None, settings: FixedSettings, first_instant: datetime | None = None
) -> Iterator[tuple[Deployment, list[ServiceProcess]]]:
    """The platform for the duration of the block, on the given servers or on servers of its own.

    It ends with the block, or with this program, however that ends. Nothing is left of its own servers.
    """
    partners()  # As in `up`.
    with contextlib.ExitStack() as ending:
        if given is None:
            say("Starting Kafka and Postgres")
            servers = ending.enter_context(Servers.ephemeral())
            home, addresses = servers.home, servers.addresses
        else:
            home, addresses = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="goodstanding-"))), given
        deployment = Deployment.create(home / _BELOW_HOME, addresses, settings)
        processes = start(deployment, say, attached=True, first_instant=first_instant)
        ending.callback(stop, processes)
        yield deployment, processes


def start(
    deployment: Deployment, say: Say, *, attached: bool, first_instant: datetime | None = None
) -> list[ServiceProcess]:
    """Make schemas and topics, start the services that do not run, and return when all are ready.

    A stepped clock starts at `first_instant`, before which no service can be ready. Raises UserError, with everything
    stopped again that this call has started; but UndecidedError leaves running what is not attached.
    """
    say("Making schemas and topics")
    asyncio.run(_prepare(deployment, first_instant))
    say(f"Starting {', '.join(deployment.settings.services)}")
    deployment.prepare_policies()
    processes = [deployment.process(service) for service in deployment.settings.services]
    for silent in [each for each in processes if each.is_silent]:
        say(f"Ending {silent.name}, which does not answer")
        silent.kill()
    started = [each for each in processes if not each.alive]
    try:
        for each in started:
            each.start(attached=attached)
        since = time.monotonic()
        waiting = {each.service: told for each in processes if (told := each.wait_ready_or_undecided(since))}
        if waiting:
            raise UndecidedError(waiting)
    except UndecidedError:
        if attached:
            stop(started)
        raise
    except BaseException:
        stop(started)
        raise
    return processes


async def _prepare(deployment: Deployment, first_instant: datetime | None) -> None:
    await deployment.migrate()
    await deployment.ensure_users()
    report = await deployment.ensure_topics()
    for difference in report.faults:
        raise UserError(
            f"Topic {difference.topic}: {difference.setting} is {difference.found}, not {difference.expected}.",
            difference.remedy,
        )
    if first_instant is not None:
        await deployment.set_clock(first_instant)
    if deployment.settings.clock == "loading":
        await deployment.resume_loading()


def stop(processes: Sequence[ServiceProcess]) -> None:
    """End them side by side, so that several long drains take as long as one."""
    with ThreadPoolExecutor(max(len(processes), 1)) as pool:
        list(pool.map(ServiceProcess.stop, processes))


def _without(service: str, gone: Sequence[str]) -> str | None:
    """What a service must be waiting for, though it does not say so yet."""
    needed = [server for server in gone if server == "kafka" or service in STATEFUL]
    return f"waits for {needed[0]}" if needed else None


def _shown(address: str | None) -> str | None:
    """An address as it may be shown: without the login of a DSN."""
    return address.rpartition("@")[2].partition("/")[0] if address else None
