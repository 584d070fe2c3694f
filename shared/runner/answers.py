"""What a service says of a record: messages to send, outcomes to count, or a dead letter; in closed sets of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from shared.contracts.faults import Code
from shared.kafka.unreadable import Unreadable

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One message to be sent, complete to the byte, so that sending it again sends the same."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int


class Announcement(msgspec.Struct, frozen=True):
    """A message about a person of the shard. It goes to the partition that has the shard's number, as all of that
    person's messages do in every topic; the runner knows the number, and the rules need not."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    def placed(self, shard: int) -> Outgoing:
        return Outgoing(self.topic, self.key, self.value, self.headers, shard)


Result: TypeAlias = Literal[
    "accepted",
    "refused",
    "unwanted",
    "duplicate",
    "published",
    "open",
    "settled",
    "expired",
    "waiting",
    "dropped",
    "changed",
    "unchanged",
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
    "no-person",
    "envelope-type",
    "value-missing",
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


def set_aside(unreadable: Unreadable) -> DeadLetter:
    """How a service answers for what nobody can read, unless it says otherwise: by the operator's note of it."""
    return DeadLetter(Code(unreadable.code), unreadable.sentence)
