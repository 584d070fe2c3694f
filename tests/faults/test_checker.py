"""Each invariant is found broken when it is broken, and by its own sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.contracts.erasure import nobody
from shared.contracts.partition import partition_of
from tests.faults.checker import (
    Seen,
    check_answered,
    check_answers,
    check_dead_letters,
    check_marks,
    check_normalized,
    check_records,
    check_refusals,
    check_scores,
    check_tiers,
    lives,
    places_of,
)
from tests.faults.events import message_of
from tests.support.oracle.records import News
from tests.support.oracle.scores import Event, Expected, Result

USER = "ab" * 32
PARTITION = partition_of(USER)
BILL = Event(person=USER, partner="north", id="1", time=datetime(2026, 3, 1, tzinfo=UTC), kind="gas.bill")


def said(topic: str, offset: int, id: str, body: dict[str, Any]) -> Seen:
    headers = (("ce_id", id.encode()),)
    return Seen(topic, PARTITION, offset, USER.encode(), json.dumps(body).encode(), headers)


def published(offset: int, version: int, score: int = 500, restrictions: tuple[str, ...] = ()) -> Seen:
    body = {"version": version, "score": score, "thin": False, "restrictions": restrictions}
    return said("scores.changed", offset, f"scorer/{USER}/{version}", body)


def refusal(offset: int, place: str, code: str) -> Seen:
    headers = tuple((f"ce_{n}", v.encode()) for n, v in (("id", f"ingest/{place}"), ("origin", place), ("code", code)))
    return Seen("behavior.rejected.north", 0, offset, None, b"", headers)


GOOD = [published(0, 1), published(1, 2, 510), published(2, 1), published(3, 2, 510), published(4, 3, 520)]
RESULTS = {USER: Result(520, thin=False)}


def test_repeats_of_versions_are_no_violation() -> None:
    assert check_scores(GOOD, RESULTS) == []


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        pytest.param([*GOOD, published(5, 2, 511)], "not the same bytes", id="one id, two contents"),
        pytest.param([GOOD[0], GOOD[4]], "version 3 follows version 1", id="a gap"),
        pytest.param([GOOD[1], *GOOD], "version 2 follows version 0", id="out of order"),
        pytest.param([*GOOD, published(5, 2, 510)], "lies behind version 3", id="an old version last"),
        pytest.param(GOOD[:2], "expected Result(score=520", id="the last one missing"),
        pytest.param([*GOOD, published(5, 4, 530)], "published Result(score=530", id="one too many"),
        pytest.param([], "published None", id="nothing at all"),
        pytest.param([replace(r, partition=PARTITION ^ 1) for r in GOOD], "not where its key belongs", id="misplaced"),
        pytest.param([replace(GOOD[0], headers=(("ce_id", b"scorer/x/1"),)), *GOOD[1:]], "does not name", id="id"),
        pytest.param([*GOOD, published(5, 4, 520, ("credit",))], "restrictions=('credit',)", id="restricted"),
    ],
)
def test_broken_scores_are_found(scores: list[Seen], sentence: str) -> None:
    assert any(sentence in violation for violation in check_scores(scores, RESULTS))


BEGAN, ENDED, LAPSES = date(2024, 1, 2), date(2024, 3, 25), datetime(2026, 3, 25, 16, tzinfo=UTC)
BEFORE, AFTER = LAPSES - timedelta(days=5), LAPSES + timedelta(days=8)
OPEN = News(
    version=1,
    status="open",
    kind="ride.unpaid",
    began_on=BEGAN,
    amount=7,
    ended_on=None,
    lapses_at=None,
    said_at=BEFORE,
)
SETTLED = replace(OPEN, version=2, status="settled", ended_on=ENDED, lapses_at=LAPSES)
EXPIRED = News(
    version=3,
    status="expired",
    kind=None,
    began_on=None,
    amount=None,
    ended_on=None,
    lapses_at=None,
    said_at=AFTER,
    counts=False,
)
RECORDS = {USER: [[OPEN, SETTLED, EXPIRED]]}


def told(offset: int, news: News, record: str = "r") -> Seen:
    days = {name: day.isoformat() for name in ("began_on", "ended_on", "lapses_at") if (day := getattr(news, name))}
    words = {name: word for name in ("kind", "amount") if (word := getattr(news, name))}
    body = {"record_id": record, "version": news.version, "status": news.status, "counts": news.counts, **words, **days}
    return said("records.changed", offset, f"retention/{record}/{news.version}", body)


def said_at(record: Seen) -> datetime:
    """The clock was moved on when ten messages were there."""
    return BEFORE if record.offset < 10 else AFTER


LIFE = [told(0, OPEN), told(1, SETTLED), told(10, EXPIRED)]


def test_a_records_life_is_no_violation() -> None:
    assert check_records([*LIFE, told(11, SETTLED), told(12, EXPIRED)], RECORDS, said_at) == []


def test_after_a_restore_a_record_ends_once_more_and_its_end_is_the_last_word() -> None:
    again = [told(11, replace(SETTLED, version=1_000_002)), told(12, replace(EXPIRED, version=1_000_003))]
    assert check_records([*LIFE, *again], RECORDS, said_at, restored=True) == []
    assert check_records([*LIFE, *again], RECORDS, said_at) != []
    found = check_records([*LIFE, again[0]], RECORDS, said_at, restored=True)
    assert any("is the last word" in violation for violation in found)


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        pytest.param(
            [*LIFE, told(11, replace(SETTLED, ended_on=BEGAN))], "not the same bytes", id="one id, two contents"
        ),
        pytest.param([LIFE[0], LIFE[2]], "version 3 follows version 1", id="a gap"),
        pytest.param([LIFE[1], *LIFE], "version 2 follows version 0", id="out of order"),
        pytest.param([replace(r, partition=PARTITION ^ 1) for r in LIFE], "not where its key belongs", id="misplaced"),
        pytest.param([replace(LIFE[0], headers=(("ce_id", b"retention/x/1"),)), *LIFE[1:]], "does not name", id="id"),
        pytest.param([*LIFE[:2], told(2, EXPIRED)], "before its deadline", id="early"),
        pytest.param([*LIFE, told(11, replace(EXPIRED, version=4))], "and now is expired", id="expired twice"),
        pytest.param([*LIFE, told(11, replace(SETTLED, version=4))], "and now is settled", id="after its end"),
        pytest.param(LIFE[:2], "status='expired'", id="not expired"),
        pytest.param(
            [*LIFE[:2], told(10, replace(EXPIRED, kind="ride.unpaid"))], "has ['kind'] of it", id="told again"
        ),
        pytest.param([], "published []", id="nothing at all"),
        pytest.param([*LIFE, told(11, OPEN, "s")], "of records expected []", id="a record that nobody reported"),
        pytest.param([told(0, replace(OPEN, counts=False)), *LIFE[1:]], "counts=False", id="not counted yet"),
        pytest.param([told(0, replace(OPEN, kind="loan.overdue")), *LIFE[1:]], "loan.overdue", id="another kind"),
        pytest.param([LIFE[0], told(10, SETTLED), told(11, EXPIRED)], "of records expected", id="said too late"),
    ],
)
def test_broken_records_are_found(records: list[Seen], sentence: str) -> None:
    assert any(sentence in violation for violation in check_records(records, RECORDS, said_at))


AGAIN = [replace(OPEN, version=1_000_001), replace(SETTLED, version=1_000_002)]
"""What is said after a restore, of a record that was open in the older copy, or not there yet."""


@pytest.mark.parametrize(
    ("news", "is_whole"),
    [
        pytest.param([OPEN, SETTLED, *AGAIN], True, id="from its beginning to its end"),
        pytest.param([OPEN, SETTLED, AGAIN[1]], True, id="as it is"),
        pytest.param([OPEN, AGAIN[0], AGAIN[1]], True, id="before its end"),
        pytest.param([OPEN, SETTLED, AGAIN[0]], False, id="open again for good"),
        pytest.param([OPEN, SETTLED, AGAIN[0], replace(EXPIRED, version=1_000_002)], False, id="never settled again"),
        pytest.param([OPEN, SETTLED, *AGAIN, replace(AGAIN[1], amount=8, version=1_000_003)], False, id="another one"),
    ],
)
def test_after_a_restore_a_record_may_be_told_again_to_its_end(news: list[News], is_whole: bool) -> None:
    found = check_records(list(map(told, range(9), news)), {USER: [[OPEN, SETTLED]]}, said_at, restored=True)
    assert (found == []) is is_whole


TABLE: dict[str, Any] = {
    "tiers": [
        {"code": "fair", "from": 600, "benefits": [{"code": "bikes"}, {"code": "loan"}]},
        {"code": "good", "from": 700, "benefits": [{"code": "cars"}]},
    ],
    "restrictions": {"credit": ["loan"]},
}
SCORES = [published(0, 1, 610), published(1, 2, 650), published(2, 3, 710), published(3, 4, 640, ("credit",))]
WON = {"tier": "fair", "granted": ["bikes", "loan"], "revoked": [], "in_force": ["bikes", "loan"], "restrictions": []}
ROSE = {"tier": "good", "previous_tier": "fair", "granted": ["cars"], "in_force": ["bikes", "loan", "cars"]}
FELL = {
    "tier": "fair",
    "previous_tier": "good",
    "granted": [],
    "revoked": ["loan", "cars"],
    "in_force": ["bikes"],
    "restrictions": ["credit"],
}


def awarded(offset: int, version: int, score_version: int, **body: Any) -> Seen:
    body = {**WON, "version": version, "score_version": score_version, **body}
    return said("tiers.changed", offset, f"benefits/{USER}/{version}", body)


TIERS = [awarded(0, 1, 1), awarded(1, 2, 3, **ROSE), awarded(2, 3, 4, **FELL)]
STANDS = {USER: Result(640, thin=False, restrictions=("credit",))}


def test_repeats_of_tiers_are_no_violation() -> None:
    assert check_tiers([*TIERS[:2], *TIERS], [*SCORES, *SCORES[2:]], STANDS, TABLE) == []


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        pytest.param([*TIERS, awarded(3, 3, 5, **FELL)], "not the same bytes", id="one id, two contents"),
        pytest.param([TIERS[0], TIERS[2]], "version 3 follows version 1", id="a gap"),
        pytest.param([TIERS[1], *TIERS], "version 2 follows version 0", id="out of order"),
        pytest.param([*TIERS, TIERS[1]], "lies behind version 3", id="an old version last"),
        pytest.param([replace(r, partition=PARTITION ^ 1) for r in TIERS], "not where its key belongs", id="misplaced"),
        pytest.param([replace(TIERS[0], headers=(("ce_id", b"benefits/x/1"),))], "does not name", id="id"),
        pytest.param([awarded(0, 1, 1, granted=["bikes"])], "granted minus revoked", id="granted too little"),
        pytest.param([*TIERS[:2], awarded(2, 3, 4, **{**FELL, "in_force": ["cars"]})], "in force ['cars']", id="kept"),
        pytest.param([*TIERS, awarded(3, 4, 4, **FELL)], "revokes what is not", id="revoked twice"),
        pytest.param([*TIERS, awarded(3, 4, 4, granted=["bikes"])], "grants what is in force", id="granted twice"),
        pytest.param([TIERS[0], awarded(1, 2, 2, **ROSE), TIERS[2]], "as change 2 of the tier", id="of another score"),
        pytest.param(TIERS[:2], "as change 3 of the tier", id="the last one missing"),
        pytest.param([*TIERS, awarded(3, 4, 5)], "expected None", id="one too many"),
        pytest.param(TIERS[:2], "expected to have Standing(tier='fair'", id="not what the expected score leads to"),
        pytest.param([], "has Standing(tier=None", id="nothing at all"),
    ],
)
def test_broken_tiers_are_found(tiers: list[Seen], sentence: str) -> None:
    assert any(sentence in violation for violation in check_tiers(tiers, SCORES, STANDS, TABLE))


def test_what_a_thin_file_has_in_the_end_depends_on_its_past() -> None:
    assert check_tiers(TIERS, SCORES, {USER: Result(900, thin=True)}, TABLE) == []


def test_a_dead_letter_is_found() -> None:
    letter = Seen(
        "benefits.dead-letter", 0, 0, None, b"", (("ce_origin", b"scores.changed/1/2"), ("ce_code", b"misplaced"))
    )
    assert check_dead_letters([letter]) == ["dead letter for scores.changed/1/2: misplaced"]


PLACES = ["behavior.raw.north/0/0", "behavior.raw.north/0/1"]
EXPECTED = Expected(("accepted", "refused"), {1: "conflict"}, {})


@pytest.mark.parametrize(
    ("rejected", "sentence"),
    [
        pytest.param([], "found set()", id="missing"),
        pytest.param([refusal(0, PLACES[1], "too-late")], "found {'too-late'}", id="another code"),
        pytest.param([refusal(0, PLACES[0], "conflict")], "nothing was wrong", id="of an accepted event"),
        pytest.param(
            [refusal(0, PLACES[1], "conflict"), replace(refusal(1, PLACES[1], "conflict"), value=b"x")],
            "not the same bytes",
            id="repeated in other words",
        ),
    ],
)
def test_broken_refusals_are_found(rejected: list[Seen], sentence: str) -> None:
    assert any(sentence in violation for violation in check_refusals(rejected, PLACES, EXPECTED))


def test_repeated_refusals_are_no_violation() -> None:
    rejected = [refusal(0, PLACES[1], "conflict"), refusal(1, PLACES[1], "conflict")]
    assert check_refusals(rejected, PLACES, EXPECTED) == []


def normalized(offset: int, place: str) -> Seen:
    return Seen("behavior.normalized", PARTITION, offset, USER.encode(), b"{}", (("ce_origin", place.encode()),))


def test_what_ingest_lets_through_is_all_there() -> None:
    everything = [normalized(0, PLACES[0]), normalized(1, PLACES[1]), normalized(2, PLACES[0])]
    assert check_normalized(everything, PLACES, EXPECTED) == []
    assert "did not come out" in check_normalized(everything[1:2], PLACES, EXPECTED)[0]
    changed = [*everything, replace(normalized(3, PLACES[0]), value=b"{ }")]
    assert "not the same bytes" in check_normalized(changed, PLACES, EXPECTED)[0]
    refused = Expected(("accepted", "refused"), {1: "json-syntax"}, {})
    assert "came out of ingest all the same" in check_normalized(everything, PLACES, refused)[0]


def test_places_are_found_by_order_and_content() -> None:
    messages = [message_of(replace(BILL, id=str(number)), "GS1") for number in range(3)]
    raw = [
        Seen("behavior.raw.north", partition_of("GS1"), 7 + n, m.key, m.value, m.headers)
        for n, m in enumerate(messages)
    ]
    places, violations = places_of(messages, raw)
    assert not violations
    assert places == [record.place for record in raw]
    for broken in (raw[:2], raw[1:], [raw[1], raw[0], raw[2]]):
        assert places_of(messages, broken)[1]


def answer(first: int, last: int | None = None, topic: str = "behavior.rejected.north") -> Seen:
    """To the records `first` to `last` of partition 2 of `behavior.raw.north`."""
    named = {"origin": f"behavior.raw.north/2/{first}"}
    if last is not None:
        named["lastorigin"] = f"behavior.raw.north/2/{last}"
    return Seen(topic, 0, 0, None, b"", tuple((f"ce_{name}", value.encode()) for name, value in named.items()))


@pytest.mark.parametrize(
    ("answers", "unanswered"),
    [
        pytest.param([answer(0), answer(1), answer(2)], [], id="each by itself"),
        pytest.param([answer(0, 2)], [], id="all by one"),
        pytest.param([answer(0), answer(0), answer(1, 2)], [], id="one twice"),
        pytest.param([answer(0), answer(2)], [1], id="one between others"),
        pytest.param([answer(0, 1)], [2], id="the last one"),
        pytest.param([], [0, 1, 2], id="none"),
    ],
)
def test_an_offset_that_nobody_handled_is_found(answers: list[Seen], unanswered: list[int]) -> None:
    ends = {TopicPartition("behavior.raw.north", 2): 3}
    found = check_answered(ends, answers)
    assert found == [f"nobody handled behavior.raw.north/2/{offset}" for offset in unanswered]


# -- what people ask ---------------------------------------------------------------------------------------------------


def mark(topic: str, offset: int, id: str, user: str = USER) -> Seen:
    return Seen(topic, PARTITION, offset, user.encode(), None, (("ce_id", id.encode()),))


def test_who_was_erased_is_somebody_else_afterwards() -> None:
    """A mark may come twice; a newcomer's versions begin with 1 again."""
    erased = mark("scores.changed", 5, "scorer/q/1")
    said = lives([*GOOD, erased, erased, published(7, 1, 400)])
    assert [each.person for each in said] == [USER] * 5 + [f"{USER}/1"]
    newcomer = {f"{USER}/1": Result(400, thin=False)}
    assert check_scores(said, newcomer, erased={USER: 1}) == []
    assert check_scores(said, RESULTS, erased={USER: 1}) != []
    assert check_scores([*GOOD, published(7, 1, 400)], RESULTS) != [], "without an erasure it is an old version"


