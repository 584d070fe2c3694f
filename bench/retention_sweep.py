"""What it costs when many records lapse at one instant, all in: service, runner, outbox and Kafka.

    python -m bench.retention_sweep [--records N] [--processes N] [--rounds N] [--parts]

On a Kafka and a Postgres of its own, with real processes of the service on the machine's clock. The time runs from the
deadline until every message is sent and every shard has settled. CPU seconds are the operating system's,
for 100,000 records; the peak is what the largest process of the service held in memory at any time. With `--parts` no
process runs: one shard's share is swept here, one step after the other, and each step's parts are timed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import asyncpg

from bench.__main__ import _cpu_s
from bench.waiting import SETTLED, until
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import stop
from goodstanding.reading.offsets import asking
from services.retention.core.decide import Policy
from services.retention.core.fingerprint import record_id
from services.retention.service import service
from shared.contracts.partition import partition_of
from shared.contracts.retention_profile import Profile
from shared.contracts.topics import RECORDS_CHANGED
from shared.kafka.sender import send_transaction, started
from shared.policy_file import load_policy
from shared.postgres import open_pool
from shared.runner import store
from shared.runner.process import tune_collector
from shared.runner.service import Announcement
from shared.settings import ROOT

PAGE = 2_000
_KEY = b"k" * 32
"""The records are put there by hand, so their names may be made under any key."""
_COPIED_PER_S = 20_000
_STARTED_WITHIN_S = 15
_COLUMNS = ("shard", "user_id", "record_id", "partner", "report_id", "status", "version", "kind", "began_on", "amount")


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: records a second, CPU seconds per 100,000 records by process, megabytes of the service."""

    records_per_s: float
    cpu_s: dict[str, float]
    peak_mb: float


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench.retention_sweep", description=__doc__.splitlines()[0])
    arguments.add_argument("--records", type=int, default=200_000, help="records that lapse (default 200,000)")
    arguments.add_argument("--processes", type=int, default=1, help="processes of the service (default 1)")
    arguments.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    arguments.add_argument("--parts", action="store_true", help="time the parts of a step instead")
    given = arguments.parse_args()
    rounds = []
    for _ in range(given.rounds):
        with Servers.ephemeral() as servers:
            if given.parts:
                deployment, lapses_at = _created(servers), datetime.now(UTC)
                asyncio.run(_prepare(deployment, given.records, lapses_at))
                asyncio.run(_parts(deployment, lapses_at))
            else:
                rounds.append(swept(servers, given.records, given.processes))
                print(_line(rounds[-1]), flush=True)
    if rounds:
        rate = statistics.median(each.records_per_s for each in rounds)
        print(f"Median of {given.rounds}: {rate:,.0f} records/s, {given.records:,} due, {given.processes} process(es)")


def swept(servers: Servers, records: int, processes: int) -> Round:
    """One measurement, on new servers."""
    deployment = _created(servers)
    # All must be there, and every process ready, before it comes.
    lapses_at = datetime.now(UTC) + timedelta(seconds=records / _COPIED_PER_S + _STARTED_WITHIN_S)
    asyncio.run(_prepare(deployment, records, lapses_at))
    return _round(deployment, servers, records, processes, lapses_at)


def _created(servers: Servers) -> Deployment:
    return Deployment.create(servers.home / "services", servers.addresses, FixedSettings.new())


async def _prepare(deployment: Deployment, count: int, lapses_at: datetime) -> None:
    """So many settled records of as many people, all of one deadline, each in the shard of its person."""
    await deployment.migrate()
    await deployment.ensure_topics()
    db = await asyncpg.connect(deployment.dsn("retention"))
    columns = [*_COLUMNS, "ended_on", "due_at", "lapses_at"]
    await db.copy_records_to_table("record", records=_records(count, lapses_at), columns=columns)
    await db.execute("vacuum analyze record")
    await db.close()


def _records(count: int, lapses_at: datetime) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        user_id = sha256(str(number).encode()).hexdigest()
        id = bytes.fromhex(record_id(_KEY, user_id, "bank", "r-1"))
        names = (partition_of(user_id), bytes.fromhex(user_id), id, "bank", "r-1")
        said = ("settled", 2, "card.overdue", date(2020, 11, 3), 391_300, date(2021, 1, 15))
        yield (*names, *said, lapses_at, lapses_at)


# -- real processes ----------------------------------------------------------------------------------------------------


