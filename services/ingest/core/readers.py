"""The closed set of converters: each makes a function that reads one value of a flat body, or refuses it.

They are made once for a mapping, so that nothing of the mapping is interpreted while events come in. `Source` is one
place in the partner's format: its path, and how it is called in refusals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any, TypeAlias, TypeVar

from services.ingest.core.money import Rates
from services.ingest.core.tree import Flat, Refuse
from shared.contracts import times
from shared.contracts.currencies import DIGITS, LAST_MONTH, withdrawn
from shared.contracts.faults import Code
from shared.contracts.messages import AMOUNT_MAX, COUNT_MAX, TEXT_CHARACTERS_MAX
from shared.contracts.months import month_name, month_of
from shared.contracts.texts import CONTROL, TextError, is_plain, one_form

T = TypeVar("T")
Reader: TypeAlias = Callable[[Flat], T]

_DIGITS = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
"""What is written with one point between thousands, and may just as well be a decimal number."""
_LOCAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{times.CLOCK_MINUTE}(?::{times.CLOCK_SECOND})?")
_COMPACT_DAY = re.compile(r"[0-9]{8}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS = range(
    int(datetime(times.YEAR_MIN, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(times.YEAR_MAX + 1, 1, 1, tzinfo=UTC).timestamp()),
)
"""The years that the platform can calculate with, counted as an epoch counts them."""
_LIST_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Source:
    """One place of the format. `label` names it in refusals; `typed` is false where every value is text (CSV)."""

    path: str
    label: str
    typed: bool = True


def missing(source: Source, code: Code = Code.MISSING_FIELD) -> Refuse:
    sentence = "The field must be there."
    if code is Code.CONSENT_MISSING:
        sentence = "Cite the recorded consent: its id, its purpose and when it was given."
    return Refuse(code, source.label, sentence)


def optional(read: Reader[T], source: Source) -> Reader[T | None]:
    """None where the value is absent."""
    path = source.path
    return lambda flat: None if flat.get(path) is None else read(flat)


def listed(words: Iterable[str]) -> str:
    """The words for a sentence, at most some of them."""
    text = ", ".join(words)
    return text if len(text) <= _LIST_CHARACTERS_MAX else f"{text[:_LIST_CHARACTERS_MAX].rpartition(', ')[0]} and so on"


def text(source: Source, characters_max: int, absent: Code = Code.MISSING_FIELD) -> Reader[str]:
    """A text without control characters; `absent` is the code of its absence."""
    path, label = source.path, source.label

    def read(flat: Flat) -> str:
        value = flat.get(path)
        if type(value) is not str:
            raise missing(source, absent) if value is None else Refuse(Code.WRONG_TYPE, label, _TEXT_SENTENCE)
        if not 0 < len(value) <= characters_max:
            raise Refuse(Code.TEXT_LENGTH, label, f"The text must have 1 to {characters_max} characters.")
        if not value.isprintable() and CONTROL.search(value):
            raise Refuse(Code.TEXT_FORM, label, "The text has control characters; leave them out.")
        return value

    return read


_TEXT_SENTENCE = "Send a text here, in quotes."


def fixed(value: T) -> Reader[T]:
    return lambda _: value


def identity(source: Source, characters_max: int, absent: Code = Code.MISSING_FIELD) -> Reader[str]:
    """A text that is an identity, in its one form (rules E16); `absent` is the code of its absence."""
    path, label = source.path, source.label
    text_of = text(source, characters_max, absent)

    def read(flat: Flat) -> str:
        value = flat.get(path)
        if type(value) is str and 0 < len(value) <= characters_max and is_plain(value):
            return value
        try:
            return one_form(text_of(flat), characters_max)
        except TextError as error:
            raise Refuse(error.code, label, error.sentence) from None

    return read


def made(function: Callable[..., str], parts: tuple[Reader[str], ...], label: str, characters_max: int) -> Reader[str]:
    """A text that a function makes of others, each in its one form; what is made is as bounded as what is read."""

    def read(flat: Flat) -> str:
        value = function(*[part(flat) for part in parts])
        if len(value) > characters_max:
            raise Refuse(Code.TEXT_LENGTH, label, f"Together the texts may have at most {characters_max} characters.")
        return value

    return read


def one_of(words: Reader[str], choices: Mapping[str, str], label: str) -> Reader[str]:
    """The partner's word as ours; only the words of `choices` are taken."""
    sentence = f"Send one of: {listed(choices)}."

    def read(flat: Flat) -> str:
        choice = choices.get(words(flat))
        if choice is None:
            raise Refuse(Code.UNKNOWN_VALUE, label, sentence)
        return choice

    return read


