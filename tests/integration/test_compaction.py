"""Whoever reads only the compacted topics, or starts at any time, ends with the same scores and tiers.

On a real broker, after it has really compacted: superseded messages are gone, and so is the tombstone of an erased
person. The subscribers are those that use the client, with what they know in memory and in Postgres.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from goodstanding_client import Follower, Memory, StaleError, Store
from goodstanding_client.postgres import PostgresStore

from services.benefits.core.messages import News
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held, Standing
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
from tests.support.compaction import SOON
from tests.support.unreadable import send_raw

PEOPLE = tuple(sha256(f"person {number}".encode()).hexdigest() for number in range(60))
ERASED = PEOPLE[0]
TABLE = load_policy(ROOT / "policies" / "benefits.toml", TierTable)
NOW = datetime(2026, 1, 5, 16, tzinfo=UTC)
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Topics:
    bootstrap: str
    prefix: str

    @property
    def scores(self) -> str:
        return self.prefix + SCORES_CHANGED

    @property
    def tiers(self) -> str:
        return self.prefix + TIERS_CHANGED

    def follower(self, store: Store) -> Follower:
        return Follower(self.bootstrap, store, prefix=self.prefix)

    async def read(self, store: Store) -> None:
        """Everything that is there, from where the store is."""
        async with self.follower(store) as follower:
            await follower.caught_up()


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresStore]:
    schema = f"client_{uuid.uuid4().hex[:8]}"
    async with asyncpg.create_pool(
        postgres_dsn, server_settings={"search_path": schema}, min_size=1, max_size=4
    ) as pool:
        await pool.execute(f"create schema {schema}")
        store = PostgresStore(pool)
        await store.prepare()
        yield store
        await pool.execute(f"drop schema {schema} cascade")


async def known(store: Store, topic: str) -> dict[str, Any]:
    """The newest body of everybody, as it can be asked of any store."""
    found = {who: await store.value(topic, who) for who in PEOPLE}
    return {who: json.loads(value) for who, value in found.items() if value is not None}


@pytest.fixture
async def topics(kafka_bootstrap: str) -> AsyncIterator[Topics]:
    topics = Topics(kafka_bootstrap, f"{uuid.uuid4().hex[:8]}.")
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
    held = Held(standings.get(news.user_id))
    decision = decide(held, [news], NOW, Policy(tables=(TABLE,), zone=UTC))
    assert decision.state is not None
    assert decision.state.standing is not None
    standings[news.user_id] = decision.state.standing
    place = partition_of(news.user_id)
    return [Outgoing(topic, each.key, each.value, each.headers, place) for each in decision.outgoing]


async def test_readers_of_the_compacted_topics_end_with_the_same(topics: Topics, database: PostgresStore) -> None:
    names = [topics.scores, topics.tiers]
    news = publications(seed=4)
    standings: dict[str, Standing] = {}
    along, last = Memory(), Memory()
    sent = 0
    async with (
        topics.follower(along) as from_the_start,
        started(topics.bootstrap, f"{topics.scores}-sender") as producer,
    ):
        for step in range(0, len(news), 100):
            part = news[step : step + 100]
            messages = [score_message(topics.scores, each) for each in part]
            messages += [message for each in part for message in tier_messages(topics.tiers, standings, each)]
            await send_transaction(producer, messages)
            await from_the_start.caught_up()
            if step == 300:
                # Killed after sending and before recording it, a sender sends the same again.
                await send_transaction(producer, messages)
            sent += len(messages)
            if step == 400:
                await topics.read(database)
        half = await known(database, SCORES_CHANGED)
        assert ERASED in half, "whoever goes on later knows somebody who is erased meanwhile"
        await abort(producer, names)
        await erase(producer, names)
        await from_the_start.caught_up()
        left = await until_compacted(topics)
        assert left < sent / 2
        # What was committed last may have become readable only since.
        await from_the_start.caught_up()
    # Whoever was away for longer than the broker keeps an erasure reads everything again.
    await database._pool.execute("update goodstanding_position set followed_at = now() - interval '8 days'")
    await topics.read(database)
    await topics.read(last)

    expected = {
        SCORES_CHANGED: {each.user_id: each.score.version for each in news if each.user_id != ERASED},
        TIERS_CHANGED: {who: each.version for who, each in standings.items() if each.version and who != ERASED},
    }
    for name in expected:
        ended = await known(last, name)
        assert {who: body["version"] for who, body in ended.items()} == expected[name]
        assert await known(along, name) == ended
        assert await known(database, name) == ended
    for who, body in (await known(last, TIERS_CHANGED)).items():
        assert (body.get("tier"), body["in_force"]) == (standings[who].tier, list(standings[who].in_force))
        assert [await last.is_granted(who, each) for each in body["in_force"]] == [True] * len(body["in_force"])
    assert not await last.is_granted(ERASED, "city-bike-no-deposit")
    assert await database.staleness() < timedelta(minutes=1)
    with pytest.raises(StaleError):
        await Memory().is_granted(ERASED, "city-bike-no-deposit", at_most_stale=timedelta(days=300))


async def test_what_strangers_write_does_not_end_a_subscriber(topics: Topics) -> None:
    """In one batch with nothing else, before and behind what a service has published, in each partition."""
    news = publications(seed=6)[:60]
    type_name = TYPES[ScoreChange].encode()
    store = Memory()
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
    async with topics.follower(store) as follower, asyncio.timeout(PATIENCE_S):
        # A transaction is readable when the broker has written its markers, a moment after its commit.
        while {who: body["version"] for who, body in (await known(store, SCORES_CHANGED)).items()} != expected:
            await follower.caught_up()
        assert follower.unreadable >= PARTITIONS


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
            await asyncio.sleep(0.3)  # only the broker knows when it compacts, and it tells nobody
    raise AssertionError(f"not compacted within {PATIENCE_S} s")


async def everything(bootstrap: str, names: Sequence[str]) -> list[Any]:
    """All records that are in the topics now, as they lie there."""
    records: list[Any] = []
    async with AIOKafkaConsumer(
        *names, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as reader:
        ends = await reader.end_offsets(reader.assignment())
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            for part in (await reader.getmany(timeout_ms=500)).values():
                records.extend(part)
    return records


async def test_a_follower_that_is_killed_at_any_time_goes_on(
    topics: Topics, database: PostgresStore, postgres_dsn: str
) -> None:
    """A process that keeps what it knows in Postgres is killed again and again while messages come; beside it another
    one follows into the same tables, and is killed too."""
    news = publications(seed=8)
    standings: dict[str, Standing] = {}
    along = Memory()
    schema = await database._pool.fetchval("select current_schema()")
    argv = [sys.executable, "-c", _FOLLOWING, topics.bootstrap, topics.prefix, postgres_dsn, schema]
    following: list[subprocess.Popen[bytes]] = []
    kills = 0
    async with topics.follower(along) as follower, started(topics.bootstrap, f"{topics.scores}-sender") as producer:
        for step in range(0, len(news), 40):
            while len(following) < 2:
                following.append(subprocess.Popen(argv))  # noqa: ASYNC220  # it is killed by its process id, and never awaited
            part = news[step : step + 40]
            messages = [score_message(topics.scores, each) for each in part]
            messages += [message for each in part for message in tier_messages(topics.tiers, standings, each)]
            await send_transaction(producer, messages)
            if step // 40 % 5 == 4:
                await until_read(database, positions_at_least=1 + kills)
                victim = following.pop(0)
                victim.kill()
                victim.wait()
                kills += 1
        for process in following:
            process.kill()
            process.wait()
        await erase(producer, [topics.scores, topics.tiers])
        await follower.caught_up()
    assert kills >= 3
    await topics.read(database)
    for name in (SCORES_CHANGED, TIERS_CHANGED):
        assert await known(database, name) == await known(along, name)
        assert ERASED not in await known(along, name)


_FOLLOWING = """
import asyncio, sys, asyncpg
from goodstanding_client import Follower
from goodstanding_client.postgres import PostgresStore

