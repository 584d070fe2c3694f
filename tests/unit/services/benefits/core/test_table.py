"""The tier table: the shipped file, and everything that can be wrong with one, each with line, key and remedy."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from services.benefits.core.table import TierTable
from services.scorer.core.scorecard import Scorecard
from shared import toml_file
from shared.policy_file import load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError

SHIPPED = ROOT / "policies" / "benefits.toml"

GOOD = """\
name = "test"

[[tiers]]
code = "low"
name = "Low"
from = 600
benefits = [
    { code = "bike", name = "Bike" },
    { code = "loan", name = "Loan" },
]

[[tiers]]
code = "high"
name = "High"
from = 700
benefits = [{ code = "car", name = "Car" }]

[restrictions]
credit = ["loan"]
"""


def loaded(tmp_path: Path, text: str) -> TierTable:
    file = tmp_path / "benefits.toml"
    file.write_text(text)
    return load_policy(file, TierTable)


def test_the_shipped_table_has_the_four_tiers() -> None:
    table = load_policy(SHIPPED, TierTable)
    assert [(tier.name, tier.from_score, len(tier.benefits)) for tier in table.tiers] == [
        ("Fair", 600, 4),
        ("Good", 650, 3),
        ("Very good", 700, 3),
        ("Excellent", 750, 2),
    ]


def test_the_shipped_table_knows_every_restriction_of_the_shipped_scorecard() -> None:
    scorecard = toml_file.load(ROOT / "policies" / "scorecard.toml", Scorecard)
    assert set(itertools.chain(*scorecard.restrictions.values())) <= load_policy(SHIPPED, TierTable).restrictions.keys()


@pytest.mark.parametrize(
    ("before", "after", "line", "key", "remedy"),
    [
        pytest.param('name = "test"', 'name = "Test!"', 1, "name", "lower-case", id="policy name"),
        pytest.param('name = "test"', "name = 3", 1, "name", "Expected `str`", id="policy name not a text"),
        pytest.param('name = "test"\n', "", 1, "", "`name`", id="policy name missing"),
        pytest.param('code = "low"', 'code = "Low"', 4, "tiers[0].code", "lower-case letters", id="tier code"),
        pytest.param('code = "low"', f'code = "{"l" * 65}"', 4, "tiers[0].code", "64", id="tier code too long"),
        pytest.param('code = "high"', 'code = "low"', 13, "tiers[1].code", "another code", id="tier code twice"),
        pytest.param('name = "Low"', 'name = " "', 5, "tiers[0].name", "a name", id="tier name blank"),
        pytest.param("from = 600", 'from = "600"', 6, "tiers[0].from", "Expected `int`", id="from as a text"),
        pytest.param("from = 600", "from = 600.5", 6, "tiers[0].from", "Expected `int`", id="from with a fraction"),
        pytest.param("from = 600\n", "", 3, "tiers[0]", "`from`", id="from missing"),
        pytest.param("from = 600", "from = 349", 6, "tiers[0].from", "350 to 950", id="from below the scale"),
        pytest.param("from = 700", "from = 951", 15, "tiers[1].from", "601 to 950", id="from above the scale"),
        pytest.param("from = 700", "from = 600", 15, "tiers[1].from", "601 to 950", id="two tiers from one score"),
        pytest.param("from = 700", "from = 500", 15, "tiers[1].from", "601 to 950", id="tiers fall"),
        pytest.param("from = 600", "from = 950", 15, "tiers[1].from", "No score is left", id="nothing left above"),
        pytest.param("from = 600", "grace = 3", 6, "tiers[0].grace", "unknown field", id="unknown key"),
        pytest.param(
            "from = 600", "from = 600\ngrace_days = -1", 7, "tiers[0].grace_days", "0 to 366", id="grace below none"
        ),
        pytest.param(
            "from = 600", "from = 600\ngrace_days = 367", 7, "tiers[0].grace_days", "0 to 366", id="grace beyond a year"
        ),
        pytest.param(
            "from = 600", "from = 600\ngrace_days = 1.5", 7, "tiers[0].grace_days", "Expected `int`", id="grace of half"
        ),
        pytest.param(
            'code = "loan"', 'code = "bike"', 9, "tiers[0].benefits[1].code", "another code", id="benefit twice"
        ),
        pytest.param(
            'code = "car"', 'code = "bike"', 16, "tiers[1].benefits[0].code", "another code", id="benefit in two tiers"
        ),
        pytest.param(
            'code = "bike"', 'code = ""', 8, "tiers[0].benefits[0].code", "lower-case", id="benefit code empty"
        ),
        pytest.param('name = "Bike"', 'name = ""', 8, "tiers[0].benefits[0].name", "a name", id="benefit name empty"),
        pytest.param('["loan"]', '["lone"]', 19, "restrictions.credit[0]", "one of the tiers", id="closes the unknown"),
        pytest.param('["loan"]', '["loan", "loan"]', 19, "restrictions.credit[1]", "once", id="closes twice"),
        pytest.param('["loan"]', '"loan"', 19, "restrictions.credit", "Expected `array`", id="closes a text"),
        pytest.param("credit =", "Credit =", 19, "restrictions.Credit", "scorecard", id="restriction code"),
        pytest.param("[restrictions]\ncredit", "[other]\ncredit", 18, "other", "unknown field", id="unknown table"),
        pytest.param("from = 600", "from = ", 6, "", "not TOML", id="not TOML"),
    ],
)
def test_refused(tmp_path: Path, before: str, after: str, line: int, key: str, remedy: str) -> None:
    assert GOOD.count(before) == 1
    with pytest.raises(ConfigError) as refusal:
        loaded(tmp_path, GOOD.replace(before, after))
    [told] = [each for each in (refusal.value, *refusal.value.others) if (each.line, each.key) == (line, key)]
    assert remedy in told.sentence
    assert str(told).startswith(f"{tmp_path / 'benefits.toml'}:{line}: ")


def test_a_table_without_tiers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"benefits\.toml:2: tiers: Describe at least one tier"):
        loaded(tmp_path, 'name = "test"\ntiers = []\nrestrictions = {}\n')


def test_more_benefits_than_a_message_holds_are_refused(tmp_path: Path) -> None:
    codes = map("".join, itertools.islice(itertools.product("abcdefghi", repeat=2), 64))
    more = "".join(f'    {{ code = "{code}", name = "More" }},\n' for code in codes)
    with pytest.raises(ConfigError, match="at most 64 benefits"):
        loaded(tmp_path, GOOD.replace('    { code = "bike"', f'{more}    {{ code = "bike"'))


def test_the_id_follows_what_the_file_says_and_not_how(tmp_path: Path) -> None:
    good = loaded(tmp_path, GOOD)
    assert loaded(tmp_path, "# A comment.\n" + GOOD.replace("from = 600", "from     = 600")).id == good.id
    assert loaded(tmp_path, GOOD.replace("600", "601")).id != good.id
    name, _, digest = good.id.partition("@")
    assert (name, len(digest)) == ("test", 12)


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        *((350, None), (599, None), (600, "fair"), (649, "fair"), (650, "good"), (699, "good")),
        *((700, "very-good"), (749, "very-good"), (750, "excellent"), (950, "excellent")),
    ],
)
def test_reached(score: int, tier: str | None) -> None:
    """(rules T1)"""
    table = load_policy(SHIPPED, TierTable)
    assert table.code(table.reached(score)) == tier
    assert table.position(tier) == table.reached(score)


def test_a_tier_has_the_benefits_of_those_before_it(tmp_path: Path) -> None:
    """(rules T2)"""
    table = loaded(tmp_path, GOOD)
    assert [table.benefits(position) for position in range(3)] == [(), ("bike", "loan"), ("bike", "loan", "car")]


def test_a_restriction_closes_what_the_table_says_and_everything_if_it_says_nothing(tmp_path: Path) -> None:
    """(rules T5)"""
    table = loaded(tmp_path, GOOD + "trains = []\n")
    assert table.closed([]) == set()
    assert table.closed(["credit"]) == {"loan"}
    assert table.closed(["credit", "trains"]) == {"loan"}
    assert table.closed(["unheard-of"]) == {"bike", "loan", "car"}
