"""A server is away for a minute, or stands still for longer than a call may take: services are back by themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from goodstanding.platform.servers.server import Name
from tests.faults.scenarios import Story, telling

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(400)]

_AWAY_S = 60.0
_STANDING_STILL_S = 70.0
_GROWTH_BYTES_MAX = 20 * 1024 * 1024
_DRAIN_S_MAX = 28.0


@pytest.fixture
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    async with telling(tmp_path_factory.mktemp("outages") / "deployment") as story:
        await story.start("ingest-1")
        await story.start("scorer-1")
        await story.tell(days_late=9)
        await story.handled()
        yield story


def memory(story: Story) -> dict[str, int]:
    return {name: psutil.Process(process.pid).memory_info().rss for name, process in story.cluster.processes.items()}


@pytest.mark.parametrize("name", ["postgres", "kafka"])
async def test_a_server_is_away_for_a_minute(story: Story, name: Name) -> None:
    before = memory(story)
    await asyncio.to_thread(story.cluster.stack.kill, name)
    telling_meanwhile = asyncio.create_task(story.tell())
    await story.until_trouble("scorer-1", name.capitalize())
    await asyncio.sleep(_AWAY_S)  # how long the server is away is what is tried
    grown = {each: now - before[each] for each, now in memory(story).items()}
    assert max(grown.values()) < _GROWTH_BYTES_MAX, grown
    await asyncio.to_thread(story.cluster.stack.start, name)
    await telling_meanwhile
    await story.cluster.until_ready()
    await story.tell()
    assert await story.violations() == []


async def test_postgres_stands_still_for_longer_than_a_statement_may_take(story: Story) -> None:
    story.cluster.stack.pause("postgres")
    await story.tell()
    await story.until_trouble("scorer-1", "Postgres")
    await asyncio.sleep(_STANDING_STILL_S)  # how long the server stands still is what is tried
    await story.until_trouble("scorer-1", "Postgres")
    story.cluster.stack.resume("postgres")
    await story.cluster.until_ready()
    await story.tell()
    assert await story.violations() == []


@pytest.mark.parametrize("name", ["postgres", "kafka"])
async def test_sigterm_ends_a_process_whose_server_stands_still(story: Story, name: Name) -> None:
    story.cluster.stack.pause(name)
    telling_meanwhile = asyncio.create_task(story.tell())
    await story.until_trouble("scorer-1", name.capitalize())
    began = time.monotonic()
    await story.cluster.stop("scorer-1")
    assert time.monotonic() - began < _DRAIN_S_MAX
    story.cluster.stack.resume(name)
    await telling_meanwhile
    await story.start("scorer-1")
    assert await story.violations() == []
