"""What moved a score from one publication to the next: of each rule whose points changed, how much has which cause.

Causes are attributed one after the other, each by the points that the rule would give: first what came late for months
that were published already, by the policy of then; then the policy; then the month that has become complete, in windows
a month longer; then the month that has left the windows. So for each rule they sum exactly to its change (rules S21).
What rests on records, and what binds rules together, follows from two evaluations: no more of it is kept than these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

import msgspec

from services.scorer.core import held
from services.scorer.core.compiled import CAP
from services.scorer.core.features import AnyFeature
from services.scorer.core.features.months import Circle, Months
from services.scorer.core.features.stated import Fact
from services.scorer.core.score import COMPOSED, LIMIT, Evaluation, Item, Move, evaluate
from services.scorer.core.scorecard import Scorecard


class Cause(StrEnum):
    """In the order in which causes are listed."""

    POLICY = "policy"
    """The policy is another one."""
    LATE = "late-events"
    """Events of months that the publication before had already taken in."""
    FACTS = "facts"
    """A fact is another one."""
    ENTERING = "month-entering"
    """A month has become complete."""
    LEAVING = "month-leaving"
    """A month has left the windows."""
    CONTACTS = "contacts"
    """The influence of the contacts has changed."""
    BEHAVIOR = "behavior"
    """Months and events that are not told apart: in continuous cadence, and where a run was missed."""
    RECORDS = "records"
    """Negative records, and the ceiling that they impose."""
    BOUNDS = "bounds"
    """What binds rules together: caps, limits, and the least score."""


class Last(msgspec.Struct, frozen=True):
    """What the publication before was made of."""

    evaluation: Evaluation
    card: Scorecard
    circle: Circle | None


PointsByRule: TypeAlias = Mapping[str, int]
"""By the code of a rule; one that a person's segment does not have gives none."""


def moves(last: Last, now: Evaluation, months: Months, card: Scorecard) -> tuple[Move, ...]:
    """For the publication of the month after the last one. `months` are those by which `now` was evaluated."""
    changed = _changed(last.evaluation, now)
    if not changed:
        return ()
    codes = changed.keys()
    before: PointsByRule = {code: points for code, (points, _) in changed.items()}
    after = {code: points for code, (_, points) in changed.items()}
    if last.card is card and not card.segments and not codes <= card.compiled.feature_of.keys():
        # It was not made by this policy, whatever the policy of then was.
        causes: Iterable[tuple[Cause, PointsByRule]] = [(Cause.POLICY, after)]
    else:
        causes = [*_then(last, months, card, after), (Cause.LEAVING, after)]
    stages = [(ORDER[cause], points) for cause, points in causes]
    found = []
    for code, points in before.items():
        by_rank = _by_rank(code, points, stages, _apart(card.compiled.feature_of.get(code)))
        found += [(rank, code, moved) for rank, moved in by_rank.items() if moved]
    return tuple([(_CAUSES[rank], code, moved) for rank, code, moved in sorted(found)])


def is_by_another(evaluation: Evaluation, card: Scorecard) -> bool:
    """Whether it has items that this scorecard has no rule for, so that another one made it."""
    if card.segments:
        return False
    return any(of_rules(item) and item.code not in card.compiled.feature_of for item in evaluation.items)


def moves_of_policy(last: Evaluation, then: Evaluation, now: Evaluation) -> tuple[Move, ...]:
    """For a publication in continuous cadence that is the first by its policy: what that policy makes of what was known
    `then`, compared with the last publication. Everything else comes from what has happened since."""
    changed = _changed(last, now)
    points = {item.code: item.points for item in then.items}
    by_policy = {code: points.get(code, 0) - before for code, (before, _) in changed.items()}
    return tuple([(Cause.POLICY.value, code, moved) for code, moved in sorted(by_policy.items()) if moved])


def _by_rank(
    code: str, before: int, stages: Sequence[tuple[int, PointsByRule]], apart: int | None
) -> Mapping[int, int]:
    """How much of the change of one rule has which cause, by the cause's place in their order."""
    by_rank: dict[int, int] = {}
    for rank, points in stages:
        after = points.get(code, 0)
        if after != before:
            named = rank if apart is None or rank == _POLICY else apart
            by_rank[named] = by_rank.get(named, 0) + after - before
            before = after
    return by_rank


def _then(last: Last, months: Months, card: Scorecard, after: PointsByRule) -> Iterator[tuple[Cause, PointsByRule]]:
    """What these rules would have given, after each cause but the last."""
    if last.card is card:
        yield Cause.LATE, card.compiled.a_month_ago(months, last.circle, after.keys())
    else:
        for cause, each in ((Cause.LATE, last.card), (Cause.POLICY, card)):
            then = evaluate(months.state, each, months.through - 1, last.circle)
            yield cause, {item.code: item.points for item in then.items}
    yield Cause.ENTERING, card.compiled.with_nothing_leaving(months, last.circle, after)


def _changed(last: Evaluation, now: Evaluation) -> dict[str, tuple[int, int]]:
    """The points before and after of each rule that gives others now."""
    before = {item.code: item for item in last.items}
    changed = {}
    for item in now.items:
        former = before.pop(item.code, None)
        points = 0 if former is None else former.points
        if item.points != points and of_rules(item):
            changed[item.code] = points, item.points
    for code, former in before.items():
        if former.points and of_rules(former):
            changed[code] = former.points, 0
    return changed


def of_rules(item: Item) -> bool:
    """Whether the item is a rule's, and not what records, caps and limits make of the score."""
    if isinstance(item.basis, tuple):
        return True
    # Publications of before say nothing of a cap but that its best is below 0.
    binds = item.code in COMPOSED or item.best < 0 or LIMIT in item.basis or CAP in item.basis
    return not binds and not rests_on_records(item)


def rests_on_records(item: Item) -> bool:
    return item.code == "ceiling" or bool(held.RESTS_ON_RECORDS & item.rests_on.keys())


ORDER = {cause: index for index, cause in enumerate(Cause)}
_CAUSES = [cause.value for cause in Cause]
_POLICY, _FACTS, _CONTACTS = ORDER[Cause.POLICY], ORDER[Cause.FACTS], ORDER[Cause.CONTACTS]


def _apart(feature: AnyFeature | None) -> int | None:
    """Facts and contacts have no months, so what moved their rules follows from what these rules look at."""
    if feature is None:
        return None
    if feature.on_contacts:
        return _CONTACTS
    return _FACTS if isinstance(feature, Fact) else None
