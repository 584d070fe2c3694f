"""`python -m bench.own_work`: the platform's own work, for docs/performance.md.

    python -m bench.own_work [--only NAME] [--rounds N] [--events N] [--records N] [--published N] [--keep]

Ingest and scorer together in both cadences (`bench`), and on a Kafka with TLS, users and rights; the expiry sweep
(`bench.retention_sweep`) and a monthly publication (`bench.publication`), with one process and with two, and one of
thrice as many people; the latency at two rates (`bench.latency`); the first bytes of the portal's pages
(`bench.portal`). Each round has servers of its own.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import __main__ as throughput
from bench import latency, portal, publication, report, results, retention_sweep
from bench.policies import with_cadence
from bench.results import Round
from goodstanding.platform.servers import Servers

_PEOPLE = 20_000
_LATENCY_S = 30.0
_PAGES = "the portal's pages"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.own_work", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="those whose name has this text")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (default 3)")
    parser.add_argument("--events", type=int, default=100_000, help="events through ingest and scorer (100,000)")
    parser.add_argument("--records", type=int, default=200_000, help="records that lapse (default 200,000)")
    parser.add_argument(
        "--published",
        type=int,
        default=100_000,
        help="people who are published, and then thrice as many (default 100,000)",
    )
    parser.add_argument("--keep", action="store_true", help="put what is found into results.json and the documents")
    given = parser.parse_args()
    command, load = f"python -m bench.own_work {shlex.join(sys.argv[1:])}", os.getloadavg()[0]
    work: dict[str, Callable[[int], Round]] = {
        "ingest and scorer, monthly": lambda seed: _throughput("monthly", given.events, seed),
        "ingest and scorer, monthly, TLS": lambda seed: _throughput("monthly", given.events, seed, secured=True),
        "ingest and scorer, continuous": lambda seed: _throughput("continuous", given.events, seed),
        "expiry sweep, 1 process": lambda _: _sweep(given.records, 1),
        "expiry sweep, 2 processes": lambda _: _sweep(given.records, 2),
    }
    sizes = ((given.published, 1), (given.published, 2), (3 * given.published, 1))
    publications = {_publication_of(*size): _published(*size) for size in sizes}
    rates = {f"{rate:,} events a second": rate for rate in (100, 1_000)}
    delays: dict[str, Callable[[int], Round]] = {name: _at(rate) for name, rate in rates.items()}
    for title, parts in (("own work", work), ("publication", publications), ("latency", delays)):
        found = _alternate({name: run for name, run in parts.items() if given.only in name}, given.rounds)
        if given.keep and found:
            results.add(title, command, load, found)
            report.write()
    if given.only in _PAGES:
        pages = _pages(given.rounds)
        if given.keep:
            results.add(_PAGES, command, load, pages)
            report.write()


def _pages(rounds: int) -> dict[str, list[Round]]:
    """All pages at once, in each round."""
    found: dict[str, list[Round]] = {}
    for number in range(rounds):
        for name, took_ms in portal.measured().items():
            found.setdefault(name, []).append(Round(0, {}, latency_ms=portal.quantiles(took_ms)))
            told = ", ".join(f"{which} {took:.0f} ms" for which, took in found[name][-1].latency_ms.items())
            print(f"{number + 1}/{rounds} {name:<32} {told}", flush=True)
    return found


def _publication_of(people: int, processes: int) -> str:
    return f"publication of {people:,} people, {processes} process{'es' * (processes > 1)}"


def _published(people: int, processes: int) -> Callable[[int], Round]:
    return lambda _: _publication(people, processes)


def _at(rate: int) -> Callable[[int], Round]:
    return lambda _: _latency(rate)


def _alternate(parts: Mapping[str, Callable[[int], Round]], rounds: int) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {name: [] for name in parts}
    for number in range(rounds):
        for name, run in parts.items():
            done = run(number)
            found[name].append(done)
            costs = ", ".join(f"{whose} {seconds:.2f}" for whose, seconds in done.cpu_s.items())
            delays = ", ".join(f"{which} {took:.0f} ms" for which, took in done.latency_ms.items())
            told = delays or f"CPU s per 100,000: {done.all_cpu_s:.2f} ({costs})"
            print(f"{number + 1}/{rounds} {name:<32} {done.events_per_s:>8,.0f}/s  {told}", flush=True)
    return found


def _throughput(cadence: str, events: int, seed: int, *, secured: bool = False) -> Round:
    with (
        tempfile.TemporaryDirectory(prefix="goodstanding-bench-") as place,
        Servers.ephemeral(secured=secured) as servers,
    ):
        policies = with_cadence(Path(place), cadence)
        done = throughput.measured(servers, policies, events, _PEOPLE, seed)
    return Round(done.events_per_s, done.cpu_s)


def _sweep(records: int, processes: int) -> Round:
    with Servers.ephemeral() as servers:
        done = retention_sweep.swept(servers, records, processes)
    by_whom: dict[str, float] = {}
    for name, seconds in done.cpu_s.items():
        by_whom[name.partition("-")[0]] = by_whom.get(name.partition("-")[0], 0.0) + seconds
    return Round(done.records_per_s, by_whom, done.peak_mb)


def _publication(people: int, processes: int) -> Round:
    with Servers.ephemeral() as servers:
        points = publication.published(servers, people, processes)
    before, now = points[0], points[-1]
    scorer = (now.scorer_cpu_s - before.scorer_cpu_s) / people * 100_000
    both = (now.cpu_s - before.cpu_s) / people * 100_000
    return Round(
        people / (now.seconds - before.seconds),
        {"scorer": scorer, "servers": both - scorer},
        now.peak_mb,
        course_us=publication.course_us(points),
    )


def _latency(per_second: int) -> Round:
    took_ms = latency.measured(per_second, _LATENCY_S)
    cuts = statistics.quantiles(took_ms, n=1_000)
    named = {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998]}
    return Round(per_second, {}, latency_ms=named)


if __name__ == "__main__":
    main()
