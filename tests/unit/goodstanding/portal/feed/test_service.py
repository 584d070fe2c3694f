"""What the portal keeps of what is said, and when it says that a person is erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import cast

import pytest

from goodstanding.portal.feed.messages import PARTS, Ends, Forget, Gone, News, Part, Receipt
from goodstanding.portal.feed.service import Ending, decide, decode
from shared.contracts.erasure import Erased, mark, naming, nobody
from shared.contracts.exchange import Announcement, announced, answered
from shared.contracts.explained import RecordsHeld
from shared.contracts.messages import encode
from shared.contracts.subject import ConsentNoted, ErasureConfirmed, ErasureReceipt, SubjectAnswer
from shared.contracts.topics import RECORDS_HELD, SCORES_EXPLAINED, SUBJECT_ANSWERS
from shared.kafka.unreadable import Record
from shared.runner.service import DeadLetter, Decision
from tests.unit.goodstanding.portal.feed.records import record_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = "ab" * 32


def ends(part: Part, request: str = "r1") -> Ends:
    return Ends(WHO, part, request, NOW)


@pytest.mark.parametrize("order", list(permutations(PARTS.values())))
def test_an_erasure_is_confirmed_once_when_all_parts_have_ended(order: tuple[Part, ...]) -> None:
    state: Ending | None = None
    said: list[str] = []
    for part in (*order[:-1], order[0]):
        decision = decide(state, [ends(part)], NOW)
        state = decision.state
        assert decision.outgoing == (), "a part may still hold something older"
        assert decision.writes == (ends(part),), "subscribers and what the person did here wait for the last part"
    decision = decide(state, [ends(order[-1])], NOW)
    said += [dict(each.headers)["ce_id"].decode() for each in decision.outgoing]
    assert said == ["portal/r1/1"]
    assert decision.writes == (ends(order[-1]), Gone(WHO, "r1", NOW))
    again = decide(decision.state, [ends(order[0])], NOW)
    assert (again.state, again.outgoing, again.writes) == (decision.state, (), ()), "it is remembered"


def test_two_erasures_of_one_person_are_two() -> None:
    first, second = [ends(part) for part in PARTS.values()], [ends(part, "r2") for part in PARTS.values()]
    decision = decide(None, [*first[:3], *second], NOW)
    assert [dict(each.headers)["ce_id"] for each in decision.outgoing] == [b"portal/r2/1"]
    assert decision.state == Ending({"r1": frozenset(list(PARTS.values())[:3])}, frozenset({"r2"}))


def test_what_is_said_is_kept_as_it_came_and_a_mark_about_nobody_lets_the_portal_forget() -> None:
    held = announced("retention", RECORDS_HELD, WHO, RecordsHeld(records=()), subject=WHO, version=1, time=NOW)
    news = decode(record_of(held), NOW)
    assert isinstance(news, News)
    assert (news.user_id, news.part, news.value) == (WHO, "records", b'{"records":[]}')
    forget = decode(record_of(mark("scorer", SCORES_EXPLAINED, Erased(nobody(2), "roll", NOW))), NOW)
    assert isinstance(forget, Forget)
    assert (forget.user_id, forget.time) == (nobody(2), NOW)
    assert decide(None, [forget], NOW) == Decision(None, (), (), (forget,))
    assert decode(record_of(mark("scorer", SCORES_EXPLAINED, Erased(WHO, "r1", NOW))), NOW) == ends("score")


@pytest.mark.parametrize(("service", "expected"), [("ingest", ends("answers")), ("benefits", None), ("portal", None)])
def test_the_answers_end_with_what_ingest_confirms(service: str, expected: Ends | None) -> None:
    body = ErasureConfirmed(request_id="r1", service=service)  # type: ignore[arg-type]  # one that there is
    said = announced(service, SUBJECT_ANSWERS, WHO, body, subject="r1", version=1, time=NOW)
    assert decode(record_of(said), NOW) == expected


def test_the_receipt_of_an_erasure_is_kept_as_long_as_the_erasure_is_remembered_and_that_of_a_record_never() -> None:
    body = ErasureReceipt(what="person", erased_at=NOW, stores=("scorer",), digest="0" * 64, request_id="r1")
    receipt = decode(
        record_of(announced("retention", SUBJECT_ANSWERS, WHO, body, subject="r1", version=2, time=NOW)), NOW
    )
    assert receipt == Receipt(WHO, "r1", NOW, encode(body))
    assert decide(Ending({}, frozenset({"r1"})), [receipt], NOW).writes == (receipt,)
    for forgotten in (None, Ending({"r1": frozenset({"score"})}), Ending({}, frozenset({"r2"}))):
        assert decide(forgotten, [receipt], NOW).writes == ()
    of_record = replace(body, what="record", request_id=None, record_id="7d1e", record_class="life")
    said = announced("retention", SUBJECT_ANSWERS, WHO, of_record, subject="7d1e", version=2, time=NOW)
    assert decode(record_of(said), NOW) is None


@pytest.mark.parametrize(
    ("erased_at", "is_kept"),
    [(None, True), (NOW - timedelta(seconds=1), True), (NOW, False), (NOW + timedelta(days=1), False)],
    ids=["never erased", "a newcomer asks", "the erasure itself", "erased since asking"],
)
def test_what_somebody_asked_before_an_erasure_is_not_kept(erased_at: datetime | None, is_kept: bool) -> None:
    """(rules I12) A service may answer it when all else of the person has gone."""
    answer = SubjectAnswer(
        request_id="q1", request="dispute", service="retention", status="refused", code="unknown-record", en="e", zh="z"
    )
    named = naming(Erased(WHO, "r1", erased_at)) if erased_at else ()
    news = decode(record_of(answered(WHO, answer, NOW, named)), NOW)
    assert isinstance(news, News) if is_kept else news is None


def test_a_consent_is_among_what_the_person_was_told() -> None:
    body = ConsentNoted(partner="bank", consent_id="c1", said_at=NOW, purpose="credit-standing", given_at=NOW)
    news = decode(record_of(announced("scorer", SUBJECT_ANSWERS, WHO, body, subject="c", version=1, time=NOW)), NOW)
    assert isinstance(news, News)
    assert (news.part, news.body) == ("answers", body)


def test_what_nobody_can_read_is_set_aside() -> None:
    said = announced("retention", RECORDS_HELD, WHO, RecordsHeld(records=()), subject=WHO, version=1, time=NOW)
    broken = Announcement(said.topic, said.key, b"{", said.headers)
    assert isinstance(decode(cast(Record, record_of(broken)), NOW), DeadLetter)
