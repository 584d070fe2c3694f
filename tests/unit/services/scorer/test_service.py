"""The scorer's door: which records become messages, which go to the dead letters, and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.scorer.core.decide import Person, Writes
from services.scorer.core.forgetting import withdraw_consent
from services.scorer.core.ids import ENTRY
from services.scorer.core.messages import Due, Event, RecordNews, Withdrawal
from services.scorer.core.state import State, encode
from services.scorer.service import decide, decode
from shared.contracts.cloudevents import binary
from shared.contracts.erasure import Erased, mark, naming, nobody
from shared.contracts.exchange import AHEAD_MAX
from shared.contracts.explained import COLUMN_BYTES_MAX, ScoreExplained
from shared.contracts.messages import TYPES, BehaviorEvent, RecordChange, ScoreChange, read
from shared.contracts.messages import encode as encode_body
from shared.contracts.refusals import read_refusal
from shared.contracts.subject import ConsentNoted
from shared.contracts.topics import SCORES_EXPLAINED, message_bytes_max
from shared.kafka.sendable import size
from shared.runner.service import Announcement, DeadLetter, Outcome, Outgoing
from tests.support.people import (
    BILL,
    CARD,
    INCOME,
    JAN,
    ME,
    PURCHASE,
    ZONE,
    capping,
    consent,
    day,
    event,
    news,
    policy_of,
    record,
)

CONTINUOUS = policy_of(capping(cadence="continuous"))
NOW = day(JAN)
BODY = BehaviorEvent(kind=BILL, days_late=4, amount=900)


@dataclass
class FakeRecord:
    """The fields of a consumer record that a decoder reads."""

    topic: str = "behavior.normalized"
    key: bytes | None = ME.encode()
    value: bytes | None = encode_body(BODY)
    headers: tuple[tuple[str, bytes | None], ...] = ()


def headers(**changes: str | datetime | None) -> tuple[tuple[str, bytes], ...]:
    attributes: dict[str, Any] = {
        "id": "e1",
        "source": "/partners/bank",
        "type": TYPES[BehaviorEvent],
        "time": datetime(2026, 1, 31, 16, tzinfo=UTC),
        "partitionkey": ME,
        **{k: v for k, v in changes.items() if k not in ("origin", "arrived")},
    }
    stated = {"origin": changes.get("origin", "behavior.raw.bank/3/41"), "arrived": changes.get("arrived")}
    extensions: Mapping[str, str] = {name: str(text) for name, text in stated.items() if text}
    return binary(**{k: v for k, v in attributes.items() if v is not None}, extensions=extensions)


def received(message: FakeRecord) -> Any:
    return decode(message, NOW, ZONE)


def test_a_normalized_event() -> None:
    message = received(FakeRecord(headers=headers()))
    assert isinstance(message, Event)
    assert (message.user_id, message.partner, message.id, message.origin) == (
        ME,
        "bank",
        "e1",
        "behavior.raw.bank/3/41",
    )
    # 16:00 UTC on the 31st is February in Shanghai.
    assert (message.body, message.month) == (BODY, JAN + 1)


@pytest.mark.parametrize(
    ("arrived", "month"),
    [
        (None, JAN),
        ("2025-12-31T15:59:59.999Z", JAN - 1),
        ("2025-12-31T16:00:00Z", JAN),
    ],
)
def test_the_raw_records_arrival_decides_and_without_it_the_normalized_ones(arrived: str | None, month: int) -> None:
    """(rules E18) An outage of ingest over the turn of a month must not make an event late."""
    message = received(FakeRecord(headers=headers(arrived=arrived)))
    assert isinstance(message, Event)
    assert message.arrival_month == month


def test_an_event_that_ingest_read_by_a_wrong_clock_came_when_it_was_forwarded() -> None:
    """ingest has no other time than the broker's. One that it would have refused is for the operator."""
    message = received(FakeRecord(headers=headers(arrived="2031-01-01T00:00:00Z", time=NOW)))
    assert isinstance(message, Event)
    assert (message.arrival_month, message.arrived) == (JAN, NOW)
    differs = headers(arrived="2031-01-01T00:00:00Z", time=NOW + AHEAD_MAX)
    assert isinstance(received(FakeRecord(headers=differs)), Event), "clocks of partners and brokers do"
    ahead = headers(arrived="2031-01-01T00:00:00Z", time=NOW + timedelta(days=366))
    letter = received(FakeRecord(headers=ahead))
    assert isinstance(letter, DeadLetter)
    assert letter.code == "in-future"


