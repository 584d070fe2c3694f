"""Turns a mapping into functions, once; and refuses a mapping that contradicts itself or the taxonomy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal, TypeAlias

from services.ingest.core import readers
from services.ingest.core.deployment import Deployment, Person
from services.ingest.core.fields import ATTRIBUTES, Fields, Key, check_path
from services.ingest.core.mapping import (
    CsvMapping,
    Events,
    JsonMapping,
    MappingError,
    Moment,
    NativeMapping,
    Rights,
    Text,
)
from services.ingest.core.mapping import Mapping as PartnerMapping
from services.ingest.core.native import native_mapping
from services.ingest.core.plausibility import BEGAN, ENDED, EVENT
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Flat, Refuse, Tree, at, build
from services.ingest.core.trying import check_places
from shared.contracts import zones
from shared.contracts.checks import check_event
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF, Kind, Shape
from shared.contracts.messages import BehaviorEvent, Consent, RecordReport
from shared.contracts.refusals import fieldnames

Body: TypeAlias = BehaviorEvent | RecordReport

_RECORD_FIELDS = ("report_id", "status", "began_on", "ended_on")
_BEHAVIOR_FIELDS = ("count", "days_late", "reverses", "value", "contact", "consent")
_STATUSES: tuple[Literal["reported"], Literal["settled"]] = ("reported", "settled")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the events of one code are read: which paths they may have, and the body that is made of the values."""

    kind: Kind
    tree: Tree
    body: Reader[Body]
    fault: Fault | None
    """Why the partner may not send this kind, if it may not."""
    fieldnames: Mapping[str, tuple[tuple[str, bytes], ...]]
    """The header that says how the partner calls the fields that a later service may refuse, by what it writes before
    an attribute's name; none where it calls them as we do."""


@dataclass(frozen=True, slots=True)
class Csv:
    columns: tuple[str, ...]
    delimiter: str