def flag(source: Source) -> Reader[bool]:
    """A boolean, as a word where every value is text; false where it is absent."""
    path, label = source.path, source.label
    choices: dict[Any, bool] = {True: True, False: False, None: False}
    sentence = "Send true or false here, without quotes."
    if not source.typed:
        choices = {"true": True, "false": False, None: False}
        sentence = "Send true or false here, in lower-case letters and without blanks."

    def read(flat: Flat) -> bool:
        value = flat.get(path)
        if type(value) in (bool, str, NoneType) and value in choices:
            return choices[value]
        raise Refuse(Code.WRONG_TYPE, label, sentence)

    return read


def count(source: Source) -> Reader[int]:
    """How many times; 1 where it is absent."""
    whole = integer(source, COUNT_MAX, at_least=1)
    path = source.path
    return lambda flat: 1 if flat.get(path) is None else whole(flat)


def integer(source: Source, at_most: int, at_least: int = 0) -> Reader[int]:
    """A whole number within bounds."""
    path, label, typed = source.path, source.label, source.typed
    sentence = f"Send a whole number, {_WITHOUT[typed]}."

    def read(flat: Flat) -> int:
        value = flat.get(path)
        if not typed:
            value = _counted(value)
        if type(value) is not int:
            raise missing(source) if value is None else Refuse(Code.WRONG_TYPE, label, sentence)
        if not at_least <= value <= at_most:
            raise Refuse(Code.OUT_OF_BOUNDS, label, f"The number must be {at_least} to {at_most}.")
        return value

    return read


_WITHOUT = {
    True: "without quotes, fraction or exponent",
    False: "in digits only: without blanks, separators, fraction or exponent",
}
"""How a number is written, where values have types and where every value is text."""
_COUNTED_CHARACTERS_MAX = 40
_BEYOND = 10**_COUNTED_CHARACTERS_MAX


def _counted(value: Any) -> Any:
    """The number in a text of digits, or what else it is. One of very many digits becomes one beyond all bounds."""
    if value is None or not _DIGITS.fullmatch(value):
        return value
    if len(value) > _COUNTED_CHARACTERS_MAX:
        return -_BEYOND if value[0] == "-" else _BEYOND
    return int(value)


# Money.


def minor_units(source: Source) -> Callable[..., int]:
    """An amount in minor units: a whole number, not negative; how many digits they have does not matter."""
    path, label, typed = source.path, source.label, source.typed
    sentence = f"Send the amount as a whole number of minor units (cents, fen), {_WITHOUT[typed]}."

    def read(flat: Flat, _digits: int = 0) -> int:
        value = flat.get(path)
        if not typed:
            value = _counted(value)
        if type(value) is int:
            return _within(value, label)
        if value is None:
            raise missing(source)
        if type(value) is Decimal or (not typed and _DECIMAL.fullmatch(value)):
            raise Refuse(Code.FRACTION_OF_MINOR_UNIT, label, "Send whole minor units (cents, fen), without a fraction.")
        raise Refuse(Code.WRONG_TYPE, label, sentence)

    return read


