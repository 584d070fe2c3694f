"""The portal is killed again and again while events come, and its topics are really compacted. In the end whoever is
told by webhooks, and whoever asks the interface, knows the same as a client that has followed the topics all along.

The subscriber's server fails, takes deliveries although it says that it has not, and answers late.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from goodstanding_client import Follower, Memory
from pydantic import SecretStr
from standardwebhooks import Webhook

from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import Line
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from goodstanding.portal import keys, person_documents, tokens
from goodstanding.portal.feed import store
from goodstanding.portal.feed.messages import PARTS as READ_BY_PORTAL
from goodstanding.portal.feed.messages import Ends, News, read
from goodstanding.portal.hooks import sending
from goodstanding.portal.people import Known, People
from goodstanding.portal.policies import load
from goodstanding.portal.settings import PortalSettings
from shared.contracts.erasure import Erased, is_nobody, mark, nobody
from shared.contracts.faults import Fault
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.partition import PARTITIONS
from shared.contracts.times import rfc3339
from shared.contracts.topics import PORTAL, RECORDS_HELD, SCORES_CHANGED, SCORES_EXPLAINED, TIERS_CHANGED
from shared.kafka.sender import send_transaction, started
from shared.postgres import migrate
from shared.settings import ROOT
from tests.support.compaction import SOON

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

PEOPLE, ROUNDS = 24, 6
PATIENCE_S = 90.0
FIRM = "firm"
NOW = datetime.now(UTC).replace(microsecond=0)
PARTS = ("standing", "score", "reasons", "records")
COMPACTED = (SCORES_EXPLAINED, RECORDS_HELD, SCORES_CHANGED, TIERS_CHANGED)


@dataclass
class Subscriber:
    """A server that keeps what it is told as its makers should: by id, and the highest version of each person."""

    draw: random.Random
    secret: str = ""
    port: int = 0
    ids: set[str] = field(default_factory=set)
    known: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The last of each type and person."""
    erased: set[str] = field(default_factory=set)
    doubled: int = 0
    failed: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        except asyncio.IncompleteReadError:
            return  # the portal was killed before it has said anything
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        does = self.draw.choice(["fails", "takes and fails", "is late", "takes", "takes", "takes"])
        if does != "fails":
            self._take(headers, body)
        if does == "is late":
            await asyncio.sleep(0.3)  # a slow server, and not a condition that is waited for
        status = 204 if does in ("is late", "takes") else 503
        self.failed += status == 503
        writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()

    def _take(self, headers: Mapping[str, str], body: bytes) -> None:
        told = Webhook(self.secret).verify(body.decode(), dict(headers))
        id, who = headers["webhook-id"], told["data"]["user_id"]
        if id in self.ids:
            self.doubled += 1
            return
        self.ids.add(id)
        if told["type"] == "person.erased":
            self.erased.add(who)
            self.known = {key: value for key, value in self.known.items() if key[1] != who}
        elif self.known.get((told["type"], who), {}).get("version", 0) < told["data"]["version"]:
            self.known[told["type"], who] = told["data"]


@asynccontextmanager
async def serving(subscriber: Subscriber) -> AsyncIterator[str]:
    async with await asyncio.start_server(subscriber.answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


@dataclass
class Reader:
    """Asks the interface for everybody, over and over, and keeps the last answer of each; an outage it sits out."""

    http: httpx.AsyncClient
    headers: Mapping[str, Mapping[str, str]]
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    outages: int = 0

    async def ask(self, who: str, part: str) -> None:
        tag = {"If-None-Match": self.tags[who, part]} if (who, part) in self.tags else {}
        address = f"/v1/people/{who}/{part}"
        answer = await self.http.get(address, headers={**self.headers[who], **tag})
        if answer.status_code == 200:
            self.known[who, part], self.tags[who, part] = answer.json(), answer.headers["etag"]
        elif answer.status_code == 404:
            self.known.pop((who, part), None)
            self.tags.pop((who, part), None)
        else:
            assert answer.status_code in (304, 503), answer.text

    async def once(self) -> None:
        for who in self.headers:
            for part in PARTS:
                await self.ask(who, part)

    async def run(self) -> None:
        while True:
            try:
                await self.once()
            except httpx.TransportError:
                self.outages += 1
                await asyncio.sleep(0.1)  # the portal is away, and nobody says until when


def lines(round: int, draw: random.Random, people: Sequence[int]) -> list[Line]:
    told: list[Line] = []
    for number in people:
        head: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"{round}-{number}",
            "source": "https://city.example",
            "subject": sample_account(number),
            "time": rfc3339(NOW - timedelta(hours=2) + timedelta(minutes=round)),
        }
        data: dict[str, Any] = {"kind": "water.bill", "amount": 9_000 + round, "days_late": draw.choice([0, 0, 9])}
        body = {**head, "type": TYPES[BehaviorEvent], "data": data}
        if draw.random() < 0.2:
            began = (NOW - timedelta(days=9)).date().isoformat()
            data = {"kind": "hotel.no_show", "amount": 9_000, "status": "reported", "began_on": began}
            body |= {"type": TYPES[RecordReport], "data": {**data, "report_id": f"n{round}-{number}"}}
        told.append(Line(len(told), json.dumps(body).encode(), None))
    return told


