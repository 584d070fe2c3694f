"""The story's pure parts: an invented cast, what it is made to do, and how each partner writes it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from goodstanding.demo.recount import Event
from goodstanding.deployment import Settings
from goodstanding.mappings import compiled
from goodstanding.story.cast import FIRST_MONTH, ZONE, Cast
from goodstanding.story.formats import PARTNERS, written
from services.ingest.core.normalize import Normalized, normalize
from shared.contracts.kinds import KIND_OF, Ends, Shape
from shared.contracts.messages import BehaviorEvent, RecordReport
from shared.runner.service import Outgoing

SMALL = Cast(people=80, months=40)
TOLD = SMALL.told()


def test_the_same_seed_tells_the_same_and_another_one_something_else() -> None:
    assert Cast(people=5, months=12).told() == Cast(people=5, months=12).told()
    assert Cast(people=5, months=12).told() != Cast(people=5, months=12, seed=1).told()


def test_ids_are_told_once_and_everything_lies_in_the_story() -> None:
    assert len({(event.partner, event.id) for event in TOLD}) == len(TOLD)
    months = {event.time.year * 12 + event.time.month - 1 for event in TOLD}
    assert months == set(range(FIRST_MONTH, FIRST_MONTH + SMALL.months))
    assert {event.partner for event in TOLD} == set(PARTNERS)


def test_no_two_changes_of_records_of_a_person_at_one_instant() -> None:
    reports = Counter((event.person, event.time) for event in TOLD if event.report)
    assert reports
    assert set(reports.values()) == {1}


def test_no_record_ends_on_the_eve_of_a_publication() -> None:
    ends = [
        event.began_on if KIND_OF[event.kind].ends is Ends.AT_ONCE else event.ended_on for event in TOLD if event.report
    ]
    assert any(ends)
    assert not [day for day in ends if day and day.day == 5]


@pytest.mark.parametrize("partner", PARTNERS)
def test_ingest_reads_what_the_partner_meant(partner: str) -> None:
    settings = Settings.new()
    reader = compiled(partner, settings)
    kinds = set()
    for event in TOLD:
        if event.partner != partner:
            continue
        record = written(event)
        raw = Outgoing("", record.key, record.value, record.headers)
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


def _expected(event: Event, settings: Settings) -> tuple[object, ...]:
    if KIND_OF[event.kind].shape is Shape.RECORD:
        number = (
            event.report
            if event.partner != "court-feed"
            else f"District Court-{str(event.began_on)[:4]}-{event.report}"
        )
        return event.kind, number, "settled" if event.ended_on else "reported", event.began_on, event.ended_on
    return event.kind, event.count, event.amount, event.days_late, event.reverses, event.value, event.consent


def test_the_hero_pays_off_on_a_leap_day() -> None:
    settled = [event for event in Cast(people=1).told() if event.ended_on]
    assert [str(event.ended_on) for event in settled] == ["2020-02-29"]
    assert settled[0].time < datetime(2020, 3, 1, tzinfo=ZONE)
