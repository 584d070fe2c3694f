"""The story on real servers, small: it ends with equal totals, and a rule that is spoiled on purpose makes it fail."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from typer.testing import Result

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.servers import Addresses
from goodstanding.simulation.story.cast import Cast
from shared.settings import ROOT
from tests.support.command_line import ask


@pytest.fixture(autouse=True)
def _newcomer(empty_servers: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", empty_servers.kafka)
    monkeypatch.setenv("GOODSTANDING_POSTGRES", empty_servers.postgres)
    monkeypatch.setenv("GOODSTANDING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")


def _demo(monkeypatch: pytest.MonkeyPatch, people: int, months: int, *arguments: str) -> Result:
    monkeypatch.setattr("goodstanding.cli.demo.Cast", partial(Cast, people=people, months=months))
    return ask("demo", *arguments)


def test_three_years_end_with_equal_totals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    svg = tmp_path / "demo.svg"
    demo = _demo(monkeypatch, 30, 36, "--svg", str(svg))
    assert demo.exit_code == 0, demo.stderr + demo.stdout
    said = " ".join(demo.stdout.split())
    assert "equal a recomputation from the sent events" in said
    assert re.search(r"\d+ Credit card overdue reported", said)
    assert re.search(r"\d+ → \d+ Credit card overdue counts from now on", said)
    assert "lapses on 1 March 2025" in said
    assert "Hotel room booked on credit and not used has lapsed" not in said
    assert "2021: " in said
    assert "asked to be erased at the end, and the receipt is true" in said
    assert re.search(r"disputed a record \(Hotel room booked on credit and not used\), and won: it is deleted", said)
    assert re.search(
        r"disputed a record \(Credit card overdue\), and lost: .* the statement “The card was stolen", said
    )
    for heading in ("is told now", "Where most points are missing", "What moved it", "What would raise it"):
        assert heading in said
    assert svg.read_text().startswith("<svg")
    assert "font-face" not in svg.read_text()


@pytest.mark.parametrize(
    ("file", "rule", "spoiled", "difference"),
    [
        ("retention/cn.toml", "financial = 5", "financial = 4", "of the changes of records is "),
        ("scorecard.toml", "months_min = 3", "months_min = 5", "of the scores is "),
        ("benefits.toml", "from = 700", "from = 710", "of the tiers is "),
    ],
)
def test_a_spoiled_rule_fails(
    file: str, rule: str, spoiled: str, difference: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The services read the spoiled policies, the recount the shipped ones."""
    policies = _policies_of_the_services(monkeypatch, tmp_path)
    text = (policies / file).read_text()
    assert rule in text
    (policies / file).write_text(text.replace(rule, spoiled))
    demo = _demo(monkeypatch, 12, 14)
    assert demo.exit_code == 1, demo.stdout
    assert difference in demo.stderr
    assert "equal a recomputation" not in demo.stdout


def test_a_second_scorecard_that_begins_in_the_story_ends_with_equal_totals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """(rules P11) Runs, and changes of records between them, are by the one that the last run was by."""
    policies = _policies_of_the_services(monkeypatch, tmp_path)
    text = (policies / "scorecard.toml").read_text()
    for rule, other in (
        ('name = "standard"', 'name = "second"'),
        ("effective_on = 2000-01-01", "effective_on = 2019-08-03"),
        ("halves = 24 ", "halves = 12 "),
        ("financial = { open = -150", "financial = { open = -180"),
        ('unknown = 10\nbins = [\n    { is = "verified"', 'unknown = 20\nbins = [\n    { is = "verified"'),
        ("evidence = { full = 12 }", "evidence = { full = 9 }"),
    ):
        assert rule in text, rule
        text = text.replace(rule, other)
    (policies / "scorecard-second.toml").write_text(text)
    monkeypatch.setattr("goodstanding.simulation.course.POLICIES", policies)
    demo = _demo(monkeypatch, 12, 14)
    assert demo.exit_code == 0, demo.stderr + demo.stdout
    assert "equal a recomputation" in " ".join(demo.stdout.split())


def _policies_of_the_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the shipped policies, which the services read instead."""
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    told = Deployment.environment

    def environment(deployment: Deployment, service: str) -> Mapping[str, str]:
        return {**told(deployment, service), "GOODSTANDING_POLICIES": str(policies)}

    monkeypatch.setattr(Deployment, "environment", environment)
    return policies
