"""A sample of a partner's events, as it lies in a file: the values of each event by their paths.

What the sample proposes, which field is what and how it is written, is in `proposals`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from goodstanding.errors import UserError
from goodstanding.partner.content import check_is_read, check_line_ends, stands_on_lines, wide_encoding
from services.ingest.core.tables import BLANKS, PREAMBLE_MAX, named_columns
from shared.contracts.strict_json import JsonError, loads

_DELIMITERS = (",", ";", "\t", "|")
_HIGH = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class Sample:
    """Events as they lie in a file: the values of each by their paths. `head` are the lines of the mapping that say how
    bytes become values; `typed` is false where every value is text."""

    head: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    typed: bool
    lines: Sequence[int]
    """Where each row stands: its line in the file, or which event of a list it is."""
    has_unnamed: bool = False
    """Whether a table has columns without a name, as where each line ends in a delimiter; rows are without them."""
    uneven: Sequence[int] = ()
    """The lines that have more or fewer cells than there are columns."""
    lists: Sequence[str] = ()
    """The paths of lists of objects."""
    one: str = "line"
    """What a row is counted as."""

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def values(self, field: str) -> list[Any]:
        """Those that are there."""
        return [value for _, value in self.places(field)]

    def places(self, field: str) -> list[tuple[int, Any]]:
        """Those that are there, each with its line."""
        rows = zip(self.lines, self.rows, strict=True)
        return [(line, row[field]) for line, row in rows if row.get(field) not in (None, "")]


def sample_of(content: bytes, file: object, list_at: str | None = None) -> Sample:
    """The sample in a file: CSV with a header line, JSON lines, or a JSON array. With `list_at` each member of the list
    at this path of each JSON object is an event. Raises UserError."""
    check_is_read(content, file)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise UserError(
            f"{file} is XML, which no option of a mapping reads.", "Write its events as JSON, one object on each line."
        )
    if wide := wide_encoding(content):
        with suppress(UnicodeDecodeError):
            text = content.decode("utf-16").removeprefix("\ufeff")
            if wide == "UTF-16" and text.lstrip()[:1] not in ("{", "["):
                return _csv_sample(text, "utf-16", file)
        raise UserError(f"{file} is written in {wide}.", "Write it in UTF-8.")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json_sample(content.removeprefix(b"\xef\xbb\xbf"), file, list_at)
    if list_at is not None:
        raise UserError(f"{file} is no JSON, so it has no list at a path.", "Leave --list out.")
    for encoding in ("utf-8", *(["gb18030"] if _is_in_pairs(content) else []), "windows-1252"):
        with suppress(UnicodeDecodeError):
            return _csv_sample(content.decode(encoding).removeprefix("\ufeff"), encoding, file)
    raise UserError(
        f"{file} is written in neither UTF-8 nor Windows-1252.", "Convert it, or write the mapping by hand."
    )


def _is_in_pairs(content: bytes) -> bool:
    """Whether bytes beyond ASCII come by twos, as those of Chinese characters do, and several characters in a row, as
    letters with accents do not."""
    runs = [len(run) for run in _HIGH.findall(content)]
    return max(runs, default=0) >= 4 and sum(run % 2 for run in runs) * 10 <= len(runs)


def _json_sample(content: bytes, file: object, list_at: str | None) -> Sample:
    head = ['format = "json"', 'envelope = "none"']
    is_array = content.lstrip()[:1] == b"["
    try:
        if is_array:
            found = list(enumerate(loads(content), 1))
            head.append('list = "."')
        else:
            found = _objects(content, file)
    except JsonError as error:
        raise UserError(f"{file} is no JSON: {error.sentence}", "One event on each line, or one array.") from None
    if not found or not all(isinstance(event, dict) for _, event in found):
        raise UserError(f"{file} has no events in it.", "An event is a JSON object.")
    if list_at is not None:
        if is_array:
            raise UserError(f"{file} is a list of events itself.", "Leave --list out.")
        head.append(f"list = {quoted(list_at)}")
        found = list(enumerate((row for _, message in found for row in _members(message, list_at, file)), 1))
    rows = [_flat(event, "") for _, event in found]
    lists = dict.fromkeys(name for row in rows for name, value in row.items() if _is_list_of_objects(value))
    one = "event" if is_array or list_at is not None else "line"
    return Sample(tuple(head), rows, typed=True, lines=[line for line, _ in found], lists=tuple(lists), one=one)


def _objects(content: bytes, file: object) -> list[tuple[int, Any]]:
    """The objects of a file, each with its line. One object may have several lines where it has a list of others, since
    such a file is one message. Raises UserError."""
    with suppress(JsonError):
        whole = loads(content)
        if isinstance(whole, dict) and any(map(_is_list_of_objects, _flat(whole, "").values())):
            return [(1, whole)]
    check_line_ends(content, file)
    if stands_on_lines(content):
        raise UserError(f"An event of {file} stands on several lines.", "One event on each line, or one array.")
    return [(number, _object(number, line)) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]


def _object(number: int, line: bytes) -> Any:
    try:
        return loads(line)
    except JsonError as error:
        raise UserError(
            f"Line {number} is no JSON: {error.sentence}", "One event on each line, or one array."
        ) from None


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(member, dict) for member in value)


def _members(message: Mapping[str, Any], list_at: str, file: object) -> Iterator[dict[str, Any]]:
    """The members of the list, each with what stands beside the list, as a mapping reads them."""
    beside = _flat(message, "")
    members = beside.pop(list_at, None)
    if not _is_list_of_objects(members):
        raise UserError(
            f"{file} has no list of objects at {list_at}.", "Name the path of the list, as in --list data.events."
        )
    for member in members:
        yield beside | _flat(member, f"{list_at}.")


def _flat(body: Mapping[str, Any], parent: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            values |= _flat(value, f"{parent}{name}.")
        else:
            values[parent + name] = value
    return values


def _csv_sample(text: str, encoding: str, file: object) -> Sample:
    first = "\n".join(text.split("\n", PREAMBLE_MAX)[:PREAMBLE_MAX])
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbered: list[tuple[int, list[str]]] = []
    begin = 0
    try:
        for row in reader:
            if any(row):
                numbered.append((begin + 1, row))
            begin = reader.line_num
    except csv.Error as error:
        long = "field limit" in str(error)
        why = f"a cell on line {begin + 1} has more than {csv.field_size_limit():,} characters"
        raise UserError(
            f"{file} is no CSV: {why if long else f'a quote that opens on line {begin + 1} is not closed'}.",
            "Mend it, or write the mapping by hand.",
        ) from None
    before = _header_at([len(row) for _, row in numbered])
    lines, rows = [line for line, _ in numbered[before:]], [row for _, row in numbered[before:]]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise UserError(f"{file} has no table with a header line in it.", "The first line names the columns.")
    head = ['format = "csv"', "header = true", *(["preamble = true"] if before else [])]
    head += [] if delimiter == "," else [f"delimiter = {quoted(delimiter)}"]
    head += [] if encoding == "utf-8" else [f'encoding = "{encoding}"']
    names = named_columns(rows[0])
    uneven = [line for line, row in zip(lines, rows, strict=True) if len(row) != len(names)]
    unnamed = {name for name, cell in zip(names, rows[0], strict=True) if not cell.strip(BLANKS)}
    head += ["ragged = true"] if uneven else []
    if _are_padded(rows):
        head.append("trim = true")
        rows = [[cell.strip(BLANKS) for cell in row] for row in rows]
    named = (zip(names, row, strict=False) for row in rows[1:])
    events = [{name: cell for name, cell in cells if name not in unnamed} for cells in named]
    return Sample(tuple(head), events, typed=False, lines=lines[1:], has_unnamed=bool(unnamed), uneven=uneven)


def _header_at(widths: Sequence[int]) -> int:
    """Which row names the columns: the first one that is as wide as most. A slip may make a row wider, and rows whose
    last cells are empty may end before."""
    if not widths:
        return 0
    usual = Counter(widths).most_common(1)[0][0]
    return next(at for at, width in enumerate(widths) if width >= usual)


def _are_padded(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all cells of a column have blanks around them that are none of the cell."""
    columns = ([cell for cell in column if cell] for column in zip_longest(*rows[1:], fillvalue=""))
    return any(cells and all(cell != cell.strip(BLANKS) for cell in cells) for cells in columns)


def quoted(text: str) -> str:
    """As a text of TOML."""
    return json.dumps(text, ensure_ascii=False)
