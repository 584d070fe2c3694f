"""What a service says of a record: messages to send, outcomes to count, or a dead letter; in closed sets of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from shared.contracts.exchange import Announcement as Announcement
from shared.contracts.exchange import Headers as Headers
from shared.contracts.exchange import Outgoing as Outgoing
from shared.contracts.faults import Code, Fault
from shared.kafka.unreadable import Unreadable

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


def set_aside(unreadable: Unreadable) -> DeadLetter:
    """How a service answers for what nobody can read, unless it says otherwise: by the operator's note of it."""
    return DeadLetter(Code(unreadable.code), unreadable.sentence)
