"""Deadlines (rules D1 to D6) as a table, one case for each class of days and zones that could come out differently."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from services.retention.core.deadline import (
    DeadlineError,
    answer_by,
    asked_by,
    clock_of,
    deadline_of,
    early_at,
    end_of,
    last_day_of,
)
from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile, Years
from shared.policy_file import load_policy
from shared.settings import ROOT

LEGAL, FINANCIAL, LIFE = RecordClass.LEGAL, RecordClass.FINANCIAL, RecordClass.LIFE
SHANGHAI = "Asia/Shanghai"

# (what it stands for, class, zone, day of the end, last day, lapses at in UTC), by the years of the profile `cn`
CASES = [
    # -- the rule book's own, and the years of each class
    ("leap day, life", LIFE, SHANGHAI, "2024-02-29", "2026-02-28", "2026-02-28T16:00:00"),
    ("leap day, financial", FINANCIAL, SHANGHAI, "2024-02-29", "2029-02-28", "2029-02-28T16:00:00"),
    ("leap day, legal", LEGAL, SHANGHAI, "2024-02-29", "2029-02-28", "2029-02-28T16:00:00"),
    ("end of February, into a leap year", FINANCIAL, SHANGHAI, "2023-02-28", "2028-02-28", "2028-02-28T16:00:00"),
    ("an ordinary day, legal", LEGAL, SHANGHAI, "2025-06-17", "2030-06-17", "2030-06-17T16:00:00"),
    ("an ordinary day, financial", FINANCIAL, SHANGHAI, "2025-06-17", "2030-06-17", "2030-06-17T16:00:00"),
    ("an ordinary day, life", LIFE, SHANGHAI, "2025-06-17", "2027-06-17", "2027-06-17T16:00:00"),
    # -- around the leap day
    ("the day before the leap day", LIFE, SHANGHAI, "2024-02-28", "2026-02-28", "2026-02-28T16:00:00"),
    ("the day after the leap day", LIFE, SHANGHAI, "2024-03-01", "2026-03-01", "2026-03-01T16:00:00"),
    ("the last day before a leap year's leap day", LIFE, SHANGHAI, "2026-02-28", "2028-02-28", "2028-02-28T16:00:00"),
    ("1 March, over a leap day", LIFE, SHANGHAI, "2022-03-01", "2024-03-01", "2024-03-01T16:00:00"),
    ("28 February to 28 February of no leap year", LIFE, SHANGHAI, "2025-02-28", "2027-02-28", "2027-02-28T16:00:00"),
    ("leap day, over two leap days", FINANCIAL, SHANGHAI, "2020-02-29", "2025-02-28", "2025-02-28T16:00:00"),
    ("two leap days in five years", FINANCIAL, SHANGHAI, "2023-06-30", "2028-06-30", "2028-06-30T16:00:00"),
    ("one leap day in five years", FINANCIAL, SHANGHAI, "2024-06-30", "2029-06-30", "2029-06-30T16:00:00"),
    ("no leap day in two years", LIFE, SHANGHAI, "2024-06-30", "2026-06-30", "2026-06-30T16:00:00"),
    ("a leap day that a century drops", FINANCIAL, SHANGHAI, "2096-02-29", "2101-02-28", "2101-02-28T16:00:00"),
    ("over the February that a century shortens", LIFE, SHANGHAI, "2098-12-31", "2100-12-31", "2100-12-31T16:00:00"),
    ("to the short February of a century", LIFE, SHANGHAI, "2098-02-28", "2100-02-28", "2100-02-28T16:00:00"),
    ("the leap day that the fourth century keeps", LIFE, "UTC", "2000-02-29", "2002-02-28", "2002-03-01T00:00:00"),
    # -- ends and beginnings of months and years
    ("31 January", LIFE, SHANGHAI, "2025-01-31", "2027-01-31", "2027-01-31T16:00:00"),
    ("31 March", LIFE, SHANGHAI, "2025-03-31", "2027-03-31", "2027-03-31T16:00:00"),
    ("30 April", LIFE, SHANGHAI, "2025-04-30", "2027-04-30", "2027-04-30T16:00:00"),
    ("31 August", FINANCIAL, SHANGHAI, "2025-08-31", "2030-08-31", "2030-08-31T16:00:00"),
    ("30 November", FINANCIAL, SHANGHAI, "2025-11-30", "2030-11-30", "2030-11-30T16:00:00"),
    ("31 December: lapses with the year", FINANCIAL, SHANGHAI, "2025-12-31", "2030-12-31", "2030-12-31T16:00:00"),
    ("1 January", FINANCIAL, SHANGHAI, "2026-01-01", "2031-01-01", "2031-01-01T16:00:00"),
    ("1 February", LIFE, SHANGHAI, "2025-02-01", "2027-02-01", "2027-02-01T16:00:00"),
    # -- zones east and west of UTC
    ("UTC", LIFE, "UTC", "2025-06-17", "2027-06-17", "2027-06-18T00:00:00"),
    ("far east", LIFE, "Pacific/Kiritimati", "2025-06-17", "2027-06-17", "2027-06-17T10:00:00"),
    ("far west", LIFE, "Etc/GMT+12", "2025-06-17", "2027-06-17", "2027-06-18T12:00:00"),
    ("west, without daylight saving", LIFE, "Pacific/Pago_Pago", "2025-06-17", "2027-06-17", "2027-06-18T11:00:00"),
    ("west, winter", LIFE, "America/New_York", "2024-02-29", "2026-02-28", "2026-03-01T05:00:00"),
    ("west, summer", LIFE, "America/New_York", "2025-06-17", "2027-06-17", "2027-06-18T04:00:00"),
    ("west, New Year", LIFE, "America/New_York", "2025-12-31", "2027-12-31", "2028-01-01T05:00:00"),
    ("east, New Year", LIFE, "Asia/Tokyo", "2025-12-31", "2027-12-31", "2027-12-31T15:00:00"),
    ("half an hour", LIFE, "Asia/Kolkata", "2024-02-29", "2026-02-28", "2026-02-28T18:30:00"),
    ("three quarters of an hour", LIFE, "Asia/Kathmandu", "2024-02-29", "2026-02-28", "2026-02-28T18:15:00"),
    ("three quarters, summer", LIFE, "Pacific/Chatham", "2024-12-31", "2026-12-31", "2026-12-31T10:15:00"),
    ("on UTC in winter only", LIFE, "Europe/London", "2024-06-30", "2026-06-30", "2026-06-30T23:00:00"),
    ("southern summer", LIFE, "Australia/Sydney", "2024-01-15", "2026-01-15", "2026-01-15T13:00:00"),
    # -- the last day is shorter or longer, its midnight an ordinary one
    ("a day of 23 hours", LIFE, "America/New_York", "2024-03-08", "2026-03-08", "2026-03-09T04:00:00"),
    ("the day before one of 23 hours", LIFE, "America/New_York", "2024-03-07", "2026-03-07", "2026-03-08T05:00:00"),
    ("a day of 25 hours", LIFE, "America/New_York", "2024-11-01", "2026-11-01", "2026-11-02T05:00:00"),
    ("the day before one of 25 hours", LIFE, "America/New_York", "2024-10-31", "2026-10-31", "2026-11-01T04:00:00"),
    ("half an hour of daylight saving", LIFE, "Australia/Lord_Howe", "2024-10-04", "2026-10-04", "2026-10-04T13:00:00"),
    # -- a gap skips the midnight: the day is over when the gap is
    ("gap at midnight, Sao Paulo", LIFE, "America/Sao_Paulo", "2016-11-03", "2018-11-03", "2018-11-04T03:00:00"),
    ("gap at midnight, Beirut", LIFE, "Asia/Beirut", "2020-03-28", "2022-03-28", "2022-03-28T21:00:00"),
    ("the day before a gap, Cairo", LIFE, "Africa/Cairo", "2022-04-25", "2024-04-25", "2024-04-25T22:00:00"),
    ("gap at midnight, Havana", LIFE, "America/Havana", "2022-03-09", "2024-03-09", "2024-03-10T05:00:00"),
    ("gap at midnight, Santiago", LIFE, "America/Santiago", "2022-09-07", "2024-09-07", "2024-09-08T04:00:00"),
    ("gap that ends at midnight, Nuuk", LIFE, "America/Nuuk", "2022-03-30", "2024-03-30", "2024-03-31T01:00:00"),
    # -- the clocks go back from midnight to 23:00: the day has 25 hours, and all of them are its own
    ("back from midnight, Sao Paulo", LIFE, "America/Sao_Paulo", "2016-02-17", "2018-02-17", "2018-02-18T03:00:00"),
    ("back from midnight, Cairo", LIFE, "Africa/Cairo", "2021-10-26", "2023-10-26", "2023-10-26T22:00:00"),
    # -- the clocks go back to midnight: it comes twice, and the day is over the first time
    ("back to midnight, Havana", LIFE, "America/Havana", "2022-11-02", "2024-11-02", "2024-11-03T04:00:00"),
    ("back to midnight, Azores", LIFE, "Atlantic/Azores", "2022-10-26", "2024-10-26", "2024-10-27T00:00:00"),
    # -- the clocks go back over midnight: the day comes again, and is over the second time
    ("back over midnight, Goose Bay", LIFE, "America/Goose_Bay", "2008-11-06", "2010-11-06", "2010-11-07T04:00:00"),
    ("back over midnight by three hours", LIFE, "Antarctica/Casey", "2008-03-04", "2010-03-04", "2010-03-04T16:00:00"),
    # -- the zone leaves out a whole day at the date line
    ("the day before one left out", LIFE, "Pacific/Apia", "2009-12-29", "2011-12-29", "2011-12-30T10:00:00"),
    ("a day left out", LIFE, "Pacific/Apia", "2009-12-30", "2011-12-30", "2011-12-30T10:00:00"),
    ("the day after one left out", LIFE, "Pacific/Apia", "2009-12-31", "2011-12-31", "2011-12-31T10:00:00"),
    # -- the zone's rules changed between the end and the deadline
    ("the zone moves meanwhile", LIFE, "Asia/Pyongyang", "2016-05-04", "2018-05-04", "2018-05-04T15:00:00"),
    ("the zone gave up summer time", LIFE, "America/Sao_Paulo", "2018-01-15", "2020-01-15", "2020-01-16T03:00:00"),
    # -- bounds of the contracts and of the calendar
    ("the first year taken", FINANCIAL, SHANGHAI, "1900-01-01", "1905-01-01", "1905-01-01T16:00:00"),
    ("an offset with seconds", FINANCIAL, SHANGHAI, "1895-06-17", "1900-06-17", "1900-06-17T15:54:17"),
    ("the last day taken", FINANCIAL, SHANGHAI, "2199-12-31", "2204-12-31", "2204-12-31T16:00:00"),
    ("the calendar's first day", LIFE, SHANGHAI, "0001-01-01", "0003-01-01", "0003-01-01T15:54:17"),
    ("the last day that can be asked for", FINANCIAL, "Etc/GMT+12", "9900-12-31", "9905-12-31", "9906-01-01T12:00:00"),
]  # fmt: skip


def profile(zone: str, *, legal: int = 5, financial: int = 5, life: int = 2) -> Profile:
    years = Years(legal=legal, financial=financial, life=life)
    return Profile(name="test", zone=zone, answer_days=20, behavior_days_late_max=90, years=years)


@pytest.mark.parametrize(
    ("record_class", "zone", "ended_on", "last_day", "lapses_at"),
    [case[1:] for case in CASES],
    ids=[c[0] for c in CASES],
)
def test_deadline(record_class: RecordClass, zone: str, ended_on: str, last_day: str, lapses_at: str) -> None:
    found = deadline_of(record_class, date.fromisoformat(ended_on), profile(zone))
    assert last_day_of(record_class, date.fromisoformat(ended_on), profile(zone)) == date.fromisoformat(last_day)
    assert found.lapses_at == datetime.fromisoformat(lapses_at).replace(tzinfo=UTC)
    assert found.lapses_at.tzinfo is UTC


def test_there_are_enough_cases_and_each_is_another() -> None:
    assert len({case[1:4] for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize(
    ("year", "years", "day"),
    [
        (2024, 1, 28),
        (2024, 3, 28),
        (2024, 4, 29),
        (2024, 7, 28),
        (2024, 8, 29),
        (2024, 50, 28),
        (1996, 4, 29),
        (2096, 4, 28),
    ],
)
def test_leap_day_by_other_numbers_of_years(year: int, years: int, day: int) -> None:
    found = last_day_of(LEGAL, date(year, 2, 29), profile("UTC", legal=years))
    assert found == date(year + years, 2, day)


@pytest.mark.parametrize("ended_on", [date(9901, 1, 1), date.max])
def test_beyond_the_calendar_is_a_sentence_not_a_crash(ended_on: date) -> None:
    with pytest.raises(DeadlineError, match="9900-12-31"):
        deadline_of(LIFE, ended_on, profile(SHANGHAI))


def test_seven_years_are_another_file_not_another_program() -> None:
    us = load_policy(ROOT / "policies/retention/us.toml", Profile)
    assert (us.answer_days, us.zone) == (30, "America/New_York")
    assert last_day_of(LIFE, date(2024, 2, 29), us) == date(2031, 2, 28)


def test_days_are_never_counted() -> None:
    """(rules D4) 365 days a year would be off by the leap days in between, 365.25 by fractions of a day."""
    found = last_day_of(FINANCIAL, date(2023, 6, 30), profile("UTC"))
    assert found - date(2023, 6, 30) == timedelta(days=5 * 365 + 2)


# -- the last day of an answer (rules D10) -----------------------------------------------------------------------------

PROFILES = {name: load_policy(ROOT / f"policies/retention/{name}.toml", Profile) for name in ("cn", "us", "eu")}
MORE = "extended"
# (what it stands for, profile, day on which the dispute came, whether it is extended, last day, due at in UTC)
ANSWERS = [
    ("twenty days, the first not counted", "cn", "2026-01-15", "", "2026-02-04", "2026-02-04T16:00:00"),
    ("on a Saturday on which everybody works", "cn", "2026-01-25", "", "2026-02-14", "2026-02-14T16:00:00"),
    ("on the first day of the Spring Festival", "cn", "2026-01-26", "", "2026-02-24", "2026-02-24T16:00:00"),
    ("within the Spring Festival", "cn", "2026-01-28", "", "2026-02-24", "2026-02-24T16:00:00"),
    ("on the first day after it", "cn", "2026-02-04", "", "2026-02-24", "2026-02-24T16:00:00"),
    ("on another working Saturday", "cn", "2026-02-08", "", "2026-02-28", "2026-02-28T16:00:00"),
    ("on a Sunday", "cn", "2026-02-09", "", "2026-03-02", "2026-03-02T16:00:00"),
    ("on a Saturday", "cn", "2026-01-18", "", "2026-02-09", "2026-02-09T16:00:00"),
    ("on the national day", "cn", "2026-09-11", "", "2026-10-08", "2026-10-08T16:00:00"),
    ("on the last day of that week", "cn", "2026-09-17", "", "2026-10-08", "2026-10-08T16:00:00"),
    ("on the Saturday behind it, which is worked", "cn", "2026-09-20", "", "2026-10-10", "2026-10-10T16:00:00"),
    ("on the Sunday behind it, which is not", "cn", "2026-09-21", "", "2026-10-12", "2026-10-12T16:00:00"),
    ("New Year, to a Sunday that is worked", "cn", "2025-12-12", "", "2026-01-04", "2026-01-04T16:00:00"),
    ("in a year of which no holidays are known", "cn", "2027-01-10", "", "2027-02-01", "2027-02-01T16:00:00"),
    ("on a leap day", "cn", "2024-02-09", "", "2024-02-29", "2024-02-29T16:00:00"),
    ("over where a leap day is not", "cn", "2023-02-09", "", "2023-03-01", "2023-03-01T16:00:00"),
    ("cn has no extension", "cn", "2026-01-15", MORE, "2026-02-04", "2026-02-04T16:00:00"),
    ("thirty days, on a Saturday", "us", "2026-01-15", "", "2026-02-14", "2026-02-15T05:00:00"),
    ("on New Year's Day", "us", "2025-12-02", "", "2026-01-01", "2026-01-02T05:00:00"),
    ("on a leap day, west", "us", "2024-01-30", "", "2024-02-29", "2024-03-01T05:00:00"),
    ("on a day of 23 hours", "us", "2026-02-06", "", "2026-03-08", "2026-03-09T04:00:00"),
    ("on a day of 25 hours", "us", "2026-10-02", "", "2026-11-01", "2026-11-02T05:00:00"),
    ("in summer", "us", "2026-06-01", "", "2026-07-01", "2026-07-02T04:00:00"),
    ("fifteen more, over daylight saving", "us", "2026-01-25", MORE, "2026-03-11", "2026-03-12T04:00:00"),
    ("fifteen more, on a Sunday", "us", "2026-01-15", MORE, "2026-03-01", "2026-03-02T05:00:00"),
    ("fifteen more, on a leap day", "us", "2024-01-15", MORE, "2024-02-29", "2024-03-01T05:00:00"),
    ("a month", "eu", "2026-01-15", "", "2026-02-16", "2026-02-16T23:00:00"),
    ("a month from the 31st, and a weekend", "eu", "2026-01-31", "", "2026-03-02", "2026-03-02T23:00:00"),
    ("a month to a leap day", "eu", "2024-01-31", "", "2024-02-29", "2024-02-29T23:00:00"),
    ("to Good Friday", "eu", "2026-03-03", "", "2026-04-07", "2026-04-07T22:00:00"),
    ("to Easter Monday", "eu", "2026-03-06", "", "2026-04-07", "2026-04-07T22:00:00"),
    ("to the first of May, a Friday", "eu", "2026-04-01", "", "2026-05-04", "2026-05-04T22:00:00"),
    ("to Whit Monday", "eu", "2026-04-25", "", "2026-05-26", "2026-05-26T22:00:00"),
    ("to Boxing Day, a Saturday", "eu", "2026-11-26", "", "2026-12-28", "2026-12-28T23:00:00"),
    ("to the Saturday before summer time", "eu", "2026-02-28", "", "2026-03-30", "2026-03-30T22:00:00"),
    ("to the Sunday that ends it", "eu", "2026-09-25", "", "2026-10-26", "2026-10-26T23:00:00"),
    ("two months more", "eu", "2026-01-31", MORE, "2026-04-30", "2026-04-30T22:00:00"),
    ("two months more, to a holiday on a Saturday", "eu", "2026-07-03", MORE, "2026-10-05", "2026-10-05T22:00:00"),
    ("two months more, to the end of February", "eu", "2025-11-30", MORE, "2026-03-02", "2026-03-02T23:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "came", "more", "last_day", "due"), [c[1:] for c in ANSWERS], ids=[c[0] for c in ANSWERS]
)
def test_the_last_day_of_an_answer(name: str, came: str, more: str, last_day: str, due: str) -> None:
    found = answer_by(date.fromisoformat(came), PROFILES[name], extended=bool(more))
    assert found == date.fromisoformat(last_day)
    assert end_of(found, PROFILES[name].zone_info) == datetime.fromisoformat(due).replace(tzinfo=UTC)


# -- the last day on which a provider may be asked (rules D12) ---------------------------------------------------------

# (what it stands for, day on which the dispute came, the last of five business days in the United States)
ASKED = [
    ("a Monday, over one weekend", "2026-03-02", "2026-03-09"),
    ("a Friday: Monday is the first", "2026-03-06", "2026-03-13"),
    ("a Saturday: Monday is the first too", "2026-03-07", "2026-03-13"),
    ("a Sunday", "2026-03-08", "2026-03-13"),
    ("the day before Thanksgiving", "2026-11-25", "2026-12-03"),
    ("Thanksgiving itself", "2026-11-26", "2026-12-03"),
    ("over Labor Day, a Monday", "2026-09-04", "2026-09-14"),
    ("over Christmas, a Friday", "2026-12-23", "2026-12-31"),
    ("over Christmas and New Year", "2026-12-24", "2027-01-04"),
    ("over New Year, a Friday", "2026-12-28", "2027-01-05"),
    ("over a holiday on a Saturday, which takes no Friday", "2026-07-01", "2026-07-08"),
    ("over a holiday on a Sunday, which takes the Monday", "2027-07-01", "2027-07-09"),
    ("on New Year's Day", "2026-01-01", "2026-01-08"),
    ("a leap day", "2028-02-29", "2028-03-07"),
    ("over a leap day", "2028-02-24", "2028-03-02"),
    ("a year whose holidays are not known: its weekends alone", "2029-12-24", "2029-12-31"),
]


@pytest.mark.parametrize(("came", "last_day"), [c[1:] for c in ASKED], ids=[c[0] for c in ASKED])
def test_the_last_day_on_which_a_provider_may_be_asked(came: str, last_day: str) -> None:
    assert asked_by(date.fromisoformat(came), PROFILES["us"]) == date.fromisoformat(last_day)
    assert asked_by(date.fromisoformat(came), PROFILES["cn"]) is None


def test_business_days_are_those_on_which_people_work_there() -> None:
    """The Saturday before the Spring Festival is worked, and the nine days of the festival are not."""
    assert asked_by(date(2026, 2, 12), replace(PROFILES["cn"], asked_within=5)) == date(2026, 2, 26)


# -- clocks of other profiles (rules D5, D11 and R24) ------------------------------------------------------------------

# (what it stands for, profile, kind, beginning, end, lapses at in UTC)
CLOCKS = [
    ("from the beginning and 180 days, open", "us", "card.overdue", "2025-03-01", "", "2032-08-29T04:00:00"),
    ("the same, settled", "us", "card.overdue", "2025-03-01", "2025-09-15", "2032-08-29T04:00:00"),
    ("the same, settled years later", "us", "card.overdue", "2025-03-01", "2031-09-15", "2032-08-29T04:00:00"),
    ("180 days to a leap day", "us", "loan.overdue", "2023-09-02", "", "2031-03-01T05:00:00"),
    ("180 days over a leap day", "us", "loan.overdue", "2023-10-01", "", "2031-03-30T04:00:00"),
    ("180 days over the end of a year", "us", "ride.unpaid", "2025-08-01", "", "2033-01-29T05:00:00"),
    ("seven years to a day of 23 hours", "us", "hotel.no_show", "2026-03-14", "", "2033-03-15T04:00:00"),
    ("seven years to a day of 25 hours", "us", "hotel.no_show", "2026-11-06", "", "2033-11-07T05:00:00"),
    ("a judgment, without delay", "us", "court.listing", "2024-02-29", "", "2031-03-01T05:00:00"),
    ("a no-show, without delay", "us", "hotel.no_show", "2025-08-20", "", "2032-08-21T04:00:00"),
    ("no clock before the end", "cn", "card.overdue", "2025-03-01", "", ""),
    ("no clock before the end, legal", "cn", "court.listing", "2025-03-01", "", ""),
    ("no clock before the end, west", "eu", "loan.overdue", "2025-03-01", "", ""),
    ("three years", "eu", "card.overdue", "2025-03-01", "2026-03-28", "2029-03-28T22:00:00"),
    ("three years from a leap day", "eu", "card.overdue", "2023-03-01", "2024-02-29", "2027-02-28T23:00:00"),
    ("three years, and no holiday shifts them", "eu", "hotel.no_show", "2023-04-03", "", "2026-04-03T22:00:00"),
    ("five years, on a holiday", "cn", "court.listing", "2020-01-01", "2021-10-01", "2026-10-01T16:00:00"),
    ("two years, and no weekend shifts them", "cn", "hotel.no_show", "2024-02-15", "", "2026-02-15T16:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "began", "ended", "lapses_at"), [c[1:] for c in CLOCKS], ids=[c[0] for c in CLOCKS]
)
def test_clock(name: str, kind: str, began: str, ended: str, lapses_at: str) -> None:
    found = clock_of(kind, date.fromisoformat(began), date.fromisoformat(ended) if ended else None, PROFILES[name])
    assert (found.lapses_at if found else None) == (
        datetime.fromisoformat(lapses_at).replace(tzinfo=UTC) if lapses_at else None
    )


def test_a_profile_may_shift_lapses_too() -> None:
    shifting = replace(PROFILES["cn"], calendar=replace(PROFILES["cn"].calendar, shifts_lapses=True))
    assert last_day_of(LIFE, date(2024, 2, 15), shifting) == date(2026, 2, 24)
    assert last_day_of(LIFE, date(2024, 2, 13), shifting) == date(2026, 2, 13)


EARLY = [
    ("the day of the report", "2026-01-15", "2026-01-15", "2027-07-15T22:00:00"),
    ("the hundredth day", "2026-04-25", "2026-01-15", "2027-10-25T22:00:00"),
    ("a day too late", "2026-04-26", "2026-01-15", None),
    ("paid before it was reported", "2025-12-31", "2026-01-15", "2027-06-30T22:00:00"),
    ("eighteen months to the end of February", "2026-08-31", "2026-07-01", "2028-02-29T23:00:00"),
    ("the day of the report is not known", "2026-01-15", None, None),
]


@pytest.mark.parametrize(("ended", "reported", "at"), [c[1:] for c in EARLY], ids=[c[0] for c in EARLY])
def test_what_is_paid_soon_is_gone_after_eighteen_months(ended: str, reported: str | None, at: str | None) -> None:
    """(rules D11)"""
    day, reported_on = date.fromisoformat(ended), date.fromisoformat(reported) if reported else None
    found = early_at(day, day, reported_on, PROFILES["eu"])
    assert found == (datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None)
    assert early_at(day, day, date(2026, 1, 15), PROFILES["cn"]) is None


def test_there_are_enough_deadlines() -> None:
    assert len(CASES) + len(ANSWERS) + len(ASKED) + len(CLOCKS) + len(EARLY) >= 120
