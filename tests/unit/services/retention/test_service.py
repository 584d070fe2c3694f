"""retention at its edges: what is read from the log, and what is said of each step."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.retention.core.bounds import DISPUTES_MAX, RECORDS_MAX
from services.retention.core.decide import Person, Policy, Writes
from services.retention.core.erasure import digest
from services.retention.core.fingerprint import dispute_id, record_id
from services.retention.core.messages import DisputeRequest, Due, Report, StatementRequest
from services.retention.core.record import (
    Amended,
    Asked,
    Case,
    Confirmed,
    Dispute,
    Facts,
    Open,
    Question,
    Statement,
    Unverifiable,
)
from services.retention.service import decide, decode
from services.retention.settings import RetentionSettings
from services.retention.storage import store
from services.retention.telling import held
from shared.contracts.cloudevents import binary
from shared.contracts.exchange import AHEAD_MAX
from shared.contracts.explained import RecordsHeld
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.messages import (
    TYPES,
    DisputeQuestion,
    RecordChange,
    RecordReport,
    RecordSettled,
    encode,
    follow,
    read,
)
from shared.contracts.refusals import read_refusal
from shared.contracts.retention_profile import Profile
from shared.contracts.subject import (
    TEXT_OF_PERSON_CHARACTERS_MAX,
    ErasureReceipt,
    SubjectAnswer,
    SubjectNotice,
    SubjectRequest,
)
from shared.contracts.topics import (
    RECORDS_CHANGED,
    RECORDS_HELD,
    RECORDS_REPORTED,
    SUBJECT_ANSWERS,
    SUBJECT_REQUESTS,
    message_bytes_max,
)
from shared.kafka.sendable import size
from shared.policy_file import load_policy
from shared.runner.service import Announcement, DeadLetter, Decision
from shared.settings import ROOT

USER = "5" * 64
POLICY = Policy(profile=load_policy(ROOT / "policies/retention/cn.toml", Profile), fingerprint_key=b"k" * 32)
NOW = datetime(2026, 1, 15, 4, tzinfo=UTC)
ORIGIN = "behavior.raw.hotel/3/17"
NO_SHOW = RecordReport(
    kind="hotel.no_show", report_id="h-9", status="reported", began_on=date(2025, 8, 20), amount=40_000
)


@dataclass(frozen=True)
class Logged:
    """What `decode` looks at of a record in the log."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    topic: str = RECORDS_REPORTED
    partition: int = 0
    offset: int = 0


ASKED = Asked("d-1", (Question("q-1", "paid"),), NOW.date(), NOW.date(), NOW + timedelta(days=20))
CARD = RecordReport(kind="card.overdue", report_id="c-1", status="reported", began_on=date(2025, 3, 1))


def logged(body: RecordReport = NO_SHOW, **changed: object) -> Logged:
    headers = binary(
        id="e-1",
        source="/partners/hotel",
        type=TYPES[RecordReport],
        time=NOW,
        partitionkey=USER,
        extensions={"origin": ORIGIN},
    )
    return Logged(**{"key": USER.encode(), "value": encode(body), "headers": headers, **changed})  # type: ignore[arg-type]  # fields as a case names them


