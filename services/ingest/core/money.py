"""Money in exact integers: minor units (ISO 4217), and the deployment's rates for other currencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from shared.contracts.currencies import DIGITS, LAST_MONTH, withdrawn
from shared.contracts.months import month_of_name

EURO = "EUR"
PER_EURO = "per_euro"
PER_BASE_UNIT = "per_base_unit"
RATES_HEADER = ("month", "currency", PER_EURO, "source")
_OWN_HEADER = ("month", "currency", PER_BASE_UNIT, "source")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_ONE = 10**12
"""Rates are counted in units of the last decimal place that `_RATE` takes."""


class RateError(ValueError):
    """A line of the rates file that is not taken. `others` are further ones, in their order."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line = line
        self.sentence = sentence
        self.others: Sequence[RateError] = ()


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


# The tools read the table once for each partner.
@lru_cache(maxsize=2)
def read_rates(text: str, base: str) -> Rates:
    """The rates file: how many units of a currency one euro was worth, by month (rules E7).

    Between two other currencies the way is by the euro, so that one file serves every base currency. A file whose third
    column is `per_base_unit` states what one unit of the deployment's own base currency was worth instead.

    A month's rate is stated once: a second line for it would change amounts that were already counted. Empty lines are
    passed over. Raises RateError, with all that is wrong.
    """
    lines = text.splitlines()
    header = tuple(lines[0].split(",")) if lines else ()
    if header not in (RATES_HEADER, _OWN_HEADER):
        raise RateError(1, f"The header must be {','.join(RATES_HEADER)}.")
    pivot = EURO if header == RATES_HEADER else base
    per_pivot: dict[tuple[int, str], int] = {}
    wrong: list[RateError] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip(", \t"):  # spreadsheets write the separators of an empty row too
            continue
        try:
            key, rate = _rate(number, line.split(","), pivot)
            if key in per_pivot:
                raise RateError(number, "This month's rate of this currency is already stated above.")
            per_pivot[key] = rate
        except RateError as error:
            wrong.append(error)
    if wrong:
        first, *first.others = wrong
        raise first
    return Rates(base, dict(_factors(per_pivot, base, pivot)))


def _rate(number: int, cells: list[str], pivot: str) -> tuple[tuple[int, str], int]:
    if len(cells) != len(RATES_HEADER) or not all(cells):
        raise RateError(number, f"Four values are needed: {', '.join(RATES_HEADER)}.")
    month, currency, rate, _ = cells
    if not _MONTH.fullmatch(month):
        raise RateError(number, "A month is written YYYY-MM.")
    if currency not in DIGITS or currency == pivot:
        raise RateError(number, f"The currency must be of ISO 4217 and not {pivot}, in which the rates are stated.")
    if withdrawn(currency, month):
        raise RateError(number, f"The currency was withdrawn in {LAST_MONTH[currency]}, so it has no rate after that.")
    if not _RATE.fullmatch(rate) or not rate.strip("0."):
        raise RateError(number, "A rate is a positive decimal number.")
    return (month_of_name(month), currency), int(Decimal(rate) * _ONE)


def _factors(
    per_pivot: Mapping[tuple[int, str], int], base: str, pivot: str
) -> Iterator[tuple[tuple[int, str], Fraction]]:
    """What one minor unit of each currency is in minor units of the base, for the months that have a rate of both."""
    of_base = {month: rate for (month, currency), rate in per_pivot.items() if currency == base}
    for (month, currency), rate in per_pivot.items():
        base_rate = _ONE if base == pivot else of_base.get(month)
        if currency != base and base_rate is not None:
            yield (month, currency), _factor(base_rate, base, rate, currency)
        elif currency == base:
            yield (month, pivot), _factor(rate, base, _ONE, pivot)


def _factor(base_rate: int, base: str, rate: int, currency: str) -> Fraction:
    return Fraction(base_rate * 10 ** DIGITS[base], rate * 10 ** DIGITS[currency])
