"""What a service says of a record: messages to send, outcomes to count, or a dead letter; in closed sets of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Never, TypeAlias

import msgspec
from typing_extensions import TypeVar

from shared.contracts.dead_letters import set_aside_headers
from shared.contracts.exchange import Announcement as Announcement
from shared.contracts.exchange import Headers as Headers
from shared.contracts.exchange import Outgoing as Outgoing
from shared.contracts.faults import Code, Fault
from shared.contracts.topics import dead_letter_topic
from shared.kafka.unreadable import Fetched, Unreadable

Result: TypeAlias = Literal[
    # of several services
    "accepted",
    "refused",
    "duplicate",
    "answered",
    "dropped",
    "changed",
    "erased",
    # of ingest
    "skipped",
    "unwanted",
    # of the scorer
    "published",
    # of retention: what became of a record, and whom it told what
    "open",
    "settled",
    "expired",
    "disputed",
    "confirmed",
    "corrected",
    "unverifiable",
    "deleted",
    "returned",
    "asked",
    "warned",
    "waiting",
    # of benefits
    "unchanged",
    # of the runner itself
    "dead-letter",
]
"""What can become of a message: a closed set, since it is a label of a metric."""

DEAD_LETTER: Result = "dead-letter"
"""The result of a record that was set aside."""

Aside: TypeAlias = Literal[
    "undecodable",
    "undecidable",
    "unsavable",
    "unsendable",
    "misplaced",
    "unknown-partner",
]
"""Why a record is set aside, besides the codes of refusals."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one message, counted in the metrics; its fields are label values, so never personal."""

    result: Result
    partner: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that no rule can answer for: it is set aside for the operator, by position only."""

    code: Code | Aside
    sentence: str

    @classmethod
    def of(cls, fault: Fault) -> DeadLetter:
        """For a message of ours that is not as it should be."""
        return cls(fault.code, fault.sentence)


@dataclass(frozen=True, slots=True)
class Later:
    """A record that cannot be answered yet: something that was said by `until_ms` (the broker's time) may not be known
    here. Whatever is behind it waits as well, so the wait must be short."""

    until_ms: int


def set_aside(unreadable: Unreadable) -> DeadLetter:
    """How a service answers for a record that nobody can read, unless it says otherwise: with a note for the
    operator."""
    return DeadLetter(Code(unreadable.code), unreadable.sentence)


def origin(record: Fetched) -> str:
    """A record's position, `topic/partition/offset`: enough to find it, and nothing of what it says."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def dead_letter(service: str, letter: DeadLetter, origin: str) -> Outgoing:
    """The operator's note of a record that was set aside: its position and the reason, never its content."""
    headers = set_aside_headers(service, origin, letter.code, letter.sentence)
    return Outgoing(dead_letter_topic(service), None, b"", headers, 0)


# -- without state -----------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What one record of a forwarding service leads to: what to send, in this order, and what to count."""

    outgoing: tuple[Outgoing, ...]
    outcomes: tuple[Outcome, ...]


# -- with state --------------------------------------------------------------------------------------------------------

M = TypeVar("M")
"""A decoded message. It is about one person of the record's partition."""
S = TypeVar("S")
W = TypeVar("W", default=Never)


class Decision(msgspec.Struct, Generic[S, W], frozen=True):
    """The answer of the rules to messages about one person.

    `state` replaces the person's state. None leaves nothing in memory and no row to save, for a person of whom nothing
    is kept or whom the `writes` erase. `writes` are rows that the decision adds in other tables: each of them is saved
    once, in the order of the decisions, while only the last state of a step is saved.
    """

    state: S | None
    outgoing: tuple[Outgoing | Announcement, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    writes: tuple[W, ...] = ()


@dataclass(frozen=True, slots=True)
class DuePage(Generic[M, S]):
    """What the clock makes due for one shard, a page at a time.

    `messages` go through `decide` like events; `cursor` is stored with them in the same transaction. An empty page
    means that nothing more is due, and `next_at` says when that may change. `run` names a run over many pages that
    must see everything that had arrived before it began: the runner takes the inputs' end offsets when it first meets
    the name, and applies the pages only once those offsets are folded.

    `states` are partial states, enough to decide this page. The runner uses them instead of `load`, and does not keep
    them in memory.
    """

    messages: Sequence[M]
    cursor: str
    next_at: datetime | None
    run: str | None = None
    states: Mapping[str, S] = field(default_factory=dict)
    done: float = 0.0
    """How much of the shard's part of the run is over with this page, 0 to 1."""
