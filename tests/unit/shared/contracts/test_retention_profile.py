"""The retention profile: what is shipped is right, and what is wrong is named by line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.contracts.retention_profile import Profile, Years
from shared.policy_file import load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError


def test_the_shipped_profile_has_years_answer_days_and_zone() -> None:
    cn = load_policy(ROOT / "policies/retention/cn.toml", Profile)
    assert (cn.years, cn.answer_days, cn.zone) == (Years(legal=5, financial=5, life=2), 20, "Asia/Shanghai")


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
        ("answer_days = 20", "", 1, ""),
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
