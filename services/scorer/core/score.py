"""From a person's state to a score whose items sum exactly to it (rules S1 to S18). Integers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from services.scorer.core import held
from services.scorer.core.compiled import Program, Values
from services.scorer.core.features.months import Circle, Months
from services.scorer.core.features.stated import CONTACTS_MIN
from services.scorer.core.held import Held
from services.scorer.core.scorecard import BASE, Records, Scorecard, taken_back
from services.scorer.core.state import State

KEY_FACTORS_MAX = 4
LIMIT = "limit"
"""What the item of a limit rests on: the highest score. Such an item is there for as long as the limit holds."""

RestsOn: TypeAlias = dict[str, int | str]


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One summand of a score. `rests_on` are the figures behind it, empty where the feature is unknown."""

    code: str
    points: int
    best: int
    rests_on: RestsOn


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
    if program.caps:
        items += _taken_back(program, items)
    if program.missing is not None:
        items.append(Item(program.missing[0], 0, program.missing[1], {}))
    records = held.counting(state)
    if card.records is not None:
        items.append(_of_records(card.records, state, through))
    limits = [(limit.code, limit.score) for limit in card.compiled.limits if limit.holds(values)]
    history = through - state.first + 1 if state.first else 0
    return _composed(items, limits, held.imposed(records, card), thin=history < card.months_min)


def with_records_changed(last: Evaluation, state: State, card: Scorecard, through: int) -> Evaluation:
    """The last evaluation with what follows from the records as they now are, and nothing else moved: their item,
    ceiling, floor and restrictions. An item that the last one did not have comes with its policy's publication."""
    items = _without_records(last)
    if card.records is not None:
        renewed = _of_records(card.records, state, through)
        items = [renewed if item.code == renewed.code else item for item in items]
    return _composed(items, _limits_of(last), held.imposed(held.counting(state), card), last.thin)


def without_records(evaluation: Evaluation) -> Evaluation:
    """What would have been published had there been no record, by whatever policy it was: what the history keeps of a
    publication once a record that it may have rested on is gone."""
    left = _composed(_without_records(evaluation), _limits_of(evaluation), held.NOTHING, evaluation.thin)
    return msgspec.structs.replace(left, moves=evaluation.moves)


_Limits: TypeAlias = Sequence[tuple[str, int]]
"""Code and highest score of each limit that holds."""
_ON_CONTACTS: RestsOn = {"contacts_at_least": CONTACTS_MIN}
"""No standing and no number of them: it would tell whether a certain person has confirmed being a contact."""


def _of_rules(program: Program, values: Values) -> list[Item]:
    items = []
    for code, feature, unknown, best, points, shown in program.steps:
        measured = values[feature]
        if measured is None:
            items.append(Item(code, unknown, best, {}))
        elif shown:
            value, observations = measured
            items.append(Item(code, points(measured), best, {"value": value, "observations": observations}))
        else:
            items.append(Item(code, points(measured), best, _ON_CONTACTS))
    return items


def _taken_back(program: Program, items: Sequence[Item]) -> list[Item]:
    unknown = program.unknown
    gains = {item.code: item.points - unknown[item.code] for item in items if item.code in unknown}
    taken = ((cap.code, taken_back(cap, gains), most) for cap, most in program.caps)
    return [Item(code, -points, -most, {}) for code, points, most in taken if points]


def _of_records(rule: Records, state: State, through: int) -> Item:
    records = held.counting(state)
    return Item(rule.code, held.cost(rule, records, through), 0, held.rests_on(records))


COMPOSED = frozenset({"base", "floor", "ceiling"})


def _without_records(evaluation: Evaluation) -> list[Item]:
    """The items of the rules, with nothing left in those that rest on records."""
    items = (i for i in evaluation.items if i.code not in COMPOSED and LIMIT not in i.rests_on)
    return [Item(i.code, i.best, i.best, {}) if held.RESTS_ON_RECORDS & i.rests_on.keys() else i for i in items]


def _limits_of(evaluation: Evaluation) -> _Limits:
    return [(item.code, int(item.rests_on[LIMIT])) for item in evaluation.items if LIMIT in item.rests_on]


def _composed(rules: Sequence[Item], limits: _Limits, records: Held, thin: bool) -> Evaluation:
    """The items with base, floor, limits (rules S19) and ceiling (rules S14), and their sum (rules S1 and S2)."""
    items = [Item("base", BASE, BASE, {}), *rules]
    score = sum([item.points for item in items])
    if score < BASE:
        items.append(Item("floor", BASE - score, 0, {}))
        score = BASE
    for code, highest in limits:
        # Where it does not bite it stays known, for a publication between two runs.
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
    costs = [(item.best - item.points, item.code) for item in items if item.points < item.best]
    costs.sort(key=_by_cost)
    return tuple([code for _, code in costs[:KEY_FACTORS_MAX]])


def _by_cost(cost: tuple[int, str]) -> int:
    return -cost[0]
