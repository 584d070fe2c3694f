"""Laws of deadlines and of a record's life (rules R1 to D8), for whatever comes in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, note
from hypothesis import strategies as st

from services.retention.core.bounds import lapsed_kept_until
from services.retention.core.deadline import deadline_of, end_of, years_on
from services.retention.core.decide import Person, Policy, decide
from services.retention.core.effects import Changed, Effect, Expired, Refused
from services.retention.core.messages import Due, Report
from services.retention.core.record import Open, Settled, Unreported
from services.retention.core.timers import due_at
from shared.contracts.faults import Code
from shared.contracts.kinds import KINDS, Ends, RecordClass, Shape
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
KINDS_OF_RECORDS = [kind for kind in KINDS if kind.shape is Shape.RECORD]
# Zones that go back over, back to and back from midnight, that skip it, and that leave out a day.
ZONES = ["Asia/Shanghai", "UTC", "America/New_York", "America/Goose_Bay", "America/Havana", "America/Sao_Paulo"]
ZONES += ["Antarctica/Casey", "Africa/Cairo", "Pacific/Apia", "America/Nuuk", "Australia/Lord_Howe", "Asia/Kathmandu"]

days = st.dates(date(2018, 1, 1), date(2026, 1, 1))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


# -- deadlines ---------------------------------------------------------------------------------------------------------


@given(st.dates(date(1970, 1, 1), date(2040, 12, 31)), st.sampled_from(ZONES))
@example(date(2010, 3, 4), "Antarctica/Casey")
@example(date(2010, 11, 6), "America/Goose_Bay")
@example(date(2011, 12, 29), "Pacific/Apia")
@example(date(2018, 11, 3), "America/Sao_Paulo")
def test_a_day_is_over_when_no_clock_shows_it_any_more(day: date, name: str) -> None:
    """(rules D3) By asking the zone's clock every half hour for three days, and one second before."""
    zone = ZoneInfo(name)
    end = end_of(day, zone)
    start = datetime.combine(day, datetime.min.time(), UTC) - timedelta(days=1)
    for half_hours in range(2 * 24 * 4):
        instant = start + half_hours * HOUR / 2
        if instant >= end:
            assert instant.astimezone(zone).date() > day
    assert (end - timedelta(seconds=1)).astimezone(zone).date() <= day


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.integers(1, 50))
def test_the_same_date_or_the_months_last_day(day: date, years: int) -> None:
    """(rules D2)"""
    last_day = years_on(day, years)
    assert (last_day.year, last_day.month) == (day.year + years, day.month)
    if last_day.day != day.day:
        assert (day.month, day.day, last_day.day) == (2, 29, 28)


@given(days, days, st.sampled_from(list(RecordClass)), st.sampled_from(ZONES))
def test_who_ended_earlier_lapses_no_later(one: date, other: date, record_class: RecordClass, zone: str) -> None:
    profile = Profile(
        name="x",
        zone=zone,
        answer_days=20,
        behavior_days_late_max=90,
        years=Years(legal=5, financial=5, life=2),
    )
    first, second = sorted((one, other))
    assert deadline_of(record_class, first, profile).lapses_at <= deadline_of(record_class, second, profile).lapses_at


# -- a record's life ---------------------------------------------------------------------------------------------------


@st.composite
def reports(draw: st.DrawFn) -> list[Report]:
    """What a partner could tell of one record: one report, told once or more, and settlements of several days."""
    kind = draw(st.sampled_from(KINDS_OF_RECORDS))
    began_on = draw(days)
    ended_on = draw(st.none() | days.filter(lambda day: day >= began_on))
    first = RecordReport(kind=kind.name, report_id="r-1", status="reported", began_on=began_on, ended_on=ended_on)
    settlements = [
        RecordReport(
            kind=kind.name if draw(st.integers(0, 9)) else draw(st.sampled_from(KINDS_OF_RECORDS)).name,
            report_id="r-1",
            status="settled",
            began_on=draw(st.sampled_from([None, None, began_on, began_on + timedelta(days=1)])),
            ended_on=day,
        )
        for day in draw(st.lists(days, max_size=4))
    ]
    bodies = [first, *draw(st.lists(st.sampled_from([first, *settlements]), max_size=4)), *settlements]
    return [Report(USER, "bank", f"e-{i}", f"behavior.raw.bank/0/{i}", body, NOW) for i, body in enumerate(bodies)]


