"""`goodstanding deadline --json`: the last day of a record, and when it lapses in the zone of the profile."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from goodstanding import policies
from goodstanding.cli.policy import deadline_as_json
from services.benefits.loading import tier_tables
from services.scorer.loading import scorecards
from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError
from tests.support.command_line import ask
from tests.support.village import VILLAGE


@pytest.mark.parametrize(
    ("profile", "said", "zone", "years", "last_day", "lapses_at"),
    [
        ("cn", {"ended_on": "2024-02-29"}, "Asia/Shanghai", 2, "2026-02-28", "2026-03-01T00:00:00+08:00"),
        (
            "us",
            {"began_on": "2024-02-29", "delay_days": 180},
            "America/New_York",
            7,
            "2031-08-27",
            "2031-08-28T00:00:00-04:00",
        ),
    ],
)
def test_a_deadline_as_json(
    profile: str, said: dict[str, object], zone: str, years: int, last_day: str, lapses_at: str
) -> None:
    rules = load_policy(ROOT / f"policies/retention/{profile}.toml", Profile)
    found = deadline_as_json(RecordClass.LIFE, date(2024, 2, 29), rules)
    assert json.loads(json.dumps(found)) == {
        "class": "life",
        **said,
        "profile": profile,
        "zone": zone,
        "years": years,
        "last_day": last_day,
        "lapses_at": lapses_at,
    }


def test_a_mapping_is_tried_on_the_sample_beside_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "partners" / "bank.toml", tmp_path / "bank.toml")
    sample = (ROOT / "partners" / "bank.sample.jsonl").read_text()
    (tmp_path / "bank.sample.jsonl").write_text(sample)
    found = ask("policy", "check", str(tmp_path / "bank.toml"))
    assert (found.exit_code, "and of bank.sample.jsonl 11 events" in found.stdout) == (0, True), found.stdout
    (tmp_path / "bank.sample.jsonl").write_text(sample.replace('"days_past_due":', '"days_due":'))
    found = ask("policy", "check", str(tmp_path / "bank.toml"))
    assert found.exit_code == 1
    assert "bank.sample.jsonl:1: data.days_due: unknown-field" in found.stdout


def test_what_is_strange_about_a_mapping_is_told_where_it_is_checked(tmp_path: Path) -> None:
    (tmp_path / "rides.toml").write_text(
        'format = "json"\nenvelope = "none"\nlist = "rides"\nid = "id"\ntime = "at"\nsubject = "who"\nkind = "what"\n'
        'skip = ["test"]\n[[events]]\nkinds = { paid = "service.payment" }\n'
    )
    found = ask("policy", "check", str(tmp_path / "rides.toml"))
    assert found.exit_code == 0, found.stderr
    told = " ".join(found.stdout.split())
    assert "1 code is read, 1 passed over. Look at this: No path begins with `rides.`" in told


def test_whoever_has_no_score_yet_is_told_when_scores_come_here() -> None:
    """`local up --continuous` publishes at once, whatever the shipped scorecard says."""
    assert "on day 6 of each month" in policies.when_scores_come(continuous=False)
    assert policies.when_scores_come(continuous=True) == "Scores are published as soon as something changes them."


def test_files_that_one_service_cannot_hold_together_are_refused_as_at_its_start(tmp_path: Path) -> None:
    for name in ("scorecard", "benefits"):
        shutil.copy(ROOT / "policies" / f"{name}.toml", tmp_path / f"{name}.toml")
        text = (ROOT / "policies" / f"{name}.toml").read_text(encoding="utf-8")
        again = re.sub(r'(?m)^name = ".*"', 'name = "again"', text, count=1)
        (tmp_path / f"{name}-again.toml").write_text(again, encoding="utf-8")
    files = sorted(str(file) for file in tmp_path.glob("*.toml"))
    found = ask("policy", "check", *files, "--json")
    faults = [told for told in map(json.loads, found.stdout.splitlines()) if not told["ok"]]
    assert found.exit_code == 1
    for load, name, fault in zip((scorecards, tier_tables), ("scorecard", "benefits"), faults, strict=True):
        with pytest.raises(ConfigError) as at_start:
            load(tmp_path)
        assert (fault["key"], fault["sentence"]) == (at_start.value.key, at_start.value.sentence)
        assert str(at_start.value.file) == fault["file"] == str(tmp_path / f"{name}-again.toml")
    alone = ask("policy", "check", files[0], files[-1])
    assert alone.exit_code == 0, "of each kind one"


def test_kinds_that_bear_on_nothing_are_told_where_a_scorecard_is_checked() -> None:
    found = ask("policy", "check", str(ROOT / "policies" / "scorecard.toml"))
    assert found.stdout.rstrip().endswith("; nothing reads subscription.fee, parking.fee")
    assert "mortgage.repayment" in policies.check(ROOT / "policies" / "credit-card.toml").split("nothing reads")[1]


def test_a_scorecard_is_checked_where_no_retention_profile_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "_POLICIES", tmp_path)
    result = ask("policy", "check", str(ROOT / "policies" / "scorecard.toml"))
    assert (result.exit_code, "in force from" in result.stdout) == (0, True), result.stderr


@pytest.mark.parametrize(("start", "is_told"), [(90, False), (91, True)])
def test_a_bin_for_what_is_later_than_behavior_ever_is_belongs_to_nobody(
    tmp_path: Path, start: int, is_told: bool
) -> None:
    """(rules E10)"""
    text = VILLAGE.replace("at_least = 30, points = -40", f"at_least = {start}, points = -40")
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    told = policies.check(file)
    assert ("later than 90 days" in told) is is_told
    assert ("nobody has the last bin of worst-delay" in told) is is_told
