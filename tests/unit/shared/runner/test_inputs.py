"""What a shard does with its partitions while they are its own, and after."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from shared.kafka.losses import Losses
from shared.runner import inputs as module
from shared.runner.inputs import Inputs
from shared.runner.one_story.commit_note import Committed, Note

_TP = TopicPartition("one", 0)


class _Consumer:
    """Of a group that has no coordinator."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self, *partitions: TopicPartition) -> None:
        self.calls.append("pause")

    def resume(self, *partitions: TopicPartition) -> None:
        self.calls.append("resume")

    async def commit(self, offsets: object) -> None:
        self.calls.append("commit")
        await asyncio.Event().wait()


class _Subscription:
    def __init__(self) -> None:
        self.consumer = _Consumer()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset({_TP})


def _inputs() -> tuple[Inputs, list[str]]:
    subscription = _Subscription()
    losses = Losses(lambda _topic, _reason, _count: None)
    return Inputs(cast(Any, subscription), 0, frozenset({"one"}), losses), subscription.consumer.calls


async def test_a_commit_that_never_ends_holds_no_shard_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMIT_WITHIN_S", 0.01)
    inputs, calls = _inputs()
    async with asyncio.timeout(10):
        await inputs.commit({"one": Committed(7, Note("K", "one", "D", 0))})
    assert calls == ["commit"]


def test_what_was_let_go_is_left_alone_even_when_it_is_assigned_again() -> None:
    inputs, calls = _inputs()
    inputs.pause()
    inputs.let_go()
    inputs.pause()
    inputs.resume()
    assert calls == ["pause"]
