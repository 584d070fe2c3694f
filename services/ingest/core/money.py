"""Money in exact integers: minor units (ISO 4217), and the deployment's rates for other currencies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.contracts.currencies import DIGITS, LAST_MONTH, withdrawn
from shared.contracts.months import month_of_name

RATES_HEADER = ("month", "currency", "per_base_unit", "source")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


class RateError(ValueError):
    """A line of the rates file that is not taken."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Rates:
    """How a foreign minor unit converts to the base currency's, by month number and currency."""

    base: str
    factors: Mapping[tuple[int, str], Fraction]

    def to_base(self, minor_units: int, currency: str, month: int) -> int | None:
        """Minor units of the base currency, a half rounded to even; None where there is no rate."""
        if currency == self.base:
            return minor_units
        factor = self.factors.get((month, currency))
        return None if factor is None else round(minor_units * factor)


def read_rates(text: str, base: str) -> Rates:
    """The rates file: how many units of `currency` one unit of the base currency was worth in that month.

    A month's rate is stated once: a second line for it would change amounts that were already counted. Empty lines are
    passed over. Raises RateError.
    """
    lines = text.splitlines()
    if not lines or tuple(lines[0].split(",")) != RATES_HEADER:
        raise RateError(1, f"The header must be {','.join(RATES_HEADER)}.")
    factors: dict[tuple[int, str], Fraction] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip(", \t"):  # spreadsheets write the separators of an empty row too
            continue
        key, factor = _rate(number, line.split(","), base)
        if key in factors:
            raise RateError(number, "This month's rate of this currency is already stated above.")
        factors[key] = factor
    return Rates(base, factors)


def _rate(number: int, cells: list[str], base: str) -> tuple[tuple[int, str], Fraction]:
    if len(cells) != len(RATES_HEADER) or not all(cells):
        raise RateError(number, f"Four values are needed: {', '.join(RATES_HEADER)}.")
    month, currency, rate, _ = cells
    if not _MONTH.fullmatch(month):
        raise RateError(number, "A month is written YYYY-MM.")
    if currency not in DIGITS or currency == base:
        raise RateError(number, "The currency must be of ISO 4217 and not the base currency.")
    if withdrawn(currency, month):
        raise RateError(number, f"The currency was withdrawn in {LAST_MONTH[currency]}, so it has no rate after that.")
    if not _RATE.fullmatch(rate) or not Decimal(rate):
        raise RateError(number, "A rate is a positive decimal number.")
    factor = Fraction(10 ** DIGITS[base], 10 ** DIGITS[currency]) / Fraction(rate)
    return (month_of_name(month), currency), factor
