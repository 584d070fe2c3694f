"""What each negative record costs today, and when its points come back (rules S24)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, tzinfo

import msgspec

from services.scorer.core import held
from services.scorer.core.messages import instant_of
from services.scorer.core.reasons.hints import Present, settled, with_record
from services.scorer.core.records import NegativeRecord
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, short_hash
from shared.contracts.months import day_of_month

_MONTHS_AHEAD = 120


class RecordCost(msgspec.Struct, frozen=True):
    """What one record that counts takes from the score today, what it imposes counted in: a ceiling may cost more than
    the record's own points."""

    kind: str
    record_class: str
    is_settled: bool
    amount: int | None
    points: int
    """The score with the record against without it, 0 or less."""
    points_when_settled: int | None
    """The same if the record were settled today; None for one that is settled."""
    eases: tuple[tuple[int, int], ...]
    """The months whose publication sees its own points shrink by age, each with its own points from then on."""
    lapses_on: date | None
    """The day from which on it is gone; None while it is not settled."""


def record_costs(present: Present, card: Scorecard, today: date, zone: tzinfo) -> list[RecordCost]:
    """Of each record that counts, the costliest first."""
    costs = [_cost(key, present, card, today, zone) for key in _counting(present)]
    return sorted(costs, key=lambda cost: (cost.points, cost.kind))


def points_of(present: Present, card: Scorecard, record_id: str) -> int:
    """The score with this record less the score without it, 0 or less; 0 for one that does not count."""

    def score_of(state: State) -> int:
        return evaluate(state, card, present.through - 1, present.circle).score

    key = short_hash(record_id)
    return score_of(present.state) - score_of(with_record(present.state, key, None))


def _counting(present: Present) -> list[bytes]:
    counting = held.counting(present.state)
    return [key for key, record in present.state.records.items() if record in counting]


def _cost(key: bytes, present: Present, card: Scorecard, today: date, zone: tzinfo) -> RecordCost:
    record, through = present.state.records[key], present.through - 1

    def score_with(other: NegativeRecord | None) -> int:
        """Today's score: it looks at the months that are complete, not at the running one."""
        return evaluate(with_record(present.state, key, other), card, through, present.circle).score

    without = score_with(None)
    lapses_on = None if record.lapses_at_us is None else instant_of(record.lapses_at_us).astimezone(zone).date()
    return RecordCost(
        kind=record.kind,
        record_class=str(record.record_class),
        is_settled=record.settled,
        amount=record.amount,
        points=score_with(record) - without,
        points_when_settled=None if record.settled else score_with(settled(record, today)) - without,
        eases=tuple(_eases(record, card, through, lapses_on)),
        lapses_on=lapses_on,
    )


def _eases(record: NegativeRecord, card: Scorecard, through: int, lapses_on: date | None) -> Iterator[tuple[int, int]]:
    if card.records is None:
        return
    points = held.cost(card.records, [record], through)
    for later in range(through + 1, through + _MONTHS_AHEAD):
        if lapses_on is not None and day_of_month(later + 1, card.publication_day) >= lapses_on:
            return
        eased = held.cost(card.records, [record], later)
        if eased != points:
            yield later + 1, eased
        points = eased
