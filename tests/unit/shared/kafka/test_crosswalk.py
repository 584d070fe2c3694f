"""Which entry of a crosswalk is found for an event: by the broker's time of both, and of several the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from shared.contracts.crosswalk import entry_key
from shared.kafka import crosswalk as module
from shared.kafka.crosswalk import Crosswalk

_KEY = b"u" * 32
_WAIT_MS = 10_000
_NUMBER = "C-1"
MISSED = "missed"


def _entry(person: int | None, told_ms: int, number: str = _NUMBER) -> ConsumerRecord:
    value = None if person is None else f"{person:064x}".encode()
    key = entry_key(_KEY, "rides", number)
    return ConsumerRecord("crosswalk.rides", 0, 0, told_ms, 0, key, value, None, 64, 64, ())


@pytest.mark.parametrize(
    ("told", "event_ms", "found"),
    [
        ([_entry(1, 5_000)], 20_000, 1),
        ([_entry(1, 20_000)], 20_000, 1),
        ([_entry(1, 30_000)], 20_000, 1),  # within the wait
        ([_entry(1, 30_001)], 20_000, MISSED),  # by a millisecond too late, whenever it is read
        ([], 20_000, MISSED),
        ([_entry(1, 5_000, "C-2")], 20_000, MISSED),
        ([_entry(1, 5_000), _entry(2, 6_000)], 20_000, 1),  # an entry is never changed
        ([_entry(1, 30_001), _entry(2, 5_000)], 20_000, MISSED),
        ([_entry(1, 5_000), _entry(None, 6_000)], 20_000, MISSED),
        ([_entry(1, 5_000), _entry(None, 6_000), _entry(2, 7_000)], 20_000, 2),
        ([_entry(1, 5_000), _entry(None, 6_000), _entry(2, 30_001)], 20_000, MISSED),
    ],
)
def test_which_entry_is_found(told: Sequence[ConsumerRecord], event_ms: int, found: int | str) -> None:
    crosswalk = Crosswalk(_KEY)
    crosswalk.take(told)
    for _ in range(2):  # from the table, and from what is remembered of it
        crosswalk.as_of(event_ms + _WAIT_MS)
        if found == MISSED:
            assert crosswalk.find("rides", _NUMBER) is None
            assert crosswalk.missed() == event_ms + _WAIT_MS
        else:
            assert crosswalk.find("rides", _NUMBER) == f"{found:064x}"
            assert crosswalk.missed() is None
    assert crosswalk.find("trams", _NUMBER) is None


async def test_a_cancellation_that_a_client_lets_out_does_not_end_the_following(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crosswalk, opened = Crosswalk(_KEY), list[str]()
    again = asyncio.Event()

    async def opening(*_: object) -> None:
        opened.append("")
        if len(opened) > 1:
            again.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(module, "_BEGIN_AGAIN_S", 0)
    monkeypatch.setattr(crosswalk, "_opened", opening)
    following = asyncio.create_task(crosswalk._follow("kafka", ["crosswalk.rides"]))
    async with asyncio.timeout(10):
        await again.wait()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


class _Reader:
    """Hands out one record a call; `looks` is called before each."""

    def __init__(self, records: Sequence[ConsumerRecord], looks: Callable[[], object]) -> None:
        self._records, self._looks, self._at = records, looks, 0

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self._partitions = partitions

    def assignment(self) -> Sequence[TopicPartition]:
        return self._partitions

    def seek(self, tp: TopicPartition, offset: int) -> None: ...

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, len(self._records))

    async def position(self, _: TopicPartition) -> int:
        return self._at

    async def getmany(self, **_: int) -> dict[TopicPartition, Sequence[ConsumerRecord]]:
        self._looks()
        if self._at == len(self._records):
            await asyncio.Event().wait()
        self._at += 1
        return {TopicPartition("crosswalk.rides", 0): self._records[self._at - 1 : self._at]}


async def test_what_is_known_stays_while_all_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way it has been another person's number, and nobody's; a partner that is followed too begins it anew."""
    crosswalk, found = Crosswalk(_KEY), list[str]()
    records = [_entry(1, 5_000), _entry(None, 6_000), _entry(2, 7_000)]

    def look() -> None:
        with suppress(KeyError):
            found.append(crosswalk.entry(entry_key(_KEY, "rides", _NUMBER)).user_id)

    monkeypatch.setattr(module, "beside", lambda *_: _Reader(records, look))
    monkeypatch.setattr(module, "_with_topics", _no_others)
    async with crosswalk.followed("kafka", ["rides"]):
        found.clear()
        await crosswalk.follow_too(["trams"])
        assert found[:3] == [f"{2:064x}"] * 3
        assert crosswalk.topics == ["crosswalk.rides", "crosswalk.trams"]


async def _no_others(*_: object) -> list[str]:
    return []


async def test_that_all_is_known_is_said_by_the_brokers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be behind the machine's, and then an entry still comes for which the event must wait."""
    crosswalk = Crosswalk(_KEY)
    monkeypatch.setattr(module, "beside", lambda *_: _Reader([], lambda: None))
    monkeypatch.setattr(module, "_with_topics", _no_others)
    monkeypatch.setattr(module, "_LOOK_AGAIN_S", 0.01)
    async with crosswalk.followed("kafka", ["rides"]):
        for now_ms, known in ((19_999, False), (20_000, True)):
            crosswalk.as_of(20_000)
            assert crosswalk.find("rides", _NUMBER) is None
            await crosswalk.catch_up(20_000, now_ms)
            assert (crosswalk.missed() is None) == known


def test_what_fails_in_the_middle_is_taken_when_it_comes_again() -> None:
    crosswalk = Crosswalk(_KEY)

    def without_memory() -> Iterator[ConsumerRecord]:
        yield _entry(1, 5_000)
        raise MemoryError

    with pytest.raises(MemoryError):
        crosswalk.take(without_memory())
    crosswalk.take([_entry(1, 5_000), _entry(2, 6_000, "C-2")])
    assert len(crosswalk) == 2


def test_what_was_found_for_one_event_is_not_for_an_earlier_one() -> None:
    crosswalk = Crosswalk(_KEY)
    crosswalk.take([_entry(1, 30_000)])
    crosswalk.as_of(40_000)
    assert crosswalk.find("rides", _NUMBER) is not None
    crosswalk.as_of(29_999)
    assert crosswalk.find("rides", _NUMBER) is None


def test_an_entry_that_is_forgotten_is_not_remembered() -> None:
    crosswalk = Crosswalk(_KEY)
    crosswalk.take([_entry(1, 5_000)])
    assert crosswalk.find("rides", _NUMBER) is not None
    crosswalk.take([_entry(None, 6_000)])
    assert crosswalk.find("rides", _NUMBER) is None
