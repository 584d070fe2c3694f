"""What the history of scores costs as one table, partitioned by shard, and partitioned by shard and month.

    python -m bench.score_layouts [--people 40000]

On the Postgres named in GOODSTANDING_POSTGRES, else on a local one of its own. Everybody has 24 monthly versions, and
a 25th is written. Where there are partitions by month, the oldest is dropped; otherwise the same step forgets the first
version (`forget_scores`). The statements are the scorer's own. `ms` are of the backend's CPU where the server runs on
this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import asyncpg

from bench.retention_tick import database
from shared.postgres import queries
from shared.settings import ROOT

SHARDS, MONTHS, PAGE = 6, 24, 500
SQL = queries(ROOT / "services/scorer/storage/queries.sql")
ERASE = queries(ROOT / "services/scorer/storage/erasing.sql")["erase_scores"]
_DRAW = random.Random(1)
EVALUATIONS = [_DRAW.randbytes(1_250) for _ in range(64)]
"""As long as one is (`bench.state_size`)."""
_COLUMNS = """
    shard smallint not null, user_id bytea not null, version bigint not null, as_of timestamptz not null, run bigint,
    policy text not null, evaluation bytea not null
"""
_TICK_MS = 10


@dataclass(frozen=True)
class Layout:
    by_shard: bool
    by_month: bool

    def __str__(self) -> str:
        return "by shard and month" if self.by_month else "by shard" if self.by_shard else "one table"

    def statements(self) -> list[str]:
        key = "shard, user_id, version" + (", as_of" if self.by_month else "")
        whole = f"create table score ({_COLUMNS}, primary key ({key}))"
        if not self.by_shard:
            return [whole]
        made = [f"{whole} partition by list (shard)"]
        for shard in range(SHARDS):
            inner = " partition by range (as_of)" if self.by_month else ""
            made.append(f"create table score_{shard} partition of score for values in ({shard}){inner}")
            for month in range(MONTHS + 1) if self.by_month else ():
                bounds = f"from ('{_first(month):%Y-%m-%d}') to ('{_first(month + 1):%Y-%m-%d}')"
                made.append(f"create table {_of_month(shard, month)} partition of score_{shard} for values {bounds}")
        return made


LAYOUTS = (Layout(False, False), Layout(True, False), Layout(True, True))


def _first(month: int) -> datetime:
    return datetime(2024 + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _of_month(shard: int, month: int) -> str:
    return f"score_{shard}_{month}"


async def _publish(db: asyncpg.Connection, people: Mapping[int, Sequence[bytes]], month: int, *, forget: bool) -> None:
    """A monthly run: pages of people in the order of their ids, a transaction each."""
    as_of = _first(month).replace(day=6)
    for shard, everybody in people.items():
        for start in range(0, len(everybody), PAGE):
            page = everybody[start : start + PAGE]
            count = len(page)
            evaluations = [EVALUATIONS[(start + number + month) % 64] for number in range(count)]
            columns = ([month + 1] * count, [as_of] * count, [month] * count, ["standard@0123456789ab"] * count)
            async with db.transaction():
                await db.execute(SQL["save_scores"], shard, page, *columns, evaluations)
                if forget:
                    await db.execute(SQL["forget_scores"], shard, page, columns[0], _first(month - MONTHS + 1))


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


async def _written(db: asyncpg.Connection) -> float:
    """Megabytes of the log, up to now."""
    found: float = await db.fetchval("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 / 1e6")
    return found


async def _size_mb(db: asyncpg.Connection) -> float:
    tables = "select sum(pg_total_relation_size(oid))::float8 / 1e6 from pg_class where relkind = 'r' and relname like"
    found: float = await db.fetchval(f"{tables} 'score%'")
    return found


async def _each_ms(
    db: asyncpg.Connection, pid: int, times: int, sql: str, arguments: Callable[[int], tuple[object, ...]]
) -> float:
    before = _cpu_ms(pid)
    for number in range(times):
        await db.fetch(sql, *arguments(number))
    return (_cpu_ms(pid) - before) / times


async def measure(db: asyncpg.Connection, layout: Layout, people: Mapping[int, Sequence[bytes]]) -> dict[str, float]:
    pid: int = await db.fetchval("select pg_backend_pid()")
    await db.execute("drop table if exists score")
    for statement in layout.statements():
        await db.execute(statement)
    for month in range(MONTHS):
        await _publish(db, people, month, forget=False)
    await db.execute("vacuum (analyze) score")
    found = {"MB of 24 months": await _size_mb(db)}

    def somebody(number: int) -> tuple[int, list[bytes]]:
        shard = number % SHARDS
        return shard, [people[shard][number * 37 % len(people[shard])]]

    def rewriting(number: int) -> tuple[object, ...]:
        shard, [who] = somebody(number)
        return shard, [who] * 3, [20, 21, 22], EVALUATIONS[:3]

    found["ms to read a history"] = await _each_ms(db, pid, 400, SQL["history"], somebody)
    found["ms to write three versions again"] = await _each_ms(db, pid, 400, SQL["rewrite_scores"], rewriting)
    found["ms to erase somebody"] = await _each_ms(db, pid, 100, ERASE, lambda number: somebody(number + 5_000))
    await db.execute("checkpoint")
    log, cpu = await _written(db), _cpu_ms(pid)
    await _publish(db, people, MONTHS, forget=not layout.by_month)
    began = time.perf_counter()
    for shard in range(SHARDS) if layout.by_month else ():
        await db.execute(f"drop table {_of_month(shard, 0)}")
    found["s to drop a month"] = time.perf_counter() - began
    found["s of CPU for the next month"] = (_cpu_ms(pid) - cpu) / 1e3
    found["MB of log for the next month"] = await _written(db) - log
    log, cpu = await _written(db), _cpu_ms(pid)
    await db.execute("vacuum score")
    found["s of CPU for vacuum"] = (_cpu_ms(pid) - cpu) / 1e3
    found["MB of log for vacuum"] = await _written(db) - log
    found["MB after that"] = await _size_mb(db)
    return found


async def run(count: int) -> None:
    ids = sorted(sha256(str(number).encode()).digest() for number in range(count))
    people = {shard: ids[shard::SHARDS] for shard in range(SHARDS)}
    async with database() as db:
        await db.execute("create schema layouts")
        await db.execute("set search_path to layouts")
        found = [await measure(db, layout, people) for layout in LAYOUTS]
    print(f"{count:,} people, {count * MONTHS:,} versions")
    print(f"{'':34}{''.join(f'{layout!s:>20}' for layout in LAYOUTS)}")
    for name in found[0]:
        print(f"{name:34}{''.join(f'{each[name]:>20,.2f}' for each in found)}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.score_layouts", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=40_000, help="people, with 24 versions each (default 40000)")
    asyncio.run(run(parser.parse_args().people))


if __name__ == "__main__":
    main()
