"""Laws of disputes, answers and corrections (rules R17 to R23), for whatever comes in whatever order; and a plain model
of one record that every step is compared with, through the columns of its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from services.retention.core.bounds import SETTLEMENTS_MAX
from services.retention.core.decide import Person, Policy, decide
from services.retention.core.effects import Changed, Effect, Expired, Removed, Replied
from services.retention.core.fingerprint import dispute_id, record_id
from services.retention.core.messages import DisputeRequest, Due, Message, Report, StatementRequest
from services.retention.core.record import Open, Settled, Unreported, counts, status_of
from services.retention.core.timers import due_at
from services.retention.storage import store
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import Early, NoticeDays, Profile, Years
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.law_sizes import examples
from tests.support.record_lives import CN, KEY, USER

POLICY = Policy(profile=CN, fingerprint_key=KEY)
ID = record_id(KEY, USER, "bank", "r-1")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KINDS = st.sampled_from(["card.overdue", "court.listing", "ride.unpaid", "hotel.no_show"])
# Every end is behind every beginning, and none is over: what contradicts itself has its refusals in the tables.
beginnings = st.dates(date(2024, 2, 1), date(2024, 3, 1))
endings = st.dates(date(2024, 3, 2), date(2025, 12, 31))


def reported(kind: str, number: int, status: str, at: int, **fields: Any) -> Report:
    body = RecordReport(kind=kind, report_id="r-1", status=status, **fields)  # type: ignore[arg-type]  # fields as a case names them
    return Report(USER, "bank", f"e-{number}", f"behavior.raw.bank/0/{number}", body, NOW + at * MINUTE, "", NOW)


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Message], list[Message]]:
    """What is said of one record in any order, and what follows upon the one before: report, dispute, answer."""
    kind, began = draw(KINDS), draw(st.just(date(2024, 3, 1)) | beginnings)
    times = iter(draw(st.permutations(range(1, 20))))
    free: list[Message] = [
        reported(kind, 10 + i, "settled", next(times), ended_on=day)
        for i, day in enumerate(draw(st.lists(endings, max_size=2)))
    ]
    for i in range(draw(st.integers(0, 3))):
        fields: dict[str, Any] = {"began_on": draw(st.none() | beginnings), "ended_on": draw(st.none() | endings)}
        fields |= {"amount": draw(st.none() | st.integers(0, 3))}
        if any(value is not None for value in fields.values()):
            free.append(reported(kind, 20 + i, "resolved", next(times), outcome="corrected", **fields))
    if draw(st.integers(0, 5)) == 0:
        free.append(reported(kind, 30, "resolved", next(times), outcome="deleted"))
    in_order: list[Message] = [reported(kind, 0, "reported", 0, began_on=began)]
    in_order += [
        StatementRequest(USER, f"s-{i}", ID, f"Words {i}.", NOW + next(times) * MINUTE)
        for i in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        in_order.append(DisputeRequest(USER, "q-1", ID, "paid", None, NOW))
        number = dispute_id(KEY, ID, "q-1")
        match draw(st.sampled_from(["none", "confirmed", "unverifiable", "corrected"])):
            case "none":
                pass
            case "corrected":
                ended = draw(endings)
                in_order.append(
                    reported(kind, 40, "resolved", next(times), outcome="corrected", dispute=number, ended_on=ended)
                )
            case outcome:
                in_order.append(reported(kind, 40, "resolved", 0, outcome=outcome, dispute=number))
    return free, in_order


def shuffled(draw: Callable[..., Any], free: Sequence[Message], in_order: Sequence[Message]) -> list[Message]:
    """All of it in some order, in which what follows upon another comes behind that."""
    places = draw(st.permutations([False] * len(free) + [True] * len(in_order)))
    some, others = iter(draw(st.permutations(free))), iter(in_order)
    return [next(others if is_in_order else some) for is_in_order in places]


def told(
    messages: Sequence[Message], person: Person | None = None, policy: Policy = POLICY
) -> tuple[Person, list[Effect]]:
    person, effects = person or Person(), list[Effect]()
    for message in messages:
        decided = decide(person, [message], NOW, policy)
        person = decided.person
        effects += [effect for _, effect in decided.effects]
    return person, effects


def content(person: Person) -> tuple[object, object]:
    """What a record is at the end, apart from the way that led there."""
    seen: list[object] = []
    for id, record in person.records.items():
        if isinstance(record, Unreported):
            seen.append((id, {(each.kind, each.began_on, each.ended_on, each.amount) for each in record.waiting}))
        else:
            facts, statement = record.facts, record.case.statement
            said = (facts.began_on, facts.amount, record.deadline, statement.text if statement else None)
            seen.append((id, type(record), status_of(record), counts(record), said))
    return seen, person.gone


@given(st.lists(st.integers(0, 2), min_size=1, max_size=4), st.data())
def test_of_several_statements_the_latest_stays_and_each_is_answered(times: list[int], data: st.DataObject) -> None:
    """(rules R23) Also where some are of one instant."""
    record = reported("card.overdue", 0, "reported", 0, began_on=date(2024, 2, 1))
    requests = [StatementRequest(USER, f"s-{i}", ID, f"Words {i}.", NOW + at * MINUTE) for i, at in enumerate(times)]
    kept = set()
    for _ in range(2):
        person, effects = told([record, *data.draw(st.permutations(requests))])
        assert sorted(e.request_id for e in effects if isinstance(e, Replied)) == [r.request_id for r in requests]
        kept.add(repr(content(person)))
    assert len(kept) == 1


@pytest.mark.parametrize("name", ["cn", "us"])
@given(life=lives(), data=st.data())
def test_in_whichever_order_it_comes_the_end_is_the_same(
    name: str, life: tuple[list[Message], list[Message]], data: st.DataObject
) -> None:
    """(rules R4, R6, R18 and R23) Also where the years are counted from the beginning."""
    policy = shipped(name)
    one, other = (told(shuffled(data.draw, *life), policy=policy)[0] for _ in range(2))
    removes = ("deleted", "unverifiable") if policy.profile.unverifiable == "deletes" else ("deleted",)
    if any(isinstance(m, Report) and m.body.outcome in removes for m in (*life[0], *life[1])):
        # Whoever asks about a record that is gone already is refused: then nothing is left to compare but that.
        assert (one.records, other.records) == ({}, {})
        return
    assert content(one) == content(other)


@given(lives(), st.data())
def test_what_is_said_again_changes_nothing(life: tuple[list[Message], list[Message]], data: st.DataObject) -> None:
    """A killed ingest forwards the last of what it sent once more, and a portal asks once more."""
    messages = shuffled(data.draw, *life)
    person, _ = told(messages)
    again, effects = told(messages[data.draw(st.integers(0, len(messages))) :], person)
    assert content(again) == content(person)
    assert not any(isinstance(effect, Changed | Expired | Removed) for effect in effects)


@given(lives(), st.data())
def test_versions_have_no_gap_and_only_a_correction_moves_a_deadline_to_a_later_day(
    life: tuple[list[Message], list[Message]], data: st.DataObject
) -> None:
    """(rules R7, R12 and R18)"""
    _, effects = told(shuffled(data.draw, *life))
    published = [effect for effect in effects if isinstance(effect, Changed | Expired | Removed)]
    versions = [e.record.version if isinstance(e, Changed) else e.version for e in published]
    assert versions == list(range(1, len(versions) + 1))
    before = None
    for effect in published:
        if isinstance(effect, Changed):
            deadline = effect.record.deadline
            if before is not None and deadline is not None and deadline.lapses_at > before:
                assert effect.news == "corrected"
            before = deadline.lapses_at if deadline else before


LATER = datetime(2029, 12, 1, tzinfo=UTC)
"""Of the endings some have made a record lapse by then, and others have not."""


def shipped(name: str) -> Policy:
    profile = load_policy(ROOT / "policies" / "retention" / f"{name}.toml", Profile)
    return Policy(profile=profile, fingerprint_key=KEY)


def fired(person: Person, now: datetime, policy: Policy) -> Person:
    while instants := [at for record in person.records.values() if (at := due_at(record)) and at <= now]:
        person = decide(person, [Due(USER, min(instants))], now, policy).person
    return person


@pytest.mark.parametrize("name", ["cn", "eu", "us"])
@given(life=lives(), days=st.integers(0, 1_000), data=st.data())
def test_wherever_a_batch_ends_and_the_timers_fire_the_end_is_the_same(
    name: str, life: tuple[list[Message], list[Message]], days: int, data: st.DataObject
) -> None:
    """(rules R17) What made a record lapse may be read together with what came behind it, or before the timers fire."""
    policy, now = shipped(name), LATER - timedelta(days=days)
    messages = shuffled(data.draw, *life)
    together = fired(decide(Person(), messages, now, policy).person, now, policy)
    apart = Person()
    for message in messages:
        apart = decide(apart, [message], now, policy).person
        if data.draw(st.booleans()):
            apart = fired(apart, now, policy)
    assert content(fired(apart, now, policy)) == content(together)


@pytest.mark.parametrize("name", ["cn", "eu", "us"])
@given(life=lives(), days=st.integers(0, 1_000), data=st.data())
def test_what_waits_for_its_report_is_judged_as_if_it_had_come_after_it(
    name: str, life: tuple[list[Message], list[Message]], days: int, data: st.DataObject
) -> None:
    """(rules R4) Also where some of it makes the record lapse."""
    policy, now = shipped(name), LATER - timedelta(days=days)
    free, (report, *rest) = data.draw(st.permutations(life[0])), life[1]
    waited = decide(Person(), [*free, report, *rest], now, policy).person
    came_after = decide(Person(), [report, *free, *rest], now, policy).person
    assert content(fired(waited, now, policy)) == content(fired(came_after, now, policy))


@st.composite
def short_lives(draw: st.DrawFn) -> list[Message]:
    """Records that are paid soon, or not, and disputed or deleted about eighteen months later, while it is known that
    they were there."""
    told: list[tuple[datetime, Message]] = []
    for number in "123":
        at = NOW + timedelta(days=draw(st.sampled_from([0, 545, 552, 1100]))) + int(number) * MINUTE
        acts: list[tuple[datetime, str, dict[str, Any]]] = [(at, "reported", {"began_on": at.date()})]
        if (after := draw(st.sampled_from([None, 1, 4]))) is not None:
            paid = at + timedelta(days=after)
            acts.append((paid, "settled", {"ended_on": paid.date()}))
        later = at + timedelta(days=draw(st.integers(546, 640)))
        if draw(st.booleans()):
            acts.append((later, "resolved", {"outcome": "deleted"}))
        else:
            id = record_id(KEY, USER, "bank", number)
            told.append((later, DisputeRequest(USER, f"q-{number}", id, "paid", None, later)))
        for instant, status, fields in acts:
            body = RecordReport(kind="card.overdue", report_id=number, status=status, **fields)  # type: ignore[arg-type]  # a status as it is listed
            told.append((instant, Report(USER, "bank", f"{status}-{number}", "behavior.raw.bank/0/0", body, instant)))
    return [message for _, message in sorted(told, key=lambda each: each[0])]


@given(short_lives(), st.data())
def test_whenever_the_timers_fire_the_same_records_lapse_early(messages: list[Message], data: st.DataObject) -> None:
    """(rules D11) Whether something else is held on the day of an early end does not depend on whether the timers or
    what comes later is first."""
    profile = replace(CN, years=Years(legal=3, financial=3, life=3), early=Early(months=18, paid_within_days=100))
    policy = Policy(profile=profile, fingerprint_key=KEY)
    in_time, late, now = Person(), Person(), NOW
    for message in messages:
        assert isinstance(message, Report | DisputeRequest)
        now = message.time
        in_time = decide(fired(in_time, now, policy), [message], now, policy).person
        late = fired(late, now, policy) if data.draw(st.booleans()) else late
        late = decide(late, [message], now, policy).person
    in_time, late = fired(in_time, now, policy), fired(late, now, policy)
    assert content(in_time)[0] == content(late)[0]
    assert in_time.gone.keys() == late.gone.keys()


# -- a plain model -----------------------------------------------------------------------------------------------------

Ends = Literal["confirmed", "unverifiable"]


class Record(RuleBasedStateMachine):
    """One card that is overdue. The model keeps all that was said, and works out from it what must be the case."""

    notice_days = 0

    def __init__(self) -> None:
        super().__init__()
        profile = replace(CN, notice_days=NoticeDays(financial=self.notice_days))
        self.policy = Policy(profile=profile, fingerprint_key=KEY)
        self.person, self.now, self.number = Person(), NOW, 0
        self.began: date | None = None
        self.reported_on = NOW.date()
        self.ends: set[date] = set()
        self.corrected: tuple[datetime, date] | None = None
        self.disputes: list[tuple[str, str, date]] = []
        """Request, outcome or "asked", and the day on which it came."""
        self.reasons: set[str] = set()
        self.days: set[date] = set()
        """Of all corrections."""
        self.gone = ""
        self.gone_until = NOW
        self.versions: list[int] = []

    def _do(self, message: Message) -> None:
        decided = decide(self.person, [message], self.now, self.policy)
        self.versions += [
            effect.record.version if isinstance(effect, Changed) else effect.version
            for _, effect in decided.effects
            if isinstance(effect, Changed | Expired | Removed)
        ]
        rows = {id: store._row(b"", bytes.fromhex(id), record) for id, record in decided.person.records.items()}
        # Through the columns of the table, as after a restart.
        kept = {id: store._record(row._asdict()) for id, row in rows.items()}  # type: ignore[arg-type]  # a row as the database gives it
        assert kept == decided.person.records
        self.person = Person(kept, decided.person.gone)

    def _report(self, status: str, **fields: Any) -> None:
        self.number += 1
        self._forgets(MINUTE)
        body = RecordReport(kind="card.overdue", report_id="r-1", status=status, **fields)  # type: ignore[arg-type]  # fields as a case names them
        self._do(Report(USER, "bank", f"e-{self.number}", f"behavior.raw.bank/0/{self.number}", body, self.now))

    def _forgets(self, later: timedelta) -> None:
        """What is gone is known for a while, and then nothing is."""
        self.now += later
        if self.gone and self.now >= self.gone_until:
            self.began, self.corrected, self.gone = None, None, ""
            self.ends, self.disputes, self.reasons, self.days, self.versions = set(), [], set(), set(), []

    def _is_gone(self, how: str, known_until: datetime) -> None:
        self.gone = how
        kept = max(known_until, self.now + timedelta(days=100)).date() + timedelta(days=1)
        self.gone_until = datetime(kept.year, kept.month, kept.day, tzinfo=UTC)

    def _fires(self) -> None:
        while instants := [at for r in self.person.records.values() if (at := due_at(r)) and at <= self.now]:
            self._do(Due(USER, min(instants)))
        today = self._today
        if self._is_held and self.disputes and self.disputes[-1][1] == "asked":
            request, _, day = self.disputes[-1]
            if today > day + timedelta(days=20):
                self.disputes[-1] = (request, "unverifiable", day)
        end = self._end
        if self._is_held and end is not None and today > end.replace(year=end.year + 5):
            self._is_gone("lapsed", self.now)

    @property
    def _today(self) -> date:
        return (self.now + timedelta(hours=8)).date()

    @property
    def _is_held(self) -> bool:
        return self.began is not None and not self.gone

    @rule()
    def is_reported(self) -> None:
        self._report("reported", began_on=date(2024, 2, 1))
        if not self.gone and self.began is None:
            self.began, self.reported_on = date(2024, 2, 1), self._today

    @rule(day=endings)
    def is_settled(self, day: date) -> None:
        if self.began is None and not self.gone:
            return  # What waits has its place among the laws of any order.
        self._report("settled", ended_on=day)
        if (
            self._is_held
            and self.corrected is None
            and len(self.ends) < SETTLEMENTS_MAX
            and day < min(self.ends, default=date.max)
        ):
            self.ends.add(day)
        self._fires()

    @rule(day=endings)
    def is_corrected(self, day: date) -> None:
        if self._is_held and len(self.ends | self.days) < 2 * SETTLEMENTS_MAX:
            self._report("resolved", outcome="corrected", ended_on=day)
            self.corrected = (self.now, day)
            self.days.add(day)
        self._fires()

    @rule(reason=st.sampled_from(["paid", "fraud", "not-mine"]))
    def is_disputed(self, reason: str) -> None:
        request = f"q-{len(self.disputes)}-{reason}"
        self._forgets(MINUTE)
        last = self.disputes[-1][1] if self.disputes else "none"
        self._do(DisputeRequest(USER, request, ID, reason, None, self.now))
        if not self._is_held or last == "unverifiable":
            return
        was_known = reason in self.reasons
        self.reasons.add(reason)
        if last == "asked" or was_known:
            return
        self.disputes.append((request, "asked", self._today))

    @rule(outcome=st.sampled_from(["confirmed", "unverifiable"]))
    def is_answered(self, outcome: Ends) -> None:
        if not self.disputes:
            return
        request, before, day = self.disputes[-1]
        self._report("resolved", outcome=outcome, dispute=dispute_id(KEY, ID, request))
        if self._is_held and before == "asked":
            self.disputes[-1] = (request, outcome, day)

    @rule()
    def is_deleted(self) -> None:
        if self._is_held and len(self.ends) > 2:
            self._report("resolved", outcome="deleted")
            self._is_gone("deleted", datetime(2045, 1, 16, tzinfo=UTC))

    @rule(days=st.integers(1, 900))
    def time_passes(self, days: int) -> None:
        self._forgets(timedelta(days=days))
        self._fires()

    @property
    def _end(self) -> date | None:
        return self.corrected[1] if self.corrected else min(self.ends, default=None)

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        assert self.versions == list(range(1, len(self.versions) + 1))
        if not self._is_held:
            assert not self.person.records
            assert any(until > self.now for until in self.person.gone.values()) == bool(self.gone)
            return
        (record,) = self.person.records.values()
        assert isinstance(record, Open | Settled)
        last = self.disputes[-1][1] if self.disputes else ""
        expected = {"asked": "disputed", "": "settled" if self._end else "open"}.get(last, last)
        assert status_of(record) == expected
        is_known = not self.notice_days or self._today > self.reported_on + timedelta(self.notice_days)
        assert counts(record) == (is_known and last not in ("asked", "unverifiable"))
        assert (record.deadline.ended_on if record.deadline else None) == self._end


Record.TestCase.settings = settings(examples(60), stateful_step_count=30)
TestRecord = Record.TestCase


class RecordWithNotice(Record):
    """(rules R22) The same, of whose record its person must know for a week before it counts."""

    notice_days = 7


RecordWithNotice.TestCase.settings = Record.TestCase.settings
TestRecordWithNotice = RecordWithNotice.TestCase
