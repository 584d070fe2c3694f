"""A sample of a partner's events, as it lies in a file, and what it proposes: which field is what, how it is written.

Where the sample fits two meanings there are two proposals, and somebody has to say which one it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

import msgspec

from goodstanding.errors import UserError
from services.ingest.core.mapping import DAYS, Number, TimeFormat
from services.ingest.core.notation import notation
from services.ingest.core.patterns import NoSuchTimeError, PatternError, pattern
from services.ingest.core.tables import PREAMBLE_MAX
from shared.contracts.currencies import DIGITS
from shared.contracts.strict_json import JsonError, loads
from shared.contracts.times import TimeError, day, instant
from shared.contracts.zones import ZoneError, zone

NUMBERS: Mapping[str, Number] = {
    "1234.50": Number(),
    "1,234.50": Number(thousands=","),
    "1.234,50": Number(decimal=",", thousands="."),
    "1234,50": Number(decimal=","),
    "1 234,50": Number(decimal=",", thousands=" "),
    "1'234.50": Number(thousands="'"),
}
"""How amounts are written as texts, by an example."""
_PATTERNS = (
    *("dd.MM.yyyy", "dd.MM.yy", "MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy", "yyyy/MM/dd", "dd.MM.yyyy HH:mm"),
    *("dd.MM.yyyy HH:mm:ss", "MM/dd/yyyy HH:mm", "MM/dd/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm", "yyyyMMddHHmmss"),
    *("yyyy-MM-dd HH:mm:ss[.SSSSSS]", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]"),
)
_EPOCHS = {"epoch-seconds": 1, "epoch-millis": 1_000, "epoch-micros": 1_000_000}
_YEARS = (date(2000, 1, 1).toordinal() - 719_163, date(2100, 1, 1).toordinal() - 719_163)
_CALLED_ID = re.compile(r"(^|[^a-zA-Z])(id|no|nr|number|ref|reference)$|(Id|ID|No|Nr|Number|Ref)$", re.ASCII)
_SYMBOL = re.compile(r"[^0-9\s.,'\u2019+()\-\u2212]+")
_CODES_MAX = 40
_DELIMITERS = (",", ";", "\t", "|")
_ENCODINGS = ("utf-8", "windows-1252")
_OTHERS = (
    (b"PK\x03\x04", "a spreadsheet or another archive", "Save it as CSV."),
    (b"<", "XML", "Write its events as JSON, one object on each line."),
    (b"%PDF", "a PDF", "Ask for the same as CSV."),
)
"""What samples are too, by how they begin."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Events as they lie in a file: the values of each by their paths. `head` are the lines of the mapping that say how
    bytes become values; `typed` is false where every value is text."""

    head: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    typed: bool

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def values(self, field: str) -> list[Any]:
        """Those that are there."""
        return [row[field] for row in self.rows if row.get(field) not in (None, "")]


def sample_of(content: bytes, file: object) -> Sample:
    """The sample in a file: CSV with a header line, JSON lines, or a JSON array. Raises UserError."""
    for start, what, remedy in _OTHERS:
        if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise UserError(f"{file} is {what}, which no option of a mapping reads.", remedy)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json_sample(content.removeprefix(b"\xef\xbb\xbf"), file)
    for encoding in _ENCODINGS:
        with suppress(UnicodeDecodeError):
            return _csv_sample(content.decode(encoding).removeprefix("\ufeff"), encoding, file)
    raise UserError(
        f"{file} is written in neither UTF-8 nor Windows-1252.", "Convert it, or write the mapping by hand."
    )


def _json_sample(content: bytes, file: object) -> Sample:
    head = ['format = "json"', 'envelope = "none"']
    try:
        if content.lstrip()[:1] == b"[":
            found = loads(content)
            head.append('list = "."')
        else:
            found = [loads(line) for line in content.split(b"\n") if line.strip()]
    except JsonError as error:
        raise UserError(f"{file} is no JSON: {error.sentence}", "One event on each line, or one array.") from None
    if not found or not all(isinstance(event, dict) for event in found):
        raise UserError(f"{file} has no events in it.", "An event is a JSON object.")
    return Sample(tuple(head), [_flat(event, "") for event in found], typed=True)


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
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if any(row)]
    except csv.Error:
        raise UserError(f"{file} is no CSV: a quote is not closed.", "Mend it, or write the mapping by hand.") from None
    widths = [len(row) for row in rows]
    before = widths.index(max(widths[:PREAMBLE_MAX])) if rows else 0
    rows = rows[before:]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise UserError(f"{file} has no table with a header line in it.", "The first line names the columns.")
    head = ['format = "csv"', "header = true", *(["preamble = true"] if before else [])]
    head += [] if delimiter == "," else [f"delimiter = {quoted(delimiter)}"]
    head += [] if encoding == "utf-8" else [f'encoding = "{encoding}"']
    ragged = any(len(row) != len(rows[0]) for row in rows)
    head += ["ragged = true"] if ragged else []
    names: list[str] = []
    for cell in rows[0]:
        name = unicodedata.normalize("NFC", cell.strip())
        names.append(name if name not in names else f"{name}#{1 + sum(n.partition('#')[0] == name for n in names)}")
    return Sample(tuple(head), [dict(zip(names, row, strict=False)) for row in rows[1:]], typed=False)


def forms_of(values: Sequence[Any]) -> list[str]:
    """In which forms all of these values can be times or days: words of `as`, or patterns."""
    return [form for form in (*get_args(TimeFormat), *_PATTERNS) if values and all(_is_time(v, form) for v in values)]


def _is_time(value: Any, form: str) -> bool:
    try:
        match form:
            case "rfc3339":
                return bool(instant(value))
            case "date":
                return bool(day(value))
            case "compact-date":
                return len(value) == 8 and bool(day(f"{value[:4]}-{value[4:6]}-{value[6:]}"))
            case "local" | "epoch-days":
                return False  # the pattern with a fraction says the same, and days are too like other numbers
            case _ if form in _EPOCHS:
                count = value if isinstance(value, int) else int(value) if value.isdecimal() else -1
                return _YEARS[0] <= count // _EPOCHS[form] // 86_400 < _YEARS[1]
        return pattern(form).read(value) is not None
    except (TimeError, NoSuchTimeError, TypeError, AttributeError):
        return False


def is_known_form(form: str) -> bool:
    """Whether it is a word of `as`, or a pattern. Raises UserError for neither, with the reason."""
    if form in get_args(TimeFormat):
        return True
    try:
        pattern(form)
    except PatternError as error:
        raise UserError(
            f"{form} is no form of times: {error}", f"Or one of: {', '.join(get_args(TimeFormat))}."
        ) from None
    return True


def gives_day(form: str) -> bool:
    return form in DAYS if form in get_args(TimeFormat) else not pattern(form).has_time


def needs_zone(form: str) -> bool:
    if form in get_args(TimeFormat):
        return form == "local" or form in DAYS
    found = pattern(form)
    return not found.has_offset


def check_zone(name: str) -> None:
    """Raises UserError for a zone that there is not."""
    try:
        zone(name)
    except ZoneError as error:
        raise UserError(str(error), "As in Europe/Berlin or America/New_York.") from None


def ids_of(sample: Sample, people: Sequence[str]) -> list[str]:
    """The fields that are called an id and tell each event from every other, but for those that name people."""
    return [
        name
        for name in sample.fields
        if name not in people
        and _CALLED_ID.search(name)
        and len(set(map(str, sample.values(name)))) == len(sample.rows)
    ]


def people_of(sample: Sample, is_identifier: Callable[[str], bool]) -> list[str]:
    """The fields most of whose values are identifiers of the deployment's scheme; a slip among them hides no field."""
    return [
        name
        for name in sample.fields
        if (values := sample.values(name))
        and sum(isinstance(value, str) and is_identifier(value) for value in values) * 2 > len(values)
    ]


