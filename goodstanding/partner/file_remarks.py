"""What is strange about a table as a whole, when events of it are refused one by one: all of it at once, by the names
that the file itself has."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from goodstanding.partner.table_file import header_of, spans_of
from services.ingest.core.mapping import CsvMapping, FixedMapping
from services.ingest.core.partner import Partner
from services.ingest.core.tables import Csv, named_columns

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_SHOWN = 20


def file_remarks(
    content: bytes, mapping: CsvMapping | FixedMapping, partner: Partner, *, refused: bool
) -> Iterator[str]:
    """Each as a sentence with what to do. `partner` is what the mapping compiles to; what may be absent is missed only
    where events are `refused`."""
    if mapping.encoding not in ("utf-8", "utf-16") and _is_utf8(content):
        yield f'The file is written in UTF-8, and the mapping says `encoding = "{mapping.encoding}"`.'
    if isinstance(mapping, FixedMapping):
        lines = content.splitlines()
        if len(lines) == 1 and len(lines[0]) >= 2 * mapping.length:
            yield (
                f"The file is one line of {len(lines[0]):,} characters, and an event has {mapping.length}: are there "
                "line breaks missing between events?"
            )
        return
    table = partner.table
    assert isinstance(table, Csv), "the mapping is one of CSV"
    if not mapping.header:
        return
    with suppress(UnicodeDecodeError, csv.Error):
        cells = header_of(content, mapping)
        columns = named_columns(cells)
        if len(cells) == 1 and (other := _other_delimiter(cells[0], mapping.delimiter)):
            yield f"Between the names of the columns stands {_DELIMITERS[other]}: `delimiter = {_toml(other)}`."
        elif refused and not table.known.isdisjoint(columns):
            yield from _differences(columns, mapping, table)
    with suppress(UnicodeDecodeError):
        if spans := spans_of(content, mapping):
            (first, last), more = spans[0], f" (and {len(spans) - 1:,} more)" if len(spans) > 1 else ""
            yield (
                f"One event stands on several lines, {first} to {last}{more}. Unless that is meant, a quote is stray "
                "there."
            )


def _differences(columns: Sequence[str], mapping: CsvMapping, table: Csv) -> Iterator[str]:
    # Whatever else is no column of the mapping's, the line is the header: it may be shown.
    unknown = [column for column in columns if column and column not in table.known]
    if unknown:
        yield f"Columns that the mapping neither reads nor ignores: {_listed(unknown)}."
    ignored = {*mapping.ignore, *(name for block in mapping.events for name in block.ignore)}
    if missing := sorted(table.known - ignored - {*columns}):
        yield f"Columns that the mapping reads and the file does not have: {_listed(missing)}."


def _is_utf8(content: bytes) -> bool:
    """Whether it can hardly be anything else."""
    if content.startswith(codecs.BOM_UTF8):
        return True
    try:
        return not content.decode().isascii()
    except UnicodeDecodeError:
        return False


def _other_delimiter(line: str, delimiter: str) -> str | None:
    [(found, count)] = Counter({each: line.count(each) for each in _DELIMITERS if each != delimiter}).most_common(1)
    return found if count else None


def _toml(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
