"""Writes values and events in a partner's own format, by the mapping that reads them: the other direction of ingest.

What is written is read again as the same. `values` are those of one event, by their paths; `message` makes the bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from services.ingest.core.mapping import (
    ANY,
    ROOT_LIST,
    Amount,
    CsvMapping,
    Events,
    FixedMapping,
    ForeignMapping,
    JsonMapping,
    Late,
    Moment,
    Number,
    Text,
    Whole,
    words_of,
)
from services.ingest.core.notation import notation
from services.ingest.core.patterns import pattern
from services.ingest.core.tables import csv_options
from shared.contracts import zones
from shared.contracts.currencies import DIGITS
from shared.contracts.messages import BehaviorEvent, RecordReport

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS = {"start": time(), "noon": time(12), "end": time.max}
_OTHER_WORD = "other"
"""What is written for a word that can be any."""
_FILLED = "1"
"""What is written at a place of which it matters only that there is something."""


@dataclass(slots=True)
class Writer:
    """Writes one event of a mapping. `zone` is the deployment's, for a file that states none."""

    mapping: ForeignMapping
    zone: tzinfo
    values: dict[str, Any] = field(default_factory=dict)
    _signs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mapping.zone:
            self.zone = zones.zone(self.mapping.zone)

    # One value.

    def text(self, spec: str | Text, text: str) -> None:
        """A text where the mapping wants one. What a function makes of several cannot be written from it alone."""
        path = spec if isinstance(spec, str) else spec.path
        if path is not None:
            is_number = isinstance(spec, Text) and spec.type == "number"
            self.values[path] = int(text) if is_number else text

    def choice(self, spec: str | Text, ours: str) -> None:
        """One of our words, as the partner says it."""
        if isinstance(spec, Text) and spec.map:
            ours = next(theirs for theirs, meaning in spec.map.items() if meaning == ours)
        self.text(spec, ours)

    def whole(self, spec: str | Whole, number: int) -> None:
        """A whole number."""
        as_text = isinstance(spec, Whole) and spec.type == "text"
        self.values[spec if isinstance(spec, str) else spec.path] = str(number) if as_text else number

    def amount(self, spec: Amount, minor: int, currency: str, unit: str | None = None) -> None:
        """An amount in minor units of the currency; `unit` is the partner's word where the mapping has several."""
        currency = spec.currency or currency
        if spec.currency_path is not None:
            self.values[spec.currency_path] = currency
        said: str | None = spec.unit
        if spec.unit_path is not None:
            word = unit or next(iter(spec.units))
            self.values[spec.unit_path] = word
            said = spec.units[word]
        if spec.sign == "negative" or (spec.sign == "either" and self._signs.get(spec.path) == "minus"):
            minor = -minor
        number = spec.number or (None if spec.point else self.mapping.number)
        self.values[spec.path] = _number(minor, said == "minor", DIGITS[currency], number)

    def time(self, spec: str | Moment, instant: datetime, default: Literal["rfc3339", "date"] = "rfc3339") -> None:
        """An instant; `default` is the form of a plain path."""
        moment = spec if isinstance(spec, Moment) else Moment(path=spec, format=default)
        written = _time(moment, instant.astimezone(self.zone))
        if isinstance(moment.path, str):
            self.values[moment.path] = written
            return
        parts = str(written).split(" ", len(moment.path) - 1)
        self.values.update(zip(moment.path, parts, strict=True))

    def day(self, spec: str | Moment, day: date) -> None:
        """A day; in a form that gives an instant, noon of it."""
        self.time(spec, datetime.combine(day, time(12), self.zone), "date")

    def words(self, code: str) -> None:
        """The words of a code of the mapping; `*` is any word, and an empty one is absent."""
        specs = words_of(self.mapping.kind)
        for spec, word in zip(specs, code.split("/", len(specs) - 1), strict=True):
            if not word:
                continue
            written = _OTHER_WORD if word == ANY else word
            if isinstance(spec, str):
                self.values[spec] = written
            elif spec.path is not None:
                self.values[spec.path] = int(written) if spec.type == "number" else written
            elif spec.sign_of is not None:
                self._signs[spec.sign_of] = word
            elif spec.filled:
                # The amount of the block that has this code takes its place.
                self.values.setdefault(word, _FILLED)

    # One event.

    def body(
        self, events: Events, body: BehaviorEvent | RecordReport, at: datetime, contact: str, currency: str
    ) -> None:
        """What a normalized event says, in the fields of its block. `at` is its time, at which what was late was
        cleared; `contact` is the other person's identifier."""
        if isinstance(body, RecordReport):
            assert events.report_id is not None
            assert events.status is not None
            self.text(events.report_id, body.report_id)
            self.choice(events.status, body.status)
            for spec, day in ((events.began_on, body.began_on), (events.ended_on, body.ended_on)):
                if spec is not None and day is not None:
                    self.day(spec, day)
            for name in ("dispute", "certificate"):
                if (named := getattr(events, name)) is not None and getattr(body, name) is not None:
                    self.text(named, getattr(body, name))
            if events.outcome is not None and body.outcome is not None:
                self.choice(events.outcome, body.outcome)
        else:
            self._behavior(events, body, at, contact, currency)
        if events.amount is not None and body.amount is not None:
            self.amount(events.amount, body.amount, currency)

    def _behavior(self, events: Events, body: BehaviorEvent, at: datetime, contact: str, currency: str) -> None:
        if events.count is not None:
            self.whole(events.count, body.count)
        if events.limit is not None and body.limit is not None:
            self.amount(events.limit, body.limit, currency)
        if events.days_late is not None and body.days_late is not None:
            self.days_late(events.days_late, body.days_late, at)
        if isinstance(events.reverses, str):
            self.values[events.reverses] = body.reverses
        if events.value is not None and body.value is not None:
            self.choice(events.value, body.value)
        if events.contact is not None:
            self.text(events.contact, contact)
        if events.consent is not None and body.consent is not None:
            self.text(events.consent.id, body.consent.id)
            self.text(events.consent.purpose, body.consent.purpose)
            self.time(events.consent.given_at, body.consent.given_at)

    def days_late(self, spec: str | Late, days: int, cleared: datetime) -> None:
        """So many days late; where two days say it, what was due was cleared at this instant."""
        if isinstance(spec, str):
            self.values[spec] = days
        elif spec.path is not None:
            self.values[spec.path] = str(days) if spec.type == "text" else days
        elif spec.due is not None and spec.cleared is not None:
            self.time(spec.due, cleared - timedelta(days=days), "date")
            self.time(spec.cleared, cleared, "date")

    # Bytes.

    def nested(self) -> dict[str, Any]:
        """The values as one JSON object."""
        body: dict[str, Any] = {}
        for path, value in self.values.items():
            *parents, name = path.split(".")
            inner = body
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[name] = value
        return body

    def message(self) -> bytes:
        """The event as the value of a message that has it alone."""
        return message(self.mapping, [self])


