"""A backtest of a few real customers: its scores are those of the recount, which shares no code with the services."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from goodstanding import policies
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.simulation.events_and_news import Event
from goodstanding.simulation.real_data import bank
from goodstanding.simulation.real_data.source import Source
from goodstanding.simulation.real_data.uci_credit_card import read
from goodstanding.simulation.recount import Recount
from goodstanding.validation import plot
from goodstanding.validation.backtest import Scores, answer_of, deployment_settings, report, scores
from services.scorer.core.scorecard import Scorecard
from shared.contracts.months import month_start
from shared.policy_file import SCORECARD, load_policy
from shared.settings import ROOT
from shared.toml_file import content_name
from tests.support.command_line import ask

CARD = ROOT / "policies" / SCORECARD
CUSTOMERS, FEWER = 100, 40


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first customers of the data set."""
    return _first(CUSTOMERS, tmp_path_factory.mktemp("data") / "few.csv")


@pytest.fixture(scope="module")
def fewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For what is said of a backtest, whoever is in it."""
    return _first(FEWER, tmp_path_factory.mktemp("data") / "fewer.csv")


def _first(customers: int, file: Path) -> Path:
    lines = (ROOT / "data" / "uci-credit-card-train.csv").read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: 1 + customers]))
    return file


@pytest.fixture(scope="module")
def source(few: Path) -> Source:
    return read(few)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return load_policy(CARD, Scorecard)


@pytest.fixture(scope="module")
def settings(source: Source) -> FixedSettings:
    return deployment_settings(source)


@pytest.fixture(scope="module")
def found(source: Source, card: Scorecard, settings: FixedSettings) -> Scores:
    return scores(source, card, settings, policies.profile("cn"), lambda _: None)


def _recounted(source: Source, settings: FixedSettings, card: Scorecard) -> Recount:
    recount = Recount(ROOT / "policies", settings.retention_profile, bytes.fromhex(settings.key), source.zone)
    for month in source.months:
        end = month_start(month + 1, source.zone) - timedelta(seconds=1)
        recount.clock(end)
        for event in source.events(month):
            meant = bank.read(event.value, end)
            assert isinstance(meant, Event)
            recount.sent(meant, end)
        run = month_start(month + 1, source.zone, card.publication_day)
        recount.clock(run)
        recount.published(month + 1, run)
    return recount


def test_the_scores_are_those_of_the_recount(
    source: Source, card: Scorecard, settings: FixedSettings, found: Scores
) -> None:
    recount = _recounted(source, settings, card)
    expected = {
        person.identifier: recount.scores[recount.user_id(person.identifier)][-1].score
        for person in source.people
        if recount.user_id(person.identifier) in recount.scores
    }
    assert len(expected) > CUSTOMERS * 0.9
    assert found.last == expected
    assert found.before.keys() <= found.last.keys()
    assert found.before != found.last


def test_the_command_answers_in_json_and_draws(few: Path, tmp_path: Path) -> None:
    picture = tmp_path / "backtest.svg"
    words = ["backtest", "--data", str(few), "--adapter", "uci-credit-card", "--plot", str(picture), "--json"]
    result = ask(*words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["people"] + told["without_score"] == CUSTOMERS
    assert told["gini"] == pytest.approx(2 * told["auc"] - 1, abs=2e-4)
    assert told["auc_interval"][0] < told["auc"] < told["auc_interval"][1]
    assert sum(band["people"] for band in told["bands"]) == told["people"]
    assert sum(part["people"] for part in told["calibration"]["parts"]) == told["people"]
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    plain = ask(*words[:-3])
    assert plain.exit_code == 0
    assert f"{told['auc']:.4f}" in plain.stdout


def test_the_picture_and_the_json_are_made_of_the_report_alone(source: Source, card: Scorecard, found: Scores) -> None:
    # Each deployment has a key of its own, and no figure depends on it.
    again = scores(source, card, deployment_settings(source), policies.profile("cn"), lambda _: None)
    reports = [report(source, card, each) for each in (found, again)]
    assert answer_of(reports[0]) == answer_of(reports[1])
    assert plot.svg(reports[0]) == plot.svg(reports[1])


@pytest.mark.parametrize(
    ("line", "told", "sentence", "titled"),
    [
        ('learned_from = "{content}"', "this-file", "learned from this very file", True),
        ('learned_from = "0123456789ab"', "another-file", "learned from another file", False),
        ("", None, None, False),
    ],
)
def test_points_that_were_learned_from_the_data_are_said_to_be(
    fewer: Path, tmp_path: Path, line: str, told: str | None, sentence: str | None, titled: bool
) -> None:
    text = CARD.read_text(encoding="utf-8")
    written = f'{line.format(content=content_name(fewer))}\nname = "other"'
    (policy := tmp_path / "other.toml").write_text(text.replace('name = "standard"', written, 1), encoding="utf-8")
    picture = tmp_path / "backtest.svg"
    words = ["backtest", "--data", str(fewer), "--adapter", "uci-credit-card", "--policy", str(policy)]
    assert json.loads(ask(*words, "--json").stdout)["learned_from"] == told
    shown = " ".join(ask(*words, "--plot", str(picture)).stdout.split())
    assert ("The points were learned from" in shown) == (sentence is not None)
    assert sentence is None or sentence in shown
    assert ("from whom it was learned" in picture.read_text(encoding="utf-8")) == titled


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--adapter": "other"}, "no adapter other"),
        ({"--data": "nowhere.csv"}, "nowhere.csv cannot be read"),
        ({"--policy": "nowhere.toml"}, "nowhere.toml"),
        ({"--plot": "-"}, "Standard output has the answer of this command. Name a file with --plot."),
        ({"--plot": "/nowhere/at/all.svg"}, "cannot be written"),
        (
            {"--plot": "backtest.png"},
            "written as SVG, and backtest.png ends as another sort. Name a file that ends in .svg",
        ),
    ],
)
def test_what_cannot_be_done_is_told(few: Path, change: dict[str, str], sentence: str) -> None:
    named = {"--data": str(few), "--adapter": "uci-credit-card", **change}
    result = ask("backtest", *(word for pair in named.items() for word in pair))
    assert result.exit_code in (1, 2)
    assert sentence in " ".join(result.output.split())


def test_people_of_one_outcome_are_refused(few: Path, tmp_path: Path) -> None:
    header, *rows = few.read_text().splitlines()
    good = tmp_path / "good.csv"
    good.write_text("\n".join([header, *(row for row in rows if row.endswith(",0"))][:20]) + "\n")
    result = ask("backtest", "--data", str(good), "--adapter", "uci-credit-card")
    assert result.exit_code == 1
    assert "no score can tell them apart" in " ".join(result.output.split())
