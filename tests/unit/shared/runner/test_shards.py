"""Shards that come and go with the group's assignments, without a broker."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from shared.runner import shards as module
from shared.runner.answers import Answer
from shared.runner.forward import ForwardShard
from shared.runner.host import Home, Host
from shared.runner.inputs import Inputs
from shared.runner.metrics import Metrics
from shared.runner.service import Forward, Input, Service
from shared.runner.shards import Shards
from shared.settings import ServiceSettings

_TP = TopicPartition("one", 0)
_MODE = Forward(lambda record, at: Answer((), ()))


class _Consumer:
    """One that always holds the partition."""

    def __init__(self) -> None:
        self.paused: list[str] = []
        self.by = ""

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused.append(self.by)

    def seek(self, partition: TopicPartition, offset: int) -> None: ...


class _Subscription:
    def __init__(self) -> None:
        self.consumer = _Consumer()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({_TP})

    def troubles(self) -> list[str]:
        return []


class _Hanging(ForwardShard):
    """Its client waits for a server even when it was cancelled."""

    def __init__(self, home: Home) -> None:
        super().__init__(home, _MODE)
        self.answered = asyncio.Event()

    async def _started(self) -> None:
        try:
            await self.answered.wait()
        except asyncio.CancelledError:
            await self.answered.wait()
            raise


def _shards(monkeypatch: pytest.MonkeyPatch) -> tuple[Shards, _Consumer]:
    settings = ServiceSettings(kafka="nowhere:9092", drain_timeout_s=0.01)
    service = Service("tiny", (Input("one"),), _MODE)
    shards = Shards(service, Host(settings, cast(Any, None), Metrics(), None))
    subscription = _Subscription()
    monkeypatch.setattr(shards, "subscription", subscription)
    monkeypatch.setattr(module, "_CANCEL_TIMEOUT_S", 0.01)

    def hanging(index: int, service: Service, host: Host, inputs: Inputs) -> _Hanging:
        return _Hanging(Home(index, service.name, host, inputs))

    monkeypatch.setattr(module, "_shard", hanging)
    return shards, subscription.consumer


async def test_a_shard_that_ends_late_leaves_its_successor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partition would be paused under the shard that reads it now, which would wait for ever for records."""
    shards, consumer = _shards(monkeypatch)
    await shards.on_partitions_assigned({_TP})
    late, task = shards.shards[0], shards._tasks[0]
    assert isinstance(late, _Hanging)
    await asyncio.sleep(0)
    await shards.on_partitions_revoked({_TP})
    await shards.on_partitions_assigned({_TP})
    consumer.by = "the late one"
    late.answered.set()
    await asyncio.wait({task})
    successor = shards.shards[0]
    assert isinstance(successor, _Hanging)
    consumer.by = "its successor"
    successor.answered.set()
    await shards.on_partitions_revoked({_TP})
    assert "the late one" not in consumer.paused


async def test_shards_that_are_not_handed_out_again_are_a_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    shards, _ = _shards(monkeypatch)
    await shards.on_partitions_assigned(set())
    await shards.on_partitions_revoked(set())
    assert shards.troubles() == []
    monkeypatch.setattr(module, "_HANDED_OUT_WITHIN_S", -1.0)
    assert shards.troubles() == ["its group is handing out the shards again, and has not finished"]
    await shards.on_partitions_assigned(set())
    assert shards.troubles() == []