def message(mapping: ForeignMapping, events: Sequence[Writer]) -> bytes:
    """The value of a message with these events: one, but for mappings whose messages have several."""
    if isinstance(mapping, JsonMapping):
        return as_json(_json(mapping, events))
    [first] = events if not (isinstance(mapping, CsvMapping) and mapping.header) else events[:1]
    if isinstance(mapping, FixedMapping):
        return _fixed(mapping, first.values).encode(mapping.encoding)
    columns = mapping.columns or tuple(dict.fromkeys(name for event in events for name in event.values))
    text = io.StringIO()
    quoting: dict[str, Any] = {"quotechar": mapping.quote} if mapping.quote else {"quoting": csv.QUOTE_NONE}
    lines = csv.writer(text, delimiter=mapping.delimiter, lineterminator="\n", **quoting)
    if mapping.header:
        lines.writerow([column.partition("#")[0] for column in columns])
    lines.writerows([event.values.get(column, "") for column in columns] for event in events)
    return text.getvalue().removesuffix("\n").encode(mapping.encoding)


def table(mapping: CsvMapping, messages: Iterable[bytes]) -> str:
    """The tables of messages as one, under a header with the columns of all."""
    form = csv_options(mapping.delimiter, mapping.quote)
    rows: list[dict[str, str]] = []
    for each in messages:
        header, *lines = csv.reader(io.StringIO(each.decode(mapping.encoding), newline=""), **form)
        rows += [dict(zip(header, line, strict=True)) for line in lines]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    written = csv.DictWriter(text, columns, restval="", lineterminator="\n", **form)
    written.writeheader()
    written.writerows(rows)
    return text.getvalue()


def _json(mapping: JsonMapping, events: Sequence[Writer]) -> Any:
    if mapping.list is None:
        [event] = events
        return event.nested()
    bodies: list[Any] = [event.nested() for event in events]
    if mapping.list == ROOT_LIST:
        return bodies
    *parents, name = mapping.list.split(".")
    whole = inner = bodies[0]
    for parent in parents:
        inner, bodies = inner[parent], [body[parent] for body in bodies]
    inner[name] = [body[name] for body in bodies]
    return whole


def as_json(body: Any) -> bytes:
    """JSON as samples have it: without blanks, letters as they are."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _fixed(mapping: FixedMapping, values: dict[str, Any]) -> str:
    line = [" "] * mapping.length
    for name, (first, last) in mapping.columns.items():
        width = last - first + 1
        value = values.get(name, "")
        cell = f"{value:0{width}d}" if isinstance(value, int) else str(value).ljust(width)
        line[first - 1 : last] = cell[:width]
    return "".join(line)


def _number(minor: int, is_minor: bool, digits: int, number: Number | None) -> int | str:
    if is_minor and number is None:
        return minor
    sign, size = "-" if minor < 0 else "", abs(minor)
    if is_minor:
        plain = f"{sign}{size}"
    else:
        whole, fraction = divmod(size, 10**digits)
        plain = f"{sign}{whole}.{fraction:0{digits}d}" if digits else f"{sign}{whole}"
    return plain if number is None else notation(number).write(plain)


def _time(moment: Moment, local: datetime) -> str | int:
    if moment.pattern is not None:
        return pattern(moment.pattern).write(local)
    match moment.format:
        case "rfc3339":
            return local.isoformat()
        case "local":
            return f"{local:%Y-%m-%d %H:%M:%S}" + (f".{local.microsecond:06}" if local.microsecond else "")
        case "date":
            return f"{local:%Y-%m-%d}"
        case "compact-date":
            return f"{local:%Y%m%d}"
    since = local - _EPOCH
    count = {
        "epoch-seconds": since // timedelta(seconds=1),
        "epoch-millis": since // timedelta(milliseconds=1),
        "epoch-micros": since // timedelta(microseconds=1),
        "epoch-days": (local.date() - _EPOCH.date()).days,
    }[moment.format or ""]
    return str(count) if moment.type == "text" else count
