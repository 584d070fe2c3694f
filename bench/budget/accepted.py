"""The figures as they were accepted, and what is over them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.budget import cores, sizes

FILE = Path(__file__).with_name("accepted.json")
OVER_MAX = 1.10
"""A figure may be so much of the one that was accepted."""
_PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def measured() -> dict[str, float]:
    """All figures of now. Calls and lines are named with the version of Python that counted them: what one release does
    in a loop of its own is a call in another."""
    found: dict[str, float] = {}
    for name, calls, lines in cores.figures():
        found[f"{name}: calls, {_PYTHON}"] = round(calls, 2)
        found[f"{name}: lines, {_PYTHON}"] = round(lines, 2)
    return found | {f"{name}: bytes": round(size, 1) for name, size in sizes.figures()}


def read() -> dict[str, float]:
    return msgspec.json.decode(FILE.read_bytes(), type=dict[str, float])


def accept() -> None:
    """Keep what other versions of Python have counted."""
    now = measured()
    others = {name: figure for name, figure in read().items() if _is_of_another_version(name)} if FILE.exists() else {}
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(dict(sorted({**others, **now}.items())))) + b"\n")


def over(accepted: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """A sentence for each figure that is over its budget, and for each that has none, or is no more measured."""
    sentences = [
        f"{name} {now[name]:,.2f}, accepted were {figure:,.2f} ({now[name] / figure - 1:+.0%})"
        for name, figure in accepted.items()
        if name in now and now[name] > figure * OVER_MAX
    ]
    is_counted = any(name.endswith(f", {_PYTHON}") for name in accepted)
    sentences += [
        f"{name} {now[name]:,.2f} was never accepted"
        for name in now
        if name not in accepted and (is_counted or not name.endswith(f", {_PYTHON}"))
    ]
    return sentences + [
        f"{name} is not measured any more" for name in accepted if name not in now and not _is_of_another_version(name)
    ]


def below(accepted: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """A sentence for each figure that has become much better, so that the budget can be drawn closer."""
    return [
        f"{name} {now[name]:,.2f}, accepted were {figure:,.2f} ({now[name] / figure - 1:+.0%})"
        for name, figure in accepted.items()
        if name in now and now[name] * OVER_MAX < figure
    ]


def _is_of_another_version(name: str) -> bool:
    return ", Python " in name and not name.endswith(f", {_PYTHON}")
