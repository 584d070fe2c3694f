"""Killed or woken at the worst of moments, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.faults.scenarios import SCENARIOS, Scenario, Story, play, telling


@pytest.fixture(scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    async with telling(tmp_path_factory.mktemp("story") / "deployment") as story:
        yield story


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_nothing_is_lost_or_doubled(story: Story, scenario: Scenario) -> None:
    assert await play(story, scenario) == []