def without(name: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(header for header in logged().headers if header[0] != name)


def test_what_ingest_forwards_is_read() -> None:
    report = decode(logged(), NOW)
    assert report == Report(USER, "hotel", "e-1", ORIGIN, NO_SHOW, NOW)


@pytest.mark.parametrize(
    ("body", "time", "taken"),
    [
        (NO_SHOW, NOW, True),
        (replace(CARD, began_on=date(2026, 1, 16)), NOW, True),
        (replace(CARD, began_on=date(2026, 1, 17)), NOW, False),
        (replace(CARD, ended_on=date(2027, 3, 1), status="settled"), NOW, False),
        (NO_SHOW, NOW + AHEAD_MAX, True),
        (NO_SHOW, NOW + AHEAD_MAX + timedelta(seconds=1), False),
    ],
    ids=["nothing", "today somewhere", "its first day", "its last day", "a clock that differs", "its time"],
)
def test_what_ingest_read_by_a_wrong_clock_came_when_it_was_forwarded(
    body: RecordReport, time: datetime, taken: bool
) -> None:
    """ingest has no other time than the broker's. What it would have refused is for the operator."""
    headers = binary(
        id="e-1",
        source="/partners/hotel",
        type=TYPES[RecordReport],
        time=time,
        partitionkey=USER,
        extensions={"origin": ORIGIN, "arrived": "2031-01-01T00:00:00Z"},
    )
    report = decode(logged(body, headers=headers), NOW)
    if taken:
        assert report == Report(USER, "hotel", "e-1", ORIGIN, body, time, "", NOW)
    else:
        assert isinstance(report, DeadLetter)
        assert report.code == "in-future"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (logged(key=None), "envelope-key"),
        (logged(key=b"x"), "envelope-key"),
        (logged(key=b"\xff" * 64, headers=without("ce_partitionkey")), "envelope-key"),
        (logged(value=None), "value-missing"),
        (logged(value=b"{"), "json-syntax"),
        (logged(value=b'{"kind":"hotel.no_show"}'), "missing-field"),
        (logged(value=encode(NO_SHOW)[:-1] + b',"love":1}'), "unknown-field"),
        (logged(RecordReport(kind="phone.bill", report_id="h", status="reported")), "unknown-kind"),
        (logged(RecordReport(kind="no.kind", report_id="h", status="reported")), "unknown-kind"),
        (logged(RecordReport(kind="hotel.no_show", report_id="h", status="reported")), "field-required-by-kind"),
        (logged(RecordReport(kind="hotel.no_show", report_id="h", status="settled")), "field-required-by-kind"),
        (logged(headers=()), "envelope-version"),
        (logged(headers=without("ce_origin")), "envelope-attribute"),
        (logged(headers=(*without("ce_source"), ("ce_source", b"/hotel"))), "envelope-attribute"),
        (logged(headers=(*without("ce_type"), ("ce_type", TYPES[RecordChange].encode()))), "envelope-type"),
    ],
)
def test_what_ingest_never_writes_is_set_aside(record: Logged, code: str) -> None:
    letter = decode(record, NOW)
    assert isinstance(letter, DeadLetter)
    assert letter.code == code
    assert USER not in letter.sentence


def told(person: Person | None, body: RecordReport, event_id: str = "e-1") -> Decision[Person, Writes]:
    return decide(person, [Report(USER, "hotel", event_id, ORIGIN, body, NOW)], NOW, POLICY)


def changes(decision: Decision[Person, Writes]) -> list[RecordChange]:
    sent = [message for message in decision.outgoing if message.topic == RECORDS_CHANGED]
    bodies = [read(RecordChange, message.value or b"") for message in sent]
    assert all(isinstance(body, RecordChange) for body in bodies)
    return bodies  # type: ignore[return-value]  # bodies of the class that was asked for


def test_a_change_is_complete_and_the_persons() -> None:
    decision = told(None, NO_SHOW)
    message, _ = decision.outgoing
    (change,) = changes(decision)
    assert isinstance(message, Announcement)
    assert (message.topic, message.key) == (RECORDS_CHANGED, USER.encode())
    assert message.headers == binary(
        id=f"retention/{change.record_id}/1",
        source="/retention",
        type="goodstanding.record.changed.v1",
        time=NOW,
        partitionkey=USER,
    )
    assert change == RecordChange(
        record_id=change.record_id,
        version=1,
        kind="hotel.no_show",
        record_class="life",
        status="open",
        counts=False,  # Its person is told first (rules R22).
        began_on=date(2025, 8, 20),
        amount=40_000,
        ended_on=date(2025, 8, 20),
        lapses_at=datetime(2027, 8, 20, 16, tzinfo=UTC),
    )


def notices(decision: Decision[Person, Writes]) -> list[SubjectNotice]:
    sent = [read(SubjectNotice, each.value or b"") for each in decision.outgoing if each.topic == SUBJECT_ANSWERS]
    return [each for each in sent if isinstance(each, SubjectNotice)]


