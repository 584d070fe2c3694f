"""The scorer's tables on a real Postgres: what is saved is loaded, and the monthly run sees everybody once."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeAlias

import asyncpg
import msgspec
import pytest

from services.scorer.core import score
from services.scorer.core.calendar import publication_instant
from services.scorer.core.decide import Person, Policy, decide
from services.scorer.core.explain import explain
from services.scorer.core.messages import Due, Edge, Message, event_of
from services.scorer.storage.store import due, load, save
from shared.contracts.messages import BehaviorEvent, encode
from shared.contracts.partition import partition_of
from shared.postgres import migrate
from shared.runner.service import DuePage, PolicyMismatchError
from shared.settings import ROOT
from tests.support.people import BILL, CARD, JAN, ZONE, card, day

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
POLICY = Policy(scorecard=CARD, zone=ZONE, accepts_late_months=3)
PEOPLE = tuple(sha256(f"scorer storage {number}".encode()).hexdigest() for number in range(600))
IN_SHARD = {shard: sorted(person for person in PEOPLE if partition_of(person) == shard) for shard in range(6)}
SHARD = partition_of(PEOPLE[0])
MINE = IN_SHARD[SHARD]
ONE, *OTHERS = MINE


@pytest.fixture
async def db(postgres_dsn: str) -> AsyncIterator[Db]:
    """The scorer's tables, empty, in a schema of the test's own."""
    schema = f"scorer_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres_dsn, server_settings={"search_path": schema, "timezone": "UTC"})
    await connection.execute(f"create schema {schema}")
    await migrate(connection, [ROOT / "services" / "scorer" / "storage" / "migrations"])
    yield connection
    await connection.execute(f"drop schema {schema} cascade")
    await connection.close()


async def give(db: Db, *people: Person) -> None:
    """Save people, each in its shard."""
    for shard in range(6):
        if mine := {person.key: person for person in people if partition_of(person.key) == shard}:
            await save(db, shard, mine, list(mine.values()))


BEGUN = f"{JAN - 1}:done"
"""The cursor of a shard that has done the publication before."""


async def page(
    db: Db, now: datetime, cursor: str = BEGUN, limit: int = 1000, policy: Policy = POLICY
) -> DuePage[Message, Person]:
    return await due(db, SHARD, now, cursor, limit, policy=policy)


async def run(db: Db, now: datetime, cursor: str = BEGUN, limit: int = 1000) -> list[Due]:
    """All messages of the run that is due, page by page."""
    found: list[Due] = []
    while (some := await page(db, now, cursor, limit)).messages:
        assert len(some.messages) <= limit
        found += [message for message in some.messages if isinstance(message, Due)]
        cursor = some.cursor
    return found


def edges(*contacts: str, present: bool = True, time_us: int = 1) -> tuple[Edge, ...]:
    return tuple(Edge(contact, present, time_us, b"12345678") for contact in contacts)


def known(person: str, **fields: Any) -> Person:
    return Person(person, b"\x01state", **fields)


def bill(person: str, time: datetime) -> Message:
    body = BehaviorEvent(kind=BILL, days_late=0)
    return event_of(person, "bank", time.isoformat(), "behavior.raw.bank/0/0", time, encode(body), body, ZONE)


async def test_what_is_saved_is_loaded(db: Db) -> None:
    full = known(ONE, version=7, evaluation=b"e", run=JAN, standing=700, standing_before=650, contacts=600)
    bare = Person(OTHERS[0], b"\x01")
    await save(db, SHARD, {person.key: person for person in (full, bare)}, [full, bare])
    assert await load(db, SHARD, [*MINE]) == {ONE: full, OTHERS[0]: bare}
    assert await load(db, SHARD, [OTHERS[1]]) == {}
    assert await load(db, (SHARD + 1) % 6, [ONE]) == {}
    changed = msgspec.structs.replace(full, state=b"\x01other", version=8, standing=None, contacts=None)
    await save(db, SHARD, {ONE: changed}, [changed])
    assert await load(db, SHARD, [ONE]) == {ONE: changed}


async def test_a_large_state_stays_in_its_row_uncompressed(db: Db) -> None:
    await save(db, SHARD, {key: known(key, evaluation=b"e" * 400) for key in MINE[:50]})
    await save(db, SHARD, {key: Person(key, b"\x01" + b"ab" * 1500) for key in MINE[:50]})
    toast = await db.fetchval("select reltoastrelid::regclass::text from pg_class where oid = 'person'::regclass")
    assert await db.fetchval(f"select count(*) from {toast}") == 0
    assert await db.fetchval("select min(pg_column_size(state)) from person") > 3000


async def test_publications_are_kept_and_explained(db: Db) -> None:
    person = Person(ONE)
    for month in (JAN, JAN + 1):
        person = decide(person, [bill(ONE, day(month - 1))], day(month, 2), POLICY).person
        await save(db, SHARD, {ONE: person}, [person])
        instant = publication_instant(month, 6, ZONE)
        person = decide(person, [Due(ONE, month, instant, 0, 0)], day(month, 6), POLICY).person
        await save(db, SHARD, {ONE: person}, [person])
    rows = await db.fetch("select * from explain where shard = $1 and user_id = $2", SHARD, bytes.fromhex(ONE))
    assert [row["version"] for row in rows] == [1, 2]
    before_february = await db.fetchrow(
        "select version, as_of, run, policy, evaluation, evaluation_before from explain"
        " where shard = $1 and user_id = $2 and as_of < $3 order by version desc limit 1",
        SHARD,
        bytes.fromhex(ONE),
        day(JAN, 31),
    )
    assert before_february is not None
    shown = explain(*before_february)
    assert (shown.version, shown.score, shown.publication) == (1, 695, "2026-01")
    assert score.decode(rows[1]["evaluation_before"]) == score.decode(rows[0]["evaluation"])


class TestContacts:
    NOW = day(JAN, 6)

    async def standings(self, db: Db, person: str = ONE) -> tuple[int, int]:
        (found,) = [message for message in await run(db, self.NOW) if message.key == person]
        return found.contacts, found.standings

    async def test_the_latest_event_decides_in_any_order(self, db: Db) -> None:
        first, second, third, fourth = OTHERS[:4]
        everybody = [known(contact, run=JAN - 1, standing=600) for contact in OTHERS[:4]]
        await give(db, *everybody)
        steps: Sequence[tuple[Edge, ...]] = [
            edges(first, second, third, time_us=5),
            edges(first, present=False, time_us=9),
            edges(second, present=False, time_us=4),
            edges(third, fourth, present=False, time_us=6) + edges(third, fourth, time_us=7),
            (Edge(second, False, 5, b"12345677"), Edge(third, False, 7, b"12345679")),
        ]
        for order in (steps, steps[::-1]):
            await db.execute("delete from contact")
            for some in order:
                await give(db, known(ONE, edges=some))
            kept = await db.fetch("select contact, present from contact order by contact")
            assert {row["contact"].hex() for row in kept if row["present"]} == {second, fourth}
            assert len(kept) == 4
        assert await self.standings(db) == (2, 1200)

    async def test_contacts_in_all_shards_and_one_nobody_knows(self, db: Db) -> None:
        contacts = [IN_SHARD[shard][5] for shard in range(6)]
        stranger = OTHERS[9]
        await give(db, *(known(contact, run=JAN - 1, standing=500 + place) for place, contact in enumerate(contacts)))
        await give(db, known(ONE, edges=edges(*contacts, stranger)))
        assert await self.standings(db) == (6, 3015)

    @pytest.mark.parametrize(
        ("fields", "standings"),
        [
            ({"run": JAN - 1, "standing": 700, "standing_before": 400}, (1, 700)),
            ({"run": JAN, "standing": 700, "standing_before": 400}, (1, 400)),
            ({"run": JAN, "standing": 700}, (0, 0)),
            ({"run": JAN - 3, "standing": 700, "standing_before": 400}, (1, 700)),
            ({}, (0, 0)),
        ],
    )
    async def test_standings_are_those_of_the_publication_before(
        self, db: Db, fields: dict[str, int], standings: tuple[int, int]
    ) -> None:
        await give(db, known(OTHERS[0], **fields), known(ONE, edges=edges(OTHERS[0])))
        assert await self.standings(db) == standings

    async def test_an_edge_is_ones_own_word(self, db: Db) -> None:
        friends = OTHERS[:3]
        await give(db, *(known(friend, run=JAN - 1, standing=900, edges=edges(ONE)) for friend in friends), known(ONE))
        assert await self.standings(db) == (0, 0)


class TestTheRun:
    @pytest.mark.parametrize("limit", [1, 7, 10, 11, 1000])
    async def test_everybody_of_the_shard_once_in_order(self, db: Db, limit: int) -> None:
        await give(db, *(known(person) for person in PEOPLE[:60]))
        expected = sorted(person for person in PEOPLE[:60] if partition_of(person) == SHARD)
        found = await run(db, day(JAN, 6), limit=limit)
        assert [message.key for message in found] == expected
        assert {(message.number, message.instant) for message in found} == {(JAN, publication_instant(JAN, 6, ZONE))}

    async def test_page_by_page_with_a_cursor_that_ends(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:5]))
        now, next_at = day(JAN, 6), publication_instant(JAN + 1, 6, ZONE)
        first = await page(db, now, limit=3)
        assert (first.cursor, first.run, len(first.messages)) == (f"{JAN}:{MINE[2]}", "2026-01", 3)
        last = await page(db, now, first.cursor, limit=3)
        assert (last.cursor, last.next_at, len(last.messages)) == (f"{JAN}:done", next_at, 2)
        assert await page(db, now, last.cursor) == DuePage((), f"{JAN}:done", next_at, None)

    async def test_a_full_last_page_is_known_to_be_the_last(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:3]))
        assert (await page(db, day(JAN, 6), limit=3)).cursor == f"{JAN}:done"

    async def test_who_comes_behind_the_run_waits_for_the_next(self, db: Db) -> None:
        empty = await page(db, day(JAN, 6))
        assert (empty.messages, empty.cursor) == ((), f"{JAN}:done")
        await give(db, known(ONE))
        assert (await page(db, day(JAN, 20), empty.cursor)).messages == ()
        assert [m.key for m in (await page(db, day(JAN + 1, 6), empty.cursor)).messages] == [ONE]

    async def test_a_new_deployment_has_missed_nothing(self, db: Db) -> None:
        await give(db, known(ONE))
        next_at = publication_instant(JAN + 1, 6, ZONE)
        assert await page(db, day(JAN, 20), cursor="") == DuePage((), f"{JAN}:done", next_at, None)
        assert await db.fetchval("select count(*) from publication") == 0

    async def test_only_the_latest_missed_one_runs(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:4]))
        half = await page(db, day(JAN, 6), limit=2)
        found = await run(db, day(JAN + 3, 1), half.cursor)
        assert [(message.key, message.number) for message in found] == [(person, JAN + 2) for person in MINE[:4]]
        opened = await db.fetch("select number, instant, policy from publication order by number")
        assert [tuple(row) for row in opened] == [
            (number, publication_instant(number, 6, ZONE), CARD.id) for number in (JAN, JAN + 2)
        ]

    async def test_a_clock_that_is_a_little_behind_goes_on_with_the_run(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:4]))
        now = publication_instant(JAN, 6, ZONE)
        half = await page(db, now, limit=2)
        rest = await page(db, now - timedelta(seconds=1), half.cursor, limit=2)
        assert [message.key for message in rest.messages] == MINE[2:4]
        assert rest.cursor == f"{JAN}:done"

    async def test_another_policy_does_not_take_part(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:4]))
        other = msgspec.structs.replace(POLICY, scorecard=card(ceilings={"legal": 570}))
        half = await page(db, day(JAN, 6), limit=2)
        with pytest.raises(PolicyMismatchError, match=f"2026-01-06 is by {CARD.id}, and this process has start@"):
            await page(db, day(JAN, 6), half.cursor, policy=other)
        done = (await page(db, day(JAN, 6), half.cursor)).cursor
        # Between publications the new policy may wait for its first one, which the old one then may not run.
        assert (await page(db, day(JAN, 20), done, policy=other)).messages == ()
        assert len((await page(db, day(JAN + 1, 6), done, policy=other)).messages) == 4
        with pytest.raises(PolicyMismatchError):
            await page(db, day(JAN + 1, 6), done)

    async def test_a_policy_waits_for_its_date(self, db: Db) -> None:
        later = msgspec.structs.replace(POLICY, scorecard=card(effective_on=date(2026, 1, 7)))
        with pytest.raises(PolicyMismatchError, match="begins only on 2026-01-07"):
            await page(db, day(JAN, 8), policy=later)
        assert await db.fetchval("select count(*) from publication") == 0
        on_the_day = msgspec.structs.replace(POLICY, scorecard=card(effective_on=date(2026, 1, 6)))
        assert (await page(db, day(JAN, 8), policy=on_the_day)).cursor == f"{JAN}:done"


async def test_the_order_of_people_does_not_matter_to_the_run(db: Db) -> None:
    """Everybody is everybody's contact: whoever is published first must not show to those after."""
    people = MINE[:6]
    await give(db, *(known(p, edges=edges(*(o for o in people if o != p)), run=JAN - 1, standing=400) for p in people))
    seen = []
    cursor = BEGUN
    while (some := await page(db, day(JAN, 6), cursor, limit=1)).messages:
        (message,) = some.messages
        assert isinstance(message, Due)
        seen.append((message.contacts, message.standings))
        person = (await load(db, SHARD, [message.key]))[message.key]
        moved = msgspec.structs.replace(person, run=JAN, standing=900, standing_before=person.standing, edges=())
        await give(db, moved)
        cursor = some.cursor
    assert seen == [(5, 2000)] * 6
