"""Figures as people write them: points, money, and what an item of a score rests on."""

from __future__ import annotations

from collections.abc import Mapping

from services.scorer.core.features.base import Unit
from services.scorer.core.reasons import figures
from services.scorer.core.score import RestsOn
from shared.contracts.months import month_name


def signed(points: int) -> str:
    return f"{points:+}" if points else "="


def rests_on(code: str, rests: RestsOn, units: Mapping[str, Unit], currency: str) -> str:
    """The figures behind an item. Of a rule that could say nothing: that it is unknown."""
    unit = units.get(code)
    if unit is not None and not rests:
        return "unknown"
    return ", ".join(_stated(name, value, unit or "number", currency) for name, value in rests.items())


def _stated(name: str, value: int | str, unit: Unit, currency: str) -> str:
    if name == "value":
        return figure(unit, value, currency)
    # Of publications of earlier releases.
    if name == "amount":
        return f"amount {figures.money(int(value), currency, 'en')}"
    if name == "month":
        return f"month {month_name(int(value))}"
    return f"{name.replace('_', ' ')} {value}"


def figure(unit: Unit, value: int | str, currency: str) -> str:
    """A value with its unit."""
    if isinstance(value, str):
        return value
    if unit == "months":
        return f"{value:,} month{'s' * (value != 1)}"
    return figures.figure(value, unit, "en", currency)
