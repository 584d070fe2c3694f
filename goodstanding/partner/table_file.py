"""A partner's table as it is written: its rows, which may have several lines, its header, and what makes rows alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, TypeAlias

import msgspec

from services.ingest.core.functions import DIGEST
from services.ingest.core.mapping import CsvMapping, JsonMapping, Text
from services.ingest.core.tables import PREAMBLE_MAX, csv_options, header_at, named_columns

_BOM = "\ufeff"
Rows: TypeAlias = list[tuple[int, str]]
"""Rows as they are written, each with the number of its first line."""


def physical(text: str, mapping: CsvMapping) -> tuple[Rows, Rows]:
    """The rows, and the lines that are no CSV. A quoted cell may have several lines; where its quote is never closed,
    or in the midst of another cell, the line on which it opens is no CSV, and the next one begins a row."""
    lines = io.StringIO(text, newline="").readlines()
    rows: Rows = []
    broken: Rows = []
    begin = 0
    while begin < len(lines):
        first = begin
        rest = (lines[place] for place in range(first, len(lines)))
        reader = csv.reader(rest, **csv_options(mapping.delimiter, mapping.quote))
        try:
            for cells in reader:
                end = first + reader.line_num
                if any(cells):
                    rows.append((begin + 1, _ended("".join(lines[begin:end]))))
                begin = end
        except csv.Error:
            broken.append((begin + 1, _ended(lines[begin])))
            begin += 1
    return rows, broken


def _ended(row: str) -> str:
    return row if row.endswith(("\n", "\r")) else f"{row}\n"


def header_of(content: bytes, mapping: CsvMapping) -> list[str]:
    """The cells of the line that names the columns. Raises UnicodeDecodeError and csv.Error."""
    text = content.decode(mapping.encoding).removeprefix(_BOM)
    first = next(from_header(physical(text, mapping)[0], mapping), None)
    return cells_of(first[1], mapping) if first else []


def spans_of(content: bytes, mapping: CsvMapping) -> list[tuple[int, int]]:
    """The first and the last line of each row that stands on several. Raises UnicodeDecodeError."""
    rows, _ = physical(content.decode(mapping.encoding).removeprefix(_BOM), mapping)
    ends = ((number, number + len(io.StringIO(row, newline="").readlines()) - 1) for number, row in rows)
    return [(first, last) for first, last in ends if first != last]


def cells_of(row: str, mapping: CsvMapping) -> list[str]:
    """Raises csv.Error."""
    return next(csv.reader(io.StringIO(row, newline=""), **csv_options(mapping.delimiter, mapping.quote)), [])


def from_header(rows: Iterable[tuple[int, str]], mapping: CsvMapping) -> Iterator[tuple[int, str]]:
    """The rows without those that stand before the header, which is looked for among the first ones."""
    rows = iter(rows)
    if not mapping.preamble:
        return rows
    first = list(islice(rows, PREAMBLE_MAX))
    if not first:
        return rows
    known = set(texts_of(msgspec.to_builtins(mapping)))
    return chain(first[header_at([_cells_if_any(row, mapping) for _, row in first], known) :], rows)


def _cells_if_any(row: str, mapping: CsvMapping) -> list[str]:
    with suppress(csv.Error):
        return cells_of(row, mapping)
    return []


def texts_of(value: Any) -> Iterator[str]:
    """All texts of a mapping, among which are the names of the columns that it knows."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_of(each)


def digested(mapping: CsvMapping | JsonMapping) -> Sequence[str]:
    """The fields of which the id of an event is a digest; none where an event has an id."""
    id = mapping.id
    return id.paths if isinstance(id, Text) and id.function == DIGEST else ()


def row_key(header: str, mapping: CsvMapping) -> Callable[[str], object] | None:
    """What makes two rows below this header one event by their digest (rules E22); None where events have ids."""
    paths = digested(mapping)
    if not paths:
        return None
    names: Sequence[str] = ()
    with suppress(csv.Error):
        names = named_columns(cells_of(header, mapping))
    places = [names.index(path) for path in paths if path in names]

    def key(row: str) -> object:
        with suppress(csv.Error):
            cells = cells_of(row, mapping)
            return tuple(cells[place].strip() if place < len(cells) else "" for place in places)
        return None

    return key
