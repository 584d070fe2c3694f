"""Every way in which a scoring policy can be wrong is found on load, with file, line, key and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.scorer.core.scorecard import Scorecard
from services.scorer.loading import scorecards
from shared.policy_file import load_policy
from shared.toml_file import ConfigError
from tests.support.people import CARD, CARD_FILE

PLAIN = CARD_FILE.read_text(encoding="utf-8")
SEGMENTS = """
[[segments]]
code = "late"
when = [{ feature = "kept", below = 900 }]
en = "Late."
zh = "x"

[[segments]]
code = "others"
en = "Others."
zh = "x"
"""
LIMIT = """
[[limits]]
code = "few"
when = [{ feature = "kept", below = 900 }]
ceiling = 650
en = "Few."
zh = "x"
"""
CAP = """
[[caps]]
code = "both"
rules = ["active-months", "in-a-row"]
points = 900
en = "Both."
zh = "x"
"""
FULL = PLAIN.replace("[[rules]]", f"{SEGMENTS}{LIMIT}{CAP}\n[[rules]]", 1)
"""The plain scorecard with one of everything else."""


def test_what_all_cases_begin_with_is_valid(tmp_path: Path) -> None:
    (tmp_path / "full.toml").write_text(FULL, encoding="utf-8")
    assert list(load_policy(tmp_path / "full.toml", Scorecard).faults()) == []


RULE = "rules[3]"
CASES = [
    # what, in place of this, this, at the line with, key, a part of the sentence
    ("name", 'name = "plain"', 'name = "Start 2"', 'name = "S', "name", "lower-case"),
    ("an unknown key", "months_min = 3", "months_min = 3\nmonth_max = 4", "month_max", "month_max", "unknown field"),
    ("a text for a number", "months_min = 3", 'months_min = "3"', "months_min", "months_min", "int"),
    ("day 29", "publication_day = 6", "publication_day = 29", "publication_day", "publication_day", "1 to 28"),
    ("cadence", 'cadence = "monthly"', 'cadence = "weekly"', "cadence =", "cadence", "weekly"),
    ("months_min", "months_min = 3", "months_min = 25", "months_min", "months_min", "0 to 24"),
    ("points in all", "identity = 90", "identity = 91", "[dimensions]", "dimensions", "601 points; make them 600"),
    ("points of a dimension", "{ at_least = 1000, points = 210 }", "{ at_least = 1000, points = 200 }",
     "credit_history = 210", "dimensions.credit_history", "210 points, its rules at best 200"),
    ("what a cap takes", "points = 900", "points = 80", "behavior = 150", "dimensions.behavior", "at best 140"),
    ("nobody at 350", "lowest = -210", "lowest = -39", None, "rules", "Nobody can fall to 350"),
    ("a refused dimension", "identity = 90", "gender = 90", "gender", "dimensions.gender", "feed no score"),
    ("name of no dimension", "[features]", '[dimension_names]\nlooks = { en = "Looks", zh = "外貌" }\n[features]',
     "looks = {", "dimension_names.looks", "dimensions above"),
    ("name with a gap", "[features]", '[dimension_names]\nidentity = { en = "{value}", zh = "身份" }\n[features]', None,
     "dimension_names.identity.en", "none"),
    # [kinds] and [features]
    ("kinds' name", "done = [", '"Done" = [', '"Done"', "kinds.Done", "underscores"),
    ("no kind", 'done = ["shop.purchase"', 'done = ["shop.robbery"', "shop.robbery", "kinds.done[0]", "no kind"),
    ("a record's kind", 'done = ["shop.purchase"', 'done = ["court.listing"', "court.l", "kinds.done[0]", "no kind"),
    ("feature's name", "identity = { is", '"Identity!" = { is', '"Identity!"', 'features."Identity!"', "underscores"),
    ("a refused attribute", "identity = { is", 'customer_age = { is', "customer_age", "features.customer_age",
     "feed no score"),
    ("what tells of one", "identity = { is", 'church_visits = { is', "church_visits", "features.church_visits",
     "feed no score"),
    ("no such feature", 'is = "fact"', 'is = "guess"', None, "features.identity.is", "guess"),
    ("unread", "contacts = { is", 'spare = { is = "history" }\ncontacts = { is', "spare", "features.spare",
     "remove it"),
    ("no kinds", 'kinds = ["income.reported"]', "kinds = []", "income = {", "features.income.kinds", "at least one"),
    ("kind of no shape", '["income.reported"]', '["water.bill"]', "income = {", "features.income.kinds[0]", "figure"),
    ("kinds of a name", '["income.reported"]', '["kept"]', "income = {", "features.income.kinds[0]", "[kinds] kept"),
    ("25 months", "months = 24", "months = 25", "kept = { is", "features.kept.months", "1 to 24"),
    ("no month", "months = 24", "months = 0", "kept = { is", "features.kept.months", "1 to 24"),
    ("steady_months", "steady_months = 3", "steady_months = 13", None, "features.income.steady_months", "`months`"),
    ("least of no obligation", "[features]", '[least]\n"income.reported" = 5\n\n[features]', "reported",
     'least."income.reported"', "no kind of the shape obligation or activity"),
    ("least of nothing", "[features]", "[least]\ndone = 0\n\n[features]", "done = 0", "least.done", "1 or more"),
    ("weight of another", "months = 24 }", 'months = 24, weights = { "donation.made" = 5 } }', None,
     'features.kept.weights."donation.made"', "of `kinds` only"),
    ("weight", "months = 24 }", 'months = 24, weights = { "water.bill" = -5 } }', None,
     'features.kept.weights."water.bill"', "0 to 1000"),
    ("fact's kind", 'kind = "identity.verified"', 'kind = "water.bill"', None, "features.identity.kind", "shape fact"),
    ("fact of a refused attribute", 'kind = "identity.verified"', 'kind = "gender"', None, "features.identity.kind",
     "`gender` is a refused attribute. Remove it:"),
    ("a kind misspelled", '["income.reported"]', '["incom.reported"]', "income = {", "features.income.kinds[0]",
     "The nearest is `income.reported`. All are listed by: goodstanding partner kinds"),
    ("a day of no calendar's writing", "effective_on = ", 'effective_on = "1.2.2026" # ', None, "effective_on",
     "Write a day as year-month-day, such as 2026-01-31."),
    # segments, limits, caps
    ("condition of nothing", '"kept", below = 900 }]\nen = "Late', '"gone", below = 900 }]\nen = "Late', '"gone"',
     "segments[0].when[0].feature", "[features]"),
    ("condition that says nothing", '"kept", below = 900 }]\nen = "Late', '"kept" }]\nen = "Late', None,
     "segments[0].when[0]", "`at_least`, `below`"),
    ("nobody between", '"kept", below = 900 }]\nen = "Late', '"kept", below = 9, at_least = 9 }]\nen = "Late', None,
     "segments[0].when[0].below", "more than 9"),
    ("a word of no fact", '"kept", below = 900 }]\nen = "Late', '"kept", is = "late" }]\nen = "Late', None,
     "segments[0].when[0].is", "only facts"),
    ("a number of a fact", '"kept", below = 900 }]\nen = "Late', '"identity", below = 9 }]\nen = "Late', None,
     "segments[0].when[0]", "is a word"),
    ("a word it has not", '"kept", below = 900 }]\nen = "Late', '"identity", is = "lost" }]\nen = "Late', None,
     "segments[0].when[0].is", "verified, withdrawn"),
    ("condition on contacts", '"kept", below = 900 }]\nen = "Late', '"contacts", below = 450 }]\nen = "Late', None,
     "segments[0].when[0].feature", "explained to nobody"),
    ("conditions of the last", 'code = "others"', 'code = "others"\nwhen = [{ feature = "kept", below = 9 }]', None,
     "segments[1].when", "everybody else"),
    ("none of the first", 'when = [{ feature = "kept", below = 900 }]\nen = "Late', 'en = "Late', "[[segments]]",
     "segments[0].when", "no segment below"),
    ("a limit of all", 'when = [{ feature = "kept", below = 900 }]\nceiling', "when = []\nceiling", "when = []",
     "limits[0].when", "everybody"),
    ("a limit below", "ceiling = 650", "ceiling = 349", "ceiling = 349", "limits[0].ceiling", "350 to 950"),
    ("a cap of nothing", '"in-a-row"]', '"on-the-side"]', "on-the-side", "caps[0].rules[1]", "code of a rule"),
    ("a cap over dimensions", '"in-a-row"]', '"kept-on-time"]', "rules = [", "caps[0].rules", "one dimension"),
    ("a cap below 0", "points = 900", "points = -1", "points = -1", "caps[0].points", "0 or more"),
    # rules
    ("code", 'code = "steady-income"', 'code = "Steady_Income"', "Steady_Income", f"{RULE}.code", "hyphens"),
    ("code over 64", 'code = "steady-income"', f'code = "{"x" * 65}"', "xxxxx", f"{RULE}.code", "hyphens"),
    ("reserved code", 'code = "steady-income"', 'code = "floor"', 'code = "floor"', f"{RULE}.code", "items of every"),
    ("a refused word", 'code = "steady-income"', 'code = "marital-status"', "marital", f"{RULE}.code", "feed no score"),
    ("code twice", 'code = "steady-income"', 'code = "active-months"', None, f"{RULE}.code", "told apart"),
    ("code of a segment", 'code = "steady-income"', 'code = "late"', None, "segments[0].code", "told apart"),
    ("dimension", 'dimension = "identity"', 'dimension = "looks"', '"looks"', "rules[4].dimension", "dimensions above"),
    ("feature", 'feature = "income"', 'feature = "gone"', '"gone"', f"{RULE}.feature", "[features]"),
    ("segment", 'feature = "income"', 'feature = "income"\nsegments = ["gone"]', '"gone"', f"{RULE}.segments[0]",
     "code of a segment"),
    ("no segment", 'feature = "income"', 'feature = "income"\nsegments = []', "segments = []", f"{RULE}.segments",
     "Name a segment"),
    ("no direction", 'direction = "higher"\nunknown = 40', "unknown = 40", None, RULE, "which way is better"),
    ("direction of a fact", 'feature = "identity"', 'feature = "identity"\ndirection = "higher"', None,
     "rules[4].direction", "words"),
    ("better to be late", 'direction = "higher"', 'direction = "peak"', None, "rules[0].direction",
     'Say direction = "higher": being late is never better'),
    ("against its direction", 'direction = "higher"\nunknown = 40', 'direction = "lower"\nunknown = 40', None,
     f"{RULE}.bins[1].points", "contradicts the direction, lower: 40, then 55"),
    ("a fall", "{ at_least = 500, points = 50 }", "{ at_least = 500, points = 5 }", "points = 5 }",
     "rules[0].bins[2].points", "contradicts the direction, higher: 25, then 5"),
    ("no bins", 'bins = [{ is = "verified", points = 90 }, { is = "withdrawn", points = 0 }]', "bins = []", "bins = []",
     "rules[4].bins", "at least one"),
    ("first bin", "at_least = 0, points = 40", "at_least = 1, points = 40", None, f"{RULE}.bins[0].at_least",
     "begin at 0"),
    ("bins out of order", "at_least = 600000", "at_least = 300000", "at_least = 300000, points = 75",
     f"{RULE}.bins[2].at_least", "more than 300000"),
    ("fraction", "at_least = 600000", "at_least = 600000.5", "600000.5", f"{RULE}.bins[2].at_least", "int"),
    ("a word among numbers", "{ at_least = 600000, points = 75 }", '{ is = "much", points = 75 }', "much",
     f"{RULE}.bins[2]", "only facts"),
    ("a number among words", '{ is = "withdrawn", points = 0 }', "{ at_least = 0, points = 0 }", None,
     "rules[4].bins[1]", "Say `is`"),
    ("a word twice", '{ is = "withdrawn", points = 0 }', '{ is = "verified", points = 0 }', None,
     "rules[4].bins[1].is", "once"),
    ("fact's value", '"withdrawn"', '"lost"', '"lost"', "rules[4].bins[1].is", "verified, withdrawn"),
    ("a value left out", ', { is = "withdrawn", points = 0 }]', "]", None, "rules[4].bins",
     "without a bin withdrawn would give as much as unknown"),
    ("contacts' step", "{ at_least = 650, points = 20 }", "{ at_least = 660, points = 20 }", "660",
     "rules[5].bins[2]", "from 350 on"),
    ("contacts' first", "{ at_least = 350, points = 0 }", "{ at_least = 400, points = 0 }", None,
     "rules[5].bins[0].at_least", "begin at 350"),
    ("unknown above the best", "unknown = 10", "unknown = 31", "unknown = 31", "rules[5].unknown", "0 to 30"),
    ("a figure that costs", "unknown = 40", "unknown = 41", "unknown = 41", f"{RULE}.unknown", "never costs points"),
    ("evidence", "unknown = 10", "unknown = 10\nevidence = { full = 0 }", None, "rules[5].evidence.full", "1 to 1000"),
    ("no sentence", 'en = "How your contacts stand."', 'en = " "', 'en = " "', "rules[5].en", "in a sentence"),
    ("Chinese for English", 'en = "How your contacts stand."', 'en = "{value} 的联系人"', None, "rules[5].en",
     "Say it in English"),
    ("English for Chinese", 'en = "How your contacts stand."\nzh = "', 'en = "How."\nzh = "Your contacts" #', None,
     "rules[5].zh", "Say it in Chinese"),
    ("placeholder", 'en = "How your contacts stand."', 'en = "{name}"', 'en = "{name}"', "rules[5].en", "{value}"),
    ("a brace", 'en = "How your contacts stand."', 'en = "{value"', 'en = "{value"', "rules[5].en", "every brace"),
    # records
    ("records' lowest", "lowest = -210", "lowest = 1", "lowest = 1", "records.lowest", "-600 to 0"),
    ("records' lowest, below all", "lowest = -210", "lowest = -601", "lowest = -601", "records.lowest", "-600 to 0"),
    ("more than there is", "legal = { open = -200", "legal = { open = -601", "open = -601",
     "records.legal.open", "-600 to 0"),
    ("words not printed", 'en = "How your contacts stand."', 'en = "How your \\u202e contacts stand."', "\\u202e",
     "rules[5].en", "can read"),
    ("a record that earns", "legal = { open = -200", "legal = { open = 200", "open = 200", "records.legal.open",
     "deducts"),
    ("settling that costs", "settled = -100", "settled = -201", "settled = -201", "records.legal.settled", "-200 to 0"),
    ("a class without points", "life = { open = -60, settled = -30 }\n", "", None, "records", "life"),
    ("small", "lowest = -210", "lowest = -210\nsmall = { below = 1, percent = 101 }", None, "records.small.percent",
     "0 to 100"),
    ("halves", "lowest = -210", "lowest = -210\nhalves = 0", "halves = 0", "records.halves", "1 month"),
    ("ceiling below the base", "legal = 580", "legal = 349", "legal = 349", "ceilings.legal", "350 to 950"),
    ("ceiling of no class", "legal = 580", "grave = 580", "grave = 580", "ceilings.grave", "legal, financial, life"),
    ("settling that lowers", "[restrictions]", "[settled_ceilings]\nlegal = 570\n\n[restrictions]", "legal = 570",
     "settled_ceilings.legal", "580 or more"),
    ("restriction", 'legal = ["credit",', 'legal = ["Credit!",', '"Credit!"', "restrictions.legal", "hyphens"),
    ("17 restrictions", 'legal = ["credit",', "legal = [" + ", ".join(f"'{c}'" for c in "abcdefghijklmno") + ",",
     "[restrictions]", "restrictions", "at most 16"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "sentence"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_fault_is_named_with_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: str | None, key: str, sentence: str
) -> None:
    """(rules S5 and S6)"""
    assert FULL.count(old) >= 1
    file = tmp_path / "scorecard.toml"
    file.write_text(text := FULL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(file, Scorecard)
    errors = [caught.value, *caught.value.others]
    found = [error for error in errors if error.key == key and sentence in error.sentence]
    assert len(found) == 1, [str(error) for error in errors]
    assert found[0].file == file
    if line is not None:
        assert text[: text.index(line)].count("\n") + 1 == found[0].line


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "scorecard.toml"
    wrong = PLAIN.replace("months_min = 3", "months_min = 30").replace("legal = 580", "legal = 1")
    file.write_text(wrong.replace('feature = "income"', 'feature = "gone"'), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(file, Scorecard)
    keys = [error.key for error in (caught.value, *caught.value.others)]
    assert keys == ["months_min", "features.income", "rules[3].feature", "ceilings.legal"]


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

    assert re.fullmatch("plain@[0-9a-f]{12}", CARD.id)
    assert id_of(PLAIN + "\n# a comment\n") == CARD.id
    assert id_of(PLAIN.replace("legal = 580", "legal = 579")) != CARD.id
    assert id_of(PLAIN.replace("2000-01-01", "2000-01-02")) != CARD.id


def test_what_was_computed_of_a_policy_is_no_part_of_it() -> None:
    again = load_policy(CARD_FILE, Scorecard)
    assert CARD.compiled is CARD.compiled
    assert CARD.id == again.id
    assert again == CARD


def test_a_deployment_has_several_scorecards_each_of_a_day(tmp_path: Path) -> None:
    (tmp_path / "scorecard.toml").write_text(PLAIN.replace("2000-01-01", "2027-01-01"))
    (tmp_path / "scorecard-old.toml").write_text(PLAIN)
    (tmp_path / "credit-card.toml").write_text("not read")
    assert [card.effective_on.year for card in scorecards(tmp_path)] == [2000, 2027]
    (tmp_path / "scorecard-twin.toml").write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"scorecard-twin.toml:\d+: effective_on: Use another day"):
        scorecards(tmp_path)
