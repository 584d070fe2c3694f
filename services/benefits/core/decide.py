"""What a person's published scores lead to: one change for each that moves tier, benefits or restrictions.

The decision (rules T1 to T8), in the order of the score's versions:
- A score reaches the highest tier that begins at or below it. A jump over several tiers is one change.
- A thin file gains nothing new: its tier falls with the score, and rises no further than it had been granted.
- What a restriction closes is revoked at once, and granted again when the restriction ends.
- Where nothing moves there is no message. A version that is not higher than the last is a repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.benefits.core.table import TierTable
from shared.contracts.messages import ScoreChange, TierChange


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person stands: the last score, and what it led to. The sets are tuples, in the order of the messages."""

    score_version: int
    score: int
    thin: bool
    as_of: datetime
    version: int
    """Of the last change; 0 before the first."""
    tier: str | None
    kept: str | None
    """The best tier since the last publication without restrictions: the most to which a thin file returns."""
    in_force: tuple[str, ...]
    restrictions: tuple[str, ...]


class Decided(msgspec.Struct, frozen=True):
    """`repeated` counts the scores that were known already, `unchanged` those that moved nothing."""

    standing: Standing
    changes: tuple[TierChange, ...]
    repeated: int
    unchanged: int


def decide(standing: Standing | None, scores: Sequence[ScoreChange], table: TierTable) -> Decided:
    """Take in a person's scores, in the order of the log. There must be at least one.

    A version that is known is a repetition (rules T7), and each other score is judged by the present table (rules T8).
    """
    changes: list[TierChange] = []
    repeated = 0
    for score in scores:
        if standing is not None and score.version <= standing.score_version:
            repeated += 1
            continue
        before, standing = standing, _standing(standing, score, table)
        if change := _change(before, standing, table):
            changes.append(change)
            standing = msgspec.structs.replace(standing, version=change.version)
    assert standing is not None, "a decision has at least one score"
    return Decided(standing, tuple(changes), repeated, len(scores) - repeated - len(changes))


def _standing(before: Standing | None, score: ScoreChange, table: TierTable) -> Standing:
    """Where the score puts the person; `version` is still that of the last change. A thin file rises no further than to
    what it had (rules T3)."""
    kept = table.position(before.kept) if before else 0
    tier = table.reached(score.score)
    if score.thin:
        tier = min(tier, kept)
    closed = table.closed(score.restrictions)
    return Standing(
        score_version=score.version,
        score=score.score,
        thin=score.thin,
        as_of=score.as_of,
        version=before.version if before else 0,
        tier=table.code(tier),
        # A restriction's end gives back what it took, also by its ceiling, and also to a thin file (rules T4).
        kept=table.code(max(kept, tier) if score.restrictions else tier),
        in_force=tuple(benefit for benefit in table.benefits(tier) if benefit not in closed),
        restrictions=tuple(sorted(set(score.restrictions))),
    )


def _change(before: Standing | None, after: Standing, table: TierTable) -> TierChange | None:
    """The message that tells subscribers of the step, or None where it moved nothing that they can see
    (rules T6)."""
    tier, in_force, restrictions = (before.tier, before.in_force, before.restrictions) if before else (None, (), ())
    if (tier, in_force, restrictions) == (after.tier, after.in_force, after.restrictions):
        return None
    return TierChange(
        version=after.version + 1,
        tier=after.tier,
        previous_tier=tier,
        granted=tuple(benefit for benefit in after.in_force if benefit not in in_force),
        revoked=tuple(benefit for benefit in in_force if benefit not in after.in_force),
        in_force=after.in_force,
        restrictions=after.restrictions,
        score_version=after.score_version,
        as_of=after.as_of,
        policy=table.id,
    )


def said_again(standing: Standing, told: TierChange | None, table: TierTable) -> tuple[Standing, TierChange | None]:
    """After a restore: the standing with the highest version, and the message that the topic needs, if any.

    `told` is the last message on the topic about the person. It may come from a time that the restored database does
    not know, or be older than the database.
    """
    before = standing_as_told(told) if told else None
    reached = msgspec.structs.replace(standing, version=max(standing.version, told.version if told else 0))
    change = _change(before, reached, table)
    return (msgspec.structs.replace(reached, version=change.version) if change else reached), change


def standing_as_told(told: TierChange) -> Standing:
    """The standing of somebody whom only the topic knows: as that message left them, until the next score."""
    return Standing(
        score_version=0,
        score=0,
        thin=True,
        as_of=told.as_of,
        version=told.version,
        tier=told.tier,
        kept=told.tier,
        in_force=tuple(told.in_force),
        restrictions=tuple(told.restrictions),
    )
