"""retention on real Kafka and Postgres: a record's life to the day, in whatever zone machine and database live."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import pytest

from goodstanding.errors import UserError
from services.retention.core.bounds import RECORDS_MAX, WAITS_MAX
from services.retention.core.deadline import Deadline, deadline_of
from services.retention.core.decide import Person, Writes
from services.retention.core.erasure import rolls_after_record
from services.retention.core.fingerprint import fingerprint, record_id
from services.retention.core.messages import Due
from services.retention.core.record import (
    Amended,
    Asked,
    Case,
    Confirmed,
    Corrected,
    Facts,
    Kept,
    Open,
    Question,
    Settled,
    Statement,
    Unreported,
    Unverifiable,
    Waiting,
)
from services.retention.storage import store
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import RecordChange, RecordReport
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.retention_profile import Profile
from shared.contracts.topics import RECORDS_CHANGED
from shared.policy_file import load_policy
from shared.postgres import queries
from shared.settings import ROOT
from tests.support.retention_process import (
    FINGERPRINT_KEY,
    PARTNER,
    Ear,
    Heard,
    Retention,
    deployed,
    empty_database,
    stranger,
    strangers_of_all_shards,
)

SECOND = timedelta(seconds=1)
STEP_MAX = 2_000
"""Records in one step, as the service is set up by default."""
START = datetime(2026, 1, 15, 4, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Asia/Shanghai")
SQL = queries(ROOT / "services" / "retention" / "storage" / "queries.sql")
NEXT = queries(ROOT / "services" / "retention" / "storage" / "erasures.sql")["next"]


def reported(kind: str, began_on: str, report_id: str = "r-1", amount: int | None = None) -> RecordReport:
    day = date.fromisoformat(began_on)
    return RecordReport(kind=kind, report_id=report_id, status="reported", began_on=day, amount=amount)


def settled(kind: str, ended_on: str, report_id: str = "r-1") -> RecordReport:
    return RecordReport(kind=kind, report_id=report_id, status="settled", ended_on=date.fromisoformat(ended_on))


def story(heard: Sequence[Heard], person: str) -> list[tuple[int, str]]:
    return [(each.change.version, each.change.status) for each in heard if each.person == person]


# -- the whole service -------------------------------------------------------------------------------------------------


@pytest.fixture
async def retention(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Retention]:
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        yield retention


async def test_a_records_life_to_the_day(retention: Retention) -> None:
    """A no-show and a card overdue: published at once, gone on the second after their last day, and no trace left."""
    guest, debtor = stranger(), stranger()
    await retention.start("retention")
    async with retention.ear([guest, debtor]) as ear:
        await retention.tell(guest, reported("hotel.no_show", "2025-08-20"), time=START)
        await retention.tell(
            debtor,
            settled("card.overdue", "2026-01-10", "secret-contract-77"),
            reported("card.overdue", "2025-03-01", "secret-contract-77", 391_300),
            settled("card.overdue", "2026-01-12", "secret-contract-77"),
            time=START,
        )
        await retention.until_drained(START)
        await ear.listen()
        assert story(ear.heard, guest) == [(1, "open")]
        assert story(ear.heard, debtor) == [(1, "open"), (2, "settled")]
        change = ear.heard[-1].change
        assert change.counts
        await _lapses_on_the_second(retention, ear, guest, datetime(2027, 8, 20, 16, tzinfo=UTC))
        await _nothing_brings_it_back(retention, ear, guest)
        await _lapses_on_the_second(retention, ear, debtor, datetime(2031, 1, 10, 16, tzinfo=UTC))
    _check_messages(ear.heard, debtor)
    await _check_refusals(retention)
    await _check_traces(
        retention, [guest, debtor], ["secret-contract-77", *(each.change.record_id for each in ear.heard)]
    )


async def _lapses_on_the_second(retention: Retention, ear: Ear, person: str, lapses_at: datetime) -> None:
    for instant, expected in [(lapses_at - SECOND, 0), (lapses_at, 1), (lapses_at - timedelta(days=900), 0)]:
        await retention.set_clock(instant)
        await retention.until_drained(instant)
        news = [each for each in await ear.listen() if each.person == person]
        assert len(news) == expected
        if expected:
            assert news[0].time == lapses_at
            id, version = news[0].change.record_id, news[0].change.version
            # What announces the erasure repeats neither kind, class, amount nor days.
            assert news[0].change == RecordChange(record_id=id, version=version, status="expired", counts=False)


async def _nothing_brings_it_back(retention: Retention, ear: Ear, guest: str) -> None:
    """The same report again, on a clock that went back to before its deadline, and in a process that never saw it."""
    await retention.kill("retention")
    await retention.start("retention")
    now = datetime(2026, 6, 1, tzinfo=UTC)
    await retention.set_clock(now)
    await retention.tell(guest, reported("hotel.no_show", "2025-08-20"), time=now)
    await retention.until_drained(now)
    assert await ear.listen() == []


def _check_messages(heard: Sequence[Heard], debtor: str) -> None:
    id = record_id(FINGERPRINT_KEY, debtor, PARTNER, "secret-contract-77")
    mine = [each for each in heard if each.person == debtor]
    assert [each.id for each in mine] == [f"retention/{id}/{version}" for version in (1, 2, 3)]
    assert [each.change.counts for each in mine] == [True, True, False]
    assert [each.change.amount for each in mine] == [391_300, 391_300, None]
    assert "secret-contract-77" not in str(heard)


async def _check_refusals(retention: Retention) -> None:
    """The later settlement and the report of a lapsed record, each with the position of its raw event."""
    found = {each["ce_origin"]: each for each in await retention.refusals()}
    later, again = found[f"behavior.raw.{PARTNER}/0/4"], found[f"behavior.raw.{PARTNER}/0/5"]
    assert (later["ce_code"], later["ce_field"], later["ce_eventid"]) == ("re-ageing", "data.ended_on", "event-4")
    assert (again["ce_code"], again["ce_field"], again["ce_eventid"]) == ("lapsed", "data.report_id", "event-5")
    assert later["ce_id"] == f"retention/behavior.raw.{PARTNER}/0/4"


async def _check_traces(retention: Retention, people: Sequence[str], words: Sequence[str]) -> None:
    """Of what has lapsed no table holds the person, the record or the partner's own number."""
    async with retention.database() as db:
        tables = await db.fetch("select tablename from pg_tables where schemaname = 'retention'")
        rows = [str(row) for (table,) in tables for row in await db.fetch(f"select t::text from {table} t")]
        # That of the guest has gone itself meanwhile (rules R10).
        assert await db.fetchval("select count(*) from fingerprint") == 1
    assert not [row for row in rows for word in (*people, *words) if word in row]


