"""Example events of any partner, made from its mapping file alone: a new file has samples at once.

The events are what the mapping asks for and nothing more. They follow from partner, seed and number only.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import count
from random import Random
from typing import Any, Literal

from goodstanding.errors import UserError
from goodstanding.partner.event import PartnerEvent
from services.ingest.core.mapping import (
    Amount,
    ConsentPaths,
    CsvMapping,
    Events,
    JsonMapping,
    Late,
    Moment,
    NativeMapping,
    PartnerMapping,
    Text,
)
from services.ingest.core.native import native_mapping
from shared.contracts import zones
from shared.contracts.cloudevents import STRUCTURED, binary
from shared.contracts.currencies import DIGITS
from shared.contracts.identifier_schemes import SCHEMES, SchemeName, sample_account
from shared.contracts.kinds import KIND_OF, Kind, Shape
from shared.contracts.times import rfc3339

Mode = Literal["structured", "binary"]

_SPREAD_S = 27 * 24 * 3600
"""Samples lie in the last four weeks, so that every one is in a month that still accepts events."""
_LATE_DAYS = (0, 0, 0, 0, 0, 0, 0, 1, 3, 20)
_STATUSES = ("reported", "settled")
_RESOLVED = Text(fixed="resolved")


@dataclass(frozen=True, slots=True)
class Setting:
    """What samples depend on beside the mapping. `until` is the last instant that an event may have."""

    currency: str
    zone: tzinfo
    until: datetime
    people: int = 100
    identifier: Callable[[int], str] = sample_account


def identifiers(scheme: SchemeName) -> Callable[[int], str]:
    """What people are called in samples. Raises UserError for a scheme whose numbers are all somebody's own."""
    sample = SCHEMES[scheme].sample
    if sample is None:
        raise UserError(
            f"There are no example identifiers of the scheme {scheme}, since each could be a person's own.",
            "Use events of your own, or a deployment with the scheme account to try things.",
        )
    return sample


def samples(
    partner: str, mapping: PartnerMapping, setting: Setting, *, seed: int = 0, mode: Mode = "structured"
) -> Iterator[PartnerEvent]:
    """Endless events of the partner, every code of its mapping in turn; CloudEvents in the given mode. Answers to
    disputes are left out: nobody has asked."""
    if isinstance(mapping, NativeMapping):
        permitted = {*mapping.rights.kinds, *_records(mapping)}
        mapping = native_mapping(mapping.rights, setting.currency)
    else:
        permitted = set(KIND_OF)
    codes = [
        (code, events, KIND_OF[name])
        for events in mapping.events
        for code, name in events.kinds.items()
        if name in permitted and (events.outcome is None or events.status != _RESOLVED)
    ]
    for number in count():
        code, events, kind = codes[number % len(codes)]
        maker = _Maker(mapping, setting, Random(f"{partner}/{seed}/{number}"))
        yield maker.event(partner, _id(partner, seed, number), code, events, kind, mode)


def _id(partner: str, seed: int, number: int) -> str:
    """A letter parts the digits, which might otherwise be those of an account with a low number (rules I3)."""
    return f"{partner}-{seed}-e{number:08d}"


def _records(mapping: NativeMapping) -> list[str]:
    return [kind.name for kind in KIND_OF.values() if kind.record_class in mapping.rights.records]


