"""What differs from the table is told with the steps that mend it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.topics import topics
from shared.kafka.topic_admin import _layout_differences

[SCORES] = [topic for topic in topics([]) if topic.name.endswith("scores.changed")]


def described(partitions: int) -> dict[str, Any]:
    return {"partitions": [{"replicas": [1]}] * partitions}


@pytest.mark.parametrize("count", [SCORES.partitions - 1, SCORES.partitions + 1])
def test_of_a_wrong_number_of_partitions_each_step_is_told(count: int) -> None:
    [found] = _layout_differences(SCORES, described(count), 1)
    assert (found.setting, found.expected, found.found) == ("partitions", str(SCORES.partitions), str(count))
    told = ("stop whatever writes", "come to its end", "delete it", "goodstanding topics", "goodstanding offsets check")
    places = [found.remedy.find(step) for step in told]
    assert -1 not in places
    assert places == sorted(places)


def test_of_the_right_number_nothing_is_told() -> None:
    assert _layout_differences(SCORES, described(SCORES.partitions), 1) == []
