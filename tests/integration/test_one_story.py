"""Kafka and Postgres tell one story, or the shard stands still and says why (decision 0014): on real servers, with the
service whose every count can be foretold."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared import postgres
from shared.contracts.partition import PARTITIONS, partition_of
from shared.kafka.identities import identities
from shared.runner import store
from shared.runner.one_story import operator_word
from shared.runner.service import Outgoing
from shared.runner.stateful import StatefulShard
from shared.runner.working import Working
from tests.faults.cluster import APPEND_TIMES
from tests.integration.seen import KEY, SHARD, lost, until_trouble
from tests.integration.tiny import KEYS, Count, Tiny, until
from tests.support.fresh_kafka import delete_before
from tests.support.unreadable import send_raw

ELSEWHERE = next(key for key in KEYS if partition_of(key) != SHARD)


def ones(count: int, key: str = KEY) -> list[tuple[str, str]]:
    return [(key, "one")] * count


async def make_again(tiny: Tiny, topic: str) -> None:
    """The topic is deleted, and made again under its name."""
    admin, asking = AIOKafkaAdminClient(bootstrap_servers=tiny.kafka), AIOKafkaConsumer(bootstrap_servers=tiny.kafka)
    await admin.start()
    await asking.start()
    try:
        before = (await identities(asking._client, [topic])).topics[topic]
        await admin.delete_topics([topic])

        async def gone() -> bool:
            return not (await identities(asking._client, [topic])).topics

        async def made() -> bool:
            return (await identities(asking._client, [topic])).topics.get(topic, before) != before

        await until(gone, "the topic is gone")
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=APPEND_TIMES)])
        await until(made, "the topic is there again")
    finally:
        await asking.stop()
        await admin.close()


async def accept(tiny: Tiny) -> list[operator_word.Met]:
    """What the operator's command does."""
    async with tiny.database() as db:
        told = await operator_word.waiting_for_word(db)
        for each in told:
            await operator_word.give_word(db, each.found)
    return told


async def given_words(tiny: Tiny) -> list[Any]:
    async with tiny.database() as db:
        return list(await db.fetch("select * from operator_word"))


async def last_published(tiny: Tiny, key: str = KEY) -> Count:
    records = [record for record in await tiny.read(tiny.target) if record.key == key.encode()]
    return msgspec.json.decode(records[-1].value or b"", type=Count)


@pytest.mark.parametrize("sent_after", [3, 60], ids=["shorter than it was", "longer than it was"])
async def test_a_topic_that_was_made_again_stops_its_readers_until_the_operator_has_decided(
    tiny: Tiny, sent_after: int
) -> None:
    await tiny.send(ones(20))
    async with tiny.worker():
        await tiny.until_total(20)
    await make_again(tiny, tiny.source)
    await tiny.send(ones(sent_after))
    await tiny.send(ones(1, ELSEWHERE), topic=tiny.second_source)
    async with tiny.worker() as worker:
        trouble = await until_trouble(worker, tiny.source, "made again")
        assert f"goodstanding offsets accept {tiny.name}" in trouble
        assert await tiny.totals() == {KEY: 20}, "nothing is read before the word"
        place = TopicPartition(tiny.source, SHARD)
        worker.here._losses.note(place, "gap", 0, 100)  # as if it had been lost of the former log
        told = await accept(tiny)
        assert len({each.found.token for each in told}) == 1, "one topic, one word"
        assert all("from its beginning" in each.found.remedy for each in told)
        await worker.until_shards(PARTITIONS)
        await tiny.until_total(20 + sent_after + 1)
        worker.here._losses.note(place, "gap", 0, 1)
        assert lost(worker)["gap"] == 101, "what was known of the former log says nothing of this one"
    assert (await tiny.totals())[KEY] == 20 + sent_after
    assert all(word["applied_at"] >= word["given_at"] for word in await given_words(tiny))
    # The word was for that topic: the next one needs another.
    await make_again(tiny, tiny.source)
    async with tiny.worker() as worker:
        await until_trouble(worker, "made again")


