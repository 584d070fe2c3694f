"""Postgres on a disk that is really full: what grows fails, then the server ends itself; nothing is lost, and with room
all is as before. That each error is told in words is proven by test_runner_poison.py, without a disk."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.faults.cluster import PARTNER, Cluster
from tests.faults.events import PARTNERS
from tests.faults.scenarios import Story, telling
from tests.support.small_disk import fill, small_disk

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]

_MEGABYTES = 256
"""A new server has some 60."""
_PEOPLE_MAX = 2_000


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    partners = dict.fromkeys(PARTNERS, PARTNER)
    async with telling(tmp_path / "deployment", now=datetime.now(UTC), clock="system", partners=partners) as story:
        yield story


@pytest.fixture
def disk(story: Story) -> Iterator[Path]:
    """Postgres, moved to a small disk before anything was written."""
    stack = story.cluster.stack
    data = stack.home / "postgres" / "data"
    stack.kill("postgres")
    mounted = stack.home / "small"
    mounted.mkdir()
    with small_disk(mounted, _MEGABYTES) as disk:
        subprocess.run(["cp", "--archive", str(data), str(disk)], check=True)
        data.rename(data.with_name("data.before"))
        # Only what is below the link may lie there: the server asks for its working directory, and nobody sees that of
        # another namespace by its name.
        data.symlink_to(disk / data.name)
        stack.start("postgres")
        yield disk
        for process in story.cluster.processes.values():
            process.kill()
        stack.stop()


async def test_nothing_is_lost_while_the_disk_of_postgres_is_full(story: Story, disk: Path) -> None:
    await story.start("ingest-1")
    await story.start("scorer-1")
    await story.cluster.until_run_done()
    story.new_person()
    await story.tell(days_late=9)
    await story.handled()

    ballast = fill(disk)
    with pytest.raises(asyncpg.DiskFullError):
        async with story.cluster.database() as db:
            await db.execute("create table filler as select repeat('x', 1000) from generate_series(1, 1000)")
    await _tell_of_new_people_until(story, "the disk of Postgres is full")
    assert all(process.alive for process in story.cluster.processes.values())
    await asyncio.to_thread(ballast.unlink)
    await story.cluster.until_ready()
    assert await story.violations() == []

    ballast = fill(disk)
    await _log_until_it_ends(story.cluster)
    await story.tell()
    await story.until_trouble("scorer-1", "Postgres")
    await asyncio.to_thread(ballast.unlink)
    await asyncio.to_thread(story.cluster.stack.up)
    await story.cluster.until_ready()
    assert await story.violations() == []


async def _tell_of_new_people_until(story: Story, words: str) -> None:
    """Each has a row of its own, so that a table has to grow; its log has room in the file that was begun."""
    for _ in range(_PEOPLE_MAX):
        story.new_person()
        await story.tell()
        if words in (await asyncio.to_thread(story.cluster.processes["scorer-1"].trouble) or ""):
            return
    raise AssertionError(f"nobody says: {words}")


async def _log_until_it_ends(cluster: Cluster) -> None:
    """A server that cannot write its log ends itself: what it had acknowledged could not be kept otherwise."""
    logged = "select pg_logical_emit_message(false, 'filler', repeat('x', 1000000)) from generate_series(1, $1)"
    async with cluster.database() as db:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await db.execute(logged, _MEGABYTES)