MARKS = [mark(topic, 5, f"{topic}/q/1") for topic in ("records.changed", "scores.changed")]


@pytest.mark.parametrize(
    ("marks", "erased", "wrong"),
    [
        pytest.param(MARKS, {USER: 1}, 0, id="right"),
        pytest.param([*MARKS, mark("records.changed", 9, "roll/1", nobody(PARTITION))], {USER: 1}, 0, id="nobody's"),
        pytest.param(MARKS[:1], {USER: 1}, 1, id="one is missing"),
        pytest.param(MARKS, {}, 2, id="nobody was erased"),
        pytest.param([*MARKS, mark("scores.changed", 9, "scores.changed/r/1")], {USER: 1}, 1, id="one too many"),
    ],
)
def test_an_erasure_goes_through_every_topic(marks: list[Seen], erased: dict[str, int], wrong: int) -> None:
    assert len(check_marks(marks, ("records.changed", "scores.changed"), erased)) == wrong


def to_person(offset: int, id: str, **body: Any) -> Seen:
    return said("subject.answers", offset, id, body)


ANSWERS = [
    to_person(0, "retention/q/1", request_id="q", code="erasing"),
    to_person(1, "retention/q/2", request_id="q", digest="d", what="person"),
    to_person(2, "scorer/w/1", request_id="w", code="consent-withdrawn"),
    to_person(3, "retention/r.erased/3", record_id="r", digest="d", what="record"),
    to_person(4, "retention/r/3", notice="record-lapsed", record_id="r"),
]
ASKED = Expected((), {}, {}, {}, {"q": "erasing", "w": "consent-withdrawn"}, {USER: 1})


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        pytest.param(ANSWERS, None, id="right"),
        pytest.param([*ANSWERS, ANSWERS[1]], None, id="a repetition to the byte"),
        pytest.param([ANSWERS[0], *ANSWERS[2:]], "q: 0 receipts, expected 1", id="no receipt"),
        pytest.param(
            [*ANSWERS, to_person(9, "retention/q/3", request_id="q", digest="d", what="person")],
            "q: 2 receipts, expected 1",
            id="two receipts",
        ),
        pytest.param(ANSWERS[:3], "r: 0 receipts, expected 1", id="no receipt of a record"),
        pytest.param([*ANSWERS[:2], *ANSWERS[3:]], "request w: answered with set()", id="no answer"),
        pytest.param(
            [*ANSWERS, to_person(9, "scorer/w/2", request_id="w", code="too-many")],
            "expected consent",
            id="two answers",
        ),
        pytest.param([*ANSWERS, to_person(9, "scorer/x/1", request_id="x", code="y")], "request x", id="nobody asked"),
    ],
)
def test_each_request_has_its_answer_and_each_erasure_one_receipt(answers: list[Seen], sentence: str | None) -> None:
    found = check_answers(answers, LIFE, ASKED)
    assert (found == []) if sentence is None else any(sentence in each for each in found)
