"""Whether anybody can have the highest score of a scorecard, and the lowest (rules S5), and be in each segment.

Each feature is taken to be independent of the others. So whatever is refused is out of everybody's reach, but not
everything that is out of reach is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from services.scorer.core.scorecard_parts import BASE, POINTS, Condition, Rule, ScorecardParts
from services.scorer.core.values import TRIED_MAX, Value, Values, given_by, meeting, values_of, values_of_conditions
from shared.contracts.kinds import RecordClass
from shared.contracts.policy_parts import PolicyFault

T = TypeVar("T")

_HIGHEST, _LOWEST = BASE + POINTS, BASE


def faults_of_reach(card: ScorecardParts) -> Iterator[PolicyFault]:
    """Only of a scorecard whose parts have no faults, and whose dimensions have their shares."""
    yield from faults_of_meeting(card)
    values = values_of(card)
    if sum(len(values[rule.feature]) for rule in card.rules) * len(card.segment_codes()) > TRIED_MAX:
        return
    # A segment whose rules come to less has its own item for that, and nobody in it is meant to have the best score.
    meant = [segment for segment in card.segment_codes() if _most(card, segment) == POINTS]
    blocked = [_blocked(card, segment, values) for segment in meant]
    if all(blocked):
        yield from dict.fromkeys(fault for fault in blocked if fault)
    worst = min(_least(card, segment, values) for segment in card.segment_codes())
    if worst > 0 and _LOWEST not in _ceilings(card):
        comes_to = f"the worst that there is comes to {_LOWEST + worst}"
        yield PolicyFault(("rules",), f"Nobody can fall to {_LOWEST}: {comes_to}. Let something cost more.")


# -- segments and limits that nobody meets -----------------------------------------------------------------------------


def faults_of_meeting(card: ScorecardParts) -> Iterator[PolicyFault]:
    """Only of a scorecard whose features and conditions have no faults."""
    values = values_of_conditions(card)
    for index, limit in enumerate(card.limits):
        if name := _never(limit.when, values):
            yield PolicyFault(("limits", index, "when"), f"It never holds: {_no_value(card, name)}")
    for index, segment in enumerate(card.segments):
        at = ("segments", index, "when") if segment.when else ("segments", index)
        if name := _never(segment.when, values):
            yield PolicyFault(at, f"Nobody is in it: {_no_value(card, name)}")
            continue
        left = {**values, **meeting(segment.when, values)}
        above = {earlier: each.when for earlier, each in enumerate(card.segments[:index]) if each.when}
        if (taken := _holds_for_all(above, left)) is not None:
            whole = _holds_for_all({taken: above[taken]}, values) is not None
            if whole:
                sentence = "It holds for everybody, so that no segment below has anybody. Narrow it."
                yield PolicyFault(("segments", taken, "when"), sentence)
                return
            remedy = "Put it above them, narrow them" if segment.when else "Narrow them"
            sentence = (
                f"Nobody is in it: the segments down to {card.segments[taken].code} take everybody of whom it holds. "
                f"{remedy}, or take it out."
            )
            yield PolicyFault(at, sentence)


def _never(when: Sequence[Condition], values: Values) -> str | None:
    """A feature of which no value meets all conditions on it."""
    return next((name for name, found in meeting(when, values).items() if not found), None)


def _no_value(card: ScorecardParts, name: str) -> str:
    feature = card.features[name]
    highest = feature.highest(card.kinds)
    bound = "" if highest is None else f", which is {'1 to' if feature.is_observed else 'at most'} {highest},"
    return f"no value of {name}{bound} meets its conditions. Mend them, or take it out."


def _holds_for_all(whens: Mapping[T, Sequence[Condition]], values: Values) -> T | None:
    """One of these that holds for everybody who has one of these values of each feature, and of whom no other of them
    holds. One that can be escaped by one feature alone leaves the values by which it is."""
    left = dict(values)
    while True:
        narrowed = False
        for index, when in whens.items():
            held = meeting(when, left)
            escapes = [name for name, found in held.items() if len(found) < len(left[name])]
            if not escapes:
                return index
            if len(escapes) == 1 and (of_it := set(held[escapes[0]])):
                left[escapes[0]] = [value for value in left[escapes[0]] if value not in of_it]
                narrowed = True
        if not narrowed:
            return None


# -- the highest score -------------------------------------------------------------------------------------------------


def _blocked(card: ScorecardParts, segment: str | None, of_all: Values) -> PolicyFault | None:
    """What keeps everybody in a segment from the best points of all its rules, or holds whoever has them below the
    highest score; None if nothing is found."""
    values = {**of_all, **meeting(_conditions_of(card, segment), of_all)}
    taken_back = _taken_back(card, segment)
    for index, rule in enumerate(card.rules):
        if not _counts(rule, segment) or rule.code in taken_back:
            continue
        if fault := _without_best(card, rule, of_all[rule.feature], values[rule.feature]):
            return PolicyFault(("rules", index, *fault.key), fault.sentence)
        points = given_by(rule)
        values[rule.feature] = [value for value in values[rule.feature] if points(value) == rule.best]
    return _held_down(card, values)


def _without_best(
    card: ScorecardParts, rule: Rule, of_all: Sequence[Value], left: Sequence[Value]
) -> PolicyFault | None:
    feature, never, points = card.features[rule.feature], f"nobody can reach {_HIGHEST}", given_by(rule)
    observed = feature.most_observed(card.kinds)
    if rule.best > rule.unknown and rule.evidence and observed is not None and rule.evidence.full > observed:
        sentence = f"Use at most {observed}: {rule.feature} rests on no more observations, so that {never}."
        return PolicyFault(("evidence", "full"), sentence)
    if not any(points(value) == rule.best for value in of_all):
        at = next(index for index, bin in enumerate(rule.bins) if bin.points == rule.best)
        sentence = f"Use at most {feature.highest(card.kinds)}: {rule.feature} is never higher, so that {never}."
        return PolicyFault(("bins", at, "at_least"), sentence)
    if not any(points(value) == rule.best for value in left):
        return PolicyFault(
            ("bins",),
            f"No value of {rule.feature} has the best points both of this rule and of what else asks for it, so that "
            f"{never}. Let them agree.",
        )
    return None


def _held_down(card: ScorecardParts, values: Values) -> PolicyFault | None:
    """The limit that holds for everybody who has one of these values of each feature."""
    below = {at: limit.when for at, limit in enumerate(card.limits) if limit.ceiling < _HIGHEST}
    if (at := _holds_for_all(below, values)) is None:
        return None
    sentence = (
        f"Whoever has the best points of all rules is held at {card.limits[at].ceiling} by it, so that nobody can "
        f"reach {_HIGHEST}. Narrow the conditions."
    )
    return PolicyFault(("limits", at, "when"), sentence)


def _most(card: ScorecardParts, segment: str | None) -> int:
    rules = card.rules_of(segment)
    return sum(rule.best for rule in rules) - sum(cap.most_taken_back(rules) for cap in card.caps)


def _taken_back(card: ScorecardParts, segment: str | None) -> frozenset[str]:
    """The rules of whose best points a cap takes something: not all of them are needed."""
    rules = card.rules_of(segment)
    return frozenset(code for cap in card.caps if cap.most_taken_back(rules) for code in cap.rules)


# -- the lowest score --------------------------------------------------------------------------------------------------


def _least(card: ScorecardParts, segment: str | None, values: Values) -> int:
    """No sum of points is lower. Rules that a cap binds are taken one by one, since what it takes makes them less."""
    capped = {code for cap in card.caps for code in cap.rules}
    together: dict[str, list[Rule]] = defaultdict(list)
    for rule in card.rules_of(segment):
        together[rule.code if rule.code in capped else f"[features] {rule.feature}"].append(rule)
    least = 0
    for rules in together.values():
        given = [given_by(rule) for rule in rules]
        least += min(sum(points(value) for points in given) for value in values[rules[0].feature])
    return least + _most_of_records(card)


def _most_of_records(card: ScorecardParts) -> int:
    records = card.records
    costs = [records.cost(of) for of in RecordClass] if records else []
    return records.lowest if records and any(cost.open or cost.settled for cost in costs) else 0


def _ceilings(card: ScorecardParts) -> Iterator[int]:
    return chain(card.ceilings.values(), card.settled_ceilings.values(), (limit.ceiling for limit in card.limits))


# -- segments ----------------------------------------------------------------------------------------------------------


def _conditions_of(card: ScorecardParts, segment: str | None) -> Sequence[Condition]:
    return next((each.when for each in card.segments if each.code == segment), ())


def _counts(rule: Rule, segment: str | None) -> bool:
    return rule.segments is None or segment in rule.segments
