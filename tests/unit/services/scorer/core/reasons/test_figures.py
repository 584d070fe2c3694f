"""Figures as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from services.scorer.core.features.base import Unit, Value
from services.scorer.core.reasons import figures, words
from services.scorer.core.reasons.figures import Language
from shared.contracts.kinds import KINDS, RecordClass, Shape


@pytest.mark.parametrize(
    ("value", "unit", "currency", "en", "zh"),
    [
        (1_100_000, "money", "CNY", "CNY 11,000.00", "11,000.00 元"),
        (-5, "money", "CNY", "CNY -0.05", "-0.05 元"),
        (1_100_000, "money", "JPY", "JPY 1,100,000", "JPY 1,100,000"),
        (1_234_567, "money", "KWD", "KWD 1,234.567", "KWD 1,234.567"),
        (2**62 + 1, "money", "CNY", "CNY 46,116,860,184,273,879.05", "46,116,860,184,273,879.05 元"),
        (930, "per mille", "CNY", "93 %", "93 %"),
        (999, "per mille", "CNY", "99.9 %", "99.9 %"),
        (1000, "per mille", "CNY", "100 %", "100 %"),
        (-335, "per mille", "CNY", "-33.5 %", "-33.5 %"),
        (12_345, "per mille", "CNY", "1,234.5 %", "1,234.5 %"),
        (1, "days", "CNY", "1 day", "1 天"),
        (29, "days", "CNY", "29 days", "29 天"),
        (1200, "number", "CNY", "1,200", "1,200"),
        (14, "months", "CNY", "14", "14"),
        ("self_employed", "word", "CNY", "self employed", "自雇"),
    ],
)
def test_a_value_is_written_for_people(value: Value, unit: Unit, currency: str, en: str, zh: str) -> None:
    assert figures.figure(value, unit, "en", currency) == en
    assert figures.figure(value, unit, "zh", currency) == zh


@pytest.mark.parametrize(
    ("language", "month", "day", "listed"),
    [
        ("en", "March 2026", "6 March 2026", "a, b and c"),
        ("zh", "2026年3月", "2026年3月6日", "a、b和c"),
    ],
)
def test_months_days_and_lists(language: Language, month: str, day: str, listed: str) -> None:
    assert figures.month(2026 * 12 + 2, language) == month
    assert figures.day(date(2026, 3, 6), language) == day
    assert figures.listed(["a", "b", "c"], language) == listed
    assert (figures.listed(["a"], language), figures.listed([], language)) == ("a", "")


def test_every_kind_value_and_class_has_its_words() -> None:
    named = {kind.name for kind in KINDS if kind.shape is not Shape.CONTACT}
    assert words.KINDS.keys() == named
    values = {value for kind in KINDS if kind.shape is Shape.FACT for value in kind.values}
    assert words.VALUES.keys() == values
    assert words.CLASSES.keys() == {str(each) for each in RecordClass}