def test_a_change_of_a_record() -> None:
    change = record()
    about = headers(type=TYPES[RecordChange], source="/retention", origin=None)
    message = received(FakeRecord("records.changed", value=encode_body(change), headers=about))
    assert message == RecordNews(ME, JAN, change), "by the month in which it arrived"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (FakeRecord(), "envelope-version"),
        (FakeRecord(headers=(("ce_id", None),)), "envelope-header"),
        (FakeRecord(value=None, headers=headers()), "value-missing"),
        (FakeRecord(key=None, headers=headers(partitionkey=None)), "envelope-key"),
        (FakeRecord(key=b"me", headers=headers(partitionkey=None)), "envelope-key"),
        (FakeRecord(key=b"\xff" * 64, headers=headers(partitionkey=None)), "envelope-key"),
        (FakeRecord(headers=headers(partitionkey="cd" * 32)), "envelope-key"),
        (FakeRecord(headers=headers(type=TYPES[RecordChange])), "envelope-type"),
        (FakeRecord("records.changed", headers=headers()), "envelope-type"),
        (FakeRecord(headers=headers(source="/ingest")), "envelope-attribute"),
        (FakeRecord(headers=headers(origin=None)), "envelope-attribute"),
        (FakeRecord(headers=headers(arrived="yesterday")), "time-format"),
        (FakeRecord(value=b"{", headers=headers()), "json-syntax"),
        (FakeRecord(value=b'{"kind":"water.bill","days_late":1,"more":2}', headers=headers()), "unknown-field"),
        (FakeRecord(value=b'{"kind":"water.bill"}', headers=headers()), "field-required-by-kind"),
        (FakeRecord(value=b'{"kind":"court.listing"}', headers=headers()), "unknown-kind"),
        (FakeRecord(value=b'{"kind":"dance.class"}', headers=headers()), "unknown-kind"),
        (FakeRecord("records.changed", value=b"{}", headers=headers(type=TYPES[RecordChange])), "missing-field"),
    ],
)
def test_what_no_service_of_ours_may_send_is_set_aside(fault: FakeRecord, code: str) -> None:
    letter = received(fault)
    assert isinstance(letter, DeadLetter)
    assert letter.code == code
    assert ME not in letter.sentence


def test_a_new_score_as_it_is_sent() -> None:
    """(rules P8)"""
    decision = decide(None, [event(BILL, NOW), news(record())], NOW, CONTINUOUS)
    (sent,) = decision.outgoing
    assert isinstance(sent, Announcement)
    assert (sent.topic, sent.key) == ("scores.changed", ME.encode())
    assert dict(sent.headers)["ce_id"] == f"scorer/{ME}/1".encode()
    assert dict(sent.headers)["ce_time"] == b"2026-01-15T04:00:00Z"
    assert sent.value is not None
    body = read(ScoreChange, sent.value)
    assert body == ScoreChange(
        version=1,
        score=580,
        thin=True,
        cadence="continuous",
        as_of=NOW.astimezone(UTC),
        policy=CONTINUOUS.scorecards[0].id,
        restrictions=("credit", "financing", "luxury-purchases"),
        key_factors=("ceiling", "in-a-row", "steady-income", "verified-identity"),
    )
    assert decision.outcomes == (Outcome("accepted", "bank"), Outcome("published"))


