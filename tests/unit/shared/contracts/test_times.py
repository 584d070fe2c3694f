"""Which texts are instants and days, and how we spell them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.faults import Code
from shared.contracts.times import TimeError, day, in_utc, instant, rfc3339

TAKEN = [
    ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29t23:59:59z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-03-01T07:59:59+08:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29T18:29:59-05:30", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29T23:59:59.5Z", datetime(2024, 2, 29, 23, 59, 59, 500_000, tzinfo=UTC)),
    ("2024-02-29T23:59:59.123456789Z", datetime(2024, 2, 29, 23, 59, 59, 123_456, tzinfo=UTC)),
    ("2024-03-01T13:59:59+14:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-03-01T13:44:59+13:45", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29T11:59:59-12:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29T12:29:59-11:30", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("2024-02-29T23:59:59-00:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
    ("2199-12-31T23:59:59Z", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
]

REFUSED = [
    ("", Code.TIME_FORMAT),
    ("yesterday", Code.TIME_FORMAT),
    ("1709251199", Code.TIME_FORMAT),
    ("2024-02-29", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59", Code.TIME_FORMAT),  # naive
    ("2024-02-29 23:59:59Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59Z", Code.TIME_FORMAT),
    ("20240229T235959Z", Code.TIME_FORMAT),
    ("2024-W09-4T23:59:59Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59,5Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59.Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59.1234567890Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+0800", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+08", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+24:00", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+23:59", Code.TIME_FORMAT),  # no zone is so far from UTC
    ("2024-02-29T23:59:59+15:00", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+14:01", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59-12:01", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59-13:00", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59+08:00:01", Code.TIME_FORMAT),
    ("2024-02-29T23:59:60Z", Code.TIME_FORMAT),  # a leap second has no datetime
    ("2024-02-29T24:00:00Z", Code.TIME_FORMAT),  # which Python 3.14 takes for midnight
    ("2024-02-29T24:00:00+08:00", Code.TIME_FORMAT),
    ("2024-02-29T23:60:00Z", Code.TIME_FORMAT),
    ("2024-02-29T08:00:00+08:60", Code.TIME_FORMAT),  # which Python takes for +09:00
    ("2024-02-29T08:00:00+08:99", Code.TIME_FORMAT),
    ("2024-02-29T08:00:00-23:60", Code.TIME_FORMAT),
    ("2024-02-29T08:00:00-29:00", Code.TIME_FORMAT),
    ("2023-02-29T00:00:00Z", Code.TIME_FORMAT),
    ("2024-02-29T23:59:59Z\n", Code.TIME_FORMAT),
    ("٢٠٢٤-02-29T23:59:59Z", Code.TIME_FORMAT),
    ("9999-12-31T23:59:59Z", Code.TIME_RANGE),
    ("9999-12-31T23:59:59-01:00", Code.TIME_RANGE),  # has no equivalent in UTC at all
    ("0001-01-01T00:00:00+01:00", Code.TIME_RANGE),
    ("0000-01-01T00:00:00Z", Code.TIME_FORMAT),
    ("1900-01-01T00:00:00+00:01", Code.TIME_RANGE),
    ("2199-12-31T23:59:59-00:01", Code.TIME_RANGE),
]


@pytest.mark.parametrize(("text", "expected"), TAKEN)
def test_instant(text: str, expected: datetime) -> None:
    found = instant(text)
    assert found == expected
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_no_instant(text: str, code: Code) -> None:
    with pytest.raises(TimeError) as caught:
        instant(text)
    assert caught.value.code is code


def test_naive_time_has_no_place_in_utc() -> None:
    with pytest.raises(TimeError) as caught:
        in_utc(datetime(2024, 2, 29))  # noqa: DTZ001  # without a zone on purpose
    assert caught.value.code is Code.TIME_FORMAT


@pytest.mark.parametrize(("text", "expected"), [("2024-02-29", date(2024, 2, 29)), ("1900-01-01", date(1900, 1, 1))])
def test_day(text: str, expected: date) -> None:
    assert day(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2023-02-29", Code.TIME_FORMAT),
        ("20240229", Code.TIME_FORMAT),
        ("2024-W09-4", Code.TIME_FORMAT),
        ("29.02.2024", Code.TIME_FORMAT),
        ("2024-02-29T00:00:00Z", Code.TIME_FORMAT),
        ("1899-12-31", Code.TIME_RANGE),
        ("2200-01-01", Code.TIME_RANGE),
    ],
)
def test_no_day(text: str, code: Code) -> None:
    with pytest.raises(TimeError) as caught:
        day(text)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (datetime(2024, 2, 29, 8, tzinfo=timezone(timedelta(hours=8))), "2024-02-29T00:00:00Z"),
        (datetime(2024, 2, 29, microsecond=120_000, tzinfo=UTC), "2024-02-29T00:00:00.120000Z"),
    ],
)
def test_spelling(time: datetime, expected: str) -> None:
    assert rfc3339(time) == expected


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.timezones()))  # noqa: DTZ001  # without a zone on purpose
def test_what_we_write_is_read_back(time: datetime) -> None:
    assert instant(rfc3339(time)) == time.astimezone(UTC)


_two_digits = st.integers(0, 99).map(lambda number: f"{number:02d}")


@given(_two_digits, _two_digits, _two_digits, st.sampled_from("+-"), _two_digits, _two_digits)
def test_an_instant_is_taken_if_and_only_if_each_of_its_numbers_is_in_its_range(
    hour: str, minute: str, second: str, sign: str, offset_hour: str, offset_minute: str
) -> None:
    """The ranges are those of RFC 3339, whatever the Python: its own have grown from one version to the next. An offset
    is one that some zone has: -12:00 to +14:00."""
    text = f"2024-02-29T{hour}:{minute}:{second}{sign}{offset_hour}:{offset_minute}"
    in_range = int(hour) < 24 and max(int(minute), int(second), int(offset_minute)) < 60
    offset_minutes = int(sign + "1") * (int(offset_hour) * 60 + int(offset_minute))
    if not (in_range and -12 * 60 <= offset_minutes <= 14 * 60):
        with pytest.raises(TimeError):
            instant(text)
        return
    since_midnight = timedelta(hours=int(hour), minutes=int(minute) - offset_minutes, seconds=int(second))
    assert instant(text) == datetime(2024, 2, 29, tzinfo=UTC) + since_midnight
