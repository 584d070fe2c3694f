"""A clock that is led: whoever goes is forgotten, and nothing that a client lets out stops it in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shared import clock as module
from shared.clock import SteppedClock
from shared.trust import ClockDoubtError

_FIRST, _SECOND = datetime(2026, 1, 6, tzinfo=UTC), datetime(2026, 2, 6, tzinfo=UTC)


class _Topic:
    """What a client hands out of the clock's topic, and its end. An exception is raised once in its place."""

    def __init__(self, *comes: datetime | BaseException) -> None:
        self._comes: asyncio.Queue[datetime | BaseException] = asyncio.Queue()
        self.end = self._taken = 0
        for each in comes:
            self.append(each)

    def append(self, each: datetime | BaseException) -> None:
        self.end += isinstance(each, datetime)
        self._comes.put_nowait(each)

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(partitions, self.end)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._records()

    async def _records(self) -> AsyncIterator[Any]:
        while True:
            each = await self._comes.get()
            if isinstance(each, BaseException):
                raise each
            self._taken += 1
            yield SimpleNamespace(value=each.isoformat().encode(), timestamp=0, offset=self._taken - 1)


@asynccontextmanager
async def _followed(topic: _Topic) -> AsyncIterator[SteppedClock]:
    clock = SteppedClock(topic, topic)
    following = asyncio.create_task(clock.follow())
    yield clock
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


@pytest.mark.parametrize("error", [OSError(), asyncio.CancelledError()])
async def test_a_failure_of_a_client_does_not_end_the_following(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(module, "_FOLLOW_AGAIN_S", 0)
    async with _followed(_Topic(_FIRST, error, _SECOND)) as clock, asyncio.timeout(10):
        await clock.refresh()
        assert clock.now() == _SECOND


async def test_an_instant_that_cannot_be_read_is_no_silent_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)
    topic = _Topic(_FIRST)
    async with _followed(topic) as clock:
        await clock.refresh()
        topic.end += 1
        with pytest.raises(ClockDoubtError, match="cannot be read"):
            await clock.refresh()


async def test_a_broker_that_does_not_answer_is_no_silent_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.05)

    async def never(_: list[Any]) -> dict[Any, int]:
        return await asyncio.Future()

    topic = _Topic(_FIRST)
    async with _followed(topic) as clock, asyncio.timeout(10):
        monkeypatch.setattr(topic, "end_offsets", never)
        with pytest.raises(ClockDoubtError):
            await clock.refresh()


async def test_whoever_has_gone_is_not_woken() -> None:
    woken: list[str] = []
    topic = _Topic()

    def woken_as(name: str) -> Callable[[], None]:
        return lambda: woken.append(name)

    async with _followed(topic) as clock:
        with clock.waking(woken_as("stays")):
            with clock.waking(woken_as("goes")):
                topic.append(_FIRST)
                await clock.refresh()
            topic.append(_SECOND)
            await clock.refresh()
    assert woken == ["stays", "goes", "stays"]
