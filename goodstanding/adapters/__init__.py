"""Public data sets as a partner's events: where a demo's and a backtest's people come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo


class DataError(Exception):
    """A file that is not of the adapter's shape. `str()` is `<file>:<line>: column <column>: <sentence>`."""

    def __init__(self, file: Path, line: int, column: str, sentence: str) -> None:
        where = f"{file}:{line}: column {column}" if column else f"{file}:{line}"
        super().__init__(f"{where}: {sentence}")


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One Kafka record of a partner, in the partner's own format. `time` is the event's, aware."""

    time: datetime
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


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


def adapters() -> Mapping[str, Callable[[Path], Source]]:
    """What `--adapter` can name. Each takes the file and raises DataError, or OSError when there is none."""
    from goodstanding.adapters import uci_credit_card  # the adapters themselves need what is defined above

    return {"uci-credit-card": uci_credit_card.read}
