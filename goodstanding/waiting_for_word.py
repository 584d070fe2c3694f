"""Contradictions between Kafka and Postgres that stop services, and the operator's word about them.

Services with a database have written down what they met. ingest has no database, so this compares as ingest does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from goodstanding.platform.deployment import Deployment
from goodstanding.reading.offsets import asking
from shared.contracts.rights import words_group
from shared.contracts.times import rfc3339
from shared.contracts.topics import RAW_PREFIX
from shared.kafka import clients
from shared.kafka.connection import Kafka
from shared.runner.one_story import agreement, operator_word, start_check
from shared.runner.one_story.commit_note import Word, owner_of
from shared.runner.one_story.contradictions import remedy


@dataclass(frozen=True, slots=True)
class Waiting:
    """One contradiction of a service, and the shards that stand still for it. `partitions` are ingest's: the operator's
    word is kept beside their offsets."""

    service: str
    shards: tuple[int, ...]
    found: operator_word.Found
    """Of the clock, when there are no shards: it stops all of them."""
    partitions: tuple[TopicPartition, ...] = ()


async def waiting_for_word(deployment: Deployment, service: str) -> list[Waiting]:
    """The contradictions that the operator has not decided yet, as the service last met them."""
    if service in deployment.settings.stateful:
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            told = await operator_word.waiting_for_word(db)
        finally:
            await db.close()
        return _joined(Waiting(service, (each.shard,) if each.shard >= 0 else (), each.found) for each in told)
    return _joined([each async for each, given in _of_ingest(deployment, service) if not given])


async def not_taken_up(deployment: Deployment, service: str) -> bool:
    """Whether the operator has given word and the service, which must run for that, has not taken it up yet."""
    if service in deployment.settings.stateful:
        db = await asyncpg.connect(deployment.dsn(service))
        try:
            return await operator_word.not_taken_up(db)
        finally:
            await db.close()
    return any([given async for _, given in _of_ingest(deployment, service) if given])


async def give_word(deployment: Deployment, waiting: Sequence[Waiting]) -> None:
    """Write the operator's decision down where the service finds it, with its time."""
    for each in waiting:
        if each.service in deployment.settings.stateful:
            db = await asyncpg.connect(deployment.dsn(each.service))
            try:
                await operator_word.give_word(db, each.found)
            finally:
                await db.close()
        else:
            await _give_in_kafka(deployment, each)


def _joined(each: Iterable[Waiting]) -> list[Waiting]:
    """Each contradiction once, with all shards that it stops."""
    found: dict[str, Waiting] = {}
    for one in each:
        known = found.get(one.found.token, replace(one, shards=(), partitions=()))
        shards = tuple(sorted({*known.shards, *one.shards}))
        found[one.found.token] = replace(known, shards=shards, partitions=(*known.partitions, *one.partitions))
    return list(found.values())


async def _of_ingest(deployment: Deployment, service: str) -> AsyncIterator[tuple[Waiting, bool]]:
    """Each contradiction, and whether the operator has given word for it."""
    kafka, owner = deployment.kafka, owner_of(bytes.fromhex(deployment.settings.key))
    given = await start_check.given_words(kafka, service)
    async with asking(kafka) as offsets:
        topics = sorted(topic for topic in await offsets.topics() if topic.startswith(RAW_PREFIX))
        # A topic that somebody else made may have any number of partitions, and ingest reads them all.
        places = await offsets.ends(topics) if topics else {}
    async with in_group(kafka, service) as consumer:
        for shard in sorted({place.partition for place in places}):
            held = [place for place in places if place.partition == shard]
            for at, judged in (await start_check.judged(kafka, consumer, owner, held)).items():
                if (each := judged.contradiction) is None:
                    continue
                token = agreement.token(service, shard, each)
                found = operator_word.Found(token, each.says(), remedy(each))
                yield Waiting(service, (shard,), found, (at,)), at in given and given[at].token == token


async def _give_in_kafka(deployment: Deployment, waiting: Waiting) -> None:
    word = Word(waiting.found.token, rfc3339(datetime.now(UTC))).text()
    async with in_group(deployment.kafka, words_group(waiting.service)) as consumer:
        consumer.assign(list(waiting.partitions))
        await consumer.commit({at: OffsetAndMetadata(0, word) for at in waiting.partitions})


@asynccontextmanager
async def in_group(kafka: Kafka, group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """May ask and commit what the group has, and is never a member of it."""
    consumer = clients.consumer(kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
