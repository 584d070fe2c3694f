"""Times by a pattern in the letters of Unicode's locale data (LDML), read strictly and written.

`dd.MM.yyyy`, `MM/dd/yyyy hh:mm a`, `yyyyMMdd'T'HHmmss[.SSS]XX`: one letter is a number with or without a leading zero,
two are two digits, `MMM` and `MMMM` are English names, `S` are as many digits of a fraction as there are letters, or
fewer, and what is in brackets may be absent (as in Java). `yy` is a year from 2000 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared.contracts.times import offset_pattern

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SHORT = tuple(month[:3] for month in _MONTHS)
_CENTURY = 2000
_TOKEN = re.compile(r"''|'[^']+'|([A-Za-z])\1*|[\[\]]|[^A-Za-z'\[\]]+")
_FIELDS = {
    "yyyy": r"(?P<y>[0-9]{4})",
    "yy": r"(?P<yy>[0-9]{2})",
    "MMMM": f"(?P<MMMM>{'|'.join(_MONTHS)})",
    "MMM": f"(?P<MMM>{'|'.join(_SHORT)})",
    "MM": r"(?P<M>0[1-9]|1[0-2])",
    "M": r"(?P<M>0[1-9]|1[0-2]|[1-9])",
    "dd": r"(?P<d>0[1-9]|[12][0-9]|3[01])",
    "d": r"(?P<d>0[1-9]|[12][0-9]|3[01]|[1-9])",
    "HH": r"(?P<H>[01][0-9]|2[0-3])",
    "H": r"(?P<H>[01][0-9]|2[0-3]|[0-9])",
    "hh": r"(?P<h>0[1-9]|1[0-2])",
    "h": r"(?P<h>0[1-9]|1[0-2]|[1-9])",
    "a": r"(?P<a>AM|PM|am|pm)",
    "mm": r"(?P<m>[0-5][0-9])",
    "ss": r"(?P<s>[0-5][0-9])",
    "XXX": f"(?P<X>Z|{offset_pattern(':')})",
    "XX": f"(?P<X>Z|{offset_pattern('')})",
}
_MEANT = {
    "Y": "`Y` is the year of weeks; the year is `yyyy`",
    "D": "`D` is the day of the year; the day of the month is `dd`",
    "Z": "an offset is `XXX` (+08:00) or `XX` (+0800)",
    "x": "an offset is `XXX` (+08:00) or `XX` (+0800)",
    "T": "write the letter as 'T', in single quotes",
}
_EXAMPLE = datetime(2024, 2, 29, 8, 5, 9, 250_000, UTC)


class PatternError(ValueError):
    """The text is not a pattern of a time. `str()` is a sentence."""


class NoSuchTimeError(ValueError):
    """A text of the pattern's form that the calendar does not have."""


class Shown(NamedTuple):
    """What a text shows. `time` is naive: the clock of a zone, or of the `offset` where the text has one."""

    time: datetime
    offset: timedelta | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, ready to read and to write. `has_time` is false where it gives a day only."""

    text: str
    has_time: bool
    has_offset: bool
    fraction_digits: int
    _regex: re.Pattern[str]
    _parts: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How such a time is written."""
        return f"It is written {self.text}, for example {self.write(_EXAMPLE)}."

    def read(self, text: str) -> Shown | None:
        """What the text shows; None where it has another form. Raises NoSuchTimeError."""
        found = self._regex.fullmatch(text)
        return None if found is None else _shown(found.groupdict())

    def write(self, time: datetime) -> str:
        """The time as the pattern writes it, in the time's own zone; what may be absent is left out if it is zero."""
        return "".join(self._written(time))

    def _written(self, time: datetime) -> Iterator[str]:
        optional = False
        for part in self._parts:
            if part in "[]":
                # Only seconds and fractions can be optional.
                optional = part == "[" and not (time.second or time.microsecond)
                if part == "[" and self._opens_fraction() and not time.microsecond:
                    optional = True
            elif not optional:
                yield _field(part, time)

    def _opens_fraction(self) -> bool:
        return "ss" not in self._parts[self._parts.index("[") : self._parts.index("]")]


