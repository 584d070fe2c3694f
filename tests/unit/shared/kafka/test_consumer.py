"""What a consumer says of itself, without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError

from shared.kafka.consumer import ReadingError, _CarefulFetcher, beside

_HERE, _ELSEWHERE = TopicPartition("behavior.raw.bank", 1), TopicPartition("behavior.raw.hotel", 2)


async def test_troubles_are_those_of_partitions_that_are_held() -> None:
    """One that has moved to another process must not keep this one from being ready for ever."""
    consumer = beside("nowhere:9092", [])
    for held, said in ((_ELSEWHERE, 2), (_HERE, 0), (_ELSEWHERE, 2)):
        consumer.assign([held])
        consumer.beyond[_ELSEWHERE] = 70
        consumer._shared.with_senders_times.add(_ELSEWHERE.topic)
        assert len(consumer.troubles()) == said


@pytest.mark.parametrize("ends", ["fetcher", "coordinator"])
async def test_a_task_of_the_library_that_has_ended_is_noticed(ends: str) -> None:
    """Where the one that fetches has ended, the library's `getmany` returns nothing for ever, and raises nothing."""
    consumer = beside("nowhere:9092", [])
    found = [consumer.has_ended]
    fetching, coordinating = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(event.wait()) for event in (fetching, coordinating)]
    parts: list[Any] = [SimpleNamespace(error_future=tasks[0]), SimpleNamespace(_coordination_task=tasks[1])]
    consumer._fetcher, consumer._coordinator = parts
    found.append(consumer.has_ended)
    (fetching if ends == "fetcher" else coordinating).set()
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    found.append(consumer.has_ended)
    assert found == [False, False, True]
    with pytest.raises(ReadingError):
        await consumer.getmany()
    fetching.set()
    coordinating.set()
    await asyncio.wait(tasks)
    consumer._fetcher = consumer._coordinator = None
    await consumer.stop()


@pytest.mark.parametrize(
    ("error", "expected"), [(KafkaError("Unexpected exception in heartbeat task"), True), (None, False)]
)
async def test_heartbeats_that_have_failed_are_noticed(error: KafkaError | None, expected: bool) -> None:
    """The library tells whoever reads, and begins them again only when the group says that the member is gone."""

    async def beating() -> None:
        if error is not None:
            raise error

    consumer = beside("nowhere:9092", [])
    fetching = asyncio.create_task(asyncio.Event().wait())
    heartbeats = asyncio.create_task(beating())
    await asyncio.wait([heartbeats])
    parts: list[Any] = [SimpleNamespace(error_future=fetching), SimpleNamespace(_heartbeat_task=heartbeats)]
    consumer._fetcher, consumer._coordinator = parts
    assert consumer.has_ended is expected
    fetching.cancel()
    consumer._fetcher = consumer._coordinator = None
    await consumer.stop()


async def test_one_whose_task_has_failed_can_be_stopped() -> None:
    """Otherwise its connections stay open, and none takes its place at once."""

    async def failed() -> None:
        raise KafkaError("Unexpected error during data retrieval")

    closed: list[str] = []

    async def close() -> None:
        closed.append("client")

    consumer = beside("nowhere:9092", [])
    parts: Any = SimpleNamespace(close=failed), SimpleNamespace(close=close)
    consumer._fetcher, consumer._client = parts
    await consumer.stop()
    assert closed == ["client"]


def test_a_broker_that_is_away_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits for nothing but the answer, and there is one at once where nobody listens."""
    asked: list[str] = []
    fetcher: Any = object.__new__(_CarefulFetcher)
    fetcher._client = SimpleNamespace(force_metadata_update=lambda: asked.append("leaders"))
    fetcher._records = {}
    monkeypatch.setattr(Fetcher, "_get_actions_per_node", lambda _self, _assignment: ([], {}, 60.0, True, []))
    assert fetcher._get_actions_per_node(None) == ([], {}, 0.1, False, [])
    assert asked == ["leaders"]
