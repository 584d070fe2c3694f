"""The topics of a run: writing the events once, and reading what a contender has made of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from bench.peers.work import Change, Raw
from shared.contracts.partition import PARTITIONS
from shared.kafka import clients
from shared.kafka.sender import started
from shared.kafka.topic_admin import administrator

_SETTINGS = {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete"}
_BATCHES_IN_FLIGHT = 64
_change = msgspec.json.Decoder(Change)


async def make_topics(kafka: str, *names: str, partitions: int = PARTITIONS) -> None:
    async with administrator(kafka) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=_SETTINGS) for name in names])


async def write(kafka: str, topic: str, raws: Iterable[Raw]) -> None:
    """Append the events, in their order within each partition."""
    async with started(kafka) as producer:
        await producer.client.add_topic(topic)
        batches = {partition: producer.create_batch() for partition in range(PARTITIONS)}
        flights = []
        for raw in raws:
            if batches[raw.partition].append(key=raw.key, value=raw.value, timestamp=None) is None:
                flights.append(await producer.send_batch(batches[raw.partition], topic, partition=raw.partition))
                batches[raw.partition] = producer.create_batch()
                batches[raw.partition].append(key=raw.key, value=raw.value, timestamp=None)
            if len(flights) > _BATCHES_IN_FLIGHT:
                await flights.pop(0)
        for partition, batch in batches.items():
            flights.append(await producer.send_batch(batch, topic, partition=partition))
        for flight in flights:
            await flight


def _places(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


def committed_reader(kafka: str) -> AIOKafkaConsumer:
    """A consumer that sees what is committed, not started."""
    return clients.consumer(
        kafka, isolation_level="read_committed", auto_offset_reset="none", max_partition_fetch_bytes=4 * 1024 * 1024
    )


async def visible(consumer: AIOKafkaConsumer, topic: str) -> dict[int, int]:
    """By partition, the offset up to which a reader of committed messages sees the topic."""
    return {tp.partition: end for tp, end in (await consumer.end_offsets(_places(topic))).items()}


async def read(
    kafka: str, topic: str, marks: Iterable[dict[int, int]], *, repeats: bool
) -> tuple[dict[str, list[Change]], list[int], int]:
    """All committed changes, by person in their order; how many of them lie before each of the marks; and how many were
    passed over as a subscriber of the platform does, because they have no higher number than the one before. Without
    `repeats` none is passed over."""
    found: dict[str, list[Change]] = {}
    marks, again = list(marks), 0
    before = [0] * len(marks)
    async with committed_reader(kafka) as consumer:
        ends = await visible(consumer, topic)
        consumer.assign(_places(topic))
        for tp in _places(topic):
            consumer.seek(tp, 0)
        while any([await consumer.position(tp) < ends[tp.partition] for tp in _places(topic)]):
            for tp, records in (await consumer.getmany(timeout_ms=200, max_records=20_000)).items():
                for record in records:
                    change = _change.decode(record.value)
                    known = found.setdefault(change.person, [])
                    if repeats and known and change.events <= known[-1].events:
                        again += 1
                        continue
                    known.append(change)
                    for number, mark in enumerate(marks):
                        before[number] += record.offset < mark[tp.partition]
    return found, before, again
