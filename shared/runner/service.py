"""What a service hands to the runner: one frozen value of plain functions, `Service(name, inputs, mode)`.

A service without state is `Forward`: one function, from a record to its answer. A service with state is `Stateful`:
rules that are pure and synchronous, and SQL that loads, saves and finds what the clock has made due. The runner owns
everything else: consuming, ownership of shards, transactions, sending, timers, retries, dead letters, shutdown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Never, Protocol

import asyncpg
from typing_extensions import TypeVar

from shared.clock import Clock
from shared.kafka.connection import Kafka
from shared.kafka.unreadable import Record as Record
from shared.kafka.unreadable import Unreadable
from shared.postgres import Db as Db
from shared.runner.answers import Announcement as Announcement
from shared.runner.answers import Answer as Answer
from shared.runner.answers import Aside as Aside
from shared.runner.answers import DeadLetter as DeadLetter
from shared.runner.answers import Decision as Decision
from shared.runner.answers import DuePage as DuePage
from shared.runner.answers import Later as Later
from shared.runner.answers import M, S, W, set_aside
from shared.runner.answers import Outcome as Outcome
from shared.runner.answers import Outgoing as Outgoing
from shared.runner.answers import Result as Result

RESTATE_PAGE_MAX = 1_000
"""People or records that one statement, and one row of the outbox, brings together."""


@dataclass(frozen=True, slots=True)
class Input:
    """Topics that a service reads: one name, or a pattern for a family of topics (`behavior.raw.<partner>`)."""

    topic: str | None = None
    pattern: str | None = None


# -- without state -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forward:
    """No state: send, await every acknowledgement, then commit the offsets.

    answer(record, arrived): pure, and the same for the same record, because a kill sends it again. `arrived` is the
    instant at which the record counts as received (aware, UTC). Whatever it raises sets the record aside.
    unreadable(what): the same for what nobody can read, of which `answer` therefore never learns.
    """

    answer: Callable[[Record, datetime], Answer | DeadLetter | Later]
    unreadable: Callable[[Unreadable], Answer | DeadLetter] = set_aside
    owner: str = ""
    """Which deployment this is, since no database says it: two that shared a consumer group would each get a part of
    the records. It must not tell anything secret."""
    also_reads: Callable[[Kafka], AbstractAsyncContextManager[None]] | None = None
    """What the service reads beside its inputs, from Kafka at this address: no shard works before it is entered."""
    catch_up: Callable[[int, float], Awaitable[None]] | None = None
    """Waits for a moment until what was said by that time is known; called after `answer` has said `Later`, also with
    a time that the broker's clock has certainly reached. Both are the broker's, in ms."""
    arrived_ms: Callable[[Record], int | None] | None = None
    """When the broker had taken a record first which the operator has had appended once more; None for any other."""
    newest: Callable[[], Forward] | None = None
    """The same service by what its files say now: asked before each batch, and all of the batch is answered by it."""


# -- with state --------------------------------------------------------------------------------------------------------


class PolicyMismatchError(Exception):
    """This process and the database disagree about the policy in force; it must not publish and is not ready."""


class LaterReleaseError(Exception):
    """A later release of the service has written what is to be read: this process can neither read nor replace it."""


class Load(Protocol[S]):
    def __call__(self, db: Db, shard: int, user_ids: Sequence[str], /) -> Awaitable[dict[str, S]]:
        """The states of those people who are known; the others are left out.

        Reads only, outside of any transaction: nobody but the shard's owner writes what is read here. It raises
        whatever the database raises; an error that belongs to a person (a state that cannot be read) sets that
        person's records aside, one by one. A state of a later release belongs to nobody: it raises LaterReleaseError,
        and the shard waits.
        """
        ...


S_in = TypeVar("S_in", contravariant=True)
W_in = TypeVar("W_in", contravariant=True, default=Never)


class Save(Protocol[S_in, W_in]):
    def __call__(self, db: Db, shard: int, states: Mapping[str, S_in], writes: Sequence[W_in], /) -> Awaitable[None]:
        """Make the tables hold these states, and add `writes`; called once a step, inside its transaction.

        In the order of the user_ids, so that two statements never wait for each other's rows. No COPY: the server
        cannot time out a process that was stopped in the middle of one, and its lock would stay.
        """
        ...


class FindDue(Protocol[M, S]):
    def __call__(
        self, db: Db, shard: int, now: datetime, cursor: str, limit: int, skip: Sequence[str], /
    ) -> Awaitable[DuePage[M, S]]:
        """The next page of what is due at `now`: at most `limit` messages, one for each person, behind `cursor`.

        Outside of any transaction; asking twice gives the same page until it is applied, so what it writes must be true
        whether or not the page is. `skip` are the people whose timer could not be handled and was set aside: they
        must be left out, in `next_at` too, where the cursor alone does not pass over them.

        Raises PolicyMismatchError when this process must not publish what is due; its sentence is shown to operators.
        """
        ...


class CountUndecided(Protocol):
    """How many of these messages of the topic say something that this database has never decided: a version above its
    own, or a name that it does not know. A message that cannot be read is not counted."""

    def __call__(self, db: Db, shard: int, messages: Sequence[Record]) -> Awaitable[int]: ...


class Restate(Protocol):
    """Make the database's versions the highest, and publish again every name about which the topic differs from the
    database: in the caller's transaction, page by page. `last` has the last message of each key that the topic holds,
    `ahead` what `OwnTopic.ahead` has found, each with the instant at which it counts as received."""

    def __call__(
        self,
        db: Db,
        shard: int,
        last: Mapping[bytes, Record],
        ahead: Sequence[tuple[Record, datetime]],
        now: datetime,
    ) -> AsyncIterator[Sequence[Outgoing]]: ...


class Follow(Protocol):
    """Do what these records ask for, each with the instant at which it counts as received, in the caller's transaction.
    Doing it again does nothing. Returns what is to be sent."""

    def __call__(
        self, db: Db, shard: int, ahead: Sequence[tuple[Record, datetime]], now: datetime, /
    ) -> Awaitable[Sequence[Outgoing]]: ...


@dataclass(frozen=True, slots=True)
class Ahead:
    """What must be done before the shard reads on, because of records of an input that are not read yet: those that
    `is_wanted` picks. In a restored database, messages that followed from these records may be read before them. The
    records are read again in their place."""

    topic: str
    is_wanted: Callable[[Record], bool]
    follow: Follow


@dataclass(frozen=True, slots=True)
class OwnTopic:
    """The topic of which a service is the only writer; partition i is shard i's. Of each name (a person, a record) the
    topic and the database hold versions, which may differ once an older copy of one of them was put back.

    `last_counts`: only the last message of each key counts there, since it is compacted. Then no message that was
    decided before may be sent behind what `restate` says.
    """

    topic: str
    undecided: CountUndecided
    restate: Restate
    last_counts: bool
    ahead: Ahead | None = None


@dataclass(frozen=True, slots=True)
class Stateful(Generic[M, S, W]):
    """State in Postgres: every step is one transaction under the shard's epoch, then its messages are sent.

    decode(record, arrived): pure; `arrived` is the instant at which the record counts as received (aware, UTC). None
    for a message that is meant for other readers of the topic: it leads to nothing, and nothing is counted.
    user_id_of(message): whom a message is about, which decides the shard that it belongs to.
    decide(state, messages, now): pure. The messages about one person, in the order of the log, and that person's state,
    or None where there is none yet. Whatever `decode` or `decide` raises sets the record aside that it was raised for.
    """

    decode: Callable[[Record, datetime], M | DeadLetter | None]
    user_id_of: Callable[[M], str]
    decide: Callable[[S | None, Sequence[M], datetime], Decision[S, W]]
    load: Load[S]
    save: Save[S, W]
    due: FindDue[M, S] | None = None
    """None where no time of the service's own runs."""
    own: OwnTopic | None = None
    """The topic of which this service is the only writer, if it has one."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people are alike in one respect: `by` names it ("tier"), `value` what they have in common ("good"). Both
    are labels of a metric, so they are words of a policy or of ours."""

    by: str
    value: str
    people: int


