"""What an operator sees of a process: people by what they have in common, and no series that nobody reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest

from shared.runner.metrics import Metrics
from shared.runner.service import Counted, Outcome


def page(metrics: Metrics) -> list[str]:
    return [line for line in generate_latest(metrics.registry).decode().splitlines() if not line.startswith("#")]


def test_no_counter_has_a_twin_that_says_when_it_was_made() -> None:
    metrics = Metrics()
    metrics.decided([Outcome("accepted", "bank")])
    metrics.step_seconds.labels("events").observe(0.1)
    assert page(metrics)
    assert [line for line in page(metrics) if "_created" in line] == []


def test_a_shard_that_begins_again_and_again_is_later_and_later() -> None:
    """Whatever was known of its timers when a step failed holds until they are asked once more."""
    metrics, first = Metrics(), datetime(2026, 1, 6, tzinfo=UTC)

    def shown() -> list[str]:
        return [line.split(" ")[1] for line in page(metrics) if "timers_next" in line]

    for minute in range(3):
        metrics.timers_unasked(0, first + timedelta(minutes=minute))
        assert [float(value) for value in shown()] == [first.timestamp()]
    metrics.shard_left(0)
    assert shown() == []
    metrics.next_timer(0, None)
    metrics.timers_unasked(0, first)
    assert shown() == ["+Inf"]


def test_how_far_a_run_is_belongs_to_the_process_that_has_the_shard() -> None:
    metrics = Metrics()
    metrics.run_goes_on(0, 1.0)
    metrics.run_goes_on(1, 1.0)
    metrics.shard_left(0)
    assert [line for line in page(metrics) if "run_done" in line] == ['goodstanding_run_done_ratio{shard="1"} 1.0']


def test_people_are_counted_anew_each_time() -> None:
    metrics = Metrics()
    metrics.counted([Counted("tier", "fair", 2), Counted("tier", "none", 1)])
    metrics.counted([Counted("tier", "none", 3)])
    assert [line for line in page(metrics) if "goodstanding_people" in line] == [
        'goodstanding_people{by="tier",value="none"} 3.0'
    ]


def test_what_is_not_wanted_is_no_fault() -> None:
    metrics = Metrics()
    metrics.decided([Outcome("refused", "bank", "time-format"), Outcome("unwanted", "bank", "kind-not-permitted")])
    assert {line.split(" ")[0] for line in page(metrics) if "outcomes_total" in line} == {
        'goodstanding_outcomes_total{code="time-format",partner="bank",result="refused"}',
        'goodstanding_outcomes_total{code="kind-not-permitted",partner="bank",result="unwanted"}',
    }