@pytest.fixture
def running() -> Iterator[tuple[Deployment, ServiceProcess]]:
    """A platform whose portal may send webhooks to this machine, and the portal's process."""
    settings = FixedSettings.new(cadence="continuous").with_portal()
    with passing(lambda _: None, None, settings) as (deployment, processes):
        next(each for each in processes if each.service == PORTAL).stop()
        portal = deployment.process(PORTAL, settings={"GOODSTANDING_PORTAL_WEBHOOKS_PRIVATE": "true"})
        _start(portal)
        yield deployment, portal
        portal.kill()


async def test_webhooks_and_the_interface_end_with_what_a_follower_knows(
    running: tuple[Deployment, ServiceProcess], seed: int
) -> None:
    deployment, portal = running
    draw = random.Random(seed)
    subscriber, along = Subscriber(draw), Memory()
    db = await asyncpg.connect(deployment.dsn(PORTAL))
    ids = [user_id_of(sample_account(number), deployment.settings) for number in range(PEOPLE)]
    try:
        async with (
            serving(subscriber) as url,
            Follower(deployment.addresses.kafka, along) as follower,
            httpx.AsyncClient(base_url=deployment.portal_url, timeout=30) as http,
        ):
            await keys.make(db, "subscriber", FIRM, ["score", "standing"], NOW)
            _, subscriber.secret = await sending.add(db, FIRM, url, NOW, allows_private=True)
            reader = Reader(http, {who: _own(deployment, who) for who in ids})
            for who in ids:
                await http.post(f"/v1/people/{who}/permissions", headers=reader.headers[who], json={"subscriber": FIRM})
            reading = asyncio.create_task(reader.run())
            for round in range(ROUNDS):
                await _say(deployment, lines(round, draw, range(PEOPLE)))
                await asyncio.to_thread(portal.kill)
                await _say(deployment, lines(ROUNDS + round, draw, range(round, PEOPLE, 2)))
                await asyncio.to_thread(_start, portal)
            gone = ids[0]
            assert (await http.post(f"/v1/people/{gone}/erasures", headers=reader.headers[gone])).status_code == 202
            await _settled(db, follower, along, reader, gone)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await reader.once()
            assert subscriber.erased == {gone}
            expected = {who: await _followed(along, who) for who in ids}
            assert expected[gone] == (None, None)
            assert sum(score is not None for score, _ in expected.values()) == PEOPLE - 1
            assert {who: _told(subscriber, who) for who in ids} == expected
            assert {who: _asked(reader, who) for who in ids} == expected
            assert subscriber.doubled
            assert subscriber.failed
            assert reader.outages

            # The topics alone say the same, as they are after compaction.
            await _compacted(deployment)
            left = await _from_topics(deployment, ids)
            assert left == reader.known
            assert len(left) >= 3 * (PEOPLE - 1)
    finally:
        await db.close()


def _start(portal: ServiceProcess) -> None:
    portal.start()
    portal.wait_ready()


def _own(deployment: Deployment, who: str) -> dict[str, str]:
    key = bytes.fromhex(deployment.settings.portal_key or "")
    token = tokens.signed(tokens.made("link", "person", who, datetime.now(UTC) + timedelta(hours=1)), key)
    return {"Authorization": f"Bearer {token}"}


async def _say(deployment: Deployment, said: Sequence[Line]) -> None:
    sent = await send(deployment.addresses.kafka, "city", said, PATIENCE_S, operator=deployment, now=datetime.now(UTC))
    assert {verdict.result for verdict in sent.verdicts} == {"accepted"}, sent.verdicts


