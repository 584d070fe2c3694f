"""Each line of the table of outages in docs/operations.md is brought about by a test, on real servers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_TABLE = re.compile(r"^\| what fails \|.*?\n\n", re.MULTILINE | re.DOTALL)

TESTS = {
    "a process is killed": "tests/faults/test_campaign.py::test_a_minute_of_faults",
    "Postgres is away": "tests/integration/test_outages.py::test_postgres_goes_away_and_comes_back",
    "Kafka is away": "tests/integration/test_outages.py::test_kafka_goes_away_and_comes_back",
    "a service is down for days": (
        "tests/integration/test_retention.py::test_a_clock_that_leaps_fires_all_once_and_in_order"
    ),
    "records were deleted before they were read": (
        "tests/integration/test_unreadable.py::test_records_deleted_before_they_were_read_are_a_loss"
    ),
    "a hole in the offsets that nothing explains": (
        "tests/integration/test_damaged_log.py::test_a_hole_in_the_offsets_is_a_loss"
    ),
    "a batch's length is damaged on the broker's disk, or Kafka answers every fetch of a partition with an error": (
        "tests/integration/test_damaged_log.py::test_a_damaged_length_stops_its_partition_and_fills_no_disk"
    ),
    "a partner compresses its records": "tests/integration/test_hostile_records.py::test_a_partner_may_use_any_codec",
    "a batch that cannot be read, or is too large when it is unpacked": (
        "tests/integration/test_unreadable.py::test_a_batch_that_cannot_be_read_costs_nobody_a_record"
    ),
    "records that are made to fill the memory": (
        "tests/integration/test_hostile_records.py::test_memory_is_bounded_and_everything_answered"
    ),
    "a partner's topic keeps its senders' times, because it was not made with `message.timestamp.type=LogAppendTime`": (
        "tests/integration/test_raw_topics.py::test_a_topic_with_its_senders_times_lets_nobody_say_when_an_event_came"
    ),
    "a partner's topic is made with another number of partitions than the table says": (
        "tests/integration/test_sending.py::test_a_topic_that_was_made_with_another_number_of_partitions_takes_events"
    ),
    "more processes of a service than partitions": (
        "tests/integration/test_runner.py::test_a_process_too_many_is_ready_and_says_that_it_owns_nothing"
    ),
    "a flood about one person": "tests/integration/test_hot_person.py::test_the_people_beside_get_their_score",
    "a record that no rule can answer for": (
        "tests/integration/test_outages.py::test_poison_between_the_services_is_set_aside"
    ),
    "one record for which the database fails again and again": (
        "tests/integration/test_runner_poison.py::test_an_error_that_repeats_for_one_record_sets_that_record_aside"
    ),
    "a message that can never be sent": (
        "tests/integration/test_runner_poison.py::test_a_fenced_shard_sets_aside_what_can_never_be_sent"
    ),
    "something that the clock made due cannot be handled": (
        "tests/integration/test_runner_poison.py::test_a_timer_that_cannot_be_handled_holds_nobody_up"
    ),
    "a partner's topic of refusals is missing": "tests/faults/test_campaign.py::test_a_minute_of_faults",
    "the disk of Postgres is full, a right is taken, a lock is held": (
        "tests/integration/test_runner_poison.py::test_an_error_of_the_server_sets_nothing_aside_and_is_told_in_words"
    ),
    "the disk of Kafka is full": (
        "tests/integration/test_outages.py::test_kafka_can_write_no_more_and_comes_back_when_it_can"
    ),
    "a process has no file descriptor left": (
        "tests/integration/test_outages.py::test_a_process_without_file_descriptors_says_so_and_goes_on"
    ),
    "somebody leaves a transaction open on a topic": (
        "tests/integration/test_sending.py::test_send_tells_what_it_could_read_of_the_answers"
    ),
    "a client library ends a task, or leaks a cancellation": (
        "tests/integration/test_unreadable.py::test_a_task_of_a_shard_that_ends_is_begun_again"
    ),
    "a topic between the services, or one that subscribers follow, is set to smaller messages (`max.message.bytes`) "
    "than the platform made it for": (
        "tests/integration/test_topic_limits.py::test_a_topic_that_an_operator_has_made_too_small_is_waited_for"
    ),
    "a partition is added to a topic between the services": (
        "tests/integration/test_runner.py::test_a_partition_too_many_is_named_and_the_others_are_worked_on"
    ),
    "a topic of the platform is deleted": (
        "tests/integration/test_runner_poison.py::test_a_topic_of_the_platform_that_is_missing_is_waited_for"
    ),
    "a topic is made again": (
        "tests/integration/test_one_story.py::"
        "test_a_topic_that_was_made_again_stops_its_readers_until_the_operator_has_decided"
    ),
    "Kafka comes back from an older copy": (
        "tests/integration/test_restore.py::test_kafka_from_an_older_copy_beside_a_newer_postgres"
    ),
    "Postgres comes back from an older copy, under running services too": (
        "tests/integration/test_restore.py::test_postgres_from_an_older_copy_beside_a_newer_kafka"
    ),
    "two deployments on one Kafka": (
        "tests/integration/test_one_story.py::test_another_deployment_in_the_group_is_noticed"
    ),
    "a machine's clock is wrong": (
        "tests/integration/test_clock.py::test_nothing_is_decided_while_the_machine_shows_another_year"
    ),
    "a platform stands still for more than a month": (
        "tests/integration/test_restore.py::test_a_month_later_the_operator_vouches_for_the_time"
    ),
}


def test_each_line_has_a_test_that_exists() -> None:
    [table] = _TABLE.findall((ROOT / "docs/operations.md").read_text(encoding="utf-8"))
    lines = [row.split("|")[1].strip() for row in table.splitlines()[2:] if row]
    assert lines == list(TESTS)
    for test in TESTS.values():
        file, name = test.split("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}, test
