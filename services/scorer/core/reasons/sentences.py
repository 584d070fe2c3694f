"""Why a score is what it is: each item with its sentence, and what it lacks, lost or not known yet (rules S22)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from services.scorer.core.features import AnyFeature
from services.scorer.core.features.activity import History, Ratio, Trend
from services.scorer.core.features.base import Measured, Windowed, kinds_of
from services.scorer.core.features.stated import CONTACTS_MIN, Fact, SteadyFigure
from services.scorer.core.moves import rests_on_records
from services.scorer.core.reasons.figures import Language, figure, listed
from services.scorer.core.reasons.words import CLASSES, GROUPS, Both, dimension_name, of_kind
from services.scorer.core.score import LIMIT, Evaluation, Item
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import BASE, Bin, Cap, Limit, Rule, Segment
from shared.contracts.kinds import KIND_OF, Shape

_BETWEEN_CHINESE = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_NAMED_MAX = 3
"""How many kinds a sentence names at most that says that nothing is known about them."""


class Reason(msgspec.Struct, frozen=True):
    """One item in words. `lost` and `not_known` sum exactly to `best - points`."""

    code: str
    dimension: str | None
    """None of what is no rule's."""
    points: int
    best: int
    lost: int
    """The points that the person lacks because of what was measured."""
    not_known: int
    """The points that are neither earned nor lost: nothing is known yet, or too little to count in full."""
    sentence: str


class Wording(msgspec.Struct, frozen=True, dict=True):
    """How the sentences of one scorecard are said."""

    card: Scorecard
    language: Language
    currency: str

    def pick(self, both: Both) -> str:
        return both[0] if self.language == "en" else both[1]

    def dimension(self, code: str) -> str:
        """What people call a dimension."""
        named = self.card.dimension_names.get(code)
        return self.pick(dimension_name(code)) if named is None else self.said(named)

    def said(self, part: object) -> str:
        """The sentence of anything that has one in both languages."""
        return str(getattr(part, self.language))


def reasons(evaluation: Evaluation, wording: Wording, only: Container[str] | None = None) -> list[Reason]:
    """Of every item, in their order, or only of those with these codes."""
    rules = {rule.code: rule for rule in rules_behind(evaluation, wording.card)}
    items = (item for item in evaluation.items if only is None or item.code in only)
    return [_reason(item, rules.get(item.code), wording) for item in items]


def rules_behind(evaluation: Evaluation, card: Scorecard) -> Sequence[Rule]:
    """Those whose points the items are."""
    return card.rules_of(_segment(evaluation, card))


def key_reasons(evaluation: Evaluation, found: Iterable[Reason]) -> list[Reason]:
    """What costs most, at most four, the costliest first; and, beside these, a ceiling or limit that holds the score
    down, since no other points would show."""
    by_code = {reason.code: reason for reason in found}
    codes = list(evaluation.key_factors)
    binding = (item.code for item in evaluation.items if item.points < 0 and _binds(item))
    codes += [code for code in islice(binding, 1) if code not in codes]
    return [by_code[code] for code in codes if code in by_code]


def without_policy(evaluation: Evaluation) -> list[Reason]:
    """Of a publication whose policy is not at hand: points without sentences."""
    return [Reason(i.code, None, i.points, i.best, i.best - i.points, 0, _as_stored(i)) for i in evaluation.items]


def _segment(evaluation: Evaluation, card: Scorecard) -> str | None:
    """The one whose rules the items are."""
    codes = {item.code for item in evaluation.items}
    of_each = {segment: {rule.code for rule in card.rules_of(segment)} for segment in card.segment_codes()}
    return max(of_each, key=lambda segment: (of_each[segment] <= codes, len(of_each[segment] & codes)))


