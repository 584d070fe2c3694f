"""Kafka's files are damaged, or lack a piece: what is still there is read, and what is not is said (rules E14)."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from goodstanding.platform.servers import Servers
from shared.contracts.partition import partition_of
from tests.integration.seen import KEY, KINDS, distinct_letters, forwarded, handled, lost, service_of
from tests.integration.seen import SHARD as HOME
from tests.integration.tiny import KEYS, Tiny, until


@pytest.fixture(scope="module")
def stack() -> Iterator[Servers]:
    """Of its own: its files are tampered with."""
    with Servers.ephemeral() as stack:
        yield stack


@pytest.fixture
async def tiny(stack: Servers) -> Tiny:
    tiny = Tiny(stack.addresses.kafka, stack.addresses.postgres)
    await tiny.prepare()
    # Five batches, of the offsets 0 to 4, 5 to 9 and so on.
    for _ in range(5):
        await tiny.send([(KEY, "one")] * 5)
    return tiny


def segment(stack: Servers, topic: str) -> Path:
    [found] = stack.home.rglob(f"{topic}-{HOME}/*.log")
    return found


def batches(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        [length] = struct.unpack_from(">i", data, at + 8)
        found.append(data[at : at + 12 + length])
        at += 12 + length
    return found


async def rewritten(stack: Servers, topic: str, change: dict[int, bytes | None]) -> None:
    """Kafka is stopped in good order, some of its batches are others or gone, and it starts on what is left."""
    await asyncio.to_thread(stack.stop)
    file = segment(stack, topic)
    kept = [change.get(number, data) for number, data in enumerate(batches(file.read_bytes()))]
    file.write_bytes(b"".join(data for data in kept if data))
    await asyncio.to_thread(stack.up)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_damaged_batch_is_set_aside_and_the_rest_is_read(stack: Servers, tiny: Tiny, kind: str) -> None:
    data = batches(await asyncio.to_thread(segment(stack, tiny.source).read_bytes))
    bad = data[2][:-2] + bytes([data[2][-2] ^ 1]) + data[2][-1:]
    await rewritten(stack, tiny.source, {2: bad})
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
        assert worker.here.troubles() == []
        assert lost(worker) == {}
    assert await forwarded(tiny, kind) == 20
    assert await distinct_letters(tiny) == [("unreadable", f"{tiny.source}/{HOME}/10")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hole_in_the_offsets_is_a_loss(stack: Servers, tiny: Tiny, kind: str) -> None:
    await rewritten(stack, tiny.source, {1: None, 3: None})
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
        assert lost(worker) == {"gap": 10}
        [trouble] = worker.here.troubles()
        assert trouble.startswith(
            f"{tiny.source}/{HOME}: 10 records from offset 5 on were not read: Kafka's log has a hole"
        )
    assert await forwarded(tiny, kind) == 15
    # Read again, by another process: it has nothing to say of what was handled before it.
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        assert worker.here.troubles() == []


@pytest.mark.parametrize(("kind", "length"), [("with state", 0), ("without state", 30), ("without state", 0x00FFFFFF)])
async def test_a_damaged_length_stops_its_partition_and_fills_no_disk(
    stack: Servers, tiny: Tiny, kind: str, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Kafka itself cannot tell then where the next batch begins, so nothing behind it in that file can be read."""
    file = await asyncio.to_thread(segment, stack, tiny.source)
    whole = await asyncio.to_thread(file.read_bytes)
    at = len(b"".join(batches(whole)[:2])) + 8
    await asyncio.to_thread(overwrite, file, at, struct.pack(">i", length))
    others = [key for key in KEYS if partition_of(key) != HOME][:10]
    with capture_logs() as lines, caplog.at_level(logging.WARNING, "aiokafka"):
        async with tiny.worker(service_of(tiny, kind)) as worker:
            await worker.until_shards(6)

            async def is_said() -> bool:
                place = f"{tiny.source}/{HOME} cannot be read from offset 10 on: "
                return any(each.startswith(place) for each in worker.here.troubles())

            await until(is_said, "readiness says so")
            await tiny.send([(key, "one") for key in others])
            await until(lambda: _has_forwarded(tiny, kind, 20), "the other partitions are read")
            caplog.clear()
            before, began = len(lines), time.monotonic()
            await asyncio.sleep(5)  # how much is said within this time is what is tried
            assert len(lines) - before + len(caplog.records) < 10, (time.monotonic() - began, caplog.messages[:3])
    assert [line["event"] for line in lines if "partition" in line["event"]] == ["a partition cannot be read"]


def overwrite(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)


async def _has_forwarded(tiny: Tiny, kind: str, total: int) -> bool:
    return await forwarded(tiny, kind) == total
