"""The story's pure parts: an invented cast, what it is made to do, and how each partner writes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO

import pytest
from rich.console import Console

from goodstanding.partner.mapping_files import compiled
from goodstanding.person.chart import ROWS, chart
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.simulation.events_and_news import Event, RecordNews, ScoreNews, TierNews
from goodstanding.simulation.story.cast import FIRST_MONTH, ZONE, Cast, objections
from goodstanding.simulation.story.ending import ending
from goodstanding.simulation.story.formats import PARTNERS, written
from goodstanding.simulation.story.play import Heard, Moment, moments, sendings
from services.ingest.core.normalize import Normalized, normalize
from shared.contracts.identity import sample_account
from shared.contracts.kinds import KIND_OF, Ends, Shape
from shared.contracts.messages import BehaviorEvent, RecordReport
from shared.runner.service import Outgoing

SMALL = Cast(people=80, months=40)


@cache
def told() -> list[Event]:
    return SMALL.told()


@cache
def stops() -> list[Moment]:
    return list(moments(SMALL))


def test_the_same_seed_tells_the_same_and_another_one_something_else() -> None:
    assert Cast(people=5, months=12).told() == Cast(people=5, months=12).told()
    assert Cast(people=5, months=12).told() != Cast(people=5, months=12, seed=1).told()


def test_ids_are_told_once_and_everything_lies_in_the_story() -> None:
    assert len({(event.partner, event.id) for event in told()}) == len(told())
    months = {event.time.year * 12 + event.time.month - 1 for event in told()}
    assert months == set(range(FIRST_MONTH, FIRST_MONTH + SMALL.months))
    assert {event.partner for event in told()} == set(PARTNERS)


def test_records_of_a_person_change_at_most_once_a_month() -> None:
    reports = Counter((event.person, event.time.year, event.time.month) for event in told() if event.report)
    assert set(reports.values()) == {1}


def test_no_record_ends_on_the_eve_of_a_publication() -> None:
    ends = [
        event.began_on if KIND_OF[event.kind].ends is Ends.AT_ONCE else event.ended_on
        for event in told()
        if event.report
    ]
    assert any(ends)
    assert not [day for day in ends if day and day.day == 5]


@pytest.mark.parametrize("partner", PARTNERS)
def test_ingest_reads_what_the_partner_meant(partner: str) -> None:
    settings = FixedSettings.new()
    reader = compiled(partner, settings)
    kinds = set()
    for event in told():
        if event.partner != partner:
            continue
        record = written(event)
        raw = Outgoing("", record.key, record.value, record.headers, 0)
        read = normalize(reader, raw, event.time.astimezone(UTC) + timedelta(seconds=1))
        assert isinstance(read, Normalized), (event, read)
        assert (read.event_id, read.time) == (event.id, event.time.replace(microsecond=0))
        assert _meaning(read.body) == _expected(event, settings)
        kinds.add(event.kind)
    assert kinds


def _meaning(body: BehaviorEvent | RecordReport) -> tuple[object, ...]:
    if isinstance(body, RecordReport):
        return body.kind, body.report_id, body.status, body.began_on, body.ended_on
    consent = body.consent.id if body.consent else ""
    return body.kind, body.count, body.amount or 0, body.days_late or 0, body.reverses, body.value or "", consent


def _expected(event: Event, settings: FixedSettings) -> tuple[object, ...]:
    if KIND_OF[event.kind].shape is Shape.RECORD:
        number = (
            event.report
            if event.partner != "court-feed"
            else f"District Court-{str(event.began_on)[:4]}-{event.report.replace('-', '~-')}"
        )
        return event.kind, number, "settled" if event.ended_on else "reported", event.began_on, event.ended_on
    return event.kind, event.count, event.amount, event.days_late, event.reverses, event.value, event.consent


def test_the_clock_stops_in_order_and_the_heros_records_come_when_they_happen() -> None:
    instants = [stop.instant for stop in stops()]
    assert instants == sorted(set(instants))
    assert (
        sorted((event for stop in stops() for event in stop.events), key=lambda event: (event.time, event.id)) == told()
    )
    assert len([stop for stop in stops() if stop.publication]) == SMALL.months
    assert datetime(2019, 10, 28, 9, tzinfo=ZONE) in instants
    assert all(event.time <= stop.instant for stop in stops() for event in stop.events)


def test_one_dispute_is_lost_and_one_is_won_and_ingest_reads_the_answers() -> None:
    found = objections(told(), SMALL.months)
    assert {(each.last.partner, each.outcome) for each in found} == {("bank", "confirmed"), ("hotel", "deleted")}
    assert [stop.objection for stop in stops() if stop.objection] == found
    for each in found:
        record = written(replace(each.answer, dispute="ab" * 16))
        raw = Outgoing("", record.key, record.value, record.headers, 0)
        reader = compiled(each.last.partner, FixedSettings.new())
        read = normalize(reader, raw, each.answered_at.astimezone(UTC))
        assert isinstance(read, Normalized), read
        assert isinstance(read.body, RecordReport)
        assert (read.body.report_id, read.body.status) == (each.last.report, "resolved")
        assert (read.body.outcome, read.body.dispute, read.body.kind) == (each.outcome, "ab" * 16, each.last.kind)
        assert each.last.time < each.asked_at < each.answered_at < each.asked_at + timedelta(days=20)


def test_a_few_events_are_repeated_and_a_few_are_wrong() -> None:
    sent = list(sendings(told()))
    right = [each for each in sent if isinstance(each.means, Event)]
    assert {each.means for each in sent} - {each.means for each in right} == {"subject-unknown-scheme"}
    assert list(dict.fromkeys(each.means for each in right)) == told()
    assert len(right) > len(told())


def test_the_hero_pays_off_on_a_leap_day() -> None:
    settled = [event for event in Cast(people=1).told() if event.ended_on]
    assert [str(event.ended_on) for event in settled] == ["2020-02-29"]
    assert settled[0].time < datetime(2020, 3, 1, tzinfo=ZONE)


def test_a_chart_of_months() -> None:
    news = [
        ScoreNews(datetime(2020, 11 + month, 6, tzinfo=ZONE), score, False, ())
        for month, score in enumerate((350, 950))
    ]
    news.append(ScoreNews(datetime(2021, 2, 6, tzinfo=ZONE), 650, False, ()))
    drawn = chart(news, {650: "Good"}, ("red", "green"))
    rows = drawn.plain.split("\n")
    assert rows[0].endswith("│ ██ ")
    assert rows[5].endswith("650 ┤ ██ ")
    # The last is on the edge of the row of its tier; the first is seen although it has no points.
    assert rows[6].endswith("│ ███")
    assert rows[ROWS - 1].endswith("│▁███")
    assert rows[ROWS + 1].rstrip().endswith("  2021")
    assert rows[-1].strip() == "█ Good 650+"
    assert {str(span.style) for span in drawn.spans} >= {"red", "green"}


def test_the_ending_tells_what_a_subscriber_heard() -> None:
    def day(year: int, month: int, day: int) -> datetime:
        return datetime(year, month, day, tzinfo=ZONE)

    scores = [(day(2020, 1, 6), 700), (day(2020, 1, 20), 640), (day(2020, 2, 6), 640), (day(2020, 2, 10), 690)]
    began, ended, lapses = day(2019, 9, 1).date(), day(2020, 2, 10).date(), day(2025, 2, 11)
    heard = Heard(
        sample_account(1),
        [ScoreNews(instant, score, False, ()) for instant, score in scores],
        [
            TierNews(day(2020, 1, 6), "good", ("car-purchase-loan",), (), ("car-purchase-loan",), ()),
            TierNews(day(2020, 1, 20), "good", (), ("car-purchase-loan",), (), ("credit",)),
            TierNews(day(2020, 2, 10), "good", ("car-purchase-loan",), (), ("car-purchase-loan",), ()),
            TierNews(day(2020, 2, 11), None, (), ("car-purchase-loan",), (), ()),
        ],
        [
            [
                RecordNews(day(2020, 1, 12), "card.overdue", "open", began, None, None),
                RecordNews(day(2020, 1, 20), "card.overdue", "open", began, None, None, counts=True),
                RecordNews(day(2020, 2, 10), "card.overdue", "settled", began, ended, lapses, counts=True),
                RecordNews(lapses, None, "expired", None, None, None),
            ]
        ],
    )
    console = Console(record=True, width=150, file=StringIO())
    console.print(ending(heard))
    told = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert told[-8:] == [
        "6 Jan 2020 700 Good + car-purchase loan",
        "12 Jan 2020 700 Credit card overdue reported",
        "20 Jan 2020 700 → 640 Credit card overdue counts from now on: the person has known of it for long enough",
        "20 Jan 2020 700 → 640 Restricted: credit - car-purchase loan",
        "10 Feb 2020 640 → 690 Credit card overdue settled; ended on 10 February 2020, so it lapses on 11 "
        "February 2025",
        "10 Feb 2020 640 → 690 Restrictions lifted + car-purchase loan",
        "11 Feb 2020 690 Below the first tier - car-purchase loan",
        "11 Feb 2025 690 Credit card overdue has lapsed, and is erased",
    ]
