"""Whose fault a refused message is, and what becomes of it, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any, cast

import msgspec
import pytest
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from shared.contracts.topics import NORMALIZED, dead_letter_topic, rejected_topic
from shared.kafka import sender
from shared.kafka.sendable import Topics
from shared.runner import delivery as module
from shared.runner.answers import DeadLetter, Outgoing, dead_letter
from shared.runner.delivery import Delivery, Outbox

PARTNERS = rejected_topic("bank")
OTHERS = "a.topic.that.is.not.of.the.platform"
_INVALID_RECORD = 87


def delivery(topic: str, count: int = 1) -> Delivery:
    messages = [Outgoing(topic, None, b"value", (), 0)] * count
    return Delivery("ingest", "behavior.raw.bank/0/7", messages, Topics())


def sent_topics(messages: Sequence[Outgoing]) -> set[str]:
    return {message.topic for message in messages}


@pytest.mark.parametrize(
    ("error", "set_aside_on"),
    [
        # Not on the platform's own topics: it is within their limit, so the topic is wrong and everything waits.
        (MessageSizeTooLargeError(), {PARTNERS, OTHERS}),
        (RecordListTooLargeError(), {PARTNERS, OTHERS}),
        (InvalidTopicError(), {PARTNERS, NORMALIZED, OTHERS}),
        (for_code(_INVALID_RECORD)(), {PARTNERS, NORMALIZED, OTHERS}),
        (TopicAuthorizationFailedError(), set()),
        (UnknownTopicOrPartitionError(), set()),
        (NotLeaderForPartitionError(), set()),
        (KafkaTimeoutError(), set()),
    ],
)
@pytest.mark.parametrize("topic", [PARTNERS, NORMALIZED, OTHERS])
def test_what_a_broker_refuses_for_good_is_set_aside_when_it_is_alone(
    error: KafkaError, set_aside_on: set[str], topic: str
) -> None:
    given = delivery(topic)
    given._refused([0], error)
    assert sent_topics(given.messages) == {dead_letter_topic("ingest") if topic in set_aside_on else topic}
    assert not given.acknowledged(0)


def test_a_dead_letter_that_is_refused_keeps_its_reason() -> None:
    letter = dead_letter("ingest", DeadLetter("undecidable", "The rules failed."), "behavior.raw.bank/0/7")
    given = Delivery("ingest", "behavior.raw.bank/0/7", [letter], Topics())
    given._refused([0], for_code(_INVALID_RECORD)())
    assert (given.messages, given.outcomes, given.acknowledged(0)) == ([letter], [], False)


def test_of_a_refused_batch_each_message_is_tried_alone_first() -> None:
    given = delivery(NORMALIZED, 3)
    given._refused([0, 1, 2], MessageSizeTooLargeError())
    assert sent_topics(given.messages) == {NORMALIZED}
    assert given._alone == {0, 1, 2}


@pytest.mark.parametrize(("topic", "impossible"), [(PARTNERS, True), (NORMALIZED, False)])
async def test_a_right_that_is_missing_is_the_message_s_for_a_partner_s_topic_only(
    topic: str, impossible: bool
) -> None:
    given = delivery(topic)
    given._refused([0], TopicAuthorizationFailedError())
    # Nobody is asked: what the broker has said is remembered for a while.
    nobody = cast(Any, None)
    assert (await given._topics.fault(nobody, topic) is not None) is impossible


async def test_a_number_that_a_restored_database_gives_out_again_stands_for_other_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was not sent before the copy was put back was decided in a history that no longer is."""
    sent: list[Sequence[Outgoing]] = []

    async def commit(given: Delivery, producer: Any) -> None:
        sent.append(given.messages)
        if len(sent) < 3:
            raise KafkaError

    monkeypatch.setattr(Delivery, "commit", commit)
    outbox, nobody = Outbox("scorer", 0), cast(Any, None)
    before, after = ([Outgoing(NORMALIZED, None, value, (), 0)] for value in (b"before", b"after"))
    for messages in (before, before):
        with pytest.raises(KafkaError):
            await outbox.send(nobody, 7, messages)
    delivery = await outbox.send(nobody, 7, after)
    assert sent == [before, before, after]
    assert delivery.messages == after


