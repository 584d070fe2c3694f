"""Webhooks on a real Postgres and over real HTTP: signed, in order for each person, tried again, given up, replayed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from goodstanding.portal import keys, ledger
from goodstanding.portal.feed import store
from goodstanding.portal.feed.messages import Ends, Forget, Gone, Part
from goodstanding.portal.hooks import sending
from goodstanding.portal.hooks.sending import SQL, Sender
from shared.contracts.erasure import ON_THE_WAY_MAX, nobody
from shared.contracts.partition import partition_of
from shared.postgres import migrate
from shared.settings import ROOT

NOW = datetime.now(UTC)
ONE = "ab" * 32
SHARD = partition_of(ONE)
KEY = b"k" * 32
OTHER = next(id for n in range(1_000) if partition_of(id := f"{n:064x}") == SHARD)


@dataclass
class Receiver:
    """A subscriber's server, which answers as it is told: with a status, and headers besides."""

    port: int = 0
    answers: list[tuple[int, str]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status, more = self.answers.pop(0) if self.answers else (204, "")
        writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n{more}connection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.answer, "127.0.0.1", 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver


@pytest.fixture
async def db(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """The portal's tables, empty, in a schema of the test's own."""
    schema = f"portal_{uuid.uuid4().hex}"
    pool = await asyncpg.create_pool(
        postgres_dsn, min_size=1, max_size=4, server_settings={"search_path": schema, "timezone": "UTC"}
    )
    await pool.execute(f"create schema {schema}")
    async with pool.acquire() as connection:
        await migrate(connection, [ROOT / "goodstanding" / "portal" / "feed" / "migrations"])
    for who in (ONE, OTHER):
        await pool.execute(
            "insert into permission (shard, user_id, subscriber, given_at) values ($1, $2, 'firm', $3)",
            SHARD,
            bytes.fromhex(who),
            NOW,
        )
    await keys.make(pool, "subscriber", "firm", ["standing"], NOW)
    yield pool
    await pool.execute(f"drop schema {schema} cascade")
    await pool.close()


async def say(db: asyncpg.Pool, *said: tuple[str, str], at: datetime = NOW) -> None:
    """Tell of people under these ids."""
    ids = [bytes.fromhex(who) for who, _ in said]
    bodies = [json.dumps({"type": "tier.changed", "data": {"user_id": who}}).encode() for who, _ in said]
    messages = [message for _, message in said]
    await db.execute(SQL["tell"], SHARD, ids, ["standing"] * len(said), messages, bodies, at)


@asynccontextmanager
async def sender(db: asyncpg.Pool) -> AsyncIterator[Sender]:
    made = Sender(db, allows_private=True)
    yield made
    await made.close()


async def drained(made: Sender, at: datetime) -> None:
    while await made.send_due(at):
        pass


async def waits_for_a_lock(db: asyncpg.Pool, session: int) -> None:
    """Return when this session of the server waits for another one."""
    async with asyncio.timeout(10):
        while not await db.fetchval("select cardinality(pg_blocking_pids($1)) > 0", session):  # noqa: ASYNC110  # nobody tells: it has to be asked
            await asyncio.sleep(0.01)


async def test_what_is_said_is_signed_and_in_order_and_only_of_those_who_permit_it(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        _, secret = await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        await sending.add(db, "stranger", receiver.url, NOW, allows_private=True)
        await say(db, (ONE, "b/1"), (OTHER, "o/1"), (ONE, "b/2"))
        await say(db, (ONE, "b/2"), (ONE, "b/3"))
        await drained(made, datetime.now(UTC))
        assert sorted(receiver.ids) == ["b/1", "b/2", "b/3", "o/1"], "each once"
        assert [id for id in receiver.ids if id.startswith("b")] == ["b/1", "b/2", "b/3"]
        for headers, body in receiver.got:
            Webhook(secret).verify(body.decode(), headers)
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body.decode() + " ", headers)
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body.decode(), {**headers, "webhook-id": "b/9"})
            with pytest.raises(WebhookVerificationError):
                Webhook(sending.new_secret()).verify(body.decode(), headers)
            # Whoever has heard a delivery and sends it once more comes too late with it.
            then = datetime.now(UTC) - timedelta(minutes=10)
            signature = sending.signatures(headers["webhook-id"], then, body, secret, None)
            heard = {**headers, "webhook-timestamp": str(int(then.timestamp())), "webhook-signature": signature}
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body.decode(), heard)


