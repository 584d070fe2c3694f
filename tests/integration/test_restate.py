"""What each service says again after a restore, on a real Postgres: a table of cases, database against topic."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, TypeAlias

import asyncpg
import pytest

from goodstanding.platform.deployment import migrations
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held, Standing
from services.benefits.core.table import Tier, TierTable
from services.benefits.storage import restate as benefits
from services.benefits.storage import store as standings
from services.retention.core import decide
from services.retention.core.erasure import Erasure
from services.retention.core.fingerprint import fingerprint
from services.retention.core.record import Facts, Open
from services.retention.erasing import asks_to_be_erased, erase_ahead
from services.retention.storage import erasures
from services.retention.storage import restate as retention
from services.retention.storage import store as records
from services.scorer.core import score
from services.scorer.core.decide import Person, Publication, Writes
from services.scorer.core.score import Evaluation
from services.scorer.core.state import State
from services.scorer.core.state import encode as encode_state
from services.scorer.storage import restate as scorer
from services.scorer.storage import store as people
from shared.contracts.cloudevents import binary
from shared.contracts.erasure import ON_THE_WAY_MAX, Erased, mark, naming
from shared.contracts.exchange import announced
from shared.contracts.messages import TYPES, RecordChange, ScoreChange, TierChange, encode
from shared.contracts.partition import partition_of
from shared.contracts.subject import SubjectRequest
from shared.postgres import migrate
from tests.support.record_lives import CN

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Opened: TypeAlias = Callable[[str], AbstractAsyncContextManager[Db]]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
EARLIER = datetime(2026, 11, 1, tzinfo=UTC)
WHO = sha256(b"restate").hexdigest()
SHARD = partition_of(WHO)
POLICY = "p-1@000000000000"
STATE = encode_state(State())
KEY = b"a key of thirty-two bytes, surely"
RULES = decide.Policy(profile=CN, fingerprint_key=KEY)


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


def message(body: Any, erased: Erased | None = None) -> Any:
    """As it lies on the topic."""
    made = announced("service", "topic", WHO, body, subject="subject", version=1, time=EARLIER, more=naming(erased))
    return SimpleNamespace(key=made.key, value=made.value, headers=made.headers)


# -- scorer ------------------------------------------------------------------------------------------------------------


def told(version: int, result: int, erased: Erased | None = None) -> Any:
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
        ),
        erased,
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
            person = Person(WHO, STATE, version, score.encode(evaluation), as_of=EARLIER)
            await people.save(db, SHARD, {WHO: person}, [Writes(WHO, publication=publication)])
        last = {WHO.encode(): told(*on_topic)} if on_topic else {}
        if on_topic:
            assert await scorer.undecided(db, SHARD, list(last.values())) == (on_topic[0] > version)
        found = [each async for page in scorer.restate(db, SHARD, last, NOW, "p-2", KEY) for each in page]
        assert [(user_id, each.version, each.evaluation.score) for (user_id, _), each in found] == (
            [(WHO, *said)] if said else []
        )
        if said and said[0] == version:
            assert found[0][1] == publication, "the same bytes"
        assert await db.fetchval("select version from person") == afterwards
        if last:
            assert await scorer.undecided(db, SHARD, list(last.values())) == 0
        again = [each async for page in scorer.restate(db, SHARD, last, NOW, "p-2", KEY) for each in page]
        assert [each.version for _, each in again if each.version <= afterwards and not said] == []


# -- benefits ----------------------------------------------------------------------------------------------------------


def standing(version: int) -> Standing:
    return Standing(
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


TABLE = TierTable(name="t", tiers=(Tier(code="fair", name="Fair", from_score=600, benefits=()),), restrictions={})
OF_TIERS = Policy(tables=(TABLE,), zone=UTC, fingerprint_key=KEY)


def change(version: int, tier: str | None, erased: Erased | None = None) -> Any:
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
        ),
        erased,
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
            await standings.save(db, SHARD, {WHO: Held(standing(version))})
        last = {WHO.encode(): change(*on_topic)} if on_topic else {}
        if on_topic:
            new = await benefits.undecided(db, SHARD, list(last.values()), fingerprint_key=KEY)
            assert new == (on_topic[0] > version)
        found = [each async for page in benefits.restate(db, SHARD, last, NOW, OF_TIERS) for each in page]
        assert [(user_id, each.version, each.tier) for user_id, each, _ in found] == ([(WHO, *said)] if said else [])
        (row,) = await db.fetch("select version, score_version from person")
        assert row["version"] == afterwards
        assert row["score_version"] == (4 if version else 0), "whatever score comes next is taken"


ERASED = Erased(WHO, "r1", NOW - timedelta(days=3))


@pytest.mark.parametrize(
    ("known", "on_topic", "marks", "said", "afterwards"),
    [
        # An older copy of the database, which has the person as before the erasure.
        (None, change(2, None, ERASED), [], None, 2),
        (None, mark("benefits", "tiers.changed", ERASED), [], None, None),
        # An older copy of Kafka, beside a database that has the newcomer.
        (ERASED, change(9, "fair"), [ERASED], (4, "fair"), 4),
        (ERASED, mark("benefits", "tiers.changed", ERASED), [], (4, "fair"), 4),
        (ERASED, change(3, "fair", ERASED), [], None, 3),
    ],
    ids=["who has come back", "who was erased", "as before the erasure", "the mark alone", "of one life"],
)
async def test_tiers_of_whoever_came_back_are_not_those_of_the_life_before(
    opened: Opened,
    known: Erased | None,
    on_topic: Any,
    marks: list[Erased],
    said: tuple[int, str] | None,
    afterwards: int | None,
) -> None:
    """(rules I12)"""
    async with opened("benefits") as db:
        if known:
            await standings.save(db, SHARD, {}, [known], fingerprint_key=KEY)
        await standings.save(db, SHARD, {WHO: Held(standing(3))})
        last = {WHO.encode(): on_topic}
        assert bool(await benefits.undecided(db, SHARD, [on_topic], fingerprint_key=KEY)) is (
            on_topic.value is not None and (not known or marks != [])
        )
        assert await benefits.erase_again(db, SHARD, last, NOW, KEY) == marks
        found = [each async for page in benefits.restate(db, SHARD, last, NOW, OF_TIERS) for each in page]
        assert [(each.version, each.tier, erased) for _, each, erased in found] == ([(*said, known)] if said else [])
        held = (await standings.load(db, SHARD, [WHO], fingerprint_key=KEY))[WHO]
        assert held.erased == ERASED
        assert (held.standing.version if held.standing else None) == afterwards
        assert await benefits.erase_again(db, SHARD, last, NOW, KEY) == marks, "again, nothing more happens"


@pytest.mark.parametrize(
    ("known", "on_topic", "marks", "said", "afterwards"),
    [
        (None, told(2, 600, ERASED), [], None, 2),
        (None, mark("scorer", "scores.changed", ERASED), [], None, None),
        (ERASED, told(9, 600), [ERASED], 3, 3),
        (ERASED, mark("scorer", "scores.changed", ERASED), [], 3, 3),
        (ERASED, told(3, 500, ERASED), [], None, 3),
    ],
    ids=["who has come back", "who was erased", "as before the erasure", "the mark alone", "of one life"],
)
async def test_scores_of_whoever_came_back_are_not_those_of_the_life_before(
    opened: Opened,
    known: Erased | None,
    on_topic: Any,
    marks: list[Erased],
    said: int | None,
    afterwards: int | None,
) -> None:
    """(rules I12)"""
    evaluation = Evaluation(500, False, (), (), ())
    async with opened("scorer") as db:
        if known:
            await people.save(db, SHARD, {}, [Writes(WHO, erased=(known,))], fingerprint_key=KEY)
        person = Person(WHO, STATE, 3, score.encode(evaluation), as_of=EARLIER)
        publication = Publication(3, EARLIER, None, POLICY, evaluation)
        await people.save(db, SHARD, {WHO: person}, [Writes(WHO, publication=publication)])
        last = {WHO.encode(): on_topic}
        assert await scorer.erase_ahead(db, SHARD, last, [], NOW, KEY) == marks
        found = [each async for page in scorer.restate(db, SHARD, last, NOW, "p-2", KEY) for each in page]
        assert [(who, each.version) for who, each in found] == ([((WHO, known), said)] if said else [])
        held = (await people.load(db, SHARD, [WHO], fingerprint_key=KEY))[WHO]
        assert held.erased == ERASED
        assert (held.version or None, held.state) == (afterwards, STATE if known else b"")


# -- an erasure that is long past --------------------------------------------------------------------------------------

PAST = Erased(WHO, "r0", NOW - ON_THE_WAY_MAX)
"""Neither database remembers it any more: nothing from before it can be on its way."""


@pytest.mark.parametrize(
    "on_topic", [told(3, 500, PAST), mark("scorer", "scores.changed", PAST)], ids=["named", "mark"]
)
async def test_scores_of_whoever_came_back_long_ago_are_kept(opened: Opened, on_topic: Any) -> None:
    """(rules I12)"""
    async with opened("scorer") as db:
        person = Person(WHO, STATE, 3, score.encode(Evaluation(500, False, (), (), ())), as_of=EARLIER)
        await people.save(db, SHARD, {WHO: person}, [])
        assert await scorer.erase_ahead(db, SHARD, {WHO.encode(): on_topic}, [], NOW, KEY) == []
        held = (await people.load(db, SHARD, [WHO], fingerprint_key=KEY))[WHO]
        assert (held.erased, held.version, held.state) == (None, 3, STATE)


@pytest.mark.parametrize(
    "on_topic", [change(3, "fair", PAST), mark("benefits", "tiers.changed", PAST)], ids=["named", "mark"]
)
async def test_tiers_of_whoever_came_back_long_ago_are_kept(opened: Opened, on_topic: Any) -> None:
    """(rules I12)"""
    async with opened("benefits") as db:
        await standings.save(db, SHARD, {WHO: Held(standing(3))})
        assert await benefits.erase_again(db, SHARD, {WHO.encode(): on_topic}, NOW, KEY) == []
        held = (await standings.load(db, SHARD, [WHO], fingerprint_key=KEY))[WHO]
        assert held == Held(standing(3))


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
            assert pages == [(time * retention.JUMP, {WHO: {ID: record}})]
            assert await retention.undecided(db, SHARD, [later, known], fingerprint_key=KEY) == 0
        stays = await records.load(db, SHARD, [WHO, "00" * 32], fingerprint_key=KEY)
        assert {key: person.version_base for key, person in stays.items()} == {
            WHO: 2 * retention.JUMP,
            "00" * 32: 2 * retention.JUMP,
        }, "records to come begin above it too"


async def test_records_of_whoever_asks_to_be_erased_are_not_said_again(opened: Opened) -> None:
    """(rules I12) The request is still to be read in an older copy of the database."""
    asked = binary(id="r1", source="/portal", type=TYPES[SubjectRequest], time=EARLIER, partitionkey=WHO)
    request = SimpleNamespace(
        topic="subject.requests", key=WHO.encode(), value=encode(SubjectRequest(request="erase")), headers=asked
    )
    assert asks_to_be_erased(request)
    async with opened("retention") as db:
        record = Open(Facts("bank", "r-1", "card.overdue", date(2026, 1, 1), None), 2, None)
        row = records._row(bytes.fromhex(WHO), bytes.fromhex(ID), record)
        await db.execute(records._SQL["save"], SHARD, *([each] for each in row))
        ahead = [(request, ERASED.asked_at)]
        assert await erase_ahead(db, SHARD, ahead, NOW, RULES) == [mark("retention", "records.changed", ERASED)]
        assert [page async for page in retention.restate(db, SHARD)] == []
        assert await erase_ahead(db, SHARD, ahead, NOW, RULES) == [], "again, nothing more happens"
        assert (await erasures.of(db, SHARD, [WHO], KEY))[WHO] == (Erasure("r1", ERASED.asked_at),)


async def test_what_has_lapsed_is_known_by_its_fingerprint(opened: Opened) -> None:
    async with opened("retention") as db:
        names = (fingerprint(KEY, WHO), fingerprint(KEY, ID))
        await db.execute(
            "insert into fingerprint (shard, person, record, until) values ($1, $2, $3, now())", SHARD, *names
        )
        expired = message(RecordChange(record_id=ID, version=3, status="expired", counts=False))
        assert await retention.undecided(db, SHARD, [expired], fingerprint_key=KEY) == 0