Mode = TypeVar("Mode", bound=Forward | Stateful[Any, Any, Any], covariant=True, default=Any)


class Files(Protocol):
    """The files that a service goes on to read while it works."""

    @property
    def in_force(self) -> Mapping[str, str]:
        """By file, a short name of the content that the service works by."""

    @property
    def faults(self) -> Sequence[str]:
        """A sentence for each file that is not used as it lies there."""

    async def look(self) -> None:
        """Read what has changed; called again and again, whatever it raises."""


@dataclass(frozen=True, slots=True)
class Service(Generic[Mode]):
    """A service, whole. `name` is its consumer group, its schema, and the first part of its producers' ids."""

    name: str
    inputs: tuple[Input, ...]
    mode: Mode
    policy: str = ""
    """The name of the policy in force, for operators; empty where there is none."""
    census: Callable[[Db], Awaitable[Sequence[Counted]]] | None = None
    """Counts the people whom the service keeps, of all shards, for operators. Called now and then, outside of any
    step; it may take its time, and nothing waits for it."""
    files: Files | None = None
    """Those that it reads again when they change; None where it reads files at its start only."""
    also_runs: Callable[[asyncpg.Pool, Clock], AbstractAsyncContextManager[None]] | None = None
    """What a process of a service with state does beside its shards, on the same database and by the same clock; it is
    entered when they have started."""
