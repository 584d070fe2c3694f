"""The scorer's tables on a real Postgres: what is saved is loaded, and the monthly run sees everybody once."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeAlias

import asyncpg
import msgspec
import pytest

from services.scorer.core import score
from services.scorer.core.calendar import run_instant
from services.scorer.core.decide import Person, Publication, Writes, decide, passed_by
from services.scorer.core.explain import Published, explain
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import Accepted, fold
from services.scorer.core.messages import Due, Edge, Message, RecordNews, event_of, microseconds
from services.scorer.core.policy import Policy
from services.scorer.core.state import FORMAT, State, decode, short_hash, vectors
from services.scorer.core.vectors import limit_of
from services.scorer.storage.store import due, load, save
from shared.contracts.kinds import KIND_OF
from shared.contracts.messages import BehaviorEvent, RecordChange, encode
from shared.contracts.months import month_of, month_start
from shared.contracts.partition import partition_of
from shared.postgres import migrate
from shared.runner.blame import belongs_to_records
from shared.runner.service import DuePage, LaterReleaseError, PolicyMismatchError
from shared.settings import ROOT
from tests.support.old_states import EVALUATION_OF_FORMAT_2, EVALUATION_OF_FORMAT_3, FORMAT_1, FORMAT_2, FORMAT_3
from tests.support.people import BILL, CARD, JAN, ZONE, card, day, policy_of, record

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
POLICY = policy_of(CARD)
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


def _id(person: str) -> bytes:
    return bytes.fromhex(person)


async def give(db: Db, *people: Person) -> None:
    """Save people, each in its shard, and what is said of their contacts."""
    for shard in range(6):
        if mine := {person.user_id: person for person in people if partition_of(person.user_id) == shard}:
            writes = [Writes(each.user_id, edges=each.edges) for each in mine.values() if isinstance(each, Known)]
            await save(db, shard, mine, writes)


async def apply(db: Db, person: Person, *messages: Message, now: datetime) -> Person:
    """Decide, and save what comes of it."""
    decided = decide(person, messages, now, POLICY)
    await save(db, partition_of(person.user_id), {person.user_id: decided.person}, [decided.writes])
    return decided.person


_MIGRATIONS = ROOT / "services" / "scorer" / "storage" / "migrations"
NEWCOMER = score.evaluate(State(), CARD, 0, None)
RECORD = "5e" * 16


def news_of(kind: str, version: int, **fields: Any) -> RecordNews:
    """News of the one record that these tests tell of ONE."""
    return RecordNews(ONE, JAN, record(kind, RECORD, version, **fields))


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


TOLD = microseconds(day(JAN - 2))


class Known(Person, frozen=True, kw_only=True):
    """A person, and what is to be written beside it."""

    edges: tuple[Edge, ...] = ()


def edges(*contacts: str, present: bool = True, time_us: int = 0) -> tuple[Edge, ...]:
    """Words about contacts; `time_us` is since some day of the month before last."""
    return tuple(Edge(contact, present, TOLD + time_us, b"1234567") for contact in contacts)


def known(person: str, **fields: Any) -> Known:
    return Known(person, b"\x01state", **fields)


async def passed(db: Db, *people: Person, number: int = JAN - 1) -> None:
    """Let a monthly run pass these people, who stay as they are."""
    run = passed_by(number, POLICY)
    for shard in range(6):
        if mine := {person.user_id: person for person in people if partition_of(person.user_id) == shard}:
            await save(db, shard, mine, [Writes(key, run=run) for key in mine])


def bill(person: str, time: datetime) -> Message:
    body = BehaviorEvent(kind=BILL, days_late=0)
    month = month_of(time, ZONE)
    return event_of(person, "bank", time.isoformat(), "behavior.raw.bank/0/0", time, month, encode(body), body, ZONE)


async def test_what_is_saved_is_loaded(db: Db) -> None:
    numbers: dict[str, Any] = {"version": 7, "run": JAN, "standing": 700, "standing_before": 650}
    full = Person(ONE, b"\x01state", evaluation=b"e", as_of=day(JAN), circle=Circle(650, 15, 250), **numbers)
    bare = Person(OTHERS[0], b"\x01")
    await save(db, SHARD, {person.user_id: person for person in (full, bare)})
    assert await load(db, SHARD, [*MINE]) == {ONE: full, OTHERS[0]: bare}
    assert await load(db, SHARD, [OTHERS[1]]) == {}
    assert await load(db, (SHARD + 1) % 6, [ONE]) == {}
    changed = msgspec.structs.replace(full, state=b"\x01other", version=8, standing=None, circle=None)
    await save(db, SHARD, {ONE: changed})
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
        person = await apply(db, person, bill(ONE, day(month - 1)), now=day(month, 2))
        instant = run_instant(month, 6, ZONE)
        person = await apply(db, person, Due(ONE, month, instant, 0, 0), now=day(month, 6))
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
    shown = explain(Published(**before_february))
    assert (shown.version, shown.score, shown.publication) == (1, 695, "2026-01")
    assert score.decode(rows[1]["evaluation_before"]) == score.decode(rows[0]["evaluation"])


class TestContacts:
    NOW = day(JAN, 6)

    async def bands(self, db: Db, person: str = ONE) -> tuple[int, int]:
        (found,) = [message for message in await run(db, self.NOW) if message.user_id == person]
        return found.contacts, found.bands

    async def mutual(self, db: Db, friends: dict[str, int | None], *, person: str = ONE, seen: bool = True) -> None:
        """Both sides name each other; the friends' words were there at the publication before, or came after it."""
        everybody = [known(friend, run=JAN - 1, standing=standing) for friend, standing in friends.items()]
        told = [msgspec.structs.replace(friend, edges=edges(person)) for friend in everybody]
        await give(db, *told, known(person, edges=edges(*friends)))
        if seen:
            await passed(db, *everybody)

    async def test_the_latest_event_decides_in_any_order(self, db: Db) -> None:
        first, second, third, fourth = OTHERS[:4]
        steps: Sequence[tuple[Edge, ...]] = [
            edges(first, second, third, time_us=5),
            edges(first, present=False, time_us=9),
            edges(second, present=False, time_us=4),
            edges(third, fourth, present=False, time_us=6) + edges(third, fourth, time_us=7),
            (Edge(second, False, TOLD + 5, b"1234566"), Edge(third, False, TOLD + 7, b"1234568")),
        ]
        for order in (steps, steps[::-1]):
            await db.execute("delete from contact")
            for some in order:
                await give(db, known(ONE, edges=some))
            kept = await db.fetch("select contact, present from contact order by contact")
            assert {row["contact"].hex() for row in kept if row["present"]} == {second, fourth}
            assert len(kept) == 4

    async def test_contacts_in_all_shards_each_in_its_band(self, db: Db) -> None:
        contacts = [IN_SHARD[shard][5] for shard in range(6)]
        await self.mutual(db, dict(zip(contacts, (350, 449, 450, 649, 749, 950), strict=True)))
        assert await self.bands(db) == (6, 0 + 0 + 1 + 2 + 3 + 6)

    @pytest.mark.parametrize("side", ["mine", "theirs"])
    async def test_one_sides_word_is_not_enough(self, db: Db, side: str) -> None:
        """(rules S12)"""
        friends = OTHERS[:5]
        about = edges(ONE) if side == "theirs" else ()
        everybody = [known(friend, run=JAN - 1, standing=900, edges=about) for friend in friends]
        await give(db, *everybody, known(ONE, edges=edges(*friends) if side == "mine" else ()))
        await passed(db, *everybody)
        assert await self.bands(db) == (0, 0)

    async def test_the_others_word_is_that_of_the_publication_before(self, db: Db) -> None:
        """Which shard is ahead must not show: what the other says after its last run counts from the next one on."""
        friend = OTHERS[0]
        await self.mutual(db, {friend: 700}, seen=False)
        assert await self.bands(db) == (0, 0), "said after the publication before"
        await passed(db, known(friend, run=JAN - 1, standing=700))
        assert await self.bands(db) == (1, 3)
        gone = known(friend, run=JAN - 1, standing=700, edges=edges(ONE, present=False, time_us=1))
        await give(db, gone)
        assert await self.bands(db) == (1, 3), "taken back after the publication before"
        moved = known(friend, run=JAN, standing=500, standing_before=700)
        await passed(db, moved, number=JAN)
        assert await self.bands(db) == (1, 3), "whom the present run has moved shows what was before"
        await passed(db, msgspec.structs.replace(moved, run=JAN + 1), number=JAN + 1)
        assert (
            await db.fetchval("select counted or counted_before from contact where user_id = $1", _id(friend)) is False
        )

    async def test_ones_own_word_is_the_latest_one(self, db: Db) -> None:
        """(rules S12) Whoever takes it back has no such contact in the next run, whatever the other says."""
        await self.mutual(db, dict.fromkeys(OTHERS[:5], 700))
        await passed(db, known(ONE, run=JAN - 1))
        assert await self.bands(db) == (5, 15)
        await give(db, known(ONE, run=JAN - 1, edges=edges(OTHERS[0], present=False, time_us=1)))
        assert await self.bands(db) == (4, 12)

    @pytest.mark.parametrize(("before_us", "bands"), [(0, (1, 3)), (1, (0, 0))])
    async def test_ones_own_word_holds_for_24_months(self, db: Db, before_us: int, bands: tuple[int, int]) -> None:
        """(rules S7)"""
        await self.mutual(db, {OTHERS[0]: 700}, seen=False)
        await passed(db, known(OTHERS[0], run=JAN - 1, standing=700))
        said_us = microseconds(month_start(JAN - 24, ZONE)) - before_us
        await db.execute("update contact set time_us = $1 where user_id = $2", said_us, _id(ONE))
        assert await self.bands(db) == bands

    @pytest.mark.parametrize(
        ("fields", "bands"),
        [
            ({"run": JAN - 1, "standing": 700, "standing_before": 400}, (1, 3)),
            ({"run": JAN, "standing": 700, "standing_before": 400}, (1, 0)),
            ({"run": JAN, "standing": 700}, (0, 0)),
            ({"run": JAN - 3, "standing": 700, "standing_before": 400}, (1, 3)),
            ({}, (0, 0)),
        ],
    )
    async def test_standings_are_those_of_the_publication_before(
        self, db: Db, fields: dict[str, int], bands: tuple[int, int]
    ) -> None:
        friend = known(OTHERS[0], **fields)
        await give(db, msgspec.structs.replace(friend, edges=edges(ONE)), known(ONE, edges=edges(OTHERS[0])))
        await passed(db, friend)
        await passed(db, friend)
        assert await self.bands(db) == bands

    async def test_words_are_forgotten_after_24_months_and_absent_ones_when_no_event_can_bring_them_back(
        self, db: Db
    ) -> None:
        """(rules S7) Nobody is remembered for good, whether known to the platform or not."""
        old, stranger, absent, lately = OTHERS[:4]
        told = [
            Edge(old, True, microseconds(month_start(JAN - 24, ZONE)) - 1, b"1234567"),
            Edge(stranger, True, microseconds(month_start(JAN - 24, ZONE)), b"1234567"),
            Edge(absent, False, microseconds(month_start(JAN - 4, ZONE)) - 1, b"1234567"),
            Edge(lately, False, microseconds(month_start(JAN - 4, ZONE)), b"1234567"),
        ]
        await give(db, known(ONE, edges=tuple(told)))
        kept: list[set[str]] = []
        for number in range(JAN, JAN + 6):
            await passed(db, known(ONE, run=number), number=number)
            kept.append({row["contact"].hex() for row in await db.fetch("select contact from contact")})
        # A word that counted is kept for one run more, since whoever comes later in that run must still see it.
        assert kept == [{stranger, lately}, {stranger}, set(), set(), set(), set()]

    async def test_a_word_that_counted_outlasts_its_time_by_the_run_in_which_others_still_see_it(self, db: Db) -> None:
        told = Edge(OTHERS[0], True, microseconds(month_start(JAN - 24, ZONE)), b"1234567")
        await give(db, known(ONE, edges=(told,)))
        seen = []
        for number in (JAN, JAN + 1, JAN + 2):
            await passed(db, known(ONE, run=number), number=number)
            seen.append([tuple(row) for row in await db.fetch("select counted, counted_before from contact")])
        assert seen == [[(True, False)], [(False, True)], []]


