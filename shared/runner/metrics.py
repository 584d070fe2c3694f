"""What an operator sees of every service. Label values are names from closed sets, never anything of a person."""

from __future__ import annotations

import math
import platform
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from shared.kafka.unreadable import Fetched
from shared.runner.answers import DEAD_LETTER, Outcome, Outgoing
from shared.runner.service import Counted

# Beside each counter the library would show the instant of its making, as a series of its own that nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types

_STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry for each process; the service's name is the scrape job's, so it is no label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        topic, partition = ["topic"], ["topic", "partition"]
        # CPU, memory, file descriptors and the time of the start, which the operating system counts.
        ProcessCollector(registry=self.registry)

        self.build = gauge("goodstanding_build_info", "1 for the release that runs.", ["version", "python"])
        self.build.labels(version("goodstanding"), platform.python_version()).set(1)

        self.records = counter("goodstanding_records_consumed_total", "Records handled.", topic)
        self.outcomes = counter(
            "goodstanding_outcomes_total", "What became of messages.", ["result", "partner", "code"]
        )
        self.sent = counter("goodstanding_messages_sent_total", "Messages sent.", topic)
        self.dead_letters = counter("goodstanding_dead_letters_total", "Records set aside for the operator.", ["code"])
        self.retries = counter("goodstanding_retries_total", "Steps tried again after a failure.", ["kind"])
        self.step_seconds = Histogram(
            "goodstanding_step_duration_seconds",
            "Time of one step, from reading the state to the acknowledged sending.",
            ["source"],
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )

        self.clock_ahead = gauge(
            "goodstanding_clock_ahead_seconds", "How far a server's clock is ahead of this machine's.", ["server"]
        )
        self.shards = gauge("goodstanding_shards_owned", "Shards that this process works on.")
        self.lag_records = gauge("goodstanding_lag_records", "Records appended and not yet handled.", partition)
        self.lag_seconds = gauge(
            "goodstanding_lag_seconds", "Age of the oldest record that is not yet handled.", partition
        )
        self.records_lost = counter(
            "goodstanding_records_lost_total",
            "Records that Kafka no longer had when they were to be read; 0 in a healthy deployment.",
            ["topic", "reason"],
        )
        self.outbox_batches = gauge("goodstanding_outbox_batches", "Outbox rows of all shards not known to be sent.")
        self.outbox_oldest_seconds = gauge("goodstanding_outbox_oldest_seconds", "Age of the oldest unsent outbox row.")

        self.timers = counter("goodstanding_timers_fired_total", "Due messages handled: people of a run, deadlines.")
        self.next_timer_timestamp = gauge(
            "goodstanding_timers_next_timestamp_seconds",
            "The instant of a shard's earliest timer that has not fired; late, when it is in the past.",
            ["shard"],
        )
        self._timers_known: set[int] = set()
        self.run_done_ratio = gauge(
            "goodstanding_run_done_ratio", "How much of the latest run is over, 0 to 1, by shard.", ["shard"]
        )
        self.policy = gauge("goodstanding_policy_info", "1 for the policy in force.", ["policy"])
        self.files = gauge(
            "goodstanding_file_info", "1 for the content of a file that is in force.", ["file", "content"]
        )
        self.files_at_fault = gauge(
            "goodstanding_files_at_fault", "Files that are not used as they lie there; those before are in force."
        )
        self.people = gauge(
            "goodstanding_people",
            "People who have a score, by what they have in common; every process counts all.",
            ["by", "value"],
        )
        self.ready = gauge("goodstanding_ready", "1 when the process is ready.")

    def next_timer(self, shard: int, at: datetime | None) -> None:
        """`at` is None when nothing will be due."""
        self._timers_known.add(shard)
        self.next_timer_timestamp.labels(shard).set(at.timestamp() if at else math.inf)

    def timers_unasked(self, shard: int, now: datetime) -> None:
        """A shard begins, and its timers are due from now on until they have been looked up. What is known of them
        already stays, so that a timer of a shard that begins again and again is seen to be later and later."""
        if shard not in self._timers_known:
            self.next_timer(shard, now)

    def shard_left(self, shard: int) -> None:
        self._timers_known.discard(shard)
        self.next_timer_timestamp.remove(shard)
        # Of a run that ended here long ago it would say 1 beside the process that is in the middle of the next one.
        self.run_done_ratio.remove(shard)

    def run_goes_on(self, shard: int, done: float) -> None:
        self.run_done_ratio.labels(shard).set(done)

    def lost(self, topic: str, reason: str, count: int) -> None:
        self.records_lost.labels(topic, reason).inc(count)

    def in_force(self, files: Mapping[str, str], faults: int) -> None:
        """By file, the name of the content that is in force; and how many files cannot be used in their present
        form."""
        self.files.clear()
        for file, content in files.items():
            self.files.labels(file, content).set(1)
        self.files_at_fault.set(faults)

    def counted(self, census: Iterable[Counted]) -> None:
        """Words that no longer apply to anybody lose their series."""
        self.people.clear()
        for each in census:
            self.people.labels(each.by, each.value).set(each.people)

    def handled(self, records: Iterable[Fetched]) -> None:
        for topic, count in Tally(record.topic for record in records).items():
            self.records.labels(topic).inc(count)

    def decided(self, outcomes: Iterable[Outcome]) -> None:
        for outcome, count in Tally(outcomes).items():
            self.outcomes.labels(outcome.result, outcome.partner, outcome.code).inc(count)
            if outcome.result == DEAD_LETTER:
                self.dead_letters.labels(outcome.code).inc(count)

    def acknowledged(self, messages: Iterable[Outgoing]) -> None:
        for topic, count in Tally(message.topic for message in messages).items():
            self.sent.labels(topic).inc(count)
