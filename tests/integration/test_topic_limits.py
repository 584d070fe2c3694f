"""A topic that takes less than the platform has made it for is no fault of the messages that it refuses."""

from __future__ import annotations

import random

import pytest

from shared.contracts.topics import raw_topic
from shared.runner.service import Outgoing
from tests.integration.seen import KEY, ORIGIN, SHARD, letters, relaying, says
from tests.integration.tiny import Tiny, until

pytestmark = pytest.mark.usefixtures("plain_logs")

_LARGE = random.Random(0).randbytes(5_000)
"""Nothing makes it smaller on its way."""


async def test_a_topic_that_an_operator_has_made_too_small_is_waited_for(tiny: Tiny) -> None:
    """Not ready until it takes again what it should; then what waited is sent, and nothing was set aside."""
    small = raw_topic(f"small-{tiny.name}")  # any name whose limit the platform knows, and no partner's answers
    await tiny.create_topics(small, partitions=1, bytes_max=1_000)
    service = relaying(
        tiny, lambda key, value: Outgoing(small, key.encode(), _LARGE, ORIGIN, 0) if value == "large" else None
    )
    await tiny.send([(KEY, "1"), (KEY, "large"), (KEY, "2")])
    async with tiny.worker(service) as worker:
        await until(lambda: says(worker, "a topic takes smaller messages"), "the shard tells of it")
        assert SHARD not in worker.shards
        await tiny.let_messages_have(small, 2 * 1024 * 1024)
        await worker.until_shards(6)
        await until(lambda: _there(tiny, small), "what waited was sent")
    assert [record.value for record in await tiny.read(small)] == [_LARGE]
    assert [record.value for record in await tiny.read(tiny.target)] == [b"1", b"2"]
    assert await letters(tiny) == []


async def _there(tiny: Tiny, topic: str) -> bool:
    return bool(await tiny.read(topic))
