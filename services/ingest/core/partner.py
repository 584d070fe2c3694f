"""A partner's mapping as functions, ready to read events: what `compiling` makes and `normalize` uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from services.ingest.core.context import Subject
from services.ingest.core.readers import Reader
from services.ingest.core.tables import Table
from services.ingest.core.tree import MISSING, Flat, Tree
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
class Word:
    """One of the words that say what kind an event is: of the envelope, or at a place of the body."""

    path: str
    label: str
    read: Callable[[Flat, dict[str, Any]], Any]
    absent: str = MISSING
    """What to do where there is no word."""
    is_made: bool = False
    """Whether the word is made from the value there, such as its sign, so that the partner cannot send another word."""


@dataclass(frozen=True, slots=True)
class Bare:
    """Where the id and the time of an event without an envelope are."""

    id_parts: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...]
    """The paths that the id is read from, each with how it is found in a body that is not checked yet."""
    id: Reader[str]
    time: Reader[datetime]
    labels: Mapping[str, str]
    """What the sender calls `@id` and `@time`."""


@dataclass(frozen=True, slots=True)
class Several:
    """Where the events of one message stand: below the header of a table, or in the list at `path` of its JSON; without
    a path the message is that list."""

    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """What becomes of codes that no file lists one by one: a code with `*` for any word, and its reading, None for one
    that is passed over. An empty word is an absent one."""

    code: tuple[str, ...]
    reading: Reading | None

    def fits(self, words: tuple[Any, ...]) -> bool:
        return all(
            mine == "*" or mine == ("" if word is None else word) for mine, word in zip(self.code, words, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's mapping, ready to read events. Without `bare` they are CloudEvents; without `table` JSON."""

    name: str
    words: tuple[Word, ...]
    readings: Mapping[tuple[str, ...], Reading]
    """By the words of the partner's code."""
    subject: Reader[Subject]
    bare: Bare | None
    table: Table | None
    others: tuple[Other, ...] = ()
    """In the order in which they are tried, after `readings`."""
    mapping: str = ""
    """The name of the file and of its content, for refusals: `bank@0123456789ab`."""
    several: Several | None = None
    """How one message has many events, if it has."""
    crosswalk: bool = False
    """Whether people are named by the partner's own customer numbers."""
    registry: bool = False
    """Whether values may be in the Confluent wire format."""

    @property
    def skips(self) -> bool:
        """Whether some events are passed over."""
        return any(other.reading is None for other in self.others)
