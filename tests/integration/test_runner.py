"""The runner on real Kafka and Postgres, with a service so small that every count can be foretold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.errors import TopicAuthorizationFailedError

from shared.contracts.partition import PARTITIONS, partition_of
from shared.kafka import sender
from shared.kafka.topic_admin import administrator
from shared.runner import delivery, stateful, store
from shared.runner.delivery import Delivery
from shared.runner.owned import Owned
from shared.runner.service import Decision, Input, Outgoing
from shared.runner.shard import Doing
from shared.runner.working import Working
from tests.integration.seen import (
    KEY,
    KINDS,
    NEIGHBOR,
    SHARD,
    assert_exactly_once,
    handled,
    letters,
    published,
    retried,
    service_of,
    until_trouble,
)
from tests.integration.tiny import KEYS, Add, Count, Tiny, Worker, Write, until

pytestmark = pytest.mark.usefixtures("plain_logs")


def ones(count: int, keys: Sequence[str] = KEYS) -> list[tuple[str, str]]:
    return [(keys[number % len(keys)], "one") for number in range(count)]


async def test_counts_every_record_once(tiny: Tiny) -> None:
    await tiny.send(ones(2_000))
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await tiny.until_total(2_000)
    await assert_exactly_once(tiny, 2_000)


async def test_a_successor_goes_on_where_the_last_one_stopped(tiny: Tiny) -> None:
    for part in range(1, 4):
        await tiny.send(ones(300))
        async with tiny.worker():
            await tiny.until_total(300 * part)
    await assert_exactly_once(tiny, 900)


async def test_a_claim_that_got_no_answer_is_not_told_as_another_process(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = store.claim

    async def without_answer(db: Any, shard: int, *, epoch: int | None) -> store.Claim:
        monkeypatch.undo()
        await claim(db, shard, epoch=epoch)
        raise ConnectionResetError

    async with tiny.worker() as worker:
        await worker.until_shards(6)
        monkeypatch.setattr(store, "claim", without_answer)
        shard = worker.here.shards[SHARD]
        shard.doubt("as if a server had changed")
        await until_trouble(worker, "claimed by another process, or by this one in a try that got no answer")
        await tiny.send(ones(6))
        await tiny.until_total(6)
        await worker.until_shards(6)
    await assert_exactly_once(tiny, 6)


async def test_workers_share_the_shards_under_load(tiny: Tiny) -> None:
    sending = asyncio.create_task(_send_for_a_while(tiny))
    async with tiny.worker() as one:
        await one.until_shards(6)
        async with tiny.worker() as two:
            await one.until_shards(3)
            await two.until_shards(3)
            assert sorted(one.shards + two.shards) == list(range(6))
            async with tiny.worker() as three:
                for worker in (one, two, three):
                    await worker.until_shards(2)
        await one.until_shards(6)
        sent = await sending
        await tiny.until_total(sent)
    await assert_exactly_once(tiny, sent)


async def _send_for_a_while(tiny: Tiny) -> int:
    sent = 0
    for _ in range(40):
        await tiny.send(ones(100))
        sent += 100
        await asyncio.sleep(0.05)  # records come while processes join and leave, and not all at once
    return sent


async def test_a_crash_between_commit_and_send_loses_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox holds what was decided; the successor sends it before anything newer, to the byte."""
    held = asyncio.Event()

    async def never(*_: Any) -> None:
        held.set()
        await asyncio.Event().wait()

    async with tiny.worker() as first:
        await first.until_shards(6)
        with monkeypatch.context() as patch:
            patch.setattr(Delivery, "commit", never)
            await tiny.send(ones(48))
            await asyncio.wait_for(held.wait(), 10)
            await tiny.until_total(48)
            await first.crash()
    assert await published(tiny) == {}
    await tiny.send(ones(48))
    async with tiny.worker():
        await tiny.until_total(96)
    await assert_exactly_once(tiny, 96)


