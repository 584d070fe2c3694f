"""A record that its person has just been told of: it counts, and is given to others, when the days of notice are over
(rules R22), on all four services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, SERVICES, SUBJECT_ANSWERS, TIERS_CHANGED
from tests.faults.scenarios import NOW, Story, telling
from tests.support.oracle.records import Report

COUNTS_FROM = datetime(2026, 3, 27, 16, tzinfo=UTC)
"""Seven whole days in Shanghai after the 20th, on which it is reported: the shipped profile asks for them."""


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    directory = tmp_path / "deployment"
    async with telling(directory, now=NOW) as story:
        for service in SERVICES:
            await story.start(f"{service}-1")
        yield story


async def _told(story: Story, topic: str, *fields: str) -> list[tuple[object, ...]]:
    """What the topic says of the person, in order."""
    key = story.person.user_id.encode()
    return [
        tuple(each.body.get(name) for name in fields) for each in await story.cluster.read(topic) if each.key == key
    ]


async def _clock(story: Story, instant: datetime) -> None:
    await story.cluster.set_clock(instant)
    await story.handled()


@pytest.mark.timeout(240)
async def test_a_record_counts_for_others_when_its_person_has_known_of_it_long_enough(story: Story) -> None:
    story.new_person()
    await story.tell(days_late=9)
    await story.report(
        Report(id="r-1", kind="card.overdue", status="reported", began_on=date(2025, 11, 3), amount=9_000)
    )
    await story.handled()
    await _clock(story, COUNTS_FROM - timedelta(milliseconds=1))
    assert await _told(story, RECORDS_CHANGED, "version", "counts") == [(1, False)]
    assert await _told(story, SUBJECT_ANSWERS, "notice") == [("record-reported",)], "the person knows of it"
    before = await _told(story, SCORES_CHANGED, "restrictions", "score")
    assert [restrictions for restrictions, _ in before] == [[]] * len(before), "nobody else does"
    assert all(not restrictions for (restrictions,) in await _told(story, TIERS_CHANGED, "restrictions"))

    await _clock(story, COUNTS_FROM)
    assert await _told(story, RECORDS_CHANGED, "version", "counts") == [(1, False), (2, True)]
    assert await _told(story, SUBJECT_ANSWERS, "notice") == [("record-reported",), ("record-changed",)]
    [*_, (restrictions, score)] = await _told(story, SCORES_CHANGED, "restrictions", "score")
    assert restrictions == ["credit"]
    assert before
    assert isinstance(score, int)
    assert isinstance(before[-1][1], int)
    assert score < before[-1][1]


@pytest.mark.timeout(240)
async def test_what_is_public_by_law_counts_at_once(story: Story) -> None:
    story.new_person()
    await story.report(Report(id="r-2", kind="court.listing", status="reported", began_on=date(2025, 11, 3)))
    await story.handled()
    assert await _told(story, RECORDS_CHANGED, "version", "counts") == [(1, True)]
