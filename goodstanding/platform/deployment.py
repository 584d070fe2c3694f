"""One deployment on this machine, and what each service's process gets of its settings and secrets.

This is the only place that knows how addresses, passwords and the deployment key become environments. The demo,
`local up`, `run` and the tests all come through here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec

from goodstanding.errors import UserError
from goodstanding.platform import files_at_start, kept_kinds
from goodstanding.platform.fixed_settings import FILE, STATEFUL, FixedSettings, read_settings
from goodstanding.platform.kafka_users import KafkaUsers, users_of
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import Addresses
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.reading.topic import last_value
from services.ingest.core.plausibility import LIFETIME_YEARS
from shared import postgres
from shared.clock import PAST_IS_CLOSED, set_stepped_clock
from shared.contracts import zones
from shared.contracts.months import month_start
from shared.contracts.rights import MONITOR, OPERATOR, SUBSCRIBER, principal_of
from shared.contracts.topics import CLOCK_TOPIC, PORTAL
from shared.kafka import clients, topic_admin
from shared.kafka.connection import Kafka, KafkaConnection, connection_of
from shared.layout import PARTITIONS, PARTITIONS_VARIABLE, PREFIX, PREFIX_VARIABLE
from shared.partner_files import partner_names
from shared.runner import past, store
from shared.runner.past import Past
from shared.runner.store import MIGRATIONS as RUNNER_MIGRATIONS
from shared.settings import ROOT, partners_here, policies_here

_GO_LIVE = "Finish it: goodstanding go-live"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A directory with the settings, logs and processes of a deployment, and the servers that it uses."""

    directory: Path
    addresses: Addresses
    settings: FixedSettings

    @classmethod
    def create(cls, directory: Path, addresses: Addresses, settings: FixedSettings) -> Deployment:
        """Write a new deployment down, in a directory that has none."""
        directory.mkdir(parents=True, exist_ok=True)
        write_private(directory / FILE, msgspec.json.format(msgspec.json.encode(settings)))
        return cls(directory, addresses, settings)

    @classmethod
    def open(cls, directory: Path, addresses: Addresses) -> Deployment | None:
        """The deployment that was written down in the directory, or None. Raises UserError where this process was told
        of another layout on Kafka than it was set up with."""
        settings = read_settings(directory)
        if settings:
            _check(PREFIX_VARIABLE, settings.kafka_prefix, PREFIX)
            _check(PARTITIONS_VARIABLE, str(settings.partitions), str(PARTITIONS))
        return cls(directory, addresses, settings) if settings else None

    @property
    def policies(self) -> Path:
        """The directory that the services read their policies from."""
        return self.directory / "policies" if self._has_own_policies else policies_here()

    @property
    def _has_own_policies(self) -> bool:
        return self.settings.cadence != "policy" or self.settings.scorecard is not None

    def prepare_policies(self) -> None:
        """Write the policies that this deployment uses in place of the shipped ones. Called before services start.

        Raises UserError for policies that what is stored does not allow.
        """
        kept_kinds.keep(self.directory, policies_here())
        if self._has_own_policies:
            scorecard = Path(self.settings.scorecard) if self.settings.scorecard else None
            files_at_start.write_copy(policies_here(), self.policies, scorecard)
        if self.settings.cadence == "continuous":
            files_at_start.make_continuous(self.policies)

    def files(self, service: str) -> dict[str, str]:
        """For each file that the service reads at its start, a short name of its content."""
        found = files_at_start.names(service, policies_here(), partners_here(), self.settings.retention_profile)
        if service == "scorer" and self.settings.cadence == "continuous":
            found = {file: f"{name}, continuous" for file, name in found.items()}
        return found

    @property
    def kafka(self) -> Kafka:
        """How the operator reaches Kafka."""
        return self.kafka_as(OPERATOR)

    def kafka_as(self, user: str) -> Kafka:
        """How this service, operator or subscriber reaches Kafka, or a partner by the name `partner-<name>`;
        where the deployment makes no users, everybody is whoever runs it."""
        users = self.kafka_users
        return users.connection(principal_of(user)) if users else self.addresses.login

    @property
    def kafka_users(self) -> KafkaUsers | None:
        """None where Kafka asks nobody who they are, or somebody else makes its users."""
        return users_of(self.directory, self.addresses.login) if self.addresses.has_users else None

    def dsn(self, service: str) -> str:
        """How the service's own role reaches its schema; it may see nothing else."""
        server = urlsplit(self.addresses.postgres_of(service))
        host = server.netloc.rpartition("@")[2]
        login = f"{service}:{quote(self.settings.passwords[service], safe='')}"
        return urlunsplit(server._replace(netloc=f"{login}@{host}"))

    def environment(self, service: str) -> Mapping[str, str]:
        """The whole environment of the service's process."""
        common = {
            **connection_of(self.kafka_as(service)).environment(),
            "GOODSTANDING_ZONE": self.settings.zone,
            "GOODSTANDING_CURRENCY": self.settings.currency,
            "GOODSTANDING_CLOCK": self.settings.clock,
            "GOODSTANDING_RETENTION_PROFILE": self.settings.retention_profile,
        }
        if self.settings.kafka_prefix:
            common[PREFIX_VARIABLE] = self.settings.kafka_prefix
        common[PARTITIONS_VARIABLE] = str(self.settings.partitions)
        if self.policies != ROOT / "policies":
            common["GOODSTANDING_POLICIES"] = str(self.policies.absolute())
        if partners_here() != ROOT / "partners":
            common["GOODSTANDING_PARTNERS"] = str(partners_here().absolute())
        if self.settings.clock != "system":
            # The years of a demo or of an import are one fetch after another; with 20 ms for each they take half the
            # time.
            common["GOODSTANDING_FETCH_MAX_WAIT_MS"] = "20"
        if service == "scorer" and self.settings.clock == "loading" and self.settings.past_scores == "last":
            common["GOODSTANDING_SILENT"] = "true"
        if service == "scorer" and self.settings.backfill:
            common["GOODSTANDING_BACKFILL"] = self.settings.backfill
        if service in self.settings.stateful:
            common["GOODSTANDING_POSTGRES"] = self.dsn(service)
            common["GOODSTANDING_FINGERPRINT_KEY"] = self.settings.fingerprint_key
            if self.settings.portal_key:
                common["GOODSTANDING_PORTAL"] = "true"
        if service == PORTAL and self.settings.portal_key:
            common["GOODSTANDING_PORTAL_KEY"] = self.settings.portal_key
            common["GOODSTANDING_PORTAL_PORT"] = str(self.settings.portal_port)
        if service in ("ingest", PORTAL):
            common["GOODSTANDING_IDENTITY_SCHEME"] = self.settings.identity_scheme
        if service == "ingest":
            common["GOODSTANDING_KEY"] = self.settings.key
        return common

    @property
    def portal_url(self) -> str:
        """How browsers reach the portal: as its own setting says, where this command is told it too."""
        return os.environ.get("GOODSTANDING_PORTAL_URL") or f"http://127.0.0.1:{self.settings.portal_port}"

    def process(self, service: str, *, name: str = "", settings: Mapping[str, str] | None = None) -> ServiceProcess:
        """A process of the service, not started; by `name`, if there is to be more than one. `settings` are further
        variables of its environment, such as GOODSTANDING_SESSION_TIMEOUT_MS."""
        environment = {**self.environment(service), **(settings or {})}
        files = self.files(service)
        return ServiceProcess(self.directory, service, environment=environment, name=name, files=files)

    async def migrate(self) -> dict[str, list[str]]:
        """Create or refresh roles and schemas, then apply the missing migrations. Returns their names, by service.
        Raises UserError where people are spread over another number of shards already."""
        applied = {}
        for server, services in self.addresses.by_postgres(self.settings.stateful).items():
            await self._provision(server, services)
        for service in self.settings.stateful:
            db = await asyncpg.connect(self.dsn(service))
            try:
                applied[service] = await postgres.migrate(db, migrations(service))
                if not await store.ensure_shards(db, self.settings.partitions):
                    raise UserError(
                        f"{service} has other shards than {PARTITIONS_VARIABLE}={self.settings.partitions} means.",
                        "The number decides where each person is, so it cannot be changed: set the former one.",
                    )
            finally:
                await db.close()
        return applied

    async def _provision(self, server: str, services: Sequence[str]) -> None:
        admin = await asyncpg.connect(server)
        try:
            for service in services:
                await postgres.provision(admin, service, self.settings.passwords[service])
            if MONITOR in self.settings.passwords:
                await postgres.provision_monitor(admin, MONITOR, self.settings.passwords[MONITOR])
        finally:
            await admin.close()

    async def ensure_topics(self, replication_factor: int | None = None) -> topic_admin.TopicReport:
        """Create the topics that are missing, and say which differ from the table, in the number of copies too, which
        is the deployment's own where none is named."""
        kafka = self.addresses.login
        copies = replication_factor or self.settings.replication_factor
        if self.settings.clock != "system":
            await topic_admin.ensure_simulation_topic(kafka, copies)
        return await topic_admin.ensure_topics(kafka, partners(), copies)

    async def ensure_users(self) -> None:
        """Have a user for each service, partner and subscriber, with its rights, where the deployment makes them."""
        if users := self.kafka_users:
            await users.ensure(partners(), [SUBSCRIBER])

    async def ensure_passwords(self, subscribers: Sequence[str]) -> None:
        """Have a user for each service, partner and subscriber. Raises UserError and KafkaError."""
        if not isinstance(self.addresses.login, KafkaConnection):
            raise UserError("This Kafka asks nobody who they are.", "Have it ask: goodstanding local up --secure")
        await users_of(self.directory, self.addresses.login).set_passwords(partners(), subscribers)

    async def now(self) -> datetime:
        """What the deployment's clock shows."""
        if self.settings.clock == "system":
            return datetime.now(UTC)
        shown = await self.led_to()
        if shown is None:
            raise UserError("The clock of this platform was never set.")
        return shown

    async def led_to(self) -> datetime | None:
        """What a clock that is led was set to last; None where it was never set, or is closed, or Kafka has deleted
        it."""
        value = await last_value(self.kafka, CLOCK_TOPIC)
        return None if value in (None, PAST_IS_CLOSED) else datetime.fromisoformat(value.decode())

    async def past(self) -> Past:
        """Whether the past is open. All services with a database say the same, and the last one is asked."""
        db = await asyncpg.connect(self.dsn(STATEFUL[-1]))
        try:
            return await past.past(db)
        finally:
            await db.close()

    async def resume_loading(self) -> None:
        """Have the clock of the loading show something before services start: what it showed last, also where Kafka has
        deleted that since; in the beginning a time before which no event can lie. Raises UserError."""
        if (await self.past()).live_since is not None:
            raise UserError("The past of this platform is closed, and a service must start once more.", _GO_LIVE)
        if await self.led_to() is None:
            await self.set_clock(await self._settled_at() or earliest_event(datetime.now(UTC), self.settings.zone))

    async def _settled_at(self) -> datetime | None:
        """The latest instant of which all is done."""
        db = await asyncpg.connect(self.dsn(STATEFUL[0]))
        try:
            settled: datetime | None = await db.fetchval("select max(settled_at) from shard")
            return settled
        finally:
            await db.close()

    async def set_clock(self, instant: datetime) -> None:
        """Move a stepped clock, before there is a driver for it."""
        producer = clients.producer(self.kafka, acks="all")
        await producer.start()
        try:
            await set_stepped_clock(producer, instant)
        finally:
            await producer.stop()


def earliest_event(now: datetime, zone: str) -> datetime:
    """Before what no event can be meant that arrives from `now` on (rules E15)."""
    year = now.astimezone(zones.zone(zone)).year - LIFETIME_YEARS
    return month_start(year * 12, zones.zone(zone))


def _check(variable: str, set_up: str, here: str) -> None:
    if set_up != here:
        remedy = f"Set it: export {variable}={set_up}" if set_up else f"Unset it: unset {variable}"
        raise UserError(
            f"This platform was set up with {variable}={set_up}, and here it is {here or 'not set'}.", remedy
        )


def migrations(service: str) -> list[Path]:
    """The directories of the service's migrations, in the order in which they are applied."""
    own = ROOT / "goodstanding/portal/feed" if service == PORTAL else ROOT / "services" / service / "storage"
    return [RUNNER_MIGRATIONS, own / "migrations"]


def partners() -> list[str]:
    """The partners that have a mapping file, and so topics. Raises ConfigError for a file with an impossible name."""
    return partner_names(partners_here())
