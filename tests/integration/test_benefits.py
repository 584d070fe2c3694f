"""benefits as a real process, on real Kafka and Postgres: scores in, tiers out, killed on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import time
import tomllib
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from goodstanding.simulation import rule_book_tiers
from goodstanding.simulation.rule_book import read_policy
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held, Standing
from services.benefits.loading import tier_tables
from services.benefits.storage import due
from services.benefits.storage.store import census, save
from shared.clock import set_stepped_clock
from shared.contracts.cloudevents import binary
from shared.contracts.messages import TYPES, ScoreChange, TierChange, encode, read
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.topics import CLOCK_TOPIC, SCORES_CHANGED, TIERS_CHANGED, dead_letter_topic
from shared.kafka.sender import send_transaction, started
from shared.kafka.topic_admin import ensure_simulation_topic
from shared.postgres import migrate
from shared.runner.service import Outgoing, PolicyMismatchError
from shared.runner.store import MIGRATIONS
from shared.settings import ROOT
from tests.support.fresh_kafka import delete, forget
from tests.support.oracle.tiers import Publication, expect

TABLE = read_policy(ROOT / "policies" / "benefits.toml")
NOW = datetime(2026, 1, 5, 16, tzinfo=UTC)
PATIENCE_S = 60.0

History = Mapping[str, Sequence[ScoreChange]]
"""Everybody's publications by user_id, versions 1, 2, 3."""


@dataclass
class Deployment:
    """A database of its own; the topics are the real ones, which other tests use too, with people of their own."""

    kafka: str
    dsn: str
    logs: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "GOODSTANDING_KAFKA": self.kafka,
            "GOODSTANDING_POSTGRES": self.dsn,
            # A killed process is missed soon, and steps are small enough to be killed between them.
            "GOODSTANDING_FINGERPRINT_KEY": "00" * 32,
            "GOODSTANDING_SESSION_TIMEOUT_MS": "1000",
            **settings,
        }
        with (self.logs / f"benefits-{len(self.processes)}.log").open("wb") as log:
            argv = [sys.executable, "-m", "services.benefits.app"]
            process = subprocess.Popen(argv, env=environment, cwd=ROOT, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def log(self, process: subprocess.Popen[bytes]) -> str:
        return (self.logs / f"benefits-{self.processes.index(process)}.log").read_text(errors="replace")

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        db = await asyncpg.connect(self.dsn, server_settings={"search_path": "benefits"})
        try:
            yield db
        finally:
            await db.close()

    async def folded(self) -> int:
        """How many records of the topic of scores the shards have behind them, end markers not counted."""
        async with self.database() as db:
            rows = await db.fetch("select offsets from shard")
        return sum(json.loads(row["offsets"]).get(SCORES_CHANGED, 0) for row in rows)


@pytest.fixture
async def deployment(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    await forget(kafka_bootstrap, [SCORES_CHANGED, TIERS_CHANGED])
    name = f"benefits_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres_dsn)
    try:
        await admin.execute(f"create database {name}")
        dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path=f"/{name}"))
        deployment = Deployment(kafka_bootstrap, dsn, tmp_path)
        async with deployment.database() as db:
            await db.execute("create schema benefits")
            await migrate(db, [MIGRATIONS, ROOT / "services" / "benefits" / "storage" / "migrations"])
        yield deployment
        for process in deployment.processes:
            process.kill()
            process.wait()
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


# -- what the scorer would send ----------------------------------------------------------------------------------------


def histories(people: int, seed: int) -> History:
    """`people` strangers to every other test, each with up to a dozen publications."""
    draw = random.Random(seed)
    found = {}
    for number in range(people):
        person = sha256(f"{uuid.uuid4()} {number}".encode()).hexdigest()
        found[person] = [publication(version, draw) for version in range(1, draw.randint(2, 12))]
    return found


def publication(version: int, draw: random.Random) -> ScoreChange:
    restricted = draw.random() < 0.15
    return ScoreChange(
        version=version,
        score=draw.choice((599, 600, 649, 650, 699, 700, 749, 750, draw.randint(350, 950))),
        thin=draw.random() < 0.15,
        cadence="monthly",
        as_of=NOW + timedelta(days=30 * version),
        policy="start@0123456789ab",
        restrictions=tuple(draw.sample(("credit", "financing", "luxury-purchases"), 2)) if restricted else (),
        key_factors=("active-months",),
    )


