"""From the bytes of a message to the cells of its lines: CSV and fixed width. Cells are texts, an empty one is absent.

A decoder reads one line (`one`), or several with a header above them (`rows`). It says nothing of what a cell means.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from services.ingest.core.readers import listed
from services.ingest.core.tree import Refuse, printable
from shared.contracts.demographics import is_demographic
from shared.contracts.faults import Code

Cells: TypeAlias = dict[str, str]
"""Columns and their values, without those that are absent."""
_ENCODINGS = {"utf-8": "UTF-8", "windows-1252": "Windows-1252", "gb18030": "GB 18030", "utf-16": "UTF-16"}
_UNNAMED_MAX = 100
"""Columns without a name, where they are passed over: each costs every line of the message a cell."""
PREAMBLE_MAX = 50
"""Lines among which the header stands, where others may stand before it."""
BLANKS = " \t\u00a0\u3000"
"""The characters that may surround a cell and are not part of it."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How texts are bytes, by the name that Python has for it."""

    name: str

    def text(self, value: bytes, code: Code) -> str:
        """The text, without the mark that some programs put before a file. Raises Refuse with this code."""
        try:
            return value.decode(self.name).removeprefix("\ufeff")
        except UnicodeDecodeError:
            name = _ENCODINGS.get(self.name, self.name.upper())
            raise Refuse(code, "", f"Send the line as {name}.") from None


def csv_options(delimiter: str, quote: str) -> dict[str, Any]:
    """The form of a line of CSV for the library; without a `quote` nothing is quoted."""
    quoting = {"quotechar": quote} if quote else {"quotechar": None, "quoting": csv.QUOTE_NONE}
    return {"delimiter": delimiter, "strict": True, **quoting}


@dataclass(frozen=True, slots=True)
class Csv:
    """Lines of CSV. Without `columns` each message names them in its first line, and `known` are those that it may."""

    columns: tuple[str, ...]
    known: frozenset[str]
    encoding: Encoding
    options: dict[str, Any]
    """What `csv.reader` is told of the form, see `csv_options`."""
    absent: frozenset[str] = frozenset()
    trim: bool = False
    ragged: bool = False
    preamble: bool = False

    def one(self, value: bytes) -> Cells:
        """The cells of a message of one line. Raises Refuse."""
        text = self.encoding.text(value, Code.CSV_LINE)
        line = text.removesuffix("\n").removesuffix("\r")
        if "\n" in line or "\r" in line or "\0" in line:
            raise Refuse(Code.CSV_LINE, "", "Send one line in each record, without line breaks or NUL in it.")
        try:
            cells = next(csv.reader((line,), **self.options), [])
        except csv.Error:
            raise _no_csv() from None
        columns = self.columns
        if len(cells) != len(columns):
            cells = self._fitted(cells, columns)
        if cells[0] == columns[0] and tuple(cells) == columns:
            raise Refuse(Code.CSV_LINE, "", "This looks like a line of column names; leave it out.")
        return self._present(columns, cells)

    def rows(self, value: bytes, events_max: int) -> Iterator[Cells | Refuse]:
        """The cells of each line below the header, or why there are none. Raises Refuse for the message as a whole."""
        text = self.encoding.text(value, Code.CSV_LINE)
        if "\0" in text:
            raise Refuse(Code.CSV_LINE, "", "Send text without NUL in it.")
        try:
            # Empty lines, and rows of nothing but delimiters, are what spreadsheets leave behind.
            reader = csv.reader(io.StringIO(text, newline=""), **self.options)
            filled = (line for line in reader if any(line))
            lines = list(islice(filled, events_max + 2 + (PREAMBLE_MAX if self.preamble else 0)))
        except csv.Error:
            raise _no_csv() from None
        if not lines:
            raise Refuse(Code.CSV_LINE, "", "The first line of a message names its columns; this one has no line.")
        # No cell of a message has several lines where each row has had one.
        is_one_each = reader.line_num == len(lines)
        if self.preamble:
            lines = lines[header_at(lines, self.known) :]
        if len(lines) - 1 > events_max:
            raise too_many(events_max)
        columns = self.header(lines[0])
        for line in lines[1:]:
            try:
                if not is_one_each and (swallowed := self._swallowed(line, len(columns))):
                    raise swallowed
                cells = line if len(line) == len(columns) else self._fitted(line, columns)
                yield self._present(columns, cells)
            except Refuse as refusal:
                yield refusal

    def header(self, line: list[str]) -> tuple[str, ...]:
        """The columns that a line names. Raises Refuse for one that nobody reads or ignores."""
        if len(line) > len(self.known) + _UNNAMED_MAX:
            raise Refuse(Code.CSV_LINE, "", f"The first line has {len(line)} columns; {len(self.known)} are known.")
        columns = named_columns(line)
        for name, column in zip(map(_named, line), columns, strict=True):
            if name and is_demographic(name):
                raise Refuse(Code.DEMOGRAPHIC, printable(name), f"{Code.DEMOGRAPHIC.meaning} Leave the column out.")
            passed_over = not name and (self.ragged or "" in self.known)
            if column not in self.known and not passed_over:
                sentence = (
                    "The first line names the columns, and as long as the mapping neither reads nor ignores one of"
                    f" them, no line is taken. Known are: {listed(filter(None, sorted(self.known)))}."
                )
                again = column.removeprefix(name)  # of the second column of a name
                raise Refuse(Code.UNKNOWN_FIELD, printable(name) + again, sentence)
        return columns

    def _swallowed(self, line: list[str], width: int) -> Refuse | None:
        """The refusal of a row in which a stray quote has made further rows part of a cell: the delimiters in each line
        of the cell are those that rows of the table would have there."""
        for place, cell in enumerate(line):
            if "\n" not in cell and "\r" not in cell:
                continue
            first, *others, last = cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            counts = [part.count(self.options["delimiter"]) for part in (first, *filter(None, others), last)]
            ends = width - 1 - place, width - len(line) + place
            if (counts[0], counts[-1]) == ends and all(count == width - 1 for count in counts[1:-1]):
                sentence = (
                    f"The quote that opens here closes on line {len(others) + 2}, counted from this one, and what "
                    "stands between looks like rows of their own. Take the quote out, or double it in a quoted cell."
                )
                return Refuse(Code.CSV_LINE, "", sentence)
        return None

    def _fitted(self, cells: list[str], columns: tuple[str, ...]) -> list[str]:
        extra = cells[len(columns) :]
        if not self.ragged or any(extra):
            sentence = f"The line has {len(cells)} columns; send {len(columns)}: {listed(columns)}."
            raise Refuse(Code.CSV_LINE, "", sentence)
        return [*cells[: len(columns)], *[""] * (len(columns) - len(cells))]

    def _present(self, columns: tuple[str, ...], cells: list[str]) -> Cells:
        if self.trim:
            cells = [cell.strip(BLANKS) for cell in cells]
        if absent := self.absent:
            return {column: cell for column, cell in zip(columns, cells, strict=True) if cell and cell not in absent}
        return {column: cell for column, cell in zip(columns, cells, strict=True) if cell}


