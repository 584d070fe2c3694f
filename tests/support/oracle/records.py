"""What must become of one negative record, worked out the slow and plain way, apart from the services.

The rules are read from the rule book and from the retention profile's file, not from the code of retention, and
nothing of the services is imported here. All that was ever said of the record stays in a list, and the last of it is
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from goodstanding.simulation.rule_book import class_of, lapses_at
from shared.contracts.kinds import KIND_OF, Ends

WAITS_DAYS = 14
SETTLEMENTS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a partner tells of a record; `id` is the partner's own."""

    id: str
    kind: str
    status: Literal["reported", "settled"]
    began_on: date | None = None
    ended_on: date | None = None
    amount: int | None = None
    time: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """When it was so, by the partner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One version of the record, as the scorer hears of it. `said_at` is what the clock showed then. The last one, that
    it has expired, says nothing of what it was."""

    version: int
    status: str
    kind: str | None
    began_on: date | None
    amount: int | None
    ended_on: date | None
    lapses_at: datetime | None
    said_at: datetime


@dataclass(slots=True)
class Record:
    """Give it every report, and every instant to which the clock was set; `news` is what must be published."""

    profile: Mapping[str, Any]
    news: list[News] = field(default_factory=list)
    _waiting: list[Report] = field(default_factory=list)
    _told: list[Report] = field(default_factory=list)
    """The reports that were taken."""
    _waits_until: datetime | None = None
    _gone: bool = False
    late_answers: list[tuple[Report, str]] = field(default_factory=list)
    """What became of the settlements that had waited for the last report."""

    @property
    def counts(self) -> bool:
        return bool(self.news) and not self._gone

    @property
    def is_settled(self) -> bool:
        return self.news[-1].ended_on is not None

    @property
    def record_class(self) -> str:
        return class_of(self.news[0].kind or "")

    def take(self, report: Report, now: datetime) -> str:
        """ "accepted", "duplicate", or the code of the refusal."""
        if self._gone:
            return "lapsed"
        if report.status == "reported" and self._is_over(report, now):
            return "lapsed"
        if self.news:
            return self._again(report, now)
        if report.status == "reported":
            return self._first(report, now)
        if any(_same(report, waiting) for waiting in self._waiting):
            return "duplicate"
        if len(self._waiting) == SETTLEMENTS_MAX:
            return "too-many"
        self._waiting.append(report)
        self._waits_until = now + timedelta(days=WAITS_DAYS)
        return "accepted"

    def expire(self, now: datetime) -> list[Report]:
        """The clock was set: the record is gone if its deadline is over. Returns the settlements that have waited too
        long, each of which is refused."""
        if not self.news and self._waits_until is not None and self._waits_until <= now:
            late, self._waiting, self._waits_until = self._waiting, [], None
            return late
        if self.counts and (over := self.news[-1].lapses_at) and over <= now:
            version = len(self.news) + 1
            self.news.append(
                News(
                    version=version,
                    status="expired",
                    kind=None,
                    began_on=None,
                    amount=None,
                    ended_on=None,
                    lapses_at=None,
                    said_at=now,
                )
            )
            self._gone = True
        return []

    def _is_over(self, report: Report, now: datetime) -> bool:
        """Whether the report's own days are over on arrival, and it is not what has been taken already."""
        ended_on = report.began_on if KIND_OF[report.kind].ends is Ends.AT_ONCE else report.ended_on
        if ended_on is None or lapses_at(report.kind, ended_on, self.profile) > now:
            return False
        return ended_on not in [news.ended_on for news in self.news]

    def _first(self, report: Report, now: datetime) -> str:
        """The first report, and the settlements that were there before it, as if they had come after it."""
        assert report.began_on is not None
        at_once = KIND_OF[report.kind].ends is Ends.AT_ONCE
        ended_on = report.began_on if at_once else report.ended_on
        self._say(report.kind, report.began_on, report.amount, ended_on, ended_on is None or at_once, now)
        self._told.append(report)
        self.late_answers = [(settlement, self._settle(settlement, now)) for settlement in self._waiting]
        return "accepted"

    def _again(self, report: Report, now: datetime) -> str:
        known, last = self.news[0], self.news[-1]
        if report.status == "settled":
            return self._settle(report, now)
        if (report.kind, report.began_on) != (known.kind, known.began_on):
            return "conflict"
        assert report.ended_on in (None, *(news.ended_on for news in self.news)), "reported again: teach the oracle"
        if report.amount is None:
            return "duplicate"
        latest = max((told.time for told in self._told if told.amount is not None), default=None)
        if report.amount == last.amount or (latest is not None and report.time < latest):
            self._told.append(report)
            return "duplicate"
        if last.status == "settled" or report.time == latest:
            return "conflict"
        self._told.append(report)
        self._say(last.kind, last.began_on, report.amount, last.ended_on, True, now)
        return "accepted"

    def _settle(self, report: Report, now: datetime) -> str:
        known, ended_on = self.news[-1], report.ended_on
        assert ended_on is not None
        assert known.kind is not None
        assert known.began_on is not None
        if report.kind != known.kind or report.began_on not in (None, known.began_on):
            return "conflict"
        if ended_on < known.began_on:
            return "dates-contradict"
        if KIND_OF[known.kind].ends is Ends.AT_ONCE:
            ended_on = known.began_on
        taken = [news.ended_on for news in self.news if news.status == "settled"]
        if ended_on in taken:
            return "duplicate"
        if known.ended_on and ended_on > known.ended_on:
            return "re-ageing"
        if len(taken) == SETTLEMENTS_MAX:
            return "too-many"
        self._say(known.kind, known.began_on, known.amount, ended_on, False, now)
        return "accepted"

    def _say(
        self,
        kind: str | None,
        began_on: date | None,
        amount: int | None,
        ended_on: date | None,
        is_open: bool,
        now: datetime,
    ) -> None:
        self.news.append(
            News(
                version=len(self.news) + 1,
                status="open" if is_open else "settled",
                kind=kind,
                began_on=began_on,
                amount=amount,
                ended_on=ended_on,
                lapses_at=lapses_at(kind, ended_on, self.profile) if kind and ended_on else None,
                said_at=now,
            )
        )


def _same(one: Report, other: Report) -> bool:
    """Whether two settlements say the same; what was paid is not what was owed."""
    return (one.kind, one.began_on, one.ended_on) == (other.kind, other.began_on, other.ended_on)
