"""The whole platform on servers of its own, with its exporters and Prometheus, for faults to be caused in."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import asyncpg
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.servers.ports import free_ports
from goodstanding.platform.service_process import ServiceProcess
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.partition import partition_of
from shared.contracts.rights import MONITOR
from shared.contracts.times import rfc3339
from shared.contracts.topics import PROCESSES, raw_topic, topics
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator
from shared.settings import ROOT
from tests.alerts import kafka_exporter
from tests.alerts.prometheus import Prometheus
from tests.deploy.compose import until
from tests.faults.cluster import Feeder
from tests.faults.policy import write_policies
from tests.support.oracle.scores import Request

PARTNER = "city"
PEOPLE = 1_200
"""With fewer than a thousand people, no alert looks at their shares."""
NAMES = [f"{service}-{number}" for service in PROCESSES for number in (1, 2)]
"""Of the processes that Prometheus knows of. The first one of each service runs."""
PATIENCE_S, _LOOK_EVERY_S = 180.0, 0.25
HOOKS = str(Path(__file__).with_name("hooks"))
"""For the path of a process that is to have a fault of ours."""

T = TypeVar("T")


class Platform:
    def __init__(self, directory: Path, stack: Servers, deployment: Deployment) -> None:
        self.directory, self.stack, self.deployment = directory, stack, deployment
        """The directory has the policies and the mappings that the services work by."""
        self.run = asyncio.Runner().run
        """One loop for all, so that a connection stays open from one call to the next."""
        self._postgres = deployment.addresses.postgres
        self.ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        self.processes: dict[str, ServiceProcess] = {}
        self.prometheus: Prometheus
        self._exporter: subprocess.Popen[bytes] | None = None
        self._exporter_port, self.kafka_exporter_port = free_ports(2)
        self._sent = 0

    # -- processes -----------------------------------------------------------------------------------------------------

    def start(self, name: str, *, ready: bool = True, **settings: str) -> ServiceProcess:
        """Start a process of a service under its name; `settings` are further variables of its environment."""
        environment = {
            "GOODSTANDING_HTTP_PORT": str(self.ports[name]),
            "GOODSTANDING_POLICIES": str(self.directory / "policies"),
            "GOODSTANDING_PARTNERS": str(self.directory / "partners"),
            "GOODSTANDING_SESSION_TIMEOUT_MS": "6000",
            "GOODSTANDING_PORTAL_WEBHOOKS_PRIVATE": "true",
            **({"GOODSTANDING_PORTAL_PORT": "0"} if name.startswith("portal") else {}),
            **settings,
        }
        process = self.deployment.process(name.rpartition("-")[0], name=name, settings=environment)
        self.processes[name] = process
        process.start()
        if ready:
            process.wait_ready(PATIENCE_S)
        return process

    def stop(self, name: str) -> None:
        self.processes[name].stop()

    def start_all(self) -> None:
        """The first process of each service."""
        for service in PROCESSES:
            self.start(f"{service}-1", ready=False)
        for process in self.processes.values():
            process.wait_ready(PATIENCE_S)

    def restart(self, name: str, *, ready: bool = True, **settings: str) -> None:
        self.stop(name)
        self.start(name, ready=ready, **settings)

    def start_exporter(self) -> None:
        """Postgres'."""
        program = shutil.which("prometheus-postgres-exporter") or shutil.which("postgres_exporter")
        assert program, "Postgres' exporter is needed: install it (Debian: prometheus-postgres-exporter)"
        server = self._postgres.rpartition("@")[2]
        environment = {
            **os.environ,
            "DATA_SOURCE_URI": f"{server}?sslmode=disable",
            "DATA_SOURCE_USER": MONITOR,
            "DATA_SOURCE_PASS": self.deployment.settings.passwords[MONITOR],
        }
        with (self.directory / "exporter.log").open("ab") as log:
            argv = [program, f"--web.listen-address=127.0.0.1:{self._exporter_port}"]
            self._exporter = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def stop_exporter(self) -> None:
        if self._exporter:
            self._exporter.kill()
            self._exporter.wait()

    def close(self) -> None:
        self.stop_exporter()
        for process in self.processes.values():
            process.kill()

    @property
    def targets(self) -> Mapping[str, Sequence[str]]:
        at = "127.0.0.1"
        services = {job: [f"{at}:{self.ports[f'{job}-{number}']}" for number in (1, 2)] for job in PROCESSES}
        exporters = {"kafka": [f"{at}:{self.kafka_exporter_port}"], "postgres": [f"{at}:{self._exporter_port}"]}
        return {**services, **exporters}

    # -- servers -------------------------------------------------------------------------------------------------------

    def asked(self, schema: str, ask: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """As the administrator, in a service's schema."""

        async def connected() -> T:
            db = await asyncpg.connect(self._postgres, server_settings={"search_path": schema})
            try:
                return await ask(db)
            finally:
                await db.close()

        return self.run(connected())

    def sql(self, query: str, *arguments: Any) -> list[Any]:
        """As the administrator, in every schema."""
        return self.asked("public", lambda db: db.fetch(query, *arguments))

    @contextmanager
    def session(self, *queries: str) -> Iterator[None]:
        """A session of the administrator's that has run these statements, and stays open."""

        async def opened() -> asyncpg.Connection:
            db = await asyncpg.connect(self._postgres)
            for query in queries:
                await db.execute(query)
            return db

        db = self.run(opened())
        try:
            yield
        finally:
            self.run(db.close())

    def locked(self, table: str) -> Any:
        """Others may read the table, and wait before they write."""
        return self.session("begin", f"lock table {table} in exclusive mode")

    def configure(self, name: str, **otherwise: str) -> None:
        """A topic's settings, which are those of the table but for these."""
        (topic,) = (each for each in topics([PARTNER]) if each.name == name)
        settings = {**topic.settings(self.deployment.settings.replication_factor), **otherwise}

        async def alter() -> None:
            async with administrator(self.deployment.kafka) as admin:
                await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, settings)])

        self.run(alter())

    # -- what partners send --------------------------------------------------------------------------------------------

    def user_id(self, number: int) -> str:
        return user_id_of(sample_account(number), self.deployment.settings)

    def rides(self, numbers: Sequence[int], *, months_ago: int = 0, **wrong: Any) -> None:
        """A ride of each of these people; `wrong` is what the partner's mapping has no place for."""
        at = datetime.now(UTC) - timedelta(hours=1, days=31 * months_ago)
        ride = {"kind": "transit.fare", "amount": 200, "days_late": 0, **wrong}
        self._send(TYPES[BehaviorEvent], [(number, ride) for number in numbers], at)

    def record(self, number: int, **told: Any) -> None:
        """What the partner says of a negative record."""
        self.records([number], **told)

    def records(self, numbers: Sequence[int], *, at: datetime | None = None, **told: Any) -> None:
        told = {"kind": "hotel.no_show", "amount": 20_000, **told}
        each = [(number, {**told, "report_id": f"r-{number}"}) for number in numbers]
        self._send(TYPES[RecordReport], each, at or datetime.now(UTC) - timedelta(hours=1))

    def _send(self, type: str, said: Sequence[tuple[int, Mapping[str, Any]]], at: datetime) -> None:
        messages = []
        for number, data in said:
            self._sent += 1
            head = {"specversion": "1.0", "id": f"e-{self._sent}", "source": "https://city.example", "type": type}
            event = {**head, "time": rfc3339(at), "subject": sample_account(number), "data": data}
            messages.append((sample_account(number), json.dumps(event).encode()))

        async def send() -> None:
            async with started(self.deployment.kafka) as producer:
                sent = [
                    await producer.send(
                        raw_topic(PARTNER),
                        value,
                        partition=partition_of(key),
                        headers=[("content-type", STRUCTURED.encode())],
                    )
                    for key, value in messages
                ]
                await asyncio.gather(*sent)

        self.run(send())

    # -- what people ask -----------------------------------------------------------------------------------------------

    def ask(self, request: Request, *, sent_at: datetime | None = None) -> None:
        """A topic that keeps its senders' times keeps `sent_at`."""
        self.run(Feeder(self.stack.addresses.kafka).ask([request], datetime.now(UTC), sent_at=sent_at))

    # -- what came of it -----------------------------------------------------------------------------------------------

    def known(self) -> int:
        """How many people have a tier."""
        return int(self.sql("select count(*) from benefits.person")[0][0])

    def silent(self, *alerts: str) -> set[str]:
        """Those of them that do not fire within some minutes; none as soon as all do."""
        missing, give_up = {*alerts}, time.monotonic() + PATIENCE_S
        while missing and time.monotonic() < give_up:
            time.sleep(_LOOK_EVERY_S)  # Prometheus has to be asked
            missing = {*alerts} - self.prometheus.firing()
        return missing

    def until_quiet(self, *alerts: str) -> None:
        until(lambda: not {*alerts} & self.prometheus.firing(), f"{alerts} are quiet", PATIENCE_S)


@contextmanager
def running(directory: Path, *, clock: Literal["system", "stepped"] = "system", brokers: int = 1) -> Iterator[Platform]:
    """With the exporters, topics and tables, and no service yet; all of it ends with the block."""
    with ExitStack() as ends:
        stack = ends.enter_context(Servers.ephemeral(brokers=brokers))
        shutil.copytree(ROOT / "partners", directory / "partners")
        write_policies(directory / "policies")
        settings = FixedSettings.new(clock=clock, replication_factor=str(brokers)).with_portal().with_monitor()
        deployment = Deployment.create(directory, stack.addresses, settings)
        platform = Platform(directory, stack, deployment)
        ends.callback(platform.close)
        platform.run(deployment.ensure_topics())
        platform.run(deployment.migrate())
        platform.start_exporter()
        ends.enter_context(kafka_exporter.running(stack.addresses.kafka, platform.kafka_exporter_port))
        yield platform
