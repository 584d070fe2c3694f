"""Two deployments on one Kafka, with a prefix each: under load neither notices the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from goodstanding.platform.fixed_settings import STATEFUL
from goodstanding.platform.servers import Servers
from shared.contracts.topics import SERVICES
from shared.kafka.topic_admin import administrator
from shared.runner import store
from shared.settings import ROOT

# Two platforms of four services each start here, on a machine that may be busy with other things.
pytestmark = pytest.mark.timeout(600)

PREFIXES = ("eu.", "eu-2.")
_EVENTS = 300


@dataclass(frozen=True)
class Platform:
    prefix: str
    home: Path
    kafka: str
    postgres: str
    partitions: int

    def run(self, *words: str, given: str = "") -> str:
        """What a command says, run as a program of its own: the prefix is read when a program begins."""
        argv = [sys.executable, "-m", "goodstanding.cli", *words]
        done = subprocess.run(
            argv, cwd=ROOT, env=self._environment(), input=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
        return inherited | {
            "GOODSTANDING_HOME": str(self.home),
            "GOODSTANDING_KAFKA": self.kafka,
            "GOODSTANDING_POSTGRES": self.postgres,
            "GOODSTANDING_KAFKA_PREFIX": self.prefix,
            "GOODSTANDING_PARTITIONS": str(self.partitions),
        }

    def people(self) -> set[str]:
        lines = self.run("tail", "scores", "--once", "--json", "--last", "1000").splitlines()
        return {json.loads(line)["user_id"] for line in lines}

    async def claims(self) -> dict[str, int]:
        """How often shards were claimed: once more for each process that has shut another one out."""
        return await self._of_shards("sum(epoch)")

    async def shards(self) -> dict[str, int]:
        return await self._of_shards("count(*)")

    async def _of_shards(self, what: str) -> dict[str, int]:
        db = await asyncpg.connect(self.postgres)
        try:
            return {service: await db.fetchval(f"select {what} from {service}.shard") for service in STATEFUL}
        finally:
            await db.close()


@pytest.fixture(scope="module")
async def another_postgres(postgres_dsn: str) -> AsyncIterator[str]:
    """A new database on the session's server. A whole stack would have a Kafka too, which nobody uses."""
    name = f"prefix_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres_dsn)
    await admin.execute(f"create database {name}")
    yield urlsplit(postgres_dsn)._replace(path=f"/{name}").geturl()
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory, another_postgres: str) -> Iterator[Sequence[Platform]]:
    """One Kafka, and a Postgres for each. The first platform runs before the second one comes."""
    with Servers.ephemeral() as one:
        kafka, databases = one.addresses.kafka, (one.addresses.postgres, another_postgres)
        made = [
            Platform(prefix, tmp_path_factory.mktemp("home"), kafka, postgres, partitions)
            for prefix, postgres, partitions in zip(PREFIXES, databases, (6, 4), strict=True)
        ]
        try:
            yield made
        finally:
            for each in made:
                each.run("local", "down", "--delete")


async def test_under_load_neither_notices_the_other(platforms: Sequence[Platform]) -> None:
    first, second = platforms
    first.run("local", "up", "--continuous")
    events = first.run("partner", "sample", "bank", "--count", str(_EVENTS))
    assert f"{_EVENTS} accepted" in first.run("partner", "send", "bank", "-", given=events)
    alone = first.people()
    claimed = await first.claims()

    second.run("local", "up", "--continuous")
    assert second.people() == set()
    with ThreadPoolExecutor() as pool:
        # The same people and the same ids of events: in the other deployment they are others.
        again = pool.submit(first.run, "partner", "send", "bank", "-", given=events)
        there = pool.submit(second.run, "partner", "send", "bank", "-", given=events)
        assert f"{_EVENTS} repeated" in again.result()
        assert f"{_EVENTS} accepted" in there.result()
    assert first.people() == alone
    assert len(second.people()) == len(alone)
    assert second.people().isdisjoint(alone)
    second.run("local", "down")
    assert await first.claims() == claimed
    assert "agree" in first.run("offsets", "check")


async def test_every_name_on_kafka_begins_with_a_prefix(platforms: Sequence[Platform]) -> None:
    async with administrator(platforms[0].kafka) as admin:
        topics = {name for name in await admin.list_topics() if not name.startswith("__")}
        groups = {group for group, _ in await admin.list_consumer_groups()}
    ours = {prefix: {name.removeprefix(prefix) for name in topics if name.startswith(prefix)} for prefix in PREFIXES}
    assert topics == {prefix + name for prefix, names in ours.items() for name in names}
    assert ours[PREFIXES[0]] == ours[PREFIXES[1]]
    assert groups == {prefix + service for prefix in PREFIXES for service in SERVICES}


async def test_people_are_spread_over_as_many_partitions_as_was_said(platforms: Sequence[Platform]) -> None:
    for each in platforms:
        async with administrator(each.kafka) as admin:
            [described] = await admin.describe_topics([f"{each.prefix}behavior.normalized"])
        assert len(described["partitions"]) == each.partitions
        assert (await each.shards()) == dict.fromkeys(STATEFUL, each.partitions)


async def test_the_number_of_partitions_cannot_be_changed(platforms: Sequence[Platform]) -> None:
    """Neither for who has the deployment's directory, nor for who has its database alone."""
    first = platforms[0]
    with pytest.raises(AssertionError, match="GOODSTANDING_PARTITIONS=6"):
        replace(first, partitions=8).run("topics")
    db = await asyncpg.connect(first.postgres)
    try:
        await db.execute("set search_path to scorer")
        assert await store.ensure_shards(db, 6)
        assert not await store.ensure_shards(db, 8)
    finally:
        await db.close()


def test_a_command_without_the_prefix_says_which_one_is_meant(platforms: Sequence[Platform]) -> None:
    first = platforms[0]
    forgotten = replace(first, prefix="")
    with pytest.raises(AssertionError, match=r"GOODSTANDING_KAFKA_PREFIX=eu\."):
        forgotten.run("tail", "scores", "--once")
