"""What moved a score in words: each cause with the items that it moved most. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.scorer.core.moves import Cause
from services.scorer.core.reasons.changes import Change
from services.scorer.core.reasons.figures import Language, month
from services.scorer.core.reasons.words import CAUSES
from shared.contracts.months import month_number

_ITEMS_MAX = 3


class MovedBy(msgspec.Struct, frozen=True):
    """One cause. The points of `items` and `others` sum exactly to `points`."""

    cause: Cause
    points: int
    name: str
    items: tuple[tuple[int, str], ...]
    """Those that it moved most: points and sentence."""
    others: int
    """How many more items it moved."""
    others_points: int


def moved_by(
    changes: Sequence[Change], as_of: datetime, sentences: Mapping[str, str], language: Language
) -> list[MovedBy]:
    """`as_of` is in the zone in which months are counted; `sentences` are those of the items, by code."""
    by_cause: dict[Cause, list[Change]] = {}
    for change in changes:
        by_cause.setdefault(change.cause, []).append(change)
    return [
        MovedBy(
            cause=cause,
            points=sum(change.points for change in of_it),
            name=cause_name(cause, as_of, language),
            items=tuple((change.points, sentences.get(change.code, change.code)) for change in of_it[:_ITEMS_MAX]),
            others=len(of_it[_ITEMS_MAX:]),
            others_points=sum(change.points for change in of_it[_ITEMS_MAX:]),
        )
        for cause, of_it in by_cause.items()
    ]


def cause_name(cause: Cause, as_of: datetime, language: Language) -> str:
    """A publication is the first that sees the month before it."""
    return CAUSES[cause][0 if language == "en" else 1].format(month=month(month_number(as_of) - 1, language))
