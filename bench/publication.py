"""What a monthly publication costs, all in: people a second, CPU, memory, and whether that is as much at its end.

    python -m bench.publication [--people 100000] [--processes 1] [--kill] [--preview]

On a Kafka and a Postgres of its own, with real processes of the scorer. The people are drawn lives of up to 26 months
(`bench.lives`), each with its last evaluation; every third has six mutual contacts. The time runs from the instant of
the run until every message is sent. Each tenth of the run has a line. With `--kill` the process is killed at half and
started again: everybody must have been published exactly once. With `--preview` everybody is scored by another
scorecard at the end, as `goodstanding policy preview` does it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import asyncpg
import msgspec
import psutil

from bench.__main__ import _cpu_s
from bench.lives import LATE_MONTHS, ZONE, lived
from bench.retention_sweep import _peak_mb
from bench.waiting import SETTLED, until
from goodstanding.cli.preview import previewed
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import stop
from goodstanding.reading.offsets import asking
from services.benefits.core.table import TierTable
from services.scorer.core.messages import microseconds
from services.scorer.core.policy import Policy
from services.scorer.core.score import encode as encode_evaluation
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import encode
from shared.contracts.months import month_start
from shared.contracts.partition import partition_of
from shared.contracts.topics import SCORES_CHANGED
from shared.policy_file import SCORECARD, load_policy
from shared.settings import ROOT

RUN = 2026 * 12
"""January 2026: the run of the 6th counts the months up to December."""
DRAWN = 400
"""So many lives are drawn; people beyond them have the states of these."""
CIRCLE = 7
_PERSON = ("shard", "user_id", "state", "version", "evaluation", "run", "standing", "standing_before", "as_of")
_CONTACT = ("shard", "user_id", "contact", "contact_shard", "present", "time_us", "event", "counted", "counted_before")
_EVERY_S = 0.2
_PUBLISHED = "select count(*), count(distinct user_id) from score where run = $1"


@dataclass(frozen=True, slots=True)
class Point:
    """How far the run was at some time: people published, seconds, CPU seconds of all, of the scorer, megabytes."""

    people: int
    seconds: float
    cpu_s: float
    scorer_cpu_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.publication", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000, help="people (default 100,000)")
    parser.add_argument("--processes", type=int, default=1, help="processes of the scorer (default 1)")
    parser.add_argument("--kill", action="store_true", help="kill the process at half of the run")
    parser.add_argument("--preview", action="store_true", help="preview another scorecard at the end")
    given = parser.parse_args()
    with Servers.ephemeral() as servers:
        published(servers, given.people, given.processes, kill=given.kill, preview=given.preview)


def published(servers: Servers, people: int, count: int, *, kill: bool = False, preview: bool = False) -> list[Point]:
    """One run, on new servers: where it began, where it was at each tenth, and where it ended."""
    deployment = Deployment.create(servers.home / "services", servers.addresses, FixedSettings.new(clock="stepped"))
    policy = _policy()
    asyncio.run(_prepare(deployment, policy))
    settings = {name: value for name, value in os.environ.items() if name.startswith("GOODSTANDING_")}
    processes = [deployment.process("scorer", name=f"scorer-{number}", settings=settings) for number in range(count)]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        found = asyncio.run(_measure(deployment, servers, processes, policy, people, kill=kill))
        if preview:
            asyncio.run(_preview(deployment, policy))
        return found
    finally:
        stop(processes)


def _policy() -> Policy:
    card = load_policy(ROOT / "policies" / SCORECARD, Scorecard)
    return Policy(scorecards=(card,), zone=ZONE, accepts_late_months=LATE_MONTHS)


async def _prepare(deployment: Deployment, policy: Policy) -> None:
    """A deployment whose clock shows a month ago, so that it has nothing to catch up with."""
    await deployment.migrate()
    await deployment.ensure_topics()
    await deployment.set_clock(month_start(RUN - 1, ZONE))


# -- the people --------------------------------------------------------------------------------------------------------


async def _populate(deployment: Deployment, policy: Policy, people: int) -> None:
    # Copying many people takes longer than any statement of a service may.
    db = await asyncpg.connect(deployment.dsn("scorer"), server_settings={"statement_timeout": "0"})
    await db.copy_records_to_table("person", records=_people(policy, people), columns=_PERSON)
    await db.copy_records_to_table("contact", records=_contacts(people), columns=_CONTACT)
    await db.execute("vacuum analyze person")
    await db.execute("vacuum analyze contact")
    await db.close()


def _people(policy: Policy, people: int) -> Iterator[tuple[object, ...]]:
    card, as_of = policy.scorecards[0], policy.instant_of(RUN - 1)
    drawn = []
    for number in range(min(DRAWN, people)):
        state = lived(number, RUN - 1)
        last = evaluate(state, card, RUN - 2)
        drawn.append((encode(state), encode_evaluation(last), last.score))
    for number in range(people):
        state_, evaluation, score = drawn[number % len(drawn)]
        user_id = _user_id(number)
        yield (partition_of(user_id), bytes.fromhex(user_id), state_, 1, evaluation, RUN - 1, score, score, as_of)


def _contacts(people: int) -> Iterator[tuple[object, ...]]:
    """Circles of seven, in one of which everybody is a contact of everybody else, beside fourteen without any."""
    said_us = microseconds(month_start(RUN - 3, ZONE))
    for first in range(0, people - CIRCLE, 3 * CIRCLE):
        circle = [_user_id(first + place) for place in range(CIRCLE)]
        for one in circle:
            for other in circle:
                if one != other:
                    ids = (partition_of(one), bytes.fromhex(one), bytes.fromhex(other), partition_of(other))
                    yield (*ids, True, said_us, b"e" * 7, True, True)


def _user_id(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


# -- the run -----------------------------------------------------------------------------------------------------------


async def _measure(
    deployment: Deployment,
    servers: Servers,
    processes: list[ServiceProcess],
    policy: Policy,
    people: int,
    *,
    kill: bool,
) -> list[Point]:
    db = await asyncpg.connect(deployment.dsn("scorer"))
    instant = policy.instant_of(RUN)
    await until(db, SETTLED, month_start(RUN - 1, ZONE), every_s=_EVERY_S)
    await _populate(deployment, policy, people)
    others = [server.pid for server in await asyncio.to_thread(servers.status)]
    meter = _Meter(processes, [pid for pid in others if pid])
    print(f"{people:,} people, {len(processes)} process(es)")
    await deployment.set_clock(instant)
    points, tenth = [meter.point(0)], 1
    while not await db.fetchval(SETTLED, instant):
        await asyncio.sleep(_EVERY_S)  # the database offers no event for it
        done = await _passed(db)
        if kill and done > 0.5:
            kill = False
            meter.remember(processes[0])
            processes[0].kill()
            print("      killed, and started again", flush=True)
            processes[0].start()
        if done >= tenth / 10:
            points.append(meter.point(round(done * people)))
            print(_line(points[-2], points[-1]), flush=True)
            tenth = int(done * 10) + 1
    points.append(meter.point(people))
    [published] = await db.fetch(_PUBLISHED, RUN)
    [versions] = await db.fetch("select min(version), max(version) from person")
    [sizes] = await db.fetch("select avg(length(state))::int, avg(length(evaluation))::int from person")
    async with asking(deployment.kafka) as offsets:
        # The end markers of the transactions have offsets too.
        sent = sum((await offsets.ends([SCORES_CHANGED])).values())
    await db.close()
    found = (*published, *versions)
    if found != (people, people, 2, 2) or sent < people:
        raise SystemExit(f"Wrong: publications, people, lowest and highest version are {found}; {sent} messages.")
    print(f"    in all{_line(points[0], points[-1])[10:]}; state {sizes[0]:,} bytes, evaluation {sizes[1]:,}")
    return points


def course_us(points: list[Point]) -> list[float]:
    """CPU microseconds of each person in each tenth of the run. What was left after the last whole tenth, and the wait
    for its messages, belong to that one."""
    ends = [*points[:10], points[-1]]
    return [
        (now.cpu_s - before.cpu_s) / (now.people - before.people) * 1e6
        for before, now in pairwise(ends)
        if now.people > before.people
    ]


async def _preview(deployment: Deployment, policy: Policy) -> None:
    """What it costs this process to read everybody and score them twice."""
    new = msgspec.structs.replace(policy.scorecards[0], name="other")
    tiers, before_mb = load_policy(ROOT / "policies" / "benefits.toml", TierTable), psutil.Process().memory_info().rss
    began, began_cpu = time.perf_counter(), time.process_time()
    _, _, found = await previewed(deployment, new, None, tiers, 10)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    grown_mb = (psutil.Process().memory_info().rss - before_mb) / 2**20
    people = found.all.people
    print(
        f"preview{people:>9,} people in {seconds:.0f} s, {cpu_s / people * 1e6:,.0f} us CPU a person,"
        f" {grown_mb:+.0f} MB of memory"
    )


async def _passed(db: asyncpg.Connection) -> float:
    """How much of the run is over: pseudonyms are spread evenly, so the place of the last one tells."""
    cursors = [row["cursor"].partition(":") for row in await db.fetch("select cursor from shard")]
    places = [place for run, _, place in cursors if run == str(RUN)]
    return sum(1.0 if each == "done" else int(each[:8] or "0", 16) / 2**32 for each in places) / len(cursors)


class _Meter:
    def __init__(self, processes: list[ServiceProcess], servers: list[int]) -> None:
        self._processes, self._servers = processes, servers
        self._began, self._gone_s, self._peak_mb = time.perf_counter(), 0.0, 0.0

    def remember(self, process: ServiceProcess) -> None:
        """What a process has used that is about to be killed."""
        if process.pid:
            self._gone_s += _cpu_s(process.pid)
            self._peak_mb = max(self._peak_mb, _peak_mb(process.pid))

    def point(self, people: int) -> Point:
        pids = [process.pid for process in self._processes if process.pid]
        scorer = self._gone_s + sum(map(_cpu_s, pids))
        others = sum(map(_cpu_s, self._servers))
        self._peak_mb = max([self._peak_mb, *map(_peak_mb, pids)])
        return Point(people, time.perf_counter() - self._began, scorer + others, scorer, self._peak_mb)


def _line(before: Point, now: Point) -> str:
    people, seconds = now.people - before.people or 1, now.seconds - before.seconds
    all_us, scorer_us = (
        (now.cpu_s - before.cpu_s) / people * 1e6,
        (now.scorer_cpu_s - before.scorer_cpu_s) / people * 1e6,
    )
    return (
        f"{now.people:>10,}{people / seconds:>9,.0f} people/s{all_us:>8,.0f} us CPU a person, {scorer_us:,.0f} of them"
        f" the scorer's; peak {now.peak_mb:,.0f} MB"
    )


if __name__ == "__main__":
    main()