async def test_a_failing_send_is_repeated_by_the_same_owner(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """(rules P6) The messages may have gone out before the failure: then they are there twice, byte for byte."""
    transaction, failures = sender.transaction, iter([True, True, True])

    @asynccontextmanager
    async def fail_afterwards(producer: Any) -> AsyncIterator[None]:
        async with transaction(producer):
            yield
        if next(failures, False):
            raise TimeoutError("no answer")

    monkeypatch.setattr(sender, "transaction", fail_afterwards)
    async with tiny.worker():
        await tiny.send(ones(200))
        await tiny.until_total(200)
    await assert_exactly_once(tiny, 200)
    counts = [count for each in (await published(tiny)).values() for count in each]
    assert len(counts) > len(set(counts)), "the failing sends had arrived"


async def test_what_takes_too_long_for_one_transaction_is_sent_in_several(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sizes = Delivery._send, list[int]()

    async def slow(given: Delivery, producer: Any, part: Mapping[int, Outgoing]) -> None:
        await send(given, producer, part)
        if len(part) > 3:
            raise TimeoutError("the broker has ended the transaction")
        sizes.append(len(part))

    monkeypatch.setattr(Delivery, "_send", slow)
    monkeypatch.setattr(delivery, "TRANSACTION_TIMEOUT_S", 0.0)
    await tiny.send(ones(600))
    async with tiny.worker():
        await tiny.until_total(600)
        await until(lambda: _all_published(tiny, 600), "all is sent")
    await assert_exactly_once(tiny, 600)
    for counts in (await published(tiny)).values():
        assert [count.version for count in counts] == list(range(1, len(counts) + 1)), "nothing is sent again"
    assert 1 < max(sizes) <= 3


async def _all_published(tiny: Tiny, total: int) -> bool:
    return sum(counts[-1].total for counts in (await published(tiny)).values()) == total


async def test_a_failing_commit_is_decided_by_the_database(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a commit can get lost; whether it took effect is read back with the next claim."""
    write, failures = Owned._write, iter(["before", "after", "before"])

    async def fail(owned: Any, *args: Any, **kwargs: Any) -> int | None:
        when = next(failures, None)
        if when == "before":
            raise ConnectionResetError
        seq = await write(owned, *args, **kwargs)
        if when == "after":
            raise ConnectionResetError
        return seq

    async with tiny.worker() as worker:
        await worker.until_shards(6)
        monkeypatch.setattr(Owned, "_write", fail)
        await tiny.send(ones(200))
        await tiny.until_total(200)
    await assert_exactly_once(tiny, 200)


async def test_a_commit_without_an_answer_leaves_no_trouble_behind(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was of the last record for hours, so that there is nothing left to read which could show that all is well."""
    write, failures = Owned._write, iter([True])

    async def lose_the_answer(owned: Any, db: Any, stepped: Any, progress: store.Progress, **kwargs: Any) -> int | None:
        seq = await write(owned, db, stepped, progress, **kwargs)
        if bool(progress.offsets) and next(failures, False):
            raise ConnectionResetError
        return seq

    async with tiny.worker() as worker:
        await worker.until_shards(6)
        monkeypatch.setattr(Owned, "_write", lose_the_answer)
        await tiny.send([(KEY, "one")])
        await until(lambda: _begun_again(worker), "the shard begins again")
        await until(lambda: _owned(worker, 6), "the shard is ready", timeout_s=20)
    await assert_exactly_once(tiny, 1)


async def test_a_doubt_between_two_steps_ends_with_the_next_answer_of_the_timers(tiny: Tiny) -> None:
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        shard = worker.here.shards[partition_of(KEY)]
        # As it is in the instant behind a batch, when the timers have not been asked again yet.
        shard.doing = Doing.RECORDS
        shard.doubt("Kafka was looked at again")
        await until(lambda: _begun_again(worker), "the shard begins again")
        await until(lambda: _owned(worker, 6), "the shard is ready", timeout_s=20)


async def _begun_again(worker: Worker) -> bool:
    return bool(retried(worker))


async def _owned(worker: Worker, count: int) -> bool:
    return len(worker.shards) == count


async def test_records_read_again_are_not_counted_again(tiny: Tiny) -> None:
    async with tiny.worker(batch_records_max=7) as worker:
        await tiny.send(ones(300))
        await tiny.until_total(300)
        for place in worker.here.consumer.assignment():
            worker.here.consumer.seek(place, 0)
        await tiny.send([(KEY, "last")])
        await tiny.until_total(301)
    await assert_exactly_once(tiny, 301)


async def test_a_fenced_owner_takes_back_what_is_still_its_own(tiny: Tiny) -> None:
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        async with tiny.database() as db:
            await store.claim(db, partition_of(KEY), epoch=None)
        await tiny.send([(KEY, "one")])
        await until(lambda: _has_trouble(worker), "the owner finds itself fenced")
        await tiny.until_total(1)
        await worker.until_shards(6)
    await assert_exactly_once(tiny, 1)


async def _has_trouble(worker: Worker) -> bool:
    return bool(worker.here.troubles())


async def test_a_former_owner_can_neither_commit_nor_send(tiny: Tiny) -> None:
    """Two owners of one shard at once, as after a pause longer than the group's session."""
    async with tiny.worker() as former:
        await former.until_shards(6)
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)
        shard = former.here.shards[partition_of(KEY)]
        async with tiny.database() as db:
            before = await db.fetchval("select epoch from shard where shard = $1", shard.index)
            await store.claim(db, shard.index, epoch=None)
            assert isinstance(shard, stateful.StatefulShard)
            assert isinstance(shard.phase, Working)
            assert shard.phase.owned.epoch == before
            with pytest.raises(store.FencedError):
                await anext(store.pending(db, shard.index, before))
            with pytest.raises(store.FencedError):
                await store.advance(db, shard.index, before, store.Progress(), sent_seq=10**9, outgoing=[])


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param("undecodable", "undecodable", id="the decoder fails"),
        pytest.param("fail", "undecidable", id="the rules fail"),
        pytest.param("unsavable", "unsavable", id="the database refuses it"),
    ],
)
async def test_a_poison_record_is_set_aside_alone(tiny: Tiny, value: str, code: str) -> None:
    """It lies in the middle of a batch, between records of its own key and of a neighbor in the same shard."""
    await tiny.send([(KEY, "one"), (NEIGHBOR, "one"), (KEY, value), (KEY, "one"), (NEIGHBOR, "one")])
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await tiny.until_total(4)
    assert await tiny.totals() == {KEY: 2, NEIGHBOR: 2}
    assert await tiny.gaps() == [], "what each decision adds is saved, also of those that were made one by one"
    assert await letters(tiny) == [(code, f"{tiny.source}/{partition_of(KEY)}/2")]