@st.composite
def slips(draw: st.DrawFn) -> list[Report]:
    """Reports of one record whose own days were over long before they came: an end, or a beginning of what ends at
    once, with a slip in its year."""
    kind = draw(st.sampled_from(KINDS_OF_RECORDS))
    began_on = draw(st.dates(date(1970, 1, 1), date(2015, 1, 1)))
    body = RecordReport(
        kind=kind.name,
        report_id="r-1",
        status="reported",
        began_on=began_on,
        ended_on=draw(st.dates(began_on, date(2017, 12, 31))),
    )
    return [Report(USER, "bank", "e-slip", "behavior.raw.bank/0/999", body, NOW)] * draw(st.integers(1, 2))


def told(person: Person, messages: Sequence[Report], now: datetime = NOW) -> tuple[Person, list[Effect]]:
    effects: list[Effect] = []
    for message in messages:
        decided = decide(person, [message], now, POLICY)
        person = decided.person
        effects += [effect for _, effect in decided.effects]
    return person, effects


def fired(person: Person, now: datetime) -> tuple[Person, list[Expired]]:
    """All that is due, page by page, as the runner asks for it."""
    expired: list[Expired] = []
    while instants := [due for record in person.records.values() if (due := due_at(record)) and due <= now]:
        decided = decide(person, [Due(USER, min(instants))], now, POLICY)
        assert len(decided.person.records) < len(person.records)
        person = decided.person
        expired += [effect for _, effect in decided.effects if isinstance(effect, Expired)]
    return person, expired


def content(person: Person) -> object:
    """What a person is, apart from how many steps it took: of several settlements all, or only the first, are steps."""
    kept: list[object] = []
    for id, record in person.records.items():
        if isinstance(record, Unreported):
            kept.append((id, "waits", {(s.kind, s.began_on, s.ended_on) for s in record.waiting}))
        else:
            kept.append((id, type(record).__name__, record.facts, record.deadline))
    return kept, person.gone


@given(reports(), st.data())
def test_any_order_and_repetition_comes_to_the_same(messages: list[Report], data: st.DataObject) -> None:
    """(rules R2)"""
    shuffled = data.draw(st.permutations(messages)) + data.draw(st.lists(st.sampled_from(messages), max_size=3))
    one, other = told(Person(), messages)[0], told(Person(), shuffled)[0]
    # What has lapsed already by then is fired: whether it was refused or opened before depends on the order.
    one, other = fired(one, NOW)[0], fired(other, NOW)[0]
    assert content(one) == content(other)
    far = NOW + timedelta(days=365 * 10)
    (one, expired), (other, expired_too) = fired(one, far), fired(other, far)
    assert [e.lapsed_at for e in expired] == [e.lapsed_at for e in expired_too]
    assert content(one) == content(other)


@given(reports(), st.data())
def test_what_is_told_again_gets_the_answer_that_it_got(messages: list[Report], data: st.DataObject) -> None:
    """A killed ingest tells the last of what it told once more: nothing of it changes, and no report that was taken is
    refused."""
    person, effects = told(Person(), messages)
    again = messages[data.draw(st.integers(0, len(messages))) :]
    other, effects_again = told(person, again)
    assert other == person
    refused, refused_again = ([e for e in each if isinstance(e, Refused)] for each in (effects, effects_again))
    assert all(e in refused for e in refused_again)
    assert not any(isinstance(e, Changed) for e in effects_again)


@given(reports(), slips(), st.data())
def test_a_slip_that_is_refused_changes_nothing_wherever_it_comes(
    messages: list[Report], slip: list[Report], data: st.DataObject
) -> None:
    """Before, between or behind what is right, and also when it is forwarded again (rules R11)."""
    at = data.draw(st.integers(0, len(messages)))
    before, _ = told(Person(), messages[:at])
    person, refused = told(before, slip)
    assert person == before
    assert [effect.fault.code for effect in refused if isinstance(effect, Refused)] == [Code.LAPSED] * len(slip)
    assert told(person, messages[at:]) == told(before, messages[at:])


