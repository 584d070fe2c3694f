"""Every way in which a scoring policy can be wrong is found on load, with file, line, key and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.scorer.core.scorecard import Scorecard
from shared.contracts.kinds import RecordClass
from shared.policy_file import load_policy
from shared.toml_file import ConfigError
from tests.support.people import CARD, CARD_FILE

SHIPPED = CARD_FILE.read_text(encoding="utf-8")


def test_the_shipped_scorecard_is_valid() -> None:
    assert list(CARD.faults()) == []
    assert CARD.dimensions == {
        "credit_history": 210,
        "behavior": 150,
        "performance_ability": 120,
        "identity": 90,
        "connections": 30,
    }
    assert [rule.code for rule in CARD.rules] == [
        "kept-on-time",
        "active-months",
        "steady-income",
        "verified-identity",
        "contacts-standing",
        "negative-records",
    ]
    assert CARD.cadence == "monthly"
    assert CARD.publication_day == 6
    assert CARD.ceilings[RecordClass.LEGAL] < 600


CASES = [
    # what, in place of this, this, at the line with, key, a part of the sentence
    ("name", 'name = "start"', 'name = "Start 2"', 'name = "S', "name", "lower-case"),
    ("an unknown key", "months_min = 3", "months_min = 3\nmonth_max = 4", "month_max", "month_max", "unknown field"),
    ("a text for a number", "months_min = 3", 'months_min = "3"', "months_min", "months_min", "int"),
    ("day 29", "publication_day = 6", "publication_day = 29", "publication_day", "publication_day", "1 to 28"),
    ("day 0", "publication_day = 6", "publication_day = 0", "publication_day", "publication_day", "1 to 28"),
    ("cadence", 'cadence = "monthly"', 'cadence = "weekly"', "cadence =", "cadence", "weekly"),
    ("months_min", "months_min = 3", "months_min = 25", "months_min", "months_min", "0 to 24"),
    ("points in all", "identity = 90", "identity = 91", "[dimensions]", "dimensions", "601 points; make them 600"),
    ("points of a dimension", "{ at_least = 1000, points = 210 }", "{ at_least = 1000, points = 200 }",
     "credit_history = 210", "dimensions.credit_history", "210 points, its rules at best 200"),
    ("code", 'code = "steady-income"', 'code = "Steady_Income"', "Steady_Income", "rules[2].code", "hyphens"),
    ("code over 64", 'code = "steady-income"', f'code = "{"x" * 65}"', "xxxxx", "rules[2].code", "hyphens"),
    ("reserved code", 'code = "steady-income"', 'code = "floor"', 'code = "floor"', "rules[2].code", "items of every"),
    ("code twice", 'code = "steady-income"', 'code = "active-months"', None, "rules[2].code", "Another rule"),
    ("dimension", 'dimension = "identity"', 'dimension = "looks"', '"looks"', "rules[3].dimension", "dimensions above"),
    ("measure", 'measure = "fact"', 'measure = "guess"', None, "rules[3].measure", "guess"),
    ("no kinds", 'kinds = ["income.reported"]', "kinds = []", "kinds = []", "rules[2].kinds", "at least one"),
    ("kind", '["income.reported"]', '["income.guessed"]', "income.guessed", "rules[2].kinds[0]", "income.guessed"),
    ("kind of another shape", '["income.reported"]', '["water.bill"]', '["water.bill"]', "rules[2].kinds[0]", "figure"),
    ("window of 25 months", "window_months = 24", "window_months = 25", None, "rules[0].window_months", "1 to 24"),
    ("no window", "window_months = 24", "window_months = 0", None, "rules[0].window_months", "1 to 24"),
    ("steady_months", "steady_months = 3", "steady_months = 13", None, "rules[2].steady_months", "window_months"),
    ("no steady_months", "steady_months = 3", "steady_months = 0", None, "rules[2].steady_months", "at least 1"),
    ("first band", "at_least = 0, points = 30", "at_least = 1, points = 30", None, "rules[2].bands", "begin at 0"),
    ("bands out of order", "at_least = 600000", "at_least = 300000", "at_least = 300000, points = 75",
     "rules[2].bands[2]", "more than 300000"),
    ("fraction", "at_least = 600000", "at_least = 600000.5", "600000.5", "rules[2].bands[2].at_least", "int"),
    ("contacts' step", "{ at_least = 650, points = 20 }", "{ at_least = 660, points = 20 }", "660",
     "rules[4].bands[2]", "from 350 on"),
    ("contacts' first band", "{ at_least = 350, points = 0 }", "{ at_least = 400, points = 0 }", None,
     "rules[4].bands", "begin at 350"),
    ("unknown above the best", "unknown = 10", "unknown = 31", "unknown = 31", "rules[4].unknown", "0 to 30"),
    ("unknown below the worst", "unknown = 40", "unknown = 29", "unknown = 29", "rules[2].unknown", "30 to 120"),
    ("fact's kind", 'kind = "identity.verified"', 'kind = "water.bill"', 'kind = "w', "rules[3].kind", "shape fact"),
    ("fact's value", "withdrawn = 0", "lost = 0", "lost = 0", "rules[3].values.lost", "verified, withdrawn"),
    ("fact's unknown", "unknown = 25", "unknown = 91", "unknown = 91", "rules[3].unknown", "0 to 90"),
    ("records' unknown", "unknown = 0", "unknown = 5", "unknown = 5", "rules[5].unknown", "Use 0"),
    ("records' lowest", "lowest = -210", "lowest = 1", "lowest = 1", "rules[5].lowest", "0 or less"),
    ("a record that earns", "unsettled = { legal = -200", "unsettled = { legal = 200", "unsettled = {",
     "rules[5].unsettled.legal", "deducts"),
    ("settling that costs", "settled = { legal = -100", "settled = { legal = -201", "settled = { legal = -201",
     "rules[5].settled.legal", "-200 to 0"),
    ("a class without points", ", life = -30 }", " }", "settled = { legal = -100", "rules[5].settled", "life"),
    ("ceiling below the base", "legal = 580", "legal = 349", "legal = 349", "ceilings.legal", "350 to 950"),
    ("ceiling of no class", "legal = 580", "grave = 580", "[ceilings]", "ceilings", "grave"),
    ("restriction", 'legal = ["credit",', 'legal = ["Credit!",', '"Credit!"', "restrictions.legal", "hyphens"),
    ("17 restrictions", 'legal = ["credit",', "legal = [" + ", ".join(f"'{c}'" for c in "abcdefghijklmno") + ",",
     "[restrictions]", "restrictions", "at most 16"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "sentence"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_fault_is_named_with_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: str | None, key: str, sentence: str
) -> None:
    """(rules S5 and S6)"""
    assert SHIPPED.count(old) >= 1
    file = tmp_path / "scorecard.toml"
    file.write_text(text := SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(file, Scorecard)
    assert caught.value.file == file
    assert caught.value.key == key
    assert sentence in caught.value.sentence
    if line is not None:
        assert text[: text.index(line)].count("\n") + 1 == caught.value.line


def test_a_missing_file_and_a_broken_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy(tmp_path / "none.toml", Scorecard)
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(ConfigError, match="not TOML"):
        load_policy(tmp_path / "broken.toml", Scorecard)


def test_the_id_is_of_what_counts_not_of_the_layout(tmp_path: Path) -> None:
    def id_of(text: str) -> str:
        (tmp_path / "card.toml").write_text(text)
        return load_policy(tmp_path / "card.toml", Scorecard).id

    assert re.fullmatch("start@[0-9a-f]{12}", CARD.id)
    assert id_of(SHIPPED + "\n# a comment\n") == CARD.id
    assert id_of(SHIPPED.replace("legal = 580", "legal = 579")) != CARD.id
    assert id_of(SHIPPED.replace("2000-01-01", "2000-01-02")) != CARD.id


def test_an_id_once_computed_is_no_part_of_the_policy() -> None:
    again = load_policy(CARD_FILE, Scorecard)
    assert CARD.id == CARD.id == again.id