def message(person: str, score: ScoreChange) -> Outgoing:
    headers = binary(
        id=f"scorer/{person}/{score.version}",
        source="/scorer",
        type=TYPES[ScoreChange],
        time=score.as_of,
        partitionkey=person,
    )
    return Outgoing(SCORES_CHANGED, person.encode(), encode(score), headers, partition_of(person))


def mixed(history: History, seed: int, repeats: float = 0.1) -> list[Outgoing]:
    """Everybody's messages in one log, each person's in order, some of them sent again later on."""
    draw = random.Random(seed)
    order = [person for person, scores in history.items() for _ in scores]
    draw.shuffle(order)
    reached: Counter[str] = Counter()
    log = []
    for person in order:
        log.append(message(person, history[person][reached[person]]))
        reached[person] += 1
        if draw.random() < repeats:
            log.append(message(person, history[person][draw.randrange(reached[person])]))
    return log


# -- what subscribers read ---------------------------------------------------------------------------------------------


async def read_all(bootstrap: str, topic: str) -> list[Any]:
    """Everything in the topic that is committed, partition by partition in order."""
    records: list[Any] = []
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for part in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(part)
    return records


async def tiers_of(bootstrap: str, history: History) -> dict[str, list[Any]]:
    """The records of these people, in the order of the log, repeats included."""
    found: dict[str, list[Any]] = defaultdict(list)
    for record in await read_all(bootstrap, TIERS_CHANGED):
        if (person := record.key.decode()) in history:
            found[person].append(record)
    return found


def check(history: History, found: Mapping[str, Sequence[Any]]) -> None:
    """Nothing lost, nothing doubled, nothing out of order, and all as the oracle says."""
    for person, scores in history.items():
        contents: dict[str, tuple[Any, ...]] = {}
        changes: list[TierChange] = []
        for record in found.get(person, ()):
            assert record.partition == partition_of(person)
            ce_id = dict(record.headers)["ce_id"].decode()
            content = (record.value, tuple(record.headers))
            if ce_id in contents:
                assert contents[ce_id] == content, "two messages with one id are byte-equal"
                continue
            contents[ce_id] = content
            change = read(TierChange, record.value)
            assert isinstance(change, TierChange)
            assert ce_id == f"benefits/{person}/{change.version}"
            changes.append(change)
        assert [change.version for change in changes] == list(range(1, len(changes) + 1))
        expected = expect([Publication(s.score, s.thin, frozenset(s.restrictions)) for s in scores], TABLE)
        assert [change.score_version for change in changes] == [scores[each.number].version for each in expected]
        in_force: set[str] = set()
        for change, each in zip(changes, expected, strict=True):
            assert (change.previous_tier, change.tier) == (each.before.tier, each.after.tier)
            assert set(change.granted) == each.granted
            assert set(change.revoked) == each.revoked
            in_force = (in_force | set(change.granted)) - set(change.revoked)
            assert in_force == set(change.in_force)
            assert set(change.restrictions) == each.after.restrictions
            assert change.as_of == scores[each.number].as_of
        if contents:
            last = json.loads(found[person][-1].value)
            assert last["version"] == len(changes), "the compacted topic ends with the last version"


# -- awaiting ----------------------------------------------------------------------------------------------------------


async def until_folded(deployment: Deployment) -> None:
    """Every record of the topic of scores has been folded, and the outbox is empty."""
    ends = await end_offsets(deployment.kafka)

    async def done() -> bool:
        async with deployment.database() as db:
            rows = await db.fetch("select shard, offsets from shard")
            waiting = await db.fetchval("select count(*) from outbox")
        offsets = {row["shard"]: json.loads(row["offsets"]).get(SCORES_CHANGED, 0) for row in rows}
        # The last place of each partition is the end marker of the transaction.
        return not waiting and all(offsets[shard] >= end - 1 for shard, end in ends.items())

    await until(done, deployment)


async def end_offsets(bootstrap: str) -> dict[int, int]:
    async with AIOKafkaConsumer(SCORES_CHANGED, bootstrap_servers=bootstrap) as consumer:
        return {tp.partition: end for tp, end in (await consumer.end_offsets(consumer.assignment())).items()}


async def until(condition: Callable[[], Any], deployment: Deployment) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_S} s; {deployment.log(deployment.processes[-1])[-2000:]}")
        await asyncio.sleep(0.05)  # what is awaited lies in a server, which has to be asked


@contextlib.asynccontextmanager
async def scorer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    async with started(bootstrap, f"test-scorer-{uuid.uuid4().hex[:8]}") as producer:
        yield producer