async def test_a_database_that_is_older_than_kafka_continues_above_the_versions_that_were_published(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it takes the service longer than a transaction may stand idle to look at what was published."""
    settings = {**postgres.SERVER_SETTINGS, "idle_in_transaction_session_timeout": "1000"}
    monkeypatch.setattr(postgres, "SERVER_SETTINGS", MappingProxyType(settings))
    restate = tiny._restate

    async def slowly(*given: Any) -> AsyncIterator[Sequence[Outgoing]]:
        await asyncio.sleep(1.2)  # how long the transaction stands idle is what is tried
        async for said in restate(*given):
            yield said

    monkeypatch.setattr(tiny, "_restate", slowly)
    await tiny.send(ones(5))
    async with tiny.worker():
        await tiny.until_total(5)
    async with tiny.database() as db:
        # The older copy: two tables and the shards' rows, as a dump has them.
        tables = ("shard", "count", "history", "outbox")
        dump = {table: [tuple(row) for row in await db.fetch(f"select * from {table}")] for table in tables}
    for _ in range(4):
        async with tiny.worker(batch_records_max=1):
            total = sum((await tiny.totals()).values()) + 2
            await tiny.send(ones(2))
            await tiny.until_total(total)
    published = await last_published(tiny)
    async with tiny.database() as db:
        await db.execute("truncate count, history, outbox")
        await db.execute("delete from shard")
        for table in ("shard", "count", "history"):
            marks = ", ".join(f"${place}" for place in range(1, len(dump[table][0]) + 1))
            await db.executemany(f"insert into {table} values ({marks})", dump[table])
        # What waits to be sent: a version that is superseded, and something for another topic, which is sent.
        stale = Outgoing(tiny.target, KEY.encode(), b"of no version", (), SHARD)
        await store.add_to_outbox(db, SHARD, [stale, Outgoing(tiny.source, KEY.encode(), b"one", (), SHARD)])
    async with tiny.worker() as worker:
        await until_trouble(worker, tiny.target, "never decided", "Postgres is older than Kafka")
        await worker.until_shards(PARTITIONS - 1)
        assert SHARD not in worker.shards, "the others go on"
        assert await tiny.totals() == {KEY: 5}
        told = await accept(tiny)
        assert [each.shard for each in told] == [SHARD]
        await tiny.until_total(14)
        await worker.until_shards(PARTITIONS)
        await tiny.send(ones(1))
        await tiny.until_total(15)
    versions = [msgspec.json.decode(record.value or b"", type=Count).version for record in await tiny.read(tiny.target)]
    assert (await last_published(tiny)).total == 15
    behind = versions[versions.index(published.version) :]
    assert behind == sorted(behind), "no version goes back"
    assert behind[-1] > published.version


@pytest.mark.parametrize("source", ["", "/somebody"], ids=["as ours", "of another source"])
async def test_what_a_stranger_has_written_into_our_topic_is_told_of(tiny: Tiny, source: str) -> None:
    await tiny.send(ones(5))
    async with tiny.worker():
        await tiny.until_total(5)
    copies = [record for record in await tiny.read(tiny.target) if record.key == KEY.encode()]
    producer = AIOKafkaProducer(bootstrap_servers=tiny.kafka)
    await producer.start()
    for record in copies:
        value = msgspec.structs.replace(msgspec.json.decode(record.value or b"", type=Count), version=99)
        headers = {**dict(record.headers), **({"ce_source": source.encode()} if source else {})}
        await producer.send_and_wait(
            tiny.target, msgspec.json.encode(value), record.key, partition=SHARD, headers=[*headers.items()]
        )
    await producer.stop()
    async with tiny.worker() as worker:
        said = await until_trouble(worker, tiny.target, "never decided", "somebody else has written there")
        assert ("Postgres is older than Kafka" in said) == (not source)
        assert ("not one of this service's" in said) == bool(source)
        assert await accept(tiny)
        await worker.until_shards(PARTITIONS)


async def test_a_topic_made_again_under_a_running_service_is_noticed(tiny: Tiny) -> None:
    """And what the service read from it before it noticed is read once more after the word, so that nothing is lost."""
    await tiny.send(ones(20))
    async with tiny.worker() as worker:
        await tiny.until_total(20)
        await make_again(tiny, tiny.source)
        await tiny.send(ones(60))
        await asyncio.gather(*(shard.look_again() for shard in worker.here.shards.values()))
        await until_trouble(worker, tiny.source, "made again")
        read_before_it_was_noticed = (await tiny.totals())[KEY] - 20
        await accept(tiny)
        await tiny.until_total(20 + read_before_it_was_noticed + 60)


async def test_kafka_is_looked_at_also_while_postgres_answers_nobody(tiny: Tiny) -> None:
    """Or readiness would say of Kafka what is true of Postgres."""
    async with tiny.worker() as worker:
        await worker.until_shards(PARTITIONS)
        pool = worker.here._host.pool
        assert pool is not None
        async with contextlib.AsyncExitStack() as taken, asyncio.timeout(20):
            for _ in range(pool.get_max_size()):
                await taken.enter_async_context(pool.acquire())
            await worker.here.look_again()


async def test_a_working_shard_begins_again_where_kafka_is_another_than_was_noted(tiny: Tiny) -> None:
    """The look that a service takes now and then, where no error of a client would tell."""
    await tiny.send(ones(3))
    async with tiny.worker() as worker:
        await worker.until_shards(PARTITIONS)
        await tiny.until_total(3)
        shard = worker.here.shards[SHARD]
        assert isinstance(shard, StatefulShard)
        assert isinstance(shard.phase, Working)
        owned, retries = shard.phase.owned, worker.here._host.metrics.retries.labels("DoubtError")._value
        await shard.look_again()
        assert retries.get() == 0
        owned._noted = replace(owned._noted, topic_ids={tiny.source: "another log"})
        await shard.look_again()

        async def began_again() -> bool:
            return bool(retries.get() == 1)

        await until(began_again, "the shard has begun again")
        await worker.until_shards(PARTITIONS)


async def test_another_deployment_in_the_group_is_noticed(tiny: Tiny) -> None:
    await tiny.send(ones(3))
    async with tiny.worker() as worker:
        await tiny.until_total(3)
        await worker.until_shards(PARTITIONS)
        # As a process does every few seconds: what tells whose the group is must not be overwritten.
        await worker.here.measure()
        await worker.here.show_progress()
    async with tiny.database() as db:
        await db.execute("update deployment set id = gen_random_uuid()")
    async with tiny.worker() as worker:
        trouble = await until_trouble(worker, "another deployment")
        assert "goodstanding offsets accept" in trouble
        await accept(tiny)
        await worker.until_shards(PARTITIONS)
    async with tiny.worker() as worker:
        await worker.until_shards(PARTITIONS)


async def test_another_cluster_beside_the_database_moves_no_epoch(tiny: Tiny) -> None:
    """Two Kafkas at one database: the wrong process must not disturb the right one."""
    await tiny.send(ones(3))
    async with tiny.worker() as worker:
        await worker.until_shards(PARTITIONS)
        await tiny.until_total(3)
    async with tiny.database() as db:
        await db.execute("update shard set cluster = 'another'")
        before = await db.fetchval("select sum(epoch) from shard")
        async with tiny.worker() as worker:
            await until_trouble(worker, "This Kafka is the cluster", "another")
            assert await db.fetchval("select sum(epoch) from shard") == before
            await accept(tiny)
            await worker.until_shards(PARTITIONS)
            # All is read again from the beginning; the tiny service does not recognize repeats.
            await tiny.until_total(6)


@pytest.mark.parametrize("deleted", [5, 7], ids=["some", "all"])
async def test_retention_that_deleted_unread_records_is_counted_once(tiny: Tiny, deleted: int) -> None:
    """Also where nothing is left that would move the shard past them."""
    await tiny.send(ones(10))
    async with tiny.worker():
        await tiny.until_total(10)
    await tiny.send(ones(7))
    await delete_before(tiny.kafka, TopicPartition(tiny.source, SHARD), 10 + deleted)
    for expected in (deleted, 0):
        async with tiny.worker() as worker:
            await worker.until_shards(PARTITIONS)
            await tiny.until_total(17 - deleted)
            lost = worker.here._host.metrics.records_lost.labels(tiny.source, "deleted")._value.get()
            assert lost == expected


async def test_a_strangers_message_that_nobody_can_read_keeps_no_shard_from_being_claimed(tiny: Tiny) -> None:
    await tiny.send(ones(3))
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await tiny.until_total(3)
    # The name of a header is not UTF-8, which the client library's own consumer fails on.
    await send_raw(tiny.kafka, tiny.target, SHARD, KEY.encode(), b"{}", b"\xff")
    await tiny.send(ones(1))
    async with tiny.worker() as worker:
        await tiny.until_total(4)
        await worker.until_shards(6)
