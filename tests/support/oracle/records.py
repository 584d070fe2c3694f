"""What must become of one negative record, worked out the slow and plain way, apart from the services.

The rules are read from the rule book and from the retention profile's file, not from the code of retention, and
nothing of the services is imported here. All that was ever said of the record stays in a list, and the last of it is
looked at.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shared.contracts.kinds import KIND_OF, Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a partner tells of a record; `id` is the partner's own."""

    id: str
    kind: str
    status: Literal["reported", "settled"]
    began_on: date | None = None
    ended_on: date | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One version of the record, as subscribers hear of it. `said_at` is what the clock showed then."""

    version: int
    status: str
    kind: str
    began_on: date
    amount: int | None
    ended_on: date | None
    lapses_at: datetime | None
    said_at: datetime


@dataclass(slots=True)
class Record:
    """Tell it of every report and of every instant to which the clock was set; `news` is what must come out."""

    profile: Mapping[str, Any]
    news: list[News] = field(default_factory=list)
    _waiting: list[Report] = field(default_factory=list)
    _gone: bool = False

    @property
    def counts(self) -> bool:
        return bool(self.news) and not self._gone

    @property
    def is_settled(self) -> bool:
        return self.news[-1].ended_on is not None

    @property
    def record_class(self) -> str:
        return _class_of(self.news[-1].kind)

    def take(self, report: Report, now: datetime) -> str:
        """ "accepted", "duplicate", or the code of the refusal."""
        if self._gone:
            return "lapsed"
        if self.news:
            return self._again(report, now)
        if report.status == "reported":
            return self._first(report, now)
        if report in self._waiting:
            return "duplicate"
        self._waiting.append(report)
        return "accepted"

    def expire(self, now: datetime) -> None:
        """The clock was set: the record is gone if its deadline is over."""
        if self.counts and (lapses_at := self.news[-1].lapses_at) and lapses_at <= now:
            self.news.append(replace(self.news[-1], version=len(self.news) + 1, status="expired", said_at=now))
            self._gone = True

    def _first(self, report: Report, now: datetime) -> str:
        """The first report, and the settlements that were there before it, as if they had come after it."""
        assert report.began_on is not None
        at_once = KIND_OF[report.kind].ends is Ends.AT_ONCE
        ended_on = report.began_on if at_once else report.ended_on
        self._say(report.kind, report.began_on, report.amount, ended_on, ended_on is None or at_once, now)
        for settlement in self._waiting:
            assert self._settle(settlement, now) == "accepted", "a settlement that is refused late: teach the oracle"
        if (lapses_at := self.news[-1].lapses_at) and lapses_at <= now:
            self.news.clear()
            self._gone = True
            return "lapsed"
        return "accepted"

    def _again(self, report: Report, now: datetime) -> str:
        known = self.news[0]
        if report.status == "settled":
            return self._settle(report, now)
        if (report.kind, report.began_on, report.amount) != (known.kind, known.began_on, known.amount):
            return "conflict"
        assert report.ended_on in (None, *(news.ended_on for news in self.news)), "reported again: teach the oracle"
        return "duplicate"

    def _settle(self, report: Report, now: datetime) -> str:
        known, ended_on = self.news[-1], report.ended_on
        assert ended_on is not None
        if report.kind != known.kind or report.began_on not in (None, known.began_on):
            return "conflict"
        if ended_on < known.began_on:
            return "dates-contradict"
        if KIND_OF[known.kind].ends is Ends.AT_ONCE:
            ended_on = known.began_on
        if ended_on in [news.ended_on for news in self.news if news.status == "settled"]:
            return "duplicate"
        if known.ended_on and ended_on > known.ended_on:
            return "re-ageing"
        self._say(known.kind, known.began_on, known.amount, ended_on, False, now)
        return "accepted"

    def _say(
        self, kind: str, began_on: date, amount: int | None, ended_on: date | None, is_open: bool, now: datetime
    ) -> None:
        self.news.append(
            News(
                version=len(self.news) + 1,
                status="open" if is_open else "settled",
                kind=kind,
                began_on=began_on,
                amount=amount,
                ended_on=ended_on,
                lapses_at=deadline(kind, ended_on, self.profile) if ended_on else None,
                said_at=now,
            )
        )


def deadline(kind: str, ended_on: date, profile: Mapping[str, Any]) -> datetime:
    """The end of the same day so many years on, or of that month's last one."""
    year = ended_on.year + profile["years"][_class_of(kind)]
    last_day = date(year, ended_on.month, min(ended_on.day, monthrange(year, ended_on.month)[1]))
    return datetime.combine(last_day + timedelta(days=1), time(), ZoneInfo(profile["zone"])).astimezone(UTC)


def _class_of(kind: str) -> str:
    return str(KIND_OF[kind].record_class)