async def test_a_misplaced_record_is_set_aside(tiny: Tiny) -> None:
    wrong = (partition_of(KEY) + 1) % 6
    await tiny.send([(KEY, "one")], partition=wrong)
    await tiny.send([(KEY, "one")])
    async with tiny.worker():
        await tiny.until_total(1)
        await until(lambda: _letters(tiny), "a dead letter")
    assert await letters(tiny) == [("misplaced", f"{tiny.source}/{wrong}/0")]


async def _letters(tiny: Tiny) -> bool:
    return bool(await letters(tiny))


async def test_a_record_without_value_goes_to_the_operator(tiny: Tiny) -> None:
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await tiny.send_raw(partition_of(KEY), KEY.encode(), None)
        await until(lambda: _letters(tiny), "a dead letter")
    assert await letters(tiny) == [("empty", f"{tiny.source}/{partition_of(KEY)}/0")]


async def test_memory_is_bounded_by_pausing(tiny: Tiny) -> None:
    """A shard that cannot keep up holds at most its bound and one fetch; the others go on."""
    slow = partition_of(KEY)
    gate = asyncio.Event()
    mode = tiny.mode

    async def wait_then_load(db: Any, shard: int, keys: Sequence[str]) -> dict[str, Count]:
        if shard == slow:
            await gate.wait()
        return await mode.load(db, shard, keys)

    service = tiny.service(load=wait_then_load)
    others = [key for key in KEYS if partition_of(key) != slow]
    async with tiny.worker(service, batch_records_max=20, buffer_records_max=60) as worker:
        await worker.until_shards(6)
        for _ in range(15):
            await tiny.send(ones(40, [KEY, NEIGHBOR]))
        await tiny.send(ones(600, others))
        await tiny.until_total(600)
        assert len(worker.here.shards[slow].buffer) <= 60 + 20
        gate.set()
        await tiny.until_total(1_200)
    await assert_exactly_once(tiny, 1_200)


