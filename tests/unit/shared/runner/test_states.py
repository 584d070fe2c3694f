"""Whose states stay in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.runner.states import States


class Loaded:
    """States that can be loaded, and who was."""

    def __init__(self, *people: str, entries_max: int = 3) -> None:
        self.asked: list[str] = []
        self._people = people
        self.states: States[str] = States(self._load, 0, entries_max)

    async def _load(self, db: Any, shard: int, keys: Sequence[str]) -> dict[str, str]:
        self.asked += keys
        return {key: f"{key} of the database" for key in keys if key in self._people}

    def of(self, people: Collection[str], given: Mapping[str, str] = {}) -> dict[str, str]:
        """The states of these people, of whom those that are not kept are loaded."""
        self.asked.clear()
        return asyncio.run(self.states.of(None, people, given))  # type: ignore[arg-type]  # no database: the states know what they read


def test_what_records_led_to_is_kept_up_to_a_number_of_people() -> None:
    loaded = Loaded("a")
    assert loaded.of(["a", "b"]) == {"a": "a of the database"}
    loaded.states.remember({"a": "a2", "b": "b1", "c": "c1"})
    loaded.states.remember({"a": "a3", "d": "d1"})
    assert loaded.of("abcd") == {"a": "a3", "c": "c1", "d": "d1"}
    assert loaded.asked == ["b"], "the one of whom nothing has come for longest"
    loaded.states.remember({"a": None})
    assert loaded.of("a") == {"a": "a of the database"}


def test_a_run_over_everybody_keeps_nobody_else_and_nothing_that_is_out_of_date() -> None:
    loaded = Loaded("b", "d")
    loaded.states.remember({"a": "a1", "c": "c1"})
    loaded.states.renew({"a": "a2", "b": "b2", "c": None, "d": "d2"}, {})
    assert loaded.of("abcd") == {"a": "a2", "b": "b of the database", "d": "d of the database"}
    assert loaded.asked == ["b", "c", "d"]


def test_a_partial_state_is_enough_for_its_page_and_is_not_kept() -> None:
    loaded = Loaded("a")
    loaded.states.remember({"a": "a1"})
    assert loaded.of("a", {"a": "a in part"}) == {"a": "a in part"}
    assert loaded.asked == []
    loaded.states.renew({"a": "a of the page"}, {"a": "a in part"})
    assert loaded.of("a") == {"a": "a of the database"}
