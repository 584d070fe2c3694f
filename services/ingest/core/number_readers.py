"""The converters of numbers: counts, days late, and money in exact integers of minor units (rules E7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from services.ingest.core.money import Rates
from services.ingest.core.notation import Notation
from services.ingest.core.readers import Reader, Source, listed, missing, text
from services.ingest.core.tree import Flat, Refuse
from shared.contracts.currencies import DIGITS, LAST_MONTH, withdrawn
from shared.contracts.faults import Code
from shared.contracts.fields import AMOUNT_MAX, COUNT_MAX, TEXT_CHARACTERS_MAX
from shared.contracts.months import month_name, month_of

_DIGITS = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
"""What is written with one point between thousands, and may just as well be a decimal number, whatever its sign."""


def count(source: Source) -> Reader[int]:
    """How many times; 1 where it is absent."""
    whole = integer(source, COUNT_MAX, at_least=1)
    path = source.path
    return lambda flat: 1 if flat.get(path) is None else whole(flat)


def integer(source: Source, at_most: int, at_least: int = 0) -> Reader[int]:
    """A whole number within bounds."""
    path, label, typed = source.path, source.label, source.typed
    sentence = f"Send a whole number, {WITHOUT[typed]}."

    def read(flat: Flat) -> int:
        value = flat.get(path)
        if not typed:
            value = counted(value)
        if type(value) is not int:
            raise missing(source) if value is None else Refuse(Code.WRONG_TYPE, label, sentence)
        if not at_least <= value <= at_most:
            raise Refuse(Code.OUT_OF_BOUNDS, label, f"The number must be {at_least} to {at_most}.")
        return value

    return read


WITHOUT = {
    True: "without quotes, fraction or exponent",
    False: "in digits only: without blanks, separators, fraction or exponent",
}
"""How a number is written, where values have types and where every value is text."""
_COUNTED_CHARACTERS_MAX = 40
_BEYOND = 10**_COUNTED_CHARACTERS_MAX


def counted(value: Any) -> Any:
    """The number in a text of digits; any other value comes back as it is, and is then not a number. A number of very
    many digits becomes one beyond all bounds."""
    if type(value) is not str:
        return None if value is None else ""
    if not _DIGITS.fullmatch(value):
        return value
    if len(value) > _COUNTED_CHARACTERS_MAX:
        return -_BEYOND if value[0] == "-" else _BEYOND
    return int(value)


def minor_units(source: Source, said: Written | None = None) -> Callable[..., int]:
    """An amount in minor units: a whole number; how many digits they have does not matter."""
    path, label, typed = source.path, source.label, source.typed
    sentence = f"Send the amount as a whole number of minor units (cents, fen), {WITHOUT[typed]}."
    within = _within if said is None else said.within
    notation = None if said is None else said.notation

    def read(flat: Flat, _digits: int = 0) -> int:
        value = flat.get(path)
        if notation is not None and type(value) is str:
            value = counted(notation.read(value) or value)
        elif not typed:
            value = counted(value)
        if type(value) is int:
            return within(value, label)
        if value is None:
            raise missing(source)
        if not typed and type(value) is str and _DECIMAL.fullmatch(value):
            value = _decimal(value, label)
        if type(value) is Decimal:
            if value != value.to_integral_value():
                without = "Send whole minor units (cents, fen), without a fraction."
                raise Refuse(Code.FRACTION_OF_MINOR_UNIT, label, without)
            # No fraction, yet written as if it could have one, which most often is an amount in major units.
            within(int(value), label)
        raise Refuse(Code.WRONG_TYPE, label, sentence)

    return read


def _decimal(text: str, label: str) -> Decimal:
    if len(text) > _COUNTED_CHARACTERS_MAX:
        sentence = f"An amount may have at most {_COUNTED_CHARACTERS_MAX} characters, the point included."
        raise Refuse(Code.OUT_OF_BOUNDS, label, sentence)
    return Decimal(text)


def major_units(
    source: Source, *, decimal_point: bool = False, said: Written | None = None
) -> Callable[[Flat, int], int]:
    """An amount in major units, 12.50, as a number or a text; read into minor units of so many digits.

    A text such as 1.080 is refused where the currency does not have three digits (rules E7), unless the mapping says
    that the point is a `decimal_point`, or it has `said` how numbers are written. In a number of JSON it always is one.
    """
    path, label = source.path, source.label
    within = _within if said is None else said.within
    notation = None if said is None else said.notation

    def read(flat: Flat, digits: int) -> int:
        value: Any = flat.get(path)
        written = ""
        if type(value) is str and (notation is not None or _DECIMAL.fullmatch(value)):
            plain: str | None = value
            if notation is None:
                written = value
            elif len(value) <= _COUNTED_CHARACTERS_MAX and (plain := notation.read(value)) is None:
                raise Refuse(Code.WRONG_TYPE, label, f"The amount is no such number. {notation.sentence}")
            value = _decimal(plain or "", label)
        if type(value) is not Decimal and type(value) is not int:
            if value is None:
                raise missing(source)
            raise Refuse(Code.WRONG_TYPE, label, "Send the amount as a decimal number, 12.50, without blanks or signs.")
        # Ratios of integers are exact, where Decimal would round to its context's precision.
        numerator, denominator = value.as_integer_ratio()
        whole, rest = divmod(numerator * 10**digits, denominator)
        if rest:
            raise Refuse(Code.FRACTION_OF_MINOR_UNIT, label, f"The currency has {digits} digits after the point.")
        if written[-4:-3] == "." and digits != 3 and not decimal_point and _THOUSANDS.fullmatch(written):
            sentence = (
                f"A point before three digits can separate thousands. Write {digits} digits after the point and none "
                'between thousands; or have the mapping say `point = "decimal"` if it never separates thousands.'
            )
            raise Refuse(Code.AMBIGUOUS_AMOUNT, label, sentence)
        return within(whole, label)

    return read


def _within(minor: int, label: str) -> int:
    if 0 <= minor <= AMOUNT_MAX:
        return minor
    sentence = f"An amount is not negative and at most {AMOUNT_MAX} minor units; a reversal is a kind of event."
    raise Refuse(Code.OUT_OF_BOUNDS, label, sentence)


def _turned(minor: int, label: str) -> int:
    if minor > 0:
        raise Refuse(Code.OUT_OF_BOUNDS, label, "An amount of these events is negative, or zero.")
    return _within(-minor, label)


def _without_sign(minor: int, label: str) -> int:
    return _within(abs(minor), label)


@dataclass(frozen=True, slots=True)
class Written:
    """How a file says that amounts are written: the notation of texts, and what becomes of the sign."""

    notation: Notation | None = None
    within: Callable[[int, str], int] = _within


SIGNS: Mapping[str, Callable[[int, str], int]] = {
    "positive": _within,
    "negative": _turned,
    "either": _without_sign,
}
"""What becomes of an amount's sign, by the words of a mapping: the amount as it counts, or a refusal."""