class TestWhatPuppetsLearn:
    """With any number of accounts of one's own, and all that these are shown, nobody learns more of another person's
    score than the band in which it lies (rules S12)."""

    async def shown(self, db: Db, victim: str, standing: int, anchors: Sequence[Sequence[int]]) -> list[Any]:
        """What each puppet is told of its score, when the victim has confirmed all of them as contacts: each has four
        further contacts, accounts of the same hand with scores that were chosen for it."""
        await db.execute("delete from contact")
        await db.execute("delete from person")
        puppets = MINE[1 : 1 + len(anchors)]
        helpers = [IN_SHARD[(SHARD + 1) % 6][4 * n : 4 * n + 4] for n in range(len(anchors))]
        confirmed = known(victim, run=JAN - 1, standing=standing)
        everybody = [confirmed]
        words = [msgspec.structs.replace(confirmed, edges=edges(*puppets))]
        for puppet, mine, scores in zip(puppets, helpers, anchors, strict=True):
            for helper, score_ in zip(mine, scores, strict=True):
                everybody.append(known(helper, run=JAN - 1, standing=score_))
                words.append(msgspec.structs.replace(everybody[-1], edges=edges(puppet)))
            words.append(known(puppet, edges=edges(victim, *mine)))
        await give(db, *words)
        await passed(db, *everybody)
        told = []
        for message in await run(db, day(JAN, 6)):
            if message.user_id in puppets:
                publication = decide(Person(message.user_id), [message], day(JAN, 6), POLICY).writes.publication
                assert publication is not None
                told.append(publication.evaluation)
        assert len(told) == len(puppets)
        return told

    async def test_a_band_and_nothing_else(self, db: Db) -> None:
        victim = IN_SHARD[(SHARD + 2) % 6][0]
        chosen = random.Random(5)
        anchors = [[chosen.randrange(350, 951) for _ in range(4)] for _ in range(16)]
        seen = {standing: await self.shown(db, victim, standing, anchors) for standing in (650, 651, 700, 749, 750)}
        assert seen[650] == seen[651] == seen[700] == seen[749]
        assert seen[650] != seen[750], "they do learn the band"
        for evaluation in seen[650]:
            (item,) = [item for item in evaluation.items if item.code == "contacts-standing"]
            assert item.rests_on == {"contacts_at_least": 5}, "no standing, and not how many have confirmed"


