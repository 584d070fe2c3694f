"""Messages of many events over a real Kafka: each event has its own answer, a kill loses and changes none, and what
ingest holds at once is bounded by what comes of the messages, not by their number."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts.identity import sample_account
from shared.contracts.topics import NORMALIZED, raw_topic, rejected_topic
from tests.faults.checker import Seen
from tests.faults.cluster import Cluster, running
from tests.support.batches import batch
from tests.support.unreadable import send_batches

pytestmark = pytest.mark.timeout(300)

_MAPPING = """format = "json"
envelope = "none"
list = "trips"
id = { path = "trips.id", type = "number" }
time = { path = "trips.at", as = "epoch-millis", type = "text" }
subject = "trips.rider"
kind = "trips.what"
skip = ["ping"]
ignore = ["page"]

[[events]]
kinds = { trip = "ride.trip" }
days_late = { fixed = 0 }
"""
_HOSTILE = 7
"""Messages of empty events, in one batch of some hundred bytes."""
_MESSAGES, _EVENTS = 12, 1_000
"""More than one batch takes: it ends when it has led to 5,000 messages."""


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with running(tmp_path / "deployment", key=b"x" * 32, clock="system", partners={"trips": _MAPPING}) as cluster:
        yield cluster


def _trip(message: int, index: int, at_ms: int) -> dict[str, object]:
    """Of ten, one is skipped and one is refused."""
    what = {0: "ping", 1: "teleport"}.get(index % 10, "trip")
    person = sample_account(3_000_000_000 + index)
    return {"id": message * _EVENTS + index, "at": str(at_ms), "rider": person, "what": what}


async def test_each_event_of_every_message_is_answered_and_a_kill_changes_none(cluster: Cluster) -> None:
    """(rules E20 and E21)"""
    at_ms = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=cluster.kafka, max_request_size=2_000_000) as producer:
        for message in range(_MESSAGES):
            trips = [_trip(message, index, at_ms) for index in range(_EVENTS)]
            value = json.dumps({"page": message, "trips": trips}).encode()
            await producer.send_and_wait(raw_topic("trips"), value, partition=0)
    empty = json.dumps({"page": 0, "trips": [{}] * _EVENTS}).encode()
    hostile = batch([(None, empty, ())] * _HOSTILE, codec="zstd", at_ms=at_ms)
    await send_batches(cluster.kafka, raw_topic("trips"), 1, hostile)
    await cluster.start("ingest-1")

    async def some_are_answered() -> bool:
        return len(await cluster.read(NORMALIZED)) > _EVENTS

    await cluster.until(some_are_answered, "some events are forwarded")
    await cluster.kill("ingest-1")
    await cluster.start("ingest-1")

    async def nothing_is_left() -> bool:
        return await cluster.ingest_lag() == 0

    await cluster.until(nothing_is_left, "ingest has read every message")
    answers: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for seen in await cluster.read(NORMALIZED, rejected_topic("trips")):
        answers[seen.attribute("origin") or "", seen.attribute("index") or ""].append(seen)
    expected = {
        (f"{raw_topic('trips')}/0/{message}", str(index))
        for message in range(_MESSAGES)
        for index in range(_EVENTS)
        if index % 10
    }
    assert answers.keys() == expected | {(f"{raw_topic('trips')}/1/{message}", "") for message in range(_HOSTILE)}
    refusals = 0
    for (_, index), same in answers.items():
        assert len({(each.topic, each.key, each.value, tuple(sorted(each.headers))) for each in same}) == 1
        if not index:
            assert (same[0].attribute("code"), same[0].attribute("field"), same[0].value) == ("too-dense", "", None)
            refusals += sum(len(name) + len(content or b"") for name, content in same[0].headers)
            continue
        assert (same[0].topic == NORMALIZED) is (int(index) % 10 != 1)
        if same[0].topic != NORMALIZED:
            assert (same[0].attribute("code"), same[0].attribute("field")) == ("unknown-kind", "trips.what")
            assert (same[0].attribute("omitted"), same[0].value) == ("value", None)
    assert refusals < 100 * len(hostile)
