"""How often a step of each service with state goes to Postgres and back, however many records it has.

A step of a thousand records makes no more of these trips than a step of ten, and a trip more is a decision: each costs
every step, and what a step takes is what one event alone takes to be answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from pydantic import SecretStr

from bench.budget.cores import outgoing
from bench.ingest_core import SEVEN
from bench.peers import runner_fold, streams, work
from services.benefits import service as benefits
from services.benefits.loading import load as load_tables
from services.benefits.settings import BenefitsSettings
from services.scorer import service as scorer
from services.scorer.loading import load as load_scorecards
from services.scorer.settings import ScorerSettings
from shared import postgres
from shared.contracts.exchange import announced
from shared.contracts.messages import ScoreChange
from shared.contracts.partition import partition_of
from shared.contracts.topics import NORMALIZED, SCORES_CHANGED
from shared.kafka import topic_admin
from shared.kafka.sender import started
from shared.runner import store
from shared.runner.delivery import Outbox
from shared.runner.host import Home, Host
from shared.runner.metrics import Metrics
from shared.runner.owned import Owned
from shared.runner.service import Outgoing, Record, Service
from shared.runner.store import MIGRATIONS
from shared.settings import ROOT, StatefulSettings
from tests.integration.tiny import HandClock

SHARD = 0
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)

Case = tuple[Callable[[str], Service[Any]], Sequence[Path], str, Callable[[], list[Record]], int]


def small_work(name: str) -> Service[Any]:
    settings = runner_fold.FoldSettings(kafka="", fold_name=name, fold_source="work.events", fold_target="work.changes")
    return runner_fold.service(settings)


def its_events() -> list[Record]:
    raws = (raw for raw in work.events(work.Size(6_000, 0, 6_000), work.Reference()) if raw.partition == SHARD)
    return [record("work.events", number, raw.key, raw.value) for number, raw in enumerate(islice(raws, 1_000))]


def the_scorer(_: str) -> Service[Any]:
    return scorer.service(load_scorecards(ScorerSettings(kafka="", fingerprint_key=SecretStr("00" * 32))))


def events() -> list[Record]:
    sent = [each for partner in SEVEN for each in outgoing(partner)[1] if each.topic == NORMALIZED]
    # What is said of contacts and under consents has tables of its own, and most steps have none of it.
    mine = [each for each in sent if each.partition == SHARD and each.value and b'"con' not in each.value]
    return [of_message(each, number) for number, each in enumerate(mine)]


def the_benefits(_: str) -> Service[Any]:
    return benefits.service(load_tables(BenefitsSettings(kafka="", fingerprint_key=SecretStr("00" * 32))))


def scores() -> list[Record]:
    people = [f"{number:064x}" for number in range(2_000)]
    return [
        of_message(score(person).placed(SHARD), number)
        for number, person in enumerate(person for person in people if partition_of(person) == SHARD)
    ]


def score(person: str) -> Any:
    change = ScoreChange(
        version=1,
        score=660,
        thin=False,
        cadence="monthly",
        as_of=NOW,
        policy="standard@0123456789ab",
        restrictions=(),
        key_factors=("active-months",),
    )
    return announced("scorer", SCORES_CHANGED, person, change, subject=person, version=1, time=NOW)


def record(topic: str, offset: int, key: bytes | None, value: bytes | None, headers: Any = ()) -> Record:
    at_ms = int(NOW.timestamp() * 1000)
    return ConsumerRecord(topic, SHARD, offset, at_ms, 1, key, value, None, -1, -1, headers)


def of_message(message: Outgoing, offset: int) -> Record:
    return record(message.topic, offset, message.key, message.value, message.headers)


CASES: dict[str, Case] = {
    # Load; begin, advance, save, commit.
    "the small work": (small_work, [], runner_fold.TABLES, its_events, 5),
    "the scorer": (the_scorer, [ROOT / "services" / "scorer" / "storage" / "migrations"], "", events, 5),
    "benefits": (the_benefits, [ROOT / "services" / "benefits" / "storage" / "migrations"], "", scores, 5),
}


class Trips:
    """A pool of one connection, which notes every statement that goes over it."""

    def __init__(self, db: asyncpg.Connection[asyncpg.Record]) -> None:
        self._db, self.seen = db, list[str]()
        db.add_query_logger(lambda query: self.seen.append(query.query.strip().splitlines()[0]))

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        yield self._db


@pytest.mark.parametrize("name", CASES)
async def test_a_step_goes_to_postgres_so_often(name: str, kafka_bootstrap: str, postgres_dsn: str) -> None:
    service_of, migrations, tables, records_of, expected = CASES[name]
    schema = f"statements_{uuid.uuid4().hex[:8]}"
    service, records = service_of(schema), records_of()
    await topic_admin.ensure_topics(kafka_bootstrap, [])
    await streams.make_topics(kafka_bootstrap, "work.changes")
    db = await asyncpg.connect(postgres_dsn)
    await db.execute(f"create schema {schema}; set search_path = {schema}")
    await postgres.migrate(db, [MIGRATIONS, *migrations])
    if tables:
        await db.execute(tables)
    trips = Trips(db)
    clock = HandClock()
    clock.set(NOW)
    host = Host(StatefulSettings(kafka=kafka_bootstrap), clock, Metrics(), cast("Any", trips))
    home = Home(SHARD, service.name, host, cast("Any", None))
    claim = await store.claim(db, SHARD, epoch=None)
    half = len(records) // 2
    assert half > 15
    async with started(kafka_bootstrap, schema) as producer:
        owned: Owned[Any, Any, Any] = Owned(home, service.mode, Outbox(schema, SHARD), claim, producer)
        made = []
        for part in (records[:10], records[10:half], records[half:]):
            trips.seen.clear()
            await owned.handle(part)
            await asyncio.sleep(0)  # the library tells of a statement a turn of the loop later
            made.append(list(trips.seen))
    await db.execute(f"drop schema {schema} cascade")
    await db.close()
    assert len(made[1]) == expected, made[1]
    assert made[2] == made[1]
