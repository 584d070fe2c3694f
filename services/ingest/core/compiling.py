"""Turns a mapping file into functions, once, and refuses a file that contradicts itself, with all that is wrong."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import tzinfo

from services.ingest.core import readers, time_fields
from services.ingest.core.blocks import check_ignored, readings_of
from services.ingest.core.context import ReadingContext, Subject
from services.ingest.core.fields import Fields
from services.ingest.core.mapping import (
    ANY,
    ROOT_LIST,
    CsvMapping,
    FixedMapping,
    ForeignMapping,
    JsonMapping,
    MappingError,
    MappingFaultsError,
    NativeMapping,
    PartnerMapping,
    Rights,
    Word,
    has_several,
    words_of,
)
from services.ingest.core.native import native_mapping
from services.ingest.core.notation import notation
from services.ingest.core.partner import Bare, Other, Partner, Reading, Several
from services.ingest.core.partner import Word as ReadWord
from services.ingest.core.paths import ATTRIBUTES, check_path
from services.ingest.core.plausibility import EVENT
from services.ingest.core.tables import Csv, Encoding, Fixed, Table, csv_options
from services.ingest.core.tree import at
from services.ingest.core.trying import check_visible
from services.ingest.core.words import spelling, word
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Shape, no_such_kind


def compile_partner(name: str, mapping: PartnerMapping, context: ReadingContext) -> Partner:
    """The partner of this mapping. Raises MappingFaultsError with all that is wrong."""
    found: list[MappingError] = []
    try:
        partner = _compiled(name, mapping, context, found)
    except MappingError as error:
        raise MappingFaultsError((*found, error)) from None
    if found:
        raise MappingFaultsError(tuple(found))
    return partner


def _compiled(name: str, mapping: PartnerMapping, context: ReadingContext, found: list[MappingError]) -> Partner:
    if isinstance(mapping, NativeMapping):
        _check_native(mapping.rights)
        mapping = native_mapping(mapping, context.rates.base)
        permitted = frozenset(mapping.rights.kinds)
    else:
        _check_foreign(mapping, found)
        permitted = frozenset(KIND_OF)
    if mapping.crosswalk:
        context = replace(context, person_of=context.customers_of(name), crosswalk=True)
    fields = _fields(mapping, context, found)
    if isinstance(mapping, CsvMapping | FixedMapping):
        _check_columns(mapping, fields)
    words: list[ReadWord] = []
    for index, spec in enumerate(words_of(mapping.kind)):
        with fields.noting():
            words.append(word(spec, fields, ("kind", index) if isinstance(mapping.kind, tuple) else ("kind",)))
    # What is noted as wrong leaves gaps here, and a mapping with any fault is never used.
    bare, table = None, None
    subject: readers.Reader[Subject] = readers.fixed(Subject("", ()))
    with fields.noting():
        subject = fields.person(mapping.subject, ("subject",))
    with fields.noting():
        bare = _bare(mapping, fields)
    check_ignored(mapping.ignore, fields, ("ignore",))
    readings, others = _by_words(mapping, fields, permitted)
    if not found and not isinstance(mapping, JsonMapping):
        table = _table(mapping, readings, others)
    return Partner(
        name,
        tuple(words),
        readings,
        subject,
        bare,
        table,
        others,
        several=_several(mapping),
        crosswalk=mapping.crosswalk,
        registry=isinstance(mapping, JsonMapping) and mapping.registry,
    )


# The file as a whole.


def _check_native(rights: Rights) -> None:
    for index, name in enumerate(rights.kinds):
        kind = KIND_OF.get(name)
        if kind is None:
            raise MappingError(("rights", "kinds", index), no_such_kind(name))
        if kind.shape is Shape.RECORD:
            raise MappingError(("rights", "kinds", index), "A record is permitted by its class, under `records`.")


def _check_foreign(mapping: ForeignMapping, found: list[MappingError]) -> None:
    if mapping.rights.kinds:
        sentence = "The kinds of this partner are those that its events are mapped to."
        found.append(MappingError(("rights", "kinds"), sentence))
    if not isinstance(mapping, JsonMapping):
        return
    for key, spec in (("id", mapping.id), ("time", mapping.time)):
        if mapping.envelope == "none" and spec is None:
            sentence = f"Without an envelope the file must say where the event's `{key}` is."
            found.append(MappingError((), sentence))
        if mapping.envelope == "cloudevents" and spec is not None:
            found.append(MappingError((key,), f"The CloudEvents envelope has the event's {key}."))
    if mapping.list is not None and mapping.envelope == "cloudevents":
        sentence = 'An envelope has one event, with one id. For a list of events, write `envelope = "none"`.'
        found.append(MappingError(("list",), sentence))


def _fields(mapping: ForeignMapping, context: ReadingContext, found: list[MappingError]) -> Fields:
    in_envelope = isinstance(mapping, JsonMapping) and mapping.envelope == "cloudevents"
    columns: Container[str] | None = None
    if not isinstance(mapping, JsonMapping):
        columns = frozenset(mapping.columns) if mapping.columns else _AnyColumn()
    prefix, attributes = ("data.", ATTRIBUTES) if in_envelope else ("", ())
    zone = None
    try:
        zone = _zone(mapping.zone)
    except MappingError as error:
        found.append(error)
        zone = context.zone  # so that no local time is wrong for want of it
    own = None if mapping.number is None else notation(mapping.number)
    spelled = None if mapping.codes is None else spelling(mapping.codes)
    return Fields(context, prefix, zone, columns, attributes, own, spelled, errors=found)


class _AnyColumn(Container[str]):
    """The columns of a table that names them itself, message by message."""

    def __contains__(self, name: object) -> bool:
        return True


def _several(mapping: ForeignMapping) -> Several | None:
    """Where several events of one message stand, if they do. Raises MappingError."""
    if not has_several(mapping):
        return None
    path = mapping.list if isinstance(mapping, JsonMapping) else None
    if path is None or path == ROOT_LIST:
        return Several()
    check_path(path, None, ("list",))
    return Several(tuple(path.split(".")))


def _bare(mapping: ForeignMapping, fields: Fields) -> Bare | None:
    if mapping.id is None or mapping.time is None:
        return None
    with fields.noting():
        time = time_fields.instant(fields, mapping.time, ("time",), EVENT)
    id = fields.id(mapping.id, ("id",))
    if fields.errors:
        return None
    labels = {"@id": fields.label(mapping.id), "@time": fields.label(mapping.time)}
    paths = (mapping.id,) if isinstance(mapping.id, str) else mapping.id.paths or (mapping.id.path or "",)
    return Bare(tuple((path, at(path)) for path in paths if path), id, time, labels)


def _check_columns(mapping: CsvMapping | FixedMapping, fields: Fields) -> None:
    seen: set[str] = set()
    for index, column in enumerate(mapping.columns):
        key = ("columns", index if isinstance(mapping, CsvMapping) else column)
        with fields.noting():
            check_path(column, mapping.columns, key)
            if column.startswith("@"):
                raise MappingError(key, "No column begins with `@`, which is for the event's attributes.")
            if column in seen:
                raise MappingError(key, "There is a column of this name already; give each one a name of its own.")
            seen.add(column)
            if isinstance(mapping, FixedMapping) and not 1 <= mapping.columns[column][0] <= mapping.columns[column][1]:
                raise MappingError(key, "A cell has a first and a last position, counted from 1.")
            if isinstance(mapping, FixedMapping) and mapping.columns[column][1] > mapping.length:
                raise MappingError(key, f"The cell ends behind the line, which has {mapping.length} characters.")


def _table(
    mapping: CsvMapping | FixedMapping, readings: Mapping[tuple[str, ...], Reading], others: tuple[Other, ...]
) -> Table:
    all_readings = [*readings.values(), *(other.reading for other in others if other.reading is not None)]
    named: set[str] = set().union(*(reading.tree for reading in all_readings))
    for index, column in enumerate(mapping.columns):
        if column not in named:
            sentence = f'The column "{column}" is neither read nor ignored. Read it, or write: ignore = ["{column}"].'
            raise MappingError(("columns", index if isinstance(mapping, CsvMapping) else column), sentence)
    encoding, absent = Encoding(mapping.encoding), frozenset(mapping.absent)
    if isinstance(mapping, FixedMapping):
        places = {name: (first - 1, last) for name, (first, last) in mapping.columns.items()}
        return Fixed(places, mapping.length, encoding, absent)
    options = csv_options(mapping.delimiter, mapping.quote)
    return Csv(
        mapping.columns, frozenset(named), encoding, options, absent, mapping.trim, mapping.ragged, mapping.preamble
    )


def _zone(name: str | None) -> tzinfo | None:
    try:
        return None if name is None else zones.zone(name)
    except zones.ZoneError as error:
        raise MappingError(("zone",), str(error)) from None


def _by_words(
    mapping: ForeignMapping, fields: Fields, permitted: frozenset[str]
) -> tuple[dict[tuple[str, ...], Reading], tuple[Other, ...]]:
    readings: dict[tuple[str, ...], Reading] = {}
    others: dict[tuple[str, ...], Reading | None] = {}
    for index, events in enumerate(mapping.events):
        for code, reading in readings_of(mapping, events, ("events", index), fields, permitted):
            key = ("events", index, "kinds", code)
            with fields.noting():
                parts = _code(mapping, code, key, fields)
                if parts in readings or parts in others:
                    raise MappingError(key, "The code is already mapped above.")
                # An absent word is no text that could be looked up.
                (others if ANY in parts or "" in parts else readings)[parts] = reading
    for index, code in enumerate(mapping.skip):
        with fields.noting():
            parts = _code(mapping, code, ("skip", index), fields)
            if parts in readings or parts in others:
                raise MappingError(("skip", index), "The code is mapped below, so it cannot be passed over.")
            others[parts] = None
    # The more words a code states, the sooner it is tried; of two with the same number, the one that states the earlier
    # word. So no two codes that fit one event are equal, and their order in the file makes no difference.
    ordered = sorted(others.items(), key=lambda other: (other[0].count(ANY), [word == ANY for word in other[0]]))
    return readings, tuple(Other(parts, reading) for parts, reading in ordered)


def _code(mapping: ForeignMapping, code: str, key: tuple[str | int, ...], fields: Fields) -> tuple[str, ...]:
    check_visible(code, key)
    specs = words_of(mapping.kind)
    parts = tuple(code.split("/", len(specs) - 1))
    if len(parts) != len(specs):
        raise MappingError(key, f"The code has {len(specs)} words, as `kind` says, with `/` between them.")
    for part, spec in zip(parts, specs, strict=True):
        if isinstance(spec, Word) and spec.filled and part not in ("", ANY, *spec.filled):
            raise MappingError(key, f"This word is one of: {', '.join(spec.filled)}.")
    return parts if fields.spelled is None else tuple(map(fields.spelled, parts))
