"""Real processes of the services, as the demo, `local up` and the tests start them."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from goodstanding.errors import UserError
from goodstanding.platform.private_file import write_private
from goodstanding.platform.servers import process
from goodstanding.platform.servers.process import Command, Process
from shared.contracts.topics import PORTAL

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
"""A service drains for at most 25 s of its own; what is then left is cut off, which it survives."""
_POLL_S = 0.05
_ANSWER_TIMEOUT_S = 2.0
_SILENT_S = 10.0
"""A process that has not answered for so long is no longer waited for, just as with the servers."""
_WORD_TAKEN_UP_S = 5.0
"""A shard looks every two seconds whether the operator has decided."""
_DOES_NOT_ANSWER = "does not answer"
_EXECUTE = Path(__file__).with_name("execute.py")


class _Started(msgspec.Struct, frozen=True):
    """Written down, so that another program finds the process: which it is, and where its part of the log begins."""

    process: Process
    log_start: int
    files: dict[str, str] = {}
    """What `files` said of each when the process was started."""


class KeptUp(NamedTuple):
    """By file, the name of the content that a process works by, of those that it reads again when they change; and a
    sentence for each that it does not use as it lies there."""

    files: Mapping[str, str]
    remarks: Sequence[str]


class Undecided(NamedTuple):
    """What the operator has to decide before a process can be ready, in a few words each, and the group of commands
    that do so: `goodstanding <group> accept <service>`."""

    because: Sequence[str]
    group: str


class ServiceProcess:
    """One process of a service, whose name is unique in the directory. All methods block.

    Any program may make this object for a process that another one has started: the directory has all that is needed
    to find it. The environment is needed only to start it. Its log is `<name>.log` there, one JSON object a line.
    """

    def __init__(
        self,
        directory: Path,
        service: str,
        *,
        environment: Mapping[str, str] | None = None,
        name: str = "",
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`files` has a short name for the content of each file that the service reads at its start, so that it can be
        seen later whether one was edited."""
        self.service = service
        self.name = name or service
        self.log = directory / f"{self.name}.log"
        self._directory, self._environment, self._files = directory, environment or {}, files or {}
        self._written = directory / f"{self.name}.process.json"

    def start(self, *, attached: bool = True) -> None:
        """Start it in a session of its own. An attached one is killed when this program has ended, however it ended."""
        if self.alive:
            raise UserError(f"{self.name} is running already.")
        environment = self.log.with_suffix(".environment.json")
        write_private(environment, msgspec.json.encode({**_bytecode(), **self._environment}))
        log_start = self.log.stat().st_size if self.log.exists() else 0
        argv = [sys.executable, "-I", "-S", str(_EXECUTE), str(environment), module_of(self.service)]
        started = process.spawn(Command(argv, self._directory, self.log), attached=attached)
        write_private(self._written, msgspec.json.encode(_Started(started, log_start, dict(self._files))))

    def stop(self) -> None:
        """SIGTERM, so that it finishes its step; SIGKILL if that takes too long. Does nothing if it has ended."""
        if started := self._read():
            process.resume(started.process)
            process.send(started.process, signal.SIGTERM)
            if not process.wait_gone(started.process, STOP_TIMEOUT_S):
                process.kill(started.process)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if started := self._read():
            process.kill(started.process)

    def pause(self) -> None:
        """SIGSTOP: it stands still, with its connections and locks."""
        if started := self._read():
            process.pause(started.process)

    def resume(self) -> None:
        """SIGCONT."""
        if started := self._read():
            process.resume(started.process)

    @property
    def alive(self) -> bool:
        started = self._read()
        return started is not None and process.alive(started.process)

    @property
    def was_started(self) -> bool:
        """Whether it has ever run here."""
        return self._written.exists()

    @property
    def pid(self) -> int | None:
        """Its number while it lives."""
        started = self._read()
        return started.process.pid if started and process.alive(started.process) else None

    @property
    def files(self) -> Mapping[str, str]:
        """The names of the contents that the running process read at its start, by file; empty when none runs."""
        started = self._read()
        return started.files if started and process.alive(started.process) else {}

    @property
    def http(self) -> str | None:
        """The address of its /metrics and /health, once it listens; None before, and when it is gone."""
        started = self._read()
        if started is None or not process.alive(started.process):
            return None
        for entry in _entries(self.log, started.log_start):
            if entry.get("event") == "listening":
                return f"{entry['host']}:{entry['port']}"
        return None

    @property
    def is_silent(self) -> bool:
        """Whether it lives and answers nobody, as one that was stopped or hangs; it takes some seconds to tell."""
        return self.trouble(_SILENT_S) == _DOES_NOT_ANSWER

    def trouble(self, patience_s: float = _ANSWER_TIMEOUT_S) -> str | None:
        """Why it is not ready, in its own words; None when it is."""
        if not self.alive:
            return "not running"
        address = self.http
        if address is None:
            return "starting"
        answer = _readiness(address, patience_s)
        if answer is None:
            return _DOES_NOT_ANSWER
        status, said = answer
        if status == http.client.OK:
            return None
        return str(said.get("because", f"answers {status}"))

    def kept_up(self) -> KeptUp:
        """What the running process says of the files that it keeps up with, ready or not; nothing when none runs."""
        answer = _readiness(self.http) if self.http else None
        said = answer[1] if answer else {}
        return KeptUp(dict(said.get("files", {})), tuple(said.get("remarks", ())))

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when it is ready. Raises UserError, with the end of its log, if it ends instead or takes too long."""
        deadline = time.monotonic() + timeout_s
        while (trouble := self.trouble()) is not None:
            self._must_go_on(trouble, deadline, timeout_s)

    def wait_ready_or_undecided(self, since: float, timeout_s: float = READY_TIMEOUT_S) -> Undecided | None:
        """Return None when it is ready, or what the operator has to decide before it can be. Raises as `wait_ready`.

        A decision that was given just before takes effect within seconds, so a process is believed to wait for one only
        some seconds after `since` (of time.monotonic).
        """
        deadline = time.monotonic() + timeout_s
        while (trouble := self.trouble()) is not None:
            if time.monotonic() > since + _WORD_TAKEN_UP_S and (undecided := self._undecided()):
                return undecided
            self._must_go_on(trouble, deadline, timeout_s)
        return None

    def _undecided(self) -> Undecided | None:
        answer = _readiness(self.http) if self.http else None
        said = answer[1] if answer else {}
        because = tuple(said.get("waits_for", ()))
        return Undecided(because, said.get("decided_by", "offsets")) if because else None

    def _must_go_on(self, trouble: str, deadline: float, timeout_s: float) -> None:
        """Raises UserError for a process that is not worth waiting for any longer, else waits for a moment."""
        if not self.alive:
            raise UserError(f"{self.name} ended while it was starting.", self.last_words())
        if time.monotonic() > deadline:
            raise UserError(f"{self.name} is not ready after {timeout_s:.0f} s: {trouble}.", self.last_words())
        time.sleep(_POLL_S)  # a process says that it is ready only when it is asked

    def last_words(self, lines: int = 6) -> str:
        """The end of what it has written since its start, for an error message."""
        try:
            text = self._of_this_start().decode(errors="replace")
        except FileNotFoundError:
            return f"There is no log at {self.log}."
        return "\n".join([f"The end of {self.log}:", *text.splitlines()[-lines:]])

    def _of_this_start(self) -> bytes:
        """Its log, without what earlier processes of the name have written."""
        started = self._read()
        with self.log.open("rb") as file:
            file.seek(started.log_start if started else 0)
            return file.read()

    def _read(self) -> _Started | None:
        try:
            return msgspec.json.decode(self._written.read_bytes(), type=_Started)
        except FileNotFoundError:
            return None


def _bytecode() -> dict[str, str]:
    """Where this program keeps what Python compiles, if it was told a place: else each service compiles it again."""
    return {"PYTHONPYCACHEPREFIX": str(Path(sys.pycache_prefix).absolute())} if sys.pycache_prefix else {}


def module_of(service: str) -> str:
    """What Python runs as this service."""
    return "goodstanding.portal.app" if service == PORTAL else f"services.{service}.app"


def _readiness(address: str, patience_s: float = _ANSWER_TIMEOUT_S) -> tuple[int, dict[str, Any]] | None:
    """The status of a process's readiness, and what it says of it; None where nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=patience_s)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    with contextlib.suppress(ValueError):
        said = json.loads(body)
        if isinstance(said, dict):
            return response.status, said
    return response.status, {}


def _entries(log: Path, start: int) -> Iterator[dict[str, object]]:
    """The objects in a log from a position on; lines that are none (a traceback of the interpreter) are passed over."""
    with log.open("rb") as file:
        file.seek(start)
        for line in file:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield entry
