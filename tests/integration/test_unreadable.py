"""What cannot be read costs itself alone, in both kinds of service, on a real broker (rules E14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, UnknownError

from shared.contracts.partition import partition_of
from shared.kafka import records
from shared.kafka.codecs import UNPACKED_BYTES_MAX
from shared.kafka.fetches import Result
from shared.runner import lag
from tests.integration.seen import KEY, KINDS, distinct_letters, forwarded, handled, lost, service_of
from tests.integration.seen import SHARD as HOME
from tests.integration.tiny import KEYS, Tiny, Worker, until
from tests.support.batches import CODECS, Given, batch, control, old, resealed
from tests.support.fresh_kafka import delete_before
from tests.support.transactions import STANDSTILL_S, left_open
from tests.support.unreadable import send_batches, send_raw

COMPRESSED = sorted(CODECS.keys() - {"none"})


def sent(records: Sequence[Given], codec: str) -> bytes:
    """With the time of today, or Kafka's retention has them before a service does."""
    return batch(records, codec=codec, at_ms=int(time.time() * 1000))


def bomb(codec: str) -> bytes:
    """Three records, of which the second is 16 MiB of nothing: some kilobytes on the wire."""
    return sent([(KEY.encode(), value, ()) for value in (b"a", bytes(UNPACKED_BYTES_MAX), b"c")], codec)


def good(codec: str) -> bytes:
    return sent([(KEY.encode(), b"one", [("name", b"text")])] * 3, codec)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("codec", COMPRESSED)
async def test_every_codec_is_read(tiny: Tiny, kind: str, codec: str) -> None:
    await send_batches(tiny.kafka, tiny.source, HOME, good(codec), good("none"), good(codec))
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
    assert await forwarded(tiny, kind) == 9
    assert await distinct_letters(tiny) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_batch_that_cannot_be_read_costs_nobody_a_record(tiny: Tiny, kind: str) -> None:
    """One poisonous partition, while the others are read at full speed; and again after a restart."""
    others = [key for key in KEYS if partition_of(key) != HOME]
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        for codec in COMPRESSED:
            await asyncio.gather(
                send_batches(tiny.kafka, tiny.source, HOME, good(codec), bomb(codec), good("none")),
                tiny.send([(others[number % len(others)], "one") for number in range(400)]),
            )
        await handled(tiny, worker, tiny.source)
        assert worker.here.troubles() == []
    total = 4 * (400 + 6)
    assert await forwarded(tiny, kind) == total
    places = [("batch-too-large", f"{tiny.source}/{HOME}/{9 * number + 3}") for number in range(4)]
    assert await distinct_letters(tiny) == sorted(places)
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await tiny.send([(KEY, "one")])
        await handled(tiny, worker, tiny.source)
    assert await forwarded(tiny, kind) == total + 1
    assert await distinct_letters(tiny) == sorted(places), "each is set aside once"


async def test_more_headers_than_a_record_may_have_cost_that_record(tiny: Tiny) -> None:
    hostile = sent([(KEY.encode(), b"one", headers) for headers in ((), [("", b"")] * 100_000, ())], "zstd")
    await send_batches(tiny.kafka, tiny.source, HOME, hostile, good("none"))
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
    assert await forwarded(tiny, "without state") == 5
    assert await distinct_letters(tiny) == [("too-many-headers", f"{tiny.source}/{HOME}/1")]


# -- whatever else a call ends with ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [ValueError("any"), UnknownError(), asyncio.CancelledError(), MemoryError()],
    ids=lambda error: str(type(error)),
)
async def test_a_call_that_fails_passes_over_nothing(
    tiny: Tiny, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has taken the records of several partitions, then something fails on the next one. The library waits for five
    seconds after each failure, which is no part of this."""
    taken, take, failures, wait = [0], Result.getall, [3], anyio.sleep

    def fail_late(self: Result, max_records: int | None = None) -> Any:
        found = take(self, max_records)
        taken[0] += 1
        if taken[0] % 3 == 0 and failures[0]:
            failures[0] -= 1
            raise error
        return found

    monkeypatch.setattr(Result, "getall", fail_late)
    monkeypatch.setattr(anyio, "sleep", lambda delay_s: wait(min(delay_s, 0.1)))
    await tiny.send([(KEYS[number % len(KEYS)], "one") for number in range(600)])
    sent = 600
    async with tiny.worker() as worker:
        await tiny.until_total(sent)
        # However much a busy machine takes at a time, something fails three times.
        while failures[0]:
            await tiny.send([(key, "one") for key in KEYS])
            sent += len(KEYS)
            await tiny.until_total(sent)
        await handled(tiny, worker, tiny.source)
    assert sum((await tiny.totals()).values()) == sent
    assert await tiny.gaps() == []


async def test_a_record_for_which_there_was_no_memory_comes_again(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without having been refused, set aside or passed over: the machine's want says nothing about it."""
    made, calls = records._made, [0]

    def out_of_memory_at_times(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] in (1, 4, 90):
            raise MemoryError
        return made(*args)

    monkeypatch.setattr(records, "_made", out_of_memory_at_times)
    await send_batches(tiny.kafka, tiny.source, HOME, good("none"), good("zstd"))
    await tiny.send([(KEYS[number % len(KEYS)], "one") for number in range(200)])
    async with tiny.worker() as worker:
        await tiny.until_total(206)
        await handled(tiny, worker, tiny.source)
        assert worker.here.troubles() == []
    assert calls[0] > 90
    assert await tiny.gaps() == []
    assert await distinct_letters(tiny) == []


async def test_a_reading_loop_that_ends_is_begun_again(tiny: Tiny) -> None:
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        for task in worker.here.subscription._subscriber.tasks:
            task.cancel()
        await until(lambda: _troubles(worker, "reading of records has ended"), "readiness says so")
        await worker.here.heal()
        await worker.until_shards(6)
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)


