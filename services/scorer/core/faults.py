"""What is wrong with a scorecard that its types cannot say: each fault with its key and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from string import Formatter
from typing import TypeAlias, TypeVar

from services.scorer.core.catalogue import AnyHint
from services.scorer.core.compiled import conditions_of, most_taken_back
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from services.scorer.core.features.stated import CONTACTS_BAND, ContactsStanding, Fact
from services.scorer.core.scorecard import BASE, POINTS, Bin, Cap, Condition, Evidence, Limit, Records, Rule, Scorecard
from shared.contracts.demographics import is_demographic
from shared.contracts.kinds import KIND_OF, RecordClass, Shape
from shared.contracts.policy_parts import PolicyFault, faults_of_name, is_code

Faults: TypeAlias = Iterator[PolicyFault]
T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = frozenset({"base", "floor", "ceiling"})
_CODE_SENTENCE = "Use words of lower-case letters, joined by hyphens."
_NAME_SENTENCE = "Use 1 to 40 lower-case letters, digits and underscores, a letter first."
_RESTRICTIONS_MAX = 16
_PLACEHOLDERS = ("value", "observations", "months")
_SENTENCE_CHARACTERS_MAX = 300
_EVIDENCE_MAX = 1000


def faults_of(card: Scorecard) -> Faults:
    """All of them. A policy with any fault must not be used."""
    yield from faults_of_name(card.name)
    if not 1 <= card.publication_day <= 28:
        yield PolicyFault(("publication_day",), "Use a day that every month has: 1 to 28.")
    if not 0 <= card.months_min <= WINDOW_MONTHS_MAX:
        yield PolicyFault(("months_min",), f"Use 0 to {WINDOW_MONTHS_MAX} months.")
    yield from _faults_of_kinds(card)
    yield from _faults_of_features(card)
    yield from _faults_of_codes(card)
    yield from _faults_of_segments(card)
    yield from _each("rules", card.rules, lambda rule: _faults_of_rule(card, rule))
    yield from _each("caps", card.caps, lambda cap: _faults_of_cap(card, cap))
    yield from _each("limits", card.limits, lambda limit: _faults_of_limit(card, limit))
    yield from _each("hints", card.hints, lambda hint: _faults_of_hint(card, hint))
    if card.records is not None:
        yield from _below(("records",), _faults_of_records(card, card.records))
    yield from _faults_of_shares(card)
    yield from _faults_of_classes(card)


def _each(key: str, parts: Sequence[T], faults: Callable[[T], Faults]) -> Faults:
    for index, part in enumerate(parts):
        yield from _below((key, index), faults(part))


def _below(key: tuple[str | int, ...], faults: Iterable[PolicyFault]) -> Faults:
    for fault in faults:
        yield PolicyFault((*key, *fault.key), fault.sentence)


# -- names and what they stand for -------------------------------------------------------------------------------------


def _faults_of_kinds(card: Scorecard) -> Faults:
    for name, kinds in card.kinds.items():
        yield from _below(("kinds", name), _faults_of_a_name(name))
        if not kinds:
            yield PolicyFault(("kinds", name), "Name at least one kind.")
        for index, kind in enumerate(kinds):
            if kind not in KIND_OF or KIND_OF[kind].shape in (Shape.RECORD, Shape.CONTACT):
                yield PolicyFault(("kinds", name, index), f"`{kind}` is no kind that a feature can read.")


def _faults_of_features(card: Scorecard) -> Faults:
    conditions = conditions_of(card)
    used = {rule.feature for rule in card.rules} | {condition.feature for condition in conditions}
    for name, feature in card.features.items():
        yield from _below(("features", name), _faults_of_a_name(name))
        yield from _below(("features", name), feature.faults(card.kinds))
        if name not in used:
            yield PolicyFault(
                ("features", name), "No rule, segment or limit reads it: remove it, or its name is wrong."
            )


def _faults_of_a_name(name: str) -> Faults:
    if not _NAME.fullmatch(name):
        yield PolicyFault((), _NAME_SENTENCE)
    elif is_demographic(name):
        yield PolicyFault((), "Sex, age, marital status, religion, ethnicity, health and biometrics feed no score.")


def _faults_of_codes(card: Scorecard) -> Faults:
    """Items are told apart by their codes. Rules of different segments may share one."""
    taken: set[tuple[str, str | None]] = set()
    for at, code, segments in _coded(card):
        yield from _below(at, _faults_of_code(code))
        items = {(code, segment) for segment in segments}
        if items & taken:
            yield PolicyFault(at, "Something else has this code; items are told apart by it.")
        taken |= items


def _coded(card: Scorecard) -> Iterator[tuple[tuple[str | int, ...], str, Sequence[str | None]]]:
    """Whatever has a code: where it stands, the code, and the segments in which it is one."""
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


def _faults_of_code(code: str) -> Faults:
    if not is_code(code):
        yield PolicyFault((), _CODE_SENTENCE)
    elif code in _RESERVED:
        yield PolicyFault((), f"Use another code than {', '.join(sorted(_RESERVED))}, which are items of every score.")
    elif is_demographic(code):
        yield PolicyFault((), "Sex, age, marital status, religion, ethnicity, health and biometrics feed no score.")


def _faults_of_sentences(en: str, zh: str, *, needed: bool = True) -> Faults:
    for key, sentence in (("en", en), ("zh", zh)):
        if needed and not sentence.strip():
            yield PolicyFault((key,), "Say in a sentence what people are to read.")
        if not sentence.isprintable():
            yield PolicyFault((key,), "Use one line of characters that people can read.")
        if len(sentence) > _SENTENCE_CHARACTERS_MAX:
            yield PolicyFault((key,), f"Use at most {_SENTENCE_CHARACTERS_MAX} characters.")
        yield from _below((key,), _faults_of_placeholders(sentence))


def _faults_of_placeholders(sentence: str) -> Faults:
    allowed = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
    try:
        names = [(name, form) for _, name, form, _ in Formatter().parse(sentence) if name is not None]
    except ValueError:
        yield PolicyFault((), f"Close every brace, and use only these: {allowed}.")
        return
    if any(name not in _PLACEHOLDERS or form for name, form in names):
        yield PolicyFault((), f"Use only these in braces: {allowed}.")


# -- conditions --------------------------------------------------------------------------------------------------------


def _faults_of_segments(card: Scorecard) -> Faults:
    for index, segment in enumerate(card.segments):
        last = index == len(card.segments) - 1
        faults = _faults_of_conditions(card, segment.when)
        yield from _below(("segments", index), [*faults, *_faults_of_sentences(segment.en, segment.zh)])
        if last and segment.when:
            yield PolicyFault(("segments", index, "when"), "Leave it out: the last segment is everybody else's.")
        if not last and not segment.when:
            yield PolicyFault(
                ("segments", index, "when"), "Name a condition: without one no segment below has anybody."
            )


def _faults_of_limit(card: Scorecard, limit: Limit) -> Faults:
    yield from _faults_of_sentences(limit.en, limit.zh)
    yield from _faults_of_conditions(card, limit.when)
    if not limit.when:
        yield PolicyFault(("when",), "Name a condition: without one it holds for everybody.")
    if not BASE <= limit.ceiling <= BASE + POINTS:
        yield PolicyFault(("ceiling",), f"Use a score: {BASE} to {BASE + POINTS}.")


def _faults_of_hint(card: Scorecard, hint: AnyHint) -> Faults:
    yield from _below(("code",), _faults_of_code(hint.code))
    if sum(1 for other in card.hints if other.code == hint.code) > 1:
        yield PolicyFault(("code",), "Another hint has this code.")
    yield from _faults_of_sentences(hint.en, hint.zh)
    yield from hint.faults(card.kinds)


def _faults_of_conditions(card: Scorecard, conditions: Sequence[Condition]) -> Faults:
    return _each("when", conditions, lambda condition: _faults_of_condition(card, condition))


def _faults_of_condition(card: Scorecard, condition: Condition) -> Faults:
    feature = card.features.get(condition.feature)
    bounds = condition.at_least is not None or condition.below is not None
    if feature is None:
        yield PolicyFault(("feature",), "Use one of [features].")
        return
    if feature.on_contacts:
        yield PolicyFault(("feature",), "Use another one: it would tell what is explained to nobody.")
    if isinstance(feature, Fact):
        if bounds:
            yield PolicyFault((), "Use `is`: the value of a fact is a word.")
        yield from _faults_of_word(feature, condition.word)
    elif condition.word is not None:
        yield PolicyFault(("is",), "Use `at_least` and `below`: only facts are words.")
    if not bounds and condition.word is None and not condition.unknown:
        yield PolicyFault((), "Say `at_least`, `below`, `is` or `unknown = true`.")
    if condition.at_least is not None and condition.below is not None and condition.at_least >= condition.below:
        yield PolicyFault(("below",), f"Use more than {condition.at_least}: nobody is in between.")


def _faults_of_word(feature: Fact, word: str | None) -> Faults:
    known = KIND_OF[feature.kind].values if feature.kind in KIND_OF else ()
    if known and word is not None and word not in known:
        yield PolicyFault(("is",), f"Use one of: {', '.join(known)}.")


# -- rules -------------------------------------------------------------------------------------------------------------


def _faults_of_rule(card: Scorecard, rule: Rule) -> Faults:
    yield from _faults_of_sentences(rule.en, rule.zh)
    if rule.dimension not in card.dimensions:
        yield PolicyFault(("dimension",), f"Use one of the dimensions above: {', '.join(card.dimensions)}.")
    for index, segment in enumerate(rule.segments or ()):
        if segment not in card.segment_codes():
            yield PolicyFault(("segments", index), "Use the code of a segment.")
    if rule.segments == ():
        yield PolicyFault(("segments",), "Name a segment, or leave it out: then it counts in all.")
    yield from _below(("evidence",), _faults_of_evidence(rule.evidence)) if rule.evidence else ()
    yield from _each("bins", rule.bins, lambda bin: _faults_of_sentences(bin.en, bin.zh, needed=False))
    for index, bin in enumerate(rule.bins):
        if abs(bin.points) > POINTS:
            yield PolicyFault(("bins", index, "points"), f"Use -{POINTS} to {POINTS}: a score has no more points.")
    if not rule.worst <= rule.unknown <= rule.best:
        sentence = f"Use points between the worst and the best, {rule.worst} to {rule.best}: a newcomer has not failed."
        yield PolicyFault(("unknown",), sentence)
    if not rule.bins:
        yield PolicyFault(("bins",), "Say what the values give: name at least one.")
    elif rule.feature not in card.features:
        yield PolicyFault(("feature",), "Use one of [features].")
    else:
        yield from _faults_of_bins(card, rule)


def _faults_of_bins(card: Scorecard, rule: Rule) -> Faults:
    feature = card.features[rule.feature]
    # Told figures never cost points (rules S20).
    if feature.tells_of_means and rule.worst < rule.unknown <= rule.best:
        sentence = f"Use no more than {rule.worst}, the worst of the bins: telling a figure never costs points."
        yield PolicyFault(("unknown",), sentence)
    if isinstance(feature, Fact):
        yield from _faults_of_words(feature, rule)
        return
    yield from _faults_of_starts(rule.bins, feature.lowest or 0)
    if isinstance(feature, ContactsStanding):
        for index, bin in enumerate(rule.bins):
            if bin.at_least is not None and (bin.at_least - BASE) % CONTACTS_BAND:
                sentence = f"Contacts are seen in bands of {CONTACTS_BAND} points from {BASE} on: use such a start."
                yield PolicyFault(("bins", index), sentence)
    yield from _faults_of_direction(rule)


def _faults_of_words(feature: Fact, rule: Rule) -> Faults:
    if rule.direction is not None:
        yield PolicyFault(("direction",), "Leave it out: the values of a fact are words.")
    seen = set()
    for index, bin in enumerate(rule.bins):
        if bin.word is None or bin.at_least is not None:
            yield PolicyFault(("bins", index), "Say `is` with a value of the fact, and no `at_least`.")
        if bin.word in seen:
            yield PolicyFault(("bins", index, "is"), "Say it once: another bin has this value.")
        seen.add(bin.word)
        yield from _below(("bins", index), _faults_of_word(feature, bin.word))


def _faults_of_starts(bins: Sequence[Bin], lowest: int) -> Faults:
    for index, bin in enumerate(bins):
        if bin.at_least is None or bin.word is not None:
            yield PolicyFault(("bins", index), "Say `at_least`, and no `is`: only facts are words.")
            return
    starts = [bin.at_least or 0 for bin in bins]
    if starts[0] != lowest:
        sentence = f"Let the first bin begin at {lowest}, so that every value has its points."
        yield PolicyFault(("bins", 0, "at_least"), sentence)
    for index, (start, following) in enumerate(pairwise(starts), 1):
        if following <= start:
            yield PolicyFault(("bins", index, "at_least"), f"Use more than {start}: `at_least` rises from bin to bin.")


def _faults_of_direction(rule: Rule) -> Faults:
    points = [bin.points for bin in rule.bins]
    peak = points.index(rule.best)
    if rule.direction is None:
        yield PolicyFault((), 'Say which way is better: direction = "higher", "lower" or "peak".')
        return
    for index, (before, after) in enumerate(pairwise(points), 1):
        rises = rule.direction == "higher" or (rule.direction == "peak" and index <= peak)
        if after < before if rises else after > before:
            sentence = f"It contradicts the direction, {rule.direction}: {before}, then {after} points."
            yield PolicyFault(("bins", index, "points"), f"{sentence} Mend the points, or the direction.")


def _faults_of_evidence(evidence: Evidence) -> Faults:
    for key, number in (("full", evidence.full), ("below", evidence.below)):
        if number is not None and not 1 <= number <= _EVIDENCE_MAX:
            yield PolicyFault((key,), f"Use 1 to {_EVIDENCE_MAX} observations.")


def _faults_of_cap(card: Scorecard, cap: Cap) -> Faults:
    yield from _faults_of_sentences(cap.en, cap.zh)
    dimensions = {rule.dimension for rule in card.rules if rule.code in cap.rules}
    for index, code in enumerate(cap.rules):
        if code not in {rule.code for rule in card.rules}:
            yield PolicyFault(("rules", index), "Use the code of a rule.")
    if len(dimensions) != 1:
        yield PolicyFault(("rules",), "Name rules of one dimension: it is from its share that a cap takes.")
    if cap.points < 0:
        yield PolicyFault(("points",), "Use 0 or more: it is what they may earn above their points of unknown.")


# -- records -----------------------------------------------------------------------------------------------------------


def _faults_of_records(card: Scorecard, records: Records) -> Faults:
    yield from _faults_of_sentences(records.en, records.zh)
    if records.dimension not in card.dimensions:
        yield PolicyFault(("dimension",), f"Use one of the dimensions above: {', '.join(card.dimensions)}.")
    if not -POINTS <= records.lowest <= 0:
        yield PolicyFault(("lowest",), f"Use -{POINTS} to 0: it is the most that all records together cost.")
    for record_class in RecordClass:
        cost = records.cost(record_class)
        if not -POINTS <= cost.open <= 0:
            yield PolicyFault((record_class, "open"), f"Use -{POINTS} to 0: a record deducts.")
        if not min(cost.open, 0) <= cost.settled <= 0:
            sentence = f"Use {min(cost.open, 0)} to 0: whoever settles does not lose by it."
            yield PolicyFault((record_class, "settled"), sentence)
    if records.small is not None and not 0 <= records.small.percent <= 100:
        yield PolicyFault(("small", "percent"), "Use 0 to 100 percent: a small record costs no more than another.")
    if records.small is not None and records.small.below < 1:
        yield PolicyFault(("small", "below"), "Use 1 or more: an amount in minor units.")
    if records.halves is not None and records.halves < 1:
        yield PolicyFault(("halves",), "Use 1 month or more.")


def _faults_of_classes(card: Scorecard) -> Faults:
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
            yield PolicyFault(("restrictions", record_class), _CODE_SENTENCE)
    if len({code for codes in card.restrictions.values() for code in codes}) > _RESTRICTIONS_MAX:
        yield PolicyFault(("restrictions",), f"Use at most {_RESTRICTIONS_MAX} in all: that is what a message holds.")


# -- shares ------------------------------------------------------------------------------------------------------------


def _faults_of_shares(card: Scorecard) -> Faults:
    """What does not come to the shares of the dimensions (rules S5)."""
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
    worst = min(sum(rule.worst for rule in card.rules_of(segment)) for segment in card.segment_codes())
    worst += card.records.lowest if card.records else 0
    if worst > 0:
        sentence = (
            f"Nobody can fall to {BASE}: the worst that there is comes to {BASE + worst}. Let something cost more."
        )
        yield PolicyFault(("rules",), sentence)


def _bests(card: Scorecard, segment: str | None) -> dict[str, int]:
    """The best points of each dimension, less what caps take of a person who has all of them."""
    rules = card.rules_of(segment)
    bests = dict.fromkeys(card.dimensions, 0)
    for rule in rules:
        bests[rule.dimension] = bests.get(rule.dimension, 0) + rule.best
    for cap in card.caps:
        for dimension in {rule.dimension for rule in rules if rule.code in cap.rules}:
            bests[dimension] -= most_taken_back(cap, rules)
    return bests
