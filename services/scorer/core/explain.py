"""A person's score, made readable: what `goodstanding explain` and a person's export show.

The rows come from the view `scorer.explain`: one for each publication, with the evaluation of the one before it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.scorer.core import score
from services.scorer.core.score import Evaluation, RestsOn
from shared.contracts.months import month_name


class Line(msgspec.Struct, frozen=True):
    """One item: its points, the best it could have, what it rests on, and the change since the publication before."""

    code: str
    points: int
    best: int
    change: int
    rests_on: RestsOn


class Explanation(msgspec.Struct, frozen=True):
    """The points of `lines` sum exactly to `score`, their changes to `change`."""

    version: int
    as_of: datetime
    publication: str | None
    """The last monthly run, `2026-03`."""
    policy: str
    score: int
    change: int
    thin: bool
    restrictions: tuple[str, ...]
    key_factors: tuple[str, ...]
    lines: tuple[Line, ...]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `scorer.explain`, its columns by name."""

    version: int
    as_of: datetime
    run: int | None
    """The month of the last monthly run, None before the first."""
    policy: str
    evaluation: bytes
    evaluation_before: bytes | None
    """None with a person's first publication."""


def explain(row: Published) -> Explanation:
    now = score.decode(row.evaluation)
    last = score.decode(row.evaluation_before) if row.evaluation_before else _NOTHING
    points_before = {item.code: item.points for item in last.items}
    lines = [
        Line(item.code, item.points, item.best, item.points - points_before.pop(item.code, 0), item.rests_on)
        for item in now.items
    ]
    # An item may go: a ceiling that is lifted, a rule that a new policy dropped.
    lines += [Line(code, 0, 0, -points, {}) for code, points in points_before.items()]
    return Explanation(
        version=row.version,
        as_of=row.as_of,
        publication=None if row.run is None else month_name(row.run),
        policy=row.policy,
        score=now.score,
        change=now.score - last.score,
        thin=now.thin,
        restrictions=now.restrictions,
        key_factors=now.key_factors,
        lines=tuple(lines),
    )


_NOTHING = Evaluation(0, True, (), (), ())
