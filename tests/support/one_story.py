"""Whether the compacted topics tell what the database has, and benefits follows the scorer: for tests of a restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.scorer.core import score
from shared.contracts.messages import ScoreChange, TierChange, read

Message = tuple[bytes | None, bytes | None]
"""Key and value."""

PEOPLE = "select user_id, version, evaluation from scorer.person where version > 0"
STANDINGS = "select * from benefits.person"


def disagreements(
    scores: Iterable[Message], tiers: Iterable[Message], people: Iterable[Any], standings: Iterable[Any]
) -> list[str]:
    """What is wrong: of each person the last score and tier on the topics, against the rows of the two queries."""
    last_score = {(key or b"").decode(): read(ScoreChange, value or b"") for key, value in scores}
    last_tier = {(key or b"").decode(): read(TierChange, value or b"") for key, value in tiers}
    by_person = {row["user_id"].hex(): row for row in standings}
    wrong: list[str] = []
    for row in people:
        user_id = row["user_id"].hex()
        wrong += _of_person(row, by_person[user_id], last_score.get(user_id), last_tier.get(user_id))
    return wrong


def _of_person(row: Mapping[str, Any], standing: Mapping[str, Any], told: object, change: object) -> list[str]:
    if not isinstance(told, ScoreChange):
        return [f"the topic has {told}"]
    wrong = []
    result = score.decode(row["evaluation"]).result
    if (told.version, told.score, told.thin, tuple(told.restrictions)) != (row["version"], *result):
        wrong.append(f"score: the topic has {told}, the database {row['version']} {result}")
    if (standing["score_version"], tuple(standing["restrictions"])) != (told.version, tuple(told.restrictions)):
        wrong.append(f"benefits is at score {standing['score_version']}, published is {told}")
    of_topic: tuple[Any, ...] = (0, None, (), ())
    if isinstance(change, TierChange):
        of_topic = (change.version, change.tier, tuple(change.in_force), tuple(change.restrictions))
    sets = map(tuple, (standing["in_force"], standing["restrictions"]))
    if of_topic != (standing["version"], standing["tier"], *sets):
        wrong.append(f"tier: the topic has {of_topic}, the database {dict(standing)}")
    return wrong
