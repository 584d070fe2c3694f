"""benefits as the runner sees it: which records become scores, and what a change is to the byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from services.benefits.core.messages import News
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Held
from services.benefits.core.table import TierTable
from services.benefits.service import decide, decode, service
from shared.contracts.cloudevents import CloudEvent, binary, parse
from shared.contracts.erasure import ON_THE_WAY_MAX, Erased, mark, naming, nobody
from shared.contracts.messages import ScoreChange, TierChange, encode, read
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureConfirmed
from shared.contracts.topics import SCORES_CHANGED, SUBJECT_ANSWERS, TIERS_CHANGED
from shared.policy_file import load_policy
from shared.runner.service import Announcement, DeadLetter, Outcome
from shared.settings import ROOT

USER = "5a" * 32
NOW = datetime(2026, 2, 5, 16, tzinfo=UTC)
TABLE = load_policy(ROOT / "policies" / "benefits.toml", TierTable)
POLICY = Policy(tables=(TABLE,), zone=UTC)
SCORE = ScoreChange(
    version=3,
    score=612,
    thin=False,
    cadence="monthly",
    as_of=NOW,
    policy="start@0123456789ab",
    restrictions=(),
    key_factors=("active-months",),
    publication=24313,
)
HEADERS = binary(
    id=f"scorer/{USER}/3", source="/scorer", type="goodstanding.score.changed.v1", time=NOW, partitionkey=USER
)


def record(**changes: Any) -> Any:
    fields: dict[str, Any] = {
        "topic": "scores.changed",
        "partition": partition_of(USER),
        "offset": 0,
        "timestamp": 0,
        "timestamp_type": 1,
        "key": USER.encode(),
        "value": encode(SCORE),
        "checksum": None,
        "serialized_key_size": 64,
        "serialized_value_size": 0,
        "headers": HEADERS,
    }
    return ConsumerRecord(**{**fields, **changes})


def without(name: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(header for header in HEADERS if header[0] != name)


def test_a_score_is_read() -> None:
    assert decode(record(), NOW) == News(USER, SCORE)


def test_a_field_of_a_later_release_is_passed_over() -> None:
    assert decode(record(value=encode(SCORE)[:-1] + b',"later":1}'), NOW) == News(USER, SCORE)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"key": None}, "envelope-key", id="no key"),
        pytest.param({"key": b"_roll", "value": b""}, "envelope-key", id="key is no user_id"),
        pytest.param({"key": USER.upper().encode()}, "envelope-key", id="key in capitals"),
        pytest.param({"key": b"\xff" * 64}, "envelope-key", id="key not UTF-8"),
        pytest.param({"key": b"5b" * 32}, "envelope-key", id="another person's key"),
        pytest.param({"headers": ()}, "envelope-version", id="no envelope"),
        pytest.param({"headers": without("ce_time")}, "envelope-attribute", id="no time"),
        pytest.param({"headers": [*HEADERS, ("ce_x", None)]}, "envelope-header", id="null header"),
        pytest.param(
            {"headers": [*without("ce_type"), ("ce_type", b"goodstanding.tier.changed.v1")]},
            "envelope-type",
            id="another type",
        ),
        pytest.param({"value": None}, "value-missing", id="null value"),
        pytest.param({"value": b""}, "json-syntax", id="empty value"),
        pytest.param({"value": b"{}"}, "missing-field", id="no score"),
        pytest.param({"value": encode(SCORE).replace(b"612", b"951")}, "out-of-bounds", id="score above the scale"),
        pytest.param({"value": encode(SCORE).replace(b"612", b'"612"')}, "wrong-type", id="score as a text"),
    ],
)
def test_set_aside(changes: dict[str, Any], code: str) -> None:
    letter = decode(record(**changes), NOW)
    assert isinstance(letter, DeadLetter)
    assert letter.code == code
    assert USER not in letter.sentence


def test_a_change_to_the_byte() -> None:
    decision = decide(None, [News(USER, SCORE)], NOW, POLICY)
    (message,) = decision.outgoing
    assert isinstance(message, Announcement)
    assert (message.topic, message.key) == ("tiers.changed", USER.encode())
    assert message.headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"benefits/{USER}/1".encode()),
        ("ce_source", b"/benefits"),
        ("ce_type", b"goodstanding.tier.changed.v1"),
        ("ce_time", b"2026-02-05T16:00:00Z"),
        ("ce_partitionkey", USER.encode()),
        ("content-type", b"application/json"),
    )
    benefits = b'["city-bike-no-deposit","hotel-credit-stay","rental-lower-deposit","consumer-credit-line"]'
    assert message.value == (
        b'{"version":1,"tier":"fair","granted":%b,"revoked":[],"in_force":%b,"restrictions":[],'
        b'"score_version":3,"as_of":"2026-02-05T16:00:00Z","policy":"%b"}' % (benefits, benefits, TABLE.id.encode())
    )
    assert isinstance(parse(message.key, message.value, message.headers), CloudEvent)


def test_outcomes_are_counted() -> None:
    scores = [SCORE, SCORE, replace(SCORE, version=4), replace(SCORE, version=5, score=350)]
    outcomes = decide(None, [News(USER, score) for score in scores], NOW, POLICY).outcomes
    assert sorted(outcome.result for outcome in outcomes) == ["changed", "changed", "duplicate", "unchanged"]
    assert all(outcome == Outcome(outcome.result) for outcome in outcomes)


def test_the_service_reads_scores_only() -> None:
    assert [source.topic for source in service(POLICY).inputs] == ["scores.changed"]


# -- erasure -----------------------------------------------------------------------------------------------------------

ERASED = Erased(USER, "r1", NOW)


def test_a_mark_erases_and_goes_on_and_is_confirmed() -> None:
    about = mark("scorer", SCORES_CHANGED, ERASED)
    assert decode(about, NOW) == ERASED
    standing = decide(None, [News(USER, SCORE)], NOW, POLICY).state
    decision = decide(standing, [ERASED], NOW, POLICY)
    assert (decision.state, decision.writes) == (Held(None, ERASED), (ERASED,))
    tombstone, confirmed = decision.outgoing
    assert tombstone == mark("benefits", TIERS_CHANGED, ERASED)
    assert read(ErasureConfirmed, confirmed.value or b"") == ErasureConfirmed(request_id="r1", service="benefits")
    assert confirmed.key == USER.encode()


def test_the_first_score_after_a_mark_is_a_newcomers() -> None:
    standing = decide(None, [News(USER, replace(SCORE, version=7))], NOW, POLICY).state
    decision = decide(standing, [ERASED, News(USER, replace(SCORE, version=1), ERASED)], NOW, POLICY)
    assert decision.state is not None
    assert decision.state.standing is not None
    assert decision.state.standing.score_version == 1
    change = read(TierChange, decision.outgoing[-1].value or b"")
    assert isinstance(change, TierChange)
    assert change.version == 1


def test_a_mark_about_nobody_is_passed_on_and_confirmed_like_any_other() -> None:
    """So that ingest learns of it."""
    roll = Erased(nobody(1), "roll-1", NOW)
    sent, confirmed = decide(None, [roll], NOW, POLICY).outgoing
    assert sent == mark("benefits", TIERS_CHANGED, roll)
    assert (confirmed.topic, confirmed.key) == (SUBJECT_ANSWERS, nobody(1).encode())


LATER = Erased(USER, "r2", NOW + timedelta(days=1))
EARLIER = Erased(USER, "r0", NOW - timedelta(days=1))
CAME_BACK = News(USER, replace(SCORE, version=1), ERASED)


def test_a_mark_that_comes_again_takes_nothing_from_who_has_come_back() -> None:
    """(rules I12) Kafka was restored from an older copy, or the scorer's database, so that it sends the mark again."""
    newcomer = decide(Held(None, ERASED), [CAME_BACK], NOW, POLICY).state
    for again in (ERASED, EARLIER):
        decision = decide(newcomer, [again], NOW, POLICY)
        assert (decision.state, decision.outgoing, decision.writes) == (newcomer, (), ())
    # Nor is it told once more of whom nothing is known; but another erasure is one.
    assert decide(Held(None, ERASED), [ERASED], NOW, POLICY).outgoing == ()
    assert decide(newcomer, [LATER], NOW, POLICY).state == Held(None, LATER)


