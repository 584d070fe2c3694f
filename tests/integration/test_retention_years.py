"""What retention does by the clock besides deadlines, on real servers: a year's summary is told once however often the
process is killed, free reports are counted, and fingerprints go (rules R10, R25 and R26)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.retention.core.bounds import lapsed_kept_until
from shared.contracts.messages import RecordReport
from shared.contracts.subject import ErasureReceipt, SubjectAnswer, SubjectNotice, SubjectRequest
from tests.support.retention_process import Retention, deployed, stranger

START = datetime(2026, 11, 15, 4, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
async def retention(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Retention]:
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        yield retention


async def at(retention: Retention, instant: datetime) -> None:
    await retention.set_clock(instant)
    await retention.until_drained(instant)


async def summaries(retention: Retention, person: str) -> list[tuple[int, int | None]]:
    told = await retention.told(person)
    return [
        (each.version, each.records)
        for each in told
        if isinstance(each, SubjectNotice) and each.notice == "yearly-summary"
    ]


async def _amid(db: asyncpg.Connection) -> bool:
    return bool(await db.fetchval("select exists (select from shard where cursor like '2027/%')"))


async def _amid_or_through(db: asyncpg.Connection) -> bool:
    settled = await db.fetch("select settled_at from shard")
    return await _amid(db) or all(row["settled_at"] == NEW_YEAR for row in settled)


async def test_a_year_is_summed_up_once_for_each_person_though_the_process_is_killed(retention: Retention) -> None:
    people = [stranger() for _ in range(40)]
    for number, person in enumerate(people):
        bodies = (
            RecordReport(kind="card.overdue", report_id=f"r-{n}", status="reported", began_on=date(2026, 10, 1))
            for n in range(1 + number % 3)
        )
        await retention.tell(person, *bodies, time=START)
    await retention.start("retention", GOODSTANDING_DUE_PAGE_MAX="2")
    await at(retention, START)
    await at(retention, NEW_YEAR - SECOND)
    assert await summaries(retention, people[0]) == []
    await retention.set_clock(NEW_YEAR)

    killed_amid = 0
    for _ in range(3):
        # A quick machine is through before the third time.
        await retention.until(_amid_or_through, "some have been told, or all")
        async with retention.database() as db:
            killed_amid += await _amid(db)
        await retention.kill("retention")
        await retention.start("retention", GOODSTANDING_DUE_PAGE_MAX="1")
    assert killed_amid, "killed while some had been told, and others had not"
    await retention.until_drained(NEW_YEAR)
    for number, person in enumerate(people):
        assert await summaries(retention, person) == [(2027, 1 + number % 3)]
    # The clock goes back and comes again, and a year later comes the next one.
    await at(retention, NEW_YEAR - 40 * DAY)
    await at(retention, NEW_YEAR + 40 * DAY)
    assert await summaries(retention, people[0]) == [(2027, 1)]
    await at(retention, NEW_YEAR + 365 * DAY)
    assert await summaries(retention, people[0]) == [(2027, 1), (2028, 1)]


async def test_two_reports_of_a_year_are_free_and_who_is_erased_begins_anew(retention: Retention) -> None:
    reader = stranger()
    await retention.start("retention")

    async def ask(*ids: str, request: str = "export") -> list[str]:
        for id in ids:
            await retention.ask(reader, SubjectRequest(request=request), id, time=START)  # type: ignore[arg-type]  # a request that a case names
        await retention.until_drained(START)
        told = await retention.told(reader)
        return [each.code for each in told if isinstance(each, SubjectAnswer) and each.request_id in ids]

    assert await ask("x1", "x2", "x1", "x3") == ["may-be-read", "may-be-read", "may-be-read-for-a-fee"]
    await retention.kill("retention")
    await retention.start("retention")
    assert await ask("x4") == ["may-be-read-for-a-fee"]
    async with retention.database() as db:
        assert await db.fetchval("select count(*) from export") == 2
        await ask("e1", request="erase")
        assert await db.fetchval("select count(*) from export") == 0
        assert await ask("x5") == ["may-be-read"]
        year = await db.fetchval("select year from export")
        # The year is that of the broker's own clock, which no test sets.
        await at(retention, datetime(year + 1, 1, 20, tzinfo=UTC))
        assert await db.fetchval("select count(*) from export") == 0


async def test_a_fingerprint_goes_in_the_table_and_in_memory(retention: Retention) -> None:
    lapsing = stranger()
    earlier = len(await retention.refusals())
    body = RecordReport(kind="card.overdue", report_id="r-1", status="reported", began_on=date(2021, 5, 1))
    settled = RecordReport(kind="card.overdue", report_id="r-1", status="settled", ended_on=date(2021, 11, 15))
    await retention.start("retention")
    async with retention.ear([lapsing]) as ear:
        await retention.tell(lapsing, body, settled, time=START)
        await at(retention, START)
        lapsed = START + DAY
        await at(retention, lapsed)
        until = lapsed_kept_until(lapsed)
        await at(retention, until - SECOND)
        await retention.tell(lapsing, body, time=START)
        await retention.until_drained(until - SECOND)
        assert [each["ce_code"] for each in (await retention.refusals())[earlier:]] == ["lapsed"]
        async with retention.database() as db:
            assert await db.fetchval("select count(*) from fingerprint") == 1
            await at(retention, until)
            assert await db.fetchval("select count(*) from fingerprint") == 0
        await retention.tell(lapsing, body, time=START)
        await retention.until_drained(until)
        heard = [(each.change.version, each.change.status) for each in await ear.listen()]
    assert heard == [(1, "open"), (2, "settled"), (3, "expired"), (1, "open")]
    receipts = [each for each in await retention.told(lapsing) if isinstance(each, ErasureReceipt)]
    assert len(receipts) == 1