def test_the_person_is_told_from_which_day_a_record_counts() -> None:
    """(rules R22 and R24) As long as it does not, and where nothing else keeps it from counting."""
    reported = told(None, CARD)
    [notice] = notices(reported)
    assert notice.day == date(2026, 1, 23), "a week in Shanghai, the day of the report not counted"
    assert notice.en.endswith("a statement of your own. It counts from 2026-01-23 on.")
    assert notice.zh.endswith("该记录自 2026-01-23 起计入评分。")
    assert reported.state is not None
    (id,) = reported.state.records
    asks = DisputeRequest(USER, "q-1", id, "paid", None, NOW)
    disputed = decide(reported.state, [asks], NOW, POLICY)
    assert [(each.notice, each.day) for each in notices(disputed)] == [("record-disputed", None)]
    number = dispute_id(POLICY.fingerprint_key, id, "q-1")
    answer = RecordReport(kind="card.overdue", report_id="c-1", status="resolved", outcome="confirmed", dispute=number)
    [notice] = notices(told(disputed.state, answer, "e-2"))
    assert notice.day == date(2026, 1, 23)
    assert notice.en.startswith("The provider has confirmed the record. You may add")
    later = datetime(2026, 1, 22, 16, tzinfo=UTC)
    [notice] = notices(decide(reported.state, [Due(USER, later)], later, POLICY))
    assert (notice.notice, notice.day) == ("record-changed", None)
    [notice] = notices(
        told(None, RecordReport(kind="court.listing", report_id="l-1", status="reported", began_on=NOW.date()))
    )
    assert (notice.notice, notice.day) == ("record-reported", None), "what is public by law counts at once"


def test_the_last_word_is_of_the_deadline_however_late() -> None:
    """(rules R16 and D7)"""
    late = datetime(2035, 1, 1, tzinfo=UTC)
    decision = decide(told(None, NO_SHOW).state, [Due(USER, datetime(2027, 8, 20, 16, tzinfo=UTC))], late, POLICY)
    message, notice, receipted = decision.outgoing
    (change,) = changes(decision)
    assert ("ce_time", b"2027-08-20T16:00:00Z") in message.headers
    # What announces the erasure repeats neither kind, class, amount nor days.
    assert change == RecordChange(record_id=change.record_id, version=2, status="expired", counts=False)
    assert json.loads(message.value or b"").keys() == {"record_id", "version", "status", "counts"}
    assert decision.state is not None
    assert decision.state.records == {}
    said = read(SubjectNotice, notice.value or b"")
    assert isinstance(said, SubjectNotice)
    assert (said.notice, said.version, said.kind, said.partner) == ("record-lapsed", 2, None, None)
    receipt = read(ErasureReceipt, receipted.value or b"")
    assert isinstance(receipt, ErasureReceipt)
    assert (receipt.what, receipt.record_class, receipt.stores) == ("record", "life", ("retention",))
    assert receipt.digest == digest(USER, receipt, POLICY.fingerprint_key) != digest("6" * 64, receipt, b"k" * 32)
    assert len({dict(each.headers)["ce_id"] for each in (notice, receipted)}) == 2


def request(body: SubjectRequest, id: str = "q-1") -> Logged:
    headers = binary(id=id, source="/operator", type=TYPES[SubjectRequest], time=NOW, partitionkey=USER)
    return Logged(USER.encode(), encode(body), headers, SUBJECT_REQUESTS)


def test_a_dispute_tells_everybody_whom_it_concerns() -> None:
    """(rules R17 and R24) The scorer, the provider, who never learns whom it is about, and the person."""
    first = told(None, NO_SHOW)
    assert first.state is not None
    (id,) = first.state.records
    asks = decode(request(SubjectRequest(request="dispute", record_id=id, reason="other", text="I was there.")), NOW)
    assert asks == DisputeRequest(USER, "q-1", id, "other", "I was there.", NOW, NOW)
    decision = decide(first.state, [asks], NOW, POLICY)
    changed, noticed, question, answer = decision.outgoing
    (change,) = changes(decision)
    assert (change.status, change.counts, change.version) == ("disputed", False, 2)
    number = dispute_id(POLICY.fingerprint_key, id, "q-1")
    assert (question.topic, question.key, dict(question.headers)["ce_id"]) == (
        "disputes.hotel",
        b"h-9",
        f"retention/{number}/1".encode(),
    )
    assert read(DisputeQuestion, question.value or b"") == DisputeQuestion(
        dispute=number,
        report_id="h-9",
        kind="hotel.no_show",
        reason="other",
        text="I was there.",
        began_on=date(2025, 8, 20),
        ended_on=date(2025, 8, 20),
        amount=40_000,
        asked_on=date(2026, 1, 15),
        answer_by=date(2026, 2, 4),
    )
    assert USER not in str((question.key, question.value, question.headers))
    reply = read(SubjectAnswer, answer.value or b"")
    assert isinstance(reply, SubjectAnswer)
    assert (reply.status, reply.code, reply.day, reply.record_id) == ("begun", "asked", date(2026, 2, 4), id)
    assert [outcome.result for outcome in decision.outcomes] == ["disputed", "asked", "answered"]
    assert (changed.topic, noticed.topic, answer.topic) == (RECORDS_CHANGED, SUBJECT_ANSWERS, SUBJECT_ANSWERS)
    again = decide(decision.state, [asks], NOW, POLICY)
    assert (again.outgoing, again.state) == ((), decision.state)


