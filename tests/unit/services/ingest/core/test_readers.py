"""Amounts as texts and numbers: which point is a decimal one (rules E7)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.readers import Source, major_units
from services.ingest.core.tree import Refuse
from shared.contracts.faults import Code

SOURCE = Source("sum", "sum")

AMOUNTS = [
    # text or number, digits of the currency, minor units or the code of the refusal
    ("1.08", 2, 108),
    ("1.080", 2, Code.AMBIGUOUS_AMOUNT),
    ("999.000", 2, Code.AMBIGUOUS_AMOUNT),
    ("1.000", 0, Code.AMBIGUOUS_AMOUNT),
    ("1.080", 3, 1_080),
    ("1080.000", 2, 108_000),  # a point would stand after the first digit too
    ("0.080", 2, 8),  # no thousands begin with 0
    ("1.0800", 2, 108),
    ("12.5000", 2, 1_250),
    ("12.50", 2, 1_250),
    ("7", 2, 700),
    ("1.085", 2, Code.FRACTION_OF_MINOR_UNIT),
    (Decimal("1.080"), 2, 108),
    (Decimal("25.000"), 2, 2_500),
    (1_080, 2, 108_000),
    ("1,080", 2, Code.WRONG_TYPE),
    ("1.080.000", 2, Code.WRONG_TYPE),
]


def read(value: object, digits: int, *, decimal_point: bool = False) -> int | Code:
    try:
        return major_units(SOURCE, decimal_point=decimal_point)({"sum": value}, digits)
    except Refuse as refusal:
        return refusal.fault.code


@pytest.mark.parametrize(("value", "digits", "expected"), AMOUNTS, ids=str)
def test_an_amount_has_one_reading_or_none(value: object, digits: int, expected: int | Code) -> None:
    assert read(value, digits) == expected


@pytest.mark.parametrize(("value", "minor"), [("1.080", 108), ("999.000", 99_900), ("12.50", 1_250)])
def test_a_mapping_can_say_that_the_point_is_a_decimal_one(value: str, minor: int) -> None:
    assert read(value, 2, decimal_point=True) == minor


@given(st.integers(0, 10**9), st.integers(0, 10**6).filter(lambda n: n % 10 == 0), st.integers(0, 9))
def test_what_is_taken_is_the_decimal_number_that_stands_there(whole: int, fraction: int, places: int) -> None:
    text = f"{whole}.{fraction:0{places + 1}d}"
    found = read(text, 2)
    if isinstance(found, int):
        assert Decimal(found) == Decimal(text) * 100
    elif found is Code.AMBIGUOUS_AMOUNT:
        assert len(text.partition(".")[2]) == 3
        assert 0 < whole < 1_000