async def main(kafka, prefix, dsn, schema):
    async with asyncpg.create_pool(dsn, server_settings={"search_path": schema}, min_size=1, max_size=4) as pool:
        async with Follower(kafka, PostgresStore(pool), prefix=prefix) as follower:
            await follower.run()

asyncio.run(main(*sys.argv[1:]))
"""


async def until_read(store: PostgresStore, positions_at_least: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(await store.positions()) < min(positions_at_least, 2 * PARTITIONS):  # noqa: ASYNC110  # another process writes it, and nobody tells when
            await asyncio.sleep(0.05)  # another process writes it, and nobody tells when


async def test_topics_that_were_made_again_are_read_again(topics: Topics, database: PostgresStore) -> None:
    """The offsets mean nothing in them, whether they are shorter or longer by now."""
    news = publications(seed=9)
    async with started(topics.bootstrap, f"{topics.scores}-sender") as producer:
        await send_transaction(producer, [score_message(topics.scores, each) for each in news[:200]])
    await topics.read(database)
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topics.scores])
        async with asyncio.timeout(PATIENCE_S):
            while (await admin.create_topics([NewTopic(topics.scores, PARTITIONS, 1)])).topic_errors[0][1]:  # noqa: ASYNC110  # a broker tells nobody when
                await asyncio.sleep(0.2)  # a broker tells nobody when a topic's name is free again
    finally:
        await admin.close()
    # It was read an hour ago.
    await database._pool.execute(
        "update goodstanding_position "
        "set newest_ms = newest_ms - 3600000, followed_at = followed_at - interval '1 hour'"
    )
    only = [each for each in news if each.user_id in PEOPLE[5:20]]
    longer = [each for each in only for _ in range(30)] if len(only) < 100 else only * 3
    async with started(topics.bootstrap, f"{topics.scores}-sender") as producer:
        await send_transaction(producer, [score_message(topics.scores, each) for each in longer])
    await topics.read(database)
    expected = {each.user_id: each.score.version for each in only}
    assert {who: body["version"] for who, body in (await known(database, SCORES_CHANGED)).items()} == expected
