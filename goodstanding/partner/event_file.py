"""A partner's file as the messages that are sent: one a line, or as many events in one as the mapping allows.

`content` unpacks a packed file before; what its events say is ingest's to judge.
"""

from __future__ import annotations

import codecs
import csv
import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from goodstanding.errors import UserError
from goodstanding.partner.content import check_line_ends, content_of, stands_on_lines, wide_encoding
from goodstanding.partner.table_file import cells_of, digested, from_header, physical, row_key
from goodstanding.partner.verdicts import Line, key_of
from services.ingest.core.mapping import ROOT_LIST, CsvMapping, FixedMapping, JsonMapping, PartnerMapping
from services.ingest.core.members import EVENTS_MAX
from services.ingest.core.tables import csv_options
from services.ingest.core.tree import at

_MESSAGE_BYTES_MAX = 1000 * 1024
"""Below what ingest takes, with room for a header and a key."""
_BOM = "\ufeff"


def lines_of(file: Path, mapping: PartnerMapping | None = None) -> list[Line]:
    """The messages of a file (`-` is standard input) with events of this mapping; without one, one on each line.
    Raises UserError."""
    return lines_in(content_of(file), file, mapping)


def lines_in(content: bytes, file: Path, mapping: PartnerMapping | None = None) -> list[Line]:
    """The same of a file's content. Raises UserError."""
    _check_lines(content, file, mapping)
    lines = messages_of(content, mapping, file)
    if not lines:
        raise UserError(f"{file} has no events in it.", "There is one on each line.")
    return lines


def _check_lines(content: bytes, file: Path, mapping: PartnerMapping | None) -> None:
    """Raises UserError for a file every line of which would be refused for one and the same reason."""
    wide = wide_encoding(content)
    if isinstance(mapping, CsvMapping | FixedMapping):
        if wide and mapping.encoding != wide.lower():
            remedy = 'Say so in the mapping: encoding = "utf-16"' if wide == "UTF-16" else "Write it in UTF-8."
            raise UserError(f"{file} is written in {wide}.", remedy)
        # Below a header the rows are those of the CSV library, which takes any end of a line.
        if not wide and not (isinstance(mapping, CsvMapping) and mapping.header):
            check_line_ends(content, file)
        return
    if wide:
        raise UserError(f"{file} is written in {wide}.", "Write one event on each line, in UTF-8.")
    check_line_ends(content, file)
    has_list = isinstance(mapping, JsonMapping) and mapping.list is not None
    if not has_list and content.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(content.removeprefix(codecs.BOM_UTF8)), list):
                raise UserError(f"{file} is one JSON array.", "Write one event on each line, in UTF-8.")
    if stands_on_lines(content) and not (has_list and _is_one_document(content)):
        what = "A message" if has_list else "An event"
        raise UserError(
            f"{what} of {file} stands on several lines.",
            f"Write each on one line, as this does: jq --compact-output . {shlex.quote(str(file))}",
        )


def _is_one_document(content: bytes) -> bool:
    with suppress(msgspec.MsgspecError, RecursionError):
        msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8))
        return True
    return False


def messages_of(content: bytes, mapping: PartnerMapping | None, file: object) -> list[Line]:
    """The messages of a file's content. A line of column names at its top is none of them, and must be the mapping's.
    Raises UserError."""
    if isinstance(mapping, CsvMapping):
        return _tables(content, mapping, file) if mapping.header else _rows(content, mapping, file)
    if isinstance(mapping, FixedMapping):
        return [Line(number, value, None) for number, value in _lines(content)]
    if isinstance(mapping, JsonMapping) and mapping.list is not None:
        return _lists(content, mapping, mapping.list, file)
    return [Line(number, value, key_of(value)) for number, value in _lines(content)]


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    # Spreadsheets and editors put a mark before a file that is no part of its first event.
    rows = content.removeprefix(_BOM.encode()).split(b"\n")
    return ((number, value) for number, value in enumerate(rows, 1) if value.strip())


def _text(content: bytes, mapping: CsvMapping, file: object) -> str:
    try:
        return content.decode(mapping.encoding).removeprefix(_BOM)
    except UnicodeDecodeError:
        raise UserError(
            f"{file} is not written in {mapping.encoding}.", "Say its encoding in the mapping, as `encoding`."
        ) from None


def _rows(content: bytes, mapping: CsvMapping, file: object) -> list[Line]:
    """Each line of a table without a header of its own; one at the top of the file is compared and passed over."""
    lines = [(number, line) for number, line in enumerate(_text(content, mapping, file).split("\n"), 1) if line.strip()]
    if lines:
        number, first = lines[0]
        with suppress(csv.Error):
            cells = next(csv.reader((first.rstrip("\r"),), **csv_options(mapping.delimiter, mapping.quote)), [])
            names = [cell.strip() for cell in cells]
            if tuple(names) == mapping.columns:
                del lines[0]
            elif sum(name in mapping.columns for name in names) * 2 > len(mapping.columns):
                raise UserError(
                    f"Line {number} of {file} names columns that are not those of the mapping.",
                    f"The mapping has, in this order: {', '.join(mapping.columns)}. "
                    "Or say `header = true` there, and columns are read by their names.",
                )
    return [Line(number, line.encode(mapping.encoding), None) for number, line in lines]


