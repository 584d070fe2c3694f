"""What a shard without state commits: offsets, and beside each how new what lies before it was."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.unreadable import Unreadable
from shared.runner.delivery import Delivery
from shared.runner.forward import ForwardShard, _InHand
from shared.runner.host import Home, Host
from shared.runner.one_story.agreement import Noted, Seen, TopicNow, compare
from shared.runner.one_story.commit_note import Committed, Note
from shared.runner.one_story.contradictions import Rewritten
from shared.runner.service import Answer, Forward, Later, Outcome
from shared.settings import ServiceSettings

TOPICS = ("one", "two")


class Inputs:
    """Remembers what is committed."""

    def __init__(self) -> None:
        self.committed: dict[str, tuple[int, int]] = {}

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    async def commit(self, committed: Mapping[str, Committed]) -> None:
        self.committed |= {topic: (at.offset, at.note.newest) for topic, at in committed.items()}


class Failing:
    """A delivery that ends with an error, after some of its messages were acknowledged."""

    messages: Sequence[Any] = ()
    outcomes: tuple[Outcome, ...] = ()

    def __init__(self, acknowledged: Sequence[bool]) -> None:
        self._acknowledged = acknowledged

    def acknowledged(self, number: int) -> bool:
        return self._acknowledged[number]

    async def attempt(self, producer: object) -> None:
        if not all(self._acknowledged):
            raise TimeoutError("Kafka hangs")


def shard_with(records: Sequence[Unreadable], acknowledged: Sequence[bool]) -> tuple[ForwardShard, Inputs]:
    inputs = Inputs()
    metrics = cast(Any, SimpleNamespace(handled=lambda _: None, decided=lambda _: None, acknowledged=lambda _: None))
    metrics.step_seconds = SimpleNamespace(labels=lambda _: SimpleNamespace(observe=lambda _: None))
    host = Host(ServiceSettings(kafka="nowhere"), cast(Any, None), metrics, None)
    home = Home(0, "ingest", host, cast(Any, inputs))
    shard = ForwardShard(home, cast(Forward, SimpleNamespace(owner="D")))
    shard._committed = {topic: Committed(0, Note("K", topic, "D", 0)) for topic in TOPICS}
    shard._taken = records
    delivery = cast(Delivery, Failing(acknowledged))
    shard._in_hand = _InHand(records, range(1, len(records) + 1), (), delivery, 0.0)
    return shard, inputs


async def as_when_working(shard: ForwardShard) -> None:
    """The end of a batch, as a shard at work meets it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.runner.forward.started", lambda _: _NoProducer())
        patch.setattr(shard.buffer, "wait", _then_stopped(shard))
        with contextlib.suppress(TimeoutError):
            await shard._started()


def _then_stopped(shard: ForwardShard) -> Any:
    async def wait(_: object) -> None:
        shard.stop()

    return wait


class _NoProducer:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


@given(st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 9), st.booleans()), min_size=1))
async def test_a_committed_offset_is_never_ahead_of_its_note(given_records: list[tuple[str, int, bool]]) -> None:
    ends: dict[str, int] = dict.fromkeys(TOPICS, 0)
    newest: dict[str, int] = dict.fromkeys(TOPICS, 0)
    records = []
    for topic, later_by, _ in given_records:
        # Appended in this order, as a broker appends.
        newest[topic] += later_by
        at, ends[topic] = ends[topic], ends[topic] + 1
        records.append(Unreadable(topic, 0, at, at + 1, newest[topic], "unreadable", ""))
    shard, inputs = shard_with(records, [acknowledged for _, _, acknowledged in given_records])
    await as_when_working(shard)
    for topic, (offset, noted) in inputs.committed.items():
        handled = [record.timestamp for record in records if record.topic == topic and record.offset < offset]
        assert noted == max(handled, default=0)
        newer = [record.offset for record in records if record.topic == topic and record.timestamp > noted]
        now = TopicNow(topic, 0, ends[topic], min(newer, default=None))
        known = Noted("K", "D", {topic: topic}, {topic: offset}, {topic: noted})
        assert not [each for each in compare(known, Seen("K", {topic: now})) if isinstance(each, Rewritten)]


async def test_what_is_acknowledged_of_a_failed_batch_is_committed() -> None:
    records = [Unreadable("one", 0, at, at + 1, 1_000 * at, "unreadable", "") for at in (10, 11)]
    shard, inputs = shard_with(records, [True, False])
    await as_when_working(shard)
    assert inputs.committed == {"one": (11, 10_000)}


async def test_a_batch_is_answered_by_the_rules_that_were_newest_when_it_began() -> None:
    """Also where other rules come while it is being answered (decision 0037)."""
    rules = [_saying("first"), _saying("second"), _saying("third")]
    in_force = iter(rules)
    start = Forward(_never, _never, "D", newest=lambda: next(in_force))
    host = Host(
        ServiceSettings(kafka="nowhere"),
        cast(Any, SimpleNamespace(refresh=_done, broker_ms=lambda: 5)),
        cast(Any, None),
        None,
    )
    shard = ForwardShard(Home(0, "ingest", host, cast(Any, Inputs())), start)
    records = [Unreadable("one", 0, at, at + 1, at, "unreadable", "") for at in range(3)]
    for said in ("first", "second"):
        batch = await shard._answered(records)
        assert batch is not None
        assert [outcome.code for outcome in batch.outcomes] == [said] * 3
    later = Forward(_never, lambda _: cast(Any, Later(7)), "D", catch_up=_noted)
    shard._mode = replace(start, newest=lambda: later)
    assert await shard._answered(records) is None
    assert _caught_up == [(7, 5)], "whoever answers later is the one that catches up"


def _saying(code: str) -> Forward:
    return Forward(_never, lambda _: Answer((), (Outcome("refused", "one", code),)), "D")


def _never(*_: object) -> Any:
    raise AssertionError("these rules are not asked")


async def _done() -> None: ...


_caught_up: list[tuple[int, float]] = []


async def _noted(until_ms: int, now_ms: float) -> None:
    _caught_up.append((until_ms, now_ms))


def test_a_machine_without_memory_says_nothing_about_a_record() -> None:
    def out_of_memory(*_: object) -> Any:
        raise MemoryError

    clock = cast(Any, SimpleNamespace(arrival=lambda _: None))
    mode = Forward(out_of_memory, out_of_memory, "D")
    host = Host(ServiceSettings(kafka="nowhere"), clock, cast(Any, None), None)
    shard = ForwardShard(Home(0, "ingest", host, cast(Any, Inputs())), mode)
    for record in (ConsumerRecord("one", 0, 0, 0, 1, None, b"", None, 0, 0, ()), Unreadable("one", 0, 0, 1, 0, "", "")):
        with pytest.raises(MemoryError):
            shard._answer(mode, record)
