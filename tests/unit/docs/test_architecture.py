"""ARCHITECTURE.md and the pages at the doors of folders are true of the tree: what they name is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_AT_THE_DOOR = re.compile(r"^ {0,4}([a-z_]+/?(?:, [a-z_]+/?)*)  +\S", re.MULTILINE)
_NAMED = re.compile(r"`([\w.<>*/-]+(?:\.(?:py|sql|md|toml|csv|yml)|/))`")


def named() -> list[str]:
    return sorted(set(_NAMED.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))))


@cache
def below(*folders: str) -> list[str]:
    """The path of everything below these folders, from the root on. A walk for each name takes a second in all."""
    return [str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*")]


def is_there(name: str) -> bool:
    """Below the root, or below a folder that a table or sentence is about. `<name>` and `*` stand for any."""
    pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
    anywhere = "[^/]*".join(map(re.escape, pattern.split("*")))
    matches = re.compile(f"(?:.*/)?{anywhere}").fullmatch
    return any(ROOT.glob(pattern)) or any(map(matches, below("services", "shared", "goodstanding", "clients", "tests")))


def test_what_the_page_names_is_there() -> None:
    assert named()
    assert [name for name in named() if not is_there(name)] == [], "ARCHITECTURE.md names these, which are not there."


def test_a_name_that_is_not_there_is_found() -> None:
    assert not is_there("core/no_such_file.py")


_IN_BRACKETS = re.compile(r"`([\w/]+\.py)` \(((?:`[\w.]+`(?:, )?)+)\)")


def functions() -> list[tuple[str, str]]:
    """Each file with a name in brackets behind it; of `Topic.settings` the last part."""
    found = _IN_BRACKETS.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    return [(file, name) for file, names in found for name in re.findall(r"(\w+)`", names)]


def test_each_function_behind_a_file_is_in_it() -> None:
    assert functions()
    for file, name in functions():
        defined = re.compile(rf"^\s*(?:async )?(?:def|class) {name}\b|^{name}\b", re.MULTILINE)
        texts = [
            (ROOT / path).read_text(encoding="utf-8")
            for path in below("services", "shared", "goodstanding", "clients")
            if path.endswith(file) and path.rpartition("/")[2] == file.rpartition("/")[2]
        ]
        assert any(map(defined.search, texts)), f"ARCHITECTURE.md names `{name}` in {file}, which has none."


def doors() -> dict[str, str]:
    """By folder, the page of a package that says which file answers which question."""
    pages = {
        str(file.parent.relative_to(ROOT)): ast.get_docstring(ast.parse(file.read_bytes())) or ""
        for top in ("goodstanding", "services", "shared")
        for file in (ROOT / top).rglob("__init__.py")
    }
    return {folder: page for folder, page in pages.items() if "answers which question" in " ".join(page.split())}


@pytest.mark.parametrize(("folder", "page"), doors().items(), ids=doors())
def test_a_door_names_every_file_behind_it(folder: str, page: str) -> None:
    named = {name.strip("/") for names in _AT_THE_DOOR.findall(page) for name in names.split(", ")}
    there = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
    inner = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    assert there - named == set(), f"{folder}/__init__.py says of each file which question it answers; these are new."
    assert named <= there | inner
