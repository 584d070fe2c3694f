"""The rule book: every number is given once, a rule that is cited exists, and code and a test cite each rule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CITING = ("services", "shared", "goodstanding", "deploy", "bench", "tests", "docs", "partners", "policies")
_RULE = re.compile(r"^\*\*([A-Z][0-9]+)\.\*\*", re.MULTILINE)
# `(rules R7)`, and several at once: `(rules E3, E5 and S4)`.
_CITATION = re.compile(r"\brules?\s+((?:[EISPRDT][0-9]+(?:,\s+|\s+and\s+|\s+to\s+)?)+)")
_RANGE = re.compile(r"[A-Z][0-9]+\s+to\s+[A-Z][0-9]+(,\s+)?")


def rules() -> list[str]:
    return _RULE.findall((ROOT / "docs/rules.md").read_text(encoding="utf-8"))


def cited(text: str) -> Iterator[str]:
    for numbers in _CITATION.findall(text):
        yield from re.findall(r"[A-Z][0-9]+", numbers)


def test_each_number_is_given_once() -> None:
    assert [number for number, times in Counter(rules()).items() if times > 1] == []


def test_each_letter_counts_from_one_without_a_gap() -> None:
    by_letter: dict[str, list[int]] = {}
    for number in rules():
        by_letter.setdefault(number[0], []).append(int(number[1:]))
    assert by_letter == {letter: list(range(1, len(found) + 1)) for letter, found in by_letter.items()}


def citations(*folders: str, one_by_one: bool = False) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".md", ".sql", ".toml") and path != Path(__file__).resolve():
                text = path.read_text(encoding="utf-8")
                for number in cited(_RANGE.sub("", text) if one_by_one else text):
                    yield path.relative_to(ROOT), number


def test_a_rule_that_is_cited_exists() -> None:
    known = set(rules())
    assert [f"{path}: {number}" for path, number in citations(*CITING) if number not in known] == []


def test_each_rule_is_cited_where_the_code_holds_it() -> None:
    """At its function: what a module's head says of many rules, `rules R1 to R16`, leads to none of them."""
    held = {number for _, number in citations("services", "shared", "goodstanding/portal", one_by_one=True)}
    assert [number for number in rules() if number not in held] == []


def test_each_rule_is_cited_by_a_test() -> None:
    proven = {number for _, number in citations("tests")}
    assert [number for number in rules() if number not in proven] == [], "cite them where they are proven"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(rules R7)", ["R7"]),
        ("see rule E3", ["E3"]),
        ("(rules E3, E5 and S4)", ["E3", "E5", "S4"]),
        ("the rules E of ingest", []),
        ("rules.md", []),
    ],
)
def test_how_a_citation_is_read(text: str, numbers: list[str]) -> None:
    assert list(cited(text)) == numbers
