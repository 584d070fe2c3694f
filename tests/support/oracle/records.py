"""What must become of one negative record, worked out the slow and plain way, apart from the services.

The rules are read from the rule book and from the retention profile's file, not from the code of retention, and
nothing of the services is imported here. All that was ever said of the record stays in a list, and the last of it is
looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from goodstanding.simulation.rule_book import class_of, counts_from, lapses_at
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Ends

WAITS_DAYS = 14
SETTLEMENTS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a partner tells of a record; `id` is the partner's own, `dispute` the number of the dispute it answers."""

    id: str
    kind: str
    status: Literal["reported", "settled", "resolved"]
    began_on: date | None = None
    ended_on: date | None = None
    amount: int | None = None
    outcome: Literal["confirmed", "corrected", "deleted", "unverifiable"] | None = None
    dispute: str | None = None
    time: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """When it was so, by the partner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One version of the record, as the scorer hears of it. `said_at` is what the clock showed then. The last one, that
    it has expired or is deleted, says nothing of what it was."""

    version: int
    status: str
    kind: str | None
    began_on: date | None
    amount: int | None
    ended_on: date | None
    lapses_at: datetime | None
    said_at: datetime
    counts: bool = True


@dataclass(slots=True)
class _Facts:
    kind: str
    began_on: date
    amount: int | None
    ended_on: date | None
    is_open: bool

    @property
    def at_once(self) -> bool:
        return KIND_OF[self.kind].ends is Ends.AT_ONCE


@dataclass(slots=True)
class _Dispute:
    """`over_at`: until then its provider may answer."""

    number: str
    over_at: datetime
    outcome: Literal["asked", "confirmed", "corrected", "unverifiable"] = "asked"


