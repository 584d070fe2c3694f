"""What a sample of a partner's events proposes: which field is what, and how it is written.

Where the sample fits two meanings there are two proposals, and somebody has to say which one it is. A slip in the
sample hides no field: what fits most of the values is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar, get_args

import msgspec

from goodstanding.errors import UserError
from goodstanding.partner.sample_file import Sample
from services.ingest.core.mapping import DAYS, Number, TimeFormat
from services.ingest.core.notation import notation
from services.ingest.core.patterns import NoSuchTimeError, PatternError, pattern
from shared.contracts.currencies import DIGITS
from shared.contracts.times import TimeError, day, instant
from shared.contracts.zones import ZoneError, zone

T = TypeVar("T")
NUMBERS: Mapping[str, Number] = {
    "1234.50": Number(),
    "1,234.50": Number(thousands=","),
    "1.234,50": Number(decimal=",", thousands="."),
    "1234,50": Number(decimal=","),
    "1 234,50": Number(decimal=",", thousands=" "),
    "1'234.50": Number(thousands="'"),
}
"""How amounts are written as texts, by an example."""
_PATTERNS = (
    *("dd.MM.yyyy", "dd.MM.yy", "MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy", "yyyy/MM/dd", "dd.MM.yyyy HH:mm"),
    *("dd.MM.yyyy HH:mm:ss", "MM/dd/yyyy HH:mm", "MM/dd/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm", "yyyyMMddHHmmss"),
    *("yyyy-MM-dd HH:mm:ss[.SSSSSS]", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]"),
)
_EPOCHS = {"epoch-seconds": 1, "epoch-millis": 1_000, "epoch-micros": 1_000_000}
_YEARS = (date(2000, 1, 1).toordinal() - 719_163, date(2100, 1, 1).toordinal() - 719_163)
_CALLED_ID = re.compile(r"(^|[^a-zA-Z])(id|no|nr|number|ref|reference)$|(Id|ID|No|Nr|Number|Ref)$", re.ASCII)
_CALLED_LATE = re.compile(r"late|overdue|past.?due|dpd|verzug", re.ASCII | re.IGNORECASE)
_CALLED_CURRENCY = re.compile(r"currency|w[aä]e?hrung|devise|(^|[^a-z])(curr?|ccy|whg)([^a-z]|$)", re.IGNORECASE)
_WHOLE = re.compile(r"-?[0-9]{1,5}")
_FIRST = 100
_SYMBOL = re.compile(r"[^0-9\s.,'\u2019+()\-\u2212]+")
_CODES_MAX = 40
_pattern = lru_cache(maxsize=100)(pattern)


def forms_of(values: Sequence[Any]) -> list[str]:
    """In which forms the most of these values can be times or days: words of `as`, or patterns."""
    return _fitting_most((*get_args(TimeFormat), *_PATTERNS), values, is_time)


def _fitting_most(forms: Iterable[str], values: Sequence[T], fits: Callable[[T, str], bool]) -> list[str]:
    """The forms that fit the most of the values, and more than half of them: a slip in the sample hides no form."""
    counts = {form: sum(fits(value, form) for value in values) for form in forms if _is_likely(form, values, fits)}
    most = max(counts.values(), default=0)
    return [form for form, count in counts.items() if count == most and 2 * count > len(values)]


def _is_likely(form: str, values: Sequence[T], fits: Callable[[T, str], bool]) -> bool:
    """Whether it fits some of the first values, so that not every form is tried on all of a long sample."""
    return any(fits(value, form) for value in values[:_FIRST])


def misfits_of(sample: Sample, field: str, form: str) -> list[int]:
    """The lines at which the field is no time or day of this form."""
    return [line for line, value in sample.places(field) if not is_time(value, form)]


def is_time(value: Any, form: str) -> bool:
    try:
        match form:
            case "rfc3339":
                return bool(instant(value))
            case "date":
                return bool(day(value))
            case "compact-date":
                return len(value) == 8 and bool(day(f"{value[:4]}-{value[4:6]}-{value[6:]}"))
            case "local" | "epoch-days":
                return False  # the pattern with a fraction says the same, and days are too like other numbers
            case _ if form in _EPOCHS:
                count = value if isinstance(value, int) else int(value) if value.isdecimal() else -1
                return _YEARS[0] <= count // _EPOCHS[form] // 86_400 < _YEARS[1]
        return _pattern(form).read(value) is not None
    except (TimeError, NoSuchTimeError, TypeError, AttributeError):
        return False


def is_known_form(form: str) -> bool:
    """Whether it is a word of `as`, or a pattern. Raises UserError for neither, with the reason."""
    if form in get_args(TimeFormat):
        return True
    try:
        pattern(form)
    except PatternError as error:
        raise UserError(
            f"{form} is no form of times: {error}", f"Or one of: {', '.join(get_args(TimeFormat))}."
        ) from None
    return True


def gives_day(form: str) -> bool:
    return form in DAYS if form in get_args(TimeFormat) else not pattern(form).has_time


def needs_zone(form: str) -> bool:
    if form in get_args(TimeFormat):
        return form == "local" or form in DAYS
    found = pattern(form)
    return not found.has_offset


def check_zone(name: str) -> None:
    """Raises UserError for a zone that there is not."""
    try:
        zone(name)
    except ZoneError as error:
        raise UserError(str(error), "As in Europe/Berlin or America/New_York.") from None


def ids_of(sample: Sample, people: Sequence[str]) -> list[str]:
    """The fields that are called an id and tell each event from every other, but for those that name people. One event
    of ten may have none, or that of another."""
    return [
        name
        for name in sample.fields
        if name not in people
        and _CALLED_ID.search(name)
        and (len(sample.rows) - len(set(map(str, sample.values(name))))) * 10 <= len(sample.rows)
    ]


def days_of(sample: Sample) -> list[str]:
    """The fields that have days, without a time of day."""
    return [name for name in sample.fields if any(map(gives_day, forms_of(sample.values(name))))]


def days_late_of(sample: Sample) -> list[str]:
    """The fields of whole numbers that are called lateness."""
    return [name for name in sample.fields if _CALLED_LATE.search(name) and counts_days(sample.values(name))]


def counts_days(values: Sequence[Any]) -> bool:
    """Whether most of the values are whole numbers."""
    return sum(type(v) is int or (isinstance(v, str) and bool(_WHOLE.fullmatch(v))) for v in values) * 2 > len(values)


def people_of(sample: Sample, is_identifier: Callable[[str], bool]) -> list[str]:
    """The fields most of whose values are identifiers of the deployment's scheme; a slip among them hides no field."""
    return [
        name
        for name in sample.fields
        if (values := sample.values(name))
        and sum(isinstance(value, str) and is_identifier(value) for value in values) * 2 > len(values)
    ]


