"""A limit never binds somebody for doing better: where it would, the policy is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scorer.core import binding
from services.scorer.core.scorecard import Scorecard
from shared.policy_file import load_policy
from shared.toml_file import ConfigError
from tests.support.village import RULES, VILLAGE, segments

UP_TO_900, FROM_900 = '{ feature = "on_time", below = 900 }', '{ feature = "on_time", at_least = 900, below = 1000 }'
RARELY = '{ feature = "steady", below = 500 }'


def limit(when: str, ceiling: int = 700, code: str = "held") -> str:
    return f'[[limits]]\ncode = "{code}"\nwhen = [{when}]\nceiling = {ceiling}\nen = "Held."\nzh = "限"\n\n'


def village(*bounds: str, of: str = VILLAGE) -> str:
    return of.replace(RULES, "".join(bounds) + RULES, 1)


INCOME = 'income = { is = "figure", kinds = ["income.reported"], months = 12, steady_months = 1 }'
HISTORY = 'known = { is = "history" }'


def with_feature(feature: str) -> str:
    return VILLAGE.replace("[features]", f"[features]\n{feature}", 1)


ACCEPTED = [
    ("of low figures", village(limit('{ feature = "income", below = 300000 }'), of=with_feature(INCOME))),
    ("of newcomers", village(limit('{ feature = "known", below = 12 }'), of=with_feature(HISTORY))),
    ("of the worse", village(limit(UP_TO_900))),
    ("of the later", village(limit('{ feature = "worst", at_least = 5 }'))),
    ("a ladder", village(limit(UP_TO_900, 600, "below"), limit(FROM_900))),
    ("above what they have", village(limit(f"{FROM_900}, {RARELY}", 940))),
    ("nobody says which way is better", village(limit(f'{{ feature = "verified", is = "verified" }}, {RARELY}'))),
    ("of those of whom nothing is known", village(limit('{ feature = "on_time", unknown = true }'))),
]
# What is refused, the policy, the part, the feature and the step, the loss.
REFUSED = [
    ("a figure that no rule reads",
     village(limit(f'{{ feature = "income", at_least = 300000 }}, {RARELY}'), of=with_feature(INCOME)),
     "limits[0]", "income, higher: whoever goes from 0 to 300000", 169),
    ("a history that no rule reads",
     village(limit(f'{{ feature = "known", at_least = 12 }}, {RARELY}'), of=with_feature(HISTORY)),
     "limits[0]", "known, higher: whoever goes from 1 to 12", 169),
    ("of the better", village(limit(FROM_900)), "limits[0]", "on_time, higher: whoever goes from 0 to 900", 30),
    ("of the earlier", village(limit('{ feature = "worst", at_least = 1, below = 5 }')), "limits[0]",
     "worst, lower: whoever goes from 5 to 1", 150),
    ("a ladder of which a step is lower", village(limit(UP_TO_900, 750, "below"), limit(FROM_900)), "limits[1]",
     "on_time, higher: whoever goes from 0 to 900", 30),
    ("one of two conditions", village(limit(f'{{ feature = "on_time", at_least = 900 }}, {RARELY}', 500)), "limits[0]",
     "on_time, higher: whoever goes from 0 to 900", 149),
    ("in a segment", village(limit(FROM_900), of=segments('{ feature = "verified", is = "withdrawn" }')), "limits[0]",
     "on_time, higher: whoever goes from 0 to 900", 30),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_a_bound_by_which_nobody_loses_for_doing_better_is_accepted(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    assert load_policy(file, Scorecard).name == "village"


@pytest.mark.parametrize(
    ("text", "part", "step", "loss"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_whoever_would_lose_by_doing_better_is_named(
    tmp_path: Path, text: str, part: str, step: str, loss: int
) -> None:
    """(rules S19)"""
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    [told] = raised.value.all
    assert told.key == f"{part}.when"
    assert step in told.sentence
    assert f"lose {loss} points" in told.sentence


def test_of_two_none_hides_what_the_other_takes(tmp_path: Path) -> None:
    bounds = limit(FROM_900, 700) + limit(FROM_900, 650, "held-too")
    (file := tmp_path / "policy.toml").write_text(village(bounds), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    assert [told.key for told in raised.value.all] == ["limits[0].when", "limits[1].when"]


def test_one_that_never_holds_takes_nothing_and_is_told_as_that(tmp_path: Path) -> None:
    never = f'{FROM_900}, {{ feature = "steady", at_least = 1001 }}'
    (file := tmp_path / "policy.toml").write_text(village(limit(never)), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    [told] = raised.value.all
    assert "It never holds" in told.sentence


def test_what_would_take_too_long_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is asked of everybody who is tried: 20 turned ones beside 150 others would take half a minute."""
    monkeypatch.setattr(binding, "_highest", None)
    turned = [limit(_on("on_time", at * 25, at * 25 + 25), 400 + at * 10, _code(at)) for at in range(20)]
    others = [limit(_on("steady", 0, at * 5), 350 + at * 3, _code(at)) for at in range(20, 170)]
    (file := tmp_path / "policy.toml").write_text(village(*turned, *others), encoding="utf-8")
    assert load_policy(file, Scorecard).name == "village"


def _on(feature: str, at_least: int, below: int) -> str:
    return f'{{ feature = "{feature}", at_least = {at_least}, below = {below} }}'


def _code(number: int) -> str:
    return "held-" + str(number).translate(str.maketrans("0123456789", "bcdfghjklm"))
