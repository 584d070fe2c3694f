"""What a service hands to the runner: one frozen value of plain functions.

The four services have this one shape. `decode` and `decide` are pure and synchronous; `load`, `save` and `due` are
SQL on the connection of the step's transaction; the runner owns everything else: consuming, ownership of shards,
transactions, sending, timers, retries, dead letters, shutdown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from shared.kafka.unreadable import Record as Record
from shared.kafka.unreadable import Unreadable

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.pool import PoolConnectionProxy

    Db: TypeAlias = Connection | PoolConnectionProxy
else:
    Db: TypeAlias = object

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


OWN_PARTITION = -1
"""In what a fenced service decides: the partition of its shard, which is that of the shard's people in every topic."""


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One message to be sent, complete to the byte, so that sending it again sends the same."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What became of one message, counted in the metrics; its fields are label values, so never personal."""

    result: str
    partner: str = ""
    code: str = ""


DEAD_LETTER = "dead-letter"
"""The result of a record that was set aside; every other result is a service's own word."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that no rule can answer for: it is set aside for the operator, by position only."""

    code: str
    sentence: str


def set_aside(unreadable: Unreadable) -> DeadLetter:
    """How a service answers for what nobody can read, unless it says otherwise: by the operator's note of it."""
    return DeadLetter(unreadable.code, unreadable.sentence)


class Keyed(Protocol):
    """A decoded message of a fenced service: it belongs to one person (or other key) of the record's partition."""

    @property
    def key(self) -> str: ...


M = TypeVar("M")
S = TypeVar("S")
P = TypeVar("P")


class Decision(msgspec.Struct, Generic[S], frozen=True):
    """The answer of the rules: the key's new state, what to send, and what to count."""

    state: S
    outgoing: tuple[Outgoing, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class DuePage(Generic[M, S]):
    """What the clock makes due for one shard, a page at a time.

    `messages` go through `decide` like events; `cursor` is stored with them in the same transaction. An empty page
    means that nothing more is due, and `next_at` says when that may change. `run` names a run over many pages that
    must see everything that had arrived before it began: the runner takes the inputs' end offsets when it first meets
    the name, and applies the pages only once those offsets are folded.

    `states` are of keys whose state `due` has read on the way, as far as the messages of the page need it; they are not
    loaded, and, since there may be more to know of such a key, not kept in memory either.
    """

    messages: Sequence[M]
    cursor: str
    next_at: datetime | None
    run: str | None = None
    states: Mapping[str, S] = field(default_factory=dict)


class PolicyMismatchError(Exception):
    """This process and the database disagree about the policy in force; it must not publish and is not ready."""


@dataclass(frozen=True, slots=True)
class Input:
    """Topics that a service reads: one name, or a pattern for a family of topics (`behavior.raw.<partner>`)."""

    topic: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Fenced(Generic[M, S, P]):
    """State in Postgres: every batch is one transaction under the shard's epoch, then the outbox is sent."""

    load: Callable[[Db, int, Sequence[str]], Awaitable[dict[str, S]]]
    save: Callable[[Db, int, Mapping[str, S]], Awaitable[None]]
    due: Callable[[Db, int, datetime, str, int], Awaitable[DuePage[M, S]]]


@dataclass(frozen=True, slots=True)
class Service(Generic[M, S, P]):
    """A service, whole. `state=None` is the forward mode: no state, send, await the acknowledgements, commit offsets.

    decode(record, arrived): pure; `arrived` is the instant at which the record counts as received (aware, UTC).
    unreadable(what): pure; the same for what nobody can read, of which `decode` therefore never learns.
    decide(state, messages, now, policy): pure. Fenced: the messages of one key, in the order of the log, and that key's
    state or None. Forward: all messages of a batch, and always None.
    """

    name: str
    inputs: tuple[Input, ...]
    decode: Callable[[Record, datetime], M | DeadLetter]
    decide: Callable[[S | None, Sequence[M], datetime, P], Decision[S]]
    policy: P
    state: Fenced[M, S, P] | None = None
    key: Callable[[M], str] = field(default=lambda message: message.key)
    unreadable: Callable[[Unreadable], M | DeadLetter] = set_aside
