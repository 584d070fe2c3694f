"""`python -m bench.own_work`: the platform's own work, for docs/performance.md.

    python -m bench.own_work [--rounds N] [--events N] [--records N] [--keep]

Ingest and scorer together in both cadences (`bench`), the expiry sweep with one process and with two
(`bench.retention_sweep`), and the latency at two rates (`bench.latency`); each round on servers of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import __main__ as throughput
from bench import latency, report, results, retention_sweep
from bench.policies import with_cadence
from bench.results import Round
from goodstanding.platform.servers import Servers

_PEOPLE = 20_000
_LATENCY_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.own_work", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (default 3)")
    parser.add_argument("--events", type=int, default=100_000, help="events through ingest and scorer (100,000)")
    parser.add_argument("--records", type=int, default=200_000, help="records that lapse (default 200,000)")
    parser.add_argument("--keep", action="store_true", help="put what is found into results.json and the documents")
    given = parser.parse_args()
    command, load = f"python -m bench.own_work {' '.join(sys.argv[1:])}", os.getloadavg()[0]
    work: dict[str, Callable[[int], Round]] = {
        "ingest and scorer, monthly": lambda seed: _throughput("monthly", given.events, seed),
        "ingest and scorer, continuous": lambda seed: _throughput("continuous", given.events, seed),
        "expiry sweep, 1 process": lambda _: _sweep(given.records, 1),
        "expiry sweep, 2 processes": lambda _: _sweep(given.records, 2),
    }
    rates = {f"{rate:,} events a second": rate for rate in (100, 1_000)}
    delays: dict[str, Callable[[int], Round]] = {
        name: lambda _, rate=rate: _latency(rate)  # type: ignore[misc]
        for name, rate in rates.items()
    }
    for title, parts in (("own work", work), ("latency", delays)):
        found = _alternate(parts, given.rounds)
        if given.keep:
            results.add(title, command, load, found)
            report.write()


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


def _throughput(cadence: str, events: int, seed: int) -> Round:
    with tempfile.TemporaryDirectory(prefix="goodstanding-bench-") as place, Servers.ephemeral() as servers:
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


def _latency(per_second: int) -> Round:
    took_ms = latency.measured(per_second, _LATENCY_S)
    cuts = statistics.quantiles(took_ms, n=1_000)
    named = {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998]}
    return Round(per_second, {}, latency_ms=named)


if __name__ == "__main__":
    main()
