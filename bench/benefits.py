"""What it costs benefits when everybody changes tier: in one publication, and by a table that begins.

    python -m bench.benefits [--people N] [--processes N]

On a Kafka and a Postgres of its own, with real processes of the service on the machine's clock. The scores of one
publication lie on `scores.changed` when the processes start, and each gives its person another tier. Then they are
started again with one table more that began yesterday, by which everybody changes tier again. The time runs until every
message is sent and every shard has settled; CPU seconds are the operating system's, for 100,000 people; the peak is
what the largest process of the service held in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path

import asyncpg

from bench.__main__ import _cpu_s
from bench.retention_sweep import _peak_mb
from bench.waiting import until
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.stack import stop
from shared.contracts.exchange import announced
from shared.contracts.messages import ScoreChange
from shared.contracts.partition import partition_of
from shared.contracts.topics import SCORES_CHANGED
from shared.kafka.sender import send_transaction, started
from shared.runner.service import Outgoing
from shared.settings import ROOT

_AS_OF = datetime.now(UTC) - timedelta(days=2)
_SENT_AT_ONCE = 5_000
_PUBLISHED = """
select count(*) = $1 and not exists (select from outbox) from person where version = $2
"""


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench.benefits", description=__doc__.splitlines()[0])
    arguments.add_argument("--people", type=int, default=100_000, help="who change tier (default 100,000)")
    arguments.add_argument("--processes", type=int, default=1, help="processes of the service (default 1)")
    given = arguments.parse_args()
    with Servers.ephemeral() as servers:
        deployment = Deployment.create(servers.home / "services", servers.addresses, FixedSettings.new())
        policies = Path(shutil.copytree(ROOT / "policies", servers.home / "policies"))
        asyncio.run(_prepare(deployment, given.people))
        _round("one publication", deployment, servers, policies, given.people, given.processes, version=1)
        table = (policies / "benefits.toml").read_text(encoding="utf-8").replace("from = 650", "from = 670")
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        named = 'name = "stricter"\neffective_on = ' + yesterday.isoformat()
        (policies / "benefits-stricter.toml").write_text(table.replace('name = "start"', named), encoding="utf-8")
        _round("a table that begins", deployment, servers, policies, given.people, given.processes, version=2)


async def _prepare(deployment: Deployment, count: int) -> None:
    """A publication that gives everybody the second tier of the shipped table."""
    await deployment.migrate()
    await deployment.ensure_topics()
    async with started(deployment.kafka, "bench-scorer") as producer:
        scores = _scores(count)
        while part := list(islice(scores, _SENT_AT_ONCE)):
            await send_transaction(producer, part)


def _scores(count: int) -> Iterator[Outgoing]:
    score = ScoreChange(
        version=1,
        score=660,
        thin=False,
        cadence="monthly",
        as_of=_AS_OF,
        policy="start@0123456789ab",
        restrictions=(),
        key_factors=("active-months",),
    )
    for number in range(count):
        user_id = sha256(str(number).encode()).hexdigest()
        told = announced("scorer", SCORES_CHANGED, user_id, score, subject=user_id, version=1, time=_AS_OF)
        yield told.placed(partition_of(user_id))


def _round(
    name: str, deployment: Deployment, servers: Servers, policies: Path, people: int, count: int, *, version: int
) -> None:
    settings = {"GOODSTANDING_POLICIES": str(policies)}
    processes = [
        deployment.process("benefits", name=f"benefits-{number}", settings=settings) for number in range(count)
    ]
    try:
        before = {server.name: _cpu_s(server.pid) for server in servers.status() if server.pid}
        began = time.perf_counter()
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        ready_s = time.perf_counter() - began
        asyncio.run(_published(deployment, people, version))
        took_s = time.perf_counter() - began
        per = 100_000 / people
        cpu: dict[str, float] = {
            server.name: (_cpu_s(server.pid) - before[server.name]) * per for server in servers.status() if server.pid
        }
        cpu["benefits"] = sum(_cpu_s(process.pid) for process in processes if process.pid) * per
        peak_mb = max(_peak_mb(process.pid) for process in processes)
        told = ", ".join(f"{who} {seconds:.1f}" for who, seconds in sorted(cpu.items()))
        rate = f"{people / (took_s - ready_s):,.0f} a second behind readiness"
        print(
            f"{name}: {people:,} people in {took_s:.1f} s (ready after {ready_s:.1f} s), {rate};"
            f" CPU seconds for 100,000: {told}; peak of the largest process {peak_mb:.0f} MB",
            flush=True,
        )
    finally:
        stop(processes)


async def _published(deployment: Deployment, people: int, version: int) -> None:
    db = await asyncpg.connect(deployment.dsn("benefits"))
    try:
        await until(db, _PUBLISHED, people, version, every_s=0.2)
    finally:
        await db.close()


if __name__ == "__main__":
    main()
