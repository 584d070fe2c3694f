"""What was lost is counted once, and told of until the process ends."""

from __future__ import annotations

from aiokafka import TopicPartition

from shared.kafka.losses import Losses

PLACE = TopicPartition("behavior.normalized", 1)


def test_each_record_is_counted_once() -> None:
    counted: list[tuple[str, str, int]] = []
    losses = Losses(lambda *loss: counted.append(loss))
    losses.note(PLACE, "gap", 5, 8)
    losses.note(PLACE, "gap", 5, 8)
    losses.note(PLACE, "gap", 6, 10)
    losses.note(PLACE, "deleted", 20, 30)
    losses.note(TopicPartition("behavior.normalized", 2), "gap", 0, 1)
    topic = PLACE.topic
    assert counted == [(topic, "gap", 3), (topic, "gap", 2), (topic, "deleted", 10), (topic, "gap", 1)]


def test_in_another_log_the_same_positions_are_of_other_records() -> None:
    counted: list[tuple[str, str, int]] = []
    losses = Losses(lambda *loss: counted.append(loss))
    losses.note(PLACE, "gap", 50, 80)
    losses.other_log(PLACE)
    losses.note(PLACE, "gap", 5, 8)
    losses.note(PLACE, "gap", 5, 8)
    assert [count for _, _, count in counted] == [30, 3]
    [trouble] = losses.troubles()
    assert "33 records from offset 5 on" in trouble


def test_a_sentence_for_each_partition_and_reason() -> None:
    losses = Losses(lambda *_: None)
    assert losses.troubles() == []
    losses.note(PLACE, "gap", 5, 8)
    losses.note(PLACE, "gap", 20, 21)
    losses.note(PLACE, "deleted", 30, 32)
    deleted, gap = losses.troubles()
    assert deleted.startswith("behavior.normalized/1: 2 records from offset 30 on were not read: Kafka deleted them")
    assert gap.startswith("behavior.normalized/1: 4 records from offset 5 on were not read: Kafka's log has a hole")
