"""A retention profile (`policies/retention/<profile>.toml`; rules D1 to D11 and E10): its types, and what can be wrong
in it.

Two services read it: retention for deadlines, ingest for where behavior ends. Which kinds end at once and which on
settlement is no profile's choice; that is in `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from shared.contracts import zones
from shared.contracts.kinds import RecordClass
from shared.contracts.policy_parts import ByClass, PolicyFault, faults_of_name

YEARS_MAX = 50
"""More is a slip of the pen: nobody is to be held to half a century. Far from what a date can hold."""
DAYS_MAX = 366
MONTHS_MAX = 12


class Years(ByClass, frozen=True):
    """Calendar years after the day the behavior ended, by class."""


class DelayDays(ByClass, frozen=True):
    """Days after the beginning from which the years of a kind that is settled are counted, by class."""

    legal: int = 0
    financial: int = 0
    life: int = 0


class NoticeDays(ByClass, frozen=True):
    """How many whole days the person knows of a record before it counts, by class. What is public by law needs none."""

    legal: int = 0
    financial: int = 0
    life: int = 0


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time to answer in: calendar months, and then days."""

    months: int = 0
    days: int = 0


class Early(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that was paid so soon lapses so early, unless something else is held of the person then (rules D11)."""

    months: int
    """After the day of the end."""
    paid_within_days: int
    """After the day on which the record was reported."""


class FreeReports(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a person may read for free all that is held, and what a further request in the year comes to."""

    a_year: int
    """In a calendar year of the zone."""
    then: Literal["fee", "refused"]
    """It is granted and a fee may be asked for it, or it is not granted."""


class Warnings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days ahead the person is told of a last day; 0 is never."""

    lapse_days: int = 0
    answer_days: int = 0


Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The days on which nobody works, as data: which they are is announced from year to year (decision 0032)."""

    weekend: tuple[Weekday, ...] = ("saturday", "sunday")
    holidays: tuple[date, ...] = ()
    working_days: tuple[date, ...] = ()
    """Days of a weekend on which everybody works, since a holiday was moved."""
    shifts_answers: bool = False
    """Whether the last day of an answer that is no working day is the next one that is."""
    shifts_lapses: bool = False
    """The same for the last day of a record, which is to the person's harm."""

    def works_on(self, day: date) -> bool:
        return day in self.working_days or (day not in self.holidays and WEEKDAYS[day.weekday()] not in self.weekend)


class Profile(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """Valid only if it has no faults."""

    name: str
    zone: str
    """A deadline is the end of its last day in this IANA zone."""
    answer_days: int = 0
    """How long a provider has to answer a dispute, in days; the day on which it was asked is not counted."""
    answer_months: int = 0
    """The same in calendar months, before the days."""
    extension: Span = Span()
    """How much longer it has if the person adds to a dispute while it is checked; once."""
    asked_within: int = 0
    """The number of working days after the day of a dispute within which its provider must be asked; 0 where no law
    names a number. It is asked at once, and a question that goes out after that time is counted as late (rules D12)."""
    unverifiable: Literal["deletes", "stands"] = "stands"
    """What becomes of a record of which nobody can say that it is right."""
    while_disputed: Literal["shown", "withheld"] = "shown"
    """Whether others may see a record that is being checked, marked as disputed (rules R27)."""
    clock: Literal["end", "beginning"] = "end"
    """What the years are counted from: the end of the bad behavior, or its beginning, which is then never later."""
    delay_days: DelayDays = DelayDays()
    notice_days: NoticeDays = NoticeDays()
    behavior_days_late_max: int
    """What is later than this is a negative record and no behavior; ingest holds to it."""
    years: Years
    early: Early | None = None
    warnings: Warnings = Warnings()
    free_reports: FreeReports | None = None
    """None where every report is free (rules R26)."""
    calendar: Calendar = Calendar()

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return zones.zone(self.zone)

    def faults(self) -> Iterator[PolicyFault]:
        """What the types cannot say."""
        yield from faults_of_name(self.name)
        try:
            zones.zone(self.zone)
        except zones.ZoneError as error:
            yield PolicyFault(("zone",), str(error))
        for record_class in RecordClass:
            if not 1 <= self.years.of(record_class) <= YEARS_MAX:
                sentence = f"Write a whole number of years from 1 to {YEARS_MAX}."
                yield PolicyFault(("years", record_class.value), sentence)
        if not 1 <= self.behavior_days_late_max <= DAYS_MAX:
            yield PolicyFault(("behavior_days_late_max",), f"Write a whole number of days from 1 to {DAYS_MAX}.")
        yield from self._faults_of_answers()
        for key, days in self._days().items():
            if not 0 <= days <= DAYS_MAX:
                yield PolicyFault(key, f"Write a whole number of days from 0 to {DAYS_MAX}.")
        if self.early is not None and not 1 <= self.early.months <= 12 * YEARS_MAX:
            yield PolicyFault(("early", "months"), f"Write a whole number of months from 1 to {12 * YEARS_MAX}.")
        if self.free_reports is not None and not 1 <= self.free_reports.a_year <= DAYS_MAX:
            yield PolicyFault(("free_reports", "a_year"), f"Write a whole number from 1 to {DAYS_MAX}.")
        if any(self.delay_days.of(each) for each in RecordClass) and self.clock != "beginning":
            yield PolicyFault(("delay_days",), 'Days of delay are for `clock = "beginning"`.')

        if len(set(self.calendar.weekend)) == len(WEEKDAYS):
            yield PolicyFault(("calendar", "weekend"), "Leave a day of the week on which people work.")

    def _faults_of_answers(self) -> Iterator[PolicyFault]:
        for key, months in ((("answer_months",), self.answer_months), (("extension", "months"), self.extension.months)):
            if not 0 <= months <= MONTHS_MAX:
                yield PolicyFault(key, f"Write a whole number of months from 0 to {MONTHS_MAX}.")
        if not 0 <= self.answer_days <= DAYS_MAX or not (self.answer_days or self.answer_months):
            yield PolicyFault(("answer_days",), f"Write a whole number of days from 1 to {DAYS_MAX}.")

    def _days(self) -> dict[tuple[str, ...], int]:
        return {
            ("asked_within",): self.asked_within,
            **{("notice_days", each.value): self.notice_days.of(each) for each in RecordClass},
            ("extension", "days"): self.extension.days,
            ("warnings", "lapse_days"): self.warnings.lapse_days,
            ("warnings", "answer_days"): self.warnings.answer_days,
            ("early", "paid_within_days"): self.early.paid_within_days if self.early else 0,
            **{("delay_days", each.value): self.delay_days.of(each) for each in RecordClass},
        }
