"""Example events of any partner, made from its mapping file alone: a new file has samples at once.

The events are what the mapping asks for and nothing more. They follow from partner, seed and number only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from itertools import count
from random import Random
from typing import Literal, NamedTuple

from goodstanding.errors import UserError
from goodstanding.partner.event import PartnerEvent
from goodstanding.partner.writing import Writer, as_json
from services.ingest.core.mapping import (
    Amount,
    ConsentPaths,
    Events,
    ForeignMapping,
    NativeMapping,
    PartnerMapping,
    Text,
)
from services.ingest.core.native import native_mapping
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
        mapping = native_mapping(mapping, setting.currency)
    else:
        permitted = set(KIND_OF)
    codes = [
        (code, events, KIND_OF[name])
        for events in mapping.events
        for code, name in events.kinds.items()
        if name in permitted and (events.outcome is None or events.status != _RESOLVED)
    ]
    records = _Records(f"{partner}/{seed}")
    for number in count():
        code, events, kind = codes[number % len(codes)]
        record = records.next(kind, events) if kind.shape is Shape.RECORD else None
        maker = _Maker(mapping, setting, Random(f"{partner}/{seed}/{number}"), record)
        yield maker.event(partner, _id(partner, seed, number), code, events, kind, mode)


def _id(partner: str, seed: int, number: int) -> str:
    """A letter parts the digits, which might otherwise be those of an account with a low number (rules I3)."""
    return f"{partner}-{seed}-e{number:08d}"


def _records(mapping: NativeMapping) -> list[str]:
    return [kind.name for kind in KIND_OF.values() if kind.record_class in mapping.rights.records]


class _Record(NamedTuple):
    """The status that an event gives a record, and the random numbers that all events about this record share."""

    status: str
    random: Random


class _Records:
    """Of each kind one record after the other is reported, and settled later."""

    def __init__(self, name: str) -> None:
        self._name, self._told = name, Counter[tuple[str, str]]()

    def next(self, kind: Kind, events: Events) -> _Record:
        reported, settled = (self._told[kind.name, status] for status in _STATUSES)
        wanted, possible = "settled" if settled < reported else "reported", _statuses(events.status)
        status = wanted if wanted in possible else possible[0]
        number = self._told[kind.name, status]
        self._told[kind.name, status] += 1
        return _Record(status, Random(f"{self._name}/{kind.name}/{number}"))


def _statuses(spec: str | Text | None) -> Sequence[str]:
    """Those that a mapping can say."""
    if isinstance(spec, Text) and spec.fixed is not None:
        return [spec.fixed]
    return list(spec.map.values()) if isinstance(spec, Text) and spec.map else _STATUSES


class _Maker:
    """Makes one event out of chance, and has it written."""

    def __init__(self, mapping: ForeignMapping, setting: Setting, random: Random, record: _Record | None) -> None:
        self._mapping, self._setting, self._random, self._record = mapping, setting, random, record
        self._time = self._some_time(random)
        self._person = (record.random if record else random).randrange(setting.people)
        self._write = Writer(mapping, setting.zone)

    def _some_time(self, random: Random) -> datetime:
        return (self._setting.until - timedelta(seconds=random.randrange(_SPREAD_S))).replace(microsecond=0)

    def event(self, partner: str, id: str, code: str, events: Events, kind: Kind, mode: Mode) -> PartnerEvent:
        mapping = self._mapping
        subject = self._setting.identifier(self._person)
        self._put(mapping.subject, subject)
        self._write.words(code)
        self._fill(events, kind)
        key = subject.encode()
        if mapping.id is None or mapping.time is None:
            return self._enveloped(partner, id, key, mode)
        if isinstance(mapping.id, Text) and mapping.id.type == "number":
            id = str(int.from_bytes(sha256(id.encode()).digest()[:6], "big"))
        self._put(mapping.id, id)
        self._write.time(mapping.time, self._time)
        return PartnerEvent(self._time, key, self._write.message(), ())

    def _enveloped(self, partner: str, id: str, key: bytes, mode: Mode) -> PartnerEvent:
        values = self._write.values
        type = values.pop("@type", f"{partner}.event")
        subject = values.pop("@subject", None)
        extensions = {} if subject is None else {"subject": subject}
        source = f"https://{partner}.example"
        if mode == "binary":
            headers = binary(id=id, source=source, type=type, time=self._time, extensions=extensions)
            return PartnerEvent(self._time, key, self._write.message(), headers)
        envelope = {"specversion": "1.0", "id": id, "source": source, "type": type, "time": rfc3339(self._time)}
        value = as_json({**envelope, **extensions, "data": self._write.nested()})
        return PartnerEvent(self._time, key, value, (("content-type", STRUCTURED.encode()),))

    # Fields.

    def _fill(self, events: Events, kind: Kind) -> None:
        write, random = self._write, self._random
        if events.count is not None:
            write.whole(events.count, random.randint(1, 5))
        if events.amount is not None:
            self._put_amount(events.amount)
        if events.limit is not None:
            self._put_amount(events.limit)
        if events.days_late is not None:
            write.days_late(events.days_late, random.choice(_LATE_DAYS), self._time)
        if events.value is not None:
            self._put_choice(events.value, kind.values)
        if events.contact is not None:
            self._put(events.contact, self._setting.identifier(self._person + 1))
        if events.consent is not None:
            self._put_consent(events.consent)
        if self._record is not None:
            self._put_record(events, self._record)

    def _put(self, spec: str | Text, text: str, random: Random | None = None) -> None:
        """A text where the mapping wants one; parts of a made one are told apart by a number."""
        self._write.text(spec, text)
        for path in spec.paths if isinstance(spec, Text) else ():
            # What other keys read too is written by them, or has been.
            self._write.values.setdefault(path, str((random or self._random).randrange(1000, 10_000)))

    def _put_choice(self, spec: str | Text, choices: tuple[str, ...]) -> str:
        """One of our words, as the partner says it; which one it is."""
        if isinstance(spec, Text) and spec.fixed is not None:
            return spec.fixed
        words = spec.map if isinstance(spec, Text) and spec.map else {choice: choice for choice in choices}
        word = self._random.choice([word for word, choice in words.items() if choice in choices])
        self._put(spec, word)
        return words[word]

    def _put_amount(self, spec: Amount) -> None:
        currency, random = spec.currency or self._setting.currency, self._random
        word = random.choice(list(spec.units)) if spec.unit_path is not None else None
        whole, digits = random.randint(1, 5_000), DIGITS[currency]
        self._write.amount(spec, whole * 10**digits + random.randrange(10**digits), currency, word)

    def _put_consent(self, spec: ConsentPaths) -> None:
        self._put(spec.id, f"consent-{self._person}")
        self._put(spec.purpose, "credit-standing")
        self._write.time(spec.given_at, self._time - timedelta(days=30))

    def _put_record(self, events: Events, record: _Record) -> None:
        assert events.report_id is not None
        assert events.status is not None
        self._put(events.report_id, f"report-{record.random.randrange(10**9)}", record.random)
        status = self._put_choice(events.status, (record.status,))
        if events.ended_on is not None and status == "settled":
            self._write.time(events.ended_on, self._time, "date")
        if events.began_on is not None:
            self._write.time(events.began_on, self._some_time(record.random) - timedelta(days=120), "date")
