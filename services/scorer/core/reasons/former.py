"""What was measured before a change, for a sentence that says only what is measured now."""

from __future__ import annotations

from services.scorer.core.reasons.figures import counted, figure
from services.scorer.core.reasons.sentences import Wording, bin_reached, measured_by, rules_behind
from services.scorer.core.score import LIMIT, Evaluation, Item


def with_former(sentence: str, code: str, before: Evaluation, now: Evaluation, wording: Wording) -> str:
    """The sentence of an item that has moved, and what its rule measured before, where that differs: a share that is
    as good as ever says nothing of why points went. Both publications are by this policy."""
    former, present = (next((item for item in each.items if item.code == code), None) for each in (before, now))
    if former is None or present is None:
        return sentence
    said = [*_taken(former, present, wording), *_measured(former, present, now, wording)]
    if not said:
        return sentence
    if wording.language == "en":
        return f"{sentence} (before: {', '.join(said)})"
    return f"{sentence}（此前：{'，'.join(said)}）"


def _taken(former: Item, present: Item, wording: Wording) -> list[str]:
    """What a limit or a ceiling took: with less to take, points come back although it holds as before."""
    if LIMIT not in present.rests_on and present.code != "ceiling":
        return []
    taken = counted(-former.points, wording.language)
    return [f"it took {taken}" if wording.language == "en" else f"少得 {taken}"]


def _measured(former: Item, present: Item, now: Evaluation, wording: Wording) -> list[str]:
    rule = next((rule for rule in rules_behind(now, wording.card) if rule.code == present.code), None)
    before, measured = measured_by(former), measured_by(present)
    if rule is None or before is None or measured is None:
        return []
    (value, known), said = before, []
    shows_value = "{value}" in (wording.said(bin_reached(rule, measured)) or wording.said(rule))
    if shows_value and value != measured[0]:
        said.append(figure(value, wording.card.features[rule.feature].unit, wording.language, wording.currency))
    full = rule.evidence.full if rule.evidence else 0
    fewer = min(known, full) - min(measured[1], full)
    if fewer > 0 or (fewer and value == measured[0]):
        said.append(f"{known:,} known" if wording.language == "en" else f"已知 {known:,} 期")
    return said
