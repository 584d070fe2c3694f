"""What can never succeed for one record ends with that record: it is set aside, the others go on, and nothing is sent
twice on the way. What is wrong with a server sets nothing aside, however long it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import asyncpg
import pytest

from shared import postgres
from shared.contracts.partition import partition_of
from shared.contracts.topics import rejected_topic
from shared.runner import store
from shared.runner.service import Decision, Outgoing, Service
from tests.integration.seen import (
    KEY,
    NEIGHBOR,
    ORIGIN,
    SHARD,
    assert_exactly_once,
    letters,
    published,
    relaying,
    retried,
    says,
    sentences,
)
from tests.integration.tiny import KEYS, Add, Count, Tiny, Worker, Write, until

pytestmark = pytest.mark.usefixtures("plain_logs")


async def raises(tiny: Tiny, condition: str, action: str) -> None:
    """From now on Postgres does this when it is to save a count for which the condition holds."""
    async with tiny.database() as db:
        await db.execute(
            f"create or replace function refuse() returns trigger language plpgsql as"
            f" $$ begin if {condition} then {action}; end if; return new; end $$;"
            f"create or replace trigger refuse before insert or update on count for each row execute function refuse()"
        )


async def forgives(tiny: Tiny) -> None:
    async with tiny.database() as db:
        await db.execute("drop trigger refuse on count")


def raising(code: str) -> str:
    return f"raise exception 'refused' using errcode = '{code}'"


async def mixed(tiny: Tiny, *poison: str) -> int:
    """Healthy records of all keys, and the poison in the middle of a batch of one shard; how many are healthy."""
    healthy = [(KEYS[number % len(KEYS)], "one") for number in range(480)]
    half = len(healthy) // 2
    await tiny.send([*healthy[:half], *((KEY, word) for word in poison), *healthy[half:]])
    return len(healthy)


def retries(worker: Worker) -> float:
    metric = worker.here._host.metrics.retries
    return sum(sample.value for each in metric.collect() for sample in each.samples if sample.name.endswith("_total"))


# -- the database refuses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["54000", "57014", "XX000", "XX001", "23514", "22003", "P0001"])
async def test_an_error_that_repeats_for_one_record_sets_that_record_aside(tiny: Tiny, code: str) -> None:
    await raises(tiny, "new.note = 'poison'", raising(code))
    healthy = await mixed(tiny, "poison")
    async with tiny.worker() as worker:
        await tiny.until_total(healthy)
        await until(lambda: _letters(tiny, 1), "a dead letter")
        assert retries(worker) == 0, "nothing else had to begin again"
    assert [code for code, _ in await letters(tiny)] == ["unsavable"]
    said = "Handling this record failed twice, alone, while the database took other writes: "
    assert [each.startswith(said) for each in await sentences(tiny)] == [True]
    await assert_exactly_once(tiny, healthy)


async def test_nothing_is_set_aside_before_the_database_is_proven_to_work(tiny: Tiny) -> None:
    """Every statement takes too long for a while, the one that would prove something included."""
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        async with tiny.database() as db:
            # A sequence counts also what is rolled back. Two statements fail: the first one that saves a count, and the
            # next one of either table.
            await db.execute(
                "create sequence attempt;"
                "create function too_slow() returns trigger language plpgsql as $$ declare before bigint; begin"
                " select case when is_called then last_value else 0 end into before from attempt;"
                " if before = 1 or (before = 0 and tg_table_name = 'count') then perform nextval('attempt');"
                " raise exception 'canceling statement due to statement timeout' using errcode = '57014';"
                " end if; return new; end $$;"
                "create trigger too_slow before insert or update on count for each row execute function too_slow();"
                "create trigger too_slow before update on shard for each row execute function too_slow()"
            )
        await tiny.send([(KEY, "one")])
        await tiny.until_total(1)
        assert retries(worker) > 0
        await worker.until_shards(6)
    assert await letters(tiny) == []
    await assert_exactly_once(tiny, 1)


async def test_a_statement_that_takes_too_long_is_the_records(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**postgres.SERVER_SETTINGS, "statement_timeout": "1500"}
    monkeypatch.setattr(postgres, "SERVER_SETTINGS", MappingProxyType(settings))
    await raises(tiny, "new.note = 'poison'", "perform pg_sleep(60)")
    healthy = await mixed(tiny, "poison")
    async with tiny.worker():
        await tiny.until_total(healthy)
        await until(lambda: _letters(tiny, 1), "a dead letter")
    await assert_exactly_once(tiny, healthy)


async def test_many_poison_records_are_set_aside_one_by_one(tiny: Tiny) -> None:
    await raises(tiny, "new.note = 'poison'", raising("54000"))
    healthy = await mixed(tiny, *["poison"] * 5, "one", *["poison"] * 5)
    async with tiny.worker():
        await tiny.until_total(healthy + 1)
        await until(lambda: _letters(tiny, 10), "ten dead letters")
    assert len(await letters(tiny)) == 10
    await assert_exactly_once(tiny, healthy + 1)


async def test_a_state_that_cannot_be_read_costs_its_own_records_only(tiny: Tiny) -> None:
    async def load(db: Any, shard: int, keys: Sequence[str]) -> dict[str, Count]:
        if KEY in keys:
            raise ValueError("not what it was written as")
        return await tiny.mode.load(db, shard, keys)

    await tiny.send([(KEY, "one"), *((NEIGHBOR, "one") for _ in range(50)), (KEY, "one")])
    async with tiny.worker(tiny.service(load=load)):
        await tiny.until_total(50)
        await until(lambda: _letters(tiny, 2), "two dead letters")
    assert await tiny.totals() == {NEIGHBOR: 50}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("53100", "the disk of Postgres is full"),
        ("53200", "out of memory"),
        ("55P03", "SQLSTATE 55P03"),
        ("40001", "SQLSTATE 40001"),
        ("57P03", "SQLSTATE 57P03"),
        ("58030", "SQLSTATE 58030"),
        ("42501", "SQLSTATE 42501"),
    ],
)
async def test_an_error_of_the_server_sets_nothing_aside_and_is_told_in_words(
    tiny: Tiny, code: str, words: str
) -> None:
    await raises(tiny, f"new.shard = {SHARD}", raising(code))
    healthy = await mixed(tiny)
    async with tiny.worker() as worker:
        await until(lambda: says(worker, words), "readiness says why")
        await until(lambda: _retried(worker, 6), "it was tried again and again")
        await forgives(tiny)
        await tiny.until_total(healthy)
        await worker.until_shards(6)
    assert await letters(tiny) == []
    await assert_exactly_once(tiny, healthy)


async def _retried(worker: Worker, times: int) -> bool:
    return retries(worker) >= times


async def test_a_database_that_was_read_only_is_written_again_by_itself(tiny: Tiny) -> None:
    """As managed servers are made when their disk is nearly full: a session keeps for good what held when it began."""
    async with tiny.worker() as worker, tiny.database() as db:
        await worker.until_shards(6)
        database = await db.fetchval("select current_database()")
        await db.execute(f'alter database "{database}" set default_transaction_read_only = on')
        try:
            await db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", tiny.name
            )
            await tiny.send([(KEY, "one")] * 10)
            await until(lambda: says(worker, "Postgres is read-only"), "readiness says why")
        finally:
            await db.execute(f'alter database "{database}" reset default_transaction_read_only')
        await tiny.until_total(10)
        await worker.until_shards(6)
    assert await letters(tiny) == []
    await assert_exactly_once(tiny, 10)


async def test_connections_that_are_cut_again_and_again_set_nothing_aside(tiny: Tiny) -> None:
    """A real outage as a client sees it: its backends die in the middle of whatever they do."""
    await raises(tiny, "true", "perform pg_sleep(0.05)")
    healthy = await mixed(tiny)
    async with tiny.worker(batch_records_max=20) as worker, tiny.database() as db:
        for _ in range(40):
            await db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", tiny.name
            )
            await asyncio.sleep(0.1)  # connections live for this long, and are cut again
        assert retries(worker) > 0
        await tiny.until_total(healthy)
        await worker.until_shards(6)
    assert await letters(tiny) == []
    await assert_exactly_once(tiny, healthy)


async def test_poison_among_cut_connections_is_still_the_only_one_set_aside(tiny: Tiny) -> None:
    await raises(tiny, "new.note = 'poison'", raising("54000"))
    healthy = await mixed(tiny, "poison")
    async with tiny.worker(batch_records_max=50) as worker, tiny.database() as db:
        for _ in range(15):
            await db.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", tiny.name
            )
            await asyncio.sleep(0.1)  # connections live for this long, and are cut again
        await tiny.until_total(healthy)
        await until(lambda: _letters(tiny, 1), "a dead letter")
        await worker.until_shards(6)
    assert len(set(await letters(tiny))) == 1
    await assert_exactly_once(tiny, healthy)


async def _letters(tiny: Tiny, count: int) -> bool:
    return len(set(await letters(tiny))) >= count


# -- timers ------------------------------------------------------------------------------------------------------------


async def _alarms(tiny: Tiny, keys: Sequence[str], at: datetime) -> None:
    async with tiny.database() as db:
        await db.executemany("insert into alarm values ($1, $2, $3)", [(partition_of(key), key, at) for key in keys])


async def _fired(tiny: Tiny, keys: Sequence[str]) -> bool:
    async with tiny.database() as db:
        fired = await db.fetchval("select count(*) from count where note = 'alarm' and key = any ($1)", keys)
        return bool(fired == len(keys))


@pytest.mark.parametrize("by", ["the database", "the rules"])
async def test_a_timer_that_cannot_be_handled_holds_nobody_up(tiny: Tiny, by: str) -> None:
    """It stays due, as a deadline does, and everything behind it fires all the same, and records are counted."""

    def decide(before: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        if by == "the rules" and messages[0].due and messages[0].key == KEY:
            raise ArithmeticError("the rules fail")
        return tiny.decide(before, messages, now)

    if by == "the database":
        await raises(tiny, f"new.note = 'alarm' and new.key = '{KEY}'", raising("54000"))
    at = tiny.clock.now() + timedelta(seconds=5)
    mine = [key for key in KEYS if partition_of(key) == SHARD]
    assert len(mine) > 3
    await _alarms(tiny, mine, at)
    async with tiny.worker(tiny.service(decide=decide)) as worker:
        await worker.until_shards(6)
        tiny.clock.set(at)
        await until(lambda: _fired(tiny, [key for key in mine if key != KEY]), "the other alarms fired")
        await tiny.send([(NEIGHBOR, "one")])
        await tiny.until_total(1)
        await until(lambda: _letters(tiny, 1), "a dead letter")
        await worker.until_shards(6)
    assert [(code, place) for code, place in dict.fromkeys(await letters(tiny))] == [
        ("unsavable" if by == "the database" else "undecidable", "timer/")
    ]


async def test_a_run_goes_past_whom_it_cannot_handle(tiny: Tiny) -> None:
    await tiny.send([(key, "one") for key in KEYS])
    async with tiny.worker() as worker:
        await tiny.until_total(len(KEYS))
        await raises(tiny, f"new.note = 'run' and new.key = '{KEY}'", raising("XX000"))
        tiny.clock.set(tiny.clock.now() + timedelta(seconds=10))
        await until(lambda: _run_done(tiny), "the run is done in all shards")
        await worker.until_shards(6)
    notes = {key: counts[-1].note for key, counts in (await published(tiny)).items()}
    assert notes == {key: "one" if key == KEY else "run" for key in KEYS}
    assert await letters(tiny) == [("unsavable", "timer/run-1")]
    said = "Handling this timer failed twice, alone, while the database took other writes: "
    assert [each.startswith(said) for each in await sentences(tiny)] == [True]


async def _run_done(tiny: Tiny) -> bool:
    async with tiny.database() as db:
        return bool(await db.fetchval("select bool_and(cursor = 'done') from shard"))


async def test_timers_that_cannot_be_found_do_not_stop_the_records(tiny: Tiny) -> None:
    async def due(*_: Any) -> Any:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    async with tiny.worker(tiny.service(due=due)) as worker:
        await tiny.send([(key, "one") for key in KEYS])
        await tiny.until_total(len(KEYS))
        await until(lambda: says(worker, "what is due cannot be found"), "readiness says why")
        await tiny.send([(key, "one") for key in KEYS])
        await tiny.until_total(2 * len(KEYS))
        assert retries(worker) == 0
    await assert_exactly_once(tiny, 2 * len(KEYS))


# -- slow rules --------------------------------------------------------------------------------------------------------


async def test_slow_rules_hold_no_transaction_open(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**postgres.SERVER_SETTINGS, "idle_in_transaction_session_timeout": "1000"}
    monkeypatch.setattr(postgres, "SERVER_SETTINGS", MappingProxyType(settings))

    def decide(before: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        if messages[0].key in slow:
            time.sleep(0.12)  # how long the rules take is what is tried
        return tiny.decide(before, messages, now)

    # All of one shard: in each step its rules take longer than a transaction may stand idle.
    slow = [key for key in KEYS if partition_of(key) == SHARD]
    assert 0.12 * len(slow) > 1.0
    await tiny.send([(key, "one") for key in KEYS])
    async with tiny.worker(tiny.service(decide=decide), session_timeout_ms=10_000) as worker:
        await tiny.until_total(len(KEYS))
        tiny.clock.set(tiny.clock.now() + timedelta(seconds=10))
        await until(lambda: _run_done(tiny), "the run is done")
        assert retries(worker) == 0
    await assert_exactly_once(tiny, len(KEYS))


async def test_one_hot_person_leaves_the_loop_to_the_others(tiny: Tiny) -> None:
    """2,000 records of one key, each of which takes a millisecond: others have their turn in between."""
    turn, decided = 0, Counter[int]()

    def decide(before: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        time.sleep(0.001 * len(messages))  # how long the rules take is what is tried
        decided[turn] += len(messages)
        return tiny.decide(before, messages, now)

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)  # a turn of the loop

    await tiny.send([(KEY, "one")] * 2_000)
    async with tiny.worker(tiny.service(decide=decide)):
        having_turns = asyncio.create_task(others())
        await tiny.until_total(2_000)
        having_turns.cancel()
    assert sum(decided.values()) == 2_000
    assert max(decided.values()) <= 128


# -- what can never be sent --------------------------------------------------------------------------------------------


def telling(tiny: Tiny, outgoing: Callable[[str, str], Outgoing | None]) -> Service:
    """The counting service; beside each count it sends what `outgoing` makes of key and word."""

    def decide(before: Count | None, messages: Sequence[Add], now: datetime) -> Decision[Count, Write]:
        decision = tiny.decide(before, messages, now)
        more = tuple(each for m in messages if (each := outgoing(m.key, m.value)) is not None)
        return Decision(decision.state, (*more, *decision.outgoing), decision.outcomes, decision.writes)

    return tiny.service(decide=decide)


def _large(tiny: Tiny, size: int) -> Outgoing:
    return Outgoing(tiny.target, b"k", b"x" * size, ORIGIN, SHARD)


def _to(topic: str) -> Outgoing:
    return Outgoing(topic, None, b"refused", ORIGIN, 0)


IMPOSSIBLE = [
    pytest.param(lambda tiny: _large(tiny, 3 * 1024 * 1024), id="larger than the broker takes"),
    pytest.param(lambda tiny: _large(tiny, 5 * 1024 * 1024), id="larger than a request"),
    pytest.param(lambda tiny: _to(rejected_topic(f"gone-{tiny.name}")), id="a partner's topic is not there"),
    pytest.param(lambda tiny: _to(rejected_topic("no:such")), id="no topic can have this name"),
]


@pytest.mark.parametrize("impossible", IMPOSSIBLE)
async def test_a_relay_sets_aside_what_can_never_be_sent_and_repeats_nothing(
    tiny: Tiny, impossible: Callable[[Tiny], Outgoing], request: pytest.FixtureRequest
) -> None:
    values = [str(number) for number in range(300)]
    await tiny.send([(KEYS[n % 48], value) for n, value in enumerate(values[:150])])
    await tiny.send([(KEY, "impossible")])
    await tiny.send([(KEYS[n % 48], value) for n, value in enumerate(values[150:])])
    service = relaying(tiny, lambda _, value: impossible(tiny) if value == "impossible" else None)
    async with tiny.worker(service) as worker:
        await until(lambda: _letters(tiny, 1), "a dead letter")
        await until(lambda: _sent(tiny, len(values)), "the others are forwarded")
        await worker.until_shards(6)
        sent_in_vain = request.node.callspec.id == "larger than the broker takes"
        assert retries(worker) == sent_in_vain, "what is known before it is sent costs no producer"
    assert Counter((record.value or b"").decode() for record in await tiny.read(tiny.target)) == Counter(values)
    assert await letters(tiny) == [("unsendable", "behavior.raw.shop/3/77")]


@pytest.mark.parametrize("impossible", IMPOSSIBLE)
async def test_a_fenced_shard_sets_aside_what_can_never_be_sent(
    tiny: Tiny, impossible: Callable[[Tiny], Outgoing]
) -> None:
    service = telling(tiny, lambda _, value: impossible(tiny) if value == "impossible" else None)
    healthy = await mixed(tiny, "impossible")
    async with tiny.worker(service) as worker:
        await tiny.until_total(healthy + 1)
        await until(lambda: _letters(tiny, 1), "a dead letter")
        await worker.until_shards(6)
        dead = worker.here._host.metrics.dead_letters.labels("unsendable")._value.get()
    assert dead == 1
    assert await letters(tiny) == [("unsendable", "behavior.raw.shop/3/77")]
    await assert_exactly_once(tiny, healthy + 1)


async def test_what_the_broker_calls_invalid_is_set_aside(tiny: Tiny) -> None:
    """Without a key nothing can be compacted, so the broker takes no such message for a compacted topic."""
    compacted = f"{tiny.name}.compacted"
    await tiny.create_topics(compacted, partitions=1, cleanup="compact")
    await tiny.send([(KEY, "1"), (KEY, "impossible"), (KEY, "2")])
    service = relaying(tiny, lambda _, value: _to(compacted) if value == "impossible" else None)
    async with tiny.worker(service) as worker:
        await until(lambda: _letters(tiny, 1), "a dead letter")
        await until(lambda: _sent(tiny, 2), "the others are forwarded")
        await worker.until_shards(6)
    assert await letters(tiny) == [("unsendable", "behavior.raw.shop/3/77")]


async def _sent(tiny: Tiny, count: int) -> bool:
    return len(await tiny.read(tiny.target)) >= count


async def test_a_stored_outbox_with_something_impossible_is_sent_by_the_next_owner(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an outbox of a release before this one may hold it."""
    async with tiny.worker() as worker:
        await worker.until_shards(6)
    waiting = [
        _to(rejected_topic(f"gone-{tiny.name}")),
        Outgoing(tiny.target, KEY.encode(), b'{"total":1,"version":1,"note":"one"}', (), SHARD),
        Outgoing(rejected_topic("no:such"), None, b"", (), 0),
    ]
    async with tiny.database() as db:
        claim = await store.claim(db, SHARD, epoch=None)
        await store.advance(db, SHARD, claim.epoch, claim.progress, sent_seq=0, outgoing=waiting)
        seq = await db.fetchval("select max(seq) from outbox")
    async with tiny.worker() as worker:
        await worker.until_shards(6)
        await until(lambda: _letters(tiny, 2), "two dead letters")
    assert await letters(tiny) == [
        ("unsendable", "behavior.raw.shop/3/77"),
        ("unsendable", f"outbox/{SHARD}/{seq}/2"),
    ]
    assert len(await tiny.read(tiny.target)) == 1


