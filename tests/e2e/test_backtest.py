"""A backtest through the running services: the scores that they publish are those that are worked out without them."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from goodstanding.cli.fitting import POLICY
from goodstanding.platform.servers import Addresses
from goodstanding.simulation.real_data.play import DATA
from tests.support.command_line import ask

# Four services start for each test, which takes a while on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(300)

CUSTOMERS = 150


def test_the_services_publish_the_scores_that_are_worked_out(
    empty_servers: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOODSTANDING_KAFKA", empty_servers.kafka)
    monkeypatch.setenv("GOODSTANDING_POSTGRES", empty_servers.postgres)
    data = tmp_path / "some.csv"
    with DATA.open() as lines:
        data.write_text("".join(islice(lines, CUSTOMERS + 1)))
    words = ("backtest", "--data", str(data), "--adapter", "uci-credit-card", "--json")
    alone, live = ask(*words, "--policy", str(POLICY)), ask(*words, "--policy", str(POLICY), "--live")
    assert alone.exit_code == 0, alone.stderr
    assert live.exit_code == 0, live.stderr
    assert json.loads(live.stdout) == json.loads(alone.stdout)
    # Services that read the shipped scorecard would be found out.
    assert json.loads(ask(*words).stdout)["bands"] != json.loads(alone.stdout)["bands"]
