"""`import` and `go-live` one after the other, whoever starts them at once."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from goodstanding.cli.loading import alone
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