@given(reports(), slips(), st.data())
def test_a_settlement_with_a_slip_is_put_right_under_a_new_number(
    messages: list[Report], slip: list[Report], data: st.DataObject
) -> None:
    """What is told under the new number has the life that it has alone, wherever it stands among what was told under
    the closed one, and also when that is forwarded again (rules R10, R11)."""
    body = slip[0].body
    ended = RecordReport(kind=body.kind, report_id="r-1", status="settled", ended_on=body.ended_on)
    opening = RecordReport(kind=body.kind, report_id="r-1", status="reported", began_on=body.began_on)
    old = [_with_body(slip[0], each) for each in (opening, *[ended] * len(slip))]
    new = [_with_body(message, _renamed(message.body, "r-2")) for message in messages]
    places = data.draw(st.permutations([True] * len(old) + [False] * len(new)))
    rest_of_old, rest_of_new = iter(old), iter(new)
    person, effects = told(Person(), [next(rest_of_old if each else rest_of_new) for each in places])
    alone, expected = told(Person(), new)
    assert {id: record for id, record in person.records.items() if id in alone.records} == alone.records
    assert [e for e in effects if _is_about(e, "r-2")] == [e for e in expected if _is_about(e, "r-2")]


def _is_about(effect: Effect, report_id: str) -> bool:
    return isinstance(effect, Changed) and effect.record.facts.report_id == report_id


@given(st.permutations(range(6)), st.lists(st.none() | st.integers(0, 3), min_size=6, max_size=6), st.data())
def test_of_running_balances_the_latest_counts_in_any_order(
    order: list[int], amounts: list[int | None], data: st.DataObject
) -> None:
    """Each minute has its amount; they come in any order and more than once (rules R13)."""
    kind = data.draw(st.sampled_from(KINDS_OF_RECORDS)).name
    balances = [
        Report(USER, "bank", f"e-{i}", f"behavior.raw.bank/0/{i}", body, NOW + timedelta(minutes=i))
        for i, amount in enumerate(amounts)
        for body in [
            RecordReport(kind=kind, report_id="r-1", status="reported", began_on=date(2025, 6, 1), amount=amount)
        ]
    ]
    repeated = order + data.draw(st.lists(st.sampled_from(order), max_size=4))
    person, effects = told(Person(), [balances[i] for i in repeated])
    (record,) = person.records.values()
    assert not isinstance(record, Unreported)
    assert record.facts.amount == next((amount for amount in reversed(amounts) if amount is not None), None)
    changes = [effect.record for effect in effects if isinstance(effect, Changed)]
    assert len(effects) == len(repeated)
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))
    assert {change.deadline for change in changes} == {record.deadline}
    assert told(person, [balances[i] for i in order])[0] == person


@given(reports(), st.data())
def test_batches_come_to_the_same(messages: list[Report], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(messages)))
    person, effects = Person(), []
    for batch in filter(None, (messages[:cut], messages[cut:])):
        decided = decide(person, batch, NOW, POLICY)
        person = decided.person
        effects += [effect for _, effect in decided.effects]
    assert (person, effects) == told(Person(), messages)


@given(reports(), st.data())
def test_one_expiry_and_versions_without_gap(messages: list[Report], data: st.DataObject) -> None:
    """(rules R10, R12) Whatever is told, and however the clock moves, back included: versions are 1, 2, 3, and no more
    than one end, before the name of what lapsed is forgotten; then it may be a new record's."""
    person, effects = Person(), list[tuple[datetime, Effect]]()
    now = NOW
    for message in messages:
        now += timedelta(days=data.draw(st.integers(-400, 1500)))
        assume(date(2018, 1, 1) < now.date() < date(2190, 1, 1))
        person, more = told(person, [message], now)
        effects += [(now, effect) for effect in more]
        person, expired = fired(person, now)
        effects += [(now, effect) for effect in expired]
    now += timedelta(days=365 * 10)
    person, expired = fired(person, now)
    effects += [(now, effect) for effect in expired]
    note(effects)
    lives: list[list[Changed | Expired]] = [[]]
    forgotten_at = datetime.min.replace(tzinfo=UTC)
    for at, effect in effects:
        match effect:
            case Changed() | Expired():
                # A clock that goes back says nothing against a record that has begun.
                assert lives[-1] or at >= forgotten_at, "a name that is remembered is no new record's"
                lives[-1].append(effect)
                if isinstance(effect, Expired):
                    lives.append([])
                    forgotten_at = lapsed_kept_until(at)
            case _:
                pass
    for life in lives:
        versions = [e.record.version if isinstance(e, Changed) else e.version for e in life]
        assert versions == list(range(1, len(versions) + 1))
    # What is left at the end has no deadline.
    assert not any(e.record.deadline for e in lives[-1] if isinstance(e, Changed))