@dataclass(frozen=True, slots=True)
class Word:
    """One of the words that say what kind an event is: of the envelope, or at a place of the body."""

    path: str
    label: str
    read: Callable[[Flat, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Bare:
    """Where the id and the time of an event without an envelope are."""

    id_path: str
    id_at: Callable[[dict[str, Any]], Any]
    id: Reader[str]
    time: Reader[datetime]
    labels: Mapping[str, str]
    """What the sender calls `@id` and `@time`."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's mapping, ready to read events. Without `bare` they are CloudEvents; without `csv` JSON."""

    name: str
    words: tuple[Word, ...]
    readings: Mapping[tuple[str, ...], Reading]
    """By the words of the partner's code."""
    subject: Reader[Person]
    bare: Bare | None
    csv: Csv | None


def compile_partner(name: str, mapping: PartnerMapping, deployment: Deployment) -> Partner:
    """The partner of this mapping. Raises MappingError."""
    if isinstance(mapping, NativeMapping):
        _check_native(mapping.rights)
        mapping = native_mapping(mapping.rights, deployment.rates.base)
        permitted = frozenset(mapping.rights.kinds)
    else:
        _check_foreign(mapping)
        permitted = frozenset(KIND_OF)
    fields = _fields(mapping, deployment)
    paths = (mapping.kind,) if isinstance(mapping.kind, str) else mapping.kind
    words = tuple(_word(path, fields) for path in paths)
    subject = fields.person(mapping.subject, ("subject",))
    bare = _bare(mapping, fields)
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


def _fields(mapping: JsonMapping | CsvMapping, deployment: Deployment) -> Fields:
    in_envelope = isinstance(mapping, JsonMapping) and mapping.envelope == "cloudevents"
    columns = mapping.columns if isinstance(mapping, CsvMapping) else None
    if columns is not None:
        _check_columns(columns)
    prefix, attributes = ("data.", ATTRIBUTES) if in_envelope else ("", ())
    return Fields(deployment, prefix, _zone(mapping.zone), columns, attributes)


def _bare(mapping: JsonMapping | CsvMapping, fields: Fields) -> Bare | None:
    if mapping.id is None or mapping.time is None:
        return None
    time = fields.instant(mapping.time, ("time",), EVENT)
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
    named = {name for reading in readings.values() for name in reading.tree}
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


# One block of events.


def _by_words(
    mapping: JsonMapping | CsvMapping, words: int, fields: Fields, permitted: frozenset[str]
) -> dict[tuple[str, ...], Reading]:
    readings: dict[tuple[str, ...], Reading] = {}
    for index, events in enumerate(mapping.events):
        for code, reading in _readings(mapping, events, ("events", index), fields, permitted):
            key = ("events", index, "kinds", code)
            parts = tuple(code.split("/", words - 1))
            if len(parts) != words:
                raise MappingError(key, f"The code has {words} words, as `kind` says, with `/` between them.")
            if isinstance(mapping, CsvMapping) and not all(parts):
                raise MappingError(key, "An empty cell is an absent value, so this code can never come.")
            if parts in readings:
                raise MappingError(key, "The code is already mapped above.")
            readings[parts] = reading
    return readings


def _readings(
    mapping: JsonMapping | CsvMapping, events: Events, key: Key, common: Fields, permitted: frozenset[str]
) -> Iterator[tuple[str, Reading]]:
    ignored = _ignored(mapping, events, key, common)
    for code, name in events.kinds.items():
        fields = replace(common, paths=set(common.paths), trials=list(common.trials))
        kind = KIND_OF.get(name)
        if kind is None:
            raise MappingError((*key, "kinds", code), "The taxonomy has no such kind.")
        _check_shape(events, kind, key)
        body_of = _record if kind.shape is Shape.RECORD else _behavior
        body = body_of(events, kind, key, fields)
        try:
            tree = build(sorted(fields.paths), ignored)
        except ValueError as error:
            sentence = f"The path {error} is named twice, as a value and as ignored or an object."
            raise MappingError(key, sentence) from None
        check_places(fields.trials, typed=common.columns is None)
        forbidden = _forbidden(kind, mapping.rights, permitted)
        yield code, Reading(kind, tree, body, forbidden, _fieldnames(mapping, events, kind, common))


def _fieldnames(
    mapping: JsonMapping | CsvMapping, events: Events, kind: Kind, fields: Fields
) -> Mapping[str, tuple[tuple[str, bytes], ...]]:
    last_word = mapping.kind if isinstance(mapping.kind, str) else mapping.kind[-1]
    specs: dict[str, str | Text | Moment | None] = {"ce_id": mapping.id or "@id", "ce_time": mapping.time or "@time"}
    if kind.shape is Shape.RECORD:
        specs["data.kind"] = last_word
        specs["data.amount"] = events.amount.path if events.amount else None
        specs |= {f"data.{name}": getattr(events, name) for name in _RECORD_FIELDS}
    elif events.consent is not None:
        specs["data.consent.id"] = events.consent.id
    labels = {ours: fields.label(spec) for ours, spec in specs.items() if spec is not None and not _is_fixed(spec)}
    texts = {
        prefix: fieldnames({ours: prefix + name[1:] if name[0] == "@" else name for ours, name in labels.items()})
        for prefix in ("ce_", "")
    }
    return {prefix: (("ce_fieldnames", text.encode()),) if text else () for prefix, text in texts.items()}


def _is_fixed(spec: object) -> bool:
    return isinstance(spec, Text) and spec.fixed is not None


def _ignored(mapping: JsonMapping | CsvMapping, events: Events, key: Key, fields: Fields) -> tuple[str, ...]:
    for index, path in enumerate(mapping.ignore):
        check_path(path, fields.columns, ("ignore", index))
    for index, path in enumerate(events.ignore):
        check_path(path, fields.columns, (*key, "ignore", index))
    return (*mapping.ignore, *events.ignore)


def _forbidden(kind: Kind, rights: Rights, permitted: frozenset[str]) -> Fault | None:
    if kind.record_class is not None:
        if kind.record_class in rights.records:
            return None
        sentence = f"Partner and operator have not agreed that you report {kind.record_class} records."
        return Fault(Code.CLASS_NOT_PERMITTED, "", sentence)
    if kind.name in permitted:
        return None
    return Fault(Code.KIND_NOT_PERMITTED, "", "Partner and operator have not agreed that you send this kind.")


def _check_shape(events: Events, kind: Kind, key: Key) -> None:
    """The kind's own rules, tried on the bodies that this block can make."""
    is_record = kind.shape is Shape.RECORD
    for name in _BEHAVIOR_FIELDS if is_record else _RECORD_FIELDS:
        if getattr(events, name):
            raise MappingError((*key, name), f"{kind.name} does not have this field.")
    if is_record and (events.report_id is None or events.status is None):
        raise MappingError(key, f"{kind.name} needs `report_id` and `status`.")
    for body in _example_records(events, kind) if is_record else _examples(events, kind):
        if fault := check_event(body, ""):
            raise MappingError((*key, fault.field.removeprefix(".")), fault.sentence)


def _examples(events: Events, kind: Kind) -> Iterator[BehaviorEvent]:
    consent = Consent(id="consent", purpose="purpose", given_at=datetime(2024, 1, 1, tzinfo=UTC))
    for amount in _example_amounts(events):
        yield BehaviorEvent(
            kind=kind.name,
            count=2 if events.count else 1,
            amount=amount,
            days_late=None if events.days_late is None else 0,
            reverses=bool(events.reverses),
            value=None if events.value is None else next(iter(kind.values), "value"),
            contact=None if events.contact is None else "0" * 64,
            consent=None if events.consent is None else consent,
        )


def _example_amounts(events: Events) -> tuple[int | None, ...]:
    if events.amount is None:
        return (None,)
    return (0, None) if events.amount.optional else (0,)


def _example_records(events: Events, kind: Kind) -> Iterator[RecordReport]:
    day = date(2024, 1, 1)
    for status in _statuses(events.status):
        yield RecordReport(
            kind=kind.name,
            report_id="report",
            status=status,
            began_on=None if events.began_on is None else day,
            ended_on=None if events.ended_on is None else day,
        )


def _statuses(spec: str | Text | None) -> tuple[Literal["reported", "settled"], ...]:
    """Those that a block can say; what is none of ours is found when it is compiled."""
    words = (*spec.map.values(), spec.fixed) if isinstance(spec, Text) else ()
    return tuple(status for status in _STATUSES if status in words) or _STATUSES


def _behavior(events: Events, kind: Kind, key: Key, fields: Fields) -> Reader[Body]:
    parts: dict[str, Reader[Any]] = {}
    if events.count is not None:
        place = fields.source(events.count, (*key, "count"))
        parts["count"] = fields.tried(place, (*key, "count"), readers.count(place))
    if events.amount is not None:
        parts["amount"] = fields.amount(events.amount, (*key, "amount"))
    if events.days_late is not None:
        parts["days_late"] = fields.days_late(events.days_late, (*key, "days_late"))
    if isinstance(events.reverses, str):
        place = fields.source(events.reverses, (*key, "reverses"))
        parts["reverses"] = fields.tried(place, (*key, "reverses"), readers.flag(place))
    elif events.reverses:
        parts["reverses"] = readers.fixed(True)
    if events.value is not None:
        parts["value"] = fields.choice(events.value, (*key, "value"), kind.values)
    if events.contact is not None:
        parts["contact"] = fields.contact(events.contact, (*key, "contact"))
    if events.consent is not None:
        parts["consent"] = fields.consent(events.consent, (*key, "consent"))
    name, readers_of = kind.name, tuple(parts.items())
    return lambda flat: BehaviorEvent(kind=name, **{part: read(flat) for part, read in readers_of})


def _record(events: Events, kind: Kind, key: Key, fields: Fields) -> Reader[Body]:
    assert events.report_id is not None
    assert events.status is not None
    report_id = fields.named(events.report_id, (*key, "report_id"))
    status = fields.choice(events.status, (*key, "status"), _STATUSES)
    parts: dict[str, Reader[Any]] = {}
    labels = {}
    for name, bounds in (("began_on", BEGAN), ("ended_on", ENDED)):
        spec = getattr(events, name)
        if spec is not None:
            parts[name] = fields.day(spec, (*key, name), bounds)
            labels[name] = fields.label(spec)
    if events.amount is not None:
        parts["amount"] = fields.amount(events.amount, (*key, "amount"))
    readers_of = tuple(parts.items())
    # Who says that a record is open is believed: a day of payment beside it is that of the last one, and no end.
    of_open = tuple((name, read) for name, read in readers_of if name != "ended_on")
    is_said = isinstance(events.status, Text) and bool(events.status.map)

    def read(flat: Flat) -> Body:
        said = status(flat)
        values = {part: read(flat) for part, read in (of_open if is_said and said == "reported" else readers_of)}
        # The readers were chosen by field above, so each value has its field's type.
        report = RecordReport(kind=kind.name, report_id=report_id(flat), status=said, **values)  # type: ignore[arg-type]
        if fault := check_event(report, ""):
            name = fault.field.removeprefix(".")
            raise Refuse(fault.code, labels.get(name, name), fault.sentence)
        return report

    return read
