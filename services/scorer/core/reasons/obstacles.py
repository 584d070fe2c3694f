"""The answer to "why does my score not rise": what holds it, the strongest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from services.scorer.core.moves import rests_on_records
from services.scorer.core.reasons.figures import counted
from services.scorer.core.reasons.sentences import Reason, Wording
from services.scorer.core.score import LIMIT, Evaluation

_LOST_MAX = 2


def obstacles(
    evaluation: Evaluation, reasons: Sequence[Reason], not_known: Mapping[str, int], wording: Wording
) -> Iterator[str]:
    """Ceilings and limits that hold the score down come first, since no other points show while they do; then caps that
    take something, then what has lost most, then what is not known yet: `not_known` are points by dimension."""
    is_english = wording.language == "en"
    by_code = {reason.code: reason for reason in reasons}
    for item in evaluation.items:
        if item.points < 0 and (item.code == "ceiling" or LIMIT in item.rests_on):
            points = -item.points
            taken = f" That takes {counted(points, 'en')}." if is_english else f"因此少得 {counted(points, 'zh')}。"
            yield by_code[item.code].sentence + taken
    caps = {cap.code for cap in wording.card.caps}
    for item in evaluation.items:
        if item.points < 0 and item.code in caps:
            over = -item.points
            over_it = f" {over} of their points do not count." if is_english else f"超出的 {over} 分不计入。"
            yield by_code[item.code].sentence + over_it
    records = {item.code for item in evaluation.items if rests_on_records(item)}
    lost = sorted((reason for reason in reasons if reason.lost > 0 and _is_own(reason, records)), key=lambda r: -r.lost)
    for reason in lost[:_LOST_MAX]:
        costs = _more(reason, wording)
        if reason.code in records:
            costs = f" That costs {counted(reason.lost, 'en')}." if is_english else f"共扣 {reason.lost} 分。"
        yield reason.sentence + costs
    unknown = {dimension: points for dimension, points in not_known.items() if points}
    if unknown:
        most = max(unknown, key=lambda dimension: unknown[dimension])
        name, points = wording.dimension(most), sum(unknown.values())
        if is_english:
            are = "point is" if points == 1 else "points are"
            yield f"{points} {are} not lost, but not known yet, most of that in {name.lower()}: {unknown[most]}."
        else:
            yield f"有 {points} 分尚未知晓（并非失分），其中{name}最多：{unknown[most]} 分。"
    elif not lost:
        yield "Nothing is lost: all of it is at its best." if is_english else "没有失分：各项均已达到最佳。"


def _more(reason: Reason, wording: Wording) -> str:
    if wording.language == "en":
        return f" Up to {counted(reason.lost, 'en')} more could be had here."
    return f"此项最多还可得 {reason.lost} 分。"


def _is_own(reason: Reason, records: set[str]) -> bool:
    return reason.code in records - {"ceiling"} or (reason.dimension is not None and reason.best >= 0)
