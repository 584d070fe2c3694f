"""Nothing is lost or doubled, whatever is killed: the whole path from raw events to scores, on servers of its own."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.plans import BROKERS_ONE_AFTER_ANOTHER, FULL, SHORT


@pytest.mark.timeout(600)
async def test_a_minute_of_faults(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "campaign")
    report = await campaign.run(seed, SHORT, tmp_path / "deployment")
    print(f"seed {seed}: {report}")  # noqa: T201  # pytest shows it with a failure
    assert report.violations == []
    assert {act: report.faults[act] for act in SHORT.counts} == SHORT.counts


@pytest.mark.campaign
@pytest.mark.timeout(1200)
async def test_the_campaign(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "campaign")
    report = await campaign.run(seed, FULL, tmp_path / "deployment")
    print(f"seed {seed}: {report}")  # noqa: T201  # pytest shows it with a failure
    assert report.violations == []
    assert {act: report.faults[act] for act in FULL.counts} == FULL.counts


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_three_brokers_killed_one_after_another(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty times, three copies of each record, two of which must be there for an acknowledgement."""
    caplog.set_level(logging.INFO, "campaign")
    plan = BROKERS_ONE_AFTER_ANOTHER
    report = await campaign.run(seed, plan, tmp_path / "deployment")
    print(f"seed {seed}: {report}")  # noqa: T201  # pytest shows it with a failure
    assert report.violations == []
    assert {act: report.faults[act] for act in plan.counts} == plan.counts
