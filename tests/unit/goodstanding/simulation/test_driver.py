"""When an instant counts as drained, and what is said when nothing moves; on real servers in tests/e2e."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition

from goodstanding.simulation import driver as simulation
from goodstanding.simulation.driver import Driver, Lag, StalledError, unread
from shared.contracts.topics import NORMALIZED, SUBJECT_ANSWERS, raw_topic, topics

NOW = datetime(2026, 3, 6, tzinfo=UTC)
TOPICS = {topic.name: topic for topic in topics(["bank"])}


@pytest.mark.parametrize(
    ("topic", "end", "read", "expected"),
    [
        ("behavior.normalized", 0, 0, 0),
        ("behavior.normalized", 10, 10, 0),
        ("behavior.normalized", 10, 9, 1),
        # What a stateful service writes ends in its transaction's marker: offset 9 of 10 is no record.
        ("scores.changed", 0, 0, 0),
        ("scores.changed", 10, 9, 0),
        ("scores.changed", 10, 10, 0),
        ("scores.changed", 10, 8, 1),
        ("records.changed", 10, 9, 0),
        # The portal writes these without transactions.
        ("subject.requests", 10, 9, 1),
    ],
)
def test_records_that_a_shard_has_not_folded(topic: str, end: int, read: int, expected: int) -> None:
    assert unread(TOPICS[topic], end, read) == expected


class Broker:
    """Ends of topics, and what ingest has committed, as a test sets them; any other topic is empty."""

    def __init__(self) -> None:
        self.at: dict[TopicPartition, int] = {}
        self.done: dict[TopicPartition, int] = {}
        self.records: dict[TopicPartition, list[int]] = {}

    async def ends(self, names: list[str]) -> dict[TopicPartition, int]:
        places = [TopicPartition(name, number) for name in names for number in range(6)]
        return {tp: self.at.get(tp, 0) for tp in places}

    async def holds_records(self, at: TopicPartition, start: int, end: int) -> bool:
        return any(start <= place < end for place in self.records.get(at, []))

    async def committed(self, _: str) -> dict[TopicPartition, int]:
        return self.done


class Rows:
    """A service's shards, all done with NOW unless a test says otherwise."""

    def __init__(self) -> None:
        self.shards: list[dict[str, Any]] = [
            {"shard": number, "offsets": {}, "cursor": "", "run": None, "settled_at": NOW, "unsent": False}
            for number in range(6)
        ]

    async def fetch(self, _: str) -> list[dict[str, Any]]:
        return [{**row, "offsets": json.dumps(row["offsets"])} for row in self.shards]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def scorer() -> Rows:
    return Rows()


@pytest.fixture
def driver(broker: Broker, scorer: Rows, monkeypatch: pytest.MonkeyPatch) -> Driver:
    monkeypatch.setattr(simulation, "STALLED_AFTER_S", 0.05)
    return Driver(broker, {"scorer": scorer}, None, [], broker.holds_records)  # type: ignore[arg-type, dict-item]  # stand-ins with what a driver asks for


async def test_an_instant_on_which_nothing_is_left_is_drained(driver: Driver) -> None:
    told: list[Lag] = []
    await driver.drain(NOW, told.append)
    assert told == [Lag("ingest", 0), Lag("scorer", 0)]


async def test_what_ingest_has_not_committed_is_not_drained(driver: Driver, broker: Broker) -> None:
    broker.at[TopicPartition(raw_topic("bank"), 2)] = 5
    broker.done[TopicPartition(raw_topic("bank"), 2)] = 3
    with pytest.raises(StalledError, match=r"ingest has not moved for \d+ s: records not handled: 2"):
        await driver.drain(NOW)
    broker.done[TopicPartition(raw_topic("bank"), 2)] = 5
    await driver.drain(NOW)


async def test_what_a_shard_has_not_folded_is_not_drained(driver: Driver, broker: Broker, scorer: Rows) -> None:
    broker.at[TopicPartition(NORMALIZED, 4)] = 7
    scorer.shards[4]["offsets"] = {NORMALIZED: 6}
    with pytest.raises(StalledError, match=r"scorer has not moved for \d+ s: records not handled: 1"):
        await driver.drain(NOW)
    scorer.shards[4]["offsets"] = {NORMALIZED: 7}
    await driver.drain(NOW)


async def test_markers_of_transactions_that_end_together_are_no_records(
    broker: Broker, scorer: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a topic of several writers, behind the last record."""
    monkeypatch.setattr(simulation, "STALLED_AFTER_S", 0.05)
    driver = Driver(broker, {"retention": scorer}, None, [], broker.holds_records)  # type: ignore[arg-type, dict-item]  # stand-ins with what a driver asks for
    at = TopicPartition(SUBJECT_ANSWERS, 4)
    broker.at[at], broker.records[at] = 9, [5, 6]
    scorer.shards[4]["offsets"] = {SUBJECT_ANSWERS: 6}
    with pytest.raises(StalledError, match="retention has not moved"):
        await driver.drain(NOW)
    scorer.shards[4]["offsets"] = {SUBJECT_ANSWERS: 7}
    await driver.drain(NOW)
    broker.at[at], broker.records[at] = 10, [5, 6, 8]
    with pytest.raises(StalledError, match="retention has not moved"):
        await driver.drain(NOW)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"settled_at": None}, "timers of shards 3 have not all fired"),
        ({"settled_at": NOW - timedelta(seconds=1)}, "timers of shards 3 have not all fired"),
        ({"unsent": True}, "messages of shards 3 are not sent"),
        (
            {"unsent": True, "settled_at": None},
            "timers of shards 3 have not all fired and messages of shards 3",
        ),
    ],
)
async def test_timers_and_outbox(driver: Driver, scorer: Rows, change: dict[str, Any], sentence: str) -> None:
    scorer.shards[3].update(change)
    with pytest.raises(StalledError, match=sentence):
        await driver.drain(NOW)
