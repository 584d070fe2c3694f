"""A policy that a service would not start with is no policy for the command line either, by the same sentence."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from goodstanding.policies import check
from services.benefits import loading as benefits
from services.benefits.core.table import TierTable
from services.benefits.settings import BenefitsSettings
from services.ingest import loading as ingest
from services.ingest.settings import IngestSettings
from services.retention import loading as retention
from services.retention.settings import RetentionSettings
from services.scorer import loading as scorer
from services.scorer.core.scorecard import Scorecard
from services.scorer.settings import ScorerSettings
from shared.contracts.own_kinds import OwnKinds
from shared.policy_file import load_policy
from shared.settings import ROOT
from shared.toml_file import ConfigError, spelled

KEY = SecretStr("00" * 32)


def _ingest(directory: Path) -> object:
    settings = IngestSettings(kafka="", key=KEY, policies=directory / "policies", partners=directory / "partners")
    return ingest.load(settings)


def _scorer(directory: Path) -> object:
    return scorer.load(ScorerSettings(kafka="", fingerprint_key=KEY, policies=directory / "policies"))


def _retention(directory: Path) -> object:
    return retention.load(RetentionSettings(kafka="", fingerprint_key=KEY, policies=directory / "policies"))


def _benefits(directory: Path) -> object:
    return benefits.load(BenefitsSettings(kafka="", fingerprint_key=KEY, policies=directory / "policies"))


# The service that starts, the file, what is exchanged in it for what.
FAULTS: dict[str, tuple[Callable[[Path], Any], str, str, str]] = {
    "a rule of the scorecard": (_scorer, "policies/scorecard.toml", "publication_day = 6", "publication_day = 29"),
    "a type of the scorecard": (_scorer, "policies/scorecard.toml", "publication_day = 6", 'publication_day = "6"'),
    "a rule of the tiers": (_benefits, "policies/benefits.toml", "from = 650", "from = 600"),
    "a rule of the profile": (_retention, "policies/retention/cn.toml", "legal = 5", "legal = 51"),
    "the same, of which ingest reads another key": (_ingest, "policies/retention/cn.toml", "legal = 5", "legal = 51"),
    "an unknown key of the profile": (_ingest, "policies/retention/cn.toml", "name =", "nickname = 'x'\nname ="),
    "a rule of a mapping": (_ingest, "partners/shop.toml", '"shop.purchase"', '"shop.theft"'),
    "a type of a mapping": (_ingest, "partners/shop.toml", "format =", "colour = 1\nformat ="),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("policies", "partners"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("load", "file", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_check_and_start_refuse_the_same(
    files: Path, load: Callable[[Path], Any], file: str, old: str, new: str
) -> None:
    path = files / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as at_start:
        load(files)
    with pytest.raises(ConfigError) as at_check:
        check(path)
    found, told = at_start.value, at_check.value
    assert (told.file, told.line, told.key) == (found.file, found.line, found.key)
    # The command adds what to do where the parser says only what is wrong.
    assert told.sentence.startswith(found.sentence)


@pytest.mark.parametrize("load", [_ingest, _scorer, _retention, _benefits])
def test_each_service_starts_with_the_shipped_files(files: Path, load: Callable[[Path], Any]) -> None:
    assert load(files)


def test_a_mapping_that_no_topic_can_carry_is_refused_by_both(files: Path) -> None:
    path = files / "partners" / "My Shop.toml"
    shutil.copyfile(files / "partners" / "shop.toml", path)
    with pytest.raises(ConfigError, match="Rename the file"):
        _ingest(files)
    with pytest.raises(ConfigError, match="Rename the file"):
        check(path)


SIX_FAULTS = {
    "name": ('name = "standard"', 'nmae = "standard"'),
    "publication_day": ("publication_day = 6", "publication_day = 31"),
    "dimensions.identity": ("identity = 90", "identity = 80"),
    "direction": ('direction = "peak"', 'direction = "sideways"'),
    "rules[0].bins[1].points": ("at_least = 500, points = -5 }", "at_least = 500, points = -50 }"),
    "ceilings.legal": ("legal = 499", 'legal = "499"'),
}


def test_faults_of_types_and_of_rules_are_told_together(tmp_path: Path) -> None:
    """A misspelled key, a word and a text in place of a number hide nothing of what the rules have against the rest."""
    text = (ROOT / "policies" / "scorecard.toml").read_text(encoding="utf-8")
    for was, other in SIX_FAULTS.values():
        assert was in text
        text = text.replace(was, other, 1)
    (file := tmp_path / "six.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        check(file)
    keys = {error.key for error in raised.value.all}
    assert {"nmae", *SIX_FAULTS} - {"name", "direction"} <= keys
    assert any(key.endswith(".direction") for key in keys)
    # What follows from a guess is no fault of the file.
    assert len(raised.value.all) == len(SIX_FAULTS) + 2, "the missing name, and the sum of the dimensions"


@pytest.mark.parametrize("points", ['"thirty"', "3.5", "[]", "true"])
def test_no_fault_is_told_that_rests_on_what_stands_for_a_wrong_value(tmp_path: Path, points: str) -> None:
    text = (ROOT / "policies" / "scorecard.toml").read_text(encoding="utf-8")
    was = "{ at_least = 0, points = 30,"
    assert was in text
    (file := tmp_path / "one.toml").write_text(text.replace(was, f"{{ at_least = 0, points = {points},", 1))
    with pytest.raises(ConfigError) as raised:
        check(file)
    assert [error.key for error in raised.value.all] == ["rules[1].bins[0].points"]


MISSING = {
    "a sentence": ('zh = "信用类还款按时率为 {value}，逾期每六个月减半计（已知 {observations} 期）。"\n', ("rules", 0)),
    "a number of a rule": ("unknown = 15\n", ("rules", 0)),
    "a number at the top": ("months_min = 3 ", ()),
    "a word": ('cadence = "monthly" ', ()),
    "a day": ("effective_on = 2000-01-01\n", ()),
}


@pytest.mark.parametrize(("was", "table"), MISSING.values(), ids=MISSING)
def test_a_key_that_is_missing_hides_no_other_fault(tmp_path: Path, was: str, table: tuple[str | int, ...]) -> None:
    text = (ROOT / "policies" / "scorecard.toml").read_text(encoding="utf-8")
    assert was in text
    text = text.replace(was, "#" if was.endswith(" ") else "", 1)
    text = text.replace("publication_day = 6", "publication_day = 31").replace("\nidentity = 90", "\nidentity = 100")
    (file := tmp_path / "missing.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        check(file)
    keys = {error.key for error in raised.value.all}
    assert keys == {spelled(table), "publication_day", "dimensions", "dimensions.identity"}


@pytest.mark.parametrize(
    "was", ['code = "credit-on-time"\n', 'feature = "credit_share"\n', "legal = { open = -220, settled = -150 }\n"]
)
def test_what_a_missing_name_or_table_leads_to_is_not_told(tmp_path: Path, was: str) -> None:
    text = (ROOT / "policies" / "scorecard.toml").read_text(encoding="utf-8")
    assert was in text
    (file := tmp_path / "missing.toml").write_text(text.replace(was, "", 1), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        check(file)
    assert len(raised.value.all) == 1
    assert "missing required field" in raised.value.sentence


FEATURE = 'verified = { is = "fact", kind = "identity.verified" }'
CAP_AND_LIMIT = """[[caps]]
code = "both"
rules = ["steady"]
points = 600
en = "Both."
zh = "两"