def parts(log: Sequence[Outgoing], count: int) -> Iterator[Sequence[Outgoing]]:
    size = -(-len(log) // count)
    yield from (log[at : at + size] for at in range(0, len(log), size))


# -- the tests ---------------------------------------------------------------------------------------------------------


async def test_scores_in_tiers_out(deployment: Deployment) -> None:
    history = histories(people=100, seed=1)
    deployment.start()
    async with scorer(deployment.kafka) as producer:
        for part in parts(mixed(history, seed=1), 5):
            await send_transaction(producer, part)
    await until_folded(deployment)
    found = await tiers_of(deployment.kafka, history)
    check(history, found)
    await check_view(deployment, history, found)
    await check_example(deployment.kafka, history, found)


async def check_view(deployment: Deployment, history: History, found: Mapping[str, Sequence[Any]]) -> None:
    """`benefits.current`, by which the command line tells where somebody stands, agrees with the last message."""
    async with deployment.database() as db:
        for person, scores in history.items():
            row = await db.fetchrow(
                "select * from current where shard = $1 and user_id = $2", partition_of(person), bytes.fromhex(person)
            )
            assert row is not None
            last = json.loads(found[person][-1].value) if found.get(person) else {}
            assert (row["version"], row["tier"]) == (last.get("version", 0), last.get("tier"))
            assert row["in_force"] == last.get("in_force", [])
            assert row["restrictions"] == last.get("restrictions", [])
            newest = scores[-1]
            assert (row["score"], row["thin"], row["score_version"]) == (newest.score, newest.thin, newest.version)
            assert row["as_of"] == newest.as_of


async def check_example(bootstrap: str, history: History, found: Mapping[str, Sequence[Any]]) -> None:
    """The client's command, run as a newcomer would, tells everybody's last score and tier."""
    argv = [sys.executable, "-m", "goodstanding_client", bootstrap, "--once"]
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    told = {(line["topic"], line["person"]): line["body"] for line in map(json.loads, output.splitlines())}
    for person, scores in history.items():
        assert told[SCORES_CHANGED, person]["version"] == scores[-1].version
        last = json.loads(found[person][-1].value) if found.get(person) else None
        assert told.get((TIERS_CHANGED, person)) == last


async def test_killed_on_the_way_nothing_is_lost_or_doubled(deployment: Deployment) -> None:
    """Two processes share the shards; each kill counts only when there was work in flight."""
    history = histories(people=400, seed=2)
    kills = 0
    async with scorer(deployment.kafka) as producer:
        for part in parts(mixed(history, seed=2), 4):
            await send_transaction(producer, part)
            end = sum((await end_offsets(deployment.kafka)).values())
            before = await deployment.folded()
            victim = deployment.start(GOODSTANDING_BATCH_RECORDS_MAX="5")
            other = deployment.start(GOODSTANDING_BATCH_RECORDS_MAX="5")

            async def has_begun(before: int = before) -> bool:
                return await deployment.folded() > before + 40

            await until(has_begun, deployment)
            for process in (victim, other):
                process.kill()
                process.wait()
                kills += await deployment.folded() < end - PARTITIONS
    assert kills >= 4
    deployment.start()
    await until_folded(deployment)
    check(history, await tiers_of(deployment.kafka, history))


async def test_what_is_no_score_is_set_aside_and_stops_nothing(deployment: Deployment) -> None:
    history = histories(people=5, seed=3)
    person = next(iter(history))
    good = message(person, history[person][0])
    strange = [
        Outgoing(SCORES_CHANGED, good.key, value, headers, good.partition)
        for value, headers in [
            (None, good.headers),
            (b"", good.headers),
            (b"{", good.headers),
            (good.value, ()),
            (good.value, (*good.headers, ("ce_other", b"\xff"))),
        ]
    ]
    strange.append(Outgoing(SCORES_CHANGED, b"_roll", b"", (), good.partition))
    strange.append(Outgoing(SCORES_CHANGED, good.key, good.value, good.headers, (good.partition + 1) % PARTITIONS))
    known = {record.offset for record in await read_all(deployment.kafka, dead_letter_topic("benefits"))}
    deployment.start()
    async with scorer(deployment.kafka) as producer:
        await send_transaction(producer, [*strange, *mixed(history, seed=3)])
    await until_folded(deployment)
    check(history, await tiers_of(deployment.kafka, history))
    letters = [r for r in await read_all(deployment.kafka, dead_letter_topic("benefits")) if r.offset not in known]
    codes = Counter(dict(letter.headers)["ce_code"].decode() for letter in letters)
    expected = {
        "value-missing": 1,
        "json-syntax": 2,
        "envelope-version": 2,
        "envelope-header": 1,
        "misplaced": 1,
    }
    # The database is new and the topic is not: what other tests have left in it is set aside again.
    assert all(codes[code] >= count for code, count in expected.items())
    for letter in letters:
        assert letter.key is None
        assert not letter.value
        assert person not in str(letter.headers)


async def test_a_broken_table_ends_the_process_in_one_sentence(deployment: Deployment, tmp_path: Path) -> None:
    text = (ROOT / "policies" / "benefits.toml").read_text()
    (tmp_path / "benefits.toml").write_text(text.replace("from = 650", "from = 600"))
    process = deployment.start(GOODSTANDING_POLICIES=str(tmp_path))
    assert await asyncio.to_thread(process.wait, PATIENCE_S) == 1
    assert re.fullmatch(
        r"benefits: .*benefits\.toml:\d+: tiers\[1\]\.from \(good\): Let the tiers rise: use 601 to 950\.\n",
        deployment.log(process),
    )


async def test_everybody_is_counted_by_tier_band_and_file(deployment: Deployment) -> None:
    """What the metric `goodstanding_people` shows."""
    places = [(350, True, None), (449, True, None), (450, False, "fair"), (949, False, "fair"), (950, False, "top")]
    people = {
        sha256(str(number).encode()).hexdigest(): Standing(
            score_version=1,
            score=score,
            thin=thin,
            as_of=NOW,
            version=1,
            tier=tier,
            kept=tier,
            in_force=(),
            restrictions=(),
        )
        for number, (score, thin, tier) in enumerate(places)
    }
    async with deployment.database() as db:
        await save(db, 0, {user_id: Held(standing) for user_id, standing in people.items()})
        counted = {(each.by, each.value): each.people for each in await census(db)}
    assert counted == {
        ("tier", "none"): 2,
        ("tier", "fair"): 2,
        ("tier", "top"): 1,
        ("band", "350-449"): 2,
        ("band", "450-549"): 1,
        ("band", "850-950"): 2,
        ("file", "thin"): 2,
        ("file", "full"): 3,
    }


# -- grace, and a table that begins on a day ---------------------------------------------------------------------------

GRACIOUS = """\
name = "gracious"
hysteresis = 5
[[tiers]]
code = "fair"
name = "Fair"
from = 600
benefits = [{ code = "bike", name = "Bike" }]
[[tiers]]
code = "good"
name = "Good"
from = 650
grace_days = 45
benefits = [{ code = "car", name = "Car" }]
[[tiers]]
code = "best"
name = "Best"
from = 750
grace_days = 10
benefits = [{ code = "loan", name = "Loan" }]
[restrictions]
credit = ["loan"]
"""
STRICTER = GRACIOUS.replace("from = 650", "from = 670").replace("gracious", 'stricter"\neffective_on = 2026-04-20 #')


async def test_grace_and_a_new_table_survive_kills_and_are_shared(deployment: Deployment, tmp_path: Path) -> None:
    """(rules T8 to T11) Four months of publications, and a clock that goes on between them: two processes share the
    timers, and one of them is killed in the middle of the falls of a day, both in the middle of the new table."""
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "benefits.toml").write_text(GRACIOUS)
    (policies / "benefits-2026-04.toml").write_text(STRICTER)
    settings = {
        "GOODSTANDING_POLICIES": str(policies),
        "GOODSTANDING_CLOCK": "stepped",
        "GOODSTANDING_ZONE": "UTC",
        "GOODSTANDING_DUE_PAGE_MAX": "4",
        "GOODSTANDING_BATCH_RECORDS_MAX": "20",
    }
    draw = random.Random(35)
    people = [sha256(f"{uuid.uuid4()} {number}".encode()).hexdigest() for number in range(120)]
    told: dict[str, list[ScoreChange]] = defaultdict(list)
    await delete(deployment.kafka, [CLOCK_TOPIC])
    await ensure_simulation_topic(deployment.kafka)
    kills = 0
    async with scorer(deployment.kafka) as producer, started(deployment.kafka) as driver:
        await set_stepped_clock(driver, NOW)
        processes = [deployment.start(**settings), deployment.start(**settings)]
        for month in range(4):
            now = NOW + timedelta(days=31 * month)
            await set_stepped_clock(driver, now)
            await until_settled(deployment, now)
            for person in people:
                if draw.random() < 0.8:
                    score = replace(publication(len(told[person]) + 1, draw), as_of=now)
                    told[person].append(score)
            await send_transaction(producer, [message(person, told[person][-1]) for person in people if told[person]])
            await until_folded(deployment)
            # The falls of best are due first; in April the table begins, and then those of good.
            for days in (10, 20):
                later = now + timedelta(days=days)
                await set_stepped_clock(driver, later)
                if month in (1, 3):
                    await until_begun(deployment, later)
                    for process in processes[: 1 if month == 1 else 2]:
                        process.kill()
                        process.wait()
                        kills += 1
                    processes = [*processes[1 if month == 1 else 2 :], *[deployment.start(**settings)] * (month != 1)]
                    processes.append(deployment.start(**settings))
                await until_settled(deployment, later)
        end = NOW + timedelta(days=31 * 3 + 20)
    assert kills >= 3
    found = await tiers_of(deployment.kafka, told)
    tables = [tomllib.loads(text) for text in (GRACIOUS, STRICTER)]
    falls = 0
    for person, scores in told.items():
        publications = [
            rule_book_tiers.Publication(each.as_of, each.score, each.thin, each.restrictions) for each in scores
        ]
        wanted = rule_book_tiers.changes(publications, tables, UTC, end)
        changes: dict[int, TierChange] = {}
        in_force: set[str] = set()
        for record in found.get(person, ()):
            change = read(TierChange, record.value)
            assert isinstance(change, TierChange)
            assert changes.setdefault(change.version, change) == change
            if change.version == len(changes):
                in_force = (in_force | set(change.granted)) - set(change.revoked)
                assert in_force == set(change.in_force), "granted minus revoked is in force at any moment"
        assert sorted(changes) == list(range(1, len(wanted) + 1))
        for number, each in enumerate(wanted, 1):
            change = changes[number]
            seen = rule_book_tiers.Seen(
                change.tier, change.in_force, change.restrictions, change.falls_at, change.falls_to
            )
            assert (change.as_of, change.score_version, seen) == (each.as_of, each.number + 1, each.after)
            falls += each.before.falls_at == each.as_of
    assert falls > 20, "grace has ended for many"
    async with deployment.database() as db:
        (begun,) = await db.fetch("select * from table_begun")
        assert (begun["effective_on"], begun["policy"][:9]) == (date(2026, 4, 20), "stricter@")
        assert await db.fetchval("select count(*) from person where table_from < '2026-04-20'") == 0


