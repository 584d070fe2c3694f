"""What would raise a person's score: each behavior of the policy's catalogue, computed by scoring the person with it
against without it (rules S23)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from services.scorer.core import catalogue
from services.scorer.core.catalogue import AnyHint, Begin, Keep, Lasting, Settle, Tell, Use
from services.scorer.core.features.base import kinds_of
from services.scorer.core.folding import fold
from services.scorer.core.messages import Event, event_of, instant_of
from services.scorer.core.reasons.usual import Present as Present
from services.scorer.core.reasons.usual import Usual, had_lately
from services.scorer.core.records import NegativeRecord
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, decode, encode, without_lapsed
from shared.contracts.fields import AMOUNT_MAX
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.messages import BehaviorEvent, Consent
from shared.contracts.messages import encode as encode_body
from shared.contracts.months import day_of_month, month_name

_HINT = "hint"
_OUTLOOK_MONTHS = 12
_SHARE_STEP = 10
"""Per mille."""


class Hinted(msgspec.Struct, frozen=True):
    """A behavior that helps: at least `points` more than without it in the publication of the month after `through`, if
    all else goes on as usual."""

    hint: AnyHint
    points: int
    score: int
    """What that publication would say with it, at least."""
    through: int
    goes_on: bool = False
    """The person does this already, and would lose the points by ending it."""
    kinds: tuple[str, ...] = ()
    """The kinds that it is done with; where one of several is begun, the first of them stands for all."""


def hints(present: Present, card: Scorecard) -> list[Hinted]:
    """Those that help this person, whatever helps most first, and among equals what is sooner done."""
    ahead = _Ahead(present, card)
    found = [hinted for hint in card.hints if (hinted := ahead.hinted_by(hint)) is not None]
    return sorted(found, key=lambda hinted: (-hinted.points, hinted.through, hinted.hint.code))


def outlook(present: Present, card: Scorecard) -> list[tuple[int, int]]:
    """A year in which the person goes on as usual, with everything on time: each month, and the score of the
    publication after it."""
    ahead, months = _Ahead(present, card), range(present.through, present.through + _OUTLOOK_MONTHS)
    return [(through, ahead.score_as_usual(through)) for through in months]


def published_on(through: int, card: Scorecard) -> date:
    """When the score is published that sees a month. In continuous cadence that is within the month, and at its end all
    of it is seen."""
    if card.cadence == "continuous":
        return day_of_month(through + 1) - timedelta(days=1)
    return day_of_month(through + 1, card.publication_day)


class _Ahead:
    """What lies before a person by a scorecard. Most hints are held against the same months as usual, whose score is
    computed once."""

    def __init__(self, present: Present, card: Scorecard) -> None:
        self.usual = Usual(present)
        self._present = present
        self._card = card
        self._scores: dict[int, int] = {}

    def score(self, state: State, through: int) -> int:
        """A record that lapses before that publication is gone by then, whatever the person does."""
        published_at = datetime.combine(published_on(through, self._card), time(), UTC)
        return evaluate(without_lapsed(state, published_at), self._card, through, self._present.circle).score

    def hinted_by(self, hint: AnyHint) -> Hinted | None:
        """What the hint is worth to this person; None if it is not for this person, or helps nothing."""
        through = self._present.through + (hint.months - 1 if isinstance(hint, Lasting) else 0)
        kinds = _kinds(hint, self._present, self._card)
        usual, goes_on = self.usual.until(through), False
        if isinstance(hint, Keep):
            # Who was late pays late again without the hint, and who was on time would end it.
            codes = frozenset(KIND_OF[kind].code for kind in kinds)
            late = self.usual.late(codes)
            usual = self.usual.with_other_habits(through, ended=codes, late=frozenset())
            without = self.score(self.usual.with_other_habits(through, ended=codes - late, late=late), through)
            goes_on = not late and self.usual.has(codes)
        else:
            without = self.score_as_usual(through)
        followed = _followed(hint, usual, self.usual, through, kinds)
        score = min((self.score(each, through) for each in followed), default=without)
        if score <= without:
            return None
        named = kinds[:1] if isinstance(hint, Begin) else kinds
        return Hinted(hint, score - without, score, through, goes_on, named)

    def score_as_usual(self, through: int) -> int:
        if through not in self._scores:
            self._scores[through] = self.score(self.usual.until(through), through)
        return self._scores[through]


def _followed(hint: AnyHint, usual: State, ahead: Usual, through: int, kinds: tuple[str, ...]) -> Iterator[State]:
    """The states of the person who has followed the hint, each in another way that its sentence leaves open. It is the
    worst of them that may be promised."""
    present = ahead.present
    months = range(present.through, through + 1)
    match hint:
        case Keep():
            if kinds:
                yield with_events(usual, list(_events(kinds, months, 0, ahead)))
        case Begin():
            for kind in kinds:
                yield with_events(usual, list(_events((kind,), months, hint.at_least)))
        case Tell():
            for figure in (hint.at_least, AMOUNT_MAX) if kinds else ():
                yield with_events(usual, list(_events(kinds, months, figure)))
        case Use():
            for shares in _billed(hint, months) if ahead.bills(hint.below) else ():
                yield ahead.with_less_billed(through, hint.below, shares)
        case catalogue.State():
            known = present.state.facts.get(KIND_OF[hint.kind].code)
            if known is None or known[2] != hint.value:
                body = BehaviorEvent(kind=hint.kind, value=hint.value)
                # Later than any fact that is known.
                yield with_events(usual, [_event(body, present.through + 1, 0)])
        case Settle():
            ended_on, others = day_of_month(through + 1), usual
            for key, record in usual.records.items():
                if record.record_class and record.counts and not record.settled:
                    others = with_record(others, key, settled(record, ended_on))
            yield others


def _billed(hint: Use, months: range) -> Iterator[dict[int, int]]:
    """By month the share of the limits that is billed, per mille: the same in all, or in some the least that the hint
    names and in the others the most. More of it may be worse, or better, or first one and then the other."""
    least, most = hint.at_least, hint.below
    for share in (*range(least, most, _SHARE_STEP), most):
        yield dict.fromkeys(months, share)
    for turn in months[1:]:
        yield {month: least if month < turn else most for month in months}
        yield {month: most if month < turn else least for month in months}


def _kinds(hint: AnyHint, present: Present, card: Scorecard) -> tuple[str, ...]:
    """Of the hint's kinds those with which this person would do it, or with one of which; none if it is for others."""
    if not isinstance(hint, Keep | Begin | Tell):
        return ()
    had = had_lately(present)
    kinds = list(kinds_of(hint.kinds, card.kinds))
    known = tuple(kind.name for kind in kinds if kind.code in had)
    lacking = tuple(kind.name for kind in kinds if kind.code not in had)
    match hint:
        case Keep():
            return known
        case Begin() | Tell():
            return lacking


def _events(kinds: tuple[str, ...], months: range, at_least: int, kept: Usual | None = None) -> Iterator[Event]:
    """One of each of these kinds in each of these months. Figures are as low as may be: no higher one earns less. So is
    what is paid, 1 at least, but of what is kept up, which comes to what it usually does."""
    for month in months:
        for index, name in enumerate(kinds):
            match KIND_OF[name].shape:
                case Shape.FIGURE:
                    consent = Consent(id=_HINT, purpose=_HINT, given_at=instant_of(0))
                    body = BehaviorEvent(kind=name, amount=at_least, consent=consent)
                case shape:
                    days_late = 0 if shape is Shape.OBLIGATION else None
                    paid = (
                        max(at_least, 1)
                        if kept is None
                        else min(kept.left_to_pay(KIND_OF[name].code, month), AMOUNT_MAX)
                    )
                    body = BehaviorEvent(kind=name, days_late=days_late, amount=paid or None)
            yield _event(body, month, index)


def with_events(of: State, events: Sequence[Event]) -> State:
    """The state with these taken in, of which none is too late."""
    copy = decode(encode(of))
    copy.open_from = 0
    for event in events:
        fold(copy, event, event.arrival_month)
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
