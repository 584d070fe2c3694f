"""Our table of currencies against the lists of the ISO 4217 maintenance agency, as a package ships them."""

from __future__ import annotations

import pytest
from iso_4217 import Currency

from shared.contracts import currencies
from shared.contracts.currencies import DIGITS, LAST_MONTH, withdrawn

_WITHDRAWN_FROM = "2020-01"
_UNITS_OF_ACCOUNT = {"UYW", "XAD"}
"""What the lists do not mark as funds, although nobody pays in them."""


def _in_use() -> dict[str, int]:
    """Without funds, and without metals and test codes, which have no minor unit."""
    listed = [each for each in Currency if each.entities and not each.is_fund and each.name not in _UNITS_OF_ACCOUNT]
    return {each.name: each.subunit_exp for each in listed if each.subunit_exp is not None}


def _withdrawn() -> dict[str, str]:
    gone = [each for each in Currency if each.withdrew_entities and not each.entities and not each.is_fund]
    last = {each.name: max(entity.time.end for entity in each.withdrew_entities) for each in gone}
    months = {code: f"{end.year}-{end.month or 12:02d}" for code, end in last.items()}
    return {code: month for code, month in months.items() if month >= _WITHDRAWN_FROM}


def test_the_table_is_the_maintained_one() -> None:
    """Fails with a newer package: then compare, add what is new, and give what was withdrawn its last month."""
    assert {code: digits for code, digits in DIGITS.items() if code not in LAST_MONTH} == _in_use()
    assert dict(LAST_MONTH) == _withdrawn()


@pytest.mark.parametrize(("code", "digits"), [("UYU", 2), ("XCG", 2), ("CNY", 2), ("JPY", 0), ("KWD", 3), ("BGN", 2)])
def test_currencies_that_people_pay_in(code: str, digits: int) -> None:
    currencies.check(code)
    assert DIGITS[code] == digits


@pytest.mark.parametrize("code", ["RMB", "UYI", "UYW", "CLF", "MXV", "USN", "XAD", "XAU", "XTS", "XXX", "cny", "DEM"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(currencies.CurrencyError, match="such as CNY"):
        currencies.check(code)


@pytest.mark.parametrize(
    ("code", "month", "gone"),
    [("BGN", "2025-12", False), ("BGN", "2026-01", False), ("BGN", "2026-02", True), ("CNY", "2199-12", False)],
)
def test_a_withdrawn_currency_ends_with_its_month(code: str, month: str, gone: bool) -> None:
    assert withdrawn(code, month) is gone