def _reason(item: Item, rule: Rule | None, wording: Wording) -> Reason:
    lacking = item.best - item.points
    if rule is None:
        return Reason(
            item.code, _dimension(item, wording.card), item.points, item.best, lacking, 0, _bound(item, wording)
        )
    feature = wording.card.features[rule.feature]
    measured = measured_by(item)
    if measured is None and not (feature.on_contacts and item.rests_on):
        return Reason(item.code, rule.dimension, item.points, item.best, 0, lacking, _not_known(feature, wording))
    not_known, sentence = 0, wording.said(rule)
    if measured is not None:
        reached = bin_reached(rule, measured)
        not_known = max(0, reached.points - item.points)
        sentence = _filled(wording.said(reached) or sentence, measured, feature, wording)
        if not_known:
            sentence += _so_far(rule, measured, wording)
    return Reason(item.code, rule.dimension, item.points, item.best, lacking - not_known, not_known, sentence)


def measured_by(item: Item) -> Measured | None:
    """Value and observations, if anything is known."""
    value, observations = item.rests_on.get("value"), item.rests_on.get("observations")
    return None if value is None else (value, int(observations or 0))


def bin_reached(rule: Rule, measured: Measured) -> Bin:
    value = measured[0]
    if isinstance(value, str):
        return next((bin for bin in rule.bins if bin.word == value), Bin(points=rule.unknown))
    return max((bin for bin in rule.bins if (bin.at_least or 0) <= value), key=_at_least, default=rule.bins[0])


def _at_least(bin: Bin) -> int:
    return bin.at_least or 0


def _filled(sentence: str, measured: Measured, feature: AnyFeature, wording: Wording) -> str:
    value, observations = measured
    said = sentence.format(
        value=figure(value, feature.unit, wording.language, wording.currency),
        observations=f"{observations:,}",
        months=getattr(feature, "months", ""),
    )
    # Between Chinese characters there is no space, and a sentence cannot know whether a value ends with one.
    return _BETWEEN_CHINESE.sub("", said)


def _so_far(rule: Rule, measured: Measured, wording: Wording) -> str:
    full, seen = rule.evidence.full if rule.evidence else 0, measured[1]
    if seen >= full:
        # Some of them are known only because they were late (rules S25).
        return "极小额的不加分。" if wording.language == "zh" else " Very small ones add nothing."
    if wording.language == "zh":
        return f"目前已知 {seen} 期，满 {full} 期后计全分。"
    return f" It counts in full from {full} of them on; {seen} {'is' if seen == 1 else 'are'} known so far."


def _not_known(feature: AnyFeature, wording: Wording) -> str:
    """The sentence that nothing can be said yet, which is neither good nor bad."""
    language = wording.language
    if feature.on_contacts:
        few = f"Fewer than {CONTACTS_MIN} contacts are known of whom both sides say so."
        return few if language == "en" else f"双方确认的联系人不足 {CONTACTS_MIN} 人。"
    if isinstance(feature, History):
        return "Nothing has been reported of you yet." if language == "en" else "尚无任何记录。"
    of = _of(feature, wording)
    if isinstance(feature, Fact):
        return f"Nothing has been confirmed yet about your {of}." if language == "en" else f"{of}尚未得到确认。"
    months, takes_more = getattr(feature, "months", 0), isinstance(feature, SteadyFigure | Trend)
    if language == "zh":
        return f"近 {months} 个月{'没有足够的' if takes_more else '没有'}{of}记录。"
    window = f"in the last {months} months" if months > 1 else "in the last month"
    return f"{'Not enough' if takes_more else 'Nothing'} is known of your {of} {window}."


def _of(feature: AnyFeature, wording: Wording) -> str:
    match feature:
        case Fact():
            kinds: Sequence[str] = [feature.kind]
        case Ratio():
            kinds = _names([*feature.under.kinds, *feature.over.kinds], wording)
        case Windowed():
            kinds = _names(feature.kinds, wording)
        case _:
            kinds = ()
    nouns = _nouns(kinds, wording)
    if len(nouns) > _NAMED_MAX:
        nouns = [*nouns[: _NAMED_MAX - 1], "the like" if wording.language == "en" else "同类"]
    return listed(nouns, wording.language)


