"""Whether somebody can gain by what is worse, because it leads into another segment (rules S10).

Within a segment the bins of a rule say which way is better, and are held to it. Over the border of a segment other
rules count, and these are compared: of two people who differ in one feature alone, the one with the worse value must
not have more points. Features are taken to be free of one another, as in `reach`, so that what two segments differ by
is a sum with one term for each feature, and is greatest where each term is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import NamedTuple, TypeAlias

from services.scorer.core.scorecard_parts import Direction, ScorecardParts
from services.scorer.core.values import TRIED_MAX, Value, Values, given_by, meeting, values_of
from shared.contracts.policy_parts import PolicyFault

_Given: TypeAlias = Mapping[str, Mapping[Value, int]]
"""The points that the rules of a segment give for each value, by feature."""
_PARTS_MAX = 100
"""Of a segment that more combinations of values lead into nothing is said."""


class _Crossing(NamedTuple):
    """Two people who differ in one feature, whose worse value leads into another segment."""

    before: Mapping[str, Value]
    after: Mapping[str, Value]
    sentence: str


def faults_of_borders(card: ScorecardParts) -> Iterator[PolicyFault]:
    """Only of a scorecard whose parts have no faults."""
    if not card.segments:
        return
    values, directions, codes = values_of(card), directions_of(card), card.segment_codes()
    given = [_given(card, segment.code, values) for segment in card.segments]
    parts = [_parts(card, place, values) for place in range(len(card.segments))]
    if max(len(each) ** 2 for each in values.values()) * sum(map(len, parts)) ** 2 > TRIED_MAX:
        return
    leading = dict.fromkeys(c.feature for each in card.segments for c in each.when if c.feature in directions)
    for one, other in permutations(range(len(card.segments)), 2):
        gains = {}
        for name, here, there in product(leading, parts[one], parts[other]):
            if crossing := _worst(card, name, directions[name], here, there, given[one], given[other]):
                gain = given_to(card, codes[other], crossing.after) - given_to(card, codes[one], crossing.before)
                gains[gain] = crossing.sentence
        if gains and (gain := max(gains)) > 0:
            code = card.segments[one].code
            leaves = f"leaves {code} for this segment, and can gain {gain} points"
            remedy = f"Give everybody in it so many fewer, or in {code} more."
            yield PolicyFault(("segments", other), f"{gains[gain]} {leaves}. {remedy}")


def directions_of(card: ScorecardParts) -> Mapping[str, Direction]:
    """Which way of a feature is better, where all rules that read it agree."""
    said: dict[str, set[Direction | None]] = defaultdict(set)
    for rule in card.rules:
        said[rule.feature].add(rule.direction)
    return {
        name: direction
        for name, (direction, *others) in said.items()
        if not others and direction in ("higher", "lower")
    }


def _given(card: ScorecardParts, segment: str, values: Values) -> _Given:
    rules = card.rules_of(segment)
    of_feature = {name: [given_by(rule) for rule in rules if rule.feature == name] for name in card.features}
    return {
        name: {value: sum(points(value) for points in of_feature[name]) for value in values[name]}
        for name in card.features
    }


def given_to(card: ScorecardParts, segment: str | None, values: Mapping[str, Value]) -> int:
    """What a person of a segment has by its rules, less what caps take."""
    rules = card.rules_of(segment)
    earned = {rule.code: given_by(rule)(values[rule.feature]) for rule in rules}
    taken = (
        cap.above(sum(earned[rule.code] - rule.unknown for rule in rules if rule.code in cap.rules))
        for cap in card.caps
    )
    return sum(earned.values()) - sum(taken)


def _parts(card: ScorecardParts, place: int, values: Values) -> Sequence[Values]:
    """The people of a segment: each part has some values of every feature, in any combination. All conditions of the
    segment hold, and of each segment above one does not."""
    found: list[Values] = [{**values, **meeting(card.segments[place].when, values)}]
    for above in card.segments[:place]:
        left: list[Values] = []
        for part in found:
            for name, held in meeting(above.when, part).items():
                if escaping := [value for value in part[name] if value not in held]:
                    left.append({**part, name: escaping})
        found = left
        if len(found) > _PARTS_MAX:
            return []
    return found


def _worst(
    card: ScorecardParts,
    name: str,
    direction: Direction,
    here: Values,
    there: Values,
    given_here: _Given,
    given_there: _Given,
) -> _Crossing | None:
    """Who gains most by a worse value of this feature that leads from here to there; None if nobody is led there."""
    same: dict[str, Value] = {}
    for feature in here.keys() - {name}:
        reached = set(there[feature])
        if not (both := [value for value in here[feature] if value in reached]):
            return None
        same[feature] = max(both, key=lambda value: given_there[feature][value] - given_here[feature][value])
    gains = {
        given_there[name][after] - given_here[name][before]: (before, after)
        for before, after in product(reversed(here[name]), reversed(there[name]))
        if is_worse(card, name, after, before, direction)
    }
    if not gains:
        return None
    before, after = gains[max(gains)]
    assert before is not None, "what is unknown is not better"
    assert after is not None, "what is unknown is not worse"
    moves = f"whoever goes from {before[0]} to {after[0]}"
    sentence = f"It contradicts the direction of {name}, {direction}: {moves}"
    return _Crossing({**same, name: before}, {**same, name: after}, sentence)


def is_worse(card: ScorecardParts, name: str, value: Value, than: Value, direction: Direction) -> bool:
    """Of two values that rest on as many observations, but for those that are a number of observations themselves."""
    if value is None or than is None or isinstance(value[0], str) or isinstance(than[0], str):
        return False
    if value[1] != than[1] and not card.features[name].is_observed:
        return False
    return value[0] < than[0] if direction == "higher" else value[0] > than[0]