class TestTheRun:
    @pytest.mark.parametrize("limit", [1, 7, 10, 11, 1000])
    async def test_everybody_of_the_shard_once_in_order(self, db: Db, limit: int) -> None:
        await give(db, *(known(person) for person in PEOPLE[:60]))
        expected = sorted(person for person in PEOPLE[:60] if partition_of(person) == SHARD)
        found = await run(db, day(JAN, 6), limit=limit)
        assert [message.user_id for message in found] == expected
        assert {(message.run, message.instant) for message in found} == {(JAN, run_instant(JAN, 6, ZONE))}

    async def test_page_by_page_with_a_cursor_that_ends(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:5]))
        now, next_at = day(JAN, 6), run_instant(JAN + 1, 6, ZONE)
        first = await page(db, now, limit=3)
        assert (first.cursor, first.run, len(first.messages)) == (f"{JAN}:{MINE[2]}", "2026-01", 3)
        assert first.done == int(MINE[2][:8], 16) / 2**32, "pseudonyms are spread evenly"
        last = await page(db, now, first.cursor, limit=3)
        assert last.done == 1.0
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
        assert [m.user_id for m in (await page(db, day(JAN + 1, 6), empty.cursor)).messages] == [ONE]

    async def test_a_new_deployment_has_missed_nothing(self, db: Db) -> None:
        await give(db, known(ONE))
        next_at = run_instant(JAN + 1, 6, ZONE)
        assert await page(db, day(JAN, 20), cursor="") == DuePage((), f"{JAN}:done", next_at, None)
        assert await db.fetchval("select count(*) from publication") == 0

    async def test_only_the_latest_missed_one_runs(self, db: Db) -> None:
        """(rules P5)"""
        await give(db, *(known(person) for person in MINE[:4]))
        half = await page(db, day(JAN, 6), limit=2)
        found = await run(db, day(JAN + 3, 1), half.cursor)
        assert [(message.user_id, message.run) for message in found] == [(person, JAN + 2) for person in MINE[:4]]
        opened = await db.fetch("select number, instant, policy from publication order by number")
        assert [tuple(row) for row in opened] == [
            (number, run_instant(number, 6, ZONE), CARD.id) for number in (JAN, JAN + 2)
        ]

    async def test_a_clock_that_is_a_little_behind_goes_on_with_the_run(self, db: Db) -> None:
        await give(db, *(known(person) for person in MINE[:4]))
        now = run_instant(JAN, 6, ZONE)
        half = await page(db, now, limit=2)
        rest = await page(db, now - timedelta(seconds=1), half.cursor, limit=2)
        assert [message.user_id for message in rest.messages] == MINE[2:4]
        assert rest.cursor == f"{JAN}:done"

    async def test_another_policy_does_not_take_part(self, db: Db) -> None:
        """(rules P9)"""
        await give(db, *(known(person) for person in MINE[:4]))
        other = msgspec.structs.replace(POLICY, scorecards=(card(ceilings={"legal": 570}),))
        half = await page(db, day(JAN, 6), limit=2)
        with pytest.raises(PolicyMismatchError, match=f"2026-01-06 is by {CARD.id}, and this process has plain@"):
            await page(db, day(JAN, 6), half.cursor, policy=other)
        done = (await page(db, day(JAN, 6), half.cursor)).cursor
        # Between publications the new policy may wait for its first one, which the old one then may not run.
        assert (await page(db, day(JAN, 20), done, policy=other)).messages == ()
        assert len((await page(db, day(JAN + 1, 6), done, policy=other)).messages) == 4
        with pytest.raises(PolicyMismatchError):
            await page(db, day(JAN + 1, 6), done)

    async def test_a_policy_waits_for_its_date(self, db: Db) -> None:
        later = msgspec.structs.replace(POLICY, scorecards=(card(effective_on=date(2026, 1, 7)),))
        with pytest.raises(PolicyMismatchError, match="begins only on 2026-01-07"):
            await page(db, day(JAN, 8), policy=later)
        assert await db.fetchval("select count(*) from publication") == 0
        on_the_day = msgspec.structs.replace(POLICY, scorecards=(card(effective_on=date(2026, 1, 6)),))
        assert (await page(db, day(JAN, 8), policy=on_the_day)).cursor == f"{JAN}:done"


