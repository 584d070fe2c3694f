"""`import` and `go-live` one after the other, whoever starts them at once."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from goodstanding.cli.loading import alone, write_refusals
from goodstanding.loading.shelf import Refused, open_shelf
from goodstanding.platform.one_at_a_time import one_at_a_time


def test_a_command_that_has_waited_sees_what_the_other_one_has_done(tmp_path: Path) -> None:
    """An import that waits for `go-live` would lead a clock that has ended, and lose what it has read."""
    stack: Any = SimpleNamespace(deployment=SimpleNamespace(directory=tmp_path, clock="loading"))
    seen: list[str] = []

    def wait() -> None:
        with alone(stack) as deployment:
            seen.append(deployment.clock)  # type: ignore[attr-defined]  # of the one above

    with one_at_a_time(tmp_path):
        other = threading.Thread(target=wait, daemon=True)
        other.start()
        other.join(0.2)
        stack.deployment = SimpleNamespace(directory=tmp_path, clock="system")
        assert seen == []
    other.join(5)
    assert seen == ["system"]


def test_refusals_of_an_earlier_command_do_not_stay(tmp_path: Path) -> None:
    """Whoever has put a file right would take what lies there for what is still wrong with it."""
    into = tmp_path / "refused.jsonl"
    with open_shelf(tmp_path / "shelf") as shelf:
        for read_by, refused in ((b"1", [Refused(3, "no-rate", "sum", "There is no rate.")]), (b"2", [])):
            id = shelf.begin("bank", b"content", read_by, "bank.csv", b"")
            shelf.put(id, [], refused)
            shelf.end(id, 5, 0, 0)
            assert write_refusals(shelf, shelf.files(), into) == len(refused)
            assert into.exists() == bool(refused)
