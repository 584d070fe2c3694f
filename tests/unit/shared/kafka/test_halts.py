"""Partitions that cannot be read on: how often they are asked for, and what is said of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.protocol.fetch import FetchRequest
from structlog.testing import capture_logs

from shared.kafka.halts import HaltingClient, Halts

PLACE, OTHER = TopicPartition("behavior.raw.bank", 3), TopicPartition("behavior.raw.bank", 4)
CORRUPT, NOT_LEADER, OUT_OF_RANGE, UNKNOWN = 2, 6, 1, -1


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tries_within(seconds: float, halts: Halts, time: Time, **failure: Any) -> int:
    """How often the partition is asked for, by a caller who asks whenever that is allowed."""
    tries, end = 0, time.now + seconds
    while time.now < end:
        if not halts.waits(PLACE, 7):
            tries += 1
            halts.failed(PLACE, 7, "Kafka is ill", **failure)
        time.now += 0.05
    return tries


def test_a_day_costs_some_thousand_tries_and_two_lines() -> None:
    time = Time()
    halts = Halts(time)
    with capture_logs() as lines:
        assert tries_within(60, halts, time) < 15
        assert tries_within(3600, halts, time) <= 121
        halts.went_on(PLACE)
        halts.went_on(PLACE)
    assert [line["event"] for line in lines] == ["a partition cannot be read", "a partition is read again"]
    assert halts.troubles({PLACE}) == []
    assert not halts.waits(PLACE, 7)


def test_what_passes_within_a_second_is_no_news() -> None:
    time = Time()
    halts = Halts(time)
    with capture_logs() as lines:
        assert tries_within(0.6, halts, time) == 3
        assert halts.troubles({PLACE}) == []
        halts.went_on(PLACE)
    assert lines == []


def test_readiness_has_the_partitions_that_are_held() -> None:
    time = Time()
    halts = Halts(time)
    tries_within(5, halts, time)
    assert halts.troubles({OTHER}) == []
    [trouble] = halts.troubles({PLACE, OTHER})
    assert trouble.startswith("behavior.raw.bank/3 cannot be read from offset 7 on: Kafka is ill")


def test_another_position_is_asked_for_at_once() -> None:
    time = Time()
    halts = Halts(time)
    tries_within(5, halts, time)
    assert halts.waits(PLACE, 7)
    assert not halts.waits(PLACE, 9)
    assert not halts.waits(OTHER, 7)
    halts.failed(PLACE, 9, "Kafka is ill")
    time.now += 0.11
    assert not halts.waits(PLACE, 9), "pauses begin again"


@pytest.mark.parametrize(
    ("code", "data", "halted", "left"),
    [
        (CORRUPT, b"", True, False),
        (UNKNOWN, b"", True, False),
        (NOT_LEADER, b"", True, False),
        (OUT_OF_RANGE, b"", False, True),
        (0, b"", False, True),
    ],
)
def test_the_library_gets_what_it_can_answer(code: int, data: bytes, halted: bool, left: bool) -> None:
    halts = Halts(Time())
    updates: list[int] = []

    async def send(node_id: int, request: object) -> Any:
        return SimpleNamespace(topics=[(PLACE.topic, [(3, code, 9, 7, 0, [], data), (4, 0, 9, 9, 0, [], b"some")])])

    client = SimpleNamespace(send=send, force_metadata_update=lambda: updates.append(1))
    request = FetchRequest(1, 1, 1, 1, [(PLACE.topic, [(3, 7, 1), (4, 7, 1)])])
    response = asyncio.run(HaltingClient(cast(Any, client), halts).send(0, request))
    [(_, parts)] = response.topics
    assert [part[0] for part in parts] == ([3, 4] if left else [4])
    assert halts.waits(PLACE, 7) is halted
    assert not halts.waits(OTHER, 7)
    assert bool(updates) is (code == NOT_LEADER)


def test_what_is_read_from_another_broker_is_asked_for_each_second() -> None:
    time = Time()
    assert 12 <= tries_within(10, Halts(time), time, pause_max_s=1.0) <= 15


@pytest.mark.parametrize(
    ("stable", "others", "halted"),
    [(9, b"", True), (9, b"some", False), (7, b"", False)],
    ids=["nothing at all", "no room was left for it", "there is nothing"],
)
def test_records_that_are_not_given_out_are_asked_for_after_a_pause(stable: int, others: bytes, halted: bool) -> None:
    """As behind a length that is damaged and too large: without an error, and at once."""
    halts = Halts(Time())

    async def send(node_id: int, request: object) -> Any:
        parts: list[Any] = [(3, 0, 9, stable, 0, [], b""), (4, 0, 9, 7, 0, [], others)]
        return SimpleNamespace(topics=[(PLACE.topic, parts)])

    client = SimpleNamespace(send=send)
    request = FetchRequest(1, 1, 1, 1, [(PLACE.topic, [(3, 7, 1), (4, 7, 1)])])
    asyncio.run(HaltingClient(cast(Any, client), halts).send(0, request))
    assert halts.waits(PLACE, 7) is halted
    assert not halts.waits(OTHER, 7)