async def _settled(db: asyncpg.Connection[Any], follower: Follower, along: Memory, reader: Reader, gone: str) -> None:
    """Return when the portal has what the follower has, and every delivery was taken. Nobody waits for a backoff."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await follower.caught_up()
            await db.execute("update delivery set next_at = now() where state = 'waiting' and attempts > 0")
            waiting = await db.fetchval("select count(*) from delivery where state = 'waiting'")
            followed = {who: await _followed(along, who) for who in reader.headers}
            shown = {who: _asked(reader, who) for who in reader.headers}
            if not waiting and followed == shown and followed[gone] == (None, None):
                return
            await asyncio.sleep(0.2)  # nobody tells how far each of the three is


async def _followed(along: Memory, who: str) -> tuple[Any, Any]:
    """Score and version of somebody, and tier with benefits and restrictions and its version."""
    score, tier = await along.score(who), await along.tier(who)
    return (
        None if score is None else (score.version, score.score, tuple(score.restrictions)),
        None if tier is None else (tier.version, tier.tier, tuple(tier.in_force), tuple(tier.restrictions)),
    )


def _told(subscriber: Subscriber, who: str) -> tuple[Any, Any]:
    score, tier = (subscriber.known.get((type, who)) for type in ("score.changed", "tier.changed"))
    return (
        None if score is None else (score["version"], score["score"], tuple(score["restrictions"])),
        None if tier is None else _tier(tier),
    )


def _asked(reader: Reader, who: str) -> tuple[Any, Any]:
    score, standing = reader.known.get((who, "score")), reader.known.get((who, "standing"))
    return (
        None if score is None else (score["version"], score["score"], tuple(score["restrictions"])),
        # Somebody who never had a tier and was never restricted has no message about it.
        None if standing is None or not standing["version"] else _tier(standing),
    )


def _tier(of: Mapping[str, Any]) -> tuple[Any, ...]:
    return of["version"], of.get("tier"), tuple(of["in_force"]), tuple(of["restrictions"])


async def _compacted(deployment: Deployment) -> None:
    """Have the broker compact the portal's topics at once, and write on until it has."""
    bootstrap = deployment.addresses.kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, SOON) for name in COMPACTED])
    finally:
        await admin.close()
    async with started(deployment.kafka, "compaction") as producer, asyncio.timeout(PATIENCE_S):
        while True:
            rolls = [
                mark("operator", topic, Erased(nobody(shard), "roll", NOW)).placed(shard)
                for topic in COMPACTED
                for shard in range(PARTITIONS)
            ]
            await send_transaction(producer, rolls)
            if await _is_compacted(bootstrap):
                return
            await asyncio.sleep(0.3)  # nobody tells how far the broker is


async def _is_compacted(bootstrap: str) -> bool:
    """Whether no person has two messages in one topic, and no tombstone of a person is left."""
    told = [each for each in await _everything(bootstrap) if not is_nobody((each.key or b"").decode())]
    each_once = len({(record.topic, record.key) for record in told}) == len(told)
    return bool(told) and each_once and all(record.value is not None for record in told)


async def _everything(bootstrap: str) -> list[Any]:
    """All records that are in the topics now, each partition in order."""
    found: list[Any] = []
    async with AIOKafkaConsumer(
        *COMPACTED, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as reader:
        ends = await reader.end_offsets(reader.assignment())
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            for part in (await reader.getmany(timeout_ms=500)).values():
                found += part
    return found


async def _from_topics(deployment: Deployment, ids: Sequence[str]) -> dict[tuple[str, str], Any]:
    """What a portal answers that has read the topics as they are now, and nothing before."""
    shards: dict[int, list[News]] = {}
    for record in await _everything(deployment.addresses.kafka):
        message = read(record) if record.topic in READ_BY_PORTAL else None
        assert not isinstance(message, Fault | Ends), "nobody's mark of those that are left is about a person"
        if isinstance(message, News):
            shards.setdefault(record.partition, []).append(message)
    key, of = SecretStr("ab" * 32), deployment.settings
    given = PortalSettings(
        kafka="",
        policies=deployment.policies,
        zone=of.zone,
        currency=of.currency,
        portal_key=key,
        fingerprint_key=key,
    )
    admin = await asyncpg.connect(deployment.addresses.postgres)
    await admin.execute("create schema again")
    await admin.close()
    at = {"search_path": "again", "timezone": "UTC"}
    found: dict[tuple[str, str], Any] = {}
    async with asyncpg.create_pool(deployment.addresses.postgres, min_size=1, max_size=2, server_settings=at) as pool:
        async with pool.acquire() as db, db.transaction():
            await migrate(db, [ROOT / "goodstanding" / "portal" / "feed" / "migrations"])
            for shard, messages in shards.items():
                await store.save(db, shard, messages, given.zone_info, b"k" * 32)
        people = People(pool, load(given))
        for who in ids:
            if (known := await people.known(who, datetime.now(UTC))) is not None:
                found |= {(who, part): told for part, told in _documents(people, known) if told is not None}
    return found


def _documents(people: People, known: Known) -> Iterator[tuple[str, Any]]:
    explained = people.explained(known, datetime.now(UTC), "en")
    yield "standing", _json(person_documents.standing(known))
    yield "score", _json(person_documents.scored(known))
    yield "reasons", None if explained is None else _json(person_documents.reasons(known, explained, "en"))
    yield "records", _json(person_documents.records(known))


def _json(document: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document))
