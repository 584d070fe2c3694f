"""What is held against a person: what the records that count cost, and the ceiling and restrictions they impose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from services.scorer.core.features.months import WHOLE
from services.scorer.core.records import NegativeRecord
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Records
from services.scorer.core.state import State
from shared.contracts.kinds import RecordClass


class Held(NamedTuple):
    """What records impose: the highest score with the class that sets it, and restrictions."""

    ceiling: tuple[int, str] | None
    restrictions: tuple[str, ...]


NOTHING = Held(None, ())
RESTS_ON_RECORDS = frozenset(f"{each}_{end}" for each in RecordClass for end in ("settled", "unsettled"))
"""What an item that rests on records says of them: how many there are of each."""


def counting(state: State) -> Sequence[NegativeRecord]:
    return [record for record in state.records.values() if record.record_class and record.counts]


def imposed(records: Sequence[NegativeRecord], card: Scorecard) -> Held:
    """The lowest ceiling (rules S14), and the restrictions of what is unsettled (rules S15)."""
    if not records:
        return NOTHING
    unsettled = {_class_of(record) for record in records if not record.settled}
    settled = {_class_of(record) for record in records if record.settled}
    ceilings = [(card.ceilings[c], c) for c in unsettled if c in card.ceilings]
    ceilings += [(card.settled_ceilings[c], c) for c in settled if c in card.settled_ceilings]
    restrictions = {code for each in unsettled for code in card.restrictions.get(each, ())}
    return Held(min(((score, str(each)) for score, each in ceilings), default=None), tuple(sorted(restrictions)))


def cost(rule: Records, records: Sequence[NegativeRecord], through: int) -> int:
    """The points of these records, 0 or less (rules S13). `through` is the last complete month."""
    return max(sum(_cost(rule, record, through) for record in records), rule.lowest)


def rests_on(records: Sequence[NegativeRecord]) -> dict[str, int | str]:
    """How many there are of each class, settled or not."""
    kinds = sorted(f"{record.record_class}_{'settled' if record.settled else 'unsettled'}" for record in records)
    return {**Counter(kinds)}


def _cost(rule: Records, record: NegativeRecord, through: int) -> int:
    of_class = rule.cost(_class_of(record))
    points = -(of_class.settled if record.settled else of_class.open)
    if rule.small and record.amount is not None and record.amount < rule.small.below:
        points = points * rule.small.percent // WHOLE
    if rule.halves and record.settled and record.ended_on is not None:
        age = through - (record.ended_on.year * 12 + record.ended_on.month - 1)
        points >>= max(0, age) // rule.halves
    return -points


def _class_of(record: NegativeRecord) -> RecordClass:
    return RecordClass(record.record_class or "")
