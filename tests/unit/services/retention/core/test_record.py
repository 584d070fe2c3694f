"""The life of a record as a table of stories: what is told, in order, and what each piece of news leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest

from services.retention.core.bounds import (
    RECORDS_MAX,
    SETTLEMENTS_MAX,
    VERSIONS_MAX,
    lapsed_kept_until,
)
from services.retention.core.deadline import Deadline
from services.retention.core.decide import Person, Policy, Writes, decide
from services.retention.core.effects import Changed, Effect, Expired, Refused, Repeated, Waits
from services.retention.core.fingerprint import fingerprint, provider, record_id, unkeyed_record_id
from services.retention.core.messages import Due, Message, Report
from services.retention.core.record import Facts, Open, Settled
from services.retention.core.timers import due_at
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import Profile, Years

USER = "5" * 64
POLICY = Policy(
    profile=Profile(
        name="cn",
        zone="Asia/Shanghai",
        answer_days=20,
        behavior_days_late_max=90,
        years=Years(legal=5, financial=5, life=2),
    ),
    fingerprint_key=b"k" * 32,
)
KEY = POLICY.fingerprint_key
NOW = datetime(2026, 1, 15, 4, tzinfo=UTC)
CARD, RIDE, NO_SHOW, COURT = "card.overdue", "ride.unpaid", "hotel.no_show", "court.listing"


@dataclass(frozen=True)
class Told:
    """One report, and what it leads to: a line for each effect, as `said` writes it."""

    status: Literal["reported", "settled"]
    kind: str
    began: str | None = None
    ended: str | None = None
    amount: int | None = None
    on: str = "2026-01-15"
    partner: str = "bank"
    report: str = "r-1"
    at: int | None = None
    """The minute of the day's noon for which it was told; its place in the story if None, so that later is later."""
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Day:
    """The clock comes to 12:00 of a day in Shanghai, and all that is due fires, earliest deadline first."""

    on: str
    leads_to: tuple[str, ...] = ()


def reported(kind: str, began: str, *leads_to: str, **more: object) -> Told:
    return Told("reported", kind, began=began, leads_to=leads_to, **more)  # type: ignore[arg-type]  # fields as a case names them


def settled(kind: str, ended: str, *leads_to: str, **more: object) -> Told:
    return Told("settled", kind, ended=ended, leads_to=leads_to, **more)  # type: ignore[arg-type]  # fields as a case names them


def said(effect: Effect) -> str:
    """`<what> v<version> <amount> <day of the end> until <day after the last>`, days in Shanghai."""
    match effect:
        case Changed(record):
            status = "open" if isinstance(record, Open) else "settled"
            amount = f" {record.facts.amount}" if record.facts.amount is not None else ""
            clock = f" {record.deadline.ended_on} until {_day(record.deadline.lapses_at)}" if record.deadline else ""
            return f"{status} v{record.version}{amount}{clock}"
        case Expired(_, version, lapsed_at):
            return f"expired v{version} {_day(lapsed_at)}"
        case Refused(_, _, origin, fault):
            return f"refused {fault.code} {fault.field}".rstrip() + f" of {origin.rpartition('/')[2]}"
        case Waits():
            return "waits"
        case Repeated():
            return "repeated"
        case _:
            raise AssertionError("the stories of disputes are in test_disputes")


def _day(lapses_at: datetime) -> str:
    local = lapses_at.astimezone(POLICY.profile.zone_info)
    assert (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    return local.date().isoformat()


def _noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=4)


def _report(told: Told, place: int) -> Report:
    body = RecordReport(
        kind=told.kind,
        report_id=told.report,
        status=told.status,
        began_on=date.fromisoformat(told.began) if told.began else None,
        ended_on=date.fromisoformat(told.ended) if told.ended else None,
        amount=told.amount,
    )
    time = _noon(told.on) + timedelta(minutes=place if told.at is None else told.at)
    return Report(USER, told.partner, f"e-{place}", f"behavior.raw.{told.partner}/0/{place}", body, time)


