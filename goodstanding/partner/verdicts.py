"""A file of events, and what is said of each: the words are the same before sending and after."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from shared.contracts.messages import Refusal


class Result(StrEnum):
    """What became of an event, or would become of it."""

    ACCEPTED = "accepted"
    """Every service that could refuse it has taken it, and it counts."""
    REPEATED = "repeated"
    """The services knew it already, so it changes nothing; it counts once."""
    REFUSED = "refused"
    """It does not count. Code, field and sentence say what to send instead."""
    SET_ASIDE = "set aside"
    """Nothing is known to be wrong with it, and the operator has to do something before it can be taken."""
    TAKEN_BY_INGEST = "taken by ingest"
    """Ingest has taken it; whether a service behind it refuses it was not waited for."""
    UNANSWERED = "unanswered"
    """Ingest has passed it, and it is neither refused nor forwarded. This is a fault of the platform."""
    SKIPPED = "skipped"
    """It is of a kind that the partner's mapping passes over."""


GOOD = frozenset({Result.ACCEPTED, Result.REPEATED, Result.TAKEN_BY_INGEST, Result.SKIPPED})
"""The results with which a partner has nothing more to do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the event on one line of a file (the first is 1), or of one member of its lists, which are counted
    through the file. One that is not good has code and sentence."""

    line: int
    result: Result
    code: str = ""
    field: str = ""
    sentence: str = ""

    @classmethod
    def of(cls, line: int, result: Result, answer: Refusal) -> Verdict:
        """With the reason that a service gave."""
        return cls(line, result, answer.code, answer.field or "", answer.sentence)


@dataclass(frozen=True, slots=True)
class Line:
    """A message as it lies in a file: a partner's record without headers. `key` is the event's own, if it names one.

    `numbers` are those of its events where it has many: of the lines of a table, or of the members of a list.
    """

    number: int
    value: bytes
    key: bytes | None
    numbers: tuple[int, ...] = ()

    def number_of(self, index: int | None) -> int:
        """The number of one of its events; its own where it is refused as a whole."""
        return self.number if index is None or index >= len(self.numbers) else self.numbers[index]


def key_of(value: bytes) -> bytes | None:
    """A CloudEvent that names its key must have that one; any other event may have any key."""
    with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
        return msgspec.json.decode(value, type=_Keyed).partitionkey.encode()
    return None


class _Keyed(msgspec.Struct):
    partitionkey: str
