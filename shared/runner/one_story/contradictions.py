"""What may be wrong between Kafka and what was written down: closed outcomes, each with its sentence, and what
the operator's word does about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OtherCluster:
    """Another Kafka than the one that the offsets are of."""

    noted: str
    found: str

    def in_short(self) -> str:
        return "this Kafka is another cluster"

    def says(self) -> str:
        return (
            f"This Kafka is the cluster {self.found}, and the offsets in the database are of the cluster {self.noted}:"
            " they would mean other records here. Either the address of Kafka or of the database is wrong, or Kafka"
            " was made again."
        )


@dataclass(frozen=True, slots=True)
class OtherOwner:
    """Another deployment has worked under this consumer group."""

    noted: str
    found: str

    def in_short(self) -> str:
        return "another deployment works in its place"

    def says(self) -> str:
        return (
            f"The consumer group belongs to another deployment ({self.found}, and this one is {self.noted}). Two"
            " deployments on one Kafka would each get a part of everybody's events. Give each a Kafka of its own."
        )


@dataclass(frozen=True, slots=True)
class OtherTopic:
    """The topic was deleted, and another one was made under its name."""

    topic: str
    noted: str
    found: str
    is_output: bool = False

    def in_short(self) -> str:
        return f"the topic {self.topic} was deleted and made again"

    def says(self) -> str:
        return (
            f"The topic {self.topic} was deleted and made again (its id was {self.noted} and is {self.found}): the"
            " stored offset means nothing in it."
        )


@dataclass(frozen=True, slots=True)
class BeyondEnd:
    """More was handled than the topic holds."""

    topic: str
    offset: int
    end: int

    def in_short(self) -> str:
        return "Kafka is older than Postgres"

    def says(self) -> str:
        return (
            f"The topic {self.topic} ends at offset {self.end}, and everything before offset {self.offset} was handled"
            " already: Kafka is older than the database. What is sent now would be taken for what was handled before."
        )


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Below the stored offset lie records that are newer than any that was handled."""

    topic: str
    offset: int
    first_newer: int

    def in_short(self) -> str:
        return "Kafka was restored from an older copy"

    def says(self) -> str:
        return (
            f"The topic {self.topic} has, from offset {self.first_newer} on, records that are newer than any that was"
            f" handled, although everything before offset {self.offset} was: Kafka was restored from an older copy, and"
            " has taken new records since."
        )


@dataclass(frozen=True, slots=True)
class SentBeyondEnd:
    """The service's own topic lacks what it has published."""

    topic: str
    offset: int
    end: int

    def in_short(self) -> str:
        return "Kafka is older than Postgres"

    def says(self) -> str:
        return (
            f"The topic {self.topic} ends at offset {self.end}, and this service has published up to offset"
            f" {self.offset}: Kafka is older than the database, and lacks what was published last."
        )


@dataclass(frozen=True, slots=True)
class Undecided:
    """The service's own topic holds messages that this database has never decided."""

    topic: str
    since: int
    count: int
    foreign: int = 0
    """How many of them this service has certainly not written, see `claim_check.is_foreign`."""

    def in_short(self) -> str:
        return self._because

    def says(self) -> str:
        messages = "1 message" if self.count == 1 else f"{self.count} messages"
        return (
            f"The topic {self.topic} holds {messages} behind offset {self.since} that this database never"
            f" decided: {self._because}. What is published now would have versions that subscribers have seen already,"
            " and they would ignore it."
        )

    @property
    def _because(self) -> str:
        """A stranger who copies our messages to the byte but for the version cannot be told from ourselves."""
        somebody = "their id, source, key or partition is not one of this service's"
        if self.foreign == self.count:
            return f"somebody else has written there, since {somebody}"
        both = "Postgres is older than Kafka, or somebody else has written there"
        return f"{both} ({self.foreign} of them are certainly somebody else's: {somebody})" if self.foreign else both


Contradiction: TypeAlias = OtherCluster | OtherOwner | OtherTopic | BeyondEnd | Rewritten | SentBeyondEnd | Undecided


def affects_inputs(each: Contradiction) -> bool:
    """Whether the operator's word changes where reading goes on."""
    return isinstance(each, OtherCluster | BeyondEnd | Rewritten) or (
        isinstance(each, OtherTopic) and not each.is_output
    )


def affects_output(each: Contradiction) -> bool:
    """Whether the operator's word makes the service say things again on its own topic."""
    return isinstance(each, OtherCluster | SentBeyondEnd | Undecided) or (
        isinstance(each, OtherTopic) and each.is_output
    )


def remedy(each: Contradiction) -> str:
    """What the operator's word leads to; it goes on from "Accepting it means:"."""
    match each:
        case OtherCluster():
            return (
                "read every topic of this Kafka from its beginning, where what was counted before is recognized and not"
                " counted again, and publish everybody's standing on it again"
            )
        case OtherOwner():
            return "work this part for the present deployment; the other one must have been stopped for good"
        case OtherTopic(topic, is_output=False):
            return (
                f"read the topic {topic} from its beginning, where what was counted before is recognized and not"
                " counted again"
            )
        case BeyondEnd(topic) | Rewritten(topic):
            return (
                f"go on in the topic {topic} with the first record that is not older than an hour before the last one"
                " handled; what was counted before is recognized and not counted again"
            )
        case OtherTopic(topic) | SentBeyondEnd(topic) | Undecided(topic):
            return (
                f"continue with versions above the highest on the topic {topic}, and publish again whatever it does not"
                " tell as the database has it"
            )