class _Maker:
    """Makes one event: `values` are those of the body by their path."""

    def __init__(self, mapping: JsonMapping | CsvMapping, setting: Setting, random: Random) -> None:
        self._mapping, self._setting, self._random = mapping, setting, random
        self._zone = zones.zone(mapping.zone) if mapping.zone else setting.zone
        self._time = (setting.until - timedelta(seconds=random.randrange(_SPREAD_S))).replace(microsecond=0)
        self._person = random.randrange(setting.people)
        self._values: dict[str, Any] = {}

    def event(self, partner: str, id: str, code: str, events: Events, kind: Kind, mode: Mode) -> PartnerEvent:
        mapping = self._mapping
        subject = self._setting.identifier(self._person)
        self._put(mapping.subject, subject)
        paths = (mapping.kind,) if isinstance(mapping.kind, str) else mapping.kind
        self._values.update(zip(paths, code.split("/", len(paths) - 1), strict=True))
        self._fill(events, kind)
        key = subject.encode()
        if mapping.id is None or mapping.time is None:
            return self._enveloped(partner, id, key, mode)
        self._put(mapping.id, id)
        self._put_time(mapping.time, self._time, "rfc3339")
        return PartnerEvent(self._time, key, self._body(), ())

    # Envelopes and bytes.

    def _enveloped(self, partner: str, id: str, key: bytes, mode: Mode) -> PartnerEvent:
        type = self._values.pop("@type", f"{partner}.event")
        subject = self._values.pop("@subject", None)
        extensions = {} if subject is None else {"subject": subject}
        source = f"https://{partner}.example"
        if mode == "binary":
            headers = binary(id=id, source=source, type=type, time=self._time, extensions=extensions)
            return PartnerEvent(self._time, key, self._body(), headers)
        envelope = {"specversion": "1.0", "id": id, "source": source, "type": type, "time": rfc3339(self._time)}
        value = _json({**envelope, **extensions, "data": self._nested()})
        return PartnerEvent(self._time, key, value, (("content-type", STRUCTURED.encode()),))

    def _body(self) -> bytes:
        if not isinstance(self._mapping, CsvMapping):
            return _json(self._nested())
        line = io.StringIO()
        cells = [self._values.get(column, "") for column in self._mapping.columns]
        csv.writer(line, delimiter=self._mapping.delimiter, lineterminator="").writerow(cells)
        return line.getvalue().encode()

    def _nested(self) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for path, value in self._values.items():
            *parents, name = path.split(".")
            inner = body
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[name] = value
        return body

    # Fields.

    def _fill(self, events: Events, kind: Kind) -> None:
        random = self._random
        if events.count is not None:
            self._values[events.count] = random.randint(1, 5)
        if events.amount is not None:
            self._put_amount(events.amount)
        if events.limit is not None:
            self._put_amount(events.limit)
        if events.days_late is not None:
            self._put_days_late(events.days_late)
        if events.value is not None:
            self._put_choice(events.value, kind.values)
        if events.contact is not None:
            self._put(events.contact, self._setting.identifier(self._person + 1))
        if events.consent is not None:
            self._put_consent(events.consent)
        if kind.shape is Shape.RECORD:
            self._put_record(events)

    def _put(self, spec: str | Text, text: str) -> None:
        """A text where the mapping wants one; parts of a made one are told apart by a number."""
        if isinstance(spec, str):
            self._values[spec] = text
        elif spec.path is not None:
            self._values[spec.path] = text
        for path in spec.paths if isinstance(spec, Text) else ():
            self._values[path] = str(self._random.randrange(1000, 10_000))

    def _put_choice(self, spec: str | Text, choices: tuple[str, ...]) -> str:
        """One of our words, as the partner says it; which one it is."""
        if isinstance(spec, Text) and spec.fixed is not None:
            return spec.fixed
        words = spec.map if isinstance(spec, Text) and spec.map else {choice: choice for choice in choices}
        word = self._random.choice(list(words))
        self._put(spec, word)
        return words[word]

    def _put_amount(self, spec: Amount) -> None:
        currency = spec.currency or self._setting.currency
        if spec.currency_path is not None:
            self._values[spec.currency_path] = currency
        unit: str | None = spec.unit
        if spec.unit_path is not None:
            word = self._random.choice(list(spec.units))
            self._values[spec.unit_path] = word
            unit = spec.units[word]
        whole, digits = self._random.randint(1, 5_000), DIGITS[currency]
        fraction = self._random.randrange(10**digits)
        if unit == "minor":
            self._values[spec.path] = whole * 10**digits + fraction
        else:
            self._values[spec.path] = f"{whole}.{fraction:0{digits}d}" if digits else str(whole)

    def _put_days_late(self, spec: str | Late) -> None:
        days = self._random.choice(_LATE_DAYS)
        if isinstance(spec, str):
            self._values[spec] = days
        elif spec.due is not None and spec.cleared is not None:
            self._put_time(spec.due, self._time - timedelta(days=days), "date")
            self._put_time(spec.cleared, self._time, "date")

    def _put_consent(self, spec: ConsentPaths) -> None:
        self._put(spec.id, f"consent-{self._person}")
        self._put(spec.purpose, "credit-standing")
        self._put_time(spec.given_at, self._time - timedelta(days=30), "rfc3339")

    def _put_record(self, events: Events) -> None:
        assert events.report_id is not None
        assert events.status is not None
        self._put(events.report_id, f"report-{self._random.randrange(10**9)}")
        status = self._put_choice(events.status, _STATUSES)
        if events.ended_on is not None and status == "settled":
            self._put_time(events.ended_on, self._time, "date")
        if events.began_on is not None:
            self._put_time(events.began_on, self._time - timedelta(days=120), "date")

    def _put_time(self, spec: str | Moment, time: datetime, default: str) -> None:
        moment = spec if isinstance(spec, Moment) else None
        path = spec if isinstance(spec, str) else spec.path
        local = time.astimezone(self._zone)
        if isinstance(path, tuple):
            self._values[path[0]], self._values[path[1]] = f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"
        else:
            self._values[path] = _written(local, moment.format if moment else default)


def _written(local: datetime, format: str) -> str | int:
    if format == "rfc3339":
        return local.isoformat()
    if format == "local":
        return f"{local:%Y-%m-%d %H:%M:%S}"
    if format == "date":
        return f"{local:%Y-%m-%d}"
    if format == "compact-date":
        return f"{local:%Y%m%d}"
    return int(local.timestamp()) * (1 if format == "epoch-seconds" else 1000)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