_PLAIN = (
    "Send a decimal number, as -12.50. For any other notation have the mapping say `number` at its top, which holds for"
    " `sign_of` too."
)


def sign(source: Source, notation: Notation | None) -> Reader[str]:
    """The sign of an amount as a word: `minus`, `plus` or `zero`."""
    path, label = source.path, source.label

    def read(flat: Flat) -> str:
        value: Any = flat.get(path)
        if type(value) is str and len(value) <= _COUNTED_CHARACTERS_MAX:
            plain = notation.read(value) if notation is not None else value
            value = Decimal(plain) if plain is not None and _DECIMAL.fullmatch(plain) else value
        if type(value) is not Decimal and type(value) is not int:
            sentence = notation.sentence if notation else _PLAIN
            raise missing(source) if value is None else Refuse(Code.WRONG_TYPE, label, sentence)
        return "minus" if value < 0 else "plus" if value else "zero"

    return read


def unit(source: Source, units: Mapping[str, str], spelled: Callable[[str], str] | None = None) -> Reader[str]:
    """`minor` or `major`, for the partner's word, `spelled` as the comparison asks."""
    if spelled is not None:
        units = {spelled(word): meaning for word, meaning in units.items()}
    word, label = text(source, TEXT_CHARACTERS_MAX), source.label
    sentence = f"Send one of the units: {listed(units)}."

    def read(flat: Flat) -> str:
        meaning = units.get(word(flat) if spelled is None else spelled(word(flat)))
        if meaning is None:
            raise Refuse(Code.UNKNOWN_UNIT, label, sentence)
        return meaning

    return read


def currency(source: Source) -> Reader[str]:
    """A currency of ISO 4217."""
    word, path, label = text(source, TEXT_CHARACTERS_MAX), source.path, source.label

    def read(flat: Flat) -> str:
        code: Any = flat.get(path)
        if type(code) is not str or code not in DIGITS:
            word(flat)
            raise Refuse(Code.UNKNOWN_CURRENCY, label, "Send a currency code of ISO 4217 in capital letters, as CNY.")
        return code

    return read


def in_base_currency(
    minor_of: Callable[[Flat, int], int],
    currency_of: Reader[str],
    rates: Rates,
    zone: tzinfo,
    label: str,
    currency_label: str,
) -> Reader[int]:
    """An amount of any currency, converted at the rate of the event's month; the event's time is at `@time`. The labels
    name the field of the amount, and the one to change where no rate is known for the currency."""

    def read(flat: Flat) -> int:
        code = currency_of(flat)
        amount = minor_of(flat, DIGITS[code])
        if code == rates.base:
            return amount
        month = month_of(flat["@time"], zone)
        converted = rates.to_base(amount, code, month)
        if converted is None:
            if withdrawn(code, month_name(month)):
                sentence = f"The currency was withdrawn in {LAST_MONTH[code]}; send the amount in its successor."
                raise Refuse(Code.UNKNOWN_CURRENCY, currency_label, sentence)
            sentence = f"There is no exchange rate for that month; send the amount in {rates.base}."
            raise Refuse(Code.NO_RATE, currency_label, sentence)
        return _within(converted, label)

    return read


def early_is_on_time(days_late: Reader[int]) -> Reader[int]:
    """Negative days past due, as many core banking systems count them, are days that something was cleared early."""
    return lambda flat: max(days_late(flat), 0)


def behavior_only(days_late: Reader[int], label: str, days_max: int) -> Reader[int]:
    """Days late up to the retention profile's limit; beyond it is a record, never both (rules E10)."""
    sentence = (
        f"More than {days_max} days late is a negative record: report it as a record. If you have reported it as one, "
        "settle that record, under the number that you gave it."
    )

    def read(flat: Flat) -> int:
        days = days_late(flat)
        if days > days_max:
            raise Refuse(Code.BEYOND_BEHAVIOR, label, sentence)
        return days

    return read