async def test_a_step_in_hand_is_finished_on_stop(tiny: Tiny) -> None:
    """Stopping neither cuts the step off nor begins another one."""
    entered, gate = asyncio.Event(), asyncio.Event()
    mode = tiny.mode

    async def wait_then_save(db: Any, shard: int, *rest: Any) -> None:
        entered.set()
        await gate.wait()
        await mode.save(db, shard, *rest)

    service = tiny.service(save=wait_then_save)
    async with tiny.worker(service, batch_records_max=10) as worker:
        await worker.until_shards(6)
        await tiny.send(ones(30, [KEY]))
        await asyncio.wait_for(entered.wait(), 10)
        stopping = asyncio.create_task(worker.here.stop())
        gate.set()
        await stopping
        worker.crashed = True
    stopped_at = (await tiny.totals())[KEY]
    assert 0 < stopped_at <= 10
    assert (await published(tiny))[KEY][-1].total == stopped_at
    async with tiny.worker():
        await tiny.until_total(30)
    await assert_exactly_once(tiny, 30)


async def test_a_lost_right_is_healed_by_a_new_consumer(tiny: Tiny) -> None:
    """A consumer that was refused stays dead for ever, even when the right is given back."""
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        subscription, refused = worker.here, worker.here.consumer
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(refused._fetcher, "fetched_records", _refuse)
            await until(lambda: _has_trouble(worker), "readiness tells of the lost right")
        assert any("lost a right" in trouble for trouble in subscription.troubles())
        await subscription.heal()
        assert subscription.consumer is not refused
        await worker.until_shards(6)
        await tiny.send(ones(100))
        await tiny.until_total(100)
    await assert_exactly_once(tiny, 100)


async def _refuse(*_: object, **__: object) -> None:
    raise TopicAuthorizationFailedError


async def test_a_shard_whose_inputs_are_split_is_not_worked_on_and_says_so(tiny: Tiny) -> None:
    """Two releases at once, of which one reads a topic more."""
    older = tiny.service(inputs=(Input(topic=tiny.source),))
    async with tiny.worker() as newer:
        await newer.until_shards(6)
        async with tiny.worker(older) as other:
            await until(lambda: _has_trouble(newer), "the newer one tells of split inputs")
            await newer.until_shards(3)
            await other.until_shards(3)
            assert all("another process has some of its inputs" in t for t in newer.here.troubles())
        await newer.until_shards(6)
        assert newer.here.troubles() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_topic_made_again_with_other_partitions_is_named(tiny: Tiny, kind: str) -> None:
    """What is read or sent there waits, and readiness says for what."""
    again = tiny.second_source if kind == "with state" else tiny.target
    await tiny.delete_topics(again)
    await until(lambda: _is_made(tiny, again), "the topic is made again with three partitions")
    async with tiny.worker(service_of(tiny, kind)) as worker:
        await tiny.send([(key, "one") for key in KEYS])
        await until(lambda: _says(worker, f"{again} has 3 partitions, not 6"), "readiness names the topic")


async def test_a_partition_too_many_is_named_and_the_others_are_worked_on(tiny: Tiny) -> None:
    """Of a service with one topic it is as whole as the others, and there is no shard for it."""
    async with administrator(tiny.kafka) as admin:
        await admin.create_partitions({tiny.source: NewPartitions(PARTITIONS + 1)})
    async with tiny.worker(tiny.service(inputs=(Input(topic=tiny.source),))) as worker:
        await until(lambda: _says(worker, f"{tiny.source} has 7 partitions, not 6"), "readiness names the topic")
        assert sorted(worker.here.shards) == list(range(PARTITIONS))
        await tiny.send([(key, "one") for key in KEYS])
        await tiny.until_total(len(KEYS))


async def _is_made(tiny: Tiny, topic: str) -> bool:
    await tiny.create_topics(topic, partitions=3)
    async with administrator(tiny.kafka) as admin:
        [described] = await admin.describe_topics([topic])
        return len(described["partitions"]) == 3


async def _says(worker: Worker, words: str) -> bool:
    return any(words in each for each in worker.here.troubles())


