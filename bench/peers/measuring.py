"""One run: a contender works through the events, and what came out is compared with what must.

All events lie in the log before it starts. The clock runs between two moments at which committed changes became
visible: the first at which those of the warm part were, and the first at which nearly all were. So a start, a cold
compiler, and the wait for a last commit are in nobody's figure, and a contender that commits once a second is measured
from commit to commit.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.peers import accounting, streams
from bench.peers.contenders import Contender, Place, StuckError, Working
from bench.peers.work import Reference, Size
from bench.results import Round
from goodstanding.platform.servers import Servers

SOURCE = "work.events"
_NEARLY_ALL = 0.97
_SAMPLE_S = 0.1
_SILENCE_S = 45.0
"""A contender that brings out nothing new for so long is taken to be done, or stuck."""
_TO_SETTLE_S = 3.0


class _Sample(msgspec.Struct, frozen=True):
    at_s: float
    seen: dict[int, int]
    cpu_s: dict[str, float]

    @property
    def total(self) -> int:
        return sum(self.seen.values())


def run(servers: Servers, contender: Contender, size: Size, reference: Reference, directory: Path, name: str) -> Round:
    """`name` is new for each run: of its group, its schema, its output."""
    target = f"{name}.changes"
    kafka = servers.addresses.kafka
    place = Place(kafka, servers.addresses.postgres, name, SOURCE, target, directory)
    directory.mkdir()
    asyncio.run(streams.make_topics(kafka, target))
    asyncio.run(contender.prepare(place))
    working = contender.start(place)
    try:
        groups: dict[str, Sequence[int]] = {"contender": working.pids}
        groups |= {status.name: [status.pid] for status in servers.status() if status.pid}
        share = min(1.0, (contender.events_max or size.events) / size.events)
        samples = asyncio.run(_watch(kafka, target, working, groups, share, reference.total))
        peak_mib = accounting.peak_mib(working.pids)
    finally:
        working.stop()
    expected = reference.total * share
    warm = size.before / size.events * expected
    begin, end = _passing(samples, warm), _passing(samples, expected * _NEARLY_ALL)
    marks = (begin.seen, end.seen)
    changes, (first, last), again = asyncio.run(streams.read(kafka, target, marks, repeats=contender.repeats))
    if last <= first:
        raise StuckError(f"{contender.name} brought out {samples[-1].total} changes: {working.last_words()}")
    events = (last - first) * size.events / reference.total
    cpu_s = {group: (end.cpu_s[group] - begin.cpu_s[group]) * 100_000 / events for group in groups}
    fault = reference.fault(changes, whole=contender.events_max is None)
    return Round(events / (end.at_s - begin.at_s), cpu_s, peak_mib, sum(map(len, changes.values())), again, fault)


def _passing(samples: Sequence[_Sample], total: float) -> _Sample:
    """The first sample with so many offsets. The marks of transactions are among these, spread evenly; so which moment
    is taken is about right, and how much lies between two of them is counted."""
    return next((each for each in samples if each.total >= total), samples[-1])


def _tell(done: float) -> None:
    """For whoever watches a terminal; the next line that is printed goes over it."""
    if sys.stdout.isatty():
        print(f"  {min(done, 1):.0%}", end="\r", flush=True)


async def _watch(
    kafka: str, target: str, working: Working, groups: dict[str, Sequence[int]], share: float, total: int
) -> list[_Sample]:
    """A sample for each moment at which more became visible, until all has."""
    samples: list[_Sample] = []
    async with streams.committed_reader(kafka) as consumer:
        changed = time.perf_counter()
        while True:
            seen, now = await streams.visible(consumer, target), time.perf_counter()
            if not samples or seen != samples[-1].seen:
                samples.append(_Sample(now, seen, accounting.cpu_s(groups)))
                changed = now
                _tell(samples[-1].total / (total * share))
            done = samples[-1].total >= total * share
            if share < 1 and done:
                return samples
            if working.have_ended or now - changed > (_TO_SETTLE_S if done else _SILENCE_S):
                return samples
            await asyncio.sleep(_SAMPLE_S)