def named_columns(line: Sequence[str]) -> tuple[str, ...]:
    """The columns that a line names; the second one of a name is `name#2`."""
    counts: dict[str, int] = {}
    columns = []
    for cell in line:
        name = _named(cell)
        counts[name] = counts.get(name, 0) + 1
        columns.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
    return tuple(columns)


def header_at(lines: Sequence[Sequence[str]], known: Container[str]) -> int:
    """Which of the first lines names the most of these columns; the first of several."""
    counts = [sum(bool(name) and name in known for name in map(_named, line)) for line in lines[:PREAMBLE_MAX]]
    return counts.index(max(counts))


def _named(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.strip(BLANKS))


@dataclass(frozen=True, slots=True)
class Fixed:
    """Lines of fixed width: `places` has the start and the end of each cell, counted from 0."""

    places: Mapping[str, tuple[int, int]]
    length: int
    encoding: Encoding
    absent: frozenset[str] = frozenset()

    def one(self, value: bytes) -> Cells:
        """The cells of a message of one line. Raises Refuse."""
        line = self.encoding.text(value, Code.FIXED_WIDTH_LINE).rstrip("\r\n")
        if "\n" in line or "\r" in line or "\0" in line:
            raise Refuse(Code.FIXED_WIDTH_LINE, "", "Send one line in each record, without line breaks or NUL in it.")
        if len(line) < self.length:
            raise Refuse(Code.FIXED_WIDTH_LINE, "", f"The line has {len(line)} characters; send {self.length}.")
        cells = {name: line[start:end].strip(BLANKS) for name, (start, end) in self.places.items()}
        return {name: cell for name, cell in cells.items() if cell and cell not in self.absent}

    def rows(self, value: bytes, events_max: int) -> Iterator[Cells | Refuse]:
        raise NotImplementedError("a message of fixed width is one line")


Table: TypeAlias = Csv | Fixed


def too_many(events_max: int, field: str = "") -> Refuse:
    """For a message with more events than one may have."""
    return Refuse(
        Code.OUT_OF_BOUNDS, field, f"A message has at most {events_max} events; send the rest in further ones."
    )


def _no_csv() -> Refuse:
    return Refuse(Code.CSV_LINE, "", "Send a line of CSV as in RFC 4180; a quote is closed, and doubled inside.")
