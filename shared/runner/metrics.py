"""What an operator sees of every service. Label values are names from closed sets, never anything of a person."""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from shared.kafka.unreadable import Fetched
from shared.runner.answers import DEAD_LETTER, Outcome, Outgoing
from shared.runner.service import Counted

# Beside each counter the library would show the instant of its making, as a series of its own that nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

_STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry for each process; the service's name is the scrape job's, so it is no label."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "goodstanding_records_consumed_total", "Records handled.", ["topic"], registry=self.registry
        )
        self.outcomes = Counter(
            "goodstanding_outcomes_total",
            "What became of messages.",
            ["result", "partner", "code"],
            registry=self.registry,
        )
        self.sent = Counter("goodstanding_messages_sent_total", "Messages sent.", ["topic"], registry=self.registry)
        self.dead_letters = Counter(
            "goodstanding_dead_letters_total", "Records set aside for the operator.", ["code"], registry=self.registry
        )
        self.step_seconds = Histogram(
            "goodstanding_step_duration_seconds",
            "Time of one step, from reading the state to the acknowledged sending.",
            ["source"],
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self.retries = Counter(
            "goodstanding_retries_total", "Steps tried again after a failure.", ["kind"], registry=self.registry
        )
        self.clock_ahead = Gauge(
            "goodstanding_clock_ahead_seconds",
            "How far a server's clock is ahead of this machine's.",
            ["server"],
            registry=self.registry,
        )
        self.shards = Gauge("goodstanding_shards_owned", "Shards that this process works on.", registry=self.registry)
        self.lag_records = Gauge(
            "goodstanding_lag_records",
            "Records appended and not yet handled.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.lag_seconds = Gauge(
            "goodstanding_lag_seconds",
            "Age of the oldest record that is not yet handled.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.outbox_batches = Gauge(
            "goodstanding_outbox_batches", "Outbox rows of all shards not known to be sent.", registry=self.registry
        )
        self.outbox_oldest_seconds = Gauge(
            "goodstanding_outbox_oldest_seconds", "Age of the oldest unsent outbox row.", registry=self.registry
        )
        self.timers = Counter(
            "goodstanding_timers_fired_total",
            "Due messages handled: people of a run, deadlines.",
            registry=self.registry,
        )
        self.next_timer_timestamp = Gauge(
            "goodstanding_timers_next_timestamp_seconds",
            "The instant of a shard's earliest timer that has not fired; late, when it is in the past.",
            ["shard"],
            registry=self.registry,
        )
        self.records_lost = Counter(
            "goodstanding_records_lost_total",
            "Records that Kafka no longer had when they were to be read; 0 in a healthy deployment.",
            ["topic", "reason"],
            registry=self.registry,
        )
        self.policy = Gauge(
            "goodstanding_policy_info", "1 for the policy in force.", ["policy"], registry=self.registry
        )
        self.people = Gauge(
            "goodstanding_people",
            "People who have a score, by what they have in common; every process counts all.",
            ["by", "value"],
            registry=self.registry,
        )
        self.ready = Gauge("goodstanding_ready", "1 when the process is ready.", registry=self.registry)

    def next_timer(self, shard: int, at: datetime | None) -> None:
        """`at` is None when nothing will be due."""
        self.next_timer_timestamp.labels(shard).set(at.timestamp() if at else math.inf)

    def lost(self, topic: str, reason: str, count: int) -> None:
        self.records_lost.labels(topic, reason).inc(count)

    def counted(self, census: Iterable[Counted]) -> None:
        """What nobody has in common any more goes."""
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
