"""`python -m bench.peers`: the same work by the platform's runner and by its peers, in alternation.

    python -m bench.peers [--full] [--only NAME] [--try VARIABLE=VALUE,...]... [--people N] [--rounds N] [--keep]

The events lie in Kafka before the first run, and each run reads them from the beginning under a name of its own. All
runs share one Kafka and one Postgres, which are warm from a first run that is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench import report, results
from bench.peers import contenders, measuring, streams
from bench.peers.contenders import RUNNER, Contender, MissingError, StuckError
from bench.peers.work import Reference, Size, events
from bench.results import Round, median
from goodstanding.platform.servers import Servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all peers, not the three of the short comparison")
    parser.add_argument("--only", default="", help="those whose name has this text")
    parser.add_argument("--try", dest="tries", nargs="+", default=[], help="our runner also with these settings")
    parser.add_argument("--people", type=int, default=20_000, help="people (default 20,000)")
    parser.add_argument("--warm", type=int, default=100_000, help="events before the measurement (default 100,000)")
    parser.add_argument("--measured", type=int, default=400_000, help="events that are measured (default 400,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--keep", action="store_true", help="put what is found into results.json and the documents")
    given = parser.parse_args()
    named = contenders.FULL if given.full or given.only else contenders.SHORT
    chosen = [each for each in named if given.only.lower() in each.name.lower()]
    for tried in given.tries:
        settings = dict(each.split("=", 1) for each in tried.split(","))
        chosen += [replace(RUNNER, settings=settings, label=f"{RUNNER.name}, {tried}")]
    size = Size(given.people, given.warm, given.measured)
    load = os.getloadavg()[0]
    found = compare(chosen, size, given.rounds)
    if given.keep:
        tuned = {each.name: each.tuned for each in chosen}
        results.add(
            f"same work, {size.people:,} people", f"python -m bench.peers {' '.join(sys.argv[1:])}", load, found, tuned
        )
        report.write()


def compare(chosen: Sequence[Contender], size: Size, rounds: int) -> dict[str, list[Round]]:
    """Run them in alternation, and show each run as it ends."""
    found: dict[str, list[Round]] = {each.name: [] for each in chosen}
    with tempfile.TemporaryDirectory(prefix="goodstanding-peers-") as place, Servers.ephemeral() as servers:
        reference = Reference()
        asyncio.run(streams.make_topics(servers.addresses.kafka, measuring.SOURCE))
        began = time.monotonic()
        asyncio.run(streams.write(servers.addresses.kafka, measuring.SOURCE, events(size, reference)))
        print(f"{size.events:,} events about {size.people:,} people in {time.monotonic() - began:.0f} s", flush=True)
        for number in range(rounds):
            for at, contender in enumerate(chosen):
                name = f"run_{number}_{at}"
                began = time.monotonic()
                try:
                    done = measuring.run(servers, contender, size, reference, Path(place) / name, name)
                except (MissingError, StuckError) as error:
                    print(f"{contender.name:<36} {error}", flush=True)
                    continue
                found[contender.name].append(done)
                print(
                    f"{number + 1}/{rounds} {contender.name:<36} {line(done)}  [{time.monotonic() - began:.0f} s]",
                    flush=True,
                )
    print("\nMedians:")
    for name, runs in found.items():
        if runs:
            print(f"{name:<40} {line(median(runs))}")
    return found


def line(done: Round) -> str:
    costs = ", ".join(f"{name} {seconds:.2f}" for name, seconds in done.cpu_s.items())
    right = f"{done.changes:,} right, {done.repeated:,} sent again" if done.fault is None else f"WRONG: {done.fault}"
    return (
        f"{done.events_per_s:>8,.0f}/s  CPU s per 100,000: {done.all_cpu_s:.2f} ({costs})"
        f"  {done.peak_mib:,.0f} MiB  {right}"
    )


if __name__ == "__main__":
    main()
