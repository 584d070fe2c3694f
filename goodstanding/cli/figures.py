"""Figures as people write them: points, money, and what an item of a score rests on."""

from __future__ import annotations

from collections.abc import Mapping

from services.scorer.core.features.base import Unit
from services.scorer.core.score import RestsOn
from shared.contracts.currencies import DIGITS
from shared.contracts.months import month_name


def money(minor: int, currency: str) -> str:
    digits = DIGITS[currency]
    return f"{currency} {minor / 10**digits:,.{digits}f}"


def signed(points: int) -> str:
    return f"{points:+}" if points else "="


def rests_on(code: str, figures: RestsOn, units: Mapping[str, Unit], currency: str) -> str:
    """The figures behind an item. Of a rule that could say nothing: that it is unknown."""
    unit = units.get(code)
    if unit is not None and not figures:
        return "unknown"
    return ", ".join(_stated(name, value, unit or "number", currency) for name, value in figures.items())


def _stated(name: str, value: int | str, unit: Unit, currency: str) -> str:
    if name == "value":
        return figure(unit, value, currency)
    # Of publications of earlier releases.
    if name == "amount":
        return f"amount {money(int(value), currency)}"
    if name == "month":
        return f"month {month_name(int(value))}"
    return f"{name.replace('_', ' ')} {value}"


def figure(unit: Unit, value: int | str, currency: str) -> str:
    """A value with its unit."""
    if isinstance(value, str):
        return value
    match unit:
        case "money":
            return money(value, currency)
        case "per mille":
            return f"{value / 10:g} %"
        case "days" | "months":
            return f"{value} {unit if value != 1 else unit[:-1]}"
        case "number" | "score" | "word":
            return str(value)
