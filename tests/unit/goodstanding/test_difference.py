"""What changed between two policies: each kind of change is told once, in words and as data, and nothing else is."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.difference import Change, differences
from services.benefits.core.table import TierTable
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Cap, Condition, Evidence, Limit, Segment
from shared.policy_file import TIERS, load_policy
from shared.settings import ROOT
from tests.support.command_line import ask
from tests.support.people import CARD, SHIPPED, card

FIRST = SHIPPED.rules[0]
BINS = FIRST.bins
SEGMENT = Segment(code="late-now", when=(Condition(feature="dues", at_least=1),), en="late", zh="迟")
REST = Segment(code="others", en="others", zh="其他")


def shipped(**changes: Any) -> Scorecard:
    return msgspec.structs.replace(SHIPPED, **changes)


def first_rule(**changes: Any) -> Scorecard:
    return shipped(rules=(msgspec.structs.replace(FIRST, **changes), *SHIPPED.rules[1:]))


def first_bin(**changes: Any) -> Scorecard:
    return first_rule(bins=(msgspec.structs.replace(BINS[0], **changes), *BINS[1:]))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (SHIPPED, shipped(publication_day=7), "policy: publication_day was 6, is 7."),
        (SHIPPED, shipped(effective_on=date(2027, 1, 1)), "policy: effective_on was 2000-01-01, is 2027-01-01."),
        (SHIPPED, shipped(dimensions={**SHIPPED.dimensions, "identity": 80}), "dimension identity was 90, is 80."),
        (SHIPPED, first_rule(unknown=1), f"rule {FIRST.code}: unknown was {FIRST.unknown}, is 1."),
        (SHIPPED, first_bin(points=-99), f"rule {FIRST.code}: points from 0 was {BINS[0].points}, is -99."),
        (SHIPPED, first_bin(en="Bad."), f"rule {FIRST.code}: en from 0 was , is Bad.."),
        (
            SHIPPED,
            first_rule(bins=BINS[:-1]),
            f"rule {FIRST.code}: points from {BINS[-1].at_least} was {BINS[-1].points}, is nothing.",
        ),
        (SHIPPED, first_rule(evidence=Evidence(full=7, below=2)), f"rule {FIRST.code}: evidence full was 12, is 7."),
        (SHIPPED, first_rule(evidence=None), None),
        (SHIPPED, shipped(rules=SHIPPED.rules[1:]), None),
        (shipped(segments=(SEGMENT,)), shipped(segments=(SEGMENT, REST)), "segment others is new."),
        (
            shipped(segments=(SEGMENT, REST)),
            shipped(segments=(REST, SEGMENT)),
            "policy: order of the segments was [late-now, others], is [others, late-now].",
        ),
        (
            SHIPPED,
            shipped(restrictions={}),
            "restriction legal is gone; it was [" + ", ".join(SHIPPED.restrictions.get("legal", ())) + "].",  # type: ignore[call-overload]  # the shipped one names what it restricts
        ),
    ],
)
def test_one_change_is_told_in_one_sentence(old: Scorecard, new: Scorecard, sentence: str | None) -> None:
    found = differences(old, new)
    assert len(found) >= 1
    if sentence is not None:
        assert found[0].sentence == sentence
        assert len(found) == 1 or old.restrictions != new.restrictions


def test_whole_members_are_told_without_their_sentences() -> None:
    cap = Cap(code="cheap", rules=("a", "b"), points=20, en="x", zh="y")
    limit = Limit(code="few", when=(Condition(feature="dues", below=6, unknown=True),), ceiling=650, en="x", zh="y")
    [one] = differences(shipped(caps=()), shipped(caps=(cap,)))
    assert one.sentence == "cap cheap is new: { rules = [a, b], points = 20 }."
    [one] = differences(shipped(limits=(limit,)), shipped(limits=()))
    assert one.sentence.startswith("limit few is gone; it was { when = [{ feature = dues, below = 6, unknown = true }]")
    [gone] = differences(SHIPPED, shipped(rules=SHIPPED.rules[1:]))
    assert (gone.where, gone.is_whole, gone.new) == (f"rule {FIRST.code}", True, None)
    assert isinstance(gone.old, dict)
    assert gone.old["bins"] == {f"from {bin.at_least}": bin.points for bin in BINS}


def test_a_feature_that_reads_other_months() -> None:
    changed = {**SHIPPED.features}
    name = "recycling"
    changed[name] = msgspec.structs.replace(changed[name], months=6)
    assert differences(SHIPPED, shipped(features=changed)) == [Change("feature", name, "months", 12, 6)]


def test_of_tier_tables() -> None:
    old = load_policy(ROOT / "policies" / TIERS, TierTable)
    last = old.tiers[-1]
    new = msgspec.structs.replace(
        old, tiers=(*old.tiers[:-1], msgspec.structs.replace(last, from_score=800, benefits=last.benefits[1:]))
    )
    assert [(each.where, each.what) for each in differences(old, new)] == [
        ("tier excellent", "from"),
        ("tier excellent", f"benefit {last.benefits[0].code}"),
    ]


POLICIES = st.sampled_from(
    [SHIPPED, CARD, first_rule(unknown=3), first_bin(points=-7), card(caps=()), shipped(segments=(SEGMENT, REST))]
)


@given(POLICIES, POLICIES)
def test_no_difference_is_the_same_policy_and_back_is_the_mirror(old: Scorecard, new: Scorecard) -> None:
    there, back = differences(old, new), differences(new, old)
    assert (there == []) == (old == new)
    assert {(c.where, c.what, str(c.old), str(c.new)) for c in there} == {
        (c.where, c.what, str(c.new), str(c.old)) for c in back
    }


def test_the_command(tmp_path: Path) -> None:
    shipped = ROOT / "policies" / "retention" / "cn.toml"
    other = tmp_path / "cn.toml"
    other.write_text("# A comment.\n" + shipped.read_text().replace("life = 2", "life = 3"))
    shown = ask("policy", "diff", str(shipped), str(other)).stdout
    assert shown.splitlines()[0] == "cn -> cn: 1 change."
    assert shown.splitlines()[-1].split() == ["years", "life", "2", "3"]
    [told] = map(json.loads, ask("policy", "diff", str(shipped), str(other), "--json").stdout.splitlines())
    assert told["changes"] == [
        {"part": "years", "name": "life", "what": "", "old": 2, "new": 3, "sentence": "years life was 2, is 3."}
    ]
    same = ask("policy", "diff", str(shipped), str(shipped))
    assert (same.exit_code, same.stdout) == (0, "cn -> cn: no changes.\n")


@pytest.mark.parametrize("other", ["policies/benefits.toml", "partners/bank.toml", "pyproject.toml"])
def test_two_kinds_are_not_compared(other: str) -> None:
    result = ask("policy", "diff", str(ROOT / "policies" / "scorecard.toml"), str(ROOT / other))
    assert result.exit_code == 1
    assert "Name two scorecards, two tier tables or two retention profiles." in " ".join(result.stderr.split())