async def test_the_order_of_people_does_not_matter_to_the_run(db: Db) -> None:
    """Everybody is everybody's contact: whoever is published first must not show to those after."""
    people = MINE[:6]
    everybody = [known(p, run=JAN - 1, standing=400) for p in people]
    for one in everybody:
        told = edges(*(other for other in people if other != one.user_id))
        await give(db, msgspec.structs.replace(one, edges=told))
    await passed(db, *everybody)
    seen = []
    cursor = BEGUN
    while (some := await page(db, day(JAN, 6), cursor, limit=1)).messages:
        (message,) = some.messages
        assert isinstance(message, Due)
        seen.append((message.contacts, message.bands))
        person = (await load(db, SHARD, [message.user_id]))[message.user_id]
        moved = msgspec.structs.replace(person, run=JAN, standing=900, standing_before=person.standing)
        await passed(db, moved, number=JAN)
        cursor = some.cursor
    assert seen == [(5, 0)] * 6


@pytest.mark.parametrize(("since", "steady"), [(JAN - 12, 5), (JAN - 11, 0)])
async def test_who_was_a_contact_in_twelve_runs_before_this_one_is_of_long_standing(
    db: Db, since: int, steady: int
) -> None:
    """(rules S12) To say again that somebody is one begins nothing anew."""
    people = [known(person, run=JAN - 1, standing=400) for person in MINE[:6]]
    for run in (since, since + 1):
        for one in people:
            told = edges(*(other.user_id for other in people if other is not one), time_us=run)
            await give(db, msgspec.structs.replace(one, edges=told))
        await passed(db, *people, number=run)
    messages = (await page(db, day(JAN, 6))).messages
    assert {(each.contacts, each.steady) for each in messages if isinstance(each, Due)} == {(5, steady)}


