"""Dead letters without Kafka: which are open, what is refused and why, what a redrive appends, what is shown."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from goodstanding.dead_letters.letters import Letter, State, letters, lies_at
from goodstanding.dead_letters.rules import (
    appended,
    chosen,
    dismissal,
    open_letters,
    overtaken,
    refusal,
    take_version,
    too_old,
)
from goodstanding.dead_letters.shown import content, described, printable
from goodstanding.errors import UserError
from shared.contracts import redriven
from shared.contracts.cloudevents import Headers, binary
from shared.contracts.dead_letters import redriven_headers
from shared.contracts.topics import NORMALIZED, RECORDS_CHANGED, RECORDS_REPORTED, SCORES_CHANGED, raw_topic
from shared.kafka.sendable import is_too_large
from shared.runner.answers import dead_letter
from shared.runner.service import Aside, DeadLetter, Outgoing
from tests.support.ingest.raw_events import PERSON, RawEvent, bank

RAW = raw_topic("ferry")
PLACE = f"{RAW}/3/7"
NOON = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp() * 1000)
SECOND = 1000
DAY = 24 * 3600 * SECOND
KEY = b"of the deployment, and 32 bytes."
KEPT = {
    TopicPartition(RAW, 3): range(5, 9),
    TopicPartition(RECORDS_CHANGED, 0): range(50),
    TopicPartition(SCORES_CHANGED, 0): range(50),
}


def record(
    topic: str = RAW,
    partition: int = 3,
    offset: int = 7,
    key: bytes | None = b"key",
    value: bytes | None = b"value",
    headers: Headers = (),
    at: int = NOON,
) -> ConsumerRecord:
    return ConsumerRecord(topic, partition, offset, at, 1, key, value, None, -1, -1, tuple(headers))


def message(outgoing: Outgoing, at: int = NOON) -> ConsumerRecord:
    return record(outgoing.topic, 0, at, outgoing.key, outgoing.value, outgoing.headers, at)


def set_aside(place: str = PLACE, at: int = NOON, service: str = "ingest", code: Aside = "unknown-partner") -> Any:
    return message(dead_letter(service, DeadLetter(code, "Why."), place), at)


def noted(place: str = PLACE, at: int = NOON + SECOND, service: str = "ingest", number: int = 1) -> ConsumerRecord:
    return message(Outgoing(f"{service}.dead-letter", None, b"", redriven_headers(place, number), 0), at)


def letter(state: State = State.THERE, place: str = PLACE, **fields: Any) -> Letter:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    redriven_at = (at,) if state is State.REDRIVEN else ()
    made = Letter("ingest", at, "unknown-partner", "Why.", place, state, redriven_at)
    return dataclasses.replace(made, **fields)


# -- which are open ----------------------------------------------------------------------------------------------------

CHANGED, SCORE = f"{RECORDS_CHANGED}/0/3", f"{SCORES_CHANGED}/0/3"


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], []),
        ([set_aside()], [(PLACE, "there")]),
        ([set_aside(), set_aside(at=NOON + SECOND)], [(PLACE, "there")]),
        ([set_aside(), noted()], [(PLACE, "redriven")]),
        # Set aside again under the same position: a service that came back from an older state has read it once more.
        ([set_aside(), noted(), set_aside(at=NOON + 2 * SECOND)], [(PLACE, "redriven")]),
        # The broker's clock was put back, or the note was read first.
        ([noted(at=NOON - SECOND), set_aside()], [(PLACE, "redriven")]),
        # The letter is gone after a month, the note of it is not.
        ([noted()], []),
        ([set_aside(), noted(service="scorer")], [(PLACE, "there")]),
        ([set_aside(f"{RAW}/3/8", NOON + SECOND), set_aside()], [(PLACE, "there"), (f"{RAW}/3/8", "there")]),
        ([set_aside(f"{RAW}/3/4")], [(f"{RAW}/3/4", "gone")]),
        # The topic was made again and has not come so far.
        ([set_aside(f"{RAW}/3/9")], [(f"{RAW}/3/9", "gone")]),
        ([set_aside("behavior.raw.deleted/0/7")], [("behavior.raw.deleted/0/7", "gone")]),
        ([set_aside(f"{RAW}/3/4"), noted(f"{RAW}/3/4")], [(f"{RAW}/3/4", "redriven")]),
        ([set_aside(CHANGED, service="scorer")], [(CHANGED, "there")]),
        ([set_aside(SCORE, service="benefits")], [(SCORE, "next-score")]),
        ([set_aside("timer/24312", service="scorer")], [("timer/24312", "no-record")]),
        ([set_aside("timer/", service="scorer")], [("timer/", "no-record")]),
        # What a later release may write beside them.
        ([record("ingest.dead-letter", 0, headers=binary(id="1", source="/x", type="other.v1"))], []),
        ([record("ingest.dead-letter", 0, headers=(("ce_type", None), ("ce_origin", b"\xff")))], []),
    ],
)
def test_which_are_open(messages: Sequence[ConsumerRecord], expected: list[tuple[str, str]]) -> None:
    assert [(each.position, each.state) for each in letters(messages, KEPT)] == expected


def test_a_letter_says_all_that_the_service_said() -> None:
    [found] = letters([set_aside(service="scorer", code="misplaced"), noted(service="scorer")], KEPT)
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    redriven_at = (noon.replace(second=1),)
    assert found == Letter("scorer", noon, "misplaced", "Why.", PLACE, State.REDRIVEN, redriven_at)


@pytest.mark.parametrize("text", ["", "a/0", "a/0/x", "a/-1/0", "a/0/1/2", "a b/0/1", "timer/24312", "a/0/1\n"])
def test_what_is_no_position(text: str) -> None:
    assert lies_at(text) is None


# -- which are redriven ------------------------------------------------------------------------------------------------

GONE_PLACE = f"{RAW}/3/4"


@pytest.mark.parametrize(
    ("given", "again", "sentence"),
    [
        (letter(), False, None),
        (letter(), True, None),
        (letter(State.GONE, GONE_PLACE), False, "Kafka has deleted the record"),
        (letter(State.GONE, GONE_PLACE), True, "Kafka has deleted the record"),
        (letter(State.REDRIVEN), False, "redriven at 2026-01-05T12:00:00Z. If"),
        (letter(State.REDRIVEN), True, None),
        (letter(State.REDRIVEN, GONE_PLACE), True, "Kafka has deleted the record"),
        (letter(State.NEXT_SCORE, SCORE), False, "The person's next score makes up for it."),
        (letter(State.NEXT_SCORE, SCORE), True, "The person's next score makes up for it."),
        (letter(State.NO_RECORD, "timer/1"), True, "there is no record to append. Report it"),
    ],
)
def test_which_are_redriven(given: Letter, again: bool, sentence: str | None) -> None:
    reason = refusal(given, KEPT, again=again)
    assert (reason is None) if sentence is None else (reason is not None and sentence in reason)


@pytest.mark.parametrize("state", State)
def test_every_state_says_what_to_do(state: State) -> None:
    assert letter(state).advice
    assert "{" not in letter(state).advice


ALL = [
    letter(),
    letter(place="a/0/1", code="undecidable"),
    letter(place="b/0/1", service="scorer"),
    letter(State.GONE, GONE_PLACE),
    letter(State.REDRIVEN, "c/0/1"),
    letter(State.NEXT_SCORE, SCORE),
    letter(State.NO_RECORD, "timer/1"),
]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({}, [PLACE, "a/0/1", "b/0/1"]),
        ({"code": "unknown-partner"}, [PLACE, "b/0/1"]),
        ({"code": "unknown-partner", "service": "scorer"}, ["b/0/1"]),
        ({"service": "benefits"}, []),
        ({"again": True}, [PLACE, "a/0/1", "b/0/1", "c/0/1"]),
        # Who names them is told why not.
        ({"positions": [GONE_PLACE, "c/0/1", SCORE, "timer/1"]}, [GONE_PLACE, "c/0/1", SCORE, "timer/1"]),
        ({"positions": ["a/0/1", PLACE, "a/0/1"]}, ["a/0/1", PLACE]),
    ],
)
def test_choosing(wanted: dict[str, Any], places: list[str]) -> None:
    assert [each.position for each in chosen(ALL, **wanted)] == places


@pytest.mark.parametrize(
    ("notes", "state"),
    [
        (["dismissed"], State.DISMISSED),
        (["dismissed", "redriven"], State.REDRIVEN),
        (["redriven", "dismissed"], State.DISMISSED),
        (["dismissed", "redriven", "dismissed"], State.DISMISSED),
    ],
)
def test_the_last_note_says_what_was_done_about_a_letter(notes: list[str], state: State) -> None:
    written = {"dismissed": message(dismissal(letter(service="ingest"))), "redriven": noted()}
    (found,) = letters([set_aside(), *(written[note] for note in notes)], KEPT)
    assert found.state is state
    assert chosen([found]) == [], "a redrive of all leaves it out"
    assert open_letters([found]) == []
    assert chosen([found], positions=[PLACE]) == [found]


@pytest.mark.parametrize("wanted", [{"positions": ["a/0/2"]}, {"positions": ["a/0/1"], "service": "scorer"}])
def test_only_what_was_set_aside_can_be_chosen(wanted: dict[str, Any]) -> None:
    """Or else the command would append whatever somebody mistypes."""
    with pytest.raises(UserError, match=r"goodstanding dead-letters ls"):
        chosen(ALL, **wanted)


@pytest.mark.parametrize("choose", [chosen, open_letters])
@pytest.mark.parametrize("wanted", [{"code": "unknwn"}, {"code": "unknown-partner", "service": "benefits"}])
def test_a_code_that_no_letter_has_is_told_of(choose: Callable[..., Any], wanted: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"No dead letter.* has the code {wanted['code']}"):
        choose(ALL, **wanted)


def change(version: int, name: str = "ab", topic: str = RECORDS_CHANGED) -> ConsumerRecord:
    return record(topic, 0, headers=(("ce_id", f"retention/{name}/{version}".encode()),))


@pytest.mark.parametrize(
    ("given", "behind", "sentence"),
    [
        (change(1), [change(1)], None),
        (change(2), [change(1), change(2), change(9, "other")], None),
        (change(1), [change(1), change(2)], "A newer change of the same record"),
        (change(1), [change(3), change(2)], "A newer change of the same record"),
        # It was redriven before, or retention was killed and has sent it twice.
        (change(2), [change(2), change(2)], None),
        (record(RECORDS_CHANGED, 0), [], "Its id does not say"),
        (record(RECORDS_CHANGED, 0, headers=(("ce_id", b"scorer/ab/1"),)), [], "Its id does not say"),
        # A newer one whose id cannot be read was itself set aside.
        (change(1), [record(RECORDS_CHANGED, 0), change(1)], None),
        # Events and reports say the same in any order.
        (change(1, topic=NORMALIZED), [change(2)], None),
        (record(), [], None),
    ],
)
def test_a_change_of_a_record_goes_only_before_none_that_is_newer(
    given: ConsumerRecord, behind: Sequence[ConsumerRecord], sentence: str | None
) -> None:
    versions: dict[str, int] = {}
    for each in behind:
        take_version(versions, each)
    reason = overtaken(given, versions)
    assert (reason is None) if sentence is None else (reason is not None and sentence in reason)


# -- what a redrive appends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"key", b"value", (("content-type", b"application/json"), ("ce_id", b"1"))),
        (None, None, ()),
        (b"", b"", (("twice", b"\xff"), ("twice", None))),
    ],
)
def test_the_same_bytes_to_the_same_place(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    given = record(key=key, value=value, headers=headers)
    again, note = appended(letter(), given, KEY)
    assert again == Outgoing(RAW, key, value, again.headers, 3)
    assert tuple(redriven.undated(again.headers)) == headers
    assert redriven.arrived_ms(KEY, RAW, key, value, again.headers) == NOON
    between = record(NORMALIZED, key=key, value=value, headers=headers)
    assert appended(letter(), between, KEY)[0].headers == headers, "which has the time of its event in it"
    assert (note.topic, note.key, note.value, note.partition) == ("ingest.dead-letter", None, b"", 0)
    told = dict(note.headers)
    assert told["ce_type"] == b"goodstanding.record.redriven.v1"
    assert told["ce_origin"] == PLACE.encode()
    assert told["ce_id"] == f"operator/{PLACE}/1".encode()


def test_a_second_redrive_is_a_message_of_its_own() -> None:
    _, first = appended(letter(), record(), KEY)
    _, second = appended(letter(State.REDRIVEN), record(), KEY)
    assert dict(first.headers)["ce_id"] != dict(second.headers)["ce_id"]


def test_a_record_that_is_redriven_again_keeps_its_first_time() -> None:
    once, _ = appended(letter(), record(), KEY)
    later = record(headers=once.headers, at=NOON + SECOND)
    twice, _ = appended(letter(), later, KEY)
    assert twice == once
    forged = record(headers=((redriven.HEADER, b"1." + b"0" * 64),), at=NOON + SECOND)
    again, _ = appended(letter(), forged, KEY)
    assert redriven.arrived_ms(KEY, RAW, b"key", b"value", again.headers) == NOON + SECOND


def test_what_the_topic_takes_by_a_few_bytes_only_is_appended_as_it_is() -> None:
    small, large = (appended(letter(), record(value=bytes(size)), KEY)[0] for size in (1_110_000, 1_113_950))
    assert [each.headers != () for each in (small, large)] == [True, False]
    assert not is_too_large(large)


def test_of_a_topic_with_its_senders_times_nobody_knows_what_had_arrived_when() -> None:
    senders = dataclasses.replace(record(headers=(("a", b"b"),)), timestamp_type=0)
    assert appended(letter(), senders, KEY)[0].headers == (("a", b"b"),)
    assert too_old(senders, KEY, NOON + 9 * DAY) is None


def test_what_arrived_so_long_ago_that_an_erasure_may_be_forgotten_is_left() -> None:
    once, _ = appended(letter(), record(), KEY)
    later = record(headers=once.headers, at=NOON + 7 * DAY)
    for given in (record(), later):
        assert too_old(given, KEY, NOON + 8 * DAY) is None
        assert "more than 8 days ago" in (too_old(given, KEY, NOON + 8 * DAY + 1) or "")
    assert too_old(record(NORMALIZED), KEY, NOON + 9 * DAY) is None


def test_its_own_note_closes_a_letter() -> None:
    _, note = appended(letter(), record(), KEY)
    assert [each.state for each in letters([set_aside(), message(note)], KEPT)] == ["redriven"]


# -- what is shown -----------------------------------------------------------------------------------------------------

EVERYWHERE = RawEvent(
    "bank",
    PERSON.encode(),
    (
        *((f"ce_{name}", PERSON.encode()) for name in ("id", "source", "type", "time", "subject", "origin", PERSON)),
        ("content-type", PERSON.encode()),
        (PERSON, b"1"),
    ),
    PERSON.encode(),
)


@pytest.mark.parametrize("event", [EVERYWHERE, bank()])
def test_of_a_raw_record_nothing_is_shown_that_the_partner_wrote(event: RawEvent) -> None:
    raw = record(key=event.key, value=event.value, headers=event.headers)
    shown = described(raw)
    assert PERSON not in json.dumps(shown)
    assert shown["attributes"] == {}
    assert shown["value_bytes"] == len(event.value or b"")
    assert len(shown["headers"]) + shown["other_headers"] == len(event.headers)
    assert PERSON in json.dumps(content(raw))


@pytest.mark.parametrize(
    ("topic", "attributes"),
    [
        (NORMALIZED, {"id", "source", "type", "time", "origin"}),
        (RECORDS_REPORTED, {"id", "source", "type", "time", "origin"}),
        (RECORDS_CHANGED, {"source", "type", "time"}),
        (SCORES_CHANGED, {"source", "type", "time"}),
    ],
)
def test_of_a_record_of_ours_what_stands_for_nobody(topic: str, attributes: set[str]) -> None:
    names = ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "origin", "other")
    shown = described(record(topic, headers=tuple((f"ce_{name}", b"\x1b[2Jx") for name in names)))
    assert shown["attributes"] == dict.fromkeys(attributes, "\\x1b[2Jx")
    assert (shown["headers"], shown["other_headers"]) == ([f"ce_{name}" for name in names[:-1]], 1)
    assert "user" not in json.dumps(described(record(topic, key=b"user", value=b"user")))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, None),
        (b"", ""),
        ("号".encode(), "号"),
        (b"a\n\x1b[31m\x00\xff", r"a\n\x1b[31m\x00\xff"),
        ("\u202e\x9b", r"\u202e\x9b"),
    ],
)
def test_nothing_that_is_shown_moves_the_cursor(given: bytes | str | None, shown: str | None) -> None:
    assert printable(given) == shown
