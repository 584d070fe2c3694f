"""The campaign's input is what it says it is, and the same for the same seed."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from pydantic import TypeAdapter

from goodstanding.simulation.rule_book import month_of
from services.retention.core.decide import Person, Policy, decide
from services.retention.core.effects import Changed, Expired, Refused, Removed, change_of, last_change
from services.retention.core.messages import DisputeRequest, Due, Message, Report
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.faults.events import ZONE, Stretch, _record_data, draw
from tests.faults.policy import profile, scorecard
from tests.support.oracle.records import News
from tests.support.oracle.scores import Event, Expected, expect

KEY = b"k" * 32


ENDS_OF_DISPUTES = {"disputed", "confirmed", "corrected", "deleted", "unverifiable"}


def test_disputes_come_to_every_end_and_people_withdraw_and_leave() -> None:
    expected = _expected(draw(1, people=200, messages=4000, key=KEY, records=True))
    assert {news.status for life in expected.records.values() for each in life for news in each} >= ENDS_OF_DISPUTES
    assert {"asked", "consent-withdrawn", "erasing"} == {*expected.answers.values()}
    assert {"answered", "consent-withdrawn"} <= {*expected.codes.values()}
    assert any("/" in life for life in expected.results), "somebody came back"


@pytest.mark.parametrize("seed", range(3))
def test_the_rules_of_records_come_to_what_the_oracle_expects(seed: int) -> None:
    """Without servers, and without the bounds of a campaign: a difference there is one of the servers, and not of the
    oracle."""
    stretches = draw(seed, people=150, messages=3000, key=KEY, records=True)
    expected = _expected(stretches)
    policy = Policy(profile=load_policy(ROOT / "policies/retention/cn.toml", Profile), fingerprint_key=KEY)
    people: dict[str, Person] = {}
    told: dict[str, dict[str, list[tuple[str, bool, datetime]]]] = {}
    erased: Counter[str] = Counter()
    codes: dict[int, str] = {}
    numbers = itertools.count()
    reports_of = TypeAdapter(RecordReport)

    def take(who: str, message: Message, now: datetime, number: int = -1) -> None:
        decided = decide(people.get(who, Person()), [message], now, policy)
        people[who] = decided.person
        life = f"{who}/{erased[who]}" if erased[who] else who
        for id, effect in decided.effects:
            if isinstance(effect, Changed | Expired | Removed):
                change = change_of(id, effect.record, 0) if isinstance(effect, Changed) else last_change(id, effect, 0)
                told.setdefault(life, {}).setdefault(id, []).append((change.status, change.counts, now))
            elif isinstance(effect, Refused):
                codes[number] = str(effect.fault.code)

    for stretch in stretches:
        now = stretch.instant
        for who in list(people):
            take(who, Due(who, now), now)
        for message in stretch.messages:
            number, event = next(numbers), message.sent.event
            if event and event.report:
                body = reports_of.validate_json(json.dumps(_record_data(event.report)))
                report = Report(event.person, event.partner, event.id, str(number), body, event.time, "", now)
                take(event.person, report, now, number)
        for request in stretch.requests:
            if request.ask == "dispute":
                asked = DisputeRequest(request.person, request.id, request.record_id, "paid", None, now)
                take(request.person, asked, now)
            elif request.ask == "erase":
                people.pop(request.person, None)
                erased[request.person] += 1
    wanted = {
        life: Counter(tuple((news.status, news.counts, news.said_at) for news in each) for each in records)
        for life, records in expected.records.items()
    }
    assert {life: Counter(map(tuple, records.values())) for life, records in told.items()} == wanted
    reports = [m.sent.event is not None and m.sent.event.report is not None for s in stretches for m in s.messages]
    assert codes == {number: code for number, code in expected.codes.items() if reports[number]}


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
    assert {tuple(news.status for news in _as_reported(life)) for life in lives} >= {
        ("open",),
        ("open", "settled"),
        ("open", "open", "settled"),
        ("settled",),
        ("open", "settled", "expired"),
        ("settled", "expired"),
    }
    begins = {life[at].status for life in lives for at in range(1, len(life)) if _begins_to_count(life, at)}
    assert begins >= {"open", "settled"}, "some are known to their person for long enough, and count"
    assert any(life[-1].status in ("open", "settled") and not life[-1].counts for life in lives), "some are not yet"
    ended = [life for life in lives if life[-1].status == "expired"]
    expired = Counter(life[-1].said_at for life in ended)
    assert expired.keys() == {stretch.instant for stretch in stretches[1:]}
    assert min(expired.values()) >= 5
    publications = {stretch.instant for stretch in stretches if stretch.publication}
    assert any(life[-2].lapses_at in publications for life in ended), "the deadline that the record had"
    assert any(result.restrictions for result in expected.results.values())


def _begins_to_count(life: Sequence[News], at: int) -> bool:
    before, news = life[at - 1 : at + 1]
    return news.counts and not before.counts and news.status == before.status


def _as_reported(life: Sequence[News]) -> list[News]:
    """Without the version that says of a record no more than that it counts from now on."""
    return [news for at, news in enumerate(life) if not (at and _begins_to_count(life, at))]


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