class TestRedaction:
    """(rules D9) What is left of a record that is gone: nothing, in any table."""

    WORDS = (b"legal", b"unsettled", b"settled", b"court", b"credit", b"luxury-purchases")

    async def tell(self, db: Db, *steps: tuple[Message, datetime]) -> None:
        for message, now in steps:
            person = (await load(db, SHARD, [ONE])).get(ONE) or Person(ONE)
            await apply(db, person, message, now=now)

    def due(self, month: int) -> tuple[Message, datetime]:
        return Due(ONE, month, run_instant(month, 6, ZONE), 0, 0), day(month, 6)

    async def history(self, db: Db) -> list[tuple[int, datetime, int, int | None]]:
        rows = await db.fetch("select version, as_of, run, evaluation from score order by version")
        found = []
        for version, as_of, number, column in rows:
            evaluation = score.decode(column)
            assert sum(item.points for item in evaluation.items) == evaluation.score
            found.append((version, as_of, evaluation.score, number))
        return found

    async def everything(self, db: Db) -> bytes:
        """All that the scorer's tables hold, as they hold it."""
        parts: list[bytes] = []

        async def keep(part: bytes) -> None:
            parts.append(part)

        for table in ("person", "score", "contact", "publication"):
            await db.copy_from_table(table, output=keep, format="binary")
        return b"".join(parts)

    async def test_history_is_what_it_would_have_been_without_it(self, db: Db) -> None:
        listed = news_of("court.listing", 1)
        settled = news_of("court.listing", 2, status="settled", ended_on=date(2026, 2, 10))
        gone = RecordNews(ONE, JAN + 2, RecordChange(record_id=RECORD, version=3, status="expired", counts=False))
        await self.tell(
            db,
            (bill(ONE, day(JAN - 1)), day(JAN, 2)),
            self.due(JAN),
            (listed, day(JAN, 20)),
            self.due(JAN + 1),
            (settled, day(JAN + 1, 12)),
        )
        scores = [entry[2] for entry in await self.history(db)]
        assert scores == [695, 495, 495, 595]
        before = await self.everything(db)
        assert [word for word in self.WORDS if word not in before] == [], "else the search would prove nothing"
        await self.tell(db, (gone, day(JAN + 2, 3)))
        assert await self.history(db) == [
            (1, run_instant(JAN, 6, ZONE), 695, JAN),
            (3, run_instant(JAN + 1, 6, ZONE), 695, JAN + 1),
            (5, day(JAN + 2, 3), 695, JAN + 1),
        ]
        after = await self.everything(db)
        assert [word for word in self.WORDS if word in after] == []
        rows = await db.fetch(
            "select * from explain where shard = $1 and user_id = $2 order by version", SHARD, _id(ONE)
        )
        shown = [explain(Published(**dict(list(row.items())[2:]))) for row in rows]
        assert [each.change for each in shown] == [695, 0, 0]

    async def test_what_the_step_of_its_end_publishes_is_redacted_too(self, db: Db) -> None:
        """The run and the record's end may come in one step: what the one publishes is not in any table yet when the
        other redacts."""
        await self.tell(db, (bill(ONE, day(JAN - 1)), day(JAN, 2)), self.due(JAN))
        gone = RecordNews(ONE, JAN + 1, RecordChange(record_id=RECORD, version=2, status="expired", counts=False))
        (person,) = (await load(db, SHARD, [ONE])).values()
        writes: list[Writes] = []
        now = day(JAN + 1, 6)
        for message in (news_of("court.listing", 1), self.due(JAN + 1)[0], gone):
            decided = decide(person, [message], now, POLICY)
            person = decided.person
            writes.append(decided.writes)
        scores = [each.publication.evaluation.score for each in writes if each.publication]
        assert scores == [495, 495, 695], "else there was nothing to redact"
        await save(db, SHARD, {ONE: person}, writes)
        # As over several steps: the second version says nothing new once the record is gone.
        assert await self.history(db) == [
            (1, run_instant(JAN, 6, ZONE), 695, JAN),
            (3, now, 695, JAN + 1),
            (4, now, 695, JAN + 1),
        ]
        held = await self.everything(db)
        assert [word for word in self.WORDS if word in held] == []

    async def test_its_name_goes_once_no_older_version_can_come_again(self, db: Db) -> None:
        gone = RecordNews(ONE, JAN, RecordChange(record_id=RECORD, version=2, status="expired", counts=False))
        await self.tell(db, (news_of("ride.unpaid", 1), day(JAN, 20)), (gone, day(JAN, 21)))
        assert short_hash(RECORD) in await self.everything(db)
        await self.tell(db, (news_of("ride.unpaid", 1), day(JAN, 28)), self.due(JAN + 1))
        assert short_hash(RECORD) in await self.everything(db)
        await self.tell(db, self.due(JAN + 2))
        assert short_hash(RECORD) not in await self.everything(db)

    async def test_the_publication_that_stands_is_left_with_the_records_that_still_count(self, db: Db) -> None:
        """Of what release 0.1 took in: it is redacted when the person is next met, and no publication follows."""
        before, since = (record("court.listing", name) for name in ("before", "since"))
        told = [decide(Person(ONE), [RecordNews(ONE, JAN, each)], day(JAN), POLICY).writes for each in (before, since)]
        published = [each.publication for each in told]
        assert all(published)
        rows = [
            Writes(ONE, publication=msgspec.structs.replace(each, version=version))
            for version, each in enumerate(published, 1)
            if each is not None
        ]
        await save(db, SHARD, {ONE: Person(ONE, FORMAT_1, version=2)}, rows)
        (person,) = (await load(db, SHARD, [ONE])).values()
        await apply(db, person, bill(ONE, day(JAN)), now=day(JAN, 20))
        columns = [row["evaluation"] for row in await db.fetch("select evaluation from score order by version")]
        assert [b"legal" in column for column in columns] == [False, True]

    async def test_other_peoples_history_stays(self, db: Db) -> None:
        other = OTHERS[0]
        await self.tell(db, (news_of("court.listing", 1), day(JAN, 20)))
        told = msgspec.structs.replace(news_of("court.listing", 1), user_id=other)
        await apply(db, Person(other), told, now=day(JAN))
        kept = await db.fetch("select * from score where user_id = $1", _id(other))
        gone = RecordNews(ONE, JAN, RecordChange(record_id=RECORD, version=2, status="expired", counts=False))
        await self.tell(db, (gone, day(JAN, 21)))
        assert await db.fetch("select * from score where user_id = $1", _id(other)) == kept


