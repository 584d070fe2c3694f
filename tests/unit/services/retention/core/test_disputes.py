"""Disputes, answers, corrections and statements: what everything that can happen does to a record in each state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from services.ingest.core.plausibility import LIFETIME_YEARS
from services.retention.core import person
from services.retention.core.bounds import (
    CERTIFIED_MAX,
    DISPUTES_MAX,
    RECORDS_MAX,
    REPORTED_YEARS_MAX,
    RETURNS_MAX,
    SETTLEMENTS_MAX,
)
from services.retention.core.deadline import Deadline
from services.retention.core.decide import Policy, decide
from services.retention.core.effects import AskedProvider, Expired, Refused
from services.retention.core.fingerprint import record_id
from services.retention.core.messages import Report
from services.retention.core.record import Kept, Settled, counts, status_of
from services.retention.core.timers import due_at, early_end, silence_is_due, silence_until
from shared.contracts.erasure import ON_THE_WAY_MAX
from shared.contracts.messages import RecordReport
from shared.contracts.retention_profile import DelayDays, Early, NoticeDays, Profile, Span, Warnings, Years
from shared.policy_file import load_policy
from shared.settings import ROOT
from tests.support.record_lives import BEGAN, CARD, CN, ENDED, KEY, NO_SHOW, NOON, STATES, USER, Life, dispute_of, lived
from tests.support.record_transitions import CASES, D1, TRANSITIONS


@pytest.mark.parametrize(("event", "state", "outcome"), CASES, ids=[f"{event}: {state}" for event, state, _ in CASES])
def test_transition(event: str, state: str, outcome: str) -> None:
    happens, _ = TRANSITIONS[event]
    assert "; ".join(happens(lived(state))) == outcome.replace("nothing", "")


def test_each_event_is_tried_in_each_state() -> None:
    assert len(CASES) == len(TRANSITIONS) * len(STATES) >= 150


# -- what a table of single events does not show -----------------------------------------------------------------------


def test_the_clock_keeps_running_while_a_record_is_disputed() -> None:
    """(rules R17) It lapses on its day, and a late answer finds nothing."""
    life = Life()
    life.report(kind=NO_SHOW, began=date(2024, 1, 20))
    life.dispute()
    assert life.until(datetime(2026, 1, 20, 16, tzinfo=UTC)) == ["expired v3"]
    assert life.resolve("confirmed", kind=NO_SHOW, dispute=D1) == ["refused lapsed report_id"]
    assert life.resolve("deleted", kind=NO_SHOW, dispute=D1) == ["repeated"]


def test_a_profile_may_delete_what_nobody_can_verify() -> None:
    """(rules R17)"""
    life = Life(replace(CN, answer_days=30, unverifiable="deletes"))
    life.report()
    assert life.dispute() == ["disputed: disputed v2 dark", "asked paid by 2026-02-14", "person: asked"]
    assert life.until(datetime(2026, 2, 14, 15, 59, tzinfo=UTC)) == []
    assert life.until(datetime(2026, 2, 14, 16, tzinfo=UTC)) == ["deleted v3 unverifiable"]
    assert life.report() == ["refused deleted report_id"]


def test_an_answer_that_came_in_time_counts_though_it_is_read_late() -> None:
    """(rules R17) A service was down over the due day."""
    for arrived, answer in (
        (timedelta(seconds=-1), "confirmed: confirmed v4"),
        (timedelta(), "refused answered dispute"),
    ):
        life = lived("unverifiable")
        due = datetime(2026, 2, 4, 16, tzinfo=UTC)
        assert life.resolve("confirmed", dispute=D1, arrived=due + arrived) == [answer]


def test_an_answer_that_came_late_does_not_count_though_the_timer_has_not_fired() -> None:
    """(rules R17) Time is when it arrived, and not when the service came to it."""
    due = datetime(2026, 2, 4, 16, tzinfo=UTC)
    life = lived("disputed")
    life.now = due + timedelta(hours=1)
    assert silence_is_due([life.record], due)
    assert not silence_is_due([life.record], due - timedelta(seconds=1))
    assert life.resolve("confirmed", dispute=D1, arrived=due) == ["refused answered dispute"]
    assert life.resolve("confirmed", dispute=D1, arrived=due - timedelta(seconds=1)) == ["confirmed: confirmed v3"]


DUE = datetime(2026, 2, 4, 16, tzinfo=UTC)
IN_TIME = DUE - timedelta(seconds=1)
ANSWERED: Sequence[tuple[str, Mapping[str, Any], datetime, str]] = [
    ("confirmed", {}, IN_TIME, "confirmed"),
    ("confirmed", {}, DUE, "unverifiable"),
    ("corrected", {"amount": 5}, IN_TIME, "corrected"),
    ("corrected", {"amount": 5}, DUE, "unverifiable"),
    ("unverifiable", {}, IN_TIME, "unverifiable"),
    ("unverifiable", {}, DUE, "unverifiable"),
]


@pytest.mark.parametrize(("outcome", "fields", "arrived", "status"), ANSWERED)
@pytest.mark.parametrize("then", [[], [("confirmed", IN_TIME)]], ids=["", "and confirmed"])
def test_an_answer_leads_to_the_same_end_whether_it_or_the_timer_is_first(
    outcome: str, fields: Mapping[str, Any], arrived: datetime, status: str, then: Sequence[tuple[str, datetime]]
) -> None:
    """(rules R17) One answer ends a dispute; what comes too late ends none, but a correction corrects all the same."""
    ends = []
    for timer_first in (False, True):
        life = lived("disputed")
        if timer_first:
            life.until(DUE)
        life.now = DUE + timedelta(hours=1)
        life.resolve(outcome, dispute=D1, arrived=arrived, **fields)
        for another, at in then:
            life.resolve(another, dispute=D1, arrived=at)
        life.later(hours=1)
        ends.append((status_of(life.record), life.record.facts.amount, life.record.case.disputes[-1].questions))
    assert ends[0] == ends[1]
    assert ends[0][0] == ("confirmed" if then and arrived == DUE else status)


def test_what_waits_for_a_report_is_refused_when_all_that_had_arrived_is_read() -> None:
    """(rules R4) The service may have been down when the report came, and then what waited would be refused first."""
    life = Life()
    life.report("settled")
    (waiting,) = life.person.records.values()
    until = due_at(waiting)
    assert until is not None
    assert silence_is_due([waiting], until)
    assert not silence_is_due([waiting], until - timedelta(seconds=1))
    life.now = until + timedelta(days=3)
    assert life.report() == ["reported: open v1", "changed: settled v2 2025-09-15"]


def test_what_had_arrived_is_read_before_each_silence_also_of_one_second() -> None:
    """(rules R4) Else a report that came between the two would be read too late."""
    assert silence_until(NOON) != silence_until(NOON + timedelta(milliseconds=1))


def test_what_is_added_when_the_time_is_over_makes_it_no_longer() -> None:
    """(rules R17 and D10) Though the timer has not fired yet."""
    life = Life(replace(CN, extension=Span(days=15)))
    life.report()
    life.dispute()
    life.now = DUE + timedelta(hours=1)
    assert life.dispute("q-2", "wrong-day", arrived=DUE) == ["person: no-longer"]
    assert life.later(hours=1) == ["unverifiable: unverifiable v3 dark"]


@pytest.mark.parametrize(
    ("arrived", "answer_by"),
    [
        (None, date(2026, 2, 4)),
        (NOON, date(2026, 2, 4)),
        (NOON - timedelta(days=3), date(2026, 2, 1)),
        # 23:59 and midnight of the day before in Shanghai.
        (datetime(2026, 1, 14, 15, 59, tzinfo=UTC), date(2026, 2, 3)),
        (datetime(2026, 1, 14, 16, 0, tzinfo=UTC), date(2026, 2, 4)),
        # The broker's clock is ahead of ours.
        (NOON + timedelta(days=3), date(2026, 2, 4)),
    ],
)
def test_the_days_for_an_answer_run_from_the_day_on_which_the_dispute_came(
    arrived: datetime | None, answer_by: date
) -> None:
    """(rules D10) However long the service was down, the person waits no longer for it."""
    life = Life(CN, NOON - timedelta(minutes=1))
    life.report()
    life.dispute(arrived=arrived)
    assert life.record.case.dispute.answer_by == answer_by


SHIPPED_US = load_policy(ROOT / "policies/retention/us.toml", Profile)
# (what it stands for, when the dispute came, when it is read, whether the provider is asked late); New York is five
# hours behind in winter, and four in summer
READ = [
    ("at the instant at which it came", "2026-03-06T17:00", "2026-03-06T17:00", False),
    ("within the last day", "2026-03-06T17:00", "2026-03-14T03:59", False),
    ("when the last day is over", "2026-03-06T17:00", "2026-03-14T04:00", True),
    ("a week and a weekend later", "2026-03-06T17:00", "2026-03-16T12:00", True),
    ("it came when the day before was not over there", "2026-03-06T04:59", "2026-03-13T03:59", False),
    ("the same, and it is over now", "2026-03-06T04:59", "2026-03-13T04:00", True),
    ("before Thanksgiving, in time by the holiday", "2026-11-25T15:00", "2026-12-04T04:59", False),
    ("before Thanksgiving, late in spite of it", "2026-11-25T15:00", "2026-12-04T05:00", True),
    ("the broker's clock is ahead", "2026-03-09T17:00", "2026-03-06T17:00", False),
]


@pytest.mark.parametrize(("came", "read_at", "is_late"), [c[1:] for c in READ], ids=[c[0] for c in READ])
def test_a_provider_is_asked_at_once_and_late_is_told_apart(came: str, read_at: str, is_late: bool) -> None:
    """(rules D12) However long the service was down, the provider is asked when it is back; so is what is added."""
    arrived, now = (datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (came, read_at))
    life = Life(SHIPPED_US, now - timedelta(minutes=1))
    life.report()
    assert "asked paid" in life.dispute(arrived=arrived)[1]
    life.now = now
    assert "asked wrong-day" in life.dispute("q-2", "wrong-day", arrived=arrived)[0]
    assert [effect.is_late for effect in life.effects if isinstance(effect, AskedProvider)] == [is_late] * 2


def test_without_a_number_of_days_nobody_is_asked_late() -> None:
    """(rules D12)"""
    life = Life(CN)
    life.report()
    life.dispute(arrived=NOON - timedelta(days=12))
    assert [effect.is_late for effect in life.effects if isinstance(effect, AskedProvider)] == [False]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda life: life.resolve("deleted"), ["expired v3", "repeated"]),
        (lambda life: life.resolve("corrected", ended=date(2021, 2, 3)), ["expired v3", "refused lapsed report_id"]),
        (lambda life: life.resolve("confirmed", dispute=D1), ["expired v3", "refused lapsed report_id"]),
        (lambda life: life.resolve("unverifiable", dispute=D1), ["expired v3", "refused lapsed report_id"]),
        (
            lambda life: life.resolve("corrected", began=BEGAN, ended=ENDED),
            ["expired v3", "returned: settled v1 2025-09-15"],
        ),
        (lambda life: life.dispute(), ["expired v3", "person: no-such-record"]),
        (lambda life: life.state(), ["expired v3", "person: no-such-record"]),
        # What says the same again is no news, and so nobody is refused for it.
        (lambda life: life.report("settled", ended=date(2020, 9, 15)), ["repeated"]),
    ],
)
def test_what_a_settlement_has_made_lapse_is_gone_before_its_timer_has_fired(
    what: Callable[[Life], list[str]], said: list[str]
) -> None:
    """(rules R17) The end does not depend on whether both were read in one batch."""
    life = Life()
    life.report(began=date(2020, 3, 1))
    assert life.report("settled", ended=date(2020, 9, 15)) == ["changed: settled v2 2020-09-15"]
    assert [each.partition(" until")[0] for each in what(life)] == said


@pytest.mark.parametrize("waits", [True, False])
def test_a_deletion_behind_the_settlement_that_made_the_record_lapse_changes_nothing(waits: bool) -> None:
    """(rules R4 and R17) Whether they wait for the report or come behind it: the record lapses, and is not deleted."""
    life = Life()
    if not waits:
        life.report(began=date(2020, 3, 1))
    life.report("settled", ended=date(2020, 9, 15))
    life.resolve("deleted")
    if waits:
        life.report(began=date(2020, 3, 1))
    life.later(days=1)
    assert not life.person.records
    assert life.report(began=date(2020, 3, 1)) == ["refused lapsed report_id"]


@pytest.mark.parametrize("alone", [True, False])
def test_what_lapses_early_is_gone_before_its_timer_has_fired_if_nothing_else_is_held(alone: bool) -> None:
    """(rules D11 and R17)"""
    eu = replace(CN, early=Early(months=18, paid_within_days=100))
    life = Life(eu)
    life.report()
    life.report("settled", ended=date(2025, 9, 15))
    if not alone:
        life.report(report_id="r-2", kind=CARD)
    life.now = datetime(2027, 3, 15, 16, tzinfo=UTC)
    assert life.resolve("deleted")[0] == ("expired v3" if alone else "deleted v3 deleted")


def test_a_second_dispute_is_another_one_and_an_answer_to_the_first_does_not_end_it() -> None:
    """(rules R17 and R19) Also if that is forwarded again."""
    life = lived("confirmed")
    life.dispute("q-2", "wrong-day")
    assert life.resolve("confirmed", dispute=D1) == ["repeated"]
    assert life.resolve("unverifiable", dispute=D1) == ["refused answered dispute"]
    assert life.resolve("confirmed", dispute=dispute_of("q-2")) == ["confirmed: confirmed v5"]
    assert life.dispute("q-3", "wrong-day") == ["person: same-facts"]
    assert life.dispute("q-4", "wrong-day", "The third, not the first.")[0] == "disputed: disputed v6 dark"


def test_no_more_disputes_than_the_bound() -> None:
    life = lived("open")
    for number in range(DISPUTES_MAX):
        assert life.dispute(f"q-{number}", text=f"{number}")[-1] == "person: asked"
        life.resolve("confirmed", dispute=dispute_of(f"q-{number}"))
    assert life.dispute("q-99", text="99") == ["person: too-many"]
    life = lived("open")
    for number in range(DISPUTES_MAX):
        assert life.dispute(f"q-{number}", text=f"{number}")[-1] == "person: asked"
    assert life.dispute("q-99", text="99") == ["person: too-many"]


def test_what_is_added_makes_the_time_longer_once() -> None:
    """(rules D10) Thirty days, and fifteen more from the first day on."""
    life = Life(replace(CN, answer_days=30, extension=Span(days=15)))
    life.report()
    life.dispute()
    life.later(days=10)
    assert life.dispute("q-2", "wrong-day") == ["asked wrong-day by 2026-03-01", "person: asked"]
    life.later(days=10)
    assert life.dispute("q-3", "fraud") == ["asked fraud by 2026-03-01", "person: asked"]
    assert life.until(datetime(2026, 3, 1, 16, tzinfo=UTC)) == ["unverifiable: unverifiable v3 dark"]


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        ("reported", {"kind": "loan.overdue"}),
        ("reported", {"began": date(2024, 1, 1)}),
        ("settled", {"kind": "loan.overdue"}),
        ("settled", {"began": date(2024, 1, 1)}),
        ("corrected", {"kind": "loan.overdue"}),
        ("deleted", {"kind": "loan.overdue"}),
        ("confirmed", {"dispute": "d-9"}),
    ],
)
def test_what_contradicts_a_record_is_told_what_to_send_instead(status: str, wrong: dict[str, Any]) -> None:
    """Its provider knows no more of the record than the refusal says."""
    life = lived("open")
    said = life.report(status, **wrong) if status in ("reported", "settled") else life.resolve(status, **wrong)
    refused = life.effects[-1]
    assert isinstance(refused, Refused), said
    assert any(step in refused.fault.sentence.lower() for step in ("a correction", "report it under another number"))


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"began": date(2024, 1, 1)}, "refused conflict began_on"),
        ({"ended": date(2025, 9, 15)}, "refused conflict ended_on"),
    ],
)
def test_nobody_confirms_a_record_with_a_day_that_is_not_held(wrong: dict[str, Any], answer: str) -> None:
    """(rules R8 and R17) The dispute is still open then."""
    life = lived("open")
    life.dispute()
    assert life.resolve("confirmed", dispute=D1, **wrong) == [answer]
    assert life.resolve("confirmed", dispute=D1) == ["confirmed: confirmed v3"]


def test_what_is_confirmed_may_name_a_day_of_its_end_that_was_taken() -> None:
    """(rules R6) Also one that an earlier day has overtaken."""
    life = lived("open")
    for day in (16, 15):
        life.report("settled", ended=date(2025, 9, day))
    life.dispute()
    assert life.resolve("confirmed", dispute=D1, ended=date(2025, 9, 14)) == ["refused conflict ended_on"]
    assert life.resolve("confirmed", dispute=D1, ended=date(2025, 9, 16)) == ["confirmed: confirmed v5 2025-09-15"]


# -- corrections (rules R18) -------------------------------------------------------------------------------------------


def test_a_correction_moves_a_deadline_either_way_and_a_report_does_not_move_it_back() -> None:
    life = lived("settled")
    assert life.resolve("corrected", ended=date(2025, 12, 1)) == ["corrected: settled v3 2025-12-01"]
    assert life.resolve("corrected", ended=date(2025, 6, 1)) == ["corrected: settled v4 2025-06-01"]
    assert life.report("settled") == ["repeated"], "a day that was known"
    assert life.report("settled", ended=date(2025, 5, 1), at=-60) == ["repeated"], "said before the correction"
    assert life.report("settled", ended=date(2025, 5, 1)) == ["refused conflict ended_on"]
    assert life.report("settled", ended=date(2025, 7, 1)) == ["refused conflict ended_on"]
    assert life.until(datetime(2030, 6, 1, 16, tzinfo=UTC)) == ["expired v5"]


def test_of_two_corrections_the_later_one_counts_in_either_order() -> None:
    ends = {}
    for first, second in ((0, 5), (5, 0)):
        life = lived("settled")
        now = life.now
        for at in (first, second):
            life.now = now
            life.resolve("corrected", ended=date(2025, 10, 1 + at), began=date(2025, 2, 1 + at), amount=at, at=at)
        ends[first] = life.record.facts, life.record.deadline
    assert ends[0] == ends[5]
    facts, deadline = ends[0]
    assert (facts.began_on, facts.amount, deadline.ended_on) == (date(2025, 2, 6), 5, date(2025, 10, 6))


def test_two_corrections_for_one_instant_contradict_each_other() -> None:
    first = {"began": date(2025, 3, 1), "ended": ENDED, "amount": 1}
    for field, name, other in (
        ("began", "began_on", date(2025, 2, 2)),
        ("ended", "ended_on", date(2025, 9, 2)),
        ("amount", "amount", 7),
    ):
        life = lived("settled")
        now = life.now
        life.resolve("corrected", **first)
        life.now = now
        assert life.resolve("corrected", **{field: other}) == [f"refused conflict {name}"]


def test_no_more_days_are_corrected_than_the_bound_but_an_amount_is() -> None:
    """(rules R15)"""
    life = lived("settled")
    for day in range(1, 2 * SETTLEMENTS_MAX):
        assert life.resolve("corrected", ended=date(2025, 10, day))[0].startswith("corrected")
    assert life.resolve("corrected", ended=date(2025, 11, 1)) == ["refused too-many report_id"]
    assert life.resolve("corrected", ended=date(2025, 10, 2))[0].startswith("corrected"), "a day that was told before"
    assert life.resolve("corrected", amount=7)[0].startswith("corrected")
    assert life.record.facts.amount == 7


def test_a_report_of_before_the_correction_is_known_when_it_comes_again() -> None:
    life = lived("open")
    life.resolve("corrected", began=date(2025, 4, 1))
    assert life.report() == ["repeated"]
    assert life.report(began=date(2025, 4, 1)) == ["repeated"]
    assert life.report(began=date(2025, 5, 1)) == ["refused conflict began_on"]


def test_a_correction_of_what_ends_at_once_moves_its_deadline() -> None:
    life = Life()
    life.report(kind=NO_SHOW, began=date(2025, 8, 20))
    right = date(2025, 8, 27)
    assert life.resolve("corrected", kind=NO_SHOW, began=right) == ["corrected: open v2 2025-08-27"]
    assert life.report(kind=NO_SHOW, began=date(2025, 8, 20)) == ["repeated"]
    assert life.until(datetime(2027, 8, 20, 16, tzinfo=UTC)) == []
    assert life.until(datetime(2027, 8, 27, 16, tzinfo=UTC)) == ["expired v3"]


def test_a_correction_and_a_deletion_wait_for_their_report() -> None:
    """(rules R4)"""
    life = Life()
    life.resolve("corrected", ended=date(2025, 12, 1), at=5)
    assert life.report("settled") == ["waits"]
    assert life.report() == ["reported: open v1", "corrected: settled v2 2025-12-01", "repeated"]
    life = Life()
    assert life.resolve("deleted") == ["waits"]
    assert life.resolve("deleted") == ["waits"], "told at another time"
    assert life.report() == ["reported: open v1", "deleted v2 deleted", "repeated"]
    assert not life.person.records


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_a_deletion_behind_the_settlement_that_made_the_record_lapse_early_changes_nothing(
    waits: bool, alone: bool
) -> None:
    """(rules R4 and D11) Whether they wait for the report or come behind it, and whether something else is held."""
    life = Life(EU)
    life.now = NOON - timedelta(days=1000)
    if not alone:
        life.report(report_id="r-2", began=date(2023, 1, 1))
    life.now = NOON
    said: list[str] = []
    if not waits:
        said += life.report(began=date(2023, 5, 1))
    said += life.report("settled", ended=date(2023, 7, 1))
    said += life.resolve("deleted")
    if waits:
        said += life.report(began=date(2023, 5, 1))
    end = ["expired v3", "repeated"] if alone else ["deleted v3 deleted"]
    assert [each for each in said if each != "waits"] == ["reported: open v1", "changed: settled v2 2023-07-01", *end]


# -- what comes back (rules R20 and R21) -------------------------------------------------------------------------------


def test_a_slip_that_made_a_record_lapse_is_corrected_and_its_replay_changes_nothing() -> None:
    life = Life()
    life.report(kind=CARD, began=date(2019, 1, 2))
    life.report("settled", ended=date(2020, 1, 10), event="slip")
    assert life.later(hours=1) == ["expired v3"]
    assert life.report(began=date(2019, 1, 2)) == ["refused lapsed report_id"]
    whole = {"began": date(2019, 1, 2), "ended": date(2026, 1, 10)}
    assert life.resolve("corrected", ended=date(2026, 1, 10)) == ["refused lapsed report_id"], "not all of it"
    assert life.resolve("corrected", **whole, event="right") == ["returned: settled v1 2026-01-10"]
    (id,) = life.person.records
    assert id == record_id(KEY, USER, "bank", "r-1", 1)
    assert life.report("settled", ended=date(2020, 1, 10), event="slip", at=-600) == ["repeated"]
    assert life.report(began=date(2019, 1, 2), at=-600) == ["repeated"]
    assert life.resolve("corrected", **whole, event="right", at=-1) == ["repeated"]
    assert life.until(datetime(2031, 1, 10, 16, tzinfo=UTC)) == ["expired v2"]
    assert life.resolve("corrected", **whole, event="right") == ["refused lapsed report_id"]


@pytest.mark.parametrize(
    ("kind", "began", "refusal"),
    [
        (CARD, BEGAN, "lapsed report_id"),
        (CARD, BEGAN + timedelta(days=1), "re-ageing began_on"),
        (NO_SHOW, date(2030, 2, 28), "re-ageing began_on"),
    ],
)
def test_where_the_clock_runs_from_the_beginning_nothing_that_lapsed_comes_back(
    kind: str, began: date, refusal: str
) -> None:
    """(rules R18 and R21) A later beginning is refused before the record lapses, and so it is afterwards."""
    life = Life(replace(CN, clock="beginning"))
    life.report(kind=kind)
    life.until(datetime(2030, 3, 1, 16, tzinfo=UTC))
    assert not life.person.records
    assert life.resolve("corrected", kind=kind, began=began, ended=began) == [f"refused {refusal}"]


def test_what_brought_a_record_back_does_so_once() -> None:
    """(rules R20) A certified report that is forwarded again does not undo a second deletion."""
    life = lived("deleted")
    assert life.report(certificate="c-1", event="back") == ["returned: open v1"]
    assert life.report(certificate="c-1", event="back") == ["repeated"]
    assert life.resolve("deleted") == ["deleted v2 deleted"]
    assert life.report(certificate="c-1", event="back") == ["refused deleted report_id"]
    assert life.report(certificate="c-2", event="again") == ["returned: open v1"]
    (id,) = life.person.records
    assert id == record_id(KEY, USER, "bank", "r-1", 2)
    assert life.dispute(id=id)[0] == "disputed: disputed v2 dark"


@pytest.mark.parametrize("waits", [False, True], ids=["", "waited for its report"])
def test_what_deleted_a_record_does_not_delete_what_has_come_back(waits: bool) -> None:
    """(rules E3 and R20) The deletion is forwarded again, or its file is sent again."""
    life = Life() if waits else lived("open")
    life.resolve("deleted", event="taken-back")
    if waits:
        assert life.report()[-1] == "deleted v2 deleted"
    assert life.report(certificate="c-1") == ["returned: open v1"]
    assert life.resolve("deleted", event="taken-back", at=5) == ["repeated"]
    assert life.resolve("deleted", event="taken back again") == ["deleted v2 deleted"]


@pytest.mark.parametrize("before", ["nothing", "open", "settled", "unreported", "deleted"])
def test_what_had_certified_a_record_does_not_bring_it_back_when_it_is_deleted(before: str) -> None:
    """(rules E3 and R20) Both are forwarded again: the last word stands, whether the report was taken or refused."""
    life = lived(before)
    certified: dict[str, Any] = {"certificate": "c-1", "event": "certified", "amount": 5}
    life.report(**certified)
    assert life.resolve("deleted", event="taken-back")[-1].startswith("deleted")
    assert life.report(**certified) == ["refused deleted report_id"]
    assert life.resolve("deleted", event="taken-back") == ["repeated"]
    assert not life.person.records


def test_what_had_certified_a_record_whose_deletion_waited_does_not_bring_it_back() -> None:
    life = Life()
    life.resolve("deleted")
    assert life.report(certificate="c-1", event="certified")[-1] == "deleted v2 deleted"
    assert life.report(certificate="c-1", event="certified") == ["refused deleted report_id"]
    assert life.report(certificate="c-1", event="again") == ["returned: open v1"]


def test_so_many_events_that_certify_a_record_are_known_again_and_no_more() -> None:
    life = lived("open")
    for number in range(CERTIFIED_MAX + 1):
        assert life.report(certificate="c", event=f"c-{number}") == ["repeated"]
    assert len(life.record.case.certified) == CERTIFIED_MAX


def test_a_correction_brings_nothing_back_that_has_lapsed_early() -> None:
    """(rules D11 and R21) It is forwarded again."""
    life = Life(replace(CN, early=Early(months=1, paid_within_days=100)))
    life.report()
    whole: dict[str, Any] = {"began": BEGAN, "ended": date(2026, 1, 14), "event": "right"}
    life.resolve("corrected", **whole)
    assert life.until(datetime(2026, 2, 14, 16, tzinfo=UTC)) == ["expired v3"]
    assert life.resolve("corrected", **whole) == ["refused lapsed report_id"]


def test_a_correction_brings_nothing_back_that_ends_at_once_and_has_lapsed_early() -> None:
    """(rules D11 and R21) Another day of its beginning is no word of its settlement."""
    life = Life(EU, kind=NO_SHOW)
    life.report(began=date(2025, 12, 1))
    life.report("settled", ended=date(2026, 1, 14))
    assert life.until(datetime(2027, 6, 1, 22, tzinfo=UTC)) == ["expired v3"]
    assert life.resolve("corrected", began=date(2025, 11, 28)) == ["refused lapsed report_id"]
    assert life.resolve("corrected", began=date(2026, 1, 10)) == ["returned: open v1 2026-01-10"]


@pytest.mark.parametrize("at", [0, -60 * 24], ids=["a new one", "the one from before, forwarded again"])
def test_what_ends_at_once_and_has_come_back_is_settled_as_ever(at: int) -> None:
    """(rules R3, R5 and R21) The correction that brought it back says nothing of its settlement."""
    life = Life(EU, kind=NO_SHOW)
    life.report(began=date(2023, 1, 20))
    assert life.until(datetime(2026, 2, 1, 12, tzinfo=UTC)) == ["expired v2"]
    assert life.resolve("corrected", began=date(2025, 12, 1)) == ["returned: open v1 2025-12-01"]
    assert life.report("settled", ended=date(2026, 1, 14), at=at) == ["changed: settled v2 2025-12-01"]
    assert life.report("settled", ended=date(2026, 1, 14), at=at) == ["repeated"]
    assert life.until(datetime(2027, 6, 1, 22, tzinfo=UTC)) == ["expired v3"]


def test_an_answer_that_deleted_a_record_is_not_refused_when_the_record_has_come_back() -> None:
    life = Life(replace(CN, unverifiable="deletes"))
    life.report()
    life.dispute()
    life.resolve("unverifiable", dispute=D1, event="answer")
    assert life.report(certificate="c-1") == ["returned: open v1"]
    assert life.resolve("unverifiable", dispute=D1, event="answer") == ["repeated"]
    assert life.resolve("unverifiable", dispute=D1, event="other") == ["refused not-disputed dispute"]


def test_a_certified_record_for_which_there_was_no_room_comes_back_when_there_is() -> None:
    """(rules R14 and R20)"""
    life = lived("deleted")
    for number in range(RECORDS_MAX):
        life.report(report_id=f"x-{number}")
    back = RecordReport(kind=CARD, report_id="r-1", status="reported", began_on=BEGAN, certificate="c-1")
    gone = RecordReport(kind=CARD, report_id="x-0", status="resolved", outcome="deleted")
    batch = [Report(USER, "bank", body.report_id, "behavior.raw.bank/0/1", body, NOON) for body in (back, gone, back)]
    decided = decide(life.person, batch, life.now, life.policy)
    said = [life.said(effect) for _, effect in decided.effects]
    assert said == ["refused too-many report_id", "deleted v2 deleted", "returned: open v1"]


def test_what_was_said_before_a_correction_brought_the_record_back_is_known_when_it_comes_again() -> None:
    """(rules R18 and R21) Also where the correction names another beginning, and no amount."""
    life = Life()
    first: dict[str, Any] = {"began": date(2019, 1, 2), "amount": 100, "at": -600}
    life.report(**first)
    life.report("settled", ended=date(2020, 1, 10))
    life.later(hours=1)
    assert life.resolve("corrected", began=date(2019, 1, 3), ended=date(2026, 1, 10))[0].startswith("returned")
    assert life.report(**first | {"at": -1_200}) == ["repeated"]
    assert life.report(**first | {"began": date(2019, 1, 3), "at": -1_200}) == ["repeated"]
    assert life.report(began=date(2019, 1, 4)) == ["refused conflict began_on"]


@pytest.mark.parametrize("corrected_first", [True, False])
def test_what_ends_at_once_is_settled_though_its_beginning_is_corrected_to_a_later_day(corrected_first: bool) -> None:
    """(rules R5 and R18) In either order, and when it comes again."""
    life = Life()
    life.report(kind=NO_SHOW, began=date(2025, 8, 20))
    paid: dict[str, Any] = {"kind": NO_SHOW, "ended": date(2025, 8, 22), "event": "paid"}
    if corrected_first:
        life.resolve("corrected", kind=NO_SHOW, began=date(2025, 8, 27))
        assert life.report("settled", **paid, at=-600) == ["changed: settled v3 2025-08-27"]
    else:
        life.report("settled", **paid)
        life.resolve("corrected", kind=NO_SHOW, began=date(2025, 8, 27))
    assert life.report("settled", **paid, at=-600) == ["repeated"]
    assert life.report("settled", **paid | {"event": "later"}) == ["refused dates-contradict ended_on"]
    assert status_of(life.record) == "corrected" or isinstance(life.record, Settled)


def test_a_record_comes_back_so_often_and_no_more() -> None:
    life = lived("deleted")
    for number in range(RETURNS_MAX):
        assert life.report(certificate="c", event=f"b-{number}") == ["returned: open v1"]
        life.resolve("deleted")
    assert life.report(certificate="c", event="b-99") == ["refused deleted report_id"]


# -- the person (rules R19, R22, R23 and R24) --------------------------------------------------------------------------


def test_a_statement_goes_with_the_record_and_the_latest_counts() -> None:
    life = lived("confirmed")
    life.state("First.", "s-1")
    life.state("Later.", "s-2", at=5)
    assert life.state("Between.", "s-3", at=1) == ["person: later-statement"]
    assert life.state("Later.", "s-2", at=5) == ["repeated"]
    assert life.record.case.statement.text == "Later."
    assert counts(life.record)


def test_a_record_counts_when_its_person_has_known_of_it_long_enough() -> None:
    """(rules R22) Five whole days in Shanghai after the day of the report, of a class that is not public by law."""
    life = Life(replace(CN, notice_days=NoticeDays(financial=5)))
    assert life.report() == ["reported: open v1 dark"]
    assert life.until(datetime(2026, 1, 20, 15, 59, 59, tzinfo=UTC)) == []
    assert life.until(datetime(2026, 1, 20, 16, tzinfo=UTC)) == ["counts: open v2"]
    assert life.report() == ["repeated"]


KNOWN_ON = datetime(2026, 1, 22, 16, tzinfo=UTC)
"""Seven whole days in Shanghai after the day of the report."""


def told_in_notice() -> Life:
    life = Life(replace(CN, notice_days=NoticeDays(financial=7)))
    life.report()
    return life


def test_a_record_that_is_disputed_does_not_begin_to_count() -> None:
    """(rules R17 and R22) Nothing is said of it then; once it is confirmed it counts."""
    life = told_in_notice()
    assert life.dispute()[0] == "disputed: disputed v2 dark"
    assert life.until(KNOWN_ON) == []
    assert life.record.case.counts_from is None
    assert life.resolve("confirmed", dispute=D1) == ["confirmed: confirmed v3"]


def test_a_record_that_is_confirmed_before_counts_when_its_person_has_known_of_it_long_enough() -> None:
    life = told_in_notice()
    life.dispute()
    assert life.resolve("confirmed", dispute=D1) == ["confirmed: confirmed v3 dark"]
    assert life.until(KNOWN_ON) == ["counts: confirmed v4"]


def test_what_nobody_can_verify_never_begins_to_count() -> None:
    life = told_in_notice()
    life.dispute()
    assert life.resolve("unverifiable", dispute=D1) == ["unverifiable: unverifiable v3 dark"]
    assert life.until(KNOWN_ON) == []


def test_what_lapses_while_its_person_is_told_never_counts_however_late_that_is() -> None:
    """(rules D7 and R22)"""
    life = Life(replace(CN, notice_days=NoticeDays(life=7)))
    life.report(kind=NO_SHOW, began=date(2024, 1, 20))
    assert life.until(datetime(2026, 3, 1, tzinfo=UTC)) == ["expired v2"]


def test_what_has_lapsed_when_the_clock_is_looked_at_does_not_begin_to_count_before_that() -> None:
    """(rules D7, R22 and R24) The service was down on the day on which it would have, on that of the warning, and on
    the last one: nothing but the end is told."""
    life = Life(replace(CN, notice_days=NoticeDays(life=7), warnings=Warnings(lapse_days=2)))
    life.report(kind=NO_SHOW, began=date(2024, 1, 30))
    assert life.until(datetime(2026, 3, 1, tzinfo=UTC)) == ["expired v2"]


@pytest.mark.parametrize("status", ["settled", "corrected"])
def test_no_step_brings_the_day_forward(status: str) -> None:
    """(rules R22) The day counts from the first report."""
    life = Life(replace(CN, notice_days=NoticeDays(financial=7)))
    life.report()
    life.later(days=2)
    said = life.report("settled") if status == "settled" else life.resolve("corrected", amount=5)
    assert [each.endswith("dark") for each in said] == [True]
    assert life.until(KNOWN_ON - timedelta(seconds=1)) == []
    assert [each.partition(":")[0] for each in life.until(KNOWN_ON)] == ["counts"]


def test_warnings_come_once_and_ahead() -> None:
    """(rules R24) At the beginning of the day that lies so many days before the last one."""
    life = Life(replace(CN, warnings=Warnings(lapse_days=30, answer_days=5)))
    life.report(kind=NO_SHOW, began=date(2025, 8, 20))
    life.dispute()
    assert life.until(datetime(2026, 1, 29, 15, 59, tzinfo=UTC)) == []
    assert life.until(datetime(2026, 1, 29, 16, tzinfo=UTC)) == ["answer-near 2026-02-04"]
    life.resolve("confirmed", kind=NO_SHOW, dispute=D1)
    assert life.until(datetime(2027, 7, 20, 15, 59, tzinfo=UTC)) == []
    assert life.until(datetime(2027, 7, 20, 16, tzinfo=UTC)) == ["lapse-near 2027-08-20"]
    assert life.until(datetime(2027, 8, 20, 16, tzinfo=UTC)) == ["expired v4"]


def test_what_lapses_at_once_has_no_warning() -> None:
    life = Life(replace(CN, warnings=Warnings(lapse_days=30, answer_days=25)))
    life.report(kind=NO_SHOW, began=date(2024, 1, 20))
    life.dispute()
    assert life.until(datetime(2026, 1, 20, 16, tzinfo=UTC)) == ["expired v3"]


# -- profiles ----------------------------------------------------------------------------------------------------------

US = replace(
    CN,
    zone="America/New_York",
    clock="beginning",
    delay_days=DelayDays(financial=180),
    years=Years(legal=7, financial=7, life=7),
)


def test_where_the_clock_runs_from_the_beginning_no_settlement_moves_it() -> None:
    """(rules D5, D6 and R18) Seven years from the first delinquency and 180 days."""
    life = Life(US)
    assert life.report() == ["reported: open v1"]
    lapses_at = datetime(2032, 8, 29, 4, tzinfo=UTC)
    assert life.record.deadline.lapses_at == lapses_at
    life.report("settled")
    life.resolve("corrected", ended=date(2025, 12, 1))
    assert life.record.deadline.lapses_at == lapses_at
    assert life.resolve("corrected", began=date(2025, 3, 2)) == ["refused re-ageing began_on"]
    assert life.resolve("corrected", began=date(2025, 2, 1)) == ["corrected: settled v4 2025-12-01"]
    assert life.record.deadline.lapses_at == datetime(2032, 8, 1, 4, tzinfo=UTC)


def test_an_open_record_lapses_where_the_clock_runs_from_the_beginning() -> None:
    life = Life(US)
    life.report(kind=NO_SHOW, report_id="r-2")
    life.report()
    assert life.until(datetime(2032, 3, 2, 5, tzinfo=UTC)) == ["expired v2"]
    assert life.until(datetime(2032, 8, 29, 4, tzinfo=UTC)) == ["expired v2"]


EU = replace(
    CN, zone="Europe/Berlin", years=Years(legal=3, financial=3, life=3), early=Early(months=18, paid_within_days=100)
)


@pytest.mark.parametrize(
    ("paid", "other", "lapses_at"),
    [
        (date(2026, 1, 20), False, datetime(2027, 7, 20, 22, tzinfo=UTC)),
        (date(2026, 1, 20), True, datetime(2029, 1, 20, 23, tzinfo=UTC)),
        (date(2026, 4, 25), False, datetime(2027, 10, 25, 22, tzinfo=UTC)),
        (date(2026, 4, 26), False, datetime(2029, 4, 26, 22, tzinfo=UTC)),
    ],
    ids=["soon paid", "something else is held", "on the last day of it", "too late"],
)
def test_what_is_paid_soon_lapses_early(paid: date, other: bool, lapses_at: datetime) -> None:
    """(rules D11)"""
    life = Life(EU)
    life.report()
    life.report("settled", ended=paid)
    if other:
        life.report(report_id="r-2")
    assert life.until(lapses_at - timedelta(seconds=1)) == []
    assert life.until(lapses_at) == ["expired v3"]


@pytest.mark.parametrize("order", [*permutations([date(2026, 2, 1), date(2026, 5, 10)])])
@pytest.mark.parametrize("corrected", [False, True])
def test_what_ends_at_once_lapses_early_if_it_was_paid_soon(order: Sequence[date], corrected: bool) -> None:
    """(rules D11) When it was paid moves nothing else (rules R5)."""
    life = Life(EU, kind=NO_SHOW)
    life.report(began=date(2025, 12, 2) if corrected else date(2025, 12, 1))
    for paid in order:
        life.report("settled", ended=paid)
    if corrected:
        life.resolve("corrected", began=date(2025, 12, 1))
    assert life.until(datetime(2027, 6, 1, 21, tzinfo=UTC)) == []
    assert life.until(datetime(2027, 6, 1, 22, tzinfo=UTC)) == [f"expired v{3 + corrected}"]


@pytest.mark.parametrize("corrected", [False, True])
def test_what_ends_at_once_and_was_paid_late_keeps_its_deadline(corrected: bool) -> None:
    """(rules D11) It lapsed at the moment at which it was settled, eighteen months after its report."""
    life = Life(EU, kind=NO_SHOW)
    life.report(began=date(2025, 12, 2) if corrected else date(2025, 12, 1))
    life.now = datetime(2027, 7, 1, 12, tzinfo=UTC)
    life.report("settled", ended=date(2027, 7, 1))
    if corrected:
        life.resolve("corrected", began=date(2025, 12, 1))
    assert life.report("settled", ended=date(2026, 1, 20)) == ["repeated"], "its early end would be over"
    assert life.until(datetime(2028, 12, 1, 22, tzinfo=UTC)) == []
    assert life.until(datetime(2028, 12, 1, 23, tzinfo=UTC)) == [f"expired v{3 + corrected}"]


@pytest.mark.parametrize("again", [False, True])
def test_a_settlement_that_comes_again_asks_no_second_time_whether_a_record_lapses_early(again: bool) -> None:
    """(rules D11 and R2) Something else was held on the first day, and the beginning was corrected since."""
    life = Life(EU, kind=NO_SHOW)
    life.report(began=date(2025, 12, 1))
    life.report("settled", ended=date(2026, 1, 10))
    life.report(report_id="r-2", kind=CARD)
    life.until(datetime(2027, 6, 2, tzinfo=UTC))
    assert life.resolve("corrected", began=date(2025, 12, 20)) == ["corrected: settled v3 2025-12-20"]
    assert life.resolve("deleted", report_id="r-2", kind=CARD) == ["deleted v2 deleted"]
    if again:
        assert life.report("settled", ended=date(2026, 1, 10)) == ["repeated"]
    assert life.until(datetime(2028, 12, 20, 22, tzinfo=UTC)) == []
    assert life.until(datetime(2028, 12, 20, 23, tzinfo=UTC)) == ["expired v4"]


@pytest.mark.parametrize("number", range(2, 8))
def test_what_lapses_at_the_same_instant_was_held_on_that_day(number: int) -> None:
    """(rules D11) Whichever of the two has the name that comes first."""
    life, lapses_at = Life(EU), datetime(2027, 7, 20, 22, tzinfo=UTC)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.report(report_id=f"r-{number}", began=date(2024, 7, 1))
    life.report("settled", report_id=f"r-{number}", ended=date(2024, 7, 20))
    assert life.until(lapses_at) == ["expired v3"]
    assert life.record.facts.report_id == "r-1"
    assert life.until(datetime(2029, 1, 20, 23, tzinfo=UTC)) == ["expired v3"]


@pytest.mark.parametrize("reads_first", ["the timers", "the request"])
def test_what_has_lapsed_early_is_not_disputed_whichever_is_read_first(reads_first: str) -> None:
    """(rules R17 and D11) What has lapsed ten days before is not held any more, though the service was down."""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.report(report_id="r-2", began=date(2024, 7, 1))
    life.report("settled", report_id="r-2", ended=date(2024, 7, 10))
    life.now = datetime(2027, 7, 20, 23, tzinfo=UTC)
    if reads_first == "the timers":
        assert life.until(life.now) == ["expired v3", "expired v3"]
        assert life.dispute() == ["person: no-such-record"]
    else:
        assert life.dispute() == ["expired v3", "expired v3", "person: no-such-record"]
        assert life.until(life.now) == []


@pytest.mark.parametrize("reads_first", ["the timers", "the report"])
def test_what_is_reported_after_the_day_keeps_nothing_from_lapsing_early(reads_first: str) -> None:
    """(rules D11) What comes an hour after the early end was not held on its day, though the timer has not fired."""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.now = datetime(2027, 7, 20, 23, tzinfo=UTC)
    if reads_first == "the timers":
        assert life.until(life.now) == ["expired v3"]
        assert life.report(report_id="r-2") == ["reported: open v1"]
    else:
        assert life.report(report_id="r-2") == ["expired v3", "reported: open v1"]
        assert life.until(life.now) == []
    assert life.record.facts.report_id == "r-2"


@pytest.mark.parametrize("reads_first", ["the timers", "the request"])
def test_what_has_lapsed_early_before_keeps_no_other_record_from_it(reads_first: str) -> None:
    """(rules R17 and D11) The first one was gone on the day of the second, though the service was down on both."""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    for now in (datetime(2027, 8, 1, 12, tzinfo=UTC), datetime(2029, 1, 11, 12, tzinfo=UTC)):
        life.now = now
        if reads_first == "the timers":
            life.until(now)
        if now.year == 2027:
            life.report(report_id="r-2", began=date(2027, 6, 1))
            life.report("settled", report_id="r-2", ended=date(2027, 7, 10))
    assert life.dispute(id=record_id(KEY, USER, "bank", "r-2"))[-1] == "person: no-such-record"
    assert not life.person.records


@pytest.mark.parametrize("reads_first", ["the timers", "the request"])
def test_an_early_end_that_was_set_stays_where_the_profile_has_none_any_more(reads_first: str) -> None:
    """(rules R17, D6 and D11)"""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.policy = Policy(profile=replace(EU, early=None), fingerprint_key=KEY)
    life.now = datetime(2027, 8, 1, 12, tzinfo=UTC)
    if reads_first == "the timers":
        life.until(life.now)
    assert life.dispute()[-1] == "person: no-such-record"


def test_settlements_that_are_read_late_do_not_each_look_at_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """(rules R14 and D11) Of each record it is asked when it ends early once, and again when it has changed."""
    asked = 0

    def counted(record: Kept) -> datetime | None:
        nonlocal asked
        asked += 1
        return early_end(record)

    life = Life(EU)
    for number in range(100):
        life.report(report_id=f"r-{number}", began=date(2023, 1, 1))
    settled = [
        Report(
            USER,
            "bank",
            f"s-{number}",
            f"behavior.raw.bank/0/{number}",
            RecordReport(kind=CARD, report_id=f"r-{number}", status="settled", ended_on=date(2023, 5, 1)),
            life.now,
        )
        for number in range(100)
    ]
    monkeypatch.setattr(person, "early_end", counted)
    assert len(decide(life.person, settled, life.now, life.policy).person.records) == 1
    assert asked <= 3 * 100


@pytest.mark.parametrize("reads_first", ["the timers", "the request"])
def test_what_lapses_before_its_early_end_does_so_at_its_deadline(reads_first: str) -> None:
    """(rules D1 and D11)"""
    life = Life(replace(EU, years=Years(legal=1, financial=1, life=1)))
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.now = datetime(2028, 1, 1, tzinfo=UTC)
    if reads_first == "the timers":
        life.until(life.now)
    life.dispute()
    [expired] = [effect for effect in life.effects if isinstance(effect, Expired)]
    assert expired.lapsed_at == datetime(2027, 1, 20, 23, tzinfo=UTC)


@pytest.mark.parametrize("reads_first", ["the timers", "the deletion"])
def test_what_is_deleted_after_the_day_was_held_on_it(reads_first: str) -> None:
    """(rules D11)"""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    life.report(report_id="r-2")
    life.now = datetime(2027, 7, 20, 23, tzinfo=UTC)
    if reads_first == "the timers":
        life.until(life.now)
    assert life.resolve("deleted", report_id="r-2") == ["deleted v2 deleted"]
    assert life.later(days=1) == []
    assert life.record.facts.report_id == "r-1"


@pytest.mark.parametrize(
    ("other", "answer"),
    [
        (None, "refused lapsed ended_on"),
        (date(2025, 1, 1), "reported: settled v1 2024-02-01"),
        (date(2025, 8, 2), "refused lapsed ended_on"),
    ],
    ids=["nothing else", "held on its day", "reported after its day"],
)
def test_what_has_lapsed_early_by_its_own_days_is_not_taken(other: date | None, answer: str) -> None:
    """(rules R11 and D11) It would be published, and gone at the next look at the clock. The other record was reported
    on that day."""
    life = Life(EU)
    if other is not None:
        life.now = datetime(other.year, other.month, other.day, 12, tzinfo=UTC)
        life.report(report_id="r-2", began=date(2024, 12, 1))
    life.now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert life.report(began=date(2024, 1, 1), ended=date(2024, 2, 1)) == [answer]
    assert life.report(began=date(2024, 1, 1), ended=date(2025, 2, 1)) != [answer], "nothing blocks its number"


def test_what_has_lapsed_early_stays_gone_when_its_fingerprint_is_forgotten() -> None:
    """(rules R10, R11 and D11)"""
    life = Life(EU)
    life.report()
    life.report("settled", ended=date(2026, 1, 20))
    assert life.until(datetime(2027, 7, 20, 22, tzinfo=UTC)) == ["expired v3"]
    assert life.report(ended=date(2026, 1, 20)) == ["refused lapsed report_id"]
    life.later(days=200)
    assert life.report(ended=date(2026, 1, 20)) == ["refused lapsed ended_on"]


def test_a_correction_that_moves_no_deadline_does_not_ask_again_whether_a_record_lapses_early() -> None:
    """(rules D11) On its day something else was held."""
    life = Life(replace(CN, early=Early(months=5, paid_within_days=100)))
    life.report("settled")
    life.report()
    life.report(report_id="r-2")
    life.until(datetime(2026, 3, 1, tzinfo=UTC))
    life.resolve("deleted", report_id="r-2")
    assert life.resolve("corrected", began=date(2025, 2, 1)) == ["corrected: settled v3 2025-09-15"]
    assert life.later(hours=1) == []


def test_a_profile_that_changes_moves_no_deadline_that_is_set() -> None:
    """(rules D6) Neither a lapse nor the last day of an answer; what is set afterwards follows the new one."""
    life = lived("settled, disputed")
    deadline, due = life.record.deadline, life.record.case.dispute.due
    life.policy = Policy(profile=replace(US, answer_days=30), fingerprint_key=KEY)
    life.report()
    life.report("settled")
    life.dispute("q-2", "fraud")
    assert (life.record.deadline, life.record.case.dispute.due) == (deadline, due)
    life = Life()
    life.report(kind=NO_SHOW, began=date(2025, 8, 20))
    deadline = life.record.deadline
    life.policy = Policy(profile=replace(CN, years=Years(legal=5, financial=5, life=5)), fingerprint_key=KEY)
    life.report("settled", kind=NO_SHOW)
    assert life.record.deadline == deadline


@pytest.mark.parametrize(
    ("before", "after"),
    [(replace(CN, years=Years(legal=2, financial=2, life=2)), CN), (US, replace(CN, years=US.years))],
    ids=["more years", "from the end and not from the beginning"],
)
def test_a_settlement_under_another_profile_moves_no_deadline_to_a_later_day(before: Profile, after: Profile) -> None:
    """(rules D6 and R7) A correction may."""
    life = Life(before)
    life.report()
    life.report("settled", ended=date(2025, 9, 20))
    lapses_at = life.record.deadline.lapses_at
    life.policy = Policy(profile=after, fingerprint_key=KEY)
    assert life.report("settled", ended=date(2025, 9, 10)) == ["changed: settled v3 2025-09-10"]
    assert life.record.deadline.lapses_at == lapses_at
    life.resolve("corrected", ended=date(2025, 9, 11))
    assert life.record.deadline.lapses_at > lapses_at


def test_a_question_under_a_shorter_profile_takes_no_day_from_whom_was_asked() -> None:
    """(rules D6 and D10) The provider was told its last day."""
    life = lived("disputed")
    due = life.record.case.dispute.due
    life.later(days=12)
    life.policy = Policy(profile=replace(CN, answer_days=5, extension=Span(days=5)), fingerprint_key=KEY)
    assert life.dispute("q-2", "fraud") == ["asked fraud by 2026-02-04", "person: asked"]
    assert life.record.case.dispute.due == due


@pytest.mark.parametrize("order", [*permutations((0, 1, 2))])
def test_where_the_clock_runs_from_the_beginning_the_earliest_of_all_corrections_counts(order: Sequence[int]) -> None:
    """(rules R18) In whichever order they come; else the lapse would depend on it."""
    life = Life(US)
    life.report()
    corrections = ((1, date(2025, 2, 10), date(2025, 8, 1)), (2, date(2025, 2, 20), None), (3, date(2025, 2, 15), None))
    for number in order:
        at, began, ended = corrections[number]
        life.now = NOON
        life.resolve("corrected", began=began, ended=ended, at=at)
    assert life.record.facts.began_on == date(2025, 2, 10)
    assert life.record.deadline == Deadline(date(2025, 8, 1), datetime(2032, 8, 10, 4, tzinfo=UTC))


@pytest.mark.parametrize("order", [*permutations((0, 1, 2))])
def test_where_the_clock_runs_from_the_beginning_all_of_a_correction_counts_in_any_order(order: Sequence[int]) -> None:
    """(rules R18) One whose day is later than an earlier one says something of the end and the amount all the same. One
    whose day is later than the reported one is refused as a whole."""
    life = Life(US)
    life.report()
    corrections = (
        (1, date(2025, 2, 10), None, None),
        (1, date(2025, 2, 20), date(2025, 8, 1), 7),
        (2, date(2025, 3, 2), date(2025, 8, 3), 9),
    )
    refused = []
    for number in order:
        at, began, ended, amount = corrections[number]
        life.now = NOON
        said = life.resolve("corrected", began=began, ended=ended, amount=amount, at=at)
        refused += [number] if said == ["refused re-ageing began_on"] else []
    assert refused == [2]
    facts = life.record.facts
    assert (facts.began_on, facts.amount, life.record.deadline.ended_on) == (date(2025, 2, 10), 7, date(2025, 8, 1))


# -- how long what is gone is known (rules R10 and R20) ----------------------------------------------------------------


def test_a_fingerprint_of_a_lapsed_record_goes_when_no_topic_can_hold_a_report_of_it() -> None:
    life = lived("settled")
    life.until(datetime(2031, 1, 1, tzinfo=UTC))
    assert life.report() == ["refused lapsed report_id"]
    life.until(datetime(2031, 1, 1, tzinfo=UTC) + ON_THE_WAY_MAX)
    assert life.report() == ["refused lapsed report_id"]
    (until,) = life.person.gone.values()
    life.until(until - timedelta(minutes=1))
    assert life.report() == ["refused lapsed report_id"]
    # By then it is as any other report: refused by its own days, if it names them.
    assert life.report(ended=ENDED) == ["refused lapsed ended_on"]
    assert life.report() == ["reported: open v1"]


def test_what_was_deleted_is_known_as_long_as_ingest_takes_a_report_of_it() -> None:
    assert REPORTED_YEARS_MAX == LIFETIME_YEARS
    life = lived("deleted")
    for year in (2030, 2040, 2045):
        life.until(datetime(year, 12, 31, tzinfo=UTC))
        assert life.report() == ["refused deleted report_id"]
    until = max(life.person.gone.values())
    assert until > datetime(BEGAN.year + LIFETIME_YEARS + 1, 1, 1, tzinfo=UTC)


def test_what_was_deleted_is_known_by_the_latest_beginning_that_was_told_of_it() -> None:
    """A report that says what was said before its correction is still taken when one of the corrected day is not."""
    life = Life()
    life.report()
    life.resolve("corrected", began=date(2015, 3, 1))
    life.resolve("deleted")
    life.until(datetime(2040, 12, 31, tzinfo=UTC))
    assert life.report() == ["refused deleted report_id"]


def test_a_record_that_is_back_is_found_however_long_it_is_held() -> None:
    """By the names under which it was gone before, of which the first leads to the others."""
    life = Life()
    life.report(began=date(2019, 1, 2))
    life.report("settled", ended=date(2020, 1, 10))
    life.later(hours=1)
    whole = {"began": date(2019, 1, 2), "ended": date(2026, 1, 10)}
    assert life.resolve("corrected", **whole) == ["returned: settled v1 2026-01-10"]
    life.until(datetime(2030, 1, 1, tzinfo=UTC))
    assert life.report(began=date(2019, 1, 2)) == ["repeated"]
    assert len(life.person.records) == 1
