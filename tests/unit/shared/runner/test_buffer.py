"""What a process holds of records: bounded for each shard, and for all of them together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.cloudevents import HEADER_MEMORY_BYTES
from shared.contracts.partition import PARTITIONS
from shared.runner.buffer import Budget, Buffer, size_of

_CALL_BYTES = 4_000


def record(size: int) -> Any:
    return SimpleNamespace(key=None, value=b"x" * size, headers=())


class Feed:
    """A buffer, and whether it wants to be fed."""

    def __init__(self, budget: Budget) -> None:
        self.flows = True
        self.buffer = Buffer(1_000, budget, lambda: self._set(False), lambda: self._set(True))

    def _set(self, flows: bool) -> None:
        self.flows = flows


def test_a_shard_that_stands_still_stops_no_other() -> None:
    budget = Budget(60_000)
    stuck, other = Feed(budget), Feed(budget)
    while stuck.flows:
        stuck.buffer.put([record(500)] * 60)
    assert budget.is_spent
    flows = []
    for _ in range(3):
        flows.append(other.flows)
        other.buffer.put([record(10)] * 4)
        flows.append(other.flows)
        while other.buffer.take(3):
            pass
    assert flows == [True, False] * 3, "one call's worth at a time while others hold so much"
    assert len(stuck.buffer) > 0


def test_what_is_handled_is_given_back_although_nothing_follows() -> None:
    budget = Budget(60_000)
    feed = Feed(budget)
    feed.buffer.put([record(10), record(20)])
    taken = feed.buffer.take(2)
    assert feed.buffer.oldest is taken[0]
    assert budget.held > 0
    feed.buffer.handled()
    assert feed.buffer.oldest is None
    assert budget.held == 0
    assert feed.buffer.take(2) == []
    assert budget.held == 0


def test_what_is_dropped_is_given_back() -> None:
    budget = Budget(60_000)
    feed = Feed(budget)
    feed.buffer.put([record(100)] * 9)
    feed.buffer.take(4)
    assert budget.held == 9 * size_of(record(100))
    feed.buffer.clear()
    assert budget.held == 0


def test_a_header_takes_room_also_when_it_is_empty() -> None:
    bare, headed = record(10), record(10)
    headed.headers = (("", b""), ("", None), ("name", b"text"))
    assert size_of(headed) == size_of(bare) + 3 * HEADER_MEMORY_BYTES + len("name") + len(b"text")


_steps = st.lists(
    st.tuples(st.integers(0, PARTITIONS - 1), st.one_of(st.none(), st.integers(0, _CALL_BYTES - 512))), max_size=200
)


@given(_steps)
def test_all_shards_together_hold_the_budget_and_one_call_each(steps: list[tuple[int, int | None]]) -> None:
    budget = Budget(PARTITIONS * 10_000)
    feeds = [Feed(budget) for _ in range(PARTITIONS)]
    for shard, size in steps:
        feed = feeds[shard]
        if size is None:
            feed.buffer.take(3)
        elif feed.flows:
            feed.buffer.put([record(size)])
        assert budget.held <= budget.bytes_max + PARTITIONS * _CALL_BYTES
        assert budget.held >= 0
    for feed in feeds:
        while feed.buffer.take(3):
            pass
        assert feed.flows, "whoever has nothing is fed"
    assert budget.held == 0
