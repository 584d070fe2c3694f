"""The scorer's erasure on a real Postgres: edges in others' rows go, none slips in, and no two wait in a ring."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeAlias

import asyncpg
import pytest

from services.scorer.core.decide import Person, Publication, Writes
from services.scorer.core.messages import Edge
from services.scorer.core.score import Evaluation
from services.scorer.storage import restate
from services.scorer.storage.store import load, save
from shared.contracts.erasure import REMEMBERED_MAX, Erased, mark, nobody
from shared.contracts.partition import partition_of
from shared.postgres import migrate
from shared.settings import ROOT

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connect: TypeAlias = Callable[[], Awaitable[Db]]
KEY = b"k" * 32
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE, AFTER = ASKED - timedelta(days=1), ASKED + timedelta(seconds=1)


def somebody(shard: int, number: int = 0) -> str:
    ids = (sha256(f"{number} {each}".encode()).hexdigest() for each in range(1_000))
    return next(id for id in ids if partition_of(id) == shard)


ONE, OTHER, THIRD = somebody(1), somebody(2), somebody(3)
MARK = Erased(ONE, "r1", ASKED)


@pytest.fixture
async def connect(postgres_dsn: str) -> AsyncIterator[Connect]:
    """Connections to the scorer's tables, empty, in a schema of the test's own."""
    schema = f"scorer_{uuid.uuid4().hex}"
    settings = {"search_path": schema, "timezone": "UTC"}
    first = await asyncpg.connect(postgres_dsn, server_settings=settings)
    await first.execute(f"create schema {schema}")
    await migrate(first, [ROOT / "services" / "scorer" / "storage" / "migrations"])
    made = [first]

    async def another() -> Db:
        made.append(await asyncpg.connect(postgres_dsn, server_settings=settings))
        return made[-1]

    yield another
    for each in made[1:]:
        await each.close()
    await first.execute(f"drop schema {schema} cascade")
    await first.close()


@asynccontextmanager
async def step(db: Db) -> AsyncIterator[None]:
    async with db.transaction():
        yield


def edge(contact: str, came: datetime = BEFORE) -> Edge:
    return Edge(contact, True, 1, b"12345678", came)


async def say(db: Db, who: str, contact: str, came: datetime = BEFORE) -> None:
    person = {who: Person(who, b"\x01state", 1)}
    writes = [Writes(who, edges=(edge(contact, came),))]
    await save(db, partition_of(who), person, writes, fingerprint_key=KEY)


async def erase(db: Db, mark: Erased = MARK) -> None:
    async with step(db):
        writes = [Writes(mark.user_id, erased=(mark,))]
        await save(db, partition_of(mark.user_id), {}, writes, fingerprint_key=KEY)


async def edges(db: Db) -> set[tuple[str, str]]:
    return {(row[0].hex(), row[1].hex()) for row in await db.fetch("select user_id, contact from contact")}


async def test_everything_goes_both_ways_and_nothing_else(connect: Connect) -> None:
    db = await connect()
    for who, contact in ((ONE, OTHER), (OTHER, ONE), (OTHER, THIRD), (THIRD, ONE), (THIRD, OTHER)):
        await say(db, who, contact)
    published = Publication(1, BEFORE, None, "p@0123456789ab", Evaluation(350, True, (), (), ()))
    for who in (ONE, OTHER):
        await save(db, partition_of(who), {who: Person(who, b"\x01", 1)}, [Writes(who, publication=published)])
    before = await db.fetch("select * from person where user_id <> $1 order by user_id", bytes.fromhex(ONE))
    await erase(db)
    assert await edges(db) == {(OTHER, THIRD), (THIRD, OTHER)}
    assert await db.fetch("select * from person order by user_id") == before
    assert {row["user_id"].hex() for row in await db.fetch("select user_id from score")} == {OTHER}
    assert await load(db, 1, [ONE], fingerprint_key=KEY) == {ONE: Person(ONE, erased=MARK)}
    assert await load(db, 2, [OTHER], fingerprint_key=KEY) != {}
    # Nothing that is kept says who it was.
    kept = await db.fetch("select * from erased")
    assert ONE not in repr(kept)
    assert bytes.fromhex(ONE) not in [row["person"] for row in kept]


async def test_an_edge_that_had_arrived_before_is_left_out_and_a_later_one_is_not(connect: Connect) -> None:
    db = await connect()
    await erase(db)
    await say(db, OTHER, ONE, BEFORE)
    await say(db, OTHER, ONE, ASKED)
    assert await edges(db) == set()
    await say(db, OTHER, ONE, AFTER)
    assert await edges(db) == {(OTHER, ONE)}


async def test_an_erasure_waits_for_an_edge_that_is_being_written(connect: Connect) -> None:
    writer, eraser = await connect(), await connect()
    async with step(writer):
        await say(writer, OTHER, ONE)
        erasing_ = asyncio.create_task(erase(eraser))
        while not await writer.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            assert not erasing_.done()
    await erasing_
    assert await edges(writer) == set()


async def test_who_writes_an_edge_waits_for_an_erasure_and_then_leaves_it_out(connect: Connect) -> None:
    writer, eraser = await connect(), await connect()

    async def write() -> None:
        async with step(writer):
            await say(writer, OTHER, ONE)

    async with step(eraser):
        await save(eraser, 1, {}, [Writes(ONE, erased=(MARK,))], fingerprint_key=KEY)
        writing = asyncio.create_task(write())
        while not await eraser.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            assert not writing.done()
    await writing
    assert await edges(eraser) == set()


async def test_a_row_that_its_owner_is_writing_is_not_waited_for(connect: Connect) -> None:
    owner, eraser = await connect(), await connect()
    await say(owner, OTHER, ONE)
    async with step(owner):
        await owner.execute("update contact set counted = true where user_id = $1", bytes.fromhex(OTHER))
        with pytest.raises(asyncpg.LockNotAvailableError):
            await erase(eraser)
    assert await edges(eraser) == {(OTHER, ONE)}, "nothing of it took effect"
    await erase(eraser)
    assert await edges(eraser) == set()


async def test_two_who_are_each_others_contacts_are_erased_at_once(connect: Connect) -> None:
    one, other = await connect(), await connect()
    for round in range(20):
        await say(one, ONE, OTHER, AFTER + timedelta(days=round))
        await say(one, OTHER, ONE, AFTER + timedelta(days=round))
        marks = [Erased(who, f"r{round}", AFTER + timedelta(days=round)) for who in (ONE, OTHER)]
        found = await asyncio.gather(erase(one, marks[0]), erase(other, marks[1]), return_exceptions=True)
        assert all(each is None or isinstance(each, asyncpg.LockNotAvailableError) for each in found), found
        for erased, each in zip(marks, found, strict=True):
            if each is not None:
                await erase(one, erased)
        assert await edges(one) == set()


async def test_what_is_remembered_of_an_erasure_goes_when_nothing_older_can_come(connect: Connect) -> None:
    db = await connect()
    await erase(db)
    await erase(db, Erased(nobody(1), "roll-1", ASKED + REMEMBERED_MAX - timedelta(seconds=1)))
    assert await db.fetchval("select count(*) from erased") == 1
    await erase(db, Erased(nobody(1), "roll-2", ASKED + REMEMBERED_MAX))
    assert await db.fetchval("select count(*) from erased") == 0


async def test_an_older_copy_of_the_database_forgets_whom_the_topics_forgot(connect: Connect) -> None:
    """By a mark that is still to be read, and by one that was sent on; and nobody who has come back since."""
    db = await connect()
    other, newcomer = somebody(1, 8), somebody(1, 7)
    await say(db, OTHER, ONE)
    follows = Erased(newcomer, "r2", ASKED)
    await erase(db, follows)
    await save(db, 1, {who: Person(who, b"\x01", 3, as_of=BEFORE) for who in (ONE, other, newcomer)})
    of_other = Erased(other, "r3", ASKED)
    ahead = [mark("retention", "records.changed", each) for each in (MARK, follows)]
    sent = {each.user_id.encode(): mark("scorer", "scores.changed", each) for each in (of_other, follows)}
    marks = await restate.erase_ahead(db, 1, sent, ahead, AFTER, KEY)
    assert marks == [MARK], "what the topic lacks"
    found = await load(db, 1, [ONE, other, newcomer], fingerprint_key=KEY)
    assert {who for who, person in found.items() if not person.is_blank} == {newcomer}
    assert {who: person.erased for who, person in found.items()} == {ONE: MARK, other: of_other, newcomer: follows}
    assert await edges(db) == set()
    # Again, nothing more happens.
    assert await restate.follow_ahead(db, 1, ahead, KEY) == []