def test_a_publication_names_its_run_and_the_same_decision_gives_the_same_bytes() -> None:
    monthly = policy_of(CARD)
    due = Due(ME, JAN, datetime(2026, 1, 5, 16, tzinfo=UTC), 0, 0)
    (sent,) = decide(None, [due], day(JAN, 6), monthly).outgoing
    assert decide(None, [due], day(JAN, 9), monthly).outgoing == (sent,)
    assert sent.value is not None
    body = read(ScoreChange, sent.value)
    assert isinstance(body, ScoreChange)
    assert (body.publication, body.as_of, body.cadence) == (JAN, due.instant, "monthly")


def test_refusals_go_to_the_partner_with_position_and_id_and_no_bytes() -> None:
    state = State()
    withdraw_consent(state, "bank", "withdrawn")
    figure = event(INCOME, NOW, id="fig", amount=1, consent=consent("withdrawn"))
    first, other = event(BILL, NOW, id="a"), event(BILL, NOW, id="a", amount=7)
    late = event(BILL, day(JAN - 4), id="late", arrival_month=JAN)
    decision = decide(Person(ME, encode(state)), [first, other, first, late, figure], NOW, CONTINUOUS)
    refused = [sent for sent in decision.outgoing if isinstance(sent, Outgoing)]
    assert {sent.topic for sent in refused} == {"behavior.rejected.bank"}
    assert all((sent.key, sent.value, sent.partition) == (None, None, 0) for sent in refused)
    told = [read_refusal(sent.headers) for sent in refused]
    assert [(r.code, r.field, r.eventid) for r in told] == [  # type: ignore[union-attr]  # all of them are refusals
        ("conflict", "ce_id", "a"),
        ("too-late", "ce_time", "late"),
        ("consent-withdrawn", "data.consent.id", "fig"),
    ]
    assert {dict(sent.headers)["ce_id"] for sent in refused} == {b"scorer/behavior.raw.bank/0/7"}
    assert decision.outcomes == (
        Outcome("accepted", "bank"),
        Outcome("refused", "bank", "conflict"),
        Outcome("duplicate", "bank"),
        Outcome("refused", "bank", "too-late"),
        Outcome("refused", "bank", "consent-withdrawn"),
        Outcome("published"),
    )


def test_the_portal_learns_of_each_consent_once_and_without_a_portal_nobody_does() -> None:
    figure = event(INCOME, NOW, id="f1", amount=1, consent=consent("c1"))
    taken = Withdrawal(ME, "r1", NOW, "bank", "c2", NOW)
    with_portal = msgspec.structs.replace(CONTINUOUS, explains=True)
    decision = decide(None, [figure, figure, taken], NOW, with_portal)
    noted = [sent for sent in decision.outgoing if dict(sent.headers)["ce_type"] == TYPES[ConsentNoted].encode()]
    told = [read(ConsentNoted, sent.value or b"") for sent in noted]
    cited = figure.body.consent
    assert cited is not None
    assert told == [
        ConsentNoted(partner="bank", consent_id="c1", said_at=NOW, purpose=cited.purpose, given_at=cited.given_at),
        ConsentNoted(partner="bank", consent_id="c2", said_at=NOW, withdrawn_at=NOW),
    ]
    assert len({dict(sent.headers)["ce_id"] for sent in noted}) == 2
    assert {sent.topic for sent in noted} == {"subject.answers"}
    again = decide(None, [figure, figure, taken], NOW, with_portal)
    assert [sent for sent in again.outgoing if sent in noted] == noted, "the same to the byte"
    without = decide(None, [figure, figure, taken], NOW, CONTINUOUS)
    assert not any(dict(sent.headers)["ce_type"] == TYPES[ConsentNoted].encode() for sent in without.outgoing)