def major_units(source: Source, *, decimal_point: bool = False) -> Callable[[Flat, int], int]:
    """An amount in major units, 12.50, as a number or a text; read into minor units of so many digits.

    A text such as 1.080 is refused where the currency does not have three digits (rules E7), unless the mapping says
    that the point is a `decimal_point`. In a number of JSON it always is one.
    """
    path, label = source.path, source.label

    def read(flat: Flat, digits: int) -> int:
        value: Any = flat.get(path)
        written = ""
        if type(value) is str and _DECIMAL.fullmatch(value):
            if len(value) > _COUNTED_CHARACTERS_MAX:
                sentence = f"An amount may have at most {_COUNTED_CHARACTERS_MAX} characters, the point included."
                raise Refuse(Code.OUT_OF_BOUNDS, label, sentence)
            written = value
            value = Decimal(value)
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
        return _within(whole, label)

    return read


def _within(minor: int, label: str) -> int:
    if 0 <= minor <= AMOUNT_MAX:
        return minor
    sentence = f"An amount is not negative and at most {AMOUNT_MAX} minor units; a reversal is a kind of event."
    raise Refuse(Code.OUT_OF_BOUNDS, label, sentence)


def unit(source: Source, units: Mapping[str, str]) -> Reader[str]:
    """`minor` or `major`, for the partner's word."""
    word, label = text(source, TEXT_CHARACTERS_MAX), source.label
    sentence = f"Send one of the units: {listed(units)}."

    def read(flat: Flat) -> str:
        meaning = units.get(word(flat))
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
    minor_of: Callable[[Flat, int], int], currency_of: Reader[str], rates: Rates, zone: tzinfo, label: str
) -> Reader[int]:
    """An amount of any currency, converted at the rate of the event's month; the event's time is at `@time`."""

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
                raise Refuse(Code.UNKNOWN_CURRENCY, label, sentence)
            sentence = f"There is no exchange rate for that month; send the amount in {rates.base}."
            raise Refuse(Code.NO_RATE, label, sentence)
        return _within(converted, label)

    return read


# Times and days.


def instant(value: Reader[Any], label: str, format: str, zone: tzinfo) -> Reader[datetime]:
    """An instant in UTC. `zone` is where `local` times are."""
    if format == "rfc3339":
        return _of_text(value, label, times.instant, times.TIME_SENTENCE)
    if format == "local":
        return _of_text(value, label, lambda word: _local(word, zone), _LOCAL_SENTENCE)
    per_second, unit = {"epoch-seconds": (1, timedelta(seconds=1)), "epoch-millis": (1000, timedelta(milliseconds=1))}[
        format
    ]

    def read(flat: Flat) -> datetime:
        count = value(flat)
        if count // per_second not in _EPOCH_SECONDS:
            raise Refuse(Code.TIME_RANGE, label, times.RANGE_SENTENCE)
        since_epoch: timedelta = count * unit
        return _EPOCH + since_epoch

    return read


def day(value: Reader[Any], label: str, format: str, zone: tzinfo) -> Reader[date]:
    """A day; that of an instant is the one in `zone`."""
    if format == "date":
        return _of_text(value, label, times.day, times.DAY_SENTENCE)
    if format == "compact-date":
        return _of_text(value, label, _compact_day, _COMPACT_SENTENCE)
    time = instant(value, label, format, zone)

    def read(flat: Flat) -> date:
        found = time(flat).astimezone(zone).date()
        try:
            # At the ends of the years that we can calculate with, the zone can move the day beyond them.
            times.within_years(found)
        except times.TimeError as error:
            raise Refuse(error.code, label, error.sentence) from None
        return found

    return read


def present(source: Source, absent: Code = Code.MISSING_FIELD) -> Reader[Any]:
    """Whatever is there; `absent` is the code of its absence."""
    path = source.path

    def read(flat: Flat) -> Any:
        value = flat.get(path)
        if value is None:
            raise missing(source, absent)
        return value

    return read


def number(source: Source, absent: Code) -> Reader[Any]:
    """A whole number that counts time; digits are one where the format has only texts."""
    value_of, label, typed = present(source, absent), source.label, source.typed
    sentence = f"A time is a whole number, counted from 1970-01-01T00:00:00Z and written {_WITHOUT[typed]}."

    def read(flat: Flat) -> int:
        value = value_of(flat) if typed else _counted(value_of(flat))
        if type(value) is not int:
            raise Refuse(Code.TIME_FORMAT, label, sentence)
        return value

    return read