async def test_the_same_deadlines_wherever_process_and_database_live(retention: Retention) -> None:
    """(rules D4) Three processes in three zones share the shards of a database that lives in a fourth; each record is
    reported for a person of every shard, so that each process has each of them. All lapse on the same second."""
    async with retention.database() as db:
        name = await db.fetchval("select current_database()")
        await db.execute(f"alter database {name} set timezone = 'Pacific/Kiritimati'")
    for zone in ZONES:
        await retention.start(zone.rpartition("/")[2].lower(), TZ=zone, PGTZ=zone)
    people = strangers_of_all_shards()
    cases = [
        ("ride.unpaid", "2024-02-29", datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("ride.unpaid", "2025-12-31", datetime(2027, 12, 31, 16, tzinfo=UTC)),
        ("ride.unpaid", "2024-03-10", datetime(2026, 3, 10, 16, tzinfo=UTC)),
        ("loan.overdue", "2024-02-29", datetime(2029, 2, 28, 16, tzinfo=UTC)),
        ("loan.overdue", "2023-02-28", datetime(2028, 2, 28, 16, tzinfo=UTC)),
        ("court.listing", "2026-01-14", datetime(2031, 1, 14, 16, tzinfo=UTC)),
    ]
    async with retention.ear(people) as ear:
        for person in people:
            for number, (kind, ended_on, _) in enumerate(cases):
                bodies = reported(kind, "2023-01-31", f"r-{number}"), settled(kind, ended_on, f"r-{number}")
                await retention.tell(person, *bodies, time=START)
        await retention.until_drained(START)
        await ear.listen()
        assert len(ear.heard) == 2 * len(people) * len(cases)
        for lapses_at in sorted(lapses_at for _, _, lapses_at in cases):
            await retention.set_clock(lapses_at - SECOND)
            await retention.until_drained(lapses_at - SECOND)
            assert await ear.listen() == []
            await retention.set_clock(lapses_at)
            await retention.until_drained(lapses_at)
            news = await ear.listen()
            assert sorted(each.person for each in news) == sorted(people)
            assert {each.time for each in news} == {lapses_at}
    owners = [process.trouble() for process in retention.processes.values()]
    assert owners == [None, None, None]


async def test_a_clock_that_leaps_fires_all_once_and_in_order(retention: Retention) -> None:
    """Sixty records of a shard, then a leap of a century."""
    people = [person for person in (stranger() for _ in range(200)) if partition_of(person) == 0][:20]
    await retention.start("retention", GOODSTANDING_DUE_PAGE_MAX="2")
    async with retention.ear(people) as ear:
        for number, person in enumerate(people):
            days = [date(2025, 1, 1) + timedelta(days=offset) for offset in (number % 7, 300 - number % 5, 100)]
            bodies = [reported("hotel.no_show", day.isoformat(), f"r-{i}") for i, day in enumerate(days)]
            await retention.tell(person, *bodies, time=START)
        await retention.until_drained(START)
        await ear.listen()
        leap = START + timedelta(days=36_525)
        await retention.set_clock(leap)
        await retention.until_drained(leap)
        news = await ear.listen()
        assert [each.change.status for each in news] == ["expired"] * 3 * len(people)
        deadlines = [each.time for each in news]
        assert deadlines == sorted(deadlines)
        assert len({each.id for each in news}) == len(news)


@pytest.mark.timeout(180)
async def test_a_flood_of_reports_about_one_person_is_bounded_and_harms_nobody(retention: Retention) -> None:
    """70,000 reports of one partner about one account, as fast as they can be sent (rules R14): as many as the bound
    are taken, the others are refused, and a neighbor in the same shard hears of a report behind them within seconds."""
    hot = stranger()
    neighbor = next(person for person in iter(stranger, "") if partition_of(person) == partition_of(hot))
    await retention.start("retention")
    async with retention.ear([hot, neighbor]) as ear:
        flood = ((hot, reported("card.overdue", "2025-03-01", f"r-{number}")) for number in range(70_000))
        await retention.tell_many(flood, time=START)
        await retention.tell(neighbor, reported("card.overdue", "2025-03-01"), time=START)
        began = monotonic()
        await retention.until_drained(START)
        took_s = monotonic() - began
        await ear.listen()
        assert story(ear.heard, hot) == [(1, "open")] * RECORDS_MAX
        assert story(ear.heard, neighbor) == [(1, "open")]
        await retention.tell(hot, settled("card.overdue", "2025-09-15", "r-7"), time=START)
        await retention.until_drained(START)
        assert story(await ear.listen(), hot) == [(2, "settled")]
    told = [each for each in await retention.refusals() if each["ce_code"] == "too-many"]
    refused = {each["ce_origin"]: each for each in told}
    assert len(refused) == 70_000 - RECORDS_MAX
    # Whoever claims a shard sends once more what its predecessor had in the outbox, which is one step at most; nothing
    # else is told twice, and what is, is the same to the byte.
    assert all(each == refused[each["ce_origin"]] for each in told)
    async with retention.database() as db:
        claims = await db.fetchval("select epoch from shard where shard = $1", partition_of(hot))
    assert claims >= 1
    assert len(told) - len(refused) <= (claims - 1) * STEP_MAX
    assert took_s < 30, "a shard that stands still for one person"
    assert retention.processes["retention"].trouble() is None


async def test_a_settlement_that_no_report_follows_is_refused(retention: Retention) -> None:
    """(rules R4) It waits for fourteen days; then its partner is told, and the record can still be reported and
    settled."""
    debtor = stranger()
    await retention.start("retention")
    async with retention.ear([debtor]) as ear:
        await retention.tell(debtor, settled("card.overdue", "2016-01-10"), time=START)
        await retention.until_drained(START)
        later = START + WAITS_MAX
        await retention.set_clock(later - SECOND)
        await retention.until_drained(later - SECOND)
        assert "unreported" not in {each["ce_code"] for each in await retention.refusals()}
        await retention.set_clock(later)
        await retention.until_drained(later)
        found = [each for each in await retention.refusals() if each["ce_code"] == "unreported"]
        assert [(each["ce_field"], each["ce_eventid"]) for each in found] == [("data.report_id", "event-1")]
        bodies = reported("card.overdue", "2025-12-01"), settled("card.overdue", "2026-01-10")
        await retention.tell(debtor, *bodies, time=later)
        await retention.until_drained(later)
        assert story(await ear.listen(), debtor) == [(1, "open"), (2, "settled")]


async def test_the_broker_is_made_to_clean_up_after_a_record_is_gone(retention: Retention) -> None:
    """(rules D8) By marks about nobody in the partition of its person, each said once, also by a process that is
    killed."""
    guest = stranger()
    shard = partition_of(guest)
    lapses_at = datetime(2028, 1, 1, 16, tzinfo=UTC)
    rolls = rolls_after_record(lapses_at)
    await retention.start("retention")
    await retention.tell(guest, reported("hotel.no_show", "2026-01-01"), time=START)
    await retention.until_drained(START)

    async def marks(partition: int) -> list[str]:
        found = await retention.read(RECORDS_CHANGED, partition)
        return [dict(each.headers)["ce_id"].decode() for each in found if each.value is None]

    for instant in (lapses_at, rolls[0] - SECOND):
        await retention.set_clock(instant)
        await retention.until_drained(instant)
        assert await marks(shard) == []
    await retention.set_clock(rolls[0])
    await retention.kill("retention")
    await retention.start("retention")
    for at in (rolls[0], rolls[2] + SECOND):
        await retention.set_clock(at)
        await retention.until_drained(at)
    # What was sent again is the same, and counts once. Of two that are due together, the later one is sent.
    told = [f"retention/roll-{at:%Y%m%dT%H%M%S}/1" for at in (rolls[0], rolls[2])]
    assert list(dict.fromkeys(await marks(shard))) == told
    assert await marks((shard + 1) % PARTITIONS) == []
    async with retention.database() as db:
        assert await db.fetchval("select count(*) from roll") == 0


async def test_a_report_put_right_is_taken_under_the_same_number(retention: Retention) -> None:
    """A slip in a year is refused and leaves nothing, also when it is forwarded again behind what puts it right."""
    guest = stranger()
    await retention.start("retention")
    slip, right = reported("hotel.no_show", "1970-01-01"), reported("hotel.no_show", "2026-01-01")
    async with retention.ear([guest]) as ear:
        await retention.tell(guest, slip, right, slip, right, time=START)
        await retention.until_drained(START)
        assert story(await ear.listen(), guest) == [(1, "open")]
        lapses_at = datetime(2028, 1, 1, 16, tzinfo=UTC)
        await retention.set_clock(lapses_at)
        await retention.until_drained(lapses_at)
        assert [each.change.status for each in await ear.listen()] == ["expired"]
        await retention.tell(guest, right, time=lapses_at)
        await retention.until_drained(lapses_at)
        assert await ear.listen() == []


# -- the storage -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def dsn(postgres_dsn: str) -> AsyncIterator[str]:
    async with empty_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    db = await asyncpg.connect(dsn, server_settings={"search_path": "retention"})
    yield db
    await db.close()


FACTS = Facts("bank", "r-1", "card.overdue", date(2025, 3, 1), 100, datetime(2025, 3, 2, 3, 4, 5, 678, tzinfo=UTC))
DEADLINE = Deadline(date(2025, 9, 15), datetime(2030, 9, 15, 16, tzinfo=UTC))
NO_SHOW = Facts("bank", "r-1", "hotel.no_show", date(2025, 8, 20), None)
WAITING = (
    Waiting("card.overdue", None, date(2025, 9, 15), "e-1", "behavior.raw.bank/0/1"),
    Waiting(
        "card.overdue",
        date(2025, 3, 1),
        date(2025, 9, 16),
        "e-2 ü",
        "behavior.raw.bank/0/2",
        '{"data.ended_on":"paid_on"}',
    ),
)
ASKED = Asked(
    "d-1",
    (Question("q-1", "paid", "In cash."), Question("q-2", "wrong-day")),
    date(2026, 1, 15),
    date(2026, 2, 4),
    datetime(2026, 2, 4, 16, tzinfo=UTC),
    datetime(2026, 1, 29, 16, tzinfo=UTC),
    extended=True,
)
KEPT: Mapping[str, Kept] = {
    "open": Open(FACTS, 1, None),
    "open, its deadline running": Open(NO_SHOW, 1, Deadline(date(2025, 8, 20), datetime(2027, 8, 20, 16, tzinfo=UTC))),
    "settled": Settled(FACTS, 2, DEADLINE),
    "settled anew": Settled(FACTS, 4, DEADLINE, overtaken=(date(2025, 9, 17), date(2025, 9, 16))),
    "disputed": Open(FACTS, 2, None, Case(date(2025, 3, 2), disputes=(ASKED,))),
    "much beside it": Settled(
        FACTS,
        7,
        DEADLINE,
        overtaken=(date(2025, 9, 17),),
        case=Case(
            date(2025, 3, 2),
            counts_from=datetime(2025, 3, 9, 16, tzinfo=UTC),
            early_at=datetime(2027, 3, 15, 16, tzinfo=UTC),
            warn_at=datetime(2030, 8, 15, 16, tzinfo=UTC),
            corrected=Corrected(START, START, (date(2025, 2, 1),)),
            disputes=(
                Confirmed("d-1", (Question("q-1", "paid"),)),
                Amended("d-2", (Question("q-2", "other", "Ich war da. 我在场。"),)),
                Unverifiable("d-3", (Question("q-3", "fraud"),), START),
            ),
            statement=Statement("Mine.", "q-4", START),
        ),
    ),
    "waiting for its report, a correction": Unreported(
        "bank",
        "r-1",
        (Waiting("card.overdue", None, None, "e-1", "behavior.raw.bank/0/1", "", START, 7, "corrected"),),
        START,
    ),
    "unreported": Unreported("bank", "r-1", WAITING, datetime(2030, 9, 15, 16, tzinfo=UTC)),
}


GONE_UNTIL = datetime(2030, 12, 25, tzinfo=UTC)


def id_of(number: int) -> str:
    return f"{number:032x}"


async def load(db: asyncpg.Connection, *people: str) -> dict[str, Person]:
    return await store.load(db, 3, people, fingerprint_key=FINGERPRINT_KEY)


async def save(db: asyncpg.Connection, people: Mapping[str, Person], shard: int = 3) -> None:
    """As if each person had just come to be."""
    writes = [Writes(key, person.records, gone=person.gone, left_by=person.left_by) for key, person in people.items()]
    await store.save(db, shard, people, writes, fingerprint_key=FINGERPRINT_KEY)


async def erase(db: asyncpg.Connection, *people: str, ids: Sequence[str]) -> None:
    writes = [Writes(key, erased=frozenset(ids)) for key in people]
    await store.save(db, 3, {}, writes, fingerprint_key=FINGERPRINT_KEY)


async def test_what_is_saved_is_loaded(db: asyncpg.Connection) -> None:
    one, other, third, nobody = (stranger() for _ in range(4))
    people = {
        one: Person({id_of(number): kept for number, kept in enumerate(KEPT.values())}),
        other: Person({id_of(0): KEPT["open"]}, {b"a" * 16: GONE_UNTIL, b"b" * 16: GONE_UNTIL + SECOND}),
        third: Person({}, {b"a" * 16: GONE_UNTIL, b"b" * 16: GONE_UNTIL}, left_by={b"b" * 16: b"bank"}),
    }
    await save(db, people)
    assert await load(db, one, other, third, nobody) == people
    assert await load(db, other) == {other: people[other]}
    await save(db, people)
    assert await load(db, one, other, third, nobody) == people


async def test_each_state_follows_each_other(db: asyncpg.Connection) -> None:
    """Whatever was there before, the table holds what was decided; nobody else's rows are touched."""
    one, other = stranger(), stranger()
    bystander = {other: Person({id_of(1): KEPT["settled"]}, {b"c" * 16: GONE_UNTIL})}
    await save(db, bystander)
    for before in KEPT.values():
        for version, after in enumerate(KEPT.values(), 5):
            await save(db, {one: Person({id_of(1): before})})
            if isinstance(after, Open | Settled):
                after = type(after)(after.facts, version, after.deadline)  # type: ignore[arg-type]  # the same class of state, whichever it is
            await save(db, {one: Person({id_of(1): after})})
            assert await load(db, one) == {one: Person({id_of(1): after})}
        await erase(db, one, ids=[id_of(1)])
        assert await load(db, one) == {}
    assert await load(db, other) == bystander


async def test_a_decision_about_a_person_with_many_records_writes_one_row(db: asyncpg.Connection) -> None:
    one, many = stranger(), {id_of(number): KEPT["open"] for number in range(200)}
    await save(db, {one: Person(many)})
    before = await db.fetch("select record_id, xmin, ctid from record order by record_id")
    changed = Writes(one, {id_of(7): KEPT["settled"]}, frozenset({id_of(8)}))
    await store.save(db, 3, {}, [changed], fingerprint_key=FINGERPRINT_KEY)
    after = await db.fetch("select record_id, xmin, ctid from record order by record_id")
    assert len(set(before) - set(after)) == 2
    assert len(after) == 199
    assert (await load(db, one))[one].records[id_of(7)] == KEPT["settled"]


@pytest.mark.parametrize("zone", ZONES)
async def test_a_session_in_any_zone_reads_and_writes_the_same(dsn: str, zone: str) -> None:
    """Our pools state UTC; that is a precaution, on which nothing rests."""
    profile = load_policy(ROOT / "policies" / "retention" / "cn.toml", Profile)
    one = stranger()
    day = date(2024, 2, 29)
    lapses_at = deadline_of(RecordClass.LIFE, day, profile).lapses_at
    person = Person({id_of(1): Settled(Facts("ride", "r", "ride.unpaid", day, None), 1, Deadline(day, lapses_at))})
    db = await asyncpg.connect(dsn, server_settings={"search_path": "retention", "timezone": zone})
    other = await asyncpg.connect(dsn, server_settings={"search_path": "retention", "timezone": "Pacific/Kiritimati"})
    try:
        await save(db, {one: person})
        for session in (db, other):
            assert await load(session, one) == {one: person}
            early = await store.due(session, 3, lapses_at - SECOND, "", 10)
            assert (early.messages, early.next_at) == ((), lapses_at)
            assert (await store.due(session, 3, lapses_at, "", 10)).messages == [Due(one, lapses_at)]
            assert await session.fetchval("select ended_on from record") == day
    finally:
        await db.close()
        await other.close()


async def test_pages_hold_one_deadline_and_people_once(db: asyncpg.Connection) -> None:
    first, second = DEADLINE.lapses_at, DEADLINE.lapses_at + timedelta(days=1)
    later = Settled(FACTS, 2, Deadline(date(2025, 9, 16), second))
    people = sorted(stranger() for _ in range(5))
    await save(
        db,
        {person: Person({id_of(1): KEPT["settled"], id_of(2): KEPT["settled"], id_of(3): later}) for person in people},
    )
    await save(db, {stranger(): Person({id_of(1): KEPT["settled"]})}, shard=4)
    assert (await store.due(db, 3, first - SECOND, "c", 10)).next_at == first
    for _ in range(2):
        page = await store.due(db, 3, second, "c", 3)
        assert (page.messages, page.cursor) == ([Due(person, first) for person in people[:3]], "c")
        assert page.states == await load(db, *people[:3])
    await erase(db, *people, ids=[id_of(1), id_of(2)])
    assert (await store.due(db, 3, second, "c", 10)).messages == [Due(person, second) for person in people]
    await erase(db, *people, ids=[id_of(3)])
    assert await store.due(db, 3, second, "c", 10) == await store.due(db, 5, second, "c", 10)


async def test_fingerprints_are_not_the_names_of_people(db: asyncpg.Connection) -> None:
    one = stranger()
    await save(db, {one: Person({}, {fingerprint(FINGERPRINT_KEY, id_of(1)): GONE_UNTIL})})
    (row,) = await db.fetch("select * from fingerprint")
    assert row["person"] != bytes.fromhex(one)[:16]
    assert await store.load(db, 3, [one], fingerprint_key=b"another key" * 3) == {}


# -- the cost of a tick ------------------------------------------------------------------------------------------------


async def fill(db: asyncpg.Connection, count: int) -> None:
    """So many records that are not due, in six shards, and half as many open ones without a deadline."""
    columns = (
        "shard, user_id, record_id, partner, report_id, status, version, kind, began_on, ended_on, due_at, lapses_at"
    )
    await db.execute(
        f"""
        insert into record ({columns})
        select *, due_at from (select i % 6, sha256(int8send(i)), substr(sha256(int8send(-i)), 1, 16), 'bank', 'r',
            case when due then 'settled' else 'open' end, 1, 'card.overdue', date '2025-01-01' as began_on,
            case when due then date '2025-01-01' end as ended_on,
            case when due then '2030-01-01'::timestamptz + i % 1826 * interval '1 day' end as due_at
        from (select i, i % 3 > 0 as due from generate_series(1, $1::bigint) i))
        """,
        count * 3 // 2,
    )
    await db.execute("vacuum analyze record")


async def pages_read(db: asyncpg.Connection, name: str, *args: object) -> int:
    """How many pages of the database a statement looks at; it may look at indexes only."""
    (plan,) = json.loads(await db.fetchval(f"explain (analyze, buffers, format json) {SQL[name]}", *args))
    nodes = list(_nodes(plan["Plan"]))
    scans = [node["Node Type"] for node in nodes if "Scan" in node["Node Type"]]
    assert scans == ["Index Only Scan"]
    assert all(node.get("Heap Fetches", 0) == 0 for node in nodes)
    return int(plan["Plan"]["Shared Hit Blocks"]) + int(plan["Plan"]["Shared Read Blocks"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


async def test_an_idle_tick_costs_the_same_however_many_are_not_due(db: asyncpg.Connection) -> None:
    await fill(db, 1_000)
    few = await pages_read(db, "next_due", 1, [])
    await db.execute("truncate record")
    await fill(db, 60_000)
    many = await pages_read(db, "next_due", 1, [])
    # One page for each level of the index.
    assert many <= few + 1 <= 4
    due_at = await db.fetchval(SQL["next_due"], 1, [])
    assert await pages_read(db, "due", 1, due_at, 1_000, []) <= many + 1


async def test_looking_for_what_may_be_forgotten_costs_the_same_however_much_is_kept(db: asyncpg.Connection) -> None:
    """(rules R10) The other question of an idle tick."""
    few = await pages_of_next(db, 1_000)
    many = await pages_of_next(db, 100_000)
    # One page for each level of the index.
    assert many <= few + 2


async def pages_of_next(db: asyncpg.Connection, count: int) -> int:
    await db.execute("truncate fingerprint")
    await db.execute(
        """
        insert into fingerprint (shard, person, record, until)
        select i % 6, substr(sha256(int8send(i)), 1, 16), substr(sha256(int8send(-i)), 1, 16),
            '2030-01-01'::timestamptz + i % 100 * interval '1 day'
        from generate_series(1, $1::bigint) i
        """,
        count,
    )
    await db.execute("vacuum analyze fingerprint")
    (plan,) = json.loads(await db.fetchval(f"explain (analyze, buffers, format json) {NEXT}", 1, START))
    return int(plan["Plan"]["Shared Hit Blocks"]) + int(plan["Plan"]["Shared Read Blocks"])


# -- refusals at the start ---------------------------------------------------------------------------------------------


async def test_a_broken_profile_ends_the_process_in_one_sentence(retention: Retention, tmp_path: Path) -> None:
    (tmp_path / "policies" / "retention").mkdir(parents=True)
    text = (ROOT / "policies" / "retention" / "cn.toml").read_text()
    (tmp_path / "policies" / "retention" / "cn.toml").write_text(text.replace("Asia/Shanghai", "Asia/Shangri-La"))
    with pytest.raises(UserError, match="ended while it was starting"):
        await retention.start("broken", GOODSTANDING_POLICIES=str(tmp_path / "policies"))
    assert "cn.toml:6: zone: There is no such time zone;" in retention.processes["broken"].last_words()
