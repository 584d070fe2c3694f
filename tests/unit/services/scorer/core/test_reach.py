"""A scorecard by which nobody can have the best score, or the worst, is refused with what keeps everybody from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scorer.core.scorecard import Scorecard
from shared.policy_file import load_policy
from shared.toml_file import ConfigError
from tests.support.village import OTHERS, RULES, SEGMENTS, VILLAGE, segments

BINS = "{ at_least = 900, points = 120 }, { at_least = 1000, points = 220 }"
EVIDENCE = "evidence = { full = 12 }"


def limit(when: str, ceiling: int = 900) -> str:
    return f'[[limits]]\ncode = "held"\nwhen = [{when}]\nceiling = {ceiling}\nen = "Held."\nzh = "限"\n\n'


def rule(code: str, bins: str) -> str:
    return (
        f'{RULES}"{code}"\ndimension = "steadiness"\nfeature = "steady"\ndirection = "lower"\nunknown = 0\n'
        f'bins = [{bins}]\nen = "Steady."\nzh = "稳"\n\n'
    )


OPPOSED = VILLAGE.replace("points = 100 }]\nevidence", "points = 60 }]\nevidence").replace(
    "points = 60 }, { at_least = 900, points = 60 }", "points = 20 }, { at_least = 900, points = 60 }"
)

# What keeps everybody from it, the policy, the key, a part of the sentence.
REFUSED = [
    ("a bin above a share", VILLAGE.replace(BINS, BINS.replace("1000", "1001")), "rules[0].bins[2].at_least", "1000"),
    (
        "a month more than there are",
        VILLAGE.replace('"regular"', '"months_active"').replace("at_least = 500", "at_least = 6").replace(
            "at_least = 900, points = 100", "at_least = 13, points = 100"
        ),
        "rules[2].bins[2].at_least",
        "at most 12",
    ),
    ("too much evidence", VILLAGE.replace(EVIDENCE, "evidence = { full = 13 }"), "rules[2].evidence.full", "12"),
    (
        "a limit of everybody",
        VILLAGE.replace(RULES, limit('{ feature = "on_time", at_least = 0, unknown = true }') + RULES, 1),
        "limits[0].when",
        "held at 900",
    ),
    (
        "a limit of the best",
        VILLAGE.replace(RULES, limit('{ feature = "on_time", at_least = 1000 }') + RULES, 1),
        "limits[0].when",
        "held at 900",
    ),
    (
        "two limits that leave nobody",
        VILLAGE.replace(
            RULES,
            limit('{ feature = "steady", below = 950 }')
            + limit('{ feature = "steady", at_least = 950 }').replace("held", "held-too")
            + RULES,
            1,
        ),
        "limits[1].when",
        "held at 900",
    ),
    (
        "rules that oppose each other",
        OPPOSED + rule("not-steady", "{ at_least = 0, points = 40 }, { at_least = 500, points = 0 }"),
        "rules[4].bins",
        "No value of steady",
    ),
    ("no worse", VILLAGE.replace("points = -40", "points = 60").replace("-400", "-10"), "rules", "comes to 400"),
    (
        "a segment of everybody",
        VILLAGE.replace(
            RULES,
            SEGMENTS.format(code="all", when='{ feature = "on_time", at_least = 0, unknown = true }') + OTHERS + RULES,
            1,
        ),
        "segments[0].when",
        "holds for everybody",
    ),
    ("a segment above what there is", segments('{ feature = "on_time", at_least = 1001 }'), "segments[0].when",
     "no value of on_time, which is at most 1000, meets"),
    ("a segment of two conditions that exclude each other",
     segments('{ feature = "worst", at_least = 10 }, { feature = "worst", below = 5 }'), "segments[0].when",
     "no value of worst meets"),
    ("a segment that one above takes whole",
     segments('{ feature = "worst", at_least = 10 }', '{ feature = "worst", at_least = 30 }'), "segments[1].when",
     "down to some-a take everybody"),
    ("the same, narrower by another feature",
     segments('{ feature = "worst", at_least = 10 }',
              '{ feature = "worst", at_least = 30 }, { feature = "steady", below = 500 }'), "segments[1].when",
     "down to some-a take everybody"),
    ("a segment that two above take together",
     segments('{ feature = "worst", at_least = 30 }', '{ feature = "worst", at_least = 10, below = 30 }',
              '{ feature = "worst", at_least = 20 }'), "segments[2].when", "down to some-b take everybody"),
    ("segments that leave nobody for the last",
     segments('{ feature = "worst", below = 10, unknown = true }', '{ feature = "worst", at_least = 10 }'),
     "segments[2]", "down to some-b take everybody"),
    ("a limit of whoever has no month, of whom nothing is known",
     VILLAGE.replace('[[rules]]', limit('{ feature = "history", below = 1 }') + '[[rules]]', 1).replace(
         'verified = {', 'history = { is = "history" }\nverified = {'), "limits[0].when",
     "It never holds: no value of history, which is 1 to 24, meets"),
    ("a limit that never holds",
     VILLAGE.replace(RULES, limit('{ feature = "steady", at_least = 900 }, { feature = "steady", below = 900 }')
                     + RULES, 1), "limits[0].when", "It never holds: no value of steady"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "part"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_out_of_everybodys_reach_is_refused(tmp_path: Path, text: str, key: str, part: str) -> None:
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    assert [(error.key, part in error.sentence) for error in raised.value.all] == [(key, True)], raised.value.all


def test_a_fault_of_a_rule_hides_no_segment_that_nobody_is_in(tmp_path: Path) -> None:
    text = segments('{ feature = "on_time", at_least = 1001 }').replace('code = "on-time"', 'code = "On time"')
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    assert [error.key for error in raised.value.all] == ["segments[0].when", "rules[0].code"]


ACCEPTED = [
    ("the policy of the guide", VILLAGE),
    ("a limit that the best leave", VILLAGE.replace(RULES, limit('{ feature = "on_time", below = 1000 }') + RULES, 1)),
    ("a bin above the range that the best do not need",
     VILLAGE.replace(BINS, f"{BINS}, {{ at_least = 1001, points = 220 }}")),
    ("a limit at 350 in place of points",
     VILLAGE.replace("points = -40", "points = 60").replace("-400", "-10").replace(
         RULES, limit('{ feature = "on_time", below = 100 }', 350) + RULES, 1)),
    # Half of a loss of one point rounds to none, so that one payment late is not a loss yet, and another rule's gain.
    ("a loss that nobody has whose observations are few",
     OPPOSED.replace("[features]", '[features]\nphones = { is = "sum", kinds = ["phone.bill"], months = 2 }')
     + rule("late-at-all", "{ at_least = 0, points = 0 }, { at_least = 1, points = 40 }").replace(
         '"steady"', '"phones"').replace('"lower"', '"higher"')
     + rule("late-often", "{ at_least = 0, points = 0 }, { at_least = 1, points = -1 }").replace(
         '"steady"', '"phones"') + "evidence = { full = 1, below = 2 }\n"),
    ("a segment in which the best are held, beside one in which they are not",
     VILLAGE.replace(
         RULES, SEGMENTS.format(code="some", when='{ feature = "on_time", below = 500 }') + OTHERS + RULES, 1)),
    ("segments of which each leaves somebody to the next",
     segments('{ feature = "worst", at_least = 30 }', '{ feature = "worst", at_least = 10 }',
              '{ feature = "worst", below = 10 }')),
    ("a segment that one above takes but for those of whom nothing is known",
     segments('{ feature = "worst", at_least = 10 }', '{ feature = "worst", at_least = 30, unknown = true }')),
]  # fmt: skip


@pytest.mark.parametrize("text", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_what_somebody_can_reach_is_not_refused(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    assert load_policy(file, Scorecard).name == "village"


def test_more_rules_than_anybody_can_read_are_refused_at_once(tmp_path: Path) -> None:
    """Each is compared with the others, so that twenty thousand of them took minutes."""
    text = VILLAGE + "".join(rule(f"rule-{'x' * 9}", "{ at_least = 0, points = 0 }") for _ in range(1001))
    (file := tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="Use at most 1000; there are 1,005") as raised:
        load_policy(file, Scorecard)
    assert [error.key for error in raised.value.all] == ["rules"]