@given(reports())
def test_a_clock_is_never_moved_to_a_later_day(messages: list[Report]) -> None:
    """(rules R7)"""
    _, effects = told(Person(), messages)
    clocks = [e.record.deadline for e in effects if isinstance(e, Changed) and e.record.deadline]
    assert clocks == sorted(clocks, key=lambda clock: clock.lapses_at, reverse=True)


@given(reports())
def test_the_deadline_is_that_of_the_first_end(messages: list[Report]) -> None:
    """(rules R5 and R6) Worked out apart: of all ends that fit the report the earliest, or for a kind that ends at once
    the beginning."""
    person, _ = told(Person(), messages)
    bodies = [message.body for message in messages]
    first = bodies[0]
    assert first.began_on is not None
    kind = next(kind for kind in KINDS_OF_RECORDS if kind.name == first.kind)
    fitting = [
        body
        for body in bodies
        if body.kind == first.kind
        and body.ended_on is not None
        and body.began_on in (None, first.began_on)
        and body.ended_on >= first.began_on
    ]
    ends = [body.ended_on for body in fitting if body.ended_on is not None]
    ended_on = first.began_on if kind.ends is Ends.AT_ONCE else min(ends, default=None)
    assert kind.record_class is not None
    own = first.began_on if kind.ends is Ends.AT_ONCE else first.ended_on
    if own and deadline_of(kind.record_class, own, POLICY.profile).lapses_at <= NOW:
        assert not any(isinstance(record, Open | Settled) for record in person.records.values()), "over on arrival"
        return
    for record in person.records.values():
        assert not isinstance(record, Unreported)
        clock = deadline_of(kind.record_class, ended_on, POLICY.profile) if ended_on else None
        assert record.deadline == clock
        settled = [body for body in fitting if body.status == "settled"]
        assert isinstance(record, Settled) == bool(settled if kind.ends is Ends.AT_ONCE else ends)


@given(reports())
def test_each_report_leads_to_one_answer(messages: list[Report]) -> None:
    """Nothing is passed over in silence: each refusal names its own report, and no report is refused twice."""
    _, effects = told(Person(), messages)
    origins = [effect.origin for effect in effects if isinstance(effect, Refused)]
    assert len(set(origins)) == len(origins)
    assert set(origins) <= {message.origin for message in messages}


@given(st.lists(reports(), min_size=1, max_size=4), st.lists(st.integers(0, 4000), min_size=1, max_size=6))
def test_a_jumping_clock_fires_all_that_is_due_once_and_in_order(people: list[list[Report]], leaps: list[int]) -> None:
    """(rules D7) Several records of one person; the clock goes on, stands still and leaps by years."""
    messages = [_with_body(m, _renamed(m.body, f"r-{i}")) for i, each in enumerate(people) for m in each]
    person, _ = fired(told(Person(), messages)[0], NOW)
    waiting = {id: due for id, record in person.records.items() if (due := due_at(record))}
    reported = {id for id, record in person.records.items() if not isinstance(record, Unreported)}
    now, expired = NOW, list[Expired]()
    for leap in leaps:
        now += timedelta(days=leap)
        person, more = fired(person, now)
        assert [e.lapsed_at for e in more] == sorted(e.lapsed_at for e in more)
        assert all(e.lapsed_at <= now for e in more)
        expired += more
        person, none = fired(person, now - timedelta(days=1000))
        assert none == []
    assert [e.lapsed_at for e in expired] == sorted(due for id, due in waiting.items() if due <= now and id in reported)


def _with_body(message: Report, body: RecordReport) -> Report:
    return Report(message.user_id, message.partner, message.event_id, message.origin, body, message.time)


def _renamed(body: RecordReport, report_id: str) -> RecordReport:
    return RecordReport(
        kind=body.kind, report_id=report_id, status=body.status, began_on=body.began_on, ended_on=body.ended_on
    )