def test_a_question_that_goes_out_late_goes_out_all_the_same_and_is_counted() -> None:
    """(rules D12) The machine was down for longer than the five business days of the United States."""
    us = Policy(profile=load_policy(ROOT / "policies/retention/us.toml", Profile), fingerprint_key=b"k" * 32)
    first = told(None, NO_SHOW)
    assert first.state is not None
    (id,) = first.state.records
    asks = decode(request(SubjectRequest(request="dispute", record_id=id, reason="not-mine")), NOW)
    assert isinstance(asks, DisputeRequest)
    for later, code in ((timedelta(days=7), ""), (timedelta(days=9), "late")):
        decision = decide(first.state, [asks], NOW + later, us)
        (question,) = [message for message in decision.outgoing if message.topic == "disputes.hotel"]
        asked = read(DisputeQuestion, question.value or b"")
        assert isinstance(asked, DisputeQuestion)
        # The last day of the answer is no later for it.
        assert (asked.asked_on, asked.answer_by) == (date(2026, 1, 14), date(2026, 2, 13))
        assert [(each.result, each.code) for each in decision.outcomes] == [
            ("disputed", ""),
            ("asked", code),
            ("answered", "asked"),
        ]


def test_that_a_record_is_back_is_told_in_the_step_in_which_it_comes_back() -> None:
    """(rules D12 and R20) With its provider's name, whenever the certificate is read."""
    deleted = told(told(None, NO_SHOW).state, replace(NO_SHOW, status="resolved", outcome="deleted", amount=None))
    certified = replace(NO_SHOW, certificate="c-12")
    back = Report(USER, "hotel", "e-3", ORIGIN, certified, NOW, "", NOW - timedelta(days=6))
    decision = decide(deleted.state, [back], NOW, POLICY)
    changed, noticed = decision.outgoing
    (change,) = changes(decision)
    notice = read(SubjectNotice, noticed.value or b"")
    assert isinstance(notice, SubjectNotice)
    assert (change.version, notice.notice, notice.partner, notice.record_id) == (
        1, "record-returned", "hotel", change.record_id,
    )  # fmt: skip
    assert "add a statement" in notice.en
    assert dict(noticed.headers)["ce_time"] == dict(changed.headers)["ce_time"] == b"2026-01-15T04:00:00Z"


def test_a_provider_is_told_which_record_it_has_settled_once() -> None:
    """(rules R6) The day that counts, of several the earliest; what is no settlement is not told."""
    opened = told(None, CARD)
    assert [message.topic for message in opened.outgoing] == [RECORDS_CHANGED, SUBJECT_ANSWERS]
    paid = told(opened.state, _paid(date(2025, 9, 15)))
    said = paid.outgoing[-1]
    assert (said.topic, said.key, said.partition) == ("disputes.hotel", b"c-1", 0)  # type: ignore[union-attr]  # it is a message
    assert read(RecordSettled, said.value or b"") == RecordSettled(
        report_id="c-1",
        kind="card.overdue",
        ended_on=date(2025, 9, 15),
        lapses_at=datetime(2030, 9, 15, 16, tzinfo=UTC),
    )
    assert USER not in str((said.key, said.value, said.headers))
    assert told(paid.state, _paid(date(2025, 9, 15))).outgoing == ()
    earlier = told(paid.state, _paid(date(2025, 9, 10))).outgoing[-1]
    assert dict(earlier.headers)["ce_id"] != dict(said.headers)["ce_id"]
    assert b"2025-09-10" in (earlier.value or b"")


