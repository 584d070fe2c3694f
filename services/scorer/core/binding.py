"""Whether a limit lowers the score of somebody for doing better (rules S19).

The bins of a rule follow its direction. A limit would turn that around if its conditions held for better values and not
for worse ones. It is refused if somebody is found who loses by it: who has the best points of all rules as far as the
other conditions allow, or what leaves the highest score where other limits hold such a person down. Each is looked at
without the others too that are turned around on its feature, since one of them would hide what another takes. Features
are taken to be free of one another, as in `reach`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TypeAlias

import msgspec

from services.scorer.core.borders import directions_of, given_to, is_worse
from services.scorer.core.compiled import all_of
from services.scorer.core.scorecard_parts import BASE, Condition, Direction, ScorecardParts
from services.scorer.core.values import TRIED_MAX, Value, Values, given_by, meeting, values_of
from shared.contracts.policy_parts import PolicyFault

_Person: TypeAlias = Mapping[str, Value]
_Pairs: TypeAlias = Sequence[tuple[Value, Value]]
"""A value for which the conditions do not hold, and a better one for which they do."""
_TRIED_MAX = 10 * TRIED_MAX


def faults_of_binding(card: ScorecardParts) -> Iterator[PolicyFault]:
    """Only of a scorecard whose parts have no faults."""
    told = {name: feature.better for name, feature in card.features.items() if feature.better}
    directions: Mapping[str, Direction] = {**told, **directions_of(card)}
    values = values_of(card)
    asked = {condition.feature for condition in card.conditions()}
    if len(card.limits) * max((len(values[name]) for name in asked), default=0) ** 2 > _TRIED_MAX:
        return
    found = [
        (at, limit, name, pairs)
        for at, limit in enumerate(card.limits)
        for name in dict.fromkeys(condition.feature for condition in limit.when)
        if name in directions and (pairs := _turned(card, limit.when, name, directions[name], values))
    ]
    # Each step is tried with all values of the other features, and every limit is asked of each of them.
    tried = sum(len(pairs) * (1 + sum(len(values[other]) for other in asked - {name})) for *_, name, pairs in found)
    if tried * (len(card.rules) + len(card.limits)) * len(card.segment_codes()) > _TRIED_MAX:
        return
    for at, limit, name, pairs in found:
        others = {other.code for _, other, of, _ in found if of == name} - {limit.code}
        cards = [(of, _without(of, {limit.code})) for of in (card, _without(card, others))]
        falls = [fall for pair in pairs for fall in _falls(cards, limit.when, name, pair, values)]
        if falls:
            points, moves = max(falls)
            does = f"whoever goes {moves} meets the conditions and can lose {points} points by it"
            sentence = f"It contradicts the direction of {name}, {directions[name]}: {does}. Turn them around."
            yield PolicyFault(("limits", at, "when"), sentence)


def _turned(card: ScorecardParts, when: Sequence[Condition], name: str, direction: Direction, values: Values) -> _Pairs:
    """The steps by which somebody does better and comes under the conditions, with as many observations as there are:
    nearly always none."""
    met = meeting(when, values)
    if not all(met.values()):
        # It never holds, which `reach` tells.
        return []
    held = met[name]
    others = [value for value in values[name] if value not in held]
    steps = [(worse, better) for better in held for worse in others if is_worse(card, name, worse, better, direction)]
    most = max((better[1] for _, better in steps if better), default=0)
    return steps if card.features[name].is_observed else [step for step in steps if step[1] and step[1][1] == most]


def _without(card: ScorecardParts, codes: Set[str]) -> ScorecardParts:
    """The scorecard without the limits of these codes."""
    limits = tuple(limit for limit in card.limits if limit.code not in codes)
    return msgspec.structs.replace(card, limits=limits)


def _falls(
    cards: Sequence[tuple[ScorecardParts, ScorecardParts]],
    when: Sequence[Condition],
    name: str,
    pair: tuple[Value, Value],
    values: Values,
) -> Iterator[tuple[int, str]]:
    """What people lose by such a step who would lose nothing without the limit. `cards` have it and do not have it; the
    first is the scorecard itself."""
    (card, _), (worse, better) = cards[0], pair
    assert worse is not None, "what is unknown is not worse"
    assert better is not None, "what is unknown is not better"
    for segment in card.segment_codes():
        before = _highest(card, {**values, **meeting(when, values), name: [worse]}, segment)
        score, after = _score(card, before), {**before, name: better}
        for has, has_not in cards:
            if (left := _score(has, after)) < score <= _score(has_not, after):
                yield score - left, f"from {worse[0]} to {better[0]}"


def _highest(card: ScorecardParts, values: Values, segment: str | None) -> _Person:
    """Somebody with one of these values of each feature: those of the best points in the segment, and, of what
    conditions ask for, those of the highest score."""
    given = {name: [given_by(rule) for rule in card.rules_of(segment) if rule.feature == name] for name in values}
    person: dict[str, Value] = {}
    for name, of in values.items():
        points = {value: sum(each(value) for each in given[name]) for value in of}
        person[name] = max(of, key=points.__getitem__)
    for name in dict.fromkeys(condition.feature for condition in card.conditions()):
        scores = {value: _score(card, {**person, name: value}) for value in (person[name], *values[name])}
        person[name] = max(scores, key=scores.__getitem__)
    return person


def _score(card: ScorecardParts, person: _Person) -> int:
    """Without records."""
    names = list(person)
    known = [person[name] for name in names]
    segment = next((each.code for each in card.segments if all_of(each.when, names)(known)), None)
    score = max(BASE, BASE + given_to(card, segment, person))
    return min([score, *(limit.ceiling for limit in card.limits if all_of(limit.when, names)(known))])
