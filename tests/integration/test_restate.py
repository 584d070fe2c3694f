"""What each service says again after a restore, on a real Postgres: a table of cases, database against topic."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, TypeAlias

import asyncpg
import pytest

from goodstanding.platform.deployment import migrations
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing
from services.benefits.core.table import Tier, TierTable
from services.benefits.storage import restate as benefits
from services.benefits.storage import store as standings
from services.retention.core.fingerprint import fingerprint
from services.retention.core.record import Facts, Open
from services.retention.storage import restate as retention
from services.retention.storage import store as records
from services.scorer.core import score
from services.scorer.core.decide import Person, Publication, Writes
from services.scorer.core.score import Evaluation
from services.scorer.storage import restate as scorer
from services.scorer.storage import store as people
from shared.contracts.messages import RecordChange, ScoreChange, TierChange, encode
from shared.contracts.partition import partition_of
from shared.postgres import migrate

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Opened: TypeAlias = Callable[[str], AbstractAsyncContextManager[Db]]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
EARLIER = datetime(2026, 11, 1, tzinfo=UTC)
WHO = sha256(b"restate").hexdigest()
SHARD = partition_of(WHO)
POLICY = "p-1@000000000000"
KEY = b"a key of thirty-two bytes, surely"


@pytest.fixture
def opened(postgres_dsn: str) -> Opened:
    @asynccontextmanager
    async def schema_of(service: str) -> AsyncIterator[Db]:
        """The service's tables, empty, in a schema of the test's own."""
        schema = f"restate_{uuid.uuid4().hex}"
        db = await asyncpg.connect(postgres_dsn, server_settings={"search_path": schema, "timezone": "UTC"})
        await db.execute(f"create schema {schema}")
        await migrate(db, migrations(service))
        try:
            yield db
        finally:
            await db.execute(f"drop schema {schema} cascade")
            await db.close()

    return schema_of


def message(body: Any) -> Any:
    """As it lies on the topic."""
    return SimpleNamespace(key=WHO.encode(), value=encode(body))


# -- scorer ------------------------------------------------------------------------------------------------------------


def told(version: int, result: int) -> Any:
    return message(
        ScoreChange(
            version=version,
            score=result,
            thin=False,
            cadence="monthly",
            as_of=EARLIER,
            policy=POLICY,
            restrictions=(),
            key_factors=(),
        )
    )


@pytest.mark.parametrize(
    ("version", "on_topic", "said", "afterwards"),
    [
        (3, (3, 500), None, 3),
        (3, (7, 500), None, 7),
        (3, (7, 600), (8, 500), 8),
        (3, (3, 600), (4, 500), 4),
        (3, (2, 450), (3, 500), 3),
        (3, None, (3, 500), 3),
        (0, (7, 600), None, 7),
    ],
    ids=[
        "both say the same",
        "the topic is further, and says the same",
        "the topic is further, and says otherwise",
        "one version in two forms",
        "the topic is older",
        "the topic is empty",
        "a person whom the database does not know",
    ],
)
async def test_scores(
    opened: Opened,
    version: int,
    on_topic: tuple[int, int] | None,
    said: tuple[int, int] | None,
    afterwards: int,
) -> None:
    """(rules P6)"""
    evaluation = Evaluation(500, False, (), (), ())
    publication = Publication(version, EARLIER, None, POLICY, evaluation)
    async with opened("scorer") as db:
        if version:
            person = Person(WHO, b"state", version, score.encode(evaluation), as_of=EARLIER)
            await people.save(db, SHARD, {WHO: person}, [Writes(WHO, publication=publication)])
        last = {WHO.encode(): told(*on_topic)} if on_topic else {}
        if on_topic:
            assert await scorer.undecided(db, SHARD, list(last.values())) == (on_topic[0] > version)
        found = [each async for page in scorer.restate(db, SHARD, last, NOW, "p-2") for each in page]
        assert [(user_id, each.version, each.evaluation.score) for user_id, each in found] == (
            [(WHO, *said)] if said else []
        )
        if said and said[0] == version:
            assert found[0][1] == publication, "the same bytes"
        assert await db.fetchval("select version from person") == afterwards
        if last:
            assert await scorer.undecided(db, SHARD, list(last.values())) == 0
        again = [each async for page in scorer.restate(db, SHARD, last, NOW, "p-2") for each in page]
        assert [each.version for _, each in again if each.version <= afterwards and not said] == []


# -- benefits ----------------------------------------------------------------------------------------------------------

TABLE = TierTable(name="t", tiers=(Tier(code="fair", name="Fair", from_score=600, benefits=()),), restrictions={})


def change(version: int, tier: str | None) -> Any:
    return message(
        TierChange(
            version=version,
            tier=tier,
            previous_tier=None,
            granted=(),
            revoked=(),
            in_force=(),
            restrictions=(),
            score_version=1,
            as_of=EARLIER,
            policy=POLICY,
        )
    )


@pytest.mark.parametrize(
    ("version", "on_topic", "said", "afterwards"),
    [
        (2, (2, "fair"), None, 2),
        (2, (5, "fair"), None, 5),
        (2, (5, None), (6, "fair"), 6),
        (2, (1, None), (3, "fair"), 3),
        (2, None, (3, "fair"), 3),
        (0, (5, "fair"), None, 5),
    ],
    ids=["the same", "further, the same", "further, otherwise", "older", "empty", "somebody unknown"],
)
async def test_tiers(
    opened: Opened,
    version: int,
    on_topic: tuple[int, str | None] | None,
    said: tuple[int, str] | None,
    afterwards: int,
) -> None:
    async with opened("benefits") as db:
        if version:
            standing = Standing(
                score_version=4,
                score=620,
                thin=False,
                as_of=EARLIER,
                version=version,
                tier="fair",
                kept="fair",
                in_force=(),
                restrictions=(),
            )
            await standings.save(db, SHARD, {WHO: standing})
        last = {WHO.encode(): change(*on_topic)} if on_topic else {}
        if on_topic:
            assert await benefits.undecided(db, SHARD, list(last.values())) == (on_topic[0] > version)
        found = [
            each async for page in benefits.restate(db, SHARD, last, Policy(tables=(TABLE,), zone=UTC)) for each in page
        ]
        assert [(user_id, each.version, each.tier) for user_id, each in found] == ([(WHO, *said)] if said else [])
        (row,) = await db.fetch("select version, score_version from person")
        assert row["version"] == afterwards
        assert row["score_version"] == (4 if version else 0), "whatever score comes next is taken"


# -- retention ---------------------------------------------------------------------------------------------------------

ID = "ab" * 16


async def test_records_rise_by_a_stated_jump(opened: Opened) -> None:
    """(rules R12)"""
    async with opened("retention") as db:
        record = Open(Facts("bank", "r-1", "card.overdue", date(2026, 1, 1), None), 2, None)
        row = records._row(bytes.fromhex(WHO), bytes.fromhex(ID), record)
        await db.execute(records._SQL["save"], SHARD, *([each] for each in row))
        later = message(RecordChange(record_id=ID, version=3, status="expired", counts=False))
        known = message(RecordChange(record_id=ID, version=2, status="expired", counts=False))
        stranger = message(RecordChange(record_id="cd" * 16, version=1, status="expired", counts=False))
        assert await retention.undecided(db, SHARD, [later, known, stranger], fingerprint_key=KEY) == 2

        for time in (1, 2):
            pages = [page async for page in retention.restate(db, SHARD)]
            assert pages == [(time * retention.JUMP, [(WHO, ID, record)])]
            assert await retention.undecided(db, SHARD, [later, known], fingerprint_key=KEY) == 0
        stays = await records.load(db, SHARD, [WHO, "00" * 32], fingerprint_key=KEY)
        assert {key: person.version_base for key, person in stays.items()} == {
            WHO: 2 * retention.JUMP,
            "00" * 32: 2 * retention.JUMP,
        }, "records to come begin above it too"


async def test_what_has_lapsed_is_known_by_its_fingerprint(opened: Opened) -> None:
    async with opened("retention") as db:
        names = (fingerprint(KEY, WHO), fingerprint(KEY, ID))
        await db.execute(
            "insert into fingerprint (shard, person, record, until) values ($1, $2, $3, now())", SHARD, *names
        )
        expired = message(RecordChange(record_id=ID, version=3, status="expired", counts=False))
        assert await retention.undecided(db, SHARD, [expired], fingerprint_key=KEY) == 0