def _paid(day: date) -> RecordReport:
    return RecordReport(kind="card.overdue", report_id="c-1", status="settled", ended_on=day)


def test_what_others_are_asked_is_passed_over() -> None:
    assert decode(request(SubjectRequest(request="erase")), NOW) is None
    statement = decode(request(SubjectRequest(request="statement", record_id="r", text="Stolen.")), NOW)
    assert statement == StatementRequest(USER, "q-1", "r", "Stolen.", NOW, NOW)


def test_no_statement_is_from_later_than_it_was_asked_for() -> None:
    """One from a clock that is ahead would keep out all that come after it."""
    record = request(SubjectRequest(request="statement", record_id="r", text="Stolen."))
    before = NOW - timedelta(hours=1)
    assert decode(record, before) == StatementRequest(USER, "q-1", "r", "Stolen.", before, before)


def test_a_refusal_goes_to_the_partner_with_position_and_id_and_no_bytes() -> None:
    other = RecordReport(kind="hotel.no_show", report_id="h-9", status="reported", began_on=date(2025, 8, 21))
    decision = told(told(None, NO_SHOW).state, other, "e-2")
    (message,) = decision.outgoing
    assert (message.topic, message.key, message.value) == ("behavior.rejected.hotel", None, None)
    refusal = read_refusal(message.headers)
    assert (refusal.code, refusal.field, refusal.origin, refusal.eventid) == (  # type: ignore[union-attr]  # it is a refusal
        "conflict",
        "data.began_on",
        ORIGIN,
        "e-2",
    )
    assert dict(message.headers)["ce_id"] == f"retention/{ORIGIN}".encode()
    assert decision == told(told(None, NO_SHOW).state, other, "e-2")


def test_a_settlement_that_waited_is_refused_with_the_partners_names() -> None:
    """Its names wait with it, in the table too, since the report that refuses it may have others."""
    settled = RecordReport(kind="hotel.no_show", report_id="h-9", status="settled", ended_on=date(2025, 8, 1))
    theirs = '{"data.ended_on":"paid_on"}'
    first = decide(None, [Report(USER, "hotel", "e-0", "behavior.raw.hotel/3/9", settled, NOW, theirs)], NOW, POLICY)
    assert first.state is not None
    ((id, waiting),) = first.state.records.items()
    stored = store._record(store._row(b"", b"", waiting)._asdict())  # type: ignore[arg-type]  # a row as the database gives it
    second = told(Person({id: stored}), NO_SHOW)
    (refusal,) = [read_refusal(message.headers) for message in second.outgoing if message.topic.startswith("behavior")]
    assert (refusal.code, refusal.field, refusal.origin) == (  # type: ignore[union-attr]  # it is a refusal
        "dates-contradict",
        "paid_on",
        "behavior.raw.hotel/3/9",
    )


def test_what_became_of_each_is_counted() -> None:
    settled = RecordReport(kind="hotel.no_show", report_id="h-9", status="settled", ended_on=date(2025, 12, 1))
    first = told(None, settled)
    assert [outcome.result for outcome in first.outcomes] == ["waiting"]
    second = told(first.state, NO_SHOW)
    assert [outcome.result for outcome in second.outcomes] == ["open", "settled"]
    assert {outcome.partner for outcome in second.outcomes} == {"hotel"}
    assert [outcome.result for outcome in told(second.state, NO_SHOW).outcomes] == ["duplicate"]
    refused = told(
        second.state, RecordReport(kind="ride.unpaid", report_id="h-9", status="settled", ended_on=NOW.date())
    )
    assert [(outcome.result, outcome.code) for outcome in refused.outcomes] == [("refused", "conflict")]


@pytest.mark.parametrize("key", ["not hexadecimal", "ab" * 31, ""])
def test_a_bad_key_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RetentionSettings(kafka="k", fingerprint_key=key)
    assert "fingerprint_key" in str(refused.value)
    assert not key or key not in str(refused.value)


# -- what the portal is told -------------------------------------------------------------------------------------------

