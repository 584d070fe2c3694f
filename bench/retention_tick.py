"""What a tick of retention costs: idle with few and with many records that are not due, and sweeping what is due.

    python -m bench.retention_tick [--records 10000 200000]

On the Postgres named in GOODSTANDING_POSTGRES, else on the local stack's own. A tick is what the runner asks of the
service when the clock has moved and nothing has come; the sweep is due, load, decide and save, page by page, without
the runner's outbox and without Kafka.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from goodstanding.platform.servers import Servers
from services.retention.core.deadline import deadline_of
from services.retention.core.decide import Policy, Writes
from services.retention.core.fingerprint import record_id
from services.retention.core.record import Facts, Settled
from services.retention.erasing import Held
from services.retention.service import service
from services.retention.storage import store
from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.postgres import migrate, queries
from shared.runner.store import MIGRATIONS
from shared.settings import ROOT

NOW = datetime(2026, 1, 15, tzinfo=UTC)
DAYS = 5 * 365
PAGE = 1_000
SHARD = 0
"""All are put into one shard: the others of a real deployment share the index, and nothing else."""
POLICY = Policy(profile=load_policy(ROOT / "policies" / "retention" / "cn.toml", Profile), fingerprint_key=b"k" * 32)
RETENTION = service(POLICY).mode
SQL = queries(Path(store.__file__).with_name("queries.sql"))


@contextlib.asynccontextmanager
async def database() -> AsyncIterator[asyncpg.Connection]:
    with contextlib.ExitStack() as stack:
        given = os.environ.get("GOODSTANDING_POSTGRES")
        dsn = given or (await asyncio.to_thread(stack.enter_context, Servers.ephemeral())).addresses.postgres
        name = f"bench_{uuid.uuid4().hex[:8]}"
        admin = await asyncpg.connect(dsn)
        await admin.execute(f"create database {name}")
        own = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        db = await asyncpg.connect(own, server_settings={"search_path": "retention"})
        try:
            await db.execute("create schema retention")
            await migrate(db, [MIGRATIONS, store.MIGRATIONS])
            yield db
        finally:
            await db.close()
            await admin.execute(f"drop database {name} with (force)")
            await admin.close()


async def fill(db: asyncpg.Connection, start: int, count: int) -> float:
    """Save so many settled records of as many people, in batches as the runner does; records a second."""
    began = time.perf_counter()
    for batch in range(start, start + count, PAGE):
        writes = []
        for number in range(batch, min(batch + PAGE, start + count)):
            user_id = sha256(str(number).encode()).hexdigest()
            # None of them has lapsed, all of them will within five years.
            ended_on = date(2021, 1, 16) + timedelta(days=number % DAYS)
            deadline = deadline_of(RecordClass.FINANCIAL, ended_on, POLICY.profile)
            facts = Facts("bank", "r-1", "card.overdue", ended_on, 100)
            id = record_id(POLICY.fingerprint_key, user_id, "bank", "r-1")
            writes.append(Writes(user_id, {id: Settled(facts, 2, deadline)}))
        async with db.transaction():
            await store.save(db, SHARD, {}, writes, fingerprint_key=POLICY.fingerprint_key)
    return count / (time.perf_counter() - began)


async def idle_us(db: asyncpg.Connection) -> tuple[float, float]:
    """Median and 99th percentile of an idle tick, in microseconds."""
    took = []
    for _ in range(3_000):
        began = time.perf_counter()
        page = await store.due(db, SHARD, NOW, "", PAGE)
        took.append((time.perf_counter() - began) * 1e6)
        assert not page.messages
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


async def plan(db: asyncpg.Connection) -> str:
    (found,) = json.loads(await db.fetchval(f"explain (analyze, buffers, format json) {SQL['next_due']}", SHARD, []))
    node = found["Plan"]["Plans"][0]
    return (
        f"{node['Node Type']} using {node['Index Name']}, {node['Shared Hit Blocks'] + node['Shared Read Blocks']} "
        f"pages, {node['Heap Fetches']} heap fetches"
    )


async def sweep(db: asyncpg.Connection, now: datetime) -> tuple[int, int, float]:
    """All that is due: records, pages, seconds."""
    began, swept, pages = time.perf_counter(), 0, 0
    while (page := await store.due(db, SHARD, now, "", PAGE)).messages:
        async with db.transaction():
            decided = {m.user_id: RETENTION.decide(Held(page.states[m.user_id]), [m], now) for m in page.messages}
            writes = [each for decision in decided.values() for each in decision.writes]
            await RETENTION.save(db, SHARD, {key: each.state for key, each in decided.items() if each.state}, writes)
        swept += sum(len(decision.outgoing) for decision in decided.values())
        pages += 1
    return swept, pages, time.perf_counter() - began


async def main(counts: list[int]) -> None:
    async with database() as db:
        there = 0
        for count in sorted(counts):
            rate = await fill(db, there, count - there)
            there = count
            await db.execute("vacuum analyze record")
            print(f"{count:,d} records saved, {rate:,.0f} a second; none is due")
            await tell_idle(db)
        swept, pages, seconds = await sweep(db, NOW + timedelta(days=900))
        print(f"{swept:,d} swept in {pages:,d} pages of a day each, {swept / seconds:,.0f} a second")
        print("what has been swept is still in the index, no vacuum has run")
        await tell_idle(db)
        swept, pages, seconds = await sweep_of_one_day(db, there)
        print(f"{swept:,d} of a single day swept in {pages:,d} pages, {swept / seconds:,.0f} a second")


async def tell_idle(db: asyncpg.Connection) -> None:
    median, worst = await idle_us(db)
    print(f"    idle tick {median:.0f} us, 99th percentile {worst:.0f} us; {await plan(db)}")


async def sweep_of_one_day(db: asyncpg.Connection, count: int) -> tuple[int, int, float]:
    """As many records as there were, all due at one instant."""
    await db.execute("truncate record, fingerprint")
    await fill(db, 0, count)
    await db.execute("update record set due_at = $1", NOW)
    await db.execute("vacuum analyze record")
    return await sweep(db, NOW)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What a tick of retention costs.")
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 200_000])
    asyncio.run(main(parser.parse_args().records))
