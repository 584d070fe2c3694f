"""The topic table: who may write and read what, and how large a message may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.contracts.cloudevents import EVENT_BYTES_MAX
from shared.contracts.published.__main__ import main
from shared.contracts.topics import (
    REDRIVE,
    Topic,
    partner_of,
    raw_topic,
    topics,
)

# Name, key, partitions, cleanup, writers and readers: who may read and write what.
TABLE = [
    ("behavior.raw.bank", "the partner's choice", 6, "delete", ("partner bank", "portal", REDRIVE), ("ingest",)),
    ("behavior.rejected.bank", "none", 1, "delete", ("ingest", "scorer", "retention"), ("partner bank", "portal")),
    ("disputes.bank", "the partner's report id", 1, "delete", ("retention",), ("partner bank",)),
    ("crosswalk.bank", "a keyed hash of the customer number", 1, "compact", ("operator", "ingest"), ("ingest",)),
    ("behavior.normalized", "user_id", 6, "delete", ("ingest", REDRIVE), ("scorer",)),
    ("records.reported", "user_id", 6, "delete", ("ingest", REDRIVE), ("retention",)),
    ("records.changed", "user_id", 6, "delete", ("retention", REDRIVE), ("scorer",)),
    ("subject.requests", "user_id", 6, "delete", ("portal", "operator"), ("scorer", "retention")),
    (
        "subject.answers",
        "user_id",
        6,
        "delete",
        ("scorer", "retention", "benefits", "ingest", "portal"),
        ("portal", "retention", "ingest"),
    ),
    ("scores.changed", "user_id", 6, "compact", ("scorer",), ("benefits", "subscribers")),
    ("tiers.changed", "user_id", 6, "compact", ("benefits",), ("subscribers", "portal")),
    ("scores.explained", "user_id", 6, "compact", ("scorer",), ("portal",)),
    ("records.held", "user_id", 6, "compact", ("retention",), ("portal",)),
    ("ingest.dead-letter", "none", 1, "delete", ("ingest", REDRIVE), ("operator", "portal")),
    ("retention.dead-letter", "none", 1, "delete", ("retention", REDRIVE), ("operator", "portal")),
    ("scorer.dead-letter", "none", 1, "delete", ("scorer", REDRIVE), ("operator", "portal")),
    ("benefits.dead-letter", "none", 1, "delete", ("benefits", REDRIVE), ("operator", "portal")),
    ("portal.dead-letter", "none", 1, "delete", ("portal", REDRIVE), ("operator", "portal")),
]


def test_table() -> None:
    rows = [(t.name, t.key, t.partitions, t.cleanup, t.writers, t.readers) for t in topics(["bank"])]
    assert rows == TABLE


@pytest.mark.parametrize("topic", topics(["bank"]), ids=lambda topic: topic.name)
def test_settings_that_every_topic_has(topic: Topic) -> None:
    settings = topic.settings(replication_factor=1)
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert settings["cleanup.policy"] == topic.cleanup
    assert settings["min.insync.replicas"] == "1"
    assert topic.settings(replication_factor=3)["min.insync.replicas"] == "2"
    # Compacted topics keep each key's last message for good; all others forget.
    assert ("retention.ms" in settings) == (topic.cleanup == "delete")
    assert ("delete.retention.ms" in settings) == (topic.cleanup == "compact")


def test_sizes_leave_room_for_what_is_to_be_refused() -> None:
    limits = {topic.name: topic.message_bytes_max for topic in topics(["bank"])}
    assert limits["behavior.raw.bank"] > 1024 * 1024 > EVENT_BYTES_MAX
    assert limits["behavior.rejected.bank"] >= limits["behavior.raw.bank"] + EVENT_BYTES_MAX


@pytest.mark.parametrize("partner", ["", "Bank", "bank.cards", "bank_cards", "9bank", "-bank", "b" * 41, "bank\n"])
def test_a_partners_name_is_part_of_topics_and_rights(partner: str) -> None:
    with pytest.raises(ValueError, match="a name has lower-case letters"):
        topics([partner])


def test_the_partner_is_the_topic() -> None:
    assert partner_of(raw_topic("bike-rental")) == "bike-rental"


def test_command_without_a_broker_or_partners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "--bootstrap", "127.0.0.1:1", "--partners-dir", str(tmp_path)]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert main(["topics", "--bootstrap", "127.0.0.1:1", "--partners-dir", str(tmp_path / "none")]) == 1
    assert "is no directory" in capsys.readouterr().err
