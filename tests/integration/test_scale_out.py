"""Processes of the scorer join and leave under load: the shards are shared, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Sequence
from pathlib import Path

from shared.contracts.topics import NORMALIZED, SCORES_CHANGED, group_of, raw_topic
from tests.faults.checker import check_scores, places_of
from tests.faults.cluster import Cluster, Feeder, running
from tests.faults.events import PARTNERS, ZONE, Message, draw
from tests.faults.policy import scorecard
from tests.support.oracle.scores import expect

_BURST, _PACE_S = 25, 0.5
_KEY = b"scale out: 32 bytes and a little"


async def test_a_second_and_a_third_process_join_and_leave(tmp_path: Path) -> None:
    stretch, *_ = draw(11, people=120, messages=3_000, key=_KEY)
    async with running(tmp_path / "deployment", key=_KEY, now=stretch.instant) as cluster:
        feeder = Feeder(cluster.kafka)
        await cluster.start("ingest-1", "scorer-1")
        await cluster.until_run_done()
        await shared(cluster, {"scorer-1": 6})
        done = asyncio.Event()
        load = asyncio.create_task(_load(feeder, stretch.messages, done))
        await cluster.start("scorer-2")
        await shared(cluster, {"scorer-1": 3, "scorer-2": 3})
        await cluster.start("scorer-3")
        await shared(cluster, {"scorer-1": 2, "scorer-2": 2, "scorer-3": 2})
        await cluster.stop("scorer-1")
        await shared(cluster, {"scorer-2": 3, "scorer-3": 3})
        await cluster.stop("scorer-3")
        await shared(cluster, {"scorer-2": 6})
        assert not load.done(), "all of that happened under load"
        done.set()
        await load
        await cluster.until_drained()
        expected = expect([stretch.phase], scorecard(), ZONE)
        _, violations = places_of(stretch.messages, await cluster.read(*map(raw_topic, PARTNERS)))
        violations += check_scores(await cluster.read(SCORES_CHANGED), expected.results)
        assert violations == []
        await cluster.until(lambda: _shows_no_lag(cluster), "the group shows that nothing waits")


async def _shows_no_lag(cluster: Cluster) -> bool:
    """What programs see that look at the lag of a group, though the scorer itself never reads it there."""
    shown = await cluster.offsets.committed(group_of("scorer"))
    ends = await cluster.offsets.ends([NORMALIZED])
    return all(shown.get(partition) == end for partition, end in ends.items())


async def _load(feeder: Feeder, messages: Sequence[Message], done: asyncio.Event) -> None:
    """Send at a pace that lasts for a minute, and once all is done the rest at once."""
    for at in range(0, len(messages), _BURST):
        await feeder.send(messages[at : at + _BURST], spread_s=0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PACE_S):
                await done.wait()


async def shared(cluster: Cluster, wanted: dict[str, int]) -> None:
    """Wait until each process says that it works on so many shards."""

    async def so() -> bool:
        found = {name: await asyncio.to_thread(_shards, cluster, name) for name in wanted}
        return found == wanted

    await cluster.until(so, f"shards shared as {wanted}")
    await cluster.until_ready(*wanted)


def _shards(cluster: Cluster, name: str) -> int | None:
    if (address := cluster.processes[name].http) is None:
        return None
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/metrics")
        for line in connection.getresponse().read().decode().splitlines():
            if line.startswith("goodstanding_shards_owned "):
                return int(float(line.split()[1]))
    finally:
        connection.close()
    return None
