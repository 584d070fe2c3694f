"""When a topic counts as drained; the driver as a whole is under test in tests/e2e."""

from __future__ import annotations

import pytest

from goodstanding.simulation import unread
from shared.contracts.topics import topics

TOPICS = {topic.name: topic for topic in topics(["bank"])}


@pytest.mark.parametrize(
    ("topic", "end", "read", "expected"),
    [
        ("behavior.normalized", 0, 0, 0),
        ("behavior.normalized", 10, 10, 0),
        ("behavior.normalized", 10, 9, 1),
        # What a stateful service writes ends in its transaction's marker: offset 9 of 10 is no record.
        ("scores.changed", 0, 0, 0),
        ("scores.changed", 10, 9, 0),
        ("scores.changed", 10, 10, 0),
        ("scores.changed", 10, 8, 1),
        ("records.changed", 10, 9, 0),
        # The portal writes these without transactions.
        ("subject.requests", 10, 9, 1),
    ],
)
def test_records_that_a_shard_has_not_folded(topic: str, end: int, read: int, expected: int) -> None:
    assert unread(TOPICS[topic], end, read) == expected