def codes_of(sample: Sample, field: str) -> list[str]:
    """The words that stand at the field, in their order. Raises UserError for very many."""
    found = list(dict.fromkeys(str(value) for value in sample.values(field)))
    if len(found) > _CODES_MAX:
        raise UserError(
            f"{field} has {len(found)} different values, so it does not say what kind an event is.", "Name another."
        )
    return found


def currencies_of(sample: Sample) -> list[str]:
    """The fields most of whose values are codes of ISO 4217, and those that are called a currency and have one."""
    found = []
    for name in sample.fields:
        values = sample.values(name)
        codes = sum(isinstance(value, str) and value in DIGITS for value in values)
        if codes * 2 > len(values) or (codes and _CALLED_CURRENCY.search(name)):
            found.append(name)
    return found


def without_currency(sample: Sample, field: str, amounts: Sequence[str]) -> list[int]:
    """The lines at which there is one of these amounts, and no currency at the field."""
    rows = zip(sample.lines, sample.rows, strict=True)
    priced = ((line, row) for line, row in rows if any(row.get(amount) not in (None, "") for amount in amounts))
    return [line for line, row in priced if row.get(field) in (None, "")]


def currencies_unread(sample: Sample) -> list[str]:
    """The fields that are called a currency and have no code of one in the sample."""
    called = [name for name in sample.fields if _CALLED_CURRENCY.search(name)]
    return [name for name in called if not any(value in DIGITS for value in map(str, sample.values(name)))]


def numbers_of(texts: Sequence[str]) -> list[str]:
    """In which notations the most of these can be amounts, by an example; of two that differ in the thousands mark
    only, the one without it, by which nothing can be misread."""
    notations = {like: notation(as_written(number, texts)) for like, number in NUMBERS.items()}
    fitting = _fitting_most(NUMBERS, texts, lambda text, like: notations[like].read(text) is not None)
    found = {like: NUMBERS[like] for like in fitting}
    plain = {number.decimal for number in found.values() if number.thousands is None}
    return [like for like, number in found.items() if number.thousands is None or number.decimal not in plain]


def symbol_of(text: str) -> str:
    """What stands beside the digits of an amount; empty where nothing does, or the text is no amount. What stands
    between digits, as the letter of 1.2E+05, is no sign."""
    found = _SYMBOL.search(text)
    if found is None:
        return ""
    before, after = (any(map(str.isdecimal, part)) for part in (text[: found.start()], text[found.end() :]))
    return found[0] if before is not after else ""


def as_written(number: Number, texts: Sequence[str]) -> Number:
    """The notation with what the texts show besides: a plus, a symbol, and where it stands."""
    plus = any(text.lstrip().startswith("+") for text in texts)
    marks = {mark for text in texts if (mark := symbol_of(text))}
    if len(marks) != 1:
        return msgspec.structs.replace(number, plus=plus)
    [symbol] = marks
    before = any(text.lstrip("+-( \u2212").startswith(symbol) for text in texts)
    return msgspec.structs.replace(number, plus=plus, symbol=symbol, symbol_at="before" if before else "after")
