"""A partition that stands still although there is more to read is told of after a while."""

from __future__ import annotations

from aiokafka import TopicPartition

from shared.runner.lag import STALLED_S, Stalls

ONE, OTHER = TopicPartition("behavior.normalized", 1), TopicPartition("behavior.normalized", 2)


def told(*looks: tuple[dict[TopicPartition, int], float]) -> list[str]:
    stalls = Stalls()
    for waiting, now in looks:
        stalls.look(waiting, now)
    return stalls.troubles()


def test_what_stands_still_is_told_of() -> None:
    [sentence] = told(({ONE: 5, OTHER: 5}, 0.0), ({ONE: 5, OTHER: 9}, STALLED_S))
    assert sentence == ("behavior.normalized/1 cannot be read: it has stood at offset 5 for 20 s, and there is more")


def test_not_before_a_failover_can_be_over() -> None:
    assert told(({ONE: 5}, 0.0), ({ONE: 5}, STALLED_S - 0.1)) == []


def test_a_partition_at_its_end_or_paused_is_not_waited_for() -> None:
    assert told(({ONE: 5}, 0.0), ({}, 10.0), ({ONE: 5}, STALLED_S)) == []


def test_what_goes_on_is_forgotten() -> None:
    assert told(({ONE: 5}, 0.0), ({ONE: 5}, STALLED_S), ({ONE: 6}, STALLED_S + 1)) == []