async def test_a_failure_holds_back_that_person_alone_and_is_tried_again_under_the_same_id(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(500, "")]
        await say(db, (ONE, "b/1"), (ONE, "b/2"))
        await drained(made, NOW)
        assert receiver.ids == ["b/1"]
        await say(db, (OTHER, "o/1"))
        await drained(made, NOW)
        assert receiver.ids == ["b/1", "o/1"]
        await drained(made, NOW + timedelta(seconds=10))
        assert receiver.ids == ["b/1", "o/1", "b/1", "b/2"]


async def test_after_three_days_it_is_given_up_listed_and_can_be_asked_for_again(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        id, _ = await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(503, "")] * 1_000
        await say(db, (ONE, "b/1"), (ONE, "b/2"))
        at = NOW
        while not await sending.dead(db):
            assert at - NOW < timedelta(days=4)
            await made.send_due(at)
            at += timedelta(hours=1)
        assert at - NOW > timedelta(days=3)
        assert len(receiver.got) < 30, "the waits grow"
        while len(await sending.dead(db)) < 2:
            await made.send_due(at)
            at += timedelta(hours=1)
        [known] = await sending.known(db)
        assert (known["waiting"], known["dead"], known["failed"]) == (0, 2, "answered 503")
        receiver.answers, receiver.got = [], []
        assert await sending.replay(db, id, NOW, at) == 2
        await drained(made, at)
        assert receiver.ids == ["b/1", "b/2"]


async def test_what_waits_or_is_asked_for_again_is_told_only_while_the_person_permits_it(db: asyncpg.Pool) -> None:
    """(rules I15)"""
    async with receiving() as receiver, sender(db) as made:
        id, _ = await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(204, ""), (503, "")]
        await say(db, (ONE, "b/1"), (ONE, "b/2"), (ONE, "b/3"))
        await drained(made, NOW)
        assert receiver.ids == ["b/1", "b/2"]
        assert await ledger.withdraw(db, ONE, "firm", NOW)
        await say(db, (ONE, "b/4"))
        await drained(made, NOW + timedelta(hours=1))
        assert await sending.replay(db, id, NOW - timedelta(days=1), NOW + timedelta(hours=1)) == 1
        await drained(made, NOW + timedelta(hours=2))
        assert receiver.ids == ["b/1", "b/2"]
        assert await db.fetchval("select count(*) from delivery") == 0
        await ledger.permit(db, ONE, "firm", NOW)
        await say(db, (ONE, "b/5"))
        await drained(made, NOW + timedelta(hours=3))
        assert receiver.ids == ["b/1", "b/2", "b/5"]


async def test_a_webhook_tells_no_more_than_the_keys_of_the_subscriber_allow(db: asyncpg.Pool) -> None:
    """(rules I15)"""
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        body = json.dumps({"type": "score.changed", "data": {"user_id": ONE}}).encode()
        score = SHARD, [bytes.fromhex(ONE)], ["score"]
        await db.execute(SQL["tell"], *score, ["s/1"], [body], NOW)
        await say(db, (ONE, "b/1"))
        await drained(made, NOW)
        assert receiver.ids == ["b/1"]
        await keys.make(db, "subscriber", "firm", ["score"], NOW)
        await db.execute(SQL["tell"], *score, ["s/2"], [body], NOW)
        await drained(made, NOW)
        assert receiver.ids == ["b/1", "s/2"]
        await say(db, (ONE, "b/2"))
        await db.execute("update api_key set revoked_at = $1", NOW)
        await drained(made, NOW)
        assert receiver.ids == ["b/1", "s/2"]
        assert await db.fetchval("select count(*) from delivery where state <> 'done'") == 0


async def test_what_a_webhook_has_told_is_a_look_that_the_person_sees(db: asyncpg.Pool) -> None:
    """(rules I15)"""
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(503, "")]
        await say(db, (ONE, "b/1"))
        await drained(made, NOW)
        assert await ledger.looks(db, ONE) == []
        at = NOW + timedelta(minutes=1)
        await drained(made, at)
        assert await ledger.looks(db, ONE) == [ledger.Look(at, "firm", "standing, by webhook")]


async def test_a_subscriber_hears_of_an_erasure_in_whichever_order_its_parts_end(db: asyncpg.Pool) -> None:
    """What was told long ago is known here by the permission alone, which stays until the last part has ended."""
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        assert await ledger.looked(db, ONE, "firm", "standing", NOW)
        parts: tuple[Part, ...] = ("answers", "score", "records")
        async with db.acquire() as connection:
            for part in parts:
                await store.save(connection, SHARD, [Ends(ONE, part, "r1", NOW)], UTC, KEY)
                await drained(made, datetime.now(UTC))
            assert receiver.ids == []
            await store.save(connection, SHARD, [Ends(ONE, "tier", "r1", NOW), Gone(ONE, "r1", NOW)], UTC, KEY)
        await drained(made, datetime.now(UTC))
        assert receiver.ids == [f"erased/r1/{ONE}"]
        for table in ("permission", "look", "delivery"):
            assert await db.fetchval(f"select count(*) from {table} where user_id = $1", bytes.fromhex(ONE)) == 0, table


