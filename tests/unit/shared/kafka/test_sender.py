"""What is left of a producer that is given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import NotEnoughReplicasError

from shared.kafka import sender

_RETRIES_S = 0.5
"""Ten of the client's own pauses."""


async def test_a_producer_that_is_given_up_sends_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """While too few copies of a partition are in step, a broker refuses and the client tries for ever."""
    producer, asked = sender._producer("localhost:1", None), asyncio.Event()
    count = 0

    async def refuse(*_: Any, **__: Any) -> None:
        nonlocal count
        count += 1
        asked.set()
        raise NotEnoughReplicasError

    async def nothing(*_: Any, **__: Any) -> None: ...

    client = producer.client
    for name in ("bootstrap", "_wait_on_metadata"):
        monkeypatch.setattr(client, name, nothing)
    monkeypatch.setattr(client, "send", refuse)
    monkeypatch.setattr(client.cluster, "leader_for_partition", lambda _: 0)
    monkeypatch.setattr(client.cluster, "partitions_for_topic", lambda _: {0})
    producer._txn_manager.set_pid_and_epoch(1, 0)
    monkeypatch.setattr(sender, "_producer", lambda *_: producer)
    monkeypatch.setattr(sender, "_STOP_TIMEOUT_S", 0.05)
    async with asyncio.timeout(10):
        async with sender.started("localhost:1"):
            batch = producer.create_batch()
            batch.append(timestamp=None, key=None, value=b"value")
            await producer.send_batch(batch, "behavior.normalized", partition=0)
            await asked.wait()
        await asyncio.wait({producer._sender.sender_task}, timeout=_RETRIES_S)
        before = count
        await asyncio.sleep(_RETRIES_S)  # nothing comes of it, which nobody can wait for
    assert count == before
