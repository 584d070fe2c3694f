"""From a person's state to a score whose items sum exactly to it (rules S1 to S18). Integers only."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from operator import itemgetter
from typing import TypeAlias

import msgspec

from services.scorer.core import held
from services.scorer.core.compiled import Program, Values
from services.scorer.core.features.months import Circle, Months
from services.scorer.core.held import Held
from services.scorer.core.item import Item as Item
from services.scorer.core.item import RestsOn as RestsOn
from services.scorer.core.records import NegativeRecord
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import BASE, Records
from services.scorer.core.state import State

KEY_FACTORS_MAX = 4
_POINTS = itemgetter(0)
LIMIT = "limit"
"""What the item of a limit rests on: the highest score. Such an item is there for as long as the limit holds."""

Move: TypeAlias = tuple[str, str, int]
"""Cause, code of the rule, and points: how much of the change of one item has that cause."""


class Evaluation(msgspec.Struct, frozen=True, array_like=True):
    """A score and why it is what it is. The points of `items` sum exactly to `score`, 350 to 950.

    Items are the base, the rules of the person's segment in the policy's order, what caps take, what is out of reach in
    the segment, the records, and floor, limits and ceiling where they bear on the score.
    `key_factors` are the codes of what costs most points, at most four, the costliest first.
    """

    score: int
    thin: bool
    restrictions: tuple[str, ...]
    key_factors: tuple[str, ...]
    items: tuple[Item, ...]
    moves: tuple[Move, ...] = ()
    """What moved the points of rules since the publication before, see `moves`: nothing where it was not asked."""

    @property
    def result(self) -> tuple[int, bool, tuple[str, ...]]:
        """What subscribers act on; in continuous cadence a change of it is what gets published."""
        return self.score, self.thin, self.restrictions


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Evaluation)
encode = _encoder.encode
decode = _decoder.decode


def evaluate(state: State, card: Scorecard, through: int, circle: Circle | None = None) -> Evaluation:
    """The score over the months up to and including `through`."""
    return evaluate_walked(card.compiled.walked(state, through, circle), card)


def evaluate_walked(months: Months, card: Scorecard) -> Evaluation:
    """The score over months that were walked for this scorecard; thin with too short a history (rules S17)."""
    state, through = months.state, months.through
    program, values = card.compiled.run(months)
    items = _of_rules(program, values)
    if (without := card.compiled.without_light(program, months)) is not None:
        items = [
            _at_most(item, step.of(without[step.feature])) for item, step in zip(items, program.steps, strict=True)
        ]
    if program.caps:
        items += _taken_back(program, items)
    if program.missing is not None:
        items.append(program.missing)
    records = held.counting(state)
    if card.records is not None:
        items.append(_of_records(card.records, records, through))
    limits = card.compiled.limits(values)
    history = through - state.first + 1 if state.first else 0
    return _composed(items, limits, held.imposed(records, card), thin=history < card.months_min)


def standing(evaluation: Evaluation, months: Months, card: Scorecard) -> int:
    """What others' scores may see of a person: the score without what the contacts bear on it. So nobody's standing
    rests on anybody else's, and no circle of contacts can pass points around (rules S12)."""
    if months.circle is None:
        return evaluation.score
    alone = copy(months)
    alone.circle = None
    return evaluate_walked(alone, card).score


def with_records_changed(last: Evaluation, state: State, card: Scorecard, through: int) -> Evaluation:
    """The last evaluation with what follows from the records as they now are, and nothing else moved: their item,
    ceiling, floor and restrictions. An item that the last one did not have comes with its policy's publication."""
    items, records = _without_records(last), held.counting(state)
    if card.records is not None:
        renewed = _of_records(card.records, records, through)
        items = [renewed if item.code == renewed.code else item for item in items]
    return _composed(items, _limits_of(last), held.imposed(records, card), last.thin)


def without_records(evaluation: Evaluation) -> Evaluation:
    """What would have been published had there been no record, by whatever policy it was: what the history keeps of a
    publication once a record that it may have rested on is gone."""
    left = _composed(_without_records(evaluation), _limits_of(evaluation), held.NOTHING, evaluation.thin)
    return msgspec.structs.replace(left, moves=evaluation.moves)


_Limits: TypeAlias = Sequence[tuple[str, int]]
"""Code and highest score of each limit that holds."""


def _of_rules(program: Program, values: Values) -> list[Item]:
    items = []
    for feature, unknown, known in program.steps:
        measured = values[feature]
        items.append(unknown if measured is None else known(measured))
    return items


def _at_most(item: Item, other: Item) -> Item:
    return item if item.points <= other.points else Item(item.code, other.points, item.best, item.basis)


def _taken_back(program: Program, items: Sequence[Item]) -> list[Item]:
    """What is above the caps (rules S11)."""
    found = []
    for code, steps, most_points, shown, most in program.caps:
        points = sum([items[at].points for at in steps])
        if points > most_points:
            found.append(Item(code, most_points - points, -most, shown))
    return found


def _of_records(rule: Records, records: Sequence[NegativeRecord], through: int) -> Item:
    if not records:
        return Item(rule.code, 0, 0, {})
    return Item(rule.code, held.cost(rule, records, through), 0, held.rests_on(records))


COMPOSED = frozenset({"base", "floor", "ceiling"})
_BASE = Item("base", BASE, BASE, {})


def _without_records(evaluation: Evaluation) -> list[Item]:
    """The items of the rules, with nothing left in those that rest on records; all as they are kept today, so that two
    publications that say the same have the same bytes."""
    items = (i for i in evaluation.items if i.code not in COMPOSED and LIMIT not in i.rests_on)
    return [
        Item(i.code, i.best, i.best, {}) if held.RESTS_ON_RECORDS & i.rests_on.keys() else i.upgraded() for i in items
    ]


def _limits_of(evaluation: Evaluation) -> _Limits:
    return [(item.code, int(item.rests_on[LIMIT])) for item in evaluation.items if LIMIT in item.rests_on]


def _composed(rules: Sequence[Item], limits: _Limits, records: Held, thin: bool) -> Evaluation:
    """The items with base, floor, limits (rules S19) and ceiling (rules S14), and their sum (rules S1 and S2)."""
    items = [_BASE, *rules]
    score = sum([item.points for item in items])
    if score < BASE:
        items.append(Item("floor", BASE - score, 0, {}))
        score = BASE
    for code, highest in limits:
        # A limit that does not lower the score is kept too, for a publication between two runs.
        taken = max(0, score - highest)
        items.append(Item(code, -taken, 0, {LIMIT: highest}))
        score -= taken
    if records.ceiling is not None and score > records.ceiling[0]:
        highest, record_class = records.ceiling
        items.append(Item("ceiling", highest - score, 0, {"ceiling": highest, "record_class": record_class}))
        score = highest
    return Evaluation(score, thin, records.restrictions, _key_factors(items), tuple(items))


def _key_factors(items: Sequence[Item]) -> tuple[str, ...]:
    """What costs most against the best; among equals the policy's order decides (rules S16)."""
    costs = [(cost, item.code) for item in items if (cost := item.points - item.best) < 0]
    costs.sort(key=_POINTS)
    return tuple([code for _, code in costs[:KEY_FACTORS_MAX]])