def codes_of(sample: Sample, field: str) -> list[str]:
    """The words that stand at the field, in their order. Raises UserError for very many."""
    found = list(dict.fromkeys(str(value) for value in sample.values(field)))
    if len(found) > _CODES_MAX:
        raise UserError(
            f"{field} has {len(found)} different values, so it does not say what kind an event is.", "Name another."
        )
    return found


def currencies_of(sample: Sample) -> list[str]:
    """The fields whose values are all codes of ISO 4217."""
    return [
        name
        for name in sample.fields
        if (values := sample.values(name)) and all(isinstance(v, str) and v in DIGITS for v in values)
    ]


def numbers_of(texts: Sequence[str]) -> list[str]:
    """In which notations all of these can be amounts, by an example; of two that differ in the thousands mark only, the
    one without it, by which nothing can be misread."""
    found = {
        like: number
        for like, number in NUMBERS.items()
        if all(notation(as_written(number, texts)).read(text) is not None for text in texts)
    }
    plain = {number.decimal for number in found.values() if number.thousands is None}
    return [like for like, number in found.items() if number.thousands is None or number.decimal not in plain]


def as_written(number: Number, texts: Sequence[str]) -> Number:
    """The notation with what the texts show besides: a plus, a symbol, and where it stands."""
    plus = any(text.lstrip().startswith("+") for text in texts)
    marks = {found[0] for text in texts if (found := _SYMBOL.search(text))}
    if len(marks) != 1:
        return msgspec.structs.replace(number, plus=plus)
    [symbol] = marks
    before = any(text.lstrip("+-( \u2212").startswith(symbol) for text in texts)
    return msgspec.structs.replace(number, plus=plus, symbol=symbol, symbol_at="before" if before else "after")


def quoted(text: str) -> str:
    """As a text of TOML."""
    return json.dumps(text, ensure_ascii=False)
