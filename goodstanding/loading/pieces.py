"""A partner's file in pieces, each with one event: read one after another, and put together again as messages.

A table and a list may have the events of many months, and each message has those of one (`shelf`). So they are taken
apart: a table into its rows, a list at the root of a document into its members. A message that has its list elsewhere
stays whole.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, AnyStr, NamedTuple

import msgspec

from goodstanding.errors import UserError
from goodstanding.partner.event_file import messages_of
from goodstanding.partner.verdicts import Line, key_of
from services.ingest.core.mapping import ROOT_LIST, CsvMapping, JsonMapping, PartnerMapping
from services.ingest.core.members import EVENTS_MAX
from services.ingest.core.tables import csv_options

_MESSAGE_BYTES_MAX = 1000 * 1024
"""Below what ingest takes, with room for headers and a key."""
_LINE_MAX = 2 * 1024 * 1024
"""What is longer is no line of events; ingest is shown so much of it to refuse."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a file has for one event or, in a message that stays whole, for `count` of them. `number` is that of its
    (first) line or member; the first one in the file is 1. The value of a table's row is in UTF-8."""

    number: int
    value: bytes
    count: int = 1


class Pieces(NamedTuple):
    """`head` is what stands above the rows of a table; empty for everything else."""

    head: bytes
    pieces: Iterator[Piece]


def read(content: IO[bytes], mapping: PartnerMapping, file: Path) -> Pieces:
    """The pieces of a file of this mapping; no more than one is in memory, but for JSON that is one document. Raises
    UserError, also while pieces are taken."""
    if isinstance(mapping, CsvMapping):
        lines = _text_lines(content, mapping, file)
        if not mapping.header:
            return Pieces(b"", _without_names(lines, mapping, file))
        rows = _rows(lines, mapping)
        _, head = next(rows, (1, ""))
        return Pieces(head.encode(), (Piece(number, row.encode()) for number, row in rows))
    if isinstance(mapping, JsonMapping) and mapping.list is not None:
        return Pieces(b"", _listed(content.read(), mapping, file))
    return Pieces(b"", (Piece(number, line) for number, line in _byte_lines(content) if line.strip()))


def are_joined(mapping: PartnerMapping) -> bool:
    """Whether a message has many pieces of a file."""
    if isinstance(mapping, CsvMapping):
        return mapping.header
    return isinstance(mapping, JsonMapping) and mapping.list == ROOT_LIST


def messages(mapping: PartnerMapping, head: bytes, pieces: Iterable[Piece]) -> Iterator[Line]:
    """The pieces as the messages that are sent, each as large as a message may be."""
    if not are_joined(mapping):
        yield from (_alone(piece, mapping) for piece in pieces)
        return
    part: list[Piece] = []
    size = room = _MESSAGE_BYTES_MAX - len(head)
    for piece in pieces:
        length = len(piece.value) + 1
        if part and (size < length or len(part) == EVENTS_MAX):
            yield _joined(head, part, mapping)
            part, size = [], room
        part.append(piece)
        size -= length
    if part:
        yield _joined(head, part, mapping)


def _alone(piece: Piece, mapping: PartnerMapping) -> Line:
    numbers = tuple(range(piece.number, piece.number + piece.count)) if piece.count > 1 else ()
    if isinstance(mapping, CsvMapping):
        return Line(piece.number, piece.value.decode().encode(mapping.encoding), None)
    return Line(piece.number, piece.value, key_of(piece.value), numbers)


def _joined(head: bytes, pieces: Sequence[Piece], mapping: PartnerMapping) -> Line:
    numbers = tuple(piece.number for piece in pieces)
    if isinstance(mapping, CsvMapping):
        table = b"".join((head, *(piece.value for piece in pieces)))
        return Line(numbers[0], table.decode().encode(mapping.encoding), None, numbers)
    return Line(numbers[0], b"[" + b",".join(piece.value for piece in pieces) + b"]", None, numbers)


# -- lines ---------------------------------------------------------------------------------------------------------


def _byte_lines(content: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    first = True
    for number, line in _bounded(content.readline, b"\n"):
        yield number, line.removeprefix(codecs.BOM_UTF8) if first else line
        first = False


def _text_lines(content: IO[bytes], mapping: CsvMapping, file: Path) -> Iterator[str]:
    try:
        text = io.TextIOWrapper(content, mapping.encoding, newline="")
        for number, line in _bounded(text.readline, "\n"):
            yield (line.removeprefix("\ufeff") if number == 1 else line) + "\n"
    except UnicodeDecodeError:
        raise UserError(
            f"{file} is not written in {mapping.encoding}.", "Say its encoding in the mapping, as `encoding`."
        ) from None


def _bounded(readline: Callable[[int], AnyStr], end: AnyStr) -> Iterator[tuple[int, AnyStr]]:
    """Lines without their ends, counted from 1; of one that is too long to be one of events, the beginning."""
    number = 0
    while line := readline(_LINE_MAX):
        number += 1
        rest = line
        while rest and not rest.endswith(end) and len(rest) == _LINE_MAX:
            rest = readline(_LINE_MAX)
        yield number, line.removesuffix(end)


def _rows(lines: Iterator[str], mapping: CsvMapping) -> Iterator[tuple[int, str]]:
    """The rows that are not empty as they are written, with the number of the first line of each: a quoted cell may
    have several. Where its quote is never closed, or in the midst of another cell, the line on which it opens is
    one that ingest refuses, and the next one begins a row."""
    taken: list[str] = []
    again: deque[str] = deque()
    seen = 0

    def feeding() -> Iterator[str]:
        while line := again.popleft() if again else next(lines, ""):
            taken.append(line)
            yield line

    while True:
        reader = csv.reader(feeding(), **csv_options(mapping.delimiter, mapping.quote))
        try:
            for cells in reader:
                if any(cells):
                    yield seen + 1, "".join(taken)
                seen += len(taken)
                taken.clear()
            return
        except csv.Error:
            yield seen + 1, taken[0]
            seen += 1
            again.extendleft(reversed(taken[1:]))
            taken.clear()


def _without_names(lines: Iterator[str], mapping: CsvMapping, file: Path) -> Iterator[Piece]:
    """The lines of a table without a header of its own; one of column names at its top is passed over."""
    first = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            if not first or messages_of(line.encode(mapping.encoding), mapping, file):
                yield Piece(number, line.removesuffix("\n").encode())
            first = False


# -- lists ---------------------------------------------------------------------------------------------------------


def _listed(content: bytes, mapping: JsonMapping, file: Path) -> Iterator[Piece]:
    if mapping.list != ROOT_LIST:
        for line in messages_of(content, mapping, file):
            yield Piece(line.number, line.value, max(len(line.numbers), 1))
        return
    content = content.removeprefix(codecs.BOM_UTF8)
    members = _members(content)
    if members is None:
        members = (member for line in content.split(b"\n") if line.strip() for member in _members(line) or [line])
    yield from (Piece(number, bytes(member)) for number, member in enumerate(members, 1))


def _members(content: bytes) -> Iterable[msgspec.Raw | bytes] | None:
    """The members of an array; None for what is none."""
    with suppress(msgspec.MsgspecError, RecursionError):
        return msgspec.json.decode(content, type=list[msgspec.Raw])
    return None
