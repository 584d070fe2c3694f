"""How far behind a partition is, and that one which stands still although there is more to read is told of."""

from __future__ import annotations

from aiokafka import TopicPartition

from shared.runner.lag import STALLED_S, Lag, LagGauges, Stalls
from shared.runner.metrics import Metrics

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


def shown(*looks: tuple[dict[TopicPartition, Lag], float]) -> dict[str, tuple[float, float]]:
    """Records and seconds behind after the last look, by partition."""
    metrics = Metrics()
    gauges = LagGauges(metrics)
    for lags, now in looks:
        gauges.show(lags, now)
    records, seconds = (
        {sample.labels["partition"]: sample.value for family in gauge.collect() for sample in family.samples}
        for gauge in (metrics.lag_records, metrics.lag_seconds)
    )
    return {partition: (records[partition], seconds[partition]) for partition in records}


def test_the_oldest_record_that_was_read_says_how_late_its_partition_is() -> None:
    assert shown(({ONE: Lag(3, 90.0), OTHER: Lag(0, None)}, 100.0)) == {"1": (3, 10.0), "2": (0, 0.0)}


def test_a_partition_of_which_nothing_was_read_is_late_since_it_was_first_seen_behind() -> None:
    unread = {ONE: Lag(3, None)}
    assert shown((unread, 100.0)) == {"1": (3, 0.0)}
    assert shown((unread, 100.0), (unread, 107.0)) == {"1": (3, 7.0)}
    assert shown((unread, 100.0), ({ONE: Lag(0, None)}, 103.0), (unread, 107.0)) == {"1": (3, 0.0)}


def test_a_partition_that_went_elsewhere_has_no_lag_here() -> None:
    assert shown(({ONE: Lag(3, 90.0)}, 100.0), ({OTHER: Lag(1, 99.0)}, 100.0)) == {"2": (1, 1.0)}
