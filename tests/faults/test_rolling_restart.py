"""Every process is restarted in turn, under load: with a name of its own each has its shards again at once."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from shared.contracts.topics import SCORES_CHANGED, SERVICES, raw_topic
from tests.faults.checker import check_scores, places_of
from tests.faults.cluster import Cluster, Feeder, running
from tests.faults.events import PARTNERS, ZONE, draw
from tests.faults.policy import scorecard
from tests.support.oracle.scores import expect

_KEY = b"rolling restart: 32 bytes, a few"
_PAUSE_S_MAX = 5.0
_LOAD_S = 60.0
NAMES = [f"{service}-{number}" for service in SERVICES for number in (1, 2)]


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_a_rolling_restart_loses_nothing_and_moves_no_shard(tmp_path: Path) -> None:
    stretch, *_ = draw(23, people=120, messages=3_000, key=_KEY)
    # As a deployment has it: a process that is away for less keeps its shards.
    settings = {"GOODSTANDING_SESSION_TIMEOUT_MS": "10000"}
    async with running(tmp_path / "deployment", key=_KEY, now=stretch.instant, settings=settings) as cluster:
        for name in NAMES:
            await cluster.start(name, ready=False, settings=_named(name))
        await cluster.until_ready()
        await cluster.until_run_done()
        feeder = Feeder(cluster.kafka)
        load = asyncio.create_task(feeder.send(stretch.messages, spread_s=_LOAD_S, bursts=200))
        assigned = {name: _assignments(cluster, name) for name in NAMES}
        pauses = {}
        for name in NAMES:
            began = time.monotonic()
            await cluster.stop(name)
            await cluster.start(name, settings=_named(name))
            pauses[name] = time.monotonic() - began
        again = {name: _assignments(cluster, name) for name in NAMES}
        print(f"longest pause of a partition: {max(pauses.values()):.1f} s; {pauses}")  # noqa: T201  # what is measured is to be read
        assert again == {name: count + 1 for name, count in assigned.items()}, "each got its own again, once"
        await load
        await cluster.until_drained()
        expected = expect([stretch.phase], scorecard(), ZONE)
        _, violations = places_of(stretch.messages, await cluster.read(*map(raw_topic, PARTNERS)))
        violations += check_scores(await cluster.read(SCORES_CHANGED), expected.results)
        assert violations == []
        assert max(pauses.values()) <= _PAUSE_S_MAX, pauses


def _named(name: str) -> dict[str, str]:
    return {"GOODSTANDING_INSTANCE_ID": name}


def _assignments(cluster: Cluster, name: str) -> int:
    """How often the group has given shards to processes of this name."""
    lines = cluster.processes[name].log.read_text().splitlines()
    return sum(json.loads(line).get("event") == "shards assigned" for line in lines if line.startswith("{"))