async def test_what_was_not_sent_is_forgotten_when_something_newer_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row was taken out of the outbox, because all is said again."""
    outbox, nobody = Outbox("scorer", 0), cast(Any, None)
    decided = [Outgoing(NORMALIZED, None, b"value", (), 0)]

    async def commit(_: Delivery, __: Any) -> None:
        if outbox._unsent and outbox._unsent[0] == 7:
            raise KafkaError

    monkeypatch.setattr(Delivery, "commit", commit)
    with pytest.raises(KafkaError):
        await outbox.send(nobody, 7, decided)
    await outbox.send(nobody, 8, decided)
    assert outbox._unsent is None


async def test_what_was_learned_of_a_message_outlives_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then its messages are read from the database, equal and not the same."""
    given: list[Delivery] = []

    async def commit(each: Delivery, producer: Any) -> None:
        given.append(each)
        if len(given) < 2:
            raise KafkaError

    monkeypatch.setattr(Delivery, "commit", commit)
    outbox, nobody = Outbox("scorer", 0), cast(Any, None)
    decided = [Outgoing(NORMALIZED, b"key", b"value", (("ce_id", b"1"),), 0)]
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(decided), type=list[Outgoing])
    with pytest.raises(KafkaError):
        await outbox.send(nobody, 7, decided)
    await outbox.send(nobody, 7, stored)
    assert given[0] is given[1]


async def test_an_answer_that_was_given_up_is_no_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(_producer: object, _messages: object, flights: list[sender.Flight], _alone: object) -> None:
        answer = asyncio.get_running_loop().create_future()
        answer.cancel()
        flights.append((answer, [0]))

    monkeypatch.setattr(sender, "put", put)
    given = delivery(NORMALIZED)
    with pytest.raises(KafkaConnectionError):
        await given._send(cast("Any", None), dict(enumerate(given.messages)))
    assert not given.acknowledged(0)


@pytest.mark.parametrize(
    ("message_takes_s", "tried"),
    [
        ([4] * 6, [8, 4, 2, 2, 2, 2]),
        ([4, 4, 1, 1, 1], [8, 4, 2, 4, 2]),
        ([1], [8]),
        ([20, 20, 20, 20, 1, 1, 1, 1], [8, 4, 2, 1, 1, 2, 4, 1]),
    ],
    ids=["a slow network", "one that has been slow", "a quick one", "one that was away"],
)
async def test_what_does_not_get_through_in_one_transaction_is_sent_in_smaller_ones(
    monkeypatch: pytest.MonkeyPatch, message_takes_s: Sequence[float], tried: Sequence[int]
) -> None:
    """In order, and what was committed is not sent again; what gets through quickly lets the next ones grow."""
    now_s, takes_s, sizes, committed = 0.0, iter(message_takes_s), list[int](), list[int]()

    async def send(given: Delivery, _: Any, part: Mapping[int, Outgoing]) -> None:
        nonlocal now_s
        took_s = next(takes_s) * len(part)
        now_s += took_s
        sizes.append(len(part))
        for number in part:
            given._waiting.pop(number)
        given.ends[NORMALIZED, 0] = 99
        if took_s > 15:
            raise KafkaTimeoutError
        given.ends[NORMALIZED, 0] = len(committed) + len(part)
        committed.extend(part)

    _without_broker(monkeypatch, send)
    monkeypatch.setattr(module, "monotonic", lambda: now_s)
    given = delivery(NORMALIZED, 8)
    while len(committed) < 8:
        with suppress(KafkaTimeoutError):
            await given.commit(cast(Any, None))
    assert sizes == tried
    assert committed == list(range(8))
    assert given.ends == {(NORMALIZED, 0): 8}


async def test_a_failure_that_is_quick_divides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = list[int]()

    async def send(_: Delivery, __: Any, part: Mapping[int, Outgoing]) -> None:
        tried.append(len(part))
        raise KafkaTimeoutError

    _without_broker(monkeypatch, send)
    given = delivery(NORMALIZED, 8)
    for _ in range(2):
        with pytest.raises(KafkaTimeoutError):
            await given.commit(cast(Any, None))
    assert tried == [8, 8]


def _without_broker(monkeypatch: pytest.MonkeyPatch, send: Any) -> None:
    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(Delivery, "_send", send)
    monkeypatch.setattr(Delivery, "_sift", nothing)
    monkeypatch.setattr(sender, "transaction", lambda _: nullcontext())
