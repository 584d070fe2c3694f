"""What is wrong with a scorecard that its types cannot say: each fault with its key and what to do about it.

Here are the faults of the whole: names that nobody reads, codes that occur twice, shares that do not add up.
`part_faults` has those of single parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from services.scorer.core.binding import faults_of_binding
from services.scorer.core.borders import faults_of_borders
from services.scorer.core.features.activity import DONE
from services.scorer.core.features.base import faults_of_kinds, faults_of_least, no_kind
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from services.scorer.core.part_faults import (
    CODE_SENTENCE,
    DEMOGRAPHIC_SENTENCE,
    Faults,
    below,
    faults_of_cap,
    faults_of_code,
    faults_of_conditions,
    faults_of_hint,
    faults_of_limit,
    faults_of_records,
    faults_of_rule,
    faults_of_sentences,
    of_each,
)
from services.scorer.core.reach import faults_of_meeting, faults_of_reach
from services.scorer.core.scorecard_parts import BASE, POINTS, ScorecardParts
from shared.contracts.demographics import is_demographic, tells_of_demographics
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.policy_parts import PolicyFault, faults_of_name, is_code

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME_SENTENCE = "Use 1 to 40 lower-case letters, digits and underscores, a letter first."
_RESTRICTIONS_MAX = 16
_READ = (Shape.OBLIGATION, Shape.ACTIVITY, Shape.FIGURE, Shape.FACT)
"""What a list of kinds may name: no record and no contact."""
_MEETING = ("kinds", "least", "features", "segments", "limits")
"""What says who is in a segment, and of whom a limit holds."""
_PARTS_MAX = {"features": 1000, "segments": 50, "rules": 1000, "caps": 100, "limits": 1000, "hints": 100}


def faults_of(card: ScorecardParts) -> Faults:
    """All of them. A policy with any fault must not be used. Whether anybody can have the highest and the lowest score
    is asked of parts without faults alone."""
    if too_many := list(_faults_of_size(card)):
        # Each part is compared with the others, so that no more is asked of so many.
        yield from too_many
        return
    yield from _faults_of_settings(card)
    parts = list(_faults_of_parts(card))
    yield from parts or _faults_of_what_is_sound(card)
    if parts and not any(fault.key[0] in _MEETING for fault in parts):
        yield from faults_of_meeting(card)


def _faults_of_what_is_sound(card: ScorecardParts) -> Faults:
    yield from (found := [*faults_of_reach(card), *faults_of_borders(card)])
    told = {fault.key for fault in found}
    yield from (fault for fault in faults_of_binding(card) if fault.key not in told)


def _faults_of_size(card: ScorecardParts) -> Faults:
    for key, most in _PARTS_MAX.items():
        if (number := len(getattr(card, key))) > most:
            yield PolicyFault((key,), f"Use at most {most}; there are {number:,}.")


def _faults_of_settings(card: ScorecardParts) -> Faults:
    yield from faults_of_name(card.name)
    if not 1 <= card.publication_day <= 28:
        yield PolicyFault(("publication_day",), "Use a day that every month has: 1 to 28.")
    if not 0 <= card.months_min <= WINDOW_MONTHS_MAX:
        yield PolicyFault(("months_min",), f"Use 0 to {WINDOW_MONTHS_MAX} months.")
    for code in card.dimensions:
        yield from below(("dimensions", code), _faults_of_a_name(code))
    yield from _faults_of_dimension_names(card)
    yield from of_each("hints", card.hints, lambda hint: faults_of_hint(card, hint))
    yield from _faults_of_classes(card)


def _faults_of_parts(card: ScorecardParts) -> Faults:
    yield from _faults_of_kinds(card)
    yield from _faults_of_least(card)
    yield from _faults_of_features(card)
    yield from _faults_of_codes(card)
    yield from _faults_of_segments(card)
    yield from of_each("rules", card.rules, lambda rule: faults_of_rule(card, rule))
    yield from of_each("caps", card.caps, lambda cap: faults_of_cap(card, cap))
    yield from of_each("limits", card.limits, lambda limit: faults_of_limit(card, limit))
    if card.records is not None:
        yield from below(("records",), faults_of_records(card, card.records))
    yield from _faults_of_shares(card)


# -- names and what they stand for -------------------------------------------------------------------------------------


def _faults_of_dimension_names(card: ScorecardParts) -> Faults:
    for code, named in card.dimension_names.items():
        if code not in card.dimensions:
            sentence = f"Use one of the dimensions above: {', '.join(card.dimensions)}."
            yield PolicyFault(("dimension_names", code), sentence)
        yield from below(("dimension_names", code), faults_of_sentences(named.en, named.zh, placeholders=()))


def _faults_of_kinds(card: ScorecardParts) -> Faults:
    for name, kinds in card.kinds.items():
        yield from below(("kinds", name), _faults_of_a_name(name))
        if not kinds:
            yield PolicyFault(("kinds", name), "Name at least one kind.")
        for index, kind in enumerate(kinds):
            if kind not in KIND_OF or KIND_OF[kind].shape not in _READ:
                yield PolicyFault(("kinds", name, index), no_kind(kind, _READ))


def _faults_of_least(card: ScorecardParts) -> Faults:
    for name, amount in card.least.items():
        found = [*faults_of_kinds((name,), card.kinds, DONE), *faults_of_least(name, amount)]
        yield from (PolicyFault(("least", name), fault.sentence) for fault in found)


def _faults_of_features(card: ScorecardParts) -> Faults:
    conditions = card.conditions()
    used = {rule.feature for rule in card.rules} | {condition.feature for condition in conditions}
    for name, feature in card.features.items():
        yield from below(("features", name), _faults_of_a_name(name))
        yield from below(("features", name), feature.faults(card.kinds))
        if name not in used:
            yield PolicyFault(
                ("features", name), "No rule, segment, cap or limit reads it: remove it, or its name is wrong."
            )


def _faults_of_a_name(name: str) -> Faults:
    if not _NAME.fullmatch(name):
        yield PolicyFault((), _NAME_SENTENCE)
    elif is_demographic(name) or tells_of_demographics(name):
        yield PolicyFault((), DEMOGRAPHIC_SENTENCE)


def _faults_of_codes(card: ScorecardParts) -> Faults:
    """Items are told apart by their codes. Rules of different segments may share one."""
    taken: set[tuple[str, str | None]] = set()
    for at, code, segments in _coded(card):
        yield from below(at, faults_of_code(code))
        items = {(code, segment) for segment in segments}
        if items & taken:
            yield PolicyFault(at, "Something else has this code; items are told apart by it.")
        taken |= items


def _coded(card: ScorecardParts) -> Iterator[tuple[tuple[str | int, ...], str, Sequence[str | None]]]:
    """Each part that has a code: its key in the file, the code, and the segments in which the code is used."""
    everywhere = card.segment_codes()
    for index, rule in enumerate(card.rules):
        yield ("rules", index, "code"), rule.code, everywhere if rule.segments is None else rule.segments
    for index, segment in enumerate(card.segments):
        yield ("segments", index, "code"), segment.code, everywhere
    for index, cap in enumerate(card.caps):
        yield ("caps", index, "code"), cap.code, everywhere
    for index, limit in enumerate(card.limits):
        yield ("limits", index, "code"), limit.code, everywhere
    if card.records is not None:
        yield ("records", "code"), card.records.code, everywhere


# -- segments and classes of records -----------------------------------------------------------------------------------


def _faults_of_segments(card: ScorecardParts) -> Faults:
    for index, segment in enumerate(card.segments):
        last = index == len(card.segments) - 1
        faults = faults_of_conditions(card, segment.when)
        yield from below(("segments", index), [*faults, *faults_of_sentences(segment.en, segment.zh)])
        if last and segment.when:
            yield PolicyFault(("segments", index, "when"), "Leave it out: the last segment is everybody else's.")
        if not last and not segment.when:
            yield PolicyFault(
                ("segments", index, "when"), "Name a condition: without one no segment below has anybody."
            )


def _faults_of_classes(card: ScorecardParts) -> Faults:
    for key, ceilings in (("ceilings", card.ceilings), ("settled_ceilings", card.settled_ceilings)):
        for record_class, ceiling in ceilings.items():
            if not BASE <= ceiling <= BASE + POINTS:
                yield PolicyFault((key, record_class), f"Use a score: {BASE} to {BASE + POINTS}.")
    for record_class, ceiling in card.settled_ceilings.items():
        if ceiling < card.ceilings.get(record_class, BASE):
            sentence = f"Use {card.ceilings[record_class]} or more: whoever settles does not lose by it."
            yield PolicyFault(("settled_ceilings", record_class), sentence)
    for record_class, restrictions in card.restrictions.items():
        if not all(map(is_code, restrictions)):
            yield PolicyFault(("restrictions", record_class), CODE_SENTENCE)
    if len({code for codes in card.restrictions.values() for code in codes}) > _RESTRICTIONS_MAX:
        yield PolicyFault(("restrictions",), f"Use at most {_RESTRICTIONS_MAX} in all: that is what a message holds.")


# -- shares ------------------------------------------------------------------------------------------------------------


def _faults_of_shares(card: ScorecardParts) -> Faults:
    """The faults of dimensions whose points do not come to their shares (rules S5)."""
    if (points := sum(card.dimensions.values())) != POINTS:
        yield PolicyFault(("dimensions",), f"The dimensions have {points} points; make them {POINTS} in all.")
    reached = {segment: _bests(card, segment) for segment in card.segment_codes()}
    most_of = {dimension: max(bests[dimension] for bests in reached.values()) for dimension in card.dimensions}
    for dimension, share in card.dimensions.items():
        if (most := most_of[dimension]) != share:
            sentence = f"It has {share} points, its rules at best {most}; make both the same."
            yield PolicyFault(("dimensions", dimension), sentence)
    if (
        points == POINTS
        and most_of == card.dimensions
        and max(sum(bests.values()) for bests in reached.values()) < POINTS
    ):
        sentence = f"Nobody can reach {BASE + POINTS}: let one segment have the whole share of every dimension."
        yield PolicyFault(("segments",), sentence)


def _bests(card: ScorecardParts, segment: str | None) -> dict[str, int]:
    """The best points of each dimension, less what caps take back from a person who has all of them."""
    rules = card.rules_of(segment)
    bests = dict.fromkeys(card.dimensions, 0)
    for rule in rules:
        bests[rule.dimension] = bests.get(rule.dimension, 0) + rule.best
    for cap in card.caps:
        for dimension in {rule.dimension for rule in rules if rule.code in cap.rules}:
            bests[dimension] -= cap.most_taken_back(rules)
    return bests
