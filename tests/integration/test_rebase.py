"""Services move to another Kafka that has copies of their topics: each goes on by the time of what it had handled."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from goodstanding import rebasing
from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.servers import Addresses, Servers
from goodstanding.reading.offsets import asking
from goodstanding.rebasing import Moved
from shared.contracts.topics import NORMALIZED, SERVICES, topics
from shared.kafka import topic_admin
from tests.faults.cluster import Feeder
from tests.faults.events import PARTNERS
from tests.faults.scenarios import PROCESSES, Story, by_the_system_clock
from tests.integration.told import assert_no_version_goes_back, counted, disagreements, versions_seen
from tests.support.oracle.records import Report

LISTED = Report(
    id="r-1", kind="court.listing", status="reported", began_on=datetime.now(UTC).date() - timedelta(days=90)
)


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with by_the_system_clock(tmp_path / "services") as story:
        yield story


@pytest.fixture
def another() -> Iterator[str]:
    """The address of another Kafka, with the platform's topics and nothing in them."""
    with Servers.ephemeral() as servers:
        asyncio.run(topic_admin.ensure_topics(servers.addresses.kafka, sorted(PARTNERS)))
        yield servers.addresses.kafka


class Mirror:
    """Copies records to the same partition of the same topic, in their order, as MirrorMaker does."""

    def __init__(self, source: str, target: str) -> None:
        self._source, self._target = source, target
        self._copied: dict[TopicPartition, int] = {}

    async def catch_up(self) -> None:
        async with (
            asking(self._source) as offsets,
            AIOKafkaConsumer(bootstrap_servers=self._source, isolation_level="read_committed") as consumer,
            AIOKafkaProducer(bootstrap_servers=self._target, enable_idempotence=True) as producer,
        ):
            ends = await offsets.ends([topic.name for topic in topics(sorted(PARTNERS))])
            consumer.assign(list(ends))
            for tp in ends:
                consumer.seek(tp, self._copied.get(tp, 0))
            waiting = set(ends)
            while waiting := {tp for tp in waiting if await consumer.position(tp) < ends[tp]}:
                for tp, records in (await consumer.getmany(*waiting, timeout_ms=200)).items():
                    for each in records:
                        await producer.send(
                            tp.topic, each.value, key=each.key, partition=tp.partition, headers=list(each.headers)
                        )
            await producer.flush()
            self._copied = ends


def rebase(story: Story, kafka: str, *words: str) -> tuple[int, str]:
    """Exit code and output of the command, on the other Kafka."""
    environment = {
        **os.environ,
        "GOODSTANDING_HOME": str(story.cluster.deployment.directory.parent),
        "GOODSTANDING_KAFKA": kafka,
        "GOODSTANDING_POSTGRES": story.cluster.deployment.addresses.postgres,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "goodstanding.cli", "offsets", "rebase", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def planned(deployment: Deployment, since: datetime) -> list[Moved]:
    return [
        moved for service in SERVICES for moved in await rebasing.plan(deployment, service, since, again=timedelta(0))
    ]


async def test_services_go_on_in_another_kafka_and_nothing_is_lost_or_counted_twice(story: Story, another: str) -> None:
    mirror = Mirror(story.kafka, another)
    old = story.cluster.deployment
    moved_to = replace(old, addresses=Addresses(another, old.addresses.postgres))
    story.new_person()
    await story.tell()
    erased = await story.ask(ask="erase")
    await story.until_receipt(erased)
    story.new_person()
    await story.tell(days_late=9)
    await story.tell()
    await story.report(LISTED)
    await story.handled()
    await mirror.catch_up()
    await story.tell()
    await story.tell()
    await story.handled()
    with pytest.raises(UserError, match="scorer runs"):
        await rebasing.plan(moved_to, "scorer", None)

    for name in PROCESSES:
        await story.cluster.stop(name)
    since = datetime.now(UTC)
    # Nobody reads these on the old Kafka any more.
    await story.tell()
    await story.tell()
    await mirror.catch_up()
    with pytest.raises(UserError, match="does not know how far ingest has read"):
        await rebasing.plan(moved_to, "ingest", None)
    code, told = await asyncio.to_thread(rebase, story, another, "--since", since.isoformat())
    assert code == 1, told
    assert "scorer: behavior.normalized is read since" in told
    assert "Nothing was done yet" in told

    moved = await planned(moved_to, since)
    skipped = sum(p.offset - p.now.first for m in moved for p in m.places if p.topic == NORMALIZED)
    assert skipped >= 3, "what was copied before the last record was handled is not read again"
    await rebasing.carry_out(moved_to, moved)
    assert await planned(moved_to, since) == []
    code, told = await asyncio.to_thread(rebase, story, another, "--since", since.isoformat(), "--yes")
    assert (code, "nothing is to be rebased" in told) == (0, True), told

    async with AsyncExitStack() as ends:
        offsets = await ends.enter_async_context(asking(another))
        story.cluster = replace(story.cluster, deployment=moved_to, offsets=offsets, processes={})
        ends.callback(story.cluster.close)
        story._feeder = Feeder(another)
        await story.cluster.start(*PROCESSES)
        await story.tell()
        await story.handled()
        assert await counted(story) == 7, "each bill of the one person once, and none of the erased one"
        assert await disagreements(story) == []
        assert_no_version_goes_back(await versions_seen(story), {})
