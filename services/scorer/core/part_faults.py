"""What is wrong with one part of a scorecard: a rule, a cap, a limit, a hint, the records, a condition.

A part may name what others have, as a rule names its feature; keys are those within the part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from string import Formatter
from typing import TypeAlias, TypeVar

from services.scorer.core.catalogue import AnyHint, Begin, Tell, Use
from services.scorer.core.features.stated import CONTACTS_BAND, ContactsStanding, Fact
from services.scorer.core.scorecard_parts import (
    BASE,
    POINTS,
    Bin,
    Cap,
    Condition,
    Evidence,
    Limit,
    Records,
    Rule,
    ScorecardParts,
)
from shared.contracts.demographics import is_demographic, tells_of_demographics
from shared.contracts.kinds import KIND_OF, RecordClass
from shared.contracts.policy_parts import PolicyFault, is_code

Faults: TypeAlias = Iterator[PolicyFault]
T = TypeVar("T")

DEMOGRAPHIC_SENTENCE = "Sex, age, marital status, religion, ethnicity, health and biometrics feed no score."
CODE_SENTENCE = "Use words of lower-case letters, joined by hyphens."
_RESERVED = frozenset({"base", "floor", "ceiling"})
_PLACEHOLDERS = ("value", "observations", "months")
_SENTENCE_CHARACTERS_MAX = 300
_EVIDENCE_MAX = 1000
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_IN_BRACES = re.compile(r"\{[^}]*\}")
_CHINESE, _ENGLISH = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z]{2}")


# -- rules and caps ----------------------------------------------------------------------------------------------------


def faults_of_rule(card: ScorecardParts, rule: Rule) -> Faults:
    yield from faults_of_sentences(rule.en, rule.zh)
    if rule.dimension not in card.dimensions:
        yield PolicyFault(("dimension",), f"Use one of the dimensions above: {', '.join(card.dimensions)}.")
    for index, segment in enumerate(rule.segments or ()):
        if segment not in card.segment_codes():
            yield PolicyFault(("segments", index), "Use the code of a segment.")
    if rule.segments == ():
        yield PolicyFault(("segments",), "Name a segment, or leave it out: then it counts in all.")
    yield from below(("evidence",), _faults_of_evidence(rule.evidence)) if rule.evidence else ()
    yield from of_each("bins", rule.bins, lambda bin: faults_of_sentences(bin.en, bin.zh, needed=False))
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


def _faults_of_bins(card: ScorecardParts, rule: Rule) -> Faults:
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
    if feature.better and rule.direction not in (None, feature.better):
        sentence = f'Say direction = "{feature.better}": {feature.better_because}.'
        yield PolicyFault(("direction",), sentence)
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
        yield from below(("bins", index), _faults_of_word(feature, bin.word))
    left_out = [word for word in _words_of(feature) if word not in seen]
    # A word that is none of the fact's own, which is told already, may be one that is left out.
    if left_out and seen.issubset(_words_of(feature)):
        sentence = f"Say what each value gives: without a bin {', '.join(left_out)} would give as much as unknown does."
        yield PolicyFault(("bins",), sentence)


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


def faults_of_cap(card: ScorecardParts, cap: Cap) -> Faults:
    yield from faults_of_sentences(cap.en, cap.zh)
    dimensions = {rule.dimension for rule in card.rules if rule.code in cap.rules}
    for index, code in enumerate(cap.rules):
        if code not in {rule.code for rule in card.rules}:
            yield PolicyFault(("rules", index), "Use the code of a rule.")
    if len(dimensions) != 1:
        yield PolicyFault(("rules",), "Name rules of one dimension: it is from its share that a cap takes.")
    if cap.points < 0:
        yield PolicyFault(("points",), "Use 0 or more: it is what they may earn above their points of unknown.")


# -- limits, hints and records -----------------------------------------------------------------------------------------


def faults_of_limit(card: ScorecardParts, limit: Limit) -> Faults:
    yield from faults_of_sentences(limit.en, limit.zh)
    yield from faults_of_conditions(card, limit.when)
    if not limit.when:
        yield PolicyFault(("when",), "Name a condition: without one it holds for everybody.")
    if not BASE <= limit.ceiling <= BASE + POINTS:
        yield PolicyFault(("ceiling",), f"Use a score: {BASE} to {BASE + POINTS}.")


def faults_of_hint(card: ScorecardParts, hint: AnyHint) -> Faults:
    yield from below(("code",), faults_of_code(hint.code))
    if sum(1 for other in card.hints if other.code == hint.code) > 1:
        yield PolicyFault(("code",), "Another hint has this code.")
    its_own = ["amount"] if isinstance(hint, Begin | Tell) else ["at_least"] if isinstance(hint, Use) else []
    yield from faults_of_sentences(hint.en, hint.zh, placeholders=[*_PLACEHOLDERS, *its_own])
    yield from hint.faults(card.kinds)


def faults_of_records(card: ScorecardParts, records: Records) -> Faults:
    yield from faults_of_sentences(records.en, records.zh)
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


# -- conditions --------------------------------------------------------------------------------------------------------


def faults_of_conditions(card: ScorecardParts, conditions: Sequence[Condition]) -> Faults:
    return of_each("when", conditions, lambda condition: _faults_of_condition(card, condition))


def _faults_of_condition(card: ScorecardParts, condition: Condition) -> Faults:
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
    known = _words_of(feature)
    if known and word is not None and word not in known:
        yield PolicyFault(("is",), f"Use one of: {', '.join(known)}.")


def _words_of(feature: Fact) -> Sequence[str]:
    return KIND_OF[feature.kind].values if feature.kind in KIND_OF else ()


# -- codes and sentences -----------------------------------------------------------------------------------------------


def faults_of_code(code: str) -> Faults:
    if not is_code(code):
        yield PolicyFault((), CODE_SENTENCE)
    elif code in _RESERVED:
        yield PolicyFault((), f"Use another code than {', '.join(sorted(_RESERVED))}, which are items of every score.")
    elif is_demographic(code) or tells_of_demographics(code):
        yield PolicyFault((), DEMOGRAPHIC_SENTENCE)


def faults_of_sentences(
    en: str, zh: str, *, needed: bool = True, placeholders: Sequence[str] = _PLACEHOLDERS
) -> Faults:
    for key, sentence in (("en", en), ("zh", zh)):
        if needed and not sentence.strip():
            yield PolicyFault((key,), "Say in a sentence what people are to read.")
        elif _is_of_other_language(key, sentence):
            yield PolicyFault((key,), f"Say it in {_LANGUAGES[key]}: people read it who chose that language.")
        if not sentence.isprintable():
            yield PolicyFault((key,), "Use one line of characters that people can read.")
        if len(sentence) > _SENTENCE_CHARACTERS_MAX:
            yield PolicyFault((key,), f"Use at most {_SENTENCE_CHARACTERS_MAX} characters.")
        yield from below((key,), _faults_of_placeholders(sentence, placeholders))


def _is_of_other_language(key: str, sentence: str) -> bool:
    """Whether one of the two languages has the sentence of the other. A name may be in both."""
    words = _IN_BRACES.sub("", sentence)
    chinese, english = bool(_CHINESE.search(words)), bool(_ENGLISH.search(words))
    return chinese and not english if key == "en" else english and not chinese


def _faults_of_placeholders(sentence: str, placeholders: Sequence[str]) -> Faults:
    allowed = ", ".join(f"{{{name}}}" for name in placeholders) or "none"
    try:
        names = [(name, form) for _, name, form, _ in Formatter().parse(sentence) if name is not None]
    except ValueError:
        yield PolicyFault((), f"Close every brace, and use only these: {allowed}.")
        return
    if any(name not in placeholders or form for name, form in names):
        yield PolicyFault((), f"Use only these in braces: {allowed}.")


# -- keys --------------------------------------------------------------------------------------------------------------


def of_each(key: str, parts: Sequence[T], faults: Callable[[T], Faults]) -> Faults:
    """The faults of all parts, below the key and each part's index."""
    for index, part in enumerate(parts):
        yield from below((key, index), faults(part))


def below(key: tuple[str | int, ...], faults: Iterable[PolicyFault]) -> Faults:
    """The same faults, with the key before their own."""
    for fault in faults:
        yield PolicyFault((*key, *fault.key), fault.sentence)
