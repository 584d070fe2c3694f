"""What a person is told of all that is held: free reports, and a yearly summary (rules R25 and R26)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.retention.core.decide import Person, Policy
from services.retention.core.erasure import Erase, Forget
from services.retention.core.overview import (
    Export,
    Given,
    Run,
    Summarize,
    begins_at,
    granted,
    over_at,
    run_at,
    summary,
)
from services.retention.core.record import Asked, Case, Facts, Open, Question, Unreported, Waiting
from services.retention.erasing import Held
from services.retention.service import service
from services.retention.storage.erasures import Forgotten
from services.retention.storage.overview import Exported
from shared.contracts.erasure import nobody
from shared.contracts.messages import encode, read
from shared.contracts.retention_profile import FreeReports, Profile
from shared.contracts.subject import SubjectAnswer, SubjectNotice
from shared.policy_file import load_policy
from shared.runner.service import Decision
from shared.settings import ROOT

USER, KEY = "ab" * 32, b"k" * 32
CN = load_policy(ROOT / "policies/retention/cn.toml", Profile)
NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)
"""The midnight of China that begins 2027."""
SECOND = timedelta(seconds=1)


def decide(held: Held | None, *messages: object, profile: Profile = CN) -> Decision[Held, Any]:
    mode: Any = service(Policy(profile=profile, fingerprint_key=KEY)).mode
    found: Decision[Held, Any] = mode.decide(held, messages, NEW_YEAR)
    return found


def asked(id: str, at: datetime = NEW_YEAR) -> Export:
    return Export(USER, id, at, at)


# -- on request --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "id", "at", "then", "code", "is_counted"),
    [
        ((), "r1", NEW_YEAR, "fee", "may-be-read", True),
        ((("r1", 2027),), "r2", NEW_YEAR, "fee", "may-be-read", True),
        ((("r1", 2027), ("r2", 2027)), "r3", NEW_YEAR, "fee", "may-be-read-for-a-fee", False),
        ((("r1", 2027), ("r2", 2027)), "r3", NEW_YEAR, "refused", "no-more-this-year", False),
        # The same request again is the same report.
        ((("r1", 2027), ("r2", 2027)), "r1", NEW_YEAR, "refused", "may-be-read", False),
        # The year is that of the zone, in which a request was appended, and its turn is to the second.
        ((("r1", 2026), ("r2", 2026)), "r3", NEW_YEAR - SECOND, "fee", "may-be-read-for-a-fee", False),
        ((("r1", 2026), ("r2", 2026)), "r3", NEW_YEAR, "fee", "may-be-read", True),
        ((("r1", 2026), ("r2", 2027)), "r3", NEW_YEAR, "fee", "may-be-read", True),
    ],
)
def test_a_report_is_free_so_often_in_a_year(
    given: tuple[Given, ...], id: str, at: datetime, then: Any, code: str, is_counted: bool
) -> None:
    profile = replace(CN, free_reports=FreeReports(a_year=2, then=then))
    answer, new = granted(asked(id, at), given, profile)
    assert answer.code == code
    assert (new is not None) is is_counted
    assert read(SubjectAnswer, encode(answer)) == answer
    assert answer.day == (None if code == "may-be-read" else date(new_year_after(at), 1, 1))


def new_year_after(at: datetime) -> int:
    return 2027 if at < NEW_YEAR else 2028


def test_where_the_profile_does_not_count_every_report_is_free_and_none_is_remembered() -> None:
    decision = decide(None, *(asked(f"r{number}") for number in range(5)), profile=replace(CN, free_reports=None))
    assert (decision.state, decision.writes, len(decision.outgoing)) == (None, (), 5)


def test_the_third_report_of_a_year_is_answered_by_the_profile_in_a_batch_too() -> None:
    decision = decide(None, *(asked(id) for id in ("r1", "r2", "r1", "r3")))
    told = [read(SubjectAnswer, message.value or b"") for message in decision.outgoing]
    assert [each.code for each in told if isinstance(each, SubjectAnswer)] == [
        *["may-be-read"] * 3,
        "may-be-read-for-a-fee",
    ]
    until = datetime(2028, 1, 15, 16, tzinfo=UTC)
    assert decision.writes == tuple(Exported(USER, (id, 2027), until) for id in ("r1", "r2"))
    assert decision.state == Held(given=(("r1", 2027), ("r2", 2027)))


def test_who_is_erased_has_had_no_report() -> None:
    decision = decide(Held(given=(("r1", 2027),)), Erase(USER, "e1", NEW_YEAR, NEW_YEAR), asked("r2"))
    assert decision.state is not None
    assert decision.state.given == (("r2", 2027),)


# -- once a year -------------------------------------------------------------------------------------------------------


def person() -> Person:
    facts = Facts("bank", "r-1", "card.overdue", date(2026, 3, 1), 100)
    disputed = Case(disputes=(Asked("d", (Question("q", "paid"),), facts.began_on, facts.began_on, NEW_YEAR),))
    waiting = Waiting("card.overdue", None, facts.began_on, "e", "behavior.raw.bank/0/1")
    return Person(
        {
            "01": Open(facts, 1, None),
            "02": Open(facts, 1, None, disputed),
            "03": Unreported("bank", "r-3", (waiting,), NEW_YEAR),
        }
    )


def test_a_summary_says_how_many_are_held_and_how_many_count() -> None:
    told = summary(Summarize(USER, 2027), person())
    assert (told.notice, told.version, told.records) == ("yearly-summary", 2027, 2)
    assert "held: 2. Counted in your score: 1." in told.en
    assert "共 2 条，其中 1 条计入评分" in told.zh
    assert read(SubjectNotice, encode(told)) == told


def test_a_summary_that_is_sent_again_is_equal_to_the_byte_however_late() -> None:
    held = Held(person())
    [one], [other] = (decide(held, Summarize(USER, 2027)).outgoing for _ in range(2))
    assert one == other
    headers = dict(one.headers)
    assert headers["ce_id"] == f"retention/{USER}/2027".encode()
    assert headers["ce_time"] == b"2026-12-31T16:00:00Z"
    assert decide(None, Summarize(USER, 2027)).outgoing == (), "nothing is held any more"


@pytest.mark.parametrize(
    ("cursor", "now", "run"),
    [
        ("", NEW_YEAR, None),
        ("2026", NEW_YEAR - SECOND, None),
        ("2026", NEW_YEAR, Run(2027)),
        (f"2027/{USER}", NEW_YEAR, Run(2027, USER)),
        ("2027", NEW_YEAR, None),
        # A clock that goes back begins nothing.
        ("2027", NEW_YEAR - SECOND, None),
        (f"2027/{USER}", NEW_YEAR - SECOND, None),
        # Years in which the service was down have no summary; what was under way then is over.
        ("2024", NEW_YEAR, Run(2027)),
        (f"2025/{USER}", NEW_YEAR, Run(2027)),
    ],
)
def test_the_run_of_a_year(cursor: str, now: datetime, run: Run | None) -> None:
    assert run_at(cursor, now, CN) == run
    if run is None:
        after, next_at = over_at(cursor, now, CN)
        assert run_at(after, next_at - SECOND, CN) is None
        assert run_at(after, next_at, CN) is not None


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Asia/Shanghai", "2026-12-31T16:00:00+00:00"),
        ("America/New_York", "2027-01-01T05:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00+00:00"),
    ],
)
def test_a_year_begins_with_its_first_day_in_the_zone(zone: str, at: str) -> None:
    assert begins_at(2027, replace(CN, zone=zone)) == datetime.fromisoformat(at)


def test_what_is_forgotten_is_said_to_nobody() -> None:
    decision = decide(None, Forget(nobody(3), NEW_YEAR))
    assert (decision.state, decision.outgoing, decision.writes) == (None, (), (Forgotten(NEW_YEAR),))
