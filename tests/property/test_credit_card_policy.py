"""The shipped `policies/credit-card.toml`: it is what the shipped data teach, and what it promises holds."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from goodstanding.cli.fitting import POLICY
from goodstanding.simulation.real_data.play import ADAPTER, DATA
from services.scorer.core.scorecard import Scorecard
from shared.policy_file import load_policy
from tests.support.command_line import ask

pytestmark = pytest.mark.timeout(600)

PEOPLE_IN_BAND_MIN = 300
WORDS = ("--data", str(DATA), "--adapter", ADAPTER, "--json")


def test_the_file_is_what_the_data_teach(tmp_path: Path) -> None:
    written = tmp_path / "credit-card.toml"
    answer = ask("policy", "fit", *WORDS, "--policy", str(written))
    assert answer.exit_code == 0, answer.stderr
    assert written.read_text() == POLICY.read_text(), "run `goodstanding policy fit` again, and look at what it changes"
    told = json.loads(answer.stdout)
    # Of people whom the points were not learned from.
    assert told["auc"] >= 0.770
    assert told["ks"] >= 0.420
    assert all(count <= 25 for count in told["rules"].values())


def test_its_scores_are_many_and_its_bands_in_order() -> None:
    answer = ask("backtest", *WORDS, "--policy", str(POLICY))
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["policy"] == load_policy(POLICY, Scorecard).id
    assert told["distinct_scores"] >= 150
    assert told["commonest_share"] <= 0.04
    rates = [band["default_rate"] for band in told["bands"] if band["people"] >= PEOPLE_IN_BAND_MIN]
    assert len(rates) >= 8
    assert all(lower > higher for lower, higher in pairwise(rates))
    assert told["psi"] < 0.1
