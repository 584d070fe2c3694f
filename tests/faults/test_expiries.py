"""Every record expires once, none early and none missing, while two processes share the work and are killed at it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.retention.core.bounds import lapsed_kept_until
from services.retention.core.fingerprint import record_id
from shared.contracts.messages import RecordReport
from tests.support.retention_process import FINGERPRINT_KEY, PARTNER, Ear, Heard, Retention, deployed, stranger

SEED = int(os.environ.get("GOODSTANDING_FAULT_SEED", "20261"))
NAMES = ("one", "two")
START = datetime(2026, 1, 15, 4, tzinfo=UTC)
DAY = timedelta(days=1)
YEARS = {"hotel.no_show": 2, "ride.unpaid": 2, "card.overdue": 5, "loan.overdue": 5, "court.listing": 5}


@dataclass(frozen=True)
class Plan:
    """`days` is on how many days records end, spread over the years that lie behind; `steps` how often the clock moves
    until all have lapsed."""

    records: int
    days: int
    steps: int
    kills: int


SHORT = Plan(records=5_000, days=60, steps=10, kills=3)


def full(records: int) -> Plan:
    """Of a million records, which take an hour, the processes are killed twice as often."""
    steps, kills = (40, 10) if records <= 200_000 else (60, 20)
    return Plan(records=records, days=5 * 365, steps=steps, kills=kills)


@dataclass(frozen=True)
class Reported:
    """A record, and when it must lapse."""

    person: str
    report_id: str
    kind: str
    ended_on: date

    @property
    def id(self) -> str:
        return record_id(FINGERPRINT_KEY, self.person, PARTNER, self.report_id)

    @property
    def lapses_at(self) -> datetime:
        """Worked out apart from the service; China has had no daylight saving since 1991."""
        year = self.ended_on.year + YEARS[self.kind]
        try:
            last_day = self.ended_on.replace(year=year)
        except ValueError:
            last_day = date(year, 2, 28)
        return datetime(last_day.year, last_day.month, last_day.day, 16, tzinfo=UTC)

    def bodies(self) -> Iterator[RecordReport]:
        began_on = self.ended_on if self.kind == "hotel.no_show" else self.ended_on - 30 * DAY
        yield RecordReport(kind=self.kind, report_id=self.report_id, status="reported", began_on=began_on)
        if self.kind != "hotel.no_show":
            yield RecordReport(kind=self.kind, report_id=self.report_id, status="settled", ended_on=self.ended_on)


def drawn(plan: Plan, draw: random.Random) -> list[Reported]:
    """Three records for each person, none of which has lapsed at the start."""
    today = START.date()
    recent = [today - number * DAY for number in draw.sample(range(1, 2 * 365 - 1), min(plan.days // 2, 2 * 365 - 2))]
    all_days = recent + [today - number * DAY for number in draw.sample(range(2 * 365, 5 * 365), plan.days // 2)]
    people = [stranger() for _ in range(plan.records // 3 + 1)]
    return [
        Reported(people[number // 3], f"r-{number}", kind, draw.choice(recent if YEARS[kind] == 2 else all_days))
        for number in range(plan.records)
        for kind in [draw.choice(tuple(YEARS))]
    ]


@dataclass
class Books:
    """What must happen, and what did."""

    lapses_at: Mapping[str, datetime]
    contents: dict[str, int] = field(default_factory=dict)
    """The hash of each message by its id."""
    versions: dict[str, int] = field(default_factory=dict)
    expired: dict[str, datetime] = field(default_factory=dict)
    repeats: int = 0

    def enter(self, news: Sequence[Heard], now: datetime) -> None:
        """Repetitions are the same to the byte, versions 1, 2, 3; nothing is early, and nothing comes after the end."""
        for heard in news:
            content, change = hash(heard.content), heard.change
            if self.contents.setdefault(heard.id, content) != content:
                raise AssertionError(f"{heard.id} was sent in two forms")
            if self.versions.get(change.record_id, 0) >= change.version:
                self.repeats += 1
                continue
            assert change.version == self.versions.get(change.record_id, 0) + 1
            assert change.record_id not in self.expired, "a version after the last"
            self.versions[change.record_id] = change.version
            if change.status == "expired":
                assert heard.time == self.lapses_at[change.record_id] <= now
                self.expired[change.record_id] = now

    def due(self, now: datetime) -> int:
        """How many have to expire now, or had to before."""
        return sum(lapses_at <= now for lapses_at in self.lapses_at.values()) - len(self.expired)


async def run(retention: Retention, plan: Plan) -> Books:
    draw = random.Random(SEED)
    records = drawn(plan, draw)
    books = Books({record.id: record.lapses_at for record in records})
    instants = _instants(plan, draw)
    kill_at = _busiest(books, instants)[: plan.kills - 1]
    await retention.start(*NAMES)
    async with retention.ear(record.person for record in records) as ear:
        telling = asyncio.create_task(_tell_all(retention, records))
        await _kill_amid_reports(retention, draw.choice(NAMES), plan)
        await telling
        await _drained(retention, ear, books, START)
        assert len(books.versions) == plan.records
        for instant in instants:
            await retention.set_clock(instant)
            if instant in kill_at:
                await _kill_amid_expiries(retention, draw.choice(NAMES), instant, books.due(instant))
            await _drained(retention, ear, books, instant)
            assert not books.due(instant), "some are missing"
            if draw.random() < 0.2:
                back = instant - draw.randint(1, 400) * DAY
                await retention.set_clock(back)
                await retention.until_drained(back)
                assert await ear.listen() == [], "a clock that went back has fired something"
    return books


async def _drained(retention: Retention, ear: Ear, books: Books, instant: datetime) -> None:
    """Everything of this instant is done and entered; what was heard meanwhile is not kept, since it is millions."""
    draining = asyncio.create_task(retention.until_drained(instant))
    while not draining.done():
        books.enter(await ear.listen(), instant)
        ear.heard.clear()
        await asyncio.wait([draining], timeout=0.2)
    await draining
    books.enter(await ear.listen(), instant)
    ear.heard.clear()


def _instants(plan: Plan, draw: random.Random) -> list[datetime]:
    """Steps of unequal length, none of which ends at a midnight, to the day after the last deadline."""
    days = sorted(draw.sample(range(2, 5 * 365 + 2), plan.steps - 1))
    return [START + day * DAY for day in (*days, 5 * 365 + 3)]


def _busiest(books: Books, instants: Sequence[datetime]) -> list[datetime]:
    """The instants to which the clock moves, those first at which most falls due."""
    counts = [books.due(instant) for instant in instants]
    fresh = {instant: count - before for instant, count, before in zip(instants, counts, [0, *counts], strict=False)}
    return sorted(fresh, key=lambda instant: -fresh[instant])


async def _tell_all(retention: Retention, records: Sequence[Reported]) -> None:
    for start in range(0, len(records), 500):
        await retention.tell_many(
            ((record.person, body) for record in records[start : start + 500] for body in record.bodies()), time=START
        )


async def _kill_amid_reports(retention: Retention, name: str, plan: Plan) -> None:
    sql = "select count(*) from record"

    async def amid(db: asyncpg.Connection) -> bool:
        return bool(await db.fetchval(sql) > plan.records / 20)

    await retention.until(amid, "some of the reports are folded")
    await retention.kill(name)
    async with retention.database() as db:
        assert await db.fetchval(sql) < plan.records, "some are not folded yet"
    await retention.start(name)


async def _kill_amid_expiries(retention: Retention, name: str, instant: datetime, due: int) -> None:
    """A kill counts only when some of what is due has fired, and some has not."""
    sql = "select count(*) from record where due_at <= $1"

    async def amid(db: asyncpg.Connection) -> bool:
        return bool(await db.fetchval(sql, instant) < due)

    await retention.until(amid, "some of what is due has fired")
    await retention.kill(name)
    async with retention.database() as db:
        assert await db.fetchval(sql, instant), "some has not fired yet"
    await retention.start(name)


async def _check(retention: Retention, books: Books, plan: Plan) -> None:
    assert books.expired.keys() == books.lapses_at.keys()
    async with retention.database() as db:
        ids = [bytes.fromhex(id) for id in books.lapses_at]
        assert await db.fetchval("select count(*) from record where record_id = any($1)", ids) == 0
        # Those of what lapsed long before have gone themselves (rules R10).
        last = max(books.expired.values())
        kept = sum(lapsed_kept_until(fired) > last for fired in books.expired.values())
        assert kept <= await db.fetchval("select count(*) from fingerprint") < plan.records


@pytest.mark.timeout(120)
async def test_every_record_expires_once(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path) -> None:
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        await _check(retention, await run(retention, SHORT), SHORT)


@pytest.mark.campaign
@pytest.mark.timeout(3 * 3600)
async def test_every_one_of_very_many(kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path, expiries: int) -> None:
    plan = full(expiries)
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        retention.patience_s = 60 + plan.records / 500
        began = time.monotonic()
        books = await run(retention, plan)
        await _check(retention, books, plan)
    said = f"{plan.records:,} records, {plan.kills} kills, {books.repeats:,} messages sent again, none early or missing"
    logging.getLogger(__name__).info("%s; %.0f s", said, time.monotonic() - began)
