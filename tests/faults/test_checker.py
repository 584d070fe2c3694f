"""Each invariant is found broken when it is broken, and by its own sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.partition import partition_of
from tests.faults.checker import Seen, check_normalized, check_refusals, check_scores, places_of
from tests.faults.events import message_of
from tests.oracle import Event, Expected, Result

USER = "ab" * 32
PARTITION = partition_of(USER)
BILL = Event(person=USER, partner="north", id="1", time=datetime(2026, 3, 1, tzinfo=UTC), kind="gas.bill")


def published(offset: int, version: int, score: int = 500, **changes: Any) -> Seen:
    body = json.dumps({"version": version, "score": score, "thin": False, "restrictions": []}).encode()
    headers = (("ce_id", f"scorer/{USER}/{version}".encode()),)
    return replace(Seen("scores.changed", PARTITION, offset, USER.encode(), body, headers), **changes)


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
    ],
)
def test_broken_scores_are_found(scores: list[Seen], sentence: str) -> None:
    assert any(sentence in violation for violation in check_scores(scores, RESULTS))


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
