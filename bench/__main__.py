"""`make bench`: how many events a second go through ingest and scorer together, and what they cost.

    python -m bench [--events N] [--people N] [--rounds N] [--secure]

The seven partners' formats in equal parts, on a Kafka and a Postgres of its own. In each round the events are sent
while both services stand still; the time runs from letting them go until the last event is folded and committed. The
rounds of both cadences alternate, so that a machine that gets slower does not favor one; with --secure, those on a
Kafka in the clear and on one with TLS, users and rights. CPU seconds are the operating
system's, for every process of the platform, per 100,000 events.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import psutil

from bench.policies import with_cadence
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.samples import Setting, samples
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import stop
from goodstanding.reading.offsets import asking
from shared.contracts.partition import partition_of
from shared.contracts.topics import NORMALIZED, RECORDS_REPORTED, group_of, raw_topic
from shared.kafka.sender import send, started
from shared.runner.service import Outgoing

MEASURED = ("ingest", "scorer")
CADENCES = {"monthly": ("monthly", False), "continuous": ("continuous", False)}
SECURITY = {"in clear": ("monthly", False), "secured": ("monthly", True)}
"""What alternates: by its name the cadence, and whether Kafka is secured."""
_CHUNK = 10_000
_OFFSETS = "select offsets ->> $1 from scorer.shard"


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: events a second, and CPU seconds per 100,000 events by process."""

    events_per_s: float
    cpu_s: dict[str, float]


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    arguments.add_argument("--events", type=int, default=100_000, help="events in a round (default 100,000)")
    arguments.add_argument("--people", type=int, default=20_000, help="people they are about (default 20,000)")
    arguments.add_argument("--rounds", type=int, default=3, help="rounds of each cadence (default 3)")
    arguments.add_argument("--secure", action="store_true", help="what TLS, users and rights of Kafka cost")
    given = arguments.parse_args()
    ways = SECURITY if given.secure else CADENCES
    found: dict[str, list[Round]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="goodstanding-bench-") as place:
        for number in range(given.rounds):
            for way, (cadence, secured) in ways.items():
                # A stack for each round: whatever an earlier one left behind in caches and logs is gone.
                with Servers.ephemeral(secured=secured) as servers:
                    policies = with_cadence(Path(place), cadence)
                    found[way].append(measured(servers, policies, given.events, given.people, number))
                print(f"{way:<11} {_line(found[way][-1])}", flush=True)
    print(f"\nMedians of {given.rounds}, {given.events:,} events about {given.people:,} people, seven formats:")
    for way, rounds in found.items():
        print(f"{way:<11} {_line(_median(rounds))}")


def measured(servers: Servers, policies: Path, events: int, people: int, seed: int) -> Round:
    deployment = Deployment.create(servers.home / "services", servers.addresses, FixedSettings.new())
    # The services stand still for longer than a session while the events are sent, and must keep their shards.
    settings = {"GOODSTANDING_POLICIES": str(policies), "GOODSTANDING_SESSION_TIMEOUT_MS": "120000"}
    asyncio.run(_prepare(deployment))
    processes = [deployment.process(service, settings=settings) for service in MEASURED]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
            process.pause()
        asyncio.run(_send(deployment, list(_events(events, people, seed))))
        return asyncio.run(_measure(deployment, servers, processes, events))
    finally:
        for process in processes:
            process.resume()
        stop(processes)


async def _prepare(deployment: Deployment) -> None:
    await deployment.migrate()
    await deployment.ensure_users()
    await deployment.ensure_topics()


def _events(events: int, people: int, seed: int) -> Iterator[Outgoing]:
    """Events of the seven partners with formats of their own, in turn."""
    setting = Setting("CNY", ZoneInfo("Asia/Shanghai"), datetime.now(UTC), people)
    named = [partner for partner in partners() if partner != "city"]
    sources = [(raw_topic(name), samples(name, mapping_of(name), setting, seed=seed)) for name in named]
    for topic, source in islice(cycle(sources), events):
        event = next(source)
        yield Outgoing(topic, event.key, event.value, event.headers, partition_of(event.key.hex()))


async def _send(deployment: Deployment, messages: list[Outgoing]) -> None:
    async with started(deployment.kafka) as producer:
        for at in range(0, len(messages), _CHUNK):
            await send(producer, messages[at : at + _CHUNK])


async def _measure(deployment: Deployment, servers: Servers, processes: list[ServiceProcess], events: int) -> Round:
    database = await asyncpg.connect(deployment.addresses.postgres)
    pids = {process.name: process.pid for process in processes}
    pids |= {server.name: server.pid for server in await asyncio.to_thread(servers.status)}
    async with asking(deployment.kafka) as offsets:
        before = {name: _cpu_s(pid) for name, pid in pids.items() if pid}
        began = time.perf_counter()
        for process in processes:
            process.resume()
        while True:
            await asyncio.sleep(0.05)
            committed = sum((await offsets.committed(group_of("ingest"))).values())
            if committed < events:
                continue
            forwarded = sum((await offsets.ends([NORMALIZED])).values())
            folded = sum(int(row[0] or 0) for row in await database.fetch(_OFFSETS, NORMALIZED))
            if folded >= forwarded:
                break
        seconds = time.perf_counter() - began
        cpu_s = {name: (_cpu_s(pid) - before[name]) * 100_000 / events for name, pid in pids.items() if pid}
        reported = sum((await offsets.ends([RECORDS_REPORTED])).values())
    await database.close()
    if forwarded + reported < events * 0.99:
        raise SystemExit(f"Of {events} events only {forwarded + reported} were accepted: the samples are not valid.")
    return Round(events / seconds, cpu_s)


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and of the children it has (Postgres works in one for each connection)."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _median(rounds: list[Round]) -> Round:
    cpu_s = {name: statistics.median(each.cpu_s[name] for each in rounds) for name in rounds[0].cpu_s}
    return Round(statistics.median(each.events_per_s for each in rounds), cpu_s)


def _line(found: Round) -> str:
    costs = ", ".join(f"{name} {seconds:.2f}" for name, seconds in found.cpu_s.items())
    total = sum(found.cpu_s.values())
    return f"{found.events_per_s:>8,.0f} events/s   CPU s per 100,000: {costs}; {total:.2f} in all"


if __name__ == "__main__":
    main()
