"""A public data set as the events of a partner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from goodstanding.partner.event import PartnerEvent


class DataError(Exception):
    """A file that is not of the adapter's shape. `str()` is `<file>:<line>: column <column>: <sentence>`."""

    def __init__(self, file: Path, line: int, column: str, sentence: str) -> None:
        where = f"{file}:{line}: column {column}" if column else f"{file}:{line}"
        super().__init__(f"{where}: {sentence}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the data set: the identifier that the partner sends, and what happened after the last month."""

    identifier: str
    defaulted: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A data set: whose it is, and its events month by month (numbers: year * 12 + month - 1), oldest first."""

    partner: str
    currency: str
    zone: ZoneInfo
    months: tuple[int, ...]
    people: tuple[Person, ...]
    events: Callable[[int], Iterable[PartnerEvent]]
    content: str = ""
    """A short name of what is in the file, the same for the same bytes; empty of a pipe, which can be read once."""