[[limits]]
code = "few"
when = [{ feature = "steady", below = 500 }]
ceiling = 940
en = "Few."
zh = "少"

[records] """

KINDS = """
[[own_kinds]]
code = 130
name = "gym.fee"
shape = "activity"
title = "Fee of a gym, paid"

[[own_kinds]]
code = 139
name = "Gym"
shape = "activity"
title = "Another"
"""
BENEFITS = """
name = "two"
hysteresis = 90

[[tiers]]
code = "good"
name = "Good"
from = 700
benefits = [{ code = "bikes", name = "Bikes without deposit" }]

[[tiers]]
code = "Better"
name = "Better"
from = 650
benefits = [{ code = "cars", name = "Cars without deposit" }]

[restrictions]
bikes = ["bikes"]
luxury = ["cars"]
"""
STEADY = 'steady = { is = "regular", kinds = ["loans", "phone.bill"], months = 12 }'
HINT = 'does = "keep"\nkinds = ["loans"]'
VILLAGE = (
    re.findall(r"```toml village\.toml\n(.*?)```", (ROOT / "docs" / "policies.md").read_text("utf-8"), re.DOTALL)[0]
    .replace("publication_day = 6", "publication_day = 31")
    .replace("points = 100 }", "points = 90 }", 1)
    .replace("[records] ", CAP_AND_LIMIT, 1)
)
OF_VILLAGE = {"publication_day", "dimensions.steadiness"}
OF_BENEFITS = {"hysteresis", "tiers[1].code", "tiers[1].from"}
OF_KINDS = {"own_kinds[1].code", "own_kinds[1].name"}
# What is wrong with the structure of a part, the file, what is exchanged for what, the key, and all other faults.
STRUCTURE = [
    ("a feature of no sort", VILLAGE, STEADY, STEADY.replace("regular", "regularity"), "features.steady.is",
     OF_VILLAGE),
    ("a feature of no sort that fits no other", VILLAGE, STEADY, 'steady = { is = "x", kinds = "loans" }',
     "features.steady.is", OF_VILLAGE),
    ("a feature whose sort is no word", VILLAGE, STEADY, STEADY.replace('"regular"', "5"), "features.steady.is",
     OF_VILLAGE),
    ("a feature without a sort", VILLAGE, STEADY, STEADY.replace('is = "regular", ', ""), "features.steady",
     OF_VILLAGE),
    ("a feature without kinds", VILLAGE, STEADY, 'steady = { is = "regular", months = 12 }', "features.steady",
     OF_VILLAGE),
    ("a feature that is no table", VILLAGE, STEADY, "steady = 3", "features.steady", OF_VILLAGE),
    ("a fact that is no table", VILLAGE, FEATURE, "verified = 3", "features.verified", OF_VILLAGE),
    ("a fact of which nothing is known", VILLAGE, FEATURE, "verified = { q = 1 }", "features.verified", OF_VILLAGE),
    ("a rule without a code that a cap names", VILLAGE, 'code = "steady"\n', "", "rules[2]", OF_VILLAGE),
    ("a code that is no text", VILLAGE, 'code = "steady"', "code = 5", "rules[2].code", OF_VILLAGE),
    ("a rule without a feature", VILLAGE, 'feature = "steady"\n', "", "rules[2]", OF_VILLAGE),
    ("a rule without a dimension", VILLAGE, 'dimension = "steadiness"\n', "", "rules[2]",
     {"publication_day"}),
    ("a bin that is no table", VILLAGE, "{ at_least = 500, points = 60 }", "500", "rules[2].bins[1]",
     {"publication_day"}),
    ("a condition that is no table", VILLAGE, '{ feature = "steady", below = 500 }', '"steady"', "limits[0].when[0]",
     OF_VILLAGE),
    ("a limit without a code", VILLAGE, 'code = "few"\n', "", "limits[0]", OF_VILLAGE),
    ("a hint of no sort", VILLAGE, HINT, HINT.replace("keep", "borrow"), "hints[0].does", OF_VILLAGE),
    ("a cost that is missing", VILLAGE, "life = { open = -60, settled = -30 }\n", "", "records", OF_VILLAGE),
    ("a value of a fact that is no word", VILLAGE, 'is = "verified"', "is = 5", "rules[3].bins[0].is", OF_VILLAGE),
    ("a cost that is no number", VILLAGE, "open = -300", "open = []", "records.legal.open", OF_VILLAGE),
    ("a kind without a title", KINDS, 'title = "Fee of a gym, paid"\n', "", "own_kinds[0]", OF_KINDS),
    ("a kind of no shape", KINDS, 'shape = "activity"', 'shape = "debt"', "own_kinds[0].shape", OF_KINDS),
    ("tiers without restrictions", BENEFITS, BENEFITS[BENEFITS.index("[restr"):], "", "", OF_BENEFITS),
    ("no tiers, whose benefits are restricted", BENEFITS,
     BENEFITS[BENEFITS.index("[[tiers]]") : BENEFITS.index("[restr")], "", "", {"hysteresis"}),
    ("a tier without benefits", BENEFITS, 'benefits = [{ code = "bikes", name = "Bikes without deposit" }]\n', "",
     "tiers[0]", OF_BENEFITS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "was", "now", "key", "others"), [case[1:] for case in STRUCTURE], ids=[case[0] for case in STRUCTURE]
)
def test_a_part_of_a_wrong_structure_hides_no_fault_of_the_others(
    tmp_path: Path, text: str, was: str, now: str, key: str, others: set[str]
) -> None:
    assert was in text
    type = OwnKinds if text == KINDS else TierTable if text == BENEFITS else Scorecard
    (file := tmp_path / "policy.toml").write_text(text.replace(was, now, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, type)
    assert sorted(error.key for error in raised.value.all) == sorted({key, *others}), raised.value.all


@pytest.mark.parametrize(
    ("was", "now", "key"),
    [
        ("publication_day = 6", "", ""),
        ("publication_day = 6", "publication_day = []", "publication_day"),
    ],
)
def test_nothing_is_told_of_what_is_guessed_at_the_top(tmp_path: Path, was: str, now: str, key: str) -> None:
    text = (ROOT / "policies" / "scorecard.toml").read_text(encoding="utf-8")
    text = text[: text.index("[dimensions]")].replace(was, now, 1) + text[text.index("[dimensions]") :]
    (file := tmp_path / "top.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        check(file)
    assert [error.key for error in raised.value.all] == [key]


def test_the_word_that_was_meant_is_named_with_all_that_there_are(tmp_path: Path) -> None:
    (file := tmp_path / "policy.toml").write_text(VILLAGE.replace('"regular"', '"regularity"'), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_policy(file, Scorecard)
    [error] = [error for error in raised.value.all if error.key == "features.steady.is"]
    assert "The nearest is `regular`. Say one of: count, kind_months," in error.sentence
    assert "steady" in file.read_text("utf-8").split("\n")[error.line - 1]
