"""ARCHITECTURE.md is true of the tree: every file and folder that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_NAMED = re.compile(r"`([\w.<>*/-]+(?:\.(?:py|sql|md|toml|csv|yml)|/))`")


def named() -> list[str]:
    return sorted(set(_NAMED.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))))


def is_there(name: str) -> bool:
    """Below the root, or below a folder that a table or sentence is about. `<name>` and `*` stand for any."""
    pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
    return any(ROOT.glob(pattern)) or any(
        found for folder in ("services", "shared", "goodstanding", "tests") for found in (ROOT / folder).rglob(pattern)
    )


@pytest.mark.parametrize("name", named())
def test_what_the_page_names_is_there(name: str) -> None:
    assert is_there(name), f"ARCHITECTURE.md names {name}, which is not there."


def test_a_name_that_is_not_there_is_found() -> None:
    assert not is_there("core/no_such_file.py")
