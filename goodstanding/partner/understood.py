"""What the platform has understood of a partner's events: what each says in its own words, and what all have in common
that usually differs, since a mapping can be wrong without one refusal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from goodstanding.partner.rehearsal import Forwarded
from services.scorer.core.features.base import kinds_of
from services.scorer.core.scorecard import Scorecard
from shared.contracts import cloudevents
from shared.contracts.faults import Fault
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import BehaviorEvent, RecordReport, read
from shared.contracts.months import month_name, month_of
from shared.contracts.topics import RECORDS_REPORTED

_FEW = 5
"""Fewer events than this have much in common by chance."""
_HANDFUL, _MANY_EACH = 3, 10
"""A field of which so few values have nearly all events, so many for each of them, is hardly the person."""
_HUNDREDFOLD = 3
"""So many amounts that are there a hundredfold too are no chance."""


@dataclass(frozen=True, slots=True)
class Understood:
    """One event that ingest takes. `amount` is in minor units of the base currency, `person` the user_id, `rules` the
    codes of the scorecard's rules that look at its kind."""

    line: int
    kind: str
    person: str
    time: datetime
    month: str
    amount: int | None
    days_late: int | None
    count: int | None
    status: str | None
    rules: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Without what the event does not have."""
        told = {name: getattr(self, name) for name in self.__slots__}
        told |= {"time": self.time.isoformat(), "rules": list(self.rules)}
        return {name: value for name, value in told.items() if value is not None}


def understood(events: Iterable[Forwarded], card: Scorecard, zone: tzinfo) -> list[Understood]:
    """What each of these events says; months are those of the deployment's zone."""
    rules = rules_by_kind(card)
    return [_understood(event, rules, zone) for event in events]


def _understood(event: Forwarded, rules: Mapping[str, tuple[str, ...]], zone: tzinfo) -> Understood:
    record = event.record
    envelope = cloudevents.parse_envelope(record.key, record.headers)
    model: type[BehaviorEvent | RecordReport] = RecordReport if record.topic == RECORDS_REPORTED else BehaviorEvent
    body = read(model, record.value or b"")
    assert not isinstance(envelope, Fault), envelope
    assert not isinstance(body, Fault), body
    behavior = body if isinstance(body, BehaviorEvent) else None
    is_obligation = KIND_OF[body.kind].shape is Shape.OBLIGATION
    return Understood(
        line=event.line,
        kind=body.kind,
        person=event.user_id,
        time=envelope.time,
        month=month_name(month_of(envelope.time, zone)),
        amount=body.amount,
        days_late=behavior.days_late if behavior and is_obligation else None,
        count=behavior.count if behavior and behavior.count != 1 else None,
        status=body.status if isinstance(body, RecordReport) else "reversal" if body.reverses else None,
        rules=rules.get(body.kind, ()),
    )


def rules_by_kind(card: Scorecard) -> Mapping[str, tuple[str, ...]]:
    """The codes of the rules that look at each kind; records have one of their own."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for rule in card.rules:
        for kind in _kinds(card.features[rule.feature], card):
            found[kind][rule.code] = None
    if card.records is not None:
        for of_record in KIND_OF.values():
            if of_record.shape is Shape.RECORD:
                found[of_record.name][card.records.code] = None
    return {kind: tuple(codes) for kind, codes in found.items()}


def _kinds(feature: object, card: Scorecard) -> Iterator[str]:
    for part in (feature, getattr(feature, "over", None), getattr(feature, "under", None)):
        names: Sequence[str] = getattr(part, "kinds", ())
        yield from (kind.name for kind in kinds_of(names, card.kinds))
    if isinstance(kind := getattr(feature, "kind", None), str):
        yield kind


def warnings(events: Sequence[Understood], zone: tzinfo) -> Iterator[str]:
    """What the events have in common that usually differs, each as a sentence with what to look at."""
    if len(events) < _FEW:
        return
    late = [event.days_late for event in events if event.days_late is not None]
    if len(late) >= _FEW and not any(late):
        yield f"None of the {len(late)} obligations was late. Unless that is so, look at `days_late`."
    for where in dict.fromkeys((zone, UTC)):
        if all(event.time.astimezone(where).time() == time() for event in events):
            yield f"All events are at midnight ({where}). If only their day is known, say which instant is meant: `at`."
            break
    amounts = [event.amount for event in events if event.amount]
    if len(amounts) >= _FEW and all(amount % 100 == 0 for amount in amounts):
        yield "No amount has a fraction. Are they in minor units, and the mapping says `major`?"
    known = Counter(amounts)
    if sum(amount * 100 in known for amount in known) >= _HUNDREDFOLD:
        yield "Several amounts are there a hundredfold too. Are some in minor units, and others in major ones?"
    yield from _about_few([event.person for event in events])
    without = sorted({event.kind for event in events if not event.rules})
    if without:
        yield f"No rule of the scorecard looks at: {', '.join(without)}."


def _about_few(people: Sequence[str]) -> Iterator[str]:
    counts = Counter(people)
    if len(counts) == 1:
        yield "All events are about one person. Does `subject` name the right field?"
        return
    few = min(_HANDFUL, len(counts))
    of_few = sum(count for _, count in counts.most_common(few))
    if of_few >= few * _MANY_EACH and of_few * 10 >= len(people) * 9:
        yield f"{of_few:,} of {len(people):,} events are about {few} people. Does `subject` name the right field?"