@dataclass(slots=True)
class Record:
    """Give it every report, what its person asks, and every instant to which the clock was set; `news` is what must be
    published."""

    profile: Mapping[str, Any]
    news: list[News] = field(default_factory=list)
    _facts: _Facts | None = None
    _dispute: _Dispute | None = None
    _corrected_at: datetime | None = None
    """The time of the correction that said when it ended."""
    _ends: list[date] = field(default_factory=list)
    """All days of its end that were taken."""
    _waiting: list[Report] = field(default_factory=list)
    _amounts_at: list[datetime] = field(default_factory=list)
    """The times of all reports with an amount that were taken."""
    _waits_until: datetime | None = None
    _counts_from: datetime | None = None
    """Until then the person has not known of it for long enough; None from then on."""
    _gone: Literal["", "lapsed", "deleted"] = ""
    late_answers: list[tuple[Report, str]] = field(default_factory=list)
    """What became of the settlements that had waited for the last report."""

    @property
    def counts(self) -> bool:
        disputed = self._dispute is not None and self._dispute.outcome in ("asked", "unverifiable")
        return self._facts is not None and not self._gone and not disputed and self._counts_from is None

    @property
    def has_counted(self) -> bool:
        """Whether anybody but the person has ever heard of it, as subscribers do."""
        return any(news.counts for news in self.news)

    @property
    def is_settled(self) -> bool:
        return self._facts is not None and self._facts.ended_on is not None

    @property
    def record_class(self) -> str:
        return class_of(self.news[0].kind or "")

    def take(self, report: Report, now: datetime) -> str:
        """ "accepted", "duplicate", or the code of the refusal."""
        if self._gone:
            return "duplicate" if report.outcome == "deleted" else self._gone
        if report.status == "resolved":
            return self._resolve(report, now)
        if report.status == "reported" and self._is_over(report, now):
            return "lapsed"
        if self._facts:
            return self._again(self._facts, report, now)
        if report.status == "reported":
            return self._first(report, now)
        if any(_same(report, waiting) for waiting in self._waiting):
            return "duplicate"
        if len(self._waiting) == SETTLEMENTS_MAX:
            return "too-many"
        self._waiting.append(report)
        self._waits_until = now + timedelta(days=WAITS_DAYS)
        return "accepted"

    def dispute(self, number: str, now: datetime) -> str:
        """The code of the answer to the person."""
        if self._facts is None or self._gone:
            return "no-such-record"
        assert self._dispute is None, "a second dispute of a record: teach the oracle"
        self._dispute = _Dispute(number, _answered_by(now, self.profile))
        self._say(now)
        return "asked"

    def expire(self, now: datetime) -> list[Report]:
        """The clock was set: the record is gone if its deadline is over, a dispute ends that nobody has answered, and
        the record counts once its person has known of it for long enough.
        Returns the settlements that have waited too long, each of which is refused."""
        if not self.news and self._waits_until is not None and self._waits_until <= now:
            late, self._waiting, self._waits_until = self._waiting, [], None
            return late
        over = self.news[-1].lapses_at if self._facts and not self._gone else None
        asked = self._dispute if self._dispute and self._dispute.outcome == "asked" and not self._gone else None
        if asked and asked.over_at <= now and (over is None or asked.over_at < over):
            self._say_unverifiable(asked, now)
        if self._counts_from is not None and self._counts_from <= now and not (over and over <= now):
            self._counts_from = None
            if self.counts:
                self._say(now)
        if over and over <= now and not self._gone:
            self._end("lapsed", "expired", now)
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
        self._facts = _Facts(report.kind, report.began_on, report.amount, ended_on, ended_on is None or at_once)
        self._ends = [ended_on] if ended_on and not at_once else []
        self._note_amount(report)
        self._counts_from = counts_from(report.kind, now, self.profile)
        self._say(now)
        self.late_answers = [(settlement, self._settle(self._facts, settlement, now)) for settlement in self._waiting]
        return "accepted"

    def _again(self, facts: _Facts, report: Report, now: datetime) -> str:
        if report.status == "settled":
            return self._settle(facts, report, now)
        if (report.kind, report.began_on) != (facts.kind, facts.began_on):
            return "conflict"
        assert report.ended_on in (None, *(news.ended_on for news in self.news)), "reported again: teach the oracle"
        if report.amount is None:
            return "duplicate"
        latest = max(self._amounts_at, default=None)
        if report.amount == facts.amount or (latest is not None and report.time < latest):
            self._note_amount(report)
            return "duplicate"
        if not facts.is_open or report.time == latest:
            return "conflict"
        self._note_amount(report)
        facts.amount = report.amount
        self._say(now)
        return "accepted"

    def _settle(self, facts: _Facts, report: Report, now: datetime) -> str:
        ended_on = report.ended_on
        assert ended_on is not None
        if report.kind != facts.kind or report.began_on not in (None, facts.began_on):
            return "conflict"
        if ended_on < facts.began_on and ended_on not in self._ends:
            return "dates-contradict"
        if facts.at_once:
            ended_on = facts.began_on
        if ended_on in self._ends:
            return "duplicate"
        if self._corrected_at is not None:
            return "duplicate" if report.time <= self._corrected_at else "conflict"
        if facts.ended_on and ended_on > facts.ended_on:
            return "re-ageing"
        if len(self._ends) == SETTLEMENTS_MAX:
            return "too-many"
        self._end_on(facts, ended_on)
        self._say(now)
        return "accepted"

    def _end_on(self, facts: _Facts, ended_on: date) -> None:
        facts.ended_on, facts.is_open = ended_on, False
        self._ends.append(ended_on)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _resolve(self, report: Report, now: datetime) -> str:
        dispute = self._dispute
        if report.dispute and (dispute is None or dispute.number != report.dispute):
            return "not-disputed"
        assert self._facts, "an answer without a report: teach the oracle"
        match report.outcome:
            case "deleted":
                self._end("deleted", "deleted", now)
                return "accepted"
            case "corrected":
                return self._correct(self._facts, report, now)
            case "confirmed" | "unverifiable" as outcome:
                assert dispute is not None
                if dispute.outcome == outcome:
                    return "duplicate"
                if dispute.outcome != "asked":
                    return "answered"
                dispute.outcome = outcome
                self._say(now)
                return "accepted"
        raise AssertionError(report)

    def _correct(self, facts: _Facts, report: Report, now: datetime) -> str:
        before = replace(facts)
        if report.ended_on and not facts.at_once and (self._corrected_at is None or report.time > self._corrected_at):
            self._corrected_at = report.time
            if report.ended_on != facts.ended_on:
                self._end_on(facts, report.ended_on)
        if report.amount is not None and report.time > max(self._amounts_at, default=_LONG_AGO):
            self._note_amount(report)
            facts.amount = report.amount
        answers = report.dispute is not None and self._dispute is not None and self._dispute.outcome == "asked"
        if answers:
            assert self._dispute is not None
            self._dispute.outcome = "corrected"
        if facts == before and not answers:
            return "duplicate"
        self._say(now)
        assert self.news[-1].lapses_at is None or self.news[-1].lapses_at > now, "lapsed at once: teach the oracle"
        return "accepted"

    def _say_unverifiable(self, dispute: _Dispute, now: datetime) -> None:
        dispute.outcome = "unverifiable"
        assert self.profile["unverifiable"] == "stands", "another profile: teach the oracle"
        self._say(now)

    # -- what is said ----------------------------------------------------------------------------------------------

    def _note_amount(self, report: Report) -> None:
        if report.amount is not None:
            self._amounts_at.append(report.time)

    def _say(self, now: datetime) -> None:
        facts = self._facts
        assert facts is not None
        status = "open" if facts.is_open else "settled"
        if self._dispute:
            status = "disputed" if self._dispute.outcome == "asked" else self._dispute.outcome
        self.news.append(
            News(
                version=len(self.news) + 1,
                status=status,
                kind=facts.kind,
                began_on=facts.began_on,
                amount=facts.amount,
                ended_on=facts.ended_on,
                lapses_at=lapses_at(facts.kind, facts.ended_on, self.profile) if facts.ended_on else None,
                said_at=now,
                counts=self.counts,
            )
        )

    def _end(self, how: Literal["lapsed", "deleted"], status: str, now: datetime) -> None:
        nothing = dict.fromkeys(("kind", "began_on", "amount", "ended_on", "lapses_at"))
        self.news.append(News(version=len(self.news) + 1, status=status, said_at=now, counts=False, **nothing))
        self._gone = how


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _same(one: Report, other: Report) -> bool:
    """Whether two settlements say the same; what was paid is not what was owed."""
    return (one.kind, one.began_on, one.ended_on) == (other.kind, other.began_on, other.ended_on)


def _answered_by(now: datetime, profile: Mapping[str, Any]) -> datetime:
    """The end of the last day on which a provider may answer what is asked now (rules D10)."""
    zone, calendar = zones.zone(profile["zone"]), profile.get("calendar", {})
    day = now.astimezone(zone).date() + timedelta(days=profile["answer_days"])
    while calendar.get("shifts_answers") and not _is_working_day(day, calendar):
        day += timedelta(days=1)
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)


def _is_working_day(day: date, calendar: Mapping[str, Any]) -> bool:
    if day in calendar.get("working_days", ()):
        return True
    return day.weekday() < 5 and day not in calendar.get("holidays", ())