def _happens(person: Person, news: Told | Day, place: int) -> tuple[Person, list[str]]:
    now = _noon(news.on)
    if isinstance(news, Told):
        decided = decide(person, [_report(news, place)], now, POLICY)
        return decided.person, [said(effect) for _, effect in decided.effects]
    lines = []
    while instants := sorted(due for r in person.records.values() if (due := due_at(r)) and due <= now):
        messages: list[Message] = [Due(USER, instants[0])]
        decided = decide(person, messages, now, POLICY)
        assert len(decided.person.records) < len(person.records)
        person = decided.person
        lines += [said(effect) for _, effect in decided.effects]
    return person, lines


STORIES: dict[str, Sequence[Told | Day]] = {
    # (rules R3, D1 and D5)
    "reported, settled, lapsed to the day": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        Day("2045-01-01"),
        settled(CARD, "2025-09-15", "settled v2 100 2025-09-15 until 2030-09-16"),
        Day("2030-09-15"),
        Day("2030-09-16", ("expired v3 2030-09-16",)),
        Day("2040-01-01"),
    ),
    "legal: five years": (
        reported(COURT, "2025-03-01", "open v1"),
        settled(COURT, "2025-12-31", "settled v2 2025-12-31 until 2031-01-01"),
        Day("2031-01-01", ("expired v3 2031-01-01",)),
    ),
    "life: two years": (
        reported(RIDE, "2025-03-01", "open v1"),
        settled(RIDE, "2025-09-15", "settled v2 2025-09-15 until 2027-09-16"),
        Day("2027-09-16", ("expired v3 2027-09-16",)),
    ),
    # (rules R5)
    "a kind that ends at once runs from the first day": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21"),
        Day("2027-08-20"),
        Day("2027-08-21", ("expired v2 2027-08-21",)),
    ),
    "a settlement never moves a kind that ends at once": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21"),
        settled(NO_SHOW, "2026-01-10", "settled v2 2025-08-20 until 2027-08-21"),
        settled(NO_SHOW, "2026-01-12", "repeated"),
        Day("2027-08-21", ("expired v3 2027-08-21",)),
    ),
    "an end that is told with a kind that ends at once moves nothing either": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21", ended="2025-12-20"),
        reported(NO_SHOW, "2025-08-20", "repeated", ended="2026-01-12"),
    ),
    "a settlement waits for a kind that ends at once": (
        settled(NO_SHOW, "2026-01-10", "waits"),
        reported(
            NO_SHOW,
            "2025-08-20",
            "open v1 2025-08-20 until 2027-08-21",
            "settled v2 2025-08-20 until 2027-08-21",
        ),
    ),
    "reported when it was over": (
        reported(RIDE, "2025-05-02", "settled v1 2025-06-01 until 2027-06-02", ended="2025-06-01"),
        settled(RIDE, "2025-06-01", "repeated"),
        reported(RIDE, "2025-05-02", "repeated"),
    ),
    "reported again with its end": (
        reported(RIDE, "2025-05-02", "open v1"),
        reported(RIDE, "2025-05-02", "settled v2 2025-06-01 until 2027-06-02", ended="2025-06-01"),
    ),
    # (rules R2)
    "the same twice": (
        reported(CARD, "2025-03-01", "open v1"),
        reported(CARD, "2025-03-01", "repeated"),
        settled(CARD, "2025-09-15", "settled v2 2025-09-15 until 2030-09-16"),
        settled(CARD, "2025-09-15", "repeated"),
        reported(CARD, "2025-03-01", "repeated"),
    ),
    # (rules R4)
    "settled before reported": (
        settled(CARD, "2025-09-15", "waits"),
        settled(CARD, "2025-09-15", "repeated"),
        reported(CARD, "2025-03-01", "open v1", "settled v2 2025-09-15 until 2030-09-16"),
        Day("2030-09-16", ("expired v3 2030-09-16",)),
    ),
    # (rules R7)
    "no re-ageing by a later settlement": (
        reported(CARD, "2025-03-01", "open v1"),
        settled(CARD, "2025-09-15", "settled v2 2025-09-15 until 2030-09-16"),
        settled(CARD, "2025-09-16", "refused re-ageing data.ended_on of 2"),
        Day("2030-09-16", ("expired v3 2030-09-16",)),
    ),
    "no re-ageing within the days that share a deadline": (
        reported(RIDE, "2024-01-01", "open v1", on="2024-06-01"),
        settled(RIDE, "2024-02-28", "settled v2 2024-02-28 until 2026-03-01", on="2024-06-01"),
        settled(RIDE, "2024-02-29", "refused re-ageing data.ended_on of 2", on="2024-06-01"),
    ),
    "no re-ageing by a further report": (
        reported(RIDE, "2025-05-02", "settled v1 2025-06-01 until 2027-06-02", ended="2025-06-01"),
        reported(RIDE, "2025-05-02", "refused re-ageing data.ended_on of 1", ended="2025-07-01"),
        Day("2027-06-02", ("expired v2 2027-06-02",)),
    ),
    "no re-ageing by a later beginning": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21"),
        reported(NO_SHOW, "2025-08-21", "refused conflict data.began_on of 1"),
        Day("2027-08-21", ("expired v2 2027-08-21",)),
    ),
    # (rules R6)
    "an earlier end is taken": (
        reported(CARD, "2025-03-01", "open v1"),
        settled(CARD, "2025-09-15", "settled v2 2025-09-15 until 2030-09-16"),
        settled(CARD, "2025-08-15", "settled v3 2025-08-15 until 2030-08-16"),
        Day("2030-08-16", ("expired v4 2030-08-16",)),
    ),
    "a day that was overtaken is known when it is told again": (
        reported(CARD, "2025-03-01", "settled v1 2025-10-15 until 2030-10-16", ended="2025-10-15"),
        settled(CARD, "2025-09-15", "settled v2 2025-09-15 until 2030-09-16"),
        settled(CARD, "2025-08-15", "settled v3 2025-08-15 until 2030-08-16"),
        reported(CARD, "2025-03-01", "repeated", ended="2025-10-15"),
        settled(CARD, "2025-09-15", "repeated"),
        settled(CARD, "2025-08-15", "repeated"),
        settled(CARD, "2025-09-16", "refused re-ageing data.ended_on of 6"),
        Day("2030-08-16", ("expired v4 2030-08-16",)),
    ),
    "of several that waited the earliest counts": (
        settled(CARD, "2025-09-15", "waits"),
        settled(CARD, "2025-10-15", "waits"),
        settled(CARD, "2025-08-15", "waits"),
        reported(
            CARD,
            "2025-03-01",
            "open v1",
            "settled v2 2025-09-15 until 2030-09-16",
            "refused re-ageing data.ended_on of 1",
            "settled v3 2025-08-15 until 2030-08-16",
        ),
    ),
    # (rules R8)
    "the first of two reports that contradict each other counts": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        reported(CARD, "2025-03-01", "refused conflict data.amount of 1", amount=101, at=0),
        reported(CARD, "2025-03-02", "refused conflict data.began_on of 2", amount=100),
        reported("loan.overdue", "2025-03-01", "refused conflict data.kind of 3", amount=100),
        reported(CARD, "2025-03-01", "repeated"),
        reported(CARD, "2025-03-01", "repeated", amount=100),
    ),
    # (rules R13)
    "a running balance is an update, and moves no clock": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        reported(CARD, "2025-03-01", "open v2 120", amount=120),
        reported(CARD, "2025-03-01", "repeated", amount=120),
        reported(CARD, "2025-03-01", "open v3 100", amount=100),
        reported(CARD, "2025-03-01", "open v4 0", amount=0),
        settled(CARD, "2025-09-15", "settled v5 0 2025-09-15 until 2030-09-16"),
        Day("2030-09-16", ("expired v6 2030-09-16",)),
    ),
    "a balance of a kind that ends at once moves no clock either": (
        reported(NO_SHOW, "2025-08-20", "open v1 100 2025-08-20 until 2027-08-21", amount=100),
        reported(NO_SHOW, "2025-08-20", "open v2 50 2025-08-20 until 2027-08-21", amount=50),
        Day("2027-08-21", ("expired v3 2027-08-21",)),
    ),
    "an older balance says nothing, in whichever order they come": (
        reported(CARD, "2025-03-01", "open v1 120", amount=120, at=2),
        reported(CARD, "2025-03-01", "repeated", amount=100, at=1),
        reported(CARD, "2025-03-01", "open v2 90", amount=90, at=3),
        reported(CARD, "2025-03-01", "repeated", amount=120, at=2),
        reported(CARD, "2025-03-01", "repeated", amount=90, at=5),
        reported(CARD, "2025-03-01", "repeated", amount=80, at=4),
    ),
    "an amount that was not known is told later": (
        reported(CARD, "2025-03-01", "open v1"),
        reported(CARD, "2025-03-01", "open v2 100", amount=100, at=0),
        reported(CARD, "2025-03-01", "repeated"),
    ),
    "the amount of what is settled stays": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        settled(CARD, "2025-09-15", "settled v2 100 2025-09-15 until 2030-09-16"),
        reported(CARD, "2025-03-01", "refused conflict data.amount of 2", amount=90),
        reported(CARD, "2025-03-01", "repeated", amount=80, at=-1),
        reported(CARD, "2025-03-01", "repeated", amount=100),
    ),
    "the last balance and the end in one report": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        reported(
            CARD, "2025-03-01", "open v2 0", "settled v3 0 2025-09-15 until 2030-09-16", amount=0, ended="2025-09-15"
        ),
    ),
    # (rules R8 and R9)
    "a settlement that contradicts the report is refused": (
        reported(CARD, "2025-03-01", "open v1"),
        settled("loan.overdue", "2025-09-15", "refused conflict data.kind of 1"),
        settled(CARD, "2025-09-15", "refused conflict data.began_on of 2", began="2025-03-02"),
        settled(CARD, "2025-02-28", "refused dates-contradict data.ended_on of 3"),
        settled(CARD, "2025-03-01", "settled v2 2025-03-01 until 2030-03-02", began="2025-03-01"),
    ),
    "a settlement that contradicts the report is refused, though it came first": (
        settled("loan.overdue", "2025-09-15", "waits"),
        settled(CARD, "2025-02-28", "waits"),
        settled(CARD, "2025-10-01", "waits"),
        reported(
            CARD,
            "2025-03-01",
            "open v1",
            "refused conflict data.kind of 0",
            "refused dates-contradict data.ended_on of 1",
            "settled v2 2025-10-01 until 2030-10-02",
        ),
    ),
    "what was paid is not what was owed": (
        reported(CARD, "2025-03-01", "open v1 100", amount=100),
        settled(CARD, "2025-09-15", "settled v2 100 2025-09-15 until 2030-09-16", amount=40),
        reported(CARD, "2025-03-01", "repeated", amount=100),
    ),
    "reported after its own deadline: at once": (
        reported(NO_SHOW, "2024-01-15", "refused lapsed data.began_on of 0", on="2026-01-16"),
        reported(NO_SHOW, "2024-01-15", "refused lapsed data.began_on of 1", on="2026-01-16"),
    ),
    "put right after a slip in the year: at once": (
        reported(NO_SHOW, "1970-01-01", "refused lapsed data.began_on of 0"),
        Day("2026-01-15"),
        reported(NO_SHOW, "2026-01-01", "open v1 2026-01-01 until 2028-01-02"),
        reported(NO_SHOW, "1970-01-01", "refused lapsed data.began_on of 3"),
        Day("2028-01-02", ("expired v2 2028-01-02",)),
        reported(NO_SHOW, "2026-01-01", "refused lapsed data.report_id of 5", on="2028-01-02"),
    ),
    "put right after a slip in the year: over when reported": (
        reported(CARD, "2016-01-02", "refused lapsed data.ended_on of 0", ended="2016-01-10"),
        Day("2026-01-15"),
        reported(CARD, "2026-01-02", "settled v1 2026-01-10 until 2031-01-11", ended="2026-01-10"),
        reported(CARD, "2016-01-02", "refused lapsed data.ended_on of 3", ended="2016-01-10"),
        Day("2031-01-11", ("expired v2 2031-01-11",)),
    ),
    "put right by leaving the end out; the slip is forwarded again": (
        reported(CARD, "2015-01-02", "refused lapsed data.ended_on of 0", ended="2016-01-10"),
        reported(CARD, "2015-01-02", "open v1"),
        reported(CARD, "2015-01-02", "refused lapsed data.ended_on of 2", ended="2016-01-10"),
        reported(CARD, "2015-01-02", "repeated"),
    ),
    "put right while a settlement waits": (
        settled(CARD, "2026-01-10", "waits"),
        reported(CARD, "2016-01-02", "refused lapsed data.ended_on of 1", ended="2016-01-10"),
        reported(CARD, "2026-01-02", "open v1", "settled v2 2026-01-10 until 2031-01-11"),
    ),
    "a settlement with a slip in its year comes first": (
        settled(CARD, "2016-01-10", "waits"),
        Day("2026-01-16"),
        reported(CARD, "2026-01-02", "open v1", "refused dates-contradict data.ended_on of 0", on="2026-01-16"),
        settled(CARD, "2026-01-10", "settled v2 2026-01-10 until 2031-01-11", on="2026-01-16"),
    ),
    "a report that has lapsed by the clock, which has not said so yet": (
        reported(RIDE, "2024-01-01", "settled v1 2024-01-14 until 2026-01-15", ended="2024-01-14", on="2026-01-14"),
        reported(RIDE, "2024-01-01", "repeated", ended="2024-01-14"),
        Day("2026-01-15", ("expired v2 2026-01-15",)),
        reported(RIDE, "2024-01-01", "refused lapsed data.report_id of 3", ended="2024-01-14"),
    ),
    "reported on its own last day": (
        reported(NO_SHOW, "2024-01-15", "open v1 2024-01-15 until 2026-01-16", on="2026-01-15"),
        Day("2026-01-16", ("expired v2 2026-01-16",)),
    ),
    "reported after its own deadline: over long since": (
        reported(RIDE, "2023-01-01", "refused lapsed data.ended_on of 0", ended="2023-02-01"),
        reported(RIDE, "2023-01-01", "refused lapsed data.ended_on of 1", ended="2023-02-01"),
    ),
    "settled long ago, and told in the other order: late, but once, as in the other": (
        settled(RIDE, "2023-02-01", "waits"),
        reported(RIDE, "2022-01-01", "open v1", "settled v2 2023-02-01 until 2025-02-02"),
        Day("2026-01-15", ("expired v3 2025-02-02",)),
        reported(RIDE, "2022-01-01", "refused lapsed data.report_id of 3"),
        settled(RIDE, "2023-02-01", "refused lapsed data.report_id of 4"),
    ),
    "settled long ago, and only told now: late, but once": (
        reported(RIDE, "2022-01-01", "open v1"),
        settled(RIDE, "2023-02-01", "settled v2 2023-02-01 until 2025-02-02"),
        Day("2026-01-15", ("expired v3 2025-02-02",)),
        Day("2026-01-16"),
    ),
    "settled with a slip in the year: taken at its word, and put right under a new number": (
        reported(RIDE, "2020-01-02", "open v1"),
        settled(RIDE, "2020-02-28", "settled v2 2020-02-28 until 2022-03-01"),
        settled(RIDE, "2026-01-10", "refused re-ageing data.ended_on of 2"),
        Day("2026-01-15", ("expired v3 2022-03-01",)),
        settled(RIDE, "2026-01-10", "refused lapsed data.report_id of 4"),
        reported(RIDE, "2020-01-02", "refused lapsed data.report_id of 5"),
        reported(RIDE, "2020-01-02", "open v1", report="r-1a"),
        settled(RIDE, "2020-02-28", "refused lapsed data.report_id of 7"),
        settled(RIDE, "2026-01-10", "settled v2 2026-01-10 until 2028-01-11", report="r-1a"),
        Day("2028-01-11", ("expired v3 2028-01-11",)),
    ),
    # (rules R10)
    "nothing brings back what has lapsed": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21"),
        Day("2027-08-21", ("expired v2 2027-08-21",)),
        reported(NO_SHOW, "2025-08-20", "refused lapsed data.report_id of 2", on="2027-08-22"),
        settled(NO_SHOW, "2026-08-20", "refused lapsed data.report_id of 3", on="2027-08-22"),
        reported(NO_SHOW, "2027-08-20", "refused lapsed data.report_id of 4", on="2027-08-22"),
        Day("2040-01-01"),
    ),
    "nothing brings it back on a clock that went back": (
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21"),
        Day("2027-08-21", ("expired v2 2027-08-21",)),
        Day("2025-09-01"),
        reported(NO_SHOW, "2025-08-20", "refused lapsed data.report_id of 3", on="2025-09-01"),
        Day("2027-08-21"),
    ),
    "a settlement waits for fourteen days, which another one begins anew, and both are refused then": (
        settled(RIDE, "2025-02-01", "waits", on="2026-01-01"),
        settled(RIDE, "2025-02-01", "repeated", on="2026-01-02"),
        settled(RIDE, "2025-01-01", "waits", on="2026-01-03"),
        Day("2026-01-16"),
        Day("2026-01-17", ("refused unreported data.report_id of 0", "refused unreported data.report_id of 2")),
        Day("2026-02-01"),
        reported(RIDE, "2024-12-01", "open v1", on="2026-02-01"),
        settled(RIDE, "2025-02-01", "settled v2 2025-02-01 until 2027-02-02", on="2026-02-01"),
    ),
    "two records of one person are two": (
        reported(CARD, "2025-03-01", "open v1"),
        reported(CARD, "2025-03-01", "open v1", report="r-2"),
        reported(CARD, "2025-03-01", "open v1", partner="shop"),
        settled(CARD, "2025-09-15", "settled v2 2025-09-15 until 2030-09-16", report="r-2"),
        settled(CARD, "2025-09-14", "settled v2 2025-09-14 until 2030-09-15", partner="shop"),
        Day("2030-09-15", ("expired v3 2030-09-15",)),
        Day("2030-09-16", ("expired v3 2030-09-16",)),
    ),
    # (rules D7)
    "a clock that jumps ahead fires in the order of the deadlines": (
        reported(CARD, "2025-03-01", "settled v1 2025-09-15 until 2030-09-16", ended="2025-09-15"),
        reported(NO_SHOW, "2025-08-20", "open v1 2025-08-20 until 2027-08-21", report="r-2"),
        reported(RIDE, "2025-03-01", "settled v1 2025-09-15 until 2027-09-16", ended="2025-09-15", report="r-3"),
        Day(
            "2090-01-01",
            ("expired v2 2027-08-21", "expired v2 2027-09-16", "expired v2 2030-09-16"),
        ),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_story(story: Sequence[Told | Day]) -> None:
    person = Person()
    for place, news in enumerate(story):
        person, lines = _happens(person, news, place)
        assert lines == list(news.leads_to), f"news {place}"


ON_ONE_DAY = {
    name: [news for news in story if isinstance(news, Told)]
    for name, story in STORIES.items()
    if len({news.on for news in story}) == 1
}


@pytest.mark.parametrize("reports", ON_ONE_DAY.values(), ids=ON_ONE_DAY.keys())
def test_batches_change_nothing(reports: Sequence[Told]) -> None:
    """Reports that come together lead to the same as one after the other."""
    one_by_one, lines = Person(), []
    for place, news in enumerate(reports):
        one_by_one, more = _happens(one_by_one, news, place)
        lines += more
    messages = [_report(news, place) for place, news in enumerate(reports)]
    at_once = decide(Person(), messages, _noon(reports[0].on), POLICY)
    assert at_once.person == one_by_one
    assert [said(effect) for _, effect in at_once.effects] == lines


def test_a_decision_changes_no_person_that_it_was_given() -> None:
    """The runner keeps people in a cache, and tries again with them after a failure."""
    before, _ = _happens(Person(), reported(RIDE, "2025-05-02"), 0)
    records, gone = dict(before.records), before.gone
    _happens(before, settled(RIDE, "2025-06-01"), 1)
    assert (dict(before.records), before.gone) == (records, gone)


def test_one_instant_for_several_deadlines_keeps_their_order() -> None:
    person = Person()
    for number in range(20):
        began = (date(2025, 12, 31) - timedelta(days=number)).isoformat()
        person, _ = _happens(person, reported(NO_SHOW, began, report=f"r-{number}"), number)
    decided = decide(person, [Due(USER, _noon("2027-12-25"))], _noon("2090-01-01"), POLICY)
    lines = [said(effect) for _, effect in decided.effects]
    assert lines == sorted(lines)
    assert (lines[0], lines[-1], len(lines)) == ("expired v2 2027-12-13", "expired v2 2027-12-25", 13)
    assert len(decided.person.records) == 7


def _left(id: str, until: datetime) -> Person:
    """What is left of somebody whose one record, of the bank, has lapsed."""
    name = fingerprint(KEY, id)
    return Person({}, {name: until}, left_by={name: provider(KEY, USER, "bank")})


def test_of_what_has_lapsed_only_a_keyed_hash_stays() -> None:
    person, _ = _happens(Person(), reported(NO_SHOW, "2025-08-20"), 0)
    person, _ = _happens(person, Day("2027-08-21"), 1)
    id = record_id(KEY, USER, "bank", "r-1")
    assert person == _left(id, lapsed_kept_until(_noon("2027-08-21")))
    assert fingerprint(b"k" * 32, id) != fingerprint(b"l" * 32, id)


def test_who_is_refused_for_a_lapsed_number_learns_how_a_slip_is_put_right() -> None:
    """(rules R10 and R11)"""
    person, _ = _happens(Person(), reported(RIDE, "2020-01-02"), 0)
    person, _ = _happens(person, settled(RIDE, "2020-02-28"), 1)
    person, _ = _happens(person, Day("2026-01-15"), 2)
    decided = decide(person, [_report(settled(RIDE, "2026-01-10"), 3)], NOW, POLICY)
    ((_, effect),) = decided.effects
    assert isinstance(effect, Refused)
    assert "send a correction" in effect.fault.sentence


def test_of_what_was_refused_nothing_stays() -> None:
    """A report that was never taken blocks no number, and leaves nothing that could be asked for."""
    for slip in (reported(NO_SHOW, "1970-01-01"), reported(CARD, "2015-01-01", ended="2016-01-01")):
        assert _happens(Person(), slip, 0)[0] == Person()
    person, _ = _happens(Person(), settled(CARD, "2016-01-01"), 0)
    assert _happens(person, Day("2026-02-01"), 1)[0] == Person()


@pytest.mark.parametrize(
    "other",
    [
        ("6" * 64, "bank", "r-1"),
        (USER, "bank2", "r-1"),
        (USER, "bank", "r-12"),
        (USER, "ban", "kr-1"),
        (USER, "ban", "k\nr-1"),
    ],
)
def test_no_two_records_share_a_name(other: tuple[str, str, str]) -> None:
    assert record_id(KEY, *other) != record_id(KEY, USER, "bank", "r-1")
    assert record_id(KEY, USER, "bank", "r-1") == record_id(KEY, USER, "bank", "r-1")


def test_a_records_name_cannot_be_made_without_the_key() -> None:
    """(rules R16) Whoever keeps it cannot try contract numbers until one fits."""
    names = (USER, "bank", "r-1")
    assert len({record_id(KEY, *names), record_id(b"l" * 32, *names), unkeyed_record_id(*names)}) == 3


def test_a_record_from_before_names_were_keyed_keeps_its_name_to_its_end() -> None:
    id = unkeyed_record_id(USER, "bank", "r-1")
    before = Person({id: Open(Facts("bank", "r-1", CARD, date(2025, 3, 1), 100), 1, None)})
    decided = decide(before, [_report(settled(CARD, "2025-09-15"), 0)], _noon("2026-01-15"), POLICY)
    assert [(each, said(effect)) for each, effect in decided.effects] == [
        (id, "settled v2 100 2025-09-15 until 2030-09-16")
    ]
    gone, _ = _happens(decided.person, Day("2030-09-16"), 1)
    assert gone == _left(id, lapsed_kept_until(_noon("2030-09-16")))
    assert _happens(gone, reported(CARD, "2025-03-01", on="2030-09-16"), 2)[1] == ["refused lapsed data.report_id of 2"]


# -- bounds (rules R14 and R15) ----------------------------------------------------------------------------------------


def full(partner: str = "bank") -> Person:
    """As many open records of one partner as are taken, from numbers that nobody reports here."""
    facts = [Facts(partner, f"old-{number}", CARD, date(2025, 3, 1), 100) for number in range(RECORDS_MAX)]
    return Person({record_id(KEY, USER, partner, each.report_id): Open(each, 1, None) for each in facts})


def test_no_more_records_of_a_person_are_taken_from_one_partner_than_the_bound() -> None:
    person = full()
    assert _happens(person, reported(CARD, "2025-03-01"), 0) == (person, ["refused too-many data.report_id of 0"])
    assert _happens(person, settled(CARD, "2025-09-15"), 0) == (person, ["refused too-many data.report_id of 0"])
    # What is known goes on, and others are unharmed.
    known = settled(CARD, "2025-09-15", report="old-7")
    assert _happens(person, known, 0)[1] == ["settled v2 100 2025-09-15 until 2030-09-16"]
    assert _happens(person, reported(CARD, "2025-03-01", partner="shop"), 0)[1] == ["open v1"]


def test_the_bound_holds_within_a_batch_and_gives_way_when_a_record_lapses() -> None:
    reports = [_report(reported(CARD, "2025-03-01", report=f"r-{n}"), n) for n in range(RECORDS_MAX + 50)]
    decided = decide(Person(), reports, _noon("2026-01-15"), POLICY)
    lines = [said(effect) for _, effect in decided.effects]
    assert lines[:RECORDS_MAX] == ["open v1"] * RECORDS_MAX
    assert lines[RECORDS_MAX:] == [
        f"refused too-many data.report_id of {n}" for n in range(RECORDS_MAX, RECORDS_MAX + 50)
    ]
    assert len(decided.person.records) == len(decided.writes.kept) == RECORDS_MAX
    person, _ = _happens(decided.person, settled(CARD, "2025-09-15", report="r-3"), 999)
    person, lines = _happens(person, Day("2030-09-16"), 1000)
    assert lines == ["expired v3 2030-09-16"]
    assert _happens(person, reported(CARD, "2025-03-01", report="r-240"), 1001)[1] == ["open v1"]


@pytest.mark.parametrize("before", [[], [reported(CARD, "2025-03-01")]], ids=["waiting", "taken"])
def test_no_more_days_of_an_end_are_taken_than_the_bound(before: list[Told]) -> None:
    """A settlement a day earlier than the last one, again and again, is no endless list of versions."""
    days = [(date(2025, 12, 31) - timedelta(days=number)).isoformat() for number in range(SETTLEMENTS_MAX + 2)]
    person, lines = Person(), list[str]()
    for place, news in enumerate([*before, *(settled(CARD, day) for day in days)]):
        person, more = _happens(person, news, place)
        lines += more
    answers = [line.split()[0] for line in lines[len(before) :]]
    assert answers == ["settled" if before else "waits"] * SETTLEMENTS_MAX + ["refused"] * 2
    assert lines[-1].startswith("refused too-many data.ended_on")
    assert _happens(person, settled(CARD, days[2]), 11)[1] == ["repeated"]


def test_no_more_amounts_of_a_record_are_taken_than_the_bound_but_its_end_is() -> None:
    id = record_id(KEY, USER, "bank", "r-1")
    person = Person({id: Open(Facts("bank", "r-1", CARD, date(2025, 3, 1), 100), VERSIONS_MAX, None)})
    assert _happens(person, reported(CARD, "2025-03-01", amount=90), 0)[1] == ["refused too-many data.amount of 0"]
    assert _happens(person, settled(CARD, "2025-09-15"), 0)[1] == [
        f"settled v{VERSIONS_MAX + 1} 100 2025-09-15 until 2030-09-16"
    ]


def test_a_decision_names_only_what_it_has_changed() -> None:
    """Whatever else is held of the person is not written again."""
    person = full()
    report = _report(settled(CARD, "2025-09-15", report="old-7"), 0)
    decided = decide(person, [report, report], _noon("2026-01-15"), POLICY)
    id = record_id(KEY, USER, "bank", "old-7")
    assert decided.writes == Writes(USER, {id: decided.person.records[id]})
    lapsed = decide(decided.person, [Due(USER, _noon("2030-09-16"))], _noon("2030-09-16"), POLICY)
    left = _left(id, lapsed_kept_until(_noon("2030-09-16")))
    assert lapsed.writes == Writes(USER, {}, frozenset({id}), left.gone, left.left_by)
    known, _ = _happens(Person(), reported(CARD, "2025-03-01", amount=100), 0)
    for told_again in (reported(CARD, "2025-03-01"), reported(CARD, "2025-03-01", amount=100, at=0)):
        repeated = decide(known, [_report(told_again, 1)], NOW, POLICY)
        assert (repeated.person, repeated.writes) == (known, Writes(USER))


def test_overtaken_days_are_kept_with_the_record() -> None:
    deadline = Deadline(date(2025, 9, 15), datetime(2030, 9, 15, 16, tzinfo=UTC))
    id = record_id(KEY, USER, "bank", "r-1")
    known = Settled(Facts("bank", "r-1", CARD, date(2025, 3, 1), None), 2, deadline)
    person, _ = _happens(Person({id: known}), settled(CARD, "2025-08-15"), 0)
    (record,) = person.records.values()
    assert isinstance(record, Settled)
    assert record.overtaken == (date(2025, 9, 15),)
