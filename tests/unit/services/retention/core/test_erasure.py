"""A person's erasure in retention: the mark, the one receipt, and what is dropped (rules I11 to I13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.retention.core.bounds import ERASURES_MAX
from services.retention.core.decide import Policy
from services.retention.core.erasure import (
    LEAVING,
    ROLLS,
    STORES,
    STORES_OF_PORTAL,
    Confirmed,
    Erase,
    Erasure,
    begun,
    digest,
    not_taken,
    receipt,
    record_receipt,
    roll,
    rolls_after_record,
    too_often,
)
from services.retention.core.messages import DisputeRequest, Due, Report, StatementRequest
from services.retention.core.overview import Export
from services.retention.erasing import Held
from services.retention.service import service
from services.retention.storage.erasures import Began, Finished, RecordsGone, Rolled
from shared.contracts.erasure import ON_THE_WAY_MAX, REMEMBERED_MAX, Erased, erased_by, is_nobody, mark, naming, nobody
from shared.contracts.exchange import Misasked
from shared.contracts.faults import Code, Fault
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import RecordReport, encode, read
from shared.contracts.partition import PARTITIONS, partition_of
from shared.contracts.retention_profile import Profile
from shared.contracts.subject import ErasureReceipt, SubjectAnswer
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, SUBJECT_ANSWERS
from shared.contracts.topics import topics as table_of_topics
from shared.policy_file import load_policy
from shared.runner.service import Decision, Outcome
from shared.settings import ROOT

USER, KEY = "ab" * 32, b"k" * 32
POLICY = Policy(profile=load_policy(ROOT / "policies/retention/cn.toml", Profile), fingerprint_key=KEY)
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ASKED + timedelta(seconds=2)
ERASE = Erase(USER, "r1", ASKED, ASKED)
DECIDE: Any = service(POLICY).mode.decide


def report(arrived: datetime, id: str = "n1") -> Report:
    body = RecordReport(kind="hotel.no_show", report_id=id, status="reported", began_on=date(2026, 2, 1))
    return Report(USER, "hotel", f"e-{id}", "behavior.raw.hotel/0/1", body, arrived, "", arrived)


def decide(held: Held | None, *messages: object, now: datetime = NOW) -> Decision[Held, Any]:
    found: Decision[Held, Any] = DECIDE(held, messages, now)
    return found


def topics(decision: Decision[Held, Any]) -> list[str]:
    return [message.topic for message in decision.outgoing]


def test_a_request_takes_everything_and_sends_the_mark_on() -> None:
    known = decide(None, report(ASKED - timedelta(days=1))).state
    assert known is not None
    assert known.person is not None
    decision = decide(known, ERASE)
    assert decision.state == Held(None, (Erasure("r1", ASKED),))
    assert decision.writes == (Began(USER, Erasure("r1", ASKED), NOW),)
    told = {message.topic: message for message in decision.outgoing}
    assert erased_by(told[RECORDS_CHANGED]) == Erased(USER, "r1", ASKED)
    assert read(SubjectAnswer, told[SUBJECT_ANSWERS].value or b"") == begun(ERASE)


def test_the_same_request_again_changes_nothing_and_is_answered_with_the_same_bytes() -> None:
    first = decide(None, ERASE)
    again = decide(first.state, Erase(USER, "r1", ASKED + timedelta(hours=1), ASKED), now=NOW + timedelta(hours=1))
    assert (again.state, again.writes, topics(again)) == (first.state, (), [SUBJECT_ANSWERS])
    assert again.outgoing[0] in first.outgoing
    assert again.outcomes == (Outcome("duplicate"),)


def test_a_flood_of_requests_ends_and_what_was_asked_before_is_answered_as_ever() -> None:
    held: Held | None = None
    for number in range(ERASURES_MAX):
        held = decide(held, Erase(USER, f"q-{number}", ASKED, ASKED)).state
    one_more = Erase(USER, "one-more", ASKED, ASKED)
    refused = decide(held, one_more, one_more)
    assert (refused.state, refused.writes, topics(refused)) == (held, (), [SUBJECT_ANSWERS] * 2)
    assert refused.outgoing[0] == refused.outgoing[1]
    assert read(SubjectAnswer, refused.outgoing[0].value or b"") == too_often(one_more)
    assert decide(held, Erase(USER, "q-0", ASKED, ASKED)).outcomes == (Outcome("duplicate"),)


def test_there_is_one_receipt() -> None:
    """(rules I13)"""
    held = decide(None, ERASE).state
    confirmed = Confirmed(USER, "r1", NOW)
    decision = decide(held, confirmed, confirmed)
    [told] = decision.outgoing
    said = read(ErasureReceipt, told.value or b"")
    assert isinstance(said, ErasureReceipt)
    assert (said.what, said.request_id, said.requested_at, said.erased_at) == ("person", "r1", ASKED, NOW)
    assert said.stores == STORES
    assert said.leaving == ("behavior.normalized", *LEAVING)
    assert decision.writes == (Finished(USER, "r1", NOW),)
    assert decide(decision.state, confirmed).outgoing == ()


@pytest.mark.parametrize("has_portal", [False, True])
def test_a_receipt_of_a_person_places_every_topic_on_which_people_are(has_portal: bool) -> None:
    """(rules I13) On what is compacted the tombstone is the last word; all else is gone when its time is over."""
    said = receipt(USER, Erasure("r1", ASKED), NOW, KEY, has_portal=has_portal)
    held = [each for each in table_of_topics(["bank"]) if not each.name.endswith("dead-letter")]
    compacted = {each.name.replace("crosswalk.bank", "crosswalks") for each in held if each.cleanup == "compact"}
    if not has_portal:
        compacted -= set(STORES_OF_PORTAL)
    assert compacted == {each for each in said.stores if each.endswith((".changed", "s.explained", ".held", "walks"))}
    bounded = {each.name.removesuffix(".bank") for each in held if each.cleanup == "delete"}
    assert bounded == {*(said.leaving or ())} - {"webhooks"}


@pytest.mark.parametrize("request_id", ["r2", "roll-20260301T120000"])
def test_a_confirmation_of_nothing_that_is_known_makes_no_receipt(request_id: str) -> None:
    held = decide(None, ERASE).state
    assert decide(held, Confirmed(USER, request_id, NOW)).outgoing == ()
    assert decide(None, Confirmed(USER, request_id, NOW)) == Decision(None)


def test_a_receipt_that_was_changed_or_is_anothers_is_not_ours() -> None:
    said = receipt(USER, Erasure("r1", ASKED), NOW, KEY)
    assert digest(USER, said, KEY) == said.digest
    assert read(ErasureReceipt, encode(said)) == said
    for changed in (
        replace(said, stores=("nowhere",)),
        replace(said, erased_at=NOW + timedelta(seconds=1)),
        replace(said, request_id="r2"),
    ):
        assert digest(USER, changed, KEY) != said.digest
    assert digest("cd" * 32, said, KEY) != said.digest
    assert digest(USER, said, b"x" * 32) != said.digest


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_a_receipt_of_a_record_names_what_else_had_it_and_is_ours_when_it_is_read(zone: str) -> None:
    said = record_receipt(USER, "r-1", RecordClass.LIFE, NOW.astimezone(ZoneInfo(zone)), KEY)
    known = read(ErasureReceipt, encode(said))
    assert isinstance(known, ErasureReceipt)
    assert encode(known) == encode(said)
    assert (known.stores, known.leaving) == (("retention",), ("scorer", *LEAVING))
    assert digest(USER, known, KEY) == said.digest
    assert digest(USER, replace(known, leaving=None), KEY) != said.digest
    with_portal = record_receipt(USER, "r-1", RecordClass.LIFE, NOW, KEY, has_portal=True)
    assert with_portal.leaving == ("scorer", *LEAVING, *STORES_OF_PORTAL)


@pytest.mark.parametrize(
    ("arrived", "is_taken"),
    [(ASKED - timedelta(days=7), False), (ASKED, False), (ASKED + timedelta(milliseconds=1), True)],
)
def test_what_had_arrived_before_is_dropped_and_what_comes_later_is_a_newcomers(
    arrived: datetime, is_taken: bool
) -> None:
    """(rules I12)"""
    for messages in ([ERASE, report(arrived)], [report(ASKED - timedelta(days=2), "old"), ERASE, report(arrived)]):
        decision = decide(None, *messages)
        assert decision.state is not None
        records = decision.state.person.records if decision.state.person else {}
        assert len(records) == is_taken
        assert (Outcome("dropped") in decision.outcomes) is not is_taken
    later = decide(decide(None, ERASE).state, report(arrived))
    assert bool(later.outgoing) is is_taken


def test_somebody_who_asks_again_later_is_erased_again() -> None:
    held = decide(None, ERASE, Confirmed(USER, "r1", NOW), report(NOW)).state
    again = decide(held, Erase(USER, "r2", NOW, NOW))
    assert again.state is not None
    assert again.state.person is None
    assert [each.request_id for each in again.state.erasures] == ["r1", "r2"]
    assert RECORDS_CHANGED in topics(again)


def test_what_is_said_of_a_newcomers_records_names_the_erasure() -> None:
    """(rules I12) A reader can tell it from what was said before, in whichever order it reads."""
    held = decide(None, ERASE).state
    decision = decide(held, report(NOW))
    for message in decision.outgoing:
        names = set(naming(Erased(USER, "r1", ASKED)))
        assert (names <= set(message.headers)) is (message.topic == RECORDS_CHANGED)
    assert RECORDS_CHANGED in topics(decision)
    of_others = decide(None, report(NOW))
    assert "ce_erasureid" not in {name for message in of_others.outgoing for name, _ in message.headers}


def test_what_was_asked_before_the_erasure_finds_nobody_and_is_answered() -> None:
    """(rules I12) In a restored database the erasure may come first. The newcomer may have the very same record."""
    newcomer = decide(decide(None, ERASE).state, report(NOW)).state
    assert newcomer is not None
    assert newcomer.person is not None
    (id,) = newcomer.person.records
    before = ASKED - timedelta(minutes=1)
    for old in (
        DisputeRequest(USER, "d1", id, "paid", None, before, before),
        StatementRequest(USER, "s1", id, "It was not me.", before, before),
        Export(USER, "x1", before, before),
    ):
        decision = decide(newcomer, old)
        assert (decision.state, decision.writes, topics(decision)) == (newcomer, (), [SUBJECT_ANSWERS])
    later = DisputeRequest(USER, "d2", id, "paid", None, NOW, NOW)
    assert decide(newcomer, later).state != newcomer


def test_the_broker_is_made_to_clean_up_by_marks_about_nobody() -> None:
    for shard in range(PARTITIONS):
        assert partition_of(nobody(shard)) == shard
        assert is_nobody(nobody(shard))
    decision = decide(None, roll(3, NOW))
    [told] = decision.outgoing
    found = erased_by(told)
    assert isinstance(found, Erased)
    assert (found.user_id, found.asked_at) == (nobody(3), NOW)
    assert (decision.state, decision.writes) == (None, (Rolled(NOW),))
    assert not is_nobody(USER)
    assert list(ROLLS) == sorted(ROLLS)
    assert ROLLS[-1] >= REMEMBERED_MAX > ON_THE_WAY_MAX, "what is remembered goes when nothing older can come"


def test_the_end_of_a_record_makes_the_broker_clean_up_too() -> None:
    """(rules D8) Nothing but that: a record that is new, or goes on, does not."""
    held = decide(None, report(NOW)).state
    assert held is not None
    assert held.person is not None
    lapses_at = datetime(2028, 2, 1, 16, tzinfo=UTC)
    early, late = (decide(held, Due(USER, at), now=at).writes for at in (lapses_at - timedelta(days=1), lapses_at))
    assert RecordsGone not in map(type, (*decide(None, report(NOW)).writes, *early))
    assert late[1:] == (RecordsGone(lapses_at),)


@pytest.mark.parametrize("minutes", [0, 1, 59])
def test_the_first_mark_after_a_record_comes_when_the_segment_may_be_closed(minutes: int) -> None:
    """All records that go in one hour share the marks. A service has an hour to say that a record is gone."""
    gone_at = ASKED + timedelta(minutes=minutes)
    first, *others = rolls_after_record(gone_at)
    assert [first, *others] == rolls_after_record(ASKED)
    compacted = next(topic for topic in table_of_topics(["bank"]) if topic.cleanup == "compact")
    closes = timedelta(milliseconds=int(compacted.settings(1)["segment.ms"]))
    assert closes + timedelta(hours=1) < first - gone_at <= closes + timedelta(hours=2)
    [kept] = [topic.retention for topic in table_of_topics(["bank"]) if topic.name == RECORDS_CHANGED]
    assert kept is not None
    assert others[-1] >= gone_at + kept + closes, "whoever has read its topic just in time is followed"


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (
            Misasked(USER, "r1", ASKED, Fault(Code.UNKNOWN_VALUE, "data.request", "It is none.")),
            "refused",
            "unknown-value",
        ),
    ],
)
def test_what_else_is_asked_is_answered(message: object, status: str, code: str) -> None:
    decision = decide(None, message)
    [told] = decision.outgoing
    answer = read(SubjectAnswer, told.value or b"")
    assert isinstance(answer, SubjectAnswer)
    assert (answer.status, answer.code, decision.state) == (status, code, None)


@pytest.mark.parametrize(
    "answer",
    [begun(ERASE), not_taken("r1", Fault(Code.UNKNOWN_VALUE, "", "It is none."))],
    ids=lambda answer: answer.code,
)
def test_every_answer_fits_its_contract(answer: SubjectAnswer) -> None:
    assert read(SubjectAnswer, encode(answer)) == answer


def test_a_mark_sent_again_is_equal_to_the_byte_and_nothing_else_is_one() -> None:
    erased = Erased(USER, "r1", ASKED)
    sent = mark("scorer", SCORES_CHANGED, erased)
    assert sent == mark("scorer", SCORES_CHANGED, erased)
    assert erased_by(sent) == erased
    others: Sequence[Any] = [
        type(sent)(SCORES_CHANGED, b"me", None, sent.headers),
        type(sent)(SCORES_CHANGED, USER.encode(), None, ()),
        type(sent)(SCORES_CHANGED, USER.encode(), None, tuple(h for h in sent.headers if h[0] != "ce_requestid")),
        type(sent)(
            SCORES_CHANGED, USER.encode(), None, tuple((n, b"t" if n == "ce_type" else c) for n, c in sent.headers)
        ),
    ]
    assert all(isinstance(erased_by(other), Fault) for other in others)
