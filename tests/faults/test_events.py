"""The campaign's input is what it says it is, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from goodstanding.simulation.rule_book import month_of
from tests.faults.events import ZONE, Stretch, draw
from tests.faults.policy import profile, scorecard
from tests.support.oracle.scores import Event, Expected, expect

KEY = b"k" * 32


def _expected(stretches: tuple[Stretch, ...]) -> Expected:
    return expect([stretch.phase for stretch in stretches], scorecard(), ZONE, profile=profile())


def test_the_seed_decides_every_byte() -> None:
    assert draw(3, people=50, messages=500, key=KEY) == draw(3, people=50, messages=500, key=KEY)
    assert draw(3, people=50, messages=500, key=KEY) != draw(4, people=50, messages=500, key=KEY)


def test_shares_of_duplicates_and_refusals() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY)
    assert sum(len(stretch.messages) for stretch in stretches) == 2000
    fates = _expected(stretches).counts()
    assert 80 <= fates["duplicate"] <= 110
    broken = sum(1 for stretch in stretches for message in stretch.messages if message.sent.fault)
    assert 18 <= broken <= 24


def test_days_come_in_order_and_are_shuffled_within() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY, records=True)
    times = [m.sent.event.time for m in stretches[0].messages if m.sent.event]
    days = [time.astimezone(ZONE).date() for time in times]
    behind = sum(1 for one, other in pairwise(days) if other < one)
    assert behind < len(days) / 4, "only repeats and late ones step back a day"
    assert times != sorted(times)


def test_every_person_has_one_obligation_kept_late_and_one_on_time() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY)
    of_person: dict[str, set[bool]] = {}
    for message in stretches[0].messages:
        if (event := message.sent.event) and event.kind in ("water.bill", "gas.bill"):
            of_person.setdefault(event.person, set()).add(event.days_late > 0)
    assert len(of_person) == 200
    assert all(kept == {True, False} for kept in of_person.values())


def test_no_event_lies_ahead_of_its_clock() -> None:
    for stretch in draw(1, people=200, messages=2000, key=KEY, records=True):
        assert all(m.sent.event.time <= stretch.instant for m in stretch.messages if m.sent.event)
        assert month_of(stretch.instant, ZONE) == month_of(stretch.phase.instant, ZONE)


def test_records_are_told_of_only_where_asked_for() -> None:
    with_records, without = (draw(1, people=50, messages=500, key=KEY, records=told) for told in (True, False))
    assert not _expected(without).records
    assert 40 <= _records_told_of(with_records) <= 70


def _records_told_of(stretches: tuple[Stretch, ...]) -> int:
    return sum(1 for stretch in stretches for m in stretch.messages if m.sent.event and m.sent.event.report)


def test_records_come_to_every_end_and_are_refused_for_every_reason() -> None:
    stretches = draw(1, people=200, messages=4000, key=KEY, records=True)
    expected = _expected(stretches)
    lives = [news for records in expected.records.values() for news in records]
    assert {"lapsed", "re-ageing", "conflict", "dates-contradict"} <= {*expected.codes.values()}
    assert {tuple(news.status for news in life) for life in lives} >= {
        ("open",),
        ("open", "settled"),
        ("open", "open", "settled"),
        ("settled",),
        ("open", "settled", "expired"),
        ("settled", "expired"),
    }
    ended = [life for life in lives if life[-1].status == "expired"]
    expired = Counter(life[-1].said_at for life in ended)
    assert expired.keys() == {stretch.instant for stretch in stretches[1:]}
    assert min(expired.values()) >= 5
    publications = {stretch.instant for stretch in stretches if stretch.publication}
    assert any(life[-2].lapses_at in publications for life in ended), "the deadline that the record had"
    assert any(result.restrictions for result in expected.results.values())


def test_a_record_is_told_of_by_one_partner_in_order_whatever_is_shuffled() -> None:
    stretches = draw(1, people=200, messages=2000, key=KEY, records=True)
    told: dict[str, dict[str, Event]] = {}
    for message in (message for stretch in stretches for message in stretch.messages):
        if (event := message.sent.event) and event.report:
            told.setdefault(event.report.id, {}).setdefault(event.id, event)
    assert max(map(len, told.values())) == 3
    for reports in told.values():
        assert len({event.partner for event in reports.values()}) == 1
        times = [event.time for event in reports.values()]
        assert times == sorted(times)


def test_what_lies_in_the_future_does_so_whenever_it_is_sent() -> None:
    for stretch in draw(7, people=2000, messages=20_000, key=KEY, records=True):
        ahead = (stretch.instant.astimezone(ZONE) + timedelta(hours=1)).isoformat().encode()
        for message in (message for message in stretch.messages if message.sent.fault == "in-future"):
            assert ahead in (message.value or b"") + b" ".join(content for _, content in message.headers)
