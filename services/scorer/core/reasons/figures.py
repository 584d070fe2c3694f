"""Figures as people write them, in English and Chinese."""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from services.scorer.core.features.base import Unit, Value
from services.scorer.core.reasons.words import VALUES
from shared.contracts.currencies import DIGITS

Language: TypeAlias = Literal["en", "zh"]

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def figure(value: Value, unit: Unit, language: Language, currency: str) -> str:
    """The value of a feature. Months are a bare number, since a sentence says of what."""
    if isinstance(value, str):
        return fact(value, language)
    match unit:
        case "money":
            return money(value, currency, language)
        case "per mille":
            return percent(value)
        case "days":
            return days(value, language)
        case "number" | "months" | "score" | "word":
            return f"{value:,}"


def money(minor: int, currency: str, language: Language) -> str:
    """An amount in minor units. Yuan are written as such in Chinese, other currencies by their code."""
    digits = DIGITS[currency]
    amount = _with_digits(minor, digits)
    return f"{amount} 元" if language == "zh" and currency == "CNY" else f"{currency} {amount}"


def percent(per_mille: int) -> str:
    """Of a thousand: 93 %, and 99.9 % where a whole number would say more than is so."""
    whole, rest = divmod(abs(per_mille), 10)
    sign = "-" if per_mille < 0 else ""
    return f"{sign}{whole:,}.{rest} %" if rest else f"{sign}{whole:,} %"


def days(number: int, language: Language) -> str:
    if language == "zh":
        return f"{number:,} 天"
    return f"{number:,} day" if number == 1 else f"{number:,} days"


def counted(points: int, language: Language) -> str:
    """So many points."""
    if language == "zh":
        return f"{points:,} 分"
    return f"{points:,} point" if points == 1 else f"{points:,} points"


def month(number: int, language: Language) -> str:
    """A month, counted as year * 12 + month - 1: March 2026."""
    year, at = divmod(number, 12)
    return f"{year}年{at + 1}月" if language == "zh" else f"{_MONTHS[at]} {year}"


def day(of: date, language: Language) -> str:
    """6 March 2026"""
    if language == "zh":
        return f"{of.year}年{of.month}月{of.day}日"
    return f"{of.day} {_MONTHS[of.month - 1]} {of.year}"


def fact(value: str, language: Language) -> str:
    return VALUES.get(value, value) if language == "zh" else value.replace("_", " ")


def listed(parts: list[str], language: Language) -> str:
    """A, B and C"""
    if len(parts) < 2:
        return "".join(parts)
    if language == "zh":
        return "、".join(parts[:-1]) + "和" + parts[-1]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _with_digits(minor: int, digits: int) -> str:
    whole, rest = divmod(abs(minor), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{fraction}"