async def test_publications_are_remembered_for_24_months_and_the_last_one_for_good(db: Db) -> None:
    """(rules S7)"""
    instants = [day(JAN - 30), run_instant(JAN - 25, 6, ZONE), run_instant(JAN - 24, 6, ZONE)]
    for who in (ONE, OTHERS[0]):
        for version, instant in enumerate(instants if who == ONE else instants[:2], 1):
            published = Writes(who, publication=Publication(version, instant, None, CARD.id, NEWCOMER))
            await save(db, partition_of(who), {who: known(who, version=version)}, [published])
    await passed(db, known(ONE, version=3), known(OTHERS[0], version=2), number=JAN)
    rows = await db.fetch("select user_id, version from score order by version")
    assert {(row["user_id"].hex(), row["version"]) for row in rows} == {(ONE, 3), (OTHERS[0], 2)}


async def test_what_release_0_1_left_is_taken_over(postgres_dsn: str) -> None:
    """The second migration over rows as they lie in deployments."""
    schema = f"scorer_{uuid.uuid4().hex}"
    db = await asyncpg.connect(postgres_dsn, server_settings={"search_path": schema, "timezone": "UTC"})
    try:
        await db.execute(f"create schema {schema}")
        first = _MIGRATIONS / "0001_scorer.sql"
        await db.execute(first.read_text())
        friends = OTHERS[:5]
        for who in (ONE, *friends):
            await db.execute(
                "insert into person values ($1, $2, $3, 2, $4, $5, 700, 700, 650)",
                *(partition_of(who), _id(who), FORMAT_1, score.encode(NEWCOMER), JAN - 1),
            )
            for version, instant in ((1, day(JAN - 1)), (2, day(JAN - 1, 20))):
                await db.execute(
                    "insert into score values ($1, $2, $3, $4, null, 'p', $5)",
                    *(partition_of(who), _id(who), version, instant, score.encode(NEWCOMER)),
                )
        for person, other in [pair for friend in friends for pair in ((ONE, friend), (friend, ONE))]:
            await db.execute(
                "insert into contact values ($1, $2, $3, $4, true, $5, $6)",
                *(partition_of(person), _id(person), _id(other), partition_of(other), TOLD, b"12345678"),
            )
        for migration in ("0002_remembered.sql", "0003_circle.sql", "0005_consents.sql", "0006_erased.sql"):
            await db.execute((_MIGRATIONS / migration).read_text())
        (me,) = (await load(db, SHARD, [ONE])).values()
        assert me.as_of == day(JAN - 1, 20)
        (message,) = [m for m in (await page(db, day(JAN, 6))).messages if m.user_id == ONE]
        assert isinstance(message, Due)
        assert (message.contacts, message.bands) == (5, 15)
        await apply(db, me, message, now=day(JAN, 6))
        (me,) = (await load(db, SHARD, [ONE])).values()
        assert (me.version, me.circle, me.state[0]) == (3, Circle(650, 5, 0), FORMAT)
    finally:
        await db.execute(f"drop schema {schema} cascade")
        await db.close()