def _tables(content: bytes, mapping: CsvMapping, file: object) -> list[Line]:
    """Messages of as many rows as one may have, each with the header of the file. A line that is no CSV has a message
    of its own, since a message with one is refused as a whole."""
    found, broken = physical(_text(content, mapping, file), mapping)
    header, *rows = list(from_header(found, mapping)) or broken[:1] or [(1, "")]
    if broken and broken[0][0] < header[0] and not mapping.preamble:
        header = broken[0]
    _check_header(header, mapping, file)
    room = _MESSAGE_BYTES_MAX - len(header[1].encode(mapping.encoding))
    encoded = [(number, row, len(row.encode(mapping.encoding))) for number, row in rows]
    parts = _parts(encoded, row_key(header[1], mapping), room, file)
    tables = [[(number, row) for number, row, _ in part] for part in parts]
    tables += [[line] for line in broken if line[0] > header[0]]
    return [_table(header[1], table, mapping.encoding) for table in tables]


def _check_header(header: tuple[int, str], mapping: CsvMapping, file: object) -> None:
    try:
        cells_of(header[1], mapping)
    except csv.Error:
        raise UserError(
            f"Line {header[0]} of {file} should name the columns, with `{mapping.delimiter}` between them.",
            'Say in the mapping what stands there: `delimiter`, and `quote` if it is not ".',
        ) from None


R = TypeVar("R", str, msgspec.Raw)


def _parts(
    rows: Iterable[tuple[int, R, int]], key_of: Callable[[R], object] | None, room: int, file: object
) -> Iterator[list[tuple[int, R, int]]]:
    """The rows, each with its number and its bytes, in as few messages as may be.

    Rows that have one digest (rules E22) go in one message, since two of them are two events there and nowhere else.
    Raises UserError for more of them than a message may have.
    """
    part: list[tuple[int, R, int]] = []
    left = room
    for alike in _alike(rows, key_of):
        if len(alike) > EVENTS_MAX:
            raise too_many_alike(file, alike[0][0], len(alike))
        size = sum(bytes_ for _, _, bytes_ in alike)
        if part and (left < size or len(part) + len(alike) > EVENTS_MAX):
            yield part
            part, left = [], room
        part += alike
        left -= size
    if part:
        yield part


def too_many_alike(file: object, number: int, count: int) -> UserError:
    """Of more rows that have one digest than one message may have."""
    return UserError(
        f"Line {number} of {file} and {count - 1} further ones are one event by the mapping's `id`.",
        f"Of these one message may have {EVENTS_MAX:,}. Name a field under `id` that differs.",
    )


def _alike(
    rows: Iterable[tuple[int, R, int]], key_of: Callable[[R], object] | None
) -> Iterable[list[tuple[int, R, int]]]:
    if key_of is None:
        return ([row] for row in rows)
    found: dict[object, list[tuple[int, R, int]]] = {}
    for row in rows:
        key = key_of(row[1])
        found.setdefault(row[0] if key is None else key, []).append(row)
    return found.values()


def _table(header: str, rows: Sequence[tuple[int, str]], encoding: str) -> Line:
    value = "".join([header, *(row for _, row in rows)]).encode(encoding)
    return Line(rows[0][0], value, None, tuple(number for number, _ in rows))


def _lists(content: bytes, mapping: JsonMapping, list_at: str, file: object) -> list[Line]:
    """Messages of as many members as one may have. Members are counted through the whole file, from 1."""
    content = content.removeprefix(_BOM.encode())
    if list_at == ROOT_LIST:
        with suppress(msgspec.MsgspecError, RecursionError):
            return list(_arrays(msgspec.json.decode(content, type=list[msgspec.Raw]), mapping, file))
    with suppress(msgspec.MsgspecError, RecursionError):
        msgspec.json.decode(content)
        return [_counted(content.strip(), list_at, 0)]
    lines: list[Line] = []
    for _, value in _lines(content):
        lines.append(_counted(value, list_at, lines[-1].numbers[-1] if lines else 0))
    return lines


def _arrays(members: Sequence[msgspec.Raw], mapping: JsonMapping, file: object) -> Iterator[Line]:
    sized = ((number, member, len(bytes(member)) + 1) for number, member in enumerate(members, 1))
    for part in _parts(sized, member_key(mapping), _MESSAGE_BYTES_MAX, file):
        value = b"[" + b",".join(bytes(member) for _, member, _ in part) + b"]"
        yield Line(part[0][0], value, None, tuple(number for number, _, _ in part))


def member_key(mapping: JsonMapping) -> Callable[[msgspec.Raw | bytes], object] | None:
    """What makes two members of a list one event by their digest (rules E22); None where events have ids."""
    found = [at(path) for path in digested(mapping)]

    def key(member: msgspec.Raw | bytes) -> object:
        with suppress(msgspec.MsgspecError, RecursionError):
            body = msgspec.json.decode(member)
            if isinstance(body, dict):
                return repr([value(body) for value in found])
        return None

    return key if found else None


def _counted(value: bytes, list_at: str, seen: int) -> Line:
    """A message as it is, with the numbers of its events; one that has none counts as one event, of which ingest says
    what is wrong."""
    found: Any = None
    with suppress(msgspec.MsgspecError, RecursionError):
        found = msgspec.json.decode(value)
    for name in () if list_at == ROOT_LIST else list_at.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    count = len(found) if isinstance(found, list) and found else 1
    return Line(seen + 1, value, None, tuple(range(seen + 1, seen + count + 1)))
