"""What a process does while a server is not there yet, without one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.runner.process import _Process


async def test_a_cancellation_that_a_client_lets_out_does_not_end_the_start() -> None:
    process = _Process(cast(Any, None), cast(Any, SimpleNamespace(connection="kafka")))
    said: list[list[str]] = []

    async def attempt() -> str:
        said.append(process.health.troubles)
        if len(said) == 1:
            raise asyncio.CancelledError
        return "here"

    assert await process._until("Kafka", attempt) == "here"
    assert said == [["starting"], ["waiting for Kafka: LeakedCancellationError"]]


async def test_a_start_that_is_cancelled_ends() -> None:
    process = _Process(cast(Any, None), cast(Any, SimpleNamespace(connection="kafka")))
    starting = asyncio.create_task(process._until("Kafka", asyncio.Event().wait))
    await asyncio.sleep(0)  # a turn for the task that was made
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