def test_scores_of_the_life_before_are_dropped_whenever_they_are_read() -> None:
    """(rules I12)"""
    old = News(USER, replace(SCORE, version=9))
    newcomer = decide(Held(None, ERASED), [CAME_BACK], NOW, POLICY).state
    for held in (Held(None, ERASED), newcomer):
        decision = decide(held, [old], NOW, POLICY)
        assert (decision.state, decision.outgoing, decision.outcomes) == (held, (), (Outcome("dropped"),))
    # What stands before the mark is not told any more either.
    decision = decide(None, [old, ERASED], NOW, POLICY)
    assert [each.value for each in decision.outgoing if each.topic == TIERS_CHANGED] == [None]


def test_a_newcomer_is_known_although_compaction_has_removed_the_mark() -> None:
    """benefits was away for more than a day: version 1 follows version 7, with no mark in between (rules I12)."""
    known = decide(None, [News(USER, replace(SCORE, version=7))], NOW, POLICY).state
    decision = decide(known, [CAME_BACK], NOW, POLICY)
    assert decision.writes == (ERASED,)
    tombstone, confirmed, tier = decision.outgoing
    assert tombstone == mark("benefits", TIERS_CHANGED, ERASED)
    assert read(ErasureConfirmed, confirmed.value or b"") == ErasureConfirmed(request_id="r1", service="benefits")
    assert tier == decide(Held(None, ERASED), [CAME_BACK], NOW, POLICY).outgoing[0]
    assert set(naming(ERASED)) < set(tier.headers)
    # Also where the mark comes after all.
    both = decide(known, [CAME_BACK, ERASED], NOW, POLICY)
    assert (both.state, both.outgoing) == (decision.state, decision.outgoing)


def test_an_erasure_is_named_for_longer_than_it_is_looked_for() -> None:
    """Nothing older can be on its way, and whoever sends may have forgotten it already."""
    newcomer = decide(Held(None, ERASED), [CAME_BACK], NOW, POLICY).state
    unnamed = News(USER, replace(SCORE, version=2))
    just_before = NOW + ON_THE_WAY_MAX - timedelta(seconds=1)
    assert decide(newcomer, [unnamed], just_before, POLICY).outcomes == (Outcome("dropped"),)
    assert decide(newcomer, [unnamed], NOW + ON_THE_WAY_MAX, POLICY).outcomes == (Outcome("unchanged"),)
    late = News(USER, replace(SCORE, version=2), ERASED)
    assert decide(Held(), [late], NOW + ON_THE_WAY_MAX, POLICY).writes == (), "who has forgotten it erases nobody"