def joined(date_source: Source, time_source: Source) -> Reader[str]:
    """The texts of a date's and a time's own fields as one local time."""
    date_of, time_of = text(date_source, TEXT_CHARACTERS_MAX), text(time_source, TEXT_CHARACTERS_MAX)
    return lambda flat: f"{date_of(flat)} {time_of(flat)}"


def _of_text(value_of: Reader[Any], label: str, parse: Callable[[str], T], sentence: str) -> Reader[T]:
    """What a text says; `parse` raises TimeError, and `sentence` says how such a text is written."""

    def read(flat: Flat) -> T:
        value = value_of(flat)
        if type(value) is not str:
            raise Refuse(Code.TIME_FORMAT, label, f"Send a text, in quotes. {sentence}")
        try:
            return parse(value)
        except times.TimeError as error:
            raise Refuse(error.code, label, error.sentence) from None

    return read


def _compact_day(word: str) -> date:
    if not _COMPACT_DAY.fullmatch(word):
        raise times.TimeError(Code.TIME_FORMAT, _COMPACT_SENTENCE)
    return times.day(f"{word[:4]}-{word[4:6]}-{word[6:]}")  # what it may say now is that there is no such day


_COMPACT_SENTENCE = "A day is written YYYYMMDD: 20240229."


def _local(word: str, zone: tzinfo) -> datetime:
    if not _LOCAL.fullmatch(word):
        raise times.TimeError(Code.TIME_FORMAT, _LOCAL_SENTENCE)
    try:
        shown = datetime.fromisoformat(f"{word}+00:00")
    except ValueError:
        raise times.TimeError(Code.TIME_FORMAT, times.NO_SUCH_DAY_SENTENCE) from None
    offset = _steady_offset(zone, shown.date())
    if offset is not None and times.YEAR_MIN < shown.year < times.YEAR_MAX:
        return shown - offset
    return _near_a_change(shown, zone)


@lru_cache(maxsize=4096)
def _steady_offset(zone: tzinfo, day: date) -> timedelta | None:
    """The zone's offset if it is the same from the day before until the day after; no zone changes its offset twice
    within an hour. Then no clock of that day is shown twice, or skipped."""
    midnight = datetime.combine(day, time())
    try:
        offsets = {zone.utcoffset(midnight + timedelta(hours=hours)) for hours in range(-24, 49)}
    except OverflowError:
        return None
    return offsets.pop() if len(offsets) == 1 else None


def _near_a_change(shown: datetime, zone: tzinfo) -> datetime:
    local = datetime.combine(shown, shown.time(), zone)
    # Of an hour that the clocks show twice it is the first. One that they skip comes back from UTC as another; two
    # times of one zone compare by what its clocks show.
    found = times.in_utc(local)
    if found.astimezone(zone) != local:
        raise times.TimeError(Code.TIME_FORMAT, "The clocks of the partner's zone skip this time.")
    return found


_LOCAL_SENTENCE = (
    "A local time is written YYYY-MM-DD HH:MM:SS, 00:00:00 to 23:59:59, without offset or leap second:"
    " 2024-02-29 08:00:00."
)


def early_is_on_time(days_late: Reader[int]) -> Reader[int]:
    """Negative days past due, as many core banking systems count them, are days that something was cleared early."""
    return lambda flat: max(days_late(flat), 0)


def behavior_only(days_late: Reader[int], label: str, days_max: int) -> Reader[int]:
    """Days late up to the retention profile's limit; beyond it is a record, never both."""
    sentence = f"More than {days_max} days late is a negative record; report it as a record."

    def read(flat: Flat) -> int:
        days = days_late(flat)
        if days > days_max:
            raise Refuse(Code.BEYOND_BEHAVIOR, label, sentence)
        return days

    return read
