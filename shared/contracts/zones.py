"""Time zones by their canonical names, with the rules of the locked `tzdata` package and of no machine (decision 0016).

A name is canonical if the database's table of places (`zone.tab`) has it, or if it is a zone of its own with a fixed
offset: `Asia/Shanghai`, `UTC` and `Etc/GMT-8`, but not `PRC`. Which of the other names exist depends on how a machine
packages the database, and so do the rules of a zone.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo


class ZoneError(ValueError):
    """A name that is no canonical zone. `str()` is a sentence that says what to write instead."""


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of a canonical name, the same object each time. Raises ZoneError."""
    if name not in names():
        raise ZoneError(_instead(name))
    with _database().joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def names() -> frozenset[str]:
    """All canonical names."""
    rows = [row.split("\t") for row in _text("zone.tab").splitlines() if not row.startswith("#")]
    fixed = [row.split()[1] for row in _text("tzdata.zi").splitlines() if row.startswith("Z Etc/")]
    return frozenset(("UTC", *fixed, *(row[2] for row in rows)))


def _instead(name: str) -> str:
    current = _old_names().get(name)
    if current is not None and current in names():
        return f"This is an old name, which not every machine has; write {current}."
    return "There is no such time zone; write the name of a place in the IANA database, such as Asia/Shanghai."


@cache
def _old_names() -> dict[str, str]:
    """The names that the database keeps for the sake of old programs, each with the one that it now stands for."""
    links = [row.split() for row in _text("tzdata.zi").splitlines() if row.startswith("L ")]
    return {old: current for _, current, old in links}


def _text(file: str) -> str:
    return _database().joinpath(file).read_text(encoding="utf-8")


def _database() -> Traversable:
    return files("tzdata") / "zoneinfo"
