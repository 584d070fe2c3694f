"""`goodstanding deadline --json`: the last day of a record, and when it lapses in the zone of the profile."""

from __future__ import annotations

import json
from datetime import date

import pytest

from goodstanding.cli.policy import deadline_as_json
from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.settings import ROOT


@pytest.mark.parametrize(
    ("profile", "zone", "years", "last_day", "lapses_at"),
    [
        ("cn", "Asia/Shanghai", 2, "2026-02-28", "2026-03-01T00:00:00+08:00"),
        ("us", "America/New_York", 7, "2031-02-28", "2031-03-01T00:00:00-05:00"),
    ],
)
def test_a_deadline_as_json(profile: str, zone: str, years: int, last_day: str, lapses_at: str) -> None:
    rules = load_policy(ROOT / f"policies/retention/{profile}.toml", Profile)
    found = deadline_as_json(RecordClass.LIFE, date(2024, 2, 29), rules)
    assert json.loads(json.dumps(found)) == {
        "class": "life",
        "ended_on": "2024-02-29",
        "profile": profile,
        "zone": zone,
        "years": years,
        "last_day": last_day,
        "lapses_at": lapses_at,
    }