async def test_a_process_too_many_is_ready_and_says_that_it_owns_nothing(tiny: Tiny) -> None:
    """It is no trouble: it takes over when another one ends."""
    narrow = f"{tiny.name}.narrow"
    await tiny.create_topics(narrow, partitions=1)
    service = tiny.service(inputs=(Input(topic=narrow),))
    async with tiny.worker(service) as one, tiny.worker(service) as two:

        async def one_is_spare() -> bool:
            return sorted([len(one.shards), len(two.shards)]) == [0, 1] and any(map(_spare, (one, two)))

        await until(one_is_spare, "one of them says that it is spare")
        spare, owner = (one, two) if _spare(one) else (two, one)
        assert "no shards" in (_spare(spare) or "")
        assert (_spare(owner), spare.here.troubles()) == (None, [])


def _spare(worker: Worker) -> str | None:
    return worker.here.spare()


# -- timers ------------------------------------------------------------------------------------------------------------


async def test_an_alarm_fires_once_when_the_clock_comes_to_it(tiny: Tiny) -> None:
    async with tiny.database() as db, tiny.worker() as worker:
        await worker.until_shards(6)
        at = tiny.clock.now() + timedelta(seconds=5)
        await db.execute("insert into alarm values ($1, $2, $3)", partition_of(KEY), KEY, at)
        tiny.clock.set(at - timedelta(microseconds=1))
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)
        tiny.clock.set(at)
        await until(lambda: _note_is(tiny, "alarm"), "the alarm was folded")
    assert [count.note for count in (await published(tiny))[KEY]] == ["one", "alarm"]


async def test_a_clock_that_moves_while_a_shard_settles_wakes_it(tiny: Tiny) -> None:
    """A driver sees in the database that the shard is done, and moves on before the shard itself knows."""
    begins = tiny.clock.now()
    at = begins + timedelta(seconds=5)

    async def due(db: Any, shard: int, *rest: Any) -> Any:
        page = await tiny.due(db, shard, *rest)
        if shard == partition_of(KEY) and tiny.clock.now() == begins:
            tiny.clock.set(at)
        # Nothing else than the moved clock may make the shard look again.
        return replace(page, next_at=None)

    async with tiny.database() as db:
        await db.execute("insert into alarm values ($1, $2, $3)", partition_of(KEY), KEY, at)
    async with tiny.worker(tiny.service(due=due)):
        await until(lambda: _note_is(tiny, "alarm"), "the alarm was folded")


async def _note_is(tiny: Tiny, note: str) -> bool:
    async with tiny.database() as db:
        return bool(await db.fetchval("select 1 from count where key = $1 and note = $2", KEY, note))