async def test_a_partners_topic_that_is_deleted_under_a_running_relay_holds_its_shards_for_seconds(tiny: Tiny) -> None:
    """The client believes in the topic until it asks again, and would wait for room behind what it cannot send."""
    refusals = rejected_topic(f"deleted-{tiny.name}")
    await tiny.create_topics(refusals)
    service = relaying(
        tiny,
        lambda key, value: (
            Outgoing(refusals, None, b"x" * 100_000, ORIGIN, partition_of(key)) if value == "refused" else None
        ),
    )
    refused = [(key, "refused") for key in KEYS[:48]]
    # The client asks for metadata by itself as seldom as in production.
    async with tiny.worker(service, metadata_max_age_ms=300_000) as worker:
        await tiny.send(refused)
        await until(lambda: _later(tiny, refusals), "the topic is known and written to")
        await tiny.delete_topics(refusals)
        for _ in range(5):
            await tiny.send(refused)
        await tiny.send([(key, "1") for key in KEYS[:48]])
        await until(lambda: _sent(tiny, 48), "the shards go on")
        await worker.until_shards(6)
        # Never ten seconds for room in a queue that does not move, nor thirty for an answer.
        assert retried(worker) <= {"UnknownTopicOrPartitionError"}
    assert set(await letters(tiny)) == {("unsendable", "behavior.raw.shop/3/77")}


