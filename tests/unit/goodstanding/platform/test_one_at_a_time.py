"""A directory that several programs set up at once is set up by one of them."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from goodstanding.platform.one_at_a_time import one_at_a_time


def _others(directory: Path, seen: list[str]) -> threading.Thread:
    def wait() -> None:
        with one_at_a_time(directory):
            seen.append("another")

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_the_later_one_waits(tmp_path: Path) -> None:
    directory, seen = tmp_path / "not" / "there yet", list[str]()
    with one_at_a_time(directory):
        other = _others(directory, seen)
        other.join(0.2)
        seen.append("the first")
    other.join(5)
    assert seen == ["the first", "another"]


def test_a_directory_that_was_deleted_meanwhile_is_held_anew(tmp_path: Path) -> None:
    directory, seen = tmp_path / "home", list[str]()
    with one_at_a_time(directory):
        other = _others(directory, seen)
        other.join(0.2)
        shutil.rmtree(directory)
        with one_at_a_time(directory):
            other.join(0.2)
            assert seen == []
    other.join(5)
    assert seen == ["another"]


def test_whoever_has_to_wait_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    with one_at_a_time(tmp_path, lambda: said.append("free")):
        other = threading.Thread(target=_hold, args=(tmp_path, said), daemon=True)
        other.start()
        other.join(0.2)
        assert said == ["waits"]
    other.join(5)
    assert said == ["waits", "holds"]


def _hold(directory: Path, said: list[str]) -> None:
    with one_at_a_time(directory, lambda: said.append("waits")):
        said.append("holds")
