"""A step as a value: what a batch leads to, without a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord

from shared.contracts.faults import Code
from shared.contracts.partition import partition_of
from shared.kafka.unreadable import Fetched, Unreadable
from shared.runner import step
from shared.runner.service import Announcement, DeadLetter, Decision, DuePage, Outcome, Record, Stateful

NOW = datetime(2026, 3, 6, tzinfo=UTC)
KEYS = [f"key-{number}" for number in range(200) if partition_of(f"key-{number}") == 2]
A, B, C = KEYS[:3]


class Word(msgspec.Struct, frozen=True):
    key: str
    text: str


def decode(record: Record, arrived: datetime) -> Word | DeadLetter | None:
    text = (record.value or b"").decode()
    if text == "for others":
        return None
    if text == "undecodable":
        raise ValueError(text)
    if not text:
        return DeadLetter(Code.VALUE_MISSING, "There is nothing in it.")
    return Word((record.key or b"").decode(), text)


def decide(state: str | None, messages: Sequence[Word], now: datetime) -> Decision[str, str]:
    if any(message.text == "undecidable" for message in messages):
        raise ArithmeticError
    texts = "".join(message.text for message in messages)
    if texts == "forget":
        return Decision(None, writes=(texts,))
    told = (Announcement("told", b"k", texts.encode(), ()),)
    return Decision((state or "") + texts, told, (Outcome("accepted"),) * len(messages), (texts,))


async def nothing(*_: Any) -> Any:
    raise AssertionError("a step as a value asks no database")


MODE: Stateful[Word, str, str] = Stateful(decode, lambda word: word.key, decide, nothing, nothing)


def record(offset: int, key: str, text: str) -> Record:
    return ConsumerRecord("in", 2, offset, 0, 1, key.encode(), text.encode(), None, 0, 0, ())


def stepped(
    records: Sequence[Fetched], states: dict[str, str] | None = None, folded: int = 0
) -> step.Stepped[str, str]:
    batch = asyncio.run(step.read(MODE, 2, records, {"in": folded}, lambda _: NOW))
    return asyncio.run(step.fold(MODE, "svc", 2, batch, states or {}, NOW))


def letters(found: step.Stepped[str, str]) -> list[tuple[str, str]]:
    return [
        (dict(m.headers)["ce_origin"].decode(), dict(m.headers)["ce_code"].decode())
        for m in found.outgoing
        if m.topic == "svc.dead-letter"
    ]


def test_states_writes_and_messages_of_a_batch() -> None:
    found = stepped([record(0, A, "x"), record(1, B, "y"), record(2, A, "z")], {A: "old "})
    assert found.states == {A: "old xz", B: "y"}
    assert found.writes == [text for _, text in sorted([(A, "xz"), (B, "y")])]
    assert all((m.topic, m.partition) == ("told", 2) for m in found.outgoing)
    assert found.outcomes == [Outcome("accepted")] * 3
    assert not found.stumbled


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (record(1, A, "undecodable"), "undecodable"),
        (record(1, A, "undecidable"), "undecidable"),
        (record(1, A, ""), "value-missing"),
        (record(1, next(f"k{n}" for n in range(99) if partition_of(f"k{n}") != 2), "x"), "misplaced"),
        (Unreadable("in", 2, 1, 2, 0, "unreadable", "It is damaged."), "unreadable"),
    ],
)
def test_what_cannot_be_handled_is_set_aside_alone(bad: Fetched, code: str) -> None:
    found = stepped([record(0, A, "x"), bad, record(2, A, "z"), record(3, B, "y")])
    assert found.states == {A: "xz", B: "y"}
    assert letters(found) == [("in/2/1", code)]
    assert found.outcomes.count(Outcome("dead-letter", code=code)) == 1


def test_what_was_folded_before_is_passed_over() -> None:
    batch = Unreadable("in", 2, 0, 3, 0, "unreadable", "It is damaged.")
    found = stepped([batch, record(3, A, "x"), record(4, A, "y")], folded=4)
    assert found.states == {A: "y"}
    assert letters(found) == []


def test_what_is_meant_for_other_readers_leads_to_nothing() -> None:
    found = stepped([record(0, A, "for others"), record(1, B, "x"), record(2, B, "for others")])
    assert (found.states, found.outcomes, letters(found)) == ({B: "x"}, [Outcome("accepted")], [])


def test_of_whom_nothing_is_left_the_next_message_finds_nothing() -> None:
    many = [record(n, A, "x") for n in range(step._MESSAGES_AT_ONCE_MAX)]
    found = stepped([*many, record(1_000, A, "forget")], {A: "old "})
    assert (found.states, found.writes[-1]) == ({A: None}, "forget")
    again = stepped([record(0, A, "forget"), *(record(n, A, "y") for n in range(1, 129))], {A: "old "})
    assert again.states[A] == "old forget" + "y" * 128


def test_what_a_decision_writes_is_kept_of_each_one_although_only_the_last_state_is() -> None:
    found = stepped([record(n, A, text) for n, text in enumerate(["x", "undecidable", "y"])])
    assert found.states == {A: "xy"}
    assert found.writes == ["x", "y"]
    assert found.stumbled == {A}


def test_one_keys_messages_come_to_the_rules_in_bounded_numbers() -> None:
    found = stepped([record(n, A, "x") for n in range(1_000)])
    assert found.states == {A: "x" * 1_000}
    assert max(map(len, found.writes)) == step._MESSAGES_AT_ONCE_MAX


def test_a_page_of_timers_names_its_run_and_nobody() -> None:
    page: DuePage[Word, str] = DuePage([Word(A, "x"), Word(B, "y")], "cursor", None, "2026-03")
    batch = step.page_aside(page, DeadLetter("unsavable", "Why."))
    found = asyncio.run(step.fold(MODE, "svc", 2, batch, {}, NOW))
    assert letters(found) == [("timer/2026-03", "unsavable")] * 2
    assert step.of_page(MODE, page).by_person == {
        A: [("timer/2026-03", Word(A, "x"))],
        B: [("timer/2026-03", Word(B, "y"))],
    }


def turns_of_others(work: Callable[[], Awaitable[object]]) -> int:
    """How often another task has its turn while this is done."""

    async def both() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)  # a turn of the loop

        task = asyncio.create_task(other())
        await work()
        task.cancel()
        return turns

    return asyncio.run(both())


def test_others_have_their_turn_while_the_rules_run() -> None:
    records = [record(n, key, "x") for n, key in enumerate(KEYS)]
    batch = asyncio.run(step.read(MODE, 2, records, {}, lambda _: NOW))
    slow = Stateful(decode, lambda word: word.key, slowly, nothing, nothing)
    assert turns_of_others(lambda: step.fold(slow, "svc", 2, batch, {}, NOW)) >= len(KEYS) - 1


def test_others_have_their_turn_while_records_are_decoded() -> None:
    records = [record(n, key, "x") for n, key in enumerate(KEYS)]
    slow = Stateful(decoded_slowly, lambda word: word.key, decide, nothing, nothing)
    assert turns_of_others(lambda: step.read(slow, 2, records, {}, lambda _: NOW)) >= len(KEYS) - 1


def decoded_slowly(record: Record, arrived: datetime) -> Word | DeadLetter | None:
    time.sleep(0.006)  # how long it takes is what is tried
    return decode(record, arrived)


def slowly(state: str | None, messages: Sequence[Word], now: datetime) -> Decision[str, str]:
    time.sleep(0.006)  # how long it takes is what is tried
    return decide(state, messages, now)


def test_a_machine_without_memory_says_nothing_about_a_record() -> None:
    def out_of_memory(*_: object) -> Any:
        raise MemoryError

    with pytest.raises(MemoryError):
        asyncio.run(step.read(replace(MODE, decode=out_of_memory), 2, [record(0, A, "x")], {"in": 0}, lambda _: NOW))
    batch = asyncio.run(step.read(MODE, 2, [record(0, A, "x")], {"in": 0}, lambda _: NOW))
    with pytest.raises(MemoryError):
        asyncio.run(step.fold(replace(MODE, decide=out_of_memory), "svc", 2, batch, {}, NOW))