async def test_a_row_of_the_release_before_limits_is_taken_over(postgres_dsn: str) -> None:
    """(rules E19) The code of commit dc3c775 wrote the row, see `FORMAT_2`. It is upgraded when the person is next met,
    and limits are unknown before the first month in which every statement names one."""
    schema = f"scorer_{uuid.uuid4().hex}"
    db = await asyncpg.connect(postgres_dsn, server_settings={"search_path": schema, "timezone": "UTC"})
    try:
        await db.execute(f"create schema {schema}")
        migrations = sorted(_MIGRATIONS.glob("*.sql"))
        for migration in migrations[:2]:
            await db.execute(migration.read_text())
        as_of = day(JAN, 20)
        await db.execute(
            "insert into person values ($1, $2, $3, 6, $4, null, null, null, null, $5)",
            *(SHARD, _id(ONE), FORMAT_2, EVALUATION_OF_FORMAT_2, as_of),
        )
        for migration in migrations[2:]:
            await db.execute(migration.read_text())
        (me,) = (await load(db, SHARD, [ONE])).values()
        assert (me.version, me.state, me.as_of) == (6, FORMAT_2, as_of)
        for month, limit in ((JAN, 2_000_000), (JAN + 1, 2_500_000)):
            body = BehaviorEvent(kind="credit_card.statement", amount=100_000, limit=limit)
            time = day(month, 25)
            origin = "behavior.raw.bank/0/0"
            told = event_of(ONE, "bank", f"new-{month}", origin, time, month, encode(body), body, ZONE)
            await apply(db, me, told, now=time)
            (me,) = (await load(db, SHARD, [ONE])).values()
        assert me.state[0] == FORMAT
        code = KIND_OF["credit_card.statement"].code
        by_month = {month: by_kind[code] for month, by_kind in vectors(decode(me.state), 0, JAN + 1) if code in by_kind}
        assert {month: (vector[:2], limit_of(vector)) for month, vector in by_month.items()} == {
            JAN - 9: ([1, 310_000], None),
            JAN - 1: ([1, 250_000], None),
            JAN: ([2, 580_000], None),
            JAN + 1: ([1, 100_000], 2_500_000),
        }
    finally:
        await db.execute(f"drop schema {schema} cascade")
        await db.close()


