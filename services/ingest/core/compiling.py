"""Turns a mapping file into functions, once, and refuses a file that contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from services.ingest.core import time_fields
from services.ingest.core.blocks import check_ignored, readings_of
from services.ingest.core.context import ReadingContext
from services.ingest.core.fields import Fields
from services.ingest.core.mapping import (
    CsvMapping,
    JsonMapping,
    MappingError,
    NativeMapping,
    PartnerMapping,
    Rights,
)
from services.ingest.core.native import native_mapping
from services.ingest.core.partner import Bare, Csv, Partner, Reading, Word
from services.ingest.core.paths import ATTRIBUTES, check_path
from services.ingest.core.plausibility import EVENT
from services.ingest.core.tree import at
from services.ingest.core.trying import check_visible
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Shape


def compile_partner(name: str, mapping: PartnerMapping, context: ReadingContext) -> Partner:
    """The partner of this mapping. Raises MappingError."""
    if isinstance(mapping, NativeMapping):
        _check_native(mapping.rights)
        mapping = native_mapping(mapping.rights, context.rates.base)
        permitted = frozenset(mapping.rights.kinds)
    else:
        _check_foreign(mapping)
        permitted = frozenset(KIND_OF)
    fields = _fields(mapping, context)
    paths = (mapping.kind,) if isinstance(mapping.kind, str) else mapping.kind
    words = tuple(_word(path, fields) for path in paths)
    subject = fields.person(mapping.subject, ("subject",))
    bare = _bare(mapping, fields)
    check_ignored(mapping.ignore, fields, ("ignore",))
    readings = _by_words(mapping, len(words), fields, permitted)
    csv = _csv(mapping, readings) if isinstance(mapping, CsvMapping) else None
    return Partner(name, words, readings, subject, bare, csv)


# The file as a whole.


def _word(path: str, fields: Fields) -> Word:
    label = fields.source(path, ("kind",)).label
    if path in ATTRIBUTES:
        return Word(path, label, lambda flat, _: flat.get(path))
    read = at(path)
    return Word(path, label, lambda _, body: read(body))


def _check_native(rights: Rights) -> None:
    for index, name in enumerate(rights.kinds):
        kind = KIND_OF.get(name)
        if kind is None:
            raise MappingError(("rights", "kinds", index), "The taxonomy has no such kind.")
        if kind.shape is Shape.RECORD:
            raise MappingError(("rights", "kinds", index), "A record is permitted by its class, under `records`.")


def _check_foreign(mapping: JsonMapping | CsvMapping) -> None:
    if mapping.rights.kinds:
        sentence = "The kinds of this partner are those that its events are mapped to."
        raise MappingError(("rights", "kinds"), sentence)
    if not isinstance(mapping, JsonMapping):
        return
    for key, spec in (("id", mapping.id), ("time", mapping.time)):
        if mapping.envelope == "none" and spec is None:
            raise MappingError((), f"Without an envelope the file must say where the event's `{key}` is.")
        if mapping.envelope == "cloudevents" and spec is not None:
            raise MappingError((key,), f"The CloudEvents envelope has the event's {key}.")


def _fields(mapping: JsonMapping | CsvMapping, context: ReadingContext) -> Fields:
    in_envelope = isinstance(mapping, JsonMapping) and mapping.envelope == "cloudevents"
    columns = frozenset(mapping.columns) if isinstance(mapping, CsvMapping) else None
    if isinstance(mapping, CsvMapping):
        _check_columns(mapping.columns)
    prefix, attributes = ("data.", ATTRIBUTES) if in_envelope else ("", ())
    return Fields(context, prefix, _zone(mapping.zone), columns, attributes)


def _bare(mapping: JsonMapping | CsvMapping, fields: Fields) -> Bare | None:
    if mapping.id is None or mapping.time is None:
        return None
    time = time_fields.instant(fields, mapping.time, ("time",), EVENT)
    labels = {"@id": mapping.id, "@time": fields.label(mapping.time)}
    return Bare(mapping.id, at(mapping.id), fields.id(mapping.id, ("id",)), time, labels)


def _check_columns(columns: tuple[str, ...]) -> None:
    for index, column in enumerate(columns):
        check_path(column, None, ("columns", index))
        if column.startswith("@"):
            raise MappingError(("columns", index), "No column begins with `@`, which is for the event's attributes.")
        if "." in column or column in columns[:index]:
            raise MappingError(("columns", index), "A column has a name without points, and a name of its own.")


def _csv(mapping: CsvMapping, readings: Mapping[tuple[str, ...], Reading]) -> Csv:
    named = set().union(*(reading.tree for reading in readings.values()))
    for index, column in enumerate(mapping.columns):
        if column not in named:
            sentence = f'The column "{column}" is neither read nor ignored. Read it, or write: ignore = ["{column}"].'
            raise MappingError(("columns", index), sentence)
    return Csv(mapping.columns, mapping.delimiter)


def _zone(name: str | None) -> tzinfo | None:
    try:
        return None if name is None else zones.zone(name)
    except zones.ZoneError as error:
        raise MappingError(("zone",), str(error)) from None


def _by_words(
    mapping: JsonMapping | CsvMapping, words: int, fields: Fields, permitted: frozenset[str]
) -> dict[tuple[str, ...], Reading]:
    readings: dict[tuple[str, ...], Reading] = {}
    for index, events in enumerate(mapping.events):
        for code, reading in readings_of(mapping, events, ("events", index), fields, permitted):
            key = ("events", index, "kinds", code)
            check_visible(code, key)
            parts = tuple(code.split("/", words - 1))
            if len(parts) != words:
                raise MappingError(key, f"The code has {words} words, as `kind` says, with `/` between them.")
            if isinstance(mapping, CsvMapping) and not all(parts):
                raise MappingError(key, "An empty cell is an absent value, so this code can never come.")
            if parts in readings:
                raise MappingError(key, "The code is already mapped above.")
            readings[parts] = reading
    return readings
