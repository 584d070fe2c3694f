"""A backtest through the running services: the scores that they publish are those that are worked out without them."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from goodstanding.platform.servers import Addresses
from goodstanding.simulation.real_data.play import DATA
from shared.policy_file import SCORECARD
from shared.settings import ROOT
from tests.support.command_line import ask

# Four services start for each test, which takes a while on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(300)

CUSTOMERS = 150


def test_the_services_publish_the_scores_that_are_worked_out(
    empty_servers: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", empty_servers.kafka)
    monkeypatch.setenv("GOODSTANDING_POSTGRES", empty_servers.postgres)
    data, policy = tmp_path / "some.csv", tmp_path / "other.toml"
    with DATA.open() as lines:
        data.write_text("".join(islice(lines, CUSTOMERS + 1)))
    # Not the shipped policy: services that read that one would be found out.
    shipped = (ROOT / "policies" / SCORECARD).read_text()
    policy.write_text(re.sub(r"unknown = ([1-9]\d*)", lambda found: f"unknown = {int(found[1]) - 1}", shipped))
    words = ("backtest", "--data", str(data), "--adapter", "uci-credit-card", "--json")
    alone, live = ask(*words, "--policy", str(policy)), ask(*words, "--policy", str(policy), "--live")
    assert alone.exit_code == 0, alone.stderr
    assert live.exit_code == 0, live.stderr
    assert json.loads(live.stdout) == json.loads(alone.stdout)
    assert json.loads(ask(*words).stdout)["bands"] != json.loads(alone.stdout)["bands"]
