"""What subscribers have seen of a story and what the databases have, for tests in which a server is another one than it
was."""

from __future__ import annotations

from services.scorer.core.state import decode, vectors
from services.scorer.core.vectors import COUNT
from shared.contracts.messages import RecordChange, ScoreChange, TierChange, read
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED
from tests.faults.scenarios import Story
from tests.support import one_story

_ALL_MONTHS = (0, 2**31)
Versions = dict[tuple[str, str], list[int]]
"""Of each topic and name (person or record) the versions, in the order in which subscribers see them."""


async def counted(story: Story) -> int:
    """How many events the scorer has counted, of everybody."""
    async with story.cluster.database() as db:
        rows = await db.fetch("select state from scorer.person where state <> ''")
    months = [month for row in rows for month in vectors(decode(row["state"]), *_ALL_MONTHS)]
    return sum(vector[COUNT] for _, by_kind in months for vector in by_kind.values())


async def versions_seen(story: Story) -> dict[tuple[str, str], list[int]]:
    """Of each topic and name (person or record) the versions, in the order in which subscribers see them."""
    found: dict[tuple[str, str], list[int]] = {}
    for topic, model in ((SCORES_CHANGED, ScoreChange), (TIERS_CHANGED, TierChange), (RECORDS_CHANGED, RecordChange)):
        for seen in await story.cluster.read(topic):
            if seen.value is None:
                continue  # somebody was erased
            body = read(model, seen.value or b"")
            assert isinstance(body, ScoreChange | TierChange | RecordChange)
            name = body.record_id if isinstance(body, RecordChange) else (seen.key or b"").decode()
            found.setdefault((topic, name), []).append(body.version)
    return found


async def disagreements(story: Story) -> list[str]:
    """What the topics of scores and tiers say otherwise than the databases."""
    scores = [(seen.key, seen.value) for seen in await story.cluster.read(SCORES_CHANGED) if seen.value is not None]
    tiers = [(seen.key, seen.value) for seen in await story.cluster.read(TIERS_CHANGED) if seen.value is not None]
    async with story.cluster.database() as db:
        return one_story.disagreements(
            scores, tiers, await db.fetch(one_story.PEOPLE), await db.fetch(one_story.STANDINGS)
        )


def assert_no_version_goes_back(versions: Versions, before: Versions) -> None:
    """What comes behind what was seen before lies above it, and rises; a repetition of the last one may come first."""
    for name, seen in versions.items():
        highest = max(before.get(name, [0]))
        behind = seen[len(before.get(name, [])) :]
        assert behind == sorted(behind), name
        assert not behind or behind[0] >= highest, f"{name}: {behind} behind {highest}"