@pytest.mark.parametrize(("kept", "has_state"), [(1_000, True), (COLUMN_BYTES_MAX // ENTRY + 1, False)])
def test_whoever_is_at_the_bounds_of_several_partners_has_a_score_and_its_reasons(kept: int, has_state: bool) -> None:
    """The portal is told of it without the state, which would be too large for a message."""
    state = State(ids={JAN: b"".join(number.to_bytes(ENTRY, "big") for number in range(kept))})
    with_portal = msgspec.structs.replace(CONTINUOUS, explains=True)
    decision = decide(Person(ME, encode(state)), [event(BILL, NOW, id="b1")], NOW, with_portal)
    assert Outcome("published") in decision.outcomes
    [sent] = [each for each in decision.outgoing if each.topic == SCORES_EXPLAINED]
    assert isinstance(sent, Announcement)
    told = sent.placed(0)
    assert size(told) < (message_bytes_max(SCORES_EXPLAINED) or 0)
    explained = read(ScoreExplained, told.value or b"")
    assert isinstance(explained, ScoreExplained)
    assert (bool(explained.evaluation), explained.state is not None) == (True, has_state)


def test_too_many_is_told_like_every_refusal() -> None:
    figures = [event(INCOME, NOW, id=str(n), amount=1, consent=consent(f"c{n}")) for n in range(52)]
    decision = decide(None, figures, NOW, CONTINUOUS)
    refused = [sent for sent in decision.outgoing if sent.topic == "behavior.rejected.bank"]
    told = [read_refusal(sent.headers) for sent in refused]
    assert [(r.code, r.eventid) for r in told] == [("too-many", "50"), ("too-many", "51")]  # type: ignore[union-attr]  # all of them are refusals
    assert [sent.value for sent in refused] == [None, None]
    assert decision.outcomes.count(Outcome("refused", "bank", "too-many")) == 2


def test_a_known_version_of_a_record_counts_as_a_duplicate() -> None:
    person = decide(None, [news(record())], NOW, CONTINUOUS).state
    decision = decide(person, [news(record())], NOW, CONTINUOUS)
    assert (decision.outgoing, decision.outcomes) == ((), (Outcome("duplicate"),))


# -- erasure -----------------------------------------------------------------------------------------------------------

ASKED = day(JAN, 20)
MARK = Erased(ME, "r1", ASKED)
PUBLIC = policy_of(capping(cadence="continuous"))


def arrived(when: datetime, id: str) -> Event:
    return msgspec.structs.replace(event(PURCHASE, day(JAN), id=id), raw_arrived=when)


def test_a_mark_is_read_and_sent_on() -> None:
    about = mark("retention", "records.changed", MARK)
    assert received(FakeRecord("records.changed", about.key, None, about.headers)) == MARK
    decision = decide(None, [MARK], NOW, PUBLIC)
    assert decision.outgoing == (mark("scorer", "scores.changed", MARK),)
    assert decision.writes == (Writes(ME, erased=(MARK,)),)
    assert decision.state == Person(ME, erased=MARK)
    assert decision.state.is_blank
    other = FakeRecord("records.changed", ME.encode(), None, headers(type="other.v1"))
    assert isinstance(received(other), DeadLetter)


def test_what_came_before_the_mark_goes_and_what_is_newer_is_a_newcomers() -> None:
    """(rules I11, I12)"""
    known = decide(None, [arrived(ASKED - timedelta(days=1), "old")], ASKED, PUBLIC).state
    later = ASKED + timedelta(seconds=1)
    decision = decide(
        known,
        [
            arrived(ASKED - timedelta(hours=1), "before"),
            MARK,
            arrived(ASKED, "late"),
            arrived(later, "new"),
        ],
        later,
        PUBLIC,
    )
    assert decision.state is not None
    assert (decision.state.version, decision.state.erased) == (1, MARK)
    [_, published] = decision.outgoing
    change = read(ScoreChange, published.value or b"")
    assert isinstance(change, ScoreChange)
    assert change.version == 1
    alone = decide(None, [arrived(later, "new")], later, PUBLIC).state
    assert alone is not None
    assert decision.state.state == alone.state
    assert decision.outcomes.count(Outcome("dropped")) == 2


def test_a_mark_that_comes_again_says_nothing_about_who_has_come_back() -> None:
    """Kafka was restored from an older copy, and what was handled is read again (rules I12)."""
    later = ASKED + timedelta(seconds=1)
    came_back = decide(Person(ME, erased=MARK), [arrived(later, "new")], later, PUBLIC).state
    assert came_back is not None
    decision = decide(came_back, [arrived(ASKED, "old"), news(record()), MARK, arrived(later, "new")], later, PUBLIC)
    assert (decision.state, decision.outgoing, decision.writes) == (came_back, (), ())
    assert [each.result for each in decision.outcomes] == ["duplicate", "dropped", "dropped", "duplicate"]
    # Of whom nothing is known, it is sent on once more; and another erasure is one.
    again = decide(Person(ME, erased=MARK), [MARK], later, PUBLIC)
    assert again.outgoing == (mark("scorer", "scores.changed", MARK),)
    another = Erased(ME, "r2", later)
    gone = decide(came_back, [MARK, another], later, PUBLIC)
    assert gone.state == Person(ME, erased=another)
    assert gone.writes == (Writes(ME, erased=(MARK, another)),)


@pytest.mark.parametrize(
    ("named", "is_taken"),
    [
        (None, False),
        (MARK, True),
        (Erased(ME, "r0", ASKED - timedelta(days=1)), False),
        (Erased(ME, "r2", ASKED + timedelta(days=1)), True),
    ],
    ids=["of the life before", "of this life", "of one before another erasure", "of the next life"],
)
def test_a_change_of_a_record_is_of_the_life_whose_erasure_it_names(named: Erased | None, is_taken: bool) -> None:
    """(rules I12) Whenever it is read: when it was appended says nothing, for retention may not have known yet."""
    change = msgspec.structs.replace(news(record()), erased=named)
    decision = decide(Person(ME, erased=MARK), [change], ASKED + timedelta(days=2), PUBLIC)
    assert (Outcome("dropped") in decision.outcomes) is not is_taken
    assert bool(decision.outgoing) is is_taken


def test_the_erasure_that_a_change_names_is_read() -> None:
    about = (*headers(type=TYPES[RecordChange], source="/retention", origin=None), *naming(MARK))
    message = received(FakeRecord("records.changed", value=encode_body(record()), headers=about))
    assert isinstance(message, RecordNews)
    assert message.erased == MARK


def test_a_newcomers_scores_name_the_erasure_and_are_for_no_instant_before_it() -> None:
    """(rules I12, P10) A monthly run may be of an earlier instant than the request."""
    later = ASKED + timedelta(seconds=1)
    decision = decide(Person(ME, erased=MARK), [arrived(later, "new")], ASKED - timedelta(days=1), PUBLIC)
    (published,) = decision.outgoing
    assert set(naming(MARK)) < set(published.headers)
    change = read(ScoreChange, published.value or b"")
    assert isinstance(change, ScoreChange)
    assert change.as_of == ASKED
    (of_nobody_erased,) = decide(None, [arrived(later, "new")], later, PUBLIC).outgoing
    assert not {"ce_erasureid", "ce_erasureat"} & {name for name, _ in of_nobody_erased.headers}


def test_a_request_before_the_mark_is_answered_and_leaves_nothing() -> None:
    asked = Withdrawal(ME, "r0", ASKED, "bank", "c1", ASKED)
    decision = decide(None, [asked, MARK], NOW, PUBLIC)
    assert [message.topic for message in decision.outgoing] == ["subject.answers", "scores.changed"]
    assert decision.state == Person(ME, erased=MARK)
    late = decide(decision.state, [asked], NOW, PUBLIC)
    assert (late.state, late.writes, late.outcomes) == (decision.state, (), (Outcome("answered"),))
    assert late.outgoing == decision.outgoing[:1], "in the same words"


def test_a_mark_about_nobody_goes_on_and_nothing_is_remembered_of_it() -> None:
    roll = Erased(nobody(2), "roll-1", ASKED)
    decision = decide(None, [roll], NOW, PUBLIC)
    assert (decision.state, decision.outgoing) == (None, (mark("scorer", "scores.changed", roll),))
