"""The platform in containers, as a project of its own, for the tests of `make test-compose`."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.servers import Addresses
from shared.kafka.connection import KafkaConnection
from shared.settings import ROOT

PROFILES = ("cli", "demo", "observability")
IMAGE = "goodstanding:test"
PATIENCE_S = 180.0
_LOOK_EVERY_S = 0.25
_COMMAND_TIMEOUT_S = 600
_OPERATOR = "/var/lib/goodstanding"


def run(argv: Sequence[str], environment: Mapping[str, str], given: bytes = b"", *, check: bool = True) -> bytes:
    """What the command says on standard output. Fails with all that it said."""
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, input=given, capture_output=True, timeout=_COMMAND_TIMEOUT_S, check=False
    )
    if check and done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}:\n{said[-4_000:]}")
    return done.stdout


def left_out() -> set[str]:
    """Services that this machine cannot have the image of; said in GOODSTANDING_COMPOSE_WITHOUT, and by every run."""
    return set(os.environ.get("GOODSTANDING_COMPOSE_WITHOUT", "").split())


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience_s, f"not within {patience_s:.0f} s: {what}"
        time.sleep(_LOOK_EVERY_S)  # what is awaited lies in a container, which has to be asked
    return time.monotonic() - began


def _free_ports(names: Sequence[str]) -> dict[str, int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {name: each.getsockname()[1] for name, each in zip(names, sockets, strict=True)}


@dataclass(frozen=True)
class Compose:
    """One project. Calling it runs `docker compose` with the words given."""

    project: str = field(default_factory=lambda: f"goodstanding-test-{uuid.uuid4().hex[:8]}")
    ports: Mapping[str, int] = field(
        default_factory=lambda: _free_ports(["KAFKA", "POSTGRES", "PORTAL", "PROMETHEUS", "ALERTMANAGER", "GRAFANA"])
    )

    @cached_property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
        ports = {f"GOODSTANDING_{name}_PORT": str(port) for name, port in self.ports.items()}
        return {**inherited, **ports, "COMPOSE_PROJECT_NAME": self.project, "GOODSTANDING_IMAGE": IMAGE}

    def __call__(self, *words: str, given: bytes = b"", check: bool = True) -> str:
        profiles = [word for profile in PROFILES for word in ("--profile", profile)]
        return run(["docker", "compose", *profiles, *words], self.environment, given, check=check).decode()

    def docker(self, *words: str) -> str:
        return run(["docker", *words], self.environment).decode()

    def up(self, *services: str) -> float:
        """Seconds until all of them, and what they need, are healthy."""
        began = time.monotonic()
        self("up", "--detach", "--wait", "--no-recreate", *services)
        return time.monotonic() - began

    def down(self) -> None:
        self("down", "--volumes", "--remove-orphans", "--timeout", "5")

    def down_keeping(self, volume: str) -> None:
        """All containers are gone, and all volumes but this one."""
        self("down", "--timeout", "5")
        mine = self.docker("volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        self.docker("volume", "rm", *({*mine.split()} - {f"{self.project}_{volume}"}))

    def left(self) -> list[str]:
        """Containers, volumes and networks of the project."""
        mine = ("--filter", f"label=com.docker.compose.project={self.project}", "--quiet")
        listings = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for words in listings for line in self.docker(*words, *mine).split()]

    def services(self) -> list[str]:
        """All that run until they are stopped, but for those that are left out."""
        named = json.loads(self("config", "--format", "json"))["services"]
        return [name for name, each in named.items() if each.get("restart") != "no" and name not in left_out()]

    def states(self) -> dict[str, list[str]]:
        """Of each service's containers: their health, else whether they run."""
        found: dict[str, list[str]] = {}
        for line in self("ps", "--all", "--format", "json").splitlines():
            container = json.loads(line)
            found.setdefault(container["Service"], []).append(container["Health"] or container["State"])
        return found

    def until_healthy(self, *services: str) -> float:
        def healthy() -> bool:
            states = self.states()
            return all({*states.get(name, ["gone"])} <= {"healthy"} for name in services)

        return until(healthy, f"{', '.join(services)} healthy")

    def python(self, service: str, code: str, *, number: int = 1) -> str:
        """Run the code with the container's own Python."""
        return self("exec", "--no-TTY", "--index", str(number), service, "python", "-c", code)

    def page(self, service: str, path: str, *, number: int = 1) -> str:
        """A page of the service, whatever its status."""
        code = (
            "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=5);"
            f" c.request('GET', {path!r}); print(c.getresponse().read().decode())"
        )
        return self.python(service, code, number=number)

    def trouble(self, service: str) -> str | None:
        """Why the service is not ready, by itself."""
        answer: dict[str, Any] = json.loads(self.page(service, "/health/ready"))
        return None if answer["ready"] else str(answer)

    def kill_process(self, service: str, *, number: int = 1) -> None:
        """SIGKILL to what the container's init runs. A `docker kill` would be an order to stay away."""
        code = (
            "import os, pathlib; [os.kill(int(p.parent.name), 9) for p in pathlib.Path('/proc').glob('[0-9]*/stat')"
            " if p.read_text().rpartition(')')[2].split()[1] == '1']"
        )
        # The container ends, and with it what was run in it to end it.
        self("exec", "--no-TTY", "--index", str(number), service, "python", "-c", code, check=False)

    def operator_file(self, path: str) -> bytes:
        return self._file("cli", path)

    def kafka_secrets(self) -> dict[str, bytes]:
        """Of every user of Kafka, the file that it has."""
        look = "for file in services/kafka-users/*; do echo $file; base64 -w 0 $file; echo; done"
        words = self("run", "--rm", "--no-TTY", "--entrypoint", "sh", "administrator", "-c", look).split()
        return {Path(name).name: base64.b64decode(each) for name, each in zip(words[::2], words[1::2], strict=True)}

    def _file(self, service: str, path: str) -> bytes:
        return self("run", "--rm", "--no-TTY", "--entrypoint", "cat", service, f"{_OPERATOR}/{path}").encode()

    def deployment(self, place: Path) -> Deployment:
        """With its secrets, and the addresses as programs on this machine reach them, both servers as administrator."""
        (place / "deployment.json").write_bytes(self.operator_file("services/deployment.json"))
        fields = [line.split(":") for line in self.operator_file("pgpass").decode().splitlines()]
        [password] = [password for *_, role, password in fields if role == "postgres"]
        postgres = f"postgres://postgres:{password}@127.0.0.1:{self.ports['POSTGRES']}/goodstanding"
        kafka = self.login(place, "administrator")
        found = Deployment.open(place, Addresses(kafka=kafka.bootstrap, postgres=postgres, login=kafka))
        assert found
        return found

    def login(self, place: Path, user: str) -> KafkaConnection:
        """How this user of Kafka gets in from this machine; its files are put into the place."""
        ca, password = place / "ca.pem", place / user
        ca.write_bytes(self.operator_file("ca.pem"))
        password.write_bytes(self._file("administrator", f"services/kafka-users/{user}"))
        address = f"localhost:{self.ports['KAFKA']}"
        return KafkaConnection(address, "SASL_SSL", user=user, password_file=password, ca_file=ca)


@dataclass(frozen=True)
class Platform:
    """The whole of it, running."""

    compose: Compose
    deployment: Deployment
    up_s: float


@contextlib.contextmanager
def project() -> Iterator[Compose]:
    """A project with nothing in it; afterwards nothing of it is left, which is looked at."""
    compose = Compose()
    try:
        yield compose
    finally:
        compose.down()
    assert compose.left() == []


@contextlib.contextmanager
def platform(place: Path) -> Iterator[Platform]:
    """Built and brought up with every profile, from nothing."""
    with project() as compose:
        began = time.monotonic()
        compose("up", "--build", "--detach", "--wait", *compose.services())
        up_s = time.monotonic() - began
        yield Platform(compose, compose.deployment(place), up_s)