async def test_no_look_outlives_an_erasure_that_it_meets(db: asyncpg.Pool) -> None:
    async with db.acquire() as erasing:
        async with db.acquire() as looking, looking.transaction():
            assert await ledger.looked(looking, ONE, "firm", "standing", NOW)
            erased = asyncio.create_task(store.save(erasing, SHARD, [Gone(ONE, "r1", NOW)], UTC, KEY))
            await waits_for_a_lock(db, erasing.get_server_pid())
        await erased
    assert await ledger.looks(db, ONE) == []


async def test_what_is_remembered_of_an_erasure_goes_when_nothing_older_can_come(db: asyncpg.Pool) -> None:
    """(rules I12) With the first mark about nobody of then, though nobody else is erased; also of an erasure of which a
    part never ended."""
    ended = Ends(OTHER, "tier", "r2", NOW)
    async with db.acquire() as connection:
        await store.save(connection, SHARD, [ended, Gone(ONE, "r1", NOW)], UTC, KEY)
        await store.save_endings(connection, SHARD, [ended], {OTHER: {"r2": frozenset({"tier"})}})
        over = NOW + ON_THE_WAY_MAX
        for at, left in ((over - timedelta(seconds=1), 1), (over + timedelta(seconds=1), 0)):
            await store.save(connection, SHARD, [Forget(nobody(SHARD), at)], UTC, KEY)
            for table in ("come_through", "ending"):
                assert await connection.fetchval(f"select count(*) from {table}") == left, table


async def test_two_secrets_are_valid_for_a_day_after_a_rotation(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        id, before = await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        after = await sending.rotate(db, id, NOW)
        await say(db, (ONE, "b/1"))
        await drained(made, datetime.now(UTC))
        headers, body = receiver.got[0]
        for secret in (before, after):
            Webhook(secret).verify(body.decode(), headers)
        await say(db, (ONE, "b/2"))
        await drained(made, NOW + timedelta(days=1, seconds=1))
        assert len(receiver.got[1][0]["webhook-signature"].split()) == 1


async def test_no_redirect_is_followed_and_no_private_address_is_reached(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, receiving() as inside, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(302, f"location: {inside.url}\r\n")]
        await say(db, (ONE, "b/1"))
        await drained(made, NOW)
        assert (len(receiver.got), inside.got) == (1, [])
        [known] = await sending.known(db)
        assert known["failed"] == "answered 302"
        strict = Sender(db, allows_private=False)
        await db.execute("update webhook set url = $1", inside.url.replace("http://127.0.0.1", "https://localhost"))
        await drained(strict, NOW + timedelta(seconds=30))
        await db.execute("update webhook set url = 'https://localhost/hook'")
        await drained(strict, NOW + timedelta(minutes=5))
        await strict.close()
        assert inside.got == []
        [known] = await sending.known(db)
        assert known["failed"] == "The address belongs to a private network."


async def test_of_who_is_erased_that_alone_is_told_and_nothing_is_kept_after_that(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        await say(db, (ONE, "b/1"), (OTHER, "o/1"))
        await db.execute(SQL["tell_erased"], SHARD, bytes.fromhex(ONE), "erased/r1", NOW)
        await drained(made, NOW + timedelta(seconds=10))
        told = {json.loads(body)["type"]: json.loads(body)["data"] for _, body in receiver.got if ONE in body.decode()}
        assert told == {"person.erased": {"user_id": ONE}}
        assert await db.fetchval("select count(*) from delivery where user_id = $1", bytes.fromhex(ONE)) == 0


async def test_of_who_is_erased_nothing_is_kept_either_where_nobody_takes_it(db: asyncpg.Pool) -> None:
    async with receiving() as receiver, sender(db) as made:
        await sending.add(db, "firm", receiver.url, NOW, allows_private=True)
        receiver.answers = [(503, "")] * 1_000
        await say(db, (ONE, "b/1"))
        await db.execute(SQL["tell_erased"], SHARD, bytes.fromhex(ONE), "erased/r1", NOW)
        at = NOW
        while await db.fetchval("select count(*) from delivery"):
            assert at - NOW < timedelta(days=4)
            await made.send_due(at)
            at += timedelta(hours=1)
        assert at - NOW > timedelta(days=3)