async def _troubles(worker: Worker, words: str) -> bool:
    return any(words in trouble for trouble in worker.here.troubles())


async def test_a_task_of_a_shard_that_ends_is_begun_again(tiny: Tiny) -> None:
    """As when a client lets out a cancellation that is its own."""
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        worker.here._tasks[HOME].cancel()
        await until(lambda: _troubles(worker, f"shard {HOME}: its task has ended"), "readiness says so")
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)
        await worker.until_shards(6)
        assert worker.here.troubles() == []


async def test_a_consumer_that_leaks_a_cancellation_is_stopped_all_the_same(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does during a broker's failover, when a fetch waits to be repeated."""

    async def leak() -> None:
        raise asyncio.CancelledError

    async with tiny.worker() as worker:
        await worker.until_shards(6)
        consumer = worker.here.consumer
        monkeypatch.setattr(consumer._fetcher, "close", leak)
        await worker.here.subscription.replace()
        assert not any(each.connected() for each in consumer._client._conns.values()), "no connection is left open"
        await worker.until_shards(6)
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)


# -- outside the log ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_records_deleted_before_they_were_read_are_a_loss(tiny: Tiny, kind: str) -> None:
    """Between two runs of the service."""
    await tiny.send([(KEY, "one")] * 10)
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
        assert lost(worker) == {}
    await tiny.send([(KEY, "one")] * 10)
    await delete_before(tiny.kafka, TopicPartition(tiny.source, HOME), 17)
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
        assert lost(worker) == {"deleted": 7}
        assert await _troubles(
            worker, f"{tiny.source}/{HOME}: 7 records from offset 10 on were not read: Kafka deleted"
        )
    assert await forwarded(tiny, kind) == 13


async def test_records_deleted_while_a_shard_is_behind_are_a_loss(tiny: Tiny) -> None:
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        place = TopicPartition(tiny.source, HOME)
        worker.here.consumer.pause(place)
        await tiny.send([(KEY, "one")] * 20)
        await delete_before(tiny.kafka, TopicPartition(tiny.source, HOME), 15)
        # What was fetched before is dropped.
        worker.here.consumer.seek(place, 0)
        worker.here.consumer.resume(place)
        await handled(tiny, worker, tiny.source)
        assert lost(worker) == {"deleted": 15}
    assert await forwarded(tiny, "without state") == 5


async def test_a_position_beyond_the_end_stays_and_says_so(tiny: Tiny) -> None:
    """As after Kafka has come back without its last seconds: `earliest` would read everything again in silence."""
    await tiny.send([(KEY, "one")] * 3)
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
        worker.here.consumer.seek(TopicPartition(tiny.source, HOME), 1_000)
        await until(lambda: _troubles(worker, "lies beyond the end of Kafka's log"), "readiness says so")
        assert worker.here.subscription.positions()[TopicPartition(tiny.source, HOME)] == 1_000
        assert lost(worker) == {}
    assert await forwarded(tiny, "without state") == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_a_transaction_that_somebody_leaves_open_is_told_of(
    tiny: Tiny, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands behind it is handled when it ends."""
    monkeypatch.setattr(lag, "STALLED_S", STANDSTILL_S)
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await worker.until_shards(6)

        async def told() -> bool:
            await worker.here.measure()
            return await _troubles(worker, f"{tiny.source}/{HOME} cannot be read")

        async with left_open(tiny.kafka, TopicPartition(tiny.source, HOME)):
            await tiny.send([(KEY, "one")] * 3)
            await until(told, "readiness says so")
        await until_forwarded(tiny, kind, 3)
        await worker.here.measure()
        assert worker.here.troubles() == []


async def until_forwarded(tiny: Tiny, kind: str, count: int) -> None:
    async def are() -> bool:
        return await forwarded(tiny, kind) == count

    await until(are, f"{count} are handled")


async def test_header_names_cost_one_record_each(tiny: Tiny) -> None:
    await send_raw(tiny.kafka, tiny.source, HOME, KEY.encode(), b"one", b"\xff\xfe", count=3)
    await send_batches(tiny.kafka, tiny.source, HOME, good("lz4"))
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await handled(tiny, worker, tiny.source)
    assert await distinct_letters(tiny) == [
        ("envelope-header", f"{tiny.source}/{HOME}/{offset}") for offset in range(3)
    ]
    assert await tiny.totals() == {KEY: 3}


@pytest.mark.parametrize(
    "written",
    [
        old([b"a"], magic=0)[0],
        old([b"a"], magic=1)[0],
        control(0, -1, abort=True),
        resealed(good("none"), count=2),
        resealed(good("none"), count=4),
        resealed(good("none"), count=0),
        resealed(good("none"), delta=9),
    ],
    ids=["format 0", "format 1", "a marker", "more than it says", "fewer than it says", "none", "a later end"],
)
async def test_what_a_broker_of_today_takes_from_no_client(tiny: Tiny, written: bytes) -> None:
    """So it comes out of an older log, or a damaged one. What a reader makes of each: `test_fetches`."""
    await send_batches(tiny.kafka, tiny.source, HOME, good("none"))
    with pytest.raises(KafkaError):
        await send_batches(tiny.kafka, tiny.source, HOME, written)
