"""A person's tier and benefits in words: in force, closed by a restriction, beyond a thin file, or not reached."""

from __future__ import annotations

import pytest

from goodstanding.person.benefits import describe
from services.benefits.core.table import TierTable
from shared.policy_file import load_policy
from shared.settings import ROOT

TABLE = load_policy(ROOT / "policies" / "benefits.toml", TierTable)


@pytest.mark.parametrize(
    ("score", "tier", "granted", "restrictions", "statuses"),
    [
        pytest.param(580, None, False, (), {"not reached": 12}, id="below the first"),
        pytest.param(612, "fair", True, (), {"in force": 4, "not reached": 8}, id="fair"),
        pytest.param(612, None, False, (), {"thin file": 4, "not reached": 8}, id="thin"),
        pytest.param(660, "fair", True, (), {"in force": 4, "thin file": 3, "not reached": 5}, id="grown thin"),
        pytest.param(
            580, None, False, ("financing",), {"restricted": 2, "not reached": 10}, id="restricted below the first"
        ),
        pytest.param(
            800, "excellent", True, ("financing",), {"in force": 10, "restricted": 2}, id="restricted at the top"
        ),
    ],
)
def test_described(
    score: int, tier: str | None, granted: bool, restrictions: tuple[str, ...], statuses: dict[str, int]
) -> None:
    benefits = TABLE.benefits(TABLE.position(tier))
    given = [code for code in benefits if granted and code not in TABLE.closed(restrictions)]
    description = describe(score, tier, given, restrictions, TABLE)
    found = [line.status for line in description.lines]
    assert {status: found.count(status) for status in found} == statuses
    assert description.tier == ({each.code: each.name for each in TABLE.tiers}[tier] if tier else None)
    assert [line.code for line in description.lines if line.status == "in force"] == given


def test_what_ends_with_a_grace_is_named() -> None:
    """(rules T9)"""
    in_force = TABLE.benefits(TABLE.position("good"))
    falling = describe(640, "good", in_force, (), TABLE, "fair")
    assert falling.falls_to == "Fair"
    assert falling.ending == tuple(each.name for each in TABLE.tiers[1].benefits)
    assert {line.status for line in falling.lines} == {"in force", "not reached"}


def test_the_next_tier_is_described() -> None:
    assert (describe(0, None, (), (), TABLE).next_tier, describe(0, None, (), (), TABLE).next_from) == ("Fair", 600)
    assert describe(700, "very-good", (), (), TABLE).next_from == 750
    assert describe(800, "excellent", (), (), TABLE).next_tier is None