_LONGEST_ID, _LONGEST_TEXT = "记" * ID_CHARACTERS_MAX, "冤" * TEXT_OF_PERSON_CHARACTERS_MAX


def held_of(partners: int, report_id: str, text: str | None) -> Person:
    """As many records as are taken of so many partners, each with a statement and a dispute, if there is a text."""
    questions = tuple(Question(f"q-{number}", "other", text) for number in range(DISPUTES_MAX))
    asked = Asked("1", questions, date(2026, 2, 1), date(2026, 2, 28), NOW)
    case = Case(statement=Statement(text, "q-1", NOW), disputes=(asked,)) if text else Case()
    facts = [
        Facts(
            f"partner-{partner}", f"{number}{report_id}"[:ID_CHARACTERS_MAX], "card.overdue", date(2025, 3, 1), 10**15
        )
        for partner in range(partners)
        for number in range(RECORDS_MAX)
    ]
    return Person({record_id(b"k", USER, each.partner, each.report_id): Open(each, 1, None, case) for each in facts})


@pytest.mark.parametrize(
    ("person", "records", "statements"),
    [
        (held_of(1, "", _LONGEST_TEXT), RECORDS_MAX, RECORDS_MAX),
        (held_of(10, "", None), 10 * RECORDS_MAX, 0),
        (held_of(10, "", _LONGEST_TEXT), 10 * RECORDS_MAX, 0),
        (held_of(10, _LONGEST_ID, None), None, 0),
        (held_of(25, _LONGEST_ID, _LONGEST_TEXT), None, 0),
    ],
    ids=["one partner", "ten partners", "statements", "long numbers", "all of it"],
)
def test_what_the_portal_is_told_fits_into_a_message(person: Person, records: int | None, statements: int) -> None:
    """Where it did not, the portal would show for good what was held before."""
    message = held(USER, person.records, NOW, POLICY.profile).placed(0)
    assert size(message) <= (message_bytes_max(RECORDS_HELD) or 0)
    told = follow(RecordsHeld, message.value or b"")
    assert isinstance(told, RecordsHeld)
    assert sum(each.statement is not None for each in told.records) == statements
    if records is not None:
        assert len(told.records) == records
    else:
        assert RECORDS_MAX < len(told.records) < len(person.records)
    said_against = sum(len(each.said_against) for each in told.records)
    has_all = len(told.records) == len(person.records) and statements == _statements(person)
    has_all = has_all and said_against == _said_against(person)
    assert told.is_shortened == (not has_all)


US, EU = (load_policy(ROOT / f"policies/retention/{name}.toml", Profile) for name in ("us", "eu"))


@pytest.mark.parametrize(
    ("profile", "counts_from", "dispute", "withheld"),
    [
        (POLICY.profile, None, None, False),
        (POLICY.profile, NOW + timedelta(days=7), None, True),
        (POLICY.profile, NOW + timedelta(days=7), ASKED, True),
        (POLICY.profile, NOW + timedelta(days=7), Confirmed("d-1", ()), True),
        (POLICY.profile, None, ASKED, False),
        (US, None, ASKED, False),
        (EU, None, ASKED, True),
        (EU, None, Confirmed("d-1", ()), False),
        (EU, None, Amended("d-1", ()), False),
        (POLICY.profile, None, Unverifiable("d-1", ()), False),
    ],
)
def test_a_record_is_withheld_until_its_person_has_known_of_it_and_while_the_law_says_so(
    profile: Profile, counts_from: datetime | None, dispute: Dispute | None, withheld: bool
) -> None:
    """(rules R27)"""
    case = Case(counts_from=counts_from, disputes=() if dispute is None else (dispute,))
    message = held(
        USER, {"r": Open(Facts("bank", "r-1", "card.overdue", date(2025, 3, 1), 1), 1, None, case)}, NOW, profile
    )
    told = follow(RecordsHeld, message.placed(0).value or b"")
    assert isinstance(told, RecordsHeld)
    assert [each.withheld for each in told.records] == [withheld]


def _said_against(person: Person) -> int:
    disputes = (each.case.dispute for each in person.records.values() if isinstance(each, Open))
    return sum(len(each.questions) for each in disputes if each)


def _statements(person: Person) -> int:
    return sum(isinstance(each, Open) and each.case.statement is not None for each in person.records.values())
