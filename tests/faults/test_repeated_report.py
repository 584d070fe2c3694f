"""A provider that sends one report about one person again and again, while a great deal is held of that person: what
each costs the process, what is kept of them, and what others in the same shard notice (rules R2 and R14)."""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.retention.core.bounds import RECORDS_MAX
from shared.contracts.messages import RecordReport
from shared.contracts.partition import partition_of
from tests.support.retention_process import PARTNER, Ear, Retention, deployed, stranger

START = datetime(2026, 1, 15, 4, tzinfo=UTC)
PARTNERS = (PARTNER, *(f"{PARTNER}-{number}" for number in range(1, 10)))
PER_PARTNER = RECORDS_MAX - 1
CHUNK = 5_000
CPU_US_MAX = 250.0
"""Of the process, for each repetition: several times what it takes on an idle machine."""
GROWTH_MAX = 48 * 1024 * 1024
"""Of its memory after the first tenth, by when every buffer has been full."""
BEHIND_S_MAX = 30.0


@pytest.mark.campaign
@pytest.mark.timeout(3600)
async def test_the_same_report_a_million_times(
    kafka_bootstrap: str, postgres_dsn: str, tmp_path: Path, repeats: int
) -> None:
    hot = stranger()
    neighbors = (each for each in iter(stranger, "") if partition_of(each) == partition_of(hot))
    async with deployed(kafka_bootstrap, postgres_dsn, tmp_path, START) as retention:
        retention.patience_s = 60 + repeats / 1_000
        await retention.start("retention")
        process = Process(retention.processes["retention"].pid or 0)
        async with retention.ear([hot]) as ear:
            for partner in PARTNERS:
                bodies = [_report(f"r-{number}") for number in range(PER_PARTNER)]
                await retention.tell_many(((hot, body) for body in bodies), time=START, partner=partner)
            await retention.until_drained(START)
            alone, beside = Neighbors(retention, ear, neighbors), Neighbors(retention, ear, neighbors)
            for _ in range(10):
                await alone.one()
            flood = Flood(retention, hot, repeats, process)
            sending = asyncio.create_task(flood.send())
            while not sending.done():
                await beside.one()
            await sending
            await beside.one()
            await retention.until_drained(START)
            flood.ends()
            await ear.listen()
        logging.getLogger(__name__).info("%s; others: %s alone, %s beside it", flood, alone, beside)
        mine = [each.change for each in ear.heard if each.person == hot]
        assert [change.version for change in mine] == [1] * len(PARTNERS) * PER_PARTNER
        async with retention.database() as db:
            others = len(alone.waited_s) + len(beside.waited_s)
            assert await db.fetchval("select count(*) from record") == len(mine) + others
            assert await db.fetchval("select count(*) from fingerprint") == 0
        assert retention.processes["retention"].trouble() is None
    assert flood.cpu_us < CPU_US_MAX
    assert flood.growth < GROWTH_MAX


def _report(report_id: str) -> RecordReport:
    began_on = date(2025, 3, 1)
    return RecordReport(kind="card.overdue", report_id=report_id, status="reported", began_on=began_on, amount=100)


@dataclass
class Process:
    """What the operating system says of the service's process."""

    pid: int

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_bytes(self) -> int:
        """The most memory that it ever had at once."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024


@dataclass
class Flood:
    """The same report, as fast as it can be sent, and what it costs."""

    retention: Retention
    person: str
    repeats: int
    process: Process
    peaks: list[int] = field(default_factory=list)

    async def send(self) -> None:
        self._began, self._cpu_s = time.monotonic(), self.process.cpu_s
        body = _report("r-7")
        for start in range(0, self.repeats, CHUNK):
            count = min(CHUNK, self.repeats - start)
            await self.retention.tell_many(((self.person, body) for _ in range(count)), time=START)
            self.peaks.append(self.process.peak_bytes)

    def ends(self) -> None:
        self.took_s = time.monotonic() - self._began
        self.cpu_us = (self.process.cpu_s - self._cpu_s) / self.repeats * 1e6
        self.growth = self.process.peak_bytes - self.peaks[len(self.peaks) // 10]

    def __str__(self) -> str:
        megabytes = [f"{size / 1024 / 1024:.0f}" for size in (self.peaks[0], self.process.peak_bytes)]
        return (
            f"{self.repeats:,} times in {self.took_s:.0f} s, {self.cpu_us:.0f} µs of CPU each; "
            f"{megabytes[0]} MB at the beginning and {megabytes[1]} MB at most"
        )


@dataclass
class Neighbors:
    """Other people of the shard, about whom something is reported, and how long it takes until that is said."""

    retention: Retention
    ear: Ear
    people: Iterator[str]
    waited_s: list[float] = field(default_factory=list)

    async def one(self) -> None:
        person = next(self.people)
        self.ear.people.add(person)
        began = time.monotonic()
        await self.retention.tell(person, _report("r-1"), time=START)
        while not any(each.person == person for each in await self.ear.listen()):
            assert time.monotonic() - began < BEHIND_S_MAX, "a shard that stands still for one person"
        self.waited_s.append(time.monotonic() - began)

    def __str__(self) -> str:
        return f"{len(self.waited_s)} waited {statistics.median(self.waited_s):.2f} s, {max(self.waited_s):.2f} at most"
