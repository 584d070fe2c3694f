"""A partner's mapping as functions, ready to read events: what `compiling` makes and `normalize` uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from services.ingest.core.context import Subject
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Flat, Tree
from shared.contracts.faults import Fault
from shared.contracts.kinds import Kind
from shared.contracts.messages import BehaviorEvent, RecordReport

Body: TypeAlias = BehaviorEvent | RecordReport


@dataclass(frozen=True, slots=True)
class Reading:
    """How the events of one code are read: which paths they may have, and the body that is made of the values."""

    kind: Kind
    tree: Tree
    body: Reader[Body]
    fault: Fault | None
    """Why the partner may not send this kind, if it may not."""
    fieldnames: Mapping[str, tuple[tuple[str, bytes], ...]]
    """The header that says how the partner calls the fields that a later service may refuse, by what it writes before
    an attribute's name; none where it calls them as we do."""


@dataclass(frozen=True, slots=True)
class Csv:
    columns: tuple[str, ...]
    delimiter: str


@dataclass(frozen=True, slots=True)
class Word:
    """One of the words that say what kind an event is: of the envelope, or at a place of the body."""

    path: str
    label: str
    read: Callable[[Flat, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Bare:
    """Where the id and the time of an event without an envelope are."""

    id_path: str
    id_at: Callable[[dict[str, Any]], Any]
    id: Reader[str]
    time: Reader[datetime]
    labels: Mapping[str, str]
    """What the sender calls `@id` and `@time`."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's mapping, ready to read events. Without `bare` they are CloudEvents; without `csv` JSON."""

    name: str
    words: tuple[Word, ...]
    readings: Mapping[tuple[str, ...], Reading]
    """By the words of the partner's code."""
    subject: Reader[Subject]
    bare: Bare | None
    csv: Csv | None
