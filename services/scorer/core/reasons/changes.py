"""What moved a score since the publication before: a list that sums exactly to the change (rules S21)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.scorer.core.moves import ORDER, Cause, of_rules, rests_on_records
from services.scorer.core.score import Evaluation, Item


class Change(msgspec.Struct, frozen=True):
    """So many points of one item have this cause."""

    cause: Cause
    code: str
    points: int


def changes(before: Evaluation, now: Evaluation) -> list[Change]:
    """By cause, in the fixed order, and within a cause by what moved most. The causes of rules are those that were kept
    with the publication. The part of an item's change that these do not explain has the cause that follows from the
    item."""
    former, present = _by_code(before), _by_code(now)
    found: dict[tuple[Cause, str], int] = {}
    left = {code: _points(present, code) - _points(former, code) for code in dict.fromkeys([*present, *former])}
    for name, code, points in now.moves:
        found[Cause(name), code] = points
        left[code] = left.get(code, 0) - points
    for code, points in left.items():
        if not points:
            continue
        item = present.get(code) or former.get(code)
        cause = Cause.BEHAVIOR if item is None else _cause(item, former.get(code, item))
        found[cause, code] = found.get((cause, code), 0) + points
    moved = [Change(cause, code, points) for (cause, code), points in found.items() if points]
    return sorted(moved, key=lambda change: (ORDER[change.cause], -abs(change.points), change.code))


def by_cause(moved: list[Change]) -> dict[Cause, int]:
    """The points of each cause that there is, in the fixed order. One that nets to nothing stays."""
    sums: dict[Cause, int] = {}
    for change in moved:
        sums[change.cause] = sums.get(change.cause, 0) + change.points
    return sums


def _by_code(evaluation: Evaluation) -> dict[str, Item]:
    return {item.code: item for item in evaluation.items}


def _points(items: Mapping[str, Item], code: str) -> int:
    return items[code].points if code in items else 0


def _cause(item: Item, former: Item) -> Cause:
    if rests_on_records(item) or rests_on_records(former):
        return Cause.RECORDS
    return Cause.BEHAVIOR if of_rules(item) else Cause.BOUNDS
