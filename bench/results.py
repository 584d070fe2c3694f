"""What benchmarks have found, kept in the repository: results.json, which docs/performance.md is made from."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("results.json")


class Round(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one run came to. CPU seconds are the operating system's, per 100,000 events, people or records."""

    events_per_s: float
    cpu_s: dict[str, float]
    peak_mib: float = 0.0
    changes: int = 0
    """Changes that were compared with the reference, one by one."""
    repeated: int = 0
    """Changes that were sent again, and passed over by their number."""
    fault: str | None = None
    """What was wrong with them."""
    latency_ms: dict[str, float] = {}
    course_us: list[float] = []
    """CPU microseconds of each person in each tenth of the run: whether the last cost as much as the first."""

    @property
    def all_cpu_s(self) -> float:
        return sum(self.cpu_s.values())


class Section(msgspec.Struct, frozen=True):
    """One command's results: when and where it ran, and by name the rounds of each that took part."""

    command: str
    taken: str
    machine: str
    load: float
    """How many processes wanted to run when it began: far above 0, the machine did other things as well."""
    rows: dict[str, list[Round]]
    tuned: dict[str, str] = {}


Results = dict[str, Section]


def read() -> Results:
    return msgspec.json.decode(FILE.read_bytes(), type=Results) if FILE.exists() else {}


def here() -> str:
    """The machine, as whoever reads a figure needs to know it."""
    models = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")), "0")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores ({next(models, platform.machine())}), {int(memory) // 2**20} GiB, {python}"


def add(
    title: str,
    command: str,
    load: float,
    rows: Mapping[str, Sequence[Round]],
    tuned: Mapping[str, str] | None = None,
) -> None:
    """Put a section in the place of the one that had its title; rows that did not run this time go."""
    kept = {name: list(map(_rounded, runs)) for name, runs in rows.items() if runs}
    taken = datetime.now(UTC).date().isoformat()
    section = Section(command, taken, here(), round(load, 1), kept, dict(tuned or {}))
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode({**read(), title: section})) + b"\n")


def median(rounds: Sequence[Round]) -> Round:
    return Round(
        statistics.median(each.events_per_s for each in rounds),
        {name: statistics.median(each.cpu_s[name] for each in rounds) for name in rounds[0].cpu_s},
        statistics.median(each.peak_mib for each in rounds),
        min(each.changes for each in rounds),
        max(each.repeated for each in rounds),
        next((each.fault for each in rounds if each.fault), None),
        {name: statistics.median(each.latency_ms[name] for each in rounds) for name in rounds[0].latency_ms},
        [statistics.median(tenths) for tenths in zip(*(each.course_us for each in rounds), strict=False)],
    )


def _rounded(each: Round) -> Round:
    return Round(
        round(each.events_per_s),
        {name: round(seconds, 2) for name, seconds in each.cpu_s.items()},
        round(each.peak_mib),
        each.changes,
        each.repeated,
        each.fault,
        {name: round(took, 1) for name, took in each.latency_ms.items()},
        [round(cost) for cost in each.course_us],
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