def pattern(text: str) -> Pattern:
    """The pattern in a text. Raises PatternError."""
    parts = _parts_of(text)
    fields = [part for part in parts if part[0].isalpha()]
    names = {part[0] for part in fields}
    if not {"y", "M", "d"} <= names:
        raise PatternError("It gives no day: a year `yyyy`, a month `MM` and a day `dd` are needed.")
    has_time = bool(names & set("Hhms"))
    if has_time and ("m" not in names or not names & set("Hh")):
        raise PatternError("A time of day has an hour and a minute, `HH:mm`.")
    if ("h" in names) != ("a" in names) or {"H", "h"} <= names:
        raise PatternError("An hour of 12 is `hh` with `a` for AM or PM; one of 24 is `HH` alone.")
    if ("S" in names and "s" not in names) or ("X" in names and not has_time):
        raise PatternError("A fraction `S` follows seconds `ss`, and an offset `X` a time of day.")
    if len(names) != len(fields):
        raise PatternError("It has one field twice.")
    for part, following in pairwise(parts):
        if part in ("M", "d", "H", "h") and following[0].isalpha() and following != "a":
            raise PatternError(f"`{part}` can have one or two digits, so something must stand behind it.")
    digits = max((len(part) for part in fields if part[0] == "S"), default=0)
    return Pattern(text, has_time, "X" in names, digits, re.compile("".join(map(_regex, parts))), tuple(parts))


def _parts_of(text: str) -> list[str]:
    parts: list[str] = []
    at, depth, optional = 0, 0, ""
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise PatternError("A single quote is not closed.")
        part, at = found[0], found.end()
        if part in "[]":
            depth += 1 if part == "[" else -1
            if depth not in (0, 1) or (part == "[" and "[" in parts):
                raise PatternError("Only one part can be in brackets, and they are closed.")
        elif found[1]:
            if part not in _FIELDS and not (found[1] == "S" and len(part) <= 9):
                meant = _MEANT.get(found[1]) or "the letters are y, M, d, H, h, a, m, s, S and X"
                raise PatternError(f"`{part}` is no field of it: {meant}.")
            optional += part if depth else ""
        parts.append(part)
    if depth:
        raise PatternError("Only one part can be in brackets, and they are closed.")
    if set(optional) - {"s", "S"}:
        raise PatternError("Only seconds and their fraction can be in brackets.")
    return parts


def _regex(part: str) -> str:
    if part[0] == "S":
        return f"(?P<S>[0-9]{{1,{len(part)}}})"
    if part in _FIELDS:
        return _FIELDS[part]
    if part in "[]":
        return "(?:" if part == "[" else ")?"
    return re.escape(_literal(part))


def _literal(part: str) -> str:
    return "'" if part == "''" else part.strip("'")


def _shown(found: dict[str, str | None]) -> Shown:
    def number(name: str, otherwise: int = 0) -> int:
        return int(found.get(name) or otherwise)

    year = number("y", _CENTURY + number("yy"))
    month = number("M")
    for name, names in (("MMMM", _MONTHS), ("MMM", _SHORT)):
        if word := found.get(name):
            month = names.index(word) + 1
    hour = number("H")
    if half := found.get("a"):
        hour = number("h") % 12 + 12 * (half.upper() == "PM")
    clock = hour, number("m"), number("s"), int((found.get("S") or "")[:6].ljust(6, "0"))
    try:
        time = datetime(year, month, number("d"), *clock)  # noqa: DTZ001  # what a partner writes has no zone yet
    except ValueError:
        raise NoSuchTimeError from None
    return Shown(time, _offset(found.get("X")))


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timedelta(minutes=-minutes if text[0] == "-" else minutes)


def _field(part: str, time: datetime) -> str:
    half = time.hour % 12 or 12
    match part:
        case "yyyy":
            return f"{time.year:04}"
        case "yy":
            return f"{time.year % 100:02}"
        case "MMMM":
            return _MONTHS[time.month - 1]
        case "MMM":
            return _SHORT[time.month - 1]
        case "MM" | "M":
            return f"{time.month:0{len(part)}}"
        case "dd" | "d":
            return f"{time.day:0{len(part)}}"
        case "HH" | "H":
            return f"{time.hour:0{len(part)}}"
        case "hh" | "h":
            return f"{half:0{len(part)}}"
        case "a":
            return "PM" if time.hour >= 12 else "AM"
        case "mm":
            return f"{time.minute:02}"
        case "ss":
            return f"{time.second:02}"
        case "XXX" | "XX":
            text = time.strftime("%z") or "+0000"
            return f"{text[:3]}:{text[3:5]}" if part == "XXX" else text[:5]
    if part[0] == "S":
        return f"{time.microsecond:06}".ljust(9, "0")[: len(part)]
    return _literal(part)
