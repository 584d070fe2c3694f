"""A file of events, and what is said of each: the words are the same before sending and after."""

from __future__ import annotations

import codecs
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from goodstanding.errors import UserError
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


GOOD = frozenset({Result.ACCEPTED, Result.REPEATED, Result.TAKEN_BY_INGEST})
"""The results with which a partner has nothing more to do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the event on one line of a file (the first is 1). One that is not good has code and sentence."""

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
    """An event as it lies in a file: a partner's record without headers. `key` is the event's own, if it names one."""

    number: int
    value: bytes
    key: bytes | None


def lines_of(file: Path) -> list[Line]:
    """The events of a file (`-` is standard input), one a line; empty lines are passed over. Raises UserError."""
    try:
        content = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except (OSError, ValueError) as error:  # a name with NUL in it is a ValueError
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise UserError(f"{file} cannot be read: {reason}.", "Name a file with one event on each line.") from None
    if fault := _no_lines(content):
        raise UserError(f"{file} {fault}", "Write one event on each line, in UTF-8.")
    # Spreadsheets and editors put a mark before a file that is no part of its first event.
    rows = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    lines = [Line(number, value, _key(value)) for number, value in enumerate(rows, 1) if value.strip()]
    if not lines:
        raise UserError(f"{file} has no events in it.", "There is one on each line.")
    return lines


def _no_lines(content: bytes) -> str:
    """What the file is, if every line of it would be refused for one and the same reason; empty otherwise."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "is written in UTF-16."
    if content.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(content.removeprefix(codecs.BOM_UTF8)), list):
                return "is one JSON array."
    return ""


def _key(value: bytes) -> bytes | None:
    """A CloudEvent that names its key must have that one; any other event may have any key."""
    with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
        return msgspec.json.decode(value, type=_Keyed).partitionkey.encode()
    return None


class _Keyed(msgspec.Struct):
    partitionkey: str
