"""The values of features at which something in a scorecard changes: a bin begins there, or a condition.

Between two of them nothing changes, so that what is asked of a scorecard is asked of these alone. Each is looked at
with few observations and with many, since with few of them a loss may cost nothing yet, and a gain is not whole yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import TypeAlias

from services.scorer.core.compiled import all_of, points_of
from services.scorer.core.features.base import Measured
from services.scorer.core.features.stated import Fact
from services.scorer.core.scorecard_parts import Condition, Rule, ScorecardParts
from shared.contracts.kinds import KIND_OF

Value: TypeAlias = Measured | None
"""None where it is unknown."""
Values: TypeAlias = Mapping[str, Sequence[Value]]
"""By feature."""
TRIED_MAX = 1_000_000
"""A policy for which more values would have to be looked at is not checked, because that would take too long."""


def values_of(card: ScorecardParts) -> Values:
    """Of every feature, each with all numbers of observations that matter."""
    return {name: [None, *_measured(card, name)] for name in card.features}


def values_of_conditions(card: ScorecardParts) -> Values:
    """The same for conditions alone, which ask for no observations."""
    return {name: [None, *((known, 1) for known in _known(card, name))] for name in card.features}


def _measured(card: ScorecardParts, name: str) -> Sequence[Measured]:
    known, observations = _known(card, name), _observations(card, name)
    if card.features[name].is_observed:
        # Nobody has 24 months of history of which one was observed.
        numbers = {number for number in (*known, *observations) if isinstance(number, int)}
        return [(number, number) for number in sorted(numbers)]
    return list(product(known, observations))


def _known(card: ScorecardParts, name: str) -> Sequence[int | str]:
    feature = card.features[name]
    if isinstance(feature, Fact):
        return KIND_OF[feature.kind].values
    # What rests on no observation is unknown, and not 0.
    lowest, highest = 1 if feature.is_observed else feature.lowest or 0, feature.highest(card.kinds)
    starts = {lowest, *(bin.at_least or 0 for rule in card.rules if rule.feature == name for bin in rule.bins)}
    for condition in card.conditions():
        if condition.feature == name:
            starts |= {bound for bound in (condition.at_least, condition.below) if bound is not None}
    return [start for start in sorted(starts) if lowest <= start and (highest is None or start <= highest)]


def _observations(card: ScorecardParts, name: str) -> Sequence[int]:
    """Numbers of observations, up to the one at which every gain and loss is whole. For a single rule the ends are
    enough, since between them its points move in one direction. The sum of several rules, each of which is rounded, may
    be lowest anywhere."""
    reading = [rule.evidence for rule in card.rules if rule.feature == name]
    whole = {n for each in reading if each for n in (each.full, each.below or each.full)}
    most = card.features[name].most_observed(card.kinds)
    last = min(max(whole, default=1), most or max(whole, default=1))
    return range(1, last + 1) if len(reading) > 1 else sorted({1, *(n for n in whole if n <= last), last})


def given_by(rule: Rule) -> Callable[[Value], int]:
    points = points_of(rule)
    return lambda value: rule.unknown if value is None else points(value)


def meeting(when: Sequence[Condition], values: Values) -> Values:
    """Of each feature that the conditions name, the values that meet all of them that are on it."""
    names = dict.fromkeys(condition.feature for condition in when)
    holds = {name: all_of([each for each in when if each.feature == name], [name]) for name in names}
    return {name: [value for value in values[name] if holds[name]([value])] for name in names}