async def test_a_process_with_another_table_of_the_day_applies_none(deployment: Deployment, tmp_path: Path) -> None:
    """(rules T8)"""
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "benefits.toml").write_text(GRACIOUS)
    (policies / "benefits-2026-04.toml").write_text(STRICTER.replace("from = 670", "from = 690"))
    async with deployment.database() as db:
        await db.execute("insert into table_begun values ('2026-04-20', 'stricter@000000000000')")
        person = Standing(
            score_version=1,
            score=680,
            thin=False,
            as_of=NOW,
            version=1,
            tier="good",
            kept="good",
            in_force=("bike", "car"),
            restrictions=(),
        )
        await save(db, 0, {f"{7:064x}": Held(person)})
        tables = tier_tables(policies)
        policy = Policy(tables=tables, zone=UTC)
        with pytest.raises(PolicyMismatchError, match=r"has begun as stricter@000000000000, and this process has"):
            await due.due(db, 0, NOW + timedelta(days=200), "", 10, policy=policy)
        alone = Policy(tables=tables[:1], zone=UTC)
        with pytest.raises(PolicyMismatchError, match="2026-04-20 has begun, and this process has none"):
            await due.due(db, 0, NOW + timedelta(days=200), "", 10, policy=alone)


async def until_settled(deployment: Deployment, instant: datetime) -> None:
    """Nothing is due any more at this instant, and all is sent."""

    async def done() -> bool:
        async with deployment.database() as db:
            waiting = await db.fetchval("select count(*) from outbox")
            settled = await db.fetchval("select count(*) from shard where settled_at >= $1", instant)
        return not waiting and settled == PARTITIONS

    await until(done, deployment)


async def until_begun(deployment: Deployment, instant: datetime) -> None:
    """Some of what is due at this instant is done, or all is."""

    async def begun() -> bool:
        async with deployment.database() as db:
            done = await db.fetchval("select count(*) from person where as_of between $1 and $2", *_since(instant))
            settled = await db.fetchval("select count(*) from shard where settled_at >= $1", instant)
        return bool(done or settled == PARTITIONS)

    await until(begun, deployment)


def _since(instant: datetime) -> tuple[datetime, datetime]:
    return instant - timedelta(days=9), instant
