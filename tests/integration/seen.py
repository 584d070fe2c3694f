"""What is seen of the small service from outside: on its topics, in its tables, and in what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from aiokafka import TopicPartition

from shared.contracts.partition import PARTITIONS, partition_of
from shared.runner.service import Answer, Outcome, Outgoing, Record, Service
from tests.integration.tiny import KEYS, Count, Tiny, Worker, until

KEY = KEYS[0]
SHARD = partition_of(KEY)
NEIGHBOR = next(key for key in KEYS[1:] if partition_of(key) == SHARD)
"""Another key in the same shard."""
ORIGIN = (("ce_origin", b"behavior.raw.shop/3/77"),)
KINDS = ("with state", "without state")


def service_of(tiny: Tiny, kind: str) -> Service:
    return tiny.service() if kind == "with state" else tiny.relay()


async def forwarded(tiny: Tiny, kind: str) -> int:
    if kind == "with state":
        return sum((await tiny.totals()).values())
    return len(await tiny.read(tiny.target))


async def published(tiny: Tiny) -> dict[str, list[Count]]:
    """What was published of each key, in the order of the log, repeats included."""
    found: dict[str, list[Count]] = {}
    for record in await tiny.read(tiny.target):
        assert record.key is not None
        assert record.value is not None
        found.setdefault(record.key.decode(), []).append(msgspec.json.decode(record.value, type=Count))
    return found


async def letters(tiny: Tiny) -> list[tuple[str, str]]:
    """Code and origin of every dead letter."""
    headers = [dict(record.headers) for record in await tiny.read(tiny.letters)]
    return sorted((each["ce_code"].decode(), each["ce_origin"].decode()) for each in headers)


async def sentences(tiny: Tiny) -> list[str]:
    """What each dead letter says."""
    return [dict(record.headers)["ce_sentence"].decode() for record in await tiny.read(tiny.letters)]


async def distinct_letters(tiny: Tiny) -> list[tuple[str, str]]:
    """The same without repetitions, since an outbox may send a letter twice, to the byte."""
    return sorted(set(await letters(tiny)))


async def assert_exactly_once(tiny: Tiny, total: int) -> None:
    """Every record counted once; after dropping repeats each key's versions are 1, 2, 3, and the last is the last."""
    totals = await tiny.totals()
    assert sum(totals.values()) == total
    assert await tiny.gaps() == []
    for key, counts in (await published(tiny)).items():
        first = {count.version: count for count in reversed(counts)}
        assert all(count == first[count.version] for count in counts), f"{key}: one version in two forms"
        assert [*dict.fromkeys(count.version for count in counts)] == list(range(1, len(first) + 1)), key
        assert counts[-1].version == len(first), f"{key}: an old version lies last"
        assert counts[-1].total == totals[key]


async def handled(tiny: Tiny, worker: Worker, *topics: str) -> None:
    """Everything that lies in these topics has been answered for."""
    places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]

    async def nothing_left() -> bool:
        ends = await worker.here.consumer.end_offsets(places)
        shards = worker.here.shards
        return len(shards) == PARTITIONS and all(
            shards[place.partition].handled_offsets.get(place.topic, 0) >= end for place, end in ends.items()
        )

    await until(nothing_left, "all records handled")


async def until_trouble(worker: Worker, *words: str, shard: int = SHARD) -> str:
    def said() -> str:
        found = worker.here.shards.get(shard)
        return found.trouble or "" if found else ""

    async def troubled() -> bool:
        return all(word in said() for word in words)

    await until(troubled, f"shard {shard} says {words}")
    return said()


def lost(worker: Worker) -> dict[str, float]:
    """How many records the service says are lost, by reason."""
    found: dict[str, float] = {}
    for metric in worker.here._host.metrics.records_lost.collect():
        found |= {s.labels["reason"]: s.value for s in metric.samples if s.name.endswith("_total")}
    return found


def retried(worker: Worker) -> set[str]:
    """What the shards began again after."""
    metric = worker.here._host.metrics.retries
    return {sample.labels["kind"] for each in metric.collect() for sample in each.samples if sample.value}


async def says(worker: Worker, words: str) -> bool:
    return any(words in trouble for trouble in worker.here.troubles())


def relaying(tiny: Tiny, outgoing: Callable[[str, str], Outgoing | None]) -> Service:
    """The relay; a word for which `outgoing` makes something is answered with that."""
    relay = tiny.relay()

    def answer(record: Record, arrived: datetime) -> Any:
        key, value = (record.key or b"").decode(), (record.value or b"").decode()
        if (special := outgoing(key, value)) is not None:
            return Answer((special,), (Outcome("refused"),))
        return relay.mode.answer(record, arrived)

    return replace(relay, mode=replace(relay.mode, answer=answer))
