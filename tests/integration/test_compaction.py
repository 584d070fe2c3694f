"""Whoever reads only the compacted topics, or starts at any time, ends with the same scores and tiers.

On a real broker, after it has really compacted: superseded messages are gone, and so is the tombstone of an erased
person. The subscriber is the one of docs/examples, as it stands there.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.benefits.core.messages import News
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing
from services.benefits.core.table import TierTable
from services.benefits.service import decide, decode
from shared.contracts.cloudevents import binary
from shared.contracts.messages import TYPES, ScoreChange, encode
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED
from shared.kafka.sender import send_transaction, started
from shared.policy_file import load_policy
from shared.runner.service import Outgoing
from shared.settings import ROOT
from tests.support.examples import example
from tests.support.unreadable import send_raw

PEOPLE = tuple(sha256(f"person {number}".encode()).hexdigest() for number in range(60))
ERASED = PEOPLE[0]
TABLE = load_policy(ROOT / "policies" / "benefits.toml", TierTable)
NOW = datetime(2026, 1, 5, 16, tzinfo=UTC)
PATIENCE_S = 60.0

SOON = {
    "cleanup.policy": "compact",
    "message.timestamp.type": "LogAppendTime",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "1000",
}
"""Compaction within seconds. What differs from the real topics is only how long it waits."""


follow = example("follow")


@dataclass(frozen=True)
class Topics:
    bootstrap: str
    scores: str
    tiers: str


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[Topics]:
    suffix = uuid.uuid4().hex[:8]
    topics = Topics(kafka_bootstrap, f"{SCORES_CHANGED}.{suffix}", f"{TIERS_CHANGED}.{suffix}")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    names = [topics.scores, topics.tiers]
    try:
        made = await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=SOON) for name in names])
        assert not any(code for _, code, _ in made.topic_errors)
        yield topics
        await admin.delete_topics(names)
    finally:
        await admin.close()


def publications(seed: int) -> list[News]:
    """Everybody's scores, mixed, each person's versions in order."""
    draw = random.Random(seed)
    order = [person for person in PEOPLE for _ in range(draw.randint(1, 30))]
    draw.shuffle(order)
    versions: Counter[str] = Counter()
    news = []
    for person in order:
        versions[person] += 1
        score = ScoreChange(
            version=versions[person],
            score=draw.randint(500, 850),
            thin=draw.random() < 0.1,
            cadence="continuous",
            as_of=NOW + timedelta(days=versions[person]),
            policy="start@0123456789ab",
            restrictions=tuple(sorted(TABLE.restrictions)) if draw.random() < 0.1 else (),
            key_factors=(),
        )
        news.append(News(person, score))
    return news


def score_message(topic: str, news: News) -> Outgoing:
    headers = binary(
        id=f"scorer/{news.user_id}/{news.score.version}",
        source="/scorer",
        type=TYPES[ScoreChange],
        time=news.score.as_of,
        partitionkey=news.user_id,
    )
    return Outgoing(topic, news.user_id.encode(), encode(news.score), headers, partition_of(news.user_id))


def tier_messages(topic: str, standings: dict[str, Standing], news: News) -> Sequence[Outgoing]:
    decision = decide(standings.get(news.user_id), [news], NOW, Policy(tables=(TABLE,), zone=UTC))
    assert decision.state is not None
    standings[news.user_id] = decision.state
    place = partition_of(news.user_id)
    return [Outgoing(topic, each.key, each.value, each.headers, place) for each in decision.outgoing]


async def test_readers_of_the_compacted_topics_end_with_the_same(topics: Topics) -> None:
    names = [topics.scores, topics.tiers]
    news = publications(seed=4)
    standings: dict[str, Standing] = {}
    along, later, last = follow.Follower(), follow.Follower(), follow.Follower()
    sent = 0
    async with (
        follow.consumer(topics.bootstrap, names) as from_the_start,
        started(topics.bootstrap, f"{topics.scores}-sender") as producer,
    ):
        for step in range(0, len(news), 100):
            part = news[step : step + 100]
            messages = [score_message(topics.scores, each) for each in part]
            messages += [message for each in part for message in tier_messages(topics.tiers, standings, each)]
            await send_transaction(producer, messages)
            await follow.read_to_end(from_the_start, along)
            if step == 300:
                # Killed after sending and before recording it, a sender sends the same again.
                await send_transaction(producer, messages)
            sent += len(messages)
            if step >= len(news) // 2 and not later.newest:
                async with follow.consumer(topics.bootstrap, names) as reader:
                    await follow.read_to_end(reader, later)
        await abort(producer, names)
        await erase(producer, names)
        await follow.read_to_end(from_the_start, along)
        left = await until_compacted(topics)
        assert left < sent / 2
        # What was committed last may have become readable only since.
        await follow.read_to_end(from_the_start, along)

        # Whoever saw half of it goes on from the beginning; whoever comes last sees nothing else than what is left.
        for follower in (later, last):
            async with follow.consumer(topics.bootstrap, names) as reader:
                await follow.read_to_end(reader, follower)

    expected = {
        topics.scores: {each.user_id: each.score.version for each in news if each.user_id != ERASED},
        topics.tiers: {who: each.version for who, each in standings.items() if each.version and who != ERASED},
    }
    for name in names:
        assert {who: body["version"] for who, body in last.newest[name].items()} == expected[name]
        assert last.newest[name] == along.newest[name]
        # The tombstone may be gone before somebody who was away comes back: they must begin with nothing.
        assert {who: body for who, body in later.newest[name].items() if who != ERASED} == last.newest[name]
    for who, body in last.newest[topics.tiers].items():
        assert (body.get("tier"), body["in_force"]) == (standings[who].tier, list(standings[who].in_force))


async def test_what_strangers_write_does_not_end_a_subscriber(topics: Topics) -> None:
    """In one batch with nothing else, before and behind what a service has published, in each partition."""
    news = publications(seed=6)[:60]
    type_name = TYPES[ScoreChange].encode()
    follower = follow.Follower()
    async with started(topics.bootstrap) as producer:
        for value, type in (
            (b"[]", type_name),
            (b"[" * 50_000, type_name),
            (b"{}", b"\xff"),
            (b'{"version": "9"}', type_name),
        ):
            for each in news[::7]:
                await producer.send(topics.scores, value, each.user_id.encode(), headers=[("ce_type", type)])
        await producer.flush()
    async with started(topics.bootstrap, f"{topics.scores}-sender") as producer:
        for part in (news[:30], news[30:]):
            for partition in range(PARTITIONS):
                await send_raw(topics.bootstrap, topics.scores, partition, b"k", b"{}", b"\xff\xfe", count=3)
            await send_transaction(producer, [score_message(topics.scores, each) for each in part])
    expected = {each.user_id: each.score.version for each in news}
    async with follow.consumer(topics.bootstrap, [topics.scores]) as reader, asyncio.timeout(PATIENCE_S):
        # A transaction is readable when the broker has written its markers, a moment after its commit.
        while {who: body["version"] for who, body in follower.newest.get(topics.scores, {}).items()} != expected:
            await follow.read_to_end(reader, follower)


async def test_benefits_reads_compacted_scores_like_all_scores(topics: Topics) -> None:
    """A gap is a jump: who is not thin stands where all scores would have put them, and versions still begin at 1."""
    news = publications(seed=5)
    all_along: dict[str, Standing] = {}
    async with started(topics.bootstrap, f"{topics.scores}-sender") as producer:
        for step in range(0, len(news), 500):
            part = news[step : step + 500]
            await send_transaction(producer, [score_message(topics.scores, each) for each in part])
            for each in part:
                tier_messages(topics.tiers, all_along, each)
    await until_compacted(topics)
    found: dict[str, Standing] = {}
    for record in await everything(topics.bootstrap, [topics.scores]):
        if record.key == b"_roll":
            continue
        # The service knows the topic by its name; this one is the test's own.
        score = decode(replace(record, topic=SCORES_CHANGED), NOW)
        assert isinstance(score, News)
        for message in tier_messages(topics.tiers, found, score):
            assert dict(message.headers)["ce_id"] == f"benefits/{score.user_id}/1".encode()
    assert found.keys() == all_along.keys()
    for who, standing in found.items():
        if not standing.thin:
            assert (standing.tier, standing.in_force) == (all_along[who].tier, all_along[who].in_force)


async def abort(producer: AIOKafkaProducer, names: Sequence[str]) -> None:
    """What a fenced owner wrote and never committed: nobody may take it for a version."""
    await producer.begin_transaction()
    for name in names:
        for person in PEOPLE:
            headers = [("ce_type", b"goodstanding.score.changed.v1")]
            value = b'{"version":1000,"score":950,"tier":"excellent","in_force":[]}'
            await producer.send(name, value, person.encode(), partition=partition_of(person), headers=headers)
    await producer.flush()
    await producer.abort_transaction()


async def erase(producer: AIOKafkaProducer, names: Sequence[str]) -> None:
    tombstones = [Outgoing(name, ERASED.encode(), None, (), partition_of(ERASED)) for name in names]
    await send_transaction(producer, tombstones)


async def until_compacted(topics: Topics) -> int:
    """Write on until every superseded message and every tombstone is gone; how many records are left.

    The broker passes over the segment in use, so that nothing goes before something follows it.
    """
    deadline = time.monotonic() + PATIENCE_S
    names = [topics.scores, topics.tiers]
    async with started(topics.bootstrap) as producer:
        while time.monotonic() < deadline:
            for name in names:
                for partition in range(PARTITIONS):
                    await producer.send_and_wait(name, b"", key=b"_roll", partition=partition)
            records = [each for each in await everything(topics.bootstrap, names) if each.key != b"_roll"]
            counts = Counter((each.topic, each.key) for each in records)
            if max(counts.values()) == 1 and all(each.value is not None for each in records):
                return len(records)
            await asyncio.sleep(0.3)
    raise AssertionError(f"not compacted within {PATIENCE_S} s")


async def everything(bootstrap: str, names: Sequence[str]) -> list[Any]:
    """All records that are in the topics now, as they lie there."""
    records: list[Any] = []
    async with follow.consumer(bootstrap, list(names)) as reader:
        ends = await reader.end_offsets(reader.assignment())
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            for part in (await reader.getmany(timeout_ms=500)).values():
                records.extend(part)
    return records
