"""A worse value never gives more points by leading into another segment: where it would, the policy is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scorer.core.scorecard import Scorecard
from shared.policy_file import load_policy
from shared.toml_file import ConfigError
from tests.support.village import VILLAGE, segments

LATE = '{ feature = "worst", at_least = 30 }'
RARELY = '{ feature = "on_time", below = 500 }'
STEADY = VILLAGE[VILLAGE.index('[[rules]]\ncode = "steady"') : VILLAGE.index('[[rules]]\ncode = "identity"')]
SOME = (
    STEADY.replace('"steady"\ndim', '"steady-too"\ndim')
    .replace("unknown = 20", 'unknown = 20\nsegments = ["some-a"]')
    .replace("points = 100", "points = 60")
)


def village(given: int, *whens: str, at_worst: int = 60) -> str:
    """The policy of the guide, where the people of the first segment have so many points for being least steady, who
    have none elsewhere. Its worst delay costs 20 points of 80, and with one payment known 3 of 63."""
    codes = ", ".join(f'"some-{letter}"' for letter in "bcd"[: len(whens) - 1])
    elsewhere = STEADY.replace("unknown = 20", f'unknown = 20\nsegments = ["others"{codes and ", "}{codes}]')
    here = SOME.replace("at_least = 0, points = 0", f"at_least = 0, points = {given}")
    text = segments(*whens).replace(STEADY, f"{elsewhere}{here}")
    return text.replace("at_least = 30, points = -40", f"at_least = 30, points = {at_worst}")


ACCEPTED = [
    ("what is lost outweighs what is given", village(3, LATE)),
    ("the same, of a feature of which more is better", village(0, RARELY)),
    ("nobody says which way is better", village(20, '{ feature = "verified", is = "withdrawn" }')),
    ("more is lost", village(20, LATE, at_worst=0)),
    ("a segment is between", village(0, LATE, '{ feature = "worst", at_least = 5 }')),
]  # fmt: skip
# What is refused, the policy, the segment, the feature and its move, the other segment and the gain.
REFUSED = [
    ("a point more than is lost", village(4, LATE), 0, "worst, lower: whoever goes from 5 to 30", "leaves others", 1),
    ("more than is lost", village(20, LATE), 0, "worst, lower: whoever goes from 5 to 30", "leaves others", 17),
    ("a share that falls", village(20, RARELY), 0, "on_time, higher: whoever goes from 500 to 0", "leaves others", 20),
    ("one of two conditions", village(20, f'{LATE}, {{ feature = "steady", below = 500 }}'), 0,
     "worst, lower: whoever goes from 5 to 30", "leaves others", 17),
    ("out of the segment between", village(20, LATE, '{ feature = "worst", at_least = 5 }'), 0,
     "worst, lower: whoever goes from 5 to 30", "leaves some-b", 17),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_a_policy_in_which_nobody_gains_by_what_is_worse_is_accepted(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    assert load_policy(file, Scorecard).name == "village"


@pytest.mark.parametrize(
    ("text", "place", "moves", "leaves", "gain"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_whoever_would_gain_by_what_is_worse_is_named(
    tmp_path: Path, text: str, place: int, moves: str, leaves: str, gain: int
) -> None:
    """(rules S10)"""
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    told = [error for error in raised.value.all if f"{leaves} for" in error.sentence]
    assert [error.key for error in told] == [f"segments[{place}]"], raised.value.all
    assert moves in told[0].sentence
    assert f"can gain {gain} points" in told[0].sentence
