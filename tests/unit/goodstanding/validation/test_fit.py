"""What is learned from people whose law is known: its directions, its form, and that it predicts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from goodstanding.simulation.real_data.play import ADAPTER, DATA
from goodstanding.validation import fit, monotone
from goodstanding.validation.candidates import CHOICES, CREDIT_CARD
from goodstanding.validation.design import Design
from goodstanding.validation.measures import auc, places_of
from goodstanding.validation.writing import toml_of
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import BASE
from shared.policy_file import load_policy
from tests.support.command_line import ask

PEOPLE = 3_000


def _invented(turned: float = 1.0) -> Design:
    """People whose default follows from three features: lateness, utilization, and how often they pay. With `turned`
    -1 the law is the other way round, against all directions."""
    drawing = np.random.default_rng(7)
    features = list(CREDIT_CARD.features)
    values = {name: drawing.integers(0, 2_000, PEOPLE).astype(float) for name in features}
    for name in features:
        if "worst" in name or name == "days_late_now":
            values[name] = drawing.choice([0.0, 30.0, 60.0, 90.0], PEOPLE)
        elif "months" in name:
            values[name] = drawing.integers(0, 7, PEOPLE).astype(float)
        values[name][drawing.random(PEOPLE) < 0.02] = np.nan
    segment = drawing.integers(0, 3, PEOPLE)
    known = {name: np.nan_to_num(column) for name, column in values.items()}
    risk = known["worst_of_six"] / 45 + known["utilization_of_six"] / 700 - known["months_paying"] / 2 - 0.5
    defaulted = (drawing.random(PEOPLE) < 1 / (1 + np.exp(-turned * risk))).astype(float)
    return Design(values, segment, defaulted)


@pytest.fixture(scope="module")
def invented() -> Design:
    return _invented()


@pytest.fixture(scope="module")
def card(invented: Design) -> Scorecard:
    return fit.fitted(CREDIT_CARD, invented)


def test_what_is_learned_is_a_policy_without_faults(card: Scorecard) -> None:
    # Faults are also a direction that is contradicted, and a policy that does not reach 350 and 950.
    assert list(card.faults()) == []
    for segment in card.segments:
        rules = card.rules_of(segment.code)
        assert 2 <= len(rules) <= fit.RULES_MAX + 1
        assert all(len(rule.bins) <= 8 for rule in rules)


def test_the_law_is_found_and_noise_is_left_out(card: Scorecard, invented: Design) -> None:
    strongest = {
        segment.code: max(card.rules_of(segment.code), key=lambda rule: rule.best - rule.worst).feature
        for segment in card.segments
    }
    assert set(strongest.values()) <= {"worst_of_six", "utilization_of_six", "months_paying"}
    rows = np.arange(PEOPLE)
    scores = fit.points_of(card, CREDIT_CARD, invented, rows) + BASE
    places = places_of((int(score), bool(bad)) for score, bad in zip(scores, invented.defaulted, strict=True))
    assert auc(places) > 0.75


def test_no_rule_goes_against_its_direction_even_where_the_people_do() -> None:
    found = fit.fitted(CREDIT_CARD, _invented(turned=-1.0))
    for rule in found.rules:
        points = [bin.points for bin in rule.bins]
        rises = rule.direction == "higher"
        assert all((after >= before) if rises else (after <= before) for before, after in pairwise(points)), rule.code
        assert rule.worst <= rule.unknown <= rule.best


def test_the_same_people_give_the_same_file(invented: Design, card: Scorecard, tmp_path: Path) -> None:
    again = fit.fitted(CREDIT_CARD, _invented())
    assert again == card
    assert toml_of(again, "as before") == toml_of(card, "as before")


def test_the_file_that_is_written_is_the_policy(card: Scorecard, tmp_path: Path) -> None:
    file = tmp_path / "learned.toml"
    file.write_text(toml_of(card, "A comment\n\nof three lines."), encoding="utf-8")
    read = load_policy(file, Scorecard)
    assert read == card
    assert read.id == card.id


def test_who_is_scored_in_a_cross_validation_has_taught_nothing(invented: Design) -> None:
    # With outcomes that follow from nothing, a card knows its own people and says nothing of others.
    drawing = np.random.default_rng(3)
    noise = Design(invented.values, invented.segment, drawing.integers(0, 2, PEOPLE).astype(float))
    [found] = fit.cross_validated(CREDIT_CARD, noise, repeats=1)
    assert len(found) == PEOPLE
    assert auc(places_of(found)) == pytest.approx(0.5, abs=0.035)
    real = fit.cross_validated(CREDIT_CARD, invented, repeats=1)
    assert auc(places_of(real[0])) > 0.75


def _first(design: Design, paid: int, defaulted: int) -> Design:
    """So many of the people of each segment, as they come."""
    rows = np.concatenate(
        [
            np.flatnonzero((design.segment == place) & (design.defaulted == outcome))[:many]
            for place in range(3)
            for outcome, many in ((0, paid), (1, defaulted))
        ]
    )
    values = {name: column[rows] for name, column in design.values.items()}
    return Design(values, design.segment[rows], design.defaulted[rows])


def test_from_the_fewest_that_are_taken_a_policy_can_be_learned(invented: Design) -> None:
    fewest = _first(invented, fit.EACH_MIN, fit.EACH_MIN)
    fit.check_enough(CREDIT_CARD, fewest)
    assert list(fit.fitted(CREDIT_CARD, fewest).faults()) == []
    assert fit.cross_validated(CREDIT_CARD, fewest, repeats=1)


def test_people_are_parted_in_another_way_each_time_and_in_the_same_ways_whenever_it_is_done(invented: Design) -> None:
    fewest = _first(invented, fit.EACH_MIN, fit.EACH_MIN)
    first, second = fit.cross_validated(CREDIT_CARD, fewest, folds=2, repeats=2)
    assert len(first) == len(second) == len(fewest.defaulted)
    assert first != second
    assert fit.cross_validated(CREDIT_CARD, fewest, folds=2, repeats=1) == [first]


@pytest.mark.parametrize(("paid", "defaulted"), [(0, 0), (fit.EACH_MIN, fit.EACH_MIN - 1), (0, 200)])
def test_from_too_few_nothing_is_learned(invented: Design, paid: int, defaulted: int) -> None:
    with pytest.raises(fit.TooFewError, match=f"has {paid} people who paid and {defaulted} who defaulted"):
        fit.check_enough(CREDIT_CARD, _first(invented, paid, defaulted))


def test_a_file_with_too_few_people_is_refused_in_a_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    lines = DATA.read_text(encoding="utf-8").splitlines(keepends=True)
    (few := tmp_path / "few.csv").write_text("".join(lines[:50]), encoding="utf-8")
    (policy := tmp_path / "policy.toml").write_text("as it was", encoding="utf-8")
    answer = ask("policy", "fit", "--data", str(few), "--adapter", ADAPTER, "--policy", str(policy))
    assert answer.exit_code == 1
    assert "Name a file with more people." in " ".join(answer.stderr.split())
    assert policy.read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0, 0), (7, 7), (99, 99), (101, 100), (1_278, 1_200), (98_765, 98_000), (-1, -1), (-412, -410)],
)
def test_bins_begin_at_round_numbers(value: int, rounded: int) -> None:
    assert monotone._rounded(value) == rounded


def test_candidates_look_at_behavior_only() -> None:
    for choice in CHOICES.values():
        for name in (*choice.features, *(rule.code for rules in choice.rules.values() for rule in rules)):
            assert not {"sex", "age", "education", "marriage", "marital"} & set(name.replace("-", "_").split("_"))
        kinds = {kind for feature in choice.features.values() for kind in getattr(feature, "kinds", ())}
        assert kinds <= {"credit_card.repayment", "credit_card.statement", "credit_card.payment"}