async def test_a_row_of_a_later_release_is_neither_read_nor_blamed_on_the_person(db: Db) -> None:
    """An older process meets it after a rollback, or while a release is rolled out. It waits, setting nothing aside."""
    await give(db, Person(ONE, bytes((FORMAT + 1,)) + b"of a later release"))
    with pytest.raises(LaterReleaseError) as raised:
        await load(db, SHARD, [ONE])
    assert not belongs_to_records(raised.value)
    assert await load(db, SHARD, OTHERS) == {}


async def test_a_row_of_the_release_that_kept_vectors_by_month_is_taken_over(db: Db) -> None:
    """(rules S4) The code of commit 6361aae wrote the row, see `FORMAT_3`, and the tables are the same. It is upgraded
    when the person is next met, and the score does not move."""
    as_of = day(JAN, 28)
    await db.execute(
        "insert into person (shard, user_id, version, state, evaluation, as_of) values ($1, $2, 9, $3, $4, $5)",
        *(SHARD, _id(ONE), FORMAT_3, EVALUATION_OF_FORMAT_3, as_of),
    )
    (me,) = (await load(db, SHARD, [ONE])).values()
    assert (me.version, me.state, me.as_of) == (9, FORMAT_3, as_of)
    origin, body = "behavior.raw.bank/0/0", BehaviorEvent(kind="water.bill", days_late=0)
    told = event_of(ONE, "bank", "new", origin, as_of, JAN + 1, encode(body), body, ZONE)
    await apply(db, me, told, now=as_of)
    (after,) = (await load(db, SHARD, [ONE])).values()
    assert after.state[0] == FORMAT
    expected = decode(FORMAT_3)
    assert isinstance(fold(expected, told, 3), Accepted)
    assert decode(after.state) == expected
    assert score.evaluate(decode(FORMAT_3), CARD, JAN) == score.decode(EVALUATION_OF_FORMAT_3)