async def test_a_topic_of_the_platform_that_is_missing_is_waited_for(tiny: Tiny) -> None:
    """Not ready as long as it is missing; what was acknowledged meanwhile is not sent again."""
    later = f"{tiny.name}.later"
    service = relaying(
        tiny, lambda key, value: Outgoing(later, key.encode(), value.encode(), (), 0) if value == "later" else None
    )
    await tiny.send([(KEY, "1"), (KEY, "later"), (KEY, "2")])
    async with tiny.worker(service, batch_records_max=10) as worker:
        await until(lambda: says(worker, f"shard {SHARD}"), "the shard tells of it")
        await until(lambda: _sent(tiny, 2), "the others of its batch are forwarded")
        await until(lambda: _retried(worker, 2), "it was tried again")
        assert SHARD not in worker.shards
        await tiny.create_topics(later, partitions=1)
        await worker.until_shards(6)
        await until(lambda: _later(tiny, later), "what waited was sent")
    assert [record.value for record in await tiny.read(tiny.target)] == [b"1", b"2"]
    assert [record.value for record in await tiny.read(later)] == [b"later"]
    assert await letters(tiny) == []


async def _later(tiny: Tiny, topic: str) -> bool:
    return bool(await tiny.read(topic))


async def test_what_was_acknowledged_is_committed_although_its_batch_is_not_done(tiny: Tiny) -> None:
    """Up to the first record that waits: a successor repeats no more than it must."""
    later = f"{tiny.name}.later"
    service = relaying(
        tiny, lambda key, value: Outgoing(later, key.encode(), value.encode(), (), 0) if value == "later" else None
    )
    await tiny.send([(KEY, "1"), (KEY, "2"), (KEY, "later"), (KEY, "3")])
    async with tiny.worker(service) as worker:
        await until(lambda: _retried(worker, 1), "the batch has failed")
        await until(lambda: _handled(worker, tiny.source, 2), "the first two are committed")
    await tiny.create_topics(later, partitions=1)
    async with tiny.worker(service):
        await until(lambda: _later(tiny, later), "what waited was sent")
        await until(lambda: _sent(tiny, 4), "what lies behind it came again")
    assert [record.value for record in await tiny.read(tiny.target)] == [b"1", b"2", b"3", b"3"]


async def _handled(worker: Worker, topic: str, offset: int) -> bool:
    return worker.here.shards[SHARD].handled_offsets.get(topic) == offset


# -- a shard never ends in silence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["stateful", "forward"])
async def test_a_cancellation_that_a_library_leaks_is_a_trouble_and_no_end(
    tiny: Tiny, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks = iter([True, True])

    async def refresh() -> None:
        if next(leaks, False):
            raise asyncio.CancelledError

    async with tiny.worker(tiny.service() if mode == "stateful" else tiny.relay()) as worker:
        await worker.until_shards(6)
        monkeypatch.setattr(tiny.clock, "refresh", refresh)
        await tiny.send([(key, "1") for key in KEYS])
        await until(lambda: _sent(tiny, len(KEYS)), "all is handled")
        await worker.until_shards(6)
        metric = worker.here._host.metrics.retries
        assert metric.labels("LeakedCancellationError")._value.get() == 2