async def test_a_run_sees_what_had_arrived_and_each_key_once(tiny: Tiny) -> None:
    """(rules P5) Records wait unread when the run becomes due; its pages come after them, and a crash resumes at the
    cursor."""
    seen_at_run: dict[str, list[int]] = {}
    pages = 0
    crashed = asyncio.Event()

    def decide(before: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        decision = tiny.decide(before, messages, now)
        if messages[-1].value == "run":
            assert decision.state is not None
            seen_at_run.setdefault(messages[-1].key, []).append(decision.state.total)
        return decision

    async def due(db: Any, shard: int, *rest: Any) -> Any:
        nonlocal pages
        page = await tiny.due(db, shard, *rest)
        if page.run and page.messages:
            pages += 1
            if pages == 20:
                crashed.set()
        return page

    service = tiny.service(decide=decide, due=due)
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await tiny.send(ones(480))
        await tiny.until_total(480)
    await tiny.send(ones(1_920))
    tiny.clock.set(tiny.clock.now() + timedelta(seconds=10))
    async with tiny.worker(service, batch_records_max=50, due_page_max=1) as worker:
        await asyncio.wait_for(crashed.wait(), 30)
        await worker.crash()
    async with tiny.worker(service, batch_records_max=50, due_page_max=1):
        await until(lambda: _run_is_done(tiny), "the run is done in all shards")
    notes = [count.note for each in (await published(tiny)).values() for count in dict.fromkeys(each)]
    assert notes.count("run") == len(KEYS), "each key once"
    assert {totals[-1] for totals in seen_at_run.values()} == {50}, "all that had arrived was folded before"
    await assert_exactly_once(tiny, 2_400)


async def _run_is_done(tiny: Tiny) -> bool:
    async with tiny.database() as db:
        return bool(await db.fetchval("select bool_and(cursor = 'done') from shard"))


async def test_timers_are_not_starved_by_load(tiny: Tiny) -> None:
    """Each shard has a backlog all the time; the alarm fires long before it is worked off."""
    mode = tiny.mode

    async def slow_load(db: Any, shard: int, keys: Sequence[str]) -> dict[str, Count]:
        await asyncio.sleep(0.02)  # how long a read takes is what is tried
        return await mode.load(db, shard, keys)

    service = tiny.service(load=slow_load)
    await tiny.send(ones(800, [KEY]))
    async with tiny.database() as db:
        await db.execute("insert into alarm values ($1, $2, $3)", partition_of(KEY), NEIGHBOR, tiny.clock.now())
        async with tiny.worker(service, batch_records_max=10, cache_entries_max=0):
            await tiny.until_total(800)
    counts = await published(tiny)
    records = await tiny.read(tiny.target)
    fired = next(number for number, record in enumerate(records) if record.key == NEIGHBOR.encode())
    assert counts[NEIGHBOR][0].note == "alarm"
    assert fired < len(records) / 4


async def test_another_policy_makes_no_progress_and_says_so(tiny: Tiny) -> None:
    """(rules P9)"""
    async with tiny.database() as db:
        await db.execute("insert into count values ($1, $2, 0, 1, 'another policy')", partition_of(KEY), KEY)
        tiny.clock.set(tiny.clock.now() + timedelta(seconds=10))
        async with tiny.worker() as worker:
            await until(lambda: _has_policy_trouble(worker), "readiness tells of the policy")
            await tiny.send([(NEIGHBOR, "one")])
            await tiny.until_total(1)
            await db.execute("update count set note = ''")
            tiny.clock.set(tiny.clock.now() + timedelta(seconds=1))
            await until(lambda: _run_is_done(tiny), "the run is done")
            await worker.until_shards(6)


async def _has_policy_trouble(worker: Worker) -> bool:
    return any("another policy is in force" in trouble for trouble in worker.here.troubles())


# -- without state -----------------------------------------------------------------------------------------------------


async def test_a_relay_forwards_every_record_in_order(tiny: Tiny) -> None:
    await tiny.send([(KEYS[n % 48], str(n)) for n in range(2_000)])
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        await until(lambda: _relayed(tiny, 2_000), "2,000 records forwarded")
    forwarded: dict[bytes | None, list[int]] = {}
    for record in await tiny.read(tiny.target):
        forwarded.setdefault(record.key, []).append(int(record.value or b""))
    assert sum(map(len, forwarded.values())) == 2_000
    assert all(numbers == sorted(numbers) for numbers in forwarded.values())


async def _relayed(tiny: Tiny, count: int) -> bool:
    return len(await tiny.read(tiny.target)) >= count


async def test_a_relay_that_crashes_repeats_and_loses_nothing(tiny: Tiny) -> None:
    async with tiny.worker(tiny.relay(), batch_records_max=50) as first:
        await first.until_shards(6)
        await tiny.send([(KEYS[n % 48], str(n)) for n in range(1_000)])
        await first.crash()
    async with tiny.worker(tiny.relay()):
        await until(lambda: _relayed_values(tiny, 1_000), "1,000 different records forwarded")
    # Readers drop what they have seen: of the first occurrences nothing is out of order.
    firsts: dict[bytes | None, list[int]] = {}
    for record in await tiny.read(tiny.target):
        numbers = firsts.setdefault(record.key, [])
        if (number := int(record.value or b"")) not in numbers:
            numbers.append(number)
    assert all(numbers == sorted(numbers) for numbers in firsts.values())


async def _relayed_values(tiny: Tiny, count: int) -> bool:
    return len({record.value for record in await tiny.read(tiny.target)}) >= count


async def test_the_lag_of_a_relay_is_what_is_left_to_do(tiny: Tiny) -> None:
    """Also after a restart, when it has handled nothing itself yet."""
    await tiny.send([(KEY, "1")] * 100)
    async with tiny.worker(tiny.relay()):
        await until(lambda: _relayed(tiny, 100), "100 records forwarded")
    await tiny.send([(KEY, "1")] * 30)
    gate = asyncio.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny.clock, "refresh", gate.wait)
        async with tiny.worker(tiny.relay()) as worker:
            await worker.until_shards(6)

            seen: list[int] = []

            async def says() -> bool:
                lags = await worker.here.measure()
                seen.extend(lags[tp].records for tp in lags if tp == (tiny.source, partition_of(KEY)))
                return bool(seen)

            # Until the shard knows where it goes on, it says nothing, and above all not 0.
            await until(says, "the shard's lag")
            assert seen == [30]
            gate.set()


