"""One `[[events]]` block of a mapping, turned into functions; refused where it contradicts the taxonomy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from services.ingest.core import number_readers, readers, time_fields
from services.ingest.core.fields import Fields
from services.ingest.core.mapping import (
    BELOW,
    Events,
    ForeignMapping,
    MappingError,
    Moment,
    Rights,
    Text,
    words_of,
)
from services.ingest.core.partner import Body, Reading
from services.ingest.core.paths import Key, check_path
from services.ingest.core.plausibility import BEGAN, ENDED
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Flat, Refuse, build
from services.ingest.core.trying import check_paths
from shared.contracts.checks import check_event, check_record
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import KIND_OF, Kind, Shape, no_such_kind
from shared.contracts.messages import BehaviorEvent, Consent, RecordReport
from shared.contracts.refusals import fieldnames

_RECORD_FIELDS = ("report_id", "status", "began_on", "ended_on", "outcome", "dispute", "certificate")
_BEHAVIOR_FIELDS = ("count", "limit", "days_late", "reverses", "value", "contact", "consent")
_Status: TypeAlias = Literal["reported", "settled", "resolved"]
_Outcome: TypeAlias = Literal["corrected", "deleted", "confirmed", "unverifiable"]
_STATUSES: tuple[_Status, ...] = ("reported", "settled")
_OUTCOMES: tuple[_Outcome, ...] = get_args(_Outcome)


def readings_of(
    mapping: ForeignMapping, events: Events, key: Key, common: Fields, permitted: frozenset[str]
) -> Iterator[tuple[str, Reading]]:
    """Each code with its reading. What a reading needs is made once for each kind: a block may have many codes."""
    check_ignored(events.ignore, common, (*key, "ignore"))
    made: dict[str, Reading | None] = {}
    for code, name in events.kinds.items():
        if name not in made:
            made[name] = None
            with common.noting():
                kind = KIND_OF.get(name)
                if kind is None:
                    raise MappingError((*key, "kinds", code), no_such_kind(name))
                made[name] = _reading(mapping, events, kind, key, common, permitted)
        if reading := made[name]:
            yield code, reading


def check_ignored(paths: tuple[str, ...], fields: Fields, key: Key) -> None:
    for index, path in enumerate(paths):
        with fields.noting():
            whole = path.removesuffix(BELOW) if fields.columns is None else path
            if not whole and fields.columns is not None and whole in fields.columns:
                continue  # the columns without a name
            check_path(whole, fields.columns, (*key, index))


def _reading(
    mapping: ForeignMapping, events: Events, kind: Kind, key: Key, common: Fields, permitted: frozenset[str]
) -> Reading:
    fields = replace(common, paths=set(common.paths), trials=list(common.trials))
    _check_words(events, kind, key)
    _check_shape(events, kind, key)
    body_of = _record if kind.shape is Shape.RECORD else _behavior
    body = body_of(events, kind, key, fields)
    ignored = (*mapping.ignore, *events.ignore)
    nested = common.columns is None
    below = [path.removesuffix(BELOW) for path in ignored if nested and path.endswith(BELOW)]
    plain = [path for path in ignored if not nested or not path.endswith(BELOW)]
    try:
        tree = build(sorted(fields.paths), plain, below, nested=nested)
    except ValueError as error:
        sentence = (
            f"The path {error} is named twice, as a value and as ignored or an object. Name it once: take what is read "
            "out of `ignore`, and of an object name the values in it."
        )
        raise MappingError(key, sentence) from None
    check_paths(fields.trials, typed=common.columns is None)
    forbidden = _forbidden(kind, mapping.rights, permitted)
    return Reading(kind, tree, body, forbidden, _fieldnames(mapping, events, kind, common))


def _check_words(events: Events, kind: Kind, key: Key) -> None:
    """Raises MappingError for a word of ours that stands where a plain text is a path."""
    for name, ours in (("status", get_args(_Status)), ("outcome", _OUTCOMES), ("value", kind.values)):
        if (spec := getattr(events, name)) in ours and isinstance(spec, str):
            raise MappingError(
                (*key, name),
                f'A plain text is the path of a field. For the word itself write {name} = {{ fixed = "{spec}" }}; if a '
                f'field is called so, {name} = {{ path = "{spec}" }}.',
            )


def _fieldnames(
    mapping: ForeignMapping, events: Events, kind: Kind, fields: Fields
) -> Mapping[str, tuple[tuple[str, bytes], ...]]:
    word = words_of(mapping.kind)[-1]
    last_word = word if isinstance(word, str) else word.path or word.sign_of or next(iter(word.filled), None)
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


def _forbidden(kind: Kind, rights: Rights, permitted: frozenset[str]) -> Fault | None:
    """Why the partner may not send the kind (rules E8), or report records of its class (rules R1)."""
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
            limit=None if events.limit is None else 0,
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
    for status in _words(events.status, _statuses(events)):
        for outcome in _words(events.outcome, _OUTCOMES) if status == "resolved" else (_fixed(events.outcome),):
            yield RecordReport(
                kind=kind.name,
                report_id="report",
                status=status,
                began_on=None if events.began_on is None else day,
                ended_on=None if events.ended_on is None else day,
                amount=None if events.amount is None else 0,
                outcome=outcome,
                dispute=None if events.dispute is None or status != "resolved" else "dispute",
            )


def _statuses(events: Events) -> tuple[_Status, ...]:
    """A partner without a word for an outcome resolves nothing."""
    return _STATUSES if events.outcome is None else (*_STATUSES, "resolved")


def _fixed(spec: str | Text | None) -> Any:
    return spec.fixed if isinstance(spec, Text) else None


W = TypeVar("W", bound=str)


def _words(spec: str | Text | None, ours: tuple[W, ...]) -> tuple[W, ...]:
    """Those of our words that a block can give. One that is not ours is refused when the block is compiled."""
    given = (*spec.map.values(), spec.fixed) if isinstance(spec, Text) else ()
    return tuple(word for word in ours if word in given) or ours


def _behavior(events: Events, kind: Kind, key: Key, fields: Fields) -> Reader[Body]:
    parts: dict[str, Reader[Any]] = {}
    with fields.noting():
        if events.count is not None:
            source = fields.whole(events.count, (*key, "count"))
            parts["count"] = fields.tried(source, (*key, "count"), number_readers.count(source))
    with fields.noting():
        if events.amount is not None:
            parts["amount"] = fields.amount(events.amount, (*key, "amount"))
    with fields.noting():
        if events.limit is not None:
            parts["limit"] = fields.amount(events.limit, (*key, "limit"))
    with fields.noting():
        if events.days_late is not None:
            parts["days_late"] = fields.days_late(events.days_late, (*key, "days_late"))
    with fields.noting():
        if isinstance(events.reverses, str):
            source = fields.source(events.reverses, (*key, "reverses"))
            parts["reverses"] = fields.tried(source, (*key, "reverses"), readers.flag(source))
        elif events.reverses:
            parts["reverses"] = readers.fixed(True)
    with fields.noting():
        if events.value is not None:
            parts["value"] = fields.choice(events.value, (*key, "value"), kind.values)
    with fields.noting():
        if events.contact is not None:
            parts["contact"] = fields.contact(events.contact, (*key, "contact"))
    with fields.noting():
        if events.consent is not None:
            parts["consent"] = fields.consent(events.consent, (*key, "consent"))
    name, readers_of = kind.name, tuple(parts.items())
    return lambda flat: BehaviorEvent(kind=name, **{part: read(flat) for part, read in readers_of})


def _record(events: Events, kind: Kind, key: Key, fields: Fields) -> Reader[Body]:
    assert events.report_id is not None
    assert events.status is not None
    # Without these two there is no record. Other faults are reported when these are corrected.
    report_id = fields.named(events.report_id, (*key, "report_id"))
    status = fields.choice(events.status, (*key, "status"), _statuses(events))
    parts: dict[str, Reader[Any]] = {}
    labels = {}
    for name, bounds in (("began_on", BEGAN), ("ended_on", ENDED)):
        spec = getattr(events, name)
        with fields.noting():
            if spec is not None:
                parts[name] = time_fields.day(fields, spec, (*key, name), bounds)
                labels[name] = fields.label(spec)
    with fields.noting():
        if events.amount is not None:
            parts["amount"] = fields.amount(events.amount, (*key, "amount"))
    for name in ("dispute", "certificate"):
        with fields.noting():
            if (spec := getattr(events, name)) is not None:
                parts[name] = _if_there(fields, spec, (*key, name), fields.named(spec, (*key, name)))
                labels[name] = fields.label(spec)
    with fields.noting():
        if (spec := events.outcome) is not None:
            read_outcome = fields.choice(spec, (*key, "outcome"), _OUTCOMES)
            labels["outcome"] = fields.label(spec)
            parts["outcome"] = _if_there(fields, spec, (*key, "outcome"), read_outcome)
    readers_of = tuple(parts.items())
    # A status *open* is believed: a day of payment beside it does not end the record (rules R3).
    of_open = tuple((name, read) for name, read in readers_of if name != "ended_on")
    is_said = isinstance(events.status, Text) and bool(events.status.map)

    def read(flat: Flat) -> Body:
        said = status(flat)
        values = {part: read(flat) for part, read in (of_open if is_said and said == "reported" else readers_of)}
        report = RecordReport(
            kind=kind.name,
            report_id=report_id(flat),
            status=said,
            **values,
        )
        if fault := check_record(report, ""):
            name = fault.field.removeprefix(".")
            raise Refuse(fault.code, labels.get(name, name), fault.sentence)
        return report

    return read


def _if_there(fields: Fields, spec: str | Text, key: Key, read: Reader[str]) -> Reader[str | None]:
    path = spec if isinstance(spec, str) else spec.path
    return read if path is None else readers.optional(read, fields.source(path, key))
