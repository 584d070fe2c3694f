"""What becomes of a person's tier and benefits: one change for each score and each instant that moves them.

The decision (rules T1 to T11), in the order of the score's versions:
- A score reaches the highest tier that begins at or below it. A jump over several tiers is one change.
- A thin file gains nothing new: its tier falls with the score, and rises no further than it had been granted.
- What a restriction closes is revoked at once, and granted again when the restriction ends.
- A tier with grace that the score has left is kept until the day that the change names, unless the score recovers.
- A new table is in force from its day on, for everybody.
- Where nothing moves there is no message. A version that is not higher than the last is a repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias

import msgspec

from services.benefits.core.messages import News, Passed
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Scored, Standing, judged
from services.benefits.core.table import TierTable
from shared.contracts.messages import ScoreChange, TierChange


class Changed(msgspec.Struct, frozen=True):
    """Something moved that subscribers see."""

    change: TierChange


class Unchanged(msgspec.Struct, frozen=True):
    """A score, or an instant, that moved nothing."""


class Repeated(msgspec.Struct, frozen=True):
    """A score that was known already (rules T7)."""


Judged: TypeAlias = Changed | Unchanged | Repeated


class Decided(msgspec.Struct, frozen=True):
    """`outcomes` has one for each score, and one for each instant that was passed, in their order."""

    standing: Standing | None
    outcomes: tuple[Judged, ...]

    @property
    def changes(self) -> tuple[TierChange, ...]:
        return tuple(outcome.change for outcome in self.outcomes if isinstance(outcome, Changed))


def decide(standing: Standing | None, messages: Sequence[News | Passed], policy: Policy) -> Decided:
    """Take in a person's scores, in the order of the log, and the instants that the clock has passed."""
    outcomes: list[Judged] = []
    for message in messages:
        standing, judgements = _step(standing, message, policy)
        outcomes += judgements
    return Decided(standing, tuple(outcomes))


def _step(standing: Standing | None, message: News | Passed, policy: Policy) -> tuple[Standing | None, list[Judged]]:
    match message:
        case News(_, score):
            return _told(standing, score, policy)
        case Passed(_, at):
            return _passed(standing, at, policy)


def _told(standing: Standing | None, score: ScoreChange, policy: Policy) -> tuple[Standing, list[Judged]]:
    """A score is judged behind everything that fell due before it, by the table of its own instant (rules T6, T8)."""
    if standing is not None and score.version <= standing.score_version:
        return standing, [Repeated()]
    judgements: list[Judged] = []
    instant, table_from = score.as_of, date.min
    if standing is not None:
        standing, judgements = _until(standing, score.as_of, policy, is_included=False)
        # What was decided for a later instant stands: no change is for an earlier one than the last (rules T11).
        instant, table_from = max(instant, standing.as_of), standing.table_from
    table = policy.at(instant, table_from)
    said = Scored(score_version=score.version, score=score.score, thin=score.thin, restrictions=score.restrictions)
    standing, judgement = _moved(standing, judged(standing, said, instant, table, policy), table)
    return standing, [*judgements, judgement]


def _passed(standing: Standing | None, at: datetime, policy: Policy) -> tuple[Standing | None, list[Judged]]:
    """What falls due by an instant. A page of timers may be older than what was decided since."""
    if standing is None:
        return None, [Unchanged()]
    standing, judgements = _until(standing, at, policy, is_included=True)
    return standing, judgements or [Unchanged()]


def _until(standing: Standing, end: datetime, policy: Policy, *, is_included: bool) -> tuple[Standing, list[Judged]]:
    """One after the other, the ends of grace (rules T9) and the new tables (rules T8) that fall due before an instant,
    or at it. What falls due at the instant of a score is judged with that score, so that nobody loses for a moment what
    the score gives (rules T11)."""
    judgements: list[Judged] = []
    while (due := _next_due(standing, policy)) is not None:
        at, table = due
        if at > end or (at == end and not is_included):
            break
        following = judged(standing, standing, max(at, standing.as_of), table, policy)
        standing, judgement = _moved(standing, following, table)
        judgements.append(judgement)
    return standing, judgements


def _next_due(standing: Standing, policy: Policy) -> tuple[datetime, TierTable] | None:
    """The next instant that moves the standing without a score, and the table in force from then on."""
    table, falls_at = policy.by_day(standing.table_from), standing.falls_at
    following = policy.following(standing.table_from)
    if following is not None and (falls_at is None or policy.begins(following) <= falls_at):
        return policy.begins(following), following
    return None if falls_at is None else (falls_at, table)


def _moved(before: Standing | None, after: Standing, table: TierTable) -> tuple[Standing, Judged]:
    change = change_between(before, after, table)
    if change is None:
        return after, Unchanged()
    return msgspec.structs.replace(after, version=change.version), Changed(change)


def change_between(before: Standing | None, after: Standing, table: TierTable) -> TierChange | None:
    """The message that tells subscribers of the step, or None where it moved nothing that they can see (rules T6).
    `after` still has the version of the last change."""
    if after.seen == (before.seen if before else _NOTHING_SEEN):
        return None
    had = before.in_force if before else ()
    return TierChange(
        version=after.version + 1,
        tier=after.tier,
        previous_tier=before.tier if before else None,
        granted=tuple(benefit for benefit in after.in_force if benefit not in had),
        revoked=tuple(benefit for benefit in had if benefit not in after.in_force),
        in_force=after.in_force,
        restrictions=after.restrictions,
        score_version=after.score_version,
        as_of=after.as_of,
        policy=table.id,
        falls_at=after.falls_at,
        falls_to=after.falls_to,
        ending=None if after.falls_at is None else _ending(after, table),
    )


_NOTHING_SEEN: tuple[object, ...] = (None, (), (), None, None)


def _ending(standing: Standing, table: TierTable) -> tuple[str, ...]:
    """The benefits that end when the tier falls."""
    left = table.benefits(table.position(standing.falls_to))
    return tuple(benefit for benefit in standing.in_force if benefit not in left)