async def test_a_shard_at_rest_has_no_lag(tiny: Tiny) -> None:
    """Behind the last record stands the marker of its transaction, which nobody handles."""
    at = TopicPartition(tiny.source, partition_of(KEY))
    producer = AIOKafkaProducer(bootstrap_servers=tiny.kafka, transactional_id=f"{tiny.name}-partner")
    async with producer, producer.transaction():
        await producer.send(at.topic, b"one", key=KEY.encode(), partition=at.partition)
    async with tiny.worker() as worker:
        await tiny.until_total(1)

        async def rests() -> bool:
            lags = await worker.here.measure()
            return at in lags and lags[at].records == 0

        await until(rests, "nothing is left to do")


async def test_a_relay_sets_poison_aside(tiny: Tiny) -> None:
    values = ["1", "fail", "2", "undecodable", "3"]
    await tiny.send([(KEY, value) for value in values])
    async with tiny.worker(tiny.relay()):
        await until(lambda: _relayed(tiny, 3), "3 records forwarded")
    assert [record.value for record in await tiny.read(tiny.target)] == [b"1", b"2", b"3"]
    place = f"{tiny.source}/{partition_of(KEY)}"
    assert await letters(tiny) == [("undecidable", f"{place}/1"), ("undecidable", f"{place}/3")]


async def test_a_relay_reads_a_topic_that_is_new(tiny: Tiny) -> None:
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        await tiny.create_topics(f"{tiny.source}-new")
        await tiny.send([(KEY, "1")], topic=f"{tiny.source}-new")
        await until(lambda: _relayed(tiny, 1), "the new topic's record forwarded")


@pytest.mark.parametrize("size", [pytest.param(1_500_000, id="larger than a batch")])
async def test_a_relay_passes_large_records_on(tiny: Tiny, size: int) -> None:
    await tiny.send([(KEY, "x" * size), (KEY, "1")])
    async with tiny.worker(tiny.relay()):
        await until(lambda: _relayed(tiny, 2), "both forwarded")


# -- poison for the client library -------------------------------------------------------------------------------------


async def test_header_names_that_are_not_utf8_stop_nobody(tiny: Tiny) -> None:
    """The client library cannot read such a record, nor hand out what it read beside it."""
    async with tiny.worker(tiny.relay()) as worker:
        await worker.until_shards(6)
        for first in range(0, 200, 40):
            await tiny.send([(key, f"{number}") for number in range(first, first + 20) for key in KEYS[:12]])
            await tiny.send_raw(partition_of(KEY), KEY.encode(), b"poison", b"\xff\xfe")
            await tiny.send([(key, f"{number}") for number in range(first + 20, first + 40) for key in KEYS[:12]])
        await handled(tiny, worker, tiny.source)
    forwarded = await tiny.read(tiny.target)
    for key in KEYS[:12]:
        assert [int(r.value or b"0") for r in forwarded if r.key == key.encode()] == list(range(200)), key
    assert len(await letters(tiny)) == 5


async def test_a_flood_of_unreadable_headers_delays_and_does_not_stop(tiny: Tiny) -> None:
    await tiny.send_raw(partition_of(KEY), KEY.encode(), b"poison", b"\xff\xfe", count=100)
    await tiny.send([(KEY, "1"), (KEYS[1], "1")])
    async with tiny.worker(tiny.relay()):
        await until(lambda: _relayed(tiny, 2), "what lies behind and beside it was forwarded")
    assert len(await letters(tiny)) == 100
