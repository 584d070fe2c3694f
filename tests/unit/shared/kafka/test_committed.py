"""What a coordinator answers about committed offsets: "nothing" only when it says so of every partition."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    UnknownError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.commit import OffsetFetchResponse_v1, OffsetFetchResponse_v3
from aiokafka.structs import OffsetAndMetadata

from shared.kafka import committed as module
from shared.kafka.committed import committed, read

ONE, TWO = TopicPartition("a", 0), TopicPartition("b", 0)


def answer(*topics: tuple[str, Sequence[tuple[int, int, str, int]]], error: int = 0) -> Any:
    return OffsetFetchResponse_v3(0, list(topics), error)


def test_what_is_committed_and_what_is_not() -> None:
    found = answer(("a", [(0, 7, "note", 0)]), ("b", [(0, -1, "", 0)]))
    assert read([ONE, TWO], found) == {ONE: OffsetAndMetadata(7, "note")}


def test_an_older_broker_says_it_without_an_error_for_the_whole() -> None:
    assert read([ONE], OffsetFetchResponse_v1([("a", [(0, 7, "note", 0)])])) == {ONE: OffsetAndMetadata(7, "note")}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(error=14), GroupLoadInProgressError),
        (answer(error=15), GroupCoordinatorNotAvailableError),
        (answer(error=16), NotCoordinatorForGroupError),
        (answer(error=30), GroupAuthorizationFailedError),
        (answer(error=-1), UnknownError),
        (answer(("a", [(0, -1, "", 0)]), ("b", [(0, -1, "", 14)])), GroupLoadInProgressError),
        (answer(("a", [(0, 5, "", 0)]), ("b", [(0, -1, "", 3)])), UnknownTopicOrPartitionError),
        (answer(("a", [(0, 5, "", 0)])), UnknownTopicOrPartitionError),
        (answer(), UnknownTopicOrPartitionError),
        (answer(("a", [(0, -1, "", 0)]), ("b", [(0, -1, "", 0)]), error=16), NotCoordinatorForGroupError),
        # A code that the client library does not know: offsets of open transactions.
        (answer(("a", [(0, -1, "", 88)]), ("b", [(0, -1, "", 0)])), KafkaError),
    ],
)
def test_anything_else_is_not_known_yet(found: Any, expected: type[KafkaError]) -> None:
    with pytest.raises(expected):
        read([ONE, TWO], found)


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


async def _at_once(*_: object) -> None: ...


@pytest.mark.parametrize("finds", [_never, _at_once])
async def test_a_coordinator_that_is_missing_or_silent_is_no_silent_wait(
    monkeypatch: pytest.MonkeyPatch, finds: Any
) -> None:
    monkeypatch.setattr(module, "_ANSWERED_WITHIN_S", 0.01)
    coordinator: Any = SimpleNamespace(ensure_coordinator_known=finds, _send_req=_never)
    consumer: Any = SimpleNamespace(_group_id="tiny", _coordinator=coordinator)
    async with asyncio.timeout(10):
        with pytest.raises(GroupCoordinatorNotAvailableError):
            await committed(consumer, [ONE])
