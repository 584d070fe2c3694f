"""Troubles of shards: the same one is told once, with the shards that have it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.runner.shard_troubles import together

AWAY = "ConnectionRefusedError, trying again"


@pytest.mark.parametrize(
    ("troubles", "told"),
    [
        ({}, []),
        ({3: AWAY}, [f"shard 3: {AWAY}"]),
        ({1: AWAY, 0: AWAY}, [f"shards 0 and 1: {AWAY}"]),
        (dict.fromkeys(range(6), AWAY), [f"shards 0 to 5: {AWAY}"]),
        (dict.fromkeys((0, 2, 3, 4, 9), AWAY), [f"shards 0, 2 to 4, 9: {AWAY}"]),
        ({0: AWAY, 1: "it hangs", 2: AWAY}, [f"shards 0, 2: {AWAY}", "shard 1: it hangs"]),
        (
            {0: "ends at 7", 1: "ends at 12", 2: "ends at 7"},
            ["shard 0 (and, with other figures, shards 1 and 2): ends at 7"],
        ),
    ],
)
def test_shards_with_the_same_trouble_are_told_together(troubles: Mapping[int, str], told: list[str]) -> None:
    assert together(troubles) == told
