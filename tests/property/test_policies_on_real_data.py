"""The shipped policies on the shipped data: `credit-card.toml` is what they teach, and what both promise holds."""

from __future__ import annotations

import json
from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from goodstanding.cli.data_set import source_of
from goodstanding.cli.fitting import POLICY
from goodstanding.policies import profile
from goodstanding.simulation.real_data.play import ADAPTER, DATA
from goodstanding.validation.backtest import Report, deployment_settings, report, scores_by
from services.scorer.core.scorecard import Scorecard
from shared.policy_file import SCORECARD, load_policy
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


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """How the policy that was learned did, and the one that was written by hand."""
    source = source_of(DATA, ADAPTER)
    settings = deployment_settings(source)
    cards = [load_policy(file, Scorecard) for file in (POLICY, POLICY.parent / SCORECARD)]
    found = scores_by(source, cards, settings, profile(settings.retention_profile), lambda _: None)
    return [report(source, card, of_card) for card, of_card in zip(cards, found, strict=True)]


def _in_order(found: Report) -> bool:
    rates = [band.default_rate for band in found.bands if band.people >= PEOPLE_IN_BAND_MIN]
    return all(lower > higher for lower, higher in pairwise(rates))


def test_the_scores_of_what_was_learned_are_many_and_its_bands_in_order(reports: list[Report]) -> None:
    learned, _ = reports
    assert learned.distinct_scores >= 150
    assert learned.commonest_share <= 0.04
    assert sum(band.people >= PEOPLE_IN_BAND_MIN for band in learned.bands) >= 8
    assert _in_order(learned)
    assert learned.stability < 0.1


def test_the_scorecard_that_no_data_have_taught_predicts_as_well(reports: list[Report]) -> None:
    _, by_hand = reports
    assert by_hand.power.auc.value >= 0.750
    assert by_hand.commonest_share <= 0.08
    assert _in_order(by_hand)
    # Not by chance: other people of the same sort would be in the same order.
    bands = [band for band in by_hand.bands if band.people >= PEOPLE_IN_BAND_MIN]
    for lower, higher in pairwise(bands):
        error = sqrt(sum(band.default_rate * (1 - band.default_rate) / band.people for band in (lower, higher)))
        assert lower.default_rate - higher.default_rate > 2 * error