def _nouns(kinds: Sequence[str], wording: Wording) -> list[str]:
    """One for each kind, or for all obligations of a group, where all are among them."""
    nouns: dict[str, None] = {}
    for kind in kinds:
        group = KIND_OF[kind].group
        whole = {each.name for each in KIND_OF.values() if each.group == group and each.shape is Shape.OBLIGATION}
        nouns[wording.pick(GROUPS[group] if group in GROUPS and whole <= set(kinds) else of_kind(kind))] = None
    return list(nouns)


def _names(kinds: Sequence[str], wording: Wording) -> list[str]:
    return list(dict.fromkeys(kind.name for kind in kinds_of(kinds, wording.card.kinds)))


# -- what is no rule's -------------------------------------------------------------------------------------------------


def _binds(item: Item) -> bool:
    return item.code == "ceiling" or LIMIT in item.rests_on


def _dimension(item: Item, card: Scorecard) -> str | None:
    if card.records is not None and item.code == card.records.code:
        return card.records.dimension
    for cap in card.caps:
        if cap.code == item.code:
            return next((rule.dimension for rule in card.rules if rule.code in cap.rules), None)
    return None


def _bound(item: Item, wording: Wording) -> str:
    card, is_english = wording.card, wording.language == "en"
    match item.code:
        case "base":
            return f"Everybody begins with {item.points} points." if is_english else f"每个人从 {item.points} 分起。"
        case "floor":
            if is_english:
                return f"Nobody has less than {BASE} points. This makes up for what would be below."
            return f"任何人都不低于 {BASE} 分，此项补足低于该分数的部分。"
        case "ceiling":
            of_class, highest = wording.pick(CLASSES[str(item.rests_on["record_class"])]), item.rests_on["ceiling"]
            if is_english:
                a = "an" if of_class[0] in "aeiou" else "a"
                return f"While {a} {of_class} record counts against you, your score is {highest} at most."
            return f"{of_class}负面记录有效期间，分数最高为 {highest} 分。"
    if card.records is not None and item.code == card.records.code:
        return _of_records(item, wording)
    parts: Sequence[Cap | Limit | Segment] = (*card.caps, *card.limits, *card.segments)
    for part in parts:
        if part.code == item.code:
            return _with_limit(wording.said(part), item, wording)
    return _as_stored(item)


def _with_limit(sentence: str, item: Item, wording: Wording) -> str:
    highest = item.rests_on.get(LIMIT)
    if highest is None:
        return sentence
    return (
        f"{sentence} So your score is {highest} at most."
        if wording.language == "en"
        else f"{sentence}分数最高为 {highest} 分。"
    )


def _of_records(item: Item, wording: Wording) -> str:
    if not rests_on_records(item):
        return (
            "No negative record counts against you now." if wording.language == "en" else "目前没有计入评分的负面记录。"
        )
    assert wording.card.records is not None
    return f"{wording.said(wording.card.records).rstrip('.。')}{listed_records(item, wording)}"


def listed_records(item: Item, wording: Wording) -> str:
    """How many there are of each class: `: 1 legal record, not settled.`"""
    counted = [_counted(name, int(count), wording) for name, count in item.rests_on.items()]
    if wording.language == "zh":
        return f"：{'，'.join(counted)}。"
    return f": {'; '.join(counted)}."


def _counted(name: str, count: int, wording: Wording) -> str:
    record_class, _, end = name.partition("_")
    of_class = wording.pick(CLASSES[record_class])
    if wording.language == "zh":
        return f"{of_class}{'已了结' if end == 'settled' else '未了结'} {count} 条"
    records = "record" if count == 1 else "records"
    return f"{count} {of_class} {records}, {'settled' if end == 'settled' else 'not settled'}"


def _as_stored(item: Item) -> str:
    return ", ".join(_plain(item.rests_on.items()))


def _plain(figures: Iterable[tuple[str, int | str]]) -> Iterator[str]:
    for name, value in figures:
        yield f"{name.replace('_', ' ')} {value}"
