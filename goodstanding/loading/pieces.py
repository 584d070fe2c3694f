"""A partner's file in pieces, each with one event: read one after another, and put together again as messages.

A table and a list may have the events of many months, and each message has those of one (`shelf`). So they are taken
apart: a table into its rows, a list at the root of a document into its members. A message that has its list elsewhere
stays whole.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, AnyStr, NamedTuple, TypeVar

import msgspec

from goodstanding.errors import UserError
from goodstanding.partner.content import check_line_ends
from goodstanding.partner.event_file import member_key, messages_of
from goodstanding.partner.table_file import from_header, row_key
from goodstanding.partner.verdicts import Line, key_of
from services.ingest.core.mapping import ROOT_LIST, CsvMapping, JsonMapping, PartnerMapping
from services.ingest.core.members import EVENTS_MAX
from services.ingest.core.tables import csv_options

_MESSAGE_BYTES_MAX = 1000 * 1024
"""Below what ingest takes, with room for headers and a key."""
_LINE_MAX = 2 * 1024 * 1024
"""What is longer is no line of events; ingest is shown so much of it to refuse."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a file has for one event or, in a message that stays whole, for `count` of them. `number` is that of its
    (first) line or member; the first one in the file is 1. The value of a table's row is in UTF-8."""

    number: int
    value: bytes
    count: int = 1
    alike: bytes = b""
    """Pieces that have it in common are events with one digest (rules E22); empty where each has an id of its own."""
    is_message: bool = False
    """Whether it goes as it is where others are joined: a line that has no list where the mapping says one."""

    @property
    def numbers(self) -> range:
        """Those of its events."""
        return range(self.number, self.number + self.count)


class Pieces(NamedTuple):
    """`head` is what stands above the rows of a table; empty for everything else."""

    head: bytes
    pieces: Iterator[Piece]


def read(content: IO[bytes], mapping: PartnerMapping, file: Path) -> Pieces:
    """The pieces of a file of this mapping; no more than one is in memory, but for JSON that is one document. Raises
    UserError, also while pieces are taken."""
    if isinstance(mapping, CsvMapping) and mapping.header:
        lines = _text_lines(content, mapping, file)
        rows = from_header(_rows(lines, mapping), mapping)
        _, head = next(rows, (1, ""))
        alike = _alike(row_key(head, mapping))
        return Pieces(head.encode(), (Piece(number, row.encode(), alike=alike(row)) for number, row in rows))
    if isinstance(mapping, JsonMapping) and mapping.list is not None:
        document = content.read()
        check_line_ends(document, file)
        return Pieces(b"", _listed(document, mapping, file))
    _check_line_ends(content, file)
    if isinstance(mapping, CsvMapping):
        return Pieces(b"", _without_names(_text_lines(content, mapping, file), mapping, file))
    return Pieces(b"", (Piece(number, line) for number, line in _byte_lines(content) if line.strip()))


def are_joined(mapping: PartnerMapping) -> bool:
    """Whether a message has many pieces of a file."""
    if isinstance(mapping, CsvMapping):
        return mapping.header
    return isinstance(mapping, JsonMapping) and mapping.list == ROOT_LIST


def messages(mapping: PartnerMapping, head: bytes, pieces: Iterable[Piece]) -> Iterator[Line]:
    """The pieces as the messages that are sent, each as large as a message may be. Pieces that are alike and stand
    beside each other are in one message, since two of them are two events there and nowhere else."""
    if not are_joined(mapping):
        yield from (_alone(piece, mapping) for piece in pieces)
        return
    part: list[Piece] = []
    size = room = _MESSAGE_BYTES_MAX - len(head)
    for _, group in groupby(pieces, key=lambda piece: piece.alike or piece.number):
        together = list(group)
        if together[0].is_message:
            yield _alone(together[0], mapping)
            continue
        length = sum(len(piece.value) + 1 for piece in together)
        if part and (size < length or len(part) + len(together) > EVENTS_MAX):
            yield _joined(head, part, mapping)
            part, size = [], room
        part += together
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


def _alike(key_of: Callable[[T], object] | None) -> Callable[[T], bytes]:
    """What pieces have in common that are one event by their digest. It is short, since a file may have very many."""

    def alike(piece: T) -> bytes:
        key = None if key_of is None else key_of(piece)
        return b"" if key is None else hashlib.blake2b(repr(key).encode(), digest_size=16).digest()

    return alike


# -- lines ---------------------------------------------------------------------------------------------------------


def _check_line_ends(content: IO[bytes], file: Path) -> None:
    """By the first line, since a file is larger than memory. In a table with a header CR ends a line as well."""
    first = content.readline(_LINE_MAX)
    content.seek(0)
    if not first.endswith(b"\n"):
        check_line_ends(first, file)


def _byte_lines(content: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    first = True
    for number, line in _bounded(content.readline, b"\n"):
        yield number, line.removeprefix(codecs.BOM_UTF8) if first else line
        first = False


def _text_lines(content: IO[bytes], mapping: CsvMapping, file: Path) -> Iterator[str]:
    try:
        # A CR within a quoted cell ends no line, so that what `partner send` takes is taken here.
        text = io.TextIOWrapper(content, mapping.encoding, newline="" if mapping.header else "\n")
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
    alike = _alike(member_key(mapping))
    if members is not None:
        yield from (Piece(number, bytes(member), alike=alike(member)) for number, member in enumerate(members, 1))
        return
    seen = 0
    for text in content.split(b"\n"):
        if text.strip():
            found = list(_members(text) or [])
            for number, member in enumerate(found or [text], seen + 1):
                yield Piece(number, bytes(member), alike=alike(member), is_message=not found)
            seen += len(found) or 1


def _members(content: bytes) -> Iterable[msgspec.Raw | bytes] | None:
    """The members of an array; None for what is none."""
    with suppress(msgspec.MsgspecError, RecursionError):
        return msgspec.json.decode(content, type=list[msgspec.Raw])
    return None