def _round(deployment: Deployment, servers: Servers, records: int, count: int, lapses_at: datetime) -> Round:
    # Settings of the service that the environment has, such as GOODSTANDING_DUE_PAGE_MAX, are its own.
    settings = {name: value for name, value in os.environ.items() if name.startswith("GOODSTANDING_")}
    processes = [
        deployment.process("retention", name=f"retention-{number}", settings=settings) for number in range(count)
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        return asyncio.run(_measure(deployment, servers, processes, records, lapses_at))
    finally:
        stop(processes)


async def _measure(
    deployment: Deployment, servers: Servers, processes: list[ServiceProcess], records: int, lapses_at: datetime
) -> Round:
    pids = {process.name: process.pid for process in processes}
    pids |= {server.name: server.pid for server in await asyncio.to_thread(servers.status)}
    db = await asyncpg.connect(deployment.dsn("retention"))
    async with asking(deployment.kafka) as offsets:
        if datetime.now(UTC) > lapses_at:
            raise SystemExit("The deadline came before everything was ready for it: the machine is too slow.")
        await asyncio.sleep((lapses_at - datetime.now(UTC)).total_seconds())
        before = {name: _cpu_s(pid) for name, pid in pids.items() if pid}
        began = time.perf_counter()
        await until(db, SETTLED, lapses_at, every_s=0.05)
        seconds = time.perf_counter() - began
        cpu_s = {name: (_cpu_s(pid) - before[name]) * 100_000 / records for name, pid in pids.items() if pid}
        # The end markers of the transactions have offsets too.
        sent = sum((await offsets.ends([RECORDS_CHANGED])).values())
    fingerprints = await db.fetchval("select count(*) from fingerprint")
    left = await db.fetchval("select count(*) from record")
    await db.close()
    if fingerprints != records or left or sent < records:
        raise SystemExit(f"{fingerprints} fingerprints, {left} records left, {sent} messages: the sweep is wrong.")
    return Round(records / seconds, cpu_s, max(_peak_mb(process.pid) for process in processes))


def _peak_mb(pid: int | None) -> float:
    """The most that the process ever held in memory, as Linux tells it."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _line(found: Round) -> str:
    costs = ", ".join(f"{name} {seconds:.2f}" for name, seconds in found.cpu_s.items())
    total = sum(found.cpu_s.values())
    return (
        f"{found.records_per_s:>8,.0f} records/s   CPU s per 100,000: {costs}; {total:.2f} in all; "
        f"peak {found.peak_mb:.0f} MB"
    )


# -- the parts of a step -----------------------------------------------------------------------------------------------


async def _parts(deployment: Deployment, lapses_at: datetime, shard: int = 0) -> None:
    """What the runner does for a page, timed part by part; microseconds for each record."""
    tune_collector()
    policy = Policy(profile=load_policy(ROOT / "policies/retention/cn.toml", Profile), fingerprint_key=b"k" * 32)
    retention = service(policy).mode
    assert retention.due is not None
    pool = await open_pool(deployment.dsn("retention"), "retention", connections_max=1)
    claim, seq, swept, told = await store.claim(pool, shard, epoch=None), 0, 0, 0
    async with started(deployment.kafka, f"retention-{shard}") as producer:
        clock = _Stopwatch()
        while True:
            async with pool.acquire() as db:
                clock.lap("a connection")
                page = await retention.due(db, shard, lapses_at, "", PAGE, [])
                if not page.messages:
                    break
                clock.lap("due, load")
                decided = {
                    message.user_id: retention.decide(page.states.get(message.user_id), [message], lapses_at)
                    for message in page.messages
                }
                answers = [message for each in decided.values() for message in each.outgoing]
                outgoing = [m.placed(shard) if isinstance(m, Announcement) else m for m in answers]
                writes = [write for each in decided.values() for write in each.writes]
                clock.lap("decide, answer")
                kept = {key: each.state for key, each in decided.items() if each.state}
                async with db.transaction():
                    stored = await store.advance(
                        db, shard, claim.epoch, claim.progress, sent_seq=seq, outgoing=outgoing
                    )
                    clock.lap("begin, outbox")
                    await retention.save(db, shard, kept, writes)
                    clock.lap("save")
                clock.lap("commit")
            await send_transaction(producer, outgoing)
            clock.lap("send")
            seq, swept, told = stored or seq, swept + len(page.messages), told + len(outgoing)
    await pool.close()
    print(
        f"{swept:,} records of one shard, {told:,} messages; microseconds for each record, and this process's own CPU:"
    )
    for name, (seconds, cpu_s) in {**clock.total_s, "all": clock.all_s()}.items():
        print(f"    {name:<16} {seconds / swept * 1e6:>6.1f} {cpu_s / swept * 1e6:>6.1f}")


class _Stopwatch:
    """Adds up the time between one lap and the next by name: seconds, and CPU seconds of this process."""

    def __init__(self) -> None:
        self.total_s: dict[str, tuple[float, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        now, before = (time.perf_counter(), time.process_time()), self.total_s.get(name, (0.0, 0.0))
        self.total_s[name] = before[0] + now[0] - self._last[0], before[1] + now[1] - self._last[1]
        self._last = now

    def all_s(self) -> tuple[float, float]:
        return sum(each for each, _ in self.total_s.values()), sum(each for _, each in self.total_s.values())


if __name__ == "__main__":
    main()
