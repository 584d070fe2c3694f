"""What a person is told of all that is held: on request, and once a year (rules R25 and R26). Pure.

The yearly run of a shard goes through its people in the order of their user_ids. How far it has come is the cursor:

    ""              the first year is not over yet
    "2027/5c1f.."   the summaries of 2027 are sent up to this person
    "2027"          all of them are
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TypeAlias

import msgspec

from services.retention.core.deadline import day_of, end_of
from services.retention.core.decide import Person
from services.retention.core.record import Unreported, counts
from shared.contracts.erasure import ON_THE_WAY_MAX
from shared.contracts.retention_profile import Profile
from shared.contracts.subject import SubjectAnswer, SubjectNotice

Given: TypeAlias = tuple[str, int]
"""A free report that was given: the id of its request, and the calendar year that it counts in."""


class Export(msgspec.Struct, frozen=True):
    """The person asks for all that is held."""

    user_id: str
    request_id: str
    asked_at: datetime
    """When the request was appended, which decides the year that it counts in."""
    time: datetime
    """The request's own, for its answer."""


class Summarize(msgspec.Struct, frozen=True):
    """A year has begun, and the person is told what is held."""

    user_id: str
    year: int


# -- on request --------------------------------------------------------------------------------------------------------


def granted(asked: Export, given: tuple[Given, ...], profile: Profile) -> tuple[SubjectAnswer, Given | None]:
    """The answer, and the free report that it counts as, if that is a new one (rules R26).

    What is held does not travel over a topic, where a copy of it would lie for a week: each service shows it.
    """
    free, year = profile.free_reports, day_of(asked.asked_at, profile).year
    if free is None or any(request_id == asked.request_id for request_id, _ in given):
        return _free(asked), None
    if sum(counted == year for _, counted in given) < free.a_year:
        return _free(asked), (asked.request_id, year)
    return (_for_a_fee if free.then == "fee" else _not_again)(asked, free.a_year, date(year + 1, 1, 1)), None


def kept_until(year: int, profile: Profile) -> datetime:
    """Until when a free report of that year is remembered: no request of the year can still be on its way then."""
    return begins_at(year + 1, profile) + ON_THE_WAY_MAX


def _free(asked: Export) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="export",
        service="retention",
        status="done",
        code="may-be-read",
        en="All that is held about you may be read now.",
        zh="现在可以查阅系统中与您有关的全部数据。",
    )


def _for_a_fee(asked: Export, free: int, day: date) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="export",
        service="retention",
        status="done",
        code="may-be-read-for-a-fee",
        en=f"All that is held about you may be read now. You have had your {free} free reports of this year, so a fee "
        f"may be asked for this one; the next free one is from {day} on.",
        zh=f"现在可以查阅系统中与您有关的全部数据。您本年度的 {free} 次免费查询已用完，本次查询可能收费；"
        f"{day} 起可再次免费查询。",
        day=day,
    )


def _not_again(asked: Export, free: int, day: date) -> SubjectAnswer:
    return SubjectAnswer(
        request_id=asked.request_id,
        request="export",
        service="retention",
        status="refused",
        code="no-more-this-year",
        en=f"You have had your {free} reports of this year. The next one is from {day} on.",
        zh=f"您本年度的 {free} 次查询已用完，{day} 起可再次查询。",
        day=day,
    )


# -- once a year -------------------------------------------------------------------------------------------------------


def begins_at(year: int, profile: Profile) -> datetime:
    return end_of(date(year, 1, 1) - timedelta(days=1), profile.zone_info)


def summary(message: Summarize, person: Person) -> SubjectNotice:
    """Nothing of the records themselves: they may lapse or be erased while the message is kept."""
    held = [record for record in person.records.values() if not isinstance(record, Unreported)]
    year, counting = message.year, sum(map(counts, held))
    return SubjectNotice(
        notice="yearly-summary",
        version=year,
        en=f"At the beginning of {year} so many negative records about you are held: {len(held)}. Counted in "
        f"your score: {counting}. You may read each of them, with its last day, and all else that is held at any time.",
        zh=f"{year} 年初，系统中关于您的不良信息共 {len(held)} 条，其中 {counting} 条计入评分。"
        "您可随时查阅每条记录、到期日及其他全部信息。",
        records=len(held),
    )


class Run(msgspec.Struct, frozen=True):
    """The summaries of a year, under way; people up to `after` have theirs."""

    year: int
    after: str = ""

    def past(self, user_id: str) -> str:
        """The cursor when this person has had one."""
        return f"{self.year}/{user_id}"


def run_at(cursor: str, now: datetime, profile: Profile) -> Run | None:
    """The run that is under way or begins now; None if the year's is over. A year that passed while the service was
    down has none any more."""
    year = day_of(now, profile).year
    begun, is_under_way, after = cursor.partition("/")
    if not begun or int(begun) > year:
        return None
    if int(begun) < year:
        return Run(year)
    return Run(year, after) if is_under_way else None


def over_at(cursor: str, now: datetime, profile: Profile) -> tuple[str, datetime]:
    """The cursor where there is no run at this instant, and when the next one begins."""
    year = max(day_of(now, profile).year, int(cursor.partition("/")[0] or 0))
    return str(year), begins_at(year + 1, profile)
