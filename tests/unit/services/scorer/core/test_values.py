"""The values that are looked at: where bins and conditions begin, as far as a feature has them, and those that meet."""

from __future__ import annotations

import pytest

from services.scorer.core.scorecard_parts import Condition
from services.scorer.core.values import given_by, meeting, values_of, values_of_conditions
from tests.support.people import CARD, SHIPPED

NUMBERS = [None, ("verified", 1), ("withdrawn", 1)]
SHARES = [None, (0, 1), (500, 1), (1000, 1)]


def test_values_are_the_words_of_a_fact_and_the_starts_of_bins_within_a_feature() -> None:
    assert list(values_of(CARD)["identity"]) == NUMBERS
    starts = {bin.at_least for rule in CARD.rules if rule.feature == "kept" for bin in rule.bins}
    assert {value[0] for value in values_of(CARD)["kept"] if value} == starts
    assert values_of_conditions(CARD).keys() == CARD.features.keys()


@pytest.mark.parametrize("name", ["history", "dues", "social_security"])
def test_what_counts_its_observations_rests_on_as_many_as_it_says(name: str) -> None:
    """Nobody has 24 months of history of which one was observed."""
    found = [value for value in values_of(SHIPPED)[name] if value]
    assert len(found) > 1
    assert all(value == observations > 0 for value, observations in found)


@pytest.mark.parametrize(
    ("conditions", "left"),
    [
        ([Condition(feature="kept", at_least=500)], [(500, 1), (1000, 1)]),
        ([Condition(feature="kept", below=500, unknown=True)], [None, (0, 1)]),
        ([Condition(feature="kept", at_least=500), Condition(feature="kept", below=1000)], [(500, 1)]),
        ([Condition(feature="kept", unknown=True)], [None]),
    ],
)
def test_all_conditions_on_a_feature_are_met_together(conditions: list[Condition], left: list[object]) -> None:
    assert meeting(conditions, {"kept": SHARES, "other": SHARES}) == {"kept": left}


def test_what_is_unknown_gives_the_points_of_unknown() -> None:
    rule = next(rule for rule in CARD.rules if rule.feature == "identity")
    assert given_by(rule)(None) == rule.unknown
    assert given_by(rule)(("verified", 1)) == rule.best
