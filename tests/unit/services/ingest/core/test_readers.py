"""Each converter on values of each form, in JSON and in CSV: what it takes, and what it says of what it does not take.

No sentence tells people to write what they wrote: it names what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.core import number_readers, readers, time_readers
from services.ingest.core.notation import notation
from services.ingest.core.readers import Reader, Source
from services.ingest.core.tree import Refuse
from services.ingest.core.values import Number
from shared.contracts import zones
from shared.contracts.faults import Code
from shared.contracts.texts import one_form

ZONE = ZoneInfo("Asia/Shanghai")


def moment(format: str, of: Callable[..., Reader[Any]] = time_readers.instant) -> Callable[[Source], Reader[Any]]:
    def made(source: Source) -> Reader[Any]:
        value = time_readers.number if format.startswith("epoch") else readers.present
        return of(value(source, Code.MISSING_FIELD), source.label, format, ZONE)

    return made


MAKE: dict[str, Callable[[Source], Reader[Any]]] = {
    "flag": readers.flag,
    "count": number_readers.count,
    "integer": lambda source: number_readers.integer(source, 90),
    "minor": number_readers.minor_units,
    "major": lambda source: lambda flat: number_readers.major_units(source)(flat, 2),
    "text": lambda source: readers.text(source, 64),
    "id": lambda source: readers.identity(source, 64),
    "currency": number_readers.currency,
    "unit": lambda source: number_readers.unit(source, {"fen": "minor"}),
    "rfc3339": moment("rfc3339"),
    "seconds": moment("epoch-seconds"),
    "millis": moment("epoch-millis"),
    "local": moment("local"),
    "date": moment("date", time_readers.day),
    "compact": moment("compact-date", time_readers.day),
    "day of millis": moment("epoch-millis", time_readers.day),
}
AT_SIX = datetime(2024, 3, 5, 6, tzinfo=UTC)

# Converter, value in JSON, the same as a cell of CSV (None: no such cell), what is read from either.
TAKEN = [
    ("flag", True, "true", True),
    ("flag", False, "false", False),
    ("flag", None, None, False),
    ("count", 2, "2", 2),
    ("count", None, None, 1),
    ("integer", 90, "090", 90),
    ("minor", 1250, "1250", 1250),
    ("major", Decimal("12.50"), "12.50", 1250),
    ("major", 12, "12", 1200),
    ("text", "a b", "a b", "a b"),
    ("id", "ａ", "ａ", "a"),
    ("currency", "CNY", "CNY", "CNY"),
    ("unit", "fen", "fen", "minor"),
    ("rfc3339", "2024-03-05T14:00:00+08:00", "2024-03-05T14:00:00+08:00", AT_SIX),
    ("seconds", 1_709_618_400, "1709618400", AT_SIX),
    ("millis", 1_709_618_400_000, "1709618400000", AT_SIX),
    ("millis", -2_208_988_800_000, "-2208988800000", datetime(1900, 1, 1, tzinfo=UTC)),
    ("local", "2024-03-05 14:00", "2024-03-05 14:00", AT_SIX),
    ("date", "2024-03-05", "2024-03-05", date(2024, 3, 5)),
    ("compact", "20240305", "20240305", date(2024, 3, 5)),
    ("day of millis", 1_709_654_400_000, "1709654400000", date(2024, 3, 6)),
]

# Converter, whether it is JSON, the value, its code, a part of the sentence.
REFUSED = [
    ("flag", True, "true", Code.WRONG_TYPE, "without quotes"),
    ("flag", True, 1, Code.WRONG_TYPE, "true or false"),
    ("flag", True, [], Code.WRONG_TYPE, "true or false"),
    ("flag", False, "TRUE", Code.WRONG_TYPE, "lower-case"),
    ("flag", False, "true ", Code.WRONG_TYPE, "without blanks"),
    ("flag", False, "1", Code.WRONG_TYPE, "true or false"),
    ("integer", True, "5", Code.WRONG_TYPE, "without quotes"),
    ("integer", True, Decimal("5.0"), Code.WRONG_TYPE, "fraction"),
    ("integer", True, True, Code.WRONG_TYPE, "whole number"),
    ("integer", False, "5.0", Code.WRONG_TYPE, "fraction"),
    ("integer", False, " 5", Code.WRONG_TYPE, "blanks"),
    ("integer", False, "1" * 20, Code.OUT_OF_BOUNDS, "0 to 90"),
    ("integer", False, "1" * 5000, Code.OUT_OF_BOUNDS, "0 to 90"),
    ("integer", False, "-" + "1" * 5000, Code.OUT_OF_BOUNDS, "0 to 90"),
    ("minor", True, "1250", Code.WRONG_TYPE, "without quotes"),
    ("minor", True, Decimal("12.5"), Code.FRACTION_OF_MINOR_UNIT, "without a fraction"),
    ("minor", False, "12.5", Code.FRACTION_OF_MINOR_UNIT, "without a fraction"),
    ("minor", True, Decimal("1000.0"), Code.WRONG_TYPE, "without quotes, fraction or exponent"),
    ("minor", False, "1000.0", Code.WRONG_TYPE, "fraction or exponent"),
    ("minor", True, Decimal("1e3"), Code.WRONG_TYPE, "exponent"),
    ("minor", True, Decimal("1e30"), Code.OUT_OF_BOUNDS, "at most"),
    ("minor", True, Decimal("-1e30"), Code.OUT_OF_BOUNDS, "not negative"),
    ("minor", True, Decimal("1e-30"), Code.FRACTION_OF_MINOR_UNIT, "without a fraction"),
    ("minor", False, "1" * 30 + ".0", Code.OUT_OF_BOUNDS, "at most"),
    ("minor", False, "1." + "0" * 40, Code.OUT_OF_BOUNDS, "40 characters"),
    ("minor", False, "1,250", Code.WRONG_TYPE, "separators"),
    ("minor", False, "1" * 30, Code.OUT_OF_BOUNDS, "at most"),
    ("major", True, "12,50", Code.WRONG_TYPE, "12.50"),
    ("major", False, "1" * 30, Code.OUT_OF_BOUNDS, "at most"),
    ("major", False, "1." + "0" * 40, Code.OUT_OF_BOUNDS, "40 characters"),
    ("text", True, 5, Code.WRONG_TYPE, "in quotes"),
    ("text", True, {}, Code.WRONG_TYPE, "in quotes"),
    ("id", True, 5, Code.WRONG_TYPE, "in quotes"),
    ("currency", False, "cny", Code.UNKNOWN_CURRENCY, "capital"),
    ("rfc3339", True, 1_709_618_400, Code.TIME_FORMAT, "in quotes"),
    ("rfc3339", False, "2024-02-30T14:00:00+08:00", Code.TIME_FORMAT, "calendar"),
    ("rfc3339", False, "2024-03-05T24:00:00Z", Code.TIME_FORMAT, "to 23:59:59"),
    ("seconds", True, "1709618400", Code.TIME_FORMAT, "without quotes"),
    ("seconds", True, Decimal("1709618400.5"), Code.TIME_FORMAT, "fraction"),
    ("seconds", False, "1709618400.5", Code.TIME_FORMAT, "fraction"),
    ("seconds", False, "9" * 25, Code.TIME_RANGE, "1900 to 2199"),
    ("millis", True, -99_999_999_999_999, Code.TIME_RANGE, "1900 to 2199"),
    ("millis", True, -2_208_988_800_001, Code.TIME_RANGE, "1900 to 2199"),
    ("millis", True, 7_258_118_400_000, Code.TIME_RANGE, "1900 to 2199"),
    ("millis", True, 10**18, Code.TIME_RANGE, "1900 to 2199"),
    ("local", False, "2024-02-30 14:00", Code.TIME_FORMAT, "calendar"),
    ("local", False, "2024-03-05 24:00", Code.TIME_FORMAT, "to 23:59:59"),
    ("local", True, 20240305, Code.TIME_FORMAT, "in quotes"),
    ("date", True, 20240305, Code.TIME_FORMAT, "in quotes"),
    ("date", False, "2023-02-29", Code.TIME_FORMAT, "calendar"),
    ("compact", True, 20240305, Code.TIME_FORMAT, "in quotes"),
    ("compact", False, "20230229", Code.TIME_FORMAT, "calendar"),
    ("compact", False, "2024-03-05", Code.TIME_FORMAT, "YYYYMMDD"),
    ("day of millis", True, 7_258_118_399_999, Code.TIME_RANGE, "1900 to 2199"),
]


@pytest.mark.parametrize(("converter", "value", "cell", "expected"), TAKEN)
def test_what_is_taken_in_json_is_taken_in_csv(converter: str, value: Any, cell: str | None, expected: Any) -> None:
    flat = {} if value is None else {"x": value}
    found = MAKE[converter](Source("x", "x"))(flat)
    assert (type(found), found) == (type(expected), expected)
    flat = {} if cell is None else {"x": cell}
    found = MAKE[converter](Source("x", "x", typed=False))(flat)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(("converter", "typed", "value", "code", "sentence"), REFUSED)
def test_what_is_not_taken_is_told_why(converter: str, typed: bool, value: Any, code: Code, sentence: str) -> None:
    with pytest.raises(Refuse) as caught:
        MAKE[converter](Source("x", "data.x", typed))({"x": value})
    fault = caught.value.fault
    assert (fault.code, fault.field) == (code, "data.x"), fault.sentence
    assert sentence in fault.sentence


def test_every_converter_takes_a_cell() -> None:
    assert {converter for converter, _, cell, _ in TAKEN if cell is not None} == set(MAKE)


LOCAL_ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


@given(
    st.sampled_from(LOCAL_ZONES),
    st.datetimes(datetime(1901, 1, 1), datetime(2198, 12, 31)).map(lambda time: time.replace(microsecond=0)),  # noqa: DTZ001  # without a zone on purpose
)
@example("Pacific/Apia", datetime(2011, 12, 30, 12))  # noqa: DTZ001  # a day that the zone left out
@example("America/New_York", datetime(2024, 3, 10, 2, 30))  # noqa: DTZ001  # an hour that the clocks skip
@example("America/New_York", datetime(2024, 11, 3, 1, 30))  # noqa: DTZ001  # an hour that they show twice
@example("Asia/Shanghai", datetime(1991, 9, 15, 1, 30))  # noqa: DTZ001  # the last change of this zone
def test_a_local_time_is_what_the_zone_says(zone: str, shown: datetime) -> None:
    of_zone = zones.zone(zone)
    local = shown.replace(tzinfo=of_zone)
    expected = local.astimezone(UTC)
    read = time_readers.instant(lambda flat: flat["at"], "at", "local", of_zone)
    flat = {"at": shown.isoformat(sep=" ")}
    if expected.astimezone(of_zone).replace(tzinfo=None) == shown:
        assert read(flat) == expected
    else:
        with pytest.raises(Refuse) as refusal:
            read(flat)
        assert refusal.value.fault.code is Code.TIME_FORMAT


def test_a_text_beside_the_rows_of_a_message_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand rows have it, and a megabyte takes a tenth of a second: one message would hold a shard for minutes."""
    looked: list[str] = []

    def counted(text: str, characters_max: int) -> str:
        looked.append(text)
        return one_form(text, characters_max)

    monkeypatch.setattr(readers, "one_form", counted)
    read = readers.digested(Source("note", "note"))
    assert [read({"note": text}) for text in ("a\u0301 b",) * 3] == ["\u00e1 b"] * 3
    assert read({"note": "c\n\u00a0d"}) == "c\n d"
    assert read({"note": "a\u0301 b"}) == "\u00e1 b"
    assert looked == ["a\u0301 b", "c\n\u00a0d", "a\u0301 b"]


def test_no_text_is_a_number_that_is_longer_than_any() -> None:
    read = notation(Number(thousands=".", decimal=",", minus="parentheses")).read
    assert read(f"({'1' * 150})") == f"-{'1' * 150}"
    assert read("1" * 201) is None
