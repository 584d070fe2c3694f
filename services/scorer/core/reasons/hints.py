"""What would raise a person's score: each behavior of the policy's catalogue, computed by scoring the person with it
against without it (rules S23)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from services.scorer.core import catalogue
from services.scorer.core.catalogue import AnyHint, Keep, Settle
from services.scorer.core.features.base import kinds_of
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import fold
from services.scorer.core.messages import Event, event_of
from services.scorer.core.records import NegativeRecord
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, decode, encode, unpack_vectors
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import BehaviorEvent
from shared.contracts.messages import encode as encode_body
from shared.contracts.months import day_of_month, month_name

_HAD_MONTHS = 12
_HINT = "hint"


class Present(msgspec.Struct, frozen=True):
    """A person as known now, and the month through which the next publication looks, the running one as a rule."""

    state: State
    circle: Circle | None
    through: int


class Hinted(msgspec.Struct, frozen=True):
    """A behavior that helps: `points` more than without it in the publication of the month after `through`, whatever
    else stays as it is known now."""

    hint: AnyHint
    points: int
    score: int
    """What that publication would say with it."""
    through: int
    kinds: tuple[str, ...] = ()
    """The kinds that the person would keep."""


def hints(present: Present, card: Scorecard) -> list[Hinted]:
    """Those that help this person, whatever helps most first, and among equals what is sooner done."""
    found = [hinted for hint in card.hints if (hinted := hinted_by(hint, present, card)) is not None]
    return sorted(found, key=lambda hinted: (-hinted.points, hinted.through, hinted.hint.code))


def hinted_by(hint: AnyHint, present: Present, card: Scorecard) -> Hinted | None:
    """What the hint is worth to this person; None if it is not for this person, or helps nothing."""
    through = present.through + (hint.months - 1 if isinstance(hint, Keep) else 0)
    without = evaluate(present.state, card, through, present.circle).score
    best: Hinted | None = None
    for followed in _followed(hint, present, card, through):
        score = evaluate(followed, card, through, present.circle).score
        if score > without and (best is None or score > best.score):
            best = Hinted(hint, score - without, score, through, kinds_kept(hint, present, card))
    return best


def _followed(hint: AnyHint, present: Present, card: Scorecard, through: int) -> Iterator[State]:
    """The states of the person who has followed the hint, each in another way."""
    match hint:
        case Keep():
            events = list(events_of(hint, present, card))
            if events:
                yield with_events(present.state, events)
        case catalogue.State():
            known = present.state.facts.get(KIND_OF[hint.kind].code)
            if known is None or known[2] != hint.value:
                body = BehaviorEvent(kind=hint.kind, value=hint.value)
                # Later than any fact that is known.
                yield with_events(present.state, [_event(body, present.through + 1, 0)])
        case Settle():
            ended_on = day_of_month(through + 1)
            for key, record in present.state.records.items():
                if record.record_class and record.counts and not record.settled:
                    yield with_record(present.state, key, settled(record, ended_on))


def kinds_kept(hint: AnyHint, present: Present, card: Scorecard) -> tuple[str, ...]:
    """Of the hint's kinds those that the person had within a year; or the first one, where it may be a new one."""
    if not isinstance(hint, Keep):
        return ()
    had = _had(present)
    kinds = list(kinds_of(hint.kinds, card.kinds))
    kept = [kind.name for kind in kinds if kind.code in had]
    return tuple(kept or ([kinds[0].name] if hint.anew else []))


def _had(present: Present) -> set[int]:
    months = present.state.months.items()
    return {code for m, packed in months if m > present.through - _HAD_MONTHS for code in unpack_vectors(packed)}


def events_of(hint: Keep, present: Present, card: Scorecard) -> Iterator[Event]:
    """The events of somebody who follows the hint from the running month on."""
    for month in range(present.through, present.through + hint.months):
        for index, name in enumerate(kinds_kept(hint, present, card)):
            is_owed = KIND_OF[name].shape is Shape.OBLIGATION
            yield _event(BehaviorEvent(kind=name, days_late=0 if is_owed else None), month, index)


def with_events(of: State, events: Sequence[Event]) -> State:
    """The state with these taken in, of which none is too late."""
    copy = decode(encode(of))
    copy.open_from = 0
    for event in events:
        fold(copy, event, event.arrived)
    return copy


def settled(record: NegativeRecord, on: date) -> NegativeRecord:
    return msgspec.structs.replace(record, settled=True, ended_on=on)


def with_record(of: State, key: bytes, record: NegativeRecord | None) -> State:
    """The state with another record in the place of one, or with none."""
    others = {k: known for k, known in of.records.items() if k != key}
    return msgspec.structs.replace(of, records=others if record is None else {**others, key: record})


def _event(body: BehaviorEvent, month: int, index: int) -> Event:
    at = datetime.combine(day_of_month(month), time(), UTC) + timedelta(days=14, minutes=index)
    name = f"{month_name(month)}-{body.kind}"
    return event_of("", _HINT, name, _HINT, at, month, encode_body(body), body, UTC)
