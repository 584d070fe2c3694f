"""The retention profile: what is shipped is right, and what is wrong is named by line and key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.contracts.retention_profile import Profile, Years
from shared.policy_file import load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError


def test_the_shipped_profile_has_years_answer_days_and_zone() -> None:
    cn = load_policy(ROOT / "policies/retention/cn.toml", Profile)
    assert (cn.years, cn.answer_days, cn.zone) == (Years(legal=5, financial=5, life=2), 20, "Asia/Shanghai")


@pytest.mark.parametrize(
    ("name", "answer", "unverifiable", "clock"),
    [
        ("cn", (0, 20), "stands", "end"),
        ("us", (0, 30), "deletes", "beginning"),
        ("eu", (1, 0), "deletes", "end"),
    ],
)
def test_each_shipped_profile_says_what_its_law_says(
    name: str, answer: tuple[int, int], unverifiable: str, clock: str
) -> None:
    profile = load_policy(ROOT / f"policies/retention/{name}.toml", Profile)
    assert (profile.answer_months, profile.answer_days) == answer
    assert (profile.unverifiable, profile.clock, profile.name) == (unverifiable, clock, name)
    assert not profile.calendar.shifts_lapses


def test_a_holiday_a_weekend_and_a_weekend_day_on_which_everybody_works() -> None:
    calendar = load_policy(ROOT / "policies/retention/cn.toml", Profile).calendar
    assert [calendar.works_on(date(2026, 2, day)) for day in (13, 14, 15, 16, 23, 24, 28)] == [
        True, True, False, False, False, True, True,
    ]  # fmt: skip


SOUND = """\
name = "x"
zone = "UTC"
answer_days = 20
behavior_days_late_max = 90

[years]
legal = 5
financial = 5
life = 2
"""


@pytest.mark.parametrize(
    ("was", "becomes", "line", "key"),
    [
        ('"UTC"', '"Asia/Shangri-La"', 2, "zone"),
        ('"UTC"', '"Asia"', 2, "zone"),
        ('"UTC"', '"../UTC"', 2, "zone"),
        ('"UTC"', '"PRC"', 2, "zone"),
        ('"UTC"', '"US/Eastern"', 2, "zone"),
        ('"UTC"', '""', 2, "zone"),
        ('"x"', '"X Y"', 1, "name"),
        ("life = 2", "life = 0", 9, "years.life"),
        ("legal = 5", "legal = 51", 7, "years.legal"),
        ("financial = 5", "financial = 2.5", 8, "years.financial"),
        ("financial = 5", "financial = '5'", 8, "years.financial"),
        ("life = 2", "", 6, "years"),
        ("life = 2", "life = 2\nlove = 1", 10, "years.love"),
        ("answer_days = 20", "answer_days = 0", 3, "answer_days"),
        ("behavior_days_late_max = 90", "behavior_days_late_max = 367", 4, "behavior_days_late_max"),
        ("answer_days = 20", "", 1, "answer_days"),
        ("answer_days = 20", "answer_months = 13", 3, "answer_months"),
        ("answer_days = 20", "answer_days = 20\nunverifiable = 'stays'", 4, "unverifiable"),
        ("answer_days = 20", "answer_days = 20\nclock = 'settlement'", 4, "clock"),
        ("answer_days = 20", "answer_days = 20\nnotice_days = { life = -1 }", 4, "notice_days.life"),
        ("answer_days = 20", "answer_days = 20\nextension = { days = 367 }", 4, "extension.days"),
        ("answer_days = 20", "answer_days = 20\nextension = { months = 13 }", 4, "extension.months"),
        ("answer_days = 20", "answer_days = 20\nwarnings = { lapse_days = 400 }", 4, "warnings.lapse_days"),
        ("answer_days = 20", "answer_days = 20\ndelay_days = { financial = 180 }", 4, "delay_days"),
        ("answer_days = 20", "answer_days = 20\nearly = { months = 0, paid_within_days = 1 }", 4, "early.months"),
        ("answer_days = 20", "answer_days = 20\ncalendar = { weekend = ['sonntag'] }", 4, "calendar.weekend[0]"),
        ("answer_days = 20", "answer_days = 20\ncalendar = { holidays = ['2026-02-30'] }", 4, "calendar.holidays[0]"),
        (
            "answer_days = 20",
            "answer_days = 20\ncalendar = { weekend = "
            "['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] }",
            4,
            "calendar.weekend",
        ),
    ],
)
def test_a_faulty_profile_is_refused_with_file_line_and_key(
    tmp_path: Path, was: str, becomes: str, line: int, key: str
) -> None:
    file = tmp_path / "x.toml"
    file.write_text(SOUND.replace(was, becomes))
    with pytest.raises(ConfigError) as refused:
        load_policy(file, Profile)
    assert (refused.value.line, refused.value.key) == (line, key)
    assert refused.value.sentence
