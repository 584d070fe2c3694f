"""What processes cost, as the operating system accounts for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

Costs = Mapping[str, float]
"""CPU seconds by whose they are."""


def cpu_s(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """CPU seconds until now of each group of processes, with the children that they have and had."""
    return {name: sum(map(_of_family, pids)) for name, pids in groups.items()}


def _of_family(pid: int) -> float:
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        times = parent.cpu_times()
        # Postgres works in one process for each connection; those that have ended are in their parent's account.
        total += times.user + times.system + times.children_user + times.children_system
        for child in parent.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
    return total


def peak_mib(pids: Sequence[int]) -> float:
    """The most memory that these processes have held, each at its own worst moment."""
    return sum(_peak_kib(pid) for pid in pids) / 1024


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
